/*
 * WiredTiger.
 *
 * What its experts set, and what we found to matter:
 *   - raw byte keys and values (key_format=u), one cursor per session that stays open;
 *   - the log on, without compression, in files of 32 MiB (its default of 100 would be most of what
 *     a small store takes on disk); at full durability O_DSYNC writes, which serve several threads
 *     better than fdatasync and one as well;
 *   - leaf pages of 4 KiB: a miss in a small cache then reads no more than it must;
 *   - a cache for everything where the case is about cached data; no statistics;
 *   - snapshot isolation in explicit transactions.
 *
 * Source: source.wiredtiger.com, "Tuning page size and compression", "Commit-level durability".
 */
#define _GNU_SOURCE
#include "kv_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <wiredtiger.h>

enum { CONFIG_BYTES = 1024, CACHE_BYTES_MIN = 1 << 20 };

struct kv_store {
    WT_CONNECTION *connection;
};

struct kv_session {
    WT_SESSION *session;
    WT_CURSOR *cursor;
    bool in_transaction;
};

static fly_status failed(fly_err *err, int code, const char *what)
{
    if (code == WT_ROLLBACK) {
        return FLY_E_CONFLICT;
    }
    return fly_err_set(err, FLY_E_IO, "wiredtiger could not %s: %s", what,
                       wiredtiger_strerror(code));
}

static void tiger_version(char *buffer, size_t size)
{
    int major = 0;
    int minor = 0;
    int patch = 0;
    (void)wiredtiger_version(&major, &minor, &patch);
    (void)snprintf(buffer, size, "%d.%d.%d", major, minor, patch);
}

/* ------------------------------------------------------------------- the store */

static fly_status tiger_close(kv_store *store, fly_err *err)
{
    int code = 0;
    if (store->connection != NULL) {
        code = store->connection->close(store->connection, "leak_memory=true");
    }
    free(store);
    return code == 0 ? FLY_OK : failed(err, code, "close the store");
}

static int create_table(kv_store *store)
{
    WT_SESSION *session = NULL;
    int code = store->connection->open_session(store->connection, NULL, NULL, &session);
    if (code == 0) {
        code = session->create(session, "table:kv",
                               "key_format=u,value_format=u,leaf_page_max=4KB,"
                               "memory_page_max=10MB,block_compressor=none");
        (void)session->close(session, NULL);
    }
    return code;
}

static fly_status tiger_open(const kv_setup *setup, kv_store **store, fly_err *err)
{
    static const char *const logs[KV_DURABILITY_COUNT] = {
        "log=(enabled=false)",
        "log=(enabled=true,file_max=32MB),transaction_sync=(enabled=false)",
        "log=(enabled=true,file_max=32MB),transaction_sync=(enabled=true,method=dsync)",
    };
    kv_store *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    uint64_t cache = setup->cache_bytes > CACHE_BYTES_MIN ? setup->cache_bytes : CACHE_BYTES_MIN;
    char config[CONFIG_BYTES];
    (void)snprintf(config, sizeof config,
                   "create,cache_size=%llu,session_max=%u,statistics=(none),"
                   "eviction=(threads_min=1,threads_max=2),%s",
                   (unsigned long long)cache, setup->threads + 64, logs[setup->durability]);
    int code = wiredtiger_open(setup->dir, NULL, config, &opened->connection);
    if (code == 0) {
        code = create_table(opened);
    }
    if (code != 0) {
        fly_status status = failed(err, code, "open the store");
        (void)tiger_close(opened, NULL);
        return status;
    }
    *store = opened;
    return FLY_OK;
}

static fly_status tiger_checkpoint(kv_store *store, fly_err *err)
{
    WT_SESSION *session = NULL;
    int code = store->connection->open_session(store->connection, NULL, NULL, &session);
    if (code == 0) {
        code = session->checkpoint(session, NULL);
        (void)session->close(session, NULL);
    }
    return code == 0 ? FLY_OK : failed(err, code, "checkpoint");
}

/* ----------------------------------------------------- sessions and transactions */

static void tiger_session_close(kv_session *session)
{
    (void)session->session->close(session->session, NULL);
    free(session);
}

static fly_status tiger_session_open(kv_store *store, kv_session **session, fly_err *err)
{
    kv_session *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    int code = store->connection->open_session(store->connection, NULL, "isolation=snapshot",
                                               &opened->session);
    if (code != 0) {
        free(opened);
        return failed(err, code, "open a session");
    }
    code = opened->session->open_cursor(opened->session, "table:kv", NULL, "overwrite=true",
                                        &opened->cursor);
    if (code != 0) {
        tiger_session_close(opened);
        return failed(err, code, "open a cursor");
    }
    *session = opened;
    return FLY_OK;
}

