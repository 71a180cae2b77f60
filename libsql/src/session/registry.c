/*
 * The registry of sessions: process numbers, cancelling, ending, and what everybody does.
 *
 *     R1  a session is in the registry from the end of its opening to the beginning of its closing
 *     R2  whoever holds the registry's mutex may touch any session in it: its atomics, and what a
 *         comment says that this mutex guards
 *     R3  a session that was told to end runs no statement any more: 57P01
 *
 * Callbacks that the server has registered are called with the mutex held, so that they cannot be called
 * after the session is gone: they only wake somebody.
 */
#include "session/registry_int.h"

#include "session/lock_int.h"
#include "session/state_int.h"

#include <stdio.h>
#include <string.h>

enum { CANCELLED = 1, TIMED_OUT = 2, TERMINATED = 3, PID_MAX = 4194304 };

void fly__sql_registry_init(fly__sql_registry *registry)
{
    fly_mutex_init(&registry->mutex, "sql sessions", FLY_RANK_NONE);
}

void fly__sql_registry_deinit(fly__sql_registry *registry)
{
    FLY_ASSERT(registry->count == 0);
    fly_mutex_deinit(&registry->mutex);
}

static fly__sql_backend **slot_of(fly__sql_registry *registry, uint32_t pid)
{
    return &registry->slots[pid % FLY__SQL_REGISTRY_SLOTS];
}

static fly__sql_backend *find(fly__sql_registry *registry, uint32_t pid)
{
    fly__sql_backend *at = *slot_of(registry, pid);
    while (at != NULL && at->pid != pid) {
        at = at->link;
    }
    return at;
}

static void copy_text(char *to, size_t room, const char *from)
{
    (void)snprintf(to, room, "%s", from != NULL ? from : "");
}

/* -------------------------------------------------------------- coming and going */

fly_status fly__sql_backend_enter(fly_sql_session *session, const fly_sql_session_options *options,
                                  fly_err *err)
{
    fly__sql_registry *registry = &session->sql->registry;
    fly__sql_backend *backend = &session->state->backend;
    fly_status status =
        session->env->random(session->env, &backend->secret, sizeof backend->secret, err);
    if (status != FLY_OK) {
        return status;
    }
    backend->session = session;
    backend->started = (int64_t)session->env->wall_time(session->env);
    backend->user_oid = session->user_oid;
    copy_text(backend->user, sizeof backend->user, session->user);
    copy_text(backend->database, sizeof backend->database, session->database->name);
    copy_text(backend->application, sizeof backend->application,
              fly__sql_setting(session, "application_name"));
    copy_text(backend->address, sizeof backend->address, options->client_addr);
    copy_text(backend->type, sizeof backend->type,
              options->backend_type != NULL ? options->backend_type : "client backend");
    backend->port = options->client_port;
    backend->has_peer = options->client_addr != NULL || options->client_port != 0;
    fly_store_relaxed_u64(&backend->activity.state_change, (uint64_t)backend->started);
    fly_mutex_lock(&registry->mutex);
    do {
        registry->next_pid = registry->next_pid % PID_MAX + 1;
    } while (find(registry, registry->next_pid) != NULL);
    backend->pid = registry->next_pid;
    fly__sql_backend **slot = slot_of(registry, backend->pid);
    backend->link = *slot;
    *slot = backend;
    registry->count++;
    fly_mutex_unlock(&registry->mutex);
    return FLY_OK;
}

void fly__sql_backend_leave(fly_sql_session *session)
{
    fly__sql_registry *registry = &session->sql->registry;
    fly__sql_backend *backend = &session->state->backend;
    if (backend->pid == 0) {
        return;
    }
    fly_mutex_lock(&registry->mutex);
    fly__sql_backend **at = slot_of(registry, backend->pid);
    while (*at != backend) {
        at = &(*at)->link;
    }
    *at = backend->link;
    registry->count--;
    fly_mutex_unlock(&registry->mutex);
    backend->pid = 0;
}

uint32_t fly_sql_session_pid(const fly_sql_session *session)
{
    return session->state->backend.pid;
}

uint32_t fly_sql_session_secret(const fly_sql_session *session)
{
    return session->state->backend.secret;
}

