/*
 * Goal: a tree whose changes are logged survives every crash.
 * Method: a log of the smallest kind, in this file; random work, each operation acknowledged when its
 * records are durable; power goes at every call that changes the disk. Then the records are redone on
 * what is left of the pages, and the tree has to hold what was acknowledged, with or without the
 * operation under way, and nothing else.
 */
#include "shadow.h"

#include <fly/base_check.h>

#include <pthread.h>

/* ---------------------------------------------------------------------- a small log */

enum { RECORD_PREFIX = 17, LOG_MAX = 1 << 22 };

/* Records of u32 length, u32 CRC32C of what follows, u64 LSN, u8 type, body. LSNs are 1, 2, 3 … */
struct small_log {
    fly_file *file;
    uint8_t *bytes; /* all of it */
    size_t len;
    size_t flushed;
    uint64_t last; /* LSN of the newest record */
    uint64_t durable;
};

static fly_status small_append(void *ctx, void *op, uint8_t type, const fly_bytes *pieces,
                               int count, uint64_t *lsn, fly_err *err)
{
    struct small_log *log = ctx;
    (void)op;
    (void)err;
    uint8_t *at = log->bytes + log->len;
    size_t len = RECORD_PREFIX;
    for (int i = 0; i < count; i++) {
        HOLDS(log->len + len + pieces[i].len <= LOG_MAX);
        if (pieces[i].len > 0) {
            memcpy(at + len, pieces[i].data, pieces[i].len);
            len += pieces[i].len;
        }
    }
    fly_put_u32(at, (uint32_t)len);
    fly_put_u64(at + 8, ++log->last);
    at[16] = type;
    fly_put_u32(at + 4, fly_crc32c(0, at + 8, len - 8));
    log->len += len;
    *lsn = log->last;
    return FLY_OK;
}

static uint64_t small_position(void *ctx)
{
    const struct small_log *log = ctx;
    return log->last + 1;
}

static fly_status small_flush(struct small_log *log, fly_err *err)
{
    fly_status status = fly_file_write(log->file, log->flushed, log->bytes + log->flushed,
                                       log->len - log->flushed, 0, err);
    status = status == FLY_OK ? fly_file_sync(log->file, err) : status;
    if (status == FLY_OK) {
        log->flushed = log->len;
        log->durable = log->last;
    }
    return status;
}

static fly_status small_flushed_to(void *ctx, uint64_t lsn, fly_err *err)
{
    struct small_log *log = ctx;
    return lsn <= log->durable ? FLY_OK : small_flush(log, err);
}

/* Open the log and read what is whole of it. */
static fly_status small_open(struct small_log *log, fly_env *env, fly_err *err)
{
    *log = (struct small_log){0};
    fly_status status =
        fly_file_open(env->vfs, "log", FLY_OPEN_WRITE | FLY_OPEN_CREATE, &log->file, err);
    status = status == FLY_OK ? fly_vfs_sync_dir(env->vfs, ".", err) : status;
    uint64_t size = 0;
    status = status == FLY_OK ? fly_file_size(log->file, &size, err) : status;
    log->bytes = calloc(1, LOG_MAX);
    HOLDS(log->bytes != NULL);
    HOLDS(size <= LOG_MAX);
    status = status == FLY_OK && size > 0
                 ? fly_file_read(log->file, 0, log->bytes, (size_t)size, err)
                 : status;
    while (status == FLY_OK && log->len + RECORD_PREFIX <= size) {
        const uint8_t *at = log->bytes + log->len;
        uint32_t len = fly_get_u32(at);
        if (len < RECORD_PREFIX || len > size - log->len ||
            fly_crc32c(0, at + 8, len - 8) != fly_get_u32(at + 4) ||
            fly_get_u64(at + 8) != log->last + 1) {
            break;
        }
        log->len += len;
        log->last++;
    }
    log->flushed = log->len;
    log->durable = log->last;
    return status;
}

static void small_close(struct small_log *log)
{
    fly_file_abandon(log->file);
    free(log->bytes);
}

/* -------------------------------------------------------------------------- the work */

enum { ROOT = 2 }; /* the first page that is nobody's in a new file */

struct history {
    uint32_t steps;
    uint32_t value_max;
    uint32_t checkpoint_every;
    uint64_t seed;
    bool codec;
    bool created;            /* the tree has been acknowledged */
    struct shadow acked;     /* what is durable */
    struct shadow attempted; /* what the operation under way would make of it */
};

struct engine {
    struct small_log log;
    fly_btree_logger logger;
    struct world world;
};

static fly_status engine_open(struct engine *engine, fly_env *env, const struct history *history,
                              fly_err *err)
{
    fly_status status = small_open(&engine->log, env, err);
    engine->logger = (fly_btree_logger){.append = small_append,
                                        .position = small_position,
                                        .record_max = 1 << 16,
                                        .ctx = &engine->log};
    struct world_options options = {
        .pool_pages = 16,
        .codec = history->codec,
        .area = "tree.dw",
        .gate = {.log_flushed_to = small_flushed_to, .ctx = &engine->log},
        .logger = &engine->logger};
    status = status == FLY_OK ? world_open_pool(&engine->world, env, &options) : status;
    if (status != FLY_OK) {
        small_close(&engine->log);
    }
    return status;
}

static void engine_close(struct engine *engine)
{
    world_close(&engine->world);
    small_close(&engine->log);
}

static fly_status engine_checkpoint(struct engine *engine, fly_err *err)
{
    fly_status status = small_flush(&engine->log, err);
    uint64_t lsn = engine->log.last;
    status = status == FLY_OK ? fly_bufpool_flush(engine->world.pool, UINT64_MAX, 0, NULL, err)
                              : status;
    return status == FLY_OK ? fly_pagefile_checkpoint(engine->world.file, lsn, NULL, err) : status;
}

