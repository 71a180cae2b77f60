/**
 * @file base_workers.h
 * @brief A pool of threads with a queue of work.
 *
 * Threads: thread-safe. Work may submit more work.
 */
#ifndef FLY_BASE_WORKERS_H
#define FLY_BASE_WORKERS_H

#include <fly/base_env.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

typedef struct fly_workers fly_workers;

/** Knobs. Zero means the default. */
typedef struct fly_workers_options {
    uint32_t threads;   /**< default 1 */
    uint32_t queue_max; /**< work that may wait; default 1,024 */
    const char *name;   /**< of the threads; kept; default "worker" */
} fly_workers_options;

/**
 * @brief Start the threads.
 *
 * @param      options  Borrows; NULL is all defaults.
 * @param[out] workers  Gives; fly_workers_destroy().
 * @return FLY_E_NO_MEMORY, FLY_E_IO if a thread could not be started; then none is left running.
 */
FLY_MUST_USE fly_status fly_workers_create(fly_env *env, const fly_workers_options *options,
                                           fly_workers **workers, fly_err *err);

/** Finish the work that is queued and what it queues, stop the threads, release everything. Not
 *  from work. NULL is fine. */
void fly_workers_destroy(fly_workers *workers);

/**
 * @brief Queue `run(arg)`.
 *
 * @return FLY_E_FULL if the queue is full: the caller runs it itself, or waits.
 */
FLY_MUST_USE fly_status fly_workers_submit(fly_workers *workers, void (*run)(void *arg), void *arg);

/** Wait until nothing is queued and nothing runs. Not from work, which would wait for itself. */
void fly_workers_drain(fly_workers *workers);

FLY_EXTERN_C_END
/** @} */
#endif
