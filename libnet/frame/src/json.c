/*
 * As much of JSON as a payload needs: is it one, where is a member, what does a string say.
 *
 * fly__frame_json_check() reads everything once, by RFC 8259, with a limit on the depth; it keeps one bit
 * per open bracket instead of calling itself. The others then walk over bytes that are known to be
 * well-formed. A member is looked for from the start of its object: payloads have few members, and the
 * long ones (lists) are read in order.
 */
#include "frame_int.h"

#include <string.h>

const uint8_t *fly__frame_json_space(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

/* ------------------------------------------------------------------ checking */

static int hex(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Past a string, from its opening quote; NULL if it is none. */
static const uint8_t *check_string(const uint8_t *at, const uint8_t *end)
{
    for (at++; at < end; at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at < 0x20) {
            return NULL;
        }
        if (*at == '\\') {
            if (++at == end || strchr("\"\\/bfnrtu", *at) == NULL || *at == 0) {
                return NULL;
            }
            if (*at == 'u') {
                if (end - at < 5 || hex(at[1]) < 0 || hex(at[2]) < 0 || hex(at[3]) < 0 ||
                    hex(at[4]) < 0) {
                    return NULL;
                }
                at += 4;
            }
        }
    }
    return NULL;
}

static const uint8_t *digits(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at > from ? at : NULL;
}

static const uint8_t *check_number(const uint8_t *at, const uint8_t *end)
{
    at += at < end && *at == '-';
    bool zero = at < end && *at == '0';
    at = zero ? at + 1 : digits(at, end);
    if (at != NULL && at < end && *at == '.') {
        at = digits(at + 1, end);
    }
    if (at != NULL && at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        at = digits(at, end);
    }
    return at;
}

static const uint8_t *check_word(const uint8_t *at, const uint8_t *end)
{
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(end - at) >= len && memcmp(at, words[i], len) == 0) {
            return at + len;
        }
    }
    return NULL;
}

static const uint8_t *check_scalar(const uint8_t *at, const uint8_t *end)
{
    if (*at == '"') {
        return check_string(at, end);
    }
    return *at == '-' || (*at >= '0' && *at <= '9') ? check_number(at, end) : check_word(at, end);
}

/* Past `"name" :` and the space behind it. */
static const uint8_t *check_name(const uint8_t *at, const uint8_t *end)
{
    at = fly__frame_json_space(at, end);
    if (at == end || *at != '"' || (at = check_string(at, end)) == NULL) {
        return NULL;
    }
    at = fly__frame_json_space(at, end);
    return at < end && *at == ':' ? fly__frame_json_space(at + 1, end) : NULL;
}

const char *fly__frame_json_check(fly_bytes text)
{
    static const char *const wrong = "invalid JSON";
    const uint8_t *at = text.data;
    const uint8_t *end = text.len > 0 ? text.data + text.len : at;
    uint32_t objects = 0; /* a bit for each open bracket: whether it is a brace */
    uint32_t depth = 0;
    at = fly__frame_json_space(at, end);
    if (at == end || *at != '{') {
        return "the payload is no JSON object";
    }
    for (;;) {
        /* Here a value begins. */
        bool closed = true;
        if (*at == '{' || *at == '[') {
            uint8_t close = *at == '{' ? '}' : ']';
            if (++depth > FLY_FRAME_DEPTH_MAX) {
                return "JSON is nested too deeply";
            }
            objects = objects << 1 | (*at == '{');
            at = fly__frame_json_space(at + 1, end);
            closed = at < end && *at == close;
            if (closed) {
                at++;
                depth--;
                objects >>= 1;
            }
        } else if ((at = check_scalar(at, end)) == NULL) {
            return wrong;
        }
        /* Here one has ended, or, if not closed, its first element is about to begin. */
        while (closed) {
            at = fly__frame_json_space(at, end);
            if (depth == 0) {
                return at == end ? NULL : "something follows the JSON object";
            }
            if (at == end) {
                return wrong;
            }
            if (*at == ',') {
                at++;
                closed = false;
            } else if (*at == ((objects & 1) != 0 ? '}' : ']')) {
                at++;
                depth--;
                objects >>= 1;
            } else {
                return wrong;
            }
        }
        at = (objects & 1) != 0 ? check_name(at, end) : fly__frame_json_space(at, end);
        if (at == NULL || at == end) {
            return wrong;
        }
    }
}

/* ------------------------------------------------------------------- walking */

static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end)
{
    for (at++; at < end && *at != '"'; at++) {
        at += *at == '\\';
    }
    return at < end ? at + 1 : end;
}

const uint8_t *fly__frame_json_skip(const uint8_t *at, const uint8_t *end)
{
    uint32_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
            continue;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (depth > 0 && strchr(" \t\r\n,:", *at) != NULL) {
            at++;
            continue;
        } else {
            while (at < end && strchr(" \t\r\n,:}]", *at) == NULL) {
                at++;
            }
        }
        if (depth == 0) {
            break;
        }
    }
    return at;
}

const uint8_t *fly__frame_json_member(const uint8_t *at, const uint8_t *end, const char *name)
{
    size_t len = strlen(name);
    for (;;) {
        at = fly__frame_json_space(at, end);
        if (at >= end || *at != '"') {
            return NULL;
        }
        const uint8_t *behind = skip_string(at, end);
        bool same = (size_t)(behind - at) == len + 2 && memcmp(at + 1, name, len) == 0;
        at = fly__frame_json_space(behind, end);
        at = fly__frame_json_space(at + 1, end); /* the colon */
        if (same) {
            return at;
        }
        at = fly__frame_json_space(fly__frame_json_skip(at, end), end);
        at += at < end && *at == ',';
    }
}

/* ------------------------------------------------------------------- strings */

static uint32_t four(const uint8_t *at)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        code = code << 4 | (uint32_t)hex(at[i]);
    }
    return code;
}

static size_t put_utf8(uint8_t *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (uint8_t)(0xc0 | code >> 6);
        to[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (uint8_t)(0xe0 | code >> 12);
        to[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | code >> 18);
    to[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* \uD83D\uDE00 is one character; half of a pair becomes U+FFFD. `at` is behind the first u; returns
 * where the escape ends. */
static const uint8_t *take_unicode(const uint8_t *at, const uint8_t *end, uint8_t **to)
{
    uint32_t code = four(at);
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = four(at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *to += put_utf8(*to, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
            return at + 6;
        }
    }
    *to += put_utf8(*to, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return at;
}

bool fly__frame_json_string(const uint8_t *at, const uint8_t *end, fly_arena *arena,
                            fly_bytes *string)
{
    const uint8_t *close = skip_string(at, end) - 1;
    at++;
    size_t len = (size_t)(close - at);
    if (len == 0 || memchr(at, '\\', len) == NULL) {
        *string = fly_bytes_of(at, len);
        return true;
    }
    uint8_t *made = fly_arena_alloc(arena, len); /* an escape is never shorter than what it says */
    if (made == NULL) {
        return false;
    }
    uint8_t *to = made;
    while (at < close) {
        if (*at != '\\') {
            *to++ = *at++;
        } else if (at[1] == 'u') {
            at = take_unicode(at + 2, close, &to);
        } else {
            static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
            const char *pair = plain;
            while (pair[0] != (char)at[1]) {
                pair += 2;
            }
            *to++ = (uint8_t)pair[1];
            at += 2;
        }
    }
    *string = fly_bytes_of(made, (size_t)(to - made));
    return true;
}
