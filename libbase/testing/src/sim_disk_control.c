/*
 * The simulated disk as tests see it: made and copied, faults armed, power cut, bytes looked at and
 * changed behind everybody's back.
 */
#define _POSIX_C_SOURCE 200809L
#include <fly/base_simdisk.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_disk_int.h"

typedef fly__sim_handle handle;

/* ------------------------------------------------------------------------ lifetime */

static fly_sim_disk *disk_alloc(const fly_sim_disk_options *options)
{
    fly_sim_disk *disk = fly__sim_alloc(sizeof *disk);
    disk->options = *options;
    disk->vfs = fly__sim_disk_vfs;
    (void)pthread_mutex_init(&disk->mutex, NULL);
    return disk;
}

fly_sim_disk *fly_sim_disk_create(const fly_sim_disk_options *options)
{
    static const fly_sim_disk_options defaults = {0};
    fly_sim_disk *disk = disk_alloc(options != NULL ? options : &defaults);
    fly_rng_init(&disk->rng, disk->options.seed);
    fly__sim_store_init(&disk->store);
    return disk;
}

/* Handles lose their inodes: by a crash, or because the disk goes. */
static void kill_handles(fly_sim_disk *disk)
{
    for (handle *h = disk->handles; h != NULL; h = h->next) {
        if (h->inode != NULL) {
            fly__sim_release(&disk->store, h->inode);
            h->inode = NULL;
        }
    }
}

void fly_sim_disk_destroy(fly_sim_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    kill_handles(disk);
    while (disk->handles != NULL) {
        handle *h = disk->handles;
        disk->handles = h->next;
        free(h);
    }
    fly__sim_store_deinit(&disk->store);
    (void)pthread_mutex_destroy(&disk->mutex);
    free(disk);
}

fly_vfs *fly_sim_disk_vfs(fly_sim_disk *disk)
{
    return &disk->vfs;
}

fly_sim_disk *fly_sim_disk_clone(fly_sim_disk *disk)
{
    fly_sim_disk *clone = disk_alloc(&disk->options);
    fly__sim_lock(disk);
    clone->rng = disk->rng;
    clone->off = disk->off;
    fly__sim_store_clone(&clone->store, &disk->store);
    fly__sim_unlock(disk);
    return clone;
}

/* -------------------------------------------------------------------------- faults */

void fly_sim_disk_arm(fly_sim_disk *disk, const fly_sim_fault *fault)
{
    fly__sim_lock(disk);
    FLY_ASSERT(disk->fault_count < FLY_SIM_FAULTS_MAX);
    disk->faults[disk->fault_count++] = *fault;
    fly__sim_unlock(disk);
}

void fly_sim_disk_disarm(fly_sim_disk *disk)
{
    fly__sim_lock(disk);
    disk->fault_count = 0;
    disk->strikes = 0;
    fly__sim_unlock(disk);
}

uint64_t fly_sim_disk_strikes(fly_sim_disk *disk)
{
    fly__sim_lock(disk);
    uint64_t strikes = disk->strikes;
    fly__sim_unlock(disk);
    return strikes;
}

uint64_t fly_sim_disk_calls(fly_sim_disk *disk, unsigned calls)
{
    uint64_t count = 0;
    fly__sim_lock(disk);
    for (unsigned i = 0; i < FLY__SIM_KINDS; i++) {
        count += calls == 0 || (calls & 1u << i) != 0 ? disk->calls[i] : 0;
    }
    fly__sim_unlock(disk);
    return count;
}

void fly_sim_disk_set_capacity(fly_sim_disk *disk, uint64_t capacity_bytes)
{
    fly__sim_lock(disk);
    disk->options.capacity_bytes = capacity_bytes;
    fly__sim_unlock(disk);
}

/* --------------------------------------------------------------------------- crash */

const char *fly_sim_survival_name(fly_sim_survival survival)
{
    static const char *const names[FLY_SIM_SURVIVALS] = {
        "keep none", "keep all", "keep prefix", "keep some", "tear 512", "tear 4096",
    };
    FLY_ASSERT((unsigned)survival < FLY_SIM_SURVIVALS);
    return names[survival];
}

void fly_sim_disk_crash(fly_sim_disk *disk, fly_sim_survival survival, uint64_t seed)
{
    fly_rng rng;
    fly_rng_init(&rng, seed);
    fly__sim_lock(disk);
    kill_handles(disk);
    fly__sim_collapse(&disk->store, survival, &rng);
    disk->generation++;
    disk->off = false;
    disk->fault_count = 0;
    disk->strikes = 0;
    fly__sim_unlock(disk);
}

bool fly_sim_disk_is_off(fly_sim_disk *disk)
{
    fly__sim_lock(disk);
    bool off = disk->off;
    fly__sim_unlock(disk);
    return off;
}

void fly_sim_disk_watch(fly_sim_disk *disk,
                        void (*each)(void *ctx, fly_sim_disk *disk, uint64_t call), void *ctx)
{
    fly__sim_lock(disk);
    disk->watch = each;
    disk->watch_ctx = ctx;
    fly__sim_unlock(disk);
}

/* --------------------------------------------------------------- tests' own access */

/* A file by the name that it has on the medium, or else by the one that programs see. */
static fly__sim_inode *find_file(fly_sim_disk *disk, const char *path)
{
    fly__sim_inode *file = NULL;
    if (fly__sim_find(&disk->store, path, true, &file) < 0 &&
        fly__sim_find(&disk->store, path, false, &file) < 0) {
        return NULL;
    }
    return file->is_dir ? NULL : file;
}

