/*
 * Text and bytea: lengths, pieces, padding, trimming, searching, replacing.
 *
 * Positions and lengths are of characters for text and of bytes for bytea. Results never exceed
 * fly__sql_room()'s limit. Patterns are in like.c and regex.c, format() in format.c.
 */
#include "func/call_int.h"
#include "func/string_int.h"

#include <fly/text.h>

/* ---------------------------------------------------------------------- lengths */

static bool is_ascii(fly_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 128) {
            return false;
        }
    }
    return true;
}

static fly_bytes unpadded(fly_bytes text)
{
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

ROW(length_text)
{
    return give_i32(result, (int32_t)fly_text_count(arg_bytes(&args[0])));
}

ROW(length_bpchar)
{
    return give_i32(result, (int32_t)fly_text_count(unpadded(arg_bytes(&args[0]))));
}

ROW(length_bytes)
{
    return give_i32(result, (int32_t)args[0].str.len);
}

ROW(bit_length)
{
    return give_i32(result, (int32_t)(args[0].str.len * 8));
}

/* ------------------------------------------------------------------------ casts */

ROW(bpchar_to_text)
{
    return give_bytes(result, unpadded(arg_bytes(&args[0])));
}

ROW(text_to_name)
{
    return give_bytes(result, fly__sql_name_clip(arg_bytes(&args[0])));
}

ROW(bpchar_to_name)
{
    return give_bytes(result, fly__sql_name_clip(unpadded(arg_bytes(&args[0]))));
}

/* "char" holds the first byte; a byte of 0 is no byte. */
ROW(text_to_char)
{
    fly_bytes text = arg_bytes(&args[0]);
    return give_bytes(result, fly_bytes_of(text.data, text.len > 0));
}

ROW(char_to_i32)
{
    fly_bytes text = arg_bytes(&args[0]);
    return give_i32(result, text.len > 0 ? (int8_t)text.data[0] : 0);
}

/* name[n]: one of its bytes, from 0; nothing behind the last. */
ROW(name_at)
{
    fly_bytes text = arg_bytes(&args[0]);
    int32_t at = args[1].i32;
    if (at < 0 || at > FLY__SQL_NAME_MAX) {
        return give_null(result);
    }
    return (size_t)at < text.len ? give_bytes(result, fly_bytes_of(text.data + at, 1))
                                 : give_bytes(result, fly_bytes_of("", 0));
}

ROW(i32_to_char)
{
    if (args[0].i32 < INT8_MIN || args[0].i32 > INT8_MAX) {
        return fly__sql_out_of_range(call, "\"char\"");
    }
    char byte = (char)args[0].i32;
    return give_str(result, fly_vec_str_of(&byte, byte != 0));
}

/* ------------------------------------------------------------------------- case */

typedef fly_status (*case_map)(const fly_collation *collation, fly_bytes text, void *out,
                               size_t room, size_t *len, fly_err *err);

static fly_status map_case(fly__sql_call *call, case_map map, const fly_collation *collation,
                           fly_bytes text, fly_vec_value *result)
{
    size_t room = text.len;
    for (;;) {
        size_t len = 0;
        char *out = fly__sql_room(call, room);
        if (out == NULL) {
            return FLY_E_NO_MEMORY;
        }
        fly_status status = map(collation, text, out, room, &len, call->err);
        if (status == FLY_OK) {
            return give_str(result, fly_vec_str_of(out, len));
        }
        if (status != FLY_E_FULL) {
            return status;
        }
        room = len;
    }
}

/* By the rules of the argument's collation; the root's for one that is mere bytes. ASCII, most of
 * what there is, is not worth opening a collation for. */
static fly_status change_case(fly__sql_call *call, char which, const fly_vec_value *args,
                              fly_vec_value *result)
{
    static const case_map maps[] = {fly_text_upper, fly_text_lower, fly_text_initcap};
    fly_bytes text = arg_bytes(&args[0]);
    const fly_collation *collation = NULL;
    fly_status status = fly__sql_collation_of(call, call->types[0].collation, &collation);
    if (status != FLY_OK) {
        return status;
    }
    case_map map = maps[which == 'u' ? 0 : which == 'l' ? 1 : 2];
    if (collation != NULL) {
        return map_case(call, map, collation, text, result);
    }
    if (which != 'i' && is_ascii(text)) {
        char *out = fly__sql_room(call, text.len);
        if (out == NULL) {
            return FLY_E_NO_MEMORY;
        }
        uint8_t from = which == 'u' ? 'a' : 'A';
        for (size_t i = 0; i < text.len; i++) {
            uint8_t c = text.data[i];
            out[i] = (char)(c >= from && c <= from + 25 ? c ^ 32 : c);
        }
        return give_str(result, fly_vec_str_of(out, text.len));
    }
    fly_collation *root;
    status = fly_text_collation_open(call->arena->mem, fly_bytes_str("default"), fly_bytes_str(""),
                                     &root, call->err);
    if (status == FLY_OK) {
        status = map_case(call, map, root, text, result);
        fly_text_collation_close(root);
    }
    return status;
}

ROW(upper)
{
    return change_case(call, 'u', args, result);
}

ROW(lower)
{
    return change_case(call, 'l', args, result);
}

ROW(initcap)
{
    return change_case(call, 'i', args, result);
}

/* ----------------------------------------------------------------------- pieces */

/* The part of `whole` from character (of text) or byte number `from`, 1-based, may be below 1;
 * `count` SIZE_MAX: to the end. */
static fly_bytes piece(fly_bytes whole, bool text, int64_t from, int64_t count)
{
    int64_t end = from + count; /* neither exceeds 33 bits */
    if (from < 1) {
        from = 1;
    }
    if (end <= from) {
        return fly_bytes_of(whole.data, 0);
    }
    if (text) {
        return fly_text_substring(whole, (size_t)(from - 1), (size_t)(end - from));
    }
    if ((size_t)from > whole.len) {
        return fly_bytes_of(whole.data, 0);
    }
    size_t at = (size_t)from - 1;
    size_t most = whole.len - at;
    size_t wanted = (size_t)(end - from);
    return fly_bytes_of(whole.data + at, wanted < most ? wanted : most);
}

static fly_status substring(fly__sql_call *call, bool text, const fly_vec_value *args,
                            fly_vec_value *result)
{
    if (call->argc > 2 && args[2].i32 < 0) {
        return FAIL(call, "22011", "negative substring length not allowed");
    }
    int64_t count = call->argc > 2 ? args[2].i32 : INT64_C(1) << 40;
    return give_bytes(result, piece(arg_bytes(&args[0]), text, args[1].i32, count));
}

ROW(substr_text)
{
    return substring(call, true, args, result);
}

ROW(substr_bytes)
{
    return substring(call, false, args, result);
}

/* left() and right(): a negative number leaves so many out at the other end. */
ROW(left)
{
    fly_bytes text = arg_bytes(&args[0]);
    int64_t n = args[1].i32;
    if (n < 0) {
        n += (int64_t)fly_text_count(text);
    }
    return give_bytes(result, fly_text_substring(text, 0, n > 0 ? (size_t)n : 0));
}

ROW(right)
{
    fly_bytes text = arg_bytes(&args[0]);
    int64_t count = (int64_t)fly_text_count(text);
    int64_t n = args[1].i32;
    int64_t skip = n < 0 ? -n : count - n;
    return give_bytes(result, fly_text_substring(text, skip > 0 ? (size_t)skip : 0, SIZE_MAX));
}

ROW(reverse)
{
    fly_bytes text = arg_bytes(&args[0]);
    char *out = fly__sql_room(call, text.len);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    size_t at = 0;
    while (at < text.len) {
        uint32_t code;
        size_t len = fly_text_next(text, at, &code);
        memcpy(out + text.len - at - len, text.data + at, len);
        at += len;
    }
    return give_str(result, fly_vec_str_of(out, text.len));
}

/* overlay(): what stands before, the new piece, what stands behind. */
static fly_status overlay(fly__sql_call *call, bool text, const fly_vec_value *args,
                          fly_vec_value *result)
{
    fly_bytes whole = arg_bytes(&args[0]);
    fly_bytes fresh = arg_bytes(&args[1]);
    int64_t from = args[2].i32;
    int64_t count = call->argc > 3 ? args[3].i32
                                   : (int64_t)(text ? fly_text_count(fresh) : fresh.len);
    if (from <= 0) {
        return FAIL(call, "22011", "negative substring length not allowed");
    }
    if (from + count > INT32_MAX) {
        return fly__sql_out_of_range(call, "integer");
    }
    fly_bytes before = piece(whole, text, 1, from - 1);
    fly_bytes behind = piece(whole, text, from + count, INT64_C(1) << 40);
    size_t len = before.len + fresh.len + behind.len;
    char *out = fly__sql_room(call, len);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(out, before.data, before.len);
    memcpy(out + before.len, fresh.data, fresh.len);
    memcpy(out + before.len + fresh.len, behind.data, behind.len);
    return give_str(result, fly_vec_str_of(out, len));
}

ROW(overlay_text)
{
    return overlay(call, true, args, result);
}

ROW(overlay_bytes)
{
    return overlay(call, false, args, result);
}

/* -------------------------------------------------------------------- searching */

size_t fly__sql_find(fly_bytes whole, fly_bytes part, size_t from)
{
    if (part.len == 0) {
        return from <= whole.len ? from : SIZE_MAX;
    }
    while (from < whole.len && whole.len - from >= part.len) {
        const uint8_t *at =
            memchr(whole.data + from, part.data[0], whole.len - from - part.len + 1);
        if (at == NULL) {
            break;
        }
        if (memcmp(at, part.data, part.len) == 0) {
            return (size_t)(at - whole.data);
        }
        from = (size_t)(at - whole.data) + 1;
    }
    return SIZE_MAX;
}

ROW(strpos)
{
    fly_bytes whole = arg_bytes(&args[0]);
    size_t at = fly__sql_find(whole, arg_bytes(&args[1]), 0);
    if (at == SIZE_MAX) {
        return give_i32(result, 0);
    }
    return give_i32(result, (int32_t)fly_text_count(fly_bytes_of(whole.data, at)) + 1);
}

ROW(position_bytes)
{
    size_t at = fly__sql_find(arg_bytes(&args[0]), arg_bytes(&args[1]), 0);
    return give_i32(result, at == SIZE_MAX ? 0 : (int32_t)at + 1);
}

ROW(starts_with)
{
    fly_bytes whole = arg_bytes(&args[0]);
    fly_bytes start = arg_bytes(&args[1]);
    return give_bool(result,
                     whole.len >= start.len &&
                         (start.len == 0 || memcmp(whole.data, start.data, start.len) == 0));
}

ROW(replace)
{
    fly_bytes whole = arg_bytes(&args[0]);
    fly_bytes from = arg_bytes(&args[1]);
    fly_bytes to = arg_bytes(&args[2]);
    size_t at = from.len > 0 ? fly__sql_find(whole, from, 0) : SIZE_MAX;
    if (at == SIZE_MAX) {
        return give_str(result, args[0].str);
    }
    fly_sql_text text = {.arena = call->arena};
    size_t done = 0;
    while (at != SIZE_MAX && !text.failed) {
        fly__sql_text_add(&text, (const char *)whole.data + done, at - done);
        fly__sql_text_add(&text, (const char *)to.data, to.len);
        done = at + from.len;
        at = fly__sql_find(whole, from, done);
    }
    fly__sql_text_add(&text, (const char *)whole.data + done, whole.len - done);
    return fly__sql_give_text(call, &text, result);
}

/* Characters of the second text become those of the third at the same place, or go. */
ROW(translate)
{
    fly_bytes whole = arg_bytes(&args[0]);
    fly_bytes from = arg_bytes(&args[1]);
    fly_bytes to = arg_bytes(&args[2]);
    fly_sql_text text = {.arena = call->arena};
    size_t at = 0;
    while (at < whole.len) {
        uint32_t code;
        size_t len = fly_text_next(whole, at, &code);
        size_t place = fly__sql_find(from, fly_bytes_of(whole.data + at, len), 0);
        if (place == SIZE_MAX) {
            fly__sql_text_add(&text, (const char *)whole.data + at, len);
        } else {
            size_t index = fly_text_count(fly_bytes_of(from.data, place));
            fly_bytes fresh = fly_text_substring(to, index, 1);
            fly__sql_text_add(&text, (const char *)fresh.data, fresh.len);
        }
        at += len;
    }
    return fly__sql_give_text(call, &text, result);
}

/* ------------------------------------------------------------- padding, trimming */

static fly_status pad(fly__sql_call *call, bool left, const fly_vec_value *args,
                      fly_vec_value *result)
{
    fly_bytes text = arg_bytes(&args[0]);
    fly_bytes fill = call->argc > 2 ? arg_bytes(&args[2]) : fly_bytes_str(" ");
    size_t wanted = args[1].i32 > 0 ? (size_t)args[1].i32 : 0;
    size_t count = fly_text_count(text);
    if (count >= wanted || fill.len == 0) {
        return give_bytes(result, fly_text_substring(text, 0, wanted));
    }
    if (wanted > 0x3fffffff / 4) {
        return FAIL(call, "54000", "requested length too large");
    }
    size_t missing = wanted - count;
    size_t fill_count = fly_text_count(fill);
    fly_bytes rest = fly_text_substring(fill, 0, missing % fill_count);
    size_t rounds = missing / fill_count;
    size_t len = text.len + rounds * fill.len + rest.len;
    char *out = fly__sql_room(call, len);
    if (out == NULL) {
        return len > 0x3fffffff ? FLY_E_INVALID : FLY_E_NO_MEMORY;
    }
    char *at = out;
    if (!left) {
        memcpy(at, text.data, text.len);
        at += text.len;
    }
    for (size_t i = 0; i < rounds; i++) {
        memcpy(at, fill.data, fill.len);
        at += fill.len;
    }
    memcpy(at, rest.data, rest.len);
    at += rest.len;
    if (left) {
        memcpy(at, text.data, text.len);
    }
    return give_str(result, fly_vec_str_of(out, len));
}

ROW(lpad)
{
    return pad(call, true, args, result);
}

ROW(rpad)
{
    return pad(call, false, args, result);
}

/* The length of the character that ends at `end`. */
static size_t last_char(fly_bytes text)
{
    size_t len = 1;
    while (len < text.len && len < 4 && (text.data[text.len - len] & 0xc0) == 0x80) {
        len++;
    }
    return len;
}

static fly_status trim(fly__sql_call *call, bool left, bool right, bool text,
                       const fly_vec_value *args, fly_vec_value *result)
{
    fly_bytes whole = arg_bytes(&args[0]);
    fly_bytes set = call->argc > 1 ? arg_bytes(&args[1]) : fly_bytes_str(" ");
    while (left && whole.len > 0) {
        uint32_t code;
        size_t len = text ? fly_text_next(whole, 0, &code) : 1;
        if (set.len == 0 || fly__sql_find(set, fly_bytes_of(whole.data, len), 0) == SIZE_MAX) {
            break;
        }
        whole = fly_bytes_of(whole.data + len, whole.len - len);
    }
    while (right && whole.len > 0) {
        size_t len = text ? last_char(whole) : 1;
        if (set.len == 0 ||
            fly__sql_find(set, fly_bytes_of(whole.data + whole.len - len, len), 0) == SIZE_MAX) {
            break;
        }
        whole.len -= len;
    }
    return give_bytes(result, whole);
}

ROW(btrim)
{
    return trim(call, true, true, true, args, result);
}

ROW(ltrim)
{
    return trim(call, true, false, true, args, result);
}

ROW(rtrim)
{
    return trim(call, false, true, true, args, result);
}

ROW(btrim_bytes)
{
    return trim(call, true, true, false, args, result);
}

ROW(ltrim_bytes)
{
    return trim(call, true, false, false, args, result);
}

ROW(rtrim_bytes)
{
    return trim(call, false, true, false, args, result);
}

/* ---------------------------------------------------------------------- joining */

ROW(concat_text) /* || of text, and of bytea */
{
    fly_bytes a = arg_bytes(&args[0]);
    fly_bytes b = arg_bytes(&args[1]);
    char small[FLY_VEC_STR_INLINE];
    char *out = a.len + b.len <= sizeof small ? small : fly__sql_room(call, a.len + b.len);
    if (out == NULL) {
        return a.len + b.len > 0x3fffffff ? FLY_E_INVALID : FLY_E_NO_MEMORY;
    }
    memcpy(out, a.data, a.len);
    memcpy(out + a.len, b.data, b.len);
    return give_str(result, fly_vec_str_of(out, a.len + b.len));
}

/* Append an argument of any type as its text. */
static fly_status add_any(fly__sql_call *call, fly_sql_text *text, uint32_t i,
                          const fly_vec_value *args)
{
    return fly__sql_value_write(call->session, call->types[i], &args[i], 0, text, call->err);
}

/* The same as the cast to text gives it, which is not always what a client sees. */
static fly_status add_cast(fly__sql_call *call, fly_sql_text *text, uint32_t i,
                           const fly_vec_value *args)
{
    if (call->types[i].oid == FLY_SQL_BOOL) {
        fly__sql_text_put(text, args[i].b ? "true" : "false");
        return FLY_OK;
    }
    if (call->types[i].oid == FLY_SQL_BPCHAR) {
        fly_bytes bytes = unpadded(arg_bytes(&args[i]));
        fly__sql_text_add(text, (const char *)bytes.data, bytes.len);
        return FLY_OK;
    }
    return add_any(call, text, i, args);
}

ROW(concat_any) /* || of text and anything */
{
    fly_sql_text text = {.arena = call->arena};
    fly_status status = add_cast(call, &text, 0, args);
    if (status == FLY_OK) {
        status = add_cast(call, &text, 1, args);
    }
    return status != FLY_OK ? status : fly__sql_give_text(call, &text, result);
}

ROW(concat)
{
    fly_sql_text text = {.arena = call->arena};
    for (uint32_t i = 0; i < call->argc; i++) {
        fly_status status = args[i].null ? FLY_OK : add_any(call, &text, i, args);
        if (status != FLY_OK) {
            return status;
        }
    }
    return fly__sql_give_text(call, &text, result);
}

ROW(concat_ws)
{
    if (args[0].null) {
        return give_null(result);
    }
    fly_sql_text text = {.arena = call->arena};
    bool first = true;
    for (uint32_t i = 1; i < call->argc; i++) {
        if (args[i].null) {
            continue;
        }
        if (!first) {
            fly_bytes between = arg_bytes(&args[0]);
            fly__sql_text_add(&text, (const char *)between.data, between.len);
        }
        first = false;
        fly_status status = add_any(call, &text, i, args);
        if (status != FLY_OK) {
            return status;
        }
    }
    return fly__sql_give_text(call, &text, result);
}

ROW(repeat)
{
    fly_bytes text = arg_bytes(&args[0]);
    size_t times = args[1].i32 > 0 ? (size_t)args[1].i32 : 0;
    size_t len;
    if (__builtin_mul_overflow(text.len, times, &len) || len > 0x3fffffff) {
        return FAIL(call, "54000", "requested length too large");
    }
    char *out = fly__sql_room(call, len);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (size_t i = 0; i < times && text.len > 0; i++) {
        memcpy(out + i * text.len, text.data, text.len);
    }
    return give_str(result, fly_vec_str_of(out, len));
}

ROW(split_part)
{
    fly_bytes whole = arg_bytes(&args[0]);
    fly_bytes between = arg_bytes(&args[1]);
    int64_t n = args[2].i32;
    if (n == 0) {
        return FAIL(call, "22023", "field position must not be zero");
    }
    if (whole.len == 0 || between.len == 0) {
        return give_bytes(result, n == 1 || n == -1 ? whole : fly_bytes_of(whole.data, 0));
    }
    if (n < 0) { /* from the end: count the fields first */
        int64_t fields = 1;
        for (size_t at = fly__sql_find(whole, between, 0); at != SIZE_MAX;
             at = fly__sql_find(whole, between, at + between.len)) {
            fields++;
        }
        n += fields + 1;
        if (n < 1) {
            return give_bytes(result, fly_bytes_of(whole.data, 0));
        }
    }
    size_t from = 0;
    for (;;) {
        size_t at = fly__sql_find(whole, between, from);
        if (--n == 0) {
            return give_bytes(
                result, fly_bytes_of(whole.data + from, (at == SIZE_MAX ? whole.len : at) - from));
        }
        if (at == SIZE_MAX) {
            return give_bytes(result, fly_bytes_of(whole.data, 0));
        }
        from = at + between.len;
    }
}

/* ------------------------------------------------------------------- characters */

ROW(ascii)
{
    fly_bytes text = arg_bytes(&args[0]);
    uint32_t code = 0;
    if (text.len > 0) {
        (void)fly_text_next(text, 0, &code);
    }
    return give_i32(result, (int32_t)code);
}

ROW(chr)
{
    int32_t code = args[0].i32;
    if (code < 0) {
        return FAIL(call, "22023", "character number must be positive");
    }
    if (code == 0) {
        return FAIL(call, "54000", "null character not permitted");
    }
    if (code > 0x10ffff) {
        return FAIL(call, "54000", "requested character too large for encoding: %u",
                    (unsigned)code);
    }
    if (code >= 0xd800 && code <= 0xdfff) {
        return FAIL(call, "54000", "requested character not valid for encoding: %u",
                    (unsigned)code);
    }
    uint8_t bytes[FLY_VEC_STR_INLINE];
    return give_str(result, fly_vec_str_of(bytes, fly_text_put(bytes, (uint32_t)code)));
}

static fly_status form_of(fly__sql_call *call, const fly_vec_value *args, fly_text_form *form)
{
    *form = FLY_TEXT_NFC;
    if (call->argc > 1 && fly_text_form_find(arg_bytes(&args[1]), form) != FLY_OK) {
        fly_bytes name = arg_bytes(&args[1]);
        return FAIL(call, "22023", "invalid normalization form: %.*s", (int)name.len,
                    (const char *)name.data);
    }
    return FLY_OK;
}

ROW(normalize)
{
    fly_text_form form;
    fly_status status = form_of(call, args, &form);
    fly_bytes text = arg_bytes(&args[0]);
    size_t room = text.len;
    while (status == FLY_OK) {
        size_t len = 0;
        char *out = fly__sql_room(call, room);
        if (out == NULL) {
            return FLY_E_NO_MEMORY;
        }
        status = fly_text_normalize(call->arena->mem, form, text, out, room, &len, call->err);
        if (status == FLY_OK) {
            return give_str(result, fly_vec_str_of(out, len));
        }
        if (status == FLY_E_FULL) {
            room = len;
            status = FLY_OK;
        }
    }
    return status;
}

ROW(is_normalized)
{
    fly_text_form form;
    bool normalized = false;
    fly_status status = form_of(call, args, &form);
    if (status == FLY_OK) {
        status = fly_text_is_normalized(call->arena->mem, form, arg_bytes(&args[0]), &normalized,
                                        call->err);
    }
    return status != FLY_OK ? status : give_bool(result, normalized);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The hexadecimal number of `digits` at `at`; -1 if there is none. */
static int64_t hex_number(fly_bytes text, size_t at, size_t digits)
{
    int64_t number = 0;
    if (text.len - at < digits) {
        return -1;
    }
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit(text.data[at + i]);
        if (digit < 0) {
            return -1;
        }
        number = number << 4 | digit;
    }
    return number;
}

/* \1234, \+123456, \u1234, \U12345678, and \\. A pair of surrogates is one character. */
ROW(unistr)
{
    fly_bytes text = arg_bytes(&args[0]);
    fly_sql_text out = {.arena = call->arena};
    uint32_t high = 0;
    size_t at = 0;
    while (at < text.len) {
        if (text.data[at] != '\\') {
            if (high != 0) {
                return FAIL(call, "42601", "invalid Unicode surrogate pair");
            }
            fly__sql_text_add(&out, (const char *)text.data + at++, 1);
            continue;
        }
        uint8_t kind = at + 1 < text.len ? text.data[at + 1] : 0;
        if (kind == '\\') {
            if (high != 0) {
                return FAIL(call, "42601", "invalid Unicode surrogate pair");
            }
            fly__sql_text_add(&out, "\\", 1);
            at += 2;
            continue;
        }
        size_t skip = kind == '+' || kind == 'u' || kind == 'U' ? 2 : 1;
        size_t digits = kind == '+' ? 6 : kind == 'U' ? 8 : 4;
        int64_t code = at + skip <= text.len ? hex_number(text, at + skip, digits) : -1;
        if (code < 0) {
            FAIL(call, "42601", "invalid Unicode escape");
            fly_err_hint(call->err,
                         "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
            return FLY_E_INVALID;
        }
        at += skip + digits;
        if (code == 0 || code > 0x10ffff) {
            return FAIL(call, "42601", "invalid Unicode code point: %04X", (unsigned)code);
        }
        bool low = code >= 0xdc00 && code <= 0xdfff;
        if ((high != 0) != low) {
            return FAIL(call, "42601", "invalid Unicode surrogate pair");
        }
        if (code >= 0xd800 && code <= 0xdbff) {
            high = (uint32_t)code;
            continue;
        }
        if (low) {
            code = 0x10000 + (((int64_t)high & 0x3ff) << 10) + (code & 0x3ff);
            high = 0;
        }
        uint8_t bytes[4];
        fly__sql_text_add(&out, (const char *)bytes, fly_text_put(bytes, (uint32_t)code));
    }
    if (high != 0) {
        return FAIL(call, "42601", "invalid Unicode surrogate pair");
    }
    return fly__sql_give_text(call, &out, result);
}

/* ----------------------------------------------------------------------- quoting */

ROW(quote_ident)
{
    fly_sql_text text = {.arena = call->arena};
    fly__sql_put_ident(&text, arg_bytes(&args[0]));
    return fly__sql_give_text(call, &text, result);
}

void fly__sql_put_literal(fly_sql_text *text, fly_bytes value)
{
    if (value.len > 0 && memchr(value.data, '\\', value.len) != NULL) {
        fly__sql_text_add(text, "E", 1);
    }
    fly__sql_text_add(text, "'", 1);
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\'' || value.data[i] == '\\') {
            fly__sql_text_add(text, (const char *)value.data + i, 1);
        }
        fly__sql_text_add(text, (const char *)value.data + i, 1);
    }
    fly__sql_text_add(text, "'", 1);
}

ROW(quote_literal)
{
    fly_sql_text text = {.arena = call->arena};
    fly_bytes value;
    fly_status status =
        fly__sql_value_out(call->session, call->types[0], &args[0], call->arena, &value, call->err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_put_literal(&text, value);
    return fly__sql_give_text(call, &text, result);
}

ROW(quote_nullable)
{
    if (args[0].null) {
        return give_bytes(result, fly_bytes_str("NULL"));
    }
    return fly__sql_fn_quote_literal(call, args, result);
}
