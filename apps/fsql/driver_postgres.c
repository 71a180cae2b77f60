/*
 * Servers that speak PostgreSQL's protocol, over libpq: postgresql://user@host:port/database.
 *
 * Rows come one at a time (single-row mode), so that a result larger than memory is shown in pieces.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"

#include <fly/text.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct pg_server {
    PGconn *link;
    PGcancel *cancel;
    const fsql_watch *watch;
    fly_bytes text; /* that runs, for positions */
} pg_server;

static bool accepts(const fsql_target *target)
{
    return target->place != NULL && (strncmp(target->place, "postgresql://", 13) == 0 ||
                                     strncmp(target->place, "postgres://", 11) == 0);
}

/* -------------------------------------------------------------------- errors */

static const char *field(const PGresult *answer, int code)
{
    const char *text = PQresultErrorField(answer, code);
    return text != NULL ? text : "";
}

static void tell(const pg_server *server, const PGresult *answer, fsql_error *error)
{
    *error = (fsql_error){0};
    const char *message = field(answer, PG_DIAG_MESSAGE_PRIMARY);
    (void)fly_err_set(&error->err, FLY_E_INVALID, "%s",
                      message[0] != 0 ? message : PQerrorMessage(server->link));
    const char *state = field(answer, PG_DIAG_SQLSTATE);
    if (strlen(state) == 5) {
        memcpy(error->err.sqlstate, state, 6);
    }
    fly_err_hint(&error->err, "%s", field(answer, PG_DIAG_MESSAGE_HINT));
    fly_err_detail(&error->err, "%s", field(answer, PG_DIAG_MESSAGE_DETAIL));
    const char *severity = field(answer, PG_DIAG_SEVERITY);
    (void)snprintf(error->severity, sizeof error->severity, "%s",
                   severity[0] != 0 ? severity : "ERROR");
    long characters = strtol(field(answer, PG_DIAG_STATEMENT_POSITION), NULL, 10);
    if (characters > 0) {
        size_t at = fly_text_offset(server->text, (size_t)characters - 1);
        error->err.position = (uint32_t)at + 1;
    }
    error->lost = PQstatus(server->link) == CONNECTION_BAD;
}

static void on_notice(void *ctx, const PGresult *notice)
{
    pg_server *server = ctx;
    fsql_error told;
    tell(server, notice, &told);
    if (server->watch->notice != NULL) {
        server->watch->notice(server->watch->ctx, &told);
    }
}

/* ------------------------------------------------------------------ connecting */

static void close_server(void *connection)
{
    pg_server *server = connection;
    PQfreeCancel(server->cancel);
    PQfinish(server->link);
    free(server);
}

static void not_connected(const PGconn *link, fsql_error *error)
{
    *error = (fsql_error){.lost = true};
    fsql_text message = {0};
    fsql_text_str_add(&message, PQerrorMessage(link));
    while (message.len > 0 && message.data[message.len - 1] == '\n') {
        message.data[--message.len] = 0;
    }
    (void)fly_err_set(&error->err, FLY_E_IO, "%s", fsql_text_str(&message));
    (void)snprintf(error->severity, sizeof error->severity, "FATAL");
    fsql_text_deinit(&message);
}

static void listen(pg_server *server)
{
    (void)PQsetNoticeReceiver(server->link, on_notice, server);
    server->cancel = PQgetCancel(server->link);
}

static void *open_server(const fsql_target *target, const fsql_watch *watch, fsql_error *error)
{
    const char *keys[8] = {"dbname"};
    const char *values[8] = {target->place != NULL ? target->place : target->database};
    size_t count = 1;
    const char *const more[][2] = {
        {"host", target->host},      {"port", target->port},
        {"user", target->user},      {"dbname", target->database},
        {"client_encoding", "UTF8"}, {"fallback_application_name", "fsql"}};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (more[i][1] != NULL) {
            keys[count] = more[i][0];
            values[count++] = more[i][1];
        }
    }
    pg_server *server = fsql_grow(NULL, sizeof *server);
    *server = (struct pg_server){.link = PQconnectdbParams(keys, values, 1), .watch = watch};
    if (PQstatus(server->link) != CONNECTION_OK) {
        not_connected(server->link, error);
        close_server(server);
        return NULL;
    }
    listen(server);
    return server;
}

/* The same server with another database or user. */
static bool change(void *connection, const char *database, const char *user, fsql_error *error)
{
    pg_server *server = connection;
    PGconn *old = server->link;
    const char *keys[] = {"host",
                          "port",
                          "user",
                          "dbname",
                          "password",
                          "client_encoding",
                          "fallback_application_name",
                          NULL};
    const char *values[] = {PQhost(old),
                            PQport(old),
                            user != NULL ? user : PQuser(old),
                            database != NULL ? database : PQdb(old),
                            PQpass(old),
                            "UTF8",
                            "fsql",
                            NULL};
    PGconn *link = PQconnectdbParams(keys, values, 0);
    if (PQstatus(link) != CONNECTION_OK) {
        not_connected(link, error);
        PQfinish(link);
        return false;
    }
    PQfreeCancel(server->cancel);
    PQfinish(old);
    server->link = link;
    listen(server);
    return true;
}

/* --------------------------------------------------------------------- running */

