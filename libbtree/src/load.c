/*
 * Bulk load: a tree from sorted input, bottom up.
 *
 *     level 2                [ g …                     being filled
 *     level 1     [ c e ]    [ k …                     being filled
 *     level 0   [a b] [c d] [e f] [g h] [k l …         being filled
 *
 * Each level has one node that is being filled, in memory. When a node is full enough it becomes a
 * page, logged as a whole once, and its separator goes into the node above. At the end the node of
 * the highest level becomes the root, whose page was there all along: until that moment the tree
 * is empty, and the new pages are nobody's.
 *
 * A node can be finished only when the next key is known, for its upper fence lies between.
 */
#include "btree_int.h"

#include <inttypes.h>

enum { FILL_DEFAULT = 90, FILL_MIN = 50, FILL_MAX = 100 };

/* A node being filled. */
struct filling {
    uint8_t *bytes;   /* NULL: the level has not begun */
    bool needs_first; /* an inner node that waits for its first child */
};

struct fly_btree_load {
    fly_btree *tree;
    void *op;
    uint32_t fill;   /* per cent */
    uint32_t height; /* levels that have begun */
    struct filling level[LEVEL_MAX];
    uint8_t *last_key; /* of the input */
    size_t last_len;
    bool any;
    uint32_t *pages; /* made so far, to be given back when there is no op */
    size_t page_count;
    size_t page_room;
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a bulk load");
}

/* ------------------------------------------------------------------------- pages */

/* Remember a page, so that abandoning gives it back. */
static fly_status remember(fly_btree_load *load, uint32_t page, fly_err *err)
{
    if (load->page_count == load->page_room) {
        fly_mem *mem = load->tree->env->mem;
        size_t room = load->page_room * 2 + 64;
        uint32_t *pages =
            fly_mem_resize(mem, load->pages, load->page_room * sizeof *pages, room * sizeof *pages);
        if (pages == NULL) {
            return no_memory(err);
        }
        load->pages = pages;
        load->page_room = room;
    }
    load->pages[load->page_count++] = page;
    return FLY_OK;
}

/* Log an image and make it the content of an exclusive page. */
static fly_status set_page(fly_btree_load *load, uint8_t type, const fly_pageref *ref,
                           const uint8_t *image, fly_err *err)
{
    fly_btree *tree = load->tree;
    uint8_t header[8];
    fly_put_u32(header, tree->id);
    fly_put_u32(header + 4, ref->page);
    fly_bytes parts[2];
    fly__btree_image(image, tree->usable, parts);
    fly_bytes pieces[] = {fly_bytes_of(header, sizeof header), parts[0], parts[1]};
    uint64_t lsn;
    fly_status status = fly__btree_log(tree, load->op, type, pieces, 3, &ref, 1, &lsn, err);
    if (status == FLY_OK) {
        uint64_t before = fly_page_lsn(ref->bytes);
        status = fly__btree_apply(node_view(ref->bytes, tree->usable), ACTION_IMAGE, parts[0],
                                  parts[1], err);
        fly_page_set_lsn(ref->bytes, lsn != 0 ? lsn : before);
    }
    return status;
}

/* Turn a filled node into a page: only now does it get one. */
static fly_status write_node(fly_btree_load *load, struct filling *node, uint32_t *page,
                             fly_err *err)
{
    fly_btree *tree = load->tree;
    fly_pageref ref;
    uint32_t near = load->page_count > 0 ? load->pages[load->page_count - 1] : tree->root;
    fly__btree_begin_structure(tree);
    fly_status status = fly__btree_new_page(tree, near, &ref, err);
    if (status == FLY_OK) {
        *page = ref.page;
        fly_put_u32(node->bytes, ref.page);
        status = remember(load, ref.page, err);
        if (status == FLY_OK) {
            status = set_page(load, FLY_BTREE_LOG_LOAD, &ref, node->bytes, err);
            load->page_count -= status != FLY_OK ? 1 : 0;
        }
        if (status == FLY_OK) {
            fly_bufpool_unfix_exclusive(&ref);
        } else {
            fly__btree_unmake_page(tree, &ref);
        }
    }
    fly__btree_end_structure(tree);
    return status;
}

/* -------------------------------------------------------------------------- levels */

/* Begin a node of a level, with a lower fence and, until it is finished, no upper one. */
static fly_status begin_node(fly_btree_load *load, uint32_t level, struct bound low, fly_err *err)
{
    fly_btree *tree = load->tree;
    struct filling *node = &load->level[level];
    if (node->bytes == NULL) {
        node->bytes = fly_mem_alloc_aligned(tree->env->mem, tree->usable, FLY_CACHE_LINE);
        if (node->bytes == NULL) {
            return no_memory(err);
        }
        load->height = level + 1;
    }
    struct bound open = {.open = true};
    fly__btree_node_init(node_view(node->bytes, tree->usable), FLY_PAGE_NONE, tree->id, level, low,
                         open);
    node->needs_first = level > 0;
    return FLY_OK;
}

