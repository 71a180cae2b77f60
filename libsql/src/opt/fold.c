/*
 * What can be computed once is computed now: calls of immutable functions over constants, and dates
 * that are compared with a moment, which can as well be compared with its day.
 *
 *     d < date '1993-07-01' + interval '3 months'     d::timestamp < '1993-10-01 00:00'
 *                                                     d < '1993-10-01'
 *
 * A call that fails stays, to fail when it is asked for; so does one whose result would have a shape
 * (numeric), or that a session's settings have a say in. Expressions are changed in place: they say the
 * same wherever else they are used.
 */
#include "opt/pass_int.h"

#include <fly/vec_time.h>

#include <string.h>

/* Types whose values depend on nothing but the arguments, and are complete by themselves. */
static bool is_simple(fly_sql_type type)
{
    switch (type.oid) {
    case FLY_SQL_BOOL:
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
    case FLY_SQL_DATE:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_INTERVAL:
        return true;
    default:
        return false;
    }
}

static bool can_compute(const fly__sql_expr *expr)
{
    const fly__sql_func *func = expr->func;
    if (expr->kind != FLY__SQL_X_CALL || expr->volatile_ || !is_simple(expr->type) ||
        func->row == NULL || func->volatility != FLY__SQL_IMMUTABLE || !func->strict ||
        func->kind == FLY__SQL_USER || expr->argc == 0 || expr->argc > 4) {
        return false;
    }
    for (uint32_t i = 0; i < expr->argc; i++) {
        const fly__sql_expr *arg = expr->args[i];
        if (arg->kind != FLY__SQL_X_CONST || !is_simple(arg->type)) {
            return false;
        }
    }
    return true;
}

static void compute(fly__sql_opt *opt, fly__sql_expr *expr)
{
    fly_vec_value args[4];
    fly_sql_type types[4];
    fly_vec_value result;
    fly_err err = {0};
    void *memo = NULL;
    bool null = false;
    memset(&result, 0, sizeof result);
    for (uint32_t i = 0; i < expr->argc; i++) {
        args[i] = expr->args[i]->value;
        types[i] = expr->args[i]->type;
        null = null || args[i].null;
    }
    fly__sql_call call = {.session = opt->session,
                          .func = expr->func,
                          .types = types,
                          .result = expr->type,
                          .argc = expr->argc,
                          .pos = expr->pos,
                          .arena = opt->arena,
                          .memo = &memo,
                          .memo_arena = opt->arena,
                          .err = &err};
    result.null = null;
    if (null || expr->func->row(&call, args, &result) == FLY_OK) {
        expr->kind = FLY__SQL_X_CONST;
        expr->argc = 0;
        expr->func = NULL;
        expr->raises = false;
        expr->value = result;
    }
}

/* ------------------------------------------------------------------------------- dates */

static const fly__sql_func *dates_compared(uint8_t op)
{
    static const char *const symbols[] = {"=", "<>", "<", "<=", ">", ">="};
    size_t count = 0;
    const fly__sql_func *func = fly__sql_operators(symbols[op - FLY__SQL_OP_EQ], &count);
    for (size_t i = 0; i < count; i++) {
        if (func[i].argc == 2 && func[i].args[0] == FLY_SQL_DATE &&
            func[i].args[1] == FLY_SQL_DATE && func[i].op == op) {
            return &func[i];
        }
    }
    return NULL;
}

/* date::timestamp op constant, said of the date. */
static void compare_days(fly__sql_opt *opt, fly__sql_expr *expr)
{
    bool comparison = expr->kind == FLY__SQL_X_CALL && expr->argc == 2 &&
                      expr->func->op >= FLY__SQL_OP_EQ && expr->func->op <= FLY__SQL_OP_GE;
    if (!comparison) {
        return;
    }
    const fly__sql_expr *cast = expr->args[0];
    const fly__sql_expr *moment = expr->args[1];
    if (cast->kind != FLY__SQL_X_CALL || cast->argc != 1 ||
        cast->func != fly__sql_cast(FLY_SQL_DATE, FLY_SQL_TIMESTAMP) ||
        moment->kind != FLY__SQL_X_CONST || moment->type.oid != FLY_SQL_TIMESTAMP ||
        moment->value.null || moment->value.i64 == FLY_VEC_TIMESTAMP_INFINITY ||
        moment->value.i64 == FLY_VEC_TIMESTAMP_MINUS_INFINITY) {
        return;
    }
    int64_t midnight = 0;
    fly_err err = {0};
    int32_t day = fly_vec_timestamp_to_date(moment->value.i64);
    uint8_t op = expr->func->op;
    if (fly_vec_date_to_timestamp(day, &midnight, &err) != FLY_OK) {
        return;
    }
    if (midnight != moment->value.i64) {
        op = op == FLY__SQL_OP_LT ? FLY__SQL_OP_LE : op == FLY__SQL_OP_GE ? FLY__SQL_OP_GT : op;
        if (op == FLY__SQL_OP_EQ || op == FLY__SQL_OP_NE) {
            return;
        }
    }
    const fly__sql_func *func = dates_compared(op);
    fly__sql_expr **args = fly__sql_opt_alloc(opt, 2 * sizeof *args);
    fly__sql_expr *constant = fly__sql_opt_alloc(opt, sizeof *constant);
    if (func == NULL || args == NULL || constant == NULL) {
        return;
    }
    constant->kind = FLY__SQL_X_CONST;
    constant->type = fly__sql_type(FLY_SQL_DATE);
    constant->pos = moment->pos;
    constant->value.i32 = day;
    args[0] = cast->args[0];
    args[1] = constant;
    expr->args = args;
    expr->func = func;
}

void fly__sql_opt_fold(fly__sql_opt *opt, fly__sql_expr *expr)
{
    if (expr == NULL || opt->plain) {
        return;
    }
    for (uint32_t i = 0; i < expr->argc; i++) {
        fly__sql_opt_fold(opt, expr->args[i]);
    }
    if (can_compute(expr)) {
        compute(opt, expr);
    } else {
        compare_days(opt, expr);
    }
}
