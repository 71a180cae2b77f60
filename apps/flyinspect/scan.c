/*
 * Scanning: which pages are leaves of which trees, which are lost, what the trees are called, and what
 * the parents of lost pages know of them.
 */
#include "scan.h"

#include <fly/base_dissect.h>
#include <fly/btree_dissect.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* docs/formats/store.md */
enum { VALUE_HEADER = 9, VALUE_AT_FLAGS = 8, VALUE_GHOST = 1, VALUE_BLOB = 2, CATALOG_ENTRY = 8 };

bool inspect_value_of(fly_bytes stored, inspect_value *value)
{
    if (stored.len < VALUE_HEADER) {
        return false;
    }
    uint8_t flags = stored.data[VALUE_AT_FLAGS];
    *value = (inspect_value){
        .ghost = (flags & VALUE_GHOST) != 0,
        .blob = (flags & VALUE_BLOB) != 0,
        .payload = fly_bytes_of(stored.data + VALUE_HEADER, stored.len - VALUE_HEADER),
    };
    return true;
}

/* ---------------------------------------------------------------------- growing lists */

/* Room for one more; NULL if there is no memory, and the list is as it was. */
static void *one_more(void *list, size_t count, size_t size)
{
    bool full = (count & (count - 1)) == 0; /* lists grow at powers of two, and at none */
    return full ? realloc(list, (count > 0 ? 2 * count : 1) * size) : list;
}

static bool add_leaf(inspect_scan *scan, const fly_btree_image *image)
{
    inspect_leaf *list = one_more(scan->leaves, scan->leaf_count, sizeof *list);
    if (list == NULL) {
        return false;
    }
    scan->leaves = list;
    list[scan->leaf_count++] = (inspect_leaf){image->tree, image->page, image->lsn};
    return true;
}

static bool add_lost(inspect_scan *scan, const inspect_pages *pages, uint32_t page, const char *why)
{
    inspect_lost *list = one_more(scan->lost, scan->lost_count, sizeof *list);
    if (list == NULL) {
        return false;
    }
    scan->lost = list;
    inspect_lost *lost = &list[scan->lost_count++];
    *lost =
        (inspect_lost){.page = page, .leaf = fly_page_kind(pages->bytes) == FLY_BTREE_PAGE_LEAF};
    inspect_pages_describe(pages, lost->what, sizeof lost->what);
    (void)snprintf(lost->why, sizeof lost->why, "%s", why);
    return true;
}

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for what was found");
}

/* ---------------------------------------------------------------------------- pages */

static const char all_zero[] = "all of it is zero";

static fly_status see_page(inspect_scan *scan, inspect_pages *pages, uint32_t page, fly_err *err)
{
    fly_err why = {0};
    fly_btree_image image;
    bool kept = true;
    switch (inspect_pages_read(pages, page, &why)) {
    case INSPECT_DAMAGED:
        kept = add_lost(scan, pages, page, why.message);
        break;
    case INSPECT_FINE:
        scan->whole++;
        if (fly_btree_image_of(pages->bytes, pages->page_size, &image) &&
            image.kind == FLY_BTREE_PAGE_LEAF) {
            kept = add_leaf(scan, &image);
        }
        break;
    case INSPECT_EMPTY:
        /* Never written; or written, and then something wiped it. See drop_unmissed(). */
        kept = pages->used[page] != INSPECT_USED || add_lost(scan, pages, page, all_zero);
        break;
    }
    return kept ? FLY_OK : no_memory(err);
}

/* Pages that the header promises and the file does not have. */
static fly_status see_missing(inspect_scan *scan, inspect_pages *pages, fly_err *err)
{
    enum { LISTED_MAX = 100000 };
    memset(pages->bytes, 0, pages->page_size);
    for (uint32_t page = pages->count; page < pages->promised; page++) {
        if (page - pages->count < LISTED_MAX &&
            !add_lost(scan, pages, page, "beyond the end of the file")) {
            return no_memory(err);
        }
    }
    return FLY_OK;
}

static int by_tree_and_lsn(const void *left, const void *right)
{
    const inspect_leaf *a = left;
    const inspect_leaf *b = right;
    if (a->tree != b->tree) {
        return a->tree < b->tree ? -1 : 1;
    }
    if (a->lsn != b->lsn) {
        return a->lsn < b->lsn ? -1 : 1;
    }
    return a->page < b->page ? -1 : a->page > b->page;
}

/* ---------------------------------------------------------------- what parents know */

