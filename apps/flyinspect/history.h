/*
 * What the log says of entries, for a store that cannot be recovered.
 *
 * Recovery redoes records on pages; where pages are damaged it cannot. But a record of a change names
 * tree, key and value, and that is all that salvage needs. So the log is read once, into a list of
 * changes by tree.
 *
 * Threads: thread-compatible.
 */
#ifndef FLYINSPECT_HISTORY_H
#define FLYINSPECT_HISTORY_H

#include <fly/base_env.h>
#include <fly/wal.h>

/** A record of a change of trees, taken apart. */
typedef struct inspect_logged {
    uint64_t txn; /**< 0: of nobody */
    bool compensation;
    fly_bytes body; /**< libbtree's; borrowed */
    fly_bytes undo; /**< what was there before; borrowed */
} inspect_logged;

/** Take a record apart; false if it is not one of a change of trees. */
bool inspect_logged_of(const fly_wal_record *record, inspect_logged *logged);

/** A change of an entry. */
typedef struct inspect_change {
    uint64_t lsn;
    uint64_t txn; /**< 0: of nobody */
    uint32_t tree;
    bool remove;      /**< of the entry as a whole, ghost and all */
    bool undoable;    /**< `former` is known: it is no compensation */
    bool existed;     /**< the entry, before */
    bool lasting;     /**< its transaction has ended, one way or the other */
    fly_bytes key;    /**< owned, like the other spans */
    fly_bytes value;  /**< as it is stored in a leaf */
    fly_bytes former; /**< the same, before */
} inspect_change;

/** A page of a long value, as it was logged. */
typedef struct inspect_piece {
    uint64_t lsn;
    uint32_t tree;
    uint32_t page;
    uint32_t next;
    fly_bytes bytes;
} inspect_piece;

/** All of it. */
typedef struct inspect_history {
    inspect_change *changes; /**< by tree, then in order */
    size_t change_count;
    inspect_piece *pieces; /**< by page, then in order */
    size_t piece_count;
    uint64_t *ended; /**< transactions that have committed or been rolled back */
    size_t ended_count;
    bool cut; /**< the log is damaged: some of it is not here */
    bool no_memory;
} inspect_history;

/** Read the log in `dir`, all of it that is whole. */
FLY_MUST_USE fly_status inspect_history_read(inspect_history *history, fly_env *env,
                                             const char *dir, fly_err *err);

/** Release. One that is all zero is fine. */
void inspect_history_deinit(inspect_history *history);

/** The first change of a tree, and how many there are. */
const inspect_change *inspect_history_of(const inspect_history *history, uint32_t tree,
                                         size_t *count);

/** The newest piece on this page that is not newer than `lsn`, or NULL. */
const inspect_piece *inspect_history_piece(const inspect_history *history, uint32_t page,
                                           uint64_t lsn);

#endif
