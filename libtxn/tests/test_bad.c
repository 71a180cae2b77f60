/*
 * Goal: what is not a store, or not a sound one, or not ours to open, is refused with a message that names
 * the file and says what is wrong with it; and never a crash, and never other data than was written.
 * Method: stores that are mistreated in one way each, up to a bit flip in every place.
 */
#include "txn_world.h"

#include <fly/page_file.h>

#include <inttypes.h>

static void fill(int from, int to)
{
    char key[16];
    for (int i = from; i < to; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        set(key, "value");
    }
}

/* A closed store with 100 entries. */
static void set_up_closed(void)
{
    set_up();
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    char key[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        put(txn, key, "value");
    }
    commit(txn);
    close_store();
}

static void open_again(void)
{
    open_store();
    tree = find_tree("t");
}

static void tear_down_closed(void)
{
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    tear_down_world();
}

static void refused(fly_status wanted, const char *says)
{
    store = NULL;
    FLY_CHECK(fly_store_open(&world.env, "data", &options, &store, &err), wanted, err);
    ck_assert_ptr_null(store);
    FLY_CHECK_SAYS(err.message, says);
}

/* ------------------------------------------------------------------------- what is there */

START_TEST(where_there_is_no_store_none_is_made_unasked)
{
    options.create = false;
    FLY_CHECK(fly_store_open(&world.env, "nowhere", &options, &store, &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_SAYS(err.message, "there is no store in \"nowhere\"");
    ck_assert(!fly_vfs_exists(world.env.vfs, "nowhere"));
}
END_TEST

START_TEST(a_file_that_is_not_ours_is_refused)
{
    static const char poem[] = "Two roads diverged in a yellow wood, and sorry I could not travel "
                               "both";
    fly_sim_disk_load(world.disk, "data/data.db", fly_bytes_of(poem, sizeof poem));
    refused(FLY_E_FORMAT, "data.db");
}
END_TEST

START_TEST(an_empty_file_is_refused)
{
    fly_sim_disk_load(world.disk, "data/data.db", fly_bytes_of("", 0));
    refused(FLY_E_FORMAT, "data.db");
}
END_TEST

START_TEST(another_version_is_refused)
{
    fly_pagefile *file = NULL;
    uint8_t meta[48];
    FLY_CHECK_OK(fly_pagefile_open(&world.env, "data/data.db", NULL, &(fly_pagefile_options){0},
                                   &file, &err),
                 err);
    memcpy(meta, fly_pagefile_meta(file), sizeof meta);
    meta[0] = 2;
    fly_pagefile_set_meta(file, meta, sizeof meta);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 0, NULL, &err), err);
    fly_pagefile_close(file);
    refused(FLY_E_FORMAT,
            "the store in \"data\" has format version 2; this program reads version 1");
}
END_TEST

/* Not a page file of a store: its meta is all zeros. */
START_TEST(a_page_file_of_somebody_else_is_refused)
{
    fly_pagefile *file = NULL;
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, "data/data.db", &err), err);
    FLY_CHECK_OK(fly_pagefile_open(&world.env, "data/data.db", NULL,
                                   &(fly_pagefile_options){.create = true, .page_size = 4096},
                                   &file, &err),
                 err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 0, NULL, &err), err);
    fly_pagefile_close(file);
    refused(FLY_E_FORMAT, "format version 0");
}
END_TEST

START_TEST(another_page_size_is_refused)
{
    options.page_size = 8192;
    options.wal_ring_size = 1 << 20;
    options.wal_segment_size = 1 << 20;
    refused(FLY_E_INVALID, "data.db");
}
END_TEST

START_TEST(a_log_too_small_for_its_pages_is_refused)
{
    options.wal_ring_size = 32 * KIB;
    refused(FLY_E_INVALID, "a log ring of 32768 bytes is too small for pages of 4096");
    options.wal_ring_size = 0;
    options.wal_segment_size = 16 * KIB;
    refused(FLY_E_INVALID, "log segments of 16384 bytes are too small");
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
    static char path[4096];
    memset(path, 'x', sizeof path - 1);
    FLY_CHECK(fly_store_open(&world.env, path, &options, &store, &err), FLY_E_TOO_LARGE, err);
    FLY_CHECK_SAYS(err.message, "is too long");
}
END_TEST

