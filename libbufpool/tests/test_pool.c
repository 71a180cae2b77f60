/*
 * Goal: a page is found where it is, comes in when it is not, lets another go for it, and is whole
 * for whoever uses it; what goes wrong on the way leaves the pool as it was.
 * Method: one thread on a simulated disk, both backends, sixteen slots and files much larger. What
 * threads do to each other is in test_schedules.c and test_stress.c.
 */
#include "pool_world.h"

enum { SLOTS = 16, PAGES = 200 };

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

/* ------------------------------------------------------------------ finding and loading */

START_TEST(a_page_is_read_once_and_found_again)
{
    open_pool(_i);
    uint64_t before = reads();
    for (int i = 0; i < 5; i++) {
        fly_pageref ref;
        uint32_t version = 1;
        FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 7, &ref, &w.err), w.err);
        ck_assert_uint_eq(version_of_page(ref.bytes, 7), 0);
        ck_assert_uint_eq(ref.page, 7);
        fly_bufpool_unfix_unchanged(&ref);
        FLY_CHECK_OK(read_shared(w.pool, 7, &version, &w.err), w.err);
        FLY_CHECK_OK(fly_bufpool_observe(w.pool, 7, &ref, &w.err), w.err);
        ck_assert_uint_eq(version_of_page(ref.bytes, 7), 0);
        ck_assert(fly_bufpool_still(&ref));
        ck_assert(fly_bufpool_unchanged(&ref));
    }
    ck_assert_uint_eq(reads() - before, 1);
    ck_assert_uint_eq(stats_of(w.pool).misses, 1);
    ck_assert_uint_eq(stats_of(w.pool).resident, 1);
    close_pool();
}
END_TEST

START_TEST(pages_far_beyond_the_slots_come_and_go)
{
    open_pool(_i);
    for (int round = 0; round < 3; round++) {
        for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
            uint32_t version = 1;
            FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
            ck_assert_uint_eq(version, 0);
        }
    }
    fly_bufpool_stats stats = stats_of(w.pool);
    ck_assert_uint_eq(stats.slots, SLOTS);
    ck_assert_uint_eq(stats.resident, SLOTS);
    ck_assert_uint_ge(stats.misses, 3 * (PAGES - SLOTS));
    ck_assert_uint_eq(stats.evictions, stats.misses - SLOTS);
    ck_assert_uint_eq(stats.writes, 0);
    close_pool();
}
END_TEST

START_TEST(where_a_page_lies_is_known_while_it_is_in_memory)
{
    open_pool(_i);
    ck_assert(!fly_bufpool_has(w.pool, 9));
    ck_assert_ptr_null(fly_bufpool_address(w.pool, 9));
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, 9, &ref, &w.err), w.err);
    ck_assert(fly_bufpool_has(w.pool, 9));
    ck_assert_ptr_eq(fly_bufpool_address(w.pool, 9), ref.bytes);
    fly_bufpool_unfix_shared(&ref);
    ck_assert(!fly_bufpool_has(w.pool, PAGES_MAX));
    ck_assert_ptr_null(fly_bufpool_address(w.pool, PAGES_MAX));
    ck_assert_ptr_eq(fly_bufpool_file(w.pool), w.file);
    close_pool();
}
END_TEST

/* -------------------------------------------------------------------- the three uses */

START_TEST(readers_share_a_page_and_a_writer_is_alone)
{
    open_pool(_i);
    fly_pageref first;
    fly_pageref second;
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, 5, &first, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, 5, &second, &w.err), w.err);
    ck_assert_ptr_eq(first.latch, second.latch);
    ck_assert(!fly_latch_try_exclusive(first.latch));
    fly_bufpool_unfix_shared(&first);
    ck_assert(!fly_latch_try_exclusive(second.latch));
    fly_bufpool_unfix_shared(&second);
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 5, &first, &w.err), w.err);
    ck_assert(fly_latch_is_exclusive(first.latch));
    fly_bufpool_unfix_exclusive(&first);
    ck_assert(!fly_latch_is_exclusive(first.latch));
    close_pool();
}
END_TEST

