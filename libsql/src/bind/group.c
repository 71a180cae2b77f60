/*
 * Aggregation: GROUP BY, grouping sets, aggregates.
 *
 * An aggregate call belongs to the innermost query whose columns are in its arguments (the one it stands
 * in, if there are none), which may be an outer one. Binding it adds it to that query's list and gives
 * a column of kind 'a'. Once everything of the query is bound, fly__sql_bind_grouped() makes the node
 * and goes through all that is evaluated above it: expressions that are grouped by become columns of the
 * node, and a column of FROM that is left over is an error, unless the primary key of its table is
 * grouped by.
 */
#include "bind/bind_scope_int.h"

fly__sql_expr *fly__sql_bind_group_item(fly__sql_binder *b, fly__sql_scope *scope,
                                        const fly_ast *ast, fly__sql_target *targets,
                                        uint32_t count);

enum { SETS_MAX = 4096, SET_COLUMNS_MAX = 64 };

/* -------------------------------------------------------------------- aggregates */

typedef struct level {
    const fly__sql_binder *b;
    const fly__sql_scope *here;
    fly__sql_scope *deepest;
} level;

static int deepest_scope(void *ctx, fly__sql_expr **at)
{
    level *l = ctx;
    if ((*at)->kind == FLY__SQL_X_COLUMN) {
        fly__sql_scope *scope = l->b->infos[(*at)->column].scope;
        if (scope != NULL && scope->level <= l->here->level &&
            (l->deepest == NULL || scope->level > l->deepest->level)) {
            l->deepest = scope;
        }
    }
    return 1;
}

typedef struct nesting {
    const fly__sql_binder *b;
    const fly__sql_scope *owner;
    char found; /* kind of what may not be there */
    uint32_t pos;
} nesting;

static int find_nested(void *ctx, fly__sql_expr **at)
{
    nesting *n = ctx;
    fly__sql_expr *e = *at;
    if (e->kind == FLY__SQL_X_COLUMN) {
        const fly__sql_colinfo *info = &n->b->infos[e->column];
        if (info->scope == n->owner && (info->kind == 'a' || info->kind == 'w')) {
            n->found = info->kind;
            n->pos = e->pos;
            return -1;
        }
    } else if (e->kind == FLY__SQL_X_CALL && fly__sql_bind_returns_set(e->func)) {
        n->found = 's';
        n->pos = e->pos;
        return -1;
    }
    return 1;
}

