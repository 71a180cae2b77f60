#!/usr/bin/env bash
# pgbench.sh: its initialisation and its built-in scripts in all three ways of asking; what it
# leaves must add up.
set -euo pipefail
pgbench -i -q -s 1 >"$TMP_DIR/out" 2>&1 || { cat "$TMP_DIR/out"; exit 1; }
for mode in simple extended prepared; do
    for script in tpcb-like simple-update select-only; do
        pgbench -n -b $script -M $mode -c 3 -j 2 -t 40 >"$TMP_DIR/out" 2>&1 ||
            { cat "$TMP_DIR/out"; exit 1; }
        grep -q "number of transactions actually processed: 120/120" "$TMP_DIR/out" ||
            { cat "$TMP_DIR/out"; exit 1; }
    done
done
psql -X -At -c "SELECT (SELECT sum(abalance) FROM pgbench_accounts) =
                       (SELECT sum(delta) FROM pgbench_history),
                       (SELECT sum(bbalance) FROM pgbench_branches) =
                       (SELECT sum(tbalance) FROM pgbench_tellers),
                       (SELECT count(*) FROM pgbench_history)" | tee "$TMP_DIR/out"
grep -qx "t|t|720" "$TMP_DIR/out"
