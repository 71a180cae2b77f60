/*
 * The goal: whichever allocation fails, nothing crashes, nothing leaks, nobody else suffers, and with
 * memory back everything works.
 * The method: one scene, in which the n-th allocation fails, for n = 1, 2, 3 until none fails; and once
 * more with all from the n-th on failing until the client has had its answer, or its end.
 */
#include "net_help.h"

#include <fly/base_faultmem.h>

static fly_status generous_open(fly_net_conn *conn, fly_err *err)
{
    void *block = fly_mem_alloc(fly_net_mem(conn), 100);
    if (block == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a client");
    }
    *(void **)fly_net_state(conn) = block;
    fly_net_timeout(conn, 5000 * MS, 1);
    return FLY_OK;
}

static void generous_close(fly_net_conn *conn)
{
    fly_mem_free(fly_net_mem(conn), *(void **)fly_net_state(conn), 100);
}

static const fly_net_protocol generous = {.name = "generous",
                                          .state_size = sizeof(void *),
                                          .open = generous_open,
                                          .run = echo_run,
                                          .close = generous_close};

/* Whether the client was served; whatever happens, it hears something. */
static bool is_served(uint16_t port)
{
    static char out[100000], in[100000];
    int fd = client_connect(port);
    size_t sent = 0, got = 0;
    while (sent < sizeof out) {
        size_t n = sizeof out - sent < 20000 ? sizeof out - sent : 20000;
        if (send(fd, out + sent, n, MSG_NOSIGNAL) != (ssize_t)n) {
            break;
        }
        sent += n;
        size_t back = client_receive(fd, in, n);
        got += back;
        if (back < n) {
            break;
        }
    }
    close(fd);
    return got == sizeof out;
}

/* Play it; returns whether an allocation was refused. */
static bool play(uint64_t at, bool lasting)
{
    world w;
    world_init(&w);
    fly_test_mem mem;
    fly_test_mem_init(&mem, w.env.mem);
    w.env.mem = (fly_mem *)&mem;
    fly_test_mem_fail(&mem, at, lasting);

    char path[100];
    (void)snprintf(path, sizeof path, "/tmp/fly-net-fault-%d.sock", (int)getpid());
    fly_net *net = NULL;
    uint16_t port = 0;
    fly_err err = {0};
    fly_status status = fly_net_create(&w.env, &(fly_net_options){.workers_min = 2}, &net, &err);
    if (status == FLY_OK) {
        status = fly_net_listen(
            net, &(fly_net_listener){.host = "127.0.0.1", .protocol = &generous}, &port, &err);
    }
    if (status == FLY_OK) {
        status = fly_net_listen(net, &(fly_net_listener){.host = path, .protocol = &generous}, NULL,
                                &err);
    }
    if (status == FLY_OK) {
        status = fly_net_start(net, &err);
    }
    ck_assert_msg(status == FLY_OK || status == FLY_E_NO_MEMORY, "%s", err.message);
    bool served = status == FLY_OK && is_served(port);
    fly_test_mem_mend(&mem);
    if (status == FLY_OK) {
        ck_assert(is_served(port));
    }
    bool reached = fly_load_u64(&mem.refused) > 0;
    ck_assert(served || reached);
    fly_net_close(net);
    fly_test_mem_deinit(&mem);
    fly_account_deinit(&w.account);
    return reached;
}

START_TEST(each_allocation_may_fail)
{
    uint64_t at = 0;
    uint32_t untouched = 0;
    while (untouched < 3) { /* what a worker does is not the same each time */
        untouched = play(at++, _i == 1) ? 0 : untouched + 1;
        ck_assert_uint_lt(at, 200);
    }
    ck_assert_uint_gt(at, 8);
}
END_TEST

int main(void)
{
    TCase *faults = tcase_create("faults");
    tcase_set_timeout(faults, 120);
    tcase_add_loop_test(faults, each_allocation_may_fail, 0, 2);
    return net_test_main("fault", (TCase *const[]){faults, NULL});
}
