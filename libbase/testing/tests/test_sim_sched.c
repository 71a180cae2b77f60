/*
 * Goal: a seed decides the interleaving and nothing else does; every interleaving that matters can
 * come up; what hangs is told who waits for whom.
 * Method: mistakes planted in the test itself (a race, a lost wake-up, two locks in two orders) have
 * to be found within some seeds, and the same code without the mistake has to pass all of them. Then
 * libbase's own mutexes, conditions, latches and workers run under many seeds.
 */
#include <fly/base_simsched.h>

#include <fly/base_check.h>
#include <fly/base_latch.h>
#include <fly/base_seeds.h>
#include <fly/base_workers.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOUR ((uint64_t)3600 * 1000000000)

static fly_sim_report report;

/* A point in every build: FLY_POINT() is one only where FLY_POINTS is set. */
static void point(const char *what)
{
    fly_sched *sched = fly_sched_current();
    sched->point(sched, what, NULL);
}

static void start(fly_thread *thread, const char *name, void (*run)(void *arg), void *arg)
{
    fly_status status = fly_thread_start(fly_sched_current(), thread, name, run, arg, NULL);
    FLY_ASSERT(status == FLY_OK);
}

/* Start threads and wait for them. */
static void run_both(void (*left)(void *arg), void (*right)(void *arg), void *arg)
{
    fly_thread threads[2];
    start(&threads[0], "left", left, arg);
    start(&threads[1], "right", right, arg);
    fly_thread_join(&threads[0]);
    fly_thread_join(&threads[1]);
}

static fly_sim_outcome run(uint64_t seed, fly_sim_kind kind, void (*first)(void *arg), void *arg)
{
    return fly_sim_sched_run(
        &(fly_sim_sched_options){
            .seed = seed, .kind = kind, .pct_depth = 2, .pct_steps = 20, .steps_max = 20000},
        first, arg, &report);
}

/* ------------------------------------------------------------------------- threads */

static void count_up(void *arg)
{
    (*(int *)arg)++;
}

static void start_some(void *arg)
{
    fly_thread threads[5];
    for (int i = 0; i < 5; i++) {
        start(&threads[i], "some", count_up, arg);
    }
    for (int i = 0; i < 5; i++) {
        fly_thread_join(&threads[i]);
    }
    ck_assert_int_eq(*(int *)arg, 5);
    ck_assert_ptr_ne(fly_sched_current(), fly_sched_os());
}

START_TEST(a_run_ends_when_every_thread_has_returned)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        int count = 0;
        ck_assert_int_eq(run(seed, (fly_sim_kind)(seed % 2), start_some, &count), FLY_SIM_DONE);
        ck_assert_int_eq(count, 5);
        ck_assert_uint_eq(report.threads, 6);
        ck_assert_uint_ge(report.steps, 10);
        ck_assert_str_eq(report.text, "");
    }
    ck_assert_ptr_eq(fly_sched_current(), fly_sched_os());
}
END_TEST

static fly_thread left_alone;

static void leave_one_behind(void *arg)
{
    start(&left_alone, "behind", count_up, arg);
}

START_TEST(a_run_waits_for_threads_that_nobody_joined)
{
    int count = 0;
    ck_assert_int_eq(run(1, FLY_SIM_RANDOM, leave_one_behind, &count), FLY_SIM_DONE);
    ck_assert_int_eq(count, 1);
}
END_TEST

START_TEST(options_and_report_may_be_missing)
{
    int count = 0;
    ck_assert_int_eq(fly_sim_sched_run(NULL, count_up, &count, NULL), FLY_SIM_DONE);
    ck_assert_int_eq(count, 1);
}
END_TEST

/* --------------------------------------------------------------------------- seeds */

static void wander(void *arg)
{
    fly_mutex *mutex = arg;
    for (int i = 0; i < 20; i++) {
        fly_mutex_lock(mutex);
        fly_yield();
        fly_mutex_unlock(mutex);
        fly_sleep(1000);
    }
}

/* The mutex lies wherever there is room, so that an order by addresses would show. */
static void wander_about(void *arg)
{
    void *room = malloc((size_t)(uintptr_t)arg * 1000 + 1);
    fly_mutex *mutex = malloc(sizeof *mutex);
    fly_thread threads[4];
    ck_assert_ptr_nonnull(mutex);
    fly_mutex_init(mutex, "wandering", FLY_RANK_NONE);
    for (int i = 0; i < 4; i++) {
        start(&threads[i], "wanderer", wander, mutex);
    }
    for (int i = 0; i < 4; i++) {
        fly_thread_join(&threads[i]);
    }
    free(mutex);
    free(room);
}

