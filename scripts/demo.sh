#!/usr/bin/env bash
# demo.sh BUILD: install a build into BUILD/demo and let a program outside the tree say which layers
# it could link with.
set -euo pipefail

prefix=$1/demo
rm -rf "$prefix"
cmake --install "$1" --prefix "$prefix" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name fly-base.pc)")
export PKG_CONFIG_PATH

echo "The layers that exist, each installed, linked by pkg-config and run:"
for program in "$1"/tests/consumers/*/hello.c; do
    layer=$(basename "$(dirname "$program")")
    read -ra flags < <(pkg-config --static --cflags --libs "fly-$layer")
    cc -std=c17 "$program" "${flags[@]}" -o "$prefix/hello"
    echo "    $("$prefix/hello")"
done
echo "The store that stands on them is not written yet."
