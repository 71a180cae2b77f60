/**
 * @file auth_argon2.h
 * @brief Argon2id verifiers: a password costs memory to try, not only time.
 *
 *     static const fly_auth_scheme *const schemes[] = {fly_auth_argon2_scheme(), NULL};
 *     fly_auth_check(&env, verifier, password, schemes, &matches, &err);
 *
 * For accounts whose password reaches the server anyhow, over TLS. With SCRAM a verifier is cheaper to
 * check, since the client does the work; with this one it is dearer to steal.
 *
 * A new verifier takes 19 MiB and two passes in one lane, which a cost multiplies: 2 is 38 MiB. Verifiers
 * from elsewhere may ask for up to 256 MiB, 16 passes and 4 lanes; more is refused before memory is taken.
 *
 * Threads: pure. Memory: libargon2 takes its own from the C library, and gives it back.
 * @source RFC 9106; OWASP, "Password Storage Cheat Sheet", for the parameters.
 */
#ifndef FLY_AUTH_ARGON2_H
#define FLY_AUTH_ARGON2_H

#include <fly/auth.h>

/** @defgroup auth_argon2 auth-argon2: Argon2id verifiers */
/** @addtogroup auth_argon2
 *  @{ */

#define FLY_AUTH_ARGON2_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

/** The scheme "argon2id", for fly_auth_check(). Its cost is a factor of memory, 1 to 13; default 1. */
const fly_auth_scheme *fly_auth_argon2_scheme(void);

FLY_EXTERN_C_END
/** @} */
#endif
