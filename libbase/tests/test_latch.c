/*
 * Goal: the hybrid latch excludes, shares, and tells optimistic readers the truth.
 * Method: one thread for the state machine; then real threads over a pair of words that is equal
 * whenever the latch is free. Built with FLY_NO_OPTIMISTIC the same tests run on shared latches.
 * The same protocol under simulated schedulers is in testing/tests/test_sim_sched.c.
 */
#include <fly/base_latch.h>

#include <fly/base_check.h>

#include <signal.h>
#include <string.h>

enum { THREADS = 4 };

static fly_latch latch;
static fly_err err;

static void setup(void)
{
    memset(&latch, 0, sizeof latch);
    memset(&err, 0, sizeof err);
}

/* -------------------------------------------------------------------- one thread */

START_TEST(zero_is_a_free_latch)
{
    ck_assert(!fly_latch_is_exclusive(&latch));
    ck_assert(fly_latch_try_exclusive(&latch));
    ck_assert(fly_latch_is_exclusive(&latch));
    fly_latch_unlock_exclusive(&latch);
    ck_assert(!fly_latch_is_exclusive(&latch));
}
END_TEST

START_TEST(readers_share_and_keep_writers_out)
{
    fly_latch_lock_shared(&latch);
    fly_latch_lock_shared(&latch);
    ck_assert(!fly_latch_try_exclusive(&latch));
    fly_latch_unlock_shared(&latch);
    ck_assert(!fly_latch_try_exclusive(&latch));
    fly_latch_unlock_shared(&latch);
    ck_assert(fly_latch_try_exclusive(&latch));
    ck_assert(!fly_latch_try_exclusive(&latch));
    fly_latch_unlock_exclusive(&latch);
}
END_TEST

static bool countdown(const void *ctx)
{
    int *left;
    memcpy(&left, &ctx, sizeof left);
    return (*left)-- > 0;
}

/* The condition is asked before each wait, and not at all of a latch that is free. */
START_TEST(who_waits_for_a_latch_may_give_up)
{
    fly_latch own = {0};
    fly_latch_version version = 0;
    int left = 3;
    fly_latch_lock_exclusive(&own);
    ck_assert(!fly_latch_lock_exclusive_while(&own, countdown, &left));
    ck_assert_int_eq(left, -1);
    left = 3;
    ck_assert(!fly_latch_lock_shared_while(&own, countdown, &left));
    ck_assert_int_eq(left, -1);
    left = 3;
    ck_assert(!fly_latch_observe_while(&own, countdown, &left, &version));
    ck_assert_int_eq(left, -1);
    ck_assert(!fly_latch_try_observe(&own, &version));
    fly_latch_unlock_exclusive(&own);
    ck_assert(fly_latch_observe_while(&own, countdown, &left, &version));
    ck_assert(fly_latch_unchanged(&own, version));
    ck_assert(fly_latch_lock_shared_while(&own, countdown, &left));
    fly_latch_unlock_shared(&own);
    ck_assert(fly_latch_lock_exclusive_while(&own, countdown, &left));
    fly_latch_unlock_exclusive(&own);
    ck_assert_int_eq(left, -1);
}
END_TEST

START_TEST(an_observation_of_a_quiet_latch_stands)
{
    fly_latch_version version = fly_latch_observe(&latch);
    ck_assert(fly_latch_still(&latch, version));
    ck_assert(fly_latch_unchanged(&latch, version));
    version = fly_latch_observe(&latch);
    fly_latch_forget(&latch, version);
    ck_assert(fly_latch_try_exclusive(&latch));
    fly_latch_unlock_exclusive(&latch);
}
END_TEST

START_TEST(an_observation_becomes_exclusive_if_nothing_changed)
{
    fly_latch_version version = fly_latch_observe(&latch);
    ck_assert(fly_latch_upgrade(&latch, version));
    ck_assert(fly_latch_is_exclusive(&latch));
    fly_latch_unlock_exclusive(&latch);
}
END_TEST

#ifndef FLY_NO_OPTIMISTIC

START_TEST(a_writer_ends_every_observation)
{
    fly_latch_version version = fly_latch_observe(&latch);
    fly_latch_lock_exclusive(&latch);
    ck_assert(!fly_latch_still(&latch, version));
    ck_assert(!fly_latch_unchanged(&latch, version));
    fly_latch_unlock_exclusive(&latch);
    ck_assert(!fly_latch_unchanged(&latch, version));
    ck_assert(!fly_latch_upgrade(&latch, version));
    ck_assert(!fly_latch_is_exclusive(&latch));
}
END_TEST

