/*
 * Goal: TOML 1.0 is read as its text says, and what is wrong is refused where it is wrong. Method: a
 * row for each rule of the specification, good and bad; then every cut and random changes of a text
 * that has everything, which must be refused or read, and nothing else.
 */
#include "toml.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static fly_arena arena;
static fly_account account;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "toml", 0);
    fly_arena_init(&arena, &account.mem, 0);
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static const flyd_toml *parse(const char *text)
{
    fly_err err = {0};
    flyd_toml *root = NULL;
    fly_status status = flyd_toml_parse(&arena, fly_bytes_str(text), &root, &err);
    ck_assert_msg(status == FLY_OK, "%s: %s", text, err.message);
    return root;
}

/* The value of `x`. */
static const flyd_toml *value(const char *text)
{
    const flyd_toml *x = flyd_toml_get(parse(text), "x");
    ck_assert_msg(x != NULL, "%s", text);
    return x;
}

static const struct {
    const char *text;
    const char *meant;
} strings[] = {
    {"x = \"a\\tb\\\"\\\\\\u00e9\\U0001F600\"", "a\tb\"\\\xC3\xA9\xF0\x9F\x98\x80"},
    {"x = 'C:\\new'", "C:\\new"},
    {"x = \"\"\"\nfirst\nsecond\"\"\"", "first\nsecond"},
    {"x = \"\"\"one \\\n    two\"\"\"", "one two"},
    {"x = \"\"\"one \\   \n\n\t two\"\"\"", "one two"},
    {"x = '''\nit's ''fine''\n'''", "it's ''fine''\n"},
    {"x = \"\"\"\"quoted\"\"\"\"", "\"quoted\""},
    {"x = \"\"\"two\"\"\"\"\"", "two\"\""},
    {"x = \"\"", ""},
    {"x = \"\"\"\"\"\"", ""},
    {"x = ''''''", ""},
    {"\xEF\xBB\xBF# a mark of byte order\nx = 'y' # z", "y"},
    {"x = 'a'\r\n", "a"},
};

START_TEST(strings_say_what_they_mean)
{
    const flyd_toml *x = value(strings[_i].text);
    ck_assert_int_eq(x->kind, FLYD_TOML_STRING);
    ck_assert_str_eq((const char *)x->text.data, strings[_i].meant);
    ck_assert_uint_eq(x->text.len, strlen(strings[_i].meant));
}
END_TEST

static const struct {
    const char *text;
    int64_t meant;
} integers[] = {
    {"x = 0", 0},
    {"x = +99", 99},
    {"x = -17", -17},
    {"x = 1_000_000", 1000000},
    {"x = 0xDEAD_beef", 0xDEADBEEF},
    {"x = 0o755", 493},
    {"x = 0b1101", 13},
    {"x = 9223372036854775807", INT64_MAX},
    {"x = -9223372036854775808", INT64_MIN},
};

START_TEST(integers_have_their_value)
{
    const flyd_toml *x = value(integers[_i].text);
    ck_assert_int_eq(x->kind, FLYD_TOML_INTEGER);
    ck_assert_int_eq(x->integer, integers[_i].meant);
}
END_TEST

START_TEST(floats_have_their_value)
{
    ck_assert(value("x = 3.25")->number == 3.25);
    ck_assert(value("x = -1e3")->number == -1000);
    ck_assert(value("x = 6_2.5E-1")->number == 6.25);
    ck_assert(isinf(value("x = -inf")->number));
    ck_assert(isnan(value("x = +nan")->number));
    ck_assert_int_eq(value("x = 1e0")->kind, FLYD_TOML_FLOAT);
}
END_TEST

static const char *const times[] = {
    "x = 1979-05-27T07:32:00Z", "x = 1979-05-27 00:32:00.999999-07:00",
    "x = 1979-05-27T07:32:00",  "x = 2024-02-29",
    "x = 07:32:00.5",           "x = 1979-05-27 # a comment",
};

START_TEST(times_are_known)
{
    ck_assert_int_eq(value(times[_i])->kind, FLYD_TOML_TIME);
}
END_TEST

