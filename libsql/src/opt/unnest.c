/*
 * Subqueries become joins.
 *
 *     EXISTS, NOT EXISTS       semi join, anti join
 *     = ANY (IN), NOT IN       semi join; anti join, one that knows NULL unless nothing can be NULL
 *     scalar, of an aggregate  the aggregate grouped by what ties it to the outer query, and a left join
 *     scalar, otherwise        a join that fails at the second match
 *
 * What ties a subquery to the query around it is pulled up out of its filters and inner joins and
 * becomes the join's condition. It can come up through a projection, which then makes the columns too;
 * through a grouping if it is an equality, which makes one more group of it; through nothing that
 * counts or orders rows. If something stays behind that names an outer column, the subquery stays what
 * it was: the executor runs those too, once for each set of outer values.
 *
 * An aggregate without groups gives a row for no rows at all. The join gives NULLs there, which is
 * what aggregates say of nothing, but for count, which says 0; so the expression over the aggregates is
 * evaluated above the join, over count with 0 for NULL.
 *
 * Invariants.
 *     E1  nothing is changed before it is known that all of it can be
 *     E2  a null-aware join has the one condition of the test: with another one beside it a row could
 *         be unknown that is not in the subquery at all
 *
 * Source: Neumann and Kemper, "Unnesting Arbitrary Queries" (BTW 2015), for the cases where their
 * dependent join goes away.
 */
#include "opt/pass_int.h"

#include "bind/bind_scope_int.h"

#include <string.h>

/* ------------------------------------------------------------------------ sets of columns */

typedef struct ids {
    fly__sql_colid limit;
    uint64_t *bits;
} ids;

static bool ids_init(fly__sql_opt *opt, ids *set)
{
    set->limit = opt->plan->next_id;
    set->bits = fly__sql_opt_alloc(opt, (set->limit / 64 + 1u) * sizeof *set->bits);
    return set->bits != NULL;
}

static bool ids_has(const ids *set, fly__sql_colid id)
{
    return id < set->limit && (set->bits[id / 64] >> (id % 64) & 1) != 0;
}

struct naming {
    const ids *set;
    bool names;
};

static void look(void *ctx, fly__sql_colid id)
{
    struct naming *naming = ctx;
    naming->names = naming->names || ids_has(naming->set, id);
}

static bool expr_names(const fly__sql_expr *expr, const ids *set)
{
    struct naming naming = {set, false};
    if (expr != NULL) {
        fly__sql_expr_columns(expr, look, &naming);
    }
    return naming.names;
}

static int look_in(void *ctx, fly__sql_expr **at)
{
    struct naming *naming = ctx;
    if ((*at)->kind == FLY__SQL_X_COLUMN && ids_has(naming->set, (*at)->column)) {
        naming->names = true;
        return -1;
    }
    return 1;
}

static bool rel_names(fly__sql_rel *rel, const ids *set)
{
    struct naming naming = {set, false};
    (void)fly__sql_bind_walk_rel(rel, look_in, &naming);
    return naming.names;
}

static int look_for_volatile(void *ctx, fly__sql_expr **at)
{
    bool *found = ctx;
    *found = *found || (*at)->volatile_;
    return *found ? -1 : 1;
}

static bool is_volatile(fly__sql_rel *rel)
{
    bool found = false;
    (void)fly__sql_bind_walk_rel(rel, look_for_volatile, &found);
    return found;
}

/* ------------------------------------------------------------------------------- pulling up */

typedef struct puller {
    fly__sql_opt *opt;
    ids outer;
    fly__sql_conds pulled;
    bool loose; /* rows may come more often than they did */
    bool dry;   /* only see whether it can be done */
} puller;

static bool pull(puller *p, fly__sql_rel **at);

