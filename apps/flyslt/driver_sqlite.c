/*
 * SQLite, in memory. It is what the scripts of the original were made with, so it tells whether
 * the runner is right.
 *
 * A database in memory belongs to one session, so scripts with a second one cannot run here.
 */
#include "driver.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static fly_status fail(sqlite3 *session, fly_err *err)
{
    fly_status status = fly_err_set(err, FLY_E_INVALID, "%s", sqlite3_errmsg(session));
    if (err != NULL) {
        memcpy(err->sqlstate, "HY000", 6);
    }
    return status;
}

static fly_status open_database(const slt_driver_options *options, void **result, fly_err *err)
{
    (void)options;
    (void)err;
    bool *taken = slt_grow(NULL, sizeof *taken);
    *taken = false;
    *result = taken;
    return FLY_OK;
}

static void close_database(void *database)
{
    free(database);
}

static fly_status connect_session(void *database, void **session, fly_err *err)
{
    bool *taken = database;
    if (*taken) {
        return fly_err_set(err, FLY_E_UNSUPPORTED, "a database in memory has one session");
    }
    sqlite3 *opened = NULL;
    if (sqlite3_open(":memory:", &opened) != SQLITE_OK) {
        fly_status status = fail(opened, err);
        (void)sqlite3_close(opened);
        return status;
    }
    *taken = true;
    *session = opened;
    return FLY_OK;
}

static void disconnect(void *session)
{
    (void)sqlite3_close(session);
}

static void take_row(sqlite3_stmt *statement, slt_result *result)
{
    for (int i = 0; i < (int)result->columns; i++) {
        if (sqlite3_column_type(statement, i) == SQLITE_NULL) {
            slt_result_add(result, NULL, 0);
        } else {
            const char *text = (const char *)sqlite3_column_text(statement, i);
            slt_result_add(result, text != NULL ? text : "",
                           (size_t)sqlite3_column_bytes(statement, i));
        }
    }
}

static fly_status run_one(sqlite3 *session, sqlite3_stmt *statement, slt_result *result,
                          fly_err *err)
{
    slt_result_clear(result);
    result->columns = (size_t)sqlite3_column_count(statement);
    for (size_t i = 0; i < result->columns; i++) {
        result->types[i] = SLT_TEXT;
    }
    int step = sqlite3_step(statement);
    while (step == SQLITE_ROW) {
        take_row(statement, result);
        step = sqlite3_step(statement);
    }
    result->affected = (uint64_t)sqlite3_changes(session);
    return step == SQLITE_DONE ? FLY_OK : fail(session, err);
}

static fly_status run(void *handle, const char *sql, slt_result *result, fly_err *err)
{
    sqlite3 *session = handle;
    fly_status status = FLY_OK;
    while (status == FLY_OK && *sql != '\0') {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(session, sql, -1, &statement, &sql) != SQLITE_OK) {
            return fail(session, err);
        }
        if (statement != NULL) {
            status = run_one(session, statement, result, err);
            (void)sqlite3_finalize(statement);
        }
    }
    return status;
}

const slt_driver slt_driver_sqlite = {
    .name = "sqlite",
    .engine = "sqlite",
    .open = open_database,
    .close = close_database,
    .connect = connect_session,
    .disconnect = disconnect,
    .run = run,
};
