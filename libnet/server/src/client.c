/*
 * Clients: open sessions, counted by user, and how long they may do nothing.
 */
#include "server_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -------------------------------------------------------------------------- counting */

static uint32_t count_of(const fly_server *server, const char *user)
{
    uint32_t count = 0;
    for (const fly_server_client *client = server->clients; client != NULL; client = client->next) {
        count += strcmp(client->user, user) == 0;
    }
    return count;
}

/* Into the list, unless there are `limit` of this user. */
static bool enlist(fly_server_client *client, int32_t limit)
{
    fly_server *server = client->server;
    fly_mutex_lock(&server->mutex);
    bool welcome = limit < 0 || count_of(server, client->user) < (uint32_t)limit;
    if (welcome) {
        client->next = server->clients;
        if (client->next != NULL) {
            client->next->prev = client;
        }
        server->clients = client;
        server->stats.clients++;
        if (server->stats.clients > server->stats.clients_peak) {
            server->stats.clients_peak = server->stats.clients;
        }
    }
    fly_mutex_unlock(&server->mutex);
    return welcome;
}

static void delist(fly_server_client *client)
{
    fly_server *server = client->server;
    fly_mutex_lock(&server->mutex);
    if (client->prev != NULL) {
        client->prev->next = client->next;
    } else {
        server->clients = client->next;
    }
    if (client->next != NULL) {
        client->next->prev = client->prev;
    }
    server->stats.clients--;
    fly_mutex_unlock(&server->mutex);
}

/* ------------------------------------------------------------------------- auditing */

fly_bytes fly_server_loggable(fly_bytes text)
{
    static const char word[] = "password";
    for (size_t at = 0; at + sizeof word - 1 <= text.len; at++) {
        size_t same = 0;
        while (same < sizeof word - 1 && (text.data[at + same] | 0x20) == word[same]) {
            same++;
        }
        if (same == sizeof word - 1) {
            return fly_bytes_of(text.data, at);
        }
    }
    return text;
}

/* What kind of event a command is, or NULL: not worth a line. */
static const char *event_of(const char *tag)
{
    static const struct {
        const char *begin, *event;
    } events[] = {
        {"GRANT", "grant"},        {"REVOKE", "grant"},         {"CREATE ROLE", "role"},
        {"ALTER ROLE", "role"},    {"DROP ROLE", "role"},       {"REASSIGN", "role"},
        {"DROP OWNED", "role"},    {"CREATE POLICY", "policy"}, {"ALTER POLICY", "policy"},
        {"DROP POLICY", "policy"}, {"CREATE", "ddl"},           {"ALTER", "ddl"},
        {"DROP", "ddl"},           {"TRUNCATE", "ddl"},         {"COMMENT", "ddl"}};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strncmp(tag, events[i].begin, strlen(events[i].begin)) == 0) {
            return events[i].event;
        }
    }
    return NULL;
}

/* A definition, a grant, a setting has ended. Passwords do not belong into a log. */
static void told(void *ctx, const char *tag, fly_bytes text, const fly_err *failure)
{
    fly_server_client *client = ctx;
    bool denied = failure != NULL && strcmp(failure->sqlstate, "42501") == 0;
    const char *what = denied ? "denied" : event_of(tag);
    if (what == NULL) {
        return;
    }
    fly_server_audit(client->server,
                     &(fly_auth_event){.event = what,
                                       .severity = denied ? "warning" : NULL,
                                       .user = client->user,
                                       .database = fly_sql_session_database(client->session),
                                       .from = client->from,
                                       .protocol = client->protocol,
                                       .outcome = denied ? failure->sqlstate : "ok",
                                       .text = fly_server_loggable(text),
                                       .durable = !denied}); /* who is denied waits for no disk */
}

/* --------------------------------------------------------------------------- opening */

void fly_server_log_clients(fly_server *server, bool yes)
{
    fly_store_u32(&server->log_clients, yes);
}

