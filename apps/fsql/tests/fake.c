/*
 * A driver for tests: an engine of few words, always the same, that can fail in every way.
 *
 *     ROWS n            n rows: a number, a text
 *     ECHO text         one row: the statement's own text
 *     FAIL [position]   an error, with detail and hint
 *     NOTE text         a notice
 *     SLEEP             runs, and tells its progress, until it is cancelled
 *     LOSE              the connection is gone
 *     COPYIN            takes data, and says how many lines and bytes came
 *     COPYOUT           gives three lines
 *     BEGIN, COMMIT, ROLLBACK
 *
 * It stands in for the table of drivers, so the program that links it has no other.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

typedef struct engine {
    const fsql_watch *watch;
    char database[64];
    char user[64];
    volatile sig_atomic_t cancelled;
    char state;
} engine;

static bool accepts(const fsql_target *target)
{
    (void)target;
    return true;
}

static bool failed(fsql_error *error, const char *sqlstate, const char *message)
{
    *error = (fsql_error){0};
    (void)fly_err_set(&error->err, FLY_E_INVALID, "%s", message);
    memcpy(error->err.sqlstate, sqlstate, 6);
    (void)snprintf(error->severity, sizeof error->severity, "ERROR");
    return false;
}

static void *open_fake(const fsql_target *target, const fsql_watch *watch, fsql_error *error)
{
    if (target->place != NULL && strcmp(target->place, "nowhere") == 0) {
        (void)failed(error, "58P01", "no such place");
        return NULL;
    }
    engine *fake = fsql_grow(NULL, sizeof *fake);
    *fake = (struct engine){.watch = watch, .state = 'I'};
    (void)snprintf(fake->database, sizeof fake->database, "%s",
                   target->database != NULL ? target->database : "default");
    (void)snprintf(fake->user, sizeof fake->user, "%s",
                   target->user != NULL ? target->user : "admin");
    return fake;
}

static void close_fake(void *connection)
{
    free(connection);
}

static bool change(void *connection, const char *database, const char *user, fsql_error *error)
{
    engine *fake = connection;
    if (database != NULL && strcmp(database, "none") == 0) {
        return failed(error, "3D000", "database \"none\" does not exist");
    }
    if (database != NULL) {
        (void)snprintf(fake->database, sizeof fake->database, "%s", database);
    }
    if (user != NULL) {
        (void)snprintf(fake->user, sizeof fake->user, "%s", user);
    }
    return true;
}

/* --------------------------------------------------------------------- running */

static bool finish(engine *fake, fsql_result *result, const char *tag)
{
    (void)snprintf(result->tag, sizeof result->tag, "%s", tag);
    (void)fake->watch->result(fake->watch->ctx, result, true);
    fsql_result_clear(result);
    return true;
}

static bool rows(engine *fake, fsql_result *result, long count)
{
    fsql_result_column(result, "n", 23);
    fsql_result_column(result, "name", 25);
    for (long i = 1; i <= count; i++) {
        char number[24];
        int len = snprintf(number, sizeof number, "%ld", i);
        fsql_result_cell(result, number, (size_t)len);
        fsql_result_cell(result, i % 3 == 0 ? NULL : "M\u00fcller", 7);
        if (fsql_result_full(result)) {
            (void)fake->watch->result(fake->watch->ctx, result, false);
            fsql_result_handed_on(result);
        }
    }
    return finish(fake, result, "SELECT");
}

static bool sleep_until_cancelled(engine *fake, fsql_error *error)
{
    for (uint64_t i = 0; !fake->cancelled && i < 500; i++) {
        struct timespec nap = {0, 20000000};
        (void)nanosleep(&nap, NULL);
        fake->watch->progress(fake->watch->ctx, i, 500);
    }
    return failed(error, "57014", "canceling statement due to user request");
}

static bool copy_in(engine *fake, fsql_result *result, fsql_error *error)
{
    fsql_text failure = {0};
    fly_bytes data;
    size_t lines = 0;
    size_t bytes = 0;
    char tag[64];
    do {
        if (!fake->watch->copy_read(fake->watch->ctx, &data, &failure)) {
            (void)failed(error, "57014", fsql_text_str(&failure));
            fsql_text_deinit(&failure);
            return false;
        }
        for (size_t i = 0; i < data.len; i++) {
            lines += data.data[i] == '\n';
        }
        bytes += data.len;
    } while (data.data != NULL);
    (void)snprintf(tag, sizeof tag, "COPY %zu %zu", bytes, lines);
    return finish(fake, result, tag);
}

