/*
 * Goal: values go out and in in PostgreSQL's binary format as PostgreSQL makes and takes them, whatever
 * a client sends is refused or taken whole, and prepared statements know the types that they are given.
 * Method: samples that PostgreSQL's own typsend functions made, random values there and back, and bytes
 * that were changed at random.
 */
#include <fly/base_check.h>
#include <fly/sql.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_sql *sql;
static fly_sql_session *session;
static fly_sql_buffer buffer;
static fly_err err;

static void set_up(void)
{
    fly_env_init(&env);
    FLY_CHECK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
              FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, NULL, &session, &err), FLY_OK, err);
    fly_sql_buffer_init(&buffer, env.mem);
}

static void tear_down(void)
{
    fly_sql_buffer_deinit(&buffer);
    fly_sql_session_close(session);
    FLY_CHECK(fly_sql_close(sql, &err), FLY_OK, err);
}

static void run(const char *statements)
{
    FLY_CHECK(fly_sql_execute(session, fly_bytes_str(statements), NULL, NULL, &err), FLY_OK, err);
}

static fly_sql_stmt *prepare(const char *text)
{
    fly_sql_stmt *stmt = NULL;
    err = (fly_err){0};
    fly_status status = fly_sql_prepare(session, fly_bytes_str(text), &stmt, NULL, &err);
    ck_assert_msg(status == FLY_OK, "%s: %s", text, err.message);
    return stmt;
}

/* SELECT $1::type, whose parameter has that type. */
static fly_sql_stmt *echo(const char *type)
{
    char text[200];
    (void)snprintf(text, sizeof text, "SELECT $1::%s", type);
    return prepare(text);
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return len;
}

static const char *to_hex(char *hex)
{
    for (size_t i = 0; i < buffer.len; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", buffer.data[i]);
    }
    hex[2 * buffer.len] = '\0';
    return hex;
}

/* Run to its row, and append what is in column 0. */
static void take_row(fly_sql_stmt *stmt, fly_sql_format format)
{
    fly_sql_reset(stmt);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_OK, err);
    buffer.len = 0;
    FLY_CHECK(fly_sql_column_append(stmt, 0, format, &buffer, &err), FLY_OK, err);
}

static const struct {
    const char *type;
    const char *text;
    const char *hex;
} samples[] = {
#include "wire_samples.inc"
};

START_TEST(values_are_sent_as_postgresql_sends_them)
{
    run("SET time zone 'UTC'");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char hex[4096];
        fly_sql_stmt *stmt = echo(samples[i].type);
        FLY_CHECK(fly_sql_bind_text(stmt, 1, fly_bytes_str(samples[i].text), &err), FLY_OK, err);
        take_row(stmt, FLY_SQL_FORMAT_BINARY);
        ck_assert_msg(strcmp(to_hex(hex), samples[i].hex) == 0, "%s '%s': %s, not %s",
                      samples[i].type, samples[i].text, hex, samples[i].hex);
        fly_sql_finalize(stmt);
    }
}
END_TEST

START_TEST(values_are_taken_as_postgresql_sends_them)
{
    run("SET time zone 'UTC'");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        uint8_t bytes[1024];
        size_t len = from_hex(samples[i].hex, bytes);
        fly_sql_stmt *stmt = echo(samples[i].type);
        FLY_CHECK(fly_sql_bind_binary(stmt, 1, fly_bytes_of(bytes, len), &err), FLY_OK, err);
        take_row(stmt, FLY_SQL_FORMAT_TEXT);
        const char *text = strcmp(samples[i].text, "true") == 0    ? "t"
                           : strcmp(samples[i].text, "false") == 0 ? "f"
                                                                   : samples[i].text;
        ck_assert_msg(buffer.len == strlen(text) && memcmp(buffer.data, text, buffer.len) == 0,
                      "%s '%s': %.*s", samples[i].type, text, (int)buffer.len,
                      (const char *)buffer.data);
        take_row(stmt, FLY_SQL_FORMAT_BINARY);
        ck_assert(buffer.len == len && memcmp(buffer.data, bytes, len) == 0);
        fly_sql_finalize(stmt);
    }
}
END_TEST

