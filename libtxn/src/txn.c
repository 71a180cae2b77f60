/*
 * Beginning and ending transactions, savepoints, and preparing.
 *
 * What a commit does, in order (state.c says why 4 to 6 come in this order):
 *
 *     1  serializable: is all that was read as it was?
 *     2  append the commit record: from here on recovery commits too
 *     3  wait until it is as durable as was asked
 *     4  the state says "committing"; the clock moves; the state says "ended at"
 *     5  whoever waited for us is woken
 *     6  old versions go into the queue of what will be purged
 *
 * If 2 or 3 fails the log has stopped, and whether the transaction is committed is for recovery to
 * say. In memory it stays as it is, neither seen nor undone, until the store is closed.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

enum { PURGE_EVERY = 32, MS = 1000000, UNDO_TRIES = 600, UNDO_TRY_MS = 100 };

/* -------------------------------------------------------------------------- contexts */

/* Threads are told apart by where their stacks are: no thread-local is needed. */
static struct shard *own_shard(fly_store *store)
{
    uint8_t here;
    uint64_t stack = (uint64_t)(uintptr_t)&here >> 16;
    return &store->shards[fly_hash_u64(stack) % SHARDS];
}

static fly_txn *pop_context(struct shard *shard)
{
    fly_mutex_lock(&shard->mutex);
    fly_txn *txn = shard->free;
    if (txn != NULL) {
        shard->free = txn->next_free;
    }
    fly_mutex_unlock(&shard->mutex);
    return txn;
}

static fly_status no_more(const fly_store *store, fly_err *err)
{
    return fly_err_set(err, FLY_E_FULL,
                       "%" PRIu32 " transactions are open already; txns_max allows no more",
                       store->options.txns_max);
}

static fly_txn *new_context(fly_store *store)
{
    fly_mem *mem = store->env->mem;
    fly_txn *txn = fly_mem_alloc_aligned(mem, sizeof *txn, FLY_CACHE_LINE);
    if (txn == NULL) {
        return NULL;
    }
    memset(txn, 0, sizeof *txn);
    txn->entry = fly_mem_alloc(mem, store->entry_room);
    if (txn->entry == NULL) {
        fly_mem_free(mem, txn, sizeof *txn);
        return NULL;
    }
    txn->store = store;
    fly_store_u64(&txn->given_up, TIMESTAMP_NEVER);
    fly_mutex_init(&txn->finished_mutex, "finished transactions", RANK_SHARD);
    return txn;
}

static void free_context(fly_txn *txn)
{
    fly_mem *mem = txn->store->env->mem;
    fly__txn_reads_release(txn);
    fly__txn_undo_release(txn);
    fly_mutex_deinit(&txn->finished_mutex);
    fly_mem_free(mem, txn->entry, txn->store->entry_room);
    fly_mem_free(mem, txn, sizeof *txn);
}

/* Make a context and let others see it. */
static fly_status add_context(fly_store *store, fly_txn **txn, fly_err *err)
{
    fly_mutex_lock(&store->contexts_mutex);
    uint32_t number = fly_load_u32(&store->context_count);
    fly_status status = FLY_OK;
    fly_txn *made = NULL;
    if (number >= store->options.txns_max) {
        status = no_more(store, err);
        goto out;
    }
    fly_atomic_ptr *slot = &store->contexts[number / CONTEXT_CHUNK];
    fly_txn **chunk = fly_load_ptr(slot);
    if (chunk == NULL) {
        chunk = fly_mem_calloc(store->env->mem, CONTEXT_CHUNK, sizeof *chunk);
        fly_store_ptr(slot, chunk);
    }
    made = chunk != NULL ? new_context(store) : NULL;
    if (made == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a transaction");
        goto out;
    }
    made->number = number;
    chunk[number % CONTEXT_CHUNK] = made;
    /* Whoever counts sees it: pairs with fly__txn_each_context(). */
    fly_store_seq_u32(&store->context_count, number + 1);
    *txn = made;
out:
    fly_mutex_unlock(&store->contexts_mutex);
    return status;
}

