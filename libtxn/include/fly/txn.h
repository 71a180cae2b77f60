/**
 * @file txn.h
 * @brief Transactions over trees: a store that survives any crash.
 *
 * A store is a directory. In it are numbered trees with names; in them, byte strings under byte
 * strings, in memcmp order. Everything that is read or changed is read or changed by a transaction.
 *
 *     fly_store_open(&env, "data", &(fly_store_options){.create = true}, &store, &err);
 *     fly_txn_begin(store, NULL, &txn, &err);
 *     fly_txn_tree_open(txn, "fruit", FLY_TREE_CREATE, &tree, &err);
 *     fly_txn_put(txn, tree, fly_bytes_str("apple"), fly_bytes_str("red"), &err);
 *     fly_txn_commit(txn, &err);
 *     fly_store_close(store, &err);
 *
 * Leaves hold the newest version of every entry; older ones lie in memory, where the writer's undo
 * is, for as long as somebody may want to see them. Readers never wait and nobody waits for them.
 * Writers of the same entry wait for each other, and for those who have locked it.
 *
 * Threads: a store is thread-safe; a transaction and what is opened in it belong to one thread at a
 * time. A process that forks must not use a store it inherits.
 * Formats: docs/formats/store.md, pagefile.md, btree.md, wal.md.
 */
#ifndef FLY_TXN_H
#define FLY_TXN_H

#include <fly/btree.h>
#include <fly/wal.h>

/** @defgroup txn libtxn: transactions over trees */
/** @addtogroup txn
 *  @{ */

#define FLY_TXN_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_store fly_store;
typedef struct fly_txn fly_txn;
typedef struct fly_tree fly_tree;

/* --------------------------------------------------------------------------- stores */

/** What a transaction sees of others. */
typedef enum fly_isolation {
    FLY_ISOLATION_DEFAULT = 0,    /**< the store's; of a store: read committed */
    FLY_ISOLATION_READ_COMMITTED, /**< each statement sees what was committed when it began */
    FLY_ISOLATION_SNAPSHOT,       /**< all of it sees what was committed when it began */
    FLY_ISOLATION_SERIALIZABLE    /**< as if transactions had run one after the other */
} fly_isolation;

/** Another resident of the log: key-value data, columns. */
typedef struct fly_resource_manager {
    uint8_t id;       /**< FLY_STORE_MANAGER_FIRST and up; never changes its meaning */
    const char *name; /**< for messages */
    void *ctx;
    /** Redo a record: called in log order, for every record since the checkpoint and perhaps for some
     *  before it. Must do nothing if it was done already. */
    fly_status (*redo)(void *ctx, const fly_wal_record *record, fly_bytes payload, fly_err *err);
    /** Undo a record of a transaction that rolls back, newest first; called in recovery too. What it
     *  does is redone after a crash if it logs that, once, with fly_txn_log_undone(). */
    fly_status (*undo)(void *ctx, fly_txn *txn, uint8_t type, fly_bytes payload, fly_err *err);
    /** Make everything before the log's end durable elsewhere; `*needed`: the oldest record that a
     *  recovery would still need; unchanged if it needs none. */
    fly_status (*checkpoint)(void *ctx, uint64_t *needed, fly_err *err);
} fly_resource_manager;

enum { FLY_STORE_MANAGER_FIRST = 16 };

