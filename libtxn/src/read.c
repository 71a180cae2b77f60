/*
 * Seeing entries.
 *
 * A leaf holds the newest version of an entry. If its writer is one that our snapshot sees, that is
 * the version, and most of the time one comparison says so. If not, the stamp leads to the undo
 * record that holds the version before, and so on:
 *
 *     leaf: (stamp 9, 4) ──> undo (9, 4): version by (7, 2) ──> undo (7, 2): there was no entry
 *           not seen                      not seen
 *
 * Records on that way stay where they are for as long as our snapshot is registered, because each
 * belongs to a writer that the snapshot does not see, and such writers are not purged. A snapshot that
 * was given up has lost that right; so we say that we look back before we do, and ask whether we
 * still may. And since an entry that was there for such a snapshot may be gone altogether, every
 * read asks once more at its end.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

fly_status fly__txn_too_old(fly_txn *txn, fly_err *err)
{
    txn->failed = true;
    return fly_err_set(
        err, FLY_E_TOO_OLD, "snapshot too old: the versions it needs are gone, for it was %s",
        txn->store->options.snapshot_age_ms != 0
            ? "held longer than snapshot_age_ms, or old versions took too much memory"
            : "held while old versions took more memory than undo_bytes_max");
}

fly_status fly__txn_damaged_entry(const fly_tree *tree, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "an entry of tree %" PRIu32 " in \"%s\" has no stamp",
                       tree->id, tree->store->dir);
}

fly_status fly__txn_usable(const fly_txn *txn, fly_err *err)
{
    if (FLY_UNLIKELY(txn->failed)) {
        return fly_err_set(err, FLY_E_ABORTED,
                           "the transaction has failed: nothing but rolling back is left");
    }
    if (FLY_UNLIKELY(txn->prepared)) {
        return fly_err_set(err, FLY_E_INVALID,
                           "the transaction is prepared: nothing but committing or rolling back "
                           "is left");
    }
    return FLY_OK;
}

fly_status fly__txn_tree_usable(const fly_txn *txn, const fly_tree *tree, bool change, fly_err *err)
{
    if (FLY_LIKELY(fly_load_u32(&tree->dropped) == 0)) {
        return FLY_OK;
    }
    uint64_t at = fly_load_u64(&tree->dropped_at);
    if (!change && txn->isolation != FLY_ISOLATION_READ_COMMITTED &&
        fly_load_u32(&tree->destroyed) == 0 && (at == 0 || txn->view.timestamp < at)) {
        return FLY_OK; /* dropped behind our snapshot, which keeps it */
    }
    return fly_err_set(err, FLY_E_NOT_FOUND, "tree %" PRIu32 " has been dropped", tree->id);
}

fly_btree_hint *fly__txn_hint(fly_txn *txn, const fly_tree *tree)
{
    uint32_t i = tree->id % HINTS;
    if (FLY_UNLIKELY(txn->hint_tree[i] != tree->id)) {
        txn->hint_tree[i] = tree->id;
        txn->hints[i] = (fly_btree_hint){0};
    }
    return &txn->hints[i];
}

/* Follow the stamps back to a version that is seen. */
static fly_status look_back(fly_txn *txn, struct version newest, uint8_t *room,
                            struct version *seen)
{
    struct version version = newest;
    for (;;) {
        const struct undo *undo = fly__txn_undo_find(txn->store, version.stamp);
        if (undo_kind(undo) == UNDO_INSERT) {
            return FLY_E_NOT_FOUND;
        }
        version.stamp = undo->prev_stamp;
        version.flags = undo->prev_flags;
        version.payload = undo_payload(undo);
        if (fly__txn_sees(txn, stamp_id(version.stamp))) {
            memcpy(room, version.payload.data, version.payload.len);
            version.payload.data = room;
            *seen = version;
            return FLY_OK;
        }
    }
}

fly_status fly__txn_resolve(fly_txn *txn, struct version newest, uint8_t *room,
                            struct version *seen, fly_err *err)
{
    fly_status status = FLY_OK;
    if (FLY_LIKELY(stamp_id(newest.stamp) < txn->view.low)) {
        *seen = newest;
    } else if (!begin_looking_back(txn)) {
        return fly__txn_too_old(txn, err);
    } else {
        if (fly__txn_sees(txn, stamp_id(newest.stamp))) {
            *seen = newest;
        } else {
            status = look_back(txn, newest, room, seen);
        }
        end_looking_back(txn);
    }
    if (status == FLY_OK && (seen->flags & VALUE_GHOST) != 0) {
        status = FLY_E_NOT_FOUND;
    }
    return status;
}

/* Hand a version's value out. */
static fly_status copy_out(fly_tree *tree, const struct version *version, void *buffer, size_t room,
                           uint64_t *len, fly_err *err)
{
    if (FLY_UNLIKELY((version->flags & VALUE_BLOB) != 0)) {
        if (version->payload.len != FLY_BTREE_BLOB_REF) {
            return fly__txn_damaged_entry(tree, err);
        }
        *len = fly_btree_blob_len(version->payload.data);
        if (*len > room) {
            return FLY_E_FULL;
        }
        return fly_btree_blob_read(tree->btree, version->payload.data, 0, buffer, (size_t)*len,
                                   err);
    }
    *len = version->payload.len;
    if (FLY_UNLIKELY(version->payload.len > room)) {
        return FLY_E_FULL;
    }
    memcpy(buffer, version->payload.data, version->payload.len);
    return FLY_OK;
}

static fly_status get(fly_txn *txn, fly_tree *tree, fly_bytes key, void *buffer, size_t room,
                      uint64_t *len, fly_err *err)
{
    fly_btree_entry entry;
    struct version version;
    fly_status status =
        fly_btree_read(tree->btree, fly__txn_hint(txn, tree), key, txn->entry, &entry, err);
    if (status != FLY_OK) {
        return status;
    }
    if (FLY_UNLIKELY(!parse_value(entry.value, &version))) {
        return fly__txn_damaged_entry(tree, err);
    }
    status = fly__txn_resolve(txn, version, txn->entry, &version, err);
    return FLY_LIKELY(status == FLY_OK) ? copy_out(tree, &version, buffer, room, len, err) : status;
}

fly_status fly_txn_get(fly_txn *txn, fly_tree *tree, fly_bytes key, void *buffer, size_t room,
                       uint64_t *len, fly_err *err)
{
    fly_status status = fly__txn_usable(txn, err);
    if (FLY_UNLIKELY(status != FLY_OK)) {
        return status;
    }
    fly__txn_enter(txn);
    status = fly__txn_tree_usable(txn, tree, false, err);
    if (FLY_UNLIKELY(status == FLY_OK && txn->reads != NULL)) {
        status = fly__txn_note_read(txn, tree, key, err);
    }
    if (FLY_LIKELY(status == FLY_OK)) {
        status = get(txn, tree, key, buffer, room, len, err);
    }
    if (FLY_UNLIKELY(is_given_up(txn))) {
        status = fly__txn_too_old(txn, err);
    }
    fly__txn_leave(txn);
    return status;
}
