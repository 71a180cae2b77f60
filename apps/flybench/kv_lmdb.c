/*
 * LMDB (Lightning Memory-Mapped Database).
 *
 * What its experts set, and what we found to matter:
 *   - MDB_WRITEMAP with MDB_NOSYNC for commits that need not be durable: a commit then changes
 *     memory and makes no system call. The operating system writes pages back when it likes, in any
 *     order, so that after a loss of power the store may be damaged: there is no log behind it.
 *     That is less than other engines promise at the same level, and it is what LMDB offers.
 *   - a durable commit goes through pwrite and fdatasync (no MDB_WRITEMAP): msync of a sparse map is
 *     slower. It takes two syncs, one for the pages and one for the page that names the new root.
 *   - keys of 8 bytes are MDB_INTEGERKEY: numbers are compared faster than byte strings.
 *   - a read transaction per session, reset and renewed instead of begun; a cursor that is renewed.
 *   - MDB_APPEND when keys come in order.
 *   - MDB_NORDAHEAD when the data does not fit in memory.
 *
 * Source: lmdb.h, "Caveats" and the descriptions of the flags.
 */
#define _GNU_SOURCE
#include "kv_driver.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

struct kv_store {
    MDB_env *env;
    MDB_dbi table;
    bool integer; /* keys are numbers to LMDB */
    unsigned put_flags;
};

struct kv_session {
    kv_store *store;
    MDB_txn *txn;       /* the open transaction, or NULL */
    MDB_txn *reader;    /* read transaction; reset while it is not `txn` */
    MDB_cursor *cursor; /* of the reader */
    bool cursor_stale;  /* the reader was renewed since the cursor was */
};

static fly_status failed(fly_err *err, int code, const char *what)
{
    fly_status status = code == MDB_MAP_FULL || code == ENOSPC ? FLY_E_NO_SPACE : FLY_E_IO;
    return fly_err_set(err, status, "lmdb could not %s: %s", what, mdb_strerror(code));
}

static void lmdb_version(char *buffer, size_t size)
{
    int major = 0;
    int minor = 0;
    int patch = 0;
    (void)mdb_version(&major, &minor, &patch);
    (void)snprintf(buffer, size, "%d.%d.%d", major, minor, patch);
}

/* ------------------------------------------------------------------- the store */

static fly_status lmdb_close(kv_store *store, fly_err *err)
{
    (void)err;
    mdb_env_close(store->env);
    free(store);
    return FLY_OK;
}

static unsigned env_flags(const kv_setup *setup)
{
    unsigned flags = MDB_NOTLS | MDB_NOMEMINIT;
    if (setup->durability != KV_FULL) {
        flags |= MDB_WRITEMAP | MDB_NOSYNC;
    }
    if (setup->memory_bytes != 0) {
        flags |= MDB_NORDAHEAD;
    }
    return flags;
}

/* Address space only: the file is sparse until its pages are used. */
static size_t map_bytes(const kv_setup *setup)
{
    size_t record = setup->shape.key_size + setup->shape.value_size + 32;
    return ((size_t)1 << 30) + (size_t)setup->records * record * 4;
}

static int open_table(kv_store *store)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code != 0) {
        return code;
    }
    code = mdb_dbi_open(txn, NULL, store->integer ? MDB_INTEGERKEY : 0, &store->table);
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn);
}

static fly_status lmdb_open(const kv_setup *setup, kv_store **store, fly_err *err)
{
    kv_store *opened = calloc(1, sizeof *opened);
    if (opened == NULL || mdb_env_create(&opened->env) != 0) {
        free(opened);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->integer = setup->shape.key_size == 8;
    opened->put_flags = setup->ordered ? MDB_APPEND : 0;
    int code = mdb_env_set_mapsize(opened->env, map_bytes(setup));
    if (code == 0) {
        code = mdb_env_set_maxreaders(opened->env, setup->threads + 8);
    }
    if (code == 0) {
        code = mdb_env_open(opened->env, setup->dir, env_flags(setup), 0644);
    }
    if (code == 0) {
        code = open_table(opened);
    }
    if (code != 0) {
        (void)lmdb_close(opened, NULL);
        return failed(err, code, "open the store");
    }
    *store = opened;
    return FLY_OK;
}

static fly_status lmdb_checkpoint(kv_store *store, fly_err *err)
{
    int code = mdb_env_sync(store->env, 1);
    return code == 0 ? FLY_OK : failed(err, code, "sync the store");
}

/* ----------------------------------------------------- sessions and transactions */

static fly_status lmdb_session_open(kv_store *store, kv_session **session, fly_err *err)
{
    kv_session *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->store = store;
    int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &opened->reader);
    if (code == 0) {
        code = mdb_cursor_open(opened->reader, store->table, &opened->cursor);
    }
    if (code != 0) {
        if (opened->reader != NULL) {
            mdb_txn_abort(opened->reader);
        }
        free(opened);
        return failed(err, code, "begin a read transaction");
    }
    mdb_txn_reset(opened->reader);
    *session = opened;
    return FLY_OK;
}

static void lmdb_session_close(kv_session *session)
{
    mdb_cursor_close(session->cursor);
    mdb_txn_abort(session->reader);
    free(session);
}

static fly_status lmdb_begin(kv_session *session, bool write, fly_err *err)
{
    if (write) {
        int code = mdb_txn_begin(session->store->env, NULL, 0, &session->txn);
        return code == 0 ? FLY_OK : failed(err, code, "begin a transaction");
    }
    int code = mdb_txn_renew(session->reader);
    if (code != 0) {
        return failed(err, code, "renew a read transaction");
    }
    session->txn = session->reader;
    session->cursor_stale = true;
    return FLY_OK;
}

