/*
 * Serializable: is what was read still as it was?
 *
 * A serializable transaction reads from a snapshot and notes what it reads: single keys as hashes,
 * and ranges. When it is about to commit it asks whether any transaction that ended after its
 * snapshot was taken has changed something that it read. If none has, its reads are as good as if it
 * had run now, all at once; if one has, it gives up and can be run again. What others changed needs
 * no book of its own: it stands in their undo records, which are kept as long as our snapshot is.
 *
 *     S1  transactions are validated one at a time, and each also against those that were validated
 *         before and have not ended yet
 *     S2  they become visible in the order in which they were validated
 *
 * S2 keeps a reader from seeing a later one without an earlier one that the later one depends on.
 * Transactions at lower levels are validated against, but do not validate.
 *
 * Source: Neumann, Mühlbauer, Kemper: "Fast Serializable Multi-Version Concurrency Control for
 * Main-Memory Database Systems", SIGMOD 2015. They keep predicates; we keep the ranges they are read
 * from, because that is what this layer sees.
 */
#include "txn_int.h"

#include <inttypes.h>
#include <string.h>

enum {
    POINTS_FIRST = 64,
    RANGES_FIRST = 8,
    POINTS_MAX = 1 << 22, /* beyond, whole trees count as read */
    RANGES_MAX = 1 << 14
};

/* A key's place in a tree, on the heap. */
struct bound_key {
    uint8_t *bytes;
    size_t len;
    size_t room;
};

/* What was read of a tree without a gap. */
struct range {
    uint32_t tree;
    bool low_open;
    bool high_open;
    struct bound_key low;
    struct bound_key high;
};

struct read_set {
    uint64_t *points; /* hashes, open addressing; 0 is free */
    size_t point_room;
    size_t point_count;
    struct range *ranges;
    uint32_t range_room;
    uint32_t range_count;
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to note what a transaction reads");
}

/* -------------------------------------------------------------------------- the notes */

fly_status fly__txn_reads_begin(fly_txn *txn, fly_err *err)
{
    if (txn->spare_reads == NULL) {
        txn->spare_reads = fly_mem_calloc(txn->store->env->mem, 1, sizeof *txn->spare_reads);
        if (txn->spare_reads == NULL) {
            return no_memory(err);
        }
    }
    txn->reads = txn->spare_reads;
    return FLY_OK;
}

/* Forget what was noted; small tables are kept for the next transaction. */
static void clear(fly_mem *mem, struct read_set *set)
{
    for (uint32_t i = 0; i < set->range_count; i++) {
        fly_mem_free(mem, set->ranges[i].low.bytes, set->ranges[i].low.room);
        fly_mem_free(mem, set->ranges[i].high.bytes, set->ranges[i].high.room);
    }
    set->range_count = 0;
    if (set->point_room > POINTS_FIRST) {
        fly_mem_free(mem, set->points, set->point_room * sizeof *set->points);
        set->points = NULL;
        set->point_room = 0;
    } else if (set->point_count > 0) {
        memset(set->points, 0, set->point_room * sizeof *set->points);
    }
    set->point_count = 0;
}

void fly__txn_reads_end(fly_txn *txn)
{
    if (FLY_UNLIKELY(txn->reads != NULL)) {
        clear(txn->store->env->mem, txn->reads);
        txn->reads = NULL;
    }
}

void fly__txn_reads_release(fly_txn *txn)
{
    fly_mem *mem = txn->store->env->mem;
    struct read_set *set = txn->spare_reads;
    if (set != NULL) {
        clear(mem, set);
        fly_mem_free(mem, set->points, set->point_room * sizeof *set->points);
        fly_mem_free(mem, set->ranges, set->range_room * sizeof *set->ranges);
        fly_mem_free(mem, set, sizeof *set);
        txn->spare_reads = NULL;
    }
}

static uint64_t hash_of(uint32_t tree, fly_bytes key)
{
    uint64_t hash = fly_hash(key.data, key.len, tree);
    return hash != 0 ? hash : 1;
}

