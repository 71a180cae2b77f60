/*
 * What a store and a transaction are in memory. Private to libtxn.
 *
 * state.c    numbers, states and snapshots: who sees whom
 * undo.c     old versions in memory
 * write.c    changing entries, and what of it is logged
 * read.c     seeing entries; cursor.c walking over them
 * txn.c      beginning, ending, savepoints, prepare
 * wait.c     waiting for another writer, deadlocks
 * share.c    locks that several hold
 * serial.c   what a serializable transaction has read, and whether that still holds
 * purge.c    what nobody can see any more goes
 * catalog.c  trees by name
 * store.c    opening, closing, checkpoints; recover.c, backup.c and verify.c what they say
 *
 * Words. A transaction that writes has a number (id). A *stamp* is what an entry's newest version
 * says of its writer: the number, and the index of the undo record that holds what was there before.
 * A *timestamp* is the count of commits at which a transaction's changes became visible. A *snapshot*
 * is the timestamp up to which a reader sees, and a number below which every writer is one it sees.
 */
#ifndef FLY_TXN_INT_H
#define FLY_TXN_INT_H

#include <fly/base_bytes.h>
#include <fly/base_hash.h>
#include <fly/txn.h>

/* Ranks of mutexes (docs/locking.md). */
enum {
    RANK_CHECKPOINT = 100,
    RANK_PREPARED = 110,
    RANK_SERIAL = 120,
    RANK_PURGE = 130,
    RANK_TREES = 140,
    RANK_CONTEXTS = 150,
    RANK_STATES = 160,
    RANK_SHARD = 170,
    RANK_SHARED = 180
};

/* -------------------------------------------------------------------- values in leaves */

/* u64 stamp, u8 flags, payload. */
enum { VALUE_HEADER = 9, VALUE_GHOST = 1, VALUE_BLOB = 2 };

enum { STAMP_SHIFT = 16, STAMP_INDEX_MAX = 0xffff };

static inline uint64_t stamp_of(uint64_t id, uint32_t index)
{
    return id << STAMP_SHIFT | index;
}

static inline uint64_t stamp_id(uint64_t stamp)
{
    return stamp >> STAMP_SHIFT;
}

static inline uint32_t stamp_index(uint64_t stamp)
{
    return (uint32_t)(stamp & STAMP_INDEX_MAX);
}

/* A version of an entry, wherever it lies. */
struct version {
    uint64_t stamp;
    uint8_t flags;
    fly_bytes payload;
};

/* ---------------------------------------------------------------- states of transactions */

/* A state is a word: the kind in the low bits, what goes with it above. */
enum state_kind {
    STATE_ACTIVE = 0,     /* with the number of its context */
    STATE_COMMITTING = 1, /* about to get its timestamp: look again */
    STATE_ENDED = 2,      /* with its timestamp; NEVER if it was rolled back */
    STATE_PART = 3        /* a further number of the transaction whose first number is given */
};

enum { STATE_SHIFT = 2, STATE_MASK = 3 };

#define TIMESTAMP_NEVER (UINT64_MAX >> STATE_SHIFT)

struct extent;

/* One for each number. */
struct state {
    fly_atomic_u64 word;
    fly_atomic_ptr extent; /* its undo records */
};

enum { STATE_CHUNK_BITS = 12, STATE_CHUNK = 1 << STATE_CHUNK_BITS, STATE_DIRECTORY = 1 << 16 };

struct state_chunk {
    struct state_chunk *next_spare;
    uint64_t base; /* number of the first entry */
    struct state states[STATE_CHUNK];
};

/* A snapshot; NO_SNAPSHOT and ENTERING are values of a context's `snapshot`. */
enum { NO_SNAPSHOT = 0, ENTERING = 1, TIMESTAMP_FIRST = 2 };

struct snapshot {
    uint64_t timestamp; /* commits up to this are seen */
    uint64_t low;       /* writers below this are seen without asking */
};

/* ------------------------------------------------------------------------------- undo */

/* What a record undoes. */
enum undo_kind {
    UNDO_INSERT = 1, /* there was no entry */
    UNDO_UPDATE,     /* there was another version */
    UNDO_DELETE,     /* as UPDATE; the new version is a ghost, which the purge removes */
    UNDO_LOCK,       /* as UPDATE; the new version differs only in its stamp, and is not logged */
    UNDO_RELOCK,     /* as LOCK, logged: the locks of a prepared transaction survive */
    UNDO_PAGE,       /* a page was made for a blob or a bulk load; its number is in prev_stamp */
    UNDO_LOADED,     /* a tree was filled in bulk */
    UNDO_TREE,       /* a tree was made; its root is in prev_stamp */
    UNDO_DROP,       /* a tree was dropped; its root is in prev_stamp; nothing to undo */
    UNDO_OTHER       /* another resource manager's: manager in prev_flags, type in `tree` */
};

