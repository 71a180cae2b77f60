/*
 * Goal: verifiers are PostgreSQL's, byte for byte; the right password fits, no other does; a text that is
 * none is refused; policy, passwords, tokens.
 * Method: a verifier computed with another implementation (Python's hashlib); forged ones.
 */
#include <fly/auth.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <string.h>

static const char pencil[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                             "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                             "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

static fly_err err;
static fly_sim_env world;

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 3});
}

static void tear_down(void)
{
    fly_sim_env_deinit(&world);
}

static bool fits(const char *verifier, fly_bytes password)
{
    bool matches = false;
    FLY_CHECK_OK(
        fly_auth_check(&world.env, fly_bytes_str(verifier), password, NULL, &matches, &err), err);
    return matches;
}

START_TEST(a_verifier_is_what_another_implementation_makes)
{
    fly_auth_scram scram;
    fly_auth_scram decoded;
    char text[FLY_AUTH_VERIFIER_SIZE];
    FLY_CHECK_OK(fly_auth_scram_decode(fly_bytes_str(pencil), &decoded, &err), err);
    fly_bytes salt = fly_bytes_of(decoded.salt, decoded.salt_len);
    FLY_CHECK_OK(fly_auth_scram_derive(fly_bytes_str("pencil"), salt, 4096, &scram, &err), err);
    ck_assert_uint_eq(fly_auth_scram_encode(&scram, text), strlen(pencil));
    ck_assert_str_eq(text, pencil);
    FLY_CHECK_OK(fly_auth_scram_derive(fly_bytes_str("pencil"), salt, 0, &scram, &err), err);
    fly_auth_scram_encode(&scram, text);
    ck_assert_str_eq(text, "SCRAM-SHA-256$100000:W22ZaJ0SNY7soEsUEjb6gQ==$"
                           "DrV7xy/qKHIOj+YKWfow7KE6edXL/2q4lAqKIspiBqY=:"
                           "LG0R4sd2Si2JCO3krs1YC+dGK3pojC6G4jjnVbvxuqc=");
}
END_TEST

START_TEST(the_password_fits_and_no_other)
{
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    static uint8_t endless[FLY_AUTH_PASSWORD_MAX + 1];
    FLY_CHECK_OK(
        fly_auth_scram_make(&world.env, fly_bytes_str("correct horse"), 5000, verifier, &err), err);
    ck_assert_int_eq(fly_auth_kind_of(fly_bytes_str(verifier)), FLY_AUTH_SCRAM_SHA_256);
    ck_assert(fits(verifier, fly_bytes_str("correct horse")));
    ck_assert(!fits(verifier, fly_bytes_str("correct horsf")));
    ck_assert(!fits(verifier, fly_bytes_str("correct hors")));
    ck_assert(!fits(verifier, fly_bytes_str("correct horse ")));
    ck_assert(!fits(verifier, (fly_bytes){0}));
    ck_assert(!fits(verifier, fly_bytes_of(endless, sizeof endless)));
    ck_assert(!fits(verifier, fly_bytes_str(verifier)));
    ck_assert(fits(pencil, fly_bytes_str("pencil")));
}
END_TEST

