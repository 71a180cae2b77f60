/*
 * 2Q, full version: a page has to come back before it is believed to be hot.
 *
 *     first load ──> IN, a queue ──evicted──> OUT, numbers only ──forgotten──>
 *                    a quarter of             of as many pages as
 *                    the slots                half of the slots
 *                                               │ loaded again
 *                                               v
 *                                             MAIN, by last use ──evicted──>
 *
 * A scan passes through IN and leaves MAIN alone. Uses of a page in IN change nothing: those that
 * follow soon upon the first are the same event (correlated references). The paper's sizes, which it
 * calls Kin and Kout, are the defaults it recommends.
 *
 *     Q1  a slot is in no list while it is empty, and otherwise in IN or in MAIN
 *     Q2  a page that is in the pool is not in OUT
 *
 * Differences from the paper: the pool says which pages cannot go, and those are passed over, if need
 * be into the other queue; a page that was dropped is remembered in OUT like one that was evicted.
 *
 * Source: Johnson, Shasha, "2Q: A Low Overhead High Performance Buffer Management Replacement
 * Algorithm", VLDB 1994, section 4.
 */
#include <fly/bufpool_policy.h>

#include <fly/base_hash.h>

#include "policy_list_int.h"

enum { IN_SHARE = 4, OUT_SHARE = 2 }; /* of the slots */

#define NOBODY UINT32_MAX

/* A page that was here: the number `slots + i` in the lists. */
struct ghost {
    uint32_t page;
    uint32_t next; /* in its bucket */
};

/* Numbers of lists: slots, ghosts, then the heads. */
struct state {
    uint32_t slots;
    uint32_t ghosts;
    uint32_t in, main, out, spare; /* heads; spare has ghosts of nobody */
    uint32_t in_count;             /* length of IN */
    uint32_t bucket_mask;
    struct fly__bufpool_link *links;
    struct ghost *ghost;
    uint32_t *bucket; /* first ghost of it, or NOBODY */
    bool *is_main;    /* by slot: in MAIN, not in IN */
};

static uint32_t ghosts_for(uint32_t slots)
{
    return slots / OUT_SHARE > 0 ? slots / OUT_SHARE : 1;
}

static uint32_t buckets_for(uint32_t slots)
{
    uint32_t buckets = 1;
    while (buckets < ghosts_for(slots)) {
        buckets *= 2;
    }
    return buckets;
}

static size_t link_count(uint32_t slots)
{
    return (size_t)slots + ghosts_for(slots) + 4;
}

static size_t state_size(uint32_t slots)
{
    return sizeof(struct state) + link_count(slots) * sizeof(struct fly__bufpool_link) +
           ghosts_for(slots) * sizeof(struct ghost) + buckets_for(slots) * sizeof(uint32_t) +
           slots * sizeof(bool);
}

static void init(void *opaque, uint32_t slots, uint64_t seed)
{
    struct state *state = opaque;
    (void)seed;
    state->slots = slots;
    state->ghosts = ghosts_for(slots);
    state->in = slots + state->ghosts;
    state->main = state->in + 1;
    state->out = state->in + 2;
    state->spare = state->in + 3;
    state->bucket_mask = buckets_for(slots) - 1;
    state->links = (void *)(state + 1);
    state->ghost = (void *)(state->links + link_count(slots));
    state->bucket = (void *)(state->ghost + state->ghosts);
    state->is_main = (void *)(state->bucket + state->bucket_mask + 1);
    for (uint32_t i = 0; i < link_count(slots); i++) {
        fly__bufpool_link_init(state->links, i);
    }
    for (uint32_t i = 0; i <= state->bucket_mask; i++) {
        state->bucket[i] = NOBODY;
    }
    for (uint32_t i = 0; i < state->ghosts; i++) {
        fly__bufpool_link_push(state->links, state->spare, slots + i);
    }
}

/* ----------------------------------------------------------------------- pages that were here */

static uint32_t *bucket_of(const struct state *state, uint32_t page)
{
    return &state->bucket[fly_hash_u64(page) & state->bucket_mask];
}

/* Take the ghost of a page out of its bucket and out of OUT; false if there is none. */
static bool forget(struct state *state, uint32_t page)
{
    uint32_t *at = bucket_of(state, page);
    while (*at != NOBODY && state->ghost[*at].page != page) {
        at = &state->ghost[*at].next;
    }
    if (*at == NOBODY) {
        return false;
    }
    uint32_t found = *at;
    *at = state->ghost[found].next;
    fly__bufpool_link_remove(state->links, state->slots + found);
    fly__bufpool_link_push(state->links, state->spare, state->slots + found);
    return true;
}

/* Remember that a page was here; the oldest ghost makes room. */
static void remember(struct state *state, uint32_t page)
{
    if (fly__bufpool_link_alone(state->links, state->spare)) {
        uint32_t oldest = state->links[state->out].newer - state->slots;
        bool forgotten = forget(state, state->ghost[oldest].page);
        FLY_ASSERT(forgotten);
    }
    uint32_t number = state->links[state->spare].newer;
    fly__bufpool_link_remove(state->links, number);
    fly__bufpool_link_push(state->links, state->out, number);
    uint32_t *first = bucket_of(state, page);
    state->ghost[number - state->slots] = (struct ghost){.page = page, .next = *first};
    *first = number - state->slots;
}

/* --------------------------------------------------------------------- what the pool tells */

static void loaded(void *opaque, uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    struct state *state = opaque;
    (void)tick;
    (void)last; /* of a page that was touched long ago it says more than OUT, which the paper has */
    state->is_main[slot] = forget(state, page);
    state->in_count += state->is_main[slot] ? 0 : 1;
    fly__bufpool_link_push(state->links, state->is_main[slot] ? state->main : state->in, slot);
}

static void touched(void *opaque, uint32_t slot, uint32_t page, uint32_t tick)
{
    struct state *state = opaque;
    (void)page;
    (void)tick;
    if (state->is_main[slot]) {
        fly__bufpool_link_remove(state->links, slot);
        fly__bufpool_link_push(state->links, state->main, slot);
    }
}

static void evicted(void *opaque, uint32_t slot, uint32_t page)
{
    struct state *state = opaque;
    fly__bufpool_link_remove(state->links, slot);
    if (!state->is_main[slot]) {
        state->in_count--;
        remember(state, page);
    }
}

static uint32_t victim(void *opaque, uint32_t tick, bool (*may)(void *ctx, uint32_t slot),
                       void *ctx)
{
    const struct state *state = opaque;
    (void)tick;
    bool from_in = state->in_count > state->slots / IN_SHARE;
    uint32_t slot =
        fly__bufpool_link_oldest(state->links, from_in ? state->in : state->main, may, ctx);
    if (slot == UINT32_MAX) {
        slot = fly__bufpool_link_oldest(state->links, from_in ? state->main : state->in, may, ctx);
    }
    return slot;
}

const fly_bufpool_policy fly_bufpool_2q = {
    .name = "2q",
    .every_reference = false,
    .concurrent = false,
    .thorough = true,
    .state_size = state_size,
    .init = init,
    .loaded = loaded,
    .touched = touched,
    .evicted = evicted,
    .victim = victim,
};
