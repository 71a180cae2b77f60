/*
 * Making room: shifting entries to a neighbour, splitting, growing taller.
 *
 * Somebody found a node without room, let go of it, and asks for room on the way to a key. We go
 * down again, this time keeping the parent, and take parent and node exclusive. Then, in this order:
 *
 *     the node has room by now            somebody else was here
 *     the node is the root                its content moves to a new child; the root, whose page
 *                                         never changes, becomes that child's parent; again
 *     a neighbour leaf has enough room    the two share their entries evenly
 *     otherwise                           split into two
 *
 * If the parent lacks room for the separator, everything is let go and room is made in the parent
 * first. So nothing cascades with latches held: at most a parent and two of its children are.
 *
 * Sharing with neighbours before splitting keeps leaves fuller than splitting alone would (some 85
 * instead of 69 per cent after random inserts), at the price of looking at a neighbour.
 *
 * Why two of everything always fit (key_max in tree.c): a node holds two fences and an entry of each
 * kind is limited to a fifth (keys of inner nodes) or a quarter (leaves) of the page, so each half of
 * any node can hold its fences and its entries, whichever way the keys fall.
 *
 * Source: B*-trees (Knuth, TAOCP 3, 6.2.4) for sharing; Lehman and Yao, 1981, for never holding more
 * than a few nodes, though without their links; Bayer and Unterauer, 1977, for separators.
 */
#include "btree_int.h"

#include <inttypes.h>

enum {
    SHARED_FILL_MAX = 92, /* per cent of two leaves that may be full after sharing */
    RECURSION_MAX = LEVEL_MAX
};

/* ------------------------------------------------------------------------ measuring */

/* Bytes that a node takes: header, fences, and entries `from` to `to` - 1 of another node under
 * another prefix. */
static uint32_t size_of_fences(struct bound low, struct bound high)
{
    return (uint32_t)(ENTRIES_AT + (low.open ? 1 : 1 + low.key.len) +
                      (high.open ? 1 : 1 + high.key.len));
}

static uint32_t size_of_entries(const uint8_t *bytes, uint32_t usable, uint32_t from, uint32_t to,
                                uint32_t prefix)
{
    uint32_t size = 0;
    uint32_t own_prefix = node_prefix(bytes);
    for (uint32_t entry = from; entry < to; entry++) {
        struct cell cell;
        bool sound = node_cell(bytes, usable, entry, &cell);
        FLY_ASSERT(sound);
        uint32_t suffix_len = cell.suffix_len + own_prefix - prefix;
        size += FLY_PAGE_TAGGED + CELL_HEADER + rest_len_of(suffix_len) + (uint32_t)cell.value.len;
    }
    return size;
}

static uint32_t prefix_between(struct bound low, struct bound high)
{
    if (low.open || high.open) {
        return 0;
    }
    size_t shorter = low.key.len < high.key.len ? low.key.len : high.key.len;
    uint32_t n = 0;
    while (n < shorter && low.key.data[n] == high.key.data[n]) {
        n++;
    }
    return n;
}

/* A key on the stack. */
struct key {
    size_t len;
    uint8_t bytes[FLY_PAGE_SIZE_MAX / 4];
};

static fly_bytes key_span(const struct key *key)
{
    return fly_bytes_of(key->bytes, key->len);
}

static void get_key(const uint8_t *bytes, uint32_t usable, uint32_t entry, struct key *key)
{
    bool sound =
        fly__btree_node_key(bytes, usable, entry, key->bytes, sizeof key->bytes, &key->len);
    FLY_ASSERT(sound);
}

static void get_bounds(const uint8_t *bytes, uint32_t usable, struct bound *low, struct bound *high)
{
    bool sound = fly__btree_node_bound(bytes, usable, LOW, low) &&
                 fly__btree_node_bound(bytes, usable, HIGH, high);
    FLY_ASSERT(sound);
}

/* The parent has room for a separator, in place of the one before entry `replaces` (or UINT32_MAX);
 * `*need` is what it lacks. */
static bool parent_has_room(const fly_btree *tree, const fly_pageref *parent, fly_bytes separator,
                            uint32_t replaces, uint32_t *need)
{
    fly_page page = node_view(parent->bytes, tree->usable);
    *need = fly__btree_node_entry_size(parent->bytes, separator.len, CHILD_BYTES);
    if (replaces != UINT32_MAX) {
        uint32_t old = FLY_PAGE_TAGGED + fly_page_cell_len(page, replaces + FENCES);
        if (*need <= old) {
            return true;
        }
        *need -= old;
    }
    return node_has_room(page, *need);
}

