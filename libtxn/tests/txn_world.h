/*
 * What the tests of libtxn share: a small store on a simulated disk, and words for what is done to it
 * that are short enough to show a schedule.
 *
 *     begin(&a, FLY_ISOLATION_SNAPSHOT);
 *     put(a, "apple", "red");
 *     ck_assert_str_eq(see(a, "apple"), "red");
 *     commit(a);
 *
 * Every test is a process of its own, so the world may be static.
 */
#ifndef FLY_TXN_WORLD_H
#define FLY_TXN_WORLD_H

#include <fly/base_check.h>
#include <fly/base_testing.h>
#include <fly/txn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_sim_env world;
static fly_store_options options;
static fly_store *store;
static fly_tree *tree; /* one called "t" */
static fly_err err;

enum { KIB = 1 << 10, MIB = 1 << 20 };

/* Everything small, so that every limit is met soon. */
static inline fly_store_options small_store(void)
{
    return (fly_store_options){.create = true,
                               .page_size = 4096,
                               .pool_bytes = 64 * 4096,
                               .wal_segment_size = 64 * KIB,
                               .wal_ring_size = 64 * KIB,
                               .checkpoint_secs = UINT32_MAX,
                               .manual = true};
}

/* ------------------------------------------------------------------------------ words */

static inline fly_bytes text(const char *string)
{
    return fly_bytes_of(string, strlen(string));
}

static inline fly_txn *begin(fly_isolation isolation)
{
    fly_txn *txn = NULL;
    FLY_CHECK_OK(fly_txn_begin(store, &(fly_txn_options){.isolation = isolation}, &txn, &err), err);
    return txn;
}

static inline void commit(fly_txn *txn)
{
    FLY_CHECK_OK(fly_txn_commit(txn, &err), err);
}

static inline void put_in(fly_txn *txn, fly_tree *in, const char *key, const char *value)
{
    FLY_CHECK_OK(fly_txn_put(txn, in, text(key), text(value), &err), err);
}

static inline void put(fly_txn *txn, const char *key, const char *value)
{
    put_in(txn, tree, key, value);
}

static inline void erase(fly_txn *txn, const char *key)
{
    FLY_CHECK_OK(fly_txn_delete(txn, tree, text(key), &err), err);
}

/* What a transaction sees under a key; "-" if it sees nothing. Valid until the next call. */
static inline const char *see_in(fly_txn *txn, fly_tree *in, const char *key)
{
    static char buffer[4096];
    uint64_t len = 0;
    fly_status status = fly_txn_get(txn, in, text(key), buffer, sizeof buffer - 1, &len, &err);
    if (status == FLY_E_NOT_FOUND) {
        return "-";
    }
    FLY_CHECK(status, FLY_OK, err);
    buffer[len] = '\0';
    return buffer;
}

static inline const char *see(fly_txn *txn, const char *key)
{
    return see_in(txn, tree, key);
}

/* What is committed under a key. */
static inline const char *now(const char *key)
{
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    const char *value = see(txn, key);
    commit(txn);
    return value;
}

/* Put and commit. */
static inline void set(const char *key, const char *value)
{
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    put(txn, key, value);
    commit(txn);
}

/* Delete and commit. */
static inline void unset(const char *key)
{
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    erase(txn, key);
    commit(txn);
}

/* A tree made and committed. */
static inline fly_tree *make_tree(const char *name)
{
    fly_tree *made = NULL;
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    FLY_CHECK_OK(fly_txn_tree_open(txn, name, FLY_TREE_CREATE, &made, &err), err);
    commit(txn);
    return made;
}

static inline fly_tree *find_tree(const char *name)
{
    fly_tree *found = NULL;
    fly_txn *txn = begin(FLY_ISOLATION_READ_COMMITTED);
    fly_status status = fly_txn_tree_open(txn, name, 0, &found, &err);
    ck_assert(status == FLY_OK || status == FLY_E_NOT_FOUND);
    commit(txn);
    return found;
}

/* ---------------------------------------------------------------------------- the world */

static inline void open_store(void)
{
    FLY_CHECK_OK(fly_store_open(&world.env, "data", &options, &store, &err), err);
}

static inline void close_store(void)
{
    FLY_CHECK_OK(fly_store_close(store, &err), err);
    store = NULL;
}

/* Every tree is sound, and no page is lost. */
static inline void verify_store(void)
{
    FLY_CHECK_OK(fly_store_verify(store, NULL, NULL, &err), err);
}

static inline void reopen_store(void)
{
    close_store();
    open_store();
    tree = find_tree("t");
}

/* Power goes; transactions may be open, and are forgotten. What was not synced is lost. */
static inline void crash_store(void)
{
    fly_store_abandon(store);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    open_store();
    tree = find_tree("t");
}

/* The process dies; the disk keeps all that was written. */
static inline void kill_store(void)
{
    fly_store_abandon(store);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_ALL, 1);
    open_store();
    tree = find_tree("t");
}

static inline void set_up_world(void)
{
    fly_sim_env_init(&world, NULL);
    options = small_store();
}

static inline void tear_down_world(void)
{
    fly_sim_env_deinit(&world);
}

/* The usual fixture: a store with the tree "t". */
static inline void set_up(void)
{
    set_up_world();
    open_store();
    tree = make_tree("t");
}

static inline void tear_down(void)
{
    verify_store();
    close_store();
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    tear_down_world();
}

#endif
