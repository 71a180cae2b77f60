/*
 * What the tests of flyinspect share: a store on disk whose contents are known, damage, commands that
 * run in this process with their output in a text.
 *
 * The store has 4 KB pages, so that a few hundred entries make a tree. Some entries are deleted. Trees:
 * "fruit" (short values), "long" (values of several pages), "empty".
 */
#ifndef FLYINSPECT_WORLD_H
#define FLYINSPECT_WORLD_H

#include "command.h"

#include <fly/base_check.h>
#include <fly/base_seeds.h>
#include <fly/txn.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(call, err) FLY_CHECK_OK(call, err)

enum {
    FRUITS = 400, /* keys 0 to 399; every seventh is deleted */
    LONGS = 12,   /* values of 3,000 bytes and more */
    VALUE_MAX = 40000,
    PAGE = 4096,
    OUTPUT_MAX = 1 << 23
};

static char dir[64];   /* of everything */
static char store[80]; /* the store */
static char fresh[80]; /* where salvage goes */
static fly_env env;
static fly_err err;
static char said[OUTPUT_MAX]; /* by the last command */
static uint32_t segment_size = 256 << 10;

/* --------------------------------------------------------------------- known contents */

static size_t fruit_key(uint32_t i, char *key, size_t size)
{
    return (size_t)snprintf(key, size, "fruit/%05u", i);
}

static size_t fruit_value(uint32_t i, char *value)
{
    size_t len = 10 + i * 7 % 50;
    for (size_t at = 0; at < len; at++) {
        value[at] = (char)('a' + (i + at) % 26);
    }
    return len;
}

static size_t long_value(uint32_t i, char *value)
{
    size_t len = 3000 + (size_t)i * 3000;
    for (size_t at = 0; at < len; at++) {
        value[at] = (char)('A' + (i * 5 + at) % 26);
    }
    return len;
}

static bool fruit_exists(uint32_t i)
{
    return i % 7 != 3;
}

/* ------------------------------------------------------------------------- the store */

static fly_store *open_store(const char *path, bool create)
{
    fly_store *opened = NULL;
    fly_store_options options = {
        .create = create,
        .page_size = create ? PAGE : 0,
        .pool_bytes = 4 << 20,
        .wal_segment_size = segment_size,
        .wal_ring_size = 256 << 10,
        .buffered = true,
        .manual = true,
    };
    OK(fly_store_open(&env, path, &options, &opened, &err), err);
    return opened;
}

static void put_fruit(fly_txn *txn, fly_tree *tree, uint32_t i)
{
    char key[32];
    char value[64];
    size_t key_len = fruit_key(i, key, sizeof key);
    size_t len = fruit_value(i, value);
    OK(fly_txn_put(txn, tree, fly_bytes_of(key, key_len), fly_bytes_of(value, len), &err), err);
}

static void put_longs(fly_txn *txn, fly_tree *tree, uint32_t first, uint32_t step)
{
    static char value[VALUE_MAX];
    for (uint32_t i = first; i < LONGS; i += step) {
        char key[32];
        size_t key_len = (size_t)snprintf(key, sizeof key, "long/%u", i);
        size_t len = long_value(i, value);
        OK(fly_txn_put(txn, tree, fly_bytes_of(key, key_len), fly_bytes_of(value, len), &err), err);
    }
}

/* Make the trees, and put every step-th entry from the first on, in one transaction; then delete in
 * another one what is to be deleted. */
static void fill_store(fly_store *to, uint32_t first, uint32_t step)
{
    fly_txn *txn;
    fly_tree *fruit;
    fly_tree *longs;
    fly_tree *empty;
    OK(fly_txn_begin(to, NULL, &txn, &err), err);
    OK(fly_txn_tree_open(txn, "fruit", FLY_TREE_CREATE, &fruit, &err), err);
    OK(fly_txn_tree_open(txn, "long", FLY_TREE_CREATE, &longs, &err), err);
    OK(fly_txn_tree_open(txn, "empty", FLY_TREE_CREATE, &empty, &err), err);
    for (uint32_t i = first; i < FRUITS; i += step) {
        put_fruit(txn, fruit, i);
    }
    put_longs(txn, longs, first, step);
    OK(fly_txn_commit(txn, &err), err);
    OK(fly_txn_begin(to, NULL, &txn, &err), err);
    for (uint32_t i = first; i < FRUITS; i += step) {
        char key[32];
        size_t key_len = fruit_key(i, key, sizeof key);
        if (!fruit_exists(i)) {
            OK(fly_txn_delete(txn, fruit, fly_bytes_of(key, key_len), &err), err);
        }
    }
    OK(fly_txn_commit(txn, &err), err);
}

