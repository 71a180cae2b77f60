/*
 * SQL inside of code: bound once for an instance, then run with variables as parameters.
 *
 * The first parameters of an expression are the function's arguments ($1 and up); behind them comes one
 * for each variable, or field of a record, that it names. A plan is kept as long as the catalog, the
 * settings and the types of the fields are those that it was bound with.
 */
#include "exec/op_int.h"
#include "pl/run_int.h"
#include "session/statement_kind_int.h"

#include <stdio.h>
#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an expression");
}

/* ------------------------------------------------------------------- names to variables */

static void complain(fly__sql_pl_bound *bound, const char *state, const char *format, const char *a,
                     const char *b)
{
    if (bound->state[0] == '\0') {
        memcpy(bound->state, state, 6);
        (void)snprintf(bound->complaint, sizeof bound->complaint, format, a, b);
    }
}

/* The type of what a name means now; false: there is no such field. */
static bool type_now(fly__sql_pl_bound *bound, uint32_t datum, const char *field,
                     fly_sql_type *type)
{
    fly__sql_pl_var *var = &bound->instance->vars[datum];
    const char *name = bound->instance->code->data[datum].name;
    if (field == NULL) {
        *type = var->cell.type;
        return true;
    }
    if (!var->record) {
        return false;
    }
    if (!var->shaped) {
        complain(bound, "55000", "record \"%s\" is not assigned yet%s", name, "");
        return false;
    }
    const fly__sql_pl_cell *cell = fly__sql_pl_field(var, field);
    if (cell == NULL) {
        complain(bound, "42703", "record \"%s\" has no field \"%s\"", name, field);
        return false;
    }
    *type = cell->type;
    return true;
}

/* The binder asks what a name is. */
static bool variable(void *ctx, const char *const *names, uint32_t count, fly__sql_expr *param)
{
    fly__sql_pl_bound *bound = ctx;
    uint32_t argc = bound->instance->code->argc;
    uint32_t datum = 0;
    const char *field = NULL;
    fly_sql_type type;
    if (!fly__sql_pl_resolve(bound->expr->names, names, count, &datum, &field) ||
        !type_now(bound, datum, field, &type)) {
        return false;
    }
    uint32_t i = 0;
    while (i < bound->ref_count &&
           (bound->refs[i].datum != datum || (field == NULL) != (bound->refs[i].field == NULL) ||
            (field != NULL && strcmp(field, bound->refs[i].field) != 0))) {
        i++;
    }
    if (i == bound->ref_count) {
        if (argc + i >= bound->expr->params) {
            return false;
        }
        bound->ref_count++;
    }
    bound->refs[i] = (fly__sql_pl_ref){.datum = datum, .field = field, .type = type};
    fly_sql_type *types = bound->stmt != NULL ? bound->stmt->param_types : bound->types;
    types[argc + i] = type;
    param->param = argc + i;
    param->type = type;
    return true;
}

/* The binder asks whether a relation is one of what the trigger's statement changed. */
static const fly__sql_func *transition(void *ctx, const char *name, const fly__sql_table **table)
{
    const fly__sql_pl_bound *bound = ctx;
    const fly__sql_pl_code *code = bound->instance->code;
    const fly__sql_trigger *trigger = code->trigger;
    *table = code->table;
    if (trigger == NULL) {
        return NULL;
    }
    return trigger->new_table != NULL && strcmp(trigger->new_table, name) == 0
               ? &fly__sql_pl_new_table
           : trigger->old_table != NULL && strcmp(trigger->old_table, name) == 0
               ? &fly__sql_pl_old_table
               : NULL;
}

/* ---------------------------------------------------------------------------- binding */

void fly__sql_pl_unbind(fly__sql_pl_bound *bound)
{
    if (bound->instance == NULL) {
        return;
    }
    fly__sql_eval_destroy(bound->eval);
    fly_sql_finalize(bound->stmt);
    fly__sql_view_release(bound->view);
    fly_arena_deinit(&bound->arena);
    memset(bound, 0, sizeof *bound);
}

