/*
 * Goal: pages reach the disk after their log, in order, each time they must and never when they must
 * not; a page is clean only if its newest bytes are durable.
 * Method: one thread. The gate, which the pool calls between copying pages and writing them, plays
 * whoever changes, drops or latches a page meanwhile. A vfs in between sees every page that is about
 * to be written, and holds its LSN against the log.
 */
#include "pool_world.h"
#include "spy_vfs.h"

enum { SLOTS = 64, PAGES = 300 };

static fly_sim_env sim;
static struct pool_world w;
static struct spy spy;

/* The log, as far as the pool can see it, and what happens behind the pool's back. */
static struct {
    uint64_t flushed_to;
    uint64_t newest; /* of the last call */
    int calls;
    fly_status answer;
    void (*meanwhile)(void);
} gate;

static struct {
    uint32_t pages[2 * PAGES]; /* in the order in which they were written in place */
    uint32_t count;
    uint32_t writes; /* calls for them */
} disk;

static fly_status log_flushed_to(void *ctx, uint64_t lsn, fly_err *err)
{
    ck_assert_ptr_eq(ctx, &gate);
    gate.calls++;
    gate.newest = lsn;
    if (gate.meanwhile != NULL) {
        gate.meanwhile();
    }
    if (gate.answer != FLY_OK) {
        return fly_err_set(err, gate.answer, "the log says no");
    }
    gate.flushed_to = lsn > gate.flushed_to ? lsn : gate.flushed_to;
    return FLY_OK;
}

/* Log first: no page goes anywhere whose LSN is beyond the flushed log. */
static void watch_write(void *ctx, const char *path, uint64_t offset, const uint8_t *bytes,
                        size_t len)
{
    ck_assert_ptr_eq(ctx, &disk);
    bool in_place = strcmp(path, "data") == 0;
    size_t skip = in_place ? 0 : PAGE_BYTES; /* the area's own header */
    disk.writes += in_place;
    for (size_t at = skip; at + PAGE_BYTES <= len; at += PAGE_BYTES) {
        uint32_t page = fly_page_id(bytes + at);
        if (page < FIRST_PAGE) {
            continue;
        }
        if (fly_page_lsn(bytes + at) > gate.flushed_to) {
            ck_abort_msg("page %" PRIu32 " goes to \"%s\" before its log record", page, path);
        }
        if (in_place) {
            ck_assert_uint_eq(offset + at, (uint64_t)page * PAGE_BYTES);
            disk.pages[disk.count++] = page;
        }
    }
}

static void setup(void)
{
    fly_sim_env_init(&sim, NULL);
    spy_init(&spy, sim.env.vfs, watch_write, &disk);
    sim.env.vfs = &spy.vfs;
    memset(&gate, 0, sizeof gate);
}

static void teardown(void)
{
    fly_sim_env_deinit(&sim);
}

static void open_pool(int backend)
{
    fly_bufpool_options options = pool_options(SLOTS);
    options.backend = backends[backend];
    options.gate = (fly_flush_gate){log_flushed_to, &gate};
    options.batch_pages = 8;
    pool_world_open(&w, &sim, PAGES, &options);
    memset(&disk, 0, sizeof disk);
}

static void close_pool(void)
{
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    pool_world_close(&w);
}

static void change(uint32_t page, uint32_t version, uint64_t lsn)
{
    FLY_CHECK_OK(write_version(w.pool, page, version, lsn, &w.err), w.err);
}

static uint32_t flush(uint64_t lsn, uint32_t limit)
{
    uint32_t written = 0;
    FLY_CHECK_OK(fly_bufpool_flush(w.pool, lsn, limit, &written, &w.err), w.err);
    return written;
}

static uint32_t version_on_disk(uint32_t page)
{
    static uint8_t bytes[PAGE_BYTES] __attribute__((aligned(FLY_DIRECT_ALIGN)));
    FLY_CHECK_OK(fly_pagefile_read(w.file, page, bytes, &w.err), w.err);
    return version_of_page(bytes, page);
}

static bool is_dirty(uint32_t page)
{
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, page, &ref, &w.err), w.err);
    bool dirty = fly_bufpool_is_dirty(w.pool, &ref);
    fly_bufpool_unfix_shared(&ref);
    return dirty;
}

/* ---------------------------------------------------------------------------- order */

