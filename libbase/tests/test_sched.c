/*
 * Goal: threads start, wait and wake; mutexes exclude; conditions lose no signal; ranks are checked.
 * Method: the operating system's threads, with counters that only exclusion keeps right. The same
 * code under simulated schedulers is in testing/tests/test_sim_sched.c.
 */
#include <fly/base_sched.h>

#include <fly/base_check.h>

#include <signal.h>
#include <string.h>

enum { THREADS = 4, MS = 1000000 };

static fly_err err;

static void run_in_threads(void (*run)(void *arg), void *arg)
{
    fly_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &threads[i], "test", run, arg, &err), err);
    }
    for (int i = 0; i < THREADS; i++) {
        fly_thread_join(&threads[i]);
    }
}

/* ----------------------------------------------------------------------- threads */

static void add_one(void *arg)
{
    (void)fly_add_u32(arg, 1);
}

START_TEST(a_joined_thread_has_run)
{
    fly_atomic_u32 count = {0};
    run_in_threads(add_one, &count);
    ck_assert_uint_eq(fly_load_u32(&count), THREADS);
}
END_TEST

START_TEST(a_thread_belongs_to_the_system_unless_somebody_says_otherwise)
{
    fly_sched other = *fly_sched_os();
    ck_assert_ptr_eq(fly_sched_current(), fly_sched_os());
    ck_assert_ptr_eq(fly_sched_adopt(&other), fly_sched_os());
    ck_assert_ptr_eq(fly_sched_current(), &other);
    ck_assert_ptr_eq(fly_sched_adopt(fly_sched_os()), &other);
    ck_assert_ptr_eq(fly_sched_current(), fly_sched_os());
}
END_TEST

static int points;

static void count_point(fly_sched *sched, const char *what, const void *object)
{
    (void)sched;
    (void)what;
    (void)object;
    points++;
}

/* A test that gives its thread back must not leave every mutex and latch yielding. */
START_TEST(points_cost_nothing_once_the_system_has_its_thread_back)
{
    fly_sched simulated = *fly_sched_os();
    simulated.point = count_point;
    fly_sched *before = fly_sched_adopt(&simulated);
    fly__base_point("test", NULL);
    ck_assert_int_eq(points, 1);
    (void)fly_sched_adopt(before);
    fly_sched_os()->point = count_point;
    fly__base_point("test", NULL);
    ck_assert_int_eq(points, 1);
    fly_yield();
    ck_assert_int_eq(points, 2);
}
END_TEST

START_TEST(time_goes_on_while_one_sleeps)
{
    uint64_t before = fly_now();
    fly_sleep(5 * MS);
    ck_assert_uint_ge(fly_now() - before, 5 * MS);
}
END_TEST

static void note_id(void *arg)
{
    static fly_atomic_u32 next;
    uint64_t *ids = arg;
    ids[fly_add_u32(&next, 1)] = fly__base_thread_id();
    while (fly_load_u32(&next) < THREADS) { /* alive together, so no identity comes twice */
        fly_sleep(MS);
    }
}

START_TEST(threads_alive_together_have_identities_of_their_own)
{
    uint64_t ids[THREADS] = {0};
    run_in_threads(note_id, ids);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_uint_ne(ids[i], 0);
        ck_assert_uint_ne(ids[i], fly__base_thread_id());
        for (int k = 0; k < i; k++) {
            ck_assert_uint_ne(ids[i], ids[k]);
        }
    }
}
END_TEST

/* ----------------------------------------------------------------------- parking */

START_TEST(parking_on_a_changed_word_returns_at_once)
{
    fly_atomic_u32 word = {2};
    ck_assert(fly_park(&word, 1, FLY_FOREVER, "test"));
}
END_TEST

START_TEST(a_deadline_ends_a_park)
{
    fly_atomic_u32 word = {1};
    uint64_t deadline = fly_now() + 10 * MS;
    while (fly_park(&word, 1, deadline, "test")) {
    }
    ck_assert_uint_ge(fly_now(), deadline);
    ck_assert(!fly_park(&word, 1, 1, "test"));
}
END_TEST

