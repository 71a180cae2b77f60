/*
 * RocksDB, through its C interface.
 *
 * What its experts set, and what we found to matter:
 *   - a plain database and write batches: a transaction is one batch, applied atomically. That
 *     detects no conflicts and reads none of its own writes, so it is less than a transaction of the
 *     other engines, and faster.
 *   - write buffers of 16 MiB: the skip list stays in the processor's cache, and is flushed by
 *     another thread. Larger ones load more slowly.
 *   - neither pipelined writes nor the concurrent memtable: commits that share a sync do better
 *     without them.
 *   - Bloom filters of 10 bits, hash index inside data blocks, index and filters outside the cache.
 *   - no compression: the values cannot be compressed.
 *   - values pinned and copied once; an iterator and a snapshot per read transaction.
 *   - for durable commits, obsolete log files are reused (recycle_log_file_num): a synced write to
 *     one changes no metadata of the file system. RocksDB only does so when recovery skips damaged
 *     records instead of stopping at the first; synced commits survive either way. We make one log
 *     obsolete at open, as it would be in a store that has been running for a while.
 *   - direct reads under a memory limit: what is in the block cache need not be in the system's.
 *   - settled means compacted to the last level.
 *
 * Source: the wiki of facebook/rocksdb, "RocksDB Tuning Guide", "WAL Performance".
 */
#define _GNU_SOURCE
#include "kv_driver.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

enum { MIB = 1 << 20 };

struct kv_store {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    kv_durability durability;
};

struct kv_session {
    rocksdb_t *db;
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *read_options;
    rocksdb_writebatch_t *batch;
    rocksdb_iterator_t *iterator;       /* of the open read transaction; made when first needed */
    const rocksdb_snapshot_t *snapshot; /* of the open read transaction */
    bool writing;                       /* puts go to the batch until commit */
};

/* Take the message that RocksDB allocated. */
static fly_status failed(fly_err *err, char *message, const char *what)
{
    fly_status status = fly_err_set(err, FLY_E_IO, "rocksdb could not %s: %s", what, message);
    rocksdb_free(message);
    return status;
}

static void rocks_version(char *buffer, size_t size)
{
    /* The C interface does not tell; CMakeLists.txt reads it from the C++ headers. */
    (void)snprintf(buffer, size, "%s", FLYBENCH_ROCKSDB_VERSION);
}

/* ------------------------------------------------------------------- the store */

