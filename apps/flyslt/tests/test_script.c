/*
 * Goal: records are read as the original reads them, and odd ones are named, not swallowed.
 * Method: texts, read record by record.
 */
#include "script.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static slt_script script;
static slt_record record;

static void end_record(void)
{
    slt_record_deinit(&record);
    memset(&record, 0, sizeof record);
}

static void begin(const char *text)
{
    slt_script_init(&script, fly_bytes_str(text));
}

static void next(slt_kind kind)
{
    ck_assert(slt_script_next(&script, &record));
    ck_assert_int_eq(record.kind, kind);
}

static void check_span(fly_bytes span, const char *text)
{
    ck_assert_msg(fly_bytes_equal(span, fly_bytes_str(text)), "\"%.*s\" is not \"%s\"",
                  (int)span.len, (const char *)span.data, text);
}

START_TEST(a_query_has_types_sort_label_and_results)
{
    begin("\n\nquery IT rowsort label-7\nSELECT a,\n  b\n----\n1\none\n\n");
    next(SLT_QUERY);
    ck_assert_uint_eq(record.line, 3);
    ck_assert_str_eq(record.types, "IT");
    ck_assert_int_eq(record.sort, SLT_ROWSORT);
    check_span(record.label, "label-7");
    ck_assert_str_eq(slt_text_str(&record.sql), "SELECT a,\n  b");
    check_span(record.results, "1\none\n");
    ck_assert(!slt_script_next(&script, &record));
}
END_TEST

START_TEST(a_query_may_have_no_results_at_all)
{
    begin("query I\nSELECT 1\n\nquery I valuesort\nSELECT 2\n----\n");
    next(SLT_QUERY);
    ck_assert(!record.has_results);
    next(SLT_QUERY);
    ck_assert(record.has_results);
    ck_assert_uint_eq(record.results.len, 0);
    ck_assert_int_eq(record.sort, SLT_VALUESORT);
}
END_TEST

START_TEST(comments_go_except_among_results)
{
    begin("# one\nstatement ok\nSELECT 1,\n# two\n2\n\nquery T\nSELECT 3\n----\n#three\n");
    next(SLT_STATEMENT_OK);
    ck_assert_str_eq(slt_text_str(&record.sql), "SELECT 1,\n2");
    next(SLT_QUERY);
    check_span(record.results, "#three\n");
}
END_TEST

START_TEST(conditions_stack_and_may_be_commented)
{
    begin("skipif mysql # why\nonlyif fly # because\nstatement ok\nSELECT 1\n");
    next(SLT_STATEMENT_OK);
    ck_assert_uint_eq(record.condition_count, 2);
    ck_assert(slt_record_applies(&record, "fly"));
    ck_assert(!slt_record_applies(&record, "mysql"));
    ck_assert(!slt_record_applies(&record, "sqlite"));
}
END_TEST

START_TEST(statements_are_ok_error_or_count)
{
    begin("statement ok\nA\n\nstatement error\nB\n----\n42P01\n\nstatement count 12\nC\n");
    next(SLT_STATEMENT_OK);
    next(SLT_STATEMENT_ERROR);
    check_span(record.results, "42P01\n");
    next(SLT_STATEMENT_COUNT);
    ck_assert_uint_eq(record.number, 12);
}
END_TEST

START_TEST(a_connection_has_a_name)
{
    begin("connection c2\nstatement ok\nA\n\nstatement ok\nB\n");
    next(SLT_STATEMENT_OK);
    ck_assert_str_eq(record.connection, "c2");
    next(SLT_STATEMENT_OK);
    ck_assert_str_eq(record.connection, "");
}
END_TEST

START_TEST(halt_and_threshold_are_records_of_their_own)
{
    begin("hash-threshold 8\n\nonlyif mssql\nhalt\n");
    next(SLT_HASH_THRESHOLD);
    ck_assert_uint_eq(record.number, 8);
    next(SLT_HALT);
    ck_assert(!slt_record_applies(&record, "fly"));
}
END_TEST

START_TEST(lines_may_end_as_on_windows)
{
    begin("statement ok\r\nSELECT 1\r\n\r\nquery I\r\nSELECT 2\r\n----\r\n2\r\n");
    next(SLT_STATEMENT_OK);
    ck_assert_str_eq(slt_text_str(&record.sql), "SELECT 1");
    next(SLT_QUERY);
    check_span(record.results, "2\r\n");
}
END_TEST

/* Each is followed by a record that must be read as if nothing had been. */
static const char *const odd[] = {
    "statement maybe\nA\n",      "statement count\nA\n",
    "statement count x\nA\n",    "query IX\nA\n",
    "query I sorted\nA\n",       "hash-threshold many\n",
    "skipif\nstatement ok\nA\n", "connection\nstatement ok\nA\n",
};

START_TEST(an_odd_header_is_a_broken_record_and_no_more)
{
    slt_text text = {0};
    slt_text_printf(&text, "%s\nstatement ok\nB\n", odd[_i]);
    begin(slt_text_str(&text));
    next(SLT_BROKEN);
    ck_assert_ptr_nonnull(record.complaint);
    next(SLT_STATEMENT_OK);
    ck_assert_str_eq(slt_text_str(&record.sql), "B");
    slt_text_deinit(&text);
}
END_TEST

START_TEST(sql_alone_is_bare)
{
    begin("SELECT 1\nFROM t\n");
    next(SLT_BARE);
    ck_assert_str_eq(slt_text_str(&record.sql), "SELECT 1\nFROM t");
}
END_TEST

START_TEST(rubbish_does_no_harm)
{
    uint32_t seed = 1;
    static const char letters[] = "q \n\r\t#-0IRTstatement okquery----halt";
    for (int round = 0; round < 2000; round++) {
        char text[200];
        size_t len = 0;
        while (len < sizeof text - 8) {
            seed = seed * 1664525 + 1013904223;
            size_t from = (seed >> 8) % (sizeof letters - 1);
            size_t piece = (seed >> 24) % 8;
            piece = from + piece > sizeof letters - 1 ? 1 : piece;
            memcpy(text + len, letters + from, piece);
            len += piece + (piece == 0 ? 1 : 0);
            text[len - 1] = piece == 0 ? '\n' : text[len - 1];
        }
        slt_script_init(&script, fly_bytes_of(text, len));
        size_t records = 0;
        while (slt_script_next(&script, &record)) {
            records++;
            ck_assert_uint_le(record.end_at, len);
        }
        ck_assert_uint_le(records, len);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("script");
    tcase_set_timeout(tests, 120); /* under a sanitizer, beside others */
    tcase_add_checked_fixture(tests, NULL, end_record);
    tcase_add_test(tests, a_query_has_types_sort_label_and_results);
    tcase_add_test(tests, a_query_may_have_no_results_at_all);
    tcase_add_test(tests, comments_go_except_among_results);
    tcase_add_test(tests, conditions_stack_and_may_be_commented);
    tcase_add_test(tests, statements_are_ok_error_or_count);
    tcase_add_test(tests, a_connection_has_a_name);
    tcase_add_test(tests, halt_and_threshold_are_records_of_their_own);
    tcase_add_test(tests, lines_may_end_as_on_windows);
    tcase_add_loop_test(tests, an_odd_header_is_a_broken_record_and_no_more, 0,
                        sizeof odd / sizeof odd[0]);
    tcase_add_test(tests, sql_alone_is_bare);
    tcase_add_test(tests, rubbish_does_no_harm);
    Suite *suite = suite_create("flyslt script");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
