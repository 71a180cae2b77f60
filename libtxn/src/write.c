/*
 * Changing entries: what is decided under a leaf's latch, what of it is logged, and how it is undone.
 *
 * A change goes like this:
 *
 *     1  memory for its undo record is reserved, so that nothing can fail later; a long value has one
 *        more such record for each of its pages, whose memory is reserved before it is logged
 *     2  libbtree finds the leaf, latches it, and asks decide() with the entry
 *     3  decide() looks at the newest version: is its writer still at work (wait, and again), has it
 *        committed behind our snapshot (conflict), is it what the caller expects?
 *     4  libbtree hands the change to the logger, which appends the record and then makes the undo
 *        record: from here on the new version's stamp leads to the old version
 *     5  libbtree changes the leaf
 *
 * Undoing is a change of the same kind, whose record is a compensation: it is redone like any other
 * and never undone; it says which record is to be undone next.
 *
 * Locks change an entry's stamp and nothing else. They are not logged, for a lock does not outlive
 * its transaction, not even by a crash. Shared locks change nothing (share.c).
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

/* -------------------------------------------------------------------------- the logger */

void fly__txn_note_lsn(fly_txn *txn, uint64_t lsn)
{
    txn->last_lsn = lsn;
    if (fly_load_relaxed_u64(&txn->first_lsn) == 0) {
        fly_store_u64(&txn->first_lsn, lsn);
    }
}

/* A checkpoint must find a transaction's first record, or be older than it: so the context names a
 * position that is no later before the record is appended. */
void fly__txn_announce_lsn(fly_txn *txn)
{
    if (fly_load_relaxed_u64(&txn->first_lsn) == 0) {
        fly_store_seq_u64(&txn->first_lsn, fly_wal_next(txn->store->wal));
    }
}

static const fly_bytes no_bytes = {NULL, 0};

static void put_value_header(struct op *op, uint8_t flags)
{
    fly_put_u64(op->header, op->stamp);
    op->header[8] = flags;
}

static bool is_lock(const struct undo *undo)
{
    return undo_kind(undo) == UNDO_LOCK || undo_kind(undo) == UNDO_RELOCK;
}

/* The stamp of the version that undoing leads back to. Locks of our own are passed over, for no log
 * record tells of them: after a crash nobody could say what was before. */
static uint64_t stamp_before(const struct op *op)
{
    uint64_t stamp = op->previous.stamp;
    while (fly__txn_is_own(op->txn, stamp_id(stamp))) {
        const struct undo *undo = fly__txn_undo_find(op->txn->store, stamp);
        if (!is_lock(undo)) {
            break;
        }
        stamp = undo->prev_stamp;
    }
    return stamp;
}

/* The undo part of a record: the entry's former value. */
static int undo_part(const struct op *op, uint8_t bytes[1 + VALUE_HEADER], fly_bytes *pieces)
{
    bytes[0] = op->had;
    if (!op->had) {
        pieces[0] = fly_bytes_of(bytes, 1);
        return 1;
    }
    fly_put_u64(bytes + 1, stamp_before(op));
    bytes[9] = op->previous.flags;
    pieces[0] = fly_bytes_of(bytes, 1 + VALUE_HEADER);
    pieces[1] = op->previous.payload;
    return 2;
}

/* What undoes a record that is not about an entry. */
static uint8_t kind_of(uint8_t type)
{
    switch (type) {
    case FLY_BTREE_LOG_NODES:
        return UNDO_TREE; /* the one such record with an `op`: a new tree's */
    case FLY_BTREE_LOG_LOADED:
        return UNDO_LOADED;
    default:
        return UNDO_PAGE;
    }
}

