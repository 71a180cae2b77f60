/*
 * Goal: threads that read, change and scan one tree at the same time each see what they should.
 * Method: every thread owns some of the keys and knows what it put there; what it reads of others'
 * keys must be something that their owner could have put: a value that says which key it is for. A
 * cursor must show keys in order, each at most once, and all that are always there. First in orders
 * that a seed decides (random and PCT), then with real threads, which ThreadSanitizer watches.
 */
#include "world.h"

#include <fly/base_check.h>

#include <pthread.h>

enum { THREADS_MAX = 4, OWNED_MAX = 512, LONG_VALUE = 6000 };

/* What the threads share. */
struct stage {
    struct world world;
    struct journal journal;
    uint32_t threads;
    uint32_t owned; /* keys of each thread; every eighth key of all is nobody's and always there */
    uint32_t steps;
    uint32_t value_len;
    uint64_t seed;
    bool logged;
    bool roles; /* the first thread changes, the second scans, others read */
};

struct worker {
    struct stage *stage;
    uint32_t number;
    uint8_t *scratch;
    struct {
        bool there;
        uint32_t version;
    } mine[OWNED_MAX];
};

/* Key `i` of all: those of different threads lie beside each other. */
static fly_bytes key_of(uint32_t i, char to[32])
{
    return fly_bytes_of(to, (size_t)snprintf(to, 32, "key of somebody %06u", i));
}

static bool is_constant(uint32_t i)
{
    return i % 8 == 7;
}

static uint32_t key_count(const struct stage *stage)
{
    return stage->threads * stage->owned * 8 / 7 + 8;
}

/* The n-th key of a thread. */
static uint32_t owned_key(const struct stage *stage, uint32_t thread, uint32_t n)
{
    uint32_t i = n * stage->threads + thread;
    return i + i / 7; /* skip the constant ones */
}

/* A value says for which key it is, and its length depends on the version. */
static uint32_t len_of(const struct stage *stage, uint32_t i, uint32_t version)
{
    uint32_t roll = (uint32_t)(fly_hash_u64(((uint64_t)i << 32) | version) % 100);
    return roll < 94 ? 8 + roll % stage->value_len : LONG_VALUE;
}

static uint32_t fill(const struct stage *stage, uint32_t i, uint32_t version, uint8_t *to)
{
    uint32_t len = len_of(stage, i, version);
    fly_put_u32(to, i);
    fly_put_u32(to + 4, version);
    value_fill(to + 8, ((uint64_t)i << 32) | version, len - 8);
    return len;
}

static void is_value_of(const struct stage *stage, uint32_t i, const uint8_t *value, uint64_t len)
{
    HOLDS(len >= 8);
    HOLDS(fly_get_u32(value) == i);
    uint32_t version = fly_get_u32(value + 4);
    HOLDS(len == len_of(stage, i, version));
    HOLDS(value_is(value + 8, ((uint64_t)i << 32) | version, (size_t)len - 8));
}

static void put_key(struct stage *stage, uint32_t i, uint32_t version, uint8_t *scratch)
{
    char key[32];
    fly_err err = {0};
    uint32_t len = fill(stage, i, version, scratch);
    OK(fly_btree_put(stage->world.tree, key_of(i, key), fly_bytes_of(scratch, len), &err), &err);
}

/* ----------------------------------------------------------------------- what threads do */

static void change_mine(struct worker *worker, fly_rng *rng, bool shrinking)
{
    struct stage *stage = worker->stage;
    uint32_t n = (uint32_t)fly_rng_below(rng, stage->owned);
    uint32_t i = owned_key(stage, worker->number, n);
    char key[32];
    fly_err err = {0};
    if (fly_rng_below(rng, 100) < (shrinking ? 70 : 30)) {
        WANT(fly_btree_remove(stage->world.tree, key_of(i, key), &err),
             worker->mine[n].there ? FLY_OK : FLY_E_NOT_FOUND, &err);
        worker->mine[n].there = false;
    } else {
        put_key(stage, i, ++worker->mine[n].version, worker->scratch);
        worker->mine[n].there = true;
    }
}

