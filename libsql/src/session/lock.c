/*
 * Locks on tables.
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
    uint32_t oid;
    fly__sql_lock_mode mode;
    bool granted;
};

enum { TICK_MS = 20, PATIENCE_MS = 60000 };

/* Bit m of conflicts[mode]: mode m conflicts with it (PostgreSQL's manual, table 13.2). */
static const uint8_t conflicts[] = {0x80, 0xc0, 0xf0, 0xf8, 0xec, 0xfc, 0xfe, 0xff};

static bool conflict(fly__sql_lock_mode a, fly__sql_lock_mode b)
{
    return (conflicts[a] >> b & 1) != 0;
}

/* The lock that stands in the way, or NULL. */
static struct fly__sql_table_lock *obstacle(const fly__sql_database *database,
                                            const fly_sql_session *session, uint32_t oid,
                                            fly__sql_lock_mode mode)
{
    struct fly__sql_table_lock *at = database->locks;
    while (at != NULL && (!at->granted || at->session == session || at->oid != oid ||
                          !conflict(at->mode, mode))) {
        at = at->link;
    }
    return at;
}

/* Whether `session`, waiting, waits in the end for `me`. */
static bool waits_for(const fly__sql_database *database, const fly_sql_session *session,
                      const fly_sql_session *me, int depth)
{
    for (const struct fly__sql_table_lock *at = database->locks; at != NULL; at = at->link) {
        if (at->session != session || at->granted) {
            continue;
        }
        for (const struct fly__sql_table_lock *other = database->locks; other != NULL;
             other = other->link) {
            bool blocks = other->granted && other->session != session && other->oid == at->oid &&
                          conflict(other->mode, at->mode);
            if (blocks && (other->session == me ||
                           (depth < 32 && waits_for(database, other->session, me, depth + 1)))) {
                return true;
            }
        }
    }
    return false;
}

static bool holds(const fly__sql_database *database, const fly_sql_session *session, uint32_t oid,
                  fly__sql_lock_mode mode)
{
    const struct fly__sql_table_lock *at = database->locks;
    while (at != NULL && (at->session != session || at->oid != oid || at->mode < mode)) {
        at = at->link;
    }
    return at != NULL && at->granted && at->mode == mode;
}

static void count_strong(fly__sql_database *database, fly__sql_lock_mode mode, int64_t by)
{
    if (mode == FLY__SQL_LOCK_ACCESS_EXCLUSIVE) {
        (void)fly_add_u64(&database->strong_locks, (uint64_t)by);
    }
}

/* Wait until nothing stands in the way; database->locking is held, and given up meanwhile. */
static fly_status wait_for(fly__sql_database *database, fly_sql_session *session, uint32_t oid,
                           const char *name, fly__sql_lock_mode mode, bool nowait, fly_err *err)
{
    uint64_t began = fly_now();
    struct fly__sql_table_lock *in_way;
    while ((in_way = obstacle(database, session, oid, mode)) != NULL) {
        uint64_t waited_ms = (fly_now() - began) / 1000000;
        uint32_t limit = session->state->lock_timeout_ms;
        fly_status status = fly__sql_check_cancel(session, err);
        if (status != FLY_OK) {
            return status;
        }
        if (nowait) {
            return fly_err_state(err, "55P03", 0, "could not obtain lock on relation \"%s\"", name);
        }
        if (limit > 0 && waited_ms >= limit) {
            return fly_err_state(err, "55P03", 0, "canceling statement due to lock timeout");
        }
        if (waits_for(database, in_way->session, session, 0) || waited_ms >= PATIENCE_MS) {
            return fly_err_state(err, "40P01", 0, "deadlock detected");
        }
        (void)fly_cond_wait_until(&database->unlocked, &database->locking,
                                  fly_now() + (uint64_t)TICK_MS * 1000000);
    }
    return FLY_OK;
}

fly_status fly__sql_table_lock(fly_sql_session *session, uint32_t oid, const char *name,
                               fly__sql_lock_mode mode, bool nowait, bool *waited, fly_err *err)
{
    fly__sql_database *database = session->database;
    fly_status status = FLY_OK;
    fly_mutex_lock(&database->locking);
    if (holds(database, session, oid, mode)) {
        fly_mutex_unlock(&database->locking);
        return FLY_OK;
    }
    struct fly__sql_table_lock *lock = fly_mem_calloc(session->env->mem, 1, sizeof *lock);
    if (lock == NULL) {
        fly_mutex_unlock(&database->locking);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a lock on \"%s\"", name);
    }
    *lock = (struct fly__sql_table_lock){
        .link = database->locks, .session = session, .oid = oid, .mode = mode};
    database->locks = lock;
    count_strong(database, mode, 1);
    if (obstacle(database, session, oid, mode) != NULL) {
        if (waited != NULL) {
            *waited = true;
        }
        fly__sql_activity_wait(session, FLY__SQL_WAITS_RELATION);
        status = wait_for(database, session, oid, name, mode, nowait, err);
        fly__sql_activity_wait(session, FLY__SQL_WAITS_NOT);
    }
    lock->granted = status == FLY_OK;
    if (status != FLY_OK) {
        struct fly__sql_table_lock **at = &database->locks;
        while (*at != lock) {
            at = &(*at)->link;
        }
        *at = lock->link;
        count_strong(database, mode, -1);
        fly_mem_free(session->env->mem, lock, sizeof *lock);
    } else {
        session->state->has_locks = true;
    }
    fly_mutex_unlock(&database->locking);
    return status;
}

bool fly__sql_table_locks_readers(const fly_sql_session *session)
{
    return fly_load_relaxed_u64(&session->database->strong_locks) > 0;
}

void fly__sql_table_unlock_all(fly_sql_session *session)
{
    fly__sql_database *database = session->database;
    if (!session->state->has_locks) {
        return;
    }
    session->state->has_locks = false;
    fly_mutex_lock(&database->locking);
    struct fly__sql_table_lock **at = &database->locks;
    while (*at != NULL) {
        struct fly__sql_table_lock *lock = *at;
        if (lock->session != session) {
            at = &lock->link;
            continue;
        }
        *at = lock->link;
        count_strong(database, lock->mode, -1);
        fly_mem_free(session->env->mem, lock, sizeof *lock);
    }
    fly_cond_broadcast(&database->unlocked);
    fly_mutex_unlock(&database->locking);
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
            if (other->granted && other->session != at->session && other->oid == at->oid &&
                conflict(other->mode, at->mode)) {
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
        fly__sql_lock_seen seen = {
            .pid = pid_of(at->session), .oid = at->oid, .mode = at->mode, .granted = at->granted};
        each(ctx, &seen);
    }
    fly_mutex_unlock(&database->locking);
}
