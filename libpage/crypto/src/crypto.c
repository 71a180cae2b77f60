/*
 * AES-256-GCM for pages, with a key and a nonce of its own for each write.
 *
 *     data key ──HKDF──┬── page key K ──┐
 *                      └── check value  │   24 random bytes N
 *                          (in header)  └──┬── AES-256(K) of N[0..12) ──> key of this write
 *                                          └── N[12..24) ─────────────> nonce of this write
 *
 *     0        24                                      size-40    size-16  size
 *     +--------+---------------------------------------+----------+--------+
 *     | header |              encrypted                |    N     |  tag   |
 *     +--------+---------------------------------------+----------+--------+
 *
 * Authenticated and not encrypted: the file's UUID, the key's number, bytes 0 to 19 of the header
 * (page number, type, flags, slots, LSN). The checksum, bytes 20 to 23, is computed over the result.
 *
 *     E1  no two writes have the same key and nonce: N is drawn for each, and 192 bits do not repeat
 *     E2  what decode() leaves after a failure is zeros: nothing that was not authentic gets out
 *
 * Why derive at all: random nonces of 96 bits may be used with one key some 2^32 times; a page file
 * of a busy server writes more. The derivation is that of XAES-256-GCM, two blocks of AES.
 *
 * OpenSSL's contexts serve one thread at a time and cost more to make than a page to encrypt, so
 * they are kept for the next one who needs one.
 *
 * What is not here: where keys come from, how they are wrapped and rotated.
 */
#include <fly/page_crypto.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <inttypes.h>
#include <string.h>

enum {
    PARAMS_VERSION = 1,
    AT_VERSION = 0, /* in the file's parameters */
    AT_NUMBER = 4,
    AT_CHECK = 8,
    CHECK = 16,

    BLOCK = 16,
    NONCE = 12,
    RANDOM = 24,
    TAG = 16,
    HEADER_AUTHENTIC = 20, /* bytes of the page header before its checksum */
    AAD = 16 + 4 + HEADER_AUTHENTIC
};

_Static_assert(RANDOM + TAG == FLY_PAGE_CRYPTO_RESERVE, "the page has room for both");
_Static_assert(AT_CHECK + CHECK <= FLY_PAGEFILE_PARAMS, "the header has room for all");

static const char page_key_label[] = "FlyDB page key 1";
static const char check_label[] = "FlyDB page key check 1";

/* What one thread needs to encrypt or decrypt a page. */
struct worker {
    struct worker *next;
    EVP_CIPHER_CTX *derive; /* AES-256, block by block, under the page key */
    EVP_CIPHER_CTX *gcm;
};

struct crypto {
    fly_page_codec codec; /* first */
    fly_env *env;
    EVP_CIPHER *ecb;
    EVP_CIPHER *gcm;
    uint32_t number;
    uint8_t check[CHECK];
    uint8_t page_key[FLY_PAGE_CRYPTO_KEY];
    uint8_t mask[BLOCK]; /* CMAC's first subkey of the page key */
    fly_mutex mutex;
    struct worker *idle; /* mutex */
};

/* The codec is the caller's to look at and ours to change. */
static struct crypto *crypto_of(const fly_page_codec *codec)
{
    return (struct crypto *)(uintptr_t)codec;
}

/* ------------------------------------------------------------------------- workers */

static void worker_destroy(struct crypto *crypto, struct worker *worker)
{
    EVP_CIPHER_CTX_free(worker->derive);
    EVP_CIPHER_CTX_free(worker->gcm);
    fly_mem_free(crypto->env->mem, worker, sizeof *worker);
}