START_TEST(the_same_password_makes_another_verifier)
{
    char a[FLY_AUTH_VERIFIER_SIZE];
    char b[FLY_AUTH_VERIFIER_SIZE];
    FLY_CHECK_OK(fly_auth_scram_make(&world.env, fly_bytes_str("x"), 1, a, &err), err);
    FLY_CHECK_OK(fly_auth_scram_make(&world.env, fly_bytes_str("x"), 1, b, &err), err);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(passwords_have_bounds)
{
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    static uint8_t endless[FLY_AUTH_PASSWORD_MAX + 1];
    memset(endless, 'x', sizeof endless);
    FLY_CHECK(fly_auth_scram_make(&world.env, (fly_bytes){0}, 1, verifier, &err), FLY_E_INVALID,
              err);
    FLY_CHECK(
        fly_auth_scram_make(&world.env, fly_bytes_of(endless, sizeof endless), 1, verifier, &err),
        FLY_E_INVALID, err);
    FLY_CHECK_OK(fly_auth_scram_make(&world.env, fly_bytes_of(endless, sizeof endless - 1), 1,
                                     verifier, &err),
                 err);
    FLY_CHECK(fly_auth_scram_make(&world.env, fly_bytes_str("x"), FLY_AUTH_ROUNDS_MAX + 1, verifier,
                                  &err),
              FLY_E_INVALID, err);
}
END_TEST

static const struct {
    const char *text;
    fly_auth_kind kind;
} texts[] = {
    {"", FLY_AUTH_NOT_A_VERIFIER},
    {"secret", FLY_AUTH_NOT_A_VERIFIER},
    {"SCRAM-SHA-256$", FLY_AUTH_NOT_A_VERIFIER},
    {"SCRAM-SHA-256$0:AAAA$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     FLY_AUTH_NOT_A_VERIFIER},
    {"SCRAM-SHA-256$4294967296:AAAA$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     FLY_AUTH_NOT_A_VERIFIER},
    {"SCRAM-SHA-256$2147483647:AAAA$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     FLY_AUTH_NOT_A_VERIFIER},
    {"SCRAM-SHA-256$4096:$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     FLY_AUTH_NOT_A_VERIFIER},
    {"SCRAM-SHA-256$4096:AAAA$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     FLY_AUTH_NOT_A_VERIFIER},
    {"SCRAM-SHA-256$1:AAAA$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     FLY_AUTH_SCRAM_SHA_256},
    {"md55f4dcc3b5aa765d61d8327deb882cf99", FLY_AUTH_MD5_PASSWORD},
    {"md55f4dcc3b5aa765d61d8327deb882cf9", FLY_AUTH_NOT_A_VERIFIER},
    {"md55f4dcc3b5aa765d61d8327deb882cfXX", FLY_AUTH_NOT_A_VERIFIER},
    {"$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", FLY_AUTH_BCRYPT},
    {"$2x$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", FLY_AUTH_NOT_A_VERIFIER},
    {"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", FLY_AUTH_ARGON2ID},
    {"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ", FLY_AUTH_NOT_A_VERIFIER},
};

START_TEST(texts_are_told_apart)
{
    ck_assert_int_eq(fly_auth_kind_of(fly_bytes_str(texts[_i].text)), texts[_i].kind);
}
END_TEST

START_TEST(what_cannot_be_checked_is_refused)
{
    bool matches = false;
    FLY_CHECK(fly_auth_check(&world.env, fly_bytes_str("secret"), fly_bytes_str("secret"), NULL,
                             &matches, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly_auth_check(&world.env, fly_bytes_str(texts[9].text), fly_bytes_str("password"),
                             NULL, &matches, &err),
              FLY_E_UNSUPPORTED, err);
    ck_assert(!matches);
}
END_TEST

START_TEST(a_user_that_is_none_has_a_salt_of_his_own)
{
    static const uint8_t secret[FLY_AUTH_KEY] = {1};
    static const uint8_t other[FLY_AUTH_KEY] = {2};
    fly_auth_scram a;
    fly_auth_scram b;
    char text[FLY_AUTH_VERIFIER_SIZE];
    FLY_CHECK_OK(fly_auth_scram_mock(secret, fly_bytes_str("bob"), 4096, &a, &err), err);
    FLY_CHECK_OK(fly_auth_scram_mock(secret, fly_bytes_str("bob"), 4096, &b, &err), err);
    ck_assert(memcmp(&a, &b, sizeof a) == 0);
    FLY_CHECK_OK(fly_auth_scram_mock(secret, fly_bytes_str("bop"), 4096, &b, &err), err);
    ck_assert(memcmp(a.salt, b.salt, FLY_AUTH_SALT) != 0);
    FLY_CHECK_OK(fly_auth_scram_mock(other, fly_bytes_str("bob"), 4096, &b, &err), err);
    ck_assert(memcmp(a.salt, b.salt, FLY_AUTH_SALT) != 0);
    ck_assert_uint_eq(a.salt_len, FLY_AUTH_SALT);
    fly_auth_scram_encode(&a, text);
    ck_assert(!fits(text, fly_bytes_str("bob")));
}
END_TEST

/* -------------------------------------------------------------------------- policy */

static const struct {
    fly_auth_policy policy;
    const char *password, *complaint;
} cases[] = {
    {{0}, "short7!", "too short"},
    {{0}, "longenough", NULL},
    {{0}, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", "too short"}, /* eight bytes, four characters */
    {{0}, "i am ALICE ok", "user name"},
    {{.allow_user_name = true}, "i am ALICE ok", NULL},
    {{.classes_min = 3}, "alllower1", "too simple"},
    {{.classes_min = 3}, "Somelower1", NULL},
    {{.classes_min = 4}, "Somelower1", "too simple"},
    {{.classes_min = 4}, "Some lower1", NULL},
    {{.length_min = 20}, "nineteen characters", "too short"},
    {{.length_min = 1}, "", "too short"},
};

START_TEST(the_policy_says_what_is_wrong)
{
    fly_status status = fly_auth_policy_check(&cases[_i].policy, fly_bytes_str("alice"),
                                              fly_bytes_str(cases[_i].password), &err);
    ck_assert_int_eq(status, cases[_i].complaint != NULL ? FLY_E_INVALID : FLY_OK);
    if (cases[_i].complaint != NULL) {
        FLY_CHECK_SAYS(err.message, cases[_i].complaint);
        ck_assert_str_eq(err.sqlstate, "22023");
    }
}
END_TEST

START_TEST(generated_passwords_differ_and_pass)
{
    char a[FLY_AUTH_PASSWORD_SIZE];
    char b[FLY_AUTH_PASSWORD_SIZE];
    FLY_CHECK_OK(fly_auth_password_make(&world.env, a, &err), err);
    FLY_CHECK_OK(fly_auth_password_make(&world.env, b, &err), err);
    ck_assert_uint_eq(strlen(a), 24);
    ck_assert_str_ne(a, b);
    ck_assert(strpbrk(a, "0O1lIoi") == NULL);
    FLY_CHECK_OK(fly_auth_policy_check(NULL, fly_bytes_str("admin"), fly_bytes_str(a), &err), err);
}
END_TEST

START_TEST(a_token_is_good_in_its_time_for_its_scope)
{
    char text[FLY_AUTH_TOKEN_SIZE];
    uint8_t hash[FLY_AUTH_KEY];
    fly_auth_token kept = {.created = 100, .expires = 200, .scope = "read write"};
    FLY_CHECK_OK(fly_auth_token_make(&world.env, text, kept.hash, &err), err);
    ck_assert_uint_eq(strlen(text), FLY_AUTH_TOKEN_SIZE - 1);
    ck_assert(strpbrk(text, "+/=") == NULL);
    FLY_CHECK_OK(fly_auth_token_hash(fly_bytes_str(text), hash, &err), err);
    ck_assert(fly_auth_token_good(&kept, hash, "read", 100));
    ck_assert(fly_auth_token_good(&kept, hash, "write", 199));
    ck_assert(!fly_auth_token_good(&kept, hash, "rea", 150));
    ck_assert(!fly_auth_token_good(&kept, hash, "admin", 150));
    ck_assert(!fly_auth_token_good(&kept, hash, "", 150));
    ck_assert(!fly_auth_token_good(&kept, hash, "read", 99));
    ck_assert(!fly_auth_token_good(&kept, hash, "read", 200));
    kept.expires = 0;
    kept.scope = NULL;
    ck_assert(fly_auth_token_good(&kept, hash, "anything", UINT64_MAX));
    kept.revoked = true;
    ck_assert(!fly_auth_token_good(&kept, hash, "anything", 150));
    kept.revoked = false;
    text[10] ^= 1;
    FLY_CHECK_OK(fly_auth_token_hash(fly_bytes_str(text), hash, &err), err);
    ck_assert(!fly_auth_token_good(&kept, hash, "anything", 150));
    FLY_CHECK(fly_auth_token_hash(fly_bytes_str("hunter2"), hash, &err), FLY_E_INVALID, err);
}
END_TEST

/* ------------------------------------------------------------------------ randomness */

static fly_status no_luck(fly_env *env, void *buffer, size_t len, fly_err *trouble)
{
    (void)env;
    (void)buffer;
    (void)len;
    return fly_err_set(trouble, FLY_E_IO, "no randomness");
}

START_TEST(without_randomness_there_are_no_secrets)
{
    char verifier[FLY_AUTH_VERIFIER_SIZE] = "";
    char token[FLY_AUTH_TOKEN_SIZE] = "";
    char password[FLY_AUTH_PASSWORD_SIZE] = "";
    uint8_t hash[FLY_AUTH_KEY];
    world.env.random = no_luck;
    FLY_CHECK(fly_auth_scram_make(&world.env, fly_bytes_str("x"), 1, verifier, &err), FLY_E_IO,
              err);
    FLY_CHECK(fly_auth_token_make(&world.env, token, hash, &err), FLY_E_IO, err);
    FLY_CHECK(fly_auth_password_make(&world.env, password, &err), FLY_E_IO, err);
    ck_assert(verifier[0] == 0 && token[0] == 0 && password[0] == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verifiers");
    TCase *tests = fly_test_case(suite, "verifiers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_verifier_is_what_another_implementation_makes);
    tcase_add_test(tests, the_password_fits_and_no_other);
    tcase_add_test(tests, the_same_password_makes_another_verifier);
    tcase_add_test(tests, passwords_have_bounds);
    tcase_add_loop_test(tests, texts_are_told_apart, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tests, what_cannot_be_checked_is_refused);
    tcase_add_test(tests, a_user_that_is_none_has_a_salt_of_his_own);
    tcase_add_loop_test(tests, the_policy_says_what_is_wrong, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tests, generated_passwords_differ_and_pass);
    tcase_add_test(tests, a_token_is_good_in_its_time_for_its_scope);
    tcase_add_test(tests, without_randomness_there_are_no_secrets);
    return fly_test_run(suite);
}
