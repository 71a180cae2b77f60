#!/usr/bin/env bash
# fuzz.sh BUILD: run every fuzz target for FUZZ_SECONDS (60), each from what it found before.
set -euo pipefail

found=0
for target in "$1"/bin/fuzz_*; do
    if [ -x "$target" ]; then
        found=$((found + 1))
        corpus=$1/corpus/$(basename "$target")
        mkdir -p "$corpus"
        echo "== $(basename "$target"), ${FUZZ_SECONDS:-60} s"
        "$target" -max_total_time="${FUZZ_SECONDS:-60}" -artifact_prefix="$corpus-" "$corpus"
    fi
done
echo "$found fuzz targets, no failures"
