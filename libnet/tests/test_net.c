/*
 * The goal: bytes come to a protocol and go from it, whatever pieces they travel in; a net begins and
 * ends without leaving anything.
 * The method: small protocols, clients with plain sockets, memory counted.
 */
#include "net_help.h"

static world w;

static void setup(void)
{
    world_init(&w);
}

static void teardown(void)
{
    world_end(&w);
}

START_TEST(what_is_sent_comes_back)
{
    world_start(&w, NULL, &echo);
    int fd = client_connect(w.port);
    client_say(fd, "hello");
    client_expect(fd, "hello");
    client_say(fd, "again");
    client_expect(fd, "again");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    client_expect_end(fd);
    close(fd);
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).bytes_in, 10);
    ck_assert_uint_eq(stats_of(&w).bytes_out, 10);
    ck_assert_uint_eq(stats_of(&w).accepted, 1);
}
END_TEST

START_TEST(a_net_can_be_closed_without_a_start)
{
    fly_err err = {0};
    ck_assert_int_eq(fly_net_create(&w.env, NULL, &w.net, &err), FLY_OK);
    uint16_t port = 0;
    ck_assert_int_eq(fly_net_listen(w.net,
                                    &(fly_net_listener){.host = "localhost", .protocol = &echo},
                                    &port, &err),
                     FLY_OK);
    ck_assert_uint_ne(port, 0);
}
END_TEST

START_TEST(closing_cuts_who_is_connected)
{
    world_start(&w, NULL, &echo);
    int fd = client_connect(w.port);
    client_say(fd, "x");
    client_expect(fd, "x");
    fly_net_close(w.net);
    w.net = NULL;
    client_expect_end(fd);
    close(fd);
}
END_TEST

START_TEST(draining_finishes_the_idle)
{
    world_start(&w, NULL, &echo);
    int fd = client_connect(w.port);
    client_say(fd, "x");
    client_expect(fd, "x");
    ck_assert_int_eq(fly_net_drain(w.net, fly_now() + 10000 * MS), FLY_OK);
    client_expect_end(fd);
    close(fd);
}
END_TEST

static void rewinding_run(fly_net_conn *conn)
{
    fly_bytes input = fly_net_input(conn);
    for (size_t i = 0; i < input.len; i++) {
        size_t before = fly_net_pending(conn);
        uint8_t *to = fly_net_reserve(conn, 10);
        ck_assert_ptr_nonnull(to);
        memset(to, input.data[i], 10);
        fly_net_commit(conn, 3); /* fewer than there was room for */
        if (input.data[i] == 'x') {
            fly_net_rewind(conn, before);
        }
    }
    fly_net_consume(conn, input.len);
}

START_TEST(output_can_be_taken_back)
{
    static const fly_net_protocol rewinding = {.name = "rewinding", .run = rewinding_run};
    world_start(&w, NULL, &rewinding);
    int fd = client_connect(w.port);
    client_say(fd, "axxb");
    client_expect(fd, "aaabbb");
    close(fd);
}
END_TEST

static bool was_called(fly_net_conn *conn)
{
    fly_bytes input = fly_net_input(conn);
    return input.len != 0 && memchr(input.data, '!', input.len) != NULL;
}

static void reading_run(fly_net_conn *conn)
{
    /* Works for long, and looks now and then whether the client has something to say. */
    uint64_t until = fly_now() + 10000 * MS;
    while (!was_called(conn) && fly_now() < until) {
        if (!fly_net_read(conn)) {
            fly_net_write(conn, ".", 1);
            fly_net_flush(conn);
            fly_sleep(MS);
        }
    }
    fly_net_consume(conn, fly_net_input(conn).len);
    fly_net_write(conn, "done", 4);
    fly_net_finish(conn);
    fly_net_write(conn, "never said", 10);
}

START_TEST(who_works_for_long_can_look_and_tell)
{
    static const fly_net_protocol reading = {.name = "reading", .run = reading_run};
    world_start(&w, NULL, &reading);
    int fd = client_connect(w.port);
    client_say(fd, "go");
    client_expect(fd, "...");
    client_say(fd, "!");
    char rest[1000] = "";
    size_t got = client_receive(fd, rest, sizeof rest - 1);
    ck_assert_uint_ge(got, 4);
    ck_assert_str_eq(rest + got - 4, "done");
    close(fd);
}
END_TEST

static void greedy_run(fly_net_conn *conn)
{
    static const uint8_t block[10000];
    size_t rounds = 0;
    while (!fly_net_finished(conn)) {
        fly_net_write(conn, block, sizeof block); /* does not ask whether it is full */
        rounds++;
    }
    ck_assert_uint_lt(rounds, 1000);
    ck_assert_ptr_null(fly_net_reserve(conn, 1));
}

START_TEST(who_writes_without_measure_is_cut_at_the_limit_of_memory)
{
    static const fly_net_protocol greedy = {.name = "greedy", .run = greedy_run};
    world_start(&w, &(fly_net_options){.memory_max = 1000000}, &greedy);
    int fd = client_connect(w.port);
    client_say(fd, "go");
    client_expect_end(fd);
    close(fd);
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).overflows, 1);
    ck_assert_uint_le(fly_load_u64(&w.account.peak), 4000000);
}
END_TEST

static void cutting_run(fly_net_conn *conn)
{
    fly_net_write(conn, "unheard", 7);
    fly_net_cut(conn);
}

START_TEST(a_cut_says_nothing)
{
    static const fly_net_protocol cutting = {.name = "cutting", .run = cutting_run};
    world_start(&w, NULL, &cutting);
    int fd = client_connect(w.port);
    client_say(fd, "go");
    client_expect_end(fd);
    close(fd);
}
END_TEST

static fly_status refusing_open(fly_net_conn *conn, fly_err *err)
{
    (void)conn;
    return fly_err_set(err, FLY_E_PERMISSION, "not from there");
}

START_TEST(open_may_refuse)
{
    static const fly_net_protocol refusing = {
        .name = "refusing", .open = refusing_open, .run = echo_run};
    world_start(&w, NULL, &refusing);
    int fd = client_connect(w.port);
    client_expect_end(fd);
    close(fd);
    ck_assert_uint_eq(stats_of(&w).refused, 1);
}
END_TEST

int main(void)
{
    TCase *life = tcase_create("life");
    tcase_set_timeout(life, 60);
    tcase_add_checked_fixture(life, setup, teardown);
    tcase_add_test(life, what_is_sent_comes_back);
    tcase_add_test(life, a_net_can_be_closed_without_a_start);
    tcase_add_test(life, closing_cuts_who_is_connected);
    tcase_add_test(life, draining_finishes_the_idle);
    TCase *calls = tcase_create("calls");
    tcase_set_timeout(calls, 60);
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, output_can_be_taken_back);
    tcase_add_test(calls, who_works_for_long_can_look_and_tell);
    tcase_add_test(calls, who_writes_without_measure_is_cut_at_the_limit_of_memory);
    tcase_add_test(calls, a_cut_says_nothing);
    tcase_add_test(calls, open_may_refuse);
    return net_test_main("net", (TCase *const[]){life, calls, NULL});
}
