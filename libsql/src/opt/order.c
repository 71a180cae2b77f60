/*
 * The order of inner joins, and their keys.
 *
 * Up to ORDER_ALL_MAX relations: the best of all trees. More: greedily, begin with the leaf of fewest
 * rows, then take, again and again, the leaf that gives the fewest rows together with what is there,
 * preferring those that a condition ties to it. A condition goes to the first join that has all of its
 * columns. Equalities between the sides become keys.
 *
 * Source: Fegaras, "A New Heuristic for Optimizing Large Queries" (DEXA 1998), for being greedy about
 * the size of results.
 */
#include "opt/pass_int.h"

#include <string.h>

enum { ORDER_ALL_MAX = 9 };

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
        uint32_t a;
        uint32_t b;
        uint32_t others;
        fly__sql_expr *first = cond->args[turned];
        fly__sql_expr *second = cond->args[1 - turned];
        fly__sql_expr_sides(first, left, &a, &others);
        uint32_t in_right;
        uint32_t in_left;
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
    bool three_valued = join->join.join == FLY__SQL_JOIN_MARK ||
                        join->join.join == FLY__SQL_JOIN_ANTI_NULL;
    if (three_valued && join->join.condition != NULL) {
        fly__sql_conds_put(opt, &all, join->join.condition);
    } else {
        fly__sql_conds_split(opt, &all, join->join.condition);
    }
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

/* ----------------------------------------------------------------------- graph */

/* A condition of the graph: the leaves that it names; of an equality, those of its sides too. */
struct edge {
    fly__sql_expr *cond;
    uint64_t mask;
    uint64_t side[2]; /* 0: not an equality of two */
    double distinct[2];
    double share; /* of rows that it keeps, when it is no equality of two */
    bool used;
};

struct graph {
    fly__sql_opt *opt;
    fly__sql_rel **leaves;
    uint32_t count;
    uint32_t edge_count;
    struct edge *edges;
    uint8_t *leaf_of; /* by column: 1 + the leaf that makes it; 0: none */
    fly__sql_colid limit;
};

struct naming {
    const struct graph *graph;
    uint64_t mask;
};

static void name_leaf(void *ctx, fly__sql_colid id)
{
    struct naming *naming = ctx;
    if (id < naming->graph->limit && naming->graph->leaf_of[id] > 0) {
        naming->mask |= (uint64_t)1 << (naming->graph->leaf_of[id] - 1);
    }
}

static uint64_t mask_of(const struct graph *graph, const fly__sql_expr *expr)
{
    struct naming naming = {graph, 0};
    fly__sql_expr_columns(expr, name_leaf, &naming);
    return naming.mask;
}

static bool make_graph(struct graph *graph, const fly__sql_conds *conds)
{
    fly__sql_opt *opt = graph->opt;
    graph->limit = opt->plan->next_id;
    graph->leaf_of = fly__sql_opt_alloc(opt, graph->limit + 1u);
    graph->edges = fly__sql_opt_alloc(opt, (conds->count + 1u) * sizeof *graph->edges);
    if (graph->leaf_of == NULL || graph->edges == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        for (uint32_t c = 0; c < graph->leaves[i]->column_count; c++) {
            graph->leaf_of[graph->leaves[i]->columns[c].id] = (uint8_t)(i + 1);
        }
    }
    for (uint32_t i = 0; i < conds->count; i++) {
        struct edge *edge = &graph->edges[graph->edge_count++];
        fly__sql_expr *cond = conds->items[i];
        *edge = (struct edge){.cond = cond, .mask = mask_of(graph, cond)};
        if (cond->volatile_) {
            edge->mask = 0; /* above all */
        }
        bool equality = cond->kind == FLY__SQL_X_CALL && cond->argc == 2 &&
                        cond->func->op == FLY__SQL_OP_EQ;
        if (equality && !fly__sql_expr_has_subquery(cond)) {
            uint64_t a = mask_of(graph, cond->args[0]);
            uint64_t b = mask_of(graph, cond->args[1]);
            if (a != 0 && b != 0 && (a & b) == 0) {
                edge->side[0] = a;
                edge->side[1] = b;
                edge->distinct[0] = fly__sql_opt_distinct(opt, cond->args[0]);
                edge->distinct[1] = fly__sql_opt_distinct(opt, cond->args[1]);
            }
        }
        edge->share = fly__sql_opt_selectivity(opt, cond);
    }
    return true;
}