static fly_status add_child(fly_btree_load *load, uint32_t level, fly_bytes low, uint32_t page,
                            fly_err *err);

/* Write the node of a level and tell the level above. */
static fly_status hand_up(fly_btree_load *load, uint32_t level, fly_err *err)
{
    struct filling *node = &load->level[level];
    struct bound low;
    uint32_t page = 0;
    bool sound = fly__btree_node_bound(node->bytes, load->tree->usable, LOW, &low);
    FLY_ASSERT(sound);
    fly_status status = write_node(load, node, &page, err);
    return status == FLY_OK ? add_child(load, level + 1, low.key, page, err) : status;
}

/* Close the node of a level at an upper fence and begin its successor there. */
static fly_status finish_node(fly_btree_load *load, uint32_t level, fly_bytes separator,
                              fly_err *err)
{
    struct filling *node = &load->level[level];
    struct bound low;
    struct bound cut = {.key = separator};
    bool sound = fly__btree_node_bound(node->bytes, load->tree->usable, LOW, &low);
    FLY_ASSERT(sound);
    fly__btree_node_keep(node_view(node->bytes, load->tree->usable), 0, node_count(node->bytes),
                         low, cut, fly_get_u32(node->bytes + AT_FIRST_CHILD));
    fly_status status = hand_up(load, level, err);
    return status == FLY_OK ? begin_node(load, level, cut, err) : status;
}

/*
 * Close an inner node where the next separator would be its upper fence. That one may be longer than
 * the node has room for, whatever came before: then the last separator becomes the fence instead, for
 * which there is room since it was an entry, and its child begins the next node.
 */
static fly_status finish_inner(fly_btree_load *load, uint32_t level, fly_bytes separator,
                               fly_err *err)
{
    struct filling *node = &load->level[level];
    fly_page page = node_view(node->bytes, load->tree->usable);
    if (fly_page_gap(page) >= separator.len) {
        return finish_node(load, level, separator, err);
    }
    uint8_t key[FLY_PAGE_SIZE_MAX / 4];
    size_t len = 0;
    uint32_t child = 0;
    uint32_t last = node_count(node->bytes) - 1;
    bool sound = fly__btree_node_key(node->bytes, page.size, last, key, sizeof key, &len) &&
                 fly__btree_node_child(node->bytes, page.size, last + 1, &child);
    FLY_ASSERT(sound);
    node_remove(page, last);
    fly_status status = finish_node(load, level, fly_bytes_of(key, len), err);
    if (status == FLY_OK) {
        fly_put_u32(node->bytes + AT_FIRST_CHILD, child);
        node->needs_first = false;
    }
    return status;
}

/* Whether a node should take no more: an entry of `size` bytes, and room for a fence. */
static bool is_filled(const fly_btree_load *load, const struct filling *node, uint32_t size,
                      size_t fence_len)
{
    const fly_btree *tree = load->tree;
    uint32_t room = fly_page_gap(node_view(node->bytes, tree->usable));
    uint32_t wanted = (uint32_t)((uint64_t)tree->usable * (100 - load->fill) / 100);
    uint32_t needed = size + (uint32_t)fence_len;
    return node_count(node->bytes) > 0 && (room < needed || room - needed < wanted);
}

static fly_status add_child(fly_btree_load *load, uint32_t level, fly_bytes low, uint32_t page,
                            fly_err *err)
{
    fly_btree *tree = load->tree;
    struct filling *node = &load->level[level];
    fly_status status = FLY_OK;
    if (level + 1 >= LEVEL_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "a tree of more than %d levels", LEVEL_MAX);
    }
    if (node->bytes == NULL) {
        struct bound open = {.open = true};
        status = begin_node(load, level, open, err);
    } else if (!node->needs_first &&
               is_filled(load, node, fly__btree_node_entry_size(node->bytes, low.len, CHILD_BYTES),
                         low.len)) {
        /* The separator goes up instead; its child is the first of the next node. */
        status = finish_inner(load, level, low, err);
    }
    if (status == FLY_OK && node->needs_first) {
        fly_put_u32(node->bytes + AT_FIRST_CHILD, page);
        node->needs_first = false;
    } else if (status == FLY_OK) {
        bool added = fly__btree_node_add_child(node_view(node->bytes, tree->usable), low, page);
        FLY_ASSERT(added);
    }
    return status;
}

/* ----------------------------------------------------------------------------- calls */