static fly_status alloc_params(fly__sql_pl_bound *bound, fly_err *err)
{
    const fly__sql_pl_code *code = bound->instance->code;
    uint32_t count = bound->expr->params;
    fly_arena *arena = &bound->arena;
    bound->refs = fly_arena_alloc(arena, (count + 1) * sizeof *bound->refs);
    bound->types = fly_arena_alloc(arena, (count + 1) * sizeof *bound->types);
    bound->params = fly__sql_values_alloc(arena, count + 1);
    if (bound->refs == NULL || bound->types == NULL || bound->params == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        bound->types[i] = fly__sql_type(FLY_SQL_BOOL);
        if (i < code->argc) {
            bound->types[i] = bound->instance->vars[code->arg_data[i]].cell.type;
        }
        memset(&bound->params[i], 0, sizeof bound->params[i]);
        bound->params[i].null = true;
    }
    return FLY_OK;
}

static fly_status bind_expression(fly__sql_pl_bound *bound, fly_err *err)
{
    fly_sql_session *session = bound->instance->session;
    fly__sql_expr *expr = NULL;
    fly__sql_bind_context context = {.session = session,
                                     .view = bound->view,
                                     .arena = &bound->arena,
                                     .param_count = bound->expr->params,
                                     .params = bound->types,
                                     .variable = variable,
                                     .variable_first = bound->instance->code->procedural,
                                     .variable_ctx = bound};
    fly_status status =
        fly__sql_bind_expr(&context, bound->expr->node, NULL, NULL, (fly_sql_type){0}, &expr, err);
    if (status == FLY_OK) {
        bound->type = expr->type;
        status =
            fly__sql_eval_create(session, expr, NULL, NULL, 0, &bound->arena, &bound->eval, err);
    }
    return status;
}