/** Knobs. Zero means the default. */
typedef struct fly_store_options {
    bool create;         /**< make the store if there is none */
    bool read_only;      /**< look, change nothing; refused if it was not closed cleanly */
    uint32_t page_size;  /**< of a new store; default 8,192 */
    uint64_t pool_bytes; /**< memory for pages; default fly_bufpool_auto_bytes() */
    /** Pages that the store may grow to; default that of the pool, which takes address space for them:
     *  little with frames, all of it with the virtual backend. */
    uint32_t pages_max;
    fly_bufpool_backend backend;
    const fly_bufpool_policy *policy;
    fly_isolation isolation;   /**< default read committed */
    fly_durability durability; /**< default full */
    uint32_t async_ms;         /**< how soon an async commit is durable; default 10 ms */
    uint32_t wal_segment_size; /**< default 64 MiB; at least 8 pages */
    uint32_t wal_ring_size;    /**< default 16 MiB; at least 16 pages */
    uint32_t wal_in_flight;    /**< log writes at a time; default: as many as pay */
    bool buffered;             /**< through the system's cache; default past it */
    uint64_t checkpoint_bytes; /**< log between checkpoints, at most; default 256 MiB */
    uint32_t checkpoint_secs;  /**< and time, if anything changed; default 60; UINT32_MAX: never */
    uint32_t lock_timeout_ms;  /**< default 0: wait as long as it takes */
    uint64_t undo_bytes_max;   /**< memory for old versions; default an eighth of the pool, at least
                                    64 MiB. Beyond it the oldest snapshots are given up */
    uint32_t snapshot_age_ms;  /**< snapshots older than this may be given up; default: never */
    uint32_t txns_max;         /**< transactions at a time; default 65,536 */
    bool manual;               /**< start no background threads: fly_store_maintain() does it all */
    const fly_page_codec *page_codec;         /**< encrypts pages; keeps */
    const fly_wal_codec *wal_codec;           /**< encrypts the log; keeps */
    const fly_wal_compressor *wal_compressor; /**< compresses long records; keeps */
    fly_status (*archive)(void *ctx, const char *path, uint64_t segment, fly_err *err);
    void *archive_ctx;
    const fly_resource_manager *managers; /**< keeps */
    uint32_t manager_count;
    uint64_t stop_at_lsn; /**< recover no further than this record; 0: to the end */
    uint64_t
        stop_at_time; /**< nor beyond commits later than this: microseconds since 1970; 0: no */
} fly_store_options;

/**
 * @brief Open a store, recovering it if it was not closed.
 *
 * @param[out] store  Gives; fly_store_close().
 * @return FLY_E_NOT_FOUND, FLY_E_FORMAT, FLY_E_KEY, FLY_E_LOCKED, FLY_E_CORRUPT, FLY_E_INVALID,
 *         FLY_E_PERMISSION, FLY_E_NO_SPACE, FLY_E_NO_MEMORY, FLY_E_IO. The store is as it was.
 */
FLY_MUST_USE fly_status fly_store_open(fly_env *env, const char *dir,
                                       const fly_store_options *options, fly_store **store,
                                       fly_err *err);

/**
 * @brief Checkpoint and close. No transaction may be open. The handle is gone whatever the outcome.
 *
 * After a failure nothing is lost: the next open recovers.
 */
FLY_MUST_USE fly_status fly_store_close(fly_store *store, fly_err *err);

/** Close as a crash would: nothing is written. For tests. Transactions may be open. */
void fly_store_abandon(fly_store *store);

/** Write what is dirty, so that recovery has little to do, and let old log segments go. */
FLY_MUST_USE fly_status fly_store_checkpoint(fly_store *store, fly_err *err);

/** Do what background threads do: purge, and checkpoint if one is due. */
FLY_MUST_USE fly_status fly_store_maintain(fly_store *store, fly_err *err);

/** The log below, for those who follow it. */
fly_wal *fly_store_wal(fly_store *store);

/** The pool below, for those who watch it. */
fly_bufpool *fly_store_pool(fly_store *store);

/* ---------------------------------------------------------------------- transactions */

/** Whom a transaction asks and tells while it waits for another one. Called by the thread that waits;
 *  must not use the transaction. */
typedef struct fly_txn_waiting {
    /** Asked every few milliseconds: true ends the wait with FLY_E_CANCELLED. NULL: nobody is asked. */
    bool (*interrupted)(void *ctx);
    /** Told for whom it waits, see fly_txn_number(); 0: no longer. NULL: nobody is told. */
    void (*waits)(void *ctx, uint32_t number);
    void *ctx;
} fly_txn_waiting;

/** How to begin. Zero means the store's default. */
typedef struct fly_txn_options {
    fly_isolation isolation;
    bool read_only; /**< may change nothing; never waits */
    uint32_t lock_timeout_ms;
    const fly_txn_waiting *waiting; /**< keeps; NULL: nobody */
} fly_txn_options;

