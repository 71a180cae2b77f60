/*
 * CLOCK, or second chance: the slots stand in a circle, each with a bit that says "used".
 *
 *            used                     A hand goes round. Where it finds the bit set, it clears
 *         0 ──── 1                    it and goes on: the page has one round to be used again.
 *        /        \                   Where it finds it clear, the page goes.
 *       5 <─ hand  2 used
 *        \        /
 *         4 ──── 3
 *
 * An approximation of LRU whose every step is one store: no lock, no list. It shares LRU's
 * weakness for scans. Slots that may not go are passed over and keep their bit, since the hand is
 * asked for pages to write as well as for pages to evict. The pool reports a page's first use in a
 * tick only, so a page used again in the tick in which the hand passed may go unnoticed; a tick is a
 * sixteenth of a round where everything is missed.
 *
 * Source: Corbató, "A Paging Experiment with the Multics System", 1968.
 */
#include <fly/bufpool_policy.h>

struct state {
    uint32_t slots;
    fly_atomic_u64 hand; /* how many slots it has passed */
    fly_atomic_u32 used[];
};

static size_t state_size(uint32_t slots)
{
    return sizeof(struct state) + slots * sizeof(fly_atomic_u32);
}

static void init(void *opaque, uint32_t slots, uint64_t seed)
{
    struct state *state = opaque;
    (void)seed;
    state->slots = slots;
}

static void loaded(void *opaque, uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    struct state *state = opaque;
    (void)page;
    (void)tick;
    (void)last;
    fly_store_relaxed_u32(&state->used[slot], 1);
}

static void touched(void *opaque, uint32_t slot, uint32_t page, uint32_t tick)
{
    struct state *state = opaque;
    (void)page;
    (void)tick;
    if (fly_load_relaxed_u32(&state->used[slot]) == 0) { /* a look is cheaper than a write */
        fly_store_relaxed_u32(&state->used[slot], 1);
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
    (void)tick;
    /* Two rounds: the first may have to clear every bit. */
    for (uint64_t i = 0; i < 2 * (uint64_t)state->slots; i++) {
        uint32_t slot = (uint32_t)(fly_add_u64(&state->hand, 1) % state->slots);
        if (!may(ctx, slot)) {
            continue;
        }
        if (fly_load_relaxed_u32(&state->used[slot]) == 0) {
            return slot;
        }
        fly_store_relaxed_u32(&state->used[slot], 0);
    }
    return UINT32_MAX;
}

const fly_bufpool_policy fly_bufpool_clock = {
    .name = "clock",
    .every_reference = false,
    .concurrent = true,
    .thorough = true,
    .state_size = state_size,
    .init = init,
    .loaded = loaded,
    .touched = touched,
    .evicted = evicted,
    .victim = victim,
};
