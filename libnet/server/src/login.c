/*
 * Logging in: from a name to a session.
 *
 *     begin ──> asked ──step: FLY_E_AGAIN──> half way ──step: FLY_OK──> proven ──open──> a client
 *                 └────────────password────────────────────────────────────^
 *     any failure ──> over
 *
 *     G1  who is unknown, has no password, or one that has expired, goes the way of a wrong password: the
 *         same steps, the same work, the same words
 *     G2  nothing is derived for who has to wait, and nothing while others derive
 *     G3  whether somebody has to wait is asked when they come and when their proof is looked at: who
 *         opens a thousand logins first and fails them afterwards has one guess more than others, not
 *         a thousand
 *     G4  a session is opened only for who is proven, with the name that was proven
 *
 * One thing does show: a user whose verifier is not SCRAM's is asked for the password itself, which
 * unknown users are not, and only over a channel where passwords may be asked for.
 */
#include "server_int.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum state { ASKED, CHOSEN, HALF_WAY, PROVEN, OVER };

struct fly_server_login {
    fly_server *server;
    fly_server_peer peer;
    enum state state;
    bool plain;  /* the password itself is asked for */
    bool mocked; /* nobody gets in */
    fly_auth_server exchange;
    fly_auth_scram scram;
    fly_sql_role role;
    char user[FLY_SERVER_NAME];
    char database[FLY_SERVER_NAME];
    char reply[FLY_AUTH_MESSAGE_MAX];
    uint8_t address[FLY_SERVER_ADDRESS];
    size_t address_len;
};

/* --------------------------------------------------------------------------- beginning */

