/*
 * Kernels of arithmetic on scaled numerics of different widths (decimal.c).
 */
#ifndef FLY_SQL_DECIMAL_INT_H
#define FLY_SQL_DECIMAL_INT_H

#include "types/type_int.h"

int fly__sql_decimal_add(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n);
int fly__sql_decimal_sub(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n);
int fly__sql_decimal_mul(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n);
int fly__sql_decimal_mod(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n);

#endif
