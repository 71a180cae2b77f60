/*
 * The simulated disk as programs see it: calls, their numbers, the faults that strike them, and time.
 *
 * Every call that changes something goes through the same stations:
 *
 *     begin ──> effect ──> under way ─────────────────> durable, if it is to be ──> finish
 *       │         │           │ watcher, virtual time,
 *       │         │           │ other threads; power may go
 *       │         └ programs see it, and an operation waits
 *       └ a number, and perhaps a fault
 *
 * A crash between "effect" and "durable" finds the call's operation waiting, like every other that
 * was not synced: so the call that was under way may have happened, or not, or in part.
 *
 *     D1  the store is touched only under the mutex, which is never held while a call is under way
 *     D2  a handle is alive while its inode is not NULL; a crash takes all inodes away
 *     D3  a call that was under way when the disk crashed fails, and touches nothing afterwards
 *
 * What is not here: what survives (sim_store.c), and what tests do to the disk (sim_disk_control.c).
 */
#include <fly/base_sched.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim_disk_int.h"

/* A simulated file's table of blocks lies in memory; this bounds it. */
#define FILE_MAX ((uint64_t)1 << 36)

enum { MICROSECOND = 1000 };

typedef fly__sim_handle handle;

static fly_sim_disk *disk_of(fly_vfs *vfs)
{
    return (fly_sim_disk *)vfs;
}

static handle *handle_of(fly_file *file)
{
    return (handle *)file;
}

/* -------------------------------------------------------------------------- calls */

/* A call between begin() and finish(). */
typedef struct call {
    fly_sim_disk *disk;
    unsigned kind;
    uint64_t number;
    uint64_t generation;
    const char *path;
    uint64_t offset, len;
    bool unchanging; /* of a kind that may change the disk, and did not */
    bool struck;
    fly_sim_fault fault; /* if struck */
} call;

/* Whether a fault is one for this call at all. */
static bool suits(const fly_sim_fault *fault, const call *c, uint64_t smallest)
{
    if (fault->calls != 0 && (fault->calls & c->kind) == 0) {
        return false;
    }
    switch (fault->trouble) {
    case FLY_SIM_SHORT: /* only what can be cut in two */
        return (c->kind & (FLY_SIM_READ | FLY_SIM_WRITE)) != 0 && c->len > smallest;
    case FLY_SIM_LOSES:
    case FLY_SIM_MISDIRECTS:
    case FLY_SIM_DUPLICATES:
        return c->kind == FLY_SIM_WRITE;
    default:
        return true;
    }
}

static void remove_fault(fly_sim_disk *disk, size_t at)
{
    disk->fault_count--;
    memmove(&disk->faults[at], &disk->faults[at + 1],
            (disk->fault_count - at) * sizeof disk->faults[0]);
}

/* Count the call towards every fault; the first that is due strikes it. */
static void strike(call *c, uint64_t smallest)
{
    fly_sim_disk *disk = c->disk;
    for (size_t i = 0, next; i < disk->fault_count; i = next) {
        fly_sim_fault *fault = &disk->faults[i];
        next = i + 1;
        if (!suits(fault, c, smallest)) {
            continue;
        }
        if (fault->at > 0) {
            fault->at--;
        } else if (!c->struck) { /* one at a time: the next one's turn comes with the next call */
            c->struck = true;
            c->fault = *fault;
            disk->strikes++;
            if (!fault->lasting) {
                remove_fault(disk, i);
                next = i;
            }
        }
    }
}

/*
 * Number a call, let faults strike it, and take the mutex. A negative errno if it is to fail before
 * it does anything; finish() wants to be called all the same. `smallest` is what a transfer cannot
 * be cut below.
 */
static int begin(call *c, uint64_t smallest)
{
    fly_sim_disk *disk = c->disk;
    fly__sim_lock(disk);
    c->number = disk->call_count++;
    c->generation = disk->generation;
    disk->calls[__builtin_ctz(c->kind)]++;
    if (disk->off) {
        return -EIO;
    }
    strike(c, smallest);
    return 0;
}

/* Whether the fault that struck this call is of a kind. */
static bool has_trouble(const call *c, fly_sim_trouble trouble)
{
    return c->struck && c->fault.trouble == trouble;
}

static int error_of(const call *c)
{
    return c->fault.error != 0 ? -c->fault.error : -EIO;
}

/* As begin(), for calls that simply fail when they are to fail. */
static int begin_or_fail(call *c)
{
    int result = begin(c, UINT64_MAX);
    return result == 0 && has_trouble(c, FLY_SIM_FAILS) ? error_of(c) : result;
}

