/*
 * Command lines, read by a table.
 */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_row *find(const option_row *rows, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* "10", "10K", "10M", "10G". */
static bool read_count(const char *text, uint64_t *count)
{
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    uint64_t unit = 1;
    if (*end == 'K' || *end == 'k') {
        unit = 1000;
    } else if (*end == 'M') {
        unit = 1000000;
    } else if (*end == 'G') {
        unit = 1000000000;
    }
    end += unit > 1 ? 1 : 0;
    if (errno != 0 || *end != '\0' || number > UINT64_MAX / unit) {
        return false;
    }
    *count = number * unit;
    return true;
}

static fly_status set_count(const option_row *row, const char *text, fly_err *err)
{
    uint64_t count = 0;
    if (!read_count(text, &count) || count < row->low || count > row->high) {
        return fly_err_set(err, FLY_E_INVALID,
                           "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"",
                           row->name, row->low, row->high, text);
    }
    *(uint64_t *)row->target = count;
    return FLY_OK;
}

static fly_status set_real(const option_row *row, const char *text, fly_err *err)
{
    char *end = NULL;
    double real = strtod(text, &end);
    if (end == text || *end != '\0' || !(real >= 0) || real > 1e9) {
        return fly_err_set(err, FLY_E_INVALID, "--%s takes a number, not \"%s\"", row->name, text);
    }
    *(double *)row->target = real;
    return FLY_OK;
}

static fly_status set(const option_row *row, const char *text, fly_err *err)
{
    switch (row->kind) {
    case OPTION_COUNT:
        return set_count(row, text, err);
    case OPTION_REAL:
        return set_real(row, text, err);
    case OPTION_TEXT:
        *(const char **)row->target = text;
        return FLY_OK;
    case OPTION_FLAG:
        break;
    }
    *(bool *)row->target = true;
    return FLY_OK;
}

fly_status options_parse(const option_row *rows, size_t count, int argc, char **argv, fly_err *err)
{
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (strncmp(word, "--", 2) != 0) {
            return fly_err_set(err, FLY_E_INVALID, "\"%s\" is not an option", word);
        }
        const char *name = word + 2;
        const char *equals = strchr(name, '=');
        size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
        const option_row *row = find(rows, count, name, len);
        if (row == NULL) {
            return fly_err_set(err, FLY_E_INVALID, "there is no option \"--%.*s\"", (int)len, name);
        }
        const char *text = equals != NULL ? equals + 1 : NULL;
        if (row->kind == OPTION_FLAG && text != NULL) {
            return fly_err_set(err, FLY_E_INVALID, "--%s takes no value", row->name);
        }
        if (row->kind != OPTION_FLAG && text == NULL) {
            if (i + 1 == argc) {
                return fly_err_set(err, FLY_E_INVALID, "--%s needs a value", row->name);
            }
            text = argv[++i];
        }
        fly_status status = set(row, text, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

void options_help(const option_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", rows[i].name,
                       rows[i].argument != NULL ? " " : "",
                       rows[i].argument != NULL ? rows[i].argument : "");
        printf("  %-24s %s\n", left, rows[i].help);
    }
}

bool options_list_next(const char **list, char *word, size_t size)
{
    while (**list == ',') {
        (*list)++;
    }
    size_t len = strcspn(*list, ",");
    if (len == 0) {
        return false;
    }
    size_t fits = len < size ? len : size - 1;
    memcpy(word, *list, fits);
    word[fits] = '\0';
    *list += len;
    return true;
}

bool options_list_has(const char *list, const char *name)
{
    char word[64];
    while (options_list_next(&list, word, sizeof word)) {
        if (strcmp(word, name) == 0) {
            return true;
        }
    }
    return false;
}
