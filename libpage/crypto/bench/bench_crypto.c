/*
 * What encryption costs for each page that is written, and for each that is read: key derivation,
 * randomness and AES-256-GCM. Does not measure the disk, nor the checksum.
 */
#include <fly/page_crypto.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BENCH_NS_MIN = 200000000 };

static fly_page_codec *codec;
static uint8_t plain[FLY_PAGE_SIZE_MAX];
static uint8_t page[FLY_PAGE_SIZE_MAX];
static const uint8_t uuid[16] = {1};

static void must(fly_status status)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_crypto: %s\n", fly_status_name(status));
        exit(1);
    }
}

static void encode(uint64_t n, uint32_t size)
{
    for (uint64_t i = 0; i < n; i++) {
        must(codec->encode(codec, uuid, 0, plain, page, size, NULL));
    }
}

/* Decoding works in place, so each page is encoded first: subtract. */
static void encode_and_decode(uint64_t n, uint32_t size)
{
    for (uint64_t i = 0; i < n; i++) {
        must(codec->encode(codec, uuid, 0, plain, page, size, NULL));
        must(codec->decode(codec, uuid, 0, page, size, NULL));
    }
}

static void bench(const char *name, void (*body)(uint64_t n, uint32_t size), uint32_t size)
{
    for (uint64_t n = 1000;; n *= 2) {
        uint64_t begin = fly_now();
        body(n, size);
        uint64_t elapsed = fly_now() - begin;
        if (elapsed >= BENCH_NS_MIN) {
            double seconds = (double)elapsed / 1e9;
            (void)printf("%s/%" PRIu32 " %" PRIu64 " %.3f %.0f %" PRIu32 "\n", name, size, n,
                         seconds, (double)n / seconds, size);
            return;
        }
    }
}

int main(void)
{
    fly_env env;
    fly_page_crypto_key key = {.number = 1};
    fly_env_init(&env);
    must(fly_page_crypto_create(&env, &key, &codec, NULL));
    for (uint32_t size = FLY_PAGE_SIZE_MIN; size <= FLY_PAGE_SIZE_MAX; size *= 4) {
        bench("encode", encode, size);
        bench("encode_and_decode", encode_and_decode, size);
    }
    bench("encode", encode, FLY_PAGE_SIZE_DEFAULT);
    bench("encode_and_decode", encode_and_decode, FLY_PAGE_SIZE_DEFAULT);
    fly_page_crypto_destroy(codec);
    return 0;
}
