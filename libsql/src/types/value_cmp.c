/*
 * Order and equality of values: what ORDER BY, =, min(), DISTINCT and indexes agree on.
 *
 * What is not here: text under a collation of its own (func/compare.c asks the session for it), and
 * hashes, which the executor makes of sort keys.
 */
#include "func/func_int.h"

#include <fly/vec_numeric.h>

#define SIGN(a, b) (((a) > (b)) - ((a) < (b)))

/* NaN equals itself and is above all. */
static int float_cmp(double a, double b)
{
    if (a != a || b != b) {
        return (a != a) - (b != b);
    }
    return SIGN(a, b);
}

/* A month counts as 30 days and a day as 24 hours: 128 bits, for the sum may exceed 64. */
static fly_vec_i128 span(fly_vec_interval x)
{
    return (fly_vec_i128)x.micros +
           ((fly_vec_i128)x.days + (fly_vec_i128)x.months * 30) * 86400000000;
}

/* Blanks at the end do not count in character(n). */
static fly_bytes unpadded(const fly_vec_value *value)
{
    fly_bytes bytes = fly_vec_str_bytes(&value->str);
    while (bytes.len > 0 && bytes.data[bytes.len - 1] == ' ') {
        bytes.len--;
    }
    return bytes;
}

static int string_cmp(fly_sql_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    switch (type.oid) {
    case FLY_SQL_NUMERIC:
        return fly_vec_numeric_cmp(a->str, b->str);
    case FLY_SQL_BPCHAR:
        return fly_bytes_cmp(unpadded(a), unpadded(b));
    default:
        return fly_vec_str_cmp(&a->str, &b->str);
    }
}

/* OIDs, and what else pg_type calls a number of four bytes that is no integer, are unsigned. */
static bool is_unsigned(uint32_t oid)
{
    return oid != FLY_SQL_INT4 && oid != FLY_SQL_DATE && oid < FLY__SQL_OID_FIRST;
}

int fly__sql_value_cmp(fly_sql_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    switch (fly__sql_type_physical(type)) {
    case FLY_VEC_BOOL:
        return (int)a->b - (int)b->b;
    case FLY_VEC_I16:
        return SIGN(a->i16, b->i16);
    case FLY_VEC_I32:
        return is_unsigned(type.oid) ? SIGN((uint32_t)a->i32, (uint32_t)b->i32)
                                     : SIGN(a->i32, b->i32);
    case FLY_VEC_I64:
        return SIGN(a->i64, b->i64);
    case FLY_VEC_I128:
        return SIGN(a->i128, b->i128);
    case FLY_VEC_F32:
        return float_cmp(a->f32, b->f32);
    case FLY_VEC_F64:
        return float_cmp(a->f64, b->f64);
    case FLY_VEC_INTERVAL:
        return SIGN(span(a->interval), span(b->interval));
    default:
        return string_cmp(type, a, b);
    }
}