/* Make the undo record of what has just been logged. */
static void keep_previous(struct op *op, uint8_t type, const struct fly_btree_logged *logged)
{
    fly_txn *txn = op->txn;
    if (type != FLY_BTREE_LOG_PUT) {
        struct undo *undo = fly__txn_undo_add(txn, kind_of(type), logged->tree, no_bytes, NULL, 0);
        undo->prev_stamp = logged->page;
        undo->prev_flags = 0;
        return;
    }
    uint8_t kind = (uint8_t)(op->kind | (op->marked ? UNDO_WEAK : 0));
    struct undo *undo =
        fly__txn_undo_add(txn, kind, op->tree->id, op->key, &op->previous.payload, op->had ? 1 : 0);
    undo->prev_stamp = op->had ? op->previous.stamp : 0;
    undo->prev_flags = op->had ? op->previous.flags : 0;
    bool replaced_blob = op->had && (op->kind == UNDO_UPDATE || op->kind == UNDO_DELETE) &&
                         (op->previous.flags & VALUE_BLOB) != 0;
    txn->has_work = txn->has_work || op->kind == UNDO_DELETE || replaced_blob;
    FLY_TRACE(txn->store->env->trace, FLY_TXN_EVENT_VERSION, txn->last_id, op->tree->id,
              txn->last_lsn, 0);
}

static fly_status append_system(fly_store *store, uint8_t type, const fly_bytes *pieces, int count,
                                uint64_t *lsn, fly_err *err)
{
    /* What must be logged to finish or undo something may use the last of a full disk; a split for
     * somebody's insert need not, but cannot be told from one here. */
    return fly_wal_append(store->wal, MANAGER_TREES, type, FLAG_SYSTEM, pieces, count, lsn, NULL,
                          err);
}

enum { PIECES_MAX = 32 };

static fly_status append_change(void *ctx, void *opaque, uint8_t type, const fly_bytes *pieces,
                                int count, uint64_t *lsn, fly_err *err)
{
    fly_store *store = ctx;
    struct op *op = opaque;
    if (op == NULL) {
        return append_system(store, type, pieces, count, lsn, err);
    }
    fly_txn *txn = op->txn;
    bool compensates = op->kind == COMPENSATES;
    if (!op->logged) {
        *lsn = 0;
        if (!compensates) {
            keep_previous(op, type, NULL);
        }
        return FLY_OK;
    }
    fly_btree_logged logged = {0};
    fly_status status = FLY_OK;
    if (!compensates && type != FLY_BTREE_LOG_PUT) {
        /* An entry's undo record was reserved; of pages nobody knew how many there would be. */
        status = fly__txn_undo_reserve(txn, 0, err);
        fly_btree_log_subject(type, pieces, count, &logged.tree, &logged.page);
    }
    if (status != FLY_OK) {
        return status;
    }
    uint8_t header[TREE_RECORD_HEADER];
    uint8_t undo[1 + VALUE_HEADER];
    fly_bytes all[PIECES_MAX];
    size_t body = 0;
    int n = 1;
    FLY_ASSERT(count + 3 <= PIECES_MAX);
    for (int i = 0; i < count; i++) {
        body += pieces[i].len;
        all[n++] = pieces[i];
    }
    fly__txn_announce_lsn(txn);
    fly_put_u64(header, fly_load_relaxed_u64(&txn->id));
    fly_put_u64(header + 8, compensates ? op->undo_next : txn->last_lsn);
    fly_put_u32(header + 16, (uint32_t)body);
    all[0] = fly_bytes_of(header, sizeof header);
    bool has_undo_part = !compensates &&
                         (type == FLY_BTREE_LOG_PUT || type == FLY_BTREE_LOG_REMOVE);
    if (has_undo_part) {
        n += undo_part(op, undo, all + n);
    }
    uint16_t flags = compensates ? FLAG_COMPENSATION | FLY_WAL_MUST : 0;
    status = fly_wal_append(store->wal, MANAGER_TREES, type, flags, all, n, lsn, NULL, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!compensates) {
        keep_previous(op, type, &logged);
    }
    fly__txn_note_lsn(txn, *lsn);
    return FLY_OK;
}

static uint64_t log_position(void *ctx)
{
    return fly_wal_next(((fly_store *)ctx)->wal);
}

static void begin_structure(void *ctx)
{
    fly_latch_lock_shared(&((fly_store *)ctx)->structure);
}

static void end_structure(void *ctx)
{
    fly_latch_unlock_shared(&((fly_store *)ctx)->structure);
}

void fly__txn_logger(fly_store *store)
{
    store->logger = (fly_btree_logger){
        .append = append_change,
        .position = log_position,
        .begin_structure = begin_structure,
        .end_structure = end_structure,
        .record_max = fly_wal_payload_max(store->wal) - TREE_RECORD_HEADER,
        .ctx = store,
    };
}