static bool walk_call(fly__sql_agg *agg, fly__sql_expr_visit visit, void *ctx)
{
    for (uint32_t i = 0; i < agg->argc; i++) {
        if (!fly__sql_bind_walk(&agg->args[i], visit, ctx)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < agg->order_count; i++) {
        if (!fly__sql_bind_walk(&agg->order[i].expr, visit, ctx)) {
            return false;
        }
    }
    return fly__sql_bind_walk(&agg->filter, visit, ctx);
}

static bool check_place(fly__sql_binder *b, const fly__sql_scope *owner, uint32_t pos)
{
    switch (owner->place) {
    case FLY__SQL_IN_TARGET:
    case FLY__SQL_IN_HAVING:
    case FLY__SQL_IN_ORDER_BY:
    case FLY__SQL_IN_DISTINCT_ON:
    case FLY__SQL_IN_PARTITION_BY:
    case FLY__SQL_IN_WINDOW_ORDER:
    case FLY__SQL_IN_WINDOW_FRAME:
        return true;
    default:
        return fly__sql_bind_fail(b, "42803", pos, "aggregate functions are not allowed in %s",
                                  fly__sql_bind_place_name(owner->place)) != NULL;
    }
}

static bool same_call(const fly__sql_agg *a, const fly__sql_agg *b)
{
    if (a->func != b->func || a->argc != b->argc || a->distinct != b->distinct ||
        a->order_count != b->order_count || !fly__sql_bind_equal(a->filter, b->filter)) {
        return false;
    }
    for (uint32_t i = 0; i < a->argc; i++) {
        if (!fly__sql_bind_equal(a->args[i], b->args[i]) || a->args[i]->volatile_) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->order_count; i++) {
        if (!fly__sql_bind_equal(a->order[i].expr, b->order[i].expr) ||
            a->order[i].descending != b->order[i].descending ||
            a->order[i].nulls_first != b->order[i].nulls_first) {
            return false;
        }
    }
    return true;
}

static fly__sql_expr *agg_column(fly__sql_binder *b, const fly__sql_agg *agg, uint32_t pos)
{
    return fly__sql_bind_colref(b, agg->out.id, agg->out.type, pos);
}

/* int_arith_wide: the sum of integers is one, and overflows as one. */
static fly__sql_expr *narrowed(fly__sql_binder *b, fly__sql_expr *e, const fly__sql_agg *agg)
{
    if (e == NULL || !b->int_wide || e->type.oid != FLY_SQL_NUMERIC || agg->argc != 1 ||
        agg->args[0]->type.oid != FLY_SQL_INT8 || strcmp(agg->func->name, "sum") != 0) {
        return e;
    }
    return fly__sql_bind_coerce(b, e, fly__sql_type(FLY_SQL_INT8), 'e', e->pos);
}

fly__sql_expr *fly__sql_bind_aggregate(fly__sql_binder *b, fly__sql_scope *scope,
                                       const fly_ast_call *call, const fly__sql_func *func,
                                       fly__sql_expr **args, uint32_t argc,
                                       fly__sql_sort_key *order, uint32_t order_count,
                                       fly__sql_expr *filter, fly_sql_type result)
{
    uint32_t pos = call->node.pos;
    fly__sql_agg agg = {.func = func,
                        .argc = argc,
                        .args = args,
                        .filter = filter,
                        .distinct = call->distinct,
                        .order_count = order_count,
                        .order = order,
                        .pos = pos};
    level l = {.b = b, .here = scope};
    (void)walk_call(&agg, deepest_scope, &l);
    fly__sql_scope *owner = l.deepest != NULL ? l.deepest : scope;
    nesting n = {.b = b, .owner = owner};
    if (!walk_call(&agg, find_nested, &n)) {
        return n.found == 'a' ? fly__sql_bind_fail(b, "42803", n.pos,
                                                   "aggregate function calls cannot be nested")
               : n.found == 'w'
                   ? fly__sql_bind_fail(
                         b, "42803", n.pos,
                         "aggregate function calls cannot contain window function calls")
                   : fly__sql_bind_fail(
                         b, "0A000", n.pos,
                         "aggregate function calls cannot contain set-returning function calls");
    }
    if (!check_place(b, owner, pos)) {
        return NULL;
    }
    for (uint32_t i = 0; call->distinct && i < argc; i++) {
        if (!fly__sql_bind_groupable(b, args[i]->type.oid, args[i]->pos)) {
            return NULL;
        }
    }
    for (uint32_t i = 0; call->distinct && !call->within_group && i < order_count; i++) {
        bool among = false;
        for (uint32_t a = 0; a < argc; a++) {
            among |= fly__sql_bind_equal(args[a], order[i].expr);
        }
        if (!among) {
            return fly__sql_bind_fail(b, "42P10", order[i].expr->pos,
                                      "in an aggregate with DISTINCT, ORDER BY expressions must "
                                      "appear in argument list");
        }
    }
    for (uint32_t i = 0; i < owner->agg_count; i++) {
        if (same_call(&owner->aggs[i], &agg)) {
            return narrowed(b, agg_column(b, &owner->aggs[i], pos), &agg);
        }
    }
    if (!fly__sql_bind_room(b, &owner->aggs, &owner->agg_room, owner->agg_count,
                            sizeof *owner->aggs)) {
        return NULL;
    }
    agg.out = (fly__sql_colref){.id = fly__sql_bind_id(b, 'a', owner, NULL, owner->agg_count),
                                .type = result,
                                .name = func->name,
                                .nullable = true};
    if (agg.out.id == 0) {
        return NULL;
    }
    owner->aggs[owner->agg_count++] = agg;
    return narrowed(b, agg_column(b, &agg, pos), &agg);
}

/* ---------------------------------------------------------------------- GROUP BY */

static int64_t add_group(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_expr *e)
{
    fly__sql_group *g = scope->group;
    for (uint32_t i = 0; i < g->count; i++) {
        if (fly__sql_bind_equal(g->exprs[i], e)) {
            return i;
        }
    }
    uint32_t room = g->room;
    if (!fly__sql_bind_room(b, &g->exprs, &room, g->count, sizeof *g->exprs)) {
        return -1;
    }
    room = g->room;
    if (!fly__sql_bind_room(b, &g->ids, &room, g->count, sizeof *g->ids)) {
        return -1;
    }
    g->room = room;
    g->exprs[g->count] = e;
    g->ids[g->count] = fly__sql_bind_id(b, 'g', scope, NULL, g->count);
    return g->ids[g->count] == 0 ? -1 : (int64_t)g->count++;
}

/* Sets of columns, as bits of group->exprs. */
typedef struct sets {
    uint32_t count, room;
    uint64_t *items;
} sets;

static bool add_set(fly__sql_binder *b, sets *s, uint64_t set)
{
    if (s->count >= SETS_MAX) {
        return fly__sql_bind_fail(b, "54001", 0, "too many grouping sets present (maximum %d)",
                                  (int)SETS_MAX) != NULL;
    }
    if (!fly__sql_bind_room(b, &s->items, &s->room, s->count, sizeof *s->items)) {
        return false;
    }
    s->items[s->count++] = set;
    return true;
}

typedef struct grouping {
    fly__sql_binder *b;
    fly__sql_scope *scope;
    fly__sql_target *targets;
    uint32_t target_count;
} grouping;

/* A plain entry, or (a, b): the columns that it stands for. */
static bool entry(grouping *g, const fly_ast *ast, uint64_t *set)
{
    *set = 0;
    bool row = ast->kind == FLY_AST_ROW && !((const fly_ast_row *)ast)->explicit;
    fly_ast_list items = row ? ((const fly_ast_row *)ast)->items
                             : (fly_ast_list){.items = (fly_ast **)&ast, .count = 1};
    for (uint32_t i = 0; i < items.count; i++) {
        fly__sql_expr *e =
            fly__sql_bind_group_item(g->b, g->scope, items.items[i], g->targets, g->target_count);
        int64_t at = e == NULL ? -1 : add_group(g->b, g->scope, e);
        if (at < 0) {
            return false;
        }
        if (at < SET_COLUMNS_MAX) {
            *set |= (uint64_t)1 << at;
        }
    }
    return true;
}

static bool expand(grouping *g, const fly_ast *ast, sets *out);

static bool rollup(grouping *g, fly_ast_list items, sets *out)
{
    uint64_t *parts = fly__sql_bind_alloc(g->b, (items.count + 1) * sizeof *parts);
    if (parts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < items.count; i++) {
        if (!entry(g, items.items[i], &parts[i])) {
            return false;
        }
    }
    for (uint32_t n = items.count + 1; n-- > 0;) {
        uint64_t set = 0;
        for (uint32_t i = 0; i < n; i++) {
            set |= parts[i];
        }
        if (!add_set(g->b, out, set)) {
            return false;
        }
    }
    return true;
}

static bool cube(grouping *g, const fly_ast *ast, fly_ast_list items, sets *out)
{
    if (items.count > 12) {
        return fly__sql_bind_fail(g->b, "54011", ast->pos, "CUBE is limited to 12 elements") !=
               NULL;
    }
    uint64_t parts[12];
    for (uint32_t i = 0; i < items.count; i++) {
        if (!entry(g, items.items[i], &parts[i])) {
            return false;
        }
    }
    for (uint32_t bits = 1u << items.count; bits-- > 0;) {
        uint64_t set = 0;
        for (uint32_t i = 0; i < items.count; i++) {
            if ((bits >> (items.count - 1 - i)) & 1) {
                set |= parts[i];
            }
        }
        if (!add_set(g->b, out, set)) {
            return false;
        }
    }
    return true;
}

static bool expand(grouping *g, const fly_ast *ast, sets *out)
{
    if (ast->kind != FLY_AST_GROUPING_SET) {
        uint64_t set;
        return entry(g, ast, &set) && add_set(g->b, out, set);
    }
    const fly_ast_grouping_set *set = (const fly_ast_grouping_set *)ast;
    switch (set->type) {
    case FLY_AST_GROUPING_EMPTY:
        return add_set(g->b, out, 0);
    case FLY_AST_GROUPING_ROLLUP:
        return rollup(g, set->items, out);
    case FLY_AST_GROUPING_CUBE:
        return cube(g, ast, set->items, out);
    case FLY_AST_GROUPING_SETS:
        for (uint32_t i = 0; i < set->items.count; i++) {
            if (!expand(g, set->items.items[i], out)) {
                return false;
            }
        }
        return true;
    }
    return true;
}

/* Each set of one with each of the other. */
static bool cross(fly__sql_binder *b, sets *left, const sets *right)
{
    sets product = {0};
    for (uint32_t i = 0; i < left->count; i++) {
        for (uint32_t j = 0; j < right->count; j++) {
            if (!add_set(b, &product, left->items[i] | right->items[j])) {
                return false;
            }
        }
    }
    *left = product;
    return true;
}

static void distinct_sets(sets *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < kept; j++) {
            seen |= s->items[j] == s->items[i];
        }
        if (!seen) {
            s->items[kept++] = s->items[i];
        }
    }
    s->count = kept;
}

