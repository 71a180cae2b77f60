#!/usr/bin/env bash
# clang_tidy.sh BUILD [--shallow] FILE...: clang-tidy, reading .clang-tidy, finds nothing.
#
# --shallow lets the analyser follow calls into short functions only, and give a function up sooner.
# That is a tenth of the time (1.3 s for 10.1 in libsql/src/parse/parse_expr.c), for a library so
# large that the whole depth would take most of an hour; all other checks are the same.
#
# One process for each file: in a process that reads several, version 14 forgets what va_list is and
# reports sound calls of vsnprintf. Slow assertions are on, so that their code is read too. Flags
# meant for gcc may name warnings that clang does not know.
set -euo pipefail

build=$1
shift
depth=()
if [ "$1" = --shallow ]; then
    depth=(--extra-arg=-Xclang --extra-arg=-analyzer-config
           --extra-arg=-Xclang --extra-arg=mode=shallow)
    shift
fi
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet "${depth[@]}" \
    --extra-arg=-DFLY_SLOW_ASSERTS=1 --extra-arg=-Wno-unknown-warning-option 2>&1 |
    { grep -v 'warnings\? generated\.$' || true; }
