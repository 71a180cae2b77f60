/*
 * Structural changes: several pages change as one log record.
 *
 * A record is a list of actions, each for one page. What happens while the tree is in use and what
 * redo does later is the same code (fly__btree_apply()), so one cannot drift from the other.
 *
 *     record   u32 tree, then for each action: u8 type, u32 page, u32 length, body
 *     ALLOC    -
 *     FREE     -
 *     IMAGE    the page up to the end of its slots, then its cells
 *     KEEP     u16 from, u16 to, u32 first child, bound low, bound high
 *     TAKE     u8 front, bound low, bound high, u16 length and bytes of the entries' prefix,
 *              u16 count, then each entry: u16 key length, u16 value length (bit 15: blob), both
 *              without the prefix
 *     ADD      u32 child, separator
 *     DELETE   u16 entry
 *     CHANGE   u16 entry, new separator
 *     bound    u16 length and bytes; length 0xffff: open
 */
#include "btree_int.h"

#include <inttypes.h>

enum { BOUND_OPEN = 0xffff };

/* -------------------------------------------------------------------- writing bodies */

void fly__btree_body_u8(struct body *body, uint32_t x)
{
    body->bytes[body->len++] = (uint8_t)x;
}

void fly__btree_body_u16(struct body *body, uint32_t x)
{
    fly_put_u16(body->bytes + body->len, (uint16_t)x);
    body->len += 2;
}

void fly__btree_body_u32(struct body *body, uint32_t x)
{
    fly_put_u32(body->bytes + body->len, x);
    body->len += 4;
}

void fly__btree_body_bytes(struct body *body, fly_bytes bytes)
{
    FLY_ASSERT(body->len + bytes.len <= BODY_MAX);
    if (bytes.len > 0) {
        memcpy(body->bytes + body->len, bytes.data, bytes.len);
        body->len += bytes.len;
    }
}

void fly__btree_body_bound(struct body *body, struct bound bound)
{
    if (bound.open) {
        fly__btree_body_u16(body, BOUND_OPEN);
    } else {
        fly__btree_body_u16(body, (uint32_t)bound.key.len);
        fly__btree_body_bytes(body, bound.key);
    }
}

void fly__btree_body_keep(struct body *body, uint32_t from, uint32_t to, uint32_t first_child,
                          struct bound low, struct bound high)
{
    fly__btree_body_u16(body, from);
    fly__btree_body_u16(body, to);
    fly__btree_body_u32(body, first_child);
    fly__btree_body_bound(body, low);
    fly__btree_body_bound(body, high);
}

void fly__btree_body_take(struct body *body, bool front, struct bound low, struct bound high,
                          const uint8_t *source, uint32_t usable, uint32_t from, uint32_t to)
{
    struct bound source_low;
    bool sound = fly__btree_node_bound(source, usable, LOW, &source_low);
    FLY_ASSERT(sound);
    uint32_t prefix = node_prefix(source);
    fly__btree_body_u8(body, front);
    fly__btree_body_bound(body, low);
    fly__btree_body_bound(body, high);
    fly__btree_body_u16(body, prefix);
    fly__btree_body_bytes(body, fly_bytes_of(source_low.key.data, prefix));
    fly__btree_body_u16(body, to - from);
    for (uint32_t entry = from; entry < to; entry++) {
        struct cell cell;
        uint8_t tag[TAG_BYTES];
        sound = node_cell(source, usable, entry, &cell);
        FLY_ASSERT(sound);
        uint32_t rest = rest_len_of(cell.suffix_len);
        fly_put_u32be(tag, node_tag(source, entry));
        fly__btree_body_u16(body, cell.suffix_len);
        fly__btree_body_u16(body, (uint32_t)cell.value.len | (cell.blob ? (uint32_t)CELL_BLOB : 0));
        fly__btree_body_bytes(body, fly_bytes_of(tag, cell.suffix_len - rest));
        fly__btree_body_bytes(body, fly_bytes_of(cell.rest, rest));
        fly__btree_body_bytes(body, cell.value);
    }
}