/* Rows of joining two sets of leaves that give so many. Equalities between them count together: two
 * columns have no more different pairs of values than there are rows. */
static double joined_rows(const struct graph *graph, uint64_t left, uint64_t right,
                          double left_rows, double right_rows, bool *keyed)
{
    double distinct[2] = {1, 1};
    double rows = left_rows * right_rows;
    *keyed = false;
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const struct edge *e = &graph->edges[i];
        if (e->mask == 0 || (e->mask & ~(left | right)) != 0 || (e->mask & left) == 0 ||
            (e->mask & right) == 0) {
            continue;
        }
        bool straight = e->side[0] != 0 && (e->side[0] & ~left) == 0 && (e->side[1] & ~right) == 0;
        bool turned = e->side[0] != 0 && (e->side[1] & ~left) == 0 && (e->side[0] & ~right) == 0;
        if (!straight && !turned) {
            rows *= e->share;
            continue;
        }
        double a = e->distinct[straight ? 0 : 1];
        double b = e->distinct[straight ? 1 : 0];
        *keyed = true;
        distinct[0] *= a >= 1 ? a : left_rows;
        distinct[1] *= b >= 1 ? b : right_rows;
    }
    distinct[0] = distinct[0] > left_rows ? left_rows : distinct[0];
    distinct[1] = distinct[1] > right_rows ? right_rows : distinct[1];
    double larger = distinct[0] > distinct[1] ? distinct[0] : distinct[1];
    rows /= larger < 1 ? 1 : larger;
    return rows < 1 ? 1 : rows;
}

/* ------------------------------------------------------------------------ trees */

/* The best known way to join a set of leaves. */
struct best {
    double rows;
    double cost;
    uint64_t left; /* 0: a single leaf */
    bool keyed;
};

static fly__sql_rel *joined(struct graph *graph, fly__sql_rel *left, fly__sql_rel *right,
                            uint64_t mask, double rows)
{
    fly__sql_opt *opt = graph->opt;
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
    fly__sql_conds on = {0};
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        struct edge *e = &graph->edges[i];
        if (!e->used && e->mask != 0 && (e->mask & ~mask) == 0) {
            e->used = true;
            fly__sql_conds_add(opt, &on, e->cond);
        }
    }
    join->kind = FLY__SQL_R_JOIN;
    join->left = left;
    join->right = right;
    join->column_count = count;
    join->columns = columns;
    join->join.join = FLY__SQL_JOIN_INNER;
    join->join.condition = fly__sql_conds_join(opt, &on);
    join->rows = rows;
    fly__sql_opt_keys(opt, join);
    fly__sql_opt_method(opt, join);
    return join;
}

/* What hashing costs: the smaller side is built. */
static double join_cost(double left, double right, double rows, bool keyed)
{
    double small = left < right ? left : right;
    double large = left < right ? right : left;
    return keyed ? rows + 2 * small + large : rows + left * right;
}

static fly__sql_rel *build(struct graph *graph, const struct best *table, uint64_t mask)
{
    const struct best *b = &table[mask];
    if (b->left == 0) {
        return graph->leaves[__builtin_ctzll(mask)];
    }
    uint64_t small = b->left;
    uint64_t large = mask ^ b->left;
    if (table[small].rows > table[large].rows) {
        small = large;
        large = mask ^ small;
    }
    fly__sql_rel *left = build(graph, table, small);
    fly__sql_rel *right = build(graph, table, large);
    return joined(graph, left, right, mask, b->rows);
}

