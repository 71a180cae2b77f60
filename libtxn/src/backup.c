/*
 * Backup and restore.
 *
 * A backup is taken while the store is in use. It is what a crash could have left at the moment it
 * ends: pages of different ages, and the log from which recovery makes them whole.
 *
 *     1  checkpoint, and keep the log from there on; copy header and maps of that moment
 *     2  copy every page, as it is on disk at the time
 *     3  make the log durable, and copy it up to there: the backup is consistent with that LSN
 *     4  write the header, last: without it the copy is no store
 *
 * A page that cannot be read in step 2 is being written just then, and is tried again; or it was made
 * after step 1 and has never been written, and then the log of step 3 makes it.
 *
 * Restoring copies a backup, adds archived segments of the log that came after it, and lets recovery
 * run as far as was asked.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

enum {
    COPY_PAGES = 32, /* read and written at a time */
    TRIES = 50,      /* to read a page that is being written */
    TRY_NS = 2000000,
    COPY_BYTES = 1 << 20
};

/* ------------------------------------------------------------------------ the first step */

/* What a backup works with. */
struct backup {
    fly_store *store;
    const fly_backup_sink *sink;
    uint32_t page_size;
    uint32_t pages;
    fly_wal_hold hold;
    uint64_t scan_from;
    uint8_t *header; /* of the moment; then each map */
    uint8_t *maps;
    uint32_t map_count;
    uint32_t *map_pages;
    uint8_t *buffer; /* COPY_BYTES or COPY_PAGES pages */
    size_t buffer_size;
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a backup");
}

static fly_status copy_own_pages(struct backup *backup, fly_err *err)
{
    fly_pagefile *file = backup->store->file;
    fly_mem *mem = backup->store->env->mem;
    backup->pages = fly_pagefile_pages(file);
    for (uint32_t page = 1; page < backup->pages; page++) {
        backup->map_count += fly_pagefile_is_own(file, page);
    }
    backup->header = fly_mem_alloc_aligned(mem, backup->page_size, FLY_DIRECT_ALIGN);
    backup->maps =
        fly_mem_alloc_aligned(mem, (size_t)backup->map_count * backup->page_size, FLY_DIRECT_ALIGN);
    backup->map_pages = fly_mem_calloc(mem, backup->map_count, sizeof *backup->map_pages);
    if (backup->header == NULL || backup->maps == NULL || backup->map_pages == NULL) {
        return no_memory(err);
    }
    uint32_t at = 0;
    fly_status status = fly_pagefile_read_raw(file, 0, backup->header, err);
    for (uint32_t page = 1; page < backup->pages && status == FLY_OK; page++) {
        if (fly_pagefile_is_own(file, page)) {
            backup->map_pages[at] = page;
            status = fly_pagefile_read_raw(file, page,
                                           backup->maps + (size_t)at * backup->page_size, err);
            at++;
        }
    }
    return status;
}

/* No checkpoint may come between the header that is copied and the log that is kept for it. */
static fly_status begin(struct backup *backup, fly_err *err)
{
    fly_store *store = backup->store;
    fly_status status = fly__txn_checkpoint(store, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_mutex_lock(&store->checkpoint_mutex);
    struct meta meta;
    status = fly__txn_meta_decode(fly_pagefile_meta(store->file), &meta, store->dir, err);
    if (status == FLY_OK) {
        backup->scan_from = meta.scan_from;
        status = fly_wal_hold_acquire(store->wal, &backup->hold, meta.scan_from, err);
    }
    if (status == FLY_OK) {
        status = copy_own_pages(backup, err);
        if (status != FLY_OK) {
            fly_wal_hold_release(store->wal, &backup->hold);
        }
    }
    fly_mutex_unlock(&store->checkpoint_mutex);
    return status;
}

/* -------------------------------------------------------------------------- the pages */

/* Read a page as it is on disk; zeros if it has never been written. */
static fly_status copy_page(struct backup *backup, uint32_t page, uint8_t *to, fly_err *err)
{
    fly_store *store = backup->store;
    for (int tries = 0;; tries++) {
        fly_status status = fly_pagefile_read_raw(store->file, page, to, err);
        if (status != FLY_E_CORRUPT) {
            return status;
        }
        if (!fly_pagefile_is_used(store->file, page) ||
            (tries > 0 && fly_bufpool_has(store->pool, page))) {
            memset(to, 0, backup->page_size); /* the log makes it, or nobody needs it */
            return FLY_OK;
        }
        if (tries == TRIES) {
            return status;
        }
        fly_sleep(TRY_NS);
    }
}

static fly_status copy_pages(struct backup *backup, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t first = 2; first < backup->pages && status == FLY_OK; first += COPY_PAGES) {
        uint32_t left = backup->pages - first;
        uint32_t count = left < COPY_PAGES ? left : (uint32_t)COPY_PAGES;
        for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
            status =
                copy_page(backup, first + i, backup->buffer + (size_t)i * backup->page_size, err);
        }
        if (status == FLY_OK) {
            status = backup->sink->write(backup->sink->ctx, (uint64_t)first * backup->page_size,
                                         backup->buffer, (size_t)count * backup->page_size, err);
        }
    }
    for (uint32_t i = 0; i < backup->map_count && status == FLY_OK; i++) {
        status = backup->sink->write(
            backup->sink->ctx, (uint64_t)backup->map_pages[i] * backup->page_size,
            backup->maps + (size_t)i * backup->page_size, backup->page_size, err);
    }
    return status;
}

