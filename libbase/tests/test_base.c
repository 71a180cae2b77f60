/*
 * Goal: every outcome has a name, a text and an SQLSTATE, and a fly_err tells its story whole.
 * Method: the tables are walked; messages are made too long, prefixed, renamed.
 */
#include <fly/base.h>

#include <fly/base_check.h>

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

START_TEST(every_status_has_a_name_a_text_and_an_sqlstate)
{
    for (int i = 0; i < FLY_STATUS_COUNT; i++) {
        fly_status status = (fly_status)i;
        ck_assert_ptr_nonnull(fly_status_name(status));
        ck_assert_ptr_nonnull(fly_status_text(status));
        ck_assert_uint_eq(strlen(fly_status_sqlstate(status)), 5);
        for (const char *c = fly_status_sqlstate(status); *c != '\0'; c++) {
            ck_assert_msg(isdigit((unsigned char)*c) || isupper((unsigned char)*c), "%s",
                          fly_status_name(status));
        }
    }
    ck_assert_str_eq(fly_status_name(FLY_E_CORRUPT), "E_CORRUPT");
    ck_assert_str_eq(fly_status_text(FLY_E_CORRUPT), "damaged data");
    ck_assert_str_eq(fly_status_sqlstate(FLY_E_CONFLICT), "40001");
}
END_TEST

START_TEST(no_two_statuses_share_a_name)
{
    for (int i = 0; i < FLY_STATUS_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            ck_assert_str_ne(fly_status_name((fly_status)i), fly_status_name((fly_status)k));
        }
    }
}
END_TEST

START_TEST(a_number_that_is_no_status_has_a_name_all_the_same)
{
    ck_assert_str_eq(fly_status_name((fly_status)FLY_STATUS_COUNT), "E_INVALID");
    ck_assert_str_eq(fly_status_name((fly_status)12345), "E_INVALID");
}
END_TEST

START_TEST(setting_an_error_fills_it_and_returns_the_status)
{
    fly_err err = {.os_errno = 7, .position = 9, .hint = "old"};
    ck_assert_int_eq(fly_err_set(&err, FLY_E_CORRUPT, "page %d of \"%s\"", 3, "t.db"),
                     FLY_E_CORRUPT);
    ck_assert_int_eq(err.status, FLY_E_CORRUPT);
    ck_assert_int_eq(err.os_errno, 0);
    ck_assert_uint_eq(err.position, 0);
    ck_assert_str_eq(err.sqlstate, "XX001");
    ck_assert_str_eq(err.message, "page 3 of \"t.db\"");
    ck_assert_str_eq(err.hint, "");
}
END_TEST

START_TEST(sql_has_finer_names_and_places_and_details)
{
    fly_err err = {.hint = "old", .detail = "old"};
    ck_assert_int_eq(fly_err_state(&err, "22012", 8, "division by %s", "zero"), FLY_E_INVALID);
    ck_assert_int_eq(err.status, FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "22012");
    ck_assert_uint_eq(err.position, 8);
    ck_assert_str_eq(err.message, "division by zero");
    ck_assert_str_eq(err.detail, "");
    ck_assert_str_eq(err.hint, "");
    fly_err_detail(&err, "Row %d.", 3);
    ck_assert_str_eq(err.detail, "Row 3.");
}
END_TEST

START_TEST(nobody_needs_to_want_the_story)
{
    ck_assert_int_eq(fly_err_set(NULL, FLY_E_IO, "x"), FLY_E_IO);
    ck_assert_int_eq(fly_err_os(NULL, FLY_E_IO, EIO, "x"), FLY_E_IO);
    ck_assert_int_eq(fly_err_prefix(NULL, FLY_E_IO, "x"), FLY_E_IO);
    ck_assert_int_eq(fly_err_state(NULL, "22012", 0, "x"), FLY_E_INVALID);
    fly_err_detail(NULL, "x");
    fly_err_hint(NULL, "x");
}
END_TEST

START_TEST(an_error_of_the_system_carries_its_number_and_its_words)
{
    fly_err err = {0};
    ck_assert_int_eq(fly_err_os(&err, FLY_E_NO_SPACE, ENOSPC, "could not write"), FLY_E_NO_SPACE);
    ck_assert_int_eq(err.os_errno, ENOSPC);
    ck_assert_str_eq(err.message, "could not write: No space left on device");
}
END_TEST

START_TEST(prefixes_pile_up_in_front)
{
    fly_err err = {0};
    fly_status status = fly_err_set(&err, FLY_E_IO, "could not read");
    status = fly_err_prefix(&err, status, "page %d", 4);
    status = fly_err_prefix(&err, status, "table \"%s\"", "t");
    ck_assert_int_eq(status, FLY_E_IO);
    ck_assert_str_eq(err.message, "table \"t\": page 4: could not read");
}
END_TEST

START_TEST(a_prefix_without_a_story_tells_what_the_status_means)
{
    fly_err err = {0};
    ck_assert_int_eq(fly_err_prefix(&err, FLY_E_FULL, "insert"), FLY_E_FULL);
    ck_assert_int_eq(err.status, FLY_E_FULL);
    ck_assert_str_eq(err.message, "insert: no room");
}
END_TEST

