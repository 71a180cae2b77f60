/*
 * Least recently used, exact: a list of the slots, the last used in front.
 *
 * What everything else is measured against, and the simplest policy that works. A scan that is
 * larger than the pool drives everything out of it, and a loop a little larger than the pool finds
 * nothing ever. Every use of a page takes the pool's mutex and writes to three cache lines, which is
 * why nobody who has many processors does it like this.
 *
 * Source: folklore.
 */
#include <fly/bufpool_policy.h>

#include "policy_list_int.h"

struct state {
    uint32_t head; /* of the list: the number behind the last slot */
    struct fly__bufpool_link links[];
};

static size_t state_size(uint32_t slots)
{
    return sizeof(struct state) + ((size_t)slots + 1) * sizeof(struct fly__bufpool_link);
}

static void init(void *opaque, uint32_t slots, uint64_t seed)
{
    struct state *state = opaque;
    (void)seed;
    state->head = slots;
    for (uint32_t i = 0; i <= slots; i++) {
        fly__bufpool_link_init(state->links, i);
    }
}

static void loaded(void *opaque, uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    struct state *state = opaque;
    (void)page;
    (void)tick;
    (void)last;
    fly__bufpool_link_push(state->links, state->head, slot);
}

static void touched(void *opaque, uint32_t slot, uint32_t page, uint32_t tick)
{
    struct state *state = opaque;
    (void)page;
    (void)tick;
    fly__bufpool_link_remove(state->links, slot);
    fly__bufpool_link_push(state->links, state->head, slot);
}

static void evicted(void *opaque, uint32_t slot, uint32_t page)
{
    struct state *state = opaque;
    (void)page;
    fly__bufpool_link_remove(state->links, slot);
}

static uint32_t victim(void *opaque, uint32_t tick, bool (*may)(void *ctx, uint32_t slot),
                       void *ctx)
{
    const struct state *state = opaque;
    (void)tick;
    return fly__bufpool_link_oldest(state->links, state->head, may, ctx);
}

const fly_bufpool_policy fly_bufpool_lru = {
    .name = "lru",
    .every_reference = true,
    .concurrent = false,
    .thorough = true,
    .state_size = state_size,
    .init = init,
    .loaded = loaded,
    .touched = touched,
    .evicted = evicted,
    .victim = victim,
};
