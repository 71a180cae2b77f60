/*
 * Bytes that grow, always followed by a NUL.
 *
 * A runner without memory has nothing left to say: running out of it ends the program.
 */
#ifndef FLYSLT_TEXT_H
#define FLYSLT_TEXT_H

#include <fly/base.h>

typedef struct slt_text {
    char *data; /**< NULL until something was added */
    size_t len, room;
} slt_text;

/** Memory or the end of the program; `old` may be NULL. */
void *slt_grow(void *old, size_t bytes);

void slt_text_add(slt_text *text, const void *data, size_t len);
void slt_text_add_str(slt_text *text, const char *data);
void slt_text_printf(slt_text *text, const char *format, ...) FLY_PRINTF(2, 3);

/** Forget the bytes and keep the room. */
void slt_text_clear(slt_text *text);
void slt_text_deinit(slt_text *text);

/** The bytes as a C string; "" while there are none. */
const char *slt_text_str(const slt_text *text);

/** Add all of a file's bytes. */
FLY_MUST_USE fly_status slt_text_read_file(slt_text *text, const char *path, fly_err *err);

/** Replace a file by these bytes. */
FLY_MUST_USE fly_status slt_text_write_file(const slt_text *text, const char *path, fly_err *err);

#endif
