/*
 * Digests and HMACs: OpenSSL's, with our types and errors. And the three small things that everything
 * else here needs: base64, decimal numbers, cutting texts.
 *
 * What is not here: streaming. Everything that is hashed lies in memory already.
 */
#include "auth_int.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits.h>
#include <string.h>

/* ------------------------------------------------------------------------ OpenSSL */

static const EVP_MD *method(fly_auth_hash hash)
{
    switch (hash) {
    case FLY_AUTH_MD5:
        return EVP_md5();
    case FLY_AUTH_SHA1:
        return EVP_sha1();
    case FLY_AUTH_SHA224:
        return EVP_sha224();
    case FLY_AUTH_SHA256:
        return EVP_sha256();
    case FLY_AUTH_SHA384:
        return EVP_sha384();
    case FLY_AUTH_SHA512:
        break;
    }
    return EVP_sha512();
}

size_t fly_auth_digest_size(fly_auth_hash hash)
{
    static const uint8_t sizes[] = {16, 20, 28, 32, 48, 64};
    return sizes[hash];
}

/* OpenSSL keeps a queue of its troubles per thread; ours are told by the status. */
static fly_status failed(fly_err *err)
{
    unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to compute a digest");
    }
    return fly_err_set(err, FLY_E_UNSUPPORTED,
                       "the cryptographic library does not offer this digest");
}

fly_status fly_auth_digest(fly_auth_hash hash, fly_bytes data, uint8_t *digest, fly_err *err)
{
    const void *bytes = data.len > 0 ? (const void *)data.data : "";
    if (EVP_Digest(bytes, data.len, digest, NULL, method(hash), NULL) != 1) {
        return failed(err);
    }
    return FLY_OK;
}

fly_status fly_auth_hmac(fly_auth_hash hash, fly_bytes key, fly_bytes data, uint8_t *mac,
                         fly_err *err)
{
    unsigned len = 0;
    if (key.len > INT_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "a key of more than two gigabytes");
    }
    const void *secret = key.len > 0 ? (const void *)key.data : "";
    const uint8_t *bytes = data.len > 0 ? data.data : (const uint8_t *)"";
    if (HMAC(method(hash), secret, (int)key.len, bytes, data.len, mac, &len) == NULL) {
        return failed(err);
    }
    return FLY_OK;
}

bool fly_auth_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void fly_auth_cleanse(void *secret, size_t len)
{
    OPENSSL_cleanse(secret, len);
}

/* ------------------------------------------------------------------------- base64 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t fly__auth_base64_encode(const uint8_t *data, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0u);
        out[n++] = alphabet[group >> 18];
        out[n++] = alphabet[group >> 12 & 63];
        out[n++] = left > 1 ? alphabet[group >> 6 & 63] : '=';
        out[n++] = left > 2 ? alphabet[group & 63] : '=';
    }
    return n;
}

/* The six bits of a character, or -1. */
static int bits_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t fly__auth_base64_decode(fly_bytes text, uint8_t *out, size_t size)
{
    if (text.len % 4 != 0) {
        return SIZE_MAX;
    }
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=') {
        padding++;
    }
    size_t len = text.len / 4 * 3 - padding;
    if (len > size) {
        return SIZE_MAX;
    }
    uint32_t group = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        int bits = i < text.len - padding ? bits_of(text.data[i]) : 0;
        if (bits < 0) {
            return SIZE_MAX;
        }
        group = group << 6 | (uint32_t)bits;
        if (i % 4 == 3) {
            for (int shift = 16; shift >= 0; shift -= 8) {
                uint8_t byte = (uint8_t)(group >> shift);
                if (n < len) {
                    out[n++] = byte;
                } else if (byte != 0) {
                    return SIZE_MAX;
                }
            }
            group = 0;
        }
    }
    return len;
}

/* -------------------------------------------------------------------------- texts */

uint32_t fly__auth_number(fly_bytes text, uint32_t max)
{
    uint64_t number = 0;
    if (text.len == 0 || text.len > 10 || text.data[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return number <= max ? (uint32_t)number : 0;
}

bool fly__auth_cut(fly_bytes *rest, char separator, fly_bytes *part)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    if (at == NULL) {
        return false;
    }
    size_t len = (size_t)(at - rest->data);
    *part = fly_bytes_of(rest->data, len);
    *rest = fly_bytes_of(at + 1, rest->len - len - 1);
    return true;
}
