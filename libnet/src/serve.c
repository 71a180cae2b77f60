/*
 * A turn: what the owner of a connection does with it before others may have it.
 *
 *             +--------------------------------------------------------+
 *             v                                                        |
 *      send what waits ──> full? ──yes──> wait for room (EPOLLOUT)     |
 *             |                                                        |
 *             v                                                        |
 *      enough input, or attention? ──no──> read ──nothing──> wait for input (EPOLLIN)
 *             |                              └─ bytes ─────────────────+
 *             v                                                        |
 *        protocol->run() ──────────────────────────────────────────────+
 *
 * Invariants.
 *
 *     S1  run() is called only when there is something for it: fresh input of the size it expects, room
 *         after it was told that output is full, a wake, a deadline, the client's end.
 *     S2  Nothing is read while output is full: a client that does not take answers is asked nothing.
 *     S3  A turn ends by arming the socket for what is missing, by the queue of the woken, or by closing.
 */
#include "net_int.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { CLOSE = 0, REQUEUE = 1 << 20 }; /* epoll knows no such event */

/* --------------------------------------------------------------------- bytes */

/* Send what waits, as far as the socket takes it; false if the connection is broken. */
bool fly__net_send(fly_net_conn *conn)
{
    fly__net_buffer *out = &conn->out;
    size_t before = fly__net_buffer_len(out);
    while (fly__net_buffer_len(out) > 0) {
        const uint8_t *data = out->data + out->at;
        size_t len = fly__net_buffer_len(out);
        int64_t sent;
        if (conn->ssl == NULL || conn->plain_left > 0) {
            size_t plain = conn->ssl == NULL ? len : conn->plain_left;
            sent = send(conn->fd, data, plain, MSG_NOSIGNAL);
            if (sent > 0 && conn->ssl != NULL) {
                conn->plain_left -= (size_t)sent;
            }
        } else if (conn->handshaking) {
            break;
        } else {
            sent = fly__net_tls_send(conn, data, len);
        }
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (sent <= 0) {
            return false;
        }
        out->at += (size_t)sent;
    }
    size_t sent_all = before - fly__net_buffer_len(out);
    if (out->at == out->end) {
        out->at = 0;
        out->end = 0;
    }
    if (sent_all > 0) {
        conn->sent_now += sent_all;
        conn->bytes_out += sent_all;
        fly_count_u64(&conn->net->bytes_out, sent_all);
        if (!conn->finished && !conn->handshaking) {
            conn->own_deadline = FLY_FOREVER; /* it moves: see watch_stall() */
        }
        FLY_TRACE(conn->net->env->trace, FLY_NET_EVENT_WRITTEN, conn->id, sent_all,
                  fly__net_buffer_len(out), 0);
    }
    return true;
}

/*
 * Read once into the room there is. A turn reads until nothing is there, although a short read told as
 * much: the next request of a quick client is often there by then, and costs no wait (bench_net_echo,
 * one client: 2.8 us of processor instead of 4.1). Memory doubles with what came, whatever was announced.
 */
fly__net_got fly__net_receive(fly_net_conn *conn)
{
    fly__net_buffer *in = &conn->in;
    size_t len = fly__net_buffer_len(in);
    if (len >= conn->input_max) {
        return FLY__NET_GOT_TOO_MUCH;
    }
    size_t room = conn->expect > len ? conn->expect - len : 1;
    room = room < in->size / 4 ? room : in->size / 4;
    if (!fly__net_buffer_grow(conn, in, room > 0 ? room : 1) && in->end == in->size) {
        return FLY__NET_GOT_TOO_MUCH;
    }
    int64_t got;
    do {
        got = conn->ssl == NULL
                  ? recv(conn->fd, in->data + in->end, in->size - in->end, 0)
                  : fly__net_tls_receive(conn, in->data + in->end, in->size - in->end);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        in->end += (size_t)got;
        conn->fresh = true;
        conn->bytes_in += (uint64_t)got;
        fly_count_u64(&conn->net->bytes_in, (uint64_t)got);
        FLY_TRACE(conn->net->env->trace, FLY_NET_EVENT_READ, conn->id, got, 0, 0);
        return FLY__NET_GOT_BYTES;
    }
    if (got == 0) {
        return FLY__NET_GOT_END;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        return FLY__NET_GOT_ERROR;
    }
    return FLY__NET_GOT_NOTHING;
}

