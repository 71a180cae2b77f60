/**
 * @file auth.h
 * @brief Who is it? Verifiers of passwords, SCRAM on both sides, policy, tokens, digests.
 *
 * A password is stored as a *verifier*: a text from which it cannot be read, and against which it, or
 * a proof of it, can be checked. What PostgreSQL stores is what this library makes and reads:
 *
 *     SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6
 *                   rounds salt                     stored key                                   server key
 *
 * With SCRAM (RFC 5802, 7677) the password never crosses the wire, and a login costs the server four
 * HMACs; the rounds (by default 100,000) are the client's work. Where a protocol delivers a password, the
 * same verifier checks it, and the work is the server's. Other kinds, argon2id and bcrypt, come as a
 * ::fly_auth_scheme from the parts auth-argon2 and auth-bcrypt.
 *
 * Passwords are bytes here. RFC 7677 wants them prepared by SASLprep before they come in: that is a
 * matter of Unicode, and the caller's. For a password in ASCII preparation changes nothing.
 *
 * Secrets are compared in time that does not depend on where they differ, and working copies of them
 * are overwritten. Throttling and the audit trail have headers of their own.
 *
 * Threads: pure; a ::fly_auth_server or ::fly_auth_client is thread-compatible. Memory: nothing here
 * allocates from the environment. Trust: verifiers, messages and passwords are distrusted.
 */
#ifndef FLY_AUTH_H
#define FLY_AUTH_H

#include <fly/base_env.h>

/** @defgroup auth libauth: identities */
/** @addtogroup auth
 *  @{ */

#define FLY_AUTH_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

/* ------------------------------------------------------------------- digests */

/** A hash function. MD5 and SHA-1 are here because SQL has functions of these names: nothing in this
 *  toolkit trusts them. */
typedef enum fly_auth_hash {
    FLY_AUTH_MD5,
    FLY_AUTH_SHA1,
    FLY_AUTH_SHA224,
    FLY_AUTH_SHA256,
    FLY_AUTH_SHA384,
    FLY_AUTH_SHA512
} fly_auth_hash;

enum {
    FLY_AUTH_DIGEST_MAX = 64, /**< bytes of the longest digest */
    FLY_AUTH_KEY = 32         /**< bytes of a SHA-256, and of every key here */
};

/** Bytes of a hash function's digest. */
size_t fly_auth_digest_size(fly_auth_hash hash);

/**
 * @brief Hash some bytes.
 *
 * @param[out] digest  fly_auth_digest_size() bytes.
 * @return FLY_E_UNSUPPORTED: the cryptographic library is told not to do this one; FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_auth_digest(fly_auth_hash hash, fly_bytes data, uint8_t *digest,
                                        fly_err *err);

/** HMAC of some bytes under a key. @param[out] mac  fly_auth_digest_size() bytes. */
FLY_MUST_USE fly_status fly_auth_hmac(fly_auth_hash hash, fly_bytes key, fly_bytes data,
                                      uint8_t *mac, fly_err *err);

/** Whether two blocks are equal, in time that depends on `len` only. */
bool fly_auth_equal(const void *a, const void *b, size_t len);

/** Overwrite a secret in a way that the compiler cannot leave out. */
void fly_auth_cleanse(void *secret, size_t len);

/* ----------------------------------------------------------------- verifiers */

enum {
    FLY_AUTH_ROUNDS = 100000,       /**< default iterations of a new SCRAM verifier */
    FLY_AUTH_ROUNDS_MAX = 10000000, /**< more are refused, from a verifier or a server */
    FLY_AUTH_SALT = 16,             /**< bytes of salt in a new verifier */
    FLY_AUTH_SALT_MAX = 64,         /**< bytes of salt that are accepted */
    FLY_AUTH_PASSWORD_MAX = 1024,   /**< bytes of a password */
    FLY_AUTH_VERIFIER_SIZE = 256    /**< room for any verifier with its terminator */
};

