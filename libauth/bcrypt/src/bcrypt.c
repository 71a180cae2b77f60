/*
 * bcrypt by the C library's crypt(), in its form that keeps no state of its own.
 *
 *     $2b$10$ | 22 characters of salt | 31 of hash
 */
#include <fly/auth_bcrypt.h>

#include <crypt.h>
#include <string.h>

enum { LENGTH = 60, PASSWORD_MAX = 72, COST = 10, COST_LEAST = 4, COST_MAX = 16 };

static bool usable(fly_bytes password)
{
    return password.len > 0 && password.len <= PASSWORD_MAX &&
           memchr(password.data, 0, password.len) == NULL;
}

/* What crypt() makes of a password under a setting: a verifier, or the beginning of one. */
static fly_status hash(fly_env *env, fly_bytes password, const char *setting, char out[LENGTH + 1],
                       fly_err *err)
{
    char text[PASSWORD_MAX + 1] = "";
    fly_status status = FLY_OK;
    struct crypt_data *data = fly_mem_calloc(env->mem, 1, sizeof *data);
    if (data == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to check a password by bcrypt");
    }
    if (password.len > 0) {
        memcpy(text, password.data, password.len);
    }
    const char *made = crypt_rn(text, setting, data, (int)sizeof *data);
    if (made == NULL || strlen(made) != LENGTH) {
        status = fly_err_set(err, FLY_E_UNSUPPORTED, "the system's crypt() does not do bcrypt");
    } else {
        memcpy(out, made, LENGTH + 1);
    }
    fly_auth_cleanse(text, sizeof text);
    fly_auth_cleanse(data, sizeof *data);
    fly_mem_free(env->mem, data, sizeof *data);
    return status;
}

static fly_status make(fly_env *env, fly_bytes password, uint32_t cost,
                       char verifier[FLY_AUTH_VERIFIER_SIZE], fly_err *err)
{
    char salt[FLY_AUTH_SALT];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!usable(password) || (cost != 0 && (cost < COST || cost > COST_MAX))) {
        return fly_err_state(
            err, "22023", 0,
            "bcrypt takes passwords of 1 to %d bytes without zeros, and a cost of %d "
            "to %d",
            PASSWORD_MAX, COST, COST_MAX);
    }
    fly_status status = env->random(env, salt, sizeof salt, err);
    if (status != FLY_OK) {
        return status;
    }
    if (crypt_gensalt_rn("$2b$", cost > 0 ? cost : COST, salt, sizeof salt, setting,
                         (int)sizeof setting) == NULL) {
        return fly_err_set(err, FLY_E_UNSUPPORTED, "the system's crypt() does not do bcrypt");
    }
    return hash(env, password, setting, verifier, err);
}

static fly_status check(fly_env *env, fly_bytes verifier, fly_bytes password, bool *matches,
                        fly_err *err)
{
    char stored[LENGTH + 1];
    char made[LENGTH + 1];
    if (fly_auth_kind_of(verifier) != FLY_AUTH_BCRYPT) {
        return fly_err_set(err, FLY_E_INVALID, "not a bcrypt verifier");
    }
    memcpy(stored, verifier.data, LENGTH);
    stored[LENGTH] = 0;
    int cost = (stored[4] - '0') * 10 + stored[5] - '0';
    if (cost < COST_LEAST || cost > COST_MAX) {
        return fly_err_set(err, FLY_E_INVALID,
                           "a bcrypt verifier with a cost of %d to %d was expected", COST_LEAST,
                           COST_MAX);
    }
    bool possible = usable(password);
    fly_status status = hash(env, possible ? password : (fly_bytes){0}, stored, made, err);
    if (status == FLY_OK) {
        *matches = fly_auth_equal(stored, made, LENGTH) & possible;
    }
    return status;
}

const fly_auth_scheme *fly_auth_bcrypt_scheme(void)
{
    static const fly_auth_scheme scheme = {FLY_AUTH_BCRYPT, "bcrypt", make, check};
    return &scheme;
}
