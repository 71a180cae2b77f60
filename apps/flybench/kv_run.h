/*
 * One measurement: one engine, one case, once, in a process of its own.
 *
 * A process of its own gives each measurement a fresh heap and fresh caches, can be put under a
 * memory limit, and keeps an engine that crashes from taking the others with it.
 */
#ifndef FLYBENCH_KV_RUN_H
#define FLYBENCH_KV_RUN_H

#include "kv_cases.h"
#include "memlimit.h"
#include "progress.h"
#include "report.h"

#include <signal.h>

/** What holds for all measurements of a run of flybench. Filled from the command line. */
typedef struct kv_settings {
    kv_shape shape;
    uint64_t records;
    uint64_t cache_bytes;    /**< 0: enough for everything */
    uint64_t overhead_bytes; /**< what a limited process may use beside its cache */
    uint64_t reads_per_txn;
    uint64_t ops;   /**< of a timed part; 0: by time */
    double seconds; /**< of a timed part */
} kv_settings;

/** One measurement. */
typedef struct kv_task {
    const kv_settings *settings;
    const kv_driver *driver;
    const kv_case *what;
    uint32_t threads;
    kv_durability durability;
    const char *dir;       /**< of the store: exists, and holds what the case starts from */
    const memlimit *limit; /**< or NULL */
} kv_task;

/** Signals that end flybench (from the keyboard, a closed pipe, kill), held back so that it can
 *  clean up. */
typedef struct kv_stop {
    int fd; /**< readable when one came */
    sigset_t before;
} kv_stop;

/** Hold them back from now on. */
FLY_MUST_USE fly_status kv_stop_init(kv_stop *stop, fly_err *err);

/** Let them through again. */
void kv_stop_deinit(kv_stop *stop);

/** The engine's cache in a case: what was asked for, or as much as the case needs. */
uint64_t kv_cache_bytes(const kv_settings *settings, const kv_case *what);

/** Do it here, in this process. `per_mille` is kept up to date. */
FLY_MUST_USE fly_status kv_run_here(const kv_task *task, fly_atomic_u32 *per_mille,
                                    report_run *result, fly_err *err);

/**
 * @brief Do it in a child process, showing progress meanwhile.
 *
 * @return What the child returned; FLY_E_IO if it died; FLY_E_CANCELLED if this process was told to
 *         stop, after the child is gone.
 */
FLY_MUST_USE fly_status kv_run_apart(const kv_task *task, const kv_stop *stop,
                                     const progress *shown, report_run *result, fly_err *err);

#endif