/* --------------------------------------------------------------------- growing taller */

static fly_status grow_root(fly_btree *tree, const struct path *path, fly_err *err)
{
    const fly_pageref *root = &path->node;
    fly_pageref child;
    uint32_t level = node_level(root->bytes);
    if (level + 2 >= LEVEL_MAX) {
        return fly__btree_damaged(tree, root->page, "is higher than any tree", err);
    }
    fly_status status = fly__btree_new_page(tree, root->page, &child, err);
    if (status != FLY_OK) {
        return status;
    }
    /* The child's image is the root's, under another number. */
    uint8_t child_image[FLY_PAGE_SIZE_MAX];
    uint8_t root_image[FLY_PAGE_SIZE_MAX];
    struct bound open = {.open = true};
    memcpy(child_image, root->bytes, tree->usable);
    fly_put_u32(child_image, child.page);
    fly__btree_node_init(node_view(root_image, tree->usable), root->page, tree->id, level + 1, open,
                         open);
    fly_put_u32(root_image + AT_FIRST_CHILD, child.page);
    struct action actions[] = {
        {.type = ACTION_ALLOC, .page = child.page},
        {.type = ACTION_IMAGE, .page = child.page, .ref = &child},
        {.type = ACTION_IMAGE, .page = root->page, .ref = root},
    };
    fly__btree_image(child_image, tree->usable, actions[1].body);
    fly__btree_image(root_image, tree->usable, actions[2].body);
    status = fly__btree_change(tree, NULL, actions, 3, err);
    if (status != FLY_OK) {
        fly__btree_unmake_page(tree, &child);
        return status;
    }
    fly_bufpool_unfix_exclusive(&child);
    FLY_TRACE(tree->env->trace, FLY_BTREE_EVENT_GREW, tree->id, root->page, level + 2, 0);
    return FLY_OK;
}

/* -------------------------------------------------------------------------- splitting */

/* Where to divide a node, and the separator. */
struct division {
    uint32_t left_end;    /* entries before this stay */
    uint32_t right_begin; /* entries from here on move; an inner node's between them goes up */
    struct key separator;
};

/* A leaf's entries and a new key among them, as one sequence of keys. If the key is there already,
 * the sequence is the entries, and the one with the key is larger by `need`. */
struct sequence {
    const uint8_t *bytes;
    uint32_t usable;
    fly_bytes key;
    uint32_t need;
    uint32_t pos; /* of the key */
    bool found;   /* it is an entry */
    uint32_t len;
};

/* How many of the first `n` keys of the sequence are entries. */
static uint32_t entries_among(const struct sequence *sequence, uint32_t n)
{
    return n - (!sequence->found && n > sequence->pos ? 1 : 0);
}

static uint32_t size_at(const struct sequence *sequence, uint32_t i)
{
    if (!sequence->found && i == sequence->pos) {
        return sequence->need;
    }
    uint32_t entry = entries_among(sequence, i);
    uint32_t size = size_of_entries(sequence->bytes, sequence->usable, entry, entry + 1,
                                    node_prefix(sequence->bytes));
    return size + (sequence->found && i == sequence->pos ? sequence->need : 0);
}

static void key_at(const struct sequence *sequence, uint32_t i, struct key *key)
{
    if (!sequence->found && i == sequence->pos) {
        key->len = sequence->key.len;
        memcpy(key->bytes, sequence->key.data, key->len);
    } else {
        get_key(sequence->bytes, sequence->usable, entries_among(sequence, i), key);
    }
}

static void set_separator(struct division *division, fly_bytes separator)
{
    division->separator.len = separator.len;
    memcpy(division->separator.bytes, separator.data, separator.len);
}

/* Whether what stays fits between the old lower and the new upper fence. */
static bool left_fits(const fly_btree *tree, const uint8_t *bytes, const struct division *division)
{
    struct bound low;
    struct bound high;
    struct bound cut = {.key = key_span(&division->separator)};
    get_bounds(bytes, tree->usable, &low, &high);
    return size_of_fences(low, cut) + size_of_entries(bytes, tree->usable, 0, division->left_end,
                                                      prefix_between(low, cut)) <=
           tree->usable;
}

