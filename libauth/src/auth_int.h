/* What the files of libauth share: base64 as RFC 4648 has it, and a reader of decimal numbers. */
#ifndef FLY_AUTH_INT_H
#define FLY_AUTH_INT_H

#include <fly/auth.h>

/* Characters that `len` bytes become, padding included. */
#define FLY_AUTH_BASE64_SIZE(len) (((len) + 2) / 3 * 4)

/* Encode; adds no terminator. Returns the characters written. */
size_t fly__auth_base64_encode(const uint8_t *data, size_t len, char *out);

/* Decode strictly: padding where it belongs and nowhere else, unused bits zero. Writes at most `size`
 * bytes; returns their number, or SIZE_MAX. */
size_t fly__auth_base64_decode(fly_bytes text, uint8_t *out, size_t size);

/* A decimal number of the whole text, 1 to `max`, without sign, blanks or leading zeros; 0: it is none. */
uint32_t fly__auth_number(fly_bytes text, uint32_t max);

/* Cut the text before the first `separator` off `rest`. False: there is none. */
bool fly__auth_cut(fly_bytes *rest, char separator, fly_bytes *part);

/* The salted password, and from it the three keys of RFC 5802. `client_key` may be NULL. */
fly_status fly__auth_scram_keys(fly_bytes password, fly_bytes salt, uint32_t rounds,
                                uint8_t client_key[FLY_AUTH_KEY], uint8_t stored_key[FLY_AUTH_KEY],
                                uint8_t server_key[FLY_AUTH_KEY], fly_err *err);

#endif