/** What a stored text is, by its form. */
typedef enum fly_auth_kind {
    FLY_AUTH_NOT_A_VERIFIER, /**< a password, as far as one can see */
    FLY_AUTH_SCRAM_SHA_256,
    FLY_AUTH_ARGON2ID,
    FLY_AUTH_BCRYPT,
    FLY_AUTH_MD5_PASSWORD /**< PostgreSQL's old "md5" + 32 digits: recognised, and never accepted */
} fly_auth_kind;

/** What this text is. A text of a kind is well-formed, not only begun like one. */
fly_auth_kind fly_auth_kind_of(fly_bytes text);

/** A SCRAM-SHA-256 verifier in its parts. */
typedef struct fly_auth_scram {
    uint32_t rounds;
    uint32_t salt_len;
    uint8_t salt[FLY_AUTH_SALT_MAX];
    uint8_t stored_key[FLY_AUTH_KEY];
    uint8_t server_key[FLY_AUTH_KEY];
} fly_auth_scram;

/**
 * @brief Make a SCRAM-SHA-256 verifier of a password.
 *
 * @param env     Borrows, for 16 random bytes of salt.
 * @param rounds  0: FLY_AUTH_ROUNDS.
 * @return FLY_E_INVALID: empty, or more than FLY_AUTH_PASSWORD_MAX bytes; FLY_E_NO_MEMORY; FLY_E_IO:
 *         no randomness.
 * @cost   Two SHA-256 blocks a round: tens of milliseconds.
 */
FLY_MUST_USE fly_status fly_auth_scram_make(fly_env *env, fly_bytes password, uint32_t rounds,
                                            char verifier[FLY_AUTH_VERIFIER_SIZE], fly_err *err);

/** As fly_auth_scram_make(), from a given salt, in parts: for tests, and for who has a salt. */
FLY_MUST_USE fly_status fly_auth_scram_derive(fly_bytes password, fly_bytes salt, uint32_t rounds,
                                              fly_auth_scram *scram, fly_err *err);

/** Take a verifier apart. @return FLY_E_INVALID: it is none, or exceeds a limit. */
FLY_MUST_USE fly_status fly_auth_scram_decode(fly_bytes verifier, fly_auth_scram *scram,
                                              fly_err *err);

/** Put one together. @return Its length. */
size_t fly_auth_scram_encode(const fly_auth_scram *scram, char verifier[FLY_AUTH_VERIFIER_SIZE]);

/**
 * @brief A verifier for a user whom nobody knows: no password fits it.
 *
 * The same user always gets the same salt, so that asking twice does not tell that it is made up.
 *
 * @param secret  FLY_AUTH_KEY random bytes that stay the same for as long as the users do.
 */
FLY_MUST_USE fly_status fly_auth_scram_mock(const uint8_t secret[FLY_AUTH_KEY], fly_bytes user,
                                            uint32_t rounds, fly_auth_scram *scram, fly_err *err);

/** A kind of verifier that a part of this library, or a program, brings along. A NULL-terminated list
 *  of pointers to these is what fly_auth_check() takes. */
typedef struct fly_auth_scheme {
    fly_auth_kind kind;
    const char *name; /**< as PASSWORD METHOD names it */
    /** Make a verifier; `cost` 0 is the scheme's default. */
    fly_status (*make)(fly_env *env, fly_bytes password, uint32_t cost,
                       char verifier[FLY_AUTH_VERIFIER_SIZE], fly_err *err);
    fly_status (*check)(fly_env *env, fly_bytes verifier, fly_bytes password, bool *matches,
                        fly_err *err);
} fly_auth_scheme;

/**
 * @brief Check a password against a verifier of any kind.
 *
 * @param schemes       For kinds other than SCRAM; NULL: none.
 * @param[out] matches  Set when FLY_OK is returned. A password that is empty or too long matches
 *                      nothing, after the same work.
 * @return FLY_E_INVALID: not a verifier; FLY_E_UNSUPPORTED: a kind that `schemes` does not have;
 *         FLY_E_NO_MEMORY.
 * @cost   What making the verifier took.
 */
FLY_MUST_USE fly_status fly_auth_check(fly_env *env, fly_bytes verifier, fly_bytes password,
                                       const fly_auth_scheme *const *schemes, bool *matches,
                                       fly_err *err);

/* --------------------------------------------------------------------- SCRAM */