START_TEST(a_writer_who_changed_nothing_ends_no_observation)
{
    fly_latch_version version = fly_latch_observe(&latch);
    fly_latch_lock_exclusive(&latch);
    fly_latch_unlock_unchanged(&latch);
    ck_assert(fly_latch_unchanged(&latch, version));
    ck_assert(fly_latch_upgrade(&latch, version));
    fly_latch_unlock_unchanged(&latch);
}
END_TEST

START_TEST(readers_end_no_observation)
{
    fly_latch_version version = fly_latch_observe(&latch);
    fly_latch_lock_shared(&latch);
    ck_assert(fly_latch_still(&latch, version));
    fly_latch_unlock_shared(&latch);
    ck_assert(fly_latch_unchanged(&latch, version));
}
END_TEST

START_TEST(the_version_survives_as_many_writes_as_it_has_bits_for)
{
    latch.word.word = UINT64_MAX << 12; /* the last version before it wraps */
    fly_latch_version version = fly_latch_observe(&latch);
    fly_latch_lock_exclusive(&latch);
    fly_latch_unlock_exclusive(&latch);
    ck_assert(!fly_latch_unchanged(&latch, version));
    ck_assert_uint_eq(fly_load_u64(&latch.word), 0);
}
END_TEST

#endif

/* After a release that woke everybody the bit is still there, and means nothing any more. */
START_TEST(a_bit_that_was_left_behind_keeps_nobody_out)
{
    fly_store_u64(&latch.word, FLY__LATCH_PARKED);
    fly_latch_lock_shared(&latch);
    fly_latch_lock_shared(&latch);
    fly_latch_unlock_shared(&latch);
    fly_latch_unlock_shared(&latch);
    ck_assert_uint_eq(fly_load_u64(&latch.word), 0);
    fly_store_u64(&latch.word, FLY__LATCH_PARKED);
    fly_latch_lock_exclusive(&latch);
    fly_latch_unlock_unchanged(&latch);
    ck_assert_uint_eq(fly_load_u64(&latch.word), 0);
    fly_store_u64(&latch.word, FLY__LATCH_PARKED);
    ck_assert(fly_latch_try_exclusive(&latch));
    fly_latch_unlock_unchanged(&latch);
    ck_assert_uint_eq(fly_load_u64(&latch.word), 0);
    fly_store_u64(&latch.word, FLY__LATCH_PARKED);
    ck_assert(fly_latch_upgrade(&latch, fly_latch_observe(&latch)));
    fly_latch_unlock_unchanged(&latch);
    ck_assert_uint_eq(fly_load_u64(&latch.word), 0);
}
END_TEST

START_TEST(giving_back_a_free_latch_stops_the_program)
{
    fly_latch_unlock_exclusive(&latch);
}
END_TEST

START_TEST(giving_back_a_latch_without_readers_stops_the_program)
{
    fly_latch_unlock_shared(&latch);
}
END_TEST

/* ------------------------------------------------------------------ many threads */

static struct {
    uint64_t left, right; /* equal whenever nobody holds the latch exclusively */
    fly_atomic_u64 reads, retries;
} pair;

enum { ROUNDS = 20000 };

static void start_and_join(void (*const runs[])(void *arg), int count)
{
    fly_thread threads[2 * THREADS];
    memset(&pair, 0, sizeof pair);
    for (int i = 0; i < count; i++) {
        FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &threads[i], "test", runs[i], NULL, &err),
                     err);
    }
    for (int i = 0; i < count; i++) {
        fly_thread_join(&threads[i]);
    }
}

static void write_exclusive(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        fly_latch_lock_exclusive(&latch);
        pair.left++;
        if (i % 64 == 0) {
            fly_yield(); /* held for long now and then, so that others park */
        }
        pair.right++;
        fly_latch_unlock_exclusive(&latch);
    }
}

static void write_after_observing(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        fly_latch_version version;
        uint64_t seen;
        do {
            version = fly_latch_observe(&latch);
            seen = *(volatile uint64_t *)&pair.left;
        } while (!fly_latch_upgrade(&latch, version));
        FLY_ASSERT(pair.left == seen);
        pair.left++;
        pair.right++;
        fly_latch_unlock_exclusive(&latch);
    }
}

static void write_if_free(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS;) {
        if (fly_latch_try_exclusive(&latch)) {
            pair.left++;
            pair.right++;
            fly_latch_unlock_exclusive(&latch);
            i++;
        } else {
            fly_yield();
        }
    }
}

