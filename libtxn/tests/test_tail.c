/*
 * Goal: a tail tells what was committed, all of it, in the order of commits, and nothing else; from
 * wherever it begins.
 * Method: scenes through the public header, told as one text; random transactions against a copy that is
 * kept by what the tail tells.
 */
#include "txn_world.h"

#include <fly/base_sched.h>

static fly_tail *tail;
static char told[1 << 14];
static uint64_t last_lsn;

static fly_tail *open_at(uint64_t lsn)
{
    fly_tail *opened = NULL;
    uint32_t id = fly_tree_id(tree);
    FLY_CHECK_OK(fly_tail_open(store, &id, 1, lsn, &opened, &err), err);
    return opened;
}

static void set_up_tail(void)
{
    set_up();
    tail = open_at(0);
}

static void tear_down_tail(void)
{
    fly_tail_close(tail);
    tear_down();
}

static void say(const char *sign, fly_bytes bytes)
{
    size_t len = strlen(told);
    (void)snprintf(told + len, sizeof told - len, "%s%.*s", sign, (int)bytes.len,
                   (const char *)bytes.data);
}

/* What the tail has to tell: " +key=new" " key:old=new" " -key:old", a "." behind each transaction. */
static const char *hear(fly_tail *from)
{
    fly_tail_change change;
    fly_status status;
    told[0] = 0;
    while ((status = fly_tail_next(from, &change, &err)) == FLY_OK) {
        ck_assert_uint_eq(change.tree, fly_tree_id(tree));
        say(change.kind == FLY_TAIL_INSERT   ? " +"
            : change.kind == FLY_TAIL_DELETE ? " -"
                                             : " ",
            change.key);
        if (change.kind != FLY_TAIL_INSERT) {
            say(":", change.old_missing ? text("?") : change.old_value);
        }
        if (change.kind != FLY_TAIL_DELETE) {
            say("=", change.new_value);
        }
        say(change.last ? "." : "", fly_bytes_of("", 0));
        ck_assert_uint_ge(change.lsn, last_lsn);
        last_lsn = change.lsn;
    }
    FLY_CHECK(status, FLY_E_END, err);
    return told;
}

START_TEST(changes_are_told_with_what_was_before)
{
    set("a", "1");
    set("a", "2");
    unset("a");
    set("a", "3");
    ck_assert_str_eq(hear(tail), " +a=1. a:1=2. -a:2. +a=3.");
    ck_assert_str_eq(hear(tail), "");
    ck_assert_uint_eq(fly_tail_position(tail), last_lsn);
}
END_TEST

START_TEST(only_what_is_committed_is_told_and_in_that_order)
{
    fly_txn *first = begin(FLY_ISOLATION_DEFAULT);
    fly_txn *second = begin(FLY_ISOLATION_DEFAULT);
    fly_txn *third = begin(FLY_ISOLATION_DEFAULT);
    put(first, "a", "1");
    put(second, "b", "1");
    put(third, "c", "1");
    put(first, "d", "1");
    set("e", "1");
    ck_assert_str_eq(hear(tail), " +e=1.");
    commit(second);
    fly_txn_rollback(third);
    commit(first);
    ck_assert_str_eq(hear(tail), " +b=1. +a=1 +d=1.");
}
END_TEST

START_TEST(what_a_savepoint_took_back_is_not_told)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "a", "1");
    fly_savepoint point = fly_txn_savepoint(txn);
    put(txn, "b", "1");
    put(txn, "a", "2");
    FLY_CHECK_OK(fly_txn_rollback_to(txn, point, &err), err);
    put(txn, "c", "1");
    FLY_CHECK_OK(fly_txn_rollback_to(txn, point, &err), err);
    put(txn, "d", "1");
    commit(txn);
    ck_assert_str_eq(hear(tail), " +a=1 +d=1.");
}
END_TEST

START_TEST(other_trees_are_not_told)
{
    fly_tree *other = make_tree("other");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put_in(txn, other, "x", "1");
    put(txn, "a", "1");
    put_in(txn, other, "y", "1");
    commit(txn);
    ck_assert_str_eq(hear(tail), " +a=1.");
}
END_TEST

