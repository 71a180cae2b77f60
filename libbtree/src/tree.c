/*
 * Going down, reading an entry, changing an entry.
 *
 * Optimistic lock coupling. For each step from a node to its child:
 *
 *     1  read the child's number from the node, and ask whether the node still stands
 *     2  observe the child
 *     3  ask again whether the node still stands
 *
 * After 1 the number is one that stood in the node; after 3 the child was the node's child at the
 * time it was observed, so that whatever happens later shows in the child's own version. If a node
 * does not stand, begin again at the root.
 *
 * A writer goes down in the same way and takes only the leaf exclusive. A leaf without room is left
 * alone, made room in (grow.c), and looked for again.
 *
 * In a small pool whose other pages all wait to be written, fetching a child may take the parent's
 * place, and fetching the parent the child's, for ever. So whoever has begun again too often holds
 * the parent shared while the child is fetched: then some other page has to go.
 *
 * What is read from a page before it was asked for may be torn; node.c bounds it. Only when a page
 * still stands and makes no sense is it damaged. Nor need a child be readable once its parent has
 * changed: it may have been freed, and a page that was freed before it was ever written is nothing
 * but zeros in the file.
 */
#include "btree_int.h"

#include <inttypes.h>

enum {
    RESTARTS_BEFORE_YIELD = 8,
    RESTARTS_BEFORE_HOLDING = 16 /* after which a parent is held while its child is fetched */
};

static const fly_trace_type events[] = {
    {FLY_BTREE_EVENT_SPLIT, "node split", {"tree", "page", "new", "level"}},
    {FLY_BTREE_EVENT_MERGED, "nodes merged", {"tree", "page", "freed", "level"}},
    {FLY_BTREE_EVENT_SHIFTED, "entries shifted", {"tree", "page", "neighbour", "level"}},
    {FLY_BTREE_EVENT_GREW, "tree grew", {"tree", "root", "height", NULL}},
    {FLY_BTREE_EVENT_SHRANK, "tree shrank", {"tree", "root", "height", NULL}},
    {FLY_BTREE_EVENT_RESTART, "descent restarted", {"tree", "page", NULL, NULL}},
};

/* --------------------------------------------------------------------- open and close */

static fly_status make_handle(fly_env *env, const fly_btree_options *options, uint32_t root,
                              fly_btree **tree, fly_err *err)
{
    fly_btree *made = fly_mem_alloc(env->mem, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to open tree %" PRIu32, options->id);
    }
    *made = (fly_btree){.env = env,
                        .pool = options->pool,
                        .file = fly_bufpool_file(options->pool),
                        .id = options->id,
                        .root = root};
    if (options->logger != NULL) {
        made->logger = *options->logger;
    }
    made->usable = fly_pagefile_usable(made->file);
    /* Two fences and two keys must fit a node beside each other (see grow.c); a quarter of a page is
     * where a value becomes a blob. */
    made->key_max = fly_btree_key_max_of(made->usable);
    made->entry_max = (made->usable - ENTRIES_AT) / 4;
    if (env->trace != NULL) {
        fly_trace_register(env->trace, events, sizeof events / sizeof events[0]);
    }
    *tree = made;
    return FLY_OK;
}

static fly_status make_root(fly_btree *tree, void *op, fly_pageref *ref, fly_err *err)
{
    fly_status status = fly__btree_new_page(tree, FLY_PAGE_NONE, ref, err);
    if (status != FLY_OK) {
        return status;
    }
    uint8_t image[FLY_PAGE_SIZE_MAX];
    struct bound open = {.open = true};
    fly__btree_node_init(node_view(image, tree->usable), ref->page, tree->id, 0, open, open);
    struct action actions[] = {
        {.type = ACTION_ALLOC, .page = ref->page},
        {.type = ACTION_IMAGE, .page = ref->page, .ref = ref},
    };
    fly__btree_image(image, tree->usable, actions[1].body);
    status = fly__btree_change(tree, op, actions, 2, err);
    if (status == FLY_OK) {
        fly_bufpool_unfix_exclusive(ref);
    } else {
        fly__btree_unmake_page(tree, ref);
    }
    return status;
}

