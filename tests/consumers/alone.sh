#!/usr/bin/env bash
# alone.sh SOURCE BUILD LAYER BELOW...: -DFLY_LIBS=LAYER configures and builds that library and
# those below it, with their tests and benches, and nothing else. Unoptimised, to be quick.
set -euo pipefail

source=$1 build=$2 layer=$3
shift 2
rm -rf "$build"
cmake -S "$source" -B "$build" -G Ninja -DFLY_LIBS="$layer" \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O0 >/dev/null
cmake --build "$build" -j 2 >"$build/log" || { cat "$build/log"; exit 1; }

expected=$(printf 'libfly-%s.a\n' "$@" base-testing | sort -u)
if [ ! -d "$source/libbase/testing" ]; then
    expected=$(grep -v base-testing <<<"$expected")
fi
diff <(echo "$expected") <(find "$build/lib" -name '*.a' -printf '%f\n' | sort)
