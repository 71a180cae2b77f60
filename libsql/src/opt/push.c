/*
 * Pushing conditions down, to where their columns are made.
 *
 * push(rel, conds) gives a relation with the rows of `rel` for which `conds` hold. What a node cannot
 * pass on stays above it as a filter. Inner joins and filters below each other are taken apart into
 * leaves and conditions, and order.c puts them together again.
 *
 *     U1  a condition goes below a node only if it says the same there: no volatile one moves at all; one
 *         about the side of an outer join that may be filled with NULLs goes below only if it stood in
 *         ON
 *     U2  an outer join whose filled side is asked for something that NULL does not satisfy is an inner
 *         one
 *
 * As in PostgreSQL, a condition that may fail is moved like any other.
 */
#include "opt/pass_int.h"

#include <string.h>

/* Whether a condition may go into `rel`: everything it names is made there or outside of the plan's
 * part that `whole` makes. */
static bool only_of(const fly__sql_expr *cond, const fly__sql_rel *rel, const fly__sql_rel *other)
{
    uint32_t made;
    uint32_t others;
    if (cond->volatile_) {
        return false;
    }
    fly__sql_expr_sides(cond, other, &made, &others);
    (void)rel;
    return made == 0;
}

static fly__sql_rel *push_none(fly__sql_opt *opt, fly__sql_rel *rel)
{
    fly__sql_conds none = {0};
    return rel == NULL ? NULL : fly__sql_opt_push(opt, rel, &none);
}

/* Subqueries inside of expressions are plans of their own. */
void fly__sql_opt_push_in(fly__sql_opt *opt, fly__sql_expr *expr)
{
    if (expr == NULL) {
        return;
    }
    if (expr->kind == FLY__SQL_X_SUBQUERY) {
        opt->depth++;
        expr->subquery->rel = push_none(opt, expr->subquery->rel);
        opt->depth--;
        fly__sql_opt_push_in(opt, expr->subquery->test);
    }
    for (uint32_t i = 0; i < expr->argc; i++) {
        fly__sql_opt_push_in(opt, expr->args[i]);
    }
}

static fly__sql_rel *stay_above(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds);

static void push_in_conds(fly__sql_opt *opt, const fly__sql_conds *conds)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        fly__sql_opt_push_in(opt, conds->items[i]);
    }
}

/* --------------------------------------------------------------- inner joins */

struct graph {
    fly__sql_rel **leaves;
    uint32_t count, room;
    fly__sql_conds conds;
};

static void add_leaf(fly__sql_opt *opt, struct graph *graph, fly__sql_rel *leaf)
{
    if (graph->count == graph->room) {
        uint32_t room = 2 * graph->room + 8;
        fly__sql_rel **grown = fly__sql_opt_alloc(opt, room * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        if (graph->count > 0) {
            memcpy(grown, graph->leaves, graph->count * sizeof *grown);
        }
        graph->leaves = grown;
        graph->room = room;
    }
    graph->leaves[graph->count++] = leaf;
}

static bool has_volatile(const fly__sql_expr *condition)
{
    return condition != NULL && condition->volatile_;
}

static uint32_t count_leaves(const fly__sql_rel *rel)
{
    if (rel->kind == FLY__SQL_R_FILTER) {
        return count_leaves(rel->left);
    }
    return rel->kind == FLY__SQL_R_JOIN && rel->join.join == FLY__SQL_JOIN_INNER
               ? count_leaves(rel->left) + count_leaves(rel->right)
               : 1;
}

static void flatten(fly__sql_opt *opt, fly__sql_rel *rel, struct graph *graph)
{
    if (rel->kind == FLY__SQL_R_FILTER && !rel->filter.barrier &&
        !has_volatile(rel->filter.condition)) {
        fly__sql_opt_fold(opt, rel->filter.condition);
        fly__sql_conds_split(opt, &graph->conds, rel->filter.condition);
        flatten(opt, rel->left, graph);
    } else if (rel->kind == FLY__SQL_R_JOIN && rel->join.join == FLY__SQL_JOIN_INNER &&
               !rel->join.lateral && !has_volatile(rel->join.condition)) {
        fly__sql_opt_fold(opt, rel->join.condition);
        fly__sql_conds_split(opt, &graph->conds, rel->join.condition);
        flatten(opt, rel->left, graph);
        flatten(opt, rel->right, graph);
    } else {
        add_leaf(opt, graph, rel);
    }
}

/* How many of the graph's leaves a condition names, and the last of them. */
static uint32_t leaves_of(const struct graph *graph, const fly__sql_expr *cond, uint32_t *last)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        uint32_t made;
        uint32_t others;
        fly__sql_expr_sides(cond, graph->leaves[i], &made, &others);
        if (made > 0) {
            count++;
            *last = i;
        }
    }
    return count;
}

