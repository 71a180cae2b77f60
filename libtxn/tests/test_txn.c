/*
 * Goal: what one transaction may rely on by itself: its calls do what the header says, at every edge, and
 * its limits are told.
 * Method: through the public header, one scene each.
 */
#include "txn_world.h"

#include <fly/base_sched.h>

static fly_status get_status(fly_txn *txn, const char *key)
{
    char buffer[64];
    uint64_t len;
    return fly_txn_get(txn, tree, text(key), buffer, sizeof buffer, &len, &err);
}

static uint64_t active(void)
{
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    return stats.active;
}

/* ----------------------------------------------------------------------------- entries */

START_TEST(a_value_that_does_not_fit_tells_its_length)
{
    char buffer[4] = "xxx";
    uint64_t len = 0;
    set("apple", "green");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK(fly_txn_get(txn, tree, text("apple"), buffer, 4, &len, &err), FLY_E_FULL, err);
    ck_assert_uint_eq(len, 5);
    ck_assert_str_eq(buffer, "xxx");
    FLY_CHECK(fly_txn_get(txn, tree, text("apple"), NULL, 0, &len, &err), FLY_E_FULL, err);
    commit(txn);
}
END_TEST

START_TEST(keys_and_values_may_be_empty)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "", "nothing");
    put(txn, "nothing", "");
    commit(txn);
    ck_assert_str_eq(now(""), "nothing");
    ck_assert_str_eq(now("nothing"), "");
    unset("");
    ck_assert_str_eq(now(""), "-");
}
END_TEST

START_TEST(the_longest_key_fits_and_a_longer_one_is_refused)
{
    static char key[4096];
    size_t max = fly_store_key_max(store);
    memset(key, 'k', sizeof key);
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < 20; i++) {
        key[0] = (char)('a' + i);
        FLY_CHECK_OK(fly_txn_put(txn, tree, fly_bytes_of(key, max), text("x"), &err), err);
    }
    FLY_CHECK(fly_txn_put(txn, tree, fly_bytes_of(key, max + 1), text("x"), &err), FLY_E_TOO_LARGE,
              err);
    FLY_CHECK_SAYS(err.message, "is longer than the limit of");
    commit(txn);
}
END_TEST

/* Around the length from which a value lies on pages of its own. */
START_TEST(values_of_every_length_come_back)
{
    static char value[20000];
    static char back[20000];
    for (size_t i = 0; i < sizeof value; i++) {
        value[i] = (char)(i * 31 >> 3);
    }
    for (size_t len = 0; len<sizeof value; len += len> 900 && len < 1100 ? 1 : 1 + len / 7) {
        uint64_t got = 0;
        fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
        FLY_CHECK_OK(fly_txn_put(txn, tree, text("k"), fly_bytes_of(value, len), &err), err);
        FLY_CHECK_OK(fly_txn_get(txn, tree, text("k"), back, sizeof back, &got, &err), err);
        ck_assert_uint_eq(got, len);
        ck_assert(memcmp(value, back, len) == 0);
        commit(txn);
    }
}
END_TEST

START_TEST(a_value_may_be_too_long)
{
    size_t len = (size_t)8 << 20; /* more pages than the small log's records can list */
    char *value = calloc(1, len);
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK(fly_txn_put(txn, tree, text("k"), fly_bytes_of(value, len), &err), FLY_E_TOO_LARGE,
              err);
    FLY_CHECK_SAYS(err.message, "is longer than the limit of");
    put(txn, "k", "short");
    commit(txn);
    ck_assert_str_eq(now("k"), "short");
    free(value);
}
END_TEST