fly_status fly_btree_create(fly_env *env, const fly_btree_options *options, void *op,
                            uint32_t *root, fly_btree **tree, fly_err *err)
{
    fly_btree *made = NULL;
    fly_pageref ref;
    fly_status status = make_handle(env, options, 0, &made, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__btree_begin_structure(made);
    status = make_root(made, op, &ref, err);
    fly__btree_end_structure(made);
    if (status != FLY_OK) {
        fly_btree_close(made);
        return status;
    }
    made->root = ref.page;
    *root = ref.page;
    *tree = made;
    return FLY_OK;
}

static bool is_node_of(const fly_btree *tree, const uint8_t *bytes)
{
    uint8_t kind = fly_page_kind(bytes);
    return (kind == FLY_BTREE_PAGE_LEAF || kind == FLY_BTREE_PAGE_INNER) &&
           node_tree(bytes) == tree->id;
}

fly_status fly_btree_open(fly_env *env, const fly_btree_options *options, uint32_t root,
                          fly_btree **tree, fly_err *err)
{
    fly_btree *made = NULL;
    fly_pageref ref;
    fly_status status = make_handle(env, options, root, &made, err);
    if (status != FLY_OK) {
        return status;
    }
    if (root == FLY_PAGE_NONE) {
        *tree = made;
        return FLY_OK;
    }
    status = fly_bufpool_fix_shared(made->pool, root, &ref, err);
    if (status == FLY_OK) {
        bool ours = is_node_of(made, ref.bytes);
        fly_bufpool_unfix_shared(&ref);
        status = ours ? FLY_OK : fly__btree_damaged(made, root, "is not a root of this tree", err);
    }
    if (status != FLY_OK) {
        fly_btree_close(made);
        return status;
    }
    *tree = made;
    return FLY_OK;
}

void fly_btree_close(fly_btree *tree)
{
    if (tree != NULL) {
        fly_mem_free(tree->env->mem, tree, sizeof *tree);
    }
}

uint32_t fly_btree_root(const fly_btree *tree)
{
    return tree->root;
}

uint32_t fly_btree_key_max_of(uint32_t usable)
{
    return (usable - ENTRIES_AT) / 5 - 32;
}

size_t fly_btree_key_max(const fly_btree *tree)
{
    return tree->key_max;
}

size_t fly_btree_inline_max(const fly_btree *tree, size_t key_len)
{
    /* A key may be nearly as long as an entry; a blob's reference always fits beside it. */
    size_t key_bytes = FLY_PAGE_TAGGED + CELL_HEADER + key_len;
    size_t least = 2 * FLY_BTREE_BLOB_REF;
    return key_bytes + least < tree->entry_max ? tree->entry_max - key_bytes : least;
}

uint64_t fly_btree_value_max(const fly_btree *tree)
{
    uint64_t max = FLY_BTREE_VALUE_MAX - 1;
    if (tree->logger.append != NULL) {
        uint64_t pages = (tree->logger.record_max - RECORD_HEADER) / ACTION_HEADER;
        uint64_t bytes = (pages - 1) * (tree->usable - BLOB_AT_DATA);
        max = bytes < max ? bytes : max;
    }
    return max;
}

fly_status fly__btree_damaged(const fly_btree *tree, uint32_t page, const char *what, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "page %" PRIu32 " of tree %" PRIu32 " in \"%s\" %s",
                       page, tree->id, fly_pagefile_path(tree->file), what);
}

static fly_status check_key(const fly_btree *tree, fly_bytes key, fly_err *err)
{
    if (key.len > tree->key_max) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a key of %zu bytes is longer than the limit of %" PRIu32, key.len,
                           tree->key_max);
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------- going down */

void fly__btree_forget(const struct path *path)
{
    fly_bufpool_forget(&path->node);
    if (path->has_parent) {
        fly_bufpool_forget(&path->parent);
    }
}