/* Whether a condition asks a correlated subquery: that is done when there are fewest rows. */
static bool asks_correlated(const fly__sql_expr *cond)
{
    bool asks = cond->kind == FLY__SQL_X_SUBQUERY && cond->subquery->outer_count > 0;
    for (uint32_t i = 0; i < cond->argc && !asks; i++) {
        asks = asks_correlated(cond->args[i]);
    }
    return asks;
}

static void flatten_join(fly__sql_opt *opt, fly__sql_rel *rel, struct graph *graph)
{
    if (count_leaves(rel) <= FLY__SQL_LEAVES_MAX) {
        flatten(opt, rel, graph);
        return;
    }
    fly__sql_conds_split(opt, &graph->conds, rel->join.condition);
    add_leaf(opt, graph, rel->left);
    add_leaf(opt, graph, rel->right);
}

static fly__sql_rel *push_graph(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    struct graph graph = {.conds = *conds};
    fly__sql_conds rest = {0};
    fly__sql_conds late = {0};
    flatten_join(opt, rel, &graph);
    fly__sql_conds *own = fly__sql_opt_alloc(opt, (graph.count + 1u) * sizeof *own);
    if (own == NULL) {
        return rel;
    }
    if (!opt->plain) {
        fly__sql_opt_transitive(opt, &graph.conds);
    }
    for (uint32_t i = 0; i < graph.conds.count; i++) {
        uint32_t last = 0;
        fly__sql_expr *cond = graph.conds.items[i];
        uint32_t named = leaves_of(&graph, cond, &last);
        if (asks_correlated(cond) && !opt->plain) {
            fly__sql_conds_add(opt, &late, cond);
            continue;
        }
        /* What names no leaf (a constant, an outer column) is cheapest where the rows are fewest. */
        fly__sql_conds_add(opt, named <= 1 && !cond->volatile_ ? &own[last] : &rest, cond);
        for (uint32_t k = 0; k < graph.count && named > 1 && !opt->plain; k++) {
            fly__sql_expr *about = fly__sql_opt_or_about(opt, cond, graph.leaves[k]);
            if (about != NULL) {
                fly__sql_conds_add(opt, &own[k], about);
            }
        }
    }
    for (uint32_t i = 0; i < graph.count; i++) {
        graph.leaves[i] = fly__sql_opt_push(opt, graph.leaves[i], &own[i]);
    }
    push_in_conds(opt, &rest);
    fly__sql_rel *tree = fly__sql_opt_order(opt, graph.leaves, graph.count, &rest);
    return tree == NULL ? rel : stay_above(opt, tree, &late);
}

/* --------------------------------------------------------------- other joins */

