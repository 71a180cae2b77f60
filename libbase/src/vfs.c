/*
 * What callers use of files: loops over short counts, patience with EINTR, and failures told as a
 * status with the file's name. The implementations below (posix, mem, and a test's simulated disk)
 * may therefore be as curt as system calls.
 */
#include <fly/base_vfs.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A system call that is interrupted for ever is a broken system, not a reason to hang. */
enum { INTERRUPTIONS_MAX = 1000 };

static fly_status of_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return FLY_E_NOT_FOUND;
    case EEXIST:
        return FLY_E_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return FLY_E_NO_SPACE;
    case ENOMEM:
        return FLY_E_NO_MEMORY;
    case EACCES:
    case EPERM:
    case EROFS:
        return FLY_E_PERMISSION;
    case EWOULDBLOCK:
        return FLY_E_LOCKED;
    default:
        return FLY_E_IO;
    }
}

/* Repeat a call while it is interrupted. */
#define UNINTERRUPTED(result, call)                                                                \
    do {                                                                                           \
        int left_ = INTERRUPTIONS_MAX;                                                             \
        do {                                                                                       \
            (result) = (call);                                                                     \
        } while ((result) == -EINTR && --left_ > 0);                                               \
    } while (0)

void fly_vfs_destroy(fly_vfs *vfs)
{
    if (vfs != NULL && vfs->destroy != NULL) {
        vfs->destroy(vfs);
    }
}

/* ---------------------------------------------------------------- open and close */

fly_status fly_file_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file,
                         fly_err *err)
{
    int result;
    UNINTERRUPTED(result, vfs->open(vfs, path, flags, file));
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not open \"%s\"", path);
    }
    return FLY_OK;
}

fly_status fly_file_close(fly_file *file, fly_err *err)
{
    if (file == NULL) {
        return FLY_OK;
    }
    char path[FLY_PATH_MAX]; /* the one in the handle goes with it */
    (void)snprintf(path, sizeof path, "%s", file->path);
    /* Not repeated after EINTR: on Linux the descriptor is gone all the same. */
    int result = file->ops->close(file);
    if (result < 0 && result != -EINTR) {
        return fly_err_os(err, of_errno(-result), -result, "could not close \"%s\"", path);
    }
    return FLY_OK;
}

void fly_file_abandon(fly_file *file)
{
    if (file != NULL) {
        (void)file->ops->close(file);
    }
}

/* ---------------------------------------------------------------- read and write */

/* Advance `parts` by `done` bytes; returns how many parts are left. */
static int advance(fly_iovec *parts, int count, size_t done)
{
    int first = 0;
    while (first < count && done >= parts[first].len) {
        done -= parts[first].len;
        first++;
    }
    if (first > 0) {
        memmove(parts, parts + first, (size_t)(count - first) * sizeof *parts);
    }
    if (first < count) {
        parts[0].base = (uint8_t *)parts[0].base + done;
        parts[0].len -= done;
    }
    return count - first;
}

static size_t total_of(const fly_iovec *parts, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += parts[i].len;
    }
    return total;
}

/* Past the cache a count that is no multiple of the alignment can only be the end of the file, or
 * else something is wrong below us: we cannot go on from there. */
static fly_status short_direct_read(fly_file *file, uint64_t at, size_t missing, fly_err *err)
{
    uint64_t size;
    fly_status status = fly_file_size(file, &size, err);
    if (status == FLY_OK && at < size) {
        return fly_err_set(err, FLY_E_IO,
                           "could not read at %" PRIu64 " of \"%s\": short by %zu bytes", at,
                           file->path, missing);
    }
    return status;
}

static fly_status read_parts(fly_file *file, uint64_t offset, fly_iovec *parts, int count,
                             size_t *got, fly_err *err)
{
    size_t done = 0;
    size_t wanted = total_of(parts, count);
    while (done < wanted) {
        int64_t result;
        UNINTERRUPTED(result, file->ops->readv(file, offset + done, parts, count));
        if (result < 0) {
            return fly_err_os(err, of_errno((int)-result), (int)-result,
                              "could not read %zu bytes at %" PRIu64 " of \"%s\"", wanted - done,
                              offset + done, file->path);
        }
        if (result == 0) {
            break;
        }
        done += (size_t)result;
        count = advance(parts, count, (size_t)result);
        if (file->direct && done < wanted && done % FLY_DIRECT_ALIGN != 0) {
            fly_status status = short_direct_read(file, offset + done, wanted - done, err);
            if (status != FLY_OK) {
                return status;
            }
            break;
        }
    }
    *got = done;
    return FLY_OK;
}