void fly__sql_backend_database(fly_sql_session *session)
{
    fly__sql_backend *backend = &session->state->backend;
    fly_mutex_lock(&session->sql->registry.mutex);
    copy_text(backend->database, sizeof backend->database, session->database->name);
    fly_mutex_unlock(&session->sql->registry.mutex);
}

void fly__sql_backend_application(fly_sql_session *session, const char *name)
{
    fly__sql_backend *backend = &session->state->backend;
    fly_mutex_lock(&session->sql->registry.mutex);
    copy_text(backend->application, sizeof backend->application, name);
    fly_mutex_unlock(&session->sql->registry.mutex);
}

/* ------------------------------------------------------------ cancelling and ending */

/* Ended outranks cancelled, and stays. */
static void ask(fly_sql_session *session, uint32_t what)
{
    (void)fly_raise_u32(&session->cancel, what);
}

bool fly__sql_backend_cancel(fly_sql *sql, uint32_t pid)
{
    fly_mutex_lock(&sql->registry.mutex);
    fly__sql_backend *backend = find(&sql->registry, pid);
    if (backend != NULL) {
        ask(backend->session, CANCELLED);
    }
    fly_mutex_unlock(&sql->registry.mutex);
    return backend != NULL;
}

bool fly_sql_cancel_backend(fly_sql *sql, uint32_t pid, uint32_t secret)
{
    fly_mutex_lock(&sql->registry.mutex);
    fly__sql_backend *backend = find(&sql->registry, pid);
    bool right = backend != NULL && backend->secret == secret;
    if (right) {
        ask(backend->session, CANCELLED);
    }
    fly_mutex_unlock(&sql->registry.mutex);
    return right;
}

bool fly_sql_terminate_backend(fly_sql *sql, uint32_t pid)
{
    fly_mutex_lock(&sql->registry.mutex);
    fly__sql_backend *backend = find(&sql->registry, pid);
    if (backend != NULL) {
        ask(backend->session, TERMINATED);
        if (backend->terminate != NULL) {
            backend->terminate(backend->terminate_ctx);
        }
    }
    fly_mutex_unlock(&sql->registry.mutex);
    return backend != NULL;
}

bool fly_sql_session_terminated(const fly_sql_session *session)
{
    return fly_load_u32(&session->cancel) == TERMINATED;
}

void fly_sql_on_terminate(fly_sql_session *session, void (*terminate)(void *ctx), void *ctx)
{
    fly__sql_backend *backend = &session->state->backend;
    fly_mutex_lock(&session->sql->registry.mutex);
    backend->terminate = terminate;
    backend->terminate_ctx = ctx;
    if (terminate != NULL && fly_sql_session_terminated(session)) {
        terminate(ctx); /* it was told so before anybody listened */
    }
    fly_mutex_unlock(&session->sql->registry.mutex);
}

void fly_sql_cancel(fly_sql_session *session)
{
    ask(session, CANCELLED);
}

fly_status fly__sql_cancel_clear(fly_sql_session *session, fly_err *err)
{
    uint32_t seen = fly_load_relaxed_u32(&session->cancel);
    while (FLY_UNLIKELY(seen != 0)) {
        if (seen == TERMINATED) {
            return fly__sql_check_cancel(session, err);
        }
        if (fly_cas_u32(&session->cancel, &seen, 0)) {
            break;
        }
    }
    return FLY_OK;
}

static fly_status cancelled(fly_err *err)
{
    if (err != NULL) {
        err->status = FLY_E_CANCELLED;
    }
    return FLY_E_CANCELLED;
}

/* Whether the statement is to end: why, as `cancel` says it. */
static uint32_t reason_to_end(fly_sql_session *session)
{
    uint32_t asked = fly_load_relaxed_u32(&session->cancel);
    if (FLY_UNLIKELY(asked != 0)) {
        return asked;
    }
    int64_t deadline = session->state->deadline_us;
    bool late = deadline != 0 && (int64_t)session->env->wall_time(session->env) > deadline;
    return late ? TIMED_OUT : 0;
}

