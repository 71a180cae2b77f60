/*
 * Goal: what should fail fails, and is told; what should pass passes; counts are right.
 * Method: scripts against an engine that answers what the SQL says.
 */
#include "fake.h"
#include "run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static slt_report report;
static slt_counts counts;

static void begin(void)
{
    counts = (slt_counts){0};
    report = (slt_report){.counts = &counts};
}

static void end(void)
{
    slt_report_deinit(&report);
}

static void run_with(slt_run_options options, const char *text)
{
    options.driver = &fake_driver;
    slt_run(&options, "dir/x.slt", fly_bytes_str(text), &report);
}

static void run(const char *text)
{
    run_with((slt_run_options){0}, text);
}

static void check_counts(uint64_t passed, uint64_t failed, uint64_t skipped)
{
    ck_assert_msg(counts.passed == passed && counts.failed == failed && counts.skipped == skipped,
                  "%llu passed, %llu failed, %llu skipped: %s", (unsigned long long)counts.passed,
                  (unsigned long long)counts.failed, (unsigned long long)counts.skipped,
                  slt_text_str(&report.out));
}

static void told(const char *what)
{
    ck_assert_msg(strstr(slt_text_str(&report.out), what) != NULL, "\"%s\" is not in \"%s\"", what,
                  slt_text_str(&report.out));
}

/* Each script has one record. */
static const char *const right[] = {
    "statement ok\nA\n",
    "statement error\nfail 42601 syntax error\n",
    "statement error\nfail 42601 syntax error\n----\n42601\nsyntax\n",
    "statement error\nfail 42601 syntax error\n----\n42601: syntax error\n",
    "statement count 3\nchange 3\n",
    "query IT\ngive 2 1 - 2 \"\"\n----\n1\nNULL\n2\n(empty)\n",
    "query IT\ngive 2 1 - 2 \"\"\n----\n1\tNULL\n2\t(empty)\n",
    "query IT rowsort\ngive 2 2 b 1 a\n----\n1\na\n2\nb\n",
    "query T valuesort\ngive 1 b a\n----\na\nb\n",
    "query TT\ngive 2\n----\n",
    "query TT\ngive 2 1 2\n",
    "query\ngive 2 1 2\n----\n1\t2\n",
    "query T\ngive 1 a b c\n----\n3 values hashing to 40c53c58fdafacc83cfff6ee3d2f6d69\n",
};

START_TEST(what_is_right_passes)
{
    run(right[_i]);
    check_counts(1, 0, 0);
}
END_TEST

static const struct {
    const char *script, *complaint;
} wrong[] = {
    {"statement ok\nfail 22012 division by zero\n", "x.slt:1: statement failed: 22012: division"},
    {"statement error\nA\n", "should have failed"},
    {"statement error\nfail 42601 syntax error\n----\n42P01\n", "another error"},
    {"statement count 3\nchange 4\n", "expected 3 rows to be affected, got 4"},
    {"query I\nfail 42P01 no t\n", "query failed: 42P01: no t"},
    {"query I\nA\n", "expected 1 columns, got 0"},
    {"query II\ngive 1 1\n----\n1\n", "expected 2 columns, got 1"},
    {"query I\ngive 1 1\n----\n2\n", "row 1, column 1: expected \"2\", got \"1\""},
    {"query I\ngive 1 1 2\n----\n1\n", "expected 1 values, got 2"},
    {"query I\ngive 1 1\n----\n1\n2\n", "row 2, column 1: expected \"2\", got nothing"},
    {"query II\ngive 2 1 2 3 4\n----\n1\t2\n", "expected 1 rows, got 2"},
    {"query II\ngive 2 1 2\n----\n1\t2\t3\n", "expected \"3\", got nothing"},
    {"query T\ngive 1 a b c\n----\n4 values hashing to 40c53c58fdafacc83cfff6ee3d2f6d69\n",
     "got 3 values hashing to"},
    {"query T\ngive 1 a b d\n----\n3 values hashing to 40c53c58fdafacc83cfff6ee3d2f6d69\n",
     "wrong result"},
    {"query T\ngive 1 a b\n----\na\n\nquery T\n", "expected 1 values, got 2"},
    {"A\n", "a record begins with"},
    {"statement maybe\nA\n", "statement wants"},
};

START_TEST(what_is_wrong_fails_and_is_told)
{
    run(wrong[_i].script);
    ck_assert_uint_ge(counts.failed, 1);
    told(wrong[_i].complaint);
    ck_assert_ptr_nonnull(strstr(slt_text_str(&report.failures), "dir/x.slt:1\n"));
}
END_TEST

START_TEST(only_the_first_differences_are_told)
{
    run("query I\ngive 1 1 1 1 1 1 1 1 1\n----\n2\n2\n2\n2\n2\n2\n2\n2\n");
    told("row 5,");
    ck_assert_ptr_null(strstr(slt_text_str(&report.out), "row 6,"));
}
END_TEST

START_TEST(queries_with_one_label_must_agree)
{
    run("query I rowsort x\ngive 1 1 2\n\nquery I rowsort x\ngive 1 2 1\n\n"
        "query I rowsort y\ngive 1 3\n\nquery I rowsort x\ngive 1 3\n");
    check_counts(3, 1, 0);
    told("dir/x.slt:10: wrong result: another one than at line 1, under the same label");
}
END_TEST

