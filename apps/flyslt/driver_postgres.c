/*
 * PostgreSQL, over libpq: what our own scripts take their expected results from.
 *
 * A fresh database costs a CREATE DATABASE and, at the end, a DROP DATABASE; its name carries the
 * number of the process and of the database in it. ORDER BY compares bytes; upper() and the like
 * know Unicode. --conninfo tells how to reach the server; without it libpq looks at the environment.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct database {
    const char *conninfo;
    char name[64];
} database;

static fly_status fail(PGconn *session, const PGresult *answer, fly_err *err)
{
    const char *message = answer != NULL ? PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY)
                                         : NULL;
    const char *state = answer != NULL ? PQresultErrorField(answer, PG_DIAG_SQLSTATE) : NULL;
    fly_status status =
        fly_err_set(err, FLY_E_INVALID, "%s", message != NULL ? message : PQerrorMessage(session));
    if (err != NULL && state != NULL && strlen(state) == 5) {
        memcpy(err->sqlstate, state, 6);
    }
    return status;
}

static void no_notice(void *ctx, const PGresult *notice)
{
    (void)ctx;
    (void)notice;
}

/* `name` NULL: the database that conninfo names. */
static fly_status open_session(const char *conninfo, const char *name, PGconn **session,
                               fly_err *err)
{
    const char *keys[] = {"dbname", "dbname", "client_encoding", NULL};
    const char *values[] = {conninfo != NULL ? conninfo : "", name, "UTF8", NULL};
    PGconn *opened = PQconnectdbParams(keys, values, 1);
    if (PQstatus(opened) != CONNECTION_OK) {
        fly_status status = fail(opened, NULL, err);
        PQfinish(opened);
        return status;
    }
    (void)PQsetNoticeReceiver(opened, no_notice, NULL);
    *session = opened;
    return FLY_OK;
}

static fly_status run_plain(const char *conninfo, const char *sql, fly_err *err)
{
    PGconn *session = NULL;
    fly_status status = open_session(conninfo, NULL, &session, err);
    if (status != FLY_OK) {
        return status;
    }
    PGresult *answer = PQexec(session, sql);
    if (PQresultStatus(answer) != PGRES_COMMAND_OK) {
        status = fail(session, answer, err);
    }
    PQclear(answer);
    PQfinish(session);
    return status;
}

static fly_status open_database(const slt_driver_options *options, void **result, fly_err *err)
{
    database *db = slt_grow(NULL, sizeof *db);
    db->conninfo = options->conninfo;
    (void)snprintf(db->name, sizeof db->name, "flyslt_%ld_%llx", (long)getpid(),
                   (unsigned long long)(uintptr_t)db & 0xffffff);
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' "
                   "LC_CTYPE 'C.UTF-8'",
                   db->name);
    fly_status status = run_plain(db->conninfo, sql, err);
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
    char sql[128];
    (void)snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", db->name);
    fly_err err = {0};
    if (run_plain(db->conninfo, sql, &err) != FLY_OK) {
        (void)fprintf(stderr, "flyslt: drop database %s: %s\n", db->name, err.message);
    }
    free(db);
}

static fly_status connect_session(void *handle, void **session, fly_err *err)
{
    database *db = handle;
    PGconn *opened = NULL;
    fly_status status = open_session(db->conninfo, db->name, &opened, err);
    if (status == FLY_OK) {
        PQclear(PQexec(opened, "SET timezone = 'UTC'; SET datestyle = 'ISO, MDY'; "
                               "SET intervalstyle = 'postgres'"));
        *session = opened;
    }
    return status;
}

static void disconnect(void *session)
{
    PQfinish(session);
}

/* Numbers of pg_type.dat, which never change. */
static slt_type type_of(Oid type)
{
    switch (type) {
    case 16:
        return SLT_BOOLEAN;
    case 20:
    case 21:
    case 23:
    case 26:
        return SLT_INTEGER;
    case 700:
    case 701:
        return SLT_REAL;
    default:
        return SLT_TEXT;
    }
}

static void take_answer(const PGresult *answer, slt_result *result)
{
    int columns = PQnfields(answer);
    int rows = PQntuples(answer);
    result->columns = (size_t)columns;
    for (int i = 0; i < columns; i++) {
        result->types[i] = type_of(PQftype(answer, i));
    }
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            bool null = PQgetisnull(answer, i, j) != 0;
            slt_result_add(result, null ? NULL : PQgetvalue(answer, i, j),
                           (size_t)PQgetlength(answer, i, j));
        }
    }
}

static fly_status run(void *handle, const char *sql, slt_result *result, fly_err *err)
{
    PGconn *session = handle;
    PGresult *answer = PQexec(session, sql);
    fly_status status = FLY_OK;
    switch (PQresultStatus(answer)) {
    case PGRES_TUPLES_OK:
        take_answer(answer, result);
        result->affected = strtoull(PQcmdTuples(answer), NULL, 10);
        break;
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        result->affected = strtoull(PQcmdTuples(answer), NULL, 10);
        break;
    default:
        status = fail(session, answer, err);
        break;
    }
    PQclear(answer);
    return status;
}

const slt_driver slt_driver_postgres = {
    .name = "postgres",
    .engine = "postgresql",
    .open = open_database,
    .close = close_database,
    .connect = connect_session,
    .disconnect = disconnect,
    .run = run,
};
