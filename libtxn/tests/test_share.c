/*
 * Goal: shared locks keep from each other what they say, nobody waits for ever, and nothing is left.
 * Method: threads under the simulated scheduler lock a few entries in random modes, strengthen locks, put,
 * roll back to savepoints, prepare, commit or give up. A book is kept of who holds what; it is written
 * in when a lock is given and before one is given back, so that what stands in it together must go
 * together. What is locked must not change. A schedule that cannot go on ends the simulation, with its
 * seed. (test_isolation.c has schedules that are written down.)
 */
#include <fly/base_hash.h>
#include <fly/base_sched.h>

#include "txn_world.h"

#include <inttypes.h>

enum { ENTRIES = 3, ACTORS = 4, WORKS = 12, STEPS = 6 };

/* What an actor holds: 0 nothing, 1 weak, 2 strong. */
struct held {
    uint8_t exclusive[ENTRIES];
    uint8_t shared[ENTRIES];
};

static struct held book[ACTORS];

static uint64_t given; /* locks, in all */

/* Whether what two hold of the same entry goes together. */
static bool go_together(const struct held *a, const struct held *b, int entry)
{
    uint8_t ea = a->exclusive[entry];
    uint8_t eb = b->exclusive[entry];
    uint8_t sa = a->shared[entry];
    uint8_t sb = b->shared[entry];
    return !(ea != 0 && eb != 0) && !(ea == 2 && sb != 0) && !(eb == 2 && sa != 0) &&
           !(ea == 1 && sb == 2) && !(eb == 1 && sa == 2);
}

static void write_in(int me, int entry, fly_lock_mode mode)
{
    bool weak = mode == FLY_LOCK_EXCLUSIVE_WEAK || mode == FLY_LOCK_SHARED_WEAK;
    bool shared = mode == FLY_LOCK_SHARED || mode == FLY_LOCK_SHARED_WEAK;
    uint8_t *to = shared ? &book[me].shared[entry] : &book[me].exclusive[entry];
    uint8_t level = weak ? 1 : 2;
    *to = level > *to ? level : *to;
    given++;
    for (int other = 0; other < ACTORS; other++) {
        FLY_ASSERT(other == me || go_together(&book[me], &book[other], entry));
    }
}

static fly_bytes key_of(int entry)
{
    static const char keys[ENTRIES] = {'a', 'b', 'c'};
    return fly_bytes_of(&keys[entry], 1);
}

/* What is committed under an entry now. */
static uint64_t look(fly_txn *txn, int entry)
{
    fly_err story = {0};
    uint64_t value = 0;
    uint64_t len = 0;
    fly_txn_fresh_begin(txn);
    FLY_ASSERT(fly_txn_get(txn, tree, key_of(entry), &value, sizeof value, &len, &story) == FLY_OK);
    fly_txn_fresh_end(txn);
    return value;
}

static fly_status lock_or_put(fly_txn *txn, int me, fly_rng *rng, fly_err *story)
{
    int entry = (int)fly_rng_below(rng, ENTRIES);
    fly_lock_wait wait = fly_rng_below(rng, 4) == 0 ? FLY_LOCK_NO_WAIT : FLY_LOCK_WAIT;
    fly_lock_mode mode = (fly_lock_mode)fly_rng_below(rng, 4);
    uint64_t value = fly_rng_next(rng);
    fly_bytes bytes = fly_bytes_of(&value, sizeof value);
    fly_status status;
    if (fly_rng_below(rng, 4) == 0) {
        bool weak = fly_rng_below(rng, 2) == 0;
        mode = weak ? FLY_LOCK_EXCLUSIVE_WEAK : FLY_LOCK_EXCLUSIVE;
        status = weak ? fly_txn_put_weak(txn, tree, key_of(entry), bytes, false, story)
                      : fly_txn_put(txn, tree, key_of(entry), bytes, story);
    } else {
        status = fly_txn_lock_as(txn, tree, key_of(entry), mode, wait, story);
    }
    if (status != FLY_OK) {
        return status;
    }
    write_in(me, entry, mode);
    if (mode != FLY_LOCK_SHARED_WEAK) { /* nobody else changes it now */
        uint64_t before = look(txn, entry);
        fly_yield();
        FLY_ASSERT(look(txn, entry) == before);
    }
    return FLY_OK;
}

