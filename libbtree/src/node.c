/*
 * Nodes: searching, and putting entries in and out. The layout is drawn in node_int.h.
 *
 * What is not here: which nodes to latch (tree.c), when to split (grow.c), the log.
 */
#include "node_int.h"

/* ------------------------------------------------------------------------ reading */

bool fly__btree_node_bound(const uint8_t *bytes, uint32_t usable, fence which, struct bound *bound)
{
    const uint8_t *slot = bytes + SLOTS_AT + (size_t)which * FLY_PAGE_TAGGED;
    uint32_t offset = fly_get_u16(slot);
    uint32_t len = fly_get_u16(slot + 2);
    if (len == 0 || offset + len > usable) {
        return false;
    }
    bound->open = bytes[offset] == 0;
    bound->key = fly_bytes_of(bytes + offset + 1, len - 1);
    return true;
}

bool fly__btree_node_covers(const uint8_t *bytes, uint32_t usable, fly_bytes key)
{
    struct bound low;
    struct bound high;
    return fly__btree_node_bound(bytes, usable, LOW, &low) &&
           fly__btree_node_bound(bytes, usable, HIGH, &high) &&
           (low.open || fly_bytes_cmp(low.key, key) <= 0) &&
           (high.open || fly_bytes_cmp(key, high.key) < 0);
}

/* Compare an entry with a key whose tag is the same: by the bytes behind it, then by length. False
 * if the entry makes no sense. */
static inline bool compare_rest(const uint8_t *bytes, uint32_t usable, uint32_t entry,
                                const uint8_t *suffix, uint32_t suffix_len, int *order)
{
    struct cell cell;
    if (!node_cell(bytes, usable, entry, &cell)) {
        return false;
    }
    uint32_t mine = rest_len_of(cell.suffix_len);
    uint32_t yours = rest_len_of(suffix_len);
    uint32_t common = mine < yours ? mine : yours;
    int difference = common > 0 ? memcmp(cell.rest, suffix + TAG_BYTES, common) : 0;
    if (difference == 0) {
        difference = (cell.suffix_len > suffix_len) - (cell.suffix_len < suffix_len);
    }
    *order = difference;
    return true;
}

/* How many of the tags at `slots` are less than `tag`. Without branches that depend on the data:
 * they would be mispredicted half of the time. */
static inline uint32_t tags_below(const uint8_t *slots, uint32_t count, uint32_t tag)
{
    const uint8_t *at = slots + 4;
    uint32_t left = count;
    while (left > 1) {
        uint32_t half = left / 2;
        at += fly_get_u32(at + (size_t)(half - 1) * FLY_PAGE_TAGGED) < tag
                  ? (size_t)half * FLY_PAGE_TAGGED
                  : 0;
        left -= half;
    }
    uint32_t below = (uint32_t)((size_t)(at - slots) / FLY_PAGE_TAGGED);
    return below + (left == 1 && fly_get_u32(at) < tag ? 1 : 0);
}

/* Among the entries from `pos` on that share the key's tag. */
static bool search_run(const uint8_t *bytes, uint32_t usable, uint32_t count, uint32_t tag,
                       const uint8_t *suffix, uint32_t suffix_len, uint32_t *pos, bool *found)
{
    uint32_t low = *pos;
    uint32_t run = tag == UINT32_MAX ? count - low
                                     : tags_below(node_slot(bytes, low), count - low, tag + 1);
    while (run > 0) {
        uint32_t half = run / 2;
        int order;
        if (!compare_rest(bytes, usable, low + half, suffix, suffix_len, &order)) {
            return false;
        }
        if (order == 0) {
            *pos = low + half;
            *found = true;
            return true;
        }
        if (order < 0) {
            low += half + 1;
            run -= half + 1;
        } else {
            run = half;
        }
    }
    *pos = low;
    return true;
}

