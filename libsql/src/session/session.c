/*
 * Sessions: their transactions, and what lives as long as they do.
 *
 *     idle ── statement ──> a transaction of its own, committed with its last row
 *     idle ── BEGIN ──> in a transaction ── COMMIT, ROLLBACK ──> idle
 *                            │    ^
 *                     error  v    │  ROLLBACK TO
 *                          failed: nothing but the ways back
 *
 *     S1  txn is NULL exactly when the session is idle and no statement runs
 *     S2  the view is the newest, or the transaction's own, whenever a statement begins
 *     S3  what the transaction did to settings, trees and savepoints ends with it
 */
#include "session/state_int.h"

#include "catalog/system_int.h"
#include "exec/exec_int.h"
#include "pl/pl_int.h"
#include "session/lock_int.h"
#include "session/named_int.h"
#include "session/program_int.h"
#include "session/settings_int.h"
#include "session/stmt_int.h"
#include "session/user_int.h"

#include <fly/base_hash.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a session");
}

char *fly__sql_session_strdup(fly_sql_session *session, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = fly_mem_alloc(&session->account.mem, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void fly__sql_session_strfree(fly_sql_session *session, char *text)
{
    if (text != NULL) {
        fly_mem_free(&session->account.mem, text, strlen(text) + 1);
    }
}

/* ----------------------------------------------------------- beginning and end */

static fly_status fill(fly_sql_session *session, const fly_sql_session_options *options,
                       fly_err *err)
{
    const char *user = options->user != NULL ? options->user : "admin";
    const char *database = options->database != NULL ? options->database : "default";
    fly_status status = fly__sql_user_begin(session, user, err);
    if (status == FLY_OK) {
        status = fly__sql_settings_init(session, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_database_acquire(session->sql, database, false, &session->database, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_session_view(session, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_user_settings(session, err);
    }
    return status;
}

fly_status fly_sql_session_open(fly_sql *sql, const fly_sql_session_options *options,
                                fly_sql_session **opened, fly_err *err)
{
    static const fly_sql_session_options defaults;
    options = options == NULL ? &defaults : options;
    fly_sql_session *session = fly_mem_calloc(sql->env->mem, 1, sizeof *session);
    fly__sql_session_state *state = fly_mem_calloc(sql->env->mem, 1, sizeof *state);
    if (session == NULL || state == NULL) {
        fly_mem_free(sql->env->mem, session, sizeof *session);
        fly_mem_free(sql->env->mem, state, sizeof *state);
        return no_memory(err);
    }
    session->sql = sql;
    session->env = sql->env;
    session->state = state;
    session->triggers = &fly__sql_pl_triggers;
    uint64_t query = options->memory_bytes != 0 ? options->memory_bytes : sql->memory_bytes;
    fly_account_init(&session->account, sql->env->mem, "session", 0);
    fly_account_init(&session->query, &session->account.mem, "query", query);
    fly__sql_rows_init(&state->rows, session);
    fly__sql_system_init(&state->system, session);
    fly__sql_backend_waiting(session, &state->waiting);
    fly_status status = fill(session, options, err);
    if (status == FLY_OK && options->application_name != NULL) {
        status = fly__sql_setting_set(session, "application_name", options->application_name, false,
                                      err);
    }
    if (status == FLY_OK) {
        status = fly__sql_backend_enter(session, options, err);
    }
    if (status != FLY_OK) {
        fly_sql_session_close(session);
        return status;
    }
    *opened = session;
    return FLY_OK;
}

static void forget_trees(fly_sql_session *session)
{
    for (size_t i = 0; i < FLY__SQL_TREE_SLOTS; i++) {
        fly__sql_tree_entry **at = &session->state->trees[i];
        while (*at != NULL) {
            fly__sql_tree_entry *entry = *at;
            *at = entry->link;
            fly_mem_free(&session->account.mem, entry, sizeof *entry);
        }
    }
    session->state->trees_new = false;
}

void fly__sql_session_leave(fly_sql_session *session)
{
    if (session->database == NULL) {
        return;
    }
    (void)fly__sql_named_forget(session, NULL);
    (void)fly__sql_cursors_forget(session, NULL);
    fly__sql_temporary_drop(session);
    fly__sql_pl_forget(session);
    fly__sql_programs_forget(session);
    fly__sql_sequences_forget(session);
    forget_trees(session);
    fly__sql_change_settle(session);
    fly__sql_notify_forget(session);
    fly__sql_watches_detach(session);
    fly__sql_advisory_unlock_all(session);
    fly__sql_view_release(session->view);
    session->view = NULL;
    fly__sql_database_release(session->sql, session->database);
    session->database = NULL;
}

void fly_sql_session_close(fly_sql_session *session)
{
    if (session == NULL) {
        return;
    }
    fly__sql_session_state *state = session->state;
    fly_mem *mem = session->sql->env->mem;
    fly__sql_backend_leave(session);
    fly__sql_watches_close(session);
    (void)fly__sql_named_forget(session, NULL);
    (void)fly__sql_cursors_forget(session, NULL);
    if (session->database != NULL) {
        fly__sql_pl_forget(session); /* its statements are among those that follow */
    }
    fly__sql_cache_clear(session);
    fly__sql_stmts_close(session);
    if (session->txn != NULL) {
        fly__sql_txn_rollback(session);
    }
    fly__sql_session_leave(session);
    fly__sql_settings_deinit(session);
    fly__sql_roles_leave(session);
    fly_account_deinit(&session->query);
    fly_account_deinit(&session->account);
    fly_mem_free(mem, state, sizeof *state);
    fly_mem_free(mem, session, sizeof *session);
}

const char *fly_sql_session_database(const fly_sql_session *session)
{
    return session->database->name;
}

char fly_sql_session_state(const fly_sql_session *session)
{
    return session->txn_failed ? 'E' : session->txn_explicit ? 'T' : 'I';
}

const char *fly_sql_session_setting(fly_sql_session *session, const char *name)
{
    return fly__sql_setting(session, name);
}

void fly_sql_on_progress(fly_sql_session *session,
                         bool (*progress)(void *ctx, uint64_t done, uint64_t of), void *ctx)
{
    session->progress = progress;
    session->progress_ctx = ctx;
}

void fly_sql_on_notice(fly_sql_session *session,
                       void (*notice)(void *ctx, const char *severity, const fly_err *notice),
                       void *ctx)
{
    session->notice = notice;
    session->notice_ctx = ctx;
}

void fly_sql_on_utility(fly_sql_session *session,
                        void (*done)(void *ctx, const char *tag, fly_bytes text,
                                     const fly_err *failure),
                        void *ctx)
{
    session->utility = done;
    session->utility_ctx = ctx;
}

void fly__sql_notice(fly_sql_session *session, const char *severity, const char *sqlstate,
                     const char *format, ...)
{
    if (session->notice == NULL) {
        return;
    }
    fly_err notice = {0};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(notice.message, sizeof notice.message, format, args);
    va_end(args);
    memcpy(notice.sqlstate, sqlstate, sizeof notice.sqlstate - 1);
    session->notice(session->notice_ctx, severity, &notice);
}

/* --------------------------------------------------------------------- views */

fly__sql_catalog *fly__sql_session_catalog(const fly_sql_session *session)
{
    return session->database->catalog;
}

fly_status fly__sql_session_view(fly_sql_session *session, fly_err *err)
{
    fly__sql_catalog *catalog = session->database->catalog;
    fly_status status = fly__sql_roles_refresh(session, err);
    if (status != FLY_OK) {
        return status;
    }
    if (session->view != NULL && fly__sql_view_is_newest(session, session->view)) {
        return FLY_OK;
    }
    return fly__sql_view_acquire(catalog, session->view, session, &session->view, err);
}

const fly__sql_source *fly__sql_source_of(fly_sql_session *session, const fly__sql_table *table)
{
    return table->class == FLY__SQL_SYSTEM ? &session->state->system : &session->state->rows;
}

fly_status fly__sql_session_collation(fly_sql_session *session, uint32_t oid,
                                      const struct fly_collation **collation, fly_err *err)
{
    return fly__sql_engine_collation(session->sql, oid, collation, err);
}

/* --------------------------------------------------------------------- trees */

/* A tree that another transaction made since our snapshot was taken, and committed: a fresh one sees it.
 * What it holds is, to us, still what our snapshot says. */
static fly_status tree_of_others(fly_store *store, const char *name, fly_tree **tree, fly_err *err)
{
    fly_txn *txn = NULL;
    fly_status status = fly_txn_begin(store, &(fly_txn_options){.read_only = true}, &txn, err);
    if (status == FLY_OK) {
        status = fly_txn_tree_open(txn, name, 0, tree, err);
        fly_txn_rollback(txn);
    }
    return status;
}

fly_status fly__sql_session_tree(fly_sql_session *session, const char *name, fly_tree **tree,
                                 fly_err *err)
{
    fly__sql_session_state *state = session->state;
    size_t len = strlen(name);
    size_t slot = fly_hash(name, len, 0) % FLY__SQL_TREE_SLOTS;
    for (fly__sql_tree_entry *at = state->trees[slot]; at != NULL; at = at->link) {
        if (strcmp(at->name, name) == 0) {
            *tree = at->tree;
            return FLY_OK;
        }
    }
    fly_status status = fly_txn_tree_open(session->txn, name, 0, tree, err);
    if (status == FLY_E_NOT_FOUND) {
        status = fly_txn_tree_open(session->txn, name, FLY_TREE_CREATE, tree, err);
        state->trees_new = true;
    }
    if (status == FLY_E_NOT_FOUND || status == FLY_E_EXISTS) {
        status = tree_of_others(session->database->store, name, tree, err);
    }
    fly__sql_tree_entry *entry = NULL;
    if (status == FLY_OK && len < sizeof entry->name) {
        entry = fly_mem_calloc(&session->account.mem, 1, sizeof *entry);
    }
    if (entry != NULL) { /* else it is looked up again the next time */
        memcpy(entry->name, name, len + 1);
        entry->tree = *tree;
        entry->link = state->trees[slot];
        state->trees[slot] = entry;
    }
    return status;
}

/* -------------------------------------------------------------- transactions */

static const char *const isolation_names[] = {"read committed", "read committed", "repeatable read",
                                              "serializable"};

const char *fly__sql_isolation_name(fly_isolation isolation)
{
    return isolation_names[isolation];
}

bool fly__sql_isolation_parse(const char *text, fly_isolation *isolation)
{
    static const struct {
        const char *name;
        fly_isolation isolation;
    } names[] = {{"read uncommitted", FLY_ISOLATION_READ_COMMITTED},
                 {"read committed", FLY_ISOLATION_READ_COMMITTED},
                 {"repeatable read", FLY_ISOLATION_SNAPSHOT},
                 {"snapshot", FLY_ISOLATION_SNAPSHOT},
                 {"serializable", FLY_ISOLATION_SERIALIZABLE}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            *isolation = names[i].isolation;
            return true;
        }
    }
    return false;
}

/* The transaction below is begun anew with the other level, which is the same as long as it has done
 * nothing. */
fly_status fly__sql_txn_isolate(fly_sql_session *session, fly_isolation isolation, fly_err *err)
{
    fly__sql_session_state *state = session->state;
    if (session->txn == NULL || isolation == state->txn_isolation) {
        return FLY_OK;
    }
    if (state->txn_used) {
        return fly_err_state(err, "25001", 0,
                             "SET TRANSACTION ISOLATION LEVEL must be called before any query");
    }
    fly_txn *txn = NULL;
    fly_txn_options options = {.isolation = isolation,
                               .read_only = session->sql->read_only,
                               .lock_timeout_ms = state->lock_timeout_ms,
                               .waiting = &state->waiting};
    fly_status status = fly_txn_begin(session->database->store, &options, &txn, err);
    if (status == FLY_OK) {
        fly_txn_rollback(session->txn);
        session->txn = txn;
        state->txn_isolation = isolation;
    }
    return status;
}

fly_status fly__sql_txn_begin(fly_sql_session *session, fly_err *err)
{
    fly__sql_session_state *state = session->state;
    fly_txn_options options = {.isolation = state->isolation, .read_only = session->sql->read_only};
    options.lock_timeout_ms = state->lock_timeout_ms;
    options.waiting = &state->waiting;
    fly_status status = fly_txn_begin(session->database->store, &options, &session->txn, err);
    if (status == FLY_OK) {
        state->txn_isolation = state->isolation;
        state->read_only = state->default_read_only;
        state->txn_used = false;
        session->txn_time = (int64_t)session->env->wall_time(session->env);
    }
    return status;
}

static void drop_savepoints(fly_sql_session *session, fly__sql_savepoint *down_to)
{
    while (session->state->savepoints != down_to) {
        fly__sql_savepoint *top = session->state->savepoints;
        session->state->savepoints = top->below;
        fly__sql_view_release(top->view);
        fly__sql_roles_mark_free(&top->roles);
        fly_mem_free(&session->account.mem, top, sizeof *top);
    }
}

static void txn_ended(fly_sql_session *session, bool committed)
{
    fly__sql_table_unlock_all(session);
    fly__sql_change_end(session, committed);
    session->txn = NULL;
    session->txn_explicit = false;
    session->txn_failed = false;
    session->state->block = false;
    session->defer_all = false;
    session->defer_none = false;
    drop_savepoints(session, NULL);
    if (!committed && session->state->trees_new) {
        forget_trees(session);
    }
    session->state->trees_new = false;
    fly__sql_settings_end(session, committed);
}

void fly__sql_txn_not_serial(fly_err *err)
{
    (void)fly_err_state(err, "40001", 0,
                        "could not serialize access due to read/write dependencies among "
                        "transactions");
    fly_err_hint(err, "The transaction might succeed if retried.");
    if (err != NULL) {
        err->status = FLY_E_CONFLICT;
    }
}

fly_status fly__sql_txn_commit(fly_sql_session *session, fly_err *err)
{
    fly_status status = fly__sql_cursors_end(session, true, err);
    if (status == FLY_OK) {
        status = fly__sql_deferred_check(session, err);
    }
    if (status != FLY_OK) {
        fly__sql_txn_rollback(session);
        return status;
    }
    status = fly__sql_notify_enter(session, err);
    if (status != FLY_OK) {
        fly__sql_txn_rollback(session);
        return status;
    }
    fly_durability durability = session->state->asynchronous ? FLY_DURABILITY_ASYNC
                                                             : FLY_DURABILITY_DEFAULT;
    fly__sql_change_enter(session);
    status = fly_txn_commit_as(session->txn, durability, err);
    fly__sql_change_leave(session, status == FLY_OK);
    fly__sql_notify_leave(session, status == FLY_OK);
    fly__sql_watchers_wake(session);
    if (status == FLY_OK) {
        status = fly__sql_roles_commit(session, err);
    } else {
        fly__sql_roles_rollback(session);
    }
    txn_ended(session, status == FLY_OK);
    if (status == FLY_E_CONFLICT) {
        fly__sql_txn_not_serial(err);
    }
    return status;
}

void fly__sql_txn_rollback(fly_sql_session *session)
{
    (void)fly__sql_cursors_end(session, false, NULL); /* rolling back is all that can be done */
    fly__sql_deferred_forget(session);
    fly__sql_change_enter(session);
    fly_txn_rollback(session->txn);
    fly__sql_change_leave(session, false);
    fly__sql_notify_leave(session, false);
    fly__sql_roles_rollback(session);
    txn_ended(session, false);
}

/* A transaction block has failed. What it did since the newest savepoint goes at once, and with it its
 * locks: nobody has to wait until the client says ROLLBACK. */
void fly__sql_txn_fail(fly_sql_session *session)
{
    const fly__sql_savepoint *top = session->state->savepoints;
    fly_savepoint all = {0};
    bool before = session->txn_failed;
    session->txn_failed = true;
    if (before || session->txn == NULL || session->state->running > 0) {
        return; /* what runs may look at its rows; ROLLBACK comes */
    }
    if (fly_txn_rollback_to(session->txn, top != NULL ? top->point : all, NULL) == FLY_OK &&
        top == NULL) {
        fly__sql_table_unlock_all(session);
    }
}

static fly__sql_savepoint *find_savepoint(fly_sql_session *session, const char *name)
{
    fly__sql_savepoint *at = session->state->savepoints;
    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->below;
    }
    return at;
}

static fly_status no_savepoint(const char *name, fly_err *err)
{
    return fly_err_state(err, "3B001", 0, "savepoint \"%s\" does not exist", name);
}

fly_status fly__sql_savepoint_set(fly_sql_session *session, const char *name, fly_err *err)
{
    fly__sql_savepoint *made = fly_mem_calloc(&session->account.mem, 1, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    (void)snprintf(made->name, sizeof made->name, "%s", name);
    made->point = fly_txn_savepoint(session->txn);
    made->view = fly__sql_change_mark(session);
    made->said = fly__sql_notify_at(session);
    made->set = session->state->undo_count;
    fly__sql_roles_mark_set(session, &made->roles);
    made->below = session->state->savepoints;
    session->state->savepoints = made;
    return FLY_OK;
}

fly_status fly__sql_savepoint_back(fly_sql_session *session, const char *name, fly_err *err)
{
    fly__sql_savepoint *to = find_savepoint(session, name);
    if (to == NULL) {
        return no_savepoint(name, err);
    }
    fly_status status = fly_txn_rollback_to(session->txn, to->point, err);
    if (status == FLY_OK) {
        status = fly__sql_roles_back(session, &to->roles, err);
    }
    if (status == FLY_OK) {
        fly__sql_change_back(session, to->view);
        fly__sql_notify_back(session, to->said);
        drop_savepoints(session, to);
        if (session->state->trees_new) {
            forget_trees(session);
            session->state->trees_new = true;
        }
        session->txn_failed = false;
        fly__sql_settings_back(session, to->set);
    }
    return status;
}

/* ---------------------------------------------------- parts that may be taken back */

void fly__sql_guard_begin(fly_sql_session *session, fly__sql_guard *guard)
{
    *guard = (fly__sql_guard){.point = fly_txn_savepoint(session->txn),
                              .view = fly__sql_change_mark(session),
                              .said = fly__sql_notify_at(session),
                              .set = session->state->undo_count,
                              .running = session->state->running};
    fly__sql_roles_mark_set(session, &guard->roles);
}

void fly__sql_guard_end(fly_sql_session *session, fly__sql_guard *guard)
{
    (void)session;
    fly__sql_view_release(guard->view);
    guard->view = NULL;
    fly__sql_roles_mark_free(&guard->roles);
}

fly_status fly__sql_guard_back(fly_sql_session *session, fly__sql_guard *guard, fly_err *err)
{
    FLY_ASSERT(session->state->running == guard->running);
    fly_status status = fly_txn_rollback_to(session->txn, guard->point, err);
    if (status == FLY_OK) {
        status = fly__sql_roles_back(session, &guard->roles, err);
    }
    if (status == FLY_OK) {
        fly__sql_change_back(session, guard->view);
        fly__sql_notify_back(session, guard->said);
        if (session->state->trees_new) {
            forget_trees(session);
            session->state->trees_new = true;
        }
        session->txn_failed = false;
        fly__sql_settings_back(session, guard->set);
    }
    fly__sql_guard_end(session, guard);
    return status;
}

fly_status fly__sql_txn_renew(fly_sql_session *session, bool commit, fly_err *err)
{
    fly_status status = FLY_OK;
    if (commit) {
        status = fly__sql_txn_commit(session, err);
    } else {
        fly__sql_txn_rollback(session);
    }
    if (status == FLY_OK) {
        status = fly__sql_txn_begin(session, err);
    }
    if (status == FLY_OK) {
        fly_txn_statement(session->txn);
        status = fly__sql_session_view(session, err);
    }
    return status;
}

fly_status fly__sql_savepoint_release(fly_sql_session *session, const char *name, fly_err *err)
{
    fly__sql_savepoint *to = find_savepoint(session, name);
    if (to == NULL) {
        return no_savepoint(name, err);
    }
    drop_savepoints(session, to->below);
    return FLY_OK;
}

/* ---------------------------------------------------------------- statements */

fly_status fly__sql_statement_begin(fly_sql_session *session, fly_err *err)
{
    fly_status status = FLY_OK;
    if (session->txn_failed) {
        return fly_err_state(err, "25P02", 0,
                             "current transaction is aborted, commands ignored until end of "
                             "transaction block");
    }
    bool begun = session->txn == NULL;
    if (begun) {
        status = fly__sql_txn_begin(session, err);
    }
    if (status == FLY_OK && session->state->running == 0) {
        fly_txn_statement(session->txn);
        status = fly__sql_cancel_clear(session, err);
    }
    if (status == FLY_OK && session->state->running == 0) {
        /* A transaction begins with its first statement. */
        session->statement_time = begun ? session->txn_time
                                        : (int64_t)session->env->wall_time(session->env);
        uint32_t limit = session->state->statement_timeout_ms;
        session->has_deadline = limit != 0;
        session->state->deadline_us = limit == 0 ? 0
                                                 : session->statement_time + (int64_t)limit * 1000;
        status = fly__sql_session_view(session, err);
    }
    if (status == FLY_OK) {
        session->state->running++;
    } else if (session->txn != NULL && !session->txn_explicit && session->state->running == 0) {
        fly__sql_txn_rollback(session);
    }
    return status;
}

fly_status fly__sql_statement_end(fly_sql_session *session, bool failed, fly_err *err)
{
    FLY_ASSERT(session->state->running > 0);
    session->state->running--;
    if (session->state->running == 0) {
        fly__sql_change_settle(session);
    }
    if (session->txn == NULL) { /* the statement itself ended it: COMMIT */
        return FLY_OK;
    }
    if (session->txn_explicit) {
        if (failed) {
            fly__sql_txn_fail(session);
        }
        return FLY_OK;
    }
    if (failed) {
        if (session->state->running == 0) {
            fly__sql_txn_rollback(session);
        }
        return FLY_OK;
    }
    if (session->state->running > 0 || session->state->block) {
        return FLY_OK;
    }
    return fly__sql_txn_commit(session, err);
}

void fly_sql_on_password(fly_sql *sql,
                         fly_status (*check)(void *ctx, const char *user, fly_bytes password,
                                             fly_err *err),
                         void *ctx)
{
    sql->password = check;
    sql->password_ctx = ctx;
}
