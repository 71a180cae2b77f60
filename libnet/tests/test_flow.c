/*
 * The goal: a message is one message whatever pieces it comes in; a client that does not read, or
 * hardly writes, costs others nothing; wakes and deadlines arrive once and are not lost.
 * The method: a protocol of frames (a length of four bytes, then so many), which answers each frame with
 * itself, and to a frame that begins with 'G' gives as many bytes as it asks for.
 */
#include "net_help.h"

#include <fly/base_bytes.h>

#include <sys/resource.h>

static world w;

enum { WHAT_LOGIN = 7, WHAT_IDLE = 8 };

typedef struct framed {
    uint32_t owed;  /* bytes that are still to be given */
    uint32_t runs;  /* how often run() was called */
    uint32_t wakes; /* answers that are due because of wakes */
} framed;

/* What tests look at from outside. */
static fly_atomic_u64 runs_all, wakes_all, closes_all, drains_all;
static fly_net_ref last_ref;
static fly_atomic_u32 opened;

static fly_status framed_open(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    last_ref = fly_net_ref_of(conn);
    (void)fly_add_u32(&opened, 1);
    return FLY_OK;
}

static void give(fly_net_conn *conn, framed *state)
{
    static const uint8_t zeros[4096];
    while (state->owed > 0 && !fly_net_full(conn)) {
        size_t n = state->owed < sizeof zeros ? state->owed : sizeof zeros;
        fly_net_write(conn, zeros, n);
        state->owed -= (uint32_t)n;
    }
}

static void framed_run(fly_net_conn *conn)
{
    framed *state = fly_net_state(conn);
    state->runs++;
    fly_count_u64(&runs_all, 1);
    give(conn, state);
    while (state->owed == 0 && !fly_net_full(conn)) {
        fly_bytes input = fly_net_input(conn);
        if (input.len < 4) {
            return;
        }
        uint32_t len = fly_get_u32be(input.data);
        if (fly_net_expect(conn, 4 + (size_t)len) != FLY_OK) {
            fly_net_write(conn, "too large", 9);
            fly_net_finish(conn);
            return;
        }
        if (input.len - 4 < len) {
            return;
        }
        if (len == 5 && input.data[4] == 'G') {
            state->owed = fly_get_u32be(input.data + 5);
        } else {
            fly_net_write(conn, input.data, 4 + (size_t)len);
        }
        fly_net_consume(conn, 4 + (size_t)len);
        give(conn, state);
    }
}

static void framed_close(fly_net_conn *conn)
{
    (void)conn;
    fly_count_u64(&closes_all, 1);
}

static const fly_net_protocol frames = {.name = "frames",
                                        .state_size = sizeof(framed),
                                        .open = framed_open,
                                        .run = framed_run,
                                        .close = framed_close};

static void setup(void)
{
    world_init(&w);
}

static void teardown(void)
{
    world_end(&w);
}

static void ask(int fd, uint32_t bytes)
{
    uint8_t frame[9];
    fly_put_u32be(frame, 5);
    frame[4] = 'G';
    fly_put_u32be(frame + 5, bytes);
    client_send(fd, frame, sizeof frame);
}

static void ping(int fd)
{
    uint8_t frame[7] = {0, 0, 0, 3, 'a', 'b', 'c'}, back[7];
    client_send(fd, frame, sizeof frame);
    ck_assert_uint_eq(client_receive(fd, back, sizeof back), sizeof back);
    ck_assert_int_eq(memcmp(frame, back, sizeof back), 0);
}

/* ------------------------------------------------------------------ pieces */

START_TEST(a_message_may_be_cut_anywhere)
{
    world_start(&w, NULL, &frames);
    int fd = client_connect(w.port);
    uint8_t two[18] = {0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 5, 'w', 'o', 'r', 'l', 'd'};
    for (size_t cut = 0; cut <= sizeof two; cut++) {
        uint8_t back[sizeof two];
        client_send(fd, two, cut);
        fly_sleep(MS); /* so that it does not travel together */
        client_send(fd, two + cut, sizeof two - cut);
        ck_assert_uint_eq(client_receive(fd, back, sizeof back), sizeof back);
        ck_assert_int_eq(memcmp(two, back, sizeof back), 0);
    }
    for (size_t i = 0; i < sizeof two; i++) {
        client_send(fd, two + i, 1);
    }
    uint8_t back[sizeof two];
    ck_assert_uint_eq(client_receive(fd, back, sizeof back), sizeof back);
    close(fd);
}
END_TEST

