/*
 * What the tests of the policies share: slots with pages in them, and a policy that is told what
 * happens to them, without a pool, a file, or a page.
 */
#ifndef POLICY_WORLD_H
#define POLICY_WORLD_H

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>
#include <fly/bufpool_policy.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NO_PAGE UINT32_MAX
#define NO_SLOT UINT32_MAX

enum { SLOTS_MAX = 256, PAGES_KNOWN = 4 * SLOTS_MAX };

static const fly_bufpool_policy *const policies[] = {&fly_bufpool_lru_k, &fly_bufpool_lru_k_exact,
                                                     &fly_bufpool_lru, &fly_bufpool_clock,
                                                     &fly_bufpool_2q};
enum { POLICIES = sizeof policies / sizeof policies[0] };

struct policy_world {
    const fly_bufpool_policy *policy;
    void *state;
    uint32_t slots;
    uint32_t tick;
    uint32_t page[SLOTS_MAX];         /* by slot, or NO_PAGE */
    bool in_pool[PAGES_KNOWN];        /* by page */
    uint32_t last_touch[PAGES_KNOWN]; /* by page: tick */
    bool refused[SLOTS_MAX];          /* may not go, though there is a page in it */
    uint32_t asked;                   /* times that the policy asked whether a slot may go */
};

/* The state is as large as the policy says and not a byte larger: AddressSanitizer looks. */
static inline void policy_world_init(struct policy_world *w, const fly_bufpool_policy *policy,
                                     uint32_t slots, uint64_t seed)
{
    *w = (struct policy_world){.policy = policy, .slots = slots, .tick = 1};
    memset(w->page, 0xff, sizeof w->page);
    size_t size = policy->state_size(slots);
    w->state = fly_mem_alloc_aligned(fly_mem_system(), size, FLY_CACHE_LINE);
    ck_assert_ptr_nonnull(w->state);
    memset(w->state, 0, size);
    policy->init(w->state, slots, seed);
}

static inline void policy_world_deinit(struct policy_world *w)
{
    fly_mem_free(fly_mem_system(), w->state, w->policy->state_size(w->slots));
}

static inline bool may_go(void *ctx, uint32_t slot)
{
    struct policy_world *w = ctx;
    FLY_ASSERT(slot < w->slots);
    w->asked++;
    return w->page[slot] != NO_PAGE && !w->refused[slot];
}

static inline void load(struct policy_world *w, uint32_t slot, uint32_t page)
{
    FLY_ASSERT(w->page[slot] == NO_PAGE);
    FLY_ASSERT(!w->in_pool[page]);
    w->page[slot] = page;
    w->in_pool[page] = true;
    w->policy->loaded(w->state, slot, page, w->tick, w->last_touch[page]);
    w->last_touch[page] = w->tick;
}

static inline void touch(struct policy_world *w, uint32_t slot)
{
    w->policy->touched(w->state, slot, w->page[slot], w->tick);
    w->last_touch[w->page[slot]] = w->tick;
}

static inline void evict(struct policy_world *w, uint32_t slot)
{
    uint32_t page = w->page[slot];
    w->page[slot] = NO_PAGE;
    w->in_pool[page] = false;
    w->policy->evicted(w->state, slot, page);
}

static inline uint32_t victim(struct policy_world *w)
{
    return w->policy->victim(w->state, w->tick, may_go, w);
}

#endif
