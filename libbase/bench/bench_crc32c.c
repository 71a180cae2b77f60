/*
 * The checksum by the processor's instructions and by tables, for sizes from a log record to a large
 * page. GB/s is ops_per_s * bytes_per_op. Does not measure: memory, since the bytes stay in the first
 * cache.
 */
#include <fly/base_hash.h>

#include "bench.h"

static uint8_t bytes[32768];

static void fast(void *ctx, uint64_t n)
{
    uint32_t crc = 0;
    for (uint64_t i = 0; i < n; i++) {
        crc = fly_crc32c(crc, bytes, *(const size_t *)ctx);
    }
    bench_use(crc);
}

static void portable(void *ctx, uint64_t n)
{
    uint32_t crc = 0;
    for (uint64_t i = 0; i < n; i++) {
        crc = fly_crc32c_portable(crc, bytes, *(const size_t *)ctx);
    }
    bench_use(crc);
}

int main(void)
{
    size_t sizes[] = {64, 512, 4096, 8192, 32768};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "crc32c/%zu", sizes[i]);
        bench(name, fast, &sizes[i], sizes[i]);
    }
    bench("crc32c_portable/8192", portable, &sizes[3], sizes[3]);
    return 0;
}
