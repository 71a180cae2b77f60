/*
 * The page file: header, reading, allocation, checkpoints.
 *
 * Which pages are in use is a bitmap in memory, loaded when the file is opened. Allocation takes
 * bits, and disk space in growing steps; only a checkpoint writes the maps and the header.
 *
 *     F1  the header, every map page and every page beyond `pages` are never given out
 *     F2  bit i is set if and only if page i is in use; used_pages counts the set bits
 *     F3  a map page whose bits differ from the disk is marked dirty
 *     F4  pages <= physical: a page that was given out has disk space
 *     F5  no word of the bitmap below lowest_free has a clear bit for a page below `pages`
 *
 * What is not here: how pages get to disk (batch.c), what is in them, and any cache.
 */
#include <fly/page_file.h>

#include <fly/base_bytes.h>
#include <fly/base_hash.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pagefile_int.h"

static const uint8_t file_magic[8] = {'F', 'l', 'y', 'D', 'B', ' ', 'p', 'g'};

enum {
    FILE_VERSION = 1,

    /* The header page, behind the 24 bytes that every page has. batch.c knows AT_UUID too. */
    AT_MAGIC = 24,
    AT_VERSION = 32,
    AT_PAGE_SIZE = 36,
    AT_UUID = 40,
    AT_CODEC = 56,
    AT_RESERVE = 60,
    AT_PARAMS = 64,
    AT_PAGES = 128,
    AT_CHECKPOINT = 136,
    AT_CREATED = 144,
    AT_META = 256,

    /* A map page: its number among the maps, then the bits. */
    AT_MAP_NUMBER = 24,
    AT_MAP_BITS = 32,

    /* Disk space is reserved an eighth of the file at a time, within these bounds of pages. */
    GROW_MIN = 64,
    GROW_MAX = 8192
};

_Static_assert(AT_PARAMS + FLY_PAGEFILE_PARAMS <= AT_PAGES, "codec fits");
_Static_assert(AT_META + FLY_PAGEFILE_META <= FLY_PAGE_SIZE_MIN, "meta fits");

/* ----------------------------------------------------------------- where maps are */

static uint32_t pages_per_map(const fly_pagefile *file)
{
    return (file->page_size - AT_MAP_BITS) * 8;
}

static uint32_t map_of(const fly_pagefile *file, uint32_t id)
{
    return id / pages_per_map(file);
}

static uint32_t map_page(const fly_pagefile *file, uint32_t map)
{
    return map == 0 ? 1 : map * pages_per_map(file);
}

bool fly_pagefile_is_own(const fly_pagefile *file, uint32_t id)
{
    return id <= 1 || id % pages_per_map(file) == 0;
}

/* ------------------------------------------------------------------------- the bits */

static bool bit_is_set(const fly_pagefile *file, uint32_t id)
{
    return id / 64 < file->used_words && ((file->used[id / 64] >> (id % 64)) & 1) != 0;
}

static void bit_change(fly_pagefile *file, uint32_t id, bool used)
{
    uint64_t bit = (uint64_t)1 << (id % 64);
    FLY_ASSERT(((file->used[id / 64] & bit) != 0) != used);
    file->used[id / 64] ^= bit;
    file->map_dirty[map_of(file, id)] = 1;
    if (used) {
        file->used_pages++;
    } else {
        file->used_pages--;
        if (id / 64 < file->lowest_free) {
            file->lowest_free = id / 64;
        }
    }
}

/* Let the bitmap hold `pages` bits. */
static fly_status bits_reserve(fly_pagefile *file, uint32_t pages, fly_err *err)
{
    fly_mem *mem = file->env->mem;
    size_t words = ((size_t)pages + 63) / 64;
    size_t maps = (size_t)map_of(file, pages) + 1;
    if (words > file->used_words) {
        size_t room = words + words / 2 + 64;
        uint64_t *used = fly_mem_resize(mem, file->used, file->used_words * 8, room * 8);
        if (used == NULL) {
            goto no_memory;
        }
        memset(used + file->used_words, 0, (room - file->used_words) * 8);
        file->used = used;
        file->used_words = room;
    }
    if (maps > file->maps) {
        size_t room = maps + 8;
        uint8_t *dirty = fly_mem_resize(mem, file->map_dirty, file->maps, room);
        if (dirty == NULL) {
            goto no_memory;
        }
        memset(dirty + file->maps, 0, room - file->maps);
        file->map_dirty = dirty;
        file->maps = room;
    }
    return FLY_OK;

no_memory:
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the map of %" PRIu32 " pages of \"%s\"",
                       pages, file->path);
}

