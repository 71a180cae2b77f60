/*
 * Goal: who has the password gets in, nobody else does, and nobody learns who exists; limits hold and
 * have PostgreSQL's words.
 * Method: an engine in memory, the client's side of SCRAM played by libauth, peers made up.
 */
#define _POSIX_C_SOURCE 200809L

#include <fly/net_server.h>

#include <fly/base_check.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_server *server;
static fly_server_login *entering; /* the login that in() left */
static fly_err err;

static const fly_server_peer local = {
    .protocol = "test", .host = "127.0.0.1", .port = 1, .loopback = true};
static const fly_server_peer far = {.protocol = "test", .host = "192.0.2.7", .port = 1};

static void run(const char *text)
{
    fly_sql_session *session = NULL;
    FLY_CHECK_OK(fly_sql_session_open(sql, NULL, &session, &err), err);
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err), err);
    fly_sql_session_close(session);
}

/* A verifier with few rounds: the tests are about the server, not about waiting. */
static void give(const char *user, const char *password)
{
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    FLY_CHECK_OK(fly_auth_scram_make(&env, fly_bytes_str(password), 4096, verifier, &err), err);
    FLY_CHECK_OK(fly_server_set_password(server, user, verifier, &err), err);
}

static void open_server(const fly_server_options *options)
{
    FLY_CHECK_OK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
                 err);
    FLY_CHECK_OK(fly_server_create(&env, sql, options, &server, &err), err);
    give("admin", "secret");
}

static void set_up(void)
{
    fly_env_init(&env);
    fly_account_init(&account, fly_mem_system(), "test", 0);
    env.mem = &account.mem;
    err = (fly_err){0};
    open_server(NULL);
}

static void tear_down(void)
{
    fly_server_destroy(server);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    fly_account_deinit(&account);
}

static void reopen(const fly_server_options *options)
{
    fly_server_destroy(server);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    open_server(options);
}

/* ------------------------------------------------------------------------- ways in */

static fly_status by_scram(const char *user, const char *password)
{
    fly_auth_client client;
    fly_bytes reply;
    char final[FLY_AUTH_MESSAGE_MAX];
    size_t len = 0;
    (void)user;
    FLY_CHECK_OK(fly_auth_client_begin(&client, &env, fly_bytes_str(""), fly_bytes_str(password),
                                       false, NULL, &err),
                 err);
    FLY_CHECK_OK(fly_server_login_mechanism(entering, fly_bytes_str("SCRAM-SHA-256"), &err), err);
    FLY_CHECK(fly_server_login_step(entering, fly_auth_client_first(&client), &reply, &err),
              FLY_E_AGAIN, err);
    FLY_CHECK_OK(fly_auth_client_final(&client, reply, final, &len, &err), err);
    fly_status status = fly_server_login_step(entering, fly_bytes_of(final, len), &reply, &err);
    if (status == FLY_OK) {
        FLY_CHECK_OK(fly_auth_client_verify(&client, reply, &err), err);
    }
    fly_auth_client_end(&client);
    return status;
}

/* Log in; NULL, and the reason in `err`. */
static fly_server_client *in(const fly_server_peer *peer, const char *user, const char *password,
                             const char *database, bool scram)
{
    fly_server_client *client = NULL;
    err = (fly_err){0};
    fly_status status =
        fly_server_login_begin(server, peer, user, database, scram, &entering, &err);
    if (status != FLY_OK) {
        return NULL;
    }
    if (fly_server_login_method(entering) == FLY_SERVER_SCRAM) {
        status = by_scram(user, password);
    } else {
        status = fly_server_login_password(entering, fly_bytes_str(password), &err);
    }
    if (status == FLY_OK) {
        status = fly_server_login_open(entering, &client, &err);
    }
    fly_server_login_end(entering);
    ck_assert((status == FLY_OK) == (client != NULL));
    return client;
}

static void refused(const char *sqlstate, const char *message)
{
    ck_assert_str_eq(err.sqlstate, sqlstate);
    ck_assert_str_eq(err.message, message);
}