START_TEST(a_large_message_is_expected_without_being_run_for_pieces)
{
    world_start(&w, NULL, &frames);
    int fd = client_connect(w.port);
    size_t size = 4 + 3000000;
    uint8_t *message = calloc(1, size);
    ck_assert_ptr_nonnull(message);
    fly_put_u32be(message, 3000000);
    for (size_t i = 4; i < size; i++) {
        message[i] = (uint8_t)(i * 7);
    }
    client_send(fd, message, size);
    uint8_t *back = calloc(1, size);
    ck_assert_uint_eq(client_receive(fd, back, size), size);
    ck_assert_int_eq(memcmp(message, back, size), 0);
    ck_assert_uint_le(fly_load_u64(&runs_all), 6);
    free(message);
    free(back);
    close(fd);
}
END_TEST

START_TEST(what_is_announced_takes_no_memory)
{
    world_start(&w, NULL, &frames);
    uint64_t before = fly_load_u64(&w.account.used);
    int fds[20];
    for (size_t i = 0; i < 20; i++) {
        fds[i] = client_connect(w.port);
        client_send(fds[i], (uint8_t[]){0x03, 0, 0, 0, 'x'}, 5); /* 48 MiB to come */
    }
    AWAIT(stats_of(&w).bytes_in == 100);
    fly_sleep(20 * MS);
    ck_assert_uint_le(fly_load_u64(&w.account.used) - before, (uint64_t)20 * 20000 + 200000);
    for (size_t i = 0; i < 20; i++) {
        close(fds[i]);
    }
}
END_TEST

START_TEST(too_much_is_refused_before_it_comes)
{
    world_start(&w, &(fly_net_options){.input_max = 1000}, &frames);
    static const uint32_t lengths[] = {997, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        int fd = client_connect(w.port);
        uint8_t head[4];
        fly_put_u32be(head, lengths[i]);
        client_send(fd, head, 4);
        client_expect(fd, "too large");
        client_expect_end(fd);
        close(fd);
    }
    ck_assert_uint_eq(stats_of(&w).overflows, 5);
    int fd = client_connect(w.port);
    ping(fd);
    close(fd);
}
END_TEST

static void hungry_run(fly_net_conn *conn)
{
    (void)conn; /* never has enough, and does not say so */
}

