/**
 * @file auth_throttle.h
 * @brief Whoever fails to log in again and again waits longer each time; nobody is locked out for ever.
 *
 * Failures are counted three ways: for the account at that address, for the address, for the account.
 * Each count allows some failures, then asks for a pause that doubles with every further failure up to
 * a limit, and is forgotten after a time without failures.
 *
 *     account at address   whoever mistypes, or guesses one user's password from one place
 *     address              who tries many accounts from one place
 *     account              who tries one account from many places; its pause stays short, since it
 *                          meets the owner too
 *
 * An account that has logged in from an address is known there: what others do elsewhere, or to other
 * accounts from there, no longer makes it wait. That is what lets the owner in while somebody tries.
 *
 * Memory is taken at creation. When there is no room, what is least worth remembering is forgotten; the
 * places are chosen by a keyed hash, so that nobody can choose what is forgotten.
 *
 * Threads: thread-safe. Times are monotonic nanoseconds and passed in.
 */
#ifndef FLY_AUTH_THROTTLE_H
#define FLY_AUTH_THROTTLE_H

#include <fly/base_env.h>

/** @addtogroup auth
 *  @{ */

FLY_EXTERN_C_BEGIN

/** Counts failures. */
typedef struct fly_auth_throttle fly_auth_throttle;

/** Knobs. Zero means the default. */
typedef struct fly_auth_throttle_options {
    uint32_t entries;         /**< counts that are remembered; default 16,384, of 24 bytes */
    uint32_t free_failures;   /**< of an account at an address; default 5 */
    uint32_t free_by_address; /**< default 20 */
    uint32_t free_by_account; /**< default 50 */
    uint32_t first_ms;        /**< the first pause; default 500 */
    uint32_t longest_ms;      /**< the longest pause; default 60,000 */
    uint32_t account_ms;      /**< the longest pause of an account everywhere; default 2,000 */
    uint32_t forget_ms;       /**< without failures, until all is forgotten; default 900,000 */
} fly_auth_throttle_options;

/**
 * @brief Create a throttle.
 *
 * @param env      Keeps, for memory; and takes 16 random bytes.
 * @param options  Borrows; NULL is all defaults.
 * @param[out] throttle  Gives; fly_auth_throttle_destroy().
 */
FLY_MUST_USE fly_status fly_auth_throttle_create(fly_env *env,
                                                 const fly_auth_throttle_options *options,
                                                 fly_auth_throttle **throttle, fly_err *err);

/** Release. NULL is fine. */
void fly_auth_throttle_destroy(fly_auth_throttle *throttle);

/**
 * @brief How long an account at an address has to wait before it may try.
 *
 * @param address  Empty: on this machine by a Unix socket; then it is not counted by address.
 * @return Nanoseconds from `now`; 0: it may try.
 */
uint64_t fly_auth_throttle_pause(fly_auth_throttle *throttle, fly_bytes account, fly_bytes address,
                                 uint64_t now);

/** It tried and failed. */
void fly_auth_throttle_failed(fly_auth_throttle *throttle, fly_bytes account, fly_bytes address,
                              uint64_t now);

/** It is in: its failures are forgotten, and it is known at this address. */
void fly_auth_throttle_succeeded(fly_auth_throttle *throttle, fly_bytes account, fly_bytes address,
                                 uint64_t now);

FLY_EXTERN_C_END
/** @} */
#endif
