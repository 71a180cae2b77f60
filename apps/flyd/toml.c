/*
 * A parser of TOML 1.0.0 by recursive descent, one function for each thing that the grammar names.
 *
 * What may be said twice is the one subtle part. A table remembers how it came about:
 *
 *     [a]            a is HEADED
 *     [a.b]          a is there by the way (no flag) and may still be HEADED, once
 *     a.b = 1        a is DOTTED: more dotted keys may add to it, a header may not
 *     a = { b = 1 }  a is CLOSED: nothing may
 *     [[a]]          an array that is OF_TABLES: its last table is what [a.b] means
 *
 * What is not here: any knowledge of settings (settings.c), and reading files.
 *
 * Source: https://toml.io/en/v1.0.0, and its toml.abnf.
 */
#include "toml.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADED = 1, DOTTED = 2, CLOSED = 4, OF_TABLES = 8 };

typedef struct parser {
    fly_arena *arena;
    const uint8_t *text;
    const uint8_t *at;
    const uint8_t *end;
    uint8_t *strings; /* as long as the text: a string is decoded to where it stands in the text */
    const uint8_t *seen;       /* a place whose line is known, */
    const uint8_t *seen_start; /* where that line begins, */
    uint32_t seen_line;        /* and which it is: most questions are about places behind it */
    uint32_t depth;
    fly_err *err;
} parser;

/* ---------------------------------------------------------------------- places */

static void place(parser *p, const uint8_t *at, uint32_t *line, uint32_t *column)
{
    if (p->seen == NULL || at < p->seen) {
        p->seen = p->text;
        p->seen_start = p->text;
        p->seen_line = 1;
    }
    for (; p->seen < at; p->seen++) {
        if (*p->seen == '\n') {
            p->seen_line++;
            p->seen_start = p->seen + 1;
        }
    }
    *line = p->seen_line;
    *column = 1;
    /* A line may be as long as the text: its end is near enough to a column beyond the first 4096. */
    for (const uint8_t *i = p->seen_start; i < at && i < p->seen_start + 4096; i++) {
        *column += (*i & 0xC0) != 0x80; /* characters, not bytes */
    }
}

static fly_status fail(parser *p, const uint8_t *at, const char *what)
{
    uint32_t line;
    uint32_t column;
    place(p, at, &line, &column);
    (void)fly_err_set(p->err, FLY_E_INVALID, "line %u, column %u: %s", line, column, what);
    if (p->err != NULL) {
        p->err->position = (uint32_t)(at - p->text) + 1;
    }
    return FLY_E_INVALID;
}

static fly_status fail_key(parser *p, const uint8_t *at, const char *key, const char *what)
{
    char message[256];
    (void)snprintf(message, sizeof message, "\"%.100s\" %s", key, what);
    return fail(p, at, message);
}

static fly_status no_memory(parser *p)
{
    return fly_err_set(p->err, FLY_E_NO_MEMORY, "out of memory for a configuration");
}

/* --------------------------------------------------------------- small pieces */

/* The byte here, or 0 at the end: a NUL in the text is refused before anything is parsed. */
static uint8_t here(const parser *p)
{
    return p->at < p->end ? *p->at : 0;
}

static bool looking_at(const parser *p, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(p->end - p->at) >= len && memcmp(p->at, word, len) == 0;
}

