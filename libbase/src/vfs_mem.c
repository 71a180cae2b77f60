/*
 * Files in memory: for tests that need no crash, for temporary data, for a database that is never
 * to touch a disk, for changing files of another vfs without changing them.
 *
 *     root ── "db" ── "data.db" ── chunks: [16 KiB][ none ][16 KiB]   a hole reads as zeros
 *              │
 *              └───── "wal" ────── "1.wal"
 *
 * A node is a file or a directory and stands in its directory's list of children. A file that is
 * removed while somebody has it open leaves the tree and lives until the last close, as POSIX has
 * it. Directories are made on the way when a file is created below them.
 *
 * A file may have another one below it, of another vfs. A chunk that is not there then stands for
 * what that one has, and gets it when it is first written to.
 *
 *     M1  a node is in the list of its parent, or is the root, or was removed and is open
 *     M2  chunks beyond the size do not exist, and bytes of the last one beyond it are zero
 *     M3  a node's latch guards its size, the table of chunks and the bytes: who follows a log reads
 *         beside those who write it
 *     M4  below_size <= size: what was once cut off does not come back
 *
 * What is not here: durability (there is none, and sync says yes), ".." in paths, links, rights.
 */
#include <fly/base_latch.h>
#include <fly/base_vfs.h>

#include <errno.h>
#include <string.h>

enum { CHUNK = 16384 };

typedef struct inode {
    struct inode *parent; /* NULL: the root, or removed; vfs->mutex */
    struct inode *next;   /* sibling; vfs->mutex */
    struct inode *child;  /* first one of a directory; vfs->mutex */
    char *name;           /* vfs->mutex */
    bool is_dir;
    uint32_t opens;        /* vfs->mutex */
    const void *locked_by; /* a handle, or NULL; vfs->mutex */
    fly_latch latch;       /* M3 */
    uint64_t size;         /* latch */
    uint8_t **chunks;      /* latch; entries are NULL where nothing was written */
    size_t chunk_count;    /* latch */
    fly_file *below;       /* what lies where nothing was written, or NULL; the vfs's */
    uint64_t below_size;   /* how much of it; latch */
} inode;

/* Closed with the vfs and not before: nothing of another vfs is called under this one's mutex. */
typedef struct grafted {
    struct grafted *next;
    fly_file *file;
} grafted;

typedef struct mem_vfs {
    fly_vfs vfs;
    fly_mem *mem;
    fly_mutex mutex; /* the tree */
    inode root;
    uint32_t opens;          /* mutex */
    struct grafted *grafted; /* mutex; files of another vfs, open until the end of this one */
} mem_vfs;

typedef struct mem_file {
    fly_file file;
    mem_vfs *vfs;
    inode *node;
    bool writable;
    size_t path_size;
    char path[];
} mem_file;

static mem_vfs *vfs_of(fly_vfs *vfs)
{
    return (mem_vfs *)vfs;
}

static mem_file *file_of(fly_file *file)
{
    return (mem_file *)file;
}

/* ----------------------------------------------------------------------- nodes */

static inode *child_named(const inode *dir, const char *name, size_t len)
{
    for (inode *at = dir->child; at != NULL; at = at->next) {
        if (strncmp(at->name, name, len) == 0 && at->name[len] == '\0') {
            return at;
        }
    }
    return NULL;
}

static void attach(inode *dir, inode *child)
{
    child->parent = dir;
    child->next = dir->child;
    dir->child = child;
}

static void detach(inode *child)
{
    inode **link = &child->parent->child;
    while (*link != child) {
        link = &(*link)->next;
    }
    *link = child->next;
    child->parent = NULL;
}

static char *copy_name(mem_vfs *vfs, const char *name, size_t len)
{
    char *copy = fly_mem_alloc(vfs->mem, len + 1);
    if (copy != NULL) {
        memcpy(copy, name, len);
        copy[len] = '\0';
    }
    return copy;
}

static void free_name(mem_vfs *vfs, char *name)
{
    fly_mem_free(vfs->mem, name, name != NULL ? strlen(name) + 1 : 0);
}

