/*
 * Goal: the exchange is RFC 7677's to the byte; a right password proves itself, nothing else does; a
 * server that does not know the password is noticed; no message out of the grammar gets anywhere.
 * Method: the RFC's example with its nonces put in place; both sides against each other; a table of
 * hostile messages, and every byte of good ones changed.
 */
#include <fly/auth.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <stdio.h>
#include <string.h>

static const char verifier[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                               "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                               "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
static const char client_first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char server_first[] =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char client_final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static const fly_auth_binding certificate = {.len = 32, .hash = {1, 2, 3}};

static fly_err err;
static fly_sim_env world;
static fly_auth_scram scram;
static fly_auth_server server;
static fly_auth_client client;
static char reply[FLY_AUTH_MESSAGE_MAX];
static size_t reply_len;
static bool proven;

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 4});
    FLY_CHECK_OK(fly_auth_scram_decode(fly_bytes_str(verifier), &scram, &err), err);
}

static void tear_down(void)
{
    fly_auth_client_end(&client);
    fly_sim_env_deinit(&world);
}

static bool equals(fly_bytes text, const char *wanted)
{
    return fly_bytes_equal(text, fly_bytes_str(wanted));
}

/* A server that answers with the nonce of the RFC. */
static void rfc_server(void)
{
    FLY_CHECK_OK(fly_auth_server_begin(&server, &world.env, &scram, false, NULL, &err), err);
    memcpy(server.nonce, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", 25); /* its first 24 characters */
    server.nonce[24] = 0;
}

START_TEST(the_server_speaks_as_rfc_7677_shows)
{
    /* Its nonce is longer than ours, so the whole reply is put in place. */
    static const char first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    fly_bytes answer;
    FLY_CHECK_OK(fly_auth_server_begin(&server, &world.env, &scram, false, NULL, &err), err);
    FLY_CHECK_OK(fly_auth_server_first(&server, fly_bytes_str(first), &answer, &err), err);
    memcpy(server.reply, server_first, strlen(server_first));
    server.reply_len = (uint16_t)strlen(server_first);
    server.nonce_len = 50;
    FLY_CHECK_OK(fly_auth_server_final(&server, fly_bytes_str(client_final), &proven, reply,
                                       &reply_len, &err),
                 err);
    ck_assert(proven);
    ck_assert(equals(fly_bytes_of(reply, reply_len), server_final));
}
END_TEST

START_TEST(the_client_speaks_as_rfc_7677_shows)
{
    FLY_CHECK_OK(fly_auth_client_begin(&client, &world.env, fly_bytes_str("user"),
                                       fly_bytes_str("pencil"), false, NULL, &err),
                 err);
    memcpy(client.first, client_first, strlen(client_first));
    client.first_len = (uint16_t)strlen(client_first);
    memcpy(client.nonce, "rOprNGfwEbeRWgbNEkqO", 21);
    FLY_CHECK_OK(
        fly_auth_client_final(&client, fly_bytes_str(server_first), reply, &reply_len, &err), err);
    ck_assert(equals(fly_bytes_of(reply, reply_len), client_final));
    FLY_CHECK_OK(fly_auth_client_verify(&client, fly_bytes_str(server_final), &err), err);
}
END_TEST

/* One exchange between the two sides; what the server's final step returned. */
static fly_status exchange(const char *password, bool plus, const fly_auth_binding *ours,
                           const fly_auth_binding *its)
{
    fly_bytes answer;
    char final[FLY_AUTH_MESSAGE_MAX];
    size_t len;
    FLY_CHECK_OK(fly_auth_client_begin(&client, &world.env, fly_bytes_str("a=b,c"),
                                       fly_bytes_str(password), plus, its, &err),
                 err);
    FLY_CHECK_OK(fly_auth_server_begin(&server, &world.env, &scram, plus, ours, &err), err);
    fly_status status =
        fly_auth_server_first(&server, fly_auth_client_first(&client), &answer, &err);
    if (status != FLY_OK) {
        return status;
    }
    FLY_CHECK_OK(fly_auth_client_final(&client, answer, final, &len, &err), err);
    return fly_auth_server_final(&server, fly_bytes_of(final, len), &proven, reply, &reply_len,
                                 &err);
}

START_TEST(the_right_password_is_proven_to_both_sides)
{
    FLY_CHECK_OK(exchange("pencil", false, NULL, NULL), err);
    ck_assert(proven);
    FLY_CHECK_OK(fly_auth_client_verify(&client, fly_bytes_of(reply, reply_len), &err), err);
}
END_TEST

START_TEST(a_wrong_password_is_not_proven_and_gets_no_signature)
{
    proven = true;
    FLY_CHECK_OK(exchange("pencil ", false, NULL, NULL), err);
    ck_assert(!proven);
    ck_assert_uint_eq(reply_len, 0);
}
END_TEST

START_TEST(an_unknown_user_goes_the_same_way_to_the_end)
{
    static const uint8_t secret[FLY_AUTH_KEY] = {7};
    proven = true;
    FLY_CHECK_OK(fly_auth_scram_mock(secret, fly_bytes_str("nobody"), 4096, &scram, &err), err);
    FLY_CHECK_OK(exchange("pencil", false, NULL, NULL), err);
    ck_assert(!proven);
}
END_TEST

START_TEST(a_bound_exchange_holds_on_its_own_channel)
{
    FLY_CHECK_OK(exchange("pencil", true, &certificate, &certificate), err);
    ck_assert(proven);
    FLY_CHECK_OK(fly_auth_client_verify(&client, fly_bytes_of(reply, reply_len), &err), err);
}
END_TEST

START_TEST(a_relayed_exchange_is_noticed)
{
    fly_auth_binding other = certificate;
    other.hash[31] ^= 1;
    FLY_CHECK(exchange("pencil", true, &certificate, &other), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "28000");
    FLY_CHECK_SAYS(err.message, "channel binding check failed");
}
END_TEST

START_TEST(a_downgrade_is_noticed)
{
    /* The client could bind and was told that the server cannot; the server can. */
    FLY_CHECK(exchange("pencil", false, &certificate, &certificate), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "28000");
    FLY_CHECK_SAYS(err.message, "negotiation error");
    /* A client that cannot bind is welcome, and so is one that could where the server cannot. */
    FLY_CHECK_OK(exchange("pencil", false, &certificate, NULL), err);
    ck_assert(proven);
    FLY_CHECK_OK(exchange("pencil", false, NULL, &certificate), err);
    ck_assert(proven);
}
END_TEST

START_TEST(plus_needs_a_channel)
{
    FLY_CHECK(fly_auth_server_begin(&server, &world.env, &scram, true, NULL, &err), FLY_E_INVALID,
              err);
}
END_TEST

START_TEST(an_impostor_is_noticed_by_the_client)
{
    FLY_CHECK_OK(exchange("pencil", false, NULL, NULL), err);
    reply[4] = reply[4] == 'A' ? 'B' : 'A';
    FLY_CHECK(fly_auth_client_verify(&client, fly_bytes_of(reply, reply_len), &err),
              FLY_E_PERMISSION, err);
    FLY_CHECK_OK(exchange("pencil", false, NULL, NULL), err);
    FLY_CHECK(fly_auth_client_verify(&client, fly_bytes_str("e=other-error"), &err),
              FLY_E_PERMISSION, err);
    FLY_CHECK_SAYS(err.message, "other-error");
}
END_TEST

START_TEST(steps_are_taken_once_and_in_order)
{
    fly_bytes answer;
    FLY_CHECK_OK(fly_auth_server_begin(&server, &world.env, &scram, false, NULL, &err), err);
    FLY_CHECK(fly_auth_server_final(&server, fly_bytes_str(client_final), &proven, reply,
                                    &reply_len, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly_auth_server_first(&server, fly_bytes_str(client_first), &answer, &err),
              FLY_E_INVALID, err);
    rfc_server();
    FLY_CHECK_OK(fly_auth_server_first(&server, fly_bytes_str(client_first), &answer, &err), err);
    FLY_CHECK(fly_auth_server_first(&server, fly_bytes_str(client_first), &answer, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly_auth_client_verify(&client, fly_bytes_str(server_final), &err), FLY_E_INVALID,
              err);
}
END_TEST

/* ------------------------------------------------------------------- hostile messages */

static const struct {
    const char *message, *sqlstate, *complaint;
} firsts[] = {
    {"", "08P01", "malformed"},
    {"n", "08P01", "malformed"},
    {"n,", "08P01", "malformed"},
    {"n,,", "08P01", "malformed"},
    {",,n=,r=abc", "08P01", "malformed"},
    {"x,,n=,r=abc", "08P01", "malformed"},
    {"nn,,n=,r=abc", "08P01", "malformed"},
    {"p=,,n=,r=abc", "08P01", "malformed"},
    {"p=tls-server-end-point,,n=,r=abc", "08P01", "malformed"},
    {"n,a=admin,n=,r=abc", "0A000", "authorization identity"},
    {"n,,m=ext,n=,r=abc", "0A000", "extension"},
    {"n,,r=abc,n=", "08P01", "malformed"},
    {"n,,n=,r=", "08P01", "nonce"},
    {"n,,n=,x=,r=abc", "08P01", "malformed"},
    {"n,,n=,r=a b", "08P01", "nonce"},
    {"n,,n=,r=a\x7f", "08P01", "nonce"},
    {"n,,n=,r=\xc3\xa4", "08P01", "nonce"},
};

START_TEST(a_hostile_first_message_is_refused)
{
    fly_bytes answer;
    rfc_server();
    FLY_CHECK(fly_auth_server_first(&server, fly_bytes_str(firsts[_i].message), &answer, &err),
              FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, firsts[_i].sqlstate);
    FLY_CHECK_SAYS(err.message, firsts[_i].complaint);
}
END_TEST

START_TEST(sizes_of_first_messages_are_bounded)
{
    static char message[FLY_AUTH_MESSAGE_MAX + 1];
    fly_bytes answer;
    memset(message, 'x', sizeof message);
    memcpy(message, "n,,n=,r=", 8);
    rfc_server();
    FLY_CHECK(fly_auth_server_first(&server, fly_bytes_of(message, sizeof message), &answer, &err),
              FLY_E_INVALID, err);
    rfc_server();
    FLY_CHECK(fly_auth_server_first(&server, fly_bytes_of(message, 8 + FLY_AUTH_NONCE_MAX + 1),
                                    &answer, &err),
              FLY_E_INVALID, err);
    rfc_server();
    FLY_CHECK_OK(fly_auth_server_first(&server, fly_bytes_of(message, 8 + FLY_AUTH_NONCE_MAX),
                                       &answer, &err),
                 err);
    rfc_server();
    message[9] = 0;
    FLY_CHECK(fly_auth_server_first(&server, fly_bytes_of(message, 20), &answer, &err),
              FLY_E_INVALID, err);
}
END_TEST

static const char *const finals[] = {
    "",
    "c=biws",
    "c=biws,r=NONCE",
    "c=biws,r=NONCE,p=",
    "c=biws,r=NONCE,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ",
    "c=biws,r=NONCE,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=y",
    "c=biws,r=NONCEx,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "c=eSws,r=NONCE,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "r=NONCE,c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "c=biws,r=NONCE,q=1",
};

START_TEST(a_hostile_final_message_is_refused)
{
    fly_bytes answer;
    char message[FLY_AUTH_MESSAGE_MAX];
    rfc_server();
    FLY_CHECK_OK(fly_auth_server_first(&server, fly_bytes_str(client_first), &answer, &err), err);
    const char *nonce = strstr(finals[_i], "NONCE");
    (void)snprintf(message, sizeof message, "%.*s%.*s%s",
                   (int)(nonce != NULL ? nonce - finals[_i] : (long)strlen(finals[_i])), finals[_i],
                   nonce != NULL ? server.nonce_len : 0, server.reply + server.nonce_at,
                   nonce != NULL ? nonce + 5 : "");
    FLY_CHECK(
        fly_auth_server_final(&server, fly_bytes_str(message), &proven, reply, &reply_len, &err),
        FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "08P01");
}
END_TEST

START_TEST(a_final_message_may_have_extensions)
{
    static char final[FLY_AUTH_MESSAGE_MAX];
    fly_bytes answer;
    rfc_server();
    FLY_CHECK_OK(fly_auth_server_first(&server, fly_bytes_str(client_first), &answer, &err), err);
    int len = snprintf(final, sizeof final, "c=biws,r=%.*s,x=1,y=2,p=%s", server.nonce_len,
                       server.reply + server.nonce_at,
                       "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    FLY_CHECK_OK(fly_auth_server_final(&server, fly_bytes_of(final, (size_t)len), &proven, reply,
                                       &reply_len, &err),
                 err);
    ck_assert(!proven); /* well-formed, but not a proof of this exchange */
}
END_TEST

START_TEST(no_changed_byte_proves_anything)
{
    fly_bytes answer;
    char message[FLY_AUTH_MESSAGE_MAX];
    size_t len;
    FLY_CHECK_OK(exchange("pencil", false, NULL, NULL), err);
    ck_assert(proven);
    for (size_t at = 0;; at++) {
        FLY_CHECK_OK(fly_auth_client_begin(&client, &world.env, fly_bytes_str("u"),
                                           fly_bytes_str("pencil"), false, NULL, &err),
                     err);
        FLY_CHECK_OK(fly_auth_server_begin(&server, &world.env, &scram, false, NULL, &err), err);
        FLY_CHECK_OK(fly_auth_server_first(&server, fly_auth_client_first(&client), &answer, &err),
                     err);
        FLY_CHECK_OK(fly_auth_client_final(&client, answer, message, &len, &err), err);
        if (at == len) {
            break;
        }
        message[at] ^= 1;
        proven = false;
        FLY_IGNORE(fly_auth_server_final(&server, fly_bytes_of(message, len), &proven, reply,
                                         &reply_len, &err));
        ck_assert_msg(!proven, "byte %zu", at);
    }
}
END_TEST

static const char *const replies[] = {
    "",
    "r=",
    "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", /* nothing added */
    "r=rOprNGfwEbeRWgbNEkqX123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "r=rOprNGfwEbeRWgbNEkqO123,s=,i=4096",
    "r=rOprNGfwEbeRWgbNEkqO123,s=W22,i=4096",
    "r=rOprNGfwEbeRWgbNEkqO123,s=W22ZaJ0SNY7soEsUEjb6gQ==",
    "r=rOprNGfwEbeRWgbNEkqO123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
    "r=rOprNGfwEbeRWgbNEkqO123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
    "r=rOprNGfwEbeRWgbNEkqO123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096",
    "r=rOprNGfwEbeRWgbNEkqO123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000",
    "r=rOprNGfwEbeRWgbNEkqO123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999",
    "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=rOprNGfwEbeRWgbNEkqO123,i=4096",
};

START_TEST(a_hostile_server_gets_nothing_from_the_client)
{
    FLY_CHECK_OK(fly_auth_client_begin(&client, &world.env, fly_bytes_str(""),
                                       fly_bytes_str("pencil"), false, NULL, &err),
                 err);
    memcpy(client.nonce, "rOprNGfwEbeRWgbNEkqO", 21);
    FLY_CHECK(fly_auth_client_final(&client, fly_bytes_str(replies[_i]), reply, &reply_len, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly_auth_client_verify(&client, fly_bytes_str(server_final), &err), FLY_E_INVALID,
              err);
}
END_TEST

START_TEST(a_client_has_bounds)
{
    static char name[FLY_AUTH_MESSAGE_MAX];
    memset(name, ',', sizeof name);
    FLY_CHECK(fly_auth_client_begin(&client, &world.env, fly_bytes_of(name, sizeof name),
                                    fly_bytes_str("x"), false, NULL, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly_auth_client_begin(&client, &world.env, fly_bytes_str("u"), (fly_bytes){0}, false,
                                    NULL, &err),
              FLY_E_INVALID, err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("SCRAM");
    TCase *tests = fly_test_case(suite, "exchanges");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_server_speaks_as_rfc_7677_shows);
    tcase_add_test(tests, the_client_speaks_as_rfc_7677_shows);
    tcase_add_test(tests, the_right_password_is_proven_to_both_sides);
    tcase_add_test(tests, a_wrong_password_is_not_proven_and_gets_no_signature);
    tcase_add_test(tests, an_unknown_user_goes_the_same_way_to_the_end);
    tcase_add_test(tests, a_bound_exchange_holds_on_its_own_channel);
    tcase_add_test(tests, a_relayed_exchange_is_noticed);
    tcase_add_test(tests, a_downgrade_is_noticed);
    tcase_add_test(tests, plus_needs_a_channel);
    tcase_add_test(tests, an_impostor_is_noticed_by_the_client);
    tcase_add_test(tests, steps_are_taken_once_and_in_order);

    tests = fly_test_case(suite, "hostile messages");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_hostile_first_message_is_refused, 0,
                        sizeof firsts / sizeof firsts[0]);
    tcase_add_test(tests, sizes_of_first_messages_are_bounded);
    tcase_add_loop_test(tests, a_hostile_final_message_is_refused, 0,
                        sizeof finals / sizeof finals[0]);
    tcase_add_test(tests, a_final_message_may_have_extensions);
    tcase_add_test(tests, no_changed_byte_proves_anything);
    tcase_add_loop_test(tests, a_hostile_server_gets_nothing_from_the_client, 0,
                        sizeof replies / sizeof replies[0]);
    tcase_add_test(tests, a_client_has_bounds);
    return fly_test_run(suite);
}
