#!/usr/bin/env bash
# beside.sh SCALE FLYBENCH FSQL [CONNINFO]: the 22 queries on FlyDB, embedded and in memory, and on
# a PostgreSQL server on the same data, the best of REPEAT (3) runs each:
#
#     tpch q01 0.056 0.422 7.57        query, seconds of FlyDB, of PostgreSQL, how many times faster
#     tpch geomean - - 4.31
#
# The server's schema public is emptied. It must be able to read the folder of the data, TPCH_DIR.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scale=$1
flybench=$2
fsql=$3
conninfo=${4:-host=/tmp user=postgres dbname=postgres}
repeat=${REPEAT:-3}
if [ -n "${TPCH_DIR:-}" ]; then
    dir=$(mkdir -p "$TPCH_DIR" && cd "$TPCH_DIR" && pwd)
else
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
fi
chmod a+rx "$dir"
"$flybench" tpch --scale "$scale" --text 10 --dir "$dir" >/dev/null
chmod a+r "$dir"/*.tbl

{
    sed -n '/^CREATE/,/^);/p' "$here/schema.sql"
    for table in region nation supplier customer part partsupp orders lineitem; do
        echo "COPY $table FROM '$dir/$table.tbl' WITH (DELIMITER '|');"
    done
    echo "ANALYZE;"
    echo "\\timing on"
    for ((i = 0; i < repeat; i++)); do
        for query in "$here"/queries/q*.sql; do
            printf '\\echo %s\n' "$(basename "$query" .sql)"
            cat "$query"
            echo ";"
        done
    done
} >"$dir/beside.sql"

# "q01 MILLISECONDS" from the timings of a run, the least of each query.
least() {
    awk '/^q[0-9][0-9]$/ { query = $1 }
         /^Time:/ && query != "" { if (!(query in ms) || $2 < ms[query]) ms[query] = $2 }
         END { for (query in ms) print query, ms[query] }' | sort
}

"$fsql" -q :memory: -f "$dir/beside.sql" | least >"$dir/fly"
psql -Xq "$conninfo" -c "DROP SCHEMA public CASCADE" -c "CREATE SCHEMA public" 2>/dev/null
psql -Xq "$conninfo" -f "$dir/beside.sql" | least >"$dir/pg"
join "$dir/fly" "$dir/pg" | awk '
    { printf "tpch %s %.3f %.3f %.2f\n", $1, $2 / 1000, $3 / 1000, $3 / $2
      logs += log($3 / $2); fly += $2; pg += $3; n++ }
    END { if (n != 22) exit 1
          printf "tpch all %.3f %.3f %.2f\ntpch geomean - - %.2f\n",
                 fly / 1000, pg / 1000, pg / fly, exp(logs / n) }'
