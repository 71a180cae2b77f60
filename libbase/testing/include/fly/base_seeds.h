/**
 * @file base_seeds.h
 * @brief How much a test does, from which seed, and which seed it was when it failed.
 *
 * Two variables of the environment govern every randomised test of the toolkit:
 *
 *     FLY_TEST_ROUNDS=100   a hundred times as many rounds as in a quick run
 *     FLY_TEST_SEED=17      only seed 17, in this very process: what a debugger wants
 *
 * Threads: thread-compatible.
 */
#ifndef FLY_BASE_SEEDS_H
#define FLY_BASE_SEEDS_H

#include <fly/base.h>

/** @addtogroup base_testing
 *  @{ */
FLY_EXTERN_C_BEGIN

/** `count` rounds, times FLY_TEST_ROUNDS if that is set; at least 1. */
uint64_t fly_test_rounds(uint64_t count);

/**
 * @brief Run a test for the seeds 1 to fly_test_rounds(count), or for FLY_TEST_SEED alone.
 *
 * The seeds run one after the other in a child process, so that whatever ends it (a failed
 * assertion, a signal, a leak, a seed that takes longer than a minute) leaves this process to say
 * which seed it was. What `each` changes in memory is therefore not seen here. With FLY_TEST_SEED
 * there is no child.
 *
 * @param what  Names the test in the message.
 * @return Whether all passed. If not, one line on standard error names the seed.
 */
FLY_MUST_USE bool fly_test_seeds(const char *what, uint64_t count,
                                 void (*each)(void *ctx, uint64_t seed), void *ctx);

/**
 * @brief Make a fresh directory for a test that needs real files.
 *
 * @param[out] path  At least 64 bytes. Remove it with fly_vfs_remove_tree().
 * @param      size  Of `path`.
 */
FLY_MUST_USE fly_status fly_test_temp_dir(char *path, size_t size, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
