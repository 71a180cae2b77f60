/**
 * @file base_testing.h
 * @brief A world for tests: disks that fail, threads that a seed interleaves, memory that runs out.
 *
 *     fly/base_sim.h       a simulated world in one fly_env, and with it:
 *     fly/base_simdisk.h     the disk
 *     fly/base_simsched.h    the schedulers
 *     fly/base_faultmem.h    memory that fails
 *     fly/base_fault.h     drivers: every operation fails once, every write is the last
 *     fly/base_seeds.h     rounds and seeds of randomised tests
 *     fly/base_check.h     what our tests add to the Check framework; not included here
 */
#ifndef FLY_BASE_TESTING_H
#define FLY_BASE_TESTING_H

/** @defgroup base_testing base-testing: a world for tests */

#define FLY_BASE_TESTING_VERSION "0.1.0" /**< semantic version of this library */

#include <fly/base_fault.h>
#include <fly/base_seeds.h>

#endif
