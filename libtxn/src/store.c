/*
 * Opening and closing a store, and checkpoints.
 *
 *     data/
 *     ├── data.db         pages (libpage): trees, their catalog; its header has our meta
 *     ├── doublewrite     what makes page writes whole (libpage)
 *     ├── wal/<n>.wal     the log (libwal)
 *     └── lock            held while the store is open
 *
 * A checkpoint is fuzzy: writers go on.
 *
 *     1  note where the log ends
 *     2  write every page that was changed before that
 *     3  redo_from: the oldest change that is not on disk; no later than 1
 *        scan_from: the oldest record that anybody needs: for redo, for undoing what has not ended,
 *        for purging what was deleted
 *     4  for a moment, no structure is changed: copy the allocation maps. Then make the log durable up
 *        to that moment, and the maps and redo_from and scan_from with them
 *     5  the log before scan_from may go
 *
 * Step 4 keeps the maps from knowing more, or less, than the log says: a page that a map says is
 * used has its allocation in the log, and one that is freed after redo_from is freed again by redo.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    META_VERSION = 1,
    META_BYTES = 48,
    CHECKPOINT_BYTES = 256 << 20,
    CHECKPOINT_SECS = 60,
    LOG_LEFT_MAX = 1 << 20, /* bytes of log that a closed store may keep without need */
    UNDO_BYTES_MIN = 64 << 20,
    TXNS_MAX = 65536,
    FIRST_PAGE = 2, /* the first that a new file gives out: the catalog's root */
    SECOND = 1000000000
};

static const fly_trace_type events[] = {
    {FLY_TXN_EVENT_BEGUN, "transaction begun", {"context", "isolation", NULL, NULL}},
    {FLY_TXN_EVENT_COMMITTED, "transaction committed", {"txn", "timestamp", "lsn", NULL}},
    {FLY_TXN_EVENT_ROLLED_BACK, "transaction rolled back", {"txn", NULL, NULL, NULL}},
    {FLY_TXN_EVENT_VERSION, "version made", {"txn", "tree", "lsn", NULL}},
    {FLY_TXN_EVENT_PURGED, "versions purged", {"context", "timestamp", NULL, NULL}},
    {FLY_TXN_EVENT_WAITED, "lock waited for", {"txn", "for", "ns", NULL}},
    {FLY_TXN_EVENT_REDONE, "record redone", {"lsn", "type", NULL, NULL}},
    {FLY_TXN_EVENT_UNDONE, "record undone", {"txn", "next", NULL, NULL}},
    {FLY_TXN_EVENT_CHECKPOINT, "checkpoint", {"lsn", "pages", "ns", NULL}},
};

/* ------------------------------------------------------------------------------ meta */

void fly__txn_meta_encode(const struct meta *meta, uint8_t *bytes, size_t *len)
{
    fly_put_u32(bytes, meta->version);
    fly_put_u32(bytes + 4, meta->catalog_root);
    fly_put_u32(bytes + 8, meta->next_tree_id);
    fly_put_u32(bytes + 12, 0);
    fly_put_u64(bytes + 16, meta->redo_from);
    fly_put_u64(bytes + 24, meta->scan_from);
    fly_put_u64(bytes + 32, meta->id_ceiling);
    fly_put_u64(bytes + 40, meta->clock);
    *len = META_BYTES;
}

fly_status fly__txn_meta_decode(const uint8_t *bytes, struct meta *meta, const char *path,
                                fly_err *err)
{
    *meta = (struct meta){
        .version = fly_get_u32(bytes),
        .catalog_root = fly_get_u32(bytes + 4),
        .next_tree_id = fly_get_u32(bytes + 8),
        .redo_from = fly_get_u64(bytes + 16),
        .scan_from = fly_get_u64(bytes + 24),
        .id_ceiling = fly_get_u64(bytes + 32),
        .clock = fly_get_u64(bytes + 40),
    };
    if (meta->version != META_VERSION) {
        return fly_err_set(err, FLY_E_FORMAT,
                           "the store in \"%s\" has format version %" PRIu32
                           "; this program reads version %d",
                           path, meta->version, META_VERSION);
    }
    if (meta->scan_from > meta->redo_from || meta->id_ceiling == 0) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "the header of the store in \"%s\" contradicts itself", path);
    }
    return FLY_OK;
}

