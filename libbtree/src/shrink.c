/*
 * Merging nodes that have become sparse, and growing lower.
 *
 * A node of which less than a quarter is used is merged with a neighbour if both together fill no
 * more than four fifths of one: then neither is it split again soon. If no neighbour is empty enough,
 * the node stays as it is; it was cheap to look.
 *
 *     parent   [ … | s | … ]            [ … | … ]
 *               /     \          ->      /
 *         [a b     ] [x y    ]      [a b x y  ]     the right page is given back
 *
 * An inner node's separator comes down between the two halves. A root that is left with one child
 * takes over that child's content.
 *
 * What is not here: balance. Sparse nodes that cannot be merged are as good as any others.
 */
#include "btree_int.h"

enum { MERGED_FILL_MAX = 80 };

/* Build what left and right make together. False if it would be too full. */
static bool build_merged(const fly_btree *tree, const uint8_t *left, const uint8_t *right,
                         fly_bytes separator, uint32_t page_id, uint8_t *merged)
{
    uint32_t usable = tree->usable;
    uint32_t level = node_level(left);
    struct bound low;
    struct bound high;
    struct bound unused;
    bool sound = fly__btree_node_bound(left, usable, LOW, &low) &&
                 fly__btree_node_bound(right, usable, HIGH, &high) &&
                 fly__btree_node_bound(left, usable, HIGH, &unused);
    FLY_ASSERT(sound);
    /* A first guess, before any copying: the prefix may get shorter, never longer. */
    uint32_t used = (usable - node_room(node_view(left, usable))) +
                    (usable - node_room(node_view(right, usable)));
    if ((uint64_t)used * 100 > (uint64_t)usable * MERGED_FILL_MAX) {
        return false;
    }
    uint32_t prefix_lost = 0;
    fly_page view = node_view(merged, usable);
    fly__btree_node_init(view, page_id, tree->id, level, low, high);
    uint32_t prefix = node_prefix(merged);
    uint32_t left_lost = (node_prefix(left) - prefix) * node_count(left);
    uint32_t right_lost = (node_prefix(right) - prefix) * node_count(right);
    prefix_lost = left_lost + right_lost + (level > 0 ? (uint32_t)separator.len + 32 : 0);
    if ((uint64_t)(used + prefix_lost) * 100 > (uint64_t)usable * MERGED_FILL_MAX) {
        return false;
    }
    fly_put_u32(merged + AT_FIRST_CHILD, fly_get_u32(left + AT_FIRST_CHILD));
    fly__btree_node_append(view, left, usable, 0, node_count(left));
    if (level > 0) {
        bool added =
            fly__btree_node_add_child(view, separator, fly_get_u32(right + AT_FIRST_CHILD));
        FLY_ASSERT(added);
    }
    fly__btree_node_append(view, right, usable, 0, node_count(right));
    return true;
}

/* Merge an exclusive node with one exclusive neighbour; both belong to an exclusive parent. On
 * success the right one's page is given back and its reference released. */
static fly_status try_merge(fly_btree *tree, const fly_pageref *parent, const fly_pageref *left,
                            const fly_pageref *right, uint32_t separator_entry, bool *merged,
                            fly_err *err)
{
    uint8_t separator[FLY_PAGE_SIZE_MAX / 4];
    uint8_t image[FLY_PAGE_SIZE_MAX];
    size_t separator_len = 0;
    *merged = false;
    struct bound meets;
    struct bound met;
    if (!fly__btree_node_key(parent->bytes, tree->usable, separator_entry, separator,
                             sizeof separator, &separator_len) ||
        node_tree(left->bytes) != tree->id || node_tree(right->bytes) != tree->id ||
        fly_page_kind(left->bytes) != fly_page_kind(right->bytes) ||
        node_level(left->bytes) != node_level(right->bytes) ||
        !fly__btree_node_bound(left->bytes, tree->usable, HIGH, &meets) ||
        !fly__btree_node_bound(right->bytes, tree->usable, LOW, &met) || meets.open || met.open ||
        !fly_bytes_equal(meets.key, met.key) ||
        !fly_bytes_equal(meets.key, fly_bytes_of(separator, separator_len))) {
        return fly__btree_damaged(tree, right->page, "is not the neighbour it should be", err);
    }
    if (!build_merged(tree, left->bytes, right->bytes, fly_bytes_of(separator, separator_len),
                      left->page, image)) {
        return FLY_OK;
    }
    uint8_t entry[2];
    fly_put_u16(entry, (uint16_t)separator_entry);
    struct action actions[] = {
        {.type = ACTION_IMAGE, .page = left->page, .ref = left},
        {.type = ACTION_DELETE,
         .page = parent->page,
         .ref = parent,
         .body = {fly_bytes_of(entry, sizeof entry)}},
        {.type = ACTION_FREE, .page = right->page},
    };
    fly__btree_image(image, tree->usable, actions[0].body);
    uint32_t level = node_level(left->bytes);
    fly_status status = fly__btree_change(tree, NULL, actions, 3, err);
    if (status == FLY_OK) {
        FLY_TRACE(tree->env->trace, FLY_BTREE_EVENT_MERGED, tree->id, left->page, right->page,
                  level);
        fly__btree_free_page(tree, right);
        *merged = true;
    }
    return status;
}

