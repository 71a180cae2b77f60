/*
 * Statements that have no plan: those about transactions, settings, prepared statements.
 *
 * What changes the catalog is in ddl*.c, cursors are in cursor.c, the rest has a file each.
 */
#include "session/stmt_int.h"

#include "catalog/right_int.h"
#include "exec/exec_int.h"
#include "pl/pl_int.h"
#include "session/lock_int.h"
#include "session/named_int.h"
#include "session/settings_int.h"
#include "session/statement_kind_int.h"
#include "session/user_int.h"

#include <stdio.h>
#include <string.h>

static void tag(fly_sql_stmt *stmt, const char *text)
{
    (void)snprintf(stmt->tag, sizeof stmt->tag, "%s", text);
}

fly_status fly__sql_check_writable(fly_sql_session *session, const char *command, fly_err *err)
{
    if (session->state->read_only || session->sql->read_only) {
        return fly_err_state(err, "25006", 0, "cannot execute %s in a read-only transaction",
                             command);
    }
    return FLY_OK;
}

uint32_t fly__sql_plan_origin(const fly__sql_plan *plan, uint32_t i, uint16_t *column)
{
    const fly__sql_rel *rel = plan->root;
    fly__sql_colid id = plan->columns[i].id;
    while (rel != NULL) {
        if (rel->kind == FLY__SQL_R_SCAN) {
            for (uint32_t k = 0; k < rel->column_count; k++) {
                if (rel->columns[k].id == id) {
                    *column = rel->scan.attnums[k];
                    return rel->scan.table->oid;
                }
            }
            return 0;
        }
        if (rel->kind == FLY__SQL_R_PROJECT) {
            for (uint32_t k = 0; k < rel->column_count; k++) {
                if (rel->columns[k].id == id && rel->project.exprs[k]->kind == FLY__SQL_X_COLUMN) {
                    id = rel->project.exprs[k]->column;
                    break;
                }
            }
        }
        bool in_right = rel->kind == FLY__SQL_R_JOIN && rel->right != NULL &&
                        fly__sql_rel_makes(rel->right, id);
        rel = in_right ? rel->right : rel->left;
    }
    return 0;
}

/* -------------------------------------------------------------- transactions */

/* The modes of BEGIN and SET TRANSACTION. */
static fly_status apply_modes(fly_sql_session *session, const fly_ast_list *options, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < options->count && status == FLY_OK; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        const fly_ast_const *value = (const fly_ast_const *)option->value;
        if (strcmp(option->name, "isolation") == 0) {
            status = fly__sql_setting_set(session, "transaction_isolation",
                                          (const char *)value->text.data, true, err);
        } else if (strcmp(option->name, "read_only") == 0) {
            session->state->read_only = value->value != 0;
        }
    }
    return status;
}

static fly_status begin(fly_sql_stmt *stmt, const fly_ast_transaction *node, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    tag(stmt, node->type == FLY_AST_TXN_START ? "START TRANSACTION" : "BEGIN");
    if (session->txn_explicit) {
        fly__sql_notice(session, "WARNING", "25001", "there is already a transaction in progress");
        return FLY_OK;
    }
    session->txn_explicit = true;
    return apply_modes(session, &node->options, err);
}

static fly_status chain(fly_sql_session *session, bool wanted, fly_isolation isolation,
                        bool read_only, fly_err *err)
{
    if (!wanted) {
        return FLY_OK;
    }
    fly_status status = fly__sql_txn_begin(session, err);
    if (status == FLY_OK) {
        session->txn_explicit = true;
        session->state->read_only = read_only;
        status = fly__sql_txn_isolate(session, isolation, err);
    }
    return status;
}