START_TEST(the_log_goes_first_up_to_the_newest_change)
{
    open_pool(_i);
    change(5, 1, 100);
    change(5, 2, 170);
    change(6, 1, 160);
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 2);
    ck_assert_int_eq(gate.calls, 1);
    ck_assert_uint_eq(gate.newest, 170);
    ck_assert_uint_eq(disk.count, 2);
    ck_assert_uint_eq(version_on_disk(5), 2);
    ck_assert_uint_eq(version_on_disk(6), 1);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), UINT64_MAX);
    close_pool();
}
END_TEST

START_TEST(pages_go_in_order_of_number_and_neighbours_together)
{
    open_pool(_i);
    static const uint32_t order[] = {40, 9, 7, 100, 8, 41};
    for (uint32_t i = 0; i < 6; i++) {
        change(order[i], 1, 10 + i);
    }
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 6);
    static const uint32_t wanted[] = {7, 8, 9, 40, 41, 100};
    ck_assert_uint_eq(disk.count, 6);
    ck_assert_mem_eq(disk.pages, wanted, sizeof wanted);
    ck_assert_uint_eq(disk.writes, 3);
    ck_assert_uint_eq(stats_of(w.pool).batches, 1);
    ck_assert_uint_eq(stats_of(w.pool).writes, 6);
    close_pool();
}
END_TEST

START_TEST(more_pages_than_a_batch_holds_go_in_several)
{
    open_pool(_i);
    for (uint32_t i = 0; i < 20; i++) {
        change(5 + 2 * i, 1, 10 + i);
    }
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 20);
    ck_assert_uint_eq(stats_of(w.pool).batches, 3);
    ck_assert_int_eq(gate.calls, 3);
    ck_assert_uint_eq(stats_of(w.pool).dirty, 0);
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 0);
    ck_assert_int_eq(gate.calls, 3);
    close_pool();
}
END_TEST

START_TEST(only_changes_older_than_asked_for_are_written)
{
    open_pool(_i);
    change(5, 1, 100);
    change(6, 1, 200);
    change(7, 1, 300);
    change(8, 1, FLY_BUFPOOL_UNLOGGED);
    change(5, 2, 400); /* its oldest change is what counts */
    ck_assert_uint_eq(flush(100, 0), 0);
    ck_assert_uint_eq(flush(201, 0), 2);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 300);
    ck_assert_uint_eq(flush(UINT64_MAX - 1, 0), 1);
    ck_assert(is_dirty(8));
    gate.flushed_to = FLY_BUFPOOL_UNLOGGED; /* what this test wrote into page 8 for its LSN */
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 1);
    ck_assert(!is_dirty(8));
    close_pool();
}
END_TEST

START_TEST(no_more_pages_are_written_than_the_limit_says)
{
    open_pool(_i);
    for (uint32_t i = 0; i < 20; i++) {
        change(5 + i, 1, 10 + i);
    }
    ck_assert_uint_eq(flush(UINT64_MAX, 1), 1);
    ck_assert_uint_eq(flush(UINT64_MAX, 9), 9);
    ck_assert_uint_eq(stats_of(w.pool).dirty, 10);
    ck_assert_uint_eq(flush(UINT64_MAX, 100), 10);
    close_pool();
}
END_TEST

/* ---------------------------------------------------------- what happens in the meantime */

static void change_five(void)
{
    change(5, 2, 150);
}

START_TEST(a_page_that_changes_while_it_is_written_stays_dirty)
{
    open_pool(_i);
    change(5, 1, 100);
    change(6, 1, 110);
    gate.meanwhile = change_five;
    ck_assert_uint_eq(flush(120, 2), 2);
    ck_assert_uint_eq(version_on_disk(5), 1);
    ck_assert(is_dirty(5));
    ck_assert(!is_dirty(6));
    /* The record at 100 is on disk, whatever comes behind it is not. */
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 101);
    gate.meanwhile = NULL;
    ck_assert_uint_eq(flush(120, 0), 1);
    ck_assert_uint_eq(version_on_disk(5), 2);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), UINT64_MAX);
    close_pool();
}
END_TEST

static void change_five_again(void)
{
    static uint32_t version = 100;
    version++;
    change(5, version, version);
}

START_TEST(a_flush_comes_back_until_what_is_dirty_is_new)
{
    open_pool(_i);
    change(5, 1, 100);
    gate.meanwhile = change_five_again; /* 101, 102, 103 ... */
    ck_assert_uint_eq(flush(105, 0), 5);
    ck_assert_uint_eq(version_on_disk(5), 104);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 105);
    close_pool();
}
END_TEST

START_TEST(a_flush_of_everything_ends_though_pages_change_all_the_time)
{
    open_pool(_i);
    change(5, 1, 100);
    change(6, 1, 110);
    gate.meanwhile = change_five_again;
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 2);
    ck_assert(is_dirty(5));
    close_pool();
}
END_TEST