/* Set in the kind of a change or lock that goes together with weak shared locks, as have all before it
 * of the same transaction. */
enum { UNDO_WEAK = 0x80 };

/* A record. Aligned to 16 bytes; the index in a stamp counts these from the extent's start. */
struct undo {
    uint64_t stamp;      /* of the version that this is the undo of */
    uint64_t prev_stamp; /* of the version before */
    uint64_t undo_next;  /* the transaction's log record before the one this undoes */
    struct undo *before; /* the transaction's undo record before this one */
    uint32_t tree;
    uint32_t size; /* of the record */
    uint32_t value_len;
    uint16_t key_len;
    uint8_t marked_kind; /* undo_kind(), and UNDO_WEAK */
    uint8_t prev_flags;
    uint8_t bytes[]; /* key, then the version's payload */
};

enum { UNDO_UNIT = 16 };

static inline uint8_t undo_kind(const struct undo *undo)
{
    return (uint8_t)(undo->marked_kind & ~UNDO_WEAK);
}

/* The undo records of one number, one behind the other. */
struct extent {
    fly_atomic_u32 used; /* bytes, this header included */
    uint32_t unused;
    uint64_t id;
    struct extent *before; /* of the same transaction */
    uint64_t unused2;
};

_Static_assert(sizeof(struct extent) % UNDO_UNIT == 0, "a record begins behind it");

/* Memory for extents, a list from the oldest to the newest. */
struct undo_chunk {
    struct undo_chunk *next;
    size_t size;
    uint8_t bytes[];
};

/* A transaction that has ended and whose old versions somebody may still want. */
struct finished {
    uint64_t timestamp; /* from when on nobody new wants them */
    uint64_t first_lsn; /* of its log records */
    struct undo *undo;  /* its newest record, if the purge has work with them */
    uint64_t low;       /* if it dropped trees: writers below this must have ended; 0: unknown */
    bool has_drops;
    struct undo_chunk *chunk; /* where its undo ends: older chunks are nobody's after it */
    bool whole_chunk;         /* nor is that one */
    size_t bytes;             /* of its undo */
};

/* ---------------------------------------------------------------------- a transaction */

enum { HINTS = 4, SAVED_NAME_MAX = 200 };

struct read_set;

/*
 * A context: what a transaction works with. Contexts are made when needed, used again, and freed
 * when the store is closed, so that others may always look at the first part.
 */
struct fly_txn {
    /* Looked at by others. */
    fly_atomic_u64 snapshot;     /* timestamp in use, NO_SNAPSHOT or ENTERING */
    fly_atomic_u64 low;          /* of that snapshot */
    fly_atomic_u64 given_up;     /* the snapshot that was taken away; TIMESTAMP_NEVER: none */
    fly_atomic_u64 behind;       /* the snapshot that was last seen to be behind the clock */
    fly_atomic_u64 behind_since; /* fly_now() when that was first seen */
    fly_atomic_u64 id;           /* first number while it writes; 0; ENTERING */
    fly_atomic_u64 began;        /* fly_now() when it began; 0 when it is free */
    fly_atomic_u64 first_lsn;    /* of its log records; 0 */
    fly_atomic_u64 owed_lsn;     /* of the oldest ended transaction with work for the purge; 0 */
    fly_atomic_u64 waiting_for;  /* number it waits for; 0 */
    fly_atomic_u32 finishes;     /* counts its ends: those who wait for it park here */
    fly_atomic_u32 waiters;      /* how many do */
    fly_atomic_u32 looking_back; /* it looks at states or old versions just now */
    fly_atomic_u32 victim;       /* it was chosen to give way in a deadlock */
    fly_atomic_u32 softly;       /* it waits for a claim only, which it may pass over */
    uint8_t gap[FLY_CACHE_LINE];

    fly_store *store;
    struct fly_txn *next_free;
    uint32_t number; /* of the context */
    fly_isolation isolation;
    bool read_only;
    bool failed;       /* only rollback is left */
    bool in_statement; /* fly_txn_statement() was called: snapshots last until the next call */
    uint32_t cursors;  /* open: snapshots last while there are any */
    uint64_t lock_ns;  /* how long to wait for others; 0: as long as it takes */
    const fly_txn_waiting *waiting; /* asked and told meanwhile; NULL: nobody */
    struct snapshot view;           /* what it sees */
    uint64_t held;        /* the timestamp that `snapshot` was given: what is kept for it */
    bool fresh;           /* fly_txn_fresh_begin(): it sees more than that */
    uint64_t fresh_views; /* `views` then */
    uint64_t views;       /* that the context has had */