fly_status fly__txn_log_note(fly_store *store, uint8_t type, const uint64_t *numbers, int count,
                             fly_bytes tail, uint64_t *lsn, uint64_t *end, fly_err *err)
{
    uint8_t bytes[4 * 8];
    FLY_ASSERT(count <= 4);
    for (int i = 0; i < count; i++) {
        fly_put_u64(bytes + 8 * (size_t)i, numbers[i]);
    }
    fly_bytes pieces[] = {fly_bytes_of(bytes, 8 * (size_t)count), tail};
    return fly_wal_append(store->wal, MANAGER_TXNS, type, FLY_WAL_MUST, pieces, 2, lsn, end, err);
}

/* --------------------------------------------------------------------------- deciding */

static fly_status conflict(struct op *op, fly_err *err)
{
    fly_txn *txn = op->txn;
    txn->failed = true;
    fly_count_u64(&txn->store->conflicts, 1);
    return fly_err_set(err, FLY_E_CONFLICT,
                       "could not serialize access: an entry of tree %" PRIu32
                       " was changed since the transaction began",
                       op->tree->id);
}

static bool is_old(const struct undo *undo, bool lax)
{
    return is_lock(undo) ||
           (lax && (undo->marked_kind & UNDO_WEAK) != 0 && undo_kind(undo) != UNDO_INSERT);
}

/* Whether a version whose writer has committed behind our snapshot says something else than the one that
 * the snapshot sees: locks do not. */
static bool is_news(struct op *op, uint64_t stamp)
{
    fly_txn *txn = op->txn;
    if (!begin_looking_back(txn)) {
        return true;
    }
    /* Nor do weak changes to who only wants the entry to be there. */
    bool lax = op->kind == UNDO_NONE && op->weak;
    const struct undo *undo = fly__txn_undo_find(txn->store, stamp);
    while (is_old(undo, lax) && !fly__txn_sees(txn, stamp_id(undo->prev_stamp))) {
        undo = fly__txn_undo_find(txn->store, undo->prev_stamp);
    }
    bool news = !is_old(undo, lax);
    end_looking_back(txn);
    return news;
}

/* Whether the newest version may be followed by ours. FLY_E_AGAIN: wait for `wait_for` first. */
static fly_status may_follow(struct op *op, const struct version *newest, fly_err *err)
{
    fly_txn *txn = op->txn;
    uint64_t id = stamp_id(newest->stamp);
    if (id < txn->view.low || fly__txn_is_own(txn, id)) {
        return FLY_OK;
    }
    uint32_t context = 0;
    uint64_t timestamp = fly__txn_ended(txn, id, &context);
    if (timestamp == 0) {
        op->wait_for = id;
        return FLY_E_AGAIN;
    }
    if (is_given_up(txn)) {
        return fly__txn_too_old(txn, err);
    }
    if (txn->isolation != FLY_ISOLATION_READ_COMMITTED && timestamp > txn->view.timestamp &&
        is_news(op, newest->stamp)) {
        return is_given_up(txn) ? fly__txn_too_old(txn, err) : conflict(op, err);
    }
    return FLY_OK;
}

/* Whether the newest version is the one that our snapshot sees, and not one of our own. */
static bool is_as_seen(struct op *op, const struct version *newest)
{
    uint32_t context = 0;
    uint64_t id = stamp_id(newest->stamp);
    if (fly__txn_is_own(op->txn, id)) {
        return false;
    }
    if (id < op->txn->view.low) {
        return true;
    }
    uint64_t timestamp = fly__txn_ended(op->txn, id, &context);
    return timestamp != 0 && timestamp <= op->txn->view.timestamp;
}

/* Whether a version of somebody who is at work is marked as weak. */
static bool is_weak(fly_txn *txn, uint64_t stamp)
{
    if (!begin_looking_back(txn)) {
        return false;
    }
    bool weak = (fly__txn_undo_find(txn->store, stamp)->marked_kind & UNDO_WEAK) != 0;
    end_looking_back(txn);
    return weak;
}

