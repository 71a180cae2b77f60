/*
 * Undo: old versions in memory, where their writer put them.
 *
 *     context ──> chunk ──────> chunk ──────> chunk            memory, oldest first
 *                 [ex 7|u|u|u]  [ex 9|u|u]    [ex 9'|u|u|u  ]
 *                        ^                             ^
 *     stamp (7, 3) ──────┘       stamp (9', 5) ────────┘
 *
 * A number's records lie in one extent, one behind the other, so a stamp finds its record by
 * arithmetic. An extent lies within one chunk and within the reach of a stamp's 16-bit index (1 MiB);
 * a transaction that needs more takes a further number for its next extent.
 *
 * Chunks are taken and given back in order, for a context's transactions end in order. When one has
 * ended it goes into the context's queue of finished ones, and its records are kept until no snapshot
 * is older than its end: until then readers may come to them by a stamp they saw in a leaf or in a
 * newer record.
 *
 *     U1  a record never moves or changes once its stamp can be seen
 *     U2  a chunk is freed only when every transaction with records in it has been purged
 */
#include "txn_int.h"

#include <string.h>

enum {
    CHUNK_FIRST = 16 << 10,
    CHUNK_MAX = 1 << 20,
    EXTENT_MAX = STAMP_INDEX_MAX * UNDO_UNIT,
    FINISHED_FIRST = 16
};

/* A chunk that has to hold a whole extent is larger than CHUNK_MAX, and there is no harm in that. */

static uint32_t units_up(size_t bytes)
{
    return (uint32_t)((bytes + UNDO_UNIT - 1) & ~(size_t)(UNDO_UNIT - 1));
}

/* ---------------------------------------------------------------------------- chunks */

/* Append a chunk that can hold `bytes`. Each is twice as large as the transaction's last one, so that
 * a large transaction needs few. */
static fly_status add_chunk(fly_txn *txn, size_t bytes, fly_err *err)
{
    size_t size = txn->chunk_size * 2 > CHUNK_FIRST ? txn->chunk_size * 2 : (size_t)CHUNK_FIRST;
    size = size < CHUNK_MAX ? size : (size_t)CHUNK_MAX;
    while (size - sizeof(struct undo_chunk) < bytes) {
        size *= 2;
    }
    struct undo_chunk *chunk = fly_mem_alloc(&txn->store->undo_memory.mem, size);
    if (chunk == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for old versions of entries");
    }
    *chunk = (struct undo_chunk){.size = size};
    fly_mutex_lock(&txn->finished_mutex);
    if (txn->last_chunk == NULL) {
        txn->first_chunk = chunk;
    } else {
        txn->last_chunk->next = chunk;
    }
    txn->last_chunk = chunk;
    fly_mutex_unlock(&txn->finished_mutex);
    txn->chunk_size = size;
    txn->chunk_at = chunk->bytes;
    txn->chunk_left = size - sizeof *chunk;
    return FLY_OK;
}

/* Take bytes of the last chunk that are there. */
static void *take_bytes(fly_txn *txn, size_t bytes)
{
    FLY_ASSERT(bytes <= txn->chunk_left);
    uint8_t *at = txn->chunk_at;
    txn->chunk_at += bytes;
    txn->chunk_left -= bytes;
    return at;
}

/* finished_mutex is held. */
static void free_first_chunk(fly_txn *txn)
{
    struct undo_chunk *old = txn->first_chunk;
    txn->first_chunk = old->next;
    if (txn->first_chunk == NULL) {
        txn->last_chunk = NULL;
    }
    fly_mem_free(&txn->store->undo_memory.mem, old, old->size);
}

void fly__txn_undo_release(fly_txn *txn)
{
    while (txn->first_chunk != NULL) {
        free_first_chunk(txn);
    }
    fly_mem_free(txn->store->env->mem, txn->finished, txn->finished_room * sizeof *txn->finished);
}

/* --------------------------------------------------------------------------- records */

