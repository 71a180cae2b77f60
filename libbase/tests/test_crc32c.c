/*
 * Goal: the checksum is CRC32C, whichever way it was computed.
 * Method: published values; the portable way against the processor's at lengths around the block
 * sizes of the fast path (3 * 256 and 3 * 1024 bytes), at odd addresses, and in pieces.
 */
#include <fly/base_hash.h>

#include <fly/base_check.h>

#include <string.h>

enum { BUFFER = 16384 };

static uint8_t buffer[BUFFER];

static void fill_buffer(void)
{
    fly_rng rng;
    fly_rng_init(&rng, 3);
    for (size_t i = 0; i < BUFFER; i++) {
        buffer[i] = (uint8_t)fly_rng_next(&rng);
    }
}

/* RFC 3720, appendix B.4, and the check value of the parametrised model. */
START_TEST(the_published_values_come_out)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof bytes);
    ck_assert_uint_eq(fly_crc32c(0, bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    ck_assert_uint_eq(fly_crc32c(0, bytes, sizeof bytes), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    ck_assert_uint_eq(fly_crc32c(0, bytes, sizeof bytes), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    ck_assert_uint_eq(fly_crc32c(0, bytes, sizeof bytes), 0x113fdb5c);
    ck_assert_uint_eq(fly_crc32c(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(fly_crc32c_portable(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(fly_crc32c(0, "", 0), 0);
}
END_TEST

START_TEST(both_ways_agree_at_every_length_and_address)
{
    for (size_t len = 0; len <= 2 * 3 * 256 + 40; len++) {
        size_t at = len % 9;
        ck_assert_uint_eq(fly_crc32c(0, buffer + at, len),
                          fly_crc32c_portable(0, buffer + at, len));
    }
    for (size_t len = 3 * 1024 - 20; len <= 3 * 1024 + 20; len++) {
        ck_assert_uint_eq(fly_crc32c(7, buffer + 1, len), fly_crc32c_portable(7, buffer + 1, len));
    }
    ck_assert_uint_eq(fly_crc32c(0, buffer, BUFFER), fly_crc32c_portable(0, buffer, BUFFER));
}
END_TEST

START_TEST(the_crc_of_a_whole_is_that_of_its_parts_in_order)
{
    uint32_t whole = fly_crc32c(0, buffer, 8192);
    for (size_t cut = 0; cut <= 8192; cut += 113) {
        uint32_t first = fly_crc32c(0, buffer, cut);
        ck_assert_uint_eq(fly_crc32c(first, buffer + cut, 8192 - cut), whole);
    }
}
END_TEST

START_TEST(every_flipped_bit_of_a_page_changes_the_crc)
{
    uint32_t before = fly_crc32c(0, buffer, 8192);
    for (size_t bit = 0; bit < 8192 * 8; bit++) {
        buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_uint_ne(fly_crc32c(0, buffer, 8192), before);
        buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crc32c");
    TCase *tests = fly_test_case(suite, "crc32c");
    tcase_add_checked_fixture(tests, fill_buffer, NULL);
    tcase_add_test(tests, the_published_values_come_out);
    tcase_add_test(tests, both_ways_agree_at_every_length_and_address);
    tcase_add_test(tests, the_crc_of_a_whole_is_that_of_its_parts_in_order);
    tcase_add_test(tests, every_flipped_bit_of_a_page_changes_the_crc);
    return fly_test_run(suite);
}
