/*
 * What the files of libnet share: the net, its slots, its connections, its workers.
 *
 * A connection's memory comes and goes; the *slot* that stands for it stays until the net is closed.
 * Whoever is not the owner, that is epoll's events, wakes and timers, knows a slot by a token of its
 * index and its generation, and finds out from the slot's state whether it still means the same
 * connection:
 *
 *     63                      32 3             2        1      0
 *     +-------------------------+-------------------+-------+------+
 *     |       generation        |  again (2 kinds)  | owned | open |
 *     +-------------------------+-------------------+-------+------+
 *
 *            claim: event or wake                      release: armed again
 *     open ------------------------> open|owned ------------------------------> open
 *                                       |  ^
 *              event or wake meanwhile  |  |  the owner looks again instead of releasing
 *                                       v  |
 *                                   open|owned|again
 *
 * Invariants.
 *
 *     N1  What a connection contains is touched only by who owns it: the one who made `owned` of a
 *         state without it. The state's compare-and-swap is what hands the memory over.
 *     N2  An owner releases only after it has armed the socket in epoll, and only from a state without
 *         `again`; so no event and no wake is lost.
 *     N3  The generation of a slot grows when its connection closes, before its socket is closed; so a
 *         late event finds another generation, never another connection.
 */
#ifndef FLY_NET_INT_H
#define FLY_NET_INT_H

#define _GNU_SOURCE /* accept4(), SO_PEERCRED */

#include <fly/net.h>

typedef struct fly__net_slot fly__net_slot;
typedef struct fly__net_listening fly__net_listening;
typedef struct fly__net_worker fly__net_worker;

enum {
    FLY__NET_BUFFER = 16384,   /* bytes of a buffer at first */
    FLY__NET_CHUNK = 512,      /* slots that are made at a time */
    FLY__NET_CHUNKS = 2048,    /* so there are never more than a million */
    FLY__NET_SPARES = 4,       /* buffers that a worker keeps for the next connection */
    FLY__NET_ACCEPTS = 64,     /* clients that one worker lets in before it looks elsewhere */
    FLY__NET_TURNS = 64,       /* runs of one connection before others have their turn */
    FLY__NET_DISCARD = 1 << 20 /* bytes that are thrown away for a client that hears of its end */
};

#define FLY__NET_OPEN 1u
#define FLY__NET_OWNED 2u
#define FLY__NET_EVENT 4u /* again, because the socket has something */
#define FLY__NET_WOKEN 8u /* again, because somebody wants run() to be called */

/* Tokens of generation 0 are no connections. */
#define FLY__NET_TOKEN_WAKE 0u
#define FLY__NET_TOKEN_STOP 1u
#define FLY__NET_TOKEN_LISTEN 2u

/* Bytes [at, end) of `size` bytes at `data`. */
typedef struct fly__net_buffer {
    uint8_t *data;
    size_t size, at, end;
} fly__net_buffer;

static inline size_t fly__net_buffer_len(const fly__net_buffer *buffer)
{
    return buffer->end - buffer->at;
}

struct fly__net_slot {
    fly_atomic_u64 state;
    fly_net_conn *conn;        /* the owner's */
    fly__net_slot *next;       /* in the free list, or in the queue of the woken; their mutexes */
    fly_atomic_u64 timer_when; /* written under net->timers; FLY_FOREVER: not in the heap */
    uint32_t timer_at;         /* place in the heap; net->timers */
    uint32_t index;
};

struct fly_net_conn {
    fly_net *net;
    fly__net_slot *slot;
    fly__net_worker *worker; /* who owns it now */
    const fly__net_listening *from;
    const fly_net_protocol *protocol;
    uint64_t id;
    uint64_t token;
    int fd;

    fly__net_buffer in;
    fly__net_buffer out;
    size_t reserved; /* what the last fly_net_reserve() promised */
    size_t expect;   /* run() is not called for less input */
    size_t input_max;
    size_t plain_left; /* output that goes before TLS begins */
    size_t discarded;
    size_t sent_now; /* bytes that were sent in this turn */
    uint64_t bytes_in;
    uint64_t bytes_out;

    uint64_t deadline;     /* the protocol's */
    uint64_t own_deadline; /* of a handshake, a farewell, a client that does not read */
    uint32_t deadline_what;
    uint32_t timed_out;

    bool opened;    /* open() succeeded, close() is owed */
    bool attention; /* woken, timed out, draining: run() whatever the input */
    bool fresh;     /* input came that run() has not seen */
    bool stalled;   /* the protocol was told that output is full */
    bool ended;     /* the client sends no more */
    bool finished;
    bool cut;
    bool shut; /* our end was said goodbye with */
    bool drained;
    bool handshaking;
    bool tls_wants_out; /* the handshake or a renewal of keys waits for room */
    bool in_epoll;

    void *ssl; /* SSL, or NULL */
    fly_account account;
    fly_net_peer_info peer;
    size_t size; /* of this block */
    _Alignas(16) uint8_t state[];
};

struct fly__net_listening {
    fly__net_listening *next;
    int fd;
    uint32_t index;
    const fly_net_protocol *protocol;
    void *ctx;
    fly_net_tls *tls;
    fly_net_tls_mode tls_mode;
    uint16_t port;
    char *path; /* of a Unix socket; removed at the end */
    size_t path_size;
};

