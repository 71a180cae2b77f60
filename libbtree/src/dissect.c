/*
 * Pages and records as bytes, for inspection and salvage.
 *
 * Nothing is believed. Every offset is bounded by the bytes there are, and what lies outside is said
 * to lie outside. Node.c's optimistic functions are what bounds cells and keys: bytes that change
 * under a reader and bytes that somebody made up are the same to them.
 *
 * The image of a node in a log record lacks the gap between slots and cells:
 *
 *     page     [ header, slots | gap | cells ]
 *     record   [ header, slots | cells ]
 *
 * so it is put back in memory to find the keys, and fields are shown where they stand in the record.
 */
#include "btree_int.h"

#include <fly/btree_dissect.h>

enum { QUOTED = 120 };

static const char *const page_types[] = {
    [FLY_PAGE_TYPE_NONE] = "none",       [FLY_PAGE_TYPE_HEADER] = "header",
    [FLY_PAGE_TYPE_MAP] = "map",         [FLY_PAGE_TYPE_SLOTTED] = "slotted",
    [FLY_BTREE_PAGE_LEAF] = "leaf",      [FLY_BTREE_PAGE_INNER] = "inner node",
    [FLY_BTREE_PAGE_BLOB] = "blob page",
};

static const char *const record_types[] = {
    [FLY_BTREE_LOG_PUT] = "put",     [FLY_BTREE_LOG_REMOVE] = "remove",
    [FLY_BTREE_LOG_NODES] = "nodes", [FLY_BTREE_LOG_BLOB] = "blob",
    [FLY_BTREE_LOG_LOAD] = "load",   [FLY_BTREE_LOG_LOADED] = "loaded",
};

static const char *const action_types[] = {
    [ACTION_ALLOC] = "allocate",      [ACTION_FREE] = "free",
    [ACTION_IMAGE] = "image",         [ACTION_KEEP] = "keep",
    [ACTION_TAKE] = "take",           [ACTION_ADD] = "add child",
    [ACTION_DELETE] = "delete child", [ACTION_CHANGE] = "change separator",
};

enum {
    PAGE_TYPES = sizeof page_types / sizeof page_types[0],
    RECORD_TYPES = sizeof record_types / sizeof record_types[0],
    ACTION_TYPES = sizeof action_types / sizeof action_types[0]
};

const char *fly_btree_log_name(uint8_t type)
{
    return type < RECORD_TYPES ? record_types[type] : NULL;
}

/* -------------------------------------------------------------------------- salvage */

static bool is_node_kind(uint8_t kind)
{
    return kind == FLY_BTREE_PAGE_LEAF || kind == FLY_BTREE_PAGE_INNER;
}

bool fly_btree_image_of(const uint8_t *bytes, uint32_t usable, fly_btree_image *image)
{
    if (usable < ENTRIES_AT || usable > FLY_PAGE_SIZE_MAX) {
        return false;
    }
    uint8_t kind = fly_page_kind(bytes);
    if (!is_node_kind(kind) && kind != FLY_BTREE_PAGE_BLOB) {
        return false;
    }
    *image = (fly_btree_image){.bytes = bytes,
                               .usable = usable,
                               .page = fly_page_id(bytes),
                               .tree = node_tree(bytes),
                               .lsn = fly_page_lsn(bytes),
                               .kind = kind};
    if (is_node_kind(kind)) {
        uint32_t most = (usable - ENTRIES_AT) / FLY_PAGE_TAGGED;
        image->level = (uint8_t)node_level(bytes);
        image->count = node_count(bytes) < most ? node_count(bytes) : most;
    }
    return true;
}

fly_status fly_btree_image_entry(const fly_btree_image *image, uint32_t i,
                                 uint8_t room[FLY_BTREE_IMAGE_KEY], fly_bytes *key,
                                 fly_btree_entry *entry)
{
    struct cell cell;
    size_t len = 0;
    FLY_ASSERT(i < image->count);
    bool leaf = image->kind == FLY_BTREE_PAGE_LEAF;
    if (!node_cell(image->bytes, image->usable, i, &cell) ||
        !fly__btree_node_key(image->bytes, image->usable, i, room, FLY_BTREE_IMAGE_KEY, &len) ||
        len > fly_btree_key_max_of(image->usable) ||
        (leaf ? cell.blob && cell.value.len < FLY_BTREE_BLOB_REF
              : cell.blob || cell.value.len != CHILD_BYTES)) {
        return FLY_E_CORRUPT;
    }
    *key = fly_bytes_of(room, len);
    *entry = (fly_btree_entry){.value = cell.value, .blob = cell.blob};
    return FLY_OK;
}

