/*
 * Views that can be changed: those that show rows of one table, each once, some of its columns as they
 * are. The view's names are bound as expressions over a row of the table, which may be a scan's (the rows
 * to update or delete) or the new row's (RETURNING, and WITH CHECK OPTION).
 *
 * What is not here: INSTEAD OF triggers.
 */
#include "bind/bind_modify_int.h"

#include <stdio.h>

static bool not_updatable(fly__sql_binder *b, const fly__sql_table *view, const char *verb,
                          const char *why)
{
    (void)fly__sql_bind_fail(b, "55000", 0, "cannot %s view \"%s\"", verb, view->name);
    fly__sql_bind_detail(b, "%s", why);
    bool insert = strcmp(verb, "insert into") == 0;
    bool update = strcmp(verb, "update") == 0;
    fly__sql_bind_hint(b,
                       "To enable %s the view, provide an INSTEAD OF %s trigger or an "
                       "unconditional ON %s DO INSTEAD rule.",
                       insert   ? "inserting into"
                       : update ? "updating"
                                : "deleting from",
                       insert   ? "INSERT"
                       : update ? "UPDATE"
                                : "DELETE",
                       insert   ? "INSERT"
                       : update ? "UPDATE"
                                : "DELETE");
    return false;
}

/* Why a query's rows are not rows of one table; NULL: they are. */
static const char *obstacle(const fly_ast_select *query)
{
    if (query->op != FLY_AST_SET_NONE) {
        return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.";
    }
    if (query->distinct || query->distinct_on.count > 0) {
        return "Views containing DISTINCT are not automatically updatable.";
    }
    if (query->group_by.count > 0) {
        return "Views containing GROUP BY are not automatically updatable.";
    }
    if (query->having != NULL) {
        return "Views containing HAVING are not automatically updatable.";
    }
    if (query->with != NULL) {
        return "Views containing WITH are not automatically updatable.";
    }
    if (query->limit != NULL || query->offset != NULL) {
        return "Views containing LIMIT or OFFSET are not automatically updatable.";
    }
    if (query->values.count > 0 || query->from.count != 1 ||
        query->from.items[0]->kind != FLY_AST_RELATION) {
        return "Views that do not select from a single table or view are not automatically "
               "updatable.";
    }
    return NULL;
}

/* The item that a view selects from: a row of a table, or again a view. */
static bool inner_row(fly__sql_binder *b, fly__sql_scope *names, const fly__sql_table *view,
                      const fly_ast_relation *relation, const fly__sql_colid *ids, const char *verb,
                      fly__sql_view_row *row)
{
    const fly__sql_table *table = fly__sql_table_named(b->view, relation->schema, relation->name);
    if (table == NULL) {
        return fly__sql_bind_fail(b, "42P01", 0, "relation \"%s\" does not exist",
                                  relation->name) != NULL;
    }
    if (table->class == FLY__SQL_VIEW) {
        return fly__sql_bind_view_row(b, names, table, ids, relation->alias, verb, row);
    }
    if (table->class != FLY__SQL_TABLE) {
        return not_updatable(b, view, verb,
                             "Views that do not select from a single table or view are not "
                             "automatically updatable.");
    }
    fly__sql_need *need = NULL;
    uint32_t user = b->user;
    b->user = view->invoker ? user : view->owner;
    bool noted = b->target_rights == 0 || fly__sql_bind_need(b, table, b->target_rights, &need);
    b->user = user;
    if (!noted) {
        return false;
    }
    row->table = table;
    row->base = fly__sql_bind_scan(b, names, table, relation->alias);
    if (row->base == NULL) {
        return false;
    }
    for (uint16_t i = 0; ids != NULL && i < table->column_count; i++) {
        row->base->columns[i].id = ids[i];
        if (ids[i] != 0) {
            b->infos[ids[i]] =
                (fly__sql_colinfo){.kind = 'f', .scope = names, .item = row->base, .index = i};
        }
    }
    row->item = row->base;
    return true;
}

static bool add_check(fly__sql_binder *b, fly__sql_view_row *row, fly__sql_expr *condition,
                      const char *view)
{
    if (condition == NULL) {
        return true;
    }
    if (row->check_count == sizeof row->checks / sizeof *row->checks) {
        return fly__sql_bind_unsupported(b, 0, "so many views with a check option") != NULL;
    }
    row->checks[row->check_count] = condition;
    row->check_names[row->check_count++] = view;
    return true;
}

