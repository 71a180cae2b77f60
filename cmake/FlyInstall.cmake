# What is installed of each layer: headers, library, a pkg-config file, and a component of the CMake
# package Fly with the layer's own version.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(FlyPackages)

set(FLY_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/Fly")

function(fly_install_layer name version)
    install(TARGETS fly-${name} EXPORT fly-${name}-targets
            ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/include/fly"
            DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(EXPORT fly-${name}-targets NAMESPACE Fly:: DESTINATION "${FLY_PACKAGE_DIR}")

    # For CMake: what this layer needs, then the layer.
    set(needs "")
    foreach(package IN LISTS FLY_LAYER_${name}_PACKAGES)
        string(APPEND needs "${FLY_PACKAGE_${package}_FIND}\n")
    endforeach()
    foreach(below IN LISTS FLY_LAYER_${name}_DEPENDS)
        string(APPEND needs "include(\"\${CMAKE_CURRENT_LIST_DIR}/fly-${below}.cmake\")\n")
    endforeach()
    file(WRITE "${CMAKE_BINARY_DIR}/package/fly-${name}.cmake"
"# Layer ${name}, for FlyConfig.cmake.
set(Fly_${name}_VERSION \"${version}\")
set(Fly_${name}_FOUND TRUE)
if(TARGET Fly::${name})
    return()
endif()
${needs}include(\"\${CMAKE_CURRENT_LIST_DIR}/fly-${name}-targets.cmake\")
")
    install(FILES "${CMAKE_BINARY_DIR}/package/fly-${name}.cmake" DESTINATION "${FLY_PACKAGE_DIR}")

    # For pkg-config: the same. Its prefix is found from where the file lies, so that an installed
    # tree can be moved.
    set(requires "")
    set(libs "-L\${libdir} -lfly-${name}")
    set(cflags "-I\${includedir}")
    set(from_the_top "${FLY_LAYER_${name}_DEPENDS}") # the order in which a linker wants them
    list(REVERSE from_the_top)
    foreach(below IN LISTS from_the_top)
        string(APPEND requires " fly-${below}")
    endforeach()
    foreach(package IN LISTS FLY_LAYER_${name}_PACKAGES)
        string(APPEND requires " ${FLY_PACKAGE_${package}_PC}")
        string(APPEND libs " ${FLY_PACKAGE_${package}_LIBS}")
    endforeach()
    foreach(definition IN LISTS FLY_ABI_DEFINITIONS)
        string(APPEND cflags " -D${definition}")
    endforeach()
    string(STRIP "${requires}" requires)
    string(STRIP "${libs}" libs)
    file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig/" "/")
    string(REGEX REPLACE "/$" "" up "${up}")
    file(WRITE "${CMAKE_BINARY_DIR}/package/fly-${name}.pc"
"prefix=\${pcfiledir}/${up}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}

Name: fly-${name}
Description: FlyDB, layer ${name}
Version: ${version}
Requires: ${requires}
Cflags: ${cflags}
Libs: ${libs}
")
    install(FILES "${CMAKE_BINARY_DIR}/package/fly-${name}.pc"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

# What all layers share: the package's entrance, its version, the licence.
function(fly_install_package)
    configure_package_config_file("${CMAKE_SOURCE_DIR}/cmake/FlyConfig.cmake.in"
        "${CMAKE_BINARY_DIR}/package/FlyConfig.cmake"
        INSTALL_DESTINATION "${FLY_PACKAGE_DIR}"
        NO_SET_AND_CHECK_MACRO)
    write_basic_package_version_file("${CMAKE_BINARY_DIR}/package/FlyConfigVersion.cmake"
        COMPATIBILITY SameMinorVersion)
    install(FILES
        "${CMAKE_BINARY_DIR}/package/FlyConfig.cmake"
        "${CMAKE_BINARY_DIR}/package/FlyConfigVersion.cmake"
        DESTINATION "${FLY_PACKAGE_DIR}")
    install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/flydb")
endfunction()
