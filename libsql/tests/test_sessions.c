/*
 * Goal: sessions are seen, cancelled and ended from outside, whatever they are doing; what they ran is
 * counted; clients hear of settings that change.
 * Method: SQL through the public header, from several threads where that matters.
 */
#include "sql_world.h"

#include <fly/base_sched.h>

static void set_up_known(void)
{
    open_world(&(fly_sql_session_options){
        .application_name = "test", .client_addr = "192.0.2.1", .client_port = 4711});
}

/* ------------------------------------------------------------------ being seen */

START_TEST(sessions_have_numbers_and_are_listed)
{
    char want[40];
    ck_assert_uint_ne(fly_sql_session_pid(session), fly_sql_session_pid(other));
    (void)snprintf(want, sizeof want, " %u", fly_sql_session_pid(session));
    check("SELECT pg_backend_pid()", want);
    check("SELECT count(*) FROM pg_stat_activity", " 2");
    check("SELECT datname, usename, application_name, client_addr, client_port, state, query, "
          "backend_type, xact_start IS NOT NULL, wait_event FROM pg_stat_activity "
          "WHERE pid = pg_backend_pid()",
          " default,admin,test,192.0.2.1,4711,active,SELECT datname, usename, application_name, "
          "client_addr, client_port, state, query, backend_type, xact_start IS NOT NULL, "
          "wait_event FROM pg_stat_activity WHERE pid = pg_backend_pid(),client backend,t,NULL");
}
END_TEST

START_TEST(activity_follows_the_transaction)
{
    static const char ask[] = "SELECT state, query, xact_start IS NULL, wait_event "
                              "FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
    check(ask, " idle,,t,ClientRead");
    check_in(other, "BEGIN", "");
    check(ask, " idle in transaction,BEGIN,f,ClientRead");
    check_in(other, "SELECT 1 / 0", "!22012 division by zero");
    check(ask, " idle in transaction (aborted),SELECT 1 / 0,f,ClientRead");
    check_in(other, "ROLLBACK", "");
    check(ask, " idle,ROLLBACK,t,ClientRead");
    check_in(other, "SET application_name = 'psql'", "");
    check("SELECT application_name FROM pg_stat_activity WHERE pid <> pg_backend_pid()", " psql");
}
END_TEST

START_TEST(a_long_text_is_cut_at_a_character)
{
    static char statement[4096] = "SELECT '";
    for (size_t i = 8; i < 3000; i += 3) {
        memcpy(statement + i, "\xe2\x82\xac", 4);
    }
    strcat(statement, "' IS NULL");
    check_in(other, statement, " f");
    check("SELECT octet_length(query) BETWEEN 1020 AND 1023 FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid()",
          " t");
}
END_TEST

START_TEST(statements_are_counted_without_their_constants)
{
    check("SELECT pg_stat_statements_reset()", " ");
    check("CREATE TABLE t(i integer)", "");
    check("INSERT INTO t VALUES (1), (2)", "");
    check("SELECT i FROM t WHERE i = 1", " 1");
    check("SELECT i FROM t WHERE i = 2;", " 2");
    check("select i FROM  t where i = 3", "");
    check("SELECT i FROM t WHERE i > 0", " 1 2");
    check("SELECT query, calls, rows, total_exec_time >= max_exec_time, "
          "max_exec_time >= min_exec_time FROM pg_stat_statements WHERE query LIKE '%WHERE i%' "
          "AND query NOT LIKE '%pg_stat%' ORDER BY query",
          " SELECT i FROM t WHERE i = $1,3,2,t,t SELECT i FROM t WHERE i > $1,1,2,t,t");
    check("SELECT calls, rows FROM pg_stat_statements WHERE query LIKE 'INSERT%'", " 1,2");
    check("SELECT count(DISTINCT queryid) = count(*) FROM pg_stat_statements", " t");
}
END_TEST

START_TEST(databases_are_counted)
{
    check("SELECT datname, numbackends, xact_commit > 0 FROM pg_stat_database", " default,2,t");
}
END_TEST

/* ---------------------------------------------------------------- from outside */

