/*
 * bytea and bits: encode and decode, single bytes and bits, bit strings; digests, by libauth.
 */
#include "func/string_int.h"

#include <fly/auth.h>
#include <fly/text.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool named(fly_bytes name, const char *word)
{
    if (name.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if ((name.data[i] | 32) != (uint8_t)word[i] && name.data[i] != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static fly_status unknown_encoding(fly__sql_call *call, fly_bytes name)
{
    return FAIL(call, "22023", "unrecognized encoding: \"%.*s\"",
                (int)(name.len < 100 ? name.len : 100), (const char *)name.data);
}

/* Lines of 76 digits, as MIME wants them. */
static void put_base64(fly_sql_text *text, fly_bytes bytes)
{
    size_t column = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        size_t left = bytes.len - i;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        char four[4] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63],
                        left > 1 ? base64_digits[group >> 6 & 63] : '=',
                        left > 2 ? base64_digits[group & 63] : '='};
        fly__sql_text_add(text, four, 4);
        column += 4;
        if (column == 76 && left > 3) {
            fly__sql_text_add(text, "\n", 1);
            column = 0;
        }
        if (column == 76 && left == 3) {
            fly__sql_text_add(text, "\n", 1);
            column = 0;
        }
    }
}

static void put_hex(fly_sql_text *text, fly_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        char two[2] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]};
        fly__sql_text_add(text, two, 2);
    }
}

/* Zero bytes, those above 127 and backslashes are escaped. */
static void put_escape(fly_sql_text *text, fly_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if (c == '\\') {
            fly__sql_text_put(text, "\\\\");
        } else if (c == 0 || c > 127) {
            char octal[4] = {'\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)),
                             (char)('0' + (c & 7))};
            fly__sql_text_add(text, octal, 4);
        } else {
            fly__sql_text_add(text, (const char *)&c, 1);
        }
    }
}

ROW(encode)
{
    fly_bytes bytes = arg_bytes(&args[0]);
    fly_bytes name = arg_bytes(&args[1]);
    fly_sql_text text = {.arena = call->arena};
    if (named(name, "hex")) {
        put_hex(&text, bytes);
    } else if (named(name, "base64")) {
        put_base64(&text, bytes);
    } else if (named(name, "escape")) {
        put_escape(&text, bytes);
    } else {
        return unknown_encoding(call, name);
    }
    return fly__sql_give_text(call, &text, result);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static fly_status from_base64(fly__sql_call *call, fly_bytes text, fly_vec_value *result)
{
    uint8_t *out = (uint8_t *)fly__sql_room(call, text.len);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    size_t len = 0;
    uint32_t group = 0;
    int digits = 0;
    int ends = 0; /* = signs */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (is_space(c)) {
            continue;
        }
        uint32_t digit = 0;
        if (c == '=') {
            if (digits + ends < 2) {
                return FAIL(call, "22023", "unexpected \"=\" while decoding base64 sequence");
            }
            ends++;
        } else {
            const char *at = c != 0 ? strchr(base64_digits, c) : NULL;
            if (at == NULL || ends > 0) {
                uint32_t code;
                size_t bytes = fly_text_next(text, i, &code);
                return FAIL(call, "22023",
                            "invalid symbol \"%.*s\" found while decoding base64 sequence",
                            (int)bytes, (const char *)text.data + i);
            }
            digit = (uint32_t)(at - base64_digits);
            digits++;
        }
        group = group << 6 | digit;
        if (digits + ends == 4) {
            out[len++] = (uint8_t)(group >> 16);
            if (ends < 2) {
                out[len++] = (uint8_t)(group >> 8);
            }
            if (ends < 1) {
                out[len++] = (uint8_t)group;
            }
            group = 0;
            digits = 0;
            ends = 0;
        }
    }
    if (digits + ends != 0) {
        FAIL(call, "22023", "invalid base64 end sequence");
        fly_err_hint(call->err, "Input data is missing padding, is truncated, or is otherwise "
                                "corrupted.");
        return FLY_E_INVALID;
    }
    return give_str(result, fly_vec_str_of(out, len));
}

