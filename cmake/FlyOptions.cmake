# What can be chosen, and the compiler's flags for it. Presets (CMakePresets.json) choose.

set(FLY_LIBS "" CACHE STRING "Libraries to build, with those below them; empty means all")
option(FLY_TESTS "Build the tests" ON)
option(FLY_TIDY "Check the code itself, and what is installed, as tests" ON)
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
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> # messages are cut to their buffers, knowingly
    -fno-omit-frame-pointer -fstack-protector-strong
    "-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=") # __FILE__ says libbase/src/mem.c, wherever we are
if(FLY_SLOW_ASSERTS)
    target_compile_definitions(fly_flags INTERFACE FLY_SLOW_ASSERTS=1)
endif()

# These two change inline functions of public headers, so whoever includes them must agree: they
# travel with the libraries, installed or not.
set(FLY_ABI_DEFINITIONS "")
if(FLY_POINTS)
    list(APPEND FLY_ABI_DEFINITIONS FLY_POINTS=1)
endif()
if(FLY_NO_OPTIMISTIC)
    list(APPEND FLY_ABI_DEFINITIONS FLY_NO_OPTIMISTIC=1)
endif()

# Instruments go into everything that is compiled here.
if(FLY_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
elseif(FLY_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
elseif(NOT FLY_SANITIZE STREQUAL "")
    message(FATAL_ERROR "FLY_SANITIZE is \"${FLY_SANITIZE}\": address or thread was expected")
endif()

# The sanitizers of gcc 12 and clang 14 expect the addresses of older kernels; where mappings are
# spread over more bits, tests run without address randomisation, if the machine lets them.
set(FLY_TEST_LAUNCHER "" CACHE STRING "Program, and its arguments, that runs the tests")
if(NOT FLY_SANITIZE STREQUAL "" AND EXISTS /proc/sys/vm/mmap_rnd_bits)
    file(READ /proc/sys/vm/mmap_rnd_bits bits)
    execute_process(COMMAND setarch -R true RESULT_VARIABLE refused OUTPUT_QUIET ERROR_QUIET)
    if(bits GREATER 28 AND refused EQUAL 0)
        set(FLY_TEST_LAUNCHER setarch -R)
    endif()
endif()

if(FLY_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(FLY_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