fly_status fly_btree_image_fence(const fly_btree_image *image, bool high, bool *open,
                                 fly_bytes *key)
{
    struct bound bound;
    if (!is_node_kind(image->kind) ||
        !fly__btree_node_bound(image->bytes, image->usable, high ? HIGH : LOW, &bound)) {
        return FLY_E_CORRUPT;
    }
    *open = bound.open;
    *key = bound.open ? fly_bytes_of(NULL, 0) : bound.key;
    return FLY_OK;
}

uint32_t fly_btree_image_first_child(const fly_btree_image *image)
{
    return fly_get_u32(image->bytes + AT_FIRST_CHILD);
}

fly_status fly_btree_image_blob(const fly_btree_image *image, uint32_t *next, fly_bytes *bytes)
{
    uint32_t len = fly_get_u32(image->bytes + BLOB_AT_LEN);
    if (image->kind != FLY_BTREE_PAGE_BLOB || len > image->usable - BLOB_AT_DATA) {
        return FLY_E_CORRUPT;
    }
    *next = fly_get_u32(image->bytes + BLOB_AT_NEXT);
    *bytes = fly_bytes_of(image->bytes + BLOB_AT_DATA, len);
    return FLY_OK;
}

/* ----------------------------------------------------------------------------- fields */

/* A page's number; in hexadecimal where it is none, 0xffffffff. */
static void show_page_number(fly_dissector *d, const char *name)
{
    if (fly_dissect_left(d) >= 4 && fly_get_u32(d->bytes.data + d->at) == FLY_PAGE_NONE) {
        (void)fly_dissect_hex(d, name, 4);
    } else {
        (void)fly_dissect_number(d, name, 4);
    }
}

/* A value, by the hook if there is one, which sees nothing but the value. */
static void show_value(fly_dissector *d, const fly_btree_dissect_hook *hook, uint32_t tree,
                       bool blob, size_t len)
{
    if (len > fly_dissect_left(d) || ((hook == NULL || hook->value == NULL) && !blob)) {
        (void)fly_dissect_bytes(d, "value", len);
        return;
    }
    size_t end = d->at + len;
    size_t all = d->bytes.len;
    d->bytes.len = end;
    if (hook != NULL && hook->value != NULL) {
        hook->value(hook->ctx, d, tree, blob);
    } else if (len >= FLY_BTREE_BLOB_REF) {
        (void)fly_dissect_bytes(d, "value", len - FLY_BTREE_BLOB_REF);
        (void)fly_dissect_number(d, "blob length", 8);
        show_page_number(d, "blob page");
    }
    d->bytes.len = all;
    d->at = end;
    d->bad = false; /* a value that is not what the hook expected is no damage to the page */
}

static void show_rest(fly_dissector *d, const char *name)
{
    if (fly_dissect_left(d) > 0) {
        (void)fly_dissect_digits(d, name, fly_dissect_left(d));
    }
}

/* ------------------------------------------------------------------------------ nodes */

/* A node, and where its bytes are shown. */
struct node {
    fly_dissector *d;
    const fly_btree_dissect_hook *hook;
    const uint8_t *bytes; /* with its gap */
    uint32_t size;
    size_t base;       /* where it begins in the dissector's bytes */
    uint32_t gap_from; /* these bytes are not there in the dissector's */
    uint32_t gap;
};

static void go_to(const struct node *node, uint32_t offset)
{
    node->d->at = node->base + (offset < node->gap_from ? offset : offset - node->gap);
}

static void show_header(fly_dissector *d)
{
    (void)fly_dissect_number(d, "page", 4);
    (void)fly_dissect_named(d, "type", 1, page_types, PAGE_TYPES);
    (void)fly_dissect_hex(d, "flags", 1);
    (void)fly_dissect_number(d, "slots", 2);
    (void)fly_dissect_number(d, "lower", 2);
    (void)fly_dissect_number(d, "upper", 2);
    (void)fly_dissect_number(d, "lsn", 8);
    (void)fly_dissect_hex(d, "checksum", 4);
}