/**
 * @brief Begin a transaction.
 *
 * @param options  May be NULL.
 * @param[out] txn Gives; fly_txn_commit() or fly_txn_rollback().
 * @return FLY_E_FULL with a message: as many transactions are open as there may be.
 */
FLY_MUST_USE fly_status fly_txn_begin(fly_store *store, const fly_txn_options *options,
                                      fly_txn **txn, fly_err *err);

/**
 * @brief Commit, as durably as the store's default says.
 *
 * @return FLY_E_CONFLICT: not serializable; the transaction has been rolled back. FLY_E_ABORTED: it
 *         had failed before, and has been rolled back. FLY_E_STOPPED: whether it is committed will
 *         show when the store is opened again. The handle is gone whatever the outcome.
 */
FLY_MUST_USE fly_status fly_txn_commit(fly_txn *txn, fly_err *err);

/** As fly_txn_commit(), as durably as `durability` says. */
FLY_MUST_USE fly_status fly_txn_commit_as(fly_txn *txn, fly_durability durability, fly_err *err);

/** Undo everything. The handle is gone. NULL is fine. */
void fly_txn_rollback(fly_txn *txn);

/**
 * @brief Under read committed: from here on see what is committed now. Under other levels: nothing.
 *
 * Without this call every read sees what is committed when it begins; with it, all reads up to the
 * next call see the same.
 */
void fly_txn_statement(fly_txn *txn);

/** How long to wait for others from now on; 0: as the store says. */
void fly_txn_set_lock_timeout(fly_txn *txn, uint32_t milliseconds);

/**
 * @brief Whether a serializable transaction could still commit, changes provided: for who would rather know
 *        now.
 *
 * @return FLY_E_CONFLICT: it has failed. Others are always told FLY_OK.
 */
FLY_MUST_USE fly_status fly_txn_check(fly_txn *txn, fly_err *err);

/** A number that changes whenever the transaction takes another snapshot. */
uint64_t fly_txn_views(const fly_txn *txn);

/** The level it runs at. */
fly_isolation fly_txn_isolation(const fly_txn *txn);

/** A number from 1 on that no other open transaction of the store has; later ones may have it again. */
uint32_t fly_txn_number(const fly_txn *txn);

/** The store it belongs to. */
fly_store *fly_txn_store(const fly_txn *txn);

/** A point to come back to. Savepoints nest. Plain data: copy it freely. */
typedef struct fly_savepoint {
    uint64_t undo;   /**< the library's */
    uint64_t count;  /**< the library's */
    uint64_t lsn;    /**< the library's */
    uint64_t shares; /**< the library's */
} fly_savepoint;

/** Remember where the transaction is. */
fly_savepoint fly_txn_savepoint(const fly_txn *txn);

/** Undo what was done since. Savepoints set since are gone; this one may be used again. Also brings a
 *  transaction back that failed since. */
FLY_MUST_USE fly_status fly_txn_rollback_to(fly_txn *txn, fly_savepoint savepoint, fly_err *err);

/**
 * @brief Vote yes in a two-phase commit: what the transaction did survives any crash and waits, with
 *        its entries locked, for somebody to take it over and commit it or roll it back.
 *
 * What it has locked in a shared way is locked exclusively then, which may wait for others.
 *
 * @param name  How to find it again, 1 to 200 bytes; no other prepared transaction may bear it.
 * @return FLY_OK: the handle is gone. Else the transaction goes on as it was; after FLY_E_CONFLICT and
 *         FLY_E_DEADLOCK it has failed.
 */
FLY_MUST_USE fly_status fly_txn_prepare(fly_txn *txn, fly_bytes name, fly_err *err);

/** Take over a prepared transaction, to commit it or roll it back: FLY_E_NOT_FOUND if there is none of
 *  that name that nobody has. */
FLY_MUST_USE fly_status fly_store_prepared(fly_store *store, fly_bytes name, fly_txn **txn,
                                           fly_err *err);