/* --------------------------------------------------------------------- the end */

/*
 * Everything is sent. A socket that is closed while input waits makes the system send a reset, which can
 * destroy the farewell before the client has read it. So say that we are done, and throw away what comes
 * until the client is done too.
 */
static uint32_t farewell(fly_net_conn *conn)
{
    if (!conn->shut) {
        conn->shut = true;
        fly__net_tls_shut(conn);
        (void)shutdown(conn->fd, SHUT_WR);
    }
    uint8_t rubbish[4096];
    while (!conn->ended && conn->discarded < FLY__NET_DISCARD) {
        int64_t got = recv(conn->fd, rubbish, sizeof rubbish, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            /* Nothing was said just now, or it is no time for politeness: no reason to wait. */
            bool hurry = conn->sent_now == 0 || fly_load_u32(&conn->net->draining) != 0;
            return hurry && conn->discarded == 0 ? CLOSE : EPOLLIN;
        }
        if (got <= 0) {
            return CLOSE;
        }
        conn->discarded += (size_t)got;
    }
    return CLOSE;
}

/* --------------------------------------------------------------------- time */

/* Deadlines that have passed: false if it is the net's own. */
static bool look_at_clock(fly_net_conn *conn)
{
    uint64_t now = fly_now();
    if (now >= conn->own_deadline || (conn->handshaking && now >= conn->deadline)) {
        fly_count_u64(&conn->net->timeouts, 1);
        return false;
    }
    if (now >= conn->deadline) {
        fly_count_u64(&conn->net->timeouts, 1);
        conn->deadline = FLY_FOREVER;
        conn->timed_out = conn->deadline_what;
    }
    return true;
}

/* The client takes nothing: since when is what counts, so a deadline that stands is not moved. */
static void watch_stall(fly_net_conn *conn)
{
    uint64_t stall = conn->net->options.stall_ns;
    if (stall != 0 && conn->own_deadline == FLY_FOREVER && fly__net_buffer_len(&conn->out) > 0) {
        conn->own_deadline = fly_now() + stall;
    }
}

/* --------------------------------------------------------------------- a turn */

static void run(fly_net_conn *conn)
{
    fly_net *net = conn->net;
    conn->stalled = false;
    conn->fresh = false;
    conn->attention = false;
    if (fly_load_u32(&net->draining) != 0 && !conn->drained) {
        conn->drained = true;
        if (conn->protocol->drain != NULL) {
            conn->protocol->drain(conn);
        } else {
            fly_net_finish(conn);
        }
    }
    if (!conn->finished && !conn->cut) {
        bool traced = net->env->trace != NULL && fly_load_relaxed_u32(&net->env->trace->on) != 0;
        uint64_t began = traced ? fly_now() : 0;
        conn->protocol->run(conn);
        if (traced) {
            FLY_TRACE(net->env->trace, FLY_NET_EVENT_RAN, conn->id, fly_now() - began, 0, 0);
        }
    }
    conn->timed_out = 0;
    if (conn->ended && !conn->stalled && !conn->finished) {
        fly_net_finish(conn);
    }
}

static uint32_t handshake(fly_net_conn *conn)
{
    if (conn->plain_left > 0) {
        return EPOLLOUT;
    }
    int done = fly__net_tls_handshake(conn);
    if (done > 0) {
        conn->handshaking = false;
        conn->own_deadline = FLY_FOREVER;
        fly_count_u64(&conn->net->handshakes, 1);
    } else if (done < 0) {
        fly_count_u64(&conn->net->handshakes_failed, 1);
    }
    if (done != 0) {
        FLY_TRACE(conn->net->env->trace, FLY_NET_EVENT_HANDSHAKE, conn->id, done > 0, 0, 0);
    }
    if (done < 0) {
        return CLOSE;
    }
    return EPOLLIN | (done == 0 && conn->tls_wants_out ? EPOLLOUT : 0);
}

static uint32_t too_much(fly_net_conn *conn)
{
    fly_count_u64(&conn->net->overflows, 1);
    fly_log(conn->net->env, FLY_LOG_WARNING,
            "connection %" PRIu64 " from %s closed: a message of more than %zu bytes", conn->id,
            conn->peer.host, fly__net_buffer_len(&conn->in));
    return CLOSE;
}

