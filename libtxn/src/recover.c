/*
 * Recovery: from what a crash has left to what was committed.
 *
 *      scan_from          redo_from                         end
 *     ─────┬──────────────────┬──────────────────────────────┬
 *          │ who did what     │ who did what, and do it again │   then undo what had not ended,
 *     ─────┴──────────────────┴──────────────────────────────┴   and purge what was deleted
 *
 * One pass over the log does ARIES' analysis and redo together. Every change of a page is redone that
 * the page does not have yet, whoever made it: history repeats itself. Meanwhile we learn which
 * transactions there were, what their newest record is, and what the purge would have had to do for
 * them. Those that have neither committed nor ended nor been prepared are then rolled back: their
 * records are followed from the newest to the oldest, by way of what each says was before it, and
 * undone by tree and key, for the pages may have been split since. Each undoing is logged with a
 * compensation record that says what is to be undone next, so that a crash during recovery does
 * nothing twice.
 *
 * What is left to purge is done in the background, and keeps its part of the log until then.
 *
 * Source: Mohan, Haderle, Lindsay, Pirahesh, Schwarz: "ARIES", TODS 1992.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

enum { TABLE = 1024, MISSING_FIRST = 16 };

/* Something the purge must do for a transaction that has committed. */
enum work_kind { WORK_GHOST, WORK_BLOB, WORK_DROP };

struct work {
    struct work *next;
    uint64_t lsn;
    enum work_kind kind;
    uint32_t tree;
    uint64_t stamp; /* of a ghost */
    uint32_t page;  /* the blob's first, or the dropped tree's root */
    bool cancelled; /* the blob has been freed */
    uint8_t ref[FLY_BTREE_BLOB_REF];
    struct work *same_page; /* in the table of blobs */
    size_t key_len;
    uint8_t key[];
};

/* A transaction that the log tells of. */
struct told {
    struct told *next; /* of the table */
    uint64_t id;
    uint64_t first_lsn;
    uint64_t last_lsn; /* newest record that is not undone */
    struct work *work; /* newest first */
    bool prepared;
    size_t name_len;
    uint8_t name[SAVED_NAME_MAX];
};

struct recovery {
    fly_store *store;
    fly_arena arena;
    struct meta meta;
    struct recovered result;
    uint64_t highest_id;
    struct told *told[TABLE];
    struct work *blobs[TABLE]; /* by first page */
    struct work *work;         /* of those that have committed */
    struct work *work_last;
    uint64_t work_lsn; /* oldest record of that work */
    uint32_t *missing; /* pages that could not be read, and somebody may need */
    size_t missing_count;
    size_t missing_room;
    fly_err missing_story;
    bool no_memory;
};

static fly_status out_of_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to recover");
}

fly_status fly__txn_recovery_create(fly_store *store, const struct meta *meta,
                                    struct recovery **recovery, fly_err *err)
{
    struct recovery *made = fly_mem_calloc(store->env->mem, 1, sizeof *made);
    if (made == NULL) {
        return out_of_memory(err);
    }
    made->store = store;
    made->meta = *meta;
    made->result = (struct recovered){
        .ceiling = meta->id_ceiling,
        .clock = meta->clock > TIMESTAMP_FIRST ? meta->clock : (uint64_t)TIMESTAMP_FIRST,
        .next_tree_id = meta->next_tree_id};
    made->work_lsn = UINT64_MAX;
    fly_arena_init(&made->arena, store->env->mem, 0);
    *recovery = made;
    return FLY_OK;
}

void fly__txn_recovery_destroy(struct recovery *recovery)
{
    if (recovery != NULL) {
        fly_mem *mem = recovery->store->env->mem;
        fly_mem_free(mem, recovery->missing, recovery->missing_room * sizeof *recovery->missing);
        fly_arena_deinit(&recovery->arena);
        fly_mem_free(mem, recovery, sizeof *recovery);
    }
}

/* -------------------------------------------------------------------------- the tables */

static struct told *find_told(struct recovery *recovery, uint64_t id)
{
    struct told **slot = &recovery->told[id % TABLE];
    while (*slot != NULL && (*slot)->id != id) {
        slot = &(*slot)->next;
    }
    if (*slot == NULL) {
        struct told *told = fly_arena_alloc(&recovery->arena, sizeof *told);
        if (told != NULL) {
            *told = (struct told){.id = id};
        }
        *slot = told;
    }
    return *slot;
}