/* Some steps of a transaction; whether it has not failed. */
static bool take_steps(fly_txn *txn, int me, fly_rng *rng)
{
    struct held saved = {0};
    fly_savepoint savepoint = fly_txn_savepoint(txn);
    for (int i = 0; i < STEPS; i++) {
        fly_err story = {0};
        uint64_t what = fly_rng_below(rng, 8);
        if (what == 0) {
            saved = book[me];
            savepoint = fly_txn_savepoint(txn);
            continue;
        }
        if (what == 1) {
            book[me] = saved;
            FLY_ASSERT(fly_txn_rollback_to(txn, savepoint, &story) == FLY_OK);
            continue;
        }
        fly_status status = lock_or_put(txn, me, rng, &story);
        if (status == FLY_E_DEADLOCK || status == FLY_E_CONFLICT) {
            return false;
        }
        FLY_ASSERT(status == FLY_OK || status == FLY_E_AGAIN);
    }
    return true;
}

/* Prepare it and take it over again; false if it has failed. */
static bool prepare(fly_txn **txn, int me)
{
    fly_err story = {0};
    uint8_t name = (uint8_t)me;
    fly_status status = fly_txn_prepare(*txn, fly_bytes_of(&name, 1), &story);
    if (status == FLY_E_DEADLOCK || status == FLY_E_CONFLICT) {
        return false;
    }
    FLY_ASSERT(status == FLY_OK);
    FLY_ASSERT(fly_store_prepared(store, fly_bytes_of(&name, 1), txn, &story) == FLY_OK);
    return true;
}

struct actor {
    fly_thread thread;
    int number;
    uint64_t seed;
    fly_isolation isolation;
};

static void act(void *arg)
{
    const struct actor *actor = arg;
    int me = actor->number;
    fly_rng rng;
    fly_rng_init(&rng, actor->seed);
    for (int i = 0; i < WORKS; i++) {
        fly_err story = {0};
        fly_txn *txn = NULL;
        fly_txn_options how = {.isolation = actor->isolation};
        FLY_ASSERT(fly_txn_begin(store, &how, &txn, &story) == FLY_OK);
        bool good = take_steps(txn, me, &rng);
        if (good && fly_rng_below(&rng, 8) == 0) {
            good = prepare(&txn, me);
        }
        memset(&book[me], 0, sizeof book[me]);
        if (good && fly_rng_below(&rng, 4) != 0) {
            FLY_ASSERT(fly_txn_commit(txn, &story) == FLY_OK);
        } else {
            fly_txn_rollback(txn);
        }
    }
}

/* Nothing is locked any more. */
static void look_for_locks(void)
{
    fly_err story = {0};
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < ENTRIES; i++) {
        FLY_ASSERT(fly_txn_lock(txn, tree, key_of(i), FLY_LOCK_NO_WAIT, &story) == FLY_OK);
    }
    commit(txn);
}

static void run_book(fly_sim_env *env, void *ctx)
{
    uint64_t seed = *(const uint64_t *)ctx;
    struct actor actors[ACTORS];
    fly_err story = {0};
    options = small_store();
    FLY_ASSERT(fly_store_open(&env->env, "data", &options, &store, &story) == FLY_OK);
    tree = make_tree("t");
    for (int i = 0; i < ENTRIES; i++) {
        fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
        uint64_t value = 0;
        FLY_ASSERT(fly_txn_put(txn, tree, key_of(i), fly_bytes_of(&value, 8), &story) == FLY_OK);
        commit(txn);
    }
    memset(book, 0, sizeof book);
    given = 0;
    for (int i = 0; i < ACTORS; i++) {
        actors[i].number = i;
        actors[i].seed = seed * ACTORS + (uint64_t)i;
        actors[i].isolation = seed % 3 == 0 ? FLY_ISOLATION_SNAPSHOT : FLY_ISOLATION_READ_COMMITTED;
        FLY_ASSERT(fly_thread_start(env->env.sched, &actors[i].thread, "locks", act, &actors[i],
                                    NULL) == FLY_OK);
    }
    for (int i = 0; i < ACTORS; i++) {
        fly_thread_join(&actors[i].thread);
    }
    FLY_ASSERT(given > ACTORS * WORKS);
    look_for_locks();
    FLY_ASSERT(fly_store_verify(store, NULL, NULL, &story) == FLY_OK);
    FLY_ASSERT(fly_store_close(store, &story) == FLY_OK);
}

