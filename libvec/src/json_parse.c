/*
 * JSON text: tokens, the grammar, and what an error says.
 *
 * One parser serves three uses: checking (nothing is kept), reading into a tree, and walking over a text
 * that was checked. Its errors name the token at which it stopped, as PostgreSQL does.
 *
 * @source RFC 8259; PostgreSQL's jsonapi.c for the wording of errors.
 */
#include "json_int.h"

#include <fly/vec_numeric.h>

#include <stdio.h>
#include <string.h>

typedef enum token {
    T_END,
    T_STRING,
    T_NUMBER,
    T_TRUE,
    T_FALSE,
    T_NULL,
    T_OPEN,
    T_CLOSE,
    T_OPEN_ARRAY,
    T_CLOSE_ARRAY,
    T_COMMA,
    T_COLON
} token;

typedef struct parser {
    const uint8_t *at, *end;
    const uint8_t *begin; /* of the current token, which ends at `at` */
    token token;
    int depth;
    fly_arena *arena; /* NULL: only check */
    fly_err *err;
} parser;

fly_status fly__vec_json_no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for JSON");
}

static fly_status invalid(parser *p, const char *format, fly_bytes text)
{
    char copy[120];
    size_t n = text.len < sizeof copy - 1 ? text.len : sizeof copy - 1;
    if (n > 0) {
        memcpy(copy, text.data, n);
    }
    copy[n] = '\0';
    fly_status status = fly__vec_text_error(p->err, "22P02", "invalid input syntax for type json");
    if (p->err != NULL) {
        const char *hole = strstr(format, "%s");
        if (hole == NULL) {
            fly_err_hint(p->err, "%s", format);
        } else {
            fly_err_hint(p->err, "%.*s%s%s", (int)(hole - format), format, copy, hole + 2);
        }
    }
    return status;
}

static fly_bytes current(const parser *p)
{
    return fly_bytes_of(p->begin, (size_t)(p->at - p->begin));
}

/* "Expected x, but found y." */
static fly_status expected(parser *p, const char *what)
{
    char format[80];
    if (p->token == T_END) {
        return invalid(p, "The input string ended unexpectedly.", current(p));
    }
    (void)snprintf(format, sizeof format, "Expected %s, but found \"%%s\".", what);
    return invalid(p, format, current(p));
}

/* ---------------------------------------------------------------------- tokens */