static void read_mine(struct worker *worker, fly_rng *rng)
{
    struct stage *stage = worker->stage;
    uint32_t n = (uint32_t)fly_rng_below(rng, stage->owned);
    uint32_t i = owned_key(stage, worker->number, n);
    char key[32];
    uint64_t len = 0;
    fly_err err = {0};
    WANT(fly_btree_get(stage->world.tree, key_of(i, key), worker->scratch, LONG_VALUE, &len, &err),
         worker->mine[n].there ? FLY_OK : FLY_E_NOT_FOUND, &err);
    if (worker->mine[n].there) {
        is_value_of(stage, i, worker->scratch, len);
        HOLDS(fly_get_u32(worker->scratch + 4) == worker->mine[n].version);
    }
}

static void read_others(struct worker *worker, fly_rng *rng)
{
    struct stage *stage = worker->stage;
    uint32_t i = (uint32_t)fly_rng_below(rng, key_count(stage));
    char key[32];
    uint64_t len = 0;
    fly_err err = {0};
    fly_status status =
        fly_btree_get(stage->world.tree, key_of(i, key), worker->scratch, LONG_VALUE, &len, &err);
    HOLDS(status == FLY_OK || status == FLY_E_NOT_FOUND);
    HOLDS(status == FLY_OK || !is_constant(i));
    if (status == FLY_OK) {
        is_value_of(stage, i, worker->scratch, len);
    }
}

/* Count what a decision was told, and keep it. */
static fly_status decide_keep(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                              fly_err *err)
{
    bool *there = ctx;
    (void)err;
    *there = entry != NULL;
    change->verdict = FLY_BTREE_KEEP;
    return FLY_OK;
}

static void ask(struct worker *worker, fly_rng *rng)
{
    struct stage *stage = worker->stage;
    uint32_t n = (uint32_t)fly_rng_below(rng, stage->owned);
    char key[32];
    bool there = false;
    fly_btree_hint hint = {0};
    fly_err err = {0};
    OK(fly_btree_upsert(stage->world.tree, &hint, key_of(owned_key(stage, worker->number, n), key),
                        decide_keep, &there, NULL, &err),
       &err);
    HOLDS(there == worker->mine[n].there);
}

static uint32_t number_in(fly_bytes key)
{
    char digits[8] = {0};
    HOLDS(key.len == 22);
    memcpy(digits, key.data + 16, 6);
    return (uint32_t)strtoul(digits, NULL, 10);
}

/* From somewhere, some way: what is always there and what is mine must be seen, in order. */
static void scan(struct worker *worker, fly_rng *rng, bool forwards)
{
    struct stage *stage = worker->stage;
    uint32_t count = key_count(stage);
    uint32_t at = (uint32_t)fly_rng_below(rng, count);
    char key[32];
    fly_err err = {0};
    fly_btree_cursor *cursor = NULL;
    OK(fly_btree_cursor_create(stage->world.tree, &cursor, &err), &err);
    fly_status status = forwards
                            ? fly_btree_cursor_seek(cursor, key_of(at, key), &err)
                            : fly_btree_cursor_seek_before(cursor, key_of(at, key), true, &err);
    uint32_t expected = at; /* the first key that was not passed */
    for (uint32_t steps = 0; status == FLY_OK && steps < 300; steps++) {
        uint32_t found = number_in(fly_btree_cursor_key(cursor));
        HOLDS(forwards ? found >= expected : found <= expected);
        for (uint32_t i = expected; i != found; i = forwards ? i + 1 : i - 1) {
            HOLDS(!is_constant(i));
            uint32_t plain = i - i / 8;
            HOLDS(plain % stage->threads != worker->number ||
                  plain / stage->threads >= stage->owned ||
                  !worker->mine[plain / stage->threads].there);
        }
        fly_btree_entry entry = fly_btree_cursor_entry(cursor);
        if (!entry.blob) {
            is_value_of(stage, found, entry.value.data, entry.value.len);
        } else if (steps % 4 == 0) {
            uint64_t len = 0;
            fly_status got =
                fly_btree_cursor_value(cursor, worker->scratch, LONG_VALUE, &len, &err);
            HOLDS(got == FLY_OK || got == FLY_E_NOT_FOUND); /* removed since the leaf was copied */
            if (got == FLY_OK) {
                is_value_of(stage, found, worker->scratch, len);
            }
        }
        if (!forwards && found == 0) {
            WANT(fly_btree_cursor_previous(cursor, &err), FLY_E_END, &err);
            break;
        }
        expected = forwards ? found + 1 : found - 1;
        status = forwards ? fly_btree_cursor_next(cursor, &err)
                          : fly_btree_cursor_previous(cursor, &err);
    }
    HOLDS(status == FLY_OK || status == FLY_E_END);
    fly_btree_cursor_destroy(cursor);
}