void fly__btree_image(const uint8_t *bytes, uint32_t usable, fly_bytes parts[2])
{
    fly_page page = node_view(bytes, usable);
    uint32_t upper = fly_page_upper(page);
    parts[0] = fly_bytes_of(bytes, fly_page_lower(page));
    parts[1] = fly_bytes_of(bytes + upper, usable - upper);
}

/* -------------------------------------------------------------------- reading bodies */

fly_bytes fly__btree_in_bytes(struct input *in, size_t len)
{
    if (len > in->left) {
        in->bad = true;
        in->left = 0;
        return fly_bytes_of(NULL, 0);
    }
    fly_bytes bytes = fly_bytes_of(in->at, len);
    in->at += len;
    in->left -= len;
    return bytes;
}

uint32_t fly__btree_in_u8(struct input *in)
{
    fly_bytes bytes = fly__btree_in_bytes(in, 1);
    return in->bad ? 0 : bytes.data[0];
}

uint32_t fly__btree_in_u16(struct input *in)
{
    fly_bytes bytes = fly__btree_in_bytes(in, 2);
    return in->bad ? 0 : fly_get_u16(bytes.data);
}

uint32_t fly__btree_in_u32(struct input *in)
{
    fly_bytes bytes = fly__btree_in_bytes(in, 4);
    return in->bad ? 0 : fly_get_u32(bytes.data);
}

struct bound fly__btree_in_bound(struct input *in)
{
    uint32_t len = fly__btree_in_u16(in);
    struct bound bound = {.open = len == BOUND_OPEN};
    if (!bound.open) {
        bound.key = fly__btree_in_bytes(in, len);
    }
    return bound;
}

/* -------------------------------------------------------------------------- applying */

static fly_status nonsense(fly_page page, const char *what, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "a logged %s does not fit page %" PRIu32, what,
                       fly_page_id(page.bytes));
}

static fly_status apply_image(fly_page page, fly_bytes slots, fly_bytes cells, fly_err *err)
{
    fly_page image = node_view(slots.data, page.size);
    if (slots.len < ENTRIES_AT || fly_page_lower(image) != slots.len ||
        fly_page_upper(image) > page.size || page.size - fly_page_upper(image) != cells.len ||
        fly_page_upper(image) < slots.len) {
        return nonsense(page, "image", err);
    }
    bool fresh = fly_page_kind(page.bytes) == 0; /* all zero but its number */
    memcpy(page.bytes, slots.data, slots.len);
    if (!fresh) {
        memset(page.bytes + slots.len, 0, page.size - slots.len - cells.len);
    }
    memcpy(page.bytes + page.size - cells.len, cells.data, cells.len);
    return FLY_OK;
}

/* Whether bytes are a node that has been checked when it came into memory. */
static bool is_node(fly_page page)
{
    uint8_t kind = fly_page_kind(page.bytes);
    return kind == FLY_BTREE_PAGE_LEAF || kind == FLY_BTREE_PAGE_INNER;
}

static bool is_fence(fly_page page, struct bound bound)
{
    return bound.open || bound.key.len <= fly_btree_key_max_of(page.size);
}

static bool lies_between(fly_bytes key, struct bound low, struct bound high)
{
    return (low.open || fly_bytes_cmp(low.key, key) <= 0) &&
           (high.open || fly_bytes_cmp(key, high.key) < 0);
}

/*
 * Whether a node can keep the entries `from` to `to` - 1 between new fences: they lie there, and fit,
 * although a shorter prefix makes them longer. It can in what was planned for just this page; but a
 * log is bytes from a disk. `*size` is what the entries then take.
 */
