/*
 * CALL and DO.
 *
 * The binder resolves a CALL as it does any call; its arguments are evaluated one by one, so that the
 * plan is gone when the procedure begins and may end the transaction.
 */
#include "pl/call_int.h"
#include "session/ddl_int.h"

#include <stdio.h>
#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a call");
}

/* What a CALL calls, with what. */
typedef struct call {
    const fly__sql_user_function *function;
    uint32_t argc;
    fly_sql_type *types;
    fly_vec_value *values;
    fly_sql_type result;
} call;

/* Bind a call and evaluate its arguments into the arena. Inside of code, `run` and `bound` know the
 * values of variables; else they are NULL. */
static fly_status evaluate(fly_sql_session *session, fly__sql_bind_context *context,
                           const fly_ast *node, const fly_vec_value *params, fly__sql_pl_run *run,
                           fly__sql_pl_bound *bound, fly_arena *arena, call *made, fly_err *err)
{
    fly__sql_expr *expr = NULL;
    context->procedure = true;
    fly_status status =
        fly__sql_bind_expr(context, node, NULL, NULL, (fly_sql_type){0}, &expr, err);
    if (status == FLY_OK && run != NULL) {
        status = fly__sql_pl_fill(run, bound, err);
        params = bound->params;
    }
    if (status != FLY_OK) {
        return status;
    }
    made->function = expr->func->user;
    made->argc = expr->argc;
    made->result = made->function->result;
    made->types = fly_arena_alloc(arena, (expr->argc + 1) * sizeof *made->types);
    made->values = fly__sql_values_alloc(arena, expr->argc + 1);
    if (made->types == NULL || made->values == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; status == FLY_OK && i < expr->argc; i++) {
        fly__sql_eval *eval = NULL;
        fly_vec_value value;
        memset(&value, 0, sizeof value);
        status = fly__sql_eval_create(session, expr->args[i], NULL, NULL, 0, arena, &eval, err);
        if (status == FLY_OK) {
            made->types[i] = expr->args[i]->type;
            status = fly__sql_eval_run(eval, NULL, params, arena, &value, err);
            if (status == FLY_OK) {
                status = fly__sql_pl_plain(&made->types[i], &value, arena, &made->values[i], err);
            }
            fly__sql_eval_destroy(eval);
        }
    }
    return status;
}

