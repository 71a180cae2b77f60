/*
 * Goal: docs/errors.md tells the truth. Method: read its table; every status has one row, in the
 * order of fly/base.h, with the name, SQLSTATE and text that libbase gives it.
 */
#include <check.h>
#include <fly/base.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(every_status_has_its_row_in_the_documentation)
{
    FILE *page = fopen(ERRORS_MD, "r");
    ck_assert_msg(page != NULL, "cannot read %s", ERRORS_MD);

    int status = 0;
    char row[512];
    while (fgets(row, sizeof row, page) != NULL) {
        if (strncmp(row, "| `FLY_", 7) != 0) {
            continue;
        }
        ck_assert_msg(status < FLY_STATUS_COUNT, "a row too many: %s", row);
        fly_status known = (fly_status)status++;
        char expected[256];
        (void)snprintf(expected, sizeof expected, "| `FLY_%s` | `%s` | %s | ",
                       fly_status_name(known), fly_status_sqlstate(known), fly_status_text(known));
        ck_assert_msg(strncmp(row, expected, strlen(expected)) == 0, "expected %s, found %s",
                      expected, row);
    }
    ck_assert_int_eq(status, FLY_STATUS_COUNT);
    (void)fclose(page);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errors_table");
    TCase *tests = tcase_create("docs");
    tcase_add_test(tests, every_status_has_its_row_in_the_documentation);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
