/**
 * @file auth_audit.h
 * @brief An audit trail: who did what, when, from where; and whoever changes it later is found out.
 *
 * A trail is a file of JSON lines that only grows. Each line ends with a MAC over itself and the line
 * before, under a key that is used once: the next line's key is computed from it, and it is overwritten.
 *
 *     {"n":1,"time":"2030-01-02T03:04:05.000006Z","event":"login",...,"mac":"3f..."}     key 1
 *     {"n":2,...,"mac":"a0..."}                                          key 2 = HMAC(key 1, "next")
 *
 * Somebody who takes over the machine gets the key of the next line, and may write what they like from
 * then on; what was written before they cannot change, leave out, or put in another order without the
 * MACs telling, as long as the first key was put where they cannot reach it. That key is in the file
 * audit.key: copy it elsewhere, remove it here, and give it back to fly_auth_audit_verify().
 *
 *     data/_system/audit.log      the lines
 *     data/_system/audit.state    which line is next, with which key; two slots, written in turn
 *     data/_system/audit.key      the first key, in hexadecimal
 *
 * What matters is durable when writing it returns; the rest from time to time, and the state with it:
 * keys of the lines since the state before last are what a thief of the disk finds.
 *
 * Threads: thread-safe. Format: docs/formats/audit.md.
 * @source Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics" (1999), section 3.
 */
#ifndef FLY_AUTH_AUDIT_H
#define FLY_AUTH_AUDIT_H

#include <fly/auth.h>

/** @addtogroup auth
 *  @{ */

FLY_EXTERN_C_BEGIN

/** A trail that is open for writing. */
typedef struct fly_auth_audit fly_auth_audit;

enum {
    FLY_AUTH_AUDIT_WORD = 256, /**< bytes of a short field; what is longer is cut */
    FLY_AUTH_AUDIT_TEXT = 4096 /**< bytes of a statement; what is longer is cut */
};

/** What happened. NULL fields are left out; bytes that are not UTF-8 are replaced. */
typedef struct fly_auth_event {
    const char *event;    /**< "login", "logout", "ddl", "grant", ... */
    const char *severity; /**< NULL: "info" */
    const char *user;     /**< who */
    const char *database; /**< where */
    const char *from;     /**< address and port, "local" */
    const char *protocol; /**< "postgresql", ... */
    const char *outcome;  /**< "ok", or an SQLSTATE */
    fly_bytes text;       /**< a statement, or more about it; empty: left out */
    bool durable;         /**< must survive a crash that comes after */
} fly_auth_event;

/** Knobs. Zero means the default. */
typedef struct fly_auth_audit_options {
    uint32_t sync_records; /**< make lines durable after so many; default 256 */
    uint32_t sync_ms;      /**< or when the next comes so long after; default 1,000 */
} fly_auth_audit_options;

/**
 * @brief Open a directory's trail, or begin it.
 *
 * What a crash left of a line is cut off, and what was found is told by a line "resumed".
 *
 * @param dir  Exists. Copied.
 * @param[out] audit  Gives; fly_auth_audit_close().
 * @return FLY_E_CORRUPT: there are lines, but neither a state nor the first key; as fly_file_open().
 */
FLY_MUST_USE fly_status fly_auth_audit_open(fly_env *env, const char *dir,
                                            const fly_auth_audit_options *options,
                                            fly_auth_audit **audit, fly_err *err);

/** Add a line. @return FLY_E_STOPPED after a failure: the trail has ended until it is opened again. */
FLY_MUST_USE fly_status fly_auth_audit_write(fly_auth_audit *audit, const fly_auth_event *event,
                                             fly_err *err);

/** Make all lines durable, and forget their keys. */
FLY_MUST_USE fly_status fly_auth_audit_sync(fly_auth_audit *audit, fly_err *err);

/** Sync and close. The handle is gone whatever the outcome. NULL is fine. */
FLY_MUST_USE fly_status fly_auth_audit_close(fly_auth_audit *audit, fly_err *err);

/** What verifying found. */
typedef struct fly_auth_audit_report {
    uint64_t lines;  /**< that are what was written */
    uint64_t broken; /**< the first line that is not, counted from 1; 0: there is none */
} fly_auth_audit_report;

/**
 * @brief Read a trail from its first line to its last, and see that nothing was changed.
 *
 * @param dir  May belong to a trail that is open; then its newest lines may be missed.
 * @param key  The first key in hexadecimal; NULL: read audit.key.
 * @param[out] report  Set if FLY_OK or FLY_E_CORRUPT is returned.
 * @return FLY_E_CORRUPT: the message names the first line that is not as it was written, or says that
 *         the end is missing. FLY_E_NOT_FOUND: no trail, or no key. FLY_E_KEY: this is no key.
 */
FLY_MUST_USE fly_status fly_auth_audit_verify(fly_env *env, const char *dir, const char *key,
                                              fly_auth_audit_report *report, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
