/*
 * Values out of PostgreSQL's binary format, which value_send.c describes: what typrecv does there, with
 * its messages.
 *
 * Bytes come from a client and are distrusted: each length is held against what is left before
 * anything is taken for it, so that the memory a value takes is bounded by its bytes.
 *
 *     W1  a reader never moves beyond its end
 *     W2  a value that is taken has used all of its bytes: 22P03 otherwise
 */
#include "types/wire_int.h"

#include "func/jsonpath_int.h"
#include "types/array_int.h"
#include "types/row_int.h"

#include <fly/base_bytes.h>
#include <fly/text.h>
#include <fly/vec_numeric.h>

typedef struct reader {
    struct fly_sql_session *session;
    fly_arena *arena;
    fly_bytes left; /* what is not read yet */
    unsigned depth;
    fly_err *err;
} reader;

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a value");
}

static fly_status too_short(reader *r)
{
    return fly_err_state(r->err, "08P01", 0, "insufficient data left in message");
}

static fly_status invalid(reader *r, const char *message)
{
    return fly_err_state(r->err, "22P03", 0, "%s", message);
}

static fly_status take(reader *r, size_t size, const uint8_t **bytes)
{
    if (r->left.len < size) {
        return too_short(r);
    }
    *bytes = r->left.data;
    r->left = fly_bytes_of(r->left.data + size, r->left.len - size);
    return FLY_OK;
}

static uint64_t big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t x = 0;
    for (size_t i = 0; i < size; i++) {
        x = x << 8 | bytes[i];
    }
    return x;
}

/* An unsigned number of 1 to 8 bytes. */
static fly_status take_number(reader *r, size_t size, uint64_t *number)
{
    const uint8_t *bytes = NULL;
    fly_status status = take(r, size, &bytes);
    if (status == FLY_OK) {
        *number = big_endian(bytes, size);
    }
    return status;
}

static fly_status take_i32(reader *r, int32_t *number)
{
    uint64_t wide = 0;
    fly_status status = take_number(r, 4, &wide);
    *number = (int32_t)(uint32_t)wide;
    return status;
}

static fly_bytes take_rest(reader *r)
{
    fly_bytes rest = r->left;
    r->left.len = 0;
    return rest;
}

/* --------------------------------------------------------------------- numerics */

enum {
    GROUP_BASE = 10000,
    WIRE_NEGATIVE = 0x4000,
    WIRE_NAN = 0xc000,
    WIRE_PLUS_INFINITY = 0xd000,
    WIRE_MINUS_INFINITY = 0xf000,
    WIRE_SCALE_MAX = 0x3fff
};

/* Groups, as the wire has them, cut to `scale` digits behind the point; zeros off both ends. */
static size_t cut_groups(uint16_t *groups, size_t count, int32_t *weight, int32_t scale)
{
    int64_t keep = (int64_t)*weight + 1 + (scale + 3) / 4; /* groups up to the last that shows */
    if (keep <= 0) {
        count = 0;
    } else if ((int64_t)count >= keep) {
        static const uint16_t unit[4] = {1, 1000, 100, 10};
        count = (size_t)keep;
        uint16_t *last = &groups[count - 1];
        *last = (uint16_t)(*last - *last % unit[scale % 4]);
    }
    size_t first = 0;
    while (first < count && groups[first] == 0) {
        first++;
    }
    while (count > first && groups[count - 1] == 0) {
        count--;
    }
    memmove(groups, groups + first, (count - first) * sizeof *groups);
    *weight = count == first ? 0 : *weight - (int32_t)first;
    return count - first;
}

static fly_status pack_numeric(reader *r, const uint16_t *groups, size_t count, int32_t weight,
                               unsigned head, fly_vec_str *str)
{
    uint8_t *packed = fly_arena_alloc(r->arena, 4 + 2 * count);
    if (packed == NULL) {
        return no_memory(r->err);
    }
    fly_put_u16(packed, (uint16_t)head);
    fly_put_u16(packed + 2, (uint16_t)weight);
    for (size_t i = 0; i < count; i++) {
        fly_put_u16(packed + 4 + 2 * i, groups[i]);
    }
    *str = fly_vec_str_of(packed, 4 + 2 * count);
    if (weight < INT16_MIN ||
        fly_vec_numeric_check(fly_bytes_of(packed, 4 + 2 * count), NULL) != FLY_OK) {
        return fly_err_state(r->err, "22003", 0, "value overflows numeric format");
    }
    return FLY_OK;
}

