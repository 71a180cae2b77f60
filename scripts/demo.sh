#!/usr/bin/env bash
# demo.sh BUILD: put this machine's Debian package index into a store, kill its writer, look what is
# left. The store stays in BUILD/demo/store for whoever wants to look at it afterwards.
set -euo pipefail

build=$1
work=$build/demo
rm -rf "$work"
mkdir -p "$work"

# The index that apt has; before the first update there is none. Then what is installed; and where
# there is no Debian, made-up packages.
index=$work/index
if command -v apt-cache >/dev/null; then
    if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && [ "$(id -u)" -eq 0 ]; then
        echo "apt has no package lists yet: apt-get update"
        apt-get update -q || true
    fi
    apt-cache dumpavail >"$index" || true
fi
if ! grep -q '^Package:' "$index" 2>/dev/null; then
    if [ -r /var/lib/dpkg/status ]; then
        cp /var/lib/dpkg/status "$index"
    else
        "$build/bin/flydemo" generate 60000 >"$index"
    fi
fi

"$build/bin/flydemo" run "$work/store" "$index"
rm -f "$index"
echo "The store is in $work/store. Ask again, or look inside:"
echo "    $build/bin/flydemo ask $work/store"
echo "    $build/bin/flyinspect summary $work/store"
