/*
 * The tail: what committed transactions did to some trees, read out of the log.
 *
 *     log      │ T1 put │ T2 put │ T1 put │ T1 commit │ T2 commit │ ...
 *     changes                             │ T1, T1    │ T2
 *
 * A scan goes through the log and notes, for each open transaction, where its changes are. At its commit
 * they are fetched again, one by one, so that memory is eight bytes a change. Compensations and "undone"
 * take notes back: what is behind the record to undo next did not happen.
 *
 *     L1  changes come in the order of the commits' records, those of one transaction in its own
 *     L2  the notes of a transaction are those of its records before the scan whose effects stand
 *     L3  the log is held from the oldest record on that a note names, or from where the scan is
 *
 * Who begins in the middle of a transaction follows its records backwards, from one to the one before.
 *
 * What is not here: a former value that was long: its pages may have been used again.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

enum { SLOTS = 256, NOTES_MAX = 4 << 20, NEAR = 1 << 16 };

/* A transaction that the scan has seen. */
struct seen {
    struct seen *link; /* in its slot */
    uint64_t id;
    uint64_t *notes; /* LSNs of changes, in order */
    size_t count, room;
};

struct fly_tail {
    fly_store *store;
    char dir[FLY_PATH_MAX];
    fly_wal_reader *scan;
    fly_wal_reader *fetch;
    fly_wal_hold hold;
    bool holds;
    uint64_t position; /* of the scan */
    uint64_t done;     /* everything committed before this was given */
    uint32_t trees[FLY_TAIL_TREES_MAX];
    uint32_t tree_count;
    struct seen *slots[SLOTS];
    struct seen *giving; /* whose commit the scan has passed; NULL: none */
    size_t given;
    uint64_t commit_time;
    uint8_t *value; /* of a long one */
    size_t value_room;
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a tail of the log");
}

static fly_status damaged(uint64_t lsn, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "log record %" PRIu64 " is not one of a store's", lsn);
}

/* ------------------------------------------------------------------------ readers */

static fly_status open_reader(fly_tail *tail, uint64_t lsn, fly_wal_reader **reader, fly_err *err)
{
    return fly_wal_reader_open(tail->store->env, tail->dir, tail->store->wal, NULL, NULL, lsn,
                               reader, err);
}

static uint64_t oldest_needed(const fly_tail *tail)
{
    uint64_t oldest = tail->position;
    for (size_t i = 0; i < SLOTS; i++) {
        for (const struct seen *at = tail->slots[i]; at != NULL; at = at->link) {
            oldest = at->count > 0 && at->notes[0] < oldest ? at->notes[0] : oldest;
        }
    }
    if (tail->giving != NULL && tail->given < tail->giving->count) {
        uint64_t first = tail->giving->notes[tail->given];
        oldest = first < oldest ? first : oldest;
    }
    return oldest;
}

static fly_status wake_up(fly_tail *tail, fly_err *err)
{
    if (tail->scan != NULL) {
        return FLY_OK;
    }
    fly_status status =
        fly_wal_hold_acquire(tail->store->wal, &tail->hold, oldest_needed(tail), err);
    if (status == FLY_OK) {
        tail->holds = true;
        status = open_reader(tail, tail->position, &tail->scan, err);
    }
    if (status == FLY_OK) {
        status = open_reader(tail, oldest_needed(tail), &tail->fetch, err);
    }
    if (status != FLY_OK) {
        fly_tail_rest(tail);
    }
    return status;
}

void fly_tail_rest(fly_tail *tail)
{
    fly_wal_reader_close(tail->scan);
    fly_wal_reader_close(tail->fetch);
    tail->scan = NULL;
    tail->fetch = NULL;
    if (tail->holds) {
        fly_wal_hold_release(tail->store->wal, &tail->hold);
        tail->holds = false;
    }
}

