/*
 * The order of inner joins, and their keys.
 *
 * Greedy: begin with the leaf of fewest rows, then take, again and again, the leaf that gives the
 * fewest rows together with what is there, preferring those that a condition ties to it. A condition
 * goes to the first join that has all of its columns. Equalities between the sides become keys.
 *
 * Source: Fegaras, "A New Heuristic for Optimizing Large Queries" (DEXA 1998), for being greedy about
 * the size of results.
 */
#include "opt/pass_int.h"

#include <string.h>

/* ------------------------------------------------------------------------ keys */

/* An equality with one side made by `left` alone, the other by `right` alone; `*turned` if they stand
 * the other way round. Casts of one side are fine. */
static bool is_key(const fly__sql_expr *cond, const fly__sql_rel *left, const fly__sql_rel *right,
                   fly__sql_expr **left_key, fly__sql_expr **right_key)
{
    bool equality = cond->kind == FLY__SQL_X_CALL && cond->argc == 2 && cond->func != NULL &&
                    cond->func->op == FLY__SQL_OP_EQ;
    equality = equality || (cond->kind == FLY__SQL_X_DISTINCT && cond->flag);
    if (!equality || fly__sql_expr_has_subquery(cond)) {
        return false;
    }
    if (!fly__sql_type_equal(cond->args[0]->type, cond->args[1]->type)) {
        return false;
    }
    for (int turned = 0; turned < 2; turned++) {
        uint32_t a, b, others;
        fly__sql_expr *first = cond->args[turned];
        fly__sql_expr *second = cond->args[1 - turned];
        fly__sql_expr_sides(first, left, &a, &others);
        uint32_t in_right, in_left;
        fly__sql_expr_sides(first, right, &in_right, &others);
        if (a == 0 || in_right > 0) {
            continue;
        }
        fly__sql_expr_sides(second, right, &b, &others);
        fly__sql_expr_sides(second, left, &in_left, &others);
        if (b > 0 && in_left == 0) {
            *left_key = first;
            *right_key = second;
            return true;
        }
    }
    return false;
}

void fly__sql_opt_keys(fly__sql_opt *opt, fly__sql_rel *join)
{
    fly__sql_conds all = {0};
    fly__sql_conds rest = {0};
    fly__sql_conds_split(opt, &all, join->join.condition);
    join->join.left_keys = fly__sql_opt_alloc(opt, (all.count + 1u) * sizeof(fly__sql_expr *));
    join->join.right_keys = fly__sql_opt_alloc(opt, (all.count + 1u) * sizeof(fly__sql_expr *));
    join->join.null_safe = fly__sql_opt_alloc(opt, all.count + 1u);
    if (opt->status != FLY_OK) {
        return;
    }
    join->join.key_count = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        fly__sql_expr *left_key = NULL;
        fly__sql_expr *right_key = NULL;
        if (is_key(all.items[i], join->left, join->right, &left_key, &right_key)) {
            uint32_t n = join->join.key_count++;
            join->join.left_keys[n] = left_key;
            join->join.right_keys[n] = right_key;
            join->join.null_safe[n] = all.items[i]->kind == FLY__SQL_X_DISTINCT;
        } else {
            fly__sql_conds_add(opt, &rest, all.items[i]);
        }
    }
    join->join.residual = fly__sql_conds_join(opt, &rest);
}

/* ----------------------------------------------------------------------- order */

static fly__sql_rel *make_join(fly__sql_opt *opt, fly__sql_rel *left, fly__sql_rel *right,
                               const fly__sql_conds *conds)
{
    fly__sql_rel *join = fly__sql_opt_alloc(opt, sizeof *join);
    uint32_t count = left->column_count + right->column_count;
    fly__sql_colref *columns = fly__sql_opt_alloc(opt, (count + 1u) * sizeof *columns);
    if (join == NULL || columns == NULL) {
        return left;
    }
    if (left->column_count > 0) {
        memcpy(columns, left->columns, left->column_count * sizeof *columns);
    }
    if (right->column_count > 0) {
        memcpy(columns + left->column_count, right->columns, right->column_count * sizeof *columns);
    }
    join->kind = FLY__SQL_R_JOIN;
    join->left = left;
    join->right = right;
    join->column_count = count;
    join->columns = columns;
    join->join.join = FLY__SQL_JOIN_INNER;
    join->join.condition = fly__sql_conds_join(opt, conds);
    fly__sql_opt_keys(opt, join);
    return join;
}