/* COMMIT and ROLLBACK. A failed transaction's COMMIT is a ROLLBACK. */
static fly_status end(fly_sql_stmt *stmt, const fly_ast_transaction *node, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    bool commit = node->type == FLY_AST_TXN_COMMIT && !session->txn_failed;
    fly_isolation isolation = session->state->txn_isolation;
    bool read_only = session->state->read_only;
    if (!session->txn_explicit) {
        if (node->chain) {
            return fly_err_state(err, "25P01", 0,
                                 "%s AND CHAIN can only be used in transaction "
                                 "blocks",
                                 commit ? "COMMIT" : "ROLLBACK");
        }
        fly__sql_notice(session, "WARNING", "25P01", "there is no transaction in progress");
    }
    tag(stmt, commit ? "COMMIT" : "ROLLBACK");
    fly_status status = FLY_OK;
    fly__sql_stmts_halt(session, stmt);
    if (commit) {
        status = fly__sql_txn_commit(session, err);
    } else if (session->txn != NULL) {
        fly__sql_txn_rollback(session);
    }
    return status == FLY_OK ? chain(session, node->chain, isolation, read_only, err) : status;
}

static fly_status need_block(fly_sql_session *session, const char *what, fly_err *err)
{
    if (!session->txn_explicit && !session->state->block) {
        return fly_err_state(err, "25P01", 0, "%s can only be used in transaction blocks", what);
    }
    return FLY_OK;
}

static fly_status transaction(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_transaction *node = (const fly_ast_transaction *)stmt->node;
    fly_sql_session *session = stmt->session;
    fly_status status = FLY_OK;
    switch (node->type) {
    case FLY_AST_TXN_BEGIN:
    case FLY_AST_TXN_START:
        return begin(stmt, node, err);
    case FLY_AST_TXN_COMMIT:
    case FLY_AST_TXN_ROLLBACK:
        return end(stmt, node, err);
    case FLY_AST_TXN_SAVEPOINT:
        tag(stmt, "SAVEPOINT");
        status = need_block(session, "SAVEPOINT", err);
        return status == FLY_OK ? fly__sql_savepoint_set(session, node->name, err) : status;
    case FLY_AST_TXN_RELEASE:
        tag(stmt, "RELEASE");
        status = need_block(session, "RELEASE SAVEPOINT", err);
        return status == FLY_OK ? fly__sql_savepoint_release(session, node->name, err) : status;
    case FLY_AST_TXN_ROLLBACK_TO:
        tag(stmt, "ROLLBACK");
        status = need_block(session, "ROLLBACK TO SAVEPOINT", err);
        return status == FLY_OK ? fly__sql_savepoint_back(session, node->name, err) : status;
    default:
        return fly_err_state(err, "0A000", 0, "two-phase commit is not supported in SQL");
    }
}

bool fly__sql_utility_ends_failure(const fly_ast *node)
{
    if (node->kind != FLY_AST_TRANSACTION) {
        return false;
    }
    fly_ast_txn_kind type = ((const fly_ast_transaction *)node)->type;
    return type == FLY_AST_TXN_COMMIT || type == FLY_AST_TXN_ROLLBACK ||
           type == FLY_AST_TXN_ROLLBACK_TO;
}

/* ------------------------------------------------------------------ settings */

/* The values of SET as one text: 'a', b, 3 is "a, b, 3". Names of a search path are quoted. */
const char *fly__sql_set_text(fly_sql_stmt *stmt, const fly_ast_set *node)
{
    bool is_path = strcmp(node->name, "search_path") == 0;
    size_t room = 1;
    for (uint32_t i = 0; i < node->args.count; i++) {
        const fly_ast *arg = node->args.items[i];
        room += arg->kind == FLY_AST_CONST ? ((const fly_ast_const *)arg)->text.len + 32 : 96;
    }
    char *text = fly_arena_alloc(&stmt->line_arena, room);
    if (text == NULL) {
        return NULL;
    }
    size_t len = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < node->args.count; i++) {
        const fly_ast *arg = node->args.items[i];
        if (arg->kind == FLY_AST_CAST) { /* INTERVAL '…': its text */
            arg = ((const fly_ast_cast *)arg)->arg;
        }
        const fly_ast_const *value = (const fly_ast_const *)arg;
        const char *comma = i == 0 ? "" : ", ";
        bool quote = is_path && node->args.count > 0 && value->type == FLY_AST_CONST_STRING &&
                     memchr(value->text.data, ',', value->text.len) == NULL &&
                     memchr(value->text.data, '"', value->text.len) == NULL;
        int n = 0;
        if (value->type == FLY_AST_CONST_BOOL) {
            n = snprintf(text + len, room - len, "%s%s", comma, value->value ? "on" : "off");
        } else {
            n = snprintf(text + len, room - len, quote ? "%s\"%.*s\"" : "%s%.*s", comma,
                         (int)value->text.len, (const char *)value->text.data);
        }
        len += n > 0 ? (size_t)n : 0;
    }
    return text;
}

