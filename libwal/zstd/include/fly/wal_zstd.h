/**
 * @file wal_zstd.h
 * @brief Compression of a log's long payloads with zstd.
 *
 *     fly_wal_compressor *compressor = NULL;
 *     fly_wal_zstd_create(&env, &(fly_wal_zstd_options){.threshold = 1024}, &compressor, &err);
 *     fly_wal_open(&env, dir, &(fly_wal_options){.compressor = compressor}, &wal, &err);
 *     ...
 *     fly_wal_close(wal, &err);
 *     fly_wal_zstd_destroy(compressor);
 *
 * A payload is compressed by the thread that appends it, before it takes its place in the log; what
 * does not get shorter is stored as it is. Each payload stands alone: no dictionary, no state from one
 * to the next. Worth it where the log's bytes are what is scarce; a log on a fast disk is faster
 * without.
 *
 * Threads: thread-safe. Format: a zstd frame (RFC 8878); docs/formats/wal.md says where.
 */
#ifndef FLY_WAL_ZSTD_H
#define FLY_WAL_ZSTD_H

#include <fly/base_env.h>
#include <fly/wal.h>

/** @defgroup wal_zstd wal-zstd: compression of the log */
/** @addtogroup wal_zstd
 *  @{ */

#define FLY_WAL_ZSTD_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

enum {
    FLY_WAL_ZSTD_THRESHOLD_DEFAULT = 512, /**< bytes */
    FLY_WAL_ZSTD_LEVEL_DEFAULT = 1
};

/** Knobs. Zero means the default. */
typedef struct fly_wal_zstd_options {
    uint32_t threshold; /**< shorter payloads are left alone; default 512 bytes */
    int level;          /**< zstd's: negative is faster, up to 22 is smaller; default 1 */
} fly_wal_zstd_options;

/**
 * @brief Create a compressor.
 *
 * @param env      Keeps. The working memory of zstd itself, some 100 KiB for each thread that
 *                 compresses at a time, is not taken from it.
 * @param options  May be NULL.
 * @param[out] compressor  Gives; fly_wal_zstd_destroy(), when all logs and readers that use it are
 *                         closed.
 * @return FLY_E_INVALID: zstd knows no such level; FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_wal_zstd_create(fly_env *env, const fly_wal_zstd_options *options,
                                            fly_wal_compressor **compressor, fly_err *err);

/** Release it. NULL is fine. */
void fly_wal_zstd_destroy(fly_wal_compressor *compressor);

FLY_EXTERN_C_END
/** @} */
#endif
