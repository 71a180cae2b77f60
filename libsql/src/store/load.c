/*
 * Loading rows. rows.c has the format.
 *
 * What row by row is a walk through the whole store for each row is here one pass through each tree:
 * rows are encoded first, then each tree's entries are put in the order of their keys, so that
 * neighbours follow each other into one leaf.
 *
 *     O1  between two flushes nothing of what was taken up is in any tree
 *     O2  a flush puts all or nothing, but for entries that wait
 *
 * Entries of indexes that allow everything twice may wait, if the caller says that nobody looks: the more
 * of them are sorted together, the more fall into each leaf.
 */
#include "store/load_int.h"

#include "store/index_int.h"
#include "store/row_int.h"
#include "store/rows_int.h"

#include <fly/base_bytes.h>

#include <string.h>

/* An entry to put. */
struct item {
    uint64_t head; /* the first eight bytes of the key, as a number: most comparisons end there */
    fly_bytes key;
    fly_bytes value;
};

struct items {
    fly_tree *tree;
    const fly__sql_index *index; /* NULL: the table itself */
    const fly__sql_key_order *orders;
    struct item *item;
    size_t count;
    size_t room;
    size_t flushed; /* of them: those that wait since before the last flush */
    bool in_order;  /* each behind the one before it, so far */
    bool waits;
};

/* Of those that wait; their bytes, without what the items take themselves. */
enum { WAIT_MAX = 65536, WAIT_BYTES_MAX = 8 << 20 };

struct fly__sql_load {
    fly_sql_session *session;
    const fly__sql_table *table;
    fly_mem *mem;
    fly_arena arena; /* as long as the load */
    fly_arena batch; /* bytes of entries */
    fly_arena wait;  /* the same, of those that wait */
    size_t wait_bytes;
    fly__sql_row_layout layout;
    const fly__sql_key_order *key_orders; /* of a clustering key */
    uint64_t number, numbers_left;        /* rows without one: numbers taken and not given */
    uint32_t tree_count;
    struct items *trees; /* the table first */
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for rows to load");
}

static fly_status open_trees(fly__sql_load *load, bool unseen, fly_err *err)
{
    const fly__sql_table *table = load->table;
    load->trees = fly_arena_alloc(&load->arena, (table->index_count + 1u) * sizeof *load->trees);
    if (load->trees == NULL) {
        return no_memory(err);
    }
    memset(load->trees, 0, (table->index_count + 1u) * sizeof *load->trees);
    load->trees[0].in_order = true;
    load->tree_count = 1;
    fly_status status =
        fly__sql_session_tree(load->session, table->tree, &load->trees[0].tree, err);
    for (uint16_t i = 0; i < table->index_count && status == FLY_OK; i++) {
        if (table->indexes[i]->clustered) {
            continue;
        }
        struct items *items = &load->trees[load->tree_count++];
        items->index = table->indexes[i];
        items->in_order = true;
        items->waits = unseen && !items->index->unique;
        status = fly__sql_session_tree(load->session, items->index->tree, &items->tree, err);
        if (status == FLY_OK) {
            status = fly__sql_index_orders(load->session, items->index, &load->arena,
                                           &items->orders, err);
        }
    }
    return status;
}

fly_status fly__sql_load_open(fly_sql_session *session, const fly__sql_table *table, bool unseen,
                              fly_mem *mem, fly__sql_load **made, fly_err *err)
{
    fly__sql_load *load = fly_mem_calloc(mem, 1, sizeof *load);
    if (load == NULL) {
        return no_memory(err);
    }
    load->session = session;
    load->table = table;
    load->mem = mem;
    fly_arena_init(&load->arena, mem, 1024);
    fly_arena_init(&load->batch, mem, 65536);
    fly_arena_init(&load->wait, mem, 65536);
    fly_status status = fly__sql_row_layout_make(session, table, &load->arena, &load->layout, err);
    if (status == FLY_OK) {
        status = open_trees(load, unseen, err);
    }
    if (status == FLY_OK && table->primary != NULL && table->primary->clustered) {
        status =
            fly__sql_index_orders(session, table->primary, &load->arena, &load->key_orders, err);
    }
    if (status != FLY_OK) {
        fly__sql_load_close(load);
        return status;
    }
    *made = load;
    return FLY_OK;
}

