/*
 * Statements with names: PREPARE, EXECUTE, DEALLOCATE.
 *
 * A named statement is an ordinary one whose text is that of the PREPARE and whose tree is the part
 * behind AS, so that it lives on when the PREPARE itself is gone.
 */
#include "session/named_int.h"

#include <stdio.h>
#include <string.h>

struct fly__sql_named_stmt {
    struct fly__sql_named_stmt *link;
    fly_sql_stmt *stmt;
    bool lent; /* a copy of one that somebody keeps who is asked by fly_sql_on_prepared() */
    char name[64];
};

static struct fly__sql_named_stmt **place(fly_sql_session *session, const char *name)
{
    struct fly__sql_named_stmt **at = &session->state->named;
    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->link;
    }
    return at;
}

fly_sql_stmt *fly__sql_named_find(const fly_sql_session *session, const char *name)
{
    const struct fly__sql_named_stmt *at = session->state->named;
    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->link;
    }
    return at == NULL ? NULL : at->stmt;
}

/* The types that PREPARE name (types) says, for the parameters. */
static fly_status param_types(fly_sql_stmt *named, const fly_ast_prepare *node, fly_err *err)
{
    fly_sql_session *session = named->session;
    uint32_t count = node->types.count;
    if (count == 0) {
        return FLY_OK;
    }
    named->param_types = fly_arena_alloc(&named->arena, count * sizeof *named->param_types);
    if (named->param_types == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a statement");
    }
    fly__sql_bind_context context = {
        .session = session, .view = session->view, .arena = &named->arena};
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        status = fly__sql_bind_type(&context, node->types.items[i], &named->param_types[i], err);
    }
    named->param_count = count;
    return status;
}