enum {
    FLY_AUTH_MESSAGE_MAX = 1024, /**< bytes of one SCRAM message */
    FLY_AUTH_NONCE = 24,         /**< characters that we add to a nonce */
    FLY_AUTH_NONCE_MAX = 256,    /**< characters of the other side's nonce */
    FLY_AUTH_BINDING_MAX = 64    /**< bytes of channel binding data: a hash of the certificate */
};

/** What the two sides of a TLS connection know of it. */
typedef struct fly_auth_binding {
    uint32_t len;                       /**< 0: there is no TLS, or binding is not done */
    uint8_t hash[FLY_AUTH_BINDING_MAX]; /**< tls-server-end-point: the certificate's hash */
} fly_auth_binding;

/**
 * The server's side of one exchange. Keep it where the connection is; nothing has to be released.
 *
 *     fly_auth_server_begin()
 *     client-first  ──> fly_auth_server_first() ──> server-first
 *     client-final  ──> fly_auth_server_final() ──> server-final, and whether it was the password
 */
typedef struct fly_auth_server {
    fly_auth_scram scram;
    fly_auth_binding binding;
    char nonce[FLY_AUTH_NONCE + 1]; /**< ours; drawn by begin() */
    char flag;                      /**< the client's: 'n', 'y' or 'p' */
    bool plus;                      /**< the mechanism is SCRAM-SHA-256-PLUS */
    uint8_t step;                   /**< messages seen; 255 after a failure */
    uint16_t first_len;
    uint16_t reply_len;
    uint16_t nonce_at; /**< of both nonces, in `reply` */
    uint16_t nonce_len;
    char first[FLY_AUTH_MESSAGE_MAX]; /**< client-first-message-bare */
    char reply[FLY_AUTH_MESSAGE_MAX]; /**< server-first-message */
} fly_auth_server;

/**
 * @brief Begin the server's side.
 *
 * @param scram    Copied: a user's verifier, or fly_auth_scram_mock() of a user that is none. The
 *                 exchange then takes its course and fails at the end, as for a wrong password.
 * @param plus     The client chose SCRAM-SHA-256-PLUS.
 * @param binding  If the server offered -PLUS: the binding of the connection. Copied; may be NULL.
 */
FLY_MUST_USE fly_status fly_auth_server_begin(fly_auth_server *server, fly_env *env,
                                              const fly_auth_scram *scram, bool plus,
                                              const fly_auth_binding *binding, fly_err *err);

/**
 * @brief Take the client's first message, and answer.
 *
 * The user name in the message is ignored, as PostgreSQL does: the start-up packet said it.
 *
 * @param[out] reply  Borrowed from `server`, valid until it goes.
 * @return FLY_E_INVALID with 08P01, 0A000, 28000: the exchange is over.
 */
FLY_MUST_USE fly_status fly_auth_server_first(fly_auth_server *server, fly_bytes message,
                                              fly_bytes *reply, fly_err *err);

/**
 * @brief Take the client's final message, decide, and answer.
 *
 * @param[out] proven  Whether the client knows the password. Only then is there a reply to send.
 * @param[out] reply   At least FLY_AUTH_MESSAGE_MAX bytes.
 * @return As fly_auth_server_first(). A wrong password is no error: `*proven` is false.
 */
FLY_MUST_USE fly_status fly_auth_server_final(fly_auth_server *server, fly_bytes message,
                                              bool *proven, char *reply, size_t *reply_len,
                                              fly_err *err);

/** The client's side of one exchange. End it with fly_auth_client_end(): it has secrets. */
typedef struct fly_auth_client {
    fly_auth_binding binding;
    bool plus;
    uint8_t step;
    uint16_t first_len;
    uint16_t password_len;
    char nonce[FLY_AUTH_NONCE + 1];
    char first[FLY_AUTH_MESSAGE_MAX]; /**< client-first-message, header included */
    uint8_t password[FLY_AUTH_PASSWORD_MAX];
    uint8_t signature[FLY_AUTH_KEY]; /**< that the server has to show */
} fly_auth_client;

