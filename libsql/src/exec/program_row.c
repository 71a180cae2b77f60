/*
 * Expressions that are evaluated row by row: one kernel, and what it calls.
 *
 * Every function has a form that takes values and gives a value; what has no faster kernel is run by
 * this one. The same kernel serves the other expressions that are rare, or whose work is far more than
 * the loop around it: conversions by text, GREATEST, IN over expressions, arrays, rows, subqueries.
 *
 * Invariants.
 *     R1  a strict function is not called when an argument is NULL
 *     R2  if all arguments are constant and nothing is volatile it is evaluated once per run
 */
#include "exec/program_int.h"

#include <string.h>

static int kernel_row(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n)
{
    fly__sql_rowcall *rc = (fly__sql_rowcall *)(uintptr_t)ins->aux;
    fly_vec *dst = &frame->reg[ins->dst];
    bool constant = rc->constant;
    for (uint32_t a = 0; constant && a < ins->argc; a++) {
        constant = frame->reg[ins->args[a]].kind == FLY_VEC_CONST;
    }
    rc->call.arena = frame->arena;
    rc->call.err = frame->err;
    dst->kind = FLY_VEC_FLAT;
    int rows = constant ? 1 : n;
    for (int k = 0; k < rows; k++) {
        uint32_t row = constant ? 0 : sel != NULL ? sel[k] : (uint32_t)k;
        bool null = false;
        for (uint32_t a = 0; a < ins->argc; a++) {
            rc->args[a] = fly__sql_get(&frame->reg[ins->args[a]], row);
            null |= rc->args[a].null;
        }
        fly_vec_value result;
        memset(&result, 0, sizeof result);
        if (null && rc->strict) {
            result.null = true;
        } else {
            fly_status status = rc->eval(rc, rc->args, &result);
            if (status != FLY_OK) {
                if (frame->err->status == FLY_OK) {
                    frame->err->status = status;
                }
                return -1;
            }
        }
        fly_vec_put(dst, row, &result);
    }
    dst->kind = constant ? FLY_VEC_CONST : FLY_VEC_FLAT;
    return 0;
}

static fly_status row_new(fly__sql_compiler *c, const fly__sql_expr *x, uint32_t argc,
                          fly__sql_row_eval eval, fly__sql_rowcall **rc)
{
    fly__sql_exec *exec = c->exec;
    *rc = fly__sql_alloc(&exec->arena, 1, sizeof **rc, c->err);
    if (*rc == NULL) {
        return FLY_E_NO_MEMORY;
    }
    (*rc)->args = fly__sql_alloc(&exec->arena, argc + 1, sizeof(fly_vec_value), c->err);
    (*rc)->pair = fly__sql_alloc(&exec->arena, 2, sizeof(fly_vec_value), c->err);
    if ((*rc)->args == NULL || (*rc)->pair == NULL) {
        return FLY_E_NO_MEMORY;
    }
    (*rc)->eval = eval;
    (*rc)->x = x;
    (*rc)->exec = exec;
    (*rc)->constant = !x->volatile_;
    (*rc)->call = (fly__sql_call){.session = exec->session,
                                  .func = x->func,
                                  .result = x->type,
                                  .argc = argc,
                                  .pos = x->pos,
                                  .memo = &(*rc)->memo,
                                  .memo_arena = &exec->arena};
    return FLY_OK;
}

static fly_status row_emit(fly__sql_compiler *c, fly__sql_rowcall *rc, uint16_t from, uint32_t argc,
                           const uint16_t *args, uint16_t *reg)
{
    fly_status status = fly__sql_reg_new(c, rc->x->type, reg);
    if (status == FLY_OK) {
        bool user = rc->x->func != NULL && rc->x->func->kind == FLY__SQL_USER;
        /* Where a user's function failed is not in this statement's text. */
        status = fly__sql_emit(c, from, kernel_row, *reg, argc, args, rc, user ? 0 : rc->x->pos);
    }
    return status;
}

/* ----------------------------------------------------------------------- functions */

static fly_status eval_call(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    return rc->call.func->row(&rc->call, args, result);
}

