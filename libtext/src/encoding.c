/*
 * Encodings: bytes from outside become UTF-8, or are refused; UTF-8 goes out again.
 *
 * An encoding is a row of a table: a name, a function that reads one character and one that writes
 * one. Everything passes through code points, and whole runs of ASCII beside them, which is most of
 * most text. To read is to distrust: what a reader accepts is a Unicode scalar value other than NUL.
 *
 * What is not here: single-byte code pages with tables (a row and two functions each), detection of
 * an encoding, byte order marks.
 *
 * Source: The Unicode Standard 15.0, table 3-7 (well-formed UTF-8) and section 3.9 (UTF-16).
 */
#include "text_int.h"

#include <fly/base_bytes.h>

#include <stdio.h>

/* ------------------------------------------------------------------- readers */

/*
 * The character at `at`: its length, and its code point; 0 if the bytes there are none. Table 3-7 of
 * the standard in three rules: continuation bytes are 80..BF; the second byte of E0, ED, F0 and F4
 * has a narrower range, which keeps out what a shorter sequence says, surrogates, and what lies
 * beyond 10FFFF; C0, C1 and F5..FF begin nothing.
 */
static size_t read_utf8(fly_bytes text, size_t at, uint32_t *code)
{
    const uint8_t *s = text.data + at;
    size_t left = text.len - at;
    uint32_t lead = s[0];
    if (lead < 0x80) {
        *code = lead;
        return lead != 0;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    size_t len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (left < len) {
        return 0;
    }
    uint32_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint32_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    uint32_t value = lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (s[i] & 0x3fu);
    }
    *code = value;
    return len;
}

static size_t read_ascii(fly_bytes text, size_t at, uint32_t *code)
{
    *code = text.data[at];
    return *code > 0 && *code < 0x80;
}

static size_t read_latin1(fly_bytes text, size_t at, uint32_t *code)
{
    *code = text.data[at];
    return *code > 0;
}

static size_t read_utf16(fly_bytes text, size_t at, uint32_t *code)
{
    size_t left = text.len - at;
    if (left < 2) {
        return 0;
    }
    uint32_t unit = fly_get_u16(text.data + at);
    if (unit < 0xd800 || unit > 0xdfff) {
        *code = unit;
        return unit != 0 ? 2 : 0;
    }
    uint32_t next = left < 4 ? 0 : fly_get_u16(text.data + at + 2);
    if (unit > 0xdbff || next < 0xdc00 || next > 0xdfff) {
        return 0; /* half a pair */
    }
    *code = 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
    return 4;
}

/* ------------------------------------------------------------------- writers */

/* The bytes of a character, up to 4; 0 if the encoding has none for it. */
static size_t write_utf8(uint8_t *at, uint32_t code)
{
    return fly_text_put(at, code);
}

static size_t write_ascii(uint8_t *at, uint32_t code)
{
    *at = (uint8_t)code;
    return code < 0x80;
}

static size_t write_latin1(uint8_t *at, uint32_t code)
{
    *at = (uint8_t)code;
    return code < 0x100;
}

static size_t write_utf16(uint8_t *at, uint32_t code)
{
    if (code < 0x10000) {
        fly_put_u16(at, (uint16_t)code);
        return 2;
    }
    fly_put_u16(at, (uint16_t)(0xd800 + ((code - 0x10000) >> 10)));
    fly_put_u16(at + 2, (uint16_t)(0xdc00 + ((code - 0x10000) & 0x3ff)));
    return 4;
}

/* ----------------------------------------------------------------- the table */

static const struct encoding {
    const char *name;
    size_t (*read)(fly_bytes text, size_t at, uint32_t *code);
    size_t (*write)(uint8_t *at, uint32_t code);
    bool ascii_bytes; /* ASCII stands for itself, a byte a character */
} encodings[FLY_TEXT_ENCODING_COUNT] = {
    [FLY_TEXT_UTF8] = {"UTF8", read_utf8, write_utf8, true},
    [FLY_TEXT_ASCII] = {"ASCII", read_ascii, write_ascii, true},
    [FLY_TEXT_LATIN1] = {"LATIN1", read_latin1, write_latin1, true},
    [FLY_TEXT_UTF16] = {"UTF16", read_utf16, write_utf16, false},
};

