/*
 * Writing pages back.
 *
 * One writer at a time fills the batch, because there is one double-write area:
 *
 *     1  choose dirty pages and sort them by number
 *     2  copy each under its shared latch, remembering its version and LSN
 *     3  the gate: the log must be durable up to the newest of these LSNs
 *     4  write the batch; now the copies are durable
 *     5  a page whose version is still the one copied is clean; one that has changed since keeps a
 *        dirty LSN, but a newer one: all its changes up to the copy's LSN are on disk
 *
 * No latch is held in steps 3 and 4, so writers of pages never wait for the disk here.
 *
 * Latches are only tried. Whoever needs a slot may hold latches of its own while it cleans, and
 * waiting for another one could close a circle. A page in use is skipped; fly_bufpool_flush() comes
 * back for it.
 */
#include <fly/bufpool.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bufpool_int.h"

enum {
    CHOOSE_MISSES = 32, /* times the policy may find nothing before we take what we have */
    RETRY_NS = 200000   /* before coming back for pages that were in use */
};

static int by_page_number(const void *a, const void *b)
{
    uint32_t x = ((const struct fly__pending *)a)->page;
    uint32_t y = ((const struct fly__pending *)b)->page;
    return (x > y) - (x < y);
}

static fly_latch *latch_of(const fly_bufpool *pool, const struct fly__pending *pending)
{
    return &pool->hot.latches[fly__bufpool_index(pool, pending->page, pending->slot)];
}

static bool try_shared(fly_latch *latch)
{
    FLY_POINT("latch try shared", latch);
    uint64_t seen = fly_load_relaxed_u64(&latch->word);
    while ((seen & FLY__LATCH_EXCLUSIVE) == 0 &&
           (seen & FLY__LATCH_READERS) != FLY__LATCH_READERS) {
        if (fly_cas_u64(&latch->word, &seen, seen + FLY__LATCH_READER)) {
            FLY_TAKEN(latch, "latch");
            return true;
        }
    }
    return false;
}

static fly_latch_version version_of(const fly_latch *latch)
{
    return fly_load_u64(&latch->word) & ~(uint64_t)FLY__LATCH_TRANSIENT;
}

/* Whether the slot still holds the page: to be asked with the latch held. */
static bool still_there(const fly_bufpool *pool, const struct fly__pending *pending)
{
    return fly_load_u32(&pool->slot_page[pending->slot]) == pending->page &&
           fly__bufpool_slot(pool, pending->page) == pending->slot;
}

/* Step 2 for one page; false if it is in use, or was clean after all. */
static fly_status copy_one(fly_bufpool *pool, struct fly__pending *pending, bool *copied,
                           fly_err *err)
{
    *copied = false;
    fly_latch *latch = latch_of(pool, pending);
    if (!try_shared(latch)) {
        return FLY_OK;
    }
    fly_status status = FLY_OK;
    if (still_there(pool, pending) && fly_load_u64(&pool->hot.dirty[pending->slot]) != 0) {
        const uint8_t *bytes =
            fly__bufpool_bytes(pool, fly__bufpool_index(pool, pending->page, pending->slot));
        pending->version = version_of(latch);
        pending->lsn = fly_page_lsn(bytes);
        status = fly_page_batch_add(pool->batch, pending->page, bytes, err);
        *copied = status == FLY_OK;
    }
    fly_latch_unlock_shared(latch);
    return status;
}

/* Step 5 for one page. */
static void mark_clean(fly_bufpool *pool, const struct fly__pending *pending)
{
    fly_latch *latch = latch_of(pool, pending);
    if (!try_shared(latch)) {
        return; /* somebody changes it just now: it stays dirty, by its old LSN, which is safe */
    }
    if (still_there(pool, pending)) {
        fly_atomic_u64 *dirty = &pool->hot.dirty[pending->slot];
        if (version_of(latch) == pending->version) {
            fly_store_u64(dirty, 0);
        } else if (fly_load_u64(dirty) <= pending->lsn) {
            fly_store_u64(dirty, pending->lsn + 1);
        }
    }
    fly_latch_unlock_shared(latch);
}

