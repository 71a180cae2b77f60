/*
 * A server of FlyDB, over its binary protocol: -h HOST, or flydb://user:password@host:port/database.
 *
 * Values come as text, since the server knows best how a session wants to see its dates. What the C
 * client leaves to a program is here: where the password comes from, and the settings of TLS:
 *
 *     FLYDB_PASSWORD    the password; else it is asked for at the terminal
 *     FLYDB_TLS         off (default), on, verify
 *     FLYDB_TLS_CA      PEM file of whom to trust; default: whom the system trusts
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"
#include "prompt.h"

#include <fly/net_client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct flyd_server {
    fly_env env;
    fly_client *client;
    const fsql_watch *watch;
    fly_client_options how; /* its strings are those below */
    char *host, *user, *password, *database, *authorities;
    char *setting; /* that was asked for last */
} flyd_server;

static const char SCHEME[] = "flydb://";

static bool accepts(const fsql_target *target)
{
    return target->host != NULL || target->port != NULL ||
           (target->place != NULL && strncmp(target->place, SCHEME, sizeof SCHEME - 1) == 0);
}

/* ------------------------------------------------------------------------ errors */

static void failed(const flyd_server *server, fsql_error *error)
{
    bool lost = server->client == NULL || fly_client_broken(server->client);
    error->lost = lost;
    (void)snprintf(error->severity, sizeof error->severity, "%s", lost ? "FATAL" : "ERROR");
}

static void on_notice(void *ctx, const char *severity, const fly_err *notice)
{
    flyd_server *server = ctx;
    fsql_error told = {.err = *notice};
    (void)snprintf(told.severity, sizeof told.severity, "%s", severity);
    if (server->watch->notice != NULL) {
        server->watch->notice(server->watch->ctx, &told);
    }
}

/* ----------------------------------------------------------------------- targets */

