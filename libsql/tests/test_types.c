/*
 * Goal: the table of types is in order, says what PostgreSQL's pg_type says, and values go in and out
 * as text as PostgreSQL shows them.
 * Method: tables.
 */
#include "types/value_int.h"

#include <fly/base_check.h>

#include <string.h>

START_TEST(types_are_in_order_and_point_to_their_arrays)
{
    size_t count;
    const fly__sql_type_info *infos = fly__sql_type_infos(&count);
    ck_assert_uint_gt(count, 100);
    for (size_t i = 0; i < count; i++) {
        ck_assert(i == 0 || infos[i - 1].oid < infos[i].oid);
        ck_assert_ptr_eq(fly__sql_type_info_of(infos[i].oid), &infos[i]);
        ck_assert_msg(fly__sql_type_info_named(infos[i].name) == &infos[i] ||
                          infos[i].oid == FLY_SQL_CHAR,
                      "%s is not found by its name", infos[i].name);
        if (infos[i].array_oid != 0) {
            const fly__sql_type_info *array = fly__sql_type_info_of(infos[i].array_oid);
            ck_assert_ptr_nonnull(array);
            ck_assert_uint_eq(array->element_oid, infos[i].oid);
        }
    }
    ck_assert_ptr_null(fly__sql_type_info_of(1));
    ck_assert_ptr_null(fly__sql_type_info_of(UINT32_MAX));
}
END_TEST

