/*
 * A vfs that shows every write to somebody before it passes it on to the vfs below: tests see there
 * what is about to reach the disk.
 */
#ifndef SPY_VFS_H
#define SPY_VFS_H

#include <fly/base_vfs.h>

#include <stdlib.h>

struct spy {
    fly_vfs vfs; /* first: hand out its address */
    fly_vfs *below;
    void (*before_write)(void *ctx, const char *path, uint64_t offset, const uint8_t *bytes,
                         size_t len);
    void *ctx;
};

struct spy_file {
    fly_file file; /* first */
    fly_file *below;
    struct spy *spy;
};

static inline fly_file *spy_below(fly_file *file)
{
    return ((struct spy_file *)file)->below;
}

static inline int64_t spy_readv(fly_file *file, uint64_t offset, const fly_iovec *parts, int count)
{
    fly_file *below = spy_below(file);
    return below->ops->readv(below, offset, parts, count);
}

static inline int64_t spy_writev(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                                 unsigned flags)
{
    struct spy *spy = ((struct spy_file *)file)->spy;
    uint64_t at = offset;
    for (int i = 0; i < count; i++) {
        spy->before_write(spy->ctx, file->path, at, parts[i].base, parts[i].len);
        at += parts[i].len;
    }
    fly_file *below = spy_below(file);
    return below->ops->writev(below, offset, parts, count, flags);
}

static inline int spy_sync(fly_file *file)
{
    return spy_below(file)->ops->sync(spy_below(file));
}

static inline int spy_sync_data(fly_file *file)
{
    return spy_below(file)->ops->sync_data(spy_below(file));
}

static inline int spy_truncate(fly_file *file, uint64_t size)
{
    return spy_below(file)->ops->truncate(spy_below(file), size);
}

static inline int spy_allocate(fly_file *file, uint64_t offset, uint64_t len)
{
    return spy_below(file)->ops->allocate(spy_below(file), offset, len);
}

static inline int64_t spy_size(fly_file *file)
{
    return spy_below(file)->ops->size(spy_below(file));
}

static inline int spy_lock(fly_file *file)
{
    return spy_below(file)->ops->lock(spy_below(file));
}

static inline int spy_close(fly_file *file)
{
    int result = spy_below(file)->ops->close(spy_below(file));
    free(file);
    return result;
}

static const fly_file_ops spy_ops = {
    .readv = spy_readv,
    .writev = spy_writev,
    .sync = spy_sync,
    .sync_data = spy_sync_data,
    .truncate = spy_truncate,
    .allocate = spy_allocate,
    .size = spy_size,
    .lock = spy_lock,
    .close = spy_close,
};

static inline int spy_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    struct spy *spy = (struct spy *)vfs;
    struct spy_file *made = calloc(1, sizeof *made);
    FLY_ASSERT(made != NULL);
    int result = spy->below->open(spy->below, path, flags, &made->below);
    if (result < 0) {
        free(made);
        return result;
    }
    made->spy = spy;
    made->file = (fly_file){&spy_ops, made->below->path, made->below->direct};
    *file = &made->file;
    return result;
}

static inline int spy_rename(fly_vfs *vfs, const char *from, const char *to)
{
    fly_vfs *below = ((struct spy *)vfs)->below;
    return below->rename(below, from, to);
}

static inline int spy_remove(fly_vfs *vfs, const char *path)
{
    fly_vfs *below = ((struct spy *)vfs)->below;
    return below->remove(below, path);
}

static inline int spy_sync_dir(fly_vfs *vfs, const char *path)
{
    fly_vfs *below = ((struct spy *)vfs)->below;
    return below->sync_dir(below, path);
}

static inline void *spy_map(fly_vfs *vfs, size_t size, unsigned flags)
{
    fly_vfs *below = ((struct spy *)vfs)->below;
    return below->map(below, size, flags);
}

static inline void spy_unmap(fly_vfs *vfs, void *at, size_t size)
{
    fly_vfs *below = ((struct spy *)vfs)->below;
    below->unmap(below, at, size);
}

static inline void spy_discard(fly_vfs *vfs, void *at, size_t size)
{
    fly_vfs *below = ((struct spy *)vfs)->below;
    below->discard(below, at, size);
}

static inline void spy_populate(fly_vfs *vfs, void *at, size_t size)
{
    fly_vfs_populate(((struct spy *)vfs)->below, at, size);
}

/* Over `below`, which is the caller's. Directories are not made or listed by what is tested here. */
static inline void spy_init(struct spy *spy, fly_vfs *below,
                            void (*before_write)(void *ctx, const char *path, uint64_t offset,
                                                 const uint8_t *bytes, size_t len),
                            void *ctx)
{
    *spy = (struct spy){
        .vfs =
            {
                .open = spy_open,
                .rename = spy_rename,
                .remove = spy_remove,
                .sync_dir = spy_sync_dir,
                .map = spy_map,
                .unmap = spy_unmap,
                .discard = spy_discard,
                .populate = spy_populate,
            },
        .below = below,
        .before_write = before_write,
        .ctx = ctx,
    };
}

#endif