static void park_until_two(void *arg)
{
    fly_atomic_u32 *word = arg;
    while (fly_load_u32(word) == 1) {
        (void)fly_park(word, 1, FLY_FOREVER, "test");
    }
}

static void change_and_unpark(void *arg)
{
    fly_atomic_u32 *word = arg;
    fly_sleep(10 * MS);
    fly_store_u32(word, 2);
    fly_unpark(word, UINT32_MAX);
}

START_TEST(unparking_wakes_everybody_who_is_asked_for)
{
    fly_atomic_u32 word = {1};
    fly_thread waker;
    FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &waker, "waker", change_and_unpark, &word, &err),
                 err);
    run_in_threads(park_until_two, &word);
    fly_thread_join(&waker);
}
END_TEST

/* ----------------------------------------------------------------------- mutexes */

static struct {
    fly_mutex mutex;
    fly_mutex second;
    fly_cond cond;
    uint64_t count; /* mutex; a plain word, so that a lost exclusion loses counts */
    uint32_t tokens;
    bool open;
} shared;

static void setup(void)
{
    memset(&shared, 0, sizeof shared);
    memset(&err, 0, sizeof err);
    fly_mutex_init(&shared.mutex, "first", 10);
    fly_mutex_init(&shared.second, "second", 20);
    fly_cond_init(&shared.cond);
}

static void teardown(void)
{
    fly_mutex_deinit(&shared.mutex);
    fly_mutex_deinit(&shared.second);
}

static void count_up(void *arg)
{
    uint64_t rounds = *(const uint64_t *)arg;
    for (uint64_t i = 0; i < rounds; i++) {
        fly_mutex_lock(&shared.mutex);
        fly_mutex_assert_held(&shared.mutex);
        shared.count++;
        if (i % 256 == 0) {
            fly_yield(); /* now and then the others have to park */
        }
        fly_mutex_unlock(&shared.mutex);
    }
}

START_TEST(a_mutex_excludes)
{
    uint64_t rounds = 20000;
    run_in_threads(count_up, &rounds);
    ck_assert_uint_eq(shared.count, THREADS * rounds);
}
END_TEST

static void count_up_trying(void *arg)
{
    uint64_t rounds = *(const uint64_t *)arg;
    for (uint64_t i = 0; i < rounds;) {
        if (fly_mutex_try_lock(&shared.mutex)) {
            shared.count++;
            fly_mutex_unlock(&shared.mutex);
            i++;
        }
    }
}

START_TEST(a_mutex_taken_by_trying_excludes_too)
{
    uint64_t rounds = 5000;
    run_in_threads(count_up_trying, &rounds);
    ck_assert_uint_eq(shared.count, THREADS * rounds);
}
END_TEST

static void expect_taken(void *arg)
{
    (void)arg;
    FLY_ASSERT(!fly_mutex_try_lock(&shared.mutex));
}

START_TEST(trying_a_taken_mutex_fails)
{
    fly_mutex_lock(&shared.mutex);
    run_in_threads(expect_taken, NULL);
    fly_mutex_unlock(&shared.mutex);
    ck_assert(fly_mutex_try_lock(&shared.mutex));
    fly_mutex_unlock(&shared.mutex);
}
END_TEST

START_TEST(mutexes_are_taken_upwards_and_given_back_in_any_order)
{
    fly_mutex_lock(&shared.mutex);
    fly_mutex_lock(&shared.second);
    fly_mutex_unlock(&shared.mutex);
    fly_mutex_unlock(&shared.second);
}
END_TEST

START_TEST(trying_may_go_against_the_order)
{
    fly_mutex_lock(&shared.second);
    ck_assert(fly_mutex_try_lock(&shared.mutex));
    fly_mutex_unlock(&shared.mutex);
    fly_mutex_unlock(&shared.second);
}
END_TEST