START_TEST(one_seed_one_schedule)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        for (int kind = FLY_SIM_RANDOM; kind <= FLY_SIM_PCT; kind++) {
            ck_assert_int_eq(run(seed, (fly_sim_kind)kind, wander_about, (void *)0), FLY_SIM_DONE);
            fly_sim_report first = report;
            ck_assert_int_eq(run(seed, (fly_sim_kind)kind, wander_about, (void *)77), FLY_SIM_DONE);
            ck_assert_uint_eq(report.schedule, first.schedule);
            ck_assert_uint_eq(report.steps, first.steps);
            ck_assert_uint_eq(report.switches, first.switches);
            ck_assert_uint_eq(report.time, first.time);
        }
    }
}
END_TEST

START_TEST(other_seeds_are_other_schedules)
{
    uint64_t schedules[20];
    for (uint64_t seed = 0; seed < 20; seed++) {
        (void)run(seed, (fly_sim_kind)(seed % 2), wander_about, NULL);
        schedules[seed] = report.schedule;
        for (uint64_t other = 0; other < seed; other++) {
            ck_assert_uint_ne(schedules[seed], schedules[other]);
        }
    }
}
END_TEST

/* -------------------------------------------------------------------------- a race */

static struct {
    int count;
    bool locked;
    fly_mutex mutex;
} racing;

static void add_one(void *arg)
{
    (void)arg;
    if (racing.locked) {
        fly_mutex_lock(&racing.mutex);
    }
    int seen = racing.count;
    point("between load and store");
    racing.count = seen + 1;
    if (racing.locked) {
        fly_mutex_unlock(&racing.mutex);
    }
}

static void race(void *arg)
{
    racing.count = 0;
    fly_mutex_init(&racing.mutex, "racing", FLY_RANK_NONE);
    run_both(add_one, add_one, arg);
    fly_mutex_deinit(&racing.mutex);
}

/* How many of 200 seeds lose a count. */
static int lost_counts(fly_sim_kind kind)
{
    int lost = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        ck_assert_int_eq(run(seed, kind, race, NULL), FLY_SIM_DONE);
        lost += racing.count == 1;
    }
    return lost;
}

START_TEST(a_race_is_found_and_its_mending_seen)
{
    racing.locked = false;
    ck_assert_int_gt(lost_counts(FLY_SIM_RANDOM), 0);
    ck_assert_int_gt(lost_counts(FLY_SIM_PCT), 0);
    racing.locked = true;
    ck_assert_int_eq(lost_counts(FLY_SIM_RANDOM), 0);
    ck_assert_int_eq(lost_counts(FLY_SIM_PCT), 0);
}
END_TEST

#ifdef FLY_POINTS

static void add_one_marked(void *arg)
{
    (void)arg;
    int seen = racing.count;
    FLY_POINT("marked", &racing);
    racing.count = seen + 1;
}

static void race_marked(void *arg)
{
    racing.count = 0;
    run_both(add_one_marked, add_one_marked, arg);
}

START_TEST(marked_points_are_points)
{
    int lost = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        ck_assert_int_eq(run(seed, FLY_SIM_RANDOM, race_marked, NULL), FLY_SIM_DONE);
        lost += racing.count == 1;
    }
    ck_assert_int_gt(lost, 0);
}
END_TEST

#endif

/*
 * A bug of depth 2 that a coin hardly ever finds: one thread has to be kept waiting over a hundred
 * steps of the other. PCT finds it with probability 1 / (n * k), here about 1 in 240.
 */
static struct {
    int progress;
    bool found;
} patience;

static void make_progress(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        point("progress");
        patience.progress++;
    }
}

static void look_twice(void *arg)
{
    (void)arg;
    int before = patience.progress;
    point("look");
    patience.found = before == 0 && patience.progress == 100;
}

static void be_patient(void *arg)
{
    patience.progress = 0;
    patience.found = false;
    run_both(look_twice, make_progress, arg);
}

