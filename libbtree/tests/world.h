/*
 * What the tests of libbtree stand on: a small world with a page file, a pool, a tree, and a journal
 * that remembers what was logged.
 *
 * Failed expectations stop the process, so that the same helpers serve in Check's processes, in the
 * children that the drivers of base-testing start, and in fuzz targets.
 */
#ifndef FLY_BTREE_TESTS_WORLD_H
#define FLY_BTREE_TESTS_WORLD_H

#include <fly/base_testing.h>

#include <fly/base_hash.h>
#include <fly/btree.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ThreadSanitizer makes tests with one thread ten times slower and has nothing to say about them. */
#ifdef __SANITIZE_THREAD__
enum { LESS = 10 };
#else
enum { LESS = 1 };
#endif

/* The call must return this; says what it returned instead, and why. */
#define WANT(call, wanted, err)                                                                    \
    do {                                                                                           \
        fly_status got_ = (call);                                                                  \
        if (got_ != (wanted)) {                                                                    \
            (void)fprintf(stderr, "%s:%d: %s: %s instead of %s: %s\n", __FILE__, __LINE__, #call,  \
                          fly_status_name(got_), fly_status_name(wanted), (err)->message);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define OK(call, err) WANT(call, FLY_OK, err)

/* This must hold. */
#define HOLDS(x) FLY_ASSERT(x)

/* ---------------------------------------------------------------- a codec that takes room */

enum { CODEC_RESERVE = 88 };

static inline fly_status codec_describe(const fly_page_codec *codec,
                                        uint8_t params[FLY_PAGEFILE_PARAMS], fly_err *err)
{
    (void)codec;
    (void)err;
    memset(params, 7, FLY_PAGEFILE_PARAMS);
    return FLY_OK;
}

static inline fly_status codec_accept(const fly_page_codec *codec,
                                      const uint8_t params[FLY_PAGEFILE_PARAMS], fly_err *err)
{
    (void)codec;
    (void)params;
    (void)err;
    return FLY_OK;
}

/* Turns every bit of the page behind its header and fills the reserve: what the tree wrote there
 * would be lost. */
static inline fly_status codec_encode(const fly_page_codec *codec, const uint8_t uuid[16],
                                      uint32_t id, const uint8_t *plain, uint8_t *out,
                                      uint32_t size, fly_err *err)
{
    (void)uuid;
    (void)id;
    (void)err;
    memcpy(out, plain, FLY_PAGE_HEADER);
    for (uint32_t i = FLY_PAGE_HEADER; i < size - codec->reserve; i++) {
        out[i] = (uint8_t)~plain[i];
    }
    memset(out + size - codec->reserve, 0xcc, codec->reserve);
    return FLY_OK;
}

static inline fly_status codec_decode(const fly_page_codec *codec, const uint8_t uuid[16],
                                      uint32_t id, uint8_t *bytes, uint32_t size, fly_err *err)
{
    (void)uuid;
    (void)id;
    (void)err;
    for (uint32_t i = FLY_PAGE_HEADER; i < size - codec->reserve; i++) {
        bytes[i] = (uint8_t)~bytes[i];
    }
    memset(bytes + size - codec->reserve, 0, codec->reserve);
    return FLY_OK;
}

static const fly_page_codec test_codec = {
    .id = 77,
    .reserve = CODEC_RESERVE,
    .describe = codec_describe,
    .accept = codec_accept,
    .encode = codec_encode,
    .decode = codec_decode,
};

/* ------------------------------------------------------------------------ the journal */

/* A record that the tree logged. */
struct record {
    uint64_t lsn;
    void *op;
    uint8_t type;
    uint8_t *body;
    size_t len;
};

/* A log in memory. LSNs are 1, 2, 3 …: record i has LSN i + 1. */
struct journal {
    struct record *records;
    size_t count;
    size_t room;
    uint64_t fail_at; /* this append fails, counted from now on; UINT64_MAX: none does */
    bool lasting;     /* and all after it */
    uint64_t failed;  /* appends that did */
    int nesting;      /* of begin_structure() */
    uint64_t structures;
    bool threads; /* several append; structures overlap */
    bool silent;  /* says of every record that it need not survive */
    pthread_mutex_t mutex;
    /* Called before each record is appended and after each change of structure. */
    void (*before)(void *ctx);
    void *ctx;
};

static inline fly_status journal_append_alone(void *ctx, void *op, uint8_t type,
                                              const fly_bytes *pieces, int count, uint64_t *lsn,
                                              fly_err *err)
{
    struct journal *journal = ctx;
    if (journal->before != NULL) {
        journal->before(journal->ctx);
    }
    if (journal->fail_at == 0) {
        journal->fail_at = journal->lasting ? 0 : UINT64_MAX;
        journal->failed++;
        return fly_err_set(err, FLY_E_STOPPED, "the journal was told to fail");
    }
    journal->fail_at -= journal->fail_at != UINT64_MAX ? 1 : 0;
    if (journal->count == journal->room) {
        journal->room = journal->room * 2 + 256;
        journal->records = realloc(journal->records, journal->room * sizeof *journal->records);
        HOLDS(journal->records != NULL);
    }
    struct record *record = &journal->records[journal->count++];
    *record = (struct record){.lsn = journal->count, .op = op, .type = type};
    for (int i = 0; i < count; i++) {
        record->len += pieces[i].len;
    }
    record->body = malloc(record->len + 1);
    HOLDS(record->body != NULL);
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (pieces[i].len > 0) {
            memcpy(record->body + at, pieces[i].data, pieces[i].len);
            at += pieces[i].len;
        }
    }
    *lsn = journal->silent ? 0 : record->lsn;
    return FLY_OK;
}

static inline fly_status journal_append(void *ctx, void *op, uint8_t type, const fly_bytes *pieces,
                                        int count, uint64_t *lsn, fly_err *err)
{
    struct journal *journal = ctx;
    (void)pthread_mutex_lock(&journal->mutex);
    fly_status status = journal_append_alone(ctx, op, type, pieces, count, lsn, err);
    (void)pthread_mutex_unlock(&journal->mutex);
    return status;
}

static inline uint64_t journal_position(void *ctx)
{
    struct journal *journal = ctx;
    (void)pthread_mutex_lock(&journal->mutex);
    uint64_t position = journal->count + 1;
    (void)pthread_mutex_unlock(&journal->mutex);
    return position;
}

static inline void journal_begin(void *ctx)
{
    struct journal *journal = ctx;
    (void)pthread_mutex_lock(&journal->mutex);
    HOLDS(journal->nesting == 0 || journal->threads);
    journal->nesting++;
    journal->structures++;
    (void)pthread_mutex_unlock(&journal->mutex);
}

static inline void journal_end(void *ctx)
{
    struct journal *journal = ctx;
    (void)pthread_mutex_lock(&journal->mutex);
    journal->nesting--;
    HOLDS(journal->nesting == 0 || journal->threads);
    (void)pthread_mutex_unlock(&journal->mutex);
}

static inline void journal_init(struct journal *journal)
{
    *journal = (struct journal){.fail_at = UINT64_MAX, .mutex = PTHREAD_MUTEX_INITIALIZER};
}

static inline void journal_deinit(struct journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        free(journal->records[i].body);
    }
    free(journal->records);
    journal_init(journal);
}