static void take_row(const PGresult *answer, int row, fsql_result *result)
{
    int columns = PQnfields(answer);
    for (int c = 0; c < columns; c++) {
        bool null = PQgetisnull(answer, row, c);
        fsql_result_cell(result, null ? NULL : PQgetvalue(answer, row, c),
                         (size_t)PQgetlength(answer, row, c));
    }
    if (columns == 0) {
        fsql_result_cell(result, NULL, 0);
    }
}

static void take_columns(const PGresult *answer, fsql_result *result)
{
    result->has_rows = true;
    for (int c = 0; result->column_count < (size_t)PQnfields(answer); c++) {
        fsql_result_column(result, PQfname(answer, c), PQftype(answer, c));
    }
}

static bool copy_in(pg_server *server)
{
    fsql_text failure = {0};
    fly_bytes data = {0};
    const char *end = NULL;
    for (;;) {
        if (!server->watch->copy_read(server->watch->ctx, &data, &failure)) {
            end = fsql_text_str(&failure);
            break;
        }
        if (data.data == NULL ||
            PQputCopyData(server->link, (const char *)data.data, (int)data.len) != 1) {
            break;
        }
    }
    bool ended = PQputCopyEnd(server->link, end) == 1;
    fsql_text_deinit(&failure);
    return ended;
}

static bool copy_out(pg_server *server)
{
    char *data;
    int len;
    bool written = true;
    while ((len = PQgetCopyData(server->link, &data, 0)) > 0) {
        written = written &&
                  server->watch->copy_write(server->watch->ctx, fly_bytes_of(data, (size_t)len));
        PQfreemem(data);
    }
    return written;
}

/* One answer of the server; false if it is an error. */
static bool take(pg_server *server, PGresult *answer, fsql_result *result, fsql_error *error)
{
    const fsql_watch *watch = server->watch;
    switch (PQresultStatus(answer)) {
    case PGRES_SINGLE_TUPLE:
        take_columns(answer, result);
        take_row(answer, 0, result);
        if (fsql_result_full(result)) {
            (void)watch->result(watch->ctx, result, false);
            fsql_result_handed_on(result);
        }
        return true;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (PQresultStatus(answer) == PGRES_TUPLES_OK) {
            take_columns(answer, result);
        }
        (void)snprintf(result->tag, sizeof result->tag, "%s", PQcmdStatus(answer));
        (void)watch->result(watch->ctx, result, true);
        fsql_result_clear(result);
        return true;
    case PGRES_COPY_IN:
        (void)copy_in(server);
        return true;
    case PGRES_COPY_OUT:
        (void)copy_out(server);
        return true;
    case PGRES_EMPTY_QUERY:
        return true;
    default:
        tell(server, answer, error);
        return false;
    }
}

static bool run(void *connection, fly_bytes text, fsql_result *result, fsql_error *error)
{
    pg_server *server = connection;
    fsql_text copy = {0};
    fsql_text_add(&copy, text.data, text.len);
    server->text = text;
    fsql_result_clear(result);
    bool good = PQsendQuery(server->link, fsql_text_str(&copy)) == 1;
    if (!good) {
        tell(server, NULL, error);
    } else {
        (void)PQsetSingleRowMode(server->link);
    }
    fsql_text_deinit(&copy);
    PGresult *answer;
    while ((answer = PQgetResult(server->link)) != NULL) {
        good = take(server, answer, result, error) && good;
        PQclear(answer);
        if (PQstatus(server->link) == CONNECTION_BAD) {
            error->lost = true;
            break;
        }
    }
    fsql_result_clear(result);
    return good;
}

static void cancel(void *connection)
{
    pg_server *server = connection;
    char failure[256];
    (void)PQcancel(server->cancel, failure, sizeof failure);
}

/* ------------------------------------------------------------------- what it is */

static char state(void *connection)
{
    pg_server *server = connection;
    switch (PQtransactionStatus(server->link)) {
    case PQTRANS_IDLE:
        return 'I';
    case PQTRANS_INERROR:
        return 'E';
    case PQTRANS_UNKNOWN:
        return '?';
    default:
        return 'T';
    }
}

static const char *database(void *connection)
{
    pg_server *server = connection;
    return PQdb(server->link);
}

static const char *user(void *connection)
{
    pg_server *server = connection;
    return PQuser(server->link);
}

static const char *setting(void *connection, const char *name)
{
    pg_server *server = connection;
    return PQparameterStatus(server->link, name);
}

static void describe(void *connection, fsql_text *line)
{
    pg_server *server = connection;
    const char *host = PQhost(server->link);
    bool socket = host != NULL && host[0] == '/';
    fsql_text_printf(
        line, "You are connected to database \"%s\" as user \"%s\" %s \"%s\" at port \"%s\".",
        PQdb(server->link), PQuser(server->link), socket ? "via socket in" : "on host",
        host != NULL ? host : "", PQport(server->link));
}

const fsql_driver fsql_driver_postgres = {
    .name = "postgresql",
    .accepts = accepts,
    .open = open_server,
    .close = close_server,
    .change = change,
    .run = run,
    .cancel = cancel,
    .state = state,
    .database = database,
    .user = user,
    .setting = setting,
    .describe = describe,
};