static void drop_five(void)
{
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 5, &ref, &w.err), w.err);
    fly_bufpool_drop(w.pool, &ref);
}

static void drop_five_and_make_it_anew(void)
{
    fly_pageref ref;
    drop_five();
    FLY_CHECK_OK(fly_bufpool_fix_new(w.pool, 5, &ref, &w.err), w.err);
    fly_bufpool_dirty(w.pool, &ref, 150);
    stamp(ref.bytes, 5, 7);
    fly_page_set_lsn(ref.bytes, 150);
    fly_bufpool_unfix_exclusive(&ref);
}

START_TEST(a_page_that_is_dropped_while_it_is_written_is_gone)
{
    open_pool(_i);
    change(5, 1, 100);
    gate.meanwhile = drop_five;
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 1);
    ck_assert(!fly_bufpool_has(w.pool, 5));
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), UINT64_MAX);
    close_pool();
}
END_TEST

START_TEST(a_page_made_anew_while_its_former_life_is_written_stays_dirty)
{
    open_pool(_i);
    change(5, 1, 100);
    gate.meanwhile = drop_five_and_make_it_anew;
    ck_assert_uint_eq(flush(120, 0), 1);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 150);
    gate.meanwhile = NULL;
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 1);
    ck_assert_uint_eq(version_on_disk(5), 7);
    close_pool();
}
END_TEST

/* -------------------------------------------------------------------------- what fails */

START_TEST(a_gate_that_stays_shut_keeps_pages_dirty)
{
    open_pool(_i);
    change(5, 1, 100);
    uint32_t written = 77;
    gate.answer = FLY_E_STOPPED;
    FLY_CHECK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, &written, &w.err), FLY_E_STOPPED, w.err);
    FLY_CHECK_SAYS(w.err.message, "the log says no");
    ck_assert_uint_eq(written, 77);
    ck_assert_uint_eq(disk.count, 0);
    ck_assert(is_dirty(5));
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 100);
    gate.answer = FLY_OK;
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 1);
    ck_assert_uint_eq(version_on_disk(5), 1);
    close_pool();
}
END_TEST

START_TEST(a_gate_that_stays_shut_keeps_nobody_from_clean_pages)
{
    open_pool(_i);
    for (uint32_t i = 0; i < SLOTS / 2; i++) {
        change(5 + i, 1, 100 + i);
    }
    gate.answer = FLY_E_STOPPED;
    for (uint32_t page = 100; page < 250; page++) {
        uint32_t version;
        FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
    }
    ck_assert_uint_eq(stats_of(w.pool).dirty, SLOTS / 2);
    close_pool();
}
END_TEST

START_TEST(who_needs_a_slot_hears_that_the_log_has_stopped)
{
    open_pool(_i);
    for (uint32_t i = 0; i < SLOTS; i++) {
        change(5 + i, 1, 100 + i);
    }
    gate.answer = FLY_E_STOPPED;
    fly_pageref ref;
    FLY_CHECK(fly_bufpool_observe(w.pool, 200, &ref, &w.err), FLY_E_STOPPED, w.err);
    FLY_CHECK_SAYS(w.err.message, "the log says no");
    FLY_CHECK(fly_bufpool_fix_new(w.pool, 200, &ref, &w.err), FLY_E_STOPPED, w.err);
    ck_assert_uint_eq(stats_of(w.pool).dirty, SLOTS);
    gate.answer = FLY_OK;
    FLY_CHECK_OK(fly_bufpool_observe(w.pool, 200, &ref, &w.err), w.err);
    fly_bufpool_forget(&ref);
    close_pool();
}
END_TEST

START_TEST(a_failed_write_keeps_pages_dirty_and_the_pool_readable)
{
    open_pool(_i);
    for (uint32_t i = 0; i < 20; i++) {
        change(5 + i, 1, 100 + i);
    }
    uint32_t written = 77;
    fly_sim_disk_arm(sim.disk, &(fly_sim_fault){.calls = FLY_SIM_WRITE, .at = 3});
    FLY_CHECK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, &written, &w.err), FLY_E_IO, w.err);
    ck_assert_uint_eq(written, 77);
    ck_assert_uint_ge(stats_of(w.pool).dirty, 12);
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 108);
    FLY_CHECK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, &w.err), FLY_E_STOPPED, w.err);
    for (uint32_t page = 5; page < 250; page++) {
        uint32_t version = 0;
        FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
        ck_assert_uint_eq(version, page < 25);
    }
    close_pool();
    /* What is on disk now is repaired, and whole. */
    FLY_CHECK_OK(open_file(&sim, &w.file, &w.err), w.err);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
        ck_assert_uint_le(version_on_disk(page), 1);
    }
    fly_pagefile_close(w.file);
}
END_TEST