/* Without dashes, underscores and spaces, in lower case. */
static const struct {
    const char *name;
    fly_text_encoding encoding;
} aliases[] = {
    {"utf8", FLY_TEXT_UTF8},       {"unicode", FLY_TEXT_UTF8},  {"ascii", FLY_TEXT_ASCII},
    {"sqlascii", FLY_TEXT_ASCII},  {"usascii", FLY_TEXT_ASCII}, {"latin1", FLY_TEXT_LATIN1},
    {"iso88591", FLY_TEXT_LATIN1}, {"utf16", FLY_TEXT_UTF16},   {"utf16le", FLY_TEXT_UTF16},
};

const char *fly_text_encoding_name(fly_text_encoding encoding)
{
    FLY_ASSERT(encoding < FLY_TEXT_ENCODING_COUNT);
    return encodings[encoding].name;
}

fly_status fly_text_encoding_find(fly_bytes name, fly_text_encoding *encoding)
{
    char plain[16];
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c == '-' || c == '_' || c == ' ') {
            continue;
        }
        if (len == sizeof plain) {
            return FLY_E_NOT_FOUND;
        }
        plain[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (fly_bytes_equal(fly_bytes_of(plain, len), fly_bytes_str(aliases[i].name))) {
            *encoding = aliases[i].encoding;
            return FLY_OK;
        }
    }
    return FLY_E_NOT_FOUND;
}

/* ------------------------------------------------------------------ refusals */

/* How many bytes a character that begins here should have: what a message shows. */
static size_t intended(fly_text_encoding encoding, fly_bytes text, size_t at)
{
    uint8_t lead = text.data[at];
    size_t len = 1;
    if (encoding == FLY_TEXT_UTF16) {
        len = text.len - at >= 2 && (text.data[at + 1] & 0xfc) == 0xd8 ? 4 : 2;
    } else if (encoding == FLY_TEXT_UTF8 && lead >= 0xc0) {
        len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 1;
    }
    return len < text.len - at ? len : text.len - at;
}

/* "0xe2 0x82", up to 4 bytes */
static const char *hex(char out[24], fly_bytes bytes)
{
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < bytes.len && i < 4; i++) {
        len += (size_t)snprintf(out + len, 24 - len, "%s0x%02x", i > 0 ? " " : "", bytes.data[i]);
    }
    return out;
}

static fly_status ill_formed(fly_text_encoding encoding, fly_bytes text, size_t at, fly_err *err)
{
    char bytes[24];
    (void)fly_err_set(err, FLY_E_INVALID, "invalid byte sequence for encoding \"%s\": %s",
                      encodings[encoding].name,
                      hex(bytes, fly_bytes_of(text.data + at, intended(encoding, text, at))));
    if (err != NULL) {
        memcpy(err->sqlstate, "22021", 6);
        err->position = (uint32_t)(at + 1);
    }
    return FLY_E_INVALID;
}

static fly_status untranslatable(fly_text_encoding to, fly_bytes utf8, size_t at, size_t len,
                                 fly_err *err)
{
    char bytes[24];
    (void)fly_err_set(err, FLY_E_INVALID,
                      "character with byte sequence %s in encoding \"UTF8\" has no equivalent in "
                      "encoding \"%s\"",
                      hex(bytes, fly_bytes_of(utf8.data + at, len)), encodings[to].name);
    if (err != NULL) {
        memcpy(err->sqlstate, "22P05", 6);
        err->position = (uint32_t)(at + 1);
    }
    return FLY_E_INVALID;
}

/* ---------------------------------------------------------------- conversion */

/* ASCII from `at` on up to the first NUL, which is no text. */
static size_t plain_run(fly_bytes text, size_t at)
{
    size_t run = fly__text_ascii_run(text, at);
    const void *nul = run > 0 ? memchr(text.data + at, 0, run) : NULL;
    return nul == NULL ? run : (size_t)((const uint8_t *)nul - (text.data + at));
}

