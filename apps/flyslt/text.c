/*
 * Bytes that grow.
 */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *slt_grow(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes == 0 ? 1 : bytes);
    if (memory == NULL) {
        (void)fprintf(stderr, "flyslt: out of memory\n");
        exit(2);
    }
    return memory;
}

static void make_room(slt_text *text, size_t more)
{
    size_t need = text->len + more + 1;
    if (need > text->room) {
        size_t room = text->room * 2 > need ? text->room * 2 : need + 64;
        text->data = slt_grow(text->data, room);
        text->room = room;
    }
}

void slt_text_add(slt_text *text, const void *data, size_t len)
{
    make_room(text, len);
    if (len > 0) {
        memcpy(text->data + text->len, data, len);
    }
    text->len += len;
    text->data[text->len] = '\0';
}

void slt_text_add_str(slt_text *text, const char *data)
{
    slt_text_add(text, data, strlen(data));
}

void slt_text_printf(slt_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    FLY_ASSERT(len >= 0);
    make_room(text, (size_t)len);
    va_start(arguments, format);
    (void)vsnprintf(text->data + text->len, (size_t)len + 1, format, arguments);
    va_end(arguments);
    text->len += (size_t)len;
}

void slt_text_clear(slt_text *text)
{
    text->len = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

void slt_text_deinit(slt_text *text)
{
    free(text->data);
    *text = (slt_text){0};
}

const char *slt_text_str(const slt_text *text)
{
    return text->data != NULL ? text->data : "";
}

fly_status slt_text_read_file(slt_text *text, const char *path, fly_err *err)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fly_err_os(err, FLY_E_IO, errno, "open \"%s\"", path);
    }
    fly_status status = FLY_OK;
    for (;;) {
        make_room(text, 65536);
        size_t got = fread(text->data + text->len, 1, 65536, file);
        text->len += got;
        text->data[text->len] = '\0';
        if (got == 0) {
            break;
        }
    }
    if (ferror(file)) {
        status = fly_err_os(err, FLY_E_IO, errno, "read \"%s\"", path);
    }
    (void)fclose(file);
    return status;
}

fly_status slt_text_write_file(const slt_text *text, const char *path, fly_err *err)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return fly_err_os(err, FLY_E_IO, errno, "create \"%s\"", path);
    }
    bool written = fwrite(slt_text_str(text), 1, text->len, file) == text->len;
    if (fclose(file) != 0 || !written) {
        return fly_err_os(err, FLY_E_IO, errno, "write \"%s\"", path);
    }
    return FLY_OK;
}
