/**
 * @file net_binary.h
 * @brief The binary protocol, for drivers: queries, prepared statements, cursors, metadata.
 *
 *     static fly_binary_front front = {.server = server};
 *     fly_net_listen(net, &(fly_net_listener){.host = "localhost", .port = 8889,
 *                    .protocol = &fly_binary_protocol, .ctx = &front}, &port, &err);
 *
 * Its frames are those of net-frame; what they mean is told in docs/protocols/binary.md. net-client is the
 * other side.
 *
 * Threads: as libnet's protocols.
 */
#ifndef FLY_NET_BINARY_H
#define FLY_NET_BINARY_H

#include <fly/net.h>
#include <fly/net_server.h>

/** @defgroup net_binary net-binary: the binary protocol */
/** @addtogroup net_binary
 *  @{ */

#define FLY_NET_BINARY_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

/** What a listener's `ctx` points to. */
typedef struct fly_binary_front {
    fly_server *server;  /**< logs clients in */
    const char *version; /**< of the program, as GetServerInfo tells it; NULL: this library's */
    size_t frame_max;    /**< bytes of a payload after the login; 0: 16 MiB */
} fly_binary_front;

/** The protocol, for a ::fly_net_listener whose `ctx` is a ::fly_binary_front. */
extern const fly_net_protocol fly_binary_protocol;

FLY_EXTERN_C_END
/** @} */

#endif
