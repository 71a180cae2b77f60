/**
 * @file base_dissect.h
 * @brief Taking bytes apart field by field, to show what they mean.
 *
 * Whoever defines a format has a function that walks over bytes of that format with a dissector, and
 * for each field says its name and how wide it is. The dissector reads the field, makes a text of it
 * and tells whoever wants to show it. A walk never reads beyond the end: fields that are not there
 * are 0 and make the dissection bad.
 *
 *     fly_dissector d;
 *     fly_dissect_begin(&d, bytes, len, show, NULL);
 *     uint64_t count = fly_dissect_number(&d, "count", 2);
 *     for (uint64_t i = 0; i < count && !d.bad; i++) {
 *         fly_dissect_bytes(&d, "name", fly_dissect_number(&d, "length", 1));
 *     }
 *
 * Threads: thread-compatible.
 */
#ifndef FLY_BASE_DISSECT_H
#define FLY_BASE_DISSECT_H

#include <fly/base.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A field, as it is shown. */
typedef struct fly_dissected {
    size_t offset; /**< in the bytes that are dissected */
    size_t len;    /**< 0: what follows, deeper by one, is part of this */
    uint32_t depth;
    const char *name;
    const char *text; /**< what it means; valid during the call */
} fly_dissected;

/** A walk over some bytes. */
typedef struct fly_dissector {
    fly_bytes bytes; /**< borrowed */
    size_t at;       /**< where the next field is */
    uint32_t depth;
    bool bad; /**< a field lay beyond the end */
    void (*show)(void *ctx, const fly_dissected *field);
    void *ctx;
} fly_dissector;

/** Begin a walk. `show` may be NULL. */
void fly_dissect_begin(fly_dissector *d, fly_bytes bytes,
                       void (*show)(void *ctx, const fly_dissected *field), void *ctx);

/** Bytes that are left. */
static inline size_t fly_dissect_left(const fly_dissector *d)
{
    return d->at < d->bytes.len ? d->bytes.len - d->at : 0;
}

/** A little-endian number of 1 to 8 bytes, shown in decimal. */
uint64_t fly_dissect_number(fly_dissector *d, const char *name, size_t width);

/** The same, shown as the `%s` of what `names` has for it, "name (3)"; `names[i]` may be NULL. */
uint64_t fly_dissect_named(fly_dissector *d, const char *name, size_t width,
                           const char *const *names, size_t name_count);

/** The same, shown in hexadecimal. */
uint64_t fly_dissect_hex(fly_dissector *d, const char *name, size_t width);

/** Microseconds since 1970 in 8 bytes, shown as a date. */
uint64_t fly_dissect_time(fly_dissector *d, const char *name);

/** `len` bytes, shown as a quoted text; long ones are cut. Borrowed from what is dissected. */
fly_bytes fly_dissect_bytes(fly_dissector *d, const char *name, size_t len);

/** `len` bytes, shown as hexadecimal digits; long ones are cut. */
fly_bytes fly_dissect_digits(fly_dissector *d, const char *name, size_t len);

/** What follows is part of something, until fly_dissect_leave(). The rest as for printf. */
void fly_dissect_enter(fly_dissector *d, const char *name, const char *format, ...)
    FLY_PRINTF(3, 4);

/** End of the part. */
void fly_dissect_leave(fly_dissector *d);

/** Write `bytes` as a quoted text, cut to the room there is, with "…" and its length if it was cut.
 *  What is not printable ASCII becomes a backslash, an x and two digits. `size` is at least 32. */
void fly_quote(fly_bytes bytes, char *text, size_t size);

FLY_EXTERN_C_END
/** @} */
#endif
