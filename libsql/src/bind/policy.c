/*
 * Row security: which rows of a table its policies let a user see and make.
 *
 * A row is seen if one permissive policy and all restrictive ones say so; without a permissive one none
 * is. What a policy says is bound over the row: the scan's for rows that are read, `fresh` for new ones.
 * The filter over a scan is a barrier: the optimiser lets nothing below it that could tell of a row.
 *
 * Superusers and roles that bypass row security see all; so does the owner, unless it is forced.
 *
 * GRANT ... WHERE is a permissive policy. On a table without row security such policies are asked if the
 * user has the right by them alone: a right without a condition, from whatever role, is for all rows.
 */
#include "bind/bind_modify_int.h"

#include "catalog/right_int.h"

#include <strings.h>

/* How the rows of a table are guarded. */
enum guard { OPEN, BY_GRANTS, BY_POLICIES };

static bool is_for(const fly__sql_binder *b, const fly__sql_policy *policy)
{
    for (uint16_t i = 0; i < policy->role_count; i++) {
        if (fly__sql_is_member(b->session, b->user, policy->roles[i], true)) {
            return true;
        }
    }
    return policy->role_count == 0;
}

static bool applies_to(const fly__sql_binder *b, const fly__sql_policy *policy, char command)
{
    return (policy->command == '*' || policy->command == command) && is_for(b, policy);
}

static bool granted_by_rows(const fly__sql_table *table, uint32_t grantee, char command)
{
    for (uint16_t i = 0; i < table->policy_count; i++) {
        const fly__sql_policy *policy = table->policies[i];
        bool same = policy->role_count == 0 ? grantee == FLY__SQL_ROLE_PUBLIC
                                            : policy->roles[0] == grantee;
        if (policy->of_grant && policy->command == command && same) {
            return true;
        }
    }
    return false;
}

/* Whether the user has the right for all rows. */
static bool granted_whole(const fly__sql_binder *b, const fly__sql_table *table, char command)
{
    uint32_t right = command == 'a'   ? FLY__SQL_MAY_INSERT
                     : command == 'w' ? FLY__SQL_MAY_UPDATE
                     : command == 'd' ? FLY__SQL_MAY_DELETE
                                      : FLY__SQL_MAY_SELECT;
    if (right == FLY__SQL_MAY_SELECT
            ? fly__sql_is_member(b->session, b->user, FLY__SQL_ROLE_READ_ALL, true)
            : fly__sql_is_member(b->session, b->user, FLY__SQL_ROLE_WRITE_ALL, true)) {
        return true;
    }
    const fly__sql_acl *acl = fly__sql_object_of(b->view, FLY__SQL_O_ACL, table->oid);
    for (uint16_t i = 0; acl != NULL && i < acl->count; i++) {
        const fly__sql_acl_item *item = &acl->items[i];
        bool his = item->grantee == FLY__SQL_ROLE_PUBLIC ||
                   fly__sql_is_member(b->session, b->user, item->grantee, true);
        if (his && (item->rights & right) != 0 && !granted_by_rows(table, item->grantee, command)) {
            return true;
        }
    }
    return false;
}

static enum guard guard_of(const fly__sql_binder *b, const fly__sql_table *table, char command)
{
    if (table->policy_count == 0 && !table->row_security) {
        return OPEN; /* nearly always */
    }
    if (b->session == NULL || fly__sql_is_superuser(b->session, b->user)) {
        return OPEN;
    }
    const fly__sql_role *role = fly__sql_role_of(b->session, b->user);
    bool forced = table->row_security && table->force_row_security;
    if ((role != NULL && role->bypass_rls) ||
        (!forced && fly__sql_owns(b->session, b->user, table->owner))) {
        return OPEN;
    }
    if (table->row_security) {
        return BY_POLICIES;
    }
    return granted_whole(b, table, command) ? OPEN : BY_GRANTS;
}

/* SET row_security = off: rather no answer than a part of it. */
static bool may_filter(fly__sql_binder *b, const fly__sql_table *table)
{
    const char *setting = fly__sql_setting(b->session, "row_security");
    bool off = setting != NULL &&
               (strcasecmp(setting, "off") == 0 || strcasecmp(setting, "false") == 0 ||
                strcmp(setting, "0") == 0 || strcasecmp(setting, "no") == 0);
    return !off || fly__sql_bind_fail(b, "42501", 0,
                                      "query would be affected by row-level security policy for "
                                      "table \"%s\"",
                                      table->name) != NULL;
}

static fly__sql_expr *condition(fly__sql_binder *b, fly__sql_scope *scope, uint32_t schema,
                                const char *text)
{
    if (b->depth > 200) {
        return fly__sql_bind_fail(b, "42P17", 0,
                                  "infinite recursion detected in policy for relation");
    }
    const fly_ast *ast = fly__sql_bind_parse_expr(b, text);
    const fly__sql_catalog_view *saved;
    if (ast == NULL || !fly__sql_bind_within(b, schema, &saved)) {
        return NULL;
    }
    b->no_positions++;
    b->depth += 10;
    fly__sql_expr *e = fly__sql_bind_expression(b, scope, ast);
    e = e == NULL ? NULL : fly__sql_bind_boolean(b, e, "POLICY");
    b->depth -= 10;
    b->no_positions--;
    b->view = saved;
    return e;
}