/* Whether a condition is not satisfied if every column of `rel` is NULL. */
bool fly__sql_opt_rejects_nulls(const fly__sql_expr *cond, const fly__sql_rel *rel)
{
    uint32_t made;
    uint32_t others;
    switch (cond->kind) {
    case FLY__SQL_X_COLUMN:
        return fly__sql_rel_makes(rel, cond->column);
    case FLY__SQL_X_CALL:
        for (uint32_t i = 0; i < cond->argc && cond->func->strict; i++) {
            if (fly__sql_opt_rejects_nulls(cond->args[i], rel)) {
                return true;
            }
        }
        return false;
    case FLY__SQL_X_RELABEL:
    case FLY__SQL_X_SHAPE:
    case FLY__SQL_X_FIT:
        return fly__sql_opt_rejects_nulls(cond->args[0], rel);
    case FLY__SQL_X_IN:
        return !cond->flag && fly__sql_opt_rejects_nulls(cond->args[0], rel);
    case FLY__SQL_X_IS_NULL:
        fly__sql_expr_sides(cond->args[0], rel, &made, &others);
        return cond->flag && made > 0 && fly__sql_opt_rejects_nulls(cond->args[0], rel);
    case FLY__SQL_X_AND:
        for (uint32_t i = 0; i < cond->argc; i++) {
            if (fly__sql_opt_rejects_nulls(cond->args[i], rel)) {
                return true;
            }
        }
        return false;
    case FLY__SQL_X_OR:
        for (uint32_t i = 0; i < cond->argc; i++) {
            if (!fly__sql_opt_rejects_nulls(cond->args[i], rel)) {
                return false;
            }
        }
        return cond->argc > 0;
    default:
        return false;
    }
}

static bool any_rejects(const fly__sql_conds *conds, const fly__sql_rel *rel)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        if (fly__sql_opt_rejects_nulls(conds->items[i], rel)) {
            return true;
        }
    }
    return false;
}

static void turn_around(fly__sql_rel *join)
{
    fly__sql_rel *left = join->left;
    join->left = join->right;
    join->right = left;
    join->join.join = FLY__SQL_JOIN_LEFT;
}

/* LEFT, SEMI, ANTI, MARK, SINGLE: the left side's rows are as they are; the right side decides. */
static fly__sql_rel *push_left_join(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_conds left = {0};
    fly__sql_conds right = {0};
    fly__sql_conds above = {0};
    fly__sql_conds on = {0};
    fly__sql_conds kept = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        bool names_mark = false;
        if (rel->join.join == FLY__SQL_JOIN_MARK) {
            fly__sql_rel only = {.column_count = 1,
                                 .columns = &rel->columns[rel->column_count - 1]};
            uint32_t made;
            uint32_t others;
            fly__sql_expr_sides(conds->items[i], &only, &made, &others);
            names_mark = made > 0;
        }
        bool goes = !names_mark && only_of(conds->items[i], rel->left, rel->right);
        fly__sql_conds_add(opt, goes ? &left : &above, conds->items[i]);
    }
    fly__sql_conds_split(opt, &on, rel->join.condition);
    bool null_aware = rel->join.join == FLY__SQL_JOIN_ANTI_NULL ||
                      rel->join.join == FLY__SQL_JOIN_MARK;
    for (uint32_t i = 0; i < on.count; i++) {
        bool goes = !null_aware && only_of(on.items[i], rel->right, rel->left);
        fly__sql_conds_add(opt, goes ? &right : &kept, on.items[i]);
    }
    rel->join.condition = fly__sql_conds_join(opt, &kept);
    push_in_conds(opt, &kept);
    rel->left = fly__sql_opt_push(opt, rel->left, &left);
    rel->right = fly__sql_opt_push(opt, rel->right, &right);
    fly__sql_opt_keys(opt, rel);
    fly__sql_opt_method(opt, rel);
    return stay_above(opt, rel, &above);
}

static fly__sql_rel *stay_above(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_conds rest = {0};
    rel = fly__sql_opt_unnest(opt, rel, conds, &rest);
    push_in_conds(opt, &rest);
    return fly__sql_opt_filter(opt, rel, &rest);
}

static fly__sql_rel *push_full_join(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    rel->left = push_none(opt, rel->left);
    rel->right = push_none(opt, rel->right);
    fly__sql_opt_push_in(opt, rel->join.condition);
    fly__sql_opt_keys(opt, rel);
    return stay_above(opt, rel, conds);
}

