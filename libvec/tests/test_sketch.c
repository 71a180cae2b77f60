/*
 * The two sketches against what they promise: a Bloom filter never denies what was added and seldom
 * admits a stranger; a HyperLogLog is right within a few standard errors, from nothing to a
 * million.
 */
#include "vec_world.h"

#include <fly/vec_bloom.h>
#include <fly/vec_hash.h>
#include <fly/vec_hll.h>

static void hashes(int64_t from, int n, uint64_t *hash)
{
    int64_t data[FLY_VEC_CAPACITY];
    fly_vec v = {.kind = FLY_VEC_FLAT, .type = FLY_VEC_I64, .data = data};
    for (int k = 0; k < n; k++) {
        data[k] = from + k;
    }
    fly_vec_hash(&v, NULL, n, hash);
}

START_TEST(a_filter_denies_strangers_and_nobody_else)
{
    vec_world w;
    vec_world_init(&w, 1);
    uint64_t hash[FLY_VEC_CAPACITY];
    fly_vec_sel out[FLY_VEC_CAPACITY];
    fly_vec_bloom bloom, other;
    FLY_CHECK_OK(fly_vec_bloom_init(&bloom, 100000, &w.account.mem, &w.err), w.err);
    FLY_CHECK_OK(fly_vec_bloom_init(&other, 100000, &w.account.mem, &w.err), w.err);
    for (int64_t k = 0; k < 100; k++) {
        hashes(k * 1000, 1000, hash);
        fly_vec_bloom_add(k % 2 == 0 ? &bloom : &other, hash, 1000);
    }
    fly_vec_bloom_merge(&bloom, &other);
    int strangers = 0;
    for (int64_t k = 0; k < 100; k++) {
        hashes(k * 1000, 1000, hash);
        ck_assert_int_eq(fly_vec_bloom_select(&bloom, hash, NULL, 1000, out), 1000);
        hashes(1000000 + k * 1000, 1000, hash);
        strangers += fly_vec_bloom_select(&bloom, hash, NULL, 1000, out);
    }
    ck_assert_msg(strangers < 2000, "%d of 100,000 strangers passed", strangers);
    fly_vec_bloom_deinit(&bloom);
    fly_vec_bloom_deinit(&other);
    vec_world_deinit(&w);
}
END_TEST

START_TEST(an_empty_filter_denies_everybody)
{
    static const fly_vec_sel sel[] = {3, 8};
    vec_world w;
    vec_world_init(&w, 1);
    uint64_t hash[2];
    fly_vec_sel out[2];
    fly_vec_bloom bloom;
    FLY_CHECK_OK(fly_vec_bloom_init(&bloom, 0, &w.account.mem, &w.err), w.err);
    hashes(0, 2, hash);
    ck_assert_int_eq(fly_vec_bloom_select(&bloom, hash, sel, 2, out), 0);
    fly_vec_bloom_add(&bloom, &hash[1], 1);
    ck_assert_int_eq(fly_vec_bloom_select(&bloom, &hash[1], &sel[1], 1, out), 1);
    ck_assert_int_eq(out[0], 8);
    fly_vec_bloom_deinit(&bloom);
    vec_world_deinit(&w);
}
END_TEST

START_TEST(estimates_are_near)
{
    static const int64_t sizes[] = {1, 10, 100, 1000, 5000, 30000, 1000000};
    uint64_t hash[1000];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        fly_vec_hll whole = {{0}}, part = {{0}};
        for (int round = 0; round < 2; round++) { /* seen twice is counted once */
            for (int64_t k = 0; k < sizes[s]; k += 1000) {
                int n = sizes[s] - k < 1000 ? (int)(sizes[s] - k) : 1000;
                hashes(k, n, hash);
                fly_vec_hll_add(k % 2000 == 0 ? &whole : &part, hash, n);
            }
        }
        fly_vec_hll_merge(&whole, &part);
        double estimate = fly_vec_hll_count(&whole);
        ck_assert_msg(fabs(estimate / (double)sizes[s] - 1) < 0.1, "%f instead of %lld", estimate,
                      (long long)sizes[s]);
    }
}
END_TEST

START_TEST(nothing_is_none_and_rubbish_is_a_number)
{
    fly_vec_hll sketch = {{0}};
    ck_assert(fly_vec_hll_count(&sketch) == 0);
    memset(&sketch, 0xff, sizeof sketch);
    ck_assert(!isnan(fly_vec_hll_count(&sketch)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sketches");
    TCase *tests = fly_test_case(suite, "sketches");
    tcase_add_test(tests, a_filter_denies_strangers_and_nobody_else);
    tcase_add_test(tests, an_empty_filter_denies_everybody);
    tcase_add_test(tests, estimates_are_near);
    tcase_add_test(tests, nothing_is_none_and_rubbish_is_a_number);
    return fly_test_run(suite);
}