fly_status fly__sql_check_cancel(fly_sql_session *session, fly_err *err)
{
    switch (reason_to_end(session)) {
    case 0:
        return FLY_OK;
    case TERMINATED:
        (void)fly_err_state(err, "57P01", 0, "terminating connection due to administrator command");
        break;
    case TIMED_OUT:
        (void)fly_err_state(err, "57014", 0, "canceling statement due to statement timeout");
        break;
    default:
        (void)fly_err_state(err, "57014", 0, "canceling statement due to user request");
        break;
    }
    return cancelled(err);
}

/* ----------------------------------------------------------------------- activity */

static void write_begin(fly__sql_activity *a)
{
    fly_store_relaxed_u64(&a->version, fly_load_relaxed_u64(&a->version) + 1);
    fly_fence_release(); /* the odd version is seen before what follows */
}

static void write_end(fly__sql_activity *a)
{
    fly_store_u64(&a->version, fly_load_relaxed_u64(&a->version) + 1);
}

static void write_text(fly__sql_activity *a, fly_bytes text)
{
    size_t len = text.len < sizeof a->query - 1 ? text.len : sizeof a->query - 1;
    for (size_t i = 0; i * 8 < len; i++) {
        uint64_t word = 0;
        memcpy(&word, text.data + i * 8, len - i * 8 < 8 ? len - i * 8 : 8);
        fly_store_relaxed_u64(&a->query[i], word);
    }
    fly_store_relaxed_u64(&a->query_len, len);
}

void fly__sql_activity_begin(fly_sql_session *session, fly_bytes text, uint64_t query_id)
{
    fly__sql_activity *a = &session->state->backend.activity;
    write_begin(a);
    fly_store_relaxed_u64(&a->doing, FLY__SQL_ACTIVE);
    fly_store_relaxed_u64(&a->query_id, query_id);
    fly_store_relaxed_u64(&a->xact_start, session->txn != NULL ? (uint64_t)session->txn_time : 0);
    fly_store_relaxed_u64(&a->query_start, (uint64_t)session->statement_time);
    fly_store_relaxed_u64(&a->state_change, (uint64_t)session->statement_time);
    write_text(a, text);
    write_end(a);
    fly_store_relaxed_u32(&a->txn, session->txn != NULL ? fly_txn_number(session->txn) : 0);
}

void fly__sql_activity_end(fly_sql_session *session, int64_t now)
{
    fly__sql_activity *a = &session->state->backend.activity;
    bool in_txn = session->txn != NULL;
    fly__sql_doing doing = session->txn_failed ? FLY__SQL_IDLE_FAILED
                           : in_txn            ? FLY__SQL_IDLE_IN_TXN
                                               : FLY__SQL_IDLE_SESSION;
    write_begin(a);
    fly_store_relaxed_u64(&a->doing, doing);
    fly_store_relaxed_u64(&a->xact_start, in_txn ? (uint64_t)session->txn_time : 0);
    fly_store_relaxed_u64(&a->state_change, (uint64_t)now);
    write_end(a);
    fly_store_relaxed_u32(&a->txn, in_txn ? fly_txn_number(session->txn) : 0);
}

void fly__sql_activity_wait(fly_sql_session *session, fly__sql_wait wait)
{
    fly_store_relaxed_u32(&session->state->backend.activity.wait, wait);
}

static bool interrupted(void *ctx)
{
    return reason_to_end(ctx) != 0;
}

static void waits(void *ctx, uint32_t number)
{
    fly_sql_session *session = ctx;
    fly__sql_activity *a = &session->state->backend.activity;
    /* Its own number first: whoever sees that it waits finds it, too. */
    fly_store_relaxed_u32(&a->txn, fly_txn_number(session->txn));
    fly_store_u32(&a->waits_for, number);
    fly_store_u32(&a->wait, number != 0 ? FLY__SQL_WAITS_TXN : FLY__SQL_WAITS_NOT);
}

void fly__sql_backend_waiting(fly_sql_session *session, fly_txn_waiting *waiting)
{
    *waiting = (fly_txn_waiting){.interrupted = interrupted, .waits = waits, .ctx = session};
}

/* ------------------------------------------------------------------------ seeing */