static bool is_word(int c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
           c >= 0x80;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int hex4(const uint8_t *at)
{
    int x = 0;
    for (int i = 0; i < 4; i++) {
        int c = at[i];
        int low = c | 0x20;
        int digit = is_digit(c) ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        if (digit < 0) {
            return -1;
        }
        x = x << 4 | digit;
    }
    return x;
}

static fly_status unicode_error(parser *p, const char *detail)
{
    return invalid(p, detail, current(p));
}

/* Over a string's text; its opening quote is passed. */
static fly_status string_token(parser *p)
{
    bool high = false; /* a high surrogate came just before */
    for (; p->at < p->end; p->at++) {
        int c = *p->at;
        if (c == '"') {
            if (high) {
                p->at++;
                return unicode_error(p, "Unicode low surrogate must follow a high surrogate.");
            }
            p->at++;
            p->token = T_STRING;
            return FLY_OK;
        }
        if (c < 0x20) {
            char detail[80];
            (void)snprintf(detail, sizeof detail, "Character with value 0x%02x must be escaped.",
                           (unsigned)c);
            return invalid(p, detail, current(p));
        }
        if (c != '\\') {
            if (high) {
                return unicode_error(p, "Unicode low surrogate must follow a high surrogate.");
            }
            continue;
        }
        if (++p->at == p->end) {
            break;
        }
        if (*p->at != 'u') {
            if (strchr("\"\\/bfnrt", *p->at) == NULL) {
                size_t len = fly_vec_text_step(p->at, (size_t)(p->end - p->at));
                return invalid(p, "Escape sequence \"\\%s\" is invalid.", fly_bytes_of(p->at, len));
            }
            if (high) {
                return unicode_error(p, "Unicode low surrogate must follow a high surrogate.");
            }
            continue;
        }
        if (p->end - p->at < 5) {
            /* Cut off among the digits, unless what is there is no digit. */
            for (const uint8_t *q = p->at + 1; q < p->end; q++) {
                if (!is_digit(*q) && !((*q | 0x20) >= 'a' && (*q | 0x20) <= 'f')) {
                    return invalid(p, "\"\\u\" must be followed by four hexadecimal digits.",
                                   current(p));
                }
            }
            break;
        }
        int code = hex4(p->at + 1);
        if (code < 0) {
            return invalid(p, "\"\\u\" must be followed by four hexadecimal digits.", current(p));
        }
        p->at += 4;
        bool is_high = code >= 0xd800 && code <= 0xdbff, is_low = code >= 0xdc00 && code <= 0xdfff;
        if (p->arena == NULL) {
            high = false; /* only text is checked: what the code means is not asked */
            continue;
        }
        if (is_high && high) {
            return unicode_error(p, "Unicode high surrogate must not follow a high surrogate.");
        }
        if (is_low != high) {
            return unicode_error(p, "Unicode low surrogate must follow a high surrogate.");
        }
        if (code == 0) {
            fly_status status =
                fly__vec_text_error(p->err, "22P05", "unsupported Unicode escape sequence");
            if (p->err != NULL) {
                fly_err_hint(p->err, "\\u0000 cannot be converted to text.");
            }
            return status;
        }
        high = is_high;
    }
    p->at = p->end;
    return invalid(p, "Token \"%s\" is invalid.", current(p));
}

static fly_status number_token(parser *p)
{
    bool bad = false;
    const uint8_t *at = p->at;
    if (*at == '-') {
        at++;
    }
    if (at < p->end && *at == '0') {
        at++;
    } else if (at < p->end && is_digit(*at)) {
        while (at < p->end && is_digit(*at)) {
            at++;
        }
    } else {
        bad = true;
    }
    if (at < p->end && *at == '.') {
        const uint8_t *first = ++at;
        while (at < p->end && is_digit(*at)) {
            at++;
        }
        bad = bad || at == first;
    }
    if (at < p->end && (*at | 0x20) == 'e') {
        at++;
        if (at < p->end && (*at == '+' || *at == '-')) {
            at++;
        }
        const uint8_t *first = at;
        while (at < p->end && is_digit(*at)) {
            at++;
        }
        bad = bad || at == first;
    }
    while (at < p->end && is_word(*at)) {
        at++;
        bad = true;
    }
    p->at = at;
    p->token = T_NUMBER;
    return bad ? invalid(p, "Token \"%s\" is invalid.", current(p)) : FLY_OK;
}

static fly_status word_token(parser *p)
{
    while (p->at < p->end && is_word(*p->at)) {
        p->at++;
    }
    if (p->at == p->begin) {
        p->at++;
        return invalid(p, "Token \"%s\" is invalid.", current(p));
    }
    fly_bytes word = current(p);
    if (fly_bytes_equal(word, fly_bytes_str("true"))) {
        p->token = T_TRUE;
    } else if (fly_bytes_equal(word, fly_bytes_str("false"))) {
        p->token = T_FALSE;
    } else if (fly_bytes_equal(word, fly_bytes_str("null"))) {
        p->token = T_NULL;
    } else {
        return invalid(p, "Token \"%s\" is invalid.", word);
    }
    return FLY_OK;
}

static fly_status next(parser *p)
{
    static const char marks[] = "{}[],:";
    while (p->at < p->end &&
           (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) {
        p->at++;
    }
    p->begin = p->at;
    if (p->at == p->end) {
        p->token = T_END;
        return FLY_OK;
    }
    int c = *p->at;
    const char *mark = c == 0 ? NULL : strchr(marks, c);
    if (mark != NULL) {
        p->at++;
        p->token = (token)(T_OPEN + (mark - marks));
        return FLY_OK;
    }
    if (c == '"') {
        p->at++;
        return string_token(p);
    }
    return c == '-' || is_digit(c) ? number_token(p) : word_token(p);
}

/* --------------------------------------------------------------------- strings */

static size_t put_utf8(uint8_t *out, uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i > 1; i--, c >>= 6) {
        out[i - 1] = (uint8_t)(0x80 | (c & 0x3f));
    }
    out[0] = (uint8_t)(lead[n] | c);
    return n;
}

/* The text was checked; but surrogates that are not paired may be in one that was checked as text only. */
fly_status fly__vec_json_unescape(fly_bytes quoted, fly_arena *arena, fly_bytes *out, fly_err *err)
{
    const uint8_t *at = quoted.data + 1;
    const uint8_t *end = quoted.data + quoted.len - 1;
    size_t len = (size_t)(end - at);
    if (len == 0 || memchr(at, '\\', len) == NULL) {
        *out = fly_bytes_of(at, len);
        return FLY_OK;
    }
    uint8_t *bytes = fly_arena_alloc(arena, len);
    uint8_t *to = bytes;
    if (bytes == NULL) {
        return fly__vec_json_no_memory(err);
    }
    static const char from[] = "bfnrt";
    static const char into[] = "\b\f\n\r\t";
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        if (*at != 'u') {
            const char *found = strchr(from, *at);
            *to++ = found != NULL ? (uint8_t)into[found - from] : *at;
            at++;
            continue;
        }
        uint32_t c = (uint32_t)hex4(at + 1);
        at += 5;
        if (c >= 0xd800 && c <= 0xdbff && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
            uint32_t low = (uint32_t)hex4(at + 2);
            if (low >= 0xdc00 && low <= 0xdfff) {
                c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
                at += 6;
            }
        }
        if (c == 0 || (c >= 0xd800 && c <= 0xdfff)) {
            return c == 0 ? fly__vec_text_error(err, "22P05", "unsupported Unicode escape sequence")
                          : fly__vec_text_error(err, "22P02", "invalid input syntax for type json");
        }
        to += put_utf8(to, c);
    }
    *out = fly_bytes_of(bytes, (size_t)(to - bytes));
    return FLY_OK;
}

