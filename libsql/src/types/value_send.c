/*
 * Values in PostgreSQL's binary format: what typsend does there.
 *
 *     bool          u8                         date          i32 days since 2000
 *     int2, 4, 8    big-endian                 time          i64 microseconds
 *     float4, 8     IEEE 754, big-endian       timetz        i64 microseconds, i32 seconds west
 *     text, json    its bytes                  timestamp     i64 microseconds since 2000
 *     bytea         its bytes                  interval      i64 microseconds, i32 days, i32 months
 *     jsonb         u8 version 1, text         uuid          16 bytes
 *     enum          its label                  bit           i32 bits, bytes
 *     numeric       u16 groups, i16 weight, u16 sign, u16 scale, u16 for each group of four digits
 *     array         i32 dimensions, i32 1 if there are NULLs, u32 element type; for each dimension
 *                   i32 length, i32 lower bound; the elements, each an i32 length (-1: NULL) and bytes
 *     record        i32 fields; for each u32 type, i32 length (-1: NULL), bytes
 *
 * Values go straight into the caller's buffer: lengths are written behind what they count. What has no
 * short way there as text is made in the arena first.
 *
 * Source: PostgreSQL 15's documentation, chapters 55.2 and 55.7; held against COPY ... (FORMAT binary).
 */
#include "types/wire_int.h"

#include "types/array_int.h"
#include "types/row_int.h"

#include <fly/base_bytes.h>
#include <fly/vec_numeric.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a result");
}

/* ---------------------------------------------------------------------- buffers */

static bool grow_by_mem(fly_sql_buffer *buffer, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(buffer->len, more, &need) || need > SIZE_MAX / 2) {
        return false;
    }
    size_t room = buffer->room < 256 ? 256 : buffer->room;
    while (room < need) {
        room *= 2;
    }
    uint8_t *data = buffer->data == NULL
                        ? fly_mem_alloc(buffer->ctx, room)
                        : fly_mem_resize(buffer->ctx, buffer->data, buffer->room, room);
    if (data == NULL) {
        return false;
    }
    buffer->data = data;
    buffer->room = room;
    return true;
}

void fly_sql_buffer_init(fly_sql_buffer *buffer, fly_mem *mem)
{
    *buffer = (fly_sql_buffer){.grow = grow_by_mem, .ctx = mem};
}

void fly_sql_buffer_deinit(fly_sql_buffer *buffer)
{
    fly_mem_free(buffer->ctx, buffer->data, buffer->room);
    *buffer = (fly_sql_buffer){.grow = buffer->grow, .ctx = buffer->ctx};
}

fly_status fly__sql_buffer_add(fly_sql_buffer *buffer, const void *data, size_t size, fly_err *err)
{
    uint8_t *at = fly__sql_buffer_room(buffer, size);
    if (at == NULL) {
        return no_memory(err);
    }
    if (size > 0) {
        memcpy(at, data, size);
    }
    return FLY_OK;
}

static fly_status add_str(fly_sql_buffer *buffer, const fly_vec_str *str, fly_err *err)
{
    return fly__sql_buffer_add(buffer, fly_vec_str_data(str), str->len, err);
}

/* -------------------------------------------------------------------- numbers */

static void put_be16(uint8_t *at, uint16_t x)
{
    at[0] = (uint8_t)(x >> 8);
    at[1] = (uint8_t)x;
}

static void put_be32(uint8_t *at, uint32_t x)
{
    put_be16(at, (uint16_t)(x >> 16));
    put_be16(at + 2, (uint16_t)x);
}

static void put_be64(uint8_t *at, uint64_t x)
{
    put_be32(at, (uint32_t)(x >> 32));
    put_be32(at + 4, (uint32_t)x);
}

static fly_status add_be16(fly_sql_buffer *buffer, uint16_t x, fly_err *err)
{
    uint8_t *at = fly__sql_buffer_room(buffer, 2);
    if (at == NULL) {
        return no_memory(err);
    }
    put_be16(at, x);
    return FLY_OK;
}

static fly_status add_be32(fly_sql_buffer *buffer, uint32_t x, fly_err *err)
{
    uint8_t *at = fly__sql_buffer_room(buffer, 4);
    if (at == NULL) {
        return no_memory(err);
    }
    put_be32(at, x);
    return FLY_OK;
}

