/*
 * Values made to fit the modifier of their type: varchar(3), numeric(5, 2), time(0), bit(8).
 *
 * An assignment refuses what an explicit cast cuts off; blanks may always go.
 */
#include "types/value_int.h"

#include "types/array_int.h"

#include <fly/text.h>
#include <fly/vec_numeric.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a value");
}

static bool all_blank(fly_bytes text, size_t from)
{
    for (size_t i = from; i < text.len; i++) {
        if (text.data[i] != ' ') {
            return false;
        }
    }
    return true;
}

static fly_status fit_text(fly_sql_type type, bool is_explicit, fly_vec_value *value,
                           fly_arena *arena, fly_err *err)
{
    size_t limit = (size_t)(type.mod - 4);
    fly_bytes text = fly_vec_str_bytes(&value->str);
    bool pads = type.oid == FLY_SQL_BPCHAR;
    size_t count = text.len <= limit && !pads ? 0 : fly_text_count(text);
    if (count > limit) {
        size_t end = fly_text_offset(text, limit);
        if (!is_explicit && !all_blank(text, end)) {
            return fly_err_state(err, "22001", 0, "value too long for type %s(%d)",
                                 pads ? "character" : "character varying", type.mod - 4);
        }
        fly_vec_str whole = value->str; /* a short one holds its bytes itself */
        value->str = fly_vec_str_of(fly_vec_str_data(&whole), end);
        return FLY_OK;
    }
    if (!pads || count == limit) {
        return FLY_OK;
    }
    size_t len = text.len + (limit - count);
    char *padded = fly_arena_alloc(arena, len);
    if (padded == NULL) {
        return no_memory(err);
    }
    if (text.len > 0) {
        memcpy(padded, text.data, text.len);
    }
    memset(padded + text.len, ' ', limit - count);
    value->str = fly_vec_str_of(padded, len);
    return FLY_OK;
}

static fly_status fit_bits(fly_sql_type type, bool is_explicit, fly_vec_value *value,
                           fly_arena *arena, fly_err *err)
{
    size_t limit = (size_t)type.mod;
    fly_bytes text = fly_vec_str_bytes(&value->str);
    bool fixed = type.oid == FLY__SQL_OID_bit;
    if (text.len == limit || (!fixed && text.len < limit)) {
        return FLY_OK;
    }
    if (!is_explicit) {
        return fixed ? fly_err_state(err, "22026", 0,
                                     "bit string length %zu does not match type bit(%zu)", text.len,
                                     limit)
                     : fly_err_state(err, "22001", 0,
                                     "bit string too long for type bit varying(%zu)", limit);
    }
    char *bits = fly_arena_alloc(arena, limit);
    if (bits == NULL) {
        return no_memory(err);
    }
    memset(bits, '0', limit);
    if (text.len > 0) {
        memcpy(bits, text.data, text.len < limit ? text.len : limit);
    }
    value->str = fly_vec_str_of(bits, limit);
    return FLY_OK;
}

static fly_status fit_numeric(fly_sql_type type, fly_vec_value *value, fly_arena *arena,
                              fly_err *err)
{
    int precision;
    int scale;
    if (!fly__sql_numeric_mod_of(type.mod, &precision, &scale)) {
        return FLY_OK;
    }
    if (type.digits == 0) {
        return fly_vec_numeric_fit(value->str, precision, scale, arena, &value->str, err);
    }
    fly_sql_type from = type;
    from.digits = type.digits <= 18 ? 18 : 38; /* whatever the vector can hold */
    fly_sql_type to = type;
    to.digits = (uint8_t)(precision < type.digits ? precision : type.digits);
    /* Same shape in memory, so the value may come back in the place of the old one. */
    if ((to.digits <= 18) != (type.digits <= 18)) {
        fly_vec_value narrow;
        fly_status status = fly__sql_numeric_reshape(from, to, value, arena, &narrow, err);
        value->i128 = status == FLY_OK ? narrow.i64 : 0;
        return status;
    }
    return fly__sql_numeric_reshape(from, to, value, arena, value, err);
}

static fly_status fit_elements(fly_sql_type element, bool is_explicit, fly_vec_value *value,
                               fly_arena *arena, fly_err *err)
{
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&value->str, &array, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, element, arena);
    fly__sql_array_iter iter = {0};
    fly_vec_value each;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &each)) {
        if (!each.null) {
            status = fly__sql_value_fit(element, is_explicit, &each, arena, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_array_add(&builder, &each, err);
        }
    }
    return status != FLY_OK ? status
                            : fly__sql_array_end_shaped(&builder, array.dimensions, array.length,
                                                        array.lower, &value->str, err);
}

fly_status fly__sql_value_fit(fly_sql_type type, bool is_explicit, fly_vec_value *value,
                              fly_arena *arena, fly_err *err)
{
    if (type.mod < 0 || value->null) {
        return FLY_OK;
    }
    switch (type.oid) {
    case FLY_SQL_VARCHAR:
    case FLY_SQL_BPCHAR:
        return type.mod < 4 ? FLY_OK : fit_text(type, is_explicit, value, arena, err);
    case FLY_SQL_NUMERIC:
        return fit_numeric(type, value, arena, err);
    case FLY__SQL_OID_bit:
    case FLY__SQL_OID_varbit:
        return fit_bits(type, is_explicit, value, arena, err);
    case FLY_SQL_TIME:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
    case FLY_SQL_INTERVAL:
        return fly__sql_time_fit(type, value, err);
    default:
        break;
    }
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    if (info != NULL && info->element_oid != 0) {
        fly_sql_type element = fly__sql_type(info->element_oid);
        element.mod = type.mod;
        return fit_elements(element, is_explicit, value, arena, err);
    }
    return FLY_OK;
}
