/*
 * Strings as SQL's functions see them: characters of UTF-8, counted from 1.
 *
 * Text is taken to be valid UTF-8; of what is not, every byte that begins no character counts as one.
 * Results that have to be made grow in a sink that refuses more than FLY_VEC_TEXT_MAX bytes.
 *
 * What is not here: Unicode's letters (libtext), encodings as text (text_code.c).
 */
#define _GNU_SOURCE /* memmem() */
#include "text_int.h"

#include <string.h>

fly_status fly__vec_text_error(fly_err *err, const char *sqlstate, const char *message)
{
    fly_status status = fly_err_set(err, FLY_E_INVALID, "%s", message);
    if (err != NULL) {
        memcpy(err->sqlstate, sqlstate, 6);
    }
    return status;
}

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a text");
}

static fly_status too_large(fly_err *err)
{
    return fly__vec_text_error(err, "54000", "requested length too large");
}

/* --------------------------------------------------------------------- the sink */

void fly__vec_sink_init(fly__vec_sink *s, fly_arena *arena, size_t expect)
{
    *s = (fly__vec_sink){.arena = arena, .bytes = s->small, .room = sizeof s->small};
    if (expect > sizeof s->small && expect <= FLY_VEC_TEXT_MAX) {
        uint8_t *bytes = fly_arena_alloc(arena, expect);
        if (bytes != NULL) {
            s->bytes = bytes;
            s->room = expect;
        }
    }
}

bool fly__vec_sink_room(fly__vec_sink *s, size_t more)
{
    if (s->trouble != FLY_OK || more > FLY_VEC_TEXT_MAX - s->n) {
        s->trouble = s->trouble != FLY_OK ? s->trouble : FLY_E_TOO_LARGE;
        return false;
    }
    if (more <= s->room - s->n) {
        return true;
    }
    size_t room = s->room * 2 > s->n + more ? s->room * 2 : s->n + more;
    uint8_t *bytes = fly_arena_alloc(s->arena, room);
    if (bytes == NULL) {
        s->trouble = FLY_E_NO_MEMORY;
        return false;
    }
    memcpy(bytes, s->bytes, s->n);
    s->bytes = bytes;
    s->room = room;
    return true;
}

void fly__vec_sink_put(fly__vec_sink *s, const void *data, size_t len)
{
    if (len > 0 && fly__vec_sink_room(s, len)) {
        memcpy(s->bytes + s->n, data, len);
        s->n += len;
    }
}

fly_status fly__vec_sink_give(fly__vec_sink *s, fly_vec_str *out, fly_err *err)
{
    if (s->trouble != FLY_OK) {
        return s->trouble == FLY_E_NO_MEMORY ? no_memory(err) : too_large(err);
    }
    const uint8_t *bytes = s->bytes;
    if (bytes == s->small && s->n > FLY_VEC_STR_INLINE) {
        bytes = fly_arena_copy(s->arena, s->small, s->n);
        if (bytes == NULL) {
            return no_memory(err);
        }
    }
    *out = fly_vec_str_of(bytes, s->n);
    return FLY_OK;
}

/* ------------------------------------------------------------------------ parts */

size_t fly_vec_text_step(const uint8_t *at, size_t left)
{
    size_t n = *at < 0xc0 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    return n < left ? n : left;
}

int64_t fly_vec_text_length(fly_bytes text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        n += (text.data[i] & 0xc0) != 0x80;
    }
    return n;
}

/* The byte where the n-th character begins, n from 0; the text's length if there are not so many. */
static size_t nth(fly_bytes text, int64_t n)
{
    size_t at = 0;
    for (; n > 0 && at < text.len; n--) {
        at += fly_vec_text_step(text.data + at, text.len - at);
    }
    return at;
}

static fly_bytes part(fly_bytes text, size_t from, size_t to)
{
    return fly_bytes_of(text.data + from, to - from);
}

fly_bytes fly_vec_text_from(fly_bytes text, int64_t start)
{
    return part(text, nth(text, start > 1 ? start - 1 : 0), text.len);
}

