/*
 * WATCH: what is committed to a table, told in the order of the commits.
 *
 *     log ── libtxn's tail ──> row bytes ── the table's layout ──> JSON ──> whoever watches
 *
 * A watch reads; nobody waits for it. It follows the table's tree through the log, and another one once
 * TRUNCATE or a rewrite have put the rows there, with a "TRUNCATE" between.
 *
 *     A1  events come in the order of commits; those of one transaction together, all with its LSN
 *     A2  who opens a watch at an event's LSN gets what follows that event's transaction
 *     A3  rows are decoded by the table as it is when they are told: a column that has been dropped
 *         since is not told, one that was added has the value that old rows have
 *
 * Row security is a condition of queries; it cannot be asked of a log. Who is under it may not watch.
 */
#include "session/watch_int.h"

#include "catalog/right_int.h"
#include "session/state_int.h"
#include "store/row_int.h"
#include "types/value_int.h"

#include <fly/vec_json.h>

#include <stdio.h>
#include <string.h>

struct fly_sql_watch {
    fly_sql_session *session;
    fly_sql_watch *next;    /* of the database's; the watchers' mutex */
    fly_sql_watch *sibling; /* of the session's */
    bool detached;          /* the session has left the database */
    bool from_given;        /* a position was given, and nothing has been read there yet */
    uint32_t oid;
    fly_tail *tail;
    uint32_t trees[2]; /* that are followed: the one before, and the present one */
    uint32_t tree_count;
    char tree[256];   /* name of the present one */
    uint64_t version; /* of the catalog when the layout was made */
    const fly__sql_table *table;
    fly__sql_catalog_view *view;
    fly__sql_row_layout layout;
    fly_arena layout_arena;
    fly_arena event_arena;
    bool in_txn;    /* events of a transaction have been given, but not its last */
    bool truncated; /* the present tree is new, and that was not told yet */
    bool held;      /* `change` is to be told next */
    fly_tail_change change;
    uint64_t woken; /* end of the log when it was woken; the watchers' mutex */
    void (*wake)(void *ctx);
    void *wake_ctx;
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a watch");
}

/* ------------------------------------------------------------------------ waking */

void fly__sql_watchers_init(fly__sql_watchers *watchers)
{
    fly_mutex_init(&watchers->mutex, "sql watches", FLY_RANK_NONE);
}

void fly__sql_watchers_deinit(fly__sql_watchers *watchers)
{
    FLY_ASSERT(watchers->first == NULL);
    fly_mutex_deinit(&watchers->mutex);
}

void fly__sql_watchers_wake(fly_sql_session *session)
{
    fly__sql_watchers *watchers = &session->database->watchers;
    if (FLY_LIKELY(fly_load_u32(&watchers->count) == 0)) {
        return;
    }
    uint64_t end = fly_wal_next(fly_store_wal(session->database->store));
    fly_mutex_lock(&watchers->mutex);
    for (fly_sql_watch *at = watchers->first; at != NULL; at = at->next) {
        if (at->wake != NULL && at->woken < end) {
            at->woken = end;
            at->wake(at->wake_ctx);
        }
    }
    fly_mutex_unlock(&watchers->mutex);
}

void fly_sql_watch_on_change(fly_sql_watch *watch, void (*wake)(void *ctx), void *ctx)
{
    if (watch->detached) {
        return;
    }
    fly__sql_watchers *watchers = &watch->session->database->watchers;
    fly_mutex_lock(&watchers->mutex);
    watch->wake = wake;
    watch->wake_ctx = ctx;
    if (wake != NULL) {
        wake(ctx); /* for what was committed since it was opened */
    }
    fly_mutex_unlock(&watchers->mutex);
}

/* ------------------------------------------------------------------ the table */

