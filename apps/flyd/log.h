/*
 * The log: one line for each event, as logfmt or JSON, with a time, a level, a message and fields.
 *
 *     time=2026-11-30T23:11:23.123456Z level=info msg="listening" protocol=pg port=5432
 *
 * Threads: thread-safe. A line is one write(), so that lines of several processes do not mix.
 */
#ifndef FLYD_LOG_H
#define FLYD_LOG_H

#include "settings.h"

#include <fly/base_env.h>

#include <pthread.h>

typedef struct flyd_log {
    pthread_mutex_t mutex;
    int fd;              /* mutex */
    bool json;           /* mutex */
    const char *path;    /* mutex; copied; NULL: standard error */
    fly_log_level level; /* of the env too: flyd_log_adopt() */
} flyd_log;

/* Log to standard error, as logfmt, until flyd_log_set(). */
void flyd_log_init(flyd_log *log);
void flyd_log_deinit(flyd_log *log);

/* As the settings say; the file is opened. After a failure it goes on as it was. */
FLY_MUST_USE fly_status flyd_log_set(flyd_log *log, const flyd_settings *settings, fly_err *err);

/* Open the file again: somebody has moved it away. */
FLY_MUST_USE fly_status flyd_log_reopen(flyd_log *log, fly_err *err);

/* Let what the libraries log come here. The log takes the env's ctx. */
void flyd_log_adopt(flyd_log *log, fly_env *env);

/* Log a line: keys and values follow, both strings, up to a NULL. */
void flyd_say(flyd_log *log, fly_log_level level, const char *message, ...)
    __attribute__((sentinel));

/* A failure, with its hint and SQLSTATE. */
void flyd_say_error(flyd_log *log, const char *message, const fly_err *err);

#endif
