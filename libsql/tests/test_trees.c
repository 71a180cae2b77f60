/*
 * Goal: a table is there for everybody from the moment it is committed: who uses it first is not its maker,
 * and nobody waits for him.
 * Method: two sessions, one of which leaves its transaction open; what waits would wait for ever.
 */
#include <fly/base_check.h>
#include <fly/base_sched.h>
#include <fly/sql.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_sql *sql;
static fly_sql_session *session, *other;
static char text[1 << 12];
static fly_err err;

static fly_status add_row(void *ctx, fly_sql_stmt *stmt)
{
    char *rows = ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes shown = fly_bytes_str("NULL");
        if (!fly_sql_column_null(stmt, i)) {
            shown = fly_sql_column_text(stmt, i);
        }
        size_t len = strlen(rows);
        (void)snprintf(rows + len, sizeof text - len, "%s%.*s", i > 0 ? "," : " ", (int)shown.len,
                       (const char *)shown.data);
    }
    return FLY_OK;
}

static void run_in(fly_sql_session *in, const char *statements, char *rows)
{
    fly_err failure = {0};
    rows[0] = 0;
    fly_status status = fly_sql_execute(in, fly_bytes_str(statements), add_row, rows, &failure);
    if (status != FLY_OK) {
        (void)snprintf(rows, sizeof text, "!%s %s", failure.sqlstate, failure.message);
    }
}

static void check_in(fly_sql_session *in, const char *statements, const char *rows)
{
    run_in(in, statements, text);
    ck_assert_msg(strcmp(text, rows) == 0, "%s\n  gave \"%s\", not \"%s\"", statements, text, rows);
}

static void check(const char *statements, const char *rows)
{
    check_in(session, statements, rows);
}

static void set_up(void)
{
    fly_env_init(&env);
    FLY_CHECK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
              FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, NULL, &session, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, NULL, &other, &err), FLY_OK, err);
}

static void tear_down(void)
{
    fly_sql_session_close(other);
    fly_sql_session_close(session);
    FLY_CHECK(fly_sql_close(sql, &err), FLY_OK, err);
}

static const char *const makers[] = {
    "CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE)",
    "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (5, 5); TRUNCATE t",
    "CREATE TABLE t (a int, b int); CREATE INDEX ON t (b)",
    "CREATE TABLE t (a int); ALTER TABLE t ADD b int; ALTER TABLE t ALTER a TYPE bigint",
};

START_TEST(who_comes_second_finds_the_table_too)
{
    check(makers[_i], "");
    check("BEGIN; SELECT * FROM t", "");
    check_in(other, "SELECT * FROM t", "");
    check("INSERT INTO t VALUES (1, 1)", "");
    check_in(other, "BEGIN; INSERT INTO t VALUES (2, 2); SELECT * FROM t", " 2,2");
    check("COMMIT", "");
    check_in(other, "COMMIT; SELECT * FROM t ORDER BY a", " 1,1 2,2");
}
END_TEST

START_TEST(a_table_that_was_rolled_back_leaves_no_tree)
{
    check("BEGIN; CREATE TABLE t (a int); INSERT INTO t VALUES (1); ROLLBACK", "");
    check_in(other, "CREATE TABLE t (a int); INSERT INTO t VALUES (2)", "");
    check("SELECT * FROM t", " 2");
    check("BEGIN; TRUNCATE t; INSERT INTO t VALUES (3); ROLLBACK; SELECT * FROM t", " 2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trees");
    TCase *trees = fly_test_case(suite, "trees");
    tcase_add_checked_fixture(trees, set_up, tear_down);
    tcase_add_loop_test(trees, who_comes_second_finds_the_table_too, 0,
                        sizeof makers / sizeof makers[0]);
    tcase_add_test(trees, a_table_that_was_rolled_back_leaves_no_tree);
    return fly_test_run(suite);
}
