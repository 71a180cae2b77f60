/*
 * Goal: what is logged comes back with the key and not without; nothing that was changed or moved is
 * handed out; no key and nonce are used twice.
 * Method: a log on the simulated disk, read back, read with other keys, and read after each byte of a
 * record was changed and the checksum made right again, which needs no key. And a second reader,
 * written from docs/formats/wal-crypto.md, which must understand what this library wrote.
 */
#include <fly/wal_crypto.h>

#include <fly/base_bytes.h>
#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR "log"

enum { SMALL = 64 << 10, RECORDS = 12, LENGTH = 37, FIRST = FLY_WAL_BLOCK };

static const fly_wal_crypto_key key = {.bytes = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                                 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                                                 23, 24, 25, 26, 27, 28, 29, 30, 31, 32},
                                       .number = 7};

static fly_sim_env world;
static fly_wal_codec *codec;
static fly_err err;
static uint8_t segment[SMALL];

static void setup(void)
{
    memset(&err, 0, sizeof err);
    fly_sim_env_init(&world, &(fly_sim_env_options){.disk.direct = true});
    FLY_CHECK_OK(fly_vfs_make_dir(world.env.vfs, DIR, &err), err);
    FLY_CHECK_OK(fly_wal_crypto_create(&world.env, &key, &codec, &err), err);
}

static void teardown(void)
{
    fly_wal_crypto_destroy(codec);
    fly_sim_env_deinit(&world);
}

static size_t length_of(uint32_t i)
{
    return i == 0 ? 0 : LENGTH + i;
}

static void fill(uint32_t i, uint8_t *payload)
{
    memset(payload, (int)('a' + i), length_of(i));
}

/* Counts the records that are as they were appended. */
static fly_status count(void *ctx, const fly_wal_record *record, fly_err *why)
{
    uint32_t *seen = ctx;
    uint8_t wanted[256];
    (void)why;
    fill(*seen, wanted);
    FLY_ASSERT(record->payload.len == length_of(*seen));
    FLY_ASSERT(record->payload.len == 0 ||
               memcmp(record->payload.data, wanted, record->payload.len) == 0);
    FLY_ASSERT(record->type == *seen);
    ++*seen;
    return FLY_OK;
}

static fly_status open_log(const fly_wal_codec *with, fly_wal **wal, uint32_t *seen)
{
    fly_wal_options options = {.segment_size = SMALL,
                               .ring_size = SMALL,
                               .in_flight = 1,
                               .codec = with,
                               .replay = count,
                               .replay_ctx = seen};
    *seen = 0;
    *wal = NULL;
    err = (fly_err){0};
    return fly_wal_open(&world.env, DIR, &options, wal, &err);
}

static fly_status append(fly_wal *wal, uint32_t i, fly_err *why)
{
    uint8_t payload[256];
    fill(i, payload);
    fly_bytes piece = fly_bytes_of(payload, length_of(i));
    return fly_wal_append(wal, 3, (uint8_t)i, 0, &piece, 1, NULL, NULL, why);
}

static void write_log(void)
{
    fly_wal *wal;
    uint32_t seen;
    FLY_CHECK_OK(open_log(codec, &wal, &seen), err);
    for (uint32_t i = 0; i < RECORDS; i++) {
        FLY_CHECK_OK(append(wal, i, &err), err);
        if (i % 3 ==
            0) { /* the last block is written again: its records must not be encrypted twice */
            FLY_CHECK_OK(fly_wal_flush(wal, UINT64_MAX, FLY_DURABILITY_FULL, &err), err);
        }
    }
    FLY_CHECK_OK(fly_wal_close(wal, &err), err);
}

static void load(uint64_t number, uint8_t *bytes)
{
    char name[FLY_WAL_NAME_MAX];
    char path[64];
    fly_wal_segment_name(number, name);
    (void)snprintf(path, sizeof path, DIR "/%s", name);
    memset(bytes, 0, SMALL);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, path, bytes, SMALL, NULL), err);
}

static void store(const uint8_t *bytes)
{
    fly_sim_disk_load(world.disk, DIR "/000000000000.wal", fly_bytes_of(bytes, SMALL));
}