static fly_status set(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_set *node = (const fly_ast_set *)stmt->node;
    fly_sql_session *session = stmt->session;
    bool local = node->scope == FLY_AST_SET_LOCAL;
    tag(stmt, "SET");
    session->epoch++;
    if (local && !session->txn_explicit) {
        fly__sql_notice(session, "WARNING", "25P01",
                        "SET LOCAL can only be used in transaction blocks");
        return FLY_OK;
    }
    switch (node->type) {
    case FLY_AST_SET_VALUE: {
        const char *value = fly__sql_set_text(stmt, node);
        return value == NULL ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a setting")
                             : fly__sql_setting_set(session, node->name, value, local, err);
    }
    case FLY_AST_SET_RESET:
        tag(stmt, "RESET");
        return fly__sql_setting_set(session, node->name, NULL, local, err);
    case FLY_AST_SET_DEFAULT:
        return fly__sql_setting_set(session, node->name, NULL, local, err);
    case FLY_AST_SET_RESET_ALL:
        tag(stmt, "RESET");
        return fly__sql_settings_reset(session, err);
    case FLY_AST_SET_TRANSACTION:
        return apply_modes(session, &node->args, err);
    case FLY_AST_SET_SESSION_CHARACTERISTICS:
        for (uint32_t i = 0; i < node->args.count; i++) {
            const fly_ast_option *option = (const fly_ast_option *)node->args.items[i];
            const fly_ast_const *value = (const fly_ast_const *)option->value;
            fly_status status = FLY_OK;
            if (strcmp(option->name, "isolation") == 0) {
                status = fly__sql_setting_set(session, "default_transaction_isolation",
                                              (const char *)value->text.data, false, err);
            } else if (strcmp(option->name, "read_only") == 0) {
                status = fly__sql_setting_set(session, "default_transaction_read_only",
                                              value->value != 0 ? "on" : "off", false, err);
            }
            if (status != FLY_OK) {
                return status;
            }
        }
        return FLY_OK;
    default:
        return fly_err_state(err, "0A000", 0, "this form of SET is not supported");
    }
}

static fly_status show(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_show *node = (const fly_ast_show *)stmt->node;
    tag(stmt, "SHOW");
    if (node->name != NULL) {
        const char *value = fly__sql_setting(stmt->session, node->name);
        if (value == NULL) {
            return fly_err_state(err, "42704", 0, "unrecognized configuration parameter \"%s\"",
                                 node->name);
        }
        return fly__sql_line_add(stmt, &value, err);
    }
    const char *initial = NULL;
    fly_status status = FLY_OK;
    for (size_t i = 0; status == FLY_OK; i++) {
        const char *name = fly__sql_setting_known(i, &initial);
        if (name == NULL) {
            break;
        }
        const char *cells[] = {name, fly__sql_setting(stmt->session, name), ""};
        status = fly__sql_line_add(stmt, cells, err);
    }
    return status;
}

/* ------------------------------------------------------------------ the rest */

static fly_status reset_all(fly_sql_session *session, fly_err *err)
{
    fly__sql_advisory_unlock_all(session);
    fly_status status = fly__sql_listen(session, NULL, true, err);
    return status == FLY_OK ? fly__sql_settings_reset(session, err) : status;
}

