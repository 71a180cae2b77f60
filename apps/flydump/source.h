/*
 * A connection to a database, over the drivers of fsql: an engine in this process, or a server.
 */
#ifndef FLYDUMP_SOURCE_H
#define FLYDUMP_SOURCE_H

#include "driver.h"

/* Told each row of a query: its cells, NULL where they are null. False: stop, and fail. */
typedef bool (*flydump_row_function)(void *ctx, char **cells);

typedef struct flydump_source {
    const fsql_driver *driver;
    void *connection;
    fsql_watch watch;
    fsql_result result; /* of the statement that runs */
    flydump_row_function row;
    void *row_ctx;
    bool failed; /* a row function said so */
    /* Where the data of COPY go, and come from. */
    bool (*write)(void *ctx, fly_bytes data);
    void *write_ctx;
    bool (*read)(void *ctx, fly_bytes *data, fsql_text *failure);
    void *read_ctx;
    fsql_error error; /* of the last failure */
} flydump_source;

/* Connect. `source` must stay where it is. False: source->error. */
bool flydump_connect(flydump_source *source, const fsql_target *target);
void flydump_disconnect(flydump_source *source);

/* Run statements; rows of queries go to `row`, which may be NULL. False: source->error. */
bool flydump_run(flydump_source *source, const char *text, flydump_row_function row, void *ctx);

/* Say what went wrong on standard error. */
void flydump_complain(const flydump_source *source, const char *what);

#endif
