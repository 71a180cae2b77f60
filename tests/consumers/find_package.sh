#!/usr/bin/env bash
# find_package.sh PREFIX LAYER VERSION: build the project of the current directory, in C and in C++,
# against the installed layer as its CMake package says, and run it. A layer that is not there must
# not be found.
set -euo pipefail

rm -rf build
cmake -S . -B build -G Ninja -DCMAKE_PREFIX_PATH="$1" -DLAYER="$2" -DVERSION="$3" >/dev/null
cmake --build build
build/in_c
build/in_cxx

if cmake -S . -B build -DLAYER=no-such-layer >build/log 2>&1; then
    echo "find_package(Fly COMPONENTS no-such-layer) succeeded" >&2
    exit 1
fi