static bool can_keep(fly_page page, uint32_t from, uint32_t to, struct bound low, struct bound high,
                     uint32_t *size)
{
    if (!is_fence(page, low) || !is_fence(page, high) ||
        (!low.open && !high.open && fly_bytes_cmp(low.key, high.key) >= 0)) {
        return false;
    }
    uint32_t prefix = fly__btree_common_prefix(low, high);
    uint32_t old_prefix = node_prefix(page.bytes);
    *size = 0;
    for (uint32_t entry = from; entry < to; entry++) {
        struct cell cell;
        uint8_t key[FLY_PAGE_SIZE_MAX / 4];
        size_t len = 0;
        bool at_end = entry == from || entry + 1 == to; /* those between lie between */
        if (!node_cell(page.bytes, page.size, entry, &cell) ||
            old_prefix + cell.suffix_len < prefix ||
            (at_end && (!fly__btree_node_key(page.bytes, page.size, entry, key, sizeof key, &len) ||
                        !lies_between(fly_bytes_of(key, len), low, high)))) {
            return false;
        }
        *size += FLY_PAGE_TAGGED + CELL_HEADER +
                 rest_len_of(old_prefix + cell.suffix_len - prefix) + (uint32_t)cell.value.len;
    }
    uint32_t fences = (uint32_t)(2 + low.key.len + high.key.len);
    return ENTRIES_AT + fences + *size <= page.size;
}

static fly_status apply_keep(fly_page page, fly_bytes body, fly_err *err)
{
    uint32_t size;
    struct input in = {body.data, body.len, false};
    uint32_t from = fly__btree_in_u16(&in);
    uint32_t to = fly__btree_in_u16(&in);
    uint32_t first_child = fly__btree_in_u32(&in);
    struct bound low = fly__btree_in_bound(&in);
    struct bound high = fly__btree_in_bound(&in);
    if (in.bad || !is_node(page) || from > to || to > node_count(page.bytes) ||
        !can_keep(page, from, to, low, high, &size)) {
        return nonsense(page, "division", err);
    }
    fly__btree_node_keep(page, from, to, low, high, first_child);
    return FLY_OK;
}

/* Put the entries of a TAKE into a node that has room for them, behind what is there. */
static bool put_taken(fly_page page, struct input in)
{
    uint8_t key[FLY_PAGE_SIZE_MAX / 2];
    uint32_t prefix = fly__btree_in_u16(&in);
    fly_bytes prefix_bytes = fly__btree_in_bytes(&in, prefix);
    uint32_t count = fly__btree_in_u16(&in);
    if (in.bad || prefix > sizeof key) {
        return false;
    }
    memcpy(key, prefix_bytes.data, prefix);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t suffix_len = fly__btree_in_u16(&in);
        uint32_t value_len = fly__btree_in_u16(&in);
        bool blob = (value_len & CELL_BLOB) != 0;
        value_len &= ~(uint32_t)CELL_BLOB;
        fly_bytes suffix = fly__btree_in_bytes(&in, suffix_len);
        fly_bytes value = fly__btree_in_bytes(&in, value_len);
        if (in.bad || prefix + suffix_len > sizeof key || suffix_len >= CELL_BLOB ||
            prefix + suffix_len < node_prefix(page.bytes)) {
            return false;
        }
        memcpy(key + prefix, suffix.data, suffix_len);
        fly_bytes whole = fly_bytes_of(key, prefix + suffix_len);
        uint8_t *to =
            fly__btree_node_covers(page.bytes, page.size, whole)
                ? fly__btree_node_open(page, node_count(page.bytes), whole, value_len, blob)
                : NULL;
        if (to == NULL) {
            return false;
        }
        memcpy(to, value.data, value_len);
    }
    return true;
}