    uint64_t last_id;               /* number in use now: the first, or a later part */
    struct extent *extent;          /* of last_id */
    struct extent *extents;         /* the newest of all */
    struct undo *undo;              /* newest record */
    uint64_t undo_count;            /* records made, for savepoints */
    bool has_work;                  /* some of them are work for the purge */
    bool has_drops;                 /* among it trees that were dropped */
    uint64_t last_lsn;              /* of its log records */
    struct undo_chunk *first_chunk; /* finished_mutex */
    struct undo_chunk *last_chunk;  /* finished_mutex */
    uint8_t *chunk_at;              /* free bytes of the last chunk begin here */
    size_t chunk_left;              /* how many they are */
    size_t chunk_size;              /* of the last chunk that the transaction added; 0: none yet */

    struct finished *finished; /* a queue, oldest first, wrapping */
    size_t finished_first;
    size_t finished_count;
    size_t finished_room;
    bool purging;             /* somebody works on the first of the queue */
    fly_mutex finished_mutex; /* guards the queue, `purging`, and the list of chunks */

    uint8_t *entry; /* room for a leaf's entry */
    fly_btree_hint hints[HINTS];
    uint32_t hint_tree[HINTS];

    struct share *shares; /* shared locks, newest first */
    uint64_t share_count;

    uint32_t since_purge; /* ends since it last purged */

    struct read_set *reads; /* of a serializable transaction; else NULL */
    struct read_set *spare_reads;
    uint64_t validated;             /* its place among the validated; 0. serial_mutex to write */
    bool validated_long;            /* it is prepared, and may keep its place. serial_mutex */
    struct fly_txn *next_validated; /* serial_mutex */

    bool undoing;       /* another manager's undo() runs, and has logged nothing yet */
    uint64_t undo_next; /* the record to undo after that one */

    uint8_t name[SAVED_NAME_MAX]; /* of a prepared transaction */
    size_t name_len;
    bool prepared;
    bool left;                     /* to recovery: it could be neither committed nor undone */
    struct fly_txn *next_prepared; /* prepared_mutex */
};

/* ------------------------------------------------------------------------------ store */

/* A tree that has been opened. */
struct fly_tree {
    fly_store *store;
    fly_btree *btree;
    uint32_t id;
    uint32_t root;
    fly_atomic_u32 dropped;    /* nobody may change it any more, nor read what is committed */
    fly_atomic_u64 dropped_at; /* snapshots before this may still read it; 0: not known yet */
    fly_atomic_u32 destroyed;  /* its pages are going, or gone */
    struct fly_tree *next;     /* of the store's table */
};

enum {
    CATALOG_ID = 1,
    FIRST_TREE_ID = 16,
    TREE_TABLE = 256,
    CONTEXT_CHUNK = 64,
    CONTEXT_CHUNKS = 1024,
    SHARDS = 16
};

/* Free contexts, so that threads seldom meet. */
struct shard {
    fly_mutex mutex;
    struct fly_txn *free;
    uint8_t gap[FLY_CACHE_LINE];
};

struct shared_entry;

/* Shared locks, by what their entries hash to. */
struct shared_part {
    fly_mutex mutex;
    fly_atomic_u32 count; /* of entries; mutex to write */
    uint32_t room;        /* of buckets */
    struct shared_entry **buckets;
    uint8_t gap[FLY_CACHE_LINE];
};

enum { SHARED_PARTS = 64 };

struct fly_store {
    fly_env *env;
    char dir[FLY_PATH_MAX];
    fly_store_options options;
    fly_file *lock; /* held while the store is open */
    fly_pagefile *file;
    fly_bufpool *pool;
    fly_wal *wal;
    fly_btree_logger logger;
    bool read_only;
    uint32_t entry_room; /* bytes of a context's `entry` */
    uint32_t key_max;

    uint8_t gap1[FLY_CACHE_LINE];
    fly_atomic_u64 clock; /* timestamp of the newest commit */
    uint8_t gap2[FLY_CACHE_LINE];
    fly_atomic_u64 next_id;
    uint8_t gap3[FLY_CACHE_LINE];
    fly_atomic_u64 low;      /* writers below this have ended */
    fly_atomic_u64 horizon;  /* no snapshot is older than this */
    fly_atomic_u64 keep_low; /* no snapshot asks for the state of a writer below this */