/* A slot; false if its cell does not lie behind the slots and in the page. */
static bool show_slot(const struct node *node, uint32_t slot, uint32_t *offset, uint32_t *len)
{
    go_to(node, SLOTS_AT + slot * FLY_PAGE_TAGGED);
    *offset = (uint32_t)fly_dissect_number(node->d, "cell offset", 2);
    *len = (uint32_t)fly_dissect_number(node->d, "cell length", 2);
    (void)fly_dissect_hex(node->d, "tag", 4);
    if (*len > 0 && *offset >= node->gap_from + node->gap && *offset >= SLOTS_AT &&
        *offset + *len <= node->size) {
        return true;
    }
    fly_dissect_enter(node->d, "cell", "lies where no cell can be");
    fly_dissect_leave(node->d);
    return false;
}

static void show_fence(const struct node *node, fence which)
{
    fly_dissector *d = node->d;
    struct bound bound;
    char text[QUOTED] = "makes no sense";
    uint32_t offset;
    uint32_t len;
    if (fly__btree_node_bound(node->bytes, node->size, which, &bound)) {
        if (bound.open) {
            (void)memcpy(text, "open", sizeof "open");
        } else {
            fly_quote(bound.key, text, sizeof text);
        }
    }
    fly_dissect_enter(d, which == LOW ? "low fence" : "high fence", "%s", text);
    if (show_slot(node, which, &offset, &len)) {
        go_to(node, offset);
        (void)fly_dissect_number(d, "bounded", 1);
        if (len > 1) {
            (void)fly_dissect_bytes(d, "key", len - 1);
        }
    }
    fly_dissect_leave(d);
}

static void show_entry(const struct node *node, const fly_btree_image *image, uint32_t i)
{
    fly_dissector *d = node->d;
    uint8_t room[FLY_BTREE_IMAGE_KEY];
    fly_bytes key;
    fly_btree_entry entry;
    char text[QUOTED] = "makes no sense";
    uint32_t offset;
    uint32_t len;
    bool sound = fly_btree_image_entry(image, i, room, &key, &entry) == FLY_OK;
    if (sound) {
        fly_quote(key, text, sizeof text);
    }
    fly_dissect_enter(d, "entry", "%u: %s", (unsigned)i, text);
    if (show_slot(node, i + FENCES, &offset, &len)) {
        go_to(node, offset);
        if (!sound) {
            (void)fly_dissect_digits(d, "cell", len);
        } else {
            (void)fly_dissect_hex(d, "key length", 2);
            uint32_t rest = len - CELL_HEADER - (uint32_t)entry.value.len;
            if (rest > 0) {
                (void)fly_dissect_bytes(d, "key behind prefix and tag", rest);
            }
            if (image->kind == FLY_BTREE_PAGE_LEAF) {
                show_value(d, node->hook, image->tree, entry.blob, entry.value.len);
            } else {
                show_page_number(d, "child");
            }
        }
    }
    fly_dissect_leave(d);
}

/* The dissector stands behind the page's header. */
static void show_node(const struct node *node, const fly_btree_image *image)
{
    fly_dissector *d = node->d;
    (void)fly_dissect_number(d, "tree", 4);
    (void)fly_dissect_number(d, "level", 1);
    (void)fly_dissect_number(d, "unused", 1);
    (void)fly_dissect_number(d, "prefix length", 2);
    if (image->kind == FLY_BTREE_PAGE_INNER) {
        show_page_number(d, "child 0");
    } else {
        (void)fly_dissect_hex(d, "unused", 4);
    }
    (void)fly_dissect_digits(d, "unused", SLOTS_AT - AT_FIRST_CHILD - 4);
    show_fence(node, LOW);
    show_fence(node, HIGH);
    for (uint32_t i = 0; i < image->count && !d->bad; i++) {
        show_entry(node, image, i);
    }
    if (node_count(node->bytes) > image->count) {
        fly_dissect_enter(d, "entries", "%u more do not fit the page",
                          (unsigned)(node_count(node->bytes) - image->count));
        fly_dissect_leave(d);
    }
}

