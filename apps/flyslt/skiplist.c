/*
 * The list of what is skipped. It is short, so it is walked.
 */
#include "skiplist.h"

#include "script.h"

#include <stdlib.h>
#include <string.h>

static fly_bytes first_word(fly_bytes line)
{
    size_t from = strspn((const char *)line.data, " \t");
    size_t len = 0;
    while (from + len < line.len && memchr(" \t#", line.data[from + len], 3) == NULL) {
        len++;
    }
    return from < line.len ? fly_bytes_of(line.data + from, len) : fly_bytes_of(line.data, 0);
}

/* Cut ":12,40" off the name: the numbers. */
static fly_bytes take_numbers(fly_bytes *name)
{
    size_t len = 0;
    while (len < name->len &&
           (memchr("0123456789,", name->data[name->len - 1 - len], 11) != NULL)) {
        len++;
    }
    if (len == 0 || len == name->len || name->data[name->len - 1 - len] != ':') {
        return fly_bytes_of(NULL, 0);
    }
    name->len -= len + 1;
    return fly_bytes_of(name->data + name->len + 1, len);
}

static void add_skip(slt_skiplist *list, fly_bytes name, size_t line)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : list->room * 2;
        list->skips = slt_grow(list->skips, list->room * sizeof *list->skips);
    }
    list->skips[list->count++] = (slt_skip){name, line};
}

fly_status slt_skiplist_parse(slt_skiplist *list, fly_bytes text, fly_err *err)
{
    slt_text_add(&list->text, text.data, text.len);
    fly_bytes rest = fly_bytes_of(list->text.data, list->text.len);
    fly_bytes line;
    for (size_t number = 1; slt_next_line(&rest, &line); number++) {
        fly_bytes name = first_word(line);
        if (name.len == 0) {
            continue;
        }
        fly_bytes numbers = take_numbers(&name);
        if (name.len == 0) {
            return fly_err_set(err, FLY_E_INVALID, "skip list, line %zu: no file name", number);
        }
        if (numbers.len == 0) {
            add_skip(list, name, 0);
        }
        for (size_t at = 0; at < numbers.len; at++) {
            char *end = NULL;
            add_skip(list, name, strtoul((const char *)numbers.data + at, &end, 10));
            at = (size_t)((const uint8_t *)end - numbers.data);
        }
    }
    return FLY_OK;
}

void slt_skiplist_deinit(slt_skiplist *list)
{
    slt_text_deinit(&list->text);
    free(list->skips);
    *list = (slt_skiplist){0};
}

/* Whether `name` stands in `path` as whole parts: at its end, or (of a folder) further in front. */
static bool names(fly_bytes name, const char *path, bool whole)
{
    size_t len = strlen(path);
    for (size_t at = 0; at + name.len <= len; at++) {
        bool begins = at == 0 || path[at - 1] == '/';
        char next = path[at + name.len];
        if (begins && (next == '\0' || (whole && next == '/')) &&
            memcmp(path + at, name.data, name.len) == 0) {
            return true;
        }
    }
    return false;
}

void slt_skiplist_select(const slt_skiplist *list, const char *path, slt_skiplist *mine)
{
    for (size_t i = 0; i < list->count; i++) {
        const slt_skip *skip = &list->skips[i];
        if (names(skip->name, path, skip->line == 0)) {
            add_skip(mine, skip->name, skip->line);
        }
    }
}

bool slt_skiplist_has(const slt_skiplist *mine, size_t line)
{
    for (size_t i = 0; i < mine->count; i++) {
        if (mine->skips[i].line == 0 || mine->skips[i].line == line) {
            return true;
        }
    }
    return false;
}
