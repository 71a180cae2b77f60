/*
 * What a tree costs, alone: no log, no transactions, the pool as large as it needs to be.
 *
 *     bench_btree DIRECTORY [RECORDS [KEY_BYTES [BACKEND]]]
 *
 * Keys are numbers, big-endian, in order or scattered by a bijection; values are 100 bytes. One thread.
 * Where the design gave an operation a budget, it stands behind the figure; the budget for look-ups is
 * for ten million keys of 16 bytes.
 *
 * Not measured: the disk, a pool that is too small, the log, values that are blobs, threads that get
 * in each other's way, and what a layer with versions adds.
 */
#define _POSIX_C_SOURCE 200809L
#include <fly/base_hash.h>
#include <fly/btree.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 100, KEY_BYTES_MAX = 64, RANGE = 100 };

/* Nanoseconds for each, from 2 M/s, 500 ns, 30 M/s. */
static const double LOAD_BUDGET = 500;
static const double GET_BUDGET = 500;
static const double SCAN_BUDGET = 1e9 / 30e6;

static void must(fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_btree: %s: %s\n", fly_status_text(status), err->message);
        exit(1);
    }
}

/* `budget` is in ns for each, 0 if there is none. */
static void line(const char *name, uint64_t n, uint64_t ns, double budget)
{
    (void)printf("%-14s n=%llu %.3f s, %.0f/s, %.1f ns", name, (unsigned long long)n,
                 (double)ns / 1e9, (double)n * 1e9 / (double)ns, (double)ns / (double)n);
    if (budget > 0) {
        (void)printf(" (budget %.1f ns)", budget);
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

static size_t key_bytes = 8;

static fly_bytes make_key(uint8_t *buffer, uint64_t x)
{
    memset(buffer, 'k', key_bytes);
    fly_put_u64be(buffer + key_bytes - 8, x);
    return fly_bytes_of(buffer, key_bytes);
}

/* An open pool over a fresh file, and a tree in it. */
struct world {
    fly_env env;
    fly_pagefile *file;
    fly_bufpool *pool;
    fly_btree *tree;
};

static void open_world(struct world *world, const char *dir, uint64_t records, int backend)
{
    fly_err err = {0};
    char path[FLY_PATH_MAX];
    uint32_t root;
    fly_env_init(&world->env);
    must(fly_path_join(path, sizeof path, dir, "bench.db", &err), &err);
    (void)remove(path);
    must(fly_pagefile_open(&world->env, path, NULL, &(fly_pagefile_options){.create = true},
                           &world->file, &err),
         &err);
    fly_bufpool_options pool = {.bytes = records * 300 + (64 << 20),
                                .backend = (fly_bufpool_backend)backend};
    must(fly_bufpool_create(&world->env, world->file, &pool, &world->pool, &err), &err);
    fly_btree_options tree = {.pool = world->pool, .id = 1};
    must(fly_btree_create(&world->env, &tree, NULL, &root, &world->tree, &err), &err);
}

static void close_world(struct world *world)
{
    fly_btree_close(world->tree);
    fly_bufpool_destroy(world->pool);
    fly_pagefile_close(world->file);
}

struct value {
    uint8_t bytes[VALUE];
};

static fly_status set_value(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                            fly_err *err)
{
    struct value *value = ctx;
    (void)entry;
    (void)err;
    change->verdict = FLY_BTREE_PUT;
    change->value[0] = fly_bytes_of(value->bytes, VALUE);
    return FLY_OK;
}

static void load(struct world *world, const char *name, uint64_t records, bool scattered)
{
    fly_err err = {0};
    uint8_t key[KEY_BYTES_MAX];
    struct value value = {{0}};
    fly_btree_hint hint = {0};
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < records; i++) {
        uint64_t x = scattered ? fly_hash_u64(i) : i;
        fly_put_u64(value.bytes, x);
        must(fly_btree_upsert(world->tree, &hint, make_key(key, x), set_value, &value, NULL, &err),
             &err);
    }
    line(name, records, fly_now() - began, scattered ? 0 : LOAD_BUDGET);
    fly_btree_stats stats;
    must(fly_btree_verify(world->tree, NULL, NULL, &stats, &err), &err);
    (void)printf("# height %u, leaves %llu, fill %.1f %%, %.1f bytes per record\n", stats.height,
                 (unsigned long long)stats.leaves,
                 100.0 * (double)stats.leaf_bytes / ((double)stats.leaves * 8128),
                 (double)fly_pagefile_pages(world->file) * 8192 / (double)records);
}

static void get(struct world *world, const char *name, uint64_t records, bool scattered)
{
    fly_err err = {0};
    uint8_t key[KEY_BYTES_MAX];
    uint8_t buffer[FLY_PAGE_SIZE_MAX / 4];
    fly_rng rng;
    fly_rng_init(&rng, 1);
    uint64_t n = records < 3000000 ? 3000000 : records;
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = fly_rng_below(&rng, records);
        x = scattered ? fly_hash_u64(x) : x;
        fly_btree_entry entry;
        must(fly_btree_read(world->tree, NULL, make_key(key, x), buffer, &entry, &err), &err);
        if (fly_get_u64(entry.value.data) != x) {
            (void)fprintf(stderr, "bench_btree: wrong value\n");
            exit(1);
        }
    }
    line(name, n, fly_now() - began, GET_BUDGET);
}

