#!/usr/bin/env bash
# run.sh SCALE FLYBENCH FLYSLT...: load TPC-H's tables, ask its 22 queries, compare the answers.
#
# FLYSLT may bring options, so that the same runs on another engine:
#     run.sh 0.01 bin/flybench bin/flyslt
#     run.sh 0.01 bin/flybench bin/flyslt --driver postgres --conninfo 'host=/tmp user=me'
# The data, and the script that is made of the queries and the answers, go to $TPCH_DIR, or to a
# folder that is removed at the end. TPCH_QUERIES='q01 q06' asks some of the queries only.
# Answers are kept for SCALE 0.01 and 0.1; WRITE_ANSWERS=1 writes those that come.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scale=$1
flybench=$2
shift 2
answers=$here/answers/sf$scale
if [ ! -d "$answers" ] && [ -z "${WRITE_ANSWERS:-}" ]; then
    echo "run.sh: there are no answers for scale $scale" >&2
    exit 2
fi

if [ -n "${TPCH_DIR:-}" ]; then
    dir=$(mkdir -p "$TPCH_DIR" && cd "$TPCH_DIR" && pwd)
else
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
fi
chmod a+rx "$dir" # a server reads the files as another user

# 10 MiB of text for comments: TPC's 300 take two seconds and change no number.
"$flybench" tpch --scale "$scale" --text 10 --dir "$dir"

script=$dir/tpch.slt
{
    sed -n '/^CREATE/,/^);/{s/^CREATE/statement ok\nCREATE/;s/^);/)\n/;p}' "$here/schema.sql"
    for table in region nation supplier customer part partsupp orders lineitem; do
        rows=$(wc -l <"$dir/$table.tbl")
        printf "statement count %d\nCOPY %s FROM '%s' WITH (DELIMITER '|')\n\n" \
            "$rows" "$table" "$dir/$table.tbl"
    done
    printf 'statement ok\nANALYZE\n\n'
    for query in ${TPCH_QUERIES:-$(cd "$here/queries" && echo q*.sql | sed 's/\.sql//g')}; do
        printf '# %s\nquery\n' "$query"
        cat "$here/queries/$query.sql"
        if [ -z "${WRITE_ANSWERS:-}" ]; then
            echo ----
            cat "$answers/$query.tsv"
        fi
        echo
    done
} >"$script"

if [ -n "${WRITE_ANSWERS:-}" ]; then
    "$@" --complete "$script"
    mkdir -p "$answers"
    awk -v dir="$answers" '
        /^# q/ { file = dir "/" $2 ".tsv"; printf "" >file }
        /^$/ { results = 0 }
        results { print >file }
        /^----$/ { results = 1 }' "$script"
    exit
fi
"$@" "$script"
