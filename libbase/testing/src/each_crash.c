/*
 * Work whose every write is the last: one run of it, and in the middle of each changing call a copy
 * of the disk that loses power.
 *
 *     work     ──call──call──call──call──call──          one run, watched
 *                        │
 *                        ├─ copy, crash, verify          each way of losing, some seeds each
 *                        │            │
 *                        │            └─ copy, crash, verify     once, at a call of the recovery
 *                        ...
 *
 * A case is the number of the call, the way of losing and its seed: call * 64 + survival * 8 + seed.
 */
#include <fly/base_fault.h>

#include <fly/base_hash.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "child_int.h"

enum { SEEDS_MAX = 8, SEEDS_DEFAULT = 2 };

_Static_assert(FLY_SIM_SURVIVALS <= 8, "three bits of a case's number");

struct each {
    fly_test_crash_options options;
    fly_test_work work;
    fly_test_verify verify;
    void *ctx;
    fly_status status;
    uint64_t stride;
    fly__test_place *place;
    uint64_t only;    /* the one case to run, or UINT64_MAX */
    uint64_t changes; /* changing calls of the work so far */
    /* Of a recovery, which may have threads of its own, the operating system's: */
    fly_atomic_u64 calls_left; /* until power goes a second time */
    uint64_t second_seed;      /* what that loses */
};

static void describe(uint64_t number, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "call %" PRIu64 ", %s, seed %" PRIu64, number / 64,
                   fly_sim_survival_name((fly_sim_survival)(number / 8 % 8)), number % 8);
}

/* A life after a crash: a thread of its own, since the one that is here sits in the middle of the life
 * before and holds its mutexes. */
struct life {
    struct each *each;
    fly_sim_env *world;
};

static void live(void *arg)
{
    const struct life *life = arg;
    life->each->verify(life->world, life->each->ctx);
}

/* A new life has new randomness: what was random in the one before does not come up again. */
static void verify_on(struct each *each, fly_sim_disk *disk, uint64_t seed,
                      void (*watch)(void *ctx, fly_sim_disk *disk, uint64_t call))
{
    fly_sim_env world;
    fly_sim_env_options options = each->options.world;
    options.seed = seed;
    fly_sim_env_init_with(&world, &options, disk);
    fly_sim_disk_watch(disk, watch, each);
    struct life life = {each, &world};
    fly_thread thread;
    FLY_ASSERT(fly_thread_start(fly_sched_os(), &thread, "recovery", live, &life, NULL) == FLY_OK);
    fly_thread_join(&thread);
    fly_sim_disk_watch(disk, NULL, NULL);
    if (fly_sim_disk_handles(disk) > 0) {
        (void)fprintf(stderr, "a file is still open after recovery\n");
        abort();
    }
    fly_sim_env_deinit(&world);
}

/* In the middle of a call of a recovery: if it is the one, power goes again. */
static void crash_again(void *ctx, fly_sim_disk *disk, uint64_t call)
{
    struct each *each = ctx;
    (void)call;
    if (fly_sub_u64(&each->calls_left, 1) != 0) {
        return;
    }
    fly_rng rng;
    fly_rng_init(&rng, each->second_seed);
    fly_sim_disk *copy = fly_sim_disk_clone(disk);
    fly_sim_survival survival = (fly_sim_survival)fly_rng_below(&rng, FLY_SIM_SURVIVALS);
    fly_sim_disk_crash(copy, survival, fly_rng_next(&rng));
    verify_on(each, copy, fly_rng_next(&rng), NULL);
}

static void run_case(struct each *each, fly_sim_disk *disk, uint64_t number)
{
    if (each->only != UINT64_MAX && each->only != number) {
        return;
    }
    fly__test_case(each->place, number);
    uint64_t seed = fly_hash(&number, sizeof number, each->options.world.seed);
    fly_sim_disk *copy = fly_sim_disk_clone(disk);
    fly_sim_disk_crash(copy, (fly_sim_survival)(number / 8 % 8), seed);
    fly_rng rng;
    fly_rng_init(&rng, seed);
    each->second_seed = fly_rng_next(&rng);
    /* Short recoveries are as common as long ones; beyond the end power does not go again. */
    fly_store_u64(&each->calls_left, fly_rng_below(&rng, (uint64_t)1 << fly_rng_below(&rng, 10)));
    verify_on(each, copy, fly_rng_next(&rng), each->options.once ? NULL : crash_again);
}

/* In the middle of a changing call of the work. */
static void crash_here(void *ctx, fly_sim_disk *disk, uint64_t call)
{
    struct each *each = ctx;
    if (each->changes++ % each->stride != 0) {
        return;
    }
    /* Recovery is no part of the simulation: nobody else gets a turn meanwhile. */
    fly_sched *before = fly_sched_adopt(fly_sched_os());
    for (uint64_t survival = 0; survival < FLY_SIM_SURVIVALS; survival++) {
        bool by_seed = survival != FLY_SIM_KEEP_NONE && survival != FLY_SIM_KEEP_ALL;
        uint64_t seeds = by_seed ? each->options.seeds : 1;
        for (uint64_t seed = 0; seed < seeds; seed++) {
            run_case(each, disk, call * 64 + survival * 8 + seed);
        }
    }
    (void)fly_sched_adopt(before);
}

static void run_work(fly_sim_env *world, void *ctx)
{
    struct each *each = ctx;
    each->status = each->work(world, each->ctx);
}

static bool run_cases(void *ctx, fly__test_place *place, uint64_t only)
{
    struct each *each = ctx;
    each->place = place;
    each->only = only;
    fly_sim_env world;
    fly_sim_env_init(&world, &each->options.world);
    fly_sim_disk_watch(world.disk, crash_here, each);
    fly_sim_report report = {.outcome = FLY_SIM_DONE};
    if (each->options.threads) {
        (void)fly_sim_env_run(&world, run_work, each, &report);
    } else {
        run_work(&world, each);
    }
    if (report.outcome != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
    fly_sim_disk_watch(world.disk, NULL, NULL);
    fly_sim_env_deinit(&world);
    if (each->status != FLY_OK) {
        (void)fprintf(stderr, "the work returned %s\n", fly_status_name(each->status));
        return false;
    }
    return true;
}

bool fly_test_each_crash(const char *what, const fly_test_crash_options *options,
                         fly_test_work work, fly_test_verify verify, void *ctx)
{
    static const fly_test_crash_options defaults = {0};
    struct each each = {
        .options = options != NULL ? *options : defaults,
        .work = work,
        .verify = verify,
        .ctx = ctx,
    };
    uint64_t stride = (each.options.stride > 0 ? each.options.stride : 1) / fly__test_rounds();
    each.stride = stride > 0 ? stride : 1;
    each.options.seeds = each.options.seeds > 0 ? each.options.seeds : SEEDS_DEFAULT;
    FLY_ASSERT(each.options.seeds <= SEEDS_MAX);
    return fly__test_run_cases(&(fly__test_cases){what, run_cases, describe, &each});
}
