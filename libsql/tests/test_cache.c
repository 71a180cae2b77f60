/*
 * Goal: a text that was planned before is run by that plan, and only while planning it now would give the
 * same: tables, indexes, settings, roles and rights may change between two runs.
 * Method: every statement is run three times (first seen, then kept, then taken) around each change, by
 * two sessions.
 */
#include <fly/sql.h>

#include "session/state_int.h"

#include <fly/base_check.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_sql_session *session, *other;
static fly_err err;

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, env.mem, "test", 0);
    env.mem = &account.mem;
    fly_sql_session_options options = {.database = NULL};
    FLY_CHECK_OK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
                 err);
    FLY_CHECK_OK(fly_sql_session_open(sql, &options, &session, &err), err);
    FLY_CHECK_OK(fly_sql_session_open(sql, &options, &other, &err), err);
}

static void teardown(void)
{
    fly_sql_session_close(session);
    fly_sql_session_close(other);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    fly_account_deinit(&account);
}

static void run_in(fly_sql_session *in, const char *text)
{
    FLY_CHECK_OK(fly_sql_execute(in, fly_bytes_str(text), NULL, NULL, &err), err);
}

static fly_status take_row(void *ctx, fly_sql_stmt *stmt)
{
    char *into = ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes cell = fly_sql_column_text(stmt, i);
        size_t at = strlen(into);
        (void)snprintf(into + at, 512 - at, "%s%.*s", at == 0 ? "" : " ", (int)cell.len,
                       (const char *)cell.data);
    }
    return FLY_OK;
}

static void expect(const char *query, const char *rows)
{
    for (int i = 0; i < 3; i++) {
        char got[512] = "";
        FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(query), take_row, got, &err), err);
        ck_assert_msg(strcmp(got, rows) == 0, "%s: %s instead of %s", query, got, rows);
    }
}

static void refuse(const char *query, const char *sqlstate)
{
    for (int i = 0; i < 3; i++) {
        ck_assert(fly_sql_execute(session, fly_bytes_str(query), NULL, NULL, &err) != FLY_OK);
        ck_assert_str_eq(err.sqlstate, sqlstate);
    }
}

static uint64_t hits(void)
{
    return session->state->cache.hits;
}

START_TEST(a_text_is_planned_twice_at_most)
{
    run_in(session, "CREATE TABLE t (a int PRIMARY KEY, b text)");
    run_in(session, "INSERT INTO t VALUES (1, 'one'), (2, 'two')");
    uint64_t before = hits();
    for (int i = 0; i < 10; i++) {
        expect("SELECT b FROM t WHERE a = 2", "two");
    }
    ck_assert_uint_eq(hits() - before, 28);
    before = hits();
    run_in(session, "UPDATE t SET b = b || '!' WHERE a = 1");
    run_in(session, "UPDATE t SET b = b || '!' WHERE a = 1");
    run_in(session, "UPDATE t SET b = b || '!' WHERE a = 1");
    ck_assert_uint_eq(hits() - before, 1);
    expect("SELECT b FROM t WHERE a = 1", "one!!!");
    before = hits(); /* several statements, utilities: not these */
    for (int i = 0; i < 5; i++) {
        run_in(session, "SELECT 1; SELECT 2");
        run_in(session, "SHOW search_path");
        run_in(session, "");
    }
    ck_assert_uint_eq(hits() - before, 0);
    expect("SELECT now() = statement_timestamp()", "t");
    expect("SELECT a FROM t WHERE b LIKE 'o%' ORDER BY a", "1");
}
END_TEST

START_TEST(what_changes_is_seen)
{
    run_in(session, "CREATE TABLE t (a int, b text)");
    run_in(session, "INSERT INTO t VALUES (1, 'one')");
    expect("SELECT * FROM t", "1 one");
    run_in(other, "ALTER TABLE t ADD COLUMN c int DEFAULT 5");
    expect("SELECT * FROM t", "1 one 5");
    run_in(other, "ALTER TABLE t DROP COLUMN b");
    expect("SELECT * FROM t", "1 5");
    run_in(other, "CREATE INDEX ON t (a)");
    expect("SELECT * FROM t", "1 5");
    run_in(other, "DROP TABLE t");
    refuse("SELECT * FROM t", "42P01");
    run_in(session, "BEGIN");
    run_in(session, "CREATE TABLE t (x text)");
    run_in(session, "INSERT INTO t VALUES ('mine')");
    expect("SELECT * FROM t", "mine");
    run_in(session, "ROLLBACK");
    refuse("SELECT * FROM t", "42P01");
    run_in(session, "CREATE SCHEMA s");
    run_in(session, "CREATE TABLE s.v (x int)");
    run_in(session, "CREATE TABLE v (x text)");
    run_in(session, "INSERT INTO s.v VALUES (7)");
    run_in(session, "INSERT INTO v VALUES ('public')");
    expect("SELECT x FROM v", "public");
    run_in(session, "SET search_path = s");
    expect("SELECT x FROM v", "7");
    run_in(session, "RESET search_path");
    expect("SELECT x FROM v", "public");
    run_in(session, "CREATE TEMP TABLE v (x bool)");
    expect("SELECT x FROM v", "");
    run_in(session, "DISCARD TEMP");
    expect("SELECT x FROM v", "public");
    expect("SELECT date '2024-01-31'", "2024-01-31");
    run_in(session, "SET datestyle = 'SQL, DMY'");
    expect("SELECT date '2024-01-31'", "31/01/2024");
    expect("SELECT '02/01/2024'::date - '01/01/2024'::date", "1");
    run_in(session, "SET datestyle = 'SQL, MDY'");
    expect("SELECT '02/01/2024'::date - '01/01/2024'::date", "31");
    run_in(session, "CREATE TEMP TABLE v (x bool)");
    run_in(other, "CREATE TEMP TABLE others (x bool)");
    run_in(session, "DISCARD ALL");
    run_in(other, "INSERT INTO others VALUES (true)"); /* that of another stays */
    expect("SELECT x FROM v", "public");
    expect("SELECT date '2024-01-31'", "2024-01-31");
}
END_TEST

