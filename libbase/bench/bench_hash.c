/*
 * The hash for keys of several lengths, and the generator. Each call waits for the one before it, as
 * a look-up would. Does not measure: quality, which the tests look at, and keys out of the cache.
 */
#include <fly/base_hash.h>

#include "bench.h"

static uint8_t bytes[4096];

static void hash(void *ctx, uint64_t n)
{
    uint64_t seed = 1;
    for (uint64_t i = 0; i < n; i++) {
        seed = fly_hash(bytes, *(const size_t *)ctx, seed);
    }
    bench_use(seed);
}

static void hash_u64(void *ctx, uint64_t n)
{
    (void)ctx;
    uint64_t x = 1;
    for (uint64_t i = 0; i < n; i++) {
        x = fly_hash_u64(x + i);
    }
    bench_use(x);
}

static void next(void *ctx, uint64_t n)
{
    (void)ctx;
    fly_rng rng;
    fly_rng_init(&rng, 1);
    for (uint64_t i = 0; i < n; i++) {
        bench_use(fly_rng_next(&rng));
    }
}

int main(void)
{
    size_t sizes[] = {8, 16, 64, 256, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "hash/%zu", sizes[i]);
        bench(name, hash, &sizes[i], sizes[i]);
    }
    bench("hash_u64", hash_u64, NULL, 8);
    bench("rng_next", next, NULL, 8);
    return 0;
}
