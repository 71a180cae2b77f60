/*
 * Statements: prepared, bound, run row by row or batch by batch.
 *
 *     prepare ── parse, bind, optimise ──> IDLE ── step ──> RUNNING ── last row ──> IDLE
 *                                            ^                 │
 *                                            └── reset, error ─┘
 *
 *     P1  a plan is run only if catalog version and settings are those that it was bound with
 *     P2  the view that a plan was bound with lives as long as the plan
 *     P3  RUNNING, and only then, the session counts the statement among those that run
 */
#include "session/stmt_int.h"

#include "opt/opt_int.h"
#include "session/lock_int.h"
#include "session/statement_kind_int.h"

#include <fly/text.h>
#include <fly/vec_numeric.h>

#include <stdio.h>
#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a statement");
}

/* ------------------------------------------------------------------ life */

fly_status fly__sql_stmt_create(fly_sql_session *session, fly_bytes text, fly_sql_stmt **stmt,
                                fly_err *err)
{
    fly_mem *mem = &session->account.mem;
    fly_sql_stmt *made = fly_mem_calloc(mem, 1, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    made->session = session;
    fly_arena_init(&made->arena, mem, 1024);
    fly_arena_init(&made->plan_arena, mem, 4096);
    fly_arena_init(&made->line_arena, mem, 1024);
    fly_arena_init(&made->text_arena, mem, 1024);
    made->next = session->state->stmts;
    if (made->next != NULL) {
        made->next->previous = made;
    }
    session->state->stmts = made;
    uint8_t *copy = fly_arena_alloc(&made->arena, text.len + 1);
    if (copy == NULL) {
        fly_sql_finalize(made);
        return no_memory(err);
    }
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    made->text = fly_bytes_of(copy, text.len);
    *stmt = made;
    return FLY_OK;
}

static void free_rooms(fly_sql_stmt *stmt)
{
    for (uint32_t i = 0; stmt->param_rooms != NULL && i < stmt->param_count; i++) {
        fly_mem_free(&stmt->session->account.mem, stmt->param_rooms[i].data,
                     stmt->param_rooms[i].size);
    }
    stmt->param_rooms = NULL;
}

static void forget_plan(fly_sql_stmt *stmt)
{
    fly__sql_exec_destroy(stmt->exec);
    stmt->exec = NULL;
    stmt->plan = NULL;
    fly__sql_view_release(stmt->view);
    stmt->view = NULL;
    fly_arena_reset(&stmt->plan_arena);
}

void fly_sql_finalize(fly_sql_stmt *stmt)
{
    if (stmt == NULL) {
        return;
    }
    fly_sql_reset(stmt);
    forget_plan(stmt);
    free_rooms(stmt);
    if (stmt->previous != NULL) {
        stmt->previous->next = stmt->next;
    } else {
        stmt->session->state->stmts = stmt->next;
    }
    if (stmt->next != NULL) {
        stmt->next->previous = stmt->previous;
    }
    fly_arena_deinit(&stmt->arena);
    fly_arena_deinit(&stmt->plan_arena);
    fly_arena_deinit(&stmt->line_arena);
    fly_arena_deinit(&stmt->text_arena);
    fly_mem_free(&stmt->session->account.mem, stmt, sizeof *stmt);
}

/* -------------------------------------------------------------- preparing */

/* Room for the values of parameters, whose number is known once the statement is bound. */
static fly_status make_params(fly_sql_stmt *stmt, uint32_t count, const fly_sql_type *types,
                              fly_err *err)
{
    if (stmt->params != NULL && stmt->param_count == count) {
        return FLY_OK;
    }
    fly_sql_type *own = fly_arena_copy(&stmt->arena, types, count * sizeof *types);
    fly_vec_value *values = fly_arena_alloc(&stmt->arena, count * sizeof *values);
    fly__sql_param_room *rooms = fly_arena_alloc(&stmt->arena, count * sizeof *rooms);
    if (own == NULL || values == NULL || rooms == NULL) {
        return no_memory(err);
    }
    free_rooms(stmt);
    memset(rooms, 0, count * sizeof *rooms);
    for (uint32_t i = 0; i < count; i++) {
        memset(&values[i], 0, sizeof values[i]);
        values[i].null = true;
    }
    stmt->param_count = count;
    stmt->param_types = own;
    stmt->params = values;
    stmt->param_rooms = rooms;
    return FLY_OK;
}

fly_status fly__sql_stmt_plan(fly_sql_stmt *stmt, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    forget_plan(stmt);
    stmt->view = fly__sql_view_keep(session->view);
    fly__sql_bind_context context = stmt->bind;
    context.session = session;
    context.view = stmt->view;
    if (stmt->within != 0) {
        context.view = fly__sql_view_within(stmt->view, stmt->within, &stmt->plan_arena);
        if (context.view == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a plan");
        }
    }
    context.arena = &stmt->plan_arena;
    context.param_count = stmt->param_count;
    context.params = stmt->param_types;
    fly_status status = fly__sql_bind(&context, stmt->node, &stmt->plan, err);
    if (status == FLY_OK) {
        status = fly__sql_optimise(session, stmt->view, &stmt->plan_arena, stmt->plan, err);
    }
    if (status == FLY_OK) {
        status = make_params(stmt, stmt->plan->param_count, stmt->plan->params, err);
    }
    if (status != FLY_OK) {
        forget_plan(stmt);
        return status;
    }
    stmt->version = fly__sql_catalog_version(stmt->view);
    stmt->epoch = session->epoch;
    stmt->user = session->user_oid;
    stmt->roles = fly__sql_roles_version(session);
    return FLY_OK;
}

static bool plan_is_good(const fly_sql_stmt *stmt)
{
    return stmt->plan != NULL && stmt->epoch == stmt->session->epoch &&
           stmt->user == stmt->session->user_oid &&
           stmt->roles == fly__sql_roles_version(stmt->session) &&
           stmt->version == fly__sql_catalog_version(stmt->session->view);
}

bool fly_sql_stmt_current(fly_sql_stmt *stmt)
{
    fly_sql_session *session = stmt->session;
    return !stmt->is_plan || (fly__sql_session_view(session, NULL) == FLY_OK && plan_is_good(stmt));
}

/* Tell whoever keeps a trail of a statement that has ended. Of queries and changes of rows only what was
 * denied: there are too many of them. */
static void tell(const fly_sql_stmt *stmt, fly_status status, const fly_err *err)
{
    const fly_sql_session *session = stmt->session;
    bool failed = status != FLY_OK && status != FLY_E_END && status != FLY_E_AGAIN;
    bool denied = failed && err != NULL && strcmp(err->sqlstate, "42501") == 0;
    bool ended = !stmt->is_plan && (failed || status == FLY_E_END);
    if (session->utility != NULL && (denied || ended)) {
        session->utility(session->utility_ctx, failed ? "" : stmt->tag,
                         fly_bytes_of(stmt->text.data + stmt->start, stmt->len),
                         failed ? err : NULL);
    }
}

/* Bind what was parsed, or describe a utility. In a failed transaction only what ends it is let in. */
static fly_status describe_node(fly_sql_stmt *stmt, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    stmt->is_plan = fly__sql_has_plan(stmt->node->kind);
    if (session->txn_failed && !fly__sql_utility_ends_failure(stmt->node)) {
        return fly_err_state(err, "25P02", 0,
                             "current transaction is aborted, commands ignored until end of "
                             "transaction block");
    }
    fly_status status = fly__sql_session_view(session, err);
    if (status != FLY_OK) {
        return status;
    }
    /* Binding may read (a cast of a name to regclass), so it has a transaction. */
    bool begun = session->txn == NULL && stmt->is_plan;
    if (begun) {
        status = fly__sql_txn_begin(session, err);
    }
    if (status == FLY_OK) {
        status = stmt->is_plan ? fly__sql_stmt_plan(stmt, err)
                               : fly__sql_utility_describe(stmt, err);
    }
    if (begun && session->txn != NULL) {
        bool block = session->state->block; /* it has not begun yet, so it does not end */
        fly__sql_txn_rollback(session);
        session->state->block = block;
    }
    if (status != FLY_OK && session->txn_explicit) {
        fly__sql_txn_fail(session);
    }
    return status;
}

static fly_status prepare_node(fly_sql_stmt *stmt, fly_err *err)
{
    fly_status status = describe_node(stmt, err);
    if (status != FLY_OK) {
        tell(stmt, status, err);
    }
    return status;
}

static fly_status parse(fly_sql_stmt *stmt, fly_sql_statements *statements, fly_err *err)
{
    const fly_sql_parse_options options = {.lax_syntax = stmt->session->compat.lax_syntax};
    fly_status status = fly_text_validate(FLY_TEXT_UTF8, stmt->text, err);
    if (status == FLY_OK) {
        status = fly__sql_parse(&stmt->arena, stmt->text, &options, statements, err);
    }
    if (status != FLY_OK && stmt->session->txn_explicit) {
        fly__sql_txn_fail(stmt->session);
    }
    return status;
}

static void take(fly_sql_stmt *stmt, const fly_sql_statement *statement)
{
    stmt->node = statement->node;
    stmt->start = statement->start;
    stmt->len = statement->len;
}

fly_status fly_sql_prepare(fly_sql_session *session, fly_bytes text, fly_sql_stmt **stmt,
                           size_t *used, fly_err *err)
{
    return fly_sql_prepare_typed(session, text, NULL, 0, stmt, used, err);
}

fly_status fly_sql_prepare_typed(fly_sql_session *session, fly_bytes text, const uint32_t *types,
                                 uint32_t count, fly_sql_stmt **stmt, size_t *used, fly_err *err)
{
    fly_sql_stmt *made = NULL;
    fly_sql_statements statements = {0};
    fly_status status = fly__sql_stmt_create(session, text, &made, err);
    if (status != FLY_OK) {
        return status;
    }
    status = parse(made, &statements, err);
    if (status == FLY_OK && statements.count > 0) {
        take(made, &statements.items[0]);
        status = fly__sql_stmt_given(made, types, count, err);
        if (status == FLY_OK) {
            status = prepare_node(made, err);
        }
    }
    if (status != FLY_OK || statements.count == 0) {
        fly_sql_finalize(made);
        made = NULL;
    }
    if (status == FLY_OK) {
        *stmt = made;
        if (used != NULL) {
            *used = statements.count > 1 ? statements.items[1].start : text.len;
        }
    }
    return status;
}

/* The statement that begins at an offset, among those of a text. */
static const fly_sql_statement *statement_at(const fly_sql_statements *statements, uint32_t start)
{
    for (uint32_t i = 0; i < statements->count; i++) {
        if (statements->items[i].start == start) {
            return &statements->items[i];
        }
    }
    return NULL;
}

/* Its text is parsed again: a tree belongs to one statement's arena, and this one may live longer. */
fly_status fly_sql_stmt_clone(fly_sql_stmt *stmt, fly_sql_stmt **clone, fly_err *err)
{
    fly_sql_stmt *made = NULL;
    fly_sql_statements statements = {0};
    fly_status status = fly__sql_stmt_create(stmt->session, stmt->text, &made, err);
    if (status != FLY_OK) {
        return status;
    }
    status = parse(made, &statements, err);
    const fly_sql_statement *same = statement_at(&statements, stmt->start);
    if (status == FLY_OK && same == NULL) {
        status = fly_err_state(err, "0A000", 0, "a statement of a script cannot be cloned");
    }
    if (status == FLY_OK && stmt->param_count > 0) {
        made->param_types = fly_arena_copy(&made->arena, stmt->param_types,
                                           stmt->param_count * sizeof *stmt->param_types);
        made->param_count = stmt->param_count;
        status = made->param_types == NULL ? no_memory(err) : FLY_OK;
    }
    if (status == FLY_OK) {
        take(made, same);
        status = prepare_node(made, err);
    }
    if (status != FLY_OK) {
        fly_sql_finalize(made);
        return status;
    }
    *clone = made;
    return FLY_OK;
}

static fly_status bind_given(fly_sql_stmt *stmt, uint32_t count, const fly_sql_type *types,
                             const fly_vec_value *values, fly_err *err)
{
    stmt->param_types = fly_arena_copy(&stmt->arena, types, (count + 1) * sizeof *types);
    stmt->param_count = count;
    if (stmt->param_types == NULL) {
        return no_memory(err);
    }
    fly_status status = prepare_node(stmt, err);
    for (uint32_t i = 0; status == FLY_OK && stmt->is_plan && i < count; i++) {
        status = fly_sql_bind_value(stmt, i + 1, &values[i], err);
    }
    if (status == FLY_OK && stmt->is_plan && stmt->param_count > count) {
        status = fly_err_state(err, "42P02", 0, "there is no parameter $%u", (unsigned)count + 1);
    }
    return status;
}

fly_status fly__sql_stmt_dynamic(fly_sql_session *session, fly_bytes text, uint32_t count,
                                 const fly_sql_type *types, const fly_vec_value *values,
                                 fly_sql_stmt **stmt, fly_err *err)
{
    fly_sql_stmt *made = NULL;
    fly_sql_statements statements = {0};
    fly_status status = fly__sql_stmt_create(session, text, &made, err);
    if (status != FLY_OK) {
        return status;
    }
    status = parse(made, &statements, err);
    if (status == FLY_OK && statements.count > 1) {
        status = fly_err_state(err, "0A000", 0, "EXECUTE of several statements is not supported");
    }
    if (status == FLY_OK && statements.count == 1) {
        take(made, &statements.items[0]);
        status = made->node->kind == FLY_AST_TRANSACTION
                     ? fly_err_state(err, "0A000", 0,
                                     "EXECUTE of transaction commands is not implemented")
                     : bind_given(made, count, types, values, err);
    }
    if (status != FLY_OK || statements.count == 0) {
        fly_sql_finalize(made);
        made = NULL;
    }
    *stmt = made;
    return status;
}

/* -------------------------------------------------------------- parameters */

uint32_t fly_sql_param_count(const fly_sql_stmt *stmt)
{
    return stmt->param_count;
}

fly_sql_type fly_sql_param_type(const fly_sql_stmt *stmt, uint32_t n)
{
    FLY_ASSERT(n >= 1 && n <= stmt->param_count);
    return stmt->param_types[n - 1];
}

static fly_status check_param(const fly_sql_stmt *stmt, uint32_t n, fly_err *err)
{
    if (n < 1 || n > stmt->param_count) {
        return fly_err_state(err, "42P02", 0, "there is no parameter $%u", (unsigned)n);
    }
    return FLY_OK;
}

static void set_param(fly_sql_stmt *stmt, uint32_t n, const fly_vec_value *value)
{
    stmt->params[n - 1] = *value;
}

/* Copy a long string to where this parameter keeps its bytes. */
static fly_status keep_string(fly_sql_stmt *stmt, uint32_t n, fly_vec_str *str, fly_err *err)
{
    fly_mem *mem = &stmt->session->account.mem;
    fly__sql_param_room *room = &stmt->param_rooms[n - 1];
    if (str->len > room->size) {
        char *data = fly_mem_alloc(mem, str->len);
        if (data == NULL) {
            return no_memory(err);
        }
        fly_mem_free(mem, room->data, room->size);
        room->data = data;
        room->size = str->len;
    }
    memmove(room->data, str->ptr, str->len);
    *str = fly_vec_str_of(room->data, str->len);
    return FLY_OK;
}

fly_status fly_sql_bind_value(fly_sql_stmt *stmt, uint32_t n, const fly_vec_value *value,
                              fly_err *err)
{
    fly_status status = check_param(stmt, n, err);
    fly_vec_value own = *value;
    if (status == FLY_OK && !own.null && own.str.len > FLY_VEC_STR_INLINE &&
        fly__sql_type_physical(stmt->param_types[n - 1]) == FLY_VEC_STR) {
        status = keep_string(stmt, n, &own.str, err);
    }
    if (status == FLY_OK) {
        set_param(stmt, n, &own);
    }
    return status;
}

fly_status fly_sql_bind_null(fly_sql_stmt *stmt, uint32_t n, fly_err *err)
{
    fly_status status = check_param(stmt, n, err);
    if (status == FLY_OK) {
        fly_vec_value value;
        memset(&value, 0, sizeof value);
        value.null = true;
        set_param(stmt, n, &value);
    }
    return status;
}

fly_status fly_sql_bind_text(fly_sql_stmt *stmt, uint32_t n, fly_bytes text, fly_err *err)
{
    fly_vec_value value;
    fly_arena arena;
    fly_status status = check_param(stmt, n, err);
    fly_arena_init(&arena, &stmt->session->account.mem, 0);
    if (status == FLY_OK) {
        status = fly_text_validate(FLY_TEXT_UTF8, text, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_value_in(stmt->session, stmt->param_types[n - 1], text, &stmt->text_arena,
                                   &value, err);
    }
    return status == FLY_OK ? fly_sql_bind_value(stmt, n, &value, err) : status;
}

fly_status fly_sql_bind_bool(fly_sql_stmt *stmt, uint32_t n, bool value, fly_err *err)
{
    return fly_sql_bind_text(stmt, n, fly_bytes_str(value ? "true" : "false"), err);
}

fly_status fly_sql_bind_int64(fly_sql_stmt *stmt, uint32_t n, int64_t value, fly_err *err)
{
    fly_status status = check_param(stmt, n, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_vec_value typed;
    memset(&typed, 0, sizeof typed);
    switch (stmt->param_types[n - 1].oid) {
    case FLY_SQL_INT8:
        typed.i64 = value;
        break;
    case FLY_SQL_INT4:
        typed.i32 = (int32_t)value;
        if (typed.i32 != value) {
            return fly_err_state(err, "22003", 0, "integer out of range");
        }
        break;
    case FLY_SQL_FLOAT8:
        typed.f64 = (double)value;
        break;
    default: {
        char text[24];
        int len = snprintf(text, sizeof text, "%lld", (long long)value);
        return fly_sql_bind_text(stmt, n, fly_bytes_of(text, (size_t)len), err);
    }
    }
    set_param(stmt, n, &typed);
    return FLY_OK;
}

fly_status fly_sql_bind_double(fly_sql_stmt *stmt, uint32_t n, double value, fly_err *err)
{
    fly_status status = check_param(stmt, n, err);
    if (status != FLY_OK) {
        return status;
    }
    if (stmt->param_types[n - 1].oid == FLY_SQL_FLOAT8) {
        fly_vec_value typed;
        memset(&typed, 0, sizeof typed);
        typed.f64 = value;
        set_param(stmt, n, &typed);
        return FLY_OK;
    }
    fly_vec_value typed;
    fly_bytes text = {0};
    memset(&typed, 0, sizeof typed);
    typed.f64 = value;
    status = fly__sql_value_out(stmt->session, fly__sql_type(FLY_SQL_FLOAT8), &typed,
                                &stmt->text_arena, &text, err);
    return status == FLY_OK ? fly_sql_bind_text(stmt, n, text, err) : status;
}

fly_status fly_sql_bind_bytes(fly_sql_stmt *stmt, uint32_t n, fly_bytes bytes, fly_err *err)
{
    fly_vec_value value;
    memset(&value, 0, sizeof value);
    value.str = fly_vec_str_of(bytes.data, bytes.len);
    fly_status status = check_param(stmt, n, err);
    if (status == FLY_OK && fly__sql_type_physical(stmt->param_types[n - 1]) != FLY_VEC_STR) {
        status = fly_err_state(err, "42804", 0, "parameter $%u does not take bytes", (unsigned)n);
    }
    return status == FLY_OK ? fly_sql_bind_value(stmt, n, &value, err) : status;
}

/* ------------------------------------------------------------------ running */

static void stop(fly_sql_stmt *stmt)
{
    if (stmt->exec != NULL) {
        fly__sql_exec_close(stmt->exec);
    }
    fly__sql_copy_stop(stmt);
    stmt->state = FLY__SQL_IDLE;
    stmt->batch = NULL;
    stmt->row = 0;
    stmt->has_row = false;
    stmt->line = NULL;
    stmt->inner = NULL;
    stmt->cursor = NULL;
}

/* Let others see that a statement runs, and count it from here; those inside of another are not. */
static void show(fly_sql_stmt *stmt)
{
    fly_bytes own = fly_bytes_of(stmt->text.data + stmt->start, stmt->len);
    if (stmt->stat == NULL) {
        stmt->stat = fly__sql_stat_of(stmt->session, own);
    }
    fly__sql_activity_begin(stmt->session, stmt->text, stmt->stat != NULL ? stmt->stat->id : 0);
    stmt->shown = true;
}

static void unshow(fly_sql_stmt *stmt)
{
    fly_sql_session *session = stmt->session;
    if (!stmt->shown) {
        return;
    }
    stmt->shown = false;
    int64_t now = (int64_t)session->env->wall_time(session->env);
    int64_t us = now > session->statement_time ? now - session->statement_time : 0;
    if (stmt->stat != NULL) {
        fly__sql_stat_add(session, stmt->stat, (uint64_t)us, stmt->rows);
    }
    fly__sql_activity_end(session, now);
    fly__sql_slow(session, fly_bytes_of(stmt->text.data + stmt->start, stmt->len), (uint64_t)us);
}

static fly_status fail(fly_sql_stmt *stmt, fly_status status)
{
    stop(stmt);
    (void)fly__sql_statement_end(stmt->session, true, NULL); /* the first failure is told */
    stmt->rows = 0;
    unshow(stmt);
    return status;
}

/* Lock the tables of the plan: those that it changes, and, if need be, those that it reads. */
static fly_status lock_tables(fly_sql_stmt *stmt, bool *waited, fly_err *err)
{
    const fly__sql_plan *plan = stmt->plan;
    bool readers = fly__sql_table_locks_readers(stmt->session);
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < plan->table_count && status == FLY_OK; i++) {
        uint8_t modes = plan->table_modes[i];
        if (plan->tables[i]->class == FLY__SQL_SYSTEM || (!readers && (modes & 6) == 0)) {
            continue;
        }
        fly__sql_lock_mode mode = (modes & 2) != 0   ? FLY__SQL_LOCK_ROW_EXCLUSIVE
                                  : (modes & 4) != 0 ? FLY__SQL_LOCK_ROW_SHARE
                                                     : FLY__SQL_LOCK_ACCESS_SHARE;
        status = fly__sql_table_lock(stmt->session, plan->tables[i]->oid, plan->tables[i]->name,
                                     mode, false, waited, err);
    }
    return status;
}

/* A plan for the catalog as it is, and stays as long as the plan's locks are held. */
static fly_status settle_plan(fly_sql_stmt *stmt, fly_err *err)
{
    bool waited;
    do {
        waited = false;
        fly_status status = plan_is_good(stmt) ? FLY_OK : fly__sql_stmt_plan(stmt, err);
        if (status == FLY_OK) {
            status = lock_tables(stmt, &waited, err);
        }
        if (status == FLY_OK && waited) {
            fly_txn_statement(stmt->session->txn);
            status = fly__sql_session_view(stmt->session, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    } while (waited && !plan_is_good(stmt));
    return FLY_OK;
}

static fly_status start_plan(fly_sql_stmt *stmt, fly_err *err)
{
    fly_status status = settle_plan(stmt, err);
    if (status == FLY_OK && stmt->plan->writes) {
        status = fly__sql_check_writable(stmt->session, stmt->plan->tag, err);
    }
    if (status == FLY_OK && stmt->exec == NULL) {
        status = fly__sql_exec_create(stmt->session, stmt->plan, &stmt->exec, err);
    }
    return status == FLY_OK ? fly__sql_exec_open(stmt->exec, stmt->params, err) : status;
}

static fly_status start(fly_sql_stmt *stmt, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    stmt->rows = 0;
    stmt->tag[0] = '\0';
    stmt->lines = NULL;
    stmt->last_line = NULL;
    fly_arena_reset(&stmt->line_arena);
    fly_status status = FLY_OK;
    bool outermost = session->state->running == 0;
    if (session->txn_failed && fly__sql_utility_ends_failure(stmt->node)) {
        session->statement_time = (int64_t)session->env->wall_time(session->env);
        session->state->running++; /* needs nothing that a failed transaction cannot give */
    } else {
        status = fly__sql_statement_begin(session, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    stmt->state = FLY__SQL_RUNNING;
    if (outermost) {
        show(stmt);
    }
    status = stmt->is_plan ? start_plan(stmt, err) : fly__sql_utility(stmt, err);
    if (stmt->is_plan || !fly__sql_is_transaction(stmt->node)) {
        session->state->txn_used = true;
    }
    if (status != FLY_OK && status != FLY_E_AGAIN) {
        return fail(stmt, status);
    }
    stmt->line = NULL;
    return status;
}

fly_status fly__sql_stmt_start(fly_sql_stmt *stmt, fly_err *err)
{
    return start(stmt, err);
}

static void say_tag(fly_sql_stmt *stmt)
{
    if (!stmt->is_plan) {
        return; /* said already */
    }
    uint64_t changed = fly__sql_exec_changed(stmt->exec);
    const char *tag = stmt->plan->tag;
    bool is_select = strcmp(tag, "SELECT") == 0;
    if (!is_select) {
        stmt->rows = changed;
    }
    /* "INSERT 0 1": printf would be a part of the cost of a small statement. */
    char number[FLY_VEC_NUMBER_TEXT];
    size_t digits = fly_vec_i64_format((int64_t)stmt->rows, number);
    size_t len = strlen(tag);
    size_t zero = strcmp(tag, "INSERT") == 0 ? 3 : 1;
    if (len + zero + digits < sizeof stmt->tag) {
        memcpy(stmt->tag, tag, len);
        memcpy(stmt->tag + len, " 0 ", zero);
        memcpy(stmt->tag + len + zero, number, digits);
        stmt->tag[len + zero + digits] = '\0';
    }
}

static fly_status finish(fly_sql_stmt *stmt, fly_err *err)
{
    say_tag(stmt);
    stop(stmt);
    fly_status status = fly__sql_statement_end(stmt->session, false, err);
    unshow(stmt);
    return status == FLY_OK ? FLY_E_END : status;
}

fly_status fly__sql_stmt_fail(fly_sql_stmt *stmt, fly_status status)
{
    return fail(stmt, status);
}

fly_status fly__sql_stmt_finish(fly_sql_stmt *stmt, fly_err *err)
{
    fly_status status = finish(stmt, err);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status next_batch(fly_sql_stmt *stmt, fly_err *err)
{
    stmt->batch = NULL;
    stmt->row = 0;
    /* What changes data without RETURNING has no rows to show; SELECT without columns has. */
    bool silent = stmt->plan->column_count == 0 && strcmp(stmt->plan->tag, "SELECT") != 0;
    fly_status status = fly__sql_check_cancel(stmt->session, err);
    while (status == FLY_OK &&
           (silent || stmt->batch == NULL || fly_vec_batch_rows(stmt->batch) == 0)) {
        status = fly__sql_exec_next(stmt->exec, 0, &stmt->batch, err);
    }
    return status;
}

/* A serializable transaction that cannot commit any more had better hear of it at once. */
static fly_status check_serial(const fly_sql_stmt *stmt, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    if (!session->txn_explicit || fly_txn_isolation(session->txn) != FLY_ISOLATION_SERIALIZABLE) {
        return FLY_OK;
    }
    fly_status status = fly_txn_check(session->txn, err);
    if (status == FLY_E_CONFLICT) {
        fly__sql_txn_not_serial(err);
    }
    return status;
}

static fly_status step_plan(fly_sql_stmt *stmt, fly_err *err)
{
    if (stmt->batch == NULL || stmt->row == fly_vec_batch_rows(stmt->batch)) {
        fly_status status = next_batch(stmt, err);
        if (status == FLY_E_END) {
            status = check_serial(stmt, err);
            return status == FLY_OK ? finish(stmt, err) : fail(stmt, status);
        }
        if (status != FLY_OK) {
            return fail(stmt, status);
        }
    }
    stmt->at = stmt->batch->selected < 0 ? stmt->row : stmt->batch->sel[stmt->row];
    stmt->row++;
    stmt->rows++;
    stmt->has_row = true;
    return FLY_OK;
}

static fly_status step_inner(fly_sql_stmt *stmt, fly_err *err)
{
    fly_status status = fly_sql_step(stmt->inner, err);
    if (status == FLY_OK) {
        stmt->batch = stmt->inner->batch;
        stmt->at = stmt->inner->at;
        stmt->rows++;
        stmt->has_row = true;
        return FLY_OK;
    }
    if (status == FLY_E_END) {
        memcpy(stmt->tag, stmt->inner->tag, sizeof stmt->tag);
        stmt->rows = stmt->inner->rows;
        return finish(stmt, err);
    }
    return fail(stmt, status);
}

static fly_status step_cursor(fly_sql_stmt *stmt, fly_err *err)
{
    if (!fly__sql_fetch_next(stmt)) {
        (void)snprintf(stmt->tag, sizeof stmt->tag, "FETCH %llu", (unsigned long long)stmt->rows);
        return finish(stmt, err);
    }
    stmt->rows++;
    stmt->has_row = true;
    return FLY_OK;
}

static fly_status step_lines(fly_sql_stmt *stmt, fly_err *err)
{
    stmt->line = stmt->line == NULL && !stmt->has_row ? stmt->lines : stmt->line->next;
    if (stmt->line == NULL) {
        return finish(stmt, err);
    }
    stmt->has_row = true;
    stmt->rows++;
    return FLY_OK;
}

static fly_status step(fly_sql_stmt *stmt, fly_err *err)
{
    fly_arena_reset(&stmt->text_arena);
    if (stmt->state == FLY__SQL_IDLE) {
        fly_status status = start(stmt, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    if (stmt->state == FLY__SQL_COPYING) {
        return FLY_E_AGAIN;
    }
    if (stmt->is_plan) {
        return step_plan(stmt, err);
    }
    if (stmt->cursor != NULL) {
        return step_cursor(stmt, err);
    }
    return stmt->inner != NULL ? step_inner(stmt, err) : step_lines(stmt, err);
}

fly_status fly_sql_step(fly_sql_stmt *stmt, fly_err *err)
{
    fly_status status = step(stmt, err);
    if (FLY_UNLIKELY(status == FLY_E_CANCELLED)) { /* whoever noticed may not know why */
        (void)fly__sql_check_cancel(stmt->session, err);
    }
    tell(stmt, status, err);
    return status;
}

fly_status fly_sql_fetch(fly_sql_stmt *stmt, const fly_vec_batch **batch, fly_err *err)
{
    if (!stmt->is_plan) {
        return fly_err_set(err, FLY_E_UNSUPPORTED, "this statement has no columns of vectors");
    }
    fly_status status = stmt->state == FLY__SQL_IDLE ? start(stmt, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    status = next_batch(stmt, err);
    if (status == FLY_E_END) {
        return finish(stmt, err);
    }
    if (status != FLY_OK) {
        return fail(stmt, status);
    }
    stmt->rows += fly_vec_batch_rows(stmt->batch);
    stmt->row = fly_vec_batch_rows(stmt->batch);
    *batch = stmt->batch;
    return FLY_OK;
}

void fly_sql_reset(fly_sql_stmt *stmt)
{
    if (stmt->state != FLY__SQL_IDLE) {
        /* What it has changed so far stays, as when a portal is closed. A failure to commit leaves
         * nothing behind, and there is nobody to tell. */
        bool copying = stmt->state == FLY__SQL_COPYING;
        stop(stmt);
        (void)fly__sql_statement_end(stmt->session, copying, NULL);
        unshow(stmt);
    }
}

/* ------------------------------------------------------------------ results */

uint32_t fly_sql_column_count(const fly_sql_stmt *stmt)
{
    const fly_sql_stmt *of = stmt->is_plan ? stmt : fly__sql_utility_columns_of(stmt);
    return of->is_plan ? of->plan->column_count : of->cell_count;
}

const char *fly_sql_column_name(const fly_sql_stmt *stmt, uint32_t i)
{
    const fly_sql_stmt *of = stmt->is_plan ? stmt : fly__sql_utility_columns_of(stmt);
    FLY_ASSERT(i < fly_sql_column_count(of));
    const char *name = of->is_plan ? of->plan->columns[i].name : of->cell_names[i];
    return name == NULL ? "?column?" : name;
}

fly_sql_type fly_sql_column_type(const fly_sql_stmt *stmt, uint32_t i)
{
    const fly_sql_stmt *of = stmt->is_plan ? stmt : fly__sql_utility_columns_of(stmt);
    FLY_ASSERT(i < fly_sql_column_count(of));
    return of->is_plan ? of->plan->columns[i].type : fly__sql_type(FLY_SQL_TEXT);
}

uint32_t fly_sql_column_table(const fly_sql_stmt *stmt, uint32_t i, uint16_t *column)
{
    const fly_sql_stmt *of = stmt->is_plan ? stmt : fly__sql_utility_columns_of(stmt);
    *column = 0;
    return of->is_plan ? fly__sql_plan_origin(of->plan, i, column) : 0;
}

fly_vec_value fly_sql_column_value(const fly_sql_stmt *stmt, uint32_t i)
{
    FLY_ASSERT(stmt->has_row);
    if (stmt->batch != NULL) {
        return fly_vec_get(&stmt->batch->col[i], stmt->at);
    }
    const char *cell = stmt->line->cells[i];
    fly_vec_value value;
    memset(&value, 0, sizeof value);
    value.null = cell == NULL;
    if (!value.null) {
        value.str = fly_vec_str_of(cell, strlen(cell));
    }
    return value;
}

bool fly_sql_column_null(const fly_sql_stmt *stmt, uint32_t i)
{
    return fly_sql_column_value(stmt, i).null;
}

fly_bytes fly_sql_column_text(fly_sql_stmt *stmt, uint32_t i)
{
    fly_bytes text = {0};
    if (stmt->batch == NULL) {
        const char *cell = stmt->line->cells[i];
        return cell == NULL ? text : fly_bytes_str(cell);
    }
    fly_vec_value value = fly_sql_column_value(stmt, i);
    if (!value.null) {
        fly_status status = fly__sql_value_out(stmt->session, fly_sql_column_type(stmt, i), &value,
                                               &stmt->text_arena, &text, NULL);
        if (status != FLY_OK) {
            text = fly_bytes_of(NULL, 0);
        }
    }
    return text;
}

bool fly_sql_column_bool(const fly_sql_stmt *stmt, uint32_t i)
{
    return fly_sql_column_int64(stmt, i) != 0;
}

int64_t fly_sql_column_int64(const fly_sql_stmt *stmt, uint32_t i)
{
    fly_vec_value value = fly_sql_column_value(stmt, i);
    fly_sql_type type = fly_sql_column_type(stmt, i);
    if (value.null) {
        return 0;
    }
    switch (fly__sql_type_physical(type)) {
    case FLY_VEC_BOOL:
        return value.b;
    case FLY_VEC_I16:
        return value.i16;
    case FLY_VEC_I32:
        return value.i32;
    case FLY_VEC_I64:
        return type.oid == FLY_SQL_NUMERIC ? (int64_t)fly_sql_column_double(stmt, i) : value.i64;
    default:
        return (int64_t)fly_sql_column_double(stmt, i);
    }
}

double fly_sql_column_double(const fly_sql_stmt *stmt, uint32_t i)
{
    fly_vec_value value = fly_sql_column_value(stmt, i);
    fly_sql_type type = fly_sql_column_type(stmt, i);
    if (value.null) {
        return 0;
    }
    switch (type.oid) {
    case FLY_SQL_FLOAT8:
        return value.f64;
    case FLY_SQL_FLOAT4:
        return (double)value.f32;
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
    case FLY_SQL_BOOL:
        return (double)fly_sql_column_int64(stmt, i);
    default: {
        fly_vec_value number;
        fly_bytes text = {0};
        fly_arena arena;
        fly_arena_init(&arena, &stmt->session->account.mem, 256);
        memset(&number, 0, sizeof number);
        fly_status status = fly__sql_value_out(stmt->session, type, &value, &arena, &text, NULL);
        if (status == FLY_OK) {
            status = fly__sql_value_in(stmt->session, fly__sql_type(FLY_SQL_FLOAT8), text, &arena,
                                       &number, NULL);
        }
        fly_arena_deinit(&arena);
        return status == FLY_OK ? number.f64 : 0;
    }
    }
}

const char *fly_sql_tag(const fly_sql_stmt *stmt)
{
    return stmt->tag;
}

uint64_t fly_sql_rows(const fly_sql_stmt *stmt)
{
    return stmt->rows;
}

fly_status fly__sql_line_add(fly_sql_stmt *stmt, const char *const *cells, fly_err *err)
{
    fly__sql_line *line = fly_arena_alloc(&stmt->line_arena, sizeof *line);
    const char **own = fly_arena_alloc(&stmt->line_arena, stmt->cell_count * sizeof *own);
    if (line == NULL || own == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < stmt->cell_count; i++) {
        own[i] = NULL;
        if (cells[i] != NULL) {
            own[i] = fly_arena_copy(&stmt->line_arena, cells[i], strlen(cells[i]) + 1);
            if (own[i] == NULL) {
                return no_memory(err);
            }
        }
    }
    *line = (fly__sql_line){.cells = own};
    if (stmt->last_line != NULL) {
        stmt->last_line->next = line;
    } else {
        stmt->lines = line;
    }
    stmt->last_line = line;
    return FLY_OK;
}

/* ------------------------------------------------------------ whole texts */

static fly_status run_one(fly_sql_stmt *stmt, fly_status (*row)(void *ctx, fly_sql_stmt *stmt),
                          void *ctx, fly_err *err)
{
    fly_status status = FLY_OK;
    do {
        status = fly_sql_step(stmt, err);
        if (status == FLY_OK && row != NULL) {
            status = row(ctx, stmt);
        }
    } while (status == FLY_OK);
    if (status == FLY_E_AGAIN) {
        fly_sql_reset(stmt);
        return fly_err_state(err, "0A000", 0, "COPY from or to the caller needs fly_sql_prepare()");
    }
    return status == FLY_E_END ? FLY_OK : status;
}

/* Go on to another statement of the same text. */
static void turn_to(fly_sql_stmt *stmt, const fly_sql_statement *statement)
{
    fly_sql_reset(stmt);
    forget_plan(stmt);
    free_rooms(stmt);
    stmt->params = NULL;
    stmt->param_count = 0;
    stmt->param_types = NULL;
    stmt->cell_count = 0;
    stmt->stat = NULL;
    take(stmt, statement);
}

/* Take back what the first statements of a text did, if it is nobody else's. */
static void drop_block(fly_sql_session *session)
{
    if (session->txn != NULL && !session->txn_explicit && session->state->running == 0) {
        fly__sql_txn_rollback(session);
    }
    session->state->block = false;
}

struct fly_sql_script {
    fly_sql_stmt *stmt;
    fly_sql_statements statements;
    uint32_t next; /* among them */
    bool in_block; /* that somebody else has begun */
    bool planned;  /* the one statement comes from the cache */
    bool failed;
};

fly_status fly_sql_script_open(fly_sql_session *session, fly_bytes text, fly_sql_script **script,
                               fly_err *err)
{
    fly_sql_script *made = fly_mem_calloc(&session->account.mem, 1, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    made->stmt = fly__sql_cache_take(session, text);
    made->planned = made->stmt != NULL;
    made->statements.count = made->planned;
    fly_status status = made->planned ? FLY_OK
                                      : fly__sql_stmt_create(session, text, &made->stmt, err);
    if (status == FLY_OK && !made->planned) {
        status = parse(made->stmt, &made->statements, err);
    }
    if (status != FLY_OK) {
        fly_sql_finalize(made->stmt);
        fly_mem_free(&session->account.mem, made, sizeof *made);
        return status;
    }
    made->in_block = session->state->block;
    *script = made;
    return FLY_OK;
}

fly_status fly_sql_script_next(fly_sql_script *script, fly_sql_stmt **stmt, fly_err *err)
{
    fly_sql_session *session = script->stmt->session;
    if (script->next == script->statements.count) {
        return FLY_E_END;
    }
    uint32_t at = script->next++;
    fly_status status = FLY_OK;
    if (!script->planned) {
        turn_to(script->stmt, &script->statements.items[at]);
        status = prepare_node(script->stmt, err);
    }
    if (status != FLY_OK) {
        script->failed = true;
        drop_block(session);
        return status;
    }
    session->state->block = script->in_block || script->next < script->statements.count;
    *stmt = script->stmt;
    return FLY_OK;
}

void fly_sql_script_close(fly_sql_script *script)
{
    if (script == NULL) {
        return;
    }
    fly_sql_session *session = script->stmt->session;
    bool in_block = script->in_block && session->state->block;
    if (script->statements.count == 1 && script->next == 1 && !script->failed) {
        fly__sql_cache_put(script->stmt);
    } else {
        fly_sql_finalize(script->stmt);
    }
    if (!in_block) {
        drop_block(session);
    }
    fly_mem_free(&session->account.mem, script, sizeof *script);
}

fly_status fly_sql_execute(fly_sql_session *session, fly_bytes text,
                           fly_status (*row)(void *ctx, fly_sql_stmt *stmt), void *ctx,
                           fly_err *err)
{
    fly_sql_script *script = NULL;
    fly_sql_stmt *stmt = NULL;
    fly_status status = fly_sql_script_open(session, text, &script, err);
    while (status == FLY_OK && (status = fly_sql_script_next(script, &stmt, err)) == FLY_OK) {
        status = run_one(stmt, row, ctx, err);
    }
    fly_sql_script_close(script);
    return status == FLY_E_END ? FLY_OK : status;
}

/* ---------------------------------------------------------------- blocks */

void fly__sql_stmts_halt(fly_sql_session *session, const fly_sql_stmt *except)
{
    for (fly_sql_stmt *at = session->state->stmts; at != NULL; at = at->next) {
        if (at != except && at->state != FLY__SQL_IDLE) {
            fly_sql_reset(at);
        }
    }
}

void fly_sql_block_begin(fly_sql_session *session)
{
    session->state->block = true;
}

fly_status fly_sql_block_end(fly_sql_session *session, fly_err *err)
{
    if (session->txn == NULL || session->txn_explicit) {
        session->state->block = false;
        return FLY_OK;
    }
    session->state->block = true; /* so that halting commits nothing yet */
    fly__sql_stmts_halt(session, NULL);
    session->state->block = false;
    fly_status status = fly__sql_txn_commit(session, err);
    fly__sql_activity_end(session, (int64_t)session->env->wall_time(session->env));
    return status;
}

void fly_sql_block_fail(fly_sql_session *session)
{
    if (session->txn != NULL) {
        bool explicit = session->txn_explicit;
        session->state->block = true;
        fly__sql_stmts_halt(session, NULL);
        if (explicit) {
            fly__sql_txn_fail(session);
        } else if (session->txn != NULL) {
            fly__sql_txn_rollback(session);
        }
        fly__sql_activity_end(session, (int64_t)session->env->wall_time(session->env));
    }
    session->state->block = false;
}

void fly__sql_stmts_close(fly_sql_session *session)
{
    while (session->state->stmts != NULL) {
        fly_sql_finalize(session->state->stmts);
    }
}
