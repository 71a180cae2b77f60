/*
 * AES-256-GCM for the payloads of a log.
 *
 *     data key ──HKDF──┬─────────────────> check value (in each segment's header)
 *                      └── with 32 random ──> key of this segment, with a record's LSN as nonce
 *                          bytes of a segment
 *
 *     stored payload:   | encrypted, as long as the original | tag, 16 |
 *
 * Authenticated and not encrypted: manager, type, flags and length of the record. Its LSN is in the
 * nonce, its segment in the key. The record's checksum is computed over the result, so that it can be
 * verified without a key.
 *
 *     E1  no two payloads have the same key and nonce: each segment file of each life draws its 32
 *         bytes anew, and in a file no LSN is given out twice
 *     E2  what decode() leaves after a failure is zeros: nothing that was not authentic gets out
 *
 * Deriving a segment's key costs more than encrypting a record, so a context that has it is kept for
 * the next record of the same segment.
 *
 * What is not here: where keys come from, how they are wrapped and rotated.
 */
#include <fly/wal_crypto.h>

#include <fly/base_bytes.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <inttypes.h>
#include <string.h>

enum {
    PARAMS = 64,
    PARAMS_VERSION = 1,
    AT_VERSION = 0, /* in the segment's parameters */
    AT_NUMBER = 4,
    AT_CHECK = 8,
    CHECK = 16,
    AT_SALT = 24,
    SALT = 32,

    NONCE = 12,
    TAG = FLY_WAL_CRYPTO_OVERHEAD,
    AAD = 8
};

_Static_assert(AT_SALT + SALT <= PARAMS, "the header has room for all");

#define SEGMENT_LABEL "FlyDB log segment key 1"
#define CHECK_LABEL "FlyDB log key check 1"

/* A context that holds the key of a segment, for one direction. */
struct worker {
    struct worker *next;
    EVP_CIPHER_CTX *gcm;
    uint8_t salt[SALT];
    bool encrypts;
};

struct crypto {
    fly_wal_codec codec; /* first */
    fly_env *env;
    EVP_CIPHER *gcm;
    uint8_t key[FLY_WAL_CRYPTO_KEY];
    uint8_t check[CHECK];
    uint32_t number;
    fly_mutex mutex;
    struct worker *idle; /* mutex */
    uint32_t idle_count; /* mutex */
};

enum { IDLE_MAX = 16 };

/* The codec is the caller's to look at and ours to change. */
static struct crypto *crypto_of(const fly_wal_codec *codec)
{
    return (struct crypto *)(uintptr_t)codec;
}

/* ---------------------------------------------------------------------- derivation */

static bool hkdf(const struct crypto *crypto, const uint8_t *salt, fly_bytes label, uint8_t *out,
                 size_t len)
{
    uint8_t info[64];
    uint8_t none[1] = {0};
    memcpy(info, label.data, label.len);
    fly_put_u32(info + label.len, crypto->number);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)crypto->key,
                                          sizeof crypto->key),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
                                          salt != NULL ? (void *)(uintptr_t)salt : none,
                                          salt != NULL ? SALT : 0),
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

/* ------------------------------------------------------------------------- workers */

static void worker_destroy(struct crypto *crypto, struct worker *worker)
{
    EVP_CIPHER_CTX_free(worker->gcm); /* overwrites the key */
    fly_mem_free(crypto->env->mem, worker, sizeof *worker);
}