fly_status fly__txn_context_take(fly_store *store, fly_txn **txn, fly_err *err)
{
    struct shard *own = own_shard(store);
    *txn = pop_context(own);
    if (FLY_LIKELY(*txn != NULL)) {
        return FLY_OK;
    }
    fly_status status = add_context(store, txn, err);
    /* As many as there may be: somebody else's shard may have one to spare. */
    for (int i = 0; status == FLY_E_FULL && i < SHARDS; i++) {
        *txn = pop_context(&store->shards[i]);
        status = *txn != NULL ? FLY_OK : status;
    }
    return status;
}

void fly__txn_context_give(fly_txn *txn)
{
    struct shard *shard = own_shard(txn->store);
    fly_mutex_lock(&shard->mutex);
    txn->next_free = shard->free;
    shard->free = txn;
    fly_mutex_unlock(&shard->mutex);
}

void fly__txn_contexts_destroy(fly_store *store)
{
    uint32_t count = fly_load_u32(&store->context_count);
    for (uint32_t i = 0; i < count; i++) {
        free_context(fly__txn_context(store, i));
    }
    for (uint32_t i = 0; i < CONTEXT_CHUNKS; i++) {
        fly_txn **chunk = fly_load_ptr(&store->contexts[i]);
        fly_mem_free(store->env->mem, chunk, CONTEXT_CHUNK * sizeof *chunk);
    }
}

/* -------------------------------------------------------------------------- beginning */

fly_status fly_txn_begin(fly_store *store, const fly_txn_options *options, fly_txn **txn,
                         fly_err *err)
{
    static const fly_txn_options defaults;
    fly_txn *begun = NULL;
    options = options != NULL ? options : &defaults;
    fly_status status = fly__txn_context_take(store, &begun, err);
    if (FLY_UNLIKELY(status != FLY_OK)) {
        return status;
    }
    begun->isolation = options->isolation != FLY_ISOLATION_DEFAULT ? options->isolation
                                                                   : store->options.isolation;
    begun->read_only = options->read_only || store->read_only;
    begun->failed = false;
    begun->in_statement = false;
    fly_txn_set_lock_timeout(begun, options->lock_timeout_ms);
    begun->waiting = options->waiting;
    begun->last_lsn = 0;
    begun->last_id = 0;
    fly_store_u64(&begun->began, fly_now());
    if (FLY_UNLIKELY(begun->isolation == FLY_ISOLATION_SERIALIZABLE && !begun->read_only)) {
        status = fly__txn_reads_begin(begun, err);
        if (status != FLY_OK) {
            fly_store_u64(&begun->began, 0);
            fly__txn_context_give(begun);
            return status;
        }
    }
    fly_count_u64(&store->begun, 1);
    FLY_TRACE(store->env->trace, FLY_TXN_EVENT_BEGUN, begun->number, begun->isolation, 0, 0);
    *txn = begun;
    return FLY_OK;
}

void fly_txn_statement(fly_txn *txn)
{
    if (txn->isolation == FLY_ISOLATION_READ_COMMITTED) {
        txn->in_statement = true;
        if (txn->cursors == 0) {
            fly__txn_forget_snapshot(txn);
        }
        fly__txn_enter(txn);
    }
}

void fly_txn_set_lock_timeout(fly_txn *txn, uint32_t milliseconds)
{
    uint32_t set = milliseconds != 0 ? milliseconds : txn->store->options.lock_timeout_ms;
    txn->lock_ns = (uint64_t)set * MS;
}

fly_status fly_txn_check(fly_txn *txn, fly_err *err)
{
    fly_status status = fly__txn_usable(txn, err);
    if (status == FLY_OK && txn->reads != NULL && txn->undo != NULL) {
        fly__txn_enter(txn);
        status = fly__txn_check_reads(txn, err);
        fly__txn_leave(txn);
        txn->failed = status != FLY_OK;
    }
    return status;
}

