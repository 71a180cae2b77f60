/**
 * @file vec_agg.h
 * @brief Aggregates: states in rows, and kernels that bring a batch to them.
 *
 * An aggregate is a state of a few bytes, which begins as zeros, and four things to do with it:
 * take in a batch, where each selected position has a state of its own (grouping) or all have one;
 * merge with another state (threads, spills); tell the result. States lie in rows (vec_row.h), at
 * an offset that is a multiple of 8.
 *
 *     fly_vec_table_group(table, keys, sel, n, hash, row, NULL, err);
 *     sum->update(&ctx, row, at, &arg, sel, n);
 *
 * sum, min, max and their like ignore NULLs and are NULL where there was nothing else. Sums of
 * integers are exact: I16 and I32 give I64, I64 and I128 give I128 (decimals keep their scale).
 * Sums of floats add in the order of the rows, so that batches and processors do not show in the
 * result; errors are PostgreSQL's. avg of exact types is left to those who have unbounded decimals:
 * the sum, and the count that every sum has beside it.
 *
 * Threads: pure; states are the caller's.
 */
#ifndef FLY_VEC_AGG_H
#define FLY_VEC_AGG_H

#include <fly/vec_kernel.h>
#include <fly/vec_row.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** Which aggregate. */
typedef enum fly_vec_agg_kind {
    FLY_VEC_COUNT_ROWS,  /**< count(*): has no argument */
    FLY_VEC_COUNT,       /**< of any type: values that are not NULL */
    FLY_VEC_SUM,         /**< of numbers */
    FLY_VEC_AVG,         /**< of F32 and F64 only; gives F64 */
    FLY_VEC_MIN,         /**< of any type; of BOOL it is bool_and */
    FLY_VEC_MAX,         /**< of any type; of BOOL it is bool_or */
    FLY_VEC_FIRST,       /**< the first row's value, NULL or not */
    FLY_VEC_AGG_BIT_AND, /**< of I16, I32, I64 */
    FLY_VEC_AGG_BIT_OR,
    FLY_VEC_AGG_BIT_XOR,
    FLY_VEC_AGG_VAR_POP, /**< of F64, as the rest */
    FLY_VEC_AGG_VAR_SAMP,
    FLY_VEC_AGG_STDDEV_POP,
    FLY_VEC_AGG_STDDEV_SAMP,
    FLY_VEC_AGG_COUNT
} fly_vec_agg_kind;

/** What updating needs besides states and values. */
typedef struct fly_vec_agg_ctx {
    fly_vec_isa isa;
    fly_vec_rows *rows; /**< where states keep bytes of strings; may be NULL if no state does */
    fly_err *err;       /**< filled on failure */
    uint32_t pos;       /**< put into err->position */
} fly_vec_agg_ctx;

/** An aggregate of a type of argument. */
typedef struct fly_vec_agg {
    uint32_t state_size; /**< a multiple of 8 */
    uint8_t result_type; /**< ::fly_vec_type */
    bool string;         /**< the state begins with a ::fly_vec_str: name it to the layout */
    int8_t count_at; /**< offset in the state of an int64_t, how many values were taken in; or -1 */

    /** Take in the value at the k-th selected position into the state at row[k] + at. `arg` is of
     *  any kind but SEQ. @return FLY_E_INVALID: 22003; FLY_E_NO_MEMORY. */
    fly_status (*update)(const fly_vec_agg_ctx *ctx, uint8_t *const *row, uint32_t at,
                         const fly_vec *arg, const fly_vec_sel *sel, int n);

    /** Take in all selected values into one state. */
    fly_status (*update_one)(const fly_vec_agg_ctx *ctx, uint8_t *state, const fly_vec *arg,
                             const fly_vec_sel *sel, int n);

    /** Merge the state at from[k] + at into that at to[k] + at; `from` came later. */
    fly_status (*combine)(const fly_vec_agg_ctx *ctx, uint8_t *const *to, uint8_t *const *from,
                          uint32_t at, int n);

    /** Write results to positions 0 to n - 1 of a FLAT vector; strings borrow from the states. */
    void (*result)(uint8_t *const *row, uint32_t at, int n, fly_vec *out);
} fly_vec_agg;

/** The aggregate; NULL if there is none of that kind for the type. */
const fly_vec_agg *fly_vec_agg_find(fly_vec_agg_kind kind, fly_vec_type type);

/** How many values each state took in, as I64; the aggregate has a `count_at`. */
void fly_vec_agg_counts(const fly_vec_agg *agg, uint8_t *const *row, uint32_t at, int n,
                        fly_vec *out);

FLY_EXTERN_C_END
/** @} */
#endif
