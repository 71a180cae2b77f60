/*
 * SELECT and VALUES.
 *
 * A query is bound in the order in which PostgreSQL does it, because that decides which of several
 * errors is told: FROM, select list, WHERE, HAVING, ORDER BY, GROUP BY, DISTINCT, LIMIT. Then the tree is
 * built from below:
 *
 *     FROM - FILTER - AGGREGATE - FILTER (having) - WINDOW - UNNEST - PROJECT - DISTINCT - SORT - LOCK -
 *     LIMIT - PROJECT (without what only the sort needed)
 */
#include "bind/bind_scope_int.h"

#include "catalog/right_int.h"

/* -------------------------------------------------------------------- select list */

static bool add_target(fly__sql_binder *b, fly__sql_target **targets, uint32_t *count,
                       uint32_t *room, fly__sql_target target)
{
    if (*count >= FLY__SQL_TARGETS_MAX) {
        return fly__sql_bind_fail(b, "54011", 0, "target lists can have at most %d entries",
                                  (int)FLY__SQL_TARGETS_MAX) != NULL;
    }
    if (!fly__sql_bind_room(b, targets, room, *count, sizeof **targets)) {
        return false;
    }
    (*targets)[(*count)++] = target;
    return true;
}

static bool item_targets(fly__sql_binder *b, fly__sql_scope *owner, fly__sql_item *item,
                         uint32_t pos, fly__sql_target **targets, uint32_t *count, uint32_t *room)
{
    for (uint32_t i = 0; i < item->column_count; i++) {
        if (item->columns[i].hidden) {
            continue;
        }
        fly__sql_expr *e = fly__sql_bind_item_column(b, owner, item, i, pos);
        if (e == NULL ||
            !add_target(b, targets, count, room,
                        (fly__sql_target){.expr = e, .name = item->columns[i].name, .pos = pos})) {
            return false;
        }
    }
    return true;
}

static bool star(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_column *ast,
                 fly__sql_target **targets, uint32_t *count, uint32_t *room)
{
    uint32_t names = ast->names.count;
    if (names > 0) {
        fly__sql_scope *owner;
        fly__sql_item *item =
            fly__sql_bind_item(b, scope, names > 1 ? ast->names.items[names - 2] : NULL,
                               ast->names.items[names - 1], ast->node.pos, &owner);
        return item != NULL && item_targets(b, owner, item, ast->node.pos, targets, count, room);
    }
    bool any = false;
    for (uint32_t i = 0; i < scope->item_count; i++) {
        fly__sql_item *item = scope->items[i];
        if (!item->unqualified || (item->lateral_only && !scope->lateral)) {
            continue;
        }
        any = true;
        if (!item_targets(b, scope, item, ast->node.pos, targets, count, room)) {
            return false;
        }
    }
    if (!any) {
        return fly__sql_bind_fail(b, "42601", ast->node.pos,
                                  "SELECT * with no tables specified is not valid") != NULL;
    }
    return true;
}

/* (x).* */
static bool field_star(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_field *ast,
                       fly__sql_target **targets, uint32_t *count, uint32_t *room)
{
    if (ast->arg->kind == FLY_AST_COLUMN) {
        const fly_ast_column *column = (const fly_ast_column *)ast->arg;
        for (fly__sql_scope *s = scope; s != NULL && column->names.count == 1; s = s->parent) {
            for (uint32_t i = 0; i < s->item_count; i++) {
                fly__sql_item *item = s->items[i];
                if (item->qualified && !item->scalar && item->alias != NULL &&
                    strcmp(item->alias, column->names.items[0]) == 0) {
                    return item_targets(b, s, item, ast->node.pos, targets, count, room);
                }
            }
        }
    }
    fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->arg);
    uint32_t fields;
    const char **names;
    fly_sql_type *types;
    uint16_t *numbers;
    if (arg == NULL || !fly__sql_bind_fields(b, arg, &fields, &names, &types, &numbers)) {
        return false;
    }
    for (uint32_t i = 0; i < fields; i++) {
        fly_sql_type type = types[i];
        if (type.oid == FLY_SQL_NUMERIC) {
            type.digits = 0;
            type.scale = 0;
        }
        fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_FIELD, type, 1, ast->node.pos);
        fly__sql_expr *copy = i == 0 ? arg : fly__sql_bind_copy(b, arg);
        if (e == NULL || copy == NULL) {
            return false;
        }
        e->args[0] = copy;
        e->column = numbers[i];
        if (!add_target(b, targets, count, room,
                        (fly__sql_target){.expr = fly__sql_bind_done(b, e),
                                          .name = names[i],
                                          .pos = ast->node.pos})) {
            return false;
        }
    }
    return true;
}

bool fly__sql_bind_targets(fly__sql_binder *b, fly__sql_scope *scope, fly_ast_list list,
                           fly__sql_place place, fly__sql_target **targets, uint32_t *count,
                           uint32_t *room)
{
    fly__sql_place before = scope->place;
    scope->place = place;
    bool ok = true;
    for (uint32_t i = 0; ok && i < list.count; i++) {
        const fly_ast_target *target = (const fly_ast_target *)list.items[i];
        const fly_ast *ast = target->expr;
        if (ast->kind == FLY_AST_COLUMN && ((const fly_ast_column *)ast)->star) {
            ok = star(b, scope, (const fly_ast_column *)ast, targets, count, room);
            continue;
        }
        if (ast->kind == FLY_AST_FIELD && ((const fly_ast_field *)ast)->name == NULL) {
            ok = field_star(b, scope, (const fly_ast_field *)ast, targets, count, room);
            continue;
        }
        fly__sql_expr *e = fly__sql_bind_expression(b, scope, ast);
        const char *name = target->name != NULL ? target->name : fly__sql_bind_target_name(ast);
        ok = e != NULL && add_target(b, targets, count, room,
                                     (fly__sql_target){.expr = e,
                                                       .name = name,
                                                       .pos = target->node.pos,
                                                       .aliased = target->name != NULL});
    }
    scope->place = before;
    return ok;
}

