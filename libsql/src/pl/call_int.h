/*
 * Calling code, for those files of pl/ that do it.
 */
#ifndef FLY_SQL_PL_CALL_INT_H
#define FLY_SQL_PL_CALL_INT_H

#include "pl/run_int.h"

/* Begin an activation: takes over the code's use. End it, whether beginning went well or not. */
fly_status fly__sql_pl_begin(fly__sql_pl_run *run, fly_sql_session *session, fly__sql_pl_code *code,
                             fly_arena *out, fly_err *err);
void fly__sql_pl_end(fly__sql_pl_run *run);
fly_status fly__sql_pl_go(fly__sql_pl_run *run, const fly_vec_value *args, fly_err *err);

/* The values of the OUT parameters, in run->scratch. */
fly_status fly__sql_pl_outs(fly__sql_pl_run *run, fly_sql_type **types, fly_vec_value **values,
                            fly_err *err);

/* A plain value in the shape of a column. */
fly_status fly__sql_pl_shape_as(fly_sql_type from, fly_sql_type to, const fly_vec_value *value,
                                fly_arena *arena, fly_vec_value *result, fly_err *err);

#endif