static fly_status ends_early(fly_file *file, uint64_t offset, size_t wanted, size_t got,
                             fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT,
                       "\"%s\" ends at byte %" PRIu64 ", %zu bytes before what is needed",
                       file->path, offset + got, wanted - got);
}

fly_status fly_file_read_some(fly_file *file, uint64_t offset, void *buffer, size_t len,
                              size_t *got, fly_err *err)
{
    fly_iovec part = {buffer, len};
    return read_parts(file, offset, &part, 1, got, err);
}

fly_status fly_file_read(fly_file *file, uint64_t offset, void *buffer, size_t len, fly_err *err)
{
    size_t got = 0;
    fly_status status = fly_file_read_some(file, offset, buffer, len, &got, err);
    if (status == FLY_OK && got < len) {
        return ends_early(file, offset, len, got, err);
    }
    return status;
}

/* The caller's parts are not ours to advance. */
static void copy_parts(fly_iovec *left, const fly_iovec *parts, int count)
{
    FLY_ASSERT(count >= 0);
    FLY_ASSERT(count <= FLY_IOVEC_MAX);
    for (int i = 0; i < count; i++) {
        left[i] = parts[i];
    }
}

fly_status fly_file_readv(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                          fly_err *err)
{
    fly_iovec left[FLY_IOVEC_MAX];
    copy_parts(left, parts, count);
    size_t got = 0;
    size_t wanted = total_of(parts, count);
    fly_status status = read_parts(file, offset, left, count, &got, err);
    if (status == FLY_OK && got < wanted) {
        return ends_early(file, offset, wanted, got, err);
    }
    return status;
}

fly_status fly_file_write(fly_file *file, uint64_t offset, const void *data, size_t len,
                          unsigned flags, fly_err *err)
{
    /* An iovec serves both directions; nobody writes through this pointer. */
    fly_iovec part = {(void *)(uintptr_t)data, len};
    return fly_file_writev(file, offset, &part, 1, flags, err);
}

fly_status fly_file_writev(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                           unsigned flags, fly_err *err)
{
    fly_iovec left[FLY_IOVEC_MAX];
    copy_parts(left, parts, count);
    size_t done = 0;
    size_t wanted = total_of(parts, count);
    while (done < wanted) {
        int64_t result;
        UNINTERRUPTED(result, file->ops->writev(file, offset + done, left, count, flags));
        if (result <= 0) {
            int error = result < 0 ? (int)-result : EIO;
            return fly_err_os(err, of_errno(error), error,
                              "could not write %zu bytes at %" PRIu64 " of \"%s\"", wanted - done,
                              offset + done, file->path);
        }
        done += (size_t)result;
        count = advance(left, count, (size_t)result);
        if (file->direct && done < wanted && done % FLY_DIRECT_ALIGN != 0) {
            return fly_err_set(err, FLY_E_IO,
                               "could not write at %" PRIu64 " of \"%s\": short by %zu bytes",
                               offset + done, file->path, wanted - done);
        }
    }
    return FLY_OK;
}

/* ------------------------------------------------------------- the rest of a file */

/* Sync is called once: what a failed one covered is unknown, and a second would lie about it. */
fly_status fly_file_sync(fly_file *file, fly_err *err)
{
    int result = file->ops->sync(file);
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not sync \"%s\"", file->path);
    }
    return FLY_OK;
}

fly_status fly_file_sync_data(fly_file *file, fly_err *err)
{
    int result = file->ops->sync_data(file);
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not sync \"%s\"", file->path);
    }
    return FLY_OK;
}

fly_status fly_file_truncate(fly_file *file, uint64_t size, fly_err *err)
{
    int result;
    UNINTERRUPTED(result, file->ops->truncate(file, size));
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result,
                          "could not set the size of \"%s\" to %" PRIu64 " bytes", file->path,
                          size);
    }
    return FLY_OK;
}

fly_status fly_file_allocate(fly_file *file, uint64_t offset, uint64_t len, fly_err *err)
{
    if (len == 0) {
        return FLY_OK; /* the system call thinks that this makes no sense */
    }
    int result;
    UNINTERRUPTED(result, file->ops->allocate(file, offset, len));
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result,
                          "could not reserve %" PRIu64 " bytes at %" PRIu64 " of \"%s\"", len,
                          offset, file->path);
    }
    return FLY_OK;
}

fly_status fly_file_size(fly_file *file, uint64_t *size, fly_err *err)
{
    int64_t result;
    UNINTERRUPTED(result, file->ops->size(file));
    if (result < 0) {
        return fly_err_os(err, of_errno((int)-result), (int)-result,
                          "could not learn the size of \"%s\"", file->path);
    }
    *size = (uint64_t)result;
    return FLY_OK;
}