static fly_status take_numeric(reader *r, fly_vec_str *str)
{
    enum { PACKED_NEGATIVE = 0x4000, PACKED_SPECIAL = 0x8000 };
    const uint8_t *head = NULL;
    fly_status status = take(r, 8, &head);
    if (status != FLY_OK) {
        return status;
    }
    size_t count = big_endian(head, 2);
    int32_t weight = (int16_t)(uint16_t)big_endian(head + 2, 2);
    unsigned sign = (unsigned)big_endian(head + 4, 2);
    unsigned scale = (unsigned)big_endian(head + 6, 2);
    const uint8_t *digits = NULL;
    status = take(r, 2 * count, &digits);
    if (status != FLY_OK) {
        return status;
    }
    if (sign == WIRE_NAN || sign == WIRE_PLUS_INFINITY || sign == WIRE_MINUS_INFINITY) {
        unsigned which = sign == WIRE_NAN ? 2 : sign == WIRE_PLUS_INFINITY ? 1 : 0;
        return pack_numeric(r, NULL, 0, 0, PACKED_SPECIAL | which, str);
    }
    if (sign != 0 && sign != WIRE_NEGATIVE) {
        return invalid(r, "invalid sign in external \"numeric\" value");
    }
    if (scale > WIRE_SCALE_MAX) {
        return invalid(r, "invalid scale in external \"numeric\" value");
    }
    uint16_t *groups = fly_arena_alloc(r->arena, 2 * count);
    if (groups == NULL) {
        return no_memory(r->err);
    }
    for (size_t i = 0; i < count; i++) {
        groups[i] = (uint16_t)big_endian(digits + 2 * i, 2);
        if (groups[i] >= GROUP_BASE) {
            return invalid(r, "invalid digit in external \"numeric\" value");
        }
    }
    count = cut_groups(groups, count, &weight, (int32_t)scale);
    unsigned negative = sign == WIRE_NEGATIVE && count > 0 ? PACKED_NEGATIVE : 0;
    return pack_numeric(r, groups, count, weight, scale | negative, str);
}

static fly_status receive_numeric(reader *r, fly_sql_type type, fly_vec_value *value)
{
    fly_vec_value plain = {0};
    fly_status status = take_numeric(r, &plain.str);
    if (status != FLY_OK || type.digits == 0) {
        value->str = plain.str;
        return status;
    }
    return fly__sql_numeric_reshape(fly__sql_type(FLY_SQL_NUMERIC), type, &plain, r->arena, value,
                                    r->err);
}

/* ------------------------------------------------------------------------ times */

/* From 4713-11-24 BC, where PostgreSQL's calendar begins, in days and in microseconds since 1970. */
#define DATE_MIN (-2451545 + FLY_VEC_EPOCH_2000_DAYS)
#define DATE_MAX (2145031948 + FLY_VEC_EPOCH_2000_DAYS)
#define TIMESTAMP_MIN (INT64_C(-211813488000000000) + FLY_VEC_EPOCH_2000_MICROS)

static fly_status receive_date(reader *r, fly_vec_value *value)
{
    int32_t days = 0;
    fly_status status = take_i32(r, &days);
    if (status != FLY_OK || days == FLY_VEC_DATE_INFINITY || days == FLY_VEC_DATE_MINUS_INFINITY) {
        value->i32 = days;
        return status;
    }
    int64_t since_1970 = (int64_t)days + FLY_VEC_EPOCH_2000_DAYS;
    if (since_1970 < DATE_MIN || since_1970 > DATE_MAX) {
        return fly_err_state(r->err, "22008", 0, "date out of range");
    }
    value->i32 = (int32_t)since_1970;
    return FLY_OK;
}

static fly_status receive_timestamp(reader *r, fly_vec_value *value)
{
    uint64_t wide = 0;
    fly_status status = take_number(r, 8, &wide);
    value->i64 = (int64_t)wide;
    if (status != FLY_OK || value->i64 == FLY_VEC_TIMESTAMP_INFINITY ||
        value->i64 == FLY_VEC_TIMESTAMP_MINUS_INFINITY) {
        return status;
    }
    if (__builtin_add_overflow(value->i64, FLY_VEC_EPOCH_2000_MICROS, &value->i64) ||
        value->i64 == FLY_VEC_TIMESTAMP_INFINITY || value->i64 < TIMESTAMP_MIN) {
        return fly_err_state(r->err, "22008", 0, "timestamp out of range");
    }
    return FLY_OK;
}