/* Whether our change or lock may follow as far as shared locks go, and how it is to be marked: once strong,
 * always strong. `*has`: what is wanted is there already. */
static fly_status may_exclude(struct op *op, bool *has, fly_err *err)
{
    fly_txn *txn = op->txn;
    bool own = op->had && fly__txn_is_own(txn, stamp_id(op->previous.stamp));
    bool strong = own && !is_weak(txn, op->previous.stamp);
    op->marked = op->weak && !strong;
    *has = op->kind == UNDO_LOCK && own && (strong || op->weak);
    return strong || *has ? FLY_OK : fly__txn_exclude(op, err);
}

static fly_status decide_share(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                               fly_err *err)
{
    struct op *op = ctx;
    fly_txn *txn = op->txn;
    (void)change;
    if (entry == NULL) {
        return FLY_E_NOT_FOUND;
    }
    if (!parse_value(entry->value, &op->previous)) {
        return fly__txn_damaged_entry(op->tree, err);
    }
    fly_status status = may_follow(op, &op->previous, err);
    if (status == FLY_E_AGAIN && op->weak && is_weak(txn, op->previous.stamp)) {
        status = FLY_OK;
    }
    if (status == FLY_OK && (op->previous.flags & VALUE_GHOST) != 0) {
        status = FLY_E_NOT_FOUND;
    }
    if (status != FLY_OK || fly__txn_is_own(txn, stamp_id(op->previous.stamp))) {
        return status; /* an exclusive lock of our own is more than a shared one */
    }
    return fly__txn_share(op, err);
}

static fly_status decide_write(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                               fly_err *err)
{
    struct op *op = ctx;
    fly_txn *txn = op->txn;
    bool live = false;
    op->had = entry != NULL;
    if (entry != NULL) {
        if (!parse_value(entry->value, &op->previous)) {
            return fly__txn_damaged_entry(op->tree, err);
        }
        if (op->seen && !is_as_seen(op, &op->previous)) {
            return FLY_E_AGAIN;
        }
        fly_status status = may_follow(op, &op->previous, err);
        if (status != FLY_OK) {
            return status;
        }
        live = (op->previous.flags & VALUE_GHOST) == 0;
    }
    if (op->required && !live) {
        return FLY_E_NOT_FOUND;
    }
    if (op->exclusive && live) {
        return FLY_E_EXISTS;
    }
    bool has = false;
    fly_status status = op->had ? may_exclude(op, &has, err) : FLY_OK;
    if (status != FLY_OK || has) {
        return status;
    }
    op->stamp = fly__txn_undo_stamp(txn);
    change->verdict = FLY_BTREE_PUT;
    change->value[0] = fly_bytes_of(op->header, sizeof op->header);
    if (op->kind == UNDO_LOCK) {
        put_value_header(op, op->previous.flags);
        /* Same length, so it stays in its place; still it must not be written over itself. */
        memcpy(txn->entry, op->previous.payload.data, op->previous.payload.len);
        op->previous.payload.data = txn->entry;
        change->value[1] = op->previous.payload;
        change->blob = (op->previous.flags & VALUE_BLOB) != 0;
        return FLY_OK;
    }
    if (op->kind != UNDO_DELETE) {
        op->kind = op->had ? UNDO_UPDATE : UNDO_INSERT;
        change->value[1] = op->value;
        change->blob = op->blob;
    }
    put_value_header(
        op, (uint8_t)((op->kind == UNDO_DELETE ? VALUE_GHOST : 0) | (op->blob ? VALUE_BLOB : 0)));
    return FLY_OK;
}

/* -------------------------------------------------------------------------- the calls */

static fly_status no_writing(const fly_txn *txn, fly_err *err)
{
    return fly_err_set(err, FLY_E_READ_ONLY, "cannot change anything in a read-only %s",
                       txn->store->read_only ? "store" : "transaction");
}

static fly_status may_write(fly_txn *txn, fly_bytes key, fly_err *err)
{
    fly_status status = fly__txn_usable(txn, err);
    if (status != FLY_OK) {
        return status;
    }
    if (txn->read_only) {
        return no_writing(txn, err);
    }
    if (key.len > txn->store->key_max) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a key of %zu bytes is longer than the limit of %" PRIu32, key.len,
                           txn->store->key_max);
    }
    return FLY_OK;
}

