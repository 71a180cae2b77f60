/*
 * Row security: which rows of a table its policies let a user see and make.
 *
 * A row is seen if one permissive policy and all restrictive ones say so; without a permissive one none
 * is. What a policy says is bound over the row: the scan's for rows that are read, `fresh` for new ones.
 * The owner of a table and the administrator see all.
 */
#include "bind/bind_modify_int.h"

#include "catalog/right_int.h"

static bool applies_to(const fly__sql_binder *b, const fly__sql_policy *policy, char command)
{
    if (policy->command != '*' && policy->command != command) {
        return false;
    }
    for (uint16_t i = 0; i < policy->role_count; i++) {
        if (fly__sql_is_member(b->session, b->session->user_oid, policy->roles[i], true)) {
            return true;
        }
    }
    return policy->role_count == 0;
}

static bool is_secured(const fly__sql_binder *b, const fly__sql_table *table)
{
    return table->row_security && b->session != NULL && b->session->user != NULL &&
           !fly__sql_is_member(b->session, b->session->user_oid, table->owner, true);
}

static fly__sql_expr *condition(fly__sql_binder *b, fly__sql_scope *scope, const char *text)
{
    const fly_ast *ast = fly__sql_bind_parse_expr(b, text);
    if (ast == NULL) {
        return NULL;
    }
    b->no_positions++;
    fly__sql_expr *e = fly__sql_bind_expression(b, scope, ast);
    e = e == NULL ? NULL : fly__sql_bind_boolean(b, e, "POLICY");
    b->no_positions--;
    return e;
}

/* All policies for a command as one condition over the items of a scope. */
static fly__sql_expr *policies(fly__sql_binder *b, fly__sql_scope *scope,
                               const fly__sql_table *table, char command, bool check)
{
    fly__sql_expr *any =
        fly__sql_bind_node(b, FLY__SQL_X_OR, fly__sql_type(FLY_SQL_BOOL), table->policy_count, 0);
    fly__sql_expr *all = NULL;
    if (any == NULL) {
        return NULL;
    }
    any->argc = 0;
    for (uint16_t i = 0; i < table->policy_count; i++) {
        const fly__sql_policy *policy = table->policies[i];
        if (!applies_to(b, policy, command)) {
            continue;
        }
        const char *text = check && policy->check_text != NULL ? policy->check_text
                                                               : policy->using_text;
        fly__sql_expr *e = text == NULL ? fly__sql_bind_bool(b, true, 0)
                                        : condition(b, scope, text);
        if (e == NULL) {
            return NULL;
        }
        if (policy->permissive) {
            any->args[any->argc++] = e;
        } else {
            all = fly__sql_bind_and(b, all, e);
            if (all == NULL) {
                return NULL;
            }
        }
    }
    if (any->argc == 0) {
        return fly__sql_bind_bool(b, false, 0);
    }
    any = any->argc == 1 ? any->args[0] : fly__sql_bind_done(b, any);
    return all == NULL ? any : fly__sql_bind_and(b, any, all);
}

fly__sql_rel *fly__sql_bind_secured(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item,
                                    fly__sql_rel *rel, char command)
{
    if (!is_secured(b, item->table)) {
        return rel;
    }
    fly__sql_scope *names = fly__sql_bind_scope(b, NULL);
    if (names == NULL) {
        return NULL;
    }
    /* The columns belong to the query's scope; only their names are looked up here. */
    names->level = scope->level;
    fly__sql_item row = *item;
    row.alias = item->table->name;
    row.qualified = true;
    row.unqualified = true;
    if (!fly__sql_bind_scope_add(b, names, &row)) {
        return NULL;
    }
    fly__sql_expr *e = policies(b, names, item->table, command, false);
    if (e != NULL && command != 'r') {
        fly__sql_expr *seen = policies(b, names, item->table, 'r', false);
        e = seen == NULL ? NULL : fly__sql_bind_and(b, e, seen);
    }
    for (uint32_t i = 0; i < item->column_count; i++) {
        item->columns[i].id = row.columns[i].id;
        if (item->columns[i].id != 0) {
            b->infos[item->columns[i].id].scope = scope;
            b->infos[item->columns[i].id].item = item;
        }
    }
    return e == NULL ? NULL : fly__sql_bind_filter(b, rel, e);
}

bool fly__sql_bind_new_row_policies(fly__sql_binder *b, const fly__sql_table *table,
                                    const fly__sql_colid *fresh, char command,
                                    fly__sql_expr **check)
{
    *check = NULL;
    if (!is_secured(b, table)) {
        return true;
    }
    fly__sql_scope *names = fly__sql_bind_scope(b, NULL);
    const fly__sql_target_rel target = {.named = table, .table = table};
    fly__sql_item *item = names == NULL ? NULL
                                        : fly__sql_bind_row_item(b, names, &target, fresh, NULL);
    if (item == NULL || !fly__sql_bind_scope_add(b, names, item)) {
        return false;
    }
    *check = policies(b, names, table, command, true);
    return *check != NULL;
}
