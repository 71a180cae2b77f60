/*
 * Goal: paths find in jsonb what PostgreSQL's find, and print as its paths do.
 * Method: a table of cases whose results PostgreSQL 15 gave (jsonpath_cases.inc); paths at random.
 */
#include "jsonpath_eval.h"

#include <fly/base_check.h>
#include <fly/base_hash.h>

static fly_account account;
static fly_arena arena;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_arena_init(&arena, &account.mem, 0);
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static const char *const cases[][4] = {
#include "jsonpath_cases.inc"
};

START_TEST(every_case_gives_what_postgresql_gave)
{
    static char out[100000];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *c = cases[i];
        size_t n = jsonpath_eval(c[0], c[1], c[2], &account.mem, &arena, out);
        out[n] = '\0';
        if (strcmp(out, c[3]) != 0) {
            ck_abort_msg("%s(%s, %s) gave %s, not %s", c[0], c[1], c[2], out, c[3]);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(paths_of_anything_do_no_harm)
{
    static const char *const pieces[] = {
        "$",    ".a",   "[*]",  "[0 to last]", "?(",           ")",
        "@",    " == ", " && ", "1",           "\"a\"",        ".**",
        "(",    "!",    " + ",  "-",           ".size()",      "exists(",
        "last", "[",    "]",    "strict ",     " like_regex ", " is unknown",
        ".*",   "$x",   "\\",   "null",        " starts with "};
    static const char value[] = "{\"a\":[1,\"a\",{\"a\":2}],\"b\":null}";
    static char out[100000];
    fly_rng rng;
    fly_rng_init(&rng, 12);
    for (int i = 0; i < 30000; i++) {
        char path[200] = "";
        size_t n = 1 + (size_t)fly_rng_below(&rng, 8);
        for (size_t j = 0; j < n; j++) {
            strcat(path, pieces[fly_rng_below(&rng, sizeof pieces / sizeof pieces[0])]);
        }
        (void)jsonpath_eval(i % 2 == 0 ? "query" : "path", value, path, &account.mem, &arena, out);
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(nesting_has_a_limit)
{
    static char path[5000], out[2000];
    memset(path, '(', sizeof path - 1);
    size_t n = jsonpath_eval("path", "1", path, &account.mem, &arena, out);
    out[n] = '\0';
    ck_assert_str_eq(out, "54001 stack depth limit exceeded");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jsonpath");
    TCase *tests = fly_test_case(suite, "jsonpath");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_case_gives_what_postgresql_gave);
    tcase_add_test(tests, paths_of_anything_do_no_harm);
    tcase_add_test(tests, nesting_has_a_limit);
    return fly_test_run(suite);
}