/** Call `each` with the name of every prepared transaction. */
void fly_store_list_prepared(fly_store *store, void (*each)(void *ctx, fly_bytes name), void *ctx);

/* ------------------------------------------------------------------------------ trees */

/** How a tree is opened. */
enum {
    FLY_TREE_CREATE = 1,   /**< make it if it is not there */
    FLY_TREE_EXCLUSIVE = 2 /**< with CREATE: fail if it is there */
};

enum { FLY_TREE_NAME_MAX = 255 };

/**
 * @brief Find a tree by its name, as this transaction sees it.
 *
 * @param[out] tree  Valid until the store is closed. In other transactions too, once this one has
 *                   committed.
 * @return FLY_E_NOT_FOUND, FLY_E_EXISTS, FLY_E_TOO_LARGE (the name).
 */
FLY_MUST_USE fly_status fly_txn_tree_open(fly_txn *txn, const char *name, unsigned flags,
                                          fly_tree **tree, fly_err *err);

/** Drop a tree, as part of the transaction. Its pages are given back when nobody can see it. */
FLY_MUST_USE fly_status fly_txn_tree_drop(fly_txn *txn, const char *name, fly_err *err);

/** Call `each` for every tree that the transaction sees, in order of name. */
FLY_MUST_USE fly_status fly_txn_tree_list(fly_txn *txn, void (*each)(void *ctx, const char *name),
                                          void *ctx, fly_err *err);

/** The number of a tree: stands in its log records. */
uint32_t fly_tree_id(const fly_tree *tree);

/** The root page of a tree: with it, the number and fly_store_pool(), libbtree can open it to look. */
uint32_t fly_tree_root(const fly_tree *tree);

/** The longest key a tree of this store takes. */
size_t fly_store_key_max(const fly_store *store);

/* ---------------------------------------------------------------------------- entries */

/**
 * @brief Copy the value of `key`.
 *
 * @param room  Bytes at `buffer`.
 * @param[out] len  The value's length, also when it does not fit.
 * @return FLY_E_NOT_FOUND; FLY_E_FULL: nothing was copied; FLY_E_TOO_OLD: the snapshot was given up.
 */
FLY_MUST_USE fly_status fly_txn_get(fly_txn *txn, fly_tree *tree, fly_bytes key, void *buffer,
                                    size_t room, uint64_t *len, fly_err *err);

/**
 * @brief Set the value of `key`.
 *
 * Like every change: waits for a transaction that has changed or locked the entry and is not finished.
 *
 * @return FLY_E_TOO_LARGE, FLY_E_READ_ONLY: nothing happened. FLY_E_CONFLICT, FLY_E_DEADLOCK: the
 *         transaction has failed and must be rolled back. FLY_E_TIMEOUT, FLY_E_CANCELLED,
 *         FLY_E_NO_SPACE, FLY_E_NO_MEMORY: nothing happened; try again or roll back.
 */
FLY_MUST_USE fly_status fly_txn_put(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_bytes value,
                                    fly_err *err);

/** Set the value of a key that has none: FLY_E_EXISTS, without a message. */
FLY_MUST_USE fly_status fly_txn_insert(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_bytes value,
                                       fly_err *err);

/** Delete `key`: FLY_E_NOT_FOUND, without a message. */
FLY_MUST_USE fly_status fly_txn_delete(fly_txn *txn, fly_tree *tree, fly_bytes key, fly_err *err);

/**
 * @brief Set the value of a key, if its newest version is the one that the transaction's snapshot sees.
 *
 * For who has read the entry under that snapshot, and does without locking it first. Under read
 * committed that is the snapshot of fly_txn_statement(); fly_txn_views() tells whether it is still the
 * same.
 *
 * @return FLY_E_AGAIN, without a message and without waiting: somebody else has changed or locked it
 *         since, or the transaction itself has. FLY_E_NOT_FOUND. Nothing happened then. Else as
 *         fly_txn_put().
 */
FLY_MUST_USE fly_status fly_txn_put_seen(fly_txn *txn, fly_tree *tree, fly_bytes key,
                                         fly_bytes value, fly_err *err);