/* Where record `i` begins in the first segment. */
static size_t offset_of(uint32_t i)
{
    size_t at = FIRST;
    for (uint32_t j = 0; j < i; j++) {
        at += (fly_get_u32(segment + at) + 7) / 8 * 8;
    }
    return at;
}

/* Make a record's checksum right. */
static void reseal(uint8_t *record)
{
    uint32_t crc = fly_crc32c(0, record, 4);
    fly_put_u32(record + 4, fly_crc32c(crc, record + 8, fly_get_u32(record) - 8));
}

/* ----------------------------------------------------------------------------- tests */

START_TEST(what_was_logged_comes_back)
{
    fly_wal *wal;
    uint32_t seen;
    write_log();
    FLY_CHECK_OK(open_log(codec, &wal, &seen), err);
    ck_assert_uint_eq(seen, RECORDS);
    fly_wal_abandon(wal);
}
END_TEST

START_TEST(nothing_of_it_can_be_read_in_the_file)
{
    uint8_t wanted[256];
    write_log();
    load(0, segment);
    for (uint32_t i = 1; i < RECORDS; i++) {
        fill(i, wanted);
        for (size_t at = 0; at + 8 <= SMALL; at++) {
            if (memcmp(segment + at, wanted, 8) == 0) {
                ck_abort_msg("record %u is at %zu", i, at);
            }
        }
    }
    ck_assert_uint_eq(fly_get_u32(segment + 64), FLY_WAL_CRYPTO_ID);
    ck_assert_uint_eq(fly_wal_crypto_number(segment + 72), key.number);
}
END_TEST

START_TEST(another_key_is_refused)
{
    fly_wal_crypto_key other = key;
    fly_wal_codec *wrong;
    fly_wal *wal;
    uint32_t seen;
    write_log();
    other.bytes[_i] ^= 1;
    other.number = 8;
    FLY_CHECK_OK(fly_wal_crypto_create(&world.env, &other, &wrong, &err), err);
    FLY_CHECK(open_log(wrong, &wal, &seen), FLY_E_KEY, err);
    FLY_CHECK_SAYS(err.message, "which its owner calls 7; the one that was given is 8");
    ck_assert_uint_eq(seen, 0);
    fly_wal_crypto_destroy(wrong);
    FLY_CHECK(open_log(NULL, &wal, &seen), FLY_E_KEY, err);
    FLY_CHECK_SAYS(err.message, "no key was given");
    /* And the log is as it was. */
    FLY_CHECK_OK(open_log(codec, &wal, &seen), err);
    ck_assert_uint_eq(seen, RECORDS);
    fly_wal_abandon(wal);
}
END_TEST

/* The same bytes and the same number are another key if the number is. */
START_TEST(a_key_of_another_number_is_another_key)
{
    fly_wal_crypto_key other = key;
    fly_wal_codec *wrong;
    fly_wal *wal;
    uint32_t seen;
    write_log();
    other.number++;
    FLY_CHECK_OK(fly_wal_crypto_create(&world.env, &other, &wrong, &err), err);
    FLY_CHECK(open_log(wrong, &wal, &seen), FLY_E_KEY, err);
    fly_wal_crypto_destroy(wrong);
}
END_TEST

/* Any byte of a record but its checksum, which is made to fit. */
START_TEST(a_changed_record_is_not_handed_out)
{
    write_log();
    load(0, segment);
    size_t at = offset_of(4);
    size_t end = at + fly_get_u32(segment + at);
    static uint8_t changed[SMALL];
    for (size_t i = at; i < end; i++) {
        if (i >= at + 4 && i < at + 8) {
            continue;
        }
        memcpy(changed, segment, SMALL);
        changed[i] ^= 0x20;
        uint32_t length = fly_get_u32(changed + at);
        if (length < FLY_WAL_HEADER || length > SMALL - at) {
            continue; /* not a record any more */
        }
        reseal(changed + at);
        store(changed);
        fly_wal *wal;
        uint32_t seen;
        fly_status status = open_log(codec, &wal, &seen);
        ck_assert_msg(status == FLY_E_CORRUPT, "byte %zu: %s %s", i - at, fly_status_name(status),
                      err.message);
        ck_assert_uint_le(seen, 4);
    }
}
END_TEST

