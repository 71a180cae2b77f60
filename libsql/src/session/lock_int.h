/*
 * Locks on tables: who changes rows holds off who changes the table, and LOCK TABLE.
 *
 * The modes and which of them conflict are PostgreSQL's. Reading takes no lock unless somebody holds
 * or wants an exclusive one by LOCK TABLE: what a reader sees is kept for it by its snapshot, whatever
 * becomes of the table. Locks are held to the end of the transaction.
 */
#ifndef FLY_SQL_LOCK_INT_H
#define FLY_SQL_LOCK_INT_H

#include "session/session_int.h"

typedef enum fly__sql_lock_mode {
    FLY__SQL_LOCK_ACCESS_SHARE,
    FLY__SQL_LOCK_ROW_SHARE,
    FLY__SQL_LOCK_ROW_EXCLUSIVE,
    FLY__SQL_LOCK_SHARE_UPDATE_EXCLUSIVE,
    FLY__SQL_LOCK_SHARE,
    FLY__SQL_LOCK_SHARE_ROW_EXCLUSIVE,
    FLY__SQL_LOCK_EXCLUSIVE,
    FLY__SQL_LOCK_ACCESS_EXCLUSIVE
} fly__sql_lock_mode;

/* Take a lock, waiting for those who hold what conflicts with it. `*waited` (may be NULL) tells whether
 * it had to: what was read of the catalog before may be old then. 55P03 with `nowait` or after
 * lock_timeout, 40P01 if waiting would never end, 57014. */
fly_status fly__sql_table_lock(fly_sql_session *session, uint32_t oid, const char *name,
                               fly__sql_lock_mode mode, bool nowait, bool *waited, fly_err *err);

/* The processes that hold what a session of the same database waits for: up to `room`, and how many. */
size_t fly__sql_table_lock_blockers(fly_sql_session *session, uint32_t pid, uint32_t *pids,
                                    size_t room);

/* What is locked: a table, or a number that means something to programs only (advisory locks). */
typedef enum fly__sql_lock_kind {
    FLY__SQL_LOCK_TABLE,
    FLY__SQL_LOCK_NUMBER, /* a bigint */
    FLY__SQL_LOCK_PAIR    /* two integers */
} fly__sql_lock_kind;

/* Take an advisory lock, FLY__SQL_LOCK_SHARE or ..._EXCLUSIVE; as often as it is taken it must be given
 * back, or, with `for_txn`, the transaction's end does. `try_only`: `*got` false rather than wait. */
fly_status fly__sql_advisory_lock(fly_sql_session *session, fly__sql_lock_kind kind, uint64_t key,
                                  fly__sql_lock_mode mode, bool for_txn, bool try_only, bool *got,
                                  fly_err *err);
/* Give one back that was taken for the session: false if there is none. */
bool fly__sql_advisory_unlock(fly_sql_session *session, fly__sql_lock_kind kind, uint64_t key,
                              fly__sql_lock_mode mode);
/* Give back all that were taken for the session. */
void fly__sql_advisory_unlock_all(fly_sql_session *session);

/* A lock as others see it. */
typedef struct fly__sql_lock_seen {
    uint32_t pid;
    fly__sql_lock_kind kind;
    uint64_t key; /* OID of the table; of a pair the first in the upper half */
    fly__sql_lock_mode mode;
    bool granted;
} fly__sql_lock_seen;

/* Call `each` for every lock of the session's database, that being locked. */
void fly__sql_table_locks(fly_sql_session *session,
                          void (*each)(void *ctx, const fly__sql_lock_seen *seen), void *ctx);

/* Whether reading must take locks, too. */
bool fly__sql_table_locks_readers(const fly_sql_session *session);

/* Give all locks back, at the end of the transaction. */
void fly__sql_table_unlock_all(fly_sql_session *session);

#endif