static bool take(parser *p, const char *word)
{
    if (!looking_at(p, word)) {
        return false;
    }
    p->at += strlen(word);
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_bare(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* Control characters that may stand nowhere. A carriage return only before a newline. */
static bool is_forbidden(const parser *p, const uint8_t *at)
{
    if (*at == '\r') {
        return at + 1 >= p->end || at[1] != '\n';
    }
    return (*at < 0x20 && *at != '\t' && *at != '\n') || *at == 0x7F;
}

static void skip_blanks(parser *p)
{
    while (here(p) == ' ' || here(p) == '\t') {
        p->at++;
    }
}

static void skip_comment(parser *p)
{
    if (here(p) == '#') {
        while (p->at < p->end && *p->at != '\n') {
            p->at++;
        }
    }
}

static bool take_newline(parser *p)
{
    return take(p, "\n") || take(p, "\r\n");
}

/* Blanks, comments and newlines, as between the values of an array. */
static void skip_space(parser *p)
{
    do {
        skip_blanks(p);
        skip_comment(p);
    } while (take_newline(p));
}

/* Nothing but a comment may follow. */
static fly_status end_line(parser *p)
{
    skip_blanks(p);
    skip_comment(p);
    if (p->at < p->end && !take_newline(p)) {
        return fail(p, p->at, "the line should end here");
    }
    return FLY_OK;
}

/* The length of the UTF-8 sequence at `at`; 0 if it is none. */
static size_t utf8_len(const uint8_t *at, const uint8_t *end)
{
    uint8_t lead = at[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (len == 0 || lead > 0xF4 || (size_t)(end - at) < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (lead == 0xE0 && at[1] < 0xA0) || (lead == 0xF0 && at[1] < 0x90);
    bool beyond = (lead == 0xED && at[1] > 0x9F) || (lead == 0xF4 && at[1] > 0x8F);
    return overlong || beyond ? 0 : len;
}

static fly_status check_characters(parser *p)
{
    for (const uint8_t *at = p->text; at < p->end;) {
        size_t len = utf8_len(at, p->end);
        if (len == 0) {
            return fail(p, at, "bytes that are not UTF-8");
        }
        if (is_forbidden(p, at)) {
            return fail(p, at, "a control character");
        }
        at += len;
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------------- values */

static flyd_toml *make(parser *p, flyd_toml_kind kind, const uint8_t *at)
{
    flyd_toml *value = fly_arena_alloc(p->arena, sizeof *value);
    if (value != NULL) {
        *value = (flyd_toml){.kind = kind};
        place(p, at, &value->line, &value->column);
    }
    return value;
}

static void append(flyd_toml *to, flyd_toml *value)
{
    if (to->last == NULL) {
        to->first = value;
    } else {
        to->last->next = value;
    }
    to->last = value;
}

static flyd_toml *find(const flyd_toml *table, const char *key)
{
    flyd_toml *at = table->first;
    while (at != NULL && strcmp(at->key, key) != 0) {
        at = at->next;
    }
    return at;
}

const flyd_toml *flyd_toml_get(const flyd_toml *table, const char *key)
{
    return find(table, key);
}

const char *flyd_toml_kind_name(flyd_toml_kind kind)
{
    static const char *const names[] = {"a string",  "an integer",     "a number with a point",
                                        "a boolean", "a date or time", "an array",
                                        "a table"};
    return names[kind];
}

/* --------------------------------------------------------------------- strings */

static size_t put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    to[0] = (uint8_t)(lead[len] | c);
    return len;
}

static int hex_value(uint8_t c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* \uXXXX and \UXXXXXXXX, from behind the letter. */
static fly_status read_code_point(parser *p, int digits, uint8_t *to, size_t *len)
{
    const uint8_t *from = p->at - 2;
    uint32_t c = 0;
    for (int i = 0; i < digits; i++) {
        int digit = hex_value(here(p));
        if (digit < 0) {
            return fail(p, from, "an escape of a character needs 4 or 8 hexadecimal digits");
        }
        c = c << 4 | (uint32_t)digit;
        p->at++;
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
        return fail(p, from, "there is no such character");
    }
    *len += put_utf8(to + *len, c);
    return FLY_OK;
}

/* A backslash at the end of a line takes the line's end with it, and all space behind that. */
static bool take_line_continuation(parser *p)
{
    const uint8_t *start = p->at;
    skip_blanks(p);
    if (!take_newline(p)) {
        p->at = start;
        return false;
    }
    do {
        skip_blanks(p);
    } while (take_newline(p));
    return true;
}

static fly_status read_escape(parser *p, bool many_lines, uint8_t *to, size_t *len)
{
    const uint8_t *from = p->at++;
    if (many_lines && take_line_continuation(p)) {
        return FLY_OK;
    }
    uint8_t c = here(p);
    static const char letters[] = "btnfr\"\\";
    static const char meant[] = "\b\t\n\f\r\"\\";
    const char *found = c != 0 ? strchr(letters, c) : NULL;
    p->at++;
    if (found != NULL) {
        to[(*len)++] = (uint8_t)meant[found - letters];
        return FLY_OK;
    }
    if (c == 'u' || c == 'U') {
        return read_code_point(p, c == 'u' ? 4 : 8, to, len);
    }
    return fail(p, from, "no such escape: a backslash is written \\\\, or the string 'so'");
}

/* Up to two quotes may stand before the three that end a string of many lines. */
static bool at_end_of_string(parser *p, const char *quotes)
{
    if (!looking_at(p, quotes)) {
        return false;
    }
    return quotes[1] == '\0' || p->end - p->at < 4 || p->at[3] != (uint8_t)quotes[0];
}

static fly_status read_string(parser *p, fly_bytes *text)
{
    const uint8_t *from = p->at;
    char quotes[4] = {(char)*p->at, '\0', '\0', '\0'};
    bool escapes = quotes[0] == '"';
    const char *three = escapes ? "\"\"\"" : "'''";
    bool many_lines = take(p, three);
    if (many_lines) {
        memcpy(quotes, three, sizeof quotes);
        (void)take_newline(p);
    } else {
        p->at++;
    }
    /* No escape gives more bytes than it has, and the NUL has the place of the last quote. */
    uint8_t *to = p->strings + (p->at - p->text);
    size_t len = 0;
    while (!at_end_of_string(p, quotes)) {
        if (p->at >= p->end || (!many_lines && *p->at == '\n')) {
            return fail(p, from, "this string has no end");
        }
        if (escapes && *p->at == '\\') {
            fly_status status = read_escape(p, many_lines, to, &len);
            if (status != FLY_OK) {
                return status;
            }
        } else {
            to[len++] = *p->at++;
        }
    }
    p->at += strlen(quotes);
    to[len] = '\0';
    *text = fly_bytes_of(to, len);
    return FLY_OK;
}

/* ----------------------------------------------------------- numbers and times */

/* Copy digits without the underscores, each of which must stand between two digits. */
static bool plain_digits(fly_bytes word, char *to, size_t room, int base)
{
    size_t len = 0;
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.data[i];
        if (c == '_') {
            if (i == 0 || i + 1 == word.len || hex_value(word.data[i - 1]) < 0 ||
                hex_value(word.data[i + 1]) < 0) {
                return false;
            }
            continue;
        }
        int digit = hex_value(c);
        bool good = base > 0 ? digit >= 0 && digit < base
                             : is_digit(c) || strchr("+-.eE", c) != NULL;
        if (!good || len + 1 >= room) {
            return false;
        }
        to[len++] = (char)c;
    }
    to[len] = '\0';
    return len > 0;
}

static bool read_based(fly_bytes word, int64_t *value)
{
    static const struct {
        const char *prefix;
        int base;
    } bases[] = {{"0x", 16}, {"0o", 8}, {"0b", 2}};
    for (size_t i = 0; i < 3; i++) {
        if (word.len > 2 && memcmp(word.data, bases[i].prefix, 2) == 0) {
            char digits[128];
            char *end;
            fly_bytes rest = fly_bytes_of(word.data + 2, word.len - 2);
            if (!plain_digits(rest, digits, sizeof digits, bases[i].base)) {
                return false;
            }
            errno = 0;
            *value = strtoll(digits, &end, bases[i].base);
            return errno == 0 && *end == '\0';
        }
    }
    return false;
}

/* Digits, without a zero before others; how many, 0 if it is wrong. */
static size_t whole_part(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n > 1 && text[0] == '0' ? 0 : n;
}

static bool read_integer(const char *text, int64_t *value)
{
    const char *digits = text + strspn(text, "+-");
    size_t n = whole_part(digits);
    if (digits - text > 1 || n == 0 || digits[n] != '\0') {
        return false;
    }
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

static bool read_float(const char *text, double *value)
{
    const char *at = text + strspn(text, "+-");
    if (at - text > 1) {
        return false;
    }
    size_t n = whole_part(at);
    if (n == 0) {
        return false;
    }
    at += n;
    if (*at == '.') {
        n = strspn(at + 1, "0123456789");
        at += 1 + n;
    }
    if (n > 0 && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '+' || *at == '-';
        n = strspn(at, "0123456789");
        at += n;
    }
    *value = strtod(text, NULL);
    return n > 0 && *at == '\0';
}

static bool read_special(fly_bytes word, double *value)
{
    char text[8] = "";
    if (word.len == 0 || word.len > 4) {
        return false;
    }
    memcpy(text, word.data, word.len);
    bool minus = text[0] == '-';
    const char *name = text + (minus || text[0] == '+');
    if (strcmp(name, "inf") == 0) {
        *value = minus ? -INFINITY : INFINITY;
        return true;
    }
    *value = minus ? -NAN : NAN;
    return strcmp(name, "nan") == 0;
}

/* `at` moves behind `shape`, in which 0 stands for a digit; the digits' numbers go to `parts`. */
static bool matches(const char **at, const char *shape, int *parts)
{
    const char *i = *at;
    bool inside = false;
    for (; *shape != '\0'; shape++, i++) {
        bool digit = *shape == '0';
        if (digit ? !is_digit((uint8_t)*i) : *i != *shape) {
            return false;
        }
        if (digit) {
            *parts = (inside ? *parts * 10 : 0) + (*i - '0');
        } else if (inside) {
            parts++;
        }
        inside = digit;
    }
    *at = i;
    return true;
}

static bool is_day(const int *ymd)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (ymd[1] < 1 || ymd[1] > 12) {
        return false;
    }
    bool leap = ymd[0] % 4 == 0 && (ymd[0] % 100 != 0 || ymd[0] % 400 == 0);
    return ymd[2] >= 1 && ymd[2] <= days[ymd[1] - 1] + (leap && ymd[1] == 2);
}

static bool read_clock(const char **at)
{
    int hms[3];
    if (!matches(at, "00:00:00", hms) || hms[0] > 23 || hms[1] > 59 || hms[2] > 60) {
        return false;
    }
    if (**at == '.') {
        size_t n = strspn(*at + 1, "0123456789");
        *at += 1 + n;
        return n > 0;
    }
    return true;
}

static bool is_time(const char *text)
{
    int ymd[3];
    int hm[2];
    const char *at = text;
    if (read_clock(&at)) {
        return *at == '\0';
    }
    at = text;
    if (!matches(&at, "0000-00-00", ymd) || !is_day(ymd)) {
        return false;
    }
    if (*at == '\0') {
        return true;
    }
    if (strchr("Tt ", *at) == NULL) {
        return false;
    }
    at++;
    if (!read_clock(&at)) {
        return false;
    }
    if (*at == 'Z' || *at == 'z') {
        at++;
    } else if (*at == '+' || *at == '-') {
        at++;
        if (!matches(&at, "00:00", hm) || hm[0] > 23 || hm[1] > 59) {
            return false;
        }
    }
    return *at == '\0';
}

/* What stands here up to the next thing that no scalar has; a date takes the time behind a blank. */
static fly_bytes take_word(parser *p)
{
    const uint8_t *from = p->at;
    for (int part = 0; part < 2; part++) {
        while (is_bare(here(p)) || here(p) == '+' || here(p) == '.' || here(p) == ':') {
            p->at++;
        }
        bool date = p->at - from == 10 && from[4] == '-' && from[7] == '-';
        if (part > 0 || !date || p->end - p->at < 2 || *p->at != ' ' || !is_digit(p->at[1])) {
            break;
        }
        p->at++;
    }
    return fly_bytes_of(from, (size_t)(p->at - from));
}

static fly_status read_scalar(parser *p, flyd_toml *value)
{
    const uint8_t *from = p->at;
    fly_bytes word = take_word(p);
    char text[128];
    if (word.len == 0 || word.len >= sizeof text) {
        return fail(p, from, "a value should be here");
    }
    memcpy(text, word.data, word.len);
    text[word.len] = '\0';
    value->text.data = fly_arena_copy(p->arena, text, word.len + 1);
    value->text.len = word.len;
    if (value->text.data == NULL) {
        return no_memory(p);
    }
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        value->kind = FLYD_TOML_BOOLEAN;
        value->truth = text[0] == 't';
        return FLY_OK;
    }
    if (is_time(text)) {
        value->kind = FLYD_TOML_TIME;
        return FLY_OK;
    }
    value->kind = FLYD_TOML_FLOAT;
    if (read_special(word, &value->number)) {
        return FLY_OK;
    }
    bool numeric = plain_digits(word, text, sizeof text, 0);
    if (numeric && read_float(text, &value->number) && strpbrk(text, ".eE") != NULL) {
        return FLY_OK;
    }
    value->kind = FLYD_TOML_INTEGER;
    if (read_based(word, &value->integer) || (numeric && read_integer(text, &value->integer))) {
        return FLY_OK;
    }
    return fail(p, from, "this is no value: a string stands in quotes");
}

/* ------------------------------------------------------------- keys and tables */

static fly_status read_key_part(parser *p, const char **key)
{
    const uint8_t *from = p->at;
    fly_bytes text;
    if (here(p) == '"' || here(p) == '\'') {
        if (looking_at(p, "\"\"\"") || looking_at(p, "'''")) {
            return fail(p, from, "a key has one line");
        }
        fly_status status = read_string(p, &text);
        if (status == FLY_OK && memchr(text.data, 0, text.len) != NULL) {
            status = fail(p, from, "a key with a character that is nothing");
        }
        *key = (const char *)text.data;
        return status;
    }
    while (is_bare(here(p))) {
        p->at++;
    }
    size_t len = (size_t)(p->at - from);
    if (len == 0) {
        return fail(p, from, "a key should be here");
    }
    char *name = fly_arena_alloc(p->arena, len + 1);
    if (name == NULL) {
        return no_memory(p);
    }
    memcpy(name, from, len);
    name[len] = '\0';
    *key = name;
    return FLY_OK;
}

static flyd_toml *add(parser *p, flyd_toml *table, const char *key, flyd_toml_kind kind,
                      const uint8_t *at)
{
    flyd_toml *value = make(p, kind, at);
    if (value != NULL) {
        value->key = key;
        append(table, value);
    }
    return value;
}

/* The table that `key` leads to on the way of a header, or of a dotted key. */
static fly_status descend(parser *p, flyd_toml **table, const char *key, const uint8_t *at,
                          bool dotted)
{
    flyd_toml *found = find(*table, key);
    if (found == NULL) {
        found = add(p, *table, key, FLYD_TOML_TABLE, at);
        if (found == NULL) {
            return no_memory(p);
        }
        found->flags = dotted ? DOTTED : 0;
    } else if (dotted && (found->kind != FLYD_TOML_TABLE || found->flags != DOTTED)) {
        return fail_key(p, at, key, "is there already, and dotted keys cannot add to it");
    } else if (found->kind == FLYD_TOML_ARRAY && (found->flags & OF_TABLES) != 0) {
        found = found->last;
    } else if (found->kind != FLYD_TOML_TABLE || (found->flags & CLOSED) != 0) {
        return fail_key(p, at, key, "is there already, and is no table that could be added to");
    }
    *table = found;
    return FLY_OK;
}

/* a.b.c: goes down to the table of the last part, and gives that part. */
static fly_status read_key(parser *p, flyd_toml **table, const char **key, const uint8_t **at,
                           bool dotted)
{
    for (uint32_t depth = 0;; depth++) {
        skip_blanks(p);
        *at = p->at;
        fly_status status = read_key_part(p, key);
        if (status != FLY_OK) {
            return status;
        }
        skip_blanks(p);
        if (!take(p, ".")) {
            return FLY_OK;
        }
        if (depth >= FLYD_TOML_DEPTH_MAX) {
            return fail(p, *at, "tables within each other too deep");
        }
        status = descend(p, table, *key, *at, dotted);
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status read_value(parser *p, flyd_toml *value);

static fly_status read_pair(parser *p, flyd_toml *table)
{
    const char *key;
    const uint8_t *at;
    fly_status status = read_key(p, &table, &key, &at, true);
    if (status != FLY_OK) {
        return status;
    }
    if (find(table, key) != NULL) {
        return fail_key(p, at, key, "is there already");
    }
    if (!take(p, "=")) {
        return fail(p, p->at, "\"=\" should follow the key");
    }
    skip_blanks(p);
    flyd_toml *value = add(p, table, key, FLYD_TOML_STRING, at);
    return value == NULL ? no_memory(p) : read_value(p, value);
}

static fly_status read_array(parser *p, flyd_toml *array)
{
    const uint8_t *from = p->at++;
    array->kind = FLYD_TOML_ARRAY;
    for (;;) {
        skip_space(p);
        if (take(p, "]")) {
            return FLY_OK;
        }
        if (p->at >= p->end) {
            return fail(p, from, "this array has no end");
        }
        flyd_toml *value = make(p, FLYD_TOML_STRING, p->at);
        if (value == NULL) {
            return no_memory(p);
        }
        append(array, value);
        fly_status status = read_value(p, value);
        if (status != FLY_OK) {
            return status;
        }
        skip_space(p);
        if (p->at < p->end && !take(p, ",") && *p->at != ']') {
            return fail(p, p->at, "\",\" or \"]\" should follow a value of an array");
        }
    }
}

static void close_tables(flyd_toml *table)
{
    table->flags |= CLOSED;
    for (flyd_toml *at = table->first; at != NULL; at = at->next) {
        if (at->kind == FLYD_TOML_TABLE) {
            close_tables(at);
        }
    }
}

static fly_status read_inline_table(parser *p, flyd_toml *table)
{
    p->at++;
    table->kind = FLYD_TOML_TABLE;
    skip_blanks(p);
    bool more = !take(p, "}");
    while (more) {
        fly_status status = read_pair(p, table);
        if (status != FLY_OK) {
            return status;
        }
        skip_blanks(p);
        more = take(p, ",");
        if (!more && !take(p, "}")) {
            return fail(p, p->at, "\",\" or \"}\" should follow a value of an inline table");
        }
    }
    close_tables(table);
    return FLY_OK;
}

static fly_status read_value(parser *p, flyd_toml *value)
{
    if (p->depth >= FLYD_TOML_DEPTH_MAX) {
        return fail(p, p->at, "values within each other too deep");
    }
    fly_status status;
    p->depth++;
    if (here(p) == '"' || here(p) == '\'') {
        status = read_string(p, &value->text);
    } else if (here(p) == '[') {
        status = read_array(p, value);
    } else if (here(p) == '{') {
        status = read_inline_table(p, value);
    } else {
        status = read_scalar(p, value);
    }
    p->depth--;
    return status;
}

/* [a.b] */
static fly_status read_header(parser *p, flyd_toml *root, flyd_toml **current)
{
    const char *key;
    const uint8_t *at;
    flyd_toml *table = root;
    fly_status status = read_key(p, &table, &key, &at, false);
    if (status != FLY_OK) {
        return status;
    }
    if (!take(p, "]")) {
        return fail(p, p->at, "\"]\" should follow the name of a table");
    }
    flyd_toml *found = find(table, key);
    if (found == NULL) {
        found = add(p, table, key, FLYD_TOML_TABLE, at);
        if (found == NULL) {
            return no_memory(p);
        }
    } else if (found->kind != FLYD_TOML_TABLE || found->flags != 0) {
        return fail_key(p, at, key, "is there already");
    }
    found->flags = HEADED;
    *current = found;
    return end_line(p);
}

/* [[a.b]] */
static fly_status read_array_header(parser *p, flyd_toml *root, flyd_toml **current)
{
    const char *key;
    const uint8_t *at;
    flyd_toml *table = root;
    fly_status status = read_key(p, &table, &key, &at, false);
    if (status != FLY_OK) {
        return status;
    }
    if (!take(p, "]]")) {
        return fail(p, p->at, "\"]]\" should follow the name of an array of tables");
    }
    flyd_toml *found = find(table, key);
    if (found == NULL) {
        found = add(p, table, key, FLYD_TOML_ARRAY, at);
        if (found == NULL) {
            return no_memory(p);
        }
        found->flags = OF_TABLES;
    } else if ((found->flags & OF_TABLES) == 0) {
        return fail_key(p, at, key, "is there already");
    }
    flyd_toml *element = make(p, FLYD_TOML_TABLE, at);
    if (element == NULL) {
        return no_memory(p);
    }
    element->flags = HEADED;
    append(found, element);
    *current = element;
    return end_line(p);
}

static fly_status read_line(parser *p, flyd_toml *root, flyd_toml **current)
{
    if (take(p, "[[")) {
        return read_array_header(p, root, current);
    }
    if (take(p, "[")) {
        return read_header(p, root, current);
    }
    fly_status status = read_pair(p, *current);
    return status == FLY_OK ? end_line(p) : status;
}

fly_status flyd_toml_parse(fly_arena *arena, fly_bytes text, flyd_toml **parsed, fly_err *err)
{
    parser p = {.arena = arena, .text = text.data, .at = text.data, .err = err};
    if (text.len > FLYD_TOML_SIZE_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "a configuration of %zu bytes, more than %d",
                           text.len, (int)FLYD_TOML_SIZE_MAX);
    }
    p.end = text.len > 0 ? text.data + text.len : text.data;
    if (text.len > 0) {
        (void)take(&p, "\xEF\xBB\xBF");
    }
    p.strings = fly_arena_alloc(arena, text.len + 1);
    fly_status status = p.strings == NULL ? no_memory(&p) : check_characters(&p);
    flyd_toml *root = make(&p, FLYD_TOML_TABLE, p.at);
    if (status == FLY_OK && root == NULL) {
        status = no_memory(&p);
    }
    flyd_toml *current = root;
    while (status == FLY_OK) {
        skip_space(&p);
        if (p.at >= p.end) {
            *parsed = root;
            return FLY_OK;
        }
        status = read_line(&p, root, &current);
    }
    return status;
}
