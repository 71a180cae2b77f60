/*
 * Goal: a prepared transaction survives any crash, whole, with its entries locked and its changes
 * unseen, until somebody commits it or rolls it back; and then it is as if it had never been prepared.
 * Method: scenes, most of them played twice: in the life in which it was prepared, and after a crash.
 */
#include "txn_world.h"

static void prepare(fly_txn *txn, const char *name)
{
    FLY_CHECK_OK(fly_txn_prepare(txn, text(name), &err), err);
}

static fly_txn *take_over(const char *name)
{
    fly_txn *txn = NULL;
    FLY_CHECK_OK(fly_store_prepared(store, text(name), &txn, &err), err);
    return txn;
}

static void append_name(void *ctx, fly_bytes name)
{
    char *names = ctx;
    (void)sprintf(names + strlen(names), "%.*s ", (int)name.len, (const char *)name.data);
}

static const char *prepared_names(void)
{
    static char names[256];
    names[0] = '\0';
    fly_store_list_prepared(store, append_name, names);
    return names;
}

/* A transaction that does one thing of each kind. */
static void prepare_a_bit_of_everything(void)
{
    static char value[9000];
    fly_tree *other = NULL;
    memset(value, 'b', sizeof value - 1);
    set("update", "old");
    set("delete", "old");
    set("lock", "old");
    set("lock, update", "old");
    set("lock, delete", "old");
    set("update, back", "old");
    fly_txn *txn = begin(FLY_ISOLATION_SERIALIZABLE);
    put(txn, "insert", "new");
    put(txn, "update", "newer");
    put(txn, "update", "newest");
    erase(txn, "delete");
    FLY_CHECK_OK(fly_txn_lock(txn, tree, text("lock"), FLY_LOCK_WAIT, &err), err);
    FLY_CHECK_OK(fly_txn_lock(txn, tree, text("lock, update"), FLY_LOCK_WAIT, &err), err);
    put(txn, "lock, update", "new");
    FLY_CHECK_OK(fly_txn_lock(txn, tree, text("lock, delete"), FLY_LOCK_WAIT, &err), err);
    erase(txn, "lock, delete");
    FLY_CHECK_OK(fly_txn_lock(txn, tree, text("update, back"), FLY_LOCK_WAIT, &err), err);
    fly_savepoint here = fly_txn_savepoint(txn);
    put(txn, "update, back", "new");
    FLY_CHECK_OK(fly_txn_rollback_to(txn, here, &err), err);
    put(txn, "long", value);
    FLY_CHECK_OK(fly_txn_tree_open(txn, "other", FLY_TREE_CREATE, &other, &err), err);
    put_in(txn, other, "apple", "red");
    prepare(txn, "everything");
}

static void check_nothing_is_seen(void)
{
    static const char *const untouched[] = {"update",       "delete",       "lock",
                                            "lock, update", "lock, delete", "update, back"};
    fly_isolation levels[] = {FLY_ISOLATION_READ_COMMITTED, FLY_ISOLATION_SNAPSHOT};
    for (int level = 0; level < 2; level++) {
        fly_txn *txn = begin(levels[level]);
        ck_assert_str_eq(see(txn, "insert"), "-");
        ck_assert_str_eq(see(txn, "long"), "-");
        for (size_t i = 0; i < sizeof untouched / sizeof untouched[0]; i++) {
            ck_assert_msg(strcmp(see(txn, untouched[i]), "old") == 0, "%s: %s", untouched[i],
                          see(txn, untouched[i]));
        }
        commit(txn);
    }
    ck_assert_ptr_null(find_tree("other"));
}

static void check_entries_are_locked(void)
{
    static const char *const held[] = {"insert", "update",       "delete",       "lock",
                                       "long",   "lock, update", "lock, delete", "update, back"};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        fly_txn *txn = NULL;
        FLY_CHECK_OK(fly_txn_begin(store, &(fly_txn_options){.lock_timeout_ms = 1}, &txn, &err),
                     err);
        ck_assert_msg(fly_txn_put(txn, tree, text(held[i]), text("?"), &err) == FLY_E_TIMEOUT, "%s",
                      held[i]);
        fly_txn_rollback(txn);
    }
}

