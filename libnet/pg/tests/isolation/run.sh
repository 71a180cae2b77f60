#!/usr/bin/env bash
# run.sh DIRECTORY: PostgreSQL's isolationtester with the specifications there, against PGHOST
# and PGPORT.
#
# Each NAME.spec says what several sessions do in which order; NAME.out is what PostgreSQL 15 makes
# of it, and what we must make of it too.
set -euo pipefail

tester=$(ls /usr/lib/postgresql/*/lib/pgxs/src/test/isolation/isolationtester | tail -1)
failed=0
for spec in "$1"/*.spec; do
    name=$(basename "$spec" .spec)
    "$tester" "dbname=$PGDATABASE" <"$spec" >"$TMP_DIR/$name.out" 2>&1 || true
    if diff -u "$1/$name.out" "$TMP_DIR/$name.out"; then
        echo "ok $name"
    else
        failed=1
    fi
done
exit $failed