static inode *node_create(mem_vfs *vfs, inode *dir, const char *name, size_t len, bool is_dir)
{
    inode *made = fly_mem_calloc(vfs->mem, 1, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->name = copy_name(vfs, name, len);
    if (made->name == NULL) {
        fly_mem_free(vfs->mem, made, sizeof *made);
        return NULL;
    }
    made->is_dir = is_dir;
    attach(dir, made);
    return made;
}

static void free_chunks_from(mem_vfs *vfs, inode *file, size_t first)
{
    for (size_t i = first; i < file->chunk_count; i++) {
        fly_mem_free(vfs->mem, file->chunks[i], CHUNK);
        file->chunks[i] = NULL;
    }
}

static void node_free(mem_vfs *vfs, inode *gone)
{
    free_chunks_from(vfs, gone, 0);
    fly_mem_free(vfs->mem, gone->chunks, gone->chunk_count * sizeof *gone->chunks);
    free_name(vfs, gone->name);
    fly_mem_free(vfs->mem, gone, sizeof *gone);
}

/* Take a node out of the tree; it goes at once, or with its last handle. */
static void node_remove(mem_vfs *vfs, inode *gone)
{
    detach(gone);
    if (gone->opens == 0) {
        node_free(vfs, gone);
    }
}

/*
 * Walk `path` to its last name: *dir is the directory in which that name stands or would stand. An
 * empty name (*len is 0) means the root itself. With `make`, missing directories are made.
 */
static int walk(mem_vfs *vfs, const char *path, bool make, inode **dir, const char **name,
                size_t *len)
{
    inode *at = &vfs->root;
    *name = "";
    *len = 0;
    while (*path != '\0') {
        size_t step = strcspn(path, "/");
        if (step > 0 && !(step == 1 && path[0] == '.')) {
            if (*len > 0) { /* the name before this one must be a directory */
                inode *next = child_named(at, *name, *len);
                if (next == NULL && make) {
                    next = node_create(vfs, at, *name, *len, true);
                    if (next == NULL) {
                        return -ENOMEM;
                    }
                }
                if (next == NULL) {
                    return -ENOENT;
                }
                if (!next->is_dir) {
                    return -ENOTDIR;
                }
                at = next;
            }
            *name = path;
            *len = step;
        }
        path += step + (path[step] == '/');
    }
    *dir = at;
    return 0;
}

/* The node at `path`, or a negative errno. */
static int find(mem_vfs *vfs, const char *path, inode **found)
{
    inode *dir;
    const char *name;
    size_t len;
    int result = walk(vfs, path, false, &dir, &name, &len);
    if (result < 0) {
        return result;
    }
    *found = len > 0 ? child_named(dir, name, len) : &vfs->root;
    return *found != NULL ? 0 : -ENOENT;
}

/* -------------------------------------------------------------------- contents */

static size_t chunks_for(uint64_t size)
{
    return (size_t)(size / CHUNK + (size % CHUNK != 0));
}

/* Make the table of chunks reach `size` bytes; the chunks themselves come when they are written. */
static int reach(mem_vfs *vfs, inode *file, uint64_t size)
{
    size_t wanted = chunks_for(size);
    if (wanted <= file->chunk_count) {
        return 0;
    }
    size_t count = file->chunk_count > 0 ? file->chunk_count : 4;
    while (count < wanted) {
        if (count > SIZE_MAX / 2 / sizeof *file->chunks) {
            return -ENOMEM;
        }
        count *= 2;
    }
    uint8_t **table = fly_mem_calloc(vfs->mem, count, sizeof *table);
    if (table == NULL) {
        return -ENOMEM;
    }
    if (file->chunk_count > 0) {
        memcpy(table, file->chunks, file->chunk_count * sizeof *table);
    }
    fly_mem_free(vfs->mem, file->chunks, file->chunk_count * sizeof *table);
    file->chunks = table;
    file->chunk_count = count;
    return 0;
}

/* Read what lies below; zeros beyond it. */
static int read_below(const inode *file, uint64_t offset, uint8_t *to, size_t len)
{
    size_t here = 0;
    if (offset < file->below_size) {
        uint64_t left = file->below_size - offset;
        here = left < len ? (size_t)left : len;
    }
    memset(to + here, 0, len - here);
    for (size_t done = 0; done < here;) {
        fly_iovec part = {to + done, here - done};
        int64_t got = file->below->ops->readv(file->below, offset + done, &part, 1);
        if (got == 0) {
            return -EIO; /* shorter than it was: somebody has changed it */
        }
        if (got < 0 && got != -EINTR) {
            return (int)got;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* Let every byte of [offset, end) have a chunk. `*backed` tells how far that succeeded. */
static int back(mem_vfs *vfs, inode *file, uint64_t offset, uint64_t end, uint64_t *backed)
{
    int result = 0;
    for (; offset < end; offset += CHUNK - offset % CHUNK) {
        uint8_t **chunk = &file->chunks[offset / CHUNK];
        if (*chunk != NULL) {
            continue;
        }
        uint8_t *made = fly_mem_alloc(vfs->mem, CHUNK);
        result = made != NULL ? read_below(file, offset / CHUNK * CHUNK, made, CHUNK) : -ENOMEM;
        if (result < 0) {
            fly_mem_free(vfs->mem, made, CHUNK);
            break;
        }
        *chunk = made;
    }
    *backed = offset < end ? offset : end;
    return result;
}

/* Whether a write of [offset, end) changes bytes and nothing else. */
static bool has_room(const inode *file, uint64_t offset, uint64_t end)
{
    if (end > file->size) {
        return false;
    }
    for (uint64_t at = offset; at < end; at += CHUNK - at % CHUNK) {
        if (at / CHUNK >= file->chunk_count || file->chunks[at / CHUNK] == NULL) {
            return false;
        }
    }
    return true;
}

/* How much of `left` bytes at `offset` lies within one chunk. */
static size_t within_chunk(uint64_t offset, uint64_t left)
{
    uint64_t room = CHUNK - offset % CHUNK;
    return (size_t)(left < room ? left : room);
}

static void copy_in(inode *file, uint64_t offset, const fly_iovec *parts, int count, uint64_t total)
{
    for (int i = 0; i < count && total > 0; i++) {
        const uint8_t *from = parts[i].base;
        uint64_t left = parts[i].len < total ? parts[i].len : total;
        total -= left;
        while (left > 0) {
            size_t step = within_chunk(offset, left);
            memcpy(file->chunks[offset / CHUNK] + offset % CHUNK, from, step);
            from += step;
            offset += step;
            left -= step;
        }
    }
}

static int copy_out(const inode *file, uint64_t offset, const fly_iovec *parts, int count,
                    uint64_t total)
{
    for (int i = 0; i < count && total > 0; i++) {
        uint8_t *to = parts[i].base;
        uint64_t left = parts[i].len < total ? parts[i].len : total;
        total -= left;
        while (left > 0) {
            size_t step = within_chunk(offset, left);
            const uint8_t *chunk = offset / CHUNK < file->chunk_count ? file->chunks[offset / CHUNK]
                                                                      : NULL;
            int result = 0;
            if (chunk != NULL) {
                memcpy(to, chunk + offset % CHUNK, step);
            } else {
                result = read_below(file, offset, to, step);
            }
            if (result < 0) {
                return result;
            }
            to += step;
            offset += step;
            left -= step;
        }
    }
    return 0;
}

/* The sum of the parts, or -1 if that or the end of the range is no length of a file. */
static int64_t total_of(uint64_t offset, const fly_iovec *parts, int count)
{
    uint64_t total = 0;
    for (int i = 0; i < count; i++) {
        if (__builtin_add_overflow(total, parts[i].len, &total)) {
            return -1;
        }
    }
    if (offset > INT64_MAX || total > INT64_MAX - offset) {
        return -1;
    }
    return (int64_t)total;
}

static int64_t mem_readv(fly_file *file, uint64_t offset, const fly_iovec *parts, int count)
{
    inode *node = file_of(file)->node;
    int64_t wanted = total_of(offset, parts, count);
    if (wanted < 0) {
        return -EINVAL;
    }
    fly_latch_lock_shared(&node->latch);
    uint64_t here = offset < node->size ? node->size - offset : 0;
    uint64_t total = (uint64_t)wanted < here ? (uint64_t)wanted : here;
    int result = copy_out(node, offset, parts, count, total);
    fly_latch_unlock_shared(&node->latch);
    return result < 0 ? result : (int64_t)total;
}

static int64_t mem_writev(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                          unsigned flags)
{
    (void)flags; /* nothing here is durable, and nobody could tell */
    mem_file *handle = file_of(file);
    inode *node = handle->node;
    int64_t total = total_of(offset, parts, count);
    if (!handle->writable) {
        return -EBADF;
    }
    if (total < 0) {
        return -EFBIG;
    }
    if (total == 0) {
        return 0;
    }
    uint64_t end = offset + (uint64_t)total;
    fly_latch_lock_exclusive(&node->latch);
    if (has_room(node, offset, end)) {
        copy_in(node, offset, parts, count, (uint64_t)total);
        fly_latch_unlock_exclusive(&node->latch);
        return total;
    }
    int64_t result = reach(handle->vfs, node, end);
    if (result == 0) {
        uint64_t backed;
        result = back(handle->vfs, node, offset, end, &backed);
        if (backed > offset) {
            result = (int64_t)(backed - offset);
            copy_in(node, offset, parts, count, (uint64_t)result);
            node->size = backed > node->size ? backed : node->size;
        }
    }
    fly_latch_unlock_exclusive(&node->latch);
    return result;
}

static int mem_sync(fly_file *file)
{
    (void)file;
    return 0;
}

/* Under the latch, exclusive. */
static int set_size(mem_vfs *vfs, inode *node, uint64_t size)
{
    if (size < node->below_size &&
        size % CHUNK != 0) { /* what is left of a chunk's worth is kept */
        uint64_t backed;
        int result = reach(vfs, node, size);
        if (result == 0) {
            result = back(vfs, node, size - 1, size, &backed);
        }
        if (result < 0) {
            return result;
        }
    }
    if (size < node->size) { /* M2, M4 */
        node->below_size = size < node->below_size ? size : node->below_size;
        free_chunks_from(vfs, node, chunks_for(size));
        if (size % CHUNK != 0 && size / CHUNK < node->chunk_count &&
            node->chunks[size / CHUNK] != NULL) {
            memset(node->chunks[size / CHUNK] + size % CHUNK, 0, CHUNK - size % CHUNK);
        }
    }
    node->size = size;
    return 0;
}

static int mem_truncate(fly_file *file, uint64_t size)
{
    mem_file *handle = file_of(file);
    if (!handle->writable || size > INT64_MAX) {
        return -EINVAL;
    }
    fly_latch_lock_exclusive(&handle->node->latch);
    int result = set_size(handle->vfs, handle->node, size);
    fly_latch_unlock_exclusive(&handle->node->latch);
    return result;
}

static int mem_allocate(fly_file *file, uint64_t offset, uint64_t len)
{
    mem_file *handle = file_of(file);
    inode *node = handle->node;
    if (!handle->writable) {
        return -EBADF;
    }
    if (offset > INT64_MAX || len > INT64_MAX - offset) {
        return -EFBIG;
    }
    uint64_t end = offset + len;
    fly_latch_lock_exclusive(&node->latch);
    uint64_t backed;
    int result = reach(handle->vfs, node, end);
    if (result == 0) {
        result = back(handle->vfs, node, offset, end, &backed);
    }
    if (result < 0) {
        free_chunks_from(handle->vfs, node, chunks_for(node->size)); /* M2 */
    }
    if (result == 0 && end > node->size) {
        node->size = end;
    }
    fly_latch_unlock_exclusive(&node->latch);
    return result;
}

static int64_t mem_size(fly_file *file)
{
    inode *node = file_of(file)->node;
    fly_latch_lock_shared(&node->latch);
    uint64_t size = node->size;
    fly_latch_unlock_shared(&node->latch);
    return (int64_t)size;
}

static int mem_lock(fly_file *file)
{
    mem_file *handle = file_of(file);
    if (!handle->writable) {
        return -EBADF;
    }
    fly_mutex_lock(&handle->vfs->mutex);
    const void **owner = &handle->node->locked_by;
    int result = *owner == NULL || *owner == handle ? 0 : -EWOULDBLOCK;
    if (result == 0) {
        *owner = handle;
    }
    fly_mutex_unlock(&handle->vfs->mutex);
    return result;
}

static int mem_close(fly_file *file)
{
    mem_file *handle = file_of(file);
    mem_vfs *vfs = handle->vfs;
    inode *node = handle->node;
    fly_mutex_lock(&vfs->mutex);
    if (node->locked_by == handle) {
        node->locked_by = NULL;
    }
    node->opens--;
    vfs->opens--;
    if (node->opens == 0 && node->parent == NULL) {
        node_free(vfs, node);
    }
    fly_mutex_unlock(&vfs->mutex);
    fly_mem_free(vfs->mem, handle, sizeof *handle + handle->path_size);
    return 0;
}

static const fly_file_ops mem_file_ops = {
    .readv = mem_readv,
    .writev = mem_writev,
    .sync = mem_sync,
    .sync_data = mem_sync,
    .truncate = mem_truncate,
    .allocate = mem_allocate,
    .size = mem_size,
    .lock = mem_lock,
    .close = mem_close,
};

/* ----------------------------------------------------------------------- names */

/* The file at `path`, made if the flags say so; under the mutex. */
static int find_or_make(mem_vfs *vfs, const char *path, unsigned flags, inode **found)
{
    bool make = (flags & FLY_OPEN_CREATE) != 0;
    inode *dir;
    const char *name;
    size_t len;
    int result = walk(vfs, path, make, &dir, &name, &len);
    if (result < 0) {
        return result;
    }
    inode *file = len > 0 ? child_named(dir, name, len) : &vfs->root;
    if (file == NULL) {
        file = make ? node_create(vfs, dir, name, len, false) : NULL;
        *found = file;
        return file != NULL ? 0 : make ? -ENOMEM : -ENOENT;
    }
    if (make && (flags & FLY_OPEN_EXCLUSIVE) != 0) {
        return -EEXIST;
    }
    *found = file;
    return file->is_dir ? -EISDIR : 0;
}

static int mem_open(fly_vfs *vfs_arg, const char *path, unsigned flags, fly_file **file)
{
    mem_vfs *vfs = vfs_of(vfs_arg);
    size_t path_size = strlen(path) + 1;
    mem_file *handle = fly_mem_alloc(vfs->mem, sizeof *handle + path_size);
    if (handle == NULL) {
        return -ENOMEM;
    }
    inode *node;
    fly_mutex_lock(&vfs->mutex);
    int result = find_or_make(vfs, path, flags, &node);
    if (result == 0) {
        node->opens++;
        vfs->opens++;
    }
    fly_mutex_unlock(&vfs->mutex);
    if (result < 0) {
        fly_mem_free(vfs->mem, handle, sizeof *handle + path_size);
        return result;
    }
    if ((flags & FLY_OPEN_TRUNCATE) != 0) {
        fly_latch_lock_exclusive(&node->latch);
        (void)set_size(vfs, node, 0); /* to nothing: cannot fail */
        fly_latch_unlock_exclusive(&node->latch);
    }
    *handle = (mem_file){.vfs = vfs,
                         .node = node,
                         .writable = (flags & FLY_OPEN_WRITE) != 0,
                         .path_size = path_size};
    memcpy(handle->path, path, path_size);
    handle->file = (fly_file){.ops = &mem_file_ops, .path = handle->path};
    *file = &handle->file;
    return 0;
}

/* Whether `from` may take the place of `to`. */
static int may_replace(const inode *from, const inode *to)
{
    if (from->is_dir && !to->is_dir) {
        return -ENOTDIR;
    }
    if (!from->is_dir && to->is_dir) {
        return -EISDIR;
    }
    return to->child != NULL ? -ENOTEMPTY : 0;
}

static int rename_node(mem_vfs *vfs, inode *node, const char *to)
{
    inode *dir;
    const char *name;
    size_t len;
    int result = walk(vfs, to, true, &dir, &name, &len);
    if (result < 0) {
        return result;
    }
    if (len == 0 || node == &vfs->root) {
        return -EBUSY;
    }
    for (inode *above = dir; above != NULL; above = above->parent) {
        if (above == node) {
            return -EINVAL; /* a directory cannot move into itself */
        }
    }
    inode *there = child_named(dir, name, len);
    if (there == node) {
        return 0;
    }
    result = there != NULL ? may_replace(node, there) : 0;
    char *new_name = result == 0 ? copy_name(vfs, name, len) : NULL;
    if (new_name == NULL) {
        return result < 0 ? result : -ENOMEM;
    }
    if (there != NULL) {
        node_remove(vfs, there);
    }
    detach(node);
    free_name(vfs, node->name);
    node->name = new_name;
    attach(dir, node);
    return 0;
}

static int mem_rename(fly_vfs *vfs_arg, const char *from, const char *to)
{
    mem_vfs *vfs = vfs_of(vfs_arg);
    fly_mutex_lock(&vfs->mutex);
    inode *node;
    int result = find(vfs, from, &node);
    if (result == 0) {
        result = rename_node(vfs, node, to);
    }
    fly_mutex_unlock(&vfs->mutex);
    return result;
}

static int mem_remove(fly_vfs *vfs_arg, const char *path)
{
    mem_vfs *vfs = vfs_of(vfs_arg);
    fly_mutex_lock(&vfs->mutex);
    inode *node;
    int result = find(vfs, path, &node);
    if (result == 0 && node == &vfs->root) {
        result = -EBUSY;
    } else if (result == 0 && node->child != NULL) {
        result = -ENOTEMPTY;
    } else if (result == 0) {
        node_remove(vfs, node);
    }
    fly_mutex_unlock(&vfs->mutex);
    return result;
}

static int mem_make_dir(fly_vfs *vfs_arg, const char *path)
{
    mem_vfs *vfs = vfs_of(vfs_arg);
    fly_mutex_lock(&vfs->mutex);
    inode *dir;
    const char *name;
    size_t len;
    int result = walk(vfs, path, true, &dir, &name, &len);
    if (result == 0 && (len == 0 || child_named(dir, name, len) != NULL)) {
        result = -EEXIST;
    } else if (result == 0 && node_create(vfs, dir, name, len, true) == NULL) {
        result = -ENOMEM;
    }
    fly_mutex_unlock(&vfs->mutex);
    return result;
}

static int find_dir(mem_vfs *vfs, const char *path, inode **dir)
{
    int result = find(vfs, path, dir);
    return result == 0 && !(*dir)->is_dir ? -ENOTDIR : result;
}

static int mem_sync_dir(fly_vfs *vfs_arg, const char *path)
{
    mem_vfs *vfs = vfs_of(vfs_arg);
    fly_mutex_lock(&vfs->mutex);
    inode *dir;
    int result = find_dir(vfs, path, &dir);
    fly_mutex_unlock(&vfs->mutex);
    return result;
}

/* All names of a directory, each with its terminator, in one block of *size bytes. */
static int copy_names(mem_vfs *vfs, const inode *dir, char **names, size_t *size)
{
    *size = 0;
    for (const inode *at = dir->child; at != NULL; at = at->next) {
        *size += strlen(at->name) + 1;
    }
    *names = fly_mem_alloc(vfs->mem, *size);
    if (*names == NULL) {
        return -ENOMEM;
    }
    char *to = *names;
    for (const inode *at = dir->child; at != NULL; at = at->next) {
        size_t len = strlen(at->name) + 1;
        memcpy(to, at->name, len);
        to += len;
    }
    return 0;
}

/* The names are copied first, so that `each` may use this vfs. */
static int mem_list(fly_vfs *vfs_arg, const char *path, void (*each)(void *ctx, const char *name),
                    void *ctx)
{
    mem_vfs *vfs = vfs_of(vfs_arg);
    char *names = NULL;
    size_t size = 0;
    fly_mutex_lock(&vfs->mutex);
    inode *dir;
    int result = find_dir(vfs, path, &dir);
    if (result == 0) {
        result = copy_names(vfs, dir, &names, &size);
    }
    fly_mutex_unlock(&vfs->mutex);
    if (result < 0) {
        return result;
    }
    for (size_t at = 0; at < size; at += strlen(names + at) + 1) {
        each(ctx, names + at);
    }
    fly_mem_free(vfs->mem, names, size);
    return 0;
}

/* ---------------------------------------------------------------------- memory */

static void *mem_map(fly_vfs *vfs, size_t size, unsigned flags)
{
    (void)vfs;
    return fly_vfs_map(fly_vfs_posix(), size, flags);
}

static void mem_unmap(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
    fly_vfs_unmap(fly_vfs_posix(), at, size);
}

static void mem_discard(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
    fly_vfs_discard(fly_vfs_posix(), at, size);
}

static void mem_destroy(fly_vfs *vfs_arg)
{
    mem_vfs *vfs = vfs_of(vfs_arg);
    FLY_ASSERT(vfs->opens == 0);
    /* Leaf by leaf: down to a node without children, and up again when it is gone. */
    inode *at = &vfs->root;
    for (;;) {
        if (at->child != NULL) {
            at = at->child;
        } else if (at != &vfs->root) {
            inode *up = at->parent;
            node_remove(vfs, at);
            at = up;
        } else {
            break;
        }
    }
    while (vfs->grafted != NULL) {
        grafted *first = vfs->grafted;
        vfs->grafted = first->next;
        fly_file_abandon(first->file);
        fly_mem_free(vfs->mem, first, sizeof *first);
    }
    fly_mutex_deinit(&vfs->mutex);
    fly_mem_free(vfs->mem, vfs, sizeof *vfs);
}

fly_vfs *fly_vfs_mem_create(fly_mem *mem)
{
    mem_vfs *vfs = fly_mem_calloc(mem, 1, sizeof *vfs);
    if (vfs == NULL) {
        return NULL;
    }
    vfs->vfs = (fly_vfs){
        .open = mem_open,
        .rename = mem_rename,
        .remove = mem_remove,
        .make_dir = mem_make_dir,
        .sync_dir = mem_sync_dir,
        .list = mem_list,
        .map = mem_map,
        .unmap = mem_unmap,
        .discard = mem_discard,
        .destroy = mem_destroy,
    };
    vfs->mem = mem;
    vfs->root.is_dir = true;
    fly_mutex_init(&vfs->mutex, "vfs in memory", FLY_RANK_LEAF);
    return &vfs->vfs;
}

/* ---------------------------------------------------------------------------- grafting */

struct graft {
    mem_vfs *vfs;
    fly_vfs *below;
    const char *dir;
    uint32_t depth;
    fly_status status;
    fly_err *err;
};

enum { GRAFT_DEPTH_MAX = 16 };

/* Let `path` mean a file below. */
static fly_status graft_file(struct graft *graft, const char *path, fly_file *below)
{
    mem_vfs *vfs = graft->vfs;
    int64_t size = below->ops->size(below);
    grafted *kept = fly_mem_alloc(vfs->mem, sizeof *kept);
    int result = size < 0 ? (int)size : kept == NULL ? -ENOMEM : 0;
    fly_mutex_lock(&vfs->mutex);
    inode *node = NULL;
    if (result == 0) {
        result = find_or_make(vfs, path, FLY_OPEN_CREATE | FLY_OPEN_EXCLUSIVE, &node);
    }
    if (result == 0) {
        *kept = (grafted){.next = vfs->grafted, .file = below};
        vfs->grafted = kept;
        node->below = below;
        node->below_size = node->size = (uint64_t)size;
    }
    fly_mutex_unlock(&vfs->mutex);
    if (result < 0) {
        fly_mem_free(vfs->mem, kept, sizeof *kept);
        fly_file_abandon(below);
        return fly_err_os(graft->err, result == -ENOMEM ? FLY_E_NO_MEMORY : FLY_E_IO, -result,
                          "could not graft \"%s\"", path);
    }
    return FLY_OK;
}

static void graft_name(void *ctx, const char *name)
{
    struct graft *graft = ctx;
    char path[FLY_PATH_MAX];
    fly_file *below = NULL;
    if (graft->status != FLY_OK) {
        return;
    }
    graft->status = fly_path_join(path, sizeof path, graft->dir, name, graft->err);
    if (graft->status != FLY_OK) {
        return;
    }
    graft->status = fly_file_open(graft->below, path, 0, &below, graft->err);
    if (graft->status == FLY_OK) {
        graft->status = graft_file(graft, path, below);
        return;
    }
    /* Something else than a file: a directory, or nothing that we could use. */
    struct graft inner = {.vfs = graft->vfs,
                          .below = graft->below,
                          .dir = path,
                          .depth = graft->depth + 1,
                          .err = graft->err};
    if (inner.depth < GRAFT_DEPTH_MAX &&
        fly_vfs_list(graft->below, path, graft_name, &inner, NULL) == FLY_OK) {
        graft->status = inner.status;
    }
}

fly_status fly_vfs_mem_graft(fly_vfs *vfs, fly_vfs *below, const char *path, fly_err *err)
{
    struct graft graft = {.vfs = vfs_of(vfs), .below = below, .dir = path, .err = err};
    fly_status status = fly_vfs_make_dir(vfs, path, err);
    if (status == FLY_OK) {
        status = fly_vfs_list(below, path, graft_name, &graft, err);
    }
    return status == FLY_OK ? graft.status : status;
}