static void drop_told(struct recovery *recovery, uint64_t id)
{
    struct told **slot = &recovery->told[id % TABLE];
    while (*slot != NULL && (*slot)->id != id) {
        slot = &(*slot)->next;
    }
    if (*slot != NULL) {
        *slot = (*slot)->next; /* its memory goes with the arena */
    }
}

static fly_status add_work(struct recovery *recovery, struct told *told, struct work work,
                           fly_bytes key, fly_err *err)
{
    struct work *made = fly_arena_alloc(&recovery->arena, sizeof *made + key.len);
    if (made == NULL) {
        return out_of_memory(err);
    }
    *made = work;
    made->next = told->work;
    made->key_len = key.len;
    if (key.len > 0) {
        memcpy(made->key, key.data, key.len);
    }
    told->work = made;
    if (work.kind == WORK_BLOB) {
        struct work **slot = &recovery->blobs[work.page % TABLE];
        made->same_page = *slot;
        *slot = made;
    }
    return FLY_OK;
}

/* A page was freed: whatever wanted to free it has done so. */
static void page_was_freed(void *ctx, uint32_t page)
{
    struct recovery *recovery = ctx;
    struct work **slot = &recovery->blobs[page % TABLE];
    while (*slot != NULL) {
        if ((*slot)->page == page) {
            (*slot)->cancelled = true;
            *slot = (*slot)->same_page;
        } else {
            slot = &(*slot)->same_page;
        }
    }
}

/* ----------------------------------------------------------------------- missing pages */

/* A page could not be read; or it has become clear that nobody needs what was in it. */
static void note_missing(void *ctx, uint32_t page, bool gone)
{
    struct recovery *recovery = ctx;
    size_t i = 0;
    while (i < recovery->missing_count && recovery->missing[i] != page) {
        i++;
    }
    if (gone) {
        if (i < recovery->missing_count) {
            recovery->missing[i] = recovery->missing[--recovery->missing_count];
        }
        return;
    }
    if (i < recovery->missing_count) {
        return;
    }
    if (recovery->missing_count == recovery->missing_room) {
        fly_mem *mem = recovery->store->env->mem;
        size_t room = recovery->missing_room * 2 + MISSING_FIRST;
        uint32_t *missing = fly_mem_resize(mem, recovery->missing,
                                           recovery->missing_room * sizeof *missing,
                                           room * sizeof *missing);
        if (missing == NULL) {
            recovery->no_memory = true;
            return;
        }
        recovery->missing = missing;
        recovery->missing_room = room;
    }
    recovery->missing[recovery->missing_count++] = page;
}

/* --------------------------------------------------------------- reading the records */

/* A record of MANAGER_TREES, taken apart. */
struct change {
    bool system;
    bool compensates;
    uint64_t id;
    uint64_t before; /* record before, or to undo next */
    fly_bytes body;
    fly_bytes undo;
};

static fly_status unreadable(const fly_wal_record *record, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT,
                       "log record %" PRIu64 " of manager %u and type %u cannot be read",
                       record->lsn, (unsigned)record->manager, (unsigned)record->type);
}

static fly_status take_apart(const fly_wal_record *record, struct change *change, fly_err *err)
{
    fly_bytes payload = record->payload;
    *change = (struct change){.system = (record->flags & FLAG_SYSTEM) != 0,
                              .compensates = (record->flags & FLAG_COMPENSATION) != 0};
    if (change->system) {
        change->body = payload;
        return FLY_OK;
    }
    if (payload.len < TREE_RECORD_HEADER) {
        return unreadable(record, err);
    }
    change->id = fly_get_u64(payload.data);
    change->before = fly_get_u64(payload.data + 8);
    uint32_t len = fly_get_u32(payload.data + 16);
    if (len > payload.len - TREE_RECORD_HEADER) {
        return unreadable(record, err);
    }
    change->body = fly_bytes_of(payload.data + TREE_RECORD_HEADER, len);
    change->undo = fly_bytes_of(payload.data + TREE_RECORD_HEADER + len,
                                payload.len - TREE_RECORD_HEADER - len);
    return FLY_OK;
}