static bool copy_out(engine *fake, fsql_result *result)
{
    for (int i = 1; i <= 3; i++) {
        char line[16];
        int len = snprintf(line, sizeof line, "%d\tline\n", i);
        (void)fake->watch->copy_write(fake->watch->ctx, fly_bytes_of(line, (size_t)len));
    }
    return finish(fake, result, "COPY 3");
}

static bool run(void *connection, fly_bytes text, fsql_result *result, fsql_error *error)
{
    engine *fake = connection;
    char words[256];
    (void)snprintf(words, sizeof words, "%.*s", (int)text.len, (const char *)text.data);
    const char *rest = words + strcspn(words, " ;");
    rest += strspn(rest, " ");
    fake->cancelled = 0;
    fsql_result_clear(result);
    if (strncasecmp(words, "ROWS", 4) == 0) {
        return rows(fake, result, strtol(rest, NULL, 10));
    }
    if (strncasecmp(words, "ECHO", 4) == 0) {
        fsql_result_column(result, "echo", 25);
        fsql_result_cell(result, text.data, text.len);
        return finish(fake, result, "SELECT 1");
    }
    if (strncasecmp(words, "FAIL", 4) == 0) {
        (void)failed(error, "22012", "division by zero");
        error->err.position = (uint32_t)strtol(rest, NULL, 10);
        fly_err_detail(&error->err, "Zero it was.");
        fly_err_hint(&error->err, "Try another.");
        fake->state = fake->state == 'T' ? 'E' : fake->state;
        return false;
    }
    if (strncasecmp(words, "NOTE", 4) == 0) {
        fsql_error notice;
        (void)failed(&notice, "00000", rest);
        (void)snprintf(notice.severity, sizeof notice.severity, "NOTICE");
        fake->watch->notice(fake->watch->ctx, &notice);
        return finish(fake, result, "NOTE");
    }
    if (strncasecmp(words, "SLEEP", 5) == 0) {
        return sleep_until_cancelled(fake, error);
    }
    if (strncasecmp(words, "LOSE", 4) == 0) {
        (void)failed(error, "57P01", "terminating connection");
        (void)snprintf(error->severity, sizeof error->severity, "FATAL");
        error->lost = true;
        return false;
    }
    if (strncasecmp(words, "COPYIN", 6) == 0 || strstr(words, "FROM STDIN") != NULL) {
        return copy_in(fake, result, error);
    }
    if (strncasecmp(words, "COPYOUT", 7) == 0 || strstr(words, "TO STDOUT") != NULL) {
        return copy_out(fake, result);
    }
    if (strncasecmp(words, "BEGIN", 5) == 0) {
        fake->state = 'T';
        return finish(fake, result, "BEGIN");
    }
    if (strncasecmp(words, "COMMIT", 6) == 0 || strncasecmp(words, "ROLLBACK", 8) == 0) {
        bool undone = fake->state == 'E' || words[0] == 'R' || words[0] == 'r';
        fake->state = 'I';
        return finish(fake, result, undone ? "ROLLBACK" : "COMMIT");
    }
    return failed(error, "42601", "syntax error");
}

static void cancel(void *connection)
{
    engine *fake = connection;
    fake->cancelled = 1;
}

static char state(void *connection)
{
    const engine *fake = connection;
    return fake->state;
}

static const char *database(void *connection)
{
    const engine *fake = connection;
    return fake->database;
}

static const char *user(void *connection)
{
    const engine *fake = connection;
    return fake->user;
}

static const char *setting(void *connection, const char *name)
{
    (void)connection;
    return strcmp(name, "server_version") == 0 ? "0.0" : NULL;
}

static void describe(void *connection, fsql_text *line)
{
    const engine *fake = connection;
    fsql_text_printf(line, "You are connected to database \"%s\" as user \"%s\".", fake->database,
                     fake->user);
}

static const fsql_driver driver = {
    .name = "fake",
    .accepts = accepts,
    .open = open_fake,
    .close = close_fake,
    .change = change,
    .run = run,
    .cancel = cancel,
    .state = state,
    .database = database,
    .user = user,
    .setting = setting,
    .describe = describe,
};

const fsql_driver *fsql_driver_for(const fsql_target *target)
{
    (void)target;
    return &driver;
}

const fsql_driver *fsql_driver_at(size_t index)
{
    return index == 0 ? &driver : NULL;
}
