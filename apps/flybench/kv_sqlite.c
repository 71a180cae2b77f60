/*
 * SQLite.
 *
 * What its experts set, and what we found to matter:
 *   - keys of 8 bytes are the INTEGER PRIMARY KEY (the rowid), longer ones the BLOB PRIMARY KEY of a
 *     WITHOUT ROWID table; statements prepared once.
 *   - WAL mode; synchronous=FULL syncs the log at each commit, NORMAL only at checkpoints.
 *   - locking_mode=EXCLUSIVE where one connection is enough: no locks and no shared memory.
 *   - reads through mmap when everything fits in memory; otherwise a page cache of the given size,
 *     divided between the connections: under a memory limit the map thrashes.
 *   - durable commits: a checkpoint each 1,000 pages, so that the log is soon written over instead
 *     of growing. Other writes: each 20,000 pages, which saves writing the same pages again.
 *   - secure_delete off (Debian builds with it on), no memory statistics.
 *   - more than one writer: a mutex before BEGIN IMMEDIATE, as an application would have, instead of
 *     the busy handler's sleep.
 *
 * Source: sqlite.org/pragma.html, sqlite.org/wal.html, sqlite.org/withoutrowid.html.
 */
#define _GNU_SOURCE
#include "kv_driver.h"

#include <fly/base_sched.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUSY_MS = 60000, WAL_PAGES_FULL = 1000, WAL_PAGES = 20000, SQL_BYTES = 1024 };

typedef enum statement {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    GET,
    PUT,
    DEL,
    RANGE,
    STATEMENT_COUNT
} statement;

static const char *const statements[STATEMENT_COUNT] = {
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "SELECT v FROM kv WHERE k = ?1",
    "REPLACE INTO kv VALUES (?1, ?2)",
    "DELETE FROM kv WHERE k = ?1",
    "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k LIMIT ?2",
};

struct kv_store {
    char path[1024];
    kv_setup setup;
    bool integer;      /* keys are the rowid */
    fly_mutex writing; /* held by the session that writes, if there can be several */
};

struct kv_session {
    kv_store *store;
    sqlite3 *db;
    sqlite3_stmt *prepared[STATEMENT_COUNT];
    bool in_transaction;
    bool writer; /* the transaction holds the store's mutex */
};

static fly_status failed(fly_err *err, sqlite3 *db, const char *what)
{
    fly_status status = sqlite3_errcode(db) == SQLITE_BUSY   ? FLY_E_CONFLICT
                        : sqlite3_errcode(db) == SQLITE_FULL ? FLY_E_NO_SPACE
                                                             : FLY_E_IO;
    return fly_err_set(err, status, "sqlite could not %s: %s", what, sqlite3_errmsg(db));
}

static void lite_version(char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s", sqlite3_libversion());
}

/* ------------------------------------------------------------------- the store */

static fly_status execute(sqlite3 *db, const char *sql, fly_err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? FLY_OK : failed(err, db, sql);
}

/* What one connection may keep in its page cache. */
static long long cache_kib(const kv_setup *setup)
{
    uint64_t share = setup->memory_bytes != 0 ? setup->threads : 1;
    return (long long)(setup->cache_bytes / share / 1024);
}

static fly_status connect_to(const kv_store *store, sqlite3 **db, fly_err *err)
{
    static const char *const synchronous[KV_DURABILITY_COUNT] = {"OFF", "NORMAL", "FULL"};
    const kv_setup *setup = &store->setup;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(store->path, db, flags, NULL) != SQLITE_OK) {
        fly_status status = failed(err, *db, "open the store");
        (void)sqlite3_close(*db);
        return status;
    }
    (void)sqlite3_busy_timeout(*db, BUSY_MS);
    char sql[SQL_BYTES];
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA page_size = 4096;"
                   "PRAGMA locking_mode = %s;"
                   "PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = %s;"
                   "PRAGMA wal_autocheckpoint = %d;"
                   "PRAGMA cache_size = -%lld;"
                   "PRAGMA mmap_size = %lld;"
                   "PRAGMA secure_delete = OFF;",
                   setup->threads > 1 ? "NORMAL" : "EXCLUSIVE", synchronous[setup->durability],
                   setup->durability == KV_FULL ? WAL_PAGES_FULL : WAL_PAGES, cache_kib(setup),
                   setup->memory_bytes != 0 ? 0LL : 2LL << 30);
    fly_status status = execute(*db, sql, err);
    if (status != FLY_OK) {
        (void)sqlite3_close(*db);
    }
    return status;
}

