#!/usr/bin/env bash
# run.sh SERVER COMMAND...: start a server, run the command with PGHOST, PGPORT and their kin set,
# end the server. Fails if either does.
set -euo pipefail

server=$1
shift
dir=$(mktemp -d)
$server "$dir/port" &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 300); do
    [ -s "$dir/port" ] && break
    kill -0 "$pid" || { echo "the server did not start"; exit 1; }
    sleep 0.1
done
export PGHOST=127.0.0.1 PGUSER=admin PGDATABASE=default PGPASSWORD=admin PGCLIENTENCODING=UTF8
export TMP_DIR=$dir
PGPORT=$(cat "$dir/port")
export PGPORT

"$@"

kill "$pid"
wait "$pid"
trap - EXIT
rm -rf "$dir"