START_TEST(pct_finds_what_a_fair_coin_does_not)
{
    int found = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        fly_sim_sched_options options = {
            .seed = seed, .kind = FLY_SIM_PCT, .pct_depth = 2, .pct_steps = 110};
        ck_assert_int_eq(fly_sim_sched_run(&options, be_patient, NULL, &report), FLY_SIM_DONE);
        found += patience.found;
    }
    ck_assert_int_ge(found, 5);
}
END_TEST

/* The highest priority must not spin for ever for what a lower one has yet to do. */
static fly_atomic_u32 flag;

static void spin_for_flag(void *arg)
{
    (void)arg;
    while (fly_load_u32(&flag) == 0) {
        fly_yield();
    }
}

static void raise_flag(void *arg)
{
    (void)arg;
    point("about to raise");
    fly_store_u32(&flag, 1);
}

static void spin_and_raise(void *arg)
{
    fly_store_u32(&flag, 0);
    run_both(spin_for_flag, raise_flag, arg);
}

START_TEST(who_yields_lets_the_others_go_first)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        ck_assert_int_eq(run(seed, FLY_SIM_PCT, spin_and_raise, NULL), FLY_SIM_DONE);
    }
}
END_TEST

/* ----------------------------------------------------------------------- deadlocks */

static fly_mutex fork_a;
static fly_mutex fork_b;

static void take_both(fly_mutex *first, fly_mutex *second)
{
    fly_mutex_lock(first);
    point("one taken");
    fly_mutex_lock(second);
    fly_mutex_unlock(second);
    fly_mutex_unlock(first);
}

static void take_a_then_b(void *arg)
{
    (void)arg;
    take_both(&fork_a, &fork_b);
}

static void take_b_then_a(void *arg)
{
    (void)arg;
    take_both(&fork_b, &fork_a);
}

static void dine(void *arg)
{
    fly_mutex_init(&fork_a, "fork a", FLY_RANK_NONE);
    fly_mutex_init(&fork_b, "fork b", FLY_RANK_NONE);
    run_both(take_a_then_b, arg != NULL ? take_a_then_b : take_b_then_a, NULL);
}

/* The first seed under which a run deadlocks. */
static uint64_t deadlock_among(uint64_t count, fly_sim_kind kind, void (*first)(void *arg))
{
    for (uint64_t seed = 0; seed < count; seed++) {
        if (run(seed, kind, first, NULL) == FLY_SIM_DEADLOCK) {
            return seed;
        }
        ck_assert_int_eq(report.outcome, FLY_SIM_DONE);
    }
    ck_abort_msg("no deadlock in %d seeds", (int)count);
    return count;
}

START_TEST(locks_in_two_orders_deadlock_and_the_cycle_is_named)
{
    uint64_t seed = deadlock_among(100, (fly_sim_kind)_i, dine);
    FLY_CHECK_SAYS(report.text, "deadlock, seed ");
    FLY_CHECK_SAYS(report.text, "thread 0 \"first\" waits for thread 1 \"left\" to end");
    FLY_CHECK_SAYS(report.text, "thread 1 \"left\" waits for \"fork b\"");
    FLY_CHECK_SAYS(report.text, "thread 2 \"right\" waits for \"fork a\"");
#ifdef FLY_POINTS
    FLY_CHECK_SAYS(report.text, "waits for \"fork b\", which is held by thread 2 \"right\"; it "
                                "holds \"fork a\"");
    FLY_CHECK_SAYS(report.text,
                   "the cycle: \"left\" waits for \"fork b\", held by \"right\"; \"right\" waits "
                   "for \"fork a\", held by \"left\"\n");
#endif
    fly_sim_report first = report;
    ck_assert_int_eq(run(seed, (fly_sim_kind)_i, dine, NULL), FLY_SIM_DEADLOCK);
    ck_assert_str_eq(report.text, first.text);
    ck_assert_uint_eq(report.schedule, first.schedule);
}
END_TEST

START_TEST(locks_in_one_order_do_not_deadlock)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        ck_assert_int_eq(run(seed, (fly_sim_kind)(seed % 2), dine, "in order"), FLY_SIM_DONE);
    }
}
END_TEST

static fly_latch plate;

static void latch_then_lock(void *arg)
{
    (void)arg;
    fly_latch_lock_exclusive(&plate);
    point("one taken");
    fly_mutex_lock(&fork_a);
    fly_mutex_unlock(&fork_a);
    fly_latch_unlock_exclusive(&plate);
}

static void lock_then_latch(void *arg)
{
    (void)arg;
    fly_mutex_lock(&fork_a);
    point("one taken");
    fly_latch_lock_shared(&plate);
    fly_latch_unlock_shared(&plate);
    fly_mutex_unlock(&fork_a);
}