static fly_status discard(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_discard *node = (const fly_ast_discard *)stmt->node;
    fly_sql_session *session = stmt->session;
    switch (node->type) {
    case FLY_AST_DISCARD_ALL: {
        tag(stmt, "DISCARD ALL");
        if (session->txn_explicit) {
            return fly_err_state(err, "25001", 0,
                                 "DISCARD ALL cannot run inside a transaction block");
        }
        (void)fly__sql_named_forget(session, NULL);
        fly__sql_named_tell(session, NULL, &(bool){false});
        (void)fly__sql_cursors_forget(session, NULL);
        fly__sql_sequences_forget(session);
        fly__sql_cache_clear(session);
        session->epoch++;
        fly_status status = fly__sql_temporary_discard(session, err);
        return status == FLY_OK ? reset_all(session, err) : status;
    }
    case FLY_AST_DISCARD_TEMP:
        tag(stmt, "DISCARD TEMP");
        return fly__sql_temporary_discard(session, err);
    case FLY_AST_DISCARD_SEQUENCES:
        tag(stmt, "DISCARD SEQUENCES");
        fly__sql_sequences_forget(session);
        return FLY_OK;
    default:
        tag(stmt, "DISCARD PLANS");
        fly__sql_cache_clear(session);
        session->epoch++;
        return FLY_OK;
    }
}

static fly_status notify(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_notify *node = (const fly_ast_notify *)stmt->node;
    const fly_ast_const *payload = (const fly_ast_const *)node->payload;
    tag(stmt, "NOTIFY");
    return fly__sql_notify(stmt->session, fly_bytes_str(node->channel),
                           payload != NULL ? payload->text : fly_bytes_of(NULL, 0), err);
}

/* USE: another database of the same engine. */
static fly_status use(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_use *node = (const fly_ast_use *)stmt->node;
    fly_sql_session *session = stmt->session;
    fly__sql_database *database = NULL;
    tag(stmt, "USE");
    if (session->txn_explicit) {
        return fly_err_state(err, "25001", stmt->node->pos,
                             "USE cannot run inside a transaction block");
    }
    fly_status status =
        fly__sql_database_acquire(session->sql, node->database, false, &database, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!fly__sql_may_database(session, session->user_oid, node->database, FLY__SQL_MAY_CONNECT)) {
        fly__sql_database_release(session->sql, database);
        status =
            fly_err_state(err, "42501", 0, "permission denied for database \"%s\"", node->database);
        fly_err_detail(err, "User does not have CONNECT privilege.");
        return status;
    }
    fly__sql_txn_rollback(session); /* the statement's own, in the old database: nothing is in it */
    fly__sql_session_leave(session);
    session->database = database;
    session->epoch++;
    fly__sql_backend_database(session);
    return fly__sql_session_view(session, err);
}

static fly_status set_constraints(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_set_constraints *node = (const fly_ast_set_constraints *)stmt->node;
    tag(stmt, "SET CONSTRAINTS");
    stmt->session->defer_all = node->deferred;
    stmt->session->defer_none = !node->deferred;
    return node->deferred ? FLY_OK : fly__sql_deferred_check(stmt->session, err);
}

static fly_status checkpoint(fly_sql_stmt *stmt, fly_err *err)
{
    tag(stmt, "CHECKPOINT");
    fly_sql_session *session = stmt->session;
    if (!fly__sql_is_member(session, session->user_oid, FLY__SQL_ROLE_CHECKPOINT, true)) {
        return fly_err_state(err, "42501", 0,
                             "must be superuser or have privileges of pg_checkpoint to do "
                             "CHECKPOINT");
    }
    return fly_store_checkpoint(stmt->session->database->store, err);
}

static fly_status unsupported(const fly_sql_stmt *stmt, fly_err *err)
{
    return fly_err_state(err, "0A000", stmt->node->pos,
                         "%s is not supported in an embedded session",
                         fly__sql_ast_name(stmt->node->kind));
}