START_TEST(who_never_consumes_is_cut_at_the_limit)
{
    static const fly_net_protocol hungry = {.name = "hungry", .run = hungry_run};
    world_start(&w, &(fly_net_options){.input_max = 100000}, &hungry);
    int fd = client_connect(w.port);
    char rubbish[5000] = {0};
    for (int i = 0; i < 1000; i++) {
        if (send(fd, rubbish, sizeof rubbish, MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    client_expect_end(fd);
    close(fd);
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).overflows, 1);
    ck_assert_uint_le(fly_load_u64(&w.account.peak), 1000000);
}
END_TEST

START_TEST(whoever_is_told_of_the_end_hears_it_even_while_sending)
{
    world_start(&w, &(fly_net_options){.input_max = 1000}, &frames);
    for (int round = 0; round < 20; round++) {
        int fd = client_connect(w.port);
        static uint8_t much[200000] = {0xff};
        much[0] = 0xff;
        ck_assert_int_gt(send(fd, much, sizeof much, MSG_NOSIGNAL), 0);
        client_expect(fd, "too large");
        close(fd);
    }
}
END_TEST

START_TEST(what_came_before_the_end_is_answered)
{
    world_start(&w, NULL, &frames);
    int fd = client_connect(w.port);
    ask(fd, 1000000);
    client_send(fd, (uint8_t[]){0, 0, 0, 1, 'z'}, 5);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    static uint8_t buffer[1000005];
    ck_assert_uint_eq(client_receive(fd, buffer, sizeof buffer), sizeof buffer);
    ck_assert_int_eq(buffer[sizeof buffer - 1], 'z');
    client_expect_end(fd);
    close(fd);
    AWAIT(fly_load_u64(&closes_all) == 1);
}
END_TEST

/* ------------------------------------------------------------------ back-pressure */

START_TEST(a_client_that_never_reads_costs_little_and_stops_nobody)
{
    world_start(&w, &(fly_net_options){.workers_min = 2, .workers_max = 2}, &frames);
    int lazy[20];
    for (size_t i = 0; i < 20; i++) {
        lazy[i] = client_connect_from(w.port, 4096);
        ask(lazy[i], 100000000);
    }
    int fd = client_connect(w.port);
    for (int i = 0; i < 200; i++) {
        ping(fd);
    }
    ck_assert_uint_le(fly_load_u64(&w.account.used), (uint64_t)20 * 160000 + 500000);
    uint64_t before = fly_load_u64(&runs_all);
    fly_sleep(50 * MS);
    ck_assert_uint_le(fly_load_u64(&runs_all) - before, 20); /* nobody spins */
    for (size_t i = 0; i < 20; i++) {
        close(lazy[i]);
    }
    AWAIT(stats_of(&w).connections == 1);
    close(fd);
}
END_TEST

START_TEST(a_client_that_reads_slowly_gets_everything)
{
    world_start(&w, NULL, &frames);
    int fd = client_connect_from(w.port, 4096);
    ask(fd, 3000000);
    size_t got = 0;
    uint8_t buffer[30000];
    while (got < 3000000) {
        got += client_receive(fd, buffer,
                              got + sizeof buffer <= 3000000 ? sizeof buffer : 3000000 - got);
        fly_sleep(MS / 5);
    }
    ping(fd);
    close(fd);
}
END_TEST

START_TEST(a_client_that_only_writes_is_not_read_for_ever)
{
    world_start(&w, NULL, &frames);
    int fd = client_connect_from(w.port, 4096);
    struct timeval patience = {.tv_usec = 200000};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    static uint8_t message[100004];
    fly_put_u32be(message, 100000);
    bool stopped = false;
    for (int i = 0; i < 1000 && !stopped; i++) {
        stopped = send(fd, message, sizeof message, MSG_NOSIGNAL) < (ssize_t)sizeof message;
    }
    ck_assert(stopped);
    ck_assert_uint_le(fly_load_u64(&w.account.peak), 2000000);
    close(fd);
}
END_TEST

START_TEST(who_takes_nothing_for_too_long_is_cut)
{
    world_start(&w, &(fly_net_options){.stall_ns = 100 * MS}, &frames);
    int fd = client_connect_from(w.port, 4096);
    ask(fd, 100000000);
    AWAIT(stats_of(&w).accepted == 1);
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).timeouts, 1);
    close(fd);
}
END_TEST

/* ------------------------------------------------------------------ many */

START_TEST(a_thousand_are_served_and_cost_little)
{
    enum { MANY = 1200 };
    struct rlimit files;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    ck_assert_uint_ge(files.rlim_cur, 2 * MANY + 100);
    world_start(&w, NULL, &frames);
    static int fds[MANY];
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = client_connect(w.port);
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY; i++) {
            ping(fds[i]);
        }
    }
    AWAIT(stats_of(&w).connections == MANY);
    uint64_t each = fly_load_u64(&w.account.used) / MANY;
    ck_assert_msg(each <= 1500, "%u bytes each", (unsigned)each);
    for (size_t i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(fly_load_u64(&closes_all), MANY);
}
END_TEST

START_TEST(one_too_many_is_told)
{
    static const fly_net_protocol crowded = {
        .name = "crowded", .run = echo_run, .refusal = {(const uint8_t *)"too many\n", 9}};
    world_start(&w, &(fly_net_options){.connections_max = 2}, &crowded);
    int a = client_connect(w.port), b = client_connect(w.port);
    client_say(a, "a");
    client_expect(a, "a");
    client_say(b, "b");
    client_expect(b, "b");
    int c = client_connect(w.port);
    client_expect(c, "too many\n");
    client_expect_end(c);
    close(c);
    close(a);
    AWAIT(stats_of(&w).connections == 1);
    int d = client_connect(w.port);
    client_say(d, "d");
    client_expect(d, "d");
    close(d);
    close(b);
    ck_assert_uint_eq(stats_of(&w).refused, 1);
}
END_TEST

