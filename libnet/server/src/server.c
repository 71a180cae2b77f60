/*
 * The server itself: what it keeps, limits and counts.
 *
 *     N1  logging_in + clients <= sessions_max; the last sessions_reserved are superusers'
 *     N2  deriving <= derivations_max, waiting <= derivations_queue
 *
 * The secret behind unknown users' salts outlives the process: a user whose salt changes when the server
 * is started again is none.
 */
#include "server_int.h"

#include <fly/text.h>

#include <stdio.h>
#include <string.h>

static const char secret_name[] = "unknown_users.secret";

/* ------------------------------------------------------------------------- the secret */

static fly_status make_secret(fly_server *server, const char *path, fly_err *err)
{
    fly_file *file = NULL;
    fly_vfs *vfs = server->env->vfs;
    fly_status status = server->env->random(server->env, server->secret, FLY_AUTH_KEY, err);
    if (status != FLY_OK || path == NULL) {
        return status;
    }
    status = fly_file_open(vfs, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, &file, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_file_write(file, 0, server->secret, FLY_AUTH_KEY, 0, err);
    status = status == FLY_OK ? fly_file_sync(file, err) : status;
    if (status != FLY_OK) {
        fly_file_abandon(file);
        return status;
    }
    status = fly_file_close(file, err);
    return status == FLY_OK ? fly_vfs_sync_dir(vfs, server->dir, err) : status;
}

/* A file that a crash left short is made again: nobody has seen a salt of it yet. */
static fly_status load_secret(fly_server *server, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_file *file = NULL;
    size_t len = 0;
    if (server->dir[0] == 0) {
        return make_secret(server, NULL, err);
    }
    fly_status status = fly_path_join(path, sizeof path, server->dir, secret_name, err);
    if (status == FLY_OK && fly_vfs_exists(server->env->vfs, path)) {
        status = fly_file_open(server->env->vfs, path, 0, &file, err);
        if (status == FLY_OK) {
            status = fly_file_read_some(file, 0, server->secret, FLY_AUTH_KEY, &len, err);
            fly_file_abandon(file);
        }
    }
    return status == FLY_OK && len < FLY_AUTH_KEY ? make_secret(server, path, err) : status;
}

/* ------------------------------------------------------------------------ the server */

/* What CREATE ROLE and ALTER ROLE ask. */
static fly_status check_policy(void *ctx, const char *user, fly_bytes password, fly_err *err)
{
    const fly_server *server = ctx;
    return fly_auth_policy_check(server->options.policy, fly_bytes_str(user), password, err);
}

static void set_defaults(fly_server_options *options)
{
    options->sessions_max = options->sessions_max > 0 ? options->sessions_max : 10000;
    options->sessions_reserved = options->sessions_reserved > 0 ? options->sessions_reserved : 3;
    options->derivations_max = options->derivations_max > 0 ? options->derivations_max : 1;
    options->derivations_queue = options->derivations_queue > 0 ? options->derivations_queue : 64;
    options->login_ms = options->login_ms > 0 ? options->login_ms : 60000;
    options->dir = NULL; /* copied */
}

fly_status fly_server_create(fly_env *env, fly_sql *sql, const fly_server_options *options,
                             fly_server **server, fly_err *err)
{
    fly_server *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a server");
    }
    made->env = env;
    made->sql = sql;
    fly_mutex_init(&made->mutex, "net-server", FLY_RANK_LEAF);
    fly_cond_init(&made->derived);
    fly_status status = FLY_OK;
    if (options != NULL) {
        made->options = *options;
        size_t len = options->dir != NULL ? strlen(options->dir) : 0;
        if (len >= sizeof made->dir) {
            status = fly_err_set(err, FLY_E_TOO_LARGE, "the directory's name is too long");
        } else if (len > 0) {
            memcpy(made->dir, options->dir, len + 1);
        }
    }
    set_defaults(&made->options);
    if (made->options.policy != NULL) {
        made->policy = *made->options.policy;
        made->options.policy = &made->policy;
        fly_sql_on_password(sql, check_policy, made);
    }
    status = status == FLY_OK ? fly_auth_throttle_create(env, NULL, &made->throttle, err) : status;
    status = status == FLY_OK ? load_secret(made, err) : status;
    if (status == FLY_OK && made->options.audit && made->dir[0] != 0) {
        status = fly_auth_audit_open(env, made->dir, NULL, &made->audit, err);
    }
    if (status != FLY_OK) {
        fly_server_destroy(made);
        return status;
    }
    *server = made;
    return FLY_OK;
}

void fly_server_destroy(fly_server *server)
{
    if (server != NULL) {
        FLY_ASSERT(server->stats.logging_in == 0);
        FLY_ASSERT(server->clients == NULL);
        if (server->options.policy != NULL) {
            fly_sql_on_password(server->sql, NULL, NULL);
        }
        fly_err err = {0};
        if (fly_auth_audit_close(server->audit, &err) != FLY_OK) {
            fly_log(server->env, FLY_LOG_ERROR, "the audit trail: %s", err.message);
        }
        fly_auth_throttle_destroy(server->throttle);
        fly_mutex_deinit(&server->mutex);
        fly_auth_cleanse(server->secret, sizeof server->secret);
        fly_mem_free(server->env->mem, server, sizeof *server);
    }
}

