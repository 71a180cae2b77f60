/*
 * What the tests of libnet share: a net in a world that counts memory, a client with a blocking socket
 * that gives up after a while, and small protocols.
 */
#ifndef NET_HELP_H
#define NET_HELP_H

#define _GNU_SOURCE

#include <fly/net.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MS ((uint64_t)1000000)

/* ------------------------------------------------------------------ the world */

typedef struct world {
    fly_env env;
    fly_account account;
    fly_net *net;
    uint16_t port;
    void *ctx;
} world;

static inline void quiet(fly_env *env, fly_log_level level, const char *line)
{
    (void)env;
    (void)level;
    (void)line;
}

static inline void world_init(world *w)
{
    *w = (world){0};
    fly_env_init(&w->env);
    fly_account_init(&w->account, w->env.mem, "test", 0);
    w->env.mem = &w->account.mem;
    w->env.log = quiet;
}

/* A net with one listener on a free port. */
static inline void world_start(world *w, const fly_net_options *options,
                               const fly_net_protocol *protocol)
{
    fly_err err = {0};
    ck_assert_msg(fly_net_create(&w->env, options, &w->net, &err) == FLY_OK, "%s", err.message);
    fly_net_listener listener = {.host = "127.0.0.1", .protocol = protocol, .ctx = w->ctx};
    ck_assert_msg(fly_net_listen(w->net, &listener, &w->port, &err) == FLY_OK, "%s", err.message);
    ck_assert_msg(fly_net_start(w->net, &err) == FLY_OK, "%s", err.message);
}

/* Everything came back. */
static inline void world_end(world *w)
{
    fly_net_close(w->net);
    fly_account_deinit(&w->account);
}

static inline fly_net_stats stats_of(world *w)
{
    fly_net_stats stats;
    fly_net_stats_read(w->net, &stats);
    return stats;
}

/* Wait until a number is what it should be, for up to ten seconds. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        uint64_t until_ = fly_now() + 10000 * MS;                                                  \
        while (!(condition) && fly_now() < until_) {                                               \
            fly_sleep(MS);                                                                         \
        }                                                                                          \
        ck_assert_msg(condition, "%s", #condition);                                                \
    } while (0)

/* ------------------------------------------------------------------ a client */

static inline int client_connect_from(uint16_t port, int receive_buffer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    if (receive_buffer > 0) {
        ck_assert_int_eq(
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer), 0);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int one = 1;
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    struct timeval patience = {.tv_sec = 20};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    return fd;
}

static inline int client_connect(uint16_t port)
{
    return client_connect_from(port, 0);
}

static inline void client_send(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        ck_assert_msg(sent > 0, "send: errno %d", errno);
        at += sent;
        len -= (size_t)sent;
    }
}

static inline void client_say(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

/* `len` bytes, or fewer at the end. */
static inline size_t client_receive(int fd, void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = recv(fd, (char *)data + got, len - got, 0);
        ck_assert_msg(n >= 0 || errno == ECONNRESET, "recv: errno %d", errno);
        if (n <= 0) {
            break;
        }
        got += (size_t)n;
    }
    return got;
}

static inline void client_expect(int fd, const char *text)
{
    char buffer[512];
    size_t len = strlen(text);
    ck_assert_uint_le(len, sizeof buffer - 1);
    size_t got = client_receive(fd, buffer, len);
    buffer[got] = '\0';
    ck_assert_str_eq(buffer, text);
}

/* The server has closed, with nothing more to say. */
static inline void client_expect_end(int fd)
{
    char byte;
    ck_assert_uint_eq(client_receive(fd, &byte, 1), 0);
}

/* ------------------------------------------------------------------ protocols */

static inline void echo_run(fly_net_conn *conn)
{
    fly_bytes input = fly_net_input(conn);
    fly_net_write(conn, input.data, input.len);
    fly_net_consume(conn, input.len);
}

static const fly_net_protocol echo = {.name = "echo", .run = echo_run};

static inline int net_test_main(const char *name, TCase *const *cases)
{
    Suite *suite = suite_create(name);
    for (size_t i = 0; cases[i] != NULL; i++) {
        suite_add_tcase(suite, cases[i]);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