/* ----------------------------------------------------------------------- ORDER BY */

/* What a name or number in ORDER BY, GROUP BY or DISTINCT ON stands for in the select list: its index,
 * -1: it is an expression; -2: an error. */
static int64_t target_named(fly__sql_binder *b, const fly__sql_target *targets, uint32_t count,
                            const fly_ast *ast, const char *clause)
{
    if (ast->kind == FLY_AST_COLUMN && ((const fly_ast_column *)ast)->names.count == 1 &&
        !((const fly_ast_column *)ast)->star) {
        const char *name = ((const fly_ast_column *)ast)->names.items[0];
        int64_t found = -1;
        for (uint32_t i = 0; i < count; i++) {
            if (targets[i].junk || strcmp(targets[i].name, name) != 0) {
                continue;
            }
            if (found >= 0 && !fly__sql_bind_equal(targets[found].expr, targets[i].expr)) {
                (void)fly__sql_bind_fail(b, "42702", ast->pos, "%s \"%s\" is ambiguous", clause,
                                         name);
                return -2;
            }
            found = found < 0 ? i : found;
        }
        return found;
    }
    if (ast->kind == FLY_AST_CONST) {
        const fly_ast_const *number = (const fly_ast_const *)ast;
        if (number->type != FLY_AST_CONST_INT) {
            (void)fly__sql_bind_fail(b, "42601", ast->pos, "non-integer constant in %s", clause);
            return -2;
        }
        int64_t position = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (!targets[i].junk && ++position == number->value) {
                return i;
            }
        }
        (void)fly__sql_bind_fail(b, "42P10", ast->pos, "%s position %lld is not in select list",
                                 clause, (long long)number->value);
        return -2;
    }
    return -1;
}

/* An expression of such a clause among the targets, added as one that nobody sees if it is new. */
static int64_t target_expression(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_place place,
                                 const fly_ast *ast, fly__sql_target **targets, uint32_t *count,
                                 uint32_t *room)
{
    fly__sql_expr *e = fly__sql_bind_at(b, scope, place, ast);
    e = e == NULL ? NULL : fly__sql_bind_known(b, e);
    if (e == NULL) {
        return -2;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (fly__sql_bind_equal((*targets)[i].expr, e)) {
            return i;
        }
    }
    if (!add_target(
            b, targets, count, room,
            (fly__sql_target){
                .expr = e, .name = "?column?", .pos = fly__sql_bind_pos(e), .junk = true})) {
        return -2;
    }
    return (int64_t)*count - 1;
}

typedef struct ordering {
    uint32_t count;
    uint32_t *targets; /* index of each key's target */
    fly__sql_sort_key *keys;
} ordering;

static bool order_by(fly__sql_binder *b, fly__sql_scope *scope, fly_ast_list list,
                     fly__sql_target **targets, uint32_t *count, uint32_t *room, ordering *o)
{
    o->count = 0;
    if (list.count == 0) {
        return true;
    }
    o->targets = fly__sql_bind_alloc(b, list.count * sizeof *o->targets);
    o->keys = fly__sql_bind_alloc(b, list.count * sizeof *o->keys);
    if (o->targets == NULL || o->keys == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        const fly_ast_sort *sort = (const fly_ast_sort *)list.items[i];
        int64_t at = target_named(b, *targets, *count, sort->expr, "ORDER BY");
        if (at == -1) {
            at =
                target_expression(b, scope, FLY__SQL_IN_ORDER_BY, sort->expr, targets, count, room);
        }
        if (at < 0) {
            return false;
        }
        fly__sql_target *target = &(*targets)[at];
        target->expr = fly__sql_bind_known(b, target->expr);
        if (target->expr == NULL ||
            !fly__sql_bind_sort_key(b, sort, target->expr, &o->keys[o->count])) {
            return false;
        }
        bool twice = false;
        for (uint32_t j = 0; j < o->count; j++) {
            twice |= o->targets[j] == (uint32_t)at;
        }
        if (!twice) {
            o->targets[o->count++] = (uint32_t)at;
        }
    }
    return true;
}