static void read_shared(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        fly_latch_lock_shared(&latch);
        FLY_ASSERT(pair.left == pair.right);
        if (i % 64 == 0) {
            fly_yield();
        }
        FLY_ASSERT(pair.left == pair.right);
        fly_latch_unlock_shared(&latch);
    }
}

static void read_optimistic(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t left;
        uint64_t right;
        fly_latch_version version;
        int attempts = 0;
        do {
            version = fly_latch_observe(&latch);
            left = *(volatile uint64_t *)&pair.left;
            right = *(volatile uint64_t *)&pair.right;
            attempts++;
        } while (!fly_latch_unchanged(&latch, version));
        FLY_ASSERT(left == right);
        fly_count_u64(&pair.reads, 1);
        fly_count_u64(&pair.retries, (uint64_t)attempts - 1);
    }
}

START_TEST(writers_exclude_each_other)
{
    void (*const runs[])(void *) = {write_exclusive, write_exclusive, write_after_observing,
                                    write_if_free};
    start_and_join(runs, 4);
    ck_assert_uint_eq(pair.left, 4 * ROUNDS);
    ck_assert_uint_eq(pair.right, 4 * ROUNDS);
}
END_TEST

START_TEST(readers_see_no_half_written_pair)
{
    void (*const runs[])(void *) = {write_exclusive, read_shared, read_optimistic, read_shared,
                                    write_after_observing};
    start_and_join(runs, 5);
    ck_assert_uint_eq(pair.left, 2 * ROUNDS);
    ck_assert_uint_eq(fly_load_u64(&pair.reads), ROUNDS);
}
END_TEST

START_TEST(a_latch_at_rest_has_no_readers_and_nobody_parked_for_ever)
{
    void (*const runs[])(void *) = {write_exclusive, read_shared, read_shared, write_exclusive};
    start_and_join(runs, 4);
    /* A bit may be left from the last release; the next acquisition takes it away. */
    fly_latch_lock_exclusive(&latch);
    fly_latch_unlock_exclusive(&latch);
    ck_assert_uint_eq(fly_load_u64(&latch.word) & FLY__LATCH_TRANSIENT, 0);
}
END_TEST

/* 1,023 readers fit in the word; the next one waits, and is let in when they have gone. */
static void one_more_reader(void *arg)
{
    fly_latch_lock_shared(&latch);
    (void)fly_add_u32(arg, 1);
    fly_latch_unlock_shared(&latch);
}

START_TEST(readers_beyond_the_counter_wait)
{
    fly_atomic_u32 done = {0};
    fly_thread reader;
    for (int i = 0; i < 1023; i++) {
        fly_latch_lock_shared(&latch);
    }
    FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &reader, "reader", one_more_reader, &done, &err),
                 err);
    fly_sleep(20000000);
    ck_assert_uint_eq(fly_load_u32(&done), 0);
    for (int i = 0; i < 1023; i++) {
        fly_latch_unlock_shared(&latch);
    }
    fly_thread_join(&reader);
    ck_assert_uint_eq(fly_load_u32(&done), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("latch");
    TCase *states = fly_test_case(suite, "states");
    tcase_add_checked_fixture(states, setup, NULL);
    tcase_add_test(states, zero_is_a_free_latch);
    tcase_add_test(states, readers_share_and_keep_writers_out);
    tcase_add_test(states, who_waits_for_a_latch_may_give_up);
    tcase_add_test(states, an_observation_of_a_quiet_latch_stands);
    tcase_add_test(states, an_observation_becomes_exclusive_if_nothing_changed);
#ifndef FLY_NO_OPTIMISTIC
    tcase_add_test(states, a_writer_ends_every_observation);
    tcase_add_test(states, a_writer_who_changed_nothing_ends_no_observation);
    tcase_add_test(states, readers_end_no_observation);
    tcase_add_test(states, the_version_survives_as_many_writes_as_it_has_bits_for);
#endif
    tcase_add_test(states, a_bit_that_was_left_behind_keeps_nobody_out);
    tcase_add_test_raise_signal(states, giving_back_a_free_latch_stops_the_program, SIGABRT);
    tcase_add_test_raise_signal(states, giving_back_a_latch_without_readers_stops_the_program,
                                SIGABRT);

    TCase *threads = fly_test_case(suite, "threads");
    tcase_add_checked_fixture(threads, setup, NULL);
    tcase_add_test(threads, writers_exclude_each_other);
    tcase_add_test(threads, readers_see_no_half_written_pair);
    tcase_add_test(threads, a_latch_at_rest_has_no_readers_and_nobody_parked_for_ever);
    tcase_add_test(threads, readers_beyond_the_counter_wait);
    return fly_test_run(suite);
}
