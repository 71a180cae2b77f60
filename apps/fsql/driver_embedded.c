/*
 * The engine in this process: libsql over a directory, or over nothing with ":memory:".
 *
 * A place that names a file (data/default/data.db) stands for the database whose store it is: the
 * engine opens the directory above, the session the database.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"
#include "split.h"

#include <fly/sql.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef struct embedded {
    fly_env env;
    fly_sql *sql;
    fly_sql_session *session;
    const fsql_watch *watch;
    char *directory;
    char *user;
    char *database; /* that the session was asked for */
} embedded;

static bool accepts(const fsql_target *target)
{
    return target->host == NULL;
}

static void failed(fsql_error *error, const char *severity)
{
    (void)snprintf(error->severity, sizeof error->severity, "%s", severity);
}

/* ------------------------------------------------------------------ callbacks */

static void on_notice(void *ctx, const char *severity, const fly_err *notice)
{
    embedded *engine = ctx;
    fsql_error told = {.err = *notice};
    (void)snprintf(told.severity, sizeof told.severity, "%s", severity);
    if (engine->watch->notice != NULL) {
        engine->watch->notice(engine->watch->ctx, &told);
    }
}

static bool on_progress(void *ctx, uint64_t done, uint64_t of)
{
    embedded *engine = ctx;
    if (engine->watch->progress != NULL) {
        engine->watch->progress(engine->watch->ctx, done, of);
    }
    return true;
}

static void listen(embedded *engine)
{
    fly_sql_on_notice(engine->session, on_notice, engine);
    fly_sql_on_progress(engine->session, on_progress, engine);
}

/* --------------------------------------------------------------------- opening */

/* The directory of databases, and the database, that a place means. */
static void resolve(embedded *engine, const fsql_target *target)
{
    const char *place = target->place != NULL ? target->place : ":memory:";
    struct stat about;
    fsql_text path = {0};
    fsql_text_str_add(&path, place);
    const char *database = target->database;
    if (strcmp(place, ":memory:") != 0 && stat(place, &about) == 0 && S_ISREG(about.st_mode)) {
        char *slash = strrchr(path.data, '/');
        if (slash != NULL) {
            *slash = 0; /* data/default: the database's directory */
            char *above = strrchr(path.data, '/');
            if (database == NULL) {
                database = above != NULL ? above + 1 : path.data;
            }
            engine->database = fsql_copy(database);
            if (above != NULL) {
                *above = 0;
            } else {
                memcpy(path.data, ".", 2);
            }
        }
    }
    if (engine->database == NULL && database != NULL) {
        engine->database = fsql_copy(database);
    }
    engine->directory = fsql_copy(path.data);
    fsql_text_deinit(&path);
}

static void close_engine(void *connection)
{
    embedded *engine = connection;
    fly_err err = {0};
    fly_sql_session_close(engine->session);
    if (engine->sql != NULL && fly_sql_close(engine->sql, &err) != FLY_OK) {
        (void)fprintf(stderr, "fsql: %s\n", err.message);
    }
    free(engine->directory);
    free(engine->database);
    free(engine->user);
    free(engine);
}

static void *open_engine(const fsql_target *target, const fsql_watch *watch, fsql_error *error)
{
    embedded *engine = fsql_grow(NULL, sizeof *engine);
    *engine = (embedded){.watch = watch};
    fly_env_init(&engine->env);
    engine->env.log_level = FLY_LOG_WARNING;
    resolve(engine, target);
    engine->user = fsql_copy(target->user != NULL ? target->user : "admin");
    *error = (fsql_error){0};
    fly_sql_options options = {.create = !target->read_only, .read_only = target->read_only};
    fly_status status =
        fly_sql_open(&engine->env, engine->directory, &options, &engine->sql, &error->err);
    if (status == FLY_OK) {
        fly_sql_session_options how = {.database = engine->database, .user = engine->user};
        status = fly_sql_session_open(engine->sql, &how, &engine->session, &error->err);
    }
    if (status != FLY_OK) {
        failed(error, "FATAL");
        close_engine(engine);
        return NULL;
    }
    listen(engine);
    return engine;
}