START_TEST(without_descriptors_clients_wait_and_nobody_spins)
{
    world_start(&w, NULL, &frames);
    int fds[64];
    size_t count = 0;
    int first = client_connect(w.port);
    ping(first);
    int spare = client_connect(w.port);
    ping(spare);
    AWAIT(stats_of(&w).connections == 2);

    /* Make sockets first, take away all descriptors, then connect. */
    for (; count < 3; count++) {
        fds[count] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_ge(fds[count], 0);
    }
    struct rlimit files, none;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    none = files;
    none.rlim_cur = (rlim_t)fds[0]; /* nothing above those that there are */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(w.port)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ck_assert_int_eq(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);
    }
    struct rusage before, after;
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
    fly_sleep(300 * MS);
    ping(first); /* who is in is served */
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
    ck_assert_int_le((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
                         after.ru_utime.tv_usec - before.ru_utime.tv_usec,
                     100000);
    ck_assert_uint_eq(stats_of(&w).accepted, 2);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    for (size_t i = 0; i < count; i++) {
        ping(fds[i]);
        close(fds[i]);
    }
    close(first);
    close(spare);
}
END_TEST

/* ------------------------------------------------------------------ time */

static void timed_run(fly_net_conn *conn)
{
    uint32_t what = fly_net_timed_out(conn);
    fly_bytes input = fly_net_input(conn);
    if (what == WHAT_LOGIN) {
        fly_net_write(conn, "login", 5);
        fly_net_finish(conn);
    } else if (what == WHAT_IDLE) {
        fly_net_write(conn, "idle", 4);
        fly_net_finish(conn);
    } else if (input.len > 0) {
        switch (input.data[input.len - 1]) {
        case 'l':
            fly_net_timeout(conn, 10000 * MS, WHAT_IDLE);
            break;
        case 's':
            fly_net_timeout(conn, 30 * MS, WHAT_IDLE);
            break;
        case 'n':
            fly_net_timeout(conn, 0, 0);
            break;
        default:
            break;
        }
        fly_net_write(conn, input.data, input.len);
        fly_net_consume(conn, input.len);
    }
}

static fly_status timed_open(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    fly_net_timeout(conn, 100 * MS, WHAT_LOGIN);
    return FLY_OK;
}

static const fly_net_protocol timed = {.name = "timed", .open = timed_open, .run = timed_run};

START_TEST(deadlines_come_when_they_are_due_and_not_before)
{
    world_start(&w, NULL, &timed);
    int silent = client_connect(w.port);
    int later = client_connect(w.port), sooner = client_connect(w.port);
    int never = client_connect(w.port);
    client_say(later, "l");
    client_expect(later, "l");
    client_say(never, "n");
    client_expect(never, "n");
    client_say(sooner, "ls");
    client_expect(sooner, "ls");
    client_expect(sooner, "idle");
    client_expect_end(sooner);
    client_expect(silent, "login");
    client_expect_end(silent);
    fly_sleep(120 * MS);
    client_say(later, "x");
    client_expect(later, "x");
    client_say(never, "x");
    client_expect(never, "x");
    client_say(later, "s");
    client_expect(later, "sidle");
    client_expect_end(later);
    ck_assert_uint_eq(stats_of(&w).timeouts, 3);
    close(silent);
    close(later);
    close(sooner);
    close(never);
}
END_TEST

START_TEST(many_deadlines_all_come)
{
    world_start(&w, NULL, &timed);
    int fds[300];
    for (size_t i = 0; i < 300; i++) {
        fds[i] = client_connect(w.port);
    }
    for (size_t i = 0; i < 300; i += 3) {
        close(fds[i]); /* takes its deadline with it */
    }
    for (size_t i = 0; i < 300; i++) {
        if (i % 3 != 0) {
            client_expect(fds[i], "login");
            client_expect_end(fds[i]);
            close(fds[i]);
        }
    }
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_le(stats_of(&w).timeouts, 200);
}
END_TEST

/* ------------------------------------------------------------------ waking */

