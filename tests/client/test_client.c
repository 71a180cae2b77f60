/*
 * Goal: everything that the C client offers works against the real server: rows of every type, prepared
 * statements, cursors, transactions, COPY, metadata, cancelling, TLS that is verified, pools.
 * Method: an engine in memory and a net in this process; the client as a program would use it.
 */
#define _GNU_SOURCE

#include <fly/net_binary.h>
#include <fly/net_client.h>

#include <fly/base_check.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static fly_account account;
static fly_env env;
static fly_sql *sql;
static fly_server *server;
static fly_net *net;
static fly_net_tls *tls;
static fly_binary_front front;
static fly_client_options options;
static fly_client *client;
static fly_client_result *result;
static fly_err err;

static void quiet(fly_env *e, fly_log_level level, const char *line)
{
    (void)e;
    (void)level;
    (void)line;
}

static void serve(void)
{
    err = (fly_err){0};
    fly_env_init(&env);
    fly_account_init(&account, env.mem, "test", 0);
    env.mem = &account.mem;
    env.log = quiet;
    FLY_CHECK_OK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
                 err);
    FLY_CHECK_OK(fly_server_create(&env, sql, NULL, &server, &err), err);
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    FLY_CHECK_OK(fly_auth_scram_make(&env, fly_bytes_str("secret"), 4096, verifier, &err), err);
    FLY_CHECK_OK(fly_server_set_password(server, "admin", verifier, &err), err);
    front = (fly_binary_front){.server = server, .version = "1.2.3"};
    FLY_CHECK_OK(fly_net_create(&env, NULL, &net, &err), err);
    fly_net_listener listener = {
        .host = "127.0.0.1", .protocol = &fly_binary_protocol, .ctx = &front, .tls = tls};
    uint16_t port;
    FLY_CHECK_OK(fly_net_listen(net, &listener, &port, &err), err);
    FLY_CHECK_OK(fly_net_start(net, &err), err);
    options = (fly_client_options){.host = "127.0.0.1",
                                   .port = port,
                                   .user = "admin",
                                   .password = "secret",
                                   .timeout_ms = 30000};
}

static void setup(void)
{
    tls = NULL;
    serve();
    FLY_CHECK_OK(fly_client_connect(&env, &options, &client, &err), err);
}

static void end_serving(void)
{
    fly_net_close(net);
    fly_server_destroy(server);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
}

static void teardown(void)
{
    fly_client_close(client);
    end_serving();
    fly_account_deinit(&account);
}

static void run(const char *text)
{
    FLY_CHECK_OK(fly_client_run(client, text, &err), err);
}

static void query(const char *text)
{
    FLY_CHECK_OK(fly_client_query(client, text, NULL, 0, &result, &err), err);
}

static void row(void)
{
    FLY_CHECK_OK(fly_client_row(result, &err), err);
}

static void text_is(size_t column, const char *wanted)
{
    fly_bytes text = fly_client_text(result, column);
    ck_assert_msg(fly_bytes_equal(text, fly_bytes_str(wanted)), "\"%.*s\", not \"%s\"",
                  (int)text.len, (const char *)text.data, wanted);
}

/* ------------------------------------------------------------------------- rows */

START_TEST(rows_of_a_table_are_read_one_after_the_other)
{
    run("CREATE TABLE users (id int, name text); INSERT INTO users VALUES (1, 'Alice'), (2, NULL)");
    query("SELECT id, name FROM users ORDER BY id");
    ck_assert_uint_eq(fly_client_columns(result), 2);
    ck_assert_str_eq(fly_client_column_name(result, 1), "name");
    ck_assert_uint_eq(fly_client_column_type(result, 0), 23);
    row();
    ck_assert_int_eq(fly_client_int64(result, 0), 1);
    text_is(1, "Alice");
    row();
    ck_assert(fly_client_is_null(result, 1));
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    ck_assert_str_eq(fly_client_tag(result), "SELECT 2");
    ck_assert_uint_eq(fly_client_rows(result), 2);
    FLY_CHECK(fly_client_next(result, &err), FLY_E_END, err);
    fly_client_result_close(result);
}
END_TEST

