/*
 * Redo: what a log record did, done again on the pages that do not have it yet.
 *
 * A page has a record's change if its LSN is not older than the record's. Since pages are written at
 * any time, some of a record's pages may have it and others not; each action is for one page, so
 * each is decided by itself. A page that a record makes as a whole is not read.
 *
 * A page may also be unreadable: it was never written after it was made, or has been given back and
 * cut off the file since. Whether anybody still needs it shows only at the end of the log, so the
 * caller is told and keeps book: `missing` when a change could not be applied, and again when the
 * page was made anew or given back, with `gone` set.
 */
#include "btree_int.h"

#include <inttypes.h>

/* What redo works with. */
struct redo {
    fly_bufpool *pool;
    uint64_t lsn;
    uint32_t usable;
    void (*missing)(void *ctx, uint32_t page, bool gone);
    void *ctx;
};

static void tell(const struct redo *redo, uint32_t page, bool gone)
{
    if (redo->missing != NULL) {
        redo->missing(redo->ctx, page, gone);
    }
}

/* Take a page that is to be changed. FLY_E_NOT_FOUND: leave it, it has the change or is missing. */
static fly_status fix(const struct redo *redo, uint32_t page, bool whole, fly_pageref *ref,
                      fly_err *err)
{
    fly_pagefile *file = fly_bufpool_file(redo->pool);
    fly_status status = fly_pagefile_mark(file, page, true, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_bufpool_fix_exclusive(redo->pool, page, ref, err);
    if (status == FLY_E_CORRUPT && whole) {
        status = fly_bufpool_fix_new(redo->pool, page, ref, err);
    } else if (status == FLY_E_CORRUPT && redo->missing != NULL) {
        tell(redo, page, false);
        return FLY_E_NOT_FOUND;
    }
    if (status != FLY_OK) {
        return status;
    }
    if (whole) {
        tell(redo, page, true);
    }
    if (fly_page_lsn(ref->bytes) >= redo->lsn) {
        fly_bufpool_unfix_unchanged(ref);
        return FLY_E_NOT_FOUND;
    }
    if (whole) { /* from an earlier life */
        memset(ref->bytes, 0, fly_pagefile_page_size(file));
        fly_put_u32(ref->bytes, page);
    }
    if (!fly_bufpool_is_dirty(redo->pool, ref)) {
        fly_bufpool_dirty(redo->pool, ref, redo->lsn);
    }
    return FLY_OK;
}

static void done(const struct redo *redo, const fly_pageref *ref)
{
    fly_page_set_lsn(ref->bytes, redo->lsn);
    fly_bufpool_unfix_exclusive(ref);
}

static fly_status unreadable(uint8_t type, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "a tree's log record of type %u cannot be read",
                       (unsigned)type);
}

/* ------------------------------------------------------------------- taking apart */

static fly_status decode_entry(uint8_t type, fly_bytes body, fly_btree_logged *logged, fly_err *err)
{
    struct input in = {body.data, body.len, false};
    logged->tree = fly__btree_in_u32(&in);
    logged->page = fly__btree_in_u32(&in);
    logged->blob = (fly__btree_in_u8(&in) & ENTRY_FLAG_BLOB) != 0;
    logged->key = fly__btree_in_bytes(&in, fly__btree_in_u16(&in));
    logged->value = fly_bytes_of(in.at, in.left);
    return in.bad ? unreadable(type, err) : FLY_OK;
}

void fly_btree_log_subject(uint8_t type, const fly_bytes *pieces, int count, uint32_t *tree,
                           uint32_t *page)
{
    *tree = fly_get_u32(pieces[0].data);
    if (type == FLY_BTREE_LOG_NODES) {
        FLY_ASSERT(count > 1);
        *page = fly_get_u32(pieces[1].data + 1); /* behind the action's type */
    } else {
        *page = fly_get_u32(pieces[0].data + 4);
    }
}

