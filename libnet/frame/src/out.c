/*
 * Writing frames.
 *
 * A writer that fails (no memory) remembers it and goes on doing nothing, so that a message is a row of
 * calls without an `if` between them; fly_frame_end() asks once.
 *
 * In binary: a uint is a varint, an int a zigzag varint, a bool a byte, a text its length as a varint and
 * its bytes, a value a byte for its kind and what belongs to that, a list its count in four bytes (known
 * only when it is closed) and its elements, a row its count as a varint and its values, an item just its
 * fields. In JSON they are what everybody expects.
 */
#include "frame_int.h"

#include <fly/base_bytes.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_SIZE = 512 };

void fly_frame_out_init(fly_frame_out *out, fly_mem *mem)
{
    *out = (fly_frame_out){.mem = mem};
}

void fly_frame_out_deinit(fly_frame_out *out)
{
    fly_mem_free(out->mem, out->data, out->size);
    *out = (fly_frame_out){.mem = out->mem};
}

void fly_frame_out_clear(fly_frame_out *out, size_t keep)
{
    out->len = 0;
    out->start = 0;
    if (out->size > keep) {
        fly_frame_out_deinit(out);
    }
}

/* ------------------------------------------------------------------- bytes */

static uint8_t *reserve(fly_frame_out *out, size_t more)
{
    if (out->failed) {
        return NULL;
    }
    if (more > out->size - out->len) {
        size_t size = out->size > 0 ? out->size : FIRST_SIZE;
        while (size - out->len < more && size <= SIZE_MAX / 4) {
            size *= 2;
        }
        uint8_t *data =
            size - out->len < more ? NULL : fly_mem_resize(out->mem, out->data, out->size, size);
        if (data == NULL) {
            out->failed = true;
            return NULL;
        }
        out->data = data;
        out->size = size;
    }
    return out->data + out->len;
}

static void add(fly_frame_out *out, const void *data, size_t len)
{
    uint8_t *at = reserve(out, len);
    if (at != NULL && len > 0) {
        memcpy(at, data, len);
        out->len += len;
    }
}

static void add_byte(fly_frame_out *out, uint8_t byte)
{
    add(out, &byte, 1);
}

static void add_varint(fly_frame_out *out, uint64_t value)
{
    uint8_t room[FLY_VARINT_SIZE_MAX];
    add(out, room, fly_put_varint(room, value));
}

static void add_str(fly_frame_out *out, const char *text)
{
    add(out, text, strlen(text));
}

/* --------------------------------------------------------------------- JSON */

/* A byte that JSON must not have as it is. */
static bool is_special(uint8_t byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f;
}

static void add_escape(fly_frame_out *out, uint8_t byte)
{
    char room[8];
    const char *shorts = "\"\"\\\\\nn\rr\tt";
    for (const char *pair = shorts; *pair != 0; pair += 2) {
        if ((uint8_t)pair[0] == byte) {
            add_byte(out, '\\');
            add_byte(out, (uint8_t)pair[1]);
            return;
        }
    }
    (void)snprintf(room, sizeof room, "\\u%04x", byte);
    add_str(out, room);
}

static void add_json_text(fly_frame_out *out, fly_bytes text)
{
    add_byte(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_special(text.data[i])) {
            add(out, text.data + from, i - from);
            add_escape(out, text.data[i]);
            from = i + 1;
        }
    }
    if (text.len > from) {
        add(out, text.data + from, text.len - from);
    }
    add_byte(out, '"');
}

/* ------------------------------------------------------------------- fields */

static fly__frame_level *level(fly_frame_out *out)
{
    return out->depth > 0 ? &out->levels[out->depth - 1] : NULL;
}

/* Before each field or element: what parts it from the one before, and its name. */
static void lead(fly_frame_out *out, const char *name)
{
    fly__frame_level *inside = level(out);
    FLY_ASSERT((name == NULL) == (inside != NULL && inside->kind != '{'));
    if (inside != NULL) {
        inside->count++;
    }
    if (!out->json) {
        return;
    }
    uint8_t last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[') {
        add_byte(out, ',');
    }
    if (name != NULL) {
        add_json_text(out, fly_bytes_str(name));
        add_byte(out, ':');
    }
}

void fly_frame_put_uint(fly_frame_out *out, const char *name, uint64_t value)
{
    char room[24];
    lead(out, name);
    if (out->json) {
        (void)snprintf(room, sizeof room, "%" PRIu64, value);
        add_str(out, room);
    } else {
        add_varint(out, value);
    }
}

void fly_frame_put_int(fly_frame_out *out, const char *name, int64_t value)
{
    char room[24];
    lead(out, name);
    if (out->json) {
        (void)snprintf(room, sizeof room, "%" PRId64, value);
        add_str(out, room);
    } else {
        add_varint(out, zigzag(value));
    }
}

void fly_frame_put_bool(fly_frame_out *out, const char *name, bool value)
{
    lead(out, name);
    if (out->json) {
        add_str(out, value ? "true" : "false");
    } else {
        add_byte(out, value);
    }
}

void fly_frame_put_text(fly_frame_out *out, const char *name, fly_bytes text)
{
    lead(out, name);
    if (out->json) {
        add_json_text(out, text);
    } else {
        add_varint(out, text.len);
        add(out, text.data, text.len);
    }
}

/* ------------------------------------------------------------------- values */

static void add_json_hex(fly_frame_out *out, fly_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    add_str(out, "\"\\\\x");
    for (size_t i = 0; i < bytes.len; i++) {
        add_byte(out, (uint8_t)digits[bytes.data[i] >> 4]);
        add_byte(out, (uint8_t)digits[bytes.data[i] & 15]);
    }
    add_byte(out, '"');
}

