/*
 * The pool: finding a page, bringing it in, letting another go.
 *
 *     B1  table[p] names slot s if and only if slot_page[s] is p; both change only while the latch
 *         that guards p in s is held exclusive
 *     B2  a slot is in exactly one place: named by the table, on the free stack, or in the hands of
 *         the thread that just took it
 *     B3  a slot with dirty[s] != 0 is not evicted
 *     B4  dirty[s] goes from 0 to an LSN under the exclusive latch, and back under the shared one,
 *         after the page's copy is durable
 *     B5  while nobody uses the pool no latch is held, and each page in it bears its own number
 *
 * fly_bufpool_check() (check.c) decides B1 to B3 and B5.
 *
 * With the frames backend a latch belongs to a slot, and a thread that found the slot in the table
 * may get the latch when the slot has gone to another page: whoever acquires a latch looks at the
 * table again. With the virtual backend the latch belongs to the page.
 *
 * Bringing page p in: take a slot; take the latch exclusive; enter the slot into table[p], unless
 * somebody else was faster; read. Threads that want p meanwhile find the entry and wait on the latch,
 * not on any lock of the pool: there is none on this path.
 *
 * What is not here: writing (flush.c), choosing (policy_*.c), and any knowledge of a log.
 */
#include <fly/bufpool.h>

#include <inttypes.h>
#include <string.h>

#include "bufpool_int.h"

enum {
    SLOTS_MIN = 16,
    PAGES_MAX_DEFAULT = 1 << 28,
    BATCH_DEFAULT = 128,
    EVICT_TRIES = 8,          /* victims asked for before dirty pages are written instead */
    WAIT_NS = 100000,         /* between two looks for a slot when all are in use */
    WAIT_MAX_NS = 2000000000, /* after that the pool is too small for what is latched at once */
    TICKS_IN_POOL = 16,       /* ticks that pass while as many pages come in as there are slots */
    AHEAD_SHARE = 8,          /* of the slots, which part may be on its way in at once */
    POPULATE_BYTES = 8 << 20, /* of memory at a time; */
    POPULATE_ASK = 32         /* asked for not more often than once in so many slots */
};

static const fly_trace_type events[] = {
    {FLY_BUFPOOL_EVENT_MISSED, "page missed", {"page", "slot", "ns", NULL}},
    {FLY_BUFPOOL_EVENT_EVICTED, "page evicted", {"page", "slot", NULL, NULL}},
    {FLY_BUFPOOL_EVENT_WRITTEN, "page written", {"page", "lsn", NULL, NULL}},
    {FLY_BUFPOOL_EVENT_BATCH, "pages written", {"pages", "ns", NULL, NULL}},
    {FLY_BUFPOOL_EVENT_FIXED, "page fixed", {"page", "slot", NULL, NULL}},
    {FLY_BUFPOOL_EVENT_AHEAD, "pages read ahead", {"first", "pages", NULL, NULL}},
};

/* ------------------------------------------------------------------ the table's entry */

#define TICK_SHIFT 32

static uint64_t entry_of(uint32_t slot_plus_one, uint32_t tick)
{
    return (uint64_t)tick << TICK_SHIFT | slot_plus_one;
}

/* Enter a slot where there is none, touched now; tells when the page was touched last before. */
static bool entry_fill(fly_bufpool *pool, uint32_t page, uint32_t slot, uint32_t tick,
                       uint32_t *last)
{
    uint64_t seen = fly_load_u64(&pool->hot.table[page]);
    *last = (uint32_t)(seen >> TICK_SHIFT);
    return (uint32_t)seen == 0 &&
           fly_cas_u64(&pool->hot.table[page], &seen, entry_of(slot + 1, tick));
}

/* Take a slot out; the tick beside it stays, for the page's next life. */
static void entry_empty(fly_bufpool *pool, uint32_t page, uint32_t slot)
{
    uint64_t seen = fly_load_u64(&pool->hot.table[page]);
    do {
        FLY_ASSERT((uint32_t)seen == slot + 1);
    } while (
        !fly_cas_u64(&pool->hot.table[page], &seen, entry_of(0, (uint32_t)(seen >> TICK_SHIFT))));
}

/* -------------------------------------------------------------------- asking the policy */

static void policy_enter(fly_bufpool *pool)
{
    if (!pool->policy->concurrent) {
        fly_mutex_lock(&pool->policy_mutex);
    }
}

static void policy_leave(fly_bufpool *pool)
{
    if (!pool->policy->concurrent) {
        fly_mutex_unlock(&pool->policy_mutex);
    }
}

