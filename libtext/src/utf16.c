/*
 * UTF-16 for ICU, whose oldest and widest interface speaks it. Texts up to UTF16_LOCAL units stay on
 * the stack, which is where most keys and names are.
 */
#include "text_int.h"

void fly__text_utf16_init(utf16 *text, fly_mem *mem)
{
    text->mem = mem;
    text->units = text->local;
    text->len = 0;
    text->size = UTF16_LOCAL;
}

void fly__text_utf16_deinit(utf16 *text)
{
    if (text->units != text->local) {
        fly_mem_free(text->mem, text->units, text->size * sizeof(UChar));
    }
    text->units = text->local;
}

fly_status fly__text_utf16_reserve(utf16 *text, size_t units, fly_err *err)
{
    text->len = 0;
    if (units <= text->size) {
        return FLY_OK;
    }
    UChar *block = fly_mem_alloc(text->mem, units * sizeof(UChar));
    if (block == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a text of %zu units", units);
    }
    fly__text_utf16_deinit(text);
    text->units = block;
    text->size = units;
    return FLY_OK;
}

fly_status fly__text_utf16_from(utf16 *text, fly_bytes utf8, fly_err *err)
{
    /* No sequence of UTF-8 has fewer bytes than units of UTF-16. */
    fly_status status = fly__text_limit(utf8, err);
    status = status == FLY_OK ? fly__text_utf16_reserve(text, utf8.len, err) : status;
    if (status != FLY_OK) {
        return status;
    }
    int32_t len = 0;
    for (size_t at = 0; at < utf8.len;) {
        uint32_t code = utf8.data[at];
        at += code < 0x80 ? 1 : fly_text_next(utf8, at, &code);
        if (code < 0x10000) {
            text->units[len++] = (UChar)code;
        } else {
            text->units[len++] = (UChar)(0xd7c0 + (code >> 10));
            text->units[len++] = (UChar)(0xdc00 + (code & 0x3ff));
        }
    }
    text->len = len;
    return FLY_OK;
}

fly_status fly__text_icu_failed(UErrorCode code, const char *what, fly_err *err)
{
    if (code == U_MEMORY_ALLOCATION_ERROR) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "%s: out of memory", what);
    }
    if (code == U_INDEX_OUTOFBOUNDS_ERROR || code == U_BUFFER_OVERFLOW_ERROR) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "%s: the result is too long", what);
    }
    return fly_err_set(err, FLY_E_UNSUPPORTED, "%s: %s", what, u_errorName(code));
}