/* What there was before, from a record's undo part. */
static bool previous_of(const struct change *change, bool *had, struct version *previous)
{
    if (change->undo.len < 1) {
        return false;
    }
    *had = change->undo.data[0] != 0;
    return !*had ||
           parse_value(fly_bytes_of(change->undo.data + 1, change->undo.len - 1), previous);
}

/* What the purge will have to do for a change, should its transaction commit. */
static fly_status note_work(struct recovery *recovery, struct told *told,
                            const fly_wal_record *record, const struct change *change, fly_err *err)
{
    fly_btree_logged logged;
    struct version now;
    struct version previous = {0};
    bool had = false;
    if (record->type != FLY_BTREE_LOG_PUT) {
        return FLY_OK;
    }
    fly_status status = fly_btree_log_decode(record->type, change->body, &logged, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!parse_value(logged.value, &now) || !previous_of(change, &had, &previous)) {
        return unreadable(record, err);
    }
    if ((now.flags & VALUE_GHOST) != 0) {
        struct work ghost = {
            .lsn = record->lsn, .kind = WORK_GHOST, .tree = logged.tree, .stamp = now.stamp};
        status = add_work(recovery, told, ghost, logged.key, err);
    }
    /* A lock that was logged keeps its value, and with it the blob. */
    bool kept = had && fly_bytes_equal(now.payload, previous.payload);
    if (status == FLY_OK && had && (previous.flags & VALUE_BLOB) != 0 && !kept &&
        previous.payload.len == FLY_BTREE_BLOB_REF) {
        struct work blob = {.lsn = record->lsn,
                            .kind = WORK_BLOB,
                            .tree = logged.tree,
                            .page = fly_btree_blob_page(previous.payload.data)};
        memcpy(blob.ref, previous.payload.data, sizeof blob.ref);
        status = add_work(recovery, told, blob, fly_bytes_of(NULL, 0), err);
    }
    return status;
}

/* A transaction has appended a record. */
static struct told *hear_of(struct recovery *recovery, uint64_t id, uint64_t lsn)
{
    struct told *told = find_told(recovery, id);
    if (told != NULL) {
        told->first_lsn = told->first_lsn == 0 ? lsn : told->first_lsn;
        told->last_lsn = lsn;
        recovery->highest_id = id > recovery->highest_id ? id : recovery->highest_id;
    }
    return told;
}

/* Records behind `next` are undone, and with them what they would have made to do. */
static void forget_undone(struct told *told, uint64_t next)
{
    while (told->work != NULL && told->work->lsn > next) {
        told->work->cancelled = true;
        told->work = told->work->next;
    }
}

static void note_tree(struct recovery *recovery, fly_bytes body)
{
    uint32_t tree = body.len >= 4 ? fly_get_u32(body.data) : 0;
    if (tree >= recovery->result.next_tree_id) {
        recovery->result.next_tree_id = tree + 1;
    }
}

static fly_status replay_tree(struct recovery *recovery, const fly_wal_record *record, fly_err *err)
{
    struct change change;
    fly_status status = take_apart(record, &change, err);
    if (status != FLY_OK) {
        return status;
    }
    note_tree(recovery, change.body);
    if (!change.system) {
        struct told *told = hear_of(recovery, change.id, record->lsn);
        if (told == NULL) {
            return out_of_memory(err);
        }
        if (change.compensates) {
            forget_undone(told, change.before);
            told->prepared = false; /* if it was, it has begun to be rolled back since */
        } else {
            status = note_work(recovery, told, record, &change, err);
        }
    }
    if (status == FLY_OK && record->type == FLY_BTREE_LOG_NODES) {
        status = fly_btree_log_freed(change.body, page_was_freed, recovery, err);
    }
    if (status == FLY_OK && record->lsn >= recovery->meta.redo_from) {
        status = fly_btree_redo(recovery->store->pool, record->type, change.body, record->lsn,
                                note_missing, recovery, err);
        recovery->result.records++;
        FLY_TRACE(recovery->store->env->trace, FLY_TXN_EVENT_REDONE, record->lsn, record->type, 0,
                  0);
        if (recovery->no_memory) {
            return out_of_memory(err);
        }
    }
    return status;
}