fly_status fly__sql_utility(fly_sql_stmt *stmt, fly_err *err)
{
    switch (stmt->node->kind) {
    case FLY_AST_TRANSACTION:
        return transaction(stmt, err);
    case FLY_AST_SET:
        return set(stmt, err);
    case FLY_AST_SHOW:
        return show(stmt, err);
    case FLY_AST_PREPARE:
        return fly__sql_named_prepare(stmt, err);
    case FLY_AST_EXECUTE:
        return fly__sql_named_execute(stmt, err);
    case FLY_AST_DEALLOCATE:
        return fly__sql_named_deallocate(stmt, err);
    case FLY_AST_DECLARE:
        return fly__sql_cursor_declare(stmt, err);
    case FLY_AST_FETCH:
        return fly__sql_cursor_fetch(stmt, err);
    case FLY_AST_CLOSE:
        return fly__sql_cursor_close(stmt, err);
    case FLY_AST_DISCARD:
        return discard(stmt, err);
    case FLY_AST_USE:
        return use(stmt, err);
    case FLY_AST_SET_CONSTRAINTS:
        return set_constraints(stmt, err);
    case FLY_AST_CHECKPOINT:
        return checkpoint(stmt, err);
    case FLY_AST_EXPLAIN:
        return fly__sql_explain(stmt, err);
    case FLY_AST_INSPECT:
        return fly__sql_inspect(stmt, err);
    case FLY_AST_DO:
        return fly__sql_pl_do(stmt, err);
    case FLY_AST_CALL_PROCEDURE:
        return fly__sql_pl_call(stmt, err);
    case FLY_AST_COPY:
        return fly__sql_copy_begin(stmt, err);
    case FLY_AST_VACUUM:
        return fly__sql_analyze(stmt, err);
    case FLY_AST_LISTEN:
        tag(stmt, "LISTEN");
        return fly__sql_listen(stmt->session, ((const fly_ast_listen *)stmt->node)->channel, false,
                               err);
    case FLY_AST_UNLISTEN:
        tag(stmt, "UNLISTEN");
        return fly__sql_listen(stmt->session, ((const fly_ast_unlisten *)stmt->node)->channel, true,
                               err);
    case FLY_AST_NOTIFY:
        return notify(stmt, err);
    case FLY_AST_WATCH:
    case FLY_AST_LOAD:
        return unsupported(stmt, err);
    default:
        return fly__sql_ddl(stmt, err);
    }
}

/* --------------------------------------------------------------- describing */

static fly_status columns(fly_sql_stmt *stmt, const char *const *names, uint32_t count,
                          fly_err *err)
{
    stmt->cell_names = fly_arena_copy(&stmt->arena, names, count * sizeof *names);
    stmt->cell_count = count;
    return stmt->cell_names == NULL
               ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a statement")
               : FLY_OK;
}

fly_status fly__sql_utility_describe(fly_sql_stmt *stmt, fly_err *err)
{
    static const char *const plan[] = {"QUERY PLAN"};
    static const char *const all[] = {"name", "setting", "description"};
    stmt->cell_count = 0;
    switch (stmt->node->kind) {
    case FLY_AST_SHOW: {
        const char *name = ((const fly_ast_show *)stmt->node)->name;
        return name == NULL ? columns(stmt, all, 3, err) : columns(stmt, &name, 1, err);
    }
    case FLY_AST_CALL_PROCEDURE:
        return fly__sql_pl_call_describe(stmt, err);
    case FLY_AST_EXPLAIN:
        return columns(stmt, plan, 1, err);
    case FLY_AST_INSPECT: {
        uint32_t count = 0;
        const char *const *names =
            fly__sql_inspect_columns((const fly_ast_inspect *)stmt->node, &count);
        return columns(stmt, names, count, err);
    }
    default:
        return FLY_OK;
    }
}

const fly_sql_stmt *fly__sql_utility_columns_of(const fly_sql_stmt *stmt)
{
    const fly_sql_stmt *named = NULL;
    if (stmt->node->kind == FLY_AST_EXECUTE) {
        named = fly__sql_named_find(stmt->session, ((const fly_ast_execute *)stmt->node)->name);
    } else if (stmt->node->kind == FLY_AST_FETCH) {
        const fly_ast_fetch *node = (const fly_ast_fetch *)stmt->node;
        named = node->move ? NULL : fly__sql_cursor_stmt(stmt->session, node->cursor);
    }
    return named != NULL && named->plan != NULL ? named : stmt;
}
