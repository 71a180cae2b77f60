/*
 * Fronts: one net, and on it a listener for each protocol at each address.
 */
#define _POSIX_C_SOURCE 200809L

#include "fronts.h"

#include <fly/auth_argon2.h>
#include <fly/auth_bcrypt.h>
#include <fly/net.h>
#include <fly/net_binary.h>
#include <fly/net_pg.h>
#include <fly/net_server.h>
#include <fly/net_text.h>

#include <stdlib.h>
#include <string.h>

typedef struct flyd_fronts {
    fly_net *net;
    fly_net_tls *tls;
    fly_server *server;
    fly_line_front text;
    fly_binary_front binary;
    fly_pg *pg;
    const fly_auth_scheme *schemes[3]; /* besides SCRAM, NULL at the end */
} flyd_fronts;

typedef struct front {
    const char *name;
    size_t wanted; /* the port, in flyd_settings */
    size_t bound;  /* and in flyd_ports */
    const fly_net_protocol *protocol;
    /* Make what the protocol's listeners have as ctx. */
    fly_status (*make)(flyd_server *server, void **ctx, fly_err *err);
} front;

static fly_status make_text(flyd_server *server, void **ctx, fly_err *err)
{
    (void)err;
    server->fronts->text = (fly_line_front){.server = server->fronts->server};
    *ctx = &server->fronts->text;
    return FLY_OK;
}

static fly_status make_binary(flyd_server *server, void **ctx, fly_err *err)
{
    (void)err;
    server->fronts->binary = (fly_binary_front){.server = server->fronts->server};
    *ctx = &server->fronts->binary;
    return FLY_OK;
}

static fly_status make_pg(flyd_server *server, void **ctx, fly_err *err)
{
    const fly_pg_options options = {.server = server->fronts->server};
    fly_status status = fly_pg_create(&server->env, &options, &server->fronts->pg, err);
    *ctx = server->fronts->pg;
    return status;
}

static const front fronts[] = {
    {"text", offsetof(flyd_settings, text_port), offsetof(flyd_ports, text), &fly_line_protocol,
     make_text},
    {"binary", offsetof(flyd_settings, binary_port), offsetof(flyd_ports, binary),
     &fly_binary_protocol, make_binary},
    {"pg", offsetof(flyd_settings, pg_port), offsetof(flyd_ports, pg), &fly_pg_protocol, make_pg},
};

static int64_t wanted_port(const front *of, const flyd_settings *settings)
{
    return *(const int64_t *)(const void *)((const char *)settings + of->wanted);
}

static int64_t *bound_port(const front *of, flyd_ports *ports)
{
    return (int64_t *)(void *)((char *)ports + of->bound);
}

/* ------------------------------------------------------------------------------ TLS */

static fly_status open_tls(flyd_server *server, const flyd_settings *settings, fly_err *err)
{
    static const fly_net_verify verify[] = {FLY_NET_VERIFY_NONE, FLY_NET_VERIFY_OPTIONAL,
                                            FLY_NET_VERIFY_REQUIRED};
    if (settings->tls_cert[0] == '\0') {
        return FLY_OK;
    }
    fly_net_tls_options options = {
        .certificate = settings->tls_cert,
        .key = settings->tls_key,
        .authorities = settings->tls_ca[0] != '\0' ? settings->tls_ca : NULL,
        .verify = verify[settings->tls_client_cert],
        .allow_1_2 = settings->tls_min_version == FLYD_TLS_1_2,
    };
    return fly_net_tls_create(&server->env, &options, &server->fronts->tls, err);
}

/* ------------------------------------------------------------------------ listeners */

static fly_status listen_at(flyd_server *server, const front *at, void *ctx, const char *host,
                            int64_t port, fly_err *err)
{
    uint16_t bound;
    char text[16];
    fly_net_listener listener = {
        .host = host,
        .port = (uint16_t)port,
        .protocol = at->protocol,
        .ctx = ctx,
        .tls = server->fronts->tls,
    };
    fly_status status = fly_net_listen(server->fronts->net, &listener, &bound, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "listen for protocol %s at %s", at->name, host);
    }
    *bound_port(at, &server->ports) = bound;
    (void)snprintf(text, sizeof text, "%u", (unsigned)bound);
    flyd_say(server->log, FLY_LOG_INFO, "listening", "protocol", at->name, "address", host, "port",
             text, NULL);
    return FLY_OK;
}

/* At every address of the list; all have the port that the first got. */
static fly_status listen_everywhere(flyd_server *server, const front *at, const char *addresses,
                                    int64_t port, fly_err *err)
{
    void *ctx = NULL;
    fly_status status = at->make(server, &ctx, err);
    while (status == FLY_OK && *addresses != '\0') {
        char host[256];
        addresses += strspn(addresses, ", ");
        size_t len = strcspn(addresses, ", ");
        if (len >= sizeof host) {
            return fly_err_set(err, FLY_E_INVALID, "an address of %zu bytes in listen", len);
        }
        memcpy(host, addresses, len);
        host[len] = '\0';
        addresses += len;
        if (len > 0) {
            status = listen_at(server, at, ctx, host, port, err);
            port = *bound_port(at, &server->ports);
        }
    }
    return status;
}

static fly_status listen_all(flyd_server *server, const flyd_settings *settings, fly_err *err)
{
    fly_status status = FLY_OK;
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0] && status == FLY_OK; i++) {
        int64_t port = wanted_port(&fronts[i], settings);
        if (port == FLYD_OFF) {
            continue;
        }
        status = listen_everywhere(server, &fronts[i], settings->listen, port, err);
    }
    return status;
}