static void show_blob(fly_dissector *d, const fly_btree_image *image)
{
    uint32_t next;
    fly_bytes bytes;
    (void)fly_dissect_number(d, "tree", 4);
    show_page_number(d, "next page");
    (void)fly_dissect_number(d, "bytes here", 4);
    if (fly_btree_image_blob(image, &next, &bytes) == FLY_OK) {
        (void)fly_dissect_bytes(d, "data", bytes.len);
    } else {
        show_rest(d, "data");
    }
}

bool fly_btree_dissect_page(fly_dissector *d, const fly_btree_dissect_hook *hook)
{
    size_t base = d->at;
    size_t left = fly_dissect_left(d);
    fly_btree_image image;
    show_header(d);
    if (d->bad || left > FLY_PAGE_SIZE_MAX ||
        !fly_btree_image_of(d->bytes.data + base, (uint32_t)left, &image)) {
        return false;
    }
    if (image.kind == FLY_BTREE_PAGE_BLOB) {
        show_blob(d, &image);
    } else {
        struct node node = {
            .d = d, .hook = hook, .bytes = image.bytes, .size = image.usable, .base = base};
        show_node(&node, &image);
    }
    d->at = base + left;
    return true;
}

/* ---------------------------------------------------------------------------- records */

/* The image of a node, `len` bytes of it. */
static void show_image(fly_dissector *d, const fly_btree_dissect_hook *hook, size_t len)
{
    uint8_t page[FLY_PAGE_SIZE_MAX];
    fly_btree_image image;
    if (len > fly_dissect_left(d) || len < ENTRIES_AT) {
        (void)fly_dissect_digits(d, "image", len);
        return;
    }
    const uint8_t *bytes = d->bytes.data + d->at;
    size_t base = d->at;
    uint32_t lower = fly_get_u16(bytes + 8);
    uint32_t upper = fly_page_upper(node_view(bytes, FLY_PAGE_SIZE_MAX));
    if (lower < ENTRIES_AT || lower > len || upper < lower || upper + (len - lower) > sizeof page) {
        (void)fly_dissect_digits(d, "image", len);
        return;
    }
    uint32_t size = upper + (uint32_t)(len - lower);
    memset(page, 0, sizeof page);
    memcpy(page, bytes, lower);
    memcpy(page + upper, bytes + lower, len - lower);
    if (!fly_btree_image_of(page, size, &image) || image.kind == FLY_BTREE_PAGE_BLOB) {
        (void)fly_dissect_digits(d, "image", len);
        return;
    }
    uint32_t most = (lower - ENTRIES_AT) / FLY_PAGE_TAGGED;
    image.count = image.count < most ? image.count : most;
    struct node node = {.d = d,
                        .hook = hook,
                        .bytes = page,
                        .size = size,
                        .base = base,
                        .gap_from = lower,
                        .gap = upper - lower};
    show_header(d);
    show_node(&node, &image);
    d->at = base + len;
}

static void show_bound(fly_dissector *d, const char *name)
{
    bool open = fly_dissect_left(d) >= 2 && fly_get_u16(d->bytes.data + d->at) == UINT16_MAX;
    fly_dissect_enter(d, name, "%s", open ? "open" : "a key");
    uint64_t len = fly_dissect_hex(d, "length", 2);
    if (!open) {
        (void)fly_dissect_bytes(d, "key", len);
    }
    fly_dissect_leave(d);
}

static void show_take(fly_dissector *d, const fly_btree_dissect_hook *hook, uint32_t tree)
{
    (void)fly_dissect_number(d, "in front", 1);
    show_bound(d, "low fence");
    show_bound(d, "high fence");
    (void)fly_dissect_bytes(d, "prefix", fly_dissect_number(d, "prefix length", 2));
    uint64_t count = fly_dissect_number(d, "entries", 2);
    for (uint64_t i = 0; i < count && !d->bad; i++) {
        fly_dissect_enter(d, "entry", "%u", (unsigned)i);
        uint64_t key_len = fly_dissect_number(d, "key length", 2);
        uint64_t value_len = fly_dissect_hex(d, "value length", 2);
        bool blob = (value_len & CELL_BLOB) != 0;
        (void)fly_dissect_bytes(d, "key", key_len);
        show_value(d, hook, tree, blob, value_len & ~(uint64_t)CELL_BLOB);
        fly_dissect_leave(d);
    }
}

