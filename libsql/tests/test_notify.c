/*
 * Goal: who listens hears what was said by transactions that have committed, in the order of their
 * commits, once each; nothing of what was taken back.
 * Method: SQL through the public header; threads that notify, for the order.
 */
#include <fly/base_check.h>
#include <fly/base_sched.h>
#include <fly/sql.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_sql *sql;
static fly_sql_session *session, *other;
static fly_err err;
static fly_atomic_u32 woken;

static void wake(void *ctx)
{
    (void)ctx;
    (void)fly_add_u32(&woken, 1);
}

static void set_up(void)
{
    fly_env_init(&env);
    FLY_CHECK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
              FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, NULL, &session, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, NULL, &other, &err), FLY_OK, err);
    fly_sql_on_notification(session, wake, NULL);
}

static void tear_down(void)
{
    fly_sql_session_close(other);
    fly_sql_session_close(session);
    FLY_CHECK(fly_sql_close(sql, &err), FLY_OK, err);
}

static void run(fly_sql_session *in, const char *statements)
{
    FLY_CHECK(fly_sql_execute(in, fly_bytes_str(statements), NULL, NULL, &err), FLY_OK, err);
}

static void fails(fly_sql_session *in, const char *statements, const char *sqlstate,
                  const char *message)
{
    ck_assert_int_ne(fly_sql_execute(in, fly_bytes_str(statements), NULL, NULL, &err), FLY_OK);
    ck_assert_str_eq(err.sqlstate, sqlstate);
    ck_assert_str_eq(err.message, message);
}

/* Everything that the session has heard, as "channel:payload ". */
static const char *heard(fly_sql_session *in)
{
    static char text[4096];
    fly_sql_notification note;
    text[0] = 0;
    while (fly_sql_notification_next(in, &note)) {
        size_t len = strlen(text);
        ck_assert_uint_ne(note.pid, 0);
        (void)snprintf(text + len, sizeof text - len, "%s:%s ", note.channel, note.payload);
    }
    return text;
}

START_TEST(who_listens_hears)
{
    fly_sql_notification note;
    run(session, "LISTEN news; LISTEN news");
    run(other, "NOTIFY news, 'one'; NOTIFY other, 'two'; NOTIFY news");
    ck_assert(fly_load_u32(&woken) > 0);
    ck_assert(fly_sql_notification_next(session, &note));
    ck_assert_uint_eq(note.pid, fly_sql_session_pid(other));
    ck_assert_str_eq(note.channel, "news");
    ck_assert_str_eq(note.payload, "one");
    ck_assert_str_eq(heard(session), "news: ");
    ck_assert_str_eq(heard(other), "");
    run(session, "UNLISTEN news");
    run(other, "NOTIFY news");
    ck_assert_str_eq(heard(session), "");
}
END_TEST

START_TEST(what_is_said_is_heard_after_the_commit)
{
    run(session, "LISTEN a");
    run(other, "BEGIN; NOTIFY a, 'x'");
    ck_assert_str_eq(heard(session), "");
    run(other, "COMMIT");
    ck_assert_str_eq(heard(session), "a:x ");
    run(other, "BEGIN; NOTIFY a, 'y'; ROLLBACK");
    ck_assert_str_eq(heard(session), "");
    ck_assert_int_ne(fly_sql_execute(other, fly_bytes_str("SELECT pg_notify('a', 'z'), 1 / 0"),
                                     NULL, NULL, &err),
                     FLY_OK);
    ck_assert_str_eq(heard(session), "");
}
END_TEST

START_TEST(who_is_in_a_transaction_hears_later)
{
    run(session, "LISTEN a");
    run(session, "BEGIN");
    run(other, "NOTIFY a");
    ck_assert_str_eq(heard(session), "");
    run(session, "COMMIT");
    ck_assert_str_eq(heard(session), "a: ");
}
END_TEST

START_TEST(a_transaction_says_the_same_once)
{
    run(session, "LISTEN a; LISTEN b");
    run(other, "BEGIN; NOTIFY a, 'x'; NOTIFY a, 'y'; NOTIFY a, 'x'; NOTIFY b, 'x'; COMMIT");
    ck_assert_str_eq(heard(session), "a:x a:y b:x ");
    run(other, "SELECT pg_notify('a', (n % 500)::text) FROM generate_series(1, 2000) n");
    uint32_t count = 0;
    fly_sql_notification note;
    while (fly_sql_notification_next(session, &note)) {
        count++;
    }
    ck_assert_uint_eq(count, 500);
}
END_TEST

START_TEST(what_a_savepoint_takes_back_is_not_said)
{
    run(session, "LISTEN a");
    run(other, "BEGIN; NOTIFY a, '1'; SAVEPOINT s; NOTIFY a, '2'; LISTEN a; ROLLBACK TO s; "
               "NOTIFY a, '3'; NOTIFY a, '2'; COMMIT");
    ck_assert_str_eq(heard(session), "a:1 a:3 a:2 ");
    ck_assert_str_eq(heard(other), "");
    run(other, "DO $$ BEGIN BEGIN PERFORM pg_notify('a', 'x'); RAISE EXCEPTION 'no'; "
               "EXCEPTION WHEN OTHERS THEN PERFORM pg_notify('a', 'y'); END; END $$");
    ck_assert_str_eq(heard(session), "a:y ");
}
END_TEST

START_TEST(listening_is_part_of_the_transaction)
{
    run(session, "BEGIN; LISTEN a; ROLLBACK; NOTIFY a");
    ck_assert_str_eq(heard(session), "");
    run(session, "BEGIN; LISTEN a; NOTIFY a, 'own'; COMMIT");
    ck_assert_str_eq(heard(session), "a:own ");
    run(session, "LISTEN b; LISTEN c; UNLISTEN b; DISCARD ALL; LISTEN d; NOTIFY a; NOTIFY d");
    ck_assert_str_eq(heard(session), "d: ");
}
END_TEST

