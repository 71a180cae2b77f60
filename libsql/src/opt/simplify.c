/*
 * Conditions said in another way: with what all arms of an OR have in common taken out of it, with
 * equalities of one column as a list, and with what follows from them said too.
 *
 *     (a AND b) OR (a AND c)      a AND (b OR c)
 *     x = 1 OR x = 2              x IN (1, 2)
 *     x = y AND x = 1             ... AND y = 1
 *     (x = 1 AND y = 2) OR        ... AND (x = 1 OR x = 3), for the relation that makes x alone
 *     (x = 3 AND y = 4)
 *
 * All hold in three-valued logic. Nothing volatile is touched.
 */
#include "opt/pass_int.h"

#include "bind/bind_scope_int.h"

#include <string.h>

enum { ARMS_MAX = 256 }; /* wider ORs stay as they are: comparing is quadratic */

static fly__sql_expr *make(fly__sql_opt *opt, uint8_t kind, const fly__sql_conds *args)
{
    fly__sql_expr *expr = fly__sql_opt_alloc(opt, sizeof *expr);
    fly__sql_expr **copy = fly__sql_opt_alloc(opt, (args->count + 1u) * sizeof *copy);
    if (expr == NULL || copy == NULL) {
        return NULL;
    }
    memcpy(copy, args->items, args->count * sizeof *copy);
    *expr = (fly__sql_expr){.kind = kind, .argc = args->count, .args = copy};
    expr->type = fly__sql_type(FLY_SQL_BOOL);
    for (uint32_t i = 0; i < args->count; i++) {
        expr->volatile_ = expr->volatile_ || copy[i]->volatile_;
        expr->raises = expr->raises || copy[i]->raises;
    }
    return expr;
}

static bool contains(const fly__sql_conds *conds, const fly__sql_expr *cond)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        if (fly__sql_bind_equal(conds->items[i], cond)) {
            return true;
        }
    }
    return false;
}

/* Arms of nested ORs, side by side. */
static void add_arms(fly__sql_opt *opt, fly__sql_conds *arms, fly__sql_expr *expr)
{
    for (uint32_t i = 0; i < expr->argc && arms->count <= ARMS_MAX; i++) {
        if (expr->args[i]->kind == FLY__SQL_X_OR) {
            add_arms(opt, arms, expr->args[i]);
        } else {
            fly__sql_conds_put(opt, arms, expr->args[i]);
        }
    }
}

/* ----------------------------------------------------------------------- lists of values */

/* `column = constant` or a list of that: the column and the function. */
static bool is_choice(const fly__sql_expr *arm, const fly__sql_expr **column,
                      const fly__sql_func **func)
{
    bool equality = arm->kind == FLY__SQL_X_CALL && arm->argc == 2 &&
                    arm->func->op == FLY__SQL_OP_EQ;
    bool list = arm->kind == FLY__SQL_X_IN && !arm->flag;
    if ((!equality && !list) || arm->args[0]->kind != FLY__SQL_X_COLUMN) {
        return false;
    }
    for (uint32_t i = 1; i < arm->argc; i++) {
        if (arm->args[i]->kind != FLY__SQL_X_CONST ||
            !fly__sql_type_equal(arm->args[i]->type, arm->args[1]->type)) {
            return false;
        }
    }
    *column = arm->args[0];
    *func = arm->func;
    return true;
}

/* All arms choose values of one column: that as a list. NULL: they do not. */
static fly__sql_expr *as_list(fly__sql_opt *opt, const fly__sql_conds *arms)
{
    const fly__sql_expr *column;
    const fly__sql_func *func;
    fly__sql_conds args = {0};
    if (arms->count < 2 || !is_choice(arms->items[0], &column, &func)) {
        return NULL;
    }
    fly__sql_conds_put(opt, &args, arms->items[0]->args[0]);
    for (uint32_t i = 0; i < arms->count; i++) {
        const fly__sql_expr *other;
        const fly__sql_func *by;
        const fly__sql_expr *arm = arms->items[i];
        if (!is_choice(arm, &other, &by) || by != func || !fly__sql_bind_equal(other, column) ||
            !fly__sql_type_equal(arm->args[1]->type, arms->items[0]->args[1]->type) ||
            arm->args[1]->type.collation != arms->items[0]->args[1]->type.collation) {
            return NULL;
        }
        for (uint32_t k = 1; k < arm->argc; k++) {
            fly__sql_conds_put(opt, &args, arm->args[k]);
        }
    }
    fly__sql_expr *list = make(opt, FLY__SQL_X_IN, &args);
    if (list != NULL) {
        list->func = func;
        list->raises = list->raises || arms->items[0]->raises;
        list->pos = arms->items[0]->pos;
    }
    return list;
}

/* --------------------------------------------------------------------------- common terms */

static fly__sql_expr *any_of(fly__sql_opt *opt, const fly__sql_conds *arms)
{
    fly__sql_expr *list = as_list(opt, arms);
    return list != NULL ? list : make(opt, FLY__SQL_X_OR, arms);
}

