/**
 * @file net_server.h
 * @brief What all protocols share: who may come in, how that is proven, and what is told about it.
 *
 *     fly_server_login *login;
 *     fly_server_login_begin(server, &peer, "alice", "shop", true, &login, &err);
 *     if (fly_server_login_method(login) == FLY_SERVER_SCRAM) {
 *         fly_server_login_mechanism(login, name, &err);                 // what the client chose
 *         while ((status = fly_server_login_step(login, message, &reply, &err)) == FLY_E_AGAIN) {
 *             ... send reply, wait for the next message ...
 *         }
 *     } else {
 *         status = fly_server_login_password(login, password, &err);
 *     }
 *     if (status == FLY_OK) {
 *         status = fly_server_login_open(login, &client, &err);
 *     }
 *     fly_server_login_end(login);
 *     ... fly_server_client_session(client) ...
 *     fly_server_client_close(client);
 *
 * Every failure has the SQLSTATE and the words that PostgreSQL has for it, and tells nobody whether a
 * user exists: an unknown one gets the same exchange, the same error and the same time. What really
 * happened goes to the audit trail. A protocol that got a failure sends it and closes.
 *
 * Passwords are taken over TLS, from this machine, or through a Unix socket, unless the options say
 * otherwise. Deriving keys from them is slow by intent, so only so many are derived at a time; SCRAM
 * costs the server next to nothing. Who fails again and again is told to wait, longer each time.
 *
 * Threads: a ::fly_server is thread-safe; a login or a client belongs to one thread at a time.
 */
#ifndef FLY_NET_SERVER_H
#define FLY_NET_SERVER_H

#include <fly/auth.h>
#include <fly/auth_audit.h>
#include <fly/net.h>
#include <fly/sql.h>

/** @defgroup net_server net-server: what all protocols share */
/** @addtogroup net_server
 *  @{ */

#define FLY_NET_SERVER_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_server fly_server;               /**< shared by all connections */
typedef struct fly_server_login fly_server_login;   /**< somebody who is not in yet */
typedef struct fly_server_client fly_server_client; /**< somebody who is */

/* ------------------------------------------------------------------- the server */

/** Knobs. Zero means the default. */
typedef struct fly_server_options {
    /** Where the server keeps what must outlive it, a secret for unknown users' salts: a directory
     *  that exists, "data/_system". Copied. NULL: nothing is kept. */
    const char *dir;
    bool audit; /**< keep an audit trail in `dir`: logins, definitions, grants, what was denied */
    uint32_t sessions_max;      /**< logins and clients at a time; default 10,000 */
    uint32_t sessions_reserved; /**< of these, for superusers only; default 3 */
    uint32_t derivations_max;   /**< passwords checked at the same time; default 1 */
    uint32_t derivations_queue; /**< logins that may wait for that; default 64 */
    uint64_t login_ms;          /**< from connecting to being in; default 60,000 */
    uint64_t idle_ms;        /**< between statements, outside a transaction; default 0: for ever */
    uint64_t statement_ms;   /**< statement_timeout of sessions that set none; default 0: none */
    bool passwords_in_clear; /**< take passwords from other machines without TLS */
    bool tls_only;           /**< other machines must use TLS, whatever the method */
    const fly_auth_policy *policy;         /**< of passwords; NULL: any will do. Copied */
    const fly_auth_scheme *const *schemes; /**< besides SCRAM; NULL-terminated list, kept */
} fly_server_options;

/**
 * @brief Create what protocols share.
 *
 * @param env      Keeps.
 * @param sql      Keeps: an engine that stays open until the server is destroyed.
 * @param options  Borrows, but see its fields; NULL is all defaults.
 * @param[out] server  Gives; fly_server_destroy().
 * @return FLY_E_NO_MEMORY; FLY_E_IO and others: `dir` cannot be used.
 */
FLY_MUST_USE fly_status fly_server_create(fly_env *env, fly_sql *sql,
                                          const fly_server_options *options, fly_server **server,
                                          fly_err *err);

/** Release. No login and no client may be left. NULL is fine. */
void fly_server_destroy(fly_server *server);

/** The engine. */
fly_sql *fly_server_sql(const fly_server *server);

/**
 * @brief Tell the audit trail of something that the server does not see itself: a backup, a restore, a
 *        change of keys, the process's beginning and end. Does nothing if there is none.
 *
 * A trail that cannot be written is told to the log, once, and the server goes on.
 */
void fly_server_audit(fly_server *server, const fly_auth_event *event);

/** Whether the log has a line for each client that comes and goes. Any time, any thread. */
void fly_server_log_clients(fly_server *server, bool yes);

/** What of a statement may stand in a log: all that is before the word "password". */
fly_bytes fly_server_loggable(fly_bytes text);

/** Make what the trail has durable: now and then, when nobody comes. */
void fly_server_audit_sync(fly_server *server);

/** Turn new logins away from now on, with 57P03: the server is about to end. */
void fly_server_drain(fly_server *server);

/** Whether a user has a password: what a first start asks about "admin". */
FLY_MUST_USE fly_status fly_server_has_password(fly_server *server, const char *user, bool *has,
                                                fly_err *err);

/** Give a user a password, or a verifier that was made of one elsewhere. @return FLY_E_INVALID with
 *  42704: there is no such user. */
FLY_MUST_USE fly_status fly_server_set_password(fly_server *server, const char *user,
                                                const char *password, fly_err *err);