static fly_status bind_statement(fly__sql_pl_bound *bound, fly_err *err)
{
    fly_sql_session *session = bound->instance->session;
    fly_status status = fly__sql_stmt_create(session, fly_bytes_of("", 0), &bound->stmt, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_sql_stmt *stmt = bound->stmt;
    stmt->node = bound->expr->node;
    stmt->is_plan = true;
    stmt->bind.variable = variable;
    stmt->bind.variable_first = bound->instance->code->procedural;
    stmt->bind.variable_ctx = bound;
    stmt->bind.transition = transition;
    stmt->param_count = bound->expr->params;
    stmt->param_types = bound->types;
    return fly__sql_stmt_plan(stmt, err);
}

static fly_status bind(fly__sql_pl_bound *bound, fly_err *err)
{
    fly_sql_session *session = bound->instance->session;
    fly_err own = {0};
    fly_arena_init(&bound->arena, &session->account.mem, 1024);
    bound->view = fly__sql_view_keep(session->view);
    bound->version = fly__sql_catalog_version(session->view);
    bound->epoch = session->epoch;
    bound->user = session->user_oid;
    bound->roles = fly__sql_roles_version(session);
    fly_status status = alloc_params(bound, &own);
    if (status == FLY_OK) {
        status = bound->expr->statement ? bind_statement(bound, &own)
                                        : bind_expression(bound, &own);
    }
    if (status == FLY_OK) {
        bound->ready = true;
        return FLY_OK;
    }
    if (bound->state[0] != '\0' && status == FLY_E_INVALID) {
        uint32_t pos = own.position;
        own = (fly_err){0};
        (void)fly_err_state(&own, bound->state, pos, "%s", bound->complaint);
        if (strcmp(bound->state, "55000") == 0) {
            fly_err_detail(&own, "The tuple structure of a not-yet-assigned record is "
                                 "indeterminate.");
        }
    }
    fly__sql_pl_unbind(bound);
    if (err != NULL) {
        *err = own;
    }
    return status;
}

static bool still_good(const fly__sql_pl_bound *bound)
{
    if (!bound->ready) {
        return false;
    }
    const fly_sql_session *session = bound->instance->session;
    if (bound->epoch != session->epoch || bound->user != session->user_oid ||
        bound->roles != fly__sql_roles_version(session) ||
        bound->version != fly__sql_catalog_version(session->view)) {
        return false;
    }
    for (uint32_t i = 0; i < bound->ref_count; i++) {
        const fly__sql_pl_ref *ref = &bound->refs[i];
        fly__sql_pl_var *var = &bound->instance->vars[ref->datum];
        const fly__sql_pl_cell *cell = ref->field == NULL ? &var->cell
                                                          : fly__sql_pl_field(var, ref->field);
        if (cell == NULL || cell->type.oid != ref->type.oid) {
            return false;
        }
    }
    return true;
}

fly_status fly__sql_pl_bind(fly__sql_pl_instance *instance, const fly__sql_pl_expr *expr,
                            fly__sql_pl_bound **found, fly_err *err)
{
    fly__sql_pl_bound *bound = &instance->bound[expr->index];
    *found = bound;
    if (still_good(bound)) {
        return FLY_OK;
    }
    fly__sql_pl_unbind(bound);
    bound->instance = instance;
    bound->expr = expr;
    return bind(bound, err);
}

/* ------------------------------------------------------------------------- evaluating */

static fly_status value_of(fly__sql_pl_var *var, const char *field, fly_arena *arena,
                           fly_vec_value *value, fly_err *err)
{
    if (field != NULL) {
        const fly__sql_pl_cell *cell = fly__sql_pl_field(var, field);
        *value = cell->value;
        return FLY_OK;
    }
    if (var->record) {
        return fly__sql_pl_record_value(var, arena, value, err);
    }
    *value = var->cell.value;
    return FLY_OK;
}

static fly_status fill_params(fly__sql_pl_bound *bound, fly_arena *arena, fly_err *err)
{
    const fly__sql_pl_code *code = bound->instance->code;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && bound->expr->uses_args && i < code->argc; i++) {
        status = value_of(&bound->instance->vars[code->arg_data[i]], NULL, arena, &bound->params[i],
                          err);
    }
    for (uint32_t i = 0; status == FLY_OK && i < bound->ref_count; i++) {
        const fly__sql_pl_ref *ref = &bound->refs[i];
        status = value_of(&bound->instance->vars[ref->datum], ref->field, arena,
                          &bound->params[code->argc + i], err);
    }
    return status;
}

fly_status fly__sql_pl_fill(fly__sql_pl_run *run, fly__sql_pl_bound *bound, fly_err *err)
{
    return fill_params(bound, &run->scratch, err);
}

fly_status fly__sql_pl_bind_call(fly__sql_pl_run *run, const fly__sql_pl_expr *expr,
                                 fly__sql_pl_bound **made, fly__sql_bind_context *context,
                                 fly_err *err)
{
    fly_sql_session *session = run->session;
    fly__sql_pl_bound *bound = &run->instance->bound[expr->index];
    fly__sql_pl_unbind(bound);
    bound->instance = run->instance;
    bound->expr = expr;
    fly_arena_init(&bound->arena, &session->account.mem, 1024);
    bound->view = fly__sql_view_keep(session->view);
    *made = bound;
    fly_status status = alloc_params(bound, err);
    *context = (fly__sql_bind_context){.session = session,
                                       .view = bound->view,
                                       .arena = &bound->arena,
                                       .param_count = expr->params,
                                       .params = bound->types,
                                       .variable = variable,
                                       .variable_ctx = bound};
    return status;
}