/* A store that was closed. */
static void make_store(void)
{
    fly_store *made = open_store(store, true);
    fill_store(made, 0, 1);
    OK(fly_store_close(made, &err), err);
}

/* Half of the contents is checkpointed, half is in the log, and a transaction has not ended. */
static inline fly_store *make_half_checkpointed(void)
{
    fly_store *made = open_store(store, true);
    fill_store(made, 0, 2);
    OK(fly_store_checkpoint(made, &err), err);
    fill_store(made, 1, 2);
    fly_txn *txn;
    fly_tree *fruit;
    OK(fly_txn_begin(made, NULL, &txn, &err), err);
    OK(fly_txn_tree_open(txn, "fruit", 0, &fruit, &err), err);
    for (uint32_t i = FRUITS; i < FRUITS + 50; i++) {
        put_fruit(txn, fruit, i);
    }
    fly_wal *wal = fly_store_wal(made);
    OK(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_FULL, &err), err);
    return made;
}

/* A store whose process died: half of it is in the log only. */
static inline void make_crashed_store(void)
{
    fly_store_abandon(make_half_checkpointed());
}

/* ---------------------------------------------------------------------------- damage */

static void path_in_store(const char *name, char path[200])
{
    (void)snprintf(path, 200, "%s/%s", store, name);
}

static inline uint64_t file_size(const char *name)
{
    char path[200];
    path_in_store(name, path);
    int file = open(path, O_RDONLY);
    ck_assert_int_ge(file, 0);
    off_t size = lseek(file, 0, SEEK_END);
    ck_assert_int_eq(close(file), 0);
    return (uint64_t)size;
}

static inline void read_file(const char *name, uint64_t offset, void *bytes, size_t len)
{
    char path[200];
    path_in_store(name, path);
    int file = open(path, O_RDONLY);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pread(file, bytes, len, (off_t)offset), (ssize_t)len);
    ck_assert_int_eq(close(file), 0);
}

static inline void write_file(const char *name, uint64_t offset, const void *bytes, size_t len)
{
    char path[200];
    path_in_store(name, path);
    int file = open(path, O_WRONLY);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pwrite(file, bytes, len, (off_t)offset), (ssize_t)len);
    ck_assert_int_eq(close(file), 0);
}

static inline void flip_bit(const char *name, uint64_t offset, unsigned bit)
{
    uint8_t byte;
    read_file(name, offset, &byte, 1);
    byte ^= (uint8_t)(1u << bit);
    write_file(name, offset, &byte, 1);
}

/* --------------------------------------------------------------------- commands */

/* Run a subcommand; `said` is what it printed, on both streams. */
static int command(const inspect_command *which, int argc, const char *const *words)
{
    char path[100];
    char *argv[8];
    for (int i = 0; i < argc; i++) {
        argv[i] = (char *)(uintptr_t)words[i];
    }
    (void)snprintf(path, sizeof path, "%s/said", dir);
    (void)fflush(stdout);
    (void)fflush(stderr);
    int kept_out = dup(1);
    int kept_err = dup(2);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    ck_assert(kept_out >= 0 && kept_err >= 0 && file >= 0);
    ck_assert(dup2(file, 1) == 1 && dup2(file, 2) == 2);
    int code = which->run(which, argc, argv);
    (void)fflush(stdout);
    (void)fflush(stderr);
    ck_assert(dup2(kept_out, 1) == 1 && dup2(kept_err, 2) == 2);
    ssize_t got = pread(file, said, sizeof said - 1, 0);
    said[got > 0 ? got : 0] = '\0';
    (void)close(kept_out);
    (void)close(kept_err);
    (void)close(file);
    return code;
}

static int verify(void)
{
    return command(&inspect_verify, 1, (const char *const[]){store});
}

static int salvage(void)
{
    FLY_IGNORE(fly_vfs_remove_tree(env.vfs, fresh, NULL));
    return command(&inspect_salvage, 2, (const char *const[]){store, fresh});
}

#define SAYS(text) FLY_CHECK_SAYS(said, text)

/* --------------------------------------------------------------------- the fixture */

static void setup(void)
{
    fly_env_init(&env);
    OK(fly_test_temp_dir(dir, sizeof dir, &err), err);
    (void)snprintf(store, sizeof store, "%s/store", dir);
    (void)snprintf(fresh, sizeof fresh, "%s/fresh", dir);
}

static void teardown(void)
{
    FLY_IGNORE(fly_vfs_remove_tree(env.vfs, dir, NULL));
}

#endif