/* A transaction has committed: what it made to do is to be done. */
static void committed(struct recovery *recovery, uint64_t id)
{
    struct told *told = recovery->told[id % TABLE];
    while (told != NULL && told->id != id) {
        told = told->next;
    }
    recovery->result.clock++;
    if (told != NULL && told->work != NULL) {
        struct work *last = told->work;
        while (last->next != NULL) {
            last = last->next;
        }
        if (recovery->work_last == NULL) {
            recovery->work = told->work;
        } else {
            recovery->work_last->next = told->work;
        }
        recovery->work_last = last;
        recovery->work_lsn = told->first_lsn < recovery->work_lsn ? told->first_lsn
                                                                  : recovery->work_lsn;
    }
    drop_told(recovery, id);
}

static fly_status replay_prepare(const fly_wal_record *record, struct told *told, fly_err *err)
{
    size_t name_len = record->payload.len - 16;
    if (record->payload.len < 17 || name_len > sizeof told->name) {
        return unreadable(record, err);
    }
    told->last_lsn = fly_get_u64(record->payload.data + 8);
    told->prepared = true;
    told->name_len = name_len;
    memcpy(told->name, record->payload.data + 16, name_len);
    return FLY_OK;
}

static fly_status replay_drop(struct recovery *recovery, const fly_wal_record *record,
                              struct told *told, fly_err *err)
{
    if (record->payload.len < 24) {
        return unreadable(record, err);
    }
    struct work drop = {.lsn = record->lsn,
                        .kind = WORK_DROP,
                        .tree = fly_get_u32(record->payload.data + 16),
                        .page = fly_get_u32(record->payload.data + 20)};
    return add_work(recovery, told, drop, fly_bytes_of(NULL, 0), err);
}

static fly_status replay_note(struct recovery *recovery, const fly_wal_record *record, fly_err *err)
{
    fly_bytes payload = record->payload;
    const fly_store_options *options = &recovery->store->options;
    if (payload.len < 8) {
        return unreadable(record, err);
    }
    uint64_t id = fly_get_u64(payload.data);
    if (record->type == TXN_CEILING) {
        recovery->result.ceiling = id > recovery->result.ceiling ? id : recovery->result.ceiling;
        return FLY_OK;
    }
    if (record->type == TXN_END) {
        drop_told(recovery, id);
        return FLY_OK;
    }
    if (payload.len < 16) {
        return unreadable(record, err);
    }
    if (record->type == TXN_COMMIT) {
        if (options->stop_at_time != 0 && fly_get_u64(payload.data + 8) > options->stop_at_time) {
            return FLY_E_END;
        }
        committed(recovery, id);
        return FLY_OK;
    }
    struct told *told = hear_of(recovery, id, record->lsn);
    if (told == NULL) {
        return out_of_memory(err);
    }
    switch (record->type) {
    case TXN_PREPARE:
        return replay_prepare(record, told, err);
    case TXN_DROP:
        return replay_drop(recovery, record, told, err);
    case TXN_UNDONE:
        forget_undone(told, fly_get_u64(payload.data + 8));
        told->prepared = false;
        return FLY_OK;
    default:
        return unreadable(record, err);
    }
}

static fly_status replay_other(struct recovery *recovery, const fly_wal_record *record,
                               fly_err *err)
{
    fly_store *store = recovery->store;
    if (record->payload.len < 16) {
        return unreadable(record, err);
    }
    struct told *told = hear_of(recovery, fly_get_u64(record->payload.data), record->lsn);
    if (told == NULL) {
        return out_of_memory(err);
    }
    if ((record->flags & FLAG_COMPENSATION) != 0) {
        forget_undone(told, fly_get_u64(record->payload.data + 8));
        told->prepared = false;
    }
    for (uint32_t i = 0; i < store->options.manager_count; i++) {
        const fly_resource_manager *manager = &store->options.managers[i];
        if (manager->id == record->manager) {
            return manager->redo(manager->ctx, record,
                                 fly_bytes_of(record->payload.data + 16, record->payload.len - 16),
                                 err);
        }
    }
    return fly_err_set(err, FLY_E_UNSUPPORTED,
                       "log record %" PRIu64 " belongs to manager %u, which nobody here knows",
                       record->lsn, (unsigned)record->manager);
}