/* The right side names columns of the left: the two stay as they are. */
static fly__sql_rel *push_lateral(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_conds left = {0};
    fly__sql_conds above = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        bool goes = only_of(conds->items[i], rel->left, rel->right);
        fly__sql_conds_add(opt, goes ? &left : &above, conds->items[i]);
    }
    rel->left = fly__sql_opt_push(opt, rel->left, &left);
    rel->right = push_none(opt, rel->right);
    fly__sql_opt_push_in(opt, rel->join.condition);
    return stay_above(opt, rel, &above);
}

static fly__sql_rel *push_join(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    if (rel->join.lateral) {
        return push_lateral(opt, rel, conds);
    }
    if (rel->join.join == FLY__SQL_JOIN_FULL && any_rejects(conds, rel->right)) {
        rel->join.join = FLY__SQL_JOIN_RIGHT; /* U2, for one side */
    }
    if (rel->join.join == FLY__SQL_JOIN_FULL && any_rejects(conds, rel->left)) {
        rel->join.join = FLY__SQL_JOIN_LEFT;
    }
    if (rel->join.join == FLY__SQL_JOIN_RIGHT) {
        turn_around(rel);
    }
    if (rel->join.join == FLY__SQL_JOIN_LEFT && any_rejects(conds, rel->right)) {
        rel->join.join = FLY__SQL_JOIN_INNER;
    }
    switch (rel->join.join) {
    case FLY__SQL_JOIN_INNER:
        if (has_volatile(rel->join.condition)) {
            return push_full_join(opt, rel, conds);
        }
        return push_graph(opt, rel, conds);
    case FLY__SQL_JOIN_FULL:
        return push_full_join(opt, rel, conds);
    default:
        return push_left_join(opt, rel, conds);
    }
}

/* -------------------------------------------------------------- unary nodes */

/* What a node's columns are made of. */
struct substitution {
    const fly__sql_rel *rel;
    fly__sql_expr **exprs; /* of its first `count` columns */
    uint32_t count;
};

static fly__sql_expr *substitute(void *ctx, fly__sql_colid id)
{
    const struct substitution *s = ctx;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->rel->columns[i].id == id) {
            return s->exprs[i];
        }
    }
    return NULL;
}

/* Whether a condition's columns, as far as the node makes them, may be replaced by what they are. */
static bool can_substitute(const struct substitution *s, const fly__sql_expr *cond)
{
    if (cond->volatile_ || fly__sql_expr_has_subquery(cond)) {
        return false;
    }
    for (uint32_t i = 0; i < s->rel->column_count; i++) {
        fly__sql_rel one = {.column_count = 1, .columns = &s->rel->columns[i]};
        uint32_t made;
        uint32_t others;
        fly__sql_expr_sides(cond, &one, &made, &others);
        if (made > 0 &&
            (i >= s->count || s->exprs[i]->volatile_ || fly__sql_expr_has_subquery(s->exprs[i]))) {
            return false;
        }
    }
    return true;
}

static void substitute_all(fly__sql_opt *opt, struct substitution *s, const fly__sql_conds *conds,
                           fly__sql_conds *below, fly__sql_conds *above)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        if (!can_substitute(s, conds->items[i])) {
            fly__sql_conds_add(opt, above, conds->items[i]);
            continue;
        }
        fly__sql_expr *moved = fly__sql_expr_replaced(opt, conds->items[i], substitute, s);
        if (moved != NULL) {
            fly__sql_conds_split(opt, below, moved);
        }
    }
}

