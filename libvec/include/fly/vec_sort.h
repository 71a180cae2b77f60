/**
 * @file vec_sort.h
 * @brief Sorting rows: in memory, the first few of many, and runs that were written out.
 *
 * A sorter keeps rows (vec_row.h) as they come. When it sorts, it makes of each row's keys a short
 * string of bytes whose order as unsigned numbers is the order that was asked for, and sorts those,
 * with pointers to rows beside them; rows themselves stay where they are. Only where the bytes are
 * equal and not all of the keys (long strings, many columns) are the rows looked at.
 *
 * Strings are ordered by their bytes. For a collation, add a column with the collation's sort keys
 * and sort by that.
 *
 *     in memory    fly_vec_sorter_add() ..., fly_vec_sorter_sort(), fly_vec_sorter_next() ...
 *     spilling     fly_vec_sorter_add() says FLY_E_NO_MEMORY: fly_vec_sorter_write_run(), and
 *                  again; at the end one more run, then fly_vec_merge_create() over all of them
 *     the first N  the same as in memory, with `limit` set: memory for about 2 N rows
 *
 * Rows with equal keys come in any order. Threads: thread-compatible.
 */
#ifndef FLY_VEC_SORT_H
#define FLY_VEC_SORT_H

#include <fly/vec_row.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** One column of ORDER BY. */
typedef struct fly_vec_sort_key {
    uint32_t column;  /**< of the rows */
    bool descending;  /**< the other way round, NULLs apart */
    bool nulls_first; /**< whatever the direction */
} fly_vec_sort_key;

/** What is sorted by what. */
typedef struct fly_vec_sort_options {
    const fly_vec_layout *layout; /**< kept */
    const fly_vec_sort_key *keys; /**< copied */
    uint32_t count;               /**< of keys, at least 1 */
    uint64_t limit;               /**< only the first so many rows are wanted; 0: all */
} fly_vec_sort_options;

/** The order of two rows: negative, zero or positive. */
int fly_vec_sort_compare(const fly_vec_layout *layout, const fly_vec_sort_key *keys, uint32_t count,
                         const uint8_t *a, const uint8_t *b);

/** Rows to be sorted. */
typedef struct fly_vec_sorter fly_vec_sorter;

/** Make an empty sorter. @return FLY_E_NO_MEMORY. */
FLY_MUST_USE fly_status fly_vec_sorter_create(fly_mem *mem, const fly_vec_sort_options *options,
                                              fly_vec_sorter **sorter, fly_err *err);

/** Release it and all rows. NULL is fine. */
void fly_vec_sorter_destroy(fly_vec_sorter *sorter);

/**
 * @brief Take rows in.
 *
 * @param cols  One vector per column of the layout, any kind; keys any but SEQ.
 * @return FLY_E_NO_MEMORY: none was taken in.
 */
FLY_MUST_USE fly_status fly_vec_sorter_add(fly_vec_sorter *sorter, const fly_vec *cols,
                                           const fly_vec_sel *sel, int n, fly_err *err);

/** Rows taken in and not given up. */
uint64_t fly_vec_sorter_count(const fly_vec_sorter *sorter);

/** Bytes taken from memory. Sorting takes 16 to 32 more for each row. */
uint64_t fly_vec_sorter_bytes(const fly_vec_sorter *sorter);

/**
 * @brief With a limit: a row such that no later one is wanted that does not come before it.
 *
 * What a scan may filter by. NULL while there are not enough rows. Valid until the next call.
 */
const uint8_t *fly_vec_sorter_threshold(const fly_vec_sorter *sorter);

/** Sort. fly_vec_sorter_next() then begins with the first row. @return FLY_E_NO_MEMORY. */
FLY_MUST_USE fly_status fly_vec_sorter_sort(fly_vec_sorter *sorter, fly_err *err);

/** The next rows in order, at most `max`; 0 at the end. They stay valid until rows are added. */
int fly_vec_sorter_next(fly_vec_sorter *sorter, uint8_t **row, int max);

/** Sort, write all rows as one run, in pieces with an end, and forget them. A limit holds. */
FLY_MUST_USE fly_status fly_vec_sorter_write_run(fly_vec_sorter *sorter, fly_vec_write *write,
                                                 void *ctx, fly_err *err);

/* ------------------------------------------------------------------------- merging */

/** Sorted runs on their way into one order. */
typedef struct fly_vec_merge fly_vec_merge;

/**
 * @brief Begin to merge.
 *
 * @param read  Reads on in the run whose context it is given; kept.
 * @param ctx   One for each of `runs`, at least 1; copied.
 */
FLY_MUST_USE fly_status fly_vec_merge_create(fly_mem *mem, const fly_vec_sort_options *options,
                                             uint32_t runs, fly_vec_read *read, void *const *ctx,
                                             fly_vec_merge **merge, fly_err *err);

/** Release it. NULL is fine. */
void fly_vec_merge_destroy(fly_vec_merge *merge);

/**
 * @brief The next rows in order.
 *
 * @param[out] row  Room for `max`. Valid until the next call.
 * @param[out] n    At least 1; 0 at the end.
 */
FLY_MUST_USE fly_status fly_vec_merge_next(fly_vec_merge *merge, uint8_t **row, int max, int *n,
                                           fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