static fly_status apply_take(fly_page page, fly_bytes body, fly_err *err)
{
    struct input in = {body.data, body.len, false};
    bool front = fly__btree_in_u8(&in) != 0;
    struct bound low = fly__btree_in_bound(&in);
    struct bound high = fly__btree_in_bound(&in);
    uint32_t own = 0; /* bytes of the node's own entries between the new fences */
    if (in.bad || !is_node(page) || !can_keep(page, 0, node_count(page.bytes), low, high, &own)) {
        return nonsense(page, "move of entries", err);
    }
    uint8_t old[FLY_PAGE_SIZE_MAX];
    memcpy(old, page.bytes, page.size);
    uint32_t count = node_count(old);
    fly__btree_node_init(page, fly_page_id(old), node_tree(old), node_level(old), low, high);
    fly_put_u32(page.bytes + AT_FIRST_CHILD, fly_get_u32(old + AT_FIRST_CHILD));
    if (!front) {
        fly__btree_node_append(page, old, page.size, 0, count);
    }
    if (!put_taken(page, in) || (front && node_room(page) < own)) {
        memcpy(page.bytes, old, page.size);
        return nonsense(page, "move of entries", err);
    }
    if (front) {
        fly__btree_node_append(page, old, page.size, 0, count);
    }
    fly__btree_node_zero_gap(page);
    return FLY_OK;
}

static fly_status apply_separator(fly_page page, uint8_t type, fly_bytes body, fly_err *err)
{
    struct input in = {body.data, body.len, false};
    uint32_t x = type == ACTION_ADD ? fly__btree_in_u32(&in) : fly__btree_in_u16(&in);
    fly_bytes key = fly_bytes_of(in.at, in.left);
    uint32_t pos = 0;
    bool found = false;
    if (in.bad || fly_page_kind(page.bytes) != FLY_BTREE_PAGE_INNER ||
        (type != ACTION_ADD && x >= node_count(page.bytes)) ||
        (type != ACTION_DELETE &&
         (key.len > fly_btree_key_max_of(page.size) ||
          !fly__btree_node_covers(page.bytes, page.size, key) ||
          !fly__btree_node_search(page.bytes, page.size, key, &pos, &found) || found))) {
        return nonsense(page, "separator", err);
    }
    if (type == ACTION_ADD) {
        return fly__btree_node_add_child(page, key, x) ? FLY_OK : nonsense(page, "separator", err);
    }
    uint32_t child = 0;
    if (!fly__btree_node_child(page.bytes, page.size, x + 1, &child)) {
        return nonsense(page, "separator", err);
    }
    node_remove(page, x);
    if (type == ACTION_CHANGE && !fly__btree_node_add_child(page, key, child)) {
        return nonsense(page, "separator", err);
    }
    return FLY_OK;
}

fly_status fly__btree_apply(fly_page page, uint8_t type, fly_bytes first, fly_bytes second,
                            fly_err *err)
{
    switch (type) {
    case ACTION_IMAGE:
        return apply_image(page, first, second, err);
    case ACTION_KEEP:
        return apply_keep(page, first, err);
    case ACTION_TAKE:
        return apply_take(page, first, err);
    case ACTION_ADD:
    case ACTION_DELETE:
    case ACTION_CHANGE:
        return apply_separator(page, type, first, err);
    default:
        return nonsense(page, "action", err);
    }
}

/* --------------------------------------------------------------------------- logging */

fly_status fly__btree_log(fly_btree *tree, void *op, uint8_t type, const fly_bytes *pieces,
                          int count, const fly_pageref *const *pages, int page_count, uint64_t *lsn,
                          fly_err *err)
{
    bool logged = tree->logger.append != NULL;
    for (int i = 0; i < page_count; i++) {
        if (!fly_bufpool_is_dirty(tree->pool, pages[i])) {
            fly_bufpool_dirty(tree->pool, pages[i],
                              logged ? tree->logger.position(tree->logger.ctx)
                                     : FLY_BUFPOOL_UNLOGGED);
        }
    }
    if (!logged) {
        *lsn = 0;
        return FLY_OK;
    }
    return tree->logger.append(tree->logger.ctx, op, type, pieces, count, lsn, err);
}

