/* What the files of net-server share. */
#ifndef FLY_SERVER_INT_H
#define FLY_SERVER_INT_H

#include <fly/net_server.h>

#include <fly/auth_throttle.h>

enum {
    FLY_SERVER_NAME = 64, /* of a user or a database, terminator included */
    FLY_SERVER_ADDRESS = 16
};

struct fly_server {
    fly_env *env;
    fly_sql *sql;
    fly_server_options options;
    char dir[FLY_PATH_MAX]; /* "": nothing is kept */
    uint8_t secret[FLY_AUTH_KEY];
    fly_auth_policy policy; /* if options.policy, which points here */
    fly_auth_throttle *throttle;
    fly_auth_audit *audit; /* NULL: there is none */

    fly_mutex mutex;
    fly_cond derived;           /* mutex: somebody may derive now */
    uint32_t deriving;          /* mutex */
    uint32_t waiting;           /* mutex: for that */
    bool audit_stopped;         /* mutex: and the log knows */
    bool draining;              /* mutex */
    fly_atomic_u32 log_clients; /* who comes and goes */
    fly_server_stats stats;     /* mutex */
    fly_server_client *clients; /* mutex */
};

struct fly_server_client {
    fly_server *server;
    fly_sql_session *session;
    fly_server_client *next; /* server->mutex */
    fly_server_client *prev; /* server->mutex */
    char from[64];
    const char *protocol;
    char user[FLY_SERVER_NAME];
};

/* One more client of this user, if `limit` (-1: none) allows; 53300 otherwise. */
fly_status fly__server_client_create(fly_server *server, const fly_server_peer *peer,
                                     const char *user, const char *database, int32_t limit,
                                     fly_server_client **client, fly_err *err);

/* A password as verifiers are made of it. FLY_E_FULL: longer than any can be. */
fly_status fly__server_prepare(fly_server *server, fly_bytes password,
                               uint8_t prepared[FLY_AUTH_PASSWORD_MAX], size_t *len, fly_err *err);

/* Where somebody is, for people to read. */
void fly__server_from(const fly_server_peer *peer, char text[64]);

#endif
