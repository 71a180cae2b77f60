/*
 * Goal: values are written, sorted and hashed as the original does it.
 * Method: one value under each letter; hashes that md5sum gave.
 */
#include "result.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static slt_result result;

static void begin(size_t columns)
{
    slt_result_clear(&result);
    result.columns = columns;
    memset(result.types, 0, sizeof result.types);
}

static void deinit(void)
{
    slt_result_deinit(&result);
}

static void add(const char *value)
{
    slt_result_add(&result, value, value != NULL ? strlen(value) : 0);
}

static const struct {
    const char *value;
    slt_type type;
    const char *letters, *written[3];
} forms[] = {
    {"12", SLT_INTEGER, "IRT", {"12", "12.000", "12"}},
    {"-12.75", SLT_TEXT, "IRT", {"-12", "-12.750", "-12.75"}},
    {"9223372036854775807",
     SLT_INTEGER,
     "IRT",
     {"9223372036854775807", "9223372036854775808.000", "9223372036854775807"}},
    {"007", SLT_TEXT, "IRT", {"7", "7.000", "007"}},
    {"-0.4", SLT_TEXT, "IRT", {"0", "-0.400", "-0.4"}},
    {"1e3", SLT_REAL, "IRT", {"1000", "1000.000", "1e3"}},
    {"hello", SLT_TEXT, "IRT", {"0", "0.000", "hello"}},
    {"2020-01-02", SLT_TEXT, "IRT", {"2020", "2020.000", "2020-01-02"}},
    {"t", SLT_BOOLEAN, "IRT", {"1", "1.000", "t"}},
    {"f", SLT_BOOLEAN, "IRT", {"0", "0.000", "f"}},
    {NULL, SLT_TEXT, "IRT", {"NULL", "NULL", "NULL"}},
    {"", SLT_TEXT, "IRT", {"0", "0.000", "(empty)"}},
    {"a\tb\xc3\xa9", SLT_TEXT, "TUT", {"a@b@@", "a\\tb\xc3\xa9", "a@b@@"}},
    {"a\nb\x01", SLT_TEXT, "UUT", {"a\\nb\\x01", "a\\nb\\x01", "a@b@"}},
    {"1e300", SLT_REAL, "IIT", {"9200000000000000000", "9200000000000000000", "1e300"}},
    {"NaN", SLT_REAL, "IIT", {"0", "0", "NaN"}},
};

START_TEST(a_letter_tells_how_a_value_is_written)
{
    begin(3);
    for (size_t i = 0; i < 3; i++) {
        result.types[i] = forms[_i].type;
        add(forms[_i].value);
    }
    slt_result_write(&result, forms[_i].letters, SLT_NOSORT);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(result.values[i], forms[_i].written[i]);
    }
}
END_TEST

static void write_six(slt_sort sort)
{
    static const char *const values[] = {"b", "2", "a", "3", "a", "10"};
    begin(2);
    for (size_t i = 0; i < 6; i++) {
        add(values[i]);
    }
    slt_result_write(&result, "TI", sort);
}

static void check_order(const char *expected)
{
    slt_text got = {0};
    for (size_t i = 0; i < result.count; i++) {
        slt_text_printf(&got, "%s ", result.values[i]);
    }
    ck_assert_str_eq(slt_text_str(&got), expected);
    slt_text_deinit(&got);
}

START_TEST(rows_values_or_nothing_are_sorted_as_bytes)
{
    write_six(SLT_NOSORT);
    check_order("b 2 a 3 a 10 ");
    write_six(SLT_ROWSORT);
    check_order("a 10 a 3 b 2 ");
    write_six(SLT_VALUESORT);
    check_order("10 2 3 a a b ");
}
END_TEST

START_TEST(the_hash_is_over_values_with_their_line_ends)
{
    char hash[SLT_HASH_SIZE];
    write_six(SLT_ROWSORT);
    slt_result_hash(&result, hash);
    ck_assert_str_eq(hash, "837a34181659e4adff33de1fd7359f95");
    begin(1);
    slt_result_write(&result, "I", SLT_NOSORT);
    slt_result_hash(&result, hash);
    ck_assert_str_eq(hash, "d41d8cd98f00b204e9800998ecf8427e");
}
END_TEST

START_TEST(many_rows_are_no_different)
{
    begin(2);
    for (int i = 999; i >= 0; i--) {
        char number[16];
        (void)snprintf(number, sizeof number, "%04d", i);
        add(number);
        add("x");
    }
    slt_result_write(&result, "TT", SLT_ROWSORT);
    ck_assert_uint_eq(result.count, 2000);
    ck_assert_str_eq(result.values[0], "0000");
    ck_assert_str_eq(result.values[1998], "0999");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("result");
    tcase_set_timeout(tests, 120); /* under a sanitizer, beside others */
    tcase_add_checked_fixture(tests, NULL, deinit);
    tcase_add_loop_test(tests, a_letter_tells_how_a_value_is_written, 0,
                        sizeof forms / sizeof forms[0]);
    tcase_add_test(tests, rows_values_or_nothing_are_sorted_as_bytes);
    tcase_add_test(tests, the_hash_is_over_values_with_their_line_ends);
    tcase_add_test(tests, many_rows_are_no_different);
    Suite *suite = suite_create("flyslt result");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