/**
 * @brief Begin the client's side.
 *
 * @param user      Goes into the message; commas and equals signs are escaped. PostgreSQL's clients
 *                  send an empty one.
 * @param password  Copied until the end.
 * @param plus      Bind to the channel: the server offered SCRAM-SHA-256-PLUS.
 * @param binding   If the connection is TLS. NULL: not. With a binding and `plus` false the server
 *                  learns that this client could have bound (what keeps a downgrade from going
 *                  unseen), so pass one only if the server did not offer -PLUS.
 */
FLY_MUST_USE fly_status fly_auth_client_begin(fly_auth_client *client, fly_env *env, fly_bytes user,
                                              fly_bytes password, bool plus,
                                              const fly_auth_binding *binding, fly_err *err);

/** The message to begin with; valid until the client ends. */
fly_bytes fly_auth_client_first(const fly_auth_client *client);

/**
 * @brief Take the server's first message, derive, answer.
 *
 * @param[out] reply  At least FLY_AUTH_MESSAGE_MAX bytes.
 * @return FLY_E_INVALID: the message makes no sense, or asks for less than 4,096 rounds or more than
 *         FLY_AUTH_ROUNDS_MAX.
 */
FLY_MUST_USE fly_status fly_auth_client_final(fly_auth_client *client, fly_bytes message,
                                              char *reply, size_t *reply_len, fly_err *err);

/** Take the server's final message. @return FLY_E_PERMISSION: it does not know the password either,
 *  or says why it refuses. */
FLY_MUST_USE fly_status fly_auth_client_verify(fly_auth_client *client, fly_bytes message,
                                               fly_err *err);

/** Overwrite the secrets. */
void fly_auth_client_end(fly_auth_client *client);

/* -------------------------------------------------------------------- policy */

/** What a password must be. Zero means the default. */
typedef struct fly_auth_policy {
    uint32_t length_min;  /**< in characters; default 8 */
    uint32_t classes_min; /**< of: small letters, capitals, digits, others; default 1 */
    bool allow_user_name; /**< a password may contain the user's name */
} fly_auth_policy;

/** Whether a password will do. @param policy May be NULL. @return FLY_E_INVALID with 22023 and the
 *  reason. */
FLY_MUST_USE fly_status fly_auth_policy_check(const fly_auth_policy *policy, fly_bytes user,
                                              fly_bytes password, fly_err *err);

/* ------------------------------------------------------------- random texts */

enum {
    FLY_AUTH_TOKEN_SIZE = 48,   /**< of a token's text with its terminator */
    FLY_AUTH_PASSWORD_SIZE = 25 /**< of a generated password with its terminator */
};

/** A password of 24 letters and digits, without those that look alike: 138 random bits. */
FLY_MUST_USE fly_status fly_auth_password_make(fly_env *env, char password[FLY_AUTH_PASSWORD_SIZE],
                                               fly_err *err);

/**
 * @brief A token: 256 random bits as a text to hand out, and the hash to keep.
 *
 * A hash without rounds and salt is right here, as it is not for passwords: nobody guesses 256 bits.
 */
FLY_MUST_USE fly_status fly_auth_token_make(fly_env *env, char token[FLY_AUTH_TOKEN_SIZE],
                                            uint8_t hash[FLY_AUTH_KEY], fly_err *err);

/** What is kept of a token. Whoever keeps it, keeps it where it likes. */
typedef struct fly_auth_token {
    uint8_t hash[FLY_AUTH_KEY];
    uint64_t created; /**< microseconds since 1970 */
    uint64_t expires; /**< 0: never */
    bool revoked;
    const char *scope; /**< words with blanks between; NULL or "*": everything */
} fly_auth_token;

/** The hash to look a token up by. @return FLY_E_INVALID: this is no token. */
FLY_MUST_USE fly_status fly_auth_token_hash(fly_bytes token, uint8_t hash[FLY_AUTH_KEY],
                                            fly_err *err);

/** Whether a token that was presented is this one, and good for `scope` at `now`. */
bool fly_auth_token_good(const fly_auth_token *kept, const uint8_t hash[FLY_AUTH_KEY],
                         const char *scope, uint64_t now);

FLY_EXTERN_C_END
/** @} */
#endif