static void dine_with_latches(void *arg)
{
    memset(&plate, 0, sizeof plate);
    fly_mutex_init(&fork_a, "fork a", FLY_RANK_NONE);
    run_both(latch_then_lock, lock_then_latch, arg);
}

START_TEST(latches_are_part_of_the_cycle)
{
    (void)deadlock_among(100, FLY_SIM_RANDOM, dine_with_latches);
#ifdef FLY_POINTS
    FLY_CHECK_SAYS(report.text, "\"right\" waits for \"latch\", held by \"left\"");
    FLY_CHECK_SAYS(report.text, "\"left\" waits for \"fork a\", held by \"right\"");
#endif
}
END_TEST

/* The classic: looking and going to sleep are two steps, and the signal comes between. */
static fly_atomic_u32 ready;
static fly_atomic_u32 bell;

static void wait_carelessly(void *arg)
{
    (void)arg;
    if (fly_load_u32(&ready) == 0) {
        point("not ready yet");
        uint32_t rung = fly_load_u32(&bell);
        while (fly_load_u32(&bell) == rung) {
            (void)fly_park(&bell, rung, FLY_FOREVER, "bell");
        }
    }
}

static void ring(void *arg)
{
    (void)arg;
    fly_store_u32(&ready, 1);
    (void)fly_add_u32(&bell, 1);
    fly_unpark(&bell, UINT32_MAX);
}

static void wait_for_bell(void *arg)
{
    fly_store_u32(&ready, 0);
    fly_store_u32(&bell, 0);
    run_both(wait_carelessly, ring, arg);
}

START_TEST(a_lost_wake_up_is_a_deadlock_without_a_cycle)
{
    (void)deadlock_among(100, FLY_SIM_RANDOM, wait_for_bell);
    FLY_CHECK_SAYS(report.text, "thread 1 \"left\" waits for \"bell\"\n");
    ck_assert_ptr_null(strstr(report.text, "the cycle"));
    FLY_CHECK_SAYS(report.text, "the last steps: ");
    FLY_CHECK_SAYS(report.text, "1 not ready yet");
}
END_TEST

static void wait_for_each_other(void *arg)
{
    fly_thread_join(arg);
}

static fly_thread narcissus;

static void join_oneself(void *arg)
{
    (void)arg;
    start(&narcissus, "narcissus", wait_for_each_other, &narcissus);
    fly_thread_join(&narcissus);
}

START_TEST(joining_in_a_circle_is_a_cycle)
{
    ck_assert_int_eq(run(1, FLY_SIM_RANDOM, join_oneself, NULL), FLY_SIM_DEADLOCK);
    FLY_CHECK_SAYS(report.text,
                   "the cycle: \"narcissus\" waits for \"narcissus\", held by \"narcissus\"\n");
}
END_TEST

static void forget_to_unlock(void *arg)
{
    fly_mutex_lock(arg);
}

static void lock_what_a_dead_thread_holds(void *arg)
{
    fly_thread thread;
    fly_mutex_init(&fork_a, "fork a", FLY_RANK_NONE);
    start(&thread, "forgetful", forget_to_unlock, &fork_a);
    fly_thread_join(&thread);
    fly_mutex_lock(&fork_a);
    (void)arg;
}

START_TEST(a_thread_that_ended_is_still_named_as_the_holder)
{
    ck_assert_int_eq(run(1, FLY_SIM_RANDOM, lock_what_a_dead_thread_holds, NULL), FLY_SIM_DEADLOCK);
#ifdef FLY_POINTS
    FLY_CHECK_SAYS(report.text,
                   "thread 0 \"first\" waits for \"fork a\", which is held by thread 1 "
                   "\"forgetful\"");
#endif
}
END_TEST

static void spin(void *arg)
{
    (void)arg;
    for (;;) {
        fly_yield();
    }
}

START_TEST(too_many_steps_are_a_livelock)
{
    ck_assert_int_eq(run(1, (fly_sim_kind)_i, spin, NULL), FLY_SIM_LIVELOCK);
    ck_assert_uint_eq(report.steps, 20001);
    FLY_CHECK_SAYS(report.text, "livelock, seed 1");
    FLY_CHECK_SAYS(report.text, "thread 0 \"first\" can run; it stopped at \"yield\"");
}
END_TEST

