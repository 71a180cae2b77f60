/*
 * Goal: values are written and read by templates as PostgreSQL does it.
 * Method: a table of cases whose results PostgreSQL 15 gave (template_cases.inc); templates at random.
 */
#include "template_eval.h"

#include <fly/base_check.h>
#include <fly/base_hash.h>

static fly_account account;
static fly_arena arena;
static fly_vec_time_env env;
static fly_vec_tz *zone;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_arena_init(&arena, &account.mem, 0);
    memset(&env, 0, sizeof env);
    if (fly_vec_tz_load(fly_vfs_posix(), "/usr/share/zoneinfo", fly_bytes_str("America/New_York"),
                        &account.mem, &zone, NULL) != FLY_OK) {
        zone = NULL;
    }
    env.zone = zone;
}

static void teardown(void)
{
    fly_vec_tz_destroy(zone);
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static const char *const cases[][4] = {
#include "template_cases.inc"
};

START_TEST(every_case_gives_what_postgresql_gave)
{
    static char out[10000];
    for (size_t i = 0; zone != NULL && i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *c = cases[i];
        size_t n = template_eval(c[0], c[1], c[2], &env, &arena, out);
        out[n] = '\0';
        if (strcmp(out, c[3]) != 0) {
            ck_abort_msg("%s(%s, %s) gave %s, not %s", c[0], c[1], c[2], out, c[3]);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(templates_of_anything_do_no_harm)
{
    static const char letters[] = "YMDHISQWJCRNFTPLSVEBG09.,\"\\ -:xaydmonth24";
    fly_rng rng;
    fly_rng_init(&rng, 8);
    for (int i = 0; i < 50000; i++) {
        char format[24], text[24];
        size_t n = (size_t)fly_rng_below(&rng, sizeof format), m = (size_t)fly_rng_below(&rng, 20);
        for (size_t j = 0; j < n; j++) {
            format[j] = letters[fly_rng_below(&rng, sizeof letters - 1)];
        }
        for (size_t j = 0; j < m; j++) {
            text[j] = "0123456789 -:./,abcJanMon"[fly_rng_below(&rng, 25)];
        }
        fly_bytes f = fly_bytes_of(format, n), t = fly_bytes_of(text, m);
        fly_vec_interval span = {(int64_t)fly_rng_next(&rng), 5, -7};
        fly_vec_str out, number;
        int64_t stamp;
        int32_t date;
        FLY_IGNORE(fly_vec_timestamptz_to_char((int64_t)fly_rng_below(&rng, 1u << 30) * 1000003,
                                               zone, f, &arena, &out, NULL));
        FLY_IGNORE(fly_vec_interval_to_char(span, f, &arena, &out, NULL));
        FLY_IGNORE(fly_vec_to_timestamp(t, f, &env, &stamp, NULL));
        FLY_IGNORE(fly_vec_to_date(t, f, &date, NULL));
        FLY_IGNORE(fly_vec_to_number(t, f, &arena, &number, NULL));
        FLY_IGNORE(fly_vec_f64_to_char((double)i * 1.37 - 9000, f, &arena, &out, NULL));
        fly_arena_reset(&arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("template");
    TCase *tests = fly_test_case(suite, "template");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_case_gives_what_postgresql_gave);
    tcase_add_test(tests, templates_of_anything_do_no_harm);
    return fly_test_run(suite);
}
