/*
 * Verifiers: what is stored instead of a password.
 *
 *     password ── PBKDF2(salt, rounds) ──> salted password
 *                                            ├─ HMAC "Client Key" ──> client key ── SHA-256 ──> stored key
 *                                            └─ HMAC "Server Key" ──────────────────────────> server key
 *
 * The stored key tells whether somebody knows the client key, and does not tell the client key: a
 * stolen verifier does not log in. It does let a thief try passwords, which is what the rounds are for,
 * and play the server towards this user.
 *
 *     V1  a password never meets an ordinary comparison: derived keys do, in constant time
 *     V2  a password that cannot match (empty, too long) costs what one costs that does not
 *     V3  numbers from a verifier are bounded before they cost anything
 *
 * @source RFC 5802, section 3; RFC 7677; PostgreSQL, "Database Roles: pg_authid" for the text.
 */
#include "auth_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char scram_prefix[] = "SCRAM-SHA-256$";
static const char argon2id_prefix[] = "$argon2id$";

/* --------------------------------------------------------------------------- kinds */

static bool begins(fly_bytes text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static bool all_in(fly_bytes text, const char *accepted)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == 0 || strchr(accepted, text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* $2b$10$ and 53 characters of salt and hash. */
static bool is_bcrypt(fly_bytes text)
{
    static const char letters[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return text.len == 60 &&
           (begins(text, "$2b$") || begins(text, "$2a$") || begins(text, "$2y$")) &&
           text.data[6] == '$' && all_in(fly_bytes_of(text.data + 4, 2), "0123456789") &&
           all_in(fly_bytes_of(text.data + 7, 53), letters);
}

/* $argon2id$v=19$m=19456,t=2,p=1$salt$hash; its scheme looks at the parameters. */
static bool is_argon2id(fly_bytes text)
{
    static const char letters[] =
        "$=,+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t dollars = 0;
    if (!begins(text, argon2id_prefix) || text.len >= FLY_AUTH_VERIFIER_SIZE ||
        !all_in(text, letters)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        dollars += text.data[i] == '$';
    }
    return dollars == 5;
}

fly_auth_kind fly_auth_kind_of(fly_bytes text)
{
    fly_auth_scram scram;
    if (begins(text, scram_prefix)) {
        return fly_auth_scram_decode(text, &scram, NULL) == FLY_OK ? FLY_AUTH_SCRAM_SHA_256
                                                                   : FLY_AUTH_NOT_A_VERIFIER;
    }
    if (begins(text, "md5") && text.len == 35 &&
        all_in(fly_bytes_of(text.data + 3, 32), "0123456789abcdef")) {
        return FLY_AUTH_MD5_PASSWORD;
    }
    return is_argon2id(text) ? FLY_AUTH_ARGON2ID
           : is_bcrypt(text) ? FLY_AUTH_BCRYPT
                             : FLY_AUTH_NOT_A_VERIFIER;
}

/* ---------------------------------------------------------------------------- text */

fly_status fly_auth_scram_decode(fly_bytes verifier, fly_auth_scram *scram, fly_err *err)
{
    fly_auth_scram made = {0};
    fly_bytes rest = verifier;
    fly_bytes scheme;
    fly_bytes rounds;
    fly_bytes salt;
    fly_bytes stored;
    bool good = begins(verifier, scram_prefix) && fly__auth_cut(&rest, '$', &scheme) &&
                fly__auth_cut(&rest, ':', &rounds) && fly__auth_cut(&rest, '$', &salt) &&
                fly__auth_cut(&rest, ':', &stored);
    if (good) {
        made.rounds = fly__auth_number(rounds, FLY_AUTH_ROUNDS_MAX);
        size_t salt_len = fly__auth_base64_decode(salt, made.salt, sizeof made.salt);
        made.salt_len = (uint32_t)salt_len;
        good = made.rounds > 0 && salt_len != SIZE_MAX && salt_len > 0 &&
               fly__auth_base64_decode(stored, made.stored_key, FLY_AUTH_KEY) == FLY_AUTH_KEY &&
               fly__auth_base64_decode(rest, made.server_key, FLY_AUTH_KEY) == FLY_AUTH_KEY;
    }
    if (!good) {
        return fly_err_set(err, FLY_E_INVALID, "not a SCRAM-SHA-256 verifier");
    }
    *scram = made;
    return FLY_OK;
}

size_t fly_auth_scram_encode(const fly_auth_scram *scram, char verifier[FLY_AUTH_VERIFIER_SIZE])
{
    _Static_assert(sizeof scram_prefix + 8 + FLY_AUTH_BASE64_SIZE(FLY_AUTH_SALT_MAX) +
                           2 * FLY_AUTH_BASE64_SIZE(FLY_AUTH_KEY) + 4 <=
                       FLY_AUTH_VERIFIER_SIZE,
                   "a verifier has room for all");
    FLY_ASSERT(scram->salt_len <= FLY_AUTH_SALT_MAX);
    FLY_ASSERT(scram->rounds <= FLY_AUTH_ROUNDS_MAX);
    size_t n = (size_t)snprintf(verifier, FLY_AUTH_VERIFIER_SIZE, "%s%" PRIu32 ":", scram_prefix,
                                scram->rounds);
    n += fly__auth_base64_encode(scram->salt, scram->salt_len, verifier + n);
    verifier[n++] = '$';
    n += fly__auth_base64_encode(scram->stored_key, FLY_AUTH_KEY, verifier + n);
    verifier[n++] = ':';
    n += fly__auth_base64_encode(scram->server_key, FLY_AUTH_KEY, verifier + n);
    verifier[n] = 0;
    return n;
}

/* ---------------------------------------------------------------------- derivation */

fly_status fly__auth_scram_keys(fly_bytes password, fly_bytes salt, uint32_t rounds,
                                uint8_t client_key[FLY_AUTH_KEY], uint8_t stored_key[FLY_AUTH_KEY],
                                uint8_t server_key[FLY_AUTH_KEY], fly_err *err)
{
    uint8_t salted[FLY_AUTH_KEY];
    uint8_t client[FLY_AUTH_KEY];
    fly_status status = FLY_OK;
    FLY_ASSERT(password.len <= FLY_AUTH_PASSWORD_MAX);
    FLY_ASSERT(salt.len <= FLY_AUTH_SALT_MAX);
    FLY_ASSERT(rounds >= 1);
    FLY_ASSERT(rounds <= FLY_AUTH_ROUNDS_MAX);
    const char *bytes = password.len > 0 ? (const char *)password.data : "";
    if (PKCS5_PBKDF2_HMAC(bytes, (int)password.len, salt.data, (int)salt.len, (int)rounds,
                          EVP_sha256(), FLY_AUTH_KEY, salted) != 1) {
        ERR_clear_error();
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory to derive a key from a password");
        goto out;
    }
    fly_bytes key = fly_bytes_of(salted, sizeof salted);
    status = fly_auth_hmac(FLY_AUTH_SHA256, key, fly_bytes_str("Client Key"), client, err);
    if (status == FLY_OK) {
        status =
            fly_auth_digest(FLY_AUTH_SHA256, fly_bytes_of(client, sizeof client), stored_key, err);
    }
    if (status == FLY_OK) {
        status = fly_auth_hmac(FLY_AUTH_SHA256, key, fly_bytes_str("Server Key"), server_key, err);
    }
    if (status == FLY_OK && client_key != NULL) {
        memcpy(client_key, client, FLY_AUTH_KEY);
    }
out:
    fly_auth_cleanse(salted, sizeof salted);
    fly_auth_cleanse(client, sizeof client);
    return status;
}

fly_status fly_auth_scram_derive(fly_bytes password, fly_bytes salt, uint32_t rounds,
                                 fly_auth_scram *scram, fly_err *err)
{
    fly_auth_scram made = {.rounds = rounds > 0 ? rounds : FLY_AUTH_ROUNDS,
                           .salt_len = (uint32_t)salt.len};
    if (password.len == 0) {
        return fly_err_state(err, "22023", 0, "password must not be empty");
    }
    if (password.len > FLY_AUTH_PASSWORD_MAX) {
        return fly_err_state(err, "22023", 0, "password is longer than %d bytes",
                             FLY_AUTH_PASSWORD_MAX);
    }
    if (salt.len == 0 || salt.len > FLY_AUTH_SALT_MAX || made.rounds > FLY_AUTH_ROUNDS_MAX) {
        return fly_err_state(err, "22023", 0,
                             "a verifier has a salt of 1 to %d bytes, and at most "
                             "%d iterations",
                             FLY_AUTH_SALT_MAX, FLY_AUTH_ROUNDS_MAX);
    }
    memcpy(made.salt, salt.data, salt.len);
    fly_status status = fly__auth_scram_keys(password, salt, made.rounds, NULL, made.stored_key,
                                             made.server_key, err);
    if (status == FLY_OK) {
        *scram = made;
    }
    return status;
}

fly_status fly_auth_scram_make(fly_env *env, fly_bytes password, uint32_t rounds,
                               char verifier[FLY_AUTH_VERIFIER_SIZE], fly_err *err)
{
    uint8_t salt[FLY_AUTH_SALT];
    fly_auth_scram scram;
    fly_status status = env->random(env, salt, sizeof salt, err);
    if (status == FLY_OK) {
        status =
            fly_auth_scram_derive(password, fly_bytes_of(salt, sizeof salt), rounds, &scram, err);
    }
    if (status == FLY_OK) {
        fly_auth_scram_encode(&scram, verifier);
    }
    return status;
}

fly_status fly_auth_scram_mock(const uint8_t secret[FLY_AUTH_KEY], fly_bytes user, uint32_t rounds,
                               fly_auth_scram *scram, fly_err *err)
{
    uint8_t salt[FLY_AUTH_KEY];
    fly_bytes key = fly_bytes_of(secret, FLY_AUTH_KEY);
    fly_auth_scram made = {.rounds = rounds > 0 ? rounds : FLY_AUTH_ROUNDS,
                           .salt_len = FLY_AUTH_SALT};
    fly_status status = fly_auth_hmac(FLY_AUTH_SHA256, key, user, salt, err);
    if (status != FLY_OK) {
        return status;
    }
    memcpy(made.salt, salt, FLY_AUTH_SALT);
    /* Whoever could present the client key behind this stored key has inverted SHA-256. */
    fly_bytes seed = fly_bytes_of(salt, sizeof salt);
    status = fly_auth_hmac(FLY_AUTH_SHA256, key, seed, made.stored_key, err);
    if (status == FLY_OK) {
        seed = fly_bytes_of(made.stored_key, FLY_AUTH_KEY);
        status = fly_auth_hmac(FLY_AUTH_SHA256, key, seed, made.server_key, err);
    }
    if (status == FLY_OK) {
        *scram = made;
    }
    return status;
}

/* ------------------------------------------------------------------------ checking */

static fly_status check_scram(fly_bytes verifier, fly_bytes password, bool *matches, fly_err *err)
{
    fly_auth_scram scram;
    uint8_t stored[FLY_AUTH_KEY];
    uint8_t server[FLY_AUTH_KEY];
    bool possible = password.len > 0 && password.len <= FLY_AUTH_PASSWORD_MAX;
    fly_bytes tried = possible ? password : fly_bytes_str("");
    fly_status status = fly_auth_scram_decode(verifier, &scram, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly__auth_scram_keys(tried, fly_bytes_of(scram.salt, scram.salt_len), scram.rounds,
                                  NULL, stored, server, err);
    if (status == FLY_OK) {
        bool stored_fits = fly_auth_equal(stored, scram.stored_key, FLY_AUTH_KEY);
        bool server_fits = fly_auth_equal(server, scram.server_key, FLY_AUTH_KEY);
        *matches = possible & stored_fits & server_fits;
    }
    fly_auth_cleanse(stored, sizeof stored);
    fly_auth_cleanse(server, sizeof server);
    return status;
}

fly_status fly_auth_check(fly_env *env, fly_bytes verifier, fly_bytes password,
                          const fly_auth_scheme *const *schemes, bool *matches, fly_err *err)
{
    fly_auth_kind kind = fly_auth_kind_of(verifier);
    if (kind == FLY_AUTH_NOT_A_VERIFIER) {
        return fly_err_set(err, FLY_E_INVALID, "the stored password is not a verifier");
    }
    if (kind == FLY_AUTH_SCRAM_SHA_256) {
        return check_scram(verifier, password, matches, err);
    }
    for (size_t i = 0; schemes != NULL && schemes[i] != NULL; i++) {
        if (schemes[i]->kind == kind) {
            return schemes[i]->check(env, verifier, password, matches, err);
        }
    }
    return fly_err_set(err, FLY_E_UNSUPPORTED,
                       "the stored password is of a kind that this program does not check");
}