START_TEST(a_file_cut_short_is_refused)
{
    fly_file *file = NULL;
    static const uint64_t lengths[] = {4096, 8192, 5000, 3 * 4096};
    FLY_CHECK_OK(fly_file_open(world.env.vfs, "data/data.db", FLY_OPEN_WRITE, &file, &err), err);
    FLY_CHECK_OK(fly_file_truncate(file, lengths[_i], &err), err);
    FLY_CHECK_OK(fly_file_sync(file, &err), err);
    fly_file_abandon(file);
    store = NULL;
    fly_status status = fly_store_open(&world.env, "data", &options, &store, &err);
    if (status == FLY_OK) { /* what is missing shows when somebody wants it */
        status = fly_store_verify(store, NULL, NULL, &err);
        fly_store_abandon(store);
    }
    ck_assert_msg(status == FLY_E_CORRUPT || status == FLY_E_FORMAT, "%s", fly_status_name(status));
    FLY_CHECK_SAYS(err.message, "data.db");
}
END_TEST

START_TEST(a_log_that_is_gone_is_missed)
{
    open_again();
    fill(0, 10);
    fly_store_abandon(store);
    FLY_CHECK_OK(fly_vfs_remove_tree(world.env.vfs, "data/wal", &err), err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_ALL, 1);
    refused(FLY_E_CORRUPT, "wal");
}
END_TEST

/* -------------------------------------------------------------------- what others do */

START_TEST(a_store_is_opened_by_one_at_a_time)
{
    fly_store *second = NULL;
    open_store();
    FLY_CHECK(fly_store_open(&world.env, "data", &options, &second, &err), FLY_E_LOCKED, err);
    FLY_CHECK_SAYS(err.message, "data/lock");
    ck_assert_ptr_null(second);
    close_store();
    open_store();
    close_store();
}
END_TEST

START_TEST(who_may_not_is_told_which_file)
{
    fly_sim_disk_arm(world.disk, &(fly_sim_fault){.trouble = FLY_SIM_FAILS,
                                                  .error = 13 /* EACCES */,
                                                  .calls = FLY_SIM_OPEN,
                                                  .at = (uint64_t)_i});
    refused(FLY_E_PERMISSION, "\"data/");
    fly_sim_disk_disarm(world.disk);
    open_again();
    ck_assert_str_eq(now("key 7"), "value");
    close_store();
}
END_TEST

START_TEST(a_full_disk_makes_no_store)
{
    uint64_t capacity = 4096 * (uint64_t)(1 + _i * 4);
    fly_sim_disk_set_capacity(world.disk, capacity);
    FLY_CHECK(fly_store_open(&world.env, "other", &options, &store, &err), FLY_E_NO_SPACE, err);
    FLY_CHECK_SAYS(err.message, "\"other/");
    fly_sim_disk_set_capacity(world.disk, 0);
    FLY_CHECK_OK(fly_store_open(&world.env, "other", &options, &store, &err), err);
    close_store();
}
END_TEST

/* --------------------------------------------------------------------------- reading only */

START_TEST(a_store_can_be_looked_at)
{
    options.read_only = true;
    options.create = false;
    open_again();
    ck_assert_str_eq(now("key 7"), "value");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK(fly_txn_put(txn, tree, text("x"), text("y"), &err), FLY_E_READ_ONLY, err);
    FLY_CHECK(fly_txn_delete(txn, tree, text("key 7"), &err), FLY_E_READ_ONLY, err);
    FLY_CHECK(fly_txn_tree_drop(txn, "t", &err), FLY_E_READ_ONLY, err);
    FLY_CHECK(fly_txn_prepare(txn, text("p"), &err), FLY_E_READ_ONLY, err);
    fly_txn_rollback(txn);
    FLY_CHECK(fly_store_checkpoint(store, &err), FLY_E_READ_ONLY, err);
    FLY_CHECK(fly_store_backup_to(store, "copy", NULL, &err), FLY_E_READ_ONLY, err);
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    verify_store();
    close_store();
}
END_TEST

START_TEST(a_store_that_was_not_closed_is_not_looked_at)
{
    open_again();
    set("x", "y");
    fly_store_abandon(store);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_ALL, 1);
    options.read_only = true;
    refused(FLY_E_READ_ONLY, "was not closed cleanly");
}
END_TEST

/* ----------------------------------------------------------------------------- bit flips */

