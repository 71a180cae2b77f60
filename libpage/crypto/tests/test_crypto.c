/*
 * Goal: a page comes back with the right key and with no other, from its own place in its own file
 * and as it was written; and anybody can read the format who has its description.
 * Method: pages written and read through page files; raw bytes searched, flipped, moved and resealed;
 * a second implementation, here, made of OpenSSL's CMAC where the library does without, that passes
 * the published test vectors and then decrypts what the library wrote; a golden file.
 */
#include <fly/page_crypto.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVE = FLY_PAGE_CRYPTO_RESERVE, SIZE = 4096, KIND = 16 };

static fly_err err;
static fly_sim_env world;
static fly_page_codec *codec;

static const fly_page_crypto_key secret = {.bytes = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                                     12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                                                     23, 24, 25, 26, 27, 28, 29, 30, 31, 32},
                                           .number = 7};

static const char text[] = "the quick brown fox jumps over the lazy dog";

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 2});
    FLY_CHECK_OK(fly_page_crypto_create(&world.env, &secret, &codec, &err), err);
}

static void tear_down(void)
{
    fly_page_crypto_destroy(codec);
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    fly_sim_env_deinit(&world);
}

static fly_status try_open(const char *path, const fly_page_codec *with, uint32_t page_size,
                           fly_pagefile **file)
{
    fly_pagefile_options options = {.page_size = page_size, .create = true, .codec = with};
    return fly_pagefile_open(&world.env, path, NULL, &options, file, &err);
}

static fly_pagefile *open_file(const char *path, uint32_t page_size)
{
    fly_pagefile *file = NULL;
    FLY_CHECK_OK(try_open(path, codec, page_size, &file), err);
    return file;
}

static void fill(uint8_t *bytes, uint32_t usable, uint32_t id, uint8_t salt)
{
    memset(bytes, 0, FLY_PAGE_HEADER);
    fly_put_u32(bytes, id);
    bytes[4] = KIND;
    fly_page_set_lsn(bytes, 1000 + salt);
    for (uint32_t at = FLY_PAGE_HEADER; at < usable; at++) {
        bytes[at] = (uint8_t)(text[at % (sizeof text - 1)] ^ salt);
    }
}

static fly_status write_page(fly_pagefile *file, uint32_t id, uint8_t salt)
{
    uint32_t size = fly_pagefile_page_size(file);
    uint8_t *bytes = aligned_alloc(FLY_DIRECT_ALIGN, size);
    ck_assert(bytes != NULL);
    memset(bytes, 0xbb, size); /* what is behind the usable part is nobody's */
    fill(bytes, fly_pagefile_usable(file), id, salt);
    fly_page_batch *batch = NULL;
    fly_status status = fly_page_batch_create(file, 1, &batch, &err);
    status = status == FLY_OK ? fly_page_batch_add(batch, id, bytes, &err) : status;
    status = status == FLY_OK ? fly_page_batch_write(batch, &err) : status;
    fly_page_batch_destroy(batch);
    free(bytes);
    return status;
}

static uint8_t *read_page(fly_pagefile *file, uint32_t id, fly_status wanted)
{
    uint8_t *bytes = aligned_alloc(FLY_DIRECT_ALIGN, fly_pagefile_page_size(file));
    ck_assert(bytes != NULL);
    FLY_CHECK(fly_pagefile_read(file, id, bytes, &err), wanted, err);
    return bytes;
}

static void check_page(fly_pagefile *file, uint32_t id, uint8_t salt)
{
    static uint8_t wanted[FLY_PAGE_SIZE_MAX];
    uint32_t usable = fly_pagefile_usable(file);
    uint8_t *bytes = read_page(file, id, FLY_OK);
    fill(wanted, usable, id, salt);
    ck_assert(memcmp(bytes, wanted, 20) == 0 && memcmp(bytes + 24, wanted + 24, usable - 24) == 0);
    free(bytes);
}

