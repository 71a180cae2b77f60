/*
 * Running code: statements one after the other, until one fails or says where to go.
 *
 * `flow` tells what a statement wants: go on, leave a loop or block, begin its next round, or that the
 * function is done. A block with handlers is a subtransaction: what it did is taken back before a
 * handler runs.
 *
 * Invariants.
 *     X1  `scratch` holds values of one simple statement, and is emptied when the next one begins
 *     X2  a failure that a handler takes leaves the session as it was when the block began
 */
#include "pl/run_int.h"

#include "session/named_int.h"
#include "session/statement_kind_int.h"
#include "types/array_int.h"

#include <stdio.h>
#include <string.h>

static fly_status run_list(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err);

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
}

static fly_vec_value null_value(void)
{
    fly_vec_value value;
    memset(&value, 0, sizeof value);
    value.null = true;
    return value;
}

static fly_status set_text(fly__sql_pl_run *run, uint32_t datum, const char *text, fly_err *err)
{
    fly_vec_value value = null_value();
    if (text != NULL) {
        value.null = false;
        value.str = fly_vec_str_of(text, strlen(text));
    }
    return fly__sql_pl_assign(run, datum, NULL, &value, fly__sql_type(FLY_SQL_TEXT), err);
}

static void set_found(fly__sql_pl_run *run, bool found)
{
    fly_vec_value *value = &run->instance->vars[run->code->found].cell.value;
    value->null = false;
    value->b = found;
}

/* Whether a loop ends after a round of its body. */
static bool leaves(fly__sql_pl_run *run, const fly__sql_pl_stmt *loop)
{
    bool mine = run->label == NULL || (loop->label != NULL && strcmp(loop->label, run->label) == 0);
    switch (run->flow) {
    case FLY__SQL_PL_GO:
        return false;
    case FLY__SQL_PL_LEAVE:
        run->flow = mine ? FLY__SQL_PL_GO : run->flow;
        return true;
    case FLY__SQL_PL_AGAIN:
        run->flow = mine ? FLY__SQL_PL_GO : run->flow;
        return !mine;
    default:
        return true;
    }
}

/* ------------------------------------------------------------------------ assignment */

