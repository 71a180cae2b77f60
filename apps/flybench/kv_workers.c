/*
 * Threads that do one kind of operation over and over, first to warm up and then against the clock.
 */
#define _GNU_SOURCE
#include "kv_workers.h"

#include <fly/base_sched.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* A thread with all that belongs to it. */
typedef struct hand {
    kv_worker worker;
    fly_thread thread;
    pthread_barrier_t *barrier;
    fly_status status;
    fly_err err;
    uint64_t began, ended; /* the timed part */
    uint64_t warm_units;
    uint64_t cpu_began; /* of the process; taken by worker 0 */
    uint64_t conflicts;
    histogram latency;
} hand;

static uint64_t process_cpu_ns(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    int64_t us = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                 usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    return (uint64_t)us * 1000;
}

/* ------------------------------------------------------------------- one thread */

static void show(const hand *h, uint64_t began, uint64_t now)
{
    const kv_job *job = h->worker.job;
    if (h->worker.number != 0) {
        return;
    }
    uint64_t part = job->timed_ns > 0 ? (now - began) * 1000 / job->timed_ns
                                      : h->worker.next * 1000 / (job->records + 1);
    fly_store_relaxed_u32(job->per_mille, (uint32_t)(part < 1000 ? part : 1000));
}

/* Operate until the time is over, `ops_max` is reached or nothing is left to do. Reads the clock
 * around one operation in sample_every only: reading it costs a tenth of a cached get. */
static fly_status operate(hand *h, uint64_t duration, uint64_t ops_max, histogram *latency)
{
    kv_worker *worker = &h->worker;
    const kv_job *job = worker->job;
    uint64_t began = fly_now();
    for (uint64_t ops = 0; ops_max == 0 || ops < ops_max; ops++) {
        bool sampled = ops % job->sample_every == 0;
        uint64_t start = sampled ? fly_now() : 0;
        fly_status status = job->operate(worker, &h->err);
        while (status == FLY_E_CONFLICT || status == FLY_E_DEADLOCK) {
            h->conflicts++;
            status = job->operate(worker, &h->err);
        }
        if (status != FLY_OK) {
            return status == FLY_E_END ? FLY_OK : status;
        }
        if (sampled) {
            uint64_t now = fly_now();
            if (latency != NULL) {
                histogram_add(latency, now - start);
            }
            show(h, began, now);
            if (duration > 0 && now - began >= duration) {
                break;
            }
        }
    }
    return FLY_OK;
}

/* End a read transaction that an operation left open for the next one. */
static fly_status end_reading(hand *h, fly_status status)
{
    kv_worker *worker = &h->worker;
    if (worker->reads == 0) {
        return status;
    }
    worker->reads = 0;
    if (status != FLY_OK) {
        worker->job->driver->abort(worker->session);
        return status;
    }
    return worker->job->driver->commit(worker->session, &h->err);
}

static void run(void *arg)
{
    hand *h = arg;
    const kv_job *job = h->worker.job;
    h->status = job->driver->session_open(job->store, &h->worker.session, &h->err);
    if (h->status == FLY_OK && job->warm_ns > 0) {
        h->worker.thorough = true;
        h->status = end_reading(h, operate(h, job->warm_ns, 0, NULL));
        h->worker.thorough = false;
    }
    h->warm_units = h->worker.units;
    h->conflicts = 0;

    /* Whatever happened, the others wait for this thread. */
    (void)pthread_barrier_wait(h->barrier);
    if (h->worker.number == 0) {
        h->cpu_began = process_cpu_ns();
    }
    h->began = fly_now();
    if (h->status == FLY_OK) {
        uint64_t share = job->ops_max / job->threads + (job->ops_max % job->threads != 0);
        h->status = end_reading(h, operate(h, job->timed_ns, share, &h->latency));
    }
    h->ended = fly_now();
    if (h->worker.session != NULL) {
        job->driver->session_close(h->worker.session);
    }
}

/* ------------------------------------------------------------------- all of them */

static void gather(const hand *hands, uint32_t count, kv_outcome *outcome)
{
    uint64_t began = hands[0].began;
    uint64_t ended = hands[0].ended;
    for (uint32_t i = 0; i < count; i++) {
        const hand *h = &hands[i];
        outcome->units_ever += h->worker.units;
        outcome->units += h->worker.units - h->warm_units;
        outcome->conflicts += h->conflicts;
        histogram_merge(&outcome->latency, &h->latency);
        began = h->began < began ? h->began : began;
        ended = h->ended > ended ? h->ended : ended;
    }
    outcome->elapsed_ns = ended - began;
}

fly_status kv_job_run(const kv_job *job, kv_outcome *outcome, fly_err *err)
{
    hand *hands = calloc(job->threads, sizeof *hands);
    pthread_barrier_t barrier;
    if (hands == NULL || pthread_barrier_init(&barrier, NULL, job->threads) != 0) {
        free(hands);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    *outcome = (kv_outcome){0};
    for (uint32_t i = 0; i < job->threads; i++) {
        hand *h = &hands[i];
        h->barrier = &barrier;
        h->worker.job = job;
        h->worker.number = i;
        h->worker.next = i;
        fly_rng_init(&h->worker.rng, KV_SEED + i);
        fly_status status =
            fly_thread_start(fly_sched_os(), &h->thread, "flybench", run, h, &h->err);
        /* Those that run wait at the barrier for one that will not come: there is no way back. */
        if (status != FLY_OK) {
            (void)fprintf(stderr, "flybench: %s\n", h->err.message);
            abort();
        }
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < job->threads; i++) {
        fly_thread_join(&hands[i].thread);
        if (status == FLY_OK && hands[i].status != FLY_OK) {
            status = hands[i].status;
            if (err != NULL) {
                *err = hands[i].err;
            }
        }
    }
    gather(hands, job->threads, outcome);
    outcome->cpu_ns = process_cpu_ns() - hands[0].cpu_began;
    (void)pthread_barrier_destroy(&barrier);
    free(hands);
    return status;
}