fly_status fly_vec_text_substr(fly_bytes text, int64_t start, int64_t count, fly_bytes *out,
                               fly_err *err)
{
    if (count < 0) {
        return fly__vec_text_error(err, "22011", "negative substring length not allowed");
    }
    int64_t end;
    if (__builtin_add_overflow(start, count, &end)) {
        end = INT64_MAX;
    }
    int64_t first = start > 1 ? start - 1 : 0;
    size_t from = nth(text, first);
    fly_bytes rest = part(text, from, text.len);
    *out = part(rest, 0, nth(rest, end > 1 ? end - 1 - first : 0));
    return FLY_OK;
}

fly_bytes fly_vec_text_left(fly_bytes text, int64_t n)
{
    if (n < 0) {
        n += fly_vec_text_length(text);
    }
    return part(text, 0, nth(text, n));
}

fly_bytes fly_vec_text_right(fly_bytes text, int64_t n)
{
    int64_t length = fly_vec_text_length(text);
    int64_t skip = n < 0 ? (n == INT64_MIN ? length : -n) : length - n;
    return part(text, nth(text, skip), text.len);
}

static const uint8_t *find(fly_bytes text, size_t from, fly_bytes what)
{
    return text.len - from < what.len
               ? NULL
               : memmem(text.data + from, text.len - from, what.data, what.len);
}

int64_t fly_vec_text_position(fly_bytes text, fly_bytes what)
{
    if (what.len == 0) {
        return 1;
    }
    const uint8_t *at = find(text, 0, what);
    return at == NULL ? 0 : fly_vec_text_length(part(text, 0, (size_t)(at - text.data))) + 1;
}

static bool has_char(fly_bytes set, const uint8_t *c, size_t n)
{
    for (size_t i = 0, len; i < set.len; i += len) {
        len = fly_vec_text_step(set.data + i, set.len - i);
        if (len == n && memcmp(set.data + i, c, n) == 0) {
            return true;
        }
    }
    return false;
}

fly_bytes fly_vec_text_trim(fly_bytes text, fly_bytes set, bool left, bool right)
{
    while (left && text.len > 0) {
        size_t n = fly_vec_text_step(text.data, text.len);
        if (!has_char(set, text.data, n)) {
            break;
        }
        text = part(text, n, text.len);
    }
    while (right && text.len > 0) {
        size_t at = text.len - 1;
        while (at > 0 && (text.data[at] & 0xc0) == 0x80) {
            at--;
        }
        if (!has_char(set, text.data + at, text.len - at)) {
            break;
        }
        text.len = at;
    }
    return text;
}