static int by_page(const void *left, const void *right)
{
    const inspect_lost *a = left;
    const inspect_lost *b = right;
    return a->page < b->page ? -1 : a->page > b->page;
}

static void tell_keys(inspect_scan *scan, uint32_t tree, uint32_t child, const char *from,
                      const char *to)
{
    inspect_lost wanted = {.page = child};
    inspect_lost *lost = bsearch(&wanted, scan->lost, scan->lost_count, sizeof wanted, by_page);
    if (lost != NULL) {
        lost->leaf = true;
        (void)snprintf(lost->what, sizeof lost->what, "leaf of tree %" PRIu32, tree);
        (void)snprintf(lost->keys, sizeof lost->keys, "from %s to before %s", from, to);
    }
}

static void quote_fence(const fly_btree_image *image, bool high, char *text, size_t size)
{
    bool open = true;
    fly_bytes key;
    if (fly_btree_image_fence(image, high, &open, &key) != FLY_OK || open) {
        (void)snprintf(text, size, high ? "the end" : "the beginning");
    } else {
        fly_quote(key, text, size);
    }
}

/* A parent of leaves: which keys each child is for. */
static void see_parent(inspect_scan *scan, const fly_btree_image *image)
{
    char from[100];
    char to[100];
    uint8_t room[FLY_BTREE_IMAGE_KEY];
    uint32_t child = fly_btree_image_first_child(image);
    quote_fence(image, false, from, sizeof from);
    for (uint32_t i = 0; i < image->count; i++) {
        fly_bytes key;
        fly_btree_entry entry;
        if (fly_btree_image_entry(image, i, room, &key, &entry) != FLY_OK) {
            return;
        }
        fly_quote(key, to, sizeof to);
        tell_keys(scan, image->tree, child, from, to);
        child = fly_get_u32(entry.value.data);
        memcpy(from, to, sizeof from);
    }
    quote_fence(image, true, to, sizeof to);
    tell_keys(scan, image->tree, child, from, to);
}

static void ask_parents(inspect_scan *scan, inspect_pages *pages)
{
    fly_btree_image image;
    for (uint32_t page = 0; page < pages->count && scan->lost_count > 0; page++) {
        if (pages->used[page] != INSPECT_FREE &&
            inspect_pages_read(pages, page, NULL) == INSPECT_FINE &&
            fly_btree_image_of(pages->bytes, pages->page_size, &image) &&
            image.kind == FLY_BTREE_PAGE_INNER && image.level == 1) {
            see_parent(scan, &image);
        }
    }
}

/* -------------------------------------------------------------------------- names */

const inspect_name *inspect_scan_name(const inspect_scan *scan, uint32_t tree)
{
    for (size_t i = scan->name_count; i > 0; i--) {
        if (scan->names[i - 1].tree == tree) {
            return &scan->names[i - 1];
        }
    }
    return NULL;
}

/* What is said of a name later counts. */
static bool see_name(inspect_scan *scan, fly_bytes key, fly_bytes stored, bool removed)
{
    inspect_value value;
    for (size_t i = 0; i < scan->name_count; i++) {
        if (fly_bytes_equal(fly_bytes_str(scan->names[i].name), key)) {
            scan->names[i].gone = true;
        }
    }
    if (removed || !inspect_value_of(stored, &value) || value.ghost ||
        value.payload.len != CATALOG_ENTRY || key.len == 0 || key.len > FLY_TREE_NAME_MAX ||
        memchr(key.data, 0, key.len) != NULL) {
        return true;
    }
    inspect_name *list = one_more(scan->names, scan->name_count, sizeof *list);
    if (list == NULL) {
        return false;
    }
    scan->names = list;
    inspect_name *name = &list[scan->name_count++];
    *name = (inspect_name){.tree = fly_get_u32(value.payload.data),
                           .root = fly_get_u32(value.payload.data + 4)};
    memcpy(name->name, key.data, key.len);
    return true;
}

