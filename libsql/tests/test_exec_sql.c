/*
 * Goal: statements give the same rows however little memory they have and however small batches are;
 * changes follow constraints, conflicts and other sessions' changes as PostgreSQL's do.
 * Method: SQL through the public header, over a database in memory. Rows are compared as one text.
 */
#include <fly/base_check.h>
#include <fly/sql.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_sql *sql;
static fly_sql_session *session, *other;
static char text[1 << 16];
static size_t text_len;

static fly_status add_row(void *ctx, fly_sql_stmt *stmt)
{
    (void)ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes shown = fly_bytes_str("NULL");
        if (!fly_sql_column_null(stmt, i)) {
            shown = fly_sql_column_text(stmt, i);
        }
        if (text_len + shown.len + 2 < sizeof text) {
            text[text_len++] = i > 0 ? ',' : ' ';
            memcpy(text + text_len, shown.data, shown.len);
            text_len += shown.len;
        }
    }
    text[text_len] = 0;
    return FLY_OK;
}

/* Run statements; their rows as " a,b c,d", or "!" and the SQLSTATE. */
static const char *run_in(fly_sql_session *in, const char *statements)
{
    fly_err err = {0};
    text_len = 0;
    text[0] = 0;
    fly_status status = fly_sql_execute(in, fly_bytes_str(statements), add_row, NULL, &err);
    if (status != FLY_OK) {
        (void)snprintf(text, sizeof text, "!%s", err.sqlstate);
    }
    return text;
}

static void check(const char *statements, const char *rows)
{
    run_in(session, statements);
    ck_assert_msg(strcmp(text, rows) == 0, "%s\n  gave \"%s\", not \"%s\"", statements, text, rows);
}

static void check_other(const char *statements, const char *rows)
{
    run_in(other, statements);
    ck_assert_msg(strcmp(text, rows) == 0, "%s\n  gave \"%s\", not \"%s\"", statements, text, rows);
}

static fly_sql_session *open_session(uint64_t memory)
{
    fly_err err = {0};
    fly_sql_session *opened = NULL;
    fly_sql_session_options options = {.memory_bytes = memory};
    FLY_CHECK(fly_sql_session_open(sql, &options, &opened, &err), FLY_OK, err);
    return opened;
}

static void set_up(void)
{
    fly_err err = {0};
    fly_env_init(&env);
    FLY_CHECK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
              FLY_OK, err);
    session = open_session(0);
    other = open_session(0);
}

static void tear_down(void)
{
    fly_err err = {0};
    fly_sql_session_close(other);
    fly_sql_session_close(session);
    FLY_CHECK(fly_sql_close(sql, &err), FLY_OK, err);
}

/* ----------------------------------------------------------------------------- memory */

static const char *const heavy[] = {
    "SELECT count(*), sum(a), max(s) FROM (SELECT * FROM big ORDER BY s, d DESC) x",
    "SELECT a FROM (SELECT a, row_number() OVER (ORDER BY s, d DESC) n FROM big) x"
    " WHERE n IN (1, 777, 15000, 19999) ORDER BY n",
    "SELECT count(*), sum(n), sum(k) FROM"
    " (SELECT a, count(*) n, max(b) k, min(s) FROM big GROUP BY a) x",
    "SELECT count(*), sum(n) FROM (SELECT s, b, count(*) n FROM big GROUP BY s, b) x",
    "SELECT count(*), sum(x.c), max(y.s) FROM big x JOIN big y ON x.a = y.a",
    "SELECT count(*), sum(x.c), count(y.s) FROM big x LEFT JOIN big y ON x.a = y.c",
    "SELECT count(*), sum(x.c), count(y.s) FROM big x FULL JOIN big y ON x.a = y.a + 10000",
    "SELECT count(*) FROM (SELECT DISTINCT a, s FROM big) x",
    "SELECT count(*) FROM (SELECT a, s FROM big UNION SELECT c, s FROM big) x",
    "SELECT count(*) FROM (SELECT a, s FROM big INTERSECT ALL SELECT a, s FROM big) x",
    "SELECT count(*) FROM (SELECT a, s FROM big EXCEPT SELECT c, s FROM big) x",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10000)"
    " SELECT count(*), sum(n) FROM r",
    "SELECT count(*) FROM big WHERE a NOT IN (SELECT c FROM big)",
    "SELECT count(DISTINCT s), sum(DISTINCT a) FROM big",
};