/* Divide a leaf behind all its entries, for a new key that follows them. */
static bool divide_at_end(const fly_btree *tree, const uint8_t *bytes, fly_bytes key,
                          struct division *division)
{
    uint32_t count = node_count(bytes);
    struct key last;
    get_key(bytes, tree->usable, count - 1, &last);
    set_separator(division, fly__btree_node_separator(key_span(&last), key));
    division->left_end = count;
    division->right_begin = count;
    /* Entries get shorter with the prefix, or stay; most often there is room for the fence anyway. */
    struct bound low;
    struct bound high;
    struct bound cut = {.key = key_span(&division->separator)};
    get_bounds(bytes, tree->usable, &low, &high);
    return size_of_fences(low, cut) <=
               size_of_fences(low, high) + fly_page_gap(node_view(bytes, tree->usable)) ||
           left_fits(tree, bytes, division);
}

/*
 * Divide a leaf as if the new key were in it: where the two sides come out even, or, when appending,
 * before the last key, which is the new one. False if there is nothing to divide.
 */
static bool divide_leaf(const fly_btree *tree, const uint8_t *bytes, fly_bytes key, uint32_t need,
                        bool appending, struct division *division)
{
    struct sequence sequence = {.bytes = bytes, .usable = tree->usable, .key = key, .need = need};
    if (!fly__btree_node_search(bytes, tree->usable, key, &sequence.pos, &sequence.found)) {
        return false;
    }
    uint32_t count = node_count(bytes);
    if (appending && !sequence.found && sequence.pos == count &&
        divide_at_end(tree, bytes, key, division)) {
        return true;
    }
    sequence.len = count + (sequence.found ? 0 : 1);
    uint32_t total = size_of_entries(bytes, tree->usable, 0, count, node_prefix(bytes)) + need;
    uint32_t left = 0;
    uint32_t size = 0;
    while (left + 1 < sequence.len) {
        uint32_t next = size_at(&sequence, left);
        if (left > 0 && !appending && size + next / 2 > total / 2) {
            break;
        }
        size += next;
        left++;
    }
    /* A long separator may take more room than the fence it replaces. */
    for (; left > 0; left--) {
        struct key before;
        struct key after;
        key_at(&sequence, left - 1, &before);
        key_at(&sequence, left, &after);
        set_separator(division, fly__btree_node_separator(key_span(&before), key_span(&after)));
        division->left_end = entries_among(&sequence, left);
        division->right_begin = division->left_end;
        if (left_fits(tree, bytes, division)) {
            return true;
        }
    }
    return false;
}

/* Divide an inner node: the separator in the middle, or when appending the last one, goes up. */
static bool divide_inner(const fly_btree *tree, const uint8_t *bytes, bool appending,
                         struct division *division)
{
    uint32_t count = node_count(bytes);
    uint32_t prefix = node_prefix(bytes);
    uint32_t total = size_of_entries(bytes, tree->usable, 0, count, prefix);
    uint32_t middle = 0;
    uint32_t size = 0;
    while (middle + 1 < count) {
        uint32_t next = size_of_entries(bytes, tree->usable, middle, middle + 1, prefix);
        if (!appending && size + next / 2 >= total / 2) {
            break;
        }
        size += next;
        middle++;
    }
    for (uint32_t left = middle + 1; left > 0; left--) {
        division->left_end = left - 1;
        division->right_begin = left;
        get_key(bytes, tree->usable, left - 1, &division->separator);
        if (left_fits(tree, bytes, division)) {
            return true;
        }
    }
    return false;
}

/* Whether a separator that a node's keys gave belongs between its parent's: in a sound tree it does.
 */
static bool belongs(const fly_btree *tree, const fly_pageref *parent, fly_bytes separator)
{
    uint32_t pos;
    bool found;
    return fly__btree_node_covers(parent->bytes, tree->usable, separator) &&
           fly__btree_node_search(parent->bytes, tree->usable, separator, &pos, &found) && !found;
}

