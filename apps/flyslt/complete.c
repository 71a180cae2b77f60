/*
 * Completing a script.
 */
#include "complete.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void slt_completion_init(slt_completion *completion, fly_bytes text, slt_text *out)
{
    *completion = (slt_completion){.text = text, .out = out};
}

static void copy_until(slt_completion *completion, size_t at)
{
    slt_text_add(completion->out, completion->text.data + completion->copied,
                 at - completion->copied);
    completion->copied = at;
}

void slt_completion_finish(slt_completion *completion)
{
    copy_until(completion, completion->text.len);
}

/* ------------------------------------------------------------------------- headers */

static bool plain(const slt_result *result, size_t column)
{
    for (size_t i = column; i < result->count; i += result->columns) {
        const slt_cell *cell = &result->cells[i];
        for (size_t j = 0; j < cell->len; j++) {
            char c = result->bytes.data[cell->at + j];
            if (c < ' ' || c > '~') {
                return false;
            }
        }
    }
    return true;
}

void slt_complete_types(const slt_result *result, char types[SLT_COLUMNS_MAX + 1])
{
    for (size_t i = 0; i < result->columns; i++) {
        if (result->types[i] == SLT_INTEGER) {
            types[i] = 'I';
        } else {
            types[i] = plain(result, i) ? 'T' : 'U';
        }
    }
    types[result->columns] = '\0';
}

/* Whether "order by" stands in the SQL outside parentheses: somebody looks at what was completed. */
static bool ordered(const char *sql)
{
    int depth = 0;
    for (; *sql != '\0'; sql++) {
        depth += *sql == '(' ? 1 : 0;
        depth -= *sql == ')' ? 1 : 0;
        if (depth == 0 && strncasecmp(sql, "order by", 8) == 0) {
            return true;
        }
    }
    return false;
}

static void write_query_header(slt_text *out, const char *types, slt_sort sort, fly_bytes label)
{
    static const char *const names[] = {"nosort", "rowsort", "valuesort"};
    slt_text_printf(out, "query %s", types);
    if (sort != SLT_NOSORT || label.len > 0) {
        slt_text_printf(out, " %s", names[sort]);
    }
    if (label.len > 0) {
        slt_text_printf(out, " %.*s", (int)label.len, (const char *)label.data);
    }
    slt_text_add_str(out, "\n");
}

/* ------------------------------------------------------------------------- results */

static void write_error(slt_text *out, const fly_err *err)
{
    slt_text_printf(out, "----\n%s: %s\n", err->sqlstate, err->message);
}

/* The values of a row on one line, unless that could be taken for one value a line. */
static void write_values(slt_text *out, const slt_result *result, slt_sort sort)
{
    slt_text_add_str(out, "----\n");
    for (size_t i = 0; i < result->count; i++) {
        bool last = sort == SLT_VALUESORT || (i + 1) % result->columns == 0;
        slt_text_printf(out, "%s%s", result->values[i], last ? "\n" : "\t");
    }
}

static void write_hash(slt_text *out, const slt_result *result)
{
    char hash[SLT_HASH_SIZE];
    slt_result_hash(result, hash);
    slt_text_printf(out, "----\n%zu values hashing to %s\n", result->count, hash);
}

static void complete_query(slt_completion *completion, const slt_record *record, slt_result *result)
{
    char types[SLT_COLUMNS_MAX + 1];
    slt_sort sort = record->sort;
    if (record->kind == SLT_QUERY && strlen(record->types) == result->columns) {
        memcpy(types, record->types, result->columns + 1);
    } else {
        slt_complete_types(result, types);
    }
    if (record->kind == SLT_BARE && !ordered(slt_text_str(&record->sql))) {
        sort = SLT_ROWSORT;
    }
    write_query_header(completion->out, types, sort, record->label);
    completion->copied = record->header_end;
    copy_until(completion, record->results_at);
    slt_result_write(result, types, sort);
    if (completion->hash_threshold > 0 && result->count > completion->hash_threshold) {
        write_hash(completion->out, result);
    } else {
        write_values(completion->out, result, sort);
    }
}

void slt_complete(slt_completion *completion, const slt_record *record, fly_status status,
                  const fly_err *err, slt_result *result)
{
    copy_until(completion, record->header_at);
    if (status == FLY_OK && result->columns > 0 && record->kind != SLT_STATEMENT_OK &&
        record->kind != SLT_STATEMENT_COUNT) {
        complete_query(completion, record, result);
        completion->copied = record->end_at;
        return;
    }
    if (status != FLY_OK) {
        slt_text_add_str(completion->out, "statement error\n");
    } else if (record->kind == SLT_STATEMENT_COUNT) {
        slt_text_printf(completion->out, "statement count %llu\n",
                        (unsigned long long)result->affected);
    } else {
        slt_text_add_str(completion->out, "statement ok\n");
    }
    completion->copied = record->header_end;
    copy_until(completion, record->results_at);
    if (status != FLY_OK) {
        write_error(completion->out, err);
    }
    completion->copied = record->end_at;
}
