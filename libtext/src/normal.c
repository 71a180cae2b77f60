/*
 * Normal forms. ICU's normalizers are singletons that threads may share; text goes to them as UTF-16
 * and comes back. ASCII is in every form already.
 *
 * Source: Unicode Standard Annex 15.
 */
#include "text_int.h"

#include <unicode/unorm2.h>

static const char *const names[] = {"NFC", "NFD", "NFKC", "NFKD"};

fly_status fly_text_form_find(fly_bytes name, fly_text_form *form)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool same = name.len == strlen(names[i]);
        for (size_t j = 0; same && j < name.len; j++) {
            same = (name.data[j] & ~0x20) == names[i][j];
        }
        if (same) {
            *form = (fly_text_form)i;
            return FLY_OK;
        }
    }
    return FLY_E_NOT_FOUND;
}

static fly_status normalizer(fly_text_form form, const UNormalizer2 **found, fly_err *err)
{
    UErrorCode code = U_ZERO_ERROR;
    switch (form) {
    case FLY_TEXT_NFC:
        *found = unorm2_getNFCInstance(&code);
        break;
    case FLY_TEXT_NFD:
        *found = unorm2_getNFDInstance(&code);
        break;
    case FLY_TEXT_NFKC:
        *found = unorm2_getNFKCInstance(&code);
        break;
    case FLY_TEXT_NFKD:
        *found = unorm2_getNFKDInstance(&code);
        break;
    }
    return U_FAILURE(code) ? fly__text_icu_failed(code, "load a normal form", err) : FLY_OK;
}

static void put_utf16(sink *into, const utf16 *text)
{
    for (int32_t at = 0; at < text->len;) {
        sink_code(into, utf16_next(text->units, &at));
    }
}

/* Normalize into `after`, which grows once if the text does: ICU says then how much it needs. */
static fly_status run(const UNormalizer2 *form, const utf16 *before, utf16 *after, fly_err *err)
{
    fly_status status = fly__text_utf16_reserve(after, (size_t)before->len, err);
    for (int attempt = 0; status == FLY_OK && attempt < 2; attempt++) {
        UErrorCode code = U_ZERO_ERROR;
        int32_t len = unorm2_normalize(form, before->units, before->len, after->units,
                                       (int32_t)after->size, &code);
        if (U_SUCCESS(code)) {
            after->len = len;
            return FLY_OK;
        }
        if (code != U_BUFFER_OVERFLOW_ERROR || attempt == 1) {
            return fly__text_icu_failed(code, "normalize", err);
        }
        status = fly__text_utf16_reserve(after, (size_t)len, err);
    }
    return status;
}

fly_status fly_text_normalize(fly_mem *mem, fly_text_form form, fly_bytes text, void *out,
                              size_t room, size_t *len, fly_err *err)
{
    sink into = {out, room, 0};
    if (fly__text_ascii_run(text, 0) == text.len) {
        sink_put(&into, text.data, text.len);
        return sink_end(&into, len);
    }
    utf16 before;
    utf16 after;
    fly__text_utf16_init(&before, mem);
    fly__text_utf16_init(&after, mem);
    const UNormalizer2 *found;
    fly_status status = normalizer(form, &found, err);
    status = status == FLY_OK ? fly__text_utf16_from(&before, text, err) : status;
    status = status == FLY_OK ? run(found, &before, &after, err) : status;
    if (status == FLY_OK) {
        put_utf16(&into, &after);
        status = sink_end(&into, len);
    }
    fly__text_utf16_deinit(&after);
    fly__text_utf16_deinit(&before);
    return status;
}

fly_status fly_text_is_normalized(fly_mem *mem, fly_text_form form, fly_bytes text,
                                  bool *normalized, fly_err *err)
{
    if (fly__text_ascii_run(text, 0) == text.len) {
        *normalized = true;
        return FLY_OK;
    }
    utf16 units;
    fly__text_utf16_init(&units, mem);
    const UNormalizer2 *found;
    fly_status status = normalizer(form, &found, err);
    status = status == FLY_OK ? fly__text_utf16_from(&units, text, err) : status;
    if (status == FLY_OK) {
        UErrorCode code = U_ZERO_ERROR;
        bool answer = unorm2_isNormalized(found, units.units, units.len, &code);
        if (U_SUCCESS(code)) {
            *normalized = answer;
        } else {
            status = fly__text_icu_failed(code, "look for a normal form", err);
        }
    }
    fly__text_utf16_deinit(&units);
    return status;
}
