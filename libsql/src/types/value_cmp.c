/*
 * Order and equality of values: what ORDER BY, =, min(), DISTINCT and indexes agree on.
 *
 * What is not here: text under a collation of its own (func/compare.c asks the session for it), and
 * hashes, which the executor makes of sort keys.
 */
#include "func/func_int.h"
#include "types/array_int.h"
#include "types/row_int.h"

#include <fly/vec_json.h>
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

/* A NULL inside is equal to another and above all else. */
static int inner_cmp(fly_sql_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    if (a->null || b->null) {
        return (int)a->null - (int)b->null;
    }
    return fly__sql_value_cmp(type, a, b);
}

/* Elements first, then how many, then the shape. */
static int array_cmp(const fly_vec_value *a, const fly_vec_value *b)
{
    fly__sql_array x;
    fly__sql_array y;
    if (fly__sql_array_open(&a->str, &x, NULL) != FLY_OK ||
        fly__sql_array_open(&b->str, &y, NULL) != FLY_OK || x.element != y.element) {
        return fly_vec_str_cmp(&a->str, &b->str);
    }
    fly_sql_type type = fly__sql_array_type(&x);
    fly__sql_array_iter at = {0};
    fly__sql_array_iter bt = {0};
    fly_vec_value left;
    fly_vec_value right;
    while (fly__sql_array_next(&x, &at, &left) && fly__sql_array_next(&y, &bt, &right)) {
        int order = inner_cmp(type, &left, &right);
        if (order != 0) {
            return order;
        }
    }
    if (x.count != y.count) {
        return SIGN(x.count, y.count);
    }
    if (x.dimensions != y.dimensions) {
        return SIGN(x.dimensions, y.dimensions);
    }
    for (uint32_t i = 0; i < x.dimensions; i++) {
        if (x.length[i] != y.length[i]) {
            return SIGN(x.length[i], y.length[i]);
        }
    }
    for (uint32_t i = 0; i < x.dimensions; i++) {
        if (x.lower[i] != y.lower[i]) {
            return SIGN(x.lower[i], y.lower[i]);
        }
    }
    return 0;
}

/* Field by field; who compares rows of different types gets an order of some kind. */
static int record_cmp(const fly_vec_value *a, const fly_vec_value *b)
{
    fly__sql_record x;
    fly__sql_record y;
    if (fly__sql_record_open(&a->str, &x, NULL) != FLY_OK ||
        fly__sql_record_open(&b->str, &y, NULL) != FLY_OK) {
        return fly_vec_str_cmp(&a->str, &b->str);
    }
    uint32_t i = 0;
    uint32_t j = 0;
    size_t at = 0;
    size_t bt = 0;
    fly_sql_type type;
    fly_sql_type other;
    fly_vec_value left;
    fly_vec_value right;
    while (fly__sql_record_next(&x, &i, &at, &type, &left) &&
           fly__sql_record_next(&y, &j, &bt, &other, &right)) {
        if (!left.null && !right.null && type.oid != other.oid) {
            return SIGN(type.oid, other.oid);
        }
        int order = inner_cmp(type, &left, &right);
        if (order != 0) {
            return order;
        }
    }
    return SIGN(x.count, y.count);
}

/* Strings of a type made by users: rows, which begin with the type's OID; arrays, which do not;
 * domains over text. A text that begins so by chance is compared as bytes all the same, for it is
 * no row. */
static int user_cmp(fly_sql_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    fly__sql_record record;
    fly__sql_array array;
    if (fly__sql_record_open(&a->str, &record, NULL) == FLY_OK && record.type == type.oid) {
        return record_cmp(a, b);
    }
    return fly__sql_array_open(&a->str, &array, NULL) == FLY_OK &&
                   array.element >= FLY__SQL_OID_FIRST
               ? array_cmp(a, b)
               : fly_vec_str_cmp(&a->str, &b->str);
}

static int string_cmp(fly_sql_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    switch (type.oid) {
    case FLY_SQL_NUMERIC:
        return fly_vec_numeric_cmp(a->str, b->str);
    case FLY_SQL_BPCHAR:
        return fly_bytes_cmp(unpadded(a), unpadded(b));
    case FLY_SQL_JSONB:
        return fly_vec_jsonb_cmp(fly_vec_str_bytes(&a->str), fly_vec_str_bytes(&b->str));
    case FLY_SQL_RECORD:
        return record_cmp(a, b);
    case FLY_SQL_ANYARRAY:
    case FLY__SQL_OID_int2vector:
    case FLY__SQL_OID_oidvector:
        return array_cmp(a, b);
    default:
        break;
    }
    if (fly__sql_type_is_array(type.oid)) {
        return array_cmp(a, b);
    }
    if (type.oid >= FLY__SQL_OID_FIRST) {
        return user_cmp(type, a, b);
    }
    return fly_vec_str_cmp(&a->str, &b->str);
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
