/*
 * A net from its beginning to its end.
 *
 *     create ──> listen ... ──> start ──> [drain] ──> stop ──> close
 *
 * What is not here: how clients get in (listen.c), who serves them (worker.c), how (serve.c).
 */
#include "net_int.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const uint64_t SECOND = 1000000000;

static const fly_trace_type EVENTS[] = {
    {FLY_NET_EVENT_ACCEPTED, "connection accepted", {"connection", "port"}},
    {FLY_NET_EVENT_REFUSED, "connection refused", {"port", "connections"}},
    {FLY_NET_EVENT_READ, "connection read", {"connection", "bytes"}},
    {FLY_NET_EVENT_WRITTEN, "connection written", {"connection", "bytes", "pending"}},
    {FLY_NET_EVENT_RAN, "connection ran", {"connection", "ns"}},
    {FLY_NET_EVENT_CLOSED, "connection closed", {"connection", "in", "out"}},
    {FLY_NET_EVENT_HANDSHAKE, "connection handshake", {"connection", "good"}},
    {FLY_NET_EVENT_WORKERS, "network workers", {"workers", "waiting"}},
};

static uint32_t or_u32(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static uint64_t or_u64(uint64_t value, uint64_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static fly_net_options with_defaults(const fly_net_options *options)
{
    fly_net_options o = options != NULL ? *options : (fly_net_options){0};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    o.workers_min = or_u32(o.workers_min, processors > 2 ? (uint32_t)processors : 2);
    o.workers_max = or_u32(o.workers_max, 1024);
    if (o.workers_max < o.workers_min) {
        o.workers_max = o.workers_min;
    }
    o.worker_idle_ns = or_u64(o.worker_idle_ns, 5 * SECOND);
    if (o.worker_idle_ns > 3600 * SECOND) {
        o.worker_idle_ns = 3600 * SECOND;
    }
    o.connections_max = or_u32(o.connections_max, 10000);
    if (o.connections_max > FLY__NET_CHUNK * FLY__NET_CHUNKS) {
        o.connections_max = FLY__NET_CHUNK * FLY__NET_CHUNKS;
    }
    o.input_max = o.input_max != 0 ? o.input_max : (size_t)64 << 20;
    o.output_max = o.output_max != 0 ? o.output_max : (size_t)64 << 10;
    o.memory_max = or_u64(o.memory_max, (uint64_t)256 << 20);
    if (o.memory_max > SIZE_MAX / 8) {
        o.memory_max = SIZE_MAX / 8;
    }
    o.handshake_ns = or_u64(o.handshake_ns, 10 * SECOND);
    o.linger_ns = or_u64(o.linger_ns, 5 * SECOND);
    return o;
}

static bool watch(fly_net *net, int fd, uint32_t mask, uint64_t token)
{
    struct epoll_event event = {.events = mask, .data.u64 = token};
    return epoll_ctl(net->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The descriptors of a net. Each write to `wake_fd` is an edge and wakes one worker; `stop_fd` stays
 * readable and wakes all. */
static fly_status descriptors_open(fly_net *net, fly_err *err)
{
    net->epoll = epoll_create1(EPOLL_CLOEXEC);
    net->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    net->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (net->epoll < 0 || net->wake_fd < 0 || net->stop_fd < 0 ||
        !watch(net, net->wake_fd, EPOLLIN | EPOLLET, FLY__NET_TOKEN_WAKE) ||
        !watch(net, net->stop_fd, EPOLLIN, FLY__NET_TOKEN_STOP)) {
        return fly_err_os(err, FLY_E_IO, errno, "prepare to wait for clients");
    }
    return FLY_OK;
}

static void descriptor_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static void net_free(fly_net *net)
{
    fly_env *env = net->env;
    fly_mem *mem = &net->account.mem;
    while (net->listeners != NULL) {
        fly__net_listening *listening = net->listeners;
        net->listeners = listening->next;
        fly_mem_free(mem, listening->path, listening->path_size);
        fly_mem_free(mem, listening, sizeof *listening);
    }
    descriptor_close(net->stop_fd);
    descriptor_close(net->wake_fd);
    descriptor_close(net->epoll);
    for (uint32_t i = 0; i < fly_load_u32(&net->chunks_count); i++) {
        fly_mem_free(mem, fly_load_ptr(&net->chunks[i]), FLY__NET_CHUNK * sizeof(fly__net_slot));
    }
    fly_mem_free(mem, net->heap, net->heap_size * sizeof net->heap[0]);
    fly_mem_free(mem, net->workers, net->options.workers_max * sizeof net->workers[0]);
    fly_mutex_deinit(&net->keeper_mutex);
    fly_mutex_deinit(&net->timers);
    fly_mutex_deinit(&net->woken);
    fly_mutex_deinit(&net->slots);
    fly_mutex_deinit(&net->listening);
    fly_account_deinit(&net->account);
    fly_mem_free(env->mem, net, sizeof *net);
}

fly_status fly_net_create(fly_env *env, const fly_net_options *options, fly_net **out, fly_err *err)
{
    fly_net *net = fly_mem_calloc(env->mem, 1, sizeof *net);
    if (net == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the network");
    }
    net->env = env;
    net->options = with_defaults(options);
    net->epoll = net->wake_fd = net->stop_fd = -1;
    fly_account_init(&net->account, env->mem, "network", 0);
    fly_mutex_init(&net->listening, "net listening", FLY_RANK_LEAF);
    fly_mutex_init(&net->slots, "net slots", 600);
    fly_mutex_init(&net->woken, "net woken", FLY_RANK_LEAF);
    fly_mutex_init(&net->timers, "net timers", FLY_RANK_LEAF);
    fly_mutex_init(&net->keeper_mutex, "net keeper", FLY_RANK_LEAF);
    fly_store_u32(&net->tick, 1);
    fly_cond_init(&net->keeper_cond);
    fly_cond_init(&net->drain_cond);
    if (env->trace != NULL) {
        fly_trace_register(env->trace, EVENTS, sizeof EVENTS / sizeof EVENTS[0]);
    }
    net->workers =
        fly_mem_calloc(&net->account.mem, net->options.workers_max, sizeof net->workers[0]);
    fly_status status = net->workers != NULL
                            ? descriptors_open(net, err)
                            : fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the network");
    if (status != FLY_OK) {
        net_free(net);
        return status;
    }
    *out = net;
    return FLY_OK;
}

fly_status fly_net_start(fly_net *net, fly_err *err)
{
    FLY_ASSERT(!net->started);
    net->started = true;
    return fly__net_workers_start(net, err);
}

/* Wake whatever is open; who is busy looks again. */
static void wake_all(fly_net *net)
{
    uint32_t chunks = fly_load_u32(&net->chunks_count);
    for (uint32_t i = 0; i < chunks * FLY__NET_CHUNK; i++) {
        fly__net_slot *chunk = fly_load_ptr(&net->chunks[i / FLY__NET_CHUNK]);
        uint64_t state = fly_load_u64(&chunk[i % FLY__NET_CHUNK].state);
        if ((state & FLY__NET_OPEN) != 0) {
            fly_net_wake((fly_net_ref){.net = net, .id = (state & ~(uint64_t)UINT32_MAX) | i});
        }
    }
}

fly_status fly_net_drain(fly_net *net, uint64_t deadline)
{
    (void)fly_swap_u32(&net->draining, 1);
    fly__net_listen_end(net);
    if (!net->started) {
        return FLY_OK;
    }
    wake_all(net);
    bool in_time = true;
    fly_mutex_lock(&net->keeper_mutex);
    while (fly_load_u32(&net->connections) > 0 && in_time) {
        in_time = fly_cond_wait_until(&net->drain_cond, &net->keeper_mutex, deadline);
    }
    fly_mutex_unlock(&net->keeper_mutex);
    return fly_load_u32(&net->connections) == 0 ? FLY_OK : FLY_E_TIMEOUT;
}

/* The workers have gone: end the connections that nobody was serving. */
static void cut_all(fly_net *net)
{
    uint32_t chunks = fly_load_u32(&net->chunks_count);
    for (uint32_t i = 0; i < chunks * FLY__NET_CHUNK; i++) {
        fly__net_slot *chunk = fly_load_ptr(&net->chunks[i / FLY__NET_CHUNK]);
        fly__net_slot *slot = &chunk[i % FLY__NET_CHUNK];
        if ((fly_load_u64(&slot->state) & FLY__NET_OPEN) != 0) {
            slot->conn->worker = NULL;
            fly__net_conn_destroy(slot->conn);
        }
    }
}

void fly_net_stop(fly_net *net)
{
    (void)fly_swap_u32(&net->draining, 1);
    (void)fly_swap_u32(&net->stopping, 1);
    fly__net_listen_end(net);
    fly__net_workers_end(net);
    cut_all(net);
}

void fly_net_close(fly_net *net)
{
    if (net == NULL) {
        return;
    }
    fly_net_stop(net);
    net_free(net);
}

void fly_net_stats_read(fly_net *net, fly_net_stats *stats)
{
    *stats = (fly_net_stats){
        .workers = fly_load_u32(&net->workers_there),
        .workers_waiting = fly_load_u32(&net->waiting),
        .connections = fly_load_u32(&net->connections),
        .accepted = fly_load_u64(&net->accepted),
        .refused = fly_load_u64(&net->refused),
        .timeouts = fly_load_u64(&net->timeouts),
        .overflows = fly_load_u64(&net->overflows),
        .handshakes = fly_load_u64(&net->handshakes),
        .handshakes_failed = fly_load_u64(&net->handshakes_failed),
        .bytes_in = fly_load_u64(&net->bytes_in),
        .bytes_out = fly_load_u64(&net->bytes_out),
    };
}