/* ---------------------------------------------------------------------------- time */

static void sleep_long(void *arg)
{
    uint64_t *woke = arg;
    fly_sleep(2 * HOUR);
    *woke = fly_now();
}

static void sleep_short(void *arg)
{
    uint64_t *woke = arg;
    fly_sleep(HOUR);
    woke[1] = fly_now();
}

static void sleep_both(void *arg)
{
    run_both(sleep_long, sleep_short, arg);
}

START_TEST(hours_of_virtual_time_pass_at_once)
{
    uint64_t woke[2];
    time_t before = time(NULL);
    ck_assert_int_eq(run(1, (fly_sim_kind)_i, sleep_both, woke), FLY_SIM_DONE);
    ck_assert_int_lt(time(NULL) - before, 60);
    ck_assert_uint_ge(report.time, 2 * HOUR);
    ck_assert_uint_lt(report.time, 2 * HOUR + 1000000);
    ck_assert_uint_ge(woke[0] - woke[1], HOUR - 1000000);
}
END_TEST

static void wait_with_deadline(void *arg)
{
    fly_cond cond;
    fly_mutex mutex;
    fly_cond_init(&cond);
    fly_mutex_init(&mutex, "waiting", FLY_RANK_NONE);
    uint64_t deadline = fly_now() + HOUR;
    fly_mutex_lock(&mutex);
    while (fly_cond_wait_until(&cond, &mutex, deadline)) {
    }
    fly_mutex_unlock(&mutex);
    FLY_ASSERT(fly_now() >= deadline);
    fly_atomic_u32 word = {0};
    FLY_ASSERT(!fly_park(&word, 0, deadline, "past"));
    fly_sleep(UINT64_MAX);
    (void)arg;
}

START_TEST(deadlines_pass_when_nobody_else_can_run)
{
    ck_assert_int_eq(run(1, FLY_SIM_RANDOM, wait_with_deadline, NULL), FLY_SIM_DONE);
}
END_TEST

static void watch_the_clock(void *arg)
{
    uint64_t end = fly_now() + 100000;
    while (fly_now() < end) {
    }
    (void)arg;
}

START_TEST(a_loop_that_only_looks_at_the_clock_ends)
{
    ck_assert_int_eq(run(1, FLY_SIM_RANDOM, watch_the_clock, NULL), FLY_SIM_DONE);
}
END_TEST

/* ------------------------------------------------------------------------- parking */

static void park_for_no_reason(void *arg)
{
    fly_atomic_u32 word = {0};
    for (int i = 0; i < 100; i++) {
        if (fly_park(&word, 0, fly_now() + 1000000, "nothing")) {
            (*(int *)arg)++;
        }
    }
}

START_TEST(parking_may_end_for_no_reason)
{
    int woken = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        ck_assert_int_eq(run(seed, FLY_SIM_RANDOM, park_for_no_reason, &woken), FLY_SIM_DONE);
    }
    ck_assert_int_gt(woken, 0);
    ck_assert_int_lt(woken, 200);
}
END_TEST

static struct {
    fly_atomic_u32 word;
    int woken;
    unsigned who; /* bits: which of the waiters woke first */
} waiters;

static void wait_to_be_chosen(void *arg)
{
    while (fly_load_u32(&waiters.word) == 0) {
        (void)fly_park(&waiters.word, 0, FLY_FOREVER, "choice");
        if (fly_load_u32(&waiters.word) == 0) {
            continue;
        }
        waiters.who |= waiters.woken == 0 ? 1u << (uintptr_t)arg : 0;
        waiters.woken++;
    }
}

static void choose_one(void *arg)
{
    fly_thread threads[3];
    waiters.woken = 0;
    fly_store_u32(&waiters.word, 0);
    for (uintptr_t i = 0; i < 3; i++) {
        start(&threads[i], "waiter", wait_to_be_chosen, (void *)i);
    }
    fly_sleep(HOUR); /* all of them are parked now */
    fly_store_u32(&waiters.word, 1);
    fly_unpark(&waiters.word, 1);
    fly_sleep(HOUR);
    ck_assert_int_eq(waiters.woken, 1);
    fly_unpark(&waiters.word, 2);
    for (int i = 0; i < 3; i++) {
        fly_thread_join(&threads[i]);
    }
    ck_assert_int_eq(waiters.woken, 3);
    (void)arg;
}

