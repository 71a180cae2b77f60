/*
 * What a statement gave: values as they came, then as they are written, sorted and hashed.
 *
 * The letters of a query's types do not check types, they only say how values are written:
 *
 *     I  an integer; what follows the integer part is cut off, text that is no number is 0
 *     R  three digits after the point
 *     T  text; (empty) if it is; bytes outside space..~ become @
 *     U  ours: text as it is; control characters as \n, \t, \xHH
 *
 * NULL is NULL in all of them. A boolean is t or f, and 1 or 0 under I and R.
 */
#ifndef FLYSLT_RESULT_H
#define FLYSLT_RESULT_H

#include "script.h"

/** What a driver knows of a column. */
typedef enum slt_type { SLT_TEXT, SLT_INTEGER, SLT_REAL, SLT_BOOLEAN } slt_type;

typedef struct slt_cell {
    size_t at, len;
    bool null;
} slt_cell;

typedef struct slt_result {
    size_t columns;
    slt_type types[SLT_COLUMNS_MAX];
    uint64_t affected;
    slt_text bytes; /* of the values, each followed by a NUL */
    slt_cell *cells;
    size_t count, room;

    /* Once written: */
    slt_text written; /* likewise */
    const char **values;
    size_t values_room;
} slt_result;

/** Forget everything and keep the memory. */
void slt_result_clear(slt_result *result);
void slt_result_deinit(slt_result *result);

/** Add the next value, row by row; `data` NULL for NULL. */
void slt_result_add(slt_result *result, const char *data, size_t len);

/** Write the values as `types` says and sort them: `values[0..count)` are set. */
void slt_result_write(slt_result *result, const char *types, slt_sort sort);

enum { SLT_HASH_SIZE = 33 };

/** The MD5 of the written values, each followed by \n, in hexadecimal. */
void slt_result_hash(const slt_result *result, char hash[SLT_HASH_SIZE]);

#endif