fly_status fly__sql_row_call(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                             const fly_sql_type *types, const uint16_t *args, uint16_t *reg)
{
    if (x->func->row == NULL) {
        return fly_err_state(c->err, "0A000", x->pos, "function %s cannot be called here",
                             x->func->name);
    }
    fly__sql_rowcall *rc;
    fly_status status = row_new(c, x, x->argc, eval_call, &rc);
    if (status != FLY_OK) {
        return status;
    }
    rc->strict = x->func->strict;
    rc->call.types = types;
    rc->constant = x->func->volatility != FLY__SQL_VOLATILE;
    return row_emit(c, rc, from, x->argc, args, reg);
}

/* Call the expression's function, a comparison, over two values; NULL in, NULL out. */
fly_status fly__sql_call_pair(fly__sql_rowcall *rc, fly__sql_call *call, const fly_vec_value *a,
                              const fly_vec_value *b, fly_vec_value *result)
{
    if (call->func->strict && (a->null || b->null)) {
        result->null = true;
        return FLY_OK;
    }
    rc->pair[0] = *a;
    rc->pair[1] = *b;
    result->null = false;
    call->arena = rc->call.arena;
    call->err = rc->call.err;
    return call->func->row(call, rc->pair, result);
}

static fly_status eval_distinct(fly__sql_rowcall *rc, const fly_vec_value *args,
                                fly_vec_value *result)
{
    if (args[0].null || args[1].null) {
        result->b = (args[0].null != args[1].null) != rc->x->flag;
        return FLY_OK;
    }
    fly_vec_value equal;
    memset(&equal, 0, sizeof equal);
    fly_status status = fly__sql_call_pair(rc, &rc->call, &args[0], &args[1], &equal);
    result->b = (equal.null || !equal.b) != rc->x->flag;
    return status;
}

static fly_status eval_minmax(fly__sql_rowcall *rc, const fly_vec_value *args,
                              fly_vec_value *result)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < rc->call.argc; i++) {
        if (args[i].null) {
            continue;
        }
        if (best == UINT32_MAX) {
            best = i;
            continue;
        }
        fly_vec_value greater;
        memset(&greater, 0, sizeof greater);
        fly_status status =
            rc->x->flag ? fly__sql_call_pair(rc, &rc->call, &args[best], &args[i], &greater)
                        : fly__sql_call_pair(rc, &rc->call, &args[i], &args[best], &greater);
        if (status != FLY_OK) {
            return status;
        }
        if (!greater.null && greater.b) {
            best = i;
        }
    }
    if (best == UINT32_MAX) {
        result->null = true;
    } else {
        *result = args[best];
    }
    return FLY_OK;
}

static fly_status eval_nullif(fly__sql_rowcall *rc, const fly_vec_value *args,
                              fly_vec_value *result)
{
    fly_vec_value equal;
    memset(&equal, 0, sizeof equal);
    fly_status status = fly__sql_call_pair(rc, &rc->call, &args[0], &args[1], &equal);
    *result = args[0];
    if (status == FLY_OK && !equal.null && equal.b) {
        result->null = true;
    }
    return status;
}

/* IN: true if one is equal, else NULL if one comparison was NULL. */
static fly_status eval_in(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    bool unknown = false;
    for (uint32_t i = 1; i < rc->call.argc; i++) {
        fly_vec_value equal;
        memset(&equal, 0, sizeof equal);
        fly_status status = fly__sql_call_pair(rc, &rc->call, &args[0], &args[i], &equal);
        if (status != FLY_OK) {
            return status;
        }
        unknown |= equal.null;
        /* NOT IN asks with <> or with =, as the function says. */
        if (!equal.null && equal.b == (rc->call.func->op != FLY__SQL_OP_NE)) {
            result->b = !rc->x->flag;
            return FLY_OK;
        }
    }
    result->null = unknown;
    result->b = rc->x->flag;
    return FLY_OK;
}

/* --------------------------------------------------------------------- conversions */

static fly_status eval_fit(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    *result = args[0];
    return fly__sql_value_fit(rc->x->type, rc->x->flag, result, rc->call.arena, rc->call.err);
}