/* Begin an extent, under a new number, at the next aligned place that has room for `bytes`. */
static fly_status begin_extent(fly_txn *txn, size_t bytes, fly_err *err)
{
    size_t needed = sizeof(struct extent) + bytes;
    fly_status status = FLY_OK;
    if (fly_load_relaxed_u64(&txn->id) == 0) {
        status = fly__txn_queue_reserve(txn, err);
    }
    if (status == FLY_OK && txn->chunk_left < needed) {
        /* Chunks come from the allocator aligned to 16; their header is a multiple of that. */
        _Static_assert(sizeof(struct undo_chunk) % UNDO_UNIT == 0, "extents are aligned");
        status = add_chunk(txn, needed, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    struct extent *extent = (struct extent *)(void *)txn->chunk_at;
    memset(extent, 0, sizeof *extent);
    fly_store_u32(&extent->used, sizeof *extent);
    status = fly__txn_take_id(txn, extent, err);
    if (status == FLY_OK) {
        (void)take_bytes(txn, sizeof *extent);
    }
    return status;
}

fly_status fly__txn_undo_reserve(fly_txn *txn, size_t bytes, fly_err *err)
{
    if (FLY_UNLIKELY(bytes > EXTENT_MAX - 2 * sizeof(struct undo))) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "an undo record of %zu bytes is too long", bytes);
    }
    size_t needed = units_up(sizeof(struct undo) + bytes);
    if (FLY_LIKELY(txn->extent != NULL)) {
        uint32_t used = fly_load_relaxed_u32(&txn->extent->used);
        if (FLY_LIKELY(used + needed <= EXTENT_MAX && txn->chunk_left >= needed)) {
            return FLY_OK;
        }
    }
    return begin_extent(txn, needed, err);
}

uint64_t fly__txn_undo_stamp(const fly_txn *txn)
{
    return stamp_of(txn->last_id, fly_load_relaxed_u32(&txn->extent->used) / UNDO_UNIT);
}

struct undo *fly__txn_undo_add(fly_txn *txn, uint8_t kind, uint32_t tree, fly_bytes key,
                               const fly_bytes *pieces, int count)
{
    size_t payload = 0;
    for (int i = 0; i < count; i++) {
        payload += pieces[i].len;
    }
    uint32_t used = fly_load_relaxed_u32(&txn->extent->used);
    uint32_t size = units_up(sizeof(struct undo) + key.len + payload);
    uint64_t stamp = fly__txn_undo_stamp(txn);
    struct undo *undo = take_bytes(txn, size);
    undo->stamp = stamp;
    undo->undo_next = txn->last_lsn;
    undo->before = txn->undo;
    undo->tree = tree;
    undo->size = size;
    undo->value_len = (uint32_t)payload;
    undo->key_len = (uint16_t)key.len;
    undo->marked_kind = kind;
    if (key.len > 0) {
        memcpy(undo->bytes, key.data, key.len);
    }
    uint8_t *to = undo->bytes + key.len;
    for (int i = 0; i < count; i++) {
        if (pieces[i].len > 0) {
            memcpy(to, pieces[i].data, pieces[i].len);
            to += pieces[i].len;
        }
    }
    /* Whoever walks the extent from outside (serial.c) sees whole records only. */
    fly_store_u32(&txn->extent->used, used + size);
    txn->undo = undo;
    txn->undo_count++;
    return undo;
}

/*
 * A prepared transaction's records are made again after a crash, each where its stamp says. The
 * extent of each of its numbers is made as large as an extent can be: it is only touched where there
 * are records.
 */
static fly_status extent_of(fly_txn *txn, uint64_t id, struct extent **extent, fly_err *err)
{
    if (fly__txn_state_known(txn->store, id)) {
        *extent = fly_load_ptr(&fly__txn_state(txn->store, id)->extent);
        return FLY_OK;
    }
    fly_status status = add_chunk(txn, EXTENT_MAX + sizeof(struct extent), err);
    if (status != FLY_OK) {
        return status;
    }
    size_t all = txn->chunk_left; /* nothing else goes there */
    *extent = take_bytes(txn, all);
    memset(*extent, 0, all);
    (*extent)->id = id;
    fly_store_u32(&(*extent)->used, sizeof **extent);
    return fly__txn_revive_part(txn, id, *extent, err);
}

