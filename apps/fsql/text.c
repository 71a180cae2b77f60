/* Bytes that grow. */
#define _POSIX_C_SOURCE 200809L

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *fsql_grow(void *old, size_t bytes)
{
    void *block = realloc(old, bytes > 0 ? bytes : 1);
    if (block == NULL) {
        (void)fprintf(stderr, "fsql: out of memory\n");
        exit(1);
    }
    return block;
}

char *fsql_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(fsql_grow(NULL, size), text, size);
}

/* Room for `more` bytes and the NUL behind them. */
static char *reserve(fsql_text *text, size_t more)
{
    size_t needed = text->len + more + 1;
    if (needed > text->room) {
        size_t doubled = text->room * 2;
        text->room = needed > doubled ? needed + 64 : doubled;
        text->data = fsql_grow(text->data, text->room);
    }
    return text->data + text->len;
}

void fsql_text_add(fsql_text *text, const void *data, size_t len)
{
    char *at = reserve(text, len);
    if (len > 0) {
        memcpy(at, data, len);
    }
    at[len] = 0;
    text->len += len;
}

void fsql_text_str_add(fsql_text *text, const char *data)
{
    fsql_text_add(text, data, strlen(data));
}

void fsql_text_byte(fsql_text *text, char byte)
{
    fsql_text_add(text, &byte, 1);
}

void fsql_text_fill(fsql_text *text, char byte, size_t count)
{
    char *at = reserve(text, count);
    memset(at, byte, count);
    at[count] = 0;
    text->len += count;
}

void fsql_text_printf(fsql_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return;
    }
    char *at = reserve(text, (size_t)len);
    va_start(arguments, format);
    (void)vsnprintf(at, (size_t)len + 1, format, arguments);
    va_end(arguments);
    text->len += (size_t)len;
}

void fsql_text_clear(fsql_text *text)
{
    text->len = 0;
    if (text->data != NULL) {
        text->data[0] = 0;
    }
}

void fsql_text_deinit(fsql_text *text)
{
    free(text->data);
    *text = (fsql_text){0};
}

const char *fsql_text_str(const fsql_text *text)
{
    return text->data != NULL ? text->data : "";
}

bool fsql_text_read(fsql_text *text, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    char piece[16384];
    size_t len;
    while ((len = fread(piece, 1, sizeof piece, file)) > 0) {
        fsql_text_add(text, piece, len);
    }
    bool read = !ferror(file);
    (void)fclose(file);
    return read;
}