uint32_t fly__bufpool_victim(fly_bufpool *pool, bool (*may)(void *ctx, uint32_t slot), void *ctx)
{
    policy_enter(pool);
    uint32_t slot =
        pool->policy->victim(pool->policy_state, fly_load_u32(&pool->real_tick), may, ctx);
    policy_leave(pool);
    return slot;
}

static void tell_use(fly_bufpool *pool, uint32_t page, uint32_t slot)
{
    if (fly_load_relaxed_u32(&pool->watched) != 0) {
        (void)fly_add_u64(&pool->fixes, 1);
        FLY_TRACE(pool->env->trace, FLY_BUFPOOL_EVENT_FIXED, page, slot, 0, 0);
    }
}

void fly__bufpool_touch(fly_bufpool *pool, uint32_t page, uint32_t slot)
{
    uint32_t tick = fly_load_relaxed_u32(&pool->real_tick);
    uint64_t seen = fly_load_u64(&pool->hot.table[page]);
    /* Losing the race to another toucher of the same tick is as good as winning it. */
    if ((uint32_t)seen == slot + 1 && (uint32_t)(seen >> TICK_SHIFT) != tick) {
        (void)fly_cas_u64(&pool->hot.table[page], &seen, entry_of(slot + 1, tick));
    }
    policy_enter(pool);
    if (fly_load_u32(&pool->slot_page[slot]) == page) {
        pool->policy->touched(pool->policy_state, slot, page, tick);
    }
    policy_leave(pool);
    tell_use(pool, page, slot);
}

/* What hot.tick shows: the time, or, if every reference must take the slow way, no time at all. */
static uint32_t tick_to_show(const fly_bufpool *pool)
{
    bool every = pool->policy->every_reference || fly_load_seq_u32(&pool->watched) != 0;
    return every ? UINT32_MAX : fly_load_seq_u32(&pool->real_tick);
}

/* Of several who show it at once, the last to store looks again afterwards, so what stays is true:
 * a stale tick would send every use of a page the slow way until the next one. Sequentially
 * consistent, for this is a store here and a load of another word that others change. */
static void show_tick(fly_bufpool *pool)
{
    uint32_t shown;
    do {
        shown = tick_to_show(pool);
        FLY_POINT("show tick", pool);
        fly_store_seq_u32(&pool->hot.tick, shown);
    } while (tick_to_show(pool) != shown);
}

/* A page came in: that is what time is made of. */
static void pass_time(fly_bufpool *pool)
{
    if ((fly_add_u64(&pool->loads, 1) + 1) % pool->tick_misses == 0) {
        (void)fly_add_u32(&pool->real_tick, 1);
        show_tick(pool);
    }
}

void fly_bufpool_watch(fly_bufpool *pool, bool on)
{
    uint32_t before = on ? fly_add_u32(&pool->watched, 1) : fly_sub_u32(&pool->watched, 1);
    FLY_ASSERT(on || before > 0);
    show_tick(pool);
}

/* ------------------------------------------------------------------------- free slots */

static bool pop_free(fly_bufpool *pool, uint32_t *slot)
{
    bool found = false;
    fly_mutex_lock(&pool->free_mutex);
    uint32_t count = fly_load_u32(&pool->free_count);
    if (count > 0) {
        *slot = pool->free_slots[count - 1];
        fly_store_u32(&pool->free_count, count - 1);
        if (*slot >= fly_load_relaxed_u32(&pool->touched)) {
            fly_store_u32(&pool->touched, *slot + 1);
        }
        found = true;
    }
    fly_mutex_unlock(&pool->free_mutex);
    return found;
}

static void push_free(fly_bufpool *pool, uint32_t slot)
{
    fly_mutex_lock(&pool->free_mutex);
    uint32_t count = fly_load_u32(&pool->free_count);
    pool->free_slots[count] = slot;
    fly_store_u32(&pool->free_count, count + 1);
    fly_mutex_unlock(&pool->free_mutex);
}

/* Whether a slot looks as if its page could go at once. */
static bool is_clean_and_idle(void *ctx, uint32_t slot)
{
    fly_bufpool *pool = ctx;
    uint32_t page = fly_load_u32(&pool->slot_page[slot]);
    if (page == FLY_PAGE_NONE || fly_load_u64(&pool->hot.dirty[slot]) != 0) {
        return false;
    }
    const fly_latch *latch = &pool->hot.latches[fly__bufpool_index(pool, page, slot)];
    uint64_t word = fly_load_relaxed_u64(&latch->word);
    return (word & (FLY__LATCH_EXCLUSIVE | FLY__LATCH_READERS)) == 0;
}

