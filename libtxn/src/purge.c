/*
 * Purging: what nobody can see any more goes.
 *
 * A transaction that has ended is in its context's queue, with its undo records. When its end is no
 * newer than the oldest snapshot, nobody wants the versions before it, and three things are done:
 *
 *     - what it deleted is removed from the leaves, if the ghost is still its own
 *     - the pages of long values that it replaced or deleted are given back, and those of dropped trees
 *     - its undo records are freed
 *
 * The undo records say just what to remove, so nothing is ever searched for garbage. Should the
 * process die first, recovery finds the same work in the log, which is kept for it (`owed_lsn`).
 *
 * Every 32 transactions a context purges its own queue; the keeper, a background thread, sees to
 * contexts that are not used, and gives snapshots up that have become too old.
 */
#include "txn_int.h"

#include <inttypes.h>

enum { MS = 1000000, ROUND_MS = 10, IDLE_ROUNDS = 20, IDLE_MS = 1000 };

/* ------------------------------------------------------------------------ one record */

struct ghost {
    uint64_t stamp;
    bool removed;
};

static fly_status decide_purge(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                               fly_err *err)
{
    struct ghost *ghost = ctx;
    struct version version;
    (void)err;
    ghost->removed = entry != NULL && parse_value(entry->value, &version) &&
                     version.stamp == ghost->stamp && (version.flags & VALUE_GHOST) != 0;
    change->verdict = ghost->removed ? FLY_BTREE_REMOVE : FLY_BTREE_KEEP;
    return FLY_OK;
}

fly_status fly__txn_purge_ghost(fly_tree *tree, fly_bytes key, uint64_t stamp, bool *removed,
                                fly_err *err)
{
    struct ghost ghost = {.stamp = stamp};
    fly_status status = fly_btree_upsert(tree->btree, NULL, key, decide_purge, &ghost, NULL, err);
    *removed = status == FLY_OK && ghost.removed;
    return status;
}

static fly_status purge_record(fly_store *store, const struct undo *undo, fly_err *err)
{
    fly_status status = FLY_OK;
    if (undo_kind(undo) == UNDO_DROP) {
        return fly__txn_tree_destroy(store, undo->tree, (uint32_t)undo->prev_stamp, err);
    }
    if (undo_kind(undo) != UNDO_UPDATE && undo_kind(undo) != UNDO_DELETE) {
        return FLY_OK;
    }
    fly_tree *tree = fly__txn_tree_find(store, undo->tree);
    /* A ghost goes with its tree. */
    if (undo_kind(undo) == UNDO_DELETE && tree != NULL && fly_load_u32(&tree->destroyed) == 0) {
        bool removed = false;
        status = fly__txn_purge_ghost(tree, undo_key(undo), undo->stamp, &removed, err);
        fly_count_u64(&store->purged, removed ? 1 : 0);
    }
    if (status == FLY_OK && (undo->prev_flags & VALUE_BLOB) != 0 &&
        undo->value_len == FLY_BTREE_BLOB_REF) {
        status = fly__txn_free_blob(store, undo->tree, undo_payload(undo).data, err);
    }
    return status;
}

/* ---------------------------------------------------------------------- one transaction */

/*
 * Purge the records of an ended transaction, newest first. If one cannot be purged (the disk is full,
 * a page cannot be read) the rest waits with it, and is tried again later: `*left` says from where.
 */
static fly_status purge_records(fly_store *store, struct undo **left, fly_err *err)
{
    while (*left != NULL) {
        fly_status status = purge_record(store, *left, err);
        if (status != FLY_OK) {
            return status;
        }
        *left = (*left)->before;
    }
    return FLY_OK;
}

void fly__txn_purge(fly_txn *context)
{
    fly_store *store = context->store;
    struct finished ended;
    while (fly__txn_queue_first(context, &ended)) {
        fly_err err = {0};
        fly_status status = purge_records(store, &ended.undo, &err);
        bool final = status == FLY_OK || status == FLY_E_CORRUPT;
        if (status == FLY_E_CORRUPT) {
            /* Trying again would fail again: what is left becomes garbage, which verify names. */
            fly_log(store->env, FLY_LOG_ERROR, "purge: %s", err.message);
        }
        fly__txn_queue_done(context, final, ended.undo);
        FLY_TRACE(store->env->trace, FLY_TXN_EVENT_PURGED, context->number, ended.timestamp, 0, 0);
        if (!final) {
            return;
        }
    }
}

static void purge_context(void *ctx, fly_txn *txn)
{
    (void)ctx;
    fly__txn_purge(txn);
}

void fly__txn_purge_all(fly_store *store)
{
    fly__txn_refresh_horizon(store);
    fly__txn_each_context(store, purge_context, NULL);
    fly__txn_purge_recovered(store);
}

/* --------------------------------------------------------------------------- the keeper */

void fly__txn_call_keeper(fly_store *store)
{
    (void)fly_add_u32(&store->keeper_alarm, 1);
    fly_unpark(&store->keeper_alarm, 1);
}

void fly__txn_keeper(void *arg)
{
    fly_store *store = arg;
    uint64_t clock = 0;
    uint32_t idle = 0;
    while (fly_load_u32(&store->stop) == 0) {
        uint32_t seen = fly_load_u32(&store->keeper_alarm);
        uint64_t now = fly_load_u64(&store->clock);
        idle = now == clock ? idle + 1 : 0;
        clock = now;
        fly__txn_purge_all(store);
        fly__txn_give_up_snapshots(store);
        uint64_t pause = (uint64_t)(idle < IDLE_ROUNDS ? ROUND_MS : IDLE_MS) * MS;
        (void)fly_park(&store->keeper_alarm, seen, fly_now() + pause, "work for the keeper");
    }
}
