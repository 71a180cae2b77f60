/*
 * Goal: the real world is there after fly_env_init(), and log lines reach whoever wants them.
 * Method: ask each function once; a log and a source of randomness of our own.
 */
#include <fly/base_env.h>

#include <fly/base_check.h>

#include <string.h>

static fly_env env;
static char logged[2048];
static int lines;

static void note_line(fly_env *from, fly_log_level level, const char *line)
{
    ck_assert_ptr_eq(from, &env);
    lines++;
    ck_assert_uint_lt(strlen(line), sizeof logged);
    strcpy(logged, line);
    ck_assert_int_ge(level, from->log_level);
}

static fly_status no_random(fly_env *from, void *buffer, size_t len, fly_err *err)
{
    (void)from;
    (void)buffer;
    (void)len;
    return fly_err_set(err, FLY_E_IO, "no randomness");
}

static fly_status zero_random(fly_env *from, void *buffer, size_t len, fly_err *err)
{
    (void)from;
    (void)err;
    memset(buffer, 0, len);
    return FLY_OK;
}

static void setup(void)
{
    fly_env_init(&env);
}

START_TEST(the_real_world_is_complete)
{
    ck_assert_ptr_eq(env.vfs, fly_vfs_posix());
    ck_assert_ptr_eq(env.mem, fly_mem_system());
    ck_assert_ptr_eq(env.sched, fly_sched_os());
    ck_assert_ptr_null(env.trace);
    ck_assert(env.log != NULL);
}
END_TEST

START_TEST(wall_time_counts_microseconds_since_1970)
{
    uint64_t year = 31556952000000;
    uint64_t before = env.wall_time(&env);
    ck_assert_uint_gt(before, 50 * year);
    ck_assert_uint_lt(before, 500 * year);
    fly_sleep(2000000);
    ck_assert_uint_ge(env.wall_time(&env), before + 2000);
}
END_TEST

START_TEST(random_bytes_fill_the_buffer_and_nothing_else)
{
    uint8_t seen[64] = {0};
    for (int round = 0; round < 20; round++) {
        uint8_t bytes[66] = {0};
        ck_assert_int_eq(env.random(&env, bytes + 1, 64, NULL), FLY_OK);
        ck_assert_uint_eq(bytes[0], 0);
        ck_assert_uint_eq(bytes[65], 0);
        for (int i = 0; i < 64; i++) {
            seen[i] |= bytes[i + 1];
        }
    }
    for (int i = 0; i < 64; i++) { /* twenty random bytes are not all zero */
        ck_assert_uint_ne(seen[i], 0);
    }
    ck_assert_uint_ne(fly_env_random_u64(&env), fly_env_random_u64(&env));
}
END_TEST

START_TEST(zero_means_that_there_was_no_randomness)
{
    env.random = no_random;
    ck_assert_uint_eq(fly_env_random_u64(&env), 0);
    env.random = zero_random;
    ck_assert_uint_eq(fly_env_random_u64(&env), 1);
}
END_TEST

START_TEST(lines_below_the_level_are_not_made)
{
    env.log = note_line;
    fly_log(&env, FLY_LOG_INFO, "quiet");
    ck_assert_int_eq(lines, 0);
    fly_log(&env, FLY_LOG_WARNING, "page %d is %s", 3, "damaged");
    ck_assert_int_eq(lines, 1);
    ck_assert_str_eq(logged, "page 3 is damaged");
    env.log_level = FLY_LOG_DEBUG;
    fly_log(&env, FLY_LOG_DEBUG, "loud");
    ck_assert_int_eq(lines, 2);
}
END_TEST

START_TEST(a_world_without_a_log_is_silent)
{
    env.log = NULL;
    fly_log(&env, FLY_LOG_ERROR, "nobody hears this");
}
END_TEST

START_TEST(long_lines_are_cut)
{
    char line[3000];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    env.log = note_line;
    fly_log(&env, FLY_LOG_ERROR, "%s", line);
    ck_assert_uint_eq(strlen(logged), 1023);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("env");
    TCase *tests = fly_test_case(suite, "env");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, the_real_world_is_complete);
    tcase_add_test(tests, wall_time_counts_microseconds_since_1970);
    tcase_add_test(tests, random_bytes_fill_the_buffer_and_nothing_else);
    tcase_add_test(tests, zero_means_that_there_was_no_randomness);
    tcase_add_test(tests, lines_below_the_level_are_not_made);
    tcase_add_test(tests, a_world_without_a_log_is_silent);
    tcase_add_test(tests, long_lines_are_cut);
    return fly_test_run(suite);
}
