/**
 * @file wal_crypto.h
 * @brief Encryption at rest for logs: a codec that makes AES-256-GCM of payloads.
 *
 *     fly_wal_codec *codec = NULL;
 *     fly_wal_crypto_create(&env, &key, &codec, &err);
 *     fly_wal_open(&env, dir, &(fly_wal_options){.codec = codec}, &wal, &err);
 *     ...
 *     fly_wal_close(wal, &err);
 *     fly_wal_crypto_destroy(codec);
 *
 * Each segment file has 32 random bytes in its header, and a key of its own that is derived from them
 * and the data key. Within a segment a record's LSN is the nonce: no LSN is used twice in a segment,
 * and a new life of the log never goes on in an old segment. Authenticated with the payload are the
 * record's manager, type, flags, length and LSN, so that a record which was changed, or moved from
 * elsewhere, does not decrypt. What stays readable: just these, and the headers of segments.
 *
 * What it does not do: keep the end of a log, or a whole log, from being cut off or put back; manage
 * keys.
 *
 * Threads: thread-safe. Format: docs/formats/wal-crypto.md.
 * @source NIST SP 800-38D; RFC 5869.
 */
#ifndef FLY_WAL_CRYPTO_H
#define FLY_WAL_CRYPTO_H

#include <fly/base_env.h>
#include <fly/wal.h>

/** @defgroup wal_crypto wal-crypto: encryption of the log */
/** @addtogroup wal_crypto
 *  @{ */

#define FLY_WAL_CRYPTO_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

enum {
    FLY_WAL_CRYPTO_ID = 1,       /**< the codec's number in a segment's header */
    FLY_WAL_CRYPTO_KEY = 32,     /**< bytes of a key */
    FLY_WAL_CRYPTO_OVERHEAD = 16 /**< bytes that a payload grows by: a tag */
};

/** A data key. It has to be as good as random: no password. */
typedef struct fly_wal_crypto_key {
    uint8_t bytes[FLY_WAL_CRYPTO_KEY];
    uint32_t number; /**< the owner's name for it, stored in each segment: which key to look for */
} fly_wal_crypto_key;

/**
 * @brief Create a codec for logs of one key.
 *
 * @param env    Keeps, for memory and randomness.
 * @param key    Borrows. The codec has keys made of it until it is destroyed.
 * @param[out] codec  Gives; fly_wal_crypto_destroy(), when all logs and readers that use it are
 *                    closed.
 * @return FLY_E_NO_MEMORY; FLY_E_UNSUPPORTED: the cryptographic library has no AES-256-GCM.
 */
FLY_MUST_USE fly_status fly_wal_crypto_create(fly_env *env, const fly_wal_crypto_key *key,
                                              fly_wal_codec **codec, fly_err *err);

/** Release a codec, and overwrite its keys. NULL is fine. */
void fly_wal_crypto_destroy(fly_wal_codec *codec);

/** The number of the key that a segment was encrypted with: what its header has as parameters. */
uint32_t fly_wal_crypto_number(const uint8_t params[64]);

FLY_EXTERN_C_END
/** @} */
#endif