static int hex(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit != 0 ? strchr(digits, digit | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* A part of a URI, with %20 for a blank. */
static char *take_part(const char *text, size_t len)
{
    char *part = fsql_grow(NULL, len + 1);
    size_t made = 0;
    for (size_t i = 0; i < len; i++) {
        part[made] = text[i];
        if (text[i] == '%' && i + 2 < len && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            part[made] = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
            i += 2;
        }
        made++;
    }
    part[made] = 0;
    return part;
}

static void replace(char **kept, char *with)
{
    free(*kept);
    *kept = with;
}

/* [user[:password]@]host[:port][/database] */
static void take_uri(flyd_server *server, const char *at)
{
    const char *path = at + strcspn(at, "/");
    const char *sign = memchr(at, '@', (size_t)(path - at));
    if (sign != NULL) {
        const char *colon = memchr(at, ':', (size_t)(sign - at));
        const char *end = colon != NULL ? colon : sign;
        replace(&server->user, take_part(at, (size_t)(end - at)));
        if (colon != NULL) {
            replace(&server->password, take_part(colon + 1, (size_t)(sign - colon - 1)));
        }
        at = sign + 1;
    }
    const char *end = path;
    if (*at == '[') { /* an address of IPv6 */
        const char *close = memchr(at, ']', (size_t)(path - at));
        end = close != NULL ? close : path;
        replace(&server->host, take_part(at + 1, (size_t)(end - at - 1)));
        end += close != NULL;
    } else {
        const char *colon = memchr(at, ':', (size_t)(path - at));
        end = colon != NULL ? colon : path;
        replace(&server->host, take_part(at, (size_t)(end - at)));
    }
    if (*end == ':') {
        server->how.port = (uint16_t)strtoul(end + 1, NULL, 10);
    }
    if (*path == '/' && path[1] != 0) {
        replace(&server->database, take_part(path + 1, strlen(path + 1)));
    }
}

static void take_target(flyd_server *server, const fsql_target *target)
{
    const char *password = getenv("FLYDB_PASSWORD");
    const char *tls = getenv("FLYDB_TLS");
    const char *authorities = getenv("FLYDB_TLS_CA");
    server->host = fsql_copy("localhost");
    server->user = fsql_copy("admin");
    server->database = fsql_copy("default");
    server->password = password != NULL ? fsql_copy(password) : NULL;
    server->authorities = authorities != NULL ? fsql_copy(authorities) : NULL;
    if (target->place != NULL && strncmp(target->place, SCHEME, sizeof SCHEME - 1) == 0) {
        take_uri(server, target->place + sizeof SCHEME - 1);
    }
    if (target->host != NULL) {
        replace(&server->host, fsql_copy(target->host));
    }
    if (target->port != NULL) {
        server->how.port = (uint16_t)strtoul(target->port, NULL, 10);
    }
    if (target->user != NULL) {
        replace(&server->user, fsql_copy(target->user));
    }
    if (target->database != NULL) {
        replace(&server->database, fsql_copy(target->database));
    }
    if (tls != NULL && strcmp(tls, "off") != 0) {
        server->how.tls = strcmp(tls, "on") == 0 ? FLY_CLIENT_TLS_ENCRYPT : FLY_CLIENT_TLS_VERIFY;
    }
}

/* --------------------------------------------------------------------- connecting */

static fly_status dial(flyd_server *server, const char *database, const char *user,
                       fly_client **client, fly_err *err)
{
    fly_client_options how = server->how;
    how.host = server->host;
    how.user = user;
    how.database = database;
    how.password = server->password;
    how.authorities = server->authorities;
    how.application = "fsql";
    how.send_password = how.tls == FLY_CLIENT_TLS_VERIFY;
    fly_status status = fly_client_connect(&server->env, &how, client, err);
    if (status == FLY_OK) {
        fly_client_on_notice(*client, on_notice, server);
    }
    return status;
}

static void ask_password(flyd_server *server, const char *user)
{
    fsql_text label = {0};
    fsql_text_printf(&label, "Password for user %s: ", user);
    replace(&server->password, fsql_prompt_secret(fsql_text_str(&label)));
    fsql_text_deinit(&label);
}

static void close_server(void *connection)
{
    flyd_server *server = connection;
    fly_client_close(server->client);
    free(server->host);
    free(server->user);
    free(server->password);
    free(server->database);
    free(server->authorities);
    free(server->setting);
    free(server);
}

static void *open_server(const fsql_target *target, const fsql_watch *watch, fsql_error *error)
{
    flyd_server *server = fsql_grow(NULL, sizeof *server);
    *server = (flyd_server){.watch = watch};
    *error = (fsql_error){0};
    fly_env_init(&server->env);
    take_target(server, target);
    if (server->password == NULL) {
        ask_password(server, server->user);
    }
    if (dial(server, server->database, server->user, &server->client, &error->err) != FLY_OK) {
        failed(server, error);
        close_server(server);
        return NULL;
    }
    if (target->read_only) {
        (void)!fly_client_set_option(server->client, "default_transaction_read_only", "on",
                                     &error->err);
    }
    return server;
}

/* A new connection; the old one ends when the new one is there. */
static bool change(void *connection, const char *database, const char *user, fsql_error *error)
{
    flyd_server *server = connection;
    fly_client *client = NULL;
    *error = (fsql_error){0};
    char *before = server->password;
    server->password = before != NULL ? fsql_copy(before) : NULL;
    if (user != NULL && strcmp(user, server->user) != 0) {
        ask_password(server, user);
    }
    const char *new_database = database != NULL ? database : server->database;
    const char *new_user = user != NULL ? user : server->user;
    if (dial(server, new_database, new_user, &client, &error->err) != FLY_OK) {
        (void)snprintf(error->severity, sizeof error->severity, "FATAL");
        replace(&server->password, before);
        return false;
    }
    free(before);
    fly_client_close(server->client);
    server->client = client;
    replace(&server->database, fsql_copy(new_database));
    replace(&server->user, fsql_copy(new_user));
    return true;
}

/* -------------------------------------------------------------------------- running */

static fly_status copy_in(flyd_server *server, fly_client_result *answer, fly_err *err)
{
    fsql_text failure = {0};
    fly_bytes data = {0};
    fly_status status = FLY_OK;
    const char *end = NULL;
    while (status == FLY_OK) {
        if (!server->watch->copy_read(server->watch->ctx, &data, &failure)) {
            end = fsql_text_str(&failure);
            break;
        }
        if (data.data == NULL) {
            break;
        }
        status = fly_client_copy_write(answer, data, err);
    }
    if (status == FLY_OK) {
        status = fly_client_copy_end(answer, end, err);
    }
    fsql_text_deinit(&failure);
    return status;
}

static fly_status copy_out(flyd_server *server, fly_client_result *answer, fly_err *err)
{
    fly_bytes data;
    fly_status status;
    bool written = true;
    while ((status = fly_client_copy_read(answer, &data, err)) == FLY_OK) {
        written = written && server->watch->copy_write(server->watch->ctx, data);
    }
    if (status == FLY_E_END && !written) {
        return fly_err_set(err, FLY_E_IO, "could not write COPY data");
    }
    return status == FLY_E_END ? FLY_OK : status;
}

static void take_row(fly_client_result *answer, fsql_result *result)
{
    size_t columns = fly_client_columns(answer);
    for (size_t c = 0; c < columns; c++) {
        if (fly_client_is_null(answer, c)) {
            fsql_result_cell(result, NULL, 0);
        } else {
            fly_bytes text = fly_client_text(answer, c);
            fsql_result_cell(result, text.data != NULL ? (const void *)text.data : "", text.len);
        }
    }
    if (columns == 0) {
        fsql_result_cell(result, NULL, 0);
    }
}

/* One statement's result, to its end. */
static fly_status take_statement(flyd_server *server, fly_client_result *answer,
                                 fsql_result *result, fly_err *err)
{
    const fsql_watch *watch = server->watch;
    fly_status status;
    fsql_result_clear(result);
    for (size_t c = 0; c < fly_client_columns(answer); c++) {
        fsql_result_column(result, fly_client_column_name(answer, c),
                           fly_client_column_type(answer, c));
    }
    while ((status = fly_client_row(answer, err)) == FLY_OK) {
        take_row(answer, result);
        if (fsql_result_full(result)) {
            (void)watch->result(watch->ctx, result, false);
            fsql_result_handed_on(result);
        }
    }
    if (status == FLY_E_END && fly_client_copy_state(answer) == 'i') {
        status = copy_in(server, answer, err);
    } else if (status == FLY_E_END && fly_client_copy_state(answer) == 'o') {
        status = copy_out(server, answer, err);
    }
    if (status != FLY_OK && status != FLY_E_END) {
        return status;
    }
    (void)snprintf(result->tag, sizeof result->tag, "%s", fly_client_tag(answer));
    if (strcmp(result->tag, "USE") == 0) {
        replace(&server->database, NULL); /* to be asked for */
    }
    result->has_rows = result->has_rows || strncmp(result->tag, "SELECT", 6) == 0;
    if (result->tag[0] != 0) {
        (void)watch->result(watch->ctx, result, true);
    }
    return FLY_OK;
}

static void learn_database(flyd_server *server)
{
    fly_client_server info;
    if (server->database == NULL) {
        bool known = fly_client_server_info(server->client, &info, NULL) == FLY_OK;
        server->database = fsql_copy(known ? info.database : "");
    }
}

static bool run(void *connection, fly_bytes text, fsql_result *result, fsql_error *error)
{
    flyd_server *server = connection;
    fly_client_result *answer = NULL;
    *error = (fsql_error){0};
    fly_status status = fly_client_query_bytes(server->client, text, true, &answer, &error->err);
    while (status == FLY_OK) {
        status = take_statement(server, answer, result, &error->err);
        if (status == FLY_OK) {
            status = fly_client_next(answer, &error->err);
        }
    }
    fly_client_result_close(answer);
    fsql_result_clear(result);
    if (status != FLY_E_END) {
        failed(server, error);
    }
    learn_database(server);
    return status == FLY_E_END;
}

static void cancel(void *connection)
{
    flyd_server *server = connection;
    (void)fly_client_cancel(server->client);
}

/* ----------------------------------------------------------------------- what it is */

static char state(void *connection)
{
    flyd_server *server = connection;
    return fly_client_state(server->client);
}

static const char *database(void *connection)
{
    flyd_server *server = connection;
    return server->database;
}

static const char *user(void *connection)
{
    flyd_server *server = connection;
    return server->user;
}

static const char *setting(void *connection, const char *name)
{
    flyd_server *server = connection;
    const char *value = NULL;
    if (fly_client_get_option(server->client, name, &value, NULL) != FLY_OK) {
        return NULL;
    }
    replace(&server->setting, fsql_copy(value));
    return server->setting;
}

static void describe(void *connection, fsql_text *line)
{
    flyd_server *server = connection;
    fsql_text_printf(line,
                     "You are connected to database \"%s\" as user \"%s\" on host \"%s\" at port "
                     "\"%u\".",
                     server->database, server->user, server->host,
                     server->how.port > 0 ? server->how.port : 8889u);
    if (fly_client_encryption(server->client)[0] != 0) {
        fsql_text_printf(line, "\nThe connection is encrypted: %s.",
                         fly_client_encryption(server->client));
    }
}

const fsql_driver fsql_driver_flyd = {
    .name = "flyd",
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