/** Delete a key likewise. */
FLY_MUST_USE fly_status fly_txn_delete_seen(fly_txn *txn, fly_tree *tree, fly_bytes key,
                                            fly_err *err);

/**
 * @brief Set the value of a key, without changing what others refer to: goes together with their
 *        FLY_LOCK_SHARED_WEAK. What the caller must not change so is the caller's to say.
 *
 * @param seen  As fly_txn_put_seen(); else as fly_txn_put().
 */
FLY_MUST_USE fly_status fly_txn_put_weak(fly_txn *txn, fly_tree *tree, fly_bytes key,
                                         fly_bytes value, bool seen, fly_err *err);

/**
 * What a lock keeps others from. It lasts until the transaction ends, or rolls back to a savepoint set
 * before it was taken.
 *
 * | held \\ wanted          | SHARED_WEAK | SHARED | EXCLUSIVE_WEAK | EXCLUSIVE |
 * |-------------------------|-------------|--------|----------------|-----------|
 * | SHARED_WEAK             | yes         | yes    | yes            | waits     |
 * | SHARED                  | yes         | yes    | waits          | waits     |
 * | EXCLUSIVE_WEAK          | yes         | waits  | waits          | waits     |
 * | EXCLUSIVE               | waits       | waits  | waits          | waits     |
 *
 * A change is an exclusive lock; fly_txn_put_weak() a weak one, unless the transaction has a strong one
 * already. Locks may be made stronger; two who both do that to a lock they share are a deadlock. Who
 * waits for an exclusive lock is not overtaken for ever: after a few who share the entry later others wait
 * for it, unless that would be a deadlock, or he shares it already.
 */
typedef enum fly_lock_mode {
    FLY_LOCK_EXCLUSIVE = 0,  /**< nobody else may lock or change the entry */
    FLY_LOCK_EXCLUSIVE_WEAK, /**< nor so, but its being there may be relied on */
    FLY_LOCK_SHARED,         /**< nobody else may change the entry */
    FLY_LOCK_SHARED_WEAK     /**< nor delete it or change what others refer to */
} fly_lock_mode;

/** How to lock: what to do if somebody else has changed or locked the entry. */
typedef enum fly_lock_wait {
    FLY_LOCK_WAIT,   /**< wait */
    FLY_LOCK_NO_WAIT /**< FLY_E_AGAIN */
} fly_lock_wait;

/** Let nobody else change `key` until the transaction ends: FLY_E_NOT_FOUND. */
FLY_MUST_USE fly_status fly_txn_lock(fly_txn *txn, fly_tree *tree, fly_bytes key,
                                     fly_lock_wait wait, fly_err *err);

/**
 * @brief As fly_txn_lock(), in a mode.
 *
 * A shared lock does not make its owner see the entry as it is now: see fly_txn_fresh_begin().
 *
 * @return As a change. FLY_E_NOT_FOUND; FLY_E_AGAIN with FLY_LOCK_NO_WAIT. FLY_E_NO_MEMORY: nothing
 *         happened.
 * @cost   A shared lock: the key and about a hundred bytes of memory, and no log.
 */
FLY_MUST_USE fly_status fly_txn_lock_as(fly_txn *txn, fly_tree *tree, fly_bytes key,
                                        fly_lock_mode mode, fly_lock_wait wait, fly_err *err);

/**
 * @brief See, whatever the isolation, what is committed now, until fly_txn_fresh_end().
 *
 * For checks that must not miss anything, as of what refers to an entry that is locked exclusively.
 * Cursors opened meanwhile are closed before the end. Does not nest; changes behave as ever.
 */
void fly_txn_fresh_begin(fly_txn *txn);

/** See again what was seen before. */
void fly_txn_fresh_end(fly_txn *txn);

/* ---------------------------------------------------------------------------- cursors */

typedef struct fly_cursor fly_cursor;

/**
 * @brief Open a cursor over a tree. It is nowhere at first.
 *
 * It sees the transaction's own changes, those made after it was placed only when it comes to
 * another leaf. Under read committed it sees, from one seek to the next, what was committed at the
 * seek.
 *
 * @param[out] cursor  Gives; fly_cursor_close(), before the transaction ends.
 */