START_TEST(an_observation_becomes_exclusive_if_nothing_changed)
{
    open_pool(_i);
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_observe(w.pool, 5, &ref, &w.err), w.err);
    ck_assert(fly_bufpool_upgrade(&ref));
    ck_assert(fly_latch_is_exclusive(ref.latch));
    fly_bufpool_dirty(w.pool, &ref, 10);
    stamp(ref.bytes, 5, 1);
    fly_bufpool_unfix_exclusive(&ref);
    FLY_CHECK_OK(fly_bufpool_observe(w.pool, 5, &ref, &w.err), w.err);
    ck_assert_uint_eq(version_of_page(ref.bytes, 5), 1);
    fly_bufpool_forget(&ref);
    close_pool();
}
END_TEST

START_TEST(an_observation_outlives_an_unchanged_release)
{
    open_pool(_i);
    fly_pageref ref;
    fly_pageref other;
    FLY_CHECK_OK(fly_bufpool_observe(w.pool, 5, &ref, &w.err), w.err);
#ifndef FLY_NO_OPTIMISTIC
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 5, &other, &w.err), w.err);
    ck_assert(!fly_bufpool_still(&ref));
    fly_bufpool_unfix_unchanged(&other);
#endif
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, 5, &other, &w.err), w.err);
    ck_assert(fly_bufpool_still(&ref));
    fly_bufpool_unfix_shared(&other);
    ck_assert(fly_bufpool_unchanged(&ref));
    close_pool();
}
END_TEST

#ifndef FLY_NO_OPTIMISTIC

static void change(uint32_t page)
{
    FLY_CHECK_OK(write_version(w.pool, page, 1, 10, &w.err), w.err);
}

static void drop(uint32_t page)
{
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, page, &ref, &w.err), w.err);
    fly_bufpool_drop(w.pool, &ref);
}

static void evict(uint32_t page)
{
    for (uint32_t next = page + 1; fly_bufpool_has(w.pool, page); next++) {
        uint32_t version;
        FLY_CHECK_OK(read_shared(w.pool, FIRST_PAGE + next % PAGES, &version, &w.err), w.err);
    }
}

static void (*const ends[])(uint32_t page) = {change, drop, evict};

START_TEST(a_change_a_drop_and_an_eviction_end_every_observation)
{
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        open_pool(_i);
        fly_pageref ref;
        FLY_CHECK_OK(fly_bufpool_observe(w.pool, 5, &ref, &w.err), w.err);
        ends[i](5);
        /* It can still be looked at; nothing it says counts. */
        (void)fly_page_id(ref.bytes);
        ck_assert(!fly_bufpool_still(&ref));
        ck_assert(!fly_bufpool_upgrade(&ref));
        ck_assert(!fly_bufpool_unchanged(&ref));
        close_pool();
        teardown();
        setup();
    }
}
END_TEST

#endif

START_TEST(a_latched_page_is_not_evicted)
{
    open_pool(_i);
    fly_pageref shared;
    fly_pageref exclusive;
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, 5, &shared, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 6, &exclusive, &w.err), w.err);
    for (uint32_t page = 10; page < FIRST_PAGE + PAGES; page++) {
        uint32_t version;
        FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
    }
    ck_assert_ptr_eq(fly_bufpool_address(w.pool, 5), shared.bytes);
    ck_assert_ptr_eq(fly_bufpool_address(w.pool, 6), exclusive.bytes);
    ck_assert_uint_eq(version_of_page(shared.bytes, 5), 0);
    fly_bufpool_unfix_shared(&shared);
    fly_bufpool_unfix_exclusive(&exclusive);
    close_pool();
}
END_TEST

/* ------------------------------------------------------------------- new and dropped pages */

static bool is_blank(const uint8_t *bytes, uint32_t page)
{
    return fly_page_id(bytes) == page && bytes[4] == 0 &&
           memcmp(bytes + 4, bytes + 5, PAGE_BYTES - 5) == 0;
}

START_TEST(a_new_page_is_blank_and_nothing_is_read_for_it)
{
    open_pool(_i);
    uint64_t before = reads();
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_new(w.pool, 5, &ref, &w.err), w.err);
    ck_assert(is_blank(ref.bytes, 5));
    ck_assert(fly_latch_is_exclusive(ref.latch));
    fly_bufpool_unfix_exclusive(&ref);
    ck_assert_uint_eq(reads(), before);
    ck_assert_uint_eq(stats_of(w.pool).misses, 0);
    close_pool();
}
END_TEST

