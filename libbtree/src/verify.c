/*
 * Trust: is a page safe to work on, and is a tree what it must be?
 *
 * A page that comes from disk, checked by fly_btree_check_page():
 *
 *     N1  it is a sound slotted page (P1 to P4 of libpage) with two fence slots
 *     N2  its fences are cells of one byte, or a key behind a 1, no longer than a key may be
 *     N3  its prefix is the common prefix of its fences
 *     N4  each cell has a key length that fits it, and in inner nodes a child's number
 *     N5  bytes of a tag behind the end of the key are zero
 *     N6  keys rise
 *     N7  leaves are on level 0, inner nodes above
 *     N8  keys lie between the fences
 *
 * A tree, by fly_btree_verify():
 *
 *     T1  every node is a sound page of this tree, one level below its parent
 *     T2  a node's fences are the separators on both sides of it in its parent, or its parent's own
 *     T3  every page is marked as used in the page file
 *     T4  a blob's pages are as long together as its reference says
 *
 * N1 to N4 and N8 are what safe work on a page rests on; the others are what right answers rest on.
 */
#include "btree_int.h"

#include <inttypes.h>
#include <stdio.h>

/* -------------------------------------------------------------------------- one page */

static fly_status unsound(uint32_t page, const char *rule, uint32_t entry, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "page %" PRIu32 ": %s (entry %" PRIu32 ")", page, rule,
                       entry);
}

static fly_status check_fences(uint32_t page, const uint8_t *bytes, uint32_t usable, fly_err *err)
{
    struct bound bounds[2];
    size_t key_max = fly_btree_key_max_of(usable);
    for (int which = LOW; which <= HIGH; which++) {
        if (!fly__btree_node_bound(bytes, usable, (enum fence)which, &bounds[which]) ||
            bounds[which].key.len > key_max) {
            return unsound(page, "N2: a fence makes no sense", (uint32_t)which, err);
        }
        if (bounds[which].open != (bounds[which].key.len == 0) && bounds[which].open) {
            return unsound(page, "N2: an open fence has a key", (uint32_t)which, err);
        }
    }
    uint32_t prefix = 0;
    if (!bounds[LOW].open && !bounds[HIGH].open) {
        if (fly_bytes_cmp(bounds[LOW].key, bounds[HIGH].key) >= 0) {
            return unsound(page, "N2: the fences are the wrong way round", 0, err);
        }
        while (prefix < bounds[LOW].key.len && prefix < bounds[HIGH].key.len &&
               bounds[LOW].key.data[prefix] == bounds[HIGH].key.data[prefix]) {
            prefix++;
        }
    }
    if (prefix != node_prefix(bytes)) {
        return unsound(page, "N3: the prefix is not that of the fences", prefix, err);
    }
    return FLY_OK;
}

/* N5 and N6 for one entry, after N4. */
static bool rises(const uint8_t *bytes, uint32_t entry, const struct cell *before,
                  const struct cell *cell)
{
    uint32_t tag = node_tag(bytes, entry);
    uint32_t tag_before = node_tag(bytes, entry - 1);
    if (tag != tag_before) {
        return tag > tag_before;
    }
    fly_bytes a = fly_bytes_of(before->rest, rest_len_of(before->suffix_len));
    fly_bytes b = fly_bytes_of(cell->rest, rest_len_of(cell->suffix_len));
    int order = fly_bytes_cmp(a, b);
    return order < 0 || (order == 0 && before->suffix_len < cell->suffix_len);
}

