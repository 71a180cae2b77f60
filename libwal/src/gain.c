/*
 * How many writes at a time.
 *
 * One write at a time gathers the most commits into each; several at a time keep the disk's queues
 * busy. Which gives more depends on the disk, on how many threads commit and on how long each takes
 * between commits. Nobody knows that beforehand, so it is measured, all the time, by what matters:
 * records that became durable per second.
 *
 *     window   window   …  window │ experiment │ window …
 *     best     best        best   │ best × 2   │ the better of the two
 *                                 │ or ÷ 2     │
 *
 * An experiment must be better by a twentieth, or noise would move us about. Where hardly anybody
 * waits for durability there is nothing to gain, and one at a time is kept.
 */
#include <fly/wal.h>

#include "wal_int.h"

enum {
    WINDOW_NS = 10 * 1000 * 1000,
    WINDOWS_BETWEEN = 16, /* so experiments that fail cost a few parts in a hundred */
    WRITES_MIN = 16       /* in a window: fewer tell nothing */
};

static void begin_window(fly_wal *wal, uint64_t now)
{
    wal->gain.began = now;
    wal->gain.records = wal->count_records;
    wal->gain.writes = wal->count_writes;
    wal->gain.waits = fly_load_u64(&wal->waits);
}

/* Up and down in turns. */
static uint32_t next_experiment(struct fly__wal_gain *gain)
{
    gain->upwards = gain->best == 1 || (gain->best < FLY_WAL_IN_FLIGHT_MAX && !gain->upwards);
    return gain->upwards ? gain->best * 2 : gain->best / 2;
}

void fly__wal_adapt(fly_wal *wal)
{
    struct fly__wal_gain *gain = &wal->gain;
    if (wal->in_flight_cap != 0) {
        return;
    }
    uint64_t now = fly_now();
    if (gain->began == 0 || now - gain->began < WINDOW_NS) {
        if (gain->began == 0) {
            gain->best = wal->in_flight_max;
            begin_window(wal, now);
        }
        return;
    }
    double rate = (double)(wal->count_records - gain->records) / (double)(now - gain->began);
    bool telling = wal->count_writes - gain->writes >= WRITES_MIN &&
                   fly_load_u64(&wal->waits) - gain->waits >= WRITES_MIN;
    if (!telling) {
        gain->best = 1;
        gain->trying = false;
        gain->windows = 0;
    } else if (gain->trying) {
        gain->best = rate > gain->best_rate * 1.05 ? wal->in_flight_max : gain->best;
        gain->trying = false;
        gain->windows = 0;
    } else {
        gain->best_rate = gain->windows == 0 ? rate : (3 * gain->best_rate + rate) / 4;
        gain->trying = ++gain->windows >= WINDOWS_BETWEEN;
    }
    wal->in_flight_max = gain->trying ? next_experiment(gain) : gain->best;
    begin_window(wal, now);
}
