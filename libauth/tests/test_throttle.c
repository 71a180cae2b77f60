/*
 * Goal: pauses grow, end by themselves, and meet whoever fails rather than whoever does not; a flood of
 * names does not make the throttle forget who fails most.
 * Method: times are passed in, so a day takes no time.
 */
#include <fly/auth_throttle.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <stdio.h>
#include <string.h>

static const uint64_t ms = 1000000;
static const uint64_t start = 5000 * UINT64_C(1000000000);

static fly_err err;
static fly_sim_env world;
static fly_auth_throttle *throttle;

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 6});
    fly_auth_throttle_options options = {.entries = 64,
                                         .free_failures = 3,
                                         .free_by_address = 6,
                                         .free_by_account = 8,
                                         .first_ms = 100,
                                         .longest_ms = 1000,
                                         .account_ms = 200,
                                         .forget_ms = 60000};
    FLY_CHECK_OK(fly_auth_throttle_create(&world.env, &options, &throttle, &err), err);
}

static void tear_down(void)
{
    fly_auth_throttle_destroy(throttle);
    fly_sim_env_deinit(&world);
}

static uint64_t wait_of(const char *account, const char *address, uint64_t now)
{
    return fly_auth_throttle_pause(throttle, fly_bytes_str(account), fly_bytes_str(address), now);
}

static void failed(const char *account, const char *address, uint64_t now, int times)
{
    for (int i = 0; i < times; i++) {
        fly_auth_throttle_failed(throttle, fly_bytes_str(account), fly_bytes_str(address), now);
    }
}

static void succeed(const char *account, const char *address, uint64_t now)
{
    fly_auth_throttle_succeeded(throttle, fly_bytes_str(account), fly_bytes_str(address), now);
}

START_TEST(some_failures_are_free_and_then_pauses_double_up_to_a_limit)
{
    static const uint64_t wanted[] = {0, 0, 0, 100, 200, 400, 800, 1000, 1000};
    for (int i = 0; i < 9; i++) {
        failed("a", "x", start, 1);
        ck_assert_uint_eq(wait_of("a", "x", start), wanted[i] * ms);
    }
    failed("a", "x", start, 100000); /* and no further */
    ck_assert_uint_eq(wait_of("a", "x", start), 1000 * ms);
}
END_TEST

START_TEST(a_pause_ends_and_is_forgotten)
{
    failed("a", "x", start, 5);
    ck_assert_uint_eq(wait_of("a", "x", start + 150 * ms), 50 * ms);
    ck_assert_uint_eq(wait_of("a", "x", start + 200 * ms), 0);
    failed("a", "x", start + 60001 * ms, 3);
    ck_assert_uint_eq(wait_of("a", "x", start + 60001 * ms), 0);
}
END_TEST

START_TEST(an_address_that_tries_many_accounts_waits)
{
    for (int i = 0; i < 7; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "user%d", i);
        ck_assert_uint_eq(wait_of(name, "x", start), 0);
        failed(name, "x", start, 1);
    }
    ck_assert_uint_eq(wait_of("another", "x", start), 100 * ms);
    ck_assert_uint_eq(wait_of("another", "y", start), 0);
    ck_assert_uint_eq(wait_of("another", "", start), 0);
}
END_TEST

START_TEST(an_account_tried_from_many_places_waits_but_not_for_long)
{
    for (int i = 0; i < 500; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "%d", i);
        failed("a", address, start, 1);
    }
    ck_assert_uint_eq(wait_of("a", "new", start), 200 * ms);
    ck_assert_uint_eq(wait_of("b", "new", start), 0);
}
END_TEST

START_TEST(who_is_known_somewhere_does_not_wait_for_others)
{
    succeed("a", "home", start);
    for (int i = 0; i < 100; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "%d", i);
        failed("a", address, start, 1); /* somebody tries the account */
        failed("b", "home", start, 1);  /* and somebody at home tries others */
    }
    ck_assert_uint_eq(wait_of("a", "home", start), 0);
    ck_assert_uint_gt(wait_of("a", "elsewhere", start), 0);
    ck_assert_uint_gt(wait_of("c", "home", start), 0);
    failed("a", "home", start, 4); /* its own failures count */
    ck_assert_uint_eq(wait_of("a", "home", start), 100 * ms);
    succeed("a", "home", start);
    ck_assert_uint_eq(wait_of("a", "home", start), 0);
}
END_TEST

START_TEST(a_clock_read_before_somebody_elses_login_is_no_reason_to_wait)
{
    succeed("a", "x", start + ms);
    failed("b", "x", start + ms, 1);
    ck_assert_uint_eq(wait_of("a", "x", start), 0);
    ck_assert_uint_eq(wait_of("b", "x", start), 0);
}
END_TEST

START_TEST(a_flood_of_names_does_not_make_it_forget_who_fails_most)
{
    failed("a", "x", start, 50);
    for (int i = 0; i < 20000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%d", i);
        failed(name, name, start, 1);
    }
    ck_assert_uint_eq(wait_of("a", "x", start), 1000 * ms);
}
END_TEST

static fly_status work(fly_sim_env *sim, void *ctx)
{
    fly_auth_throttle *made = NULL;
    (void)ctx;
    fly_status status = fly_auth_throttle_create(&sim->env, NULL, &made, &err);
    fly_auth_throttle_destroy(made);
    return status;
}

START_TEST(without_memory_there_is_none)
{
    ck_assert(fly_test_each_fault("throttle", NULL, work, NULL, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("throttle");
    TCase *tests = fly_test_case(suite, "pauses");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, some_failures_are_free_and_then_pauses_double_up_to_a_limit);
    tcase_add_test(tests, a_pause_ends_and_is_forgotten);
    tcase_add_test(tests, an_address_that_tries_many_accounts_waits);
    tcase_add_test(tests, an_account_tried_from_many_places_waits_but_not_for_long);
    tcase_add_test(tests, who_is_known_somewhere_does_not_wait_for_others);
    tcase_add_test(tests, a_clock_read_before_somebody_elses_login_is_no_reason_to_wait);
    tcase_add_test(tests, a_flood_of_names_does_not_make_it_forget_who_fails_most);
    tests = fly_test_case(suite, "memory");
    tcase_add_test(tests, without_memory_there_is_none);
    return fly_test_run(suite);
}
