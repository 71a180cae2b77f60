#!/usr/bin/env bash
# sysbench.sh: its scripts for transactions, a hundred events each: none may fail.
set -euo pipefail

run() {
    sysbench "$@" --db-driver=pgsql --pgsql-host="$PGHOST" --pgsql-port="$PGPORT" \
        --pgsql-user="$PGUSER" --pgsql-password="$PGPASSWORD" --pgsql-db="$PGDATABASE" \
        --tables=2 --table-size=200 >"$TMP_DIR/sysbench" 2>&1 ||
        { cat "$TMP_DIR/sysbench"; exit 1; }
}

run oltp_read_write prepare
for script in oltp_point_select oltp_read_only oltp_read_write; do
    for threads in 4 16; do
        run "$script" --threads="$threads" --events=96 --time=0 run
        # Deadlocks between random rows are ignored, and tried again.
        grep -E "transactions: +96 " "$TMP_DIR/sysbench" || { cat "$TMP_DIR/sysbench"; exit 1; }
    done
done
# The ids are integers, and come as bigint: they are looked up all the same.
psql -XAtc "EXPLAIN SELECT c FROM sbtest1 WHERE id = 5::bigint" | grep -i index
run oltp_read_write cleanup
