#!/usr/bin/env bash
# install.sh BUILD WORK: install into WORK/prefix, in two steps, so that what was installed shows
# that it can be moved.
set -euo pipefail

rm -rf "$2/staging" "$2/prefix"
DESTDIR="$2/staging" cmake --install "$1" --prefix /usr >/dev/null
mv "$2/staging/usr" "$2/prefix"
if grep -rIl -e "$2" -e "$1" "$2/prefix"; then
    echo "these files know where they were built" >&2
    exit 1
fi