/* Take the conditions that name outer columns out of a list; false if one cannot go. */
static bool pull_conds(puller *p, fly__sql_expr *condition, fly__sql_conds *kept)
{
    fly__sql_conds all = {0};
    fly__sql_conds_split(p->opt, &all, condition);
    for (uint32_t i = 0; i < all.count; i++) {
        if (!expr_names(all.items[i], &p->outer)) {
            fly__sql_conds_add(p->opt, kept, all.items[i]);
        } else if (all.items[i]->volatile_ || fly__sql_expr_has_subquery(all.items[i])) {
            return false;
        } else {
            fly__sql_conds_add(p->opt, &p->pulled, all.items[i]);
        }
    }
    return true;
}

static void pass_on(fly__sql_rel *rel)
{
    rel->columns = rel->left->columns;
    rel->column_count = rel->left->column_count;
}

static bool pull_filter(puller *p, fly__sql_rel **at)
{
    fly__sql_rel *rel = *at;
    fly__sql_conds kept = {0};
    if (!pull_conds(p, rel->filter.condition, &kept) || !pull(p, &rel->left)) {
        return false;
    }
    if (!p->dry) {
        *at = fly__sql_opt_filter(p->opt, rel->left, &kept);
    }
    return true;
}

struct adding {
    puller *p;
    fly__sql_rel *rel;
    uint32_t room;
};

/* Make a column that a pulled condition names pass through a projection. */
static void add_column(void *ctx, fly__sql_colid id)
{
    struct adding *a = ctx;
    fly__sql_rel *rel = a->rel;
    if (fly__sql_rel_makes(rel, id) || !fly__sql_rel_makes(rel->left, id) ||
        rel->column_count == a->room) {
        return;
    }
    for (uint32_t i = 0; i < rel->left->column_count; i++) {
        if (rel->left->columns[i].id == id) {
            rel->columns[rel->column_count] = rel->left->columns[i];
            rel->project.exprs[rel->column_count++] =
                fly__sql_opt_column(a->p->opt, &rel->left->columns[i]);
            return;
        }
    }
}

static bool pull_project(puller *p, fly__sql_rel *rel)
{
    uint32_t before = p->pulled.count;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (expr_names(rel->project.exprs[i], &p->outer)) {
            return false;
        }
    }
    if (rel->left == NULL || !pull(p, &rel->left)) {
        return false;
    }
    if (p->dry || p->pulled.count == before) {
        return true;
    }
    struct adding a = {p, rel, rel->column_count + rel->left->column_count};
    fly__sql_colref *columns = fly__sql_opt_alloc(p->opt, (a.room + 1u) * sizeof *columns);
    fly__sql_expr **exprs = fly__sql_opt_alloc(p->opt, (a.room + 1u) * sizeof *exprs);
    if (columns == NULL || exprs == NULL) {
        return false;
    }
    if (rel->column_count > 0) {
        memcpy(columns, rel->columns, rel->column_count * sizeof *columns);
        memcpy(exprs, rel->project.exprs, rel->column_count * sizeof *exprs);
    }
    rel->columns = columns;
    rel->project.exprs = exprs;
    for (uint32_t i = before; i < p->pulled.count; i++) {
        fly__sql_expr_columns(p->pulled.items[i], add_column, &a);
    }
    return true;
}

static bool join_columns(fly__sql_opt *opt, fly__sql_rel *rel)
{
    bool pairs = rel->join.join <= FLY__SQL_JOIN_FULL || rel->join.join == FLY__SQL_JOIN_SINGLE;
    bool mark = rel->join.join == FLY__SQL_JOIN_MARK;
    uint32_t left = rel->left->column_count;
    uint32_t right = pairs ? rel->right->column_count : 0;
    fly__sql_colref *columns = fly__sql_opt_alloc(opt, (left + right + 1u) * sizeof *columns);
    if (columns == NULL) {
        return false;
    }
    if (left > 0) {
        memcpy(columns, rel->left->columns, left * sizeof *columns);
    }
    if (right > 0) {
        memcpy(columns + left, rel->right->columns, right * sizeof *columns);
    }
    if (mark) {
        columns[left] = rel->columns[rel->column_count - 1];
    }
    for (uint32_t i = left; i < left + right && rel->join.join != FLY__SQL_JOIN_INNER; i++) {
        columns[i].nullable = true;
    }
    rel->columns = columns;
    rel->column_count = left + right + mark;
    return true;
}