START_TEST(inserting_and_deleting_say_what_was_there)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK(fly_txn_delete(txn, tree, text("k"), &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_OK(fly_txn_insert(txn, tree, text("k"), text("1"), &err), err);
    FLY_CHECK(fly_txn_insert(txn, tree, text("k"), text("2"), &err), FLY_E_EXISTS, err);
    FLY_CHECK_OK(fly_txn_delete(txn, tree, text("k"), &err), err);
    FLY_CHECK(fly_txn_delete(txn, tree, text("k"), &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_OK(fly_txn_insert(txn, tree, text("k"), text("3"), &err), err);
    FLY_CHECK(fly_txn_lock(txn, tree, text("j"), FLY_LOCK_WAIT, &err), FLY_E_NOT_FOUND, err);
    commit(txn);
    ck_assert_str_eq(now("k"), "3");
}
END_TEST

START_TEST(what_was_seen_can_be_changed_without_a_lock)
{
    set("a", "1");
    set("b", "1");
    set("c", "1");
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    fly_txn_statement(txn);
    uint64_t views = fly_txn_views(txn);
    set("b", "2"); /* behind the snapshot's back */
    fly_txn *other = begin(FLY_ISOLATION_DEFAULT);
    put(other, "c", "2");
    FLY_CHECK_OK(fly_txn_put_seen(txn, tree, text("a"), text("3"), &err), err);
    FLY_CHECK(fly_txn_put_seen(txn, tree, text("a"), text("4"), &err), FLY_E_AGAIN, err);
    FLY_CHECK(fly_txn_put_seen(txn, tree, text("b"), text("3"), &err), FLY_E_AGAIN, err);
    FLY_CHECK(fly_txn_delete_seen(txn, tree, text("b"), &err), FLY_E_AGAIN, err);
    FLY_CHECK(fly_txn_put_seen(txn, tree, text("c"), text("3"), &err), FLY_E_AGAIN, err);
    FLY_CHECK(fly_txn_put_seen(txn, tree, text("d"), text("3"), &err), FLY_E_NOT_FOUND, err);
    ck_assert_uint_eq(fly_txn_views(txn), views);
    commit(other);
    FLY_CHECK(fly_txn_delete_seen(txn, tree, text("c"), &err), FLY_E_AGAIN, err);
    fly_txn_statement(txn);
    ck_assert_uint_ne(fly_txn_views(txn), views);
    FLY_CHECK_OK(fly_txn_put_seen(txn, tree, text("b"), text("3"), &err), err);
    FLY_CHECK_OK(fly_txn_delete_seen(txn, tree, text("c"), &err), err);
    commit(txn);
    ck_assert_str_eq(now("a"), "3");
    ck_assert_str_eq(now("b"), "3");
    ck_assert_str_eq(now("c"), "-");
    /* Under other levels a change behind the snapshot is no failure yet either. */
    txn = begin(FLY_ISOLATION_SNAPSHOT);
    FLY_CHECK(get_status(txn, "b"), FLY_OK, err);
    set("a", "5");
    FLY_CHECK(fly_txn_put_seen(txn, tree, text("a"), text("6"), &err), FLY_E_AGAIN, err);
    FLY_CHECK_OK(fly_txn_put_seen(txn, tree, text("b"), text("6"), &err), err);
    commit(txn);
    ck_assert_str_eq(now("a"), "5");
}
END_TEST

/* ------------------------------------------------------------------- savepoints, failing */

START_TEST(savepoints_nest)
{
    set("a", "0");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    fly_savepoint outer = fly_txn_savepoint(txn);
    put(txn, "a", "1");
    fly_savepoint middle = fly_txn_savepoint(txn);
    put(txn, "a", "2");
    put(txn, "b", "2");
    fly_savepoint inner = fly_txn_savepoint(txn);
    erase(txn, "a");
    FLY_CHECK_OK(fly_txn_rollback_to(txn, inner, &err), err);
    ck_assert_str_eq(see(txn, "a"), "2");
    FLY_CHECK_OK(fly_txn_rollback_to(txn, middle, &err), err);
    ck_assert_str_eq(see(txn, "a"), "1");
    ck_assert_str_eq(see(txn, "b"), "-");
    put(txn, "b", "3");
    FLY_CHECK_OK(fly_txn_rollback_to(txn, middle, &err), err); /* may be used again */
    ck_assert_str_eq(see(txn, "b"), "-");
    FLY_CHECK_OK(fly_txn_rollback_to(txn, outer, &err), err);
    ck_assert_str_eq(see(txn, "a"), "0");
    FLY_CHECK(fly_txn_rollback_to(txn, inner, &err), FLY_E_INVALID, err);
    put(txn, "c", "1");
    commit(txn);
    ck_assert_str_eq(now("a"), "0");
    ck_assert_str_eq(now("c"), "1");
}
END_TEST

START_TEST(a_savepoint_brings_a_transaction_back_that_failed)
{
    fly_txn *txn = begin(FLY_ISOLATION_SNAPSHOT);
    put(txn, "mine", "1");
    set("theirs", "1");
    fly_savepoint savepoint = fly_txn_savepoint(txn);
    FLY_CHECK(fly_txn_put(txn, tree, text("theirs"), text("2"), &err), FLY_E_CONFLICT, err);
    FLY_CHECK(get_status(txn, "mine"), FLY_E_ABORTED, err);
    FLY_CHECK(fly_txn_put(txn, tree, text("x"), text("2"), &err), FLY_E_ABORTED, err);
    FLY_CHECK_OK(fly_txn_rollback_to(txn, savepoint, &err), err);
    put(txn, "x", "2");
    commit(txn);
    ck_assert_str_eq(now("mine"), "1");
    ck_assert_str_eq(now("x"), "2");
    ck_assert_str_eq(now("theirs"), "1");
}
END_TEST

START_TEST(a_commit_of_what_has_failed_rolls_back)
{
    fly_txn *txn = begin(FLY_ISOLATION_SNAPSHOT);
    put(txn, "mine", "1");
    set("theirs", "1");
    FLY_CHECK(fly_txn_put(txn, tree, text("theirs"), text("2"), &err), FLY_E_CONFLICT, err);
    FLY_CHECK(fly_txn_commit(txn, &err), FLY_E_ABORTED, err);
    ck_assert_str_eq(now("mine"), "-");
    ck_assert_uint_eq(active(), 0);
}
END_TEST

START_TEST(a_wait_ends_after_lock_timeout_ms_and_the_transaction_goes_on)
{
    fly_txn *holder = begin(FLY_ISOLATION_DEFAULT);
    put(holder, "k", "1");
    fly_txn *txn = NULL;
    fly_txn_options how = {.lock_timeout_ms = 20};
    FLY_CHECK_OK(fly_txn_begin(store, &how, &txn, &err), err);
    uint64_t began = fly_now();
    FLY_CHECK(fly_txn_put(txn, tree, text("k"), text("2"), &err), FLY_E_TIMEOUT, err);
    FLY_CHECK_SAYS(err.message, "waited 20 ms for transaction");
    ck_assert_uint_ge(fly_now() - began, 20000000);
    put(txn, "other", "1");
    commit(holder);
    put(txn, "k", "2");
    commit(txn);
    ck_assert_str_eq(now("k"), "2");
    ck_assert_str_eq(now("other"), "1");
}
END_TEST

/* What a transaction said of its wait. */
struct heard {
    uint32_t first, last;
    int told, asked;
};

static bool lost_patience(void *ctx)
{
    struct heard *heard = ctx;
    return ++heard->asked >= 3;
}

static void hear(void *ctx, uint32_t number)
{
    struct heard *heard = ctx;
    heard->first = heard->told++ == 0 ? number : heard->first;
    heard->last = number;
}

START_TEST(a_wait_tells_for_whom_and_ends_when_it_is_interrupted)
{
    struct heard heard = {0};
    const fly_txn_waiting waiting = {.interrupted = lost_patience, .waits = hear, .ctx = &heard};
    const fly_txn_options told = {.waiting = &waiting};
    fly_txn *waiter = NULL;
    set("k", "0");
    fly_txn *holder = begin(FLY_ISOLATION_DEFAULT);
    put(holder, "k", "1");
    FLY_CHECK_OK(fly_txn_begin(store, &told, &waiter, &err), err);
    ck_assert_uint_ne(fly_txn_number(waiter), fly_txn_number(holder));
    FLY_CHECK(fly_txn_put(waiter, tree, text("k"), text("2"), &err), FLY_E_CANCELLED, err);
    ck_assert_uint_eq(heard.first, fly_txn_number(holder));
    ck_assert_uint_eq(heard.last, 0);
    ck_assert_int_eq(heard.asked, 3);
    put(waiter, "other", "3"); /* it goes on */
    commit(waiter);
    commit(holder);
    ck_assert_str_eq(now("k"), "1");
    ck_assert_str_eq(now("other"), "3");
}
END_TEST

START_TEST(there_are_as_many_transactions_as_txns_max_says)
{
    close_store();
    options.txns_max = 4;
    open_store();
    tree = find_tree("t");
    fly_txn *txns[4];
    fly_txn *one_more = NULL;
    for (int i = 0; i < 4; i++) {
        txns[i] = begin(FLY_ISOLATION_DEFAULT);
    }
    FLY_CHECK(fly_txn_begin(store, NULL, &one_more, &err), FLY_E_FULL, err);
    FLY_CHECK_SAYS(err.message, "4 transactions are open already; txns_max allows no more");
    commit(txns[2]);
    txns[2] = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < 4; i++) {
        commit(txns[i]);
    }
}
END_TEST

START_TEST(the_store_counts_what_it_does)
{
    fly_store_stats stats;
    reopen_store();
    set("a", "1");
    fly_txn *txn = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_int_eq((int)fly_txn_isolation(txn), (int)FLY_ISOLATION_SNAPSHOT);
    ck_assert_ptr_eq(fly_txn_store(txn), store);
    put(txn, "b", "1");
    fly_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.active, 1);
    fly_txn_rollback(txn);
    fly_txn_rollback(NULL);
    unset("a");
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    fly_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.active, 0);
    ck_assert_uint_eq(stats.begun, 4); /* find_tree() is one */
    ck_assert_uint_eq(stats.committed, 3);
    ck_assert_uint_eq(stats.rolled_back, 1);
    ck_assert_uint_eq(stats.purged, 1);
    ck_assert_uint_eq(stats.checkpoints, 1);
    ck_assert_uint_ge(stats.pages, stats.used_pages);
    fly_btree_stats tree_stats;
    FLY_CHECK_OK(fly_tree_get_stats(tree, &tree_stats, &err), err);
    ck_assert_uint_eq(tree_stats.entries, 0);
}
END_TEST