START_TEST(tables_and_arrays_nest)
{
    const flyd_toml *root = parse("a.b = 1\n"
                                  "[t.\"u v\"]\n"
                                  "x = [1, [2, 'three'], # and\n  {y = {z.w = true}},\n]\n"
                                  "[[rows]]\nn = 1\n[[rows]]\nn = 2\n[rows.more]\nm = 3\n");
    ck_assert_int_eq(flyd_toml_get(flyd_toml_get(root, "a"), "b")->integer, 1);
    const flyd_toml *x = flyd_toml_get(flyd_toml_get(flyd_toml_get(root, "t"), "u v"), "x");
    ck_assert_int_eq(x->kind, FLYD_TOML_ARRAY);
    ck_assert_uint_eq(x->line, 3);
    ck_assert_str_eq((const char *)x->first->next->last->text.data, "three");
    const flyd_toml *y = flyd_toml_get(x->last, "y");
    ck_assert(flyd_toml_get(flyd_toml_get(y, "z"), "w")->truth);
    const flyd_toml *rows = flyd_toml_get(root, "rows");
    ck_assert_int_eq(flyd_toml_get(rows->first, "n")->integer, 1);
    ck_assert_int_eq(flyd_toml_get(flyd_toml_get(rows->last, "more"), "m")->integer, 3);
}
END_TEST

START_TEST(a_table_may_come_before_the_one_it_is_in)
{
    const flyd_toml *root = parse("[a.b]\nx = 1\n[a]\ny = 2\n[fruit]\napple.color = 'red'\n"
                                  "[fruit.apple.taste]\nsweet = true\n");
    ck_assert_int_eq(flyd_toml_get(flyd_toml_get(root, "a"), "y")->integer, 2);
    (void)parse("");
    (void)parse("\n# only a comment");
}
END_TEST

static const struct {
    const char *text;
    const char *complaint;
} wrong[] = {
    {"x = 1\nx = 2", "line 2, column 1: \"x\" is there already"},
    {"[a]\n[a]", "line 2, column 2: \"a\" is there already"},
    {"a.b = 1\n[a]", "\"a\" is there already"},
    {"a = {}\na.b = 1", "\"a\" is there already, and dotted"},
    {"a = {b = 1}\n[a.c]", "no table that could be added to"},
    {"a = [1]\n[[a]]", "\"a\" is there already"},
    {"[a.b]\n[a]\nb.c = 1", "\"b\" is there already, and dotted"},
    {"a = 1\n[a.b]", "no table that could be added to"},
    {"[[a]]\n[a]", "\"a\" is there already"},
    {"x = 1 y = 2", "line 1, column 7: the line should end here"},
    {"x 1", "line 1, column 3: \"=\" should follow"},
    {"x =", "line 1, column 4: a value should be here"},
    {"x = yes", "line 1, column 5: this is no value"},
    {"= 1", "line 1, column 1: a key should be here"},
    {"[]", "a key should be here"},
    {"[a", "\"]\" should follow"},
    {"[[a]", "\"]]\" should follow"},
    {"x = \"abc", "this string has no end"},
    {"x = \"a\nb\"", "line 1, column 5: this string has no end"},
    {"x = '''abc''", "this string has no end"},
    {"x = \"\\q\"", "line 1, column 6: no such escape"},
    {"x = \"\\u12\"", "4 or 8 hexadecimal digits"},
    {"x = \"\\uD800\"", "there is no such character"},
    {"x = \"\\U00110000\"", "there is no such character"},
    {"x = [1, 2", "this array has no end"},
    {"x = [1 2]", "\",\" or \"]\" should follow"},
    {"x = {a = 1,}", "a key should be here"},
    {"x = {a = 1\n}", "\",\" or \"}\" should follow"},
    {"x = 01", "this is no value"},
    {"x = 1__0", "this is no value"},
    {"x = _1", "this is no value"},
    {"x = 0x", "this is no value"},
    {"x = 0xG", "this is no value"},
    {"x = +0x1", "this is no value"},
    {"x = 9223372036854775808", "this is no value"},
    {"x = 1.", "this is no value"},
    {"x = .5", "this is no value"},
    {"x = 1e", "this is no value"},
    {"x = ++1", "this is no value"},
    {"x = 2023-02-29", "this is no value"},
    {"x = 2023-13-01", "this is no value"},
    {"x = 25:00:00", "this is no value"},
    {"x = 1979-05-27T07:32", "this is no value"},
    {"x = \"\x01\"", "line 1, column 6: a control character"},
    {"x = 1\ry = 2", "a control character"},
    {"# \xFF", "bytes that are not UTF-8"},
    {"x = \"\xC3\xA9\"?", "line 1, column 8: the line should end"},
    {"\"\"\"x\"\"\" = 1", "a key has one line"},
};

