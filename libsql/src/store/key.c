/*
 * Keys: values as bytes that sort.
 *
 *     value     NULL marker (0 NULLs first, 1 a value, 2 NULLs last), then by physical type
 *     integers  big-endian, the sign bit flipped
 *     doubles   big-endian bits; negative ones inverted, others with the sign bit flipped; one NaN,
 *               greater than everything; one zero
 *     strings   bytes, 00 as 00 FF, ended by 00 01; under a collation those of the sort key
 *     numeric   libvec's key, if unscaled
 *     interval  its length in microseconds, months being 30 days, as an integer of 16 bytes
 *
 * A descending column has the bytes of its value inverted; the marker says where NULLs go and is not.
 */
#include "store/key_int.h"

#include <fly/base_bytes.h>
#include <fly/text.h>
#include <fly/vec_numeric.h>

#include <string.h>

enum { MARK_NULL_FIRST = 0, MARK_VALUE = 1, MARK_NULL_LAST = 2 };

static uint8_t *more(fly__sql_key *key, size_t size, fly_err *err)
{
    if (size > key->room - key->len) {
        size_t room = 2 * key->room + size + 64;
        uint8_t *grown = fly_arena_alloc(key->arena, room);
        if (grown == NULL) {
            (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a key of %zu bytes",
                              key->len + size);
            return NULL;
        }
        if (key->len > 0) {
            memcpy(grown, key->data, key->len);
        }
        key->data = grown;
        key->room = room;
    }
    uint8_t *at = key->data + key->len;
    key->len += size;
    return at;
}

