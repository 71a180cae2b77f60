/*
 * Blobs: values of their own pages, linked forwards.
 *
 *     reference          page                 page
 *     u64 length    ┌──> header              header
 *     u32 first ────┘    u32 next ─────────> u32 next = none
 *                        u32 bytes here      u32 bytes here
 *                        data                data
 *
 * A blob is written from its last page to its first, so that every page that exists points to one
 * that exists. Each page is one log record, which whoever undoes it answers by freeing the page.
 * Written blobs never change; a new value is a new blob. All pages of a blob are freed by one record,
 * so that none is ever half freed.
 */
#include "btree_int.h"

#include <inttypes.h>

static uint32_t page_capacity(const fly_btree *tree)
{
    return tree->usable - BLOB_AT_DATA;
}

uint64_t fly_btree_blob_len(const uint8_t ref[FLY_BTREE_BLOB_REF])
{
    return fly_get_u64(ref);
}

uint32_t fly_btree_blob_page(const uint8_t ref[FLY_BTREE_BLOB_REF])
{
    return fly_get_u32(ref + 8);
}

/* ------------------------------------------------------------------------- writing */

/* The bytes from `offset` on, `len` of them, as pieces of the pieces. */
static int cut_pieces(const fly_bytes *pieces, int count, uint64_t offset, size_t len,
                      fly_bytes *out)
{
    int made = 0;
    for (int i = 0; i < count && len > 0; i++) {
        if (offset >= pieces[i].len) {
            offset -= pieces[i].len;
            continue;
        }
        size_t here = pieces[i].len - (size_t)offset;
        here = here < len ? here : len;
        out[made++] = fly_bytes_of(pieces[i].data + offset, here);
        len -= here;
        offset = 0;
    }
    return made;
}

enum { PIECES_MAX = 8 };

static fly_status make_page(fly_btree *tree, const fly_bytes *pieces, int count, uint32_t near,
                            uint32_t next, void *op, uint32_t *page, fly_err *err)
{
    fly_pageref ref;
    fly_status status = fly__btree_new_page(tree, near, &ref, err);
    if (status != FLY_OK) {
        return status;
    }
    uint8_t header[BLOB_BODY_HEADER];
    fly_put_u32(header, tree->id);
    fly_put_u32(header + 4, ref.page);
    fly_put_u32(header + 8, next);
    fly_bytes logged[1 + PIECES_MAX];
    logged[0] = fly_bytes_of(header, sizeof header);
    memcpy(logged + 1, pieces, (size_t)count * sizeof *pieces);
    const fly_pageref *pages = &ref;
    uint64_t lsn;
    status = fly__btree_log(tree, op, FLY_BTREE_LOG_BLOB, logged, count + 1, &pages, 1, &lsn, err);
    if (status != FLY_OK) {
        fly__btree_unmake_page(tree, &ref);
        return status;
    }
    fly__btree_fill_blob(ref.bytes, ref.page, tree->id, next, pieces, count, lsn);
    fly_bufpool_unfix_exclusive(&ref);
    *page = ref.page;
    return FLY_OK;
}

static fly_status write_page(fly_btree *tree, const fly_bytes *pieces, int count, uint32_t near,
                             uint32_t next, void *op, uint32_t *page, fly_err *err)
{
    fly__btree_begin_structure(tree);
    fly_status status = make_page(tree, pieces, count, near, next, op, page, err);
    fly__btree_end_structure(tree);
    return status;
}

void fly__btree_fill_blob(uint8_t *bytes, uint32_t page, uint32_t tree, uint32_t next,
                          const fly_bytes *pieces, int count, uint64_t lsn)
{
    uint32_t len = 0;
    fly_put_u32(bytes, page);
    bytes[4] = FLY_BTREE_PAGE_BLOB;
    fly_put_u32(bytes + AT_TREE, tree);
    fly__btree_set_lsn(bytes, lsn);
    for (int i = 0; i < count; i++) {
        memcpy(bytes + BLOB_AT_DATA + len, pieces[i].data, pieces[i].len);
        len += (uint32_t)pieces[i].len;
    }
    fly_put_u32(bytes + BLOB_AT_NEXT, next);
    fly_put_u32(bytes + BLOB_AT_LEN, len);
}

