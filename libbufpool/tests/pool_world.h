/*
 * What the tests of the pool share: a small world with a page file in it, pages that say who they
 * are, and a log of which only the length matters.
 *
 * A page of these tests is filled with one number, its stamp: page number and version. So a page
 * that is torn, stale, or another one shows at once.
 */
#ifndef POOL_WORLD_H
#define POOL_WORLD_H

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>
#include <fly/bufpool.h>
#include <fly/bufpool_policy.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE_BYTES = 4096,
    PAGES_MAX = 1 << 16, /* of every pool here: less address space than the default */
    FIRST_PAGE = 2       /* behind the header and the map */
};

/* Under ThreadSanitizer runs take thirty times as long, and those with one thread at a time see no
 * more: they are fewer there. Races between real threads are for test_stress.c. */
#ifdef __SANITIZE_THREAD__
enum { SLOWER = 10 };
#else
enum { SLOWER = 1 };
#endif

static const fly_bufpool_backend backends[] = {FLY_BUFPOOL_FRAMES, FLY_BUFPOOL_VIRTUAL};
static const fly_bufpool_policy *const policies[] = {&fly_bufpool_lru_k, &fly_bufpool_lru_k_exact,
                                                     &fly_bufpool_lru, &fly_bufpool_clock,
                                                     &fly_bufpool_2q};

enum {
    BACKENDS = sizeof backends / sizeof backends[0],
    POLICIES = sizeof policies / sizeof policies[0],
    KINDS = BACKENDS * POLICIES /* of pools: for loop tests */
};

/* A world with a page file and a pool over it. The world is the caller's. */
struct pool_world {
    fly_sim_env *sim;
    fly_pagefile *file;
    fly_bufpool *pool;
    fly_err err;
};

/* ---------------------------------------------------------------------------- stamps */

static inline uint64_t stamp_of(uint32_t page, uint32_t version)
{
    return (uint64_t)page << 32 | version;
}

/* Fill a page behind its header. */
static inline void stamp(uint8_t *bytes, uint32_t page, uint32_t version)
{
    for (uint32_t at = FLY_PAGE_HEADER; at + 8 <= PAGE_BYTES; at += 8) {
        fly_put_u64(bytes + at, stamp_of(page, version));
    }
}

/* The version of a page that was stamped; stops the test if it is torn or another page. */
static inline uint32_t version_of_page(const uint8_t *bytes, uint32_t page)
{
    uint64_t first = fly_get_u64(bytes + FLY_PAGE_HEADER);
    if (fly_page_id(bytes) != page || first >> 32 != page) {
        ck_abort_msg("page %" PRIu32 " holds page %" PRIu64 ", by its header %" PRIu32, page,
                     first >> 32, fly_page_id(bytes));
    }
    if (memcmp(bytes + FLY_PAGE_HEADER, bytes + FLY_PAGE_HEADER + 8,
               PAGE_BYTES - FLY_PAGE_HEADER - 8) != 0) {
        ck_abort_msg("page %" PRIu32 " is torn", page);
    }
    return (uint32_t)first;
}

/* ----------------------------------------------------------------------------- files */

/* Open "data" with its double-write area, or make it. */
static inline fly_status open_file(fly_sim_env *sim, fly_pagefile **file, fly_err *err)
{
    fly_pagefile_options options = {.page_size = PAGE_BYTES, .create = true};
    return fly_pagefile_open(&sim->env, "data", "area", &options, file, err);
}

/* Take `count` pages, neighbours from FIRST_PAGE on, and write version 0 of each. */
static inline fly_status write_pages(fly_sim_env *sim, fly_pagefile *file, uint32_t count,
                                     fly_err *err)
{
    uint32_t first = 0;
    fly_page_batch *batch = NULL;
    fly_status status = fly_pagefile_alloc(file, FLY_PAGE_NONE, count, &first, err);
    if (status != FLY_OK) {
        return status;
    }
    FLY_ASSERT(first == FIRST_PAGE);
    status = fly_page_batch_create(file, FLY_PAGEFILE_BATCH_MAX, &batch, err);
    uint8_t *bytes = fly_mem_calloc(sim->env.mem, 1, PAGE_BYTES);
    if (status == FLY_OK && bytes == NULL) {
        status = FLY_E_NO_MEMORY;
    }
    for (uint32_t page = first; page < first + count && status == FLY_OK; page++) {
        fly_put_u32(bytes, page);
        stamp(bytes, page, 0);
        status = fly_page_batch_add(batch, page, bytes, err);
        if (status == FLY_OK && fly_page_batch_count(batch) == FLY_PAGEFILE_BATCH_MAX) {
            status = fly_page_batch_write(batch, err);
        }
    }
    if (status == FLY_OK) {
        status = fly_page_batch_write(batch, err);
    }
    fly_mem_free(sim->env.mem, bytes, PAGE_BYTES);
    fly_page_batch_destroy(batch);
    return status == FLY_OK ? fly_pagefile_checkpoint(file, 0, NULL, err) : status;
}

/* ----------------------------------------------------------------------------- pools */

static inline fly_bufpool_options pool_options(uint32_t slots)
{
    return (fly_bufpool_options){.bytes = (uint64_t)slots * PAGE_BYTES, .pages_max = PAGES_MAX};
}

/* Number `kind` of all backends with all policies. */
static inline fly_bufpool_options pool_of_kind(uint32_t slots, int kind)
{
    fly_bufpool_options options = pool_options(slots);
    options.backend = backends[kind % BACKENDS];
    options.policy = policies[kind / BACKENDS];
    return options;
}

/* A file of `count` pages and a pool over it. */
static inline void pool_world_open(struct pool_world *w, fly_sim_env *sim, uint32_t count,
                                   const fly_bufpool_options *options)
{
    *w = (struct pool_world){.sim = sim};
    FLY_CHECK_OK(open_file(sim, &w->file, &w->err), w->err);
    if (count > 0) {
        FLY_CHECK_OK(write_pages(sim, w->file, count, &w->err), w->err);
    }
    FLY_CHECK_OK(fly_bufpool_create(&sim->env, w->file, options, &w->pool, &w->err), w->err);
}

static inline void pool_world_close(struct pool_world *w)
{
    fly_bufpool_destroy(w->pool);
    fly_pagefile_close(w->file);
}

/* Read a page's version through the pool, shared. */
static inline fly_status read_shared(fly_bufpool *pool, uint32_t page, uint32_t *version,
                                     fly_err *err)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_shared(pool, page, &ref, err);
    if (status == FLY_OK) {
        *version = version_of_page(ref.bytes, page);
        fly_bufpool_unfix_shared(&ref);
    }
    return status;
}

/* Write a version of a page whose change has the log record at `lsn`. */
static inline fly_status write_version(fly_bufpool *pool, uint32_t page, uint32_t version,
                                       uint64_t lsn, fly_err *err)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_exclusive(pool, page, &ref, err);
    if (status == FLY_OK) {
        fly_bufpool_dirty(pool, &ref, lsn);
        stamp(ref.bytes, page, version);
        fly_page_set_lsn(ref.bytes, lsn);
        fly_bufpool_unfix_exclusive(&ref);
    }
    return status;
}

static inline fly_bufpool_stats stats_of(const fly_bufpool *pool)
{
    fly_bufpool_stats stats;
    fly_bufpool_get_stats(pool, &stats);
    return stats;
}

#endif
