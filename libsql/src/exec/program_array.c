/*
 * Numerics in other shapes, arrays and composites in expressions.
 */
#include "exec/program_int.h"

#include <string.h>

fly_status fly__sql_eval_shape(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    return fly__sql_numeric_reshape(rc->x->args[0]->type, rc->x->type, &args[0], rc->call.arena,
                                    result, rc->call.err);
}

fly_status fly__sql_eval_any(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    (void)args;
    (void)result;
    return fly__sql_not_yet(rc->call.err, rc->x->pos, "ANY over an array");
}

fly_status fly__sql_eval_array(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    (void)args;
    (void)result;
    return fly__sql_not_yet(rc->call.err, rc->x->pos, "ARRAY[]");
}

fly_status fly__sql_eval_subscript(fly__sql_rowcall *rc, const fly_vec_value *args,
                                   fly_vec_value *result)
{
    (void)args;
    (void)result;
    return fly__sql_not_yet(rc->call.err, rc->x->pos, "subscripting");
}

fly_status fly__sql_eval_row(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    (void)args;
    (void)result;
    return fly__sql_not_yet(rc->call.err, rc->x->pos, "ROW()");
}

fly_status fly__sql_eval_field(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    (void)args;
    (void)result;
    return fly__sql_not_yet(rc->call.err, rc->x->pos, "a field of a row");
}

fly_status fly__sql_sub_collect(fly__sql_exec *exec, const fly__sql_subquery *query,
                                const fly__sql_expr *x, fly__sql_kept *rows, fly_arena *arena,
                                fly_vec_value *value, fly_err *err)
{
    (void)exec;
    (void)rows;
    (void)arena;
    (void)value;
    return fly__sql_not_yet(
        err, x->pos, query->kind == FLY__SQL_SUB_ARRAY ? "ARRAY over a query" : "a row of a query");
}