static bool has_point(const struct read_set *set, uint64_t hash)
{
    if (set->point_count == 0) {
        return false;
    }
    size_t mask = set->point_room - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        if (set->points[i] == hash) {
            return true;
        }
        if (set->points[i] == 0) {
            return false;
        }
    }
}

static void put_point(struct read_set *set, uint64_t hash)
{
    size_t mask = set->point_room - 1;
    size_t i = hash & mask;
    while (set->points[i] != 0) {
        i = (i + 1) & mask;
    }
    set->points[i] = hash;
    set->point_count++;
}

static bool grow_points(fly_mem *mem, struct read_set *set)
{
    struct read_set old = *set;
    size_t room = old.point_room > 0 ? old.point_room * 2 : (size_t)POINTS_FIRST;
    uint64_t *points = fly_mem_calloc(mem, room, sizeof *points);
    if (points == NULL) {
        return false;
    }
    set->points = points;
    set->point_room = room;
    set->point_count = 0;
    for (size_t i = 0; i < old.point_room; i++) {
        if (old.points[i] != 0) {
            put_point(set, old.points[i]);
        }
    }
    fly_mem_free(mem, old.points, old.point_room * sizeof *old.points);
    return true;
}

static bool set_key(fly_mem *mem, struct bound_key *to, fly_bytes key)
{
    if (key.len > to->room) {
        size_t room = key.len + 32;
        uint8_t *bytes = fly_mem_alloc(mem, room);
        if (bytes == NULL) {
            return false;
        }
        fly_mem_free(mem, to->bytes, to->room);
        to->bytes = bytes;
        to->room = room;
    }
    if (key.len > 0) {
        memcpy(to->bytes, key.data, key.len);
    }
    to->len = key.len;
    return true;
}

static fly_bytes key_of(const struct bound_key *key)
{
    return fly_bytes_of(key->bytes, key->len);
}

/* A range over the whole tree, if there is one. */
static bool reads_all(const struct read_set *set, uint32_t tree, uint32_t *range)
{
    for (uint32_t i = 0; i < set->range_count; i++) {
        if (set->ranges[i].tree == tree && set->ranges[i].low_open && set->ranges[i].high_open) {
            *range = i;
            return true;
        }
    }
    return false;
}

static fly_status add_range(fly_mem *mem, struct read_set *set, uint32_t tree, uint32_t *range,
                            fly_err *err)
{
    if (set->range_count == set->range_room) {
        uint32_t room = set->range_room > 0 ? set->range_room * 2 : (uint32_t)RANGES_FIRST;
        struct range *ranges = fly_mem_resize(mem, set->ranges, set->range_room * sizeof *ranges,
                                              room * sizeof *ranges);
        if (ranges == NULL) {
            return no_memory(err);
        }
        set->ranges = ranges;
        set->range_room = room;
    }
    *range = set->range_count++;
    set->ranges[*range] = (struct range){.tree = tree};
    return FLY_OK;
}

static fly_status read_all(fly_mem *mem, struct read_set *set, uint32_t tree, uint32_t *range,
                           fly_err *err)
{
    if (reads_all(set, tree, range)) {
        return FLY_OK;
    }
    fly_status status = add_range(mem, set, tree, range, err);
    if (status == FLY_OK) {
        set->ranges[*range].low_open = true;
        set->ranges[*range].high_open = true;
    }
    return status;
}

fly_status fly__txn_note_read(fly_txn *txn, const fly_tree *tree, fly_bytes key, fly_err *err)
{
    fly_mem *mem = txn->store->env->mem;
    struct read_set *set = txn->reads;
    uint64_t hash = hash_of(tree->id, key);
    uint32_t range;
    if (has_point(set, hash)) {
        return FLY_OK;
    }
    if (set->point_count >= POINTS_MAX) {
        return read_all(mem, set, tree->id, &range, err);
    }
    if (set->point_count * 2 >= set->point_room && !grow_points(mem, set)) {
        return no_memory(err);
    }
    put_point(set, hash);
    return FLY_OK;
}

