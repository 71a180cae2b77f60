/*
 * The slow paths of the hybrid latch: somebody else has it.
 *
 * Waiters spin for about as long as a page latch is held, then set the PARKED bit and sleep on the
 * low half of the word, where everything but the higher version bits lives. Whoever leaves a latch
 * free with that bit set wakes everybody: latches that are contended for long are rare, and a queue
 * would cost every holder.
 *
 *     L1  A thread sleeps only while the word has PARKED and somebody holds the latch: park() looks
 *         at the word once more, and a change of either makes it return.
 *     L2  A release is one atomic step; after it only the latch's address is used. So whoever has
 *         it next may free what it lies in.
 *     L3  The bit outlives the release and goes with the next acquisition. In between it is a
 *         promise that a wake-up of everybody is on its way.
 */
#include <fly/base_latch.h>

#include "sched_int.h"

static const fly_atomic_u32 *low_half(const fly_latch *latch)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (const fly_atomic_u32 *)(const void *)&latch->word;
#else
    return (const fly_atomic_u32 *)(const void *)&latch->word + 1;
#endif
}

/* Sleep until the word, last seen as `seen`, has changed. */
static void wait_for_change(fly_latch *latch, uint64_t seen, int *spins)
{
    if (++*spins < FLY__SPINS && fly_sched_current() == fly_sched_os()) {
        fly_pause();
        return;
    }
    if ((seen & FLY__LATCH_PARKED) != 0 ||
        fly_cas_u64(&latch->word, &seen, seen | FLY__LATCH_PARKED)) {
        (void)fly_park(low_half(latch), (uint32_t)(seen | FLY__LATCH_PARKED), FLY_FOREVER, "latch");
    }
}

void fly__base_latch_wake(fly_latch *latch)
{
    fly_unpark(low_half(latch), UINT32_MAX);
}

static bool always(const void *ctx)
{
    (void)ctx;
    return true;
}

bool fly__base_latch_observe_while(fly_latch *latch, bool (*still)(const void *ctx),
                                   const void *ctx, uint64_t *seen)
{
    int spins = 0;
    for (;;) {
        *seen = fly_load_u64(&latch->word);
        if ((*seen & FLY__LATCH_EXCLUSIVE) == 0) {
            return true;
        }
        if (!still(ctx)) {
            return false;
        }
        wait_for_change(latch, *seen, &spins);
    }
}

uint64_t fly__base_latch_observe_slow(fly_latch *latch)
{
    uint64_t seen = 0;
    (void)fly__base_latch_observe_while(latch, always, NULL, &seen);
    return seen;
}

bool fly__base_latch_shared_while(fly_latch *latch, bool (*still)(const void *ctx), const void *ctx)
{
    int spins = 0;
    for (;;) {
        uint64_t seen = fly_load_u64(&latch->word);
        bool full = (seen & FLY__LATCH_READERS) == FLY__LATCH_READERS;
        /* A parked writer goes before new readers, or readers could keep it out for ever: but only
         * while something it waits for is still there. */
        bool writer_waits = (seen & FLY__LATCH_PARKED) != 0 && (seen & FLY__LATCH_READERS) != 0;
        if ((seen & FLY__LATCH_EXCLUSIVE) == 0 && !full && !writer_waits) {
            uint64_t taken = (seen + FLY__LATCH_READER) & ~(uint64_t)FLY__LATCH_PARKED;
            if (fly_cas_u64(&latch->word, &seen, taken)) {
                return true;
            }
            continue;
        }
        if (!still(ctx)) {
            return false;
        }
        wait_for_change(latch, seen, &spins);
    }
}

bool fly__base_latch_exclusive_while(fly_latch *latch, bool (*still)(const void *ctx),
                                     const void *ctx)
{
    int spins = 0;
    for (;;) {
        uint64_t seen = fly_load_u64(&latch->word);
        if ((seen & (FLY__LATCH_EXCLUSIVE | FLY__LATCH_READERS)) == 0) {
            if (fly_cas_u64(&latch->word, &seen, fly__latch_taken(seen))) {
                return true;
            }
            continue;
        }
        if (!still(ctx)) {
            return false;
        }
        wait_for_change(latch, seen, &spins);
    }
}

void fly__base_latch_shared_slow(fly_latch *latch)
{
    (void)fly__base_latch_shared_while(latch, always, NULL);
}

void fly__base_latch_exclusive_slow(fly_latch *latch)
{
    (void)fly__base_latch_exclusive_while(latch, always, NULL);
}

void fly__base_latch_step_back(void)
{
    fly_yield();
}