bool fly__sql_bind_group_by(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_select *ast,
                            fly__sql_target *targets, uint32_t target_count)
{
    if (ast->group_by.count == 0) {
        return true;
    }
    scope->group = fly__sql_bind_alloc(b, sizeof *scope->group);
    if (scope->group == NULL) {
        return false;
    }
    grouping g = {.b = b, .scope = scope, .targets = targets, .target_count = target_count};
    bool any_sets = false;
    for (uint32_t i = 0; i < ast->group_by.count; i++) {
        any_sets |= ast->group_by.items[i]->kind == FLY_AST_GROUPING_SET;
    }
    sets all = {0};
    if (any_sets && !add_set(b, &all, 0)) {
        return false;
    }
    for (uint32_t i = 0; i < ast->group_by.count; i++) {
        const fly_ast *item = ast->group_by.items[i];
        if (!any_sets) {
            uint64_t set;
            if (!entry(&g, item, &set)) {
                return false;
            }
            continue;
        }
        sets one = {0};
        if (!expand(&g, item, &one) || !cross(b, &all, &one)) {
            return false;
        }
    }
    if (any_sets) {
        if (scope->group->count > SET_COLUMNS_MAX) {
            return fly__sql_bind_unsupported(b, ast->group_by.items[0]->pos,
                                             "GROUPING SETS of more than 64 columns") != NULL;
        }
        if (ast->group_distinct) {
            distinct_sets(&all);
        }
        scope->group->sets = all.items;
        scope->group->set_count = all.count;
    }
    return true;
}