static void set_table_options(kv_store *store, const kv_setup *setup)
{
    rocksdb_block_based_table_options_t *table = store->table;
    store->cache = rocksdb_cache_create_lru((size_t)setup->cache_bytes);
    rocksdb_block_based_options_set_block_cache(table, store->cache);
    rocksdb_block_based_options_set_block_size(table, 4096);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_filter_policy(table,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_data_block_index_type(
        table, rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
    rocksdb_options_set_block_based_table_factory(store->options, table);
}

static void set_options(kv_store *store, const kv_setup *setup)
{
    rocksdb_options_t *options = store->options;
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_max_background_jobs(options, 4);
    rocksdb_options_set_max_open_files(options, -1);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_write_buffer_size(options, (size_t)16 * MIB);
    rocksdb_options_set_max_write_buffer_number(options, 6);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0);
    rocksdb_options_set_enable_pipelined_write(options, 0);
    rocksdb_options_set_use_direct_reads(options, setup->memory_bytes != 0);
    if (setup->durability == KV_FULL) {
        rocksdb_options_set_recycle_log_file_num(options, 4);
        rocksdb_options_set_wal_recovery_mode(options, rocksdb_skip_any_corrupted_records_recovery);
    }
    set_table_options(store, setup);
}

static fly_status rocks_close(kv_store *store, fly_err *err)
{
    (void)err;
    if (store->db != NULL) {
        rocksdb_close(store->db);
    }
    if (store->cache != NULL) {
        rocksdb_cache_destroy(store->cache);
    }
    rocksdb_block_based_options_destroy(store->table);
    rocksdb_options_destroy(store->options);
    free(store);
    return FLY_OK;
}

static fly_status flush(kv_store *store, fly_err *err)
{
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush(store->db, options, &message);
    rocksdb_flushoptions_destroy(options);
    return message == NULL ? FLY_OK : failed(err, message, "flush");
}

/* Write a log of 16 MiB and make it obsolete, so that the one that follows reuses its file. */
static fly_status make_log_to_reuse(kv_store *store, fly_err *err)
{
    static const char chunk[MIB];
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    char *message = NULL;
    for (int i = 0; i < 16 && message == NULL; i++) {
        rocksdb_put(store->db, options, "\0", 1, chunk, sizeof chunk, &message);
    }
    if (message == NULL) {
        rocksdb_delete(store->db, options, "\0", 1, &message);
    }
    fly_status status = message == NULL ? flush(store, err) : failed(err, message, "write");
    /* The log in use by now was begun before the first became obsolete: change once more. */
    if (status == FLY_OK) {
        rocksdb_delete(store->db, options, "\0", 1, &message);
        status = message == NULL ? flush(store, err) : failed(err, message, "write");
    }
    rocksdb_writeoptions_destroy(options);
    return status;
}

static fly_status rocks_open(const kv_setup *setup, kv_store **store, fly_err *err)
{
    kv_store *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->options = rocksdb_options_create();
    opened->table = rocksdb_block_based_options_create();
    opened->durability = setup->durability;
    set_options(opened, setup);

    char *message = NULL;
    opened->db = rocksdb_open(opened->options, setup->dir, &message);
    fly_status status = message == NULL ? FLY_OK : failed(err, message, "open the store");
    if (status == FLY_OK && setup->durability == KV_FULL) {
        status = make_log_to_reuse(opened, err);
    }
    if (status != FLY_OK) {
        (void)rocks_close(opened, NULL);
        return status;
    }
    *store = opened;
    return FLY_OK;
}

static fly_status rocks_checkpoint(kv_store *store, fly_err *err)
{
    return flush(store, err);
}

static fly_status rocks_settle(kv_store *store, fly_err *err)
{
    fly_status status = flush(store, err);
    rocksdb_compact_range(store->db, NULL, 0, NULL, 0);
    return status;
}

/* ----------------------------------------------------- sessions and transactions */

static fly_status rocks_session_open(kv_store *store, kv_session **session, fly_err *err)
{
    kv_session *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->db = store->db;
    opened->batch = rocksdb_writebatch_create();
    opened->read_options = rocksdb_readoptions_create();
    opened->write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(opened->write_options, store->durability == KV_FULL);
    rocksdb_writeoptions_disable_WAL(opened->write_options, store->durability == KV_OFF);
    *session = opened;
    return FLY_OK;
}

static void rocks_session_close(kv_session *session)
{
    rocksdb_writeoptions_destroy(session->write_options);
    rocksdb_readoptions_destroy(session->read_options);
    rocksdb_writebatch_destroy(session->batch);
    free(session);
}

static fly_status rocks_begin(kv_session *session, bool write, fly_err *err)
{
    (void)err;
    session->writing = write;
    if (!write) {
        session->snapshot = rocksdb_create_snapshot(session->db);
        rocksdb_readoptions_set_snapshot(session->read_options, session->snapshot);
    }
    return FLY_OK;
}

static void end_reading(kv_session *session)
{
    if (session->iterator != NULL) {
        rocksdb_iter_destroy(session->iterator);
        session->iterator = NULL;
    }
    if (session->snapshot != NULL) {
        rocksdb_readoptions_set_snapshot(session->read_options, NULL);
        rocksdb_release_snapshot(session->db, session->snapshot);
        session->snapshot = NULL;
    }
}

static fly_status write_batch(kv_session *session, fly_err *err)
{
    char *message = NULL;
    rocksdb_write(session->db, session->write_options, session->batch, &message);
    rocksdb_writebatch_clear(session->batch);
    return message == NULL ? FLY_OK : failed(err, message, "write");
}

static fly_status rocks_commit(kv_session *session, fly_err *err)
{
    if (!session->writing) {
        end_reading(session);
        return FLY_OK;
    }
    session->writing = false;
    return write_batch(session, err);
}

static void rocks_abort(kv_session *session)
{
    session->writing = false;
    end_reading(session);
    rocksdb_writebatch_clear(session->batch);
}

/* ------------------------------------------------------------------------ records */

static const char *chars(fly_bytes span)
{
    return (const char *)span.data;
}

static fly_status rocks_put(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err)
{
    rocksdb_writebatch_put(session->batch, chars(key), key.len, chars(value), value.len);
    return session->writing ? FLY_OK : write_batch(session, err);
}

static fly_status rocks_del(kv_session *session, fly_bytes key, fly_err *err)
{
    rocksdb_writebatch_delete(session->batch, chars(key), key.len);
    return session->writing ? FLY_OK : write_batch(session, err);
}

static fly_status rocks_get(kv_session *session, fly_bytes key, uint8_t *buffer, size_t size,
                            size_t *len, fly_err *err)
{
    char *message = NULL;
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned(session->db, session->read_options, chars(key), key.len, &message);
    if (message != NULL) {
        return failed(err, message, "get");
    }
    if (pinned == NULL) {
        return FLY_E_NOT_FOUND;
    }
    size_t value_len = 0;
    const char *value = rocksdb_pinnableslice_value(pinned, &value_len);
    fly_status status = FLY_OK;
    if (value_len <= size) {
        memcpy(buffer, value, value_len);
        *len = value_len;
    } else {
        status =
            fly_err_set(err, FLY_E_CORRUPT, "rocksdb returned a value of %zu bytes", value_len);
    }
    rocksdb_pinnableslice_destroy(pinned);
    return status;
}

static fly_status rocks_range(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                              fly_err *err)
{
    if (session->iterator == NULL) {
        session->iterator = rocksdb_create_iterator(session->db, session->read_options);
    }
    rocksdb_iterator_t *iterator = session->iterator;
    if (from.len > 0) {
        rocksdb_iter_seek(iterator, chars(from), from.len);
    } else {
        rocksdb_iter_seek_to_first(iterator);
    }
    for (uint64_t seen = 0; seen < limit && rocksdb_iter_valid(iterator); seen++) {
        size_t key_len = 0;
        size_t value_len = 0;
        const char *key = rocksdb_iter_key(iterator, &key_len);
        const char *value = rocksdb_iter_value(iterator, &value_len);
        kv_fold_entry(fold, (const uint8_t *)key, (const uint8_t *)value, value_len);
        rocksdb_iter_next(iterator);
    }
    char *message = NULL;
    rocksdb_iter_get_error(iterator, &message);
    if (session->snapshot == NULL) {
        end_reading(session);
    }
    return message == NULL ? FLY_OK : failed(err, message, "move an iterator");
}

const kv_driver kv_rocksdb = {
    .name = "rocksdb",
    .settings = "no compression, 6 x 16 MiB write buffers, 4 KiB blocks with hash index, Bloom 10 "
                "bits, write batches as transactions, compacted before reads, direct reads under a "
                "memory limit",
    .durability =
        {
            "disableWAL",
            "log written at each commit, never synced",
            "sync: log written and fdatasync, shared by waiting commits; logs recycled, recovery "
            "skips damaged records",
        },
    .version = rocks_version,
    .open = rocks_open,
    .close = rocks_close,
    .checkpoint = rocks_checkpoint,
    .settle = rocks_settle,
    .session_open = rocks_session_open,
    .session_close = rocks_session_close,
    .begin = rocks_begin,
    .commit = rocks_commit,
    .abort = rocks_abort,
    .put = rocks_put,
    .del = rocks_del,
    .get = rocks_get,
    .range = rocks_range,
};
