/*
 * What a password must be; and passwords and tokens that need no policy, being random.
 *
 * The rules are few, as NIST SP 800-63B advises: length does more than classes of characters do.
 * Classes are asked for by those whose auditors ask for them.
 *
 * What is not here: the history of a user's passwords, and lists of stolen ones.
 */
#include "auth_int.h"

#include <inttypes.h>
#include <string.h>

enum { LENGTH_MIN = 8, TOKEN_BYTES = 32, TOKEN_PREFIX = 4 };

static const char token_prefix[] = "fly_";

/* ---------------------------------------------------------------------- policy */

/* Characters: bytes that do not continue one, in UTF-8. */
static uint32_t characters(fly_bytes text)
{
    uint32_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += (text.data[i] & 0xc0) != 0x80;
    }
    return count;
}

static uint32_t classes(fly_bytes text)
{
    bool seen[4] = {false};
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool small = c >= 'a' && c <= 'z';
        bool capital = c >= 'A' && c <= 'Z';
        bool digit = c >= '0' && c <= '9';
        seen[small ? 0 : capital ? 1 : digit ? 2 : 3] = true;
    }
    return (uint32_t)seen[0] + (uint32_t)seen[1] + (uint32_t)seen[2] + (uint32_t)seen[3];
}

static uint8_t small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool contains(fly_bytes text, fly_bytes part)
{
    for (size_t at = 0; part.len > 0 && at + part.len <= text.len; at++) {
        size_t same = 0;
        while (same < part.len && small(text.data[at + same]) == small(part.data[same])) {
            same++;
        }
        if (same == part.len) {
            return true;
        }
    }
    return false;
}

fly_status fly_auth_policy_check(const fly_auth_policy *policy, fly_bytes user, fly_bytes password,
                                 fly_err *err)
{
    fly_auth_policy rules = policy != NULL ? *policy : (fly_auth_policy){0};
    uint32_t length_min = rules.length_min > 0 ? rules.length_min : LENGTH_MIN;
    if (password.len > FLY_AUTH_PASSWORD_MAX) {
        return fly_err_state(err, "22023", 0, "password is too long");
    }
    if (characters(password) < length_min) {
        fly_status status = fly_err_state(err, "22023", 0, "password is too short");
        fly_err_hint(err, "It must have at least %" PRIu32 " characters.", length_min);
        return status;
    }
    if (!rules.allow_user_name && contains(password, user)) {
        return fly_err_state(err, "22023", 0, "password must not contain user name");
    }
    if (classes(password) < rules.classes_min) {
        fly_status status = fly_err_state(err, "22023", 0, "password is too simple");
        fly_err_hint(err,
                     "It must have %" PRIu32 " of: small letters, capital letters, digits, "
                     "other characters.",
                     rules.classes_min);
        return status;
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------- random texts */

/* Five bytes in six are used, and those choose each of 54 characters equally often. */
fly_status fly_auth_password_make(fly_env *env, char password[FLY_AUTH_PASSWORD_SIZE], fly_err *err)
{
    static const char letters[] = "23456789ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz";
    enum { COUNT = sizeof letters - 1, ACCEPTED = 256 / COUNT * COUNT };
    char made[FLY_AUTH_PASSWORD_SIZE] = "";
    uint8_t bytes[64];
    size_t len = 0;
    while (len < FLY_AUTH_PASSWORD_SIZE - 1) {
        fly_status status = env->random(env, bytes, sizeof bytes, err);
        if (status != FLY_OK) {
            return status;
        }
        for (size_t i = 0; i < sizeof bytes && len < FLY_AUTH_PASSWORD_SIZE - 1; i++) {
            if (bytes[i] < ACCEPTED) {
                made[len++] = letters[bytes[i] % COUNT];
            }
        }
    }
    memcpy(password, made, sizeof made);
    fly_auth_cleanse(bytes, sizeof bytes);
    fly_auth_cleanse(made, sizeof made);
    return FLY_OK;
}

/* base64 for addresses: the two characters that mean something in one are replaced. */
fly_status fly_auth_token_make(fly_env *env, char token[FLY_AUTH_TOKEN_SIZE],
                               uint8_t hash[FLY_AUTH_KEY], fly_err *err)
{
    uint8_t bytes[TOKEN_BYTES];
    char text[TOKEN_PREFIX + FLY_AUTH_BASE64_SIZE(TOKEN_BYTES) + 1];
    _Static_assert(sizeof text == FLY_AUTH_TOKEN_SIZE + 1, "the padding makes room for the end");
    fly_status status = env->random(env, bytes, sizeof bytes, err);
    if (status != FLY_OK) {
        return status;
    }
    memcpy(text, token_prefix, TOKEN_PREFIX);
    size_t len = TOKEN_PREFIX + fly__auth_base64_encode(bytes, sizeof bytes, text + TOKEN_PREFIX);
    text[--len] = 0; /* 32 bytes have one "=" */
    for (size_t i = TOKEN_PREFIX; i < len; i++) {
        text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    }
    status = fly_auth_token_hash(fly_bytes_of(text, len), hash, err);
    if (status == FLY_OK) {
        memcpy(token, text, len + 1);
    }
    fly_auth_cleanse(bytes, sizeof bytes);
    fly_auth_cleanse(text, sizeof text);
    return status;
}

fly_status fly_auth_token_hash(fly_bytes token, uint8_t hash[FLY_AUTH_KEY], fly_err *err)
{
    if (token.len != FLY_AUTH_TOKEN_SIZE - 1 ||
        memcmp(token.data, token_prefix, TOKEN_PREFIX) != 0) {
        return fly_err_set(err, FLY_E_INVALID, "not a token");
    }
    return fly_auth_digest(FLY_AUTH_SHA256, token, hash, err);
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; at != NULL && *at != 0;) {
        const char *end = strchr(at, ' ');
        size_t here = end != NULL ? (size_t)(end - at) : strlen(at);
        if (here == len && memcmp(at, word, len) == 0) {
            return true;
        }
        at = end != NULL ? end + 1 : NULL;
    }
    return false;
}

bool fly_auth_token_good(const fly_auth_token *kept, const uint8_t hash[FLY_AUTH_KEY],
                         const char *scope, uint64_t now)
{
    bool in_time = !kept->revoked && now >= kept->created &&
                   (kept->expires == 0 || now < kept->expires);
    bool in_scope = kept->scope == NULL || strcmp(kept->scope, "*") == 0 ||
                    has_word(kept->scope, scope);
    return fly_auth_equal(kept->hash, hash, FLY_AUTH_KEY) && in_time && in_scope;
}
