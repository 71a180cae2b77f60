#!/usr/bin/env bash
# format.sh ROOT [--fix]: every C file is as clang-format, reading .clang-format, would write it.
set -euo pipefail

cd "$1"
how=(--dry-run -Werror)
if [ "${2:-}" = --fix ]; then
    how=(-i)
fi
find . \( -name build -o -name .git \) -prune -o -name '*.[ch]' -print0 |
    xargs -0 -r clang-format --style=file "${how[@]}"
