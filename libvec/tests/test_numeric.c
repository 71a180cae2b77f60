/*
 * Goal: numerics count, round and print as PostgreSQL's, keys sort as values do, and bytes from outside
 * are told from numerics.
 * Method: a table of cases whose results PostgreSQL 15 gave (numeric_cases.inc); numbers at random for keys,
 * hashes and conversions, where a second way to the same answer exists; forgeries for the checker.
 */
#include "numeric_eval.h"

#include <fly/base_check.h>
#include <fly/base_hash.h>

static fly_account account;
static fly_arena arena;
static fly_err err;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_arena_init(&arena, &account.mem, 0);
    memset(&err, 0, sizeof err);
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static fly_vec_str num(const char *text)
{
    fly_vec_str x;
    ck_assert_msg(fly_vec_numeric_parse(fly_bytes_str(text), &arena, &x, &err) == FLY_OK, "%s: %s",
                  text, err.message);
    return x;
}

static const char *text(fly_vec_str s)
{
    char *copy = fly_arena_alloc(&arena, (size_t)s.len + 1);
    memcpy(copy, fly_vec_str_data(&s), s.len);
    copy[s.len] = '\0';
    return copy;
}

static const char *shown(fly_vec_str x)
{
    fly_vec_str out;
    ck_assert_int_eq(fly_vec_numeric_format(x, &arena, &out, &err), FLY_OK);
    return text(out);
}

static const char *const cases[][6] = {
#include "numeric_cases.inc"
};

START_TEST(every_case_gives_what_postgresql_gave)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *c = cases[i];
        fly_vec_str out;
        numeric_eval(c[0], c[1], c[2], c[3], c[4], &arena, &out);
        ck_assert_msg(strcmp(text(out), c[5]) == 0, "%s(%s, %s, %s, %s) gave %s, not %s", c[0],
                      c[1], c[2], c[3], c[4], text(out), c[5]);
        fly_arena_reset(&arena);
    }
}
END_TEST

/* A number of any size, often with digits in common with others. */
static fly_vec_str any(fly_rng *rng)
{
    static const char *const special[] = {"NaN", "Infinity", "-Infinity", "0", "0.000", "-0.1"};
    char digits[80];
    size_t n = 0;
    if (fly_rng_below(rng, 12) == 0) {
        return num(special[fly_rng_below(rng, 6)]);
    }
    if (fly_rng_below(rng, 2) == 0) {
        digits[n++] = '-';
    }
    size_t before = 1 + (size_t)fly_rng_below(rng, 12), behind = (size_t)fly_rng_below(rng, 12);
    for (size_t i = 0; i < before; i++) {
        digits[n++] = "0019"[fly_rng_below(rng, 4)];
    }
    digits[n++] = '.';
    for (size_t i = 0; i < behind; i++) {
        digits[n++] = "0019"[fly_rng_below(rng, 4)];
    }
    (void)snprintf(digits + n, 8, "e%d", (int)fly_rng_below(rng, 9) - 4);
    return num(digits);
}