    /* states of writers */
    fly_atomic_ptr *states; /* STATE_DIRECTORY chunks, by number */
    fly_mutex states_mutex;
    struct state_chunk *spare_states; /* states_mutex */
    uint32_t spare_count;             /* states_mutex */
    fly_atomic_u64 oldest_states;     /* chunks below are gone; states_mutex to write */
    fly_atomic_u64 id_ceiling;        /* numbers below may be given out */

    /* contexts */
    fly_atomic_ptr contexts[CONTEXT_CHUNKS]; /* arrays of CONTEXT_CHUNK pointers to contexts */
    fly_atomic_u32 context_count;
    fly_mutex contexts_mutex;
    struct shard shards[SHARDS];

    struct shared_part shared[SHARED_PARTS];

    /* undo */
    fly_account undo_memory;
    fly_atomic_u64 finished_bytes; /* of it: undo of transactions that have ended */
    fly_mutex purge_mutex;         /* held by whoever purges for others */

    /* structure changes in progress share this; a checkpoint takes it for a moment */
    fly_latch structure;

    /* serializable */
    fly_mutex serial_mutex;
    fly_cond serial_cond;    /* somebody validated has ended */
    uint64_t validated_last; /* place given to the newest; serial_mutex */
    struct fly_txn
        *validated; /* transactions that are validated and have not ended; serial_mutex */

    /* trees */
    fly_mutex trees_mutex;
    struct fly_tree *trees[TREE_TABLE];
    fly_atomic_u32 next_tree_id;
    struct fly_tree *catalog;

    /* prepared transactions that nobody has taken over */
    fly_mutex prepared_mutex;
    struct fly_txn *prepared;

    /* checkpoints */
    fly_mutex checkpoint_mutex;
    fly_atomic_u64 redo_from;       /* of the newest checkpoint; checkpoint_mutex to write */
    fly_atomic_u64 checkpoint_time; /* fly_now(); checkpoint_mutex to write */
    fly_atomic_u64 checkpoint_next; /* LSN at which the next one is due */

    /* background */
    fly_thread keeper;
    fly_thread checkpointer;
    bool has_keeper;
    bool has_checkpointer;
    fly_atomic_u32 keeper_alarm;
    fly_atomic_u32 checkpointer_alarm;
    fly_atomic_u32 stop;

    /* counters */
    fly_atomic_u64 begun;
    fly_atomic_u64 committed;
    fly_atomic_u64 rolled_back;
    fly_atomic_u64 conflicts;
    fly_atomic_u64 deadlocks;
    fly_atomic_u64 lock_waits;
    fly_atomic_u64 snapshots_given_up;
    fly_atomic_u64 purged;
    fly_atomic_u64 checkpoints;
    uint64_t recovered;
    uint64_t undone;
    uint64_t recovery_ns;

    struct recovery *recovery; /* what the last life left to purge, or NULL; purge_mutex */
    fly_atomic_u64 left_lsn;   /* of its log records; 0: nothing is left */
};

/* -------------------------------------------------------------------------------- log */

/* Resource managers of this library. */
enum { MANAGER_TREES = 1, MANAGER_TXNS = 2 };

/*
 * Records of other residents, from FLY_STORE_MANAGER_FIRST on: u64 transaction, u64 its record before, or,
 * with FLAG_COMPENSATION, to undo next, then what the manager logs.
 *
 * Records of MANAGER_TREES have libbtree's types and:
 *     system        its body
 *     otherwise     u64 transaction, u64 its record before, u32 length of the body, body, undo part
 *     compensation  u64 transaction, u64 its record to undo next, u32 length of the body, body
 * The undo part of PUT and REMOVE is the entry's former value, preceded by u8 1, or u8 0.
 */
enum { FLAG_SYSTEM = 1, FLAG_COMPENSATION = 2, TREE_RECORD_HEADER = 20 };

/* Records of MANAGER_TXNS. */
enum {
    TXN_COMMIT = 1,  /* u64 transaction, u64 microseconds since 1970 */
    TXN_END = 2,     /* u64 transaction: it has been rolled back */
    TXN_PREPARE = 3, /* u64 transaction, u64 its last record, name */
    TXN_CEILING = 4, /* u64: numbers below may have been given out */
    TXN_UNDONE = 5,  /* u64 transaction, u64 its record to undo next: nothing had to be changed */
    TXN_DROP = 6     /* u64 transaction, u64 its record before, u32 tree, u32 root */
};

