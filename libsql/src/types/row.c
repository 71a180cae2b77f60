/*
 * Composites as strings. The format is in row_int.h.
 */
#include "types/row_int.h"

#include <fly/base_bytes.h>

enum { HEAD = 8, FIELD = 12 };

static fly_status corrupt(fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "damaged row value");
}

/* Bytes of the field's value at `at`, its length word included; SIZE_MAX: it does not fit. */
static size_t value_size(const fly__sql_record *record, uint32_t index, size_t at)
{
    const uint8_t *field = record->head + (size_t)index * FIELD;
    if (field[9] != 0) {
        return 0;
    }
    size_t size = fly_vec_type_size((fly_vec_type)field[8]);
    if (field[8] == FLY_VEC_STR) {
        if (record->size - at < 4) {
            return SIZE_MAX;
        }
        size = 4 + (size_t)fly_get_u32(record->data + at);
    }
    return record->size - at < size ? SIZE_MAX : size;
}

fly_status fly__sql_record_open(const fly_vec_str *value, fly__sql_record *record, fly_err *err)
{
    fly_bytes bytes = fly_vec_str_bytes(value);
    if (bytes.len < HEAD) {
        return corrupt(err);
    }
    record->type = fly_get_u32(bytes.data);
    record->count = fly_get_u32(bytes.data + 4);
    if (record->count > FLY__SQL_FIELDS_MAX || bytes.len - HEAD < (size_t)record->count * FIELD) {
        return corrupt(err);
    }
    record->head = bytes.data + HEAD;
    record->names = record->head + (size_t)record->count * FIELD;
    record->size = bytes.len - HEAD - (size_t)record->count * FIELD;
    size_t names = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        names += fly_get_u16(record->head + (size_t)i * FIELD + 10);
    }
    if (record->size < names) {
        return corrupt(err);
    }
    record->data = record->names + names;
    record->size -= names;
    size_t at = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->head[(size_t)i * FIELD + 8] >= FLY_VEC_TYPE_COUNT) {
            return corrupt(err);
        }
        size_t size = value_size(record, i, at);
        if (size == SIZE_MAX) {
            return corrupt(err);
        }
        at += size;
    }
    return FLY_OK;
}

bool fly__sql_record_next(const fly__sql_record *record, uint32_t *index, size_t *at,
                          fly_sql_type *type, fly_vec_value *value)
{
    if (*index >= record->count) {
        return false;
    }
    const uint8_t *field = record->head + (size_t)*index * FIELD;
    *type = fly__sql_type(fly_get_u32(field));
    type->mod = (int32_t)fly_get_u32(field + 4);
    if (type->oid >= FLY__SQL_OID_FIRST) {
        type->digits = fly__sql_type_digits_of((fly_vec_type)field[8]);
    }
    value->null = field[9] != 0;
    if (!value->null) {
        size_t size = value_size(record, *index, *at);
        size_t prefix = field[8] == FLY_VEC_STR ? 4 : 0;
        fly__sql_value_load((fly_vec_type)field[8], record->data + *at + prefix, size - prefix,
                            value);
        *at += size;
    }
    (*index)++;
    return true;
}

void fly__sql_record_at(const fly__sql_record *record, uint32_t index, fly_sql_type *type,
                        fly_vec_value *value)
{
    uint32_t i = 0;
    size_t at = 0;
    while (i <= index) {
        if (!fly__sql_record_next(record, &i, &at, type, value)) {
            value->null = true;
            return;
        }
    }
}

fly_bytes fly__sql_record_name(const fly__sql_record *record, uint32_t index)
{
    size_t at = 0;
    for (uint32_t i = 0; i < index; i++) {
        at += fly_get_u16(record->head + (size_t)i * FIELD + 10);
    }
    return fly_bytes_of(record->names + at, fly_get_u16(record->head + (size_t)index * FIELD + 10));
}

/* Bytes of a name as they are kept. */
static size_t name_len(const char *const *names, uint32_t i)
{
    size_t len = names != NULL && names[i] != NULL ? strlen(names[i]) : 0;
    return len <= UINT16_MAX ? len : 0;
}

fly_status fly__sql_record_make(uint32_t type, uint32_t count, const fly_sql_type *types,
                                const fly_vec_value *values, fly_arena *arena, fly_vec_str *result,
                                fly_err *err)
{
    return fly__sql_record_make_named(type, count, types, NULL, values, arena, result, err);
}

fly_status fly__sql_record_make_named(uint32_t type, uint32_t count, const fly_sql_type *types,
                                      const char *const *names, const fly_vec_value *values,
                                      fly_arena *arena, fly_vec_str *result, fly_err *err)
{
    if (count > FLY__SQL_FIELDS_MAX) {
        return fly_err_state(err, "54011", 0, "ROW expressions can have at most %d entries",
                             FLY__SQL_FIELDS_MAX);
    }
    fly_sql_text text = {.arena = arena};
    uint8_t head[FIELD] = {0};
    fly_put_u32(head, type);
    fly_put_u32(head + 4, count);
    fly__sql_text_add(&text, (const char *)head, HEAD);
    for (uint32_t i = 0; i < count; i++) {
        bool is_numeric = types[i].oid == FLY_SQL_NUMERIC;
        fly_vec_type physical = is_numeric ? FLY_VEC_STR : fly__sql_type_physical(types[i]);
        memset(head, 0, sizeof head);
        fly_put_u32(head, types[i].oid);
        fly_put_u32(head + 4, (uint32_t)types[i].mod);
        head[8] = (uint8_t)physical;
        head[9] = values[i].null;
        fly_put_u16(head + 10, (uint16_t)name_len(names, i));
        fly__sql_text_add(&text, (const char *)head, FIELD);
    }
    for (uint32_t i = 0; i < count && names != NULL; i++) {
        fly__sql_text_add(&text, names[i] != NULL ? names[i] : "", name_len(names, i));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!values[i].null) {
            fly_status status = fly__sql_value_store(types[i], &values[i], arena, &text, err);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    if (text.failed || text.len > UINT32_MAX / 4) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a row value");
    }
    *result = fly_vec_str_of(text.data, text.len);
    return FLY_OK;
}