/* Extend the file to `pages` pages, taking the map pages that fall into the new part. */
static fly_status extend(fly_pagefile *file, uint32_t pages, fly_err *err)
{
    uint32_t from = fly_load_u32(&file->pages);
    fly_status status = bits_reserve(file, pages, err);
    if (status != FLY_OK) {
        return status;
    }
    if (pages > file->physical) {
        uint32_t step = file->physical / 8;
        step = step < GROW_MIN ? GROW_MIN : step > GROW_MAX ? GROW_MAX : step;
        uint64_t wanted = (uint64_t)file->physical + step;
        uint32_t to = wanted > FLY_PAGE_NONE ? FLY_PAGE_NONE : (uint32_t)wanted;
        to = to < pages ? pages : to;
        uint64_t at = (uint64_t)file->physical * file->page_size;
        if (to > pages) {
            status = fly_file_allocate(file->file, at, (uint64_t)to * file->page_size - at, NULL);
            to = status == FLY_OK ? to : pages; /* else no more than is needed now */
        }
        if (to == pages) {
            status = fly_file_allocate(file->file, at, (uint64_t)to * file->page_size - at, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        file->physical = to;
    }
    fly_store_u32(&file->pages, pages);
    for (uint32_t map = map_of(file, from); map <= map_of(file, pages - 1); map++) {
        uint32_t id = map_page(file, map);
        if (id >= from && id < pages && !bit_is_set(file, id)) {
            bit_change(file, id, true);
        }
    }
    return FLY_OK;
}

/* -------------------------------------------------------------- header and map pages */

static void write_header(const fly_pagefile *file, uint8_t *bytes, uint64_t lsn)
{
    fly_page page = {bytes, file->page_size, AT_META, FLY_PAGE_SLOT};
    fly_page_init(page, 0, FLY_PAGE_TYPE_HEADER);
    memcpy(bytes + AT_MAGIC, file_magic, sizeof file_magic);
    fly_put_u32(bytes + AT_VERSION, FILE_VERSION);
    fly_put_u32(bytes + AT_PAGE_SIZE, file->page_size);
    memcpy(bytes + AT_UUID, file->uuid, sizeof file->uuid);
    if (file->codec != NULL) {
        fly_put_u32(bytes + AT_CODEC, file->codec->id);
        fly_put_u32(bytes + AT_RESERVE, file->codec->reserve);
        memcpy(bytes + AT_PARAMS, file->params, sizeof file->params);
    }
    fly_put_u32(bytes + AT_PAGES, fly_load_u32(&file->pages));
    fly_put_u64(bytes + AT_CHECKPOINT, lsn);
    fly_put_u64(bytes + AT_CREATED, file->created);
    memcpy(bytes + AT_META, file->meta, sizeof file->meta);
    fly_page_set_lsn(bytes, lsn);
}

static void write_map(const fly_pagefile *file, uint8_t *bytes, uint32_t map, uint64_t lsn)
{
    fly_page page = {bytes, file->page_size, AT_MAP_BITS, FLY_PAGE_SLOT};
    fly_page_init(page, map_page(file, map), FLY_PAGE_TYPE_MAP);
    fly_put_u32(bytes + AT_MAP_NUMBER, map);
    size_t words = pages_per_map(file) / 64;
    for (size_t i = 0; i < words; i++) {
        size_t word = (size_t)map * words + i;
        fly_put_u64(bytes + AT_MAP_BITS + i * 8, word < file->used_words ? file->used[word] : 0);
    }
    fly_page_set_lsn(bytes, lsn);
}

/* The bits of a word that stand for pages that there are. */
static uint64_t valid_bits(size_t word, uint32_t pages)
{
    uint64_t first = (uint64_t)word * 64;
    if (first >= pages) {
        return 0;
    }
    return pages - first >= 64 ? UINT64_MAX : ((uint64_t)1 << (pages - first)) - 1;
}

static fly_status load_map(fly_pagefile *file, uint8_t *bytes, uint32_t map, fly_err *err)
{
    uint32_t id = map_page(file, map);
    fly_status status =
        fly_file_read(file->file, (uint64_t)id * file->page_size, bytes, file->page_size, err);
    if (status == FLY_OK) {
        status = fly_page_verify(bytes, file->page_size, id, err);
    }
    if (status == FLY_OK &&
        (fly_page_kind(bytes) != FLY_PAGE_TYPE_MAP || fly_get_u32(bytes + AT_MAP_NUMBER) != map)) {
        status =
            fly_err_set(err, FLY_E_CORRUPT, "page %" PRIu32 " should be map %" PRIu32, id, map);
    }
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "could not load a map of \"%s\"", file->path);
    }
    uint32_t pages = fly_load_u32(&file->pages);
    size_t words = pages_per_map(file) / 64;
    for (size_t i = 0; i < words; i++) {
        size_t word = (size_t)map * words + i;
        uint64_t bits = fly_get_u64(bytes + AT_MAP_BITS + i * 8);
        uint64_t valid = valid_bits(word, pages);
        if ((bits & ~valid) != 0) {
            /* A checkpoint of more maps than a batch holds was interrupted: this one knows more
             * pages than the header, which comes last. */
            bits &= valid;
            file->map_dirty[map] = 1;
        }
        if (bits != 0) {
            file->used[word] = bits;
            file->used_pages += (uint32_t)__builtin_popcountll(bits);
        }
    }
    if (!bit_is_set(file, id) || !bit_is_set(file, 0)) {
        return fly_err_set(err, FLY_E_CORRUPT, "map %" PRIu32 " of \"%s\" gives itself away", map,
                           file->path);
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------- open and close */

static bool valid_page_size(uint32_t size)
{
    return size >= FLY_PAGE_SIZE_MIN && size <= FLY_PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

static fly_status accept_codec(fly_pagefile *file, const uint8_t *header, fly_err *err)
{
    uint32_t id = fly_get_u32(header + AT_CODEC);
    uint32_t reserve = fly_get_u32(header + AT_RESERVE);
    if (id == 0) {
        if (file->codec != NULL) {
            return fly_err_set(err, FLY_E_KEY, "\"%s\" is not encrypted, but a key was given",
                               file->path);
        }
        return FLY_OK;
    }
    if (file->codec == NULL) {
        return fly_err_set(err, FLY_E_KEY, "\"%s\" is encrypted, and no key was given", file->path);
    }
    if (file->codec->id != id || file->codec->reserve != reserve) {
        return fly_err_set(err, FLY_E_KEY,
                           "\"%s\" is encrypted by method %" PRIu32 " with %" PRIu32
                           " bytes in a page, not by %" PRIu32 " with %" PRIu32,
                           file->path, id, reserve, file->codec->id, file->codec->reserve);
    }
    memcpy(file->params, header + AT_PARAMS, sizeof file->params);
    fly_status status = file->codec->accept(file->codec, file->params, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "could not open \"%s\"", file->path);
    }
    return FLY_OK;
}

/* Read page 0 and learn what the file is. `bytes` has room for the largest page. */
static fly_status load_header(fly_pagefile *file, uint8_t *bytes, uint32_t wanted_size,
                              fly_err *err)
{
    size_t got = 0;
    fly_status status = fly_file_read_some(file->file, 0, bytes, FLY_PAGE_SIZE_MAX, &got, err);
    if (status != FLY_OK) {
        return status;
    }
    if (got < FLY_PAGE_SIZE_MIN || memcmp(bytes + AT_MAGIC, file_magic, sizeof file_magic) != 0) {
        return fly_err_set(err, FLY_E_FORMAT, "\"%s\" is not a FlyDB page file", file->path);
    }
    uint32_t version = fly_get_u32(bytes + AT_VERSION);
    if (version != FILE_VERSION) {
        return fly_err_set(err, FLY_E_FORMAT,
                           "\"%s\" has format version %" PRIu32 "; this program reads version %d",
                           file->path, version, FILE_VERSION);
    }
    uint32_t size = fly_get_u32(bytes + AT_PAGE_SIZE);
    if (!valid_page_size(size) || got < size) {
        return fly_err_set(err, FLY_E_CORRUPT, "\"%s\" says its page size is %" PRIu32, file->path,
                           size);
    }
    status = fly_page_verify(bytes, size, 0, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "header of \"%s\"", file->path);
    }
    if (wanted_size != 0 && wanted_size != size) {
        return fly_err_set(err, FLY_E_INVALID,
                           "\"%s\" has pages of %" PRIu32 " bytes, not %" PRIu32, file->path, size,
                           wanted_size);
    }
    file->page_size = size;
    memcpy(file->uuid, bytes + AT_UUID, sizeof file->uuid);
    file->created = fly_get_u64(bytes + AT_CREATED);
    file->checkpoint_lsn = fly_get_u64(bytes + AT_CHECKPOINT);
    memcpy(file->meta, bytes + AT_META, sizeof file->meta);
    uint32_t pages = fly_get_u32(bytes + AT_PAGES);
    if (pages < 2) {
        return fly_err_set(err, FLY_E_CORRUPT, "\"%s\" says it has %" PRIu32 " pages", file->path,
                           pages);
    }
    uint64_t bytes_on_disk = 0;
    status = fly_file_size(file->file, &bytes_on_disk, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t physical = bytes_on_disk / size;
    if (physical < pages) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "\"%s\" has room for %" PRIu64 " pages and should have %" PRIu32,
                           file->path, physical, pages);
    }
    file->physical = physical > FLY_PAGE_NONE ? FLY_PAGE_NONE : (uint32_t)physical;
    status = accept_codec(file, bytes, err);
    if (status != FLY_OK) {
        return status;
    }
    status = bits_reserve(file, pages, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_store_u32(&file->pages, pages);
    for (uint32_t map = 0; map <= map_of(file, pages - 1); map++) {
        status = load_map(file, bytes, map, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* Make the names in the directory of `path` durable. */
static fly_status sync_parent(const fly_pagefile *file, const char *path, fly_err *err)
{
    char parent[FLY_PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t len = slash == path ? 1 : (size_t)(slash - path);
        memcpy(parent, path, len);
        parent[len] = '\0';
    }
    return fly_vfs_sync_dir(file->env->vfs, parent, err);
}

/* Header and first map of a new file, as they lie on the disk. */
static fly_status fill_new_file(fly_pagefile *file, uint8_t *bytes, fly_err *err)
{
    fly_status status = file->env->random(file->env, file->uuid, sizeof file->uuid, err);
    if (status == FLY_OK && file->codec != NULL) {
        status = file->codec->describe(file->codec, file->params, err);
    }
    if (status == FLY_OK) {
        status = bits_reserve(file, 2, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    file->created = file->env->wall_time(file->env);
    fly_store_u32(&file->pages, 2);
    file->used[0] = 3;
    write_header(file, bytes, 0);
    fly_page_seal(bytes, file->page_size);
    write_map(file, bytes + file->page_size, 0, 0);
    fly_page_seal(bytes + file->page_size, file->page_size);
    file->used[0] = 0; /* it is loaded as any other file is */
    return FLY_OK;
}

/* Make a file of two pages under another name and give it its own when it is durable: a crash leaves
 * no file or a good one. Who else is making it holds the lock of the other name; if that was given
 * up because the file is there now, so is the file. */
static fly_status create_file(fly_pagefile *file, unsigned mode, uint8_t *bytes, fly_err *err)
{
    fly_vfs *vfs = file->env->vfs;
    char fresh[FLY_PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", file->path) >= (int)sizeof fresh) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "path \"%.64s…\" is too long", file->path);
    }
    fly_file *made = NULL;
    fly_status status = fly_file_open(vfs, fresh, mode | FLY_OPEN_CREATE, &made, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_file_lock(made, err);
    if (status != FLY_OK) {
        fly_file_abandon(made);
        return status;
    }
    if (fly_vfs_exists(vfs, file->path)) {
        status =
            fly_err_set(err, FLY_E_LOCKED, "\"%s\" was made by somebody else just now", file->path);
    }
    status = status == FLY_OK ? fill_new_file(file, bytes, err) : status;
    status = status == FLY_OK ? fly_file_truncate(made, 0, err) : status;
    if (status == FLY_OK) {
        status = fly_file_write(made, 0, bytes, 2 * (size_t)file->page_size, 0, err);
    }
    status = status == FLY_OK ? fly_file_sync(made, err) : status;
    status = status == FLY_OK ? fly_vfs_rename(vfs, fresh, file->path, err) : status;
    if (status != FLY_OK && fly_vfs_remove(vfs, fresh, NULL) != FLY_OK) {
        fly_log(file->env, FLY_LOG_WARNING, "could not remove the unfinished \"%s\"", fresh);
    }
    fly_file_abandon(made);
    return status;
}

static fly_status open_area(fly_pagefile *file, const char *area, unsigned mode, fly_err *err)
{
    if (file->read_only && !fly_vfs_exists(file->env->vfs, area)) {
        return FLY_OK;
    }
    mode |= file->read_only ? 0u : (unsigned)FLY_OPEN_CREATE;
    fly_status status = fly_file_open(file->env->vfs, area, mode, &file->area, err);
    if (status == FLY_OK && !file->read_only) {
        status = fly_file_lock(file->area, err);
    }
    return status;
}

static fly_status open_file(fly_pagefile *file, unsigned mode, fly_err *err)
{
    fly_status status = fly_file_open(file->env->vfs, file->path, mode, &file->file, err);
    if (status == FLY_OK && !file->read_only) {
        status = fly_file_lock(file->file, err);
    }
    return status;
}

/* File and area: there, locked if they are to be written, and durable by name. */
static fly_status open_both(fly_pagefile *file, const char *area,
                            const fly_pagefile_options *options, uint8_t *bytes, fly_err *err)
{
    unsigned mode = file->read_only ? 0u : (unsigned)FLY_OPEN_WRITE;
    mode |= options->buffered ? 0u : (unsigned)FLY_OPEN_DIRECT;
    fly_err why = {0}; /* the caller's is left alone if all goes well in the end */
    fly_status status = open_file(file, mode, &why);
    bool create = status == FLY_E_NOT_FOUND && options->create && !file->read_only;
    if (status != FLY_OK && !create) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    status = area != NULL ? open_area(file, area, mode, err) : FLY_OK;
    if (status == FLY_OK && create) {
        status = create_file(file, mode, bytes, err);
        status = status == FLY_OK ? open_file(file, mode, err) : status;
    }
    /* Each time, since nobody knows whether whoever made them came so far. */
    if (status == FLY_OK && !file->read_only) {
        status = sync_parent(file, file->path, err);
        if (status == FLY_OK && area != NULL) {
            status = sync_parent(file, area, err);
        }
    }
    return status;
}

fly_status fly_pagefile_open(fly_env *env, const char *path, const char *area,
                             const fly_pagefile_options *options, fly_pagefile **file, fly_err *err)
{
    if (options->page_size != 0 && !valid_page_size(options->page_size)) {
        return fly_err_set(err, FLY_E_INVALID,
                           "page size %" PRIu32 " is not a power of two from %d to %d",
                           options->page_size, FLY_PAGE_SIZE_MIN, FLY_PAGE_SIZE_MAX);
    }
    if (strlen(path) >= FLY_PATH_MAX || (area != NULL && strlen(area) >= FLY_PATH_MAX)) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "path \"%.64s…\" is too long",
                           strlen(path) >= FLY_PATH_MAX ? path : area);
    }
    fly_pagefile *opened = fly_mem_calloc(env->mem, 1, sizeof *opened);
    size_t scratch_size = 2 * FLY_PAGE_SIZE_MAX;
    uint8_t *scratch = fly_mem_alloc_aligned(env->mem, scratch_size, FLY_DIRECT_ALIGN);
    if (opened == NULL || scratch == NULL) {
        fly_mem_free(env->mem, opened, sizeof *opened);
        fly_mem_free(env->mem, scratch, scratch_size);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to open \"%s\"", path);
    }
    opened->env = env;
    opened->codec = options->codec;
    opened->read_only = options->read_only;
    opened->page_size = options->page_size != 0 ? options->page_size : FLY_PAGE_SIZE_DEFAULT;
    memcpy(opened->path, path, strlen(path) + 1);
    fly_mutex_init(&opened->write_mutex, "double-write area", RANK_AREA);
    fly_mutex_init(&opened->map_mutex, "page map", RANK_MAP);
    fly_cond_init(&opened->checkpointed);

    fly_status status = open_both(opened, area, options, scratch, err);
    if (status == FLY_OK && opened->area != NULL) {
        status = fly__pagefile_repair(env, opened->file, opened->area, options->read_only, err);
    }
    if (status == FLY_OK) {
        status = load_header(opened, scratch, options->page_size, err);
    }
    fly_mem_free(env->mem, scratch, scratch_size);
    if (status != FLY_OK) {
        opened->read_only = true; /* nothing to clear on the way out */
        fly_pagefile_close(opened);
        return status;
    }
    uint32_t reserve = opened->codec != NULL ? opened->codec->reserve : 0;
    FLY_ASSERT(reserve < opened->page_size / 4);
    opened->usable = opened->page_size - reserve;
    *file = opened;
    return FLY_OK;
}

void fly_pagefile_close(fly_pagefile *file)
{
    if (file == NULL) {
        return;
    }
    fly__pagefile_clear_area(file);
    fly_file_abandon(file->area);
    fly_file_abandon(file->file);
    fly_mutex_deinit(&file->map_mutex);
    fly_mutex_deinit(&file->write_mutex);
    fly_mem *mem = file->env->mem;
    fly_mem_free(mem, file->used, file->used_words * 8);
    fly_mem_free(mem, file->map_dirty, file->maps);
    fly_mem_free(mem, file, sizeof *file);
}

uint32_t fly_pagefile_page_size(const fly_pagefile *file)
{
    return file->page_size;
}

uint32_t fly_pagefile_usable(const fly_pagefile *file)
{
    return file->usable;
}

uint32_t fly_pagefile_pages(const fly_pagefile *file)
{
    return fly_load_u32(&file->pages);
}

const uint8_t *fly_pagefile_uuid(const fly_pagefile *file)
{
    return file->uuid;
}

const char *fly_pagefile_path(const fly_pagefile *file)
{
    return file->path;
}

/* -------------------------------------------------------------------------- reading */

fly_status fly_pagefile_accept(fly_pagefile *file, uint32_t id, uint8_t *bytes, fly_err *err)
{
    fly_status status = fly_page_verify(bytes, file->page_size, id, err);
    if (status == FLY_OK && file->codec != NULL && !fly_pagefile_is_own(file, id)) {
        status = file->codec->decode(file->codec, file->uuid, id, bytes, file->page_size, err);
    }
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "\"%s\"", file->path);
    }
    return FLY_OK;
}

fly_status fly_pagefile_read_raw(fly_pagefile *file, uint32_t id, uint8_t *bytes, fly_err *err)
{
    fly_status status =
        fly_file_read(file->file, (uint64_t)id * file->page_size, bytes, file->page_size, err);
    if (status == FLY_OK) {
        status = fly_page_verify(bytes, file->page_size, id, err);
    }
    return status == FLY_OK ? FLY_OK : fly_err_prefix(err, status, "\"%s\"", file->path);
}

fly_status fly_pagefile_read(fly_pagefile *file, uint32_t id, uint8_t *bytes, fly_err *err)
{
    fly_status status =
        fly_file_read(file->file, (uint64_t)id * file->page_size, bytes, file->page_size, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "page %" PRIu32, id);
    }
    return fly_pagefile_accept(file, id, bytes, err);
}

