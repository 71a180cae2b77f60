/*
 * What the files of libtext share: output that counts what does not fit, UTF-16 work space for ICU,
 * and ICU's errors as ours.
 */
#ifndef FLY_TEXT_INT_H
#define FLY_TEXT_INT_H

#include <fly/text.h>

#include <string.h>
#include <unicode/ucasemap.h>
#include <unicode/ucol.h>
#include <unicode/utypes.h>

/* -------------------------------------------------------------------- output */

/* A caller's buffer: bytes beyond its room are only counted. */
typedef struct sink {
    uint8_t *out;
    size_t room;
    size_t len; /* needed so far */
} sink;

static inline void sink_put(sink *to, const void *bytes, size_t len)
{
    if (to->len < to->room) {
        size_t fits = to->room - to->len < len ? to->room - to->len : len;
        memcpy(to->out + to->len, bytes, fits);
    }
    to->len += len;
}

static inline void sink_byte(sink *to, uint8_t byte)
{
    if (to->len < to->room) {
        to->out[to->len] = byte;
    }
    to->len++;
}

static inline void sink_code(sink *to, uint32_t code)
{
    uint8_t bytes[4];
    sink_put(to, bytes, fly_text_put(bytes, code));
}

/* The end of every function that fills a caller's buffer. */
static inline fly_status sink_end(const sink *to, size_t *len)
{
    *len = to->len;
    return to->len <= to->room ? FLY_OK : FLY_E_FULL;
}

/* --------------------------------------------------------------------- bytes */

/* How many bytes at the start of `text` from `at` on are ASCII; NUL is. */
size_t fly__text_ascii_run(fly_bytes text, size_t at);

/* FLY_E_TOO_LARGE for a text beyond the limit. ICU counts in int32_t, and the limit leaves room. */
fly_status fly__text_limit(fly_bytes text, fly_err *err);

/* -------------------------------------------------------------------- UTF-16 */

enum { UTF16_LOCAL = 256 };

/* UTF-16 for ICU: short texts in the struct, long ones in memory. */
typedef struct utf16 {
    fly_mem *mem;
    UChar *units; /* `local`, or `size` units of memory */
    int32_t len;
    size_t size;
    UChar local[UTF16_LOCAL];
} utf16;

/* An empty one. */
void fly__text_utf16_init(utf16 *text, fly_mem *mem);

/* Give back its memory. */
void fly__text_utf16_deinit(utf16 *text);

/* Make room for `units`, forgetting what is there. */
fly_status fly__text_utf16_reserve(utf16 *text, size_t units, fly_err *err);

/* Fill it from UTF-8 within the limit; ill-formed bytes become U+FFFD. */
fly_status fly__text_utf16_from(utf16 *text, fly_bytes utf8, fly_err *err);

/* The character at `*at` of what ICU wrote, which has no half pairs; `*at` goes behind it. */
static inline uint32_t utf16_next(const UChar *units, int32_t *at)
{
    uint32_t code = units[(*at)++];
    if ((code & 0xfc00) == 0xd800) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (units[(*at)++] & 0x3ffu);
    }
    return code;
}

/* An error of ICU as one of ours; `what` says what was attempted. */
fly_status fly__text_icu_failed(UErrorCode code, const char *what, fly_err *err);

/* ---------------------------------------------------------------- collations */

struct fly_collation {
    fly_mem *mem;
    fly_collation_kind kind;
    fly_collation_strength strength;
    UCollator *order; /* unicode only; immutable once it is open, so threads may share it */
    UCaseMap *cases;  /* for the locale; immutable */
    const char *name;
    char locale[FLY_LOCALE_SIZE_MAX];
    char version[48];
};

/* Fold one code point: its folding has 1 to 3 code points. */
size_t fly__text_fold_code(uint32_t code, uint32_t folded[3]);

#endif