START_TEST(little_memory_and_small_batches_change_no_rows)
{
    static char wanted[sizeof text];
    check("CREATE TABLE big(a integer PRIMARY KEY, b integer, c bigint, d float8, s text);"
          "INSERT INTO big SELECT g, g % 1000, g * 7, g * 0.5, 'a longer row text ' || (g % 2500)"
          " FROM generate_series(1, 20000) g",
          "");
    fly_sql_session *little = open_session(3 << 20);
    for (size_t i = 0; i < sizeof heavy / sizeof heavy[0]; i++) {
        run_in(session, heavy[i]);
        ck_assert_msg(text[0] == ' ', "%s: %s", heavy[i], text);
        strcpy(wanted, text);
        run_in(little, heavy[i]);
        ck_assert_msg(strcmp(text, wanted) == 0, "%s\n  with little memory \"%s\", not \"%s\"",
                      heavy[i], text, wanted);
    }
    run_in(other, "SET flydb.verify = on");
    for (size_t i = 0; i < sizeof heavy / sizeof heavy[0]; i++) {
        run_in(session, heavy[i]);
        strcpy(wanted, text);
        check_other(heavy[i], wanted);
    }
    fly_sql_session_close(little);
}
END_TEST

/* ---------------------------------------------------------------------------- changes */

START_TEST(a_statement_does_not_see_what_it_does)
{
    check("CREATE TABLE t(i integer PRIMARY KEY, n integer);"
          "INSERT INTO t SELECT g, g FROM generate_series(1, 5) g",
          "");
    check("INSERT INTO t SELECT i + 10, n FROM t; SELECT count(*) FROM t", " 10");
    check("UPDATE t SET i = i + 100; SELECT count(*), min(i), max(i) FROM t", " 10,101,115");
    check("UPDATE t SET n = n + 1 FROM generate_series(1, 3) g; SELECT sum(n) FROM t", " 40");
}
END_TEST

START_TEST(commands_in_with_are_not_seen_by_the_rest)
{
    check("CREATE TABLE t(i integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)", "");
    check("WITH d AS (DELETE FROM t WHERE i > 1 RETURNING i)"
          " SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM d)",
          " 3,2");
    check("WITH n AS (INSERT INTO t VALUES (7) RETURNING i)"
          " SELECT t.i, n.i FROM t, n ORDER BY 1",
          " 1,7");
    check("SELECT i FROM t ORDER BY i", " 1 7");
    check("WITH m AS (DELETE FROM t RETURNING i) INSERT INTO t SELECT i + 10 FROM m;"
          "SELECT i FROM t ORDER BY i",
          " 11 17");
}
END_TEST

START_TEST(conflicts_update_or_do_nothing)
{
    check("CREATE TABLE t(i integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1)", "");
    check("INSERT INTO t VALUES (1, 5), (2, 5) ON CONFLICT DO NOTHING RETURNING i", " 2");
    check("INSERT INTO t VALUES (1, 7), (3, 7) ON CONFLICT (i) DO UPDATE SET n = t.n + excluded.n"
          " RETURNING i, n",
          " 1,8 3,7");
    check("INSERT INTO t VALUES (1, 0) ON CONFLICT (i) DO UPDATE SET n = 0 WHERE t.n > 100"
          " RETURNING i",
          "");
    check("INSERT INTO t VALUES (9, 1), (9, 2) ON CONFLICT (i) DO UPDATE SET n = 3", "!21000");
}
END_TEST

START_TEST(merge_does_the_first_action_that_fits)
{
    check("CREATE TABLE t(i integer PRIMARY KEY, n integer);"
          "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)",
          "");
    check("MERGE INTO t USING (VALUES (1, 10), (2, 20), (4, 40)) s(i, n) ON t.i = s.i"
          " WHEN MATCHED AND t.n > 1 THEN DELETE"
          " WHEN MATCHED THEN UPDATE SET n = t.n + s.n"
          " WHEN NOT MATCHED THEN INSERT VALUES (s.i, s.n);"
          "SELECT * FROM t ORDER BY i",
          " 1,11 3,3 4,40");
    check("MERGE INTO t USING (VALUES (1), (1)) s(i) ON t.i = s.i"
          " WHEN MATCHED THEN UPDATE SET n = 0",
          "!21000");
}
END_TEST

