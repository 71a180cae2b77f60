/*
 * The row store: tables and their indexes as trees.
 *
 * A table's tree has a row under its row key: the encoded primary key, or, without one, a number that
 * grows (eight bytes, big-endian). An index's tree has an entry for each row:
 *
 *     unique, no column NULL    columns              -> 0 | row key
 *     unique otherwise          columns | row key    -> 1 | how many bytes are the columns (u32)
 *     not unique                columns | row key    -> how many bytes are the columns (u32)
 *
 * so that the transaction layer itself sees to it that a unique key is there once, waiting for whoever
 * else is about to insert it. A key too long for a tree is refused with 54000, as PostgreSQL does.
 *
 *     R1  every row has exactly one entry in every index whose predicate it meets, and no entry is
 *         without its row
 *     R2  what insert() or update() did is undone by itself when a unique key stands in its way
 *
 * What is not here: foreign keys, checks, triggers (the executor's), who may see a row (libtxn's).
 */
#include "store/rows_int.h"

#include "store/entry_int.h"
#include "store/index_int.h"
#include "store/load_int.h"
#include "store/row_int.h"

#include <fly/base_bytes.h>

#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a row");
}

static fly_sql_session *session_of(const fly__sql_source *source)
{
    return source->ctx;
}

static fly_status table_tree(const fly__sql_source *source, const fly__sql_table *table,
                             fly_tree **tree, fly_err *err)
{
    return fly__sql_session_tree(session_of(source), table->tree, tree, err);
}

/* --------------------------------------------------------------------- scans */

/* Where a column of the batch comes from. */
struct scan_column {
    uint16_t attnum; /* 0: the row key */
    uint8_t physical;
    uint8_t size;
    bool is_fixed;
    uint32_t at;
};

struct rows_scan {
    fly__sql_scan scan;
    fly_sql_session *session;
    fly_txn *txn;
    fly__sql_scan_spec spec;
    fly_arena *arena;
    fly__sql_row_layout layout;
    struct scan_column *columns;
    fly_tree *table_tree;
    fly_cursor *cursor;
    bool started;
    bool ended;
    bool many;                     /* takes_many() */
    bool by_index;                 /* the cursor is on an index; rows are fetched, unless: */
    fly__sql_entry_reader entries; /* with parts: the entries have all that is asked for */
    fly_bytes start;               /* first key that may be in it */
    fly_bytes end;                 /* first key that is not; empty: none */
    uint8_t *row;                  /* a fetched or long row */
    size_t row_room;
    uint64_t given;
};

