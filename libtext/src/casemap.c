/*
 * Upper, lower, title and folded case.
 *
 * ASCII stays out of ICU: it is folded here, byte by byte, unless the locale has rules of its own for
 * i (Turkish, Azerbaijani) or for its accents (Lithuanian). The rest goes through a UCaseMap, which
 * a collation holds for its locale.
 *
 * Folding is done here code point by code point: the full foldings of Unicode look at no neighbours,
 * so text can be folded as a stream, without memory, and can be compared while it is.
 *
 * Source: The Unicode Standard 15.0, section 3.13 "Default Case Algorithms"; CaseFolding.txt, states
 * C and F.
 */
#include "text_int.h"

#include <unicode/uchar.h>
#include <unicode/ustring.h>

/* ---------------------------------------------------------- upper and lower */

static uint8_t ascii_upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

static uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Whether the locale leaves ASCII to the rules of everybody. */
static bool plain_ascii(const fly_collation *collation)
{
    const char *locale = collation->locale;
    return strncmp(locale, "tr", 2) != 0 && strncmp(locale, "az", 2) != 0 &&
           strncmp(locale, "lt", 2) != 0;
}

typedef int32_t icu_map(const UCaseMap *cases, char *out, int32_t room, const char *text,
                        int32_t len, UErrorCode *code);

static fly_status map_case(const fly_collation *collation, uint8_t (*ascii)(uint8_t), icu_map *map,
                           fly_bytes text, void *out, size_t room, size_t *len, fly_err *err)
{
    fly_status status = fly__text_limit(text, err);
    if (status != FLY_OK) {
        return status;
    }
    if (plain_ascii(collation) && fly__text_ascii_run(text, 0) == text.len) {
        uint8_t *to = out;
        for (size_t i = 0; i < text.len && i < room; i++) {
            to[i] = ascii(text.data[i]);
        }
        *len = text.len;
        return text.len <= room ? FLY_OK : FLY_E_FULL;
    }
    UErrorCode code = U_ZERO_ERROR;
    int32_t fits = room > INT32_MAX ? INT32_MAX : (int32_t)room;
    int32_t needed =
        map(collation->cases, out, fits, (const char *)text.data, (int32_t)text.len, &code);
    if (code == U_BUFFER_OVERFLOW_ERROR) {
        *len = (size_t)needed;
        return FLY_E_FULL;
    }
    if (U_FAILURE(code)) {
        return fly__text_icu_failed(code, "change of case", err);
    }
    *len = (size_t)needed;
    return FLY_OK;
}

fly_status fly_text_upper(const fly_collation *collation, fly_bytes text, void *out, size_t room,
                          size_t *len, fly_err *err)
{
    return map_case(collation, ascii_upper, ucasemap_utf8ToUpper, text, out, room, len, err);
}

fly_status fly_text_lower(const fly_collation *collation, fly_bytes text, void *out, size_t room,
                          size_t *len, fly_err *err)
{
    return map_case(collation, ascii_lower, ucasemap_utf8ToLower, text, out, room, len, err);
}

/* ------------------------------------------------------------------- initcap */

/* Marks belong to the word of their letter; they change nothing about its case. */
static bool in_word(uint32_t code)
{
    return u_isalnum((UChar32)code) || (U_GET_GC_MASK((UChar32)code) & U_GC_M_MASK) != 0;
}

/* The simple mappings of the i that two locales write with two kinds of dot. */
static uint32_t title(uint32_t code, bool turkic)
{
    return turkic && code == 'i' ? 0x130 : (uint32_t)u_totitle((UChar32)code);
}

static uint32_t lower(uint32_t code, bool turkic)
{
    return turkic && code == 'I' ? 0x131 : (uint32_t)u_tolower((UChar32)code);
}

fly_status fly_text_initcap(const fly_collation *collation, fly_bytes text, void *out, size_t room,
                            size_t *len, fly_err *err)
{
    fly_status status = fly__text_limit(text, err);
    if (status != FLY_OK) {
        return status;
    }
    sink into = {out, room, 0};
    bool turkic = strncmp(collation->locale, "tr", 2) == 0 ||
                  strncmp(collation->locale, "az", 2) == 0;
    bool inside = false;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        at += fly_text_next(text, at, &code);
        sink_code(&into, inside ? lower(code, turkic) : title(code, turkic));
        inside = in_word(code);
    }
    return sink_end(&into, len);
}

/* ------------------------------------------------------------------- folding */

size_t fly__text_fold_code(uint32_t code, uint32_t folded[3])
{
    if (code < 0x80) {
        folded[0] = ascii_lower((uint8_t)code);
        return 1;
    }
    if (!u_hasBinaryProperty((UChar32)code, UCHAR_CHANGES_WHEN_CASEFOLDED)) {
        folded[0] = code;
        return 1;
    }
    UChar units[2];
    UChar result[8];
    int32_t unit_count = 0;
    U16_APPEND_UNSAFE(units, unit_count, code);
    UErrorCode status = U_ZERO_ERROR;
    int32_t len = u_strFoldCase(result, 8, units, unit_count, U_FOLD_CASE_DEFAULT, &status);
    size_t count = 0;
    for (int32_t at = 0; U_SUCCESS(status) && at < len && count < 3;) {
        folded[count++] = utf16_next(result, &at);
    }
    if (count == 0) {
        folded[count++] = code;
    }
    return count;
}

fly_status fly_text_fold(fly_bytes text, void *out, size_t room, size_t *len, fly_err *err)
{
    fly_status status = fly__text_limit(text, err);
    if (status != FLY_OK) {
        return status;
    }
    sink into = {out, room, 0};
    for (size_t at = 0; at < text.len;) {
        uint8_t byte = text.data[at];
        if (byte < 0x80) {
            sink_byte(&into, ascii_lower(byte));
            at++;
            continue;
        }
        uint32_t code;
        uint32_t folded[3];
        at += fly_text_next(text, at, &code);
        size_t count = fly__text_fold_code(code, folded);
        for (size_t i = 0; i < count; i++) {
            sink_code(&into, folded[i]);
        }
    }
    return sink_end(&into, len);
}