static fly_status take_time(reader *r, int64_t *micros)
{
    uint64_t wide = 0;
    fly_status status = take_number(r, 8, &wide);
    if (status == FLY_OK && wide > (uint64_t)FLY_VEC_DAY_MICROS) {
        return fly_err_state(r->err, "22008", 0, "time out of range");
    }
    *micros = (int64_t)wide;
    return status;
}

static fly_status receive_timetz(reader *r, fly_vec_value *value)
{
    fly_vec_timetz t = {0};
    fly_status status = take_time(r, &t.micros);
    if (status == FLY_OK) {
        status = take_i32(r, &t.west);
    }
    if (status == FLY_OK && (t.west <= -16 * 3600 || t.west >= 16 * 3600)) {
        return fly_err_state(r->err, "22009", 0, "time zone displacement out of range");
    }
    if (status == FLY_OK) {
        value->i128 = fly_vec_timetz_pack(t);
    }
    return status;
}

static fly_status receive_interval(reader *r, fly_vec_value *value)
{
    fly_vec_interval x = {0};
    uint64_t wide = 0;
    fly_status status = take_number(r, 8, &wide);
    if (status == FLY_OK) {
        x.micros = (int64_t)wide;
        status = take_i32(r, &x.days);
    }
    if (status == FLY_OK) {
        status = take_i32(r, &x.months);
    }
    value->interval = x;
    return status;
}

/* --------------------------------------------------------------------- strings */

/* Text must be text: UTF-8 without zeros. */
static fly_status receive_text(reader *r, fly_vec_value *value)
{
    fly_bytes text = take_rest(r);
    fly_status status = fly_text_validate(FLY_TEXT_UTF8, text, r->err);
    value->str = fly_vec_str_of(text.data, text.len);
    return status;
}

/* By way of text: what is checked or kept otherwise than it is sent. */
static fly_status receive_shown(reader *r, fly_sql_type type, fly_vec_value *value)
{
    fly_bytes text = take_rest(r);
    fly_status status = fly_text_validate(FLY_TEXT_UTF8, text, r->err);
    return status != FLY_OK
               ? status
               : fly__sql_value_read(r->session, type, text, r->depth, r->arena, value, r->err);
}

static fly_status receive_versioned(reader *r, fly_sql_type type, fly_vec_value *value)
{
    uint64_t version = 0;
    fly_status status = take_number(r, 1, &version);
    if (status == FLY_OK && version != 1) {
        return fly_err_state(r->err, "22P03", 0, "unsupported %s version number %u",
                             type.oid == FLY_SQL_JSONB ? "jsonb" : "jsonpath", (unsigned)version);
    }
    return status != FLY_OK ? status : receive_shown(r, type, value);
}

static fly_status receive_bits(reader *r, fly_vec_value *value)
{
    int32_t bits = 0;
    const uint8_t *bytes = NULL;
    fly_status status = take_i32(r, &bits);
    if (status == FLY_OK && bits < 0) {
        return invalid(r, "invalid length in external bit string");
    }
    if (status == FLY_OK) {
        status = take(r, ((size_t)bits + 7) / 8, &bytes);
    }
    if (status != FLY_OK) {
        return status;
    }
    char *text = fly_arena_alloc(r->arena, (size_t)bits);
    if (text == NULL) {
        return no_memory(r->err);
    }
    for (size_t i = 0; i < (size_t)bits; i++) {
        text[i] = (char)('0' + (bytes[i / 8] >> (7 - i % 8) & 1));
    }
    value->str = fly_vec_str_of(text, (size_t)bits);
    return FLY_OK;
}

/* ------------------------------------------------------------ arrays and records */

static fly_status receive_value(reader *r, fly_sql_type type, fly_vec_value *value);