static void check_all_is_done(void)
{
    ck_assert_str_eq(now("insert"), "new");
    ck_assert_str_eq(now("update"), "newest");
    ck_assert_str_eq(now("delete"), "-");
    ck_assert_str_eq(now("lock"), "old");
    ck_assert_str_eq(now("lock, update"), "new");
    ck_assert_str_eq(now("lock, delete"), "-");
    ck_assert_str_eq(now("update, back"), "old");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    static char value[9000];
    uint64_t len = 0;
    FLY_CHECK_OK(fly_txn_get(txn, tree, text("long"), value, sizeof value, &len, &err), err);
    ck_assert_uint_eq(len, sizeof value - 1);
    commit(txn);
    fly_tree *other = find_tree("other");
    ck_assert_ptr_nonnull(other);
    txn = begin(FLY_ISOLATION_DEFAULT);
    ck_assert_str_eq(see_in(txn, other, "apple"), "red");
    commit(txn);
    set("lock", "old"); /* nobody holds them any more */
    set("update, back", "old");
}

static void check_nothing_is_done(void)
{
    check_nothing_is_seen();
    set("insert", "free");
    set("lock", "free");
    set("lock, update", "free");
    set("lock, delete", "free");
    set("update, back", "free");
    set("long", "free");
}

/* How often the store is opened again between preparing and deciding. */
static void live_on(int lives)
{
    for (int i = 0; i < lives; i++) {
        if (i == 1) {
            FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
        }
        if (i == 2) {
            close_store();
            open_store();
            tree = find_tree("t");
        } else {
            crash_store();
        }
        ck_assert_str_eq(prepared_names(), "everything ");
        check_nothing_is_seen();
        check_entries_are_locked();
    }
}

START_TEST(a_prepared_transaction_can_be_committed)
{
    prepare_a_bit_of_everything();
    check_nothing_is_seen();
    check_entries_are_locked();
    live_on(_i);
    commit(take_over("everything"));
    check_all_is_done();
    ck_assert_str_eq(prepared_names(), "");
    crash_store();
    ck_assert_str_eq(prepared_names(), "");
    check_all_is_done();
}
END_TEST

START_TEST(a_prepared_transaction_can_be_rolled_back)
{
    prepare_a_bit_of_everything();
    live_on(_i);
    fly_txn_rollback(take_over("everything"));
    check_nothing_is_done();
    ck_assert_str_eq(prepared_names(), "");
    set("after", "all");
    crash_store();
    ck_assert_str_eq(now("insert"), "free");
    ck_assert_str_eq(prepared_names(), "");
}
END_TEST

START_TEST(a_prepared_transaction_that_changed_nothing_survives_too)
{
    prepare(begin(FLY_ISOLATION_DEFAULT), "nothing");
    FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    crash_store();
    ck_assert_str_eq(prepared_names(), "nothing ");
    commit(take_over("nothing"));
    crash_store();
    ck_assert_str_eq(prepared_names(), "");
}
END_TEST

START_TEST(one_that_changed_nothing_and_was_rolled_back_stays_away)
{
    prepare(begin(FLY_ISOLATION_DEFAULT), "p");
    fly_txn_rollback(take_over("p"));
    set("apple", "red"); /* durable, and with it all that was logged before */
    crash_store();
    ck_assert_str_eq(prepared_names(), "");
}
END_TEST

START_TEST(a_name_is_borne_by_one_transaction_at_a_time)
{
    prepare(begin(FLY_ISOLATION_DEFAULT), "one");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "red");
    FLY_CHECK(fly_txn_prepare(txn, text("one"), &err), FLY_E_EXISTS, err);
    FLY_CHECK_SAYS(err.message, "\"one\"");
    fly_txn *first = take_over("one");
    FLY_CHECK(fly_txn_prepare(txn, text("one"), &err), FLY_E_EXISTS, err);
    fly_txn *nobody = NULL;
    FLY_CHECK(fly_store_prepared(store, text("one"), &nobody, &err), FLY_E_NOT_FOUND, err);
    commit(first);
    prepare(txn, "one");
    commit(take_over("one"));
    ck_assert_str_eq(now("apple"), "red");
}
END_TEST