void fly__sql_opt_or(fly__sql_opt *opt, fly__sql_expr *expr, fly__sql_conds *conds)
{
    fly__sql_conds arms = {0};
    fly__sql_conds common = {0};
    fly__sql_conds rest = {0};
    add_arms(opt, &arms, expr);
    if (expr->volatile_ || arms.count > ARMS_MAX || arms.count == 0) {
        fly__sql_conds_add(opt, conds, expr);
        return;
    }
    fly__sql_conds *terms = fly__sql_opt_alloc(opt, arms.count * sizeof *terms);
    if (terms == NULL) {
        return;
    }
    for (uint32_t i = 0; i < arms.count; i++) {
        fly__sql_conds_split(opt, &terms[i], arms.items[i]);
    }
    for (uint32_t k = 0; k < terms[0].count; k++) {
        bool everywhere = !contains(&common, terms[0].items[k]);
        for (uint32_t i = 1; i < arms.count && everywhere; i++) {
            everywhere = contains(&terms[i], terms[0].items[k]);
        }
        if (everywhere) {
            fly__sql_conds_add(opt, &common, terms[0].items[k]);
        }
    }
    if (common.count == 0) {
        fly__sql_expr *list = as_list(opt, &arms);
        fly__sql_conds_add(opt, conds, list != NULL ? list : expr);
        return;
    }
    bool nothing_else = false; /* an arm that is the common terms alone: the others add nothing */
    for (uint32_t i = 0; i < arms.count; i++) {
        fly__sql_conds own = {0};
        for (uint32_t k = 0; k < terms[i].count; k++) {
            if (!contains(&common, terms[i].items[k])) {
                fly__sql_conds_add(opt, &own, terms[i].items[k]);
            }
        }
        nothing_else = nothing_else || own.count == 0;
        if (own.count > 0) {
            fly__sql_conds_put(opt, &rest, fly__sql_conds_join(opt, &own));
        }
    }
    for (uint32_t i = 0; i < common.count; i++) {
        fly__sql_conds_add(opt, conds, common.items[i]);
    }
    if (!nothing_else) {
        fly__sql_expr *others = any_of(opt, &rest);
        if (others != NULL) {
            fly__sql_conds_add(opt, conds, others);
        }
    }
}

/* ------------------------------------------------------------------------- what follows */

/* Of each arm, what speaks of `rel` alone; NULL if an arm says nothing of it, or all is about it. */
fly__sql_expr *fly__sql_opt_or_about(fly__sql_opt *opt, const fly__sql_expr *cond,
                                     const fly__sql_rel *rel)
{
    fly__sql_conds arms = {0};
    fly__sql_conds about = {0};
    if (cond->kind != FLY__SQL_X_OR || cond->volatile_ || fly__sql_expr_has_subquery(cond)) {
        return NULL;
    }
    memcpy(&arms.items, &cond->args, sizeof arms.items);
    arms.count = cond->argc;
    for (uint32_t i = 0; i < arms.count; i++) {
        fly__sql_conds terms = {0};
        fly__sql_conds own = {0};
        fly__sql_conds_split(opt, &terms, arms.items[i]);
        for (uint32_t k = 0; k < terms.count; k++) {
            uint32_t made;
            uint32_t others;
            fly__sql_expr_sides(terms.items[k], rel, &made, &others);
            if (made > 0 && others == 0 && !terms.items[k]->raises) {
                fly__sql_conds_add(opt, &own, terms.items[k]);
            }
        }
        if (own.count == 0) {
            return NULL;
        }
        fly__sql_expr *arm = fly__sql_conds_join(opt, &own);
        if (!contains(&about, arm)) {
            fly__sql_conds_put(opt, &about, arm);
        }
    }
    return about.count == 1 ? about.items[0] : any_of(opt, &about);
}

static bool is_equality(const fly__sql_expr *cond)
{
    return cond->kind == FLY__SQL_X_CALL && cond->argc == 2 && cond->func->op == FLY__SQL_OP_EQ &&
           !cond->volatile_ && fly__sql_type_equal(cond->args[0]->type, cond->args[1]->type) &&
           cond->args[0]->type.collation == cond->args[1]->type.collation;
}

static bool is_given(const fly__sql_expr *expr)
{
    return expr->kind == FLY__SQL_X_CONST || expr->kind == FLY__SQL_X_PARAM;
}

/* x = y and x = 1 by the same function: y = 1. */
static fly__sql_expr *follows(fly__sql_opt *opt, const fly__sql_expr *columns,
                              const fly__sql_expr *value, int side, int given)
{
    if (!fly__sql_bind_equal(columns->args[side], value->args[1 - given])) {
        return NULL;
    }
    fly__sql_expr *copy = fly__sql_opt_alloc(opt, sizeof *copy);
    fly__sql_expr **args = fly__sql_opt_alloc(opt, 2 * sizeof *args);
    if (copy == NULL || args == NULL) {
        return NULL;
    }
    *copy = *value;
    copy->args = args;
    args[1 - given] = columns->args[1 - side];
    args[given] = value->args[given];
    return copy;
}

void fly__sql_opt_transitive(fly__sql_opt *opt, fly__sql_conds *conds)
{
    for (uint32_t v = 0; v < conds->count && conds->count <= ARMS_MAX; v++) {
        const fly__sql_expr *value = conds->items[v];
        int given = !is_equality(value) ? -1 : is_given(value->args[1]) ? 1 : 0;
        if (given < 0 || !is_given(value->args[given]) ||
            value->args[1 - given]->kind != FLY__SQL_X_COLUMN) {
            continue;
        }
        for (uint32_t c = 0; c < conds->count; c++) {
            const fly__sql_expr *columns = conds->items[c];
            if (!is_equality(columns) || columns->func != value->func ||
                columns->args[0]->kind != FLY__SQL_X_COLUMN ||
                columns->args[1]->kind != FLY__SQL_X_COLUMN) {
                continue;
            }
            for (int side = 0; side < 2; side++) {
                fly__sql_expr *more = follows(opt, columns, value, side, given);
                if (more != NULL && !contains(conds, more)) {
                    fly__sql_conds_add(opt, conds, more);
                }
            }
        }
    }
}