fly_status fly_btree_log_decode(uint8_t type, fly_bytes body, fly_btree_logged *logged,
                                fly_err *err)
{
    *logged = (fly_btree_logged){0};
    struct input in = {body.data, body.len, false};
    switch (type) {
    case FLY_BTREE_LOG_PUT:
    case FLY_BTREE_LOG_REMOVE:
        return decode_entry(type, body, logged, err);
    case FLY_BTREE_LOG_NODES:
        logged->tree = fly__btree_in_u32(&in);
        (void)fly__btree_in_u8(&in);
        logged->page = fly__btree_in_u32(&in);
        return in.bad ? unreadable(type, err) : FLY_OK;
    case FLY_BTREE_LOG_BLOB:
    case FLY_BTREE_LOG_LOAD:
    case FLY_BTREE_LOG_LOADED:
        logged->tree = fly__btree_in_u32(&in);
        logged->page = fly__btree_in_u32(&in);
        return in.bad ? unreadable(type, err) : FLY_OK;
    default:
        return unreadable(type, err);
    }
}

fly_status fly_btree_log_freed(fly_bytes body, void (*each)(void *ctx, uint32_t page), void *ctx,
                               fly_err *err)
{
    struct input in = {body.data, body.len, false};
    (void)fly__btree_in_u32(&in);
    while (in.left > 0) {
        uint32_t type = fly__btree_in_u8(&in);
        uint32_t page = fly__btree_in_u32(&in);
        (void)fly__btree_in_bytes(&in, fly__btree_in_u32(&in));
        if (in.bad) {
            return unreadable(FLY_BTREE_LOG_NODES, err);
        }
        if (type == ACTION_FREE) {
            each(ctx, page);
        }
    }
    return FLY_OK;
}

/* --------------------------------------------------------------------------- redoing */

