/**
 * @file page_crypto.h
 * @brief Encryption at rest for page files: a codec that makes AES-256-GCM of pages.
 *
 *     fly_page_codec *codec = NULL;
 *     fly_page_crypto_create(&env, &key, &codec, &err);
 *     fly_pagefile_open(&env, path, area, &(fly_pagefile_options){.codec = codec}, &file, &err);
 *     ...
 *     fly_pagefile_close(file);
 *     fly_page_crypto_destroy(codec);
 *
 * Each write of a page draws 24 random bytes, and derives from them and the key a key and a nonce
 * for this one write: no counter has to survive a crash, a restored backup or a cloned machine.
 * Authenticated with the page are the file's identity, the key's number and the page's header, so
 * that a page which was changed, or moved from elsewhere, does not decrypt. What stays readable: the
 * header's 24 bytes of each page, the file's header and its maps.
 *
 * What it does not do: keep an old version of a page, whole and from the same place, from being put
 * back; hide how large a file is and which pages change; manage keys.
 *
 * Threads: thread-safe. Format: docs/formats/page-crypto.md.
 * @source C2SP, "XAES-256-GCM"; NIST SP 800-38D; RFC 5869.
 */
#ifndef FLY_PAGE_CRYPTO_H
#define FLY_PAGE_CRYPTO_H

#include <fly/base_env.h>
#include <fly/page_file.h>

/** @defgroup page_crypto page-crypto: encryption of pages */
/** @addtogroup page_crypto
 *  @{ */

#define FLY_PAGE_CRYPTO_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

enum {
    FLY_PAGE_CRYPTO_ID = 1,      /**< the codec's number in a file's header */
    FLY_PAGE_CRYPTO_KEY = 32,    /**< bytes of a key */
    FLY_PAGE_CRYPTO_RESERVE = 40 /**< bytes that a page loses: 24 random ones, a tag of 16 */
};

/** A data key. It has to be as good as random: no password. */
typedef struct fly_page_crypto_key {
    uint8_t bytes[FLY_PAGE_CRYPTO_KEY];
    uint32_t number; /**< the owner's name for it, stored in the file: which key to look for */
} fly_page_crypto_key;

/**
 * @brief Create a codec for files of one key.
 *
 * @param env    Keeps, for memory and randomness.
 * @param key    Borrows. The codec has keys made of it until it is destroyed.
 * @param[out] codec  Gives; fly_page_crypto_destroy(), when all files that use it are closed.
 * @return FLY_E_NO_MEMORY; FLY_E_UNSUPPORTED: the cryptographic library has no AES-256-GCM.
 */
FLY_MUST_USE fly_status fly_page_crypto_create(fly_env *env, const fly_page_crypto_key *key,
                                               fly_page_codec **codec, fly_err *err);

/** Release a codec, and overwrite its keys. NULL is fine. */
void fly_page_crypto_destroy(fly_page_codec *codec);

/** The number of the key that a file was encrypted with: what its header has as `params`. */
uint32_t fly_page_crypto_number(const uint8_t params[FLY_PAGEFILE_PARAMS]);

FLY_EXTERN_C_END
/** @} */
#endif