START_TEST(types_have_many_names)
{
    static const struct {
        const char *name;
        uint32_t oid;
    } cases[] = {
        {"int", FLY_SQL_INT4},         {"double precision", FLY_SQL_FLOAT8},
        {"decimal", FLY_SQL_NUMERIC},  {"character varying", FLY_SQL_VARCHAR},
        {"char", FLY_SQL_BPCHAR},      {"\"char\"", FLY_SQL_CHAR},
        {"bpchar", FLY_SQL_BPCHAR},    {"timestamp with time zone", FLY_SQL_TIMESTAMPTZ},
        {"_text", FLY__SQL_OID__text}, {"float", FLY_SQL_FLOAT8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const fly__sql_type_info *info = fly__sql_type_info_named(cases[i].name);
        ck_assert_msg(info != NULL && info->oid == cases[i].oid, "%s", cases[i].name);
    }
    ck_assert_ptr_null(fly__sql_type_info_named("int5"));
    ck_assert_ptr_null(fly__sql_type_info_named(""));
}
END_TEST

START_TEST(modifiers_of_numeric_go_there_and_back)
{
    int precision;
    int scale;
    ck_assert_int_eq(fly__sql_numeric_mod(10, 2), 655366);
    ck_assert(fly__sql_numeric_mod_of(655366, &precision, &scale));
    ck_assert_int_eq(precision, 10);
    ck_assert_int_eq(scale, 2);
    ck_assert(fly__sql_numeric_mod_of(fly__sql_numeric_mod(3, -5), &precision, &scale));
    ck_assert_int_eq(precision, 3);
    ck_assert_int_eq(scale, -5);
    ck_assert(!fly__sql_numeric_mod_of(-1, &precision, &scale));
}
END_TEST

START_TEST(order_of_uuids_is_order_of_their_bytes)
{
    uint8_t low[16] = {0x7f};
    uint8_t high[16] = {0x80};
    uint8_t back[16];
    ck_assert(fly__sql_uuid_of(low) < fly__sql_uuid_of(high));
    fly__sql_uuid_bytes(fly__sql_uuid_of(high), back);
    ck_assert_mem_eq(back, high, 16);
}
END_TEST

/* Text through a type with its modifier (as an explicit cast) and out again, from PostgreSQL 15. */
static const struct {
    const char *type;
    const char *in;
    const char *out; /* NULL: it fails */
    const char *sqlstate;
    const char *message;
} texts[] = {
    {"bool", "t", "t", NULL, NULL},
    {"bool", " TRUE ", "t", NULL, NULL},
    {"bool", "yes", "t", NULL, NULL},
    {"bool", "of", "f", NULL, NULL},
    {"bool", "o", NULL, "22P02", "invalid input syntax for type boolean: \"o\""},
    {"bool", "0", "f", NULL, NULL},
    {"bool", "", NULL, "22P02", "invalid input syntax for type boolean: \"\""},
    {"bool", "maybe", NULL, "22P02", "invalid input syntax for type boolean: \"maybe\""},
    {"int2", "-32768", "-32768", NULL, NULL},
    {"int2", "32768", NULL, "22003", "value \"32768\" is out of range for type smallint"},
    {"int4", " 42 ", "42", NULL, NULL},
    {"int4", "x", NULL, "22P02", "invalid input syntax for type integer: \"x\""},
    {"int4", "", NULL, "22P02", "invalid input syntax for type integer: \"\""},
    {"int4", "2147483648", NULL, "22003", "value \"2147483648\" is out of range for type integer"},
    {"int4", "1.5", NULL, "22P02", "invalid input syntax for type integer: \"1.5\""},
    {"int8", "9223372036854775807", "9223372036854775807", NULL, NULL},
    {"int8", "9223372036854775808", NULL, "22003",
     "value \"9223372036854775808\" is out of range for type bigint"},
    {"int8", "- 1", NULL, "22P02", "invalid input syntax for type bigint: \"- 1\""},
    {"float4", "1.1", "1.1", NULL, NULL},
    {"float4", "1e39", NULL, "22003", "\"1e39\" is out of range for type real"},
    {"float4", "0.1", "0.1", NULL, NULL},
    {"float8", "0.1", "0.1", NULL, NULL},
    {"float8", "1e400", NULL, "22003", "\"1e400\" is out of range for type double precision"},
    {"float8", "1e-400", NULL, "22003", "\"1e-400\" is out of range for type double precision"},
    {"float8", "nan", "NaN", NULL, NULL},
    {"float8", "-inf", "-Infinity", NULL, NULL},
    {"float8", "Infinity", "Infinity", NULL, NULL},
    {"float8", "1e15", "1e+15", NULL, NULL},
    {"float8", "1e16", "1e+16", NULL, NULL},
    {"float8", "123456789012345678", "1.2345678901234568e+17", NULL, NULL},
    {"float8", "-0", "-0", NULL, NULL},
    {"float8", "1.5x", NULL, "22P02", "invalid input syntax for type double precision: \"1.5x\""},
    {"numeric", "1.500", "1.500", NULL, NULL},
    {"numeric", "1e5", "100000", NULL, NULL},
    {"numeric", "NaN", "NaN", NULL, NULL},
    {"numeric", "-inf", "-Infinity", NULL, NULL},
    {"numeric", "1e-3", "0.001", NULL, NULL},
    {"numeric", "12.x", NULL, "22P02", "invalid input syntax for type numeric: \"12.x\""},
    {"numeric", "", NULL, "22P02", "invalid input syntax for type numeric: \"\""},
    {"numeric", "0x1", NULL, "22P02", "invalid input syntax for type numeric: \"0x1\""},
    {"numeric(5,2)", "123.456", "123.46", NULL, NULL},
    {"numeric(5,2)", "999.995", NULL, "22003", "numeric field overflow"},
    {"numeric(5,2)", "-1000", NULL, "22003", "numeric field overflow"},
    {"numeric(3,3)", "0.9995", NULL, "22003", "numeric field overflow"},
    {"numeric(3)", "999.4", "999", NULL, NULL},
    {"numeric(2,-2)", "1234", "1200", NULL, NULL},
    {"numeric(5,2)", "NaN", "NaN", NULL, NULL},
    {"numeric(5,2)", "inf", NULL, "22003", "numeric field overflow"},
    {"bytea", "\\x48656C6c6f", "\\x48656c6c6f", NULL, NULL},
    {"bytea", "\\x4", NULL, "22023", "invalid hexadecimal data: odd number of digits"},
    {"bytea", "\\x4g", NULL, "22023", "invalid hexadecimal digit: \"g\""},
    {"bytea", "\\x 48 65", "\\x4865", NULL, NULL},
    {"bytea", "abc\\\\d\\000\\377", "\\x6162635c6400ff", NULL, NULL},
    {"bytea", "a\\9", NULL, "22P02", "invalid input syntax for type bytea"},
    {"bytea", "", "\\x", NULL, NULL},
    {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", NULL,
     NULL},
    {"uuid", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", NULL,
     NULL},
    {"uuid", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", NULL,
     NULL},
    {"uuid", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
     NULL, NULL},
    {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", NULL, "22P02",
     "invalid input syntax for type uuid: \"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1\""},
    {"uuid", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", NULL, "22P02",
     "invalid input syntax for type uuid: \"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""},
    {"oid", "4294967295", "4294967295", NULL, NULL},
    {"oid", "-1", "4294967295", NULL, NULL},
    {"oid", "4294967296", NULL, "22003", "value \"4294967296\" is out of range for type oid"},
    {"oid", "x", NULL, "22P02", "invalid input syntax for type oid: \"x\""},
    {"varchar(3)", "abc", "abc", NULL, NULL},
    {"varchar(3)", "abc   ", "abc", NULL, NULL},
    {"char(3)", "ab", "ab ", NULL, NULL},
    {"char(3)", "abcd", "abc", NULL, NULL},
    {"name", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
     "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk", NULL, NULL},
    {"\"char\"", "xyz", "x", NULL, NULL},
    {"\"char\"", "", "", NULL, NULL},
    {"bit(4)", "1010", "1010", NULL, NULL},
    {"bit(4)", "xA", "1010", NULL, NULL},
    {"varbit", "102", NULL, "22P02", "\"2\" is not a valid binary digit"},
    {"varbit", "10101", "10101", NULL, NULL},
    {"int4[]", "{1,2,3}", "{1,2,3}", NULL, NULL},
    {"int4[]", "{}", "{}", NULL, NULL},
    {"int4[]", "{1,NULL,3}", "{1,NULL,3}", NULL, NULL},
    {"int4[]", "{{1,2},{3,4}}", "{{1,2},{3,4}}", NULL, NULL},
    {"int4[]", "[2:4]={1,2,3}", "[2:4]={1,2,3}", NULL, NULL},
    {"int4[]", "[0:1][-1:0]={{1,2},{3,4}}", "[0:1][-1:0]={{1,2},{3,4}}", NULL, NULL},
    {"int4[]", "{1,2", NULL, "22P02", "malformed array literal: \"{1,2\""},
    {"int4[]", "1,2", NULL, "22P02", "malformed array literal: \"1,2\""},
    {"int4[]", "{1,2}}", NULL, "22P02", "malformed array literal: \"{1,2}}\""},
    {"int4[]", "{{1,2},{3}}", NULL, "22P02", "malformed array literal: \"{{1,2},{3}}\""},
    {"int4[]", "{{1,2},3}", NULL, "22P02", "malformed array literal: \"{{1,2},3}\""},
    {"int4[]", "{1,{2}}", NULL, "22P02", "malformed array literal: \"{1,{2}}\""},
    {"int4[]", "{a}", NULL, "22P02", "invalid input syntax for type integer: \"a\""},
    {"int4[]", "{1,,2}", NULL, "22P02", "malformed array literal: \"{1,,2}\""},
    {"int4[]", "{,1}", NULL, "22P02", "malformed array literal: \"{,1}\""},
    {"int4[]", "[1:2]={1}", NULL, "22P02", "malformed array literal: \"[1:2]={1}\""},
    {"int4[]", " { 1 , 2 } ", "{1,2}", NULL, NULL},
    {"text[]", "{a,\"b c\",\"d\\\"e\",null,\"null\",\"\"}",
     "{a,\"b c\",\"d\\\"e\",NULL,\"null\",\"\"}", NULL, NULL},
    {"text[]", "{a b , c\\,d}", "{\"a b\",\"c,d\"}", NULL, NULL},
    {"text[]", "{\"a\"b}", NULL, "22P02", "malformed array literal: \"{\"a\"b}\""},
    {"text[]", "{\"\\\\\"}", "{\"\\\\\"}", NULL, NULL},
    {"text[]", "{\"a,b\",\"{x}\"}", "{\"a,b\",\"{x}\"}", NULL, NULL},
    {"text[]", "{{{a},{b}},{{c},{d}}}", "{{{a},{b}},{{c},{d}}}", NULL, NULL},
    {"bool[]", "{t,f}", "{t,f}", NULL, NULL},
    {"numeric[]", "{1.50,2}", "{1.50,2}", NULL, NULL},
    {"numeric(4,1)[]", "{1.55,2}", "{1.6,2.0}", NULL, NULL},
    {"int2vector", "1 2 3", "1 2 3", NULL, NULL},
    {"oidvector", "10 20", "10 20", NULL, NULL},
    {"pg_lsn", "16/B374D848", "16/B374D848", NULL, NULL},
    {"pg_lsn", "16B", NULL, "22P02", "invalid input syntax for type pg_lsn: \"16B\""},
    {"tid", "(1,2)", "(1,2)", NULL, NULL},
    {"tid", "1,2", NULL, "22P02", "invalid input syntax for type tid: \"1,2\""},
    {"xid", "77", "77", NULL, NULL},
    {"regtype", "int4", "integer", NULL, NULL},
    {"regtype", "integer[]", "integer[]", NULL, NULL},
    {"regtype", "timestamp with time zone", "timestamp with time zone", NULL, NULL},
    {"regtype", "character varying", "character varying", NULL, NULL},
    {"regtype", "nosuch", NULL, "42704", "type \"nosuch\" does not exist"},
    {"regclass", "nosuch", NULL, "42P01", "relation \"nosuch\" does not exist"},
    {"regproc", "nosuch", NULL, "42883", "function \"nosuch\" does not exist"},
    {"regproc", "abs", NULL, "42725", "more than one function named \"abs\""},
    {"regprocedure", "abs(integer)", "abs(integer)", NULL, NULL},
    {"jsonpath", "$.a[*] ? (@ > 1)", "$.a[*] ? (@ > 1)", NULL, NULL},
    {"jsonpath", "", NULL, "22P02", "invalid input syntax for type jsonpath: \"\""},
    {"jsonpath", "$.", NULL, "42601", "syntax error at end of jsonpath input"},
    {"regnamespace", "nosuch", NULL, "3F000", "schema \"nosuch\" does not exist"},
    {"date", "2024-02-30", NULL, "22008", "date/time field value out of range: \"2024-02-30\""},
    {"date", "2024-02-29", "2024-02-29", NULL, NULL},
    {"date", "tomorrowx", NULL, "22007", "invalid input syntax for type date: \"tomorrowx\""},
    {"time(1)", "12:34:56.789", "12:34:56.8", NULL, NULL},
    {"timetz", "12:34:56+02", "12:34:56+02", NULL, NULL},
    {"timestamp(0)", "2024-01-01 12:34:56.5", "2024-01-01 12:34:57", NULL, NULL},
    {"timestamp", "2024-01-01T12:34:56", "2024-01-01 12:34:56", NULL, NULL},
    {"timestamp", "2024-13-01", NULL, "22008",
     "date/time field value out of range: \"2024-13-01\""},
    {"timestamptz", "2024-01-01 12:34:56+02", "2024-01-01 10:34:56+00", NULL, NULL},
    {"timestamptz(3)", "2024-01-01 12:34:56.123456+02", "2024-01-01 10:34:56.123+00", NULL, NULL},
    {"interval", "1 year 2 mons 3 days 04:05:06.789", "1 year 2 mons 3 days 04:05:06.789", NULL,
     NULL},
    {"interval(2)", "1.987 sec", "00:00:01.99", NULL, NULL},
    {"interval", "P1Y2M", "1 year 2 mons", NULL, NULL},
    {"interval", "x", NULL, "22007", "invalid input syntax for type interval: \"x\""},
    {"date[]", "{2024-01-01,NULL}", "{2024-01-01,NULL}", NULL, NULL},
    {"interval[]", "{1 day,\"1 mon\"}", "{\"1 day\",\"1 mon\"}", NULL, NULL},
};

static fly_status through(fly_sql_type type, const char *in, fly_arena *arena, fly_bytes *out,
                          fly_err *err)
{
    fly_vec_value value = {0};
    fly_status status = fly__sql_value_in(NULL, type, fly_bytes_str(in), arena, &value, err);
    if (status == FLY_OK) {
        status = fly__sql_value_fit(type, true, &value, arena, err);
    }
    return status != FLY_OK ? status : fly__sql_value_out(NULL, type, &value, arena, out, err);
}

START_TEST(text_goes_in_and_out_as_in_postgresql)
{
    fly_account account;
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_arena arena;
    fly_arena_init(&arena, &account.mem, 0);
    fly_err err = {0};
    fly_sql_type type;
    ck_assert_int_eq(fly__sql_type_parse(NULL, fly_bytes_str(texts[_i].type), &arena, &type, &err),
                     FLY_OK);
    ck_assert_uint_ne(type.oid, 0);
    fly_bytes out = {0};
    fly_status status = through(type, texts[_i].in, &arena, &out, &err);
    if (texts[_i].out == NULL) {
        ck_assert_msg(status != FLY_OK, "%s '%s' gave %.*s", texts[_i].type, texts[_i].in,
                      (int)out.len, (const char *)out.data);
        ck_assert_str_eq(err.message, texts[_i].message);
        ck_assert_str_eq(err.sqlstate, texts[_i].sqlstate);
    } else {
        ck_assert_msg(status == FLY_OK, "%s '%s': %s", texts[_i].type, texts[_i].in, err.message);
        ck_assert_msg(fly_bytes_equal(out, fly_bytes_str(texts[_i].out)), "%s '%s': %.*s",
                      texts[_i].type, texts[_i].in, (int)out.len, (const char *)out.data);
    }
    /* The same with the number scaled, if its type says that it fits. */
    int precision;
    int scale;
    if (type.oid == FLY_SQL_NUMERIC && texts[_i].out != NULL && texts[_i].out[0] != 'N' &&
        fly__sql_numeric_mod_of(type.mod, &precision, &scale) && scale >= 0) {
        type.digits = (uint8_t)precision;
        type.scale = (uint8_t)scale;
        ck_assert_int_eq(through(type, texts[_i].in, &arena, &out, &err), FLY_OK);
        ck_assert(fly_bytes_equal(out, fly_bytes_str(texts[_i].out)));
    }
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}
END_TEST

/* Each smaller than the next. */
static const struct {
    const char *type;
    const char *in[6];
} orders[] = {
    {"int4[]", {"{}", "{1}", "{1,1}", "{1,NULL}", "{2}", "{{2}}"}},
    {"text[]", {"{a}", "{a,b}", "{ab}", "{NULL}", NULL, NULL}},
    {"numeric", {"-Infinity", "-1", "0", "1e30", "Infinity", "NaN"}},
    {"float8", {"-Infinity", "-1", "0", "1e30", "Infinity", "NaN"}},
    {"oid", {"0", "1", "4294967295", NULL, NULL, NULL}},
    {"bytea", {"", "a", "aa", "b", NULL, NULL}},
    {"uuid",
     {"00000000-0000-0000-0000-000000000000", "7fffffff-0000-0000-0000-000000000000",
      "80000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", NULL, NULL}},
    {"varbit", {"0", "00", "01", "1", "11", NULL}},
};

START_TEST(values_have_an_order)
{
    fly_arena arena;
    fly_arena_init(&arena, fly_mem_system(), 0);
    fly_err err = {0};
    fly_sql_type type;
    fly_vec_value values[6];
    ck_assert_int_eq(fly__sql_type_parse(NULL, fly_bytes_str(orders[_i].type), &arena, &type, &err),
                     FLY_OK);
    int count = 0;
    for (; count < 6 && orders[_i].in[count] != NULL; count++) {
        ck_assert_int_eq(fly__sql_value_in(NULL, type, fly_bytes_str(orders[_i].in[count]), &arena,
                                           &values[count], &err),
                         FLY_OK);
    }
    for (int a = 0; a < count; a++) {
        for (int b = 0; b < count; b++) {
            int order = fly__sql_value_cmp(type, &values[a], &values[b]);
            ck_assert_msg((order > 0) - (order < 0) == (a > b) - (a < b), "%s: %s and %s",
                          orders[_i].type, orders[_i].in[a], orders[_i].in[b]);
        }
    }
    fly_arena_deinit(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("types");
    TCase *tests = fly_test_case(suite, "types");
    tcase_add_test(tests, types_are_in_order_and_point_to_their_arrays);
    tcase_add_test(tests, types_have_many_names);
    tcase_add_test(tests, modifiers_of_numeric_go_there_and_back);
    tcase_add_test(tests, order_of_uuids_is_order_of_their_bytes);
    tcase_add_loop_test(tests, text_goes_in_and_out_as_in_postgresql, 0,
                        sizeof texts / sizeof texts[0]);
    tcase_add_loop_test(tests, values_have_an_order, 0, sizeof orders / sizeof orders[0]);
    return fly_test_run(suite);
}