static void work(struct worker *worker)
{
    struct stage *stage = worker->stage;
    fly_rng rng;
    fly_rng_init(&rng, stage->seed * 64 + worker->number);
    for (uint32_t step = 0; step < stage->steps; step++) {
        uint64_t roll = fly_rng_below(&rng, 100);
        bool shrinking = step * 4 / stage->steps % 2 == 1;
        if (stage->roles) {
            roll = worker->number == 0 ? 0 : worker->number == 1 ? 94 + roll % 2 : 72;
        }
        if (roll < 60) {
            change_mine(worker, &rng, shrinking);
        } else if (roll < 72) {
            read_mine(worker, &rng);
        } else if (roll < 88) {
            read_others(worker, &rng);
        } else if (roll < 94) {
            ask(worker, &rng);
        } else {
            scan(worker, &rng, roll % 2 == 0);
        }
    }
}

/* ------------------------------------------------------------------------ set up, look */

static struct worker *make_workers(struct stage *stage)
{
    struct worker *workers = calloc(stage->threads, sizeof *workers);
    HOLDS(workers != NULL);
    for (uint32_t i = 0; i < stage->threads; i++) {
        workers[i].stage = stage;
        workers[i].number = i;
        workers[i].scratch = malloc(LONG_VALUE);
        HOLDS(workers[i].scratch != NULL);
    }
    for (uint32_t i = 0; i < key_count(stage); i++) {
        if (is_constant(i)) {
            put_key(stage, i, 0, workers[0].scratch);
        }
    }
    return workers;
}

static void look_and_release(struct stage *stage, struct worker *workers)
{
    fly_btree_stats stats;
    uint64_t entries = 0;
    world_verify(&stage->world, &stats);
    OK(fly_bufpool_check(stage->world.pool, &stage->world.err), &stage->world.err);
    for (uint32_t i = 0; i < key_count(stage); i++) {
        entries += is_constant(i);
    }
    for (uint32_t i = 0; i < stage->threads; i++) {
        for (uint32_t n = 0; n < stage->owned; n++) {
            entries += workers[i].mine[n].there;
        }
        free(workers[i].scratch);
    }
    HOLDS(stats.entries == entries);
    free(workers);
}

/* --------------------------------------------------------------- in orders that a seed decides */

static void work_as_thread(void *arg)
{
    work(arg);
}