fly_status fly_sim_disk_dump(fly_sim_disk *disk, const char *path, void *buffer, size_t size,
                             uint64_t *len)
{
    fly__sim_lock(disk);
    const fly__sim_inode *file = find_file(disk, path);
    if (file != NULL) {
        fly__sim_content_get(&file->durable, 0, buffer, size);
        if (len != NULL) {
            *len = file->durable.size;
        }
    }
    fly__sim_unlock(disk);
    return file != NULL ? FLY_OK : FLY_E_NOT_FOUND;
}

/* The inode of a name in a durable directory, made durable too. */
static fly__sim_inode *durable_child(fly__sim_store *store, fly__sim_inode *dir, const char *name,
                                     bool is_dir)
{
    fly__sim_inode *child = fly__sim_child(dir, name);
    if (child == NULL) {
        child = fly__sim_make(store, dir, name, is_dir);
    }
    FLY_ASSERT(child->is_dir == is_dir);
    fly__sim_settle(store, dir, 0, store->next_number);
    return child;
}

void fly_sim_disk_load(fly_sim_disk *disk, const char *path, fly_bytes contents)
{
    char part[FLY_PATH_MAX];
    fly__sim_lock(disk);
    fly__sim_store *store = &disk->store;
    fly__sim_inode *at = store->root;
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        FLY_ASSERT(len < sizeof part);
        memcpy(part, path, len);
        part[len] = '\0';
        path += len + (path[len] == '/');
        if (len > 0 && strcmp(part, ".") != 0) {
            at = durable_child(store, at, part, *path != '\0');
        }
    }
    FLY_ASSERT(!at->is_dir);
    fly__sim_resize(store, at, 0);
    if (contents.len > 0) {
        fly__sim_write(store, at, 0, contents.data, contents.len);
    }
    fly__sim_settle(store, at, 0, store->next_number);
    fly__sim_unlock(disk);
}

static void poke(fly__sim_content *content, uint64_t offset, fly_bytes bytes)
{
    if (offset + bytes.len <= content->size) {
        fly__sim_content_put(content, offset, bytes.data, bytes.len);
    }
}

fly_status fly_sim_disk_poke(fly_sim_disk *disk, const char *path, uint64_t offset, fly_bytes bytes)
{
    fly__sim_lock(disk);
    fly__sim_inode *file = find_file(disk, path);
    fly_status status = FLY_E_NOT_FOUND;
    if (file != NULL) {
        uint64_t size = file->now.size > file->durable.size ? file->now.size : file->durable.size;
        status = offset <= size && bytes.len <= size - offset ? FLY_OK : FLY_E_INVALID;
    }
    if (status == FLY_OK) {
        uint64_t before = file->now.used;
        poke(&file->now, offset, bytes);
        poke(&file->durable, offset, bytes);
        disk->store.used += file->users > 0 ? file->now.used - before : 0;
    }
    fly__sim_unlock(disk);
    return status;
}

fly_status fly_sim_disk_flip(fly_sim_disk *disk, const char *path, uint64_t bit)
{
    uint8_t byte = 0;
    fly__sim_lock(disk);
    const fly__sim_inode *file = find_file(disk, path);
    if (file != NULL) {
        fly__sim_content_get(&file->durable, bit / 8, &byte, 1);
    }
    fly__sim_unlock(disk);
    byte ^= (uint8_t)(1u << bit % 8);
    return fly_sim_disk_poke(disk, path, bit / 8, fly_bytes_of(&byte, 1));
}

uint32_t fly_sim_disk_handles(fly_sim_disk *disk)
{
    uint32_t count = 0;
    fly__sim_lock(disk);
    for (const handle *h = disk->handles; h != NULL; h = h->next) {
        count += h->inode != NULL;
    }
    fly__sim_unlock(disk);
    return count;
}

uint64_t fly_sim_disk_waiting(fly_sim_disk *disk)
{
    fly__sim_lock(disk);
    uint64_t count = disk->store.op_count;
    fly__sim_unlock(disk);
    return count;
}

/* Print call `number`; nothing if it is still under way. Returns the length. */
static size_t print_call(const fly_sim_disk *disk, uint64_t number, char *buffer, size_t size)
{
    static const char *const kinds[FLY__SIM_KINDS] = {
        "open", "read",  "write",  "sync",   "truncate", "allocate", "size",
        "lock", "close", "rename", "remove", "make_dir", "sync_dir", "list",
    };
    const fly__sim_line *line = &disk->history[number % FLY__SIM_HISTORY];
    if (line->kind == 0 || line->number != number) {
        return 0;
    }
    return (size_t)snprintf(
        buffer, size, "#%" PRIu64 " %s \"%s\" %" PRIu64 "+%" PRIu64 " = %" PRId64 "\n", number,
        kinds[__builtin_ctz(line->kind)], line->path, line->offset, line->len, line->result);
}

void fly_sim_disk_history(fly_sim_disk *disk, char *buffer, size_t size)
{
    FLY_ASSERT(size > 0);
    buffer[0] = '\0';
    fly__sim_lock(disk);
    /* Find how many of the newest fit, then print these. */
    uint64_t end = disk->call_count;
    uint64_t first = end;
    size_t total = 1;
    while (first > 0 && end - first < FLY__SIM_HISTORY) {
        total += print_call(disk, first - 1, NULL, 0);
        if (total > size) {
            break;
        }
        first--;
    }
    size_t used = 0;
    for (uint64_t n = first; n < end; n++) {
        used += print_call(disk, n, buffer + used, size - used);
    }
    fly__sim_unlock(disk);
}