fly_status fly__txn_undo_rebuild(fly_txn *txn, uint64_t stamp, const struct undo *shape,
                                 fly_bytes key, fly_bytes payload, fly_err *err)
{
    struct extent *extent = txn->extent;
    uint32_t size = units_up(sizeof(struct undo) + key.len + payload.len);
    fly_status status = stamp != 0 ? extent_of(txn, stamp_id(stamp), &extent, err)
                                   : fly__txn_undo_reserve(txn, key.len + payload.len, err);
    if (status != FLY_OK) {
        return status;
    }
    if (stamp == 0) {
        extent = txn->extent;
        stamp = fly__txn_undo_stamp(txn);
        (void)take_bytes(txn, size);
    }
    uint32_t at = stamp_index(stamp) * UNDO_UNIT;
    if (at < sizeof *extent || at + size > EXTENT_MAX + sizeof *extent) {
        return fly_err_set(err, FLY_E_CORRUPT, "a stamp of a prepared transaction makes no sense");
    }
    struct undo *undo = (struct undo *)(void *)((uint8_t *)extent + at);
    *undo = *shape;
    undo->stamp = stamp;
    undo->before = txn->undo;
    undo->size = size;
    undo->key_len = (uint16_t)key.len;
    undo->value_len = (uint32_t)payload.len;
    if (key.len > 0) {
        memcpy(undo->bytes, key.data, key.len);
    }
    if (payload.len > 0) {
        memcpy(undo->bytes + key.len, payload.data, payload.len);
    }
    uint32_t used = fly_load_relaxed_u32(&extent->used);
    fly_store_u32(&extent->used, at + size > used ? at + size : used);
    txn->undo = undo;
    txn->undo_count++;
    return FLY_OK;
}

const struct undo *fly__txn_undo_find(fly_store *store, uint64_t stamp)
{
    const struct state *state = fly__txn_state(store, stamp_id(stamp));
    const uint8_t *extent = fly_load_ptr(&state->extent);
    return (const struct undo *)(const void *)(extent + (size_t)stamp_index(stamp) * UNDO_UNIT);
}

/* ------------------------------------------------------------------------- undoing */

static fly_status undo_one(fly_txn *txn, const struct undo *undo, fly_err *err)
{
    struct version previous = {
        .stamp = undo->prev_stamp, .flags = undo->prev_flags, .payload = undo_payload(undo)};
    switch (undo_kind(undo)) {
    case UNDO_INSERT:
    case UNDO_UPDATE:
    case UNDO_DELETE:
    case UNDO_LOCK:
    case UNDO_RELOCK:
        return fly__txn_restore(txn, undo_kind(undo), undo->stamp, undo->tree, undo_key(undo),
                                &previous, undo->undo_next, err);
    case UNDO_PAGE:
    case UNDO_LOADED:
    case UNDO_TREE:
    case UNDO_DROP:
        return fly__txn_restore_page(txn, undo_kind(undo), undo->tree, (uint32_t)undo->prev_stamp,
                                     undo->undo_next, err);
    default:
        return fly__txn_undo_other(txn, undo->prev_flags, (uint8_t)undo->tree, undo_payload(undo),
                                   undo->undo_next, err);
    }
}