bool fly__btree_upgrade(fly_btree *tree, struct path *path)
{
    if (!path->has_parent) {
        return fly_bufpool_upgrade(&path->node);
    }
    /* Whoever waits for a parent holds nothing below it: where observing is shared latching, somebody
     * else may hold the parent and wait for the node. */
    fly_pageref before = path->node;
    fly_bufpool_forget(&path->node);
    if (!fly_bufpool_upgrade(&path->parent)) {
        return false;
    }
    if (fly_bufpool_observe(tree->pool, before.page, &path->node, NULL) != FLY_OK) {
        fly_bufpool_unfix_unchanged(&path->parent);
        return false; /* what failed will fail again on the way down, and say why */
    }
    if (path->node.latch != before.latch || path->node.version != before.version) {
        fly_bufpool_forget(&path->node);
        fly_bufpool_unfix_unchanged(&path->parent);
        return false;
    }
    if (!fly_bufpool_upgrade(&path->node)) {
        fly_bufpool_unfix_unchanged(&path->parent);
        return false;
    }
    return true;
}

void fly__btree_release_unchanged(const struct path *path)
{
    fly_bufpool_unfix_unchanged(&path->node);
    if (path->has_parent) {
        fly_bufpool_unfix_unchanged(&path->parent);
    }
}

void fly__btree_release(const struct path *path)
{
    fly_bufpool_unfix_exclusive(&path->node);
    if (path->has_parent) {
        fly_bufpool_unfix_exclusive(&path->parent);
    }
}

/* Ask for the lines of a leaf that a search will look at, before it waits for the first: the slots
 * of a leaf of usual entries. Inner nodes are larger and mostly in the cache. */
static inline void prefetch_leaf(const uint8_t *bytes)
{
    enum { LINES = 10 };
    for (int line = 0; line < LINES; line++) {
        fly_prefetch(bytes + (size_t)line * FLY_CACHE_LINE);
    }
}

/* Where to go from an inner node. Optimistic. */
static inline bool choose_child(const fly_btree *tree, const uint8_t *bytes, fly_bytes key,
                                enum direction direction, uint32_t *index, uint32_t *child)
{
    bool found;
    if (direction == LAST) {
        *index = node_count(bytes);
        return ENTRIES_AT + *index * FLY_PAGE_TAGGED <= tree->usable &&
               fly__btree_node_child(bytes, tree->usable, *index, child);
    }
    if (!fly__btree_node_search(bytes, tree->usable, key, index, &found)) {
        return false;
    }
    *index += found && direction == TOWARDS ? 1 : 0;
    return fly__btree_node_child(bytes, tree->usable, *index, child);
}

/* Observe a child of an observed parent; with `hold` the parent is shared meanwhile. */
static inline fly_status observe_child(fly_btree *tree, const fly_pageref *parent, uint32_t child,
                                       bool hold, fly_pageref *node, fly_err *err)
{
    if (FLY_LIKELY(!hold)) {
        return fly_bufpool_observe(tree->pool, child, node, err);
    }
    fly_pageref held;
    fly_status status = fly_bufpool_fix_shared(tree->pool, parent->page, &held, err);
    if (status == FLY_OK) {
        status = fly_bufpool_observe(tree->pool, child, node, err);
        fly_bufpool_unfix_shared(&held);
    }
    return status;
}

/* The outcome of one attempt to go down. */
enum attempt { ARRIVED, AGAIN, FAILED };

