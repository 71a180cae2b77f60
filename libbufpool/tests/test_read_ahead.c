/*
 * Goal: what is read ahead is there when it is wanted, came with few reads, and cost nobody a wait.
 * Method: one thread on the simulated disk, whose calls are counted; virtual time where waits matter.
 */
#include "pool_world.h"

enum { SLOTS = 64, PAGES = 300, AT_ONCE = SLOTS / 8 };

static fly_sim_env sim;
static struct pool_world w;

static void setup(void)
{
    fly_sim_env_init(&sim, NULL);
}

static void teardown(void)
{
    fly_sim_env_deinit(&sim);
}

static void open_pool(int backend)
{
    fly_bufpool_options options = pool_options(SLOTS);
    options.backend = backends[backend];
    pool_world_open(&w, &sim, PAGES, &options);
}

static void close_pool(void)
{
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    pool_world_close(&w);
}

static uint64_t reads(void)
{
    return fly_sim_disk_calls(sim.disk, FLY_SIM_READ);
}

static void expect(uint32_t page)
{
    uint32_t version = 1;
    FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
    ck_assert_uint_eq(version, 0);
}

static void ahead(uint32_t first, uint32_t count)
{
    uint32_t pages[PAGES];
    for (uint32_t i = 0; i < count; i++) {
        pages[i] = first + i;
    }
    fly_bufpool_read_ahead(w.pool, pages, count);
}

START_TEST(neighbours_come_with_one_read)
{
    open_pool(_i);
    uint64_t before = reads();
    ahead(10, AT_ONCE);
    ck_assert_uint_eq(reads() - before, 1);
    for (uint32_t page = 10; page < 10 + AT_ONCE; page++) {
        ck_assert(fly_bufpool_has(w.pool, page));
        expect(page);
    }
    ck_assert_uint_eq(reads() - before, 1);
    ck_assert_uint_eq(stats_of(w.pool).read_ahead, AT_ONCE);
    ck_assert_uint_eq(stats_of(w.pool).misses, 0);
    close_pool();
}
END_TEST

START_TEST(an_eighth_of_the_pool_is_on_its_way_at_once)
{
    open_pool(_i);
    uint64_t before = reads();
    ahead(10, 3 * AT_ONCE + 1);
    ck_assert_uint_eq(reads() - before, 4);
    ck_assert_uint_eq(stats_of(w.pool).read_ahead, 3 * AT_ONCE + 1);
    close_pool();
}
END_TEST

START_TEST(gaps_repetitions_and_pages_in_memory_are_passed_over)
{
    open_pool(_i);
    expect(12);
    uint64_t before = reads();
    static const uint32_t pages[] = {10, 11, 12, 13, 13, 10, 40, 39, 39, PAGES_MAX, 50};
    fly_bufpool_read_ahead(w.pool, pages, sizeof pages / sizeof pages[0]);
    ck_assert_uint_eq(reads() - before, 5); /* 10 and 11, 13, 40, 39, 50 */
    static const uint32_t wanted[] = {10, 11, 12, 13, 39, 40, 50};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        ck_assert(fly_bufpool_has(w.pool, wanted[i]));
        expect(wanted[i]);
    }
    fly_bufpool_read_ahead(w.pool, pages, 0);
    close_pool();
}
END_TEST

START_TEST(a_read_that_fails_brings_nothing_and_harms_nothing)
{
    open_pool(_i);
    for (int i = 0; i < 2 * SLOTS; i++) {
        fly_sim_disk_arm(sim.disk, &(fly_sim_fault){.calls = FLY_SIM_READ});
        ahead(10, AT_ONCE);
    }
    ck_assert_uint_eq(stats_of(w.pool).resident, 0);
    ahead(FIRST_PAGE + PAGES - 2, 200); /* beyond the end of the file */
    ck_assert_uint_le(stats_of(w.pool).resident, 2);
    expect(10);
    close_pool();
}
END_TEST

START_TEST(dirty_pages_stay_and_are_not_written_for_what_may_never_be_used)
{
    open_pool(_i);
    for (uint32_t page = 10; page < 10 + SLOTS; page++) {
        FLY_CHECK_OK(write_version(w.pool, page, 1, page, &w.err), w.err);
    }
    ahead(100, AT_ONCE);
    ck_assert_uint_eq(stats_of(w.pool).writes, 0);
    ck_assert_uint_eq(stats_of(w.pool).read_ahead, 0);
    close_pool();
}
END_TEST

static void read_ahead_of_a_full_pool(fly_sim_env *world, void *ctx)
{
    fly_pageref refs[SLOTS];
    (void)world;
    (void)ctx;
    for (uint32_t i = 0; i < SLOTS; i++) {
        FLY_ASSERT(fly_bufpool_fix_shared(w.pool, 5 + i, &refs[i], NULL) == FLY_OK);
    }
    uint64_t before = fly_now();
    ahead(100, 3 * AT_ONCE);
    FLY_ASSERT(fly_now() - before < 1000000);
    for (uint32_t i = 0; i < SLOTS; i++) {
        fly_bufpool_unfix_shared(&refs[i]);
    }
}

START_TEST(a_full_pool_is_not_waited_for)
{
    open_pool(_i);
    fly_sim_report report;
    ck_assert_msg(fly_sim_env_run(&sim, read_ahead_of_a_full_pool, NULL, &report) == FLY_SIM_DONE,
                  "%s", report.text);
    ck_assert_uint_eq(stats_of(w.pool).read_ahead, 0);
    ck_assert_uint_eq(stats_of(w.pool).waits, 0);
    close_pool();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("read_ahead");
    TCase *tests = fly_test_case(suite, "one thread");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, neighbours_come_with_one_read, 0, BACKENDS);
    tcase_add_loop_test(tests, an_eighth_of_the_pool_is_on_its_way_at_once, 0, BACKENDS);
    tcase_add_loop_test(tests, gaps_repetitions_and_pages_in_memory_are_passed_over, 0, BACKENDS);
    tcase_add_loop_test(tests, a_read_that_fails_brings_nothing_and_harms_nothing, 0, BACKENDS);
    tcase_add_loop_test(tests, dirty_pages_stay_and_are_not_written_for_what_may_never_be_used, 0,
                        BACKENDS);
    tcase_add_loop_test(tests, a_full_pool_is_not_waited_for, 0, BACKENDS);
    return fly_test_run(suite);
}