fly_status fly__txn_undo_to(fly_txn *txn, const struct undo *stop, fly_err *err)
{
    while (txn->undo != stop) {
        fly_status status = undo_one(txn, txn->undo, err);
        if (status != FLY_OK) {
            return status; /* what is undone stays undone; the rest may be tried again */
        }
        txn->undo = txn->undo->before;
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------- the queue */

/* Twice as much room. finished_mutex is held. */
static bool grow_queue(fly_txn *txn)
{
    fly_mem *mem = txn->store->env->mem;
    size_t room = txn->finished_room > 0 ? txn->finished_room * 2 : (size_t)FINISHED_FIRST;
    struct finished *queue = fly_mem_calloc(mem, room, sizeof *queue);
    if (queue == NULL) {
        return false;
    }
    for (size_t i = 0; i < txn->finished_count; i++) {
        queue[i] = txn->finished[(txn->finished_first + i) % txn->finished_room];
    }
    fly_mem_free(mem, txn->finished, txn->finished_room * sizeof *queue);
    txn->finished = queue;
    txn->finished_room = room;
    txn->finished_first = 0;
    return true;
}

fly_status fly__txn_queue_reserve(fly_txn *txn, fly_err *err)
{
    fly_mutex_lock(&txn->finished_mutex);
    bool there = txn->finished_count < txn->finished_room || grow_queue(txn);
    fly_mutex_unlock(&txn->finished_mutex);
    return there ? FLY_OK
                 : fly_err_set(err, FLY_E_NO_MEMORY, "no memory to remember a transaction by");
}

void fly__txn_undo_retire(fly_txn *txn, uint64_t timestamp)
{
    struct finished ended = {.timestamp = timestamp,
                             .first_lsn = fly_load_relaxed_u64(&txn->first_lsn),
                             .undo = txn->has_work ? txn->undo : NULL,
                             .has_drops = txn->has_drops};
    for (const struct extent *extent = txn->extents; extent != NULL; extent = extent->before) {
        ended.bytes += fly_load_relaxed_u32(&extent->used);
    }
    /* Small transactions share a chunk. What a large one leaves of its last is not kept for them, for
     * nobody knows when there will be some. */
    if (txn->chunk_size > CHUNK_FIRST) {
        ended.whole_chunk = true;
        txn->chunk_left = 0;
    }
    fly_mutex_lock(&txn->finished_mutex);
    if (txn->extents != NULL) { /* else it is one that recovery has undone, without records here */
        FLY_ASSERT(txn->finished_count < txn->finished_room);
        ended.chunk = txn->last_chunk;
        size_t at = (txn->finished_first + txn->finished_count) % txn->finished_room;
        txn->finished[at] = ended;
        txn->finished_count++;
        (void)fly_add_u64(&txn->store->finished_bytes, ended.bytes);
        if (ended.undo != NULL && fly_load_relaxed_u64(&txn->owed_lsn) == 0) {
            fly_store_u64(&txn->owed_lsn, ended.first_lsn);
        }
    }
    fly_mutex_unlock(&txn->finished_mutex);
    txn->extent = NULL;
    txn->extents = NULL;
    txn->undo = NULL;
    txn->chunk_size = 0;
    txn->has_work = false;
    txn->has_drops = false;
    txn->undo_count = 0;
}

/* The first of the queue is done with. finished_mutex is held. */
static void drop_first(fly_txn *txn)
{
    const struct finished *first = &txn->finished[txn->finished_first];
    while (txn->first_chunk != first->chunk) {
        free_first_chunk(txn);
    }
    if (first->whole_chunk) {
        free_first_chunk(txn);
    }
    (void)fly_sub_u64(&txn->store->finished_bytes, first->bytes);
    txn->finished_first = (txn->finished_first + 1) % txn->finished_room;
    txn->finished_count--;
}

/* The log records from which a recovery would find the work that the queue has. */
static uint64_t owed_by_queue(const fly_txn *txn)
{
    for (size_t i = 0; i < txn->finished_count; i++) {
        const struct finished *ended =
            &txn->finished[(txn->finished_first + i) % txn->finished_room];
        if (ended->undo != NULL) {
            return ended->first_lsn;
        }
    }
    return 0;
}

/*
 * Whether an ended transaction may be purged. Dropped trees want more than that no snapshot is older:
 * a transaction may have begun to change a tree before it was dropped, and must be able to undo that.
 * Every such one holds a snapshot or a number by the time the horizon has come here; so when that time
 * has come we note which number is the next, and wait until all before it have ended.
 */
static bool is_ripe(fly_store *store, struct finished *ended)
{
    if (ended->timestamp > fly_load_u64(&store->horizon)) {
        return false;
    }
    if (FLY_UNLIKELY(ended->has_drops)) {
        if (ended->low == 0) {
            ended->low = fly_load_seq_u64(&store->next_id);
        }
        return ended->low <= fly_load_u64(&store->low);
    }
    return true;
}

bool fly__txn_queue_first(fly_txn *txn, struct finished *first)
{
    bool found = false;
    fly_mutex_lock(&txn->finished_mutex);
    while (!found && !txn->purging && txn->finished_count > 0 &&
           is_ripe(txn->store, &txn->finished[txn->finished_first])) {
        *first = txn->finished[txn->finished_first];
        if (first->undo != NULL) {
            txn->purging = true;
            found = true;
        } else {
            drop_first(txn);
        }
    }
    fly_mutex_unlock(&txn->finished_mutex);
    return found;
}

void fly__txn_queue_done(fly_txn *txn, bool done, struct undo *left)
{
    fly_mutex_lock(&txn->finished_mutex);
    txn->purging = false;
    txn->finished[txn->finished_first].undo = left;
    if (done) {
        drop_first(txn);
        fly_store_u64(&txn->owed_lsn, owed_by_queue(txn));
    }
    fly_mutex_unlock(&txn->finished_mutex);
}