static uint32_t waits(const fly_net_conn *conn)
{
    bool room = fly__net_buffer_len(&conn->out) > 0 || conn->tls_wants_out;
    return EPOLLIN | (room ? (uint32_t)EPOLLOUT : 0);
}

/* What the connection waits for at the end of its turn: an epoll mask, CLOSE or REQUEUE. */
static uint32_t serve(fly_net_conn *conn)
{
    fly_net *net = conn->net;
    for (uint32_t turns = 0;; turns++) {
        if (conn->cut || fly_load_u32(&net->stopping) != 0) {
            return CLOSE;
        }
        if ((fly__net_notice(conn->slot) & FLY__NET_WOKEN) != 0 ||
            (fly_load_u32(&net->draining) != 0 && !conn->drained)) {
            conn->attention = true;
        }
        if (conn->attention && !look_at_clock(conn)) {
            return CLOSE;
        }
        if (!fly__net_send(conn)) {
            return CLOSE;
        }
        if (conn->handshaking) {
            if (fly_load_u32(&net->draining) != 0) {
                return CLOSE;
            }
            uint32_t wait = handshake(conn);
            if (conn->handshaking || wait == CLOSE) {
                return wait;
            }
            continue;
        }
        size_t pending = fly__net_buffer_len(&conn->out);
        if (conn->finished) {
            return pending > 0 ? (uint32_t)EPOLLOUT : farewell(conn);
        }
        bool due = conn->attention || (!conn->stalled && conn->fresh &&
                                       fly__net_buffer_len(&conn->in) >= conn->expect);
        if (!due && conn->stalled) {
            if (pending > net->options.output_max / 2) {
                return EPOLLOUT;
            }
        } else if (!due) {
            switch (fly__net_receive(conn)) {
            case FLY__NET_GOT_BYTES:
                continue;
            case FLY__NET_GOT_NOTHING:
                return waits(conn);
            case FLY__NET_GOT_END:
                conn->ended = true;
                break;
            case FLY__NET_GOT_TOO_MUCH:
                return too_much(conn);
            case FLY__NET_GOT_ERROR:
                return CLOSE;
            }
        }
        run(conn);
        if (turns >= FLY__NET_TURNS) {
            return REQUEUE;
        }
    }
}

static bool arm(fly_net_conn *conn, uint32_t mask)
{
    struct epoll_event event = {.events = mask | EPOLLONESHOT, .data.u64 = conn->token};
    int op = conn->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    conn->in_epoll = true;
    return epoll_ctl(conn->net->epoll, op, conn->fd, &event) == 0;
}

/* Give up ownership until something happens; false if something has happened already, or the socket
 * cannot be waited for: `conn` is then still the caller's. */
bool fly__net_settle(fly_net_conn *conn, uint32_t mask)
{
    if (fly__net_buffer_len(&conn->in) == 0) {
        fly__net_buffer_back(conn, &conn->in);
    }
    if (fly__net_buffer_len(&conn->out) == 0) {
        fly__net_buffer_back(conn, &conn->out);
    }
    watch_stall(conn);
    uint64_t when = conn->deadline < conn->own_deadline ? conn->deadline : conn->own_deadline;
    if (when != FLY_FOREVER) {
        fly__net_timer_set(conn->net, conn->slot, when);
    }
    fly__net_slot *slot = conn->slot; /* from the moment it is armed it may be somebody else's */
    uint64_t token = conn->token;
    if (!arm(conn, mask)) {
        conn->cut = true;
        return false;
    }
    return fly__net_release(slot, token);
}

/* Serve an owned connection until it is given up, handed on, or closed. */
void fly__net_turn(fly__net_worker *worker, fly_net_conn *conn)
{
    conn->worker = worker;
    for (;;) {
        conn->sent_now = 0;
        uint32_t wait = serve(conn);
        if (wait == CLOSE) {
            fly__net_conn_destroy(conn);
            return;
        }
        if (wait == REQUEUE) {
            fly__net_requeue(conn->net, conn->slot);
            return;
        }
        if (fly__net_settle(conn, wait)) {
            return;
        }
    }
}