fly_status fly_btree_blob_write(fly_btree *tree, const fly_bytes *pieces, int count, void *op,
                                uint8_t ref[FLY_BTREE_BLOB_REF], fly_err *err)
{
    FLY_ASSERT(count <= PIECES_MAX);
    uint64_t len = 0;
    for (int i = 0; i < count; i++) {
        len += pieces[i].len;
    }
    if (len > fly_btree_value_max(tree)) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a value of %" PRIu64 " bytes is longer than the limit of %" PRIu64, len,
                           fly_btree_value_max(tree));
    }
    uint32_t capacity = page_capacity(tree);
    uint64_t pages = len / capacity + (len % capacity != 0 || len == 0 ? 1 : 0);
    uint32_t next = FLY_PAGE_NONE;
    for (uint64_t i = pages; i > 0; i--) {
        uint64_t offset = (i - 1) * capacity;
        size_t here = len - offset < capacity ? (size_t)(len - offset) : capacity;
        fly_bytes part[PIECES_MAX];
        int parts = cut_pieces(pieces, count, offset, here, part);
        uint32_t page = 0;
        fly_status status = write_page(tree, part, parts, tree->root, next, op, &page, err);
        if (status != FLY_OK) {
            /* With an `op` each page that was logged is undone by whoever keeps that log. */
            if (op == NULL && next != FLY_PAGE_NONE) {
                uint8_t rest[FLY_BTREE_BLOB_REF];
                fly_put_u64(rest, len - i * capacity);
                fly_put_u32(rest + 8, next);
                if (fly_btree_blob_free(tree, rest, NULL) != FLY_OK) {
                    fly_log(tree->env, FLY_LOG_WARNING,
                            "tree %" PRIu32 ": pages of an unfinished value stay in use", tree->id);
                }
            }
            return status;
        }
        next = page;
    }
    fly_put_u64(ref, len);
    fly_put_u32(ref + 8, next);
    return FLY_OK;
}

/* ------------------------------------------------------------------------- reading */

/* Take a page of a blob shared, and learn what it holds. */
static fly_status fix_blob(fly_btree *tree, uint32_t page, fly_pageref *ref, uint32_t *len,
                           uint32_t *next, fly_err *err)
{
    fly_status status = fly_bufpool_fix_shared(tree->pool, page, ref, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "a long value of tree %" PRIu32, tree->id);
    }
    *len = fly_get_u32(ref->bytes + BLOB_AT_LEN);
    *next = fly_get_u32(ref->bytes + BLOB_AT_NEXT);
    if (fly_page_kind(ref->bytes) != FLY_BTREE_PAGE_BLOB || node_tree(ref->bytes) != tree->id ||
        *len > page_capacity(tree)) {
        fly_bufpool_unfix_shared(ref);
        return fly__btree_damaged(tree, page, "is not a page of a long value", err);
    }
    return FLY_OK;
}

