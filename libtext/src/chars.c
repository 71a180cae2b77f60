/*
 * Characters: counting, finding and cutting them, and the columns that they take on a terminal.
 *
 * A character is a code point. To count them is to count the bytes that do not continue one, which
 * needs no decoding, and gives some number for ill-formed text too.
 *
 * What is not here: grapheme clusters. A base letter with two marks is three characters, as it is in
 * SQL.
 */
#include "text_int.h"

#include <fly/base_bytes.h>

#include <unicode/uchar.h>

enum { WORD = 8 };
#define HIGH_BITS 0x8080808080808080u
#define LOW_BITS 0x0101010101010101u

size_t fly__text_ascii_run(fly_bytes text, size_t at)
{
    size_t end = at;
    while (text.len - end >= WORD && (fly_get_u64(text.data + end) & HIGH_BITS) == 0) {
        end += WORD;
    }
    while (end < text.len && text.data[end] < 0x80) {
        end++;
    }
    return end - at;
}

fly_status fly__text_limit(fly_bytes text, fly_err *err)
{
    if (text.len > FLY_TEXT_SIZE_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "text of %zu bytes is longer than %d", text.len,
                           FLY_TEXT_SIZE_MAX);
    }
    return FLY_OK;
}

size_t fly_text_put(uint8_t *at, uint32_t code)
{
    if (code < 0x80) {
        at[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        at[0] = (uint8_t)(0xc0 | code >> 6);
        at[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        at[0] = (uint8_t)(0xe0 | code >> 12);
        at[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        at[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    at[0] = (uint8_t)(0xf0 | code >> 18);
    at[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    at[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    at[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* How many of eight bytes begin a character: all but those of the form 10xxxxxx. */
static size_t begin_count(uint64_t word)
{
    uint64_t continues = word >> 7 & ~(word >> 6) & LOW_BITS;
    return WORD - (size_t)__builtin_popcountll(continues);
}

static bool begins(uint8_t byte)
{
    return (byte & 0xc0) != 0x80;
}

size_t fly_text_count(fly_bytes text)
{
    size_t count = 0;
    size_t at = 0;
    for (; text.len - at >= WORD; at += WORD) {
        count += begin_count(fly_get_u64(text.data + at));
    }
    for (; at < text.len; at++) {
        count += begins(text.data[at]);
    }
    return count;
}

size_t fly_text_offset(fly_bytes text, size_t index)
{
    size_t at = 0;
    size_t passed = 0; /* characters that begin before `at` */
    while (text.len - at >= WORD) {
        size_t here = begin_count(fly_get_u64(text.data + at));
        if (passed + here > index) {
            break;
        }
        passed += here;
        at += WORD;
    }
    for (; at < text.len; at++) {
        if (begins(text.data[at]) && passed++ == index) {
            return at;
        }
    }
    return text.len;
}

fly_bytes fly_text_substring(fly_bytes text, size_t from, size_t count)
{
    size_t begin = fly_text_offset(text, from);
    fly_bytes rest = fly_bytes_of(text.data + begin, text.len - begin);
    rest.len = fly_text_offset(rest, count);
    return rest;
}

/* --------------------------------------------------------------------- width */

int fly_text_char_width(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
        return -1;
    }
    if (code < 0x300) {
        return 1; /* the soft hyphen too: terminals show it */
    }
    if (code >= 0x1160 && code <= 0x11ff) {
        return 0; /* vowels and finals of Hangul join the syllable before them */
    }
    switch (u_charType((UChar32)code)) {
    case U_NON_SPACING_MARK:
    case U_ENCLOSING_MARK:
    case U_FORMAT_CHAR:
        return 0;
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
        return -1;
    default:
        break;
    }
    int32_t east_asian = u_getIntPropertyValue((UChar32)code, UCHAR_EAST_ASIAN_WIDTH);
    return east_asian == U_EA_WIDE || east_asian == U_EA_FULLWIDTH ? 2 : 1;
}

size_t fly_text_width(fly_bytes text)
{
    size_t width = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        at += fly_text_next(text, at, &code);
        int columns = fly_text_char_width(code);
        width += columns > 0 ? (size_t)columns : 0;
    }
    return width;
}