FLY_MUST_USE fly_status fly_cursor_open(fly_txn *txn, fly_tree *tree, fly_cursor **cursor,
                                        fly_err *err);

/** Close. NULL is fine. */
void fly_cursor_close(fly_cursor *cursor);

/** Go to the first entry at or behind `key`: FLY_E_END. */
FLY_MUST_USE fly_status fly_cursor_seek(fly_cursor *cursor, fly_bytes key, fly_err *err);

/** Go to the last entry before `key`, or at it if `or_equal`: FLY_E_END. */
FLY_MUST_USE fly_status fly_cursor_seek_before(fly_cursor *cursor, fly_bytes key, bool or_equal,
                                               fly_err *err);

/** Go to the first entry: FLY_E_END. */
FLY_MUST_USE fly_status fly_cursor_first(fly_cursor *cursor, fly_err *err);

/** Go to the last entry: FLY_E_END. */
FLY_MUST_USE fly_status fly_cursor_last(fly_cursor *cursor, fly_err *err);

/** Go to the next entry: FLY_E_END. */
FLY_MUST_USE fly_status fly_cursor_next(fly_cursor *cursor, fly_err *err);

/**
 * @brief Give the values of the entries behind the one where the cursor is, as many as lie at hand, and go
 *        to the last of them.
 *
 * For scans that need no keys: many times cheaper than a step for each. What does not lie at hand (a
 * value that is long, or that the transaction does not see as it is now; the next leaf; anything, in a
 * serializable transaction) is for fly_cursor_next().
 *
 * @param end     Only entries before this key, which is behind the cursor's; empty: all.
 * @param values  Room for `room`; valid until the cursor moves.
 * @return How many; 0: ask fly_cursor_next().
 */
uint32_t fly_cursor_next_values(fly_cursor *cursor, fly_bytes end, fly_bytes *values,
                                uint32_t room);

/** Go to the previous entry: FLY_E_END. */
FLY_MUST_USE fly_status fly_cursor_previous(fly_cursor *cursor, fly_err *err);

/** The key where it is. Valid until it moves. */
fly_bytes fly_cursor_key(const fly_cursor *cursor);

/** The value where it is, if it is at hand (a long one is not: see fly_cursor_read()): valid until it
 *  moves. */
fly_bytes fly_cursor_value(const fly_cursor *cursor);

/** The length of the value where it is. */
uint64_t fly_cursor_value_len(const fly_cursor *cursor);

/** Copy `len` bytes from `offset` of the value where it is. */
FLY_MUST_USE fly_status fly_cursor_read(fly_cursor *cursor, uint64_t offset, void *buffer,
                                        size_t len, fly_err *err);

/* -------------------------------------------------------------------- other residents */

/** Append a record of another resource manager, as part of the transaction. If the transaction rolls
 *  back, the manager's undo() gets the payload. `lsn` may be NULL. */
FLY_MUST_USE fly_status fly_txn_log(fly_txn *txn, uint8_t manager, uint8_t type,
                                    const fly_bytes *pieces, int count, uint64_t *lsn,
                                    fly_err *err);

/**
 * @brief In a manager's undo(), log how the record was undone: redone after a crash, never undone.
 *
 * Once for each call of undo(). Who logs nothing is taken to have had nothing to do that must survive.
 */
FLY_MUST_USE fly_status fly_txn_log_undone(fly_txn *txn, uint8_t manager, uint8_t type,
                                           const fly_bytes *pieces, int count, uint64_t *lsn,
                                           fly_err *err);

/* --------------------------------------------------------------------------- the tail */

/** Follows what committed transactions change in some trees, by way of the log. */
typedef struct fly_tail fly_tail;

enum { FLY_TAIL_TREES_MAX = 64 };

/** What happened to an entry. */
typedef enum fly_tail_kind { FLY_TAIL_INSERT, FLY_TAIL_UPDATE, FLY_TAIL_DELETE } fly_tail_kind;