ROW(decode)
{
    fly_bytes text = arg_bytes(&args[0]);
    fly_bytes name = arg_bytes(&args[1]);
    fly_sql_type bytea = fly__sql_type(FLY_SQL_BYTEA);
    if (named(name, "base64")) {
        return from_base64(call, text, result);
    }
    if (named(name, "escape")) {
        return fly__sql_value_in(call->session, bytea, text, call->arena, result, call->err);
    }
    if (!named(name, "hex")) {
        return unknown_encoding(call, name);
    }
    /* bytea's own input reads hexadecimal digits behind a \x. */
    fly_sql_text prefixed = {.arena = call->arena};
    fly__sql_text_put(&prefixed, "\\x");
    fly__sql_text_add(&prefixed, (const char *)text.data, text.len);
    if (prefixed.failed) {
        return fly__sql_no_memory(call->err);
    }
    return fly__sql_value_in(call->session, bytea, fly_bytes_of(prefixed.data, prefixed.len),
                             call->arena, result, call->err);
}

/* ------------------------------------------------------------ single bytes and bits */

static fly_status bad_index(fly__sql_call *call, int64_t index, int64_t limit)
{
    return FAIL(call, "2202E", "index %" PRId64 " out of valid range, 0..%" PRId64, index,
                limit - 1);
}

ROW(get_byte)
{
    fly_bytes bytes = arg_bytes(&args[0]);
    if (args[1].i32 < 0 || (size_t)args[1].i32 >= bytes.len) {
        return bad_index(call, args[1].i32, (int64_t)bytes.len);
    }
    return give_i32(result, bytes.data[args[1].i32]);
}

static fly_status changed(fly__sql_call *call, fly_bytes bytes, size_t at, uint8_t byte,
                          fly_vec_value *result)
{
    char *out = fly__sql_room(call, bytes.len);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(out, bytes.data, bytes.len);
    out[at] = (char)byte;
    return give_str(result, fly_vec_str_of(out, bytes.len));
}

ROW(set_byte)
{
    fly_bytes bytes = arg_bytes(&args[0]);
    if (args[1].i32 < 0 || (size_t)args[1].i32 >= bytes.len) {
        return bad_index(call, args[1].i32, (int64_t)bytes.len);
    }
    return changed(call, bytes, (size_t)args[1].i32, (uint8_t)args[2].i32, result);
}

ROW(get_bit)
{
    fly_bytes bytes = arg_bytes(&args[0]);
    int64_t at = args[1].i64;
    if (at < 0 || at >= (int64_t)bytes.len * 8) {
        return bad_index(call, at, (int64_t)bytes.len * 8);
    }
    return give_i32(result, bytes.data[at / 8] >> (at % 8) & 1);
}

ROW(set_bit)
{
    fly_bytes bytes = arg_bytes(&args[0]);
    int64_t at = args[1].i64;
    if (at < 0 || at >= (int64_t)bytes.len * 8) {
        return bad_index(call, at, (int64_t)bytes.len * 8);
    }
    if (args[2].i32 != 0 && args[2].i32 != 1) {
        return FAIL(call, "22023", "new bit must be 0 or 1");
    }
    uint8_t mask = (uint8_t)(1u << (at % 8));
    uint8_t byte = bytes.data[at / 8];
    byte = (uint8_t)(args[2].i32 == 1 ? byte | mask : byte & ~mask);
    return changed(call, bytes, (size_t)(at / 8), byte, result);
}

ROW(bit_count_bytes)
{
    fly_bytes bytes = arg_bytes(&args[0]);
    int64_t count = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        count += __builtin_popcount(bytes.data[i]);
    }
    return give_i64(result, count);
}

/* ------------------------------------------------------------------- bit strings */