static bool pull_join(puller *p, fly__sql_rel *rel)
{
    fly__sql_conds kept = {0};
    if (rel->join.lateral || rel->join.join == FLY__SQL_JOIN_RIGHT ||
        rel->join.join == FLY__SQL_JOIN_FULL) {
        return false;
    }
    if (rel->join.join == FLY__SQL_JOIN_INNER) {
        if (!pull_conds(p, rel->join.condition, &kept) || !pull(p, &rel->left) ||
            !pull(p, &rel->right)) {
            return false;
        }
    } else if (expr_names(rel->join.condition, &p->outer) || rel_names(rel->right, &p->outer) ||
               !pull(p, &rel->left)) {
        return false;
    }
    if (p->dry) {
        return true;
    }
    if (rel->join.join == FLY__SQL_JOIN_INNER) {
        rel->join.condition = fly__sql_conds_join(p->opt, &kept);
    }
    return join_columns(p->opt, rel);
}

/* `inner = outer`: which argument is the inner one, or -1. */
static int inner_side(const puller *p, const fly__sql_expr *cond, const fly__sql_rel *input)
{
    if (cond->kind != FLY__SQL_X_CALL || cond->argc != 2 || cond->func->op != FLY__SQL_OP_EQ) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        uint32_t made;
        uint32_t others;
        fly__sql_expr_sides(cond->args[1 - i], input, &made, &others);
        if (!expr_names(cond->args[i], &p->outer) && made == 0) {
            fly__sql_expr_sides(cond->args[i], input, &made, &others);
            if (made > 0) {
                return i;
            }
        }
    }
    return -1;
}

/* One more group, by the inner side of a pulled equality, which then speaks of the group's column. */
static bool add_group(puller *p, fly__sql_rel *rel, fly__sql_expr **cond)
{
    int side = inner_side(p, *cond, rel->left);
    fly__sql_expr *copy = fly__sql_opt_alloc(p->opt, sizeof *copy);
    fly__sql_expr **args = fly__sql_opt_alloc(p->opt, 2 * sizeof *args);
    uint32_t groups = rel->aggregate.group_count;
    fly__sql_colref *columns =
        fly__sql_opt_alloc(p->opt, (rel->column_count + 1u) * sizeof *columns);
    fly__sql_expr **exprs = fly__sql_opt_alloc(p->opt, (groups + 1u) * sizeof *exprs);
    if (side < 0 || copy == NULL || args == NULL || columns == NULL || exprs == NULL) {
        return false;
    }
    fly__sql_expr *inner = (*cond)->args[side];
    if (groups > 0) {
        memcpy(columns, rel->columns, groups * sizeof *columns);
        memcpy(exprs, rel->aggregate.groups, groups * sizeof *exprs);
    }
    columns[groups] = (fly__sql_colref){
        .id = p->opt->plan->next_id++, .type = inner->type, .name = NULL, .nullable = true};
    exprs[groups] = inner;
    if (rel->column_count > groups) {
        memcpy(columns + groups + 1, rel->columns + groups,
               (rel->column_count - groups) * sizeof *columns);
    }
    rel->columns = columns;
    rel->column_count++;
    rel->aggregate.groups = exprs;
    rel->aggregate.group_count++;
    *copy = **cond;
    copy->args = args;
    args[side] = fly__sql_opt_column(p->opt, &columns[groups]);
    args[1 - side] = (*cond)->args[1 - side];
    *cond = copy;
    return args[side] != NULL;
}

