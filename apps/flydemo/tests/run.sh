#!/usr/bin/env bash
# run.sh DIR FLYDEMO...: the demonstration on a small index, killed early, in the middle, and in a
# later round. It must find everything in its place each time, and refuse what it cannot do.
set -euo pipefail

work=$1/run
shift
rm -rf "$work"
mkdir -p "$work"

"$@" generate 1500 >"$work/index"
for after in 1 16 75; do
    "$@" run --batch 50 --after "$after" "$work/store-$after" "$work/index" >"$work/said"
    cat "$work/said"
    grep -q "^compare  all [0-9]* acknowledged transactions are there" "$work/said"
    grep -q "verified page by page: clean" "$work/said"
    grep -q "^    bash | 5.2 | " "$work/said"
    grep -q "^    libc6 | >= 2.36$" "$work/said"
    grep -q "^    1501$" "$work/said"
    grep -q "^    bash | none$" "$work/said"
done

# A store that has been loaded is not loaded again; what is not an index is refused.
echo "not an index" >"$work/rubbish"
if "$@" run "$work/store-1" "$work/index" || "$@" run "$work/new" "$work/rubbish" ||
    "$@" run "$work/new" "$work/nothing"; then
    echo "run.sh: flydemo accepted what it must refuse" >&2
    exit 1
fi
"$@" ask "$work/store-1" >/dev/null
rm -rf "$work"