static struct worker *worker_create(struct crypto *crypto)
{
    struct worker *made = fly_mem_alloc(crypto->env->mem, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->derive = EVP_CIPHER_CTX_new();
    made->gcm = EVP_CIPHER_CTX_new();
    if (made->derive == NULL || made->gcm == NULL ||
        EVP_EncryptInit_ex2(made->derive, crypto->ecb, crypto->page_key, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(made->derive, 0) != 1) {
        worker_destroy(crypto, made);
        return NULL;
    }
    return made;
}

/* An idle worker, or a new one: there are as many as threads ever needed one at a time. */
static struct worker *worker_take(struct crypto *crypto)
{
    fly_mutex_lock(&crypto->mutex);
    struct worker *worker = crypto->idle;
    if (worker != NULL) {
        crypto->idle = worker->next;
    }
    fly_mutex_unlock(&crypto->mutex);
    return worker != NULL ? worker : worker_create(crypto);
}

static void worker_give(struct crypto *crypto, struct worker *worker)
{
    fly_mutex_lock(&crypto->mutex);
    worker->next = crypto->idle;
    crypto->idle = worker;
    fly_mutex_unlock(&crypto->mutex);
}

/* ---------------------------------------------------------------------- derivation */

static bool hkdf(const fly_page_crypto_key *key, fly_bytes label, uint8_t *out, size_t len)
{
    uint8_t info[64];
    FLY_ASSERT(label.len + 4 <= sizeof info);
    memcpy(info, label.data, label.len);
    fly_put_u32(info + label.len, key->number);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key->bytes,
                                          sizeof key->bytes),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, label.len + 4),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool good = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return good;
}

/* CMAC's first subkey: AES of zeros, times x. */
static bool make_mask(struct crypto *crypto)
{
    struct worker *worker = worker_create(crypto);
    if (worker == NULL) {
        return false;
    }
    uint8_t zeros[BLOCK] = {0};
    uint8_t l[BLOCK];
    int len = 0;
    bool good = EVP_EncryptUpdate(worker->derive, l, &len, zeros, BLOCK) == 1 && len == BLOCK;
    if (good) {
        for (int i = 0; i < BLOCK; i++) {
            crypto->mask[i] = (uint8_t)(l[i] << 1 | (i + 1 < BLOCK ? l[i + 1] >> 7 : 0));
        }
        crypto->mask[BLOCK - 1] ^= (l[0] & 0x80) != 0 ? 0x87 : 0;
    }
    OPENSSL_cleanse(l, sizeof l);
    worker_give(crypto, worker);
    return good;
}

/* The key of one write: CMAC in counter mode, two blocks. */
static bool derive(const struct crypto *crypto, struct worker *worker, const uint8_t *random,
                   uint8_t key[FLY_PAGE_CRYPTO_KEY])
{
    uint8_t blocks[2 * BLOCK];
    for (int i = 0; i < 2; i++) {
        uint8_t *block = blocks + (size_t)i * BLOCK;
        const uint8_t counter[4] = {0, (uint8_t)(i + 1), 'X', 0};
        memcpy(block, counter, sizeof counter);
        memcpy(block + sizeof counter, random, NONCE);
        for (int j = 0; j < BLOCK; j++) {
            block[j] ^= crypto->mask[j];
        }
    }
    int len = 0;
    return EVP_EncryptUpdate(worker->derive, key, &len, blocks, sizeof blocks) == 1 &&
           len == FLY_PAGE_CRYPTO_KEY;
}

/* ------------------------------------------------------------------- one page */

static void fill_aad(const struct crypto *crypto, const uint8_t uuid[16], const uint8_t *page,
                     uint8_t aad[AAD])
{
    memcpy(aad, uuid, 16);
    fly_put_u32(aad + 16, crypto->number);
    memcpy(aad + 20, page, HEADER_AUTHENTIC);
}