/* Numbers that a reader of JSON, which may know only doubles, gets whole; others go as strings. */
static bool is_json_number(const fly_frame_value *value)
{
    const int64_t whole = (int64_t)1 << 53;
    if (value->kind == FLY_FRAME_V_INT) {
        return value->i >= -whole && value->i <= whole;
    }
    return value->kind == FLY_FRAME_V_DOUBLE && value->d - value->d == 0;
}

static void add_json_value(fly_frame_out *out, const fly_frame_value *value)
{
    char room[FLY_FRAME_ROOM];
    if (value->kind == FLY_FRAME_V_NULL) {
        add_str(out, "null");
    } else if (value->kind == FLY_FRAME_V_FALSE || value->kind == FLY_FRAME_V_TRUE) {
        add_str(out, value->kind == FLY_FRAME_V_TRUE ? "true" : "false");
    } else if (value->kind == FLY_FRAME_V_BYTES) {
        add_json_hex(out, value->bytes);
    } else if (is_json_number(value)) {
        fly_bytes text = fly_frame_value_text(value, room);
        add(out, text.data, text.len);
    } else {
        add_json_text(out, fly_frame_value_text(value, room));
    }
}

static void add_value(fly_frame_out *out, const fly_frame_value *value)
{
    uint8_t room[8];
    uint64_t bits;
    if (value->kind == FLY_FRAME_V_INT && value->i >= 0 && value->i < SMALL_INT) {
        add_byte(out, (uint8_t)(SMALL_INT + value->i));
        return;
    }
    add_byte(out, value->kind);
    switch (value->kind) {
    case FLY_FRAME_V_DECIMAL:
        FLY_ASSERT(value->scale <= FLY_FRAME_SCALE_MAX);
        add_byte(out, value->scale);
        add_varint(out, zigzag(value->i));
        break;
    case FLY_FRAME_V_INT:
    case FLY_FRAME_V_DATE:
    case FLY_FRAME_V_TIME:
    case FLY_FRAME_V_TIMESTAMP:
    case FLY_FRAME_V_TIMESTAMPTZ:
        add_varint(out, zigzag(value->i));
        break;
    case FLY_FRAME_V_DOUBLE:
        memcpy(&bits, &value->d, sizeof bits);
        fly_put_u64be(room, bits);
        add(out, room, sizeof room);
        break;
    case FLY_FRAME_V_TEXT:
    case FLY_FRAME_V_BYTES:
        add_varint(out, value->bytes.len);
        add(out, value->bytes.data, value->bytes.len);
        break;
    case FLY_FRAME_V_UUID:
        FLY_ASSERT(value->bytes.len == 16);
        add(out, value->bytes.data, 16);
        break;
    default:
        FLY_ASSERT(value->kind <= FLY_FRAME_V_TRUE);
        break;
    }
}

void fly_frame_put_value(fly_frame_out *out, const char *name, const fly_frame_value *value)
{
    lead(out, name);
    if (out->json) {
        add_json_value(out, value);
    } else {
        add_value(out, value);
    }
}

/* -------------------------------------------------------------------- nests */

static void descend(fly_frame_out *out, char kind)
{
    FLY_ASSERT(out->depth < FLY_FRAME_DEPTH_MAX);
    out->levels[out->depth++] = (fly__frame_level){.at = out->len, .kind = kind};
}

void fly_frame_open_list(fly_frame_out *out, const char *name)
{
    lead(out, name);
    descend(out, '[');
    if (out->json) {
        add_byte(out, '[');
    } else {
        add(out, "\0\0\0", 4);
    }
}

void fly_frame_open_row(fly_frame_out *out, size_t count)
{
    lead(out, NULL);
    descend(out, '(');
    if (out->json) {
        add_byte(out, '[');
    } else {
        add_varint(out, count);
    }
}

void fly_frame_open_item(fly_frame_out *out)
{
    lead(out, NULL);
    descend(out, '{');
    if (out->json) {
        add_byte(out, '{');
    }
}

void fly_frame_close(fly_frame_out *out)
{
    FLY_ASSERT(out->depth > 0);
    const fly__frame_level *inside = &out->levels[--out->depth];
    if (out->json) {
        add_byte(out, inside->kind == '{' ? '}' : ']');
    } else if (inside->kind == '[' && !out->failed) {
        fly_put_u32be(out->data + inside->at, (uint32_t)inside->count);
    }
}

/* ------------------------------------------------------------------- frames */

void fly_frame_begin(fly_frame_out *out, uint8_t type, uint8_t flags)
{
    const uint8_t header[FLY_FRAME_HEADER_SIZE] = {FLY_FRAME_MAGIC, FLY_FRAME_PROTOCOL, type,
                                                   flags};
    out->start = out->len;
    out->failed = false;
    out->depth = 0;
    out->json = (flags & FLY_FRAME_JSON) != 0;
    add(out, header, sizeof header);
    if (out->json) {
        add_byte(out, '{');
    }
}

void fly_frame_undo(fly_frame_out *out)
{
    out->len = out->start;
    out->depth = 0;
    out->failed = false;
}

size_t fly_frame_pending(const fly_frame_out *out)
{
    return out->len - out->start;
}

fly_status fly_frame_end(fly_frame_out *out, fly_err *err)
{
    FLY_ASSERT(out->depth == 0);
    if (out->json) {
        add_byte(out, '}');
    }
    if (out->failed) {
        fly_frame_undo(out);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a frame");
    }
    size_t length = out->len - out->start - FLY_FRAME_HEADER_SIZE;
    if (length > UINT32_MAX) {
        fly_frame_undo(out);
        return fly_err_set(err, FLY_E_TOO_LARGE, "frame of %zu bytes", length);
    }
    fly_put_u32be(out->data + out->start + 4, (uint32_t)length);
    return FLY_OK;
}
