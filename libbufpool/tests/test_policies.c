/*
 * Goal: every replacement policy keeps the contract of bufpool_policy.h, whatever its idea of a
 * victim is. A policy of your own belongs into the table at the head of policy_world.h.
 * Method: slots and pages without a pool; random work from a seed, refusals included.
 */
#include "policy_world.h"

enum { PATIENCE = 2000 }; /* times that a policy is asked again, if it is not thorough */

static struct policy_world w;

START_TEST(each_has_a_name_and_is_found_by_it)
{
    for (int i = 0; i < POLICIES; i++) {
        ck_assert_ptr_eq(fly_bufpool_policy_named(policies[i]->name), policies[i]);
    }
    ck_assert_ptr_null(fly_bufpool_policy_named("mru"));
    ck_assert_ptr_null(fly_bufpool_policy_named(""));
    ck_assert_ptr_eq(fly_bufpool_policy_named("lru-k"), &fly_bufpool_lru_k);
}
END_TEST

START_TEST(an_empty_pool_has_no_victim)
{
    policy_world_init(&w, policies[_i], 16, 1);
    ck_assert_uint_eq(victim(&w), NO_SLOT);
    load(&w, 3, 7);
    evict(&w, 3);
    ck_assert_uint_eq(victim(&w), NO_SLOT);
    policy_world_deinit(&w);
}
END_TEST

START_TEST(where_all_are_refused_there_is_no_victim_and_an_end)
{
    policy_world_init(&w, policies[_i], 64, 1);
    for (uint32_t slot = 0; slot < 64; slot++) {
        load(&w, slot, slot);
        w.refused[slot] = true;
    }
    ck_assert_uint_eq(victim(&w), NO_SLOT);
    ck_assert_uint_le(w.asked, 2 * 64); /* CLOCK goes round twice, and nobody looks more often */
    policy_world_deinit(&w);
}
END_TEST

START_TEST(the_only_page_that_may_go_is_found)
{
    policy_world_init(&w, policies[_i], 64, 1);
    for (uint32_t slot = 0; slot < 64; slot++) {
        load(&w, slot, slot);
        w.refused[slot] = true;
    }
    for (uint32_t only = 0; only < 64; only++) {
        w.refused[only] = false;
        uint32_t found = victim(&w);
        for (int i = 0; found == NO_SLOT && !w.policy->thorough && i < PATIENCE; i++) {
            found = victim(&w);
        }
        ck_assert_uint_eq(found, only);
        w.refused[only] = true;
    }
    policy_world_deinit(&w);
}
END_TEST

/* Random work. Returns a number that depends on every victim. */
static uint64_t work(const fly_bufpool_policy *policy, uint64_t seed)
{
    fly_rng rng;
    fly_rng_init(&rng, seed);
    uint32_t slots = 1 + (uint32_t)fly_rng_below(&rng, SLOTS_MAX);
    uint64_t story = 0;
    policy_world_init(&w, policy, slots, seed);
    for (int i = 0; i < 3000; i++) {
        uint32_t slot = (uint32_t)fly_rng_below(&rng, slots);
        uint32_t page = (uint32_t)fly_rng_below(&rng, PAGES_KNOWN);
        w.tick += fly_rng_below(&rng, 8) == 0;
        w.refused[slot] = fly_rng_below(&rng, 4) == 0;
        switch (fly_rng_below(&rng, 4)) {
        case 0:
        case 1:
            if (w.page[slot] != NO_PAGE) {
                touch(&w, slot);
            } else if (!w.in_pool[page]) {
                load(&w, slot, page);
            }
            break;
        case 2:
            slot = victim(&w);
            if (slot == NO_SLOT) {
                break;
            }
            FLY_ASSERT(slot < slots);
            FLY_ASSERT(w.page[slot] != NO_PAGE);
            FLY_ASSERT(!w.refused[slot]);
            story = fly_hash_u64(story ^ slot);
            evict(&w, slot);
            break;
        default: /* dropped, or it could not be read */
            if (w.page[slot] != NO_PAGE && fly_rng_below(&rng, 8) == 0) {
                evict(&w, slot);
            }
            break;
        }
    }
    policy_world_deinit(&w);
    return story;
}

