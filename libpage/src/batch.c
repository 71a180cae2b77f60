/*
 * Batches and the double-write area.
 *
 *     area:   | header block | page | page | …            one durable write
 *     file:   … | page | … | page | page | …              then each in its place, then a sync
 *
 * The header block: magic, version, page size, file UUID, sequence, count, then number and checksum
 * of each page, and its own checksum over all of that. So a header and its pages belong together or
 * not at all, whichever parts of an interrupted write reached the disk.
 *
 *     B1  while a page of a batch may be torn in its place, the area holds the batch whole
 *     B2  the area is not written before the last batch is durable in its places
 *
 * Repairing: a whole batch is written to its places again, which changes nothing if it was there
 * already, since by B2 nothing newer can be. A batch that is not whole is ignored: by B1 no page
 * was touched for it.
 *
 * What is not here: which pages to write when (libbufpool), and which may be written (log first).
 */
#include <fly/base_bytes.h>
#include <fly/base_hash.h>

#include <inttypes.h>
#include <string.h>

#include "pagefile_int.h"

static const uint8_t area_magic[8] = {'F', 'l', 'y', 'D', 'B', ' ', 'd', 'w'};

enum {
    AREA_VERSION = 1,
    AT_VERSION = 8,
    AT_PAGE_SIZE = 12,
    AT_UUID = 16,
    AT_SEQUENCE = 32,
    AT_COUNT = 40,
    AT_CRC = 44,
    AT_ENTRIES = 48,
    ENTRY = 8, /* number, checksum */
    AT_PAGE_CRC = 20
};

_Static_assert(AT_ENTRIES + ENTRY * FLY_PAGEFILE_BATCH_MAX <= FLY__AREA_HEADER, "header fits");

static uint32_t header_checksum(const uint8_t *header, uint32_t count)
{
    uint32_t crc = fly_crc32c(0, header, AT_CRC);
    return fly_crc32c(crc, header + AT_ENTRIES, (size_t)count * ENTRY);
}

/* ------------------------------------------------------------------------ filling */

static size_t buffer_size(const fly_pagefile *file, uint32_t capacity)
{
    return FLY__AREA_HEADER + (size_t)capacity * file->page_size;
}

static uint8_t *page_in(const fly_page_batch *batch, uint32_t i)
{
    return batch->buffer + FLY__AREA_HEADER + (size_t)i * batch->file->page_size;
}

/* Let the area have room for the largest batch there is, so that writing one cannot run out. */
static fly_status reserve_area(fly_pagefile *file, size_t size, fly_err *err)
{
    if (file->area == NULL || file->read_only) {
        return FLY_OK;
    }
    fly_mutex_lock(&file->write_mutex);
    fly_status status = FLY_OK;
    if (size > file->area_room) {
        status = fly_file_allocate(file->area, 0, size, err);
        if (status == FLY_OK) {
            /* The length has to be durable too: a durable write need not see to it, since it does
             * not change it. */
            status = fly_file_sync(file->area, err);
            if (status != FLY_OK) {
                fly_store_u32(&file->failed, 1);
            }
        }
        if (status == FLY_OK) {
            file->area_room = size;
        }
    }
    fly_mutex_unlock(&file->write_mutex);
    return status;
}

fly_status fly_page_batch_create(fly_pagefile *file, uint32_t capacity, fly_page_batch **batch,
                                 fly_err *err)
{
    FLY_ASSERT(capacity > 0);
    FLY_ASSERT(capacity <= FLY_PAGEFILE_BATCH_MAX);
    fly_status status = reserve_area(file, buffer_size(file, capacity), err);
    if (status != FLY_OK) {
        return status;
    }
    fly_page_batch *made = fly_mem_alloc(file->env->mem, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a batch of pages");
    }
    *made = (fly_page_batch){.file = file, .capacity = capacity};
    made->buffer =
        fly_mem_alloc_aligned(file->env->mem, buffer_size(file, capacity), FLY_DIRECT_ALIGN);
    if (made->buffer == NULL) {
        fly_mem_free(file->env->mem, made, sizeof *made);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a batch of %" PRIu32 " pages",
                           capacity);
    }
    *batch = made;
    return FLY_OK;
}

void fly_page_batch_destroy(fly_page_batch *batch)
{
    if (batch != NULL) {
        fly_mem *mem = batch->file->env->mem;
        fly_mem_free(mem, batch->buffer, buffer_size(batch->file, batch->capacity));
        fly_mem_free(mem, batch, sizeof *batch);
    }
}

void fly_page_batch_clear(fly_page_batch *batch)
{
    batch->count = 0;
}

uint32_t fly_page_batch_count(const fly_page_batch *batch)
{
    return batch->count;
}

