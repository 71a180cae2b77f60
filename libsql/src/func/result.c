/*
 * Result types beyond their OID: which shape a numeric has that is made of numerics with a shape.
 *
 * Scaled numerics stay scaled as long as 38 digits surely suffice. Products are given 38 digits up
 * to a nominal 57: sums of prices times rates times taxes have far fewer digits than their columns
 * allow, and what does overflow is found (22003) rather than wrong. Beyond that, and for division,
 * the result is in libvec's format, which has no limit.
 */
#include "func/call_int.h"

enum { DIGITS_MAX = 38, PRODUCT_MAX = 57 };

static const fly_sql_type unshaped = {.oid = FLY_SQL_NUMERIC, .mod = -1};

static bool all_scaled(const fly_sql_type *types, uint32_t argc)
{
    for (uint32_t i = 0; i < argc; i++) {
        if (types[i].digits == 0) {
            return false;
        }
    }
    return argc > 0;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

RESULT_TYPE(first)
{
    return argc > 0 ? types[0] : unshaped;
}

RESULT_TYPE(add)
{
    if (!all_scaled(types, argc)) {
        return unshaped;
    }
    unsigned scale = larger(types[0].scale, types[1].scale);
    unsigned whole = larger((unsigned)(types[0].digits - types[0].scale),
                            (unsigned)(types[1].digits - types[1].scale)) +
                     1;
    return whole + scale <= DIGITS_MAX ? fly__sql_type_numeric(whole + scale, scale) : unshaped;
}

RESULT_TYPE(mul)
{
    if (!all_scaled(types, argc)) {
        return unshaped;
    }
    unsigned digits = (unsigned)(types[0].digits + types[1].digits);
    unsigned scale = (unsigned)(types[0].scale + types[1].scale);
    if (digits > PRODUCT_MAX || scale > DIGITS_MAX / 2) {
        return unshaped;
    }
    return fly__sql_type_numeric(digits < DIGITS_MAX ? digits : DIGITS_MAX, scale);
}

RESULT_TYPE(mod)
{
    if (!all_scaled(types, argc)) {
        return unshaped;
    }
    unsigned scale = larger(types[0].scale, types[1].scale);
    unsigned whole = larger((unsigned)(types[0].digits - types[0].scale),
                            (unsigned)(types[1].digits - types[1].scale));
    return whole + scale <= DIGITS_MAX ? fly__sql_type_numeric(whole + scale, scale) : unshaped;
}

RESULT_TYPE(sum)
{
    return all_scaled(types, argc) ? fly__sql_type_numeric(DIGITS_MAX, types[0].scale) : unshaped;
}

RESULT_TYPE(integer)
{
    unsigned digits = types[0].oid == FLY_SQL_INT2 ? 5 : types[0].oid == FLY_SQL_INT4 ? 10 : 19;
    (void)argc;
    return fly__sql_type_numeric(digits, 0);
}

RESULT_TYPE(whole)
{
    (void)types;
    (void)argc;
    return fly__sql_type_numeric(DIGITS_MAX, 0);
}