fly_status fly_pagefile_read_run(fly_pagefile *file, uint32_t first, uint8_t *const *frames,
                                 uint32_t count, fly_err *err)
{
    FLY_ASSERT(count <= FLY_IOVEC_MAX);
    fly_iovec parts[FLY_IOVEC_MAX];
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = (fly_iovec){frames[i], file->page_size};
    }
    fly_status status =
        fly_file_readv(file->file, (uint64_t)first * file->page_size, parts, (int)count, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "pages %" PRIu32 " to %" PRIu32, first,
                              first + count - 1);
    }
    return FLY_OK;
}

/* ----------------------------------------------------------------------- allocation */

/* How many of the `count` pages from `id` on are free, counted up to the first that is not. */
static uint32_t free_run(const fly_pagefile *file, uint32_t id, uint32_t count, uint32_t pages)
{
    uint32_t run = 0;
    while (run < count && id + run < pages && !bit_is_set(file, id + run)) {
        run++;
    }
    return run;
}

/* Look for a run in the words from `word` to `end` - 1. */
static bool find_run(const fly_pagefile *file, size_t word, size_t end, uint32_t count,
                     uint32_t pages, uint32_t *first)
{
    for (; word < end; word++) {
        uint64_t clear = ~file->used[word];
        while (clear != 0) {
            uint32_t id = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(clear);
            if (id >= pages) {
                return false;
            }
            uint32_t run = free_run(file, id, count, pages);
            if (run == count) {
                *first = id;
                return true;
            }
            if (id + run >= (word + 1) * 64) {
                break; /* it went on into the next words, which come up anyway */
            }
            clear &= UINT64_MAX << ((id + run) % 64);
        }
    }
    return false;
}