fly_status fly__page_batch_put(fly_page_batch *batch, uint32_t id, const uint8_t *bytes, bool own,
                               fly_err *err)
{
    fly_pagefile *file = batch->file;
    if (batch->count == batch->capacity) {
        return FLY_E_FULL;
    }
    uint8_t *to = page_in(batch, batch->count);
    if (file->codec != NULL && !own) {
        fly_status status =
            file->codec->encode(file->codec, file->uuid, id, bytes, to, file->page_size, err);
        if (status != FLY_OK) {
            return status;
        }
    } else {
        memcpy(to, bytes, file->page_size);
    }
    fly_page_seal(to, file->page_size);
    batch->ids[batch->count++] = id;
    return FLY_OK;
}

fly_status fly_page_batch_add(fly_page_batch *batch, uint32_t id, const uint8_t *bytes,
                              fly_err *err)
{
    FLY_ASSERT(fly_page_id(bytes) == id);
    FLY_ASSERT(!fly_pagefile_is_own(batch->file, id));
    return fly__page_batch_put(batch, id, bytes, false, err);
}

/* ------------------------------------------------------------------------ writing */

static void fill_header(fly_page_batch *batch)
{
    fly_pagefile *file = batch->file;
    uint8_t *header = batch->buffer;
    memset(header, 0, FLY__AREA_HEADER);
    memcpy(header, area_magic, sizeof area_magic);
    fly_put_u32(header + AT_VERSION, AREA_VERSION);
    fly_put_u32(header + AT_PAGE_SIZE, file->page_size);
    memcpy(header + AT_UUID, file->uuid, sizeof file->uuid);
    fly_put_u64(header + AT_SEQUENCE, ++file->sequence);
    fly_put_u32(header + AT_COUNT, batch->count);
    for (uint32_t i = 0; i < batch->count; i++) {
        uint8_t *entry = header + AT_ENTRIES + (size_t)i * ENTRY;
        fly_put_u32(entry, batch->ids[i]);
        memcpy(entry + 4, page_in(batch, i) + AT_PAGE_CRC, 4);
    }
    fly_put_u32(header + AT_CRC, header_checksum(header, batch->count));
}

/* Write pages to their places, neighbours with one write, and make them durable. */
static fly_status write_in_place(fly_file *file, uint32_t page_size, const uint8_t *pages,
                                 const uint32_t *ids, uint32_t count, fly_err *err)
{
    for (uint32_t i = 0; i < count;) {
        uint32_t run = 1;
        while (i + run < count && ids[i + run] == ids[i] + run) {
            run++;
        }
        fly_status status = fly_file_write(file, (uint64_t)ids[i] * page_size,
                                           pages + (size_t)i * page_size, (size_t)run * page_size,
                                           0, err);
        if (status != FLY_OK) {
            return status;
        }
        i += run;
    }
    return fly_file_sync_data(file, err);
}

fly_status fly_page_batch_write(fly_page_batch *batch, fly_err *err)
{
    fly_pagefile *file = batch->file;
    FLY_ASSERT(!file->read_only);
    if (batch->count == 0) {
        return FLY_OK;
    }
    fly_mutex_lock(&file->write_mutex);
    fly_status status = FLY_OK;
    if (fly_load_u32(&file->failed) != 0) {
        status = fly_err_set(err, FLY_E_STOPPED,
                             "\"%s\" takes no more writes since one failed: reopen it to repair",
                             file->path);
        goto out;
    }
    if (file->area != NULL) {
        fill_header(batch);
        status = fly_file_write(file->area, 0, batch->buffer, buffer_size(file, batch->count),
                                FLY_WRITE_DURABLE, err);
        if (status == FLY_E_NO_SPACE) {
            goto out; /* no page was touched, and room may come back */
        }
    }
    if (status == FLY_OK) {
        status = write_in_place(file->file, file->page_size, page_in(batch, 0), batch->ids,
                                batch->count, err);
    }
    if (status != FLY_OK) {
        fly_store_u32(&file->failed, 1);
    }
out:
    fly_mutex_unlock(&file->write_mutex);
    batch->count = 0;
    return status;
}

void fly__pagefile_clear_area(fly_pagefile *file)
{
    /* Who opens the file with its area does not depend on it: a batch that is repeated changes
     * nothing. Who works without the area for a while, or puts an older copy of the file in its
     * place, does. */
    if (file->area == NULL || file->read_only || fly_load_u32(&file->failed) != 0) {
        return;
    }
    uint8_t *zeros = fly_mem_alloc_aligned(file->env->mem, FLY__AREA_HEADER, FLY_DIRECT_ALIGN);
    if (zeros != NULL) {
        memset(zeros, 0, FLY__AREA_HEADER);
        if (fly_file_write(file->area, 0, zeros, FLY__AREA_HEADER, FLY_WRITE_DURABLE, NULL) !=
            FLY_OK) {
            fly_log(file->env, FLY_LOG_DEBUG, "could not clear the double-write area of \"%s\"",
                    file->path);
        }
        fly_mem_free(file->env->mem, zeros, FLY__AREA_HEADER);
    }
}

/* ---------------------------------------------------------------------- repairing */

