/*
 * Files of the operating system. Everything here is one system call and its errno.
 *
 * Two things are not plain. A file opened past the cache (O_DIRECT) falls back to the cache where
 * the file system has no such thing. A durable write uses RWF_DSYNC, which asks the device for this
 * one write's durability, and falls back to fdatasync() where the kernel has no such flag.
 *
 * The lock is an open-file-description lock, so that two handles within one process exclude each
 * other too, and closing some other descriptor of the same file does not drop it.
 */
#define _GNU_SOURCE
#include <fly/base_vfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct posix_file {
    fly_file file;
    int fd;
    char path[];
} posix_file;

static posix_file *of(fly_file *file)
{
    return (posix_file *)file;
}

_Static_assert(sizeof(fly_iovec) == sizeof(struct iovec), "passed on as it is");
_Static_assert(offsetof(fly_iovec, len) == offsetof(struct iovec, iov_len), "passed on as it is");

static int64_t posix_readv(fly_file *file, uint64_t offset, const fly_iovec *parts, int count)
{
    ssize_t got =
        preadv(of(file)->fd, (const struct iovec *)(const void *)parts, count, (off_t)offset);
    return got < 0 ? -errno : got;
}

static int64_t posix_writev(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                            unsigned flags)
{
    const struct iovec *vector = (const struct iovec *)(const void *)parts;
    int fd = of(file)->fd;
#ifdef RWF_DSYNC
    if ((flags & FLY_WRITE_DURABLE) != 0) {
        ssize_t put = pwritev2(fd, vector, count, (off_t)offset, RWF_DSYNC);
        if (put >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) {
            return put < 0 ? -errno : put;
        }
    }
#endif
    ssize_t put = pwritev(fd, vector, count, (off_t)offset);
    if (put < 0) {
        return -errno;
    }
    if ((flags & FLY_WRITE_DURABLE) != 0 && fdatasync(fd) != 0) {
        return -errno;
    }
    return put;
}

static int posix_sync(fly_file *file)
{
    return fsync(of(file)->fd) == 0 ? 0 : -errno;
}

static int posix_sync_data(fly_file *file)
{
    return fdatasync(of(file)->fd) == 0 ? 0 : -errno;
}

static int posix_truncate(fly_file *file, uint64_t size)
{
    return ftruncate(of(file)->fd, (off_t)size) == 0 ? 0 : -errno;
}

static int posix_allocate(fly_file *file, uint64_t offset, uint64_t len)
{
    /* posix_fallocate() would write zeros itself where the file system cannot reserve. */
    return -posix_fallocate(of(file)->fd, (off_t)offset, (off_t)len);
}

static int64_t posix_size(fly_file *file)
{
    struct stat info;
    return fstat(of(file)->fd, &info) == 0 ? (int64_t)info.st_size : -errno;
}

static int posix_lock(fly_file *file)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(of(file)->fd, F_OFD_SETLK, &whole) == 0) {
        return 0;
    }
    return errno == EACCES ? -EWOULDBLOCK : -errno;
}

static int posix_close(fly_file *file)
{
    int result = close(of(file)->fd) == 0 ? 0 : -errno;
    free(of(file));
    return result;
}

static const fly_file_ops posix_file_ops = {
    .readv = posix_readv,
    .writev = posix_writev,
    .sync = posix_sync,
    .sync_data = posix_sync_data,
    .truncate = posix_truncate,
    .allocate = posix_allocate,
    .size = posix_size,
    .lock = posix_lock,
    .close = posix_close,
};

