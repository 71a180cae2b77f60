/*
 * Goal: a snapshot sees the same for as long as it is held; what it keeps in memory goes when it is
 * let go; and one that keeps too much for too long is taken away, and its owner told.
 * Method: readers that stay while others write, and the store's count of bytes.
 */
#include "txn_world.h"

#include <fly/base_sched.h>

/* Beside old versions, memory has states of numbers, some of them spare, and a chunk for each context. */
enum { MANY = 3000, MS = 1000000, BESIDE = 768 * KIB };

static fly_store_stats stats_now(void)
{
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    return stats;
}

static void maintain(void)
{
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
}

static void set_many(int count)
{
    char key[16];
    for (int i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "%d", i % 100);
        set(key, i % 2 == 0 ? "even" : "odd");
    }
}

/* What reading says now, whatever it is. */
static fly_status status_of_reading(fly_txn *txn, const char *key)
{
    char buffer[64];
    uint64_t len;
    return fly_txn_get(txn, tree, text(key), buffer, sizeof buffer, &len, &err);
}

START_TEST(a_long_reader_sees_what_was_there_when_it_began)
{
    set("7", "old");
    set("gone", "old");
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "7"), "old");
    unset("gone");
    set("new", "new");
    set_many(MANY);
    maintain();
    ck_assert_str_eq(see(reader, "7"), "old");
    ck_assert_str_eq(see(reader, "gone"), "old");
    ck_assert_str_eq(see(reader, "new"), "-");
    ck_assert_str_eq(see(reader, "8"), "-");
    commit(reader);
    ck_assert_str_eq(now("7"), "odd");
    ck_assert_uint_eq(stats_now().given_up, 0);
}
END_TEST

START_TEST(what_a_reader_kept_goes_with_it)
{
    set_many(MANY);
    maintain();
    uint64_t before = stats_now().undo_bytes;
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "7"), "odd");
    set_many(5 * MANY);
    maintain();
    ck_assert_uint_ge(stats_now().undo_bytes, before + (uint64_t)5 * MANY * 64);
    ck_assert_uint_ge((uint64_t)5 * MANY * 64, BESIDE);
    commit(reader);
    maintain();
    ck_assert_uint_le(stats_now().undo_bytes, before + BESIDE);
}
END_TEST

START_TEST(without_readers_old_versions_take_little)
{
    set_many(MANY);
    uint64_t before = stats_now().undo_bytes;
    set_many(10 * MANY);
    /* Who purges may be at it just now, or not have had a processor for a while. */
    for (int i = 0; i < 1000 && stats_now().undo_bytes > before + BESIDE; i++) {
        set_many(1);
        fly_sleep((uint64_t)10 * MS);
    }
    ck_assert_uint_le(stats_now().undo_bytes, before + BESIDE);
}
END_TEST

START_TEST(what_a_large_transaction_took_is_given_back)
{
    char key[16];
    maintain();
    uint64_t before = stats_now().undo_bytes;
    for (int round = 0; round < 3; round++) {
        fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
        for (int i = 0; i < 20000; i++) {
            (void)snprintf(key, sizeof key, "%d", i % 100);
            put(txn, key, "a value of some length that is kept while the transaction lasts");
        }
        ck_assert_uint_ge(stats_now().undo_bytes, before + 2 * MIB);
        if (round == 1) {
            fly_txn_rollback(txn);
        } else {
            commit(txn);
        }
        maintain();
        ck_assert_uint_le(stats_now().undo_bytes, before + BESIDE);
    }
}
END_TEST

/* ------------------------------------------------------------------------------- age */

static void set_up_ageing(void)
{
    set_up_world();
    options.snapshot_age_ms = 20;
    open_store();
    tree = make_tree("t");
    set("x", "1");
}

/* Let the keeper look twice, as far apart as a snapshot may be old. */
static void let_age(void)
{
    maintain();
    fly_sleep((uint64_t)25 * MS);
    maintain();
}