/* Take the page out of a slot whose latch is held exclusive. Returns with the latch released. */
static void empty_slot(fly_bufpool *pool, uint32_t page, uint32_t slot, fly_latch *latch)
{
    entry_empty(pool, page, slot);
    policy_enter(pool);
    fly_store_u32(&pool->slot_page[slot], FLY_PAGE_NONE);
    pool->policy->evicted(pool->policy_state, slot, page);
    policy_leave(pool);
    if (pool->hot.by_page) {
        fly_vfs_discard(pool->env->vfs, fly__bufpool_bytes(pool, page), pool->page_size);
    }
    fly_latch_unlock_exclusive(latch);
}

/* Evict the page in `slot` if that can be done without waiting; the slot is then the caller's. */
static bool evict(fly_bufpool *pool, uint32_t slot)
{
    uint32_t page = fly_load_u32(&pool->slot_page[slot]);
    if (page == FLY_PAGE_NONE) {
        return false;
    }
    fly_latch *latch = &pool->hot.latches[fly__bufpool_index(pool, page, slot)];
    if (!fly_latch_try_exclusive(latch)) {
        return false;
    }
    if (fly_load_u32(&pool->slot_page[slot]) != page || fly__bufpool_slot(pool, page) != slot ||
        fly_load_u64(&pool->hot.dirty[slot]) != 0) {
        fly_latch_unlock_unchanged(latch);
        return false;
    }
    empty_slot(pool, page, slot, latch);
    fly_count_u64(&pool->evictions, 1);
    FLY_TRACE(pool->env->trace, FLY_BUFPOOL_EVENT_EVICTED, page, slot, 0, 0);
    return true;
}

static bool evict_some(fly_bufpool *pool, uint32_t *slot)
{
    for (int i = 0; i < EVICT_TRIES; i++) {
        uint32_t victim = fly__bufpool_victim(pool, is_clean_and_idle, pool);
        if (victim != NO_SLOT && evict(pool, victim)) {
            *slot = victim;
            return true;
        }
        if (victim == NO_SLOT && pool->policy->thorough) {
            break;
        }
    }
    return false;
}

void fly__bufpool_make_free(fly_bufpool *pool, uint32_t wanted)
{
    uint32_t slot;
    while (fly_load_u32(&pool->free_count) < wanted && evict_some(pool, &slot)) {
        push_free(pool, slot);
    }
}

static uint32_t reserve_of(const fly_bufpool *pool)
{
    return pool->slots / 64 < 256 ? pool->slots / 64 : 256;
}

/* How many slots get memory at a time, before somebody needs it: touching fresh memory takes the
 * system a while, and whoever brings a page in holds latches. */
static uint32_t populate_step(const fly_bufpool *pool)
{
    uint32_t step = (uint32_t)POPULATE_BYTES >> pool->hot.shift;
    return step < pool->slots / 16 ? step : pool->slots / 16;
}

/* Slots that want memory: up to two steps ahead of those in use. */
static uint32_t wanted_populated(const fly_bufpool *pool)
{
    uint32_t wanted = fly_load_relaxed_u32(&pool->touched) + 2 * populate_step(pool);
    return pool->hot.by_page ? 0 : wanted < pool->slots ? wanted : pool->slots;
}

static void call_background(fly_bufpool *pool)
{
    (void)fly_add_u32(&pool->alarm, 1);
    fly_unpark(&pool->alarm, 1);
}

/* A slot that is free or can be made so at once. */
static bool take_slot_at_once(fly_bufpool *pool, uint32_t *slot)
{
    if (pool->has_background) {
        uint32_t populated = fly_load_relaxed_u32(&pool->populated);
        uint32_t wanted = wanted_populated(pool);
        bool step_is_due = wanted >= populated + populate_step(pool) && wanted > populated &&
                           wanted % POPULATE_ASK == 0;
        if (step_is_due || fly_load_relaxed_u32(&pool->free_count) < reserve_of(pool) / 2) {
            call_background(pool);
        }
    }
    return pop_free(pool, slot) || evict_some(pool, slot);
}

/* A slot for a page that is to come in. The caller may hold latches, so nothing here waits for
 * one: a page in use is passed over, and another thread's write is waited for by the clock. Only
 * time in which nobody writes counts against the limit: a slow disk is no reason to give up. */
static fly_status take_slot(fly_bufpool *pool, uint32_t *slot, fly_err *err)
{
    uint64_t waited = 0;
    while (!take_slot_at_once(pool, slot)) {
        fly_status status = fly__bufpool_clean(pool, err);
        if (status == FLY_OK) {
            continue;
        }
        if (status != FLY_E_AGAIN && status != FLY_E_NOT_FOUND) {
            return status;
        }
        if (status == FLY_E_NOT_FOUND) {
            waited += WAIT_NS;
        }
        if (waited > WAIT_MAX_NS) {
            return fly_err_set(err, FLY_E_NO_MEMORY,
                               "all %" PRIu32 " pages of the buffer pool of \"%s\" are in use",
                               pool->slots, fly_pagefile_path(pool->file));
        }
        fly_count_u64(&pool->waits, 1);
        fly_sleep(WAIT_NS);
    }
    return FLY_OK;
}

