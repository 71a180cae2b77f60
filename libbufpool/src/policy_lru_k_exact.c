/*
 * LRU-K with K = 2, exact: a heap of the slots, that whose second last use lies furthest back on top.
 *
 * What the sampling policy approximates, for comparison and for teaching. A use is dated by the tick
 * and its number within the tick, so the order of dates is the order of uses. Of a page's former
 * life the pool remembers the tick of the last use only; it counts as having come before all others
 * of that tick. Every use counts, also one that follows at once upon another: the correlated reference
 * period is zero.
 *
 *     K1  order[0 .. count) is a heap by the dates of its slots' second last uses, then of their
 *         last ones
 *     K2  order[where[s]] is s for each slot s that is in the heap; where[s] is NOWHERE for others
 *
 * A page that may not go must not hide those behind it. So a victim is looked for along a frontier:
 * the smallest slot of those whose parents were all refused. That visits slots in sorted order and
 * leaves the heap as it is.
 *
 * Source: O'Neil, O'Neil, Weikum, "The LRU-K Page Replacement Algorithm for Database Disk
 * Buffering", SIGMOD 1993. The frontier: folklore (the k smallest of a heap).
 */
#include <fly/bufpool_policy.h>

#define NOWHERE UINT32_MAX

/* When a page was used: the tick in the high half, the use's number in the tick in the low one. */
struct history {
    uint64_t second;
    uint64_t last;
};

struct state {
    struct history *history; /* by slot */
    uint32_t *order;
    uint32_t *where;
    uint32_t *frontier; /* a heap of slots too */
    uint32_t count;
    uint64_t now; /* the date of the last use of all */
};

static size_t state_size(uint32_t slots)
{
    return sizeof(struct state) + (size_t)slots * (sizeof(struct history) + 3 * sizeof(uint32_t));
}

static void init(void *opaque, uint32_t slots, uint64_t seed)
{
    struct state *state = opaque;
    (void)seed;
    state->history = (void *)(state + 1);
    state->order = (void *)(state->history + slots);
    state->where = state->order + slots;
    state->frontier = state->where + slots;
    for (uint32_t i = 0; i < slots; i++) {
        state->where[i] = NOWHERE;
    }
}

/* The date of a use that happens now. A thread may bring the tick of a moment ago. */
static uint64_t date(struct state *state, uint32_t tick)
{
    uint64_t first_of_tick = (uint64_t)tick << 32;
    state->now = (first_of_tick > state->now ? first_of_tick : state->now) + 1;
    return state->now;
}

/* ------------------------------------------------------------------------------ the heap */

static bool goes_before(const struct state *state, uint32_t a, uint32_t b)
{
    const struct history *x = &state->history[a];
    const struct history *y = &state->history[b];
    return x->second != y->second ? x->second < y->second : x->last < y->last;
}

static void place(struct state *state, uint32_t at, uint32_t slot)
{
    state->order[at] = slot;
    state->where[slot] = at;
}

/* Move a slot up from an empty place until its parent is smaller. */
static void lift(struct state *state, uint32_t at, uint32_t slot)
{
    while (at > 0 && goes_before(state, slot, state->order[(at - 1) / 2])) {
        place(state, at, state->order[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(state, at, slot);
}

/* Move a slot down from an empty place until its children are larger. */
static void sink(struct state *state, uint32_t at, uint32_t slot)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < state->count &&
            goes_before(state, state->order[child + 1], state->order[child])) {
            child++;
        }
        if (child >= state->count || !goes_before(state, state->order[child], slot)) {
            break;
        }
        place(state, at, state->order[child]);
        at = child;
    }
    place(state, at, slot);
}

/* ---------------------------------------------------------------------- what the pool tells */

static void loaded(void *opaque, uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    struct state *state = opaque;
    (void)page;
    FLY_ASSERT(state->where[slot] == NOWHERE);
    state->history[slot] = (struct history){(uint64_t)last << 32, date(state, tick)};
    lift(state, state->count++, slot);
}

static void touched(void *opaque, uint32_t slot, uint32_t page, uint32_t tick)
{
    struct state *state = opaque;
    struct history *history = &state->history[slot];
    (void)page;
    FLY_ASSERT(state->where[slot] != NOWHERE);
    *history = (struct history){history->last, date(state, tick)};
    sink(state, state->where[slot], slot);
}

static void evicted(void *opaque, uint32_t slot, uint32_t page)
{
    struct state *state = opaque;
    uint32_t at = state->where[slot];
    (void)page;
    FLY_ASSERT(at != NOWHERE);
    uint32_t moved = state->order[--state->count];
    state->where[slot] = NOWHERE;
    if (moved != slot) {
        lift(state, at, moved);
        sink(state, state->where[moved], moved);
    }
}

/* -------------------------------------------------------------------------- choosing */

static void frontier_add(struct state *state, uint32_t *count, uint32_t slot)
{
    uint32_t at = (*count)++;
    while (at > 0 && goes_before(state, slot, state->frontier[(at - 1) / 2])) {
        state->frontier[at] = state->frontier[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    state->frontier[at] = slot;
}

static uint32_t frontier_take(struct state *state, uint32_t *count)
{
    uint32_t smallest = state->frontier[0];
    uint32_t slot = state->frontier[--*count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < *count &&
            goes_before(state, state->frontier[child + 1], state->frontier[child])) {
            child++;
        }
        if (child >= *count || !goes_before(state, state->frontier[child], slot)) {
            break;
        }
        state->frontier[at] = state->frontier[child];
        at = child;
    }
    state->frontier[at] = slot;
    return smallest;
}

static uint32_t victim(void *opaque, uint32_t tick, bool (*may)(void *ctx, uint32_t slot),
                       void *ctx)
{
    struct state *state = opaque;
    uint32_t waiting = 0;
    (void)tick;
    if (state->count > 0) {
        frontier_add(state, &waiting, state->order[0]);
    }
    while (waiting > 0) {
        uint32_t slot = frontier_take(state, &waiting);
        if (may(ctx, slot)) {
            return slot;
        }
        uint32_t child = 2 * state->where[slot] + 1;
        for (uint32_t i = child; i < child + 2 && i < state->count; i++) {
            frontier_add(state, &waiting, state->order[i]);
        }
    }
    return UINT32_MAX;
}

const fly_bufpool_policy fly_bufpool_lru_k_exact = {
    .name = "lru-k-exact",
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