static fly_status split(fly_btree *tree, const struct path *path, const struct division *division,
                        fly_err *err)
{
    const fly_pageref *node = &path->node;
    const fly_pageref *parent = &path->parent;
    uint32_t usable = tree->usable;
    uint32_t count = node_count(node->bytes);
    uint32_t level = node_level(node->bytes);
    fly_pageref right;
    fly_status status = fly__btree_new_page(tree, node->page, &right, err);
    if (status != FLY_OK) {
        return status;
    }
    struct bound low;
    struct bound high;
    struct bound cut = {.key = key_span(&division->separator)};
    get_bounds(node->bytes, usable, &low, &high);

    uint8_t right_image[FLY_PAGE_SIZE_MAX];
    fly_page right_view = node_view(right_image, usable);
    fly__btree_node_init(right_view, right.page, tree->id, level, cut, high);
    if (level > 0) {
        uint32_t first = 0;
        bool sound = fly__btree_node_child(node->bytes, usable, division->right_begin, &first);
        FLY_ASSERT(sound);
        fly_put_u32(right_image + AT_FIRST_CHILD, first);
    }
    fly__btree_node_append(right_view, node->bytes, usable, division->right_begin, count);

    uint8_t keep_bytes[BODY_MAX];
    uint8_t add_bytes[BODY_MAX];
    struct body keep = {keep_bytes, 0};
    struct body add = {add_bytes, 0};
    fly__btree_body_keep(&keep, 0, division->left_end, fly_get_u32(node->bytes + AT_FIRST_CHILD),
                         low, cut);
    fly__btree_body_u32(&add, right.page);
    fly__btree_body_bytes(&add, cut.key);
    struct action actions[] = {
        {.type = ACTION_ALLOC, .page = right.page},
        {.type = ACTION_IMAGE, .page = right.page, .ref = &right},
        {.type = ACTION_KEEP,
         .page = node->page,
         .ref = node,
         .body = {fly_bytes_of(keep_bytes, keep.len)}},
        {.type = ACTION_ADD,
         .page = parent->page,
         .ref = parent,
         .body = {fly_bytes_of(add_bytes, add.len)}},
    };
    fly__btree_image(right_image, usable, actions[1].body);
    status = fly__btree_change(tree, NULL, actions, 4, err);
    if (status != FLY_OK) {
        fly__btree_unmake_page(tree, &right);
        return status;
    }
    fly_bufpool_unfix_exclusive(&right);
    FLY_TRACE(tree->env->trace, FLY_BTREE_EVENT_SPLIT, tree->id, node->page, right.page, level);
    return FLY_OK;
}

/* ------------------------------------------------------------------------------ sharing */

/* Two neighbouring leaves, and how many entries would go from the full one to the other. */
struct sharing {
    bool to_right;            /* the neighbour is the right one */
    uint32_t moved;           /* entries that move */
    uint32_t separator_entry; /* the parent's entry between them */
    struct key separator;
};

/*
 * Plan to even two leaves out. False if the neighbour is too full, or if by its fences or prefix
 * the entries would not fit.
 */
static bool plan_sharing(const fly_btree *tree, const uint8_t *full, const uint8_t *neighbour,
                         uint32_t need, struct sharing *sharing)
{
    uint32_t usable = tree->usable;
    uint32_t count = node_count(full);
    fly_page full_view = node_view(full, usable);
    fly_page other_view = node_view(neighbour, usable);
    uint32_t used = usable - node_room(full_view);
    uint32_t other_used = usable - node_room(other_view);
    if (count < 2 || other_used >= used ||
        (uint64_t)(used + other_used + need) * 100 > (uint64_t)2 * usable * SHARED_FILL_MAX) {
        return false;
    }
    uint32_t wanted = (used - other_used) / 2;
    uint32_t size = 0;
    uint32_t moved = 0;
    uint32_t prefix = node_prefix(full);
    while (moved + 1 < count && size < wanted) {
        uint32_t entry = sharing->to_right ? count - 1 - moved : moved;
        size += size_of_entries(full, usable, entry, entry + 1, prefix);
        moved++;
    }
    if (moved == 0) { /* the neighbour is as full as this one, less a byte */
        return false;
    }
    sharing->moved = moved;

    struct key before;
    struct key after;
    uint32_t first_after = sharing->to_right ? count - moved : moved;
    get_key(full, usable, first_after - 1, &before);
    get_key(full, usable, first_after, &after);
    fly_bytes separator = fly__btree_node_separator(key_span(&before), key_span(&after));
    sharing->separator.len = separator.len;
    memcpy(sharing->separator.bytes, separator.data, separator.len);

    /* Both must fit between their new fences: a shorter prefix makes every entry longer. */
    struct bound low;
    struct bound high;
    struct bound other_low;
    struct bound other_high;
    struct bound cut = {.key = separator};
    get_bounds(full, usable, &low, &high);
    get_bounds(neighbour, usable, &other_low, &other_high);
    if (sharing->to_right) {
        high = cut;
        other_low = cut;
    } else {
        low = cut;
        other_high = cut;
    }
    uint32_t from = sharing->to_right ? 0 : moved;
    uint32_t to = sharing->to_right ? count - moved : count;
    uint32_t kept_size = size_of_fences(low, high) +
                         size_of_entries(full, usable, from, to, prefix_between(low, high));
    uint32_t other_prefix = prefix_between(other_low, other_high);
    uint32_t other_size =
        size_of_fences(other_low, other_high) +
        size_of_entries(neighbour, usable, 0, node_count(neighbour), other_prefix) +
        size_of_entries(full, usable, sharing->to_right ? to : 0, sharing->to_right ? count : from,
                        other_prefix);
    return kept_size + need <= usable && other_size + need <= usable;
}