/* Two records of the same length change places, LSNs and checksums made to fit. */
START_TEST(a_moved_record_is_not_handed_out)
{
    fly_wal *wal;
    uint32_t seen;
    FLY_CHECK_OK(open_log(codec, &wal, &seen), err);
    FLY_CHECK_OK(append(wal, 5, &err), err);
    FLY_CHECK_OK(append(wal, 5, &err), err);
    FLY_CHECK_OK(fly_wal_close(wal, &err), err);
    load(0, segment);
    uint8_t *first = segment + offset_of(0);
    uint8_t *second = segment + offset_of(1);
    uint32_t length = fly_get_u32(first);
    /* The same payload at two places is not the same on disk. */
    ck_assert_int_ne(memcmp(first + FLY_WAL_HEADER, second + FLY_WAL_HEADER, 16), 0);
    memcpy(first + FLY_WAL_HEADER, second + FLY_WAL_HEADER, length - FLY_WAL_HEADER);
    reseal(first);
    store(segment);
    FLY_CHECK(open_log(codec, &wal, &seen), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "does not decrypt");
    ck_assert_uint_eq(seen, 0);
}
END_TEST

/* A record that was written by somebody without the key. */
START_TEST(a_record_that_is_not_encrypted_is_not_handed_out)
{
    write_log();
    load(0, segment);
    uint8_t *record = segment + offset_of(3);
    fly_put_u16(record + 10, 0);
    reseal(record);
    store(segment);
    fly_wal *wal;
    uint32_t seen;
    FLY_CHECK(open_log(codec, &wal, &seen), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "is not encrypted, and should be");
}
END_TEST

/* Lives and segments never share a key, even if nothing was appended in between. */
START_TEST(each_segment_has_a_key_of_its_own)
{
    enum { LIVES = 4 };
    uint8_t salts[LIVES][32];
    for (uint64_t life = 0; life < LIVES; life++) {
        fly_wal *wal;
        uint32_t seen;
        FLY_CHECK_OK(open_log(codec, &wal, &seen), err);
        if (life == 0) {
            FLY_CHECK_OK(append(wal, 0, &err), err);
        }
        FLY_CHECK_OK(fly_wal_close(wal, &err), err);
        load(life, segment);
        memcpy(salts[life], segment + 72 + 24, 32);
        for (uint64_t other = 0; other < life; other++) {
            ck_assert_int_ne(memcmp(salts[life], salts[other], 32), 0);
        }
    }
}
END_TEST

static fly_status work(fly_sim_env *with, void *ctx)
{
    (void)ctx;
    fly_err why = {0};
    fly_wal_codec *made = NULL;
    fly_wal *wal = NULL;
    fly_status status = fly_vfs_make_dir(with->env.vfs, DIR, &why);
    if (status == FLY_OK) {
        status = fly_wal_crypto_create(&with->env, &key, &made, &why);
    }
    if (status == FLY_OK) {
        fly_wal_options options = {
            .segment_size = SMALL, .ring_size = SMALL, .in_flight = 1, .codec = made};
        status = fly_wal_open(&with->env, DIR, &options, &wal, &why);
    }
    for (uint32_t i = 0; i < 4 && status == FLY_OK; i++) {
        status = append(wal, i, &why);
    }
    if (wal != NULL) {
        fly_status closed = fly_wal_close(wal, &why);
        status = status == FLY_OK ? closed : status;
    }
    uint32_t seen = 0;
    if (status == FLY_OK) {
        fly_wal_reader *reader = NULL;
        fly_wal_record record;
        status = fly_wal_reader_open(&with->env, DIR, NULL, made, NULL, 0, &reader, &why);
        while (status == FLY_OK) {
            status = fly_wal_reader_next(reader, &record, &why);
            seen += status == FLY_OK;
        }
        fly_wal_reader_close(reader);
        status = status == FLY_E_END ? FLY_OK : status;
        FLY_ASSERT(status != FLY_OK || seen == 4);
    }
    fly_wal_crypto_destroy(made);
    return status;
}

START_TEST(every_failure_comes_out_as_an_error)
{
    fly_test_fault_options options = {.threads = true};
    ck_assert(fly_test_each_fault("an encrypted log", &options, work, NULL, NULL));
}
END_TEST

/* ---------------------------------------------------------- a reader from the document */

