/*
 * Listening and letting in.
 *
 * A listening socket is armed in epoll like a connection: one worker has it, lets a batch in, arms it
 * again. When the process has no file descriptors left, the sockets are left unarmed for a moment: the
 * client waits in the queue, and no worker spins on a socket that is ready and cannot be accepted from.
 *
 * What accepted sockets inherit is set once at the listening one: no delay of small packets, keepalive.
 */
#include "net_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --------------------------------------------------------------------- listening */

static fly_status refusal_of(int os_errno)
{
    switch (os_errno) {
    case EADDRINUSE:
        return FLY_E_LOCKED;
    case EACCES:
    case EPERM:
        return FLY_E_PERMISSION;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL:
        return FLY_E_INVALID;
    case ENOMEM:
        return FLY_E_NO_MEMORY;
    default:
        return FLY_E_IO;
    }
}

static bool set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* A socket that listens at `address`, with what accepted ones inherit. -1 and errno. */
static int socket_listening(const struct sockaddr *address, socklen_t len, int backlog)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    bool good = true;
    if (address->sa_family != AF_UNIX) {
        good = set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
               set(fd, IPPROTO_TCP, TCP_NODELAY, 1) && set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 120) &&
               set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 30) && set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
    }
    if (address->sa_family == AF_INET6) {
        good = good && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (!good || bind(fd, address, len) != 0 || listen(fd, backlog) != 0) {
        int os_errno = errno;
        close(fd);
        errno = os_errno;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static void listening_close(fly_net *net, fly__net_listening *listening)
{
    if (listening->fd >= 0) {
        close(listening->fd);
        listening->fd = -1;
        if (listening->path != NULL) {
            (void)unlink(listening->path);
        }
    }
    (void)net;
}

static bool listening_arm(fly_net *net, fly__net_listening *listening, int op)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = FLY__NET_TOKEN_LISTEN + listening->index};
    return epoll_ctl(net->epoll, op, listening->fd, &event) == 0;
}

/* Keep a listening socket; it belongs to the net from here on, and in case of failure is closed. */
static fly_status keep(fly_net *net, const fly_net_listener *listener, int fd, const char *path,
                       fly_err *err)
{
    fly__net_listening *listening = fly_mem_calloc(&net->account.mem, 1, sizeof *listening);
    char *copy = NULL;
    size_t path_size = path != NULL ? strlen(path) + 1 : 0;
    if (path != NULL) {
        copy = fly_mem_alloc(&net->account.mem, path_size);
    }
    if (listening == NULL || (path != NULL && copy == NULL)) {
        close(fd);
        fly_mem_free(&net->account.mem, copy, path_size);
        fly_mem_free(&net->account.mem, listening, sizeof *listening);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to listen at \"%s\"", listener->host);
    }
    if (path != NULL) {
        memcpy(copy, path, path_size);
    }
    *listening = (fly__net_listening){
        .next = net->listeners,
        .fd = fd,
        .index = net->listeners_count++,
        .protocol = listener->protocol,
        .ctx = listener->ctx,
        .tls = listener->tls,
        .tls_mode = listener->tls_mode,
        .port = path != NULL ? 0 : port_of(fd),
        .path = copy,
        .path_size = path_size,
    };
    net->listeners = listening;
    if (!listening_arm(net, listening, EPOLL_CTL_ADD)) {
        return fly_err_os(err, FLY_E_IO, errno, "wait for clients at \"%s\"", listener->host);
    }
    return FLY_OK;
}