START_TEST(names_have_1_to_200_bytes)
{
    char name[201];
    memset(name, 'n', sizeof name);
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "red");
    FLY_CHECK(fly_txn_prepare(txn, fly_bytes_of(name, 0), &err), FLY_E_INVALID, err);
    FLY_CHECK(fly_txn_prepare(txn, fly_bytes_of(name, 201), &err), FLY_E_INVALID, err);
    FLY_CHECK_SAYS(err.message, "201");
    FLY_CHECK_OK(fly_txn_prepare(txn, fly_bytes_of(name, 200), &err), err);
    crash_store();
    FLY_CHECK_OK(fly_store_prepared(store, fly_bytes_of(name, 200), &txn, &err), err);
    commit(txn);
    ck_assert_str_eq(now("apple"), "red");
}
END_TEST

START_TEST(only_the_decision_is_left)
{
    set("apple", "green");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "red");
    fly_savepoint here = fly_txn_savepoint(txn);
    put(txn, "plum", "blue");
    prepare(txn, "x");
    txn = take_over("x");
    uint64_t len = 0;
    char buffer[8];
    fly_cursor *cursor = NULL;
    FLY_CHECK(fly_txn_get(txn, tree, text("apple"), buffer, 8, &len, &err), FLY_E_INVALID, err);
    FLY_CHECK(fly_txn_put(txn, tree, text("apple"), text("blue"), &err), FLY_E_INVALID, err);
    FLY_CHECK(fly_txn_rollback_to(txn, here, &err), FLY_E_INVALID, err);
    FLY_CHECK(fly_cursor_open(txn, tree, &cursor, &err), FLY_E_INVALID, err);
    FLY_CHECK(fly_txn_prepare(txn, text("y"), &err), FLY_E_INVALID, err);
    commit(txn);
    ck_assert_str_eq(now("apple"), "red");
}
END_TEST

START_TEST(what_cannot_be_prepared_goes_on)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    fly_cursor *cursor = NULL;
    put(txn, "apple", "red");
    FLY_CHECK_OK(fly_cursor_open(txn, tree, &cursor, &err), err);
    FLY_CHECK(fly_txn_prepare(txn, text("x"), &err), FLY_E_INVALID, err);
    fly_cursor_close(cursor);
    put(txn, "plum", "blue");
    commit(txn);
    ck_assert_str_eq(now("plum"), "blue");
    FLY_CHECK_OK(fly_txn_begin(store, &(fly_txn_options){.read_only = true}, &txn, &err), err);
    FLY_CHECK(fly_txn_prepare(txn, text("x"), &err), FLY_E_READ_ONLY, err);
    commit(txn);
}
END_TEST

START_TEST(a_serializable_one_is_validated_when_it_is_prepared)
{
    set("x", "1");
    fly_txn *txn = begin(FLY_ISOLATION_SERIALIZABLE);
    ck_assert_str_eq(see(txn, "x"), "1");
    put(txn, "y", "2");
    set("x", "3");
    FLY_CHECK(fly_txn_prepare(txn, text("p"), &err), FLY_E_CONFLICT, err);
    FLY_CHECK(fly_txn_put(txn, tree, text("z"), text("1"), &err), FLY_E_ABORTED, err);
    fly_txn_rollback(txn);
    ck_assert_str_eq(prepared_names(), "");
    ck_assert_str_eq(now("y"), "-");
}
END_TEST

/* Write skew between one that is prepared and one that comes later: whoever comes later must fail. */
START_TEST(others_are_validated_against_what_is_prepared)
{
    set("x", "1");
    set("y", "1");
    fly_txn *txn = begin(FLY_ISOLATION_SERIALIZABLE);
    ck_assert_str_eq(see(txn, "x"), "1");
    put(txn, "y", "2");
    prepare(txn, "p");
    if (_i == 1) {
        crash_store();
    }
    txn = begin(FLY_ISOLATION_SERIALIZABLE);
    ck_assert_str_eq(see(txn, "y"), "1");
    put(txn, "x", "2");
    FLY_CHECK(fly_txn_commit(txn, &err), FLY_E_CONFLICT, err);
    commit(take_over("p"));
    ck_assert_str_eq(now("y"), "2");
    ck_assert_str_eq(now("x"), "1");
}
END_TEST