/* Whether the header block names a batch whose pages could be in the area. */
static bool plausible(const uint8_t *header, uint32_t *page_size, uint32_t *count)
{
    *page_size = fly_get_u32(header + AT_PAGE_SIZE);
    *count = fly_get_u32(header + AT_COUNT);
    return memcmp(header, area_magic, sizeof area_magic) == 0 &&
           fly_get_u32(header + AT_VERSION) == AREA_VERSION && *count > 0 &&
           *count <= FLY_PAGEFILE_BATCH_MAX && *page_size >= FLY_PAGE_SIZE_MIN &&
           *page_size <= FLY_PAGE_SIZE_MAX && (*page_size & (*page_size - 1)) == 0 &&
           fly_get_u32(header + AT_CRC) == header_checksum(header, *count);
}

/* Whether page `i` is the one that was put there with this header. */
static bool whole(const uint8_t *header, const uint8_t *page, uint32_t page_size, uint32_t i)
{
    const uint8_t *entry = header + AT_ENTRIES + (size_t)i * ENTRY;
    return memcmp(entry + 4, page + AT_PAGE_CRC, 4) == 0 &&
           fly_page_verify(page, page_size, fly_get_u32(entry), NULL) == FLY_OK;
}

/* The file's header page says whose it is. It may be torn, but not within its first sector, where
 * the UUID lies. */
static bool same_file(const uint8_t *header, fly_file *file, uint8_t *scratch, uint32_t page_size)
{
    size_t got = 0;
    return fly_file_read_some(file, 0, scratch, page_size, &got, NULL) == FLY_OK &&
           got == page_size && memcmp(scratch + 40, header + AT_UUID, 16) == 0;
}

/* Count the pages of the batch that are not in their places. */
static fly_status missing(fly_file *file, const uint8_t *pages, const uint32_t *ids, uint32_t count,
                          uint8_t *scratch, uint32_t page_size, uint32_t *left, fly_err *err)
{
    *left = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t got = 0;
        fly_status status =
            fly_file_read_some(file, (uint64_t)ids[i] * page_size, scratch, page_size, &got, err);
        if (status != FLY_OK) {
            return status;
        }
        *left += got < page_size || memcmp(scratch, pages + (size_t)i * page_size, page_size) != 0;
    }
    return FLY_OK;
}

fly_status fly__pagefile_repair(fly_env *env, fly_file *file, fly_file *area, bool read_only,
                                fly_err *err)
{
    size_t size = 0;
    uint8_t *header = fly_mem_alloc_aligned(env->mem, FLY__AREA_HEADER, FLY_DIRECT_ALIGN);
    uint8_t *pages = NULL;
    if (header == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to look at \"%s\"", area->path);
    }
    uint32_t page_size = 0;
    uint32_t count = 0;
    size_t got = 0;
    fly_status status = fly_file_read_some(area, 0, header, FLY__AREA_HEADER, &got, err);
    if (status != FLY_OK || got < FLY__AREA_HEADER || !plausible(header, &page_size, &count)) {
        goto out;
    }
    size = (size_t)(count + 1) * page_size; /* and one to compare with */
    pages = fly_mem_alloc_aligned(env->mem, size, FLY_DIRECT_ALIGN);
    if (pages == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory to repair \"%s\"", file->path);
        goto out;
    }
    size_t all = (size_t)count * page_size;
    uint8_t *scratch = pages + all;
    status = fly_file_read_some(area, FLY__AREA_HEADER, pages, all, &got, err);
    if (status != FLY_OK || got < all || !same_file(header, file, scratch, page_size)) {
        goto out;
    }
    uint32_t ids[FLY_PAGEFILE_BATCH_MAX];
    for (uint32_t i = 0; i < count; i++) {
        if (!whole(header, pages + (size_t)i * page_size, page_size, i)) {
            goto out;
        }
        ids[i] = fly_get_u32(header + AT_ENTRIES + (size_t)i * ENTRY);
    }
    uint32_t left = 0;
    status = missing(file, pages, ids, count, scratch, page_size, &left, err);
    if (status != FLY_OK || (read_only && left == 0)) {
        goto out;
    }
    if (read_only) {
        status = fly_err_set(err, FLY_E_READ_ONLY,
                             "\"%s\" was not closed cleanly and %" PRIu32
                             " pages must be repaired first: open it for writing",
                             file->path, left);
        goto out;
    }
    if (left > 0) {
        fly_log(env, FLY_LOG_INFO, "repairing %" PRIu32 " pages of \"%s\" from \"%s\"", left,
                file->path, area->path);
    }
    /* Everything once more, the area first: what reads as it should may not be durable, if the
     * process died before a sync, or a sync failed. */
    status = fly_file_write(area, FLY__AREA_HEADER, pages, all, FLY_WRITE_DURABLE, err);
    if (status == FLY_OK) {
        status = fly_file_write(area, 0, header, FLY__AREA_HEADER, FLY_WRITE_DURABLE, err);
    }
    if (status == FLY_OK) {
        status = write_in_place(file, page_size, pages, ids, count, err);
    }
out:
    fly_mem_free(env->mem, pages, size);
    fly_mem_free(env->mem, header, FLY__AREA_HEADER);
    return status;
}
