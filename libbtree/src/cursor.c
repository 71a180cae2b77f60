/*
 * Cursors: a copy of one leaf at a time.
 *
 * The copy is taken optimistically and kept, so that moving inside it costs a few instructions and
 * holds nothing. Behind its last entry the cursor goes on at its upper fence, before its first at the
 * lower one.
 *
 * Going forwards, the leaf beyond the fence is nearly always the next child of the parent that was
 * passed on the way down. So the way down notes the numbers of some following children; the cursor
 * goes straight to the next of them and asks whether its lower fence is our upper one. If so it is
 * the leaf we want, however the tree has changed; if not, the tree is asked again from the root.
 * The same numbers serve to read ahead from disk, and to ask for the next leaf's cache lines while
 * this one is being worked through.
 */
#include "btree_int.h"

enum {
    AHEAD_MAX = 32,       /* children noted */
    READ_AHEAD_AFTER = 2, /* leaves in a row before the disk is asked for more */
    PREFETCH_STEP = 2     /* cache lines of the next leaf for each entry of this one */
};

struct fly_btree_cursor {
    fly_btree *tree;
    uint8_t *leaf;    /* the copy */
    uint32_t count;   /* of its entries */
    uint32_t pos;     /* which of them; count: nowhere */
    bool placed;      /* on an entry */
    struct cell cell; /* of that entry */
    size_t key_len;
    uint8_t *key;    /* of that entry: key_max bytes, prefix kept between entries of a leaf */
    uint32_t page;   /* the leaf's number */
    uint32_t streak; /* leaves followed forwards in a row */

    uint32_t ahead[AHEAD_MAX]; /* children behind the leaf, in order */
    uint32_t ahead_at;         /* the next one of them */
    uint32_t ahead_count;
    uint32_t read_to;     /* they have been read ahead up to here */
    const uint8_t *warm;  /* where the next leaf lies in memory, or NULL */
    uint32_t warm_offset; /* how far its lines have been asked for */
};

fly_status fly_btree_cursor_create(fly_btree *tree, fly_btree_cursor **cursor, fly_err *err)
{
    fly_mem *mem = tree->env->mem;
    fly_btree_cursor *made = fly_mem_calloc(mem, 1, sizeof *made);
    if (made != NULL) {
        made->tree = tree;
        made->leaf = fly_mem_alloc_aligned(mem, tree->usable, FLY_CACHE_LINE);
        made->key = fly_mem_alloc(mem, tree->key_max);
        if (made->leaf != NULL && made->key != NULL) {
            *cursor = made;
            return FLY_OK;
        }
        fly_btree_cursor_destroy(made);
    }
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a cursor");
}

void fly_btree_cursor_destroy(fly_btree_cursor *cursor)
{
    if (cursor != NULL) {
        fly_mem *mem = cursor->tree->env->mem;
        fly_mem_free(mem, cursor->leaf, cursor->tree->usable);
        fly_mem_free(mem, cursor->key, cursor->tree->key_max);
        fly_mem_free(mem, cursor, sizeof *cursor);
    }
}

/* --------------------------------------------------------------------- what is ahead */

/* Note the children behind the one we go to. The parent is observed. */
static void note_ahead(fly_btree_cursor *cursor, const struct path *path)
{
    const fly_btree *tree = cursor->tree;
    cursor->ahead_at = 0;
    cursor->ahead_count = 0;
    cursor->read_to = 0;
    if (!path->has_parent) {
        return;
    }
    uint32_t last = node_count(path->parent.bytes);
    uint32_t limit = (tree->usable - ENTRIES_AT) / FLY_PAGE_TAGGED; /* the page may be changing */
    last = last < limit ? last : limit;
    uint32_t count = 0;
    for (uint32_t i = path->child + 1; i <= last && count < AHEAD_MAX; i++) {
        if (!fly__btree_node_child(path->parent.bytes, tree->usable, i, &cursor->ahead[count])) {
            break;
        }
        count++;
    }
    /* Guesses need no proof: whoever follows one looks where it leads. But numbers from a page that
     * has changed may be no pages at all, and would be read from disk. */
    if (fly_bufpool_still(&path->parent)) {
        cursor->ahead_count = count;
    }
}

