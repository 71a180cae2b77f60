/*
 * Locks on tables, and on numbers that mean something to programs only: advisory locks.
 *
 * All locks of a database are one list under one mutex: there are few, since reading takes none, and
 * they are held for as long as a transaction. Who waits says for which table and mode, so that a cycle
 * of sessions that wait for each other's tables can be found; a cycle that goes through row locks too
 * is ended by lock_timeout, or after a minute.
 *
 *     L1  no two sessions hold conflicting modes on one table
 *     L2  a session that waits is in `waiting`, and nobody else's lock that it could have held off is
 *         given out behind its back for ever: waiters look again whenever a lock is given back
 */
#include "session/lock_int.h"

#include "session/state_int.h"

#include <string.h>

struct fly__sql_table_lock {
    struct fly__sql_table_lock *link;
    fly_sql_session *session;
    fly__sql_lock_kind kind;
    uint64_t key; /* OID of a table */
    fly__sql_lock_mode mode;
    bool granted;
    uint64_t looked_at;   /* by the search for a cycle of this number */
    uint32_t for_session; /* how often an advisory lock was taken for the session */
    uint32_t for_txn;     /* and for the transaction; of tables 1 */
};

/* What somebody wants. */
struct want {
    fly__sql_lock_kind kind;
    uint64_t key;
    fly__sql_lock_mode mode;
    bool for_txn;
    bool nowait;
};

enum { TICK_MS = 20, LOOK_MS = 1000, PATIENCE_MS = 60000, ADVISORY_MAX = 8192 /* of a session */ };

/* Bit m of conflicts[mode]: mode m conflicts with it (PostgreSQL's manual, table 13.2). */
static const uint8_t conflicts[] = {0x80, 0xc0, 0xf0, 0xf8, 0xec, 0xfc, 0xfe, 0xff};

static bool conflict(fly__sql_lock_mode a, fly__sql_lock_mode b)
{
    return (conflicts[a] >> b & 1) != 0;
}

/* The lock that stands in the way, or NULL. */
static struct fly__sql_table_lock *obstacle(const fly__sql_database *database,
                                            const fly_sql_session *session, const struct want *want)
{
    struct fly__sql_table_lock *at = database->locks;
    while (at != NULL && (!at->granted || at->session == session || at->key != want->key ||
                          at->kind != want->kind || !conflict(at->mode, want->mode))) {
        at = at->link;
    }
    return at;
}

/* Whether who waits for `wanted` waits for the holder of `held`. */
static bool blocks(const struct fly__sql_table_lock *held, const struct fly__sql_table_lock *wanted)
{
    return held->granted && held->session != wanted->session && held->key == wanted->key &&
           held->kind == wanted->kind && conflict(held->mode, wanted->mode);
}

enum { CYCLE_MAX = 256 }; /* of sessions */

/* Whether `session`, waiting, waits in the end for `me`. Each who waits is looked at once, however many ways
 * lead there. */
static bool leads_to(const fly__sql_database *database, const fly_sql_session *session,
                     const fly_sql_session *me, int depth)
{
    for (struct fly__sql_table_lock *at = database->locks; at != NULL; at = at->link) {
        if (at->session != session || at->granted || at->looked_at == database->searches) {
            continue;
        }
        at->looked_at = database->searches;
        for (const struct fly__sql_table_lock *other = database->locks; other != NULL;
             other = other->link) {
            if (blocks(other, at) &&
                (other->session == me ||
                 (depth < CYCLE_MAX && leads_to(database, other->session, me, depth + 1)))) {
                return true;
            }
        }
    }
    return false;
}

static bool waits_for(fly__sql_database *database, const fly_sql_session *session,
                      const fly_sql_session *me)
{
    database->searches++;
    return leads_to(database, session, me, 0);
}

static struct fly__sql_table_lock *held_by(const fly__sql_database *database,
                                           const fly_sql_session *session, fly__sql_lock_kind kind,
                                           uint64_t key, fly__sql_lock_mode mode)
{
    struct fly__sql_table_lock *at = database->locks;
    while (at != NULL && (at->session != session || at->key != key || at->kind != kind ||
                          at->mode != mode || !at->granted)) {
        at = at->link;
    }
    return at;
}

static void count_strong(fly__sql_database *database, const struct fly__sql_table_lock *lock,
                         int64_t by)
{
    if (lock->kind == FLY__SQL_LOCK_TABLE && lock->mode == FLY__SQL_LOCK_ACCESS_EXCLUSIVE) {
        (void)fly_add_u64(&database->strong_locks, (uint64_t)by);
    }
}