static fly_status check_entries(uint32_t page, const uint8_t *bytes, uint32_t usable, fly_err *err)
{
    uint32_t count = node_count(bytes);
    uint32_t prefix = node_prefix(bytes);
    bool leaf = fly_page_kind(bytes) == FLY_BTREE_PAGE_LEAF;
    size_t key_max = fly_btree_key_max_of(usable);
    size_t entry_max = (usable - ENTRIES_AT) / 4;
    struct cell before = {0};
    for (uint32_t entry = 0; entry < count; entry++) {
        struct cell cell;
        if (!node_cell(bytes, usable, entry, &cell) || prefix + cell.suffix_len > key_max ||
            (leaf ? cell.value.len > entry_max || (cell.blob && cell.value.len < FLY_BTREE_BLOB_REF)
                  : cell.value.len != CHILD_BYTES)) {
            return unsound(page, "N4: a cell makes no sense", entry, err);
        }
        if (cell.suffix_len < TAG_BYTES &&
            (node_tag(bytes, entry) & (UINT32_MAX >> (8 * cell.suffix_len))) != 0) {
            return unsound(page, "N5: a tag is longer than its key", entry, err);
        }
        if (entry > 0 && !rises(bytes, entry, &before, &cell)) {
            return unsound(page, "N6: keys do not rise", entry, err);
        }
        before = cell;
    }
    return FLY_OK;
}

/* N8: N6 says that the keys between the first and the last lie there too. */
static fly_status check_range(uint32_t page, const uint8_t *bytes, uint32_t usable, fly_err *err)
{
    uint32_t count = node_count(bytes);
    uint32_t ends[2] = {0, count - 1};
    for (int i = 0; i < 2 && count > 0; i++) {
        uint8_t key[FLY_PAGE_SIZE_MAX / 4];
        size_t len = 0;
        if (!fly__btree_node_key(bytes, usable, ends[i], key, sizeof key, &len) ||
            !fly__btree_node_covers(bytes, usable, fly_bytes_of(key, len))) {
            return unsound(page, "N8: a key lies outside the fences", ends[i], err);
        }
    }
    return FLY_OK;
}

fly_status fly_btree_check_page(void *ctx, uint32_t page, const uint8_t *bytes, uint32_t usable,
                                fly_err *err)
{
    (void)ctx;
    uint8_t kind = fly_page_kind(bytes);
    if (kind != FLY_BTREE_PAGE_LEAF && kind != FLY_BTREE_PAGE_INNER) {
        return FLY_OK; /* blobs are bounded where they are read; other pages are not ours */
    }
    fly_page view = node_view(bytes, usable);
    fly_status status = fly_page_check(view, true, err);
    if (status != FLY_OK) {
        return status;
    }
    if (fly_page_count(view) < FENCES) {
        return unsound(page, "N1: there are no fences", 0, err);
    }
    if (node_level(bytes) >= LEVEL_MAX ||
        (node_level(bytes) == 0) != (kind == FLY_BTREE_PAGE_LEAF)) {
        return unsound(page, "N7: the level is wrong", node_level(bytes), err);
    }
    status = check_fences(page, bytes, usable, err);
    status = status == FLY_OK ? check_entries(page, bytes, usable, err) : status;
    return status == FLY_OK ? check_range(page, bytes, usable, err) : status;
}

/* -------------------------------------------------------------------------- the tree */

struct walk {
    fly_btree *tree;
    void (*each)(void *ctx, uint32_t page);
    void *ctx;
    fly_btree_stats stats;
    uint8_t *copy[LEVEL_MAX]; /* the node being looked at, by level */
    void (*line)(void *ctx, const char *text);
};

static void walk_end(struct walk *walk)
{
    for (int level = 0; level < LEVEL_MAX; level++) {
        fly_mem_free(walk->tree->env->mem, walk->copy[level], walk->tree->usable);
    }
}

/* Copy a node, so that nothing stays latched while its children are looked at. */
static fly_status copy_node(struct walk *walk, uint32_t page, uint32_t level, fly_err *err)
{
    fly_btree *tree = walk->tree;
    fly_pageref ref;
    if (walk->copy[level] == NULL) {
        walk->copy[level] = fly_mem_alloc_aligned(tree->env->mem, tree->usable, FLY_CACHE_LINE);
        if (walk->copy[level] == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to look at a tree");
        }
    }
    fly_status status = fly_bufpool_fix_shared(tree->pool, page, &ref, err);
    if (status == FLY_OK) {
        memcpy(walk->copy[level], ref.bytes, tree->usable);
        fly_bufpool_unfix_shared(&ref);
    }
    return status;
}

