/**
 * @file base_latch.h
 * @brief The hybrid latch: optimistic, shared and exclusive in one 64-bit word.
 *
 *      63                                  12 11        2     1        0
 *     +--------------------------------------+-----------+--------+-----------+
 *     |               version                |  readers  | parked | exclusive |
 *     +--------------------------------------+-----------+--------+-----------+
 *
 * An optimistic reader writes nothing: it remembers the word, reads what the latch protects and
 * asks whether the version still stands. What it read before it asked may be torn, so it copies or
 * bounds every value before use. Every exclusive release makes a new version.
 *
 *     fly_latch_version version;
 *     do {
 *         version = fly_latch_observe(&latch);
 *         copy = thing;
 *     } while (!fly_latch_unchanged(&latch, version));
 *
 * Built with FLY_NO_OPTIMISTIC (the tsan preset; teaching; measuring what it gains), observing takes
 * the latch shared and asking gives it back: see fly_latch_observe().
 *
 * Threads: thread-safe. Not recursive. Waiters spin briefly, then park.
 * @source Böttcher, Leis, Giceva, Neumann: "Scalable and Robust Latches for Database Systems",
 *         DaMoN 2020; Leis, Scheibner, Kemper, Neumann: "The ART of Practical Synchronization",
 *         DaMoN 2016.
 */
#ifndef FLY_BASE_LATCH_H
#define FLY_BASE_LATCH_H

#include <fly/base_sched.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A latch; zero is a free one. */
typedef struct fly_latch {
    fly_atomic_u64 word;
} fly_latch;

/** @cond */
#define FLY__LATCH_EXCLUSIVE 1u
#define FLY__LATCH_PARKED 2u
#define FLY__LATCH_READER 4u
#define FLY__LATCH_READERS 0xffcu
#define FLY__LATCH_VERSION 0x1000u
#define FLY__LATCH_TRANSIENT (FLY__LATCH_READERS | FLY__LATCH_PARKED)
uint64_t fly__base_latch_observe_slow(fly_latch *latch);
bool fly__base_latch_observe_while(fly_latch *latch, bool (*still)(const void *ctx),
                                   const void *ctx, uint64_t *seen);
void fly__base_latch_shared_slow(fly_latch *latch);
void fly__base_latch_exclusive_slow(fly_latch *latch);
bool fly__base_latch_shared_while(fly_latch *latch, bool (*still)(const void *ctx),
                                  const void *ctx);
bool fly__base_latch_exclusive_while(fly_latch *latch, bool (*still)(const void *ctx),
                                     const void *ctx);
void fly__base_latch_wake(fly_latch *latch);
void fly__base_latch_step_back(void);
/** @endcond */

/** What an optimistic reader remembers. */
typedef uint64_t fly_latch_version;

/** @cond */
/* The word once a free latch is taken exclusive. Whoever left it free while threads were parked
 * wakes all of them, so nobody needs the bit any more: those who still have to wait set it again. */
static inline uint64_t fly__latch_taken(uint64_t seen)
{
    return (seen | FLY__LATCH_EXCLUSIVE) & ~(uint64_t)FLY__LATCH_PARKED;
}

/* The latch is ours exclusively. What we write from here on must not be seen before the word that
 * says so, or an optimistic reader could take new bytes for old ones: see fly_latch_still(). */
static inline void fly__latch_entered(fly_latch *latch)
{
    fly_fence_release();
    FLY_TAKEN(latch, "latch");
    (void)latch;
}
/** @endcond */

/** Take it shared. */
static inline void fly_latch_lock_shared(fly_latch *latch)
{
    FLY_POINT("latch shared", latch);
    uint64_t seen = fly_load_relaxed_u64(&latch->word);
    if (FLY_UNLIKELY((seen & (FLY__LATCH_EXCLUSIVE | FLY__LATCH_PARKED)) != 0 ||
                     (seen & FLY__LATCH_READERS) == FLY__LATCH_READERS ||
                     !fly_cas_u64(&latch->word, &seen, seen + FLY__LATCH_READER))) {
        fly__base_latch_shared_slow(latch);
    }
    FLY_TAKEN(latch, "latch");
}

/** Give back what was taken shared. */
static inline void fly_latch_unlock_shared(fly_latch *latch)
{
    FLY_GIVEN(latch);
    uint64_t before = fly_sub_u64(&latch->word, FLY__LATCH_READER);
    FLY_ASSERT((before & FLY__LATCH_READERS) != 0);
    if (FLY_UNLIKELY((before & FLY__LATCH_PARKED) != 0 &&
                     (before & FLY__LATCH_READERS) == FLY__LATCH_READER)) {
        fly__base_latch_wake(latch);
    }
    FLY_POINT("latch unshared", latch);
}