/* Run a procedure; `run` stays begun, with the OUT values in it, and is the caller's to end. */
static fly_status run_procedure(fly_sql_session *session, const call *of, bool atomic,
                                fly_arena *arena, fly__sql_pl_run *run, fly_err *err)
{
    fly__sql_pl_code *code = NULL;
    run->session = NULL;
    fly_status status = fly__sql_pl_code_get(session, of->function, of->function->body, of->argc,
                                             of->types, of->result, NULL, NULL, &code, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly__sql_pl_begin(run, session, code, arena, err);
    run->atomic = atomic;
    return status == FLY_OK ? fly__sql_pl_go(run, of->values, err) : status;
}

/* COMMIT is possible in a CALL or DO that is a transaction of its own. */
static bool is_atomic(const fly_sql_session *session)
{
    return session->txn_explicit || session->state->block || session->state->running != 1;
}

/* ------------------------------------------------------------------------------ CALL */

/* The OUT parameters as a line of texts. */
static fly_status give_outs(fly_sql_stmt *stmt, fly__sql_pl_run *run, fly_err *err)
{
    fly_sql_type *types = NULL;
    fly_vec_value *values = NULL;
    uint32_t count = run->code->outs == NULL ? 0 : run->code->out_count;
    const char *cells[8];
    if (count == 0 || count > 8 || stmt->cell_count != count) {
        return FLY_OK;
    }
    fly_status status = fly__sql_pl_outs(run, &types, &values, err);
    for (uint32_t i = 0; status == FLY_OK && i < count; i++) {
        fly_bytes text = {0};
        cells[i] = NULL;
        if (!values[i].null) {
            status =
                fly__sql_value_out(stmt->session, types[i], &values[i], &run->scratch, &text, err);
            char *own = status == FLY_OK ? fly_arena_alloc(&run->scratch, text.len + 1) : NULL;
            if (own == NULL) {
                return status == FLY_OK ? no_memory(err) : status;
            }
            memcpy(own, text.data, text.len);
            own[text.len] = '\0';
            cells[i] = own;
        }
    }
    return status == FLY_OK ? fly__sql_line_add(stmt, cells, err) : status;
}

static fly_status call_bound(fly_sql_stmt *stmt, fly_arena *arena, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly_ast *node = ((const fly_ast_call_procedure *)stmt->node)->call;
    fly__sql_bind_context context = {.session = session,
                                     .view = session->view,
                                     .arena = arena,
                                     .param_count = stmt->param_count,
                                     .params = stmt->param_types};
    call of = {0};
    fly__sql_pl_run run = {0};
    fly_err own = {0};
    fly_status status =
        evaluate(session, &context, node, stmt->params, NULL, NULL, arena, &of, err);
    if (status != FLY_OK) {
        return status;
    }
    status = run_procedure(session, &of, is_atomic(session), arena, &run, &own);
    if (status == FLY_OK) {
        status = give_outs(stmt, &run, &own);
    }
    if (run.session != NULL) {
        fly__sql_pl_end(&run);
    }
    if (status != FLY_OK && err != NULL) {
        own.position = 0;
        own.status = status;
        *err = own;
    }
    return status;
}

fly_status fly__sql_pl_call(fly_sql_stmt *stmt, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly_arena arena;
    (void)snprintf(stmt->tag, sizeof stmt->tag, "CALL");
    fly_status status = fly__sql_pl_enter(session, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_arena_init(&arena, &session->account.mem, 1024);
    status = call_bound(stmt, &arena, err);
    fly_arena_deinit(&arena);
    fly__sql_pl_leave(session);
    return status;
}

/* The result's columns: names of the OUT parameters of the procedure that the name means. */
fly_status fly__sql_pl_call_describe(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_call *node =
        (const fly_ast_call *)((const fly_ast_call_procedure *)stmt->node)->call;
    const char *names[8];
    uint32_t count = 0;
    size_t next = 0;
    uint32_t parts = node->name.count;
    const fly__sql_user_function *at;
    while ((at = fly__sql_user_function_next(stmt->session->view,
                                             parts > 1 ? node->name.items[parts - 2] : NULL,
                                             node->name.items[parts - 1], &next)) != NULL) {
        if (at->procedure && at->argc >= node->args.count) {
            break;
        }
    }
    for (uint16_t i = 0; at != NULL && i < at->all_count && count < 8; i++) {
        if (at->modes[i] == 'o' || at->modes[i] == 'b') {
            names[count++] = at->names[i];
        }
    }
    const char **own = fly_arena_alloc(&stmt->arena, (count + 1) * sizeof *own);
    if (own == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        own[i] = fly_arena_copy(&stmt->arena, names[i], strlen(names[i]) + 1);
        if (own[i] == NULL) {
            return no_memory(err);
        }
    }
    stmt->cell_names = own;
    stmt->cell_count = count;
    return FLY_OK;
}

/* ------------------------------------------------------------------- CALL inside of code */

/* Give an OUT value back to the variable that was written as its argument. */
static fly_status give_back(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, uint32_t arg,
                            const fly_vec_value *value, fly_sql_type type, fly_err *err)
{
    const fly_ast_call *node =
        (const fly_ast_call *)((const fly_ast_call_procedure *)expr->node)->call;
    const fly_ast *given = arg < node->args.count ? node->args.items[arg] : NULL;
    uint32_t datum = 0;
    const char *field = NULL;
    if (given != NULL && given->kind == FLY_AST_NAMED_ARG) {
        given = ((const fly_ast_named_arg *)given)->arg;
    }
    const fly_ast_column *column = (const fly_ast_column *)given;
    if (given == NULL || given->kind != FLY_AST_COLUMN ||
        !fly__sql_pl_resolve(expr->names, column->names.items, column->names.count, &datum,
                             &field)) {
        return fly_err_state(err, "42601", 0,
                             "procedure parameter %u is an output parameter but corresponding "
                             "argument is not writable",
                             (unsigned)(arg + 1));
    }
    return fly__sql_pl_assign(run, datum, field, value, type, err);
}

static fly_status outs_back(fly__sql_pl_run *run, const fly__sql_pl_expr *expr,
                            fly__sql_pl_run *inner, fly_err *err)
{
    const fly__sql_user_function *f = inner->code->function;
    fly_sql_type *types = NULL;
    fly_vec_value *values = NULL;
    if (inner->code->outs == NULL) {
        return FLY_OK;
    }
    fly_status status = fly__sql_pl_outs(inner, &types, &values, err);
    uint32_t out = 0;
    for (uint16_t i = 0; status == FLY_OK && i < f->all_count; i++) {
        if (f->modes[i] == 'o' || f->modes[i] == 'b') {
            status = give_back(run, expr, i, &values[out], types[out], err);
            out++;
        }
    }
    return status;
}

fly_status fly__sql_pl_run_call(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_sql_session *session = run->session;
    const fly__sql_pl_expr *expr = stmt->expr;
    fly__sql_bind_context context;
    fly__sql_pl_bound *bound = NULL;
    fly_arena arena;
    call of = {0};
    fly__sql_pl_run inner = {0};
    fly_status status = fly__sql_pl_enter(session, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_arena_init(&arena, &session->account.mem, 1024);
    status = fly__sql_pl_bind_call(run, expr, &bound, &context, err);
    if (status == FLY_OK) {
        const fly_ast *node = ((const fly_ast_call_procedure *)expr->node)->call;
        status = evaluate(session, &context, node, NULL, run, bound, &arena, &of, err);
    }
    if (status == FLY_OK) {
        bool atomic = run->atomic || run->guards > 0 || run->queries > 0;
        status = run_procedure(session, &of, atomic, &arena, &inner, err);
    }
    if (status == FLY_OK) {
        status = outs_back(run, expr, &inner, err);
    }
    if (inner.session != NULL) {
        fly__sql_pl_end(&inner);
    }
    fly_arena_deinit(&arena);
    fly__sql_pl_leave(session);
    return status;
}

/* -------------------------------------------------------------------------------- DO */

static fly_status do_block(fly_sql_stmt *stmt, const char *body, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly__sql_pl_code *code = NULL;
    fly__sql_pl_run run;
    fly_sql_type none = {0};
    fly_status status = fly__sql_pl_code_get(session, NULL, body, 0, &none,
                                             fly__sql_type(FLY_SQL_VOID), NULL, NULL, &code, err);
    if (status != FLY_OK) {
        uint32_t begins =
            fly__sql_ddl_string_begins(stmt, ((const fly_ast_do *)stmt->node)->code->pos);
        err->position = begins == 0 || err->position == 0 ? 0 : err->position + begins;
        return status;
    }
    status = fly__sql_pl_begin(&run, session, code, &stmt->line_arena, err);
    run.atomic = is_atomic(session);
    if (status == FLY_OK) {
        status = fly__sql_pl_go(&run, NULL, err);
        err->position = 0;
    }
    fly__sql_pl_end(&run);
    return status;
}

fly_status fly__sql_pl_do(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_do *node = (const fly_ast_do *)stmt->node;
    fly_err own = {0};
    (void)snprintf(stmt->tag, sizeof stmt->tag, "DO");
    if (node->language != NULL && strcmp(node->language, "plpgsql") != 0) {
        return strcmp(node->language, "sql") == 0
                   ? fly_err_state(err, "0A000", 0,
                                   "language \"sql\" does not support inline code execution")
                   : fly_err_state(err, "42704", 0, "language \"%s\" does not exist",
                                   node->language);
    }
    fly_status status = fly__sql_pl_enter(stmt->session, &own);
    if (status == FLY_OK) {
        status = do_block(stmt, (const char *)((const fly_ast_const *)node->code)->text.data, &own);
        fly__sql_pl_leave(stmt->session);
    }
    if (status != FLY_OK && err != NULL) {
        own.status = status;
        *err = own;
    }
    return status;
}