/* The first key of the range and the first behind it, both for the cursor's tree. */
static fly_status set_bounds(struct rows_scan *scan, fly_bytes low, fly_bytes high, fly_err *err)
{
    fly__sql_key start = {.arena = scan->arena};
    fly__sql_key end = {.arena = scan->arena};
    fly_status status = fly__sql_key_append(&start, low, err);
    if (status == FLY_OK) {
        status = fly__sql_key_append(&end, high, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (low.len > 0 && scan->spec.low_open && !fly__sql_key_next(&start)) {
        scan->ended = true; /* nothing is behind it */
    }
    if (high.len > 0 && !scan->spec.high_open && !fly__sql_key_next(&end)) {
        end.len = 0;
    }
    scan->start = fly_bytes_of(start.data, start.len);
    scan->end = fly_bytes_of(end.data, end.len);
    return FLY_OK;
}

static fly_status plan_columns(struct rows_scan *scan, fly_err *err)
{
    const fly__sql_scan_spec *spec = &scan->spec;
    scan->columns = fly_arena_alloc(scan->arena, spec->column_count * sizeof *scan->columns);
    if (scan->columns == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < spec->column_count; i++) {
        uint16_t attnum = spec->columns[i];
        struct scan_column *column = &scan->columns[i];
        *column = (struct scan_column){.attnum = attnum, .physical = FLY_VEC_STR, .size = 16};
        if (attnum != 0) {
            const fly__sql_row_column *from = &scan->layout.columns[attnum - 1];
            column->physical = from->physical;
            column->size = from->size;
            column->is_fixed = from->physical != FLY_VEC_STR;
            column->at = from->at;
        }
    }
    return scan->spec.index_only
               ? fly__sql_entry_reader_make(scan->session, spec->table, spec->index, spec->columns,
                                            spec->column_count, scan->arena, &scan->entries, err)
               : FLY_OK;
}

/* Whether rows can be taken several at a time: who scans wants neither keys nor locks. */
static bool takes_many(const struct rows_scan *scan)
{
    for (uint32_t i = 0; i < scan->spec.column_count; i++) {
        if (scan->columns[i].attnum == 0) {
            return false;
        }
    }
    return !scan->by_index && !scan->spec.lock && !scan->spec.backward;
}

static fly_status scan_open(const fly__sql_source *source, fly_txn *txn,
                            const fly__sql_scan_spec *spec, fly_arena *arena,
                            fly__sql_scan **opened, fly_err *err)
{
    struct rows_scan *scan = fly_arena_alloc(arena, sizeof *scan);
    uint16_t *columns =
        fly_arena_copy(arena, spec->columns, spec->column_count * sizeof *spec->columns);
    if (scan == NULL || columns == NULL) {
        return no_memory(err);
    }
    memset(scan, 0, sizeof *scan);
    scan->scan.source = source;
    scan->session = session_of(source);
    scan->txn = txn;
    scan->spec = *spec;
    scan->spec.columns = columns;
    scan->arena = arena;
    scan->by_index = spec->index != NULL && !spec->index->clustered;
    fly_tree *index_tree = NULL;
    fly_status status = table_tree(source, spec->table, &scan->table_tree, err);
    if (status == FLY_OK && scan->by_index) {
        status = fly__sql_session_tree(scan->session, spec->index->tree, &index_tree, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_row_layout_make(scan->session, spec->table, arena, &scan->layout, err);
    }
    if (status == FLY_OK) {
        status = plan_columns(scan, err);
    }
    if (status == FLY_OK) {
        scan->many = takes_many(scan);
        status = set_bounds(scan, spec->low, spec->high, err);
    }
    if (status == FLY_OK) {
        status = fly_cursor_open(txn, scan->by_index ? index_tree : scan->table_tree, &scan->cursor,
                                 err);
    }
    if (status == FLY_OK) {
        *opened = &scan->scan;
    }
    return status;
}

static fly_status move(struct rows_scan *scan, fly_err *err)
{
    if (scan->started) {
        return scan->spec.backward ? fly_cursor_previous(scan->cursor, err)
                                   : fly_cursor_next(scan->cursor, err);
    }
    scan->started = true;
    if (!scan->spec.backward) {
        return scan->start.len > 0 ? fly_cursor_seek(scan->cursor, scan->start, err)
                                   : fly_cursor_first(scan->cursor, err);
    }
    return scan->end.len > 0 ? fly_cursor_seek_before(scan->cursor, scan->end, false, err)
                             : fly_cursor_last(scan->cursor, err);
}

static bool in_range(const struct rows_scan *scan, fly_bytes key)
{
    return scan->spec.backward ? scan->start.len == 0 || fly_bytes_cmp(key, scan->start) >= 0
                               : scan->end.len == 0 || fly_bytes_cmp(key, scan->end) < 0;
}

static fly_status row_room(struct rows_scan *scan, size_t size, fly_err *err)
{
    if (size <= scan->row_room) {
        return FLY_OK;
    }
    fly_mem *mem = &scan->session->account.mem;
    size_t room = size < 4096 ? 4096 : size + size / 4;
    uint8_t *grown = fly_mem_alloc(mem, room);
    if (grown == NULL) {
        return no_memory(err);
    }
    fly_mem_free(mem, scan->row, scan->row_room);
    scan->row = grown;
    scan->row_room = room;
    return FLY_OK;
}

/* The row of a key, from the table's tree, in the scan's buffer. */
static fly_status fetch_row(struct rows_scan *scan, fly_bytes row_key, fly_bytes *row, fly_err *err)
{
    uint64_t len = 0;
    fly_status status = FLY_E_FULL;
    size_t want = 4096;
    while (status == FLY_E_FULL) {
        status = row_room(scan, want, err);
        if (status == FLY_OK) {
            status = fly_txn_get(scan->txn, scan->table_tree, row_key, scan->row, scan->row_room,
                                 &len, err);
            want = (size_t)len;
        }
    }
    *row = fly_bytes_of(scan->row, (size_t)len);
    return status;
}

static fly_status cursor_row(struct rows_scan *scan, fly_bytes *row, fly_err *err)
{
    uint64_t len = fly_cursor_value_len(scan->cursor);
    *row = fly_cursor_value(scan->cursor);
    if (FLY_LIKELY(row->len == len)) {
        return FLY_OK;
    }
    fly_status status = row_room(scan, (size_t)len, err);
    if (status == FLY_OK) {
        status = fly_cursor_read(scan->cursor, 0, scan->row, (size_t)len, err);
        *row = fly_bytes_of(scan->row, (size_t)len);
    }
    return status;
}

/* The cursor's row and its key. FLY_E_NOT_FOUND: the row is gone though its entry is seen, which can
 * be only under read committed, between two snapshots. */
static fly_status current(struct rows_scan *scan, fly_bytes *row_key, fly_bytes *row, fly_err *err)
{
    *row_key = fly_cursor_key(scan->cursor);
    if (!scan->by_index) {
        return cursor_row(scan, row, err);
    }
    fly_status status = fly__sql_index_entry_row(scan->spec.index, *row_key,
                                                 fly_cursor_value(scan->cursor), row_key, err);
    return status == FLY_OK ? fetch_row(scan, *row_key, row, err) : status;
}

/* The columns and the row key of the entry under the cursor. */
static fly_status current_entry(struct rows_scan *scan, fly_bytes *columns, fly_bytes *row_key,
                                fly_err *err)
{
    *columns = fly_cursor_key(scan->cursor);
    return fly__sql_index_entry_row(scan->spec.index, *columns, fly_cursor_value(scan->cursor),
                                    row_key, err);
}

/* A string for the batch: a copy, since the cursor moves on. */
static fly_status keep_string(fly_vec_batch *batch, fly_bytes bytes, fly_vec_str *out, fly_err *err)
{
    const void *data = bytes.data;
    if (bytes.len > FLY_VEC_STR_INLINE) {
        data = fly_arena_copy(batch->arena, bytes.data, bytes.len);
        if (data == NULL) {
            return no_memory(err);
        }
    }
    *out = fly_vec_str_of(data, bytes.len);
    return FLY_OK;
}

static fly_status put_value(struct rows_scan *scan, fly_vec_batch *batch, uint32_t i, uint32_t at,
                            const fly__sql_row_view *view, fly_err *err)
{
    fly_vec_value value;
    fly_status status =
        fly__sql_row_read(&scan->layout, view, scan->columns[i].attnum, &value, err);
    if (status == FLY_OK && !value.null && !scan->columns[i].is_fixed) {
        status = keep_string(batch, fly_vec_str_bytes(&value.str), &value.str, err);
    }
    if (status == FLY_OK) {
        fly_vec_put(&batch->col[i], at, &value);
    }
    return status;
}

/* Of the sizes that values have, each by name: for any other the compiler takes a string instruction,
 * which costs more than all the rest of a row. */
static void copy_fixed(uint8_t *to, const uint8_t *from, uint32_t size)
{
    switch (size) {
    case 1:
        *to = *from;
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        memcpy(to, from, 16);
        break;
    }
}

/* Take a row apart into position `at` of the batch. */
static fly_status put_row(struct rows_scan *scan, fly_vec_batch *batch, uint32_t at,
                          fly_bytes row_key, fly_bytes row, fly_err *err)
{
    fly__sql_row_view view;
    fly_status status = fly__sql_row_view_make(&scan->layout, row, &view, err);
    for (uint32_t i = 0; i < batch->columns && status == FLY_OK; i++) {
        const struct scan_column *column = &scan->columns[i];
        if (column->attnum == 0) {
            status = keep_string(batch, row_key, &((fly_vec_str *)batch->col[i].data)[at], err);
            continue;
        }
        uint32_t bit = column->attnum - 1u;
        if (FLY_LIKELY(column->is_fixed && bit < view.count &&
                       (view.nulls[bit / 8] >> (bit % 8) & 1) == 0)) {
            copy_fixed((uint8_t *)batch->col[i].data + (size_t)at * column->size,
                       view.fixed + column->at, column->size);
            continue;
        }
        status = put_value(scan, batch, i, at, &view, err);
    }
    return status;
}

/* ------------------------------------------------------------- many rows at once */

enum { ROWS = 64 };

/* Whether a row has its own value of a column, and that is not NULL. */
static inline bool has_value(const fly__sql_row_view *view, uint32_t bit)
{
    return bit < view->count && (view->nulls[bit / 8] >> (bit % 8) & 1) == 0;
}

/* One column of fixed size, of rows whose views stand in a list. `size` is a constant where this is
 * called. */
static inline __attribute__((always_inline)) fly_status put_fixed(
    struct rows_scan *scan, fly_vec_batch *batch, uint32_t c, uint32_t at,
    const fly__sql_row_view *views, uint32_t n, uint32_t size, fly_err *err)
{
    const struct scan_column *column = &scan->columns[c];
    uint8_t *to = (uint8_t *)batch->col[c].data + (size_t)at * size;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < n && status == FLY_OK; i++, to += size) {
        if (FLY_LIKELY(has_value(&views[i], column->attnum - 1u))) {
            memcpy(to, views[i].fixed + column->at, size);
        } else {
            status = put_value(scan, batch, c, at + i, &views[i], err);
        }
    }
    return status;
}

static inline uint32_t end_of_string(const fly__sql_row_view *view, uint32_t number)
{
    return view->wide ? fly_get_u32(view->ends + 4 * (size_t)number)
                      : fly_get_u16(view->ends + 2 * (size_t)number);
}

/* One column of strings: short ones go into the vector; of the others all bytes are copied at once. */
static fly_status put_strings(struct rows_scan *scan, fly_vec_batch *batch, uint32_t c, uint32_t at,
                              const fly__sql_row_view *views, uint32_t n, fly_err *err)
{
    const struct scan_column *column = &scan->columns[c];
    fly_vec_str *to = (fly_vec_str *)batch->col[c].data + at;
    uint32_t number = scan->layout.columns[column->attnum - 1].at;
    size_t long_bytes = 0;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
        const fly__sql_row_view *view = &views[i];
        if (FLY_UNLIKELY(!has_value(view, column->attnum - 1u))) {
            status = put_value(scan, batch, c, at + i, view, err);
            continue;
        }
        uint32_t end = end_of_string(view, number);
        uint32_t start = number == 0 ? 0 : end_of_string(view, number - 1);
        if (FLY_UNLIKELY(start > end || end > view->bytes_len)) {
            return put_value(scan, batch, c, at + i, view, err); /* which says what is wrong */
        }
        to[i] = fly_vec_str_of(view->bytes + start, end - start);
        long_bytes += end - start > FLY_VEC_STR_INLINE ? end - start : 0;
    }
    if (status != FLY_OK || long_bytes == 0) {
        return status;
    }
    char *bytes = fly_arena_alloc(batch->arena, long_bytes);
    if (bytes == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (has_value(&views[i], column->attnum - 1u) && to[i].len > FLY_VEC_STR_INLINE) {
            memcpy(bytes, to[i].ptr, to[i].len);
            to[i].ptr = bytes;
            bytes += to[i].len;
        }
    }
    return FLY_OK;
}

/* Take rows apart, a column after the other, into positions from `at` on. */
static fly_status put_rows(struct rows_scan *scan, fly_vec_batch *batch, uint32_t at,
                           const fly_bytes *rows, uint32_t n, fly_err *err)
{
    fly__sql_row_view views[ROWS];
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < n && status == FLY_OK && batch->columns > 0; i++) {
        status = fly__sql_row_view_make(&scan->layout, rows[i], &views[i], err);
    }
    for (uint32_t c = 0; c < batch->columns && status == FLY_OK; c++) {
        switch (scan->columns[c].is_fixed ? scan->columns[c].size : 0) {
        case 0:
            status = put_strings(scan, batch, c, at, views, n, err);
            break;
        case 1:
            status = put_fixed(scan, batch, c, at, views, n, 1, err);
            break;
        case 2:
            status = put_fixed(scan, batch, c, at, views, n, 2, err);
            break;
        case 4:
            status = put_fixed(scan, batch, c, at, views, n, 4, err);
            break;
        case 8:
            status = put_fixed(scan, batch, c, at, views, n, 8, err);
            break;
        default:
            status = put_fixed(scan, batch, c, at, views, n, 16, err);
            break;
        }
    }
    return status;
}