/* Steps 2 to 5 for the first `count` of pool->pending, which are sorted. flush_mutex is held. */
static fly_status write_pending(fly_bufpool *pool, uint32_t count, uint32_t *written, fly_err *err)
{
    fly_mutex_assert_held(&pool->flush_mutex);
    uint64_t began = pool->env->trace != NULL ? fly_now() : 0;
    uint32_t copied = 0;
    uint64_t newest = 0;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        bool taken = false;
        struct fly__pending pending = pool->pending[i];
        status = copy_one(pool, &pending, &taken, err);
        if (taken) {
            newest = pending.lsn > newest ? pending.lsn : newest;
            pool->pending[copied++] = pending;
        }
    }
    *written = 0;
    if (status == FLY_OK && copied > 0 && pool->gate.log_flushed_to != NULL) {
        status = pool->gate.log_flushed_to(pool->gate.ctx, newest, err);
    }
    if (status != FLY_OK || copied == 0) {
        fly_page_batch_clear(pool->batch);
        return status;
    }
    status = fly_page_batch_write(pool->batch, err);
    if (status != FLY_OK) {
        return status;
    }
    for (uint32_t i = 0; i < copied; i++) {
        mark_clean(pool, &pool->pending[i]);
        FLY_TRACE(pool->env->trace, FLY_BUFPOOL_EVENT_WRITTEN, pool->pending[i].page,
                  pool->pending[i].lsn, 0, 0);
    }
    *written = copied;
    fly_count_u64(&pool->writes, copied);
    fly_count_u64(&pool->batches, 1);
    FLY_TRACE(pool->env->trace, FLY_BUFPOOL_EVENT_BATCH, copied, fly_now() - began, 0, 0);
    return FLY_OK;
}

/* ----------------------------------------------------------------- cleaning for eviction */

static bool is_dirty_and_unchosen(void *ctx, uint32_t slot)
{
    const fly_bufpool *pool = ctx;
    return fly_load_u32(&pool->slot_page[slot]) != FLY_PAGE_NONE &&
           fly_load_u64(&pool->hot.dirty[slot]) != 0 &&
           ((pool->chosen[slot / 64] >> (slot % 64)) & 1) == 0;
}

fly_status fly__bufpool_clean(fly_bufpool *pool, fly_err *err)
{
    if (!fly_mutex_try_lock(&pool->flush_mutex)) {
        return FLY_E_AGAIN;
    }
    uint32_t count = 0;
    int nothing = 0;
    while (count < pool->batch_pages && nothing < CHOOSE_MISSES) {
        uint32_t slot = fly__bufpool_victim(pool, is_dirty_and_unchosen, pool);
        if (slot == NO_SLOT) {
            nothing += pool->policy->thorough ? CHOOSE_MISSES : 1;
            continue;
        }
        uint32_t page = fly_load_u32(&pool->slot_page[slot]);
        if (page != FLY_PAGE_NONE) {
            pool->chosen[slot / 64] |= (uint64_t)1 << (slot % 64);
            pool->pending[count++] = (struct fly__pending){.page = page, .slot = slot};
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        pool->chosen[pool->pending[i].slot / 64] = 0;
    }
    uint32_t written = 0;
    qsort(pool->pending, count, sizeof *pool->pending, by_page_number);
    fly_status status = write_pending(pool, count, &written, err);
    fly_mutex_unlock(&pool->flush_mutex);
    return status == FLY_OK && written == 0 ? FLY_E_NOT_FOUND : status;
}

/* --------------------------------------------------------------- flushing for a checkpoint */

static bool is_older(const fly_bufpool *pool, uint32_t slot, uint64_t lsn)
{
    uint64_t dirty = fly_load_u64(&pool->hot.dirty[slot]);
    return dirty != 0 && (dirty < lsn || lsn == UINT64_MAX);
}

/* All pages that must be written, sorted. The caller frees `pages`, `*room` of them. */
static struct fly__pending *list_older(const fly_bufpool *pool, uint64_t lsn, uint32_t *count,
                                       uint32_t *room)
{
    *count = 0;
    *room = 0;
    for (uint32_t slot = 0; slot < pool->slots; slot++) {
        *room += is_older(pool, slot, lsn);
    }
    if (*room == 0) {
        return NULL;
    }
    struct fly__pending *pages = fly_mem_calloc(pool->env->mem, *room, sizeof *pages);
    if (pages == NULL) {
        return NULL;
    }
    for (uint32_t slot = 0; slot < pool->slots && *count < *room; slot++) {
        uint32_t page = fly_load_u32(&pool->slot_page[slot]);
        if (page != FLY_PAGE_NONE && is_older(pool, slot, lsn)) {
            pages[(*count)++] = (struct fly__pending){.page = page, .slot = slot};
        }
    }
    qsort(pages, *count, sizeof *pages, by_page_number);
    return pages;
}

/*
 * Keep of `some` pages those that must be written once more; returns how many. The first `done` of
 * pool->pending were written just now, in the same order. One that was in use was not, and one that
 * changed meanwhile may still be older than `lsn`, as far as we know. But where everything was asked
 * for, once is enough: pages that change all the time would keep us here for ever.
 */
static uint32_t keep_unwritten(const fly_bufpool *pool, struct fly__pending *pages, uint32_t some,
                               uint32_t done, uint64_t lsn)
{
    fly_mutex_assert_held(&pool->flush_mutex);
    uint32_t kept = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < some; i++) {
        bool was_written = next < done && pool->pending[next].page == pages[i].page;
        next += was_written;
        if ((!was_written || lsn != UINT64_MAX) && is_older(pool, pages[i].slot, lsn) &&
            fly_load_u32(&pool->slot_page[pages[i].slot]) == pages[i].page) {
            pages[kept++] = pages[i];
        }
    }
    return kept;
}

