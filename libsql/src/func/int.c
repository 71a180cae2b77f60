/*
 * smallint, integer, bigint: operators and functions. Whatever does not fit the type is an error.
 *
 * There are no operators of mixed width: the binder casts the narrower side, which gives the same
 * answers, and kernels have one width.
 */
#include "func/call_int.h"

#include <stdio.h>

/* One width: its C type, the argument's and the result's field, the unsigned type for bits, and its
 * name in messages. */
#define INTEGER(w, type, unsigned_type, bits, min, name)                                           \
    ROW(add_i##w)                                                                                  \
    {                                                                                              \
        type sum;                                                                                  \
        if (__builtin_add_overflow(args[0].i##w, args[1].i##w, &sum)) {                            \
            return fly__sql_out_of_range(call, name);                                              \
        }                                                                                          \
        return give_i##w(result, sum);                                                             \
    }                                                                                              \
    ROW(sub_i##w)                                                                                  \
    {                                                                                              \
        type difference;                                                                           \
        if (__builtin_sub_overflow(args[0].i##w, args[1].i##w, &difference)) {                     \
            return fly__sql_out_of_range(call, name);                                              \
        }                                                                                          \
        return give_i##w(result, difference);                                                      \
    }                                                                                              \
    ROW(mul_i##w)                                                                                  \
    {                                                                                              \
        type product;                                                                              \
        if (__builtin_mul_overflow(args[0].i##w, args[1].i##w, &product)) {                        \
            return fly__sql_out_of_range(call, name);                                              \
        }                                                                                          \
        return give_i##w(result, product);                                                         \
    }                                                                                              \
    ROW(div_i##w)                                                                                  \
    {                                                                                              \
        if (args[1].i##w == 0) {                                                                   \
            return fly__sql_division_by_zero(call);                                                \
        }                                                                                          \
        if (args[0].i##w == min && args[1].i##w == -1) {                                           \
            return fly__sql_out_of_range(call, name);                                              \
        }                                                                                          \
        return give_i##w(result, (type)(args[0].i##w / args[1].i##w));                             \
    }                                                                                              \
    ROW(mod_i##w)                                                                                  \
    {                                                                                              \
        if (args[1].i##w == 0) {                                                                   \
            return fly__sql_division_by_zero(call);                                                \
        }                                                                                          \
        if (args[1].i##w == -1) { /* the processor would trap on the smallest number */            \
            return give_i##w(result, 0);                                                           \
        }                                                                                          \
        return give_i##w(result, (type)(args[0].i##w % args[1].i##w));                             \
    }                                                                                              \
    ROW(compat_div_i##w)                                                                           \
    {                                                                                              \
        return args[1].i##w == 0 ? give_null(result) : fly__sql_fn_div_i##w(call, args, result);   \
    }                                                                                              \
    ROW(compat_mod_i##w)                                                                           \
    {                                                                                              \
        return args[1].i##w == 0 ? give_null(result) : fly__sql_fn_mod_i##w(call, args, result);   \
    }                                                                                              \
    ROW(neg_i##w)                                                                                  \
    {                                                                                              \
        if (args[0].i##w == min) {                                                                 \
            return fly__sql_out_of_range(call, name);                                              \
        }                                                                                          \
        return give_i##w(result, (type)-args[0].i##w);                                             \
    }                                                                                              \
    ROW(plus_i##w)                                                                                 \
    {                                                                                              \
        return give_i##w(result, args[0].i##w);                                                    \
    }                                                                                              \
    ROW(abs_i##w)                                                                                  \
    {                                                                                              \
        if (args[0].i##w < 0) {                                                                    \
            return fly__sql_fn_neg_i##w(call, args, result);                                       \
        }                                                                                          \
        return give_i##w(result, args[0].i##w);                                                    \
    }                                                                                              \
    ROW(and_i##w)                                                                                  \
    {                                                                                              \
        return give_i##w(result, (type)(args[0].i##w & args[1].i##w));                             \
    }                                                                                              \
    ROW(or_i##w)                                                                                   \
    {                                                                                              \
        return give_i##w(result, (type)(args[0].i##w | args[1].i##w));                             \
    }                                                                                              \
    ROW(xor_i##w)                                                                                  \
    {                                                                                              \
        return give_i##w(result, (type)(args[0].i##w ^ args[1].i##w));                             \
    }                                                                                              \
    ROW(not_i##w)                                                                                  \
    {                                                                                              \
        return give_i##w(result, (type)~args[0].i##w);                                             \
    }                                                                                              \
    ROW(shl_i##w)                                                                                  \
    {                                                                                              \
        return give_i##w(                                                                          \
            result, (type)((unsigned_type)args[0].i##w << ((uint32_t)args[1].i32 & (bits - 1))));  \
    }                                                                                              \
    ROW(shr_i##w)                                                                                  \
    {                                                                                              \
        return give_i##w(result, (type)(args[0].i##w >> ((uint32_t)args[1].i32 & (bits - 1))));    \
    }

/* smallint shifts as an int does in C, which is what PostgreSQL's does: by up to 31. */
INTEGER(16, int16_t, uint32_t, 32, INT16_MIN, "smallint")
INTEGER(32, int32_t, uint32_t, 32, INT32_MIN, "integer")
INTEGER(64, int64_t, uint64_t, 64, INT64_MIN, "bigint")

/* The greatest common divisor, of magnitudes so that the smallest numbers do no harm. */
static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

ROW(gcd_i32)
{
    uint64_t divisor = gcd(magnitude(args[0].i32), magnitude(args[1].i32));
    if (divisor > INT32_MAX) {
        return fly__sql_out_of_range(call, "integer");
    }
    return give_i32(result, (int32_t)divisor);
}

ROW(gcd_i64)
{
    uint64_t divisor = gcd(magnitude(args[0].i64), magnitude(args[1].i64));
    if (divisor > INT64_MAX) {
        return fly__sql_out_of_range(call, "bigint");
    }
    return give_i64(result, (int64_t)divisor);
}

ROW(lcm_i32)
{
    uint64_t a = magnitude(args[0].i32);
    uint64_t b = magnitude(args[1].i32);
    if (a == 0 || b == 0) {
        return give_i32(result, 0);
    }
    uint64_t multiple = a / gcd(a, b) * b;
    if (multiple > INT32_MAX) {
        return fly__sql_out_of_range(call, "integer");
    }
    return give_i32(result, (int32_t)multiple);
}

ROW(lcm_i64)
{
    uint64_t a = magnitude(args[0].i64);
    uint64_t b = magnitude(args[1].i64);
    if (a == 0 || b == 0) {
        return give_i64(result, 0);
    }
    uint64_t multiple;
    if (__builtin_mul_overflow(a / gcd(a, b), b, &multiple) || multiple > INT64_MAX) {
        return fly__sql_out_of_range(call, "bigint");
    }
    return give_i64(result, (int64_t)multiple);
}

/* to_hex() shows the bits of a negative number. */
static fly_status hex(fly__sql_call *call, uint64_t bits, fly_vec_value *result)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIx64, bits);
    return fly__sql_give_copy(call, text, (size_t)len, result);
}

ROW(to_hex_i32)
{
    return hex(call, (uint32_t)args[0].i32, result);
}

ROW(to_hex_i64)
{
    return hex(call, (uint64_t)args[0].i64, result);
}

/* --------------------------------------------------------------------- booleans */

ROW(not_bool)
{
    return give_bool(result, !args[0].b);
}

/* Operands that a cast took for another type of the same bytes. */
ROW(same)
{
    *result = args[0];
    return FLY_OK;
}