static bool has_column(const fly__sql_scope *scope, const char *name)
{
    for (uint32_t i = 0; i < scope->item_count; i++) {
        const fly__sql_item *item = scope->items[i];
        for (uint32_t c = 0; item->unqualified && c < item->column_count; c++) {
            if (!item->columns[c].hidden && strcmp(item->columns[c].name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The expression that an entry of GROUP BY is: a column of FROM before a name of the select list. */
fly__sql_expr *fly__sql_bind_group_item(fly__sql_binder *b, fly__sql_scope *scope,
                                        const fly_ast *ast, fly__sql_target *targets,
                                        uint32_t count)
{
    bool column = ast->kind == FLY_AST_COLUMN && ((const fly_ast_column *)ast)->names.count == 1 &&
                  has_column(scope, ((const fly_ast_column *)ast)->names.items[0]);
    int64_t at = column ? -1 : target_named(b, targets, count, ast, "GROUP BY");
    if (at == -2) {
        return NULL;
    }
    fly__sql_expr *e;
    if (at >= 0) {
        targets[at].expr = fly__sql_bind_known(b, targets[at].expr);
        e = targets[at].expr;
    } else {
        e = fly__sql_bind_at(b, scope, FLY__SQL_IN_GROUP_BY, ast);
        e = e == NULL ? NULL : fly__sql_bind_known(b, e);
    }
    if (e == NULL || !fly__sql_bind_groupable(b, e->type.oid, ast->pos)) {
        return NULL;
    }
    return e;
}

/* ----------------------------------------------------------------------- DISTINCT */

typedef struct distinctness {
    uint32_t count; /* of DISTINCT ON */
    uint32_t *targets;
} distinctness;

static bool distinct_on(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_select *ast,
                        fly__sql_target **targets, uint32_t *count, uint32_t *room, ordering *o,
                        distinctness *d)
{
    d->targets = fly__sql_bind_alloc(b, ast->distinct_on.count * sizeof *d->targets);
    if (d->targets == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < ast->distinct_on.count; i++) {
        const fly_ast *on = ast->distinct_on.items[i];
        int64_t at = target_named(b, *targets, *count, on, "DISTINCT ON");
        if (at == -1) {
            at = target_expression(b, scope, FLY__SQL_IN_DISTINCT_ON, on, targets, count, room);
        }
        if (at < 0) {
            return false;
        }
        bool twice = false;
        for (uint32_t j = 0; j < d->count; j++) {
            twice |= d->targets[j] == (uint32_t)at;
        }
        if (!twice) {
            d->targets[d->count++] = (uint32_t)at;
        }
    }
    /* The first keys of ORDER BY must be these, in any order. */
    for (uint32_t i = 0; i < o->count && i < d->count; i++) {
        bool among = false;
        for (uint32_t j = 0; j < d->count; j++) {
            among |= d->targets[j] == o->targets[i];
        }
        if (!among) {
            return fly__sql_bind_fail(b, "42P10", ast->distinct_on.items[0]->pos,
                                      "SELECT DISTINCT ON expressions must match initial ORDER BY "
                                      "expressions") != NULL;
        }
    }
    return true;
}

static bool distinct_all(fly__sql_binder *b, fly__sql_target *targets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (targets[i].junk) {
            return fly__sql_bind_fail(b, "42P10", targets[i].pos,
                                      "for SELECT DISTINCT, ORDER BY expressions must appear in "
                                      "select list") != NULL;
        }
        targets[i].expr = fly__sql_bind_known(b, targets[i].expr);
        if (targets[i].expr == NULL ||
            !fly__sql_bind_groupable(b, targets[i].expr->type.oid, targets[i].pos)) {
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------------------- LIMIT */

static int no_columns(void *ctx, fly__sql_expr **at)
{
    if ((*at)->kind == FLY__SQL_X_COLUMN) {
        const fly__sql_binder *b = ((void **)ctx)[0];
        if (b->infos[(*at)->column].scope == ((void **)ctx)[1]) {
            return -1;
        }
    }
    return 1;
}

static fly__sql_expr *row_count(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_place place,
                                const fly_ast *ast)
{
    fly__sql_expr *e = fly__sql_bind_at(b, scope, place, ast);
    if (e == NULL) {
        return NULL;
    }
    void *ctx[] = {b, scope};
    if (!fly__sql_bind_walk(&e, no_columns, ctx)) {
        return fly__sql_bind_fail(b, "42P10", ast->pos, "argument of %s must not contain variables",
                                  fly__sql_bind_place_name(place));
    }
    return fly__sql_bind_coerce_place(b, e, FLY_SQL_INT8, fly__sql_bind_place_name(place));
}

fly__sql_rel *fly__sql_bind_limit(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_select *ast, fly__sql_rel *rel)
{
    if (ast->with_ties && ast->order_by.count == 0) {
        return fly__sql_bind_fail(b, "42601", 0,
                                  "WITH TIES cannot be specified without ORDER BY clause");
    }
    if (ast->limit == NULL && ast->offset == NULL) {
        return rel;
    }
    fly__sql_rel *limit = fly__sql_bind_rel(b, FLY__SQL_R_LIMIT, rel, 0);
    if (limit == NULL) {
        return NULL;
    }
    if (ast->offset != NULL) {
        limit->limit.offset = row_count(b, scope, FLY__SQL_IN_OFFSET, ast->offset);
        if (limit->limit.offset == NULL) {
            return NULL;
        }
    }
    if (ast->limit != NULL) {
        limit->limit.limit = row_count(b, scope, FLY__SQL_IN_LIMIT, ast->limit);
        if (limit->limit.limit == NULL) {
            return NULL;
        }
    }
    limit->limit.with_ties = ast->with_ties;
    limit->columns = rel->columns;
    limit->column_count = rel->column_count;
    return limit;
}

/* -------------------------------------------------------------------------- locking */

/* Whether an outer join above a scan may make a row of NULLs of it. */
static bool on_nullable_side(const fly__sql_rel *rel, const fly__sql_rel *scan, bool nullable)
{
    if (rel == NULL) {
        return false;
    }
    if (rel == scan) {
        return nullable;
    }
    bool left = nullable;
    bool right = nullable;
    if (rel->kind == FLY__SQL_R_JOIN) {
        left |= rel->join.join == FLY__SQL_JOIN_RIGHT || rel->join.join == FLY__SQL_JOIN_FULL;
        right |= rel->join.join == FLY__SQL_JOIN_LEFT || rel->join.join == FLY__SQL_JOIN_FULL;
    }
    return on_nullable_side(rel->left, scan, left) || on_nullable_side(rel->right, scan, right);
}

static bool lock_item(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item,
                      fly__sql_rel *lock, fly__sql_target **targets, uint32_t *count,
                      uint32_t *room, fly_lock_mode mode)
{
    if (item->table == NULL || item->rel == NULL || item->rel->kind != FLY__SQL_R_SCAN ||
        item->table->class != FLY__SQL_TABLE) {
        return true;
    }
    fly__sql_colid key = fly__sql_bind_row_key(b, scope, item);
    fly__sql_expr *e = key == 0 ? NULL
                                : fly__sql_bind_colref(b, key, fly__sql_type(FLY_SQL_BYTEA), 0);
    fly__sql_need *need = NULL;
    if (e == NULL || !fly__sql_bind_note_table(b, item->table, 4) ||
        !fly__sql_bind_need(b, item->table, FLY__SQL_MAY_UPDATE, &need) ||
        !add_target(b, targets, count, room,
                    (fly__sql_target){.expr = e, .name = "(row key)", .junk = true})) {
        return false;
    }
    lock->lock.tables[lock->lock.count] = item->table;
    lock->lock.modes[lock->lock.count] = mode;
    /* The target's index for now; its column once it is projected. */
    lock->lock.row_keys[lock->lock.count++] = *count - 1;
    return true;
}

static bool locking(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_select *ast,
                    const fly__sql_rel *from, fly__sql_rel **lock, fly__sql_target **targets,
                    uint32_t *count, uint32_t *room)
{
    *lock = NULL;
    size_t most = 0; /* tables to lock, if each clause names each of its tables as often */
    for (uint32_t i = 0; i < ast->locking.count; i++) {
        const fly_ast_locking *l = (const fly_ast_locking *)ast->locking.items[i];
        most += (size_t)scope->item_count * (l->relations.count + 1);
    }
    for (uint32_t i = 0; i < ast->locking.count; i++) {
        const fly_ast_locking *l = (const fly_ast_locking *)ast->locking.items[i];
        static const char *const words[] = {"FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE",
                                            "FOR KEY SHARE"};
        static const fly_lock_mode modes[] = {FLY_LOCK_EXCLUSIVE, FLY_LOCK_EXCLUSIVE_WEAK,
                                              FLY_LOCK_SHARED, FLY_LOCK_SHARED_WEAK};
        const char *word = words[l->strength];
        const char *with = ast->distinct || ast->distinct_on.count > 0 ? "DISTINCT clause"
                           : ast->group_by.count > 0                   ? "GROUP BY clause"
                           : ast->having != NULL                       ? "HAVING clause"
                           : scope->agg_count > 0                      ? "aggregate functions"
                           : scope->has_windows                        ? "window functions"
                           : scope->has_sets ? "set-returning functions in the target list"
                                             : NULL;
        if (with != NULL) {
            return fly__sql_bind_fail(b, "0A000", 0, "%s is not allowed with %s", word, with) !=
                   NULL;
        }
        for (uint32_t k = 0; k < scope->item_count; k++) {
            const fly__sql_item *item = scope->items[k];
            bool meant = l->relations.count == 0;
            for (uint32_t r = 0; r < l->relations.count && item->alias != NULL; r++) {
                meant |= strcmp(((const fly_ast_relation *)l->relations.items[r])->name,
                                item->alias) == 0;
            }
            if (meant && item->table != NULL && on_nullable_side(from, item->rel, false)) {
                return fly__sql_bind_fail(
                           b, "0A000", 0,
                           "%s cannot be applied to the nullable side of an outer join",
                           word) != NULL;
            }
        }
        if (*lock == NULL) {
            *lock = fly__sql_bind_rel(b, FLY__SQL_R_LOCK, NULL, 0);
            if (*lock == NULL) {
                return false;
            }
            (*lock)->lock.tables = fly__sql_bind_alloc(b, (most + 1) * sizeof(fly__sql_table *));
            (*lock)->lock.row_keys = fly__sql_bind_alloc(b, (most + 1) * sizeof(fly__sql_colid));
            (*lock)->lock.modes = fly__sql_bind_alloc(b, (most + 1) * sizeof(fly_lock_mode));
            if ((*lock)->lock.tables == NULL || (*lock)->lock.row_keys == NULL ||
                (*lock)->lock.modes == NULL) {
                return false;
            }
            (*lock)->lock.wait = 'w';
        }
        if (l->wait != FLY_AST_LOCK_WAIT) {
            (*lock)->lock.wait = l->wait == FLY_AST_LOCK_NOWAIT ? 'n' : 's';
        }
        for (uint32_t r = 0; r < l->relations.count; r++) {
            const fly_ast_relation *relation = (const fly_ast_relation *)l->relations.items[r];
            bool found = false;
            for (uint32_t k = 0; k < scope->item_count; k++) {
                if (scope->items[k]->alias != NULL &&
                    strcmp(scope->items[k]->alias, relation->name) == 0) {
                    found = true;
                    if (!lock_item(b, scope, scope->items[k], *lock, targets, count, room,
                                   modes[l->strength])) {
                        return false;
                    }
                }
            }
            if (!found) {
                return fly__sql_bind_fail(b, "42P01", relation->node.pos,
                                          "relation \"%s\" in %s clause not found in FROM clause",
                                          relation->name, word) != NULL;
            }
        }
        for (uint32_t k = 0; l->relations.count == 0 && k < scope->item_count; k++) {
            if (!lock_item(b, scope, scope->items[k], *lock, targets, count, room,
                           modes[l->strength])) {
                return false;
            }
        }
    }
    return true;
}

/* ---------------------------------------------------- set functions in the list */

typedef struct unnesting {
    fly__sql_binder *b;
    fly__sql_scope *scope;
    uint32_t count, room;
    fly__sql_expr **calls;
    fly__sql_colid *ids;
    uint32_t id_room;
    bool nested;
} unnesting;

static int take_set(void *ctx, fly__sql_expr **at)
{
    unnesting *u = ctx;
    fly__sql_expr *e = *at;
    if (e->kind == FLY__SQL_X_SUBQUERY) {
        return 0;
    }
    if (e->kind != FLY__SQL_X_CALL || !fly__sql_bind_returns_set(e->func)) {
        return 1;
    }
    if (!fly__sql_bind_room(u->b, &u->calls, &u->room, u->count, sizeof *u->calls) ||
        !fly__sql_bind_room(u->b, &u->ids, &u->id_room, u->count, sizeof *u->ids)) {
        return -1;
    }
    fly__sql_colid id = fly__sql_bind_id(u->b, 'o', u->scope, NULL, 0);
    fly__sql_expr *column = id == 0 ? NULL : fly__sql_bind_colref(u->b, id, e->type, e->pos);
    if (column == NULL) {
        return -1;
    }
    column->fields = e->fields;
    u->calls[u->count] = e;
    u->ids[u->count++] = id;
    *at = column;
    return 0;
}

static int count_columns(void *ctx, fly__sql_expr **at)
{
    unnesting *u = ctx;
    fly__sql_expr *e = *at;
    if (e->kind != FLY__SQL_X_COLUMN) {
        return 1;
    }
    for (uint32_t i = 0; i < u->count; i++) {
        if (u->ids[i] == e->column) {
            return 0;
        }
    }
    if (!fly__sql_bind_room(u->b, &u->calls, &u->room, u->count, sizeof *u->calls) ||
        !fly__sql_bind_room(u->b, &u->ids, &u->id_room, u->count, sizeof *u->ids)) {
        return -1;
    }
    u->calls[u->count] = e;
    u->ids[u->count++] = e->column;
    return 0;
}

/* Columns of this query that a node has to pass on. */
static bool passes(const fly__sql_binder *b, const fly__sql_scope *scope, fly__sql_colid id)
{
    return b->infos[id].scope == scope;
}

/* A node that calls the set functions of the list beside each other, those in arguments of others
 * first, and passes on every column that the list needs. */
static fly__sql_rel *unnest(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input,
                            fly__sql_target *targets, uint32_t count)
{
    unnesting u = {.b = b, .scope = scope};
    for (uint32_t i = 0; i < count; i++) {
        if (!fly__sql_bind_walk(&targets[i].expr, take_set, &u)) {
            return NULL;
        }
    }
    if (u.count == 0) {
        return input;
    }
    uint32_t sets = u.count;
    /* Set functions in arguments: one more node below. */
    fly__sql_target *inner = fly__sql_bind_alloc(b, sets * sizeof *inner);
    if (inner == NULL) {
        return NULL;
    }
    bool nested = false;
    for (uint32_t i = 0; i < sets; i++) {
        for (uint32_t a = 0; a < u.calls[i]->argc; a++) {
            unnesting probe = {.b = b, .scope = scope};
            fly__sql_expr *copy = fly__sql_bind_copy(b, u.calls[i]->args[a]);
            if (copy == NULL || !fly__sql_bind_walk(&copy, take_set, &probe)) {
                return NULL;
            }
            nested |= probe.count > 0;
        }
    }
    unnesting used = {.b = b, .scope = scope};
    for (uint32_t i = 0; i < count; i++) {
        if (!fly__sql_bind_walk(&targets[i].expr, count_columns, &used)) {
            return NULL;
        }
    }
    uint32_t passed = 0;
    for (uint32_t i = 0; i < used.count; i++) {
        bool own = false;
        for (uint32_t s = 0; s < sets; s++) {
            own |= u.ids[s] == used.ids[i];
        }
        if (!own && passes(b, scope, used.ids[i])) {
            used.calls[passed] = used.calls[i];
            used.ids[passed++] = used.ids[i];
        }
    }
    if (nested) {
        uint32_t total = 0;
        for (uint32_t i = 0; i < sets; i++) {
            total += u.calls[i]->argc;
        }
        fly__sql_target *args = fly__sql_bind_alloc(b, (total + passed) * sizeof *args);
        if (args == NULL) {
            return NULL;
        }
        uint32_t at = 0;
        for (uint32_t i = 0; i < sets; i++) {
            for (uint32_t a = 0; a < u.calls[i]->argc; a++) {
                args[at++].expr = u.calls[i]->args[a];
            }
        }
        for (uint32_t i = 0; i < passed; i++) {
            args[at++].expr = used.calls[i];
        }
        input = unnest(b, scope, input, args, at);
        if (input == NULL) {
            return NULL;
        }
        at = 0;
        for (uint32_t i = 0; i < sets; i++) {
            for (uint32_t a = 0; a < u.calls[i]->argc; a++) {
                u.calls[i]->args[a] = args[at++].expr;
            }
        }
    }
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_UNNEST, input, sets + passed);
    if (rel == NULL) {
        return NULL;
    }
    rel->project.exprs = fly__sql_bind_alloc(b, (sets + passed) * sizeof *rel->project.exprs);
    if (rel->project.exprs == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < sets; i++) {
        rel->project.exprs[i] = u.calls[i];
        rel->columns[i] =
            (fly__sql_colref){.id = u.ids[i], .type = u.calls[i]->type, .nullable = true};
    }
    for (uint32_t i = 0; i < passed; i++) {
        fly__sql_expr *copy = fly__sql_bind_copy(b, used.calls[i]);
        if (copy == NULL) {
            return NULL;
        }
        rel->project.exprs[sets + i] = copy;
        rel->columns[sets + i] =
            (fly__sql_colref){.id = used.ids[i], .type = copy->type, .nullable = true};
    }
    return rel;
}

/* -------------------------------------------------------------------------- the tree */

fly__sql_rel *fly__sql_bind_project(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input,
                                    fly__sql_target *targets, uint32_t count)
{
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_PROJECT, input, count);
    if (rel == NULL) {
        return NULL;
    }
    rel->project.exprs = fly__sql_bind_alloc(b, (count + 1) * sizeof *rel->project.exprs);
    if (rel->project.exprs == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        fly__sql_colid id = fly__sql_bind_id(b, 'o', scope, NULL, i);
        if (id == 0) {
            return NULL;
        }
        rel->project.exprs[i] = targets[i].expr;
        b->infos[id].fields = targets[i].expr->fields;
        rel->columns[i] = (fly__sql_colref){
            .id = id, .type = targets[i].expr->type, .name = targets[i].name, .nullable = true};
    }
    return rel;
}

static fly__sql_rel *sorted(fly__sql_binder *b, fly__sql_rel *rel, const ordering *o,
                            const distinctness *d)
{
    uint32_t room = o->count + d->count;
    if (room == 0) {
        return rel;
    }
    fly__sql_rel *sort = fly__sql_bind_rel(b, FLY__SQL_R_SORT, rel, 0);
    if (sort == NULL) {
        return NULL;
    }
    sort->columns = rel->columns;
    sort->column_count = rel->column_count;
    sort->sort.keys = fly__sql_bind_alloc(b, room * sizeof *sort->sort.keys);
    if (sort->sort.keys == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < o->count + d->count; i++) {
        bool ordered = i < o->count;
        uint32_t at = ordered ? o->targets[i] : d->targets[i - o->count];
        bool twice = false;
        for (uint32_t j = 0; !ordered && j < o->count; j++) {
            twice |= o->targets[j] == at;
        }
        if (twice) {
            continue;
        }
        fly__sql_sort_key key = {0};
        if (ordered) {
            key = o->keys[i];
        }
        key.expr = fly__sql_bind_colref(b, rel->columns[at].id, rel->columns[at].type, 0);
        if (key.expr == NULL) {
            return NULL;
        }
        sort->sort.keys[sort->sort.count++] = key;
    }
    return sort;
}

static fly__sql_rel *distinct(fly__sql_binder *b, fly__sql_rel *rel, const distinctness *d)
{
    fly__sql_rel *node = fly__sql_bind_rel(b, FLY__SQL_R_DISTINCT, rel, 0);
    if (node == NULL) {
        return NULL;
    }
    node->columns = rel->columns;
    node->column_count = rel->column_count;
    node->distinct.on_count = d->count;
    node->distinct.on = fly__sql_bind_alloc(b, (d->count + 1) * sizeof *node->distinct.on);
    if (node->distinct.on == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        const fly__sql_colref *column = &rel->columns[d->targets[i]];
        node->distinct.on[i] = fly__sql_bind_colref(b, column->id, column->type, 0);
        if (node->distinct.on[i] == NULL) {
            return NULL;
        }
    }
    return node;
}

/* Drop the columns that only sorting and locking needed. */
static fly__sql_rel *without_junk(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *rel,
                                  const fly__sql_target *targets, uint32_t count, uint32_t visible)
{
    if (visible == count) {
        return rel;
    }
    fly__sql_target *kept = fly__sql_bind_alloc(b, (visible + 1) * sizeof *kept);
    if (kept == NULL) {
        return NULL;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!targets[i].junk) {
            kept[at] = targets[i];
            kept[at].expr = fly__sql_bind_colref(b, rel->columns[i].id, rel->columns[i].type, 0);
            if (kept[at++].expr == NULL) {
                return NULL;
            }
        }
    }
    return fly__sql_bind_project(b, scope, rel, kept, visible);
}

static fly__sql_rel *simple(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_select *ast,
                            bool keep_unknown)
{
    fly__sql_target *targets = NULL;
    uint32_t count = 0;
    uint32_t room = 0;
    scope->select = ast;
    fly__sql_rel *rel = fly__sql_bind_from(b, scope, ast->from, NULL);
    if (rel == NULL && fly__sql_bind_ok(b)) {
        rel = fly__sql_bind_one_row(b);
    }
    if (rel == NULL || !fly__sql_bind_targets(b, scope, ast->targets, FLY__SQL_IN_TARGET, &targets,
                                              &count, &room)) {
        return NULL;
    }
    if (ast->where != NULL) {
        fly__sql_expr *where = fly__sql_bind_at(b, scope, FLY__SQL_IN_WHERE, ast->where);
        where = where == NULL ? NULL : fly__sql_bind_boolean(b, where, "WHERE");
        rel = where == NULL ? NULL : fly__sql_bind_filter(b, rel, where);
        if (rel == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *having = NULL;
    if (ast->having != NULL) {
        having = fly__sql_bind_at(b, scope, FLY__SQL_IN_HAVING, ast->having);
        having = having == NULL ? NULL : fly__sql_bind_boolean(b, having, "HAVING");
        if (having == NULL) {
            return NULL;
        }
    }
    ordering o = {0};
    distinctness d = {0};
    if (!order_by(b, scope, ast->order_by, &targets, &count, &room, &o) ||
        !fly__sql_bind_group_by(b, scope, ast, targets, count)) {
        return NULL;
    }
    for (uint32_t i = 0; !keep_unknown && i < count; i++) {
        targets[i].expr = fly__sql_bind_known(b, targets[i].expr);
        if (targets[i].expr == NULL) {
            return NULL;
        }
    }
    if (ast->distinct_on.count > 0) {
        if (!distinct_on(b, scope, ast, &targets, &count, &room, &o, &d)) {
            return NULL;
        }
    } else if (ast->distinct && !distinct_all(b, targets, count)) {
        return NULL;
    }
    fly__sql_rel *lock;
    if (!locking(b, scope, ast, rel, &lock, &targets, &count, &room)) {
        return NULL;
    }
    if (scope->agg_count > 0) {
        for (uint32_t i = 0; i < scope->item_count; i++) {
            const fly__sql_rel *from = scope->items[i]->rel;
            if (from != NULL && from->kind == FLY__SQL_R_CTE && from->cte.work) {
                return fly__sql_bind_fail(b, "42P19", scope->aggs[0].pos,
                                          "aggregate functions are not allowed in a recursive "
                                          "query's recursive term");
            }
        }
    }
    if (scope->group != NULL || scope->agg_count > 0 || having != NULL || scope->has_grouping) {
        rel = fly__sql_bind_grouped(b, scope, rel, targets, count, &having);
        if (rel == NULL) {
            return NULL;
        }
        rel = having == NULL ? rel : fly__sql_bind_filter(b, rel, having);
    }
    if (rel != NULL && (scope->has_windows || ast->windows.count > 0)) {
        rel = fly__sql_bind_windows(b, scope, rel);
    }
    if (rel != NULL && scope->has_sets) {
        rel = unnest(b, scope, rel, targets, count);
    }
    rel = rel == NULL ? NULL : fly__sql_bind_project(b, scope, rel, targets, count);
    if (rel == NULL) {
        return NULL;
    }
    if (ast->distinct && d.count == 0) {
        rel = distinct(b, rel, &d);
    }
    rel = rel == NULL ? NULL : sorted(b, rel, &o, &d);
    if (rel != NULL && d.count > 0) {
        rel = distinct(b, rel, &d);
    }
    if (rel != NULL && lock != NULL) {
        lock->left = rel;
        lock->columns = rel->columns;
        lock->column_count = rel->column_count;
        for (uint32_t i = 0; i < lock->lock.count; i++) {
            lock->lock.row_keys[i] = rel->columns[lock->lock.row_keys[i]].id;
        }
        rel = lock;
        b->modifies = true;
    }
    rel = rel == NULL ? NULL : fly__sql_bind_limit(b, scope, ast, rel);
    if (rel == NULL) {
        return NULL;
    }
    uint32_t visible = 0;
    for (uint32_t i = 0; i < count; i++) {
        visible += !targets[i].junk;
    }
    return without_junk(b, scope, rel, targets, count, visible);
}

/* -------------------------------------------------------------------------- VALUES */

static bool bind_row(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_row *row,
                     fly__sql_expr **exprs)
{
    for (uint32_t i = 0; i < row->items.count; i++) {
        exprs[i] = fly__sql_bind_at(b, scope, FLY__SQL_IN_VALUES, row->items.items[i]);
        if (exprs[i] == NULL) {
            return false;
        }
    }
    return true;
}

/* One type for each column of a VALUES list. */
static bool unify_rows(fly__sql_binder *b, fly__sql_rel *rel, bool keep_unknown)
{
    uint32_t rows = rel->values.row_count;
    fly__sql_expr **column = fly__sql_bind_alloc(b, (rows + 1) * sizeof *column);
    if (column == NULL) {
        return false;
    }
    for (uint32_t c = 0; c < rel->column_count; c++) {
        bool unknown = true;
        for (uint32_t r = 0; r < rows; r++) {
            column[r] = rel->values.rows[r][c];
            unknown &= column[r]->type.oid == FLY_SQL_UNKNOWN;
        }
        if (unknown && keep_unknown) {
            rel->columns[c].type = fly__sql_type(FLY_SQL_UNKNOWN);
            continue;
        }
        if (!fly__sql_bind_unify(b, column, rows, "VALUES", &rel->columns[c].type)) {
            return false;
        }
        for (uint32_t r = 0; r < rows; r++) {
            rel->values.rows[r][c] = column[r];
        }
    }
    return true;
}

static fly__sql_rel *values(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_select *ast,
                            bool keep_unknown)
{
    uint32_t width = ((const fly_ast_row *)ast->values.items[0])->items.count;
    if (width > FLY__SQL_TARGETS_MAX) {
        return fly__sql_bind_fail(b, "54011", 0, "target lists can have at most %d entries",
                                  (int)FLY__SQL_TARGETS_MAX);
    }
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_VALUES, NULL, width);
    if (rel == NULL) {
        return NULL;
    }
    rel->values.row_count = ast->values.count;
    rel->values.rows = fly__sql_bind_alloc(b, ast->values.count * sizeof *rel->values.rows);
    if (rel->values.rows == NULL) {
        return NULL;
    }
    for (uint32_t r = 0; r < ast->values.count; r++) {
        const fly_ast_row *row = (const fly_ast_row *)ast->values.items[r];
        if (row->items.count != width) {
            return fly__sql_bind_fail(b, "42601",
                                      row->items.count > 0 ? row->items.items[0]->pos : 0,
                                      "VALUES lists must all be the same length");
        }
        rel->values.rows[r] = fly__sql_bind_alloc(b, (width + 1) * sizeof **rel->values.rows);
        if (rel->values.rows[r] == NULL || !bind_row(b, scope, row, rel->values.rows[r])) {
            return NULL;
        }
    }
    if (!unify_rows(b, rel, keep_unknown)) {
        return NULL;
    }
    for (uint32_t c = 0; c < width; c++) {
        rel->columns[c].id = fly__sql_bind_id(b, 'o', scope, NULL, c);
        rel->columns[c].name = fly__sql_bind_printf(b, "column%u", c + 1);
        rel->columns[c].nullable = true;
        if (rel->columns[c].id == 0 || rel->columns[c].name == NULL) {
            return NULL;
        }
    }
    if (ast->locking.count > 0) {
        return fly__sql_bind_fail(b, "0A000", 0, "FOR UPDATE cannot be applied to VALUES");
    }
    return rel;
}

/* ORDER BY and LIMIT over what VALUES or a set operation make: names and numbers only. */
static fly__sql_rel *order_result(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_select *ast, fly__sql_rel *rel)
{
    uint32_t count = rel->column_count;
    uint32_t room = count;
    fly__sql_target *targets = fly__sql_bind_alloc(b, (count + 1) * sizeof *targets);
    if (targets == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        targets[i].expr = fly__sql_bind_colref(b, rel->columns[i].id, rel->columns[i].type, 0);
        targets[i].name = rel->columns[i].name;
        if (targets[i].expr == NULL) {
            return NULL;
        }
    }
    ordering o = {0};
    distinctness d = {0};
    if (ast->order_by.count > 0) {
        const char *alias = ast->values.count > 0 ? "*VALUES*" : NULL;
        fly__sql_item *item = fly__sql_bind_derived(b, scope, rel, alias, (fly_ast_names){0}, 0);
        if (item == NULL || !fly__sql_bind_scope_add(b, scope, item)) {
            return NULL;
        }
    }
    if (!order_by(b, scope, ast->order_by, &targets, &count, &room, &o)) {
        return NULL;
    }
    if (count > rel->column_count && ast->op != FLY_AST_SET_NONE) {
        (void)fly__sql_bind_fail(b, "0A000", targets[rel->column_count].pos,
                                 "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
        fly__sql_bind_detail(b, "Only result column names can be used, not expressions or "
                                "functions.");
        fly__sql_bind_hint(b, "Add the expression/function to every SELECT, or move the UNION into "
                              "a FROM clause.");
        return NULL;
    }
    uint32_t visible = rel->column_count;
    if (count > visible) {
        rel = fly__sql_bind_project(b, scope, rel, targets, count);
    }
    rel = rel == NULL ? NULL : sorted(b, rel, &o, &d);
    rel = rel == NULL ? NULL : fly__sql_bind_limit(b, scope, ast, rel);
    return rel == NULL ? NULL : without_junk(b, scope, rel, targets, count, visible);
}

/* ------------------------------------------------------------------------- any query */

static fly__sql_rel *body(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_select *ast,
                          bool keep_unknown)
{
    if (ast->op == FLY_AST_SET_NONE && ast->values.count == 0) {
        return simple(b, scope, ast, keep_unknown);
    }
    fly__sql_rel *rel = ast->op == FLY_AST_SET_NONE
                            ? values(b, scope, ast, keep_unknown)
                            : fly__sql_bind_setop(b, scope, ast, keep_unknown);
    return rel == NULL ? NULL : order_result(b, scope, ast, rel);
}

fly__sql_rel *fly__sql_bind_query(fly__sql_binder *b, fly__sql_scope *parent,
                                  const fly_ast_select *ast, bool keep_unknown)
{
    fly__sql_scope *scope = fly__sql_bind_scope(b, parent);
    if (scope == NULL) {
        return NULL;
    }
    if (++b->depth > FLY__SQL_BIND_DEPTH_MAX) {
        b->depth--;
        return fly__sql_bind_fail(b, "54001", 0, "stack depth limit exceeded");
    }
    fly__sql_rel *wrap = NULL;
    fly__sql_rel *rel = NULL;
    if (ast->node.kind != FLY_AST_SELECT) {
        (void)fly__sql_bind_unsupported(b, ast->node.pos, "a statement that changes data here");
    } else if (ast->with == NULL ||
               fly__sql_bind_with(b, scope, (const fly_ast_with *)ast->with, &wrap)) {
        rel = body(b, scope, ast, keep_unknown);
    }
    b->depth--;
    if (rel == NULL || wrap == NULL) {
        return rel;
    }
    wrap->left = rel;
    wrap->columns = rel->columns;
    wrap->column_count = rel->column_count;
    return wrap;
}
