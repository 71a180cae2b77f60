/*
 * Running a script.
 *
 * Stricter than the original runner in three ways. The number of values must be the expected one,
 * where the original compares as long as both sides have some. A hash must come with the right
 * number of values. And queries with one label must agree within a file, even where the script
 * carries no result for them.
 *
 * What is not here: concurrency. All sessions of a script are driven by one thread, so a statement
 * that waits for a lock of another session waits for ever, or for --timeout.
 */
#include "run.h"

#include "complete.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_SIZE = 21, SESSIONS_MAX = 16, DIFFERENCES_MAX = 5, SQL_SHOWN_MAX = 400 };

typedef struct label {
    char name[LABEL_SIZE]; /* the original, too, looks at 20 characters */
    char hash[SLT_HASH_SIZE];
    size_t line;
} label;

typedef struct session {
    char name[SLT_NAME_MAX];
    void *handle;
} session;

typedef struct runner {
    const slt_run_options *options;
    const char *path;
    const char *engine;
    slt_report *report;
    void *database;
    session sessions[SESSIONS_MAX];
    size_t session_count;
    label *labels; /* hashed by name, a power of two of them, at most half of them in use */
    size_t label_count, label_room;
    slt_result result;
    slt_record record;
    slt_completion completion;
    slt_skiplist skips; /* those of this script */
} runner;

void slt_report_deinit(slt_report *report)
{
    slt_text_deinit(&report->out);
    slt_text_deinit(&report->failures);
    slt_text_deinit(&report->completed);
}

/* ------------------------------------------------------------------------ telling */

static void tell_sql(slt_text *out, const char *sql)
{
    size_t len = strlen(sql);
    size_t shown = len > SQL_SHOWN_MAX ? SQL_SHOWN_MAX : len;
    for (size_t at = 0; at < shown;) {
        size_t line = strcspn(sql + at, "\n");
        line = line > shown - at ? shown - at : line;
        slt_text_printf(out, "    %.*s%s\n", (int)line, sql + at,
                        at + line == shown && shown < len ? " ..." : "");
        at += line + 1;
    }
}

/* Count a failure and tell its place, what went wrong, and the SQL. Details may follow. */
static void fail(runner *r, const char *format, ...) FLY_PRINTF(2, 3);
static void fail(runner *r, const char *format, ...)
{
    char what[FLY_ERR_MESSAGE_SIZE + 128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    r->report->counts->failed++;
    slt_text_printf(&r->report->failures, "%s:%zu\n", r->path, r->record.line);
    slt_text_printf(&r->report->out, "%s:%zu: %s\n", r->path, r->record.line, what);
    tell_sql(&r->report->out, slt_text_str(&r->record.sql));
}

static void pass(runner *r)
{
    r->report->counts->passed++;
}

/* ------------------------------------------------------------------------ sessions */

static fly_status prepare_session(runner *r, void *handle, fly_err *err)
{
    const char *compat = r->options->open.compat;
    if (compat == NULL) {
        return FLY_OK;
    }
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SET flydb.compat = '%s'", compat);
    slt_result_clear(&r->result);
    return r->options->driver->run(handle, sql, &r->result, err);
}

/* The session of that name, which is opened when it is first named. */
static fly_status find_session(runner *r, const char *name, void **handle, fly_err *err)
{
    for (size_t i = 0; i < r->session_count; i++) {
        if (strcmp(r->sessions[i].name, name) == 0) {
            *handle = r->sessions[i].handle;
            return FLY_OK;
        }
    }
    if (r->session_count == SESSIONS_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "a script has %d sessions at most", SESSIONS_MAX);
    }
    session *opened = &r->sessions[r->session_count];
    fly_status status = r->options->driver->connect(r->database, &opened->handle, err);
    if (status != FLY_OK) {
        return status;
    }
    r->session_count++;
    (void)snprintf(opened->name, sizeof opened->name, "%s", name);
    *handle = opened->handle;
    return prepare_session(r, opened->handle, err);
}