/* --------------------------------------------------------------------------- loading */

static fly_status beyond(const fly_bufpool *pool, uint32_t page, fly_err *err)
{
    bool in_file = page < fly_pagefile_pages(pool->file);
    return fly_err_set(err, in_file ? FLY_E_TOO_LARGE : FLY_E_CORRUPT,
                       "page %" PRIu32 " of \"%s\" is beyond %s %" PRIu32, page,
                       fly_pagefile_path(pool->file),
                       in_file ? "the pool's limit of" : "the last page,",
                       in_file ? pool->hot.pages : fly_pagefile_pages(pool->file) - 1);
}

/*
 * Enter page `page` into a slot that the caller took, and take its latch. Afterwards the page belongs
 * to the caller, its bytes unread. False: it is in memory already, or just came; the slot is free.
 *
 * Frames: nobody can want this latch for long, for the slot is in no table. Virtual: somebody may be
 * evicting the page, or have brought it in a moment ago, and keep it. Who wants the page may `wait`
 * for that; who reads ahead holds pages that nobody asked it for, and gives up instead.
 */
static bool enter(fly_bufpool *pool, uint32_t page, uint32_t slot, bool wait, fly_pageref *ref)
{
    size_t index = fly__bufpool_index(pool, page, slot);
    fly_latch *latch = &pool->hot.latches[index];
    if (wait) {
        fly_latch_lock_exclusive(latch);
    } else if (!fly_latch_try_exclusive(latch)) {
        push_free(pool, slot);
        return false;
    }
    uint32_t tick = fly_load_u32(&pool->real_tick);
    uint32_t last = 0;
    if (!entry_fill(pool, page, slot, tick, &last)) {
        fly_latch_unlock_unchanged(latch);
        push_free(pool, slot);
        return false;
    }
    policy_enter(pool);
    fly_store_u32(&pool->slot_page[slot], page);
    pool->policy->loaded(pool->policy_state, slot, page, tick, last);
    policy_leave(pool);
    *ref = (fly_pageref){
        .bytes = fly__bufpool_bytes(pool, index), .latch = latch, .version = 0, .page = page};
    return true;
}

/* Undo enter(): the page could not be read. */
static void leave(fly_bufpool *pool, const fly_pageref *ref, uint32_t slot)
{
    empty_slot(pool, ref->page, slot, ref->latch);
    push_free(pool, slot);
}

static fly_status accept(fly_bufpool *pool, uint32_t page, uint8_t *bytes, fly_err *err)
{
    if (pool->check == NULL) {
        return FLY_OK;
    }
    fly_status status =
        pool->check(pool->check_ctx, page, bytes, fly_pagefile_usable(pool->file), err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "\"%s\"", fly_pagefile_path(pool->file));
    }
    return FLY_OK;
}

/* Bring a page in and leave it exclusive. FLY_E_AGAIN: somebody else did. */
static fly_status load(fly_bufpool *pool, uint32_t page, fly_pageref *ref, fly_err *err)
{
    uint32_t slot = NO_SLOT;
    fly_status status = take_slot(pool, &slot, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!enter(pool, page, slot, true, ref)) {
        return FLY_E_AGAIN;
    }
    uint64_t began = pool->env->trace != NULL ? fly_now() : 0;
    status = fly_pagefile_read(pool->file, page, ref->bytes, err);
    if (status == FLY_OK) {
        status = accept(pool, page, ref->bytes, err);
    }
    if (status != FLY_OK) {
        leave(pool, ref, slot);
        return status;
    }
    fly_count_u64(&pool->misses, 1);
    pass_time(pool);
    FLY_TRACE(pool->env->trace, FLY_BUFPOOL_EVENT_MISSED, page, slot, fly_now() - began, 0);
    tell_use(pool, page, slot);
    return FLY_OK;
}

/* Find a page that is in memory: its slot and latch, as of now. */
static bool find(fly_bufpool *pool, uint32_t page, fly_pageref *ref, uint32_t *slot)
{
    *slot = fly__bufpool_slot(pool, page);
    if (*slot == NO_SLOT) {
        return false;
    }
    size_t index = fly__bufpool_index(pool, page, *slot);
    *ref = (fly_pageref){.bytes = fly__bufpool_bytes(pool, index),
                         .latch = &pool->hot.latches[index],
                         .version = 0,
                         .page = page};
    return true;
}

