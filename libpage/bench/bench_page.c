/*
 * What a page costs: sealing and verifying it, checking it, finding a slot by tag, inserting, removing
 * and compacting, in a page of 8 KB of cells of 24 bytes. Then the page file: a page taken and given
 * back, and, in a directory that is named, batches made durable and pages read.
 *
 *     bench_page [DIRECTORY]
 *
 * Everything but the last stays in the processor's caches. GB/s is ops_per_s * bytes_per_op.
 */
#include <fly/base_hash.h>
#include <fly/page_file.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 8192, CELL = 24, BENCH_NS_MIN = 200000000 };

static fly_page page = {NULL, SIZE, FLY_PAGE_HEADER, FLY_PAGE_TAGGED};
static fly_err err;
static fly_rng rng;
static uint64_t sum; /* so that what is measured is done */

static void must(fly_status status)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_page: %s\n", err.message);
        exit(1);
    }
}

static void line(const char *name, uint64_t n, uint64_t elapsed, uint64_t bytes_per_op)
{
    double seconds = (double)elapsed / 1e9;
    (void)printf("%s %" PRIu64 " %.3f %.0f %" PRIu64 "\n", name, n, seconds, (double)n / seconds,
                 bytes_per_op);
}

/* Run `body` with twice the operations until it takes long enough, and print that. */
static void bench(const char *name, void (*body)(uint64_t n), uint64_t bytes_per_op)
{
    for (uint64_t n = 1000;; n *= 2) {
        uint64_t begin = fly_now();
        body(n);
        uint64_t elapsed = fly_now() - begin;
        if (elapsed >= BENCH_NS_MIN) {
            line(name, n, elapsed, bytes_per_op);
            return;
        }
    }
}

/* ------------------------------------------------------------------------- one page */

static uint8_t cell[CELL];

/* Insert cells, in order of their tags, until the page is full. */
static void fill_page(void)
{
    fly_page_init(page, 2, FLY_PAGE_TYPE_SLOTTED);
    for (uint32_t i = 0; fly_page_insert(page, i, fly_bytes_of(cell, CELL)) == FLY_OK; i++) {
        fly_page_set_tag(page, i, i * 8);
    }
}

static uint32_t search(uint32_t tag)
{
    uint32_t low = 0;
    uint32_t high = fly_page_count(page);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (fly_page_tag(page, middle) < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void seal(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        page.bytes[100] ^= 1;
        fly_page_seal(page.bytes, SIZE);
    }
}

static void verify(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        must(fly_page_verify(page.bytes, SIZE, 2, &err));
    }
}

static void check(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        must(fly_page_check(page, false, &err));
    }
}

static void check_thoroughly(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        must(fly_page_check(page, true, &err));
    }
}

static void slot_search(uint64_t n)
{
    uint32_t tags = fly_page_count(page) * 8u;
    for (uint64_t i = 0; i < n; i++) {
        sum += search((uint32_t)fly_rng_below(&rng, tags));
    }
}

static void insert_in_the_middle(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (fly_page_gap(page) < CELL + FLY_PAGE_TAGGED) {
            fly_page_init(page, 2, FLY_PAGE_TYPE_SLOTTED);
        }
        must(fly_page_insert(page, fly_page_count(page) / 2u, fly_bytes_of(cell, CELL)));
    }
}

static void append(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (fly_page_gap(page) < CELL + FLY_PAGE_TAGGED) {
            fly_page_init(page, 2, FLY_PAGE_TYPE_SLOTTED);
        }
        must(fly_page_insert(page, fly_page_count(page), fly_bytes_of(cell, CELL)));
    }
}

static void replace(uint64_t n)
{
    uint32_t count = fly_page_count(page);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)fly_rng_below(&rng, count);
        fly_page_remove(page, at);
        must(fly_page_insert(page, at, fly_bytes_of(cell, CELL)));
    }
}

static void compact(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        fly_page_compact(page);
    }
}

/* ------------------------------------------------------------------------- the file */

static fly_pagefile *file;
static fly_page_batch *batch;
static uint32_t batch_pages;

enum { PAGES = 20000 };

static void alloc_and_free(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint32_t first;
        must(fly_pagefile_alloc(file, FLY_PAGE_NONE, 1, &first, &err));
        must(fly_pagefile_free(file, first, 1, &err));
    }
}

static void batches(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += batch_pages) {
        uint32_t first = 2 + (uint32_t)fly_rng_below(&rng, PAGES - batch_pages * 2u);
        for (uint32_t j = 0; j < batch_pages; j++) {
            fly_put_u32(page.bytes, first + 2 * j);
            must(fly_page_batch_add(batch, first + 2 * j, page.bytes, &err));
        }
        must(fly_page_batch_write(batch, &err));
    }
}

static void reads(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        must(fly_pagefile_read(file, 2 + (uint32_t)fly_rng_below(&rng, PAGES), page.bytes, &err));
    }
}

static void bench_file(fly_env *env, const char *dir)
{
    char path[FLY_PATH_MAX];
    char area[FLY_PATH_MAX];
    must(fly_path_join(path, sizeof path, dir, "bench.pages", &err));
    must(fly_path_join(area, sizeof area, dir, "bench.area", &err));
    fly_pagefile_options options = {.create = true};
    must(fly_pagefile_open(env, path, area, &options, &file, &err));
    uint32_t first;
    must(fly_pagefile_alloc(file, FLY_PAGE_NONE, PAGES, &first, &err));
    for (uint32_t id = first; id < first + PAGES; id += 200) {
        must(fly_page_batch_create(file, 200, &batch, &err));
        for (uint32_t i = 0; i < 200; i++) {
            fly_put_u32(page.bytes, id + i);
            must(fly_page_batch_add(batch, id + i, page.bytes, &err));
        }
        must(fly_page_batch_write(batch, &err));
        fly_page_batch_destroy(batch);
    }
    bench("alloc_and_free", alloc_and_free, 0);
    bench("read_random", reads, SIZE);
    static const uint32_t sizes[] = {1, 16, 128};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char name[32];
        batch_pages = sizes[i];
        must(fly_page_batch_create(file, batch_pages, &batch, &err));
        (void)snprintf(name, sizeof name, "batch_of_%" PRIu32, batch_pages);
        bench(name, batches, SIZE);
        fly_page_batch_destroy(batch);
    }
    fly_pagefile_close(file);
    (void)!fly_vfs_remove(env->vfs, path, NULL);
    (void)!fly_vfs_remove(env->vfs, area, NULL);
}

int main(int argc, char **argv)
{
    fly_env env;
    fly_env_init(&env);
    fly_rng_init(&rng, 1);
    page.bytes = fly_mem_alloc_aligned(env.mem, SIZE, FLY_DIRECT_ALIGN);
    FLY_ASSERT(page.bytes != NULL);
    fill_page();
    bench("seal", seal, SIZE);
    bench("verify", verify, SIZE);
    bench("check", check, SIZE);
    bench("check_thoroughly", check_thoroughly, SIZE);
    bench("slot_search", slot_search, 0);
    bench("remove_and_insert", replace, CELL);
    bench("compact", compact, SIZE);
    bench("append", append, CELL);
    bench("insert_in_the_middle", insert_in_the_middle, CELL);
    fill_page();
    fly_page_seal(page.bytes, SIZE);
    if (argc > 1) {
        bench_file(&env, argv[1]);
    }
    fly_mem_free(env.mem, page.bytes, SIZE);
    return sum == 0;
}