/* --------------------------------------------------------------------- GROUPING() */

fly__sql_expr *fly__sql_bind_grouping(fly__sql_binder *b, fly__sql_scope *scope,
                                      const fly_ast_special *ast)
{
    uint32_t pos = ast->node.pos;
    if (ast->args.count > 31) {
        return fly__sql_bind_fail(b, "54023", pos, "GROUPING must have fewer than 32 arguments");
    }
    if (!check_place(b, scope, pos)) {
        return NULL;
    }
    fly__sql_expr **args = fly__sql_bind_alloc(b, (ast->args.count + 1) * sizeof *args);
    if (args == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < ast->args.count; i++) {
        args[i] = fly__sql_bind_expression(b, scope, ast->args.items[i]);
        if (args[i] == NULL) {
            return NULL;
        }
    }
    uint32_t same = 0;
    for (; same < scope->grouping_count; same++) {
        bool equal = true;
        for (uint32_t i = 0; equal && i <= ast->args.count; i++) {
            equal = fly__sql_bind_equal(scope->groupings[same][i], args[i]);
        }
        if (equal) {
            break;
        }
    }
    if (same == scope->grouping_count) {
        if (!fly__sql_bind_room(b, &scope->groupings, &scope->grouping_room, same,
                                sizeof *scope->groupings)) {
            return NULL;
        }
        scope->groupings[scope->grouping_count++] = args;
    }
    scope->has_grouping = true;
    fly__sql_colid id = 0;
    for (uint32_t i = 1; i < b->next_id; i++) {
        if (b->infos[i].kind == 'G' && b->infos[i].scope == scope && b->infos[i].index == same) {
            id = i;
        }
    }
    id = id != 0 ? id : fly__sql_bind_id(b, 'G', scope, NULL, same);
    return id == 0 ? NULL : fly__sql_bind_colref(b, id, fly__sql_type(FLY_SQL_INT4), pos);
}

