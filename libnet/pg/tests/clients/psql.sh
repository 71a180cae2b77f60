#!/usr/bin/env bash
# psql.sh: what psql shows of a conversation, line by line; Ctrl-C; large results; COPY both ways.
set -euo pipefail
cd "$(dirname "$0")"
run() { psql -X -q -v VERBOSITY=default "$@"; }

run -f psql.sql >"$TMP_DIR/out" 2>&1
diff -u psql.out "$TMP_DIR/out"

# Rows that no buffer holds at once.
[ "$(run -At -c "SELECT repeat('x', 1000) FROM generate_series(1, 50000)" | wc -c)" = 50050000 ]

# COPY, out of one table and into another.
run -c "CREATE TABLE source AS SELECT n, 'text ' || n AS t FROM generate_series(1, 20000) n" \
    -c "CREATE TABLE target (n int, t text)"
run -c "COPY source TO STDOUT" | run -c "COPY target FROM STDIN"
run -c "COPY (SELECT * FROM source) TO STDOUT (FORMAT csv, HEADER)" |
    run -c "COPY target FROM STDIN (FORMAT csv, HEADER)"
[ "$(run -At -c "SELECT count(*), count(DISTINCT t) FROM target")" = "40000|20000" ]
run -c "\\copy source to '$TMP_DIR/copy'" -c "\\copy target from '$TMP_DIR/copy'"
[ "$(run -At -c "SELECT count(*) FROM target")" = 60000 ]

run -c "\\copy source to '$TMP_DIR/copy' (format binary)" -c "CREATE TABLE third (LIKE source)" \
    -c "\\copy third from '$TMP_DIR/copy' (format binary)"
[ "$(run -At -c "SELECT count(*) FROM (TABLE source EXCEPT ALL TABLE third) x")" = 0 ]
[ "$(run -At -c "SELECT count(*) FROM third")" = 20000 ]

# Ctrl-C: the statement ends, psql says so.
timeout -s INT 1 psql -X -q -c "SELECT count(*) FROM generate_series(1, 100000000000)" \
    >"$TMP_DIR/out" 2>&1 || true
grep -q "canceling statement due to user request" "$TMP_DIR/out"

# A client that is gone takes its statement with it.
psql -X -q -c "SELECT count(*) FROM generate_series(1, 100000000000)" >/dev/null 2>&1 &
client=$!
sleep 0.3
kill -9 "$client"
wait "$client" 2>/dev/null || true

# A password that is wrong, a database and a user that are not there.
if PGPASSWORD=wrong run -c "SELECT 1" 2>"$TMP_DIR/out"; then exit 1; fi
grep -q 'password authentication failed for user "admin"' "$TMP_DIR/out"
if PGUSER=nobody run -c "SELECT 1" 2>"$TMP_DIR/out"; then exit 1; fi
grep -q 'password authentication failed for user "nobody"' "$TMP_DIR/out"
if run -d nowhere -c "SELECT 1" 2>"$TMP_DIR/out"; then exit 1; fi
grep -q 'database "nowhere" does not exist' "$TMP_DIR/out"
if PGOPTIONS="-c nothing=1" run -c "SELECT 1" 2>"$TMP_DIR/out"; then exit 1; fi
grep -q 'unrecognized configuration parameter "nothing"' "$TMP_DIR/out"
[ "$(PGOPTIONS='-c TimeZone=Asia/Tokyo' run -At -c "SHOW timezone")" = Asia/Tokyo ]

# What psql asks the catalog.
run -f describe.sql >"$TMP_DIR/out" 2>&1
if grep -B 3 -A 3 ERROR "$TMP_DIR/out"; then exit 1; fi
grep -q "c_pid_fkey.*FOREIGN KEY (pid) REFERENCES p(id) ON DELETE CASCADE" "$TMP_DIR/out"
