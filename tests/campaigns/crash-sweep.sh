#!/usr/bin/env bash
# crash-sweep.sh BUILD: let power go in the middle of every call that changes the disk, again while
# the store recovers, and kill processes; ROUNDS (100) says how much of it. Prints how many points
# were cut.
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
FLY_TEST_ROUNDS=${ROUNDS:-100} "$1/bin/test_txn_crash" 2>&1 | tee "$log" || status=$?
awk '/calls change the disk/ {
         for (i = 1; i < NF; i++) {
             if ($(i + 1) == "calls") calls += $i
             if ($(i + 1) ~ /^recoveries/) recoveries += $i
         }
     }
     /processes were killed/ { for (i = 1; i < NF; i++) if ($(i + 1) == "processes") killed += $i }
     END { printf "%d points cut, %d recoveries, %d processes killed\n", calls, recoveries, killed }
    ' "$log"
exit "$status"