/* The log that fails a write and stops says E_STOPPED, and why in the words of the write. */
START_TEST(a_prefix_may_give_the_trouble_another_name)
{
    fly_err err = {0};
    (void)fly_err_os(&err, FLY_E_IO, EIO, "could not sync");
    ck_assert_int_eq(fly_err_prefix(&err, FLY_E_STOPPED, "the log stopped"), FLY_E_STOPPED);
    ck_assert_int_eq(err.status, FLY_E_STOPPED);
    ck_assert_str_eq(err.sqlstate, fly_status_sqlstate(FLY_E_STOPPED));
    ck_assert_int_eq(err.os_errno, EIO);
    FLY_CHECK_SAYS(err.message, "the log stopped: could not sync: ");
}
END_TEST

START_TEST(an_sqlstate_that_a_layer_knew_better_survives_a_prefix)
{
    fly_err err = {0};
    (void)fly_err_set(&err, FLY_E_INVALID, "division by zero");
    memcpy(err.sqlstate, "22012", sizeof err.sqlstate);
    ck_assert_int_eq(fly_err_prefix(&err, FLY_E_INVALID, "row 3"), FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "22012");
}
END_TEST

START_TEST(long_messages_are_cut_and_stay_strings)
{
    char longest[2 * FLY_ERR_MESSAGE_SIZE];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    fly_err err = {0};
    (void)fly_err_os(&err, FLY_E_IO, EIO, "%s", longest);
    ck_assert_uint_eq(strlen(err.message), FLY_ERR_MESSAGE_SIZE - 1);
    (void)fly_err_prefix(&err, FLY_E_IO, "front");
    ck_assert_uint_eq(strlen(err.message), FLY_ERR_MESSAGE_SIZE - 1);
    ck_assert_int_eq(strncmp(err.message, "front: xxx", 10), 0);
    (void)fly_err_prefix(&err, FLY_E_IO, "%s", longest);
    ck_assert_uint_eq(strlen(err.message), FLY_ERR_MESSAGE_SIZE - 1);
    fly_err_hint(&err, "%s", longest);
    ck_assert_uint_eq(strlen(err.hint), FLY_ERR_HINT_SIZE - 1);
}
END_TEST

START_TEST(spans_order_as_their_bytes_do_and_a_prefix_comes_first)
{
    ck_assert_int_lt(fly_bytes_cmp(fly_bytes_str("abc"), fly_bytes_str("abd")), 0);
    ck_assert_int_gt(fly_bytes_cmp(fly_bytes_str("b"), fly_bytes_str("abd")), 0);
    ck_assert_int_lt(fly_bytes_cmp(fly_bytes_str("ab"), fly_bytes_str("abc")), 0);
    ck_assert_int_gt(fly_bytes_cmp(fly_bytes_str("abc"), fly_bytes_str("ab")), 0);
    ck_assert_int_eq(fly_bytes_cmp(fly_bytes_str("ab"), fly_bytes_str("ab")), 0);
    ck_assert_int_gt(fly_bytes_cmp(fly_bytes_of("\xff", 1), fly_bytes_of("\x01", 1)), 0);
}
END_TEST

START_TEST(an_empty_span_may_be_null)
{
    fly_bytes none = {NULL, 0};
    ck_assert_int_eq(fly_bytes_cmp(none, fly_bytes_str("")), 0);
    ck_assert_int_lt(fly_bytes_cmp(none, fly_bytes_str("a")), 0);
    ck_assert(fly_bytes_equal(none, fly_bytes_str("")));
    ck_assert(!fly_bytes_equal(none, fly_bytes_str("a")));
    ck_assert(fly_bytes_equal(fly_bytes_str("a"), fly_bytes_str("a")));
    ck_assert(!fly_bytes_equal(fly_bytes_str("a"), fly_bytes_str("b")));
}
END_TEST

START_TEST(a_broken_promise_stops_the_program)
{
    int sum = 2 + 2;
    FLY_ASSERT(sum == 4);
    FLY_ASSERT(sum == 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *statuses = fly_test_case(suite, "statuses");
    tcase_add_test(statuses, every_status_has_a_name_a_text_and_an_sqlstate);
    tcase_add_test(statuses, no_two_statuses_share_a_name);
    tcase_add_test(statuses, a_number_that_is_no_status_has_a_name_all_the_same);

    TCase *errors = fly_test_case(suite, "errors");
    tcase_add_test(errors, setting_an_error_fills_it_and_returns_the_status);
    tcase_add_test(errors, sql_has_finer_names_and_places_and_details);
    tcase_add_test(errors, nobody_needs_to_want_the_story);
    tcase_add_test(errors, an_error_of_the_system_carries_its_number_and_its_words);
    tcase_add_test(errors, prefixes_pile_up_in_front);
    tcase_add_test(errors, a_prefix_without_a_story_tells_what_the_status_means);
    tcase_add_test(errors, a_prefix_may_give_the_trouble_another_name);
    tcase_add_test(errors, an_sqlstate_that_a_layer_knew_better_survives_a_prefix);
    tcase_add_test(errors, long_messages_are_cut_and_stay_strings);

    TCase *spans = fly_test_case(suite, "spans");
    tcase_add_test(spans, spans_order_as_their_bytes_do_and_a_prefix_comes_first);
    tcase_add_test(spans, an_empty_span_may_be_null);

    TCase *assertions = fly_test_case(suite, "assertions");
    tcase_add_test_raise_signal(assertions, a_broken_promise_stops_the_program, SIGABRT);
    return fly_test_run(suite);
}
