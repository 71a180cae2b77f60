/*
 * Threads that do one kind of operation over and over, first to warm up and then against the clock.
 *
 *     session_open | warm up ... | barrier | timed part ... | session_close      in each thread
 *
 * The time is that from the first thread through the barrier to the last one done.
 */
#ifndef FLYBENCH_KV_WORKERS_H
#define FLYBENCH_KV_WORKERS_H

#include "histogram.h"
#include "kv_driver.h"

#include <fly/base_atomic.h>

typedef struct kv_worker kv_worker;

/**
 * One operation: adds to `worker->units` how many records (or whatever the case counts) it dealt
 * with. FLY_E_END: nothing is left to do. FLY_E_CONFLICT, FLY_E_DEADLOCK: did nothing, call again.
 * Anything else ends the run.
 */
typedef fly_status (*kv_operation)(kv_worker *worker, fly_err *err);

/** What the threads are to do. */
typedef struct kv_job {
    const kv_driver *driver;
    kv_store *store;
    kv_shape shape;
    uint64_t records; /**< in the data set */
    uint32_t threads;
    kv_operation operate;
    uint64_t reads_per_txn;    /**< for operations that read in longer transactions */
    uint32_t sample_every;     /**< the clock is read around one operation in so many; at least 1 */
    uint64_t warm_ns;          /**< 0: no warm-up */
    uint64_t timed_ns;         /**< 0: until the operation says FLY_E_END */
    uint64_t ops_max;          /**< ends the timed part as well, if not 0 */
    uint64_t full_range_last;  /**< the greatest key from which a full range can still be read */
    fly_atomic_u32 *per_mille; /**< kept up to date: how much of the timed part is done */
} kv_job;

/** A thread's own. */
struct kv_worker {
    const kv_job *job;
    uint32_t number; /**< from 0 */
    kv_session *session;
    fly_rng rng;
    uint64_t next;  /**< for records that are dealt with once: the next of this worker */
    uint64_t reads; /**< done in the open transaction, which is open if this is not 0 */
    uint64_t units; /**< counted by the operation */
    bool thorough;  /**< not timed: compare whole values */
    uint8_t key[KV_KEY_MAX];
    uint8_t value[KV_VALUE_MAX];
    uint8_t got[KV_VALUE_MAX];
};

/** What came out. */
typedef struct kv_outcome {
    uint64_t units;      /**< in the timed part */
    uint64_t units_ever; /**< warm-up included */
    uint64_t elapsed_ns;
    uint64_t cpu_ns;    /**< of the whole process in the timed part, engine's threads included */
    uint64_t conflicts; /**< operations that had to be run again */
    histogram latency;  /**< nanoseconds, of the sampled operations */
} kv_outcome;

/** Run a job. The first error of any thread is the result. */
FLY_MUST_USE fly_status kv_job_run(const kv_job *job, kv_outcome *outcome, fly_err *err);

#endif