/* Whether a Unix socket's file is one where nobody listens any more. */
static bool is_left_over(const struct sockaddr_un *address)
{
    struct stat about;
    if (lstat(address->sun_path, &about) != 0 || !S_ISSOCK(about.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static fly_status listen_unix(fly_net *net, const fly_net_listener *listener, int backlog,
                              fly_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(listener->host);
    if (len >= sizeof address.sun_path) {
        return fly_err_set(err, FLY_E_INVALID,
                           "the path of a Unix socket has at most %zu bytes: \"%s\"",
                           sizeof address.sun_path - 1, listener->host);
    }
    memcpy(address.sun_path, listener->host, len);
    int fd = socket_listening((const struct sockaddr *)&address, sizeof address, backlog);
    if (fd < 0 && errno == EADDRINUSE && is_left_over(&address)) {
        (void)unlink(address.sun_path);
        fd = socket_listening((const struct sockaddr *)&address, sizeof address, backlog);
    }
    if (fd < 0) {
        return fly_err_os(err, refusal_of(errno), errno, "listen at \"%s\"", listener->host);
    }
    mode_t mode = listener->unix_mode != 0 ? (mode_t)listener->unix_mode : 0777;
    if (chmod(address.sun_path, mode) != 0) {
        int os_errno = errno;
        close(fd);
        (void)unlink(address.sun_path);
        return fly_err_os(err, refusal_of(os_errno), os_errno, "give \"%s\" its permissions",
                          listener->host);
    }
    return keep(net, listener, fd, listener->host, err);
}

static void port_set(struct sockaddr *address, uint16_t port)
{
    if (address->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    }
}

static fly_status listen_tcp(fly_net *net, const fly_net_listener *listener, int backlog,
                             uint16_t *port, fly_err *err)
{
    bool any = listener->host == NULL || strcmp(listener->host, "*") == 0;
    const char *host = any ? "*" : listener->host;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int trouble = getaddrinfo(any ? NULL : host, "0", &hints, &found);
    if (trouble != 0) {
        return fly_err_set(err, FLY_E_INVALID, "find the address \"%s\" to listen at: %s", host,
                           gai_strerror(trouble));
    }
    uint16_t chosen = listener->port;
    fly_status status = FLY_OK;
    uint32_t listening = 0;
    int last = 0;
    for (struct addrinfo *at = found; at != NULL && status == FLY_OK; at = at->ai_next) {
        if (at->ai_family != AF_INET && at->ai_family != AF_INET6) {
            continue;
        }
        port_set(at->ai_addr, chosen);
        int fd = socket_listening(at->ai_addr, at->ai_addrlen, backlog);
        if (fd >= 0) {
            listening++;
            chosen = chosen != 0 ? chosen : port_of(fd);
            status = keep(net, listener, fd, NULL, err);
        } else if (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) {
            last = errno; /* a machine without IPv6 has names for it all the same */
        } else {
            status = fly_err_os(err, refusal_of(errno), errno, "listen at \"%s\" port %u", host,
                                (unsigned)chosen);
        }
    }
    freeaddrinfo(found);
    if (status == FLY_OK && listening == 0) {
        status = fly_err_os(err, FLY_E_INVALID, last, "listen at \"%s\" port %u", host,
                            (unsigned)chosen);
    }
    if (status == FLY_OK && port != NULL) {
        *port = chosen;
    }
    return status;
}

fly_status fly_net_listen(fly_net *net, const fly_net_listener *listener, uint16_t *port,
                          fly_err *err)
{
    FLY_ASSERT(!net->started);
    FLY_ASSERT(listener->protocol != NULL);
    FLY_ASSERT(listener->protocol->run != NULL);
    int backlog = listener->backlog > 0 ? listener->backlog : 1024;
    if (listener->host != NULL && listener->host[0] == '/') {
        fly_status status = listen_unix(net, listener, backlog, err);
        if (status == FLY_OK && port != NULL) {
            *port = 0;
        }
        return status;
    }
    return listen_tcp(net, listener, backlog, port, err);
}

void fly__net_listen_end(fly_net *net)
{
    fly_mutex_lock(&net->listening);
    for (fly__net_listening *at = net->listeners; at != NULL; at = at->next) {
        listening_close(net, at);
    }
    fly_mutex_unlock(&net->listening);
}

/* Descriptors may be there again: arm all listening sockets. */
void fly__net_listen_resume(fly_net *net)
{
    fly_mutex_lock(&net->listening);
    for (fly__net_listening *at = net->listeners; at != NULL; at = at->next) {
        if (at->fd >= 0) {
            (void)listening_arm(net, at, EPOLL_CTL_MOD);
        }
    }
    fly_mutex_unlock(&net->listening);
}

/* --------------------------------------------------------------------- letting in */

static void describe_v6(const struct in6_addr *address, fly_net_peer_info *peer)
{
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        (void)inet_ntop(AF_INET, address->s6_addr + 12, peer->host, sizeof peer->host);
        peer->loopback = address->s6_addr[12] == 127;
    } else {
        (void)inet_ntop(AF_INET6, address, peer->host, sizeof peer->host);
        peer->loopback = IN6_IS_ADDR_LOOPBACK(address);
    }
}

static void describe(int fd, const struct sockaddr_storage *address, fly_net_peer_info *peer)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        (void)inet_ntop(AF_INET, &v4->sin_addr, peer->host, sizeof peer->host);
        peer->port = ntohs(v4->sin_port);
        peer->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        describe_v6(&v6->sin6_addr, peer);
        peer->port = ntohs(v6->sin6_port);
    } else {
        struct ucred who = {0};
        socklen_t len = sizeof who;
        memcpy(peer->host, "[local]", sizeof "[local]");
        peer->unix_socket = true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
            peer->uid = (uint32_t)who.uid;
            peer->gid = (uint32_t)who.gid;
            peer->pid = (uint32_t)who.pid;
        }
    }
}