/* The body of an action, to the end of the dissector. */
static void show_body(fly_dissector *d, const fly_btree_dissect_hook *hook, uint32_t tree,
                      uint64_t type)
{
    switch (type) {
    case ACTION_IMAGE:
        show_image(d, hook, fly_dissect_left(d));
        break;
    case ACTION_KEEP:
        (void)fly_dissect_number(d, "first entry", 2);
        (void)fly_dissect_number(d, "end of entries", 2);
        show_page_number(d, "child 0");
        show_bound(d, "low fence");
        show_bound(d, "high fence");
        break;
    case ACTION_TAKE:
        show_take(d, hook, tree);
        break;
    case ACTION_ADD:
        show_page_number(d, "child");
        (void)fly_dissect_bytes(d, "separator", fly_dissect_left(d));
        break;
    case ACTION_DELETE:
        (void)fly_dissect_number(d, "entry", 2);
        break;
    case ACTION_CHANGE:
        (void)fly_dissect_number(d, "entry", 2);
        (void)fly_dissect_bytes(d, "separator", fly_dissect_left(d));
        break;
    default:
        break;
    }
    show_rest(d, "unexpected");
}

static void show_actions(fly_dissector *d, const fly_btree_dissect_hook *hook, uint32_t tree)
{
    while (fly_dissect_left(d) > 0 && !d->bad) {
        const uint8_t *at = d->bytes.data + d->at;
        const char *name = at[0] < ACTION_TYPES ? action_types[at[0]] : NULL;
        fly_dissect_enter(d, "action", "%s", name != NULL ? name : "unknown");
        uint64_t type = fly_dissect_named(d, "type", 1, action_types, ACTION_TYPES);
        show_page_number(d, "page");
        uint64_t len = fly_dissect_number(d, "length", 4);
        if (!d->bad && len > fly_dissect_left(d)) {
            (void)fly_dissect_bytes(d, "body", len); /* says what is missing */
        } else if (!d->bad) {
            size_t all = d->bytes.len;
            size_t end = d->at + len;
            d->bytes.len = end;
            show_body(d, hook, tree, type);
            d->bytes.len = all;
            d->at = end;
        }
        fly_dissect_leave(d);
    }
}

static void show_entry_record(fly_dissector *d, uint8_t type, const fly_btree_dissect_hook *hook)
{
    uint32_t tree = (uint32_t)fly_dissect_number(d, "tree", 4);
    (void)fly_dissect_number(d, "page", 4);
    bool blob = (fly_dissect_hex(d, "flags", 1) & ENTRY_FLAG_BLOB) != 0;
    (void)fly_dissect_bytes(d, "key", fly_dissect_number(d, "key length", 2));
    if (type == FLY_BTREE_LOG_PUT && !d->bad) {
        show_value(d, hook, tree, blob, fly_dissect_left(d));
    } else {
        show_rest(d, "unexpected");
    }
}

bool fly_btree_dissect_record(fly_dissector *d, uint8_t type, const fly_btree_dissect_hook *hook)
{
    switch (type) {
    case FLY_BTREE_LOG_PUT:
    case FLY_BTREE_LOG_REMOVE:
        show_entry_record(d, type, hook);
        return true;
    case FLY_BTREE_LOG_NODES:
        show_actions(d, hook, (uint32_t)fly_dissect_number(d, "tree", 4));
        return true;
    case FLY_BTREE_LOG_BLOB:
        (void)fly_dissect_number(d, "tree", 4);
        (void)fly_dissect_number(d, "page", 4);
        show_page_number(d, "next page");
        (void)fly_dissect_bytes(d, "data", fly_dissect_left(d));
        return true;
    case FLY_BTREE_LOG_LOAD:
    case FLY_BTREE_LOG_LOADED:
        (void)fly_dissect_number(d, "tree", 4);
        (void)fly_dissect_number(d, "page", 4);
        show_image(d, hook, fly_dissect_left(d));
        return true;
    default:
        show_rest(d, "unknown");
        return false;
    }
}
