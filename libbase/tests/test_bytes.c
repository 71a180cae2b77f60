/*
 * Goal: numbers become the bytes that the formats promise, on every machine, and come back.
 * Method: bytes written by hand; round trips of random numbers at odd addresses; rubbish varints.
 */
#include <fly/base_bytes.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>

#include <string.h>

static const uint8_t counting[8] = {1, 2, 3, 4, 5, 6, 7, 8};

START_TEST(little_endian_puts_the_lowest_byte_first)
{
    uint8_t bytes[8] = {0};
    ck_assert_uint_eq(fly_get_u16(counting), 0x0201);
    ck_assert_uint_eq(fly_get_u32(counting), 0x04030201);
    ck_assert_uint_eq(fly_get_u64(counting), 0x0807060504030201);
    fly_put_u16(bytes, 0x0201);
    ck_assert_mem_eq(bytes, counting, 2);
    fly_put_u32(bytes, 0x04030201);
    ck_assert_mem_eq(bytes, counting, 4);
    fly_put_u64(bytes, 0x0807060504030201);
    ck_assert_mem_eq(bytes, counting, 8);
}
END_TEST

START_TEST(big_endian_puts_the_highest_byte_first)
{
    uint8_t bytes[8] = {0};
    ck_assert_uint_eq(fly_get_u16be(counting), 0x0102);
    ck_assert_uint_eq(fly_get_u32be(counting), 0x01020304);
    ck_assert_uint_eq(fly_get_u64be(counting), 0x0102030405060708);
    fly_put_u16be(bytes, 0x0102);
    ck_assert_mem_eq(bytes, counting, 2);
    fly_put_u32be(bytes, 0x01020304);
    ck_assert_mem_eq(bytes, counting, 4);
    fly_put_u64be(bytes, 0x0102030405060708);
    ck_assert_mem_eq(bytes, counting, 8);
}
END_TEST

START_TEST(any_address_will_do_and_neighbours_are_left_alone)
{
    fly_rng rng;
    fly_rng_init(&rng, 1);
    for (size_t at = 1; at <= 8; at++) {
        uint8_t bytes[24];
        uint64_t x = fly_rng_next(&rng);
        memset(bytes, 0xee, sizeof bytes);
        fly_put_u64(bytes + at, x);
        ck_assert_uint_eq(fly_get_u64(bytes + at), x);
        fly_put_u64be(bytes + at, x);
        ck_assert_uint_eq(fly_get_u64be(bytes + at), x);
        fly_put_u32(bytes + at, (uint32_t)x);
        ck_assert_uint_eq(fly_get_u32(bytes + at), (uint32_t)x);
        ck_assert_uint_eq(bytes[at - 1], 0xee);
        ck_assert_uint_eq(bytes[at + 8], 0xee);
    }
}
END_TEST

static const struct {
    uint64_t number;
    const char *bytes;
    size_t size;
} varints[] = {
    {0, "\x00", 1},
    {1, "\x01", 1},
    {127, "\x7f", 1},
    {128, "\x80\x01", 2},
    {300, "\xac\x02", 2},
    {16383, "\xff\x7f", 2},
    {16384, "\x80\x80\x01", 3},
    {UINT32_MAX, "\xff\xff\xff\xff\x0f", 5},
    {INT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9},
    {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
};

START_TEST(varints_are_what_the_format_says)
{
    uint8_t bytes[FLY_VARINT_SIZE_MAX];
    uint64_t x = 0;
    ck_assert_uint_eq(fly_put_varint(bytes, varints[_i].number), varints[_i].size);
    ck_assert_mem_eq(bytes, varints[_i].bytes, varints[_i].size);
    ck_assert_uint_eq(fly_varint_size(varints[_i].number), varints[_i].size);
    ck_assert_uint_eq(fly_get_varint(bytes, sizeof bytes, &x), varints[_i].size);
    ck_assert_uint_eq(x, varints[_i].number);
}
END_TEST

START_TEST(a_varint_cut_short_is_refused)
{
    uint8_t bytes[FLY_VARINT_SIZE_MAX];
    uint64_t x = 99;
    size_t size = fly_put_varint(bytes, varints[_i].number);
    for (size_t len = 0; len < size; len++) {
        ck_assert_uint_eq(fly_get_varint(bytes, len, &x), 0);
    }
    ck_assert_uint_eq(x, 99);
}
END_TEST

START_TEST(a_varint_of_more_than_64_bits_is_refused)
{
    uint64_t x = 99;
    uint8_t eleven[11] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01};
    ck_assert_uint_eq(fly_get_varint(eleven, sizeof eleven, &x), 0);
    uint8_t bit_64[10] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02};
    ck_assert_uint_eq(fly_get_varint(bit_64, sizeof bit_64, &x), 0);
    ck_assert_uint_eq(x, 99);
}
END_TEST

START_TEST(random_numbers_survive_as_varints)
{
    fly_rng rng;
    fly_rng_init(&rng, 2);
    for (int i = 0; i < 10000; i++) {
        uint64_t number = fly_rng_next(&rng) >> fly_rng_below(&rng, 64);
        uint64_t x = 0;
        uint8_t bytes[FLY_VARINT_SIZE_MAX];
        size_t size = fly_put_varint(bytes, number);
        ck_assert_uint_eq(fly_get_varint(bytes, size, &x), size);
        ck_assert_uint_eq(x, number);
        ck_assert_uint_eq(fly_varint_size(number), size);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bytes");
    TCase *fixed = fly_test_case(suite, "fixed width");
    tcase_add_test(fixed, little_endian_puts_the_lowest_byte_first);
    tcase_add_test(fixed, big_endian_puts_the_highest_byte_first);
    tcase_add_test(fixed, any_address_will_do_and_neighbours_are_left_alone);

    TCase *varint = fly_test_case(suite, "varints");
    int rows = (int)(sizeof varints / sizeof varints[0]);
    tcase_add_loop_test(varint, varints_are_what_the_format_says, 0, rows);
    tcase_add_loop_test(varint, a_varint_cut_short_is_refused, 0, rows);
    tcase_add_test(varint, a_varint_of_more_than_64_bits_is_refused);
    tcase_add_test(varint, random_numbers_survive_as_varints);
    return fly_test_run(suite);
}
