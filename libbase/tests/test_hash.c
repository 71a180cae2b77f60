/*
 * Goal: the hash spreads, depends on every bit, reads nothing beyond its input; the generator is
 * decided by its seed and has no bias that a table or a test would notice.
 * Method: avalanche counts, bucket counts, and exact repetition. The bounds are wide (six standard
 * deviations and more): they catch a broken mix, not a mediocre one.
 */
#include <fly/base_hash.h>

#include <fly/base_check.h>

#include <stdlib.h>
#include <string.h>

START_TEST(equal_bytes_hash_equal_and_seed_and_length_matter)
{
    ck_assert_uint_eq(fly_hash("fly", 3, 1), fly_hash("fly", 3, 1));
    ck_assert_uint_ne(fly_hash("fly", 3, 1), fly_hash("fly", 3, 2));
    uint8_t zeros[64] = {0};
    for (size_t a = 0; a <= sizeof zeros; a++) {
        for (size_t b = 0; b < a; b++) {
            ck_assert_uint_ne(fly_hash(zeros, a, 0), fly_hash(zeros, b, 0));
        }
    }
}
END_TEST

/* Each length is hashed at the end of a block of its own, where ASan guards the next byte. */
START_TEST(only_the_input_is_read_and_all_of_it)
{
    for (size_t len = 1; len <= 70; len++) {
        uint8_t *bytes = malloc(len);
        ck_assert_ptr_nonnull(bytes);
        memset(bytes, 0x5a, len);
        uint64_t before = fly_hash(bytes, len, 0);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_msg(fly_hash(bytes, len, 0) != before, "length %zu, bit %zu", len, bit);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(bytes);
    }
    ck_assert_uint_eq(fly_hash(NULL, 0, 5), fly_hash("", 0, 5));
}
END_TEST

START_TEST(a_flipped_bit_changes_half_of_the_hash)
{
    fly_rng rng;
    fly_rng_init(&rng, 4);
    const size_t lengths[] = {3, 8, 12, 16, 17, 40};
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        uint64_t changed = 0;
        enum { TRIALS = 4000 };
        for (int i = 0; i < TRIALS; i++) {
            uint8_t bytes[40];
            for (size_t k = 0; k < sizeof bytes; k++) {
                bytes[k] = (uint8_t)fly_rng_next(&rng);
            }
            uint64_t before = fly_hash(bytes, lengths[l], 0);
            size_t bit = fly_rng_below(&rng, 8 * lengths[l]);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            changed += (uint64_t)__builtin_popcountll(before ^ fly_hash(bytes, lengths[l], 0));
        }
        double mean = (double)changed / TRIALS;
        ck_assert_msg(mean > 31.5 && mean < 32.5, "length %zu: %f bits", lengths[l], mean);
    }
}
END_TEST

START_TEST(consecutive_keys_fill_buckets_evenly)
{
    enum { BUCKETS = 256, KEYS = 256 * 200 };
    static uint32_t low[BUCKETS];
    static uint32_t high[BUCKETS];
    static uint32_t mixed[BUCKETS];
    for (uint64_t key = 0; key < KEYS; key++) {
        uint64_t hash = fly_hash(&key, sizeof key, 0);
        low[hash % BUCKETS]++;
        high[hash >> 56]++;
        mixed[fly_hash_u64(key) % BUCKETS]++;
    }
    for (int i = 0; i < BUCKETS; i++) { /* 200 expected, standard deviation 14 */
        ck_assert_uint_gt(low[i], 100);
        ck_assert_uint_lt(low[i], 300);
        ck_assert_uint_gt(high[i], 100);
        ck_assert_uint_lt(high[i], 300);
        ck_assert_uint_gt(mixed[i], 100);
        ck_assert_uint_lt(mixed[i], 300);
    }
}
END_TEST

START_TEST(one_seed_one_sequence)
{
    fly_rng a;
    fly_rng b;
    fly_rng other;
    fly_rng_init(&a, 42);
    fly_rng_init(&b, 42);
    fly_rng_init(&other, 43);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = fly_rng_next(&a);
        ck_assert_uint_eq(x, fly_rng_next(&b));
        same += x == fly_rng_next(&other);
    }
    ck_assert_int_eq(same, 0);
}
END_TEST

START_TEST(seed_zero_is_a_seed)
{
    fly_rng rng;
    fly_rng_init(&rng, 0);
    uint64_t any = 0;
    for (int i = 0; i < 10; i++) {
        any |= fly_rng_next(&rng);
    }
    ck_assert_uint_ne(any, 0);
}
END_TEST

START_TEST(numbers_below_a_bound_are_below_it_and_all_occur)
{
    fly_rng rng;
    fly_rng_init(&rng, 5);
    uint32_t counts[10] = {0};
    for (int i = 0; i < 10000; i++) {
        uint64_t x = fly_rng_below(&rng, 10);
        ck_assert_uint_lt(x, 10);
        counts[x]++;
    }
    for (int i = 0; i < 10; i++) { /* 1000 expected, standard deviation 30 */
        ck_assert_uint_gt(counts[i], 800);
        ck_assert_uint_lt(counts[i], 1200);
    }
    ck_assert_uint_eq(fly_rng_below(&rng, 1), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hash");
    TCase *hash = fly_test_case(suite, "hash");
    tcase_add_test(hash, equal_bytes_hash_equal_and_seed_and_length_matter);
    tcase_add_test(hash, only_the_input_is_read_and_all_of_it);
    tcase_add_test(hash, a_flipped_bit_changes_half_of_the_hash);
    tcase_add_test(hash, consecutive_keys_fill_buckets_evenly);

    TCase *rng = fly_test_case(suite, "generator");
    tcase_add_test(rng, one_seed_one_sequence);
    tcase_add_test(rng, seed_zero_is_a_seed);
    tcase_add_test(rng, numbers_below_a_bound_are_below_it_and_all_occur);
    return fly_test_run(suite);
}