static int64_t finish(call *c, int64_t result)
{
    if (has_trouble(c, FLY_SIM_CRASHES)) { /* in a call that came to nothing, too */
        c->disk->off = true;
        result = -EIO;
    }
    fly__sim_line *line = &c->disk->history[c->number % FLY__SIM_HISTORY];
    *line = (fly__sim_line){
        .number = c->number, .kind = c->kind, .offset = c->offset, .len = c->len, .result = result};
    size_t len = strlen(c->path);
    size_t skip = len < sizeof line->path ? 0
                                          : len - sizeof line->path + 1; /* the end tells more */
    memcpy(line->path, c->path + skip, len - skip + 1);
    fly__sim_unlock(c->disk);
    return result;
}

static uint64_t duration_of(call *c)
{
    uint64_t typical = c->kind == FLY_SIM_SYNC || c->kind == FLY_SIM_SYNC_DIR ? 200 : 20;
    return (typical / 2 + fly_rng_below(&c->disk->rng, typical)) * MICROSECOND;
}

/*
 * The call has taken effect and is not done: the watcher looks, time passes, power may go. A
 * negative errno if it did, and then the store is not this call's to touch any more (D3).
 */
static int under_way(call *c)
{
    fly_sim_disk *disk = c->disk;
    if (has_trouble(c, FLY_SIM_CRASHES)) {
        disk->off = true;
        return -EIO;
    }
    bool simulated = fly_sched_current() != fly_sched_os();
    bool changes = (c->kind & FLY_SIM_CHANGES) != 0 && !c->unchanging;
    bool watched = disk->watch != NULL && changes;
    if (watched || simulated) {
        uint64_t duration = duration_of(c);
        fly__sim_unlock(disk);
        if (watched) {
            disk->watch(disk->watch_ctx, disk, c->number);
        }
        if (simulated) {
            fly_sleep(duration);
        }
        fly__sim_lock(disk);
    }
    return disk->off || disk->generation != c->generation ? -EIO : 0;
}

/* As under_way(), while `inode` must not go. */
static int under_way_with(call *c, fly__sim_inode *inode)
{
    fly__sim_hold(inode);
    return under_way(c);
}

/* ---------------------------------------------------------------- reading, writing */

static call file_call(handle *h, unsigned kind, uint64_t offset, uint64_t len)
{
    return (call){.disk = h->disk, .kind = kind, .path = h->path, .offset = offset, .len = len};
}

/* begin(), on a handle that may be dead. */
static int begin_on(call *c, const handle *h, uint64_t smallest)
{
    int result = begin(c, smallest);
    return result == 0 && h->inode == NULL ? -EIO : result;
}

static int begin_on_or_fail(call *c, const handle *h)
{
    int result = begin_or_fail(c);
    return result == 0 && h->inode == NULL ? -EIO : result;
}

static uint64_t total_of(const fly_iovec *parts, int count)
{
    uint64_t total = 0;
    for (int i = 0; i < count; i++) {
        total += parts[i].len;
    }
    return total;
}

/* What a device wants of transfers past the cache. */
static bool is_aligned(const handle *h, uint64_t offset, const fly_iovec *parts, int count)
{
    uint64_t bits = offset;
    for (int i = 0; i < count; i++) {
        bits |= (uint64_t)parts[i].len | (uint64_t)(uintptr_t)parts[i].base;
    }
    return !h->file.direct || bits % FLY_DIRECT_ALIGN == 0;
}

static uint64_t smallest_of(const handle *h)
{
    return h->file.direct ? FLY_DIRECT_ALIGN : 1;
}

/* Part of a transfer: at least one byte less, and at least one. */
static uint64_t shorten(call *c, uint64_t smallest)
{
    uint64_t pieces = (c->len + smallest - 1) / smallest;
    return (1 + fly_rng_below(&c->disk->rng, pieces - 1)) * smallest;
}

static void scatter(const uint8_t *from, uint64_t len, const fly_iovec *parts, int count)
{
    for (int i = 0; i < count && len > 0; i++) {
        size_t step = parts[i].len < len ? parts[i].len : (size_t)len;
        if (step > 0) {
            memcpy(parts[i].base, from, step);
        }
        from += step;
        len -= step;
    }
}

static void gather(uint8_t *to, const fly_iovec *parts, int count)
{
    for (int i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(to, parts[i].base, parts[i].len);
            to += parts[i].len;
        }
    }
}