/* The cursor has come to a leaf by going forwards: have what follows ready. */
static void look_ahead(fly_btree_cursor *cursor)
{
    fly_btree *tree = cursor->tree;
    cursor->warm = NULL;
    if (cursor->ahead_at >= cursor->ahead_count) {
        return;
    }
    uint32_t next = cursor->ahead[cursor->ahead_at];
    if (cursor->streak >= READ_AHEAD_AFTER && cursor->ahead_at >= cursor->read_to) {
        uint32_t left = cursor->ahead_count - cursor->ahead_at;
        if (!fly_bufpool_has(tree->pool, next)) {
            fly_bufpool_read_ahead(tree->pool, cursor->ahead + cursor->ahead_at, left);
        }
        cursor->read_to = cursor->ahead_count;
    }
    cursor->warm = fly_bufpool_address(tree->pool, next);
    cursor->warm_offset = 0;
}

/* Ask for some more lines of the next leaf. */
static inline void warm_up(fly_btree_cursor *cursor)
{
    if (cursor->warm != NULL && cursor->warm_offset < cursor->tree->usable) {
        for (int i = 0; i < PREFETCH_STEP; i++) {
            fly_prefetch(cursor->warm + cursor->warm_offset);
            cursor->warm_offset += FLY_CACHE_LINE;
        }
    }
}

/* ------------------------------------------------------------------------ taking leaves */

/* Take a copy of an observed leaf. False: it changed meanwhile. */
static bool copy_leaf(fly_btree_cursor *cursor, const fly_pageref *leaf)
{
    cursor->placed = false;
    memcpy(cursor->leaf, leaf->bytes, cursor->tree->usable / 2);
    FLY_POINT("half a leaf copied", leaf->latch);
    memcpy(cursor->leaf + cursor->tree->usable / 2, leaf->bytes + cursor->tree->usable / 2,
           cursor->tree->usable - cursor->tree->usable / 2);
    cursor->page = leaf->page;
    return fly_bufpool_unchanged(leaf);
}

/* Make the copy usable. */
static fly_status adopt_leaf(fly_btree_cursor *cursor, fly_err *err)
{
    const fly_btree *tree = cursor->tree;
    struct bound low;
    cursor->count = node_count(cursor->leaf);
    uint32_t prefix = node_prefix(cursor->leaf);
    if (ENTRIES_AT + cursor->count * FLY_PAGE_TAGGED > tree->usable || prefix > tree->key_max ||
        !fly__btree_node_bound(cursor->leaf, tree->usable, LOW, &low) || prefix > low.key.len) {
        return fly__btree_damaged(tree, cursor->page, "is not the leaf it should be", err);
    }
    if (prefix > 0) {
        memcpy(cursor->key, low.key.data, prefix);
    }
    return FLY_OK;
}

/* Whether the copied leaf is the one for a key, or BEFORE: for what is just before it. In a sound tree
 * it is. In a damaged one a cursor that went on from fence to fence might go in circles. */
static bool leads_on(const fly_btree_cursor *cursor, fly_bytes key, enum direction direction)
{
    uint32_t usable = cursor->tree->usable;
    struct bound low;
    struct bound high;
    if (direction == TOWARDS) {
        return fly__btree_node_covers(cursor->leaf, usable, key);
    }
    return fly__btree_node_bound(cursor->leaf, usable, LOW, &low) &&
           fly__btree_node_bound(cursor->leaf, usable, HIGH, &high) &&
           (low.open || fly_bytes_cmp(low.key, key) < 0) &&
           (high.open || fly_bytes_cmp(key, high.key) <= 0);
}