/* Names longer than PostgreSQL's are cut between characters, as identifiers are. */
static void copy_name(char to[FLY_SERVER_NAME], const char *from)
{
    size_t len = strlen(from);
    if (len >= FLY_SERVER_NAME) {
        len = FLY_SERVER_NAME - 1;
        while (len > 0 && ((uint8_t)from[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    memcpy(to, from, len);
    to[len] = 0;
}

/* What failures are counted by: an IPv4 address, or the network of an IPv6 address, since whoever has
 * one of these has all. Nothing for a Unix socket. */
static size_t address_key(const fly_server_peer *peer, uint8_t key[FLY_SERVER_ADDRESS])
{
    if (peer->unix_socket) {
        return 0;
    }
    if (inet_pton(AF_INET, peer->host, key) == 1) {
        return 4;
    }
    if (inet_pton(AF_INET6, peer->host, key) == 1) {
        return peer->loopback ? 16 : 8;
    }
    memcpy(key, peer->host, FLY_SERVER_ADDRESS);
    return FLY_SERVER_ADDRESS;
}

static fly_bytes address_of(const fly_server_login *login)
{
    return fly_bytes_of(login->address, login->address_len);
}

static uint64_t now(const fly_server *server)
{
    return server->env->sched->now(server->env->sched);
}

static bool private_channel(const fly_server_peer *peer)
{
    return peer->tls || peer->loopback || peer->unix_socket;
}

static fly_status no_tls(const fly_server_peer *peer, const char *hint, fly_err *err)
{
    fly_status status = fly_err_state(
        err, "28000", 0, "the connection from host \"%s\" is not encrypted", peer->host);
    fly_err_hint(err, "%s", hint);
    return status;
}

/* Look the user up, and decide how it is to prove itself. */
static fly_status choose(fly_server_login *login, bool scram, fly_err *err)
{
    fly_server *server = login->server;
    bool plain_allowed = private_channel(&login->peer) || server->options.passwords_in_clear;
    if (server->options.tls_only && !private_channel(&login->peer)) {
        return no_tls(&login->peer, "Connect with TLS.", err);
    }
    if (!scram && !plain_allowed) {
        return no_tls(&login->peer, "Connect with TLS, or by a protocol that does SCRAM-SHA-256.",
                      err);
    }
    fly_status status = fly_sql_role_find(server->sql, login->user, &login->role, err);
    if (status != FLY_OK && status != FLY_E_NOT_FOUND) {
        return status;
    }
    bool known = status == FLY_OK;
    fly_auth_kind kind = known ? fly_auth_kind_of(fly_bytes_str(login->role.verifier))
                               : FLY_AUTH_NOT_A_VERIFIER;
    bool valid = known && (login->role.valid_until == INT64_MAX ||
                           login->role.valid_until > (int64_t)server->env->wall_time(server->env));
    bool other = kind == FLY_AUTH_ARGON2ID || kind == FLY_AUTH_BCRYPT;
    login->plain = !scram || (other && plain_allowed);
    login->mocked = !valid || (kind != FLY_AUTH_SCRAM_SHA_256 && !(other && login->plain));
    if (!known) {
        memset(&login->role, 0, sizeof login->role);
    }
    if (!login->mocked && !login->plain) {
        return fly_auth_scram_decode(fly_bytes_str(login->role.verifier), &login->scram, err);
    }
    if (login->mocked) {
        return fly_auth_scram_mock(server->secret, fly_bytes_str(login->user), 0, &login->scram,
                                   err);
    }
    return FLY_OK;
}

/* Whether there is room for one more; then it is counted. */
static fly_status admit(fly_server_login *login, fly_err *err)
{
    fly_server *server = login->server;
    fly_status status = FLY_OK;
    fly_mutex_lock(&server->mutex);
    uint32_t max = server->options.sessions_max;
    uint32_t there = server->stats.clients + server->stats.logging_in;
    uint32_t reserved = login->role.superuser ? 0 : server->options.sessions_reserved;
    if (server->draining) {
        status = fly_err_state(err, "57P03", 0, "the database system is shutting down");
    } else if (there >= max) {
        status = fly_err_state(err, "53300", 0, "sorry, too many clients already");
    } else if (there + reserved >= max) {
        status = fly_err_state(err, "53300", 0,
                               "remaining connection slots are reserved for non-replication "
                               "superuser connections");
    } else {
        server->stats.logging_in++;
    }
    server->stats.turned_away += status != FLY_OK;
    fly_mutex_unlock(&server->mutex);
    return status;
}

static fly_status throttled(fly_server_login *login, fly_err *err)
{
    fly_server *server = login->server;
    uint64_t pause = fly_auth_throttle_pause(server->throttle, fly_bytes_str(login->user),
                                             address_of(login), now(server));
    if (pause == 0) {
        return FLY_OK;
    }
    fly_mutex_lock(&server->mutex);
    server->stats.throttled++;
    fly_mutex_unlock(&server->mutex);
    fly_status status =
        fly_err_state(err, "28000", 0, "too many failed logins for user \"%s\"", login->user);
    fly_err_hint(err, "Try again in %" PRIu64 " s.", pause / UINT64_C(1000000000) + 1);
    return status;
}

static void release(fly_server_login *login)
{
    fly_env *env = login->server->env;
    fly_auth_cleanse(login, sizeof *login);
    fly_mem_free(env->mem, login, sizeof *login);
}

fly_status fly_server_login_begin(fly_server *server, const fly_server_peer *peer, const char *user,
                                  const char *database, bool scram, fly_server_login **login,
                                  fly_err *err)
{
    fly_server_login *made = fly_mem_calloc(server->env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a login");
    }
    made->server = server;
    made->peer = *peer;
    made->peer.host[sizeof made->peer.host - 1] = 0;
    copy_name(made->user, user);
    copy_name(made->database, database != NULL && database[0] != 0 ? database : "default");
    made->address_len = address_key(&made->peer, made->address);
    fly_status status = throttled(made, err);
    status = status == FLY_OK ? choose(made, scram, err) : status;
    status = status == FLY_OK ? admit(made, err) : status;
    if (status != FLY_OK) {
        release(made);
        return status;
    }
    *login = made;
    return FLY_OK;
}

fly_server_method fly_server_login_method(const fly_server_login *login)
{
    return login->plain ? FLY_SERVER_PASSWORD : FLY_SERVER_SCRAM;
}

bool fly_server_login_plus(const fly_server_login *login)
{
    return login->peer.tls && login->peer.binding.len > 0;
}

void fly_server_login_end(fly_server_login *login)
{
    if (login != NULL) {
        fly_mutex_lock(&login->server->mutex);
        login->server->stats.logging_in--;
        fly_mutex_unlock(&login->server->mutex);
        release(login);
    }
}

/* ----------------------------------------------------------------------------- proving */

static void tell(const fly_server_login *login, const char *outcome)
{
    char from[64];
    fly__server_from(&login->peer, from);
    fly_server_audit(login->server,
                     &(fly_auth_event){.event = "login",
                                       .severity = strcmp(outcome, "ok") == 0 ? NULL : "warning",
                                       .user = login->user,
                                       .database = login->database,
                                       .from = from,
                                       .protocol = login->peer.protocol,
                                       .outcome = outcome});
}

static fly_status out_of_order(fly_server_login *login, fly_err *err)
{
    login->state = OVER;
    return fly_err_state(err, "08P01", 0, "unexpected message during authentication");
}

/* It was, or was not, the password. */
static fly_status judge(fly_server_login *login, bool proven, fly_err *err)
{
    fly_server *server = login->server;
    fly_bytes user = fly_bytes_str(login->user);
    proven = proven && !login->mocked;
    if (proven) {
        fly_auth_throttle_succeeded(server->throttle, user, address_of(login), now(server));
        login->state = PROVEN;
        return FLY_OK;
    }
    fly_auth_throttle_failed(server->throttle, user, address_of(login), now(server));
    login->state = OVER;
    fly_mutex_lock(&server->mutex);
    server->stats.refused++;
    fly_mutex_unlock(&server->mutex);
    tell(login, "28P01");
    return fly_err_state(err, "28P01", 0, "password authentication failed for user \"%s\"",
                         login->user);
}

fly_status fly_server_login_mechanism(fly_server_login *login, fly_bytes mechanism, fly_err *err)
{
    bool plus = fly_bytes_equal(mechanism, fly_bytes_str("SCRAM-SHA-256-PLUS"));
    bool plain = fly_bytes_equal(mechanism, fly_bytes_str("SCRAM-SHA-256"));
    if (login->state != ASKED || login->plain) {
        return out_of_order(login, err);
    }
    login->state = OVER;
    if (!plain && !(plus && fly_server_login_plus(login))) {
        return fly_err_state(err, "08P01", 0,
                             "client selected an invalid SASL authentication mechanism");
    }
    const fly_auth_binding *binding = fly_server_login_plus(login) ? &login->peer.binding : NULL;
    fly_status status = fly_auth_server_begin(&login->exchange, login->server->env, &login->scram,
                                              plus, binding, err);
    login->state = status == FLY_OK ? CHOSEN : OVER;
    return status;
}

static fly_status finish(fly_server_login *login, fly_bytes message, fly_bytes *reply, fly_err *err)
{
    bool proven = false;
    size_t len = 0;
    fly_status status = throttled(login, err);
    if (status == FLY_OK) {
        status = fly_auth_server_final(&login->exchange, message, &proven, login->reply, &len, err);
    }
    if (status == FLY_OK) {
        status = judge(login, proven, err);
    }
    if (status == FLY_OK) {
        *reply = fly_bytes_of(login->reply, len);
    }
    return status;
}

fly_status fly_server_login_step(fly_server_login *login, fly_bytes message, fly_bytes *reply,
                                 fly_err *err)
{
    enum state state = login->state;
    if (state != CHOSEN && state != HALF_WAY) {
        return out_of_order(login, err);
    }
    login->state = OVER;
    if (state == HALF_WAY) {
        return finish(login, message, reply, err);
    }
    fly_status status = fly_auth_server_first(&login->exchange, message, reply, err);
    if (status == FLY_OK) {
        login->state = HALF_WAY;
        status = FLY_E_AGAIN;
    }
    return status;
}

/* Wait until fewer than so many others derive. */
static fly_status enter(fly_server *server, fly_err *err)
{
    fly_status status = FLY_OK;
    uint64_t deadline = now(server) + fly_server_login_ns(server);
    fly_mutex_lock(&server->mutex);
    if (server->deriving >= server->options.derivations_max) {
        bool room = server->waiting < server->options.derivations_queue;
        bool in_time = room;
        server->waiting += room;
        while (in_time && server->deriving >= server->options.derivations_max) {
            in_time = fly_cond_wait_until(&server->derived, &server->mutex, deadline);
        }
        server->waiting -= room;
        if (server->deriving >= server->options.derivations_max) {
            server->stats.turned_away++;
            status = fly_err_state(err, "53300", 0, "too many passwords are being checked");
        }
    }
    if (status == FLY_OK) {
        server->deriving++;
        server->stats.derivations++;
    }
    fly_mutex_unlock(&server->mutex);
    return status;
}

static void leave(fly_server *server)
{
    fly_mutex_lock(&server->mutex);
    server->deriving--;
    fly_cond_signal(&server->derived);
    fly_mutex_unlock(&server->mutex);
}

/* Verifiers of other kinds were made of the bytes as they came. */
static fly_status check(const fly_server_login *login, const char *verifier, fly_bytes password,
                        bool *matches, fly_err *err)
{
    fly_server *server = login->server;
    uint8_t prepared[FLY_AUTH_PASSWORD_MAX];
    size_t len = 0;
    fly_bytes tried = password;
    if (fly_auth_kind_of(fly_bytes_str(verifier)) == FLY_AUTH_SCRAM_SHA_256) {
        fly_status status = fly__server_prepare(server, password, prepared, &len, err);
        if (status != FLY_OK && status != FLY_E_FULL) {
            return status;
        }
        tried = fly_bytes_of(prepared, status == FLY_OK ? len : 0); /* too long: matches nothing */
    }
    fly_status status = fly_auth_check(server->env, fly_bytes_str(verifier), tried,
                                       server->options.schemes, matches, err);
    fly_auth_cleanse(prepared, sizeof prepared);
    return status;
}

fly_status fly_server_login_password(fly_server_login *login, fly_bytes password, fly_err *err)
{
    fly_server *server = login->server;
    char mock[FLY_AUTH_VERIFIER_SIZE];
    bool matches = false;
    if (login->state != ASKED || !login->plain) {
        return out_of_order(login, err);
    }
    login->state = OVER;
    fly_status status = throttled(login, err);
    status = status == FLY_OK ? enter(server, err) : status;
    if (status != FLY_OK) {
        return status;
    }
    const char *verifier = login->role.verifier;
    if (login->mocked) {
        fly_auth_scram_encode(&login->scram, mock);
        verifier = mock;
    }
    status = throttled(login, err); /* others may have failed while this one waited */
    status = status == FLY_OK ? check(login, verifier, password, &matches, err) : status;
    leave(server);
    return status == FLY_OK ? judge(login, matches, err) : status;
}

fly_status fly_server_login_expired(fly_server_login *login, fly_err *err)
{
    login->state = OVER;
    (void)fly_err_state(err, "57014", 0, "canceling authentication due to timeout");
    if (err != NULL) {
        err->status = FLY_E_TIMEOUT;
    }
    return FLY_E_TIMEOUT;
}

/* ----------------------------------------------------------------------------- opening */

fly_status fly_server_login_open(fly_server_login *login, fly_server_client **client, fly_err *err)
{
    fly_server *server = login->server;
    FLY_ASSERT(login->state == PROVEN);
    login->state = OVER;
    int32_t limit = login->role.superuser ? -1 : login->role.connection_limit;
    fly_status status = fly__server_client_create(server, &login->peer, login->user,
                                                  login->database, limit, client, err);
    fly_mutex_lock(&server->mutex);
    server->stats.logins += status == FLY_OK;
    server->stats.refused += status != FLY_OK;
    fly_mutex_unlock(&server->mutex);
    tell(login, status == FLY_OK ? "ok" : err != NULL ? err->sqlstate : "XX000");
    return status;
}
