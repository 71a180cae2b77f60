/**
 * @file bufpool.h
 * @brief The buffer pool: which pages of a page file are in memory, and who may touch them.
 *
 * A page is found by arithmetic: an entry for every page of the file says in which slot of the pool
 * it is, or that it is not. There are as many slots as the pool may hold pages.
 *
 *     page number ──> table[page] = { slot, last touched }
 *                          │
 *        frames backend    ├──> memory[slot], latch[slot]     memory as large as the pool
 *        virtual backend   └──> memory[page], latch[page]     address space as large as the file
 *
 * The virtual backend (Leis et al., 2023) knows a page's address before it knows anything else and
 * gives memory back to the system when it evicts. The frames backend keeps its memory, in huge pages
 * where there are some, and pays one dependent load for it. Everything else is the same code.
 *
 * A page is used in one of three ways:
 *   - observed: nothing is locked; what is read counts only if the page is still unchanged when
 *     asked afterwards. Every offset read from it must be bounded before it is used.
 *   - shared: others may read, nobody may write.
 *   - exclusive: nobody else.
 * A page that is latched is never evicted; a page that is only observed may be.
 *
 * A changed page remembers the log position (LSN) before its oldest change that is not on disk:
 * checkpoints want to know. Before a page is written, the owner's gate is called with the LSN that
 * stands in the page, that of its newest change: log first. Pages go to disk through the page
 * file's double-write area, in the order of their numbers.
 *
 * Threads: thread-safe. A latch is released by the thread that took it.
 * @source Leis, Alhomssi, Ziegler, Loeck, Dietrich: "Virtual-Memory Assisted Buffer Management",
 *         SIGMOD 2023. O'Neil, O'Neil, Weikum: "The LRU-K Page Replacement Algorithm", SIGMOD 1993.
 */
#ifndef FLY_BUFPOOL_H
#define FLY_BUFPOOL_H

#include <fly/base_env.h>
#include <fly/base_latch.h>
#include <fly/page_file.h>

/** @defgroup bufpool libbufpool: pages in memory */
/** @addtogroup bufpool
 *  @{ */

#define FLY_BUFPOOL_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_bufpool fly_bufpool;
typedef struct fly_bufpool_policy fly_bufpool_policy;

/** A change that no log records, so that its page may be written at any time. */
#define FLY_BUFPOOL_UNLOGGED UINT64_MAX

/** Where pages lie in memory. */
typedef enum fly_bufpool_backend {
    FLY_BUFPOOL_AUTO = 0, /**< what was fastest where we measured: frames */
    FLY_BUFPOOL_FRAMES,
    FLY_BUFPOOL_VIRTUAL
} fly_bufpool_backend;

/** What must have happened before a page may be written: called with the page's LSN. */
typedef struct fly_flush_gate {
    fly_status (*log_flushed_to)(void *ctx, uint64_t lsn, fly_err *err);
    void *ctx;
} fly_flush_gate;

/** Knobs. Zero means the default. */
typedef struct fly_bufpool_options {
    uint64_t bytes; /**< memory for pages; default: fly_bufpool_auto_bytes(); at least 16 pages */
    fly_bufpool_backend backend;
    const fly_bufpool_policy *policy; /**< default fly_bufpool_lru_k */
    fly_flush_gate gate;              /**< default none: no log */
    /** Decide whether bytes from disk are safe to work on, beyond their checksum. Optional. */
    fly_status (*check)(void *ctx, uint32_t page, const uint8_t *bytes, uint32_t usable,
                        fly_err *err);
    void *check_ctx;
    uint32_t pages_max;   /**< pages the file may ever have; default 2^28 (2 TiB of 8 KiB) */
    uint32_t batch_pages; /**< pages written at a time; default 128 */
    bool background;      /**< start a thread that keeps slots clean ahead of need */
    uint64_t seed;        /**< of a sampling policy; default fixed */
} fly_bufpool_options;

/** A quarter of the machine's memory, or of the control group's limit where that is less. */
uint64_t fly_bufpool_auto_bytes(void);

/**
 * @brief Create a pool over a page file.
 *
 * @param file  Keeps.
 * @param[out] pool  Gives; fly_bufpool_destroy(), before the file is closed.
 */