/* ----------------------------------------------------------------------- checkpoints */

/* The oldest log record that some context needs. */
static void oldest_needed(void *ctx, fly_txn *txn)
{
    uint64_t *oldest = ctx;
    /* In this order: when a transaction ends, the second is set before the first is cleared. */
    uint64_t first = fly_load_seq_u64(&txn->first_lsn);
    uint64_t owed = fly_load_seq_u64(&txn->owed_lsn);
    if (first != 0 && first < *oldest) {
        *oldest = first;
    }
    if (owed != 0 && owed < *oldest) {
        *oldest = owed;
    }
}

/* The moment at which the maps are copied. */
struct moment {
    fly_store *store;
    uint64_t lsn;
};

static void freeze(void *ctx)
{
    struct moment *moment = ctx;
    fly_latch_lock_exclusive(&moment->store->structure);
}

static fly_status thaw(void *ctx, fly_err *err)
{
    struct moment *moment = ctx;
    moment->lsn = fly_wal_next(moment->store->wal);
    fly_latch_unlock_exclusive(&moment->store->structure);
    return fly_wal_flush(moment->store->wal, moment->lsn, FLY_DURABILITY_FULL, err);
}

static fly_status checkpoint_others(fly_store *store, uint64_t *scan_from, fly_err *err)
{
    for (uint32_t i = 0; i < store->options.manager_count; i++) {
        const fly_resource_manager *manager = &store->options.managers[i];
        uint64_t needed = UINT64_MAX;
        fly_status status = manager->checkpoint(manager->ctx, &needed, err);
        if (status != FLY_OK) {
            return fly_err_prefix(err, status, "checkpoint of %s", manager->name);
        }
        *scan_from = needed < *scan_from ? needed : *scan_from;
    }
    return FLY_OK;
}

