/*
 * Goal: row locks go together as PostgreSQL's do, foreign keys lock no more than they must and miss
 * nothing.
 * Method: two sessions of one thread. What must not wait does not time out; what must wait asks for
 * NOWAIT, or has a time-out, which then is sure to pass.
 */
#include <fly/base_check.h>
#include <fly/sql.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_sql *sql;
static fly_sql_session *session, *other;
static char text[1 << 14];
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

static const char timed_out[] = "!55P03 canceling statement due to lock timeout";
static const char refused[] = "!55P03 could not obtain lock on row in relation \"t\"";

START_TEST(strengths_go_together_as_they_should)
{
    static const char *const strengths[] = {"UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"};
    static const char goes[4][5] = {"nnnn", "nnny", "nnyy", "nyyy"};
    char locking[80], trying[80], skipping[80];
    check("CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10), (2, 20)", "");
    for (int held = 0; held < 4; held++) {
        for (int wanted = 0; wanted < 4; wanted++) {
            bool yes = goes[held][wanted] == 'y';
            (void)snprintf(locking, sizeof locking, "BEGIN; SELECT b FROM t WHERE a = 1 FOR %s",
                           strengths[held]);
            (void)snprintf(trying, sizeof trying, "SELECT b FROM t WHERE a = 1 FOR %s NOWAIT",
                           strengths[wanted]);
            (void)snprintf(skipping, sizeof skipping, "SELECT b FROM t FOR %s SKIP LOCKED",
                           strengths[wanted]);
            check(locking, " 10");
            check_in(other, trying, yes ? " 10" : refused);
            check_in(other, skipping, yes ? " 10 20" : " 20");
            check("COMMIT", "");
        }
    }
}
END_TEST

START_TEST(clauses_have_strengths_of_their_own)
{
    check("CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (a int PRIMARY KEY);"
          "INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)",
          "");
    check("BEGIN; SELECT t.a FROM t JOIN u USING (a) FOR UPDATE OF u FOR SHARE OF t "
          "FOR KEY SHARE FOR KEY SHARE OF t",
          " 1");
    check_in(other, "SELECT a FROM t FOR SHARE NOWAIT", " 1");
    check_in(other, "SELECT a FROM t FOR NO KEY UPDATE NOWAIT", refused);
    check_in(other, "SELECT a FROM u FOR SHARE NOWAIT",
             "!55P03 could not obtain lock on row in relation \"u\"");
    check("COMMIT", "");
}
END_TEST

static void make_family(const char *rules)
{
    char children[200];
    (void)snprintf(children, sizeof children,
                   "CREATE TABLE child (c int PRIMARY KEY, a int REFERENCES t %s)", rules);
    check("CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE, name text);"
          "INSERT INTO t VALUES (1, 10, 'x')",
          "");
    check(children, "");
    check_in(other, "SET lock_timeout = '20ms'", "");
}

START_TEST(children_of_one_parent_come_together)
{
    make_family("");
    check("BEGIN; INSERT INTO child VALUES (1, 1)", "");
    check_in(other, "BEGIN; INSERT INTO child VALUES (2, 1)", "");
    check("COMMIT", "");
    check_in(other, "COMMIT", "");
    check("SELECT c FROM child ORDER BY c", " 1 2");
}
END_TEST

START_TEST(a_parent_may_change_but_not_what_is_referred_to)
{
    make_family("");
    check("BEGIN; INSERT INTO child VALUES (1, 1)", "");
    check_in(other, "UPDATE t SET name = 'y' WHERE a = 1 RETURNING name", " y");
    check_in(other, "UPDATE t SET a = 1, b = 10 WHERE a = 1 RETURNING name", " y");
    check_in(other, "UPDATE t SET b = 11 WHERE a = 1", timed_out);
    check_in(other, "UPDATE t SET a = 2 WHERE a = 1", timed_out);
    check_in(other, "DELETE FROM t WHERE a = 1", timed_out);
    check_in(other, "SELECT a FROM t FOR UPDATE NOWAIT", refused);
    check_in(other, "SELECT a FROM t FOR NO KEY UPDATE NOWAIT", " 1");
    check("COMMIT", "");
    check_in(other, "UPDATE t SET b = 11 WHERE a = 1", "");
}
END_TEST