FLY_MUST_USE fly_status fly_bufpool_create(fly_env *env, fly_pagefile *file,
                                           const fly_bufpool_options *options, fly_bufpool **pool,
                                           fly_err *err);

/** Release a pool whose pages nobody uses. Dirty pages are not written. NULL is fine. */
void fly_bufpool_destroy(fly_bufpool *pool);

/** The file below. */
fly_pagefile *fly_bufpool_file(const fly_bufpool *pool);

/** How many pages the pool may hold. */
uint32_t fly_bufpool_slots(const fly_bufpool *pool);

/* ------------------------------------------------------------------- using a page */

/** A page in use. Lives on the user's stack; the fields are for reading. */
typedef struct fly_pageref {
    uint8_t *bytes;            /**< the page */
    fly_latch *latch;          /**< its latch */
    fly_latch_version version; /**< while it is observed */
    uint32_t page;             /**< its number */
} fly_pageref;

/** @cond */
struct fly__bufpool_hot {
    fly_atomic_u64 *table; /* low half: slot + 1, or 0; high half: tick of the last touch */
    fly_atomic_u64 *dirty; /* by slot: LSN of the oldest change that is not on disk, or 0 */
    fly_latch *latches;
    uint8_t *memory;
    uint32_t shift;      /* of the page size */
    uint32_t pages;      /* length of the table */
    fly_atomic_u32 tick; /* the policy's time; never equal when every reference must be seen */
    bool by_page;        /* latches and memory are indexed by page, not by slot */
};
fly_status fly__bufpool_observe_slow(fly_bufpool *pool, uint32_t page, fly_pageref *ref,
                                     fly_err *err);
void fly__bufpool_touch(fly_bufpool *pool, uint32_t page, uint32_t slot);
/** @endcond */

/**
 * @brief Begin to read page `page` without locking it, loading it if it is not in memory.
 *
 * Ends with one of fly_bufpool_unchanged(), fly_bufpool_forget(), fly_bufpool_upgrade(). Who has the
 * number from another page that it only observes may come when the page was given away: what is then
 * read, or cannot be read, means nothing until that other page was asked whether it is unchanged.
 *
 * @return FLY_E_CORRUPT, FLY_E_IO, FLY_E_KEY from reading it; FLY_E_TOO_LARGE beyond pages_max.
 * @cost   Three loads when it is in memory.
 */
FLY_MUST_USE static inline fly_status fly_bufpool_observe(fly_bufpool *pool, uint32_t page,
                                                          fly_pageref *ref, fly_err *err)
{
    const struct fly__bufpool_hot *hot = (const struct fly__bufpool_hot *)(const void *)pool;
    if (FLY_LIKELY(page < hot->pages)) {
        uint64_t entry = fly_load_u64(&hot->table[page]);
        uint32_t slot = (uint32_t)entry;
        if (FLY_LIKELY(slot != 0)) {
            size_t index = hot->by_page ? page : slot - 1;
            fly_latch *latch = &hot->latches[index];
            fly_latch_version version;
            if (FLY_UNLIKELY(!fly_latch_try_observe(latch, &version))) {
                return fly__bufpool_observe_slow(pool, page, ref, err);
            }
            FLY_POINT("page observed", latch);
            /* The slot may have gone to another page between the two loads. */
            if (FLY_LIKELY((uint32_t)fly_load_u64(&hot->table[page]) == slot)) {
                ref->bytes = hot->memory + (index << hot->shift);
                ref->latch = latch;
                ref->version = version;
                ref->page = page;
                if (FLY_UNLIKELY((uint32_t)(entry >> 32) != fly_load_relaxed_u32(&hot->tick))) {
                    fly__bufpool_touch(pool, page, slot - 1);
                }
                return FLY_OK;
            }
            fly_latch_forget(latch, version);
        }
    }
    return fly__bufpool_observe_slow(pool, page, ref, err);
}

/** Whether an observed page has not changed so far. */
static inline bool fly_bufpool_still(const fly_pageref *ref)
{
    return fly_latch_still(ref->latch, ref->version);
}

/** End an observation: whether all that was read can be believed. */
FLY_MUST_USE static inline bool fly_bufpool_unchanged(const fly_pageref *ref)
{
    return fly_latch_unchanged(ref->latch, ref->version);
}

