/*
 * Goal: a payload in JSON is read as RFC 8259 says, and nothing else is taken for one.
 * Method: tables of texts that are JSON and that are not; members in any order; strings with every
 * escape; numbers at the edges of 64 bits.
 */
#include <fly/net_frame.h>

#include <fly/base_check.h>

#include <string.h>

static fly_arena arena;
static fly_err err;

static void setup(void)
{
    fly_arena_init(&arena, fly_mem_system(), 0);
    err = (fly_err){0};
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
}

static fly_status open_json(fly_frame_in *in, const char *text)
{
    fly_frame frame = {.flags = FLY_FRAME_JSON, .payload = fly_bytes_str(text)};
    return fly_frame_in_open(in, &frame, &arena, &err);
}

static const char *const good[] = {
    "{}",
    " { } ",
    "{\"a\":1}",
    "{\"a\" : -0.5e+10 , \"b\":[ ] }",
    "{\"a\":[1,[2,[3]],{\"b\":null}]}",
    "{\"a\":\"\\u00fc\\n\\\"\",\"a\":true}",
    "{\"a\":[[[[[[[0]]]]]]]}",
};

static const char *const bad[] = {
    "",
    "[]",
    "1",
    "{",
    "}",
    "{}}",
    "{} x",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{\"a\":01}",
    "{\"a\":1.}",
    "{\"a\":.5}",
    "{\"a\":1e}",
    "{\"a\":-}",
    "{\"a\":+1}",
    "{\"a\":nul}",
    "{\"a\":True}",
    "{\"a\":[1,]}",
    "{\"a\":[1 2]}",
    "{\"a\":[1}",
    "{\"a\":\"\t\"}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"open}",
    "{\"a\":\"open\\\"}",
    "{\"a\":[[[[[[[[0]]]]]]]]}",
};

START_TEST(what_is_json_is_taken)
{
    fly_frame_in in;
    FLY_CHECK_OK(open_json(&in, good[_i]), err);
}
END_TEST

START_TEST(what_is_not_is_refused)
{
    fly_frame_in in;
    FLY_CHECK(open_json(&in, bad[_i]), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "08P01");
}
END_TEST

START_TEST(members_stand_in_any_order_and_may_be_absent)
{
    fly_frame_in in;
    FLY_CHECK_OK(open_json(&in, "{\"z\":[1,\"]\"], \"n\" : null,\"sql\":\"SELECT 1\",\"limit\":5}"),
                 err);
    ck_assert_uint_eq(fly_frame_get_uint(&in, "limit"), 5);
    fly_bytes sql = fly_frame_get_text(&in, "sql");
    ck_assert(fly_bytes_equal(sql, fly_bytes_str("SELECT 1")));
    ck_assert_uint_eq(fly_frame_get_text(&in, "n").len, 0);
    ck_assert_uint_eq(fly_frame_get_text(&in, "lim").len, 0);
    ck_assert(!fly_frame_get_bool(&in, "absent"));
    ck_assert_uint_eq(fly_frame_enter_list(&in, "absent"), 0);
    fly_frame_leave(&in);
    ck_assert_uint_eq(fly_frame_enter_list(&in, "z"), 2);
    ck_assert_int_eq(fly_frame_get_int(&in, NULL), 1);
    ck_assert_uint_eq(fly_frame_get_text(&in, NULL).len, 1);
    fly_frame_leave(&in);
    FLY_CHECK_OK(fly_frame_in_end(&in, &err), err);
}
END_TEST

START_TEST(strings_say_what_their_escapes_mean)
{
    fly_frame_in in;
    FLY_CHECK_OK(open_json(&in, "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20ac\\ud83d\\ude00\","
                                "\"b\":\"\\ud83d!\",\"c\":\"\\udE00\\ud83d\\u0041\"}"),
                 err);
    fly_bytes a = fly_frame_get_text(&in, "a");
    fly_bytes b = fly_frame_get_text(&in, "b");
    fly_bytes c = fly_frame_get_text(&in, "c");
    ck_assert(
        fly_bytes_equal(a, fly_bytes_str("\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")));
    ck_assert(fly_bytes_equal(b, fly_bytes_str("\xef\xbf\xbd!")));
    ck_assert(fly_bytes_equal(c, fly_bytes_str("\xef\xbf\xbd\xef\xbf\xbd"
                                               "A")));
}
END_TEST