uint64_t fly_txn_views(const fly_txn *txn)
{
    return txn->views;
}

fly_isolation fly_txn_isolation(const fly_txn *txn)
{
    return txn->isolation;
}

uint32_t fly_txn_number(const fly_txn *txn)
{
    return txn->number + 1;
}

fly_store *fly_txn_store(const fly_txn *txn)
{
    return txn->store;
}

/* ----------------------------------------------------------------------------- ending */

static void drop_name(fly_txn *txn)
{
    fly_mutex_lock(&txn->store->prepared_mutex);
    txn->name_len = 0;
    fly_mutex_unlock(&txn->store->prepared_mutex);
}

/* The context is free again. */
static void finish(fly_txn *txn)
{
    FLY_ASSERT(txn->cursors == 0);
    fly__txn_forget_snapshot(txn);
    fly_store_u64(&txn->began, 0);
    fly_store_u64(&txn->first_lsn, 0);
    if (FLY_UNLIKELY(txn->prepared)) {
        txn->prepared = false;
        drop_name(txn);
    }
    fly__txn_reads_end(txn);
    txn->waiting = NULL;
    fly__txn_context_give(txn);
}

/* Old versions are purged by those who make them, now and then; the keeper sees to the rest. */
static void purge_now_and_then(fly_txn *txn)
{
    if (++txn->since_purge >= PURGE_EVERY) {
        txn->since_purge = 0;
        fly__txn_refresh_horizon(txn->store);
        fly__txn_purge(txn);
    }
}

/* Let everybody see how the transaction has ended. */
static uint64_t end_state(fly_txn *txn, bool committed)
{
    fly_store *store = txn->store;
    struct state *state = fly__txn_state(store, fly_load_relaxed_u64(&txn->id));
    fly_store_seq_u64(&state->word, STATE_COMMITTING);
    FLY_POINT("commit", store);
    uint64_t timestamp = fly_add_u64(&store->clock, 1) + 1;
    uint64_t shown = committed ? timestamp : TIMESTAMP_NEVER;
    FLY_POINT("commit", store);
    fly__txn_end_ids(txn, shown);
    fly__txn_unshare(txn, 0);
    fly__txn_undo_retire(txn, timestamp);
    fly_store_seq_u64(&txn->id, 0);
    fly__txn_wake_waiters(txn);
    return timestamp;
}

static fly_status log_commit(fly_txn *txn, fly_durability durability, uint64_t *lsn, fly_err *err)
{
    fly_store *store = txn->store;
    uint64_t numbers[] = {fly_load_relaxed_u64(&txn->id), store->env->wall_time(store->env)};
    uint64_t end;
    fly_status status =
        fly__txn_log_note(store, TXN_COMMIT, numbers, 2, fly_bytes_of(NULL, 0), lsn, &end, err);
    if (status == FLY_OK) {
        status = fly_wal_flush(store->wal, end, durability, err);
    }
    return status;
}

/* The transaction can neither be committed nor undone: the log has stopped, or a page cannot be read. It
 * stays as it is, and nobody sees it; its context is not used again. */
static fly_status leave_to_recovery(fly_txn *txn, fly_status status)
{
    txn->left = true;
    fly__txn_validated_end(txn);
    fly__txn_forget_snapshot(txn);
    fly__txn_wake_waiters(txn);
    return status;
}

/* The trees that are dropped: before the commit becomes visible nobody may begin to change them, and
 * after it is known from when on nobody sees them. The snapshot that is still held keeps the undo
 * records meanwhile. */
static void mark_drops(fly_txn *txn, const struct undo *undo, uint64_t timestamp)
{
    for (; undo != NULL; undo = undo->before) {
        fly_tree *tree = undo_kind(undo) == UNDO_DROP ? fly__txn_tree_find(txn->store, undo->tree)
                                                      : NULL;
        if (tree != NULL) {
            fly_store_u64(&tree->dropped_at, timestamp);
            fly_store_seq_u32(&tree->dropped, 1);
        }
    }
}