/* The end of the file: free pages there, if any, and as many new ones as are missing. */
static fly_status grow_for(fly_pagefile *file, uint32_t count, uint32_t *first, fly_err *err)
{
    uint32_t pages = fly_load_u32(&file->pages);
    uint32_t start = pages;
    while (start > 0 && pages - start < count && !bit_is_set(file, start - 1)) {
        start--;
    }
    for (;;) { /* a map page in the middle makes the run start behind it */
        if (start > FLY_PAGE_NONE - count) {
            return fly_err_set(err, FLY_E_TOO_LARGE, "\"%s\" has as many pages as there can be",
                               file->path);
        }
        uint32_t own = start;
        while (own < start + count && !fly_pagefile_is_own(file, own)) {
            own++;
        }
        if (own == start + count) {
            break;
        }
        start = own + 1;
    }
    fly_status status = extend(file, start + count, err);
    if (status == FLY_OK) {
        *first = start;
    }
    return status;
}

fly_status fly_pagefile_alloc(fly_pagefile *file, uint32_t near, uint32_t count, uint32_t *first,
                              fly_err *err)
{
    FLY_ASSERT(count > 0);
    if (file->read_only) {
        return fly_err_set(err, FLY_E_READ_ONLY, "\"%s\" was opened for reading", file->path);
    }
    if (count > pages_per_map(file) - 1) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "no %" PRIu32 " pages of \"%s\" are neighbours: a map lies between",
                           count, file->path);
    }
    fly_mutex_lock(&file->map_mutex);
    fly_status status = FLY_OK;
    uint32_t pages = fly_load_u32(&file->pages);
    uint32_t found = FLY_PAGE_NONE;
    size_t words = ((size_t)pages + 63) / 64;
    while (file->lowest_free < words && file->used[file->lowest_free] == UINT64_MAX) {
        file->lowest_free++;
    }
    if (near < pages && free_run(file, near + 1, count, pages) == count) {
        found = near + 1;
    } else if (!find_run(file, file->lowest_free, words, count, pages, &found)) {
        status = grow_for(file, count, &found, err);
    }
    if (status == FLY_OK) {
        for (uint32_t id = found; id < found + count; id++) {
            bit_change(file, id, true);
        }
        *first = found;
    }
    fly_mutex_unlock(&file->map_mutex);
    return status;
}