/* -------------------------------------------------------------------- the grammar */

static fly_status value(parser *p, fly__vec_json *out);

static fly_status too_deep(parser *p)
{
    fly_status status = fly__vec_text_error(p->err, "54001", "stack depth limit exceeded");
    return status;
}

static fly_status array(parser *p, fly__vec_json *out)
{
    fly_status status = next(p);
    out->kind = J_ARRAY;
    if (status != FLY_OK || p->token == T_CLOSE_ARRAY) {
        return status == FLY_OK ? next(p) : status;
    }
    for (;;) {
        fly__vec_json none;
        fly__vec_json *kid = &none;
        if (p->arena != NULL) {
            kid = fly__vec_json_add(out, p->arena, NULL);
            if (kid == NULL) {
                return fly__vec_json_no_memory(p->err);
            }
        }
        if ((status = value(p, kid)) != FLY_OK) {
            return status;
        }
        if (p->token != T_COMMA) {
            return p->token == T_CLOSE_ARRAY ? next(p) : expected(p, "\",\" or \"]\"");
        }
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
    }
}

static fly_status object(parser *p, fly__vec_json *out)
{
    fly_status status = next(p);
    out->kind = J_OBJECT;
    if (status != FLY_OK || p->token == T_CLOSE) {
        return status == FLY_OK ? next(p) : status;
    }
    for (bool first = true;; first = false) {
        fly__vec_json none;
        fly__vec_json *kid = &none;
        if (p->token != T_STRING) {
            return expected(p, first ? "string or \"}\"" : "string");
        }
        if (p->arena != NULL) {
            fly_bytes key;
            if ((status = fly__vec_json_unescape(current(p), p->arena, &key, p->err)) != FLY_OK) {
                return status;
            }
            kid = fly__vec_json_add(out, p->arena, &key);
            if (kid == NULL) {
                return fly__vec_json_no_memory(p->err);
            }
        }
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
        if (p->token != T_COLON) {
            return expected(p, "\":\"");
        }
        if ((status = next(p)) != FLY_OK || (status = value(p, kid)) != FLY_OK) {
            return status;
        }
        if (p->token != T_COMMA) {
            return p->token == T_CLOSE ? next(p) : expected(p, "\",\" or \"}\"");
        }
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
    }
}

