/**
 * @file base.h
 * @brief The words every layer shares: outcomes, errors, spans of bytes, assertions.
 *
 * Everything in FlyDB that can fail returns a ::fly_status. There are three kinds of trouble and
 * three answers to them:
 *
 *   1. The caller broke a contract: FLY_ASSERT stops the program. No status exists for it.
 *   2. The answer is no (not found, full, would block): a status and nothing else.
 *   3. The world failed (I/O, memory, rubbish bytes): a status, and a filled ::fly_err if the
 *      caller passed one.
 *
 * A ::fly_err belongs to the caller and lives on its stack. There is no last error hidden in a
 * global or in a thread.
 *
 * Threads: pure. Memory: nothing here allocates.
 */
#ifndef FLY_BASE_H
#define FLY_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @defgroup base libbase: the ground that every layer stands on */
/** @addtogroup base
 *  @{ */

#define FLY_BASE_VERSION "0.1.0" /**< semantic version of this library */

#ifdef __cplusplus
#define FLY_EXTERN_C_BEGIN extern "C" {
#define FLY_EXTERN_C_END }
#else
#define FLY_EXTERN_C_BEGIN
#define FLY_EXTERN_C_END
#endif

/** The caller must look at the result. */
#define FLY_MUST_USE __attribute__((warn_unused_result))
/** printf-like: the compiler checks arguments `a` onwards against the format at position `f`. */
#define FLY_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define FLY_LIKELY(x) __builtin_expect(!!(x), 1)
#define FLY_UNLIKELY(x) __builtin_expect(!!(x), 0)
/** A cache line: data that different threads write is kept this far apart. */
#define FLY_CACHE_LINE 64

FLY_EXTERN_C_BEGIN

/* ------------------------------------------------------------------ outcomes */

/**
 * Every outcome of every function of the toolkit. `docs/errors.md` maps each to an SQLSTATE and to
 * what a wire protocol says.
 */
typedef enum fly_status {
    FLY_OK = 0,

    /* The answer is no. Expected by the caller, so no message goes with it. */
    FLY_E_NOT_FOUND, /**< no such key, page, file, name */
    FLY_E_EXISTS,    /**< it is there already */
    FLY_E_FULL,      /**< no room in a structure of fixed size; nothing was changed */
    FLY_E_AGAIN,     /**< would have to wait, and was told not to */
    FLY_E_END,       /**< past the last element */

    /* The world failed, or somebody asked for what cannot be. A fly_err tells the story. */
    FLY_E_IO,          /**< the operating system refused or failed an operation */
    FLY_E_NO_SPACE,    /**< the disk, or a quota, is full */
    FLY_E_NO_MEMORY,   /**< the allocator, or a limit of an account, said no */
    FLY_E_CORRUPT,     /**< bytes that were ours are not what they must be */
    FLY_E_FORMAT,      /**< bytes that are not ours, or of a version that we do not read */
    FLY_E_KEY,         /**< encrypted with another key, or with one where none was given */
    FLY_E_PERMISSION,  /**< the operating system forbids it */
    FLY_E_LOCKED,      /**< another process has it open */
    FLY_E_INVALID,     /**< a value from outside that makes no sense */
    FLY_E_TOO_LARGE,   /**< beyond a documented limit; nothing was changed */
    FLY_E_UNSUPPORTED, /**< this build, platform or handle cannot do it */
    FLY_E_READ_ONLY,   /**< a change through a handle or transaction that may only read */
    FLY_E_STOPPED,     /**< the log stopped after a failed write or sync: reopen to recover */
    FLY_E_CANCELLED,   /**< somebody asked for the operation to end */
    FLY_E_TIMEOUT,     /**< waited as long as was allowed */
    FLY_E_CONFLICT,    /**< could not serialize: run the transaction again */
    FLY_E_DEADLOCK,    /**< chosen to give way in a deadlock: run the transaction again */
    FLY_E_TOO_OLD,     /**< the snapshot outlived the versions that it needs */
    FLY_E_ABORTED,     /**< the transaction failed before: only rollback is left */

    FLY_STATUS_COUNT
} fly_status;

/** The name of a status as it stands in this header without its prefix, e.g. "E_CORRUPT". */
const char *fly_status_name(fly_status status);

/** What a status means in a few words, lower case, e.g. "damaged data". */
const char *fly_status_text(fly_status status);

/** The five-character SQLSTATE of a status, e.g. "40001" for FLY_E_CONFLICT. */
const char *fly_status_sqlstate(fly_status status);

/* -------------------------------------------------------------------- errors */