START_TEST(what_is_wrong_is_named_with_its_place)
{
    fly_err err = {0};
    flyd_toml *root;
    fly_status status = flyd_toml_parse(&arena, fly_bytes_str(wrong[_i].text), &root, &err);
    ck_assert_msg(status == FLY_E_INVALID, "%s was read", wrong[_i].text);
    ck_assert_msg(strstr(err.message, wrong[_i].complaint) != NULL, "%s: said \"%s\"",
                  wrong[_i].text, err.message);
    ck_assert_uint_ge(err.position, 1);
}
END_TEST

START_TEST(depth_and_size_are_limited)
{
    char text[512];
    fly_err err = {0};
    flyd_toml *root;
    memset(text, '[', sizeof text);
    memcpy(text, "x = ", 4);
    fly_bytes deep = fly_bytes_of(text, sizeof text);
    ck_assert_int_eq(flyd_toml_parse(&arena, deep, &root, &err), FLY_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "too deep"));
    for (size_t i = 0; i + 1 < sizeof text; i += 2) {
        memcpy(text + i, "a.", 2);
    }
    ck_assert_int_eq(flyd_toml_parse(&arena, deep, &root, &err), FLY_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "too deep"));
    char *much = malloc(FLYD_TOML_SIZE_MAX + 1);
    memset(much, '#', FLYD_TOML_SIZE_MAX + 1);
    fly_bytes most = fly_bytes_of(much, FLYD_TOML_SIZE_MAX);
    ck_assert_int_eq(flyd_toml_parse(&arena, most, &root, &err), FLY_OK);
    most.len++;
    ck_assert_int_eq(flyd_toml_parse(&arena, most, &root, &err), FLY_E_TOO_LARGE);
    free(much);
}
END_TEST

static const char everything[] =
    "a.b = 1\n[t.\"u v\"]\nx = [1, [2.5, 'three'], {y = {z.w = true}},\n]\n"
    "s = \"\"\"\\u00e9 \\\n  \"\"q\"\"\"\n[[rows]]\nn = 0x1_F\nd = 1979-05-27 07:32:00Z\n"
    "[[rows]]\nl = '''x\ny'''\n";

START_TEST(rubbish_is_refused_or_read)
{
    flyd_toml *root;
    uint64_t seed = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < sizeof everything; i++) {
        char *cut = malloc(i + 1); /* of its exact size, for the sanitizer */
        memcpy(cut, everything, i);
        (void)!flyd_toml_parse(&arena, fly_bytes_of(cut, i), &root, NULL);
        free(cut);
    }
    for (int round = 0; round < 20000; round++) {
        char text[sizeof everything];
        memcpy(text, everything, sizeof text);
        for (int i = 0; i < 3; i++) {
            static const char bytes[] = "[]{}=.,\"'\\\n# 0_-:xTe\x80\xC3u+";
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[(seed >> 33) % (sizeof text - 1)] = bytes[(seed >> 20) % (sizeof bytes - 1)];
        }
        (void)!flyd_toml_parse(&arena, fly_bytes_of(text, sizeof text - 1), &root, NULL);
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(a_lack_of_memory_is_reported)
{
    fly_account small;
    flyd_toml *root;
    for (uint64_t limit = 1; limit < 20000; limit += 512) {
        fly_arena poor;
        fly_account_init(&small, fly_mem_system(), "small", limit);
        fly_arena_init(&poor, &small.mem, 64);
        fly_status status = flyd_toml_parse(&poor, fly_bytes_str(everything), &root, NULL);
        ck_assert(status == FLY_OK || status == FLY_E_NO_MEMORY);
        fly_arena_deinit(&poor);
        fly_account_deinit(&small);
    }
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    TCase *tests = tcase_create("toml");
    tcase_set_timeout(tests, 120); /* under a sanitizer, beside others */
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, strings_say_what_they_mean, 0, ROWS(strings));
    tcase_add_loop_test(tests, integers_have_their_value, 0, ROWS(integers));
    tcase_add_test(tests, floats_have_their_value);
    tcase_add_loop_test(tests, times_are_known, 0, ROWS(times));
    tcase_add_test(tests, tables_and_arrays_nest);
    tcase_add_test(tests, a_table_may_come_before_the_one_it_is_in);
    tcase_add_loop_test(tests, what_is_wrong_is_named_with_its_place, 0, ROWS(wrong));
    tcase_add_test(tests, depth_and_size_are_limited);
    tcase_add_test(tests, rubbish_is_refused_or_read);
    tcase_add_test(tests, a_lack_of_memory_is_reported);
    Suite *suite = suite_create("flyd");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