static fly_status run_sql(runner *r, fly_err *err)
{
    void *handle = NULL;
    fly_status status = find_session(r, r->record.connection, &handle, err);
    slt_result_clear(&r->result);
    if (status != FLY_OK) {
        return status;
    }
    return r->options->driver->run(handle, slt_text_str(&r->record.sql), &r->result, err);
}

/* -------------------------------------------------------------------------- labels */

static size_t label_slot(const label *labels, size_t room, const char *name)
{
    size_t slot = 5381;
    for (const char *at = name; *at != '\0'; at++) {
        slot = slot * 33 + (unsigned char)*at;
    }
    for (slot &= room - 1; labels[slot].name[0] != '\0'; slot = (slot + 1) & (room - 1)) {
        if (strcmp(labels[slot].name, name) == 0) {
            break;
        }
    }
    return slot;
}

static void grow_labels(runner *r)
{
    size_t room = r->label_room == 0 ? 256 : r->label_room * 2;
    label *larger = slt_grow(NULL, room * sizeof *larger);
    memset(larger, 0, room * sizeof *larger);
    for (size_t i = 0; i < r->label_room; i++) {
        if (r->labels[i].name[0] != '\0') {
            larger[label_slot(larger, room, r->labels[i].name)] = r->labels[i];
        }
    }
    free(r->labels);
    r->labels = larger;
    r->label_room = room;
}

/* Whether the result is that of the label's first query, which this may be. */
static bool label_agrees(runner *r, const label **other)
{
    label now = {.line = r->record.line};
    size_t len = r->record.label.len < LABEL_SIZE - 1 ? r->record.label.len : LABEL_SIZE - 1;
    memcpy(now.name, r->record.label.data, len);
    slt_result_hash(&r->result, now.hash);
    if (r->label_count * 2 >= r->label_room) {
        grow_labels(r);
    }
    label *slot = &r->labels[label_slot(r->labels, r->label_room, now.name)];
    if (slot->name[0] == '\0') {
        *slot = now;
        r->label_count++;
    }
    *other = slot;
    return strcmp(slot->hash, now.hash) == 0;
}

/* ----------------------------------------------------------------------- comparing */

/* "N values hashing to X" */
static bool read_hash(fly_bytes results, size_t *count, char hash[SLT_HASH_SIZE])
{
    fly_bytes line;
    char copy[96];
    if (!slt_next_line(&results, &line) || results.len > 0 || line.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, line.data, line.len);
    copy[line.len] = '\0';
    return sscanf(copy, "%zu values hashing to %32[0-9a-f]", count, hash) == 2 &&
           strlen(hash) == SLT_HASH_SIZE - 1;
}

static bool compare_hash(runner *r, size_t count, const char *expected)
{
    char got[SLT_HASH_SIZE];
    slt_result_hash(&r->result, got);
    if (count == r->result.count && strcmp(expected, got) == 0) {
        return true;
    }
    fail(r, "wrong result: expected %zu values hashing to %s, got %zu values hashing to %s", count,
         expected, r->result.count, got);
    return false;
}

static size_t count_lines(fly_bytes lines)
{
    fly_bytes line;
    size_t count = 0;
    while (slt_next_line(&lines, &line)) {
        count++;
    }
    return count;
}

/* A walk over expected values: one a line, or the values of a row on a line, between tabs. */
typedef struct expected {
    fly_bytes lines, line;
    bool by_row;
} expected;

static bool next_expected(expected *walk, fly_bytes *value)
{
    if (walk->line.data == NULL && !slt_next_line(&walk->lines, &walk->line)) {
        return false;
    }
    const uint8_t *tab =
        walk->by_row && walk->line.len > 0 ? memchr(walk->line.data, '\t', walk->line.len) : NULL;
    if (tab == NULL) {
        *value = walk->line;
        walk->line.data = NULL;
        return true;
    }
    *value = fly_bytes_of(walk->line.data, (size_t)(tab - walk->line.data));
    walk->line = fly_bytes_of(tab + 1, walk->line.len - value->len - 1);
    return true;
}