static fly_status make_tree(struct engine *engine, struct history *history, fly_err *err)
{
    struct world *world = &engine->world;
    fly_btree_options options = world_tree_options(world);
    fly_status status =
        fly_btree_create(world->env, &options, NULL, &world->root, &world->tree, err);
    if (status == FLY_OK) {
        HOLDS(world->root == ROOT);
        status = small_flush(&engine->log, err);
    }
    history->created = status == FLY_OK;
    return status;
}

static fly_status do_work(fly_sim_env *sim, void *ctx)
{
    struct history *history = ctx;
    struct engine engine;
    fly_err err = {0};
    fly_rng rng;
    fly_rng_init(&rng, history->seed);
    struct shadow shadow = {.keys = 250, .value_max = history->value_max};
    history->acked = shadow;
    history->attempted = shadow;
    history->created = false;
    fly_status status = engine_open(&engine, &sim->env, history, &err);
    if (status != FLY_OK) {
        return status;
    }
    status = engine_checkpoint(&engine, &err); /* the file is one from now on */
    status = status == FLY_OK ? fly_vfs_sync_dir(sim->env.vfs, ".", &err) : status;
    status = status == FLY_OK ? make_tree(&engine, history, &err) : status;
    for (uint32_t i = 0; i < history->steps && status == FLY_OK; i++) {
        status = shadow_step(engine.world.tree, &shadow, &rng, i * 5 / history->steps >= 3,
                             &history->attempted, &err);
        status = status == FLY_OK ? small_flush(&engine.log, &err) : status;
        if (status == FLY_OK) {
            history->acked = shadow;
        }
        if (status == FLY_OK && i % history->checkpoint_every == history->checkpoint_every - 1) {
            status = engine_checkpoint(&engine, &err);
        }
    }
    if (status == FLY_OK) {
        world_verify(&engine.world, NULL);
    }
    engine_close(&engine);
    return status;
}

/* ------------------------------------------------------------------------- afterwards */

static void ignore_missing(void *ctx, uint32_t page, bool gone)
{
    uint32_t *missing = ctx;
    *missing += gone ? 0 : 1;
    (void)page;
}

/* Redo what the log has behind the last checkpoint, and make a checkpoint. */
static void recover(struct engine *engine)
{
    fly_err *err = &engine->world.err;
    uint64_t done = fly_pagefile_checkpoint_lsn(engine->world.file);
    uint32_t missing = 0;
    uint64_t lsn = 0;
    for (size_t at = 0; at < engine->log.len; at += fly_get_u32(engine->log.bytes + at)) {
        const uint8_t *record = engine->log.bytes + at;
        lsn++;
        if (lsn > done) {
            OK(fly_btree_redo(
                   engine->world.pool, record[16],
                   fly_bytes_of(record + RECORD_PREFIX, fly_get_u32(record) - RECORD_PREFIX), lsn,
                   ignore_missing, &missing, err),
               err);
        }
    }
    HOLDS(done <= lsn);
    OK(engine_checkpoint(engine, err), err);
}

struct survivor {
    fly_sim_env *sim;
    const struct history *history;
};

static void *look_alone(void *arg)
{
    const struct survivor *survivor = arg;
    const struct history *history = survivor->history;
    struct engine engine;
    fly_err err = {0};
    fly_status status = engine_open(&engine, &survivor->sim->env, history, &err);
    if (!history->created && status != FLY_OK) {
        return NULL; /* half of a page file is none; its owner would make another */
    }
    OK(status, &engine.world.err);
    recover(&engine);
    struct world *world = &engine.world;
    if (engine.log.last > 0) {
        fly_btree_options options = world_tree_options(world);
        OK(fly_btree_open(world->env, &options, ROOT, &world->tree, &err), &err);
        OK(fly_btree_verify(world->tree, NULL, NULL, NULL, &err), &err);
        HOLDS(shadow_matches(world->tree, &history->acked, &err) ||
              shadow_matches(world->tree, &history->attempted, &err));
    } else {
        HOLDS(!history->created);
    }
    engine_close(&engine);
    return NULL;
}

/* We come from the middle of a call, which may hold mutexes of the pool that crashed: so recovery,
 * which takes the same ones of another pool, is another thread's. */
static void look(fly_sim_env *sim, void *ctx)
{
    pthread_t thread;
    struct survivor survivor = {.sim = sim, .history = ctx};
    HOLDS(pthread_create(&thread, NULL, look_alone, &survivor) == 0);
    HOLDS(pthread_join(thread, NULL) == 0);
}

/* -------------------------------------------------------------------------------- tests */

START_TEST(every_call_of_the_disk_may_be_the_last)
{
    static struct history histories[] = {
        {.steps = 200, .value_max = 300, .checkpoint_every = 25, .seed = 1},
        {.steps = 150, .value_max = 9000, .checkpoint_every = 20, .seed = 2},
        {.steps = 200, .value_max = 1000, .checkpoint_every = 7, .seed = 3, .codec = true},
    };
    static const uint64_t strides[] = {3, 3, 3};
    char name[64];
    (void)snprintf(name, sizeof name, "crash of history %d", _i);
    ck_assert(fly_test_each_crash(
        name, &(fly_test_crash_options){.stride = strides[_i] * LESS, .seeds = 1}, do_work, look,
        &histories[_i]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree crash");
    TCase *tests = fly_test_case(suite, "crash");
    tcase_add_loop_test(tests, every_call_of_the_disk_may_be_the_last, 0, 3);
    return fly_test_run(suite);
}