static fly__sql_rel *push_project(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    struct substitution s = {rel, rel->project.exprs, rel->column_count};
    fly__sql_conds below = {0};
    fly__sql_conds above = {0};
    substitute_all(opt, &s, conds, &below, &above);
    rel->left = rel->left == NULL ? NULL : fly__sql_opt_push(opt, rel->left, &below);
    for (uint32_t i = 0; i < rel->column_count; i++) {
        rel->left = fly__sql_opt_unnest_expr(opt, rel->left, &rel->project.exprs[i]);
        fly__sql_opt_push_in(opt, rel->project.exprs[i]);
    }
    fly__sql_opt_note_project(opt, rel);
    return stay_above(opt, rel, &above);
}

static fly__sql_rel *push_aggregate(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    bool plain = rel->aggregate.set_count == 0 && rel->aggregate.group_count > 0;
    struct substitution s = {rel, rel->aggregate.groups, plain ? rel->aggregate.group_count : 0};
    fly__sql_conds below = {0};
    fly__sql_conds above = {0};
    if (plain) {
        substitute_all(opt, &s, conds, &below, &above);
    } else {
        above = *conds;
    }
    for (uint32_t i = 0; i < rel->aggregate.group_count; i++) {
        fly__sql_opt_push_in(opt, rel->aggregate.groups[i]);
    }
    for (uint32_t i = 0; i < rel->aggregate.agg_count; i++) {
        fly__sql_agg *agg = &rel->aggregate.aggs[i];
        for (uint32_t k = 0; k < agg->argc; k++) {
            fly__sql_opt_push_in(opt, agg->args[k]);
        }
        fly__sql_opt_push_in(opt, agg->filter);
    }
    rel->left = rel->left == NULL ? NULL : fly__sql_opt_push(opt, rel->left, &below);
    return stay_above(opt, rel, &above);
}

static fly__sql_rel *push_setop(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_rel **sides[] = {&rel->left, &rel->right};
    fly__sql_conds above = {0};
    fly__sql_conds below[2] = {{0}, {0}};
    fly__sql_expr **exprs = fly__sql_opt_alloc(opt, (rel->column_count + 1u) * sizeof *exprs);
    if (exprs == NULL) {
        return rel;
    }
    for (int side = 0; side < 2; side++) {
        struct substitution s = {rel, exprs, rel->column_count};
        fly__sql_conds same = {0};
        for (uint32_t i = 0; i < rel->column_count; i++) {
            exprs[i] = fly__sql_opt_column(opt, &(*sides[side])->columns[i]);
            if (exprs[i] == NULL) {
                return rel;
            }
        }
        substitute_all(opt, &s, conds, &below[side], side == 0 ? &above : &same);
        *sides[side] = fly__sql_opt_push(opt, *sides[side], &below[side]);
    }
    return stay_above(opt, rel, &above);
}

/* A window's partitions may be left out as a whole, single rows of them not. */
static fly__sql_rel *push_window(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_conds below = {0};
    fly__sql_conds above = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        bool goes = !conds->items[i]->volatile_ && rel->window.partition_count > 0;
        uint32_t found = 0;
        for (uint32_t k = 0; k < rel->window.partition_count; k++) {
            if (rel->window.partitions[k]->kind == FLY__SQL_X_COLUMN) {
                fly__sql_colref column = {.id = rel->window.partitions[k]->column};
                fly__sql_rel one = {.column_count = 1, .columns = &column};
                uint32_t made;
                uint32_t others;
                fly__sql_expr_sides(conds->items[i], &one, &made, &others);
                found += made;
            }
        }
        uint32_t made;
        uint32_t others;
        fly__sql_expr_sides(conds->items[i], rel, &made, &others);
        goes = goes && made > 0 && found == made;
        fly__sql_conds_add(opt, goes ? &below : &above, conds->items[i]);
    }
    for (uint32_t i = 0; i < rel->window.call_count; i++) {
        fly__sql_agg *call = &rel->window.calls[i].call;
        for (uint32_t k = 0; k < call->argc; k++) {
            fly__sql_opt_push_in(opt, call->args[k]);
        }
    }
    rel->left = fly__sql_opt_push(opt, rel->left, &below);
    return stay_above(opt, rel, &above);
}

