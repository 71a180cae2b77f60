/*
 * Rows, for the files of this library that write them: the table, the sort.
 */
#ifndef FLY_VEC_ROW_INT_H
#define FLY_VEC_ROW_INT_H

#include <fly/vec_row.h>

/* A block of rows. */
struct fly__vec_block {
    struct fly__vec_block *next;
    uint32_t count;
    uint32_t capacity;
    size_t size; /* of this allocation */
    uint8_t rows[];
};

/* Have room for n more rows, in the last block and perhaps an empty one behind it. */
fly_status fly__vec_rows_ensure(fly_vec_rows *rows, uint32_t n, fly_err *err);

/* Take the next row; there is room. All its columns are said not to be NULL, state and link are
 * zero. */
uint8_t *fly__vec_rows_take(fly_vec_rows *rows);

/* Give the last n rows back. */
void fly__vec_rows_untake(fly_vec_rows *rows, uint32_t n);

/* Bytes that the selected values of string columns need outside the rows: of sel[list[k]], or of
 * all n selected ones if there is no list. */
size_t fly__vec_rows_heap(const fly_vec_layout *layout, const fly_vec *cols, const fly_vec_sel *sel,
                          const uint16_t *list, int n);

/* Write the columns of rows: row[list[k]] from position sel[list[k]]. `heap` has room for the
 * strings. */
void fly__vec_rows_scatter(const fly_vec_layout *layout, const fly_vec *cols,
                           const fly_vec_sel *sel, const uint16_t *list, int n, uint8_t *const *row,
                           char *heap);

static inline void fly__vec_row_set_next(const fly_vec_layout *layout, uint8_t *row, uint8_t *next)
{
    __builtin_memcpy(row + layout->next_at, &next, sizeof next);
}

static inline void fly__vec_row_set_hash(const fly_vec_layout *layout, uint8_t *row, uint64_t hash)
{
    __builtin_memcpy(row + layout->hash_at, &hash, sizeof hash);
}

#endif