/* A file with pages 2 and 3. */
static fly_pagefile *file_with_pages(const char *path, uint32_t page_size)
{
    fly_pagefile *file = open_file(path, page_size);
    uint32_t first;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, 2, &first, &err), err);
    FLY_CHECK_OK(write_page(file, 2, 0), err);
    FLY_CHECK_OK(write_page(file, 3, 1), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 5, NULL, &err), err);
    return file;
}

/* The bytes of a page on the disk. */
static void raw_page(const char *path, uint32_t id, uint8_t *bytes)
{
    static uint8_t whole[8 * SIZE];
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, path, whole, sizeof whole, NULL), err);
    memcpy(bytes, whole + (size_t)id * SIZE, SIZE);
}

/* Put bytes in a page's place, with a good checksum. */
static void forge_page(const char *path, uint32_t id, uint8_t *bytes)
{
    fly_page_seal(bytes, SIZE);
    FLY_CHECK_OK(
        fly_sim_disk_poke(world.disk, path, (uint64_t)id * SIZE, fly_bytes_of(bytes, SIZE)), err);
}

static bool contains(const uint8_t *bytes, size_t len, const char *part, size_t part_len)
{
    for (size_t at = 0; at + part_len <= len; at++) {
        if (memcmp(bytes + at, part, part_len) == 0) {
            return true;
        }
    }
    return false;
}

/* --------------------------------------------------------------------------- pages */

static const uint32_t sizes[] = {4096, 8192, 16384, 32768, 65536};

START_TEST(pages_of_every_size_come_back)
{
    fly_pagefile *file = file_with_pages("data", sizes[_i]);
    ck_assert_uint_eq(fly_pagefile_usable(file), sizes[_i] - RESERVE);
    check_page(file, 2, 0);
    fly_pagefile_close(file);
    file = open_file("data", 0);
    check_page(file, 2, 0);
    check_page(file, 3, 1);
    uint8_t *bytes = read_page(file, 2, FLY_OK);
    for (uint32_t i = sizes[_i] - RESERVE; i < sizes[_i]; i++) {
        ck_assert(bytes[i] == 0);
    }
    free(bytes);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(nothing_of_a_page_but_its_header_is_readable_on_the_disk)
{
    static uint8_t whole[8 * SIZE];
    fly_pagefile *file = file_with_pages("data", SIZE);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, "data", whole, sizeof whole, NULL), err);
    ck_assert(!contains(whole, sizeof whole, "quick", 5));
    ck_assert(!contains(whole, sizeof whole, "\xbb\xbb\xbb\xbb", 4));
    ck_assert(!contains(whole, sizeof whole, (const char *)secret.bytes, 8));
    ck_assert_uint_eq(fly_page_id(whole + 2 * SIZE), 2);
    ck_assert_uint_eq(fly_page_lsn(whole + 2 * SIZE), 1000);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(the_same_page_never_looks_the_same)
{
    uint8_t before[SIZE];
    uint8_t after[SIZE];
    fly_pagefile *file = file_with_pages("data", SIZE);
    raw_page("data", 2, before);
    FLY_CHECK_OK(write_page(file, 2, 0), err);
    raw_page("data", 2, after);
    uint32_t same = 0;
    for (uint32_t i = FLY_PAGE_HEADER; i < SIZE; i++) {
        same += before[i] == after[i];
    }
    ck_assert_uint_lt(same, SIZE / 64); /* a 256th of the bytes, by chance */
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_page_that_somebody_changed_does_not_decrypt)
{
    uint8_t bytes[SIZE];
    fly_pagefile *file = file_with_pages("data", SIZE);
    for (uint32_t at = 4; at < SIZE; at += at < 60 || at > SIZE - 60 ? 1 : 13) {
        raw_page("data", 2, bytes);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        forge_page("data", 2, bytes);
        bool checksum_only = at >= 20 && at < 24;
        uint8_t *got = read_page(file, 2, checksum_only ? FLY_OK : FLY_E_CORRUPT);
        if (!checksum_only) {
            FLY_CHECK_SAYS(err.message, "\"data\": page 2 does not decrypt: it was changed");
            for (uint32_t i = FLY_PAGE_HEADER; i < SIZE; i++) { /* E2 */
                if (got[i] != 0) {
                    ck_abort_msg("byte %u got out", i);
                }
            }
        }
        free(got);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        forge_page("data", 2, bytes);
    }
    check_page(file, 2, 0);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_page_from_elsewhere_does_not_decrypt)
{
    uint8_t bytes[SIZE];
    fly_pagefile *file = file_with_pages("data", SIZE);
    fly_pagefile *other = file_with_pages("other", SIZE);
    raw_page("data", 3, bytes);
    fly_put_u32(bytes, 2);
    forge_page("data", 2, bytes); /* from another place */
    free(read_page(file, 2, FLY_E_CORRUPT));
    raw_page("other", 2, bytes);
    forge_page("data", 2, bytes); /* from another file of the same key */
    free(read_page(file, 2, FLY_E_CORRUPT));
    FLY_CHECK_SAYS(err.message, "moved from elsewhere");
    FLY_CHECK_OK(write_page(file, 2, 9), err);
    check_page(file, 2, 9);
    fly_pagefile_close(file);
    fly_pagefile_close(other);
}
END_TEST

