/*
 * LRU-K with K = 2, by sampling. The default.
 *
 * LRU-K evicts the page whose K-th last reference lies furthest back, so a page touched once by a
 * scan goes before one that is touched now and then (O'Neil et al., SIGMOD 1993). Keeping pages
 * ordered by that would cost a structure that every reference changes. Instead each slot has the
 * ticks of its last two references, and a victim is the worst of sixteen slots drawn at random:
 * on average it lies among the worst 6 % of the pool, which is what an approximate LRU does
 * in practice (Redis chooses from 5).
 *
 * References within one tick are correlated and count once; the pool does not even report them. A
 * page that comes back remembers when it was last touched in its former life, as the paper's
 * retained information does.
 */
#include <fly/bufpool_policy.h>

#include <fly/base_hash.h>

enum { SAMPLE = 16, DRAWS_MAX = 64 };

/* A slot's history: the second last tick in the high half, the last in the low one, so that the
 * order of numbers is the order of LRU-2 with ties broken by LRU. */
struct state {
    uint32_t slots;
    fly_atomic_u64 draws; /* how many random numbers were drawn: the next one is its hash */
    uint64_t seed;
    fly_atomic_u64 history[];
};

static size_t state_size(uint32_t slots)
{
    return sizeof(struct state) + slots * sizeof(fly_atomic_u64);
}

static void init(void *opaque, uint32_t slots, uint64_t seed)
{
    struct state *state = opaque;
    state->slots = slots;
    state->seed = seed;
}

static void loaded(void *opaque, uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    struct state *state = opaque;
    (void)page;
    fly_store_u64(&state->history[slot], (uint64_t)last << 32 | tick);
}

static void touched(void *opaque, uint32_t slot, uint32_t page, uint32_t tick)
{
    struct state *state = opaque;
    (void)page;
    uint64_t seen = fly_load_u64(&state->history[slot]);
    if ((uint32_t)seen != tick) {
        /* Of two threads that touch at once, one is enough. */
        (void)fly_cas_u64(&state->history[slot], &seen, seen << 32 | tick);
    }
}

static void evicted(void *opaque, uint32_t slot, uint32_t page)
{
    (void)opaque;
    (void)slot;
    (void)page;
}

static uint32_t victim(void *opaque, uint32_t tick, bool (*may)(void *ctx, uint32_t slot),
                       void *ctx)
{
    struct state *state = opaque;
    uint32_t worst = UINT32_MAX;
    uint64_t worst_history = UINT64_MAX;
    uint64_t draw = fly_add_u64(&state->draws, DRAWS_MAX);
    (void)tick;
    int seen = 0;
    for (int i = 0; i < DRAWS_MAX && seen < SAMPLE; i++) {
        uint64_t random = fly_hash_u64((draw + (uint64_t)i) ^ state->seed);
        uint32_t slot = (uint32_t)(((random >> 32) * state->slots) >> 32);
        if (!may(ctx, slot)) {
            continue;
        }
        seen++;
        uint64_t history = fly_load_u64(&state->history[slot]);
        if (history < worst_history) {
            worst_history = history;
            worst = slot;
        }
    }
    return worst;
}

const fly_bufpool_policy fly_bufpool_lru_k = {
    .name = "lru-k",
    .every_reference = false,
    .concurrent = true,
    .state_size = state_size,
    .init = init,
    .loaded = loaded,
    .touched = touched,
    .evicted = evicted,
    .victim = victim,
};
