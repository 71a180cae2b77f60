/* Connections of flydump: see source.h. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool tell_row(flydump_source *source, const fsql_result *result, size_t row)
{
    size_t count = result->column_count;
    char **cells = fsql_grow(NULL, (count + 1) * sizeof cells[0]);
    for (size_t i = 0; i < count; i++) {
        fly_bytes cell = fsql_result_at(result, row, i);
        cells[i] = NULL;
        if (cell.data != NULL) {
            cells[i] = fsql_grow(NULL, cell.len + 1);
            memcpy(cells[i], cell.data, cell.len);
            cells[i][cell.len] = '\0';
        }
    }
    bool good = source->row(source->row_ctx, cells);
    for (size_t i = 0; i < count; i++) {
        free(cells[i]);
    }
    free(cells);
    return good;
}

static bool take_result(void *ctx, fsql_result *result, bool last)
{
    flydump_source *source = ctx;
    (void)last;
    bool good = true;
    for (size_t i = 0; source->row != NULL && i < fsql_result_rows(result) && good; i++) {
        good = tell_row(source, result, i);
    }
    source->failed = source->failed || !good;
    return good;
}

static bool take_copy(void *ctx, fly_bytes data)
{
    flydump_source *source = ctx;
    return source->write != NULL && source->write(source->write_ctx, data);
}

static bool give_copy(void *ctx, fly_bytes *data, fsql_text *failure)
{
    flydump_source *source = ctx;
    if (source->read == NULL) {
        *data = (fly_bytes){0};
        return true;
    }
    return source->read(source->read_ctx, data, failure);
}

/* What a dump restores says nothing that its reader would want to hear. */
static void take_notice(void *ctx, const fsql_error *notice)
{
    (void)ctx;
    if (strcmp(notice->severity, "WARNING") == 0) {
        (void)fprintf(stderr, "flydump: warning: %s\n", notice->err.message);
    }
}

bool flydump_connect(flydump_source *source, const fsql_target *target)
{
    *source = (flydump_source){.driver = fsql_driver_for(target)};
    source->watch = (fsql_watch){.ctx = source,
                                 .notice = take_notice,
                                 .result = take_result,
                                 .copy_read = give_copy,
                                 .copy_write = take_copy};
    if (source->driver == NULL) {
        (void)fly_err_set(&source->error.err, FLY_E_UNSUPPORTED,
                          "this build has no driver for such a place");
        return false;
    }
    source->connection = source->driver->open(target, &source->watch, &source->error);
    return source->connection != NULL;
}

void flydump_disconnect(flydump_source *source)
{
    if (source->connection != NULL) {
        source->driver->close(source->connection);
        source->connection = NULL;
    }
    fsql_result_deinit(&source->result);
}

bool flydump_run(flydump_source *source, const char *text, flydump_row_function row, void *ctx)
{
    source->row = row;
    source->row_ctx = ctx;
    source->error = (fsql_error){0};
    source->failed = false;
    bool good = source->driver->run(source->connection, fly_bytes_str(text), &source->result,
                                    &source->error);
    source->row = NULL;
    return good && !source->failed;
}

void flydump_complain(const flydump_source *source, const char *what)
{
    const fly_err *err = &source->error.err;
    (void)fprintf(stderr, "flydump: %s: %s\n", what, err->message);
    if (err->detail[0] != '\0') {
        (void)fprintf(stderr, "flydump: DETAIL: %s\n", err->detail);
    }
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "flydump: HINT: %s\n", err->hint);
    }
}
