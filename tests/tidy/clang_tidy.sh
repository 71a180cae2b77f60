#!/usr/bin/env bash
# clang_tidy.sh BUILD FILE...: clang-tidy, reading .clang-tidy, finds nothing.
#
# One process for each file: in a process that reads several, version 14 forgets what va_list is and
# reports sound calls of vsnprintf. Slow assertions are on, so that their code is read too. Flags
# meant for gcc may name warnings that clang does not know.
set -euo pipefail

build=$1
shift
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet \
    --extra-arg=-DFLY_SLOW_ASSERTS=1 --extra-arg=-Wno-unknown-warning-option 2>&1 |
    { grep -v 'warnings\? generated\.$' || true; }