START_TEST(the_password_lets_in_either_way)
{
    for (int scram = 0; scram <= 1; scram++) {
        fly_server_client *client = in(&local, "admin", "secret", NULL, scram == 1);
        ck_assert_msg(client != NULL, "%s", err.message);
        ck_assert_str_eq(fly_server_client_user(client), "admin");
        ck_assert_str_eq(fly_sql_session_user(fly_server_client_session(client)), "admin");
        fly_server_client_close(client);
    }
    fly_server_stats stats;
    fly_server_stats_read(server, &stats);
    ck_assert_uint_eq(stats.logins, 2);
    ck_assert_uint_eq(stats.derivations, 1);
    ck_assert_uint_eq(stats.clients, 0);
    ck_assert_uint_eq(stats.clients_peak, 1);
}
END_TEST

START_TEST(a_wrong_password_and_an_unknown_user_are_told_the_same)
{
    for (int scram = 0; scram <= 1; scram++) {
        ck_assert(in(&local, "admin", "wrong", NULL, scram == 1) == NULL);
        refused("28P01", "password authentication failed for user \"admin\"");
        ck_assert(in(&local, "nobody", "wrong", NULL, scram == 1) == NULL);
        refused("28P01", "password authentication failed for user \"nobody\"");
        ck_assert(in(&local, "reader", "wrong", NULL, scram == 1) == NULL); /* has none */
        refused("28P01", "password authentication failed for user \"reader\"");
        ck_assert(in(&local, "admin", "wrong", "no such database", scram == 1) == NULL);
        refused("28P01", "password authentication failed for user \"admin\"");
    }
    fly_server_stats stats;
    fly_server_stats_read(server, &stats);
    ck_assert_uint_eq(stats.refused, 8);
    ck_assert_uint_eq(stats.logging_in, 0);
}
END_TEST

START_TEST(who_is_proven_hears_what_else_is_wrong)
{
    ck_assert(in(&local, "admin", "secret", "nowhere", true) == NULL);
    refused("3D000", "database \"nowhere\" does not exist");
    run("CREATE ROLE sleeper NOLOGIN");
    give("sleeper", "secret");
    ck_assert(in(&local, "sleeper", "secret", NULL, true) == NULL);
    refused("28000", "role \"sleeper\" is not permitted to log in");
}
END_TEST

START_TEST(an_expired_password_is_a_wrong_one)
{
    run("CREATE ROLE late LOGIN VALID UNTIL '2001-01-01'");
    give("late", "secret");
    ck_assert(in(&local, "late", "secret", NULL, true) == NULL);
    refused("28P01", "password authentication failed for user \"late\"");
    run("ALTER ROLE late VALID UNTIL '2999-01-01'");
    fly_server_client *client = in(&local, "late", "secret", NULL, true);
    ck_assert_msg(client != NULL, "%s", err.message);
    fly_server_client_close(client);
}
END_TEST

START_TEST(a_users_sessions_are_limited)
{
    run("CREATE ROLE two LOGIN CONNECTION LIMIT 2");
    give("two", "secret");
    fly_server_client *a = in(&local, "two", "secret", NULL, true);
    fly_server_client *b = in(&local, "two", "secret", NULL, true);
    ck_assert(a != NULL && b != NULL);
    ck_assert(in(&local, "two", "secret", NULL, true) == NULL);
    refused("53300", "too many connections for role \"two\"");
    fly_server_client_close(a);
    a = in(&local, "two", "secret", NULL, true);
    ck_assert(a != NULL);
    fly_server_client_close(b);
    fly_server_client_close(a);
}
END_TEST

START_TEST(all_sessions_are_limited_and_some_are_kept_for_superusers)
{
    reopen(&(fly_server_options){.sessions_max = 3, .sessions_reserved = 1});
    run("CREATE ROLE bob LOGIN");
    give("bob", "secret");
    fly_server_client *clients[3];
    clients[0] = in(&local, "bob", "secret", NULL, true);
    clients[1] = in(&local, "bob", "secret", NULL, true);
    ck_assert(clients[0] != NULL && clients[1] != NULL);
    ck_assert(in(&local, "bob", "secret", NULL, true) == NULL);
    refused("53300", "remaining connection slots are reserved for non-replication superuser "
                     "connections");
    clients[2] = in(&local, "admin", "secret", NULL, true);
    ck_assert(clients[2] != NULL);
    ck_assert(in(&local, "admin", "secret", NULL, true) == NULL);
    refused("53300", "sorry, too many clients already");
    for (int i = 0; i < 3; i++) {
        fly_server_client_close(clients[i]);
    }
}
END_TEST

