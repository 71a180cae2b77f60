/**
 * @file net.h
 * @brief Connections: who listens, who serves, buffers, TLS, limits, and how it all ends.
 *
 *     clients ──> listeners ──> one epoll ──> workers ──> protocol->run(conn)
 *                                  ^                          │
 *                                  └────── armed again ───────┘
 *
 * A program describes a *protocol* by a table of functions, says where to listen, and starts. Workers
 * wait on one epoll. Whoever gets a connection that is ready owns it until it is armed again: reads,
 * calls the protocol, writes. No other thread touches it meanwhile, so a protocol needs no locks for
 * what belongs to a connection. A worker that blocks (on a lock, a disk, a long query) stops nobody:
 * others wait already, and more are started, up to a limit.
 *
 * A protocol sees bytes, never sockets:
 *
 *     static void echo_run(fly_net_conn *conn)
 *     {
 *         fly_bytes input = fly_net_input(conn);
 *         fly_net_write(conn, input.data, input.len);
 *         fly_net_consume(conn, input.len);
 *     }
 *
 * It never waits for its client. It takes what is whole and says how much it needs at least; it writes
 * until fly_net_full() and is called again when the client has taken some. Whether the bytes were
 * encrypted on their way is not its business.
 *
 * Limits are checked before memory is taken: connections, bytes of one message, memory of one
 * connection. An idle connection has no buffers.
 *
 * Threads: fly_net_wake() and fly_net_stats() may be called by any thread; functions of a
 * ::fly_net_conn only inside its protocol's functions; the rest by the thread that created the net.
 * Memory: what the env gives. Signals: workers block them all.
 */
#ifndef FLY_NET_H
#define FLY_NET_H

#include <fly/base_env.h>

/** @defgroup net libnet: connections */
/** @addtogroup net
 *  @{ */

#define FLY_NET_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_net fly_net;           /**< listeners, workers, connections */
typedef struct fly_net_conn fly_net_conn; /**< one connection, as its protocol sees it */
typedef struct fly_net_tls fly_net_tls;   /**< certificates and how strict to be with them */

/* ------------------------------------------------------------------ protocols */

/**
 * How to talk with a client. Functions are called by the worker that owns the connection, one at a
 * time; each returns soon or blocks only where the program wants that. Whoever implements one keeps
 * the table until the net is closed.
 */
typedef struct fly_net_protocol {
    const char *name;  /**< for messages and events */
    size_t state_size; /**< bytes of fly_net_state(), zero at first */
    /** What is sent to who is turned away because there are too many; may be empty. */
    fly_bytes refusal;
    /** A client came, nothing was read yet. May write. A failure closes, without close(): the message
     *  is logged. May be NULL. */
    fly_status (*open)(fly_net_conn *conn, fly_err *err);
    /** There is new input, output was drained, the connection was woken, its time is up, or the
     *  client has ended: look at everything, for several may be true. */
    void (*run)(fly_net_conn *conn);
    /** The connection ends; nothing more can be written. May be NULL. */
    void (*close)(fly_net_conn *conn);
    /** The net drains: finish as soon as that is decent. Called once. NULL: fly_net_finish(). */
    void (*drain)(fly_net_conn *conn);
} fly_net_protocol;

/* ------------------------------------------------------------------ the net */

/** Knobs. Zero means the default. */
typedef struct fly_net_options {
    /** Threads that are always there; default: as many as there are processors, at least 2. */
    uint32_t workers_min;
    /**
     * Threads there can be; default 1,024. Fewer than clients that may block at the same time can
     * stall: if all wait for locks, nobody serves the client who would release them.
     */
    uint32_t workers_max;
    uint64_t worker_idle_ns;  /**< after which an extra worker ends; default 5 s */
    uint32_t connections_max; /**< default 10,000 */
    size_t input_max;         /**< bytes of one message, see fly_net_expect(); default 64 MiB */
    size_t output_max;        /**< high-water mark, see fly_net_full(); default 64 KiB */
    /** Memory of one connection's buffers; default 256 MiB. */
    uint64_t memory_max;
    /** How long a client may take nothing while output waits; default 0: for ever. */
    uint64_t stall_ns;
    uint64_t handshake_ns; /**< how long a TLS handshake may take; default 10 s */
    uint64_t linger_ns;    /**< how long a finished connection may take to flush; default 5 s */
} fly_net_options;

/** When TLS begins. */
typedef enum fly_net_tls_mode {
    FLY_NET_TLS_ON_REQUEST, /**< when the protocol calls fly_net_start_tls() */
    FLY_NET_TLS_AT_ONCE     /**< with the first byte */
} fly_net_tls_mode;

