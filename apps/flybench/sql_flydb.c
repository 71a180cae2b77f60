/*
 * FlyDB, embedded.
 */
#include "sql_driver.h"

#include <fly/sql.h>

#include <stdlib.h>

enum { POOL_BYTES = 1 << 30 };

struct sql_db {
    fly_env env;
    fly_sql *sql;
    fly_sql_session *session;
};

static const char *fly_version(void)
{
    return FLY_SQL_VERSION;
}

static fly_status fly_close(sql_db *db, fly_err *err)
{
    fly_sql_session_close(db->session);
    fly_status status = fly_sql_close(db->sql, err);
    free(db);
    return status;
}

static fly_status fly_open(const char *dir, bool durable, sql_db **db, fly_err *err)
{
    sql_db *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    fly_env_init(&opened->env);
    fly_store_options store = {.pool_bytes = POOL_BYTES};
    fly_sql_options options = {.create = true, .store = &store};
    fly_status status = fly_sql_open(&opened->env, dir, &options, &opened->sql, err);
    if (status != FLY_OK) {
        free(opened);
        return status;
    }
    status = fly_sql_session_open(opened->sql, NULL, &opened->session, err);
    if (status == FLY_OK && !durable) {
        status = fly_sql_execute(opened->session, fly_bytes_str("SET synchronous_commit = off"),
                                 NULL, NULL, err);
    }
    if (status != FLY_OK) {
        (void)fly_close(opened, NULL);
        return status;
    }
    *db = opened;
    return FLY_OK;
}

static fly_status add_row(void *ctx, fly_sql_stmt *stmt)
{
    sql_answer *answer = ctx;
    answer->rows++;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        if (fly_sql_column_null(stmt, i)) {
            continue;
        }
        bool text = fly_sql_column_type(stmt, i).oid == FLY_SQL_TEXT;
        answer->sum += text ? fly_sql_column_text(stmt, i).len
                            : (uint64_t)fly_sql_column_int64(stmt, i);
    }
    return FLY_OK;
}

static fly_status fly_execute(sql_db *db, const char *sql, sql_answer *answer, fly_err *err)
{
    *answer = (sql_answer){0};
    return fly_sql_execute(db->session, fly_bytes_str(sql), add_row, answer, err);
}

static fly_status fly_prepare(sql_db *db, const char *sql, sql_query **query, fly_err *err)
{
    return fly_sql_prepare(db->session, fly_bytes_str(sql), (fly_sql_stmt **)query, NULL, err);
}

static fly_status bind(fly_sql_stmt *stmt, const sql_arg *args, uint32_t count, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        status = args[i].text != NULL
                     ? fly_sql_bind_text(stmt, i + 1, fly_bytes_str(args[i].text), err)
                     : fly_sql_bind_int64(stmt, i + 1, args[i].number, err);
    }
    return status;
}

static fly_status fly_run(sql_query *query, const sql_arg *args, uint32_t count, sql_answer *answer,
                          fly_err *err)
{
    fly_sql_stmt *stmt = (fly_sql_stmt *)query;
    *answer = (sql_answer){0};
    fly_status status = bind(stmt, args, count, err);
    while (status == FLY_OK && (status = fly_sql_step(stmt, err)) == FLY_OK) {
        status = add_row(answer, stmt);
    }
    return status == FLY_E_END ? FLY_OK : status;
}

static void fly_release(sql_query *query)
{
    fly_sql_finalize((fly_sql_stmt *)query);
}

const sql_driver sql_flydb = {
    .name = "flydb",
    .mark = '$',
    .version = fly_version,
    .open = fly_open,
    .close = fly_close,
    .execute = fly_execute,
    .prepare = fly_prepare,
    .run = fly_run,
    .release = fly_release,
};
