/*
 * What a statement gave: columns, and rows as text.
 *
 * Cells lie one after the other in one block of bytes; a row is as many of them as there are columns.
 * A result that grows beyond what the shell wants to hold is handed on in pieces by whoever fills it:
 * see fsql_result_full().
 */
#ifndef FSQL_RESULT_H
#define FSQL_RESULT_H

#include "text.h"

/** How a value is written, beyond its text. */
typedef enum fsql_kind {
    FSQL_KIND_TEXT,
    FSQL_KIND_NUMBER, /**< stands to the right; bare in JSON */
    FSQL_KIND_BOOL,   /**< t and f; bare in JSON */
    FSQL_KIND_JSON    /**< is JSON already */
} fsql_kind;

typedef struct fsql_column {
    char *name;
    fsql_kind kind;
    bool right; /**< aligned to the right */
} fsql_column;

typedef struct fsql_cell {
    size_t at; /**< in `bytes`; SIZE_MAX: null */
    size_t len;
} fsql_cell;

typedef struct fsql_result {
    fsql_column *columns;
    size_t column_count, column_room;
    fsql_cell *cells;
    size_t cell_count, cell_room;
    fsql_text bytes;
    bool has_rows;      /**< the statement gives rows, be they none */
    size_t rows_before; /**< that were handed on already */
    size_t rows_max;    /**< hand on after so many; 0: no such limit */
    char tag[80];       /**< "SELECT 3" */
} fsql_result;

enum { FSQL_RESULT_BYTES_MAX = 128 << 20 }; /**< held before a piece is handed on */

/** Forget all, and keep the room. */
void fsql_result_clear(fsql_result *result);
void fsql_result_deinit(fsql_result *result);

/** Forget the rows only, and count them. */
void fsql_result_handed_on(fsql_result *result);

/** Add a column; `oid` of its type decides its kind and where it stands. */
void fsql_result_column(fsql_result *result, const char *name, uint32_t oid);

/** Add a cell; `data` NULL is null. A row without columns has one cell all the same. */
void fsql_result_cell(fsql_result *result, const void *data, size_t len);

/** Whether it is time to hand on what there is. To be asked between rows. */
bool fsql_result_full(const fsql_result *result);

/** How many rows are here. */
size_t fsql_result_rows(const fsql_result *result);

/** A cell's text; data is NULL for null. */
fly_bytes fsql_result_at(const fsql_result *result, size_t row, size_t column);

#endif
