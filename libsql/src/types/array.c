/*
 * Arrays as strings. The format is in array_int.h.
 */
#include "types/array_int.h"

#include <fly/base_bytes.h>
#include <fly/vec_numeric.h>

static fly_status corrupt(fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "damaged array");
}

/* Walk the strings once, so that nobody has to look again. */
static bool strings_fit(const fly__sql_array *array)
{
    size_t at = 0;
    for (uint32_t i = 0; i < array->count; i++) {
        if (array->size - at < 4) {
            return false;
        }
        size_t len = fly_get_u32(array->data + at);
        at += 4;
        if (array->size - at < len) {
            return false;
        }
        at += len;
    }
    return true;
}

fly_status fly__sql_array_open(const fly_vec_str *value, fly__sql_array *array, fly_err *err)
{
    fly_bytes bytes = fly_vec_str_bytes(value);
    memset(array, 0, sizeof *array);
    if (bytes.len < 8 || bytes.data[0] > FLY__SQL_DIMENSIONS_MAX ||
        bytes.data[1] >= FLY_VEC_TYPE_COUNT || bytes.len < 8 + 8 * (size_t)bytes.data[0]) {
        return corrupt(err);
    }
    array->dimensions = bytes.data[0];
    array->physical = bytes.data[1];
    array->element = fly_get_u32(bytes.data + 4);
    array->width = array->physical == FLY_VEC_STR
                       ? 0
                       : (uint8_t)fly_vec_type_size((fly_vec_type)array->physical);
    uint64_t count = array->dimensions > 0;
    size_t at = 8;
    for (uint32_t i = 0; i < array->dimensions; i++, at += 8) {
        array->length[i] = fly_get_u32(bytes.data + at);
        array->lower[i] = (int32_t)fly_get_u32(bytes.data + at + 4);
        count *= array->length[i];
        if (count > FLY__SQL_ARRAY_ELEMENTS_MAX) {
            return corrupt(err);
        }
    }
    array->count = (uint32_t)count;
    if (bytes.data[2] != 0) {
        size_t size = (count + 7) / 8;
        if (bytes.len - at < size) {
            return corrupt(err);
        }
        array->valid = bytes.data + at;
        at += size;
    }
    array->data = bytes.data + at;
    array->size = bytes.len - at;
    bool whole = array->width > 0 ? array->size >= (size_t)array->width * count
                                  : strings_fit(array);
    return whole ? FLY_OK : corrupt(err);
}

fly_sql_type fly__sql_array_type(const fly__sql_array *array)
{
    fly_sql_type type = fly__sql_type(array->element);
    if (array->element >= FLY__SQL_OID_FIRST) {
        type.digits = fly__sql_type_digits_of((fly_vec_type)array->physical);
    }
    return type;
}

bool fly__sql_array_next(const fly__sql_array *array, fly__sql_array_iter *iter,
                         fly_vec_value *value)
{
    if (iter->index >= array->count) {
        return false;
    }
    uint32_t i = iter->index++;
    size_t len = array->width;
    if (len == 0) {
        len = fly_get_u32(array->data + iter->at);
        iter->at += 4;
    }
    const uint8_t *data = array->data + iter->at;
    iter->at += len;
    value->null = array->valid != NULL && (array->valid[i / 8] >> (i % 8) & 1) == 0;
    if (!value->null) {
        fly__sql_value_load((fly_vec_type)array->physical, data, len, value);
    }
    return true;
}

void fly__sql_array_at(const fly__sql_array *array, uint32_t index, fly_vec_value *value)
{
    FLY_ASSERT(index < array->count);
    fly__sql_array_iter iter = {.index = array->width > 0 ? index : 0,
                                .at = (size_t)array->width * index};
    do {
        (void)fly__sql_array_next(array, &iter, value);
    } while (iter.index <= index);
}

/* --------------------------------------------------------------------- building */

void fly__sql_array_begin(fly__sql_array_builder *builder, fly_sql_type element, fly_arena *arena)
{
    *builder = (fly__sql_array_builder){
        .element = element, .nulls = {.arena = arena}, .data = {.arena = arena}};
}

fly_status fly__sql_array_add(fly__sql_array_builder *builder, const fly_vec_value *value,
                              fly_err *err)
{
    if (builder->count >= FLY__SQL_ARRAY_ELEMENTS_MAX) {
        return fly_err_state(err, "54000", 0, "array size exceeds the maximum allowed (%d)",
                             FLY__SQL_ARRAY_ELEMENTS_MAX);
    }
    if (builder->count % 8 == 0) {
        fly__sql_text_add(&builder->nulls, "", 1);
    }
    if (!builder->nulls.failed && !value->null) {
        builder->nulls.data[builder->count / 8] |= (char)(1u << (builder->count % 8));
    }
    builder->count++;
    builder->has_null |= value->null;
    fly_status status =
        fly__sql_value_store(builder->element, value, builder->data.arena, &builder->data, err);
    if (status == FLY_OK && (builder->nulls.failed || builder->data.failed)) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an array");
    }
    return status;
}

fly_status fly__sql_array_end(fly__sql_array_builder *builder, fly_vec_str *result, fly_err *err)
{
    int32_t one = 1;
    return fly__sql_array_end_shaped(builder, 1, &builder->count, &one, result, err);
}

fly_status fly__sql_array_end_shaped(fly__sql_array_builder *builder, uint32_t dimensions,
                                     const uint32_t *length, const int32_t *lower,
                                     fly_vec_str *result, fly_err *err)
{
    if (builder->count == 0) {
        dimensions = 0;
    }
    fly_sql_type element = builder->element;
    bool is_numeric = element.oid == FLY_SQL_NUMERIC;
    fly_vec_type physical = is_numeric ? FLY_VEC_STR : fly__sql_type_physical(element);
    size_t nulls = builder->has_null ? builder->nulls.len : 0;
    size_t size = 8 + 8 * (size_t)dimensions + nulls + builder->data.len;
    uint8_t *bytes = size <= UINT32_MAX / 4 ? fly_arena_alloc(builder->data.arena, size) : NULL;
    if (bytes == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an array");
    }
    bytes[0] = (uint8_t)dimensions;
    bytes[1] = (uint8_t)physical;
    bytes[2] = nulls > 0;
    bytes[3] = 0;
    fly_put_u32(bytes + 4, element.oid);
    size_t at = 8;
    for (uint32_t i = 0; i < dimensions; i++, at += 8) {
        fly_put_u32(bytes + at, length[i]);
        fly_put_u32(bytes + at + 4, (uint32_t)lower[i]);
    }
    if (nulls > 0) {
        memcpy(bytes + at, builder->nulls.data, nulls);
        at += nulls;
    }
    if (builder->data.len > 0) {
        memcpy(bytes + at, builder->data.data, builder->data.len);
    }
    *result = fly_vec_str_of(bytes, size);
    return FLY_OK;
}