/** What a server has done and does. */
typedef struct fly_server_stats {
    uint64_t logins;       /**< that succeeded */
    uint64_t refused;      /**< wrong password, unknown user, may not log in, no such database */
    uint64_t throttled;    /**< told to wait, without looking at a password */
    uint64_t turned_away;  /**< too many clients, or draining */
    uint64_t derivations;  /**< passwords checked by the slow way */
    uint32_t logging_in;   /**< now */
    uint32_t clients;      /**< now */
    uint32_t clients_peak; /**< the most there were */
} fly_server_stats;

/** Numbers of this moment. */
void fly_server_stats_read(fly_server *server, fly_server_stats *stats);

/* ---------------------------------------------------------------------- logins */

/** Where a client is, and how it talks. */
typedef struct fly_server_peer {
    const char *protocol; /**< "postgresql", "text", "binary", "resp", "http"; kept */
    char host[48];        /**< numeric address; of a Unix socket anything */
    uint16_t port;
    bool loopback;    /**< on this machine by TCP */
    bool unix_socket; /**< on this machine by a Unix socket */
    bool tls;
    fly_auth_binding binding; /**< with TLS: tls-server-end-point; len 0: there is none */
} fly_server_peer;

/** What is known of a connection's other end. @param protocol Kept. */
void fly_server_peer_of(const fly_net_conn *conn, const char *protocol, fly_server_peer *peer);

/** How somebody proves who it is. */
typedef enum fly_server_method {
    FLY_SERVER_SCRAM,   /**< by SCRAM-SHA-256, or by SCRAM-SHA-256-PLUS if that is offered */
    FLY_SERVER_PASSWORD /**< by the password itself */
} fly_server_method;

/** How long a login may take, in nanoseconds: the deadline of a new connection. */
uint64_t fly_server_login_ns(const fly_server *server);

/**
 * @brief Somebody wants in.
 *
 * @param peer      Copied.
 * @param user      Copied. Longer than a name can be is cut, as PostgreSQL cuts it.
 * @param database  Copied. NULL or "": "default".
 * @param scram     Whether the protocol can do SCRAM.
 * @param[out] login  Gives; fly_server_login_end(). Set only when FLY_OK is returned.
 * @return FLY_E_INVALID with 28000: this way no password is taken, or TLS is missing, or there
 *         were too many failures; 53300: too many clients; 57P03: the server ends. FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_server_login_begin(fly_server *server, const fly_server_peer *peer,
                                               const char *user, const char *database, bool scram,
                                               fly_server_login **login, fly_err *err);

/** What the client is to be asked for. FLY_SERVER_PASSWORD if the protocol cannot do SCRAM, or if this
 *  user's verifier is of another kind. */
fly_server_method fly_server_login_method(const fly_server_login *login);

/** Whether SCRAM-SHA-256-PLUS is to be offered, before SCRAM-SHA-256. */
bool fly_server_login_plus(const fly_server_login *login);

/** The client chose a SASL mechanism. @return FLY_E_INVALID with 08P01: not one that was offered. */
FLY_MUST_USE fly_status fly_server_login_mechanism(fly_server_login *login, fly_bytes mechanism,
                                                   fly_err *err);

/**
 * @brief Take a SCRAM message.
 *
 * @param[out] reply  To be sent, if FLY_E_AGAIN or FLY_OK is returned. Valid until the login ends.
 * @return FLY_E_AGAIN: the exchange goes on. FLY_OK: it was the password. FLY_E_INVALID with 28P01: it
 *         was not; with 08P01, 28000, 0A000: this is no message of the exchange.
 */
FLY_MUST_USE fly_status fly_server_login_step(fly_server_login *login, fly_bytes message,
                                              fly_bytes *reply, fly_err *err);

/**
 * @brief Take a password.
 *
 * Waits while others' passwords are checked, and takes tens of milliseconds of processor time.
 *
 * @return FLY_E_INVALID with 28P01: it is wrong; with 53300: too many wait already.
 */
FLY_MUST_USE fly_status fly_server_login_password(fly_server_login *login, fly_bytes password,
                                                  fly_err *err);

/**
 * @brief Open the session of somebody who has proven who it is.
 *
 * @param[out] client  Gives; fly_server_client_close().
 * @return FLY_E_INVALID with 3D000: no such database; 28000: may not log in; 42501: not into this
 *         database; 53300: too many sessions of this user. The login can only be ended then.
 */
FLY_MUST_USE fly_status fly_server_login_open(fly_server_login *login, fly_server_client **client,
                                              fly_err *err);

/** The login took too long: fill `err` with what to say. @return FLY_E_TIMEOUT. */
fly_status fly_server_login_expired(fly_server_login *login, fly_err *err);

/** End a login, however it went. NULL is fine. */
void fly_server_login_end(fly_server_login *login);

/* --------------------------------------------------------------------- clients */

/** The session. It is closed with the client. */
fly_sql_session *fly_server_client_session(const fly_server_client *client);

/** The user that it logged in as. */
const char *fly_server_client_user(const fly_server_client *client);

/** How long the client may stay idle from now on, in nanoseconds; 0: for ever. To be asked after each
 *  statement: the session's settings and whether a transaction is open decide. */
uint64_t fly_server_client_idle_ns(const fly_server_client *client);

/** The client was idle for too long: fill `err` with what to say before closing: 57P05, or 25P03 in a
 *  transaction. @return FLY_E_TIMEOUT. */
fly_status fly_server_client_idled(const fly_server_client *client, fly_err *err);

/** Close the session and forget the client. NULL is fine. */
void fly_server_client_close(fly_server_client *client);

FLY_EXTERN_C_END
/** @} */
#endif