/* A value behind its length. */
static fly_status receive_counted(reader *r, fly_sql_type type, const char *improper,
                                  uint32_t number, fly_vec_value *value)
{
    int32_t len = 0;
    fly_status status = take_i32(r, &len);
    if (status != FLY_OK) {
        return status;
    }
    value->null = len == -1;
    if (value->null) {
        return FLY_OK;
    }
    if (len < -1 || (size_t)len > r->left.len) {
        return invalid(r, "insufficient data left in message");
    }
    reader inner = *r;
    inner.left = fly_bytes_of(r->left.data, (size_t)len);
    inner.depth = r->depth + 1;
    r->left = fly_bytes_of(r->left.data + len, r->left.len - (size_t)len);
    status = receive_value(&inner, type, value);
    if (status == FLY_OK && inner.left.len > 0) {
        return fly_err_state(r->err, "22P03", 0, "improper binary format in %s %u", improper,
                             (unsigned)number);
    }
    if (status == FLY_OK && type.mod >= 0) {
        status = fly__sql_value_fit(type, false, value, r->arena, r->err);
    }
    return status;
}

/* Types that a client cannot know apart by their OIDs, since they were made by users, are taken for
 * what is expected. */
static bool is_other_type(uint32_t given, uint32_t expected)
{
    return given != expected && given < FLY__SQL_OID_FIRST && expected < FLY__SQL_OID_FIRST;
}

static const char *type_name(uint32_t oid)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    return info != NULL ? info->sql_name : "???";
}

static fly_status array_head(reader *r, fly_sql_type element, uint32_t *dimensions,
                             uint32_t *length, int32_t *lower, uint64_t *count)
{
    int32_t given = 0;
    int32_t flags = 0;
    int32_t oid = 0;
    fly_status status = take_i32(r, &given);
    if (status != FLY_OK) {
        return status;
    }
    if (given < 0) {
        return fly_err_state(r->err, "22P03", 0, "invalid number of dimensions: %d", (int)given);
    }
    if (given > FLY__SQL_DIMENSIONS_MAX) {
        return fly_err_state(r->err, "54000", 0,
                             "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                             (int)given, FLY__SQL_DIMENSIONS_MAX);
    }
    status = take_i32(r, &flags);
    if (status == FLY_OK && flags != 0 && flags != 1) {
        return invalid(r, "invalid array flags");
    }
    if (status == FLY_OK) {
        status = take_i32(r, &oid);
    }
    if (status == FLY_OK && is_other_type((uint32_t)oid, element.oid)) {
        return fly_err_state(r->err, "42804", 0,
                             "binary data has array element type %u (%s) instead of expected %u "
                             "(%s)",
                             (unsigned)oid, type_name((uint32_t)oid), (unsigned)element.oid,
                             type_name(element.oid));
    }
    *dimensions = (uint32_t)given;
    *count = given > 0;
    for (int32_t i = 0; status == FLY_OK && i < given; i++) {
        int32_t len = 0;
        int32_t upper;
        status = take_i32(r, &len);
        if (status == FLY_OK) {
            status = take_i32(r, &lower[i]);
        }
        if (status == FLY_OK && (len < 0 || __builtin_add_overflow(lower[i], len, &upper))) {
            return invalid(r, "invalid array dimensions");
        }
        length[i] = (uint32_t)len;
        *count *= length[i];
        if (*count > FLY__SQL_ARRAY_ELEMENTS_MAX) {
            return fly_err_state(r->err, "54000", 0, "array size exceeds the maximum allowed (%d)",
                                 FLY__SQL_ARRAY_ELEMENTS_MAX);
        }
    }
    return status;
}

static fly_status receive_array(reader *r, fly_sql_type element, fly_vec_value *value)
{
    uint32_t dimensions = 0;
    uint32_t length[FLY__SQL_DIMENSIONS_MAX] = {0};
    int32_t lower[FLY__SQL_DIMENSIONS_MAX] = {0};
    uint64_t count = 0;
    if (element.oid == FLY_SQL_NUMERIC) { /* inside arrays: libvec's format */
        element.digits = 0;
        element.scale = 0;
    }
    fly_status status = array_head(r, element, &dimensions, length, lower, &count);
    /* Each element has at least its length. */
    if (status == FLY_OK && r->left.len / 4 < count) {
        status = invalid(r, "insufficient data left in message");
    }
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, element, r->arena);
    for (uint32_t i = 0; status == FLY_OK && i < count; i++) {
        fly_vec_value item = {0};
        status = receive_counted(r, element, "array element", i + 1, &item);
        if (status == FLY_OK) {
            status = fly__sql_array_add(&builder, &item, r->err);
        }
    }
    return status != FLY_OK ? status
                            : fly__sql_array_end_shaped(&builder, dimensions, length, lower,
                                                        &value->str, r->err);
}