static fly_status copy_data(struct backup *backup, uint64_t *lsn, fly_err *err)
{
    const fly_backup_sink *sink = backup->sink;
    fly_wal *wal = backup->store->wal;
    fly_status status = sink->begin_file(sink->ctx, "data.db", err);
    if (status != FLY_OK) {
        return status;
    }
    status = copy_pages(backup, err);
    if (status == FLY_OK) {
        *lsn = fly_wal_next(wal);
        status = fly_wal_flush(wal, *lsn, FLY_DURABILITY_FULL, err);
    }
    if (status == FLY_OK) { /* last: now it is a page file */
        status = sink->write(sink->ctx, 0, backup->header, backup->page_size, err);
    }
    return status == FLY_OK ? sink->end_file(sink->ctx, err) : status;
}

/* ---------------------------------------------------------------------------- the log */

static fly_status copy_segment(struct backup *backup, uint64_t number, uint64_t bytes, fly_err *err)
{
    fly_store *store = backup->store;
    const fly_backup_sink *sink = backup->sink;
    char base[FLY_WAL_NAME_MAX];
    char name[FLY_PATH_MAX];
    char path[FLY_PATH_MAX];
    fly_file *file = NULL;
    fly_wal_segment_name(number, base);
    fly_status status = fly_path_join(name, sizeof name, "wal", base, err);
    if (status == FLY_OK) {
        status = fly_path_join(path, sizeof path, store->dir, name, err);
    }
    if (status == FLY_OK) {
        status = fly_file_open(store->env->vfs, path, FLY_OPEN_DIRECT, &file, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    status = sink->begin_file(sink->ctx, name, err);
    for (uint64_t at = 0; at < bytes && status == FLY_OK; at += COPY_BYTES) {
        size_t got = 0;
        size_t wanted = bytes - at < COPY_BYTES ? (size_t)(bytes - at) : (size_t)COPY_BYTES;
        status = fly_file_read_some(file, at, backup->buffer, COPY_BYTES, &got, err);
        if (status == FLY_OK && got < wanted) {
            status = fly_err_set(err, FLY_E_CORRUPT, "\"%s\" ends early", path);
        }
        if (status == FLY_OK) {
            status = sink->write(sink->ctx, at, backup->buffer, wanted, err);
        }
    }
    fly_file_abandon(file);
    return status == FLY_OK ? sink->end_file(sink->ctx, err) : status;
}

static fly_status copy_log(struct backup *backup, uint64_t to, fly_err *err)
{
    uint32_t size = fly_wal_segment_size(backup->store->wal);
    fly_status status = FLY_OK;
    for (uint64_t number = backup->scan_from / size; number * size < to && status == FLY_OK;
         number++) {
        uint64_t end = (number + 1) * size;
        status = copy_segment(backup, number, (to < end ? to : end) - number * size, err);
    }
    return status;
}

fly_status fly_store_backup(fly_store *store, const fly_backup_sink *sink, uint64_t *lsn,
                            fly_err *err)
{
    fly_mem *mem = store->env->mem;
    uint64_t at = 0;
    if (store->read_only) {
        return fly_err_set(err, FLY_E_READ_ONLY,
                           "\"%s\" was opened for reading: copy its files instead", store->dir);
    }
    struct backup backup = {
        .store = store, .sink = sink, .page_size = fly_pagefile_page_size(store->file)};
    size_t pages = (size_t)COPY_PAGES * backup.page_size;
    backup.buffer_size = pages > COPY_BYTES ? pages : (size_t)COPY_BYTES;
    backup.buffer = fly_mem_alloc_aligned(mem, backup.buffer_size, FLY_DIRECT_ALIGN);
    fly_status status = backup.buffer != NULL ? begin(&backup, err) : no_memory(err);
    if (status == FLY_OK) {
        status = copy_data(&backup, &at, err);
        if (status == FLY_OK) {
            status = copy_log(&backup, at, err);
        }
        fly_wal_hold_release(store->wal, &backup.hold);
    }
    fly_mem_free(mem, backup.buffer, backup.buffer_size);
    fly_mem_free(mem, backup.header, backup.page_size);
    fly_mem_free(mem, backup.maps, (size_t)backup.map_count * backup.page_size);
    fly_mem_free(mem, backup.map_pages, backup.map_count * sizeof *backup.map_pages);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "backup of \"%s\"", store->dir);
    }
    if (lsn != NULL) {
        *lsn = at;
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------- into a directory */

struct directory {
    fly_env *env;
    const char *dir;
    fly_file *file;
};

static fly_status begin_file(void *ctx, const char *name, fly_err *err)
{
    struct directory *directory = ctx;
    char path[FLY_PATH_MAX];
    fly_status status = fly_path_join(path, sizeof path, directory->dir, name, err);
    if (status == FLY_OK) {
        status = fly_file_open(directory->env->vfs, path,
                               FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_EXCLUSIVE,
                               &directory->file, err);
    }
    return status;
}

static fly_status write_file(void *ctx, uint64_t offset, const void *data, size_t len, fly_err *err)
{
    struct directory *directory = ctx;
    return fly_file_write(directory->file, offset, data, len, 0, err);
}

static fly_status end_file(void *ctx, fly_err *err)
{
    struct directory *directory = ctx;
    fly_file *file = directory->file;
    directory->file = NULL;
    fly_status status = fly_file_sync(file, err);
    fly_status closed = fly_file_close(file, status == FLY_OK ? err : NULL);
    return status != FLY_OK ? status : closed;
}

/* Make a store's directories where there is nothing yet. */
static fly_status make_dirs(fly_env *env, const char *dir, fly_err *err)
{
    char path[FLY_PATH_MAX];
    bool exists = false;
    fly_status status = fly_path_join(path, sizeof path, dir, "data.db", err);
    if (status == FLY_OK) {
        status = fly__txn_store_exists(env, path, &exists, err);
    }
    if (status == FLY_OK && exists) {
        status = fly_err_set(err, FLY_E_EXISTS, "there is a store in \"%s\" already", dir);
    }
    if (status == FLY_OK) {
        status = fly_vfs_make_dir(env->vfs, dir, err);
    }
    if (status == FLY_OK) {
        status = fly_path_join(path, sizeof path, dir, "wal", err);
    }
    return status == FLY_OK ? fly_vfs_make_dir(env->vfs, path, err) : status;
}

static fly_status sync_dirs(fly_env *env, const char *dir, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = fly_path_join(path, sizeof path, dir, "wal", err);
    if (status == FLY_OK) {
        status = fly_vfs_sync_dir(env->vfs, path, err);
    }
    return status == FLY_OK ? fly_vfs_sync_dir(env->vfs, dir, err) : status;
}

fly_status fly_store_backup_to(fly_store *store, const char *dir, uint64_t *lsn, fly_err *err)
{
    struct directory directory = {.env = store->env, .dir = dir};
    fly_backup_sink sink = {
        .begin_file = begin_file, .write = write_file, .end_file = end_file, .ctx = &directory};
    fly_status status = make_dirs(store->env, dir, err);
    if (status == FLY_OK) {
        status = fly_store_backup(store, &sink, lsn, err);
    }
    fly_file_abandon(directory.file);
    return status == FLY_OK ? sync_dirs(store->env, dir, err) : status;
}

/* -------------------------------------------------------------------------- restoring */

static fly_status copy_file(fly_env *env, const char *from, const char *to, fly_err *err)
{
    fly_file *in = NULL;
    fly_file *out = NULL;
    uint8_t *buffer = fly_mem_alloc(env->mem, COPY_BYTES);
    fly_status status = buffer != NULL ? FLY_OK : no_memory(err);
    if (status == FLY_OK) {
        status = fly_file_open(env->vfs, from, 0, &in, err);
    }
    if (status == FLY_OK) {
        status = fly_file_open(env->vfs, to, FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_TRUNCATE,
                               &out, err);
    }
    uint64_t at = 0;
    size_t got = COPY_BYTES;
    while (status == FLY_OK && got == COPY_BYTES) {
        status = fly_file_read_some(in, at, buffer, COPY_BYTES, &got, err);
        if (status == FLY_OK && got > 0) {
            status = fly_file_write(out, at, buffer, got, 0, err);
            at += got;
        }
    }
    if (status == FLY_OK) {
        status = fly_file_sync(out, err);
    }
    fly_file_abandon(in);
    fly_file_abandon(out);
    fly_mem_free(env->mem, buffer, COPY_BYTES);
    return status;
}

/* Which segments a directory has. */
struct segments {
    uint64_t first;
    uint64_t last;
    bool any;
};

static void see_segment(void *ctx, const char *name)
{
    struct segments *segments = ctx;
    uint64_t number;
    if (fly_wal_segment_number(name, &number)) {
        segments->first = !segments->any || number < segments->first ? number : segments->first;
        segments->last = !segments->any || number > segments->last ? number : segments->last;
        segments->any = true;
    }
}

static fly_status copy_segments(fly_env *env, const char *from, const char *to, uint64_t first,
                                uint64_t last, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint64_t number = first; number <= last && status == FLY_OK; number++) {
        char name[FLY_WAL_NAME_MAX];
        char source[FLY_PATH_MAX];
        char target[FLY_PATH_MAX];
        fly_wal_segment_name(number, name);
        status = fly_path_join(source, sizeof source, from, name, err);
        if (status == FLY_OK) {
            status = fly_path_join(target, sizeof target, to, name, err);
        }
        if (status == FLY_OK) {
            status = copy_file(env, source, target, err);
        }
    }
    return status;
}

/* The backup's log, and what the archive has of it and behind it: archived segments are whole, where
 * the backup's last one ends in the middle. */
static fly_status restore_log(fly_env *env, const char *backup, const char *archive,
                              const char *dir, fly_err *err)
{
    char from[FLY_PATH_MAX];
    char to[FLY_PATH_MAX];
    struct segments own = {0};
    struct segments archived = {0};
    fly_status status = fly_path_join(from, sizeof from, backup, "wal", err);
    if (status == FLY_OK) {
        status = fly_path_join(to, sizeof to, dir, "wal", err);
    }
    if (status == FLY_OK) {
        status = fly_vfs_list(env->vfs, from, see_segment, &own, err);
    }
    if (status == FLY_OK && !own.any) {
        status = fly_err_set(err, FLY_E_FORMAT, "\"%s\" is not a backup: it has no log", backup);
    }
    if (status == FLY_OK) {
        status = copy_segments(env, from, to, own.first, own.last, err);
    }
    if (status == FLY_OK && archive != NULL) {
        status = fly_vfs_list(env->vfs, archive, see_segment, &archived, err);
    }
    if (status == FLY_OK && archived.any && archived.last >= own.first) {
        uint64_t first = archived.first > own.first ? archived.first : own.first;
        if (first > own.last + 1) {
            return fly_err_set(err, FLY_E_NOT_FOUND,
                               "segments %" PRIu64 " to %" PRIu64
                               " of the log are neither in \"%s\" nor in \"%s\"",
                               own.last + 1, first - 1, backup, archive);
        }
        status = copy_segments(env, archive, to, first, archived.last, err);
    }
    return status;
}

fly_status fly_store_restore(fly_env *env, const char *backup, const char *archive, const char *dir,
                             const fly_store_options *options, fly_err *err)
{
    char from[FLY_PATH_MAX];
    char to[FLY_PATH_MAX];
    fly_store *store = NULL;
    fly_status status = make_dirs(env, dir, err);
    if (status == FLY_OK) {
        status = restore_log(env, backup, archive, dir, err);
    }
    if (status == FLY_OK) {
        status = fly_path_join(from, sizeof from, backup, "data.db", err);
    }
    if (status == FLY_OK) {
        status = fly_path_join(to, sizeof to, dir, "data.db", err);
    }
    if (status == FLY_OK) {
        status = copy_file(env, from, to, err);
    }
    if (status == FLY_OK) {
        status = sync_dirs(env, dir, err);
    }
    /* Recovery goes as far as the options say, and closing makes that the end. */
    if (status == FLY_OK) {
        status = fly_store_open(env, dir, options, &store, err);
    }
    if (status == FLY_OK) {
        status = fly_store_close(store, err);
    }
    return status == FLY_OK ? FLY_OK : fly_err_prefix(err, status, "restore to \"%s\"", dir);
}
