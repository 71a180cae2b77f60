/*
 * Copying entries into the new store.
 *
 * Leaves of a tree come from the oldest to the newest, and a leaf speaks for all keys between its
 * fences: before its entries are put, whatever older leaves have put there is deleted. So a leaf that
 * is not part of the tree any more, which happens if the allocation maps are damaged, cannot bring
 * anything back that a newer one knows better.
 *
 * Where the store could not be recovered, changes in the log are applied in the same order: one that
 * is newer than the leaf comes after it, one that is older is overwritten by it. At the end the changes
 * of transactions that had not ended are undone, from the newest to the oldest.
 *
 *     R1  what is in the new store between a leaf's fences is that leaf's, once it has been copied
 *     R2  an entry is copied whole, with all of its long value, or counted as lost
 */
#include "rescue.h"

#include <fly/base_dissect.h>
#include <fly/btree_dissect.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 1000 };

/* A tree on its way. */
typedef struct target {
    inspect_rescue *rescue;
    fly_txn *txn; /* NULL between batches */
    fly_tree *tree;
    char name[FLY_TREE_NAME_MAX + 1];
    uint32_t in_batch;
    uint64_t entries;
    uint64_t lsn;  /* of the leaf or the change that is being copied */
    uint8_t *leaf; /* a copy: `pages` has room for one page only */
} target;

/* --------------------------------------------------------------------- transactions */

static fly_status begin_batch(target *to, fly_err *err)
{
    if (to->txn != NULL) {
        return FLY_OK;
    }
    to->in_batch = 0;
    fly_status status = fly_txn_begin(to->rescue->store, NULL, &to->txn, err);
    if (status == FLY_OK) {
        status = fly_txn_tree_open(to->txn, to->name, FLY_TREE_CREATE, &to->tree, err);
    }
    return status;
}

static fly_status end_batch(target *to, fly_err *err)
{
    fly_txn *txn = to->txn;
    to->txn = NULL;
    return txn != NULL ? fly_txn_commit(txn, err) : FLY_OK;
}

static fly_status count_change(target *to, fly_err *err)
{
    return ++to->in_batch >= BATCH ? end_batch(to, err) : FLY_OK;
}

/* --------------------------------------------------------------------- long values */

static void tell_loss(target *to, fly_bytes key, const char *why)
{
    char text[160];
    fly_quote(key, text, sizeof text);
    printf("  LOST     tree \"%s\", key %s: %s\n", to->name, text, why);
    to->rescue->lost++;
}

/* The piece of a long value on this page: as it was logged before `lsn`, or as it lies. */
static bool find_piece(inspect_rescue *rescue, uint32_t tree, uint32_t page, uint64_t lsn,
                       uint32_t *next, fly_bytes *bytes)
{
    fly_btree_image image;
    const inspect_piece *logged = inspect_history_piece(rescue->history, page, lsn);
    if (logged != NULL && logged->tree == tree) {
        *next = logged->next;
        *bytes = logged->bytes;
        return true;
    }
    return page < rescue->pages->count &&
           inspect_pages_read(rescue->pages, page, NULL) == INSPECT_FINE &&
           fly_btree_image_of(rescue->pages->bytes, rescue->pages->page_size, &image) &&
           image.kind == FLY_BTREE_PAGE_BLOB && image.tree == tree &&
           fly_btree_image_blob(&image, next, bytes) == FLY_OK;
}

/* Gather the value from its pages; false if a piece is missing. */
static bool gather(target *to, uint32_t tree, uint32_t page, uint8_t *value, uint64_t len)
{
    uint64_t done = 0;
    while (done < len) {
        uint32_t next = FLY_PAGE_NONE;
        fly_bytes piece = {NULL, 0};
        if (!find_piece(to->rescue, tree, page, to->lsn, &next, &piece) || piece.len == 0 ||
            piece.len > len - done) {
            return false;
        }
        memcpy(value + done, piece.data, piece.len);
        done += piece.len;
        page = next;
    }
    return page == FLY_PAGE_NONE;
}

/* -------------------------------------------------------------------------- entries */