START_TEST(a_snapshot_that_is_too_old_is_taken_away)
{
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "x"), "1");
    set("x", "2");
    let_age();
    ck_assert_uint_eq(stats_now().given_up, 1);
    FLY_CHECK(status_of_reading(reader, "x"), FLY_E_TOO_OLD, err);
    FLY_CHECK_SAYS(err.message, "snapshot_age_ms");
    FLY_CHECK(status_of_reading(reader, "x"), FLY_E_ABORTED, err);
    FLY_CHECK(fly_txn_commit(reader, &err), FLY_E_ABORTED, err);
    /* The context is used again, and bears no grudge. */
    fly_txn *txn = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(txn, "x"), "2");
    commit(txn);
}
END_TEST

START_TEST(a_snapshot_behind_which_nothing_happened_is_never_too_old)
{
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "x"), "1");
    let_age();
    let_age();
    ck_assert_uint_eq(stats_now().given_up, 0);
    ck_assert_str_eq(see(reader, "x"), "1");
    commit(reader);
}
END_TEST

START_TEST(an_old_transaction_with_young_snapshots_is_not_concerned)
{
    fly_txn *reader = begin(FLY_ISOLATION_READ_COMMITTED);
    for (int i = 0; i < 3; i++) {
        fly_txn_statement(reader);
        set("x", "2");
        maintain(); /* here the snapshot was seen to be behind, */
        fly_txn_statement(reader);
        ck_assert_str_eq(see(reader, "x"), "2");
        set("x", "3");
        fly_sleep((uint64_t)25 * MS);
        maintain(); /* and here it is another one */
        ck_assert_str_eq(see(reader, "x"), "2");
    }
    commit(reader);
    ck_assert_uint_eq(stats_now().given_up, 0);
}
END_TEST

/* Once the entry is gone altogether nothing is left that could say that it was there. */
START_TEST(what_was_deleted_since_is_not_simply_missing)
{
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "x"), "1");
    unset("x");
    let_age();
    maintain();
    FLY_CHECK(status_of_reading(reader, "x"), FLY_E_TOO_OLD, err);
    fly_txn_rollback(reader);
}
END_TEST

START_TEST(a_cursor_learns_that_its_snapshot_was_taken_away)
{
    fly_cursor *cursor = NULL;
    set("y", "1");
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    FLY_CHECK_OK(fly_cursor_open(reader, tree, &cursor, &err), err);
    FLY_CHECK_OK(fly_cursor_first(cursor, &err), err);
    unset("y");
    let_age();
    maintain(); /* the entry is gone */
    if (_i == 1) {
        FLY_CHECK(fly_cursor_seek(cursor, text("y"), &err), FLY_E_TOO_OLD, err);
    } else {
        FLY_CHECK(fly_cursor_next(cursor, &err), FLY_E_TOO_OLD, err);
    }
    fly_cursor_close(cursor);
    fly_txn_rollback(reader);
}
END_TEST

START_TEST(a_writer_whose_snapshot_was_taken_away_can_still_roll_back)
{
    fly_txn *txn = begin(FLY_ISOLATION_SNAPSHOT);
    put(txn, "x", "mine");
    put(txn, "y", "mine");
    set("z", "1");
    let_age();
    ck_assert_uint_eq(stats_now().given_up, 1);
    if (_i == 0) {
        fly_txn_rollback(txn);
        ck_assert_str_eq(now("x"), "1");
        ck_assert_str_eq(now("y"), "-");
    } else { /* it has read nothing that could be wrong since */
        commit(txn);
        ck_assert_str_eq(now("x"), "mine");
        ck_assert_str_eq(now("y"), "mine");
    }
}
END_TEST