fly_status fly__btree_change(fly_btree *tree, void *op, const struct action *actions, int count,
                             fly_err *err)
{
    FLY_ASSERT(count <= ACTIONS_MAX);
    uint8_t record_header[RECORD_HEADER];
    uint8_t headers[ACTIONS_MAX][ACTION_HEADER];
    fly_bytes pieces[1 + 3 * ACTIONS_MAX];
    const fly_pageref *pages[ACTIONS_MAX] = {NULL};
    int piece_count = 0;
    int page_count = 0;
    fly_put_u32(record_header, tree->id);
    pieces[piece_count++] = fly_bytes_of(record_header, sizeof record_header);
    for (int i = 0; i < count; i++) {
        const struct action *action = &actions[i];
        uint8_t *header = headers[i];
        header[0] = action->type;
        fly_put_u32(header + 1, action->page);
        fly_put_u32(header + 5, (uint32_t)(action->body[0].len + action->body[1].len));
        pieces[piece_count++] = fly_bytes_of(header, ACTION_HEADER);
        pieces[piece_count++] = action->body[0];
        pieces[piece_count++] = action->body[1];
        if (action->ref != NULL) {
            pages[page_count++] = action->ref;
        }
    }
    uint64_t lsn = 0;
    fly_status status = fly__btree_log(tree, op, FLY_BTREE_LOG_NODES, pieces, piece_count, pages,
                                       page_count, &lsn, err);
    if (status != FLY_OK) {
        return status;
    }
    for (int i = 0; i < count; i++) {
        const struct action *action = &actions[i];
        if (action->ref == NULL) {
            continue;
        }
        fly_page page = node_view(action->ref->bytes, tree->usable);
        uint64_t before = fly_page_lsn(page.bytes);
        status = fly__btree_apply(page, action->type, action->body[0], action->body[1], NULL);
        FLY_ASSERT(status == FLY_OK); /* it was planned for just this page */
        fly_page_set_lsn(page.bytes, lsn != 0 ? lsn : before);
    }
    return FLY_OK;
}

/* ----------------------------------------------------------------------------- pages */

fly_status fly__btree_new_page(fly_btree *tree, uint32_t near, fly_pageref *ref, fly_err *err)
{
    uint32_t page;
    fly_status status = fly_pagefile_alloc(tree->file, near, 1, &page, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_bufpool_fix_new(tree->pool, page, ref, err);
    if (status != FLY_OK && fly_pagefile_free(tree->file, page, 1, NULL) != FLY_OK) {
        fly_log(tree->env, FLY_LOG_WARNING, "page %" PRIu32 " stays in use", page);
    }
    return status;
}

void fly__btree_free_page(fly_btree *tree, const fly_pageref *ref)
{
    uint32_t page = ref->page;
    fly_err err = {0};
    fly_bufpool_drop(tree->pool, ref);
    if (fly_pagefile_free(tree->file, page, 1, &err) != FLY_OK) {
        /* Only a damaged file gets here: the page is free already. */
        fly_log(tree->env, FLY_LOG_ERROR, "tree %" PRIu32 ": %s", tree->id, err.message);
    }
}

fly_status fly__btree_log_and_free(fly_btree *tree, void *op, const fly_pageref *ref, fly_err *err)
{
    if (!fly_pagefile_is_used(tree->file, ref->page)) {
        fly_bufpool_unfix_unchanged(ref);
        return fly__btree_damaged(tree, ref->page, "is free already", err);
    }
    struct action action = {.type = ACTION_FREE, .page = ref->page};
    fly_status status = fly__btree_change(tree, op, &action, 1, err);
    if (status != FLY_OK) {
        fly_bufpool_unfix_unchanged(ref);
        return status;
    }
    fly__btree_free_page(tree, ref);
    return FLY_OK;
}

void fly__btree_unmake_page(fly_btree *tree, const fly_pageref *ref)
{
    fly__btree_free_page(tree, ref);
}
