/*
 * Goal: strings are cut, padded, quoted and encoded as PostgreSQL does it.
 * Method: a table of cases whose results PostgreSQL 15 gave (text_cases.inc); what goes out comes back in,
 * for encodings and UUIDs.
 */
#include "text_eval.h"

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

static const char *const cases[][5] = {
#include "text_cases.inc"
};

START_TEST(every_case_gives_what_postgresql_gave)
{
    static char out[10000];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *c = cases[i];
        size_t n = text_eval(c[0], c[1], c[2], c[3], &arena, out);
        out[n] = '\0';
        if (strcmp(out, c[4]) != 0) {
            ck_abort_msg("%s(%s, %s, %s) gave %s, not %s", c[0], c[1], c[2], c[3], out, c[4]);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(what_was_encoded_is_decoded)
{
    static const char *const encodings[] = {"hex", "base64", "escape"};
    fly_rng rng;
    fly_rng_init(&rng, 2);
    for (int i = 0; i < 3000; i++) {
        uint8_t bytes[200];
        size_t n = (size_t)fly_rng_below(&rng, sizeof bytes);
        for (size_t j = 0; j < n; j++) {
            bytes[j] = (uint8_t)fly_rng_next(&rng);
        }
        fly_bytes encoding = fly_bytes_str(encodings[i % 3]);
        fly_vec_str text, back;
        FLY_CHECK_OK(fly_vec_encode(fly_bytes_of(bytes, n), encoding, &arena, &text, &err), err);
        FLY_CHECK_OK(fly_vec_decode(fly_vec_str_bytes(&text), encoding, &arena, &back, &err), err);
        if (!fly_bytes_equal(fly_vec_str_bytes(&back), fly_bytes_of(bytes, n))) {
            ck_abort_msg("round %d", i);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(uuids_sort_as_integers)
{
    static const char *const rising[] = {
        "00000000-0000-0000-0000-000000000000", "7fffffff-ffff-ffff-ffff-ffffffffffff",
        "80000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"};
    fly_vec_i128 last = 0, x;
    for (int i = 0; i < 4; i++) {
        FLY_CHECK_OK(fly_vec_uuid_parse(fly_bytes_str(rising[i]), &x, &err), err);
        ck_assert(i == 0 || x > last);
        last = x;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = fly_test_case(suite, "text");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_case_gives_what_postgresql_gave);
    tcase_add_test(tests, what_was_encoded_is_decoded);
    tcase_add_test(tests, uuids_sort_as_integers);
    return fly_test_run(suite);
}