START_TEST(a_new_page_in_memory_forgets_its_earlier_life)
{
    open_pool(_i);
    uint32_t version;
    fly_pageref ref;
    FLY_CHECK_OK(read_shared(w.pool, 5, &version, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_fix_new(w.pool, 5, &ref, &w.err), w.err);
    ck_assert(is_blank(ref.bytes, 5));
    fly_bufpool_unfix_exclusive(&ref);
    ck_assert_uint_eq(stats_of(w.pool).resident, 1);
    close_pool();
}
END_TEST

START_TEST(a_dropped_page_is_gone_and_was_not_written)
{
    open_pool(_i);
    FLY_CHECK_OK(write_version(w.pool, 5, 1, 10, &w.err), w.err);
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 5, &ref, &w.err), w.err);
    ck_assert(fly_bufpool_is_dirty(w.pool, &ref));
    fly_bufpool_drop(w.pool, &ref);
    ck_assert(!fly_bufpool_has(w.pool, 5));
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), UINT64_MAX);
    ck_assert_uint_eq(stats_of(w.pool).dirty, 0);
    ck_assert_uint_eq(stats_of(w.pool).resident, 0);
    FLY_CHECK_OK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, &w.err), w.err);
    uint32_t version = 1;
    FLY_CHECK_OK(read_shared(w.pool, 5, &version, &w.err), w.err);
    ck_assert_uint_eq(version, 0);
    close_pool();
}
END_TEST

START_TEST(drops_give_their_slots_back)
{
    open_pool(_i);
    for (uint32_t i = 0; i < 10 * SLOTS; i++) {
        fly_pageref ref;
        FLY_CHECK_OK(fly_bufpool_fix_new(w.pool, 5 + i % 3, &ref, &w.err), w.err);
        fly_bufpool_dirty(w.pool, &ref, FLY_BUFPOOL_UNLOGGED);
        fly_bufpool_drop(w.pool, &ref);
    }
    ck_assert_uint_eq(stats_of(w.pool).evictions, 0);
    ck_assert_uint_eq(stats_of(w.pool).resident, 0);
    close_pool();
}
END_TEST

/* -------------------------------------------------------------------------- dirty pages */

START_TEST(a_dirty_page_keeps_the_lsn_of_its_oldest_change)
{
    open_pool(_i);
    fly_pageref ref;
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), UINT64_MAX);
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 5, &ref, &w.err), w.err);
    ck_assert(!fly_bufpool_is_dirty(w.pool, &ref));
    fly_bufpool_dirty(w.pool, &ref, FLY_BUFPOOL_UNLOGGED);
    ck_assert(fly_bufpool_is_dirty(w.pool, &ref));
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), UINT64_MAX);
    fly_bufpool_dirty(w.pool, &ref, 30);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 30);
    fly_bufpool_dirty(w.pool, &ref, 40);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 30);
    fly_bufpool_dirty(w.pool, &ref, 20);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 20);
    fly_bufpool_unfix_exclusive(&ref);
    FLY_CHECK_OK(write_version(w.pool, 6, 1, 10, &w.err), w.err);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 10);
    ck_assert_uint_eq(stats_of(w.pool).dirty, 2);
    close_pool();
}
END_TEST

START_TEST(a_dirty_page_is_written_before_it_goes)
{
    open_pool(_i);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
        FLY_CHECK_OK(write_version(w.pool, page, page + 1, page, &w.err), w.err);
    }
    ck_assert_uint_ge(stats_of(w.pool).writes, PAGES - SLOTS);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
        uint32_t version = 0;
        FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
        ck_assert_uint_eq(version, page + 1);
    }
    close_pool();
}
END_TEST

/* -------------------------------------------------------------------------- what goes wrong */

