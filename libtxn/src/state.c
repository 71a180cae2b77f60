/*
 * Numbers, states and snapshots: who sees whom.
 *
 * Every transaction that writes takes a number, and every number has a state: active, committing, or
 * ended at a timestamp. A commit happens in this order:
 *
 *     1  the state becomes COMMITTING
 *     2  the clock is advanced; its new value is the timestamp
 *     3  the state becomes ENDED with that timestamp
 *     4  the context's `id` becomes 0
 *
 * A reader whose snapshot was taken at clock S sees a writer if its state says it ended at or before
 * S. One that is COMMITTING may be about to end before S, because the clock moves before the state,
 * so the reader looks again until it knows.
 *
 * Most versions are old, and asking for the state of an old number would cost a cache miss. So a
 * snapshot also has a `low`: all writers below it had ended when the snapshot was taken. One
 * comparison answers for them. And a state is forgotten when it is below every snapshot's `low`.
 *
 * Two handshakes make this safe without a lock. Whoever takes a snapshot or a number announces it
 * first (ENTERING), so that whoever computes a minimum over all contexts either sees the announcement
 * and gives up, or computed it from a clock older than the one the newcomer will read.
 *
 * Source: the idea of a timestamp order with an invisible "committing" moment is Hekaton's (Larson et
 * al., VLDB 2011); the low-water mark is PostgreSQL's xmin; of both, the minimum that is needed here.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

enum { CEILING_STEP = 1 << 20, CEILING_MARGIN = 1 << 10, SPARE_STATES = 8, SPINS_MAX = 100 };

/* ---------------------------------------------------------------------------- states */

static uint64_t word_of(enum state_kind kind, uint64_t x)
{
    return x << STATE_SHIFT | (uint64_t)kind;
}

static fly_atomic_ptr *directory_slot(fly_store *store, uint64_t id)
{
    return &store->states[(id >> STATE_CHUNK_BITS) % STATE_DIRECTORY];
}

static uint64_t base_of(uint64_t id)
{
    return id & ~(uint64_t)(STATE_CHUNK - 1);
}

struct state *fly__txn_state(fly_store *store, uint64_t id)
{
    struct state_chunk *chunk = fly_load_ptr(directory_slot(store, id));
    return &chunk->states[id % STATE_CHUNK];
}

/* What is known of numbers of which nothing is known: they belong to an earlier life and ended in it.
 * Such numbers are looked up while a transaction of that life, prepared there, is not ended. */
static uint64_t ended_long_ago(void)
{
    return word_of(STATE_ENDED, 1);
}

static uint64_t word_for(fly_store *store, uint64_t id)
{
    const struct state_chunk *chunk = fly_load_ptr(directory_slot(store, id));
    if (FLY_UNLIKELY(chunk == NULL || chunk->base != base_of(id))) {
        return ended_long_ago();
    }
    return fly_load_u64(&chunk->states[id % STATE_CHUNK].word);
}

/* Have the chunk that a number's state lies in. */
static fly_status chunk_for(fly_store *store, uint64_t id, fly_err *err)
{
    uint64_t base = base_of(id);
    struct state_chunk *chunk = fly_load_ptr(directory_slot(store, id));
    if (FLY_LIKELY(chunk != NULL && chunk->base == base)) {
        return FLY_OK;
    }
    fly_mutex_lock(&store->states_mutex);
    fly_status status = FLY_OK;
    chunk = fly_load_ptr(directory_slot(store, id));
    if (chunk == NULL) {
        chunk = store->spare_states;
        if (chunk != NULL) {
            store->spare_states = chunk->next_spare;
            store->spare_count--;
        } else {
            chunk = fly_mem_alloc(&store->undo_memory.mem, sizeof *chunk);
        }
        if (chunk == NULL) {
            status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the states of transactions");
        } else {
            memset(chunk, 0, sizeof *chunk);
            chunk->base = base;
            for (int i = 0; i < STATE_CHUNK; i++) {
                fly_store_relaxed_u64(&chunk->states[i].word, ended_long_ago());
            }
            fly_store_ptr(directory_slot(store, id), chunk);
        }
    } else if (chunk->base != base) {
        status = fly_err_set(err, FLY_E_NO_MEMORY,
                             "a snapshot is so old that the states of %d transactions are kept",
                             STATE_DIRECTORY * STATE_CHUNK);
    }
    fly_mutex_unlock(&store->states_mutex);
    return status;
}