static int64_t read_now(call *c, handle *h, const fly_iovec *parts, int count)
{
    if (c->offset > INT64_MAX || !is_aligned(h, c->offset, parts, count)) {
        return -EINVAL;
    }
    if (has_trouble(c, FLY_SIM_FAILS)) {
        return error_of(c);
    }
    uint64_t wanted = has_trouble(c, FLY_SIM_SHORT) ? shorten(c, smallest_of(h)) : c->len;
    int result = under_way(c);
    if (result < 0) {
        return result;
    }
    const fly__sim_content *now = &h->inode->now;
    uint64_t here = c->offset < now->size ? now->size - c->offset : 0;
    uint64_t total = wanted < here ? wanted : here;
    uint8_t *bytes = fly__sim_alloc(total + 1);
    fly__sim_content_get(now, c->offset, bytes, total);
    scatter(bytes, total, parts, count);
    free(bytes);
    return (int64_t)total;
}

static int64_t sim_readv(fly_file *file, uint64_t offset, const fly_iovec *parts, int count)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_READ, offset, total_of(parts, count));
    int result = begin_on(&c, h, smallest_of(h));
    return finish(&c, result < 0 ? result : read_now(&c, h, parts, count));
}

/* How many of `len` bytes at `offset` the disk still has room for. */
static uint64_t fitting(const fly_sim_disk *disk, const fly__sim_inode *file, uint64_t offset,
                        uint64_t len)
{
    if (disk->options.capacity_bytes == 0) {
        return len;
    }
    uint64_t capacity = disk->options.capacity_bytes / FLY__SIM_BLOCK;
    uint64_t room = capacity > disk->store.used ? capacity - disk->store.used : 0;
    return fly__sim_content_fits(&file->now, offset, len, room);
}

/* A write that lands in the wrong place: what lies there is overwritten, the file grows as if all
 * were well, and where it should have landed is what was there before. */
static void write_elsewhere(call *c, fly__sim_inode *file, const uint8_t *bytes)
{
    fly__sim_store *store = &c->disk->store;
    if (c->offset + c->len > file->now.size) {
        fly__sim_resize(store, file, c->offset + c->len);
    }
    int64_t there = (int64_t)c->offset + c->fault.shift;
    if (there >= 0 && (uint64_t)there < file->now.size) {
        uint64_t room = file->now.size - (uint64_t)there;
        fly__sim_write(store, file, (uint64_t)there, bytes, c->len < room ? c->len : room);
    }
}

/* Let a write take effect. Returns how many bytes programs will hear of, or a negative errno. */
static int64_t write_effect(call *c, handle *h, const uint8_t *bytes)
{
    fly__sim_store *store = &c->disk->store;
    if (has_trouble(c, FLY_SIM_SHORT)) {
        c->len = shorten(c, smallest_of(h));
    }
    c->len = fitting(c->disk, h->inode, c->offset, c->len);
    if (c->len == 0) {
        return -ENOSPC;
    }
    if (has_trouble(c, FLY_SIM_MISDIRECTS) || has_trouble(c, FLY_SIM_DUPLICATES)) {
        write_elsewhere(c, h->inode, bytes);
    }
    if (!has_trouble(c, FLY_SIM_MISDIRECTS) && !has_trouble(c, FLY_SIM_LOSES)) {
        fly__sim_write(store, h->inode, c->offset, bytes, c->len);
    }
    return (int64_t)c->len;
}

static int64_t write_now(call *c, handle *h, const uint8_t *bytes, unsigned flags)
{
    fly__sim_store *store = &c->disk->store;
    fly__sim_inode *file = h->inode;
    bool durable = (flags & FLY_WRITE_DURABLE) != 0;
    if (has_trouble(c, FLY_SIM_FAILS) && (error_of(c) != -EIO || (!durable && !h->file.direct))) {
        return error_of(c); /* refused before it came to anything */
    }
    uint64_t first = store->next_number;
    int64_t result = write_effect(c, h, bytes);
    uint64_t end = store->next_number;
    if (has_trouble(c, FLY_SIM_FAILS)) {
        fly__sim_doubt(store, file, first, end, &c->disk->rng);
        return -EIO;
    }
    if (result < 0) {
        return result;
    }
    int broken = under_way_with(c, file);
    if (broken == 0 && durable) {
        fly__sim_settle(store, file, first, end);
    }
    fly__sim_release(store, file);
    return broken < 0 ? broken : result;
}

