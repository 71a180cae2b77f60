#!/usr/bin/env bash
# coverage.sh BUILD: what the tests reached in each library, in lines and in branches. BUILD is an
# instrumented build tree in which the tests have run.
#
# An assertion's branch to abort() is not counted: a test that took it would be a bug found.
set -euo pipefail

build=$1
options=(--quiet --rc lcov_branch_coverage=1 --rc lcov_excl_br_line=FLY_ASSERT)
all=$build/coverage.info

# Files that no test reached have left no counts, so everything is first noted as not reached.
{
    lcov "${options[@]}" --capture --no-external --base-directory . --directory "$build" \
        --initial --output-file "$build/coverage-none.info"
    lcov "${options[@]}" --capture --no-external --base-directory . --directory "$build" \
        --output-file "$build/coverage-some.info"
    lcov "${options[@]}" --add-tracefile "$build/coverage-none.info" \
        --add-tracefile "$build/coverage-some.info" --output-file "$all"
} 2>"$build/lcov.log" || { cat "$build/lcov.log" >&2; exit 1; }

# "lines......: 87.5% (7 of 8 lines)" becomes "87.5% of 8".
figure() {
    sed -n "s/^ *$1\.*: *\([0-9.]*%\) ([0-9]* of \([0-9]*\) .*/\1 of \2/p" <<<"$2"
}

printf '%-16s  %16s  %18s\n' library lines branches
for folder in lib*/ lib*/*/; do
    if [ ! -e "$folder/CMakeLists.txt" ]; then
        continue
    fi
    part=$build/coverage-$(tr / - <<<"${folder%/}").info
    lcov "${options[@]}" --extract "$all" "$PWD/${folder}src/*" "$PWD/${folder}include/*" \
        --output-file "$part" 2>/dev/null || true
    summary=$(lcov --rc lcov_branch_coverage=1 --summary "$part" 2>&1 || true)
    lines=$(figure lines "$summary")
    branches=$(figure branches "$summary")
    printf '%-16s  %16s  %18s\n' "${folder%/}" "${lines:-nothing reached}" "${branches:--}"
done