/* What a change of a tree is about, as libbtree hands it back to the logger. */
struct op {
    fly_txn *txn;
    fly_tree *tree;
    uint8_t kind; /* enum undo_kind of a change, or COMPENSATES */
    bool logged;  /* false for locks */
    fly_bytes key;
    fly_bytes value; /* new payload */
    bool blob;       /* it is a reference */
    bool exclusive;  /* only if there is none */
    bool required;   /* only if there is one */
    bool seen;       /* only if the newest version is the one that our snapshot sees */
    bool weak;       /* goes together with weak locks of the other sort */
    bool patient;    /* waits for others */
    bool barge;      /* passes over claims */
    uint64_t stamp;  /* of the new version */
    uint8_t header[VALUE_HEADER];
    bool had;                /* there is an entry */
    struct version previous; /* it, in the leaf */
    bool marked;             /* the new version is to be marked as weak */
    uint64_t wait_for;       /* its writer, or somebody who has locked it, is not finished */
    bool soft;               /* that one has a claim only */
    bool claimed;            /* the entry bears a claim of ours */
    uint64_t undo_next;      /* of a compensation */
};

enum { COMPENSATES = 0, UNDO_NONE = 0 };

/* ---------------------------------------------------------------------------- state.c */

FLY_MUST_USE fly_status fly__txn_states_create(fly_store *store, uint64_t next_id, fly_err *err);
void fly__txn_states_destroy(fly_store *store);

/* Take the next number and enter its state. */
FLY_MUST_USE fly_status fly__txn_take_id(fly_txn *txn, struct extent *extent, fly_err *err);
/* Let everybody see that all of the transaction's numbers ended at `timestamp`. */
void fly__txn_end_ids(fly_txn *txn, uint64_t timestamp);
/* Enter the state of a number that recovery found, the first of its transaction; or another one.
 * Once it has been undone nothing is left of it but, perhaps, stamps of locks: it has ended. */
FLY_MUST_USE fly_status fly__txn_revive_id(fly_txn *txn, uint64_t id, fly_err *err);
FLY_MUST_USE fly_status fly__txn_revive_part(fly_txn *txn, uint64_t id, struct extent *extent,
                                             fly_err *err);
void fly__txn_bury_id(fly_store *store, uint64_t id);
struct state *fly__txn_state(fly_store *store, uint64_t id);
/* Whether a number has been given out and its state entered. */
bool fly__txn_state_known(fly_store *store, uint64_t id);
/* The first number from `id` on, and before `end`, that may have a state. */
uint64_t fly__txn_next_state(fly_store *store, uint64_t id, uint64_t end);
/* As fly__txn_ended(), for who is looking back already; TIMESTAMP_NEVER: rolled back. */
uint64_t fly__txn_state_settled(fly_store *store, uint64_t id, uint32_t *context);

/* Whether the version with this number is one that the snapshot sees. */
bool fly__txn_sees(const fly_txn *txn, uint64_t id);
/* Whether the number is one of the transaction's own. */
bool fly__txn_is_own(const fly_txn *txn, uint64_t id);

/* How a number's transaction has ended: its timestamp (1 if that was long ago), or 0 if it has not;
 * then whose it is. For a transaction with a snapshot; one whose snapshot was given up is told 1. */
uint64_t fly__txn_ended(fly_txn *viewer, uint64_t id, uint32_t *context);

/* Have a snapshot for what comes now, as the isolation level says; and let go of it after. */
void fly__txn_enter(fly_txn *txn);
void fly__txn_leave(fly_txn *txn);
/* Let go of it for good. */
void fly__txn_forget_snapshot(fly_txn *txn);
/* Around looking at states and old versions: false if the snapshot was given up, and with it the
 * right to look. Pairs with give_up_oldest(). */
static inline bool begin_looking_back(fly_txn *txn)
{
    fly_store_seq_u32(&txn->looking_back, 1);
    if (FLY_UNLIKELY(fly_load_seq_u64(&txn->given_up) == txn->held)) {
        fly_store_u32(&txn->looking_back, 0);
        return false;
    }
    return true;
}
static inline void end_looking_back(fly_txn *txn)
{
    fly_store_u32(&txn->looking_back, 0);
}

/* Whether the snapshot was taken away: what has been read with it since cannot be believed. */
static inline bool is_given_up(const fly_txn *txn)
{
    return fly_load_u64(&txn->given_up) == txn->held;
}