/* Go down to the leaf for a key and copy it. */
static fly_status seek_leaf(fly_btree_cursor *cursor, fly_bytes key, enum direction direction,
                            fly_err *err)
{
    struct path path;
    cursor->streak = 0;
    do {
        cursor->placed = false;
        fly_status status = fly__btree_descend(cursor->tree, key, direction, 0, true, &path, err);
        if (status != FLY_OK) {
            return status;
        }
        note_ahead(cursor, &path);
        if (path.has_parent) {
            fly_bufpool_forget(&path.parent);
        }
    } while (!copy_leaf(cursor, &path.node));
    if (!leads_on(cursor, key, direction)) {
        return fly__btree_damaged(cursor->tree, cursor->page, "is not the leaf it should be", err);
    }
    return adopt_leaf(cursor, err);
}

/* Put the cursor on entry `pos` of its leaf. */
static inline fly_status place(fly_btree_cursor *cursor, uint32_t pos, fly_err *err)
{
    const fly_btree *tree = cursor->tree;
    uint32_t prefix = node_prefix(cursor->leaf);
    if (FLY_UNLIKELY(!node_cell(cursor->leaf, tree->usable, pos, &cursor->cell) ||
                     prefix + cursor->cell.suffix_len > tree->key_max)) {
        return fly__btree_damaged(tree, cursor->page, "is not the leaf it should be", err);
    }
    uint8_t tag[TAG_BYTES];
    fly_put_u32be(tag, node_tag(cursor->leaf, pos));
    uint32_t suffix_len = cursor->cell.suffix_len;
    uint8_t *to = cursor->key + prefix;
    if (FLY_LIKELY(suffix_len >= TAG_BYTES)) {
        memcpy(to, tag, TAG_BYTES);
        memcpy(to + TAG_BYTES, cursor->cell.rest, suffix_len - TAG_BYTES);
    } else {
        memcpy(to, tag, suffix_len);
    }
    cursor->key_len = prefix + suffix_len;
    cursor->pos = pos;
    cursor->placed = true;
    return FLY_OK;
}

/* Follow a noted child: true if it is the leaf that begins where ours ends, copied. */
static bool follow(fly_btree_cursor *cursor, fly_bytes high)
{
    fly_btree *tree = cursor->tree;
    fly_pageref leaf;
    struct bound low;
    if (cursor->ahead_at >= cursor->ahead_count) {
        return false;
    }
    uint32_t page = cursor->ahead[cursor->ahead_at++];
    if (!fly_bufpool_has(tree->pool, page) && cursor->streak < READ_AHEAD_AFTER) {
        /* Not in memory: then the way from the root, which knows for sure, costs nothing extra. */
        cursor->ahead_count = 0;
        return false;
    }
    if (fly_bufpool_observe(tree->pool, page, &leaf, NULL) != FLY_OK) {
        return false;
    }
    bool ours = fly_page_kind(leaf.bytes) == FLY_BTREE_PAGE_LEAF &&
                node_tree(leaf.bytes) == tree->id &&
                fly__btree_node_bound(leaf.bytes, tree->usable, LOW, &low) && !low.open &&
                fly_bytes_equal(low.key, high);
    if (!ours) {
        fly_bufpool_forget(&leaf);
        return false;
    }
    return copy_leaf(cursor, &leaf) && leads_on(cursor, high, TOWARDS);
}