fly_status fly_file_lock(fly_file *file, fly_err *err)
{
    int result;
    UNINTERRUPTED(result, file->ops->lock(file));
    if (result == -EWOULDBLOCK) {
        return fly_err_set(err, FLY_E_LOCKED, "\"%s\" is locked: another process has it open",
                           file->path);
    }
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not lock \"%s\"", file->path);
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------- names */

fly_status fly_vfs_rename(fly_vfs *vfs, const char *from, const char *to, fly_err *err)
{
    int result;
    UNINTERRUPTED(result, vfs->rename(vfs, from, to));
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not rename \"%s\" to \"%s\"",
                          from, to);
    }
    return FLY_OK;
}

fly_status fly_vfs_remove(fly_vfs *vfs, const char *path, fly_err *err)
{
    int result;
    UNINTERRUPTED(result, vfs->remove(vfs, path));
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not remove \"%s\"", path);
    }
    return FLY_OK;
}

fly_status fly_vfs_make_dir(fly_vfs *vfs, const char *path, fly_err *err)
{
    int result;
    UNINTERRUPTED(result, vfs->make_dir(vfs, path));
    if (result < 0 && result != -EEXIST) {
        return fly_err_os(err, of_errno(-result), -result, "could not make directory \"%s\"", path);
    }
    return FLY_OK;
}

fly_status fly_vfs_sync_dir(fly_vfs *vfs, const char *path, fly_err *err)
{
    int result = vfs->sync_dir(vfs, path);
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not sync directory \"%s\"", path);
    }
    return FLY_OK;
}

fly_status fly_vfs_list(fly_vfs *vfs, const char *path, void (*each)(void *ctx, const char *name),
                        void *ctx, fly_err *err)
{
    int result;
    UNINTERRUPTED(result, vfs->list(vfs, path, each, ctx));
    if (result < 0) {
        return fly_err_os(err, of_errno(-result), -result, "could not list directory \"%s\"", path);
    }
    return FLY_OK;
}

bool fly_vfs_exists(fly_vfs *vfs, const char *path)
{
    fly_file *file = NULL;
    if (fly_file_open(vfs, path, 0, &file, NULL) != FLY_OK) {
        return false;
    }
    fly_file_abandon(file);
    return true;
}

/* A removal may upset an implementation's listing, so names are taken down one at a time: list,
 * keep the last name seen, remove it, list again. Directories here are small. */
static void keep_name(void *ctx, const char *name)
{
    (void)snprintf(ctx, FLY_PATH_MAX, "%s", name);
}

fly_status fly_vfs_remove_tree(fly_vfs *vfs, const char *path, fly_err *err)
{
    for (;;) {
        char name[FLY_PATH_MAX] = "";
        fly_status status = fly_vfs_list(vfs, path, keep_name, name, err);
        if (status == FLY_E_NOT_FOUND) {
            return FLY_OK;
        }
        if (status != FLY_OK) {
            return status;
        }
        if (name[0] == '\0') {
            status = fly_vfs_remove(vfs, path, err);
            return status == FLY_E_NOT_FOUND ? FLY_OK : status;
        }
        char child[FLY_PATH_MAX];
        status = fly_path_join(child, sizeof child, path, name, err);
        if (status != FLY_OK) {
            return status;
        }
        int result;
        UNINTERRUPTED(result, vfs->remove(vfs, child));
        if (result == -ENOTEMPTY || result == -EEXIST) { /* POSIX allows either */
            status = fly_vfs_remove_tree(vfs, child, err);
        } else if (result < 0 && result != -ENOENT) {
            status = fly_err_os(err, of_errno(-result), -result, "could not remove \"%s\"", child);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
}

fly_status fly_path_join(char *buffer, size_t size, const char *dir, const char *name, fly_err *err)
{
    int len = snprintf(buffer, size, "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= size) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "path \"%.64s…/%.64s\" is longer than %zu bytes",
                           dir, name, size - 1);
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------ memory */

void *fly_vfs_map(fly_vfs *vfs, size_t size, unsigned flags)
{
    return vfs->map(vfs, size, flags);
}

void fly_vfs_unmap(fly_vfs *vfs, void *at, size_t size)
{
    if (at != NULL) {
        vfs->unmap(vfs, at, size);
    }
}

void fly_vfs_discard(fly_vfs *vfs, void *at, size_t size)
{
    vfs->discard(vfs, at, size);
}

void fly_vfs_populate(fly_vfs *vfs, void *at, size_t size)
{
    if (vfs->populate != NULL) {
        vfs->populate(vfs, at, size);
    }
}