/* A slot that is found may get another page while its latch is waited for: then the latch is that
 * page's, and whoever holds it may wait for one that the caller holds. So nobody waits on. */
struct found {
    const fly_bufpool *pool;
    uint32_t page;
    uint32_t slot;
};

static bool is_still_there(const void *ctx)
{
    const struct found *found = ctx;
    return fly__bufpool_slot(found->pool, found->page) == found->slot;
}

static bool lock_found(const fly_bufpool *pool, const fly_pageref *ref, uint32_t slot,
                       bool exclusive)
{
    const struct found found = {pool, ref->page, slot};
    return exclusive ? fly_latch_lock_exclusive_while(ref->latch, is_still_there, &found)
                     : fly_latch_lock_shared_while(ref->latch, is_still_there, &found);
}

/* A page was found, or found again by the caller who just brought it in, which was its use. */
static void note_use(fly_bufpool *pool, uint32_t page, uint32_t slot, bool brought_in)
{
    uint64_t entry = fly_load_relaxed_u64(&pool->hot.table[page]);
    if (!brought_in && (uint32_t)(entry >> TICK_SHIFT) != fly_load_relaxed_u32(&pool->hot.tick)) {
        fly__bufpool_touch(pool, page, slot);
    }
}

fly_status fly__bufpool_observe_slow(fly_bufpool *pool, uint32_t page, fly_pageref *ref,
                                     fly_err *err)
{
    if (page >= pool->hot.pages) {
        return beyond(pool, page, err);
    }
    bool brought_in = false;
    for (;;) {
        uint32_t slot;
        if (find(pool, page, ref, &slot)) {
            const struct found found = {pool, page, slot};
            if (!fly_latch_observe_while(ref->latch, is_still_there, &found, &ref->version)) {
                continue;
            }
            if (fly__bufpool_slot(pool, page) == slot) {
                note_use(pool, page, slot, brought_in);
                return FLY_OK;
            }
            fly_latch_forget(ref->latch, ref->version);
            continue;
        }
        fly_status status = load(pool, page, ref, err);
        if (status == FLY_OK) {
            fly_latch_unlock_exclusive(ref->latch);
            brought_in = true;
        } else if (status != FLY_E_AGAIN) {
            return status;
        }
    }
}

fly_status fly_bufpool_fix_shared(fly_bufpool *pool, uint32_t page, fly_pageref *ref, fly_err *err)
{
    if (page >= pool->hot.pages) {
        return beyond(pool, page, err);
    }
    bool brought_in = false;
    for (;;) {
        uint32_t slot;
        if (find(pool, page, ref, &slot)) {
            if (!lock_found(pool, ref, slot, false)) {
                continue;
            }
            if (fly__bufpool_slot(pool, page) == slot) {
                note_use(pool, page, slot, brought_in);
                return FLY_OK;
            }
            fly_latch_unlock_shared(ref->latch);
            continue;
        }
        fly_status status = load(pool, page, ref, err);
        if (status == FLY_OK) {
            fly_latch_unlock_exclusive(ref->latch);
            brought_in = true;
        } else if (status != FLY_E_AGAIN) {
            return status;
        }
    }
}

fly_status fly_bufpool_fix_exclusive(fly_bufpool *pool, uint32_t page, fly_pageref *ref,
                                     fly_err *err)
{
    if (page >= pool->hot.pages) {
        return beyond(pool, page, err);
    }
    for (;;) {
        uint32_t slot;
        if (find(pool, page, ref, &slot)) {
            if (!lock_found(pool, ref, slot, true)) {
                continue;
            }
            if (fly__bufpool_slot(pool, page) == slot) {
                note_use(pool, page, slot, false);
                return FLY_OK;
            }
            fly_latch_unlock_unchanged(ref->latch);
            continue;
        }
        fly_status status = load(pool, page, ref, err);
        if (status != FLY_E_AGAIN) {
            return status;
        }
    }
}

fly_status fly_bufpool_fix_new(fly_bufpool *pool, uint32_t page, fly_pageref *ref, fly_err *err)
{
    if (page >= pool->hot.pages) {
        return beyond(pool, page, err);
    }
    for (;;) {
        uint32_t slot;
        if (find(pool, page, ref, &slot)) { /* from an earlier life, or read ahead */
            if (!lock_found(pool, ref, slot, true)) {
                continue;
            }
            if (fly__bufpool_slot(pool, page) == slot) {
                note_use(pool, page, slot, false);
                break;
            }
            fly_latch_unlock_unchanged(ref->latch);
            continue;
        }
        fly_status status = take_slot(pool, &slot, err);
        if (status != FLY_OK) {
            return status;
        }
        if (enter(pool, page, slot, true, ref)) {
            pass_time(pool);
            tell_use(pool, page, slot);
            break;
        }
    }
    memset(ref->bytes, 0, pool->page_size);
    fly_put_u32(ref->bytes, page);
    return FLY_OK;
}

