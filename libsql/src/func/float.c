/*
 * real, double precision: operators and functions. Infinity from finite numbers is an error, and so
 * is zero from numbers that are not zero, as in PostgreSQL.
 */
#include "func/call_int.h"

#include <math.h>

static fly_status overflow(fly__sql_call *call)
{
    return FAIL(call, "22003", "value out of range: overflow");
}

static fly_status underflow(fly__sql_call *call)
{
    return FAIL(call, "22003", "value out of range: underflow");
}

#define FLOATING(w, type)                                                                          \
    ROW(add_f##w)                                                                                  \
    {                                                                                              \
        type sum = args[0].f##w + args[1].f##w;                                                    \
        if (isinf(sum) && !isinf(args[0].f##w) && !isinf(args[1].f##w)) {                          \
            return overflow(call);                                                                 \
        }                                                                                          \
        return give_f##w(result, sum);                                                             \
    }                                                                                              \
    ROW(sub_f##w)                                                                                  \
    {                                                                                              \
        type difference = args[0].f##w - args[1].f##w;                                             \
        if (isinf(difference) && !isinf(args[0].f##w) && !isinf(args[1].f##w)) {                   \
            return overflow(call);                                                                 \
        }                                                                                          \
        return give_f##w(result, difference);                                                      \
    }                                                                                              \
    ROW(mul_f##w)                                                                                  \
    {                                                                                              \
        type product = args[0].f##w * args[1].f##w;                                                \
        if (isinf(product) && !isinf(args[0].f##w) && !isinf(args[1].f##w)) {                      \
            return overflow(call);                                                                 \
        }                                                                                          \
        if (product == 0 && args[0].f##w != 0 && args[1].f##w != 0) {                              \
            return underflow(call);                                                                \
        }                                                                                          \
        return give_f##w(result, product);                                                         \
    }                                                                                              \
    ROW(div_f##w)                                                                                  \
    {                                                                                              \
        if (args[1].f##w == 0 && !isnan(args[0].f##w)) {                                           \
            return fly__sql_division_by_zero(call);                                                \
        }                                                                                          \
        type quotient = args[0].f##w / args[1].f##w;                                               \
        if (isinf(quotient) && !isinf(args[0].f##w)) {                                             \
            return overflow(call);                                                                 \
        }                                                                                          \
        if (quotient == 0 && args[0].f##w != 0 && !isinf(args[1].f##w)) {                          \
            return underflow(call);                                                                \
        }                                                                                          \
        return give_f##w(result, quotient);                                                        \
    }                                                                                              \
    ROW(compat_div_f##w)                                                                           \
    {                                                                                              \
        return args[1].f##w == 0 ? give_null(result) : fly__sql_fn_div_f##w(call, args, result);   \
    }                                                                                              \
    ROW(neg_f##w)                                                                                  \
    {                                                                                              \
        return give_f##w(result, -args[0].f##w);                                                   \
    }                                                                                              \
    ROW(plus_f##w)                                                                                 \
    {                                                                                              \
        return give_f##w(result, args[0].f##w);                                                    \
    }

FLOATING(32, float)
FLOATING(64, double)

ROW(abs_f32)
{
    return give_f32(result, fabsf(args[0].f32));
}

ROW(abs_f64)
{
    return give_f64(result, fabs(args[0].f64));
}