static fly_status lite_close(kv_store *store, fly_err *err)
{
    (void)err;
    fly_mutex_deinit(&store->writing);
    free(store);
    return FLY_OK;
}

static fly_status lite_open(const kv_setup *setup, kv_store **store, fly_err *err)
{
    kv_store *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    (void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)snprintf(opened->path, sizeof opened->path, "%s/kv.sqlite", setup->dir);
    opened->setup = *setup;
    opened->integer = setup->shape.key_size == 8;
    fly_mutex_init(&opened->writing, "sqlite writer", 0);

    sqlite3 *db = NULL;
    fly_status status = connect_to(opened, &db, err);
    if (status == FLY_OK) {
        status = execute(db,
                         opened->integer
                             ? "CREATE TABLE IF NOT EXISTS kv (k INTEGER PRIMARY KEY, v BLOB)"
                             : "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB)"
                               " WITHOUT ROWID",
                         err);
        (void)sqlite3_close(db);
    }
    if (status != FLY_OK) {
        (void)lite_close(opened, NULL);
        return status;
    }
    *store = opened;
    return FLY_OK;
}

static fly_status lite_checkpoint(kv_store *store, fly_err *err)
{
    sqlite3 *db = NULL;
    fly_status status = connect_to(store, &db, err);
    if (status != FLY_OK) {
        return status;
    }
    status = execute(db, "PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)", err);
    (void)sqlite3_close(db);
    return status;
}

/* ----------------------------------------------------- sessions and transactions */

static void lite_session_close(kv_session *session)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(session->prepared[i]);
    }
    (void)sqlite3_close(session->db);
    free(session);
}

static fly_status lite_session_open(kv_store *store, kv_session **session, fly_err *err)
{
    kv_session *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->store = store;
    fly_status status = connect_to(store, &opened->db, err);
    if (status != FLY_OK) {
        free(opened);
        return status;
    }
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(opened->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &opened->prepared[i], NULL) != SQLITE_OK) {
            status = failed(err, opened->db, "prepare a statement");
            lite_session_close(opened);
            return status;
        }
    }
    *session = opened;
    return FLY_OK;
}

/* Run a statement that returns no rows. */
static fly_status run(kv_session *session, statement which, fly_err *err)
{
    sqlite3_stmt *prepared = session->prepared[which];
    int code = sqlite3_step(prepared);
    fly_status status = code == SQLITE_DONE ? FLY_OK : failed(err, session->db, statements[which]);
    (void)sqlite3_reset(prepared);
    return status;
}

static void writer_enter(kv_session *session)
{
    if (session->store->setup.threads > 1) {
        fly_mutex_lock(&session->store->writing);
        session->writer = true;
    }
}

static void writer_leave(kv_session *session)
{
    if (session->writer) {
        session->writer = false;
        fly_mutex_unlock(&session->store->writing);
    }
}

static fly_status lite_begin(kv_session *session, bool write, fly_err *err)
{
    if (write) {
        writer_enter(session);
    }
    fly_status status = run(session, write ? BEGIN_WRITE : BEGIN_READ, err);
    session->in_transaction = status == FLY_OK;
    if (status != FLY_OK) {
        writer_leave(session);
    }
    return status;
}

static void lite_abort(kv_session *session)
{
    (void)run(session, ROLLBACK, NULL);
    session->in_transaction = false;
    writer_leave(session);
}

static fly_status lite_commit(kv_session *session, fly_err *err)
{
    fly_status status = run(session, COMMIT, err);
    if (status != FLY_OK) {
        lite_abort(session);
        return status;
    }
    session->in_transaction = false;
    writer_leave(session);
    return FLY_OK;
}

/* ------------------------------------------------------------------------ records */

/* SQLite's integers are signed: flip the sign so that they sort as the bytes of the key do. */
#define SIGN (UINT64_C(1) << 63)

