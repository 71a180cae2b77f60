/* What the tests of page files share: a file called "data" with an area called "area" in a simulated
 * world, pages whose bytes tell number and version, and cutting scripts short. */
#ifndef PAGEFILE_HELP_H
#define PAGEFILE_HELP_H

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>
#include <fly/page_file.h>

#include <stdlib.h>
#include <string.h>

#define DATA "data"
#define AREA "area"

enum { DATA_KIND = 16 };

/* A block of memory that direct reads and writes accept. */
static inline uint8_t *new_block(size_t size)
{
    uint8_t *block = aligned_alloc(FLY_DIRECT_ALIGN, size);
    ck_assert(block != NULL);
    return block;
}

/* Fill in page `id`: every 8 bytes of it tell number, version and place. */
static inline void fill_page(uint8_t *bytes, uint32_t size, uint32_t id, uint32_t version)
{
    for (uint32_t at = 0; at + 8 <= size; at += 8) {
        fly_put_u64(bytes + at, ((uint64_t)id << 40 | (uint64_t)version << 16 | at / 8) ^ 0x5555);
    }
    memset(bytes, 0, FLY_PAGE_HEADER);
    fly_put_u32(bytes, id);
    bytes[4] = DATA_KIND;
    fly_page_set_lsn(bytes, version);
}

/* Whether these bytes, as they were read, are that page in that version. */
static inline bool is_page(const uint8_t *bytes, uint32_t size, uint32_t id, uint32_t version)
{
    static uint8_t wanted[FLY_PAGE_SIZE_MAX];
    fill_page(wanted, size, id, version);
    return memcmp(bytes, wanted, 20) == 0 && /* not the checksum */
           memcmp(bytes + FLY_PAGE_HEADER, wanted + FLY_PAGE_HEADER, size - FLY_PAGE_HEADER) == 0;
}

static inline fly_status try_open(fly_sim_env *world, const fly_pagefile_options *options,
                                  fly_pagefile **file, fly_err *err)
{
    return fly_pagefile_open(&world->env, DATA, AREA, options, file, err);
}

/* Open the file, which must work; create it if it is not there. */
static inline fly_pagefile *open_file(fly_sim_env *world, uint32_t page_size)
{
    fly_pagefile *file = NULL;
    fly_err err = {0};
    fly_pagefile_options options = {.page_size = page_size, .create = true};
    FLY_CHECK_OK(try_open(world, &options, &file, &err), err);
    return file;
}

/* Put a version of some pages into a batch; `usable` bytes of each. */
static inline fly_status add_pages(fly_page_batch *batch, const fly_pagefile *file,
                                   const uint32_t *ids, uint32_t count, uint32_t version,
                                   fly_err *err)
{
    uint32_t size = fly_pagefile_page_size(file);
    uint8_t *bytes = new_block(size);
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        memset(bytes, 0, size);
        fill_page(bytes, fly_pagefile_usable(file), ids[i], version);
        status = fly_page_batch_add(batch, ids[i], bytes, err);
    }
    free(bytes);
    return status;
}

/* Write a version of some pages in one batch of their own. */
static inline fly_status write_pages(fly_pagefile *file, const uint32_t *ids, uint32_t count,
                                     uint32_t version, fly_err *err)
{
    fly_page_batch *batch = NULL;
    fly_status status = fly_page_batch_create(file, count, &batch, err);
    if (status == FLY_OK) {
        status = add_pages(batch, file, ids, count, version, err);
    }
    if (status == FLY_OK) {
        status = fly_page_batch_write(batch, err);
    }
    fly_page_batch_destroy(batch);
    return status;
}

/* Read a page and learn its version. */
static inline fly_status read_version(fly_pagefile *file, uint32_t id, uint32_t *version,
                                      fly_err *err)
{
    uint8_t *bytes = new_block(fly_pagefile_page_size(file));
    fly_status status = fly_pagefile_read(file, id, bytes, err);
    if (status == FLY_OK) {
        *version = (uint32_t)fly_page_lsn(bytes);
        ck_assert(is_page(bytes, fly_pagefile_usable(file), id, *version));
    }
    free(bytes);
    return status;
}

/* The page must be readable, and of this version. */
static inline void check_version(fly_pagefile *file, uint32_t id, uint32_t version)
{
    uint32_t found = 0;
    fly_err err = {0};
    FLY_CHECK_OK(read_version(file, id, &found, &err), err);
    ck_assert_msg(found == version, "page %u is of version %u, not %u", id, found, version);
}

/* -------------------------------------------------------------- files with large holes */

/* The world's disk reserves what is allocated, block for block. For files of gigabytes with little
 * in them, make it a file system that only remembers the length. One world in a process at a time. */
static int (*sparse_inner_open)(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file);
static fly_file_ops sparse_ops;

static inline int sparse_allocate(fly_file *file, uint64_t offset, uint64_t len)
{
    int64_t size = file->ops->size(file);
    if (size < 0) {
        return (int)size;
    }
    return offset + len > (uint64_t)size ? file->ops->truncate(file, offset + len) : 0;
}

static inline int sparse_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    int result = sparse_inner_open(vfs, path, flags, file);
    if (result == 0) {
        sparse_ops = *(*file)->ops;
        sparse_ops.allocate = sparse_allocate;
        (*file)->ops = &sparse_ops;
    }
    return result;
}

static inline void make_sparse(fly_sim_env *world)
{
    sparse_inner_open = world->env.vfs->open;
    world->env.vfs->open = sparse_open;
}

#endif