/* Find out how old the oldest snapshot is. */
void fly__txn_refresh_horizon(fly_store *store);
/* Call `each` with every context. */
void fly__txn_each_context(fly_store *store, void (*each)(void *ctx, fly_txn *txn), void *ctx);
fly_txn *fly__txn_context(fly_store *store, uint32_t number);
/* Take the snapshots away that have kept old versions for too long, or, if old versions take too much
 * memory, the oldest. */
void fly__txn_give_up_snapshots(fly_store *store);

/* ----------------------------------------------------------------------------- undo.c */

/* Have room for a record with so many bytes, and a number to stamp with. */
FLY_MUST_USE fly_status fly__txn_undo_reserve(fly_txn *txn, size_t bytes, fly_err *err);
/* The stamp that the record made next will have. */
uint64_t fly__txn_undo_stamp(const fly_txn *txn);
/* Make the record that was reserved; its payload comes in pieces. */
struct undo *fly__txn_undo_add(fly_txn *txn, uint8_t kind, uint32_t tree, fly_bytes key,
                               const fly_bytes *pieces, int count);
/* Make a record again at the place that its stamp names (0: anywhere), shaped like another. */
FLY_MUST_USE fly_status fly__txn_undo_rebuild(fly_txn *txn, uint64_t stamp,
                                              const struct undo *shape, fly_bytes key,
                                              fly_bytes payload, fly_err *err);
/* The record that a stamp names. */
const struct undo *fly__txn_undo_find(fly_store *store, uint64_t stamp);
static inline fly_bytes undo_key(const struct undo *undo)
{
    return fly_bytes_of(undo->bytes, undo->key_len);
}
static inline fly_bytes undo_payload(const struct undo *undo)
{
    return fly_bytes_of(undo->bytes + undo->key_len, undo->value_len);
}
/* Have room in the queue of ended transactions for this one. */
FLY_MUST_USE fly_status fly__txn_queue_reserve(fly_txn *txn, fly_err *err);
/* The transaction has ended: keep its records until `timestamp` is older than every snapshot. */
void fly__txn_undo_retire(fly_txn *txn, uint64_t timestamp);
/* The first of the queue that has work, if it is old enough; those without work before it go. It
 * then belongs to the caller until fly__txn_queue_done(). */
bool fly__txn_queue_first(fly_txn *txn, struct finished *first);
/* `left`: its newest record that must be purged yet, if it is not done. */
void fly__txn_queue_done(fly_txn *txn, bool done, struct undo *left);
/* Undo records down to a given one. */
FLY_MUST_USE fly_status fly__txn_undo_to(fly_txn *txn, const struct undo *stop, fly_err *err);
void fly__txn_undo_release(fly_txn *txn);

/* ---------------------------------------------------------------------------- write.c */

void fly__txn_logger(fly_store *store);
/* Undo the making of the version with this stamp, with a compensation record. */
FLY_MUST_USE fly_status fly__txn_restore(fly_txn *txn, uint8_t kind, uint64_t stamp,
                                         uint32_t tree_id, fly_bytes key,
                                         const struct version *previous, uint64_t undo_next,
                                         fly_err *err);
/* Lock exclusively, waiting for others, what the transaction has locked in a shared way: then it can be
 * logged. */
FLY_MUST_USE fly_status fly__txn_harden_locks(fly_txn *txn, fly_err *err);
/* Log the locks that the transaction holds, so that they survive. */
FLY_MUST_USE fly_status fly__txn_log_locks(fly_txn *txn, fly_err *err);
/* Let another resource manager undo its record. */
FLY_MUST_USE fly_status fly__txn_undo_other(fly_txn *txn, uint8_t manager, uint8_t type,
                                            fly_bytes payload, uint64_t undo_next, fly_err *err);
/* Undo the making of a page, or of a tree. */
FLY_MUST_USE fly_status fly__txn_restore_page(fly_txn *txn, uint8_t kind, uint32_t tree_id,
                                              uint32_t page, uint64_t undo_next, fly_err *err);
/* Append a record of MANAGER_TXNS. */
FLY_MUST_USE fly_status fly__txn_log_note(fly_store *store, uint8_t type, const uint64_t *numbers,
                                          int count, fly_bytes tail, uint64_t *lsn, uint64_t *end,
                                          fly_err *err);
/* Say, before a transaction's record is appended, that a checkpoint has to keep it; and after. */
void fly__txn_announce_lsn(fly_txn *txn);
void fly__txn_note_lsn(fly_txn *txn, uint64_t lsn);

/* ----------------------------------------------------------------------------- read.c */

/* The version of an entry that the transaction sees, beginning with what the leaf holds.
 * `payload` of an old version is copied to `room` (store->entry_room bytes). FLY_E_NOT_FOUND. */