/* Forget the states below `low`. */
static void forget_states(fly_store *store, uint64_t low)
{
    if (low / STATE_CHUNK <= fly_load_u64(&store->oldest_states)) {
        return;
    }
    fly_mutex_lock(&store->states_mutex);
    uint64_t oldest = fly_load_u64(&store->oldest_states);
    for (; oldest < low / STATE_CHUNK; oldest++) {
        uint64_t base = oldest * STATE_CHUNK;
        fly_atomic_ptr *slot = directory_slot(store, base);
        struct state_chunk *chunk = fly_load_ptr(slot);
        if (chunk == NULL || chunk->base != base) {
            continue;
        }
        fly_store_ptr(slot, NULL);
        if (store->spare_count < SPARE_STATES) {
            chunk->next_spare = store->spare_states;
            store->spare_states = chunk;
            store->spare_count++;
        } else {
            fly_mem_free(&store->undo_memory.mem, chunk, sizeof *chunk);
        }
    }
    fly_store_u64(&store->oldest_states, oldest);
    fly_mutex_unlock(&store->states_mutex);
}

fly_status fly__txn_states_create(fly_store *store, uint64_t next_id, fly_err *err)
{
    store->states = fly_vfs_map(store->env->vfs, STATE_DIRECTORY * sizeof *store->states, 0);
    if (store->states == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the states of transactions");
    }
    fly_store_u64(&store->oldest_states, next_id / STATE_CHUNK);
    fly_store_u64(&store->next_id, next_id);
    fly_store_u64(&store->low, next_id);
    fly_store_u64(&store->keep_low, next_id);
    fly_store_u64(&store->horizon, TIMESTAMP_FIRST);
    return FLY_OK;
}

void fly__txn_states_destroy(fly_store *store)
{
    fly_mem *mem = &store->undo_memory.mem;
    for (int i = 0; store->states != NULL && i < STATE_DIRECTORY; i++) {
        fly_mem_free(mem, fly_load_ptr(&store->states[i]), sizeof(struct state_chunk));
    }
    while (store->spare_states != NULL) {
        struct state_chunk *chunk = store->spare_states;
        store->spare_states = chunk->next_spare;
        fly_mem_free(mem, chunk, sizeof *chunk);
    }
    fly_vfs_unmap(store->env->vfs, store->states, STATE_DIRECTORY * sizeof *store->states);
}

/* ---------------------------------------------------------------------------- numbers */

/*
 * Numbers must never be given out twice, not even after a crash that lost every trace of a
 * transaction in the log: a lock leaves a stamp on a page and no record. So numbers below a ceiling
 * may be given out, and the ceiling is raised, durably, before they reach it.
 */
static fly_status raise_ceiling(fly_store *store, uint64_t id, fly_err *err)
{
    fly_mutex_lock(&store->states_mutex);
    fly_status status = FLY_OK;
    uint64_t ceiling = fly_load_u64(&store->id_ceiling);
    if (id + CEILING_MARGIN >= ceiling) {
        uint64_t raised = ceiling + CEILING_STEP;
        uint64_t end;
        status = fly__txn_log_note(store, TXN_CEILING, &raised, 1, fly_bytes_of(NULL, 0), NULL,
                                   &end, err);
        if (status == FLY_OK) {
            status = fly_wal_flush(store->wal, end, FLY_DURABILITY_FULL, err);
        }
        if (status == FLY_OK) {
            fly_store_u64(&store->id_ceiling, raised);
        }
    }
    fly_mutex_unlock(&store->states_mutex);
    return status;
}