/** End an observation whose outcome does not matter. */
static inline void fly_bufpool_forget(const fly_pageref *ref)
{
    fly_latch_forget(ref->latch, ref->version);
}

/** End an observation by taking the page exclusive, if it has not changed. */
FLY_MUST_USE static inline bool fly_bufpool_upgrade(const fly_pageref *ref)
{
    return fly_latch_upgrade(ref->latch, ref->version);
}

/** Take a page shared, loading it if need be. fly_bufpool_unfix_shared(). */
FLY_MUST_USE fly_status fly_bufpool_fix_shared(fly_bufpool *pool, uint32_t page, fly_pageref *ref,
                                               fly_err *err);

/** Take a page exclusive, loading it if need be. fly_bufpool_unfix_exclusive(). */
FLY_MUST_USE fly_status fly_bufpool_fix_exclusive(fly_bufpool *pool, uint32_t page,
                                                  fly_pageref *ref, fly_err *err);

/**
 * @brief Take a page exclusive that nobody uses yet, without reading it: all zero but its number.
 *
 * For pages fresh from fly_pagefile_alloc(), and for redo of a record that makes a whole page.
 */
FLY_MUST_USE fly_status fly_bufpool_fix_new(fly_bufpool *pool, uint32_t page, fly_pageref *ref,
                                            fly_err *err);

/** Give back a shared page. */
static inline void fly_bufpool_unfix_shared(const fly_pageref *ref)
{
    fly_latch_unlock_shared(ref->latch);
}

/** Give back an exclusive page: whoever observes it has to look again. */
static inline void fly_bufpool_unfix_exclusive(const fly_pageref *ref)
{
    fly_latch_unlock_exclusive(ref->latch);
}

/** Give back an exclusive page that was not changed. */
static inline void fly_bufpool_unfix_unchanged(const fly_pageref *ref)
{
    fly_latch_unlock_unchanged(ref->latch);
}

/** Whether a page that the caller has latched differs from the disk. */
static inline bool fly_bufpool_is_dirty(const fly_bufpool *pool, const fly_pageref *ref)
{
    const struct fly__bufpool_hot *hot = (const struct fly__bufpool_hot *)(const void *)pool;
    uint32_t slot = (uint32_t)fly_load_relaxed_u64(&hot->table[ref->page]);
    return fly_load_relaxed_u64(&hot->dirty[slot - 1]) != 0;
}

/**
 * @brief Say that an exclusive page is about to be changed.
 *
 * Call it before the change's log record is appended, with the log's position at that time: a
 * checkpoint that looks at the log's end first and at the pool's oldest change then cannot miss it.
 * A page that is dirty already keeps its older LSN, so fly_bufpool_is_dirty() may save the call,
 * where changes of a page are all logged or none is. The page's own LSN is the caller's to set.
 *
 * @param lsn  No later than the change's record; or FLY_BUFPOOL_UNLOGGED.
 */
void fly_bufpool_dirty(fly_bufpool *pool, const fly_pageref *ref, uint64_t lsn);

/**
 * @brief Forget a page that was given back to the page file, dirty or not. It stays readable for
 *        those who observe it until they ask whether it changed.
 *
 * Append the record of it first: from here on no checkpoint sees the page's changes, and one whose
 * own record came before would lose them in a crash that takes back the page's end.
 *
 * @param ref  Exclusive; released by this call.
 */
void fly_bufpool_drop(fly_bufpool *pool, const fly_pageref *ref);

/** Bring pages into memory ahead of their use, neighbours with one read. Failures do not show. */
void fly_bufpool_read_ahead(fly_bufpool *pool, const uint32_t *pages, uint32_t count);

/** Where a page lies in memory, or NULL: to ask for its cache lines ahead of its use, no more. */
static inline const uint8_t *fly_bufpool_address(const fly_bufpool *pool, uint32_t page)
{
    const struct fly__bufpool_hot *hot = (const struct fly__bufpool_hot *)(const void *)pool;
    uint32_t slot = page < hot->pages ? (uint32_t)fly_load_relaxed_u64(&hot->table[page]) : 0;
    return slot == 0 ? NULL
                     : hot->memory + ((size_t)(hot->by_page ? page : slot - 1) << hot->shift);
}

