# What can be chosen, and the compiler's flags for it. Presets (CMakePresets.json) choose.

set(FLY_LIBS "" CACHE STRING "Libraries to build, with those below them; empty means all")
option(FLY_TESTS "Build the tests" ON)
option(FLY_BENCH "Build the benchmarks of the layers" ON)
option(FLY_FUZZ "Build the fuzz targets (clang only)" OFF)
option(FLY_SLOW_ASSERTS "Assertions that walk structures, lock ranks" OFF)
option(FLY_POINTS "Marked points stop for a simulated scheduler" OFF)
option(FLY_NO_OPTIMISTIC "Optimistic reads take shared latches" OFF)
set(FLY_SANITIZE "" CACHE STRING "address, thread, or nothing")
option(FLY_COVERAGE "Instrument for gcov" OFF)

# The apps need every layer.
if(FLY_LIBS STREQUAL "")
    set(FLY_ALL_LAYERS ON)
else()
    set(FLY_ALL_LAYERS OFF)
endif()
option(FLY_APPS "Build the apps" ${FLY_ALL_LAYERS})

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# NDEBUG would switch off nothing of ours: FLY_ASSERT stays in every build.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

# Flags of our own code, not of what includes our headers.
add_library(fly_flags INTERFACE)
target_compile_options(fly_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
    -fno-omit-frame-pointer -fstack-protector-strong)
if(FLY_SLOW_ASSERTS)
    target_compile_definitions(fly_flags INTERFACE FLY_SLOW_ASSERTS=1)
endif()

# These two change inline functions of public headers, so whoever includes them must agree.
add_library(fly_abi INTERFACE)
if(FLY_POINTS)
    target_compile_definitions(fly_abi INTERFACE FLY_POINTS=1)
endif()
if(FLY_NO_OPTIMISTIC)
    target_compile_definitions(fly_abi INTERFACE FLY_NO_OPTIMISTIC=1)
endif()
if(FLY_SANITIZE STREQUAL "address")
    target_compile_options(fly_abi INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_link_options(fly_abi INTERFACE -fsanitize=address,undefined)
elseif(FLY_SANITIZE STREQUAL "thread")
    target_compile_options(fly_abi INTERFACE -fsanitize=thread)
    target_link_options(fly_abi INTERFACE -fsanitize=thread)
elseif(NOT FLY_SANITIZE STREQUAL "")
    message(FATAL_ERROR "FLY_SANITIZE is \"${FLY_SANITIZE}\": address or thread was expected")
endif()
if(FLY_COVERAGE)
    target_compile_options(fly_abi INTERFACE --coverage)
    target_link_options(fly_abi INTERFACE --coverage)
endif()
