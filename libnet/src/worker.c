/*
 * Workers and the keeper.
 *
 * Workers are equal: each waits on the epoll, takes one event, serves it to its end, waits again. There
 * is no queue between who reads and who executes, so a query costs no hand-over from thread to thread.
 * The price is that somebody must be waiting whenever all others are held up: that is the keeper's task.
 *
 *     keeper:  a deadline has come       -> wake its connection
 *              too few workers can work  -> start another
 *              descriptors were missing  -> arm the listening sockets again
 *
 * How many are enough? As many as there are processors, counting only those that can work. A worker that
 * is parked (it waits for a lock, or for the log) is not counted, for it uses no processor: libbase tells
 * us by fly_sched_watch(). Nor is one that has had the same event for long: it computes, or sits in a
 * system call, and others should get their share meanwhile. So a load of short queries is served by few
 * threads, which find the next event without sleeping, and a load of waits for locks by many.
 *
 * A worker beyond the minimum that has waited for `worker_idle_ns` ends. The system wakes the worker that
 * began to wait last, so a few do the work and the others grow idle.
 * @source The idea of counting who can run is that of completion ports: Solomon, Russinovich, "Inside
 *         Microsoft Windows 2000", "I/O Completion Ports".
 */
#include "net_int.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static const uint64_t MILLISECOND = 1000000;

enum {
    TICK_MS = 2,   /* between two looks of the keeper while nobody waits */
    LONG_TICKS = 2 /* an event that takes longer is a long one */
};

/* --------------------------------------------------------------------- workers */

static void serve_woken(fly__net_worker *worker)
{
    fly__net_slot *slot = fly__net_woken_take(worker->net);
    if (slot != NULL) {
        slot->conn->attention = true;
        fly__net_turn(worker, slot->conn);
    }
}

static void serve_event(fly__net_worker *worker, uint64_t token)
{
    fly_net *net = worker->net;
    if (token >> 32 != 0) {
        fly__net_slot *slot = fly__net_slot_find(net, token);
        if (slot != NULL && fly__net_claim(slot, token, FLY__NET_EVENT)) {
            fly__net_turn(worker, slot->conn);
        }
    } else if (token == FLY__NET_TOKEN_WAKE) {
        serve_woken(worker);
    } else if (token >= FLY__NET_TOKEN_LISTEN) {
        fly__net_accept(worker, token);
    }
}

/* Whether a worker that has long had nothing to do may end. */
static bool may_end(fly_net *net)
{
    fly_mutex_lock(&net->keeper_mutex);
    bool may = fly_load_u32(&net->workers_there) > net->options.workers_min;
    if (may) {
        (void)fly_sub_u32(&net->workers_there, 1);
    }
    fly_mutex_unlock(&net->keeper_mutex);
    return may;
}

/* The keeper looks at once if it did not know yet that nobody waits; otherwise at its next tick. */
static void tell_keeper(fly_net *net)
{
    if (fly_load_seq_u32(&net->starved) == 0 && fly_swap_u32(&net->starved, 1) == 0) {
        fly__net_poke(net);
    }
}

static void worker_parks(fly_park_watch *watch)
{
    fly__net_worker *worker = (fly__net_worker *)(void *)watch;
    fly_net *net = worker->net;
    fly_store_u32(&worker->parked, 1);
    uint32_t parked = fly_add_u32(&net->parked, 1) + 1;
    if (fly_load_u32(&net->waiting) == 0 &&
        fly_load_u32(&net->workers_there) < parked + net->options.workers_min) {
        tell_keeper(net);
    }
}

static void worker_resumes(fly_park_watch *watch)
{
    fly__net_worker *worker = (fly__net_worker *)(void *)watch;
    (void)fly_sub_u32(&worker->net->parked, 1);
    fly_store_u32(&worker->parked, 0);
}

static void worker_main(void *arg)
{
    fly__net_worker *worker = arg;
    fly_net *net = worker->net;
    worker->watch = (fly_park_watch){.parks = worker_parks, .resumes = worker_resumes};
    (void)fly_sched_watch(&worker->watch);
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);

    int idle_ms = (int)(net->options.worker_idle_ns / MILLISECOND) + 1;
    for (;;) {
        struct epoll_event event = {0};
        (void)fly_add_u32(&net->waiting, 1);
        int count = epoll_wait(net->epoll, &event, 1, idle_ms);
        uint32_t waited = fly_sub_u32(&net->waiting, 1);
        if (fly_load_u32(&net->stopping) != 0 && event.data.u64 == FLY__NET_TOKEN_STOP) {
            break;
        }
        if (count == 0 && may_end(net)) {
            break;
        }
        if (count > 0) {
            fly_store_u32(&worker->since, fly_load_relaxed_u32(&net->tick)); /* for long_ones() */
            if (waited == 1) {
                tell_keeper(net);
            }
            serve_event(worker, event.data.u64);
            fly_store_u32(&worker->since, 0);
        }
    }
    (void)fly_sched_watch(NULL);
    fly__net_spares_free(worker);
    fly_store_u32(&worker->ended, 1);
}

/* Join those that have ended. The caller holds keeper_mutex. */
static void bury(fly_net *net)
{
    for (uint32_t i = 0; i < net->options.workers_max; i++) {
        fly__net_worker *worker = net->workers[i];
        if (worker != NULL && fly_load_u32(&worker->ended) != 0) {
            fly_thread_join(&worker->thread);
            fly_mem_free(&net->account.mem, worker, sizeof *worker);
            net->workers[i] = NULL;
        }
    }
}

