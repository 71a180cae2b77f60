/**
 * @file auth_bcrypt.h
 * @brief bcrypt verifiers, `$2b$10$...`: what other programs have stored for twenty years.
 *
 *     static const fly_auth_scheme *const schemes[] = {fly_auth_bcrypt_scheme(), NULL};
 *     fly_auth_check(&env, verifier, password, schemes, &matches, &err);
 *
 * bcrypt looks at 72 bytes of a password and ends at a zero byte. Silently, elsewhere; here such
 * passwords are refused when a verifier is made, and match nothing when one is checked.
 *
 * Threads: pure. Memory: from the environment, 32 KiB for a call.
 * @source Provos and Mazieres, "A Future-Adaptable Password Scheme" (1999).
 */
#ifndef FLY_AUTH_BCRYPT_H
#define FLY_AUTH_BCRYPT_H

#include <fly/auth.h>

/** @defgroup auth_bcrypt auth-bcrypt: bcrypt verifiers */
/** @addtogroup auth_bcrypt
 *  @{ */

#define FLY_AUTH_BCRYPT_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

/** The scheme "bcrypt", for fly_auth_check(). Its cost, 10 to 16, doubles the work with each step;
 *  default 10. Verifiers from elsewhere may have 4 to 16. */
const fly_auth_scheme *fly_auth_bcrypt_scheme(void);

FLY_EXTERN_C_END
/** @} */
#endif