static enum attempt try_descend(fly_btree *tree, fly_bytes key, enum direction direction,
                                uint32_t level, bool keep_parent, bool hold, struct path *path,
                                fly_status *status, fly_err *err)
{
    *status = fly_bufpool_observe(tree->pool, tree->root, &path->node, err);
    if (*status != FLY_OK) {
        return FAILED;
    }
    path->has_parent = false;
    uint32_t expected = LEVEL_MAX; /* of the node; of the root any level is right */
    for (;;) {
        fly_pageref *node = &path->node;
        const uint8_t *bytes = node->bytes;
        if (expected == 0) {
            prefetch_leaf(bytes);
        }
        uint32_t at_level = node_level(bytes);
        bool sound = is_node_of(tree, bytes) && at_level < LEVEL_MAX &&
                     (expected == LEVEL_MAX || at_level == expected);
        if (sound && at_level <= level) {
            if (at_level == level) {
                return ARRIVED;
            }
            if (!fly_bufpool_still(node)) {
                break;
            }
            *status = FLY_E_NOT_FOUND; /* the root, and lower than was asked for */
            fly__btree_forget(path);
            return FAILED;
        }
        uint32_t index = 0;
        uint32_t child = 0;
        sound = sound && choose_child(tree, bytes, key, direction, &index, &child);
        FLY_POINT("child chosen", node->latch);
        if (!fly_bufpool_still(node)) {
            break;
        }
        if (!sound) {
            *status = fly__btree_damaged(tree, node->page, "is not the node it should be", err);
            fly__btree_forget(path);
            return FAILED;
        }
        if (path->has_parent) {
            fly_bufpool_forget(&path->parent);
        }
        path->parent = *node;
        path->has_parent = true;
        path->child = index;
        *status = observe_child(tree, &path->parent, child, hold, node, NULL);
        if (FLY_UNLIKELY(*status != FLY_OK) && fly_bufpool_still(&path->parent)) {
            *status = observe_child(tree, &path->parent, child, hold, node, err);
        }
        if (FLY_UNLIKELY(*status != FLY_OK)) {
            bool stands = fly_bufpool_still(&path->parent);
            fly_bufpool_forget(&path->parent);
            if (stands) {
                return FAILED;
            }
            FLY_TRACE(tree->env->trace, FLY_BTREE_EVENT_RESTART, tree->id, child, 0, 0);
            return AGAIN;
        }
        if (!fly_bufpool_still(&path->parent)) {
            break;
        }
        expected = at_level - 1;
        if (!keep_parent) {
            fly_bufpool_forget(&path->parent);
            path->has_parent = false;
        }
    }
    FLY_TRACE(tree->env->trace, FLY_BTREE_EVENT_RESTART, tree->id, path->node.page, 0, 0);
    fly__btree_forget(path);
    return AGAIN;
}

fly_status fly__btree_descend(fly_btree *tree, fly_bytes key, enum direction direction,
                              uint32_t level, bool keep_parent, struct path *path, fly_err *err)
{
    for (int restarts = 0;; restarts++) {
        fly_status status = FLY_OK;
        enum attempt attempt = try_descend(tree, key, direction, level, keep_parent,
                                           restarts >= RESTARTS_BEFORE_HOLDING, path, &status, err);
        if (FLY_LIKELY(attempt != AGAIN)) {
            return status;
        }
        if (restarts >= RESTARTS_BEFORE_YIELD) {
            fly_yield();
        }
    }
}

fly_status fly__btree_descend_last(fly_btree *tree, struct path *path, fly_err *err)
{
    return fly__btree_descend(tree, fly_bytes_of(NULL, 0), LAST, 0, false, path, err);
}

/* ---------------------------------------------------------------------- with a hint */

/* Observe the leaf of a hint, if it is in memory and the key is its business. `*follows`, which may be
 * NULL: the key goes behind all entries. */
static bool try_hint(fly_btree *tree, const fly_btree_hint *hint, fly_bytes key, fly_pageref *leaf,
                     bool *follows)
{
    if (hint == NULL || hint->streak == 0 || !fly_bufpool_has(tree->pool, hint->page) ||
        fly_bufpool_observe(tree->pool, hint->page, leaf, NULL) != FLY_OK) {
        return false;
    }
    const uint8_t *bytes = leaf->bytes;
    if (is_node_of(tree, bytes) && node_level(bytes) == 0) {
        FLY_POINT("hint read", leaf->latch);
        bool behind = follows != NULL && fly__btree_node_follows(bytes, tree->usable, key);
        if ((behind || fly__btree_node_covers(bytes, tree->usable, key)) &&
            fly_bufpool_still(leaf)) {
            if (follows != NULL) {
                *follows = behind;
            }
            return true;
        }
    }
    fly_bufpool_forget(leaf);
    return false;
}