/** Take it exclusive. */
static inline void fly_latch_lock_exclusive(fly_latch *latch)
{
    FLY_POINT("latch exclusive", latch);
    uint64_t seen = fly_load_relaxed_u64(&latch->word);
    if (FLY_UNLIKELY((seen & (FLY__LATCH_EXCLUSIVE | FLY__LATCH_TRANSIENT)) != 0 ||
                     !fly_cas_u64(&latch->word, &seen, seen | FLY__LATCH_EXCLUSIVE))) {
        fly__base_latch_exclusive_slow(latch);
    }
    fly__latch_entered(latch);
}

/** As fly_latch_lock_shared(), but only as long as `still` is true, which is asked before each wait: for a
 *  latch that may come to protect something else. Whether it was taken. */
FLY_MUST_USE static inline bool fly_latch_lock_shared_while(fly_latch *latch,
                                                            bool (*still)(const void *ctx),
                                                            const void *ctx)
{
    FLY_POINT("latch shared", latch);
    if (!fly__base_latch_shared_while(latch, still, ctx)) {
        return false;
    }
    FLY_TAKEN(latch, "latch");
    return true;
}

/** As fly_latch_lock_exclusive(), likewise. */
FLY_MUST_USE static inline bool fly_latch_lock_exclusive_while(fly_latch *latch,
                                                               bool (*still)(const void *ctx),
                                                               const void *ctx)
{
    FLY_POINT("latch exclusive", latch);
    if (!fly__base_latch_exclusive_while(latch, still, ctx)) {
        return false;
    }
    fly__latch_entered(latch);
    return true;
}

/** Take it exclusive if nobody has it in any way. */
FLY_MUST_USE static inline bool fly_latch_try_exclusive(fly_latch *latch)
{
    FLY_POINT("latch try", latch);
    uint64_t seen = fly_load_relaxed_u64(&latch->word);
    if ((seen & (FLY__LATCH_EXCLUSIVE | FLY__LATCH_READERS)) != 0 ||
        !fly_cas_u64(&latch->word, &seen, fly__latch_taken(seen))) {
        return false;
    }
    fly__latch_entered(latch);
    return true;
}

/** Give back what was taken exclusive; what it protected has a new version. */
static inline void fly_latch_unlock_exclusive(fly_latch *latch)
{
    FLY_GIVEN(latch);
    uint64_t before = fly_add_u64(&latch->word, FLY__LATCH_VERSION - FLY__LATCH_EXCLUSIVE);
    FLY_ASSERT((before & FLY__LATCH_EXCLUSIVE) != 0);
    if (FLY_UNLIKELY((before & FLY__LATCH_PARKED) != 0)) {
        fly__base_latch_wake(latch);
    }
    FLY_POINT("latch release", latch);
}

/** Give back what was taken exclusive, having changed nothing: the version stays. */
static inline void fly_latch_unlock_unchanged(fly_latch *latch)
{
    FLY_GIVEN(latch);
    uint64_t before = fly_sub_u64(&latch->word, FLY__LATCH_EXCLUSIVE);
    FLY_ASSERT((before & FLY__LATCH_EXCLUSIVE) != 0);
    if (FLY_UNLIKELY((before & FLY__LATCH_PARKED) != 0)) {
        fly__base_latch_wake(latch);
    }
    FLY_POINT("latch release", latch);
}

/** Whether somebody has it exclusive: for assertions. */
static inline bool fly_latch_is_exclusive(const fly_latch *latch)
{
    return (fly_load_u64(&latch->word) & FLY__LATCH_EXCLUSIVE) != 0;
}

#ifndef FLY_NO_OPTIMISTIC

/**
 * @brief Begin an optimistic read: wait until nobody writes, and remember the version.
 *
 * Every observation ends with exactly one of fly_latch_unchanged(), fly_latch_forget() and
 * fly_latch_upgrade(). fly_latch_still() may ask in between as often as it likes.
 *
 * @cost One load when nobody writes.
 */
static inline fly_latch_version fly_latch_observe(fly_latch *latch)
{
    FLY_POINT("latch observe", latch);
    uint64_t seen = fly_load_u64(&latch->word);
    if (FLY_UNLIKELY((seen & FLY__LATCH_EXCLUSIVE) != 0)) {
        seen = fly__base_latch_observe_slow(latch);
    }
    return seen & ~(uint64_t)FLY__LATCH_TRANSIENT;
}

/** Begin an optimistic read without waiting: false if somebody writes. */
FLY_MUST_USE static inline bool fly_latch_try_observe(fly_latch *latch, fly_latch_version *version)
{
    FLY_POINT("latch observe", latch);
    uint64_t seen = fly_load_u64(&latch->word);
    *version = seen & ~(uint64_t)FLY__LATCH_TRANSIENT;
    return FLY_LIKELY((seen & FLY__LATCH_EXCLUSIVE) == 0);
}