static fly_status put(target *to, fly_bytes key, fly_bytes value, fly_err *err)
{
    fly_status status = begin_batch(to, err);
    if (status == FLY_OK) {
        status = fly_txn_put(to->txn, to->tree, key, value, err);
    }
    return status == FLY_OK ? count_change(to, err) : status;
}

static fly_status put_long(target *to, uint32_t tree, fly_bytes key, fly_bytes reference,
                           fly_err *err)
{
    inspect_rescue *rescue = to->rescue;
    if (reference.len != FLY_BTREE_BLOB_REF) {
        tell_loss(to, key, "the reference to its long value is damaged");
        return FLY_OK;
    }
    uint64_t len = fly_btree_blob_len(reference.data);
    if (len > rescue->pages->file_size || len > SIZE_MAX / 2) {
        tell_loss(to, key, "its long value would be larger than the file");
        return FLY_OK;
    }
    uint8_t *value = fly_mem_alloc(rescue->pages->mem, (size_t)len);
    if (value == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a value of %" PRIu64 " bytes", len);
    }
    fly_status status = FLY_OK;
    if (gather(to, tree, fly_btree_blob_page(reference.data), value, len)) {
        status = put(to, key, fly_bytes_of(value, (size_t)len), err);
    } else {
        tell_loss(to, key, "a page of its long value cannot be read");
    }
    fly_mem_free(rescue->pages->mem, value, (size_t)len);
    return status;
}

static fly_status copy_entry(target *to, uint32_t tree, fly_bytes key, fly_bytes stored,
                             fly_err *err)
{
    inspect_value value;
    if (!inspect_value_of(stored, &value)) {
        tell_loss(to, key, "its value has no header");
        return FLY_OK;
    }
    if (value.ghost) {
        to->rescue->ghosts++;
        return FLY_OK;
    }
    return value.blob ? put_long(to, tree, key, value.payload, err)
                      : put(to, key, value.payload, err);
}

/* --------------------------------------------------------------------------- leaves */