static void free_lock(fly__sql_database *database, struct fly__sql_table_lock **at)
{
    struct fly__sql_table_lock *lock = *at;
    *at = lock->link;
    count_strong(database, lock, -1);
    lock->session->state->advisory_count -= lock->kind != FLY__SQL_LOCK_TABLE;
    fly_mem_free(lock->session->env->mem, lock, sizeof *lock);
}

/* Wait until nothing stands in the way; database->locking is held, and given up meanwhile. */
static fly_status wait_for(fly__sql_database *database, fly_sql_session *session,
                           const struct want *want, fly_err *err)
{
    uint64_t began = fly_now();
    uint64_t look_ms = 0; /* when a cycle is looked for: at once, then ever more seldom */
    struct fly__sql_table_lock *in_way;
    while ((in_way = obstacle(database, session, want)) != NULL) {
        uint64_t waited_ms = (fly_now() - began) / 1000000;
        uint32_t limit = session->state->lock_timeout_ms;
        fly_status status = fly__sql_check_cancel(session, err);
        if (status != FLY_OK) {
            return status;
        }
        if (limit > 0 && waited_ms >= limit) {
            return fly_err_state(err, "55P03", 0, "canceling statement due to lock timeout");
        }
        bool in_cycle = waited_ms >= look_ms && waits_for(database, in_way->session, session);
        if (in_cycle || waited_ms >= PATIENCE_MS) {
            return fly_err_state(err, "40P01", 0, "deadlock detected");
        }
        if (waited_ms >= look_ms) {
            look_ms = waited_ms + (waited_ms < LOOK_MS ? waited_ms + 1 : LOOK_MS);
        }
        (void)fly_cond_wait_until(&database->unlocked, &database->locking,
                                  fly_now() + (uint64_t)TICK_MS * 1000000);
    }
    return FLY_OK;
}

/* Take a lock; `*waited` tells whether that meant waiting. FLY_E_AGAIN: it would, and must not. */
static fly_status take(fly_sql_session *session, const struct want *want, bool *waited,
                       fly_err *err)
{
    fly__sql_database *database = session->database;
    fly_status status = FLY_OK;
    fly_mutex_lock(&database->locking);
    struct fly__sql_table_lock *lock =
        held_by(database, session, want->kind, want->key, want->mode);
    if (lock != NULL) {
        goto out;
    }
    if (want->nowait && obstacle(database, session, want) != NULL) {
        status = FLY_E_AGAIN;
        goto out;
    }
    if (want->kind != FLY__SQL_LOCK_TABLE && session->state->advisory_count >= ADVISORY_MAX) {
        status =
            fly_err_state(err, "53200", 0, "a session can hold %d advisory locks", ADVISORY_MAX);
        goto out;
    }
    lock = fly_mem_calloc(session->env->mem, 1, sizeof *lock);
    if (lock == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a lock");
        goto out;
    }
    *lock = (struct fly__sql_table_lock){.link = database->locks,
                                         .session = session,
                                         .kind = want->kind,
                                         .key = want->key,
                                         .mode = want->mode};
    database->locks = lock;
    session->state->advisory_count += want->kind != FLY__SQL_LOCK_TABLE;
    count_strong(database, lock, 1);
    session->state->has_locks = true;
    if (obstacle(database, session, want) != NULL) {
        *waited = true;
        fly__sql_activity_wait(session, want->kind == FLY__SQL_LOCK_TABLE
                                            ? FLY__SQL_WAITS_RELATION
                                            : FLY__SQL_WAITS_ADVISORY);
        status = wait_for(database, session, want, err);
        fly__sql_activity_wait(session, FLY__SQL_WAITS_NOT);
    }
    lock->granted = status == FLY_OK;
    if (status != FLY_OK) {
        struct fly__sql_table_lock **at = &database->locks;
        while (*at != lock) {
            at = &(*at)->link;
        }
        free_lock(database, at);
    }
out:
    if (status == FLY_OK && want->kind == FLY__SQL_LOCK_TABLE) {
        lock->for_txn = 1;
    } else if (status == FLY_OK) {
        lock->for_txn += want->for_txn;
        lock->for_session += !want->for_txn;
    }
    fly_mutex_unlock(&database->locking);
    return status;
}

fly_status fly__sql_table_lock(fly_sql_session *session, uint32_t oid, const char *name,
                               fly__sql_lock_mode mode, bool nowait, bool *waited, fly_err *err)
{
    struct want want = {
        .kind = FLY__SQL_LOCK_TABLE, .key = oid, .mode = mode, .for_txn = true, .nowait = nowait};
    bool had_to = false;
    fly_status status = take(session, &want, &had_to, err);
    if (waited != NULL && had_to) {
        *waited = true;
    }
    return status != FLY_E_AGAIN
               ? status
               : fly_err_state(err, "55P03", 0, "could not obtain lock on relation \"%s\"", name);
}