static fly__sql_rel *push_through(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_conds below = {0};
    fly__sql_conds above = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        fly__sql_conds_add(opt, conds->items[i]->volatile_ ? &above : &below, conds->items[i]);
    }
    rel->left = fly__sql_opt_push(opt, rel->left, &below);
    return stay_above(opt, rel, &above);
}

static fly__sql_rel *push_scan(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_conds all = {0};
    fly__sql_conds asking = {0};
    fly__sql_conds rest = {0};
    fly__sql_conds_split(opt, &all, rel->scan.filter);
    fly__sql_opt_note(opt, rel);
    for (uint32_t i = 0; i < conds->count; i++) {
        bool asks = fly__sql_expr_has_subquery(conds->items[i]);
        fly__sql_conds_add(opt, asks ? &asking : &all, conds->items[i]);
    }
    rel->scan.filter = fly__sql_conds_join(opt, &all);
    fly__sql_opt_access(opt, rel);
    fly__sql_rel *base = fly__sql_opt_list_access(opt, rel);
    if (asking.count == 0) {
        return base;
    }
    fly__sql_rel *joined = fly__sql_opt_unnest(opt, base, &asking, &rest);
    push_in_conds(opt, &rest);
    if (joined != rel || rest.count == 0) {
        return fly__sql_opt_filter(opt, joined, &rest);
    }
    all.count = 0;
    fly__sql_conds_split(opt, &all, rel->scan.filter);
    for (uint32_t i = 0; i < rest.count; i++) {
        fly__sql_conds_add(opt, &all, rest.items[i]);
    }
    rel->scan.filter = fly__sql_conds_join(opt, &all);
    return rel;
}

/* Those that are inlined are pushed into where they are used, and then are not there any more. */
static fly__sql_rel *push_with(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rel->with.count; i++) {
        fly__sql_cte *cte = rel->with.ctes[i];
        if (!fly__sql_opt_is_inlined(opt, cte)) {
            cte->rel = push_none(opt, cte->rel);
            cte->recursive = push_none(opt, cte->recursive);
        }
    }
    rel->left = fly__sql_opt_push(opt, rel->left, conds);
    for (uint32_t i = 0; i < rel->with.count; i++) {
        fly__sql_cte *cte = rel->with.ctes[i];
        if (cte->uses == 0 && !cte->materialize && cte->recursive == NULL && !opt->plain) {
            continue;
        }
        if (fly__sql_opt_is_inlined(opt, cte)) {
            cte->rel = push_none(opt, cte->rel); /* nobody took it */
        }
        rel->with.ctes[kept++] = cte;
    }
    rel->with.count = kept;
    return kept == 0 ? rel->left : rel;
}

static void push_in_modify(fly__sql_opt *opt, const fly__sql_modify *modify)
{
    for (uint32_t i = 0; i < modify->assign_count; i++) {
        fly__sql_opt_push_in(opt, modify->assigns[i].expr);
    }
    for (uint32_t i = 0; i < modify->set_count; i++) {
        fly__sql_opt_push_in(opt, modify->sets[i].expr);
    }
    for (uint32_t i = 0; i < modify->returning_count; i++) {
        fly__sql_opt_push_in(opt, modify->returning[i]);
    }
}

/* Whether a condition tells nobody of a row that it refuses: it calls built-in comparisons only, which
 * neither fail nor speak. */
