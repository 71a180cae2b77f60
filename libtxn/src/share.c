/*
 * Shared locks: entries that several transactions keep from being changed.
 *
 * An exclusive lock is a stamp in the leaf, as a change is, and has room for one. Shared ones lie in a
 * table in memory, by tree and key, and nowhere else: a lock does not outlive its transaction. (What a
 * transaction has locked so when it is prepared it locks exclusively first, for that is logged.)
 *
 *     entry (tree 17, "a") ──> held by T3, weakly ──> held by T5 ;  T8 wants to change it
 *
 * Who takes a lock of either sort does so under the latch of the entry's leaf, so that who changes it
 * finds every shared lock that was given before, and who shares it sees every stamp. Writers ask
 * first whether the entry's part of the table is empty, which costs one load.
 *
 * Locks of both sorts are weak or strong. The weak ones of one sort go together with the weak ones of
 * the other: who only needs the entry to stay, and who changes nothing that others refer to.
 *
 *                        holds:  shared weak   shared   exclusive weak   exclusive
 *     wants:  shared weak          yes          yes      yes              no
 *             shared               yes          yes      no               no
 *             exclusive weak       yes          no       no               no
 *             exclusive            no           no       no               no
 *
 * Who waits for the holders waits for one of them, and then looks again. So that it need not wait for
 * ever while others come and go, it leaves its claim with the entry. A few (OVERTAKERS) may come later
 * and share the entry all the same; who comes then, and every other writer, waits for the claim, unless
 * he holds a lock there already (he could only go in a circle). To wait for a claim is to wait
 * softly: if that closes a circle, the claim is passed over (wait.c).
 *
 * A holder that has ended holds nothing, though its locks are taken out of the table a little later.
 * Invariant: a transaction's locks go after its end can be seen; who finds none of them sees what it
 * has done.
 */
#include "txn_int.h"

#include <string.h>

/* A lock that a transaction has been given. */
struct share {
    struct share *next;  /* of the entry's */
    struct share *older; /* of the transaction's */
    struct shared_entry *entry;
    const fly_txn *txn;
    uint64_t id; /* the transaction's first number */
    bool weak;
};

/* An entry that is locked, or claimed. */
struct shared_entry {
    struct shared_entry *next; /* in its bucket */
    struct share *holders;
    uint64_t hash;
    uint64_t claim; /* number of a writer that waits; 0 */
    bool claim_weak;
    uint8_t overtakers; /* who have shared the entry since */
    uint32_t tree;
    size_t key_len;
    uint8_t key[];
};

enum { BUCKETS_FIRST = 16, OVERTAKERS = 4 };

void fly__txn_shared_init(fly_store *store)
{
    for (int i = 0; i < SHARED_PARTS; i++) {
        fly_mutex_init(&store->shared[i].mutex, "shared locks", RANK_SHARED);
    }
}

static void free_entry(fly_mem *mem, struct shared_entry *entry)
{
    fly_mem_free(mem, entry, sizeof *entry + entry->key_len);
}

void fly__txn_shared_deinit(fly_store *store)
{
    fly_mem *mem = store->env->mem;
    for (int i = 0; i < SHARED_PARTS; i++) {
        struct shared_part *part = &store->shared[i];
        for (uint32_t k = 0; k < part->room; k++) {
            while (part->buckets[k] != NULL) {
                struct shared_entry *entry = part->buckets[k];
                part->buckets[k] = entry->next;
                while (entry->holders != NULL) { /* of those that were left to recovery */
                    struct share *share = entry->holders;
                    entry->holders = share->next;
                    fly_mem_free(mem, share, sizeof *share);
                }
                free_entry(mem, entry);
            }
        }
        fly_mem_free(mem, part->buckets, part->room * sizeof(struct shared_entry *));
        fly_mutex_deinit(&part->mutex);
    }
}

/* ------------------------------------------------------------------------- the table */

static uint64_t hash_of(uint32_t tree, fly_bytes key)
{
    return fly_hash(key.data, key.len, tree);
}

static struct shared_part *part_of(fly_store *store, uint64_t hash)
{
    return &store->shared[hash % SHARED_PARTS];
}

static uint32_t bucket_of(const struct shared_part *part, uint64_t hash)
{
    return (uint32_t)(hash / SHARED_PARTS) & (part->room - 1);
}

static struct shared_entry *find(const struct shared_part *part, uint64_t hash, uint32_t tree,
                                 fly_bytes key)
{
    struct shared_entry *entry = part->room > 0 ? part->buckets[bucket_of(part, hash)] : NULL;
    while (entry != NULL && (entry->hash != hash || entry->tree != tree ||
                             !fly_bytes_equal(fly_bytes_of(entry->key, entry->key_len), key))) {
        entry = entry->next;
    }
    return entry;
}