static fly_status eval_io(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    fly_bytes text;
    fly_sql_type from = rc->x->args[0]->type;
    fly_status status =
        fly__sql_value_out(rc->exec->session, from, &args[0], rc->call.arena, &text, rc->call.err);
    if (status == FLY_OK) {
        status = fly__sql_value_in(rc->exec->session, rc->x->type, text, rc->call.arena, result,
                                   rc->call.err);
    }
    return status;
}

/* CURRENT_DATE and its kin: once per statement. */
static fly_status eval_session(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    if (rc->run_number != rc->exec->run_number || rc->once == NULL) {
        fly_vec_value value;
        memset(&value, 0, sizeof value);
        fly_status status = rc->call.func->row(&rc->call, args, &value);
        if (status != FLY_OK) {
            return status;
        }
        if (rc->once == NULL) {
            rc->once = fly__sql_alloc(&rc->exec->arena, 1, sizeof *rc->once, rc->call.err);
            if (rc->once == NULL) {
                return FLY_E_NO_MEMORY;
            }
        }
        status = fly__sql_value_copy(fly__sql_type_physical(rc->x->type), &value, &rc->exec->run,
                                     rc->once, rc->call.err);
        if (status != FLY_OK) {
            return status;
        }
        rc->run_number = rc->exec->run_number;
    }
    *result = *rc->once;
    return FLY_OK;
}

/* -------------------------------------------------------------------- row values */

/* A number as a double: enough to tell an order where the types differ. */
static double as_double(fly_sql_type type, const fly_vec_value *v)
{
    switch (fly__sql_type_physical(type)) {
    case FLY_VEC_I16:
        return v->i16;
    case FLY_VEC_I32:
        return v->i32;
    case FLY_VEC_I64:
        return (double)v->i64;
    case FLY_VEC_F32:
        return (double)v->f32;
    case FLY_VEC_F64:
        return v->f64;
    default:
        return 0;
    }
}

static bool as_int(fly_sql_type type, const fly_vec_value *v, int64_t *n)
{
    switch (type.oid) {
    case FLY_SQL_INT2:
        *n = v->i16;
        return true;
    case FLY_SQL_INT4:
        *n = v->i32;
        return true;
    case FLY_SQL_INT8:
        *n = v->i64;
        return true;
    default:
        return false;
    }
}

/* The order of two numbers of different types. */
static int unlike_order(fly_sql_type at, const fly_vec_value *a, fly_sql_type bt,
                        const fly_vec_value *b)
{
    int64_t m;
    int64_t n;
    if (as_int(at, a, &m) && as_int(bt, b, &n)) {
        return (m > n) - (m < n);
    }
    double x = as_double(at, a);
    double y = as_double(bt, b);
    return (x > y) - (x < y);
}

/* The fields of both sides in turn. Equality: the first field that differs decides, a NULL makes it
 * unknown unless another differs. Order: the first field that is not equal decides, a NULL before it
 * makes it unknown. @source PostgreSQL 15 documentation, 9.24.5 Row Constructor Comparison. */
