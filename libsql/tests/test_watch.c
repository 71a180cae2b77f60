/*
 * Goal: who watches a table is told what is committed to it, as rows, in order, from wherever it goes on;
 * whoever may not read the table may not watch it.
 * Method: SQL through the public header, events as one text; threads that write, for the wakes.
 */
#include <fly/base_check.h>
#include <fly/base_sched.h>
#include <fly/sql.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_sql *sql;
static fly_sql_session *session, *other;
static fly_sql_watch *watch;
static fly_err err;
static char told[1 << 15];
static uint64_t last_lsn;
static fly_vfs *files;

static fly_sql_session *open_as(const char *user)
{
    fly_sql_session *opened = NULL;
    fly_sql_session_options options = {.user = user};
    FLY_CHECK(fly_sql_session_open(sql, &options, &opened, &err), FLY_OK, err);
    return opened;
}

static void set_up(void)
{
    fly_env_init(&env);
    files = fly_vfs_mem_create(env.mem);
    env.vfs = files;
    fly_store_options store = {
        .wal_segment_size = 1 << 20, .wal_ring_size = 1 << 20, .pool_bytes = 8 << 20};
    fly_sql_options options = {.create = true, .store = &store};
    FLY_CHECK(fly_sql_open(&env, "data", &options, &sql, &err), FLY_OK, err);
    session = open_as(NULL);
    other = open_as(NULL);
}

static void tear_down(void)
{
    fly_sql_watch_close(watch);
    fly_sql_session_close(other);
    fly_sql_session_close(session);
    FLY_CHECK(fly_sql_close(sql, &err), FLY_OK, err);
    fly_vfs_destroy(files);
}

static void run(const char *statements)
{
    FLY_CHECK(fly_sql_execute(other, fly_bytes_str(statements), NULL, NULL, &err), FLY_OK, err);
}

static void start(const char *table, uint64_t lsn)
{
    FLY_CHECK(fly_sql_watch_open(session, fly_bytes_str(table), lsn, &watch, &err), FLY_OK, err);
}

static void refused(fly_sql_session *by, const char *table, uint64_t lsn, const char *sqlstate)
{
    fly_sql_watch *none = NULL;
    fly_err failure = {0};
    ck_assert_int_ne(fly_sql_watch_open(by, fly_bytes_str(table), lsn, &none, &failure), FLY_OK);
    ck_assert_msg(strcmp(failure.sqlstate, sqlstate) == 0, "%s: %s %s", table, failure.sqlstate,
                  failure.message);
}

/* Events as "INSERT new; UPDATE old -> new. DELETE old." with a point behind each transaction. */
static const char *hear(void)
{
    fly_sql_event event;
    fly_status status;
    told[0] = 0;
    while ((status = fly_sql_watch_next(watch, &event, &err)) == FLY_OK) {
        size_t len = strlen(told);
        (void)snprintf(
            told + len, sizeof told - len, "%s%s %.*s%s%.*s%s", len > 0 ? " " : "", event.operation,
            (int)event.old_row.len, event.old_missing ? "?" : (const char *)event.old_row.data,
            event.old_row.len > 0 && event.new_row.len > 0 ? " -> " : "", (int)event.new_row.len,
            (const char *)event.new_row.data, event.last ? "." : ";");
        ck_assert_uint_ge(event.lsn, last_lsn);
        last_lsn = event.lsn;
    }
    FLY_CHECK(status, FLY_E_END, err);
    return told;
}

