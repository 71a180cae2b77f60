/*
 * Bytes that grow, always followed by a NUL.
 *
 * A shell without memory has nothing left to say: running out of it ends the program.
 */
#ifndef FSQL_TEXT_H
#define FSQL_TEXT_H

#include <fly/base.h>

typedef struct fsql_text {
    char *data; /**< NULL until something was added; fsql_text_str() is never NULL */
    size_t len, room;
} fsql_text;

/** Memory or the end of the program; `old` may be NULL. */
void *fsql_grow(void *old, size_t bytes);
/** A copy of a C string, to be freed. */
char *fsql_copy(const char *text);

void fsql_text_add(fsql_text *text, const void *data, size_t len);
void fsql_text_str_add(fsql_text *text, const char *data);
void fsql_text_byte(fsql_text *text, char byte);
/** The same byte many times. */
void fsql_text_fill(fsql_text *text, char byte, size_t count);
void fsql_text_printf(fsql_text *text, const char *format, ...) FLY_PRINTF(2, 3);

/** Forget the bytes and keep the room. */
void fsql_text_clear(fsql_text *text);
void fsql_text_deinit(fsql_text *text);

/** The bytes as a C string; "" while there are none. */
const char *fsql_text_str(const fsql_text *text);

/** The bytes as a span. */
static inline fly_bytes fsql_text_bytes(const fsql_text *text)
{
    return fly_bytes_of(text->data, text->len);
}

/** Add everything that can be read from a file; false, with errno, if that fails. */
bool fsql_text_read(fsql_text *text, const char *path);

#endif