static bool pull_aggregate(puller *p, fly__sql_rel *rel, bool may_be_empty)
{
    uint32_t before = p->pulled.count;
    bool loose = p->loose;
    if (rel->aggregate.set_count > 0 || rel->aggregate.grouping != 0 ||
        (rel->aggregate.group_count == 0 && !may_be_empty) || rel->left == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < rel->aggregate.group_count; i++) {
        if (expr_names(rel->aggregate.groups[i], &p->outer)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < rel->aggregate.agg_count; i++) {
        const fly__sql_agg *agg = &rel->aggregate.aggs[i];
        bool names = expr_names(agg->filter, &p->outer);
        for (uint32_t k = 0; k < agg->argc; k++) {
            names = names || expr_names(agg->args[k], &p->outer);
        }
        for (uint32_t k = 0; k < agg->order_count; k++) {
            names = names || expr_names(agg->order[k].expr, &p->outer);
        }
        if (names) {
            return false;
        }
    }
    p->loose = false;
    bool ok = pull(p, &rel->left);
    p->loose = loose;
    for (uint32_t i = before; ok && i < p->pulled.count; i++) {
        ok = p->dry ? inner_side(p, p->pulled.items[i], rel->left) >= 0
                    : add_group(p, rel, &p->pulled.items[i]);
    }
    return ok;
}

static bool pull(puller *p, fly__sql_rel **at)
{
    fly__sql_rel *rel = *at;
    if (!rel_names(rel, &p->outer)) {
        return true;
    }
    switch (rel->kind) {
    case FLY__SQL_R_FILTER:
        return pull_filter(p, at);
    case FLY__SQL_R_PROJECT:
        return pull_project(p, rel);
    case FLY__SQL_R_JOIN:
        return pull_join(p, rel);
    case FLY__SQL_R_AGGREGATE:
        return pull_aggregate(p, rel, false);
    case FLY__SQL_R_DISTINCT:
        if (!p->loose || rel->distinct.on_count > 0 || !pull(p, &rel->left)) {
            return false;
        }
        if (!p->dry) {
            pass_on(rel);
        }
        return true;
    case FLY__SQL_R_SORT:
        if (!pull(p, &rel->left)) {
            return false;
        }
        if (!p->dry) {
            *at = rel->left;
        }
        return true;
    default:
        return false;
    }
}

/* Pull everything up, or nothing. */
static bool pull_all(puller *p, fly__sql_rel **at, bool empty_aggregate)
{
    for (int pass = 0; pass < 2; pass++) {
        p->dry = pass == 0;
        p->pulled.count = 0;
        bool ok = empty_aggregate ? pull_aggregate(p, *at, true) : pull(p, at);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool puller_init(fly__sql_opt *opt, puller *p, const fly__sql_subquery *sub,
                        const fly__sql_rel *outer)
{
    *p = (puller){.opt = opt};
    if (!ids_init(opt, &p->outer)) {
        return false;
    }
    for (uint32_t i = 0; i < sub->outer_count; i++) {
        if (fly__sql_rel_makes(outer, sub->outer[i])) {
            p->outer.bits[sub->outer[i] / 64] |= (uint64_t)1 << (sub->outer[i] % 64);
        }
    }
    return true;
}

/* ---------------------------------------------------------------------------------- joins */

static fly__sql_rel *make_join(fly__sql_opt *opt, fly__sql_join_kind kind, fly__sql_rel *left,
                               fly__sql_rel *right, const fly__sql_conds *conds)
{
    fly__sql_rel *join = fly__sql_opt_alloc(opt, sizeof *join);
    if (join == NULL) {
        return NULL;
    }
    fly__sql_conds on = {0};
    fly__sql_conds below = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        uint32_t made;
        uint32_t others;
        fly__sql_expr_sides(conds->items[i], left, &made, &others);
        bool goes = made == 0 && kind != FLY__SQL_JOIN_ANTI_NULL;
        fly__sql_conds_add(opt, goes ? &below : &on, conds->items[i]);
    }
    join->kind = FLY__SQL_R_JOIN;
    join->left = left;
    join->right = fly__sql_opt_push(opt, right, &below);
    join->join.join = kind;
    join->join.condition = fly__sql_conds_join(opt, &on);
    if (!join_columns(opt, join)) {
        return NULL;
    }
    fly__sql_opt_keys(opt, join);
    fly__sql_opt_method(opt, join);
    return join;
}

/* Without what does not matter to somebody who asks whether there are rows, or `values` among them. */
static fly__sql_rel *stripped(fly__sql_rel *rel, bool values)
{
    for (;;) {
        bool same = rel->kind == FLY__SQL_R_SORT ||
                    (rel->kind == FLY__SQL_R_DISTINCT && rel->distinct.on_count == 0);
        bool some = (rel->kind == FLY__SQL_R_PROJECT && rel->left != NULL) ||
                    (rel->kind == FLY__SQL_R_LIMIT && rel->limit.offset == NULL &&
                     rel->limit.limit != NULL && rel->limit.limit->kind == FLY__SQL_X_CONST &&
                     !rel->limit.limit->value.null && rel->limit.limit->value.i64 > 0);
        if (!same && (values || !some)) {
            return rel;
        }
        rel = rel->left;
    }
}

static fly__sql_rel *unnest_exists(fly__sql_opt *opt, fly__sql_rel *left,
                                   const fly__sql_subquery *sub, bool negated)
{
    puller p;
    fly__sql_rel *inner = stripped(sub->rel, false);
    if (sub->outer_count == 0 || !puller_init(opt, &p, sub, left)) {
        return NULL;
    }
    p.loose = true;
    if (!pull_all(&p, &inner, false) || p.pulled.count == 0) {
        return NULL;
    }
    return make_join(opt, negated ? FLY__SQL_JOIN_ANTI : FLY__SQL_JOIN_SEMI, left, inner,
                     &p.pulled);
}

struct projection {
    const fly__sql_rel *rel;
};

static fly__sql_expr *projected(void *ctx, fly__sql_colid id)
{
    const fly__sql_rel *rel = ((const struct projection *)ctx)->rel;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (rel->columns[i].id == id) {
            return rel->project.exprs[i];
        }
    }
    return NULL;
}

static bool is_plain(const fly__sql_rel *project)
{
    for (uint32_t i = 0; i < project->column_count; i++) {
        if (project->project.exprs[i]->volatile_ ||
            fly__sql_expr_has_subquery(project->project.exprs[i])) {
            return false;
        }
    }
    return project->left != NULL;
}

/* Whether an expression cannot be NULL: a column that is not. */
static bool never_null(const fly__sql_expr *expr, const fly__sql_rel *left,
                       const fly__sql_rel *right)
{
    const fly__sql_rel *const sides[] = {left, right};
    while (expr->kind == FLY__SQL_X_RELABEL) {
        expr = expr->args[0];
    }
    if (expr->kind == FLY__SQL_X_CONST) {
        return !expr->value.null;
    }
    for (int s = 0; s < 2 && expr->kind == FLY__SQL_X_COLUMN; s++) {
        for (uint32_t i = 0; i < sides[s]->column_count; i++) {
            if (sides[s]->columns[i].id == expr->column) {
                return !sides[s]->columns[i].nullable;
            }
        }
    }
    return false;
}

static bool test_never_null(const fly__sql_expr *test, const fly__sql_rel *left,
                            const fly__sql_rel *right)
{
    return test->kind == FLY__SQL_X_CALL && test->argc == 2 && test->func->op != 0 &&
           test->func->op <= FLY__SQL_OP_GE && never_null(test->args[0], left, right) &&
           never_null(test->args[1], left, right);
}

static fly__sql_rel *unnest_any(fly__sql_opt *opt, fly__sql_rel *left, const fly__sql_subquery *sub,
                                bool negated)
{
    puller p;
    fly__sql_rel *inner = stripped(sub->rel, true);
    fly__sql_expr *test = sub->test;
    if (!puller_init(opt, &p, sub, left) || test->volatile_ || fly__sql_expr_has_subquery(test)) {
        return NULL;
    }
    if (inner->kind == FLY__SQL_R_PROJECT && is_plain(inner)) {
        struct projection projection = {inner};
        test = fly__sql_expr_replaced(opt, test, projected, &projection);
        inner = inner->left;
    }
    p.loose = p.dry = true;
    if (test == NULL || !pull(&p, &inner)) {
        return NULL;
    }
    fly__sql_join_kind kind = FLY__SQL_JOIN_SEMI;
    if (negated) {
        kind = test_never_null(test, left, inner) ? FLY__SQL_JOIN_ANTI : FLY__SQL_JOIN_ANTI_NULL;
    }
    if ((kind == FLY__SQL_JOIN_ANTI_NULL && p.pulled.count > 0) || !pull_all(&p, &inner, false)) {
        return NULL; /* E2 */
    }
    if (kind == FLY__SQL_JOIN_ANTI_NULL) {
        fly__sql_conds_put(opt, &p.pulled, test);
    } else {
        fly__sql_conds_split(opt, &p.pulled, test);
    }
    return make_join(opt, kind, left, inner, &p.pulled);
}

/* ------------------------------------------------------------------------- scalar subqueries */

/* What an aggregate says of no rows: 'n' NULL, '0' zero, '?' something else. */
static char of_nothing(const fly__sql_func *func)
{
    static const char *const null[] = {
        "sum",      "avg",        "min",      "max",        "bool_and",    "bool_or",
        "every",    "string_agg", "stddev",   "array_agg",  "stddev_samp", "stddev_pop",
        "variance", "var_samp",   "var_pop",  "bit_and",    "bit_or",      "any_value",
        "corr",     "covar_pop",  "json_agg", "covar_samp", "jsonb_agg"};
    if (func->kind == FLY__SQL_USER) {
        return '?';
    }
    if (strcmp(func->name, "count") == 0) {
        return '0';
    }
    for (size_t i = 0; i < sizeof null / sizeof null[0]; i++) {
        if (strcmp(func->name, null[i]) == 0) {
            return 'n';
        }
    }
    return '?';
}

struct counts {
    fly__sql_opt *opt;
    const fly__sql_rel *aggregate;
};

/* Where count's column stood: 0 if it is NULL. */
static fly__sql_expr *count_or_zero(void *ctx, fly__sql_colid id)
{
    struct counts *c = ctx;
    const fly__sql_rel *rel = c->aggregate;
    for (uint32_t i = 0; i < rel->aggregate.agg_count; i++) {
        const fly__sql_agg *agg = &rel->aggregate.aggs[i];
        if (agg->out.id != id || of_nothing(agg->func) != '0') {
            continue;
        }
        fly__sql_expr *both = fly__sql_opt_alloc(c->opt, sizeof *both);
        fly__sql_expr *zero = fly__sql_opt_alloc(c->opt, sizeof *zero);
        fly__sql_expr **args = fly__sql_opt_alloc(c->opt, 2 * sizeof *args);
        if (both == NULL || zero == NULL || args == NULL) {
            return NULL;
        }
        zero->kind = FLY__SQL_X_CONST;
        zero->type = agg->out.type;
        both->kind = FLY__SQL_X_COALESCE;
        both->type = agg->out.type;
        both->argc = 2;
        both->args = args;
        args[0] = fly__sql_opt_column(c->opt, &agg->out);
        args[1] = zero;
        return args[0] == NULL ? NULL : both;
    }
    return NULL;
}

/* A scan, filtered: then an index may answer each outer row. */
static bool is_looked_up(const puller *p, const fly__sql_rel *rel)
{
    while (rel != NULL && (rel->kind == FLY__SQL_R_FILTER || rel->kind == FLY__SQL_R_PROJECT)) {
        rel = rel->left;
    }
    if (rel == NULL || rel->kind != FLY__SQL_R_SCAN) {
        return false;
    }
    for (uint32_t i = 0; i < p->pulled.count; i++) {
        const fly__sql_expr *cond = p->pulled.items[i];
        int side = inner_side(p, cond, rel);
        if (side >= 0 && fly__sql_opt_indexed(rel, cond->args[side])) {
            return true;
        }
    }
    return false;
}

static bool few_rows(fly__sql_opt *opt, const fly__sql_rel *left, fly__sql_rel *inner)
{
    fly__sql_rel *rel = inner;
    while (rel->kind == FLY__SQL_R_FILTER || rel->kind == FLY__SQL_R_PROJECT) {
        rel = rel->left;
    }
    double there = fly__sql_opt_table_rows(opt, rel->scan.table);
    fly__sql_rel *outer;
    memcpy(&outer, &left, sizeof left);
    return 20 * fly__sql_opt_rows(opt, outer) < there;
}

/* A scalar subquery over an ungrouped aggregate: `*value` is what stands for it above the join. */
static fly__sql_rel *unnest_aggregate(fly__sql_opt *opt, fly__sql_rel *left,
                                      const fly__sql_subquery *sub, fly__sql_expr **value)
{
    puller p;
    fly__sql_rel *inner = stripped(sub->rel, true);
    fly__sql_expr *expr = fly__sql_opt_column(opt, &sub->rel->columns[0]);
    while (expr != NULL && inner->kind == FLY__SQL_R_PROJECT && is_plain(inner)) {
        struct projection projection = {inner};
        expr = fly__sql_expr_replaced(opt, expr, projected, &projection);
        inner = inner->left;
    }
    if (expr == NULL || inner->kind != FLY__SQL_R_AGGREGATE || inner->aggregate.group_count > 0 ||
        !puller_init(opt, &p, sub, left)) {
        return NULL;
    }
    for (uint32_t i = 0; i < inner->aggregate.agg_count; i++) {
        if (of_nothing(inner->aggregate.aggs[i].func) == '?') {
            return NULL;
        }
    }
    p.dry = true;
    if (!pull_aggregate(&p, inner, true) || p.pulled.count == 0 ||
        (is_looked_up(&p, inner->left) && few_rows(opt, left, inner->left))) {
        return NULL;
    }
    if (!pull_all(&p, &inner, true)) {
        return NULL;
    }
    struct counts counts = {opt, inner};
    *value = fly__sql_expr_replaced(opt, expr, count_or_zero, &counts);
    return *value == NULL ? NULL : make_join(opt, FLY__SQL_JOIN_LEFT, left, inner, &p.pulled);
}

static fly__sql_rel *unnest_scalar(fly__sql_opt *opt, fly__sql_rel *left,
                                   const fly__sql_subquery *sub, fly__sql_expr **value)
{
    puller p;
    if (sub->outer_count == 0 || is_volatile(sub->rel)) {
        return NULL;
    }
    fly__sql_rel *joined = unnest_aggregate(opt, left, sub, value);
    if (joined != NULL || !puller_init(opt, &p, sub, left)) {
        return joined;
    }
    fly__sql_rel *inner = sub->rel;
    p.dry = true;
    if (!pull(&p, &inner) || p.pulled.count == 0 ||
        (is_looked_up(&p, inner) && few_rows(opt, left, inner))) {
        return NULL;
    }
    bool equality = false;
    for (uint32_t i = 0; i < p.pulled.count; i++) {
        equality = equality || (p.pulled.items[i]->kind == FLY__SQL_X_CALL &&
                                p.pulled.items[i]->func->op == FLY__SQL_OP_EQ);
    }
    *value = fly__sql_opt_column(opt, &inner->columns[0]);
    if (!equality || *value == NULL || !pull_all(&p, &inner, false)) {
        return NULL;
    }
    return make_join(opt, FLY__SQL_JOIN_SINGLE, left, inner, &p.pulled);
}

/* ------------------------------------------------------------------------- conditions */

static fly__sql_rel *unnest_condition(fly__sql_opt *opt, fly__sql_rel *left,
                                      const fly__sql_expr *cond)
{
    bool negated = false;
    while (cond->kind == FLY__SQL_X_NOT) {
        negated = !negated;
        cond = cond->args[0];
    }
    if (cond->kind != FLY__SQL_X_SUBQUERY || is_volatile(cond->subquery->rel)) {
        return NULL;
    }
    switch (cond->subquery->kind) {
    case FLY__SQL_SUB_EXISTS:
        return unnest_exists(opt, left, cond->subquery, negated);
    case FLY__SQL_SUB_ANY:
        return unnest_any(opt, left, cond->subquery, negated);
    default:
        return NULL;
    }
}

fly__sql_rel *fly__sql_opt_unnest_expr(fly__sql_opt *opt, fly__sql_rel *left, fly__sql_expr **at)
{
    fly__sql_expr *expr = *at;
    if (expr == NULL || expr->kind == FLY__SQL_X_CASE || expr->kind == FLY__SQL_X_COALESCE ||
        opt->plain || left == NULL) {
        return left; /* an arm that is not taken must not be computed */
    }
    if (expr->kind == FLY__SQL_X_SUBQUERY) {
        fly__sql_expr *value = NULL;
        fly__sql_rel *joined = expr->subquery->kind == FLY__SQL_SUB_SCALAR
                                   ? unnest_scalar(opt, left, expr->subquery, &value)
                                   : NULL;
        if (joined != NULL) {
            *at = value;
            return joined;
        }
    }
    for (uint32_t i = 0; i < expr->argc; i++) {
        left = fly__sql_opt_unnest_expr(opt, left, &expr->args[i]);
    }
    return left;
}

/* Conditions over scalar subqueries: the joins, the conditions over their columns, and then the
 * columns that there were. */
static fly__sql_rel *unnest_scalars(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_expr *cond,
                                    fly__sql_conds *rest)
{
    fly__sql_rel *joined = fly__sql_opt_unnest_expr(opt, rel, &cond);
    if (joined == rel) {
        fly__sql_conds_add(opt, rest, cond);
        return rel;
    }
    for (fly__sql_rel *join = joined; join != rel; join = join->left) {
        if (join->join.join == FLY__SQL_JOIN_LEFT &&
            fly__sql_opt_rejects_nulls(cond, join->right)) {
            join->join.join = FLY__SQL_JOIN_INNER;
            join->rows = 0;
            fly__sql_opt_method(opt, join);
        }
    }
    fly__sql_conds one = {0};
    fly__sql_conds_add(opt, &one, cond);
    fly__sql_opt_push_in(opt, cond);
    return fly__sql_opt_only(opt, fly__sql_opt_filter(opt, joined, &one), rel);
}

fly__sql_rel *fly__sql_opt_unnest(fly__sql_opt *opt, fly__sql_rel *rel, const fly__sql_conds *conds,
                                  fly__sql_conds *rest)
{
    fly__sql_conds scalar = {0};
    for (uint32_t i = 0; i < conds->count; i++) {
        bool may = !opt->plain && !conds->items[i]->volatile_ &&
                   fly__sql_expr_has_subquery(conds->items[i]);
        fly__sql_rel *joined = may ? unnest_condition(opt, rel, conds->items[i]) : NULL;
        if (joined != NULL) {
            rel = joined;
        } else {
            fly__sql_conds_add(opt, may ? &scalar : rest, conds->items[i]);
        }
    }
    for (uint32_t i = 0; i < scalar.count; i++) {
        rel = unnest_scalars(opt, rel, scalar.items[i], rest);
    }
    return rel;
}
