/*
 * Goal: what another resident of the log does is part of transactions as trees are: undone when they roll
 * back, redone after a crash, undone after a crash, and all that once.
 * Method: a resident with an array of numbers in memory, of which checkpoints keep a copy that survives; its
 * records say what is added to which, its undo subtracts. A crash brings the copy back, and what is redone
 * and undone on it must come to what was committed.
 */
#include "txn_world.h"

#include <fly/base_bytes.h>

enum { MANAGER = FLY_STORE_MANAGER_FIRST, CELLS = 4, ADD = 1, SUBTRACT = 2, MUTE = 3 };

/* Each cell knows the newest record that it has, as a page does. */
struct cell {
    uint64_t value;
    uint64_t lsn;
};

static struct cell cells[CELLS];  /* memory */
static struct cell copies[CELLS]; /* what survives */
static int undo_calls;
static int redo_calls;

static fly_bytes encode(uint8_t bytes[16], uint64_t cell, uint64_t amount)
{
    fly_put_u64(bytes, cell);
    fly_put_u64(bytes + 8, amount);
    return fly_bytes_of(bytes, 16);
}

static void apply(uint8_t type, fly_bytes payload, uint64_t lsn)
{
    struct cell *cell = &cells[fly_get_u64(payload.data)];
    uint64_t amount = fly_get_u64(payload.data + 8);
    ck_assert_uint_eq(payload.len, 16);
    if (cell->lsn < lsn) {
        cell->value = type == ADD ? cell->value + amount : cell->value - amount;
        cell->lsn = lsn;
    }
}

static fly_status redo(void *ctx, const fly_wal_record *record, fly_bytes payload, fly_err *err_)
{
    (void)ctx;
    (void)err_;
    redo_calls++;
    if (record->type != MUTE) {
        apply(record->type, payload, record->lsn);
    }
    return FLY_OK;
}

static fly_status undo(void *ctx, fly_txn *txn, uint8_t type, fly_bytes payload, fly_err *err_)
{
    uint64_t lsn = 0;
    (void)ctx;
    undo_calls++;
    if (type == MUTE) {
        return FLY_OK; /* nothing that must survive */
    }
    ck_assert_int_eq(type, ADD);
    fly_status status = fly_txn_log_undone(txn, MANAGER, SUBTRACT, &payload, 1, &lsn, err_);
    if (status == FLY_OK) {
        apply(SUBTRACT, payload, lsn);
    }
    return status;
}

static fly_status checkpoint(void *ctx, uint64_t *needed, fly_err *err_)
{
    (void)ctx;
    (void)needed;
    (void)err_;
    memcpy(copies, cells, sizeof copies);
    return FLY_OK;
}

static const fly_resource_manager manager = {
    .id = MANAGER, .name = "cells", .redo = redo, .undo = undo, .checkpoint = checkpoint};

static void set_up_cells(void)
{
    set_up_world();
    options.managers = &manager;
    options.manager_count = 1;
    open_store();
    tree = make_tree("t");
}

static void log_add(fly_txn *txn, uint64_t cell, uint64_t amount)
{
    uint8_t bytes[16];
    uint64_t lsn = 0;
    fly_bytes payload = encode(bytes, cell, amount);
    fly_bytes pieces[] = {fly_bytes_of(payload.data, 5), fly_bytes_of(payload.data + 5, 11)};
    FLY_CHECK_OK(fly_txn_log(txn, MANAGER, ADD, pieces, 2, &lsn, &err), err);
    apply(ADD, payload, lsn);
}

/* Memory is gone; what the last checkpoint has kept comes back. */
static void crash_cells(void)
{
    memcpy(cells, copies, sizeof cells);
    redo_calls = 0;
    undo_calls = 0;
    crash_store();
}

START_TEST(what_is_committed_is_redone_after_a_crash)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    log_add(txn, 0, 5);
    put(txn, "apple", "red");
    log_add(txn, 1, 7);
    commit(txn);
    ck_assert_uint_eq(cells[0].value, 5);
    crash_cells();
    ck_assert_int_eq(redo_calls, 2);
    ck_assert_uint_eq(cells[0].value, 5);
    ck_assert_uint_eq(cells[1].value, 7);
    ck_assert_str_eq(now("apple"), "red");
}
END_TEST

START_TEST(what_is_rolled_back_is_undone)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    log_add(txn, 0, 5);
    put(txn, "apple", "red");
    log_add(txn, 0, 7);
    fly_txn_rollback(txn);
    ck_assert_int_eq(undo_calls, 2);
    ck_assert_uint_eq(cells[0].value, 0);
    set("plum", "blue"); /* what was logged before is durable */
    if (_i == 1) {
        FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    }
    crash_cells();
    ck_assert_uint_eq(cells[0].value, 0);
    ck_assert_int_eq(undo_calls, 0);
}
END_TEST

