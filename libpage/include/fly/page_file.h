/**
 * @file page_file.h
 * @brief A file of numbered pages: allocation that survives crashes, writes that cannot tear.
 *
 *     page 0       page 1      page 2 …                        page 65,280
 *     +--------+   +-------+   +------+------+------+- … -+    +-------+
 *     | header |   |  map  |   | free | used | used |     |    |  map  |  …
 *     +--------+   +-------+   +------+------+------+- … -+    +-------+
 *
 * The header says what the file is; maps have a bit for every page (numbers for 8 KB pages). Both
 * are kept in memory and written by fly_pagefile_checkpoint().
 *
 * Pages are written in batches, and every batch twice: first as a whole into a second file, the
 * double-write area, then, once that is durable, each page in its place. A crash finds either a
 * whole batch in the area, and repeats it when the file is opened, or a torn one, and then no page
 * has been touched. So a page on disk is always whole, and a batch is one atomic step.
 *
 * What survives a crash is what the last batch or checkpoint wrote. A program with a log replays
 * its own allocations (fly_pagefile_mark()) and pages on top of that; a program without one
 * calls fly_pagefile_checkpoint() when its pages make sense together.
 *
 * Every page that is read is verified: checksum, its own number, and whatever the codec says.
 *
 * Threads: thread-safe, except that a batch belongs to one thread at a time.
 * Format: docs/formats/pagefile.md.
 * @source Double-write buffers: InnoDB. Why a page needs one: Pillai et al., "All File Systems Are
 *         Not Created Equal", OSDI 2014.
 */
#ifndef FLY_PAGE_FILE_H
#define FLY_PAGE_FILE_H

#include <fly/base_env.h>
#include <fly/page.h>

/** @addtogroup page
 *  @{ */
FLY_EXTERN_C_BEGIN

typedef struct fly_pagefile fly_pagefile;

enum {
    FLY_PAGEFILE_META = 512,      /**< bytes in the header that belong to the owner */
    FLY_PAGEFILE_BATCH_MAX = 256, /**< pages in one batch */
    FLY_PAGEFILE_PARAMS = 64      /**< bytes in the header that belong to the codec */
};

/**
 * What turns a page in memory into a page on disk and back: encryption. The first
 * FLY_PAGE_HEADER bytes stay as they are, so that checksum and number can be verified without a
 * key. The header and the maps do not go through the codec.
 */
typedef struct fly_page_codec fly_page_codec;
struct fly_page_codec {
    uint32_t id;      /**< stored in the file; 0 is no codec */
    uint32_t reserve; /**< bytes that a page cannot use, at its end */
    /** Describe yourself in a new file's header. */
    fly_status (*describe)(const fly_page_codec *codec, uint8_t params[FLY_PAGEFILE_PARAMS],
                           fly_err *err);
    /** Whether you can read a file with this description: else FLY_E_KEY. */
    fly_status (*accept)(const fly_page_codec *codec, const uint8_t params[FLY_PAGEFILE_PARAMS],
                         fly_err *err);
    /** Write what goes to disk into `out`, `size` bytes. */
    fly_status (*encode)(const fly_page_codec *codec, const uint8_t uuid[16], uint32_t id,
                         const uint8_t *plain, uint8_t *out, uint32_t size, fly_err *err);
    /** Undo encode() in place. */
    fly_status (*decode)(const fly_page_codec *codec, const uint8_t uuid[16], uint32_t id,
                         uint8_t *bytes, uint32_t size, fly_err *err);
};

/** Knobs. Zero means the default. */
typedef struct fly_pagefile_options {
    uint32_t page_size;          /**< of a new file; default 8,192; an old one knows its own */
    bool create;                 /**< make the file if there is none */
    bool read_only;              /**< change nothing; a file that needs repair is refused */
    bool buffered;               /**< through the system's cache; default past it */
    const fly_page_codec *codec; /**< keeps; default none */
} fly_pagefile_options;

