/**
 * @file bufpool_policy.h
 * @brief Replacement policies: which page gives up its slot.
 *
 * A policy is a table of functions over a state of its own. The pool tells it what happens to slots
 * and asks it for victims. To try another policy, write one file with such a table and hand it to
 * fly_bufpool_create(); `bench_hit_rate` compares hit rates on the same traces.
 *
 * Time is counted in ticks. A policy that does not ask for every reference sees a page's first touch
 * in each tick only, and a tick lasts as long as it takes to miss a sixteenth of the pool: hot pages
 * then cost one comparison, and as long as nothing is missed, no time passes at all. That is LRU-K's
 * "correlated reference period", paid for by nobody.
 *
 * Threads: a policy that says it is concurrent is called by many threads at once; another only under
 * the pool's mutex.
 */
#ifndef FLY_BUFPOOL_POLICY_H
#define FLY_BUFPOOL_POLICY_H

#include <fly/bufpool.h>

/** @addtogroup bufpool
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A replacement policy. */
struct fly_bufpool_policy {
    const char *name;     /**< for messages and benchmarks */
    bool every_reference; /**< wants to see every touch, at the price of a slower pool */
    bool concurrent;      /**< may be called by many threads at once */
    bool thorough;        /**< finds a victim where there is one: need not be asked again */

    /** Bytes of state for a pool of so many slots. */
    size_t (*state_size)(uint32_t slots);
    /** Set up the state; it is zeroed and aligned to a cache line. */
    void (*init)(void *state, uint32_t slots, uint64_t seed);
    /** A page came into a slot. `last` is the tick of its last touch in an earlier life, or 0. */
    void (*loaded)(void *state, uint32_t slot, uint32_t page, uint32_t tick, uint32_t last);
    /** A page in a slot was touched. */
    void (*touched)(void *state, uint32_t slot, uint32_t page, uint32_t tick);
    /** A slot was emptied. */
    void (*evicted)(void *state, uint32_t slot, uint32_t page);
    /**
     * Name the slot whose page should go: one for which may(ctx, slot) is true when asked, which
     * it is for pages that are clean and not in use, or, when pages are to be written, for dirty
     * ones. UINT32_MAX: none was found; ask again, unless the policy is thorough.
     */
    uint32_t (*victim)(void *state, uint32_t tick, bool (*may)(void *ctx, uint32_t slot),
                       void *ctx);
};

/** LRU-K, K = 2, by comparing the second last touch of sixteen random slots. The default. */
extern const fly_bufpool_policy fly_bufpool_lru_k;
/** LRU-K, K = 2, exact: a heap over all slots, and every reference counts. */
extern const fly_bufpool_policy fly_bufpool_lru_k_exact;
/** Least recently used, exact: a list. */
extern const fly_bufpool_policy fly_bufpool_lru;
/** CLOCK: second chance, by one bit for each slot. */
extern const fly_bufpool_policy fly_bufpool_clock;
/** 2Q (Johnson and Shasha, VLDB 1994), full version: a queue, its ghosts, and an LRU list. */
extern const fly_bufpool_policy fly_bufpool_2q;

/** A policy by its name, or NULL. */
const fly_bufpool_policy *fly_bufpool_policy_named(const char *name);

FLY_EXTERN_C_END
/** @} */
#endif