static fly_status scalar(parser *p, fly__vec_json *out)
{
    static const uint8_t tags[] = {FLY_VEC_JSON_NULL, FLY_VEC_JSON_FALSE, FLY_VEC_JSON_TRUE};
    fly_status status = FLY_OK;
    if (p->arena == NULL) {
        return next(p);
    }
    if (p->token == T_STRING) {
        out->kind = J_STRING;
        status = fly__vec_json_unescape(current(p), p->arena, &out->raw, p->err);
    } else if (p->token == T_NUMBER) {
        fly_vec_str *number = fly_arena_alloc(p->arena, sizeof *number);
        if (number == NULL) {
            return fly__vec_json_no_memory(p->err);
        }
        out->kind = J_NUMBER;
        status = fly_vec_numeric_parse(current(p), p->arena, number, p->err);
        if (status == FLY_OK) {
            out->raw = fly_vec_str_bytes(number);
        }
    } else {
        out->kind = J_RAW;
        out->raw = fly_bytes_of(&tags[p->token == T_NULL ? 0 : p->token == T_FALSE ? 1 : 2], 1);
    }
    return status == FLY_OK ? next(p) : status;
}

/* The value that begins with the current token; the token behind it is current then. */
static fly_status value(parser *p, fly__vec_json *out)
{
    fly_status status;
    memset(out, 0, sizeof *out);
    switch (p->token) {
    case T_OPEN:
    case T_OPEN_ARRAY:
        if (++p->depth > FLY_VEC_JSON_DEPTH_MAX) {
            return too_deep(p);
        }
        status = p->token == T_OPEN ? object(p, out) : array(p, out);
        p->depth--;
        return status;
    case T_STRING:
    case T_NUMBER:
    case T_TRUE:
    case T_FALSE:
    case T_NULL:
        return scalar(p, out);
    default:
        return expected(p, "JSON value");
    }
}

static fly_status parse(parser *p, fly__vec_json *out)
{
    fly_status status;
    if ((status = next(p)) != FLY_OK || (status = value(p, out)) != FLY_OK) {
        return status;
    }
    return p->token == T_END ? FLY_OK : expected(p, "end of input");
}

static parser parser_of(fly_bytes text, fly_arena *arena, fly_err *err)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *at = text.len > 0 ? text.data : nothing;
    return (parser){.at = at, .end = at + text.len, .begin = at, .arena = arena, .err = err};
}

fly_status fly_vec_json_check(fly_bytes text, fly_err *err)
{
    parser p = parser_of(text, NULL, err);
    fly__vec_json none;
    return parse(&p, &none);
}

fly_status fly_vec_jsonb_parse(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly_arena scratch;
    fly__vec_json tree;
    fly_arena_init(&scratch, arena->mem, 0);
    parser p = parser_of(text, &scratch, err);
    fly_status status = parse(&p, &tree);
    if (status == FLY_OK) {
        status = fly__vec_json_encode(&tree, arena, out, err);
    }
    fly_arena_deinit(&scratch);
    return status;
}

/* -------------------------------------------------------------- text of type json */