static struct worker *worker_create(struct crypto *crypto, const uint8_t *salt, bool encrypts)
{
    struct worker *made = fly_mem_alloc(crypto->env->mem, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    *made = (struct worker){.gcm = EVP_CIPHER_CTX_new(), .encrypts = encrypts};
    memcpy(made->salt, salt, SALT);
    uint8_t key[FLY_WAL_CRYPTO_KEY];
    bool good = made->gcm != NULL &&
                hkdf(crypto, salt, fly_bytes_str(SEGMENT_LABEL), key, sizeof key) &&
                EVP_CipherInit_ex2(made->gcm, crypto->gcm, key, NULL, encrypts ? 1 : 0, NULL) == 1;
    OPENSSL_cleanse(key, sizeof key);
    if (!good) {
        worker_destroy(crypto, made);
        return NULL;
    }
    return made;
}

/* A worker for this segment and direction: an idle one, or a new one. */
static struct worker *worker_take(struct crypto *crypto, const uint8_t *salt, bool encrypts)
{
    struct worker *found = NULL;
    fly_mutex_lock(&crypto->mutex);
    for (struct worker **link = &crypto->idle; *link != NULL; link = &(*link)->next) {
        if ((*link)->encrypts == encrypts && memcmp((*link)->salt, salt, SALT) == 0) {
            found = *link;
            *link = found->next;
            crypto->idle_count--;
            break;
        }
    }
    fly_mutex_unlock(&crypto->mutex);
    return found != NULL ? found : worker_create(crypto, salt, encrypts);
}

/* Keep a worker, the newest first; the oldest goes when there are too many. */
static void worker_give(struct crypto *crypto, struct worker *worker)
{
    struct worker *oldest = NULL;
    fly_mutex_lock(&crypto->mutex);
    worker->next = crypto->idle;
    crypto->idle = worker;
    if (++crypto->idle_count > IDLE_MAX) {
        struct worker **link = &crypto->idle;
        while ((*link)->next != NULL) {
            link = &(*link)->next;
        }
        oldest = *link;
        *link = NULL;
        crypto->idle_count--;
    }
    fly_mutex_unlock(&crypto->mutex);
    if (oldest != NULL) {
        worker_destroy(crypto, oldest);
    }
}

/* --------------------------------------------------------------------- one payload */

static void make_nonce(uint64_t lsn, uint8_t nonce[NONCE])
{
    memset(nonce, 0, NONCE);
    fly_put_u64(nonce + NONCE - 8, lsn);
}

static fly_status no_memory(uint64_t lsn, const char *what, fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to %s log record %" PRIu64, what, lsn);
}

static fly_status encode(const fly_wal_codec *codec, const uint8_t params[PARAMS], uint64_t lsn,
                         const uint8_t header[AAD], const uint8_t *plain, size_t len, uint8_t *out,
                         fly_err *err)
{
    struct crypto *crypto = crypto_of(codec);
    struct worker *worker = worker_take(crypto, params + AT_SALT, true);
    if (worker == NULL) {
        return no_memory(lsn, "encrypt", err);
    }
    uint8_t nonce[NONCE];
    int done = 0;
    int last = 0;
    make_nonce(lsn, nonce);
    bool good = EVP_EncryptInit_ex2(worker->gcm, NULL, NULL, nonce, NULL) == 1 &&
                EVP_EncryptUpdate(worker->gcm, NULL, &done, header, AAD) == 1 &&
                (len == 0 || EVP_EncryptUpdate(worker->gcm, out, &done, plain, (int)len) == 1) &&
                EVP_EncryptFinal_ex(worker->gcm, out + len, &last) == 1 && last == 0 &&
                EVP_CIPHER_CTX_ctrl(worker->gcm, EVP_CTRL_AEAD_GET_TAG, TAG, out + len) == 1;
    worker_give(crypto, worker);
    return good ? FLY_OK : no_memory(lsn, "encrypt", err);
}

/* Whether a segment was encrypted in a way, and with a key, that this codec knows. */
static fly_status accept(const struct crypto *crypto, const uint8_t params[PARAMS], fly_err *err)
{
    uint32_t version = fly_get_u32(params + AT_VERSION);
    if (version != PARAMS_VERSION) {
        return fly_err_set(err, FLY_E_FORMAT,
                           "its encryption is of version %" PRIu32
                           "; this program reads version %d",
                           version, PARAMS_VERSION);
    }
    if (CRYPTO_memcmp(params + AT_CHECK, crypto->check, CHECK) != 0) {
        return fly_err_set(err, FLY_E_KEY,
                           "it is encrypted with another key, which its owner calls %" PRIu32
                           "; the one that was given is %" PRIu32,
                           fly_wal_crypto_number(params), crypto->number);
    }
    return FLY_OK;
}

static fly_status decode(const fly_wal_codec *codec, const uint8_t params[PARAMS], uint64_t lsn,
                         const uint8_t header[AAD], const uint8_t *in, size_t len, uint8_t *plain,
                         fly_err *err)
{
    struct crypto *crypto = crypto_of(codec);
    fly_status status = accept(crypto, params, err);
    if (status != FLY_OK) {
        return status;
    }
    FLY_ASSERT(len >= TAG);
    size_t plain_len = len - TAG;
    struct worker *worker = worker_take(crypto, params + AT_SALT, false);
    if (worker == NULL) {
        return no_memory(lsn, "decrypt", err);
    }
    uint8_t nonce[NONCE];
    uint8_t tag[TAG];
    uint8_t nothing[TAG];
    int done = 0;
    int last = 0;
    make_nonce(lsn, nonce);
    memcpy(tag, in + plain_len, TAG);
    bool good =
        EVP_DecryptInit_ex2(worker->gcm, NULL, NULL, nonce, NULL) == 1 &&
        EVP_DecryptUpdate(worker->gcm, NULL, &done, header, AAD) == 1 &&
        (plain_len == 0 || EVP_DecryptUpdate(worker->gcm, plain, &done, in, (int)plain_len) == 1) &&
        EVP_CIPHER_CTX_ctrl(worker->gcm, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1;
    bool authentic = good && EVP_DecryptFinal_ex(worker->gcm, nothing, &last) == 1;
    worker_give(crypto, worker);
    if (authentic) {
        return FLY_OK;
    }
    if (plain_len > 0) {
        memset(plain, 0, plain_len); /* E2 */
    }
    if (!good) {
        return no_memory(lsn, "decrypt", err);
    }
    return fly_err_set(err, FLY_E_CORRUPT,
                       "it does not decrypt: it was changed, or moved from elsewhere");
}

/* ------------------------------------------------------------------- a segment's header */

static fly_status describe(const fly_wal_codec *codec, uint8_t params[PARAMS], fly_err *err)
{
    const struct crypto *crypto = crypto_of(codec);
    memset(params, 0, PARAMS);
    fly_put_u32(params + AT_VERSION, PARAMS_VERSION);
    fly_put_u32(params + AT_NUMBER, crypto->number);
    memcpy(params + AT_CHECK, crypto->check, CHECK);
    fly_status status = crypto->env->random(crypto->env, params + AT_SALT, SALT, err);
    return status == FLY_OK ? status
                            : fly_err_prefix(err, status, "could not make a log segment's key");
}

uint32_t fly_wal_crypto_number(const uint8_t params[PARAMS])
{
    return fly_get_u32(params + AT_NUMBER);
}

/* ------------------------------------------------------------------------- lifetime */

fly_status fly_wal_crypto_create(fly_env *env, const fly_wal_crypto_key *key, fly_wal_codec **codec,
                                 fly_err *err)
{
    struct crypto *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to encrypt a log");
    }
    made->codec = (fly_wal_codec){
        .id = FLY_WAL_CRYPTO_ID,
        .overhead = FLY_WAL_CRYPTO_OVERHEAD,
        .describe = describe,
        .encode = encode,
        .decode = decode,
    };
    made->env = env;
    made->number = key->number;
    memcpy(made->key, key->bytes, sizeof made->key);
    fly_mutex_init(&made->mutex, "log encryption", FLY_RANK_LEAF);
    made->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (made->gcm == NULL ||
        !hkdf(made, NULL, fly_bytes_str(CHECK_LABEL), made->check, sizeof made->check)) {
        fly_wal_crypto_destroy(&made->codec);
        return fly_err_set(err, FLY_E_UNSUPPORTED, "the cryptographic library has no AES-256-GCM");
    }
    *codec = &made->codec;
    return FLY_OK;
}

void fly_wal_crypto_destroy(fly_wal_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    struct crypto *crypto = crypto_of(codec);
    while (crypto->idle != NULL) {
        struct worker *worker = crypto->idle;
        crypto->idle = worker->next;
        worker_destroy(crypto, worker);
    }
    EVP_CIPHER_free(crypto->gcm);
    fly_mutex_deinit(&crypto->mutex);
    fly_mem *mem = crypto->env->mem;
    OPENSSL_cleanse(crypto, sizeof *crypto);
    fly_mem_free(mem, crypto, sizeof *crypto);
}
