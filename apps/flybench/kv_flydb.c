/*
 * FlyDB: libtxn, in this process.
 *
 * A transaction that reads is a snapshot, so that what it sees is what LMDB's and WiredTiger's would
 * see; one that writes is read committed, the store's default. Pages are read and written past the
 * system's cache, the buffer pool being the cache.
 */
#include "kv_driver.h"

#include <fly/txn.h>

#include <stdio.h>
#include <stdlib.h>

struct kv_store {
    fly_env env;
    fly_store *store;
    fly_tree *tree;
};

struct kv_session {
    kv_store *store;
    fly_txn *txn; /* the open transaction, or NULL */
    bool own;     /* it was begun for one operation */
};

static void flydb_version(char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s", FLY_TXN_VERSION);
}

/* ------------------------------------------------------------------- the store */

static fly_status flydb_close(kv_store *store, fly_err *err)
{
    fly_status status = fly_store_close(store->store, err);
    free(store);
    return status;
}

static fly_status open_tree(kv_store *store, fly_err *err)
{
    fly_txn *txn;
    fly_status status = fly_txn_begin(store->store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_open(txn, "records", FLY_TREE_CREATE, &store->tree, err);
    if (status != FLY_OK) {
        fly_txn_rollback(txn);
        return status;
    }
    return fly_txn_commit(txn, err);
}

/* Under a memory limit others have the system's cache for what their own leaves free; we have the pool,
 * so it gets all but what log and transactions need. */
static uint64_t pool_bytes(const kv_setup *setup)
{
    enum { BESIDE = 8 << 20 };
    uint64_t all = setup->memory_bytes > BESIDE ? setup->memory_bytes - BESIDE : 0;
    return all > setup->cache_bytes ? all : setup->cache_bytes;
}

static fly_status flydb_open(const kv_setup *setup, kv_store **store, fly_err *err)
{
    kv_store *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    fly_env_init(&opened->env);
    fly_store_options options = {
        .create = true,
        .pool_bytes = pool_bytes(setup),
        .durability = setup->durability == KV_FULL ? FLY_DURABILITY_FULL : FLY_DURABILITY_ASYNC,
    };
    fly_status status = fly_store_open(&opened->env, setup->dir, &options, &opened->store, err);
    if (status != FLY_OK) {
        free(opened);
        return status;
    }
    status = open_tree(opened, err);
    if (status != FLY_OK) {
        (void)flydb_close(opened, NULL);
        return status;
    }
    *store = opened;
    return FLY_OK;
}

static fly_status flydb_checkpoint(kv_store *store, fly_err *err)
{
    return fly_store_checkpoint(store->store, err);
}

/* ----------------------------------------------------- sessions and transactions */

static fly_status flydb_session_open(kv_store *store, kv_session **session, fly_err *err)
{
    kv_session *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->store = store;
    *session = opened;
    return FLY_OK;
}

static void flydb_session_close(kv_session *session)
{
    free(session);
}

static fly_status flydb_begin(kv_session *session, bool write, fly_err *err)
{
    fly_txn_options reading = {.isolation = FLY_ISOLATION_SNAPSHOT, .read_only = true};
    return fly_txn_begin(session->store->store, write ? NULL : &reading, &session->txn, err);
}

static fly_status flydb_commit(kv_session *session, fly_err *err)
{
    fly_txn *txn = session->txn;
    session->txn = NULL;
    return fly_txn_commit(txn, err);
}

static void flydb_abort(kv_session *session)
{
    fly_txn_rollback(session->txn);
    session->txn = NULL;
}

/* Begin a transaction for one operation if none is open. */
static fly_status enter(kv_session *session, bool write, fly_err *err)
{
    session->own = session->txn == NULL;
    return session->own ? flydb_begin(session, write, err) : FLY_OK;
}

/* End what enter() began, and a transaction that has failed. */
static fly_status leave(kv_session *session, fly_status status, fly_err *err)
{
    if (session->own && status == FLY_OK) {
        return flydb_commit(session, err);
    }
    if (session->own || status == FLY_E_CONFLICT || status == FLY_E_DEADLOCK) {
        flydb_abort(session);
    }
    return status;
}

/* ------------------------------------------------------------------------ records */

static fly_status flydb_put(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err)
{
    fly_status status = enter(session, true, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_put(session->txn, session->store->tree, key, value, err);
    return leave(session, status, err);
}

static fly_status flydb_del(kv_session *session, fly_bytes key, fly_err *err)
{
    fly_status status = enter(session, true, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_delete(session->txn, session->store->tree, key, err);
    return leave(session, status, err);
}

static fly_status flydb_get(kv_session *session, fly_bytes key, uint8_t *buffer, size_t size,
                            size_t *len, fly_err *err)
{
    fly_status status = enter(session, false, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t value_len = 0;
    status = fly_txn_get(session->txn, session->store->tree, key, buffer, size, &value_len, err);
    *len = (size_t)value_len;
    return leave(session, status, err);
}

static fly_status walk(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                       fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(session->txn, session->store->tree, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_cursor_seek(cursor, from, err);
    for (uint64_t seen = 0; status == FLY_OK;) {
        fly_bytes value = fly_cursor_value(cursor);
        kv_fold_entry(fold, fly_cursor_key(cursor).data, value.data, value.len);
        if (++seen == limit) {
            break;
        }
        status = fly_cursor_next(cursor, err);
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status flydb_range(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                              fly_err *err)
{
    fly_status status = enter(session, false, err);
    if (status != FLY_OK) {
        return status;
    }
    return leave(session, walk(session, from, limit, fold, err), err);
}

const kv_driver kv_flydb = {
    .name = "flydb",
    .settings = "reads are snapshots, writes read committed; everything else as it comes",
    .durability =
        {
            "as async",
            "async: logged, the log synced 10 ms later at most",
            "full: the log synced before a commit returns",
        },
    .version = flydb_version,
    .open = flydb_open,
    .close = flydb_close,
    .checkpoint = flydb_checkpoint,
    .session_open = flydb_session_open,
    .session_close = flydb_session_close,
    .begin = flydb_begin,
    .commit = flydb_commit,
    .abort = flydb_abort,
    .put = flydb_put,
    .del = flydb_del,
    .get = flydb_get,
    .range = flydb_range,
};
