/*
 * Values as text: what typoutput does in PostgreSQL, and psql shows.
 *
 * Inside arrays and rows the text of a value is quoted by the rules of array_out() and
 * record_out().
 */
#include "types/value_int.h"

#include "types/array_int.h"
#include "types/row_int.h"

#include <fly/base_bytes.h>
#include <fly/vec_numeric.h>

#include <inttypes.h>
#include <stdio.h>

static void put_bytea(fly_sql_text *text, fly_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    fly__sql_text_put(text, "\\x");
    if (!fly__sql_text_reserve(text, bytes.len * 2)) {
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        text->data[text->len++] = digits[bytes.data[i] >> 4];
        text->data[text->len++] = digits[bytes.data[i] & 15];
    }
}

static void put_uuid(fly_sql_text *text, fly_vec_i128 value)
{
    uint8_t b[16];
    char out[37];
    fly__sql_uuid_bytes(value, b);
    int len = snprintf(out, sizeof out,
                       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                       b[13], b[14], b[15]);
    fly__sql_text_add(text, out, (size_t)len);
}

static fly_status put_numeric(fly_sql_text *text, fly_sql_type type, const fly_vec_value *value,
                              fly_err *err)
{
    if (type.digits > 0) {
        char out[FLY_VEC_NUMBER_TEXT];
        fly_vec_i128 number = type.digits <= 18 ? value->i64 : value->i128;
        fly__sql_text_add(text, out, fly_vec_decimal_format(number, type.scale, out));
        return FLY_OK;
    }
    fly_vec_str digits;
    fly_status status = fly_vec_numeric_format(value->str, text->arena, &digits, err);
    if (status == FLY_OK) {
        fly__sql_text_add(text, fly_vec_str_data(&digits), digits.len);
    }
    return status;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ----------------------------------------------------------------------- arrays */

/* Whether an element's text must stand in quotes. */
static bool array_quotes(const char *data, size_t len)
{
    if (len == 0) {
        return true;
    }
    if (len == 4 && (data[0] | 32) == 'n' && (data[1] | 32) == 'u' && (data[2] | 32) == 'l' &&
        (data[3] | 32) == 'l') {
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (strchr("\"\\{},", data[i]) != NULL || is_space((uint8_t)data[i])) {
            return true;
        }
    }
    return false;
}

/* Append what a writer wrote to a text of its own, quoted. */
static void put_escaped(fly_sql_text *text, const char *data, size_t len, bool twice)
{
    fly__sql_text_add(text, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '"' || data[i] == '\\') {
            fly__sql_text_add(text, twice ? &data[i] : "\\", 1);
        }
        fly__sql_text_add(text, &data[i], 1);
    }
    fly__sql_text_add(text, "\"", 1);
}

static fly_status put_array(struct fly_sql_session *session, const fly_vec_value *value,
                            unsigned depth, fly_sql_text *text, fly_err *err)
{
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&value->str, &array, err);
    if (status != FLY_OK) {
        return status;
    }
    if (array.count == 0) {
        fly__sql_text_put(text, "{}");
        return FLY_OK;
    }
    bool plain = true;
    for (uint32_t i = 0; i < array.dimensions; i++) {
        plain &= array.lower[i] == 1;
    }
    for (uint32_t i = 0; i < array.dimensions && !plain; i++) {
        char bounds[40];
        int len = snprintf(bounds, sizeof bounds, "[%" PRId32 ":%" PRId64 "]%s", array.lower[i],
                           (int64_t)array.lower[i] + array.length[i] - 1,
                           i + 1 == array.dimensions ? "=" : "");
        fly__sql_text_add(text, bounds, (size_t)len);
    }
    fly_sql_type type = fly__sql_array_type(&array);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    fly_sql_text scratch = {.arena = text->arena};
    while (fly__sql_array_next(&array, &iter, &element)) {
        uint32_t index = iter.index - 1;
        if (index > 0) {
            fly__sql_text_add(text, ",", 1);
        }
        /* Braces open where a row of some dimension begins: index is a multiple of its size. */
        uint64_t size = 1;
        for (uint32_t i = array.dimensions; i > 0; i--) {
            size *= array.length[i - 1];
            if (index % size == 0) {
                fly__sql_text_add(text, "{", 1);
            }
        }
        if (element.null) {
            fly__sql_text_put(text, "NULL");
        } else {
            scratch.len = 0;
            status = fly__sql_value_write(session, type, &element, depth + 1, &scratch, err);
            if (status != FLY_OK) {
                return status;
            }
            if (array_quotes(scratch.data, scratch.len)) {
                put_escaped(text, scratch.data, scratch.len, false);
            } else {
                fly__sql_text_add(text, scratch.data, scratch.len);
            }
        }
        size = 1;
        for (uint32_t i = array.dimensions; i > 0; i--) {
            size *= array.length[i - 1];
            if (iter.index % size == 0) {
                fly__sql_text_add(text, "}", 1);
            }
        }
    }
    text->failed |= scratch.failed;
    return FLY_OK;
}

