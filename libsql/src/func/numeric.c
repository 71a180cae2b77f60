/*
 * numeric: operators and functions, over libvec's decimals.
 *
 * An argument may have any shape, and the result has the one that the call was bound with; kernels
 * take over where all are scaled alike.
 */
#include "func/call_int.h"

fly_status fly__sql_arg_numeric(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                                fly_vec_str *value)
{
    if (call->types[i].digits == 0) {
        *value = args[i].str;
        return FLY_OK;
    }
    return fly_vec_numeric_from_i128(arg_scaled(call, i, args), call->types[i].scale, call->arena,
                                     value, call->err);
}

fly_status fly__sql_give_numeric(fly__sql_call *call, fly_vec_str value, fly_vec_value *result)
{
    result->null = false;
    if (call->result.oid != FLY_SQL_NUMERIC || call->result.digits == 0) {
        result->str = value;
        return FLY_OK;
    }
    fly_vec_value unshaped = {.str = value};
    return fly__sql_numeric_reshape(fly__sql_type(FLY_SQL_NUMERIC), call->result, &unshaped,
                                    call->arena, result, call->err);
}

/* The call's position goes with what libvec says. */
static fly_status at(fly__sql_call *call, fly_status status)
{
    if (status != FLY_OK && call->err != NULL && call->err->position == 0) {
        call->err->position = call->pos;
    }
    return status;
}

static fly_status unary(fly__sql_call *call, fly_vec_numeric_unary function,
                        const fly_vec_value *args, fly_vec_value *result)
{
    fly_vec_str a;
    fly_vec_str value;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = at(call, function(a, call->arena, &value, call->err));
    }
    return status != FLY_OK ? status : fly__sql_give_numeric(call, value, result);
}

static fly_status binary(fly__sql_call *call, fly_vec_numeric_binary function,
                         const fly_vec_value *args, fly_vec_value *result)
{
    fly_vec_str a;
    fly_vec_str b;
    fly_vec_str value;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = fly__sql_arg_numeric(call, 1, args, &b);
    }
    if (status == FLY_OK) {
        status = at(call, function(a, b, call->arena, &value, call->err));
    }
    return status != FLY_OK ? status : fly__sql_give_numeric(call, value, result);
}

#define UNARY(name, function)                                                                      \
    ROW(name##_numeric)                                                                            \
    {                                                                                              \
        return unary(call, fly_vec_numeric_##function, args, result);                              \
    }
#define BINARY(name, function)                                                                     \
    ROW(name##_numeric)                                                                            \
    {                                                                                              \
        return binary(call, fly_vec_numeric_##function, args, result);                             \
    }

BINARY(add, add)
BINARY(sub, sub)
BINARY(mul, mul)
BINARY(div, div)
BINARY(idiv, div_trunc)
BINARY(mod, mod)
BINARY(power, power)
BINARY(log_base, log)
BINARY(gcd, gcd)
BINARY(lcm, lcm)
UNARY(neg, neg)
UNARY(abs, abs)
UNARY(sign, signum)
UNARY(ceil, ceil)
UNARY(floor, floor)
UNARY(sqrt, sqrt)
UNARY(exp, exp)
UNARY(ln, ln)
UNARY(log, log10)
UNARY(trim_scale, trim_scale)

ROW(compat_div_numeric)
{
    fly_vec_str divisor;
    fly_status status = fly__sql_arg_numeric(call, 1, args, &divisor);
    if (status != FLY_OK) {
        return status;
    }
    return fly_vec_numeric_sign(divisor) == 0 ? give_null(result)
                                              : fly__sql_fn_div_numeric(call, args, result);
}

ROW(compat_mod_numeric)
{
    fly_vec_str divisor;
    fly_status status = fly__sql_arg_numeric(call, 1, args, &divisor);
    if (status != FLY_OK) {
        return status;
    }
    return fly_vec_numeric_sign(divisor) == 0 ? give_null(result)
                                              : fly__sql_fn_mod_numeric(call, args, result);
}

ROW(plus_numeric)
{
    *result = args[0];
    return FLY_OK;
}

/* round() and trunc(), with or without a number of digits. */
static fly_status cut(fly__sql_call *call, bool round, const fly_vec_value *args,
                      fly_vec_value *result)
{
    fly_vec_str a;
    fly_vec_str value;
    int32_t digits = call->argc > 1 ? args[1].i32 : 0;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = round ? fly_vec_numeric_round(a, digits, call->arena, &value, call->err)
                       : fly_vec_numeric_trunc(a, digits, call->arena, &value, call->err);
    }
    return status != FLY_OK ? at(call, status) : fly__sql_give_numeric(call, value, result);
}

ROW(round_numeric)
{
    return cut(call, true, args, result);
}

ROW(trunc_numeric)
{
    return cut(call, false, args, result);
}

ROW(scale_numeric)
{
    fly_vec_str a;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status != FLY_OK) {
        return status;
    }
    int scale = fly_vec_numeric_scale(a);
    return scale < 0 ? give_null(result) : give_i32(result, scale);
}

ROW(min_scale_numeric)
{
    fly_vec_str a;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status != FLY_OK) {
        return status;
    }
    int scale = fly_vec_numeric_min_scale(a);
    return scale < 0 ? give_null(result) : give_i32(result, scale);
}

ROW(factorial)
{
    fly_vec_str value;
    fly_status status =
        at(call, fly_vec_numeric_factorial(args[0].i64, call->arena, &value, call->err));
    return status != FLY_OK ? status : fly__sql_give_numeric(call, value, result);
}

ROW(width_bucket_numeric)
{
    fly_vec_str x[3];
    int32_t bucket = 0;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < 3 && status == FLY_OK; i++) {
        status = fly__sql_arg_numeric(call, i, args, &x[i]);
    }
    if (status == FLY_OK) {
        status = at(call, fly_vec_numeric_width_bucket(x[0], x[1], x[2], args[3].i32, call->arena,
                                                       &bucket, call->err));
    }
    return status != FLY_OK ? status : give_i32(result, bucket);
}

