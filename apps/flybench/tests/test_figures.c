/*
 * Goal: what is printed is what was measured: percentiles, medians, options.
 * Method: numbers whose answers are known, and for percentiles the sorted array they stand for.
 */
#include "histogram.h"
#include "options.h"
#include "report.h"

#include <fly/base_hash.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(percentiles_are_within_three_percent_of_the_sorted_array)
{
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    static histogram h;
    fly_rng rng;
    fly_rng_init(&rng, 1);
    for (int i = 0; i < COUNT; i++) {
        values[i] = fly_rng_next(&rng) >> fly_rng_below(&rng, 60);
        histogram_add(&h, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], compare);
    static const double percents[] = {0, 1, 10, 50, 90, 99, 100};
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        size_t rank = (size_t)(COUNT * percents[i] / 100);
        double exact = (double)values[rank > 0 ? rank - 1 : 0];
        double said = histogram_percentile(&h, percents[i]);
        ck_assert_msg(said >= exact * 0.97 - 1 && said <= exact * 1.03 + 1, "%g %%: %g, not %g",
                      percents[i], said, exact);
    }
}
END_TEST

START_TEST(merged_histograms_count_both_and_an_empty_one_says_zero)
{
    static histogram a;
    static histogram b;
    ck_assert(histogram_percentile(&a, 50) == 0);
    histogram_add(&a, 1);
    histogram_add(&b, UINT64_MAX);
    histogram_merge(&a, &b);
    ck_assert_uint_eq(a.count, 2);
    ck_assert(histogram_percentile(&a, 50) == 1);
    ck_assert(histogram_percentile(&a, 100) > 1.8e19);
}
END_TEST

START_TEST(medians_are_the_middle_or_between_the_two)
{
    report_run runs[4] = {0};
    static const double figures[4] = {40, 10, 30, 20};
    for (int i = 0; i < 4; i++) {
        report_add(&runs[i], "ops_per_s", figures[i]);
    }
    report_add(&runs[0], "conflicts", 3);
    report_run medians;
    double value = 0;
    report_medians(runs, 3, "ops_per_s", &medians);
    ck_assert(report_find(&medians, "ops_per_s", &value));
    ck_assert(value == 30);
    ck_assert(report_find(&medians, "spread_pct", &value));
    ck_assert(value == 100);
    ck_assert(report_find(&medians, "conflicts", &value));
    ck_assert(value == 3);
    report_medians(runs, 4, "ops_per_s", &medians);
    ck_assert(report_find(&medians, "ops_per_s", &value));
    ck_assert(value == 25);
    report_medians(runs, 1, "ops_per_s", &medians);
    ck_assert(!report_find(&medians, "spread_pct", &value));
}
END_TEST

START_TEST(options_are_read_in_both_forms_and_nonsense_is_refused)
{
    uint64_t count = 0;
    double real = 0;
    const char *text = NULL;
    bool flag = false;
    const option_row rows[] = {
        {"count", OPTION_COUNT, "N", "", &count, 1, 10000000},
        {"real", OPTION_REAL, "S", "", &real, 0, 0},
        {"text", OPTION_TEXT, "T", "", &text, 0, 0},
        {"flag", OPTION_FLAG, NULL, "", &flag, 0, 0},
    };
    fly_err err = {0};
    char *good[] = {"--count", "10M", "--real=0.5", "--text=", "--flag"};
    ck_assert_int_eq(options_parse(rows, 4, 5, good, &err), FLY_OK);
    ck_assert_uint_eq(count, 10000000);
    ck_assert(real == 0.5);
    ck_assert_str_eq(text, "");
    ck_assert(flag);

    char *bad[] = {"--count=0",  "--count=11M", "--count=x",  "--count=",      "--count=1T",
                   "--count=-1", "--real=x",    "--real=-1",  "--flag=1",      "--nothing",
                   "count",      "--count",     "--count=1x", "--real=0.5sec", "--"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(options_parse(rows, 4, 1, &bad[i], &err) == FLY_E_INVALID, "%s", bad[i]);
    }
}
END_TEST

START_TEST(lists_are_words_between_commas)
{
    ck_assert(options_list_has("a,bc,d", "bc"));
    ck_assert(!options_list_has("a,bc,d", "b"));
    ck_assert(!options_list_has("", ""));
    const char *list = ",one,,two,";
    char word[8];
    ck_assert(options_list_next(&list, word, sizeof word));
    ck_assert_str_eq(word, "one");
    ck_assert(options_list_next(&list, word, sizeof word));
    ck_assert_str_eq(word, "two");
    ck_assert(!options_list_next(&list, word, sizeof word));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("figures");
    TCase *figures = tcase_create("figures");
    tcase_set_timeout(figures, 120); /* under a sanitizer, beside others */
    tcase_add_test(figures, percentiles_are_within_three_percent_of_the_sorted_array);
    tcase_add_test(figures, merged_histograms_count_both_and_an_empty_one_says_zero);
    tcase_add_test(figures, medians_are_the_middle_or_between_the_two);
    tcase_add_test(figures, options_are_read_in_both_forms_and_nonsense_is_refused);
    tcase_add_test(figures, lists_are_words_between_commas);
    suite_add_tcase(suite, figures);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures > 0;
}