/* int2vector and oidvector: numbers with blanks between. */
static fly_status put_vector(const fly_vec_value *value, fly_sql_text *text, fly_err *err)
{
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&value->str, &array, err);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
        if (iter.index > 1) {
            fly__sql_text_add(text, " ", 1);
        }
        fly__sql_text_int(text, array.physical == FLY_VEC_I16 ? element.i16
                                                              : (int64_t)(uint32_t)element.i32);
    }
    return status;
}

/* ------------------------------------------------------------------------- rows */

static bool row_quotes(const char *data, size_t len)
{
    if (len == 0) {
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (strchr("\"\\(),", data[i]) != NULL || is_space((uint8_t)data[i])) {
            return true;
        }
    }
    return false;
}

static fly_status put_record(struct fly_sql_session *session, const fly_vec_value *value,
                             unsigned depth, fly_sql_text *text, fly_err *err)
{
    fly__sql_record record;
    fly_status status = fly__sql_record_open(&value->str, &record, err);
    uint32_t index = 0;
    size_t at = 0;
    fly_sql_type type;
    fly_vec_value field;
    fly_sql_text scratch = {.arena = text->arena};
    const fly__sql_table *table =
        status == FLY_OK ? fly__sql_table_of_row(fly__sql_view_of(session), record.type) : NULL;
    bool first = true;
    fly__sql_text_add(text, "(", 1);
    while (status == FLY_OK && fly__sql_record_next(&record, &index, &at, &type, &field)) {
        if (table != NULL && index <= table->column_count && table->columns[index - 1].dropped) {
            continue;
        }
        if (!first) {
            fly__sql_text_add(text, ",", 1);
        }
        first = false;
        if (field.null) {
            continue;
        }
        scratch.len = 0;
        status = fly__sql_value_write(session, type, &field, depth + 1, &scratch, err);
        if (status != FLY_OK) {
            break;
        }
        if (row_quotes(scratch.data, scratch.len)) {
            put_escaped(text, scratch.data, scratch.len, true);
        } else {
            fly__sql_text_add(text, scratch.data, scratch.len);
        }
    }
    fly__sql_text_add(text, ")", 1);
    text->failed |= scratch.failed;
    return status;
}

/* ------------------------------------------------------------------------ enums */

static void put_enum(const fly__sql_user_type *type, int32_t value, fly_sql_text *text)
{
    for (uint16_t i = 0; i < type->label_count; i++) {
        if (type->labels[i].value == value) {
            fly__sql_text_put(text, type->labels[i].label);
            return;
        }
    }
    fly__sql_text_int(text, value); /* a label that is gone */
}

static fly_status put_user(struct fly_sql_session *session, fly_sql_type type,
                           const fly_vec_value *value, unsigned depth, fly_sql_text *text,
                           fly_err *err)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(session);
    const fly__sql_user_type *user = view != NULL ? fly__sql_user_type_of(view, type.oid) : NULL;
    if (user != NULL && user->oid != type.oid) {
        user = NULL; /* the array of it */
    }
    if (user != NULL && user->kind == 'e') {
        put_enum(user, value->i32, text);
        return FLY_OK;
    }
    if (user != NULL && user->kind == 'd') {
        return fly__sql_value_write(session, user->base, value, depth, text, err);
    }
    if (user != NULL && user->kind == 'c') {
        return put_record(session, value, depth, text, err);
    }
    if (fly__sql_type_element(view, type.oid).oid != 0) {
        return put_array(session, value, depth, text, err);
    }
    /* The row type of a table that has no entry of its own: a row says itself whose it is. */
    if (type.digits == 0 && value->str.len >= 8 &&
        fly_get_u32((const uint8_t *)fly_vec_str_data(&value->str)) == type.oid) {
        return put_record(session, value, depth, text, err);
    }
    return fly_err_state(err, "XX000", 0, "cache lookup failed for type %u", type.oid);
}

/* ------------------------------------------------------------------------- all */