/**
 * @brief Open a page file, repairing it from its double-write area if a crash left it torn.
 *
 * A new file appears under its name when it is complete and durable; until then it is called
 * `path`.new. File and area are locked while they are open for writing. Who opens a file for reading
 * sees to it that nobody writes it.
 *
 * Put a copy of the file in its place only when the area is gone or the file was closed well: what
 * the area holds would be written over the copy.
 *
 * @param path   The file.
 * @param area   The double-write area beside it; NULL: none, and pages may tear in a crash.
 * @param[out] file  Gives; fly_pagefile_close().
 * @return FLY_E_NOT_FOUND; FLY_E_FORMAT (not a page file, or another version); FLY_E_KEY (no codec
 *         where one is needed, or another); FLY_E_INVALID (page_size differs from the file's);
 *         FLY_E_CORRUPT, FLY_E_LOCKED, FLY_E_PERMISSION, FLY_E_NO_SPACE, FLY_E_IO.
 */
FLY_MUST_USE fly_status fly_pagefile_open(fly_env *env, const char *path, const char *area,
                                          const fly_pagefile_options *options, fly_pagefile **file,
                                          fly_err *err);

/** Close. Pages, maps and header stay as they were last written. NULL is fine. */
void fly_pagefile_close(fly_pagefile *file);

/** Bytes of a page on disk and in memory. */
uint32_t fly_pagefile_page_size(const fly_pagefile *file);

/** Bytes of a page that its user may use: the page size less what the codec keeps. */
uint32_t fly_pagefile_usable(const fly_pagefile *file);

/** How many pages the file has, used or free: the next new page's number. */
uint32_t fly_pagefile_pages(const fly_pagefile *file);

/** How many of them are in use, header and maps included. */
uint32_t fly_pagefile_used(const fly_pagefile *file);

/** The file's identity, 16 bytes. */
const uint8_t *fly_pagefile_uuid(const fly_pagefile *file);

/** The path it was opened under. */
const char *fly_pagefile_path(const fly_pagefile *file);

/* ------------------------------------------------------------------------ reading */

/**
 * @brief Read page `id` into `bytes` and verify it.
 *
 * @param bytes  Page-size bytes, aligned to FLY_DIRECT_ALIGN. Rubbish after a failure.
 * @return FLY_E_CORRUPT: damaged, another page, or beyond the end of the file; FLY_E_KEY;
 *         FLY_E_IO.
 */
FLY_MUST_USE fly_status fly_pagefile_read(fly_pagefile *file, uint32_t id, uint8_t *bytes,
                                          fly_err *err);

/**
 * @brief Read `count` neighbouring pages with one request, without verifying them.
 *
 * For read-ahead: hand each to fly_pagefile_accept() before believing it.
 *
 * @param frames  `count` buffers, at most FLY_IOVEC_MAX.
 */
FLY_MUST_USE fly_status fly_pagefile_read_run(fly_pagefile *file, uint32_t first,
                                              uint8_t *const *frames, uint32_t count, fly_err *err);

/** As fly_pagefile_read(), but the page stays as the codec left it: for copies of the file. */
FLY_MUST_USE fly_status fly_pagefile_read_raw(fly_pagefile *file, uint32_t id, uint8_t *bytes,
                                              fly_err *err);

/** Verify and decode in place what was read as page `id`. */
FLY_MUST_USE fly_status fly_pagefile_accept(fly_pagefile *file, uint32_t id, uint8_t *bytes,
                                            fly_err *err);

/* ------------------------------------------------------------------------ writing */

typedef struct fly_page_batch fly_page_batch;

/**
 * @brief Create a batch for up to `capacity` pages (1 to FLY_PAGEFILE_BATCH_MAX).
 *
 * Makes room for it in the area, so that writing it later cannot run out.
 *
 * @param[out] batch  Gives; fly_page_batch_destroy(), before the file is closed.
 * @return FLY_E_NO_MEMORY, FLY_E_NO_SPACE, FLY_E_IO.
 */
FLY_MUST_USE fly_status fly_page_batch_create(fly_pagefile *file, uint32_t capacity,
                                              fly_page_batch **batch, fly_err *err);

/** Release a batch. NULL is fine. */
void fly_page_batch_destroy(fly_page_batch *batch);

/**
 * @brief Copy a page into the batch, encoded and sealed. `bytes` is borrowed.
 *
 * Each page at most once, in ascending order of number if writes shall be merged. Not a page of the
 * file's own.
 *
 * @return FLY_E_FULL: write the batch first; FLY_E_IO from a codec.
 */
FLY_MUST_USE fly_status fly_page_batch_add(fly_page_batch *batch, uint32_t id, const uint8_t *bytes,
                                           fly_err *err);

/** Forget the pages that were added. */
void fly_page_batch_clear(fly_page_batch *batch);