/* Step to the first entry behind the leaf's upper fence. */
static fly_status next_leaf(fly_btree_cursor *cursor, fly_err *err)
{
    const fly_btree *tree = cursor->tree;
    uint8_t high_bytes[FLY_PAGE_SIZE_MAX / 4];
    for (;;) {
        struct bound high;
        if (!fly__btree_node_bound(cursor->leaf, tree->usable, HIGH, &high) ||
            high.key.len > sizeof high_bytes) {
            return fly__btree_damaged(tree, cursor->page, "has no sound fence", err);
        }
        if (high.open) {
            cursor->placed = false;
            return FLY_E_END;
        }
        /* The copy is about to be replaced. */
        fly_bytes key = fly_bytes_of(high_bytes, high.key.len);
        memcpy(high_bytes, high.key.data, high.key.len);
        uint32_t streak = cursor->streak + 1;
        bool followed = follow(cursor, key);
        fly_status status = followed ? adopt_leaf(cursor, err)
                                     : seek_leaf(cursor, key, TOWARDS, err);
        if (status != FLY_OK) {
            return status;
        }
        /* A leaf that was merged or given entries meanwhile begins before the fence. */
        uint32_t pos = 0;
        bool found;
        if (!followed && !fly__btree_node_search(cursor->leaf, tree->usable, key, &pos, &found)) {
            return fly__btree_damaged(tree, cursor->page, "is not the leaf it should be", err);
        }
        cursor->streak = streak;
        look_ahead(cursor);
        if (pos < cursor->count) {
            return place(cursor, pos, err);
        }
    }
}

/* Step to the last entry of the previous leaf that has one. */
static fly_status previous_leaf(fly_btree_cursor *cursor, fly_err *err)
{
    const fly_btree *tree = cursor->tree;
    uint8_t low_bytes[FLY_PAGE_SIZE_MAX / 4];
    for (;;) {
        struct bound low;
        if (!fly__btree_node_bound(cursor->leaf, tree->usable, LOW, &low) ||
            low.key.len > sizeof low_bytes) {
            return fly__btree_damaged(tree, cursor->page, "has no sound fence", err);
        }
        if (low.open) {
            cursor->placed = false;
            return FLY_E_END;
        }
        fly_bytes key = fly_bytes_of(low_bytes, low.key.len);
        memcpy(low_bytes, low.key.data, low.key.len);
        fly_status status = seek_leaf(cursor, key, BEFORE, err);
        if (status != FLY_OK) {
            return status;
        }
        if (cursor->count > 0) {
            /* All of it is before the key, unless the leaf has grown over it meanwhile. */
            uint32_t pos;
            bool found;
            if (!fly__btree_node_search(cursor->leaf, tree->usable, key, &pos, &found)) {
                return fly__btree_damaged(tree, cursor->page, "is not the leaf it should be", err);
            }
            if (pos > 0) {
                return place(cursor, pos - 1, err);
            }
        }
    }
}

/* ----------------------------------------------------------------------------- the calls */

fly_status fly_btree_cursor_seek(fly_btree_cursor *cursor, fly_bytes key, fly_err *err)
{
    if (key.len > cursor->tree->key_max) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a key of %zu bytes is longer than the limit of %u", key.len,
                           (unsigned)cursor->tree->key_max);
    }
    fly_status status = seek_leaf(cursor, key, TOWARDS, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t pos;
    bool found;
    if (!fly__btree_node_search(cursor->leaf, cursor->tree->usable, key, &pos, &found)) {
        return fly__btree_damaged(cursor->tree, cursor->page, "is not the leaf it should be", err);
    }
    look_ahead(cursor);
    return pos < cursor->count ? place(cursor, pos, err) : next_leaf(cursor, err);
}

fly_status fly_btree_cursor_seek_before(fly_btree_cursor *cursor, fly_bytes key, bool or_equal,
                                        fly_err *err)
{
    if (key.len > cursor->tree->key_max) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a key of %zu bytes is longer than the limit of %u", key.len,
                           (unsigned)cursor->tree->key_max);
    }
    fly_status status = seek_leaf(cursor, key, or_equal ? TOWARDS : BEFORE, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t pos;
    bool found;
    if (!fly__btree_node_search(cursor->leaf, cursor->tree->usable, key, &pos, &found)) {
        return fly__btree_damaged(cursor->tree, cursor->page, "is not the leaf it should be", err);
    }
    if (found && or_equal) {
        return place(cursor, pos, err);
    }
    return pos > 0 ? place(cursor, pos - 1, err) : previous_leaf(cursor, err);
}

fly_status fly_btree_cursor_first(fly_btree_cursor *cursor, fly_err *err)
{
    return fly_btree_cursor_seek(cursor, fly_bytes_of(NULL, 0), err);
}