static fly_status add_be64(fly_sql_buffer *buffer, uint64_t x, fly_err *err)
{
    uint8_t *at = fly__sql_buffer_room(buffer, 8);
    if (at == NULL) {
        return no_memory(err);
    }
    put_be64(at, x);
    return FLY_OK;
}

/* libvec's format has the same groups of digits: only the head differs. */
static fly_status send_numeric(fly_sql_type type, const fly_vec_value *value, fly_arena *arena,
                               fly_sql_buffer *buffer, fly_err *err)
{
    enum { HEAD = 4, SCALE = 0x3fff, NEGATIVE = 0x4000, SPECIAL = 0x8000 };
    static const uint16_t special[4] = {0xf000, 0xd000, 0xc000, 0xc000};
    static const uint16_t special_scale[4] = {32, 32, 0, 0}; /* means nothing, but is sent */
    fly_vec_value plain = *value;
    fly_status status =
        fly__sql_numeric_reshape(type, fly__sql_type(FLY_SQL_NUMERIC), value, arena, &plain, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_bytes bytes = fly_vec_str_bytes(&plain.str);
    FLY_ASSERT(bytes.len >= HEAD);
    uint16_t head = fly_get_u16(bytes.data);
    size_t groups = (bytes.len - HEAD) / 2;
    uint8_t *at = fly__sql_buffer_room(buffer, 8 + 2 * groups);
    if (at == NULL) {
        return no_memory(err);
    }
    bool is_special = (head & SPECIAL) != 0;
    put_be16(at, (uint16_t)groups);
    put_be16(at + 2, fly_get_u16(bytes.data + 2));
    put_be16(at + 4, is_special ? special[head & 3] : (head & NEGATIVE) != 0 ? 0x4000 : 0);
    put_be16(at + 6, is_special ? special_scale[head & 3] : head & SCALE);
    for (size_t i = 0; i < groups; i++) {
        put_be16(at + 8 + 2 * i, fly_get_u16(bytes.data + HEAD + 2 * i));
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------------- times */

static int32_t date_of_2000(int32_t date)
{
    bool infinite = date == FLY_VEC_DATE_INFINITY || date == FLY_VEC_DATE_MINUS_INFINITY;
    return infinite ? date : date - FLY_VEC_EPOCH_2000_DAYS;
}

static int64_t micros_of_2000(int64_t micros)
{
    bool infinite = micros == FLY_VEC_TIMESTAMP_INFINITY ||
                    micros == FLY_VEC_TIMESTAMP_MINUS_INFINITY;
    return infinite ? micros : micros - FLY_VEC_EPOCH_2000_MICROS;
}

static fly_status send_time(fly_sql_type type, const fly_vec_value *value, fly_sql_buffer *buffer,
                            fly_err *err)
{
    fly_status status;
    switch (type.oid) {
    case FLY_SQL_DATE:
        return add_be32(buffer, (uint32_t)date_of_2000(value->i32), err);
    case FLY_SQL_TIME:
        return add_be64(buffer, (uint64_t)value->i64, err);
    case FLY_SQL_TIMETZ: {
        fly_vec_timetz t = fly_vec_timetz_unpack(value->i128);
        status = add_be64(buffer, (uint64_t)t.micros, err);
        return status != FLY_OK ? status : add_be32(buffer, (uint32_t)t.west, err);
    }
    case FLY_SQL_INTERVAL:
        status = add_be64(buffer, (uint64_t)value->interval.micros, err);
        if (status == FLY_OK) {
            status = add_be32(buffer, (uint32_t)value->interval.days, err);
        }
        return status != FLY_OK ? status : add_be32(buffer, (uint32_t)value->interval.months, err);
    default:
        return add_be64(buffer, (uint64_t)micros_of_2000(value->i64), err);
    }
}

static fly_status send_bits(const fly_vec_value *value, fly_sql_buffer *buffer, fly_err *err)
{
    size_t bits = value->str.len;
    const char *text = fly_vec_str_data(&value->str);
    uint8_t *at = fly__sql_buffer_room(buffer, 4 + (bits + 7) / 8);
    if (at == NULL) {
        return no_memory(err);
    }
    put_be32(at, (uint32_t)bits);
    memset(at + 4, 0, (bits + 7) / 8);
    for (size_t i = 0; i < bits; i++) {
        at[4 + i / 8] = (uint8_t)(at[4 + i / 8] | (text[i] == '1') << (7 - i % 8));
    }
    return FLY_OK;
}

/* ------------------------------------------------------------ arrays and records */

typedef struct sender {
    struct fly_sql_session *session;
    fly_arena *arena;
    fly_sql_buffer *buffer;
    unsigned depth;
    fly_err *err;
} sender;

static fly_status send_value(sender *s, fly_sql_type type, const fly_vec_value *value);

/* A value behind its length, which is -1 for NULL. */
static fly_status send_counted(sender *s, fly_sql_type type, const fly_vec_value *value)
{
    size_t at = s->buffer->len;
    fly_status status = add_be32(s->buffer, UINT32_MAX, s->err);
    if (status != FLY_OK || value->null) {
        return status;
    }
    status = send_value(s, type, value);
    if (status == FLY_OK) {
        put_be32(s->buffer->data + at, (uint32_t)(s->buffer->len - at - 4));
    }
    return status;
}

static fly_status send_array(sender *s, const fly_vec_value *value)
{
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&value->str, &array, s->err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t dimensions = array.count == 0 ? 0 : array.dimensions;
    uint8_t *head = fly__sql_buffer_room(s->buffer, 12 + 8 * (size_t)dimensions);
    if (head == NULL) {
        return no_memory(s->err);
    }
    put_be32(head, dimensions);
    put_be32(head + 4, array.valid != NULL);
    put_be32(head + 8, array.element);
    for (uint32_t i = 0; i < dimensions; i++) {
        put_be32(head + 12 + 8 * i, array.length[i]);
        put_be32(head + 16 + 8 * i, (uint32_t)array.lower[i]);
    }
    fly_sql_type type = fly__sql_array_type(&array);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
        status = send_counted(s, type, &element);
    }
    return status;
}

/* Fields of columns that were dropped since are not sent. */
static fly_status send_record(sender *s, const fly_vec_value *value)
{
    fly__sql_record record;
    fly_status status = fly__sql_record_open(&value->str, &record, s->err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_table *table = fly__sql_table_of_row(fly__sql_view_of(s->session), record.type);
    size_t head = s->buffer->len;
    status = add_be32(s->buffer, 0, s->err);
    uint32_t index = 0;
    uint32_t sent = 0;
    size_t at = 0;
    fly_sql_type type;
    fly_vec_value field;
    while (status == FLY_OK && fly__sql_record_next(&record, &index, &at, &type, &field)) {
        if (table != NULL && index <= table->column_count && table->columns[index - 1].dropped) {
            continue;
        }
        sent++;
        status = add_be32(s->buffer, type.oid, s->err);
        if (status == FLY_OK) {
            status = send_counted(s, type, &field);
        }
    }
    if (status == FLY_OK) {
        put_be32(s->buffer->data + head, sent);
    }
    return status;
}

/* ------------------------------------------------------------------------- all */

/* By way of its text: enums, names of things. */
static fly_status send_shown(sender *s, fly_sql_type type, const fly_vec_value *value)
{
    fly_sql_text text = {.arena = s->arena};
    fly_bytes shown = {0};
    fly_status status = fly__sql_value_write(s->session, type, value, s->depth, &text, s->err);
    if (status == FLY_OK) {
        status = fly__sql_text_end(&text, &shown, s->err);
    }
    return status != FLY_OK ? status
                            : fly__sql_buffer_add(s->buffer, shown.data, shown.len, s->err);
}

static fly_status send_user(sender *s, fly_sql_type type, const fly_vec_value *value)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(s->session);
    const fly__sql_user_type *user = view != NULL ? fly__sql_user_type_of(view, type.oid) : NULL;
    if (user != NULL && user->oid == type.oid && user->kind == 'e') {
        return send_shown(s, type, value);
    }
    if (user != NULL && user->oid == type.oid && user->kind == 'd') {
        return send_value(s, user->base, value);
    }
    if (fly__sql_type_element(view, type.oid).oid != 0) {
        return send_array(s, value);
    }
    return send_record(s, value);
}

/* jsonb and jsonpath: a version before the text. */
static fly_status send_versioned(sender *s, fly_sql_type type, const fly_vec_value *value)
{
    uint8_t version = 1;
    fly_status status = fly__sql_buffer_add(s->buffer, &version, 1, s->err);
    return status != FLY_OK ? status : send_shown(s, type, value);
}

static fly_status send_tid(sender *s, uint64_t tid)
{
    fly_status status = add_be32(s->buffer, (uint32_t)(tid >> 16), s->err);
    return status != FLY_OK ? status : add_be16(s->buffer, (uint16_t)tid, s->err);
}

static fly_status send_value(sender *s, fly_sql_type type, const fly_vec_value *value)
{
    if (s->depth > FLY__SQL_VALUE_DEPTH) {
        return fly_err_state(s->err, "54001", 0, "stack depth limit exceeded");
    }
    uint8_t bytes[16];
    uint32_t bits;
    uint64_t wide;
    fly_status status;
    switch (type.oid) {
    case FLY_SQL_BOOL:
        bytes[0] = value->b;
        return fly__sql_buffer_add(s->buffer, bytes, 1, s->err);
    case FLY_SQL_INT2:
        return add_be16(s->buffer, (uint16_t)value->i16, s->err);
    case FLY_SQL_INT8:
    case FLY__SQL_OID_xid8:
    case FLY__SQL_OID_pg_lsn:
        return add_be64(s->buffer, (uint64_t)value->i64, s->err);
    case FLY_SQL_FLOAT4:
        memcpy(&bits, &value->f32, sizeof bits);
        return add_be32(s->buffer, bits, s->err);
    case FLY_SQL_FLOAT8:
        memcpy(&wide, &value->f64, sizeof wide);
        return add_be64(s->buffer, wide, s->err);
    case FLY_SQL_NUMERIC:
        return send_numeric(type, value, s->arena, s->buffer, s->err);
    case FLY_SQL_UUID:
        fly__sql_uuid_bytes(value->i128, bytes);
        return fly__sql_buffer_add(s->buffer, bytes, 16, s->err);
    case FLY_SQL_DATE:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
    case FLY_SQL_INTERVAL:
        return send_time(type, value, s->buffer, s->err);
    case FLY_SQL_JSONB:
    case FLY__SQL_OID_jsonpath:
        return send_versioned(s, type, value);
    case FLY_SQL_CHAR: /* one byte, whatever it is: none is a zero */
        bytes[0] = 0;
        if (value->str.len > 0) {
            bytes[0] = (uint8_t)fly_vec_str_data(&value->str)[0];
        }
        return fly__sql_buffer_add(s->buffer, bytes, 1, s->err);
    case FLY__SQL_OID_bit:
    case FLY__SQL_OID_varbit:
        return send_bits(value, s->buffer, s->err);
    case FLY__SQL_OID_tid:
        return send_tid(s, (uint64_t)value->i64);
    case FLY_SQL_VOID:
        return FLY_OK;
    default:
        break;
    }
    s->depth++;
    if (type.oid >= FLY__SQL_OID_FIRST) {
        status = send_user(s, type, value);
    } else if (type.oid == FLY_SQL_RECORD) {
        status = send_record(s, value);
    } else if (fly__sql_type_is_array(type.oid) || type.oid == FLY_SQL_ANYARRAY ||
               type.oid == FLY__SQL_OID__record) {
        status = send_array(s, value);
    } else if (fly__sql_type_physical(type) == FLY_VEC_I32) { /* int4, oid and its kin */
        status = add_be32(s->buffer, (uint32_t)value->i32, s->err);
    } else {
        status = add_str(s->buffer, &value->str, s->err);
    }
    s->depth--;
    return status;
}

fly_status fly__sql_value_send(struct fly_sql_session *session, fly_sql_type type,
                               const fly_vec_value *value, fly_arena *arena, fly_sql_buffer *buffer,
                               fly_err *err)
{
    sender s = {.session = session, .arena = arena, .buffer = buffer, .err = err};
    return send_value(&s, type, value);
}

/* --------------------------------------------------------------------- as text */

fly_status fly__sql_value_show(struct fly_sql_session *session, fly_sql_type type,
                               const fly_vec_value *value, fly_arena *arena, fly_sql_buffer *buffer,
                               fly_err *err)
{
    char out[FLY_VEC_NUMBER_TEXT];
    switch (type.oid) {
    case FLY_SQL_INT4:
        return fly__sql_buffer_add(buffer, out, fly_vec_i64_format(value->i32, out), err);
    case FLY_SQL_INT8:
        return fly__sql_buffer_add(buffer, out, fly_vec_i64_format(value->i64, out), err);
    case FLY_SQL_TEXT:
    case FLY_SQL_VARCHAR:
    case FLY_SQL_BPCHAR:
    case FLY_SQL_NAME:
    case FLY_SQL_JSON:
        return add_str(buffer, &value->str, err);
    default: {
        sender s = {.session = session, .arena = arena, .buffer = buffer, .err = err};
        return send_shown(&s, type, value);
    }
    }
}