START_TEST(a_mutex_without_rank_goes_anywhere)
{
    fly_mutex unranked;
    fly_mutex_init(&unranked, "unranked", FLY_RANK_NONE);
    fly_mutex_lock(&shared.second);
    fly_mutex_lock(&unranked);
    fly_mutex_unlock(&shared.second);
    fly_mutex_lock(&shared.mutex);
    fly_mutex_unlock(&shared.mutex);
    fly_mutex_unlock(&unranked);
}
END_TEST

#ifdef FLY_SLOW_ASSERTS

START_TEST(taking_mutexes_downwards_stops_the_program)
{
    fly_mutex_lock(&shared.second);
    fly_mutex_lock(&shared.mutex);
}
END_TEST

START_TEST(taking_a_mutex_twice_stops_the_program)
{
    fly_mutex_lock(&shared.mutex);
    fly_mutex_lock(&shared.mutex);
}
END_TEST

START_TEST(taking_a_mutex_without_rank_twice_stops_it_too)
{
    fly_mutex unranked;
    fly_mutex_init(&unranked, "unranked", FLY_RANK_NONE);
    fly_mutex_lock(&unranked);
    fly_mutex_lock(&unranked);
}
END_TEST

START_TEST(giving_back_what_one_does_not_hold_stops_the_program)
{
    fly_mutex_unlock(&shared.mutex);
}
END_TEST

START_TEST(claiming_to_hold_what_one_does_not_stops_the_program)
{
    fly_mutex_assert_held(&shared.mutex);
}
END_TEST

#endif

START_TEST(dismantling_a_taken_mutex_stops_the_program)
{
    fly_mutex_lock(&shared.mutex);
    fly_mutex_deinit(&shared.mutex);
}
END_TEST

/* -------------------------------------------------------------------- conditions */

static void take_tokens(void *arg)
{
    uint32_t wanted = *(const uint32_t *)arg;
    for (uint32_t i = 0; i < wanted; i++) {
        fly_mutex_lock(&shared.mutex);
        while (shared.tokens == 0) {
            fly_cond_wait(&shared.cond, &shared.mutex);
        }
        shared.tokens--;
        fly_mutex_unlock(&shared.mutex);
    }
}

static void give_tokens(void *arg)
{
    uint32_t count = *(const uint32_t *)arg * THREADS;
    for (uint32_t i = 0; i < count; i++) {
        fly_mutex_lock(&shared.mutex);
        shared.tokens++;
        fly_mutex_unlock(&shared.mutex);
        fly_cond_signal(&shared.cond);
    }
}

/* A lost signal leaves a taker asleep beside a token, and the test does not end. */
START_TEST(no_signal_is_lost)
{
    uint32_t each = 5000;
    fly_thread giver;
    FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &giver, "giver", give_tokens, &each, &err), err);
    run_in_threads(take_tokens, &each);
    fly_thread_join(&giver);
    ck_assert_uint_eq(shared.tokens, 0);
}
END_TEST

static void wait_until_open(void *arg)
{
    (void)arg;
    fly_mutex_lock(&shared.mutex);
    while (!shared.open) {
        fly_cond_wait(&shared.cond, &shared.mutex);
    }
    fly_mutex_unlock(&shared.mutex);
}

static void open_later(void *arg)
{
    (void)arg;
    fly_sleep(10 * MS);
    fly_mutex_lock(&shared.mutex);
    shared.open = true;
    fly_cond_broadcast(&shared.cond);
    fly_mutex_unlock(&shared.mutex);
}

START_TEST(a_broadcast_wakes_everybody)
{
    fly_thread opener;
    FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &opener, "opener", open_later, NULL, &err), err);
    run_in_threads(wait_until_open, NULL);
    fly_thread_join(&opener);
}
END_TEST

START_TEST(a_wait_ends_at_its_deadline_with_the_mutex_held)
{
    uint64_t deadline = fly_now() + 10 * MS;
    fly_mutex_lock(&shared.mutex);
    while (fly_cond_wait_until(&shared.cond, &shared.mutex, deadline)) {
    }
    ck_assert_uint_ge(fly_now(), deadline);
    fly_mutex_assert_held(&shared.mutex);
    fly_mutex_unlock(&shared.mutex);
    fly_cond_signal(&shared.cond); /* nobody waits, and nothing happens */
}
END_TEST