/* Over a value of a text that is known to be JSON: brackets are counted, strings passed. */
static size_t over(fly_bytes t, size_t at)
{
    int depth = 0;
    do {
        uint8_t c = t.data[at++];
        if (c == '"') {
            while (at < t.len && t.data[at] != '"') {
                at += t.data[at] == '\\' ? 2 : 1;
            }
            at++;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (depth == 0) {
            while (at < t.len && strchr(" \t\n\r,]}:", t.data[at]) == NULL) {
                at++;
            }
        }
    } while (depth > 0 && at < t.len);
    return at < t.len ? at : t.len;
}

static size_t skip_space(fly_bytes t, size_t at)
{
    while (at < t.len && (t.data[at] == ' ' || (t.data[at] >= '\t' && t.data[at] <= '\r'))) {
        at++;
    }
    return at;
}

fly_vec_json_type fly_vec_json_type_of(fly_bytes text)
{
    size_t at = skip_space(text, 0);
    switch (at < text.len ? text.data[at] : 'n') {
    case '{':
        return FLY_VEC_JSON_OBJECT;
    case '[':
        return FLY_VEC_JSON_ARRAY;
    case '"':
        return FLY_VEC_JSON_STRING;
    case 't':
        return FLY_VEC_JSON_TRUE;
    case 'f':
        return FLY_VEC_JSON_FALSE;
    case 'n':
        return FLY_VEC_JSON_NULL;
    default:
        return FLY_VEC_JSON_NUMBER;
    }
}

bool fly_vec_json_scan_begin(fly_vec_json_scan *scan, fly_bytes text)
{
    size_t at = skip_space(text, 0);
    *scan = (fly_vec_json_scan){text, at + 1, at < text.len && text.data[at] == '{', false};
    return scan->object || (at < text.len && text.data[at] == '[');
}

bool fly_vec_json_scan_next(fly_vec_json_scan *scan, fly_bytes *key, fly_bytes *value)
{
    fly_bytes t = scan->text;
    size_t at = skip_space(t, scan->at);
    if (at < t.len && t.data[at] == ',' && scan->begun) {
        at = skip_space(t, at + 1);
    }
    if (at >= t.len || t.data[at] == '}' || t.data[at] == ']') {
        return false;
    }
    scan->begun = true;
    *key = fly_bytes_of(t.data + at, 0);
    if (scan->object) {
        size_t end = over(t, at);
        *key = fly_bytes_of(t.data + at, end - at);
        at = skip_space(t, end);
        at = skip_space(t, at < t.len ? at + 1 : at); /* the colon */
        if (at >= t.len) {
            return false;
        }
    }
    size_t end = over(t, at);
    *value = fly_bytes_of(t.data + at, end - at);
    scan->at = end;
    return true;
}

fly_status fly_vec_json_get(fly_bytes text, fly_bytes key, fly_arena *arena, fly_bytes *value,
                            bool *found, fly_err *err)
{
    fly_vec_json_scan scan;
    fly_bytes name;
    fly_bytes one;
    *found = false;
    if (!fly_vec_json_scan_begin(&scan, text) || !scan.object) {
        return FLY_OK;
    }
    while (fly_vec_json_scan_next(&scan, &name, &one)) {
        fly_status status = fly__vec_json_unescape(name, arena, &name, err);
        if (status != FLY_OK) {
            return status;
        }
        if (fly_bytes_equal(name, key)) {
            *value = one;
            *found = true;
        }
    }
    return FLY_OK;
}

bool fly_vec_json_at(fly_bytes text, int64_t index, fly_bytes *value)
{
    fly_vec_json_scan scan;
    fly_bytes key;
    if (!fly_vec_json_scan_begin(&scan, text) || scan.object) {
        return false;
    }
    if (index < 0) {
        fly_vec_json_scan count = scan;
        while (fly_vec_json_scan_next(&count, &key, value)) {
            index++;
        }
        if (index < 0) {
            return false;
        }
    }
    while (fly_vec_json_scan_next(&scan, &key, value)) {
        if (index-- == 0) {
            return true;
        }
    }
    return false;
}

fly_status fly_vec_json_text(fly_bytes text, fly_arena *arena, fly_vec_str *out, bool *null,
                             fly_err *err)
{
    size_t from = skip_space(text, 0);
    size_t to = text.len;
    fly_vec_json_type type = fly_vec_json_type_of(text);
    *null = type == FLY_VEC_JSON_NULL;
    if (*null) {
        return FLY_OK;
    }
    while (to > from && skip_space(text, to - 1) == to) {
        to--;
    }
    fly_bytes own = fly_bytes_of(text.data + from, to - from);
    if (type == FLY_VEC_JSON_STRING) {
        fly_status status = fly__vec_json_unescape(own, arena, &own, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    *out = fly_vec_str_of(own.data, own.len);
    return FLY_OK;
}