static bool grow(fly_mem *mem, struct shared_part *part)
{
    uint32_t old_room = part->room;
    uint32_t room = old_room > 0 ? old_room * 2 : (uint32_t)BUCKETS_FIRST;
    struct shared_entry **old = part->buckets;
    struct shared_entry **buckets = fly_mem_calloc(mem, room, sizeof(struct shared_entry *));
    if (buckets == NULL) {
        return false;
    }
    part->buckets = buckets;
    part->room = room;
    for (uint32_t k = 0; k < old_room; k++) {
        while (old[k] != NULL) {
            struct shared_entry *entry = old[k];
            old[k] = entry->next;
            uint32_t to = bucket_of(part, entry->hash);
            entry->next = buckets[to];
            buckets[to] = entry;
        }
    }
    fly_mem_free(mem, old, old_room * sizeof(struct shared_entry *));
    return true;
}

static struct shared_entry *find_or_add(fly_mem *mem, struct shared_part *part, uint64_t hash,
                                        uint32_t tree, fly_bytes key)
{
    struct shared_entry *entry = find(part, hash, tree, key);
    uint32_t count = fly_load_relaxed_u32(&part->count);
    if (entry != NULL || (count >= part->room && !grow(mem, part))) {
        return entry;
    }
    entry = fly_mem_calloc(mem, 1, sizeof *entry + key.len);
    if (entry == NULL) {
        return NULL;
    }
    entry->hash = hash;
    entry->tree = tree;
    entry->key_len = key.len;
    if (key.len > 0) {
        memcpy(entry->key, key.data, key.len);
    }
    uint32_t at = bucket_of(part, hash);
    entry->next = part->buckets[at];
    part->buckets[at] = entry;
    fly_store_u32(&part->count, count + 1);
    return entry;
}

/* An entry that nobody holds or claims any more goes. */
static void drop_if_idle(fly_mem *mem, struct shared_part *part, struct shared_entry *entry)
{
    if (entry->holders != NULL || entry->claim != 0) {
        return;
    }
    struct shared_entry **link = &part->buckets[bucket_of(part, entry->hash)];
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    fly_store_u32(&part->count, fly_load_relaxed_u32(&part->count) - 1);
    free_entry(mem, entry);
}

/* -------------------------------------------------------------------- taking and giving */

/* Whether somebody's transaction goes on. To be asked while looking back. */
static bool goes_on(fly_txn *txn, uint64_t id)
{
    uint32_t context;
    return id >= txn->view.low && fly__txn_state_settled(txn->store, id, &context) == 0;
}

/* Whose claim makes a newcomer wait: 0 if nobody's. */
static uint64_t claim_against(fly_txn *txn, const struct shared_entry *entry, bool weak)
{
    for (const struct share *share = entry->holders; share != NULL; share = share->next) {
        if (share->txn == txn) {
            return 0;
        }
    }
    uint64_t claim = entry->claim;
    bool against = claim != 0 && !(weak && entry->claim_weak) && !fly__txn_is_own(txn, claim);
    return against && goes_on(txn, claim) ? claim : 0;
}

static bool holds(const fly_txn *txn, const struct shared_entry *entry, bool weak)
{
    for (const struct share *share = entry->holders; share != NULL; share = share->next) {
        if (share->txn == txn && (weak || !share->weak)) {
            return true;
        }
    }
    return false;
}

/* Give the lock that `op` wants. The mutex is held. */
static fly_status give(struct op *op, struct shared_part *part, uint64_t hash, fly_err *err)
{
    fly_txn *txn = op->txn;
    fly_mem *mem = txn->store->env->mem;
    struct shared_entry *entry = find_or_add(mem, part, hash, op->tree->id, op->key);
    if (entry == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a lock");
    }
    if (op->patient && !op->barge) {
        op->wait_for = claim_against(txn, entry, op->weak);
        op->soft = op->wait_for != 0 && entry->overtakers >= OVERTAKERS;
        entry->overtakers = (uint8_t)(entry->overtakers + (op->wait_for != 0 && !op->soft));
    }
    if (op->soft || holds(txn, entry, op->weak)) {
        return op->soft ? FLY_E_AGAIN : FLY_OK;
    }
    struct share *share = fly_mem_alloc(mem, sizeof *share);
    if (share == NULL) {
        drop_if_idle(mem, part, entry);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a lock");
    }
    *share = (struct share){.next = entry->holders,
                            .older = txn->shares,
                            .entry = entry,
                            .txn = txn,
                            .id = fly_load_relaxed_u64(&txn->id),
                            .weak = op->weak};
    entry->holders = share;
    txn->shares = share;
    txn->share_count++;
    return FLY_OK;
}

