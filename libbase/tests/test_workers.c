/*
 * Goal: accepted work is done exactly once, drain and destroy wait for it, and a pool that could
 * not be made leaves nothing behind.
 * Method: real threads and counters; a scheduler that cannot start its third thread. Simulated
 * schedulers run the same pool in testing/tests/test_sim_sched.c.
 */
#include <fly/base_workers.h>

#include <fly/base_check.h>

#include <errno.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_err err;
static fly_atomic_u32 done;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    fly_env_init(&env);
    fly_account_init(&account, fly_mem_system(), "test", 0);
    env.mem = &account.mem;
    fly_store_u32(&done, 0);
}

static void teardown(void)
{
    fly_account_deinit(&account);
}

static fly_workers *create(uint32_t threads, uint32_t queue_max)
{
    fly_workers *workers = NULL;
    fly_workers_options options = {.threads = threads, .queue_max = queue_max, .name = "test"};
    FLY_CHECK_OK(fly_workers_create(&env, &options, &workers, &err), err);
    return workers;
}

static void count_job(void *arg)
{
    (void)arg;
    (void)fly_add_u32(&done, 1);
}

/* ------------------------------------------------------------------------- work */

START_TEST(every_accepted_job_runs_once)
{
    fly_workers *workers = create(4, 100000);
    for (int i = 0; i < 20000; i++) {
        ck_assert_int_eq(fly_workers_submit(workers, count_job, NULL), FLY_OK);
    }
    fly_workers_drain(workers);
    ck_assert_uint_eq(fly_load_u32(&done), 20000);
    fly_workers_drain(workers);
    fly_workers_destroy(workers);
    ck_assert_uint_eq(fly_load_u32(&done), 20000);
}
END_TEST

START_TEST(a_pool_made_with_defaults_works)
{
    fly_workers *workers = NULL;
    FLY_CHECK_OK(fly_workers_create(&env, NULL, &workers, &err), err);
    ck_assert_int_eq(fly_workers_submit(workers, count_job, NULL), FLY_OK);
    fly_workers_destroy(workers);
    ck_assert_uint_eq(fly_load_u32(&done), 1);
    fly_workers_destroy(NULL);
}
END_TEST

/* Jobs that wait until they are let go. */
static fly_atomic_u32 gate;
static fly_atomic_u32 waiting;

static void wait_at_gate(void *arg)
{
    (void)arg;
    (void)fly_add_u32(&waiting, 1);
    while (fly_load_u32(&gate) == 0) {
        (void)fly_park(&gate, 0, FLY_FOREVER, "gate");
    }
    (void)fly_add_u32(&done, 1);
}

static void open_gate(void)
{
    fly_store_u32(&gate, 1);
    fly_unpark(&gate, UINT32_MAX);
}

static void wait_for_waiters(uint32_t count)
{
    while (fly_load_u32(&waiting) < count) {
        fly_sleep(1000000);
    }
}

START_TEST(a_full_queue_says_so_and_has_room_again)
{
    fly_workers *workers = create(1, 3);
    ck_assert_int_eq(fly_workers_submit(workers, wait_at_gate, NULL), FLY_OK);
    wait_for_waiters(1); /* it runs, and the queue is empty */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(fly_workers_submit(workers, count_job, NULL), FLY_OK);
    }
    ck_assert_int_eq(fly_workers_submit(workers, count_job, NULL), FLY_E_FULL);
    open_gate();
    fly_workers_drain(workers);
    ck_assert_uint_eq(fly_load_u32(&done), 4);
    ck_assert_int_eq(fly_workers_submit(workers, count_job, NULL), FLY_OK);
    fly_workers_destroy(workers);
    ck_assert_uint_eq(fly_load_u32(&done), 5);
}
END_TEST

START_TEST(as_many_jobs_run_at_once_as_there_are_threads)
{
    fly_workers *workers = create(3, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(fly_workers_submit(workers, wait_at_gate, NULL), FLY_OK);
    }
    wait_for_waiters(3);
    open_gate();
    fly_workers_destroy(workers);
    ck_assert_uint_eq(fly_load_u32(&done), 3);
}
END_TEST

struct family {
    fly_workers *workers;
    uint32_t generations;
};

static void have_child(void *arg)
{
    struct family *family = arg;
    (void)fly_add_u32(&done, 1);
    if (family->generations-- > 1) {
        ck_assert_int_eq(fly_workers_submit(family->workers, have_child, family), FLY_OK);
    }
}

START_TEST(work_may_submit_work_while_the_pool_closes)
{
    struct family family = {create(2, 4), 1000};
    ck_assert_int_eq(fly_workers_submit(family.workers, have_child, &family), FLY_OK);
    fly_workers_destroy(family.workers);
    ck_assert_uint_eq(fly_load_u32(&done), 1000);
}
END_TEST

/* --------------------------------------------------------------------- failures */

START_TEST(without_memory_there_is_no_pool_and_no_leak)
{
    fly_workers *workers = NULL;
    int refused = 0;
    for (account.limit = 1; account.limit < 100000; account.limit += 64) {
        fly_status status = fly_workers_create(&env, NULL, &workers, &err);
        if (status == FLY_OK) {
            fly_workers_destroy(workers);
            break;
        }
        ck_assert_int_eq(status, FLY_E_NO_MEMORY);
        ck_assert_uint_eq(fly_load_u64(&account.used), 0);
        refused++;
    }
    ck_assert_int_gt(refused, 2);
}
END_TEST

static int starts;

static int start_two(fly_sched *sched, fly_thread *thread)
{
    (void)sched;
    return starts++ < 2 ? fly_sched_os()->start(fly_sched_os(), thread) : -EAGAIN;
}

START_TEST(a_thread_that_does_not_start_takes_the_others_with_it)
{
    fly_sched limited = *fly_sched_os();
    limited.start = start_two;
    env.sched = &limited;
    fly_workers *workers = NULL;
    fly_workers_options options = {.threads = 3, .name = "third"};
    FLY_CHECK(fly_workers_create(&env, &options, &workers, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "could not start thread \"third\"");
    ck_assert_ptr_null(workers);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *work = fly_test_case(suite, "work");
    tcase_add_checked_fixture(work, setup, teardown);
    tcase_add_test(work, every_accepted_job_runs_once);
    tcase_add_test(work, a_pool_made_with_defaults_works);
    tcase_add_test(work, a_full_queue_says_so_and_has_room_again);
    tcase_add_test(work, as_many_jobs_run_at_once_as_there_are_threads);
    tcase_add_test(work, work_may_submit_work_while_the_pool_closes);

    TCase *failures = fly_test_case(suite, "failures");
    tcase_add_checked_fixture(failures, setup, teardown);
    tcase_add_test(failures, without_memory_there_is_no_pool_and_no_leak);
    tcase_add_test(failures, a_thread_that_does_not_start_takes_the_others_with_it);
    return fly_test_run(suite);
}