/* A transaction that is open where the tail goes on is told whole, also if some of it was taken back. */
START_TEST(who_goes_on_misses_nothing)
{
    fly_txn *before = begin(FLY_ISOLATION_DEFAULT);
    fly_txn *undoes = begin(FLY_ISOLATION_DEFAULT);
    put(before, "a", "1");
    put(undoes, "x", "1");
    fly_savepoint point = fly_txn_savepoint(undoes);
    put(undoes, "y", "1");
    put(before, "b", "1");
    set("c", "1");
    ck_assert_str_eq(hear(tail), " +c=1.");
    uint64_t position = fly_tail_position(tail);
    ck_assert_uint_eq(position, last_lsn);
    fly_tail_close(tail);
    put(before, "d", "1");
    FLY_CHECK_OK(fly_txn_rollback_to(undoes, point, &err), err);
    commit(undoes);
    commit(before);
    tail = open_at(position);
    ck_assert_str_eq(hear(tail), " +x=1. +a=1 +b=1 +d=1.");
    last_lsn = 0;
    fly_tail *again = open_at(position);
    ck_assert_str_eq(hear(again), " +x=1. +a=1 +b=1 +d=1.");
    fly_tail_close(again);
}
END_TEST

START_TEST(a_tail_goes_on_after_a_crash)
{
    set("a", "1");
    ck_assert_str_eq(hear(tail), " +a=1.");
    uint64_t position = fly_tail_position(tail);
    set("b", "1");
    fly_txn *lost = begin(FLY_ISOLATION_DEFAULT);
    put(lost, "c", "1");
    set("d", "1");
    fly_tail_close(tail);
    kill_store();
    set("e", "1");
    tail = open_at(position);
    ck_assert_str_eq(hear(tail), " +b=1. +d=1. +e=1.");
}
END_TEST

START_TEST(long_values_are_told)
{
    static char value[20001];
    memset(value, 'v', 20000);
    value[0] = 'A';
    value[9999] = 'M';
    value[19999] = 'Z';
    set("a", value);
    set("a", "short");
    set("b", "x");
    fly_tail_change change;
    FLY_CHECK_OK(fly_tail_next(tail, &change, &err), err);
    ck_assert(change.kind == FLY_TAIL_INSERT && change.new_value.len == 20000);
    ck_assert_mem_eq(change.new_value.data, value, 20000);
    ck_assert_mem_eq(change.key.data, "a", 1);
    ck_assert_str_eq(hear(tail), " a:?=short. +b=x.");
}
END_TEST

START_TEST(who_rests_too_long_falls_behind)
{
    set("a", "1");
    ck_assert_str_eq(hear(tail), " +a=1.");
    fly_tail_rest(tail);
    static char value[900];
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < 400; i++) {
        set("b", value);
    }
    /* Segments are let go in the background. */
    for (int i = 0; i < 5000 && fly_wal_first(fly_store_wal(store)) <= last_lsn; i++) {
        FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
        fly_sleep(1000000);
    }
    fly_tail_change change;
    FLY_CHECK(fly_tail_next(tail, &change, &err), FLY_E_NOT_FOUND, err);
}
END_TEST

START_TEST(who_does_not_rest_keeps_the_log)
{
    static char value[900];
    memset(value, 'v', sizeof value - 1);
    set("a", "1");
    for (int i = 0; i < 400; i++) {
        set("b", value);
    }
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    fly_tail_change change;
    for (int i = 0; i < 401; i++) {
        FLY_CHECK_OK(fly_tail_next(tail, &change, &err), err);
    }
    FLY_CHECK(fly_tail_next(tail, &change, &err), FLY_E_END, err);
}
END_TEST

/* Wherever a tail is told to begin: changes, or an error. */
START_TEST(no_position_is_trusted)
{
    uint32_t id = fly_tree_id(tree);
    for (int i = 0; i < 20; i++) {
        set("a", "some value");
    }
    uint64_t end = fly_wal_next(fly_store_wal(store));
    for (uint64_t lsn = 1; lsn < end + 200; lsn += 7) {
        fly_tail *any = NULL;
        fly_tail_change change;
        fly_status status = fly_tail_open(store, &id, 1, lsn, &any, &err);
        while (status == FLY_OK) {
            status = fly_tail_next(any, &change, &err);
        }
        ck_assert(status == FLY_E_END || status == FLY_E_CORRUPT || status == FLY_E_NOT_FOUND ||
                  status == FLY_E_INVALID);
        fly_tail_close(any);
    }
}
END_TEST