static fly_status lmdb_commit(kv_session *session, fly_err *err)
{
    MDB_txn *txn = session->txn;
    session->txn = NULL;
    if (txn == session->reader) {
        mdb_txn_reset(txn);
        return FLY_OK;
    }
    int code = mdb_txn_commit(txn);
    return code == 0 ? FLY_OK : failed(err, code, "commit");
}

static void lmdb_abort(kv_session *session)
{
    MDB_txn *txn = session->txn;
    session->txn = NULL;
    if (txn == session->reader) {
        mdb_txn_reset(txn);
    } else {
        mdb_txn_abort(txn);
    }
}

/* End the transaction that one operation began for itself. */
static fly_status finish(kv_session *session, bool own, fly_status status, fly_err *err)
{
    if (!own) {
        return status;
    }
    if (status == FLY_OK) {
        return lmdb_commit(session, err);
    }
    lmdb_abort(session);
    return status;
}

/* ------------------------------------------------------------------------ records */

/* LMDB does not write through this pointer, but its struct has no const. */
static MDB_val val_of(fly_bytes span)
{
    return (MDB_val){.mv_size = span.len, .mv_data = (void *)(uintptr_t)span.data};
}

/* As LMDB sees a key: a number in the processor's byte order, held in `number`, or the bytes. */
static MDB_val key_val(const kv_store *store, fly_bytes key, uint64_t *number)
{
    if (!store->integer || key.len == 0) {
        return val_of(key);
    }
    *number = fly_get_u64be(key.data);
    return (MDB_val){.mv_size = sizeof *number, .mv_data = number};
}

static void fold_record(const kv_store *store, MDB_val key, MDB_val value, kv_fold *fold)
{
    uint8_t bytes[8];
    const uint8_t *at = key.mv_data;
    if (store->integer) {
        uint64_t number;
        memcpy(&number, key.mv_data, sizeof number);
        fly_put_u64be(bytes, number);
        at = bytes;
    }
    kv_fold_entry(fold, at, value.mv_data, value.mv_size);
}

static fly_status lmdb_put(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err)
{
    bool own = session->txn == NULL;
    fly_status status = own ? lmdb_begin(session, true, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    uint64_t number;
    MDB_val k = key_val(session->store, key, &number);
    MDB_val v = val_of(value);
    int code = mdb_put(session->txn, session->store->table, &k, &v, session->store->put_flags);
    if (code != 0) {
        status = failed(err, code, "put");
    }
    return finish(session, own, status, err);
}

static fly_status lmdb_del(kv_session *session, fly_bytes key, fly_err *err)
{
    bool own = session->txn == NULL;
    fly_status status = own ? lmdb_begin(session, true, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    uint64_t number;
    MDB_val k = key_val(session->store, key, &number);
    int code = mdb_del(session->txn, session->store->table, &k, NULL);
    if (code == MDB_NOTFOUND) {
        status = FLY_E_NOT_FOUND;
    } else if (code != 0) {
        status = failed(err, code, "delete");
    }
    return finish(session, own, status, err);
}

static fly_status lmdb_get(kv_session *session, fly_bytes key, uint8_t *buffer, size_t size,
                           size_t *len, fly_err *err)
{
    bool own = session->txn == NULL;
    fly_status status = own ? lmdb_begin(session, false, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    uint64_t number;
    MDB_val k = key_val(session->store, key, &number);
    MDB_val v;
    int code = mdb_get(session->txn, session->store->table, &k, &v);
    if (code == 0 && v.mv_size <= size) {
        memcpy(buffer, v.mv_data, v.mv_size);
        *len = v.mv_size;
    } else if (code == 0) {
        status = fly_err_set(err, FLY_E_CORRUPT, "lmdb returned a value of %zu bytes", v.mv_size);
    } else {
        status = code == MDB_NOTFOUND ? FLY_E_NOT_FOUND : failed(err, code, "get");
    }
    return finish(session, own, status, err);
}

static fly_status walk(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                       fly_err *err)
{
    int code = 0;
    if (session->cursor_stale) {
        code = mdb_cursor_renew(session->txn, session->cursor);
        session->cursor_stale = false;
    }
    uint64_t number;
    MDB_val k = key_val(session->store, from, &number);
    MDB_val v;
    MDB_cursor_op step = from.len > 0 ? MDB_SET_RANGE : MDB_FIRST;
    for (uint64_t seen = 0; code == 0 && seen < limit; seen++) {
        code = mdb_cursor_get(session->cursor, &k, &v, step);
        if (code == 0) {
            fold_record(session->store, k, v, fold);
        }
        step = MDB_NEXT;
    }
    return code == 0 || code == MDB_NOTFOUND ? FLY_OK : failed(err, code, "move a cursor");
}

static fly_status lmdb_range(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                             fly_err *err)
{
    bool own = session->txn == NULL;
    fly_status status = own ? lmdb_begin(session, false, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    return finish(session, own, walk(session, from, limit, fold, err), err);
}

const kv_driver kv_lmdb = {
    .name = "lmdb",
    .settings = "8-byte keys are MDB_INTEGERKEY, read transactions renewed, MDB_APPEND for ordered "
                "load, MDB_NORDAHEAD under a memory limit",
    .durability =
        {
            "MDB_WRITEMAP | MDB_NOSYNC: as async",
            "MDB_WRITEMAP | MDB_NOSYNC: written when the system likes; no log, a power loss may "
            "damage the store",
            "default: pages written, fdatasync, then the new root written and synced",
        },
    .version = lmdb_version,
    .open = lmdb_open,
    .close = lmdb_close,
    .checkpoint = lmdb_checkpoint,
    .session_open = lmdb_session_open,
    .session_close = lmdb_session_close,
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .put = lmdb_put,
    .del = lmdb_del,
    .get = lmdb_get,
    .range = lmdb_range,
};