static fly_status share(fly_btree *tree, const struct path *path, const fly_pageref *neighbour,
                        const struct sharing *sharing, fly_err *err)
{
    const fly_pageref *node = &path->node;
    const fly_pageref *parent = &path->parent;
    uint32_t usable = tree->usable;
    uint32_t count = node_count(node->bytes);
    struct bound low;
    struct bound high;
    struct bound other_low;
    struct bound other_high;
    struct bound cut = {.key = key_span(&sharing->separator)};
    get_bounds(node->bytes, usable, &low, &high);
    get_bounds(neighbour->bytes, usable, &other_low, &other_high);

    uint8_t keep_bytes[BODY_MAX];
    uint8_t take_bytes[BODY_MAX];
    uint8_t change_bytes[BODY_MAX];
    struct body keep = {keep_bytes, 0};
    struct body take = {take_bytes, 0};
    struct body change = {change_bytes, 0};
    if (sharing->to_right) {
        fly__btree_body_keep(&keep, 0, count - sharing->moved, 0, low, cut);
        fly__btree_body_take(&take, true, cut, other_high, node->bytes, usable,
                             count - sharing->moved, count);
    } else {
        fly__btree_body_keep(&keep, sharing->moved, count, 0, cut, high);
        fly__btree_body_take(&take, false, other_low, cut, node->bytes, usable, 0, sharing->moved);
    }
    fly__btree_body_u16(&change, sharing->separator_entry);
    fly__btree_body_bytes(&change, cut.key);
    struct action actions[] = {
        {.type = ACTION_TAKE,
         .page = neighbour->page,
         .ref = neighbour,
         .body = {fly_bytes_of(take_bytes, take.len)}},
        {.type = ACTION_KEEP,
         .page = node->page,
         .ref = node,
         .body = {fly_bytes_of(keep_bytes, keep.len)}},
        {.type = ACTION_CHANGE,
         .page = parent->page,
         .ref = parent,
         .body = {fly_bytes_of(change_bytes, change.len)}},
    };
    fly_status status = fly__btree_change(tree, NULL, actions, 3, err);
    if (status == FLY_OK) {
        FLY_TRACE(tree->env->trace, FLY_BTREE_EVENT_SHIFTED, tree->id, node->page, neighbour->page,
                  0);
    }
    return status;
}

/* Whether a page is the leaf beside ours that its parent says it is. */
static bool is_neighbour(const fly_btree *tree, const struct path *path, const fly_pageref *other,
                         bool to_right)
{
    struct bound ours;
    struct bound theirs;
    fly_page view = node_view(other->bytes, tree->usable);
    return fly_page_kind(view.bytes) == fly_page_kind(path->node.bytes) &&
           node_tree(view.bytes) == tree->id &&
           node_level(view.bytes) == node_level(path->node.bytes) &&
           fly__btree_node_bound(path->node.bytes, tree->usable, to_right ? HIGH : LOW, &ours) &&
           fly__btree_node_bound(view.bytes, tree->usable, to_right ? LOW : HIGH, &theirs) &&
           !ours.open && !theirs.open && fly_bytes_equal(ours.key, theirs.key);
}

/*
 * Try to share with the right or the left neighbour. `*done`: entries were moved, or, if `*need` is
 * not 0, they would have been had the parent so much room.
 */