/** Where to listen and what is spoken there. */
typedef struct fly_net_listener {
    /** Address or name, "*" for all of both families; or an absolute path: a Unix socket. Borrowed. */
    const char *host;
    uint16_t port;                    /**< 0: any free one. Of a Unix socket: not used */
    uint32_t unix_mode;               /**< permissions of a Unix socket; 0 means 0777 */
    const fly_net_protocol *protocol; /**< kept */
    void *ctx;                        /**< kept; fly_net_ctx() */
    fly_net_tls *tls;                 /**< kept; NULL: there is no TLS here */
    fly_net_tls_mode tls_mode;
    int backlog; /**< default 1,024 */
} fly_net_listener;

/**
 * @brief Create a net without listeners and threads.
 *
 * @param env      Keeps.
 * @param options  Borrows; NULL is all defaults.
 * @param[out] net Gives; fly_net_close().
 * @return FLY_E_NO_MEMORY; FLY_E_IO: no file descriptors.
 */
FLY_MUST_USE fly_status fly_net_create(fly_env *env, const fly_net_options *options, fly_net **net,
                                       fly_err *err);

/**
 * @brief Listen. From fly_net_start() on clients are served; until then they queue.
 *
 * A name that has several addresses is listened to at all of them, with one port. A Unix socket's
 * file is made, replacing one where nobody listens any more, and removed at the end.
 *
 * @param listener    Borrows, but see its fields.
 * @param[out] port   If not NULL: the port, chosen by the system if 0 was asked for.
 * @return FLY_E_LOCKED: somebody else listens there; FLY_E_PERMISSION; FLY_E_INVALID: no such address;
 *         FLY_E_IO; FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_net_listen(fly_net *net, const fly_net_listener *listener,
                                       uint16_t *port, fly_err *err);

/**
 * @brief Start the workers.
 *
 * @return FLY_E_NO_MEMORY, FLY_E_IO: a thread could not be started; fly_net_close() is what is left.
 */
FLY_MUST_USE fly_status fly_net_start(fly_net *net, fly_err *err);

/**
 * @brief Stop accepting, tell every protocol by its drain(), wait until all have finished.
 *
 * Listening sockets are closed at once. A connection whose run() is busy hears of it when that returns.
 * Not from a protocol.
 *
 * @param deadline  As fly_now() counts, or FLY_FOREVER.
 * @return FLY_E_TIMEOUT if some are left: fly_net_close() cuts them off.
 */
FLY_MUST_USE fly_status fly_net_drain(fly_net *net, uint64_t deadline);

/**
 * @brief Stop accepting, close every connection as soon as its run() has returned, end the workers.
 *
 * What was not flushed is lost. Waits for each run(): whoever wants to be quick cancels what they do
 * first. Twice is fine. Not from a protocol.
 */
void fly_net_stop(fly_net *net);

/** fly_net_stop(), then release everything. NULL is fine. No fly_net_ref may be used any more. */
void fly_net_close(fly_net *net);

/** What a net has done and does. */
typedef struct fly_net_stats {
    uint32_t workers;           /**< threads that are there */
    uint32_t workers_waiting;   /**< those that have nothing to do */
    uint32_t connections;       /**< that are open */
    uint64_t accepted;          /**< since the beginning */
    uint64_t refused;           /**< turned away: too many, no memory, or by open() */
    uint64_t timeouts;          /**< deadlines that passed */
    uint64_t overflows;         /**< closed because of a limit: of input, of memory */
    uint64_t handshakes;        /**< TLS handshakes that succeeded */
    uint64_t handshakes_failed; /**< and that did not */
    uint64_t bytes_in;          /**< as the protocols saw them */
    uint64_t bytes_out;         /**< likewise */
} fly_net_stats;

/** Numbers of this moment; each is right, but they need not fit together. Any thread. */
void fly_net_stats_read(fly_net *net, fly_net_stats *stats);

/* ------------------------------------------------------------------ in a protocol: input */

/** Everything that came and was not consumed. Valid until the protocol's function returns or calls
 *  fly_net_consume() or fly_net_read(). */
fly_bytes fly_net_input(const fly_net_conn *conn);

/** Take `n` bytes off the beginning of the input. Cancels what was expected. */
void fly_net_consume(fly_net_conn *conn, size_t n);

/**
 * @brief Say that nothing can be done before the input has at least `n` bytes.
 *
 * run() is then not called for less (but still when woken, timed out or at the end). Memory grows with
 * what comes, not with what was announced. Holds until something is consumed.
 *
 * @return FLY_E_TOO_LARGE beyond the limit: say so to the client and fly_net_finish(). No message.
 */
FLY_MUST_USE fly_status fly_net_expect(fly_net_conn *conn, size_t n);

/** Another limit for this connection's messages than the option `input_max`: smaller before a login,
 *  say. A client that sends more without anything being consumed is cut off. */
void fly_net_limit(fly_net_conn *conn, size_t input_max);

