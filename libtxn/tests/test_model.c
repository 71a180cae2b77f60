/*
 * Goal: a store does what the dullest store would do, whatever is asked of it, in whatever order.
 * Method: random steps against a model (txn_model.h), from a seed that is printed when it fails; closing,
 * crashing and backing up on the way. FLY_TEST_ROUNDS=10 makes well over a million
 * steps.
 */
#include <fly/base_check.h>

#include "txn_model.h"

enum { STEPS = 4000 };

static struct model model;

/* Open what a backup has made, and find in it what is committed now. */
static void look_at_backup(void)
{
    char dir[32];
    fly_store *copy = NULL;
    (void)snprintf(dir, sizeof dir, "backup%" PRIu32, model.backups - 1);
    MODEL_CALL(&model, fly_store_open(&model.world->env, dir, &model.options, &copy, err));
    char why[256] = "";
    const struct model_state *state = model_committed(&model);
    MODEL_MUST(&model,
               model_matches(&model, copy, state, why) && model_prepared_matches(copy, state, why),
               "the backup: %s", why);
    MODEL_CALL(&model, fly_store_verify(copy, NULL, NULL, err));
    MODEL_CALL(&model, fly_store_close(copy, err));
    MODEL_CALL(&model, fly_vfs_remove_tree(model.world->env.vfs, dir, err));
}

static void crash(void)
{
    fly_sim_survival survival = (fly_sim_survival)fly_rng_below(&model.rng, FLY_SIM_SURVIVALS);
    fly_store_abandon(model.store);
    model.store = NULL;
    fly_sim_disk_crash(model.world->disk, survival, fly_rng_next(&model.rng));
    model_open(&model, &model.store);
    model_after_crash(&model);
    MODEL_CALL(&model, fly_store_verify(model.store, NULL, NULL, err));
}

/* The pool holds some of the pages, or all; pages are of several sizes. */
static void choose_options(uint64_t seed)
{
    static const uint32_t sizes[] = {4096, 4096, 8192, 16384};
    uint32_t size = sizes[seed % 4];
    model.options.page_size = size;
    model.options.pool_bytes = (uint64_t)size * (seed % 3 == 0 ? 64 : 512);
    /* A virtual pool of all that could be is more address space than ThreadSanitizer has. */
    model.options.pages_max = 1 << 16;
    model.options.wal_ring_size = 16 * size;
    model.options.wal_segment_size = 16 * size;
    model.options.buffered = seed % 2 == 0;
    model.options.backend = seed % 5 == 0 ? FLY_BUFPOOL_VIRTUAL : FLY_BUFPOOL_FRAMES;
}

static void run_model(fly_sim_env *world, void *ctx)
{
    const uint64_t *seed = ctx;
    model_init(&model, world, *seed);
    choose_options(*seed);
    model.may_back_up = true;
    model.may_reopen = true;
    model_open(&model, &model.store);
    model_make_trees(&model);
    for (int i = 0; i < STEPS; i++) {
        uint32_t backups = model.backups;
        model_step(&model);
        if (model.backups > backups) {
            look_at_backup();
        }
        if (fly_rng_below(&model.rng, 500) == 0) {
            crash();
        }
    }
    model_end_all(&model);
    char why[256] = "";
    MODEL_MUST(&model, model_matches(&model, model.store, model_committed(&model), why), "%s", why);
    MODEL_CALL(&model, fly_store_verify(model.store, NULL, NULL, err));
    MODEL_CALL(&model, fly_store_close(model.store, err));
}

static void try_seed(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_sim_env world;
    fly_sim_report report;
    fly_sim_env_init(&world,
                     &(fly_sim_env_options){.seed = seed, .sched = {.steps_max = 1u << 30}});
    if (fly_sim_env_run(&world, run_model, &seed, &report) != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
    fly_sim_env_deinit(&world);
}

START_TEST(a_store_does_what_the_model_does)
{
    ck_assert(fly_test_seeds("the model", 40, try_seed, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tests = fly_test_case(suite, "model");
    tcase_set_timeout(tests, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_test(tests, a_store_does_what_the_model_does);
    return fly_test_run(suite);
}