void fly_bufpool_dirty(fly_bufpool *pool, const fly_pageref *ref, uint64_t lsn)
{
    FLY_ASSERT(lsn != 0);
    FLY_ASSERT(fly_latch_is_exclusive(ref->latch));
    uint32_t slot = fly__bufpool_slot(pool, ref->page);
    uint64_t seen = fly_load_u64(&pool->hot.dirty[slot]);
    if (seen == 0 || lsn < seen) {
        /* Sequentially consistent, before the record is appended: pairs with the checkpoint that
         * reads the log's end and then fly_bufpool_oldest_lsn(). */
        fly_store_seq_u64(&pool->hot.dirty[slot], lsn);
    }
}

void fly_bufpool_drop(fly_bufpool *pool, const fly_pageref *ref)
{
    FLY_ASSERT(fly_latch_is_exclusive(ref->latch));
    uint32_t slot = fly__bufpool_slot(pool, ref->page);
    fly_store_u64(&pool->hot.dirty[slot], 0);
    empty_slot(pool, ref->page, slot, ref->latch);
    push_free(pool, slot);
}

bool fly_bufpool_has(const fly_bufpool *pool, uint32_t page)
{
    return page < pool->hot.pages && fly__bufpool_slot(pool, page) != NO_SLOT;
}

/* -------------------------------------------------------------------------- read-ahead */

/* Neighbouring pages on their way in: entered, latched, not yet read. */
struct run {
    fly_pageref refs[FLY_IOVEC_MAX];
    uint32_t slots[FLY_IOVEC_MAX];
    uint32_t count;
};

static void read_run(fly_bufpool *pool, struct run *run)
{
    if (run->count == 0) {
        return;
    }
    uint8_t *frames[FLY_IOVEC_MAX];
    for (uint32_t i = 0; i < run->count; i++) {
        frames[i] = run->refs[i].bytes;
    }
    uint32_t first = run->refs[0].page;
    fly_status status = fly_pagefile_read_run(pool->file, first, frames, run->count, NULL);
    for (uint32_t i = 0; i < run->count; i++) {
        const fly_pageref *ref = &run->refs[i];
        if (status == FLY_OK &&
            fly_pagefile_accept(pool->file, ref->page, ref->bytes, NULL) == FLY_OK &&
            accept(pool, ref->page, ref->bytes, NULL) == FLY_OK) {
            fly_latch_unlock_exclusive(ref->latch);
            fly_count_u64(&pool->read_ahead, 1);
            pass_time(pool);
        } else {
            leave(pool, ref, run->slots[i]);
        }
    }
    FLY_TRACE(pool->env->trace, FLY_BUFPOOL_EVENT_AHEAD, first, run->count, 0, 0);
    run->count = 0;
}

void fly_bufpool_read_ahead(fly_bufpool *pool, const uint32_t *pages, uint32_t count)
{
    struct run run = {.count = 0};
    uint32_t share = pool->slots / AHEAD_SHARE;
    uint32_t limit = share < FLY_IOVEC_MAX ? share : FLY_IOVEC_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t page = pages[i];
        bool follows = run.count > 0 && page == run.refs[0].page + run.count;
        if (!follows || run.count == limit) {
            read_run(pool, &run);
        }
        if (page >= pool->hot.pages || fly_bufpool_has(pool, page)) {
            continue;
        }
        /* Not worth waiting or writing for: pages latched by a thread that waits here for others
         * would keep out whoever could help. */
        if (!take_slot_at_once(pool, &run.slots[run.count])) {
            break;
        }
        if (enter(pool, page, run.slots[run.count], false, &run.refs[run.count])) {
            run.count++;
        }
    }
    read_run(pool, &run);
}

/* ------------------------------------------------------------------- the background thread */

static void populate(fly_bufpool *pool)
{
    uint32_t from = fly_load_relaxed_u32(&pool->populated);
    uint32_t touched = fly_load_relaxed_u32(&pool->touched);
    uint32_t to = wanted_populated(pool);
    from = from > touched ? from : touched; /* what is in use has memory by now */
    if (from < to) {
        fly_vfs_populate(pool->env->vfs, fly__bufpool_bytes(pool, from),
                         (size_t)(to - from) << pool->hot.shift);
        fly_store_u32(&pool->populated, to);
    }
}