fly_status fly__txn_take_id(fly_txn *txn, struct extent *extent, fly_err *err)
{
    fly_store *store = txn->store;
    uint64_t next = fly_load_relaxed_u64(&store->next_id);
    if (FLY_UNLIKELY(next + CEILING_MARGIN >= fly_load_relaxed_u64(&store->id_ceiling))) {
        fly_status status = raise_ceiling(store, next, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    bool first = fly_load_relaxed_u64(&txn->id) == 0;
    if (first) {
        fly_store_seq_u64(&txn->id, ENTERING);
    }
    FLY_POINT("take number", store);
    uint64_t id = fly_add_u64(&store->next_id, 1);
    FLY_POINT("took number", store);
    fly_status status = chunk_for(store, id, err);
    if (FLY_UNLIKELY(status != FLY_OK)) {
        if (first) {
            fly_store_u64(&txn->id, 0); /* the number is lost; it stamps nothing */
        }
        return status;
    }
    struct state *state = fly__txn_state(store, id);
    fly_store_u64(&state->word, first ? word_of(STATE_ACTIVE, txn->number)
                                      : word_of(STATE_PART, fly_load_relaxed_u64(&txn->id)));
    fly_store_ptr(&state->extent, extent);
    if (first) {
        fly_store_u64(&txn->id, id);
    }
    extent->id = id;
    extent->before = txn->extents;
    txn->extents = extent;
    txn->last_id = id;
    txn->extent = extent;
    return FLY_OK;
}

/* A part's state leads to that of the first number, but that may be forgotten before the part's is. So
 * every part is told the end before the transaction counts as ended. */
void fly__txn_end_ids(fly_txn *txn, uint64_t timestamp)
{
    uint64_t word = word_of(STATE_ENDED, timestamp);
    fly_store_u64(&fly__txn_state(txn->store, fly_load_relaxed_u64(&txn->id))->word, word);
    for (const struct extent *part = txn->extents; part != NULL; part = part->before) {
        fly_store_u64(&fly__txn_state(txn->store, part->id)->word, word);
    }
}

/* Nobody else is there while numbers are revived: the marks below which all have ended, which only
 * rise later, may go down. */
static void lower_marks(fly_store *store, uint64_t id)
{
    if (id < fly_load_u64(&store->low)) {
        fly_store_u64(&store->low, id);
    }
    if (id < fly_load_u64(&store->keep_low)) {
        fly_store_u64(&store->keep_low, id);
    }
    if (id / STATE_CHUNK < fly_load_u64(&store->oldest_states)) {
        fly_store_u64(&store->oldest_states, id / STATE_CHUNK);
    }
}

fly_status fly__txn_revive_id(fly_txn *txn, uint64_t id, fly_err *err)
{
    fly_status status = fly__txn_queue_reserve(txn, err);
    if (status == FLY_OK) {
        status = chunk_for(txn->store, id, err);
    }
    if (status == FLY_OK) {
        fly_store_u64(&fly__txn_state(txn->store, id)->word, word_of(STATE_ACTIVE, txn->number));
        fly_store_u64(&txn->id, id);
        txn->last_id = id;
        lower_marks(txn->store, id);
    }
    return status;
}

void fly__txn_bury_id(fly_store *store, uint64_t id)
{
    fly_store_u64(&fly__txn_state(store, id)->word, ended_long_ago());
}

fly_status fly__txn_revive_part(fly_txn *txn, uint64_t id, struct extent *extent, fly_err *err)
{
    fly_status status = chunk_for(txn->store, id, err);
    if (status == FLY_OK) {
        struct state *state = fly__txn_state(txn->store, id);
        uint64_t first = fly_load_u64(&txn->id);
        if (id != first) {
            fly_store_u64(&state->word, word_of(STATE_PART, first));
        }
        fly_store_ptr(&state->extent, extent);
        extent->before = txn->extents;
        txn->extents = extent;
    }
    return status;
}

/* The state of the transaction that a number is part of. Waits out a commit in progress: a few
 * instructions, unless whoever commits has lost its processor among them. */
static uint64_t settled_state(fly_store *store, uint64_t id)
{
    for (int spins = 0;;) {
        uint64_t word = word_for(store, id);
        switch (word & STATE_MASK) {
        case STATE_PART:
            id = word >> STATE_SHIFT;
            continue;
        case STATE_COMMITTING:
            FLY_POINT("commit in progress", store);
            if (++spins < SPINS_MAX) {
                fly_pause();
            } else {
                fly_yield();
            }
            continue;
        default:
            return word;
        }
    }
}

uint64_t fly__txn_state_settled(fly_store *store, uint64_t id, uint32_t *context)
{
    uint64_t word = settled_state(store, id);
    if ((word & STATE_MASK) == STATE_ENDED) {
        return word >> STATE_SHIFT;
    }
    *context = (uint32_t)(word >> STATE_SHIFT);
    return 0;
}

/* A number is given out before its state is entered; until then its extent is not. */
bool fly__txn_state_known(fly_store *store, uint64_t id)
{
    const struct state_chunk *chunk = fly_load_ptr(directory_slot(store, id));
    return chunk != NULL && chunk->base == base_of(id) &&
           fly_load_ptr(&chunk->states[id % STATE_CHUNK].extent) != NULL;
}

uint64_t fly__txn_next_state(fly_store *store, uint64_t id, uint64_t end)
{
    while (id < end) {
        const struct state_chunk *chunk = fly_load_ptr(directory_slot(store, id));
        if (FLY_LIKELY(chunk != NULL && chunk->base == base_of(id))) {
            break;
        }
        id = base_of(id) + STATE_CHUNK;
    }
    return id;
}

bool fly__txn_is_own(const fly_txn *txn, uint64_t id)
{
    uint64_t first = fly_load_relaxed_u64(&txn->id);
    if (id == txn->last_id || id == first) {
        return first != 0;
    }
    if (first <= ENTERING || id < first) {
        return false;
    }
    return word_for(txn->store, id) == word_of(STATE_PART, first);
}

bool fly__txn_sees(const fly_txn *txn, uint64_t id)
{
    if (FLY_LIKELY(id < txn->view.low) || fly__txn_is_own(txn, id)) {
        return true;
    }
    uint64_t word = settled_state(txn->store, id);
    return (word & STATE_MASK) == STATE_ENDED && word >> STATE_SHIFT <= txn->view.timestamp;
}

uint64_t fly__txn_ended(fly_txn *viewer, uint64_t id, uint32_t *context)
{
    if (id < viewer->view.low || !begin_looking_back(viewer)) {
        return 1;
    }
    uint64_t timestamp = fly__txn_state_settled(viewer->store, id, context);
    end_looking_back(viewer);
    return timestamp;
}

/* -------------------------------------------------------------------------- snapshots */

static void take_snapshot(fly_txn *txn)
{
    fly_store *store = txn->store;
    /* The announcement pairs with the scan in fly__txn_refresh_horizon(): either the scan sees it,
     * or the clock below is at least the one the scan began with. */
    fly_store_seq_u64(&txn->snapshot, ENTERING);
    FLY_POINT("take snapshot", store);
    txn->view.low = fly_load_seq_u64(&store->low);
    txn->view.timestamp = fly_load_seq_u64(&store->clock);
    txn->held = txn->view.timestamp;
    FLY_POINT("read the clock", store);
    fly_store_relaxed_u64(&txn->low, txn->view.low);
    fly_store_u64(&txn->snapshot, txn->view.timestamp);
    txn->views++;
    FLY_POINT("took snapshot", store);
    FLY_ASSERT_SLOW(fly_load_u64(&store->keep_low) <= txn->view.low);
    FLY_ASSERT_SLOW(fly_load_u64(&store->horizon) <= txn->view.timestamp);
}

void fly__txn_enter(fly_txn *txn)
{
    if (fly_load_relaxed_u64(&txn->snapshot) == NO_SNAPSHOT) {
        take_snapshot(txn);
    }
}

void fly__txn_leave(fly_txn *txn)
{
    if (txn->isolation == FLY_ISOLATION_READ_COMMITTED && !txn->in_statement && txn->cursors == 0) {
        fly_store_u64(&txn->snapshot, NO_SNAPSHOT);
    }
}

/*
 * Seeing more than the snapshot does. What is kept for the snapshot is enough for a later one too, so it
 * need not be announced.
 */
void fly_txn_fresh_begin(fly_txn *txn)
{
    FLY_ASSERT(!txn->fresh);
    fly__txn_enter(txn);
    txn->fresh = true;
    txn->fresh_views = txn->views;
    txn->view.timestamp = fly_load_seq_u64(&txn->store->clock);
}

void fly_txn_fresh_end(fly_txn *txn)
{
    FLY_ASSERT(txn->fresh);
    txn->fresh = false;
    if (txn->views == txn->fresh_views) { /* else it has another one by now */
        txn->view.timestamp = txn->held;
    }
    fly__txn_leave(txn);
}

void fly__txn_forget_snapshot(fly_txn *txn)
{
    fly_store_u64(&txn->snapshot, NO_SNAPSHOT);
}

/* -------------------------------------------------------------------------- contexts */

fly_txn *fly__txn_context(fly_store *store, uint32_t number)
{
    fly_txn **chunk = fly_load_ptr(&store->contexts[number / CONTEXT_CHUNK]);
    return chunk[number % CONTEXT_CHUNK];
}

void fly__txn_each_context(fly_store *store, void (*each)(void *ctx, fly_txn *txn), void *ctx)
{
    uint32_t count = fly_load_u32(&store->context_count);
    for (uint32_t i = 0; i < count; i++) {
        each(ctx, fly__txn_context(store, i));
    }
}

/* --------------------------------------------------------------------------- horizon */

struct scan {
    uint64_t low;      /* smallest number in use */
    uint64_t horizon;  /* oldest snapshot */
    uint64_t keep_low; /* smallest `low` of a snapshot */
    bool entering;     /* somebody is between announcing and having */
};

static void scan_context(void *ctx, fly_txn *txn)
{
    struct scan *scan = ctx;
    uint64_t id = fly_load_seq_u64(&txn->id);
    if (id == ENTERING) {
        scan->entering = true;
    } else if (id != 0 && id < scan->low) {
        scan->low = id;
    }
    uint64_t snapshot = fly_load_seq_u64(&txn->snapshot);
    if (snapshot == ENTERING) {
        scan->entering = true;
    } else if (snapshot != NO_SNAPSHOT && fly_load_u64(&txn->given_up) != snapshot) {
        uint64_t low = fly_load_u64(&txn->low);
        scan->horizon = snapshot < scan->horizon ? snapshot : scan->horizon;
        scan->keep_low = low < scan->keep_low ? low : scan->keep_low;
    }
}

void fly__txn_refresh_horizon(fly_store *store)
{
    /* Read before the scan: see take_snapshot(). Whoever takes a snapshot behind the scan's back reads
     * the clock, and the `low`, that are here now, or later ones. */
    struct scan scan = {.horizon = fly_load_seq_u64(&store->clock),
                        .low = fly_load_seq_u64(&store->next_id),
                        .keep_low = fly_load_seq_u64(&store->low)};
    fly__txn_each_context(store, scan_context, &scan);
    if (scan.entering) {
        return; /* next time */
    }
    FLY_POINT("horizon", store);
    (void)fly_raise_u64(&store->low, scan.low);
    (void)fly_raise_u64(&store->horizon, scan.horizon);
    if (fly_raise_u64(&store->keep_low, scan.keep_low)) {
        forget_states(store, scan.keep_low);
    }
}

/* ------------------------------------------------------------------ giving snapshots up */

/*
 * A snapshot is taken away by writing it into the context's `given_up`: whoever goes on with it finds
 * that out, and whoever has another one by now is not concerned.
 */
static void give_up(fly_txn *txn, uint64_t snapshot)
{
    fly_store *store = txn->store;
    fly_store_seq_u64(&txn->given_up, snapshot);
    /* If it looks at old versions just now, let it finish: it asks whether it was given up before it
     * looks again. Pairs with begin_looking_back(). */
    while (fly_load_seq_u32(&txn->looking_back) != 0) {
        fly_yield();
    }
    fly_count_u64(&store->snapshots_given_up, 1);
    fly_log(store->env, FLY_LOG_INFO, "gave up a snapshot at %" PRIu64 ", %" PRIu64 " commits old",
            snapshot, fly_load_u64(&store->clock) - snapshot);
}

/* The context's snapshot, if somebody has committed since: only such a one keeps old versions. */
static bool is_behind(fly_txn *txn, uint64_t *snapshot)
{
    *snapshot = fly_load_u64(&txn->snapshot);
    return *snapshot > ENTERING && *snapshot < fly_load_u64(&txn->store->clock) &&
           fly_load_u64(&txn->given_up) != *snapshot;
}

/* A snapshot's age is how long it has been seen to be behind: a transaction at read committed may be
 * old and its snapshots young, and an idle store makes nothing old. */
static void give_up_if_old(void *ctx, fly_txn *txn)
{
    const uint64_t *age = ctx;
    uint64_t snapshot;
    if (!is_behind(txn, &snapshot)) {
        return;
    }
    uint64_t now = fly_now();
    if (fly_load_u64(&txn->behind) != snapshot) {
        fly_store_u64(&txn->behind_since, now);
        fly_store_u64(&txn->behind, snapshot);
    } else if (now - fly_load_u64(&txn->behind_since) >= *age) {
        give_up(txn, snapshot);
    }
}

struct oldest {
    fly_txn *txn;
    uint64_t snapshot;
};

static void find_oldest(void *ctx, fly_txn *txn)
{
    struct oldest *oldest = ctx;
    uint64_t snapshot;
    if (is_behind(txn, &snapshot) && snapshot < oldest->snapshot) {
        oldest->txn = txn;
        oldest->snapshot = snapshot;
    }
}

void fly__txn_give_up_snapshots(fly_store *store)
{
    enum { MS = 1000000 };
    uint64_t age = (uint64_t)store->options.snapshot_age_ms * MS;
    if (age != 0) {
        fly__txn_each_context(store, give_up_if_old, &age);
    }
    /* One at a time: what it kept goes with the next purge, and only then is it known whether the next
     * one must go too. */
    if (fly_load_u64(&store->finished_bytes) > store->options.undo_bytes_max) {
        struct oldest oldest = {.snapshot = UINT64_MAX};
        fly__txn_each_context(store, find_oldest, &oldest);
        if (oldest.txn != NULL) {
            give_up(oldest.txn, oldest.snapshot);
        }
    }
}
