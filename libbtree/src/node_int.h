/*
 * A node: one page of the tree. Private to libbtree.
 *
 *     0        24     28 29 30      32           36       48     56     64
 *     +--------+------+--+--+-------+------------+--------+------+------+-----------+- gap -+-------+
 *     | header | tree |lv|fl| prefix| first child|        | low  | high | entries … |       | cells |
 *     +--------+------+--+--+-------+------------+--------+------+------+-----------+-------+-------+
 *                                                           slot 0  slot 1  slots 2…
 *
 * It is a slotted page with tags (fly/page.h). Slots 0 and 1 are the fences: a cell of one byte, 0
 * for "no bound" or 1 followed by the key. A node is for the keys k with low <= k < high. The first
 * `prefix` bytes of both fences are the same, so every key of the node begins with them, and no
 * entry stores them.
 *
 * An entry's tag holds the next four bytes of its key as a number, zeros behind a shorter key. So a
 * search compares numbers that lie side by side, and looks into cells only where these are equal.
 * The cell holds the rest:
 *
 *     leaf    u16 length of the key without prefix (bit 15: blob) | key from its 5th byte | value
 *     inner   u16 length of the key without prefix                | key from its 5th byte | u32 child
 *
 * An inner node with n entries has n + 1 children: child 0 is in the header, child i + 1 in entry i,
 * for keys not less than entry i's.
 *
 * Functions that say "optimistic" may be given bytes that are changing under them: they bound what
 * they read, and answer false where it makes no sense, which means: ask whether the page changed.
 */
#ifndef FLY_NODE_INT_H
#define FLY_NODE_INT_H

#include <fly/base_bytes.h>
#include <fly/btree.h>

#include <string.h>

enum {
    AT_TREE = 24,
    AT_LEVEL = 28,
    AT_PREFIX = 30,
    AT_FIRST_CHILD = 32,
    SLOTS_AT = 48,
    FENCES = 2,
    ENTRIES_AT = SLOTS_AT + FENCES * FLY_PAGE_TAGGED,
    TAG_BYTES = 4,
    CELL_HEADER = 2,
    CHILD_BYTES = 4,
    CELL_BLOB = 0x8000,
    LEVEL_MAX = 32
};

_Static_assert(ENTRIES_AT == FLY_CACHE_LINE, "header and fence slots are the first line");

typedef enum fence { LOW = 0, HIGH = 1 } fence;

/* A fence key; `open` where there is no bound. */
struct bound {
    bool open;
    fly_bytes key;
};

/* A cell taken apart. */
struct cell {
    uint32_t suffix_len; /* of the key, without the node's prefix */
    const uint8_t *rest; /* of the key, behind prefix and tag */
    fly_bytes value;     /* or the child's number */
    bool blob;
};

static inline fly_page node_view(const uint8_t *bytes, uint32_t usable)
{
    fly_page page = {(uint8_t *)(uintptr_t)bytes, usable, SLOTS_AT, FLY_PAGE_TAGGED};
    return page;
}

static inline uint32_t node_tree(const uint8_t *bytes)
{
    return fly_get_u32(bytes + AT_TREE);
}

static inline uint32_t node_level(const uint8_t *bytes)
{
    return bytes[AT_LEVEL];
}

static inline uint32_t node_prefix(const uint8_t *bytes)
{
    return fly_get_u16(bytes + AT_PREFIX);
}

/* How many entries; of nonsense: 0. */
static inline uint32_t node_count(const uint8_t *bytes)
{
    uint32_t slots = fly_get_u16(bytes + 6);
    return slots >= FENCES ? slots - FENCES : 0;
}

static inline const uint8_t *node_slot(const uint8_t *bytes, uint32_t entry)
{
    return bytes + ENTRIES_AT + (size_t)entry * FLY_PAGE_TAGGED;
}

static inline uint32_t node_tag(const uint8_t *bytes, uint32_t entry)
{
    return fly_get_u32(node_slot(bytes, entry) + 4);
}

/* The first bytes of a key without prefix, as a number that sorts as they do. */
static inline uint32_t tag_of(const uint8_t *suffix, size_t len)
{
    if (FLY_LIKELY(len >= TAG_BYTES)) {
        return fly_get_u32be(suffix);
    }
    uint32_t tag = 0;
    for (size_t i = 0; i < len; i++) {
        tag |= (uint32_t)suffix[i] << (24 - 8 * i);
    }
    return tag;
}

static inline uint32_t rest_len_of(uint32_t suffix_len)
{
    return suffix_len > TAG_BYTES ? suffix_len - TAG_BYTES : 0;
}