/* Encrypt `len` bytes from `plain`, bound to the page's header; N stands behind them already. */
static bool seal(struct crypto *crypto, struct worker *worker, const uint8_t uuid[16],
                 const uint8_t *plain, uint8_t *page, int len)
{
    uint8_t key[FLY_PAGE_CRYPTO_KEY];
    uint8_t aad[AAD];
    uint8_t *to = page + FLY_PAGE_HEADER;
    uint8_t *random = to + len;
    int done = 0;
    int last = 0;
    fill_aad(crypto, uuid, page, aad);
    bool good = derive(crypto, worker, random, key) &&
                EVP_EncryptInit_ex2(worker->gcm, crypto->gcm, key, random + NONCE, NULL) == 1 &&
                EVP_EncryptUpdate(worker->gcm, NULL, &done, aad, AAD) == 1 &&
                EVP_EncryptUpdate(worker->gcm, to, &done, plain, len) == 1 && done == len &&
                EVP_EncryptFinal_ex(worker->gcm, to + len, &last) == 1 && last == 0 &&
                EVP_CIPHER_CTX_ctrl(worker->gcm, EVP_CTRL_AEAD_GET_TAG, TAG, random + RANDOM) == 1;
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

/* Undo seal() in place. `*authentic` is false if everything worked but the tag. */
static bool unseal(struct crypto *crypto, struct worker *worker, const uint8_t uuid[16],
                   uint8_t *page, int len, bool *authentic)
{
    uint8_t key[FLY_PAGE_CRYPTO_KEY];
    uint8_t aad[AAD];
    uint8_t *content = page + FLY_PAGE_HEADER;
    uint8_t *random = content + len;
    int done = 0;
    int last = 0;
    fill_aad(crypto, uuid, page, aad);
    bool good = derive(crypto, worker, random, key) &&
                EVP_DecryptInit_ex2(worker->gcm, crypto->gcm, key, random + NONCE, NULL) == 1 &&
                EVP_DecryptUpdate(worker->gcm, NULL, &done, aad, AAD) == 1 &&
                EVP_DecryptUpdate(worker->gcm, content, &done, content, len) == 1 && done == len &&
                EVP_CIPHER_CTX_ctrl(worker->gcm, EVP_CTRL_AEAD_SET_TAG, TAG, random + RANDOM) == 1;
    *authentic = good && EVP_DecryptFinal_ex(worker->gcm, content + len, &last) == 1;
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

static int content_len(uint32_t size)
{
    return (int)(size - FLY_PAGE_HEADER - FLY_PAGE_CRYPTO_RESERVE);
}

static fly_status no_memory(uint32_t id, const char *what, fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to %s page %" PRIu32, what, id);
}

static fly_status encode(const fly_page_codec *codec, const uint8_t uuid[16], uint32_t id,
                         const uint8_t *plain, uint8_t *out, uint32_t size, fly_err *err)
{
    struct crypto *crypto = crypto_of(codec);
    int len = content_len(size);
    fly_status status = crypto->env->random(crypto->env, out + FLY_PAGE_HEADER + len, RANDOM, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "could not encrypt page %" PRIu32, id);
    }
    struct worker *worker = worker_take(crypto);
    if (worker == NULL) {
        return no_memory(id, "encrypt", err);
    }
    memcpy(out, plain, FLY_PAGE_HEADER);
    bool good = seal(crypto, worker, uuid, plain + FLY_PAGE_HEADER, out, len);
    worker_give(crypto, worker);
    return good ? FLY_OK : no_memory(id, "encrypt", err);
}

static fly_status decode(const fly_page_codec *codec, const uint8_t uuid[16], uint32_t id,
                         uint8_t *bytes, uint32_t size, fly_err *err)
{
    struct crypto *crypto = crypto_of(codec);
    int len = content_len(size);
    struct worker *worker = worker_take(crypto);
    if (worker == NULL) {
        return no_memory(id, "decrypt", err);
    }
    bool authentic = false;
    bool good = unseal(crypto, worker, uuid, bytes, len, &authentic);
    worker_give(crypto, worker);
    memset(bytes + FLY_PAGE_HEADER + len, 0, FLY_PAGE_CRYPTO_RESERVE);
    if (authentic) {
        return FLY_OK;
    }
    memset(bytes + FLY_PAGE_HEADER, 0, (size_t)len);
    if (!good) {
        return no_memory(id, "decrypt", err);
    }
    return fly_err_set(err, FLY_E_CORRUPT,
                       "page %" PRIu32 " does not decrypt: it was changed, moved from elsewhere, "
                       "or encrypted with another key",
                       id);
}

/* -------------------------------------------------------------------- the file's header */

static fly_status describe(const fly_page_codec *codec, uint8_t params[FLY_PAGEFILE_PARAMS],
                           fly_err *err)
{
    const struct crypto *crypto = crypto_of(codec);
    (void)err;
    memset(params, 0, FLY_PAGEFILE_PARAMS);
    fly_put_u32(params + AT_VERSION, PARAMS_VERSION);
    fly_put_u32(params + AT_NUMBER, crypto->number);
    memcpy(params + AT_CHECK, crypto->check, CHECK);
    return FLY_OK;
}

uint32_t fly_page_crypto_number(const uint8_t params[FLY_PAGEFILE_PARAMS])
{
    return fly_get_u32(params + AT_NUMBER);
}

static fly_status accept(const fly_page_codec *codec, const uint8_t params[FLY_PAGEFILE_PARAMS],
                         fly_err *err)
{
    const struct crypto *crypto = crypto_of(codec);
    uint32_t version = fly_get_u32(params + AT_VERSION);
    if (version != PARAMS_VERSION) {
        return fly_err_set(err, FLY_E_FORMAT,
                           "its encryption is of version %" PRIu32
                           "; this program reads version %d",
                           version, PARAMS_VERSION);
    }
    uint32_t number = fly_page_crypto_number(params);
    if (number != crypto->number) {
        return fly_err_set(err, FLY_E_KEY,
                           "it is encrypted with key %" PRIu32 ", and key %" PRIu32 " was given",
                           number, crypto->number);
    }
    if (CRYPTO_memcmp(params + AT_CHECK, crypto->check, CHECK) != 0) {
        return fly_err_set(err, FLY_E_KEY,
                           "the key given as key %" PRIu32 " is not the one that it "
                           "is encrypted with",
                           number);
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------ create and destroy */

fly_status fly_page_crypto_create(fly_env *env, const fly_page_crypto_key *key,
                                  fly_page_codec **codec, fly_err *err)
{
    struct crypto *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the encryption of pages");
    }
    made->codec = (fly_page_codec){.id = FLY_PAGE_CRYPTO_ID,
                                   .reserve = FLY_PAGE_CRYPTO_RESERVE,
                                   .describe = describe,
                                   .accept = accept,
                                   .encode = encode,
                                   .decode = decode};
    made->env = env;
    made->number = key->number;
    fly_mutex_init(&made->mutex, "page cipher contexts", FLY_RANK_LEAF);
    made->ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    made->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    fly_status status = FLY_OK;
    if (made->ecb == NULL || made->gcm == NULL ||
        !hkdf(key, fly_bytes_str(page_key_label), made->page_key, sizeof made->page_key) ||
        !hkdf(key, fly_bytes_str(check_label), made->check, sizeof made->check)) {
        status = fly_err_set(err, FLY_E_UNSUPPORTED,
                             "the cryptographic library has no AES-256-GCM or HKDF");
    } else if (!make_mask(made)) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the encryption of pages");
    }
    if (status != FLY_OK) {
        fly_page_crypto_destroy(&made->codec);
        return status;
    }
    *codec = &made->codec;
    return FLY_OK;
}

void fly_page_crypto_destroy(fly_page_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    struct crypto *crypto = crypto_of(codec);
    while (crypto->idle != NULL) {
        struct worker *next = crypto->idle->next;
        worker_destroy(crypto, crypto->idle);
        crypto->idle = next;
    }
    EVP_CIPHER_free(crypto->ecb);
    EVP_CIPHER_free(crypto->gcm);
    fly_mutex_deinit(&crypto->mutex);
    fly_mem *mem = crypto->env->mem;
    OPENSSL_cleanse(crypto, sizeof *crypto);
    fly_mem_free(mem, crypto, sizeof *crypto);
}