static void hkdf(const uint8_t *salt, size_t salt_len, fly_bytes label, uint8_t *out, size_t len)
{
    uint8_t info[64];
    memcpy(info, label.data, label.len);
    fly_put_u32(info + label.len, key.number);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.bytes, 32),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, label.len + 4),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    ck_assert_int_eq(EVP_KDF_derive(ctx, out, len, params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

START_TEST(it_is_what_the_document_says)
{
    uint8_t segment_key[32];
    uint8_t check[16];
    uint8_t plain[256];
    uint8_t wanted[256];
    write_log();
    load(0, segment);
    const uint8_t *params = segment + 72;
    ck_assert_uint_eq(fly_get_u32(params), 1);
    hkdf((const uint8_t *)"", 0, fly_bytes_str("FlyDB log key check 1"), check, sizeof check);
    ck_assert_mem_eq(params + 8, check, sizeof check);
    hkdf(params + 24, 32, fly_bytes_str("FlyDB log segment key 1"), segment_key,
         sizeof segment_key);
    for (uint32_t i = 1; i < RECORDS; i++) {
        uint8_t *record = segment + offset_of(i);
        int len = (int)fly_get_u32(record) - FLY_WAL_HEADER - 16;
        uint8_t nonce[12] = {0};
        uint8_t authentic[8];
        int done = 0;
        memcpy(nonce + 4, record + 12, 8);
        memcpy(authentic, record + 8, 4);
        memcpy(authentic + 4, record, 4);
        EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
        ck_assert_int_eq(EVP_DecryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, segment_key, nonce), 1);
        ck_assert_int_eq(EVP_DecryptUpdate(gcm, NULL, &done, authentic, 8), 1);
        ck_assert_int_eq(EVP_DecryptUpdate(gcm, plain, &done, record + FLY_WAL_HEADER, len), 1);
        ck_assert_int_eq(
            EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_SET_TAG, 16, record + FLY_WAL_HEADER + len), 1);
        ck_assert_int_eq(EVP_DecryptFinal_ex(gcm, plain + len, &done), 1);
        EVP_CIPHER_CTX_free(gcm);
        ck_assert_uint_eq((size_t)len, length_of(i));
        fill(i, wanted);
        ck_assert_mem_eq(plain, wanted, (size_t)len);
    }
}
END_TEST

/* What version 1 wrote is still understood, and written. ctest runs this program in its own folder. */
START_TEST(version_1_is_read_and_written)
{
    enum { KEPT = 2 * FLY_WAL_BLOCK };
    static const char path[] = "golden/v1-000000000000.wal";
    static uint8_t golden[SMALL];
    fly_wal *wal;
    uint32_t seen;
    write_log();
    load(0, segment);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "\"%s\" is not there: run this in libwal/crypto/tests", path);
    ck_assert_uint_eq(fread(golden, 1, KEPT, file), KEPT);
    ck_assert_int_eq(fgetc(file), EOF);
    (void)fclose(file);
    store(golden);
    FLY_CHECK_OK(open_log(codec, &wal, &seen), err);
    ck_assert_uint_eq(seen, RECORDS);
    fly_wal_abandon(wal);
    for (size_t at = 0; at < KEPT; at++) {
        if (segment[at] != golden[at]) {
            ck_abort_msg("byte %zu is 0x%02x, not 0x%02x", at, segment[at], golden[at]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crypto");
    TCase *tests = fly_test_case(suite, "log");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_logged_comes_back);
    tcase_add_test(tests, nothing_of_it_can_be_read_in_the_file);
    tcase_add_loop_test(tests, another_key_is_refused, 0, FLY_WAL_CRYPTO_KEY);
    tcase_add_test(tests, a_key_of_another_number_is_another_key);
    tcase_add_test(tests, a_changed_record_is_not_handed_out);
    tcase_add_test(tests, a_moved_record_is_not_handed_out);
    tcase_add_test(tests, a_record_that_is_not_encrypted_is_not_handed_out);
    tcase_add_test(tests, each_segment_has_a_key_of_its_own);
    tcase_add_test(tests, every_failure_comes_out_as_an_error);
    tcase_add_test(tests, version_1_is_read_and_written);
    tcase_add_test(tests, it_is_what_the_document_says);
    return fly_test_run(suite);
}
