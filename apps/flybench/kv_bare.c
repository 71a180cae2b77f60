/*
 * No engine at all: what a durable commit costs when nothing but the disk is asked.
 *
 * A put writes the record after the one before into a file that was allocated and filled with zeros
 * beforehand, and calls fdatasync(). The length of the file and its extents never change, so the
 * file system has no metadata to write: this is the floor under every log.
 */
#define _GNU_SOURCE
#include "kv_driver.h"

#include <fly/base_atomic.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 64 << 20, CHUNK_BYTES = 1 << 20 };

struct kv_store {
    int fd;
    fly_atomic_u64 end; /* where the next record goes, not yet taken modulo the size */
};

struct kv_session {
    kv_store *store;
};

static void bare_version(char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "1");
}

static fly_status fill_with_zeros(int fd, fly_err *err)
{
    static const uint8_t zeros[CHUNK_BYTES];
    for (off_t at = 0; at < FILE_BYTES; at += CHUNK_BYTES) {
        if (pwrite(fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros) {
            return fly_err_os(err, FLY_E_IO, errno, "could not fill the preallocated file");
        }
    }
    if (fsync(fd) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not sync the preallocated file");
    }
    return FLY_OK;
}

static fly_status bare_close(kv_store *store, fly_err *err)
{
    (void)err;
    (void)close(store->fd);
    free(store);
    return FLY_OK;
}

static fly_status bare_open(const kv_setup *setup, kv_store **store, fly_err *err)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/bare", setup->dir);
    kv_store *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (opened->fd < 0) {
        fly_status status = fly_err_os(err, FLY_E_IO, errno, "could not create \"%s\"", path);
        free(opened);
        return status;
    }
    fly_status status = fill_with_zeros(opened->fd, err);
    if (status != FLY_OK) {
        (void)bare_close(opened, NULL);
        return status;
    }
    *store = opened;
    return FLY_OK;
}

static fly_status bare_checkpoint(kv_store *store, fly_err *err)
{
    (void)store;
    (void)err;
    return FLY_OK;
}

static fly_status bare_session_open(kv_store *store, kv_session **session, fly_err *err)
{
    kv_session *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    opened->store = store;
    *session = opened;
    return FLY_OK;
}

static void bare_session_close(kv_session *session)
{
    free(session);
}

static fly_status bare_put(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err)
{
    uint8_t record[KV_KEY_MAX + KV_VALUE_MAX];
    size_t len = key.len + value.len;
    memcpy(record, key.data, key.len);
    memcpy(record + key.len, value.data, value.len);

    int fd = session->store->fd;
    uint64_t at = fly_add_u64(&session->store->end, len) % (FILE_BYTES - sizeof record);
    if (pwrite(fd, record, len, (off_t)at) != (ssize_t)len) {
        return fly_err_os(err, FLY_E_IO, errno, "could not write a record");
    }
    if (fdatasync(fd) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not sync a record");
    }
    return FLY_OK;
}

const kv_driver kv_bare = {
    .name = "bare",
    .settings = "pwrite and fdatasync per record, one 64 MiB file written with zeros beforehand",
    .durability = {NULL, NULL, "fdatasync per record"},
    .commits_only = true,
    .version = bare_version,
    .open = bare_open,
    .close = bare_close,
    .checkpoint = bare_checkpoint,
    .session_open = bare_session_open,
    .session_close = bare_session_close,
    .put = bare_put,
};
