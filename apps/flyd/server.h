/*
 * The server: an engine over the data directory, and the protocols that lead to it.
 */
#ifndef FLYD_SERVER_H
#define FLYD_SERVER_H

#include "process.h"

#include <fly/sql.h>

#define FLYD_VERSION "0.1.0"

typedef struct flyd_server {
    fly_env env;
    flyd_log *log;     /* keeps */
    int lock;          /* of the data directory; -1: none */
    uint64_t begun;    /* as fly_now() counts */
    bool fresh;        /* the data directory was empty */
    char *archive_dir; /* own: settings may go while segments still come; NULL: none */
    fly_sql *sql;
    struct flyd_fronts *fronts;
    flyd_ports ports;
} flyd_server;

/* Open the engine and listen. After a failure flyd_server_close() still has to be called. */
FLY_MUST_USE fly_status flyd_server_open(flyd_server *server, const flyd_settings *settings,
                                         flyd_log *log, fly_err *err);

/* Take what may change while it runs: certificates, time-outs. */
FLY_MUST_USE fly_status flyd_server_reload(flyd_server *server, const flyd_settings *settings,
                                           fly_err *err);

/* What is done every few seconds: what the audit trail has becomes durable. */
void flyd_server_tick(flyd_server *server);

/* Stop taking clients and let those that are there finish what they do, for `ms` at most; true: all
 * have. May be called again to wait longer. */
bool flyd_server_drain(flyd_server *server, int ms);

/* Cut off who is left, and close the engine: a clean end if this succeeds. */
FLY_MUST_USE fly_status flyd_server_close(flyd_server *server, fly_err *err);

#endif
