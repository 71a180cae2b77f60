/* Variables of the shell. */
#include "vars.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool fsql_vars_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & 0x80) != 0;
}

int fsql_switch(const char *word)
{
    static const struct {
        const char *name;
        size_t least; /* letters that tell it from others */
        int value;
    } words[] = {{"true", 1, 1},  {"yes", 1, 1}, {"on", 2, 1},  {"1", 1, 1},
                 {"false", 1, 0}, {"no", 1, 0},  {"off", 2, 0}, {"0", 1, 0}};
    size_t len = strlen(word);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (len >= words[i].least && len <= strlen(words[i].name) &&
            strncasecmp(word, words[i].name, len) == 0) {
            return words[i].value;
        }
    }
    return -1;
}

/* ---------------------------------------------------------- what means something */

static bool is_switch(const char *value)
{
    return fsql_switch(value) >= 0;
}

static bool is_number(const char *value)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    return end != value && *end == 0 && errno == 0 && number >= 0;
}

static bool one_of(const char *value, const char *const *words)
{
    while (*words != NULL && strcasecmp(value, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

static bool is_echo(const char *value)
{
    static const char *const words[] = {"none", "errors", "queries", "all", NULL};
    return one_of(value, words);
}

static bool is_verbosity(const char *value)
{
    static const char *const words[] = {"default", "terse", "verbose", "sqlstate", NULL};
    return one_of(value, words);
}

static const struct {
    const char *name;
    bool (*sensible)(const char *value);
    const char *wanted;
} known[] = {
    {"AUTOCOMMIT", is_switch, "Boolean expected"},
    {"ECHO", is_echo, "Available values are: none, errors, queries, all."},
    {"ECHO_HIDDEN", is_switch, "Boolean expected"},
    {"FETCH_COUNT", is_number, "integer expected"},
    {"HISTSIZE", is_number, "integer expected"},
    {"ON_ERROR_STOP", is_switch, "Boolean expected"},
    {"QUIET", is_switch, "Boolean expected"},
    {"VERBOSITY", is_verbosity, "Available values are: default, verbose, terse, sqlstate."},
};

static bool sensible(const char *name, const char *value, fsql_text *complaint)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0 && !known[i].sensible(value)) {
            fsql_text_printf(complaint, "unrecognized value \"%s\" for \"%s\": %s", value, name,
                             known[i].wanted);
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------- the list */

/* Where a name is, or where it would be. */
static size_t place(const fsql_vars *vars, const char *name, size_t len, bool *found)
{
    size_t low = 0;
    size_t high = vars->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = vars->all[middle].name;
        int order = strncmp(other, name, len);
        order = order == 0 && other[len] != 0 ? 1 : order;
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = false;
    return low;
}

const char *fsql_vars_get(const fsql_vars *vars, const char *name, size_t len)
{
    bool found;
    size_t at = place(vars, name, len, &found);
    return found ? vars->all[at].value : NULL;
}

const char *fsql_vars_text(const fsql_vars *vars, const char *name, const char *otherwise)
{
    const char *value = fsql_vars_get(vars, name, strlen(name));
    return value != NULL ? value : otherwise;
}

bool fsql_vars_on(const fsql_vars *vars, const char *name, bool otherwise)
{
    const char *value = fsql_vars_get(vars, name, strlen(name));
    int on = value != NULL ? fsql_switch(value) : -1;
    return on < 0 ? otherwise : on == 1;
}

long fsql_vars_number(const fsql_vars *vars, const char *name, long otherwise)
{
    const char *value = fsql_vars_get(vars, name, strlen(name));
    return value != NULL && is_number(value) ? strtol(value, NULL, 10) : otherwise;
}

static void drop(fsql_vars *vars, size_t at)
{
    free(vars->all[at].name);
    free(vars->all[at].value);
    vars->count--;
    memmove(vars->all + at, vars->all + at + 1, (vars->count - at) * sizeof vars->all[0]);
}

bool fsql_vars_set(fsql_vars *vars, const char *name, const char *value, fsql_text *complaint)
{
    size_t len = strlen(name);
    bool named = len > 0;
    for (size_t i = 0; i < len; i++) {
        named = named && fsql_vars_name_byte(name[i]);
    }
    if (!named) {
        fsql_text_printf(complaint, "invalid variable name: \"%s\"", name);
        return false;
    }
    if (value != NULL && !sensible(name, value, complaint)) {
        return false;
    }
    bool found;
    size_t at = place(vars, name, len, &found);
    if (value == NULL) {
        if (found) {
            drop(vars, at);
        }
        return true;
    }
    char *copy = fsql_copy(value); /* before the old one goes: it may be a part of it */
    if (found) {
        free(vars->all[at].value);
        vars->all[at].value = copy;
        return true;
    }
    if (vars->count == vars->room) {
        vars->room = vars->room * 2 + 16;
        vars->all = fsql_grow(vars->all, vars->room * sizeof vars->all[0]);
    }
    memmove(vars->all + at + 1, vars->all + at, (vars->count - at) * sizeof vars->all[0]);
    vars->all[at] = (fsql_var){fsql_copy(name), copy};
    vars->count++;
    return true;
}

void fsql_vars_deinit(fsql_vars *vars)
{
    while (vars->count > 0) {
        drop(vars, vars->count - 1);
    }
    free(vars->all);
    *vars = (fsql_vars){0};
}
