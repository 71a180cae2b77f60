/**
 * @file base_sim.h
 * @brief A whole world from one seed: disk, threads, time, randomness and memory in a fly_env.
 *
 *     fly_sim_env world;
 *     fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 17});
 *     ... &world.env is the environment; world.disk crashes, world.mem runs out ...
 *     fly_sim_env_deinit(&world);
 *
 * As it comes, threads are the operating system's and everything else is simulated: enough for work
 * with one thread. fly_sim_env_run() puts the work under a simulated scheduler too, for as long as
 * it runs. Nothing in such a run depends on anything but the seed.
 *
 * Threads: thread-safe, as an environment has to be.
 */
#ifndef FLY_BASE_SIM_H
#define FLY_BASE_SIM_H

#include <fly/base_env.h>
#include <fly/base_faultmem.h>
#include <fly/base_simdisk.h>
#include <fly/base_simsched.h>

/** @addtogroup base_testing
 *  @{ */
FLY_EXTERN_C_BEGIN

/** Knobs. Zero means the default; seeds of the parts that are 0 come from `seed`. */
typedef struct fly_sim_env_options {
    uint64_t seed;
    fly_sim_disk_options disk;
    fly_sim_sched_options sched; /**< for fly_sim_env_run() */
} fly_sim_env_options;

/** A simulated world. Its address must not change while it is in use. */
typedef struct fly_sim_env {
    fly_env env; /**< hand out its address; change its log, level and trace as you like */
    fly_sim_disk *disk;
    fly_test_mem mem; /**< what `env.mem` points to */
    fly_sim_env_options options;
    fly_atomic_u64 random_count; /**< 64-bit words drawn */
    fly_atomic_u64 wall_count;   /**< times somebody asked for the time of day */
} fly_sim_env;

/** Set up a world with an empty disk. `options` may be NULL. No log, no trace. */
void fly_sim_env_init(fly_sim_env *world, const fly_sim_env_options *options);

/** As fly_sim_env_init(), with a disk that is there already, which it then owns. */
void fly_sim_env_init_with(fly_sim_env *world, const fly_sim_env_options *options,
                           fly_sim_disk *disk);

/** Assert that all memory came back, and release the world. Not after a run that was abandoned: its
 *  threads still sit in it. */
void fly_sim_env_deinit(fly_sim_env *world);

/**
 * @brief Run `first(world, ctx)` and what it starts under the simulated scheduler of the options.
 *
 * Meanwhile `world->env.sched` is that scheduler. See fly_sim_sched_run() for the rest.
 */
fly_sim_outcome fly_sim_env_run(fly_sim_env *world, void (*first)(fly_sim_env *world, void *ctx),
                                void *ctx, fly_sim_report *report);

FLY_EXTERN_C_END
/** @} */
#endif
