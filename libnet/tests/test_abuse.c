/*
 * The goal: who behaves badly gets an error or an end, and costs those who behave nothing but a little
 * time: what bad input gets, as the server promises it.
 * The method: bad clients of every kind beside good ones, whose every answer is checked and timed, while
 * memory is watched. The seeds are fixed; what the threads make of them is not.
 */
#include "net_help.h"

#include <fly/base_bytes.h>

#include <fcntl.h>
#include <poll.h>

static world w;

/* Frames: a length of four bytes, then so many, sent back; 'G' and four bytes ask for as many zeros. */
static void frames_run(fly_net_conn *conn)
{
    static const uint8_t zeros[4096];
    uint32_t *owed = fly_net_state(conn);
    while (!fly_net_full(conn)) {
        if (*owed > 0) {
            uint32_t n = *owed < sizeof zeros ? *owed : (uint32_t)sizeof zeros;
            fly_net_write(conn, zeros, n);
            *owed -= n;
            continue;
        }
        fly_bytes input = fly_net_input(conn);
        if (input.len < 4) {
            return;
        }
        size_t size = 4 + (size_t)fly_get_u32be(input.data);
        if (fly_net_expect(conn, size) != FLY_OK) {
            fly_net_write(conn, "too large", 9);
            fly_net_finish(conn);
            return;
        }
        if (input.len < size) {
            return;
        }
        if (size == 9 && input.data[4] == 'G') {
            *owed = fly_get_u32be(input.data + 5);
        } else {
            fly_net_write(conn, input.data, size);
        }
        fly_net_consume(conn, size);
        fly_net_timeout(conn, 300 * MS, 1);
    }
}

static fly_status frames_open(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    fly_net_timeout(conn, 300 * MS, 1);
    return FLY_OK;
}

static void frames_run_timed(fly_net_conn *conn)
{
    if (fly_net_timed_out(conn) != 0) {
        fly_net_finish(conn);
        return;
    }
    frames_run(conn);
}

static const fly_net_protocol frames = {
    .name = "frames", .state_size = sizeof(uint32_t), .open = frames_open, .run = frames_run_timed};

static void setup(void)
{
    world_init(&w);
}

static void teardown(void)
{
    world_end(&w);
}

/* ------------------------------------------------------------------ bad clients, in one thread each */