void fly__sql_load_close(fly__sql_load *load)
{
    if (load == NULL) {
        return;
    }
    for (uint32_t i = 0; i < load->tree_count; i++) {
        fly_mem_free(load->mem, load->trees[i].item,
                     load->trees[i].room * sizeof *load->trees[i].item);
    }
    fly_arena_deinit(&load->wait);
    fly_arena_deinit(&load->batch);
    fly_arena_deinit(&load->arena);
    fly_mem_free(load->mem, load, sizeof *load);
}

/* ----------------------------------------------------------------------- taking up */

static uint64_t head_of(fly_bytes key)
{
    uint8_t first[8] = {0};
    if (key.len >= sizeof first) {
        return fly_get_u64be(key.data);
    }
    if (key.len > 0) {
        memcpy(first, key.data, key.len);
    }
    return fly_get_u64be(first);
}

static int compare(const struct item *a, const struct item *b)
{
    if (a->head != b->head) {
        return a->head < b->head ? -1 : 1;
    }
    return fly_bytes_cmp(a->key, b->key);
}

static fly_status take(fly__sql_load *load, struct items *items, fly_bytes key, fly_bytes value,
                       fly_err *err)
{
    if (items->count == items->room) {
        size_t room = items->room == 0 ? 256 : 2 * items->room;
        struct item *grown = items->item == NULL ? fly_mem_alloc(load->mem, room * sizeof *grown)
                                                 : fly_mem_resize(load->mem, items->item,
                                                                  items->room * sizeof *grown,
                                                                  room * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        items->item = grown;
        items->room = room;
    }
    struct item *item = &items->item[items->count];
    *item = (struct item){.head = head_of(key), .key = key, .value = value};
    items->in_order = items->in_order && (items->count == 0 || compare(item - 1, item) < 0);
    items->count++;
    return FLY_OK;
}

/* Numbers are taken many at a time: what is left of them when the load ends is never given. */
static fly_status next_number(fly__sql_load *load, fly_bytes *key, fly_err *err)
{
    enum { AT_ONCE = 256 };
    if (load->numbers_left == 0) {
        fly_status status =
            fly__sql_row_numbers(load->session, load->table, AT_ONCE, &load->number, err);
        if (status != FLY_OK) {
            return status;
        }
        load->numbers_left = AT_ONCE;
    }
    uint8_t *bytes = fly_arena_alloc(&load->batch, sizeof load->number);
    if (bytes == NULL) {
        return no_memory(err);
    }
    fly_put_u64be(bytes, load->number++);
    load->numbers_left--;
    *key = fly_bytes_of(bytes, sizeof load->number);
    return FLY_OK;
}

static fly_status row_key_of(fly__sql_load *load, const fly_vec_value *values, fly_bytes *key,
                             fly_err *err)
{
    return load->key_orders == NULL
               ? next_number(load, key, err)
               : fly__sql_index_ordered_key(load->session, load->table, load->table->primary,
                                            load->key_orders, values, &load->batch, key, err);
}

fly_status fly__sql_load_add(fly__sql_load *load, const fly_vec_value *values, fly_err *err)
{
    fly_bytes row_key = {0};
    fly_bytes bytes = {0};
    fly_status status = fly__sql_row_encode(&load->layout, values, &load->batch, &bytes, err);
    if (status == FLY_OK) {
        status = row_key_of(load, values, &row_key, err);
    }
    if (status == FLY_OK) {
        status = take(load, &load->trees[0], row_key, bytes, err);
    }
    for (uint32_t i = 1; i < load->tree_count && status == FLY_OK; i++) {
        struct items *items = &load->trees[i];
        fly_bytes key = {0};
        status = fly__sql_index_entry(load->session, load->table, items->index, items->orders,
                                      values, row_key, items->waits ? &load->wait : &load->batch,
                                      &key, &bytes, err);
        if (status == FLY_OK) {
            status = take(load, items, key, bytes, err);
            load->wait_bytes += items->waits ? key.len + bytes.len : 0;
        } else if (status == FLY_E_NOT_FOUND) {
            status = FLY_OK; /* the predicate leaves it out */
        }
    }
    return status;
}

/* ------------------------------------------------------------------------- putting */

/* By halves: an entry that stands behind its neighbour already costs one comparison. */
static void merge(const struct item *from, struct item *to, size_t low, size_t mid, size_t high)
{
    size_t left = low;
    size_t right = mid;
    for (size_t k = low; k < high; k++) {
        bool take_left = left < mid && (right >= high || compare(&from[left], &from[right]) <= 0);
        to[k] = take_left ? from[left++] : from[right++];
    }
}

static fly_status sort(fly__sql_load *load, struct items *items, fly_err *err)
{
    if (items->in_order || items->count < 2) {
        return FLY_OK;
    }
    size_t bytes = items->room * sizeof *items->item;
    struct item *spare = fly_mem_alloc(load->mem, bytes);
    if (spare == NULL) {
        return no_memory(err);
    }
    for (size_t width = 1; width < items->count; width *= 2) {
        for (size_t low = 0; low < items->count; low += 2 * width) {
            size_t mid = low + width < items->count ? low + width : items->count;
            size_t high = mid + width < items->count ? mid + width : items->count;
            merge(items->item, spare, low, mid, high);
        }
        struct item *sorted = spare;
        spare = items->item;
        items->item = sorted;
    }
    fly_mem_free(load->mem, spare, bytes);
    return FLY_OK;
}

static fly_status too_large(const fly__sql_load *load, const struct items *items,
                            const struct item *item, fly_err *err)
{
    if (items->index != NULL) {
        return fly__sql_index_too_large(load->session->txn, items->index, item->key.len, err);
    }
    return fly_err_state(err, "54000", 0, "row size %zu exceeds the maximum for table \"%s\"",
                         item->value.len, load->table->name);
}

static fly_status put(fly__sql_load *load, struct items *items, fly_err *err)
{
    fly_txn *txn = load->session->txn;
    fly_status status = sort(load, items, err);
    for (size_t i = 0; i < items->count && status == FLY_OK; i++) {
        const struct item *item = &items->item[i];
        status = fly_txn_insert(txn, items->tree, item->key, item->value, err);
        if (status == FLY_E_TOO_LARGE) {
            status = too_large(load, items, item, err);
        }
    }
    return status;
}

/* What has just been taken up is in the trees or, having been refused, is not to be. */
static void forget(fly__sql_load *load, bool refused)
{
    for (uint32_t i = 0; i < load->tree_count; i++) {
        struct items *items = &load->trees[i];
        if (!items->waits) {
            items->count = 0;
            items->in_order = true;
        } else if (refused) {
            items->count = items->flushed;
        } else {
            items->flushed = items->count;
        }
    }
    fly_arena_reset(&load->batch);
}

fly_status fly__sql_load_end(fly__sql_load *load, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < load->tree_count && status == FLY_OK; i++) {
        struct items *items = &load->trees[i];
        if (items->waits) {
            status = put(load, items, err);
            items->count = items->flushed = 0;
            items->in_order = true;
        }
    }
    fly_arena_reset(&load->wait);
    load->wait_bytes = 0;
    return status;
}

static bool wait_is_long(const fly__sql_load *load)
{
    bool is = load->wait_bytes > WAIT_BYTES_MAX;
    for (uint32_t i = 0; i < load->tree_count && !is; i++) {
        is = load->trees[i].flushed >= WAIT_MAX;
    }
    return is;
}

fly_status fly__sql_load_flush(fly__sql_load *load, fly_err *err)
{
    fly_txn *txn = load->session->txn;
    fly_savepoint before = fly_txn_savepoint(txn);
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < load->tree_count && status == FLY_OK; i++) {
        status = load->trees[i].waits ? FLY_OK : put(load, &load->trees[i], err);
    }
    if (status == FLY_E_EXISTS) {
        fly_status back = fly_txn_rollback_to(txn, before, err);
        status = back == FLY_OK ? FLY_E_EXISTS : back;
    }
    forget(load, status != FLY_OK);
    return status == FLY_OK && wait_is_long(load) ? fly__sql_load_end(load, err) : status;
}