static inline fly_bytes record_body(const struct record *record)
{
    return fly_bytes_of(record->body, record->len);
}

/* -------------------------------------------------------------------------- the world */

enum { TREE_ID = 7, POOL_PAGES = 64 };

/* Zero means the default. */
struct world_options {
    uint32_t page_size;  /* 4,096 */
    uint32_t pool_pages; /* POOL_PAGES */
    bool codec;          /* pages lose CODEC_RESERVE bytes */
    bool unchecked;      /* the pool takes what the disk says on trust */
    struct journal *journal;
    size_t record_max; /* of the journal: 16 pages */
    fly_bufpool_backend backend;
    const char *area;               /* a double-write area */
    fly_flush_gate gate;            /* of the pool */
    const fly_btree_logger *logger; /* instead of a journal */
};

struct world {
    fly_env *env;
    struct world_options options;
    fly_btree_logger logger;
    fly_pagefile *file;
    fly_bufpool *pool;
    fly_btree *tree;
    uint32_t root;
    fly_err err;
};

static inline fly_btree_options world_tree_options(struct world *world)
{
    return (fly_btree_options){.pool = world->pool,
                               .id = TREE_ID,
                               .logger = world->options.logger != NULL    ? world->options.logger
                                         : world->options.journal != NULL ? &world->logger
                                                                          : NULL};
}

/* Open file and pool, making the file if it is not there. Whatever fails: nothing stays open. */
static inline fly_status world_open_pool(struct world *world, fly_env *env,
                                         const struct world_options *options)
{
    static const struct world_options defaults = {0};
    memset(world, 0, sizeof *world);
    world->env = env;
    world->options = options != NULL ? *options : defaults;
    uint32_t page_size = world->options.page_size != 0 ? world->options.page_size : 4096;
    uint32_t pages = world->options.pool_pages != 0 ? world->options.pool_pages : POOL_PAGES;
    size_t record_max = world->options.record_max != 0 ? world->options.record_max
                                                       : 16 * (size_t)page_size;
    world->logger = (fly_btree_logger){.append = journal_append,
                                       .position = journal_position,
                                       .begin_structure = journal_begin,
                                       .end_structure = journal_end,
                                       .record_max = record_max,
                                       .ctx = world->options.journal};
    fly_pagefile_options file = {
        .page_size = page_size, .create = true, .codec = world->options.codec ? &test_codec : NULL};
    fly_status status =
        fly_pagefile_open(env, "tree.db", world->options.area, &file, &world->file, &world->err);
    if (status != FLY_OK) {
        return status;
    }
    fly_bufpool_options pool = {.bytes = (uint64_t)pages * page_size,
                                .backend = world->options.backend,
                                .gate = world->options.gate,
                                .check = world->options.unchecked ? NULL : fly_btree_check_page,
                                .pages_max = 1 << 20,
                                .batch_pages = 16};
    status = fly_bufpool_create(env, world->file, &pool, &world->pool, &world->err);
    if (status != FLY_OK) {
        fly_pagefile_close(world->file);
    }
    return status;
}