START_TEST(pages_beyond_the_limit_are_refused)
{
    open_pool(_i);
    fly_pageref ref;
    for (uint32_t page = PAGES_MAX;; page = FLY_PAGE_NONE) {
        FLY_CHECK(fly_bufpool_observe(w.pool, page, &ref, &w.err), FLY_E_CORRUPT, w.err);
        FLY_CHECK_SAYS(w.err.message, "beyond the last page");
        FLY_CHECK(fly_bufpool_fix_shared(w.pool, page, &ref, &w.err), FLY_E_CORRUPT, w.err);
        FLY_CHECK(fly_bufpool_fix_exclusive(w.pool, page, &ref, &w.err), FLY_E_CORRUPT, w.err);
        FLY_CHECK(fly_bufpool_fix_new(w.pool, page, &ref, &w.err), FLY_E_CORRUPT, w.err);
        fly_bufpool_read_ahead(w.pool, &page, 1);
        if (page == FLY_PAGE_NONE) {
            break;
        }
    }
    FLY_CHECK(fly_bufpool_fix_shared(w.pool, FIRST_PAGE + PAGES + 5000, &ref, &w.err),
              FLY_E_CORRUPT, w.err);
    close_pool();
}
END_TEST

START_TEST(a_file_may_outgrow_its_pool)
{
    fly_bufpool_options options = pool_options(SLOTS);
    options.backend = backends[_i];
    options.pages_max = 100;
    pool_world_open(&w, &sim, PAGES, &options);
    fly_pageref ref;
    uint32_t version;
    FLY_CHECK_OK(read_shared(w.pool, 99, &version, &w.err), w.err);
    FLY_CHECK(fly_bufpool_observe(w.pool, 100, &ref, &w.err), FLY_E_TOO_LARGE, w.err);
    FLY_CHECK_SAYS(w.err.message, "page 100 of \"data\" is beyond the pool's limit of 100");
    close_pool();
}
END_TEST

START_TEST(a_page_that_cannot_be_read_leaves_the_pool_as_it_was)
{
    open_pool(_i);
    fly_pageref ref;
    for (int i = 0; i < 3 * SLOTS; i++) {
        fly_sim_disk_arm(sim.disk, &(fly_sim_fault){.calls = FLY_SIM_READ});
        FLY_CHECK(fly_bufpool_observe(w.pool, 5, &ref, &w.err), FLY_E_IO, w.err);
        fly_sim_disk_arm(sim.disk, &(fly_sim_fault){.calls = FLY_SIM_READ});
        FLY_CHECK(fly_bufpool_fix_shared(w.pool, 5, &ref, &w.err), FLY_E_IO, w.err);
        fly_sim_disk_arm(sim.disk, &(fly_sim_fault){.calls = FLY_SIM_READ});
        FLY_CHECK(fly_bufpool_fix_exclusive(w.pool, 5, &ref, &w.err), FLY_E_IO, w.err);
    }
    ck_assert_uint_eq(stats_of(w.pool).resident, 0);
    ck_assert_uint_eq(stats_of(w.pool).misses, 0);
    uint32_t version = 1;
    FLY_CHECK_OK(read_shared(w.pool, 5, &version, &w.err), w.err);
    ck_assert_uint_eq(version, 0);
    close_pool();
}
END_TEST

START_TEST(a_damaged_page_is_refused_and_its_neighbours_are_not)
{
    open_pool(_i);
    FLY_CHECK_OK(fly_sim_disk_flip(sim.disk, "data", ((uint64_t)5 * PAGE_BYTES + 2000) * 8 + 3),
                 w.err);
    fly_pageref ref;
    uint32_t pages[] = {4, 5, 6};
    uint32_t version = 1;
    fly_bufpool_read_ahead(w.pool, pages, 3);
    for (int i = 0; i < 3; i++) {
        FLY_CHECK(fly_bufpool_observe(w.pool, 5, &ref, &w.err), FLY_E_CORRUPT, w.err);
        FLY_CHECK_SAYS(w.err.message, "page 5");
        FLY_CHECK_OK(read_shared(w.pool, 4, &version, &w.err), w.err);
        FLY_CHECK_OK(read_shared(w.pool, 6, &version, &w.err), w.err);
    }
    FLY_CHECK_OK(fly_bufpool_fix_new(w.pool, 5, &ref, &w.err), w.err);
    fly_bufpool_unfix_exclusive(&ref);
    close_pool();
}
END_TEST

