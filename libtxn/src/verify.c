/*
 * Verifying a store: every tree, and that every page in use belongs to one of them and to one only.
 *
 *     V1  every tree in the catalog is what libbtree says a tree must be
 *     V2  no page belongs to two trees, or twice to one
 *     V3  every page that the page file says is used belongs to a tree
 *
 * V3 does not hold while old versions or dropped trees wait to be purged: their pages are in use and in
 * no tree. So we purge first, and do not ask for V3 if something is left.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

struct check {
    fly_store *store;
    uint64_t *seen; /* a bit for each page */
    uint32_t pages;
    uint32_t twice; /* a page that belongs to two, or FLY_PAGE_NONE */
    void (*each)(void *ctx, const fly_err *complaint);
    void *ctx;
    uint64_t complaints;
};

static void see_page(void *ctx, uint32_t page)
{
    struct check *check = ctx;
    uint64_t bit = (uint64_t)1 << (page % 64);
    if (page >= check->pages) {
        return; /* made since we began */
    }
    if ((check->seen[page / 64] & bit) != 0) {
        check->twice = page;
    }
    check->seen[page / 64] |= bit;
}

/* Tell of a complaint; whether to go on. */
static bool complain(struct check *check, const fly_err *complaint)
{
    check->complaints++;
    if (check->each != NULL) {
        check->each(check->ctx, complaint);
        return true;
    }
    return false;
}

static fly_status check_tree(struct check *check, fly_tree *tree, fly_err *err)
{
    fly_err story = {0};
    check->twice = FLY_PAGE_NONE;
    fly_status status = fly_btree_verify(tree->btree, see_page, check, NULL, &story);
    if (status == FLY_OK && check->twice != FLY_PAGE_NONE) {
        status = fly_err_set(&story, FLY_E_CORRUPT,
                             "page %" PRIu32 " belongs to tree %" PRIu32 " and to another (V2)",
                             check->twice, tree->id);
    }
    if (status != FLY_OK && (status != FLY_E_CORRUPT || !complain(check, &story))) {
        if (err != NULL) {
            *err = story;
        }
        return status;
    }
    return FLY_OK;
}

static fly_status check_trees(struct check *check, fly_err *err)
{
    fly_store *store = check->store;
    fly_status status = check_tree(check, store->catalog, err);
    for (uint32_t i = 0; i < TREE_TABLE && status == FLY_OK; i++) {
        fly_mutex_lock(&store->trees_mutex);
        fly_tree *tree = store->trees[i];
        fly_mutex_unlock(&store->trees_mutex);
        uint32_t last = 0; /* a tree may have two handles; they stand side by side */
        for (; tree != NULL && status == FLY_OK; tree = tree->next) {
            if (tree->id != CATALOG_ID && tree->id != last && fly_load_u32(&tree->destroyed) == 0) {
                status = check_tree(check, tree, err);
            }
            last = tree->id;
        }
    }
    return status;
}

static void is_left(void *ctx, fly_txn *txn)
{
    bool *left = ctx;
    *left = *left || fly_load_u64(&txn->owed_lsn) != 0 || fly_load_u64(&txn->id) != 0;
}

static fly_status check_pages(struct check *check, fly_err *err)
{
    for (uint32_t page = 0; page < check->pages; page++) {
        bool seen = (check->seen[page / 64] >> (page % 64) & 1) != 0;
        if (seen || fly_pagefile_is_own(check->store->file, page) ||
            !fly_pagefile_is_used(check->store->file, page)) {
            continue;
        }
        fly_err story = {0};
        fly_status status = fly_err_set(
            &story, FLY_E_CORRUPT, "page %" PRIu32 " is in use and belongs to no tree (V3)", page);
        if (!complain(check, &story)) {
            if (err != NULL) {
                *err = story;
            }
            return status;
        }
    }
    return FLY_OK;
}

fly_status fly_store_verify(fly_store *store, void (*each)(void *ctx, const fly_err *complaint),
                            void *ctx, fly_err *err)
{
    struct check check = {
        .store = store, .pages = fly_pagefile_pages(store->file), .each = each, .ctx = ctx};
    size_t words = check.pages / 64 + 1;
    fly_mem *mem = store->env->mem;
    check.seen = fly_mem_calloc(mem, words, sizeof *check.seen);
    if (check.seen == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to verify %" PRIu32 " pages",
                           check.pages);
    }
    if (!store->read_only) {
        fly__txn_purge_all(store);
    }
    fly_status status = fly__txn_trees_load(store, err);
    if (status == FLY_OK) {
        status = check_trees(&check, err);
    }
    bool left = fly_load_u64(&store->left_lsn) != 0;
    fly__txn_each_context(store, is_left, &left);
    if (status == FLY_OK && !left) {
        status = check_pages(&check, err);
    }
    fly_mem_free(mem, check.seen, words * sizeof *check.seen);
    if (status == FLY_OK && check.complaints > 0) {
        status = fly_err_set(err, FLY_E_CORRUPT, "%" PRIu64 " complaints", check.complaints);
    }
    return status;
}