/* Rows that lie at hand behind the one where the cursor is. */
static fly_status put_many(struct rows_scan *scan, fly_vec_batch *batch, uint32_t room,
                           fly_err *err)
{
    fly_bytes rows[ROWS];
    fly_status status = FLY_OK;
    while (status == FLY_OK && batch->count < room) {
        uint32_t left = room - batch->count;
        uint32_t n =
            fly_cursor_next_values(scan->cursor, scan->end, rows, left < ROWS ? left : ROWS);
        if (n == 0) {
            break;
        }
        status = put_rows(scan, batch, batch->count, rows, n, err);
        batch->count += n;
    }
    return status;
}

/* As put_row(), from an entry alone. */
static fly_status put_entry(struct rows_scan *scan, fly_vec_batch *batch, uint32_t at, fly_err *err)
{
    fly_bytes columns = {0};
    fly_bytes row_key = {0};
    fly_status status = current_entry(scan, &columns, &row_key, err);
    for (uint32_t i = 0; i < batch->columns && status == FLY_OK; i++) {
        if (scan->columns[i].attnum == 0) {
            status = keep_string(batch, row_key, &((fly_vec_str *)batch->col[i].data)[at], err);
        }
    }
    return status == FLY_OK ? fly__sql_entry_read(&scan->entries, columns, row_key, batch, at, err)
                            : status;
}