static int posix_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    (void)vfs;
    int mode = O_CLOEXEC | ((flags & FLY_OPEN_WRITE) != 0 ? O_RDWR : O_RDONLY) |
               ((flags & FLY_OPEN_CREATE) != 0 ? O_CREAT : 0) |
               ((flags & FLY_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0) |
               ((flags & FLY_OPEN_TRUNCATE) != 0 ? O_TRUNC : 0);
    size_t length = strlen(path);
    posix_file *opened = malloc(sizeof *opened + length + 1);
    if (opened == NULL) {
        return -ENOMEM;
    }
    int fd = open(path, mode, 0640);
    struct stat info;
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        (void)close(fd);
        fd = -1;
        errno = EISDIR;
    }
    if (fd < 0) {
        int error = errno;
        free(opened);
        return -error;
    }
    /* Switched on afterwards: asked for at once and refused, it would leave a new file behind. */
    bool direct = (flags & FLY_OPEN_DIRECT) != 0 && fcntl(fd, F_SETFL, O_DIRECT) == 0;
    opened->fd = fd;
    memcpy(opened->path, path, length + 1);
    opened->file = (fly_file){.ops = &posix_file_ops, .path = opened->path, .direct = direct};
    *file = &opened->file;
    return 0;
}

/* --------------------------------------------------------------------------- names */

static int posix_rename(fly_vfs *vfs, const char *from, const char *to)
{
    (void)vfs;
    return rename(from, to) == 0 ? 0 : -errno;
}

static int posix_remove(fly_vfs *vfs, const char *path)
{
    (void)vfs;
    return remove(path) == 0 ? 0 : -errno;
}

static int posix_make_dir(fly_vfs *vfs, const char *path)
{
    (void)vfs;
    return mkdir(path, 0750) == 0 ? 0 : -errno;
}

static int posix_sync_dir(fly_vfs *vfs, const char *path)
{
    (void)vfs;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int result = fsync(fd) == 0 ? 0 : -errno;
    (void)close(fd);
    return result;
}

static int posix_list(fly_vfs *vfs, const char *path, void (*each)(void *ctx, const char *name),
                      void *ctx)
{
    (void)vfs;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return -errno;
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            each(ctx, entry->d_name);
        }
    }
    int result = -errno;
    (void)closedir(dir);
    return result;
}

/* -------------------------------------------------------------------------- memory */

static void *posix_map(fly_vfs *vfs, size_t size, unsigned flags)
{
    (void)vfs;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    /* Both are advice: a kernel without huge pages says no, and nothing is lost. */
    (void)madvise(at, size, (flags & FLY_MAP_HUGE) != 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    (void)madvise(at, size, MADV_DONTDUMP);
    return at;
}

static void posix_unmap(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
    (void)munmap(at, size);
}

/* The system gives back whole pages of its own, which may be larger than ours, and rounds the end
 * of a range up: so it is asked only for pages that lie within, and the edges are zeroed by hand. */
static void posix_discard(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uint8_t *begin = at;
    uint8_t *end = begin + size;
    uint8_t *inner = begin + (page - (uintptr_t)begin % page) % page;
    uint8_t *inner_end = end - (uintptr_t)end % page;
    if (inner >= inner_end || madvise(inner, (size_t)(inner_end - inner), MADV_DONTNEED) != 0) {
        memset(begin, 0, size);
        return;
    }
    memset(begin, 0, (size_t)(inner - begin));
    memset(inner_end, 0, (size_t)(end - inner_end));
}

/* Since Linux 5.14; before that, pages come when they are touched. */
static void posix_populate(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
#ifdef MADV_POPULATE_WRITE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uint8_t *begin = (uint8_t *)at - (uintptr_t)at % page;
    (void)madvise(begin, (size_t)((uint8_t *)at + size - begin), MADV_POPULATE_WRITE);
#else
    (void)at;
    (void)size;
#endif
}

fly_vfs *fly_vfs_posix(void)
{
    static fly_vfs table = {
        .open = posix_open,
        .rename = posix_rename,
        .remove = posix_remove,
        .make_dir = posix_make_dir,
        .sync_dir = posix_sync_dir,
        .list = posix_list,
        .map = posix_map,
        .unmap = posix_unmap,
        .discard = posix_discard,
        .populate = posix_populate,
    };
    return &table;
}