START_TEST(types_of_users_go_there_and_back)
{
    run("CREATE TYPE mood AS ENUM ('sad', 'ok');"
        "CREATE TYPE pair AS (a integer, b text);"
        "CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE > 0);"
        "CREATE TABLE t(i integer PRIMARY KEY, gone text, n numeric(5, 1));"
        "ALTER TABLE t DROP COLUMN gone");
    static const struct {
        const char *type;
        const char *text;
    } cases[] = {{"mood", "ok"},
                 {"mood[]", "{sad,ok,NULL}"},
                 {"pair", "(7,\"a b\")"},
                 {"pair", "(,)"},
                 {"pair[]", "{\"(1,x)\"}"},
                 {"price", "12.50"},
                 {"price", "1.00"},
                 {"t", "(3,1.5)"},

                 {"numeric(5,2)", "1.20"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[512];
        fly_sql_stmt *stmt = echo(cases[i].type);
        FLY_CHECK(fly_sql_bind_text(stmt, 1, fly_bytes_str(cases[i].text), &err), FLY_OK, err);
        take_row(stmt, FLY_SQL_FORMAT_BINARY);
        size_t len = buffer.len;
        memcpy(bytes, buffer.data, len);
        FLY_CHECK(fly_sql_bind_binary(stmt, 1, fly_bytes_of(bytes, len), &err), FLY_OK, err);
        take_row(stmt, FLY_SQL_FORMAT_TEXT);
        ck_assert_msg(buffer.len == strlen(cases[i].text) &&
                          memcmp(buffer.data, cases[i].text, buffer.len) == 0,
                      "%s '%s': %.*s", cases[i].type, cases[i].text, (int)buffer.len,
                      (const char *)buffer.data);
        fly_sql_finalize(stmt);
    }
}
END_TEST

START_TEST(records_are_sent_with_their_types)
{
    char hex[200];
    fly_sql_stmt *stmt = prepare("SELECT ROW(1, NULL::text, 'ab'::text)");
    take_row(stmt, FLY_SQL_FORMAT_BINARY);
    ck_assert_str_eq(to_hex(hex), "00000003"
                                  "000000170000000400000001"
                                  "00000019ffffffff"
                                  "00000019000000026162");
    fly_sql_finalize(stmt);
}
END_TEST

/* Bytes that are no value, and what PostgreSQL says to them. */
static const struct {
    const char *type;
    const char *hex;
    const char *sqlstate;
    const char *message;
} hostile[] = {
    {"int4", "000000", "08P01", "insufficient data left in message"},
    {"int4", "0000000001", "22P03", "incorrect binary data format in bind parameter 1"},
    {"bool", "", "08P01", "insufficient data left in message"},
    {"uuid", "00", "08P01", "insufficient data left in message"},
    {"numeric", "0000", "08P01", "insufficient data left in message"},
    {"numeric", "ffff000000000000", "08P01", "insufficient data left in message"},
    {"numeric", "0000000012340000", "22P03", "invalid sign in external \"numeric\" value"},
    {"numeric", "0000000000004000", "22P03", "invalid scale in external \"numeric\" value"},
    {"numeric", "00010000000000002710", "22P03", "invalid digit in external \"numeric\" value"},
    {"date", "7ffffffe", "22008", "date out of range"},
    {"timestamp", "7ffffffffffffffe", "22008", "timestamp out of range"},
    {"timestamptz", "8000000000000001", "22008", "timestamp out of range"},
    {"time", "ffffffffffffffff", "22008", "time out of range"},
    {"timetz", "00000000000000000000e100", "22009", "time zone displacement out of range"},
    {"text", "61ff", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff"},
    {"text", "6100", "22021", "invalid byte sequence for encoding \"UTF8\": 0x00"},
    {"json", "7b", "22P02", "invalid input syntax for type json"},
    {"jsonb", "027b7d", "22P03", "unsupported jsonb version number 2"},
    {"varbit", "ffffffff", "22P03", "invalid length in external bit string"},
    {"varbit", "7fffffff00", "08P01", "insufficient data left in message"},
    {"int4[]", "ffffffff0000000000000017", "22P03", "invalid number of dimensions: -1"},
    {"int4[]", "000000070000000000000017", "54000",
     "number of array dimensions (7) exceeds the maximum allowed (6)"},
    {"int4[]", "000000010000000200000017", "22P03", "invalid array flags"},
    {"int4[]", "000000000000000000000019", "42804",
     "binary data has array element type 25 (text) instead of expected 23 (integer)"},
    {"int4[]", "0000000100000000000000177fffffff00000001", "22P03", "invalid array dimensions"},
    {"int4[]", "0000000100000000000000170800000000000001", "54000",
     "array size exceeds the maximum allowed (134217727)"},
    {"int4[]", "00000001000000000000001707ffffff00000001", "22P03",
     "insufficient data left in message"},
    {"int4[]", "0000000100000000000000170000000100000001000000050000000001", "22P03",
     "improper binary format in array element 1"},
    {"int4[]", "0000000100000000000000170000000100000001fffffffe", "22P03",
     "insufficient data left in message"},
    {"oidvector", "00000001000000000000001a000000010000000100000004000000ff", "22P03",
     "invalid oidvector data"},
    {"pair", "00000003", "42804", "wrong number of columns: 3, expected 2"},
    {"pair", "00000002000000190000000161", "42804",
     "binary data has type 25 (text) instead of expected 23 (integer) in record column 1"},
    {"pair", "0000000200000017000000050000000001", "22P03",
     "improper binary format in record column 1"},
    {"mood", "6f6b6f6b", "22P02", "invalid input value for enum mood: \"okok\""},
    {"record", "00000000", "0A000", "input of anonymous composite types is not implemented"},
};

START_TEST(bytes_that_are_no_value_are_refused)
{
    run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a integer, b text)");
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        uint8_t bytes[200];
        size_t len = from_hex(hostile[i].hex, bytes);
        fly_sql_stmt *stmt = echo(hostile[i].type);
        err = (fly_err){0};
        fly_status status = fly_sql_bind_binary(stmt, 1, fly_bytes_of(bytes, len), &err);
        ck_assert_msg(status == FLY_E_INVALID && strcmp(err.sqlstate, hostile[i].sqlstate) == 0 &&
                          strcmp(err.message, hostile[i].message) == 0,
                      "%s %s: %s %s", hostile[i].type, hostile[i].hex, err.sqlstate, err.message);
        fly_sql_finalize(stmt);
    }
}
END_TEST