static const struct {
    const char *sql;
    uint8_t kind;
    const char *text;
} kinds[] = {
    {"true", FLY_FRAME_V_TRUE, "t"},
    {"false", FLY_FRAME_V_FALSE, "f"},
    {"7::int2", FLY_FRAME_V_INT, "7"},
    {"-2147483648", FLY_FRAME_V_INT, "-2147483648"},
    {"9223372036854775807", FLY_FRAME_V_INT, "9223372036854775807"},
    {"0.1::float4", FLY_FRAME_V_DOUBLE, "0.1"},
    {"0.1::float8", FLY_FRAME_V_DOUBLE, "0.1"},
    {"'-Infinity'::float8", FLY_FRAME_V_DOUBLE, "-Infinity"},
    {"12.50::numeric(6,2)", FLY_FRAME_V_DECIMAL, "12.50"},
    {"-0.05::numeric(6,2)", FLY_FRAME_V_DECIMAL, "-0.05"},
    {"12345678901234567890123456789.5::numeric", FLY_FRAME_V_TEXT,
     "12345678901234567890123456789.5"},
    {"'NaN'::numeric", FLY_FRAME_V_TEXT, "NaN"},
    {"'2024-02-29'::date", FLY_FRAME_V_DATE, "2024-02-29"},
    {"'infinity'::date", FLY_FRAME_V_TEXT, "infinity"},
    {"'12:34:56.5'::time", FLY_FRAME_V_TIME, "12:34:56.5"},
    {"'2024-02-29 12:00:00.25'::timestamp", FLY_FRAME_V_TIMESTAMP, "2024-02-29 12:00:00.25"},
    {"'1999-12-31 23:00:00+00'::timestamptz", FLY_FRAME_V_TIMESTAMPTZ, "1999-12-31 23:00:00+00"},
    {"'0044-03-15 BC'::date", FLY_FRAME_V_DATE, "0044-03-15 BC"},
    {"'\\xdeadbeef'::bytea", FLY_FRAME_V_BYTES, "\\xdeadbeef"},
    {"''::bytea", FLY_FRAME_V_BYTES, "\\x"},
    {"repeat('x', 100)::bytea", FLY_FRAME_V_BYTES, NULL},
    {"'12345678-9abc-def0-0123-456789abcdef'::uuid", FLY_FRAME_V_UUID,
     "12345678-9abc-def0-0123-456789abcdef"},
    {"'1 day 02:00:00'::interval", FLY_FRAME_V_TEXT, "1 day 02:00:00"},
    {"ARRAY[1,2]", FLY_FRAME_V_TEXT, "{1,2}"},
    {"'{\"a\": 1}'::jsonb", FLY_FRAME_V_TEXT, "{\"a\": 1}"},
    {"'Stra\xc3\x9f"
     "e'",
     FLY_FRAME_V_TEXT,
     "Stra\xc3\x9f"
     "e"},
};

START_TEST(each_type_comes_as_its_kind_and_reads_as_psql_shows_it)
{
    char text[256];
    (void)snprintf(text, sizeof text, "SELECT %s", kinds[_i].sql);
    query(text);
    row();
    ck_assert_uint_eq(fly_client_value(result, 0).kind, kinds[_i].kind);
    if (kinds[_i].text != NULL) {
        text_is(0, kinds[_i].text);
    }
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_query_bytes(client, fly_bytes_str(text), true, &result, &err), err);
    row();
    ck_assert_uint_eq(fly_client_value(result, 0).kind, FLY_FRAME_V_TEXT);
    fly_client_result_close(result);
}
END_TEST

