/*
 * Reading the log into lists. Formats: docs/formats/store.md and docs/formats/btree.md.
 *
 * What is not here: pages made by bulk loads, which no transaction of a store makes; other residents
 * of the log.
 */
#include "history.h"

#include "log.h"

#include <fly/base_bytes.h>
#include <fly/btree.h>

#include <stdlib.h>
#include <string.h>

enum {
    TREES = 1, /* resource managers */
    TXNS = 2,
    COMMIT = 1, /* of TXNS */
    END = 2,
    SYSTEM = 1, /* flags of TREES */
    COMPENSATION = 2,
    RECORD_HEADER = 20,
    BLOB_HEADER = 12
};

/* ------------------------------------------------------------------------ the lists */

static void *one_more(inspect_history *history, void *list, size_t count, size_t size)
{
    bool full = (count & (count - 1)) == 0; /* lists grow at powers of two, and at none */
    void *larger = full ? realloc(list, (count > 0 ? 2 * count : 1) * size) : list;
    history->no_memory = history->no_memory || larger == NULL;
    return larger;
}

static fly_bytes keep(inspect_history *history, fly_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (copy == NULL) {
        history->no_memory = true;
        return fly_bytes_of(NULL, 0);
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return fly_bytes_of(copy, bytes.len);
}

static void add_change(inspect_history *history, const inspect_change *change)
{
    inspect_change *list = one_more(history, history->changes, history->change_count, sizeof *list);
    if (list != NULL) {
        history->changes = list;
        list[history->change_count] = *change;
        list[history->change_count].key = keep(history, change->key);
        list[history->change_count].value = keep(history, change->value);
        list[history->change_count].former = keep(history, change->former);
        history->change_count++;
    }
}

static void add_piece(inspect_history *history, uint64_t lsn, fly_bytes body)
{
    if (body.len < BLOB_HEADER) {
        return;
    }
    inspect_piece *list = one_more(history, history->pieces, history->piece_count, sizeof *list);
    if (list != NULL) {
        history->pieces = list;
        list[history->piece_count++] = (inspect_piece){
            .lsn = lsn,
            .tree = fly_get_u32(body.data),
            .page = fly_get_u32(body.data + 4),
            .next = fly_get_u32(body.data + 8),
            .bytes = keep(history, fly_bytes_of(body.data + BLOB_HEADER, body.len - BLOB_HEADER)),
        };
    }
}

static void add_end(inspect_history *history, uint64_t txn)
{
    uint64_t *list = one_more(history, history->ended, history->ended_count, sizeof *list);
    if (list != NULL) {
        history->ended = list;
        list[history->ended_count++] = txn;
    }
}

/* ------------------------------------------------------------------------- a record */

/* The undo part: was there an entry, and which. */
static void take_former(inspect_change *change, fly_bytes part)
{
    change->undoable = part.len > 0;
    change->existed = part.len > 0 && part.data[0] != 0;
    if (change->existed) {
        change->former = fly_bytes_of(part.data + 1, part.len - 1);
    }
}

bool inspect_logged_of(const fly_wal_record *record, inspect_logged *logged)
{
    fly_bytes payload = record->payload;
    *logged = (inspect_logged){.body = payload};
    if (record->manager != TREES || (record->flags & SYSTEM) != 0) {
        return record->manager == TREES;
    }
    if (payload.len < RECORD_HEADER) {
        return false;
    }
    size_t len = fly_get_u32(payload.data + 16);
    size_t left = payload.len - RECORD_HEADER;
    logged->txn = fly_get_u64(payload.data);
    logged->compensation = (record->flags & COMPENSATION) != 0;
    logged->body = fly_bytes_of(payload.data + RECORD_HEADER, len);
    logged->undo = fly_bytes_of(payload.data + RECORD_HEADER + len, len <= left ? left - len : 0);
    return len <= left;
}

static void take_tree_record(inspect_history *history, const fly_wal_record *record,
                             const inspect_logged *logged)
{
    fly_btree_logged entry;
    if (record->type == FLY_BTREE_LOG_BLOB) {
        add_piece(history, record->lsn, logged->body);
    } else if ((record->type == FLY_BTREE_LOG_PUT || record->type == FLY_BTREE_LOG_REMOVE) &&
               fly_btree_log_decode(record->type, logged->body, &entry, NULL) == FLY_OK) {
        inspect_change change = {
            .lsn = record->lsn,
            .txn = logged->txn,
            .tree = entry.tree,
            .key = entry.key,
            .value = entry.value,
            .remove = record->type == FLY_BTREE_LOG_REMOVE,
        };
        if (logged->txn != 0 && !logged->compensation) {
            take_former(&change, logged->undo);
        }
        add_change(history, &change);
    }
}

static bool take_record(void *ctx, const fly_wal_record *record)
{
    inspect_history *history = ctx;
    inspect_logged logged;
    if (inspect_logged_of(record, &logged)) {
        take_tree_record(history, record, &logged);
    } else if (record->manager == TXNS && (record->type == COMMIT || record->type == END) &&
               record->payload.len >= 8) {
        add_end(history, fly_get_u64(record->payload.data));
    }
    return !history->no_memory;
}

static void see_damage(void *ctx, const fly_err *why)
{
    inspect_history *history = ctx;
    (void)why; /* has been told */
    history->cut = true;
}

/* ----------------------------------------------------------------------------- order */

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_number(const void *left, const void *right)
{
    return compare(*(const uint64_t *)left, *(const uint64_t *)right);
}

static int by_tree(const void *left, const void *right)
{
    const inspect_change *a = left;
    const inspect_change *b = right;
    return a->tree != b->tree ? compare(a->tree, b->tree) : compare(a->lsn, b->lsn);
}

static int by_page(const void *left, const void *right)
{
    const inspect_piece *a = left;
    const inspect_piece *b = right;
    return a->page != b->page ? compare(a->page, b->page) : compare(a->lsn, b->lsn);
}

static void put_in_order(inspect_history *history)
{
    if (history->ended_count > 0) {
        qsort(history->ended, history->ended_count, sizeof *history->ended, by_number);
    }
    if (history->change_count > 0) {
        qsort(history->changes, history->change_count, sizeof *history->changes, by_tree);
    }
    if (history->piece_count > 0) {
        qsort(history->pieces, history->piece_count, sizeof *history->pieces, by_page);
    }
    for (size_t i = 0; i < history->change_count; i++) {
        inspect_change *change = &history->changes[i];
        change->lasting =
            change->txn == 0 ||
            (history->ended_count > 0 && bsearch(&change->txn, history->ended, history->ended_count,
                                                 sizeof *history->ended, by_number) != NULL);
    }
}

fly_status inspect_history_read(inspect_history *history, fly_env *env, const char *dir,
                                fly_err *err)
{
    *history = (inspect_history){.cut = false};
    inspect_log_range range = {.each = see_damage, .record = take_record, .ctx = history};
    fly_status status = inspect_log_walk(env, dir, &range, err);
    if (status == FLY_OK && history->no_memory) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory for what the log says");
    }
    if (status != FLY_OK) {
        inspect_history_deinit(history);
        return status;
    }
    put_in_order(history);
    return FLY_OK;
}