fly_status fly__txn_replay(void *ctx, const fly_wal_record *record, fly_err *err)
{
    struct recovery *recovery = ctx;
    uint64_t stop = recovery->store->options.stop_at_lsn;
    if (stop != 0 && record->lsn > stop) {
        return FLY_E_END;
    }
    switch (record->manager) {
    case MANAGER_TREES:
        return replay_tree(recovery, record, err);
    case MANAGER_TXNS:
        return replay_note(recovery, record, err);
    default:
        return replay_other(recovery, record, err);
    }
}

fly_status fly__txn_recovery_end(struct recovery *recovery, struct recovered *recovered,
                                 fly_err *err)
{
    if (recovery->missing_count > 0) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "page %" PRIu32 " of \"%s\"%s cannot be read, and log records need it",
                           recovery->missing[0], fly_pagefile_path(recovery->store->file),
                           recovery->missing_count > 1 ? " and others" : "");
    }
    if (recovery->highest_id >= recovery->result.ceiling) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "the log tells of transaction %" PRIu64 ", and no ceiling above it",
                           recovery->highest_id);
    }
    *recovered = recovery->result;
    return FLY_OK;
}

/* ------------------------------------------------------------------------- undoing */

static fly_status read_record(fly_wal_reader *reader, uint64_t lsn, fly_wal_record *record,
                              fly_err *err)
{
    fly_status status = fly_wal_reader_seek(reader, lsn, err);
    if (status == FLY_OK) {
        status = fly_wal_reader_next(reader, record, err);
    }
    if (status == FLY_E_END || (status == FLY_OK && record->lsn != lsn)) {
        status = fly_err_set(err, FLY_E_CORRUPT, "there is no log record at %" PRIu64, lsn);
    }
    return status;
}

/* Undo one change; `*next` is what comes before it. */
static fly_status undo_tree_record(fly_txn *txn, const fly_wal_record *record, uint64_t *next,
                                   fly_err *err)
{
    struct change change;
    fly_btree_logged logged;
    fly_status status = take_apart(record, &change, err);
    if (status != FLY_OK) {
        return status;
    }
    *next = change.before;
    if (change.compensates) {
        return FLY_OK;
    }
    status = fly_btree_log_decode(record->type, change.body, &logged, err);
    if (status != FLY_OK) {
        return status;
    }
    switch (record->type) {
    case FLY_BTREE_LOG_PUT: {
        struct version now;
        struct version previous = {0};
        bool had = false;
        if (!parse_value(logged.value, &now) || !previous_of(&change, &had, &previous)) {
            return unreadable(record, err);
        }
        return fly__txn_restore(txn, had ? UNDO_UPDATE : UNDO_INSERT, now.stamp, logged.tree,
                                logged.key, &previous, change.before, err);
    }
    case FLY_BTREE_LOG_BLOB:
    case FLY_BTREE_LOG_LOAD:
        return fly__txn_restore_page(txn, UNDO_PAGE, logged.tree, logged.page, change.before, err);
    case FLY_BTREE_LOG_LOADED:
        return fly__txn_restore_page(txn, UNDO_LOADED, logged.tree, logged.page, change.before,
                                     err);
    case FLY_BTREE_LOG_NODES:
        return fly__txn_restore_page(txn, UNDO_TREE, logged.tree, logged.page, change.before, err);
    default:
        return unreadable(record, err);
    }
}

static fly_status undo_record(fly_txn *txn, const fly_wal_record *record, uint64_t *next,
                              fly_err *err)
{
    if (record->manager == MANAGER_TREES) {
        return undo_tree_record(txn, record, next, err);
    }
    if (record->payload.len < 16) {
        return unreadable(record, err);
    }
    *next = fly_get_u64(record->payload.data + 8);
    if (record->manager == MANAGER_TXNS) {
        return record->type == TXN_DROP ? fly__txn_restore_page(txn, UNDO_DROP, 0, 0, *next, err)
                                        : FLY_OK; /* UNDONE: its work is done */
    }
    if ((record->flags & FLAG_COMPENSATION) != 0) {
        return FLY_OK;
    }
    return fly__txn_undo_other(txn, record->manager, record->type,
                               fly_bytes_of(record->payload.data + 16, record->payload.len - 16),
                               *next, err);
}

