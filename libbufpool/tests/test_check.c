/*
 * Goal: the checker names the invariant that is broken.
 * Method: one forgery for each rule of pool.c, in a pool that was sound a moment before; each in a
 * process of its own that leaves the broken pool behind. Remove a guard from the checker and its row
 * fails.
 */
#include "pool_world.h"

#include "bufpool_int.h"

enum { SLOTS = 16, PAGES = 40, HERE = 5, ALSO_HERE = 6, ELSEWHERE = 30 };

static fly_sim_env sim;
static struct pool_world w;
static uint32_t slot; /* of page HERE */
static struct fly__bufpool_hot *hot;
static fly_pageref held;

static uint64_t *entry(uint32_t page)
{
    return &hot->table[page].word;
}

static void forget_page(void)
{
    *entry(HERE) = 0;
}

static void move_page(void)
{
    fly_store_u32(&w.pool->slot_page[slot], ELSEWHERE);
}

static void claim_page(void)
{
    *entry(ELSEWHERE) = slot + 1;
}

static void claim_slot_beyond(void)
{
    *entry(ELSEWHERE) = SLOTS + 7;
}

static void free_what_is_in_use(void)
{
    w.pool->free_slots[0] = slot;
}

static void free_twice(void)
{
    w.pool->free_slots[0] = w.pool->free_slots[1];
}

static void free_beyond(void)
{
    w.pool->free_slots[0] = SLOTS;
}

static void lose_slot(void)
{
    fly_store_u32(&w.pool->free_count, fly_load_u32(&w.pool->free_count) - 1);
}

static void free_too_many(void)
{
    fly_store_u32(&w.pool->free_count, SLOTS + 1);
}

static void dirty_nothing(void)
{
    fly_store_u64(&hot->dirty[w.pool->free_slots[0]], 17);
}

static void keep_exclusive(void)
{
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, HERE, &held, &w.err), w.err);
}

static void keep_shared(void)
{
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, HERE, &held, &w.err), w.err);
}

static void rename_page(void)
{
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, HERE, &held, &w.err), w.err);
    fly_put_u32(held.bytes, ELSEWHERE);
    fly_bufpool_unfix_exclusive(&held);
}

static const struct {
    const char *rule;
    void (*forge)(void);
    const char *complaint;
} forgeries[] = {
    {"B1", forget_page, "is not there by the table"},
    {"B1", move_page, "is not there by the table"},
    {"B1", claim_page, "names a slot with another page"},
    {"B1", claim_slot_beyond, "names a slot with another page"},
    {"B2", free_what_is_in_use, "in two places"},
    {"B2", free_twice, "in two places"},
    {"B2", free_beyond, "in two places"},
    {"B2", lose_slot, "slots are lost"},
    {"B2", free_too_many, "more slots are free"},
    {"B3", dirty_nothing, "without a page is dirty"},
    {"B5", keep_exclusive, "is latched"},
    {"B5", keep_shared, "is latched"},
    {"B5", rename_page, "another one's number"},
};
enum { FORGERIES = sizeof forgeries / sizeof forgeries[0] };

static void open_pool(int backend)
{
    fly_bufpool_options options = pool_options(SLOTS);
    uint32_t version;
    options.backend = backends[backend];
    fly_sim_env_init(&sim, NULL);
    pool_world_open(&w, &sim, PAGES, &options);
    FLY_CHECK_OK(read_shared(w.pool, HERE, &version, &w.err), w.err);
    FLY_CHECK_OK(read_shared(w.pool, ALSO_HERE, &version, &w.err), w.err);
    hot = &w.pool->hot;
    slot = fly__bufpool_slot(w.pool, HERE);
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
}

START_TEST(each_forgery_is_named)
{
    open_pool(_i / FORGERIES);
    forgeries[_i % FORGERIES].forge();
    FLY_CHECK(fly_bufpool_check(w.pool, &w.err), FLY_E_CORRUPT, w.err);
    FLY_CHECK_SAYS(w.err.message, forgeries[_i % FORGERIES].rule);
    FLY_CHECK_SAYS(w.err.message, forgeries[_i % FORGERIES].complaint);
}
END_TEST

START_TEST(a_sound_pool_is_sound_in_every_state)
{
    uint32_t version;
    open_pool(_i);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
        FLY_CHECK_OK(write_version(w.pool, page, 1, 1, &w.err), w.err);
        FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    }
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, FIRST_PAGE, &held, &w.err), w.err);
    fly_bufpool_drop(w.pool, &held);
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    FLY_CHECK_OK(read_shared(w.pool, HERE, &version, &w.err), w.err);
    pool_world_close(&w);
    fly_sim_env_deinit(&sim);
}
END_TEST

START_TEST(a_check_without_memory_says_so_and_changes_nothing)
{
    open_pool(_i);
    fly_test_mem_fail(&sim.mem, 0, true);
    FLY_CHECK(fly_bufpool_check(w.pool, &w.err), FLY_E_NO_MEMORY, w.err);
    fly_test_mem_mend(&sim.mem);
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    pool_world_close(&w);
    fly_sim_env_deinit(&sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("check");
    TCase *tests = fly_test_case(suite, "invariants");
    tcase_add_loop_test(tests, each_forgery_is_named, 0, FORGERIES * BACKENDS);
    tcase_add_loop_test(tests, a_sound_pool_is_sound_in_every_state, 0, BACKENDS);
    tcase_add_loop_test(tests, a_check_without_memory_says_so_and_changes_nothing, 0, BACKENDS);
    return fly_test_run(suite);
}