struct fly__net_worker {
    fly_park_watch watch; /* first: it is what its functions get */
    fly_net *net;
    fly_thread thread;
    uint32_t index;
    fly_atomic_u32 ended; /* it has returned or is about to: join it */
    fly_atomic_u32 parked;
    fly_atomic_u32 since; /* the keeper's tick in which it took its event; 0: it waits */
    uint32_t spares;
    uint8_t *spare[FLY__NET_SPARES];
};

struct fly_net {
    fly_env *env;
    fly_net_options options;
    fly_account account;
    int epoll;
    int wake_fd;
    int stop_fd;
    bool started;

    fly__net_listening *listeners; /* newest first; the creator's until the workers start */
    uint32_t listeners_count;
    fly_mutex listening; /* the sockets of the listeners */

    fly_mutex slots;
    fly__net_slot *free_slots; /* slots */
    fly_atomic_ptr chunks[FLY__NET_CHUNKS];
    fly_atomic_u32 chunks_count; /* written under slots */

    fly_mutex woken;
    fly__net_slot *woken_first; /* woken */
    fly__net_slot *woken_last;  /* woken */

    fly_mutex timers;
    fly__net_slot **heap; /* timers */
    uint32_t heap_len;    /* timers */
    uint32_t heap_size;   /* timers */

    fly_mutex keeper_mutex;
    fly_cond keeper_cond;
    fly_cond drain_cond; /* keeper_mutex: connections became fewer */
    fly_thread keeper;
    bool keeper_runs;          /* the creator's */
    bool poked;                /* keeper_mutex */
    bool paused;               /* keeper_mutex: listeners wait for file descriptors */
    fly__net_worker **workers; /* keeper_mutex: places, NULL where nobody is */

    fly_atomic_u32 workers_there; /* changed under keeper_mutex */
    fly_atomic_u32 parked;        /* workers that wait for something other than clients */
    fly_atomic_u32 tick;          /* counts the keeper's looks, from 1 */
    fly_atomic_u32 waiting;       /* workers in epoll_wait() */
    fly_atomic_u32 starved;       /* the keeper has been told that nobody waits */
    fly_atomic_u32 draining;
    fly_atomic_u32 stopping;
    fly_atomic_u32 connections;
    fly_atomic_u64 next_id;
    fly_atomic_u64 accepted, refused, timeouts, overflows;
    fly_atomic_u64 handshakes, handshakes_failed, bytes_in, bytes_out;
};

/* slots.c */
fly__net_slot *fly__net_slot_take(fly_net *net);
void fly__net_slot_give(fly_net *net, fly__net_slot *slot);
fly__net_slot *fly__net_slot_find(fly_net *net, uint64_t token);
bool fly__net_claim(fly__net_slot *slot, uint64_t token, uint64_t why);
bool fly__net_release(fly__net_slot *slot, uint64_t token);
uint64_t fly__net_notice(fly__net_slot *slot);
void fly__net_requeue(fly_net *net, fly__net_slot *slot);
fly__net_slot *fly__net_woken_take(fly_net *net);

/* timer.c */
bool fly__net_timer_reserve(fly_net *net, uint32_t slots);
void fly__net_timer_set(fly_net *net, fly__net_slot *slot, uint64_t when);
void fly__net_timer_drop(fly_net *net, fly__net_slot *slot);
uint64_t fly__net_timer_fire(fly_net *net, uint64_t now);

/* listen.c */
void fly__net_accept(fly__net_worker *worker, uint64_t token);
void fly__net_listen_end(fly_net *net);
void fly__net_listen_resume(fly_net *net);

/* conn.c */
fly_net_conn *fly__net_conn_create(fly_net *net, const fly__net_listening *from, int fd,
                                   const fly_net_peer_info *peer);
void fly__net_conn_destroy(fly_net_conn *conn);
bool fly__net_buffer_grow(fly_net_conn *conn, fly__net_buffer *buffer, size_t room);
void fly__net_buffer_back(fly_net_conn *conn, fly__net_buffer *buffer);
void fly__net_spares_free(fly__net_worker *worker);

/* serve.c */
typedef enum fly__net_got {
    FLY__NET_GOT_BYTES,
    FLY__NET_GOT_NOTHING,
    FLY__NET_GOT_END,
    FLY__NET_GOT_TOO_MUCH,
    FLY__NET_GOT_ERROR
} fly__net_got;
fly__net_got fly__net_receive(fly_net_conn *conn);
bool fly__net_send(fly_net_conn *conn);
bool fly__net_settle(fly_net_conn *conn, uint32_t mask);
void fly__net_turn(fly__net_worker *worker, fly_net_conn *conn);

/* worker.c */
fly_status fly__net_workers_start(fly_net *net, fly_err *err);
void fly__net_workers_end(fly_net *net);
void fly__net_poke(fly_net *net);

/* tls.c: like recv() and send(): bytes, 0 at the end, or -1 and errno, EAGAIN for later. */
fly_status fly__net_tls_begin(fly_net_conn *conn);
int fly__net_tls_handshake(fly_net_conn *conn); /* 1 done, 0 later, -1 failed */
int64_t fly__net_tls_receive(fly_net_conn *conn, uint8_t *data, size_t len);
int64_t fly__net_tls_send(fly_net_conn *conn, const uint8_t *data, size_t len);
void fly__net_tls_shut(fly_net_conn *conn);
void fly__net_tls_end(fly_net_conn *conn);

#endif
