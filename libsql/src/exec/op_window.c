/*
 * Window functions.
 */
#include "exec/op_int.h"
fly_status fly__sql_make_window(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                fly_err *err)
{
    (void)exec;
    (void)rel;
    (void)op;
    return fly__sql_not_yet(err, 0, "OVER");
}
