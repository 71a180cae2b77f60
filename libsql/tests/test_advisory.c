/*
 * Goal: advisory locks hold off whom PostgreSQL's hold off, for a session or a transaction, and are given
 * back; who waits is seen, cancelled, and freed from a deadlock.
 * Method: SQL through the public header; a thread for who waits.
 */
#include "sql_world.h"

#include <fly/base_sched.h>

START_TEST(an_exclusive_lock_is_held_by_one_session)
{
    check("SELECT pg_advisory_lock(7)", " ");
    check_in(other, "SELECT pg_try_advisory_lock(7), pg_try_advisory_lock(8)", " f,t");
    check_in(other, "SELECT pg_try_advisory_lock_shared(7)", " f");
    check_in(other, "SELECT pg_try_advisory_lock(0, 7)", " t"); /* another number */
    check("SELECT pg_try_advisory_lock(7)", " t");
    check("SELECT pg_advisory_unlock(7)", " t");
    check_in(other, "SELECT pg_try_advisory_lock(7)", " f"); /* it was taken twice */
    check("SELECT pg_advisory_unlock(7)", " t");
    check_in(other, "SELECT pg_try_advisory_lock(7)", " t");
    check("SELECT pg_advisory_unlock(7)", " f");
}
END_TEST

START_TEST(shared_locks_are_held_by_many)
{
    check("SELECT pg_advisory_lock_shared(1, -2)", " ");
    check_in(other, "SELECT pg_try_advisory_lock_shared(1, -2), pg_try_advisory_lock(1, -2)",
             " t,f");
    check("SELECT pg_advisory_unlock(1, -2)", " f");
    check("SELECT pg_advisory_unlock_shared(1, -2)", " t");
    check_in(other, "SELECT pg_try_advisory_lock(1, -2)", " t");
}
END_TEST

START_TEST(a_transactions_locks_end_with_it)
{
    check("BEGIN; SELECT pg_advisory_xact_lock(5), pg_try_advisory_xact_lock(6)", " ,t");
    check("SELECT pg_advisory_lock(9)", " ");
    check("SELECT pg_advisory_unlock(5)", " f");
    check_in(other, "SELECT pg_try_advisory_xact_lock(5), pg_try_advisory_lock(6)", " f,f");
    check("ROLLBACK", "");
    check_in(other, "SELECT pg_try_advisory_lock(5), pg_try_advisory_lock(6)", " t,t");
    check_in(other, "SELECT pg_try_advisory_lock(9)", " f"); /* it is the session's */
    check("SELECT pg_advisory_unlock_all()", " ");
    check_in(other, "SELECT pg_try_advisory_lock(9)", " t");
}
END_TEST

START_TEST(a_sessions_locks_end_with_it)
{
    fly_sql_session *third = NULL;
    FLY_CHECK(fly_sql_session_open(sql, NULL, &third, &err), FLY_OK, err);
    check_in(third, "SELECT pg_advisory_lock(5)", " ");
    check("SELECT pg_try_advisory_lock(5)", " f");
    fly_sql_session_close(third);
    check("SELECT pg_try_advisory_lock(5)", " t");
    check("DISCARD ALL", "");
    check_in(other, "SELECT pg_try_advisory_lock(5)", " t");
}
END_TEST

START_TEST(a_session_holds_a_bounded_number_of_locks)
{
    check("SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 100000) n",
          "!53200 a session can hold 8192 advisory locks");
    check("SELECT pg_advisory_unlock_all()", " ");
    check("SELECT pg_advisory_lock(1)", " ");
}
END_TEST

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
    for (int i = 0; i < 2000; i++) {
        run_in(session,
               "SELECT wait_event = 'advisory' FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
               text);
        if (strcmp(text, " t") == 0) {
            return;
        }
        fly_sleep(2000000);
    }
    ck_abort_msg("%s does not wait", statement);
}