/* Write each of `*count` sorted pages once, as far as it is not in use; keep the rest. */
static fly_status write_listed(fly_bufpool *pool, struct fly__pending *pages, uint32_t *count,
                               uint64_t lsn, uint32_t limit, uint32_t *total, fly_err *err)
{
    fly_status status = FLY_OK;
    uint32_t kept = 0;
    uint32_t at = 0;
    while (at < *count && status == FLY_OK && (limit == 0 || *total < limit)) {
        uint32_t some = *count - at < pool->batch_pages ? *count - at : pool->batch_pages;
        some = limit != 0 && limit - *total < some ? limit - *total : some;
        uint32_t done = 0;
        fly_mutex_lock(&pool->flush_mutex);
        memcpy(pool->pending, pages + at, some * sizeof *pages);
        status = write_pending(pool, some, &done, err);
        uint32_t left = keep_unwritten(pool, pages + at, some, done, lsn);
        fly_mutex_unlock(&pool->flush_mutex);
        memmove(pages + kept, pages + at, left * sizeof *pages);
        kept += left;
        at += some;
        *total += done;
    }
    *count = kept;
    return status;
}

fly_status fly_bufpool_flush(fly_bufpool *pool, uint64_t lsn, uint32_t limit, uint32_t *written,
                             fly_err *err)
{
    uint32_t total = 0;
    uint32_t count = 0;
    uint32_t room = 0;
    struct fly__pending *pages = list_older(pool, lsn, &count, &room);
    if (room > 0 && pages == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to list %" PRIu32 " dirty pages", room);
    }
    fly_status status = FLY_OK;
    while (status == FLY_OK && count > 0 && (limit == 0 || total < limit)) {
        uint32_t before = total;
        status = write_listed(pool, pages, &count, lsn, limit, &total, err);
        if (status == FLY_OK && count > 0 && total == before) {
            fly_sleep(RETRY_NS); /* all that is left is in use */
        }
    }
    fly_mem_free(pool->env->mem, pages, room * sizeof *pages);
    if (status == FLY_OK && written != NULL) {
        *written = total;
    }
    return status;
}

uint64_t fly_bufpool_oldest_lsn(const fly_bufpool *pool)
{
    uint64_t oldest = UINT64_MAX;
    for (uint32_t slot = 0; slot < pool->slots; slot++) {
        /* Pairs with fly_bufpool_dirty(). */
        uint64_t lsn = fly_load_seq_u64(&pool->hot.dirty[slot]);
        if (lsn != 0 && lsn < oldest) {
            oldest = lsn;
        }
    }
    return oldest;
}
