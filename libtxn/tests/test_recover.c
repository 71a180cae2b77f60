/*
 * Goal: after a crash everything that was committed is there and nothing else, whatever the
 * transactions were doing.
 * Method: scenes, each ended by a crash that loses what was not synced, or by one that keeps it. The
 * sweep over every write is in test_crash.c; here is what recovery has to know.
 */
#include "txn_world.h"

START_TEST(what_was_committed_is_there)
{
    set("apple", "red");
    set("plum", "blue");
    crash_store();
    ck_assert_str_eq(now("apple"), "red");
    ck_assert_str_eq(now("plum"), "blue");
}
END_TEST

START_TEST(what_was_not_committed_is_gone)
{
    set("apple", "red");
    set("plum", "blue");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "green");
    erase(txn, "plum");
    put(txn, "fig", "brown");
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err); /* its changes reach the disk */
    crash_store();
    ck_assert_str_eq(now("apple"), "red");
    ck_assert_str_eq(now("plum"), "blue");
    ck_assert_str_eq(now("fig"), "-");
}
END_TEST

/* A transaction's old versions fill several extents, each with a number of its own. */
START_TEST(a_transaction_of_many_numbers_is_undone)
{
    char key[16];
    char value[300];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 400; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        set(key, value);
    }
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < 400; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        put(txn, key, "changed");
    }
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    crash_store();
    for (int i = 0; i < 400; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        ck_assert_str_eq(now(key), value);
    }
}
END_TEST

START_TEST(changes_of_a_tree_that_the_same_transaction_dropped_are_undone)
{
    set("apple", "red");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "green");
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    crash_store();
    ck_assert_ptr_nonnull(tree);
    ck_assert_str_eq(now("apple"), "red");
}
END_TEST

START_TEST(a_long_value_in_a_tree_that_the_same_transaction_dropped_is_undone)
{
    static char value[10000];
    memset(value, 'x', sizeof value - 1);
    set("apple", "red");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", value);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    crash_store();
    ck_assert_ptr_nonnull(tree);
    ck_assert_str_eq(now("apple"), "red");
}
END_TEST

/* Lose the newest `count` records of the log: as if power had gone while they were written. */
static void crash_before_records(size_t count)
{
    enum { LAST = 64 };
    uint64_t lsns[LAST];
    size_t records = 0;
    fly_wal_reader *reader = NULL;
    fly_wal_record record;
    fly_wal *wal = fly_store_wal(store);
    FLY_CHECK_OK(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_FULL, &err), err);
    FLY_CHECK_OK(fly_wal_reader_open(&world.env, "data/wal", wal, NULL, NULL, 0, &reader, &err),
                 err);
    while (fly_wal_reader_next(reader, &record, &err) == FLY_OK) {
        lsns[records++ % LAST] = record.lsn;
    }
    fly_wal_reader_close(reader);
    fly_store_abandon(store);
    ck_assert_uint_ge(records, count);
    for (size_t i = records - count; i < records; i++) {
        char name[FLY_WAL_NAME_MAX];
        char path[64];
        uint64_t lsn = lsns[i % LAST];
        fly_wal_segment_name(lsn / options.wal_segment_size, name);
        (void)snprintf(path, sizeof path, "data/wal/%s", name);
        ck_assert(fly_sim_disk_flip(world.disk, path, lsn % options.wal_segment_size * 8) ==
                  FLY_OK);
    }
    open_store();
    tree = find_tree("t");
}

/* Making and dropping a tree takes several records: wherever power goes between them, what was
 * changed in the tree can be undone. */
START_TEST(a_drop_is_undone_wherever_power_goes)
{
    set("apple", "red");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "green");
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    crash_before_records((size_t)_i);
    ck_assert_ptr_nonnull(tree);
    ck_assert_str_eq(now("apple"), "red");
}
END_TEST

START_TEST(a_tree_that_was_made_is_undone_wherever_power_goes)
{
    fly_tree *other = NULL;
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_open(txn, "other", FLY_TREE_CREATE, &other, &err), err);
    put_in(txn, other, "apple", "green");
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "other", &err), err);
    crash_before_records((size_t)_i);
    ck_assert_ptr_null(find_tree("other"));
}
END_TEST