START_TEST(rights_that_go_are_gone)
{
    run_in(session, "CREATE ROLE r");
    run_in(session, "CREATE TABLE t (a int)");
    run_in(session, "INSERT INTO t VALUES (1), (2)");
    expect("SELECT count(*) FROM t", "2");
    run_in(session, "SET ROLE r");
    refuse("SELECT count(*) FROM t", "42501");
    run_in(other, "GRANT SELECT ON t TO r");
    expect("SELECT count(*) FROM t", "2");
    run_in(other, "ALTER TABLE t ENABLE ROW LEVEL SECURITY");
    expect("SELECT count(*) FROM t", "0");
    run_in(other, "CREATE POLICY p ON t USING (a = 1)");
    expect("SELECT count(*) FROM t", "1");
    run_in(other, "REVOKE SELECT ON t FROM r");
    refuse("SELECT count(*) FROM t", "42501");
    run_in(session, "RESET ROLE");
    expect("SELECT count(*) FROM t", "2");
}
END_TEST

START_TEST(a_failure_spoils_nothing)
{
    run_in(session, "CREATE TABLE t (a int PRIMARY KEY)");
    run_in(session, "INSERT INTO t VALUES (0)");
    refuse("SELECT 1 / a FROM t", "22012");
    refuse("INSERT INTO t VALUES (0)", "23505");
    expect("SELECT count(*) FROM t", "1");
    run_in(session, "BEGIN");
    ck_assert(fly_sql_execute(session, fly_bytes_str("SELECT 1 / a FROM t"), NULL, NULL, &err) !=
              FLY_OK);
    refuse("SELECT count(*) FROM t", "25P02");
    run_in(session, "ROLLBACK");
    expect("SELECT count(*) FROM t", "1");
    run_in(session, "UPDATE t SET a = 1");
    expect("SELECT 1 / a FROM t", "1");
    ck_assert(fly_sql_execute(session, fly_bytes_str("SELECT $1::int"), NULL, NULL, &err) ==
              FLY_OK);              /* NULL, as unset parameters are */
    for (int i = 0; i < 200; i++) { /* many texts: some are let go */
        char text[64];
        char sum[16];
        (void)snprintf(text, sizeof text, "SELECT a + %d FROM t", i % 40);
        (void)snprintf(sum, sizeof sum, "%d", i % 40 + 1);
        expect(text, sum);
    }
}
END_TEST

/* A function that runs the text that it is called by. */
START_TEST(a_text_may_be_run_within_itself)
{
    run_in(session, "CREATE TABLE t (a int)");
    run_in(session, "INSERT INTO t VALUES (1)");
    expect("SELECT a FROM t", "1");
    fly_sql_script *outer = NULL;
    fly_sql_stmt *stmt = NULL;
    fly_bytes text = fly_bytes_str("SELECT a FROM t");
    FLY_CHECK_OK(fly_sql_script_open(session, text, &outer, &err), err);
    FLY_CHECK_OK(fly_sql_script_next(outer, &stmt, &err), err);
    FLY_CHECK_OK(fly_sql_step(stmt, &err), err);
    expect("SELECT a FROM t", "1");
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_END);
    ck_assert_int_eq(fly_sql_script_next(outer, &stmt, &err), FLY_E_END);
    fly_sql_script_close(outer);
    FLY_CHECK_OK(fly_sql_script_open(session, text, &outer, &err), err); /* never run */
    fly_sql_script_close(outer);
    expect("SELECT a FROM t", "1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *tests = fly_test_case(suite, "cache");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_text_is_planned_twice_at_most);
    tcase_add_test(tests, what_changes_is_seen);
    tcase_add_test(tests, rights_that_go_are_gone);
    tcase_add_test(tests, a_failure_spoils_nothing);
    tcase_add_test(tests, a_text_may_be_run_within_itself);
    return fly_test_run(suite);
}