/** How many pages are in it. */
uint32_t fly_page_batch_count(const fly_page_batch *batch);

/**
 * @brief Write the pages, all or none, and empty the batch.
 *
 * When it returns FLY_OK they are durable. After a failure they may be or not, all or none, and the
 * file refuses further writes with FLY_E_STOPPED: the next open repairs it. Only FLY_E_NO_SPACE for
 * the area changes nothing and stops nothing.
 *
 * @cost One sequential durable write, one write for each run of neighbours, one sync.
 */
FLY_MUST_USE fly_status fly_page_batch_write(fly_page_batch *batch, fly_err *err);

/* --------------------------------------------------------------------- allocation */

/**
 * @brief Take `count` neighbouring free pages, growing the file if there are none.
 *
 * Disk space is reserved here, so that writing the pages later cannot run out of it.
 *
 * @param near  Prefer a place behind this page; FLY_PAGE_NONE: the lowest.
 * @return FLY_E_NO_SPACE; FLY_E_TOO_LARGE (2^32 - 1 pages, or more neighbours than there are between
 *         two maps); FLY_E_READ_ONLY.
 */
FLY_MUST_USE fly_status fly_pagefile_alloc(fly_pagefile *file, uint32_t near, uint32_t count,
                                           uint32_t *first, fly_err *err);

/** Give pages back. FLY_E_CORRUPT, and nothing changed, if one is not in use or not yours. */
FLY_MUST_USE fly_status fly_pagefile_free(fly_pagefile *file, uint32_t first, uint32_t count,
                                          fly_err *err);

/** Set whether a page is in use, as a replayed log says. Growing as needed; repeating is fine. */
FLY_MUST_USE fly_status fly_pagefile_mark(fly_pagefile *file, uint32_t id, bool used, fly_err *err);

/** Whether a page is in use. */
bool fly_pagefile_is_used(const fly_pagefile *file, uint32_t id);

/** Whether a page is a map or the header: no owner's page is. */
bool fly_pagefile_is_own(const fly_pagefile *file, uint32_t id);

/* --------------------------------------------------------------------- checkpoints */

/** The owner's bytes in the header, FLY_PAGEFILE_META of them, as they were last set. */
const uint8_t *fly_pagefile_meta(const fly_pagefile *file);

/** Replace the owner's bytes; `len` at most FLY_PAGEFILE_META. Durable by the next checkpoint. */
void fly_pagefile_set_meta(fly_pagefile *file, const void *meta, size_t len);

/** The log position given to the newest checkpoint; 0 in a new file. */
uint64_t fly_pagefile_checkpoint_lsn(const fly_pagefile *file);

/** For owners with a log: what surrounds the moment at which the maps are copied. */
typedef struct fly_pagefile_freeze {
    /** Nobody allocates or frees from here on. */
    void (*begin)(void *ctx);
    /** They may again. Before this returns, log records of all that was allocated and freed until
     *  begin() must be durable, so that no map on disk knows more than the log. */
    fly_status (*end)(void *ctx, fly_err *err);
    void *ctx;
} fly_pagefile_freeze;

/**
 * @brief Make header, meta, `lsn` and the allocation maps durable as they are now.
 *
 * The header goes last. Up to 255 changed maps go with it in one atomic batch. A checkpoint that
 * another thread has begun is waited for, before `freeze` begins.
 *
 * @param freeze  May be NULL.
 */
FLY_MUST_USE fly_status fly_pagefile_checkpoint(fly_pagefile *file, uint64_t lsn,
                                                const fly_pagefile_freeze *freeze, fly_err *err);

/**
 * @brief Give the free pages at the end of the file back to the disk.
 *
 * Makes the maps durable as they are now, under the last checkpoint's position. So an owner with a
 * log calls it when everything that was allocated and freed is durable in the log, and nobody
 * allocates or frees meanwhile.
 */
FLY_MUST_USE fly_status fly_pagefile_shrink(fly_pagefile *file, fly_err *err);

/**
 * @brief Decide the invariants of pagefile.c for what is in memory, and for the maps on the disk.
 *
 * Does not look into other pages: whoever owns them knows which there are.
 *
 * @return FLY_E_CORRUPT: the first one broken; FLY_E_NO_MEMORY; FLY_E_IO.
 * @cost   A read for each map that has not changed since the last checkpoint. Allocation waits.
 */
FLY_MUST_USE fly_status fly_pagefile_check(fly_pagefile *file, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