static fly_status try_sharing(fly_btree *tree, const struct path *path, uint32_t need, bool *done,
                              uint32_t *parent_need, fly_err *err)
{
    uint32_t last = node_count(path->parent.bytes); /* number of the last child */
    *done = false;
    for (int side = 0; side < 2 && !*done; side++) {
        struct sharing sharing = {.to_right = side == 0};
        if (sharing.to_right ? path->child == last : path->child == 0) {
            continue;
        }
        uint32_t index = sharing.to_right ? path->child + 1 : path->child - 1;
        uint32_t page;
        fly_pageref other;
        if (!fly__btree_node_child(path->parent.bytes, tree->usable, index, &page) ||
            page == path->node.page || page == path->parent.page) {
            return fly__btree_damaged(tree, path->parent.page, "has no sound children", err);
        }
        if (!fly_bufpool_has(tree->pool, page)) {
            continue; /* reading it from disk would cost more than a split */
        }
        fly_status status = fly_bufpool_fix_exclusive(tree->pool, page, &other, err);
        if (status != FLY_OK) {
            return status;
        }
        bool changed = false;
        if (!is_neighbour(tree, path, &other, sharing.to_right)) {
            status = fly__btree_damaged(tree, page, "is not the neighbour it should be", err);
        } else if (plan_sharing(tree, path->node.bytes, other.bytes, need, &sharing)) {
            *done = true;
            sharing.separator_entry = sharing.to_right ? path->child : path->child - 1;
            uint32_t lacking;
            if (!belongs(tree, &path->parent, key_span(&sharing.separator))) {
                status = fly__btree_damaged(tree, page, "does not belong to its parent", err);
            } else if (!parent_has_room(tree, &path->parent, key_span(&sharing.separator),
                                        sharing.separator_entry, &lacking)) {
                *parent_need = lacking;
            } else {
                status = share(tree, path, &other, &sharing, err);
                changed = status == FLY_OK;
            }
        }
        if (changed) {
            fly_bufpool_unfix_exclusive(&other);
        } else {
            fly_bufpool_unfix_unchanged(&other);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------------------- the whole */

/* Make room in an exclusive node below an exclusive parent. `*parent_need`: nothing was done, for
 * the parent needs so much room first. */
static fly_status make_room(fly_btree *tree, const struct path *path, fly_bytes key, uint32_t need,
                            bool appending, uint32_t *parent_need, fly_err *err)
{
    const uint8_t *bytes = path->node.bytes;
    bool leaf = node_level(bytes) == 0;
    *parent_need = 0;
    if (leaf && !appending) {
        bool done;
        fly_status status = try_sharing(tree, path, need, &done, parent_need, err);
        if (status != FLY_OK || done) {
            return status;
        }
    }
    struct division division;
    bool divided = node_count(bytes) > 0 &&
                   (leaf ? divide_leaf(tree, bytes, key, need, appending, &division)
                         : divide_inner(tree, bytes, appending, &division));
    if (!divided || !belongs(tree, &path->parent, key_span(&division.separator))) {
        return fly__btree_damaged(tree, path->node.page, "cannot be divided", err);
    }
    uint32_t lacking;
    if (!parent_has_room(tree, &path->parent, key_span(&division.separator), UINT32_MAX,
                         &lacking)) {
        *parent_need = lacking;
        return FLY_OK;
    }
    return split(tree, path, &division, err);
}

static fly_status grow(fly_btree *tree, fly_bytes key, uint32_t level, uint32_t need,
                       bool appending, int depth, fly_err *err)
{
    FLY_ASSERT(depth < RECURSION_MAX);
    for (;;) {
        struct path path;
        fly_status status = fly__btree_descend(tree, key, TOWARDS, level, true, &path, err);
        if (status != FLY_OK) {
            return status;
        }
        if (!fly__btree_upgrade(tree, &path)) {
            continue;
        }
        if (node_has_room(node_view(path.node.bytes, tree->usable), need)) {
            fly__btree_release_unchanged(&path);
            return FLY_OK;
        }
        uint32_t parent_need = 0;
        status = path.has_parent ? make_room(tree, &path, key, need, appending, &parent_need, err)
                                 : grow_root(tree, &path, err);
        if (status != FLY_OK || parent_need != 0) {
            fly__btree_release_unchanged(&path);
        } else {
            fly__btree_release(&path);
        }
        if (status == FLY_OK && parent_need != 0) {
            status = grow(tree, key, level + 1, parent_need, appending, depth + 1, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
}

fly_status fly__btree_grow(fly_btree *tree, fly_bytes key, uint32_t level, uint32_t need,
                           bool appending, fly_err *err)
{
    fly__btree_begin_structure(tree);
    fly_status status = grow(tree, key, level, need, appending, 0, err);
    fly__btree_end_structure(tree);
    return status;
}