void inspect_history_deinit(inspect_history *history)
{
    for (size_t i = 0; i < history->change_count; i++) {
        free((void *)(uintptr_t)history->changes[i].key.data);
        free((void *)(uintptr_t)history->changes[i].value.data);
        free((void *)(uintptr_t)history->changes[i].former.data);
    }
    for (size_t i = 0; i < history->piece_count; i++) {
        free((void *)(uintptr_t)history->pieces[i].bytes.data);
    }
    free(history->changes);
    free(history->pieces);
    free(history->ended);
    *history = (inspect_history){.cut = false};
}

/* -------------------------------------------------------------------------- looking up */

const inspect_change *inspect_history_of(const inspect_history *history, uint32_t tree,
                                         size_t *count)
{
    size_t low = 0;
    size_t high = history->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->changes[middle].tree < tree) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < history->change_count && history->changes[end].tree == tree) {
        end++;
    }
    *count = end - low;
    return *count > 0 ? &history->changes[low] : NULL;
}

const inspect_piece *inspect_history_piece(const inspect_history *history, uint32_t page,
                                           uint64_t lsn)
{
    size_t low = 0;
    size_t high = history->piece_count;
    while (low < high) { /* the first behind the one that is wanted */
        size_t middle = low + (high - low) / 2;
        const inspect_piece *piece = &history->pieces[middle];
        if (piece->page < page || (piece->page == page && piece->lsn <= lsn)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && history->pieces[low - 1].page == page ? &history->pieces[low - 1] : NULL;
}
