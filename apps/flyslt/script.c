/*
 * Reading records.
 *
 * The original runner looks at nothing but the first letters of a line; so do we. Where it stops
 * at an odd header, a record of kind SLT_BROKEN comes out, and the script goes on behind it.
 */
#include "script.h"

#include <stdlib.h>
#include <string.h>

void slt_script_init(slt_script *script, fly_bytes text)
{
    *script = (slt_script){.text = text};
}

void slt_record_deinit(slt_record *record)
{
    slt_text_deinit(&record->sql);
}

/* --------------------------------------------------------------------- lines, words */

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static fly_bytes trim_end(fly_bytes line)
{
    while (line.len > 0 && blank(line.data[line.len - 1])) {
        line.len--;
    }
    return line;
}

bool slt_next_line(fly_bytes *lines, fly_bytes *line)
{
    if (lines->len == 0) {
        return false;
    }
    const uint8_t *newline = memchr(lines->data, '\n', lines->len);
    size_t len = newline != NULL ? (size_t)(newline - lines->data) : lines->len;
    size_t skip = newline != NULL ? len + 1 : len;
    *line = fly_bytes_of(lines->data, len);
    if (len > 0 && line->data[len - 1] == '\r') {
        line->len--;
    }
    *lines = fly_bytes_of(lines->data + skip, lines->len - skip);
    return true;
}

/* The line at the script's place; the place moves behind it. */
static bool take_line(slt_script *script, fly_bytes *line)
{
    fly_bytes rest = fly_bytes_of(script->text.data + script->at, script->text.len - script->at);
    if (!slt_next_line(&rest, line)) {
        return false;
    }
    script->at = script->text.len - rest.len;
    script->line++;
    return true;
}

static bool take_word(fly_bytes *line, fly_bytes *word)
{
    while (line->len > 0 && blank(line->data[0])) {
        *line = fly_bytes_of(line->data + 1, line->len - 1);
    }
    size_t len = 0;
    while (len < line->len && !blank(line->data[len])) {
        len++;
    }
    *word = fly_bytes_of(line->data, len);
    *line = fly_bytes_of(line->data + len, line->len - len);
    return len > 0;
}

static bool is(fly_bytes word, const char *text)
{
    return fly_bytes_equal(word, fly_bytes_str(text));
}

static bool read_number(fly_bytes word, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9' || value > UINT32_MAX) {
            return false;
        }
        value = value * 10 + (uint64_t)(word.data[i] - '0');
    }
    *number = value;
    return word.len > 0;
}

/* ------------------------------------------------------------------------- headers */

static void broken(slt_record *record, const char *complaint)
{
    record->kind = SLT_BROKEN;
    record->complaint = complaint;
}

static void read_statement(slt_record *record, fly_bytes line)
{
    fly_bytes word;
    if (!take_word(&line, &word)) {
        broken(record, "statement wants ok, error or count");
    } else if (is(word, "ok")) {
        record->kind = SLT_STATEMENT_OK;
    } else if (is(word, "error")) {
        record->kind = SLT_STATEMENT_ERROR;
    } else if (is(word, "count") && take_word(&line, &word) && read_number(word, &record->number)) {
        record->kind = SLT_STATEMENT_COUNT;
    } else {
        broken(record, "statement wants ok, error or count N");
    }
}

static bool read_sort(fly_bytes word, slt_sort *sort)
{
    static const char *const names[] = {
        [SLT_NOSORT] = "nosort", [SLT_ROWSORT] = "rowsort", [SLT_VALUESORT] = "valuesort"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is(word, names[i])) {
            *sort = (slt_sort)i;
            return true;
        }
    }
    return false;
}

static void read_query(slt_record *record, fly_bytes line)
{
    record->kind = SLT_QUERY;
    fly_bytes word;
    if (!take_word(&line, &word)) {
        return;
    }
    if (word.len > SLT_COLUMNS_MAX) {
        broken(record, "too many columns");
        return;
    }
    memcpy(record->types, word.data, word.len);
    record->types[word.len] = '\0';
    if (strspn(record->types, "IRTU") != word.len) {
        broken(record, "a column is one of I, R, T, U");
    } else if (take_word(&line, &word)) {
        if (!read_sort(word, &record->sort)) {
            broken(record, "a query is sorted by nosort, rowsort or valuesort");
        } else if (take_word(&line, &word)) {
            record->label = word;
        }
    }
}