/* ------------------------------------------------------------------- what they share */

static fly_status make_server(flyd_server *server, const flyd_settings *settings, fly_err *err)
{
    char system[FLY_PATH_MAX];
    bool in_memory = settings->storage_engine == FLYD_ENGINE_MEMORY;
    fly_status status = FLY_OK;
    if (!in_memory) {
        status = fly_path_join(system, sizeof system, settings->data_dir, "_system", err);
    }
    server->fronts->schemes[0] = fly_auth_argon2_scheme();
    server->fronts->schemes[1] = fly_auth_bcrypt_scheme();
    uint32_t length = (uint32_t)settings->password_length_min;
    uint32_t classes = (uint32_t)settings->password_classes_min;
    fly_auth_policy policy = {.length_min = length > 0 ? length : 1, .classes_min = classes};
    fly_server_options options = {
        .dir = in_memory ? NULL : system,
        .audit = !in_memory && settings->audit != 0,
        .tls_only = settings->tls_required != 0,
        .policy = length > 0 || classes > 0 ? &policy : NULL,
        .schemes = server->fronts->schemes,
        .sessions_max = (uint32_t)settings->connections_max,
        .login_ms = (uint64_t)settings->login_timeout,
        .idle_ms = (uint64_t)settings->idle_timeout,
        .statement_ms = (uint64_t)settings->statement_timeout,
        .passwords_in_clear = settings->plain_passwords != 0,
    };
    return status == FLY_OK ? fly_server_create(&server->env, server->sql, &options,
                                                &server->fronts->server, err)
                            : status;
}

/* ------------------------------------------------------------------------- together */

fly_status flyd_fronts_open(flyd_server *server, const flyd_settings *settings, fly_err *err)
{
    server->fronts = calloc(1, sizeof *server->fronts);
    if (server->fronts == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for protocols");
    }
    fly_net_options options = {
        .workers_max = (uint32_t)settings->threads_max,
        .connections_max = (uint32_t)settings->connections_max,
    };
    fly_status status = make_server(server, settings, err);
    if (status == FLY_OK) {
        fly_server_log_clients(server->fronts->server, settings->log_connections != 0);
        status = fly_net_create(&server->env, &options, &server->fronts->net, err);
    }
    if (status == FLY_OK) {
        status = open_tls(server, settings, err);
    }
    if (status == FLY_OK) {
        status = listen_all(server, settings, err);
    }
    return status == FLY_OK ? fly_net_start(server->fronts->net, err) : status;
}

fly_status flyd_fronts_reload(flyd_server *server, const flyd_settings *settings, fly_err *err)
{
    fly_server_log_clients(server->fronts->server, settings->log_connections != 0);
    return server->fronts->tls != NULL ? fly_net_tls_reload(server->fronts->tls, err) : FLY_OK;
}

void flyd_fronts_tick(flyd_server *server)
{
    fly_server_audit_sync(server->fronts->server);
}

bool flyd_fronts_drain(flyd_server *server, int ms)
{
    fly_server_drain(server->fronts->server);
    uint64_t deadline = fly_now() + (uint64_t)ms * 1000000;
    return fly_net_drain(server->fronts->net, deadline) == FLY_OK;
}

typedef struct fact {
    const char *name;
    uint64_t value;
} fact;

static void tell_numbers(const fact *facts, size_t count, fly_sql_tell *tell, void *to)
{
    for (size_t i = 0; i < count; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)facts[i].value);
        tell(to, facts[i].name, text);
    }
}

/* Sessions are only there while the net is. */
void flyd_fronts_inspect(const flyd_server *server, bool status, fly_sql_tell *tell, void *to)
{
    if (!status) {
        for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
            char name[32];
            flyd_ports ports = server->ports;
            int64_t port = *bound_port(&fronts[i], &ports);
            fact at = {name, (uint64_t)port};
            (void)snprintf(name, sizeof name, "port_%s", fronts[i].name);
            if (port != FLYD_OFF) {
                tell_numbers(&at, 1, tell, to);
            }
        }
        tell(to, "tls", server->fronts->tls != NULL ? "on" : "off");
        return;
    }
    fly_net_stats net;
    fly_server_stats logins;
    fly_net_stats_read(server->fronts->net, &net);
    fly_server_stats_read(server->fronts->server, &logins);
    const fact facts[] = {
        {"connections", net.connections},
        {"connections_accepted", net.accepted},
        {"connections_refused", net.refused},
        {"connections_timed_out", net.timeouts},
        {"threads", net.workers},
        {"threads_waiting", net.workers_waiting},
        {"bytes_in", net.bytes_in},
        {"bytes_out", net.bytes_out},
        {"tls_handshakes", net.handshakes},
        {"tls_handshakes_failed", net.handshakes_failed},
        {"clients", logins.clients},
        {"clients_peak", logins.clients_peak},
        {"logins", logins.logins},
        {"logins_refused", logins.refused},
        {"logins_throttled", logins.throttled},
    };
    tell_numbers(facts, sizeof facts / sizeof facts[0], tell, to);
}

void flyd_fronts_close(flyd_server *server)
{
    if (server->fronts != NULL) {
        if (server->fronts->pg != NULL) {
            fly_pg_cancel_all(server->fronts->pg);
        }
        fly_net_close(server->fronts->net);
        fly_pg_destroy(server->fronts->pg);
        fly_net_tls_destroy(server->fronts->tls);
        fly_server_destroy(server->fronts->server);
        free(server->fronts);
        server->fronts = NULL;
    }
}