/* The root has one child and no separator: take its content over. */
static fly_status lower_root(fly_btree *tree, const fly_pageref *root, bool *lowered, fly_err *err)
{
    fly_pageref child;
    uint32_t page = fly_get_u32(root->bytes + AT_FIRST_CHILD);
    *lowered = false;
    if (page == root->page) {
        return fly__btree_damaged(tree, page, "is its own child", err);
    }
    fly_status status = fly_bufpool_fix_exclusive(tree->pool, page, &child, err);
    if (status != FLY_OK) {
        return status;
    }
    if (node_tree(child.bytes) != tree->id ||
        node_level(child.bytes) + 1 != node_level(root->bytes)) {
        fly_bufpool_unfix_unchanged(&child);
        return fly__btree_damaged(tree, page, "is not the node it should be", err);
    }
    uint8_t image[FLY_PAGE_SIZE_MAX];
    memcpy(image, child.bytes, tree->usable);
    fly_put_u32(image, root->page);
    struct action actions[] = {
        {.type = ACTION_IMAGE, .page = root->page, .ref = root},
        {.type = ACTION_FREE, .page = child.page},
    };
    fly__btree_image(image, tree->usable, actions[0].body);
    status = fly__btree_change(tree, NULL, actions, 2, err);
    if (status != FLY_OK) {
        fly_bufpool_unfix_unchanged(&child);
        return status;
    }
    fly__btree_free_page(tree, &child);
    FLY_TRACE(tree->env->trace, FLY_BTREE_EVENT_SHRANK, tree->id, root->page,
              node_level(root->bytes) + 1, 0);
    *lowered = true;
    return FLY_OK;
}

/* Merge the exclusive node of a path with its right or left neighbour. */
static fly_status merge_somewhere(fly_btree *tree, const struct path *path, bool *merged,
                                  bool *node_gone, fly_err *err)
{
    uint32_t last = node_count(path->parent.bytes);
    *merged = false;
    *node_gone = false;
    for (int side = 0; side < 2 && !*merged; side++) {
        bool to_right = side == 0;
        if (to_right ? path->child == last : path->child == 0) {
            continue;
        }
        uint32_t page;
        fly_pageref other;
        if (!fly__btree_node_child(path->parent.bytes, tree->usable,
                                   to_right ? path->child + 1 : path->child - 1, &page) ||
            page == path->node.page || page == path->parent.page) {
            return fly__btree_damaged(tree, path->parent.page, "has no sound children", err);
        }
        fly_status status = fly_bufpool_fix_exclusive(tree->pool, page, &other, err);
        if (status != FLY_OK) {
            return status;
        }
        const fly_pageref *left = to_right ? &path->node : &other;
        const fly_pageref *right = to_right ? &other : &path->node;
        status = try_merge(tree, &path->parent, left, right,
                           to_right ? path->child : path->child - 1, merged, err);
        if (!*merged) {
            fly_bufpool_unfix_unchanged(&other);
        } else if (!to_right) {
            fly_bufpool_unfix_exclusive(&other);
            *node_gone = true;
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status shrink(fly_btree *tree, fly_bytes key, uint32_t level, fly_err *err)
{
    for (;;) {
        struct path path;
        fly_status status = fly__btree_descend(tree, key, TOWARDS, level, true, &path, err);
        if (status == FLY_E_NOT_FOUND) {
            return FLY_OK; /* the tree has become lower meanwhile */
        }
        if (status != FLY_OK) {
            return status;
        }
        if (!fly__btree_upgrade(tree, &path)) {
            continue;
        }
        fly_page node = node_view(path.node.bytes, tree->usable);
        if (!path.has_parent) {
            bool lowered = false;
            if (level > 0 && node_count(node.bytes) == 0) {
                status = lower_root(tree, &path.node, &lowered, err);
            }
            if (lowered) {
                fly_bufpool_unfix_exclusive(&path.node);
            } else {
                fly_bufpool_unfix_unchanged(&path.node);
            }
            return status;
        }
        bool merged = false;
        bool node_gone = false;
        if (fly__btree_is_sparse(node)) {
            status = merge_somewhere(tree, &path, &merged, &node_gone, err);
        }
        bool parent_sparse = merged &&
                             (fly__btree_is_sparse(node_view(path.parent.bytes, tree->usable)) ||
                              node_count(path.parent.bytes) == 0);
        if (!merged) {
            fly__btree_release_unchanged(&path);
        } else {
            if (!node_gone) {
                fly_bufpool_unfix_exclusive(&path.node);
            }
            fly_bufpool_unfix_exclusive(&path.parent);
        }
        if (status != FLY_OK || !parent_sparse) {
            return status;
        }
        level++;
    }
}

fly_status fly__btree_shrink(fly_btree *tree, fly_bytes key, uint32_t level, fly_err *err)
{
    fly__btree_begin_structure(tree);
    fly_status status = shrink(tree, key, level, err);
    fly__btree_end_structure(tree);
    return status;
}