static int64_t sim_writev(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                          unsigned flags)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_WRITE, offset, total_of(parts, count));
    int64_t result = begin_on(&c, h, smallest_of(h));
    if (result == 0 && !h->writable) {
        result = -EBADF;
    } else if (result == 0 && (c.offset > FILE_MAX || c.len > FILE_MAX - c.offset)) {
        result = -EFBIG;
    } else if (result == 0 && !is_aligned(h, offset, parts, count)) {
        result = -EINVAL;
    } else if (result == 0 && c.len > 0) {
        uint8_t *bytes = fly__sim_alloc(c.len);
        gather(bytes, parts, count);
        result = write_now(&c, h, bytes, flags);
        free(bytes);
    }
    return finish(&c, result);
}

/* ------------------------------------------------------------------ sync and sizes */

/* Make what came before the call durable, or some of it, for a file or a directory. */
static int sync_now(call *c, fly__sim_inode *inode)
{
    fly__sim_store *store = &c->disk->store;
    uint64_t end = store->next_number;
    if (has_trouble(c, FLY_SIM_FAILS)) {
        fly__sim_doubt(store, inode, 0, end, &c->disk->rng);
        return error_of(c);
    }
    int result = under_way_with(c, inode);
    if (result == 0) {
        fly__sim_settle(store, inode, 0, end);
    }
    fly__sim_release(store, inode);
    return result;
}

static int sim_sync(fly_file *file)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_SYNC, 0, 0);
    int result = begin_on(&c, h, UINT64_MAX);
    return (int)finish(&c, result < 0 ? result : sync_now(&c, h->inode));
}

static int sim_truncate(fly_file *file, uint64_t size)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_TRUNCATE, size, 0);
    int result = begin_on_or_fail(&c, h);
    if (result == 0 && !h->writable) {
        result = -EINVAL;
    } else if (result == 0 && size > FILE_MAX) {
        result = -EFBIG;
    } else if (result == 0) {
        fly__sim_resize(&c.disk->store, h->inode, size);
        result = under_way(&c);
    }
    return (int)finish(&c, result);
}

static int sim_allocate(fly_file *file, uint64_t offset, uint64_t len)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_ALLOCATE, offset, len);
    int result = begin_on_or_fail(&c, h);
    if (result == 0 && !h->writable) {
        result = -EBADF;
    } else if (result == 0 && (offset > FILE_MAX || len > FILE_MAX - offset)) {
        result = -EFBIG;
    } else if (result == 0 && fitting(c.disk, h->inode, offset, len) < len) {
        result = -ENOSPC;
    } else if (result == 0) {
        fly__sim_reserve(&c.disk->store, h->inode, offset, len);
        result = under_way(&c);
    }
    return (int)finish(&c, result);
}

static int64_t sim_size(fly_file *file)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_SIZE, 0, 0);
    int result = begin_on_or_fail(&c, h);
    result = result == 0 ? under_way(&c) : result;
    return finish(&c, result < 0 ? result : (int64_t)h->inode->now.size);
}

static int sim_lock(fly_file *file)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_LOCK, 0, 0);
    int result = begin_on_or_fail(&c, h);
    result = result == 0 ? under_way(&c) : result;
    if (result == 0 && !h->writable) {
        result = -EBADF;
    } else if (result == 0 && h->inode->locked_by != NULL && h->inode->locked_by != h) {
        result = -EWOULDBLOCK;
    } else if (result == 0) {
        h->inode->locked_by = h;
    }
    return (int)finish(&c, result);
}

static void forget_handle(handle *h)
{
    handle **link = &h->disk->handles;
    while (*link != h) {
        link = &(*link)->next;
    }
    *link = h->next;
    fly__sim_inode *inode = h->inode;
    if (inode != NULL) {
        if (inode->locked_by == h) {
            inode->locked_by = NULL;
        }
        fly__sim_unuse(&h->disk->store, inode);
        fly__sim_release(&h->disk->store, inode);
    }
}

/* Whatever it reports, the handle is gone. One that a crash has killed closes without complaint. */
static int sim_close(fly_file *file)
{
    handle *h = handle_of(file);
    call c = file_call(h, FLY_SIM_CLOSE, 0, 0);
    int result = begin_or_fail(&c);
    if (h->inode == NULL) {
        result = 0;
    }
    forget_handle(h);
    result = (int)finish(&c, result);
    free(h);
    return result;
}

