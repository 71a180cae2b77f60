/**
 * @file base_env.h
 * @brief The world as a parameter.
 *
 * Files, memory, threads and time, randomness, log and trace reach every layer through one
 * ::fly_env that is handed in when a handle is created, and that must outlive it. A program calls
 * fly_env_init() and has the real world. A test fills in a simulated one and owns it: one seed, one
 * run, the same to the last byte.
 *
 * Threads: thread-safe, if what it is made of is; everything in this toolkit is.
 */
#ifndef FLY_BASE_ENV_H
#define FLY_BASE_ENV_H

#include <fly/base_mem.h>
#include <fly/base_sched.h>
#include <fly/base_trace.h>
#include <fly/base_vfs.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

/** How much a log line matters. */
typedef enum fly_log_level {
    FLY_LOG_DEBUG,
    FLY_LOG_INFO,
    FLY_LOG_WARNING,
    FLY_LOG_ERROR
} fly_log_level;

/** The world. Zero a field that is not wanted: trace and log may be NULL, the rest may not. */
typedef struct fly_env {
    fly_vfs *vfs;     /**< files and mappings */
    fly_mem *mem;     /**< memory */
    fly_sched *sched; /**< threads and monotonic time */
    /** Microseconds since 1970, UTC. */
    uint64_t (*wall_time)(struct fly_env *env);
    /** Fill a buffer with bytes nobody can guess (a simulated world: from its seed). */
    fly_status (*random)(struct fly_env *env, void *buffer, size_t len, fly_err *err);
    /** One line, without its end. */
    void (*log)(struct fly_env *env, fly_log_level level, const char *line);
    fly_log_level log_level; /**< lines below it are not made */
    fly_trace *trace;
    void *ctx; /**< for whoever supplies the functions above */
} fly_env;

/** The real world: posix files, system memory, threads and clock, log lines to standard error. */
void fly_env_init(fly_env *env);

/** Log one line, if its level is wanted. */
void fly_log(fly_env *env, fly_log_level level, const char *format, ...) FLY_PRINTF(3, 4);

/** A random 64-bit number; 0 only if the source of randomness failed. */
uint64_t fly_env_random_u64(fly_env *env);

FLY_EXTERN_C_END
/** @} */
#endif