static fly_status checkpoint(fly_store *store, uint32_t *pages, uint64_t *redo_from, fly_err *err)
{
    uint64_t begin = fly_wal_next(store->wal);
    fly_status status = fly_bufpool_flush(store->pool, begin, 0, pages, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t dirty = fly_bufpool_oldest_lsn(store->pool);
    *redo_from = dirty < begin ? dirty : begin;
    uint64_t scan_from = *redo_from;
    uint64_t left = fly_load_u64(&store->left_lsn);
    scan_from = left != 0 && left < scan_from ? left : scan_from;
    fly__txn_each_context(store, oldest_needed, &scan_from);
    status = checkpoint_others(store, &scan_from, err);
    if (status != FLY_OK) {
        return status;
    }
    struct meta meta = {
        .version = META_VERSION,
        .catalog_root = store->catalog->root,
        .next_tree_id = fly_load_u32(&store->next_tree_id),
        .redo_from = *redo_from,
        .scan_from = scan_from,
        .id_ceiling = fly_load_u64(&store->id_ceiling),
        .clock = fly_load_u64(&store->clock),
    };
    uint8_t bytes[FLY_PAGEFILE_META];
    size_t len;
    struct moment moment = {.store = store};
    fly_pagefile_freeze frozen = {.begin = freeze, .end = thaw, .ctx = &moment};
    fly__txn_meta_encode(&meta, bytes, &len);
    fly_pagefile_set_meta(store->file, bytes, len);
    status = fly_pagefile_checkpoint(store->file, *redo_from, &frozen, err);
    if (status == FLY_OK) {
        fly_wal_retire(store->wal, scan_from);
    }
    return status;
}

fly_status fly__txn_checkpoint(fly_store *store, fly_err *err)
{
    uint64_t began = fly_now();
    uint32_t pages = 0;
    uint64_t redo_from = 0;
    fly_mutex_lock(&store->checkpoint_mutex);
    fly_status status = checkpoint(store, &pages, &redo_from, err);
    if (status == FLY_OK) {
        fly_store_u64(&store->redo_from, redo_from);
        fly_store_u64(&store->checkpoint_time, fly_now());
        fly_store_u64(&store->checkpoint_next, redo_from + store->options.checkpoint_bytes);
        fly_count_u64(&store->checkpoints, 1);
        FLY_TRACE(store->env->trace, FLY_TXN_EVENT_CHECKPOINT, redo_from, pages, fly_now() - began,
                  0);
    }
    fly_mutex_unlock(&store->checkpoint_mutex);
    return status;
}

static bool is_due(fly_store *store)
{
    uint64_t next = fly_wal_next(store->wal);
    uint64_t interval = (uint64_t)store->options.checkpoint_secs * SECOND;
    bool changed = next > fly_load_u64(&store->redo_from);
    return next >= fly_load_u64(&store->checkpoint_next) ||
           (changed && store->options.checkpoint_secs != UINT32_MAX &&
            fly_now() - fly_load_u64(&store->checkpoint_time) >= interval);
}

void fly__txn_checkpointer(void *arg)
{
    fly_store *store = arg;
    while (fly_load_u32(&store->stop) == 0) {
        uint32_t seen = fly_load_u32(&store->checkpointer_alarm);
        if (is_due(store)) {
            fly_err err = {0};
            if (fly__txn_checkpoint(store, &err) != FLY_OK) {
                fly_log(store->env, FLY_LOG_ERROR, "checkpoint of \"%s\": %s", store->dir,
                        err.message);
                fly_sleep(SECOND); /* a full disk, or worse: no hurry */
            }
        }
        (void)fly_park(&store->checkpointer_alarm, seen, fly_now() + SECOND, "a checkpoint due");
    }
}

fly_status fly_store_checkpoint(fly_store *store, fly_err *err)
{
    if (store->read_only) {
        return fly_err_set(err, FLY_E_READ_ONLY, "\"%s\" was opened for reading", store->dir);
    }
    fly__txn_purge_all(store);
    return fly__txn_checkpoint(store, err);
}

fly_status fly_store_maintain(fly_store *store, fly_err *err)
{
    if (store->read_only) {
        return FLY_OK;
    }
    fly__txn_purge_all(store);
    fly__txn_give_up_snapshots(store);
    return is_due(store) ? fly__txn_checkpoint(store, err) : FLY_OK;
}

/* ------------------------------------------------------------------------- open: files */

static fly_status path_of(const fly_store *store, const char *name, char *path, fly_err *err)
{
    return fly_path_join(path, FLY_PATH_MAX, store->dir, name, err);
}

static fly_status take_lock(fly_store *store, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = path_of(store, "lock", path, err);
    if (status == FLY_OK) {
        status = fly_file_open(store->env->vfs, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE,
                               &store->lock, err);
    }
    if (status == FLY_OK) {
        status = fly_file_lock(store->lock, err);
    }
    if (status == FLY_E_LOCKED) {
        fly_err_hint(err, "a store is opened by one process at a time");
    }
    return status;
}

static fly_pagefile_options file_options(const fly_store *store, bool create)
{
    return (fly_pagefile_options){.page_size = create ? store->options.page_size : 0,
                                  .create = create,
                                  .read_only = store->read_only,
                                  .buffered = store->options.buffered,
                                  .codec = store->options.page_codec};
}

/* Make the directory's own name durable, which stands in the one above it. Whoever may not read that
 * one cannot have made the directory, and who has made it long ago has seen to its name. */
static fly_status keep_dir(fly_store *store, fly_err *err)
{
    char above[FLY_PATH_MAX];
    size_t len = strlen(store->dir);
    while (len > 1 && store->dir[len - 1] == '/') {
        len--;
    }
    while (len > 0 && store->dir[len - 1] != '/') {
        len--;
    }
    while (len > 1 && store->dir[len - 1] == '/') {
        len--;
    }
    memcpy(above, len > 0 ? store->dir : ".", len > 0 ? len : 1);
    above[len > 0 ? len : 1] = '\0';
    fly_status status = fly_vfs_sync_dir(store->env->vfs, above, err);
    return status == FLY_E_PERMISSION ? FLY_OK : status;
}

/* Make a page file with a meta that says there is nothing yet, under another name first: a crash
 * leaves either no store, or one that opens. */
static fly_status create_file(fly_store *store, const char *path, fly_err *err)
{
    char fresh[FLY_PATH_MAX];
    fly_pagefile *file = NULL;
    fly_status status = path_of(store, "data.db.new", fresh, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_err trouble = {0}; /* that there is none is not */
    status = fly_vfs_remove(store->env->vfs, fresh, &trouble);
    if (status != FLY_OK && status != FLY_E_NOT_FOUND) {
        if (err != NULL) {
            *err = trouble;
        }
        return status;
    }
    fly_pagefile_options options = file_options(store, true);
    status = fly_pagefile_open(store->env, fresh, NULL, &options, &file, err);
    if (status != FLY_OK) {
        return status;
    }
    struct meta meta = {
        .version = META_VERSION, .next_tree_id = FIRST_TREE_ID, .id_ceiling = TIMESTAMP_FIRST};
    uint8_t bytes[FLY_PAGEFILE_META];
    size_t len;
    fly__txn_meta_encode(&meta, bytes, &len);
    fly_pagefile_set_meta(file, bytes, len);
    status = fly_pagefile_checkpoint(file, 0, NULL, err);
    fly_pagefile_close(file);
    if (status == FLY_OK) {
        status = fly_vfs_rename(store->env->vfs, fresh, path, err);
    }
    if (status == FLY_OK) {
        status = fly_vfs_sync_dir(store->env->vfs, store->dir, err);
    }
    return status == FLY_OK ? keep_dir(store, err) : status;
}

/* Not knowing whether there is a store is not knowing that there is none: only then is one made. */
fly_status fly__txn_store_exists(fly_env *env, const char *path, bool *exists, fly_err *err)
{
    fly_file *file = NULL;
    fly_status status = fly_file_open(env->vfs, path, 0, &file, err);
    fly_file_abandon(file);
    *exists = status == FLY_OK;
    return status == FLY_E_NOT_FOUND ? FLY_OK : status;
}

static fly_status open_file(fly_store *store, fly_err *err)
{
    bool exists = false;
    char path[FLY_PATH_MAX];
    char area[FLY_PATH_MAX];
    fly_status status = path_of(store, "data.db", path, err);
    if (status == FLY_OK) {
        status = path_of(store, "doublewrite", area, err);
    }
    if (status == FLY_OK) {
        status = fly__txn_store_exists(store->env, path, &exists, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (!exists) {
        if (!store->options.create || store->read_only) {
            return fly_err_set(err, FLY_E_NOT_FOUND, "there is no store in \"%s\"", store->dir);
        }
        status = create_file(store, path, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    fly_pagefile_options options = file_options(store, false);
    options.page_size = store->options.page_size;
    return fly_pagefile_open(store->env, path, area, &options, &store->file, err);
}

/* ------------------------------------------------------------------------ open: memory */

static fly_status log_flushed_to(void *ctx, uint64_t lsn, fly_err *err)
{
    fly_store *store = ctx;
    /* While the log is replayed there is none to flush: its records are on disk. The record that
     * begins at `lsn` is durable when the log is durable beyond its first byte. */
    return store->wal == NULL || lsn == 0
               ? FLY_OK
               : fly_wal_flush(store->wal, lsn + 1, FLY_DURABILITY_FULL, err);
}

static fly_status open_pool(fly_store *store, fly_err *err)
{
    const fly_store_options *options = &store->options;
    fly_bufpool_options pool = {
        .bytes = options->pool_bytes,
        .pages_max = options->pages_max,
        .backend = options->backend,
        .policy = options->policy,
        .gate = {.log_flushed_to = log_flushed_to, .ctx = store},
        .check = fly_btree_check_page,
        .background = !options->manual && !store->read_only,
    };
    return fly_bufpool_create(store->env, store->file, &pool, &store->pool, err);
}

static void set_defaults(fly_store *store)
{
    fly_store_options *options = &store->options;
    if (options->pool_bytes == 0) {
        options->pool_bytes = fly_bufpool_auto_bytes();
    }
    if (options->isolation == FLY_ISOLATION_DEFAULT) {
        options->isolation = FLY_ISOLATION_READ_COMMITTED;
    }
    if (options->durability == FLY_DURABILITY_DEFAULT) {
        options->durability = FLY_DURABILITY_FULL;
    }
    if (options->checkpoint_bytes == 0) {
        options->checkpoint_bytes = CHECKPOINT_BYTES;
    }
    if (options->checkpoint_secs == 0) {
        options->checkpoint_secs = CHECKPOINT_SECS;
    }
    if (options->txns_max == 0 || options->txns_max > TXNS_MAX) {
        options->txns_max = TXNS_MAX;
    }
    if (options->undo_bytes_max == 0) {
        uint64_t share = options->pool_bytes / 8;
        options->undo_bytes_max = share > UNDO_BYTES_MIN ? share : (uint64_t)UNDO_BYTES_MIN;
    }
}

static fly_store *allocate(fly_env *env, const char *dir, const fly_store_options *options)
{
    fly_store *store = fly_mem_alloc_aligned(env->mem, sizeof *store, FLY_CACHE_LINE);
    if (store == NULL) {
        return NULL;
    }
    memset(store, 0, sizeof *store);
    store->env = env;
    memcpy(store->dir, dir, strlen(dir) + 1);
    store->options = *options;
    store->read_only = options->read_only;
    set_defaults(store);
    fly_account_init(&store->undo_memory, env->mem, "undo", 0);
    fly_mutex_init(&store->states_mutex, "states of transactions", RANK_STATES);
    fly_mutex_init(&store->contexts_mutex, "contexts", RANK_CONTEXTS);
    fly_mutex_init(&store->purge_mutex, "purge", RANK_PURGE);
    fly_mutex_init(&store->serial_mutex, "validation", RANK_SERIAL);
    fly_mutex_init(&store->trees_mutex, "trees", RANK_TREES);
    fly_mutex_init(&store->prepared_mutex, "prepared transactions", RANK_PREPARED);
    fly_mutex_init(&store->checkpoint_mutex, "checkpoint", RANK_CHECKPOINT);
    fly_cond_init(&store->serial_cond);
    for (int i = 0; i < SHARDS; i++) {
        fly_mutex_init(&store->shards[i].mutex, "free contexts", RANK_SHARD);
    }
    fly__txn_shared_init(store);
    fly_store_u64(&store->clock, TIMESTAMP_FIRST);
    return store;
}

/* --------------------------------------------------------------------- open: recovery */

static fly_wal_options wal_options(fly_store *store, const struct meta *meta,
                                   struct recovery *recovery)
{
    const fly_store_options *options = &store->options;
    fly_wal_options wal = {
        .segment_size = options->wal_segment_size,
        .ring_size = options->wal_ring_size,
        .in_flight = options->wal_in_flight,
        .async_ms = options->async_ms,
        .buffered = options->buffered,
        .replay_from = meta->scan_from,
        .durable_to = meta->redo_from,
        .replay = fly__txn_replay,
        .replay_ctx = recovery,
        .codec = options->wal_codec,
        .compressor = options->wal_compressor,
        .archive = options->archive,
        .archive_ctx = options->archive_ctx,
    };
    memcpy(wal.uuid, fly_pagefile_uuid(store->file), sizeof wal.uuid);
    return wal;
}

/* A change of a tree's shape is one record, which may have up to four pages in it; libwal takes records
 * of a quarter of its ring, or half a segment. */
static fly_status check_room(const fly_store *store, uint32_t segment_size, fly_err *err)
{
    uint32_t page_size = fly_pagefile_page_size(store->file);
    uint32_t ring = store->options.wal_ring_size;
    if (ring != 0 && ring / 16 < page_size) {
        return fly_err_set(err, FLY_E_INVALID,
                           "a log ring of %" PRIu32 " bytes is too small for pages of %" PRIu32
                           ": it takes 16 of them",
                           ring, page_size);
    }
    if (segment_size != 0 && segment_size / 8 < page_size) {
        return fly_err_set(err, FLY_E_INVALID,
                           "log segments of %" PRIu32 " bytes are too small for pages of %" PRIu32
                           ": they take 8 of them",
                           segment_size, page_size);
    }
    return FLY_OK;
}

/* The catalog: where the meta says it is; or, if the process died before the first checkpoint, where
 * the log has made it; or, in a new store, made now. */
static fly_status open_catalog(fly_store *store, const struct meta *meta, fly_err *err)
{
    uint32_t root = meta->catalog_root;
    if (root == 0 && fly_pagefile_is_used(store->file, FIRST_PAGE)) {
        root = FIRST_PAGE;
    }
    if (root != 0) {
        return fly__txn_catalog_open(store, root, err);
    }
    fly_status status = fly__txn_catalog_create(store, &root, err);
    FLY_ASSERT(status != FLY_OK || root == FIRST_PAGE);
    return status;
}

/* Redo, undo, and everything that a running store needs. */
static fly_status recover(fly_store *store, const struct meta *meta, fly_err *err)
{
    char wal_dir[FLY_PATH_MAX];
    struct recovery *recovery = NULL;
    struct recovered recovered = {0};
    fly_status status = path_of(store, "wal", wal_dir, err);
    if (status == FLY_OK) {
        status = fly_vfs_make_dir(store->env->vfs, wal_dir, err);
    }
    if (status == FLY_OK) {
        status = fly_vfs_sync_dir(store->env->vfs, store->dir, err);
    }
    if (status == FLY_OK) {
        status = check_room(store, store->options.wal_segment_size, err);
    }
    if (status == FLY_OK) {
        status = fly__txn_recovery_create(store, meta, &recovery, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly_wal_options options = wal_options(store, meta, recovery);
    status = fly_wal_open(store->env, wal_dir, &options, &store->wal, err);
    if (status == FLY_OK) {
        status = check_room(store, fly_wal_segment_size(store->wal), err);
    }
    if (status == FLY_OK) {
        status = fly__txn_recovery_end(recovery, &recovered, err);
    }
    if (status != FLY_OK) {
        fly__txn_recovery_destroy(recovery);
        return status;
    }
    fly__txn_logger(store);
    fly_store_u64(&store->clock, recovered.clock);
    fly_store_u32(&store->next_tree_id, recovered.next_tree_id);
    fly_store_u64(&store->id_ceiling, recovered.ceiling);
    store->recovered = recovered.records;
    fly_store_u64(&store->redo_from, meta->redo_from);
    fly_store_u64(&store->checkpoint_time, fly_now());
    fly_store_u64(&store->checkpoint_next,
                  fly_wal_next(store->wal) + store->options.checkpoint_bytes);
    status = fly__txn_states_create(store, recovered.ceiling, err);
    if (status == FLY_OK) {
        status = open_catalog(store, meta, err);
    }
    if (status == FLY_OK) {
        status = fly__txn_trees_load(store, err);
    }
    if (status != FLY_OK) {
        fly__txn_recovery_destroy(recovery);
        return status;
    }
    status = fly__txn_recover(recovery, err); /* which keeps it, or destroys it */
    fly__txn_refresh_horizon(store);
    return status;
}

/* A store that is only looked at must need no recovery: the log says nothing new. */
static fly_status check_clean(fly_store *store, const struct meta *meta, fly_err *err)
{
    char wal_dir[FLY_PATH_MAX];
    fly_wal_reader *reader = NULL;
    fly_wal_record record;
    fly_status status = path_of(store, "wal", wal_dir, err);
    if (status == FLY_OK) {
        status = fly_wal_reader_open(store->env, wal_dir, NULL, store->options.wal_codec,
                                     store->options.wal_compressor, meta->scan_from, &reader, err);
    }
    while (status == FLY_OK) {
        status = fly_wal_reader_next(reader, &record, err);
        if (status == FLY_OK && !(record.manager == MANAGER_TXNS && record.type == TXN_CEILING)) {
            status = fly_err_set(err, FLY_E_READ_ONLY,
                                 "the store in \"%s\" was not closed cleanly: open it for writing, "
                                 "to recover it",
                                 store->dir);
        }
    }
    fly_wal_reader_close(reader);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status look(fly_store *store, const struct meta *meta, fly_err *err)
{
    fly_status status = check_clean(store, meta, err);
    if (status == FLY_OK) {
        fly_store_u64(&store->clock,
                      meta->clock > TIMESTAMP_FIRST ? meta->clock : (uint64_t)TIMESTAMP_FIRST);
        status = fly__txn_states_create(store, meta->id_ceiling, err);
    }
    if (status == FLY_OK && meta->catalog_root == 0) {
        status =
            fly_err_set(err, FLY_E_NOT_FOUND, "the store in \"%s\" was never finished", store->dir);
    }
    return status == FLY_OK ? fly__txn_catalog_open(store, meta->catalog_root, err) : status;
}

static fly_status start_threads(fly_store *store, fly_err *err)
{
    if (store->options.manual || store->read_only) {
        return FLY_OK;
    }
    fly_sched *sched = store->env->sched;
    fly_status status =
        fly_thread_start(sched, &store->keeper, "keeper", fly__txn_keeper, store, err);
    store->has_keeper = status == FLY_OK;
    if (status == FLY_OK) {
        status = fly_thread_start(sched, &store->checkpointer, "checkpointer",
                                  fly__txn_checkpointer, store, err);
        store->has_checkpointer = status == FLY_OK;
    }
    return status;
}

static fly_status open_all(fly_store *store, fly_err *err)
{
    struct meta meta;
    fly_status status = FLY_OK;
    if (store->options.create && !store->read_only) {
        status = fly_vfs_make_dir(store->env->vfs, store->dir, err);
    }
    if (status == FLY_OK && !store->read_only) {
        status = take_lock(store, err);
        if (status == FLY_E_NOT_FOUND) {
            status = fly_err_set(err, status, "there is no store in \"%s\"", store->dir);
        }
    }
    if (status == FLY_OK) {
        status = open_file(store, err);
    }
    if (status == FLY_OK) {
        status = fly__txn_meta_decode(fly_pagefile_meta(store->file), &meta, store->dir, err);
    }
    if (status == FLY_OK) {
        uint32_t usable = fly_pagefile_usable(store->file);
        store->entry_room = usable / 4;
        store->key_max = fly_btree_key_max_of(usable);
        status = open_pool(store, err);
    }
    if (status == FLY_OK) {
        status = store->read_only ? look(store, &meta, err) : recover(store, &meta, err);
    }
    return status == FLY_OK ? start_threads(store, err) : status;
}

fly_status fly_store_open(fly_env *env, const char *dir, const fly_store_options *options,
                          fly_store **store, fly_err *err)
{
    static const fly_store_options defaults;
    options = options != NULL ? options : &defaults;
    if (strlen(dir) >= FLY_PATH_MAX / 2) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "path \"%.64s…\" is too long", dir);
    }
    uint64_t began = fly_now();
    fly_store *opened = allocate(env, dir, options);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to open the store in \"%s\"", dir);
    }
    if (env->trace != NULL) {
        fly_trace_register(env->trace, events, sizeof events / sizeof events[0]);
    }
    fly_status status = open_all(opened, err);
    if (status != FLY_OK) {
        fly_store_abandon(opened);
        return status;
    }
    opened->recovery_ns = fly_now() - began;
    *store = opened;
    return FLY_OK;
}

/* ------------------------------------------------------------------------------ close */

static void stop_threads(fly_store *store)
{
    fly_store_u32(&store->stop, 1);
    if (store->has_keeper) {
        fly__txn_call_keeper(store);
        fly_thread_join(&store->keeper);
    }
    if (store->has_checkpointer) {
        (void)fly_add_u32(&store->checkpointer_alarm, 1);
        fly_unpark(&store->checkpointer_alarm, 1);
        fly_thread_join(&store->checkpointer);
    }
    store->has_keeper = false;
    store->has_checkpointer = false;
}

void fly_store_abandon(fly_store *store)
{
    if (store == NULL) {
        return;
    }
    fly_env *env = store->env;
    stop_threads(store);
    fly__txn_recovery_destroy(store->recovery);
    fly__txn_shared_deinit(store);
    fly__txn_contexts_destroy(store);
    fly__txn_states_destroy(store);
    fly__txn_trees_close(store);
    fly_bufpool_destroy(store->pool);
    fly_wal_abandon(store->wal);
    fly_pagefile_close(store->file);
    fly_file_abandon(store->lock);
    fly_account_deinit(&store->undo_memory);
    for (int i = 0; i < SHARDS; i++) {
        fly_mutex_deinit(&store->shards[i].mutex);
    }
    fly_mutex_deinit(&store->states_mutex);
    fly_mutex_deinit(&store->contexts_mutex);
    fly_mutex_deinit(&store->purge_mutex);
    fly_mutex_deinit(&store->serial_mutex);
    fly_mutex_deinit(&store->trees_mutex);
    fly_mutex_deinit(&store->prepared_mutex);
    fly_mutex_deinit(&store->checkpoint_mutex);
    fly_mem_free(env->mem, store, sizeof *store);
}

static void count_open(void *ctx, fly_txn *txn)
{
    uint32_t *open = ctx;
    *open += fly_load_u64(&txn->began) != 0 && !txn->prepared && !txn->left ? 1 : 0;
}

fly_status fly_store_close(fly_store *store, fly_err *err)
{
    fly_status status = FLY_OK;
    uint32_t open = 0;
    fly__txn_each_context(store, count_open, &open);
    FLY_ASSERT(open == 0);
    stop_threads(store);
    if (!store->read_only) {
        fly__txn_purge_all(store);
        status = fly__txn_checkpoint(store, err);
        fly_wal *wal = store->wal;
        if (status == FLY_OK && fly_wal_next(wal) - fly_wal_first(wal) > LOG_LEFT_MAX) {
            /* Nobody needs what was logged before the checkpoint. If it must stay, so be it. */
            if (fly_wal_roll(wal, NULL) == FLY_OK) {
                status = fly__txn_checkpoint(store, err);
            }
        }
        if (status == FLY_OK) {
            status = fly_pagefile_shrink(store->file, err);
        }
        store->wal = NULL;
        fly_status closed = fly_wal_close(wal, status == FLY_OK ? err : NULL);
        status = status == FLY_OK ? closed : status;
    }
    fly_store_abandon(store);
    return status;
}

/* --------------------------------------------------------------------------- watching */

fly_wal *fly_store_wal(fly_store *store)
{
    return store->wal;
}

fly_bufpool *fly_store_pool(fly_store *store)
{
    return store->pool;
}

struct ages {
    uint64_t active;
    uint64_t oldest;
};

static void see_age(void *ctx, fly_txn *txn)
{
    struct ages *ages = ctx;
    uint64_t began = fly_load_u64(&txn->began);
    if (began != 0) {
        ages->active++;
        ages->oldest = began < ages->oldest ? began : ages->oldest;
    }
}

void fly_store_watch(fly_store *store, bool on)
{
    fly_bufpool_watch(store->pool, on);
}

fly_store_usage fly_store_used(const fly_store *store)
{
    fly_bufpool_usage pool = fly_bufpool_used(store->pool);
    return (fly_store_usage){.pages_fixed = pool.fixes,
                             .pages_missed = pool.misses,
                             .log_bytes = store->wal == NULL ? 0 : fly_wal_next(store->wal)};
}

void fly_store_get_stats(fly_store *store, fly_store_stats *stats)
{
    struct ages ages = {.oldest = UINT64_MAX};
    fly__txn_each_context(store, see_age, &ages);
    *stats = (fly_store_stats){
        .begun = fly_load_u64(&store->begun),
        .committed = fly_load_u64(&store->committed),
        .rolled_back = fly_load_u64(&store->rolled_back),
        .conflicts = fly_load_u64(&store->conflicts),
        .deadlocks = fly_load_u64(&store->deadlocks),
        .lock_waits = fly_load_u64(&store->lock_waits),
        .given_up = fly_load_u64(&store->snapshots_given_up),
        .undo_bytes = fly_load_u64(&store->undo_memory.used),
        .purged = fly_load_u64(&store->purged),
        .checkpoints = fly_load_u64(&store->checkpoints),
        .active = ages.active,
        .oldest_age_us = ages.active > 0 ? (fly_now() - ages.oldest) / 1000 : 0,
        .clock = fly_load_u64(&store->clock),
        .recovered = store->recovered,
        .undone = store->undone,
        .recovery_us = store->recovery_ns / 1000,
        .pages = fly_pagefile_pages(store->file),
        .used_pages = fly_pagefile_used(store->file),
        .page_size = fly_pagefile_page_size(store->file),
    };
    fly_bufpool_get_stats(store->pool, &stats->pool);
    if (store->wal != NULL) {
        fly_wal_get_stats(store->wal, &stats->wal);
    }
}