static void tell_difference(runner *r, size_t at, const fly_bytes *want, const char *got)
{
    slt_text *out = &r->report->out;
    slt_text_printf(out, "    row %zu, column %zu: expected ", at / r->result.columns + 1,
                    at % r->result.columns + 1);
    if (want != NULL) {
        slt_text_printf(out, "\"%.*s\"", (int)want->len, (const char *)want->data);
    } else {
        slt_text_add_str(out, "nothing");
    }
    if (got != NULL) {
        slt_text_printf(out, ", got \"%s\"\n", got);
    } else {
        slt_text_add_str(out, ", got nothing\n");
    }
}

static bool compare_values(runner *r)
{
    slt_result *got = &r->result;
    size_t rows = got->count / got->columns;
    expected walk = {.lines = r->record.results};
    size_t lines = count_lines(walk.lines);
    walk.by_row = got->columns > 1 &&
                  (lines == rows || memchr(walk.lines.data, '\t', walk.lines.len));
    size_t differences = 0;
    fly_bytes value = {0};
    for (size_t i = 0;; i++) {
        bool more = next_expected(&walk, &value);
        if (!more && i >= got->count) {
            return differences == 0;
        }
        const char *here = i < got->count ? got->values[i] : NULL;
        if (more && here != NULL && fly_bytes_equal(value, fly_bytes_str(here))) {
            continue;
        }
        if (differences++ == 0) {
            fail(r, "wrong result");
            if (walk.by_row ? lines != rows : lines != got->count) {
                slt_text_printf(&r->report->out, "    expected %zu %s, got %zu\n", lines,
                                walk.by_row ? "rows" : "values", walk.by_row ? rows : got->count);
            }
        } else if (differences > DIFFERENCES_MAX) {
            return false;
        }
        tell_difference(r, i, more ? &value : NULL, here);
    }
}

static bool compare_results(runner *r)
{
    size_t count = 0;
    char hash[SLT_HASH_SIZE];
    if (read_hash(r->record.results, &count, hash)) {
        return compare_hash(r, count, hash);
    }
    return compare_values(r);
}

/* ------------------------------------------------------------------------- records */

static void failed_to_run(runner *r, const fly_err *err)
{
    fail(r, "%s failed: %s: %s", r->record.kind == SLT_QUERY ? "query" : "statement",
         err->sqlstate[0] != '\0' ? err->sqlstate : "-----", err->message);
}

/* A query without types takes its columns as they come. */
static void default_types(runner *r)
{
    slt_complete_types(&r->result, r->record.types);
}

static void check_query(runner *r, fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        failed_to_run(r, err);
        return;
    }
    if (r->record.types[0] == '\0') {
        default_types(r);
    }
    size_t columns = strlen(r->record.types);
    if (columns != r->result.columns || columns == 0) {
        fail(r, "expected %zu columns, got %zu", columns, r->result.columns);
        return;
    }
    slt_result_write(&r->result, r->record.types, r->record.sort);
    const label *first = NULL;
    if (r->record.has_results && !compare_results(r)) {
        return;
    }
    if (r->record.label.len > 0 && !label_agrees(r, &first)) {
        fail(r, "wrong result: another one than at line %zu, under the same label", first->line);
        return;
    }
    pass(r);
}