static uint64_t seed = 1;

static uint32_t below(uint32_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % limit;
}

/* Whatever the bytes: a value that goes out again, or an error; never more. */
START_TEST(changed_bytes_are_taken_or_refused)
{
    run("SET time zone 'UTC'");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        fly_sql_stmt *stmt = echo(samples[i].type);
        for (int round = 0; round < 60; round++) {
            uint8_t bytes[1024];
            size_t len = from_hex(samples[i].hex, bytes);
            for (uint32_t changes = below(4); len > 0 && changes > 0; changes--) {
                bytes[below((uint32_t)len)] = (uint8_t)below(256);
            }
            len = below(3) == 0 ? below((uint32_t)len + 1) : len;
            err = (fly_err){0};
            if (fly_sql_bind_binary(stmt, 1, fly_bytes_of(bytes, len), &err) != FLY_OK) {
                ck_assert_uint_eq(strlen(err.sqlstate), 5);
                continue;
            }
            take_row(stmt, FLY_SQL_FORMAT_BINARY);
            uint8_t again[1024];
            size_t again_len = buffer.len;
            ck_assert_uint_le(again_len, sizeof again);
            memcpy(again, buffer.data, again_len);
            fly_status status = fly_sql_bind_binary(stmt, 1, fly_bytes_of(again, again_len), &err);
            ck_assert_msg(status == FLY_OK, "%s: %s", samples[i].type, err.message);
            take_row(stmt, FLY_SQL_FORMAT_BINARY);
            ck_assert(buffer.len == again_len && memcmp(buffer.data, again, again_len) == 0);
        }
        fly_sql_finalize(stmt);
    }
}
END_TEST