fly_status fly_pagefile_free(fly_pagefile *file, uint32_t first, uint32_t count, fly_err *err)
{
    fly_mutex_lock(&file->map_mutex);
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        if (!bit_is_set(file, first + i) || fly_pagefile_is_own(file, first + i)) {
            status = fly_err_set(
                err, FLY_E_CORRUPT, "page %" PRIu32 " of \"%s\" should be given back, but %s",
                first + i, file->path,
                bit_is_set(file, first + i) ? "belongs to the file itself" : "is not in use");
        }
    }
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        bit_change(file, first + i, false);
    }
    fly_mutex_unlock(&file->map_mutex);
    return status;
}

fly_status fly_pagefile_mark(fly_pagefile *file, uint32_t id, bool used, fly_err *err)
{
    if (fly_pagefile_is_own(file, id) || id == FLY_PAGE_NONE) {
        return fly_err_set(err, FLY_E_CORRUPT, "page %" PRIu32 " of \"%s\" cannot be given out", id,
                           file->path);
    }
    fly_mutex_lock(&file->map_mutex);
    fly_status status = FLY_OK;
    if (id >= fly_load_u32(&file->pages)) {
        status = extend(file, id + 1, err);
    }
    if (status == FLY_OK && bit_is_set(file, id) != used) {
        bit_change(file, id, used);
    }
    fly_mutex_unlock(&file->map_mutex);
    return status;
}