ROW(bit_count_bits)
{
    fly_bytes bits = arg_bytes(&args[0]);
    int64_t count = 0;
    for (size_t i = 0; i < bits.len; i++) {
        count += bits.data[i] == '1';
    }
    return give_i64(result, count);
}

static fly_status combine(fly__sql_call *call, char op, const fly_vec_value *args,
                          fly_vec_value *result)
{
    fly_bytes a = arg_bytes(&args[0]);
    fly_bytes b = op == '~' ? a : arg_bytes(&args[1]);
    if (a.len != b.len) {
        return FAIL(call, "22026", "cannot %s bit strings of different sizes",
                    op == '&'   ? "AND"
                    : op == '|' ? "OR"
                                : "XOR");
    }
    char *out = fly__sql_room(call, a.len);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (size_t i = 0; i < a.len; i++) {
        int x = a.data[i] & 1;
        int y = b.data[i] & 1;
        out[i] = (char)('0' + (op == '&'   ? (x & y)
                               : op == '|' ? (x | y)
                               : op == '#' ? (x ^ y)
                                           : !x));
    }
    return give_str(result, fly_vec_str_of(out, a.len));
}

ROW(and_bits)
{
    return combine(call, '&', args, result);
}

ROW(or_bits)
{
    return combine(call, '|', args, result);
}

ROW(xor_bits)
{
    return combine(call, '#', args, result);
}

ROW(not_bits)
{
    return combine(call, '~', args, result);
}

/* Shift to the left by `by`, or to the right; zeros come in, the length stays. */
static fly_status shift(fly__sql_call *call, fly_bytes bits, int64_t by, fly_vec_value *result)
{
    char *out = fly__sql_room(call, bits.len);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (size_t i = 0; i < bits.len; i++) {
        int64_t from = (int64_t)i + by;
        out[i] = from >= 0 && from < (int64_t)bits.len ? (char)bits.data[from] : '0';
    }
    return give_str(result, fly_vec_str_of(out, bits.len));
}

ROW(shl_bits)
{
    return shift(call, arg_bytes(&args[0]), args[1].i32, result);
}

ROW(shr_bits)
{
    return shift(call, arg_bytes(&args[0]), -(int64_t)args[1].i32, result);
}

/* The bits of an integer, the lowest ones, as many as the type says; 1 for bit without a length. */
static fly_status bits_of(fly__sql_call *call, int64_t value, int width, fly_vec_value *result)
{
    int32_t count = call->result.mod > 0 ? call->result.mod : 1;
    char *out = fly__sql_room(call, (size_t)count);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (int32_t i = 0; i < count; i++) {
        int32_t place = count - 1 - i;
        out[i] = (char)('0' + (value >> (place < width ? place : width - 1) & 1));
    }
    return give_str(result, fly_vec_str_of(out, (size_t)count));
}

ROW(i32_to_bits)
{
    return bits_of(call, args[0].i32, 32, result);
}

ROW(i64_to_bits)
{
    return bits_of(call, args[0].i64, 64, result);
}

static fly_status integer_of(fly__sql_call *call, fly_bytes bits, size_t width, const char *type,
                             uint64_t *value)
{
    *value = 0;
    if (bits.len > width) {
        return fly__sql_out_of_range(call, type);
    }
    for (size_t i = 0; i < bits.len; i++) {
        *value = *value << 1 | (bits.data[i] & 1);
    }
    return FLY_OK;
}

ROW(bits_to_i32)
{
    uint64_t value;
    fly_status status = integer_of(call, arg_bytes(&args[0]), 32, "integer", &value);
    return status != FLY_OK ? status : give_i32(result, (int32_t)(uint32_t)value);
}

ROW(bits_to_i64)
{
    uint64_t value;
    fly_status status = integer_of(call, arg_bytes(&args[0]), 64, "bigint", &value);
    return status != FLY_OK ? status : give_i64(result, (int64_t)value);
}