static uint32_t live_columns(const fly__sql_table *table)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        live += !table->columns[i].dropped;
    }
    return live;
}

static fly_status receive_field(reader *r, fly_sql_type type, uint32_t number, fly_vec_value *value)
{
    int32_t oid = 0;
    fly_status status = take_i32(r, &oid);
    if (status == FLY_OK && is_other_type((uint32_t)oid, type.oid)) {
        return fly_err_state(r->err, "42804", 0,
                             "binary data has type %u (%s) instead of expected %u (%s) in record "
                             "column %u",
                             (unsigned)oid, type_name((uint32_t)oid), (unsigned)type.oid,
                             type_name(type.oid), (unsigned)number);
    }
    return status != FLY_OK ? status : receive_counted(r, type, "record column", number, value);
}

static fly_status receive_record(reader *r, uint32_t oid, const fly__sql_table *table,
                                 fly_vec_value *value)
{
    uint32_t columns = table->column_count;
    fly_vec_value *values = fly__sql_values_alloc(r->arena, columns);
    fly_sql_type *types = fly_arena_alloc(r->arena, columns * sizeof *types);
    int32_t given = 0;
    if (values == NULL || types == NULL) {
        return no_memory(r->err);
    }
    fly_status status = take_i32(r, &given);
    if (status == FLY_OK && (uint32_t)given != live_columns(table)) {
        return fly_err_state(r->err, "42804", 0, "wrong number of columns: %d, expected %u",
                             (int)given, (unsigned)live_columns(table));
    }
    for (uint32_t i = 0; status == FLY_OK && i < columns; i++) {
        types[i] = table->columns[i].type;
        values[i] = (fly_vec_value){.null = true};
        if (!table->columns[i].dropped) {
            status = receive_field(r, types[i], i + 1, &values[i]);
        }
    }
    return status != FLY_OK
               ? status
               : fly__sql_record_make(oid, columns, types, values, r->arena, &value->str, r->err);
}

/* ------------------------------------------------------------------------- all */

static fly_status receive_user(reader *r, fly_sql_type type, fly_vec_value *value)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(r->session);
    const fly__sql_user_type *user = view != NULL ? fly__sql_user_type_of(view, type.oid) : NULL;
    if (user != NULL && user->oid == type.oid && user->kind == 'd') {
        fly_status status = receive_value(r, user->base, value);
        return status != FLY_OK ? status
                                : fly__sql_value_fit(user->base, false, value, r->arena, r->err);
    }
    if (user != NULL && user->oid == type.oid && user->kind == 'e') {
        return receive_shown(r, type, value);
    }
    fly_sql_type element = fly__sql_type_element(view, type.oid);
    if (element.oid != 0) {
        return receive_array(r, element, value);
    }
    const fly__sql_table *table = fly__sql_table_of_row(view, type.oid);
    if (table != NULL) {
        return receive_record(r, type.oid, table, value);
    }
    return fly_err_state(r->err, "XX000", 0, "cache lookup failed for type %u", (unsigned)type.oid);
}

/* int2vector and oidvector are arrays of one dimension that count from 0 and have no NULLs. */
static fly_status receive_vector(reader *r, uint32_t element, fly_vec_value *value)
{
    fly_status status = receive_array(r, fly__sql_type(element), value);
    fly__sql_array array;
    if (status == FLY_OK) {
        status = fly__sql_array_open(&value->str, &array, r->err);
    }
    if (status == FLY_OK && array.count > 0 &&
        (array.dimensions != 1 || array.lower[0] != 0 || array.valid != NULL)) {
        return invalid(r, element == FLY_SQL_OID ? "invalid oidvector data"
                                                 : "invalid int2vector data");
    }
    return status;
}