/* One run, from an empty tree to an empty world. The scheduler is that of the calling thread. */
static void run(const struct stage *wanted, fly_sim_env *sim, uint32_t pool_pages)
{
    struct stage *stage = malloc(sizeof *stage);
    HOLDS(stage != NULL);
    *stage = *wanted;
    sim->env.sched = fly_sched_current();
    journal_init(&stage->journal);
    stage->journal.threads = true;
    OK(world_create(&stage->world, &sim->env,
                    &(struct world_options){.pool_pages = pool_pages,
                                            .journal = stage->logged ? &stage->journal : NULL}),
       &stage->world.err);
    struct worker *workers = make_workers(stage);
    fly_thread threads[THREADS_MAX];
    for (uint32_t i = 0; i < stage->threads; i++) {
        OK(fly_thread_start(sim->env.sched, &threads[i], "worker", work_as_thread, &workers[i],
                            &stage->world.err),
           &stage->world.err);
    }
    for (uint32_t i = 0; i < stage->threads; i++) {
        fly_thread_join(&threads[i]);
    }
    look_and_release(stage, workers);
    world_close(&stage->world);
    journal_deinit(&stage->journal);
    free(stage);
}

#ifdef FLY_POINTS

/* What fly_sim_for_each_seed() is to run, and how often it has. */
struct simulated {
    struct stage stage;
    uint32_t pool_pages;
    uint64_t runs;
};

static void run_simulated(void *arg)
{
    struct simulated *simulated = arg;
    fly_sim_env sim;
    fly_sim_env_init(&sim, NULL);
    simulated->stage.seed = ++simulated->runs;
    run(&simulated->stage, &sim, simulated->pool_pages);
    fly_sim_env_deinit(&sim);
}

static const struct simulated simulations[] = {
    {.stage = {.threads = 2, .owned = 12, .steps = 40, .value_len = 900}, .pool_pages = 64},
    {.stage = {.threads = 3, .owned = 14, .steps = 40, .value_len = 700, .logged = true},
     .pool_pages = 64},
    {.stage = {.threads = 3, .owned = 14, .steps = 30, .value_len = 900, .logged = true},
     .pool_pages = 24},
    {.stage = {.threads = 4, .owned = 10, .steps = 25, .value_len = 900}, .pool_pages = 32},
    {.stage = {.threads = 3, .owned = 40, .steps = 150, .value_len = 950, .roles = true},
     .pool_pages = 64},
    {.stage = {.threads = 2, .owned = 60, .steps = 150, .value_len = 950, .roles = true},
     .pool_pages = 64},
};

START_TEST(threads_get_along_in_every_order)
{
    char name[32];
    struct simulated simulated = simulations[_i];
    (void)snprintf(name, sizeof name, "schedules %d", _i);
    ck_assert(fly_sim_for_each_seed(name, LESS > 1 ? 10 : 200, run_simulated, &simulated));
}
END_TEST

#endif

/* ---------------------------------------------------------------------- with real threads */

struct stress {
    struct stage stage;
    uint32_t pool_pages;
};

static const struct stress stresses[] = {
    {{.threads = 4, .owned = 400, .steps = 3000, .value_len = 200}, 512},
    {{.threads = 4, .owned = 400, .steps = 3000, .value_len = 200, .logged = true}, 64},
    {{.threads = 3, .owned = 60, .steps = 3000, .value_len = 900, .logged = true}, 40},
};

static void run_real(void *ctx, uint64_t seed)
{
    const struct stress *stress = ctx;
    struct stage stage = stress->stage;
    fly_sim_env sim;
    fly_sim_env_init(&sim, NULL);
    stage.seed = seed;
    run(&stage, &sim, stress->pool_pages);
    fly_sim_env_deinit(&sim);
}

START_TEST(real_threads_get_along)
{
    char name[32];
    struct stress stress = stresses[_i];
    (void)snprintf(name, sizeof name, "stress %d", _i);
    ck_assert(fly_test_seeds(name, 2, run_real, &stress));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree concurrent");
    TCase *tests = fly_test_case(suite, "concurrent");
#ifdef FLY_POINTS
    tcase_add_loop_test(tests, threads_get_along_in_every_order, 0,
                        sizeof simulations / sizeof simulations[0]);
#endif
    tcase_add_loop_test(tests, real_threads_get_along, 0, sizeof stresses / sizeof stresses[0]);
    return fly_test_run(suite);
}