/* Read the record at `lsn`: by going on if it is near, else from there. */
static fly_status fetch_record(fly_tail *tail, uint64_t lsn, fly_wal_record *record, fly_err *err)
{
    uint64_t at = fly_wal_reader_position(tail->fetch);
    fly_status status = FLY_OK;
    if (lsn < at || lsn - at > NEAR) {
        status = fly_wal_reader_seek(tail->fetch, lsn, err);
    }
    do {
        if (status == FLY_OK) {
            status = fly_wal_reader_next(tail->fetch, record, err);
        }
    } while (status == FLY_OK && record->lsn < lsn);
    if (status == FLY_E_END || (status == FLY_OK && record->lsn != lsn)) {
        return damaged(lsn, err);
    }
    return status;
}

/* ------------------------------------------------------------------------ records */

/* A record of a transaction, taken apart. */
struct part {
    uint64_t id;
    uint64_t before; /* its record before, or to undo next */
    bool compensates;
    uint8_t type; /* FLY_BTREE_LOG_...; 0: not of a tree */
    fly_bytes body;
    fly_bytes undo;
};

/* False: it is nobody's, or not whole. */
static bool take_apart(const fly_wal_record *record, struct part *part)
{
    fly_bytes p = record->payload;
    *part = (struct part){.compensates = (record->flags & FLAG_COMPENSATION) != 0};
    if (record->manager == MANAGER_TREES) {
        if ((record->flags & FLAG_SYSTEM) != 0 || p.len < TREE_RECORD_HEADER) {
            return false;
        }
        size_t len = fly_get_u32(p.data + 16);
        if (p.len - TREE_RECORD_HEADER < len) {
            return false;
        }
        part->type = record->type;
        part->body = fly_bytes_of(p.data + TREE_RECORD_HEADER, len);
        part->undo =
            fly_bytes_of(p.data + TREE_RECORD_HEADER + len, p.len - TREE_RECORD_HEADER - len);
    } else if (record->manager == MANAGER_TXNS) {
        if (record->type != TXN_UNDONE && record->type != TXN_DROP) {
            return false;
        }
        part->compensates = record->type == TXN_UNDONE;
    } else if (record->manager < FLY_STORE_MANAGER_FIRST) {
        return false;
    }
    if (p.len < 16) {
        return false;
    }
    part->id = fly_get_u64(p.data);
    part->before = fly_get_u64(p.data + 8);
    return true;
}

static bool is_wanted(const fly_tail *tail, const struct part *part)
{
    if (part->type != FLY_BTREE_LOG_PUT || part->compensates || part->body.len < 4) {
        return false;
    }
    uint32_t tree = fly_get_u32(part->body.data);
    for (uint32_t i = 0; i < tail->tree_count; i++) {
        if (tail->trees[i] == tree) {
            return true;
        }
    }
    return false;
}

/* -------------------------------------------------------------------------- notes */

static struct seen **slot_of(fly_tail *tail, uint64_t id)
{
    struct seen **at = &tail->slots[id % SLOTS];
    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->link;
    }
    return at;
}

static void free_seen(fly_tail *tail, struct seen *seen)
{
    if (seen != NULL) {
        fly_mem *mem = tail->store->env->mem;
        fly_mem_free(mem, seen->notes, seen->room * sizeof *seen->notes);
        fly_mem_free(mem, seen, sizeof *seen);
    }
}

static fly_status add_note(fly_tail *tail, struct seen *seen, uint64_t lsn, fly_err *err)
{
    if (seen->count == seen->room) {
        size_t room = seen->room == 0 ? 16 : seen->room * 2;
        if (room > NOTES_MAX) {
            return fly_err_set(err, FLY_E_TOO_LARGE,
                               "transaction %" PRIu64 " has more than %d changes", seen->id,
                               NOTES_MAX);
        }
        fly_mem *mem = tail->store->env->mem;
        uint64_t *notes =
            fly_mem_resize(mem, seen->notes, seen->room * sizeof *notes, room * sizeof *notes);
        if (notes == NULL) {
            return no_memory(err);
        }
        seen->notes = notes;
        seen->room = room;
    }
    seen->notes[seen->count++] = lsn;
    return FLY_OK;
}