static void log_client(const fly_server_client *client, const char *what)
{
    if (fly_load_u32(&client->server->log_clients) != 0) {
        fly_log(client->server->env, FLY_LOG_INFO, "%s: user \"%s\" from %s by %s", what,
                client->user, client->from, client->protocol);
    }
}

/* The server's statement time-out, for sessions whose user or database has set none. */
static fly_status set_timeout(fly_server_client *client, fly_err *err)
{
    char text[64];
    uint64_t ms = client->server->options.statement_ms;
    const char *set = fly_sql_session_setting(client->session, "statement_timeout");
    if (ms == 0 || (set != NULL && strcmp(set, "0") != 0)) {
        return FLY_OK;
    }
    (void)snprintf(text, sizeof text, "SET statement_timeout = %" PRIu64, ms);
    return fly_sql_execute(client->session, fly_bytes_str(text), NULL, NULL, err);
}

fly_status fly__server_client_create(fly_server *server, const fly_server_peer *peer,
                                     const char *user, const char *database, int32_t limit,
                                     fly_server_client **client, fly_err *err)
{
    fly_server_client *made = fly_mem_calloc(server->env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a client");
    }
    made->server = server;
    made->protocol = peer->protocol;
    fly__server_from(peer, made->from);
    memcpy(made->user, user, strlen(user) + 1);
    if (!enlist(made, limit)) {
        fly_mem_free(server->env->mem, made, sizeof *made);
        return fly_err_state(err, "53300", 0, "too many connections for role \"%s\"", user);
    }
    fly_sql_session_options options = {.database = database,
                                       .user = user,
                                       .client_addr = peer->unix_socket ? NULL : peer->host,
                                       .client_port = peer->unix_socket ? -1 : peer->port};
    fly_status status = fly_sql_session_open(server->sql, &options, &made->session, err);
    status = status == FLY_OK ? set_timeout(made, err) : status;
    if (status != FLY_OK) {
        fly_server_client_close(made);
        return status;
    }
    if (server->audit != NULL) {
        fly_sql_on_utility(made->session, told, made);
    }
    log_client(made, "connected");
    *client = made;
    return FLY_OK;
}

void fly_server_client_close(fly_server_client *client)
{
    if (client != NULL) {
        fly_server_audit(client->server, &(fly_auth_event){.event = "logout",
                                                           .user = client->user,
                                                           .from = client->from,
                                                           .protocol = client->protocol});
        if (client->session != NULL) {
            log_client(client, "disconnected");
        }
        fly_sql_session_close(client->session);
        delist(client);
        fly_mem_free(client->server->env->mem, client, sizeof *client);
    }
}

fly_sql_session *fly_server_client_session(const fly_server_client *client)
{
    return client->session;
}

const char *fly_server_client_user(const fly_server_client *client)
{
    return client->user;
}

/* ------------------------------------------------------------------------- idling */

static bool in_transaction(const fly_server_client *client)
{
    return fly_sql_session_state(client->session) != 'I';
}

uint64_t fly_server_client_idle_ns(const fly_server_client *client)
{
    fly_sql_limits limits;
    fly_sql_session_limits(client->session, &limits);
    bool inside = in_transaction(client);
    uint64_t ms = inside ? limits.idle_in_transaction_ms : limits.idle_session_ms;
    if (ms == 0 && !inside) {
        ms = client->server->options.idle_ms;
    }
    return ms * UINT64_C(1000000);
}

fly_status fly_server_client_idled(const fly_server_client *client, fly_err *err)
{
    if (in_transaction(client)) {
        (void)fly_err_state(err, "25P03", 0,
                            "terminating connection due to idle-in-transaction timeout");
    } else {
        (void)fly_err_state(err, "57P05", 0, "terminating connection due to idle-session timeout");
    }
    if (err != NULL) {
        err->status = FLY_E_TIMEOUT;
    }
    return FLY_E_TIMEOUT;
}