/** Whether a page is in memory; the answer may be old when it arrives. */
bool fly_bufpool_has(const fly_bufpool *pool, uint32_t page);

/* ------------------------------------------------------------------------ writing */

/**
 * @brief Write pages whose oldest unwritten change is older than `lsn`, in order of page number.
 *
 * Call it without holding a latch. Pages that change meanwhile may stay dirty, by newer changes.
 *
 * @param lsn    UINT64_MAX: every dirty page, unlogged changes too.
 * @param limit  Pages to write at most; 0 is no limit.
 * @param[out] written  If not NULL.
 * @return FLY_E_IO, FLY_E_NO_SPACE: nothing is lost, the pages stay dirty; FLY_E_STOPPED from the
 *         gate or the page file.
 */
FLY_MUST_USE fly_status fly_bufpool_flush(fly_bufpool *pool, uint64_t lsn, uint32_t limit,
                                          uint32_t *written, fly_err *err);

/** The LSN of the oldest change that is not on disk; UINT64_MAX if there is none. O(slots). */
uint64_t fly_bufpool_oldest_lsn(const fly_bufpool *pool);

/* --------------------------------------------------------------------- watching it */

/** What the pool has done since it was created. */
typedef struct fly_bufpool_stats {
    uint64_t misses;     /**< pages read because somebody wanted them */
    uint64_t read_ahead; /**< pages read ahead */
    uint64_t evictions;  /**< pages that gave their slot to another */
    uint64_t writes;     /**< pages written */
    uint64_t batches;    /**< batches they were written in */
    uint64_t waits;      /**< times somebody found no slot to evict at once */
    uint32_t slots;      /**< pages the pool may hold */
    uint32_t resident;   /**< pages it holds */
    uint32_t dirty;      /**< of them, changed since they were written */
} fly_bufpool_stats;

/**
 * Count every use of a page, and emit FIXED for it, while somebody wants it: slows the pool down. Each
 * call with `on` is taken back by one without; nobody wants it at first.
 */
void fly_bufpool_watch(fly_bufpool *pool, bool on);

/** What was used, by all who use the pool. */
typedef struct fly_bufpool_usage {
    uint64_t fixes;  /**< uses of pages, while the pool was watched */
    uint64_t misses; /**< as in fly_bufpool_stats */
} fly_bufpool_usage;

/** Take the two counters. O(1). */
fly_bufpool_usage fly_bufpool_used(const fly_bufpool *pool);

/** Take the counters. */
void fly_bufpool_get_stats(const fly_bufpool *pool, fly_bufpool_stats *stats);

/**
 * @brief Decide the invariants that stand at the head of pool.c.
 *
 * Nobody may be using the pool, and its background thread must rest or not exist. For tests, and for
 * whoever suspects that a latch was not given back.
 *
 * @return FLY_E_CORRUPT: the message names the first invariant that is broken; FLY_E_NO_MEMORY.
 * @cost   O(slots + pages of the file).
 */
FLY_MUST_USE fly_status fly_bufpool_check(const fly_bufpool *pool, fly_err *err);

/** Events of this layer, for the trace. */
enum {
    FLY_BUFPOOL_EVENT_MISSED = FLY_TRACE_ID(FLY_TRACE_BUFPOOL, 1),  /**< page, slot, ns */
    FLY_BUFPOOL_EVENT_EVICTED = FLY_TRACE_ID(FLY_TRACE_BUFPOOL, 2), /**< page, slot */
    FLY_BUFPOOL_EVENT_WRITTEN = FLY_TRACE_ID(FLY_TRACE_BUFPOOL, 3), /**< page, lsn */
    FLY_BUFPOOL_EVENT_BATCH = FLY_TRACE_ID(FLY_TRACE_BUFPOOL, 4),   /**< pages, ns */
    FLY_BUFPOOL_EVENT_FIXED = FLY_TRACE_ID(FLY_TRACE_BUFPOOL, 5),   /**< page, slot */
    FLY_BUFPOOL_EVENT_AHEAD = FLY_TRACE_ID(FLY_TRACE_BUFPOOL, 6)    /**< first page, pages */
};

FLY_EXTERN_C_END
/** @} */
#endif