START_TEST(unparking_wakes_as_many_as_asked_for_and_anybody)
{
    waiters.who = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        ck_assert_int_eq(run(seed, FLY_SIM_RANDOM, choose_one, NULL), FLY_SIM_DONE);
    }
    ck_assert_uint_eq(waiters.who, 7);
}
END_TEST

/* -------------------------------------------------- libbase's own, under many seeds */

static struct {
    fly_mutex mutex;
    fly_cond cond;
    fly_latch latch;
    int tokens, taken;
    uint64_t left, right;
    fly_atomic_u32 done;
} world;

static void take_tokens(void *arg)
{
    (void)arg;
    for (int i = 0; i < 6; i++) {
        fly_mutex_lock(&world.mutex);
        while (world.tokens == 0) {
            fly_cond_wait(&world.cond, &world.mutex);
        }
        world.tokens--;
        point("between");
        world.taken++;
        fly_mutex_unlock(&world.mutex);
    }
}

static void give_tokens(void *arg)
{
    (void)arg;
    for (int i = 0; i < 6; i++) {
        fly_mutex_lock(&world.mutex);
        world.tokens++;
        fly_mutex_unlock(&world.mutex);
        fly_cond_signal(&world.cond); /* outside, where most can go wrong */
    }
}

static void pass_tokens(void *arg)
{
    memset(&world, 0, sizeof world);
    fly_mutex_init(&world.mutex, "tokens", 1);
    fly_cond_init(&world.cond);
    fly_thread threads[4];
    start(&threads[0], "taker", take_tokens, arg);
    start(&threads[1], "giver", give_tokens, arg);
    start(&threads[2], "taker", take_tokens, arg);
    start(&threads[3], "giver", give_tokens, arg);
    for (int i = 0; i < 4; i++) {
        fly_thread_join(&threads[i]);
    }
    FLY_ASSERT(world.tokens == 0);
    FLY_ASSERT(world.taken == 12);
    fly_mutex_deinit(&world.mutex);
}

START_TEST(mutexes_and_conditions_hold_under_many_seeds)
{
    ck_assert(fly_sim_for_each_seed("mutexes and conditions", 400, pass_tokens, NULL));
}
END_TEST

/* Upgraded, what was read under observation is what is there. */
static void upgrade_to_exclusive(void)
{
    fly_latch_version version;
    uint64_t seen;
    do {
        version = fly_latch_observe(&world.latch);
        seen = world.left;
        point("about to upgrade");
    } while (!fly_latch_upgrade(&world.latch, version));
    FLY_ASSERT(world.left == seen);
}

static void write_pair(void *arg)
{
    for (int i = 0; i < 5; i++) {
        if (arg == NULL) {
            fly_latch_lock_exclusive(&world.latch);
        } else {
            upgrade_to_exclusive();
        }
        world.left++;
        point("half written");
        world.right++;
        fly_latch_unlock_exclusive(&world.latch);
    }
}

static void change_nothing(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        fly_latch_lock_exclusive(&world.latch);
        point("changing nothing");
        fly_latch_unlock_unchanged(&world.latch);
    }
}

static void read_pair(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        fly_latch_lock_shared(&world.latch);
        uint64_t left = world.left;
        point("half read");
        FLY_ASSERT(left == world.right);
        fly_latch_unlock_shared(&world.latch);
    }
}

static void observe_pair(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        fly_latch_version version;
        uint64_t left;
        uint64_t right;
        do {
            version = fly_latch_observe(&world.latch);
            left = world.left;
            point("half read");
            right = world.right;
        } while (!fly_latch_unchanged(&world.latch, version));
        FLY_ASSERT(left == right);
    }
}

static void share_pair(void *arg)
{
    memset(&world, 0, sizeof world);
    fly_thread threads[6];
    start(&threads[0], "writer", write_pair, NULL);
    start(&threads[1], "reader", read_pair, NULL);
    start(&threads[2], "observer", observe_pair, NULL);
    start(&threads[3], "upgrader", write_pair, "by upgrading");
    start(&threads[4], "reader", read_pair, NULL);
    start(&threads[5], "idler", change_nothing, NULL);
    for (int i = 0; i < 6; i++) {
        fly_thread_join(&threads[i]);
    }
    FLY_ASSERT(world.left == 10);
    FLY_ASSERT(world.right == 10);
    (void)arg;
}