/* A new session in the same engine; the old one ends when the new one is there. */
static bool change(void *connection, const char *database, const char *user, fsql_error *error)
{
    embedded *engine = connection;
    fly_sql_session *session = NULL;
    *error = (fsql_error){0};
    fly_sql_session_options how = {
        .database = database != NULL ? database : fly_sql_session_database(engine->session),
        .user = user != NULL ? user : engine->user,
    };
    if (fly_sql_session_open(engine->sql, &how, &session, &error->err) != FLY_OK) {
        failed(error, "FATAL");
        return false;
    }
    char *name = fsql_copy(how.user);
    fly_sql_session_close(engine->session);
    free(engine->user);
    engine->session = session;
    engine->user = name;
    listen(engine);
    return true;
}

/* --------------------------------------------------------------------- running */

static void take_row(fly_sql_stmt *stmt, fsql_result *result)
{
    uint32_t columns = fly_sql_column_count(stmt);
    for (uint32_t c = 0; c < columns; c++) {
        if (fly_sql_column_null(stmt, c)) {
            fsql_result_cell(result, NULL, 0);
        } else {
            fly_bytes text = fly_sql_column_text(stmt, c);
            fsql_result_cell(result, text.data != NULL ? (const void *)text.data : "", text.len);
        }
    }
    if (columns == 0) {
        fsql_result_cell(result, NULL, 0);
    }
}

static fly_status copy_in(embedded *engine, fly_sql_stmt *stmt, fly_err *err)
{
    fsql_text failure = {0};
    fly_bytes data = {0};
    fly_status status = FLY_OK;
    const char *end = NULL;
    while (status == FLY_OK) {
        if (!engine->watch->copy_read(engine->watch->ctx, &data, &failure)) {
            end = fsql_text_str(&failure);
            break;
        }
        if (data.data == NULL) {
            break;
        }
        status = fly_sql_copy_write(stmt, data, err);
    }
    if (status == FLY_OK) {
        status = fly_sql_copy_end(stmt, end, err);
    }
    fsql_text_deinit(&failure);
    return status;
}

static fly_status copy_out(embedded *engine, fly_sql_stmt *stmt, fly_err *err)
{
    fly_bytes data;
    fly_status status;
    while ((status = fly_sql_copy_read(stmt, &data, err)) == FLY_OK) {
        if (!engine->watch->copy_write(engine->watch->ctx, data)) {
            return fly_err_set(err, FLY_E_IO, "could not write COPY data");
        }
    }
    return status == FLY_E_END ? FLY_OK : status;
}