/* One bit of GROUPING(): 1 << shift if the column is not in the set at hand. */
static fly__sql_expr *grouping_bit(fly__sql_binder *b, fly__sql_colid which, uint32_t column,
                                   uint32_t shift, uint32_t pos)
{
    fly__sql_expr *set = fly__sql_bind_colref(b, which, fly__sql_type(FLY_SQL_INT8), pos);
    fly__sql_expr *mask = fly__sql_bind_int(b, (int64_t)((uint64_t)1 << column), FLY_SQL_INT8, pos);
    fly__sql_expr *zero = fly__sql_bind_int(b, 0, FLY_SQL_INT8, pos);
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_CASE, fly__sql_type(FLY_SQL_INT4), 3, pos);
    if (set == NULL || mask == NULL || zero == NULL || e == NULL) {
        return NULL;
    }
    fly__sql_expr *both = fly__sql_bind_op(b, "&", set, mask, pos);
    e->args[0] = both == NULL ? NULL : fly__sql_bind_op(b, "=", both, zero, pos);
    e->args[1] = fly__sql_bind_int(b, (int64_t)1 << shift, FLY_SQL_INT4, pos);
    e->args[2] = fly__sql_bind_int(b, 0, FLY_SQL_INT4, pos);
    return e->args[0] == NULL || e->args[1] == NULL || e->args[2] == NULL
               ? NULL
               : fly__sql_bind_done(b, e);
}

static fly__sql_expr *grouping_value(fly__sql_binder *b, fly__sql_scope *scope, uint32_t index,
                                     uint32_t pos)
{
    fly__sql_group *g = scope->group;
    fly__sql_expr **args = scope->groupings[index];
    uint32_t count = 0;
    while (args[count] != NULL) {
        count++;
    }
    fly__sql_expr *sum = NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        for (; g != NULL && at < g->count; at++) {
            if (fly__sql_bind_equal(g->exprs[at], args[i])) {
                break;
            }
        }
        if (g == NULL || at == g->count) {
            return fly__sql_bind_fail(b, "42803", args[i]->pos,
                                      "arguments to GROUPING must be grouping expressions of the "
                                      "associated query level");
        }
        if (g->set_count == 0) {
            continue;
        }
        fly__sql_expr *bit = grouping_bit(b, g->grouping, at, count - 1 - i, pos);
        sum = bit == NULL || sum == NULL ? bit : fly__sql_bind_op(b, "+", sum, bit, pos);
        if (sum == NULL) {
            return NULL;
        }
    }
    return sum != NULL ? sum : fly__sql_bind_int(b, 0, FLY_SQL_INT4, pos);
}