static fly_status see_page(struct walk *walk, uint32_t page, fly_err *err)
{
    if (!fly_pagefile_is_used(walk->tree->file, page)) {
        return fly__btree_damaged(walk->tree, page, "is not marked as used (T3)", err);
    }
    if (walk->each != NULL) {
        walk->each(walk->ctx, page);
    }
    return FLY_OK;
}

static fly_status verify_blob(struct walk *walk, const uint8_t *ref, fly_err *err)
{
    fly_btree *tree = walk->tree;
    uint64_t wanted = fly_btree_blob_len(ref);
    uint64_t got = 0;
    uint32_t page = fly_get_u32(ref + 8);
    uint32_t first = page;
    while (page != FLY_PAGE_NONE) {
        fly_pageref fixed;
        fly_status status = see_page(walk, page, err);
        if (status == FLY_OK) {
            status = fly_bufpool_fix_shared(tree->pool, page, &fixed, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        uint32_t here = fly_get_u32(fixed.bytes + BLOB_AT_LEN);
        uint32_t next = fly_get_u32(fixed.bytes + BLOB_AT_NEXT);
        bool sound = fly_page_kind(fixed.bytes) == FLY_BTREE_PAGE_BLOB &&
                     node_tree(fixed.bytes) == tree->id && here <= tree->usable - BLOB_AT_DATA &&
                     (here > 0 || wanted == 0);
        fly_bufpool_unfix_shared(&fixed);
        got += here;
        walk->stats.blob_pages++;
        if (!sound || got > wanted) {
            return fly__btree_damaged(tree, page, "does not fit its long value (T4)", err);
        }
        page = next;
    }
    walk->stats.blobs++;
    return got == wanted ? FLY_OK
                         : fly__btree_damaged(tree, first, "begins too short a value (T4)", err);
}

static bool same_bound(struct bound a, struct bound b)
{
    return a.open == b.open && (a.open || fly_bytes_equal(a.key, b.key));
}

static fly_status verify_leaf(struct walk *walk, const uint8_t *node, fly_err *err)
{
    const fly_btree *tree = walk->tree;
    uint32_t count = node_count(node);
    walk->stats.leaves++;
    walk->stats.entries += count;
    walk->stats.leaf_bytes += tree->usable - ENTRIES_AT - node_room(node_view(node, tree->usable));
    for (uint32_t entry = 0; entry < count; entry++) {
        struct cell cell;
        bool sound = node_cell(node, tree->usable, entry, &cell);
        FLY_ASSERT(sound);
        if (cell.blob) {
            fly_status status =
                verify_blob(walk, cell.value.data + cell.value.len - FLY_BTREE_BLOB_REF, err);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    return FLY_OK;
}

static fly_status verify_node(struct walk *walk, uint32_t page, uint32_t level, struct bound low,
                              struct bound high, fly_err *err);

static fly_status verify_children(struct walk *walk, const uint8_t *node, uint32_t level,
                                  struct bound low, struct bound high, fly_err *err)
{
    const fly_btree *tree = walk->tree;
    uint32_t count = node_count(node);
    uint8_t *keys = fly_mem_alloc(tree->env->mem, 2 * (size_t)tree->key_max);
    fly_status status = FLY_OK;
    if (keys == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to look at a tree");
    }
    uint8_t *left = keys;
    uint8_t *right = keys + tree->key_max;
    struct bound from = low;
    for (uint32_t i = 0; i <= count && status == FLY_OK; i++) {
        uint32_t child = 0;
        struct bound to = high;
        bool sound = fly__btree_node_child(node, tree->usable, i, &child);
        if (i < count) {
            to.open = false;
            to.key.data = right;
            sound = sound &&
                    fly__btree_node_key(node, tree->usable, i, right, tree->key_max, &to.key.len);
        }
        FLY_ASSERT(sound);
        status = verify_node(walk, child, level - 1, from, to, err);
        from = to;
        if (i < count) {
            uint8_t *swap = left;
            left = right;
            right = swap;
        }
    }
    fly_mem_free(tree->env->mem, keys, 2 * (size_t)tree->key_max);
    return status;
}

static fly_status verify_node(struct walk *walk, uint32_t page, uint32_t level, struct bound low,
                              struct bound high, fly_err *err)
{
    fly_btree *tree = walk->tree;
    fly_status status = see_page(walk, page, err);
    if (status == FLY_OK) {
        status = copy_node(walk, page, level, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    const uint8_t *node = walk->copy[level];
    struct bound own_low;
    struct bound own_high;
    if (fly_page_kind(node) != (level == 0 ? FLY_BTREE_PAGE_LEAF : FLY_BTREE_PAGE_INNER) ||
        node_tree(node) != tree->id || node_level(node) != level) {
        return fly__btree_damaged(tree, page, "is not a node of this tree and level (T1)", err);
    }
    status = fly_btree_check_page(NULL, page, node, tree->usable, err);
    if (status == FLY_OK) {
        status = fly_page_check(node_view(node, tree->usable), true, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    bool sound = fly__btree_node_bound(node, tree->usable, LOW, &own_low) &&
                 fly__btree_node_bound(node, tree->usable, HIGH, &own_high);
    if (!sound || !same_bound(own_low, low) || !same_bound(own_high, high)) {
        return fly__btree_damaged(tree, page, "has other fences than its parent says (T2)", err);
    }
    if (level == 0) {
        return verify_leaf(walk, node, err);
    }
    walk->stats.inner++;
    return verify_children(walk, node, level, low, high, err);
}

/* The root's level, which nobody above it knows. */
static fly_status root_level(fly_btree *tree, uint32_t *level, fly_err *err)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_shared(tree->pool, tree->root, &ref, err);
    if (status != FLY_OK) {
        return status;
    }
    *level = node_level(ref.bytes);
    fly_bufpool_unfix_shared(&ref);
    if (*level >= LEVEL_MAX) {
        return fly__btree_damaged(tree, tree->root, "is higher than any tree", err);
    }
    return FLY_OK;
}

fly_status fly_btree_verify(fly_btree *tree, void (*each)(void *ctx, uint32_t page), void *ctx,
                            fly_btree_stats *stats, fly_err *err)
{
    uint32_t level;
    struct walk walk = {.tree = tree, .each = each, .ctx = ctx};
    struct bound open = {.open = true};
    fly_status status = root_level(tree, &level, err);
    if (status == FLY_OK) {
        status = verify_node(&walk, tree->root, level, open, open, err);
        walk.stats.height = level + 1;
    }
    walk_end(&walk);
    if (status == FLY_OK && stats != NULL) {
        *stats = walk.stats;
    }
    return status;
}

/* ------------------------------------------------------------------------------- drop */

/* Whether a page is still a node of the tree on this level: it may have been dropped, by a drop that
 * was interrupted, and have become something else since. */
static bool is_still_ours(const struct walk *walk, uint32_t page, const uint8_t *node,
                          uint32_t level)
{
    return fly_pagefile_is_used(walk->tree->file, page) &&
           fly_page_kind(node) == (level == 0 ? FLY_BTREE_PAGE_LEAF : FLY_BTREE_PAGE_INNER) &&
           node_tree(node) == walk->tree->id && node_level(node) == level;
}

static fly_status drop_node(struct walk *walk, uint32_t page, uint32_t level, fly_err *err)
{
    fly_btree *tree = walk->tree;
    if (!fly_pagefile_is_used(tree->file, page)) {
        return FLY_OK;
    }
    fly_status status = copy_node(walk, page, level, err);
    if (status != FLY_OK) {
        return status;
    }
    const uint8_t *node = walk->copy[level];
    if (!is_still_ours(walk, page, node, level)) {
        return FLY_OK;
    }
    status = fly_btree_check_page(NULL, page, node, tree->usable, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t count = node_count(node);
    for (uint32_t i = 0; level > 0 && i <= count && status == FLY_OK; i++) {
        uint32_t child;
        status = fly__btree_node_child(node, tree->usable, i, &child)
                     ? drop_node(walk, child, level - 1, err)
                     : fly__btree_damaged(tree, page, "has no sound children", err);
    }
    for (uint32_t i = 0; level == 0 && i < count && status == FLY_OK; i++) {
        struct cell cell;
        if (node_cell(node, tree->usable, i, &cell) && cell.blob &&
            cell.value.len >= FLY_BTREE_BLOB_REF) {
            status = fly__btree_blob_drop(
                tree, cell.value.data + cell.value.len - FLY_BTREE_BLOB_REF, err);
        }
    }
    return status == FLY_OK ? fly_btree_unmake(tree, page, NULL, err) : status;
}

fly_status fly_btree_drop(fly_btree *tree, fly_err *err)
{
    uint32_t level;
    struct walk walk = {.tree = tree};
    fly_status status = root_level(tree, &level, err);
    if (status == FLY_OK) {
        status = drop_node(&walk, tree->root, level, err);
    }
    walk_end(&walk);
    fly_btree_close(tree);
    return status;
}

/* --------------------------------------------------------------------------- Graphviz */

enum { SHOWN_KEY_MAX = 12, LINE_MAX_BYTES = 4096 };

/* A key as it can stand in a label: printable bytes as they are, others in hex. */
static void show_key(char *to, size_t room, const uint8_t *key, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && i < SHOWN_KEY_MAX && used + 5 < room; i++) {
        bool plain = key[i] > ' ' && key[i] < 127 && strchr("\\\"{}|<>", key[i]) == NULL;
        used += (size_t)snprintf(to + used, room - used, plain ? "%c" : "%02x", key[i]);
    }
    (void)snprintf(to + used, room - used, "%s", len > SHOWN_KEY_MAX ? "…" : "");
}

static fly_status dot_node(struct walk *walk, uint32_t page, uint32_t level, fly_err *err)
{
    fly_btree *tree = walk->tree;
    fly_status status = copy_node(walk, page, level, err);
    if (status != FLY_OK) {
        return status;
    }
    const uint8_t *node = walk->copy[level];
    status = fly_btree_check_page(NULL, page, node, tree->usable, err);
    if (status != FLY_OK) {
        return status;
    }
    if (node_tree(node) != tree->id || node_level(node) != level) {
        return fly__btree_damaged(tree, page, "is not a node of this tree and level (T1)", err);
    }
    uint32_t count = node_count(node);
    char line[LINE_MAX_BYTES];
    size_t used =
        (size_t)snprintf(line, sizeof line, "  p%" PRIu32 " [label=\"%" PRIu32, page, page);
    for (uint32_t i = 0; i < count && used + 64 < sizeof line; i++) {
        uint8_t key[FLY_PAGE_SIZE_MAX / 4];
        size_t len = 0;
        if (fly__btree_node_key(node, tree->usable, i, key, sizeof key, &len)) {
            used += (size_t)snprintf(line + used, sizeof line - used, "|");
            show_key(line + used, sizeof line - used - 8, key, len);
            used += strlen(line + used);
        }
    }
    (void)snprintf(line + used, sizeof line - used, "\"];");
    walk->line(walk->ctx, line);
    for (uint32_t i = 0; level > 0 && i <= count && status == FLY_OK; i++) {
        uint32_t child;
        if (!fly__btree_node_child(node, tree->usable, i, &child)) {
            return fly__btree_damaged(tree, page, "has no sound children", err);
        }
        (void)snprintf(line, sizeof line, "  p%" PRIu32 " -> p%" PRIu32 ";", page, child);
        walk->line(walk->ctx, line);
        status = dot_node(walk, child, level - 1, err);
    }
    return status;
}

fly_status fly_btree_dot(fly_btree *tree, void (*line)(void *ctx, const char *text), void *ctx,
                         fly_err *err)
{
    uint32_t level;
    struct walk walk = {.tree = tree, .line = line, .ctx = ctx};
    fly_status status = root_level(tree, &level, err);
    if (status == FLY_OK) {
        line(ctx, "digraph tree {");
        line(ctx, "  node [shape=record, fontname=\"monospace\", fontsize=10];");
        status = dot_node(&walk, tree->root, level, err);
        line(ctx, "}");
    }
    walk_end(&walk);
    return status;
}