/* Start one more, if there may be more. The caller holds keeper_mutex. */
static fly_status hire(fly_net *net, fly_err *err)
{
    uint32_t at = 0;
    while (at < net->options.workers_max && net->workers[at] != NULL) {
        at++;
    }
    if (at == net->options.workers_max) {
        return FLY_E_FULL;
    }
    fly__net_worker *worker = fly_mem_calloc(&net->account.mem, 1, sizeof *worker);
    if (worker == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a network worker");
    }
    worker->net = net;
    worker->index = at;
    fly_status status =
        fly_thread_start(net->env->sched, &worker->thread, "net", worker_main, worker, err);
    if (status != FLY_OK) {
        fly_mem_free(&net->account.mem, worker, sizeof *worker);
        return status;
    }
    net->workers[at] = worker;
    uint32_t there = fly_add_u32(&net->workers_there, 1) + 1;
    FLY_TRACE(net->env->trace, FLY_NET_EVENT_WORKERS, there, fly_load_u32(&net->waiting), 0, 0);
    return FLY_OK;
}

/* --------------------------------------------------------------------- the keeper */

/* Make the keeper look. */
void fly__net_poke(fly_net *net)
{
    fly_mutex_lock(&net->keeper_mutex);
    net->poked = true;
    fly_cond_signal(&net->keeper_cond);
    fly_mutex_unlock(&net->keeper_mutex);
}

/* Workers that have had their event for long and are not parked. The caller holds keeper_mutex. */
static uint32_t long_ones(const fly_net *net)
{
    uint32_t now = fly_load_relaxed_u32(&net->tick);
    uint32_t count = 0;
    for (uint32_t i = 0; i < net->options.workers_max; i++) {
        const fly__net_worker *worker = net->workers[i];
        uint32_t since = worker != NULL ? fly_load_u32(&worker->since) : 0;
        bool parked = worker != NULL && fly_load_u32(&worker->parked) != 0;
        count += since != 0 && !parked && now - since >= LONG_TICKS;
    }
    return count;
}

/*
 * While nobody waits, see to it that enough workers can work. Returns when to look again. The caller holds
 * keeper_mutex.
 */
static uint64_t relieve(fly_net *net)
{
    if (fly_load_u32(&net->starved) == 0) {
        return FLY_FOREVER;
    }
    if (fly_load_seq_u32(&net->waiting) > 0) {
        /* From here on whoever takes the last place tells us. He may have taken it just now, believing
         * that we know: so look again afterwards. Pairs with worker_main() and tell_keeper(). */
        (void)fly_swap_u32(&net->starved, 0);
        if (fly_load_seq_u32(&net->waiting) > 0) {
            return FLY_FOREVER;
        }
        (void)fly_swap_u32(&net->starved, 1);
    }
    bury(net);
    uint32_t tick = fly_load_relaxed_u32(&net->tick) + 1;
    fly_store_u32(&net->tick, tick != 0 ? tick : 1);
    uint32_t there = fly_load_u32(&net->workers_there);
    uint32_t held = fly_load_u32(&net->parked) + long_ones(net);
    uint32_t able = there > held ? there - held : 0;
    fly_status status = FLY_OK;
    fly_err err = {0};
    while (able < net->options.workers_min && status == FLY_OK) {
        status = hire(net, &err);
        able++;
    }
    if (status != FLY_OK && status != FLY_E_FULL) {
        fly_log(net->env, FLY_LOG_WARNING, "%s", err.message);
    }
    return fly_now() + (status == FLY_OK ? TICK_MS : 50) * MILLISECOND;
}

static void keeper_main(void *arg)
{
    fly_net *net = arg;
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);

    uint64_t resume = FLY_FOREVER; /* when accepting goes on, if it is paused */
    while (fly_load_u32(&net->stopping) == 0) {
        uint64_t next = fly__net_timer_fire(net, fly_now());
        fly_mutex_lock(&net->keeper_mutex);
        uint64_t again = relieve(net);
        next = again < next ? again : next;
        if (net->paused && resume == FLY_FOREVER) {
            resume = fly_now() + 50 * MILLISECOND;
        }
        next = resume < next ? resume : next;
        while (!net->poked && fly_load_u32(&net->stopping) == 0 &&
               fly_cond_wait_until(&net->keeper_cond, &net->keeper_mutex, next)) {
        }
        net->poked = false;
        bool go_on = net->paused && fly_now() >= resume;
        if (go_on) {
            net->paused = false;
            resume = FLY_FOREVER;
        }
        fly_mutex_unlock(&net->keeper_mutex);
        if (go_on) {
            fly__net_listen_resume(net);
        }
    }
}

/* --------------------------------------------------------------------- beginning and end */

fly_status fly__net_workers_start(fly_net *net, fly_err *err)
{
    fly_status status = FLY_OK;
    fly_mutex_lock(&net->keeper_mutex);
    for (uint32_t i = 0; i < net->options.workers_min && status == FLY_OK; i++) {
        status = hire(net, err);
    }
    fly_mutex_unlock(&net->keeper_mutex);
    if (status == FLY_OK) {
        status =
            fly_thread_start(net->env->sched, &net->keeper, "net keeper", keeper_main, net, err);
        net->keeper_runs = status == FLY_OK;
    }
    return status;
}

/* All end when they have finished what they do: `stopping` is set. */
void fly__net_workers_end(fly_net *net)
{
    (void)eventfd_write(net->stop_fd, 1);
    if (net->keeper_runs) {
        fly__net_poke(net);
        fly_thread_join(&net->keeper);
        net->keeper_runs = false;
    }
    for (uint32_t i = 0; i < net->options.workers_max; i++) {
        fly__net_worker *worker = net->workers[i];
        if (worker != NULL) {
            fly_thread_join(&worker->thread);
            fly_mem_free(&net->account.mem, worker, sizeof *worker);
            net->workers[i] = NULL;
        }
    }
    fly_store_u32(&net->workers_there, 0);
}