fly_sql *fly_server_sql(const fly_server *server)
{
    return server->sql;
}

void fly_server_drain(fly_server *server)
{
    fly_mutex_lock(&server->mutex);
    server->draining = true;
    fly_mutex_unlock(&server->mutex);
}

void fly_server_stats_read(fly_server *server, fly_server_stats *stats)
{
    fly_mutex_lock(&server->mutex);
    *stats = server->stats;
    fly_mutex_unlock(&server->mutex);
}

uint64_t fly_server_login_ns(const fly_server *server)
{
    return server->options.login_ms * UINT64_C(1000000);
}

/* -------------------------------------------------------------------------- passwords */

fly_status fly_server_has_password(fly_server *server, const char *user, bool *has, fly_err *err)
{
    fly_sql_role role;
    fly_status status = fly_sql_role_find(server->sql, user, &role, err);
    if (status == FLY_OK || status == FLY_E_NOT_FOUND) {
        *has = status == FLY_OK && role.has_verifier;
        status = FLY_OK;
    }
    fly_auth_cleanse(&role, sizeof role);
    return status;
}

fly_status fly__server_prepare(fly_server *server, fly_bytes password,
                               uint8_t prepared[FLY_AUTH_PASSWORD_MAX], size_t *len, fly_err *err)
{
    return fly_text_saslprep(server->env->mem, password, prepared, FLY_AUTH_PASSWORD_MAX, len, err);
}

fly_status fly_server_set_password(fly_server *server, const char *user, const char *password,
                                   fly_err *err)
{
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    fly_bytes text = fly_bytes_str(password);
    if (fly_auth_kind_of(text) != FLY_AUTH_NOT_A_VERIFIER) {
        return fly_sql_role_set_verifier(server->sql, user, password, err);
    }
    uint8_t prepared[FLY_AUTH_PASSWORD_MAX];
    size_t len = 0;
    fly_status status = fly__server_prepare(server, text, prepared, &len, err);
    if (status == FLY_E_FULL) {
        return fly_err_state(err, "22023", 0, "password is too long");
    }
    if (status == FLY_OK) {
        status = fly_auth_scram_make(server->env, fly_bytes_of(prepared, len), 0, verifier, err);
    }
    if (status == FLY_OK) {
        status = fly_sql_role_set_verifier(server->sql, user, verifier, err);
    }
    fly_auth_cleanse(prepared, sizeof prepared);
    return status;
}

/* --------------------------------------------------------------------------- auditing */

/* Once is enough: a trail that has stopped says so to everybody who tells it something. */
static void audit_failed(fly_server *server, const fly_err *err)
{
    fly_mutex_lock(&server->mutex);
    bool known = server->audit_stopped;
    server->audit_stopped = true;
    fly_mutex_unlock(&server->mutex);
    if (!known) {
        fly_log(server->env, FLY_LOG_ERROR, "the audit trail: %s", err->message);
    }
}

void fly_server_audit(fly_server *server, const fly_auth_event *event)
{
    fly_err err = {0};
    if (server->audit != NULL && fly_auth_audit_write(server->audit, event, &err) != FLY_OK) {
        audit_failed(server, &err);
    }
}

void fly_server_audit_sync(fly_server *server)
{
    fly_err err = {0};
    if (server->audit != NULL && fly_auth_audit_sync(server->audit, &err) != FLY_OK) {
        audit_failed(server, &err);
    }
}

void fly__server_from(const fly_server_peer *peer, char text[64])
{
    if (peer->unix_socket) {
        (void)snprintf(text, 64, "[local]");
    } else {
        bool six = strchr(peer->host, ':') != NULL;
        (void)snprintf(text, 64, six ? "[%s]:%u" : "%s:%u", peer->host, (unsigned)peer->port);
    }
}

/* ------------------------------------------------------------------------------- peers */

void fly_server_peer_of(const fly_net_conn *conn, const char *protocol, fly_server_peer *peer)
{
    fly_net_tls_info tls;
    const fly_net_peer_info *info = fly_net_peer(conn);
    memset(peer, 0, sizeof *peer);
    peer->protocol = protocol;
    (void)snprintf(peer->host, sizeof peer->host, "%s", info->host);
    peer->port = info->port;
    peer->loopback = info->loopback;
    peer->unix_socket = info->unix_socket;
    peer->tls = fly_net_tls_info_read(conn, &tls);
    if (peer->tls && tls.binding_len <= sizeof peer->binding.hash) {
        memcpy(peer->binding.hash, tls.binding, tls.binding_len);
        peer->binding.len = (uint32_t)tls.binding_len;
    }
}
