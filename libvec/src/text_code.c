/*
 * Bytes as text and back: hexadecimal, base64, escapes; and the texts of booleans, bytea and UUIDs.
 */
#include "text_int.h"

#include <stdio.h>
#include <string.h>

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

fly_status fly__vec_text_error_text(fly_err *err, const char *sqlstate, const char *format,
                                    fly_bytes text)
{
    char copy[300];
    char message[400];
    size_t n = text.len < sizeof copy - 1 ? text.len : sizeof copy - 1;
    if (n > 0) {
        memcpy(copy, text.data, n);
    }
    copy[n] = '\0';
    const char *hole = strstr(format, "%s");
    (void)snprintf(message, sizeof message, "%.*s%s%s", (int)(hole - format), format, copy,
                   hole + 2);
    return fly__vec_text_error(err, sqlstate, message);
}

static bool is_word(fly_bytes t, const char *word)
{
    if (t.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (lower(t.data[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

/* -------------------------------------------------------------------------- hex */

static const char hex_digits[] = "0123456789abcdef";

static int hex_value(int c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10
                                                : -1;
}

static void put_hex(fly__vec_sink *s, fly_bytes data)
{
    if (fly__vec_sink_room(s, data.len * 2)) {
        for (size_t i = 0; i < data.len; i++) {
            s->bytes[s->n++] = (uint8_t)hex_digits[data.data[i] >> 4];
            s->bytes[s->n++] = (uint8_t)hex_digits[data.data[i] & 15];
        }
    }
}

static fly_status get_hex(fly__vec_sink *s, fly_bytes text, fly_err *err)
{
    for (size_t i = 0; i < text.len;) {
        if (is_space(text.data[i])) {
            i++;
            continue;
        }
        int value = 0;
        for (int k = 0; k < 2; k++) {
            if (i == text.len) {
                return fly__vec_text_error(err, "22023",
                                           "invalid hexadecimal data: odd number of digits");
            }
            int digit = hex_value(text.data[i]);
            if (digit < 0) {
                size_t len = fly_vec_text_step(text.data + i, text.len - i);
                return fly__vec_text_error_text(err, "22023", "invalid hexadecimal digit: \"%s\"",
                                                fly_bytes_of(text.data + i, len));
            }
            value = value * 16 + digit;
            i++;
        }
        uint8_t byte = (uint8_t)value;
        fly__vec_sink_put(s, &byte, 1);
    }
    return FLY_OK;
}

/* ----------------------------------------------------------------------- base64 */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(fly__vec_sink *s, fly_bytes data)
{
    enum { LINE = 76 };
    size_t column = 0;
    for (size_t i = 0; i < data.len && s->trouble == FLY_OK; i += 3) {
        size_t n = data.len - i < 3 ? data.len - i : 3;
        uint32_t x = (uint32_t)data.data[i] << 16;
        x |= n > 1 ? (uint32_t)data.data[i + 1] << 8 : 0;
        x |= n > 2 ? data.data[i + 2] : 0;
        char four[5] = {base64_digits[x >> 18], base64_digits[x >> 12 & 63],
                        n > 1 ? base64_digits[x >> 6 & 63] : '=',
                        n > 2 ? base64_digits[x & 63] : '=', '\n'};
        column += 4;
        fly__vec_sink_put(s, four, column == LINE && n == 3 ? 5 : 4);
        column = column == LINE ? 0 : column;
    }
}

static fly_status bad_end(fly_err *err)
{
    fly_status status = fly__vec_text_error(err, "22023", "invalid base64 end sequence");
    if (err != NULL) {
        fly_err_hint(err,
                     "Input data is missing padding, is truncated, or is otherwise corrupted.");
    }
    return status;
}

static fly_status get_base64(fly__vec_sink *s, fly_bytes text, fly_err *err)
{
    uint32_t buffer = 0;
    int position = 0;
    int end = 0;
    for (size_t i = 0; i < text.len; i++) {
        int c = text.data[i];
        uint32_t value = 0;
        if (is_space(c)) {
            continue;
        }
        if (c == '=') {
            if (end == 0) {
                if (position == 2) {
                    end = 1;
                } else if (position == 3) {
                    end = 2;
                } else {
                    return fly__vec_text_error_text(
                        err, "22023", "unexpected \"%s\" while decoding base64 sequence",
                        fly_bytes_str("="));
                }
            }
        } else {
            const char *digit = c == 0 ? NULL : strchr(base64_digits, c);
            if (digit == NULL) {
                size_t len = fly_vec_text_step(text.data + i, text.len - i);
                return fly__vec_text_error_text(
                    err, "22023", "invalid symbol \"%s\" found while decoding base64 sequence",
                    fly_bytes_of(text.data + i, len));
            }
            value = (uint32_t)(digit - base64_digits);
        }
        buffer = buffer << 6 | value;
        if (++position == 4) {
            uint8_t three[3] = {(uint8_t)(buffer >> 16), (uint8_t)(buffer >> 8), (uint8_t)buffer};
            fly__vec_sink_put(s, three, end == 0 ? 3 : (size_t)end);
            buffer = 0;
            position = 0;
        }
    }
    return position != 0 ? bad_end(err) : FLY_OK;
}

/* ----------------------------------------------------------------------- escapes */

static void put_escape(fly__vec_sink *s, fly_bytes data, bool controls)
{
    for (size_t i = 0; i < data.len && s->trouble == FLY_OK; i++) {
        uint8_t c = data.data[i];
        bool octal = c >= 0x80 || c == 0 || (controls && (c < 0x20 || c > 0x7e));
        char text[5] = {'\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)),
                        (char)('0' + (c & 7)), 0};
        if (octal) {
            fly__vec_sink_put(s, text, 4);
        } else {
            fly__vec_sink_put(s, "\\", c == '\\' ? 1 : 0);
            fly__vec_sink_put(s, &c, 1);
        }
    }
}

static fly_status get_escape(fly__vec_sink *s, fly_bytes text, fly_err *err)
{
    const uint8_t *t = text.data;
    for (size_t i = 0; i < text.len; i++) {
        if (t[i] != '\\') {
            fly__vec_sink_put(s, t + i, 1);
        } else if (text.len - i >= 4 && t[i + 1] >= '0' && t[i + 1] <= '3' && t[i + 2] >= '0' &&
                   t[i + 2] <= '7' && t[i + 3] >= '0' && t[i + 3] <= '7') {
            uint8_t byte =
                (uint8_t)((t[i + 1] - '0') << 6 | (t[i + 2] - '0') << 3 | (t[i + 3] - '0'));
            fly__vec_sink_put(s, &byte, 1);
            i += 3;
        } else if (text.len - i >= 2 && t[i + 1] == '\\') {
            fly__vec_sink_put(s, t + i, 1);
            i++;
        } else {
            return fly__vec_text_error(err, "22P02", "invalid input syntax for type bytea");
        }
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------- encode, decode */

static fly_status unknown(fly_err *err, fly_bytes encoding)
{
    return fly__vec_text_error_text(err, "22023", "unrecognized encoding: \"%s\"", encoding);
}

fly_status fly_vec_encode(fly_bytes data, fly_bytes encoding, fly_arena *arena, fly_vec_str *out,
                          fly_err *err)
{
    fly__vec_sink s;
    if (is_word(encoding, "hex")) {
        fly__vec_sink_init(&s, arena, data.len * 2);
        put_hex(&s, data);
    } else if (is_word(encoding, "base64")) {
        fly__vec_sink_init(&s, arena, data.len / 3 * 4 + data.len / 57 + 8);
        put_base64(&s, data);
    } else if (is_word(encoding, "escape")) {
        fly__vec_sink_init(&s, arena, data.len);
        put_escape(&s, data, false);
    } else {
        return unknown(err, encoding);
    }
    return fly__vec_sink_give(&s, out, err);
}

fly_status fly_vec_decode(fly_bytes text, fly_bytes encoding, fly_arena *arena, fly_vec_str *out,
                          fly_err *err)
{
    fly__vec_sink s;
    fly_status status;
    fly__vec_sink_init(&s, arena, text.len);
    if (is_word(encoding, "hex")) {
        status = get_hex(&s, text, err);
    } else if (is_word(encoding, "base64")) {
        status = get_base64(&s, text, err);
    } else if (is_word(encoding, "escape")) {
        status = get_escape(&s, text, err);
    } else {
        status = unknown(err, encoding);
    }
    return status == FLY_OK ? fly__vec_sink_give(&s, out, err) : status;
}

fly_status fly_vec_bytea_parse(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, text.len);
    fly_status status = text.len >= 2 && text.data[0] == '\\' && text.data[1] == 'x'
                            ? get_hex(&s, fly_bytes_of(text.data + 2, text.len - 2), err)
                            : get_escape(&s, text, err);
    return status == FLY_OK ? fly__vec_sink_give(&s, out, err) : status;
}

fly_status fly_vec_bytea_format(fly_bytes data, bool escape, fly_arena *arena, fly_vec_str *out,
                                fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, data.len * 2 + 2);
    if (escape) {
        put_escape(&s, data, true);
    } else {
        fly__vec_sink_put(&s, "\\x", 2);
        put_hex(&s, data);
    }
    return fly__vec_sink_give(&s, out, err);
}

/* ---------------------------------------------------------------- characters' codes */

size_t fly_vec_to_hex(uint64_t x, char *out)
{
    size_t n = 1;
    for (uint64_t y = x >> 4; y > 0; y >>= 4) {
        n++;
    }
    for (size_t i = n; i > 0; i--, x >>= 4) {
        out[i - 1] = hex_digits[x & 15];
    }
    return n;
}

int32_t fly_vec_ascii(fly_bytes text)
{
    if (text.len == 0) {
        return 0;
    }
    int32_t c = text.data[0];
    size_t n = fly_vec_text_step(text.data, text.len);
    if (n == 1) {
        return c;
    }
    c &= 0xff >> (n + 1);
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (text.data[i] & 0x3f);
    }
    return c;
}

fly_status fly_vec_chr(int32_t code, fly_vec_str *out, fly_err *err)
{
    if (code < 0) {
        return fly__vec_text_error(err, "22023", "character number must be positive");
    }
    if (code == 0) {
        return fly__vec_text_error(err, "54000", "null character not permitted");
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        char message[80];
        (void)snprintf(message, sizeof message,
                       code > 0x10ffff ? "requested character too large for encoding: %d"
                                       : "requested character not valid for encoding: %d",
                       code);
        return fly__vec_text_error(err, "54000", message);
    }
    uint8_t bytes[4];
    uint32_t c = (uint32_t)code;
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i > 1; i--, c >>= 6) {
        bytes[i - 1] = (uint8_t)(0x80 | (c & 0x3f));
    }
    bytes[0] = (uint8_t)(lead[n] | c);
    *out = fly_vec_str_of(bytes, n);
    return FLY_OK;
}

/* ------------------------------------------------------------------ other types */

static fly_bytes trimmed(fly_bytes t)
{
    while (t.len > 0 && is_space(t.data[0])) {
        t.data++;
        t.len--;
    }
    while (t.len > 0 && is_space(t.data[t.len - 1])) {
        t.len--;
    }
    return t;
}

fly_status fly_vec_bool_parse(fly_bytes text, bool *out, fly_err *err)
{
    static const struct {
        const char *word;
        size_t least;
        bool value;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    fly_bytes t = trimmed(text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char cut[8] = "";
        size_t most = strlen(words[i].word);
        if (t.len >= words[i].least && t.len <= most) {
            memcpy(cut, words[i].word, t.len);
            if (is_word(t, cut)) {
                *out = words[i].value;
                return FLY_OK;
            }
        }
    }
    return fly__vec_text_error_text(err, "22P02", "invalid input syntax for type boolean: \"%s\"",
                                    text);
}

fly_status fly_vec_uuid_parse(fly_bytes text, fly_vec_i128 *out, fly_err *err)
{
    size_t i = 0;
    size_t n = text.len;
    const uint8_t *t = text.data;
    bool brace = n > 0 && t[0] == '{', good = true;
    fly_vec_u128 x = 0;
    i += brace;
    for (int k = 0; k < 32 && good; k++) {
        int digit = i < n ? hex_value(t[i++]) : -1;
        good = digit >= 0;
        x = x << 4 | (fly_vec_u128)(digit & 15);
        if (k % 4 == 3 && k < 31 && i < n && t[i] == '-') {
            i++;
        }
    }
    if (brace) {
        good = good && i < n && t[i++] == '}';
    }
    if (!good || i != n) {
        return fly__vec_text_error_text(err, "22P02", "invalid input syntax for type uuid: \"%s\"",
                                        text);
    }
    /* The sign bit is turned, so that integers sort as UUIDs do. */
    *out = (fly_vec_i128)(x ^ (fly_vec_u128)1 << 127);
    return FLY_OK;
}

void fly_vec_uuid_format(fly_vec_i128 uuid, char *out)
{
    fly_vec_u128 x = (fly_vec_u128)uuid ^ (fly_vec_u128)1 << 127;
    for (int k = 0; k < 32; k++) {
        *out++ = hex_digits[(unsigned)(x >> (124 - 4 * k)) & 15];
        if (k == 7 || k == 11 || k == 15 || k == 19) {
            *out++ = '-';
        }
    }
}