static const fly_file_ops sim_file_ops = {
    .readv = sim_readv,
    .writev = sim_writev,
    .sync = sim_sync,
    .sync_data = sim_sync,
    .truncate = sim_truncate,
    .allocate = sim_allocate,
    .size = sim_size,
    .lock = sim_lock,
    .close = sim_close,
};

/* --------------------------------------------------------------------------- names */

static call name_call(fly_vfs *vfs, unsigned kind, const char *path)
{
    return (call){.disk = disk_of(vfs), .kind = kind, .path = path};
}

/* The file that open() is about, made or emptied if the flags say so. */
static int open_effect(fly__sim_store *store, const char *path, unsigned flags,
                       fly__sim_inode **found)
{
    fly__sim_inode *dir;
    char *name;
    int result = fly__sim_walk(store, path, &dir, &name);
    if (result < 0) {
        return result;
    }
    bool make = (flags & FLY_OPEN_CREATE) != 0;
    *found = name[0] != '\0' ? fly__sim_child(dir, name) : store->root;
    if (*found == NULL && make) {
        *found = fly__sim_make(store, dir, name, false);
    } else if (*found == NULL) {
        result = -ENOENT;
    } else if (make && (flags & FLY_OPEN_EXCLUSIVE) != 0) {
        result = -EEXIST;
    } else if ((*found)->is_dir) {
        result = -EISDIR;
    } else if ((flags & FLY_OPEN_TRUNCATE) != 0 && (*found)->now.size > 0) {
        fly__sim_resize(store, *found, 0);
    }
    free(name);
    return result;
}

static handle *make_handle(fly_sim_disk *disk, fly__sim_inode *inode, const char *path,
                           unsigned flags)
{
    size_t size = strlen(path) + 1;
    handle *h = fly__sim_alloc(sizeof *h + size);
    h->disk = disk;
    h->inode = inode;
    h->writable = (flags & FLY_OPEN_WRITE) != 0;
    memcpy(h->path, path, size);
    h->file = (fly_file){.ops = &sim_file_ops,
                         .path = h->path,
                         .direct = disk->options.direct && (flags & FLY_OPEN_DIRECT) != 0};
    h->next = disk->handles;
    disk->handles = h;
    fly__sim_hold(inode);
    fly__sim_use(&disk->store, inode);
    return h;
}

static int sim_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    call c = name_call(vfs, FLY_SIM_OPEN, path);
    fly__sim_inode *inode = NULL;
    int result = begin_or_fail(&c);
    if (result == 0) {
        uint64_t before = c.disk->store.next_number;
        result = open_effect(&c.disk->store, path, flags, &inode);
        c.unchanging = c.disk->store.next_number == before;
    }
    if (result == 0) {
        result = under_way_with(&c, inode);
        if (result == 0) {
            *file = &make_handle(c.disk, inode, path, flags)->file;
        }
        fly__sim_release(&c.disk->store, inode);
    }
    return (int)finish(&c, result);
}

static bool contains(const fly__sim_inode *dir, const fly__sim_inode *inode)
{
    while (inode != NULL && inode != dir) {
        inode = inode->dir;
    }
    return inode == dir;
}

/* Whether `from` may become the name `name` of `dir`; 1 if it is that already. */
static int may_move(const fly__sim_inode *from, const fly__sim_inode *dir, const char *name)
{
    const fly__sim_inode *there = fly__sim_child(dir, name);
    if (contains(from, dir)) {
        return -EINVAL;
    }
    if (there == NULL || there == from) {
        return there != NULL;
    }
    if (from->is_dir != there->is_dir) {
        return from->is_dir ? -ENOTDIR : -EISDIR;
    }
    return there->names != NULL ? -ENOTEMPTY : 0;
}

static int rename_effect(fly__sim_store *store, const char *from, const char *to)
{
    fly__sim_inode *inode;
    fly__sim_inode *dir;
    char *name;
    int result = fly__sim_find(store, from, false, &inode);
    if (result < 0) {
        return result;
    }
    result = fly__sim_walk(store, to, &dir, &name);
    if (result < 0) {
        return result;
    }
    result = inode == store->root || name[0] == '\0' ? -EBUSY : may_move(inode, dir, name);
    if (result == 0) {
        fly__sim_move(store, inode, dir, name);
    }
    free(name);
    return result < 0 ? result : 0;
}

static int sim_rename(fly_vfs *vfs, const char *from, const char *to)
{
    call c = name_call(vfs, FLY_SIM_RENAME, from);
    int result = begin_or_fail(&c);
    result = result == 0 ? rename_effect(&c.disk->store, from, to) : result;
    return (int)finish(&c, result < 0 ? result : under_way(&c));
}

