/* What a pool is in memory. Private to libbufpool: pool.c (finding, loading, evicting) and flush.c
 * (writing) share it. */
#ifndef FLY_BUFPOOL_INT_H
#define FLY_BUFPOOL_INT_H

#include <fly/bufpool.h>
#include <fly/bufpool_policy.h>

/* Ranks of mutexes (docs/locking.md). */
enum { RANK_FLUSH = 300, RANK_POLICY = 310, RANK_FREE = 320 };

/* No slot; a slot without a page has FLY_PAGE_NONE. */
#define NO_SLOT UINT32_MAX

/* A page whose copy is on its way to disk. */
struct fly__pending {
    uint32_t page;
    uint32_t slot;
    uint64_t lsn;              /* that stood in the copy */
    fly_latch_version version; /* of the page when it was copied */
};

struct fly_bufpool {
    struct fly__bufpool_hot hot; /* first: the header's inline functions look here */

    fly_env *env;
    fly_pagefile *file;
    fly_flush_gate gate;
    fly_status (*check)(void *ctx, uint32_t page, const uint8_t *bytes, uint32_t usable,
                        fly_err *err);
    void *check_ctx;
    uint32_t slots;
    uint32_t page_size;
    fly_atomic_u32 watched; /* so many want uses of pages to be counted and told */

    fly_atomic_u32 *slot_page; /* by slot: its page, or FLY_PAGE_NONE */

    const fly_bufpool_policy *policy;
    void *policy_state;
    size_t policy_bytes;
    fly_mutex policy_mutex;   /* held around calls of a policy that is not concurrent */
    fly_atomic_u32 real_tick; /* hot.tick is a decoy while every reference must be seen */
    uint32_t tick_misses;     /* misses in a tick */

    fly_mutex free_mutex;
    uint32_t *free_slots;      /* a stack; free_mutex */
    fly_atomic_u32 free_count; /* its height; changed under free_mutex, read without */
    fly_atomic_u32 touched;    /* slots below this have been used; free_mutex to write */
    fly_atomic_u32 populated;  /* slots below this have memory; background thread to write */

    fly_mutex flush_mutex; /* held by whoever writes pages; guards the next three */
    fly_page_batch *batch;
    struct fly__pending *pending; /* batch_pages of them */
    uint64_t *chosen;             /* a bit by slot: picked for this batch */
    uint32_t batch_pages;

    fly_thread background;
    bool has_background;
    fly_atomic_u32 alarm; /* counts calls for clean slots; the background thread parks on it */
    fly_atomic_u32 stop;

    fly_atomic_u64 loads; /* pages that came in, for whatever reason: the policy's clock */
    fly_atomic_u64 fixes; /* while it was watched */
    fly_atomic_u64 misses;
    fly_atomic_u64 read_ahead;
    fly_atomic_u64 evictions;
    fly_atomic_u64 writes;
    fly_atomic_u64 batches;
    fly_atomic_u64 waits;
};

static inline size_t fly__bufpool_index(const fly_bufpool *pool, uint32_t page, uint32_t slot)
{
    return pool->hot.by_page ? page : slot;
}

static inline uint8_t *fly__bufpool_bytes(const fly_bufpool *pool, size_t index)
{
    return pool->hot.memory + (index << pool->hot.shift);
}

/* The slot a page is in, or NO_SLOT (0 - 1). */
static inline uint32_t fly__bufpool_slot(const fly_bufpool *pool, uint32_t page)
{
    return (uint32_t)fly_load_u64(&pool->hot.table[page]) - 1;
}

/* Ask the policy for the slot of a page that should go, among those for which may() is true. */
uint32_t fly__bufpool_victim(fly_bufpool *pool, bool (*may)(void *ctx, uint32_t slot), void *ctx);

/* Write dirty pages that the policy would let go next, so that they can be. FLY_E_AGAIN: somebody
 * else is writing; FLY_E_NOT_FOUND: there were none. Takes no latch but by trying. */
FLY_MUST_USE fly_status fly__bufpool_clean(fly_bufpool *pool, fly_err *err);

/* Empty slots until `wanted` are free, as far as clean pages can be found. */
void fly__bufpool_make_free(fly_bufpool *pool, uint32_t wanted);

#endif
