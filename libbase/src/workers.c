/*
 * A pool of threads and a ring of work that waits for them.
 *
 *     submit ──> [ . . . job job job . . ] ──> a thread runs it
 *                       ^first      ^first + queued
 *
 *     W1  queued <= capacity; a job is in the ring or running or done, never two of these
 *     W2  the threads end only when the pool is closing and the ring is empty: so work that was
 *         accepted is done, and so is work that it submits while the pool closes
 *
 * What is not here: priorities, stealing, waiting for one job. A caller who wants the outcome of
 * its job lets the job tell.
 */
#include <fly/base_workers.h>

#include <stdint.h>

enum { QUEUE_DEFAULT = 1024 };

struct job {
    void (*run)(void *arg);
    void *arg;
};

struct fly_workers {
    fly_mem *mem;
    uint32_t capacity;
    uint32_t thread_count; /* started */
    uint32_t thread_slots;
    fly_mutex mutex;
    fly_cond work;    /* something was queued, or the pool is closing */
    fly_cond idle;    /* nothing is queued and nothing runs */
    uint32_t first;   /* mutex */
    uint32_t queued;  /* mutex */
    uint32_t running; /* mutex */
    bool closing;     /* mutex */
    struct job *jobs; /* mutex */
    fly_thread *threads;
};

static void work(void *arg)
{
    fly_workers *workers = arg;
    fly_mutex_lock(&workers->mutex);
    for (;;) {
        while (workers->queued == 0 && !workers->closing) {
            fly_cond_wait(&workers->work, &workers->mutex);
        }
        if (workers->queued == 0) {
            break; /* W2 */
        }
        struct job job = workers->jobs[workers->first];
        workers->first = (workers->first + 1) % workers->capacity;
        workers->queued--;
        workers->running++;
        fly_mutex_unlock(&workers->mutex);

        job.run(job.arg);

        fly_mutex_lock(&workers->mutex);
        workers->running--;
        if (workers->queued == 0 && workers->running == 0) {
            fly_cond_broadcast(&workers->idle);
        }
    }
    fly_mutex_unlock(&workers->mutex);
}

static void release(fly_workers *workers)
{
    fly_mutex_deinit(&workers->mutex);
    fly_mem_free(workers->mem, workers->jobs, workers->capacity * sizeof *workers->jobs);
    fly_mem_free(workers->mem, workers->threads, workers->thread_slots * sizeof *workers->threads);
    fly_mem_free(workers->mem, workers, sizeof *workers);
}

fly_status fly_workers_create(fly_env *env, const fly_workers_options *options,
                              fly_workers **workers, fly_err *err)
{
    static const fly_workers_options defaults = {0};
    if (options == NULL) {
        options = &defaults;
    }
    fly_workers *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a pool of threads");
    }
    made->mem = env->mem;
    made->capacity = options->queue_max > 0 ? options->queue_max : QUEUE_DEFAULT;
    made->thread_slots = options->threads > 0 ? options->threads : 1;
    fly_mutex_init(&made->mutex, "workers", FLY_RANK_LEAF);
    fly_cond_init(&made->work);
    fly_cond_init(&made->idle);
    made->jobs = fly_mem_calloc(env->mem, made->capacity, sizeof *made->jobs);
    made->threads = fly_mem_calloc(env->mem, made->thread_slots, sizeof *made->threads);
    if (made->jobs == NULL || made->threads == NULL) {
        release(made);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a queue of %u jobs",
                           options->queue_max);
    }
    const char *name = options->name != NULL ? options->name : "worker";
    while (made->thread_count < made->thread_slots) {
        fly_status status =
            fly_thread_start(env->sched, &made->threads[made->thread_count], name, work, made, err);
        if (status != FLY_OK) {
            fly_workers_destroy(made);
            return status;
        }
        made->thread_count++;
    }
    *workers = made;
    return FLY_OK;
}

void fly_workers_destroy(fly_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    fly_mutex_lock(&workers->mutex);
    workers->closing = true;
    fly_cond_broadcast(&workers->work);
    fly_mutex_unlock(&workers->mutex);
    for (uint32_t i = 0; i < workers->thread_count; i++) {
        fly_thread_join(&workers->threads[i]);
    }
    FLY_ASSERT(workers->queued == 0);
    release(workers);
}

fly_status fly_workers_submit(fly_workers *workers, void (*run)(void *arg), void *arg)
{
    fly_mutex_lock(&workers->mutex);
    bool room = workers->queued < workers->capacity;
    if (room) {
        uint64_t last = (uint64_t)workers->first + workers->queued;
        workers->jobs[last % workers->capacity] = (struct job){run, arg};
        workers->queued++;
        fly_cond_signal(&workers->work);
    }
    fly_mutex_unlock(&workers->mutex);
    return room ? FLY_OK : FLY_E_FULL;
}

void fly_workers_drain(fly_workers *workers)
{
    fly_mutex_lock(&workers->mutex);
    while (workers->queued > 0 || workers->running > 0) {
        fly_cond_wait(&workers->idle, &workers->mutex);
    }
    fly_mutex_unlock(&workers->mutex);
}
