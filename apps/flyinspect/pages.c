/*
 * Finding the page size, reading the maps, judging pages.
 */
#include "pages.h"

#include <fly/btree.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* docs/formats/pagefile.md */
enum {
    AT_MAGIC = 24,
    AT_PAGE_SIZE = 36,
    AT_CODEC = 56,
    AT_PAGES = 128,
    AT_MAP_BITS = 32,
    AT_TREE = 24 /* docs/formats/btree.md: in every page of a tree */
};

static const char magic[] = "FlyDB pg";

enum { GUESS_PAGES = 256 }; /* looked at for each page size that is tried */

static bool is_zero(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* ------------------------------------------------------------------- reading a page */

/* Read as much of a page as there is; the rest is zero. */
static fly_status read_page(inspect_pages *pages, uint32_t id, fly_err *err)
{
    size_t got = 0;
    fly_status status = fly_file_read_some(pages->file, inspect_pages_offset(pages, id),
                                           pages->bytes, pages->page_size, &got, err);
    if (status != FLY_OK) {
        got = 0;
    }
    memset(pages->bytes + got, 0, pages->page_size - got);
    return status;
}

inspect_state inspect_pages_read(inspect_pages *pages, uint32_t id, fly_err *why)
{
    if (read_page(pages, id, why) != FLY_OK) {
        return INSPECT_DAMAGED;
    }
    if (is_zero(pages->bytes, pages->page_size)) {
        return INSPECT_EMPTY;
    }
    if (fly_page_verify(pages->bytes, pages->page_size, id, why) != FLY_OK ||
        fly_btree_check_page(NULL, id, pages->bytes, pages->page_size, why) != FLY_OK) {
        return INSPECT_DAMAGED;
    }
    return INSPECT_FINE;
}

void inspect_pages_describe(const inspect_pages *pages, char *text, size_t size)
{
    uint32_t tree = fly_get_u32(pages->bytes + AT_TREE);
    switch (fly_page_kind(pages->bytes)) {
    case FLY_PAGE_TYPE_HEADER:
        (void)snprintf(text, size, "header of the file");
        break;
    case FLY_PAGE_TYPE_MAP:
        (void)snprintf(text, size, "allocation map");
        break;
    case FLY_BTREE_PAGE_LEAF:
        (void)snprintf(text, size, "leaf of tree %" PRIu32, tree);
        break;
    case FLY_BTREE_PAGE_INNER:
        (void)snprintf(text, size, "inner node of tree %" PRIu32, tree);
        break;
    case FLY_BTREE_PAGE_BLOB:
        (void)snprintf(text, size, "part of a long value of tree %" PRIu32, tree);
        break;
    default:
        (void)snprintf(text, size, "of unknown type %u", fly_page_kind(pages->bytes));
        break;
    }
}

/* ------------------------------------------------------------------- the page size */

static bool valid_page_size(uint32_t size)
{
    return size >= FLY_PAGE_SIZE_MIN && size <= FLY_PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

/* How many of the first pages, and of the last, are whole if pages are so large. */
static uint32_t fitting(inspect_pages *pages, uint32_t size)
{
    pages->page_size = size;
    uint64_t there = pages->file_size / size;
    uint32_t fit = 0;
    for (uint64_t id = 0; id < there && id < GUESS_PAGES; id++) {
        if (read_page(pages, (uint32_t)id, NULL) == FLY_OK &&
            fly_page_verify(pages->bytes, size, (uint32_t)id, NULL) == FLY_OK) {
            fit++;
        }
    }
    return fit;
}

static fly_status find_page_size(inspect_pages *pages, fly_err *err)
{
    size_t got = 0;
    fly_status status =
        fly_file_read_some(pages->file, 0, pages->bytes, FLY_PAGE_SIZE_MAX, &got, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t size = got >= FLY_PAGE_SIZE_MIN ? fly_get_u32(pages->bytes + AT_PAGE_SIZE) : 0;
    if (valid_page_size(size) && got >= size &&
        memcmp(pages->bytes + AT_MAGIC, magic, sizeof magic - 1) == 0 &&
        fly_page_verify(pages->bytes, size, 0, NULL) == FLY_OK) {
        pages->page_size = size;
        pages->promised = fly_get_u32(pages->bytes + AT_PAGES);
        if (fly_get_u32(pages->bytes + AT_CODEC) != 0) {
            return fly_err_set(err, FLY_E_KEY, "\"%s\" is encrypted, and flyinspect has no keys",
                               pages->file->path);
        }
        return FLY_OK;
    }
    pages->guessed = true;
    uint32_t best = 0;
    uint32_t best_fit = 0;
    for (size = FLY_PAGE_SIZE_MIN; size <= FLY_PAGE_SIZE_MAX; size *= 2) {
        uint32_t fit = fitting(pages, size);
        if (fit > best_fit) {
            best = size;
            best_fit = fit;
        }
    }
    pages->page_size = best;
    if (best == 0) {
        return fly_err_set(err, FLY_E_FORMAT,
                           "\"%s\" has no valid header, and no page in it is whole",
                           pages->file->path);
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------- the maps */

/* A map has a bit for each page, and lies where the pages of its part begin; the first behind the
 * header. */
static void read_maps(inspect_pages *pages)
{
    uint32_t per_map = (pages->page_size - AT_MAP_BITS) * 8;
    memset(pages->used, INSPECT_UNKNOWN, pages->count);
    pages->maps_whole = true;
    for (uint64_t first = 0; first < pages->count; first += per_map) {
        uint32_t id = first == 0 ? 1 : (uint32_t)first;
        fly_err why;
        if (inspect_pages_read(pages, id, &why) != INSPECT_FINE ||
            fly_page_kind(pages->bytes) != FLY_PAGE_TYPE_MAP) {
            pages->maps_whole = false;
            continue;
        }
        for (uint64_t i = 0; i < per_map && first + i < pages->count; i++) {
            bool used = (pages->bytes[AT_MAP_BITS + i / 8] >> (i % 8) & 1) != 0;
            pages->used[first + i] = used ? INSPECT_USED : INSPECT_FREE;
        }
    }
    pages->used[0] = INSPECT_USED;
    if (pages->count > 1) {
        pages->used[1] = INSPECT_USED;
    }
}

/* -------------------------------------------------------------------- open and close */

fly_status inspect_pages_open(inspect_pages *pages, fly_vfs *vfs, fly_mem *mem, const char *path,
                              fly_err *err)
{
    *pages = (inspect_pages){.mem = mem};
    fly_status status = fly_file_open(vfs, path, 0, &pages->file, err);
    if (status == FLY_OK) {
        status = fly_file_size(pages->file, &pages->file_size, err);
    }
    if (status == FLY_OK) {
        pages->bytes = fly_mem_alloc_aligned(mem, FLY_PAGE_SIZE_MAX, FLY_DIRECT_ALIGN);
        status = pages->bytes != NULL
                     ? find_page_size(pages, err)
                     : fly_err_set(err, FLY_E_NO_MEMORY, "no memory to look at \"%s\"", path);
    }
    if (status == FLY_OK) {
        uint64_t count = (pages->file_size + pages->page_size - 1) / pages->page_size;
        pages->count = count < FLY_PAGE_NONE ? (uint32_t)count : FLY_PAGE_NONE;
        pages->used = fly_mem_alloc(mem, pages->count);
        if (pages->used != NULL) {
            read_maps(pages);
        } else {
            status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory to look at \"%s\"", path);
        }
    }
    if (status != FLY_OK) {
        inspect_pages_close(pages);
    }
    return status;
}

void inspect_pages_distrust_maps(inspect_pages *pages)
{
    memset(pages->used, INSPECT_UNKNOWN, pages->count);
    pages->maps_whole = false;
}

void inspect_pages_close(inspect_pages *pages)
{
    fly_file_abandon(pages->file);
    if (pages->mem != NULL) {
        fly_mem_free(pages->mem, pages->bytes, FLY_PAGE_SIZE_MAX);
        fly_mem_free(pages->mem, pages->used, pages->count);
    }
    *pages = (inspect_pages){.file = NULL};
}