fly_status fly_vec_text_split_part(fly_bytes text, fly_bytes separator, int64_t n, fly_bytes *out,
                                   fly_err *err)
{
    if (n == 0) {
        return fly__vec_text_error(err, "22023", "field position must not be zero");
    }
    if (separator.len == 0) {
        *out = n == 1 || n == -1 ? text : part(text, 0, 0);
        return FLY_OK;
    }
    if (n < 0) {
        int64_t parts = 1;
        for (size_t at = 0;; parts++) {
            const uint8_t *next = find(text, at, separator);
            if (next == NULL) {
                break;
            }
            at = (size_t)(next - text.data) + separator.len;
        }
        n += parts + 1;
    }
    *out = part(text, 0, 0);
    for (size_t at = 0; n > 0; n--) {
        const uint8_t *next = find(text, at, separator);
        size_t end = next == NULL ? text.len : (size_t)(next - text.data);
        if (n == 1) {
            *out = part(text, at, end);
        } else if (next == NULL) {
            break;
        }
        at = end + separator.len;
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------- new strings */

static fly_status pad(fly_bytes text, int64_t n, fly_bytes fill, bool left, fly_arena *arena,
                      fly_vec_str *out, fly_err *err)
{
    int64_t length = fly_vec_text_length(text);
    fly__vec_sink s;
    n = n < 0 ? 0 : n;
    if (length >= n || fill.len == 0) {
        size_t end = nth(text, n);
        *out = fly_vec_str_of(text.data, end);
        return FLY_OK;
    }
    if (n > FLY_VEC_TEXT_MAX) {
        return too_large(err);
    }
    int64_t want = n - length;
    int64_t have = fly_vec_text_length(fill);
    have = have > 0 ? have : 1;
    size_t whole;
    size_t rest = nth(fill, want % have);
    size_t total;
    if (__builtin_mul_overflow((size_t)(want / have), fill.len, &whole) ||
        __builtin_add_overflow(whole, rest + text.len, &total) || total > FLY_VEC_TEXT_MAX) {
        return too_large(err);
    }
    fly__vec_sink_init(&s, arena, total);
    if (!left) {
        fly__vec_sink_put(&s, text.data, text.len);
    }
    for (int64_t i = 0; i < want / have && s.trouble == FLY_OK; i++) {
        fly__vec_sink_put(&s, fill.data, fill.len);
    }
    fly__vec_sink_put(&s, fill.data, rest);
    if (left) {
        fly__vec_sink_put(&s, text.data, text.len);
    }
    return fly__vec_sink_give(&s, out, err);
}

fly_status fly_vec_text_lpad(fly_bytes text, int64_t n, fly_bytes fill, fly_arena *arena,
                             fly_vec_str *out, fly_err *err)
{
    return pad(text, n, fill, true, arena, out, err);
}

fly_status fly_vec_text_rpad(fly_bytes text, int64_t n, fly_bytes fill, fly_arena *arena,
                             fly_vec_str *out, fly_err *err)
{
    return pad(text, n, fill, false, arena, out, err);
}

fly_status fly_vec_text_repeat(fly_bytes text, int64_t n, fly_arena *arena, fly_vec_str *out,
                               fly_err *err)
{
    fly__vec_sink s;
    size_t total;
    n = n < 0 || text.len == 0 ? 0 : n;
    if (__builtin_mul_overflow((size_t)n, text.len, &total) || total > FLY_VEC_TEXT_MAX) {
        return too_large(err);
    }
    fly__vec_sink_init(&s, arena, total);
    for (int64_t i = 0; i < n && s.trouble == FLY_OK; i++) {
        fly__vec_sink_put(&s, text.data, text.len);
    }
    return fly__vec_sink_give(&s, out, err);
}

fly_status fly_vec_text_replace(fly_bytes text, fly_bytes from, fly_bytes to, fly_arena *arena,
                                fly_vec_str *out, fly_err *err)
{
    const uint8_t *next = from.len > 0 ? find(text, 0, from) : NULL;
    if (next == NULL) {
        *out = fly_vec_str_of(text.data, text.len);
        return FLY_OK;
    }
    fly__vec_sink s;
    size_t at = 0;
    fly__vec_sink_init(&s, arena, text.len);
    for (; next != NULL && s.trouble == FLY_OK; next = find(text, at, from)) {
        size_t end = (size_t)(next - text.data);
        fly__vec_sink_put(&s, text.data + at, end - at);
        fly__vec_sink_put(&s, to.data, to.len);
        at = end + from.len;
    }
    fly__vec_sink_put(&s, text.data + at, text.len - at);
    return fly__vec_sink_give(&s, out, err);
}

/* The i-th character of `from`, if it is the one at `c`. */
static bool translated(fly_bytes from, fly_bytes to, const uint8_t *c, size_t n, fly_bytes *out)
{
    size_t at = 0;
    for (size_t i = 0, len; i < from.len; i += len) {
        len = fly_vec_text_step(from.data + i, from.len - i);
        size_t width = at < to.len ? fly_vec_text_step(to.data + at, to.len - at) : 0;
        if (len == n && memcmp(from.data + i, c, n) == 0) {
            *out = part(to, at, at + width);
            return true;
        }
        at += width;
    }
    return false;
}

fly_status fly_vec_text_translate(fly_bytes text, fly_bytes from, fly_bytes to, fly_arena *arena,
                                  fly_vec_str *out, fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, text.len);
    for (size_t i = 0, len; i < text.len && s.trouble == FLY_OK; i += len) {
        fly_bytes c;
        len = fly_vec_text_step(text.data + i, text.len - i);
        if (translated(from, to, text.data + i, len, &c)) {
            fly__vec_sink_put(&s, c.data, c.len);
        } else {
            fly__vec_sink_put(&s, text.data + i, len);
        }
    }
    return fly__vec_sink_give(&s, out, err);
}

fly_status fly_vec_text_reverse(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    uint8_t *bytes = fly_arena_alloc(arena, text.len);
    uint8_t *to = bytes + text.len;
    if (bytes == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0, len; i < text.len; i += len) {
        len = fly_vec_text_step(text.data + i, text.len - i);
        to -= len;
        memcpy(to, text.data + i, len);
    }
    *out = fly_vec_str_of(bytes, text.len);
    return FLY_OK;
}

fly_status fly_vec_text_overlay(fly_bytes text, fly_bytes with, int64_t start, int64_t count,
                                fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly__vec_sink s;
    if (start <= 0) {
        return fly__vec_text_error(err, "22011", "negative substring length not allowed");
    }
    int64_t end;
    count = count == -1 ? fly_vec_text_length(with) : count;
    if (__builtin_add_overflow(start, count, &end)) {
        return fly__vec_text_error(err, "22003", "integer out of range");
    }
    fly_bytes head = part(text, 0, nth(text, start - 1));
    fly_bytes tail = fly_vec_text_from(text, end);
    fly__vec_sink_init(&s, arena, head.len + with.len + tail.len);
    fly__vec_sink_put(&s, head.data, head.len);
    fly__vec_sink_put(&s, with.data, with.len);
    fly__vec_sink_put(&s, tail.data, tail.len);
    return fly__vec_sink_give(&s, out, err);
}

/* ------------------------------------------------------------------------- case */

static bool is_upper(int c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(int c)
{
    return c >= 'a' && c <= 'z';
}

static fly_status change_case(fly_bytes text, int how, fly_arena *arena, fly_vec_str *out,
                              fly_err *err)
{
    uint8_t *bytes = fly_arena_alloc(arena, text.len);
    bool inside = false;
    if (bytes == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < text.len; i++) {
        int c = text.data[i];
        bool up = how > 0 || (how == 0 && !inside);
        inside = is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c >= 0x80;
        bytes[i] = (uint8_t)(up && is_lower(c) ? c - 32 : !up && is_upper(c) ? c + 32 : c);
    }
    *out = fly_vec_str_of(bytes, text.len);
    return FLY_OK;
}

fly_status fly_vec_text_upper(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return change_case(text, 1, arena, out, err);
}

fly_status fly_vec_text_lower(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return change_case(text, -1, arena, out, err);
}

fly_status fly_vec_text_initcap(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return change_case(text, 0, arena, out, err);
}

/* --------------------------------------------------------------------- quoting */

static void put_doubled(fly__vec_sink *s, fly_bytes text, char quote, bool backslashes)
{
    fly__vec_sink_put(s, &quote, 1);
    for (size_t i = 0; i < text.len && s->trouble == FLY_OK; i++) {
        if (text.data[i] == (uint8_t)quote || (backslashes && text.data[i] == '\\')) {
            fly__vec_sink_put(s, text.data + i, 1);
        }
        fly__vec_sink_put(s, text.data + i, 1);
    }
    fly__vec_sink_put(s, &quote, 1);
}

static void put_ident(fly__vec_sink *s, fly_bytes name, fly_vec_reserved reserved, void *ctx)
{
    bool plain = name.len > 0 && (is_lower(name.data[0]) || name.data[0] == '_');
    for (size_t i = 0; plain && i < name.len; i++) {
        int c = name.data[i];
        plain = is_lower(c) || (c >= '0' && c <= '9') || c == '_';
    }
    if (plain && (reserved == NULL || !reserved(ctx, name))) {
        fly__vec_sink_put(s, name.data, name.len);
        return;
    }
    put_doubled(s, name, '"', false);
}

static void put_literal(fly__vec_sink *s, fly_bytes text)
{
    bool backslash = text.len > 0 && memchr(text.data, '\\', text.len) != NULL;
    fly__vec_sink_put(s, "E", backslash ? 1 : 0);
    put_doubled(s, text, '\'', true);
}

fly_status fly_vec_quote_ident(fly_bytes name, fly_vec_reserved reserved, void *ctx,
                               fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, name.len + 2);
    put_ident(&s, name, reserved, ctx);
    return fly__vec_sink_give(&s, out, err);
}

fly_status fly_vec_quote_literal(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, text.len + 2);
    put_literal(&s, text);
    return fly__vec_sink_give(&s, out, err);
}

