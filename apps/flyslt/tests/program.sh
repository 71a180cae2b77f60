#!/usr/bin/env bash
# program.sh DIR FLYSLT...: the program as a whole, on SQLite: processes, lists, exit codes.
set -euo pipefail
dir=$1/flyslt-test
shift
run=("$@" --driver sqlite)
rm -rf "$dir"
mkdir -p "$dir/sub"
cd "$dir"

expect() { # expect CODE LAST-LINE ARGUMENT...
    local code=0 want=$1 last=$2
    shift 2
    "${run[@]}" "$@" >out 2>&1 || code=$?
    if [ "$code" -ne "$want" ] || [ "$(tail -n 1 out)" != "$last" ]; then
        cat out
        echo "program.sh: flyslt $*: exit code $code and not $want, or the last line is not: $last"
        exit 1
    fi
}

printf 'statement ok\nCREATE TABLE t(a)\n\nquery I\nSELECT 1\n----\n1\n' >good.test
printf 'statement ok\nCREATE TABLE t(a)\n\nquery I\nSELECT 1\n----\n2\n' >sub/bad.slt
printf 'query I\nWITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) ' >slow.test
printf 'SELECT max(n) FROM r\n\nstatement ok\nSELECT 1\n' >>slow.test
echo 'no script' >sub/README

expect 0 '2 passed, 0 failed, 0 skipped' good.test
expect 1 '3 passed, 1 failed, 0 skipped' good.test sub
expect 1 '3 passed, 1 failed, 0 skipped' --jobs 0 good.test sub
expect 1 '3 passed, 1 failed, 0 skipped' --jobs 3 --list-failures failures good.test sub
[ "$(cat failures)" = sub/bad.slt:4 ]
expect 0 '3 passed, 0 failed, 1 skipped' --skip-list failures good.test sub
expect 0 '2 passed, 0 failed, 2 skipped' --skip-list <(echo sub) good.test sub
expect 1 '2 passed, 1 failed, 0 skipped' --timeout 1 --jobs 2 slow.test good.test
grep -q '^slow.test:1: not finished after 1 s' out
expect 2 'flyslt: find "nothing": No such file or directory' nothing
expect 2 'flyslt: --jobs wants a number, not "x"' --jobs x good.test
expect 0 '2 passed, 0 failed, 0 skipped' --complete sub/bad.slt
expect 0 '2 passed, 0 failed, 0 skipped' sub/bad.slt
