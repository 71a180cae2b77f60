/*
 * What the files of functions share: the shape of a row function, ways to give a result and to
 * fail.
 */
#ifndef FLY_SQL_CALL_INT_H
#define FLY_SQL_CALL_INT_H

#include "func/func_int.h"
#include "parse/text_int.h"

#include <fly/vec_numeric.h>

#include <inttypes.h>
#include <string.h>

/* A row function: what its three arguments are is said in func_int.h. */
#define ROW(name)                                                                                  \
    fly_status fly__sql_fn_##name(fly__sql_call *call __attribute__((unused)),                     \
                                  const fly_vec_value *args __attribute__((unused)),               \
                                  fly_vec_value *result __attribute__((unused)))

/* All row functions, aggregates and set functions of func.def: their declarations. */
#define F(name, oid, flags, args, result, row) ROW(row);
#define FX(name, oid, flags, args, result, row, ...) ROW(row);
#define O(name, oid, flags, args, result, row, op) ROW(row);
#define OX(name, oid, flags, args, result, row, op, ...) ROW(row);
#define C(oid, flags, from, to, context, row) ROW(row);
#define CX(oid, flags, from, to, context, row, ...) ROW(row);
#define G(name, oid, args, result, agg) extern const fly__sql_aggregate fly__sql_agg_##agg;
#define GX(name, oid, args, result, agg, ...) extern const fly__sql_aggregate fly__sql_agg_##agg;
#define S(name, oid, flags, args, result, set)                                                     \
    extern const fly__sql_set_function fly__sql_set_##set;
#define SX(name, oid, flags, args, result, set, ...)                                               \
    extern const fly__sql_set_function fly__sql_set_##set;
#define W(name, oid, args, result, window)
#define WX(name, oid, args, result, window, ...)
#include "func/func.def"
#undef F
#undef FX
#undef O
#undef OX
#undef C
#undef CX
#undef G
#undef GX
#undef S
#undef SX
#undef W
#undef WX

/* Result types beyond their OID (result.c). */
#define RESULT_TYPE(name) fly_sql_type fly__sql_rt_##name(const fly_sql_type *types, uint32_t argc)
RESULT_TYPE(first);   /* the type of the first argument, its shape too */
RESULT_TYPE(add);     /* numeric + and - */
RESULT_TYPE(mul);     /* numeric * */
RESULT_TYPE(mod);     /* numeric % */
RESULT_TYPE(sum);     /* sum(numeric) */
RESULT_TYPE(integer); /* numeric of an integer: all digits of its type, no scale */
RESULT_TYPE(whole);   /* numeric without scale, 38 digits: sum(bigint) */

/* Kernels of operators and casts, by func->op and the types (kernel.c); NULL if there is none. */
fly_vec_kernel fly__sql_kernel(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                               fly_arena *arena, const void **aux);
fly_vec_kernel fly__sql_select(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                               fly_arena *arena, const void **aux);

/* ------------------------------------------------------------------- results */

static inline fly_status give_null(fly_vec_value *result)
{
    result->null = true;
    return FLY_OK;
}

static inline fly_status give_bool(fly_vec_value *result, bool value)
{
    result->null = false;
    result->b = value;
    return FLY_OK;
}

static inline fly_status give_i16(fly_vec_value *result, int16_t value)
{
    result->null = false;
    result->i16 = value;
    return FLY_OK;
}

static inline fly_status give_i32(fly_vec_value *result, int32_t value)
{
    result->null = false;
    result->i32 = value;
    return FLY_OK;
}

static inline fly_status give_i64(fly_vec_value *result, int64_t value)
{
    result->null = false;
    result->i64 = value;
    return FLY_OK;
}

static inline fly_status give_i128(fly_vec_value *result, fly_vec_i128 value)
{
    result->null = false;
    result->i128 = value;
    return FLY_OK;
}

static inline fly_status give_f32(fly_vec_value *result, float value)
{
    result->null = false;
    result->f32 = value;
    return FLY_OK;
}

static inline fly_status give_f64(fly_vec_value *result, double value)
{
    result->null = false;
    result->f64 = value;
    return FLY_OK;
}

static inline fly_status give_interval(fly_vec_value *result, fly_vec_interval value)
{
    result->null = false;
    result->interval = value;
    return FLY_OK;
}

/* A string whose bytes live long enough already. */
static inline fly_status give_str(fly_vec_value *result, fly_vec_str value)
{
    result->null = false;
    result->str = value;
    return FLY_OK;
}

/* Bytes that live long enough already. */
static inline fly_status give_bytes(fly_vec_value *result, fly_bytes bytes)
{
    return give_str(result, fly_vec_str_of(bytes.data, bytes.len));
}

/* Bytes that are copied into the call's arena. */
fly_status fly__sql_give_copy(fly__sql_call *call, const void *data, size_t len,
                              fly_vec_value *result);

/* What was written to a text over the call's arena. */
fly_status fly__sql_give_text(fly__sql_call *call, fly_sql_text *text, fly_vec_value *result);

/* Room for a result of `len` bytes in the call's arena; NULL: call->err is filled. Longer than a
 * string may be: 54000. */
char *fly__sql_room(fly__sql_call *call, size_t len);

/* ------------------------------------------------------------------ arguments */

static inline fly_bytes arg_bytes(const fly_vec_value *arg)
{
    return fly_vec_str_bytes(&arg->str);
}

/* A numeric argument of any shape in libvec's format. */
fly_status fly__sql_arg_numeric(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                                fly_vec_str *value);

/* A numeric result, in the shape that the call was bound with. */
fly_status fly__sql_give_numeric(fly__sql_call *call, fly_vec_str value, fly_vec_value *result);

/* A scaled numeric argument as the i128 that it is. */
static inline fly_vec_i128 arg_scaled(const fly__sql_call *call, uint32_t i,
                                      const fly_vec_value *args)
{
    return call->types[i].digits <= 18 ? args[i].i64 : args[i].i128;
}

struct fly_collation;

/* The collation with an OID, for whoever needs its rules; NULL: order of bytes. */
fly_status fly__sql_collation_of(fly__sql_call *call, uint32_t oid,
                                 const struct fly_collation **collation);

/* Order of two values of a type as the session sees it: text under its collation, enums by their
 * labels' order. */
fly_status fly__sql_order(fly__sql_call *call, fly_sql_type type, const fly_vec_value *a,
                          const fly_vec_value *b, int *order);

/* ------------------------------------------------------------------- failures */

/* 22003 "integer out of range" and so on. */
fly_status fly__sql_out_of_range(fly__sql_call *call, const char *type);
fly_status fly__sql_no_memory(fly_err *err);
fly_status fly__sql_division_by_zero(fly__sql_call *call);

#define FAIL(call, sqlstate, ...) fly_err_state((call)->err, sqlstate, (call)->pos, __VA_ARGS__)

#endif