static void note_hint(fly_btree_hint *hint, uint32_t page)
{
    if (hint != NULL) {
        hint->streak = hint->page == page ? hint->streak + 1 : 0;
        hint->page = page;
    }
}

/* Observe the leaf for a key. `*follows` as above; it is set only if it is true. */
static fly_status find_leaf(fly_btree *tree, fly_btree_hint *hint, fly_bytes key, fly_pageref *leaf,
                            bool *follows, fly_err *err)
{
    if (try_hint(tree, hint, key, leaf, follows)) {
        hint->streak++;
        return FLY_OK;
    }
    struct path path;
    fly_status status = fly__btree_descend(tree, key, TOWARDS, 0, false, &path, err);
    if (status == FLY_OK) {
        *leaf = path.node;
        note_hint(hint, leaf->page);
    }
    return status;
}

/* ----------------------------------------------------------------------------- reading */

/* Copy what an observed leaf says about a key. Optimistic: false if it makes no sense. */
static bool copy_entry(const fly_btree *tree, const uint8_t *bytes, fly_bytes key, uint8_t *buffer,
                       fly_btree_entry *entry, bool *found)
{
    uint32_t pos;
    struct cell cell;
    if (!fly__btree_node_search(bytes, tree->usable, key, &pos, found)) {
        return false;
    }
    FLY_POINT("entry found", bytes);
    if (!*found) { /* not here, or not the leaf where it would be */
        return fly__btree_node_covers(bytes, tree->usable, key);
    }
    if (!node_cell(bytes, tree->usable, pos, &cell) || cell.value.len > tree->entry_max) {
        return false;
    }
    memcpy(buffer, cell.value.data, cell.value.len);
    *entry = (fly_btree_entry){.value = fly_bytes_of(buffer, cell.value.len), .blob = cell.blob};
    return true;
}

fly_status fly_btree_read(fly_btree *tree, fly_btree_hint *hint, fly_bytes key, uint8_t *buffer,
                          fly_btree_entry *entry, fly_err *err)
{
    if (key.len > tree->key_max) {
        return FLY_E_NOT_FOUND;
    }
    for (;;) {
        fly_pageref leaf;
        fly_status status = find_leaf(tree, hint, key, &leaf, NULL, err);
        if (FLY_UNLIKELY(status != FLY_OK)) {
            return status;
        }
        bool found = false;
        bool sound = copy_entry(tree, leaf.bytes, key, buffer, entry, &found);
        if (FLY_LIKELY(fly_bufpool_unchanged(&leaf))) {
            if (FLY_UNLIKELY(!sound)) {
                return fly__btree_damaged(tree, leaf.page, "is not the leaf it should be", err);
            }
            return found ? FLY_OK : FLY_E_NOT_FOUND;
        }
    }
}

/* ----------------------------------------------------------------------------- changing */

static size_t change_len(const fly_btree_change *change)
{
    return change->value[0].len + change->value[1].len + change->value[2].len;
}

static void put_value(uint8_t *to, const fly_btree_change *change)
{
    for (int i = 0; i < 3; i++) {
        if (change->value[i].len > 0) {
            memcpy(to, change->value[i].data, change->value[i].len);
            to += change->value[i].len;
        }
    }
}

static fly_status log_entry(fly_btree *tree, void *op, uint8_t type, const fly_pageref *leaf,
                            fly_bytes key, const fly_btree_change *change, uint64_t *lsn,
                            fly_err *err)
{
    uint8_t header[ENTRY_BODY_HEADER];
    fly_put_u32(header, tree->id);
    fly_put_u32(header + 4, leaf->page);
    header[8] = type == FLY_BTREE_LOG_PUT && change->blob ? ENTRY_FLAG_BLOB : 0;
    fly_put_u16(header + 9, (uint16_t)key.len);
    fly_bytes pieces[] = {fly_bytes_of(header, sizeof header), key, change->value[0],
                          change->value[1], change->value[2]};
    return fly__btree_log(tree, op, type, pieces, type == FLY_BTREE_LOG_PUT ? 5 : 2, &leaf, 1, lsn,
                          err);
}