static void scan(struct world *world, uint64_t records)
{
    fly_err err = {0};
    fly_btree_cursor *cursor;
    must(fly_btree_cursor_create(world->tree, &cursor, &err), &err);
    for (int round = 0; round < 3; round++) {
        uint64_t sum = 0;
        uint64_t n = 0;
        uint64_t began = fly_now();
        fly_status status = fly_btree_cursor_first(cursor, &err);
        for (; status == FLY_OK; status = fly_btree_cursor_next(cursor, &err)) {
            fly_btree_entry entry = fly_btree_cursor_entry(cursor);
            sum += entry.value.data[0] + fly_btree_cursor_key(cursor).data[0];
            n++;
        }
        line("scan", n, fly_now() - began, SCAN_BUDGET);
        if (n != records || sum == 0) {
            (void)fprintf(stderr, "bench_btree: scan saw %llu\n", (unsigned long long)n);
            exit(1);
        }
    }
    fly_btree_cursor_destroy(cursor);
}

static void scan_backwards(struct world *world, uint64_t records)
{
    fly_err err = {0};
    fly_btree_cursor *cursor;
    must(fly_btree_cursor_create(world->tree, &cursor, &err), &err);
    uint64_t n = 0;
    uint64_t began = fly_now();
    fly_status status = fly_btree_cursor_last(cursor, &err);
    for (; status == FLY_OK; status = fly_btree_cursor_previous(cursor, &err)) {
        n++;
    }
    line("scan_back", n, fly_now() - began, 0);
    if (n != records) {
        (void)fprintf(stderr, "bench_btree: scan saw %llu\n", (unsigned long long)n);
        exit(1);
    }
    fly_btree_cursor_destroy(cursor);
}

static void remove_all(struct world *world, uint64_t records)
{
    fly_err err = {0};
    uint8_t key[KEY_BYTES_MAX];
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < records; i++) {
        must(fly_btree_remove(world->tree, make_key(key, fly_hash_u64(i)), &err), &err);
    }
    line("remove_random", records, fly_now() - began, 0);
}

static void bulk_load(struct world *world, uint64_t records)
{
    fly_err err = {0};
    uint8_t key[KEY_BYTES_MAX];
    struct value value = {{0}};
    fly_btree_load *load;
    uint64_t began = fly_now();
    must(fly_btree_load_begin(world->tree, 0, NULL, &load, &err), &err);
    for (uint64_t i = 0; i < records; i++) {
        fly_put_u64(value.bytes, i);
        must(fly_btree_load_add(load, make_key(key, i), fly_bytes_of(value.bytes, VALUE), false,
                                &err),
             &err);
    }
    must(fly_btree_load_finish(load, &err), &err);
    line("load_bulk", records, fly_now() - began, LOAD_BUDGET);
}

static void range(struct world *world, uint64_t records, bool scattered)
{
    fly_err err = {0};
    uint8_t key[KEY_BYTES_MAX];
    fly_rng rng;
    fly_btree_cursor *cursor;
    fly_rng_init(&rng, 1);
    must(fly_btree_cursor_create(world->tree, &cursor, &err), &err);
    uint64_t n = 200000;
    uint64_t sum = 0;
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = fly_rng_below(&rng, records);
        x = scattered ? fly_hash_u64(x) : x;
        fly_status status = fly_btree_cursor_seek(cursor, make_key(key, x), &err);
        for (int j = 0; j < RANGE && status == FLY_OK; j++) {
            sum += fly_btree_cursor_entry(cursor).value.data[0];
            status = fly_btree_cursor_next(cursor, &err);
        }
    }
    line("range_100", n, fly_now() - began, 0);
    (void)sum;
    fly_btree_cursor_destroy(cursor);
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-') {
        (void)fprintf(stderr, "usage: bench_btree [DIRECTORY [RECORDS [KEY_BYTES [BACKEND]]]]\n");
        return 2;
    }
    const char *dir = argc > 1 ? argv[1] : ".";
    uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    key_bytes = argc > 3 ? (size_t)atoi(argv[3]) : 8;
    int backend = argc > 4 ? atoi(argv[4]) : 0;
    struct world world;
    open_world(&world, dir, records, backend);
    load(&world, "load_seq", records, false);
    get(&world, "get_seq", records, false);
    scan(&world, records);
    close_world(&world);
    open_world(&world, dir, records, backend);
    load(&world, "load_random", records, true);
    get(&world, "get_random", records, true);
    range(&world, records, true);
    scan(&world, records);
    scan_backwards(&world, records);
    remove_all(&world, records);
    close_world(&world);
    open_world(&world, dir, records, backend);
    bulk_load(&world, records);
    scan(&world, records);
    close_world(&world);
    return 0;
}