/* A thread that runs a statement in `other`. */
typedef struct runner {
    fly_thread thread;
    const char *statement;
    char rows[TEXT_MAX];
} runner;

static runner run;

static void run_statement(void *ctx)
{
    runner *r = ctx;
    run_in(other, r->statement, r->rows);
}

static void start(const char *statement)
{
    run.statement = statement;
    FLY_CHECK(fly_thread_start(env.sched, &run.thread, "runner", run_statement, &run, &err), FLY_OK,
              err);
}

/* Until a query gives true. */
static void until(const char *query)
{
    for (int i = 0; i < 2000; i++) {
        run_in(session, query, text);
        if (strcmp(text, " t") == 0) {
            return;
        }
        fly_sleep(2000000);
    }
    ck_abort_msg("never: %s, but %s", query, text);
}

static void await_running(void)
{
    until("SELECT state = 'active' FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
}

START_TEST(who_knows_the_secret_may_cancel)
{
    start("SELECT pg_sleep(30)");
    await_running();
    uint32_t pid = fly_sql_session_pid(other);
    uint32_t secret = fly_sql_session_secret(other);
    ck_assert(!fly_sql_cancel_backend(sql, pid, secret + 1));
    ck_assert(!fly_sql_cancel_backend(sql, pid + 1000, secret));
    ck_assert(fly_sql_cancel_backend(sql, pid, secret));
    fly_thread_join(&run.thread);
    ck_assert_str_eq(run.rows, "!57014 canceling statement due to user request");
    check_in(other, "SELECT 1", " 1");
}
END_TEST

START_TEST(a_cancelled_wait_for_a_row_ends)
{
    check("CREATE TABLE t(i integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1)", "");
    check("BEGIN; UPDATE t SET n = 2", "");
    start("UPDATE t SET n = 3");
    until("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    check("SELECT wait_event, state FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
          " transactionid,active");
    check("SELECT pg_blocking_pids(pid) = array[pg_backend_pid()] FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid()",
          " t");
    check("SELECT pg_isolation_test_session_is_blocked(pid, array[pg_backend_pid(), 999]), "
          "pg_isolation_test_session_is_blocked(pid, array[999]) FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid()",
          " t,f");
    check("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted", " 1");
    check("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
          " t");
    fly_thread_join(&run.thread);
    ck_assert_str_eq(run.rows, "!57014 canceling statement due to user request");
    check("COMMIT; SELECT n FROM t", " 2");
    check("SELECT pg_blocking_pids(pg_backend_pid())", " {}");
}
END_TEST

/* Trees are there with their tables: nobody waits for who makes them, nor misses them. */
START_TEST(first_rows_of_a_table_may_come_from_several)
{
    check("CREATE TABLE fresh (a int PRIMARY KEY, b text UNIQUE)", "");
    for (int i = 0; i < 2; i++) {
        check("BEGIN; INSERT INTO fresh VALUES (1, 'x')", "");
        check_in(other, "INSERT INTO fresh VALUES (2, 'y')", "");
        check("COMMIT", "");
        check("SELECT count(*) FROM fresh", " 2");
        check("TRUNCATE fresh", "");
    }
}
END_TEST

START_TEST(a_wait_for_a_row_ends_with_the_statements_time)
{
    check("CREATE TABLE t(i integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1)", "");
    check("BEGIN; UPDATE t SET n = 2", "");
    check_in(other, "SET statement_timeout = 30; UPDATE t SET n = 3",
             "!57014 canceling statement due to statement timeout");
    check("COMMIT", "");
}
END_TEST

/* Whatever a statement is doing: what it gives at its end may be one row. */
START_TEST(a_statement_ends_with_its_time)
{
    static const char *const endless[] = {
        "SELECT count(*) FROM generate_series(1, 100000000000)",
        "WITH RECURSIVE r(n) AS (SELECT 1::bigint UNION ALL SELECT n + 1 FROM r) "
        "SELECT max(n) FROM r",
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, "
        "generate_series(1, 100000) c WHERE a + b = c",
        "DO $$ BEGIN LOOP END LOOP; END $$",
        "SELECT pg_sleep(1000)",
        "SELECT sum(x) FROM (SELECT row_number() OVER (ORDER BY n) x "
        "FROM generate_series(1, 100000000) n) q",
    };
    check("SET statement_timeout = 50", "");
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        uint64_t began = fly_now();
        check(endless[i], "!57014 canceling statement due to statement timeout");
        ck_assert_msg((fly_now() - began) / 1000000 < 20000, "%s", endless[i]);
    }
    check("RESET statement_timeout; CREATE TABLE t(i integer)", "");
    check("BEGIN; CREATE TABLE u(i integer)", "");
    check_in(other, "SET statement_timeout = 50; CREATE TABLE v(i integer)",
             "!57014 canceling statement due to statement timeout");
    check("COMMIT", "");
}
END_TEST

