/*
 * Where statements go: an engine in this process, or a server.
 *
 * A driver is a table of functions over a connection of its own kind. It sends one statement, fills a
 * result, and tells what happens meanwhile through the caller's functions. Everything else, from the
 * end of a statement to the layout of its result, is the shell's.
 */
#ifndef FSQL_DRIVER_H
#define FSQL_DRIVER_H

#include "result.h"

/** What to connect to. Strings are borrowed for the call, NULL where nothing was said. */
typedef struct fsql_target {
    const char *place; /**< a directory, a file, ":memory:", a URI */
    const char *database;
    const char *user;
    const char *host, *port;
    bool read_only;
} fsql_target;

/** What went wrong, or what a server wanted to mention. */
typedef struct fsql_error {
    fly_err err;       /**< position in the statement's bytes, from 1 */
    char severity[16]; /**< "ERROR", "FATAL", "NOTICE"... */
    bool lost;         /**< the connection is gone */
} fsql_error;

/** What a running statement asks of the shell. */
typedef struct fsql_watch {
    void *ctx;
    /** A notice or warning. */
    void (*notice)(void *ctx, const fsql_error *notice);
    /** Rows done, and an estimate of all (0: unknown). */
    void (*progress)(void *ctx, uint64_t done, uint64_t of);
    /** A result, or a piece of one: `last` is false while more of it comes. False: stop. */
    bool (*result)(void *ctx, fsql_result *result, bool last);
    /** Data for COPY FROM STDIN: NULL data at its end; false: give up, with `failure` filled. */
    bool (*copy_read)(void *ctx, fly_bytes *data, fsql_text *failure);
    /** Data of COPY TO STDOUT; false: it could not be written. */
    bool (*copy_write)(void *ctx, fly_bytes data);
} fsql_watch;

typedef struct fsql_driver {
    const char *name;
    /** Whether a target is for this driver. The first driver that says yes has it. */
    bool (*accepts)(const fsql_target *target);
    /** Connect. `watch` is kept. Gives the connection, or NULL with `error` filled. */
    void *(*open)(const fsql_target *target, const fsql_watch *watch, fsql_error *error);
    void (*close)(void *connection);
    /** Go on in another database, or as another user; NULL: the same. After a failure nothing has
     *  changed. */
    bool (*change)(void *connection, const char *database, const char *user, fsql_error *error);
    /** Run the statements of a text one after the other; false, with `error` filled, at the first that
     *  fails. `result` is work space. */
    bool (*run)(void *connection, fly_bytes text, fsql_result *result, fsql_error *error);
    /** Ask the running statement to stop. Called from a signal handler. */
    void (*cancel)(void *connection);
    /** I idle, T in a transaction, E in one that has failed, ? connection lost. */
    char (*state)(void *connection);
    const char *(*database)(void *connection);
    const char *(*user)(void *connection);
    /** A setting, as SHOW gives it; NULL if there is none of that name. */
    const char *(*setting)(void *connection, const char *name);
    /** One line for \conninfo. */
    void (*describe)(void *connection, fsql_text *line);
} fsql_driver;

/** The driver for a target; NULL if this build has none. */
const fsql_driver *fsql_driver_for(const fsql_target *target);

/** The drivers of this build, one after the other; NULL behind the last. */
const fsql_driver *fsql_driver_at(size_t index);

extern const fsql_driver fsql_driver_embedded;
extern const fsql_driver fsql_driver_postgres;
extern const fsql_driver fsql_driver_flyd;

#endif