ROW(get_bit_bits)
{
    fly_bytes bits = arg_bytes(&args[0]);
    if (args[1].i32 < 0 || (size_t)args[1].i32 >= bits.len) {
        return FAIL(call, "2202E", "bit index %d out of valid range (0..%zu)", args[1].i32,
                    bits.len - 1);
    }
    return give_i32(result, bits.data[args[1].i32] & 1);
}

/* --------------------------------------------------------------------- encodings */

static fly_status encoding_of(fly__sql_call *call, const fly_vec_value *arg, const char *which,
                              fly_text_encoding *encoding)
{
    fly_bytes name = arg_bytes(arg);
    if (fly_text_encoding_find(name, encoding) == FLY_OK) {
        return FLY_OK;
    }
    return FAIL(call, "22023", "invalid %s encoding name \"%.*s\"", which,
                (int)(name.len < 64 ? name.len : 64), (const char *)name.data);
}

static fly_status recode(fly__sql_call *call, bool decode, fly_text_encoding encoding,
                         fly_bytes bytes, fly_vec_value *result)
{
    size_t room = bytes.len;
    for (;;) {
        size_t len = 0;
        char *out = fly__sql_room(call, room);
        if (out == NULL) {
            return FLY_E_NO_MEMORY;
        }
        fly_status status = decode ? fly_text_decode(encoding, bytes, out, room, &len, call->err)
                                   : fly_text_encode(encoding, bytes, out, room, &len, call->err);
        if (status == FLY_OK) {
            return give_str(result, fly_vec_str_of(out, len));
        }
        if (status != FLY_E_FULL) {
            return status;
        }
        room = len;
    }
}

ROW(convert_from)
{
    fly_text_encoding encoding = FLY_TEXT_UTF8;
    fly_status status = encoding_of(call, &args[1], "source", &encoding);
    return status != FLY_OK ? status : recode(call, true, encoding, arg_bytes(&args[0]), result);
}

ROW(convert_to)
{
    fly_text_encoding encoding = FLY_TEXT_UTF8;
    fly_status status = encoding_of(call, &args[1], "destination", &encoding);
    return status != FLY_OK ? status : recode(call, false, encoding, arg_bytes(&args[0]), result);
}

/* --------------------------------------------------------------------- digests */

static fly_status digest(fly__sql_call *call, fly_auth_hash hash, const fly_vec_value *of,
                         uint8_t bytes[FLY_AUTH_DIGEST_MAX])
{
    return fly_auth_digest(hash, arg_bytes(of), bytes, call->err);
}

static fly_status give_digest(fly__sql_call *call, fly_auth_hash hash, const fly_vec_value *args,
                              fly_vec_value *result)
{
    uint8_t *bytes = (uint8_t *)fly__sql_room(call, FLY_AUTH_DIGEST_MAX);
    if (bytes == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly_status status = digest(call, hash, &args[0], bytes);
    return status == FLY_OK ? give_bytes(result, fly_bytes_of(bytes, fly_auth_digest_size(hash)))
                            : status;
}

ROW(md5)
{
    uint8_t bytes[FLY_AUTH_DIGEST_MAX];
    fly_sql_text text = {.arena = call->arena};
    fly_status status = digest(call, FLY_AUTH_MD5, &args[0], bytes);
    if (status != FLY_OK) {
        return status;
    }
    put_hex(&text, fly_bytes_of(bytes, fly_auth_digest_size(FLY_AUTH_MD5)));
    return fly__sql_give_text(call, &text, result);
}

ROW(sha224)
{
    return give_digest(call, FLY_AUTH_SHA224, args, result);
}

ROW(sha256)
{
    return give_digest(call, FLY_AUTH_SHA256, args, result);
}

ROW(sha384)
{
    return give_digest(call, FLY_AUTH_SHA384, args, result);
}

ROW(sha512)
{
    return give_digest(call, FLY_AUTH_SHA512, args, result);
}