static fly_status make_columns(const struct rows_scan *scan, fly_vec_batch *batch, uint32_t room,
                               fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < scan->spec.column_count && status == FLY_OK; i++) {
        status = fly_vec_init(&batch->col[i], (fly_vec_type)scan->columns[i].physical, room,
                              batch->arena, err);
    }
    return status;
}

static fly_status lock_current(struct rows_scan *scan, fly_bytes row_key, fly_bytes *row,
                               fly_err *err)
{
    fly_status status = fly_txn_lock(scan->txn, scan->table_tree, row_key, FLY_LOCK_WAIT, err);
    return status == FLY_OK ? fetch_row(scan, row_key, row, err) : status;
}

/* A batch is small at first, so that who wants few rows pays for few. */
static uint32_t batch_room(const struct rows_scan *scan)
{
    if (scan->spec.limit > 0 && scan->spec.limit < FLY_VEC_CAPACITY) {
        return (uint32_t)scan->spec.limit;
    }
    return scan->given == 0 && scan->by_index ? 64 : FLY_VEC_CAPACITY;
}

static fly_status scan_next(fly__sql_scan *base, fly_vec_batch *batch, fly_err *err)
{
    struct rows_scan *scan = (struct rows_scan *)base;
    uint32_t room = batch_room(scan);
    batch->columns = scan->spec.column_count;
    batch->selected = -1;
    batch->count = 0;
    if (scan->ended) {
        return FLY_E_END;
    }
    fly_status status = make_columns(scan, batch, room, err);
    while (status == FLY_OK && batch->count < room) {
        fly_bytes row_key = {0};
        fly_bytes row = {0};
        status = move(scan, err);
        if (status != FLY_OK) {
            break;
        }
        if (!in_range(scan, fly_cursor_key(scan->cursor))) {
            status = FLY_E_END;
            break;
        }
        if (scan->spec.index_only) {
            status = put_entry(scan, batch, batch->count, err);
            batch->count++;
            continue;
        }
        status = current(scan, &row_key, &row, err);
        if (status == FLY_OK && scan->spec.lock) {
            status = lock_current(scan, row_key, &row, err);
        }
        if (status == FLY_E_NOT_FOUND) {
            status = FLY_OK;
            continue;
        }
        if (status == FLY_OK) {
            status = put_row(scan, batch, batch->count, row_key, row, err);
            batch->count++;
        }
        if (status == FLY_OK && scan->many) {
            status = put_many(scan, batch, room, err);
        }
    }
    if (status == FLY_E_END) {
        scan->ended = true;
        status = batch->count > 0 ? FLY_OK : FLY_E_END;
    }
    scan->given += batch->count;
    return status;
}

