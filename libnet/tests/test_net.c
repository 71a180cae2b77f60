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

int main(void)
{
    TCase *life = tcase_create("life");
    tcase_set_timeout(life, 60);
    tcase_add_checked_fixture(life, setup, teardown);
    tcase_add_test(life, what_is_sent_comes_back);
    tcase_add_test(life, a_net_can_be_closed_without_a_start);
    tcase_add_test(life, closing_cuts_who_is_connected);
    tcase_add_test(life, draining_finishes_the_idle);
    return net_test_main("net", (TCase *const[]){life, NULL});
}