/* ---------------------------------------------------------------------------- keys */

START_TEST(a_file_opens_with_its_key_and_no_other)
{
    fly_pagefile_close(file_with_pages("data", SIZE));
    fly_pagefile *file = NULL;
    fly_page_codec *other = NULL;
    for (uint32_t bit = 0; bit < 256; bit += 17) {
        fly_page_crypto_key key = secret;
        key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        FLY_CHECK_OK(fly_page_crypto_create(&world.env, &key, &other, &err), err);
        FLY_CHECK(try_open("data", other, 0, &file), FLY_E_KEY, err);
        FLY_CHECK_SAYS(err.message,
                       "could not open \"data\": the key given as key 7 is not the one "
                       "that it is encrypted with");
        fly_page_crypto_destroy(other);
    }
    fly_page_crypto_key key = secret;
    key.number = 8;
    FLY_CHECK_OK(fly_page_crypto_create(&world.env, &key, &other, &err), err);
    FLY_CHECK(try_open("data", other, 0, &file), FLY_E_KEY, err);
    FLY_CHECK_SAYS(err.message, "it is encrypted with key 7, and key 8 was given");
    fly_page_crypto_destroy(other);
    FLY_CHECK(try_open("data", NULL, 0, &file), FLY_E_KEY, err);
    FLY_CHECK_SAYS(err.message, "\"data\" is encrypted, and no key was given");
    FLY_CHECK_OK(try_open("plain", NULL, SIZE, &file), err);
    fly_pagefile_close(file);
    FLY_CHECK(try_open("plain", codec, 0, &file), FLY_E_KEY, err);
    FLY_CHECK_SAYS(err.message, "\"plain\" is not encrypted, but a key was given");
}
END_TEST

START_TEST(encryption_of_another_version_is_not_guessed)
{
    fly_pagefile_close(file_with_pages("data", SIZE));
    uint8_t bytes[SIZE];
    raw_page("data", 0, bytes);
    ck_assert_uint_eq(fly_page_crypto_number(bytes + 64), 7);
    fly_put_u32(bytes + 64, 2);
    forge_page("data", 0, bytes);
    fly_pagefile *file = NULL;
    FLY_CHECK(try_open("data", codec, 0, &file), FLY_E_FORMAT, err);
    FLY_CHECK_SAYS(err.message, "its encryption is of version 2; this program reads version 1");
    fly_put_u32(bytes + 64, 1);
    fly_put_u32(bytes + 56, 2);
    forge_page("data", 0, bytes);
    FLY_CHECK(try_open("data", codec, 0, &file), FLY_E_KEY, err);
    FLY_CHECK_SAYS(err.message,
                   "\"data\" is encrypted by method 2 with 40 bytes in a page, not by 1 ");
}
END_TEST

