/**
 * @file base_fault.h
 * @brief Every allocation fails once, every call of the disk fails once, every write is the last.
 *
 * Two drivers for what is asked of every layer. Both run what they are given many times, in a
 * child process that the failing case ends; the message then names the case, and FLY_TEST_SEED=N, with its
 * number, runs it alone, in the very process. FLY_TEST_ROUNDS makes them more thorough where they
 * were told to take strides.
 *
 * Threads: thread-compatible.
 */
#ifndef FLY_BASE_FAULT_H
#define FLY_BASE_FAULT_H

#include <fly/base_sim.h>

/** @addtogroup base_testing
 *  @{ */
FLY_EXTERN_C_BEGIN

/** Work in a fresh world. It releases and closes everything itself, whatever fails on the way. */
typedef fly_status (*fly_test_work)(fly_sim_env *world, void *ctx);

/** Look at what work left behind; with assertions. */
typedef void (*fly_test_verify)(fly_sim_env *world, void *ctx);

/** What is made to fail, to be or-ed together. */
enum {
    FLY_TEST_MEMORY_ONCE = 1,    /**< the n-th allocation */
    FLY_TEST_MEMORY_LASTING = 2, /**< the n-th and all after it */
    FLY_TEST_EIO_ONCE = 4,       /**< the n-th call of the disk, with EIO */
    FLY_TEST_EIO_LASTING = 8,    /**< the n-th and all after it */
    FLY_TEST_FULL_ONCE = 16,     /**< the n-th call that could need room, with ENOSPC */
    FLY_TEST_FULL_LASTING = 32,  /**< the n-th and all after it */
    FLY_TEST_EINTR = 64,         /**< the n-th call, once; only those that are repeated */
    FLY_TEST_SHORT = 128,        /**< the n-th read or write does only part of it */
    FLY_TEST_ALL_FAULTS = 255
};

/** Knobs. Zero means the default. */
typedef struct fly_test_fault_options {
    fly_sim_env_options world;
    unsigned faults; /**< default all */
    uint64_t stride; /**< take every n-th case only (divided by FLY_TEST_ROUNDS); default 1 */
    bool threads;    /**< run the work under the simulated scheduler */
} fly_test_fault_options;

/**
 * @brief Run `work` with the n-th operation failing, n = 0, 1, 2, until it passes untouched.
 *
 * After each run the faults are gone and these must hold:
 *   - work that nothing struck returned FLY_OK; so did work that was only interrupted or cut short;
 *   - `verify`, if not NULL, is content: it may open what `work` left and use it;
 *   - all memory came back and no file is open.
 *
 * @param what  Names the test in messages.
 * @return Whether all of that held. If not, the case is on standard error.
 */
FLY_MUST_USE bool fly_test_each_fault(const char *what, const fly_test_fault_options *options,
                                      fly_test_work work, fly_test_verify verify, void *ctx);

/** Knobs. Zero means the default. */
typedef struct fly_test_crash_options {
    fly_sim_env_options world;
    uint64_t stride; /**< take every n-th changing call only (divided by FLY_TEST_ROUNDS) */
    uint32_t seeds;  /**< for each way of losing that is decided by one; default 2 */
    bool threads;    /**< run the work under the simulated scheduler */
    bool once;       /**< spare recovery from crashes of its own */
} fly_test_crash_options;

/**
 * @brief Run `work` once, and let power go in the middle of every call that changes the disk, with
 *        every way of losing what was not synced.
 *
 * Each time `verify` gets a world of its own with what survived. It runs while `work` is in the
 * middle of its call, so `ctx` says what had been acknowledged; the operation under way may have
 * happened or not. It recovers, compares, and releases and closes everything; it changes nothing but
 * what recovery changes, since while it runs power goes once more at some call, and another `verify`
 * with the same `ctx` gets what survived that.
 *
 * Under the simulated scheduler the other threads stand still meanwhile.
 *
 * @return Whether every `verify` was content and `work` returned FLY_OK. If not, the case is on
 *         standard error.
 * @cost   Calls * (4 * seeds + 2) * 2 recoveries.
 */
FLY_MUST_USE bool fly_test_each_crash(const char *what, const fly_test_crash_options *options,
                                      fly_test_work work, fly_test_verify verify, void *ctx);

FLY_EXTERN_C_END
/** @} */
#endif
