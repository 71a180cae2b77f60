# What the layers need from outside: the packages column of docs/layers.txt. Each package is told in
# four ways: how CMake finds it, what it links, and how an installed layer says so to CMake and to
# pkg-config.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
if(FLY_TESTS)
    pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET GLOBAL check)
endif()

set(FLY_PACKAGE_pthread_TARGET Threads::Threads)
set(FLY_PACKAGE_pthread_FIND "find_dependency(Threads)")
set(FLY_PACKAGE_pthread_PC "")
set(FLY_PACKAGE_pthread_LIBS "-lpthread")

set(FLY_PACKAGE_OpenSSL::Crypto_TARGET OpenSSL::Crypto)
set(FLY_PACKAGE_OpenSSL::Crypto_FIND "find_dependency(OpenSSL 3)")
set(FLY_PACKAGE_OpenSSL::Crypto_PC "libcrypto")
set(FLY_PACKAGE_OpenSSL::Crypto_LIBS "")

set(FLY_PACKAGE_OpenSSL::SSL_TARGET OpenSSL::SSL)
set(FLY_PACKAGE_OpenSSL::SSL_FIND "find_dependency(OpenSSL 3)")
set(FLY_PACKAGE_OpenSSL::SSL_PC "libssl libcrypto")
set(FLY_PACKAGE_OpenSSL::SSL_LIBS "")

set(FLY_PACKAGE_zstd_TARGET PkgConfig::ZSTD)
set(FLY_PACKAGE_zstd_FIND "find_dependency(PkgConfig)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)")
set(FLY_PACKAGE_zstd_PC "libzstd")
set(FLY_PACKAGE_zstd_LIBS "")

set(FLY_PACKAGE_ICU_TARGET PkgConfig::ICU)
set(FLY_PACKAGE_ICU_FIND "find_dependency(PkgConfig)
pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-i18n icu-uc)")
set(FLY_PACKAGE_ICU_PC "icu-i18n icu-uc")
set(FLY_PACKAGE_ICU_LIBS "")

# The C library's mathematics: a library of its own on most systems, and always there.
set(FLY_PACKAGE_m_TARGET m)
set(FLY_PACKAGE_m_FIND "")
set(FLY_PACKAGE_m_PC "")
set(FLY_PACKAGE_m_LIBS "-lm")

function(fly_find_package package result)
    if(NOT DEFINED FLY_PACKAGE_${package}_TARGET)
        message(FATAL_ERROR "docs/layers.txt: package ${package} is not in cmake/FlyPackages.cmake")
    endif()
    if(package MATCHES "^OpenSSL::" AND NOT TARGET OpenSSL::Crypto)
        find_package(OpenSSL 3 QUIET)
    elseif(package STREQUAL "zstd" AND NOT TARGET PkgConfig::ZSTD)
        pkg_check_modules(ZSTD QUIET IMPORTED_TARGET GLOBAL libzstd)
    elseif(package STREQUAL "ICU" AND NOT TARGET PkgConfig::ICU)
        pkg_check_modules(ICU QUIET IMPORTED_TARGET GLOBAL icu-i18n icu-uc)
    endif()
    set(${result} OFF PARENT_SCOPE)
    if(TARGET ${FLY_PACKAGE_${package}_TARGET} OR package STREQUAL "m")
        set(${result} ON PARENT_SCOPE)
    endif()
endfunction()

function(fly_link_packages target)
    foreach(package IN LISTS ARGN)
        target_link_libraries(${target} PUBLIC ${FLY_PACKAGE_${package}_TARGET})
    endforeach()
endfunction()
