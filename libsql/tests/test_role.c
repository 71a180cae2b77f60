/*
 * Goal: who there is, and who may what: roles last, roll back with their transactions, and are asked for
 * by whoever logs users in.
 * Method: engines in memory and on the simulated disk, sessions of several users beside each other.
 */
#include <fly/sql.h>

#include <fly/base_check.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_err err;

static void open_engine(const char *path)
{
    err = (fly_err){0};
    ck_assert_msg(fly_sql_open(&env, path, &(fly_sql_options){.create = true}, &sql, &err) ==
                      FLY_OK,
                  "%s", err.message);
}

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, fly_mem_system(), "test", 0);
    env.mem = &account.mem;
    open_engine(":memory:");
}

static void teardown(void)
{
    ck_assert_int_eq(fly_sql_close(sql, &err), FLY_OK);
    fly_account_deinit(&account);
}

static fly_sql_session *session_of(const char *user)
{
    fly_sql_session *session = NULL;
    err = (fly_err){0};
    fly_status status =
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = user}, &session, &err);
    ck_assert_msg(status == FLY_OK, "session of %s: %s", user, err.message);
    return session;
}

/* ------------------------------------------------------------- from outside */

START_TEST(a_new_directory_has_an_administrator_without_a_password)
{
    fly_sql_role role;
    ck_assert_int_eq(fly_sql_role_find(sql, "admin", &role, &err), FLY_OK);
    ck_assert_uint_eq(role.oid, 10);
    ck_assert(role.superuser && role.login && !role.has_verifier);
    ck_assert_int_eq(role.connection_limit, -1);
    ck_assert(role.valid_until == INT64_MAX);
    ck_assert_int_eq(fly_sql_role_find(sql, "reader", &role, &err), FLY_OK);
    ck_assert(!role.superuser && !role.login);
    ck_assert_int_eq(fly_sql_role_find(sql, "nobody", &role, &err), FLY_E_NOT_FOUND);
}
END_TEST

START_TEST(a_verifier_is_given_and_taken)
{
    fly_sql_role role;
    ck_assert_int_eq(fly_sql_role_set_verifier(sql, "admin", "SCRAM-SHA-256$4096:x", &err), FLY_OK);
    ck_assert_int_eq(fly_sql_role_find(sql, "admin", &role, &err), FLY_OK);
    ck_assert(role.has_verifier);
    ck_assert_str_eq(role.verifier, "SCRAM-SHA-256$4096:x");
    ck_assert_int_eq(fly_sql_role_set_verifier(sql, "admin", NULL, &err), FLY_OK);
    ck_assert_int_eq(fly_sql_role_find(sql, "admin", &role, &err), FLY_OK);
    ck_assert(!role.has_verifier);
    ck_assert_int_eq(fly_sql_role_set_verifier(sql, "nobody", "x", &err), FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "42704");
}
END_TEST

START_TEST(only_roles_that_may_log_in_have_sessions)
{
    fly_sql_session *session = NULL;
    fly_sql_session_close(session_of(NULL));
    fly_sql_session_close(session_of("admin"));
    ck_assert_int_eq(
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = "nobody"}, &session, &err),
        FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "28000");
    ck_assert_str_eq(err.message, "role \"nobody\" does not exist");
    ck_assert_int_eq(
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = "reader"}, &session, &err),
        FLY_E_INVALID);
    ck_assert_str_eq(err.message, "role \"reader\" is not permitted to log in");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("role");
    TCase *outside = fly_test_case(suite, "outside");
    tcase_add_checked_fixture(outside, setup, teardown);
    tcase_add_test(outside, a_new_directory_has_an_administrator_without_a_password);
    tcase_add_test(outside, a_verifier_is_given_and_taken);
    tcase_add_test(outside, only_roles_that_may_log_in_have_sessions);
    return fly_test_run(suite);
}