fly_status fly__sql_key_append(fly__sql_key *key, fly_bytes bytes, fly_err *err)
{
    if (bytes.len == 0) {
        return FLY_OK;
    }
    uint8_t *at = more(key, bytes.len, err);
    if (at == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(at, bytes.data, bytes.len);
    return FLY_OK;
}

static fly_status add_string(fly__sql_key *key, fly_bytes bytes, fly_err *err)
{
    size_t zeros = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        zeros += bytes.data[i] == 0;
    }
    uint8_t *at = more(key, bytes.len + zeros + 2, err);
    if (at == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (zeros == 0) {
        memcpy(at, bytes.len > 0 ? (const void *)bytes.data : "", bytes.len);
        at += bytes.len;
    } else {
        for (size_t i = 0; i < bytes.len; i++) {
            *at++ = bytes.data[i];
            if (bytes.data[i] == 0) {
                *at++ = 0xff;
            }
        }
    }
    at[0] = 0;
    at[1] = 1;
    return FLY_OK;
}

static fly_status add_collated(fly__sql_key *key, const fly_collation *collation, fly_bytes text,
                               fly_err *err)
{
    uint8_t small[256];
    uint8_t *room = small;
    size_t len = 0;
    fly_status status = fly_text_sort_key(collation, text, small, sizeof small, &len, err);
    if (status == FLY_E_FULL) {
        room = fly_arena_alloc(key->arena, len);
        if (room == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a sort key");
        }
        status = fly_text_sort_key(collation, text, room, len, &len, err);
    }
    return status == FLY_OK ? add_string(key, fly_bytes_of(room, len), err) : status;
}

static uint64_t double_bits(double x)
{
    uint64_t bits = 0x7ff8000000000000u; /* the one NaN */
    if (x == 0) {
        x = 0; /* the one zero */
    }
    if (x == x) {
        memcpy(&bits, &x, sizeof bits);
    }
    return bits >> 63 != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint32_t float_bits(float x)
{
    uint32_t bits = 0x7fc00000u;
    if (x == 0) {
        x = 0;
    }
    if (x == x) {
        memcpy(&bits, &x, sizeof bits);
    }
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

static void put_wide(uint8_t *at, fly_vec_i128 x)
{
    fly_vec_u128 flipped = (fly_vec_u128)x ^ (fly_vec_u128)1 << 127;
    fly_put_u64be(at, (uint64_t)(flipped >> 64));
    fly_put_u64be(at + 8, (uint64_t)flipped);
}

static fly_vec_i128 interval_length(const fly_vec_interval *x)
{
    const fly_vec_i128 day = 86400000000;
    return (fly_vec_i128)x->months * 30 * day + (fly_vec_i128)x->days * day + x->micros;
}

/* char(n): blanks at the end mean nothing. */
static fly_bytes without_padding(fly_bytes text)
{
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

static fly_status add_bytes_value(fly__sql_key *key, const fly__sql_key_order *order,
                                  const fly_vec_value *value, fly_err *err)
{
    fly_bytes bytes = fly_vec_str_bytes(&value->str);
    if (order->type.oid == FLY_SQL_NUMERIC) {
        uint8_t *at = more(key, fly_vec_numeric_key_size(value->str), err);
        if (at == NULL) {
            return FLY_E_NO_MEMORY;
        }
        (void)fly_vec_numeric_key_encode(value->str, at);
        return FLY_OK;
    }
    if (order->type.oid == FLY_SQL_BPCHAR) {
        bytes = without_padding(bytes);
    }
    return order->collation == NULL ? add_string(key, bytes, err)
                                    : add_collated(key, order->collation, bytes, err);
}

static fly_status add_value(fly__sql_key *key, const fly__sql_key_order *order,
                            const fly_vec_value *value, fly_err *err)
{
    if (order->physical == FLY_VEC_STR) {
        return add_bytes_value(key, order, value, err);
    }
    uint8_t *at = more(key, fly_vec_type_size(order->physical), err);
    if (at == NULL) {
        return FLY_E_NO_MEMORY;
    }
    switch (order->physical) {
    case FLY_VEC_BOOL:
        *at = value->b;
        break;
    case FLY_VEC_I16:
        fly_put_u16be(at, (uint16_t)((uint16_t)value->i16 ^ 0x8000u));
        break;
    case FLY_VEC_I32:
        fly_put_u32be(at, (uint32_t)value->i32 ^ 0x80000000u);
        break;
    case FLY_VEC_I64:
        fly_put_u64be(at, (uint64_t)value->i64 ^ (uint64_t)1 << 63);
        break;
    case FLY_VEC_I128:
        put_wide(at, value->i128);
        break;
    case FLY_VEC_F32:
        fly_put_u32be(at, float_bits(value->f32));
        break;
    case FLY_VEC_F64:
        fly_put_u64be(at, double_bits(value->f64));
        break;
    default:
        put_wide(at, interval_length(&value->interval));
        break;
    }
    return FLY_OK;
}

fly_status fly__sql_key_add(fly__sql_key *key, const fly__sql_key_order *order,
                            const fly_vec_value *value, fly_err *err)
{
    uint8_t *mark = more(key, 1, err);
    if (mark == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (value->null) {
        *mark = order->nulls_first ? MARK_NULL_FIRST : MARK_NULL_LAST;
        return FLY_OK;
    }
    *mark = MARK_VALUE;
    size_t start = key->len;
    fly_status status = add_value(key, order, value, err);
    for (size_t i = start; order->descending && i < key->len; i++) {
        key->data[i] = (uint8_t)~key->data[i];
    }
    return status;
}

/* --------------------------------------------------------------- and back */

bool fly__sql_key_is_exact(const fly__sql_key_order *order)
{
    switch (order->physical) {
    case FLY_VEC_BOOL:
    case FLY_VEC_I16:
    case FLY_VEC_I32:
    case FLY_VEC_I64:
    case FLY_VEC_I128:
        return true;
    case FLY_VEC_STR:
        return order->collation == NULL &&
               (order->type.oid == FLY_SQL_TEXT || order->type.oid == FLY_SQL_VARCHAR ||
                order->type.oid == FLY_SQL_BYTEA || order->type.oid == FLY_SQL_NAME);
    default:
        return false; /* 0 and -0, months and days: more than one value under one key */
    }
}

static fly_status damaged(fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "a key of an index is damaged");
}

/* Strings end with 00 01 and have 00 FF for 00; all inverted in a descending column. */
static fly_status take_string(fly_bytes *key, const fly__sql_key_order *order, fly_arena *arena,
                              fly_vec_value *value, fly_err *err)
{
    const uint8_t flip = order->descending ? 0xff : 0;
    size_t len = 0;
    size_t zeros = 0;
    for (;;) {
        const uint8_t *zero = memchr(key->data + len, flip, key->len - len);
        if (zero == NULL || (size_t)(zero - key->data) + 1 >= key->len) {
            return damaged(err);
        }
        len = (size_t)(zero - key->data);
        if ((zero[1] ^ flip) == 1) {
            break;
        }
        zeros++;
        len += 2;
    }
    const uint8_t *from = key->data;
    *key = fly_bytes_of(key->data + len + 2, key->len - len - 2);
    if (value == NULL) {
        return FLY_OK;
    }
    if (zeros == 0 && flip == 0) {
        value->str = fly_vec_str_of(from, len);
        return FLY_OK;
    }
    uint8_t *plain = fly_arena_alloc(arena, len + 1);
    size_t at = 0;
    if (plain == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a string of %zu bytes", len);
    }
    for (size_t i = 0; i < len; i++) {
        plain[at] = from[i] ^ flip;
        i += plain[at++] == 0; /* and its FF */
    }
    value->str = fly_vec_str_of(plain, at);
    return FLY_OK;
}

/* The length of a key of a numeric says only itself. */
static fly_status step_over_numeric(fly_bytes *key, const fly__sql_key_order *order,
                                    fly_arena *arena, fly_err *err)
{
    const uint8_t *from = key->data;
    fly_vec_str ignored;
    size_t used = 0;
    if (order->descending && key->len > 0) {
        uint8_t *plain = fly_arena_alloc(arena, key->len);
        if (plain == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a key");
        }
        for (size_t i = 0; i < key->len; i++) {
            plain[i] = (uint8_t)~key->data[i];
        }
        from = plain;
    }
    fly_status status =
        fly_vec_numeric_key_decode(fly_bytes_of(from, key->len), arena, &ignored, &used, err);
    *key = fly_bytes_of(key->data + used, key->len - used);
    return status;
}

static void get_fixed(const uint8_t *at, fly_vec_type physical, fly_vec_value *value)
{
    switch (physical) {
    case FLY_VEC_BOOL:
        value->b = *at != 0;
        break;
    case FLY_VEC_I16:
        value->i16 = (int16_t)(fly_get_u16be(at) ^ 0x8000u);
        break;
    case FLY_VEC_I32:
        value->i32 = (int32_t)(fly_get_u32be(at) ^ 0x80000000u);
        break;
    case FLY_VEC_I64:
        value->i64 = (int64_t)(fly_get_u64be(at) ^ (uint64_t)1 << 63);
        break;
    default: {
        fly_vec_u128 wide = (fly_vec_u128)fly_get_u64be(at) << 64 | fly_get_u64be(at + 8);
        value->i128 = (fly_vec_i128)(wide ^ (fly_vec_u128)1 << 127);
        break;
    }
    }
}

fly_status fly__sql_key_take(fly_bytes *key, const fly__sql_key_order *order, fly_arena *arena,
                             fly_vec_value *value, fly_err *err)
{
    if (value != NULL) {
        memset(value, 0, sizeof *value);
    }
    if (key->len == 0) {
        return damaged(err);
    }
    uint8_t mark = key->data[0];
    *key = fly_bytes_of(key->data + 1, key->len - 1);
    if (mark != MARK_VALUE) {
        if (value != NULL) {
            value->null = true;
        }
        return mark == MARK_NULL_FIRST || mark == MARK_NULL_LAST ? FLY_OK : damaged(err);
    }
    if (order->physical == FLY_VEC_STR) {
        return order->type.oid == FLY_SQL_NUMERIC ? step_over_numeric(key, order, arena, err)
                                                  : take_string(key, order, arena, value, err);
    }
    uint8_t bytes[16];
    size_t size = fly_vec_type_size(order->physical);
    if (size > key->len || size > sizeof bytes) {
        return damaged(err);
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = order->descending ? (uint8_t)~key->data[i] : key->data[i];
    }
    *key = fly_bytes_of(key->data + size, key->len - size);
    if (value != NULL) {
        get_fixed(bytes, order->physical, value);
    }
    return FLY_OK;
}

bool fly__sql_key_next(fly__sql_key *key)
{
    while (key->len > 0) {
        if (key->data[key->len - 1] != 0xff) {
            key->data[key->len - 1]++;
            return true;
        }
        key->len--;
    }
    return false;
}