/* An owner who cannot work with page 5, whatever its checksum says. */
static fly_status refuse_five(void *ctx, uint32_t page, const uint8_t *bytes, uint32_t usable,
                              fly_err *err)
{
    ck_assert_ptr_eq(ctx, &w);
    ck_assert_uint_eq(fly_page_id(bytes), page);
    ck_assert_uint_eq(usable, PAGE_BYTES);
    return page == 5 ? fly_err_set(err, FLY_E_CORRUPT, "it is page five") : FLY_OK;
}

START_TEST(what_its_owner_refuses_does_not_come_in)
{
    fly_bufpool_options options = pool_options(SLOTS);
    options.backend = backends[_i];
    options.check = refuse_five;
    options.check_ctx = &w;
    pool_world_open(&w, &sim, PAGES, &options);
    fly_pageref ref;
    uint32_t pages[] = {4, 5};
    fly_bufpool_read_ahead(w.pool, pages, 2);
    ck_assert(fly_bufpool_has(w.pool, 4));
    ck_assert(!fly_bufpool_has(w.pool, 5));
    FLY_CHECK(fly_bufpool_fix_exclusive(w.pool, 5, &ref, &w.err), FLY_E_CORRUPT, w.err);
    FLY_CHECK_SAYS(w.err.message, "\"data\": it is page five");
    ck_assert(!fly_bufpool_has(w.pool, 5));
    close_pool();
}
END_TEST

static void latch_all_and_ask_for_more(fly_sim_env *world, void *ctx)
{
    fly_pageref refs[SLOTS];
    fly_pageref more;
    fly_err err = {0};
    bool *dirty = ctx;
    (void)world;
    for (uint32_t i = 0; i < SLOTS; i++) {
        FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, 5 + i, &refs[i], NULL) == FLY_OK);
        if (*dirty) {
            fly_bufpool_dirty(w.pool, &refs[i], 1);
        }
    }
    FLY_ASSERT(fly_bufpool_observe(w.pool, 100, &more, &err) == FLY_E_NO_MEMORY);
    FLY_ASSERT(strstr(err.message, "all 16 pages of the buffer pool of \"data\" are in use"));
    for (uint32_t i = 0; i < SLOTS; i++) {
        fly_bufpool_unfix_unchanged(&refs[i]);
    }
    FLY_ASSERT(fly_bufpool_observe(w.pool, 100, &more, &err) == FLY_OK);
    fly_bufpool_forget(&more);
}

START_TEST(when_every_page_is_latched_a_wait_ends_with_an_error)
{
    bool dirty = _i >= BACKENDS;
    open_pool(_i % BACKENDS);
    fly_sim_report report;
    ck_assert_msg(fly_sim_env_run(&sim, latch_all_and_ask_for_more, &dirty, &report) ==
                      FLY_SIM_DONE,
                  "%s", report.text);
    ck_assert_uint_ge(report.time, 2000000000);
    ck_assert_uint_le(report.time, 4000000000);
    ck_assert_uint_gt(stats_of(w.pool).waits, 0);
    close_pool();
}
END_TEST

/* ---------------------------------------------------------------------------- creation */

START_TEST(a_pool_has_at_least_sixteen_slots)
{
    static const struct {
        uint64_t bytes;
        uint32_t slots;
    } cases[] = {{1, 16}, {16 * PAGE_BYTES - 1, 16}, {17 * PAGE_BYTES, 17}, {1000000, 244}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fly_bufpool_options options = pool_options(0);
        options.bytes = cases[i].bytes;
        options.backend = backends[_i];
        options.batch_pages = 100000;
        pool_world_open(&w, &sim, i == 0 ? PAGES : 0, &options);
        ck_assert_uint_eq(fly_bufpool_slots(w.pool), cases[i].slots);
        close_pool();
    }
}
END_TEST

START_TEST(a_pool_takes_its_size_from_the_machine_by_default)
{
    fly_bufpool_options options = {.pages_max = PAGES_MAX};
    pool_world_open(&w, &sim, PAGES, &options);
    ck_assert_uint_eq(fly_bufpool_slots(w.pool), fly_bufpool_auto_bytes() / PAGE_BYTES);
    uint32_t version;
    FLY_CHECK_OK(read_shared(w.pool, 5, &version, &w.err), w.err);
    close_pool();
    fly_bufpool_destroy(NULL);
}
END_TEST

/* A vfs whose n-th mapping fails. */
static fly_vfs poor;
static int maps_left;