static void try_seed(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_sim_report report;
    fly_sim_env_options how = {
        .seed = seed,
        .sched = {.kind = seed % 2 == 0 ? FLY_SIM_PCT : FLY_SIM_RANDOM, .steps_max = 10000000}};
    fly_sim_env_init(&world, &how);
    if (fly_sim_env_run(&world, run_book, &seed, &report) != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
    fly_sim_env_deinit(&world);
}

START_TEST(what_is_held_together_goes_together)
{
    ck_assert(fly_test_seeds("shared locks", 60, try_seed, NULL));
}
END_TEST

/* -------------------------------------------------------------------------- by hand */

START_TEST(many_locks_are_held_and_given_back)
{
    enum { MANY = 5000 };
    char key[16];
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        put(txn, key, "1");
    }
    commit(txn);
    fly_txn *one = begin(FLY_ISOLATION_DEFAULT);
    fly_txn *two = begin(FLY_ISOLATION_DEFAULT);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        FLY_CHECK_OK(fly_txn_lock_as(one, tree, text(key), FLY_LOCK_SHARED, FLY_LOCK_WAIT, &err),
                     err);
        FLY_CHECK_OK(fly_txn_lock_as(one, tree, text(key), FLY_LOCK_SHARED, FLY_LOCK_WAIT, &err),
                     err);
    }
    FLY_CHECK(fly_txn_lock(two, tree, text("4711"), FLY_LOCK_NO_WAIT, &err), FLY_E_AGAIN, err);
    commit(one);
    FLY_CHECK_OK(fly_txn_lock(two, tree, text("4711"), FLY_LOCK_NO_WAIT, &err), err);
    commit(two);
}
END_TEST

START_TEST(who_shares_only_logs_nothing)
{
    set("x", "1");
    uint64_t before = fly_wal_next(fly_store_wal(store));
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_lock_as(txn, tree, text("x"), FLY_LOCK_SHARED, FLY_LOCK_WAIT, &err), err);
    commit(txn);
    ck_assert_uint_eq(fly_wal_next(fly_store_wal(store)), before);
}
END_TEST

START_TEST(what_was_shared_stays_locked_after_a_crash_if_it_was_prepared)
{
    set("x", "1");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "y", "2");
    FLY_CHECK_OK(fly_txn_lock_as(txn, tree, text("x"), FLY_LOCK_SHARED_WEAK, FLY_LOCK_WAIT, &err),
                 err);
    FLY_CHECK_OK(fly_txn_prepare(txn, text("p"), &err), err);
    crash_store();
    fly_txn *other = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK(fly_txn_lock(other, tree, text("x"), FLY_LOCK_NO_WAIT, &err), FLY_E_AGAIN, err);
    fly_txn_rollback(other);
    FLY_CHECK_OK(fly_store_prepared(store, text("p"), &txn, &err), err);
    commit(txn);
    ck_assert_str_eq(now("y"), "2");
    set("x", "3");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("share");
    TCase *tests = fly_test_case(suite, "share");
    tcase_set_timeout(tests, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_test(tests, what_is_held_together_goes_together);
    tests = fly_test_case(suite, "scenes");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, many_locks_are_held_and_given_back);
    tcase_add_test(tests, who_shares_only_logs_nothing);
    tcase_add_test(tests, what_was_shared_stays_locked_after_a_crash_if_it_was_prepared);
    return fly_test_run(suite);
}
