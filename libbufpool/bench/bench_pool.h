/*
 * What the benchmarks of the pool share: a page file in memory, so that what is measured is the pool
 * and no disk, and pools over it.
 */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <fly/base_hash.h>
#include <fly/bufpool.h>
#include <fly/bufpool_policy.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_PAGE = 2 }; /* behind the header and the map */

static fly_env env;
static fly_pagefile *file;
static fly_bufpool *pool;
static uint32_t page_size;

/* A bench has nobody to report to. */
static inline void must(fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "%s: %s\n", fly_status_name(status), err->message);
        exit(1);
    }
}

static inline void open_pool(uint32_t slots, const fly_bufpool_options *how)
{
    fly_err err = {0};
    fly_bufpool_options options = *how;
    options.bytes = (uint64_t)slots * page_size;
    options.pages_max = 1 << 24;
    must(fly_bufpool_create(&env, file, &options, &pool, &err), &err);
}

/* A file of so many pages in memory. */
static inline void make_file(uint32_t pages, uint32_t size)
{
    fly_err err = {0};
    uint32_t first;
    fly_env_init(&env);
    env.vfs = fly_vfs_mem_create(fly_mem_system());
    page_size = size;
    must(fly_pagefile_open(&env, "pages", NULL,
                           &(fly_pagefile_options){.page_size = size, .create = true}, &file, &err),
         &err);
    must(fly_pagefile_alloc(file, FLY_PAGE_NONE, pages, &first, &err), &err);
    FLY_ASSERT(first == FIRST_PAGE);
    open_pool(1024, &(fly_bufpool_options){0});
    for (uint32_t page = first; page < first + pages; page++) {
        fly_pageref ref;
        must(fly_bufpool_fix_new(pool, page, &ref, &err), &err);
        fly_bufpool_dirty(pool, &ref, FLY_BUFPOOL_UNLOGGED);
        fly_put_u64(ref.bytes + FLY_PAGE_HEADER, page);
        fly_bufpool_unfix_exclusive(&ref);
    }
    must(fly_bufpool_flush(pool, UINT64_MAX, 0, NULL, &err), &err);
    fly_bufpool_destroy(pool);
    pool = NULL;
}

static inline void drop_file(void)
{
    fly_pagefile_close(file);
    fly_vfs_destroy(env.vfs);
}

/* The compiler must assume that somebody looks at `x`. */
static inline void bench_use(uint64_t x)
{
    __asm__ volatile("" : : "r"(x) : "memory");
}

#endif