START_TEST(foreign_keys_do_their_actions)
{
    check("CREATE TABLE p(i integer PRIMARY KEY);"
          "CREATE TABLE c(i integer REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE, k integer);"
          "CREATE TABLE n(i integer DEFAULT 1 REFERENCES p ON DELETE SET NULL"
          " ON UPDATE SET DEFAULT);"
          "INSERT INTO p VALUES (1), (2), (3);"
          "INSERT INTO c VALUES (2, 1), (2, 2), (3, 3), (NULL, 4);"
          "INSERT INTO n VALUES (2), (3)",
          "");
    check("INSERT INTO c VALUES (9, 9)", "!23503");
    check("DELETE FROM p WHERE i = 2; SELECT k FROM c ORDER BY k", " 3 4");
    check("SELECT i FROM n ORDER BY i", " 3 NULL");
    check("UPDATE p SET i = 30 WHERE i = 3; SELECT i FROM c ORDER BY k", " 30 NULL");
    check("SELECT i FROM n ORDER BY i", " 1 NULL");
    check("CREATE TABLE r(i integer REFERENCES p); INSERT INTO r VALUES (30)", "");
    check("DELETE FROM p WHERE i = 30", "!23503");
    check("SELECT count(*) FROM p", " 2");
}
END_TEST

START_TEST(deferred_keys_are_checked_by_the_commit)
{
    check("CREATE TABLE p(i integer PRIMARY KEY);"
          "CREATE TABLE c(i integer REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
          "");
    check("BEGIN; INSERT INTO c VALUES (1); INSERT INTO p VALUES (1); COMMIT;"
          " SELECT i FROM c",
          " 1");
    check("BEGIN; INSERT INTO c VALUES (2)", "");
    check("COMMIT", "!23503");
    check("SELECT count(*) FROM c", " 1");
    check("BEGIN; DELETE FROM p; INSERT INTO p VALUES (1); COMMIT; SELECT count(*) FROM p", " 1");
    check("BEGIN; DELETE FROM p; DELETE FROM c; COMMIT; SELECT count(*) FROM p", " 0");
}
END_TEST

START_TEST(checks_and_generated_columns_see_the_new_row)
{
    check("CREATE TABLE t(i integer NOT NULL CHECK (i > 0), d integer GENERATED ALWAYS AS (i * 2)"
          " STORED)",
          "");
    check("INSERT INTO t(i) VALUES (3) RETURNING d", " 6");
    check("UPDATE t SET i = 4 RETURNING d", " 8");
    check("UPDATE t SET i = -1", "!23514");
    check("INSERT INTO t(i) VALUES (NULL)", "!23502");
    check("SELECT i, d FROM t", " 4,8");
}
END_TEST

/* Both sessions are of one thread, so that nobody may wait: rows are changed between statements. */
START_TEST(a_row_that_somebody_has_locked_is_skipped_or_refused)
{
    check("CREATE TABLE q(i integer PRIMARY KEY, n integer);"
          "INSERT INTO q VALUES (1, 1), (2, 2), (3, 3)",
          "");
    check("BEGIN; SELECT i FROM q ORDER BY i LIMIT 1 FOR UPDATE", " 1");
    check_other("SELECT i FROM q ORDER BY i LIMIT 1 FOR UPDATE SKIP LOCKED", " 2");
    check_other("SELECT i FROM q WHERE i = 1 FOR UPDATE NOWAIT", "!55P03");
    check("COMMIT", "");
    check_other("SELECT i FROM q WHERE i = 1 FOR UPDATE NOWAIT", " 1");
}
END_TEST

START_TEST(an_old_snapshot_may_not_overwrite)
{
    check("CREATE TABLE t(i integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1)", "");
    check("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT n FROM t", " 1");
    check_other("UPDATE t SET n = 2", "");
    check("UPDATE t SET n = n + 10", "!40001");
    check("ROLLBACK; UPDATE t SET n = n + 10 RETURNING n", " 12");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exec_sql");
    TCase *t = fly_test_case(suite, "exec_sql");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, little_memory_and_small_batches_change_no_rows);
    tcase_add_test(t, a_statement_does_not_see_what_it_does);
    tcase_add_test(t, commands_in_with_are_not_seen_by_the_rest);
    tcase_add_test(t, conflicts_update_or_do_nothing);
    tcase_add_test(t, merge_does_the_first_action_that_fits);
    tcase_add_test(t, foreign_keys_do_their_actions);
    tcase_add_test(t, deferred_keys_are_checked_by_the_commit);
    tcase_add_test(t, checks_and_generated_columns_see_the_new_row);
    tcase_add_test(t, a_row_that_somebody_has_locked_is_skipped_or_refused);
    tcase_add_test(t, an_old_snapshot_may_not_overwrite);
    return fly_test_run(suite);
}