/* All policies for a command as one condition over the items of a scope. */
static fly__sql_expr *policies(fly__sql_binder *b, fly__sql_scope *scope,
                               const fly__sql_table *table, char command, bool check)
{
    enum guard guard = guard_of(b, table, command);
    if (guard == OPEN) {
        return fly__sql_bind_bool(b, true, 0);
    }
    fly__sql_expr *any = fly__sql_bind_node(b, FLY__SQL_X_OR, fly__sql_type(FLY_SQL_BOOL),
                                            table->policy_count + 1u, 0);
    fly__sql_expr *all = NULL;
    if (any == NULL) {
        return NULL;
    }
    any->argc = 0;
    for (uint16_t i = 0; i < table->policy_count; i++) {
        const fly__sql_policy *policy = table->policies[i];
        if (!applies_to(b, policy, command) || (guard == BY_GRANTS && !policy->of_grant)) {
            continue;
        }
        const char *text = check && policy->check_text != NULL ? policy->check_text
                                                               : policy->using_text;
        fly__sql_expr *e = text == NULL ? fly__sql_bind_bool(b, true, 0)
                                        : condition(b, scope, table->schema, text);
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

static bool is_guarded(const fly__sql_binder *b, const fly__sql_table *table, char command)
{
    return guard_of(b, table, command) != OPEN || guard_of(b, table, 'r') != OPEN;
}

fly__sql_rel *fly__sql_bind_secured(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item,
                                    fly__sql_rel *rel, char command)
{
    if (!is_guarded(b, item->table, command)) {
        return rel;
    }
    fly__sql_scope *names = fly__sql_bind_scope(b, NULL);
    if (names == NULL || !may_filter(b, item->table)) {
        return NULL;
    }
    /* The columns belong to the query's scope; only their names are looked up here, and by nobody who
     * needs a right for it. */
    names->level = scope->level;
    fly__sql_item row = *item;
    fly__sql_item_column *own = fly__sql_bind_alloc(b, (item->column_count + 1u) * sizeof *own);
    if (own == NULL) {
        return NULL;
    }
    memcpy(own, item->columns, item->column_count * sizeof *own);
    for (uint16_t i = 0; i < item->table->column_count && i < item->column_count; i++) {
        own[i].name = item->table->columns[i].name; /* whatever the query calls them */
    }
    row.columns = own;
    row.need = NULL;
    row.alias = item->table->name;
    row.qualified = true;
    row.unqualified = true;
    row.lateral_only = false;
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
    fly__sql_rel *filter = e == NULL ? NULL : fly__sql_bind_filter(b, rel, e);
    if (filter != NULL && filter->kind == FLY__SQL_R_FILTER) {
        filter->filter.barrier = true;
    }
    return filter;
}

/* A scope over the columns of a row that is not a scan's. */
static fly__sql_scope *row_names(fly__sql_binder *b, const fly__sql_table *table,
                                 const fly__sql_colid *ids)
{
    fly__sql_scope *names = fly__sql_bind_scope(b, NULL);
    const fly__sql_target_rel target = {.named = table, .table = table};
    fly__sql_item *item = names == NULL ? NULL
                                        : fly__sql_bind_row_item(b, names, &target, ids, NULL);
    return item == NULL || !fly__sql_bind_scope_add(b, names, item) ? NULL : names;
}

bool fly__sql_bind_new_row_policies(fly__sql_binder *b, const fly__sql_table *table,
                                    const fly__sql_colid *fresh, char command,
                                    fly__sql_expr **check)
{
    *check = NULL;
    bool read = b->returning && guard_of(b, table, 'r') != OPEN;
    if (guard_of(b, table, command) == OPEN && !read &&
        !(b->replaces && guard_of(b, table, 'w') != OPEN)) {
        return true;
    }
    fly__sql_scope *names = may_filter(b, table) ? row_names(b, table, fresh) : NULL;
    *check = names == NULL ? NULL : policies(b, names, table, command, true);
    if (*check != NULL && b->replaces) {
        fly__sql_expr *changed = policies(b, names, table, 'w', true);
        *check = changed == NULL ? NULL : fly__sql_bind_and(b, *check, changed);
    }
    if (*check != NULL && read) {
        fly__sql_expr *seen = policies(b, names, table, 'r', false);
        *check = seen == NULL ? NULL : fly__sql_bind_and(b, *check, seen);
    }
    return *check != NULL;
}

bool fly__sql_bind_old_row_policies(fly__sql_binder *b, const fly__sql_table *table,
                                    const fly__sql_colid *old, fly__sql_expr **check)
{
    *check = NULL;
    if (!is_guarded(b, table, 'w')) {
        return true;
    }
    fly__sql_scope *names = row_names(b, table, old);
    fly__sql_expr *e = names == NULL ? NULL : policies(b, names, table, 'w', false);
    fly__sql_expr *seen = e == NULL ? NULL : policies(b, names, table, 'r', false);
    *check = seen == NULL ? NULL : fly__sql_bind_and(b, e, seen);
    return *check != NULL;
}
