/*
 * SQLite, set as for key-value pairs (kv_sqlite.c says why): a log, a lock that is kept, reads
 * through mmap; durable commits with synchronous=FULL, others NORMAL.
 */
#include "sql_driver.h"

#include <fly/base_vfs.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { SQL_BYTES = 512, WAL_PAGES_FULL = 1000, WAL_PAGES = 20000 };

struct sql_db {
    sqlite3 *lite;
};

static fly_status failed(fly_err *err, sqlite3 *lite, const char *what)
{
    return fly_err_set(err, FLY_E_IO, "sqlite could not %s: %s", what, sqlite3_errmsg(lite));
}

static const char *lite_version(void)
{
    return sqlite3_libversion();
}

static fly_status lite_close(sql_db *db, fly_err *err)
{
    (void)err;
    (void)sqlite3_close(db->lite);
    free(db);
    return FLY_OK;
}

static fly_status configure(sqlite3 *lite, bool durable, fly_err *err)
{
    char sql[SQL_BYTES];
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA locking_mode = EXCLUSIVE;"
                   "PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = %s;"
                   "PRAGMA wal_autocheckpoint = %d;"
                   "PRAGMA cache_size = -1048576;"
                   "PRAGMA mmap_size = 2147483648;"
                   "PRAGMA secure_delete = OFF;",
                   durable ? "FULL" : "NORMAL", durable ? WAL_PAGES_FULL : WAL_PAGES);
    return sqlite3_exec(lite, sql, NULL, NULL, NULL) == SQLITE_OK ? FLY_OK
                                                                  : failed(err, lite, "be set up");
}

static fly_status lite_open(const char *dir, bool durable, sql_db **db, fly_err *err)
{
    sql_db *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    char path[FLY_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/bench.sqlite", dir);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    fly_status status = sqlite3_open_v2(path, &opened->lite, flags, NULL) == SQLITE_OK
                            ? configure(opened->lite, durable, err)
                            : failed(err, opened->lite, "open the database");
    if (status != FLY_OK) {
        (void)lite_close(opened, NULL);
        return status;
    }
    *db = opened;
    return FLY_OK;
}

static fly_status lite_prepare(sql_db *db, const char *sql, sql_query **query, fly_err *err)
{
    return sqlite3_prepare_v2(db->lite, sql, -1, (sqlite3_stmt **)query, NULL) == SQLITE_OK
               ? FLY_OK
               : failed(err, db->lite, sql);
}

static void add_row(sql_answer *answer, sqlite3_stmt *stmt)
{
    answer->rows++;
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        answer->sum += sqlite3_column_type(stmt, i) == SQLITE_TEXT
                           ? (uint64_t)sqlite3_column_bytes(stmt, i)
                           : (uint64_t)sqlite3_column_int64(stmt, i);
    }
}

static fly_status lite_run(sql_query *query, const sql_arg *args, uint32_t count,
                           sql_answer *answer, fly_err *err)
{
    sqlite3_stmt *stmt = (sqlite3_stmt *)query;
    *answer = (sql_answer){0};
    for (uint32_t i = 0; i < count; i++) {
        int at = (int)i + 1;
        (void)(args[i].text != NULL ? sqlite3_bind_text(stmt, at, args[i].text, -1, SQLITE_STATIC)
                                    : sqlite3_bind_int64(stmt, at, args[i].number));
    }
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        add_row(answer, stmt);
    }
    (void)sqlite3_reset(stmt);
    return code == SQLITE_DONE ? FLY_OK : failed(err, sqlite3_db_handle(stmt), "run a statement");
}

static void lite_release(sql_query *query)
{
    (void)sqlite3_finalize((sqlite3_stmt *)query);
}

static fly_status lite_execute(sql_db *db, const char *sql, sql_answer *answer, fly_err *err)
{
    sql_query *query = NULL;
    fly_status status = lite_prepare(db, sql, &query, err);
    if (status == FLY_OK) {
        status = lite_run(query, NULL, 0, answer, err);
        lite_release(query);
    }
    return status;
}

const sql_driver sql_sqlite = {
    .name = "sqlite",
    .mark = '?',
    .version = lite_version,
    .open = lite_open,
    .close = lite_close,
    .execute = lite_execute,
    .prepare = lite_prepare,
    .run = lite_run,
    .release = lite_release,
};