/* It has a number, to be waited for by, and changed nothing: as one that only reads. */
static fly_status commit_shares(fly_txn *txn)
{
    (void)end_state(txn, true);
    fly_count_u64(&txn->store->committed, 1);
    finish(txn);
    return FLY_OK;
}

static fly_status commit_changes(fly_txn *txn, fly_durability durability, fly_err *err)
{
    fly_store *store = txn->store;
    uint64_t lsn = 0;
    if (txn->reads != NULL && !txn->prepared) {
        fly_status status = fly__txn_validate(txn, err);
        if (status != FLY_OK) {
            fly_txn_rollback(txn);
            return status;
        }
    }
    fly_status status = log_commit(txn, durability, &lsn, err);
    if (status == FLY_E_NO_SPACE) { /* nothing was appended: it can still be undone */
        fly__txn_validated_end(txn);
        fly_txn_rollback(txn);
        return status;
    }
    if (status != FLY_OK) {
        return leave_to_recovery(txn, status);
    }
    fly__txn_validated_wait(txn);
    uint64_t id = fly_load_relaxed_u64(&txn->id);
    const struct undo *newest = txn->undo;
    bool has_drops = txn->has_drops;
    if (FLY_UNLIKELY(has_drops)) {
        fly__txn_enter(txn);
        mark_drops(txn, newest, 0);
    }
    uint64_t timestamp = end_state(txn, true);
    if (FLY_UNLIKELY(has_drops)) {
        mark_drops(txn, newest, timestamp);
    }
    fly__txn_validated_end(txn);
    fly_count_u64(&store->committed, 1);
    FLY_TRACE(store->env->trace, FLY_TXN_EVENT_COMMITTED, id, timestamp, lsn, 0);
    fly__txn_forget_snapshot(txn);
    purge_now_and_then(txn);
    finish(txn);
    if (fly_load_relaxed_u64(&store->checkpoint_next) < lsn) {
        fly_unpark(&store->checkpointer_alarm, 1);
    }
    return FLY_OK;
}

fly_status fly_txn_commit_as(fly_txn *txn, fly_durability durability, fly_err *err)
{
    fly_store *store = txn->store;
    if (FLY_UNLIKELY(txn->failed)) {
        fly_txn_rollback(txn);
        return fly_err_set(err, FLY_E_ABORTED,
                           "the transaction had failed, and has been rolled back");
    }
    if (fly_load_relaxed_u64(&txn->id) == 0) { /* nothing was changed */
        fly_count_u64(&store->committed, 1);
        finish(txn);
        return FLY_OK;
    }
    if (txn->undo == NULL && txn->last_lsn == 0 && !txn->prepared) {
        return commit_shares(txn);
    }
    return commit_changes(
        txn, durability != FLY_DURABILITY_DEFAULT ? durability : store->options.durability, err);
}

fly_status fly_txn_commit(fly_txn *txn, fly_err *err)
{
    return fly_txn_commit_as(txn, FLY_DURABILITY_DEFAULT, err);
}

/* --------------------------------------------------------------------- rolling back */

/* Undo all of it, and say so in the log. */
static fly_status undo_all(fly_txn *txn, fly_err *err)
{
    fly_status status = fly__txn_undo_to(txn, NULL, err);
    if (status == FLY_OK && (txn->last_lsn != 0 || txn->prepared)) {
        uint64_t id = fly_load_relaxed_u64(&txn->id);
        status =
            fly__txn_log_note(txn->store, TXN_END, &id, 1, fly_bytes_of(NULL, 0), NULL, NULL, err);
    }
    return status;
}