fly_status fly__sql_advisory_lock(fly_sql_session *session, fly__sql_lock_kind kind, uint64_t key,
                                  fly__sql_lock_mode mode, bool for_txn, bool try_only, bool *got,
                                  fly_err *err)
{
    struct want want = {
        .kind = kind, .key = key, .mode = mode, .for_txn = for_txn, .nowait = try_only};
    bool waited = false;
    fly_status status = take(session, &want, &waited, err);
    *got = status == FLY_OK;
    return status == FLY_E_AGAIN ? FLY_OK : status;
}

bool fly__sql_table_locks_readers(const fly_sql_session *session)
{
    return fly_load_relaxed_u64(&session->database->strong_locks) > 0;
}

/* Give back what the session holds: for its transaction, for itself, or both. */
static void give_back(fly_sql_session *session, bool for_txn, bool for_session)
{
    fly__sql_database *database = session->database;
    if (!session->state->has_locks) {
        return;
    }
    bool any = false;
    fly_mutex_lock(&database->locking);
    struct fly__sql_table_lock **at = &database->locks;
    while (*at != NULL) {
        struct fly__sql_table_lock *lock = *at;
        if (lock->session == session) {
            lock->for_txn = for_txn ? 0 : lock->for_txn;
            lock->for_session = for_session ? 0 : lock->for_session;
            if (lock->for_txn == 0 && lock->for_session == 0) {
                free_lock(database, at);
                continue;
            }
            any = true;
        }
        at = &lock->link;
    }
    session->state->has_locks = any;
    fly_cond_broadcast(&database->unlocked);
    fly_mutex_unlock(&database->locking);
}

void fly__sql_table_unlock_all(fly_sql_session *session)
{
    give_back(session, true, false);
}

void fly__sql_advisory_unlock_all(fly_sql_session *session)
{
    give_back(session, false, true);
}

bool fly__sql_advisory_unlock(fly_sql_session *session, fly__sql_lock_kind kind, uint64_t key,
                              fly__sql_lock_mode mode)
{
    fly__sql_database *database = session->database;
    fly_mutex_lock(&database->locking);
    struct fly__sql_table_lock *lock = held_by(database, session, kind, key, mode);
    bool held = lock != NULL && lock->for_session > 0;
    if (held && --lock->for_session == 0 && lock->for_txn == 0) {
        struct fly__sql_table_lock **at = &database->locks;
        while (*at != lock) {
            at = &(*at)->link;
        }
        free_lock(database, at);
        fly_cond_broadcast(&database->unlocked);
    }
    fly_mutex_unlock(&database->locking);
    return held;
}

/* -------------------------------------------------------------------------- seeing */

static uint32_t pid_of(const fly_sql_session *session)
{
    return session->state->backend.pid;
}

static size_t add_pid(uint32_t *pids, size_t count, size_t room, uint32_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (pids[i] == pid) {
            return count;
        }
    }
    if (count < room) {
        pids[count++] = pid;
    }
    return count;
}

size_t fly__sql_table_lock_blockers(fly_sql_session *session, uint32_t pid, uint32_t *pids,
                                    size_t room)
{
    fly__sql_database *database = session->database;
    size_t count = 0;
    fly_mutex_lock(&database->locking);
    for (const struct fly__sql_table_lock *at = database->locks; at != NULL; at = at->link) {
        if (at->granted || pid_of(at->session) != pid) {
            continue;
        }
        for (const struct fly__sql_table_lock *other = database->locks; other != NULL;
             other = other->link) {
            if (blocks(other, at)) {
                count = add_pid(pids, count, room, pid_of(other->session));
            }
        }
    }
    fly_mutex_unlock(&database->locking);
    return count;
}

void fly__sql_table_locks(fly_sql_session *session,
                          void (*each)(void *ctx, const fly__sql_lock_seen *seen), void *ctx)
{
    fly__sql_database *database = session->database;
    fly_mutex_lock(&database->locking);
    for (const struct fly__sql_table_lock *at = database->locks; at != NULL; at = at->link) {
        fly__sql_lock_seen seen = {.pid = pid_of(at->session),
                                   .kind = at->kind,
                                   .key = at->key,
                                   .mode = at->mode,
                                   .granted = at->granted};
        each(ctx, &seen);
    }
    fly_mutex_unlock(&database->locking);
}