START_TEST(who_waits_is_seen_and_gets_it)
{
    check("SELECT pg_advisory_lock(4294967298)", " ");
    start("SELECT pg_advisory_lock(4294967298)");
    check("SELECT pg_blocking_pids(pid) = array[pg_backend_pid()] FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid()",
          " t");
    check("SELECT classid, objid, objsubid, mode, granted FROM pg_locks "
          "WHERE locktype = 'advisory' ORDER BY granted",
          " 1,2,1,ExclusiveLock,f 1,2,1,ExclusiveLock,t");
    check("SELECT pg_advisory_unlock(4294967298)", " t");
    fly_thread_join(&run.thread);
    ck_assert_str_eq(run.rows, " ");
    check("SELECT pg_try_advisory_lock(4294967298)", " f");
}
END_TEST

START_TEST(who_waits_can_be_cancelled)
{
    check("SELECT pg_advisory_lock(1)", " ");
    start("SELECT pg_advisory_xact_lock_shared(1)");
    check("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
          " t");
    fly_thread_join(&run.thread);
    ck_assert_str_eq(run.rows, "!57014 canceling statement due to user request");
    check("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", " 1");
}
END_TEST

START_TEST(a_circle_of_waits_is_broken)
{
    check("SELECT pg_advisory_lock(1)", " ");
    check_in(other, "SELECT pg_advisory_lock(2)", " ");
    start("SELECT pg_advisory_lock(1)");
    check("SELECT pg_advisory_lock(2)", "!40P01 deadlock detected");
    check("SELECT pg_advisory_unlock(1)", " t");
    fly_thread_join(&run.thread);
    ck_assert_str_eq(run.rows, " ");
}
END_TEST

enum { ACROSS = 4, LEVELS = 16 };

/* One of many: holds a number together with the others of its level, and wants the next level's. */
struct holder {
    fly_thread thread;
    fly_sql_session *session;
    char statement[64];
    char rows[TEXT_MAX];
};

static void want_next(void *ctx)
{
    struct holder *holder = ctx;
    run_in(holder->session, holder->statement, holder->rows);
}

/* There are ACROSS to the power of LEVELS ways through those who wait; none is a circle. Whoever walked each
 * would hold the mutex for hours. */
START_TEST(many_ways_are_not_walked_one_by_one)
{
    static struct holder holders[LEVELS * ACROSS];
    for (int i = 0; i < LEVELS * ACROSS; i++) {
        FLY_CHECK(fly_sql_session_open(sql, NULL, &holders[i].session, &err), FLY_OK, err);
        (void)snprintf(holders[i].statement, sizeof holders[i].statement,
                       "SELECT pg_advisory_lock_shared(%d)", i / ACROSS);
        check_in(holders[i].session, holders[i].statement, " ");
        (void)snprintf(holders[i].statement, sizeof holders[i].statement,
                       "SELECT pg_advisory_lock(%d)", i / ACROSS + 1);
    }
    for (int i = (LEVELS - 1) * ACROSS - 1; i >= 0; i--) {
        FLY_CHECK(
            fly_thread_start(env.sched, &holders[i].thread, "holder", want_next, &holders[i], &err),
            FLY_OK, err);
    }
    for (int i = 0; i < 10000 && strcmp(text, " 60") != 0; i++) {
        fly_sleep(5000000);
        run_in(session, "SELECT count(*) FROM pg_locks WHERE NOT granted", text);
    }
    ck_assert_str_eq(text, " 60");
    check("SELECT count(pg_cancel_backend(pid)) > 60 FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid()",
          " t");
    for (int i = 0; i < LEVELS * ACROSS; i++) {
        if (i < (LEVELS - 1) * ACROSS) {
            fly_thread_join(&holders[i].thread);
            ck_assert_str_eq(holders[i].rows, "!57014 canceling statement due to user request");
        }
        fly_sql_session_close(holders[i].session);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("advisory");
    TCase *t = fly_test_case(suite, "advisory");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, an_exclusive_lock_is_held_by_one_session);
    tcase_add_test(t, shared_locks_are_held_by_many);
    tcase_add_test(t, a_transactions_locks_end_with_it);
    tcase_add_test(t, a_sessions_locks_end_with_it);
    tcase_add_test(t, a_session_holds_a_bounded_number_of_locks);
    tcase_add_test(t, who_waits_is_seen_and_gets_it);
    tcase_add_test(t, who_waits_can_be_cancelled);
    tcase_add_test(t, a_circle_of_waits_is_broken);
    tcase_add_test(t, many_ways_are_not_walked_one_by_one);
    return fly_test_run(suite);
}
