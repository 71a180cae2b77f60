/*
 * Cursors: libbtree's cursor, and of each entry the version that the transaction sees. Entries of
 * which it sees none are passed over.
 *
 * While a cursor is open its transaction's snapshot stays what it is, under read committed too: the
 * snapshot is what keeps the old versions that the cursor may come to.
 */
#include "txn_int.h"

#include <string.h>

struct fly_cursor {
    fly_txn *txn;
    fly_tree *tree;
    fly_btree_cursor *cursor;
    struct version version; /* where it is */
    uint8_t *room;          /* for a version that is not in the leaf */
    uint32_t range;         /* what a serializable transaction has read by it */
};

static void leave(fly_txn *txn)
{
    txn->cursors--;
    fly__txn_leave(txn);
}

fly_status fly_cursor_open(fly_txn *txn, fly_tree *tree, fly_cursor **cursor, fly_err *err)
{
    fly_status status = fly__txn_usable(txn, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_mem *mem = txn->store->env->mem;
    fly_cursor *opened = fly_mem_calloc(mem, 1, sizeof *opened);
    uint8_t *room = fly_mem_alloc(mem, txn->store->entry_room);
    if (opened == NULL || room == NULL) {
        fly_mem_free(mem, opened, sizeof *opened);
        fly_mem_free(mem, room, txn->store->entry_room);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a cursor");
    }
    opened->txn = txn;
    opened->tree = tree;
    opened->room = room;
    status = fly_btree_cursor_create(tree->btree, &opened->cursor, err);
    if (status != FLY_OK) {
        fly_mem_free(mem, room, txn->store->entry_room);
        fly_mem_free(mem, opened, sizeof *opened);
        return status;
    }
    txn->cursors++;
    fly__txn_enter(txn);
    *cursor = opened;
    return FLY_OK;
}

void fly_cursor_close(fly_cursor *cursor)
{
    if (cursor != NULL) {
        fly_txn *txn = cursor->txn;
        fly_mem *mem = txn->store->env->mem;
        fly_btree_cursor_destroy(cursor->cursor);
        fly_mem_free(mem, cursor->room, txn->store->entry_room);
        fly_mem_free(mem, cursor, sizeof *cursor);
        leave(txn);
    }
}

/* Under read committed a seek sees what is committed now, unless another cursor is open too. */
static fly_status begin(fly_cursor *cursor, fly_bytes from, bool at_end, fly_err *err)
{
    fly_txn *txn = cursor->txn;
    fly_status status = fly__txn_usable(txn, err);
    if (status != FLY_OK) {
        return status;
    }
    if (txn->isolation == FLY_ISOLATION_READ_COMMITTED && !txn->in_statement && txn->cursors == 1) {
        fly__txn_forget_snapshot(txn);
    }
    fly__txn_enter(txn);
    status = fly__txn_tree_usable(txn, cursor->tree, false, err);
    if (status == FLY_OK && txn->reads != NULL) {
        status = fly__txn_begin_range(txn, cursor->tree, from, at_end, &cursor->range, err);
    }
    return status;
}

/* What the transaction sees of the entry where the cursor is: FLY_E_NOT_FOUND, nothing. */
static inline fly_status see(fly_cursor *cursor, fly_err *err)
{
    fly_btree_entry entry = fly_btree_cursor_entry(cursor->cursor);
    struct version newest;
    if (FLY_UNLIKELY(!parse_value(entry.value, &newest))) {
        return fly__txn_damaged_entry(cursor->tree, err);
    }
    return fly__txn_resolve(cursor->txn, newest, cursor->room, &cursor->version, err);
}

/* Note how far a serializable transaction has read. `end`: to the end of the tree. */
static fly_status note(fly_cursor *cursor, bool upwards, bool end, fly_err *err)
{
    if (FLY_LIKELY(cursor->txn->reads == NULL)) {
        return FLY_OK;
    }
    fly_bytes key = end ? fly_bytes_of(NULL, 0) : fly_btree_cursor_key(cursor->cursor);
    return fly__txn_extend_range(cursor->txn, cursor->range, key, upwards, end, err);
}

/* Having come to an entry, or to the end, with `status`: go on until one is seen. */
static inline fly_status settle(fly_cursor *cursor, fly_status status, bool upwards, fly_err *err)
{
    while (status == FLY_OK) {
        status = see(cursor, err);
        if (FLY_LIKELY(status != FLY_E_NOT_FOUND)) {
            break;
        }
        status = upwards ? fly_btree_cursor_next(cursor->cursor, err)
                         : fly_btree_cursor_previous(cursor->cursor, err);
    }
    if (status == FLY_OK || status == FLY_E_END) {
        fly_status noted = note(cursor, upwards, status == FLY_E_END, err);
        status = noted != FLY_OK ? noted : status;
    }
    if (FLY_UNLIKELY(is_given_up(cursor->txn))) {
        status = fly__txn_too_old(cursor->txn, err);
    }
    return status;
}

fly_status fly_cursor_seek(fly_cursor *cursor, fly_bytes key, fly_err *err)
{
    fly_status status = begin(cursor, key, false, err);
    if (status != FLY_OK) {
        return status;
    }
    return settle(cursor, fly_btree_cursor_seek(cursor->cursor, key, err), true, err);
}

fly_status fly_cursor_seek_before(fly_cursor *cursor, fly_bytes key, bool or_equal, fly_err *err)
{
    fly_status status = begin(cursor, key, false, err);
    if (status != FLY_OK) {
        return status;
    }
    return settle(cursor, fly_btree_cursor_seek_before(cursor->cursor, key, or_equal, err), false,
                  err);
}

fly_status fly_cursor_first(fly_cursor *cursor, fly_err *err)
{
    fly_bytes lowest = fly_bytes_of(NULL, 0);
    fly_status status = begin(cursor, lowest, false, err);
    if (status != FLY_OK) {
        return status;
    }
    return settle(cursor, fly_btree_cursor_first(cursor->cursor, err), true, err);
}

fly_status fly_cursor_last(fly_cursor *cursor, fly_err *err)
{
    fly_status status = begin(cursor, fly_bytes_of(NULL, 0), true, err);
    if (status != FLY_OK) {
        return status;
    }
    return settle(cursor, fly_btree_cursor_last(cursor->cursor, err), false, err);
}

fly_status fly_cursor_next(fly_cursor *cursor, fly_err *err)
{
    return settle(cursor, fly_btree_cursor_next(cursor->cursor, err), true, err);
}

uint32_t fly_cursor_next_values(fly_cursor *cursor, fly_bytes end, fly_bytes *values, uint32_t room)
{
    enum { LOOK = 64 };
    const fly_txn *txn = cursor->txn;
    fly_btree_entry entries[LOOK];
    struct version version;
    uint32_t given = 0;
    uint32_t steps = 0; /* to the last one that was given */
    if (txn->reads != NULL) {
        return 0;
    }
    uint32_t n = fly_btree_cursor_look(cursor->cursor, end, entries, room < LOOK ? room : LOOK);
    for (uint32_t i = 0; i < n; i++) {
        if (!parse_value(entries[i].value, &version) || stamp_id(version.stamp) >= txn->view.low ||
            (version.flags & VALUE_BLOB) != 0) {
            break;
        }
        if ((version.flags & VALUE_GHOST) == 0) {
            cursor->version = version;
            values[given++] = version.payload;
            steps = i + 1;
        }
    }
    /* Of a snapshot that was given up meanwhile nothing can be believed; the next step says so. */
    if (steps == 0 || is_given_up(txn) ||
        fly_btree_cursor_skip(cursor->cursor, steps, NULL) != FLY_OK) {
        return 0;
    }
    return given;
}

fly_status fly_cursor_previous(fly_cursor *cursor, fly_err *err)
{
    return settle(cursor, fly_btree_cursor_previous(cursor->cursor, err), false, err);
}

fly_bytes fly_cursor_key(const fly_cursor *cursor)
{
    return fly_btree_cursor_key(cursor->cursor);
}

static bool is_blob(const fly_cursor *cursor)
{
    return (cursor->version.flags & VALUE_BLOB) != 0 &&
           cursor->version.payload.len == FLY_BTREE_BLOB_REF;
}

fly_bytes fly_cursor_value(const fly_cursor *cursor)
{
    return FLY_UNLIKELY(is_blob(cursor)) ? fly_bytes_of(NULL, 0) : cursor->version.payload;
}

uint64_t fly_cursor_value_len(const fly_cursor *cursor)
{
    return is_blob(cursor) ? fly_btree_blob_len(cursor->version.payload.data)
                           : cursor->version.payload.len;
}

fly_status fly_cursor_read(fly_cursor *cursor, uint64_t offset, void *buffer, size_t len,
                           fly_err *err)
{
    uint64_t all = fly_cursor_value_len(cursor);
    if (offset > all || len > all - offset) {
        return fly_err_set(err, FLY_E_INVALID, "a value of %llu bytes has no %zu at %llu",
                           (unsigned long long)all, len, (unsigned long long)offset);
    }
    if (!is_blob(cursor)) {
        memcpy(buffer, cursor->version.payload.data + offset, len);
        return FLY_OK;
    }
    return fly_btree_blob_read(cursor->tree->btree, cursor->version.payload.data, offset, buffer,
                               len, err);
}