/* Carry a change out, waiting for others as long as it takes. */
static fly_status run(struct op *op, fly_lock_wait wait, fly_err *err)
{
    fly_txn *txn = op->txn;
    fly_btree_decide decide = op->kind == UNDO_NONE ? decide_share : decide_write;
    uint64_t deadline = 0;
    fly_status status;
    op->patient = wait == FLY_LOCK_WAIT;
    do {
        op->soft = false;
        status = fly__txn_undo_reserve(txn, op->key.len + txn->store->entry_room, err);
        if (status != FLY_OK) {
            return status;
        }
        status = fly_btree_upsert(op->tree->btree, fly__txn_hint(txn, op->tree), op->key, decide,
                                  op, op, err);
        if (status != FLY_E_AGAIN || wait == FLY_LOCK_NO_WAIT) {
            break;
        }
        if (deadline == 0) {
            deadline = txn->lock_ns != 0 ? fly_now() + txn->lock_ns : FLY_FOREVER;
        }
        status = fly__txn_wait(txn, op->wait_for, op->soft, deadline, err);
        if (status == FLY_E_DEADLOCK && op->soft) {
            op->barge = true;
            status = FLY_OK;
        }
    } while (status == FLY_OK);
    if (FLY_UNLIKELY(op->claimed)) {
        fly__txn_unclaim(op);
        if (status != FLY_OK) { /* else they wait for what we have got */
            fly__txn_wake_waiters(txn);
        }
    }
    return status;
}

/* A value too long for a leaf: its pages first, then the reference. */
static fly_status write_blob(struct op *op, uint8_t ref[FLY_BTREE_BLOB_REF], fly_err *err)
{
    fly_txn *txn = op->txn;
    struct op page = {.txn = txn, .tree = op->tree, .kind = UNDO_PAGE, .logged = true};
    uint64_t len = op->value.len;
    if (len > fly_btree_value_max(op->tree->btree)) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a value of %" PRIu64 " bytes is longer than the limit of %" PRIu64, len,
                           fly_btree_value_max(op->tree->btree));
    }
    fly_savepoint before = fly_txn_savepoint(txn);
    fly_status status = fly_btree_blob_write(op->tree->btree, &op->value, 1, &page, ref, err);
    if (status != FLY_OK && fly_txn_rollback_to(txn, before, NULL) != FLY_OK) {
        txn->failed = true;
    }
    op->value = fly_bytes_of(ref, FLY_BTREE_BLOB_REF);
    op->blob = true;
    return status;
}