/* Put an entry into an exclusive leaf that has room for it. */
static fly_status put_entry(fly_btree *tree, const fly_pageref *leaf, fly_bytes key, uint32_t pos,
                            bool found, const fly_btree_change *change, void *op, fly_err *err)
{
    uint64_t lsn;
    fly_status status = log_entry(tree, op, FLY_BTREE_LOG_PUT, leaf, key, change, &lsn, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_page page = node_view(leaf->bytes, tree->usable);
    size_t len = change_len(change);
    uint8_t *to = found ? fly__btree_node_resize(page, pos, len, change->blob)
                        : fly__btree_node_open(page, pos, key, len, change->blob);
    FLY_ASSERT(to != NULL);
    put_value(to, change);
    fly__btree_set_lsn(leaf->bytes, lsn);
    return FLY_OK;
}

static fly_status remove_entry(fly_btree *tree, const fly_pageref *leaf, fly_bytes key,
                               uint32_t pos, void *op, fly_err *err)
{
    uint64_t lsn;
    fly_btree_change nothing = {.verdict = FLY_BTREE_REMOVE};
    fly_status status = log_entry(tree, op, FLY_BTREE_LOG_REMOVE, leaf, key, &nothing, &lsn, err);
    if (status != FLY_OK) {
        return status;
    }
    node_remove(node_view(leaf->bytes, tree->usable), pos);
    fly__btree_set_lsn(leaf->bytes, lsn);
    return FLY_OK;
}

/* What is to be done about an exclusive leaf after the decision. */
enum outcome { DONE, CHANGED, NEEDS_ROOM, NEEDS_MERGE };

/* Carry a decision out, if the leaf has room for it; `*need` is what it lacks. */
static fly_status carry_out(fly_btree *tree, const fly_pageref *leaf, fly_bytes key, uint32_t pos,
                            bool found, const struct cell *cell, const fly_btree_change *change,
                            void *op, enum outcome *outcome, uint32_t *need, fly_err *err)
{
    fly_page page = node_view(leaf->bytes, tree->usable);
    *outcome = DONE;
    if (change->verdict == FLY_BTREE_KEEP || (change->verdict == FLY_BTREE_REMOVE && !found)) {
        return FLY_OK;
    }
    if (change->verdict == FLY_BTREE_REMOVE) {
        fly_status status = remove_entry(tree, leaf, key, pos, op, err);
        if (status == FLY_OK) {
            *outcome = fly__btree_is_sparse(page) ? NEEDS_MERGE : CHANGED;
        }
        return status;
    }
    size_t len = change_len(change);
    if (len > fly_btree_inline_max(tree, key.len)) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a value of %zu bytes does not fit a leaf beside a key of %zu", len,
                           key.len);
    }
    *need = fly__btree_node_entry_size(leaf->bytes, key.len, len);
    if (found && len <= cell->value.len) {
        *need = 0;
    } else if (found) {
        /* The slot is there; the old cell's bytes count as room, if the page is compacted. */
        *need -= FLY_PAGE_TAGGED;
        if (fly_page_gap(page) < *need) {
            uint32_t old = CELL_HEADER + rest_len_of(cell->suffix_len) + (uint32_t)cell->value.len;
            *need -= old;
        }
    }
    if (!node_has_room(page, *need)) {
        *outcome = NEEDS_ROOM;
        return FLY_OK;
    }
    fly_status status = put_entry(tree, leaf, key, pos, found, change, op, err);
    *outcome = status == FLY_OK ? CHANGED : DONE;
    return status;
}

/* Look the key up in an exclusive leaf, unless it is known to follow all others, and let the caller
 * decide. */