fly_status fly_btree_blob_read(fly_btree *tree, const uint8_t ref[FLY_BTREE_BLOB_REF],
                               uint64_t offset, void *buffer, size_t len, fly_err *err)
{
    uint8_t *to = buffer;
    uint32_t page = fly_btree_blob_page(ref);
    uint64_t at = 0; /* of the page's first byte, in the blob */
    while (len > 0) {
        if (page == FLY_PAGE_NONE) {
            return fly_err_set(err, FLY_E_CORRUPT,
                               "a long value of tree %" PRIu32 " ends after %" PRIu64 " of %" PRIu64
                               " bytes",
                               tree->id, at, fly_btree_blob_len(ref));
        }
        fly_pageref fixed;
        uint32_t here = 0;
        uint32_t next = FLY_PAGE_NONE;
        fly_status status = fix_blob(tree, page, &fixed, &here, &next, err);
        if (status != FLY_OK) {
            return status;
        }
        if (offset < at + here) {
            uint32_t skip = (uint32_t)(offset - at);
            size_t part = here - skip < len ? here - skip : len;
            memcpy(to, fixed.bytes + BLOB_AT_DATA + skip, part);
            to += part;
            len -= part;
            offset += part;
        }
        fly_bufpool_unfix_shared(&fixed);
        if (here == 0 && len > 0) { /* only an empty blob has an empty page: a circle of them never
                                       ends */
            return fly__btree_damaged(tree, page, "is an empty page of a long value", err);
        }
        at += here;
        page = next;
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------- freeing */

/* The pages of a blob, in order, and a record that frees them. */
struct chain {
    uint32_t *pages;
    uint8_t *record;
    size_t count;
    size_t room;
};

static void chain_release(fly_btree *tree, struct chain *chain)
{
    fly_mem_free(tree->env->mem, chain->pages, chain->room * sizeof *chain->pages);
    fly_mem_free(tree->env->mem, chain->record, RECORD_HEADER + chain->room * ACTION_HEADER);
}

/* Follow the chain from its first page. */
static fly_status chain_walk(fly_btree *tree, const uint8_t *ref, struct chain *chain, fly_err *err)
{
    fly_mem *mem = tree->env->mem;
    uint64_t len = fly_btree_blob_len(ref);
    if (len > fly_btree_value_max(tree)) {
        return fly__btree_damaged(tree, fly_btree_blob_page(ref), "begins an impossible value",
                                  err);
    }
    chain->room = (size_t)(len / page_capacity(tree)) + 1;
    chain->pages = fly_mem_calloc(mem, chain->room, sizeof *chain->pages);
    chain->record = fly_mem_alloc(mem, RECORD_HEADER + chain->room * ACTION_HEADER);
    if (chain->pages == NULL || chain->record == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to free a long value");
    }
    uint32_t page = fly_btree_blob_page(ref);
    while (page != FLY_PAGE_NONE) {
        fly_pageref fixed;
        uint32_t here = 0;
        uint32_t next = FLY_PAGE_NONE;
        if (chain->count == chain->room || !fly_pagefile_is_used(tree->file, page)) {
            return fly__btree_damaged(tree, page, "is not a page of a long value", err);
        }
        fly_status status = fix_blob(tree, page, &fixed, &here, &next, err);
        if (status != FLY_OK) {
            return status;
        }
        fly_bufpool_unfix_shared(&fixed);
        chain->pages[chain->count++] = page;
        page = next;
    }
    return FLY_OK;
}

static fly_status chain_free(fly_btree *tree, struct chain *chain, fly_err *err)
{
    fly_put_u32(chain->record, tree->id);
    for (size_t i = 0; i < chain->count; i++) {
        uint8_t *action = chain->record + RECORD_HEADER + i * ACTION_HEADER;
        action[0] = ACTION_FREE;
        fly_put_u32(action + 1, chain->pages[i]);
        fly_put_u32(action + 5, 0);
    }
    fly_bytes record = fly_bytes_of(chain->record, RECORD_HEADER + chain->count * ACTION_HEADER);
    uint64_t lsn;
    fly_status status =
        fly__btree_log(tree, NULL, FLY_BTREE_LOG_NODES, &record, 1, NULL, 0, &lsn, err);
    for (size_t i = 0; i < chain->count && status == FLY_OK; i++) {
        fly_pageref ref;
        status = fly_bufpool_fix_exclusive(tree->pool, chain->pages[i], &ref, err);
        if (status == FLY_OK) {
            fly__btree_free_page(tree, &ref);
        }
    }
    return status;
}

fly_status fly_btree_blob_free(fly_btree *tree, const uint8_t ref[FLY_BTREE_BLOB_REF], fly_err *err)
{
    struct chain chain = {0};
    fly__btree_begin_structure(tree);
    fly_status status = chain_walk(tree, ref, &chain, err);
    if (status == FLY_OK) {
        status = chain_free(tree, &chain, err);
    }
    fly__btree_end_structure(tree);
    chain_release(tree, &chain);
    return status;
}

fly_status fly__btree_blob_drop(fly_btree *tree, const uint8_t *ref, fly_err *err)
{
    uint32_t page = fly_btree_blob_page(ref);
    fly_pageref fixed;
    if (!fly_pagefile_is_used(tree->file, page)) {
        return FLY_OK;
    }
    fly_status status = fly_bufpool_fix_shared(tree->pool, page, &fixed, err);
    if (status != FLY_OK) {
        return status;
    }
    bool ours = fly_page_kind(fixed.bytes) == FLY_BTREE_PAGE_BLOB &&
                node_tree(fixed.bytes) == tree->id;
    fly_bufpool_unfix_shared(&fixed);
    return ours ? fly_btree_blob_free(tree, ref, err) : FLY_OK;
}

fly_status fly_btree_unmake(fly_btree *tree, uint32_t page, void *op, fly_err *err)
{
    fly_pageref ref;
    fly__btree_begin_structure(tree);
    fly_status status = fly_bufpool_fix_exclusive(tree->pool, page, &ref, err);
    if (status == FLY_OK) {
        status = fly__btree_log_and_free(tree, op, &ref, err);
    }
    fly__btree_end_structure(tree);
    return status;
}