START_TEST(a_draining_server_lets_nobody_in)
{
    fly_server_drain(server);
    ck_assert(in(&local, "admin", "secret", NULL, true) == NULL);
    refused("57P03", "the database system is shutting down");
}
END_TEST

/* ------------------------------------------------------------------------- channels */

START_TEST(passwords_do_not_travel_in_clear)
{
    fly_server_peer peer = far;
    ck_assert(in(&peer, "admin", "secret", NULL, false) == NULL);
    refused("28000", "the connection from host \"192.0.2.7\" is not encrypted");
    fly_server_client *client = in(&peer, "admin", "secret", NULL, true);
    ck_assert(client != NULL); /* SCRAM sends none */
    fly_server_client_close(client);
    peer.tls = true;
    client = in(&peer, "admin", "secret", NULL, false);
    ck_assert(client != NULL);
    fly_server_client_close(client);
    reopen(&(fly_server_options){.passwords_in_clear = true});
    client = in(&far, "admin", "secret", NULL, false);
    ck_assert(client != NULL);
    fly_server_client_close(client);
    reopen(&(fly_server_options){.tls_only = true});
    ck_assert(in(&far, "admin", "secret", NULL, true) == NULL);
    refused("28000", "the connection from host \"192.0.2.7\" is not encrypted");
}
END_TEST

START_TEST(steps_out_of_order_end_a_login)
{
    fly_bytes reply;
    FLY_CHECK_OK(fly_server_login_begin(server, &local, "admin", NULL, true, &entering, &err), err);
    FLY_CHECK(fly_server_login_password(entering, fly_bytes_str("secret"), &err), FLY_E_INVALID,
              err);
    ck_assert_str_eq(err.sqlstate, "08P01");
    FLY_CHECK(fly_server_login_mechanism(entering, fly_bytes_str("SCRAM-SHA-256"), &err),
              FLY_E_INVALID, err);
    fly_server_login_end(entering);
    FLY_CHECK_OK(fly_server_login_begin(server, &local, "admin", NULL, true, &entering, &err), err);
    FLY_CHECK(fly_server_login_step(entering, fly_bytes_str("n,,n=,r=x"), &reply, &err),
              FLY_E_INVALID, err);
    fly_server_login_end(entering);
    FLY_CHECK_OK(fly_server_login_begin(server, &local, "admin", NULL, true, &entering, &err), err);
    ck_assert(!fly_server_login_plus(entering));
    FLY_CHECK(fly_server_login_mechanism(entering, fly_bytes_str("SCRAM-SHA-256-PLUS"), &err),
              FLY_E_INVALID, err);
    refused("08P01", "client selected an invalid SASL authentication mechanism");
    FLY_CHECK(fly_server_login_expired(entering, &err), FLY_E_TIMEOUT, err);
    refused("57014", "canceling authentication due to timeout");
    fly_server_login_end(entering);
}
END_TEST

/* ------------------------------------------------------------------------- idling */

START_TEST(idling_ends_as_the_settings_say)
{
    fly_server_client *client = in(&local, "admin", "secret", NULL, true);
    fly_sql_session *session = fly_server_client_session(client);
    ck_assert_uint_eq(fly_server_client_idle_ns(client), 0);
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str("SET idle_session_timeout = '2s'"), NULL,
                                 NULL, &err),
                 err);
    ck_assert_uint_eq(fly_server_client_idle_ns(client), UINT64_C(2000000000));
    FLY_CHECK(fly_server_client_idled(client, &err), FLY_E_TIMEOUT, err);
    refused("57P05", "terminating connection due to idle-session timeout");
    FLY_CHECK_OK(fly_sql_execute(
                     session, fly_bytes_str("SET idle_in_transaction_session_timeout = 500; BEGIN"),
                     NULL, NULL, &err),
                 err);
    ck_assert_uint_eq(fly_server_client_idle_ns(client), UINT64_C(500000000));
    FLY_CHECK(fly_server_client_idled(client, &err), FLY_E_TIMEOUT, err);
    refused("25P03", "terminating connection due to idle-in-transaction timeout");
    fly_server_client_close(client);
    reopen(&(fly_server_options){.idle_ms = 7, .statement_ms = 1234});
    client = in(&local, "admin", "secret", NULL, true);
    ck_assert_uint_eq(fly_server_client_idle_ns(client), 7000000);
    ck_assert_str_eq(
        fly_sql_session_setting(fly_server_client_session(client), "statement_timeout"), "1234");
    fly_server_client_close(client);
}
END_TEST