/* Expressions whose values are random. */
static const char *const random_values[] = {
    "random() < 0.5",
    "(random() * 65535 - 32768)::int2",
    "(random() * 4e9 - 2e9)::int4",
    "(random() * 9e18)::int8",
    "(random() * 1e30)::float4",
    "random() * 1e300",
    "(random() * 1e15)::numeric(30, 12)",
    "(random() * 1e5)::numeric ^ 40",
    "-(random() / 1e9)::numeric",
    "repeat(chr((random() * 5000)::int + 300), (random() * 40)::int)",
    "decode(replace(gen_random_uuid()::text, '-', ''), 'hex')",
    "gen_random_uuid()",
    "'2000-01-01'::date + (random() * 1e6 - 5e5)::int",
    "'2000-01-01'::timestamp + random() * 1e6 * interval '1 day'",
    "'2000-01-01'::timestamptz - random() * 1e6 * interval '1 hour'",
    "'00:00'::time + random() * interval '1 day'",
    "random() * interval '100 years 7 days 3 seconds' - interval '3 years'",
    "jsonb_build_object('a', random(), 'b', array[random()::text, NULL])",
    "json_build_array(random(), 'x')",
    "array[random(), NULL, random()]",
    "array[[random()::text, ''], [NULL, 'x']]",
    "array[(random() * 1e9)::numeric(20, 3), NULL]",
};

START_TEST(random_values_go_there_and_back)
{
    for (size_t i = 0; i < sizeof random_values / sizeof random_values[0]; i++) {
        char text[400];
        (void)snprintf(text, sizeof text, "SELECT v, pg_typeof(v)::text FROM (SELECT %s) t(v)",
                       random_values[i]);
        fly_sql_stmt *from = prepare(text);
        for (int round = 0; round < 20; round++) {
            uint8_t bytes[4096];
            take_row(from, FLY_SQL_FORMAT_BINARY);
            size_t len = buffer.len;
            memcpy(bytes, buffer.data, len);
            fly_bytes shown = fly_sql_column_text(from, 0);
            fly_bytes type = fly_sql_column_text(from, 1);
            char name[80];
            (void)snprintf(name, sizeof name, "%.*s", (int)type.len, (const char *)type.data);
            fly_sql_stmt *to = echo(name);
            FLY_CHECK(fly_sql_bind_binary(to, 1, fly_bytes_of(bytes, len), &err), FLY_OK, err);
            take_row(to, FLY_SQL_FORMAT_TEXT);
            ck_assert_msg(buffer.len == shown.len &&
                              memcmp(buffer.data, shown.data, shown.len) == 0,
                          "%s: %.*s became %.*s", random_values[i], (int)shown.len,
                          (const char *)shown.data, (int)buffer.len, (const char *)buffer.data);
            fly_sql_finalize(to);
        }
        fly_sql_finalize(from);
    }
}
END_TEST

/* --------------------------------------------------------------- prepared statements */