static void work_twice(void *ctx, uint64_t seed)
{
    const fly_bufpool_policy *policy = ctx;
    FLY_ASSERT(work(policy, seed) == work(policy, seed));
}

START_TEST(a_victim_is_a_page_that_may_go_and_the_same_for_the_same_seed)
{
    ck_assert(fly_test_seeds(policies[_i]->name, 100, work_twice, (void *)(uintptr_t)policies[_i]));
}
END_TEST

/* Between two pages of a scan, page 0 is used. Returns how often it had to be loaded. */
static uint32_t scan_beside_a_hot_page(const fly_bufpool_policy *policy, uint32_t slots)
{
    uint32_t loads = 0;
    uint32_t used = 0;
    policy_world_init(&w, policy, slots, 7);
    for (uint32_t i = 0; i < 10 * slots; i++) {
        uint32_t pages[] = {0, 1 + i % (PAGES_KNOWN - 1)};
        for (int k = 0; k < 2; k++) {
            uint32_t slot = 0;
            while (slot < slots && w.page[slot] != pages[k]) {
                slot++;
            }
            if (slot < slots) {
                touch(&w, slot);
                continue;
            }
            while (used == slots && (slot = victim(&w)) == NO_SLOT) {
            }
            if (used == slots) {
                evict(&w, slot);
            } else {
                slot = used++;
            }
            load(&w, slot, pages[k]);
            loads += pages[k] == 0;
        }
        w.tick += i % (slots / 16) == 0;
    }
    policy_world_deinit(&w);
    return loads;
}

START_TEST(a_page_in_constant_use_stays_while_a_scan_passes)
{
    /* 2Q wants it to come back once before it believes that it is hot. CLOCK's first round finds
     * every bit set, clears them all, and is then back at the page that came first. */
    bool once_more = policies[_i] == &fly_bufpool_2q || policies[_i] == &fly_bufpool_clock;
    uint32_t most = once_more ? 2 : 1;
    ck_assert_uint_le(scan_beside_a_hot_page(policies[_i], 64), most);
    ck_assert_uint_le(scan_beside_a_hot_page(policies[_i], 256), most);
}
END_TEST

START_TEST(the_smallest_pools_work)
{
    for (uint32_t slots = 1; slots < 20; slots++) {
        policy_world_init(&w, policies[_i], slots, slots);
        for (uint32_t page = 0; page < 3 * slots; page++) {
            uint32_t slot = page;
            while (page >= slots && ((slot = victim(&w)) == NO_SLOT)) {
            }
            if (page >= slots) {
                evict(&w, slot);
            }
            load(&w, slot, page);
            touch(&w, slot);
        }
        policy_world_deinit(&w);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policies");
    TCase *tests = fly_test_case(suite, "contract");
    tcase_add_test(tests, each_has_a_name_and_is_found_by_it);
    tcase_add_loop_test(tests, an_empty_pool_has_no_victim, 0, POLICIES);
    tcase_add_loop_test(tests, where_all_are_refused_there_is_no_victim_and_an_end, 0, POLICIES);
    tcase_add_loop_test(tests, the_only_page_that_may_go_is_found, 0, POLICIES);
    tcase_add_loop_test(tests, a_victim_is_a_page_that_may_go_and_the_same_for_the_same_seed, 0,
                        POLICIES);
    tcase_add_loop_test(tests, a_page_in_constant_use_stays_while_a_scan_passes, 0, POLICIES);
    tcase_add_loop_test(tests, the_smallest_pools_work, 0, POLICIES);
    return fly_test_run(suite);
}