/** A change that was committed. Its bytes are valid until the tail is used again. */
typedef struct fly_tail_change {
    uint64_t
        lsn; /**< behind the commit's record: who opens a tail there misses nothing that follows
                        the transaction */
    uint64_t time; /**< of the commit: microseconds since 1970 */
    uint32_t tree;
    fly_tail_kind kind;
    fly_bytes key;
    fly_bytes new_value; /**< of inserts and updates */
    fly_bytes old_value; /**< of updates and deletes */
    bool old_missing;    /**< the former value was long, and is not in the log any more */
    bool last;           /**< of its transaction */
} fly_tail_change;

/**
 * @brief Follow some trees from a position in the log on.
 *
 * @param trees  Their numbers, fly_tree_id(); up to FLY_TAIL_TREES_MAX.
 * @param lsn    0: from now on; else one that a tail has given, of this store.
 * @param[out] tail  Gives; fly_tail_close(), before the store is closed.
 * @return FLY_E_NOT_FOUND: the log does not reach back that far. FLY_E_INVALID: it has not come so far.
 * @threads Thread-compatible, beside everybody who uses the store.
 */
FLY_MUST_USE fly_status fly_tail_open(fly_store *store, const uint32_t *trees, uint32_t count,
                                      uint64_t lsn, fly_tail **tail, fly_err *err);

/**
 * @brief The next change: in the order in which transactions have committed, those of one together and
 *        in its order. Never waits. What an entry went through within one transaction is told step by
 *        step.
 *
 * @return FLY_E_END: no more that is durable; call again later. FLY_E_NOT_FOUND: it fell behind, the log
 *         is gone. FLY_E_TOO_LARGE: a transaction has more than four million changes. FLY_E_CORRUPT: it
 *         was opened where no record begins.
 * @cost   Eight bytes of memory for each change of an open transaction.
 */
FLY_MUST_USE fly_status fly_tail_next(fly_tail *tail, fly_tail_change *change, fly_err *err);

/** Let go of the log until the next call, which may then find it gone: for who is too slow. While it does
 *  not rest, a tail keeps the log from where it is. */
void fly_tail_rest(fly_tail *tail);

/** Where to go on from: everything that was committed before has been given. */
uint64_t fly_tail_position(const fly_tail *tail);

/** Close. NULL is fine. */
void fly_tail_close(fly_tail *tail);

/* --------------------------------------------------------------------------- watching */

/** What a store has done since it was opened, and what it holds. */
typedef struct fly_store_stats {
    uint64_t begun;
    uint64_t committed;
    uint64_t rolled_back;
    uint64_t conflicts; /**< transactions that could not serialize */
    uint64_t deadlocks;
    uint64_t lock_waits;
    uint64_t given_up;   /**< snapshots given up */
    uint64_t undo_bytes; /**< memory of old versions */
    uint64_t purged;     /**< entries removed for good */
    uint64_t checkpoints;
    uint64_t active;        /**< transactions open now */
    uint64_t oldest_age_us; /**< how long the oldest of them is open */
    uint64_t clock;         /**< commits of this store, ever */
    uint64_t recovered;     /**< log records replayed when it was opened */
    uint64_t undone;        /**< transactions rolled back when it was opened */
    uint64_t recovery_us;   /**< how long opening took */
    fly_bufpool_stats pool;
    fly_wal_stats wal;
    uint64_t pages;      /**< of the file */
    uint64_t used_pages; /**< of them in use */
    uint32_t page_size;  /**< bytes */
} fly_store_stats;

/** Take the counters. */
void fly_store_get_stats(fly_store *store, fly_store_stats *stats);

/** What all who use a store have used of it so far. */
typedef struct fly_store_usage {
    uint64_t pages_fixed;  /**< uses of pages, while the store was watched */
    uint64_t pages_missed; /**< pages read because somebody wanted them */
    uint64_t log_bytes;    /**< appended to the log */
} fly_store_usage;

/** Count uses of pages while somebody wants it, which makes them slower: see fly_bufpool_watch(). */
void fly_store_watch(fly_store *store, bool on);

/** Take these few counters. O(1). */
fly_store_usage fly_store_used(const fly_store *store);