/* Note what a transaction did before the scan came by, its records from `lsn` backwards. */
static fly_status follow_back(fly_tail *tail, struct seen *seen, uint64_t lsn, fly_err *err)
{
    fly_status status = FLY_OK;
    while (status == FLY_OK && lsn != 0) {
        fly_wal_record record;
        struct part part;
        status = fetch_record(tail, lsn, &record, err);
        if (status == FLY_OK && (!take_apart(&record, &part) || part.before >= lsn)) {
            status = damaged(lsn, err);
        }
        if (status == FLY_OK && is_wanted(tail, &part)) {
            status = add_note(tail, seen, lsn, err);
        }
        lsn = part.before;
    }
    for (size_t i = 0; i < seen->count / 2; i++) { /* newest first: turn around */
        uint64_t note = seen->notes[i];
        seen->notes[i] = seen->notes[seen->count - 1 - i];
        seen->notes[seen->count - 1 - i] = note;
    }
    return status;
}

static fly_status see(fly_tail *tail, const struct part *part, uint64_t lsn, fly_err *err)
{
    struct seen **at = slot_of(tail, part->id);
    fly_status status = FLY_OK;
    if (*at == NULL) {
        struct seen *made = fly_mem_calloc(tail->store->env->mem, 1, sizeof *made);
        if (made == NULL) {
            return no_memory(err);
        }
        made->id = part->id;
        *at = made;
        if (part->before != 0) {
            status = follow_back(tail, made, part->before, err);
        }
    } else if (part->compensates) {
        while ((*at)->count > 0 && (*at)->notes[(*at)->count - 1] > part->before) {
            (*at)->count--;
        }
    }
    if (status == FLY_OK && is_wanted(tail, part)) {
        status = add_note(tail, *at, lsn, err);
    }
    return status;
}

/* A transaction has ended: take it out. */
static struct seen *take_seen(fly_tail *tail, uint64_t id)
{
    struct seen **at = slot_of(tail, id);
    struct seen *seen = *at;
    if (seen != NULL) {
        *at = seen->link;
    }
    return seen;
}

