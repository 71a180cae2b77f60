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

/* Cut ":12" off the name. */
static size_t take_line_number(fly_bytes *name)
{
    size_t digits = 0;
    while (digits < name->len && name->data[name->len - 1 - digits] >= '0' &&
           name->data[name->len - 1 - digits] <= '9') {
        digits++;
    }
    if (digits == 0 || digits == name->len || name->data[name->len - 1 - digits] != ':') {
        return 0;
    }
    size_t line = strtoul((const char *)name->data + name->len - digits, NULL, 10);
    name->len -= digits + 1;
    return line;
}

fly_status slt_skiplist_parse(slt_skiplist *list, fly_bytes text, fly_err *err)
{
    slt_text_add(&list->text, text.data, text.len);
    fly_bytes rest = fly_bytes_of(list->text.data, list->text.len);
    fly_bytes line;
    size_t room = 0;
    for (size_t number = 1; slt_next_line(&rest, &line); number++) {
        fly_bytes name = first_word(line);
        if (name.len == 0) {
            continue;
        }
        if (list->count == room) {
            room = room == 0 ? 64 : room * 2;
            list->skips = slt_grow(list->skips, room * sizeof *list->skips);
        }
        size_t at = take_line_number(&name);
        if (name.len == 0 || name.data[0] == ':') {
            return fly_err_set(err, FLY_E_INVALID, "skip list, line %zu: no file name", number);
        }
        list->skips[list->count++] = (slt_skip){name, at};
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

bool slt_skiplist_has(const slt_skiplist *list, const char *path, size_t line)
{
    for (size_t i = 0; i < list->count; i++) {
        const slt_skip *skip = &list->skips[i];
        if ((skip->line == 0 || skip->line == line) && names(skip->name, path, skip->line == 0)) {
            return true;
        }
    }
    return false;
}
