/*
 * Which of libvec's kernels computes an operator or a cast. NULL sends the executor to the row
 * function.
 */
#include "func/call_int.h"

fly_vec_kernel fly__sql_kernel(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                               fly_arena *arena, const void **aux)
{
    (void)func;
    (void)types;
    (void)argc;
    (void)arena;
    (void)aux;
    return NULL;
}

fly_vec_kernel fly__sql_select(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                               fly_arena *arena, const void **aux)
{
    (void)func;
    (void)types;
    (void)argc;
    (void)arena;
    (void)aux;
    return NULL;
}