/* Whether all columns of a condition are made by the joined ones and the next leaf, as far as any of
 * the leaves that are left makes them. */
static bool ready(const fly__sql_expr *cond, fly__sql_rel *const *leaves, const bool *taken,
                  uint32_t count, uint32_t next)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t made, others;
        if (taken[i] || i == next) {
            continue;
        }
        fly__sql_expr_sides(cond, leaves[i], &made, &others);
        if (made > 0) {
            return false;
        }
    }
    return true;
}

/* Rows of a join: each key keeps one row in as many as the larger side has different values. */
static double joined_rows(double left, double right, uint32_t keys)
{
    double rows = left * right;
    double larger = left > right ? left : right;
    for (uint32_t i = 0; i < keys; i++) {
        rows /= i == 0 && larger > 1 ? larger : 3;
    }
    return rows < 1 ? 1 : rows;
}

struct candidate {
    uint32_t leaf;
    uint32_t keys;
    double rows;
};

static uint32_t keys_between(const fly__sql_conds *conds, const bool *used,
                             const fly__sql_rel *tree, const fly__sql_rel *leaf)
{
    uint32_t keys = 0;
    for (uint32_t i = 0; i < conds->count; i++) {
        fly__sql_expr *a;
        fly__sql_expr *b;
        keys += !used[i] && is_key(conds->items[i], tree, leaf, &a, &b);
    }
    return keys;
}

static bool better(const struct candidate *a, const struct candidate *b)
{
    if ((a->keys > 0) != (b->keys > 0)) {
        return a->keys > 0;
    }
    return a->rows < b->rows;
}

static fly__sql_rel *add_next(fly__sql_opt *opt, fly__sql_rel *tree, fly__sql_rel **leaves,
                              bool *taken, uint32_t count, fly__sql_conds *conds, bool *used)
{
    struct candidate best = {0};
    bool found = false;
    double rows = fly__sql_opt_rows(opt, tree);
    for (uint32_t i = 0; i < count; i++) {
        if (taken[i]) {
            continue;
        }
        struct candidate candidate = {i, keys_between(conds, used, tree, leaves[i]), 0};
        candidate.rows = joined_rows(rows, fly__sql_opt_rows(opt, leaves[i]), candidate.keys);
        if (!found || better(&candidate, &best)) {
            best = candidate;
            found = true;
        }
    }
    fly__sql_conds on = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        if (!used[i] && !conds->items[i]->volatile_ &&
            ready(conds->items[i], leaves, taken, count, best.leaf)) {
            used[i] = true;
            fly__sql_conds_add(opt, &on, conds->items[i]);
        }
    }
    taken[best.leaf] = true;
    fly__sql_rel *join = make_join(opt, tree, leaves[best.leaf], &on);
    join->rows = best.rows;
    if (join->kind == FLY__SQL_R_JOIN) {
        join->join.build_left = rows < fly__sql_opt_rows(opt, leaves[best.leaf]);
    }
    return join;
}

fly__sql_rel *fly__sql_opt_order(fly__sql_opt *opt, fly__sql_rel **leaves, uint32_t count,
                                 fly__sql_conds *conds)
{
    bool *taken = fly__sql_opt_alloc(opt, count + 1u);
    bool *used = fly__sql_opt_alloc(opt, conds->count + 1u);
    if (taken == NULL || used == NULL || count == 0) {
        return count == 0 ? NULL : leaves[0];
    }
    uint32_t first = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (fly__sql_opt_rows(opt, leaves[i]) < fly__sql_opt_rows(opt, leaves[first])) {
            first = i;
        }
    }
    fly__sql_rel *tree = leaves[first];
    taken[first] = true;
    for (uint32_t n = 1; n < count && opt->status == FLY_OK; n++) {
        tree = add_next(opt, tree, leaves, taken, count, conds, used);
    }
    fly__sql_conds rest = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        if (!used[i]) {
            fly__sql_conds_add(opt, &rest, conds->items[i]);
        }
    }
    return fly__sql_opt_filter(opt, tree, &rest);
}

