/*
 * The splitter: one pass, one byte of look-ahead kept in no state, because input comes in whole lines.
 *
 * The text that a variable brings is scanned like typed text, but is not searched for variables again:
 * a value that mentions itself would never end.
 *
 * Source: PostgreSQL's lexical rules (section 4.1 of its manual) and psql's rules for variables.
 */
#include "split.h"

#include <string.h>
#include <strings.h>

void fsql_split_init(fsql_split *split, const fsql_vars *vars)
{
    *split = (fsql_split){.vars = vars};
}

void fsql_split_deinit(fsql_split *split)
{
    fsql_text_deinit(&split->statement);
}

void fsql_split_clear(fsql_split *split)
{
    fsql_text kept = split->statement;
    fsql_text_clear(&kept);
    *split = (fsql_split){.vars = split->vars, .statement = kept};
}

char fsql_split_prompt(const fsql_split *split)
{
    if (split->inside != 0) {
        return split->inside == 'E' ? '\'' : split->inside;
    }
    return split->parens > 0 ? '(' : split->statement.len > 0 ? '-' : '=';
}

/* ----------------------------------------------------------------- variables */

void fsql_quote(fsql_text *out, const char *value, char quote)
{
    /* Backslashes mean themselves only in a string that says nothing about them. */
    bool escape = quote == '\'' && strchr(value, '\\') != NULL;
    if (escape) {
        fsql_text_str_add(out, " E"); /* the space keeps it apart from a word before it */
    }
    fsql_text_byte(out, quote);
    for (; *value != 0; value++) {
        if (*value == quote || (escape && *value == '\\')) {
            fsql_text_byte(out, *value);
        }
        fsql_text_byte(out, *value);
    }
    fsql_text_byte(out, quote);
}

static size_t name_length(fly_bytes input, size_t at)
{
    size_t end = at;
    while (end < input.len && fsql_vars_name_byte((char)input.data[end])) {
        end++;
    }
    return end - at;
}

size_t fsql_split_variable(const fsql_vars *vars, fly_bytes input, fsql_text *out)
{
    if (vars == NULL || input.len < 2 || input.data[0] != ':') {
        return 0;
    }
    const char *text = (const char *)input.data;
    char second = text[1];
    if (second == '{') { /* :{?name} */
        size_t len = input.len > 2 && text[2] == '?' ? name_length(input, 3) : 0;
        if (len == 0 || 3 + len >= input.len || text[3 + len] != '}') {
            return 0;
        }
        fsql_text_str_add(out, fsql_vars_get(vars, text + 3, len) != NULL ? "TRUE" : "FALSE");
        return len + 4;
    }
    size_t begin = second == '\'' || second == '"' ? 2 : 1;
    size_t len = name_length(input, begin);
    if (len == 0 || (begin == 2 && (begin + len >= input.len || text[begin + len] != second))) {
        return 0;
    }
    const char *value = fsql_vars_get(vars, text + begin, len);
    if (value == NULL) {
        return 0;
    }
    if (begin == 2) {
        fsql_quote(out, value, second);
    } else {
        fsql_text_str_add(out, value);
    }
    return 2 * begin - 1 + len;
}

/* ------------------------------------------------------------------- scanning */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '$';
}

static char at_or_nul(fly_bytes input, size_t at)
{
    return at < input.len ? (char)input.data[at] : 0;
}

static void take(fsql_split *split, fly_bytes input, size_t *at, size_t count)
{
    fsql_text_add(&split->statement, input.data + *at, count);
    *at += count;
}

/* The length of a dollar quote's tag, "$$" or "$word$", at `at`; 0 if there is none. */
static size_t tag_length(fly_bytes input, size_t at)
{
    size_t end = at + 1;
    if (is_letter(at_or_nul(input, end))) {
        while (is_word(at_or_nul(input, end)) && at_or_nul(input, end) != '$') {
            end++;
        }
    }
    size_t len = end + 1 - at;
    return at_or_nul(input, end) == '$' && len < FSQL_SPLIT_TAG_MAX ? len : 0;
}

/* Take what stands within quotes, a comment or a dollar quote, up to its end or that of the input. */
static void take_inside(fsql_split *split, fly_bytes input, size_t *at)
{
    while (*at < input.len && split->inside != 0) {
        char c = at_or_nul(input, *at);
        char next = at_or_nul(input, *at + 1);
        switch (split->inside) {
        case '*':
            if (c == '/' && next == '*') {
                split->comments++;
                take(split, input, at, 2);
                continue;
            }
            if (c == '*' && next == '/') {
                split->inside = --split->comments > 0 ? '*' : 0;
                take(split, input, at, 2);
                continue;
            }
            break;
        case '$': {
            size_t len = strlen(split->tag);
            if (c == '$' && input.len - *at >= len &&
                memcmp(input.data + *at, split->tag, len) == 0) {
                split->inside = 0;
                take(split, input, at, len);
                continue;
            }
            break;
        }
        case 'E':
            if (c == '\\' && next != 0) {
                take(split, input, at, 2);
                continue;
            }
            split->inside = c == '\'' ? 0 : 'E';
            break;
        default: /* a doubled quote ends and begins: the same in the end */
            split->inside = c == split->inside ? 0 : split->inside;
            break;
        }
        take(split, input, at, 1);
    }
}