START_TEST(committed_changes_are_told_as_rows)
{
    run("CREATE TABLE t(i integer PRIMARY KEY, n numeric(10, 2), s text)");
    start("t", 0);
    ck_assert_str_eq(hear(), "");
    run("INSERT INTO t VALUES (1, 1.5, 'a \"b\"'), (2, NULL, '')");
    run("BEGIN; UPDATE t SET s = 'x' WHERE i = 1; DELETE FROM t WHERE i = 2; COMMIT");
    run("BEGIN; INSERT INTO t VALUES (9); ROLLBACK");
    run("UPDATE t SET i = 3");
    ck_assert_str_eq(
        hear(),
        "INSERT {\"i\":1,\"n\":1.50,\"s\":\"a \\\"b\\\"\"}; "
        "INSERT {\"i\":2,\"n\":null,\"s\":\"\"}. "
        "UPDATE {\"i\":1,\"n\":1.50,\"s\":\"a \\\"b\\\"\"} -> "
        "{\"i\":1,\"n\":1.50,\"s\":\"x\"}; DELETE {\"i\":2,\"n\":null,\"s\":\"\"}. "
        "DELETE {\"i\":1,\"n\":1.50,\"s\":\"x\"}; INSERT {\"i\":3,\"n\":1.50,\"s\":\"x\"}.");
    ck_assert_str_eq(hear(), "");
}
END_TEST

START_TEST(rows_have_all_types)
{
    run("CREATE TYPE mood AS ENUM ('sad', 'ok');"
        "CREATE TABLE t(b boolean, a integer[], d date, ts timestamptz, j jsonb, u uuid, m mood, "
        "f double precision, y bytea)");
    run("SET timezone = 'UTC'");
    start("t", 0);
    run("INSERT INTO t VALUES (true, '{1,NULL}', '2024-02-29', '2024-02-29 12:00+00', '{\"k\": "
        "1}', "
        "'00112233-4455-6677-8899-aabbccddeeff', 'ok', 'NaN', '\\x01')");
    ck_assert_str_eq(hear(),
                     "INSERT {\"b\":true,\"a\":[1,null],\"d\":\"2024-02-29\","
                     "\"ts\":\"2024-02-29T12:00:00+00:00\",\"j\":{\"k\": 1},"
                     "\"u\":\"00112233-4455-6677-8899-aabbccddeeff\",\"m\":\"ok\",\"f\":\"NaN\","
                     "\"y\":\"\\\\x01\"}.");
}
END_TEST

START_TEST(a_watch_goes_on_where_it_was)
{
    run("CREATE TABLE t(i integer PRIMARY KEY)");
    start("t", 0);
    run("INSERT INTO t VALUES (1)");
    ck_assert_str_eq(hear(), "INSERT {\"i\":1}.");
    uint64_t position = last_lsn;
    ck_assert_uint_eq(position, fly_sql_watch_position(watch));
    fly_sql_watch_close(watch);
    run("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)");
    start("t", position);
    ck_assert_str_eq(hear(), "INSERT {\"i\":2}; INSERT {\"i\":3}.");
    refused(session, "t", position + 1000000, "22023");
    fly_sql_watch_close(watch);
    fly_sql_event event;
    start("t", position - 3);
    ck_assert_int_ne(fly_sql_watch_next(watch, &event, &err), FLY_OK);
    ck_assert_str_eq(err.sqlstate, "22023");
}
END_TEST

START_TEST(the_table_may_change)
{
    run("CREATE TABLE t(i integer PRIMARY KEY, gone text)");
    start("public.t", 0);
    run("INSERT INTO t VALUES (1, 'x')");
    ck_assert_str_eq(hear(), "INSERT {\"i\":1,\"gone\":\"x\"}.");
    run("ALTER TABLE t DROP COLUMN gone; ALTER TABLE t ADD COLUMN n integer DEFAULT 7");
    run("DELETE FROM t");
    ck_assert_str_eq(hear(), "DELETE {\"i\":1,\"n\":7}.");
    run("INSERT INTO t VALUES (2); TRUNCATE t; INSERT INTO t VALUES (3)");
    run("INSERT INTO t VALUES (4)");
    hear();
    ck_assert_msg(strstr(told, "TRUNCATE") != NULL, "%s", told);
    ck_assert_msg(strstr(told, "INSERT {\"i\":3,\"n\":7}") != NULL, "%s", told);
    ck_assert_msg(strstr(told, "INSERT {\"i\":4,\"n\":7}") > strstr(told, "TRUNCATE"), "%s", told);
    run("DROP TABLE t");
    fly_sql_event event;
    ck_assert_int_ne(fly_sql_watch_next(watch, &event, &err), FLY_OK);
    ck_assert_str_eq(err.sqlstate, "42P01");
}
END_TEST