bool fly__btree_node_search(const uint8_t *bytes, uint32_t usable, fly_bytes key, uint32_t *pos,
                            bool *found)
{
    uint32_t count = node_count(bytes);
    uint32_t prefix = node_prefix(bytes);
    *found = false;
    if (FLY_UNLIKELY(ENTRIES_AT + count * FLY_PAGE_TAGGED > usable || prefix > key.len)) {
        return false;
    }
    const uint8_t *suffix = prefix > 0 ? key.data + prefix : key.data; /* which may be NULL */
    uint32_t suffix_len = (uint32_t)(key.len - prefix);
    uint32_t tag = tag_of(suffix, suffix_len);
    *pos = tags_below(bytes + ENTRIES_AT, count, tag);
    if (*pos == count || node_tag(bytes, *pos) != tag) {
        return true;
    }
    return search_run(bytes, usable, count, tag, suffix, suffix_len, pos, found);
}

bool fly__btree_node_follows(const uint8_t *bytes, uint32_t usable, fly_bytes key)
{
    uint32_t count = node_count(bytes);
    uint32_t prefix = node_prefix(bytes);
    struct bound low;
    struct bound high;
    if (count == 0 || ENTRIES_AT + count * FLY_PAGE_TAGGED > usable || prefix > key.len ||
        !fly__btree_node_bound(bytes, usable, HIGH, &high) ||
        (!high.open && fly_bytes_cmp(key, high.key) >= 0)) {
        return false;
    }
    if (prefix > 0 && (!fly__btree_node_bound(bytes, usable, LOW, &low) || low.key.len < prefix ||
                       memcmp(low.key.data, key.data, prefix) != 0)) {
        return false;
    }
    const uint8_t *suffix = prefix > 0 ? key.data + prefix : key.data; /* which may be NULL */
    uint32_t suffix_len = (uint32_t)(key.len - prefix);
    uint32_t tag = tag_of(suffix, suffix_len);
    uint32_t last = node_tag(bytes, count - 1);
    int order = 0;
    return tag > last ||
           (tag == last && compare_rest(bytes, usable, count - 1, suffix, suffix_len, &order) &&
            order < 0);
}

bool fly__btree_node_child(const uint8_t *bytes, uint32_t usable, uint32_t i, uint32_t *child)
{
    if (i == 0) {
        *child = fly_get_u32(bytes + AT_FIRST_CHILD);
        return true;
    }
    struct cell cell;
    if (!node_cell(bytes, usable, i - 1, &cell) || cell.value.len != CHILD_BYTES) {
        return false;
    }
    *child = fly_get_u32(cell.value.data);
    return true;
}

bool fly__btree_node_key(const uint8_t *bytes, uint32_t usable, uint32_t entry, uint8_t *key,
                         size_t room, size_t *len)
{
    struct cell cell;
    struct bound low;
    uint32_t prefix = node_prefix(bytes);
    if (!node_cell(bytes, usable, entry, &cell) || prefix + (size_t)cell.suffix_len > room) {
        return false;
    }
    if (prefix > 0) {
        if (!fly__btree_node_bound(bytes, usable, LOW, &low) || low.key.len < prefix) {
            return false;
        }
        memcpy(key, low.key.data, prefix);
    }
    uint8_t tag[TAG_BYTES];
    fly_put_u32be(tag, node_tag(bytes, entry));
    uint32_t rest = rest_len_of(cell.suffix_len);
    memcpy(key + prefix, tag, cell.suffix_len - rest);
    memcpy(key + prefix + cell.suffix_len - rest, cell.rest, rest);
    *len = prefix + cell.suffix_len;
    return true;
}

/* ------------------------------------------------------------------------- making */

static void put_fence(fly_page page, fence which, struct bound bound)
{
    size_t len = bound.open ? 1 : 1 + bound.key.len;
    uint8_t *cell = fly_page_open(page, (uint32_t)which, (uint32_t)len);
    FLY_ASSERT(cell != NULL);
    cell[0] = bound.open ? 0 : 1;
    if (len > 1) {
        memcpy(cell + 1, bound.key.data, len - 1);
    }
}

uint32_t fly__btree_common_prefix(struct bound low, struct bound high)
{
    if (low.open || high.open) {
        return 0;
    }
    size_t shorter = low.key.len < high.key.len ? low.key.len : high.key.len;
    size_t n = 0;
    while (n < shorter && low.key.data[n] == high.key.data[n]) {
        n++;
    }
    return (uint32_t)n;
}

