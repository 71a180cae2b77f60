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
#define _POSIX_C_SOURCE 200809L /* fork, kill, pipe */

#include <fly/base_bytes.h>
#include <fly/base_check.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "txn_model.h"

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
    {.name = "work", .steps = 3000, .stride = 11},
    {.name = "work and backups", .steps = 1500, .stride = 11, .back_up = true},
    {.name = "work through the cache", .steps = 1500, .stride = 11, .buffered = true},
    {.name = "work beside background threads", .steps = 1500, .stride = 11, .background = true},
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

/* ------------------------------------------------------------------ processes are killed */

/*
 * A child opens the store and works with two threads: each sets the counters "<thread>/<n>" to the
 * number of its transaction, all of them in one, and after each commit writes the number into a pipe.
 * The parent kills it after a while, reads what was acknowledged, and opens the store itself.
 */
enum { WRITERS = 2, COUNTERS = 8, MS = 1000000 };

struct writer {
    fly_store *store;
    fly_tree *tree;
    uint64_t from;
    uint32_t number;
    int pipe;
};

/* What goes through the pipe: smaller than what a pipe writes whole. */
struct acknowledged {
    uint32_t writer;
    uint64_t count;
};

static fly_bytes counter(uint32_t writer, uint32_t n, char name[32])
{
    return fly_bytes_of(name, (size_t)snprintf(name, 32, "%" PRIu32 "/%" PRIu32, writer, n));
}

static void write_for_ever(void *arg)
{
    struct writer *writer = arg;
    for (uint64_t count = writer->from + 1;; count++) {
        fly_txn *txn = NULL;
        fly_err err = {0};
        uint8_t bytes[600] = {0}; /* pages fill up, split and merge */
        size_t len = 8 + (size_t)(count * 37 % (sizeof bytes - 8));
        fly_status status = fly_txn_begin(writer->store, NULL, &txn, &err);
        fly_put_u64(bytes, count);
        for (uint32_t n = 0; n < COUNTERS && status == FLY_OK; n++) {
            char name[32];
            status = fly_txn_put(txn, writer->tree, counter(writer->number, n, name),
                                 fly_bytes_of(bytes, len), &err);
        }
        if (status == FLY_OK) {
            status = fly_txn_commit(txn, &err);
        }
        struct acknowledged said = {writer->number, count};
        if (status != FLY_OK || write(writer->pipe, &said, sizeof said) != sizeof said) {
            _exit(3);
        }
    }
}

static fly_store_options real_store(void)
{
    return (fly_store_options){.create = true,
                               .pool_bytes = 4 << 20,
                               .wal_segment_size = 256 << 10,
                               .wal_ring_size = 128 << 10,
                               .checkpoint_bytes = 512 << 10};
}

static fly_store *open_real(fly_env *env, const char *dir, fly_tree **tree)
{
    fly_store *store = NULL;
    fly_txn *txn = NULL;
    fly_err err = {0};
    fly_store_options options = real_store();
    FLY_CHECK_OK(fly_store_open(env, dir, &options, &store, &err), err);
    FLY_CHECK_OK(fly_txn_begin(store, NULL, &txn, &err), err);
    FLY_CHECK_OK(fly_txn_tree_open(txn, "t", FLY_TREE_CREATE, tree, &err), err);
    FLY_CHECK_OK(fly_txn_commit(txn, &err), err);
    return store;
}

/* The child's life. */
static void work_until_killed(const char *dir, const uint64_t *counts, int out)
{
    fly_env env;
    struct writer writers[WRITERS];
    fly_thread threads[WRITERS];
    fly_tree *tree = NULL;
    fly_env_init(&env);
    fly_store *store = open_real(&env, dir, &tree);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){store, tree, counts[i], i, out};
        if (fly_thread_start(env.sched, &threads[i], "writer", write_for_ever, &writers[i], NULL) !=
            FLY_OK) {
            _exit(4);
        }
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        fly_thread_join(&threads[i]);
    }
}

/* Each writer's counters are equal, and no less than what it was told; one more, at most, for the
 * commit whose acknowledgement did not get through. */
static void look_at_counters(const char *dir, uint64_t *counts)
{
    fly_env env;
    fly_tree *tree = NULL;
    fly_txn *txn = NULL;
    fly_err err = {0};
    fly_env_init(&env);
    fly_store *store = open_real(&env, dir, &tree);
    FLY_CHECK_OK(fly_txn_begin(store, NULL, &txn, &err), err);
    for (uint32_t i = 0; i < WRITERS; i++) {
        uint64_t found[COUNTERS] = {0};
        for (uint32_t n = 0; n < COUNTERS; n++) {
            char name[32];
            uint8_t bytes[600];
            uint64_t len = 0;
            fly_status status =
                fly_txn_get(txn, tree, counter(i, n, name), bytes, sizeof bytes, &len, &err);
            ck_assert(status == FLY_OK || status == FLY_E_NOT_FOUND);
            found[n] = status == FLY_OK ? fly_get_u64(bytes) : 0;
            ck_assert_uint_eq(found[n], found[0]);
        }
        ck_assert_uint_ge(found[0], counts[i]);
        ck_assert_uint_le(found[0], counts[i] + 1);
        counts[i] = found[0];
    }
    FLY_CHECK_OK(fly_txn_commit(txn, &err), err);
    FLY_CHECK_OK(fly_store_verify(store, NULL, NULL, &err), err);
    FLY_CHECK_OK(fly_store_close(store, &err), err);
}

START_TEST(after_any_kill_there_is_what_was_acknowledged)
{
    char root[64];
    char dir[80];
    uint64_t counts[WRITERS] = {0};
    fly_err err = {0};
    fly_rng rng;
    fly_rng_init(&rng, 1);
    FLY_CHECK_OK(fly_test_temp_dir(root, sizeof root, &err), err);
    (void)snprintf(dir, sizeof dir, "%s/store", root);
    uint64_t rounds = fly_test_rounds(4);
    rounds = rounds < 200 ? rounds : 200;
    for (uint64_t round = 0; round < rounds; round++) {
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            (void)close(ends[0]);
            work_until_killed(dir, counts, ends[1]);
            _exit(5);
        }
        (void)close(ends[1]);
        fly_sleep((uint64_t)(5 + fly_rng_below(&rng, 120)) * MS);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        int how = 0;
        ck_assert_int_eq(waitpid(child, &how, 0), child);
        ck_assert(WIFSIGNALED(how));
        struct acknowledged said;
        while (read(ends[0], &said, sizeof said) == sizeof said) {
            ck_assert_uint_eq(said.count, counts[said.writer] + 1);
            counts[said.writer] = said.count;
        }
        (void)close(ends[0]);
        look_at_counters(dir, counts);
    }
    (void)fprintf(stderr, "%" PRIu64 " processes were killed, %" PRIu64 " commits\n", rounds,
                  counts[0] + counts[1]);
    fly_env env;
    fly_env_init(&env);
    FLY_CHECK_OK(fly_vfs_remove_tree(env.vfs, root, &err), err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *tests = fly_test_case(suite, "power");
    tcase_set_timeout(tests, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_loop_test(tests, after_any_crash_there_is_what_was_committed, 0,
                        sizeof sweeps / sizeof sweeps[0]);
    tests = fly_test_case(suite, "processes");
    tcase_set_timeout(tests, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_test(tests, after_any_kill_there_is_what_was_acknowledged);
    return fly_test_run(suite);
}