static fly_status eval_row_compare(fly__sql_rowcall *rc, const fly_vec_value *args,
                                   fly_vec_value *result)
{
    uint32_t pairs = rc->call.argc / 2;
    bool unknown = false;
    char op = rc->x->truth;
    bool equality = op == FLY__SQL_OP_EQ || op == FLY__SQL_OP_NE;
    for (uint32_t i = 0; i < pairs; i++) {
        const fly_vec_value *a = &args[i];
        const fly_vec_value *b = &args[pairs + i];
        fly__sql_call *call = &rc->pair_calls[i];
        if (a->null || b->null) {
            unknown = true;
            if (!equality) {
                break;
            }
            continue;
        }
        fly_vec_value outcome;
        memset(&outcome, 0, sizeof outcome);
        fly_status status = fly__sql_call_pair(rc, call, a, b, &outcome);
        if (status != FLY_OK) {
            return status;
        }
        uint8_t asked = call->func->op;
        if (equality) {
            if (outcome.null) {
                unknown = true;
            } else if (outcome.b != (asked != FLY__SQL_OP_NE)) {
                result->b = op == FLY__SQL_OP_NE;
                return FLY_OK;
            }
            continue;
        }
        if (asked == FLY__SQL_OP_EQ) {
            /* Not told which is smaller: the types are the same, so their order is known. */
            if (outcome.b) {
                continue;
            }
            int order = fly__sql_value_cmp(rc->x->args[i]->type, a, b);
            result->b = op == FLY__SQL_OP_LT || op == FLY__SQL_OP_LE ? order < 0 : order > 0;
            return FLY_OK;
        }
        /* a < b, then b < a: neither means equal. For <= and >= the other way round. */
        fly_vec_value mirrored;
        memset(&mirrored, 0, sizeof mirrored);
        bool same_types = rc->x->args[i]->type.oid == rc->x->args[pairs + i]->type.oid;
        if (same_types) {
            status = fly__sql_call_pair(rc, call, b, a, &mirrored);
            if (status != FLY_OK) {
                return status;
            }
            if (outcome.b != mirrored.b) {
                result->b = outcome.b;
                return FLY_OK;
            }
            continue;
        }
        int order = unlike_order(rc->x->args[i]->type, a, rc->x->args[pairs + i]->type, b);
        if (order != 0) {
            result->b = op == FLY__SQL_OP_LT || op == FLY__SQL_OP_LE ? order < 0 : order > 0;
            return FLY_OK;
        }
    }
    result->null = unknown;
    result->b = op == FLY__SQL_OP_EQ || op == FLY__SQL_OP_LE || op == FLY__SQL_OP_GE;
    return FLY_OK;
}

static fly_status row_compare(fly__sql_compiler *c, const fly__sql_expr *x, fly__sql_rowcall *rc)
{
    uint32_t pairs = x->argc / 2;
    rc->pair_calls = fly__sql_alloc(&c->exec->arena, pairs + 1, sizeof *rc->pair_calls, c->err);
    fly_sql_type *types =
        fly__sql_alloc(&c->exec->arena, 2 * (size_t)pairs + 1, sizeof *types, c->err);
    if (rc->pair_calls == NULL || types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < pairs; i++) {
        types[2 * i] = x->args[i]->type;
        types[2 * i + 1] = x->args[pairs + i]->type;
        rc->pair_calls[i] = rc->call;
        rc->pair_calls[i].func = x->funcs[i];
        rc->pair_calls[i].argc = 2;
        rc->pair_calls[i].types = &types[2 * i];
        rc->pair_calls[i].result = fly__sql_type(FLY_SQL_BOOL);
    }
    return FLY_OK;
}

/* -------------------------------------------------------------------- subqueries */

static fly_status eval_subquery(fly__sql_rowcall *rc, const fly_vec_value *args,
                                fly_vec_value *result)
{
    for (uint32_t i = 0; i < rc->call.argc; i++) {
        rc->exec->outer[rc->ids[i]] = args[i];
    }
    return fly__sql_sub_value(rc->sub, rc->call.arena, result, rc->call.err);
}

