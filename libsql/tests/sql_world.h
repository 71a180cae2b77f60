/*
 * What tests of statements share: an engine in memory with two sessions; statements are run, and their
 * rows looked at as one text.
 */
#ifndef SQL_WORLD_H
#define SQL_WORLD_H

#include <fly/base_check.h>
#include <fly/sql.h>

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 14 };

static fly_env env;
static fly_sql *sql;
static fly_sql_session *session, *other;
static char text[TEXT_MAX];
static fly_err err;

static inline fly_status add_row(void *ctx, fly_sql_stmt *stmt)
{
    char *rows = ctx;
    size_t len = strlen(rows);
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes shown = fly_bytes_str("NULL");
        if (!fly_sql_column_null(stmt, i)) {
            shown = fly_sql_column_text(stmt, i);
        }
        int wanted = snprintf(rows + len, TEXT_MAX - len, "%s%.*s", i > 0 ? "," : " ",
                              (int)shown.len, (const char *)shown.data);
        ck_assert_uint_lt(len + (size_t)wanted, TEXT_MAX);
        len += (size_t)wanted;
    }
    return FLY_OK;
}

/* Run statements; `rows`, of TEXT_MAX bytes, becomes " a,b c,d", or "!", the SQLSTATE and the message. */
static inline void run_in(fly_sql_session *in, const char *statements, char *rows)
{
    fly_err failure = {0};
    rows[0] = 0;
    fly_status status = fly_sql_execute(in, fly_bytes_str(statements), add_row, rows, &failure);
    if (status != FLY_OK) {
        (void)snprintf(rows, TEXT_MAX, "!%s %s", failure.sqlstate, failure.message);
    }
}

static inline void check_in(fly_sql_session *in, const char *statements, const char *rows)
{
    run_in(in, statements, text);
    ck_assert_msg(strcmp(text, rows) == 0, "%s\n  gave \"%s\", not \"%s\"", statements, text, rows);
}

static inline void check(const char *statements, const char *rows)
{
    check_in(session, statements, rows);
}

/* The first session has these options; NULL: all defaults. */
static inline void open_world(const fly_sql_session_options *options)
{
    fly_env_init(&env);
    FLY_CHECK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
              FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, options, &session, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, NULL, &other, &err), FLY_OK, err);
}

static inline void set_up(void)
{
    open_world(NULL);
}

static inline void tear_down(void)
{
    fly_sql_session_close(other);
    fly_sql_session_close(session);
    FLY_CHECK(fly_sql_close(sql, &err), FLY_OK, err);
}

#endif