/* ------------------------------------------------------------------- estimates */

double fly__sql_opt_selectivity(const fly__sql_rel *scan, const fly__sql_expr *cond)
{
    (void)scan;
    if (cond->kind == FLY__SQL_X_CALL && cond->func != NULL) {
        switch (cond->func->op) {
        case FLY__SQL_OP_EQ:
            return 0.02;
        case FLY__SQL_OP_LT:
        case FLY__SQL_OP_LE:
        case FLY__SQL_OP_GT:
        case FLY__SQL_OP_GE:
            return 0.33;
        case FLY__SQL_OP_LIKE:
            return 0.1;
        default:
            return 0.5;
        }
    }
    switch (cond->kind) {
    case FLY__SQL_X_IN:
        return cond->flag ? 0.9 : 0.02 * (double)cond->argc;
    case FLY__SQL_X_IS_NULL:
        return cond->flag ? 0.95 : 0.05;
    case FLY__SQL_X_OR:
        return 0.3;
    default:
        return 0.5;
    }
}

static double scan_rows(fly__sql_opt *opt, const fly__sql_rel *rel)
{
    double rows = rel->scan.table->rows < 0 ? 1000 : rel->scan.table->rows;
    fly__sql_conds conds = {0};
    fly__sql_conds_split(opt, &conds, rel->scan.filter);
    if (rel->scan.index != NULL && rel->scan.index->unique &&
        rel->scan.equal_count == rel->scan.index->key_count) {
        return 1;
    }
    for (uint32_t i = 0; i < conds.count; i++) {
        rows *= fly__sql_opt_selectivity(rel, conds.items[i]);
    }
    for (uint32_t i = 0; i < rel->scan.equal_count; i++) {
        rows *= 0.02;
    }
    return rows;
}

double fly__sql_opt_rows(fly__sql_opt *opt, fly__sql_rel *rel)
{
    double rows = 1;
    if (rel == NULL) {
        return 1;
    }
    if (rel->rows > 0) {
        return rel->rows;
    }
    switch (rel->kind) {
    case FLY__SQL_R_SCAN:
        rows = scan_rows(opt, rel);
        break;
    case FLY__SQL_R_VALUES:
        rows = rel->values.row_count;
        break;
    case FLY__SQL_R_FILTER:
        rows = 0.3 * fly__sql_opt_rows(opt, rel->left);
        break;
    case FLY__SQL_R_JOIN:
        rows = joined_rows(fly__sql_opt_rows(opt, rel->left), fly__sql_opt_rows(opt, rel->right),
                           rel->join.key_count);
        if (rel->join.join != FLY__SQL_JOIN_INNER && rel->join.join != FLY__SQL_JOIN_RIGHT &&
            rel->join.join != FLY__SQL_JOIN_FULL) {
            double left = fly__sql_opt_rows(opt, rel->left);
            rows = rel->join.join == FLY__SQL_JOIN_LEFT && rows > left ? rows : left;
        }
        break;
    case FLY__SQL_R_AGGREGATE:
        rows = rel->aggregate.group_count == 0 ? 1 : 0.2 * fly__sql_opt_rows(opt, rel->left);
        break;
    case FLY__SQL_R_SETOP:
        rows = fly__sql_opt_rows(opt, rel->left) + fly__sql_opt_rows(opt, rel->right);
        break;
    case FLY__SQL_R_CTE:
    case FLY__SQL_R_FUNCTION:
        rows = 1000;
        break;
    default:
        rows = rel->left == NULL ? 1 : fly__sql_opt_rows(opt, rel->left);
        break;
    }
    rel->rows = rows < 1 ? 1 : rows;
    return rel->rows;
}
