/*
 * FlyDB, in this process, with its database in memory.
 */
#include "driver.h"

#include <fly/base_env.h>
#include <fly/sql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct database {
    fly_env env;
    fly_sql *sql;
    uint64_t memory_bytes; /* of one query */
} database;

static fly_status open_database(const slt_driver_options *options, void **result, fly_err *err)
{
    database *db = slt_grow(NULL, sizeof *db);
    fly_env_init(&db->env);
    db->memory_bytes = (uint64_t)options->memory_kib * 1024;
    fly_sql_options sql = {.create = true, .threads = options->threads};
    fly_status status = fly_sql_open(&db->env, ":memory:", &sql, &db->sql, err);
    if (status != FLY_OK) {
        free(db);
        return status;
    }
    *result = db;
    return FLY_OK;
}

static void close_database(void *handle)
{
    database *db = handle;
    fly_err err = {0};
    if (fly_sql_close(db->sql, &err) != FLY_OK) {
        (void)fprintf(stderr, "flyslt: close the database: %s\n", err.message);
    }
    free(db);
}

static fly_status connect_session(void *handle, void **session, fly_err *err)
{
    database *db = handle;
    fly_sql_session *opened = NULL;
    fly_sql_session_options how = {.memory_bytes = db->memory_bytes};
    fly_status status = fly_sql_session_open(db->sql, &how, &opened, err);
    if (status == FLY_OK) {
        status = fly_sql_execute(opened, fly_bytes_str("SET timezone = 'UTC'"), NULL, NULL, err);
        *session = opened;
    }
    if (status != FLY_OK) {
        fly_sql_session_close(opened);
    }
    return status;
}

static void disconnect(void *session)
{
    fly_sql_session_close(session);
}

static slt_type type_of(fly_sql_type type)
{
    switch (type.oid) {
    case FLY_SQL_BOOL:
        return SLT_BOOLEAN;
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
    case FLY_SQL_OID:
        return SLT_INTEGER;
    case FLY_SQL_FLOAT4:
    case FLY_SQL_FLOAT8:
        return SLT_REAL;
    default:
        return SLT_TEXT;
    }
}

static void take_columns(const fly_sql_stmt *stmt, slt_result *result)
{
    slt_result_clear(result);
    uint32_t columns = fly_sql_column_count(stmt);
    result->columns = columns < SLT_COLUMNS_MAX ? columns : SLT_COLUMNS_MAX;
    for (uint32_t i = 0; i < result->columns; i++) {
        result->types[i] = type_of(fly_sql_column_type(stmt, i));
    }
}

static void take_row(fly_sql_stmt *stmt, slt_result *result)
{
    for (uint32_t i = 0; i < result->columns; i++) {
        if (fly_sql_column_null(stmt, i)) {
            slt_result_add(result, NULL, 0);
        } else {
            fly_bytes text = fly_sql_column_text(stmt, i);
            slt_result_add(result, text.len > 0 ? (const char *)text.data : "", text.len);
        }
    }
}

static fly_status run_one(fly_sql_stmt *stmt, slt_result *result, fly_err *err)
{
    take_columns(stmt, result);
    fly_status status = fly_sql_step(stmt, err);
    while (status == FLY_OK) {
        if (result->count == 0) {
            /* EXECUTE and FETCH know their columns only now. */
            take_columns(stmt, result);
        }
        take_row(stmt, result);
        status = fly_sql_step(stmt, err);
    }
    if (status == FLY_E_AGAIN) {
        return fly_err_set(err, FLY_E_UNSUPPORTED, "a script has no data for COPY");
    }
    if (status == FLY_E_END) {
        result->affected = fly_sql_rows(stmt);
        return FLY_OK;
    }
    return status;
}

static fly_status run(void *session, const char *sql, slt_result *result, fly_err *err)
{
    fly_bytes text = fly_bytes_str(sql);
    while (text.len > 0) {
        fly_sql_stmt *stmt = NULL;
        size_t used = 0;
        fly_status status = fly_sql_prepare(session, text, &stmt, &used, err);
        if (status == FLY_OK && stmt != NULL) {
            status = run_one(stmt, result, err);
            fly_sql_finalize(stmt);
        }
        if (status != FLY_OK || used == 0) {
            return status;
        }
        text = fly_bytes_of(text.data + used, text.len - used);
    }
    return FLY_OK;
}

const slt_driver slt_driver_flydb = {
    .name = "flydb",
    .engine = "postgresql",
    .open = open_database,
    .close = close_database,
    .connect = connect_session,
    .disconnect = disconnect,
    .run = run,
};