fly_status fly__txn_begin_range(fly_txn *txn, const fly_tree *tree, fly_bytes from, bool at_end,
                                uint32_t *range, fly_err *err)
{
    fly_mem *mem = txn->store->env->mem;
    struct read_set *set = txn->reads;
    if (set->range_count >= RANGES_MAX) {
        return read_all(mem, set, tree->id, range, err);
    }
    fly_status status = add_range(mem, set, tree->id, range, err);
    if (status != FLY_OK) {
        return status;
    }
    struct range *begun = &set->ranges[*range];
    begun->high_open = at_end;
    /* From the end of the tree: nothing below it has been read yet, which no key says. The first step
     * sets the lower bound; if there is none, the whole tree was seen to be empty. */
    begun->low_open = at_end;
    if (!at_end && (!set_key(mem, &begun->low, from) || !set_key(mem, &begun->high, from))) {
        return no_memory(err);
    }
    return FLY_OK;
}

fly_status fly__txn_extend_range(fly_txn *txn, uint32_t range, fly_bytes key, bool upwards,
                                 bool end, fly_err *err)
{
    fly_mem *mem = txn->store->env->mem;
    struct range *read = &txn->reads->ranges[range];
    bool *open = upwards ? &read->high_open : &read->low_open;
    struct bound_key *bound = upwards ? &read->high : &read->low;
    bool unset = bound->bytes == NULL && !upwards && read->high_open && bound->room == 0;
    if (end) {
        *open = true;
        return FLY_OK;
    }
    if (*open && !unset) {
        return FLY_OK; /* it was read to the end before */
    }
    int order = unset ? 0 : fly_bytes_cmp(key, key_of(bound));
    if (!unset && (upwards ? order <= 0 : order >= 0)) {
        return FLY_OK; /* the cursor has turned back */
    }
    if (!set_key(mem, bound, key)) {
        return no_memory(err);
    }
    *open = false;
    return FLY_OK;
}

/* ----------------------------------------------------------------------- validating */

static bool is_within(const struct range *range, uint32_t tree, fly_bytes key)
{
    return range->tree == tree &&
           (range->low_open || fly_bytes_cmp(key_of(&range->low), key) <= 0) &&
           (range->high_open || fly_bytes_cmp(key, key_of(&range->high)) <= 0);
}

static bool was_read(const struct read_set *set, uint32_t tree, fly_bytes key)
{
    if (has_point(set, hash_of(tree, key))) {
        return true;
    }
    for (uint32_t i = 0; i < set->range_count; i++) {
        if (is_within(&set->ranges[i], tree, key)) {
            return true;
        }
    }
    return false;
}

/* Whether a number's undo records say that it changed something that was read. */
static bool meets(const struct read_set *set, const struct extent *extent)
{
    uint32_t used = fly_load_u32(&extent->used);
    for (uint32_t at = sizeof *extent; at < used;) {
        const struct undo *undo = (const struct undo *)(const void *)((const uint8_t *)extent + at);
        if ((undo_kind(undo) == UNDO_INSERT || undo_kind(undo) == UNDO_UPDATE ||
             undo_kind(undo) == UNDO_DELETE) &&
            was_read(set, undo->tree, undo_key(undo))) {
            return true;
        }
        at += undo->size > 0 ? undo->size : (uint32_t)UNDO_UNIT; /* rebuilt extents have gaps */
    }
    return false;
}

/* Whether the transaction that a number is part of comes before us and behind our snapshot. */
static bool counts(fly_txn *txn, uint64_t id)
{
    uint32_t context = 0;
    uint64_t timestamp = fly__txn_state_settled(txn->store, id, &context);
    if (timestamp == 0) {
        const fly_txn *other = fly__txn_context(txn->store, context);
        return other != txn && other->validated != 0;
    }
    return timestamp > txn->view.timestamp && timestamp != TIMESTAMP_NEVER;
}