START_TEST(long_rows_are_told)
{
    run("CREATE TABLE t(i integer PRIMARY KEY, s text)");
    start("t", 0);
    run("INSERT INTO t VALUES (1, repeat('x', 12000))");
    fly_sql_event event;
    FLY_CHECK(fly_sql_watch_next(watch, &event, &err), FLY_OK, err);
    ck_assert_uint_gt(event.new_row.len, 12000);
    run("UPDATE t SET s = ''");
    FLY_CHECK(fly_sql_watch_next(watch, &event, &err), FLY_OK, err);
    ck_assert(event.old_missing && event.old_row.len == 0 && event.new_row.len > 0);
}
END_TEST

START_TEST(only_who_may_read_the_table_may_watch_it)
{
    run("CREATE TABLE t(i integer PRIMARY KEY, u text); CREATE VIEW v AS SELECT * FROM t;"
        "CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; GRANT SELECT ON t TO alice");
    fly_sql_session *alice = open_as("alice");
    fly_sql_session *bob = open_as("bob");
    refused(session, "nothing", 0, "42P01");
    refused(session, "v", 0, "42809");
    refused(session, "pg_class", 0, "42809");
    refused(bob, "t", 0, "42501");
    fly_sql_watch *hers = NULL;
    fly_sql_event event;
    FLY_CHECK(fly_sql_watch_open(alice, fly_bytes_str("t"), 0, &hers, &err), FLY_OK, err);
    run("INSERT INTO t VALUES (1, 'alice')");
    FLY_CHECK(fly_sql_watch_next(hers, &event, &err), FLY_OK, err);
    run("ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY p ON t USING (u = current_user); INSERT INTO t VALUES (2, 'bob')");
    ck_assert_int_ne(fly_sql_watch_next(hers, &event, &err), FLY_OK);
    ck_assert_str_eq(err.sqlstate, "42501");
    refused(alice, "t", 0, "42501");
    start("t", 0);
    fly_sql_session_close(alice);
    fly_sql_session_close(bob);
}
END_TEST

START_TEST(leaving_the_database_ends_a_watch)
{
    fly_sql_event event;
    run("CREATE DATABASE two; CREATE TABLE t(i integer)");
    start("t", 0);
    FLY_CHECK(fly_sql_execute(session, fly_bytes_str("USE two"), NULL, NULL, &err), FLY_OK, err);
    ck_assert_int_ne(fly_sql_watch_next(watch, &event, &err), FLY_OK);
    ck_assert_str_eq(err.sqlstate, "55000");
}
END_TEST

START_TEST(who_rests_too_long_is_told_so)
{
    fly_sql_event event;
    run("CREATE TABLE t(i integer, s text)");
    start("t", 0);
    run("INSERT INTO t VALUES (1, 'x')");
    ck_assert_str_eq(hear(), "INSERT {\"i\":1,\"s\":\"x\"}.");
    fly_sql_watch_rest(watch);
    fly_status status = FLY_OK;
    for (int round = 0; round < 60 && status == FLY_OK; round++) {
        run("INSERT INTO t SELECT n, repeat('y', 300) FROM generate_series(1, 2000) n; "
            "DELETE FROM t");
        run("CHECKPOINT");
        fly_sleep(20000000);
        status = round < 4 ? FLY_OK : fly_sql_watch_next(watch, &event, &err);
        fly_sql_watch_rest(watch);
    }
    ck_assert_int_ne(status, FLY_OK);
    ck_assert_str_eq(err.sqlstate, "55000");
}
END_TEST

