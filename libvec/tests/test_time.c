/*
 * Goal: dates, times and intervals are read, counted and written as PostgreSQL does; zones are read from
 * files that are not trusted.
 * Method: a table of cases whose results PostgreSQL 15 gave (time_cases.inc); every day of a long span for
 * the calendar; a zone's file cut off and with bytes changed, for the decoder.
 */
#define _GNU_SOURCE /* strncasecmp() */
#include "time_eval.h"

#include <fly/base_check.h>
#include <fly/base_hash.h>

static fly_account account;
static fly_arena arena;
static time_world world;
static fly_err err;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_arena_init(&arena, &account.mem, 0);
    world_init(&world, &account.mem);
    memset(&err, 0, sizeof err);
}

static void teardown(void)
{
    world_deinit(&world);
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static const char *const cases[][5] = {
#include "time_cases.inc"
};

START_TEST(every_case_gives_what_postgresql_gave)
{
    if (world.env.zone == NULL) {
        return; /* no tzdata on this machine */
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *c = cases[i];
        char out[1200];
        size_t n = time_eval(c[0], c[1], c[2], c[3], &world, &arena, out);
        out[n] = '\0';
        if (strcmp(out, c[4]) != 0) {
            ck_abort_msg("%s(%s, %s, %s) gave %s, not %s", c[0], c[1], c[2], c[3], out, c[4]);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(days_and_dates_are_one_to_one)
{
    fly_vec_civil c = {.year = -4712, .month = 1, .day = 1}, next;
    int64_t first = fly_vec_civil_days(-4712, 1, 1);
    for (int64_t day = first; day < first + 4000000; day++) {
        fly_vec_days_civil(day, &next);
        if (next.year != c.year || next.month != c.month || next.day != c.day ||
            fly_vec_civil_days(c.year, c.month, c.day) != day) {
            ck_abort_msg("day %lld", (long long)day);
        }
        c.day++;
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (c.year % 4 == 0 && c.year % 100 != 0) || c.year % 400 == 0;
        if (c.day > days[c.month - 1] + (c.month == 2 && leap)) {
            c.day = 1;
            c.month++;
        }
        if (c.month > 12) {
            c.month = 1;
            c.year++;
        }
    }
    ck_assert_int_eq(fly_vec_weekday(0), 4);
    ck_assert_int_eq(fly_vec_weekday(-4), 0);
}
END_TEST

/* start, end, start, end; bit i of nulls: value i is unknown. Answers of PostgreSQL 15. */
static const struct {
    int v[4];
    unsigned nulls;
    int want;
} overlaps[] = {
    {{1, 5, 4, 9}, 0, 1},   {{1, 5, 5, 9}, 0, 0},  {{5, 1, 9, 4}, 0, 1},  {{1, 1, 1, 1}, 0, 1},
    {{1, 5, 1, 1}, 0, 1},   {{4, 9, 1, 5}, 0, 1},  {{6, 9, 1, 5}, 0, 0},  {{1, 5, 3, 0}, 8, 1},
    {{1, 5, 6, 0}, 8, -1},  {{1, 0, 3, 9}, 2, -1}, {{0, 5, 3, 9}, 1, 1},  {{0, 0, 3, 9}, 3, -1},
    {{10, 0, 3, 9}, 2, -1}, {{4, 0, 3, 9}, 2, 1},  {{4, 4, 4, 0}, 8, -1},
};

START_TEST(spans_overlap_as_in_postgresql)
{
    const int *v = overlaps[_i].v;
    ck_assert_int_eq(fly_vec_overlaps(v[0], v[1], v[2], v[3], overlaps[_i].nulls),
                     overlaps[_i].want);
}
END_TEST

START_TEST(a_timetz_packs_into_an_integer_that_sorts)
{
    fly_vec_timetz a = {3600000000, -7200}, b = {3600000000, 7200}, c;
    c = fly_vec_timetz_unpack(fly_vec_timetz_pack(a));
    ck_assert(c.micros == a.micros && c.west == a.west);
    c = fly_vec_timetz_unpack(fly_vec_timetz_pack(b));
    ck_assert(c.micros == b.micros && c.west == b.west);
    ck_assert(fly_vec_timetz_pack(a) < fly_vec_timetz_pack(b));
}
END_TEST

START_TEST(a_posix_specification_makes_a_zone)
{
    fly_vec_tz *tz;
    fly_vec_tz_info info;
    FLY_CHECK_OK(fly_vec_tz_load(fly_vfs_posix(), "/nowhere",
                                 fly_bytes_str("EST5EDT,M3.2.0,M11.1.0"), &account.mem, &tz, &err),
                 err);
    fly_vec_tz_at(tz, 1710053999, &info); /* one second before the clocks change in 2024 */
    ck_assert_int_eq(info.east, -18000);
    ck_assert_str_eq(info.abbrev, "EST");
    fly_vec_tz_at(tz, 1710054000, &info);
    ck_assert_int_eq(info.east, -14400);
    ck_assert(info.dst);
    ck_assert_int_eq(fly_vec_tz_local(tz, 1710037800), -18000); /* 02:30 that does not exist */
    fly_vec_tz_destroy(tz);
    FLY_CHECK_OK(fly_vec_tz_fixed(-12600, &account.mem, &tz, &err), err);
    ck_assert_str_eq(fly_vec_tz_name(tz), "<-03:30>+03:30");
    fly_vec_tz_destroy(tz);
    FLY_CHECK(fly_vec_tz_load(fly_vfs_posix(), "/nowhere", fly_bytes_str("../etc/passwd"),
                              &account.mem, &tz, &err),
              FLY_E_NOT_FOUND, err);
    ck_assert_str_eq(err.message, "time zone \"../etc/passwd\" not recognized");
}
END_TEST

/* A file of version 2 with one change in 1970 and a rule, made by hand. */
static size_t make_file(uint8_t *out)
{
    static const char header[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                 "\0\0\0\0\0\0\0\0\0\0\0\0";
    static const char v1[] = "\0\0\0\0\0\0\0\1\0\0\0\4" /* no changes, one type, four letters */
                             "\0\0\0\0\0\0UTC\0";
    static const char v2[] = "\0\0\0\1\0\0\0\2\0\0\0\10"
                             "\0\0\0\0\0\0\0\1\1"
                             "\0\0\0\0\0\0\0\0\16\20\0\4UTC\0ABC\0"
                             "\nABC-1\n";
    memcpy(out, header, 32);
    memcpy(out + 32, v1, 22);
    memcpy(out + 54, header, 32);
    memcpy(out + 86, v2, sizeof v2 - 1);
    return 86 + sizeof v2 - 1;
}

START_TEST(a_damaged_zone_file_is_refused_or_harmless)
{
    uint8_t file[256], copy[256];
    size_t n = make_file(file);
    fly_vec_tz *tz;
    fly_vec_tz_info info;
    FLY_CHECK_OK(
        fly_vec_tz_decode(fly_bytes_of(file, n), fly_bytes_str("x"), &account.mem, &tz, &err), err);
    fly_vec_tz_at(tz, 0, &info);
    ck_assert_int_eq(info.east, 0);
    fly_vec_tz_at(tz, 1, &info);
    ck_assert_int_eq(info.east, 3600);
    ck_assert_str_eq(info.abbrev, "ABC");
    fly_vec_tz_destroy(tz);
    fly_rng rng;
    fly_rng_init(&rng, 5);
    for (int i = 0; i < 20000; i++) {
        size_t len = i < (int)n ? (size_t)i : n;
        memcpy(copy, file, n);
        for (int j = 0; i >= (int)n && j < 3; j++) {
            copy[fly_rng_below(&rng, n)] = (uint8_t)fly_rng_next(&rng);
        }
        uint8_t *exact = malloc(len > 0 ? len : 1);
        memcpy(exact, copy, len);
        if (fly_vec_tz_decode(fly_bytes_of(exact, len), fly_bytes_str("x"), &account.mem, &tz,
                              NULL) == FLY_OK) {
            fly_vec_tz_at(tz, 1700000000, &info);
            (void)fly_vec_tz_local(tz, 1700000000);
            fly_vec_tz_destroy(tz);
        }
        free(exact);
    }
}
END_TEST

START_TEST(a_text_of_anything_is_read_or_refused)
{
    static const char letters[] = "0123456789:-/. +apmTJbcZxW,PYMDHS@ago";
    fly_rng rng;
    fly_rng_init(&rng, 9);
    for (int i = 0; i < 100000; i++) {
        char text[64];
        size_t n = (size_t)fly_rng_below(&rng, 30);
        for (size_t j = 0; j < n; j++) {
            text[j] = letters[fly_rng_below(&rng, sizeof letters - 1)];
        }
        fly_bytes t = fly_bytes_of(text, n);
        int64_t stamp;
        int32_t date;
        fly_vec_timetz zoned;
        fly_vec_interval span;
        FLY_IGNORE(fly_vec_timestamptz_parse(t, &world.env, &stamp, NULL));
        FLY_IGNORE(fly_vec_date_parse(t, &world.env, &date, NULL));
        FLY_IGNORE(fly_vec_timetz_parse(t, &world.env, &zoned, NULL));
        FLY_IGNORE(fly_vec_interval_parse(t, &world.env, 0, &span, NULL));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("time");
    TCase *tests = fly_test_case(suite, "time");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_case_gives_what_postgresql_gave);
    tcase_add_test(tests, days_and_dates_are_one_to_one);
    tcase_add_loop_test(tests, spans_overlap_as_in_postgresql, 0,
                        (int)(sizeof overlaps / sizeof overlaps[0]));
    tcase_add_test(tests, a_timetz_packs_into_an_integer_that_sorts);
    tcase_add_test(tests, a_posix_specification_makes_a_zone);
    tcase_add_test(tests, a_damaged_zone_file_is_refused_or_harmless);
    tcase_add_test(tests, a_text_of_anything_is_read_or_refused);
    return fly_test_run(suite);
}