void fly_txn_rollback(fly_txn *txn)
{
    if (txn == NULL) {
        return;
    }
    fly_store *store = txn->store;
    uint64_t id = fly_load_relaxed_u64(&txn->id);
    fly_count_u64(&store->rolled_back, 1);
    FLY_TRACE(store->env->trace, FLY_TXN_EVENT_ROLLED_BACK, id, 0, 0, 0);
    if (id == 0) {
        finish(txn);
        return;
    }
    fly__txn_enter(txn);
    for (int tries = 1;; tries++) {
        fly_err err = {0};
        fly_status status = undo_all(txn, &err);
        if (status == FLY_OK) {
            break;
        }
        if ((status != FLY_E_NO_SPACE && status != FLY_E_NO_MEMORY) || tries == UNDO_TRIES) {
            /* The log has stopped, or a page cannot be read: recovery will undo it. Until then its
             * entries are locked and nobody sees them. */
            fly_log(store->env, FLY_LOG_ERROR, "transaction %" PRIu64 " could not be undone: %s",
                    id, err.message);
            (void)leave_to_recovery(txn, status);
            return;
        }
        /* The disk or memory is full. Others can free some; we hold nothing but our entries. */
        fly_log(store->env, FLY_LOG_WARNING, "rolling back %" PRIu64 " waits: %s", id, err.message);
        fly_sleep((uint64_t)UNDO_TRY_MS * MS);
    }
    fly__txn_validated_end(txn);
    (void)end_state(txn, false);
    fly__txn_forget_snapshot(txn);
    purge_now_and_then(txn);
    finish(txn);
}

fly_savepoint fly_txn_savepoint(const fly_txn *txn)
{
    return (fly_savepoint){.undo = (uint64_t)(uintptr_t)txn->undo,
                           .count = txn->undo_count,
                           .shares = txn->share_count};
}

/* Whether what was the newest undo record at a savepoint still is one: it is not, if the transaction was
 * rolled back to an earlier savepoint since. */
static bool is_within(const fly_txn *txn, const struct undo *record)
{
    const struct undo *at = txn->undo;
    while (at != record && at != NULL) {
        at = at->before;
    }
    return at == record;
}

fly_status fly_txn_rollback_to(fly_txn *txn, fly_savepoint savepoint, fly_err *err)
{
    const struct undo *stop = (const struct undo *)(uintptr_t)savepoint.undo;
    if (txn->prepared || savepoint.count > txn->undo_count || !is_within(txn, stop)) {
        return fly_err_set(err, FLY_E_INVALID, "that savepoint is not one of this transaction");
    }
    bool shares = txn->share_count > savepoint.shares;
    if (shares) {
        fly__txn_unshare(txn, savepoint.shares);
    }
    if (txn->undo == stop) {
        txn->failed = false;
        if (shares) {
            fly__txn_wake_waiters(txn);
        }
        return FLY_OK;
    }
    fly__txn_enter(txn);
    fly_status status = fly__txn_undo_to(txn, stop, err);
    fly__txn_leave(txn);
    txn->failed = status != FLY_OK;
    fly__txn_wake_waiters(txn);
    return status;
}

/* ------------------------------------------------------------------------- preparing */

/*
 * A prepared transaction belongs to nobody: it is in a list of the store's, under its name, with its
 * entries locked, until somebody takes it over to commit it or roll it back. Recovery puts those back
 * into the list that the log says were prepared and not ended.
 */

void fly__txn_list_prepared(fly_txn *txn)
{
    fly_store *store = txn->store;
    txn->prepared = true;
    txn->waiting = NULL; /* whoever takes it over asks nobody */
    fly_mutex_lock(&store->prepared_mutex);
    txn->next_prepared = store->prepared;
    store->prepared = txn;
    fly_mutex_unlock(&store->prepared_mutex);
}

static bool name_is_taken(fly_store *store, fly_bytes name)
{
    bool taken = false;
    uint32_t count = fly_load_u32(&store->context_count);
    /* Those that somebody has taken over are not in the list, but still bear their names. */
    for (uint32_t i = 0; i < count && !taken; i++) {
        const fly_txn *txn = fly__txn_context(store, i);
        taken = txn->name_len == name.len && memcmp(txn->name, name.data, name.len) == 0;
    }
    return taken;
}