/** About how large a tree is, deleted entries that may still be seen included: fly_btree_estimate(). */
fly_btree_extent fly_tree_estimate(fly_tree *tree);

/** The key of the entry about so far into the tree: fly_btree_key_near(). It may be a deleted one. */
bool fly_tree_key_near(fly_tree *tree, double where, uint8_t *key, size_t room, size_t *len);

/** What a tree is made of; walks all of it. */
FLY_MUST_USE fly_status fly_tree_get_stats(fly_tree *tree, fly_btree_stats *stats, fly_err *err);

/**
 * @brief Verify all trees, and that every used page belongs to one of them and to one only.
 *
 * @param each  If not NULL: told each complaint; verification then goes on with the next tree.
 *              NULL: the first complaint ends it.
 * @return FLY_E_CORRUPT if there was any complaint.
 */
FLY_MUST_USE fly_status fly_store_verify(fly_store *store,
                                         void (*each)(void *ctx, const fly_err *complaint),
                                         void *ctx, fly_err *err);

/* ------------------------------------------------------------------- backup, restore */

/** Where a backup goes: called for one file after the other. */
typedef struct fly_backup_sink {
    fly_status (*begin_file)(void *ctx, const char *name, fly_err *err);
    fly_status (*write)(void *ctx, uint64_t offset, const void *data, size_t len, fly_err *err);
    fly_status (*end_file)(void *ctx, fly_err *err);
    void *ctx;
} fly_backup_sink;

/**
 * @brief Copy the store while it is in use, consistent as of the end of the copy.
 *
 * @param[out] lsn  If not NULL: what the copy is consistent with.
 */
FLY_MUST_USE fly_status fly_store_backup(fly_store *store, const fly_backup_sink *sink,
                                         uint64_t *lsn, fly_err *err);

/** As fly_store_backup(), into a directory that is made and must not exist. */
FLY_MUST_USE fly_status fly_store_backup_to(fly_store *store, const char *dir, uint64_t *lsn,
                                            fly_err *err);

/**
 * @brief Make a store from a backup and archived log segments, as it was at a point in the past.
 *
 * @param backup   A directory made by fly_store_backup_to().
 * @param archive  Archived segments; NULL: only what the backup has.
 * @param dir      Made, must not exist; open it afterwards.
 * @param options  stop_at_lsn and stop_at_time say how far; codecs as the store had them.
 */
FLY_MUST_USE fly_status fly_store_restore(fly_env *env, const char *backup, const char *archive,
                                          const char *dir, const fly_store_options *options,
                                          fly_err *err);

/** Events of this layer, for the trace. */
enum {
    FLY_TXN_EVENT_BEGUN = FLY_TRACE_ID(FLY_TRACE_TXN, 1),       /**< txn, isolation */
    FLY_TXN_EVENT_COMMITTED = FLY_TRACE_ID(FLY_TRACE_TXN, 2),   /**< txn, timestamp, lsn */
    FLY_TXN_EVENT_ROLLED_BACK = FLY_TRACE_ID(FLY_TRACE_TXN, 3), /**< txn */
    FLY_TXN_EVENT_VERSION = FLY_TRACE_ID(FLY_TRACE_TXN, 4),     /**< txn, tree, lsn */
    FLY_TXN_EVENT_PURGED = FLY_TRACE_ID(FLY_TRACE_TXN, 5),      /**< txn, tree, entries */
    FLY_TXN_EVENT_WAITED = FLY_TRACE_ID(FLY_TRACE_TXN, 6),      /**< txn, for txn, ns */
    FLY_TXN_EVENT_REDONE = FLY_TRACE_ID(FLY_TRACE_TXN, 7),      /**< lsn, type */
    FLY_TXN_EVENT_UNDONE = FLY_TRACE_ID(FLY_TRACE_TXN, 8),      /**< txn, lsn */
    FLY_TXN_EVENT_CHECKPOINT = FLY_TRACE_ID(FLY_TRACE_TXN, 9)   /**< lsn, pages, ns */
};

FLY_EXTERN_C_END
/** @} */
#endif