fly_status fly_text_validate(fly_text_encoding encoding, fly_bytes text, fly_err *err)
{
    FLY_ASSERT(encoding < FLY_TEXT_ENCODING_COUNT);
    const struct encoding *from = &encodings[encoding];
    for (size_t at = 0; at < text.len;) {
        size_t run = from->ascii_bytes ? plain_run(text, at) : 0;
        if (run > 0) {
            at += run;
            continue;
        }
        uint32_t code;
        size_t len = from->read(text, at, &code);
        if (len == 0) {
            return ill_formed(encoding, text, at, err);
        }
        at += len;
    }
    return FLY_OK;
}

/* From one encoding to another; one of them is UTF-8. */
static fly_status convert(fly_text_encoding from, fly_text_encoding to, fly_bytes text, sink *into,
                          fly_err *err)
{
    const struct encoding *source = &encodings[from];
    const struct encoding *target = &encodings[to];
    bool runs = source->ascii_bytes && target->ascii_bytes;
    for (size_t at = 0; at < text.len;) {
        size_t run = runs ? plain_run(text, at) : 0;
        if (run > 0) {
            sink_put(into, text.data + at, run);
            at += run;
            continue;
        }
        uint32_t code;
        size_t len = source->read(text, at, &code);
        if (len == 0) {
            return ill_formed(from, text, at, err);
        }
        uint8_t bytes[4];
        size_t written = target->write(bytes, code);
        if (written == 0) {
            return untranslatable(to, text, at, len, err);
        }
        sink_put(into, bytes, written);
        at += len;
    }
    return FLY_OK;
}

fly_status fly_text_decode(fly_text_encoding encoding, fly_bytes text, void *out, size_t room,
                           size_t *len, fly_err *err)
{
    FLY_ASSERT(encoding < FLY_TEXT_ENCODING_COUNT);
    sink into = {out, room, 0};
    fly_status status = fly__text_limit(text, err);
    status = status == FLY_OK ? convert(encoding, FLY_TEXT_UTF8, text, &into, err) : status;
    return status == FLY_OK ? sink_end(&into, len) : status;
}

fly_status fly_text_encode(fly_text_encoding encoding, fly_bytes utf8, void *out, size_t room,
                           size_t *len, fly_err *err)
{
    FLY_ASSERT(encoding < FLY_TEXT_ENCODING_COUNT);
    sink into = {out, room, 0};
    fly_status status = fly__text_limit(utf8, err);
    status = status == FLY_OK ? convert(FLY_TEXT_UTF8, encoding, utf8, &into, err) : status;
    return status == FLY_OK ? sink_end(&into, len) : status;
}

/*
 * How much of an ill-formed sequence one U+FFFD stands for: the longest beginning of a well-formed
 * one, or a byte. ICU, browsers and the standard's section 3.9 ("maximal subparts") do the same, so
 * that all of them see the same characters in the same rubbish.
 */
static size_t subpart(fly_bytes text, size_t at)
{
    const uint8_t *s = text.data + at;
    size_t left = text.len - at;
    uint8_t completed[4] = {s[0], left > 1 ? s[1] : 0x80, 0x80, 0x80};
    uint32_t code;
    if (left < 2 || read_utf8(fly_bytes_of(completed, sizeof completed), 0, &code) < 3) {
        return 1;
    }
    return left > 2 && s[0] >= 0xf0 && (s[2] & 0xc0) == 0x80 ? 3 : 2;
}

/* Here, beside the reader that it shares with validation. */
size_t fly_text_next(fly_bytes text, size_t at, uint32_t *code)
{
    FLY_ASSERT(at < text.len);
    if (text.data[at] < 0x80) {
        *code = text.data[at];
        return 1;
    }
    size_t len = read_utf8(text, at, code);
    if (len == 0) {
        *code = 0xfffd;
        return subpart(text, at);
    }
    return len;
}
