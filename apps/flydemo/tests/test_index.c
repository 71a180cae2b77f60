/*
 * Goal: the index is read as apt and dpkg write it, and rubbish does no harm.
 * Method: texts in a file, read back field by field.
 */
#include "index.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static demo_index read_text(const char *text, size_t len, fly_status expected)
{
    static const char path[] = "flydemo-test-index";
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
    demo_index index;
    fly_err err = {0};
    ck_assert_int_eq(demo_index_read(path, &index, &err), expected);
    ck_assert_int_eq(remove(path), 0);
    return index;
}

static demo_index read_index(const char *text)
{
    return read_text(text, strlen(text), FLY_OK);
}

static void check_span(fly_bytes span, const char *text)
{
    ck_assert_msg(fly_bytes_equal(span, fly_bytes_str(text)), "\"%.*s\" is not \"%s\"",
                  (int)span.len, (const char *)span.data, text);
}

START_TEST(paragraphs_become_packages_in_order_of_name)
{
    demo_index index = read_index("Package: zsh\nVersion: 5.9\nInstalled-Size: 2600\n\n\n"
                                  "Version: 1\nPackage: bash\nSection: shells\n");
    ck_assert_uint_eq(index.count, 2);
    check_span(index.packages[0].name, "bash");
    check_span(index.packages[0].section, "shells");
    check_span(index.packages[0].version, "1");
    check_span(index.packages[1].name, "zsh");
    ck_assert_uint_eq(index.packages[1].size, 2600);
    demo_index_deinit(&index);
}
END_TEST

START_TEST(of_two_packages_with_one_name_the_first_counts)
{
    demo_index index =
        read_index("Package: a\nVersion: 2\n\nPackage: b\n\nPackage: a\nVersion: 3\n");
    ck_assert_uint_eq(index.count, 2);
    check_span(index.packages[0].version, "2");
    demo_index_deinit(&index);
}
END_TEST

START_TEST(needs_are_walked_through_both_fields_with_alternatives_and_relations)
{
    static const char *const expected[][2] = {
        {"libc6", ">= 2.36"}, {"dash", ""}, {"bash", ""}, {"python3", "<< 4"}, {"last", ""},
    };
    demo_index index = read_index("Package: a\nPre-Depends: libc6:any (>= 2.36)\n"
                                  "Depends: dash [amd64]|bash,,\n python3 (<< 4) ,\n\tlast\n");
    demo_needs needs = {.package = &index.packages[0]};
    demo_need need;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert(demo_needs_next(&needs, &need));
        check_span(need.name, expected[i][0]);
        check_span(need.relation, expected[i][1]);
    }
    ck_assert(!demo_needs_next(&needs, &need));
    demo_index_deinit(&index);
}
END_TEST

START_TEST(a_text_without_packages_is_refused)
{
    static const char *const texts[] = {"", "\n\n", "hello", "Package:\n", "Version: 1\n\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)read_text(texts[i], strlen(texts[i]), FLY_E_FORMAT);
    }
}
END_TEST

START_TEST(a_name_that_would_not_fit_into_a_key_is_left_out)
{
    char text[1000] = "Package: ";
    memset(text + 9, 'x', 201);
    strcpy(text + 210, "\n\nPackage: b\nDepends: ");
    size_t len = strlen(text);
    memset(text + len, 'y', 201);
    strcpy(text + len + 201, ", c (never closed\n");
    demo_index index = read_index(text);
    ck_assert_uint_eq(index.count, 1);
    demo_needs needs = {.package = &index.packages[0]};
    demo_need need;
    ck_assert(demo_needs_next(&needs, &need));
    check_span(need.name, "c");
    check_span(need.relation, "never closed");
    ck_assert(!demo_needs_next(&needs, &need));
    demo_index_deinit(&index);
}
END_TEST

START_TEST(any_bytes_can_be_read)
{
    static const char alphabet[] = "Package: Depends: (),|\n\n\n ab\t:";
    char text[300];
    uint32_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        memcpy(text, "Package: x\n", 11);
        for (size_t i = 11; i < sizeof text; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        demo_index index = read_text(text, sizeof text, FLY_OK);
        for (size_t i = 0; i < index.count; i++) {
            demo_needs needs = {.package = &index.packages[i]};
            demo_need need;
            while (demo_needs_next(&needs, &need)) {
                ck_assert_uint_gt(need.name.len, 0);
            }
        }
        demo_index_deinit(&index);
    }
}
END_TEST

START_TEST(made_up_packages_have_different_names)
{
    static const char path[] = "flydemo-test-made-up";
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    demo_index_generate(file, 500);
    ck_assert_int_eq(fclose(file), 0);
    demo_index index;
    ck_assert_int_eq(demo_index_read(path, &index, NULL), FLY_OK);
    ck_assert_uint_eq(index.count, 502);
    demo_index_deinit(&index);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index");
    TCase *index = tcase_create("index");
    tcase_set_timeout(index, 120); /* under a sanitizer, beside others */
    tcase_add_test(index, paragraphs_become_packages_in_order_of_name);
    tcase_add_test(index, of_two_packages_with_one_name_the_first_counts);
    tcase_add_test(index, needs_are_walked_through_both_fields_with_alternatives_and_relations);
    tcase_add_test(index, a_text_without_packages_is_refused);
    tcase_add_test(index, a_name_that_would_not_fit_into_a_key_is_left_out);
    tcase_add_test(index, any_bytes_can_be_read);
    tcase_add_test(index, made_up_packages_have_different_names);
    suite_add_tcase(suite, index);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures > 0;
}
