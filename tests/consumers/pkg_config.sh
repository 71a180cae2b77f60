#!/usr/bin/env bash
# pkg_config.sh PREFIX LAYER: build hello.c and hello.cpp, of the current directory, against the
# installed layer as pkg-config says, and run them.
set -euo pipefail

PKG_CONFIG_PATH=$(dirname "$(find "$1" -name "fly-$2.pc")")
export PKG_CONFIG_PATH
read -ra flags < <(pkg-config --static --cflags --libs "fly-$2")
cc -std=c17 -Wall -Wextra -Wpedantic -Werror hello.c "${flags[@]}" -o hello-pc
c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror hello.cpp "${flags[@]}" -o hello-pcxx
./hello-pc
./hello-pcxx