/* The best of all trees, by dynamic programming over sets of leaves. Sets that no condition ties
 * together are joined only when there is no other way. */
static fly__sql_rel *order_all(struct graph *graph)
{
    uint32_t sets = 1u << graph->count;
    struct best *table = fly__sql_opt_alloc(graph->opt, sets * sizeof *table);
    if (table == NULL) {
        return graph->leaves[0];
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        table[1u << i] =
            (struct best){.rows = fly__sql_opt_rows(graph->opt, graph->leaves[i]), .keyed = true};
    }
    for (uint32_t mask = 3; mask < sets; mask++) {
        struct best *best = &table[mask];
        if ((mask & (mask - 1)) == 0) {
            continue;
        }
        for (uint32_t left = (mask - 1) & mask; left > mask / 2; left = (left - 1) & mask) {
            uint32_t right = mask ^ left;
            bool keyed;
            double rows =
                joined_rows(graph, left, right, table[left].rows, table[right].rows, &keyed);
            /* The same set has the same rows whichever way: the first estimate stays. */
            rows = best->left != 0 && keyed == best->keyed ? best->rows : rows;
            double cost = table[left].cost + table[right].cost +
                          join_cost(table[left].rows, table[right].rows, rows, keyed);
            if (best->left == 0 || cost < best->cost) {
                *best = (struct best){.rows = rows, .cost = cost, .left = left, .keyed = keyed};
            }
        }
    }
    return build(graph, table, sets - 1);
}

/* For many leaves: begin with the one of fewest rows, take the one that gives the fewest rows next. */
static fly__sql_rel *order_greedily(struct graph *graph)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < graph->count; i++) {
        if (fly__sql_opt_rows(graph->opt, graph->leaves[i]) <
            fly__sql_opt_rows(graph->opt, graph->leaves[first])) {
            first = i;
        }
    }
    uint64_t mask = (uint64_t)1 << first;
    fly__sql_rel *tree = graph->leaves[first];
    double rows = fly__sql_opt_rows(graph->opt, tree);
    for (uint32_t n = 1; n < graph->count; n++) {
        uint32_t next = UINT32_MAX;
        double next_rows = 0;
        bool next_keyed = false;
        for (uint32_t i = 0; i < graph->count; i++) {
            uint64_t one = (uint64_t)1 << i;
            bool keyed;
            if ((mask & one) != 0) {
                continue;
            }
            double there = joined_rows(graph, mask, one, rows,
                                       fly__sql_opt_rows(graph->opt, graph->leaves[i]), &keyed);
            if (next == UINT32_MAX || (keyed && !next_keyed) ||
                (keyed == next_keyed && there < next_rows)) {
                next = i;
                next_rows = there;
                next_keyed = keyed;
            }
        }
        mask |= (uint64_t)1 << next;
        rows = next_rows;
        tree = joined(graph, tree, graph->leaves[next], mask, rows);
    }
    return tree;
}

fly__sql_rel *fly__sql_opt_order(fly__sql_opt *opt, fly__sql_rel **leaves, uint32_t count,
                                 fly__sql_conds *conds)
{
    struct graph graph = {.opt = opt, .leaves = leaves, .count = count};
    if (count == 0 || count > FLY__SQL_LEAVES_MAX || !make_graph(&graph, conds)) {
        return count == 0 ? NULL : leaves[0];
    }
    fly__sql_rel *tree = count == 1               ? leaves[0]
                         : count <= ORDER_ALL_MAX ? order_all(&graph)
                                                  : order_greedily(&graph);
    fly__sql_conds rest = {0};
    for (uint32_t i = 0; i < graph.edge_count; i++) {
        if (!graph.edges[i].used) {
            fly__sql_conds_add(opt, &rest, graph.edges[i].cond);
        }
    }
    return fly__sql_opt_filter(opt, tree, &rest);
}