static fly_status check_name(const fly_txn *txn, fly_bytes name, fly_err *err)
{
    if (name.len == 0 || name.len > SAVED_NAME_MAX) {
        return fly_err_set(err, FLY_E_INVALID,
                           "the name of a prepared transaction has 1 to %d bytes, not %zu",
                           SAVED_NAME_MAX, name.len);
    }
    if (txn->cursors > 0) {
        return fly_err_set(err, FLY_E_INVALID,
                           "a transaction with open cursors cannot be prepared");
    }
    return FLY_OK;
}

static fly_status take_name(fly_txn *txn, fly_bytes name, fly_err *err)
{
    fly_store *store = txn->store;
    fly_status status = FLY_OK;
    fly_mutex_lock(&store->prepared_mutex);
    if (name_is_taken(store, name)) {
        status = fly_err_set(err, FLY_E_EXISTS, "there is a prepared transaction \"%.*s\" already",
                             (int)name.len, (const char *)name.data);
    } else {
        memcpy(txn->name, name.data, name.len);
        txn->name_len = name.len;
    }
    fly_mutex_unlock(&store->prepared_mutex);
    return status;
}

fly_status fly_txn_prepare(fly_txn *txn, fly_bytes name, fly_err *err)
{
    fly_store *store = txn->store;
    fly_status status = fly__txn_usable(txn, err);
    if (status == FLY_OK) {
        status = check_name(txn, name, err);
    }
    if (status == FLY_OK && txn->read_only) {
        status = fly_err_set(err, FLY_E_READ_ONLY, "a read-only transaction cannot be prepared");
    }
    if (status == FLY_OK && fly_load_relaxed_u64(&txn->id) == 0) {
        status = fly__txn_undo_reserve(txn, 0, err); /* it takes a number, to be found by */
    }
    if (status == FLY_OK && txn->shares != NULL) {
        status = fly__txn_harden_locks(txn, err);
    }
    if (status == FLY_OK) {
        status = take_name(txn, name, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (txn->reads != NULL) {
        status = fly__txn_validate(txn, err);
        txn->failed = status != FLY_OK;
    }
    uint64_t end = 0;
    if (status == FLY_OK) {
        status = fly__txn_log_locks(txn, err);
    }
    if (status == FLY_OK) {
        uint64_t numbers[] = {fly_load_relaxed_u64(&txn->id), txn->last_lsn};
        fly__txn_announce_lsn(txn);
        status = fly__txn_log_note(store, TXN_PREPARE, numbers, 2, name, NULL, &end, err);
    }
    if (status == FLY_OK) {
        status = fly_wal_flush(store->wal, end, FLY_DURABILITY_FULL, err);
    }
    if (status != FLY_OK) {
        drop_name(txn);
        fly__txn_validated_end(txn);
        return status;
    }
    fly__txn_forget_snapshot(txn);
    fly__txn_list_prepared(txn);
    return FLY_OK;
}

fly_status fly_store_prepared(fly_store *store, fly_bytes name, fly_txn **txn, fly_err *err)
{
    fly_mutex_lock(&store->prepared_mutex);
    fly_txn **link = &store->prepared;
    while (*link != NULL &&
           !fly_bytes_equal(fly_bytes_of((*link)->name, (*link)->name_len), name)) {
        link = &(*link)->next_prepared;
    }
    fly_txn *found = *link;
    if (found != NULL) {
        *link = found->next_prepared;
    }
    fly_mutex_unlock(&store->prepared_mutex);
    if (found == NULL) {
        return fly_err_set(err, FLY_E_NOT_FOUND, "there is no prepared transaction \"%.*s\"",
                           (int)name.len, (const char *)name.data);
    }
    *txn = found;
    return FLY_OK;
}

void fly_store_list_prepared(fly_store *store, void (*each)(void *ctx, fly_bytes name), void *ctx)
{
    fly_mutex_lock(&store->prepared_mutex);
    for (const fly_txn *txn = store->prepared; txn != NULL; txn = txn->next_prepared) {
        each(ctx, fly_bytes_of(txn->name, txn->name_len));
    }
    fly_mutex_unlock(&store->prepared_mutex);
}