START_TEST(who_waits_for_a_table_waits_for_its_holder)
{
    check("CREATE TABLE t(i integer)", "");
    check("BEGIN; LOCK TABLE t", "");
    start("SELECT * FROM t");
    until("SELECT wait_event = 'relation' FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    check("SELECT pg_blocking_pids(pid) = array[pg_backend_pid()] FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid()",
          " t");
    check("SELECT relation::regclass, mode, granted, pid = pg_backend_pid() FROM pg_locks "
          "WHERE locktype = 'relation' ORDER BY granted",
          " t,AccessShareLock,f,f t,AccessExclusiveLock,t,t");
    check("COMMIT", "");
    fly_thread_join(&run.thread);
    ck_assert_str_eq(run.rows, "");
}
END_TEST

static fly_atomic_u32 woken;

static void wake(void *ctx)
{
    (void)ctx;
    (void)fly_add_u32(&woken, 1);
}

START_TEST(who_is_told_to_end_runs_nothing_any_more)
{
    fly_sql_on_terminate(other, wake, NULL);
    start("SELECT pg_sleep(30)");
    await_running();
    check("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
          " t");
    fly_thread_join(&run.thread);
    ck_assert_uint_eq(fly_load_u32(&woken), 1);
    ck_assert_str_eq(run.rows, "!57P01 terminating connection due to administrator command");
    ck_assert(fly_sql_session_terminated(other));
    check_in(other, "SELECT 1", "!57P01 terminating connection due to administrator command");
    fly_sql_on_terminate(other, wake, NULL);
    ck_assert_uint_eq(fly_load_u32(&woken), 2);
    check("SELECT pg_terminate_backend(999)", " f");
    check("SELECT pg_cancel_backend(999)", " f");
}
END_TEST

/* Threads that open sessions, run something, and close, while others cancel and end whom they see. */
static fly_atomic_u32 stop_now;

static void live(void *ctx)
{
    static const char *const statements[] = {"SELECT count(*) FROM generate_series(1, 20000)",
                                             "BEGIN; SELECT 1; COMMIT", "SELECT 1",
                                             "SELECT count(*) FROM pg_stat_activity"};
    char *rows = ctx;
    for (int i = 0; i < 60; i++) {
        fly_sql_session *mine = NULL;
        fly_err failure = {0};
        if (fly_sql_session_open(sql, NULL, &mine, &failure) == FLY_OK) {
            fly_sql_on_terminate(mine, wake, NULL);
            for (int k = 0; k < 4; k++) {
                run_in(mine, statements[k], rows);
            }
        }
        fly_sql_session_close(mine);
    }
}

static void harass(void *ctx)
{
    uint32_t pid = 3;
    (void)ctx;
    while (fly_load_u32(&stop_now) == 0) {
        (void)fly_sql_cancel_backend(sql, pid, 0);
        if (pid % 5 == 0) {
            (void)fly_sql_terminate_backend(sql, pid);
        }
        pid = pid > 200 ? 3 : pid + 1;
        fly_sleep(20000);
    }
}