static int remove_effect(fly__sim_store *store, const char *path)
{
    fly__sim_inode *inode;
    int result = fly__sim_find(store, path, false, &inode);
    if (result == 0 && inode == store->root) {
        result = -EBUSY;
    } else if (result == 0 && inode->names != NULL) {
        result = -ENOTEMPTY;
    } else if (result == 0) {
        fly__sim_unlink(store, inode);
    }
    return result;
}

static int sim_remove(fly_vfs *vfs, const char *path)
{
    call c = name_call(vfs, FLY_SIM_REMOVE, path);
    int result = begin_or_fail(&c);
    result = result == 0 ? remove_effect(&c.disk->store, path) : result;
    return (int)finish(&c, result < 0 ? result : under_way(&c));
}

static int make_dir_effect(fly__sim_store *store, const char *path)
{
    fly__sim_inode *dir;
    char *name;
    int result = fly__sim_walk(store, path, &dir, &name);
    if (result < 0) {
        return result;
    }
    if (name[0] == '\0' || fly__sim_child(dir, name) != NULL) {
        result = -EEXIST;
    } else {
        (void)fly__sim_make(store, dir, name, true);
    }
    free(name);
    return result;
}

static int sim_make_dir(fly_vfs *vfs, const char *path)
{
    call c = name_call(vfs, FLY_SIM_MAKE_DIR, path);
    int result = begin_or_fail(&c);
    result = result == 0 ? make_dir_effect(&c.disk->store, path) : result;
    return (int)finish(&c, result < 0 ? result : under_way(&c));
}

static int find_dir(const fly__sim_store *store, const char *path, fly__sim_inode **dir)
{
    int result = fly__sim_find(store, path, false, dir);
    return result == 0 && !(*dir)->is_dir ? -ENOTDIR : result;
}

static int sim_sync_dir(fly_vfs *vfs, const char *path)
{
    call c = name_call(vfs, FLY_SIM_SYNC_DIR, path);
    fly__sim_inode *dir;
    int result = begin(&c, UINT64_MAX);
    result = result == 0 ? find_dir(&c.disk->store, path, &dir) : result;
    return (int)finish(&c, result < 0 ? result : sync_now(&c, dir));
}

/* All names of a directory, each with its terminator, and an empty one at the end. */
static char *copy_names(const fly__sim_inode *dir)
{
    size_t size = 1;
    for (const fly__sim_name *n = dir->names; n != NULL; n = n->next) {
        size += strlen(n->text) + 1;
    }
    char *names = fly__sim_alloc(size);
    char *to = names;
    for (const fly__sim_name *n = dir->names; n != NULL; n = n->next) {
        size_t len = strlen(n->text) + 1;
        memcpy(to, n->text, len);
        to += len;
    }
    return names;
}

static int sim_list(fly_vfs *vfs, const char *path, void (*each)(void *ctx, const char *name),
                    void *ctx)
{
    call c = name_call(vfs, FLY_SIM_LIST, path);
    fly__sim_inode *dir;
    char *names = NULL;
    int result = begin_or_fail(&c);
    result = result == 0 ? under_way(&c) : result;
    result = result == 0 ? find_dir(&c.disk->store, path, &dir) : result;
    if (result == 0) {
        names = copy_names(dir);
    }
    result = (int)finish(&c, result);
    for (const char *at = names; result == 0 && *at != '\0'; at += strlen(at) + 1) {
        each(ctx, at);
    }
    free(names);
    return result;
}

/* -------------------------------------------------------------------------- memory */

static void *sim_map(fly_vfs *vfs, size_t size, unsigned flags)
{
    (void)vfs;
    return fly_vfs_map(fly_vfs_posix(), size, flags);
}

static void sim_unmap(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
    fly_vfs_unmap(fly_vfs_posix(), at, size);
}

static void sim_discard(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
    fly_vfs_discard(fly_vfs_posix(), at, size);
}

/* ------------------------------------------------------------------------- the vfs */

const fly_vfs fly__sim_disk_vfs = {
    .open = sim_open,
    .rename = sim_rename,
    .remove = sim_remove,
    .make_dir = sim_make_dir,
    .sync_dir = sim_sync_dir,
    .list = sim_list,
    .map = sim_map,
    .unmap = sim_unmap,
    .discard = sim_discard,
};
