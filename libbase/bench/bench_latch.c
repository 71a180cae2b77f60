/*
 * The latch when nobody is in the way, and optimistic reading while another thread writes. Does not
 * measure: many threads on many processors, where what counts is who writes the line of the latch.
 */
#include <fly/base_latch.h>

#include "bench.h"

static fly_latch latch;
static fly_atomic_u32 stop;

static void observe(void *ctx, uint64_t n)
{
    (void)ctx;
    uint64_t unchanged = 0;
    for (uint64_t i = 0; i < n; i++) {
        fly_latch_version version = fly_latch_observe(&latch);
        unchanged += fly_latch_unchanged(&latch, version);
    }
    bench_use(unchanged);
}

static void shared(void *ctx, uint64_t n)
{
    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        fly_latch_lock_shared(&latch);
        fly_latch_unlock_shared(&latch);
    }
}

static void exclusive(void *ctx, uint64_t n)
{
    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        fly_latch_lock_exclusive(&latch);
        fly_latch_unlock_exclusive(&latch);
    }
}

static void upgrade(void *ctx, uint64_t n)
{
    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        while (!fly_latch_upgrade(&latch, fly_latch_observe(&latch))) {
        }
        fly_latch_unlock_exclusive(&latch);
    }
}

/* A write every ten microseconds or so. */
static void write_now_and_then(void *arg)
{
    (void)arg;
    while (fly_load_u32(&stop) == 0) {
        fly_latch_lock_exclusive(&latch);
        fly_latch_unlock_exclusive(&latch);
        uint64_t until = fly_now() + 10000;
        while (fly_now() < until) {
            fly_pause();
        }
    }
}

int main(void)
{
    bench("latch_observe_unchanged", observe, NULL, 0);
    bench("latch_shared", shared, NULL, 0);
    bench("latch_exclusive", exclusive, NULL, 0);
    bench("latch_upgrade", upgrade, NULL, 0);

    fly_thread writer;
    if (fly_thread_start(fly_sched_os(), &writer, "writer", write_now_and_then, NULL, NULL) !=
        FLY_OK) {
        return 1;
    }
    bench("latch_observe_unchanged/beside_a_writer", observe, NULL, 0);
    fly_store_u32(&stop, 1);
    fly_thread_join(&writer);
    return 0;
}