/* ---------------------------------------------------------------------- format() */

/* %[n$][-][width][type], width being digits, * or *n$. */
typedef struct spec {
    int64_t arg;   /* 0: the next one */
    int64_t width; /* its own, or of which argument */
    bool left;
    bool star;
    int64_t star_arg; /* 0: the next one */
    char type;
} spec;

static fly_status too_few(fly_err *err)
{
    return fly__vec_text_error(err, "22023", "too few arguments for format()");
}

static fly_status unterminated(fly_err *err)
{
    fly_status status = fly__vec_text_error(err, "22023", "unterminated format() type specifier");
    if (err != NULL) {
        fly_err_hint(err, "For a single \"%%\" use \"%%%%\".");
    }
    return status;
}

static fly_status digits(fly_bytes f, size_t *at, int64_t *out, bool *any, fly_err *err)
{
    *any = false;
    *out = 0;
    for (; *at < f.len && f.data[*at] >= '0' && f.data[*at] <= '9'; ++*at) {
        *out = *out * 10 + (f.data[*at] - '0');
        *any = true;
        if (*out > INT32_MAX) {
            return fly__vec_text_error(err, "22003", "number is out of range");
        }
    }
    return *at == f.len && *any ? unterminated(err) : FLY_OK;
}

static fly_status position(int64_t n, fly_err *err)
{
    return n == 0
               ? fly__vec_text_error(
                     err, "22023", "format specifies argument 0, but arguments are numbered from 1")
               : FLY_OK;
}