START_TEST(each_kind_of_value_may_be_a_parameter)
{
    const fly_frame_value params[] = {
        fly_client_bool(true),
        fly_client_int(-5),
        fly_client_double(0.5),
        fly_client_str("it's"),
        fly_client_blob(fly_bytes_of("\x00\xff", 2)),
        fly_client_null_value(),
        {.kind = FLY_FRAME_V_DATE, .i = 19782},
        {.kind = FLY_FRAME_V_DECIMAL, .scale = 2, .i = 12345},
        fly_client_str("2024-01-01 00:00:00"),
    };
    FLY_CHECK_OK(
        fly_client_query(client,
                         "SELECT $1::bool, $2::int, $3::float8, $4::text, $5::bytea, $6::int,"
                         " $7::date, $8::numeric(10,2), $9::timestamp",
                         params, 9, &result, &err),
        err);
    row();
    static const char *const wanted[] = {
        "t", "-5", "0.5", "it's", "\\x00ff", "", "2024-02-29", "123.45", "2024-01-01 00:00:00"};
    for (size_t i = 0; i < 9; i++) {
        text_is(i, wanted[i]);
    }
    ck_assert(fly_client_is_null(result, 5));
    ck_assert(fly_client_boolean(result, 0));
    ck_assert_int_eq(fly_client_int64(result, 7), 123);
    ck_assert(fly_client_float64(result, 7) > 123.4 && fly_client_float64(result, 7) < 123.5);
    fly_client_result_close(result);
    FLY_CHECK(fly_client_query(client, "SELECT $1::int, $2::int", params, 1, &result, &err),
              FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "08P01");
    const fly_frame_value wrong = fly_client_str("x");
    FLY_CHECK(fly_client_query(client, "SELECT $1::int", &wrong, 1, &result, &err), FLY_E_INVALID,
              err);
    ck_assert_str_eq(err.sqlstate, "22P02");
}
END_TEST

START_TEST(a_large_result_comes_whole)
{
    query("SELECT i, repeat('x', 100) FROM generate_series(1, 50000) AS s(i)");
    for (int64_t i = 1; i <= 50000; i++) {
        if (fly_client_row(result, &err) != FLY_OK || fly_client_int64(result, 0) != i ||
            fly_client_text(result, 1).len != 100) {
            ck_abort_msg("row %d: %s", (int)i, err.message);
        }
    }
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    fly_client_result_close(result);
    query("SELECT repeat('x', 5000000)");
    row();
    ck_assert_uint_eq(fly_client_text(result, 0).len, 5000000);
    fly_client_result_close(result);
}
END_TEST

START_TEST(several_statements_have_a_result_each)
{
    query("SELECT 1; CREATE TABLE t (i int); INSERT INTO t VALUES (7), (8); SELECT i FROM t");
    row();
    FLY_CHECK_OK(fly_client_next(result, &err), err);
    ck_assert_uint_eq(fly_client_columns(result), 0);
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    ck_assert_str_eq(fly_client_tag(result), "CREATE TABLE");
    FLY_CHECK_OK(fly_client_next(result, &err), err);
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    ck_assert_str_eq(fly_client_tag(result), "INSERT 0 2");
    FLY_CHECK_OK(fly_client_next(result, &err), err);
    row();
    ck_assert_int_eq(fly_client_int64(result, 0), 7);
    fly_client_result_close(result); /* in the middle */
    FLY_CHECK_OK(fly_client_ping(client, &err), err);
}
END_TEST

START_TEST(an_error_leaves_the_connection_usable)
{
    FLY_CHECK(fly_client_query(client, "SELECT nothing", NULL, 0, &result, &err), FLY_E_INVALID,
              err);
    ck_assert_str_eq(err.sqlstate, "42703");
    ck_assert_uint_eq(err.position, 8);
    ck_assert(!fly_client_broken(client));
    query("SELECT 10 / (3000 - i) FROM generate_series(1, 5000) AS s(i)");
    fly_status status;
    do { /* some rows come before it fails */
        status = fly_client_row(result, &err);
    } while (status == FLY_OK);
    FLY_CHECK(status, FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "22012");
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_ping(client, &err), err);
}
END_TEST

static void count_notice(void *ctx, const char *severity, const fly_err *notice)
{
    ck_assert_str_eq(severity, "NOTICE");
    FLY_CHECK_SAYS(notice->message, "skipping");
    ++*(int *)ctx;
}

START_TEST(notices_are_told)
{
    int count = 0;
    fly_client_on_notice(client, count_notice, &count);
    run("DROP TABLE IF EXISTS nothing");
    ck_assert_int_eq(count, 1);
}
END_TEST

/* -------------------------------------------------------- prepared, cursors, tx */

