/*
 * Argon2id by libargon2. Verifiers are in its text form:
 *
 *     $argon2id$v=19$m=19456,t=2,p=1$salt$hash          base64 without padding
 *
 * The parameters are read here first, since libargon2 takes the memory that a verifier names: somebody
 * who may write verifiers must not take all there is.
 */
#include <fly/auth_argon2.h>

#include <argon2.h>

#include <string.h>

enum {
    MEMORY_KIB = 19 * 1024,
    MEMORY_MAX = 256 * 1024,
    PASSES = 2,
    PASSES_MAX = 16,
    LANES_MAX = 4,
    COST_MAX = MEMORY_MAX / MEMORY_KIB,
    HASH = 32
};

static fly_status failed(int code, fly_err *err)
{
    if (code == ARGON2_MEMORY_ALLOCATION_ERROR || code == ARGON2_THREAD_FAIL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to check a password by argon2id");
    }
    return fly_err_set(err, FLY_E_INVALID, "argon2id: %s", argon2_error_message(code));
}

static fly_status make(fly_env *env, fly_bytes password, uint32_t cost,
                       char verifier[FLY_AUTH_VERIFIER_SIZE], fly_err *err)
{
    uint8_t salt[FLY_AUTH_SALT];
    char text[FLY_AUTH_VERIFIER_SIZE];
    if (password.len == 0 || password.len > FLY_AUTH_PASSWORD_MAX || cost > COST_MAX) {
        return fly_err_state(err, "22023", 0,
                             "argon2id takes passwords of 1 to %d bytes and a cost of 1 to %d",
                             FLY_AUTH_PASSWORD_MAX, COST_MAX);
    }
    fly_status status = env->random(env, salt, sizeof salt, err);
    if (status != FLY_OK) {
        return status;
    }
    int code = argon2id_hash_encoded(PASSES, MEMORY_KIB * (cost > 0 ? cost : 1), 1, password.data,
                                     password.len, salt, sizeof salt, HASH, text, sizeof text);
    if (code != ARGON2_OK) {
        return failed(code, err);
    }
    memcpy(verifier, text, sizeof text);
    return FLY_OK;
}

/* "m=123" at the front of a text; 0 if it is not there or beyond `max`. */
static uint32_t parameter(const char **at, const char *name, uint32_t max)
{
    uint32_t number = 0;
    if (strncmp(*at, name, strlen(name)) != 0) {
        return 0;
    }
    for (*at += strlen(name); **at >= '0' && **at <= '9'; (*at)++) {
        number = number * 10 + (uint32_t)(**at - '0');
        if (number > max) {
            return 0;
        }
    }
    return number;
}

static bool affordable(const char *verifier)
{
    const char *at = verifier;
    static const char begin[] = "$argon2id$v=19$";
    return strncmp(at, begin, sizeof begin - 1) == 0 && (at += sizeof begin - 1) != NULL &&
           parameter(&at, "m=", MEMORY_MAX) > 0 && parameter(&at, ",t=", PASSES_MAX) > 0 &&
           parameter(&at, ",p=", LANES_MAX) > 0 && *at == '$';
}

static fly_status check(fly_env *env, fly_bytes verifier, fly_bytes password, bool *matches,
                        fly_err *err)
{
    char text[FLY_AUTH_VERIFIER_SIZE];
    bool possible = password.len > 0 && password.len <= FLY_AUTH_PASSWORD_MAX;
    (void)env;
    if (fly_auth_kind_of(verifier) != FLY_AUTH_ARGON2ID) {
        return fly_err_set(err, FLY_E_INVALID, "not an argon2id verifier");
    }
    memcpy(text, verifier.data, verifier.len);
    text[verifier.len] = 0;
    if (!affordable(text)) {
        return fly_err_set(err, FLY_E_INVALID,
                           "an argon2id verifier of version 19, with up to %d MiB, "
                           "%d passes and %d lanes was expected",
                           MEMORY_MAX / 1024, PASSES_MAX, LANES_MAX);
    }
    int code = argon2id_verify(text, possible ? (const void *)password.data : "",
                               possible ? password.len : 0);
    if (code != ARGON2_OK && code != ARGON2_VERIFY_MISMATCH) {
        return failed(code, err);
    }
    *matches = possible && code == ARGON2_OK;
    return FLY_OK;
}

const fly_auth_scheme *fly_auth_argon2_scheme(void)
{
    static const fly_auth_scheme scheme = {FLY_AUTH_ARGON2ID, "argon2id", make, check};
    return &scheme;
}