/* What is not durable at once is told once the log is written. */
START_TEST(a_database_in_memory_can_be_watched)
{
    fly_sql *memory = NULL;
    fly_sql_session *own = NULL;
    fly_sql_watch *its = NULL;
    fly_sql_event event;
    FLY_CHECK(fly_sql_open(&env, ":memory:", NULL, &memory, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(memory, NULL, &own, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_execute(own, fly_bytes_str("CREATE TABLE t(i integer)"), NULL, NULL, &err),
              FLY_OK, err);
    FLY_CHECK(fly_sql_watch_open(own, fly_bytes_str("t"), 0, &its, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_execute(own, fly_bytes_str("INSERT INTO t VALUES (1)"), NULL, NULL, &err),
              FLY_OK, err);
    fly_status status = FLY_E_END;
    for (int i = 0; i < 5000 && status == FLY_E_END; i++) {
        status = fly_sql_watch_next(its, &event, &err);
        fly_sleep(1000000);
    }
    FLY_CHECK(status, FLY_OK, err);
    ck_assert_uint_eq(event.new_row.len, strlen("{\"i\":1}"));
    fly_sql_session_close(own);
    FLY_CHECK(fly_sql_close(memory, &err), FLY_OK, err);
}
END_TEST

/* ------------------------------------------------------------------- from threads */

static fly_atomic_u32 woken;

static void wake(void *ctx)
{
    (void)ctx;
    (void)fly_add_u32(&woken, 1);
}

enum { WRITERS = 2, ROUNDS = 40 };

static void count_up(void *ctx)
{
    fly_err failure = {0};
    fly_sql_session *own = NULL;
    (void)ctx;
    FLY_CHECK(fly_sql_session_open(sql, NULL, &own, &failure), FLY_OK, failure);
    for (int i = 0; i < ROUNDS; i++) {
        fly_status status =
            fly_sql_execute(own, fly_bytes_str("UPDATE t SET n = n + 1"), NULL, NULL, &failure);
        FLY_CHECK(status, FLY_OK, failure);
    }
    fly_sql_session_close(own);
}

START_TEST(who_is_woken_hears_every_change_in_order)
{
    fly_thread threads[WRITERS];
    run("CREATE TABLE t(n integer); INSERT INTO t VALUES (0)");
    start("t", 0);
    fly_sql_watch_on_change(watch, wake, NULL);
    for (int i = 0; i < WRITERS; i++) {
        FLY_CHECK(fly_thread_start(env.sched, &threads[i], "writer", count_up, NULL, &err), FLY_OK,
                  err);
    }
    int last = 0;
    uint32_t seen = 0;
    uint64_t end = fly_now() + UINT64_C(60000000000);
    while (last < WRITERS * ROUNDS && fly_now() < end) {
        fly_sql_event event;
        while (fly_sql_watch_next(watch, &event, &err) == FLY_OK) {
            char want[40];
            (void)snprintf(want, sizeof want, "{\"n\":%d}", ++last);
            ck_assert_msg(event.new_row.len == strlen(want) &&
                              memcmp(event.new_row.data, want, strlen(want)) == 0,
                          "%.*s, not %s", (int)event.new_row.len, (const char *)event.new_row.data,
                          want);
        }
        for (int i = 0; i < 1000 && fly_load_u32(&woken) == seen; i++) {
            fly_sleep(1000000);
        }
        seen = fly_load_u32(&woken);
    }
    for (int i = 0; i < WRITERS; i++) {
        fly_thread_join(&threads[i]);
    }
    ck_assert_int_eq(last, WRITERS * ROUNDS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *t = fly_test_case(suite, "watch");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, committed_changes_are_told_as_rows);
    tcase_add_test(t, rows_have_all_types);
    tcase_add_test(t, a_watch_goes_on_where_it_was);
    tcase_add_test(t, the_table_may_change);
    tcase_add_test(t, long_rows_are_told);
    tcase_add_test(t, only_who_may_read_the_table_may_watch_it);
    tcase_add_test(t, leaving_the_database_ends_a_watch);
    tcase_add_test(t, who_rests_too_long_is_told_so);
    tcase_add_test(t, a_database_in_memory_can_be_watched);
    tcase_add_test(t, who_is_woken_hears_every_change_in_order);
    return fly_test_run(suite);
}