/* The view's own columns, over what is below. */
static bool outer_item(fly__sql_binder *b, fly__sql_scope *names, const fly__sql_table *view,
                       const fly_ast_select *query, const char *alias, const char *verb,
                       fly__sql_view_row *row)
{
    fly__sql_target *targets = NULL;
    uint32_t count = 0;
    uint32_t room = 0;
    if (!fly__sql_bind_targets(b, names, query->targets, FLY__SQL_IN_TARGET, &targets, &count,
                               &room)) {
        return false;
    }
    if (names->agg_count > 0) {
        return not_updatable(
            b, view, verb,
            "Views that return aggregate functions are not automatically updatable.");
    }
    if (names->has_windows || names->has_sets) {
        return not_updatable(b, view, verb,
                             names->has_windows
                                 ? "Views that return window functions are not automatically "
                                   "updatable."
                                 : "Views that return set-returning functions are not "
                                   "automatically updatable.");
    }
    fly__sql_item *item = fly__sql_bind_scan(b, names, view, alias);
    row->map = fly__sql_bind_alloc(b, (view->column_count + 1u) * sizeof *row->map);
    if (item == NULL || row->map == NULL) {
        return false;
    }
    uint32_t at = 0;
    for (uint16_t i = 0; i < view->column_count; i++) {
        row->map[i] = -1;
        if (view->columns[i].dropped || at >= count) {
            continue;
        }
        fly__sql_expr *e = fly__sql_bind_known(b, targets[at++].expr);
        if (e == NULL) {
            return false;
        }
        item->columns[i].expr = e;
        item->columns[i].type = e->type;
        for (uint32_t c = 0; e->kind == FLY__SQL_X_COLUMN && c < row->base->column_count; c++) {
            if (row->base->columns[c].id == e->column) {
                row->map[i] = (int32_t)c;
            }
        }
    }
    item->rel = row->base->rel;
    row->item = item;
    return true;
}

bool fly__sql_bind_view_row(fly__sql_binder *b, fly__sql_scope *scope, const fly__sql_table *view,
                            const fly__sql_colid *ids, const char *alias, const char *verb,
                            fly__sql_view_row *row)
{
    memset(row, 0, sizeof *row);
    for (uint16_t i = 0; i < view->trigger_count; i++) {
        if (view->triggers[i]->when == 'i') {
            return fly__sql_bind_unsupported(b, 0, "a trigger INSTEAD OF") != NULL;
        }
    }
    if (b->depth > 200) {
        return fly__sql_bind_fail(b, "42P17", 0,
                                  "infinite recursion detected in rules for relation \"%s\"",
                                  view->name) != NULL;
    }
    const fly_ast_select *query = (const fly_ast_select *)fly__sql_bind_parse(b, view->view_text);
    if (query == NULL) {
        return false;
    }
    const char *why = obstacle(query);
    if (why != NULL) {
        return not_updatable(b, view, verb, why);
    }
    fly__sql_scope *names = fly__sql_bind_scope(b, NULL);
    if (names == NULL) {
        return false;
    }
    names->level = scope->level;
    const fly__sql_catalog_view *saved;
    if (!fly__sql_bind_within(b, view->schema, &saved)) {
        return false;
    }
    b->no_positions++;
    b->depth += 10;
    bool ok =
        inner_row(b, names, view, (const fly_ast_relation *)query->from.items[0], ids, verb, row) &&
        fly__sql_bind_scope_add(b, names, row->item);
    fly__sql_expr *where = NULL;
    if (ok && query->where != NULL) {
        where = fly__sql_bind_at(b, names, FLY__SQL_IN_WHERE, query->where);
        where = where == NULL ? NULL : fly__sql_bind_boolean(b, where, "WHERE");
        ok = where != NULL;
    }
    bool cascaded = view->view_check != NULL && strcmp(view->view_check, "cascaded") == 0;
    if (ok && cascaded) {
        /* All conditions below, whatever they say themselves. */
        row->check_count = 0;
        ok = add_check(b, row, row->where, view->name);
    }
    if (ok && view->view_check != NULL) {
        ok = add_check(b, row, where, view->name);
    }
    ok = ok && outer_item(b, names, view, query, alias, verb, row);
    b->view = saved;
    if (ok && where != NULL) {
        row->where = fly__sql_bind_and(b, row->where, where);
        ok = row->where != NULL;
    }
    b->depth -= 10;
    b->no_positions--;
    return ok;
}