/* Numbers of subscripts. */
static fly_status subscripts(fly__sql_pl_run *run, const fly__sql_pl_target *target, int32_t *at,
                             fly_err *err)
{
    for (uint32_t i = 0; i < target->subscript_count; i++) {
        fly_vec_value value;
        fly_vec_value number;
        fly_sql_type type;
        fly_status status =
            fly__sql_pl_eval(run, target->subscripts[i], &run->scratch, &value, &type, err);
        if (status == FLY_OK) {
            status = fly__sql_pl_cast_value(run->session, type, fly__sql_type(FLY_SQL_INT4), &value,
                                            &run->scratch, &number, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        if (number.null) {
            return fly_err_state(err, "22004", 0, "array subscript in assignment must not be null");
        }
        at[i] = number.i32;
    }
    return FLY_OK;
}

/* The bounds after assigning at a place: a one-dimensional array grows, others do not. */
static fly_status new_bounds(fly__sql_array *array, const int32_t *at, uint32_t dims, fly_err *err)
{
    if (array->count == 0) {
        array->dimensions = dims;
        for (uint32_t d = 0; d < dims; d++) {
            array->length[d] = 1;
            array->lower[d] = at[d];
        }
        return FLY_OK;
    }
    if (array->dimensions != dims) {
        return fly_err_state(err, "2202E", 0, "wrong number of array subscripts");
    }
    for (uint32_t d = 0; d < dims; d++) {
        int64_t end = (int64_t)array->lower[d] + array->length[d];
        int64_t low = at[d] < array->lower[d] ? at[d] : array->lower[d];
        int64_t high = at[d] >= end ? (int64_t)at[d] + 1 : end;
        if (dims == 1 && high - low > FLY__SQL_ARRAY_ELEMENTS_MAX) {
            return fly_err_state(err, "54000", 0,
                                 "array size exceeds the maximum allowed (134217727)");
        }
        if (dims == 1 && at[0] < array->lower[0]) {
            array->length[0] += (uint32_t)((int64_t)array->lower[0] - at[0]);
            array->lower[0] = at[0];
        } else if (dims == 1 && at[0] >= end) {
            array->length[0] += (uint32_t)(at[0] - end + 1);
        } else if (at[d] < array->lower[d] || at[d] >= end) {
            return fly_err_state(err, "2202E", 0, "array subscript out of range");
        }
    }
    return FLY_OK;
}

/* The array with one element replaced. */
static fly_status array_put(const fly__sql_array *old, const fly__sql_array *bounds,
                            const int32_t *at, fly_sql_type element, const fly_vec_value *value,
                            fly_arena *arena, fly_vec_str *result, fly_err *err)
{
    fly__sql_array_builder builder;
    uint64_t place = 0;
    uint64_t total = 1;
    for (uint32_t d = 0; d < bounds->dimensions; d++) {
        place = place * bounds->length[d] + (uint64_t)((int64_t)at[d] - bounds->lower[d]);
        total *= bounds->length[d];
    }
    uint64_t shift = old->count > 0 && bounds->dimensions == 1
                         ? (uint64_t)((int64_t)old->lower[0] - bounds->lower[0])
                         : 0;
    const fly_vec_value null = null_value();
    fly__sql_array_iter iter = {0};
    fly__sql_array_begin(&builder, element, arena);
    fly_status status = FLY_OK;
    for (uint64_t i = 0; status == FLY_OK && i < total; i++) {
        fly_vec_value one = null;
        bool there = i >= shift && i - shift < old->count;
        if (there && !fly__sql_array_next(old, &iter, &one)) {
            return fly_err_set(err, FLY_E_CORRUPT, "an array ends early");
        }
        status = fly__sql_array_add(&builder, i == place ? value : &one, err);
    }
    return status == FLY_OK ? fly__sql_array_end_shaped(&builder, bounds->dimensions,
                                                        bounds->length, bounds->lower, result, err)
                            : status;
}

static fly_sql_type element_type(const fly_sql_session *session, uint32_t array)
{
    fly_sql_type type = {.mod = -1};
    const fly__sql_type_info *info = fly__sql_type_info_of(array);
    if (info != NULL) {
        type.oid = info->element_oid;
        return type;
    }
    const fly__sql_user_type *user = fly__sql_user_type_of(session->view, array);
    if (user != NULL && user->array_oid == array) {
        type.oid = user->oid;
        type.digits = user->kind == 'e' ? fly__sql_type_digits_of(FLY_VEC_I32)
                      : user->kind == 'd'
                          ? fly__sql_type_digits_of(fly__sql_type_physical(user->base))
                          : 0;
    }
    return type;
}

static fly_status assign_element(fly__sql_pl_run *run, const fly__sql_pl_target *target,
                                 const fly_vec_value *value, fly_sql_type type, fly_err *err)
{
    fly__sql_pl_var *var = &run->instance->vars[target->datum];
    fly__sql_pl_cell *cell = target->field == NULL ? &var->cell
                                                   : fly__sql_pl_field(var, target->field);
    if (cell == NULL) {
        return fly_err_state(err, "42703", 0, "record \"%s\" has no field \"%s\"",
                             run->code->data[target->datum].name, target->field);
    }
    fly_sql_type element = element_type(run->session, cell->type.oid);
    int32_t at[6];
    if (element.oid == 0) {
        return fly_err_state(err, "42804", 0,
                             "cannot subscript type because it does not support subscripting");
    }
    fly__sql_array old = {.element = element.oid};
    fly_vec_value cooked = null_value();
    fly_status status = subscripts(run, target, at, err);
    if (status == FLY_OK && !cell->value.null) {
        status = fly__sql_array_open(&cell->value.str, &old, err);
    }
    fly__sql_array bounds = old;
    if (status == FLY_OK) {
        status = new_bounds(&bounds, at, target->subscript_count, err);
    }
    if (status == FLY_OK) {
        status =
            fly__sql_pl_cast_value(run->session, type, element, value, &run->scratch, &cooked, err);
    }
    fly_vec_value whole = {.null = false};
    if (status == FLY_OK) {
        status = array_put(&old, &bounds, at, element, &cooked, &run->scratch, &whole.str, err);
    }
    return status == FLY_OK ? fly__sql_pl_cell_set(run->session, cell, &whole, err) : status;
}

static fly_status assign(fly__sql_pl_run *run, const fly__sql_pl_target *target,
                         const fly_vec_value *value, fly_sql_type type, fly_err *err)
{
    return target->subscript_count > 0
               ? assign_element(run, target, value, type, err)
               : fly__sql_pl_assign(run, target->datum, target->field, value, type, err);
}

static fly_status run_assign(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_vec_value value;
    fly_sql_type type;
    fly_status status = fly__sql_pl_eval(run, stmt->expr, &run->scratch, &value, &type, err);
    return status == FLY_OK ? assign(run, stmt->into, &value, type, err) : status;
}

/* -------------------------------------------------------------------- rows to targets */

static bool into_record(const fly__sql_pl_run *run, const fly__sql_pl_target *into, uint32_t count)
{
    return count == 1 && into->field == NULL && into->subscript_count == 0 &&
           run->code->data[into->datum].record;
}

static fly_status record_into(fly__sql_pl_run *run, uint32_t datum, fly_sql_stmt *stmt,
                              uint32_t count, const fly_sql_type *types,
                              const fly_vec_value *values, fly_err *err)
{
    fly__sql_pl_var *var = &run->instance->vars[datum];
    if (run->code->data[datum].table == NULL) {
        const char **names = fly_arena_alloc(&run->scratch, (count + 1) * sizeof *names);
        if (names == NULL) {
            return no_memory(err);
        }
        for (uint32_t i = 0; i < count; i++) {
            names[i] = fly_sql_column_name(stmt, i);
        }
        fly_status status = fly__sql_pl_record_shape(run->session, var, count, names, types, err);
        if (status != FLY_OK) {
            return status;
        }
        var->cell.type = fly__sql_type(FLY_SQL_RECORD);
    }
    return fly__sql_pl_record_fill(run->session, var, values == NULL ? 0 : count, types, values,
                                   &run->scratch, err);
}

/* The current row of a statement, or NULLs, to targets. */
static fly_status row_into(fly__sql_pl_run *run, const fly__sql_pl_target *into, uint32_t n,
                           fly_sql_stmt *stmt, bool there, fly_err *err)
{
    uint32_t count = 0;
    fly_sql_type *types = NULL;
    fly_vec_value *values = NULL;
    fly_status status = FLY_OK;
    if (there) {
        status = fly__sql_pl_row_values(stmt, &run->scratch, &count, &types, &values, err);
    } else {
        count = fly_sql_column_count(stmt);
        types = fly_arena_alloc(&run->scratch, (count + 1) * sizeof *types);
        if (types == NULL) {
            return no_memory(err);
        }
        for (uint32_t i = 0; i < count; i++) {
            types[i] = fly_sql_column_type(stmt, i);
        }
    }
    if (status == FLY_OK && into_record(run, into, n)) {
        return record_into(run, into->datum, stmt, count, types, values, err);
    }
    for (uint32_t i = 0; status == FLY_OK && i < n; i++) {
        fly_vec_value value = there && i < count ? values[i] : null_value();
        fly_sql_type type = i < count ? types[i] : fly__sql_type(FLY_SQL_TEXT);
        status = assign(run, &into[i], &value, type, err);
    }
    return status;
}

/* ------------------------------------------------------------------------- statements */

/* Step to the end, giving the first row to `into`. Closes the statement unless it failed. */
static fly_status drain(fly__sql_pl_run *run, fly_sql_stmt *stmt, const fly__sql_pl_stmt *of,
                        fly_err *err)
{
    uint64_t rows = 0;
    bool modifies = stmt->is_plan && stmt->plan->modifies;
    fly_status status;
    while ((status = fly_sql_step(stmt, err)) == FLY_OK) {
        rows++;
        if (rows == 1 && of->into_count > 0) {
            status = row_into(run, of->into, of->into_count, stmt, true, err);
        }
        if (status == FLY_OK && rows == 2 && of->into_count > 0 &&
            (of->strict || (stmt->is_plan && strcmp(stmt->plan->tag, "SELECT") != 0))) {
            status = fly_err_state(err, "P0003", 0, "query returned more than one row");
            fly_err_hint(err, "Make sure the query returns a single row, or use LIMIT 1.");
        }
        if (status == FLY_OK && of->into_count > 0 && !of->strict && !modifies) {
            fly_sql_reset(stmt);
            break;
        }
        if (status != FLY_OK) {
            fly_sql_reset(stmt);
            return status;
        }
    }
    if (status != FLY_OK && status != FLY_E_END) {
        return status;
    }
    run->row_count = stmt->is_plan && status == FLY_E_END ? fly_sql_rows(stmt) : rows;
    if (rows == 0 && of->into_count > 0) {
        if (of->strict) {
            return fly_err_state(err, "P0002", 0, "query returned no rows");
        }
        status = row_into(run, of->into, of->into_count, stmt, false, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    set_found(run, run->row_count > 0);
    return FLY_OK;
}

/* What has no plan is prepared from its text each time. */
fly_status fly__sql_pl_run_utility(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, fly_err *err)
{
    fly_bytes text = {0};
    fly_sql_stmt *stmt = NULL;
    if (expr->node->kind == FLY_AST_TRANSACTION) {
        return fly_err_state(err, "0A000", 0, "unsupported transaction command in PL/pgSQL");
    }
    if (expr->node->kind == FLY_AST_COPY) {
        return fly_err_state(err, "0A000", 0, "cannot COPY to/from client in PL/pgSQL");
    }
    fly_status status = fly__sql_print(&run->scratch, expr->node, &text, err);
    if (status == FLY_OK) {
        status = fly_sql_prepare(run->session, text, &stmt, NULL, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    do {
        status = fly_sql_step(stmt, err);
    } while (status == FLY_OK);
    fly_sql_finalize(stmt);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status run_sql(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    if (!fly__sql_has_plan(stmt->expr->node->kind)) {
        return fly__sql_pl_run_utility(run, stmt->expr, err);
    }
    fly_sql_stmt *query = NULL;
    fly_status status = fly__sql_pl_start(run, stmt->expr, &query, err);
    if (status == FLY_OK && stmt->into_count > 0 && fly_sql_column_count(query) == 0) {
        return fly_err_state(err, "42601", 0, "INTO used with a command that cannot return data");
    }
    if (status == FLY_OK && stmt->into_count == 0 && !stmt->flag &&
        fly_sql_column_count(query) > 0) {
        status = fly_err_state(err, "42601", 0, "query has no destination for result data");
        if (stmt->expr->node->kind == FLY_AST_SELECT) {
            fly_err_hint(err, "If you want to discard the results of a SELECT, use PERFORM "
                              "instead.");
        }
    }
    return status == FLY_OK ? drain(run, query, stmt, err) : status;
}

/* A statement given as text, with the values of USING. */
static fly_status dynamic(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_sql_stmt **made,
                          fly_err *err)
{
    fly_vec_value value;
    fly_vec_value cooked;
    fly_sql_type type;
    fly_status status = fly__sql_pl_eval(run, stmt->expr, &run->scratch, &value, &type, err);
    if (status == FLY_OK) {
        status = fly__sql_pl_cast_value(run->session, type, fly__sql_type(FLY_SQL_TEXT), &value,
                                        &run->scratch, &cooked, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (cooked.null) {
        return fly_err_state(err, "22004", 0, "query string argument of EXECUTE is null");
    }
    uint32_t count = stmt->arg_count;
    fly_vec_value *values = fly__sql_values_alloc(&run->scratch, count + 1);
    fly_sql_type *types = fly_arena_alloc(&run->scratch, (count + 1) * sizeof *types);
    if (values == NULL || types == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; status == FLY_OK && i < count; i++) {
        status = fly__sql_pl_eval(run, stmt->args[i], &run->scratch, &values[i], &types[i], err);
    }
    if (status == FLY_OK) {
        status = fly__sql_stmt_dynamic(run->session, fly_vec_str_bytes(&cooked.str), count, types,
                                       values, made, err);
    }
    return status;
}

static fly_status run_execute(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_sql_stmt *query = NULL;
    bool *found = &run->instance->vars[run->code->found].cell.value.b;
    bool before = *found;
    fly_status status = dynamic(run, stmt, &query, err);
    if (status == FLY_OK && query != NULL) {
        status = drain(run, query, stmt, err);
    }
    *found = before; /* EXECUTE does not change it */
    fly_sql_finalize(query);
    return status;
}

/* ------------------------------------------------------------------------ conditions */

static fly_status run_if(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    for (const fly__sql_pl_arm *arm = stmt->arms; arm != NULL; arm = arm->next) {
        bool truth = false;
        fly_status status = fly__sql_pl_eval_bool(run, arm->when, &truth, err);
        if (status != FLY_OK) {
            return status;
        }
        if (truth) {
            return run_list(run, arm->body, err);
        }
    }
    return run_list(run, stmt->other, err);
}

static fly_status run_case(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    if (stmt->expr != NULL) {
        fly_vec_value value;
        fly_sql_type type;
        fly_status status = fly__sql_pl_eval(run, stmt->expr, &run->scratch, &value, &type, err);
        if (status == FLY_OK) {
            run->instance->vars[stmt->datum].cell.type = type;
            status = fly__sql_pl_cell_set(run->session, &run->instance->vars[stmt->datum].cell,
                                          &value, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    for (const fly__sql_pl_arm *arm = stmt->arms; arm != NULL; arm = arm->next) {
        bool truth = false;
        fly_status status = fly__sql_pl_eval_bool(run, arm->when, &truth, err);
        if (status != FLY_OK) {
            return status;
        }
        if (truth) {
            return run_list(run, arm->body, err);
        }
    }
    if (!stmt->has_other) {
        fly_status status = fly_err_state(err, "20000", 0, "case not found");
        fly_err_hint(err, "CASE statement is missing ELSE part.");
        return status;
    }
    return run_list(run, stmt->other, err);
}

/* ----------------------------------------------------------------------------- loops */

static fly_status run_loop(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    for (;;) {
        fly_status status = fly__sql_check_cancel(run->session, err);
        if (status == FLY_OK && stmt->kind == FLY__SQL_PL_WHILE) {
            bool truth = false;
            fly_arena_reset(&run->scratch);
            status = fly__sql_pl_eval_bool(run, stmt->expr, &truth, err);
            if (status == FLY_OK && !truth) {
                return FLY_OK;
            }
        }
        if (status == FLY_OK) {
            status = run_list(run, stmt->body, err);
        }
        if (status != FLY_OK || leaves(run, stmt)) {
            return status;
        }
    }
}

static fly_status bound_of(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, const char *what,
                           int32_t *number, fly_err *err)
{
    fly_vec_value value;
    fly_vec_value cooked;
    fly_sql_type type;
    fly_status status = fly__sql_pl_eval(run, expr, &run->scratch, &value, &type, err);
    if (status == FLY_OK) {
        status = fly__sql_pl_cast_value(run->session, type, fly__sql_type(FLY_SQL_INT4), &value,
                                        &run->scratch, &cooked, err);
    }
    if (status == FLY_OK && cooked.null) {
        return fly_err_state(err, "22004", 0, "%s of FOR loop cannot be null", what);
    }
    *number = status == FLY_OK ? cooked.i32 : 0;
    return status;
}

static fly_status run_range(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    int32_t low = 0;
    int32_t high = 0;
    int32_t step = 1;
    bool any = false;
    fly_status status = bound_of(run, stmt->expr, "lower bound", &low, err);
    if (status == FLY_OK) {
        status = bound_of(run, stmt->expr2, "upper bound", &high, err);
    }
    if (status == FLY_OK && stmt->expr3 != NULL) {
        status = bound_of(run, stmt->expr3, "BY value", &step, err);
        if (status == FLY_OK && step <= 0) {
            status = fly_err_state(err, "22023", 0,
                                   "BY value of FOR loop must be greater than "
                                   "zero");
        }
    }
    int64_t at = low;
    while (status == FLY_OK && (stmt->flag ? at >= high : at <= high)) {
        fly_vec_value *value = &run->instance->vars[stmt->datum].cell.value;
        value->null = false;
        value->i32 = (int32_t)at;
        any = true;
        status = fly__sql_check_cancel(run->session, err);
        if (status == FLY_OK) {
            status = run_list(run, stmt->body, err);
        }
        if (status != FLY_OK || leaves(run, stmt)) {
            break;
        }
        at += stmt->flag ? -(int64_t)step : step;
    }
    set_found(run, any);
    return status;
}

/* Run the body for each row of a statement that is ready to be stepped. */
static fly_status rows_loop(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_sql_stmt *query,
                            fly_err *err)
{
    bool any = false;
    fly_status status;
    run->queries++;
    while ((status = fly_sql_step(query, err)) == FLY_OK) {
        any = true;
        fly_arena_reset(&run->scratch);
        status = row_into(run, stmt->into, stmt->into_count, query, true, err);
        if (status == FLY_OK) {
            status = run_list(run, stmt->body, err);
        }
        if (status != FLY_OK || leaves(run, stmt)) {
            fly_sql_reset(query);
            break;
        }
    }
    run->queries--;
    if (status == FLY_E_END && !any) {
        status = row_into(run, stmt->into, stmt->into_count, query, false, err);
    }
    set_found(run, any);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status run_query_loop(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_sql_stmt *query = NULL;
    fly_status status;
    if (stmt->kind == FLY__SQL_PL_FOR_EXECUTE) {
        status = dynamic(run, stmt, &query, err);
        if (status == FLY_OK) {
            status = rows_loop(run, stmt, query, err);
        }
        fly_sql_finalize(query);
        return status;
    }
    if (!fly__sql_has_plan(stmt->expr->node->kind)) {
        return fly_err_state(err, "42601", 0, "cannot open %s query as cursor",
                             fly__sql_ast_name(stmt->expr->node->kind));
    }
    status = fly__sql_pl_start(run, stmt->expr, &query, err);
    return status == FLY_OK ? rows_loop(run, stmt, query, err) : status;
}

static fly_status foreach_slice(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt,
                                const fly__sql_array *array, fly__sql_array_iter *iter,
                                fly_sql_type type, fly_err *err)
{
    fly_sql_type element = fly__sql_array_type(array);
    uint32_t skip = array->dimensions - (uint32_t)stmt->number;
    fly__sql_array_builder builder;
    uint32_t size = 1;
    for (uint32_t d = skip; d < array->dimensions; d++) {
        size *= array->length[d];
    }
    fly_vec_value value;
    memset(&value, 0, sizeof value);
    fly_status status = FLY_OK;
    fly__sql_array_begin(&builder, element, &run->scratch);
    for (uint32_t i = 0; status == FLY_OK && i < size; i++) {
        fly_vec_value one = null_value();
        (void)fly__sql_array_next(array, iter, &one);
        status = fly__sql_array_add(&builder, &one, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_array_end_shaped(&builder, (uint32_t)stmt->number, array->length + skip,
                                           array->lower + skip, &value.str, err);
    }
    return status == FLY_OK ? assign(run, stmt->into, &value, type, err) : status;
}

/* One element after the other; composite elements may go to several variables. */
static fly_status foreach_loop(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt,
                               const fly__sql_array *array, fly_sql_type type, fly_err *err)
{
    fly__sql_array_iter iter = {0};
    fly_sql_type element = element_type(run->session, type.oid);
    bool any = false;
    fly_status status = FLY_OK;
    while (status == FLY_OK && iter.index < array->count) {
        fly_vec_value value = null_value();
        fly_arena_reset(&run->scratch);
        if (stmt->number > 0) {
            status = foreach_slice(run, stmt, array, &iter, type, err);
        } else if (fly__sql_array_next(array, &iter, &value)) {
            status = assign(run, stmt->into, &value, element, err);
        } else {
            break;
        }
        any = true;
        if (status == FLY_OK) {
            status = fly__sql_check_cancel(run->session, err);
        }
        if (status == FLY_OK) {
            status = run_list(run, stmt->body, err);
        }
        if (status != FLY_OK || leaves(run, stmt)) {
            break;
        }
    }
    set_found(run, any);
    return status;
}

static fly_status run_foreach(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_vec_value value;
    fly_sql_type type;
    fly__sql_array array;
    fly_arena arena; /* the array outlives the body's statements */
    fly_arena_init(&arena, &run->session->account.mem, 256);
    fly_status status = fly__sql_pl_eval(run, stmt->expr, &arena, &value, &type, err);
    if (status == FLY_OK && value.null) {
        status = fly_err_state(err, "22004", 0, "FOREACH expression must not be null");
    } else if (status == FLY_OK && element_type(run->session, type.oid).oid == 0) {
        status = fly_err_state(
            err, "42804", 0, "FOREACH expression must yield an array, not type %s",
            fly__sql_type_info_of(type.oid) != NULL ? fly__sql_type_info_of(type.oid)->sql_name
                                                    : "record");
    }
    if (status == FLY_OK) {
        status = fly__sql_array_open(&value.str, &array, err);
    }
    if (status == FLY_OK && stmt->number > (int64_t)array.dimensions) {
        status = fly_err_state(err, "2202E", 0,
                               "slice dimension (%d) is out of the valid range 0..%u",
                               (int)stmt->number, (unsigned)array.dimensions);
    }
    if (status == FLY_OK) {
        status = foreach_loop(run, stmt, &array, type, err);
    }
    fly_arena_deinit(&arena);
    return status;
}

static fly_status run_exit(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    bool truth = true;
    fly_status status = FLY_OK;
    if (stmt->expr != NULL) {
        status = fly__sql_pl_eval_bool(run, stmt->expr, &truth, err);
    }
    if (status == FLY_OK && truth) {
        run->flow = stmt->flag ? FLY__SQL_PL_AGAIN : FLY__SQL_PL_LEAVE;
        run->label = stmt->label;
    }
    return status;
}

/* ----------------------------------------------------------------------------- RETURN */

static fly_status run_return(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_status status = stmt->expr == NULL ? FLY_OK
                                           : fly__sql_pl_eval(run, stmt->expr, run->out,
                                                              &run->result, &run->result_type, err);
    run->flow = status == FLY_OK ? FLY__SQL_PL_DONE : run->flow;
    return status;
}

static fly_status out_row(fly__sql_pl_run *run, fly_err *err)
{
    const fly__sql_pl_code *code = run->code;
    fly_vec_value *values = fly__sql_values_alloc(&run->scratch, code->out_count + 1);
    fly_sql_type *types = fly_arena_alloc(&run->scratch, (code->out_count + 1) * sizeof *types);
    if (values == NULL || types == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < code->out_count; i++) {
        const fly__sql_pl_var *var = &run->instance->vars[code->outs[i]];
        types[i] = var->cell.type;
        values[i] = var->cell.value;
        if (var->record) {
            fly_status status = fly__sql_pl_record_value(var, &run->scratch, &values[i], err);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    return fly__sql_pl_rows_add(run, code->out_count, types, values, err);
}

static fly_status run_return_next(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_vec_value value;
    fly_sql_type type;
    uint32_t count = 1;
    fly_sql_type *types = &type;
    fly_vec_value *values = &value;
    if (stmt->expr == NULL) {
        return out_row(run, err);
    }
    fly_status status = fly__sql_pl_eval(run, stmt->expr, &run->scratch, &value, &type, err);
    bool composite = run->code->out_count > 0 || run->code->result.oid == FLY_SQL_RECORD;
    if (status == FLY_OK && composite && value.null) {
        count = 0;
    } else if (status == FLY_OK && composite) {
        if (type.oid != FLY_SQL_RECORD &&
            fly__sql_pl_composite(run->session->view, type.oid) == NULL) {
            return fly_err_state(err, "42804", 0,
                                 "cannot return non-composite value from function returning "
                                 "composite type");
        }
        status = fly__sql_pl_record_split(&value, &run->scratch, &count, &types, &values, err);
    }
    return status == FLY_OK ? fly__sql_pl_rows_add(run, count, types, values, err) : status;
}

static fly_status run_return_query(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_sql_stmt *query = NULL;
    uint64_t rows = 0;
    fly_status status = stmt->flag ? dynamic(run, stmt, &query, err)
                                   : fly__sql_pl_start(run, stmt->expr, &query, err);
    while (status == FLY_OK && (status = fly_sql_step(query, err)) == FLY_OK) {
        uint32_t count = 0;
        fly_sql_type *types = NULL;
        fly_vec_value *values = NULL;
        fly_arena_reset(&run->scratch);
        status = fly__sql_pl_row_values(query, &run->scratch, &count, &types, &values, err);
        if (status == FLY_OK) {
            status = fly__sql_pl_rows_add(run, count, types, values, err);
        }
        if (status != FLY_OK) {
            fly_sql_reset(query);
        }
        rows++;
    }
    if (stmt->flag) {
        fly_sql_finalize(query);
    }
    if (status == FLY_E_END) {
        run->row_count = rows;
        set_found(run, rows > 0);
        status = FLY_OK;
    }
    return status;
}

/* ---------------------------------------------------------------------- RAISE, ASSERT */

/* Text of a value, NULL as "<NULL>". */
static fly_status text_of(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, const char *null,
                          fly_bytes *text, fly_err *err)
{
    fly_vec_value value;
    fly_sql_type type;
    fly_status status = fly__sql_pl_eval(run, expr, &run->scratch, &value, &type, err);
    if (status == FLY_OK && value.null) {
        *text = null == NULL ? (fly_bytes){0} : fly_bytes_str(null);
        return FLY_OK;
    }
    return status == FLY_OK
               ? fly__sql_value_out(run->session, type, &value, &run->scratch, text, err)
               : status;
}

static void put(char *to, size_t size, size_t *at, const void *data, size_t len)
{
    size_t left = size - 1 - *at;
    len = len > left ? left : len;
    if (len > 0) {
        memcpy(to + *at, data, len);
    }
    *at += len;
    to[*at] = '\0';
}

static fly_status raise_message(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, char *message,
                                size_t size, fly_err *err)
{
    size_t at = 0;
    uint32_t arg = 0;
    for (const char *c = stmt->message; *c != '\0'; c++) {
        if (*c != '%' || c[1] == '%') {
            put(message, size, &at, c, 1);
            c += *c == '%';
            continue;
        }
        fly_bytes text = {0};
        fly_status status = text_of(run, stmt->args[arg++], "<NULL>", &text, err);
        if (status != FLY_OK) {
            return status;
        }
        put(message, size, &at, text.data, text.len);
    }
    return FLY_OK;
}

static fly_status raise_options(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *story,
                                bool *said, fly_err *err)
{
    for (uint32_t i = 0; i < stmt->option_count; i++) {
        fly_bytes text = {0};
        const char *option = stmt->names[i];
        fly_status status = text_of(run, stmt->options[i], NULL, &text, err);
        if (status != FLY_OK) {
            return status;
        }
        if (text.data == NULL) {
            return fly_err_state(err, "22004", 0, "RAISE statement option cannot be null");
        }
        size_t at = 0;
        if (strcmp(option, "message") == 0) {
            put(story->message, sizeof story->message, &at, text.data, text.len);
            *said = true;
        } else if (strcmp(option, "detail") == 0) {
            put(story->detail, sizeof story->detail, &at, text.data, text.len);
        } else if (strcmp(option, "hint") == 0) {
            put(story->hint, sizeof story->hint, &at, text.data, text.len);
        } else if (strcmp(option, "errcode") == 0) {
            char name[64];
            size_t walk = 0;
            put(name, sizeof name, &at, text.data, text.len);
            const char *state = fly__sql_pl_condition(name, &walk);
            if (state == NULL && strlen(name) != 5) {
                return fly_err_state(err, "42704", 0, "unrecognized exception condition \"%s\"",
                                     name);
            }
            memcpy(story->sqlstate, state != NULL ? state : name, 6);
        }
    }
    return FLY_OK;
}

static void notify(fly__sql_pl_run *run, const char *level, const fly_err *story)
{
    char severity[12];
    size_t at = 0;
    for (; level[at] != '\0' && at + 1 < sizeof severity; at++) {
        severity[at] = (char)(level[at] - 'a' + 'A');
    }
    severity[at] = '\0';
    const char *least = fly__sql_setting(run->session, "client_min_messages");
    bool quiet = strcmp(level, "log") == 0 || strcmp(level, "debug") == 0;
    if (least != NULL && strcmp(level, "info") != 0) {
        quiet = quiet && strncmp(least, "debug", 5) != 0 && strcmp(least, "log") != 0;
        quiet = quiet || strcmp(least, "error") == 0 ||
                (strcmp(level, "notice") == 0 && strcmp(least, "warning") == 0);
    }
    if (run->session->notice != NULL && !quiet) {
        run->session->notice(run->session->notice_ctx, severity, story);
    }
}

static fly_status run_raise(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    if (stmt->flag) {
        if (run->caught == NULL) {
            return fly_err_state(err, "0Z002", 0,
                                 "RAISE without parameters cannot be used outside "
                                 "an exception handler");
        }
        *err = *run->caught;
        return err->status;
    }
    fly_err story = {0};
    bool said = stmt->message != NULL;
    bool is_error = strcmp(stmt->level, "exception") == 0;
    memcpy(story.sqlstate, stmt->state != NULL ? stmt->state : is_error ? "P0001" : "00000", 6);
    fly_status status = FLY_OK;
    if (said) {
        status = raise_message(run, stmt, story.message, sizeof story.message, err);
    }
    if (status == FLY_OK) {
        status = raise_options(run, stmt, &story, &said, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (!said) {
        (void)snprintf(story.message, sizeof story.message, "%s",
                       stmt->label != NULL   ? stmt->label
                       : stmt->state != NULL ? stmt->state
                                             : story.sqlstate);
    }
    if (!is_error) {
        notify(run, stmt->level, &story);
        return FLY_OK;
    }
    story.status = FLY_E_INVALID;
    *err = story;
    return FLY_E_INVALID;
}

static fly_status run_assert(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    const char *checks = fly__sql_setting(run->session, "plpgsql.check_asserts");
    bool truth = false;
    fly_bytes text = {0};
    if (checks != NULL && strcmp(checks, "off") == 0) {
        return FLY_OK;
    }
    fly_status status = fly__sql_pl_eval_bool(run, stmt->expr, &truth, err);
    if (status != FLY_OK || truth) {
        return status;
    }
    if (stmt->expr2 != NULL) {
        status = text_of(run, stmt->expr2, NULL, &text, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    return text.data == NULL
               ? fly_err_state(err, "P0004", 0, "assertion failed")
               : fly_err_state(err, "P0004", 0, "%.*s", (int)text.len, (const char *)text.data);
}

static fly_status diagnostic(fly__sql_pl_run *run, const fly__sql_pl_target *into, const char *item,
                             fly_err *err)
{
    fly_vec_value value = {.null = false};
    if (strcmp(item, "row_count") == 0) {
        value.i64 = (int64_t)run->row_count;
        return assign(run, into, &value, fly__sql_type(FLY_SQL_INT8), err);
    }
    if (strcmp(item, "pg_routine_oid") == 0) {
        value.i32 = (int32_t)run->code->oid;
        return assign(run, into, &value, fly__sql_type(FLY_SQL_OID), err);
    }
    const char *text = "";
    if (run->caught != NULL) {
        text = strcmp(item, "returned_sqlstate") == 0     ? run->caught->sqlstate
               : strcmp(item, "message_text") == 0        ? run->caught->message
               : strcmp(item, "pg_exception_detail") == 0 ? run->caught->detail
               : strcmp(item, "pg_exception_hint") == 0   ? run->caught->hint
                                                          : "";
    }
    value.str = fly_vec_str_of(text, strlen(text));
    return assign(run, into, &value, fly__sql_type(FLY_SQL_TEXT), err);
}

static fly_status run_diagnostics(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_status status = FLY_OK;
    if (stmt->flag && run->caught == NULL) {
        return fly_err_state(err, "0Z002", 0,
                             "GET STACKED DIAGNOSTICS cannot be used outside an exception handler");
    }
    for (uint32_t i = 0; status == FLY_OK && i < stmt->into_count; i++) {
        status = diagnostic(run, &stmt->into[i], stmt->names[i], err);
    }
    return status;
}

/* ---------------------------------------------------------------------------- cursors */

/* What a cursor variable holds: the name of its portal. */
static const char *portal_of(fly__sql_pl_run *run, uint32_t datum, fly_err *err)
{
    const fly_vec_value *value = &run->instance->vars[datum].cell.value;
    if (value->null) {
        (void)fly_err_state(err, "22004", 0, "cursor variable \"%s\" is null",
                            run->code->data[datum].name);
        return NULL;
    }
    char *name = fly_arena_alloc(&run->scratch, value->str.len + 1);
    if (name == NULL) {
        (void)no_memory(err);
        return NULL;
    }
    memcpy(name, fly_vec_str_data(&value->str), value->str.len);
    name[value->str.len] = '\0';
    return name;
}

static fly_status failed(const fly_err *err)
{
    return err->status == FLY_OK ? FLY_E_INVALID : err->status;
}

/* Run a statement for a cursor, whose it is from then on; of an instance's, `expr` says which. */
static fly_status open_portal(fly__sql_pl_run *run, uint32_t datum, fly_sql_stmt *query,
                              const fly__sql_pl_expr *expr, fly_err *err)
{
    char name[64];
    const fly_vec_value *value = &run->instance->vars[datum].cell.value;
    if (value->null) {
        if (run->code->data[datum].cursor) {
            (void)snprintf(name, sizeof name, "%s", run->code->data[datum].name);
        } else {
            (void)snprintf(name, sizeof name, "<unnamed portal %u>",
                           (unsigned)++run->session->pl->portals);
        }
    } else {
        (void)snprintf(name, sizeof name, "%.*s", (int)value->str.len,
                       fly_vec_str_data(&value->str));
    }
    fly_status status = fly__sql_cursor_open(run->session, name, query, err);
    if (expr == NULL && status != FLY_OK) {
        fly_sql_finalize(query);
    } else if (expr != NULL && status == FLY_OK) {
        memset(&query->bind, 0, sizeof query->bind);
        run->instance->bound[expr->index].stmt = NULL;
        fly__sql_pl_unbind(&run->instance->bound[expr->index]);
    }
    return status == FLY_OK ? set_text(run, datum, name, err) : status;
}

static fly_status cursor_args(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    const fly__sql_pl_datum *cursor = &run->code->data[stmt->datum];
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < stmt->arg_count; i++) {
        fly_vec_value value;
        fly_sql_type type;
        status = fly__sql_pl_eval(run, stmt->args[i], &run->scratch, &value, &type, err);
        if (status == FLY_OK) {
            status = fly__sql_pl_assign(run, cursor->first_arg + i, NULL, &value, type, err);
        }
    }
    return status;
}

static fly_status run_open(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    const fly__sql_pl_datum *cursor = &run->code->data[stmt->datum];
    fly_sql_stmt *query = NULL;
    if (stmt->flag) {
        fly_status status = dynamic(run, stmt, &query, err);
        if (status == FLY_OK) {
            return query == NULL
                       ? fly_err_state(err, "42601", 0, "cannot open empty query as cursor")
                       : open_portal(run, stmt->datum, query, NULL, err);
        }
        return status;
    }
    fly_status status = cursor->cursor ? cursor_args(run, stmt, err) : FLY_OK;
    const fly__sql_pl_expr *expr = cursor->cursor ? cursor->query : stmt->expr;
    if (status == FLY_OK) {
        status = fly__sql_pl_start(run, expr, &query, err);
    }
    return status == FLY_OK ? open_portal(run, stmt->datum, query, expr, err) : status;
}

static fly_status run_fetch(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_ast_fetch node = {.node = {.kind = FLY_AST_FETCH},
                          .move = stmt->flag,
                          .direction = (fly_ast_fetch_direction)stmt->direction,
                          .all = stmt->strict,
                          .count = stmt->number};
    if (stmt->expr != NULL) {
        int32_t number = 0;
        fly_status status = bound_of(run, stmt->expr, "count", &number, err);
        if (status != FLY_OK) {
            return status;
        }
        node.count = number;
    }
    node.cursor = portal_of(run, stmt->datum, err);
    if (node.cursor == NULL) {
        return failed(err);
    }
    fly_sql_stmt *row = NULL;
    uint64_t count = 0;
    fly_status status = fly__sql_cursor_pull(run->session, &node, &row, &count, err);
    if (status == FLY_OK && !stmt->flag) {
        status = row_into(run, stmt->into, stmt->into_count, row, count > 0, err);
    }
    fly__sql_cursor_pulled(row);
    if (status == FLY_OK) {
        run->row_count = count;
        set_found(run, count > 0);
    }
    return status;
}

static fly_status run_close(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    const char *name = portal_of(run, stmt->datum, err);
    if (name == NULL) {
        return failed(err);
    }
    if (!fly__sql_cursors_forget(run->session, name)) {
        return fly_err_state(err, "34000", 0, "cursor \"%s\" does not exist", name);
    }
    return FLY_OK;
}

static fly_status run_cursor_loop(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_sql_stmt *query = NULL;
    fly_status status = cursor_args(run, stmt, err);
    if (status == FLY_OK) {
        status = fly__sql_pl_start(run, run->code->data[stmt->datum].query, &query, err);
    }
    return status == FLY_OK ? rows_loop(run, stmt, query, err) : status;
}

/* ----------------------------------------------------------------------- transactions */

static fly_status run_commit(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    if (run->atomic || run->guards > 0) {
        return run->guards > 0 && !run->atomic
                   ? fly_err_state(err, "2D000", 0, "cannot %s while a subtransaction is active",
                                   stmt->flag ? "roll back" : "commit")
                   : fly_err_state(err, "2D000", 0, "invalid transaction termination");
    }
    if (run->queries > 0) {
        return fly_err_state(err, "0A000", 0, "%s in a loop over a query is not supported",
                             stmt->flag ? "ROLLBACK" : "COMMIT");
    }
    return fly__sql_txn_renew(run->session, !stmt->flag, err);
}

/* ----------------------------------------------------------------------------- blocks */

static fly_status init_vars(fly__sql_pl_run *run, const fly__sql_pl_stmt *block, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < block->count; i++) {
        uint32_t number = block->first + i;
        const fly__sql_pl_datum *datum = &run->code->data[number];
        fly__sql_pl_var *var = &run->instance->vars[number];
        fly_vec_value value = null_value();
        fly_sql_type type = datum->type;
        fly_arena_reset(&run->scratch);
        if (datum->initial != NULL) {
            status = fly__sql_pl_eval(run, datum->initial, &run->scratch, &value, &type, err);
        } else if (datum->cursor) {
            status = set_text(run, number, datum->name, err);
            continue;
        } else if (datum->record) {
            var->null = true;
            var->shaped = false;
            if (datum->table != NULL) {
                status = fly__sql_pl_record_shape_table(run->session, var, datum->table, err);
            }
            continue;
        } else {
            var->cell.value = value;
            continue;
        }
        if (status == FLY_OK) {
            status = fly__sql_pl_assign(run, number, NULL, &value, type, err);
        }
    }
    return status;
}

static fly_status run_plain(fly__sql_pl_run *run, const fly__sql_pl_stmt *block, fly_err *err)
{
    fly_status status = run_list(run, block->body, err);
    if (status == FLY_OK && run->flow == FLY__SQL_PL_LEAVE && run->label != NULL &&
        block->label != NULL && strcmp(run->label, block->label) == 0) {
        run->flow = FLY__SQL_PL_GO;
    }
    return status;
}

static bool handles(const fly__sql_pl_arm *arm, const char *state)
{
    if (arm->others) {
        return strcmp(state, "57014") != 0 && strcmp(state, "P0004") != 0;
    }
    for (uint32_t i = 0; i < arm->state_count; i++) {
        const char *wanted = arm->states[i];
        bool class = strcmp(wanted + 2, "000") == 0;
        if (strncmp(wanted, state, class ? 2 : 5) == 0) {
            return true;
        }
    }
    return false;
}

static const fly__sql_pl_arm *handler_for(const fly__sql_pl_stmt *block, const fly_err *story)
{
    const fly__sql_pl_arm *arm = block->arms;
    while (arm != NULL && !handles(arm, story->sqlstate)) {
        arm = arm->next;
    }
    return arm;
}

static fly_status run_handler(fly__sql_pl_run *run, const fly__sql_pl_stmt *block,
                              const fly__sql_pl_arm *arm, const fly_err *story, fly_err *err)
{
    const fly_err *outer = run->caught;
    fly_arena_reset(&run->scratch);
    fly_status status = set_text(run, block->sqlstate, story->sqlstate, err);
    if (status == FLY_OK) {
        status = set_text(run, block->sqlerrm, story->message, err);
    }
    run->caught = story;
    if (status == FLY_OK) {
        status = run_list(run, arm->body, err);
    }
    run->caught = outer;
    if (status == FLY_OK && run->flow == FLY__SQL_PL_LEAVE && run->label != NULL &&
        block->label != NULL && strcmp(run->label, block->label) == 0) {
        run->flow = FLY__SQL_PL_GO;
    }
    return status;
}

static fly_status run_guarded(fly__sql_pl_run *run, const fly__sql_pl_stmt *block, fly_err *err)
{
    fly_sql_session *session = run->session;
    fly_err story = {0};
    fly__sql_guard guard;
    uint32_t queries = run->queries;
    fly__sql_guard_begin(session, &guard);
    run->guards++;
    fly_status status = run_plain(run, block, &story);
    run->guards--;
    if (status == FLY_OK) {
        fly__sql_guard_end(session, &guard);
        return FLY_OK;
    }
    story.status = status;
    const fly__sql_pl_arm *arm = handler_for(block, &story);
    if (arm == NULL) {
        fly__sql_guard_end(session, &guard);
        *err = story;
        return status;
    }
    run->queries = queries;
    status = fly__sql_guard_back(session, &guard, err);
    return status == FLY_OK ? run_handler(run, block, arm, &story, err) : status;
}

fly_status fly__sql_pl_run_block(fly__sql_pl_run *run, const fly__sql_pl_stmt *block, fly_err *err)
{
    fly_status status = init_vars(run, block, err);
    if (status != FLY_OK) {
        return status;
    }
    return block->arms == NULL ? run_plain(run, block, err) : run_guarded(run, block, err);
}

/* --------------------------------------------------------------------------- choosing */

static fly_status run_one(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    switch ((fly__sql_pl_kind)stmt->kind) {
    case FLY__SQL_PL_NULL:
        return FLY_OK;
    case FLY__SQL_PL_BLOCK:
        return fly__sql_pl_run_block(run, stmt, err);
    case FLY__SQL_PL_ASSIGN:
        return run_assign(run, stmt, err);
    case FLY__SQL_PL_IF:
        return run_if(run, stmt, err);
    case FLY__SQL_PL_CASE:
        return run_case(run, stmt, err);
    case FLY__SQL_PL_LOOP:
    case FLY__SQL_PL_WHILE:
        return run_loop(run, stmt, err);
    case FLY__SQL_PL_FOR_RANGE:
        return run_range(run, stmt, err);
    case FLY__SQL_PL_FOR_QUERY:
    case FLY__SQL_PL_FOR_EXECUTE:
        return run_query_loop(run, stmt, err);
    case FLY__SQL_PL_FOR_CURSOR:
        return run_cursor_loop(run, stmt, err);
    case FLY__SQL_PL_FOREACH:
        return run_foreach(run, stmt, err);
    case FLY__SQL_PL_EXIT:
        return run_exit(run, stmt, err);
    case FLY__SQL_PL_RETURN:
        return run_return(run, stmt, err);
    case FLY__SQL_PL_RETURN_NEXT:
        return run_return_next(run, stmt, err);
    case FLY__SQL_PL_RETURN_QUERY:
        return run_return_query(run, stmt, err);
    case FLY__SQL_PL_SQL:
        return run_sql(run, stmt, err);
    case FLY__SQL_PL_EXECUTE:
        return run_execute(run, stmt, err);
    case FLY__SQL_PL_DIAGNOSTICS:
        return run_diagnostics(run, stmt, err);
    case FLY__SQL_PL_RAISE:
        return run_raise(run, stmt, err);
    case FLY__SQL_PL_ASSERT:
        return run_assert(run, stmt, err);
    case FLY__SQL_PL_OPEN:
        return run_open(run, stmt, err);
    case FLY__SQL_PL_FETCH:
        return run_fetch(run, stmt, err);
    case FLY__SQL_PL_CLOSE:
        return run_close(run, stmt, err);
    case FLY__SQL_PL_CALL:
        return fly__sql_pl_run_call(run, stmt, err);
    case FLY__SQL_PL_COMMIT:
        return run_commit(run, stmt, err);
    }
    return FLY_OK;
}

static fly_status run_list(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err)
{
    fly_status status = FLY_OK;
    for (; status == FLY_OK && stmt != NULL && run->flow == FLY__SQL_PL_GO; stmt = stmt->next) {
        fly_arena_reset(&run->scratch);
        status = run_one(run, stmt, err);
    }
    return status;
}