static fly_status consult(fly_btree *tree, const fly_pageref *leaf, fly_bytes key, bool follows,
                          fly_btree_decide decide, void *ctx, uint32_t *pos, bool *found,
                          struct cell *cell, fly_btree_change *change, fly_err *err)
{
    *change = (fly_btree_change){.verdict = FLY_BTREE_KEEP};
    if (follows) {
        *pos = node_count(leaf->bytes);
        *found = false;
        return decide(ctx, NULL, change, err);
    }
    if (!fly__btree_node_search(leaf->bytes, tree->usable, key, pos, found) ||
        (*found ? !node_cell(leaf->bytes, tree->usable, *pos, cell)
                : !fly__btree_node_covers(leaf->bytes, tree->usable, key))) {
        return fly__btree_damaged(tree, leaf->page, "is not the leaf it should be", err);
    }
    if (*found) {
        fly_btree_entry entry = {.value = cell->value, .blob = cell->blob};
        return decide(ctx, &entry, change, err);
    }
    return decide(ctx, NULL, change, err);
}

/* The entry is removed whatever comes of this: a sparse leaf that cannot be merged stays sparse. */
static void merge_if_possible(fly_btree *tree, fly_bytes key)
{
    fly_err err = {0};
    if (fly__btree_shrink(tree, key, 0, &err) != FLY_OK) {
        fly_log(tree->env, FLY_LOG_INFO, "tree %" PRIu32 ": leaves stay sparse: %s", tree->id,
                err.message);
    }
}

fly_status fly_btree_upsert(fly_btree *tree, fly_btree_hint *hint, fly_bytes key,
                            fly_btree_decide decide, void *ctx, void *op, fly_err *err)
{
    fly_status status = check_key(tree, key, err);
    while (status == FLY_OK) {
        fly_pageref leaf;
        bool follows = false;
        status = find_leaf(tree, hint, key, &leaf, &follows, err);
        if (status != FLY_OK) {
            return status;
        }
        if (!fly_bufpool_upgrade(&leaf)) {
            continue;
        }
        uint32_t pos = 0;
        bool found = false;
        struct cell cell = {0};
        fly_btree_change change;
        enum outcome outcome = DONE;
        uint32_t need = 0;
        status = consult(tree, &leaf, key, follows, decide, ctx, &pos, &found, &cell, &change, err);
        if (status == FLY_OK) {
            status =
                carry_out(tree, &leaf, key, pos, found, &cell, &change, op, &outcome, &need, err);
        }
        /* Behind all others, and not for the first time: the next keys will follow. */
        bool appending = outcome == NEEDS_ROOM && !found && pos == node_count(leaf.bytes) &&
                         (hint == NULL || hint->streak > 0);
        if (outcome == CHANGED || outcome == NEEDS_MERGE) {
            fly_bufpool_unfix_exclusive(&leaf);
        } else {
            fly_bufpool_unfix_unchanged(&leaf);
        }
        if (status != FLY_OK || outcome == DONE || outcome == CHANGED) {
            return status;
        }
        if (outcome == NEEDS_MERGE) {
            merge_if_possible(tree, key);
            return FLY_OK;
        }
        status = fly__btree_grow(tree, key, 0, need, appending, err);
    }
    return status;
}

/* ------------------------------------------------------------------- plain operations */

/* What a plain put or remove wants, and what it found: the blob that must go. */
struct plain {
    fly_btree_verdict verdict;
    fly_bytes value;
    bool blob;
    bool found;
    bool had_blob;
    uint8_t old_ref[FLY_BTREE_BLOB_REF];
};

static fly_status decide_plain(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                               fly_err *err)
{
    struct plain *plain = ctx;
    (void)err;
    plain->found = entry != NULL;
    plain->had_blob = entry != NULL && entry->blob;
    if (plain->had_blob) {
        memcpy(plain->old_ref, entry->value.data + entry->value.len - FLY_BTREE_BLOB_REF,
               FLY_BTREE_BLOB_REF);
    }
    change->verdict = plain->verdict;
    change->value[0] = plain->value;
    change->blob = plain->blob;
    return FLY_OK;
}