fly_status fly__sql_pl_start(fly__sql_pl_run *run, const fly__sql_pl_expr *expr,
                             fly_sql_stmt **stmt, fly_err *err)
{
    fly__sql_pl_bound *bound = NULL;
    fly_status status = fly__sql_pl_bind(run->instance, expr, &bound, err);
    if (status == FLY_OK) {
        status = fill_params(bound, &run->scratch, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (bound->stmt->param_count > 0) {
        memcpy(bound->stmt->params, bound->params,
               bound->stmt->param_count * sizeof *bound->params);
    }
    *stmt = bound->stmt;
    return FLY_OK;
}

static fly_status copy_plain(fly_sql_type *type, const fly_vec_value *value, fly_arena *arena,
                             fly_vec_value *result, fly_err *err)
{
    fly_vec_value copy;
    memset(&copy, 0, sizeof copy);
    fly_status status =
        fly__sql_value_copy(fly__sql_type_physical(*type), value, arena, &copy, err);
    return status == FLY_OK ? fly__sql_pl_plain(type, &copy, arena, result, err) : status;
}

/* The first column of the first row. */
static fly_status eval_query(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, fly_arena *arena,
                             fly_vec_value *value, fly_sql_type *type, fly_err *err)
{
    fly_sql_stmt *stmt = NULL;
    fly_status status = fly__sql_pl_start(run, expr, &stmt, err);
    if (status != FLY_OK) {
        return status;
    }
    *type = fly_sql_column_type(stmt, 0);
    status = fly_sql_step(stmt, err);
    if (status == FLY_E_END) {
        memset(value, 0, sizeof *value);
        value->null = true;
        return FLY_OK;
    }
    if (status == FLY_OK) {
        fly_vec_value found = fly_sql_column_value(stmt, 0);
        status = copy_plain(type, &found, arena, value, err);
        fly_sql_reset(stmt);
    }
    return status;
}

fly_status fly__sql_pl_eval(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, fly_arena *arena,
                            fly_vec_value *value, fly_sql_type *type, fly_err *err)
{
    memset(value, 0, sizeof *value);
    if (expr->statement) {
        return eval_query(run, expr, arena, value, type, err);
    }
    fly__sql_pl_bound *bound = NULL;
    fly_status status = fly__sql_pl_bind(run->instance, expr, &bound, err);
    if (status == FLY_OK) {
        status = fill_params(bound, &run->scratch, err);
    }
    if (status == FLY_OK) {
        fly_vec_value found;
        memset(&found, 0, sizeof found);
        *type = bound->type;
        status = fly__sql_eval_run(bound->eval, NULL, bound->params, arena, &found, err);
        if (status == FLY_OK) {
            status = fly__sql_pl_plain(type, &found, arena, value, err);
        }
    }
    return status;
}

fly_status fly__sql_pl_eval_bool(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, bool *truth,
                                 fly_err *err)
{
    fly_vec_value value;
    fly_vec_value cooked;
    fly_sql_type type;
    fly_status status = fly__sql_pl_eval(run, expr, &run->scratch, &value, &type, err);
    if (status == FLY_OK) {
        status = fly__sql_pl_cast_value(run->session, type, fly__sql_type(FLY_SQL_BOOL), &value,
                                        &run->scratch, &cooked, err);
    }
    *truth = status == FLY_OK && !cooked.null && cooked.b;
    return status;
}

fly_status fly__sql_pl_row_values(fly_sql_stmt *stmt, fly_arena *arena, uint32_t *count,
                                  fly_sql_type **types, fly_vec_value **values, fly_err *err)
{
    *count = fly_sql_column_count(stmt);
    *types = fly_arena_alloc(arena, (*count + 1) * sizeof **types);
    *values = fly__sql_values_alloc(arena, *count + 1);
    if (*types == NULL || *values == NULL) {
        return no_memory(err);
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < *count; i++) {
        (*types)[i] = fly_sql_column_type(stmt, i);
        fly_vec_value value = fly_sql_column_value(stmt, i);
        status = fly__sql_pl_plain(&(*types)[i], &value, arena, &(*values)[i], err);
    }
    return status;
}
