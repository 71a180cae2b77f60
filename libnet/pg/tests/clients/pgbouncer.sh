#!/usr/bin/env bash
# pgbouncer.sh: pgbouncer in front of the server, through a socket of its own.
#
# It knows nobody's password, only the verifier that the server keeps, and logs in to both sides by
# SCRAM with what clients prove. Sessions are handed on with DISCARD ALL, and then transactions.
set -euo pipefail

pool=$TMP_DIR/pool
mkdir "$pool"
verifier=$(psql -XAtc "SELECT rolpassword FROM pg_authid WHERE rolname = current_user")
[[ $verifier == SCRAM-SHA-256* ]]
echo "\"$PGUSER\" \"$verifier\"" >"$pool/users"
server_port=$PGPORT
bouncer=
user=
if [ "$(id -u)" -eq 0 ]; then # it does not run as root
    user="user = nobody"
    chmod 755 "$TMP_DIR"
    chown -R nobody "$pool"
fi
end() {
    [ -z "$bouncer" ] || { kill -INT "$bouncer" 2>/dev/null && wait "$bouncer" || true; }
    bouncer=
}
trap end EXIT

# begin MODE: PGHOST and PGPORT are then the bouncer's.
begin() {
    end
    cat >"$pool/ini" <<END
[databases]
$PGDATABASE = host=127.0.0.1 port=$server_port dbname=$PGDATABASE
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $pool
auth_type = scram-sha-256
auth_file = $pool/users
pool_mode = $1
default_pool_size = 2
server_reset_query = DISCARD ALL
ignore_startup_parameters = extra_float_digits
$user
END
    /usr/sbin/pgbouncer -q "$pool/ini" >>"$pool/log" 2>&1 &
    bouncer=$!
    for _ in $(seq 300); do
        [ -S "$pool/.s.PGSQL.6432" ] && break
        kill -0 "$bouncer" || { cat "$pool/log"; exit 1; }
        sleep 0.1
    done
    export PGHOST=$pool PGPORT=6432
}

say() {
    echo "pgbouncer.sh: $*"
    cat "$pool/log"
    exit 1
}

begin session
PGPASSWORD=wrong psql -Xc "SELECT 1" >/dev/null 2>&1 && say "a wrong password is let in"
for name in one two three; do
    found=$(PGAPPNAME=$name PGTZ=Asia/Tokyo psql -XAt <<'END'
SHOW application_name;
SHOW timezone;
SET work_mem = '3MB';
CREATE TEMPORARY TABLE own (a int);
PREPARE p AS SELECT 1;
LISTEN c;
SELECT pg_advisory_lock(1);
SHOW work_mem;
END
    )
    want="$name"$'\nAsia/Tokyo\nSET\nCREATE TABLE\nPREPARE\nLISTEN\n\n3MB'
    [ "$found" = "$want" ] || say "a session gave $found"
done
[ "$(psql -XAtc "SHOW work_mem")" != 3MB ] || say "a setting was handed on"

begin transaction
pgbench -i -q -s 1 2>"$pool/pgbench" || { cat "$pool/pgbench"; exit 1; }
for mode in simple extended; do
    pgbench -n -M "$mode" -c 6 -j 2 -t 20 >"$pool/pgbench" 2>&1 || { cat "$pool/pgbench"; exit 1; }
    grep -q "processed: 120/120" "$pool/pgbench" || { cat "$pool/pgbench"; exit 1; }
done
[ "$(psql -XAtc "SELECT count(*), count(DISTINCT pid) <= 2 FROM pgbench_history,
    (SELECT pg_backend_pid() AS pid) b")" = "240|t" ] || say "transactions are missing"
psql -Xqc "DROP TABLE pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers"
