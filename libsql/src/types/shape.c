/*
 * The shapes of numeric: scaled integers, and libvec's format, and the ways between them. Values as
 * bytes inside of arrays and rows.
 */
#include "parse/text_int.h"
#include "types/type_int.h"

#include <fly/base_bytes.h>
#include <fly/vec_numeric.h>

fly_vec_i128 fly__sql_power_of_ten(unsigned n)
{
    FLY_ASSERT(n <= 38);
    fly_vec_i128 power = 1;
    for (unsigned i = 0; i < n; i++) {
        power *= 10;
    }
    return power;
}

static fly_vec_i128 scaled(fly_sql_type type, const fly_vec_value *value)
{
    return type.digits <= 18 ? value->i64 : value->i128;
}

static fly_status field_overflow(fly_sql_type type, fly_err *err)
{
    fly_err_state(err, "22003", 0, "numeric field overflow");
    fly_err_detail(err,
                   "A field with precision %u, scale %u must round to an absolute value less "
                   "than %s%d.",
                   type.digits, type.scale, type.digits == type.scale ? "" : "10^",
                   type.digits == type.scale ? 1 : type.digits - type.scale);
    return FLY_E_INVALID;
}

/* Store a scaled number, if it has no more digits than its type. */
static fly_status store(fly_sql_type to, fly_vec_i128 number, fly_vec_value *result, fly_err *err)
{
    fly_vec_i128 limit = fly__sql_power_of_ten(to.digits);
    if (number >= limit || number <= -limit) {
        return field_overflow(to, err);
    }
    result->null = false;
    if (to.digits <= 18) {
        result->i64 = (int64_t)number;
    } else {
        result->i128 = number;
    }
    return FLY_OK;
}

/* Half away from zero. */
static fly_vec_i128 round_off(fly_vec_i128 number, unsigned places)
{
    fly_vec_i128 power = fly__sql_power_of_ten(places);
    fly_vec_i128 rest = number % power;
    number /= power;
    if (rest >= power - rest) {
        return number + 1;
    }
    return -rest >= power + rest ? number - 1 : number;
}

fly_status fly__sql_numeric_reshape(fly_sql_type from, fly_sql_type to, const fly_vec_value *value,
                                    fly_arena *arena, fly_vec_value *result, fly_err *err)
{
    if (value->null) {
        result->null = true;
        return FLY_OK;
    }
    if (from.digits == 0 && to.digits == 0) {
        *result = *value;
        return FLY_OK;
    }
    if (to.digits == 0) {
        fly_vec_str text;
        fly_status status =
            fly_vec_numeric_from_i128(scaled(from, value), from.scale, arena, &text, err);
        if (status == FLY_OK) {
            result->null = false;
            result->str = text;
        }
        return status;
    }
    fly_vec_i128 number;
    if (from.digits == 0) {
        if (fly_vec_numeric_to_i128(value->str, to.scale, &number, NULL) != FLY_OK) {
            return field_overflow(to, err);
        }
        return store(to, number, result, err);
    }
    number = scaled(from, value);
    if (to.scale < from.scale) {
        number = round_off(number, (unsigned)(from.scale - to.scale));
    } else if (__builtin_mul_overflow(
                   number, fly__sql_power_of_ten((unsigned)(to.scale - from.scale)), &number)) {
        return field_overflow(to, err);
    }
    return store(to, number, result, err);
}

/* ------------------------------------------------------------- values as bytes */

void fly__sql_value_load(fly_vec_type physical, const void *data, size_t len, fly_vec_value *value)
{
    value->null = false;
    if (physical == FLY_VEC_STR) {
        value->str = fly_vec_str_of(data, len);
    } else {
        memcpy(&value->b, data, len);
    }
}

fly_status fly__sql_value_store(fly_sql_type type, const fly_vec_value *value, fly_arena *arena,
                                fly_sql_text *text, fly_err *err)
{
    fly_vec_value unshaped = *value;
    if (type.oid == FLY_SQL_NUMERIC) {
        fly_status status = fly__sql_numeric_reshape(type, fly__sql_type(FLY_SQL_NUMERIC), value,
                                                     arena, &unshaped, err);
        if (status != FLY_OK) {
            return status;
        }
        type.digits = 0;
    }
    fly_vec_type physical = fly__sql_type_physical(type);
    static const char zeros[16];
    if (physical != FLY_VEC_STR) {
        fly__sql_text_add(text, unshaped.null ? zeros : (const char *)&unshaped.b,
                          fly_vec_type_size(physical));
        return FLY_OK;
    }
    uint8_t len[4];
    fly_put_u32(len, unshaped.null ? 0 : unshaped.str.len);
    fly__sql_text_add(text, (const char *)len, sizeof len);
    if (!unshaped.null) {
        fly__sql_text_add(text, fly_vec_str_data(&unshaped.str), unshaped.str.len);
    }
    return FLY_OK;
}

fly_vec_value *fly__sql_values_alloc(fly_arena *arena, size_t count)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, sizeof(fly_vec_value), &bytes) || bytes > SIZE_MAX - 32) {
        return NULL;
    }
    char *block = fly_arena_alloc(arena, bytes + 16);
    return block == NULL ? NULL
                         : (fly_vec_value *)(void *)(block + (16 - (uintptr_t)block % 16) % 16);
}