fly_status fly_btree_cursor_last(fly_btree_cursor *cursor, fly_err *err)
{
    struct path path;
    do {
        fly_status status = fly__btree_descend_last(cursor->tree, &path, err);
        if (status != FLY_OK) {
            return status;
        }
        cursor->ahead_count = 0;
    } while (!copy_leaf(cursor, &path.node));
    fly_status status = adopt_leaf(cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    return cursor->count > 0 ? place(cursor, cursor->count - 1, err) : previous_leaf(cursor, err);
}

fly_status fly_btree_cursor_next(fly_btree_cursor *cursor, fly_err *err)
{
    if (FLY_UNLIKELY(!cursor->placed)) {
        return FLY_E_END;
    }
    if (FLY_LIKELY(cursor->pos + 1 < cursor->count)) {
        warm_up(cursor);
        return place(cursor, cursor->pos + 1, err);
    }
    return next_leaf(cursor, err);
}

fly_status fly_btree_cursor_previous(fly_btree_cursor *cursor, fly_err *err)
{
    if (!cursor->placed) {
        return FLY_E_END;
    }
    return cursor->pos > 0 ? place(cursor, cursor->pos - 1, err) : previous_leaf(cursor, err);
}

/* The number of the first entry of the leaf at or behind a key: all, if it is not in this leaf. */
static uint32_t limit_at(const fly_btree_cursor *cursor, fly_bytes end)
{
    uint32_t usable = cursor->tree->usable;
    uint32_t pos = 0;
    bool found;
    if (end.len == 0 || !fly__btree_node_covers(cursor->leaf, usable, end)) {
        return cursor->count;
    }
    return fly__btree_node_search(cursor->leaf, usable, end, &pos, &found) ? pos : 0;
}

uint32_t fly_btree_cursor_look(const fly_btree_cursor *cursor, fly_bytes end,
                               fly_btree_entry *entries, uint32_t room)
{
    uint32_t n = 0;
    if (!cursor->placed) {
        return 0;
    }
    uint32_t limit = limit_at(cursor, end);
    for (uint32_t pos = cursor->pos + 1; pos < limit && n < room; pos++, n++) {
        struct cell cell;
        if (FLY_UNLIKELY(!node_cell(cursor->leaf, cursor->tree->usable, pos, &cell))) {
            break; /* which the next step will report */
        }
        entries[n] = (fly_btree_entry){.value = cell.value, .blob = cell.blob};
    }
    return n;
}

fly_status fly_btree_cursor_skip(fly_btree_cursor *cursor, uint32_t entries, fly_err *err)
{
    FLY_ASSERT(cursor->placed && entries >= 1 && entries < cursor->count - cursor->pos);
    for (uint32_t i = 0; i < entries; i++) {
        warm_up(cursor);
    }
    return place(cursor, cursor->pos + entries, err);
}

fly_bytes fly_btree_cursor_key(const fly_btree_cursor *cursor)
{
    FLY_ASSERT(cursor->placed);
    return fly_bytes_of(cursor->key, cursor->key_len);
}

fly_btree_entry fly_btree_cursor_entry(const fly_btree_cursor *cursor)
{
    FLY_ASSERT(cursor->placed);
    return (fly_btree_entry){.value = cursor->cell.value, .blob = cursor->cell.blob};
}

fly_status fly_btree_cursor_value(fly_btree_cursor *cursor, void *buffer, size_t room,
                                  uint64_t *len, fly_err *err)
{
    FLY_ASSERT(cursor->placed);
    if (cursor->cell.blob) {
        /* The blob may have been freed since the leaf was copied: ask the tree. */
        return fly_btree_get(cursor->tree, fly_btree_cursor_key(cursor), buffer, room, len, err);
    }
    *len = cursor->cell.value.len;
    if (*len > room) {
        return FLY_E_FULL;
    }
    memcpy(buffer, cursor->cell.value.data, cursor->cell.value.len);
    return FLY_OK;
}
