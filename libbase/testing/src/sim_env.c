/*
 * The simulated world: each part of a fly_env from the same seed.
 *
 * The time of day is the scheduler's time on a calendar that begins with 2026. Without a simulated
 * scheduler there is no virtual time; each look at the clock is then a microsecond later than the
 * one before.
 */
#include <fly/base_sim.h>

#include <fly/base_hash.h>

#include <string.h>

#define NEW_YEAR_2026 ((uint64_t)1767225600 * 1000000)

static fly_sim_env *world_of(fly_env *env)
{
    return (fly_sim_env *)env;
}

static uint64_t sim_wall_time(fly_env *env)
{
    uint64_t count = fly_add_u64(&world_of(env)->wall_count, 1);
    bool simulated = fly_sched_current() != fly_sched_os();
    return NEW_YEAR_2026 + (simulated ? fly_now() / 1000 : count);
}

static fly_status sim_random(fly_env *env, void *buffer, size_t len, fly_err *err)
{
    (void)err;
    fly_sim_env *world = world_of(env);
    uint8_t *at = buffer;
    while (len > 0) {
        uint64_t number = fly_add_u64(&world->random_count, 1);
        uint64_t word = fly_hash(&number, sizeof number, world->options.seed);
        size_t step = len < sizeof word ? len : sizeof word;
        memcpy(at, &word, step);
        at += step;
        len -= step;
    }
    return FLY_OK;
}

/* A part that was given no seed gets one of its own. */
static uint64_t seed_for(uint64_t given, uint64_t seed, uint64_t part)
{
    return given != 0 ? given : fly_hash(&part, sizeof part, seed);
}

void fly_sim_env_init_with(fly_sim_env *world, const fly_sim_env_options *options,
                           fly_sim_disk *disk)
{
    static const fly_sim_env_options defaults = {0};
    *world = (fly_sim_env){.disk = disk, .options = options != NULL ? *options : defaults};
    fly_sim_env_options *own = &world->options;
    own->disk.seed = seed_for(own->disk.seed, own->seed, 1);
    own->sched.seed = seed_for(own->sched.seed, own->seed, 2);
    if (disk == NULL) {
        world->disk = fly_sim_disk_create(&own->disk);
    }
    fly_test_mem_init(&world->mem, NULL);
    world->env = (fly_env){
        .vfs = fly_sim_disk_vfs(world->disk),
        .mem = &world->mem.mem,
        .sched = fly_sched_os(),
        .wall_time = sim_wall_time,
        .random = sim_random,
        .log_level = FLY_LOG_WARNING,
        .ctx = world,
    };
}

void fly_sim_env_init(fly_sim_env *world, const fly_sim_env_options *options)
{
    fly_sim_env_init_with(world, options, NULL);
}

void fly_sim_env_deinit(fly_sim_env *world)
{
    fly_test_mem_deinit(&world->mem);
    fly_sim_disk_destroy(world->disk);
}

struct run {
    fly_sim_env *world;
    void (*first)(fly_sim_env *world, void *ctx);
    void *ctx;
};

static void run_first(void *arg)
{
    const struct run *run = arg;
    run->world->env.sched = fly_sched_current();
    run->first(run->world, run->ctx);
}

fly_sim_outcome fly_sim_env_run(fly_sim_env *world, void (*first)(fly_sim_env *world, void *ctx),
                                void *ctx, fly_sim_report *report)
{
    struct run run = {world, first, ctx};
    fly_sim_outcome outcome = fly_sim_sched_run(&world->options.sched, run_first, &run, report);
    if (outcome == FLY_SIM_DONE) {
        world->env.sched = fly_sched_os();
    }
    return outcome;
}