/* Read until nobody wrote meanwhile; a session that writes all the time is taken as it is found. */
static void see_activity(const fly__sql_activity *a, fly__sql_backend_seen *seen)
{
    enum { TRIES = 100 };
    for (int i = 0; i < TRIES; i++) {
        uint64_t version = fly_load_u64(&a->version);
        seen->doing = (fly__sql_doing)fly_load_relaxed_u64(&a->doing);
        seen->query_id = fly_load_relaxed_u64(&a->query_id);
        seen->xact_start = (int64_t)fly_load_relaxed_u64(&a->xact_start);
        seen->query_start = (int64_t)fly_load_relaxed_u64(&a->query_start);
        seen->state_change = (int64_t)fly_load_relaxed_u64(&a->state_change);
        seen->query_len = fly_load_relaxed_u64(&a->query_len);
        for (size_t w = 0; w * 8 < seen->query_len; w++) {
            uint64_t word = fly_load_relaxed_u64(&a->query[w]);
            memcpy(seen->query + w * 8, &word, 8);
        }
        fly_fence_acquire(); /* what was read stands before the second look at the version */
        if (version % 2 == 0 && fly_load_relaxed_u64(&a->version) == version) {
            break;
        }
        fly_pause();
    }
    seen->waits_for = fly_load_u32(&a->waits_for);
    seen->wait = (fly__sql_wait)fly_load_u32(&a->wait);
    seen->txn = fly_load_relaxed_u32(&a->txn);
}

static void see(const fly__sql_backend *backend, fly__sql_backend_seen *seen)
{
    seen->pid = backend->pid;
    seen->user_oid = backend->user_oid;
    seen->started = backend->started;
    memcpy(seen->user, backend->user, sizeof seen->user);
    memcpy(seen->database, backend->database, sizeof seen->database);
    memcpy(seen->application, backend->application, sizeof seen->application);
    memcpy(seen->address, backend->address, sizeof seen->address);
    memcpy(seen->type, backend->type, sizeof seen->type);
    seen->port = backend->port;
    seen->has_peer = backend->has_peer;
    see_activity(&backend->activity, seen);
}

void fly__sql_backends(fly_sql *sql, bool (*each)(void *ctx, const fly__sql_backend_seen *seen),
                       void *ctx)
{
    fly__sql_backend_seen seen;
    bool more = true;
    fly_mutex_lock(&sql->registry.mutex);
    for (size_t i = 0; more && i < FLY__SQL_REGISTRY_SLOTS; i++) {
        for (const fly__sql_backend *at = sql->registry.slots[i]; more && at != NULL;
             at = at->link) {
            see(at, &seen);
            more = each(ctx, &seen);
        }
    }
    fly_mutex_unlock(&sql->registry.mutex);
}

bool fly__sql_backend_find(fly_sql *sql, uint32_t pid, fly__sql_backend_seen *seen)
{
    fly_mutex_lock(&sql->registry.mutex);
    const fly__sql_backend *found = find(&sql->registry, pid);
    if (found != NULL) {
        see(found, seen);
    }
    fly_mutex_unlock(&sql->registry.mutex);
    return found != NULL;
}

/* Looking for the owner of a transaction. */
struct search {
    const char *database;
    uint32_t txn;
    uint32_t pid;
};

static bool look(void *ctx, const fly__sql_backend_seen *seen)
{
    struct search *search = ctx;
    if (seen->txn == search->txn && strcmp(seen->database, search->database) == 0) {
        search->pid = seen->pid;
    }
    return search->pid == 0;
}

size_t fly__sql_backend_blockers(fly_sql_session *session, uint32_t pid, uint32_t *pids,
                                 size_t room)
{
    fly__sql_backend_seen seen;
    if (!fly__sql_backend_find(session->sql, pid, &seen)) {
        return 0;
    }
    if (seen.wait == FLY__SQL_WAITS_TXN && seen.waits_for != 0) {
        struct search search = {.database = seen.database, .txn = seen.waits_for};
        fly__sql_backends(session->sql, look, &search);
        if (search.pid != 0 && room > 0) {
            pids[0] = search.pid;
        }
        return search.pid != 0;
    }
    return fly__sql_table_lock_blockers(session, pid, pids, room);
}