/* ----------------------------------------------------------- above the aggregation */

typedef struct rewriting {
    fly__sql_binder *b;
    fly__sql_scope *scope;
    uint32_t depth; /* of subqueries */
} rewriting;

static const char *item_name(const fly__sql_item *item)
{
    return item->alias != NULL ? item->alias : "unnamed_join";
}

/* Whether the primary key of a column's table is grouped by. */
static bool depends_on_key(fly__sql_scope *scope, const fly__sql_item *item)
{
    const fly__sql_group *g = scope->group;
    if (g == NULL || g->set_count > 0 || item->table == NULL || item->table->primary == NULL) {
        return false;
    }
    const fly__sql_index *key = item->table->primary;
    for (uint16_t i = 0; i < key->key_count; i++) {
        bool found = false;
        for (uint32_t c = 0; c < item->column_count && !found; c++) {
            if (item->columns[c].number != key->columns[i].column || item->columns[c].id == 0) {
                continue;
            }
            for (uint32_t k = 0; k < g->count; k++) {
                found |= g->exprs[k]->kind == FLY__SQL_X_COLUMN &&
                         g->exprs[k]->column == item->columns[c].id;
            }
        }
        if (!found) {
            return false;
        }
    }
    return key->key_count > 0;
}

/* lax_group_by: any row's value. */
static fly__sql_expr *any_value(rewriting *r, fly__sql_expr *column)
{
    size_t count = 0;
    const fly__sql_func *funcs = fly__sql_funcs_named("any_value", &count);
    if (count == 0) {
        return fly__sql_bind_unsupported(r->b, column->pos, "any_value");
    }
    fly__sql_expr **args = fly__sql_bind_alloc(r->b, sizeof *args);
    if (args == NULL) {
        return NULL;
    }
    args[0] = column;
    fly_sql_type result = column->type;
    fly_ast_call call = {.node = {FLY_AST_CALL, column->pos}};
    fly__sql_place place = r->scope->place;
    r->scope->place = FLY__SQL_IN_TARGET;
    fly__sql_expr *e =
        fly__sql_bind_aggregate(r->b, r->scope, &call, &funcs[0], args, 1, NULL, 0, NULL, result);
    r->scope->place = place;
    return e;
}

static int ungrouped(rewriting *r, fly__sql_expr **at, const fly__sql_colinfo *info)
{
    fly__sql_expr *e = *at;
    if (depends_on_key(r->scope, info->item)) {
        int64_t added = add_group(r->b, r->scope, fly__sql_bind_copy(r->b, e));
        *at = added < 0 ? NULL
                        : fly__sql_bind_colref(r->b, r->scope->group->ids[added], e->type, e->pos);
        return *at == NULL ? -1 : 0;
    }
    if (r->b->lax_group_by) {
        *at = any_value(r, e);
        return *at == NULL ? -1 : 0;
    }
    const char *table = item_name(info->item);
    const char *column = info->item->columns[info->index].name;
    if (r->depth > 0) {
        (void)fly__sql_bind_fail(r->b, "42803", e->pos,
                                 "subquery uses ungrouped column \"%s.%s\" from outer query", table,
                                 column);
    } else {
        (void)fly__sql_bind_fail(r->b, "42803", e->pos,
                                 "column \"%s.%s\" must appear in the GROUP BY clause or be used "
                                 "in an aggregate function",
                                 table, column);
    }
    return -1;
}