START_TEST(a_child_comes_while_its_parent_changes)
{
    make_family("");
    check("BEGIN; UPDATE t SET name = 'y'", "");
    check_in(other, "INSERT INTO child VALUES (1, 1)", "");
    check("UPDATE t SET b = 11; COMMIT", "");
    check("BEGIN; UPDATE t SET b = 12", "");
    check_in(other, "INSERT INTO child VALUES (2, 1)", timed_out);
    check("ROLLBACK", "");
    check_in(other, "INSERT INTO child VALUES (2, 1)", "");
    check("BEGIN; DELETE FROM child; DELETE FROM t", "");
    check_in(other, "INSERT INTO child VALUES (3, 1)", timed_out);
    check("COMMIT", "");
    check_in(other, "INSERT INTO child VALUES (3, 1)",
             "!23503 insert or update on table \"child\" violates foreign key constraint "
             "\"child_a_fkey\"");
}
END_TEST

/* The parent's transaction has its snapshot when the child comes. */
START_TEST(a_child_that_is_newer_than_the_snapshot_is_not_missed)
{
    static const char still[] = "!23503 update or delete on table \"t\" violates foreign key "
                                "constraint \"child_a_fkey\" on table \"child\"";
    make_family("");
    check("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM child", " 0");
    check_in(other, "INSERT INTO child VALUES (1, 1)", "");
    check("DELETE FROM t", still);
    check("ROLLBACK", "");
    check("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM child", " 1");
    check_in(other, "DELETE FROM child", "");
    check("DELETE FROM t; COMMIT", "");
    check("SELECT count(*) FROM t", " 0");
}
END_TEST

START_TEST(a_rule_does_not_miss_it_either)
{
    make_family("ON DELETE CASCADE");
    check("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM child", " 0");
    check_in(other, "INSERT INTO child VALUES (1, 1)", "");
    run_in(session, "DELETE FROM t", text);
    ck_assert_msg(strncmp(text, "!40001", 6) == 0, "%s", text);
    check("ROLLBACK; DELETE FROM t", "");
    check("SELECT count(*) FROM child", " 0");
}
END_TEST

START_TEST(a_parent_that_is_newer_than_the_statement_is_found)
{
    check("CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE);"
          "CREATE TABLE child (b int REFERENCES t (b))",
          "");
    check("BEGIN; SELECT count(*) FROM t", " 0");
    check_in(other, "INSERT INTO t VALUES (1, 10)", "");
    check("INSERT INTO child VALUES (10); COMMIT", "");
    check("SELECT b FROM child", " 10");
}
END_TEST

START_TEST(do_nothing_waits_for_no_update)
{
    check("CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10)", "");
    check("BEGIN; UPDATE t SET b = 11", "");
    check_in(other, "INSERT INTO t VALUES (1, 12) ON CONFLICT DO NOTHING", "");
    check("COMMIT", "");
    check("SELECT b FROM t", " 11");
}
END_TEST

START_TEST(a_lock_alone_is_no_conflict)
{
    check("CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10)", "");
    check("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT b FROM t", " 10");
    check_in(other, "BEGIN; SELECT b FROM t FOR UPDATE; COMMIT", " 10");
    check("UPDATE t SET b = 11; COMMIT", "");
    check("SELECT b FROM t", " 11");
}
END_TEST

START_TEST(a_transaction_that_has_failed_locks_nothing)
{
    check("CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10), (2, 20)", "");
    check("BEGIN; UPDATE t SET b = 11 WHERE a = 1; LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE", "");
    check("SELECT 1 / 0", "!22012 division by zero");
    check_in(other, "UPDATE t SET b = 12 WHERE a = 1 RETURNING b", " 12");
    check("COMMIT", "");
    check("BEGIN; UPDATE t SET b = 21 WHERE a = 2; SAVEPOINT s; UPDATE t SET b = 13 WHERE a = 1",
          "");
    check("SELECT nothing", "!42703 column \"nothing\" does not exist");
    check_in(other, "SELECT a FROM t FOR UPDATE SKIP LOCKED", " 1");
    check("ROLLBACK TO s; COMMIT", "");
    check("SELECT b FROM t ORDER BY a", " 12 21");
}
END_TEST