START_TEST(a_flush_without_memory_changes_nothing)
{
    open_pool(_i);
    change(5, 1, 100);
    fly_test_mem_fail(&sim.mem, 0, false);
    FLY_CHECK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, &w.err), FLY_E_NO_MEMORY, w.err);
    ck_assert_uint_eq(disk.count, 0);
    ck_assert(is_dirty(5));
    ck_assert_uint_eq(flush(UINT64_MAX, 0), 1);
    close_pool();
}
END_TEST

/* ------------------------------------------------------------------ cleaning for eviction */

static fly_pageref held;

static void hold_five(void)
{
    if (held.page == 0) {
        FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 5, &held, &w.err), w.err);
    }
}

START_TEST(a_page_that_is_in_use_when_its_copy_is_durable_stays_dirty)
{
    open_pool(_i);
    held.page = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        change(5 + i, 1, 100 + i);
    }
    gate.meanwhile = hold_five;
    for (uint32_t page = 100; page < 200; page++) { /* until all others were written and went */
        uint32_t version;
        FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
    }
    ck_assert(fly_bufpool_is_dirty(w.pool, &held));
    ck_assert_uint_eq(fly_bufpool_oldest_lsn(w.pool), 100);
    fly_bufpool_unfix_unchanged(&held);
    gate.meanwhile = NULL;
    ck_assert_uint_ge(flush(UINT64_MAX, 0), 1);
    close_pool();
}
END_TEST

START_TEST(many_pages_are_written_at_once_to_free_one_slot)
{
    open_pool(_i);
    for (uint32_t i = 0; i < SLOTS; i++) {
        change(5 + i, 1, 100 + i);
    }
    uint32_t version;
    FLY_CHECK_OK(read_shared(w.pool, 200, &version, &w.err), w.err);
    ck_assert_uint_eq(stats_of(w.pool).batches, 1);
    ck_assert_uint_eq(stats_of(w.pool).writes, 8);
    close_pool();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flush");
    TCase *tests = fly_test_case(suite, "one thread");
    tcase_set_timeout(tests, 20);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, the_log_goes_first_up_to_the_newest_change, 0, BACKENDS);
    tcase_add_loop_test(tests, pages_go_in_order_of_number_and_neighbours_together, 0, BACKENDS);
    tcase_add_loop_test(tests, more_pages_than_a_batch_holds_go_in_several, 0, BACKENDS);
    tcase_add_loop_test(tests, only_changes_older_than_asked_for_are_written, 0, BACKENDS);
    tcase_add_loop_test(tests, no_more_pages_are_written_than_the_limit_says, 0, BACKENDS);
    tcase_add_loop_test(tests, a_page_that_changes_while_it_is_written_stays_dirty, 0, BACKENDS);
    tcase_add_loop_test(tests, a_flush_comes_back_until_what_is_dirty_is_new, 0, BACKENDS);
    tcase_add_loop_test(tests, a_flush_of_everything_ends_though_pages_change_all_the_time, 0,
                        BACKENDS);
    tcase_add_loop_test(tests, a_page_that_is_dropped_while_it_is_written_is_gone, 0, BACKENDS);
    tcase_add_loop_test(tests, a_page_made_anew_while_its_former_life_is_written_stays_dirty, 0,
                        BACKENDS);
    tcase_add_loop_test(tests, a_gate_that_stays_shut_keeps_pages_dirty, 0, BACKENDS);
    tcase_add_loop_test(tests, a_gate_that_stays_shut_keeps_nobody_from_clean_pages, 0, BACKENDS);
    tcase_add_loop_test(tests, who_needs_a_slot_hears_that_the_log_has_stopped, 0, BACKENDS);
    tcase_add_loop_test(tests, a_failed_write_keeps_pages_dirty_and_the_pool_readable, 0, BACKENDS);
    tcase_add_loop_test(tests, a_flush_without_memory_changes_nothing, 0, BACKENDS);
    tcase_add_loop_test(tests, a_page_that_is_in_use_when_its_copy_is_durable_stays_dirty, 0,
                        BACKENDS);
    tcase_add_loop_test(tests, many_pages_are_written_at_once_to_free_one_slot, 0, BACKENDS);
    return fly_test_run(suite);
}