static void keep_clean(void *arg)
{
    fly_bufpool *pool = arg;
    for (;;) {
        /* In this order: a call that comes after the first line is not slept through. */
        uint32_t seen = fly_load_u32(&pool->alarm);
        FLY_POINT("background", pool);
        if (fly_load_u32(&pool->stop) != 0) {
            return;
        }
        populate(pool);
        uint32_t wanted = reserve_of(pool);
        fly__bufpool_make_free(pool, wanted);
        if (fly_load_u32(&pool->free_count) < wanted) {
            fly_err err = {0};
            fly_status status = fly__bufpool_clean(pool, &err);
            if (status == FLY_OK) {
                continue;
            }
            if (status != FLY_E_AGAIN && status != FLY_E_NOT_FOUND) {
                /* Whoever needs a slot will meet the same failure and report it. */
                fly_log(pool->env, FLY_LOG_WARNING, "background writer: %s", err.message);
            }
        }
        (void)fly_park(&pool->alarm, seen, FLY_FOREVER, "a call for clean pages");
    }
}

/* ---------------------------------------------------------------------- create, destroy */

static size_t table_bytes(const fly_bufpool *pool)
{
    return (size_t)pool->hot.pages * sizeof *pool->hot.table;
}

static size_t latch_bytes(const fly_bufpool *pool)
{
    return (size_t)(pool->hot.by_page ? pool->hot.pages : pool->slots) * sizeof(fly_latch);
}

static size_t memory_bytes(const fly_bufpool *pool)
{
    return (size_t)(pool->hot.by_page ? pool->hot.pages : pool->slots) << pool->hot.shift;
}

static fly_status map_all(fly_bufpool *pool, fly_err *err)
{
    fly_vfs *vfs = pool->env->vfs;
    pool->hot.table = fly_vfs_map(vfs, table_bytes(pool), 0);
    pool->hot.latches = fly_vfs_map(vfs, latch_bytes(pool), 0);
    pool->hot.memory =
        fly_vfs_map(vfs, memory_bytes(pool), pool->hot.by_page ? 0u : (unsigned)FLY_MAP_HUGE);
    pool->hot.dirty = fly_vfs_map(vfs, (size_t)pool->slots * sizeof *pool->hot.dirty, 0);
    if (pool->hot.table == NULL || pool->hot.latches == NULL || pool->hot.memory == NULL ||
        pool->hot.dirty == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY,
                           "no address space for a buffer pool of %" PRIu32
                           " pages over a file of up to %" PRIu32,
                           pool->slots, pool->hot.pages);
    }
    return FLY_OK;
}

static fly_status allocate_all(fly_bufpool *pool, uint64_t seed, fly_err *err)
{
    fly_mem *mem = pool->env->mem;
    pool->slot_page = fly_mem_calloc(mem, pool->slots, sizeof *pool->slot_page);
    pool->free_slots = fly_mem_calloc(mem, pool->slots, sizeof *pool->free_slots);
    pool->pending = fly_mem_calloc(mem, pool->batch_pages, sizeof *pool->pending);
    pool->chosen = fly_mem_calloc(mem, (pool->slots + 63) / 64, sizeof *pool->chosen);
    pool->policy_bytes = pool->policy->state_size(pool->slots);
    pool->policy_state = fly_mem_alloc_aligned(mem, pool->policy_bytes, FLY_CACHE_LINE);
    if (pool->slot_page == NULL || pool->free_slots == NULL || pool->pending == NULL ||
        pool->chosen == NULL || pool->policy_state == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY,
                           "no memory to manage a buffer pool of %" PRIu32 " pages", pool->slots);
    }
    memset(pool->policy_state, 0, pool->policy_bytes);
    pool->policy->init(pool->policy_state, pool->slots, seed);
    for (uint32_t i = 0; i < pool->slots; i++) {
        fly_store_u32(&pool->slot_page[i], FLY_PAGE_NONE);
        pool->free_slots[i] = pool->slots - 1 - i; /* the lowest slot on top */
    }
    fly_store_u32(&pool->free_count, pool->slots);
    return FLY_OK;
}