/* Step to the end. Rows go into the result, which is handed on when it is full. */
static fly_status step_all(embedded *engine, fly_sql_stmt *stmt, fsql_result *result, fly_err *err)
{
    const fsql_watch *watch = engine->watch;
    fly_status status;
    while ((status = fly_sql_step(stmt, err)) != FLY_E_END) {
        if (status == FLY_OK) {
            take_row(stmt, result);
            if (fsql_result_full(result)) {
                (void)watch->result(watch->ctx, result, false);
                fsql_result_handed_on(result);
            }
        } else if (status == FLY_E_AGAIN && fly_sql_copy_state(stmt) == 'i') {
            status = copy_in(engine, stmt, err);
            return status;
        } else if (status == FLY_E_AGAIN && fly_sql_copy_state(stmt) == 'o') {
            return copy_out(engine, stmt, err);
        } else {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status run_one(embedded *engine, fly_sql_stmt *stmt, fsql_result *result, fly_err *err)
{
    fsql_result_clear(result);
    for (uint32_t c = 0; c < fly_sql_column_count(stmt); c++) {
        fsql_result_column(result, fly_sql_column_name(stmt, c), fly_sql_column_type(stmt, c).oid);
    }
    fly_status status = step_all(engine, stmt, result, err);
    if (status == FLY_OK) {
        (void)snprintf(result->tag, sizeof result->tag, "%s", fly_sql_tag(stmt));
        result->has_rows = result->has_rows || strncmp(result->tag, "SELECT", 6) == 0;
        (void)engine->watch->result(engine->watch->ctx, result, true);
    }
    fsql_result_clear(result);
    return status;
}

/* Whether a statement has its own mind about transactions. */
static bool controls(const char *statement)
{
    static const char *const words[] = {"begin",
                                        "start",
                                        "commit",
                                        "end",
                                        "rollback",
                                        "abort",
                                        "savepoint",
                                        "release",
                                        "prepare transaction",
                                        "create database",
                                        "drop database",
                                        "use",
                                        "vacuum"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if (strncasecmp(statement, words[i], len) == 0 &&
            (statement[len] == 0 || strchr(" \t\r\n;", statement[len]) != NULL)) {
            return true;
        }
    }
    return false;
}

/* Several statements in one text are one transaction, unless they say otherwise. */
static bool is_block(fly_bytes text)
{
    fsql_split split;
    size_t count = 0;
    bool plain = true;
    fsql_split_init(&split, NULL);
    for (size_t at = 0; at < text.len;) {
        fsql_split_found found = fsql_split_next(&split, text, &at);
        at += found == FSQL_SPLIT_COMMAND; /* a backslash is the parser's to complain about */
        if (found != FSQL_SPLIT_COMMAND && split.begun) {
            count++;
            plain = plain && !controls(fsql_text_str(&split.statement));
            fsql_split_clear(&split);
        }
    }
    fsql_split_deinit(&split);
    return count > 1 && plain;
}

static bool run_all(embedded *engine, fly_bytes text, fsql_result *result, fsql_error *error)
{
    for (size_t at = 0; at < text.len;) {
        fly_sql_stmt *stmt = NULL;
        size_t used = text.len - at;
        fly_bytes rest = fly_bytes_of(text.data + at, text.len - at);
        fly_status status = fly_sql_prepare(engine->session, rest, &stmt, &used, &error->err);
        if (status == FLY_OK && stmt != NULL) {
            status = run_one(engine, stmt, result, &error->err);
        }
        fly_sql_finalize(stmt);
        if (status != FLY_OK) {
            if (error->err.position > 0) {
                error->err.position += (uint32_t)at;
            }
            failed(error, "ERROR");
            return false;
        }
        if (stmt == NULL || used == 0) {
            break;
        }
        at += used;
    }
    return true;
}

/* BEGIN, COMMIT and ROLLBACK that nobody typed and nobody sees. */
static bool quietly(embedded *engine, const char *text, fsql_error *error)
{
    if (fly_sql_execute(engine->session, fly_bytes_str(text), NULL, NULL, &error->err) != FLY_OK) {
        failed(error, "ERROR");
        return false;
    }
    return true;
}

static bool run(void *connection, fly_bytes text, fsql_result *result, fsql_error *error)
{
    embedded *engine = connection;
    fsql_error ignored = {0};
    *error = (fsql_error){0};
    bool block = fly_sql_session_state(engine->session) == 'I' && is_block(text);
    if (block && !quietly(engine, "BEGIN", error)) {
        return false;
    }
    bool good = run_all(engine, text, result, error);
    if (block && fly_sql_session_state(engine->session) != 'I') {
        if (good) {
            good = quietly(engine, "COMMIT", error);
        } else {
            (void)quietly(engine, "ROLLBACK", &ignored);
        }
    }
    return good;
}

static void cancel(void *connection)
{
    embedded *engine = connection;
    fly_sql_cancel(engine->session);
}

/* ------------------------------------------------------------------- what it is */

static char state(void *connection)
{
    embedded *engine = connection;
    return fly_sql_session_state(engine->session);
}

static const char *database(void *connection)
{
    embedded *engine = connection;
    return fly_sql_session_database(engine->session);
}

static const char *user(void *connection)
{
    embedded *engine = connection;
    return engine->user;
}

static const char *setting(void *connection, const char *name)
{
    embedded *engine = connection;
    return fly_sql_session_setting(engine->session, name);
}

static void describe(void *connection, fsql_text *line)
{
    embedded *engine = connection;
    fsql_text_printf(line, "You are connected to database \"%s\" as user \"%s\" in %s\"%s\".",
                     fly_sql_session_database(engine->session), engine->user,
                     strcmp(engine->directory, ":memory:") == 0 ? "" : "directory ",
                     engine->directory);
}

const fsql_driver fsql_driver_embedded = {
    .name = "embedded",
    .accepts = accepts,
    .open = open_engine,
    .close = close_engine,
    .change = change,
    .run = run,
    .cancel = cancel,
    .state = state,
    .database = database,
    .user = user,
    .setting = setting,
    .describe = describe,
};
