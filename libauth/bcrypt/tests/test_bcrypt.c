/*
 * Goal: the password fits and no other does; verifiers of another implementation are understood; what is
 * beyond the bounds is refused before it costs anything.
 * Method: verifiers made by another implementation, forged ones.
 */
#include <fly/auth_bcrypt.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <string.h>

static fly_err err;
static fly_sim_env world;
static const fly_auth_scheme *schemes[2];

/* Of "password". */
static const char elsewhere[] = "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm";

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 7});
    schemes[0] = fly_auth_bcrypt_scheme();
}

static void tear_down(void)
{
    fly_sim_env_deinit(&world);
}

static fly_status check(const char *verifier, fly_bytes password, bool *matches)
{
    err = (fly_err){0};
    return fly_auth_check(&world.env, fly_bytes_str(verifier), password, schemes, matches, &err);
}

static bool fits(const char *verifier, fly_bytes password)
{
    bool matches = false;
    FLY_CHECK_OK(check(verifier, password, &matches), err);
    return matches;
}

START_TEST(the_password_fits_and_no_other)
{
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    FLY_CHECK_OK(schemes[0]->make(&world.env, fly_bytes_str("correct horse"), 0, verifier, &err),
                 err);
    ck_assert_int_eq(fly_auth_kind_of(fly_bytes_str(verifier)), schemes[0]->kind);
    ck_assert(strncmp(verifier, "$2b$10$", strlen("$2b$10$")) == 0);
    ck_assert(fits(verifier, fly_bytes_str("correct horse")));
    ck_assert(!fits(verifier, fly_bytes_str("correct horsf")));
    ck_assert(!fits(verifier, (fly_bytes){0}));
}
END_TEST

START_TEST(a_verifier_from_elsewhere_is_understood)
{
    ck_assert(fits(elsewhere, fly_bytes_str("password")));
    ck_assert(!fits(elsewhere, fly_bytes_str("passwordx")));
}
END_TEST

static const char *const forgeries[] = {
    "$2b$17$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    "$2b$03$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    "$2b$99$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"};

START_TEST(what_is_beyond_the_bounds_is_refused)
{
    bool matches = false;
    FLY_CHECK(check(forgeries[_i], fly_bytes_str("x"), &matches), FLY_E_INVALID, err);
}
END_TEST

START_TEST(passwords_and_costs_have_bounds)
{
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    static const char endless[FLY_AUTH_PASSWORD_MAX + 1] = "x";
    FLY_CHECK(schemes[0]->make(&world.env, (fly_bytes){0}, 0, verifier, &err), FLY_E_INVALID, err);
    FLY_CHECK(
        schemes[0]->make(&world.env, fly_bytes_of(endless, sizeof endless), 0, verifier, &err),
        FLY_E_INVALID, err);
    FLY_CHECK(schemes[0]->make(&world.env, fly_bytes_str("x"), 17, verifier, &err), FLY_E_INVALID,
              err);
    char half[] = {'a', 0, 'b'};
    FLY_CHECK(schemes[0]->make(&world.env, fly_bytes_of(half, sizeof half), 0, verifier, &err),
              FLY_E_INVALID, err);

    FLY_CHECK(schemes[0]->make(&world.env, fly_bytes_str("x"), 9, verifier, &err), FLY_E_INVALID,
              err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bcrypt");
    TCase *tests = fly_test_case(suite, "verifiers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_password_fits_and_no_other);
    tcase_add_test(tests, a_verifier_from_elsewhere_is_understood);
    tcase_add_loop_test(tests, what_is_beyond_the_bounds_is_refused, 0,
                        sizeof forgeries / sizeof forgeries[0]);
    tcase_add_test(tests, passwords_and_costs_have_bounds);
    return fly_test_run(suite);
}
