/*
 * Text that grows in an arena: what dumps and printers write to. A failed allocation is remembered, so
 * that writers need not look after every word; fly__sql_text_end() tells.
 */
#ifndef FLY_SQL_PARSE_TEXT_INT_H
#define FLY_SQL_PARSE_TEXT_INT_H

#include <fly/base_mem.h>

#include <string.h>

typedef struct fly_sql_text {
    fly_arena *arena;
    char *data;
    size_t len, room;
    bool failed;
} fly_sql_text;

/** Make room for `len` more bytes and a NUL; false if there is none. */
bool fly__sql_text_reserve(fly_sql_text *text, size_t len);

/** Append bytes. */
static inline void fly__sql_text_add(fly_sql_text *text, const char *data, size_t len)
{
    if (fly__sql_text_reserve(text, len)) {
        memcpy(text->data + text->len, data, len);
        text->len += len;
    }
}

/** Append a C string. */
static inline void fly__sql_text_put(fly_sql_text *text, const char *word)
{
    fly__sql_text_add(text, word, strlen(word));
}

/** Append a number in decimal. */
void fly__sql_text_int(fly_sql_text *text, int64_t number);

/** The text, with a NUL after it; FLY_E_NO_MEMORY if some of it could not be kept. */
FLY_MUST_USE fly_status fly__sql_text_end(fly_sql_text *text, fly_bytes *result, fly_err *err);

#endif