FLY_MUST_USE fly_status fly__txn_resolve(fly_txn *txn, struct version newest, uint8_t *room,
                                         struct version *seen, fly_err *err);
/* What the bytes of an entry say; false if they are too few. */
static inline bool parse_value(fly_bytes value, struct version *version)
{
    if (FLY_UNLIKELY(value.len < VALUE_HEADER)) {
        return false;
    }
    version->stamp = fly_get_u64(value.data);
    version->flags = value.data[8];
    version->payload = fly_bytes_of(value.data + VALUE_HEADER, value.len - VALUE_HEADER);
    return true;
}
FLY_MUST_USE fly_status fly__txn_damaged_entry(const fly_tree *tree, fly_err *err);
FLY_MUST_USE fly_status fly__txn_too_old(fly_txn *txn, fly_err *err);
fly_btree_hint *fly__txn_hint(fly_txn *txn, const fly_tree *tree);
/* Whether the transaction may go on. */
FLY_MUST_USE fly_status fly__txn_usable(const fly_txn *txn, fly_err *err);
/* Whether it may use a tree: to be asked with a snapshot, for that is what keeps the tree's pages. */
FLY_MUST_USE fly_status fly__txn_tree_usable(const fly_txn *txn, const fly_tree *tree, bool change,
                                             fly_err *err);

/* ------------------------------------------------------------------------------ txn.c */

FLY_MUST_USE fly_status fly__txn_context_take(fly_store *store, fly_txn **txn, fly_err *err);
void fly__txn_contexts_destroy(fly_store *store);
void fly__txn_context_give(fly_txn *txn);

/* Keep a transaction that recovery has found prepared. */
void fly__txn_list_prepared(fly_txn *txn);

/* ----------------------------------------------------------------------------- wait.c */

/* Wait until the transaction with this number has ended, or has let go of something: look again then.
 * `soft`: its claim only is waited for, and FLY_E_DEADLOCK says, without more, to pass it over.
 * FLY_E_DEADLOCK, FLY_E_TIMEOUT, FLY_E_CANCELLED. */
FLY_MUST_USE fly_status fly__txn_wait(fly_txn *txn, uint64_t id, bool soft, uint64_t deadline,
                                      fly_err *err);
void fly__txn_wake_waiters(fly_txn *txn);

/* ---------------------------------------------------------------------------- share.c */

void fly__txn_shared_init(fly_store *store);
void fly__txn_shared_deinit(fly_store *store);
/* Under the latch of the entry's leaf: give the shared lock that `op` wants. FLY_E_AGAIN: wait first. */
FLY_MUST_USE fly_status fly__txn_share(struct op *op, fly_err *err);
/* Under that latch: whether nobody's shared lock forbids what `op` does. FLY_E_AGAIN: wait first. */
FLY_MUST_USE fly_status fly__txn_exclude(struct op *op, fly_err *err);
/* Take back the claim of an `op` that does not wait any more. */
void fly__txn_unclaim(struct op *op);
/* Give back the newest shared locks until so many are left. */
void fly__txn_unshare(fly_txn *txn, uint64_t down_to);
/* Call `each` with every entry that the transaction has locked so. */
FLY_MUST_USE fly_status fly__txn_each_share(fly_txn *txn,
                                            fly_status (*each)(fly_txn *txn, uint32_t tree,
                                                               fly_bytes key, fly_err *err),
                                            fly_err *err);

/* --------------------------------------------------------------------------- serial.c */

/* Begin to note what is read; and let go of the notes. */
FLY_MUST_USE fly_status fly__txn_reads_begin(fly_txn *txn, fly_err *err);
void fly__txn_reads_end(fly_txn *txn);
void fly__txn_reads_release(fly_txn *txn);
FLY_MUST_USE fly_status fly__txn_note_read(fly_txn *txn, const fly_tree *tree, fly_bytes key,
                                           fly_err *err);
/* A range is read, beginning at a key, or at the end of the tree if `at_end`. */
FLY_MUST_USE fly_status fly__txn_begin_range(fly_txn *txn, const fly_tree *tree, fly_bytes from,
                                             bool at_end, uint32_t *range, fly_err *err);
/* It has been read as far as a key, or, if `end`, as far as the tree goes. */
FLY_MUST_USE fly_status fly__txn_extend_range(fly_txn *txn, uint32_t range, fly_bytes key,
                                              bool upwards, bool end, fly_err *err);