/* Destroying a tree takes many records, and its long values go before the leaf that leads to them. */
START_TEST(destroying_a_tree_goes_on_where_power_went)
{
    static char value[12000];
    char key[16];
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    uint64_t used = stats.used_pages - 1; /* without the tree's root */
    memset(value, 'x', sizeof value - 1);
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        value[300] = i % 50 == 0 ? 'x' : '\0';
        put(txn, key, value);
    }
    commit(txn);
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    commit(txn);
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    crash_before_records((size_t)_i);
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    fly_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.used_pages, used);
}
END_TEST

/* A prepared transaction that has nothing to do with it keeps the rest of the pages waiting. */
START_TEST(a_tree_that_is_half_destroyed_is_nobodys_complaint)
{
    static char value[12000];
    char key[16];
    memset(value, 'x', sizeof value - 1);
    (void)make_tree("other");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        value[300] = i % 10 == 0 ? 'x' : '\0';
        put(txn, key, value);
    }
    commit(txn);
    txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    commit(txn);
    fly_test_mem_fail(&world.mem, (uint64_t)_i, true); /* in the middle of destroying it */
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    fly_test_mem_mend(&world.mem);
    txn = begin(FLY_ISOLATION_DEFAULT);
    put_in(txn, find_tree("other"), "apple", "red");
    FLY_CHECK_OK(fly_txn_prepare(txn, text("p"), &err), err);
    kill_store();
    verify_store();
    FLY_CHECK_OK(fly_store_prepared(store, text("p"), &txn, &err), err);
    commit(txn);
    ck_assert_ptr_null(tree);
}
END_TEST

START_TEST(changes_of_a_tree_that_somebody_else_dropped_are_undone)
{
    fly_txn *writer = begin(FLY_ISOLATION_DEFAULT);
    put(writer, "apple", "green");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    commit(txn);
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    crash_store();
    ck_assert_ptr_null(tree);
}
END_TEST

/* The pages of a value that was replaced are in no leaf: dropping the tree must not forget them. */
START_TEST(replaced_long_values_of_a_dropped_tree_give_their_pages_back)
{
    static char value[20000];
    fly_store_stats before;
    fly_store_stats after;
    memset(value, 'x', sizeof value - 1);
    fly_store_get_stats(store, &before);
    set("long", value);
    set("longer", value);
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "x"), "-");
    set("long", "short");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    erase(txn, "longer");
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    commit(txn);
    commit(reader);
    if (_i == 1) {
        crash_store();
    }
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    fly_store_get_stats(store, &after);
    ck_assert_uint_eq(after.used_pages, before.used_pages - 1); /* the tree's root */
    ck_assert_ptr_nonnull(make_tree("t"));
}
END_TEST

START_TEST(a_tree_that_was_never_committed_gives_its_pages_back)
{
    fly_store_stats before;
    fly_store_stats after;
    fly_tree *other = NULL;
    fly_store_get_stats(store, &before);
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_open(txn, "other", FLY_TREE_CREATE, &other, &err), err);
    put_in(txn, other, "apple", "red");
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    crash_store();
    ck_assert_ptr_null(find_tree("other"));
    fly_store_get_stats(store, &after);
    ck_assert_uint_eq(after.used_pages, before.used_pages);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recover");
    TCase *tests = fly_test_case(suite, "recovery");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_committed_is_there);
    tcase_add_test(tests, what_was_not_committed_is_gone);
    tcase_add_test(tests, a_transaction_of_many_numbers_is_undone);
    tcase_add_test(tests, changes_of_a_tree_that_the_same_transaction_dropped_are_undone);
    tcase_add_test(tests, a_long_value_in_a_tree_that_the_same_transaction_dropped_is_undone);
    tcase_add_loop_test(tests, a_drop_is_undone_wherever_power_goes, 0, 4);
    tcase_add_loop_test(tests, a_tree_that_was_made_is_undone_wherever_power_goes, 0, 6);
    tcase_add_loop_test(tests, destroying_a_tree_goes_on_where_power_went, 0, 20);
    tcase_add_loop_test(tests, a_tree_that_is_half_destroyed_is_nobodys_complaint, 0, 40);
    tcase_add_test(tests, changes_of_a_tree_that_somebody_else_dropped_are_undone);
    tcase_add_loop_test(tests, replaced_long_values_of_a_dropped_tree_give_their_pages_back, 0, 2);
    tcase_add_test(tests, a_tree_that_was_never_committed_gives_its_pages_back);
    return fly_test_run(suite);
}