/* Whether a condition would be put before the user's queries of the table. */
static bool is_under_row_security(fly_sql_session *session, const fly__sql_table *table)
{
    const fly__sql_role *role = fly__sql_role_of(session, session->user_oid);
    if (!table->row_security && table->policy_count == 0) {
        return false;
    }
    if (fly__sql_is_superuser(session, session->user_oid) || (role != NULL && role->bypass_rls)) {
        return false;
    }
    bool forced = table->row_security && table->force_row_security;
    return forced || !fly__sql_owns(session, session->user_oid, table->owner);
}

static fly_status may_watch(fly_sql_session *session, const fly__sql_table *table, fly_err *err)
{
    if (table->class != FLY__SQL_TABLE) {
        return fly_err_state(err, "42809", 0, "\"%s\" is not a table", table->name);
    }
    fly__sql_secured object = fly__sql_secured_table(table);
    fly_status status =
        fly__sql_need_right(session, session->user_oid, &object, FLY__SQL_MAY_SELECT, err);
    if (status == FLY_OK && is_under_row_security(session, table)) {
        status = fly_err_state(err, "42501", 0,
                               "table \"%s\" cannot be watched under row-level security",
                               table->name);
    }
    return status;
}

/* The number of a tree, by its name, as is committed now. */
static fly_status tree_number(fly_store *store, const char *name, uint32_t *number, fly_err *err)
{
    fly_txn *txn = NULL;
    fly_tree *tree = NULL;
    fly_status status = fly_txn_begin(store, &(fly_txn_options){.read_only = true}, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_open(txn, name, 0, &tree, err);
    if (status == FLY_OK) {
        *number = fly_tree_id(tree);
    }
    fly_txn_rollback(txn);
    return status;
}

static fly_status follow(fly_sql_watch *watch, uint64_t lsn, fly_err *err)
{
    fly_tail *tail = NULL;
    fly_status status = fly_tail_open(watch->session->database->store, watch->trees,
                                      watch->tree_count, lsn, &tail, err);
    if (status == FLY_OK) {
        fly_tail_close(watch->tail);
        watch->tail = tail;
    }
    return status;
}

/* The rows lie in another tree than before. */
static fly_status change_tree(fly_sql_watch *watch, fly_err *err)
{
    uint32_t number = 0;
    fly_status status =
        tree_number(watch->session->database->store, watch->table->tree, &number, err);
    if (status == FLY_E_NOT_FOUND) { /* no row was ever there: it is made by the first one */
        return FLY_OK;
    }
    if (status != FLY_OK) {
        return status;
    }
    (void)snprintf(watch->tree, sizeof watch->tree, "%s", watch->table->tree);
    bool first = watch->tree_count == 0;
    watch->trees[0] = first ? number : watch->trees[watch->tree_count - 1];
    watch->trees[1] = number;
    watch->tree_count = first ? 1 : 2;
    if (watch->tail == NULL) {
        return FLY_OK;
    }
    watch->truncated = watch->truncated || !first;
    return follow(watch, fly_tail_position(watch->tail), err);
}

/* Know the table as it is now. */
static fly_status renew(fly_sql_watch *watch, fly_err *err)
{
    fly_sql_session *session = watch->session;
    fly_status status = fly__sql_session_view(session, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t version = fly__sql_catalog_version(session->view);
    if (watch->table != NULL && version == watch->version && watch->tree[0] != '\0') {
        return FLY_OK;
    }
    const fly__sql_table *table = fly__sql_table_of(session->view, watch->oid);
    if (table == NULL) {
        return fly_err_state(err, "42P01", 0, "the watched table was dropped");
    }
    status = may_watch(session, table, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_view_release(watch->view);
    watch->view = fly__sql_view_keep(session->view);
    watch->table = table;
    watch->version = version;
    fly_arena_reset(&watch->layout_arena);
    status = fly__sql_row_layout_make(session, table, &watch->layout_arena, &watch->layout, err);
    if (status == FLY_OK && strcmp(watch->tree, table->tree) != 0) {
        status = change_tree(watch, err);
    }
    return status;
}

/* ----------------------------------------------------------------------- events */

static fly_status put_name(fly_sql_text *text, const char *name, fly_err *err)
{
    fly_vec_str quoted;
    fly_status status = fly_vec_json_quote(fly_bytes_str(name), text->arena, &quoted, err);
    if (status == FLY_OK) {
        fly__sql_text_add(text, fly_vec_str_data(&quoted), quoted.len);
    }
    return status;
}

/* A row as JSON; no bytes: there is none. */
static fly_status row_json(fly_sql_watch *watch, fly_bytes bytes, fly_bytes *json, fly_err *err)
{
    fly_sql_text text = {.arena = &watch->event_arena};
    fly__sql_row_view view;
    *json = fly_bytes_of(NULL, 0);
    if (bytes.len == 0) {
        return FLY_OK;
    }
    fly_status status = fly__sql_row_view_make(&watch->layout, bytes, &view, err);
    fly__sql_text_put(&text, "{");
    for (uint16_t i = 0; status == FLY_OK && i < watch->table->column_count; i++) {
        const fly__sql_column *column = &watch->table->columns[i];
        fly_vec_value value;
        if (column->dropped) {
            continue;
        }
        status = fly__sql_row_read(&watch->layout, &view, (uint16_t)(i + 1), &value, err);
        if (status == FLY_OK) {
            fly__sql_text_put(&text, text.len > 1 ? "," : "");
            status = put_name(&text, column->name, err);
        }
        if (status == FLY_OK) {
            fly__sql_text_put(&text, ":");
            status =
                fly__sql_json_write(watch->session, column->type, &value, false, 0, &text, err);
        }
    }
    fly__sql_text_put(&text, "}");
    return status == FLY_OK ? fly__sql_text_end(&text, json, err) : status;
}

static fly_status tell(fly_sql_watch *watch, fly_sql_event *event, fly_err *err)
{
    static const char *const operations[] = {"INSERT", "UPDATE", "DELETE"};
    const fly_tail_change *change = &watch->change;
    *event = (fly_sql_event){.lsn = change->lsn,
                             .time = (int64_t)change->time,
                             .operation = operations[change->kind],
                             .table = watch->table->name,
                             .old_missing = change->old_missing,
                             .last = change->last};
    fly_arena_reset(&watch->event_arena);
    watch->in_txn = !change->last;
    fly_status status = row_json(watch, change->new_value, &event->new_row, err);
    return status == FLY_OK ? row_json(watch, change->old_value, &event->old_row, err) : status;
}

static fly_status tell_truncated(fly_sql_watch *watch, fly_sql_event *event)
{
    watch->truncated = false;
    *event = (fly_sql_event){.lsn = fly_tail_position(watch->tail),
                             .operation = "TRUNCATE",
                             .table = watch->table->name,
                             .last = true};
    return FLY_OK;
}

/* In PostgreSQL's words, as far as it has some. */
static fly_status story(fly_status status, bool from_given, fly_err *err)
{
    switch (status) {
    case FLY_E_NOT_FOUND:
        return fly_err_state(err, "55000", 0, "the watch fell behind: the log is gone");
    case FLY_E_TOO_LARGE:
        return fly_err_state(err, "54000", 0, "the watch fell behind: a transaction is too large");
    case FLY_E_CORRUPT:
        return from_given
                   ? fly_err_state(err, "22023", 0, "no change begins at this position of the log")
                   : status;
    case FLY_E_INVALID:
        return err != NULL && err->sqlstate[0] != '\0'
                   ? status
                   : fly_err_state(err, "22023", 0, "no change begins at this position of the log");
    default:
        return status;
    }
}

fly_status fly_sql_watch_next(fly_sql_watch *watch, fly_sql_event *event, fly_err *err)
{
    if (watch->detached) {
        return fly_err_state(err, "55000", 0, "the session has left the watched database");
    }
    fly_status status = watch->in_txn ? FLY_OK : renew(watch, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!watch->held) {
        if (watch->tree_count == 0) {
            return FLY_E_END;
        }
        status = fly_tail_next(watch->tail, &watch->change, err);
    }
    watch->held = false;
    uint32_t present = watch->trees[watch->tree_count - 1];
    if (watch->truncated &&
        (status == FLY_E_END || (status == FLY_OK && watch->change.tree == present))) {
        watch->held = status == FLY_OK;
        return tell_truncated(watch, event);
    }
    status = status == FLY_OK ? tell(watch, event, err) : story(status, watch->from_given, err);
    watch->from_given = false;
    return status;
}

/* -------------------------------------------------------------------------- life */

fly_status fly_sql_watch_open(fly_sql_session *session, fly_bytes table, uint64_t lsn,
                              fly_sql_watch **opened, fly_err *err)
{
    fly__sql_watchers *watchers = &session->database->watchers;
    fly_mem *mem = &session->account.mem;
    fly_status status = fly__sql_session_view(session, err);
    fly_sql_watch *watch = status == FLY_OK ? fly_mem_calloc(mem, 1, sizeof *watch) : NULL;
    if (watch == NULL) {
        return status != FLY_OK ? status : no_memory(err);
    }
    watch->session = session;
    fly_arena_init(&watch->layout_arena, mem, 1024);
    fly_arena_init(&watch->event_arena, mem, 4096);
    fly_mutex_lock(&watchers->mutex);
    watch->next = watchers->first;
    watchers->first = watch;
    watch->sibling = session->state->watches;
    session->state->watches = watch;
    (void)fly_add_u32(&watchers->count, 1);
    fly_mutex_unlock(&watchers->mutex);
    status = fly__sql_reg_in(session, FLY_SQL_REGCLASS, table, false, &watch->event_arena,
                             &watch->oid, err);
    if (status == FLY_OK) {
        status = renew(watch, err);
    }
    if (status == FLY_OK) {
        watch->from_given = lsn != 0;
        status = story(follow(watch, lsn, err), watch->from_given, err);
    }
    if (status != FLY_OK) {
        fly_sql_watch_close(watch);
        return status;
    }
    *opened = watch;
    return FLY_OK;
}

uint64_t fly_sql_watch_position(const fly_sql_watch *watch)
{
    return watch->tail != NULL ? fly_tail_position(watch->tail) : 0;
}

void fly_sql_watch_rest(fly_sql_watch *watch)
{
    if (!watch->held && watch->tail != NULL) { /* a held change's bytes are the tail's */
        fly_tail_rest(watch->tail);
    }
}

/* Follow nothing any more. */
static void detach(fly_sql_watch *watch)
{
    fly__sql_watchers *watchers = &watch->session->database->watchers;
    fly_mutex_lock(&watchers->mutex);
    fly_sql_watch **at = &watchers->first;
    while (*at != watch) {
        at = &(*at)->next;
    }
    *at = watch->next;
    (void)fly_sub_u32(&watchers->count, 1);
    fly_mutex_unlock(&watchers->mutex);
    fly_tail_close(watch->tail);
    fly__sql_view_release(watch->view);
    watch->tail = NULL;
    watch->view = NULL;
    watch->detached = true;
}

void fly_sql_watch_close(fly_sql_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    fly_sql_watch **at = &watch->session->state->watches;
    while (*at != watch) {
        at = &(*at)->sibling;
    }
    *at = watch->sibling;
    if (!watch->detached) {
        detach(watch);
    }
    fly_arena_deinit(&watch->layout_arena);
    fly_arena_deinit(&watch->event_arena);
    fly_mem_free(&watch->session->account.mem, watch, sizeof *watch);
}

void fly__sql_watches_detach(fly_sql_session *session)
{
    for (fly_sql_watch *at = session->state->watches; at != NULL; at = at->sibling) {
        if (!at->detached) {
            detach(at);
        }
    }
}

void fly__sql_watches_close(fly_sql_session *session)
{
    while (session->state->watches != NULL) {
        fly_sql_watch_close(session->state->watches);
    }
}