START_TEST(given_types_are_those_of_the_parameters)
{
    fly_sql_stmt *stmt = NULL;
    const uint32_t types[3] = {FLY_SQL_INT8, 0, FLY_SQL_UNKNOWN};
    FLY_CHECK(fly_sql_prepare_typed(session, fly_bytes_str("SELECT $1, $2 + 1, $3 || 'x'"), types,
                                    3, &stmt, NULL, &err),
              FLY_OK, err);
    ck_assert_uint_eq(fly_sql_param_count(stmt), 3);
    ck_assert_uint_eq(fly_sql_param_type(stmt, 1).oid, FLY_SQL_INT8);
    ck_assert_uint_eq(fly_sql_param_type(stmt, 2).oid, FLY_SQL_INT4);
    ck_assert_uint_eq(fly_sql_param_type(stmt, 3).oid, FLY_SQL_TEXT);
    ck_assert_uint_eq(fly_sql_column_type(stmt, 0).oid, FLY_SQL_INT8);
    fly_sql_finalize(stmt);
}
END_TEST

START_TEST(types_that_are_not_known_are_refused)
{
    fly_sql_stmt *stmt = NULL;
    const uint32_t none = 0;
    const uint32_t wrong = 999999;
    const uint32_t text = FLY_SQL_TEXT;
    ck_assert_int_ne(
        fly_sql_prepare_typed(session, fly_bytes_str("SELECT 1"), &none, 1, &stmt, NULL, &err),
        FLY_OK);
    ck_assert_str_eq(err.sqlstate, "42P18");
    ck_assert_str_eq(err.message, "could not determine data type of parameter $1");
    ck_assert_int_ne(
        fly_sql_prepare_typed(session, fly_bytes_str("SELECT $1"), &wrong, 1, &stmt, NULL, &err),
        FLY_OK);
    ck_assert_str_eq(err.sqlstate, "42704");
    ck_assert_int_ne(
        fly_sql_prepare_typed(session, fly_bytes_str("SELECT $1 + 1"), &text, 1, &stmt, NULL, &err),
        FLY_OK);
    ck_assert_str_eq(err.sqlstate, "42883");
}
END_TEST

START_TEST(columns_are_told_as_clients_know_them)
{
    int16_t length = 0;
    run("CREATE DOMAIN price AS numeric(10, 2); CREATE TYPE mood AS ENUM ('sad')");
    fly_sql_stmt *stmt = prepare("SELECT 1::price, 'sad'::mood, 'x', 1::int2, now(), array[1]");
    fly_sql_type type = fly_sql_column_sent(stmt, 0, &length);
    ck_assert_uint_eq(type.oid, FLY_SQL_NUMERIC);
    ck_assert_int_eq(type.mod, 655366);
    ck_assert_int_eq(length, -1);
    ck_assert_uint_ge(fly_sql_column_sent(stmt, 1, &length).oid, 16384);
    ck_assert_int_eq(length, 4);
    ck_assert_uint_eq(fly_sql_column_sent(stmt, 2, &length).oid, FLY_SQL_TEXT);
    ck_assert_uint_eq(fly_sql_column_sent(stmt, 3, &length).oid, FLY_SQL_INT2);
    ck_assert_int_eq(length, 2);
    ck_assert_uint_eq(fly_sql_column_sent(stmt, 4, &length).oid, FLY_SQL_TIMESTAMPTZ);
    ck_assert_int_eq(length, 8);
    ck_assert_uint_eq(fly_sql_column_sent(stmt, 5, &length).oid, 1007);
    fly_sql_finalize(stmt);
}
END_TEST