/**
 * @brief Read now what has come since run() was called, without waiting.
 *
 * For whoever works long and wants to see a cancellation, or streams input. What fly_net_input() gave
 * before is invalid.
 *
 * @return Whether the input is longer than before.
 */
bool fly_net_read(fly_net_conn *conn);

/** Whether the client has said that it sends no more. What is left of the input is all there is. When
 *  run() returns the connection finishes, unless output is full. */
bool fly_net_ended(const fly_net_conn *conn);

/* ------------------------------------------------------------------ in a protocol: output */

/**
 * @brief Room for `n` bytes of output, to be filled in place.
 *
 * @return Valid until the next call that writes. NULL if there is no memory: the connection is then
 *         broken, further output is dropped, and it is closed when the protocol's function returns.
 */
uint8_t *fly_net_reserve(fly_net_conn *conn, size_t n);

/** The first `n` of the bytes reserved last are output. */
void fly_net_commit(fly_net_conn *conn, size_t n);

/** Copy `n` bytes to the output. No memory: as fly_net_reserve(). */
void fly_net_write(fly_net_conn *conn, const void *data, size_t n);

/** Output that waits to be sent, in bytes. What is not flushed yet is at the end of it. */
size_t fly_net_pending(const fly_net_conn *conn);

/** Take back the newest output: what follows the first `pending` bytes, none of which was flushed. For
 *  a row that turns out to fail when half of it is written. */
void fly_net_rewind(fly_net_conn *conn, size_t pending);

/** Send what the socket takes, without waiting. Output is flushed anyway when run() returns. */
void fly_net_flush(fly_net_conn *conn);

/**
 * @brief Whether more output waits than the high-water mark, after trying to send it.
 *
 * A protocol then returns as soon as it can; run() is called again when most of it was taken. May be
 * ignored for what is small, an error message for instance.
 */
bool fly_net_full(fly_net_conn *conn);

/** Close when what was written is flushed (or `linger_ns` has passed). run() is not called again.
 *  Input is dropped. */
void fly_net_finish(fly_net_conn *conn);

/** Close when this function returns, flushed or not. */
void fly_net_cut(fly_net_conn *conn);

/** Whether the connection is about to close: finished, cut, or out of memory. */
bool fly_net_finished(const fly_net_conn *conn);

/* ------------------------------------------------------------------ in a protocol: time */

/**
 * @brief Set the connection's deadline, in place of the one before.
 *
 * @param nanoseconds  From now; 0: none.
 * @param what         The protocol's number for it, not 0.
 * @cost  A few instructions, if it is not earlier than the one before.
 */
void fly_net_timeout(fly_net_conn *conn, uint64_t nanoseconds, uint32_t what);

/** The number of the deadline that has passed, or 0. It is gone when run() returns. */
uint32_t fly_net_timed_out(const fly_net_conn *conn);

/* ------------------------------------------------------------------ in a protocol: who it is */

/** The protocol's own memory: `state_size` bytes, aligned for any type. */
void *fly_net_state(const fly_net_conn *conn);

/** The `ctx` of the listener. */
void *fly_net_ctx(const fly_net_conn *conn);

/** The connection's number: never given twice by a net. */
uint64_t fly_net_id(const fly_net_conn *conn);

/** Memory for what belongs to a connection: counted, and limited by `memory_max`. */
fly_mem *fly_net_mem(fly_net_conn *conn);

/** The net is draining: whoever comes to a point where it may end should. */
bool fly_net_draining(const fly_net_conn *conn);

/** Where a client is. */
typedef struct fly_net_peer_info {
    char host[48];    /**< numeric address, IPv4 in IPv6 as IPv4; "[local]" of a Unix socket */
    uint16_t port;    /**< 0 of a Unix socket */
    uint16_t at_port; /**< ours */
    bool loopback;    /**< on this machine by TCP */
    bool unix_socket; /**< on this machine by a Unix socket; then these: */
    uint32_t uid, gid, pid;
} fly_net_peer_info;

/** Where the client is. Valid as long as the connection. */
const fly_net_peer_info *fly_net_peer(const fly_net_conn *conn);

/* ------------------------------------------------------------------ waking */

/** Names a connection for other threads, and goes on doing so when the connection is gone. */
typedef struct fly_net_ref {
    fly_net *net;
    uint64_t id;
} fly_net_ref;

/** A name for this connection. */
fly_net_ref fly_net_ref_of(const fly_net_conn *conn);

/**
 * @brief Make the connection's run() be called once, soon, by a worker. If it is running, it runs again.
 *
 * Several wakes may become one run. A connection that has ended is left alone. A zero ref is fine.
 * Takes mutexes of rank leaf only, so that it may be called with others held.
 *
 * @threads Any, until fly_net_close(); inside protocols, too.
 */
void fly_net_wake(fly_net_ref ref);