/* skipif, onlyif and connection stand before the header. */
static bool read_prefix(slt_record *record, fly_bytes line)
{
    fly_bytes word;
    (void)take_word(&line, &word);
    if (is(word, "skipif") || is(word, "onlyif")) {
        bool only = is(word, "onlyif");
        if (!take_word(&line, &word) || record->condition_count == SLT_CONDITIONS_MAX) {
            broken(record, "skipif and onlyif want a name, and there may be 16 of them");
        } else {
            record->conditions[record->condition_count++] = (slt_condition){only, word};
        }
        return true;
    }
    if (is(word, "connection")) {
        if (!take_word(&line, &word) || word.len >= sizeof record->connection) {
            broken(record, "connection wants a name, of 63 letters at most");
        } else {
            memcpy(record->connection, word.data, word.len);
            record->connection[word.len] = '\0';
        }
        return true;
    }
    return false;
}

/* False if the line is no header: SQL then stands alone. */
static bool read_header(slt_record *record, fly_bytes line)
{
    fly_bytes word;
    (void)take_word(&line, &word);
    if (is(word, "statement")) {
        read_statement(record, line);
    } else if (is(word, "query")) {
        read_query(record, line);
    } else if (is(word, "halt")) {
        record->kind = SLT_HALT;
    } else if (is(word, "hash-threshold")) {
        record->kind = SLT_HASH_THRESHOLD;
        if (!take_word(&line, &word) || !read_number(word, &record->number)) {
            broken(record, "hash-threshold wants a number");
        }
    } else {
        record->kind = SLT_BARE;
        return false;
    }
    return true;
}

/* -------------------------------------------------------------------------- bodies */

static void add_sql(slt_record *record, fly_bytes line)
{
    if (record->sql.len > 0) {
        slt_text_add(&record->sql, "\n", 1);
    }
    slt_text_add(&record->sql, line.data, line.len);
}

static void read_results(slt_script *script, slt_record *record)
{
    record->has_results = true;
    size_t from = script->at;
    size_t to = from;
    fly_bytes line;
    while (take_line(script, &line) && line.len > 0) {
        to = script->at;
    }
    record->results = fly_bytes_of(script->text.data + from, to - from);
    record->end_at = to;
}

/* SQL up to a blank line or to ----, then the results. */
static void read_body(slt_script *script, slt_record *record)
{
    record->results_at = record->end_at = script->at;
    fly_bytes line;
    while (take_line(script, &line) && trim_end(line).len > 0) {
        if (line.data[0] == '#') {
            continue;
        }
        if (is(trim_end(line), "----")) {
            read_results(script, record);
            return;
        }
        add_sql(record, line);
        record->results_at = record->end_at = script->at;
    }
}

static void clear(slt_record *record)
{
    slt_text sql = record->sql;
    slt_text_clear(&sql);
    /* Field by field: `types` is long, and one letter of it is enough. */
    record->kind = SLT_STATEMENT_OK;
    record->condition_count = 0;
    record->connection[0] = '\0';
    record->types[0] = '\0';
    record->sort = SLT_NOSORT;
    record->label = fly_bytes_of(NULL, 0);
    record->number = 0;
    record->has_results = false;
    record->results = fly_bytes_of(NULL, 0);
    record->complaint = NULL;
    record->sql = sql;
}

bool slt_script_next(slt_script *script, slt_record *record)
{
    clear(record);
    fly_bytes line;
    for (;;) {
        size_t at = script->at;
        if (!take_line(script, &line)) {
            return false;
        }
        line = trim_end(line);
        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }
        record->line = script->line;
        record->header_at = at;
        record->header_end = script->at;
        if (read_prefix(record, line)) {
            if (record->kind == SLT_BROKEN) {
                read_body(script, record);
                return true;
            }
            continue;
        }
        if (!read_header(record, line)) {
            record->header_end = at;
            add_sql(record, line);
        }
        read_body(script, record);
        return true;
    }
}

bool slt_record_applies(const slt_record *record, const char *engine)
{
    for (size_t i = 0; i < record->condition_count; i++) {
        if (is(record->conditions[i].engine, engine) != record->conditions[i].only) {
            return false;
        }
    }
    return true;
}