static void woken_run(fly_net_conn *conn)
{
    fly_bytes input = fly_net_input(conn);
    fly_count_u64(&wakes_all, 1);
    if (input.len == 0) {
        fly_net_write(conn, "w", 1);
    }
    fly_net_consume(conn, input.len);
}

static const fly_net_protocol woken = {.name = "woken", .open = framed_open, .run = woken_run};

START_TEST(a_wake_runs_an_idle_connection)
{
    world_start(&w, NULL, &woken);
    fly_net_wake((fly_net_ref){0});
    int fd = client_connect(w.port);
    AWAIT(fly_load_u32(&opened) == 1);
    for (int i = 0; i < 100; i++) {
        fly_net_wake(last_ref);
        client_expect(fd, "w");
    }
    close(fd);
    AWAIT(stats_of(&w).connections == 0);
    fly_net_wake(last_ref); /* gone: nothing happens */
    int other = client_connect(w.port);
    AWAIT(fly_load_u32(&opened) == 2);
    close(other);
}
END_TEST

typedef struct waker {
    fly_thread thread;
    fly_atomic_u32 stop;
} waker;

static fly_atomic_u64 shared_id;

static void wake_often(void *arg)
{
    waker *me = arg;
    while (fly_load_u32(&me->stop) == 0) {
        fly_net_wake((fly_net_ref){.net = w.net, .id = fly_load_u64(&shared_id)});
    }
}

static fly_status racing_open(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    fly_store_u64(&shared_id, fly_net_ref_of(conn).id);
    return FLY_OK;
}

START_TEST(wakes_race_with_input_and_with_the_end)
{
    static const fly_net_protocol racing = {.name = "racing",
                                            .state_size = sizeof(framed),
                                            .open = racing_open,
                                            .run = framed_run,
                                            .close = framed_close};
    world_start(&w, NULL, &racing);
    waker wakers[2] = {0};
    fly_err err = {0};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(
            fly_thread_start(w.env.sched, &wakers[i].thread, "waker", wake_often, &wakers[i], &err),
            FLY_OK);
    }
    for (int i = 0; i < 100; i++) {
        int fd = client_connect(w.port);
        for (int j = 0; j < 10; j++) {
            ping(fd);
        }
        close(fd);
    }
    for (size_t i = 0; i < 2; i++) {
        fly_store_u32(&wakers[i].stop, 1);
        fly_thread_join(&wakers[i].thread);
    }
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(fly_load_u64(&closes_all), 100);
}
END_TEST

/* ------------------------------------------------------------------ draining */

static void decent_run(fly_net_conn *conn)
{
    fly_bytes input = fly_net_input(conn);
    bool commit = input.len > 0 && input.data[input.len - 1] == 'C';
    bool *busy = fly_net_state(conn);
    *busy = (*busy || input.len > 0) && !commit;
    fly_net_write(conn, input.data, input.len);
    fly_net_consume(conn, input.len);
    if (fly_net_draining(conn) && !*busy) {
        fly_net_write(conn, "bye", 3);
        fly_net_finish(conn);
    }
}

static void decent_drain(fly_net_conn *conn)
{
    (void)conn;
    fly_count_u64(&drains_all, 1);
}

static const fly_net_protocol decent = {
    .name = "decent", .state_size = sizeof(bool), .run = decent_run, .drain = decent_drain};

static void drain_soon(void *arg)
{
    fly_status *status = arg;
    *status = fly_net_drain(w.net, fly_now() + 10000 * MS);
}