/* An allocator that looks at what comes back to it. */
struct spy {
    fly_mem mem;
    fly_mem *inner;
    size_t blocks, bytes; /* that came back; of them not zero */
};

static void *spy_alloc(fly_mem *mem, size_t size, size_t align)
{
    fly_mem *inner = ((struct spy *)mem)->inner;
    return inner->alloc(inner, size, align);
}

static void spy_release(fly_mem *mem, void *block, size_t size)
{
    struct spy *spy = (struct spy *)mem;
    for (size_t i = 0; i < size && size > 100; i++) { /* the small ones hold no keys */
        spy->bytes += ((const uint8_t *)block)[i] != 0;
    }
    spy->blocks += size > 100;
    spy->inner->release(spy->inner, block, size);
}

START_TEST(a_destroyed_codec_leaves_no_key_behind)
{
    fly_env env = world.env;
    struct spy spy = {.mem = {spy_alloc, spy_release}, .inner = env.mem};
    env.mem = &spy.mem;
    fly_page_codec *made = NULL;
    fly_page_crypto_destroy(NULL);
    FLY_CHECK_OK(fly_page_crypto_create(&env, &secret, &made, &err), err);
    fly_page_crypto_destroy(made);
    ck_assert_uint_eq(spy.blocks, 1);
    ck_assert_uint_eq(spy.bytes, 0);
}
END_TEST

/* -------------------------------------------------------- a second implementation */

/* XAES-256-GCM's derivation, with a CMAC from the library. */
static void derive(const uint8_t key[32], const uint8_t *random, uint8_t out[32])
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char[]){"AES-256-CBC"}, 0),
        OSSL_PARAM_construct_end(),
    };
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t block[16] = {0, (uint8_t)(i + 1), 'X', 0};
        size_t len = 0;
        memcpy(block + 4, random, 12);
        ck_assert_int_eq(EVP_MAC_init(ctx, key, 32, params), 1);
        ck_assert_int_eq(EVP_MAC_update(ctx, block, sizeof block), 1);
        ck_assert_int_eq(EVP_MAC_final(ctx, out + 16 * (size_t)i, &len, 16), 1);
    }
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