/* Take apart the cell of an entry. Optimistic. */
static inline bool node_cell(const uint8_t *bytes, uint32_t usable, uint32_t entry,
                             struct cell *cell)
{
    const uint8_t *slot = node_slot(bytes, entry);
    uint32_t offset = fly_get_u16(slot);
    uint32_t len = fly_get_u16(slot + 2);
    if (FLY_UNLIKELY(len < CELL_HEADER || offset + len > usable)) {
        return false;
    }
    const uint8_t *at = bytes + offset;
    uint32_t head = fly_get_u16(at);
    uint32_t suffix_len = head & ~(uint32_t)CELL_BLOB;
    uint32_t rest = rest_len_of(suffix_len);
    if (FLY_UNLIKELY(CELL_HEADER + rest > len)) {
        return false;
    }
    cell->suffix_len = suffix_len;
    cell->rest = at + CELL_HEADER;
    cell->value = fly_bytes_of(at + CELL_HEADER + rest, len - CELL_HEADER - rest);
    cell->blob = (head & CELL_BLOB) != 0;
    return true;
}

/* A node's fence. Optimistic. */
bool fly__btree_node_bound(const uint8_t *bytes, uint32_t usable, fence which, struct bound *bound);

/* Whether low <= key < high. Optimistic: false also if the bytes make no sense. */
bool fly__btree_node_covers(const uint8_t *bytes, uint32_t usable, fly_bytes key);

/*
 * Find the first entry that is not less than `key`: *pos; *found if it is equal. The key must have
 * the node's prefix, as all keys between the fences have. Optimistic.
 */
bool fly__btree_node_search(const uint8_t *bytes, uint32_t usable, fly_bytes key, uint32_t *pos,
                            bool *found);

/* Whether the key belongs into this node behind all its entries, of which there are some. Optimistic:
 * false also if the bytes make no sense. */
bool fly__btree_node_follows(const uint8_t *bytes, uint32_t usable, fly_bytes key);

/* The page of child `i`, 0 to node_count(). Optimistic. */
bool fly__btree_node_child(const uint8_t *bytes, uint32_t usable, uint32_t i, uint32_t *child);

/* Write the whole key of an entry to `key`, of `room` bytes. Optimistic. */
bool fly__btree_node_key(const uint8_t *bytes, uint32_t usable, uint32_t entry, uint8_t *key,
                         size_t room, size_t *len);

/* ------------------------------------------------- for pages that are latched exclusive */

/* How many bytes two bounds begin with in common; 0 if one is open. */
uint32_t fly__btree_common_prefix(struct bound low, struct bound high);

/* Make an empty node for the keys between two bounds, which may lie in another page's bytes. What is
 * not header or fence is left as it is: fly__btree_node_zero_gap() when the page is complete, unless
 * it is an image. */
void fly__btree_node_init(fly_page page, uint32_t id, uint32_t tree, uint32_t level,
                          struct bound low, struct bound high);

/* Nothing that was there before goes to disk, or into a later comparison of pages. */
void fly__btree_node_zero_gap(fly_page page);

/* Bytes, slot included, that an entry with such a key and value takes in this node. */
uint32_t fly__btree_node_entry_size(const uint8_t *bytes, size_t key_len, size_t value_len);

/* Bytes that are free, holes included. */
static inline uint32_t node_room(fly_page page)
{
    return fly_page_gap(page) + fly_page_holes(page);
}

/* Whether `need` bytes are free, the quick way first. */
static inline bool node_has_room(fly_page page, uint32_t need)
{
    return fly_page_gap(page) >= need || node_room(page) >= need;
}

/* Open an entry for a key and return where its value goes; NULL if there is no room. */
uint8_t *fly__btree_node_open(fly_page page, uint32_t entry, fly_bytes key, size_t value_len,
                              bool blob);

/* Give an entry a value of another length and return where it goes; NULL if there is no room. */
uint8_t *fly__btree_node_resize(fly_page page, uint32_t entry, size_t value_len, bool blob);

static inline void node_remove(fly_page page, uint32_t entry)
{
    fly_page_remove(page, entry + FENCES);
}

/* Append the entries `from` to `to` - 1 of another node, all greater than what is there. */
void fly__btree_node_append(fly_page page, const uint8_t *source, uint32_t usable, uint32_t from,
                            uint32_t to);

/* Keep only the entries `from` to `to` - 1, between new bounds. Of an inner node, child 0 becomes
 * `first_child`. The bounds may lie in the node's own bytes. */
void fly__btree_node_keep(fly_page page, uint32_t from, uint32_t to, struct bound low,
                          struct bound high, uint32_t first_child);

/* Insert a separator with the child to its right; false if there is no room. */
bool fly__btree_node_add_child(fly_page page, fly_bytes separator, uint32_t child);

/* The shortest key that is greater than `left` and not greater than `right`; a part of `right`. */
fly_bytes fly__btree_node_separator(fly_bytes left, fly_bytes right);

#endif
