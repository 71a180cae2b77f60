/*
 * MERGE: the source joined to the target, and what to do with each pair and with each source row that
 * has none.
 *
 * The join is LEFT from the source when some action is for rows without a match; the target's row key is
 * NULL there, which is how the executor tells.
 */
#include "bind/bind_modify_int.h"

#include "catalog/right_int.h"

static bool action(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_scope *source_only,
                   const fly__sql_target_rel *target, const fly_ast_merge_when *ast,
                   fly__sql_merge_action *act)
{
    fly__sql_scope *names = ast->matched ? scope : source_only;
    fly__sql_need *need = NULL;
    uint32_t right = ast->action == FLY_AST_MERGE_DELETE   ? FLY__SQL_MAY_DELETE
                     : ast->action == FLY_AST_MERGE_UPDATE ? FLY__SQL_MAY_UPDATE
                     : ast->action == FLY_AST_MERGE_INSERT ? FLY__SQL_MAY_INSERT
                                                           : 0;
    if (!fly__sql_bind_need(b, target->named, right, &need)) {
        return false;
    }
    act->matched = ast->matched;
    if (ast->condition != NULL) {
        fly__sql_expr *e = fly__sql_bind_at(b, names, FLY__SQL_IN_MERGE_WHEN, ast->condition);
        act->condition = e == NULL ? NULL : fly__sql_bind_boolean(b, e, "WHEN");
        if (act->condition == NULL) {
            return false;
        }
    }
    switch (ast->action) {
    case FLY_AST_MERGE_NOTHING:
        act->nothing = true;
        return true;
    case FLY_AST_MERGE_DELETE:
        act->command = FLY__SQL_DELETE;
        return true;
    case FLY_AST_MERGE_UPDATE:
        act->command = FLY__SQL_UPDATE;
        return fly__sql_bind_sets(b, names, target, ast->sets, &act->assigns, &act->assign_count);
    case FLY_AST_MERGE_INSERT:
        act->command = FLY__SQL_INSERT;
        return fly__sql_bind_insert_list(b, names, target, ast->columns, ast->overriding,
                                         ast->values, &act->assigns, &act->assign_count);
    }
    return true;
}

/* A WHEN without a condition makes those of its kind behind it unreachable. */
static bool check_reach(fly__sql_binder *b, fly_ast_list whens)
{
    bool done[2] = {false, false};
    for (uint32_t i = 0; i < whens.count; i++) {
        const fly_ast_merge_when *when = (const fly_ast_merge_when *)whens.items[i];
        if (done[when->matched]) {
            return fly__sql_bind_fail(
                       b, "42601", 0,
                       "unreachable WHEN clause specified after unconditional WHEN clause") != NULL;
        }
        done[when->matched] = when->condition == NULL;
    }
    return true;
}

static fly__sql_rel *merge(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_merge *ast)
{
    const fly_ast_relation *relation = (const fly_ast_relation *)ast->relation;
    fly__sql_target_rel target;
    if (!fly__sql_bind_target(b, relation, 3, "merge into", &target)) {
        return NULL;
    }
    fly__sql_modify *m = fly__sql_bind_alloc(b, sizeof *m);
    if (m == NULL || !check_reach(b, ast->whens)) {
        return NULL;
    }
    if (target.map != NULL) {
        return fly__sql_bind_fail(b, "0A000", relation->node.pos,
                                  "cannot execute MERGE on relation \"%s\"", target.named->name);
    }
    m->command = FLY__SQL_MERGE;
    m->table = target.table;
    m->on_conflict = '-';
    fly__sql_rel *rows = fly__sql_bind_old_row(b, scope, &target, m);
    if (rows == NULL) {
        return NULL;
    }
    scope->items[0]->lateral_only = true;
    uint32_t first = scope->item_count;
    fly__sql_rel *source = fly__sql_bind_from_item(b, scope, ast->source);
    if (source == NULL) {
        return NULL;
    }
    scope->items[0]->lateral_only = false;
    fly__sql_expr *on = fly__sql_bind_at(b, scope, FLY__SQL_IN_JOIN_ON, ast->on);
    on = on == NULL ? NULL : fly__sql_bind_boolean(b, on, "MERGE");
    fly__sql_scope *source_only = on == NULL ? NULL : fly__sql_bind_scope(b, scope->parent);
    if (source_only == NULL) {
        return NULL;
    }
    source_only->ctes = scope->ctes;
    /* The target has a name there, but no row. */
    fly__sql_item *hidden = fly__sql_bind_alloc(b, sizeof *hidden);
    if (hidden == NULL) {
        return NULL;
    }
    *hidden = *scope->items[0];
    hidden->lateral_only = true;
    if (!fly__sql_bind_scope_add(b, source_only, hidden)) {
        return NULL;
    }
    for (uint32_t i = first; i < scope->item_count; i++) {
        if (!fly__sql_bind_room(b, &source_only->items, &source_only->item_room,
                                source_only->item_count, sizeof *source_only->items)) {
            return NULL;
        }
        source_only->items[source_only->item_count++] = scope->items[i];
    }
    bool unmatched = false;
    m->actions = fly__sql_bind_alloc(b, (ast->whens.count + 1) * sizeof *m->actions);
    if (m->actions == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < ast->whens.count; i++) {
        const fly_ast_merge_when *when = (const fly_ast_merge_when *)ast->whens.items[i];
        unmatched |= !when->matched;
        if (!action(b, scope, source_only, &target, when, &m->actions[m->action_count++])) {
            return NULL;
        }
    }
    if (!fly__sql_bind_row_rules(b, m, &target)) {
        return NULL;
    }
    fly__sql_rel *input = fly__sql_bind_join(
        b, unmatched ? FLY__SQL_JOIN_LEFT : FLY__SQL_JOIN_INNER, source, rows, on);
    fly__sql_rel *rel = input == NULL ? NULL : fly__sql_bind_rel(b, FLY__SQL_R_MODIFY, input, 0);
    if (rel != NULL) {
        rel->modify = m;
    }
    return rel;
}

fly__sql_rel *fly__sql_bind_merge(fly__sql_binder *b, fly__sql_scope *parent,
                                  const fly_ast_merge *ast)
{
    fly__sql_rel *wrap = NULL;
    fly__sql_scope *scope = fly__sql_bind_scope(b, parent);
    if (scope == NULL || (ast->with != NULL &&
                          !fly__sql_bind_with(b, scope, (const fly_ast_with *)ast->with, &wrap))) {
        return NULL;
    }
    fly__sql_rel *rel = merge(b, scope, ast);
    if (rel == NULL || wrap == NULL) {
        return rel;
    }
    wrap->left = rel;
    return wrap;
}
