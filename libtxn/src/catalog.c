/*
 * Trees by name.
 *
 * The catalog is a tree like others: under a name stands `u32 number, u32 root page`. So making and
 * dropping trees is part of a transaction, is seen by others when it commits, and is undone when it
 * does not.
 *
 *     make    a root page is made, by a record whose undo destroys the tree; then the catalog's entry
 *     drop    a record says which tree; the catalog's entry is deleted; the pages go when the purge
 *             comes to it
 *
 * A number is never given to another tree. Handles of trees are kept until the store is closed.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

enum { ENTRY = 8 };

/* --------------------------------------------------------------------------- handles */

fly_tree *fly__txn_tree_find(fly_store *store, uint32_t id)
{
    fly_mutex_lock(&store->trees_mutex);
    fly_tree *tree = store->trees[id % TREE_TABLE];
    while (tree != NULL && tree->id != id) {
        tree = tree->next;
    }
    fly_mutex_unlock(&store->trees_mutex);
    return tree;
}

/* A handle around an open tree. */
static fly_tree *make_handle(fly_store *store, uint32_t id, uint32_t root, fly_btree *btree)
{
    fly_tree *tree = fly_mem_calloc(store->env->mem, 1, sizeof *tree);
    if (tree != NULL) {
        tree->store = store;
        tree->btree = btree;
        tree->id = id;
        tree->root = root;
        fly_mutex_lock(&store->trees_mutex);
        tree->next = store->trees[id % TREE_TABLE];
        store->trees[id % TREE_TABLE] = tree;
        fly_mutex_unlock(&store->trees_mutex);
    }
    return tree;
}

static fly_status no_memory(uint32_t id, fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to open tree %" PRIu32, id);
}

static fly_btree_options options_of(fly_store *store, uint32_t id)
{
    return (fly_btree_options){
        .pool = store->pool, .id = id, .logger = store->wal != NULL ? &store->logger : NULL};
}

fly_status fly__txn_tree_get(fly_store *store, uint32_t id, uint32_t root, fly_tree **tree,
                             fly_err *err)
{
    *tree = fly__txn_tree_find(store, id);
    if (*tree != NULL) {
        return FLY_OK;
    }
    fly_btree *btree = NULL;
    fly_btree_options options = options_of(store, id);
    fly_status status = fly_btree_open(store->env, &options, root, &btree, err);
    if (status != FLY_OK) {
        return status;
    }
    /* Two may have come here at once: the second handle is as good, and is kept too; whoever looks
     * finds one of them. Both are closed with the store. */
    *tree = make_handle(store, id, root, btree);
    if (*tree == NULL) {
        fly_btree_close(btree);
        return no_memory(id, err);
    }
    return FLY_OK;
}

void fly__txn_trees_close(fly_store *store)
{
    for (uint32_t i = 0; i < TREE_TABLE; i++) {
        while (store->trees[i] != NULL) {
            fly_tree *tree = store->trees[i];
            store->trees[i] = tree->next;
            fly_btree_close(tree->btree);
            fly_mem_free(store->env->mem, tree, sizeof *tree);
        }
    }
}

fly_status fly__txn_tree_destroy(fly_store *store, uint32_t id, uint32_t root, fly_err *err)
{
    fly_tree *tree = fly__txn_tree_find(store, id);
    if (tree != NULL) {
        fly_store_u32(&tree->dropped, 1);
        fly_store_u32(&tree->destroyed, 1);
    }
    if (!fly_pagefile_is_used(store->file, root)) {
        return FLY_OK; /* a destruction that a crash interrupted, near its end */
    }
    fly_btree *btree = NULL;
    fly_err story = {0};
    fly_btree_options options = options_of(store, id);
    fly_status status = fly_btree_open(store->env, &options, root, &btree, &story);
    if (status == FLY_E_CORRUPT) {
        return FLY_OK; /* the page belongs to somebody else by now */
    }
    if (status != FLY_OK) {
        if (err != NULL) {
            *err = story;
        }
        return status;
    }
    return fly_btree_drop(btree, err);
}

/* Values that were replaced are in no leaf, so destroying their tree leaves them. */
fly_status fly__txn_free_blob(fly_store *store, uint32_t id, const uint8_t *ref, fly_err *err)
{
    const fly_tree *tree = fly__txn_tree_find(store, id);
    if (tree != NULL) {
        return fly_btree_blob_free(tree->btree, ref, err);
    }
    fly_btree *btree = NULL;
    fly_btree_options options = options_of(store, id);
    fly_status status = fly_btree_open(store->env, &options, FLY_PAGE_NONE, &btree, err);
    if (status == FLY_OK) {
        status = fly_btree_blob_free(btree, ref, err);
        fly_btree_close(btree);
    }
    return status;
}