/** As fly_latch_observe(), but only as long as `still` is true, which is asked before each wait. */
FLY_MUST_USE static inline bool fly_latch_observe_while(fly_latch *latch,
                                                        bool (*still)(const void *ctx),
                                                        const void *ctx, fly_latch_version *version)
{
    FLY_POINT("latch observe", latch);
    uint64_t seen = 0;
    bool begun = fly__base_latch_observe_while(latch, still, ctx, &seen);
    *version = seen & ~(uint64_t)FLY__LATCH_TRANSIENT;
    return begun;
}

/** Whether nothing has changed so far; the observation goes on. */
static inline bool fly_latch_still(const fly_latch *latch, fly_latch_version version)
{
    fly_fence_acquire();
    uint64_t seen = fly_load_relaxed_u64(&latch->word);
    return FLY_LIKELY((seen & ~(uint64_t)FLY__LATCH_TRANSIENT) == version);
}

/** End an observation: whether everything read since it began was unchanged. */
FLY_MUST_USE static inline bool fly_latch_unchanged(fly_latch *latch, fly_latch_version version)
{
    FLY_POINT("latch validate", latch);
    return fly_latch_still(latch, version);
}

/** End an observation whose outcome does not matter. */
static inline void fly_latch_forget(fly_latch *latch, fly_latch_version version)
{
    (void)latch;
    (void)version;
}

/** End an observation by taking the latch exclusive, if nothing has changed since. */
FLY_MUST_USE static inline bool fly_latch_upgrade(fly_latch *latch, fly_latch_version version)
{
    FLY_POINT("latch upgrade", latch);
    uint64_t seen = version; /* no readers and nobody parked, or we wait our turn */
    if (FLY_LIKELY(fly_cas_u64(&latch->word, &seen, version | FLY__LATCH_EXCLUSIVE))) {
        fly__latch_entered(latch);
        return true;
    }
    if ((seen & ~(uint64_t)FLY__LATCH_TRANSIENT) != version) {
        return false;
    }
    fly__base_latch_exclusive_slow(latch);
    fly__latch_entered(latch);
    if (FLY_LIKELY(((fly_load_u64(&latch->word) & ~(uint64_t)FLY__LATCH_TRANSIENT) ^
                    FLY__LATCH_EXCLUSIVE) == version)) {
        return true;
    }
    fly_latch_unlock_unchanged(latch);
    return false;
}

#else /* FLY_NO_OPTIMISTIC: the same calls, by shared latching */

static inline fly_latch_version fly_latch_observe(fly_latch *latch)
{
    fly_latch_lock_shared(latch);
    return fly_load_u64(&latch->word) & ~(uint64_t)FLY__LATCH_TRANSIENT;
}

/* Here it would be a wait, or a kind of its own of taking it shared. */
FLY_MUST_USE static inline bool fly_latch_try_observe(fly_latch *latch, fly_latch_version *version)
{
    (void)latch;
    *version = 0;
    return false;
}

FLY_MUST_USE static inline bool fly_latch_observe_while(fly_latch *latch,
                                                        bool (*still)(const void *ctx),
                                                        const void *ctx, fly_latch_version *version)
{
    if (!fly_latch_lock_shared_while(latch, still, ctx)) {
        return false;
    }
    *version = fly_load_u64(&latch->word) & ~(uint64_t)FLY__LATCH_TRANSIENT;
    return true;
}

static inline bool fly_latch_still(const fly_latch *latch, fly_latch_version version)
{
    (void)latch;
    (void)version;
    return true;
}

FLY_MUST_USE static inline bool fly_latch_unchanged(fly_latch *latch, fly_latch_version version)
{
    (void)version;
    fly_latch_unlock_shared(latch);
    return true;
}

static inline void fly_latch_forget(fly_latch *latch, fly_latch_version version)
{
    (void)version;
    fly_latch_unlock_shared(latch);
}

FLY_MUST_USE static inline bool fly_latch_upgrade(fly_latch *latch, fly_latch_version version)
{
    /* An observer that upgrades waits for no other observer, here neither: two that have each other's
     * latch shared would wait for ever. But it lets them go on, or would find them there again. */
    fly_latch_unlock_shared(latch);
    if (!fly_latch_try_exclusive(latch)) {
        fly__base_latch_step_back();
        return false;
    }
    if (((fly_load_u64(&latch->word) & ~(uint64_t)FLY__LATCH_TRANSIENT) ^ FLY__LATCH_EXCLUSIVE) ==
        version) {
        return true;
    }
    fly_latch_unlock_unchanged(latch);
    return false;
}

#endif

FLY_EXTERN_C_END
/** @} */
#endif