static bool is_invalid(fly_txn *txn)
{
    fly_store *store = txn->store;
    uint64_t next = fly_load_seq_u64(&store->next_id);
    uint64_t id = fly__txn_next_state(store, txn->view.low, next);
    for (; id < next; id = fly__txn_next_state(store, id + 1, next)) {
        if (fly__txn_is_own(txn, id) || !fly__txn_state_known(store, id) || !counts(txn, id)) {
            continue;
        }
        const struct extent *extent = fly_load_ptr(&fly__txn_state(store, id)->extent);
        if (extent != NULL && meets(txn->reads, extent)) {
            return true;
        }
    }
    return false;
}

/* serial_mutex is held. */
static void take_place(fly_txn *txn)
{
    fly_store *store = txn->store;
    txn->validated = ++store->validated_last;
    txn->validated_long = txn->name_len > 0;
    txn->next_validated = store->validated;
    store->validated = txn;
}

/* serial_mutex is held. */
static fly_status check(fly_txn *txn, fly_err *err)
{
    if (txn->reads->point_count == 0 && txn->reads->range_count == 0) {
        return FLY_OK;
    }
    if (!begin_looking_back(txn)) {
        return fly__txn_too_old(txn, err);
    }
    bool invalid = is_invalid(txn);
    end_looking_back(txn);
    if (!invalid) {
        return FLY_OK;
    }
    fly_count_u64(&txn->store->conflicts, 1);
    return fly_err_set(err, FLY_E_CONFLICT,
                       "could not serialize access: another transaction has changed what this one "
                       "has read");
}

fly_status fly__txn_check_reads(fly_txn *txn, fly_err *err)
{
    fly_mutex_lock(&txn->store->serial_mutex);
    fly_status status = check(txn, err);
    fly_mutex_unlock(&txn->store->serial_mutex);
    return status;
}

fly_status fly__txn_validate(fly_txn *txn, fly_err *err)
{
    fly_store *store = txn->store;
    fly_mutex_lock(&store->serial_mutex);
    fly_status status = check(txn, err);
    if (status == FLY_OK) {
        take_place(txn);
    }
    fly_mutex_unlock(&store->serial_mutex);
    return status;
}

/* Which isolation it had is not known any more. With a place nobody validates against what it will
 * commit, which is right for all. */
void fly__txn_validated_revive(fly_txn *txn)
{
    fly_mutex_lock(&txn->store->serial_mutex);
    take_place(txn);
    fly_mutex_unlock(&txn->store->serial_mutex);
}

static bool somebody_before(const fly_store *store, const fly_txn *txn)
{
    for (const fly_txn *other = store->validated; other != NULL; other = other->next_validated) {
        /* One that is prepared may wait for ever, and has been told apart from us by S1. */
        if (other->validated < txn->validated && !other->validated_long) {
            return true;
        }
    }
    return false;
}

void fly__txn_validated_wait(fly_txn *txn)
{
    fly_store *store = txn->store;
    if (FLY_LIKELY(txn->validated == 0)) {
        return;
    }
    fly_mutex_lock(&store->serial_mutex);
    while (somebody_before(store, txn)) {
        fly_cond_wait(&store->serial_cond, &store->serial_mutex);
    }
    fly_mutex_unlock(&store->serial_mutex);
}

void fly__txn_validated_end(fly_txn *txn)
{
    fly_store *store = txn->store;
    if (FLY_LIKELY(txn->validated == 0)) {
        return;
    }
    fly_mutex_lock(&store->serial_mutex);
    fly_txn **link = &store->validated;
    while (*link != NULL && *link != txn) {
        link = &(*link)->next_validated;
    }
    if (*link != NULL) {
        *link = txn->next_validated;
        txn->validated = 0;
        fly_cond_broadcast(&store->serial_cond);
    }
    fly_mutex_unlock(&store->serial_mutex);
}