static bool same(fly_bytes input, size_t at, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp((const char *)input.data + at, word, len) == 0;
}

/*
 * A word. Those that begin a statement tell whether it is one with a body in SQL: CREATE [OR REPLACE]
 * FUNCTION or PROCEDURE. In such a one BEGIN, CASE and END are counted.
 */
static void take_word(fsql_split *split, fly_bytes input, size_t *at)
{
    size_t end = *at;
    while (is_word(at_or_nul(input, end))) {
        end++;
    }
    size_t len = end - *at;
    if (split->words < 4) {
        static const char *const heads[] = {"create", "function", "procedure", "or", "replace"};
        for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
            if (same(input, *at, len, heads[i])) {
                split->heads[split->words] = heads[i][0];
            }
        }
        split->words++;
    }
    const char *heads = split->heads;
    bool routine = heads[0] == 'c' && (heads[1] == 'f' || heads[1] == 'p' ||
                                       (heads[1] == 'o' && (heads[3] == 'f' || heads[3] == 'p')));
    if (routine && split->parens == 0) {
        if (same(input, *at, len, "begin")) {
            split->bodies++;
        } else if (split->bodies > 0 && same(input, *at, len, "case")) {
            split->bodies++;
        } else if (split->bodies > 0 && same(input, *at, len, "end")) {
            split->bodies--;
        }
    }
    char last = at_or_nul(input, end - 1);
    take(split, input, at, len);
    if (len == 1 && (last == 'e' || last == 'E') && at_or_nul(input, *at) == '\'') {
        split->inside = 'E';
        take(split, input, at, 1);
    }
}

/* Scan a variable's value as if it had been typed; it cannot end the statement. */
static void take_value(fsql_split *split, fly_bytes value)
{
    const fsql_vars *vars = split->vars;
    split->vars = NULL;
    for (size_t at = 0; at < value.len;) {
        fsql_split_found found = fsql_split_next(split, value, &at);
        if (found == FSQL_SPLIT_COMMAND) {
            take(split, value, &at, 1);
        }
    }
    split->vars = vars;
}

static bool take_variable(fsql_split *split, fly_bytes input, size_t *at)
{
    fsql_text value = {0};
    size_t len =
        fsql_split_variable(split->vars, fly_bytes_of(input.data + *at, input.len - *at), &value);
    if (len > 0) {
        take_value(split, fsql_text_bytes(&value));
        *at += len;
    }
    fsql_text_deinit(&value);
    return len > 0;
}

fsql_split_found fsql_split_next(fsql_split *split, fly_bytes input, size_t *at)
{
    while (*at < input.len) {
        char c = at_or_nul(input, *at);
        char next = at_or_nul(input, *at + 1);
        if (split->inside != 0) {
            take_inside(split, input, at);
        } else if (is_space(c)) {
            if (split->statement.len > 0) { /* space before a statement is no part of it */
                fsql_text_byte(&split->statement, c);
            }
            (*at)++;
        } else if (c == '-' && next == '-') {
            const void *end = memchr(input.data + *at, '\n', input.len - *at);
            size_t len = end != NULL ? (size_t)((const uint8_t *)end - (input.data + *at))
                                     : input.len - *at;
            if (split->statement.len > 0) {
                fsql_text_add(&split->statement, input.data + *at, len);
            }
            *at += len;
        } else if (c == '/' && next == '*') {
            split->inside = '*';
            split->comments = 1;
            take(split, input, at, 2);
        } else if (c == '\\' && next == ';') {
            fsql_text_byte(&split->statement, ';');
            *at += 2;
        } else if (c == '\\') {
            return FSQL_SPLIT_COMMAND;
        } else if (c == ';' && split->parens == 0 && split->bodies == 0) {
            take(split, input, at, 1);
            return FSQL_SPLIT_STATEMENT;
        } else if (c == ':' && next == ':') {
            take(split, input, at, 2);
        } else if (c == ':' && take_variable(split, input, at)) {
            split->begun = true;
        } else {
            split->begun = true;
            size_t tag = c == '$' ? tag_length(input, *at) : 0;
            if (tag > 0) {
                split->inside = '$';
                memcpy(split->tag, input.data + *at, tag);
                split->tag[tag] = 0;
                take(split, input, at, tag);
            } else if (is_letter(c)) {
                take_word(split, input, at);
            } else if (c >= '0' && c <= '9') { /* with the letters and dollars behind it */
                while (is_word(at_or_nul(input, *at))) {
                    take(split, input, at, 1);
                }
            } else {
                split->inside = c == '\'' || c == '"' ? c : 0;
                split->parens += c == '(';
                split->parens -= c == ')' && split->parens > 0;
                take(split, input, at, 1);
            }
        }
    }
    return FSQL_SPLIT_MORE;
}
