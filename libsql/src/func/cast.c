/*
 * Casts among numbers and booleans. Those of numeric are in numeric.c, of dates in time.c; text to
 * and from anything is fly__sql_value_in() and fly__sql_value_out().
 */
#include "func/call_int.h"

#include <math.h>

/* Integers widen for free and narrow with care. */
#define WIDEN(from, to, type)                                                                      \
    ROW(i##from##_to_i##to)                                                                        \
    {                                                                                              \
        return give_i##to(result, (type)args[0].i##from);                                          \
    }
#define NARROW(from, to, type, min, max, name)                                                     \
    ROW(i##from##_to_i##to)                                                                        \
    {                                                                                              \
        if (args[0].i##from < min || args[0].i##from > max) {                                      \
            return fly__sql_out_of_range(call, name);                                              \
        }                                                                                          \
        return give_i##to(result, (type)args[0].i##from);                                          \
    }

WIDEN(16, 32, int32_t)
WIDEN(16, 64, int64_t)
WIDEN(32, 64, int64_t)
NARROW(32, 16, int16_t, INT16_MIN, INT16_MAX, "smallint")
NARROW(64, 16, int16_t, INT16_MIN, INT16_MAX, "smallint")
NARROW(64, 32, int32_t, INT32_MIN, INT32_MAX, "integer")

#define TO_FLOAT(from)                                                                             \
    ROW(i##from##_to_f32)                                                                          \
    {                                                                                              \
        return give_f32(result, (float)args[0].i##from);                                           \
    }                                                                                              \
    ROW(i##from##_to_f64)                                                                          \
    {                                                                                              \
        return give_f64(result, (double)args[0].i##from);                                          \
    }

TO_FLOAT(16)
TO_FLOAT(32)
TO_FLOAT(64)

/* Rounded to even; the upper bounds are powers of two, exact in both floats, the numbers below them
 * are not. */
#define FROM_FLOAT(w, round, to, type, low, above, name)                                           \
    ROW(f##w##_to_i##to)                                                                           \
    {                                                                                              \
        double x = round(args[0].f##w);                                                            \
        if (!(x >= (low) && x < (above))) {                                                        \
            return fly__sql_out_of_range(call, name);                                              \
        }                                                                                          \
        return give_i##to(result, (type)x);                                                        \
    }

FROM_FLOAT(32, rintf, 16, int16_t, -32768.0, 32768.0, "smallint")
FROM_FLOAT(32, rintf, 32, int32_t, -2147483648.0, 2147483648.0, "integer")
FROM_FLOAT(32, rintf, 64, int64_t, -9223372036854775808.0, 9223372036854775808.0, "bigint")
FROM_FLOAT(64, rint, 16, int16_t, -32768.0, 32768.0, "smallint")
FROM_FLOAT(64, rint, 32, int32_t, -2147483648.0, 2147483648.0, "integer")
FROM_FLOAT(64, rint, 64, int64_t, -9223372036854775808.0, 9223372036854775808.0, "bigint")

ROW(f32_to_f64)
{
    return give_f64(result, (double)args[0].f32);
}

ROW(f64_to_f32)
{
    float x = (float)args[0].f64;
    if (isinf(x) && !isinf(args[0].f64)) {
        return FAIL(call, "22003", "value out of range: overflow");
    }
    if (x == 0 && args[0].f64 != 0) {
        return FAIL(call, "22003", "value out of range: underflow");
    }
    return give_f32(result, x);
}

ROW(i32_to_bool)
{
    return give_bool(result, args[0].i32 != 0);
}

ROW(bool_to_i32)
{
    return give_i32(result, args[0].b ? 1 : 0);
}

ROW(bool_to_text)
{
    return give_bytes(result, fly_bytes_str(args[0].b ? "true" : "false"));
}

/* OIDs are read as unsigned. */
ROW(oid_to_i64)
{
    return give_i64(result, (int64_t)(uint32_t)args[0].i32);
}

ROW(i64_to_oid)
{
    if (args[0].i64 < 0 || args[0].i64 > UINT32_MAX) {
        return fly__sql_out_of_range(call, "OID");
    }
    return give_i32(result, (int32_t)(uint32_t)args[0].i64);
}

ROW(i16_to_oid)
{
    return give_i32(result, args[0].i16);
}
