/*
 * The log: see log.h. Lines are made on the stack and cut at 4 KiB, so that logging needs no memory.
 */
#define _POSIX_C_SOURCE 200809L

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

typedef struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
} line;

static void put(line *to, const char *text, size_t len)
{
    size_t room = sizeof to->text - 1 - to->len; /* the newline keeps its place */
    len = len < room ? len : room;
    memcpy(to->text + to->len, text, len);
    to->len += len;
}

static void put_str(line *to, const char *text)
{
    put(to, text, strlen(text));
}

/* In quotes. JSON's escapes do for logfmt as well; bytes that are not UTF-8 are left as they are. */
static void put_quoted(line *to, const char *text)
{
    put_str(to, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[8];
        if (c == '"' || c == '\\') {
            (void)snprintf(escape, sizeof escape, "\\%c", c);
        } else if (c == '\n') {
            (void)snprintf(escape, sizeof escape, "\\n");
        } else if (c < 0x20 || c == 0x7F) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", c);
        } else {
            put(to, text, 1);
            continue;
        }
        put_str(to, escape);
    }
    put_str(to, "\"");
}

static bool is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == '"' || *at == '=' || *at == '\\' || *at == 0x7F) {
            return false;
        }
    }
    return text[0] != '\0';
}

static void put_field(line *to, bool json, const char *key, const char *value)
{
    if (json) {
        put_str(to, to->len == 0 ? "{" : ",");
        put_quoted(to, key);
        put_str(to, ":");
        put_quoted(to, value);
        return;
    }
    put_str(to, to->len == 0 ? "" : " ");
    put_str(to, key);
    put_str(to, "=");
    if (is_plain(value)) {
        put_str(to, value);
    } else {
        put_quoted(to, value);
    }
}

static void put_time(line *to, bool json)
{
    char text[48];
    struct timespec now;
    struct tm tm;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &tm);
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000);
    put_field(to, json, "time", text);
}

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static void begin(line *to, bool json, fly_log_level level, const char *message)
{
    to->len = 0;
    put_time(to, json);
    put_field(to, json, "level", level_names[level]);
    put_field(to, json, "msg", message);
}

/* A full disk or a closed pipe must not stop the server: what cannot be logged is lost. */
static void finish(flyd_log *log, line *to)
{
    if (log->json) {
        to->len = to->len < sizeof to->text - 1 ? to->len : sizeof to->text - 2;
        to->text[to->len++] = '}';
    }
    to->text[to->len++] = '\n';
    for (size_t done = 0; done < to->len;) {
        ssize_t n = write(log->fd, to->text + done, to->len - done);
        if (n < 0 && errno != EINTR) {
            return;
        }
        done += n > 0 ? (size_t)n : 0;
    }
}

void flyd_say(flyd_log *log, fly_log_level level, const char *message, ...)
{
    if (level < __atomic_load_n(&log->level, __ATOMIC_RELAXED)) {
        return;
    }
    line text;
    va_list fields;
    (void)pthread_mutex_lock(&log->mutex);
    begin(&text, log->json, level, message);
    va_start(fields, message);
    const char *key;
    while ((key = va_arg(fields, const char *)) != NULL) {
        const char *value = va_arg(fields, const char *);
        put_field(&text, log->json, key, value);
    }
    va_end(fields);
    finish(log, &text);
    (void)pthread_mutex_unlock(&log->mutex);
}

void flyd_say_error(flyd_log *log, const char *message, const fly_err *err)
{
    flyd_say(log, FLY_LOG_ERROR, message, "error", err->message, "sqlstate", err->sqlstate,
             err->hint[0] != '\0' ? "hint" : NULL, err->hint, NULL);
}

static void take_line(fly_env *env, fly_log_level level, const char *message)
{
    flyd_say(env->ctx, level, message, NULL);
}

void flyd_log_adopt(flyd_log *log, fly_env *env)
{
    env->log = take_line;
    env->log_level = FLY_LOG_DEBUG; /* the log's own level may change while others read the env's */
    env->ctx = log;
}

/* -------------------------------------------------------------------- where it goes */

void flyd_log_init(flyd_log *log)
{
    *log = (flyd_log){.fd = STDERR_FILENO, .level = FLY_LOG_INFO};
    (void)pthread_mutex_init(&log->mutex, NULL);
}

static void close_file(flyd_log *log)
{
    if (log->fd != STDERR_FILENO) {
        (void)close(log->fd);
    }
}

void flyd_log_deinit(flyd_log *log)
{
    close_file(log);
    free((void *)log->path);
    (void)pthread_mutex_destroy(&log->mutex);
}

static fly_status open_file(const char *path, int *fd, fly_err *err)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    return *fd >= 0 ? FLY_OK
                    : fly_err_os(err, FLY_E_IO, errno, "could not open the log \"%s\"", path);
}

static void redirect(flyd_log *log, int fd)
{
    (void)pthread_mutex_lock(&log->mutex);
    close_file(log);
    log->fd = fd;
    (void)pthread_mutex_unlock(&log->mutex);
}

fly_status flyd_log_set(flyd_log *log, const flyd_settings *settings, fly_err *err)
{
    int fd = STDERR_FILENO;
    char *path = NULL;
    if (settings->log_file[0] != '\0') {
        fly_status status = open_file(settings->log_file, &fd, err);
        if (status != FLY_OK) {
            return status;
        }
        path = strdup(settings->log_file);
    }
    redirect(log, fd);
    (void)pthread_mutex_lock(&log->mutex);
    free((void *)log->path);
    log->path = path;
    log->json = settings->log_format == FLYD_JSON;
    __atomic_store_n(&log->level, (fly_log_level)settings->log_level, __ATOMIC_RELAXED);
    (void)pthread_mutex_unlock(&log->mutex);
    return FLY_OK;
}

fly_status flyd_log_reopen(flyd_log *log, fly_err *err)
{
    int fd;
    (void)pthread_mutex_lock(&log->mutex);
    char *path = log->path != NULL ? strdup(log->path) : NULL;
    (void)pthread_mutex_unlock(&log->mutex);
    if (path == NULL) {
        return FLY_OK;
    }
    fly_status status = open_file(path, &fd, err);
    if (status == FLY_OK) {
        redirect(log, fd);
    }
    free(path);
    return status;
}