static int rewrite(void *ctx, fly__sql_expr **at)
{
    rewriting *r = ctx;
    fly__sql_expr *e = *at;
    fly__sql_group *g = r->scope->group;
    if (e->kind == FLY__SQL_X_CONST || e->kind == FLY__SQL_X_PARAM) {
        if (g == NULL || g->count == 0) {
            return 0;
        }
    }
    for (uint32_t i = 0; g != NULL && i < g->count; i++) {
        if (fly__sql_bind_equal(g->exprs[i], e)) {
            *at = fly__sql_bind_colref(r->b, g->ids[i], e->type, e->pos);
            if (*at == NULL) {
                return -1;
            }
            (*at)->collated = e->collated;
            return 0;
        }
    }
    if (e->kind == FLY__SQL_X_COLUMN) {
        const fly__sql_colinfo *info = &r->b->infos[e->column];
        if (info->scope != r->scope) {
            return 0;
        }
        if (info->kind == 'G') {
            *at = grouping_value(r->b, r->scope, info->index, e->pos);
            return *at == NULL ? -1 : 0;
        }
        return info->kind == 'f' ? ungrouped(r, at, info) : 0;
    }
    if (e->kind == FLY__SQL_X_SUBQUERY) {
        r->depth++;
        bool ok = fly__sql_bind_walk_rel(e->subquery->rel, rewrite, r) &&
                  fly__sql_bind_walk(&e->subquery->test, rewrite, r);
        r->depth--;
        return ok ? 0 : -1;
    }
    return 1;
}

static bool rewrite_windows(rewriting *r)
{
    for (fly__sql_window_def *def = r->scope->windows; def != NULL; def = def->next) {
        for (uint32_t i = 0; i < def->partition_count; i++) {
            if (!fly__sql_bind_walk(&def->partitions[i], rewrite, r)) {
                return false;
            }
        }
        for (uint32_t i = 0; i < def->order_count; i++) {
            if (!fly__sql_bind_walk(&def->order[i].expr, rewrite, r)) {
                return false;
            }
        }
        for (uint32_t i = 0; i < def->call_count; i++) {
            if (!walk_call(&def->calls[i]->call, rewrite, r)) {
                return false;
            }
        }
    }
    return true;
}

fly__sql_rel *fly__sql_bind_grouped(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input,
                                    fly__sql_target *targets, uint32_t target_count,
                                    fly__sql_expr **having)
{
    fly__sql_group *g = scope->group;
    if (g != NULL && g->set_count > 0) {
        g->grouping = fly__sql_bind_id(b, 'g', scope, NULL, 0);
        if (g->grouping == 0) {
            return NULL;
        }
    }
    rewriting r = {.b = b, .scope = scope};
    for (uint32_t i = 0; i < target_count; i++) {
        if (!fly__sql_bind_walk(&targets[i].expr, rewrite, &r)) {
            return NULL;
        }
    }
    if (!fly__sql_bind_walk(having, rewrite, &r) || !rewrite_windows(&r)) {
        return NULL;
    }
    uint32_t groups = g == NULL ? 0 : g->count;
    uint32_t columns = groups + scope->agg_count + (g != NULL && g->grouping != 0);
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_AGGREGATE, input, columns);
    if (rel == NULL) {
        return NULL;
    }
    rel->aggregate.group_count = groups;
    rel->aggregate.groups = g == NULL ? NULL : g->exprs;
    rel->aggregate.agg_count = scope->agg_count;
    rel->aggregate.aggs = scope->aggs;
    uint32_t at = 0;
    for (uint32_t i = 0; i < groups; i++) {
        rel->columns[at++] =
            (fly__sql_colref){.id = g->ids[i], .type = g->exprs[i]->type, .nullable = true};
    }
    for (uint32_t i = 0; i < scope->agg_count; i++) {
        rel->columns[at++] = scope->aggs[i].out;
    }
    if (g != NULL && g->grouping != 0) {
        rel->aggregate.set_count = g->set_count;
        rel->aggregate.sets = g->sets;
        rel->aggregate.grouping = g->grouping;
        rel->columns[at++] = (fly__sql_colref){
            .id = g->grouping, .type = fly__sql_type(FLY_SQL_INT8), .name = "(grouping set)"};
    }
    return rel;
}