static fly_status scan_record(fly_tail *tail, const fly_wal_record *record, fly_err *err)
{
    struct part part;
    bool ends = record->manager == MANAGER_TXNS &&
                (record->type == TXN_COMMIT || record->type == TXN_END);
    if (!ends) {
        return take_apart(record, &part) ? see(tail, &part, record->lsn, err) : FLY_OK;
    }
    if (record->payload.len < (record->type == TXN_COMMIT ? 16u : 8u)) {
        return damaged(record->lsn, err);
    }
    struct seen *seen = take_seen(tail, fly_get_u64(record->payload.data));
    if (record->type == TXN_COMMIT && seen != NULL && seen->count > 0) {
        tail->giving = seen;
        tail->given = 0;
        tail->commit_time = fly_get_u64(record->payload.data + 8);
    } else {
        free_seen(tail, seen);
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------ changes */

static fly_status value_room(fly_tail *tail, uint64_t len, fly_err *err)
{
    if (len > SIZE_MAX / 2) {
        return fly_err_set(err, FLY_E_CORRUPT, "a long value of %" PRIu64 " bytes", len);
    }
    if (len > tail->value_room) {
        fly_mem *mem = tail->store->env->mem;
        uint8_t *room = fly_mem_alloc(mem, (size_t)len);
        if (room == NULL) {
            return no_memory(err);
        }
        fly_mem_free(mem, tail->value, tail->value_room);
        tail->value = room;
        tail->value_room = (size_t)len;
    }
    return FLY_OK;
}

/* The pages of a long value were logged before its reference, the first one last. */
static fly_status gather(fly_tail *tail, uint64_t len, uint64_t lsn, fly_err *err)
{
    enum { PAGE_HEADER = 12 };
    uint64_t at = 0;
    fly_status status = value_room(tail, len, err);
    while (status == FLY_OK && at < len) {
        fly_wal_record record;
        struct part part;
        if (lsn == 0) {
            return damaged(lsn, err);
        }
        status = fetch_record(tail, lsn, &record, err);
        if (status != FLY_OK) {
            break;
        }
        if (!take_apart(&record, &part) || part.type != FLY_BTREE_LOG_BLOB ||
            part.body.len <= PAGE_HEADER || part.body.len - PAGE_HEADER > len - at ||
            part.before >= lsn) {
            return damaged(lsn, err);
        }
        memcpy(tail->value + at, part.body.data + PAGE_HEADER, part.body.len - PAGE_HEADER);
        at += part.body.len - PAGE_HEADER;
        lsn = part.before;
    }
    return status;
}

/* A version: NULL bytes and no length if there is none. */
static bool version_of(fly_bytes value, fly_bytes *payload, bool *is_long)
{
    *payload = fly_bytes_of(NULL, 0);
    *is_long = false;
    if (value.len < VALUE_HEADER || (value.data[8] & VALUE_GHOST) != 0) {
        return false;
    }
    *payload = fly_bytes_of(value.data + VALUE_HEADER, value.len - VALUE_HEADER);
    *is_long = (value.data[8] & VALUE_BLOB) != 0;
    return true;
}

/* Fetching a long value moves the reader, whose bytes the rest of the change is: it is read again. */
static fly_status fill_long(fly_tail *tail, uint64_t lsn, uint64_t before, fly_bytes ref,
                            fly_wal_record *record, struct part *part, uint64_t *len, fly_err *err)
{
    if (ref.len != FLY_BTREE_BLOB_REF) {
        return damaged(lsn, err);
    }
    *len = fly_btree_blob_len(ref.data);
    fly_status status = gather(tail, *len, before, err);
    if (status == FLY_OK) {
        status = fetch_record(tail, lsn, record, err);
    }
    if (status == FLY_OK && !take_apart(record, part)) {
        status = damaged(lsn, err);
    }
    return status;
}

static fly_status give(fly_tail *tail, uint64_t lsn, fly_tail_change *change, bool *any,
                       fly_err *err)
{
    fly_wal_record record;
    struct part part;
    fly_btree_logged logged;
    uint64_t len = 0;
    bool new_long = false;
    bool old_long = false;
    fly_bytes old_value = {0};
    fly_bytes new_value = {0};
    fly_status status = fetch_record(tail, lsn, &record, err);
    if (status == FLY_OK && !take_apart(&record, &part)) {
        status = damaged(lsn, err);
    }
    if (status == FLY_OK) {
        status = fly_btree_log_decode(part.type, part.body, &logged, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    bool has_new = version_of(logged.value, &new_value, &new_long);
    if (has_new && new_long) {
        status = fill_long(tail, lsn, part.before, new_value, &record, &part, &len, err);
        if (status == FLY_OK) {
            status = fly_btree_log_decode(part.type, part.body, &logged, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        new_value = fly_bytes_of(tail->value, (size_t)len);
    }
    bool has_old =
        part.undo.len > 1 && part.undo.data[0] != 0 &&
        version_of(fly_bytes_of(part.undo.data + 1, part.undo.len - 1), &old_value, &old_long);
    *any = has_new || has_old;
    *change = (fly_tail_change){.lsn = tail->position,
                                .time = tail->commit_time,
                                .tree = logged.tree,
                                .kind = !has_old  ? FLY_TAIL_INSERT
                                        : has_new ? FLY_TAIL_UPDATE
                                                  : FLY_TAIL_DELETE,
                                .key = logged.key,
                                .new_value = new_value,
                                .old_value = old_long ? fly_bytes_of(NULL, 0) : old_value,
                                .old_missing = old_long,
                                .last = tail->given == tail->giving->count};
    return FLY_OK;
}

static void done_giving(fly_tail *tail)
{
    free_seen(tail, tail->giving);
    tail->giving = NULL;
    tail->done = tail->position;
    fly_wal_hold_move(tail->store->wal, &tail->hold, oldest_needed(tail));
}

/* Where commits do not wait for the log, nobody may ever write it, unless it is asked for. */
static bool write_log(fly_tail *tail)
{
    fly_wal *wal = tail->store->wal;
    uint64_t end = fly_wal_next(wal);
    fly_durability durability = tail->store->options.durability;
    return (durability == FLY_DURABILITY_OFF || durability == FLY_DURABILITY_ASYNC) &&
           tail->position < end && fly_wal_flush(wal, end, FLY_DURABILITY_FULL, NULL) == FLY_OK;
}

fly_status fly_tail_next(fly_tail *tail, fly_tail_change *change, fly_err *err)
{
    fly_status status = wake_up(tail, err);
    bool any = false;
    while (status == FLY_OK && !any) {
        fly_wal_record record;
        if (tail->giving != NULL && tail->given < tail->giving->count) {
            uint64_t lsn = tail->giving->notes[tail->given++];
            status = give(tail, lsn, change, &any, err);
            if (status == FLY_OK && tail->given == tail->giving->count) {
                done_giving(tail);
            }
            continue;
        }
        status = fly_wal_reader_next(tail->scan, &record, err);
        if (status == FLY_E_END && write_log(tail)) {
            status = fly_wal_reader_next(tail->scan, &record, err);
        }
        if (status == FLY_OK) {
            tail->position = record.end;
            status = scan_record(tail, &record, err);
        }
    }
    if (status == FLY_E_END) {
        tail->done = tail->position;
        fly_wal_hold_move(tail->store->wal, &tail->hold, oldest_needed(tail));
    }
    return status;
}

/* --------------------------------------------------------------------------- life */

fly_status fly_tail_open(fly_store *store, const uint32_t *trees, uint32_t count, uint64_t lsn,
                         fly_tail **opened, fly_err *err)
{
    FLY_ASSERT(count <= FLY_TAIL_TREES_MAX);
    fly_tail *tail = fly_mem_calloc(store->env->mem, 1, sizeof *tail);
    if (tail == NULL) {
        return no_memory(err);
    }
    tail->store = store;
    memcpy(tail->trees, trees, count * sizeof *trees);
    tail->tree_count = count;
    tail->position = lsn != 0 ? lsn : fly_wal_durable(store->wal);
    tail->done = tail->position;
    fly_status status = fly_path_join(tail->dir, sizeof tail->dir, store->dir, "wal", err);
    if (status == FLY_OK && tail->position > fly_wal_next(store->wal)) {
        status = fly_err_set(err, FLY_E_INVALID, "the log has not come to %" PRIu64 " yet", lsn);
    }
    if (status == FLY_OK) {
        status = wake_up(tail, err);
    }
    if (status != FLY_OK) {
        fly_tail_close(tail);
        return status;
    }
    *opened = tail;
    return FLY_OK;
}

void fly_tail_close(fly_tail *tail)
{
    if (tail == NULL) {
        return;
    }
    fly_tail_rest(tail);
    for (size_t i = 0; i < SLOTS; i++) {
        while (tail->slots[i] != NULL) {
            struct seen *next = tail->slots[i]->link;
            free_seen(tail, tail->slots[i]);
            tail->slots[i] = next;
        }
    }
    free_seen(tail, tail->giving);
    fly_mem *mem = tail->store->env->mem;
    fly_mem_free(mem, tail->value, tail->value_room);
    fly_mem_free(mem, tail, sizeof *tail);
}

uint64_t fly_tail_position(const fly_tail *tail)
{
    return tail->done;
}