static inline void world_close(struct world *world)
{
    fly_btree_close(world->tree);
    fly_bufpool_destroy(world->pool);
    fly_pagefile_close(world->file);
    world->tree = NULL;
    world->pool = NULL;
    world->file = NULL;
}

/* The same, and make an empty tree. */
static inline fly_status world_create(struct world *world, fly_env *env,
                                      const struct world_options *options)
{
    fly_status status = world_open_pool(world, env, options);
    if (status == FLY_OK) {
        fly_btree_options tree = world_tree_options(world);
        status = fly_btree_create(env, &tree, NULL, &world->root, &world->tree, &world->err);
        if (status != FLY_OK) {
            world_close(world);
        }
    }
    return status;
}

/* Everything to disk, and open it again. */
static inline void world_reopen(struct world *world)
{
    fly_env *env = world->env;
    struct world_options options = world->options;
    uint32_t root = world->root;
    OK(fly_bufpool_flush(world->pool, UINT64_MAX, 0, NULL, &world->err), &world->err);
    OK(fly_pagefile_checkpoint(world->file, 0, NULL, &world->err), &world->err);
    world_close(world);
    OK(world_open_pool(world, env, &options), &world->err);
    fly_btree_options tree = world_tree_options(world);
    OK(fly_btree_open(env, &tree, root, &world->tree, &world->err), &world->err);
    world->root = root;
}

/* -------------------------------------------------------------------- checking a tree */

struct census {
    uint32_t *pages; /* how often each page was seen */
    uint32_t room;
    uint32_t count;
};

static inline void census_see(void *ctx, uint32_t page)
{
    struct census *census = ctx;
    HOLDS(page < census->room);
    census->pages[page]++;
    census->count++;
}

/*
 * Verify the tree, and that exactly its pages, each once, and `others` more are in use. Returns
 * what verify returned; with anything but FLY_OK nothing was counted.
 */
static inline fly_status world_census(struct world *world, uint32_t others, fly_btree_stats *stats)
{
    struct census census = {.room = fly_pagefile_pages(world->file) + 1};
    census.pages = calloc(census.room, sizeof *census.pages);
    HOLDS(census.pages != NULL);
    fly_status status = fly_btree_verify(world->tree, census_see, &census, stats, &world->err);
    for (uint32_t page = 0; page < census.room && status == FLY_OK; page++) {
        HOLDS(census.pages[page] <= 1);
    }
    if (status == FLY_OK) {
        uint32_t own = 0;
        for (uint32_t page = 0; page < fly_pagefile_pages(world->file); page++) {
            own += fly_pagefile_is_own(world->file, page);
        }
        if (fly_pagefile_used(world->file) != own + census.count + others) {
            (void)fprintf(stderr,
                          "%u pages are in use, but %u belong to the file, %u to the tree\n",
                          fly_pagefile_used(world->file), own, census.count);
            abort();
        }
    }
    free(census.pages);
    return status;
}

static inline void world_verify(struct world *world, fly_btree_stats *stats)
{
    OK(world_census(world, 0, stats), &world->err);
}

/* ---------------------------------------------------------------------- keys and values */

/* A text as a key, without its terminator. */
static inline fly_bytes text(const char *key)
{
    return fly_bytes_of(key, strlen(key));
}

/* Fill a value that only this number and length have. */
static inline void value_fill(uint8_t *to, uint64_t number, size_t len)
{
    uint64_t x = fly_hash_u64(number * 1000003 + len + 1);
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        x += 0x9e3779b97f4a7c15u;
        fly_put_u64(to + i, x);
    }
    for (; i < len; i++) {
        to[i] = (uint8_t)(x >> (8 * (i % 8)));
    }
}

static inline bool value_is(const uint8_t *at, uint64_t number, size_t len)
{
    uint64_t x = fly_hash_u64(number * 1000003 + len + 1);
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        x += 0x9e3779b97f4a7c15u;
        if (fly_get_u64(at + i) != x) {
            return false;
        }
    }
    for (; i < len; i++) {
        if (at[i] != (uint8_t)(x >> (8 * (i % 8)))) {
            return false;
        }
    }
    return true;
}

#endif