fly_status fly__txn_share(struct op *op, fly_err *err)
{
    fly_txn *txn = op->txn;
    uint64_t hash = hash_of(op->tree->id, op->key);
    struct shared_part *part = part_of(txn->store, hash);
    if (!begin_looking_back(txn)) {
        return fly__txn_too_old(txn, err);
    }
    FLY_POINT("share", txn->store);
    fly_mutex_lock(&part->mutex);
    fly_status status = give(op, part, hash, err);
    fly_mutex_unlock(&part->mutex);
    end_looking_back(txn);
    return status;
}

/* Somebody else who holds a lock that an exclusive one does not go together with: its number, or 0. */
static uint64_t holder_against(fly_txn *txn, const struct shared_entry *entry, bool weak)
{
    for (const struct share *share = entry->holders; share != NULL; share = share->next) {
        if (share->txn != txn && !(weak && share->weak) && goes_on(txn, share->id)) {
            return share->id;
        }
    }
    return 0;
}

fly_status fly__txn_exclude(struct op *op, fly_err *err)
{
    fly_txn *txn = op->txn;
    uint64_t hash = hash_of(op->tree->id, op->key);
    struct shared_part *part = part_of(txn->store, hash);
    /* Locks on this entry are given under the latch that we hold: none can have escaped us. */
    if (FLY_LIKELY(fly_load_u32(&part->count) == 0)) {
        return FLY_OK;
    }
    if (!begin_looking_back(txn)) {
        return fly__txn_too_old(txn, err);
    }
    FLY_POINT("exclude", txn->store);
    fly_mutex_lock(&part->mutex);
    struct shared_entry *entry = find(part, hash, op->tree->id, op->key);
    uint64_t first = entry != NULL && op->patient && !op->barge ? claim_against(txn, entry, false)
                                                                : 0;
    op->soft = first != 0;
    uint64_t holder = first != 0 ? first : entry != NULL ? holder_against(txn, entry, op->weak) : 0;
    if (holder != 0 && !op->soft && op->patient &&
        (entry->claim == 0 || !goes_on(txn, entry->claim))) {
        entry->claim = fly_load_relaxed_u64(&txn->id);
        entry->claim_weak = op->weak;
        entry->overtakers = 0;
        op->claimed = true;
    }
    fly_mutex_unlock(&part->mutex);
    end_looking_back(txn);
    op->wait_for = holder;
    return holder != 0 ? FLY_E_AGAIN : FLY_OK;
}

void fly__txn_unclaim(struct op *op)
{
    fly_txn *txn = op->txn;
    uint64_t hash = hash_of(op->tree->id, op->key);
    struct shared_part *part = part_of(txn->store, hash);
    fly_mutex_lock(&part->mutex);
    struct shared_entry *entry = find(part, hash, op->tree->id, op->key);
    if (entry != NULL && entry->claim == fly_load_relaxed_u64(&txn->id)) {
        entry->claim = 0;
        drop_if_idle(txn->store->env->mem, part, entry);
    }
    fly_mutex_unlock(&part->mutex);
}

void fly__txn_unshare(fly_txn *txn, uint64_t down_to)
{
    fly_mem *mem = txn->store->env->mem;
    while (txn->share_count > down_to) {
        struct share *share = txn->shares;
        struct shared_part *part = part_of(txn->store, share->entry->hash);
        fly_mutex_lock(&part->mutex);
        struct share **link = &share->entry->holders;
        while (*link != share) {
            link = &(*link)->next;
        }
        *link = share->next;
        drop_if_idle(mem, part, share->entry);
        fly_mutex_unlock(&part->mutex);
        txn->shares = share->older;
        txn->share_count--;
        fly_mem_free(mem, share, sizeof *share);
    }
}

fly_status fly__txn_each_share(fly_txn *txn,
                               fly_status (*each)(fly_txn *txn, uint32_t tree, fly_bytes key,
                                                  fly_err *err),
                               fly_err *err)
{
    fly_status status = FLY_OK;
    /* Its own locks nobody else takes away, and a held entry stays where it is. */
    for (const struct share *share = txn->shares; share != NULL && status == FLY_OK;
         share = share->older) {
        const struct shared_entry *entry = share->entry;
        status = each(txn, entry->tree, fly_bytes_of(entry->key, entry->key_len), err);
    }
    return status;
}
