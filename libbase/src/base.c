/*
 * Outcomes and errors: the table that names them, and the functions that tell their story.
 *
 * What is not here: where statuses become SQLSTATEs on a wire with a position and a severity; the
 * protocols do that, from the same table (docs/errors.md).
 */
#define _POSIX_C_SOURCE 200809L
#include <fly/base.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *sqlstate;
    const char *text;
} outcomes[FLY_STATUS_COUNT] = {
    [FLY_OK] = {"OK", "00000", "success"},
    [FLY_E_NOT_FOUND] = {"E_NOT_FOUND", "02000", "not found"},
    [FLY_E_EXISTS] = {"E_EXISTS", "23505", "exists already"},
    [FLY_E_FULL] = {"E_FULL", "54000", "no room"},
    [FLY_E_AGAIN] = {"E_AGAIN", "55P03", "would have to wait"},
    [FLY_E_END] = {"E_END", "02000", "past the end"},
    [FLY_E_IO] = {"E_IO", "58030", "input/output error"},
    [FLY_E_NO_SPACE] = {"E_NO_SPACE", "53100", "disk full"},
    [FLY_E_NO_MEMORY] = {"E_NO_MEMORY", "53200", "out of memory"},
    [FLY_E_CORRUPT] = {"E_CORRUPT", "XX001", "damaged data"},
    [FLY_E_FORMAT] = {"E_FORMAT", "58P01", "not a file of this kind or version"},
    [FLY_E_KEY] = {"E_KEY", "28000", "wrong encryption key"},
    [FLY_E_PERMISSION] = {"E_PERMISSION", "42501", "permission denied"},
    [FLY_E_LOCKED] = {"E_LOCKED", "55006", "in use by another process"},
    [FLY_E_INVALID] = {"E_INVALID", "22023", "invalid value"},
    [FLY_E_TOO_LARGE] = {"E_TOO_LARGE", "54000", "beyond a limit"},
    [FLY_E_UNSUPPORTED] = {"E_UNSUPPORTED", "0A000", "not supported"},
    [FLY_E_READ_ONLY] = {"E_READ_ONLY", "25006", "read-only"},
    [FLY_E_STOPPED] = {"E_STOPPED", "58030", "stopped after a failed write"},
    [FLY_E_CANCELLED] = {"E_CANCELLED", "57014", "cancelled"},
    [FLY_E_TIMEOUT] = {"E_TIMEOUT", "55P03", "timed out"},
    [FLY_E_CONFLICT] = {"E_CONFLICT", "40001", "could not serialize access"},
    [FLY_E_DEADLOCK] = {"E_DEADLOCK", "40P01", "deadlock"},
    [FLY_E_TOO_OLD] = {"E_TOO_OLD", "72000", "snapshot too old"},
    [FLY_E_ABORTED] = {"E_ABORTED", "25P02", "transaction is aborted"},
};

/* A status may come from a careless cast; asking for its name must not crash. */
static size_t known(fly_status status)
{
    return (unsigned)status < FLY_STATUS_COUNT ? (size_t)status : (size_t)FLY_E_INVALID;
}

const char *fly_status_name(fly_status status)
{
    return outcomes[known(status)].name;
}

const char *fly_status_text(fly_status status)
{
    return outcomes[known(status)].text;
}

const char *fly_status_sqlstate(fly_status status)
{
    return outcomes[known(status)].sqlstate;
}

static void begin(fly_err *err, fly_status status, int os_errno)
{
    err->status = status;
    err->os_errno = os_errno;
    err->position = 0;
    err->detail[0] = '\0';
    err->hint[0] = '\0';
    memcpy(err->sqlstate, fly_status_sqlstate(status), sizeof err->sqlstate);
}

/* What does not fit is cut: a message is for people, and its beginning says the most. */
static void append(fly_err *err, const char *text)
{
    size_t used = strlen(err->message);
    size_t room = sizeof err->message - 1 - used;
    size_t len = strlen(text);
    if (len > room) {
        len = room;
    }
    memcpy(err->message + used, text, len);
    err->message[used + len] = '\0';
}

fly_status fly_err_set(fly_err *err, fly_status status, const char *format, ...)
{
    if (err != NULL) {
        begin(err, status, 0);
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return status;
}

fly_status fly_err_os(fly_err *err, fly_status status, int os_errno, const char *format, ...)
{
    if (err != NULL) {
        begin(err, status, os_errno);
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);

        char text[96];
        if (strerror_r(os_errno, text, sizeof text) != 0) {
            (void)snprintf(text, sizeof text, "error %d", os_errno);
        }
        append(err, ": ");
        append(err, text);
    }
    return status;
}

fly_status fly_err_prefix(fly_err *err, fly_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    char story[FLY_ERR_MESSAGE_SIZE];
    if (err->status == FLY_OK) { /* nobody below had a story to tell */
        begin(err, status, 0);
        (void)snprintf(story, sizeof story, "%s", fly_status_text(status));
    } else {
        memcpy(story, err->message, sizeof story);
        if (err->status != status) { /* a layer that gives the trouble another name */
            err->status = status;
            memcpy(err->sqlstate, fly_status_sqlstate(status), sizeof err->sqlstate);
        }
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    append(err, ": ");
    append(err, story);
    return status;
}

fly_status fly_err_state(fly_err *err, const char *sqlstate, uint32_t position, const char *format,
                         ...)
{
    if (err != NULL) {
        begin(err, FLY_E_INVALID, 0);
        FLY_ASSERT(strlen(sqlstate) == sizeof err->sqlstate - 1);
        memcpy(err->sqlstate, sqlstate, sizeof err->sqlstate);
        err->position = position;
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return FLY_E_INVALID;
}

void fly_err_detail(fly_err *err, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->detail, sizeof err->detail, format, args);
        va_end(args);
    }
}

void fly_err_hint(fly_err *err, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->hint, sizeof err->hint, format, args);
        va_end(args);
    }
}

void fly_assert_failed(const char *expression, const char *file, int line, const char *function)
{
    (void)fprintf(stderr, "%s:%d: %s: this must hold and does not: %s\n", file, line, function,
                  expression);
    abort();
}
