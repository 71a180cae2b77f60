/**
 * @file net_pg.h
 * @brief PostgreSQL's protocol 3.0: what psql, drivers and tools speak.
 *
 *     fly_pg *pg;
 *     fly_pg_create(&env, &(fly_pg_options){.server = server}, &pg, &err);
 *     fly_net_listen(net, &(fly_net_listener){.host = "127.0.0.1", .port = 5432,
 *                                             .protocol = &fly_pg_protocol, .ctx = pg}, NULL, &err);
 *     fly_net_start(net, &err);
 *     ...
 *     fly_net_close(net);
 *     fly_pg_destroy(pg);
 *
 * What is spoken, and what is not, stands in docs/protocols/postgresql.md.
 *
 * Threads: a ::fly_pg is thread-safe.
 */
#ifndef FLY_NET_PG_H
#define FLY_NET_PG_H

#include <fly/net_server.h>

/** @defgroup net_pg libnet/pg: PostgreSQL's protocol */
/** @addtogroup net_pg
 *  @{ */

#define FLY_NET_PG_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_pg fly_pg; /**< what the connections of a listener share */

/** Knobs. Zero means the default. */
typedef struct fly_pg_options {
    fly_server *server;   /**< kept: who lets clients in */
    fly_sql *sql;         /**< if there is no server: kept; everybody is who they say they are */
    uint32_t message_max; /**< bytes of one message; default 64 MiB */
} fly_pg_options;

/**
 * @brief Create what connections share.
 *
 * @param env      Keeps.
 * @param options  Borrows, but see its fields.
 * @param[out] pg  Gives; fly_pg_destroy().
 */
FLY_MUST_USE fly_status fly_pg_create(fly_env *env, const fly_pg_options *options, fly_pg **pg,
                                      fly_err *err);

/** Release, when no connection is left. NULL is fine. */
void fly_pg_destroy(fly_pg *pg);

/** Cancel what all sessions run: before fly_net_stop(), so that it need not wait. */
void fly_pg_cancel_all(fly_pg *pg);

/** The protocol, for fly_net_listen(); the listener's ctx is a ::fly_pg. */
extern const fly_net_protocol fly_pg_protocol;

FLY_EXTERN_C_END
/** @} */

#endif
