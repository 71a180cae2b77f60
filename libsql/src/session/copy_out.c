/*
 * COPY TO: from rows to bytes.
 *
 * Values are written into the buffer that goes out, and escaped there where their type can have anything
 * to escape.
 *
 *     D1  copy->ends has the end of each row in the buffer, so that who sends it can send row by row
 */
#include "session/copy_int.h"

#include "exec/op_int.h"
#include "session/engine_int.h"
#include "types/wire_int.h"

#include <fly/base_bytes.h>

#include <string.h>

static fly_status put(struct fly__sql_copy *copy, const void *data, size_t len, fly_err *err)
{
    return fly__sql_buffer_add(&copy->out, data, len, err);
}

static fly_status put_byte(struct fly__sql_copy *copy, char c, fly_err *err)
{
    uint8_t *at = fly__sql_buffer_room(&copy->out, 1);
    if (at == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    *at = (uint8_t)c;
    return FLY_OK;
}

static fly_status put_number(struct fly__sql_copy *copy, uint32_t number, size_t size, fly_err *err)
{
    uint8_t *at = fly__sql_buffer_room(&copy->out, size);
    if (at == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    if (size == 2) {
        fly_put_u16be(at, (uint16_t)number);
    } else {
        fly_put_u32be(at, number);
    }
    return FLY_OK;
}

/* -------------------------------------------------------------------------- escapes */

/* Whether one of eight bytes needs an escape: bytes less than 14, or one of two others. */
static bool any_special(uint64_t bytes, uint64_t delimiters)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones << 7;
    uint64_t slashes = bytes ^ (ones * '\\');
    uint64_t others = bytes ^ delimiters;
    uint64_t found = ((bytes - ones * 14) & ~bytes) | ((slashes - ones) & ~slashes) |
                     ((others - ones) & ~others);
    return (found & tops) != 0;
}

/* How many bytes from `at` on stand for themselves. */
static size_t plain_run(const struct fly__sql_copy *copy, fly_bytes text, size_t at)
{
    uint64_t delimiters = UINT64_C(0x0101010101010101) * (uint8_t)copy->delimiter;
    size_t end = at;
    for (; text.len - end >= 8; end += 8) {
        uint64_t bytes;
        memcpy(&bytes, text.data + end, sizeof bytes);
        if (any_special(bytes, delimiters)) {
            break;
        }
    }
    while (end < text.len) {
        uint8_t c = text.data[end];
        if (c == '\\' || c == (uint8_t)copy->delimiter || (c >= '\b' && c <= '\r')) {
            break;
        }
        end++;
    }
    return end - at;
}

static fly_status put_escaped(struct fly__sql_copy *copy, fly_bytes text, fly_err *err)
{
    static const char named[] = {'\b', 'b', '\f', 'f', '\n', 'n', '\r', 'r', '\t', 't', '\v', 'v'};
    fly_status status = FLY_OK;
    size_t at = 0;
    while (at < text.len && status == FLY_OK) {
        size_t run = plain_run(copy, text, at);
        status = run > 0 ? put(copy, text.data + at, run, err) : FLY_OK;
        at += run;
        if (at == text.len || status != FLY_OK) {
            break;
        }
        char c = (char)text.data[at++];
        char escaped[2] = {'\\', c};
        for (size_t k = 0; k < sizeof named; k += 2) {
            if (c == named[k]) {
                escaped[1] = named[k + 1];
            }
        }
        status = put(copy, escaped, 2, err);
    }
    return status;
}

/* A field that would be read as something else: as NULL, or, alone in its line, as the end. */
static bool would_mislead(const struct fly__sql_copy *copy, fly_bytes text)
{
    bool null = text.len == copy->null_len &&
                (text.len == 0 || memcmp(text.data, copy->null_text, text.len) == 0);
    return null || (copy->columns == 1 && text.len == 2 && memcmp(text.data, "\\.", 2) == 0);
}

static fly_status put_csv(struct fly__sql_copy *copy, fly_bytes text, bool force, fly_err *err)
{
    bool quote = force || would_mislead(copy, text);
    for (size_t i = 0; i < text.len && !quote; i++) {
        char c = (char)text.data[i];
        quote = c == copy->delimiter || c == copy->quote || c == '\n' || c == '\r';
    }
    if (!quote) {
        return put(copy, text.data, text.len, err);
    }
    fly_status status = put_byte(copy, copy->quote, err);
    for (size_t i = 0; i < text.len && status == FLY_OK; i++) {
        char c = (char)text.data[i];
        if (c == copy->quote || c == copy->escape) {
            status = put_byte(copy, copy->escape, err);
        }
        if (status == FLY_OK) {
            status = put_byte(copy, c, err);
        }
    }
    return status == FLY_OK ? put_byte(copy, copy->quote, err) : status;
}

static fly_status put_text(struct fly__sql_copy *copy, fly_bytes text, bool force, fly_err *err)
{
    return copy->format == FLY__SQL_COPY_CSV ? put_csv(copy, text, force, err)
                                             : put_escaped(copy, text, err);
}

/* --------------------------------------------------------------------------- values */

/* Types whose texts are digits, letters, and a little between them. */
static bool is_tame(uint32_t oid)
{
    switch (oid) {
    case FLY_SQL_BOOL:
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
    case FLY_SQL_FLOAT4:
    case FLY_SQL_FLOAT8:
    case FLY_SQL_NUMERIC:
    case FLY_SQL_UUID:
    case FLY_SQL_DATE:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
        return true;
    default:
        return false;
    }
}

static bool is_string(uint32_t oid)
{
    return oid == FLY_SQL_TEXT || oid == FLY_SQL_VARCHAR || oid == FLY_SQL_BPCHAR;
}

/* Whether nothing in such a text needs an escape: neither delimiter nor quote nor NULL is made of what it
 * is made of. */
static bool tame_is_plain(const struct fly__sql_copy *copy)
{
    static const char made_of[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".:+-/ ";
    bool text = copy->format == FLY__SQL_COPY_TEXT;
    return strchr(made_of, copy->delimiter) == NULL &&
           (text || (strchr(made_of, copy->quote) == NULL && copy->null_len == 0));
}

/* What is to be done with a column's texts. */
enum { SHAPE_ANY, SHAPE_STRING, SHAPE_PLAIN };

static uint8_t shape_of(const struct fly__sql_copy *copy, uint32_t i)
{
    fly_sql_type type = copy->types[i];
    return is_string(type.oid)                                                ? SHAPE_STRING
           : copy->forced[i] == 0 && is_tame(type.oid) && tame_is_plain(copy) ? SHAPE_PLAIN
                                                                              : SHAPE_ANY;
}

static fly_status put_value(fly_sql_stmt *stmt, uint32_t i, const fly_vec_value *value,
                            fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_sql_type type = copy->types[i];
    if (copy->shapes[i] == SHAPE_STRING) {
        return put_text(copy, fly_vec_str_bytes(&value->str), copy->forced[i] != 0, err);
    }
    size_t before = copy->out.len;
    fly_status status =
        fly__sql_value_show(stmt->session, type, value, &copy->field_arena, &copy->out, err);
    if (status != FLY_OK || copy->shapes[i] == SHAPE_PLAIN) {
        return status;
    }
    size_t len = copy->out.len - before;
    uint8_t *text = fly_arena_copy(&copy->field_arena, copy->out.data + before, len);
    if (text == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    copy->out.len = before;
    return put_text(copy, fly_bytes_of(text, len), copy->forced[i] != 0, err);
}

static fly_status send_value(fly_sql_stmt *stmt, uint32_t i, const fly_vec_value *value,
                             fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    size_t before = copy->out.len;
    fly_status status = put_number(copy, UINT32_MAX, 4, err);
    if (status != FLY_OK || value->null) {
        return status;
    }
    status = fly__sql_value_send(stmt->session, copy->types[i], value, &copy->field_arena,
                                 &copy->out, err);
    if (status == FLY_OK) {
        fly_put_u32be(copy->out.data + before, (uint32_t)(copy->out.len - before - 4));
    }
    return status;
}

/* ----------------------------------------------------------------------------- rows */

/* Bring the row that begins at `start` into the file's encoding, in its place. */
static fly_status encode_row(fly_sql_stmt *stmt, size_t start, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    size_t len = 0;
    fly_status status = fly__sql_copy_convert(stmt, (const char *)copy->out.data + start,
                                              copy->out.len - start, false, &len, err);
    if (status == FLY_OK) {
        copy->out.len = start;
        status = put(copy, copy->other, len, err);
    }
    return status;
}

static fly_status end_row(struct fly__sql_copy *copy, fly_mem *mem, fly_err *err)
{
    if (copy->end_count == copy->end_room) {
        uint32_t room = copy->end_room == 0 ? 1024 : 2 * copy->end_room;
        size_t old = copy->end_room * sizeof *copy->ends;
        uint32_t *grown = copy->ends == NULL
                              ? fly_mem_alloc(mem, room * sizeof *grown)
                              : fly_mem_resize(mem, copy->ends, old, room * sizeof *grown);
        if (grown == NULL) {
            return fly__sql_copy_no_memory(err);
        }
        copy->ends = grown;
        copy->end_room = room;
    }
    if (copy->out.len > UINT32_MAX) {
        return fly_err_state(err, "54000", 0, "a row of COPY is too long");
    }
    copy->ends[copy->end_count++] = (uint32_t)copy->out.len;
    return FLY_OK;
}

static fly_status end_line(fly_sql_stmt *stmt, size_t start, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = FLY_OK;
    if (copy->format != FLY__SQL_COPY_BINARY) {
        status = put_byte(copy, '\n', err);
    }
    if (status == FLY_OK && copy->format != FLY__SQL_COPY_BINARY &&
        copy->encoding != FLY_TEXT_UTF8) {
        status = encode_row(stmt, start, err);
    }
    return status == FLY_OK ? end_row(copy, fly__sql_copy_memory(stmt), err) : status;
}

static fly_status put_head(fly_sql_stmt *stmt, fly_err *err)
{
    static const char head[19] = "PGCOPY\n\377\r\n"; /* signature, no flags, nothing else */
    struct fly__sql_copy *copy = stmt->copy;
    if (copy->format == FLY__SQL_COPY_BINARY) {
        return put(copy, head, sizeof head, err);
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; copy->header && i < copy->columns && status == FLY_OK; i++) {
        status = i > 0 ? put_byte(copy, copy->delimiter, err) : FLY_OK;
        if (status == FLY_OK) {
            status = put_text(copy, fly_bytes_str(fly_sql_column_name(copy->inner, i)), false, err);
        }
    }
    return status == FLY_OK && copy->header ? end_line(stmt, 0, err) : status;
}

static fly_status put_row(fly_sql_stmt *stmt, const fly_vec_batch *batch, uint32_t row,
                          fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    bool binary = copy->format == FLY__SQL_COPY_BINARY;
    size_t start = copy->out.len;
    fly_status status = binary ? put_number(copy, copy->columns, 2, err) : FLY_OK;
    fly_arena_reset(&copy->field_arena);
    for (uint32_t i = 0; i < copy->columns && status == FLY_OK; i++) {
        fly_vec_value value = fly__sql_get(&batch->col[i], row);
        if (binary) {
            status = send_value(stmt, i, &value, err);
            continue;
        }
        status = i > 0 ? put_byte(copy, copy->delimiter, err) : FLY_OK;
        if (status == FLY_OK) {
            status = value.null ? put(copy, copy->null_text, copy->null_len, err)
                                : put_value(stmt, i, &value, err);
        }
    }
    return status == FLY_OK ? end_line(stmt, start, err) : status;
}

/* The next row of the query, in a batch of its own. */
static fly_status next_row(struct fly__sql_copy *copy, const fly_vec_batch **batch, uint32_t *row,
                           fly_err *err)
{
    fly_status status = fly_sql_step(copy->inner, err);
    *batch = copy->inner->batch;
    *row = copy->inner->at;
    return status;
}

static fly_status put_end(struct fly__sql_copy *copy, fly_mem *mem, fly_err *err)
{
    if (copy->format != FLY__SQL_COPY_BINARY) {
        return FLY_OK;
    }
    fly_status status = put_number(copy, UINT16_MAX, 2, err);
    return status == FLY_OK ? end_row(copy, mem, err) : status;
}

static fly_status first_piece(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    copy->types = fly_arena_alloc(&copy->arena, (copy->columns + 1) * sizeof *copy->types);
    copy->shapes = fly_arena_alloc(&copy->arena, copy->columns + 1);
    if (copy->types == NULL || copy->shapes == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    for (uint32_t i = 0; i < copy->columns; i++) {
        int16_t length;
        copy->types[i] = copy->format == FLY__SQL_COPY_BINARY
                             ? fly_sql_column_sent(copy->inner, i, &length)
                             : fly_sql_column_type(copy->inner, i);
        copy->shapes[i] = shape_of(copy, i);
    }
    copy->head_seen = true;
    return put_head(stmt, err);
}

fly_status fly__sql_copy_fill(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    copy->out.len = 0;
    copy->end_count = 0;
    fly_status status = copy->head_seen ? FLY_OK : first_piece(stmt, err);
    while (status == FLY_OK && !copy->out_done && copy->out.len < FLY__SQL_COPY_PIECE) {
        const fly_vec_batch *batch;
        uint32_t row;
        status = next_row(copy, &batch, &row, err);
        if (status == FLY_E_END) {
            copy->out_done = true;
            status = put_end(copy, fly__sql_copy_memory(stmt), err);
        } else if (status == FLY_OK) {
            status = put_row(stmt, batch, row, err);
            copy->rows++;
        }
    }
    return status == FLY_OK && copy->out.len == 0 ? FLY_E_END : status;
}