static void put_lsn(fly_sql_text *text, uint64_t lsn)
{
    char out[24];
    int len =
        snprintf(out, sizeof out, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
    fly__sql_text_add(text, out, (size_t)len);
}

static void put_tid(fly_sql_text *text, uint64_t tid)
{
    char out[32];
    int len = snprintf(out, sizeof out, "(%" PRIu64 ",%" PRIu64 ")", tid >> 16, tid & 0xffff);
    fly__sql_text_add(text, out, (size_t)len);
}

fly_status fly__sql_value_write(struct fly_sql_session *session, fly_sql_type type,
                                const fly_vec_value *value, unsigned depth, fly_sql_text *text,
                                fly_err *err)
{
    if (depth > FLY__SQL_VALUE_DEPTH) {
        return fly_err_state(err, "54001", 0, "stack depth limit exceeded");
    }
    char out[FLY_VEC_NUMBER_TEXT];
    switch (type.oid) {
    case FLY_SQL_BOOL:
        fly__sql_text_add(text, value->b ? "t" : "f", 1);
        return FLY_OK;
    case FLY_SQL_INT2:
        fly__sql_text_add(text, out, fly_vec_i64_format(value->i16, out));
        return FLY_OK;
    case FLY_SQL_INT4:
        fly__sql_text_add(text, out, fly_vec_i64_format(value->i32, out));
        return FLY_OK;
    case FLY_SQL_INT8:
    case FLY__SQL_OID_xid8:
        fly__sql_text_add(text, out, fly_vec_i64_format(value->i64, out));
        return FLY_OK;
    case FLY_SQL_FLOAT4:
        fly__sql_text_add(text, out, fly_vec_f32_format(value->f32, out));
        return FLY_OK;
    case FLY_SQL_FLOAT8:
        fly__sql_text_add(text, out, fly_vec_f64_format(value->f64, out));
        return FLY_OK;
    case FLY_SQL_NUMERIC:
        return put_numeric(text, type, value, err);
    case FLY_SQL_BYTEA:
        put_bytea(text, fly_vec_str_bytes(&value->str));
        return FLY_OK;
    case FLY_SQL_UUID:
        put_uuid(text, value->i128);
        return FLY_OK;
    case FLY_SQL_OID:
    case FLY__SQL_OID_xid:
    case FLY__SQL_OID_cid:
        fly__sql_text_add(text, out, fly_vec_i64_format((uint32_t)value->i32, out));
        return FLY_OK;
    case FLY_SQL_REGPROC:
    case FLY_SQL_REGCLASS:
    case FLY_SQL_REGTYPE:
    case FLY__SQL_OID_regprocedure:
    case FLY__SQL_OID_regoper:
    case FLY__SQL_OID_regoperator:
    case FLY__SQL_OID_regnamespace:
    case FLY__SQL_OID_regrole:
    case FLY__SQL_OID_regcollation:
    case FLY__SQL_OID_regconfig:
    case FLY__SQL_OID_regdictionary:
        fly__sql_put_reg(text, fly__sql_view_of(session), type.oid, (uint32_t)value->i32);
        return FLY_OK;
    case FLY_SQL_DATE:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
    case FLY_SQL_INTERVAL:
        fly__sql_time_out(session, type, value, text);
        return FLY_OK;
    case FLY_SQL_JSONB:
        return fly__sql_jsonb_out(value, text, err);
    case FLY__SQL_OID_tid:
        put_tid(text, (uint64_t)value->i64);
        return FLY_OK;
    case FLY__SQL_OID_pg_lsn:
        put_lsn(text, (uint64_t)value->i64);
        return FLY_OK;
    case FLY__SQL_OID_int2vector:
    case FLY__SQL_OID_oidvector:
        return put_vector(value, text, err);
    case FLY_SQL_RECORD:
        return put_record(session, value, depth, text, err);
    case FLY_SQL_VOID:
        return FLY_OK;
    default:
        break;
    }
    if (type.oid >= FLY__SQL_OID_FIRST) {
        return put_user(session, type, value, depth, text, err);
    }
    if (fly__sql_type_is_array(type.oid) || type.oid == FLY_SQL_ANYARRAY) {
        return put_array(session, value, depth, text, err);
    }
    fly__sql_text_add(text, fly_vec_str_data(&value->str), value->str.len);
    return FLY_OK;
}

fly_status fly__sql_value_out(struct fly_sql_session *session, fly_sql_type type,
                              const fly_vec_value *value, fly_arena *arena, fly_bytes *text,
                              fly_err *err)
{
    fly_sql_text out = {.arena = arena};
    fly_status status = fly__sql_value_write(session, type, value, 0, &out, err);
    return status != FLY_OK ? status : fly__sql_text_end(&out, text, err);
}