START_TEST(a_prepared_statement_runs_again_and_again)
{
    size_t params = 0;
    run("CREATE TABLE t (i int PRIMARY KEY, s text)");
    FLY_CHECK_OK(fly_client_prepare(client, "ins", "INSERT INTO t VALUES ($1, $2)", &params, &err),
                 err);
    ck_assert_uint_eq(params, 2);
    for (int i = 0; i < 10; i++) {
        const fly_frame_value values[] = {fly_client_int(i), fly_client_str("x")};
        FLY_CHECK_OK(fly_client_execute(client, "ins", values, 2, &result, &err), err);
        fly_client_result_close(result);
    }
    const fly_frame_value values[] = {fly_client_int(0), fly_client_str("x")};
    FLY_CHECK(fly_client_execute(client, "ins", values, 2, &result, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "23505");
    FLY_CHECK(fly_client_prepare(client, "ins", "SELECT 1", NULL, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "42P05");
    FLY_CHECK(fly_client_prepare(client, "two", "SELECT 1; SELECT 2", NULL, &err), FLY_E_INVALID,
              err);
    FLY_CHECK_OK(fly_client_deallocate(client, "ins", &err), err);
    FLY_CHECK_OK(fly_client_deallocate(client, "ins", &err), err);
    FLY_CHECK(fly_client_execute(client, "ins", values, 2, &result, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "26000");
    FLY_CHECK_OK(fly_client_deallocate(client, NULL, &err), err);
}
END_TEST

START_TEST(a_cursor_gives_rows_in_portions)
{
    const fly_frame_value five = fly_client_int(5);
    const char *text = "SELECT i FROM generate_series(1, $1::int) AS s(i)";
    FLY_CHECK(fly_client_cursor_open(client, "c", text, &five, 1, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "25P01");
    FLY_CHECK_OK(fly_client_begin(client, NULL, false, &err), err);
    ck_assert_int_eq(fly_client_state(client), 'T');
    FLY_CHECK_OK(fly_client_cursor_open(client, "c", text, &five, 1, &err), err);
    FLY_CHECK(fly_client_cursor_open(client, "c", text, &five, 1, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "42P03");
    FLY_CHECK_OK(fly_client_rollback(client, &err), err);
    ck_assert_int_eq(fly_client_state(client), 'I');

    FLY_CHECK_OK(fly_client_begin(client, "repeatable read", true, &err), err);
    FLY_CHECK_OK(fly_client_cursor_open(client, "c", text, &five, 1, &err), err);
    FLY_CHECK_OK(fly_client_cursor_fetch(client, "c", 2, &result, &err), err);
    row();
    row();
    ck_assert_int_eq(fly_client_int64(result, 0), 2);
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    ck_assert(!fly_client_at_end(result));
    ck_assert_str_eq(fly_client_tag(result), "FETCH 2");
    fly_client_result_close(result);
    query("SELECT 'something else'");
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_cursor_fetch(client, "c", 0, &result, &err), err);
    row();
    ck_assert_int_eq(fly_client_int64(result, 0), 3);
    row();
    row();
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    ck_assert(fly_client_at_end(result));
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_cursor_fetch(client, "c", 3, &result, &err), err);
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    ck_assert(fly_client_at_end(result));
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_cursor_close(client, "c", &err), err);
    FLY_CHECK_OK(fly_client_cursor_open(client, "c", text, &five, 1, &err), err);
    FLY_CHECK_OK(fly_client_commit(client, &err), err);
    FLY_CHECK(fly_client_cursor_fetch(client, "c", 1, &result, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "34000");
}
END_TEST

START_TEST(transactions_end_as_they_are_told)
{
    run("CREATE TABLE t (i int)");
    FLY_CHECK_OK(fly_client_begin(client, "serializable", false, &err), err);
    run("INSERT INTO t VALUES (1)");
    FLY_CHECK_OK(fly_client_rollback(client, &err), err);
    FLY_CHECK_OK(fly_client_begin(client, NULL, true, &err), err);
    FLY_CHECK(fly_client_run(client, "INSERT INTO t VALUES (1)", &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "25006");
    ck_assert_int_eq(fly_client_state(client), 'E');
    FLY_CHECK(fly_client_commit(client, &err), FLY_E_ABORTED, err);
    FLY_CHECK(fly_client_begin(client, "sometimes", false, &err), FLY_E_INVALID, err);
    query("SELECT count(*) FROM t");
    row();
    ck_assert_int_eq(fly_client_int64(result, 0), 0);
    fly_client_result_close(result);
}
END_TEST

/* ------------------------------------------------------------------------- COPY */

START_TEST(data_is_copied_in_and_out)
{
    run("CREATE TABLE t (i int, s text)");
    query("COPY t FROM STDIN");
    ck_assert_int_eq(fly_client_copy_state(result), 'i');
    FLY_CHECK_OK(fly_client_copy_write(result, fly_bytes_str("1\ta\n2"), &err), err);
    FLY_CHECK_OK(fly_client_copy_write(result, fly_bytes_str("\tb\n"), &err), err);
    FLY_CHECK_OK(fly_client_copy_end(result, NULL, &err), err);
    ck_assert_str_eq(fly_client_tag(result), "COPY 2");
    fly_client_result_close(result);

    query("COPY t TO STDOUT");
    char got[64] = "";
    fly_bytes data;
    fly_status status;
    while ((status = fly_client_copy_read(result, &data, &err)) == FLY_OK) {
        (void)strncat(got, (const char *)data.data, data.len);
    }
    FLY_CHECK(status, FLY_E_END, err);
    ck_assert_str_eq(got, "1\ta\n2\tb\n");
    ck_assert_str_eq(fly_client_tag(result), "COPY 2");
    fly_client_result_close(result);

    query("COPY t FROM STDIN");
    FLY_CHECK_OK(fly_client_copy_write(result, fly_bytes_str("x\ty\n"), &err), err);
    fly_status ended = fly_client_copy_end(result, NULL, &err);
    FLY_CHECK(ended, FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "22P02");
    fly_client_result_close(result);
    query("COPY t FROM STDIN");
    fly_client_result_close(result); /* nobody gives data */
    FLY_CHECK_OK(fly_client_ping(client, &err), err);
}
END_TEST

/* --------------------------------------------------------------- metadata, options */

START_TEST(metadata_is_told)
{
    run("CREATE TABLE orders (id int PRIMARY KEY, item varchar(20) DEFAULT 'tea')");
    FLY_CHECK_OK(fly_client_tables(client, "public", "ord%", &result, &err), err);
    row();
    text_is(2, "orders");
    text_is(3, "TABLE");
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_table_columns(client, NULL, "orders", NULL, &result, &err), err);
    row();
    text_is(3, "id");
    ck_assert(!fly_client_boolean(result, 7));
    row();
    text_is(3, "item");
    text_is(5, "character varying(20)");
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_types(client, "int4", &result, &err), err);
    row();
    ck_assert_int_eq(fly_client_int64(result, 1), 23);
    fly_client_result_close(result);
    FLY_CHECK_OK(fly_client_tables(client, "no' OR '1'='1", NULL, &result, &err), err);
    FLY_CHECK(fly_client_row(result, &err), FLY_E_END, err);
    fly_client_result_close(result);
}
END_TEST

START_TEST(options_are_set_and_told)
{
    const char *value = NULL;
    fly_client_server info;
    FLY_CHECK_OK(fly_client_get_option(client, "application_name", &value, &err), err);
    ck_assert_str_eq(value, "flyclient");
    FLY_CHECK_OK(fly_client_set_option(client, "TimeZone", "UTC", &err), err);
    FLY_CHECK_OK(fly_client_get_option(client, "timezone", &value, &err), err);
    ck_assert_str_eq(value, "UTC");
    FLY_CHECK(fly_client_get_option(client, "no_such_thing", &value, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "42704");
    FLY_CHECK_OK(fly_client_server_info(client, &info, &err), err);
    ck_assert_str_eq(info.server, "FlyDB");
    ck_assert_str_eq(info.version, "1.2.3");
    ck_assert_str_eq(info.user, "admin");
    ck_assert_str_eq(info.database, "default");
}
END_TEST

/* ------------------------------------------------------------------ cancel, ends */

static void *cancel_soon(void *arg)
{
    (void)arg;
    (void)usleep(150000);
    ck_assert(fly_client_cancel(client));
    return NULL;
}

START_TEST(a_statement_is_cancelled_from_another_thread)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    FLY_CHECK(fly_client_run(client, "SELECT pg_sleep(20)", &err), FLY_E_CANCELLED, err);
    ck_assert_str_eq(err.sqlstate, "57014");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    FLY_CHECK_OK(fly_client_ping(client, &err), err);
}
END_TEST

START_TEST(a_server_that_is_gone_breaks_the_connection)
{
    fly_net_close(net);
    net = NULL;
    FLY_CHECK(fly_client_ping(client, &err), FLY_E_IO, err);
    ck_assert(fly_client_broken(client));
    ck_assert_int_eq(fly_client_state(client), '?');
    FLY_CHECK(fly_client_ping(client, &err), FLY_E_IO, err);
    fly_client *other = NULL;
    FLY_CHECK(fly_client_connect(&env, &options, &other, &err), FLY_E_IO, err);
}
END_TEST

START_TEST(who_may_not_come_in_is_told_why)
{
    fly_client *other = NULL;
    fly_client_options wrong = options;
    wrong.password = "wrong";
    FLY_CHECK(fly_client_connect(&env, &wrong, &other, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "28P01");
    wrong = options;
    wrong.user = "nobody";
    FLY_CHECK(fly_client_connect(&env, &wrong, &other, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "28P01");
    wrong = options;
    wrong.database = "nowhere";
    FLY_CHECK(fly_client_connect(&env, &wrong, &other, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "3D000");
    wrong = options;
    wrong.tls = FLY_CLIENT_TLS_VERIFY;
    FLY_CHECK(fly_client_connect(&env, &wrong, &other, &err), FLY_E_UNSUPPORTED, err);
}
END_TEST

/* ------------------------------------------------------------------------ events */

typedef struct told {
    int count;
    uint64_t lsn;
    char text[512];
} told;

static void on_event(void *ctx, const fly_client_event *event)
{
    told *all = ctx;
    size_t len = strlen(all->text);
    all->count++;
    all->lsn = event->lsn;
    (void)snprintf(all->text + len, sizeof all->text - len, "%.*s %.*s %.*s;",
                   (int)event->operation.len, (const char *)event->operation.data,
                   (int)event->table.len, (const char *)event->table.data, (int)event->new_row.len,
                   (const char *)event->new_row.data);
}

START_TEST(changes_of_a_watched_table_are_told)
{
    told all = {0};
    fly_client *other = NULL;
    FLY_CHECK_OK(fly_client_connect(&env, &options, &other, &err), err);
    run("CREATE TABLE t (i int PRIMARY KEY)");
    fly_client_on_event(client, on_event, &all);
    FLY_CHECK(fly_client_watch(client, "nothing", 0, &err), FLY_E_INVALID, err);
    FLY_CHECK_OK(fly_client_watch(client, "t", 0, &err), err);
    FLY_CHECK(fly_client_wait(client, 20, &err), FLY_E_TIMEOUT, err);
    ck_assert(!fly_client_broken(client));
    FLY_CHECK_OK(fly_client_run(other, "INSERT INTO t VALUES (1); DELETE FROM t", &err), err);
    while (all.count < 2) {
        FLY_CHECK_OK(fly_client_wait(client, 20000, &err), err);
    }
    ck_assert_str_eq(all.text, "INSERT t {\"i\":1};DELETE t ;");
    FLY_CHECK_OK(fly_client_run(other, "INSERT INTO t VALUES (2)", &err), err);
    while (all.count < 3) {
        FLY_CHECK_OK(fly_client_ping(client, &err), err); /* told while answers are read, too */
    }
    uint64_t lsn = all.lsn;
    FLY_CHECK_OK(fly_client_unwatch(client, NULL, &err), err);
    FLY_CHECK_OK(fly_client_run(other, "INSERT INTO t VALUES (3)", &err), err);
    FLY_CHECK(fly_client_wait(client, 20, &err), FLY_E_TIMEOUT, err);
    all = (told){0};
    FLY_CHECK_OK(fly_client_watch(client, "t", lsn, &err), err);
    while (all.count < 1) {
        FLY_CHECK_OK(fly_client_wait(client, 20000, &err), err);
    }
    ck_assert_str_eq(all.text, "INSERT t {\"i\":3};");
    FLY_CHECK_OK(fly_client_unwatch(client, "t", &err), err);
    all = (told){0};
    run("LISTEN news");
    FLY_CHECK_OK(fly_client_run(other, "NOTIFY news, 'hello'", &err), err);
    while (all.count < 1) {
        FLY_CHECK_OK(fly_client_wait(client, 20000, &err), err);
    }
    ck_assert_str_eq(all.text, "NOTIFY news hello;");
    fly_client_close(other);
    fly_net_close(net);
    net = NULL;
    FLY_CHECK(fly_client_wait(client, 20000, &err), FLY_E_IO, err);
}
END_TEST

/* ------------------------------------------------------------------------- pools */

static fly_client_pool *pool;

static void *borrow(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        fly_err e = {0};
        fly_client *mine = NULL;
        FLY_CHECK_OK(fly_client_pool_acquire(pool, 20000, &mine, &e), e);
        FLY_CHECK_OK(fly_client_run(mine, "SELECT 1", &e), e);
        fly_client_pool_release(pool, mine);
    }
    return NULL;
}

START_TEST(a_pool_is_shared_by_more_threads_than_it_has_connections)
{
    pthread_t threads[6];
    FLY_CHECK_OK(fly_client_pool_create(&env, &options, 2, &pool, &err), err);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, borrow, NULL), 0);
    }
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    fly_server_stats stats;
    fly_server_stats_read(server, &stats);
    ck_assert_uint_le(stats.clients_peak, 3); /* the fixture's, and two */
    fly_client_pool_destroy(pool);
}
END_TEST

START_TEST(a_pool_waits_as_long_as_it_may_and_leaves_out_what_is_broken)
{
    fly_client *first = NULL;
    fly_client *second = NULL;
    FLY_CHECK_OK(fly_client_pool_create(&env, &options, 1, &pool, &err), err);
    FLY_CHECK_OK(fly_client_pool_acquire(pool, 0, &first, &err), err);
    FLY_CHECK(fly_client_pool_acquire(pool, 50, &second, &err), FLY_E_TIMEOUT, err);
    uint32_t pid = fly_client_pid(first);
    fly_client_pool_release(pool, first);
    FLY_CHECK_OK(fly_client_pool_acquire(pool, 0, &second, &err), err);
    ck_assert_uint_eq(fly_client_pid(second), pid);
    FLY_CHECK_OK(fly_client_begin(second, NULL, false, &err), err);
    fly_client_pool_release(pool, second); /* in a transaction: closed */
    FLY_CHECK_OK(fly_client_pool_acquire(pool, 0, &first, &err), err);
    ck_assert_int_eq(fly_client_state(first), 'I');
    pid = fly_client_pid(first);
    fly_client_pool_release(pool, first);
    char text[64];
    (void)snprintf(text, sizeof text, "SELECT pg_terminate_backend(%u)", pid);
    run(text); /* the idle one dies in the pool */
    FLY_CHECK_OK(fly_client_pool_acquire(pool, 0, &first, &err), err);
    FLY_CHECK_OK(fly_client_ping(first, &err), err);
    fly_client_pool_release(pool, first);
    fly_client_pool_destroy(pool);
}
END_TEST

/* --------------------------------------------------------------------------- TLS */

static char folder[64], certificate_path[128], key_path[128];

static void write_identity(void)
{
    memcpy(folder, "/tmp/fly-client-XXXXXX", 23);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(certificate_path, sizeof certificate_path, "%s/server.crt", folder);
    (void)snprintf(key_path, sizeof key_path, "%s/server.key", folder);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ck_assert(key != NULL && certificate != NULL);
    ck_assert_int_eq(X509_set_version(certificate, 2), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(certificate), -60));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    ck_assert_int_eq(X509_set_pubkey(certificate, key), 1);
    X509_NAME *name = X509_get_subject_name(certificate);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)"flydb", -1, -1, 0),
                     1);
    ck_assert_int_eq(X509_set_issuer_name(certificate, name), 1);
    X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    ck_assert_int_eq(X509_add_ext(certificate, alt, -1), 1);
    X509_EXTENSION_free(alt);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    FILE *file = fopen(certificate_path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_X509(file, certificate), 1);
    ck_assert_int_eq(fclose(file), 0);
    file = fopen(key_path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(key_path, 0600), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

START_TEST(tls_is_verified_and_bound_to)
{
    write_identity();
    fly_env plain;
    fly_env_init(&plain);
    plain.log = quiet;
    fly_net_tls_options how = {.certificate = certificate_path, .key = key_path};
    FLY_CHECK_OK(fly_net_tls_create(&plain, &how, &tls, &err), err);
    serve();

    fly_client_options secure = options;
    secure.tls = FLY_CLIENT_TLS_VERIFY;
    secure.authorities = certificate_path;
    FLY_CHECK_OK(fly_client_connect(&env, &secure, &client, &err), err);
    FLY_CHECK_SAYS(fly_client_encryption(client), "TLSv1.3");
    query("SELECT i, repeat('x', 1000) FROM generate_series(1, 2000) AS s(i)");
    for (int i = 0; i < 2000; i++) {
        row();
    }
    fly_client_result_close(result);
    const fly_frame_value large = fly_client_blob(fly_bytes_of(calloc(1, 300000), 300000));
    FLY_CHECK_OK(fly_client_query(client, "SELECT length($1::bytea)", &large, 1, &result, &err),
                 err);
    row();
    ck_assert_int_eq(fly_client_int64(result, 0), 300000);
    fly_client_result_close(result);
    free((void *)large.bytes.data);
    fly_client_close(client);

    secure.authorities = NULL; /* whom the system trusts: not this one */
    FLY_CHECK(fly_client_connect(&env, &secure, &client, &err), FLY_E_PERMISSION, err);
    secure.authorities = certificate_path;
    secure.host = "localhost"; /* the certificate is for the address */
    FLY_CHECK(fly_client_connect(&env, &secure, &client, &err), FLY_E_PERMISSION, err);
    secure.tls = FLY_CLIENT_TLS_ENCRYPT;
    FLY_CHECK_OK(fly_client_connect(&env, &secure, &client, &err), err);
    fly_client_close(client);
    end_serving();
    fly_account_deinit(&account);
    fly_net_tls_destroy(tls);
    (void)unlink(certificate_path);
    (void)unlink(key_path);
    (void)rmdir(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client");
    TCase *tests = fly_test_case(suite, "client");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, rows_of_a_table_are_read_one_after_the_other);
    tcase_add_loop_test(tests, each_type_comes_as_its_kind_and_reads_as_psql_shows_it, 0,
                        sizeof kinds / sizeof kinds[0]);
    tcase_add_test(tests, each_kind_of_value_may_be_a_parameter);
    tcase_add_test(tests, a_large_result_comes_whole);
    tcase_add_test(tests, several_statements_have_a_result_each);
    tcase_add_test(tests, an_error_leaves_the_connection_usable);
    tcase_add_test(tests, notices_are_told);
    tcase_add_test(tests, a_prepared_statement_runs_again_and_again);
    tcase_add_test(tests, a_cursor_gives_rows_in_portions);
    tcase_add_test(tests, transactions_end_as_they_are_told);
    tcase_add_test(tests, data_is_copied_in_and_out);
    tcase_add_test(tests, metadata_is_told);
    tcase_add_test(tests, options_are_set_and_told);
    tcase_add_test(tests, a_statement_is_cancelled_from_another_thread);
    tcase_add_test(tests, a_server_that_is_gone_breaks_the_connection);
    tcase_add_test(tests, who_may_not_come_in_is_told_why);
    tcase_add_test(tests, changes_of_a_watched_table_are_told);
    tcase_add_test(tests, a_pool_is_shared_by_more_threads_than_it_has_connections);
    tcase_add_test(tests, a_pool_waits_as_long_as_it_may_and_leaves_out_what_is_broken);
    TCase *secure = fly_test_case(suite, "tls");
    tcase_add_test(secure, tls_is_verified_and_bound_to);
    return fly_test_run(suite);
}