typedef struct abuser {
    fly_thread thread;
    uint64_t seed;
    fly_atomic_u32 *stop;
    uint64_t count; /* what it has done: read after it has ended */
} abuser;

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static int try_connect(int receive_buffer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(w.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && receive_buffer > 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    if (fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
                    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Random bytes, then the end: politely, by a reset, or never. */
static void send_garbage(void *arg)
{
    abuser *me = arg;
    int left_open[50];
    memset(left_open, -1, sizeof left_open);
    while (fly_load_u32(me->stop) == 0) {
        int fd = try_connect(0);
        if (fd < 0) {
            continue;
        }
        uint8_t garbage[3000];
        size_t len = next(&me->seed) % sizeof garbage;
        for (size_t i = 0; i < len; i++) {
            garbage[i] = (uint8_t)next(&me->seed);
        }
        if (next(&me->seed) % 2 == 0 && len > 4) {
            fly_put_u32be(garbage, (uint32_t)(next(&me->seed) % 5000));
        }
        (void)send(fd, garbage, len, MSG_NOSIGNAL);
        switch (next(&me->seed) % 4) {
        case 0:
            (void)shutdown(fd, SHUT_WR);
            break;
        case 1: {
            struct linger reset = {.l_onoff = 1};
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            break;
        }
        default:
            break;
        }
        size_t keep = me->count++ % 50;
        if (left_open[keep] >= 0) {
            close(left_open[keep]);
        }
        left_open[keep] = fd;
    }
    for (size_t i = 0; i < 50; i++) {
        if (left_open[i] >= 0) {
            close(left_open[i]);
        }
    }
}

/* Asks for much, takes a byte now and then, begins again when it is cut off. */
static void read_slowly(void *arg)
{
    abuser *me = arg;
    int fds[40];
    memset(fds, -1, sizeof fds);
    while (fly_load_u32(me->stop) == 0) {
        for (size_t i = 0; i < 40; i++) {
            char byte;
            ssize_t got = fds[i] >= 0 ? recv(fds[i], &byte, 1, 0) : 0;
            if (got == 0 || (got < 0 && errno != EAGAIN)) {
                if (fds[i] >= 0) {
                    close(fds[i]);
                }
                fds[i] = try_connect(2048);
                uint8_t ask[9] = {0, 0, 0, 5, 'G', 0x10, 0, 0, 0};
                (void)send(fds[i], ask, sizeof ask, MSG_NOSIGNAL);
                me->count++;
            }
        }
        fly_sleep(MS);
    }
    for (size_t i = 0; i < 40; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

/* Announces much and sends a byte now and then: what a slow header is to a web server. */
static void write_slowly(void *arg)
{
    abuser *me = arg;
    int fds[40];
    memset(fds, -1, sizeof fds);
    while (fly_load_u32(me->stop) == 0) {
        for (size_t i = 0; i < 40; i++) {
            if (fds[i] < 0) {
                fds[i] = try_connect(0);
                me->count++;
                (void)send(fds[i], (uint8_t[]){0, 0, 0x0f}, 3, MSG_NOSIGNAL);
            } else if (send(fds[i], "x", 1, MSG_NOSIGNAL) != 1) {
                close(fds[i]);
                fds[i] = -1;
            }
        }
        fly_sleep(2 * MS);
    }
    for (size_t i = 0; i < 40; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void ping(int fd, uint64_t *seed)
{
    uint8_t frame[1000], back[1000];
    size_t len = 10 + next(seed) % 900;
    fly_put_u32be(frame, (uint32_t)len);
    for (size_t i = 4; i < 4 + len; i++) {
        frame[i] = (uint8_t)next(seed);
    }
    client_send(fd, frame, 4 + len);
    ck_assert_uint_eq(client_receive(fd, back, 4 + len), 4 + len);
    ck_assert_int_eq(memcmp(frame, back, 4 + len), 0);
}

START_TEST(good_clients_are_served_beside_bad_ones)
{
    enum { KINDS = 3, PINGS = 1500 };
    world_start(&w,
                &(fly_net_options){.input_max = 4096, .connections_max = 600, .stall_ns = 400 * MS},
                &frames);
    static void (*const kinds[KINDS])(void *) = {send_garbage, read_slowly, write_slowly};
    fly_atomic_u32 stop = {0};
    abuser abusers[KINDS];
    fly_err err = {0};
    for (size_t i = 0; i < KINDS; i++) {
        abusers[i] = (abuser){.seed = i + 1, .stop = &stop};
        ck_assert_int_eq(fly_thread_start(w.env.sched, &abusers[i].thread, "abuser", kinds[i],
                                          &abusers[i], &err),
                         FLY_OK);
    }
    static uint64_t took[PINGS];
    uint64_t seed = 99;
    int fd = client_connect(w.port);
    for (size_t i = 0; i < PINGS; i++) {
        uint64_t began = fly_now();
        ping(fd, &seed);
        took[i] = fly_now() - began;
        if (i % 10 == 9) { /* and one who comes anew */
            close(fd);
            fd = client_connect(w.port);
        }
    }
    close(fd);
    fly_store_u32(&stop, 1);
    for (size_t i = 0; i < KINDS; i++) {
        fly_thread_join(&abusers[i].thread);
        ck_assert_uint_gt(abusers[i].count, 0);
    }
    qsort(took, PINGS, sizeof took[0], by_size);
    printf("beside %u, %u and %u abuses: median %u us, 99 in 100 below %u us, memory %u KiB\n",
           (unsigned)abusers[0].count, (unsigned)abusers[1].count, (unsigned)abusers[2].count,
           (unsigned)(took[PINGS / 2] / 1000), (unsigned)(took[PINGS / 100 * 99] / 1000),
           (unsigned)(fly_load_u64(&w.account.peak) / 1024));
    ck_assert_uint_le(fly_load_u64(&w.account.peak), (uint64_t)600 * 180 * 1024);
    AWAIT(stats_of(&w).connections == 0); /* what is left runs into its deadlines */
}
END_TEST

START_TEST(a_storm_of_resets_leaves_nothing)
{
    world_start(&w, NULL, &frames);
    for (int i = 0; i < 2000; i++) {
        int fd = try_connect(0);
        ck_assert_int_ge(fd, 0);
        struct linger reset = {.l_onoff = 1};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (i % 3 == 0) {
            (void)send(fd, "\0\0\0\1xxx", 7, MSG_NOSIGNAL);
        }
        close(fd);
    }
    AWAIT(stats_of(&w).connections == 0);
    uint64_t seed = 5;
    int fd = client_connect(w.port);
    ping(fd, &seed);
    close(fd);
}
END_TEST

START_TEST(who_is_half_gone_is_let_go)
{
    world_start(&w, NULL, &frames);
    int silent[20];
    for (size_t i = 0; i < 20; i++) {
        silent[i] = client_connect(w.port);
        if (i % 2 == 0) {
            ck_assert_int_eq(shutdown(silent[i], SHUT_WR), 0);
        }
    }
    for (size_t i = 0; i < 20; i++) {
        client_expect_end(silent[i]); /* half at once, half by their deadline */
        close(silent[i]);
    }
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).timeouts, 10);
}
END_TEST

int main(void)
{
    TCase *abuse = tcase_create("abuse");
    tcase_set_timeout(abuse, 120);
    tcase_add_checked_fixture(abuse, setup, teardown);
    tcase_add_test(abuse, good_clients_are_served_beside_bad_ones);
    tcase_add_test(abuse, a_storm_of_resets_leaves_nothing);
    tcase_add_test(abuse, who_is_half_gone_is_let_go);
    return net_test_main("abuse", (TCase *const[]){abuse, NULL});
}