START_TEST(rows_are_appended_as_the_protocol_has_them)
{
    char hex[400];
    fly_sql_stmt *stmt = prepare("SELECT 258, NULL::text, 'ab'");
    const fly_sql_format formats[3] = {FLY_SQL_FORMAT_BINARY, FLY_SQL_FORMAT_TEXT,
                                       FLY_SQL_FORMAT_TEXT};
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_row_append(stmt, NULL, 0, &buffer, &err), FLY_OK, err);
    ck_assert_str_eq(to_hex(hex), "000300000003323538ffffffff000000026162");
    buffer.len = 0;
    FLY_CHECK(fly_sql_row_append(stmt, formats, 1, &buffer, &err), FLY_OK, err);
    ck_assert_str_eq(to_hex(hex), "00030000000400000102ffffffff000000026162");
    buffer.len = 0;
    FLY_CHECK(fly_sql_row_append(stmt, formats, 3, &buffer, &err), FLY_OK, err);
    ck_assert_str_eq(to_hex(hex), "00030000000400000102ffffffff000000026162");
    fly_sql_finalize(stmt);
    buffer.len = 0;
    stmt = prepare("SHOW transaction_isolation");
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_row_append(stmt, formats, 1, &buffer, &err), FLY_OK, err);
    ck_assert_str_eq(to_hex(hex), "00010000000e7265616420636f6d6d6974746564");
    fly_sql_finalize(stmt);
}
END_TEST

/* A buffer that has no more room says so, and is left as it was. */
static bool no_room(fly_sql_buffer *full, size_t more)
{
    (void)full;
    (void)more;
    return false;
}

START_TEST(a_row_that_has_no_room_leaves_the_buffer_alone)
{
    uint8_t bytes[16];
    fly_sql_stmt *stmt = prepare("SELECT 258, 'a text that is longer'");
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_OK, err);
    for (size_t room = 0; room < sizeof bytes; room++) {
        fly_sql_buffer small = {.data = bytes, .len = 0, .room = room, .grow = no_room};
        ck_assert_int_eq(fly_sql_row_append(stmt, NULL, 0, &small, &err), FLY_E_NO_MEMORY);
        ck_assert_uint_eq(small.len, 0);
    }
    fly_sql_finalize(stmt);
}
END_TEST

START_TEST(portals_of_one_statement_run_beside_each_other)
{
    fly_sql_stmt *clone = NULL;
    fly_sql_stmt *stmt = prepare("SELECT $1 + n FROM generate_series(1, 3) n");
    FLY_CHECK(fly_sql_bind_int64(stmt, 1, 10, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_OK, err);
    ck_assert(fly_sql_running(stmt));
    FLY_CHECK(fly_sql_stmt_clone(stmt, &clone, &err), FLY_OK, err);
    ck_assert(!fly_sql_running(clone));
    FLY_CHECK(fly_sql_bind_int64(clone, 1, 100, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_step(clone, &err), FLY_OK, err);
    ck_assert_int_eq(fly_sql_column_int64(clone, 0), 101);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_OK, err);
    ck_assert_int_eq(fly_sql_column_int64(stmt, 0), 12);
    fly_sql_finalize(stmt);
    FLY_CHECK(fly_sql_step(clone, &err), FLY_OK, err);
    ck_assert_int_eq(fly_sql_column_int64(clone, 0), 102);
    fly_sql_finalize(clone);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *t = fly_test_case(suite, "wire");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, values_are_sent_as_postgresql_sends_them);
    tcase_add_test(t, values_are_taken_as_postgresql_sends_them);
    tcase_add_test(t, types_of_users_go_there_and_back);
    tcase_add_test(t, records_are_sent_with_their_types);
    tcase_add_test(t, bytes_that_are_no_value_are_refused);
    tcase_add_test(t, changed_bytes_are_taken_or_refused);
    tcase_add_test(t, random_values_go_there_and_back);
    tcase_add_test(t, portals_of_one_statement_run_beside_each_other);
    tcase_add_test(t, given_types_are_those_of_the_parameters);
    tcase_add_test(t, types_that_are_not_known_are_refused);
    tcase_add_test(t, columns_are_told_as_clients_know_them);
    tcase_add_test(t, rows_are_appended_as_the_protocol_has_them);
    tcase_add_test(t, a_row_that_has_no_room_leaves_the_buffer_alone);
    return fly_test_run(suite);
}