/* The arguments of a subquery are the columns that it takes from this program's rows. */
static fly_status row_subquery(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                               uint16_t *reg)
{
    fly__sql_exec *exec = c->exec;
    fly__sql_idset free;
    fly_status status = fly__sql_idset_init(&free, exec->outer_count, &exec->arena, c->err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_free_in_expr(x, &free);
    uint32_t argc = 0;
    for (unsigned part = 0; part < FLY__SQL_PARTS; part++) {
        for (uint32_t i = 0; i < c->scope->counts[part]; i++) {
            argc += fly__sql_idset_has(&free, c->scope->columns[part][i].id);
        }
    }
    fly__sql_rowcall *rc;
    status = row_new(c, x, argc, eval_subquery, &rc);
    if (status != FLY_OK) {
        return status;
    }
    uint16_t *args = fly_arena_alloc(&exec->arena, (argc + 1) * sizeof *args);
    rc->ids = fly_arena_alloc(&exec->arena, (argc + 1) * sizeof *rc->ids);
    if (args == NULL || rc->ids == NULL) {
        return fly_err_set(c->err, FLY_E_NO_MEMORY, "out of memory for a subquery");
    }
    uint32_t at = 0;
    for (unsigned part = 0; part < FLY__SQL_PARTS; part++) {
        for (uint32_t i = 0; i < c->scope->counts[part]; i++) {
            const fly__sql_colref *column = &c->scope->columns[part][i];
            if (!fly__sql_idset_has(&free, column->id)) {
                continue;
            }
            fly__sql_expr *name = fly__sql_alloc(&exec->arena, 1, sizeof *name, c->err);
            if (name == NULL) {
                return FLY_E_NO_MEMORY;
            }
            name->kind = FLY__SQL_X_COLUMN;
            name->type = column->type;
            name->column = column->id;
            rc->ids[at] = column->id;
            exec->outer_str[column->id] = fly__sql_type_physical(column->type) == FLY_VEC_STR;
            status = fly__sql_compile_value(c, name, from, &args[at++]);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    rc->constant = !x->volatile_;
    status = fly__sql_sub_create(exec, c->scope, x, &rc->sub, c->err);
    if (status == FLY_OK) {
        status = row_emit(c, rc, from, argc, args, reg);
    }
    return status;
}

/* ------------------------------------------------------------------------ dispatch */

static const struct {
    fly__sql_row_eval eval;
    bool strict;
    bool needs_func;
} evals[] = {
    [FLY__SQL_X_FIT] = {eval_fit, true, false},
    [FLY__SQL_X_SHAPE] = {fly__sql_eval_shape, true, false},
    [FLY__SQL_X_IO] = {eval_io, true, false},
    [FLY__SQL_X_DISTINCT] = {eval_distinct, false, true},
    [FLY__SQL_X_MINMAX] = {eval_minmax, false, true},
    [FLY__SQL_X_NULLIF] = {eval_nullif, false, true},
    [FLY__SQL_X_ANY] = {fly__sql_eval_any, false, true},
    [FLY__SQL_X_IN] = {eval_in, false, true},
    [FLY__SQL_X_ARRAY] = {fly__sql_eval_array, false, false},
    [FLY__SQL_X_SUBSCRIPT] = {fly__sql_eval_subscript, false, false},
    [FLY__SQL_X_ROW] = {fly__sql_eval_row, false, false},
    [FLY__SQL_X_FIELD] = {fly__sql_eval_field, true, false},
    [FLY__SQL_X_ROW_COMPARE] = {eval_row_compare, false, false},
    [FLY__SQL_X_SESSION] = {eval_session, false, true},
};

fly_status fly__sql_row_value(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                              uint16_t *reg)
{
    if (x->kind == FLY__SQL_X_SUBQUERY) {
        return row_subquery(c, x, from, reg);
    }
    if (x->kind >= sizeof evals / sizeof evals[0] || evals[x->kind].eval == NULL) {
        return fly__sql_not_yet(c->err, x->pos, "this expression");
    }
    uint16_t *args;
    fly_status status = fly__sql_compile_args(c, x, from, &args);
    fly__sql_rowcall *rc = NULL;
    if (status == FLY_OK) {
        status = row_new(c, x, x->argc, evals[x->kind].eval, &rc);
    }
    if (status != FLY_OK) {
        return status;
    }
    rc->strict = evals[x->kind].strict;
    if (evals[x->kind].needs_func && (x->func == NULL || x->func->row == NULL)) {
        return fly_err_state(c->err, "0A000", x->pos, "function cannot be called here");
    }
    if (x->kind == FLY__SQL_X_ROW_COMPARE) {
        status = row_compare(c, x, rc);
    } else if (x->argc > 0) {
        fly_sql_type *types = fly__sql_alloc(&c->exec->arena, x->argc, sizeof *types, c->err);
        if (types == NULL) {
            return FLY_E_NO_MEMORY;
        }
        for (uint32_t i = 0; i < x->argc; i++) {
            types[i] = x->args[i] != NULL ? x->args[i]->type : fly__sql_type(FLY_SQL_INT4);
        }
        rc->call.types = types;
        if (x->func != NULL) {
            rc->call.result = fly__sql_type(FLY_SQL_BOOL);
        }
    }
    if (status == FLY_OK) {
        status = row_emit(c, rc, from, x->argc, args, reg);
    }
    return status;
}