START_TEST(draining_lets_who_is_busy_come_to_an_end)
{
    world_start(&w, NULL, &decent);
    int idle = client_connect(w.port), busy = client_connect(w.port);
    client_say(busy, "B");
    client_expect(busy, "B");
    AWAIT(stats_of(&w).connections == 2);
    fly_thread thread;
    fly_err err = {0};
    fly_status status = FLY_E_INVALID;
    ck_assert_int_eq(fly_thread_start(w.env.sched, &thread, "drain", drain_soon, &status, &err),
                     FLY_OK);
    client_expect(idle, "bye");
    client_expect_end(idle);
    client_say(busy, "1");
    client_expect(busy, "1");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(w.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ne(connect(late, (struct sockaddr *)&address, sizeof address), 0);
    client_say(busy, "C");
    client_expect(busy, "Cbye");
    client_expect_end(busy);
    close(idle);
    close(busy);
    close(late);
    fly_thread_join(&thread);
    ck_assert_int_eq(status, FLY_OK);
    ck_assert_uint_eq(fly_load_u64(&drains_all), 2);
}
END_TEST

START_TEST(a_drain_that_takes_too_long_is_a_timeout)
{
    world_start(&w, NULL, &decent);
    int busy = client_connect(w.port);
    client_say(busy, "B");
    client_expect(busy, "B");
    ck_assert_int_eq(fly_net_drain(w.net, fly_now() + 50 * MS), FLY_E_TIMEOUT);
    fly_net_stop(w.net);
    client_expect_end(busy);
    close(busy);
}
END_TEST

/* ------------------------------------------------------------------ workers */

static fly_mutex gate;
static fly_atomic_u32 blocked;

static void blocking_run(fly_net_conn *conn)
{
    fly_bytes input = fly_net_input(conn);
    if (input.len > 0 && input.data[0] == 'B') {
        (void)fly_add_u32(&blocked, 1);
        fly_mutex_lock(&gate);
        fly_mutex_unlock(&gate);
    }
    fly_net_write(conn, input.data, input.len);
    fly_net_consume(conn, input.len);
}

START_TEST(who_blocks_stops_nobody_and_extra_workers_end)
{
    static const fly_net_protocol blocking = {.name = "blocking", .run = blocking_run};
    fly_mutex_init(&gate, "gate", FLY_RANK_NONE);
    world_start(&w, &(fly_net_options){.workers_min = 2, .worker_idle_ns = 50 * MS}, &blocking);
    fly_mutex_lock(&gate);
    int fds[30];
    for (size_t i = 0; i < 30; i++) {
        fds[i] = client_connect(w.port);
        client_say(fds[i], "B");
    }
    AWAIT(fly_load_u32(&blocked) == 30);
    int fd = client_connect(w.port);
    client_say(fd, "x");
    client_expect(fd, "x");
    ck_assert_uint_ge(stats_of(&w).workers, 31);
    fly_mutex_unlock(&gate);
    for (size_t i = 0; i < 30; i++) {
        client_expect(fds[i], "B");
        close(fds[i]);
    }
    AWAIT(stats_of(&w).workers == 2);
    client_say(fd, "x");
    client_expect(fd, "x");
    close(fd);
}
END_TEST

/* ------------------------------------------------------------------ where */

static void tell_run(fly_net_conn *conn)
{
    const fly_net_peer_info *peer = fly_net_peer(conn);
    char text[100];
    int len = snprintf(text, sizeof text, "%s %d %d %d", peer->host, peer->loopback,
                       peer->unix_socket, !peer->unix_socket || peer->uid == (uint32_t)getuid());
    fly_net_consume(conn, fly_net_input(conn).len);
    fly_net_write(conn, text, (size_t)len);
    fly_net_finish(conn);
}

START_TEST(a_unix_socket_is_a_place_too)
{
    static const fly_net_protocol tell = {.name = "tell", .run = tell_run};
    char path[100];
    (void)snprintf(path, sizeof path, "/tmp/fly-net-%d.sock", (int)getpid());
    fly_err err = {0};
    for (int life = 0; life < 2; life++) {
        ck_assert_int_eq(fly_net_create(&w.env, NULL, &w.net, &err), FLY_OK);
        fly_net_listener at = {.host = path, .protocol = &tell, .unix_mode = 0700};
        ck_assert_msg(fly_net_listen(w.net, &at, NULL, &err) == FLY_OK, "%s", err.message);
        ck_assert_int_eq(fly_net_listen(w.net, &at, NULL, &err), FLY_E_LOCKED);
        ck_assert_int_eq(fly_net_start(w.net, &err), FLY_OK);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        memcpy(address.sun_path, path, strlen(path) + 1);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        client_say(fd, "?");
        client_expect(fd, "[local] 0 1 1");
        client_expect_end(fd);
        close(fd);
        fly_net_close(w.net);
        w.net = NULL;
        ck_assert_int_ne(access(path, F_OK), 0);
        if (life == 0) { /* what a crash leaves behind is replaced */
            int left = socket(AF_UNIX, SOCK_STREAM, 0);
            ck_assert_int_eq(bind(left, (struct sockaddr *)&address, sizeof address), 0);
            close(left);
        }
    }
}
END_TEST

START_TEST(places_that_cannot_be_are_refused)
{
    fly_err err = {0};
    world_start(&w, NULL, &frames);
    fly_net *second = NULL;
    ck_assert_int_eq(fly_net_create(&w.env, NULL, &second, &err), FLY_OK);
    fly_net_listener at = {.host = "127.0.0.1", .port = w.port, .protocol = &frames};
    ck_assert_int_eq(fly_net_listen(second, &at, NULL, &err), FLY_E_LOCKED);
    at.host = "no such host.invalid";
    ck_assert_int_eq(fly_net_listen(second, &at, NULL, &err), FLY_E_INVALID);
    at.host = "192.0.2.1";
    ck_assert_int_eq(fly_net_listen(second, &at, NULL, &err), FLY_E_INVALID);
    at.host = "/no/such/folder/x";
    ck_assert_int_ne(fly_net_listen(second, &at, NULL, &err), FLY_OK);
    at.host = "*";
    at.port = 0;
    uint16_t port = 0;
    ck_assert_int_eq(fly_net_listen(second, &at, &port, &err), FLY_OK);
    ck_assert_int_eq(fly_net_start(second, &err), FLY_OK);
    int fd = client_connect(port);
    ping(fd);
    close(fd);
    fly_net_close(second);
}
END_TEST

int main(void)
{
    TCase *pieces = tcase_create("pieces");
    tcase_set_timeout(pieces, 60);
    tcase_add_checked_fixture(pieces, setup, teardown);
    tcase_add_test(pieces, a_message_may_be_cut_anywhere);
    tcase_add_test(pieces, a_large_message_is_expected_without_being_run_for_pieces);
    tcase_add_test(pieces, what_is_announced_takes_no_memory);
    tcase_add_test(pieces, too_much_is_refused_before_it_comes);
    tcase_add_test(pieces, who_never_consumes_is_cut_at_the_limit);
    tcase_add_test(pieces, whoever_is_told_of_the_end_hears_it_even_while_sending);
    tcase_add_test(pieces, what_came_before_the_end_is_answered);
    TCase *pressure = tcase_create("back-pressure");
    tcase_set_timeout(pressure, 60);
    tcase_add_checked_fixture(pressure, setup, teardown);
    tcase_add_test(pressure, a_client_that_never_reads_costs_little_and_stops_nobody);
    tcase_add_test(pressure, a_client_that_reads_slowly_gets_everything);
    tcase_add_test(pressure, a_client_that_only_writes_is_not_read_for_ever);
    tcase_add_test(pressure, who_takes_nothing_for_too_long_is_cut);
    TCase *many = tcase_create("many");
    tcase_set_timeout(many, 60);
    tcase_add_checked_fixture(many, setup, teardown);
    tcase_add_test(many, a_thousand_are_served_and_cost_little);
    tcase_add_test(many, one_too_many_is_told);
    tcase_add_test(many, without_descriptors_clients_wait_and_nobody_spins);
    TCase *time = tcase_create("time and wakes");
    tcase_set_timeout(time, 60);
    tcase_add_checked_fixture(time, setup, teardown);
    tcase_add_test(time, deadlines_come_when_they_are_due_and_not_before);
    tcase_add_test(time, many_deadlines_all_come);
    tcase_add_test(time, a_wake_runs_an_idle_connection);
    tcase_add_test(time, wakes_race_with_input_and_with_the_end);
    TCase *end = tcase_create("ends and places");
    tcase_set_timeout(end, 60);
    tcase_add_checked_fixture(end, setup, teardown);
    tcase_add_test(end, draining_lets_who_is_busy_come_to_an_end);
    tcase_add_test(end, a_drain_that_takes_too_long_is_a_timeout);
    tcase_add_test(end, who_blocks_stops_nobody_and_extra_workers_end);
    tcase_add_test(end, a_unix_socket_is_a_place_too);
    tcase_add_test(end, places_that_cannot_be_are_refused);
    return net_test_main("flow", (TCase *const[]){pieces, pressure, many, time, end, NULL});
}