/* ------------------------------------------------------------------ comparisons */

/* Shapes may differ: a numeric(10,2) column and a sum. */
static fly_status order(fly__sql_call *call, const fly_vec_value *args, int *cmp)
{
    if (call->types[0].digits > 0 && call->types[1].digits > 0 &&
        call->types[0].scale == call->types[1].scale) {
        fly_vec_i128 a = arg_scaled(call, 0, args);
        fly_vec_i128 b = arg_scaled(call, 1, args);
        *cmp = (a > b) - (a < b);
        return FLY_OK;
    }
    fly_vec_str a;
    fly_vec_str b;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = fly__sql_arg_numeric(call, 1, args, &b);
    }
    if (status == FLY_OK) {
        *cmp = fly_vec_numeric_cmp(a, b);
    }
    return status;
}

#define COMPARISON(name, sign)                                                                     \
    ROW(name##_numeric)                                                                            \
    {                                                                                              \
        int cmp = 0;                                                                               \
        fly_status status = order(call, args, &cmp);                                               \
        return status != FLY_OK ? status : give_bool(result, cmp sign 0);                          \
    }

COMPARISON(eq, ==)
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)

/* ------------------------------------------------------------------------ casts */

ROW(numeric_to_i16)
{
    fly_vec_str a;
    int16_t value = 0;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = at(call, fly_vec_numeric_to_i16(a, &value, call->err));
    }
    return status != FLY_OK ? status : give_i16(result, value);
}

ROW(numeric_to_i32)
{
    fly_vec_str a;
    int32_t value = 0;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = at(call, fly_vec_numeric_to_i32(a, &value, call->err));
    }
    return status != FLY_OK ? status : give_i32(result, value);
}

ROW(numeric_to_i64)
{
    fly_vec_str a;
    int64_t value = 0;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = at(call, fly_vec_numeric_to_i64(a, &value, call->err));
    }
    return status != FLY_OK ? status : give_i64(result, value);
}

ROW(numeric_to_f32)
{
    fly_vec_str a;
    float value = 0;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = at(call, fly_vec_numeric_to_f32(a, call->arena, &value, call->err));
    }
    return status != FLY_OK ? status : give_f32(result, value);
}

ROW(numeric_to_f64)
{
    fly_vec_str a;
    double value = 0;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &a);
    if (status == FLY_OK) {
        status = at(call, fly_vec_numeric_to_f64(a, call->arena, &value, call->err));
    }
    return status != FLY_OK ? status : give_f64(result, value);
}

/* An integer becomes a numeric of whatever shape was asked for. */
static fly_status from_integer(fly__sql_call *call, int64_t value, fly_vec_value *result)
{
    fly_vec_value integer = {.i128 = value};
    return fly__sql_numeric_reshape(fly__sql_type_numeric(38, 0), call->result, &integer,
                                    call->arena, result, call->err);
}

ROW(i16_to_numeric)
{
    return from_integer(call, args[0].i16, result);
}

ROW(i32_to_numeric)
{
    return from_integer(call, args[0].i32, result);
}

ROW(i64_to_numeric)
{
    return from_integer(call, args[0].i64, result);
}

ROW(f32_to_numeric)
{
    fly_vec_str value;
    fly_status status = fly_vec_numeric_from_f32(args[0].f32, call->arena, &value, call->err);
    return status != FLY_OK ? status : fly__sql_give_numeric(call, value, result);
}

ROW(f64_to_numeric)
{
    fly_vec_str value;
    fly_status status = fly_vec_numeric_from_f64(args[0].f64, call->arena, &value, call->err);
    return status != FLY_OK ? status : fly__sql_give_numeric(call, value, result);
}
