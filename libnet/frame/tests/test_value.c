/*
 * Goal: a value keeps its kind and its bits in binary, and its text is what psql shows.
 * Method: a table of values with their encoding in hex, their text, and how JSON has them.
 */
#include <fly/net_frame.h>

#include <fly/base_check.h>

#include <float.h>
#include <math.h>
#include <string.h>

static fly_frame_out out;
static fly_arena arena;
static fly_err err;

static void setup(void)
{
    fly_frame_out_init(&out, fly_mem_system());
    fly_arena_init(&arena, fly_mem_system(), 0);
    err = (fly_err){0};
}

static void teardown(void)
{
    fly_frame_out_deinit(&out);
    fly_arena_deinit(&arena);
}

#define INT(x)                                                                                     \
    {                                                                                              \
        .kind = FLY_FRAME_V_INT, .i = (x)                                                          \
    }
#define DBL(x)                                                                                     \
    {                                                                                              \
        .kind = FLY_FRAME_V_DOUBLE, .d = (x)                                                       \
    }
#define DEC(s, x)                                                                                  \
    {                                                                                              \
        .kind = FLY_FRAME_V_DECIMAL, .scale = (s), .i = (x)                                        \
    }
#define AT(k, x)                                                                                   \
    {                                                                                              \
        .kind = FLY_FRAME_V_##k, .i = (x)                                                          \
    }
#define RAW(k, x)                                                                                  \
    {                                                                                              \
        .kind = FLY_FRAME_V_##k, .bytes = {(const uint8_t *)(x), sizeof(x) - 1 }                   \
    }

static const struct {
    fly_frame_value value;
    const char *hex, *text, *json;
} rows[] = {
    {{.kind = FLY_FRAME_V_NULL}, "00", "", "null"},
    {{.kind = FLY_FRAME_V_FALSE}, "01", "f", "false"},
    {{.kind = FLY_FRAME_V_TRUE}, "02", "t", "true"},
    {INT(0), "80", "0", "0"},
    {INT(127), "ff", "127", "127"},
    {INT(128), "038002", "128", "128"},
    {INT(-1), "0301", "-1", "-1"},
    {INT(INT64_MAX), "03feffffffffffffffff01", "9223372036854775807", "\"9223372036854775807\""},
    {INT(INT64_MIN), "03ffffffffffffffffff01", "-9223372036854775808", "\"-9223372036854775808\""},
    {DBL(1.5), "043ff8000000000000", "1.5", "1.5"},
    {DBL(0.1), "043fb999999999999a", "0.1", "0.1"},
    {DBL(-0.0), "048000000000000000", "-0", "-0"},
    {DBL(1e300), "047e37e43c8800759c", "1e+300", "1e+300"},
    {DBL((double)INFINITY), "047ff0000000000000", "Infinity", "\"Infinity\""},
    {RAW(TEXT, "a|b"), "0503617c62", "a|b", "\"a|b\""},
    {RAW(TEXT, ""), "0500", "", "\"\""},
    {RAW(BYTES, "\xde\xad"), "0602dead", "\\xdead", "\"\\\\xdead\""},
    {AT(DATE, 0), "0700", "1970-01-01", "\"1970-01-01\""},
    {AT(DATE, 19782), "078cb502", "2024-02-29", "\"2024-02-29\""},
    {AT(DATE, -719163), "07f5e457", "0001-12-31 BC", "\"0001-12-31 BC\""},
    {AT(TIME, 0), "0800", "00:00:00", "\"00:00:00\""},
    {AT(TIME, 45296789000), "089098b1bed102", "12:34:56.789", "\"12:34:56.789\""},
    {AT(TIME, 86400000000), "088080bbdd8305", "24:00:00", "\"24:00:00\""},
    {AT(TIMESTAMP, -1), "0901", "1969-12-31 23:59:59.999999", "\"1969-12-31 23:59:59.999999\""},
    {AT(TIMESTAMPTZ, 1000000), "0a80897a", "1970-01-01 00:00:01+00", "\"1970-01-01 00:00:01+00\""},
    {RAW(UUID, "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x01\x23\x45\x67\x89\xab\xcd\xef"),
     "0b123456789abcdef00123456789abcdef", "12345678-9abc-def0-0123-456789abcdef",
     "\"12345678-9abc-def0-0123-456789abcdef\""},
    {DEC(2, 12345), "0c02f2c001", "123.45", "\"123.45\""},
    {DEC(2, -5), "0c0209", "-0.05", "\"-0.05\""},
    {DEC(0, 7), "0c000e", "7", "\"7\""},
    {DEC(18, INT64_MIN), "0c12ffffffffffffffffff01", "-9.223372036854775808",
     "\"-9.223372036854775808\""},
};