static fly_status scan_again(fly__sql_scan *base, fly_bytes low, fly_bytes high, fly_err *err)
{
    struct rows_scan *scan = (struct rows_scan *)base;
    scan->started = false;
    scan->ended = false;
    scan->given = 0;
    return set_bounds(scan, low, high, err);
}

static void scan_close(fly__sql_scan *base)
{
    struct rows_scan *scan = (struct rows_scan *)base;
    fly_cursor_close(scan->cursor);
    fly_mem_free(&scan->session->account.mem, scan->row, scan->row_room);
    scan->cursor = NULL;
    scan->row = NULL;
    scan->row_room = 0;
}

/* ------------------------------------------------------------------ one row */

/* The bytes of a row, in `arena`: FLY_E_NOT_FOUND. */
static fly_status get_row(fly_txn *txn, fly_tree *tree, fly_bytes row_key, fly_arena *arena,
                          fly_bytes *row, fly_err *err)
{
    size_t room = 512;
    uint64_t len = 0;
    uint8_t *buffer = NULL;
    fly_status status = FLY_E_FULL;
    while (status == FLY_E_FULL) {
        buffer = fly_arena_alloc(arena, room);
        if (buffer == NULL) {
            return no_memory(err);
        }
        status = fly_txn_get(txn, tree, row_key, buffer, room, &len, err);
        room = (size_t)len;
    }
    *row = fly_bytes_of(buffer, (size_t)len);
    return status;
}