static fly_status redo_entry(const struct redo *redo, uint8_t type, fly_bytes body, fly_err *err)
{
    fly_btree_logged logged = {0};
    fly_pageref ref;
    fly_status status = decode_entry(type, body, &logged, err);
    if (status == FLY_OK) {
        status = fix(redo, logged.page, false, &ref, err);
    }
    if (status != FLY_OK) {
        return status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    fly_page page = node_view(ref.bytes, redo->usable);
    uint32_t pos = 0;
    bool found = false;
    bool fits = fly_page_kind(ref.bytes) == FLY_BTREE_PAGE_LEAF &&
                node_tree(ref.bytes) == logged.tree &&
                fly__btree_node_covers(ref.bytes, redo->usable, logged.key) &&
                fly__btree_node_search(ref.bytes, redo->usable, logged.key, &pos, &found) &&
                logged.key.len <= fly_btree_key_max_of(redo->usable) &&
                logged.value.len <= (redo->usable - ENTRIES_AT) / 4 &&
                (!logged.blob || logged.value.len >= FLY_BTREE_BLOB_REF);
    if (fits && type == FLY_BTREE_LOG_PUT) {
        uint8_t *to =
            found ? fly__btree_node_resize(page, pos, logged.value.len, logged.blob)
                  : fly__btree_node_open(page, pos, logged.key, logged.value.len, logged.blob);
        fits = to != NULL;
        if (fits && logged.value.len > 0) {
            memcpy(to, logged.value.data, logged.value.len);
        }
    } else if (fits) {
        fits = found;
        if (fits) {
            node_remove(page, pos);
        }
    }
    if (!fits) {
        fly_bufpool_unfix_exclusive(&ref);
        return fly_err_set(err, FLY_E_CORRUPT,
                           "page %" PRIu32 " of tree %" PRIu32
                           " is not what it was when log record %" PRIu64 " was written",
                           logged.page, logged.tree, redo->lsn);
    }
    done(redo, &ref);
    return FLY_OK;
}

static fly_status redo_action(const struct redo *redo, uint8_t type, uint32_t page, fly_bytes body,
                              fly_err *err)
{
    fly_pageref ref;
    fly_pagefile *file = fly_bufpool_file(redo->pool);
    if (type == ACTION_ALLOC) {
        return fly_pagefile_mark(file, page, true, err);
    }
    if (type == ACTION_FREE) {
        tell(redo, page, true);
        return fly_pagefile_mark(file, page, false, err);
    }
    bool whole = type == ACTION_IMAGE;
    fly_status status = fix(redo, page, whole, &ref, err);
    if (status != FLY_OK) {
        return status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    fly_bytes first = body;
    fly_bytes second = fly_bytes_of(NULL, 0);
    if (whole) { /* the two parts lie one behind the other */
        uint32_t lower = body.len >= ENTRIES_AT ? fly_get_u16(body.data + 8) : UINT32_MAX;
        if (lower > body.len) {
            fly_bufpool_unfix_exclusive(&ref);
            return unreadable(FLY_BTREE_LOG_NODES, err);
        }
        first = fly_bytes_of(body.data, lower);
        second = fly_bytes_of(body.data + lower, body.len - lower);
    }
    status = fly__btree_apply(node_view(ref.bytes, redo->usable), type, first, second, err);
    if (status == FLY_OK) {
        status = fly_btree_check_page(NULL, page, ref.bytes, redo->usable, err);
    }
    if (status != FLY_OK) {
        fly_bufpool_unfix_exclusive(&ref);
        return status;
    }
    done(redo, &ref);
    return FLY_OK;
}

static fly_status redo_nodes(const struct redo *redo, fly_bytes body, fly_err *err)
{
    struct input in = {body.data, body.len, false};
    (void)fly__btree_in_u32(&in);
    while (in.left > 0) {
        uint32_t type = fly__btree_in_u8(&in);
        uint32_t page = fly__btree_in_u32(&in);
        fly_bytes action = fly__btree_in_bytes(&in, fly__btree_in_u32(&in));
        if (in.bad || type == 0 || type > ACTION_MAX) {
            return unreadable(FLY_BTREE_LOG_NODES, err);
        }
        fly_status status = redo_action(redo, (uint8_t)type, page, action, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* LOAD and LOADED: u32 tree, u32 page, image. */
static fly_status redo_load(const struct redo *redo, uint8_t type, fly_bytes body, fly_err *err)
{
    struct input in = {body.data, body.len, false};
    (void)fly__btree_in_u32(&in);
    uint32_t page = fly__btree_in_u32(&in);
    if (in.bad) {
        return unreadable(type, err);
    }
    return redo_action(redo, ACTION_IMAGE, page, fly_bytes_of(in.at, in.left), err);
}

static fly_status redo_blob(const struct redo *redo, fly_bytes body, fly_err *err)
{
    struct input in = {body.data, body.len, false};
    fly_pageref ref;
    uint32_t tree = fly__btree_in_u32(&in);
    uint32_t page = fly__btree_in_u32(&in);
    uint32_t next = fly__btree_in_u32(&in);
    if (in.bad || in.left > redo->usable - BLOB_AT_DATA) {
        return unreadable(FLY_BTREE_LOG_BLOB, err);
    }
    fly_status status = fix(redo, page, true, &ref, err);
    if (status != FLY_OK) {
        return status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    fly_bytes data = fly_bytes_of(in.at, in.left);
    fly__btree_fill_blob(ref.bytes, page, tree, next, &data, in.left > 0 ? 1 : 0, redo->lsn);
    done(redo, &ref);
    return FLY_OK;
}

fly_status fly_btree_redo(fly_bufpool *pool, uint8_t type, fly_bytes body, uint64_t lsn,
                          void (*missing)(void *ctx, uint32_t page, bool gone), void *ctx,
                          fly_err *err)
{
    struct redo redo = {.pool = pool,
                        .lsn = lsn,
                        .usable = fly_pagefile_usable(fly_bufpool_file(pool)),
                        .missing = missing,
                        .ctx = ctx};
    switch (type) {
    case FLY_BTREE_LOG_PUT:
    case FLY_BTREE_LOG_REMOVE:
        return redo_entry(&redo, type, body, err);
    case FLY_BTREE_LOG_NODES:
        return redo_nodes(&redo, body, err);
    case FLY_BTREE_LOG_BLOB:
        return redo_blob(&redo, body, err);
    case FLY_BTREE_LOG_LOAD:
    case FLY_BTREE_LOG_LOADED:
        return redo_load(&redo, type, body, err);
    default:
        return unreadable(type, err);
    }
}