static void turn_away(fly_net *net, const fly__net_listening *from, int fd)
{
    fly_bytes refusal = from->protocol->refusal;
    if (refusal.len > 0 && (from->tls == NULL || from->tls_mode != FLY_NET_TLS_AT_ONCE)) {
        (void)send(fd, refusal.data, refusal.len, MSG_NOSIGNAL);
    }
    close(fd);
    fly_count_u64(&net->refused, 1);
    FLY_TRACE(net->env->trace, FLY_NET_EVENT_REFUSED, from->port, fly_load_u32(&net->connections),
              0, 0);
}

static void welcome(fly__net_worker *worker, const fly__net_listening *from, int fd,
                    const struct sockaddr_storage *address)
{
    fly_net *net = worker->net;
    if (fly_add_u32(&net->connections, 1) >= net->options.connections_max) {
        (void)fly_sub_u32(&net->connections, 1);
        turn_away(net, from, fd);
        return;
    }
    fly_net_peer_info peer = {.at_port = from->port};
    describe(fd, address, &peer);
    fly_net_conn *conn = fly__net_conn_create(net, from, fd, &peer);
    if (conn == NULL) {
        (void)fly_sub_u32(&net->connections, 1);
        turn_away(net, from, fd);
        return;
    }
    conn->worker = worker;
    fly_count_u64(&net->accepted, 1);
    FLY_TRACE(net->env->trace, FLY_NET_EVENT_ACCEPTED, conn->id, from->port, 0, 0);

    fly_err err = {0};
    fly_status status = FLY_OK;
    if (from->tls != NULL && from->tls_mode == FLY_NET_TLS_AT_ONCE) {
        status = fly__net_tls_begin(conn);
    }
    if (status == FLY_OK && conn->protocol->open != NULL) {
        status = conn->protocol->open(conn, &err);
    }
    if (status != FLY_OK) {
        fly_count_u64(&net->refused, 1);
        fly_log(net->env, FLY_LOG_WARNING, "connection %" PRIu64 " from %s refused: %s", conn->id,
                conn->peer.host, err.message[0] != '\0' ? err.message : fly_status_text(status));
        fly__net_conn_destroy(conn);
        return;
    }
    conn->opened = true;
    /* Others wait to be let in: what this one has to say is the business of whoever gets the event. */
    fly_net_flush(conn);
    bool waits = fly_net_pending(conn) > 0 && !conn->handshaking;
    if (fly_net_finished(conn) ||
        !fly__net_settle(conn, EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0))) {
        fly__net_requeue(net, conn->slot);
    }
}

static fly__net_listening *listening_of(fly_net *net, uint64_t token)
{
    for (fly__net_listening *at = net->listeners; at != NULL; at = at->next) {
        if (token == FLY__NET_TOKEN_LISTEN + at->index) {
            return at;
        }
    }
    return NULL;
}

/* No descriptors, or no memory for a socket: come again a little later. */
static void pause_accepting(fly_net *net, int os_errno)
{
    fly_mutex_lock(&net->keeper_mutex);
    bool first = !net->paused;
    net->paused = true;
    fly_mutex_unlock(&net->keeper_mutex);
    fly__net_poke(net);
    if (first) {
        fly_err err = {0};
        (void)fly_err_os(&err, FLY_E_IO, os_errno, "clients wait: cannot accept");
        fly_log(net->env, FLY_LOG_WARNING, "%s", err.message);
    }
}

/* One client, or -1 and errno. The socket may be closed at any time by who drains. */
static int accept_one(fly_net *net, const fly__net_listening *from,
                      struct sockaddr_storage *address)
{
    fly_mutex_lock(&net->listening);
    int fd = -1;
    errno = EBADF;
    if (from->fd >= 0) {
        socklen_t len = sizeof *address;
        fd = accept4(from->fd, (struct sockaddr *)address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    int os_errno = errno;
    fly_mutex_unlock(&net->listening);
    errno = os_errno;
    return fd;
}

void fly__net_accept(fly__net_worker *worker, uint64_t token)
{
    fly_net *net = worker->net;
    fly__net_listening *from = listening_of(net, token);
    FLY_ASSERT(from != NULL);
    for (uint32_t i = 0; i < FLY__NET_ACCEPTS && fly_load_u32(&net->draining) == 0; i++) {
        struct sockaddr_storage address = {0};
        int fd = accept_one(net, from, &address);
        if (fd >= 0) {
            welcome(worker, from, fd, &address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(net, errno);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF) {
            break;
        }
        /* Otherwise the client has gone again, or the network has a trouble of its own: the next. */
    }
    fly_mutex_lock(&net->listening);
    if (from->fd >= 0) {
        (void)listening_arm(net, from, EPOLL_CTL_MOD);
    }
    fly_mutex_unlock(&net->listening);
}