/* Read everything. FLY_OK: all of it is there, and right. */
static fly_status read_everything(int count)
{
    fly_txn *txn = NULL;
    fly_tree *found = NULL;
    fly_status status = fly_store_verify(store, NULL, NULL, &err);
    if (status == FLY_OK) {
        status = fly_txn_begin(store, NULL, &txn, &err);
    }
    if (status == FLY_OK) {
        status = fly_txn_tree_open(txn, "t", 0, &found, &err);
    }
    for (int i = 0; i < count && status == FLY_OK; i++) {
        char key[16];
        char buffer[16];
        uint64_t len = 0;
        (void)snprintf(key, sizeof key, "key %d", i);
        status = fly_txn_get(txn, found, text(key), buffer, sizeof buffer, &len, &err);
        FLY_ASSERT(status != FLY_OK || (len == 5 && memcmp(buffer, "value", 5) == 0));
    }
    fly_txn_rollback(txn);
    return status;
}

/* Open a copy of the store in which one bit of a file is flipped. */
static fly_status open_flipped(fly_sim_env *copy, const char *path, uint64_t bit)
{
    fly_sim_env_init_with(copy, NULL, fly_sim_disk_clone(world.disk));
    FLY_ASSERT(fly_sim_disk_flip(copy->disk, path, bit) == FLY_OK);
    store = NULL;
    return fly_store_open(&copy->env, "data", &options, &store, &err);
}

static void drop_flipped(fly_sim_env *copy)
{
    FLY_ASSERT(fly_sim_disk_handles(copy->disk) == 0);
    fly_sim_env_deinit(copy);
}

/* Flip a bit in a copy, open that, read everything. How it went. */
static fly_status with_flip(const char *path, uint64_t bit, int count)
{
    fly_sim_env copy;
    fly_status status = open_flipped(&copy, path, bit);
    if (status == FLY_OK) {
        status = read_everything(count);
        fly_store_abandon(store);
    }
    drop_flipped(&copy);
    return status;
}

/* Where a page file has bytes that count: up to the pages in use. */
START_TEST(no_flipped_bit_of_a_page_file_goes_unnoticed)
{
    enum { PAGES = 5, STRIDE = 61 };
    uint64_t stride = STRIDE / fly_test_rounds(1);
    uint64_t noticed = 0;
    uint64_t tried = 0;
    for (uint64_t at = 0; at<(uint64_t)PAGES * 4096; at += stride> 0 ? stride : 1) {
        fly_status status = with_flip("data/data.db", at * 8 + at % 8, 100);
        ck_assert_msg(status == FLY_OK || status == FLY_E_CORRUPT || status == FLY_E_FORMAT ||
                          status == FLY_E_INVALID,
                      "byte %d: %s: %s", (int)at, fly_status_name(status), err.message);
        if (status != FLY_OK) {
            ck_assert_msg(strstr(err.message, "data") != NULL, "byte %d: %s", (int)at, err.message);
        }
        noticed += status != FLY_OK;
        tried++;
    }
    ck_assert_uint_ge(noticed * 10, tried * 5); /* the rest lies in what is mended or never read */
}
END_TEST

/* How many of the entries 100 to 100 + count are there; those that are must be the first. */
static int count_first(int count)
{
    int there = 0;
    bool gap = false;
    tree = find_tree("t");
    ck_assert_ptr_nonnull(tree);
    for (int i = 100; i < 100 + count; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key %d", i);
        bool found = strcmp(now(key), "-") != 0;
        ck_assert(!gap || !found);
        gap = gap || !found;
        there += found;
    }
    return there;
}

/* After a crash the log is all there is. A flip cuts it off, as power would that goes while it is
 * written; or it is seen, if something behind it says that this was durable (docs/formats/wal.md). What
 * comes back is never something else than was committed, in its order. */