/* Decrypt, and compare the tag. */
static bool open_sealed(const uint8_t key[32], const uint8_t *random, fly_bytes aad,
                        fly_bytes sealed, const uint8_t *tag, uint8_t *out)
{
    uint8_t write_key[32];
    int len = 0;
    derive(key, random, write_key);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, write_key, random + 12) == 1 &&
                (aad.len == 0 || EVP_DecryptUpdate(ctx, NULL, &len, aad.data, (int)aad.len) == 1) &&
                EVP_DecryptUpdate(ctx, out, &len, sealed.data, (int)sealed.len) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(uintptr_t)tag) == 1 &&
                EVP_DecryptFinal_ex(ctx, out + len, &len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static void unhex(const char *digits, uint8_t *bytes)
{
    for (size_t i = 0; digits[2 * i] != '\0'; i++) {
        char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

START_TEST(the_derivation_passes_the_vectors_of_its_specification)
{
    static const struct {
        uint8_t key;
        const char *aad, *sealed; /* the tag behind it */
    } vectors[] = {
        {1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
        {3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
    };
    uint8_t key[32];
    uint8_t sealed[28];
    uint8_t plain[12];
    memset(key, vectors[_i].key, sizeof key);
    unhex(vectors[_i].sealed, sealed);
    ck_assert(open_sealed(key, (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWX",
                          fly_bytes_str(vectors[_i].aad), fly_bytes_of(sealed, 12), sealed + 12,
                          plain));
    ck_assert_mem_eq(plain, "XAES-256-GCM", 12);
}
END_TEST

/* RFC 5869 with an empty salt, as docs/formats/page-crypto.md says. */
static void hkdf(fly_bytes label, uint8_t *out, size_t len)
{
    uint8_t info[64];
    memcpy(info, label.data, label.len);
    fly_put_u32(info + label.len, secret.number);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    ck_assert(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set1_hkdf_key(ctx, secret.bytes, sizeof secret.bytes) == 1 &&
              EVP_PKEY_CTX_add1_hkdf_info(ctx, info, (int)label.len + 4) == 1 &&
              EVP_PKEY_derive(ctx, out, &len) == 1);
    EVP_PKEY_CTX_free(ctx);
}

/* Read a page from the bytes of a file as the description says. */
static void decrypt_by_the_book(const uint8_t *header, const uint8_t *page, uint8_t *plain)
{
    uint8_t check[16];
    uint8_t key[32];
    uint8_t aad[40];
    hkdf(fly_bytes_str("FlyDB page key check 1"), check, sizeof check);
    hkdf(fly_bytes_str("FlyDB page key 1"), key, sizeof key);
    ck_assert_mem_eq(header + 64 + 8, check, sizeof check);
    memcpy(aad, header + 40, 16);
    fly_put_u32(aad + 16, secret.number);
    memcpy(aad + 20, page, 20);
    memcpy(plain, page, FLY_PAGE_HEADER);
    ck_assert(open_sealed(key, page + SIZE - 40, fly_bytes_of(aad, sizeof aad),
                          fly_bytes_of(page + 24, SIZE - 24 - 40), page + SIZE - 16, plain + 24));
}

static void check_by_the_book(const uint8_t *whole)
{
    uint8_t plain[SIZE];
    uint8_t wanted[SIZE];
    decrypt_by_the_book(whole, whole + 3 * (size_t)SIZE, plain);
    fill(wanted, SIZE - RESERVE, 3, 1);
    ck_assert_mem_eq(plain, wanted, 20);
    ck_assert_mem_eq(plain + 24, wanted + 24, SIZE - RESERVE - 24);
}

/* What makes the golden file, in a fresh world. */
static void write_golden(uint8_t *whole)
{
    fly_pagefile *file = file_with_pages("data", SIZE);
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, "data", whole, 4 * (size_t)SIZE, NULL), err);
    fly_pagefile_close(file);
}

START_TEST(the_golden_file_reads_and_is_what_is_written)
{
    static uint8_t golden[4 * SIZE];
    static uint8_t written[4 * SIZE];
    FILE *stream = fopen("golden/v1.pages", "rb");
    ck_assert_msg(stream != NULL, "golden/v1.pages is not there: run this in libpage/crypto/tests");
    ck_assert_uint_eq(fread(golden, 1, sizeof golden, stream), sizeof golden);
    (void)fclose(stream);
    write_golden(written);
    ck_assert(memcmp(golden, written, sizeof golden) == 0);
    check_by_the_book(golden);
    fly_sim_disk_load(world.disk, "golden", fly_bytes_of(golden, sizeof golden));
    fly_pagefile *file = open_file("golden", 0);
    check_page(file, 2, 0);
    check_page(file, 3, 1);
    fly_pagefile_close(file);
}
END_TEST

/* ------------------------------------------------------------------ faults, threads */

static fly_status work(fly_sim_env *w, void *ctx)
{
    (void)ctx;
    fly_page_codec *made = NULL;
    fly_pagefile *file = NULL;
    fly_status status = fly_page_crypto_create(&w->env, &secret, &made, NULL);
    if (status != FLY_OK) {
        return status;
    }
    fly_pagefile_options options = {.page_size = SIZE, .create = true, .codec = made};
    status = fly_pagefile_open(&w->env, "data", NULL, &options, &file, NULL);
    uint32_t page = 0;
    status = status == FLY_OK ? fly_pagefile_alloc(file, 2, 1, &page, NULL) : status;
    status = status == FLY_OK ? write_page(file, page, 1) : status;
    if (status == FLY_OK) {
        uint8_t *bytes = aligned_alloc(FLY_DIRECT_ALIGN, SIZE);
        ck_assert(bytes != NULL);
        status = fly_pagefile_read(file, page, bytes, NULL);
        free(bytes);
    }
    fly_pagefile_close(file);
    fly_page_crypto_destroy(made);
    return status;
}

START_TEST(every_failure_is_reported)
{
    ck_assert(fly_test_each_fault("encrypted pages", NULL, work, NULL, NULL));
}
END_TEST

static fly_status no_randomness(fly_env *env, void *buffer, size_t len, fly_err *why)
{
    (void)env;
    (void)buffer;
    (void)len;
    return fly_err_set(why, FLY_E_IO, "no randomness today");
}

START_TEST(without_randomness_nothing_is_encrypted)
{
    fly_pagefile *file = file_with_pages("data", SIZE);
    fly_status (*random)(fly_env * env, void *buffer, size_t len, fly_err *why) = world.env.random;
    world.env.random = no_randomness;
    FLY_CHECK(write_page(file, 2, 5), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "could not encrypt page 2: no randomness today");
    world.env.random = random;
    check_page(file, 2, 0);
    fly_pagefile_close(file);
}
END_TEST

struct reader {
    fly_pagefile *file;
    uint32_t id;
};

static void read_and_write(void *arg)
{
    struct reader *reader = arg;
    uint8_t *bytes = aligned_alloc(FLY_DIRECT_ALIGN, SIZE);
    fly_err mine = {0};
    ck_assert(bytes != NULL);
    for (int i = 0; i < 50; i++) {
        FLY_CHECK_OK(fly_pagefile_read(reader->file, reader->id, bytes, &mine), mine);
    }
    free(bytes);
}

START_TEST(threads_share_a_codec)
{
    enum { THREADS = 4 };
    fly_pagefile *file = file_with_pages("data", SIZE);
    struct reader readers[THREADS];
    fly_thread threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){file, 2 + i % 2};
        FLY_CHECK_OK(fly_thread_start(world.env.sched, &threads[i], "reader", read_and_write,
                                      &readers[i], &err),
                     err);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        fly_thread_join(&threads[i]);
    }
    fly_pagefile_close(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crypto");
    TCase *pages = fly_test_case(suite, "pages");
    tcase_add_checked_fixture(pages, set_up, tear_down);
    tcase_add_loop_test(pages, pages_of_every_size_come_back, 0,
                        (int)(sizeof sizes / sizeof sizes[0]));
    tcase_add_test(pages, nothing_of_a_page_but_its_header_is_readable_on_the_disk);
    tcase_add_test(pages, the_same_page_never_looks_the_same);
    tcase_add_test(pages, a_page_that_somebody_changed_does_not_decrypt);
    tcase_add_test(pages, a_page_from_elsewhere_does_not_decrypt);

    TCase *keys = fly_test_case(suite, "keys");
    tcase_add_checked_fixture(keys, set_up, tear_down);
    tcase_add_test(keys, a_file_opens_with_its_key_and_no_other);
    tcase_add_test(keys, encryption_of_another_version_is_not_guessed);
    tcase_add_test(keys, a_destroyed_codec_leaves_no_key_behind);

    TCase *format = fly_test_case(suite, "format");
    tcase_add_checked_fixture(format, set_up, tear_down);
    tcase_add_loop_test(format, the_derivation_passes_the_vectors_of_its_specification, 0, 2);
    tcase_add_test(format, the_golden_file_reads_and_is_what_is_written);

    TCase *worst = fly_test_case(suite, "faults and threads");
    tcase_add_checked_fixture(worst, set_up, tear_down);
    tcase_add_test(worst, every_failure_is_reported);
    tcase_add_test(worst, without_randomness_nothing_is_encrypted);
    tcase_add_test(worst, threads_share_a_codec);
    return fly_test_run(suite);
}