static fly_status read_spec(fly_bytes f, size_t *at, spec *s, fly_err *err)
{
    int64_t n;
    bool any;
    fly_status status;
    memset(s, 0, sizeof *s);
    if ((status = digits(f, at, &n, &any, err)) != FLY_OK) {
        return status;
    }
    if (any && f.data[*at] == '$') {
        if ((status = position(n, err)) != FLY_OK) {
            return status;
        }
        s->arg = n;
        ++*at;
        any = false;
    } else if (any) {
        s->width = n;
    }
    if (!any) {
        while (*at < f.len && f.data[*at] == '-') {
            s->left = true;
            ++*at;
        }
        if (*at == f.len) {
            return unterminated(err);
        }
        if (f.data[*at] == '*') {
            ++*at;
            s->star = true;
            if ((status = digits(f, at, &n, &any, err)) != FLY_OK) {
                return status;
            }
            if (any) {
                if (f.data[*at] != '$') {
                    return fly__vec_text_error(err, "22023",
                                               "width argument position must be ended by \"$\"");
                }
                if ((status = position(n, err)) != FLY_OK) {
                    return status;
                }
                s->star_arg = n;
                ++*at;
            }
        } else if ((status = digits(f, at, &s->width, &any, err)) != FLY_OK) {
            return status;
        }
    }
    if (*at == f.len) {
        return unterminated(err);
    }
    s->type = (char)f.data[*at];
    if (s->type != 's' && s->type != 'I' && s->type != 'L') {
        size_t len = fly_vec_text_step(f.data + *at, f.len - *at);
        status = fly__vec_text_error_text(err, "22023",
                                          "unrecognized format() type specifier \"%s\"",
                                          fly_bytes_of(f.data + *at, len));
        if (err != NULL) {
            fly_err_hint(err, "For a single \"%%\" use \"%%%%\".");
        }
        return status;
    }
    ++*at;
    return FLY_OK;
}

static fly_status star_width(const fly_vec_value *arg, spec *s, fly_err *err)
{
    int64_t n = 0;
    if (!arg->null) {
        fly_bytes t = fly_vec_str_bytes(&arg->str);
        size_t i = t.len > 0 && (t.data[0] == '-' || t.data[0] == '+');
        bool neg = i == 1 && t.data[0] == '-';
        if (i == t.len) {
            return fly__vec_text_error_text(err, "22P02",
                                            "invalid input syntax for type integer: \"%s\"", t);
        }
        for (; i < t.len && n <= INT32_MAX; i++) {
            if (t.data[i] < '0' || t.data[i] > '9') {
                return fly__vec_text_error_text(err, "22P02",
                                                "invalid input syntax for type integer: \"%s\"", t);
            }
            n = n * 10 + (t.data[i] - '0');
        }
        if (n > INT32_MAX) {
            return fly__vec_text_error(err, "22003", "number is out of range");
        }
        if (neg) {
            s->left = true;
        }
    }
    s->width = n;
    return FLY_OK;
}