START_TEST(serializable_ones_do_not_wait_for_one_that_is_prepared)
{
    fly_txn *txn = begin(FLY_ISOLATION_SERIALIZABLE);
    put(txn, "x", "1");
    prepare(txn, "p");
    if (_i == 1) {
        crash_store();
    }
    txn = begin(FLY_ISOLATION_SERIALIZABLE);
    ck_assert_str_eq(see(txn, "y"), "-");
    put(txn, "z", "1");
    commit(txn);
    commit(take_over("p"));
}
END_TEST

START_TEST(a_dropped_tree_stays_for_a_prepared_transaction_that_changed_it)
{
    set("apple", "green");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "red");
    prepare(txn, "p");
    txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "t", &err), err);
    commit(txn);
    for (int i = 0; i <= _i; i++) {
        FLY_CHECK_OK(fly_store_maintain(store, &err), err);
        if (i < _i) {
            crash_store();
            ck_assert_ptr_null(tree);
        }
        tree = make_tree("reuse pages");
        set("apple", "blue");
    }
    fly_txn_rollback(take_over("p"));
    ck_assert_str_eq(now("apple"), "blue");
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.active, 0);
}
END_TEST

/* The log's ring is small, so that part of the rolling back is on disk when power goes. */
START_TEST(rolling_back_that_a_crash_interrupts_is_not_offered_for_commit)
{
    char key[16];
    char old[300];
    memset(old, 'o', sizeof old - 1);
    old[sizeof old - 1] = '\0';
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        set(key, old);
    }
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        put(txn, key, "new");
    }
    prepare(txn, "p");
    txn = take_over("p");
    fly_sim_fault fault = {
        .trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE, .at = 1 + (uint64_t)_i};
    fly_sim_disk_arm(world.disk, &fault);
    fly_txn_rollback(txn);
    ck_assert(fly_sim_disk_is_off(world.disk));
    kill_store();
    ck_assert_str_eq(prepared_names(), "");
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        ck_assert_str_eq(now(key), old);
    }
}
END_TEST

START_TEST(numbers_go_on_beside_an_old_prepared_transaction)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "p", "1");
    prepare(txn, "p");
    crash_store();
    for (int i = 0; i < 10000; i++) {
        set("counter", i % 2 == 0 ? "even" : "odd");
        if (i % 1000 == 0) {
            ck_assert_str_eq(now("counter"), "even");
            ck_assert_str_eq(now("p"), "-");
        }
    }
    commit(take_over("p"));
    ck_assert_str_eq(now("p"), "1");
    for (int i = 0; i < 10000; i++) {
        set("counter", "2");
    }
    ck_assert_str_eq(now("p"), "1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prepare");
    TCase *tests = fly_test_case(suite, "prepared transactions");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_prepared_transaction_can_be_committed, 0, 4);
    tcase_add_loop_test(tests, a_prepared_transaction_can_be_rolled_back, 0, 4);
    tcase_add_test(tests, a_prepared_transaction_that_changed_nothing_survives_too);
    tcase_add_test(tests, one_that_changed_nothing_and_was_rolled_back_stays_away);
    tcase_add_test(tests, a_name_is_borne_by_one_transaction_at_a_time);
    tcase_add_test(tests, names_have_1_to_200_bytes);
    tcase_add_test(tests, only_the_decision_is_left);
    tcase_add_test(tests, what_cannot_be_prepared_goes_on);
    tcase_add_test(tests, a_serializable_one_is_validated_when_it_is_prepared);
    tcase_add_loop_test(tests, others_are_validated_against_what_is_prepared, 0, 2);
    tcase_add_loop_test(tests, serializable_ones_do_not_wait_for_one_that_is_prepared, 0, 2);
    tcase_add_loop_test(tests, a_dropped_tree_stays_for_a_prepared_transaction_that_changed_it, 0,
                        3);
    tcase_add_loop_test(tests, rolling_back_that_a_crash_interrupts_is_not_offered_for_commit, 0,
                        3);
    tcase_add_test(tests, numbers_go_on_beside_an_old_prepared_transaction);
    return fly_test_run(suite);
}