static void check_error(runner *r, fly_status status, const fly_err *err)
{
    if (status == FLY_OK) {
        fail(r, "statement succeeded, but should have failed");
        return;
    }
    char got[FLY_ERR_MESSAGE_SIZE + 16];
    (void)snprintf(got, sizeof got, "%s: %s", err->sqlstate, err->message);
    fly_bytes lines = r->record.results;
    fly_bytes line;
    while (slt_next_line(&lines, &line)) {
        char want[FLY_ERR_MESSAGE_SIZE + 16];
        (void)snprintf(want, sizeof want, "%.*s", (int)line.len, (const char *)line.data);
        if (strstr(got, want) == NULL) {
            fail(r, "another error");
            slt_text_printf(&r->report->out, "    expected %s\n    got      %s\n", want, got);
            return;
        }
    }
    pass(r);
}

static void check_count(runner *r, fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        failed_to_run(r, err);
    } else if (r->result.affected != r->record.number) {
        fail(r, "expected %llu rows to be affected, got %llu", (unsigned long long)r->record.number,
             (unsigned long long)r->result.affected);
    } else {
        pass(r);
    }
}

static void check(runner *r, fly_status status, const fly_err *err)
{
    switch (r->record.kind) {
    case SLT_QUERY:
        check_query(r, status, err);
        break;
    case SLT_STATEMENT_ERROR:
        check_error(r, status, err);
        break;
    case SLT_STATEMENT_COUNT:
        check_count(r, status, err);
        break;
    default:
        if (status != FLY_OK) {
            failed_to_run(r, err);
        } else {
            pass(r);
        }
        break;
    }
}

static bool holds_sql(slt_kind kind)
{
    return kind != SLT_HALT && kind != SLT_HASH_THRESHOLD;
}

static void run_record(runner *r)
{
    if (r->record.kind == SLT_BROKEN) {
        fail(r, "%s", r->record.complaint);
        return;
    }
    if (r->record.kind == SLT_BARE && !r->options->complete) {
        fail(r, "a record begins with statement, query, skipif, onlyif, connection, halt or "
                "hash-threshold");
        return;
    }
    fly_err err = {0};
    fly_status status = run_sql(r, &err);
    if (r->options->complete) {
        slt_complete(&r->completion, &r->record, status, &err, &r->result);
        pass(r);
    } else {
        check(r, status, &err);
    }
}

static void run_records(runner *r, fly_bytes text)
{
    slt_script script;
    slt_script_init(&script, text);
    bool halted = false;
    slt_counts *counts = r->report->counts;
    while (slt_script_next(&script, &r->record)) {
        counts->line = r->record.line;
        bool skip = halted || !slt_record_applies(&r->record, r->engine);
        if (r->record.kind == SLT_HALT && !skip) {
            halted = true;
        }
        if (r->record.kind == SLT_HASH_THRESHOLD && !skip) {
            r->completion.hash_threshold = r->record.number;
        }
        if (!holds_sql(r->record.kind)) {
            continue;
        }
        if (skip || slt_skiplist_has(&r->skips, r->record.line)) {
            counts->skipped++;
        } else {
            run_record(r);
        }
    }
}

static void close_all(runner *r)
{
    while (r->session_count > 0) {
        r->options->driver->disconnect(r->sessions[--r->session_count].handle);
    }
    r->options->driver->close(r->database);
}

void slt_run(const slt_run_options *options, const char *path, fly_bytes text, slt_report *report)
{
    runner r = {.options = options, .path = path, .report = report};
    r.engine = options->engine != NULL ? options->engine : options->driver->engine;
    slt_completion_init(&r.completion, text, &report->completed);
    fly_err err = {0};
    if (options->driver->open(&options->open, &r.database, &err) != FLY_OK) {
        report->counts->failed++;
        slt_text_printf(&report->out, "%s:0: open a database: %s\n", path, err.message);
        return;
    }
    if (options->skips != NULL) {
        slt_skiplist_select(options->skips, path, &r.skips);
    }
    run_records(&r, text);
    if (options->complete) {
        slt_completion_finish(&r.completion);
    }
    close_all(&r);
    slt_record_deinit(&r.record);
    slt_result_deinit(&r.result);
    slt_skiplist_deinit(&r.skips);
    free(r.labels);
}