/* --------------------------------------------------------------------- beside writers */

enum { WRITERS = 3, TRANSACTIONS = 80, KEYS = 16 };

static void write_some(void *ctx)
{
    uint64_t seed = (uint64_t)(uintptr_t)ctx * 7919 + 1;
    fly_err failure = {0};
    for (int i = 0; i < TRANSACTIONS; i++) {
        fly_txn *txn = NULL;
        FLY_CHECK_OK(fly_txn_begin(store, NULL, &txn, &failure), failure);
        fly_status status = FLY_OK;
        for (int k = 0; k < 4 && status == FLY_OK; k++) {
            char key[8];
            char value[32];
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            (void)snprintf(key, sizeof key, "k%u", (unsigned)(seed >> 40) % KEYS);
            (void)snprintf(value, sizeof value, "%p-%d-%d", ctx, i, k);
            status = (seed >> 60) == 0 ? fly_txn_delete(txn, tree, text(key), &failure)
                                       : fly_txn_put(txn, tree, text(key), text(value), &failure);
            status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
        }
        if (status == FLY_OK && (seed >> 50) % 8 != 0) {
            FLY_CHECK_OK(fly_txn_commit(txn, &failure), failure);
        } else {
            fly_txn_rollback(txn);
        }
    }
}

static char copy[KEYS][40];

static void apply(const fly_tail_change *change)
{
    char number[8] = {0};
    memcpy(number, change->key.data + 1, change->key.len - 1);
    char *own = copy[atoi(number)];
    fly_bytes old = change->kind == FLY_TAIL_INSERT ? text("") : change->old_value;
    ck_assert_msg(fly_bytes_equal(text(own), old), "k%s was \"%s\", but told \"%.*s\"", number, own,
                  (int)old.len, (const char *)old.data);
    memcpy(own, change->new_value.data != NULL ? change->new_value.data : (const uint8_t *)"",
           change->new_value.len);
    own[change->new_value.len] = 0;
}

static uint32_t follow(void)
{
    fly_tail_change change;
    fly_status status;
    uint32_t count = 0;
    while ((status = fly_tail_next(tail, &change, &err)) == FLY_OK) {
        apply(&change);
        count++;
    }
    FLY_CHECK(status, FLY_E_END, err);
    return count;
}

START_TEST(a_copy_that_follows_the_tail_is_the_tree)
{
    static fly_env threads_env;
    fly_thread threads[WRITERS];
    fly_env_init(&threads_env);
    for (int i = 0; i < WRITERS; i++) {
        FLY_CHECK_OK(fly_thread_start(threads_env.sched, &threads[i], "writer", write_some,
                                      (void *)(uintptr_t)(i + 1), &err),
                     err);
    }
    for (int i = 0; i < 200; i++) {
        (void)follow();
        if (i % 50 == 20) { /* begin anew from where it is */
            uint64_t position = fly_tail_position(tail);
            fly_tail_close(tail);
            tail = open_at(position);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        fly_thread_join(&threads[i]);
    }
    (void)follow();
    for (int i = 0; i < KEYS; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%d", i);
        const char *value = now(key);
        ck_assert_str_eq(copy[i], strcmp(value, "-") == 0 ? "" : value);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tail");
    TCase *tests = fly_test_case(suite, "tail");
    tcase_add_checked_fixture(tests, set_up_tail, tear_down_tail);
    tcase_add_test(tests, changes_are_told_with_what_was_before);
    tcase_add_test(tests, only_what_is_committed_is_told_and_in_that_order);
    tcase_add_test(tests, what_a_savepoint_took_back_is_not_told);
    tcase_add_test(tests, other_trees_are_not_told);
    tcase_add_test(tests, who_goes_on_misses_nothing);
    tcase_add_test(tests, a_tail_goes_on_after_a_crash);
    tcase_add_test(tests, long_values_are_told);
    tcase_add_test(tests, who_rests_too_long_falls_behind);
    tcase_add_test(tests, who_does_not_rest_keeps_the_log);
    tcase_add_test(tests, no_position_is_trusted);
    tcase_add_test(tests, a_copy_that_follows_the_tail_is_the_tree);
    return fly_test_run(suite);
}