static bool leaks(const fly__sql_expr *e)
{
    switch (e->kind) {
    case FLY__SQL_X_CALL:
    case FLY__SQL_X_IN:
    case FLY__SQL_X_DISTINCT:
        if (e->func == NULL || e->func->user != NULL || e->func->oid >= FLY__SQL_OID_FIRST ||
            strspn(e->func->name, "<>=!") != strlen(e->func->name) || e->func->name[0] == '\0') {
            return true;
        }
        break;
    case FLY__SQL_X_CONST:
    case FLY__SQL_X_COLUMN:
    case FLY__SQL_X_PARAM:
    case FLY__SQL_X_RELABEL:
    case FLY__SQL_X_AND:
    case FLY__SQL_X_OR:
    case FLY__SQL_X_NOT:
    case FLY__SQL_X_IS_NULL:
    case FLY__SQL_X_IS_TRUTH:
    case FLY__SQL_X_SESSION:
        break;
    default:
        return true;
    }
    for (uint32_t i = 0; i < e->argc; i++) {
        if (leaks(e->args[i])) {
            return true;
        }
    }
    return false;
}

/* Row security's filter: conditions that could leak a row stay above it. */
static fly__sql_rel *push_barrier(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    fly__sql_conds below = {0};
    fly__sql_conds above = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        fly__sql_conds_add(opt, leaks(conds->items[i]) ? &above : &below, conds->items[i]);
    }
    fly__sql_conds_split(opt, &below, rel->filter.condition);
    return stay_above(opt, fly__sql_opt_push(opt, rel->left, &below), &above);
}

fly__sql_rel *fly__sql_opt_push(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds)
{
    if (rel == NULL || opt->status != FLY_OK) {
        return rel;
    }
    switch (rel->kind) {
    case FLY__SQL_R_FILTER:
        if (has_volatile(rel->filter.condition)) {
            fly__sql_opt_push_in(opt, rel->filter.condition);
            rel->left = push_none(opt, rel->left);
            return stay_above(opt, rel, conds);
        }
        fly__sql_opt_fold(opt, rel->filter.condition);
        if (!rel->filter.barrier) {
            fly__sql_conds_split(opt, conds, rel->filter.condition);
        }
        return rel->filter.barrier ? push_barrier(opt, rel, conds)
                                   : fly__sql_opt_push(opt, rel->left, conds);
    case FLY__SQL_R_JOIN:
        return push_join(opt, rel, conds);
    case FLY__SQL_R_PROJECT:
        return push_project(opt, rel, conds);
    case FLY__SQL_R_AGGREGATE:
        return push_aggregate(opt, rel, conds);
    case FLY__SQL_R_SETOP:
        return push_setop(opt, rel, conds);
    case FLY__SQL_R_WINDOW:
        return push_window(opt, rel, conds);
    case FLY__SQL_R_SORT:
        return push_through(opt, rel, conds);
    case FLY__SQL_R_DISTINCT:
        if (rel->distinct.on_count == 0) {
            return push_through(opt, rel, conds);
        }
        break;
    case FLY__SQL_R_SCAN:
        return push_scan(opt, rel, conds);
    case FLY__SQL_R_WITH:
        return push_with(opt, rel, conds);
    case FLY__SQL_R_CTE:
        if (!rel->cte.work && opt->depth == 0 && fly__sql_opt_is_inlined(opt, rel->cte.cte)) {
            return fly__sql_opt_push(opt, fly__sql_opt_inlined(opt, rel), conds);
        }
        break;
    case FLY__SQL_R_VALUES:
        for (uint32_t i = 0; i < rel->values.row_count; i++) {
            for (uint32_t k = 0; k < rel->column_count; k++) {
                fly__sql_opt_push_in(opt, rel->values.rows[i][k]);
            }
        }
        break;
    case FLY__SQL_R_FUNCTION:
        for (uint32_t i = 0; i < rel->function.count; i++) {
            fly__sql_opt_push_in(opt, rel->function.calls[i]);
        }
        break;
    case FLY__SQL_R_UNNEST:
        for (uint32_t i = 0; i < rel->column_count; i++) {
            fly__sql_opt_push_in(opt, rel->project.exprs[i]);
        }
        break;
    case FLY__SQL_R_MODIFY:
        push_in_modify(opt, rel->modify);
        break;
    default:
        break;
    }
    rel->left = push_none(opt, rel->left);
    rel->right = push_none(opt, rel->right);
    return stay_above(opt, rel, conds);
}