typedef struct counting_watch {
    fly_park_watch watch; /* first */
    uint32_t parked, resumed;
} counting_watch;

static void count_park(fly_park_watch *watch)
{
    ((counting_watch *)watch)->parked++;
    static const fly_atomic_u32 word;
    (void)fly_park(&word, 1, FLY_FOREVER, "inside"); /* is not watched */
}

static void count_resume(fly_park_watch *watch)
{
    ((counting_watch *)watch)->resumed++;
}

START_TEST(who_watches_a_thread_hears_of_each_park)
{
    counting_watch me = {.watch = {.parks = count_park, .resumes = count_resume}};
    fly_atomic_u32 word = {0};
    ck_assert_ptr_null(fly_sched_watch(&me.watch));
    ck_assert(!fly_park(&word, 0, fly_now() + MS, "test"));
    ck_assert(fly_park(&word, 1, FLY_FOREVER, "test"));
    ck_assert_uint_eq(me.parked, 2);
    ck_assert_uint_eq(me.resumed, 2);
    ck_assert_ptr_eq(fly_sched_watch(NULL), &me.watch);
    ck_assert(fly_park(&word, 1, FLY_FOREVER, "test"));
    ck_assert_uint_eq(me.parked, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sched");
    TCase *threads = fly_test_case(suite, "threads");
    tcase_add_test(threads, a_joined_thread_has_run);
    tcase_add_test(threads, a_thread_belongs_to_the_system_unless_somebody_says_otherwise);
    tcase_add_test(threads, points_cost_nothing_once_the_system_has_its_thread_back);
    tcase_add_test(threads, time_goes_on_while_one_sleeps);
    tcase_add_test(threads, threads_alive_together_have_identities_of_their_own);

    TCase *parking = fly_test_case(suite, "parking");
    tcase_add_test(parking, parking_on_a_changed_word_returns_at_once);
    tcase_add_test(parking, a_deadline_ends_a_park);
    tcase_add_test(parking, who_watches_a_thread_hears_of_each_park);
    tcase_add_test(parking, unparking_wakes_everybody_who_is_asked_for);

    TCase *mutexes = fly_test_case(suite, "mutexes");
    tcase_add_checked_fixture(mutexes, setup, teardown);
    tcase_add_test(mutexes, a_mutex_excludes);
    tcase_add_test(mutexes, a_mutex_taken_by_trying_excludes_too);
    tcase_add_test(mutexes, trying_a_taken_mutex_fails);
    tcase_add_test(mutexes, mutexes_are_taken_upwards_and_given_back_in_any_order);
    tcase_add_test(mutexes, trying_may_go_against_the_order);
    tcase_add_test(mutexes, a_mutex_without_rank_goes_anywhere);
#ifdef FLY_SLOW_ASSERTS
    tcase_add_test_raise_signal(mutexes, taking_mutexes_downwards_stops_the_program, SIGABRT);
    tcase_add_test_raise_signal(mutexes, taking_a_mutex_twice_stops_the_program, SIGABRT);
    tcase_add_test_raise_signal(mutexes, taking_a_mutex_without_rank_twice_stops_it_too, SIGABRT);
    tcase_add_test_raise_signal(mutexes, giving_back_what_one_does_not_hold_stops_the_program,
                                SIGABRT);
    tcase_add_test_raise_signal(mutexes, claiming_to_hold_what_one_does_not_stops_the_program,
                                SIGABRT);
#endif
    tcase_add_test_raise_signal(mutexes, dismantling_a_taken_mutex_stops_the_program, SIGABRT);

    TCase *conditions = fly_test_case(suite, "conditions");
    tcase_add_checked_fixture(conditions, setup, teardown);
    tcase_add_test(conditions, no_signal_is_lost);
    tcase_add_test(conditions, a_broadcast_wakes_everybody);
    tcase_add_test(conditions, a_wait_ends_at_its_deadline_with_the_mutex_held);
    return fly_test_run(suite);
}