static const struct {
    const char *json;
    uint8_t kind;
    int64_t i;
    const char *text;
} values[] = {
    {"{\"v\":null}", FLY_FRAME_V_NULL, 0, ""},
    {"{}", FLY_FRAME_V_NULL, 0, ""},
    {"{\"v\":true}", FLY_FRAME_V_TRUE, 0, "t"},
    {"{\"v\":false}", FLY_FRAME_V_FALSE, 0, "f"},
    {"{\"v\":-7}", FLY_FRAME_V_INT, -7, "-7"},
    {"{\"v\":9223372036854775807}", FLY_FRAME_V_INT, INT64_MAX, "9223372036854775807"},
    {"{\"v\":9223372036854775808}", FLY_FRAME_V_TEXT, 0, "9223372036854775808"},
    {"{\"v\":99999999999999999999999}", FLY_FRAME_V_TEXT, 0, "99999999999999999999999"},
    {"{\"v\":1.10}", FLY_FRAME_V_TEXT, 0, "1.10"},
    {"{\"v\":1e3}", FLY_FRAME_V_TEXT, 0, "1e3"},
    {"{\"v\":\"x\\ty\"}", FLY_FRAME_V_TEXT, 0, "x\ty"},
};

START_TEST(values_come_as_the_kind_that_loses_nothing)
{
    fly_frame_in in;
    char room[FLY_FRAME_ROOM];
    FLY_CHECK_OK(open_json(&in, values[_i].json), err);
    fly_frame_value value = fly_frame_get_value(&in, "v");
    FLY_CHECK_OK(fly_frame_in_end(&in, &err), err);
    ck_assert_uint_eq(value.kind, values[_i].kind);
    if (value.kind == FLY_FRAME_V_INT) {
        ck_assert_int_eq(value.i, values[_i].i);
    }
    fly_bytes text = fly_frame_value_text(&value, room);
    ck_assert(fly_bytes_equal(text, fly_bytes_str(values[_i].text)));
}
END_TEST

START_TEST(fields_of_another_type_are_refused)
{
    static const char *const wrong[] = {"{\"f\":\"1\"}", "{\"f\":1.5}", "{\"f\":{}}", "{\"f\":-1}"};
    fly_frame_in in;
    FLY_CHECK_OK(open_json(&in, wrong[_i]), err);
    (void)fly_frame_get_uint(&in, "f");
    FLY_CHECK(fly_frame_in_end(&in, &err), FLY_E_INVALID, err);

    FLY_CHECK_OK(open_json(&in, "{\"f\":[1]}"), err);
    (void)fly_frame_get_value(&in, "f");
    FLY_CHECK(fly_frame_in_end(&in, &err), FLY_E_INVALID, err);

    FLY_CHECK_OK(open_json(&in, "{\"f\":[1]}"), err);
    ck_assert_uint_eq(fly_frame_enter_list(&in, "f"), 1);
    ck_assert_uint_eq(fly_frame_enter_row(&in), 0);
    FLY_CHECK(fly_frame_in_end(&in, &err), FLY_E_INVALID, err);

    FLY_CHECK_OK(open_json(&in, "{\"f\":[1]}"), err);
    (void)fly_frame_enter_list(&in, "f");
    (void)fly_frame_get_int(&in, NULL);
    (void)fly_frame_get_int(&in, NULL);
    FLY_CHECK(fly_frame_in_end(&in, &err), FLY_E_INVALID, err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = fly_test_case(suite, "json");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, what_is_json_is_taken, 0, sizeof good / sizeof good[0]);
    tcase_add_loop_test(tests, what_is_not_is_refused, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(tests, members_stand_in_any_order_and_may_be_absent);
    tcase_add_test(tests, strings_say_what_their_escapes_mean);
    tcase_add_loop_test(tests, values_come_as_the_kind_that_loses_nothing, 0,
                        sizeof values / sizeof values[0]);
    tcase_add_loop_test(tests, fields_of_another_type_are_refused, 0, 4);
    return fly_test_run(suite);
}