fly_status fly_btree_load_begin(fly_btree *tree, uint32_t fill, void *op, fly_btree_load **load,
                                fly_err *err)
{
    if (fill != 0 && (fill < FILL_MIN || fill > FILL_MAX)) {
        return fly_err_set(err, FLY_E_INVALID, "fill factor %" PRIu32 " is not from %d to %d", fill,
                           FILL_MIN, FILL_MAX);
    }
    fly_pageref root;
    fly_status status = fly_bufpool_fix_shared(tree->pool, tree->root, &root, err);
    if (status != FLY_OK) {
        return status;
    }
    bool empty = node_level(root.bytes) == 0 && node_count(root.bytes) == 0;
    fly_bufpool_unfix_shared(&root);
    if (!empty) {
        return fly_err_set(err, FLY_E_INVALID, "tree %" PRIu32 " is not empty", tree->id);
    }
    fly_mem *mem = tree->env->mem;
    fly_btree_load *made = fly_mem_calloc(mem, 1, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    made->tree = tree;
    made->op = op;
    made->fill = fill != 0 ? fill : (uint32_t)FILL_DEFAULT;
    made->last_key = fly_mem_alloc(mem, tree->key_max);
    struct bound open = {.open = true};
    status = made->last_key == NULL ? no_memory(err) : begin_node(made, 0, open, err);
    if (status != FLY_OK) {
        fly_btree_load_abandon(made);
        return status;
    }
    *load = made;
    return FLY_OK;
}

fly_status fly_btree_load_add(fly_btree_load *load, fly_bytes key, fly_bytes value, bool blob,
                              fly_err *err)
{
    fly_btree *tree = load->tree;
    struct filling *leaf = &load->level[0];
    fly_bytes last = fly_bytes_of(load->last_key, load->last_len);
    if (key.len > tree->key_max || value.len > fly_btree_inline_max(tree, key.len)) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "an entry with a key of %zu bytes and a value of %zu is too long for a "
                           "leaf",
                           key.len, value.len);
    }
    if (load->any && fly_bytes_cmp(last, key) >= 0) {
        return fly_err_set(err, FLY_E_INVALID, "keys of a bulk load do not rise");
    }
    uint32_t size = fly__btree_node_entry_size(leaf->bytes, key.len, value.len);
    fly_bytes separator = load->any ? fly__btree_node_separator(last, key) : key;
    /* The fence behind this key, when its turn comes, is one byte longer than the key at most. */
    if (is_filled(load, leaf, size, key.len + 1)) {
        fly_status status = finish_node(load, 0, separator, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    uint8_t *to = fly__btree_node_open(node_view(leaf->bytes, tree->usable),
                                       node_count(leaf->bytes), key, value.len, blob);
    FLY_ASSERT(to != NULL);
    if (value.len > 0) {
        memcpy(to, value.data, value.len);
    }
    memcpy(load->last_key, key.data, key.len);
    load->last_len = key.len;
    load->any = true;
    return FLY_OK;
}

static void release(fly_btree_load *load)
{
    fly_mem *mem = load->tree->env->mem;
    for (int i = 0; i < LEVEL_MAX; i++) {
        fly_mem_free(mem, load->level[i].bytes, load->tree->usable);
    }
    fly_mem_free(mem, load->last_key, load->tree->key_max);
    fly_mem_free(mem, load->pages, load->page_room * sizeof *load->pages);
    fly_mem_free(mem, load, sizeof *load);
}

void fly_btree_load_abandon(fly_btree_load *load)
{
    for (size_t i = 0; i < load->page_count && load->op == NULL; i++) {
        if (fly_btree_unmake(load->tree, load->pages[i], NULL, NULL) != FLY_OK) {
            fly_log(load->tree->env, FLY_LOG_WARNING, "page %" PRIu32 " stays in use",
                    load->pages[i]);
        }
    }
    release(load);
}

/* Make the highest node the root's content. */
static fly_status become_root(fly_btree_load *load, fly_err *err)
{
    fly_btree *tree = load->tree;
    struct filling *top = &load->level[load->height - 1];
    fly_pageref root;
    fly_status status = fly_bufpool_fix_exclusive(tree->pool, tree->root, &root, err);
    if (status == FLY_OK) {
        fly_put_u32(top->bytes, tree->root);
        status = set_page(load, FLY_BTREE_LOG_LOADED, &root, top->bytes, err);
        fly_bufpool_unfix_exclusive(&root);
    }
    return status;
}

fly_status fly_btree_load_finish(fly_btree_load *load, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t level = 0; level + 1 < load->height && status == FLY_OK; level++) {
        status = hand_up(load, level, err); /* may begin a level */
    }
    if (status == FLY_OK) {
        status = become_root(load, err);
    }
    if (status != FLY_OK) {
        fly_btree_load_abandon(load);
        return status;
    }
    release(load);
    return FLY_OK;
}

fly_status fly_btree_unload(fly_btree *tree, void *op, fly_err *err)
{
    fly_pageref root;
    uint8_t image[FLY_PAGE_SIZE_MAX];
    struct bound open = {.open = true};
    fly__btree_node_init(node_view(image, tree->usable), tree->root, tree->id, 0, open, open);
    struct action action = {.type = ACTION_IMAGE, .page = tree->root, .ref = &root};
    fly__btree_image(image, tree->usable, action.body);
    fly_status status = fly_bufpool_fix_exclusive(tree->pool, tree->root, &root, err);
    if (status == FLY_OK) {
        status = fly__btree_change(tree, op, &action, 1, err);
        fly_bufpool_unfix_exclusive(&root);
    }
    return status;
}