static fly_status write_entry(struct op *op, fly_err *err)
{
    fly_txn *txn = op->txn;
    uint8_t ref[FLY_BTREE_BLOB_REF];
    fly_status status = may_write(txn, op->key, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__txn_enter(txn);
    status = fly__txn_tree_usable(txn, op->tree, true, err);
    if (FLY_UNLIKELY(status != FLY_OK)) {
        fly__txn_leave(txn);
        return status;
    }
    fly_savepoint before = fly_txn_savepoint(txn);
    bool blob = op->value.len + VALUE_HEADER > fly_btree_inline_max(op->tree->btree, op->key.len);
    if (blob) {
        status = write_blob(op, ref, err);
    }
    if (status == FLY_OK) {
        status = run(op, op->seen ? FLY_LOCK_NO_WAIT : FLY_LOCK_WAIT, err);
        if (status != FLY_OK && blob && !txn->failed &&
            fly_txn_rollback_to(txn, before, NULL) != FLY_OK) {
            txn->failed = true;
        }
    }
    fly__txn_leave(txn);
    return status;
}

fly_status fly_txn_put(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_bytes value, fly_err *err)
{
    struct op op = {
        .txn = txn, .tree = tree, .kind = UNDO_UPDATE, .logged = true, .key = key, .value = value};
    return write_entry(&op, err);
}

fly_status fly_txn_insert(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_bytes value,
                          fly_err *err)
{
    struct op op = {.txn = txn,
                    .tree = tree,
                    .kind = UNDO_INSERT,
                    .logged = true,
                    .key = key,
                    .value = value,
                    .exclusive = true};
    return write_entry(&op, err);
}

fly_status fly_txn_delete(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_err *err)
{
    struct op op = {.txn = txn,
                    .tree = tree,
                    .kind = UNDO_DELETE,
                    .logged = true,
                    .key = key,
                    .required = true};
    return write_entry(&op, err);
}

fly_status fly_txn_put_weak(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_bytes value, bool seen,
                            fly_err *err)
{
    struct op op = {.txn = txn,
                    .tree = tree,
                    .kind = UNDO_UPDATE,
                    .logged = true,
                    .key = key,
                    .value = value,
                    .required = seen,
                    .seen = seen,
                    .weak = true};
    return write_entry(&op, err);
}

fly_status fly_txn_put_seen(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_bytes value,
                            fly_err *err)
{
    struct op op = {.txn = txn,
                    .tree = tree,
                    .kind = UNDO_UPDATE,
                    .logged = true,
                    .key = key,
                    .value = value,
                    .required = true,
                    .seen = true};
    return write_entry(&op, err);
}

fly_status fly_txn_delete_seen(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_err *err)
{
    struct op op = {.txn = txn,
                    .tree = tree,
                    .kind = UNDO_DELETE,
                    .logged = true,
                    .key = key,
                    .required = true,
                    .seen = true};
    return write_entry(&op, err);
}

fly_status fly_txn_lock(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_lock_wait wait,
                        fly_err *err)
{
    return fly_txn_lock_as(txn, tree, key, FLY_LOCK_EXCLUSIVE, wait, err);
}

fly_status fly_txn_lock_as(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_lock_mode mode,
                           fly_lock_wait wait, fly_err *err)
{
    bool shared = mode == FLY_LOCK_SHARED || mode == FLY_LOCK_SHARED_WEAK;
    struct op op = {.txn = txn,
                    .tree = tree,
                    .kind = shared ? UNDO_NONE : UNDO_LOCK,
                    .key = key,
                    .required = true,
                    .weak = mode == FLY_LOCK_SHARED_WEAK || mode == FLY_LOCK_EXCLUSIVE_WEAK};
    fly_status status = may_write(txn, key, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__txn_enter(txn);
    status = fly__txn_tree_usable(txn, tree, true, err);
    if (status == FLY_OK) {
        status = run(&op, wait, err);
    }
    fly__txn_leave(txn);
    return status;
}

/* Turn a lock, which is not logged, into a change that is, and changes nothing but the stamp. */
static fly_status decide_relock(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                                fly_err *err)
{
    struct op *op = ctx;
    if (entry == NULL || !parse_value(entry->value, &op->previous)) {
        return fly__txn_damaged_entry(op->tree, err);
    }
    fly_txn *txn = op->txn;
    op->had = true;
    op->stamp = fly__txn_undo_stamp(txn);
    memcpy(txn->entry, op->previous.payload.data, op->previous.payload.len);
    op->previous.payload.data = txn->entry;
    put_value_header(op, op->previous.flags);
    change->verdict = FLY_BTREE_PUT;
    change->value[0] = fly_bytes_of(op->header, sizeof op->header);
    change->value[1] = op->previous.payload;
    change->blob = (op->previous.flags & VALUE_BLOB) != 0;
    return FLY_OK;
}

static fly_status lock_shared_too(fly_txn *txn, uint32_t tree_id, fly_bytes key, fly_err *err)
{
    fly_tree *tree = fly__txn_tree_find(txn->store, tree_id);
    if (tree == NULL || fly_load_u32(&tree->dropped) != 0) {
        return FLY_OK;
    }
    struct op op = {.txn = txn, .tree = tree, .kind = UNDO_LOCK, .key = key, .required = true};
    fly_status status = run(&op, FLY_LOCK_WAIT, err);
    return status == FLY_E_NOT_FOUND ? FLY_OK : status; /* it has deleted the entry itself */
}

fly_status fly__txn_harden_locks(fly_txn *txn, fly_err *err)
{
    fly__txn_enter(txn);
    fly_status status = fly__txn_each_share(txn, lock_shared_too, err);
    fly__txn_leave(txn);
    return status;
}

fly_status fly__txn_log_locks(fly_txn *txn, fly_err *err)
{
    for (const struct undo *undo = txn->undo; undo != NULL; undo = undo->before) {
        fly_tree *tree = fly__txn_tree_find(txn->store, undo->tree);
        if (undo_kind(undo) != UNDO_LOCK || tree == NULL) {
            continue;
        }
        struct op op = {
            .txn = txn, .tree = tree, .kind = UNDO_RELOCK, .logged = true, .key = undo_key(undo)};
        fly_status status = fly__txn_undo_reserve(txn, op.key.len + txn->store->entry_room, err);
        if (status == FLY_OK) {
            status = fly_btree_upsert(tree->btree, NULL, op.key, decide_relock, &op, &op, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* ----------------------------------------------------------------------------- undoing */

/* What a restored entry becomes, and which version it must be now. Stamps are compared whole: after a
 * crash it is not known any more which numbers were the transaction's. */
struct restoring {
    uint64_t stamp;
    const struct version *previous;
    bool remove;
    uint8_t header[VALUE_HEADER];
    bool wrong; /* it is another version */
};

static fly_status decide_restore(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                                 fly_err *err)
{
    struct restoring *restoring = ctx;
    struct version now;
    (void)err;
    if (entry == NULL || !parse_value(entry->value, &now) || now.stamp != restoring->stamp) {
        restoring->wrong = true;
        return FLY_OK;
    }
    if (restoring->remove) {
        change->verdict = FLY_BTREE_REMOVE;
        return FLY_OK;
    }
    fly_put_u64(restoring->header, restoring->previous->stamp);
    restoring->header[8] = restoring->previous->flags;
    change->verdict = FLY_BTREE_PUT;
    change->value[0] = fly_bytes_of(restoring->header, sizeof restoring->header);
    change->value[1] = restoring->previous->payload;
    change->blob = (restoring->previous->flags & VALUE_BLOB) != 0;
    return FLY_OK;
}

fly_status fly__txn_restore(fly_txn *txn, uint8_t kind, uint64_t stamp, uint32_t tree_id,
                            fly_bytes key, const struct version *previous, uint64_t undo_next,
                            fly_err *err)
{
    fly_tree *tree = fly__txn_tree_find(txn->store, tree_id);
    if (tree == NULL) {
        return fly_err_set(err, FLY_E_CORRUPT, "there is no tree %" PRIu32 " to undo a change of",
                           tree_id);
    }
    struct op op = {.txn = txn,
                    .tree = tree,
                    .kind = COMPENSATES,
                    .logged = kind != UNDO_LOCK,
                    .undo_next = undo_next};
    struct restoring restoring = {
        .stamp = stamp, .previous = previous, .remove = kind == UNDO_INSERT};
    fly_status status = fly_btree_upsert(tree->btree, fly__txn_hint(txn, tree), key, decide_restore,
                                         &restoring, &op, err);
    if (status == FLY_OK && restoring.wrong) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "an entry of tree %" PRIu32 " is not the one that transaction %" PRIu64
                           " left",
                           tree_id, fly_load_u64(&txn->id));
    }
    FLY_TRACE(txn->store->env->trace, FLY_TXN_EVENT_UNDONE, fly_load_u64(&txn->id), undo_next, 0,
              0);
    return status;
}

/* Log that a record is undone for which no page had to be changed. */
static fly_status note_undone(fly_txn *txn, uint64_t undo_next, fly_err *err)
{
    uint64_t numbers[] = {fly_load_relaxed_u64(&txn->id), undo_next};
    uint64_t lsn;
    fly_status status =
        fly__txn_log_note(txn->store, TXN_UNDONE, numbers, 2, no_bytes, &lsn, NULL, err);
    if (status == FLY_OK) {
        fly__txn_note_lsn(txn, lsn);
    }
    return status;
}

fly_status fly__txn_restore_page(fly_txn *txn, uint8_t kind, uint32_t tree_id, uint32_t page,
                                 uint64_t undo_next, fly_err *err)
{
    fly_tree *tree = fly__txn_tree_find(txn->store, tree_id);
    struct op op = {
        .txn = txn, .tree = tree, .kind = COMPENSATES, .logged = true, .undo_next = undo_next};
    fly_status status;
    switch (kind) {
    case UNDO_PAGE:
        FLY_ASSERT(tree != NULL);
        return fly_btree_unmake(tree->btree, page, &op, err);
    case UNDO_LOADED:
        FLY_ASSERT(tree != NULL);
        return fly_btree_unload(tree->btree, &op, err);
    case UNDO_TREE:
        status = fly__txn_tree_destroy(txn->store, tree_id, page, err);
        return status == FLY_OK ? note_undone(txn, undo_next, err) : status;
    default: /* UNDO_DROP: the tree is still there, and lives on */
        return note_undone(txn, undo_next, err);
    }
}

/* -------------------------------------------------------------------- other residents */

enum { OTHER_RECORD_HEADER = 16 };

static const fly_resource_manager *find_manager(const fly_store *store, uint8_t id)
{
    for (uint32_t i = 0; i < store->options.manager_count; i++) {
        if (store->options.managers[i].id == id) {
            return &store->options.managers[i];
        }
    }
    return NULL;
}

fly_status fly__txn_undo_other(fly_txn *txn, uint8_t manager, uint8_t type, fly_bytes payload,
                               uint64_t undo_next, fly_err *err)
{
    const fly_resource_manager *found = find_manager(txn->store, manager);
    if (found == NULL) {
        return fly_err_set(err, FLY_E_UNSUPPORTED, "nobody here can undo records of manager %u",
                           (unsigned)manager);
    }
    txn->undoing = true;
    txn->undo_next = undo_next;
    fly_status status = found->undo(found->ctx, txn, type, payload, err);
    bool logged = !txn->undoing;
    txn->undoing = false;
    return status == FLY_OK && !logged ? note_undone(txn, undo_next, err) : status;
}

/* Append a record: who, the LSN that its flags are about, and what the manager says. */
static fly_status append_other(fly_txn *txn, uint8_t manager, uint8_t type, uint16_t flags,
                               uint64_t other, const fly_bytes *pieces, int count, uint64_t *lsn,
                               fly_err *err)
{
    uint8_t header[OTHER_RECORD_HEADER];
    fly_bytes all[PIECES_MAX];
    FLY_ASSERT(find_manager(txn->store, manager) != NULL);
    FLY_ASSERT(count + 1 <= PIECES_MAX);
    fly__txn_announce_lsn(txn);
    fly_put_u64(header, fly_load_relaxed_u64(&txn->id));
    fly_put_u64(header + 8, other);
    all[0] = fly_bytes_of(header, sizeof header);
    memcpy(all + 1, pieces, (size_t)count * sizeof *pieces);
    return fly_wal_append(txn->store->wal, manager, type, flags, all, count + 1, lsn, NULL, err);
}

fly_status fly_txn_log_undone(fly_txn *txn, uint8_t manager, uint8_t type, const fly_bytes *pieces,
                              int count, uint64_t *lsn, fly_err *err)
{
    uint64_t at;
    FLY_ASSERT(txn->undoing);
    fly_status status = append_other(txn, manager, type, FLAG_COMPENSATION | FLY_WAL_MUST,
                                     txn->undo_next, pieces, count, &at, err);
    if (status == FLY_OK) {
        txn->undoing = false;
        fly__txn_note_lsn(txn, at);
        if (lsn != NULL) {
            *lsn = at;
        }
    }
    return status;
}

fly_status fly_txn_log(fly_txn *txn, uint8_t manager, uint8_t type, const fly_bytes *pieces,
                       int count, uint64_t *lsn, fly_err *err)
{
    fly_status status = fly__txn_usable(txn, err);
    if (status == FLY_OK && txn->read_only) {
        status = no_writing(txn, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        len += pieces[i].len;
    }
    uint64_t at = 0;
    status = fly__txn_undo_reserve(txn, len, err);
    if (status == FLY_OK) {
        status = append_other(txn, manager, type, 0, txn->last_lsn, pieces, count, &at, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    struct undo *undo = fly__txn_undo_add(txn, UNDO_OTHER, type, no_bytes, pieces, count);
    undo->prev_stamp = 0;
    undo->prev_flags = manager;
    fly__txn_note_lsn(txn, at);
    if (lsn != NULL) {
        *lsn = at;
    }
    return FLY_OK;
}