/* ------------------------------------------------------------------------------- trees */

static void see_name(void *ctx, const char *name)
{
    (void)snprintf((char *)ctx + strlen(ctx), 64, "%s ", name);
}

static const char *tree_names(fly_txn *txn)
{
    static char names[256];
    names[0] = '\0';
    FLY_CHECK_OK(fly_txn_tree_list(txn, see_name, names, &err), err);
    return names;
}

START_TEST(trees_are_made_and_dropped_by_transactions)
{
    fly_tree *other = NULL;
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(tree_names(reader), "t ");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK(fly_txn_tree_open(txn, "a", 0, &other, &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_SAYS(err.message, "there is no tree \"a\"");
    FLY_CHECK(fly_txn_tree_drop(txn, "a", &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_OK(fly_txn_tree_open(txn, "a", FLY_TREE_CREATE, &other, &err), err);
    FLY_CHECK(fly_txn_tree_open(txn, "a", FLY_TREE_CREATE | FLY_TREE_EXCLUSIVE, &other, &err),
              FLY_E_EXISTS, err);
    ck_assert_uint_ne(fly_tree_id(other), fly_tree_id(tree));
    put_in(txn, other, "k", "1");
    ck_assert_str_eq(tree_names(txn), "a t ");
    ck_assert_str_eq(tree_names(reader), "t ");
    commit(txn);
    ck_assert_str_eq(tree_names(reader), "t ");
    FLY_CHECK(fly_txn_tree_open(reader, "a", 0, &other, &err), FLY_E_NOT_FOUND, err);
    commit(reader);
    ck_assert_ptr_nonnull(find_tree("a"));
    txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "a", &err), err);
    FLY_CHECK(fly_txn_tree_drop(txn, "a", &err), FLY_E_NOT_FOUND, err);
    fly_txn_rollback(txn);
    ck_assert_ptr_nonnull(find_tree("a"));
}
END_TEST

START_TEST(a_dropped_tree_can_be_read_by_older_snapshots_and_by_nobody_else)
{
    char buffer[8];
    uint64_t len;
    set("k", "1");
    fly_txn *reader = begin(FLY_ISOLATION_SNAPSHOT);
    ck_assert_str_eq(see(reader, "k"), "1");
    fly_txn *other = begin(FLY_ISOLATION_READ_COMMITTED);
    ck_assert_str_eq(see(other, "k"), "1");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    commit(txn);
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    ck_assert_str_eq(see(reader, "k"), "1");
    FLY_CHECK(fly_txn_get(other, tree, text("k"), buffer, sizeof buffer, &len, &err),
              FLY_E_NOT_FOUND, err);
    FLY_CHECK(fly_txn_put(other, tree, text("k"), text("2"), &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_SAYS(err.message, "has been dropped");
    commit(other);
    commit(reader);
    tree = make_tree("t");
    ck_assert_str_eq(now("k"), "-");
}
END_TEST

START_TEST(names_of_trees_have_1_to_255_bytes)
{
    char name[300];
    fly_tree *made = NULL;
    memset(name, 'n', sizeof name);
    name[FLY_TREE_NAME_MAX] = '\0';
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_open(txn, name, FLY_TREE_CREATE, &made, &err), err);
    name[FLY_TREE_NAME_MAX] = 'n';
    name[FLY_TREE_NAME_MAX + 1] = '\0';
    FLY_CHECK(fly_txn_tree_open(txn, name, FLY_TREE_CREATE, &made, &err), FLY_E_TOO_LARGE, err);
    FLY_CHECK(fly_txn_tree_open(txn, "", FLY_TREE_CREATE, &made, &err), FLY_E_TOO_LARGE, err);
    FLY_CHECK(fly_txn_tree_drop(txn, "", &err), FLY_E_TOO_LARGE, err);
    commit(txn);
}
END_TEST

/* ----------------------------------------------------------------------------- cursors */

START_TEST(a_cursor_goes_where_it_is_told)
{
    fly_cursor *cursor = NULL;
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_cursor_open(txn, tree, &cursor, &err), err);
    FLY_CHECK(fly_cursor_first(cursor, &err), FLY_E_END, err);
    FLY_CHECK(fly_cursor_last(cursor, &err), FLY_E_END, err);
    put(txn, "b", "1");
    put(txn, "d", "2");
    put(txn, "f", "3");
    erase(txn, "d");
    FLY_CHECK_OK(fly_cursor_seek(cursor, text("b"), &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_key(cursor), text("b")));
    FLY_CHECK_OK(fly_cursor_next(cursor, &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_key(cursor), text("f"))); /* past what is deleted */
    FLY_CHECK_OK(fly_cursor_previous(cursor, &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_key(cursor), text("b")));
    FLY_CHECK_OK(fly_cursor_seek(cursor, text("c"), &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_key(cursor), text("f")));
    FLY_CHECK(fly_cursor_seek(cursor, text("g"), &err), FLY_E_END, err);
    FLY_CHECK_OK(fly_cursor_seek_before(cursor, text("f"), false, &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_key(cursor), text("b")));
    FLY_CHECK_OK(fly_cursor_seek_before(cursor, text("f"), true, &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_key(cursor), text("f")));
    FLY_CHECK(fly_cursor_seek_before(cursor, text("b"), false, &err), FLY_E_END, err);
    fly_cursor_close(cursor);
    fly_cursor_close(NULL);
    commit(txn);
}
END_TEST

START_TEST(a_cursor_reads_parts_of_values)
{
    static char value[9000];
    char part[4];
    fly_cursor *cursor = NULL;
    memset(value, 'v', sizeof value);
    memcpy(value + 5000, "here", 4);
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_put(txn, tree, text("long"), fly_bytes_of(value, sizeof value), &err),
                 err);
    put(txn, "short", "a few");
    FLY_CHECK_OK(fly_cursor_open(txn, tree, &cursor, &err), err);
    FLY_CHECK_OK(fly_cursor_first(cursor, &err), err);
    ck_assert_uint_eq(fly_cursor_value_len(cursor), sizeof value);
    ck_assert_uint_eq(fly_cursor_value(cursor).len, 0);
    FLY_CHECK_OK(fly_cursor_read(cursor, 5000, part, 4, &err), err);
    ck_assert(memcmp(part, "here", 4) == 0);
    FLY_CHECK(fly_cursor_read(cursor, sizeof value - 3, part, 4, &err), FLY_E_INVALID, err);
    FLY_CHECK_OK(fly_cursor_next(cursor, &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_value(cursor), text("a few")));
    FLY_CHECK_OK(fly_cursor_read(cursor, 2, part, 3, &err), err);
    ck_assert(memcmp(part, "few", 3) == 0);
    FLY_CHECK(fly_cursor_read(cursor, 6, part, 0, &err), FLY_E_INVALID, err);
    FLY_CHECK(fly_txn_prepare(txn, text("p"), &err), FLY_E_INVALID, err); /* with open cursors */
    fly_cursor_close(cursor);
    commit(txn);
}
END_TEST

START_TEST(under_read_committed_a_cursor_sees_one_moment_from_seek_to_seek)
{
    fly_cursor *cursor = NULL;
    set("a", "1");
    set("b", "1");
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    FLY_CHECK_OK(fly_cursor_open(txn, tree, &cursor, &err), err);
    FLY_CHECK_OK(fly_cursor_first(cursor, &err), err);
    set("b", "2");
    FLY_CHECK_OK(fly_cursor_next(cursor, &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_value(cursor), text("1")));
    FLY_CHECK_OK(fly_cursor_seek(cursor, text("b"), &err), err);
    ck_assert(fly_bytes_equal(fly_cursor_value(cursor), text("2")));
    fly_cursor_close(cursor);
    commit(txn);
}
END_TEST

START_TEST(a_statement_sees_one_moment)
{
    set("a", "1");
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    fly_txn_statement(txn);
    ck_assert_str_eq(see(txn, "a"), "1");
    set("a", "2");
    ck_assert_str_eq(see(txn, "a"), "1");
    fly_txn_statement(txn);
    ck_assert_str_eq(see(txn, "a"), "2");
    commit(txn);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("txn");
    TCase *tests = fly_test_case(suite, "transactions");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_value_that_does_not_fit_tells_its_length);
    tcase_add_test(tests, keys_and_values_may_be_empty);
    tcase_add_test(tests, the_longest_key_fits_and_a_longer_one_is_refused);
    tcase_add_test(tests, values_of_every_length_come_back);
    tcase_add_test(tests, a_value_may_be_too_long);
    tcase_add_test(tests, inserting_and_deleting_say_what_was_there);
    tcase_add_test(tests, what_was_seen_can_be_changed_without_a_lock);
    tcase_add_test(tests, savepoints_nest);
    tcase_add_test(tests, a_savepoint_brings_a_transaction_back_that_failed);
    tcase_add_test(tests, a_commit_of_what_has_failed_rolls_back);
    tcase_add_test(tests, a_wait_ends_after_lock_timeout_ms_and_the_transaction_goes_on);
    tcase_add_test(tests, a_wait_tells_for_whom_and_ends_when_it_is_interrupted);
    tcase_add_test(tests, there_are_as_many_transactions_as_txns_max_says);
    tcase_add_test(tests, the_store_counts_what_it_does);
    tcase_add_test(tests, trees_are_made_and_dropped_by_transactions);
    tcase_add_test(tests, a_dropped_tree_can_be_read_by_older_snapshots_and_by_nobody_else);
    tcase_add_test(tests, names_of_trees_have_1_to_255_bytes);
    tcase_add_test(tests, a_cursor_goes_where_it_is_told);
    tcase_add_test(tests, a_cursor_reads_parts_of_values);
    tcase_add_test(tests, under_read_committed_a_cursor_sees_one_moment_from_seek_to_seek);
    tcase_add_test(tests, a_statement_sees_one_moment);
    return fly_test_run(suite);
}
