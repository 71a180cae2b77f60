/*
 * What transactions cost over a cached store: beginning and ending one, reading, changing an entry in a
 * transaction of its own, loading, and recovery after a crash with everything still to be redone
 * [budget: 1 M keys in 3 s]. Does not measure durable commits (bench_wal does), several threads, or a
 * store larger than its pool.
 *
 *     bench_txn [DIRECTORY [RECORDS]]
 *
 * DIRECTORY exists and decides which disk it is; default the current one. Makes bench.store in it, and
 * removes it. Durability async; keys of 8 bytes, values of 100; one thread; lines as bench_wal's: name,
 * how many, seconds, per second.
 */
#define _POSIX_C_SOURCE 200809L
#include <fly/base_hash.h>
#include <fly/txn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 100, BATCH = 1000, SECOND = 1000000000 };

static char dir[FLY_PATH_MAX];
static fly_env env;
static fly_store *store;
static fly_tree *tree;
static fly_err err;

static void must(fly_status status)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_txn: %s: %s\n", fly_status_text(status), err.message);
        exit(1);
    }
}

static void line(const char *name, uint64_t n, uint64_t began)
{
    uint64_t ns = fly_now() - began;
    (void)printf("%s %llu %.3f %.0f\n", name, (unsigned long long)n, (double)ns / SECOND,
                 (double)n * SECOND / (double)ns);
    (void)fflush(stdout);
}

/* What is not there is fine. */
static void ignore(fly_status status)
{
    (void)status;
}

static void remove_file(void *ctx, const char *name)
{
    char path[FLY_PATH_MAX];
    if (fly_path_join(path, sizeof path, ctx, name, NULL) == FLY_OK) {
        ignore(fly_vfs_remove(env.vfs, path, NULL));
    }
}

static void remove_store(void)
{
    char log[FLY_PATH_MAX];
    must(fly_path_join(log, sizeof log, dir, "wal", &err));
    ignore(fly_vfs_list(env.vfs, log, remove_file, log, NULL));
    ignore(fly_vfs_list(env.vfs, dir, remove_file, dir, NULL));
    ignore(fly_vfs_remove(env.vfs, dir, NULL));
}

static void open_store(void)
{
    fly_store_options options = {
        .create = true,
        .pool_bytes = (uint64_t)2 << 30,
        .durability = FLY_DURABILITY_ASYNC,
        .checkpoint_bytes = (uint64_t)1 << 40, /* none comes in between */
        .checkpoint_secs = UINT32_MAX,
    };
    fly_txn *txn;
    must(fly_store_open(&env, dir, &options, &store, &err));
    must(fly_txn_begin(store, NULL, &txn, &err));
    must(fly_txn_tree_open(txn, "records", FLY_TREE_CREATE, &tree, &err));
    must(fly_txn_commit(txn, &err));
}

/* Key number `i`, in random order. */
static fly_bytes key_of(uint8_t bytes[8], uint64_t i)
{
    fly_put_u64be(bytes, fly_hash_u64(i));
    return fly_bytes_of(bytes, 8);
}

static void put(fly_txn *txn, uint64_t i)
{
    uint8_t key[8];
    uint8_t value[VALUE];
    memset(value, (int)i, sizeof value);
    must(fly_txn_put(txn, tree, key_of(key, i), fly_bytes_of(value, sizeof value), &err));
}

static void load(uint64_t records)
{
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < records;) {
        fly_txn *txn;
        must(fly_txn_begin(store, NULL, &txn, &err));
        for (int n = 0; n < BATCH && i < records; n++, i++) {
            put(txn, i);
        }
        must(fly_txn_commit(txn, &err));
    }
    line("load_random", records, began);
}

static void begin_and_end(uint64_t n)
{
    const fly_txn_options reading = {.isolation = FLY_ISOLATION_SNAPSHOT, .read_only = true};
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < n; i++) {
        fly_txn *txn;
        must(fly_txn_begin(store, &reading, &txn, &err));
        must(fly_txn_commit(txn, &err));
    }
    line("begin_and_end", n, began);
}

static void get(uint64_t records, uint64_t n)
{
    const fly_txn_options reading = {.isolation = FLY_ISOLATION_SNAPSHOT, .read_only = true};
    fly_txn *txn;
    must(fly_txn_begin(store, &reading, &txn, &err));
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < n; i++) {
        uint8_t key[8];
        uint8_t value[VALUE];
        uint64_t len;
        fly_bytes wanted = key_of(key, fly_hash_u64(i) % records);
        must(fly_txn_get(txn, tree, wanted, value, sizeof value, &len, &err));
    }
    line("get_random", n, began);
    must(fly_txn_commit(txn, &err));
}

static void update(uint64_t records, uint64_t n)
{
    uint64_t began = fly_now();
    for (uint64_t i = 0; i < n; i++) {
        fly_txn *txn;
        must(fly_txn_begin(store, NULL, &txn, &err));
        put(txn, fly_hash_u64(i) % records);
        must(fly_txn_commit(txn, &err));
    }
    line("update_one", n, began);
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-') {
        (void)fprintf(stderr, "usage: bench_txn [DIRECTORY [RECORDS]]\n");
        return 2;
    }
    uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    fly_env_init(&env);
    must(fly_path_join(dir, sizeof dir, argc > 1 ? argv[1] : ".", "bench.store", &err));
    remove_store();
    open_store();
    load(records);
    must(fly_wal_flush(fly_store_wal(store), fly_wal_next(fly_store_wal(store)),
                       FLY_DURABILITY_FULL, &err));
    fly_store_abandon(store);
    uint64_t began = fly_now();
    open_store();
    line("recover", records, began);
    begin_and_end(records);
    get(records, 2 * records);
    update(records, records);
    must(fly_store_close(store, &err));
    remove_store();
    return 0;
}
