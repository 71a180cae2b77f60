/*
 * What joins by loops and joins by hashing share.
 */
#ifndef FLY_SQL_JOIN_INT_H
#define FLY_SQL_JOIN_INT_H

#include "exec/program_int.h"

enum { FLY__SQL_SIDE_NONE, FLY__SQL_SIDE_LEFT, FLY__SQL_SIDE_RIGHT, FLY__SQL_SIDE_MARK };

/* Where each column of the output comes from. */
typedef struct fly__sql_join_out {
    fly__sql_op *op;
    uint8_t *side;
    uint32_t *index;
    fly_arena arena; /* strings of the output that it must not borrow */
} fly__sql_join_out;

fly_status fly__sql_join_out_init(fly__sql_join_out *out, fly__sql_op *op, const fly__sql_rel *left,
                                  const fly__sql_rel *right, fly_err *err);

/* Begin a new batch in op->out. */
void fly__sql_join_out_begin(fly__sql_join_out *out);

/* Append n rows: the left row `row`, or NULLs, with the right rows at sel, or NULLs. `mark` may be NULL
 * if the kind has none. */
fly_status fly__sql_join_out_row(fly__sql_join_out *out, const fly_vec *left, uint32_t row,
                                 const fly_vec *right, const fly_vec_sel *sel, uint32_t n,
                                 bool copy, const fly_vec_value *mark, fly_err *err);

/* The whole condition of a join that the optimiser has taken apart. */
fly_status fly__sql_join_condition(fly__sql_exec *exec, const fly__sql_rel *rel,
                                   fly__sql_expr **condition, fly_err *err);

#endif