static fly_status fetch(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                        fly_bytes row_key, const uint16_t *columns, uint32_t column_count,
                        fly_arena *arena, fly_vec_value *values, fly_err *err)
{
    fly_tree *tree = NULL;
    fly_bytes row = {0};
    fly__sql_row_layout layout;
    fly__sql_row_view view;
    fly_status status = table_tree(source, table, &tree, err);
    if (status == FLY_OK) {
        status = get_row(txn, tree, row_key, arena, &row, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_row_layout_make(session_of(source), table, arena, &layout, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_row_view_make(&layout, row, &view, err);
    }
    for (uint32_t i = 0; i < column_count && status == FLY_OK; i++) {
        if (columns[i] == 0) {
            memset(&values[i], 0, sizeof values[i]);
            values[i].str = fly_vec_str_of(row_key.data, row_key.len);
        } else {
            status = fly__sql_row_read(&layout, &view, columns[i], &values[i], err);
        }
    }
    return status;
}

/* -------------------------------------------------------------------- change */

static fly_status row_key_of(fly_sql_session *session, const fly__sql_table *table,
                             const fly_vec_value *values, fly_arena *arena, fly_bytes *row_key,
                             fly_err *err)
{
    if (table->primary != NULL && table->primary->clustered) {
        return fly__sql_index_columns_key(session, table, table->primary, values, arena, row_key,
                                          NULL, err);
    }
    uint64_t number = 0;
    fly_status status = fly__sql_row_number(session, table, &number, err);
    uint8_t *bytes = fly_arena_alloc(arena, sizeof number);
    if (status == FLY_OK && bytes == NULL) {
        return no_memory(err);
    }
    if (status == FLY_OK) {
        fly_put_u64be(bytes, number);
        *row_key = fly_bytes_of(bytes, sizeof number);
    }
    return status;
}

/* Remove the entries of the first `count` indexes. */
static fly_status remove_entries(fly_sql_session *session, fly_txn *txn,
                                 const fly__sql_table *table, uint16_t count,
                                 const fly_vec_value *values, fly_bytes row_key, fly_arena *arena,
                                 fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint16_t i = 0; i < count && status == FLY_OK; i++) {
        status = fly__sql_index_remove(session, txn, table, table->indexes[i], values, row_key,
                                       arena, err);
    }
    return status;
}

/* Take back what a refused insert did; what refused it is in `err` already. */
static void take_back(fly_sql_session *session, fly_txn *txn, const fly__sql_table *table,
                      fly_tree *tree, uint16_t indexes, const fly_vec_value *values,
                      fly_bytes row_key, fly_arena *arena)
{
    fly_status status = remove_entries(session, txn, table, indexes, values, row_key, arena, NULL);
    if (status == FLY_OK) {
        status = fly_txn_delete(txn, tree, row_key, NULL);
    }
    (void)status; /* the transaction has failed then, and is rolled back as a whole */
}

static fly_status too_large(const fly__sql_table *table, size_t size, fly_status status,
                            fly_err *err)
{
    if (status != FLY_E_TOO_LARGE) {
        return status;
    }
    return fly_err_state(err, "54000", 0, "row size %zu exceeds the maximum for table \"%s\"", size,
                         table->name);
}

static fly_status insert(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                         const fly_vec_value *values, fly_arena *arena, fly_bytes *row_key,
                         fly_err *err)
{
    fly_sql_session *session = session_of(source);
    fly_tree *tree = NULL;
    fly__sql_row_layout layout;
    fly_bytes row = {0};
    fly_bytes key = {0};
    fly_status status = table_tree(source, table, &tree, err);
    if (status == FLY_OK) {
        status = fly__sql_row_layout_make(session, table, arena, &layout, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_row_encode(&layout, values, arena, &row, err);
    }
    if (status == FLY_OK) {
        status = row_key_of(session, table, values, arena, &key, err);
    }
    if (status == FLY_OK) {
        status = too_large(table, row.len, fly_txn_insert(txn, tree, key, row, err), err);
        if (status == FLY_E_EXISTS) {
            return fly__sql_index_violated(session, table, table->primary, values, err);
        }
    }
    for (uint16_t i = 0; i < table->index_count && status == FLY_OK; i++) {
        status =
            fly__sql_index_add(session, txn, table, table->indexes[i], values, key, arena, err);
        if (status == FLY_E_EXISTS) {
            take_back(session, txn, table, tree, i, values, key, arena);
            return fly__sql_index_violated(session, table, table->indexes[i], values, err);
        }
    }
    if (status == FLY_OK) {
        *row_key = key;
    }
    return status;
}

static fly_status remove_row(const fly__sql_source *source, fly_txn *txn,
                             const fly__sql_table *table, fly_bytes row_key,
                             const fly_vec_value *old_values, bool seen, fly_err *err)
{
    fly_sql_session *session = session_of(source);
    fly_tree *tree = NULL;
    fly_arena arena;
    fly_arena_init(&arena, &session->account.mem, 0);
    fly_status status = table_tree(source, table, &tree, err);
    if (status == FLY_OK) {
        status = seen ? fly_txn_delete_seen(txn, tree, row_key, err)
                      : fly_txn_delete(txn, tree, row_key, err);
    }
    if (status == FLY_OK) {
        status = remove_entries(session, txn, table, table->index_count, old_values, row_key,
                                &arena, err);
    }
    fly_arena_deinit(&arena);
    return status;
}

static bool same_value(fly_vec_type physical, const fly_vec_value *a, const fly_vec_value *b)
{
    if (a->null || b->null) {
        return a->null == b->null;
    }
    if (physical == FLY_VEC_STR) {
        return fly_vec_str_equal(&a->str, &b->str);
    }
    return memcmp(&a->i128, &b->i128, fly_vec_type_size(physical)) == 0;
}

/* Whether an update leaves alone what foreign keys may refer to: then it goes together with the locks by
 * which they do. */
static bool keeps_keys(const fly__sql_table *table, const fly__sql_row_layout *layout,
                       const fly_vec_value *old_values, const fly_vec_value *new_values)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        for (uint16_t k = 0; index->unique && index->predicate == NULL && k < index->key_count;
             k++) {
            uint16_t column = index->columns[k].column;
            if (column != 0 && !same_value((fly_vec_type)layout->columns[column - 1].physical,
                                           &old_values[column - 1], &new_values[column - 1])) {
                return false;
            }
        }
    }
    return true;
}

