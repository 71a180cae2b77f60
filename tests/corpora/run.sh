#!/usr/bin/env bash
# run.sh: load a database that others made, ask it questions.
#
#     run.sh chinook CORPORA FLYSLT...
#     run.sh sakila CORPORA FLYSLT...
#
# CORPORA is the folder of test data beside the checkout; without it nothing is run. FLYSLT may
# bring options. NAME.slt has the questions, to be asked once the tables are there; COMPLETE=1
# writes the answers that come into it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=$1
corpora=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod a+rx "$dir" # a server reads the files as another user
script=$dir/$name.slt

chinook() {
    # A record for each statement; what begins with DROP DATABASE, CREATE DATABASE, \c is for psql.
    sed -e 's/\r$//' "$corpora/chinook/Chinook_PostgreSql.sql" | awk '
        /^\/\*/ { comment = 1 }
        comment { if (/\*\//) comment = 0; next }
        /^(DROP|CREATE) DATABASE/ || /^\\c/ || /^[ \t]*$/ { next }
        !open { print "statement ok"; open = 1 }
        { line = $0; if (sub(/;[ \t]*$/, "", line)) { print line "\n"; open = 0 } else print line }'
}

sakila() {
    zstd -dcq "$corpora/sakila.tar.zst" | tar x -C "$dir"
    while read -r line; do
        printf 'statement ok\n%s\n\n' "$line"
    done <"$here/sakila.sql"
    while read -r table; do
        printf "statement ok\nCOPY %s FROM '%s' WITH (FORMAT csv, DELIMITER '|', HEADER)\n\n" \
            "$table" "$dir/sakila/$table.csv"
    done < <(sed 's/^CREATE TABLE \([a-z_]*\).*/\1/' "$here/sakila.sql")
}

if [ ! -d "$corpora" ]; then
    echo "run.sh: $corpora is not there: nothing was run"
    exit
fi
"$name" >"$script"
cat "$here/$name.slt" >>"$script"
if [ -z "${COMPLETE:-}" ]; then
    "$@" "$script"
    exit
fi
"$@" --complete "$script"
sed -n '/^# Questions/,$p' "$script" >"$here/$name.slt"