bool fly_pagefile_is_used(const fly_pagefile *file, uint32_t id)
{
    fly_pagefile *mutable_file = (fly_pagefile *)(uintptr_t)file; /* the mutex is not the content */
    fly_mutex_lock(&mutable_file->map_mutex);
    bool used = bit_is_set(file, id);
    fly_mutex_unlock(&mutable_file->map_mutex);
    return used;
}

uint32_t fly_pagefile_used(const fly_pagefile *file)
{
    fly_pagefile *mutable_file = (fly_pagefile *)(uintptr_t)file;
    fly_mutex_lock(&mutable_file->map_mutex);
    uint32_t used = file->used_pages;
    fly_mutex_unlock(&mutable_file->map_mutex);
    return used;
}

/* ---------------------------------------------------------------------- checkpoints */

const uint8_t *fly_pagefile_meta(const fly_pagefile *file)
{
    return file->meta;
}

void fly_pagefile_set_meta(fly_pagefile *file, const void *meta, size_t len)
{
    FLY_ASSERT(len <= FLY_PAGEFILE_META);
    fly_mutex_lock(&file->map_mutex);
    memset(file->meta, 0, sizeof file->meta);
    memcpy(file->meta, meta, len);
    fly_mutex_unlock(&file->map_mutex);
}

uint64_t fly_pagefile_checkpoint_lsn(const fly_pagefile *file)
{
    fly_pagefile *mutable_file = (fly_pagefile *)(uintptr_t)file;
    fly_mutex_lock(&mutable_file->map_mutex);
    uint64_t lsn = file->checkpoint_lsn;
    fly_mutex_unlock(&mutable_file->map_mutex);
    return lsn;
}

/* Pages of the file's own, copied to be written. */
struct own_pages {
    uint8_t *bytes;
    size_t size;
    uint32_t physical; /* of the file when it was copied */
    uint32_t count;
    uint32_t ids[]; /* the header comes last */
};