START_TEST(latches_hold_under_many_seeds)
{
    ck_assert(fly_sim_for_each_seed("latches", 400, share_pair, NULL));
}
END_TEST

static void count_job(void *arg)
{
    (void)arg;
    (void)fly_add_u32(&world.done, 1);
}

static void employ_workers(void *arg)
{
    memset(&world, 0, sizeof world);
    fly_env env;
    fly_env_init(&env);
    env.sched = fly_sched_current();
    fly_workers *workers = NULL;
    fly_workers_options options = {.threads = 3, .queue_max = 2};
    FLY_ASSERT(fly_workers_create(&env, &options, &workers, NULL) == FLY_OK);
    uint32_t accepted = 0;
    for (int i = 0; i < 8; i++) {
        accepted += fly_workers_submit(workers, count_job, NULL) == FLY_OK;
        if (i == 4) {
            fly_workers_drain(workers);
            FLY_ASSERT(fly_load_u32(&world.done) == accepted);
        }
    }
    fly_workers_destroy(workers);
    FLY_ASSERT(fly_load_u32(&world.done) == accepted);
    (void)arg;
}

START_TEST(workers_hold_under_many_seeds)
{
    ck_assert(fly_sim_for_each_seed("workers", 300, employ_workers, NULL));
}
END_TEST

/* The driver has to say which seed it was, and how the run hung. */
START_TEST(a_failing_seed_is_told_with_its_report)
{
    char text[16384] = "";
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    bool passed = fly_sim_for_each_seed("dining", 100, dine, NULL);
    ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
    ck_assert_int_eq(close(ends[1]), 0);
    ssize_t got = read(ends[0], text, sizeof text - 1);
    ck_assert_int_gt(got, 0);
    ck_assert(!passed);
    FLY_CHECK_SAYS(text, "deadlock, seed ");
    FLY_CHECK_SAYS(text, "dining: seed ");
    FLY_CHECK_SAYS(text, "; FLY_TEST_SEED=");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_sched");
    TCase *threads = fly_test_case(suite, "threads");
    tcase_add_test(threads, a_run_ends_when_every_thread_has_returned);
    tcase_add_test(threads, a_run_waits_for_threads_that_nobody_joined);
    tcase_add_test(threads, options_and_report_may_be_missing);

    TCase *seeds = fly_test_case(suite, "seeds");
    tcase_add_test(seeds, one_seed_one_schedule);
    tcase_add_test(seeds, other_seeds_are_other_schedules);
    tcase_add_test(seeds, a_race_is_found_and_its_mending_seen);
#ifdef FLY_POINTS
    tcase_add_test(seeds, marked_points_are_points);
#endif
    tcase_add_test(seeds, who_yields_lets_the_others_go_first);
    tcase_add_test(seeds, pct_finds_what_a_fair_coin_does_not);

    TCase *hanging = fly_test_case(suite, "hanging");
    tcase_add_loop_test(hanging, locks_in_two_orders_deadlock_and_the_cycle_is_named, 0, 2);
    tcase_add_test(hanging, locks_in_one_order_do_not_deadlock);
    tcase_add_test(hanging, latches_are_part_of_the_cycle);
    tcase_add_test(hanging, a_lost_wake_up_is_a_deadlock_without_a_cycle);
    tcase_add_test(hanging, joining_in_a_circle_is_a_cycle);
    tcase_add_test(hanging, a_thread_that_ended_is_still_named_as_the_holder);
    tcase_add_loop_test(hanging, too_many_steps_are_a_livelock, 0, 2);

    TCase *time_and_parking = fly_test_case(suite, "time and parking");
    tcase_add_loop_test(time_and_parking, hours_of_virtual_time_pass_at_once, 0, 2);
    tcase_add_test(time_and_parking, deadlines_pass_when_nobody_else_can_run);
    tcase_add_test(time_and_parking, a_loop_that_only_looks_at_the_clock_ends);
    tcase_add_test(time_and_parking, parking_may_end_for_no_reason);
    tcase_add_test(time_and_parking, unparking_wakes_as_many_as_asked_for_and_anybody);

    TCase *own = fly_test_case(suite, "libbase under many seeds");
    tcase_add_test(own, mutexes_and_conditions_hold_under_many_seeds);
    tcase_add_test(own, latches_hold_under_many_seeds);
    tcase_add_test(own, workers_hold_under_many_seeds);
    tcase_add_test(own, a_failing_seed_is_told_with_its_report);
    return fly_test_run(suite);
}