fly_status fly_btree_put(fly_btree *tree, fly_bytes key, fly_bytes value, fly_err *err)
{
    struct plain plain = {.verdict = FLY_BTREE_PUT, .value = value};
    uint8_t ref[FLY_BTREE_BLOB_REF];
    fly_status status = check_key(tree, key, err);
    if (status == FLY_OK && value.len > fly_btree_inline_max(tree, key.len)) {
        status = fly_btree_blob_write(tree, &value, 1, NULL, ref, err);
        plain.value = fly_bytes_of(ref, sizeof ref);
        plain.blob = true;
    }
    if (status == FLY_OK) {
        status = fly_btree_upsert(tree, NULL, key, decide_plain, &plain, NULL, err);
        if (status != FLY_OK && plain.blob && fly_btree_blob_free(tree, ref, NULL) != FLY_OK) {
            fly_log(tree->env, FLY_LOG_WARNING,
                    "tree %" PRIu32 ": pages of a value that could not "
                    "be put stay in use",
                    tree->id);
        }
    }
    if (status == FLY_OK && plain.had_blob) {
        status = fly_btree_blob_free(tree, plain.old_ref, err);
    }
    return status;
}

fly_status fly_btree_remove(fly_btree *tree, fly_bytes key, fly_err *err)
{
    struct plain plain = {.verdict = FLY_BTREE_REMOVE};
    if (key.len > tree->key_max) {
        return FLY_E_NOT_FOUND;
    }
    fly_status status = fly_btree_upsert(tree, NULL, key, decide_plain, &plain, NULL, err);
    if (status == FLY_OK && !plain.found) {
        return FLY_E_NOT_FOUND;
    }
    if (status == FLY_OK && plain.had_blob) {
        status = fly_btree_blob_free(tree, plain.old_ref, err);
    }
    return status;
}

/* A blob's pages are freed by whoever removes its entry, so the leaf stays shared while they are
 * read. */
static fly_status get_blob(fly_btree *tree, fly_bytes key, void *buffer, size_t room, uint64_t *len,
                           bool *again, fly_err *err)
{
    struct path path;
    fly_pageref leaf;
    *again = false;
    fly_status status = fly__btree_descend(tree, key, TOWARDS, 0, false, &path, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t page = path.node.page;
    fly_bufpool_forget(&path.node);
    status = fly_bufpool_fix_shared(tree->pool, page, &leaf, err);
    if (status != FLY_OK) {
        return status;
    }
    uint8_t copy[FLY_PAGE_SIZE_MAX / 4];
    fly_btree_entry entry;
    bool found = false;
    if (!is_node_of(tree, leaf.bytes) || node_level(leaf.bytes) != 0 ||
        !fly__btree_node_covers(leaf.bytes, tree->usable, key) ||
        !copy_entry(tree, leaf.bytes, key, copy, &entry, &found) || !found || !entry.blob) {
        *again = true; /* it changed since it was looked at */
    } else {
        const uint8_t *ref = entry.value.data + entry.value.len - FLY_BTREE_BLOB_REF;
        *len = fly_btree_blob_len(ref);
        status = *len > room ? FLY_E_FULL
                             : fly_btree_blob_read(tree, ref, 0, buffer, (size_t)*len, err);
    }
    fly_bufpool_unfix_shared(&leaf);
    return status;
}

fly_status fly_btree_get(fly_btree *tree, fly_bytes key, void *buffer, size_t room, uint64_t *len,
                         fly_err *err)
{
    for (;;) {
        uint8_t copy[FLY_PAGE_SIZE_MAX / 4];
        fly_btree_entry entry;
        fly_status status = fly_btree_read(tree, NULL, key, copy, &entry, err);
        if (status != FLY_OK) {
            return status;
        }
        if (!entry.blob) {
            *len = entry.value.len;
            if (entry.value.len > room) {
                return FLY_E_FULL;
            }
            if (entry.value.len > 0) { /* else there may be no buffer */
                memcpy(buffer, entry.value.data, entry.value.len);
            }
            return FLY_OK;
        }
        bool again;
        status = get_blob(tree, key, buffer, room, len, &again, err);
        if (!again) {
            return status;
        }
    }
}