START_TEST(many_labels_are_told_apart_by_twenty_letters)
{
    slt_text text = {0};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            slt_text_printf(&text, "query I nosort label-%d\ngive 1 %d\n\n", i, i);
        }
    }
    slt_text_add_str(&text, "query I nosort aaaaaaaaaabbbbbbbbbbc\ngive 1 1\n\n"
                            "query I nosort aaaaaaaaaabbbbbbbbbbd\ngive 1 2\n");
    run(slt_text_str(&text));
    check_counts(2001, 1, 0);
    slt_text_deinit(&text);
}
END_TEST

START_TEST(conditions_and_halt_skip)
{
    run("skipif fake\nstatement ok\nA\n\nonlyif other\nstatement ok\nA\n\n"
        "onlyif other\nhalt\n\nonlyif fake\nstatement ok\nA\n\nhalt\n\nstatement ok\nA\n");
    check_counts(1, 0, 3);
    end();
    begin();
    run_with((slt_run_options){.engine = "other"}, "onlyif other\nstatement ok\nA\n");
    check_counts(1, 0, 0);
}
END_TEST

START_TEST(a_skip_list_names_records_files_and_folders)
{
    static const struct {
        const char *list;
        uint64_t skipped;
    } lists[] = {
        {"x.slt:1\n", 1},
        {"x.slt:1,4\n", 2},
        {"x.slt:2,4,6 # why\n", 1},
        {"# none\n\ndir/x.slt:4 # why\n", 1},
        {"x.slt:2\n", 0},
        {"x.slt # all\n", 2},
        {"dir\n", 2},
        {"slt\n", 0},
        {"ir/x.slt\n", 0},
        {"dir:1\n", 0},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        slt_skiplist skips = {0};
        fly_err err = {0};
        ck_assert_int_eq(slt_skiplist_parse(&skips, fly_bytes_str(lists[i].list), &err), FLY_OK);
        end();
        begin();
        run_with((slt_run_options){.skips = &skips}, "statement ok\nA\n\nstatement ok\nB\n");
        check_counts(2 - lists[i].skipped, 0, lists[i].skipped);
        slt_skiplist_deinit(&skips);
    }
}
END_TEST

START_TEST(connections_are_sessions_of_their_own)
{
    run("query I\nwho\n----\n0\n\nconnection b\nquery I\nwho\n----\n1\n\n"
        "connection c\nquery I\nwho\n----\n2\n\nconnection b\nquery I\nwho\n----\n1\n\n"
        "query I\nwho\n----\n0\n");
    check_counts(5, 0, 0);
}
END_TEST

/* What is completed, completed again, and run, must stay and pass. */
static void check_complete(const char *text, const char *expected)
{
    run_with((slt_run_options){.complete = true}, text);
    ck_assert_str_eq(slt_text_str(&report.completed), expected);
    slt_report_deinit(&report);
    begin();
    run_with((slt_run_options){.complete = true}, expected);
    ck_assert_str_eq(slt_text_str(&report.completed), expected);
    slt_report_deinit(&report);
    begin();
    run(expected);
    ck_assert_uint_eq(counts.failed, 0);
    slt_report_deinit(&report);
    begin();
}

START_TEST(completing_writes_what_came)
{
    check_complete("# a comment\nA\n\ngive 2 2 b 1 a\n\nfail 42P01 no t\n\n# the end\n",
                   "# a comment\nstatement ok\nA\n\nquery TT rowsort\ngive 2 2 b 1 a\n----\n1\ta\n"
                   "2\tb\n\nstatement error\nfail 42P01 no t\n----\n42P01: no t\n\n# the end\n");
    check_complete("query I nosort l\ngive 1 1\n----\n2\n3\n\nstatement count 1\nchange 2\n\n"
                   "onlyif fake\nconnection c\ngive 1 x\n",
                   "query I nosort l\ngive 1 1\n----\n1\n\nstatement count 2\nchange 2\n\n"
                   "onlyif fake\nconnection c\nquery T rowsort\ngive 1 x\n----\nx\n");
}
END_TEST

START_TEST(completing_hashes_long_results_if_told_so)
{
    check_complete("hash-threshold 2\n\ngive 1 a b\n\ngive 1 a b c\n",
                   "hash-threshold 2\n\nquery T rowsort\ngive 1 a b\n----\na\nb\n\n"
                   "query T rowsort\ngive 1 a b c\n----\n3 values hashing to "
                   "40c53c58fdafacc83cfff6ee3d2f6d69\n");
}
END_TEST

START_TEST(completing_leaves_alone_what_does_not_run)
{
    static const char text[] = "onlyif other\nB\n\nonlyif other\nquery I\nC\n----\n5\n";
    run_with((slt_run_options){.complete = true}, text);
    ck_assert_str_eq(slt_text_str(&report.completed), text);
    check_counts(0, 0, 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("run");
    tcase_set_timeout(tests, 120); /* under a sanitizer, beside others */
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, what_is_right_passes, 0, sizeof right / sizeof right[0]);
    tcase_add_loop_test(tests, what_is_wrong_fails_and_is_told, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(tests, only_the_first_differences_are_told);
    tcase_add_test(tests, queries_with_one_label_must_agree);
    tcase_add_test(tests, many_labels_are_told_apart_by_twenty_letters);
    tcase_add_test(tests, conditions_and_halt_skip);
    tcase_add_test(tests, a_skip_list_names_records_files_and_folders);
    tcase_add_test(tests, connections_are_sessions_of_their_own);
    tcase_add_test(tests, completing_writes_what_came);
    tcase_add_test(tests, completing_hashes_long_results_if_told_so);
    tcase_add_test(tests, completing_leaves_alone_what_does_not_run);
    Suite *suite = suite_create("flyslt run");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