/* --------------------------------------------------------------------- many failures */

START_TEST(who_fails_on_and_on_has_to_wait_and_others_do_not)
{
    run("CREATE ROLE bob LOGIN");
    give("bob", "secret");
    fly_server_client *client = in(&far, "bob", "secret", NULL, true);
    ck_assert(client != NULL); /* known here from now on */
    fly_server_client_close(client);
    int tried = 0;
    while (tried < 10000) {
        tried++;
        ck_assert(in(&far, "admin", "wrong", NULL, true) == NULL);
    }
    refused("28000", "too many failed logins for user \"admin\"");
    FLY_CHECK_SAYS(err.hint, "Try again in");
    client = in(&far, "bob", "secret", NULL, true);
    ck_assert_msg(client != NULL, "%s", err.message);
    fly_server_client_close(client);
    client = in(&local, "admin", "secret", NULL, true); /* from elsewhere */
    ck_assert_msg(client != NULL, "%s", err.message);
    fly_server_client_close(client);
    fly_server_stats stats;
    fly_server_stats_read(server, &stats);
    ck_assert_uint_gt(stats.throttled, 9900);
    ck_assert_uint_lt(stats.refused, 100);
}
END_TEST

START_TEST(logins_that_were_opened_before_do_not_guess_more)
{
    fly_server_login *logins[50];
    int guesses = 0;
    for (int i = 0; i < 50; i++) {
        FLY_CHECK_OK(fly_server_login_begin(server, &far, "admin", NULL, true, &logins[i], &err),
                     err);
    }
    for (int i = 0; i < 50; i++) {
        entering = logins[i];
        FLY_CHECK(by_scram("admin", "wrong"), FLY_E_INVALID, err);
        guesses += strcmp(err.sqlstate, "28P01") == 0;
        ck_assert(guesses == i + 1 || strcmp(err.sqlstate, "28000") == 0);
        fly_server_login_end(logins[i]);
    }
    ck_assert_int_le(guesses, 10);
}
END_TEST

START_TEST(passwords_are_generated_and_asked_for)
{
    bool has = true;
    FLY_CHECK_OK(fly_server_has_password(server, "reader", &has, &err), err);
    ck_assert(!has);
    FLY_CHECK_OK(fly_server_has_password(server, "admin", &has, &err), err);
    ck_assert(has);
    FLY_CHECK_OK(fly_server_set_password(server, "admin", "another", &err), err);
    fly_server_client *client = in(&local, "admin", "another", NULL, false);
    ck_assert(client != NULL);
    fly_server_client_close(client);
    FLY_CHECK(fly_server_set_password(server, "nobody", "another", &err), FLY_E_INVALID, err);
    refused("42704", "role \"nobody\" does not exist");
}
END_TEST

START_TEST(a_policy_holds_for_statements_and_passwords_are_prepared)
{
    fly_auth_policy policy = {.length_min = 10};
    reopen(&(fly_server_options){.policy = &policy});
    fly_server_client *client = in(&local, "admin", "secret", NULL, true);
    fly_sql_session *session = fly_server_client_session(client);
    fly_bytes text = fly_bytes_str("CREATE ROLE eve LOGIN PASSWORD 'too short'");
    FLY_CHECK(fly_sql_execute(session, text, NULL, NULL, &err), FLY_E_INVALID, err);
    refused("22023", "password is too short");
    text = fly_bytes_str("CREATE ROLE eve LOGIN PASSWORD 'about Eve herself'");
    FLY_CHECK(fly_sql_execute(session, text, NULL, NULL, &err), FLY_E_INVALID, err);
    refused("22023", "password must not contain user name");
    text = fly_bytes_str("SET scram_iterations = 4096; "
                         "CREATE ROLE eve LOGIN PASSWORD 'long enough \u2168'");
    FLY_CHECK_OK(fly_sql_execute(session, text, NULL, NULL, &err), err);
    text = fly_bytes_str("SET scram_iterations = 0");
    FLY_CHECK(fly_sql_execute(session, text, NULL, NULL, &err), FLY_E_INVALID, err);
    fly_server_client_close(client);
    client = in(&local, "eve", "long enough IX", NULL, true);
    ck_assert_msg(client != NULL, "%s", err.message);
    fly_server_client_close(client);
    client = in(&local, "eve", "long enough \u2168", NULL, false);
    ck_assert_msg(client != NULL, "%s", err.message);
    fly_server_client_close(client);
}
END_TEST

