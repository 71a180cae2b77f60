/*
 * Values of SQL as values of frames, and back.
 *
 * What has an exact kind gets it: integers, doubles, decimals of up to 18 digits, dates and times that are
 * finite, bytes, UUIDs. All else goes as text, as psql would show it.
 */
#include "binary_int.h"

#include <stdlib.h>
#include <string.h>

static fly_frame_value text_of(fly_sql_stmt *stmt, uint32_t column)
{
    fly_frame_value value = {.kind = FLY_FRAME_V_TEXT};
    value.bytes = fly_sql_column_text(stmt, column);
    return value;
}

/* The double whose shortest text is the float's: 0.1, not 0.10000000149. */
static fly_frame_value float_of(fly_sql_stmt *stmt, uint32_t column)
{
    char room[32];
    char *end = NULL;
    fly_frame_value text = text_of(stmt, column);
    if (text.bytes.len == 0 || text.bytes.len >= sizeof room) {
        return text;
    }
    memcpy(room, text.bytes.data, text.bytes.len);
    room[text.bytes.len] = 0;
    fly_frame_value value = {.kind = FLY_FRAME_V_DOUBLE, .d = strtod(room, &end)};
    return *end == 0 ? value : text; /* a locale that has no points */
}

static fly_frame_value number_of(fly_sql_stmt *stmt, uint32_t column, uint8_t kind)
{
    return (fly_frame_value){.kind = kind, .i = fly_sql_column_int64(stmt, column)};
}

static fly_frame_value moment_of(fly_sql_stmt *stmt, uint32_t column, uint8_t kind)
{
    fly_frame_value value = number_of(stmt, column, kind);
    bool date = kind == FLY_FRAME_V_DATE;
    bool infinite = value.i == (date ? INT32_MAX : INT64_MAX) ||
                    value.i == (date ? INT32_MIN : INT64_MIN);
    return infinite ? text_of(stmt, column) : value;
}

static fly_frame_value decimal_of(fly_sql_stmt *stmt, uint32_t column)
{
    fly_sql_type type = fly_sql_column_type(stmt, column);
    if (type.digits == 0 || type.digits > FLY_FRAME_SCALE_MAX) {
        return text_of(stmt, column);
    }
    return (fly_frame_value){.kind = FLY_FRAME_V_DECIMAL,
                             .scale = type.scale,
                             .i = fly_sql_column_value(stmt, column).i64};
}

static bool no_room(fly_sql_buffer *buffer, size_t more)
{
    (void)buffer;
    (void)more;
    return false;
}

static fly_frame_value uuid_of(fly_sql_stmt *stmt, uint32_t column, uint8_t *room)
{
    fly_sql_buffer buffer = {.data = room, .room = 16, .grow = no_room};
    if (fly_sql_column_append(stmt, column, FLY_SQL_FORMAT_BINARY, &buffer, NULL) != FLY_OK ||
        buffer.len != 16) {
        return text_of(stmt, column);
    }
    return (fly_frame_value){.kind = FLY_FRAME_V_UUID, .bytes = fly_bytes_of(room, 16)};
}

/* A string of 12 bytes or less lies in the value itself: copy it from there to `room`. */
static fly_frame_value bytes_of(fly_sql_stmt *stmt, uint32_t column, uint8_t *room)
{
    fly_vec_value value = fly_sql_column_value(stmt, column);
    fly_bytes bytes = fly_vec_str_bytes(&value.str);
    if (bytes.len <= 12) {
        if (bytes.len > 0) {
            memcpy(room, bytes.data, bytes.len);
        }
        bytes.data = room;
    }
    return (fly_frame_value){.kind = FLY_FRAME_V_BYTES, .bytes = bytes};
}

fly_frame_value fly__binary_value(fly_sql_stmt *stmt, uint32_t column, bool as_text, uint8_t *room)
{
    if (fly_sql_column_null(stmt, column)) {
        return (fly_frame_value){.kind = FLY_FRAME_V_NULL};
    }
    switch (as_text ? FLY_SQL_TEXT : fly_sql_column_type(stmt, column).oid) {
    case FLY_SQL_BOOL:
        return (fly_frame_value){.kind = fly_sql_column_bool(stmt, column) ? FLY_FRAME_V_TRUE
                                                                           : FLY_FRAME_V_FALSE};
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
        return number_of(stmt, column, FLY_FRAME_V_INT);
    case FLY_SQL_FLOAT4:
        return float_of(stmt, column);
    case FLY_SQL_FLOAT8:
        return (fly_frame_value){.kind = FLY_FRAME_V_DOUBLE,
                                 .d = fly_sql_column_double(stmt, column)};
    case FLY_SQL_NUMERIC:
        return decimal_of(stmt, column);
    case FLY_SQL_DATE:
        return moment_of(stmt, column, FLY_FRAME_V_DATE);
    case FLY_SQL_TIME:
        return moment_of(stmt, column, FLY_FRAME_V_TIME);
    case FLY_SQL_TIMESTAMP:
        return moment_of(stmt, column, FLY_FRAME_V_TIMESTAMP);
    case FLY_SQL_TIMESTAMPTZ:
        return moment_of(stmt, column, FLY_FRAME_V_TIMESTAMPTZ);
    case FLY_SQL_UUID:
        return uuid_of(stmt, column, room);
    case FLY_SQL_BYTEA:
        return bytes_of(stmt, column, room);
    default:
        return text_of(stmt, column);
    }
}

fly_status fly__binary_bind(fly_sql_stmt *stmt, uint32_t n, const fly_frame_value *value,
                            fly_err *err)
{
    char room[FLY_FRAME_ROOM];
    switch (value->kind) {
    case FLY_FRAME_V_NULL:
        return fly_sql_bind_null(stmt, n, err);
    case FLY_FRAME_V_FALSE:
    case FLY_FRAME_V_TRUE:
        return fly_sql_bind_bool(stmt, n, value->kind == FLY_FRAME_V_TRUE, err);
    case FLY_FRAME_V_INT:
        return fly_sql_bind_int64(stmt, n, value->i, err);
    case FLY_FRAME_V_DOUBLE:
        return fly_sql_bind_double(stmt, n, value->d, err);
    case FLY_FRAME_V_BYTES:
        return fly_sql_bind_bytes(stmt, n, value->bytes, err);
    default:
        return fly_sql_bind_text(stmt, n, fly_frame_value_text(value, room), err);
    }
}
