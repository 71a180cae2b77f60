/*
 * The workloads, as a table: what a case starts from, what its threads do, what is expected of the
 * store afterwards.
 */
#ifndef FLYBENCH_KV_CASES_H
#define FLYBENCH_KV_CASES_H

#include "kv_workers.h"

enum { KV_RANGE_RECORDS = 100, KV_LOAD_TXN_RECORDS = 1000, KV_CASE_NAME_SIZE = 40 };

/** What is in the store when a case begins. */
typedef enum kv_start {
    KV_START_EMPTY,  /**< nothing */
    KV_START_LOADED, /**< all records, loaded in random order and settled; the case only reads */
    KV_START_COPY    /**< the same, in a copy that the case may change */
} kv_start;

/** A workload. */
typedef struct kv_case {
    const char *name;
    const char *what; /**< one line for the help */
    kv_start start;
    kv_durability durability;
    kv_operation operate;
    const char *metric;    /**< the one that is compared */
    bool less_is_better;   /**< of that metric */
    bool timed;            /**< ends by the clock, after a warm-up; otherwise when all is done */
    bool ordered;          /**< keys ascend */
    bool settled;          /**< the store is settled afterwards */
    bool limited;          /**< the data is 4 times the cache, and memory is limited */
    bool on_disk;          /**< only the size on disk is reported */
    bool quick;            /**< operations of microseconds or less: sample latencies */
    bool percentiles;      /**< latencies are reported */
    bool needs_full_range; /**< the operation checks against kv_job.full_range_last */
    int growth;            /**< records that one unit adds: 1, 0 or -1 */
    uint32_t threads_max;  /**< how many threads can run it */
    uint32_t patience;     /**< multiplies the time */
} kv_case;

/** A case with a number of threads, e.g. get_random_t2. */
typedef struct kv_pick {
    const kv_case *what;
    uint32_t threads;
    char name[KV_CASE_NAME_SIZE];
} kv_pick;

/** The cases; the count in `*count`. */
const kv_case *kv_cases_all(uint32_t *count);

/** Not in the table: loads and settles the store that other cases start from. */
extern const kv_case kv_case_prepare;

/** What runs if nothing is asked for: names separated by commas. */
extern const char *const kv_cases_default;

/**
 * @brief Understand the name of a case, with or without a number of threads at its end ("_t4").
 *
 * @param threads  Where the name has none and the case can use several.
 * @return FLY_E_INVALID with a message that lists what there is.
 */
FLY_MUST_USE fly_status kv_case_parse(const char *name, uint32_t threads, kv_pick *pick,
                                      fly_err *err);

#endif