static size_t unhex(const char *text, uint8_t *to)
{
    size_t len = 0;
    int high = -1;
    for (; *text != 0; text++) {
        const char *digits = "0123456789abcdef";
        const char *at = strchr(digits, *text);
        if (at == NULL) {
            continue;
        }
        int digit = (int)(at - digits);
        if (high < 0) {
            high = digit;
        } else {
            to[len++] = (uint8_t)(high << 4 | digit);
            high = -1;
        }
    }
    return len;
}

START_TEST(each_value_has_its_bytes_and_keeps_them)
{
    uint8_t wanted[64];
    size_t len = unhex(rows[_i].hex, wanted);
    const fly_frame_value *value = &rows[_i].value;
    fly_frame frame;
    fly_frame_in in;
    fly_frame_begin(&out, FLY_FRAME_QUERY, 0);
    fly_frame_put_value(&out, "v", value);
    FLY_CHECK_OK(fly_frame_end(&out, &err), err);
    FLY_CHECK_OK(fly_frame_decode(fly_bytes_of(out.data, out.len), 4096, &frame, &err), err);
    ck_assert_uint_eq(frame.payload.len, len);
    ck_assert_mem_eq(frame.payload.data, wanted, len);
    FLY_CHECK_OK(fly_frame_in_open(&in, &frame, &arena, &err), err);
    fly_frame_value back = fly_frame_get_value(&in, "v");
    FLY_CHECK_OK(fly_frame_in_end(&in, &err), err);
    ck_assert_uint_eq(back.kind, value->kind);
    ck_assert_uint_eq(back.scale, value->scale);
    ck_assert_int_eq(back.i, value->i);
    ck_assert(fly_bytes_equal(back.bytes, value->bytes));
}
END_TEST

START_TEST(each_value_has_its_text)
{
    char room[FLY_FRAME_ROOM];
    ck_assert_uint_le(fly_frame_value_room(&rows[_i].value), sizeof room);
    fly_bytes text = fly_frame_value_text(&rows[_i].value, room);
    ck_assert_msg(fly_bytes_equal(text, fly_bytes_str(rows[_i].text)), "%.*s, not %s",
                  (int)text.len, (const char *)text.data, rows[_i].text);
}
END_TEST

START_TEST(each_value_has_its_json)
{
    char wanted[80] = "{\"v\":";
    fly_frame frame;
    fly_frame_begin(&out, FLY_FRAME_QUERY, FLY_FRAME_JSON);
    fly_frame_put_value(&out, "v", &rows[_i].value);
    FLY_CHECK_OK(fly_frame_end(&out, &err), err);
    FLY_CHECK_OK(fly_frame_decode(fly_bytes_of(out.data, out.len), 4096, &frame, &err), err);
    memcpy(wanted + 5, rows[_i].json, strlen(rows[_i].json));
    memcpy(wanted + 5 + strlen(rows[_i].json), "}", 2);
    ck_assert_msg(fly_bytes_equal(frame.payload, fly_bytes_str(wanted)), "%.*s, not %s",
                  (int)frame.payload.len, (const char *)frame.payload.data, wanted);
}
END_TEST

START_TEST(times_beyond_all_calendars_do_no_harm)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, -86400000001, 86400000001};
    char room[FLY_FRAME_ROOM];
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        for (uint8_t kind = FLY_FRAME_V_DATE; kind <= FLY_FRAME_V_TIMESTAMPTZ; kind++) {
            fly_bytes text =
                fly_frame_value_text(&(fly_frame_value){.kind = kind, .i = edges[i]}, room);
            ck_assert_uint_lt(text.len, sizeof room);
        }
    }
}
END_TEST

START_TEST(long_bytes_have_room_for_two_digits_each)
{
    static const uint8_t bytes[1000];
    static char room[2048];
    fly_frame_value value = {.kind = FLY_FRAME_V_BYTES, .bytes = {bytes, sizeof bytes}};
    ck_assert_uint_le(fly_frame_value_room(&value), sizeof room);
    ck_assert_uint_eq(fly_frame_value_text(&value, room).len, 2002);
}
END_TEST

int main(void)
{
    int count = sizeof rows / sizeof rows[0];
    Suite *suite = suite_create("value");
    TCase *tests = fly_test_case(suite, "value");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, each_value_has_its_bytes_and_keeps_them, 0, count);
    tcase_add_loop_test(tests, each_value_has_its_text, 0, count);
    tcase_add_loop_test(tests, each_value_has_its_json, 0, count);
    tcase_add_test(tests, times_beyond_all_calendars_do_no_harm);
    tcase_add_test(tests, long_bytes_have_room_for_two_digits_each);
    return fly_test_run(suite);
}