/* A context for a transaction of an earlier life. */
static fly_status revive(struct recovery *recovery, const struct told *told, fly_txn **txn,
                         fly_err *err)
{
    fly_status status = fly_txn_begin(recovery->store, NULL, txn, err);
    if (status == FLY_OK) {
        status = fly__txn_revive_id(*txn, told->id, err);
        fly_store_u64(&(*txn)->first_lsn, told->first_lsn);
        (*txn)->last_lsn = told->last_lsn;
    }
    return status;
}

static fly_status undo_told(struct recovery *recovery, fly_wal_reader *reader,
                            const struct told *told, fly_err *err)
{
    fly_txn *txn = NULL;
    fly_status status = revive(recovery, told, &txn, err);
    uint64_t lsn = told->last_lsn;
    while (status == FLY_OK && lsn != 0) {
        fly_wal_record record;
        uint64_t next = 0;
        status = read_record(reader, lsn, &record, err);
        if (status == FLY_OK) {
            status = undo_record(txn, &record, &next, err);
        }
        if (status == FLY_OK && next >= lsn) {
            status = fly_err_set(err, FLY_E_CORRUPT,
                                 "log record %" PRIu64 " says that it comes after %" PRIu64, lsn,
                                 next);
        }
        lsn = next;
    }
    if (status == FLY_OK) {
        recovery->store->undone++;
        fly_txn_rollback(txn); /* nothing is left to undo: it says so in the log */
        fly__txn_bury_id(recovery->store, told->id);
    }
    return status;
}

/* ------------------------------------------------------------ prepared transactions */

/* The undo records of a prepared transaction are made again from the log: its versions have stamps
 * that say where each must lie. */
struct rebuild {
    uint64_t *lsns; /* of its records, newest first */
    size_t count;
    size_t room;
};

static fly_status list_records(struct recovery *recovery, fly_wal_reader *reader, uint64_t lsn,
                               struct rebuild *rebuild, fly_err *err)
{
    fly_mem *mem = recovery->store->env->mem;
    while (lsn != 0) {
        fly_wal_record record;
        fly_status status = read_record(reader, lsn, &record, err);
        if (status != FLY_OK) {
            return status;
        }
        if (record.payload.len < 16) {
            return unreadable(&record, err);
        }
        bool undone = (record.manager != MANAGER_TXNS && (record.flags & FLAG_COMPENSATION) != 0) ||
                      (record.manager == MANAGER_TXNS && record.type == TXN_UNDONE);
        if (!undone) {
            if (rebuild->count == rebuild->room) {
                size_t room = rebuild->room * 2 + 64;
                uint64_t *lsns = fly_mem_resize(mem, rebuild->lsns, rebuild->room * sizeof *lsns,
                                                room * sizeof *lsns);
                if (lsns == NULL) {
                    return out_of_memory(err);
                }
                rebuild->lsns = lsns;
                rebuild->room = room;
            }
            rebuild->lsns[rebuild->count++] = lsn;
        }
        lsn = fly_get_u64(record.payload.data + 8);
    }
    return FLY_OK;
}