fly_status fly__sql_named_prepare(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_prepare *outer = (const fly_ast_prepare *)stmt->node;
    fly_sql_session *session = stmt->session;
    (void)snprintf(stmt->tag, sizeof stmt->tag, "PREPARE");
    if (fly__sql_named_find(session, outer->name) != NULL) {
        return fly_err_state(err, "42P05", 0, "prepared statement \"%s\" already exists",
                             outer->name);
    }
    fly_sql_stmt *named = NULL;
    fly_sql_statements statements = {0};
    const fly_sql_parse_options options = {.lax_syntax = session->compat.lax_syntax};
    fly_status status = fly__sql_stmt_create(
        session, fly_bytes_of(stmt->text.data + stmt->start, stmt->len), &named, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly__sql_parse(&named->arena, named->text, &options, &statements, err);
    struct fly__sql_named_stmt *entry = NULL;
    if (status == FLY_OK) {
        const fly_ast_prepare *node = (const fly_ast_prepare *)statements.items[0].node;
        named->node = node->statement;
        named->is_plan = true;
        named->len = stmt->len;
        status = param_types(named, node, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_stmt_plan(named, err);
    }
    if (status == FLY_OK) {
        entry = fly_mem_calloc(&session->account.mem, 1, sizeof *entry);
        status = entry == NULL ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a statement")
                               : FLY_OK;
    }
    if (status != FLY_OK) {
        fly_sql_finalize(named);
        return status;
    }
    (void)snprintf(entry->name, sizeof entry->name, "%s", outer->name);
    entry->stmt = named;
    entry->link = session->state->named;
    session->state->named = entry;
    return FLY_OK;
}

/* Evaluate an argument of EXECUTE and give it to the parameter. */
static fly_status give(fly_sql_stmt *stmt, fly_sql_stmt *named, uint32_t i, const fly_ast *arg,
                       fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly__sql_expr *expr = NULL;
    fly__sql_eval *eval = NULL;
    fly_vec_value value;
    fly__sql_bind_context context = {
        .session = session, .view = session->view, .arena = &stmt->line_arena};
    fly_status status =
        fly__sql_bind_expr(&context, arg, NULL, NULL, fly_sql_param_type(named, i + 1), &expr, err);
    if (status == FLY_OK) {
        status = fly__sql_eval_create(session, expr, NULL, NULL, 0, &stmt->line_arena, &eval, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_eval_run(eval, NULL, stmt->params, &stmt->line_arena, &value, err);
    }
    if (status == FLY_OK) {
        status = fly_sql_bind_value(named, i + 1, &value, err);
    }
    fly__sql_eval_destroy(eval);
    return status;
}

/* The statement of a name; one that somebody else keeps is copied, and the copy kept as long as it is
 * still the same. NULL: there is none. */
static fly_status borrow(fly_sql_session *session, const char *name, fly_sql_stmt **named,
                         fly_err *err)
{
    struct fly__sql_named_stmt *entry = *place(session, name);
    if (entry != NULL && !entry->lent) {
        *named = entry->stmt;
        return FLY_OK;
    }
    fly_sql_stmt *theirs = session->state->prepared != NULL
                               ? session->state->prepared(session->state->prepared_ctx, name)
                               : NULL;
    theirs = theirs != NULL && theirs->is_plan ? theirs : NULL; /* an EXECUTE of itself, say */
    if (entry != NULL && theirs != NULL && fly_bytes_equal(theirs->text, entry->stmt->text) &&
        theirs->param_count == entry->stmt->param_count) {
        *named = entry->stmt;
        return FLY_OK;
    }
    (void)(entry != NULL && fly__sql_named_forget(session, name));
    if (theirs == NULL) {
        return FLY_OK;
    }
    entry = fly_mem_calloc(&session->account.mem, 1, sizeof *entry);
    if (entry == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a statement");
    }
    fly_status status = fly_sql_stmt_clone(theirs, &entry->stmt, err);
    if (status != FLY_OK) {
        fly_mem_free(&session->account.mem, entry, sizeof *entry);
        return status;
    }
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->lent = true;
    entry->link = session->state->named;
    session->state->named = entry;
    *named = entry->stmt;
    return FLY_OK;
}

void fly_sql_on_prepared(fly_sql_session *session,
                         fly_sql_stmt *(*prepared)(void *ctx, const char *name), void *ctx)
{
    session->state->prepared = prepared;
    session->state->prepared_ctx = ctx;
}

fly_status fly__sql_named_execute(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_execute *node = (const fly_ast_execute *)stmt->node;
    fly_sql_stmt *named = NULL;
    fly_status found = borrow(stmt->session, node->name, &named, err);
    if (found != FLY_OK) {
        return found;
    }
    if (named == NULL) {
        return fly_err_state(err, "26000", 0, "prepared statement \"%s\" does not exist",
                             node->name);
    }
    if (node->args.count != named->param_count) {
        fly_status status = fly_err_state(err, "42601", 0,
                                          "wrong number of parameters for prepared statement "
                                          "\"%s\"",
                                          node->name);
        fly_err_detail(err, "Expected %u parameters but got %u.", (unsigned)named->param_count,
                       (unsigned)node->args.count);
        return status;
    }
    fly_sql_reset(named);
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->args.count && status == FLY_OK; i++) {
        status = give(stmt, named, i, node->args.items[i], err);
    }
    stmt->inner = named;
    return status;
}

/* An EXECUTE that has not given all its rows yet, in a portal, cannot go on without what it runs. */
static void stop_executes(fly_sql_session *session, const fly_sql_stmt *named)
{
    for (fly_sql_stmt *at = session->state->stmts; at != NULL; at = at->next) {
        if (at->inner == named) {
            fly_sql_reset(at);
            at->inner = NULL;
        }
    }
}

bool fly__sql_named_forget(fly_sql_session *session, const char *name)
{
    bool any = false;
    struct fly__sql_named_stmt **at = name == NULL ? &session->state->named : place(session, name);
    while (*at != NULL) {
        struct fly__sql_named_stmt *entry = *at;
        *at = entry->link;
        stop_executes(session, entry->stmt);
        fly_sql_finalize(entry->stmt);
        fly_mem_free(&session->account.mem, entry, sizeof *entry);
        any = true;
        if (name != NULL) {
            break;
        }
    }
    return any;
}

void fly__sql_named_tell(fly_sql_session *session, const char *name, bool *found)
{
    if (session->state->deallocated != NULL) {
        session->state->deallocated(session->state->deallocated_ctx, name, found);
    }
}

void fly_sql_on_deallocate(fly_sql_session *session,
                           void (*deallocated)(void *ctx, const char *name, bool *found), void *ctx)
{
    session->state->deallocated = deallocated;
    session->state->deallocated_ctx = ctx;
}

fly_status fly__sql_named_deallocate(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_deallocate *node = (const fly_ast_deallocate *)stmt->node;
    bool any = fly__sql_named_forget(stmt->session, node->name);
    fly__sql_named_tell(stmt->session, node->name, &any);
    (void)snprintf(stmt->tag, sizeof stmt->tag, "DEALLOCATE%s", node->name == NULL ? " ALL" : "");
    if (node->name != NULL && !any) {
        return fly_err_state(err, "26000", 0, "prepared statement \"%s\" does not exist",
                             node->name);
    }
    return FLY_OK;
}
