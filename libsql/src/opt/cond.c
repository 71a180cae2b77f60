/*
 * Conditions: lists of them, and what is asked of expressions.
 */
#include "opt/pass_int.h"

#include <string.h>

void *fly__sql_opt_alloc(fly__sql_opt *opt, size_t size)
{
    void *block = fly_arena_alloc(opt->arena, size);
    if (block == NULL) {
        if (opt->status == FLY_OK) {
            opt->status = fly_err_set(opt->err, FLY_E_NO_MEMORY, "out of memory for a plan");
        }
        return NULL;
    }
    memset(block, 0, size);
    return block;
}

static bool is_true(const fly__sql_expr *expr)
{
    return expr->kind == FLY__SQL_X_CONST && expr->type.oid == FLY_SQL_BOOL && !expr->value.null &&
           expr->value.b;
}

/* Whether a condition is the constant FALSE or NULL: nothing else needs to be asked beside it. */
static bool never(const fly__sql_expr *expr)
{
    return expr->kind == FLY__SQL_X_CONST && expr->type.oid == FLY_SQL_BOOL &&
           (expr->value.null || !expr->value.b);
}

void fly__sql_conds_put(fly__sql_opt *opt, fly__sql_conds *conds, fly__sql_expr *cond)
{
    if (conds->count == conds->room) {
        uint32_t room = 2 * conds->room + 8;
        fly__sql_expr **grown = fly__sql_opt_alloc(opt, room * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        if (conds->count > 0) {
            memcpy(grown, conds->items, conds->count * sizeof *grown);
        }
        conds->items = grown;
        conds->room = room;
    }
    conds->items[conds->count++] = cond;
}

void fly__sql_conds_add(fly__sql_opt *opt, fly__sql_conds *conds, fly__sql_expr *cond)
{
    if (conds->count == 1 && never(conds->items[0])) {
        return;
    }
    if (never(cond)) {
        conds->count = 0;
    }
    fly__sql_conds_put(opt, conds, cond);
}

void fly__sql_conds_split(fly__sql_opt *opt, fly__sql_conds *conds, fly__sql_expr *expr)
{
    if (expr == NULL || is_true(expr)) {
        return;
    }
    if (expr->kind == FLY__SQL_X_OR && !opt->plain) {
        fly__sql_opt_or(opt, expr, conds);
        return;
    }
    if (expr->kind != FLY__SQL_X_AND) {
        fly__sql_conds_add(opt, conds, expr);
        return;
    }
    for (uint32_t i = 0; i < expr->argc; i++) {
        fly__sql_conds_split(opt, conds, expr->args[i]);
    }
}

fly__sql_expr *fly__sql_conds_join(fly__sql_opt *opt, const fly__sql_conds *conds)
{
    if (conds->count <= 1) {
        return conds->count == 0 ? NULL : conds->items[0];
    }
    fly__sql_expr *all = fly__sql_opt_alloc(opt, sizeof *all);
    fly__sql_expr **args = fly__sql_opt_alloc(opt, conds->count * sizeof *args);
    if (all == NULL || args == NULL) {
        return NULL;
    }
    memcpy(args, conds->items, conds->count * sizeof *args);
    all->kind = FLY__SQL_X_AND;
    all->type = fly__sql_type(FLY_SQL_BOOL);
    all->argc = conds->count;
    all->args = args;
    for (uint32_t i = 0; i < conds->count; i++) {
        all->volatile_ = all->volatile_ || args[i]->volatile_;
        all->raises = all->raises || args[i]->raises;
    }
    return all;
}

void fly__sql_expr_columns(const fly__sql_expr *expr, void (*visit)(void *ctx, fly__sql_colid id),
                           void *ctx)
{
    if (expr->kind == FLY__SQL_X_COLUMN) {
        visit(ctx, expr->column);
    }
    if (expr->kind == FLY__SQL_X_SUBQUERY) {
        const fly__sql_subquery *subquery = expr->subquery;
        for (uint32_t i = 0; i < subquery->outer_count; i++) {
            visit(ctx, subquery->outer[i]);
        }
        if (subquery->test != NULL) {
            fly__sql_expr_columns(subquery->test, visit, ctx);
        }
    }
    for (uint32_t i = 0; i < expr->argc; i++) {
        fly__sql_expr_columns(expr->args[i], visit, ctx);
    }
}

bool fly__sql_expr_has_subquery(const fly__sql_expr *expr)
{
    bool has = expr->kind == FLY__SQL_X_SUBQUERY;
    for (uint32_t i = 0; i < expr->argc && !has; i++) {
        has = fly__sql_expr_has_subquery(expr->args[i]);
    }
    return has;
}

/* A subquery's test names columns that the subquery's own relation makes: those are nobody's. */
struct sides {
    const fly__sql_rel *rel;
    uint32_t made, others;
};

static void count_side(void *ctx, fly__sql_colid id)
{
    struct sides *sides = ctx;
    if (fly__sql_rel_makes(sides->rel, id)) {
        sides->made++;
    } else {
        sides->others++;
    }
}

void fly__sql_expr_sides(const fly__sql_expr *expr, const fly__sql_rel *rel, uint32_t *made,
                         uint32_t *others)
{
    struct sides sides = {.rel = rel};
    fly__sql_expr_columns(expr, count_side, &sides);
    *made = sides.made;
    *others = sides.others;
}

fly__sql_expr *fly__sql_expr_replaced(fly__sql_opt *opt, const fly__sql_expr *expr,
                                      fly__sql_expr *(*replace)(void *ctx, fly__sql_colid id),
                                      void *ctx)
{
    if (expr->kind == FLY__SQL_X_COLUMN) {
        fly__sql_expr *other = replace(ctx, expr->column);
        if (other != NULL) {
            return other;
        }
    }
    fly__sql_expr *copy = fly__sql_opt_alloc(opt, sizeof *copy);
    fly__sql_expr **args = expr->argc == 0 ? NULL
                                           : fly__sql_opt_alloc(opt, expr->argc * sizeof *args);
    if (copy == NULL || (args == NULL && expr->argc > 0)) {
        return NULL;
    }
    *copy = *expr;
    copy->args = args;
    for (uint32_t i = 0; i < expr->argc; i++) {
        args[i] = fly__sql_expr_replaced(opt, expr->args[i], replace, ctx);
        if (args[i] == NULL) {
            return NULL;
        }
        copy->volatile_ = copy->volatile_ || args[i]->volatile_;
        copy->raises = copy->raises || args[i]->raises;
    }
    return copy;
}

fly__sql_expr *fly__sql_opt_column(fly__sql_opt *opt, const fly__sql_colref *column)
{
    fly__sql_expr *expr = fly__sql_opt_alloc(opt, sizeof *expr);
    if (expr != NULL) {
        expr->kind = FLY__SQL_X_COLUMN;
        expr->type = column->type;
        expr->column = column->id;
    }
    return expr;
}

fly__sql_rel *fly__sql_opt_filter(fly__sql_opt *opt, fly__sql_rel *input,
                                  const fly__sql_conds *conds)
{
    if (conds->count == 0) {
        return input;
    }
    fly__sql_rel *filter = fly__sql_opt_alloc(opt, sizeof *filter);
    if (filter != NULL) {
        filter->kind = FLY__SQL_R_FILTER;
        filter->left = input;
        filter->column_count = input->column_count;
        filter->columns = input->columns;
        filter->filter.condition = fly__sql_conds_join(opt, conds);
    }
    return filter;
}

fly__sql_rel *fly__sql_opt_only(fly__sql_opt *opt, fly__sql_rel *rel, const fly__sql_rel *like)
{
    fly__sql_rel *project = fly__sql_opt_alloc(opt, sizeof *project);
    uint32_t count = like->column_count;
    fly__sql_colref *columns = fly__sql_opt_alloc(opt, (count + 1u) * sizeof *columns);
    fly__sql_expr **exprs = fly__sql_opt_alloc(opt, (count + 1u) * sizeof *exprs);
    if (project == NULL || columns == NULL || exprs == NULL) {
        return rel;
    }
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = like->columns[i];
        exprs[i] = fly__sql_opt_column(opt, &like->columns[i]);
    }
    project->kind = FLY__SQL_R_PROJECT;
    project->left = rel;
    project->column_count = count;
    project->columns = columns;
    project->project.exprs = exprs;
    project->rows = rel->rows;
    return project;
}
