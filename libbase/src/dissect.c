/*
 * Dissecting: fields are read, bounded, turned into a text, and shown.
 *
 * What is not here: any format. Each layer knows its own.
 */
#define _POSIX_C_SOURCE 200809L /* gmtime_r */

#include <fly/base_dissect.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TEXT = 200, DIGITS_MAX = 32 };

void fly_dissect_begin(fly_dissector *d, fly_bytes bytes,
                       void (*show)(void *ctx, const fly_dissected *field), void *ctx)
{
    *d = (fly_dissector){.bytes = bytes, .show = show, .ctx = ctx};
}

static void show(fly_dissector *d, size_t at, size_t len, const char *name, const char *text)
{
    if (d->show != NULL) {
        fly_dissected field = {at, len, d->depth, name, text};
        d->show(d->ctx, &field);
    }
}

/* Take `len` bytes: where they are, or NULL if there are not that many. */
static const uint8_t *take(fly_dissector *d, size_t len, const char *name)
{
    if (len > fly_dissect_left(d)) {
        if (!d->bad) {
            char text[TEXT];
            (void)snprintf(text, sizeof text, "missing: %zu bytes where %zu are left", len,
                           fly_dissect_left(d));
            show(d, d->at, 0, name, text);
        }
        d->bad = true;
        return NULL;
    }
    const uint8_t *at = d->bytes.data + d->at;
    d->at += len;
    return at;
}

/* A number of `width` bytes; false if it is not there. */
static bool take_number(fly_dissector *d, const char *name, size_t width, uint64_t *number)
{
    FLY_ASSERT(width >= 1 && width <= 8);
    const uint8_t *at = take(d, width, name);
    *number = 0;
    for (size_t i = width; at != NULL && i > 0; i--) {
        *number = *number << 8 | at[i - 1];
    }
    return at != NULL;
}

uint64_t fly_dissect_number(fly_dissector *d, const char *name, size_t width)
{
    uint64_t number;
    if (take_number(d, name, width, &number)) {
        char text[TEXT];
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
        show(d, d->at - width, width, name, text);
    }
    return number;
}

uint64_t fly_dissect_named(fly_dissector *d, const char *name, size_t width,
                           const char *const *names, size_t name_count)
{
    uint64_t number;
    if (take_number(d, name, width, &number)) {
        const char *known = number < name_count ? names[number] : NULL;
        char text[TEXT];
        (void)snprintf(text, sizeof text, "%s (%" PRIu64 ")", known != NULL ? known : "unknown",
                       number);
        show(d, d->at - width, width, name, text);
    }
    return number;
}

uint64_t fly_dissect_hex(fly_dissector *d, const char *name, size_t width)
{
    uint64_t number;
    if (take_number(d, name, width, &number)) {
        char text[TEXT];
        (void)snprintf(text, sizeof text, "0x%0*" PRIx64, (int)width * 2, number);
        show(d, d->at - width, width, name, text);
    }
    return number;
}

uint64_t fly_dissect_time(fly_dissector *d, const char *name)
{
    uint64_t micros;
    if (take_number(d, name, 8, &micros)) {
        char text[TEXT];
        time_t seconds = (time_t)(micros / 1000000);
        struct tm parts;
        if (micros / 1000000 < (uint64_t)1 << 36 && gmtime_r(&seconds, &parts) != NULL) {
            size_t len = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
            (void)snprintf(text + len, sizeof text - len, ".%06u UTC",
                           (unsigned)(micros % 1000000));
        } else {
            (void)snprintf(text, sizeof text, "%" PRIu64, micros);
        }
        show(d, d->at - 8, 8, name, text);
    }
    return micros;
}

fly_bytes fly_dissect_bytes(fly_dissector *d, const char *name, size_t len)
{
    const uint8_t *at = take(d, len, name);
    fly_bytes bytes = fly_bytes_of(at, at != NULL ? len : 0);
    if (at != NULL) {
        char text[TEXT];
        fly_quote(bytes, text, sizeof text);
        show(d, d->at - len, len, name, text);
    }
    return bytes;
}

fly_bytes fly_dissect_digits(fly_dissector *d, const char *name, size_t len)
{
    const uint8_t *at = take(d, len, name);
    if (at != NULL) {
        char text[TEXT] = "";
        size_t shown = len < DIGITS_MAX ? len : (size_t)DIGITS_MAX;
        for (size_t i = 0; i < shown; i++) {
            (void)snprintf(text + 2 * i, 3, "%02x", at[i]);
        }
        if (shown < len) {
            (void)snprintf(text + 2 * shown, sizeof text - 2 * shown, "… (%zu bytes)", len);
        }
        show(d, d->at - len, len, name, text);
    }
    return fly_bytes_of(at, at != NULL ? len : 0);
}

void fly_dissect_enter(fly_dissector *d, const char *name, const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    show(d, d->at, 0, name, text);
    d->depth++;
}

void fly_dissect_leave(fly_dissector *d)
{
    FLY_ASSERT(d->depth > 0);
    d->depth--;
}

void fly_quote(fly_bytes bytes, char *text, size_t size)
{
    enum { TAIL = 28 }; /* the longest that can follow the last character that is shown */
    FLY_ASSERT(size >= TAIL + 4);
    size_t len = 0;
    size_t i = 0;
    text[len++] = '"';
    for (; i < bytes.len && len + TAIL + 4 <= size; i++) {
        uint8_t c = bytes.data[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
            text[len++] = (char)c;
        } else {
            len += (size_t)snprintf(text + len, size - len, "\\x%02x", c);
        }
    }
    if (i == bytes.len) {
        (void)snprintf(text + len, size - len, "\"");
    } else {
        (void)snprintf(text + len, size - len, "…\" (%zu bytes)", bytes.len);
    }
}