/* Copy the dirty maps and the header as they are now. map_mutex is held. */
static struct own_pages *copy_own_pages(fly_pagefile *file, uint64_t lsn)
{
    fly_mem *mem = file->env->mem;
    uint32_t maps = map_of(file, fly_load_u32(&file->pages) - 1) + 1;
    uint32_t dirty = 1;
    for (uint32_t map = 0; map < maps; map++) {
        dirty += file->map_dirty[map];
    }
    struct own_pages *copy = fly_mem_alloc(mem, sizeof *copy + dirty * sizeof copy->ids[0]);
    if (copy == NULL) {
        return NULL;
    }
    copy->size = (size_t)dirty * file->page_size;
    copy->bytes = fly_mem_alloc_aligned(mem, copy->size, FLY_DIRECT_ALIGN);
    if (copy->bytes == NULL) {
        fly_mem_free(mem, copy, sizeof *copy + dirty * sizeof copy->ids[0]);
        return NULL;
    }
    copy->physical = file->physical;
    copy->count = 0;
    for (uint32_t map = 0; map < maps; map++) {
        if (file->map_dirty[map] != 0) {
            write_map(file, copy->bytes + (size_t)copy->count * file->page_size, map, lsn);
            copy->ids[copy->count++] = map_page(file, map);
            file->map_dirty[map] = 0;
        }
    }
    write_header(file, copy->bytes + (size_t)copy->count * file->page_size, lsn);
    copy->ids[copy->count++] = 0;
    return copy;
}

static void free_own_pages(const fly_pagefile *file, struct own_pages *copy)
{
    fly_mem_free(file->env->mem, copy->bytes, copy->size);
    fly_mem_free(file->env->mem, copy, sizeof *copy + copy->count * sizeof copy->ids[0]);
}

/* A header must not survive a crash that the length it speaks of does not. */
static fly_status sync_length(fly_pagefile *file, uint32_t physical, fly_err *err)
{
    fly_mutex_lock(&file->map_mutex);
    bool synced = physical <= file->synced;
    fly_mutex_unlock(&file->map_mutex);
    if (synced || fly_load_u32(&file->failed) != 0) {
        return FLY_OK; /* or the batch will be refused */
    }
    fly_status status = fly_file_sync(file->file, err);
    if (status != FLY_OK) {
        fly_store_u32(&file->failed, 1);
        return status;
    }
    fly_mutex_lock(&file->map_mutex);
    file->synced = physical;
    fly_mutex_unlock(&file->map_mutex);
    return FLY_OK;
}

static fly_status write_own_pages(fly_pagefile *file, const struct own_pages *copy, fly_err *err)
{
    fly_page_batch *batch = NULL;
    uint32_t capacity = copy->count < FLY_PAGEFILE_BATCH_MAX ? copy->count
                                                             : (uint32_t)FLY_PAGEFILE_BATCH_MAX;
    fly_status status = fly_page_batch_create(file, capacity, &batch, err);
    for (uint32_t i = 0; i < copy->count && status == FLY_OK; i++) {
        const uint8_t *bytes = copy->bytes + (size_t)i * file->page_size;
        status = fly__page_batch_put(batch, copy->ids[i], bytes, true, err);
        if (status == FLY_OK && fly_page_batch_count(batch) == capacity) {
            status = fly_page_batch_write(batch, err);
        }
    }
    if (status == FLY_OK) {
        status = fly_page_batch_write(batch, err);
    }
    fly_page_batch_destroy(batch);
    return status;
}

/* A condition and not a mutex, since the owner's functions take what mutexes they like meanwhile. */
static void begin_checkpoint(fly_pagefile *file)
{
    fly_mutex_lock(&file->map_mutex);
    while (file->checkpointing) {
        fly_cond_wait(&file->checkpointed, &file->map_mutex);
    }
    file->checkpointing = true;
    fly_mutex_unlock(&file->map_mutex);
}

static void end_checkpoint(fly_pagefile *file, uint64_t lsn, struct own_pages *copy, bool written)
{
    fly_mutex_lock(&file->map_mutex);
    if (written) {
        file->checkpoint_lsn = lsn;
    } else if (copy != NULL) { /* these maps are dirty still */
        for (uint32_t i = 0; i + 1 < copy->count; i++) {
            file->map_dirty[map_of(file, copy->ids[i])] = 1;
        }
    }
    file->checkpointing = false;
    fly_cond_broadcast(&file->checkpointed);
    fly_mutex_unlock(&file->map_mutex);
    if (copy != NULL) {
        free_own_pages(file, copy);
    }
}

fly_status fly_pagefile_checkpoint(fly_pagefile *file, uint64_t lsn,
                                   const fly_pagefile_freeze *freeze, fly_err *err)
{
    if (file->read_only) {
        return fly_err_set(err, FLY_E_READ_ONLY, "\"%s\" was opened for reading", file->path);
    }
    begin_checkpoint(file);
    if (freeze != NULL) {
        freeze->begin(freeze->ctx);
    }
    fly_mutex_lock(&file->map_mutex);
    struct own_pages *copy = copy_own_pages(file, lsn);
    fly_mutex_unlock(&file->map_mutex);
    fly_status status = FLY_OK;
    if (freeze != NULL) {
        status = freeze->end(freeze->ctx, err);
    }
    if (copy == NULL) {
        status =
            fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a checkpoint of \"%s\"", file->path);
    }
    if (status == FLY_OK) {
        status = sync_length(file, copy->physical, err);
        status = status == FLY_OK ? write_own_pages(file, copy, err) : status;
    }
    end_checkpoint(file, lsn, copy, status == FLY_OK);
    return status;
}