START_TEST(sessions_come_and_go_while_others_end_them)
{
    static char rows[2][TEXT_MAX];
    fly_thread threads[3];
    FLY_CHECK(fly_thread_start(env.sched, &threads[0], "live", live, rows[0], &err), FLY_OK, err);
    FLY_CHECK(fly_thread_start(env.sched, &threads[1], "live", live, rows[1], &err), FLY_OK, err);
    FLY_CHECK(fly_thread_start(env.sched, &threads[2], "harass", harass, NULL, &err), FLY_OK, err);
    for (int i = 0; i < 50; i++) {
        run_in(session, "SELECT count(*) > 0 FROM pg_stat_activity", text);
        run_in(session, "SELECT count(*) > 0 FROM pg_stat_statements", text);
    }
    fly_thread_join(&threads[0]);
    fly_thread_join(&threads[1]);
    fly_store_u32(&stop_now, 1);
    fly_thread_join(&threads[2]);
    check("SELECT count(*) FROM pg_stat_activity", " 2");
}
END_TEST

/* ---------------------------------------------------------------------- settings */

static char heard[1024];

static void hear(void *ctx, const char *name, const char *value)
{
    (void)ctx;
    size_t len = strlen(heard);
    (void)snprintf(heard + len, sizeof heard - len, "%s=%s;", name, value);
}

static void check_heard(const char *statements, const char *want)
{
    heard[0] = 0;
    run_in(session, statements, text);
    ck_assert_msg(strcmp(heard, want) == 0, "%s: heard \"%s\"", statements, heard);
}

START_TEST(clients_hear_of_settings_that_change)
{
    size_t count = 0;
    fly_sql_on_setting(session, hear, NULL);
    while (fly_sql_setting_reported(count) != NULL) {
        ck_assert_ptr_nonnull(fly_sql_session_setting(session, fly_sql_setting_reported(count)));
        count++;
    }
    ck_assert_uint_eq(count, 13);
    check_heard("SET application_name = 'a'", "application_name=a;");
    check_heard("SET application_name = 'a'", "");
    check_heard("SET work_mem = '1MB'", "");
    check_heard("SET timezone = 'Asia/Tokyo'", "TimeZone=Asia/Tokyo;");
    check_heard("BEGIN; SET LOCAL datestyle = 'ISO, DMY'; COMMIT",
                "DateStyle=ISO, DMY;DateStyle=ISO, MDY;");
    check_heard("BEGIN; SET application_name = 'b'; ROLLBACK",
                "application_name=b;application_name=a;");
}
END_TEST

START_TEST(limits_are_told_in_milliseconds)
{
    fly_sql_limits limits;
    check("SET statement_timeout = '2s'; SET lock_timeout = 5; "
          "SET idle_in_transaction_session_timeout = '1min'; SET idle_session_timeout = '1h'",
          "");
    fly_sql_session_limits(session, &limits);
    ck_assert_uint_eq(limits.statement_timeout_ms, 2000);
    ck_assert_uint_eq(limits.lock_timeout_ms, 5);
    ck_assert_uint_eq(limits.idle_in_transaction_ms, 60000);
    ck_assert_uint_eq(limits.idle_session_ms, 3600000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sessions");
    TCase *t = fly_test_case(suite, "sessions");
    tcase_add_checked_fixture(t, set_up_known, tear_down);
    tcase_add_test(t, sessions_have_numbers_and_are_listed);
    tcase_add_test(t, activity_follows_the_transaction);
    tcase_add_test(t, a_long_text_is_cut_at_a_character);
    tcase_add_test(t, statements_are_counted_without_their_constants);
    tcase_add_test(t, databases_are_counted);
    tcase_add_test(t, who_knows_the_secret_may_cancel);
    tcase_add_test(t, a_cancelled_wait_for_a_row_ends);
    tcase_add_test(t, first_rows_of_a_table_may_come_from_several);
    tcase_add_test(t, a_wait_for_a_row_ends_with_the_statements_time);
    tcase_add_test(t, a_statement_ends_with_its_time);
    tcase_add_test(t, who_waits_for_a_table_waits_for_its_holder);
    tcase_add_test(t, who_is_told_to_end_runs_nothing_any_more);
    tcase_add_test(t, sessions_come_and_go_while_others_end_them);
    tcase_add_test(t, clients_hear_of_settings_that_change);
    tcase_add_test(t, limits_are_told_in_milliseconds);
    return fly_test_run(suite);
}