/* A leaf of the catalog knows all names between its fences: older ones there are gone. */
static bool see_catalog_leaf(inspect_scan *scan, const fly_btree_image *image)
{
    uint8_t room[FLY_BTREE_IMAGE_KEY];
    bool open_low = true;
    bool open_high = true;
    fly_bytes low = {NULL, 0};
    fly_bytes high = {NULL, 0};
    bool fenced = fly_btree_image_fence(image, false, &open_low, &low) == FLY_OK &&
                  fly_btree_image_fence(image, true, &open_high, &high) == FLY_OK;
    for (size_t i = 0; i < scan->name_count && fenced; i++) {
        fly_bytes name = fly_bytes_str(scan->names[i].name);
        scan->names[i].gone = scan->names[i].gone || ((open_low || fly_bytes_cmp(low, name) <= 0) &&
                                                      (open_high || fly_bytes_cmp(name, high) < 0));
    }
    for (uint32_t at = 0; at < image->count; at++) {
        fly_bytes key;
        fly_btree_entry entry;
        if (fly_btree_image_entry(image, at, room, &key, &entry) == FLY_OK &&
            !see_name(scan, key, entry.value, false)) {
            return false;
        }
    }
    return true;
}

/* What the log says of names up to `lsn`, from the change `*next` on. */
static bool see_changes(inspect_scan *scan, const inspect_change *changes, size_t count,
                        uint64_t lsn, size_t *next)
{
    for (; *next < count && changes[*next].lsn <= lsn; ++*next) {
        const inspect_change *change = &changes[*next];
        if (change->lasting && !see_name(scan, change->key, change->value, change->remove)) {
            return false;
        }
    }
    return true;
}

/* Leaves and log, from old to new; then what had not ended is undone. */
static fly_status read_names(inspect_scan *scan, inspect_pages *pages,
                             const inspect_history *history, fly_err *err)
{
    size_t count;
    size_t next = 0;
    bool memory = true;
    const inspect_change *changes = inspect_history_of(history, INSPECT_CATALOG, &count);
    for (size_t i = 0; i < scan->leaf_count && memory; i++) {
        fly_btree_image image;
        if (scan->leaves[i].tree == INSPECT_CATALOG &&
            inspect_pages_read(pages, scan->leaves[i].page, NULL) == INSPECT_FINE &&
            fly_btree_image_of(pages->bytes, pages->page_size, &image)) {
            memory = see_changes(scan, changes, count, image.lsn, &next) &&
                     see_catalog_leaf(scan, &image);
        }
    }
    memory = memory && see_changes(scan, changes, count, UINT64_MAX, &next);
    for (size_t i = count; i > 0 && memory && !history->cut; i--) {
        const inspect_change *change = &changes[i - 1];
        if (!change->lasting && change->undoable) {
            memory = see_name(scan, change->key, change->former, !change->existed);
        }
    }
    return memory ? FLY_OK : no_memory(err);
}

/* ------------------------------------------------------------------------- the whole */

/* A page of zeros is lost if somebody points to it: a parent, or the catalog. */
static void drop_unmissed(inspect_scan *scan)
{
    size_t kept = 0;
    for (size_t i = 0; i < scan->name_count; i++) {
        inspect_lost wanted = {.page = scan->names[i].root};
        inspect_lost *lost = bsearch(&wanted, scan->lost, scan->lost_count, sizeof wanted, by_page);
        if (lost != NULL && !scan->names[i].gone) {
            lost->leaf = true;
            (void)snprintf(lost->what, sizeof lost->what, "root of tree %" PRIu32,
                           scan->names[i].tree);
        }
    }
    for (size_t i = 0; i < scan->lost_count; i++) {
        if (scan->lost[i].leaf || strcmp(scan->lost[i].why, all_zero) != 0) {
            scan->lost[kept++] = scan->lost[i];
        }
    }
    scan->lost_count = kept;
}

fly_status inspect_scan_pages(inspect_scan *scan, inspect_pages *pages,
                              const inspect_history *history, fly_err *err)
{
    *scan = (inspect_scan){.leaves = NULL};
    fly_status status = FLY_OK;
    for (uint32_t page = 0; page < pages->count && status == FLY_OK; page++) {
        if (pages->used[page] != INSPECT_FREE) {
            status = see_page(scan, pages, page, err);
        }
    }
    if (status == FLY_OK) {
        status = see_missing(scan, pages, err);
    }
    if (status == FLY_OK) {
        if (scan->leaf_count > 0) {
            qsort(scan->leaves, scan->leaf_count, sizeof *scan->leaves, by_tree_and_lsn);
        }
        ask_parents(scan, pages);
        status = read_names(scan, pages, history, err);
    }
    if (status == FLY_OK && scan->lost_count > 0) {
        drop_unmissed(scan);
    }
    if (status != FLY_OK) {
        inspect_scan_deinit(scan);
    }
    return status;
}

void inspect_scan_deinit(inspect_scan *scan)
{
    free(scan->leaves);
    free(scan->lost);
    free(scan->names);
    *scan = (inspect_scan){.leaves = NULL};
}