/* ------------------------------------------------------------------------ audit trail */

START_TEST(logins_and_definitions_are_told_without_passwords)
{
    static char text[64 * 1024];
    fly_vfs *vfs = fly_vfs_mem_create(env.mem);
    fly_vfs *os = env.vfs;
    fly_file *file = NULL;
    size_t len = 0;
    fly_auth_audit_report report;
    ck_assert(vfs != NULL);
    fly_server_destroy(server);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    env.vfs = vfs;
    open_server(&(fly_server_options){.dir = "d", .audit = true});

    ck_assert(in(&local, "admin", "wrong", NULL, true) == NULL);
    fly_server_client *client = in(&local, "admin", "secret", NULL, true);
    ck_assert(client != NULL);
    FLY_CHECK_OK(fly_sql_execute(fly_server_client_session(client),
                                 fly_bytes_str("CREATE TABLE t (a int); SELECT 1; "
                                               "SET application_name = 'x'; "
                                               "COMMENT ON TABLE t IS 'the PassWord is hunter2'"),
                                 NULL, NULL, &err),
                 err);
    fly_server_client_close(client);
    run("CREATE ROLE bob LOGIN");
    give("bob", "secret");
    client = in(&local, "bob", "secret", NULL, true);
    FLY_CHECK(fly_sql_execute(fly_server_client_session(client), fly_bytes_str("SELECT * FROM t"),
                              NULL, NULL, &err),
              FLY_E_INVALID, err);
    fly_server_client_close(client);
    fly_server_audit_sync(server);
    FLY_CHECK_OK(fly_auth_audit_verify(&env, "d", NULL, &report, &err), err);
    ck_assert_uint_eq(report.lines, 9);
    FLY_CHECK_OK(fly_file_open(vfs, "d/audit.log", 0, &file, &err), err);
    FLY_CHECK_OK(fly_file_read_some(file, 0, text, sizeof text - 1, &len, &err), err);
    fly_file_abandon(file);
    FLY_CHECK_SAYS(text, "\"event\":\"login\",\"severity\":\"warning\",\"user\":\"admin\","
                         "\"database\":\"default\",\"from\":\"127.0.0.1:1\",\"protocol\":\"test\","
                         "\"outcome\":\"28P01\"");
    FLY_CHECK_SAYS(text, "\"outcome\":\"ok\",\"text\":\"CREATE TABLE t (a int)\"");
    FLY_CHECK_SAYS(text, "\"text\":\"COMMENT ON TABLE t IS 'the \"");
    FLY_CHECK_SAYS(text, "\"event\":\"logout\"");
    FLY_CHECK_SAYS(text, "\"event\":\"denied\",\"severity\":\"warning\",\"user\":\"bob\"");
    FLY_CHECK_SAYS(text, "\"outcome\":\"42501\",\"text\":\"SELECT * FROM t\"");
    ck_assert(strstr(text, "hunter2") == NULL);
    ck_assert(strstr(text, "application_name") == NULL);

    fly_server_destroy(server);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    fly_vfs_destroy(vfs);
    env.vfs = os;
    open_server(NULL);
}
END_TEST

/* ------------------------------------------------------------------------ many at once */

enum { CROWD = 4 };

struct visitor {
    fly_thread thread;
    uint32_t tries;
    uint32_t entered;
};

/* As in(), but of this thread alone, by password or not. */
static bool visit(const fly_server_peer *peer, const char *user, const char *password)
{
    fly_server_login *login = NULL;
    fly_server_client *client = NULL;
    fly_status status = fly_server_login_begin(server, peer, user, NULL, false, &login, NULL);
    if (status == FLY_OK) {
        status = fly_server_login_password(login, fly_bytes_str(password), NULL);
    }
    if (status == FLY_OK) {
        status = fly_server_login_open(login, &client, NULL);
    }
    fly_server_login_end(login);
    fly_server_client_close(client);
    return status == FLY_OK;
}