enum { FLY_ERR_MESSAGE_SIZE = 512, FLY_ERR_DETAIL_SIZE = 256, FLY_ERR_HINT_SIZE = 192 };

/**
 * The story of a failure. Zero-initialise it (`fly_err err = {0};`) and pass its address, or pass
 * NULL where only the status matters. A function that returns FLY_OK leaves it alone.
 */
typedef struct fly_err {
    fly_status status;
    int os_errno;      /**< errno of the failed system call, or 0 */
    uint32_t position; /**< in a text that was being read: 1-based byte position, or 0 */
    char sqlstate[6];  /**< set with the status; a layer that knows better may replace it */
    char message[FLY_ERR_MESSAGE_SIZE]; /**< lower case, no full stop; what was attempted */
    char detail[FLY_ERR_DETAIL_SIZE];   /**< a whole sentence about this very case, or empty */
    char hint[FLY_ERR_HINT_SIZE];       /**< advice, or empty */
} fly_err;

/**
 * @brief Fill `err` (if not NULL) and return `status`, so that failing is one statement.
 *
 * The message follows PostgreSQL's guide: lower case, no full stop, what was attempted rather than
 * which function failed, values included, names in double quotes. Longer ones are cut.
 */
fly_status fly_err_set(fly_err *err, fly_status status, const char *format, ...) FLY_PRINTF(3, 4);

/** As fly_err_set(), and remembers `os_errno` and appends the system's text for it. */
fly_status fly_err_os(fly_err *err, fly_status status, int os_errno, const char *format, ...)
    FLY_PRINTF(4, 5);

/**
 * @brief Put "what was attempted: " before the message that a lower layer left.
 *
 * `err` then has this status: a layer may give the trouble another name and keep the story.
 *
 * @return `status`, unchanged.
 */
fly_status fly_err_prefix(fly_err *err, fly_status status, const char *format, ...)
    FLY_PRINTF(3, 4);

/**
 * @brief Fill `err` (if not NULL) with a trouble that SQL has a finer name for than we have statuses.
 *
 * @param sqlstate  Five characters, e.g. "22012".
 * @param position  1-based byte position in the text, or 0.
 * @return FLY_E_INVALID.
 */
fly_status fly_err_state(fly_err *err, const char *sqlstate, uint32_t position, const char *format,
                         ...) FLY_PRINTF(4, 5);

/** Set the sentence that tells more about this very case. */
void fly_err_detail(fly_err *err, const char *format, ...) FLY_PRINTF(2, 3);

/** Set the advice that goes with the message. */
void fly_err_hint(fly_err *err, const char *format, ...) FLY_PRINTF(2, 3);

/* --------------------------------------------------------------------- bytes */

/** A span of bytes that somebody else owns. */
typedef struct fly_bytes {
    const uint8_t *data; /**< may be NULL when len is 0 */
    size_t len;
} fly_bytes;

/** A span over `len` bytes at `data`. */
static inline fly_bytes fly_bytes_of(const void *data, size_t len)
{
    fly_bytes span;
    span.data = (const uint8_t *)data;
    span.len = len;
    return span;
}

/** A span over a C string, without its terminator. */
static inline fly_bytes fly_bytes_str(const char *text)
{
    return fly_bytes_of(text, __builtin_strlen(text));
}

/** Order as memcmp() does, a prefix before what it begins: negative, zero or positive. */
static inline int fly_bytes_cmp(fly_bytes a, fly_bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? __builtin_memcmp(a.data, b.data, common) : 0;
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/** Whether two spans hold the same bytes. */
static inline bool fly_bytes_equal(fly_bytes a, fly_bytes b)
{
    return a.len == b.len && (a.len == 0 || __builtin_memcmp(a.data, b.data, a.len) == 0);
}

/* ---------------------------------------------------------------- assertions */

/** Print where and what, then abort(). Behind FLY_ASSERT. */
void fly_assert_failed(const char *expression, const char *file, int line, const char *function)
    __attribute__((noreturn, cold));

/** A fact decidable in a few instructions. On in every build. Never about bytes from outside. */
#define FLY_ASSERT(x)                                                                              \
    (FLY_LIKELY(x) ? (void)0 : fly_assert_failed(#x, __FILE__, __LINE__, __func__))

/** A fact that walks a structure: on in debug and sanitizer builds only. */
#ifdef FLY_SLOW_ASSERTS
#define FLY_ASSERT_SLOW(x) FLY_ASSERT(x)
#else
#define FLY_ASSERT_SLOW(x) ((void)sizeof(x))
#endif

FLY_EXTERN_C_END
/** @} */
#endif
