/*
 * Workers and the keeper.
 *
 * Workers are equal: each waits on the epoll, takes one event, serves it to its end, waits again. There
 * is no queue between who reads and who executes, so a query costs no hand-over from thread to thread.
 * The price is that somebody must be waiting whenever all others are busy: that is the keeper's task.
 *
 *     keeper:  a deadline has come      -> wake its connection
 *              nobody waits             -> start another worker
 *              descriptors were missing -> arm the listening sockets again
 *
 * A worker beyond the minimum that has waited for `worker_idle_ns` ends. The system wakes the worker that
 * began to wait last, so a few do the work and the others grow idle.
 */
#include "net_int.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static const uint64_t MILLISECOND = 1000000;

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
        if (slot != NULL && fly__net_claim(slot, token)) {
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
    bool may = net->workers_count > net->options.workers_min;
    if (may) {
        net->workers_count--;
    }
    fly_mutex_unlock(&net->keeper_mutex);
    return may;
}

static void worker_main(void *arg)
{
    fly__net_worker *worker = arg;
    fly_net *net = worker->net;
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
            if (waited == 1 && fly_swap_u32(&net->starved, 1) == 0) {
                fly__net_poke(net);
            }
            serve_event(worker, event.data.u64);
        }
    }
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
    net->workers_count++;
    FLY_TRACE(net->env->trace, FLY_NET_EVENT_WORKERS, net->workers_count,
              fly_load_u32(&net->waiting), 0, 0);
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

/* Nobody waits: let one more in. Returns when to look again. */
static uint64_t relieve(fly_net *net)
{
    uint64_t again = FLY_FOREVER;
    if (fly_swap_u32(&net->starved, 0) != 0 && fly_load_u32(&net->waiting) == 0) {
        fly_err err = {0};
        bury(net);
        fly_status status = hire(net, &err);
        if (status == FLY_OK) {
            again = fly_now() + MILLISECOND;
        } else if (status != FLY_E_FULL) {
            fly_log(net->env, FLY_LOG_WARNING, "%s", err.message);
            again = fly_now() + 100 * MILLISECOND;
        }
        fly_store_u32(&net->starved, status == FLY_E_FULL ? 0 : 1);
    }
    return again;
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
    net->workers_count = 0;
}