START_TEST(channels_and_payloads_have_limits)
{
    fails(session, "SELECT pg_notify('', 'x')", "22023", "channel name cannot be empty");
    fails(session, "SELECT pg_notify(NULL, 'x')", "22023", "channel name cannot be empty");
    fails(session, "SELECT pg_notify(repeat('c', 64), 'x')", "22023", "channel name too long");
    fails(session, "SELECT pg_notify('c', repeat('x', 8000))", "22023", "payload string too long");
    run(session, "LISTEN c; SELECT pg_notify('c', repeat('x', 7999))");
    fly_sql_notification note;
    ck_assert(fly_sql_notification_next(session, &note));
    ck_assert_uint_eq(strlen(note.payload), 7999);
}
END_TEST

static fly_status take_text(void *ctx, fly_sql_stmt *stmt)
{
    fly_bytes shown = fly_sql_column_text(stmt, 0);
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 64 - len, "%.*s ", (int)shown.len, (const char *)shown.data);
    return FLY_OK;
}

START_TEST(channels_are_listed)
{
    char text[64] = "";
    run(session, "LISTEN a; LISTEN \"B c\"");
    FLY_CHECK(fly_sql_execute(session,
                              fly_bytes_str("SELECT * FROM pg_listening_channels() ORDER BY 1"),
                              take_text, text, &err),
              FLY_OK, err);
    ck_assert_str_eq(text, "B c a ");
}
END_TEST

/* A listener that never takes anything cannot make the queue grow without end. */
START_TEST(a_queue_that_is_full_refuses)
{
    run(session, "LISTEN a");
    const char *flood = "SELECT pg_notify('a', n || repeat('x', 7900)) "
                        "FROM generate_series(1, 1000) n";
    fly_status status = FLY_OK;
    int rounds = 0;
    while (rounds < 20 && status == FLY_OK) {
        status = fly_sql_execute(other, fly_bytes_str(flood), NULL, NULL, &err);
        rounds++;
    }
    ck_assert_int_ne(status, FLY_OK);
    ck_assert_str_eq(err.sqlstate, "54000");
    ck_assert_str_eq(err.message, "too many notifications in the NOTIFY queue");
    ck_assert_int_gt(rounds, 5);
    fly_sql_notification note;
    while (fly_sql_notification_next(session, &note)) {
    }
    run(other, flood);
}
END_TEST

/* Nor can a transaction say without end, or a session listen to everything. */
START_TEST(what_a_transaction_says_is_bounded)
{
    fails(other,
          "SELECT count(pg_notify('a', n || repeat('x', 7900))) "
          "FROM generate_series(1, 100000000) n",
          "54000", "too many notifications in the NOTIFY queue");
    run(other, "NOTIFY a");
    fails(other, "DO $$ BEGIN FOR i IN 1..100000 LOOP EXECUTE 'LISTEN c' || i; END LOOP; END $$",
          "54000", "cannot listen to more than 16384 channels");
}
END_TEST

/* Threads that change a counter and say its value: listeners must hear the values in order. */
enum { ROUNDS = 60 };

static void count_up(void *ctx)
{
    fly_sql_session *own = NULL;
    fly_err failure = {0};
    (void)ctx;
    FLY_CHECK(fly_sql_session_open(sql, NULL, &own, &failure), FLY_OK, failure);
    for (int i = 0; i < ROUNDS; i++) {
        fly_status status =
            fly_sql_execute(own,
                            fly_bytes_str("BEGIN; UPDATE counter SET n = n + 1; "
                                          "SELECT pg_notify('n', n::text) FROM counter; COMMIT"),
                            NULL, NULL, &failure);
        FLY_CHECK(status, FLY_OK, failure);
    }
    fly_sql_session_close(own);
}

START_TEST(messages_come_in_the_order_of_commits)
{
    fly_thread threads[3];
    run(session, "CREATE TABLE counter(n integer); INSERT INTO counter VALUES (0); LISTEN n");
    run(other, "LISTEN n");
    for (int i = 0; i < 3; i++) {
        FLY_CHECK(fly_thread_start(env.sched, &threads[i], "counter", count_up, NULL, &err), FLY_OK,
                  err);
    }
    int last = 0;
    uint64_t end = fly_now() + UINT64_C(60000000000);
    while (last < 3 * ROUNDS && fly_now() < end) {
        fly_sql_notification note;
        while (fly_sql_notification_next(session, &note)) {
            int value = 0;
            ck_assert_int_eq(sscanf(note.payload, "%d", &value), 1);
            ck_assert_int_eq(value, last + 1);
            last = value;
        }
        fly_sleep(1000000);
    }
    for (int i = 0; i < 3; i++) {
        fly_thread_join(&threads[i]);
    }
    ck_assert_int_eq(last, 3 * ROUNDS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notify");
    TCase *t = fly_test_case(suite, "notify");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, who_listens_hears);
    tcase_add_test(t, what_is_said_is_heard_after_the_commit);
    tcase_add_test(t, who_is_in_a_transaction_hears_later);
    tcase_add_test(t, a_transaction_says_the_same_once);
    tcase_add_test(t, what_a_savepoint_takes_back_is_not_said);
    tcase_add_test(t, listening_is_part_of_the_transaction);
    tcase_add_test(t, channels_and_payloads_have_limits);
    tcase_add_test(t, channels_are_listed);
    tcase_add_test(t, a_queue_that_is_full_refuses);
    tcase_add_test(t, what_a_transaction_says_is_bounded);
    tcase_add_test(t, messages_come_in_the_order_of_commits);
    return fly_test_run(suite);
}