START_TEST(a_flipped_bit_of_a_log_is_noticed_or_is_its_end)
{
    enum { COUNT = 20, STRIDE = 17 };
    uint64_t stride = STRIDE / fly_test_rounds(1);
    open_again();
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    uint64_t from = fly_wal_next(fly_store_wal(store));
    fill(100, 100 + COUNT);
    uint64_t to = fly_wal_next(fly_store_wal(store));
    fly_store_abandon(store);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    ck_assert_uint_eq(from / options.wal_segment_size, to / options.wal_segment_size);
    char name[FLY_WAL_NAME_MAX];
    char path[64];
    fly_wal_segment_name(from / options.wal_segment_size, name);
    (void)snprintf(path, sizeof path, "data/wal/%s", name);
    for (uint64_t lsn = from; lsn<to; lsn += stride> 0 ? stride : 1) {
        uint64_t at = lsn % options.wal_segment_size;
        fly_sim_env copy;
        fly_status status = open_flipped(&copy, path, at * 8 + at % 8);
        if (status == FLY_OK) {
            verify_store();
            (void)count_first(COUNT);
            fly_store_abandon(store);
        } else {
            FLY_CHECK(status, FLY_E_CORRUPT, err);
            FLY_CHECK_SAYS(err.message, "wal");
        }
        drop_flipped(&copy);
    }
}
END_TEST

/* --------------------------------------------------------------------------- failed syncs */

START_TEST(after_a_failed_sync_nothing_is_believed_until_the_store_is_opened_again)
{
    options.buffered = _i % 2 == 0;
    open_again();
    set("before", "1");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "during", "1");
    fly_txn *other = begin(FLY_ISOLATION_DEFAULT);
    put(other, "other", "1");
    fly_sim_fault fault = {
        .trouble = FLY_SIM_FAILS, .calls = FLY_SIM_SYNC | FLY_SIM_WRITE, .lasting = _i < 2};
    fly_sim_disk_arm(world.disk, &fault);
    FLY_CHECK(fly_txn_commit(txn, &err), FLY_E_STOPPED, err);
    fly_sim_disk_disarm(world.disk);
    FLY_CHECK(fly_txn_put(other, tree, text("more"), text("1"), &err), FLY_E_STOPPED, err);
    FLY_CHECK(fly_txn_commit(other, &err), FLY_E_STOPPED, err);
    FLY_CHECK(fly_store_checkpoint(store, &err), FLY_E_STOPPED, err);
    txn = begin(FLY_ISOLATION_DEFAULT);
    ck_assert_str_eq(see(txn, "before"), "1");
    ck_assert_str_eq(see(txn, "during"), "-"); /* not seen, and locked */
    fly_txn_rollback(txn);
    FLY_CHECK(fly_store_close(store, &err), FLY_E_STOPPED, err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    open_again();
    ck_assert_str_eq(now("before"), "1");
    ck_assert_str_eq(now("other"), "-");
    verify_store();
    close_store();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bad");
    TCase *tests = fly_test_case(suite, "stores that are not");
    tcase_add_checked_fixture(tests, set_up_world, tear_down_closed);
    tcase_add_test(tests, where_there_is_no_store_none_is_made_unasked);
    tcase_add_test(tests, a_file_that_is_not_ours_is_refused);
    tcase_add_test(tests, an_empty_file_is_refused);
    tcase_add_test(tests, a_path_that_is_too_long_is_refused);
    tests = fly_test_case(suite, "stores that are mistreated");
    tcase_add_checked_fixture(tests, set_up_closed, tear_down_closed);
    tcase_add_test(tests, another_version_is_refused);
    tcase_add_test(tests, a_page_file_of_somebody_else_is_refused);
    tcase_add_test(tests, another_page_size_is_refused);
    tcase_add_test(tests, a_log_too_small_for_its_pages_is_refused);
    tcase_add_loop_test(tests, a_file_cut_short_is_refused, 0, 4);
    tcase_add_test(tests, a_log_that_is_gone_is_missed);
    tcase_add_test(tests, a_store_is_opened_by_one_at_a_time);
    tcase_add_loop_test(tests, who_may_not_is_told_which_file, 0, 6);
    tcase_add_loop_test(tests, a_full_disk_makes_no_store, 0, 4);
    tcase_add_test(tests, a_store_can_be_looked_at);
    tcase_add_test(tests, a_store_that_was_not_closed_is_not_looked_at);
    tcase_add_test(tests, no_flipped_bit_of_a_page_file_goes_unnoticed);
    tcase_add_test(tests, a_flipped_bit_of_a_log_is_noticed_or_is_its_end);
    tcase_add_loop_test(
        tests, after_a_failed_sync_nothing_is_believed_until_the_store_is_opened_again, 0, 4);
    return fly_test_run(suite);
}