static fly_status receive_plain(reader *r, fly_sql_type type, fly_vec_value *value)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    uint64_t wide = 0;
    uint32_t bits;
    fly_status status;
    if (info == NULL || (info->category == 'P' && type.oid != FLY__SQL_OID_cstring)) {
        return fly_err_state(r->err, "0A000", 0, "cannot accept a value of type %s",
                             type_name(type.oid));
    }
    if (info->element_oid != 0) {
        return receive_array(r, fly__sql_type(info->element_oid), value);
    }
    switch ((fly_vec_type)info->physical) {
    case FLY_VEC_BOOL:
        status = take_number(r, 1, &wide);
        value->b = wide != 0;
        return status;
    case FLY_VEC_I16:
        status = take_number(r, 2, &wide);
        value->i16 = (int16_t)(uint16_t)wide;
        return status;
    case FLY_VEC_I32:
        return take_i32(r, &value->i32);
    case FLY_VEC_I64:
        status = take_number(r, 8, &wide);
        value->i64 = (int64_t)wide;
        return status;
    case FLY_VEC_F32:
        status = take_number(r, 4, &wide);
        bits = (uint32_t)wide;
        memcpy(&value->f32, &bits, sizeof bits);
        return status;
    case FLY_VEC_F64:
        status = take_number(r, 8, &wide);
        memcpy(&value->f64, &wide, sizeof wide);
        return status;
    default:
        return receive_text(r, value);
    }
}

static fly_status receive_value(reader *r, fly_sql_type type, fly_vec_value *value)
{
    if (r->depth > FLY__SQL_VALUE_DEPTH) {
        return fly_err_state(r->err, "54001", 0, "stack depth limit exceeded");
    }
    const uint8_t *bytes = NULL;
    uint64_t block = 0;
    uint64_t place = 0;
    fly_status status;
    value->null = false;
    switch (type.oid) {
    case FLY_SQL_NUMERIC:
        return receive_numeric(r, type, value);
    case FLY_SQL_DATE:
        return receive_date(r, value);
    case FLY_SQL_TIME:
        return take_time(r, &value->i64);
    case FLY_SQL_TIMETZ:
        return receive_timetz(r, value);
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
        return receive_timestamp(r, value);
    case FLY_SQL_INTERVAL:
        return receive_interval(r, value);
    case FLY_SQL_UUID:
        status = take(r, 16, &bytes);
        if (status == FLY_OK) {
            value->i128 = fly__sql_uuid_of(bytes);
        }
        return status;
    case FLY_SQL_BYTEA: {
        fly_bytes rest = take_rest(r);
        value->str = fly_vec_str_of(rest.data, rest.len);
        return FLY_OK;
    }
    case FLY_SQL_CHAR:
        status = take(r, 1, &bytes);
        if (status == FLY_OK) {
            value->str = fly_vec_str_of(bytes, bytes[0] != 0);
        }
        return status;
    case FLY_SQL_JSON:
    case FLY_SQL_NAME:
        return receive_shown(r, type, value);
    case FLY_SQL_JSONB:
    case FLY__SQL_OID_jsonpath:
        return receive_versioned(r, type, value);
    case FLY__SQL_OID_bit:
    case FLY__SQL_OID_varbit:
        return receive_bits(r, value);
    case FLY__SQL_OID_tid:
        status = take_number(r, 4, &block);
        if (status == FLY_OK) {
            status = take_number(r, 2, &place);
        }
        value->i64 = (int64_t)(block << 16 | place);
        return status;
    case FLY__SQL_OID_int2vector:
        return receive_vector(r, FLY_SQL_INT2, value);
    case FLY__SQL_OID_oidvector:
        return receive_vector(r, FLY_SQL_OID, value);
    case FLY_SQL_VOID:
        value->i32 = 0;
        return FLY_OK;
    case FLY_SQL_RECORD:
        return fly_err_state(r->err, "0A000", 0,
                             "input of anonymous composite types is not implemented");
    default:
        return type.oid >= FLY__SQL_OID_FIRST ? receive_user(r, type, value)
                                              : receive_plain(r, type, value);
    }
}

fly_status fly__sql_value_receive(struct fly_sql_session *session, fly_sql_type type,
                                  fly_bytes bytes, uint32_t param, fly_arena *arena,
                                  fly_vec_value *value, fly_err *err)
{
    reader r = {.session = session, .arena = arena, .left = bytes, .err = err};
    if (bytes.len > UINT32_MAX / 4) {
        return fly_err_state(err, "54000", 0, "value is too long");
    }
    fly_status status = receive_value(&r, type, value);
    if (status == FLY_OK && r.left.len > 0) {
        return fly_err_state(err, "22P03", 0, "incorrect binary data format in bind parameter %u",
                             (unsigned)param);
    }
    return status;
}
