/*
 * What a benchmark does with files and memory that the engines do not see.
 */
#define _GNU_SOURCE
#include "files.h"

#include <fly/base_vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 512, BUFFER_BYTES = 1 << 20 };

/* ------------------------------------------------------------------- directories */

/* Something to do with each regular file or directory; `path` is below the directory walked. */
typedef fly_status (*visit)(void *ctx, const char *path, const struct stat *about, fly_err *err);

typedef struct walk {
    const char *dir;
    visit each;
    void *ctx;
    fly_status status;
    fly_err *err;
} walk;

static fly_status walk_tree(const char *dir, visit each, void *ctx, fly_err *err);

static void walk_entry(void *ctx, const char *name)
{
    walk *w = ctx;
    char path[FLY_PATH_MAX];
    struct stat about;
    if (w->status == FLY_OK) {
        w->status = fly_path_join(path, sizeof path, w->dir, name, w->err);
    }
    /* An engine's background thread may have removed it meanwhile. */
    if (w->status != FLY_OK || stat(path, &about) != 0) {
        return;
    }
    w->status = w->each(w->ctx, path, &about, w->err);
    if (w->status == FLY_OK && S_ISDIR(about.st_mode)) {
        w->status = walk_tree(path, w->each, w->ctx, w->err);
    }
}

/* Parents come before what is in them. */
static fly_status walk_tree(const char *dir, visit each, void *ctx, fly_err *err)
{
    walk w = {.dir = dir, .each = each, .ctx = ctx, .status = FLY_OK, .err = err};
    fly_status status = fly_vfs_list(fly_vfs_posix(), dir, walk_entry, &w, err);
    return status != FLY_OK ? status : w.status;
}

static fly_status add_size(void *ctx, const char *path, const struct stat *about, fly_err *err)
{
    (void)path;
    (void)err;
    if (S_ISREG(about->st_mode)) {
        *(uint64_t *)ctx += (uint64_t)about->st_blocks * BLOCK_BYTES;
    }
    return FLY_OK;
}

fly_status files_size(const char *dir, uint64_t *bytes, fly_err *err)
{
    *bytes = 0;
    return walk_tree(dir, add_size, bytes, err);
}

/* ------------------------------------------------------------------------ copying */

/* Copy one run of data. */
static int copy_extent(int in, int out, off_t at, off_t end, uint8_t *buffer)
{
    while (at < end) {
        size_t want = end - at < BUFFER_BYTES ? (size_t)(end - at) : BUFFER_BYTES;
        ssize_t got = pread(in, buffer, want, at);
        if (got <= 0 || pwrite(out, buffer, (size_t)got, at) != got) {
            return -1;
        }
        at += got;
    }
    return 0;
}

static int copy_extents(int in, int out, off_t size, uint8_t *buffer)
{
    off_t at = 0;
    while (at < size) {
        off_t data = lseek(in, at, SEEK_DATA);
        if (data < 0) {
            return errno == ENXIO ? 0 : -1; /* nothing but a hole is left */
        }
        off_t hole = lseek(in, data, SEEK_HOLE);
        if (hole < 0 || copy_extent(in, out, data, hole, buffer) != 0) {
            return -1;
        }
        at = hole;
    }
    return 0;
}

static int copy_file(const char *from, const char *to, const struct stat *about)
{
    int result = -1;
    uint8_t *buffer = malloc(BUFFER_BYTES);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (buffer == NULL || in < 0 || out < 0 || ftruncate(out, about->st_size) != 0) {
        goto out;
    }
    if (about->st_size > 0 && about->st_blocks * BLOCK_BYTES >= about->st_size) {
        /* Not every file system can; then it is just not allocated. */
        (void)fallocate(out, 0, 0, about->st_size);
    }
    result = copy_extents(in, out, about->st_size, buffer);
out:
    if (out >= 0) {
        result |= close(out);
    }
    if (in >= 0) {
        (void)close(in);
    }
    free(buffer);
    return result;
}

typedef struct copying {
    size_t from_len; /* of the path that is replaced by `to` */
    const char *to;
} copying;

static fly_status copy_one(void *ctx, const char *path, const struct stat *about, fly_err *err)
{
    const copying *c = ctx;
    char to[FLY_PATH_MAX];
    fly_status status = fly_path_join(to, sizeof to, c->to, path + c->from_len + 1, err);
    if (status != FLY_OK) {
        return status;
    }
    if (S_ISDIR(about->st_mode)) {
        return fly_vfs_make_dir(fly_vfs_posix(), to, err);
    }
    if (S_ISREG(about->st_mode) && copy_file(path, to, about) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not copy \"%s\"", path);
    }
    return FLY_OK;
}

fly_status files_copy_tree(const char *from, const char *to, fly_err *err)
{
    fly_status status = fly_vfs_make_dir(fly_vfs_posix(), to, err);
    if (status != FLY_OK) {
        return status;
    }
    copying c = {.from_len = strlen(from), .to = to};
    return walk_tree(from, copy_one, &c, err);
}

/* ---------------------------------------------------------------- caches and memory */

static fly_status drop_one(void *ctx, const char *path, const struct stat *about, fly_err *err)
{
    (void)ctx;
    if (!S_ISREG(about->st_mode)) {
        return FLY_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    /* Dirty pages stay, so they are written first. */
    if (fd < 0 || fsync(fd) != 0) {
        fly_status status = fly_err_os(err, FLY_E_IO, errno, "could not sync \"%s\"", path);
        (void)(fd >= 0 && close(fd));
        return status;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(fd);
    return FLY_OK;
}

fly_status files_drop_cached(const char *dir, fly_err *err)
{
    return walk_tree(dir, drop_one, NULL, err);
}

void files_sync_all(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)syncfs(fd);
        (void)close(fd);
    }
}

/* Whether `path` lies at or below `mount`; the length of the mount's name decides between several. */
static size_t mount_match(const char *mount, const char *path)
{
    size_t len = strlen(mount);
    if (strcmp(mount, "/") == 0) {
        return 1;
    }
    return strncmp(mount, path, len) == 0 && (path[len] == '/' || path[len] == '\0') ? len : 0;
}

void files_system_name(const char *dir, char *name, size_t size)
{
    (void)snprintf(name, size, "unknown");
    char *path = realpath(dir, NULL);
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    size_t best = 0;
    for (struct mntent *m; path != NULL && mounts != NULL && (m = getmntent(mounts)) != NULL;) {
        size_t match = mount_match(m->mnt_dir, path);
        if (match >= best && match > 0) {
            best = match;
            (void)snprintf(name, size, "%s", m->mnt_type);
        }
    }
    if (mounts != NULL) {
        (void)endmntent(mounts);
    }
    free(path);
}

void files_touch_memory(uint64_t bytes)
{
    uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return;
    }
    for (uint64_t at = 0; at < bytes; at += 4096) {
        memory[at] = 1;
    }
    (void)munmap(memory, bytes);
}