static void bind_key(kv_session *session, statement which, fly_bytes key)
{
    sqlite3_stmt *prepared = session->prepared[which];
    if (session->store->integer) {
        uint64_t number = key.len > 0 ? fly_get_u64be(key.data) : 0;
        (void)sqlite3_bind_int64(prepared, 1, (sqlite3_int64)(number ^ SIGN));
    } else {
        (void)sqlite3_bind_blob(prepared, 1, key.len > 0 ? (const void *)key.data : "",
                                (int)key.len, SQLITE_STATIC);
    }
}

/* Run a statement that writes, in the open transaction or in one of its own. */
static fly_status run_write(kv_session *session, statement which, fly_err *err)
{
    if (!session->in_transaction) {
        writer_enter(session);
    }
    fly_status status = run(session, which, err);
    if (!session->in_transaction) {
        writer_leave(session);
    } else if (status == FLY_E_CONFLICT) {
        lite_abort(session);
    }
    return status;
}

static fly_status lite_put(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err)
{
    bind_key(session, PUT, key);
    (void)sqlite3_bind_blob(session->prepared[PUT], 2, value.data, (int)value.len, SQLITE_STATIC);
    return run_write(session, PUT, err);
}

static fly_status lite_del(kv_session *session, fly_bytes key, fly_err *err)
{
    bind_key(session, DEL, key);
    return run_write(session, DEL, err);
}

static fly_status lite_get(kv_session *session, fly_bytes key, uint8_t *buffer, size_t size,
                           size_t *len, fly_err *err)
{
    sqlite3_stmt *prepared = session->prepared[GET];
    bind_key(session, GET, key);
    int code = sqlite3_step(prepared);
    fly_status status = FLY_E_NOT_FOUND;
    if (code == SQLITE_ROW) {
        const void *value = sqlite3_column_blob(prepared, 0);
        size_t value_len = (size_t)sqlite3_column_bytes(prepared, 0);
        if (value_len <= size) {
            memcpy(buffer, value, value_len);
            *len = value_len;
            status = FLY_OK;
        } else {
            status =
                fly_err_set(err, FLY_E_CORRUPT, "sqlite returned a value of %zu bytes", value_len);
        }
    } else if (code != SQLITE_DONE) {
        status = failed(err, session->db, "get");
    }
    (void)sqlite3_reset(prepared);
    return status;
}

static void fold_row(kv_session *session, kv_fold *fold)
{
    sqlite3_stmt *row = session->prepared[RANGE];
    uint8_t bytes[KV_KEY_MAX];
    const uint8_t *key = bytes;
    if (session->store->integer) {
        fly_put_u64be(bytes, (uint64_t)sqlite3_column_int64(row, 0) ^ SIGN);
    } else {
        key = sqlite3_column_blob(row, 0);
    }
    const uint8_t *value = sqlite3_column_blob(row, 1);
    kv_fold_entry(fold, key, value, (size_t)sqlite3_column_bytes(row, 1));
}

static fly_status lite_range(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                             fly_err *err)
{
    sqlite3_stmt *prepared = session->prepared[RANGE];
    bind_key(session, RANGE, from);
    (void)sqlite3_bind_int64(prepared, 2, limit > INT64_MAX ? -1 : (sqlite3_int64)limit);
    int code = sqlite3_step(prepared);
    for (; code == SQLITE_ROW; code = sqlite3_step(prepared)) {
        fold_row(session, fold);
    }
    fly_status status = code == SQLITE_DONE ? FLY_OK : failed(err, session->db, "scan");
    (void)sqlite3_reset(prepared);
    return status;
}

const kv_driver kv_sqlite = {
    .name = "sqlite",
    .settings = "8-byte keys are the rowid, others a WITHOUT ROWID table; WAL, mmap unless memory "
                "is limited, EXCLUSIVE locking with one thread, page 4 KiB",
    .durability =
        {
            "WAL, synchronous=OFF",
            "WAL, synchronous=NORMAL: log written at each commit, synced at checkpoints",
            "WAL, synchronous=FULL: log written and fdatasync at each commit",
        },
    .version = lite_version,
    .open = lite_open,
    .close = lite_close,
    .checkpoint = lite_checkpoint,
    .session_open = lite_session_open,
    .session_close = lite_session_close,
    .begin = lite_begin,
    .commit = lite_commit,
    .abort = lite_abort,
    .put = lite_put,
    .del = lite_del,
    .get = lite_get,
    .range = lite_range,
};