START_TEST(what_is_rolled_back_to_a_savepoint_is_undone_and_the_rest_committed)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    log_add(txn, 0, 5);
    fly_savepoint savepoint = fly_txn_savepoint(txn);
    log_add(txn, 0, 7);
    log_add(txn, 1, 7);
    FLY_CHECK_OK(fly_txn_rollback_to(txn, savepoint, &err), err);
    log_add(txn, 2, 9);
    commit(txn);
    ck_assert_uint_eq(cells[0].value, 5);
    crash_cells();
    ck_assert_uint_eq(cells[0].value, 5);
    ck_assert_uint_eq(cells[1].value, 0);
    ck_assert_uint_eq(cells[2].value, 9);
}
END_TEST

START_TEST(what_was_not_committed_is_undone_after_a_crash)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    log_add(txn, 0, 5);
    fly_savepoint savepoint = fly_txn_savepoint(txn);
    log_add(txn, 0, 7);
    FLY_CHECK_OK(fly_txn_rollback_to(txn, savepoint, &err), err);
    log_add(txn, 1, 3);
    if (_i == 1) {
        FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
    }
    set("plum", "blue");
    crash_cells();
    ck_assert_int_eq(undo_calls, 2); /* and not what had been undone before */
    ck_assert_uint_eq(cells[0].value, 0);
    ck_assert_uint_eq(cells[1].value, 0);
    crash_cells(); /* the undoing is redone */
    ck_assert_uint_eq(cells[0].value, 0);
    ck_assert_uint_eq(cells[1].value, 0);
}
END_TEST

START_TEST(what_is_prepared_waits)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    log_add(txn, 0, 5);
    fly_savepoint savepoint = fly_txn_savepoint(txn);
    log_add(txn, 0, 7);
    FLY_CHECK_OK(fly_txn_rollback_to(txn, savepoint, &err), err);
    FLY_CHECK_OK(fly_txn_prepare(txn, text("p"), &err), err);
    crash_cells();
    ck_assert_uint_eq(cells[0].value, 5);
    FLY_CHECK_OK(fly_store_prepared(store, text("p"), &txn, &err), err);
    if (_i == 0) {
        commit(txn);
        crash_cells();
        ck_assert_uint_eq(cells[0].value, 5);
    } else {
        fly_txn_rollback(txn);
        ck_assert_int_eq(undo_calls, 1);
        ck_assert_uint_eq(cells[0].value, 0);
        set("plum", "blue");
        crash_cells();
        ck_assert_uint_eq(cells[0].value, 0);
    }
}
END_TEST

START_TEST(who_logs_no_undoing_is_not_asked_to_undo_twice)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    fly_bytes payload = text("something");
    FLY_CHECK_OK(fly_txn_log(txn, MANAGER, MUTE, &payload, 1, NULL, &err), err);
    fly_txn_rollback(txn);
    ck_assert_int_eq(undo_calls, 1);
    set("plum", "blue");
    crash_cells();
    ck_assert_int_eq(redo_calls, 1);
    ck_assert_int_eq(undo_calls, 0);
}
END_TEST

START_TEST(records_that_nobody_knows_are_not_passed_over)
{
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    log_add(txn, 0, 5);
    commit(txn);
    fly_store_abandon(store);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    options.manager_count = 0;
    FLY_CHECK(fly_store_open(&world.env, "data", &options, &store, &err), FLY_E_UNSUPPORTED, err);
    FLY_CHECK_SAYS(err.message, "manager 16, which nobody here knows");
    options.manager_count = 1;
    open_store();
}
END_TEST

START_TEST(a_read_only_transaction_logs_nothing)
{
    fly_txn *txn = NULL;
    fly_bytes payload = text("something");
    FLY_CHECK_OK(fly_txn_begin(store, &(fly_txn_options){.read_only = true}, &txn, &err), err);
    FLY_CHECK(fly_txn_log(txn, MANAGER, MUTE, &payload, 1, NULL, &err), FLY_E_READ_ONLY, err);
    fly_txn_rollback(txn);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("manager");
    TCase *tests = fly_test_case(suite, "other residents");
    tcase_add_checked_fixture(tests, set_up_cells, tear_down);
    tcase_add_test(tests, what_is_committed_is_redone_after_a_crash);
    tcase_add_loop_test(tests, what_is_rolled_back_is_undone, 0, 2);
    tcase_add_test(tests, what_is_rolled_back_to_a_savepoint_is_undone_and_the_rest_committed);
    tcase_add_loop_test(tests, what_was_not_committed_is_undone_after_a_crash, 0, 2);
    tcase_add_loop_test(tests, what_is_prepared_waits, 0, 2);
    tcase_add_test(tests, who_logs_no_undoing_is_not_asked_to_undo_twice);
    tcase_add_test(tests, records_that_nobody_knows_are_not_passed_over);
    tcase_add_test(tests, a_read_only_transaction_logs_nothing);
    return fly_test_run(suite);
}