static fly_status rebuild_record(fly_txn *txn, const fly_wal_record *record, fly_err *err)
{
    struct change change = {0};
    fly_btree_logged logged = {0};
    struct undo shape = {.undo_next = 0};
    fly_bytes payload = fly_bytes_of(NULL, 0);
    if (record->manager == MANAGER_TXNS) {
        shape.marked_kind = UNDO_DROP;
        shape.tree = fly_get_u32(record->payload.data + 16);
        shape.prev_stamp = fly_get_u32(record->payload.data + 20);
        shape.undo_next = fly_get_u64(record->payload.data + 8);
        txn->has_work = txn->has_drops = true;
    } else if (record->manager != MANAGER_TREES) {
        shape.marked_kind = UNDO_OTHER;
        shape.tree = record->type;
        shape.prev_flags = record->manager;
        shape.undo_next = fly_get_u64(record->payload.data + 8);
        payload = fly_bytes_of(record->payload.data + 16, record->payload.len - 16);
    } else {
        fly_status status = take_apart(record, &change, err);
        if (status == FLY_OK) {
            status = fly_btree_log_decode(record->type, change.body, &logged, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        shape.undo_next = change.before;
        shape.tree = logged.tree;
        shape.prev_stamp = logged.page;
        shape.marked_kind = record->type == FLY_BTREE_LOG_NODES    ? UNDO_TREE
                            : record->type == FLY_BTREE_LOG_LOADED ? UNDO_LOADED
                                                                   : UNDO_PAGE;
    }
    uint64_t stamp = 0;
    if (record->manager == MANAGER_TREES && record->type == FLY_BTREE_LOG_PUT) {
        struct version now;
        struct version previous = {0};
        bool had = false;
        if (!parse_value(logged.value, &now) || !previous_of(&change, &had, &previous)) {
            return unreadable(record, err);
        }
        bool kept = had && fly_bytes_equal(now.payload, previous.payload) &&
                    now.flags == previous.flags;
        shape.marked_kind = !had                             ? UNDO_INSERT
                            : (now.flags & VALUE_GHOST) != 0 ? UNDO_DELETE
                            : kept                           ? UNDO_RELOCK
                                                             : UNDO_UPDATE;
        shape.prev_stamp = previous.stamp;
        shape.prev_flags = previous.flags;
        payload = had ? previous.payload : payload;
        stamp = now.stamp;
        txn->has_work = txn->has_work || shape.marked_kind == UNDO_DELETE ||
                        (previous.flags & VALUE_BLOB) != 0;
    }
    return fly__txn_undo_rebuild(txn, stamp, &shape, logged.key, payload, err);
}

static fly_status revive_prepared(struct recovery *recovery, fly_wal_reader *reader,
                                  const struct told *told, fly_err *err)
{
    fly_txn *txn = NULL;
    struct rebuild rebuild = {0};
    fly_status status = revive(recovery, told, &txn, err);
    if (status == FLY_OK) {
        status = list_records(recovery, reader, told->last_lsn, &rebuild, err);
    }
    for (size_t i = rebuild.count; i > 0 && status == FLY_OK; i--) {
        fly_wal_record record;
        status = read_record(reader, rebuild.lsns[i - 1], &record, err);
        if (status == FLY_OK) {
            status = rebuild_record(txn, &record, err);
        }
    }
    fly_mem_free(recovery->store->env->mem, rebuild.lsns, rebuild.room * sizeof *rebuild.lsns);
    if (status == FLY_OK) {
        memcpy(txn->name, told->name, told->name_len);
        txn->name_len = told->name_len;
        fly__txn_validated_revive(txn);
        fly__txn_list_prepared(txn);
    }
    return status;
}

/* --------------------------------------------------------------------------- the whole */

/* Have handles of the trees that were dropped, for the catalog has none: transactions that had begun to
 * change them, the one that dropped them among others, must be able to undo that. Of a drop that was
 * committed the last life may have given some of the pages back already. */
static fly_status load_dropped(fly_store *store, const struct work *work, bool going, fly_err *err)
{
    fly_status status = FLY_OK;
    for (; work != NULL && status == FLY_OK; work = work->next) {
        fly_tree *tree;
        if (work->kind == WORK_DROP && fly_pagefile_is_used(store->file, work->page)) {
            fly_err story = {0};
            status = fly__txn_tree_get(store, work->tree, work->page, &tree, &story);
            if (status == FLY_OK && going) {
                fly_store_u32(&tree->dropped, 1);
                fly_store_u32(&tree->destroyed, 1);
            }
            if (status == FLY_E_CORRUPT) {
                status = FLY_OK; /* another tree's page by now: it is gone, and nobody missed it */
            } else if (status != FLY_OK && err != NULL) {
                *err = story;
            }
        }
    }
    return status;
}

static fly_status load_all_dropped(struct recovery *recovery, fly_err *err)
{
    fly_status status = load_dropped(recovery->store, recovery->work, true, err);
    for (uint32_t i = 0; i < TABLE; i++) {
        const struct told *told = recovery->told[i];
        for (; told != NULL && status == FLY_OK; told = told->next) {
            status = load_dropped(recovery->store, told->work, false, err);
        }
    }
    return status;
}

static fly_status settle_told(struct recovery *recovery, fly_wal_reader *reader, fly_err *err)
{
    /* The prepared first: what is undone after them must find their entries locked. */
    for (int prepared = 1; prepared >= 0; prepared--) {
        for (uint32_t i = 0; i < TABLE; i++) {
            for (struct told *told = recovery->told[i]; told != NULL; told = told->next) {
                if (told->prepared != (prepared != 0)) {
                    continue;
                }
                fly_status status = told->prepared ? revive_prepared(recovery, reader, told, err)
                                                   : undo_told(recovery, reader, told, err);
                if (status != FLY_OK) {
                    return fly_err_prefix(err, status, "transaction %" PRIu64, told->id);
                }
            }
        }
    }
    return FLY_OK;
}

fly_status fly__txn_recover(struct recovery *recovery, fly_err *err)
{
    fly_store *store = recovery->store;
    fly_wal_reader *reader = NULL;
    bool any = false;
    for (uint32_t i = 0; i < TABLE && !any; i++) {
        any = recovery->told[i] != NULL;
    }
    fly_status status = FLY_OK;
    if (any) {
        char wal_dir[FLY_PATH_MAX];
        status = fly_path_join(wal_dir, sizeof wal_dir, store->dir, "wal", err);
        if (status == FLY_OK) {
            status = fly_wal_reader_open(store->env, wal_dir, store->wal, NULL, NULL,
                                         recovery->meta.scan_from, &reader, err);
        }
        if (status == FLY_OK) {
            status = load_all_dropped(recovery, err);
        }
        if (status == FLY_OK) {
            status = settle_told(recovery, reader, err);
        }
        fly_wal_reader_close(reader);
    }
    if (status != FLY_OK || recovery->work == NULL) {
        fly__txn_recovery_destroy(recovery);
        return status;
    }
    store->recovery = recovery;
    fly_store_u64(&store->left_lsn, recovery->work_lsn);
    return FLY_OK;
}

static fly_status do_work(fly_store *store, const struct work *work, fly_err *err)
{
    fly_tree *tree = fly__txn_tree_find(store, work->tree);
    bool removed = false;
    if (work->cancelled) {
        return FLY_OK;
    }
    if (work->kind == WORK_DROP) {
        return fly__txn_tree_destroy(store, work->tree, work->page, err);
    }
    if (work->kind == WORK_BLOB) {
        return fly__txn_free_blob(store, work->tree, work->ref, err);
    }
    if (tree == NULL || fly_load_u32(&tree->destroyed) != 0) {
        return FLY_OK; /* it went with the tree */
    }
    fly_status status = fly__txn_purge_ghost(tree, fly_bytes_of(work->key, work->key_len),
                                             work->stamp, &removed, err);
    fly_count_u64(&store->purged, removed ? 1 : 0);
    return status;
}

void fly__txn_purge_recovered(fly_store *store)
{
    if (fly_load_u64(&store->left_lsn) == 0 || !fly_mutex_try_lock(&store->purge_mutex)) {
        return;
    }
    struct recovery *recovery = store->recovery;
    while (recovery != NULL && recovery->work != NULL) {
        fly_err err = {0};
        if (recovery->work->kind == WORK_DROP &&
            fly_load_u64(&store->low) < recovery->result.ceiling) {
            break; /* a prepared transaction may have changed the tree, and may have to undo that */
        }
        fly_status status = do_work(store, recovery->work, &err);
        if (status == FLY_E_CORRUPT) {
            fly_log(store->env, FLY_LOG_ERROR, "purge: %s", err.message);
        } else if (status != FLY_OK) {
            break; /* later */
        }
        recovery->work = recovery->work->next;
    }
    if (recovery != NULL && recovery->work == NULL) {
        fly__txn_recovery_destroy(recovery);
        store->recovery = NULL;
        fly_store_u64(&store->left_lsn, 0);
    }
    fly_mutex_unlock(&store->purge_mutex);
}