void fly__btree_node_init(fly_page page, uint32_t id, uint32_t tree, uint32_t level,
                          struct bound low, struct bound high)
{
    fly_page_reset(page, id, level == 0 ? FLY_BTREE_PAGE_LEAF : FLY_BTREE_PAGE_INNER);
    fly_put_u32(page.bytes + AT_TREE, tree);
    page.bytes[AT_LEVEL] = (uint8_t)level;
    fly_put_u16(page.bytes + AT_PREFIX, (uint16_t)fly__btree_common_prefix(low, high));
    put_fence(page, LOW, low);
    put_fence(page, HIGH, high);
}

uint32_t fly__btree_node_entry_size(const uint8_t *bytes, size_t key_len, size_t value_len)
{
    uint32_t suffix_len = (uint32_t)key_len - node_prefix(bytes);
    return (uint32_t)(FLY_PAGE_TAGGED + CELL_HEADER + rest_len_of(suffix_len) + value_len);
}

uint8_t *fly__btree_node_open(fly_page page, uint32_t entry, fly_bytes key, size_t value_len,
                              bool blob)
{
    uint32_t prefix = node_prefix(page.bytes);
    FLY_ASSERT(key.len >= prefix);
    const uint8_t *suffix = prefix > 0 ? key.data + prefix : key.data; /* which may be NULL */
    uint32_t suffix_len = (uint32_t)key.len - prefix;
    uint32_t rest = rest_len_of(suffix_len);
    uint8_t *cell = fly_page_open(page, entry + FENCES, (uint32_t)(CELL_HEADER + rest + value_len));
    if (cell == NULL) {
        return NULL;
    }
    fly_put_u16(cell, (uint16_t)(suffix_len | (blob ? (uint32_t)CELL_BLOB : 0)));
    if (rest > 0) {
        memcpy(cell + CELL_HEADER, suffix + TAG_BYTES, rest);
    }
    fly_page_set_tag(page, entry + FENCES, tag_of(suffix, suffix_len));
    return cell + CELL_HEADER + rest;
}

uint8_t *fly__btree_node_resize(fly_page page, uint32_t entry, size_t value_len, bool blob)
{
    struct cell cell;
    bool sound = node_cell(page.bytes, page.size, entry, &cell);
    FLY_ASSERT(sound);
    uint32_t before_value = CELL_HEADER + rest_len_of(cell.suffix_len);
    uint8_t *bytes = fly_page_resize(page, entry + FENCES, before_value + (uint32_t)value_len);
    if (bytes == NULL) {
        return NULL;
    }
    fly_put_u16(bytes, (uint16_t)(cell.suffix_len | (blob ? (uint32_t)CELL_BLOB : 0)));
    return bytes + before_value;
}

/* Append an entry whose prefix is shorter here: by way of its whole key. */
static void append_whole(fly_page page, const uint8_t *source, uint32_t usable, uint32_t entry)
{
    uint8_t key[FLY_PAGE_SIZE_MAX / 2];
    size_t len = 0;
    struct cell cell;
    bool sound = node_cell(source, usable, entry, &cell) &&
                 fly__btree_node_key(source, usable, entry, key, sizeof key, &len);
    FLY_ASSERT(sound);
    uint8_t *value = fly__btree_node_open(page, node_count(page.bytes), fly_bytes_of(key, len),
                                          cell.value.len, cell.blob);
    FLY_ASSERT(value != NULL);
    memcpy(value, cell.value.data, cell.value.len);
}

/*
 * Append an entry whose prefix is `more` bytes longer here. Its tag comes from its old tag and what
 * follows; the rest of its key and its value are the end of the old cell:
 *
 *     old      tag T T T T │ rest r r r r r │ value
 *     more = 2         [T T   r r] r r r      value
 */
