/*
 * Round trips: N clients, each of which sends 64 bytes, waits for 64 bytes, and sends again.
 *
 *     bench_net_echo [seconds for each case]
 *
 * Variants:
 *
 *     leader     as libnet is: who reads a request executes it and writes the answer
 *     pool       the request is handed over to a pool of threads, and the answer back to libnet by a
 *                wake: a loop with a pool behind it, as many servers are
 *     leader/b   as leader; each request waits 100 microseconds for something, as a commit waits for a
 *                disk
 *     pool/b     as pool, with the same wait
 *
 * The pool has as many threads as there are processors, and 64 where requests wait.
 *
 * Clients are another process with one thread and an epoll of its own; both run on the same machine
 * and share its processors, so these are not figures of a network. Not measured: TLS, latency, and
 * what a database does with a request.
 */
#define _GNU_SOURCE

#include <fly/base_workers.h>
#include <fly/net.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE = 64 };

static const uint64_t SECOND = 1000000000;

static fly_workers *pool;
static uint64_t wait_ns;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ------------------------------------------------------------------ the server */

static void work(void)
{
    if (wait_ns != 0) {
        static fly_atomic_u32 never;
        (void)fly_park(&never, 0, fly_now() + wait_ns, "bench");
    }
}

static void leader_run(fly_net_conn *conn)
{
    while (fly_net_input(conn).len >= MESSAGE) {
        work();
        fly_net_write(conn, fly_net_input(conn).data, MESSAGE);
        fly_net_consume(conn, MESSAGE);
    }
}

/* A request in the pool. Not the connection's memory: the connection may end meanwhile. */
typedef struct handed {
    fly_net_ref ref;
    uint8_t message[MESSAGE];
    fly_atomic_u32 done; /* stored by the pool, read by run() */
} handed;

static handed requests[1024];
static fly_atomic_u32 requests_used;

static void handed_work(void *arg)
{
    handed *h = arg;
    fly_net_ref ref = h->ref;
    work();
    fly_store_u32(&h->done, 1);
    fly_net_wake(ref);
}

static fly_status pool_open(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    handed **h = fly_net_state(conn);
    *h = &requests[fly_add_u32(&requests_used, 1) % 1024];
    fly_store_u32(&(*h)->done, 0);
    return FLY_OK;
}

static void pool_run(fly_net_conn *conn)
{
    handed *h = *(handed **)fly_net_state(conn);
    if (fly_load_u32(&h->done) != 0) {
        fly_store_u32(&h->done, 0);
        fly_net_write(conn, h->message, MESSAGE);
    }
    if (fly_net_input(conn).len >= MESSAGE) {
        memcpy(h->message, fly_net_input(conn).data, MESSAGE);
        fly_net_consume(conn, MESSAGE);
        h->ref = fly_net_ref_of(conn);
        if (fly_workers_submit(pool, handed_work, h) != FLY_OK) {
            fly_net_cut(conn);
        }
    }
}

static const fly_net_protocol leader = {.name = "leader", .run = leader_run};
static const fly_net_protocol pooled = {
    .name = "pool", .state_size = sizeof(handed *), .open = pool_open, .run = pool_run};

/* ------------------------------------------------------------------ the clients */

typedef struct client {
    int fd;
    size_t got;
} client;

static int client_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
        die("connect");
    }
    return fd;
}

static void client_send(client *c)
{
    static const uint8_t message[MESSAGE];
    if (send(c->fd, message, sizeof message, MSG_NOSIGNAL) != (ssize_t)sizeof message) {
        die("send");
    }
}

/* Drive the clients until `seconds` have passed; returns the round trips. */
static uint64_t clients_drive(uint16_t port, uint32_t count, double seconds)
{
    client *clients = calloc(count, sizeof *clients);
    int ep = epoll_create1(0);
    if (clients == NULL || ep < 0) {
        die("clients");
    }
    for (uint32_t i = 0; i < count; i++) {
        clients[i].fd = client_connect(port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        if (epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &event) != 0) {
            die("epoll_ctl");
        }
        client_send(&clients[i]);
    }
    uint64_t trips = 0;
    uint64_t end = fly_now() + (uint64_t)(seconds * 1e9);
    while (fly_now() < end) {
        struct epoll_event events[64];
        int n = epoll_wait(ep, events, 64, 100);
        for (int i = 0; i < n; i++) {
            client *c = events[i].data.ptr;
            uint8_t buffer[MESSAGE];
            ssize_t got = recv(c->fd, buffer, MESSAGE - c->got, 0);
            if (got <= 0) {
                die("recv");
            }
            c->got += (size_t)got;
            if (c->got == MESSAGE) {
                c->got = 0;
                trips++;
                client_send(c);
            }
        }
    }
    return trips;
}

/* ------------------------------------------------------------------ cases */

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void measure(const char *name, const fly_net_protocol *protocol, uint32_t clients,
                    double seconds)
{
    fly_env env;
    fly_env_init(&env);
    fly_err err = {0};
    fly_net *net = NULL;
    uint16_t port = 0;
    int result[2];
    uint32_t processors = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    fly_workers_options threads = {.threads = wait_ns != 0 ? 64 : processors, .queue_max = 4096};
    if (fly_net_create(&env, NULL, &net, &err) != FLY_OK ||
        fly_net_listen(net, &(fly_net_listener){.host = "127.0.0.1", .protocol = protocol}, &port,
                       &err) != FLY_OK ||
        pipe(result) != 0) {
        die(err.message);
    }
    pid_t child = fork(); /* before there are threads */
    if (child == 0) {
        uint64_t trips = clients_drive(port, clients, seconds);
        _exit(write(result[1], &trips, sizeof trips) == (ssize_t)sizeof trips ? 0 : 1);
    }
    if (child < 0 || fly_workers_create(&env, &threads, &pool, &err) != FLY_OK ||
        fly_net_start(net, &err) != FLY_OK) {
        die(err.message);
    }
    double cpu = cpu_seconds();
    uint64_t trips = 0;
    if (read(result[0], &trips, sizeof trips) != (ssize_t)sizeof trips) {
        die("clients");
    }
    cpu = cpu_seconds() - cpu;
    fly_net_stats stats;
    fly_net_stats_read(net, &stats);
    printf("%-9s %3u clients %.1f s %9.0f trips/s %6.2f us cpu/trip %3u workers\n", name, clients,
           seconds, (double)trips / seconds, cpu * 1e6 / (double)(trips + 1), stats.workers);
    (void)fflush(stdout);
    (void)waitpid(child, NULL, 0);
    fly_workers_destroy(pool);
    fly_net_close(net);
    close(result[0]);
    close(result[1]);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    static const uint32_t counts[] = {1, 4, 16, 64};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        wait_ns = 0;
        measure("leader", &leader, counts[i], seconds);
        measure("pool", &pooled, counts[i], seconds);
        wait_ns = SECOND / 10000;
        measure("leader/b", &leader, counts[i], seconds);
        measure("pool/b", &pooled, counts[i], seconds);
    }
    return 0;
}
