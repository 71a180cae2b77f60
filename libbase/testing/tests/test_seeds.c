/*
 * Goal: a failing seed is named, however it failed, and can be run alone.
 * Method: seeds that fail in every way, with standard error caught.
 */
#define _GNU_SOURCE
#include <fly/base_seeds.h>

#include <fly/base_check.h>
#include <fly/base_vfs.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory that a child shares with its parent. */
static struct tally {
    int count;
    uint64_t sum;
} * tally;

static void setup(void)
{
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(tally != MAP_FAILED);
    ck_assert_int_eq(unsetenv("FLY_TEST_SEED"), 0);
    ck_assert_int_eq(unsetenv("FLY_TEST_ROUNDS"), 0);
}

static void add_up(void *ctx, uint64_t seed)
{
    (void)ctx;
    tally->count++;
    tally->sum += seed;
}

START_TEST(seeds_run_from_one_to_the_count)
{
    ck_assert(fly_test_seeds("adding", 10, add_up, NULL));
    ck_assert_int_eq(tally->count, 10);
    ck_assert_uint_eq(tally->sum, 55);
}
END_TEST

START_TEST(rounds_multiply_and_are_at_least_one)
{
    ck_assert_uint_eq(fly_test_rounds(7), 7);
    ck_assert_uint_eq(fly_test_rounds(0), 1);
    ck_assert_int_eq(setenv("FLY_TEST_ROUNDS", "3", 1), 0);
    ck_assert_uint_eq(fly_test_rounds(7), 21);
    ck_assert(fly_test_seeds("adding", 2, add_up, NULL));
    ck_assert_int_eq(tally->count, 6);
    ck_assert_int_eq(setenv("FLY_TEST_ROUNDS", "nonsense", 1), 0);
    ck_assert_uint_eq(fly_test_rounds(7), 7);
}
END_TEST

static void note_process(void *ctx, uint64_t seed)
{
    *(pid_t *)ctx = getpid();
    tally->sum = seed;
}

START_TEST(a_seed_from_the_environment_runs_alone_and_in_this_process)
{
    pid_t process = 0;
    ck_assert(fly_test_seeds("processes", 1, note_process, &process));
    ck_assert_int_eq(process, 0);
    ck_assert_int_eq(setenv("FLY_TEST_SEED", "1234", 1), 0);
    ck_assert(fly_test_seeds("processes", 1, note_process, &process));
    ck_assert_int_eq(process, getpid());
    ck_assert_uint_eq(tally->sum, 1234);
}
END_TEST

static void exit_at_three(void *ctx, uint64_t seed)
{
    (void)ctx;
    if (seed == 3) {
        exit(1);
    }
}

static void abort_at_four(void *ctx, uint64_t seed)
{
    (void)ctx;
    if (seed == 4) {
        abort();
    }
}

static void hang_at_five(void *ctx, uint64_t seed)
{
    (void)ctx;
    if (seed == 5) {
        (void)alarm(1); /* instead of a minute */
        for (;;) {
            (void)pause();
        }
    }
}

/* What the driver says on standard error. */
static const char *complaint_of(void (*each)(void *ctx, uint64_t seed))
{
    static char text[1024];
    int ends[2];
    memset(text, 0, sizeof text);
    ck_assert_int_eq(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    bool passed = fly_test_seeds("failing", 10, each, NULL);
    ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
    ck_assert_int_eq(close(ends[1]), 0);
    ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert(!passed);
    return text;
}

START_TEST(however_a_seed_fails_it_is_named)
{
    ck_assert_str_eq(complaint_of(exit_at_three),
                     "failing: seed 3 failed; FLY_TEST_SEED=3 runs it alone\n");
    FLY_CHECK_SAYS(complaint_of(abort_at_four), "failing: seed 4 ended with signal 6 (Aborted); "
                                                "FLY_TEST_SEED=4 runs it alone\n");
    FLY_CHECK_SAYS(complaint_of(hang_at_five),
                   "failing: seed 5 ended with signal 14 (Alarm clock)");
}
END_TEST

START_TEST(temporary_directories_are_new_each_time)
{
    char a[64];
    char b[64];
    fly_err err = {0};
    FLY_CHECK_OK(fly_test_temp_dir(a, sizeof a, &err), err);
    FLY_CHECK_OK(fly_test_temp_dir(b, sizeof b, &err), err);
    ck_assert_str_ne(a, b);
    FLY_CHECK_OK(fly_vfs_remove_tree(fly_vfs_posix(), a, &err), err);
    FLY_CHECK_OK(fly_vfs_remove_tree(fly_vfs_posix(), b, &err), err);
    FLY_CHECK(fly_test_temp_dir(a, 4, &err), FLY_E_TOO_LARGE, err);
    ck_assert_int_eq(setenv("TMPDIR", "/nowhere", 1), 0);
    FLY_CHECK(fly_test_temp_dir(a, sizeof a, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "\"/nowhere/fly-");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seeds");
    TCase *tests = fly_test_case(suite, "seeds");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, seeds_run_from_one_to_the_count);
    tcase_add_test(tests, rounds_multiply_and_are_at_least_one);
    tcase_add_test(tests, a_seed_from_the_environment_runs_alone_and_in_this_process);
    tcase_add_test(tests, however_a_seed_fails_it_is_named);
    tcase_add_test(tests, temporary_directories_are_new_each_time);
    return fly_test_run(suite);
}