static fly_status put_argument(fly__vec_sink *out, const fly_vec_value *arg, const spec *s,
                               fly_vec_reserved reserved, void *ctx, fly_arena *arena, fly_err *err)
{
    fly__vec_sink own;
    fly_vec_str text;
    fly_bytes t = arg->null ? fly_bytes_of("", 0) : fly_vec_str_bytes(&arg->str);
    fly__vec_sink_init(&own, arena, t.len);
    if (s->type == 's') {
        fly__vec_sink_put(&own, t.data, t.len);
    } else if (s->type == 'L') {
        if (arg->null) {
            fly__vec_sink_put(&own, "NULL", 4);
        } else {
            put_literal(&own, t);
        }
    } else {
        if (arg->null) {
            return fly__vec_text_error(err, "22004",
                                       "null values cannot be formatted as an SQL identifier");
        }
        put_ident(&own, t, reserved, ctx);
    }
    fly_status status = fly__vec_sink_give(&own, &text, err);
    if (status != FLY_OK) {
        return status;
    }
    t = fly_vec_str_bytes(&text);
    int64_t fill = s->width - fly_vec_text_length(t);
    if (fill > FLY_VEC_TEXT_MAX) {
        return too_large(err);
    }
    if (s->left) {
        fly__vec_sink_put(out, t.data, t.len);
    }
    if (fill > 0 && fly__vec_sink_room(out, (size_t)fill)) {
        memset(out->bytes + out->n, ' ', (size_t)fill);
        out->n += (size_t)fill;
    }
    if (!s->left) {
        fly__vec_sink_put(out, t.data, t.len);
    }
    return FLY_OK;
}

fly_status fly_vec_text_format(fly_bytes format, const fly_vec_value *args, size_t count,
                               fly_vec_reserved reserved, void *ctx, fly_arena *arena,
                               fly_vec_str *out, fly_err *err)
{
    fly__vec_sink s;
    size_t next = 0; /* argument */
    fly_status status;
    fly__vec_sink_init(&s, arena, format.len);
    for (size_t at = 0; at < format.len;) {
        if (format.data[at] != '%') {
            fly__vec_sink_put(&s, format.data + at++, 1);
            continue;
        }
        if (++at == format.len) {
            return unterminated(err);
        }
        if (format.data[at] == '%') {
            fly__vec_sink_put(&s, format.data + at++, 1);
            continue;
        }
        spec one;
        if ((status = read_spec(format, &at, &one, err)) != FLY_OK) {
            return status;
        }
        if (one.star) {
            next = one.star_arg > 0 ? (size_t)one.star_arg : next + 1;
            if (next > count) {
                return too_few(err);
            }
            if ((status = star_width(&args[next - 1], &one, err)) != FLY_OK) {
                return status;
            }
        }
        next = one.arg > 0 ? (size_t)one.arg : next + 1;
        if (next > count) {
            return too_few(err);
        }
        status = put_argument(&s, &args[next - 1], &one, reserved, ctx, arena, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return fly__vec_sink_give(&s, out, err);
}

/* ------------------------------------------------------------------ edit distance */

fly_status fly_vec_levenshtein(fly_bytes a, fly_bytes b, int32_t insert, int32_t remove,
                               int32_t substitute, int32_t *out, fly_err *err)
{
    enum { MOST = 255 };
    int64_t m = fly_vec_text_length(a);
    int64_t n = fly_vec_text_length(b);
    int64_t row[MOST + 1];
    if (m > MOST || n > MOST) {
        return fly__vec_text_error(err, "22023",
                                   "levenshtein argument exceeds maximum length of 255 characters");
    }
    for (int64_t j = 0; j <= n; j++) {
        row[j] = j * insert;
    }
    for (size_t i = 0, la; i < a.len; i += la) {
        la = fly_vec_text_step(a.data + i, a.len - i);
        int64_t corner = row[0];
        int64_t k = 0;
        row[0] += remove;
        for (size_t j = 0, lb; j < b.len && k < n; j += lb) {
            lb = fly_vec_text_step(b.data + j, b.len - j);
            bool same = la == lb && memcmp(a.data + i, b.data + j, la) == 0;
            int64_t best = corner + (same ? 0 : substitute);
            k++;
            corner = row[k];
            best = row[k] + remove < best ? row[k] + remove : best;
            best = row[k - 1] + insert < best ? row[k - 1] + insert : best;
            row[k] = best;
        }
    }
    *out = (int32_t)row[n];
    return FLY_OK;
}