/* Give a prepared transaction of an earlier life its place among the validated again. */
void fly__txn_validated_revive(fly_txn *txn);
/* Whether all that was read is as it was, so far. */
FLY_MUST_USE fly_status fly__txn_check_reads(fly_txn *txn, fly_err *err);
/* Whether all that was read is as it was; the transaction then has a place among the validated. */
FLY_MUST_USE fly_status fly__txn_validate(fly_txn *txn, fly_err *err);
/* Wait for those validated before, so that commits become visible in the order of validation. */
void fly__txn_validated_wait(fly_txn *txn);
/* Give the place up, if there is one. */
void fly__txn_validated_end(fly_txn *txn);

/* ---------------------------------------------------------------------------- purge.c */

/* Remove what the context's ended transactions have left and nobody can see. */
void fly__txn_purge(fly_txn *context);
void fly__txn_keeper(void *arg);
void fly__txn_call_keeper(fly_store *store);
/* Purge all contexts. */
void fly__txn_purge_all(fly_store *store);
/* Remove one ghost, if it is still the version with this stamp. */
FLY_MUST_USE fly_status fly__txn_purge_ghost(fly_tree *tree, fly_bytes key, uint64_t stamp,
                                             bool *removed, fly_err *err);

/* -------------------------------------------------------------------------- catalog.c */

FLY_MUST_USE fly_status fly__txn_catalog_open(fly_store *store, uint32_t root, fly_err *err);
FLY_MUST_USE fly_status fly__txn_catalog_create(fly_store *store, uint32_t *root, fly_err *err);
/* The handle of a tree, made if need be. */
FLY_MUST_USE fly_status fly__txn_tree_get(fly_store *store, uint32_t id, uint32_t root,
                                          fly_tree **tree, fly_err *err);
/* The handle of a tree that some record names: FLY_E_NOT_FOUND if it has none yet. */
fly_tree *fly__txn_tree_find(fly_store *store, uint32_t id);
/* Make handles of all trees in the catalog, whoever sees them: for recovery and verification. */
FLY_MUST_USE fly_status fly__txn_trees_load(fly_store *store, fly_err *err);
void fly__txn_trees_close(fly_store *store);
/* Give all pages of a dropped tree back. */
FLY_MUST_USE fly_status fly__txn_tree_destroy(fly_store *store, uint32_t id, uint32_t root,
                                              fly_err *err);
/* Give the pages of a long value back that was replaced; its tree may be gone. */
FLY_MUST_USE fly_status fly__txn_free_blob(fly_store *store, uint32_t id, const uint8_t *ref,
                                           fly_err *err);

/* ---------------------------------------------------------------------------- store.c */

/* What the page file's header keeps for us. */
struct meta {
    uint32_t version;
    uint32_t catalog_root;
    uint32_t next_tree_id;
    uint64_t redo_from; /* changes of pages before this are on disk */
    uint64_t scan_from; /* nothing before this is needed */
    uint64_t id_ceiling;
    uint64_t clock;
};

void fly__txn_meta_encode(const struct meta *meta, uint8_t *bytes, size_t *len);
FLY_MUST_USE fly_status fly__txn_meta_decode(const uint8_t *bytes, struct meta *meta,
                                             const char *path, fly_err *err);
/* Whether the page file `path` is there. */
FLY_MUST_USE fly_status fly__txn_store_exists(fly_env *env, const char *path, bool *exists,
                                              fly_err *err);
FLY_MUST_USE fly_status fly__txn_checkpoint(fly_store *store, fly_err *err);
void fly__txn_checkpointer(void *arg);

/* -------------------------------------------------------------------------- recover.c */

struct recovery;
/* Purge what the last life left; when all is done, `store->recovery` is NULL. */
void fly__txn_purge_recovered(fly_store *store);
FLY_MUST_USE fly_status fly__txn_recovery_create(fly_store *store, const struct meta *meta,
                                                 struct recovery **recovery, fly_err *err);
fly_status fly__txn_replay(void *ctx, const fly_wal_record *record, fly_err *err);
/* What the log has told of numbers. */
struct recovered {
    uint64_t ceiling;
    uint64_t clock;
    uint32_t next_tree_id;
    uint64_t records;
};
FLY_MUST_USE fly_status fly__txn_recovery_end(struct recovery *recovery,
                                              struct recovered *recovered, fly_err *err);
/* Undo what had not been committed, and revive what was prepared: when the log can be appended to. */
FLY_MUST_USE fly_status fly__txn_recover(struct recovery *recovery, fly_err *err);
void fly__txn_recovery_destroy(struct recovery *recovery);

#endif