/* ------------------------------------------------------------------ TLS */

/** Whether clients show certificates. */
typedef enum fly_net_verify {
    FLY_NET_VERIFY_NONE,     /**< not asked for */
    FLY_NET_VERIFY_OPTIONAL, /**< asked for; one that is shown must be good */
    FLY_NET_VERIFY_REQUIRED  /**< without a good one there is no connection */
} fly_net_verify;

/** What TLS is done with. Texts are copied. */
typedef struct fly_net_tls_options {
    const char *certificate; /**< PEM file: the server's certificate, then its chain */
    const char *key;         /**< PEM file: its private key */
    const char
        *authorities;    /**< PEM file: who may have signed clients' certificates; NULL: nobody */
    const char *revoked; /**< PEM file: revocation lists; NULL: none */
    fly_net_verify verify;
    bool allow_1_2;      /**< TLS 1.2, besides 1.3 */
    const char *ciphers; /**< of TLS 1.2, as OpenSSL names them; NULL: forward secrecy with AEAD */
} fly_net_tls_options;

/**
 * @brief Read certificates and keys.
 *
 * @return FLY_E_NOT_FOUND, FLY_E_INVALID: a file that is not what it should be, a key of another
 *         certificate; FLY_E_PERMISSION: the key can be read by everybody; FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_net_tls_create(fly_env *env, const fly_net_tls_options *options,
                                           fly_net_tls **tls, fly_err *err);

/** Read the files again. New connections use what is there now; if something is wrong with it, what was
 *  there before. Any thread. */
FLY_MUST_USE fly_status fly_net_tls_reload(fly_net_tls *tls, fly_err *err);

/** Release, after the nets that use it. NULL is fine. */
void fly_net_tls_destroy(fly_net_tls *tls);

/**
 * @brief Go over to TLS: what was written so far goes in plain, everything after it encrypted.
 *
 * Nothing may have come from the client beyond what was consumed: bytes that somebody could have slipped
 * in before the handshake are not taken for the client's. run() is called next when the first
 * encrypted bytes have come.
 *
 * @return FLY_E_UNSUPPORTED if the listener has no TLS. FLY_E_INVALID if there is input
 *         (CVE-2021-23214), FLY_E_NO_MEMORY: the connection is cut.
 */
fly_status fly_net_start_tls(fly_net_conn *conn);

/** Whether fly_net_start_tls() would work. */
bool fly_net_tls_offered(const fly_net_conn *conn);

/** What is known of a connection's encryption. */
typedef struct fly_net_tls_info {
    char version[16];         /**< e.g. "TLSv1.3" */
    char cipher[64];          /**< e.g. "TLS_AES_256_GCM_SHA384" */
    uint32_t bits;            /**< of the cipher's key */
    bool client_certificate;  /**< one was shown, and is good */
    char client_subject[256]; /**< of the certificate, as RFC 2253 writes it */
    char client_name[64]; /**< its common name; empty if it has none, or one with a zero in it */
    uint8_t binding[64];  /**< tls-server-end-point (RFC 5929), for SCRAM-SHA-256-PLUS */
    size_t binding_len;   /**< 0: there is none for this kind of certificate */
} fly_net_tls_info;

/** Fill `info` and return true if the connection is encrypted. */
bool fly_net_tls_info_read(const fly_net_conn *conn, fly_net_tls_info *info);

/** Whether the connection is encrypted. */
bool fly_net_encrypted(const fly_net_conn *conn);

/* ------------------------------------------------------------------ events */

/** What a net emits to its env's trace. */
enum {
    FLY_NET_EVENT_ACCEPTED = FLY_TRACE_ID(FLY_TRACE_NET, 0),  /**< connection, port */
    FLY_NET_EVENT_REFUSED = FLY_TRACE_ID(FLY_TRACE_NET, 1),   /**< port, connections */
    FLY_NET_EVENT_READ = FLY_TRACE_ID(FLY_TRACE_NET, 2),      /**< connection, bytes */
    FLY_NET_EVENT_WRITTEN = FLY_TRACE_ID(FLY_TRACE_NET, 3),   /**< connection, bytes, pending */
    FLY_NET_EVENT_RAN = FLY_TRACE_ID(FLY_TRACE_NET, 4),       /**< connection, nanoseconds */
    FLY_NET_EVENT_CLOSED = FLY_TRACE_ID(FLY_TRACE_NET, 5),    /**< connection, bytes in and out */
    FLY_NET_EVENT_HANDSHAKE = FLY_TRACE_ID(FLY_TRACE_NET, 6), /**< connection, whether it is good */
    FLY_NET_EVENT_WORKERS = FLY_TRACE_ID(FLY_TRACE_NET, 7)    /**< threads, those that wait */
};

FLY_EXTERN_C_END
/** @} */
#endif