START_TEST(keys_sort_as_values_and_come_back)
{
    fly_rng rng;
    fly_rng_init(&rng, 7);
    for (int i = 0; i < 3000; i++) {
        fly_vec_str x = any(&rng), y = any(&rng), back;
        uint8_t kx[64], ky[64];
        size_t nx = fly_vec_numeric_key_encode(x, kx), ny = fly_vec_numeric_key_encode(y, ky), used;
        ck_assert_uint_eq(nx, fly_vec_numeric_key_size(x));
        int order = fly_vec_numeric_cmp(x, y);
        int keys = memcmp(kx, ky, nx < ny ? nx : ny);
        ck_assert_msg((order > 0) == (keys > 0) && (order < 0) == (keys < 0), "%s against %s",
                      shown(x), shown(y));
        ck_assert(order != 0 ||
                  (nx == ny && fly_vec_numeric_hash(x, 3) == fly_vec_numeric_hash(y, 3)));
        kx[nx] = 0x77;
        ck_assert_int_eq(
            fly_vec_numeric_key_decode(fly_bytes_of(kx, nx + 1), &arena, &back, &used, &err),
            FLY_OK);
        ck_assert_uint_eq(used, nx);
        ck_assert_int_eq(fly_vec_numeric_cmp(x, back), 0);
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(scaled_decimals_become_numerics_and_come_back)
{
    fly_rng rng;
    fly_rng_init(&rng, 11);
    for (int i = 0; i < 3000; i++) {
        fly_vec_i128 value =
            (fly_vec_i128)(((fly_vec_u128)fly_rng_next(&rng) << 64) | fly_rng_next(&rng));
        value >>= fly_rng_below(&rng, 127);
        int scale = (int)fly_rng_below(&rng, 39);
        char out[FLY_VEC_NUMBER_TEXT];
        fly_vec_str x;
        fly_vec_i128 back;
        ck_assert_int_eq(fly_vec_numeric_from_i128(value, scale, &arena, &x, &err), FLY_OK);
        ck_assert_int_eq(fly_vec_numeric_check(fly_vec_str_bytes(&x), &err), FLY_OK);
        (void)fly_vec_decimal_format(value, scale, out);
        ck_assert_str_eq(out, shown(x));
        ck_assert_int_eq(fly_vec_numeric_to_i128(x, scale, &back, &err), FLY_OK);
        ck_assert(back == value);
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(what_does_not_fit_a_scaled_decimal_is_refused)
{
    fly_vec_i128 out;
    ck_assert_int_eq(
        fly_vec_numeric_to_i128(num("170141183460469231731687303715884105727"), 0, &out, &err),
        FLY_OK);
    ck_assert_int_eq(
        fly_vec_numeric_to_i128(num("170141183460469231731687303715884105728"), 0, &out, &err),
        FLY_E_TOO_LARGE);
    ck_assert_int_eq(
        fly_vec_numeric_to_i128(num("-170141183460469231731687303715884105728"), 0, &out, &err),
        FLY_OK);
    ck_assert_int_eq(fly_vec_numeric_to_i128(num("1e30"), 9, &out, &err), FLY_E_TOO_LARGE);
    ck_assert_int_eq(fly_vec_numeric_to_i128(num("1e30000"), 0, &out, &err), FLY_E_TOO_LARGE);
    ck_assert_int_eq(fly_vec_numeric_to_i128(num("NaN"), 2, &out, &err), FLY_E_TOO_LARGE);
    ck_assert_int_eq(fly_vec_numeric_to_i128(num("-0.005"), 2, &out, &err), FLY_OK);
    ck_assert(out == -1);
    ck_assert_int_eq(fly_vec_numeric_to_i128(num("0.0000049"), 2, &out, &err), FLY_OK);
    ck_assert(out == 0);
}
END_TEST

START_TEST(averages_of_integers_show_what_postgresql_shows)
{
    fly_vec_str x;
    ck_assert_int_eq(fly_vec_numeric_avg_i128(10, 0, 3, &arena, &x, &err), FLY_OK);
    ck_assert_str_eq(shown(x), "3.3333333333333333");
    ck_assert_int_eq(fly_vec_numeric_avg_i128(600000, 2, 2, &arena, &x, &err), FLY_OK);
    ck_assert_str_eq(shown(x), "3000.0000000000000000");
    ck_assert_int_eq(
        fly_vec_numeric_spread(3, num("6"), num("14"), FLY_VEC_STDDEV_SAMP, &arena, &x, &err),
        FLY_OK);
    ck_assert_str_eq(shown(x), "1.00000000000000000000");
}
END_TEST

START_TEST(a_value_taken_out_leaves_the_others)
{
    fly_vec_numeric_agg agg;
    memset(&agg, 0, sizeof agg);
    fly_vec_str x;
    bool null;
    static const char *const values[] = {"1.5", "-20000.25", "NaN", "0.75"};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(fly_vec_numeric_agg_add(&agg, num(values[i]), true, &arena, &err), FLY_OK);
    }
    ck_assert_int_eq(fly_vec_numeric_agg_sum(&agg, &arena, &x, &null, &err), FLY_OK);
    ck_assert_str_eq(shown(x), "NaN");
    ck_assert_int_eq(fly_vec_numeric_agg_remove(&agg, num("NaN"), true, &arena, &err), FLY_OK);
    ck_assert_int_eq(fly_vec_numeric_agg_remove(&agg, num("-20000.25"), true, &arena, &err),
                     FLY_OK);
    ck_assert_int_eq(fly_vec_numeric_agg_sum(&agg, &arena, &x, &null, &err), FLY_OK);
    ck_assert_str_eq(shown(x), "2.25");
    ck_assert_int_eq(fly_vec_numeric_agg_remove(&agg, num("0.75"), true, &arena, &err),
                     FLY_E_AGAIN);
}
END_TEST

static const struct {
    const char *rule;
    const char *bytes;
    size_t len;
} forgeries[] = {
    {"N1", "\0\0", 2},         {"N1", "\0\0\0\0\1", 5},       {"N2", "\0\200\0\0\1\0", 6},
    {"N2", "\3\200\0\0", 4},   {"N2", "\1\200\1\0", 4},       {"N3", "\0\0\0\0\20\47", 6},
    {"N3", "\0\0\0\0\0\0", 6}, {"N3", "\4\0\0\0\1\0\0\0", 8}, {"N4", "\0\100\0\0", 4},
    {"N4", "\0\0\1\0", 4},     {"N5", "\0\0\377\377\1\0", 6},
};

START_TEST(each_forgery_is_told)
{
    fly_bytes b = fly_bytes_of(forgeries[_i].bytes, forgeries[_i].len);
    ck_assert_msg(fly_vec_numeric_check(b, &err) == FLY_E_CORRUPT, "%s", forgeries[_i].rule);
}
END_TEST

START_TEST(memory_that_runs_out_is_an_error)
{
    fly_vec_str x = num("3.14159265358979323846264338327950288"), out;
    for (uint64_t limit = 4200; limit < 40000; limit += 1000) {
        account.limit = limit;
        fly_status status = fly_vec_numeric_exp(x, &arena, &out, &err);
        ck_assert(status == FLY_OK || status == FLY_E_NO_MEMORY);
    }
    account.limit = 0;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("numeric");
    TCase *tests = fly_test_case(suite, "numeric");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_case_gives_what_postgresql_gave);
    tcase_add_test(tests, keys_sort_as_values_and_come_back);
    tcase_add_test(tests, scaled_decimals_become_numerics_and_come_back);
    tcase_add_test(tests, what_does_not_fit_a_scaled_decimal_is_refused);
    tcase_add_test(tests, averages_of_integers_show_what_postgresql_shows);
    tcase_add_test(tests, a_value_taken_out_leaves_the_others);
    tcase_add_loop_test(tests, each_forgery_is_told, 0,
                        (int)(sizeof forgeries / sizeof forgeries[0]));
    tcase_add_test(tests, memory_that_runs_out_is_an_error);
    return fly_test_run(suite);
}