static void *poor_map(fly_vfs *vfs, size_t size, unsigned flags)
{
    (void)vfs;
    return maps_left-- > 0 ? fly_vfs_map(fly_vfs_posix(), size, flags) : NULL;
}

START_TEST(a_pool_without_address_space_is_an_error)
{
    fly_bufpool_options options = pool_options(SLOTS);
    options.backend = backends[_i];
    pool_world_open(&w, &sim, PAGES, &options);
    close_pool();
    poor = *sim.env.vfs;
    poor.map = poor_map;
    FLY_CHECK_OK(open_file(&sim, &w.file, &w.err), w.err);
    fly_env env = sim.env;
    env.vfs = &poor;
    fly_bufpool *pool = NULL;
    fly_status status = FLY_E_NO_MEMORY;
    for (int n = 0; status != FLY_OK; n++) {
        ck_assert_int_lt(n, 10);
        maps_left = n;
        status = fly_bufpool_create(&env, w.file, &options, &pool, &w.err);
        if (status != FLY_OK) {
            ck_assert_int_eq(status, FLY_E_NO_MEMORY);
            FLY_CHECK_SAYS(w.err.message, "no address space for a buffer pool of 16 pages");
            ck_assert_ptr_null(pool);
        }
    }
    fly_bufpool_destroy(pool);
    fly_pagefile_close(w.file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *tests = fly_test_case(suite, "one thread");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_page_is_read_once_and_found_again, 0, BACKENDS);
    tcase_add_loop_test(tests, pages_far_beyond_the_slots_come_and_go, 0, BACKENDS);
    tcase_add_loop_test(tests, where_a_page_lies_is_known_while_it_is_in_memory, 0, BACKENDS);
    tcase_add_loop_test(tests, readers_share_a_page_and_a_writer_is_alone, 0, BACKENDS);
    tcase_add_loop_test(tests, an_observation_becomes_exclusive_if_nothing_changed, 0, BACKENDS);
    tcase_add_loop_test(tests, an_observation_outlives_an_unchanged_release, 0, BACKENDS);
#ifndef FLY_NO_OPTIMISTIC
    tcase_add_loop_test(tests, a_change_a_drop_and_an_eviction_end_every_observation, 0, BACKENDS);
#endif
    tcase_add_loop_test(tests, a_latched_page_is_not_evicted, 0, BACKENDS);
    tcase_add_loop_test(tests, a_new_page_is_blank_and_nothing_is_read_for_it, 0, BACKENDS);
    tcase_add_loop_test(tests, a_new_page_in_memory_forgets_its_earlier_life, 0, BACKENDS);
    tcase_add_loop_test(tests, a_dropped_page_is_gone_and_was_not_written, 0, BACKENDS);
    tcase_add_loop_test(tests, drops_give_their_slots_back, 0, BACKENDS);
    tcase_add_loop_test(tests, a_dirty_page_keeps_the_lsn_of_its_oldest_change, 0, BACKENDS);
    tcase_add_loop_test(tests, a_dirty_page_is_written_before_it_goes, 0, BACKENDS);
    tcase_add_loop_test(tests, pages_beyond_the_limit_are_refused, 0, BACKENDS);
    tcase_add_loop_test(tests, a_file_may_outgrow_its_pool, 0, BACKENDS);
    tcase_add_loop_test(tests, a_page_that_cannot_be_read_leaves_the_pool_as_it_was, 0, BACKENDS);
    tcase_add_loop_test(tests, a_damaged_page_is_refused_and_its_neighbours_are_not, 0, BACKENDS);
    tcase_add_loop_test(tests, what_its_owner_refuses_does_not_come_in, 0, BACKENDS);
    tcase_add_loop_test(tests, when_every_page_is_latched_a_wait_ends_with_an_error, 0,
                        SLOWER > 1 ? 1 : 2 * BACKENDS);
    tcase_add_loop_test(tests, a_pool_has_at_least_sixteen_slots, 0, BACKENDS);
    tcase_add_test(tests, a_pool_takes_its_size_from_the_machine_by_default);
    tcase_add_loop_test(tests, a_pool_without_address_space_is_an_error, 0, BACKENDS);
    return fly_test_run(suite);
}
