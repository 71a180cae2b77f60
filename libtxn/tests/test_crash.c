/*
 * Goal: whenever power goes, and whatever the disk loses of what it was not told to keep: every commit
 * that was acknowledged as durable is there, nothing else of any transaction is, and the store is sound.
 * The same when power goes again while the store recovers. The same when a process is killed.
 * Method: random work against a model (txn_model.h) on the simulated disk, cut in the middle of every
 * call that changes the disk (base_fault.h has the ways of losing); after each cut the store is opened,
 * must be in a state that the model allows, and is verified. Then real processes on a real disk, whose
 * writers note in a pipe what was acknowledged before they are killed.
 *
 * FLY_TEST_ROUNDS=100 is the whole: every call of the work is cut (tests/campaigns/crash-sweep.sh).
 */
#include <fly/base_check.h>

#include "txn_model.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* -------------------------------------------------------------- power goes, simulated */

/* A piece of work, and how it goes about it. */
struct sweep {
    const char *name;
    uint64_t steps;
    uint64_t stride; /* of the calls that are cut in a short run */
    bool back_up;
    bool background; /* the store has its threads, under the simulated scheduler */
    bool buffered;
    uint64_t seed;
    struct model model;
    uint64_t recoveries;
};

static fly_status work(fly_sim_env *world, void *ctx)
{
    struct sweep *sweep = ctx;
    struct model *model = &sweep->model;
    model_init(model, world, sweep->seed);
    model->may_back_up = sweep->back_up;
    model->may_reopen = true;
    model->options.manual = !sweep->background;
    model->options.buffered = sweep->buffered;
    model_open(model, &model->store);
    model_make_trees(model);
    for (uint64_t i = 0; i < sweep->steps; i++) {
        model_step(model);
    }
    model_end_all(model);
    MODEL_CALL(model, fly_store_close(model->store, err));
    (void)fprintf(stderr,
                  "%s, seed %" PRIu64 ": %" PRIu64 " calls change the disk, %" PRIu64
                  " recoveries, %" PRIu64 " states\n",
                  sweep->name, sweep->seed, fly_sim_disk_calls(world->disk, FLY_SIM_CHANGES),
                  sweep->recoveries, model->newest);
    return FLY_OK;
}

static void recovered(fly_sim_env *world, void *ctx)
{
    struct sweep *sweep = ctx;
    struct model *model = &sweep->model;
    fly_store *store = NULL;
    fly_store_options options = model->options;
    options.manual = true;
    sweep->recoveries++;
    MODEL_CALL(model, fly_store_open(&world->env, "data", &options, &store, err));
    (void)model_find_state(model, store);
    MODEL_CALL(model, fly_store_verify(store, NULL, NULL, err));
    if (sweep->recoveries % 2 == 0) {
        MODEL_CALL(model, fly_store_close(store, err));
    } else {
        fly_store_abandon(store);
    }
}

static struct sweep sweeps[] = {
    {.name = "work", .steps = 3000, .stride = 29},
    {.name = "work and backups", .steps = 1500, .stride = 29, .back_up = true},
    {.name = "work through the cache", .steps = 1500, .stride = 29, .buffered = true},
    {.name = "work beside background threads", .steps = 1500, .stride = 29, .background = true},
};

START_TEST(after_any_crash_there_is_what_was_committed)
{
    struct sweep *sweep = &sweeps[_i];
    uint64_t seeds = (fly_test_rounds(1) + 9) / 10;
    for (sweep->seed = 1; sweep->seed <= seeds; sweep->seed++) {
        ck_assert(fly_test_each_crash(
            sweep->name,
            &(fly_test_crash_options){.stride = sweep->stride, .seeds = 1, .threads = true}, work,
            recovered, sweep));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *tests = fly_test_case(suite, "power");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, after_any_crash_there_is_what_was_committed, 0,
                        sizeof sweeps / sizeof sweeps[0]);
    return fly_test_run(suite);
}