START_TEST(a_serializable_one_whose_snapshot_was_taken_away_cannot_commit)
{
    fly_txn *txn = begin(FLY_ISOLATION_SERIALIZABLE);
    ck_assert_str_eq(see(txn, "x"), "1");
    put(txn, "y", "1");
    set("z", "1");
    let_age();
    FLY_CHECK(fly_txn_commit(txn, &err), FLY_E_TOO_OLD, err);
    ck_assert_str_eq(now("y"), "-");
}
END_TEST

/* ---------------------------------------------------------------------------- memory */

static void set_up_narrow(void)
{
    set_up_world();
    options.undo_bytes_max = 64 * KIB;
    open_store();
    tree = make_tree("t");
    set("x", "1");
}

START_TEST(beyond_undo_bytes_max_the_oldest_snapshot_goes)
{
    fly_txn *oldest = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(oldest, "x"), "1");
    set("x", "2");
    set_many(2000);
    fly_txn *younger = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(younger, "x"), "2");
    set("x", "3");
    maintain();
    ck_assert_uint_eq(stats_now().given_up, 1);
    maintain(); /* what it kept is gone, and nobody else has to go */
    ck_assert_uint_eq(stats_now().given_up, 1);
    ck_assert_str_eq(see(younger, "x"), "2");
    FLY_CHECK(status_of_reading(oldest, "x"), FLY_E_TOO_OLD, err);
    FLY_CHECK_SAYS(err.message, "undo_bytes_max");
    fly_txn_rollback(oldest);
    commit(younger);
}
END_TEST

START_TEST(within_undo_bytes_max_no_snapshot_goes)
{
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "x"), "1");
    set_many(200);
    maintain();
    maintain();
    ck_assert_uint_eq(stats_now().given_up, 0);
    ck_assert_str_eq(see(reader, "x"), "1");
    commit(reader);
}
END_TEST

/* Its versions cannot go before it ends, whoever's snapshot is taken. */
START_TEST(a_large_transaction_that_goes_on_costs_nobody_a_snapshot)
{
    char key[16];
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "x"), "1");
    set("x", "2");
    fly_txn *writer = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        put(writer, key, "1");
    }
    maintain();
    ck_assert_uint_eq(stats_now().given_up, 0);
    ck_assert_str_eq(see(reader, "x"), "1");
    commit(reader);
    commit(writer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tests = fly_test_case(suite, "snapshots");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_long_reader_sees_what_was_there_when_it_began);
    tcase_add_test(tests, what_a_reader_kept_goes_with_it);
    tcase_add_test(tests, without_readers_old_versions_take_little);
    tcase_add_test(tests, what_a_large_transaction_took_is_given_back);
    tests = fly_test_case(suite, "snapshots that are too old");
    tcase_add_checked_fixture(tests, set_up_ageing, tear_down);
    tcase_add_test(tests, a_snapshot_that_is_too_old_is_taken_away);
    tcase_add_test(tests, a_snapshot_behind_which_nothing_happened_is_never_too_old);
    tcase_add_test(tests, an_old_transaction_with_young_snapshots_is_not_concerned);
    tcase_add_test(tests, what_was_deleted_since_is_not_simply_missing);
    tcase_add_loop_test(tests, a_cursor_learns_that_its_snapshot_was_taken_away, 0, 2);
    tcase_add_loop_test(tests, a_writer_whose_snapshot_was_taken_away_can_still_roll_back, 0, 2);
    tcase_add_test(tests, a_serializable_one_whose_snapshot_was_taken_away_cannot_commit);
    tests = fly_test_case(suite, "snapshots that keep too much");
    tcase_add_checked_fixture(tests, set_up_narrow, tear_down);
    tcase_add_test(tests, beyond_undo_bytes_max_the_oldest_snapshot_goes);
    tcase_add_test(tests, within_undo_bytes_max_no_snapshot_goes);
    tcase_add_test(tests, a_large_transaction_that_goes_on_costs_nobody_a_snapshot);
    return fly_test_run(suite);
}