START_TEST(a_lock_timeout_may_be_set_when_the_transaction_has_begun)
{
    check("CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10)", "");
    check("BEGIN; UPDATE t SET b = 11", "");
    check_in(other, "BEGIN; SET LOCAL lock_timeout = '10ms'; UPDATE t SET b = 12", timed_out);
    check_in(other, "ROLLBACK", "");
    check("COMMIT", "");
}
END_TEST

START_TEST(who_cannot_serialize_hears_of_it_early)
{
    static const char no[] = "!40001 could not serialize access due to read/write dependencies "
                             "among transactions";
    check("CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10), (2, 20)", "");
    check("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT b FROM t WHERE a = 1", " 10");
    check_in(other, "UPDATE t SET b = 11 WHERE a = 1", "");
    check("SELECT b FROM t WHERE a = 1", " 10");
    check("UPDATE t SET b = 21 WHERE a = 2", no);
    check("ROLLBACK", "");
    check("BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE t SET b = 21 WHERE a = 2;"
          "SELECT b FROM t WHERE a = 1",
          " 11");
    check_in(other, "UPDATE t SET b = 12 WHERE a = 1", "");
    check("COMMIT", no);
}
END_TEST

START_TEST(what_only_wants_the_row_to_be_there_minds_no_newer_one)
{
    check("CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10)", "");
    check("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT b FROM t", " 10");
    check_in(other, "UPDATE t SET b = 11", "");
    check("SELECT b FROM t FOR KEY SHARE", " 10");
    check("SELECT b FROM t FOR SHARE",
          "!40001 could not serialize access due to concurrent update");
    check("ROLLBACK", "");
}
END_TEST

START_TEST(tables_that_refer_to_each_other_are_dropped_together)
{
    check("CREATE TABLE t (a int PRIMARY KEY, b int); CREATE TABLE u (a int PRIMARY KEY REFERENCES "
          "t);"
          "ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES u; CREATE VIEW v AS SELECT a FROM t;"
          "CREATE VIEW w AS SELECT a FROM v",
          "");
    check("DROP VIEW v", "!2BP01 cannot drop view v because other objects depend on it");
    check("DROP VIEW v, w", "");
    check("DROP TABLE t", "!2BP01 cannot drop table t because other objects depend on it");
    check("DROP TABLE t, u", "");
    check("SELECT count(*) FROM pg_class WHERE relname IN ('t', 'u', 'v', 'w')", " 0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rowlocks");
    TCase *tests = fly_test_case(suite, "rowlocks");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, strengths_go_together_as_they_should);
    tcase_add_test(tests, clauses_have_strengths_of_their_own);
    tcase_add_test(tests, children_of_one_parent_come_together);
    tcase_add_test(tests, a_parent_may_change_but_not_what_is_referred_to);
    tcase_add_test(tests, a_child_comes_while_its_parent_changes);
    tcase_add_test(tests, a_child_that_is_newer_than_the_snapshot_is_not_missed);
    tcase_add_test(tests, a_rule_does_not_miss_it_either);
    tcase_add_test(tests, a_parent_that_is_newer_than_the_statement_is_found);
    tcase_add_test(tests, do_nothing_waits_for_no_update);
    tcase_add_test(tests, a_lock_alone_is_no_conflict);
    tcase_add_test(tests, a_transaction_that_has_failed_locks_nothing);
    tcase_add_test(tests, a_lock_timeout_may_be_set_when_the_transaction_has_begun);
    tcase_add_test(tests, who_cannot_serialize_hears_of_it_early);
    tcase_add_test(tests, what_only_wants_the_row_to_be_there_minds_no_newer_one);
    tcase_add_test(tests, tables_that_refer_to_each_other_are_dropped_together);
    return fly_test_run(suite);
}
