/*
 * Goal: digests and HMACs are those of the standards; base64 takes what it gives and nothing else.
 * Method: published vectors (RFC 1321, FIPS 180-4's examples, RFC 4231, RFC 4648), and forgeries.
 */
#include "auth_int.h"

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <stdio.h>
#include <string.h>

static fly_err err;

static void hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

static const struct {
    fly_auth_hash hash;
    const char *data, *digest;
} digests[] = {
    {FLY_AUTH_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
    {FLY_AUTH_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
    {FLY_AUTH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {FLY_AUTH_SHA224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
    {FLY_AUTH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {FLY_AUTH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {FLY_AUTH_SHA384, "abc",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c82"
     "5"
     "a7"},
    {FLY_AUTH_SHA512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fee"
     "b"
     "bd454d4423643ce80e2a9ac94fa54ca49f"},
};

START_TEST(digests_are_those_of_the_standards)
{
    uint8_t digest[FLY_AUTH_DIGEST_MAX];
    char text[2 * FLY_AUTH_DIGEST_MAX + 1];
    FLY_CHECK_OK(fly_auth_digest(digests[_i].hash, fly_bytes_str(digests[_i].data), digest, &err),
                 err);
    hex(digest, fly_auth_digest_size(digests[_i].hash), text);
    ck_assert_str_eq(text, digests[_i].digest);
}
END_TEST

START_TEST(no_bytes_may_have_no_address)
{
    uint8_t digest[FLY_AUTH_KEY];
    uint8_t again[FLY_AUTH_KEY];
    fly_bytes none = {0};
    FLY_CHECK_OK(fly_auth_digest(FLY_AUTH_SHA256, none, digest, &err), err);
    FLY_CHECK_OK(fly_auth_digest(FLY_AUTH_SHA256, fly_bytes_str(""), again, &err), err);
    ck_assert(fly_auth_equal(digest, again, sizeof digest));
    FLY_CHECK_OK(fly_auth_hmac(FLY_AUTH_SHA256, none, none, digest, &err), err);
    digest[0] ^= 1;
    ck_assert(!fly_auth_equal(digest, again, sizeof digest));
}
END_TEST

START_TEST(hmac_is_that_of_rfc_4231)
{
    uint8_t mac[FLY_AUTH_KEY];
    char text[2 * FLY_AUTH_KEY + 1];
    FLY_CHECK_OK(fly_auth_hmac(FLY_AUTH_SHA256, fly_bytes_str("Jefe"),
                               fly_bytes_str("what do ya want for nothing?"), mac, &err),
                 err);
    hex(mac, sizeof mac, text);
    ck_assert_str_eq(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
END_TEST

static const char *const pairs[][2] = {{"", ""},
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"fooba", "Zm9vYmE="},
                                       {"foobar", "Zm9vYmFy"},
                                       {"\xfb\xff\xbf", "+/+/"}};

START_TEST(base64_is_that_of_rfc_4648)
{
    char text[16] = "";
    uint8_t bytes[16] = {0};
    const char *plain = pairs[_i][0];
    size_t len = fly__auth_base64_encode((const uint8_t *)plain, strlen(plain), text);
    ck_assert_uint_eq(len, FLY_AUTH_BASE64_SIZE(strlen(plain)));
    ck_assert_str_eq(text, pairs[_i][1]);
    ck_assert_uint_eq(fly__auth_base64_decode(fly_bytes_str(text), bytes, sizeof bytes),
                      strlen(plain));
    ck_assert(memcmp(bytes, plain, strlen(plain)) == 0);
    if (len > 0) {
        ck_assert_uint_eq(fly__auth_base64_decode(fly_bytes_str(text), bytes, strlen(plain) - 1),
                          SIZE_MAX);
    }
}
END_TEST

static const char *const forgeries[] = {
    "Z",    "Zg",   "Zg=",      "Zh==",     "Zm9=",     "====", "=g==",
    "Z===", "Zg=g", "Zg==Zg==", "Zm 9v\n=", "Zm9v====", "Zm-v", "Zm_v"};

START_TEST(what_is_not_base64_is_refused)
{
    uint8_t bytes[16];
    ck_assert_msg(fly__auth_base64_decode(fly_bytes_str(forgeries[_i]), bytes, sizeof bytes) ==
                      SIZE_MAX,
                  "took \"%s\"", forgeries[_i]);
}
END_TEST

START_TEST(numbers_are_plain_and_bounded)
{
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("4096"), 5000), 4096);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("4096"), 4095), 0);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("4294967295"), UINT32_MAX), UINT32_MAX);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("4294967296"), UINT32_MAX), 0);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("99999999999999999999"), UINT32_MAX), 0);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str(""), 10), 0);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("07"), 10), 0);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("+7"), 10), 0);
    ck_assert_uint_eq(fly__auth_number(fly_bytes_str("7 "), 10), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("digests");
    TCase *tests = fly_test_case(suite, "vectors");
    tcase_add_loop_test(tests, digests_are_those_of_the_standards, 0,
                        sizeof digests / sizeof digests[0]);
    tcase_add_test(tests, no_bytes_may_have_no_address);
    tcase_add_test(tests, hmac_is_that_of_rfc_4231);
    tcase_add_loop_test(tests, base64_is_that_of_rfc_4648, 0, sizeof pairs / sizeof pairs[0]);
    tcase_add_loop_test(tests, what_is_not_base64_is_refused, 0,
                        sizeof forgeries / sizeof forgeries[0]);
    tcase_add_test(tests, numbers_are_plain_and_bounded);
    return fly_test_run(suite);
}