static void append_cut(fly_page page, const uint8_t *source, uint32_t usable, uint32_t entry,
                       uint32_t more)
{
    struct cell cell;
    bool sound = node_cell(source, usable, entry, &cell) && cell.suffix_len >= more;
    FLY_ASSERT(sound);
    uint32_t old_rest = rest_len_of(cell.suffix_len);
    uint32_t suffix_len = cell.suffix_len - more;
    uint32_t rest = rest_len_of(suffix_len);
    uint32_t tag;
    if (more < TAG_BYTES) {
        uint8_t head[2 * TAG_BYTES] = {0};
        fly_put_u32be(head, node_tag(source, entry));
        memcpy(head + TAG_BYTES, cell.rest, old_rest < TAG_BYTES ? old_rest : TAG_BYTES);
        tag = fly_get_u32be(head + more);
    } else {
        tag = tag_of(cell.rest + more - TAG_BYTES, suffix_len);
    }
    uint32_t len = rest + (uint32_t)cell.value.len;
    uint32_t at = fly_page_count(page);
    uint8_t *to = fly_page_open(page, at, CELL_HEADER + len);
    FLY_ASSERT(to != NULL);
    fly_put_u16(to, (uint16_t)(suffix_len | (cell.blob ? (uint32_t)CELL_BLOB : 0)));
    memcpy(to + CELL_HEADER, cell.rest + old_rest - rest, len);
    fly_page_set_tag(page, at, tag);
}

void fly__btree_node_append(fly_page page, const uint8_t *source, uint32_t usable, uint32_t from,
                            uint32_t to)
{
    fly_page other = node_view(source, usable);
    uint32_t prefix = node_prefix(page.bytes);
    uint32_t old_prefix = node_prefix(source);
    for (uint32_t entry = from; entry < to; entry++) {
        if (prefix > old_prefix) {
            append_cut(page, source, usable, entry, prefix - old_prefix);
        } else if (prefix < old_prefix) {
            append_whole(page, source, usable, entry);
        } else {
            uint32_t at = fly_page_count(page);
            fly_status status = fly_page_insert(page, at, fly_page_cell(other, entry + FENCES));
            FLY_ASSERT(status == FLY_OK);
            fly_page_set_tag(page, at, fly_page_tag(other, entry + FENCES));
        }
    }
}

void fly__btree_node_zero_gap(fly_page page)
{
    memset(page.bytes + fly_page_lower(page), 0, fly_page_gap(page));
}

void fly__btree_node_keep(fly_page page, uint32_t from, uint32_t to, struct bound low,
                          struct bound high, uint32_t first_child)
{
    uint8_t old[FLY_PAGE_SIZE_MAX];
    memcpy(old, page.bytes, page.size);
    /* Bounds in the node's own bytes now lie in the copy. */
    if (!low.open && low.key.data >= page.bytes && low.key.data < page.bytes + page.size) {
        low.key.data = old + (low.key.data - page.bytes);
    }
    if (!high.open && high.key.data >= page.bytes && high.key.data < page.bytes + page.size) {
        high.key.data = old + (high.key.data - page.bytes);
    }
    fly__btree_node_init(page, fly_page_id(old), node_tree(old), node_level(old), low, high);
    fly_page_set_lsn(page.bytes, fly_page_lsn(old));
    fly_page_set_flags(page.bytes, fly_page_flags(old));
    fly_put_u32(page.bytes + AT_FIRST_CHILD, first_child);
    fly__btree_node_append(page, old, page.size, from, to);
    fly__btree_node_zero_gap(page);
}

bool fly__btree_node_add_child(fly_page page, fly_bytes separator, uint32_t child)
{
    uint32_t pos;
    bool found;
    bool sound = fly__btree_node_search(page.bytes, page.size, separator, &pos, &found);
    FLY_ASSERT(sound);
    FLY_ASSERT(!found);
    uint8_t *value = fly__btree_node_open(page, pos, separator, CHILD_BYTES, false);
    if (value == NULL) {
        return false;
    }
    fly_put_u32(value, child);
    return true;
}

fly_bytes fly__btree_node_separator(fly_bytes left, fly_bytes right)
{
    size_t n = 0;
    while (n < left.len && left.data[n] == right.data[n]) {
        n++;
    }
    FLY_ASSERT(n < right.len);
    return fly_bytes_of(right.data, n + 1);
}
