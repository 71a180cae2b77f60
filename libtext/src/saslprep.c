/*
 * Passwords, so that the same one typed on two keyboards is the same: SASLprep.
 *
 * ICU has the profile. What the profile refuses (control characters, characters that were not assigned
 * when it was written, mixed directions) and what is no UTF-8 stays as it is, as PostgreSQL does it: a
 * password is refused by nobody, only not prepared.
 *
 * Source: RFC 4013, over RFC 3454.
 */
#include "text_int.h"

#include <unicode/usprep.h>

/* FLY_E_INVALID: the profile refuses the text. */
static fly_status prepare(const UStringPrepProfile *profile, const utf16 *before, utf16 *after,
                          fly_err *err)
{
    fly_status status = fly__text_utf16_reserve(after, (size_t)before->len * 2 + 16, err);
    for (int attempt = 0; status == FLY_OK && attempt < 2; attempt++) {
        UErrorCode code = U_ZERO_ERROR;
        int32_t len = usprep_prepare(profile, before->units, before->len, after->units,
                                     (int32_t)after->size, USPREP_DEFAULT, NULL, &code);
        if (U_SUCCESS(code)) {
            after->len = len;
            return len > 0 ? FLY_OK : FLY_E_INVALID;
        }
        if (code == U_MEMORY_ALLOCATION_ERROR) {
            return fly__text_icu_failed(code, "prepare a password", err);
        }
        if (code != U_BUFFER_OVERFLOW_ERROR) {
            return FLY_E_INVALID;
        }
        status = fly__text_utf16_reserve(after, (size_t)len, err);
    }
    return status == FLY_OK ? FLY_E_INVALID : status;
}

fly_status fly_text_saslprep(fly_mem *mem, fly_bytes text, void *out, size_t room, size_t *len,
                             fly_err *err)
{
    sink into = {out, room, 0};
    if (fly__text_ascii_run(text, 0) == text.len ||
        fly_text_validate(FLY_TEXT_UTF8, text, NULL) != FLY_OK) {
        sink_put(&into, text.data, text.len);
        return sink_end(&into, len);
    }
    UErrorCode code = U_ZERO_ERROR;
    UStringPrepProfile *profile = usprep_openByType(USPREP_RFC4013_SASLPREP, &code);
    if (U_FAILURE(code)) {
        return fly__text_icu_failed(code, "load a profile", err);
    }
    utf16 before;
    utf16 after;
    fly__text_utf16_init(&before, mem);
    fly__text_utf16_init(&after, mem);
    fly_status status = fly__text_utf16_from(&before, text, err);
    status = status == FLY_OK ? prepare(profile, &before, &after, err) : status;
    if (status == FLY_OK) {
        for (int32_t at = 0; at < after.len;) {
            sink_code(&into, utf16_next(after.units, &at));
        }
        status = sink_end(&into, len);
    } else if (status == FLY_E_INVALID) {
        sink_put(&into, text.data, text.len);
        status = sink_end(&into, len);
    }
    fly__text_utf16_deinit(&after);
    fly__text_utf16_deinit(&before);
    usprep_close(profile);
    return status;
}