fly_status fly_bufpool_create(fly_env *env, fly_pagefile *file, const fly_bufpool_options *options,
                              fly_bufpool **pool, fly_err *err)
{
    fly_bufpool *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a buffer pool");
    }
    uint64_t bytes = options->bytes != 0 ? options->bytes : fly_bufpool_auto_bytes();
    uint32_t page_size = fly_pagefile_page_size(file);
    uint64_t slots = bytes / page_size;
    made->env = env;
    made->file = file;
    made->gate = options->gate;
    made->check = options->check;
    made->check_ctx = options->check_ctx;
    made->page_size = page_size;
    made->slots = slots < SLOTS_MIN            ? SLOTS_MIN
                  : slots >= FLY_PAGE_NONE / 2 ? FLY_PAGE_NONE / 2
                                               : (uint32_t)slots;
    made->policy = options->policy != NULL ? options->policy : &fly_bufpool_lru_k;
    made->batch_pages = options->batch_pages != 0 ? options->batch_pages : BATCH_DEFAULT;
    if (made->batch_pages > FLY_PAGEFILE_BATCH_MAX) {
        made->batch_pages = FLY_PAGEFILE_BATCH_MAX;
    }
    if (made->batch_pages > made->slots) {
        made->batch_pages = made->slots;
    }
    made->tick_misses = made->slots / TICKS_IN_POOL > 0 ? made->slots / TICKS_IN_POOL : 1;
    made->hot.pages = options->pages_max != 0 ? options->pages_max : PAGES_MAX_DEFAULT;
    made->hot.shift = (uint32_t)__builtin_ctz(page_size);
    made->hot.by_page = options->backend == FLY_BUFPOOL_VIRTUAL;
    fly_store_u32(&made->real_tick, 1);
    show_tick(made);
    fly_mutex_init(&made->policy_mutex, "replacement policy", RANK_POLICY);
    fly_mutex_init(&made->free_mutex, "free slots", RANK_FREE);
    fly_mutex_init(&made->flush_mutex, "page writer", RANK_FLUSH);
    if (env->trace != NULL) {
        fly_trace_register(env->trace, events, sizeof events / sizeof events[0]);
    }
    fly_status status = map_all(made, err);
    if (status == FLY_OK) {
        status = allocate_all(made, options->seed, err);
    }
    if (status == FLY_OK) {
        status = fly_page_batch_create(file, made->batch_pages, &made->batch, err);
    }
    if (status == FLY_OK && options->background) {
        status =
            fly_thread_start(env->sched, &made->background, "page writer", keep_clean, made, err);
        made->has_background = status == FLY_OK;
    }
    if (status != FLY_OK) {
        fly_bufpool_destroy(made);
        return status;
    }
    *pool = made;
    return FLY_OK;
}

void fly_bufpool_destroy(fly_bufpool *pool)
{
    if (pool == NULL) {
        return;
    }
    if (pool->has_background) {
        fly_store_u32(&pool->stop, 1);
        call_background(pool);
        fly_thread_join(&pool->background);
    }
    fly_mem *mem = pool->env->mem;
    fly_vfs *vfs = pool->env->vfs;
    fly_page_batch_destroy(pool->batch);
    fly_vfs_unmap(vfs, pool->hot.table, table_bytes(pool));
    fly_vfs_unmap(vfs, pool->hot.latches, latch_bytes(pool));
    fly_vfs_unmap(vfs, pool->hot.memory, memory_bytes(pool));
    fly_vfs_unmap(vfs, pool->hot.dirty, (size_t)pool->slots * sizeof *pool->hot.dirty);
    fly_mem_free(mem, pool->slot_page, pool->slots * sizeof *pool->slot_page);
    fly_mem_free(mem, pool->free_slots, pool->slots * sizeof *pool->free_slots);
    fly_mem_free(mem, pool->pending, pool->batch_pages * sizeof *pool->pending);
    fly_mem_free(mem, pool->chosen, (pool->slots + 63) / 64 * sizeof *pool->chosen);
    fly_mem_free(mem, pool->policy_state, pool->policy_bytes);
    fly_mutex_deinit(&pool->policy_mutex);
    fly_mutex_deinit(&pool->free_mutex);
    fly_mutex_deinit(&pool->flush_mutex);
    fly_mem_free(mem, pool, sizeof *pool);
}

fly_pagefile *fly_bufpool_file(const fly_bufpool *pool)
{
    return pool->file;
}

uint32_t fly_bufpool_slots(const fly_bufpool *pool)
{
    return pool->slots;
}

fly_bufpool_usage fly_bufpool_used(const fly_bufpool *pool)
{
    return (fly_bufpool_usage){.fixes = fly_load_u64(&pool->fixes),
                               .misses = fly_load_u64(&pool->misses)};
}

void fly_bufpool_get_stats(const fly_bufpool *pool, fly_bufpool_stats *stats)
{
    *stats = (fly_bufpool_stats){
        .misses = fly_load_u64(&pool->misses),
        .read_ahead = fly_load_u64(&pool->read_ahead),
        .evictions = fly_load_u64(&pool->evictions),
        .writes = fly_load_u64(&pool->writes),
        .batches = fly_load_u64(&pool->batches),
        .waits = fly_load_u64(&pool->waits),
        .slots = pool->slots,
    };
    for (uint32_t i = 0; i < pool->slots; i++) {
        stats->resident += fly_load_u32(&pool->slot_page[i]) != FLY_PAGE_NONE;
        stats->dirty += fly_load_u64(&pool->hot.dirty[i]) != 0;
    }
}