static fly_status tiger_begin(kv_session *session, bool write, fly_err *err)
{
    (void)write;
    int code = session->session->begin_transaction(session->session, NULL);
    session->in_transaction = code == 0;
    return code == 0 ? FLY_OK : failed(err, code, "begin a transaction");
}

static fly_status tiger_commit(kv_session *session, fly_err *err)
{
    session->in_transaction = false;
    int code = session->session->commit_transaction(session->session, NULL);
    return code == 0 ? FLY_OK : failed(err, code, "commit");
}

static void tiger_abort(kv_session *session)
{
    session->in_transaction = false;
    (void)session->session->rollback_transaction(session->session, NULL);
}

/* After a write: a conflict ends the transaction. */
static fly_status written(kv_session *session, int code, const char *what, fly_err *err)
{
    if (code == 0) {
        return FLY_OK;
    }
    fly_status status = failed(err, code, what);
    if (status == FLY_E_CONFLICT && session->in_transaction) {
        tiger_abort(session);
    }
    return status;
}

/* ------------------------------------------------------------------------ records */

static WT_ITEM item_of(fly_bytes span)
{
    return (WT_ITEM){.data = span.data, .size = span.len};
}

static fly_status tiger_put(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err)
{
    WT_CURSOR *cursor = session->cursor;
    WT_ITEM k = item_of(key);
    WT_ITEM v = item_of(value);
    cursor->set_key(cursor, &k);
    cursor->set_value(cursor, &v);
    return written(session, cursor->insert(cursor), "insert", err);
}

static fly_status tiger_del(kv_session *session, fly_bytes key, fly_err *err)
{
    WT_CURSOR *cursor = session->cursor;
    WT_ITEM k = item_of(key);
    cursor->set_key(cursor, &k);
    return written(session, cursor->remove(cursor), "remove", err);
}

static fly_status tiger_get(kv_session *session, fly_bytes key, uint8_t *buffer, size_t size,
                            size_t *len, fly_err *err)
{
    WT_CURSOR *cursor = session->cursor;
    WT_ITEM k = item_of(key);
    cursor->set_key(cursor, &k);
    int code = cursor->search(cursor);
    WT_ITEM v = {0};
    if (code == 0) {
        code = cursor->get_value(cursor, &v);
    }
    fly_status status = FLY_OK;
    if (code == 0 && v.size <= size) {
        memcpy(buffer, v.data, v.size);
        *len = v.size;
    } else if (code == 0) {
        status =
            fly_err_set(err, FLY_E_CORRUPT, "wiredtiger returned a value of %zu bytes", v.size);
    } else {
        status = code == WT_NOTFOUND ? FLY_E_NOT_FOUND : failed(err, code, "search");
    }
    if (!session->in_transaction) {
        (void)cursor->reset(cursor);
    }
    return status;
}

/* Put the cursor on the first record that is not before `from`. */
static int position(WT_CURSOR *cursor, fly_bytes from)
{
    if (from.len == 0) {
        (void)cursor->reset(cursor);
        return cursor->next(cursor);
    }
    WT_ITEM k = item_of(from);
    int exact = 0;
    cursor->set_key(cursor, &k);
    int code = cursor->search_near(cursor, &exact);
    return code == 0 && exact < 0 ? cursor->next(cursor) : code;
}

static fly_status tiger_range(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                              fly_err *err)
{
    WT_CURSOR *cursor = session->cursor;
    int code = limit > 0 ? position(cursor, from) : WT_NOTFOUND;
    for (uint64_t seen = 1; code == 0; seen++) {
        WT_ITEM k;
        WT_ITEM v;
        (void)cursor->get_key(cursor, &k);
        (void)cursor->get_value(cursor, &v);
        kv_fold_entry(fold, k.data, v.data, v.size);
        code = seen < limit ? cursor->next(cursor) : WT_NOTFOUND;
    }
    (void)cursor->reset(cursor);
    return code == WT_NOTFOUND ? FLY_OK : failed(err, code, "move a cursor");
}

const kv_driver kv_wiredtiger = {
    .name = "wiredtiger",
    .settings = "raw keys and values, leaf pages 4 KiB, no compression, 1 to 2 eviction threads",
    .durability =
        {
            "no log",
            "log on, transaction_sync off: log buffered, written within some 50 ms, not synced",
            "log on, transaction_sync=dsync, shared by waiting commits",
        },
    .version = tiger_version,
    .open = tiger_open,
    .close = tiger_close,
    .checkpoint = tiger_checkpoint,
    .session_open = tiger_session_open,
    .session_close = tiger_session_close,
    .begin = tiger_begin,
    .commit = tiger_commit,
    .abort = tiger_abort,
    .put = tiger_put,
    .del = tiger_del,
    .get = tiger_get,
    .range = tiger_range,
};