/* The first key at or behind `from` and before `to`; FLY_E_END. */
static fly_status first_between(target *to, fly_bytes from, fly_bytes before, bool open,
                                uint8_t *room, fly_bytes *key, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = begin_batch(to, err);
    if (status == FLY_OK) {
        status = fly_cursor_open(to->txn, to->tree, &cursor, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    status = fly_cursor_seek(cursor, from, err);
    if (status == FLY_OK) {
        fly_bytes found = fly_cursor_key(cursor);
        if (!open && fly_bytes_cmp(found, before) >= 0) {
            status = FLY_E_END;
        } else {
            FLY_ASSERT(found.len <= FLY_BTREE_IMAGE_KEY);
            memcpy(room, found.data, found.len);
            *key = fly_bytes_of(room, found.len);
        }
    }
    fly_cursor_close(cursor);
    return status;
}

/* R1: delete what older leaves have put between the fences of this one. */
static fly_status clear_range(target *to, const fly_btree_image *image, uint8_t *room, fly_err *err)
{
    bool open_low = true;
    bool open_high = true;
    fly_bytes low = {NULL, 0};
    fly_bytes high = {NULL, 0};
    if (fly_btree_image_fence(image, false, &open_low, &low) != FLY_OK ||
        fly_btree_image_fence(image, true, &open_high, &high) != FLY_OK) {
        return FLY_OK;
    }
    for (;;) {
        fly_bytes key;
        fly_status status = first_between(to, low, high, open_high, room, &key, err);
        if (status != FLY_OK) {
            return status == FLY_E_END ? FLY_OK : status;
        }
        status = fly_txn_delete(to->txn, to->tree, key, err);
        if (status == FLY_OK) {
            status = count_change(to, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status copy_leaf(target *to, uint32_t page, bool sound, fly_err *err)
{
    inspect_pages *pages = to->rescue->pages;
    uint8_t room[FLY_BTREE_IMAGE_KEY];
    fly_btree_image image;
    inspect_state state = inspect_pages_read(pages, page, NULL);
    if ((sound && state != INSPECT_FINE) ||
        !fly_btree_image_of(pages->bytes, pages->page_size, &image)) {
        return FLY_OK; /* it was sound when it was scanned: the disk is going away under us */
    }
    memcpy(to->leaf, pages->bytes, pages->page_size);
    image.bytes = to->leaf;
    to->lsn = image.lsn;
    fly_status status = sound ? clear_range(to, &image, room, err) : FLY_OK;
    for (uint32_t i = 0; i < image.count && status == FLY_OK; i++) {
        fly_bytes key;
        fly_btree_entry entry;
        if (fly_btree_image_entry(&image, i, room, &key, &entry) == FLY_OK) {
            status = copy_entry(to, image.tree, key, entry.value, err);
        }
    }
    return status;
}

/* --------------------------------------------------------------------- from the log */

static fly_status remove_key(target *to, fly_bytes key, fly_err *err)
{
    fly_status status = begin_batch(to, err);
    if (status == FLY_OK) {
        status = fly_txn_delete(to->txn, to->tree, key, err);
    }
    if (status == FLY_E_NOT_FOUND) {
        return FLY_OK;
    }
    return status == FLY_OK ? count_change(to, err) : status;
}

/* Let an entry be as it is stored here, or not be there. */
static fly_status apply(target *to, const inspect_change *change, bool exists, fly_bytes stored,
                        fly_err *err)
{
    to->lsn = change->lsn;
    to->rescue->from_log++;
    fly_status status = remove_key(to, change->key, err);
    if (status == FLY_OK && exists) {
        status = copy_entry(to, change->tree, change->key, stored, err);
    }
    return status;
}

/* Changes up to `lsn`, from `*next` on, of transactions that have ended. */
static fly_status apply_changes(target *to, const inspect_change *changes, size_t count,
                                uint64_t lsn, size_t *next, fly_err *err)
{
    fly_status status = FLY_OK;
    for (; *next < count && changes[*next].lsn <= lsn && status == FLY_OK; ++*next) {
        const inspect_change *change = &changes[*next];
        if (change->lasting) {
            status = apply(to, change, !change->remove, change->value, err);
        }
    }
    return status;
}

/* Undo what had not ended. If a part of the log is missing nobody knows what had. */
static fly_status undo_changes(target *to, const inspect_change *changes, size_t count,
                               fly_err *err)
{
    fly_status status = FLY_OK;
    for (size_t i = count; i > 0 && status == FLY_OK && !to->rescue->history->cut; i--) {
        const inspect_change *change = &changes[i - 1];
        if (!change->lasting && change->undoable) {
            status = apply(to, change, change->existed, change->former, err);
        }
    }
    return status;
}

/* ---------------------------------------------------------------------------- trees */

static fly_status count_entries(target *to, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(to->txn, to->tree, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    to->entries = 0;
    for (status = fly_cursor_first(cursor, err); status == FLY_OK;
         status = fly_cursor_next(cursor, err)) {
        to->entries++;
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status finish(target *to, fly_status status, fly_err *err)
{
    if (status == FLY_OK) {
        status = begin_batch(to, err); /* a tree may be empty, and is made all the same */
    }
    if (status == FLY_OK) {
        status = count_entries(to, err);
    }
    if (status != FLY_OK) {
        fly_txn_rollback(to->txn);
        return status;
    }
    return end_batch(to, err);
}

/* Leaves `from` to `end` of the scan, all of one tree, and what the log says of it. */
static fly_status copy_tree(target *to, uint32_t tree, size_t from, size_t end, fly_err *err)
{
    size_t count;
    size_t next = 0;
    const inspect_change *changes = inspect_history_of(to->rescue->history, tree, &count);
    fly_status status = FLY_OK;
    to->txn = NULL;
    for (size_t i = from; i < end && status == FLY_OK; i++) {
        const inspect_leaf *leaf = &to->rescue->scan->leaves[i];
        status = apply_changes(to, changes, count, leaf->lsn, &next, err);
        if (status == FLY_OK) {
            status = copy_leaf(to, leaf->page, true, err);
        }
    }
    if (status == FLY_OK) {
        status = apply_changes(to, changes, count, UINT64_MAX, &next, err);
    }
    if (status == FLY_OK) {
        status = undo_changes(to, changes, count, err);
    }
    status = finish(to, status, err);
    if (status == FLY_OK) {
        to->rescue->entries += to->entries;
        printf("  tree     \"%s\": %" PRIu64 " entries\n", to->name, to->entries);
    }
    return status;
}

/* What the tree will be called; false if it is not to be copied. */
static bool choose_name(target *to, uint32_t tree)
{
    const inspect_name *name = inspect_scan_name(to->rescue->scan, tree);
    if (name != NULL && !name->gone) {
        (void)snprintf(to->name, sizeof to->name, "%s", name->name);
        return true;
    }
    if (name != NULL || !to->rescue->dropped_too) {
        to->rescue->dropped++;
        return false;
    }
    (void)snprintf(to->name, sizeof to->name, "lost-name-%" PRIu32, tree);
    return true;
}

static fly_status copy_trees(target *to, fly_err *err)
{
    const inspect_scan *scan = to->rescue->scan;
    fly_status status = FLY_OK;
    for (size_t from = 0; from < scan->leaf_count && status == FLY_OK;) {
        uint32_t tree = scan->leaves[from].tree;
        size_t end = from;
        while (end < scan->leaf_count && scan->leaves[end].tree == tree) {
            end++;
        }
        if (tree != INSPECT_CATALOG && choose_name(to, tree)) {
            status = copy_tree(to, tree, from, end, err);
        }
        from = end;
    }
    return status;
}

/* Trees of which no leaf is left still have their name, and perhaps something in the log. */
static fly_status copy_trees_without_leaves(target *to, fly_err *err)
{
    const inspect_scan *scan = to->rescue->scan;
    fly_status status = FLY_OK;
    for (size_t i = 0; i < scan->name_count && status == FLY_OK; i++) {
        bool has_leaf = false;
        for (size_t at = 0; at < scan->leaf_count && !has_leaf; at++) {
            has_leaf = scan->leaves[at].tree == scan->names[i].tree;
        }
        if (!has_leaf && !scan->names[i].gone) {
            (void)snprintf(to->name, sizeof to->name, "%s", scan->names[i].name);
            status = copy_tree(to, scan->names[i].tree, 0, 0, err);
        }
    }
    return status;
}

/* What makes sense in damaged leaves goes where nobody takes it for the truth. */
static fly_status copy_suspects(target *to, fly_err *err)
{
    const inspect_scan *scan = to->rescue->scan;
    fly_status status = FLY_OK;
    for (size_t i = 0; i < scan->lost_count && status == FLY_OK; i++) {
        fly_btree_image image;
        (void)inspect_pages_read(to->rescue->pages, scan->lost[i].page, NULL);
        if (!fly_btree_image_of(to->rescue->pages->bytes, to->rescue->pages->page_size, &image) ||
            image.kind != FLY_BTREE_PAGE_LEAF || image.tree == INSPECT_CATALOG) {
            continue;
        }
        const inspect_name *name = inspect_scan_name(scan, image.tree);
        (void)snprintf(to->name, sizeof to->name, "suspect-%.240s",
                       name != NULL ? name->name : "entries");
        to->txn = NULL;
        uint64_t before = to->rescue->lost;
        status = finish(to, copy_leaf(to, scan->lost[i].page, false, err), err);
        to->rescue->lost = before; /* the page has been told of */
        to->rescue->suspects += to->entries;
    }
    return status;
}

fly_status inspect_rescue_all(inspect_rescue *rescue, fly_err *err)
{
    target to = {.rescue = rescue};
    uint32_t size = rescue->pages->page_size;
    to.leaf = fly_mem_alloc_aligned(rescue->pages->mem, size, FLY_CACHE_LINE);
    if (to.leaf == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to copy a page");
    }
    fly_status status = copy_trees(&to, err);
    if (status == FLY_OK) {
        status = copy_trees_without_leaves(&to, err);
    }
    if (status == FLY_OK && rescue->suspect) {
        status = copy_suspects(&to, err);
    }
    fly_mem_free(rescue->pages->mem, to.leaf, size);
    return status;
}