/* --------------------------------------------------------------------------- the catalog */

fly_status fly__txn_catalog_open(fly_store *store, uint32_t root, fly_err *err)
{
    return fly__txn_tree_get(store, CATALOG_ID, root, &store->catalog, err);
}

fly_status fly__txn_catalog_create(fly_store *store, uint32_t *root, fly_err *err)
{
    fly_btree *btree = NULL;
    fly_btree_options options = options_of(store, CATALOG_ID);
    fly_status status = fly_btree_create(store->env, &options, NULL, root, &btree, err);
    if (status == FLY_OK) {
        store->catalog = make_handle(store, CATALOG_ID, *root, btree);
        if (store->catalog == NULL) {
            fly_btree_close(btree);
            status = no_memory(CATALOG_ID, err);
        }
    }
    return status;
}

fly_status fly__txn_trees_load(fly_store *store, fly_err *err)
{
    fly_btree_cursor *cursor = NULL;
    fly_status status = fly_btree_cursor_create(store->catalog->btree, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_btree_cursor_first(cursor, err);
    while (status == FLY_OK) {
        struct version version;
        fly_btree_entry entry = fly_btree_cursor_entry(cursor);
        if (!parse_value(entry.value, &version)) {
            status = fly__txn_damaged_entry(store->catalog, err);
        } else if (version.payload.len == ENTRY) {
            fly_tree *tree;
            status = fly__txn_tree_get(store, fly_get_u32(version.payload.data),
                                       fly_get_u32(version.payload.data + 4), &tree, err);
        }
        if (status == FLY_OK) {
            status = fly_btree_cursor_next(cursor, err);
        }
    }
    fly_btree_cursor_destroy(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

/* ----------------------------------------------------------------------------- the calls */

static fly_status check_name(const char *name, fly_err *err)
{
    size_t len = strlen(name);
    if (len == 0 || len > FLY_TREE_NAME_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a tree's name has 1 to %d bytes, and \"%.32s\" has %zu",
                           FLY_TREE_NAME_MAX, name, len);
    }
    return FLY_OK;
}

static fly_status look_up(fly_txn *txn, const char *name, fly_tree **tree, fly_err *err)
{
    uint8_t entry[ENTRY];
    uint64_t len;
    fly_status status =
        fly_txn_get(txn, txn->store->catalog, fly_bytes_str(name), entry, sizeof entry, &len, err);
    if (status == FLY_E_FULL || (status == FLY_OK && len != ENTRY)) {
        return fly__txn_damaged_entry(txn->store->catalog, err);
    }
    if (status == FLY_OK) {
        status =
            fly__txn_tree_get(txn->store, fly_get_u32(entry), fly_get_u32(entry + 4), tree, err);
    }
    return status;
}

static fly_status create(fly_txn *txn, const char *name, fly_tree **tree, fly_err *err)
{
    fly_store *store = txn->store;
    uint32_t id = fly_add_u32(&store->next_tree_id, 1);
    uint32_t root;
    fly_btree *btree = NULL;
    fly_savepoint before = fly_txn_savepoint(txn);
    struct op op = {.txn = txn, .kind = UNDO_TREE, .logged = true};
    fly_btree_options options = options_of(store, id);
    fly_status status = fly__txn_undo_reserve(txn, 0, err);
    if (status == FLY_OK) {
        status = fly_btree_create(store->env, &options, &op, &root, &btree, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    *tree = make_handle(store, id, root, btree);
    if (*tree == NULL) {
        fly_btree_close(btree);
        status = no_memory(id, err);
    } else {
        uint8_t entry[ENTRY];
        fly_put_u32(entry, id);
        fly_put_u32(entry + 4, root);
        status = fly_txn_insert(txn, store->catalog, fly_bytes_str(name),
                                fly_bytes_of(entry, sizeof entry), err);
    }
    if (status != FLY_OK && !txn->failed && fly_txn_rollback_to(txn, before, NULL) != FLY_OK) {
        txn->failed = true;
    }
    return status;
}

fly_status fly_txn_tree_open(fly_txn *txn, const char *name, unsigned flags, fly_tree **tree,
                             fly_err *err)
{
    fly_status status = check_name(name, err);
    if (status != FLY_OK) {
        return status;
    }
    status = look_up(txn, name, tree, err);
    if (status == FLY_OK && (flags & FLY_TREE_EXCLUSIVE) != 0) {
        return fly_err_set(err, FLY_E_EXISTS, "there is a tree \"%s\" already", name);
    }
    if (status == FLY_E_NOT_FOUND && (flags & FLY_TREE_CREATE) == 0) {
        return fly_err_set(err, status, "there is no tree \"%s\"", name);
    }
    if (status == FLY_E_NOT_FOUND) {
        status = txn->read_only
                     ? fly_err_set(err, FLY_E_READ_ONLY,
                                   "cannot make tree \"%s\" in a read-only transaction", name)
                     : create(txn, name, tree, err);
    }
    if (status == FLY_E_EXISTS) {
        /* Somebody made it since our snapshot was taken. */
        if (txn->isolation == FLY_ISOLATION_READ_COMMITTED && (flags & FLY_TREE_EXCLUSIVE) == 0) {
            return look_up(txn, name, tree, err);
        }
        return fly_err_set(err, FLY_E_EXISTS, "there is a tree \"%s\" already", name);
    }
    return status;
}

/* Log the drop, so that a recovery knows the pages to give back, and keep it for the purge. */
static fly_status note_drop(fly_txn *txn, fly_tree *tree, fly_err *err)
{
    fly_status status = fly__txn_undo_reserve(txn, 0, err);
    if (status != FLY_OK) {
        return status;
    }
    uint8_t tail[8];
    fly_put_u32(tail, tree->id);
    fly_put_u32(tail + 4, tree->root);
    uint64_t numbers[] = {fly_load_relaxed_u64(&txn->id), txn->last_lsn};
    uint64_t lsn;
    fly__txn_announce_lsn(txn);
    status = fly__txn_log_note(txn->store, TXN_DROP, numbers, 2, fly_bytes_of(tail, sizeof tail),
                               &lsn, NULL, err);
    if (status == FLY_OK) {
        struct undo *undo =
            fly__txn_undo_add(txn, UNDO_DROP, tree->id, fly_bytes_of(NULL, 0), NULL, 0);
        undo->prev_stamp = tree->root;
        undo->prev_flags = 0;
        txn->has_work = true;
        txn->has_drops = true;
        fly__txn_note_lsn(txn, lsn);
    }
    return status;
}

fly_status fly_txn_tree_drop(fly_txn *txn, const char *name, fly_err *err)
{
    fly_tree *tree = NULL;
    fly_status status = check_name(name, err);
    if (status == FLY_OK && txn->read_only) {
        status = fly_err_set(err, FLY_E_READ_ONLY,
                             "cannot drop tree \"%s\" in a read-only transaction", name);
    }
    if (status == FLY_OK) {
        status = look_up(txn, name, &tree, err);
    }
    if (status == FLY_E_NOT_FOUND) {
        return fly_err_set(err, status, "there is no tree \"%s\"", name);
    }
    if (status != FLY_OK) {
        return status;
    }
    /* In this order: should a crash come between the two, and the catalog's entry be gone, it is the
     * record of the drop that tells recovery where the tree is whose changes it has to undo. */
    fly_savepoint before = fly_txn_savepoint(txn);
    status = note_drop(txn, tree, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_delete(txn, txn->store->catalog, fly_bytes_str(name), err);
    if (status == FLY_E_NOT_FOUND) {
        status = fly_err_set(err, status, "there is no tree \"%s\"", name);
    }
    if (status != FLY_OK && !txn->failed && fly_txn_rollback_to(txn, before, NULL) != FLY_OK) {
        txn->failed = true;
    }
    return status;
}

fly_status fly_txn_tree_list(fly_txn *txn, void (*each)(void *ctx, const char *name), void *ctx,
                             fly_err *err)
{
    fly_cursor *cursor = NULL;
    fly_status status = fly_cursor_open(txn, txn->store->catalog, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    for (status = fly_cursor_first(cursor, err); status == FLY_OK;
         status = fly_cursor_next(cursor, err)) {
        char name[FLY_TREE_NAME_MAX + 1];
        fly_bytes key = fly_cursor_key(cursor);
        if (key.len < sizeof name) {
            memcpy(name, key.data, key.len);
            name[key.len] = '\0';
            each(ctx, name);
        }
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

uint32_t fly_tree_id(const fly_tree *tree)
{
    return tree->id;
}

uint32_t fly_tree_root(const fly_tree *tree)
{
    return tree->root;
}

size_t fly_store_key_max(const fly_store *store)
{
    return store->key_max;
}

fly_status fly_tree_get_stats(fly_tree *tree, fly_btree_stats *stats, fly_err *err)
{
    return fly_btree_verify(tree->btree, NULL, NULL, stats, err);
}

fly_btree_extent fly_tree_estimate(fly_tree *tree)
{
    return fly_load_u32(&tree->destroyed) != 0 ? (fly_btree_extent){0}
                                               : fly_btree_estimate(tree->btree);
}

bool fly_tree_key_near(fly_tree *tree, double where, uint8_t *key, size_t room, size_t *len)
{
    return fly_load_u32(&tree->destroyed) == 0 &&
           fly_btree_key_near(tree->btree, where, key, room, len);
}
