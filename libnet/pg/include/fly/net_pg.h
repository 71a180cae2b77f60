/**
 * @file net_pg.h
 * @brief PostgreSQL's protocol 3.0: what psql, drivers and tools speak.
 *
 * Threads: pure.
 */
#ifndef FLY_NET_PG_H
#define FLY_NET_PG_H

#include <fly/base.h>

/** @defgroup net-pg libnet/pg: PostgreSQL's protocol */
/** @addtogroup net-pg
 *  @{ */

#define FLY_NET_PG_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

/** Limits. */
enum {
    FLY_PG_MESSAGE_MAX =
        256 << 20 /**< bytes of one message from a client, unless options say less */
};

FLY_EXTERN_C_END
/** @} */

#endif
