/*
 * Rows as bytes.
 *
 *     u16      columns in this row; the top bit: ends are u32, else u16
 *     nulls    a bit for each of these columns, lowest first; set: NULL
 *     fixed    the columns of fixed size, in order, each with its room even if NULL
 *     ends     for each string column, in order, where its bytes end, from the end of `ends`
 *     bytes    of the strings
 *
 * A row may have fewer columns than the table has by now: those added later have the value that their
 * descriptor calls `missing`. Where a column lies depends on the columns before it only, so one layout
 * serves rows of all ages. Format: docs/formats/rows.md.
 */
#ifndef FLY_SQL_ROW_INT_H
#define FLY_SQL_ROW_INT_H

#include "catalog/catalog_int.h"

/* Where a column lies. */
typedef struct fly__sql_row_column {
    uint32_t at;      /* fixed: offset from the beginning of `fixed`; string: its number */
    uint8_t physical; /* fly_vec_type */
    uint8_t size;     /* of a value in memory */
} fly__sql_row_column;

typedef struct fly__sql_row_layout {
    uint16_t count;
    fly__sql_row_column *columns;
    uint32_t *fixed_size;   /* of the first k columns; count + 1 of them */
    uint16_t *string_count; /* likewise */
    const fly__sql_table *table;
    fly_vec_value *missing; /* of columns that a row is too old for; NULL: none has one */
} fly__sql_row_layout;

struct fly_sql_session;

/* The layout of a table's rows, in `arena`. */
fly_status fly__sql_row_layout_make(struct fly_sql_session *session, const fly__sql_table *table,
                                    fly_arena *arena, fly__sql_row_layout *layout, fly_err *err);

/* The bytes of a row, in `arena`; 54000 if it is too large. */
fly_status fly__sql_row_encode(const fly__sql_row_layout *layout, const fly_vec_value *values,
                               fly_arena *arena, fly_bytes *row, fly_err *err);

/* A row taken apart as far as its header. */
typedef struct fly__sql_row_view {
    uint32_t count; /* columns in it */
    const uint8_t *nulls;
    const uint8_t *fixed;
    const uint8_t *ends;
    const uint8_t *bytes;
    size_t bytes_len;
    bool wide;
} fly__sql_row_view;

/* FLY_E_CORRUPT if it cannot be a row of this table. */
fly_status fly__sql_row_view_make(const fly__sql_row_layout *layout, fly_bytes row,
                                  fly__sql_row_view *view, fly_err *err);

/* The value of column `attnum` (from 1); strings borrow from the row. */
fly_status fly__sql_row_read(const fly__sql_row_layout *layout, const fly__sql_row_view *view,
                             uint16_t attnum, fly_vec_value *value, fly_err *err);

#endif