/* Forget the free pages at the end, and the maps that only they needed. */
static uint32_t forget_tail(fly_pagefile *file)
{
    uint32_t pages = fly_load_u32(&file->pages);
    uint32_t kept = pages;
    while (kept > 2 && (!bit_is_set(file, kept - 1) || fly_pagefile_is_own(file, kept - 1))) {
        kept--;
    }
    for (uint32_t id = kept; id < pages; id++) {
        if (bit_is_set(file, id)) {
            bit_change(file, id, false);
        }
    }
    fly_store_u32(&file->pages, kept);
    return kept;
}

fly_status fly_pagefile_shrink(fly_pagefile *file, fly_err *err)
{
    if (file->read_only) {
        return fly_err_set(err, FLY_E_READ_ONLY, "\"%s\" was opened for reading", file->path);
    }
    fly_mutex_lock(&file->map_mutex);
    uint32_t kept = forget_tail(file);
    bool shorter = kept < file->physical;
    fly_mutex_unlock(&file->map_mutex);
    if (!shorter) {
        return FLY_OK;
    }
    /* First a header that no longer counts the tail, then the cut, if nobody has grown the file
     * again in between. */
    fly_status status = fly_pagefile_checkpoint(file, fly_pagefile_checkpoint_lsn(file), NULL, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_mutex_lock(&file->map_mutex);
    if (fly_load_u32(&file->pages) == kept) {
        status = fly_file_truncate(file->file, (uint64_t)kept * file->page_size, err);
        if (status == FLY_OK) {
            file->physical = kept;
            file->synced = file->synced < kept ? file->synced : kept;
        }
    }
    fly_mutex_unlock(&file->map_mutex);
    return status;
}

/* -------------------------------------------------------------------------- checking */

static fly_status broken(const fly_pagefile *file, fly_err *err, const char *what, uint64_t where)
{
    return fly_err_set(err, FLY_E_CORRUPT, "\"%s\": %s (%" PRIu64 ")", file->path, what, where);
}

/* F3, for one map that is said to be on the disk as it is here. */
static fly_status check_clean_map(const fly_pagefile *file, uint32_t map, uint8_t *bytes,
                                  fly_err *err)
{
    uint32_t id = map_page(file, map);
    fly_status status =
        fly_file_read(file->file, (uint64_t)id * file->page_size, bytes, file->page_size, err);
    if (status == FLY_OK) {
        status = fly_page_verify(bytes, file->page_size, id, err);
    }
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "\"%s\"", file->path);
    }
    size_t words = pages_per_map(file) / 64;
    for (size_t i = 0; i < words; i++) {
        size_t word = (size_t)map * words + i;
        uint64_t here = word < file->used_words ? file->used[word] : 0;
        if (fly_get_u64(bytes + AT_MAP_BITS + i * 8) != here) {
            return broken(file, err, "F3: a changed map is not known to be", map);
        }
    }
    return FLY_OK;
}

static fly_status check_maps(const fly_pagefile *file, uint8_t *bytes, fly_err *err)
{
    uint32_t pages = fly_load_u32(&file->pages);
    for (uint32_t map = 0; map <= map_of(file, pages - 1); map++) {
        if (!bit_is_set(file, map_page(file, map))) {
            return broken(file, err, "F1: a map is not in use", map);
        }
        if (file->map_dirty[map] == 0) {
            fly_status status = check_clean_map(file, map, bytes, err);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    return bit_is_set(file, 0) ? FLY_OK : broken(file, err, "F1: the header is not in use", 0);
}

static fly_status check_bits(const fly_pagefile *file, fly_err *err)
{
    uint32_t pages = fly_load_u32(&file->pages);
    uint32_t used = 0;
    for (size_t word = 0; word < file->used_words; word++) {
        uint64_t valid = valid_bits(word, pages);
        if ((file->used[word] & ~valid) != 0) {
            return broken(file, err, "F1: a page beyond the end is in use", word * 64);
        }
        if (word < file->lowest_free && (~file->used[word] & valid) != 0) {
            return broken(file, err, "F5: a free page lies below the lowest", word * 64);
        }
        used += (uint32_t)__builtin_popcountll(file->used[word]);
    }
    if (used != file->used_pages) {
        return broken(file, err, "F2: pages in use are miscounted", file->used_pages);
    }
    return pages <= file->physical ? FLY_OK
                                   : broken(file, err, "F4: a page has no disk space", pages);
}

fly_status fly_pagefile_check(fly_pagefile *file, fly_err *err)
{
    uint8_t *bytes = fly_mem_alloc_aligned(file->env->mem, file->page_size, FLY_DIRECT_ALIGN);
    if (bytes == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to check \"%s\"", file->path);
    }
    begin_checkpoint(file); /* while one is written the disk is older than we think */
    fly_mutex_lock(&file->map_mutex);
    fly_status status = check_bits(file, err);
    if (status == FLY_OK) {
        status = check_maps(file, bytes, err);
    }
    file->checkpointing = false;
    fly_cond_broadcast(&file->checkpointed);
    fly_mutex_unlock(&file->map_mutex);
    fly_mem_free(file->env->mem, bytes, file->page_size);
    return status;
}