static void intrude(void *arg)
{
    struct visitor *me = arg;
    for (uint32_t i = 0; i < me->tries; i++) {
        fly_server_peer peer = {.protocol = "test", .tls = true};
        (void)snprintf(peer.host, sizeof peer.host, "198.51.%u.%u", i / 256 % 256, i % 256);
        me->entered += visit(&peer, "admin", "wrong");
    }
}

START_TEST(ten_thousand_wrong_passwords_do_not_keep_the_owner_out)
{
    static struct visitor crowd[CROWD];
    ck_assert(visit(&local, "admin", "secret"));
    for (int i = 0; i < CROWD; i++) {
        crowd[i].tries = 10000 / CROWD;
        FLY_CHECK_OK(
            fly_thread_start(env.sched, &crowd[i].thread, "intruder", intrude, &crowd[i], &err),
            err);
    }
    int entered = 0;
    for (int i = 0; i < 5; i++) {
        entered += visit(&local, "admin", "secret");
    }
    for (int i = 0; i < CROWD; i++) {
        fly_thread_join(&crowd[i].thread);
        ck_assert_uint_eq(crowd[i].entered, 0);
    }
    ck_assert_int_eq(entered, 5);
    fly_server_stats stats;
    fly_server_stats_read(server, &stats);
    ck_assert_uint_eq(stats.logging_in, 0);
    ck_assert_uint_eq(stats.refused + stats.throttled + stats.turned_away, 10000);
    ck_assert_uint_lt(stats.derivations, 1000); /* the account waits: most cost nothing */
}
END_TEST

static uint64_t processor_time(void)
{
    struct timespec time;
    ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), 0);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Of one login that fails: the least of three. */
static uint64_t cost_of(const char *user)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        fly_server_peer peer = local;
        (void)snprintf(peer.host, sizeof peer.host, "127.0.0.%d", i + 2);
        uint64_t before = processor_time();
        ck_assert(!visit(&peer, user, "wrong"));
        uint64_t took = processor_time() - before;
        least = took < least ? took : least;
    }
    return least;
}

START_TEST(an_unknown_user_takes_as_long_as_a_known_one)
{
    /* Rounds as a server makes them by itself. */
    FLY_CHECK_OK(fly_server_set_password(server, "admin", "secret", &err), err);
    uint64_t known = cost_of("admin");
    uint64_t unknown = cost_of("nobody");
    uint64_t without = cost_of("reader");
    ck_assert_msg(unknown > known / 2 && unknown < known * 2, "known %d us, unknown %d us",
                  (int)(known / 1000), (int)(unknown / 1000));
    ck_assert_msg(without > known / 2 && without < known * 2, "known %d us, without %d us",
                  (int)(known / 1000), (int)(without / 1000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *tests = fly_test_case(suite, "logins");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_password_lets_in_either_way);
    tcase_add_test(tests, a_wrong_password_and_an_unknown_user_are_told_the_same);
    tcase_add_test(tests, who_is_proven_hears_what_else_is_wrong);
    tcase_add_test(tests, an_expired_password_is_a_wrong_one);
    tcase_add_test(tests, a_users_sessions_are_limited);
    tcase_add_test(tests, all_sessions_are_limited_and_some_are_kept_for_superusers);
    tcase_add_test(tests, a_draining_server_lets_nobody_in);
    tcase_add_test(tests, passwords_do_not_travel_in_clear);
    tcase_add_test(tests, steps_out_of_order_end_a_login);
    tcase_add_test(tests, idling_ends_as_the_settings_say);
    tcase_add_test(tests, who_fails_on_and_on_has_to_wait_and_others_do_not);
    tcase_add_test(tests, logins_that_were_opened_before_do_not_guess_more);
    tcase_add_test(tests, passwords_are_generated_and_asked_for);
    tcase_add_test(tests, ten_thousand_wrong_passwords_do_not_keep_the_owner_out);
    tcase_add_test(tests, an_unknown_user_takes_as_long_as_a_known_one);
    tcase_add_test(tests, a_policy_holds_for_statements_and_passwords_are_prepared);
    tcase_add_test(tests, logins_and_definitions_are_told_without_passwords);
    return fly_test_run(suite);
}