/* Move the entry of one index, if it changes. */
static fly_status move_entry(fly_sql_session *session, fly_txn *txn, const fly__sql_table *table,
                             const fly__sql_index *index, const fly_vec_value *old_values,
                             const fly_vec_value *new_values, fly_bytes row_key, fly_arena *arena,
                             fly_err *err)
{
    bool same = false;
    fly_status status =
        fly__sql_index_same(session, table, index, old_values, new_values, arena, &same, err);
    if (status != FLY_OK || same) {
        return status;
    }
    status = fly__sql_index_remove(session, txn, table, index, old_values, row_key, arena, err);
    if (status == FLY_OK) {
        status = fly__sql_index_add(session, txn, table, index, new_values, row_key, arena, err);
    }
    return status == FLY_E_EXISTS ? fly__sql_index_violated(session, table, index, new_values, err)
                                  : status;
}

static fly_status update(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                         fly_bytes row_key, const fly_vec_value *old_values,
                         const fly_vec_value *new_values, bool seen, fly_arena *arena,
                         fly_bytes *new_key, fly_err *err)
{
    fly_sql_session *session = session_of(source);
    fly_tree *tree = NULL;
    fly__sql_row_layout layout;
    fly_bytes row = {0};
    fly_bytes key = row_key;
    if (table->primary != NULL && table->primary->clustered) {
        fly_status status = row_key_of(session, table, new_values, arena, &key, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    if (!fly_bytes_equal(key, row_key)) { /* the row moves: another row, as far as trees know */
        if (seen) {
            return FLY_E_AGAIN;
        }
        fly_status status = remove_row(source, txn, table, row_key, old_values, false, err);
        return status == FLY_OK ? insert(source, txn, table, new_values, arena, new_key, err)
                                : status;
    }
    fly_status status = table_tree(source, table, &tree, err);
    if (status == FLY_OK) {
        status = fly__sql_row_layout_make(session, table, arena, &layout, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_row_encode(&layout, new_values, arena, &row, err);
    }
    if (status == FLY_OK) {
        bool weak = keeps_keys(table, &layout, old_values, new_values);
        status = weak   ? fly_txn_put_weak(txn, tree, key, row, seen, err)
                 : seen ? fly_txn_put_seen(txn, tree, key, row, err)
                        : fly_txn_put(txn, tree, key, row, err);
        status = too_large(table, row.len, status, err);
    }
    for (uint16_t i = 0; i < table->index_count && status == FLY_OK; i++) {
        status = move_entry(session, txn, table, table->indexes[i], old_values, new_values, key,
                            arena, err);
    }
    if (status == FLY_OK) {
        *new_key = row_key;
    }
    return status;
}

/* --------------------------------------------------------------------- locks */

static fly_status lock(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                       fly_bytes row_key, const fly_vec_value *old_values, fly_lock_mode mode,
                       fly_lock_wait wait, fly_err *err)
{
    fly_sql_session *session = session_of(source);
    fly_tree *tree = NULL;
    fly__sql_row_layout layout;
    fly__sql_row_view view;
    fly_bytes row = {0};
    fly_arena arena;
    fly_arena_init(&arena, &session->account.mem, 0);
    fly_status status = table_tree(source, table, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_lock_as(txn, tree, row_key, mode, wait, err);
        status = status == FLY_E_AGAIN ? FLY_E_LOCKED : status;
    }
    if (status == FLY_OK && old_values != NULL) {
        fly_txn_fresh_begin(txn); /* a lock that is shared does not show what is newer */
        status = get_row(txn, tree, row_key, &arena, &row, err);
        fly_txn_fresh_end(txn);
        if (status == FLY_OK) {
            status = fly__sql_row_layout_make(session, table, &arena, &layout, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_row_view_make(&layout, row, &view, err);
        }
        for (uint16_t i = 0; i < table->column_count && status == FLY_OK; i++) {
            fly_vec_value value;
            status = fly__sql_row_read(&layout, &view, (uint16_t)(i + 1), &value, err);
            if (status == FLY_OK && !table->columns[i].dropped &&
                !same_value((fly_vec_type)layout.columns[i].physical, &value, &old_values[i])) {
                status = FLY_E_AGAIN; /* has changed */
            }
        }
    }
    fly_arena_deinit(&arena);
    return status;
}

static fly_status conflict(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                           const fly__sql_index *index, const fly_vec_value *values,
                           fly_lock_mode mode, fly_arena *arena, fly_bytes *row_key, fly_err *err)
{
    fly_status status = FLY_E_NOT_FOUND;
    for (uint16_t i = 0; i < table->index_count && status == FLY_E_NOT_FOUND; i++) {
        const fly__sql_index *candidate = table->indexes[i];
        if (candidate->unique && (index == NULL || candidate->oid == index->oid)) {
            status = fly__sql_index_find(session_of(source), txn, table, candidate, values, mode,
                                         arena, row_key, err);
        }
    }
    return status;
}

static fly_status load(const fly__sql_source *source, const fly__sql_table *table, bool unseen,
                       fly_mem *mem, fly__sql_load **made, fly_err *err)
{
    return fly__sql_load_open(session_of(source), table, unseen, mem, made, err);
}

void fly__sql_rows_init(fly__sql_source *source, fly_sql_session *session)
{
    *source = (fly__sql_source){.name = "rows",
                                .scan_open = scan_open,
                                .scan_next = scan_next,
                                .scan_again = scan_again,
                                .scan_close = scan_close,
                                .fetch = fetch,
                                .insert = insert,
                                .update = update,
                                .remove = remove_row,
                                .lock = lock,
                                .conflict = conflict,
                                .load = load,
                                .ctx = session};
}
