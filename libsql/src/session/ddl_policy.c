/*
 * Policies: CREATE and ALTER POLICY, and those that GRANT ... WHERE makes.
 *
 * What is not here: DROP POLICY (ddl_drop.c), what policies do (bind/policy.c).
 */
#include "session/role_int.h"

#include "bind/bind_int.h"

#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a policy");
}

static char command_letter(const char *command)
{
    static const struct {
        const char *word;
        char letter;
    } words[] = {{"select", 'r'}, {"insert", 'a'}, {"update", 'w'}, {"delete", 'd'}};
    for (size_t i = 0; command != NULL && i < 4; i++) {
        if (strcmp(words[i].word, command) == 0) {
            return words[i].letter;
        }
    }
    return '*';
}

/* A condition as text; it must be a boolean over the table's columns. */
static fly_status condition(fly_sql_stmt *stmt, const fly__sql_table *table, const fly_ast *node,
                            const char **text, fly_err *err)
{
    fly__sql_colid columns[FLY__SQL_COLUMNS_MAX];
    fly__sql_expr *bound = NULL;
    for (uint16_t i = 0; i < table->column_count; i++) {
        columns[table->columns[i].number - 1] = table->columns[i].number;
    }
    fly__sql_bind_context context = {.session = stmt->session,
                                     .view = stmt->session->view,
                                     .arena = &stmt->line_arena,
                                     .what = 'y'};
    fly_status status =
        fly__sql_bind_expr(&context, node, table, columns, (fly_sql_type){0}, &bound, err);
    if (status == FLY_OK && bound->type.oid != FLY_SQL_BOOL && bound->type.oid != FLY_SQL_UNKNOWN) {
        return fly_err_state(err, "42804", node->pos,
                             "argument of POLICY must be type boolean, not type %s",
                             fly__sql_type_info_of(bound->type.oid)->name);
    }
    if (status == FLY_OK) {
        *text = fly__sql_ddl_text(stmt, node, err);
        status = *text == NULL ? no_memory(err) : FLY_OK;
    }
    return status;
}

static fly_status take_roles(fly_sql_stmt *stmt, fly_ast_list list, fly__sql_policy *policy,
                             fly_err *err)
{
    uint32_t *roles = fly__sql_ddl_alloc(stmt, (list.count + 1u) * sizeof *roles, err);
    if (roles == NULL || list.count > UINT16_MAX) {
        return no_memory(err);
    }
    policy->role_count = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        uint32_t role = 0;
        fly_status status = fly__sql_ddl_role(stmt->session, list.items[i], true, &role, err);
        if (status != FLY_OK) {
            return status;
        }
        if (role == FLY__SQL_ROLE_PUBLIC) {
            if (list.count > 1) {
                fly__sql_notice(stmt->session, "WARNING", "22023",
                                "ignoring specified roles other than PUBLIC");
            }
            policy->role_count = 0;
            break;
        }
        roles[policy->role_count++] = role;
    }
    policy->roles = roles;
    return FLY_OK;
}

static const fly__sql_policy *policy_named(const fly__sql_table *table, const char *name)
{
    for (uint16_t i = 0; i < table->policy_count; i++) {
        if (strcmp(table->policies[i]->name, name) == 0) {
            return table->policies[i];
        }
    }
    return NULL;
}

/* The table with this policy in the place of the one with its OID, or added. */
static fly_status put(fly_sql_stmt *stmt, const fly__sql_table *table,
                      const fly__sql_policy *policy, fly_err *err)
{
    fly__sql_table *copy = fly__sql_table_copy(table, 1, &stmt->line_arena);
    if (copy == NULL) {
        return no_memory(err);
    }
    const fly__sql_policy **list;
    memcpy(&list, &copy->policies, sizeof list);
    uint16_t at = 0;
    while (at < copy->policy_count && list[at]->oid != policy->oid) {
        at++;
    }
    list[at] = policy;
    copy->policy_count = (uint16_t)(at == copy->policy_count ? at + 1 : copy->policy_count);
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

fly_status fly__sql_create_policy(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_policy *node = (const fly_ast_create_policy *)stmt->node;
    const fly__sql_table *table = NULL;
    fly__sql_ddl_tag(stmt, node->alter ? "ALTER POLICY" : "CREATE POLICY");
    fly_status status =
        fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relation, "r", &table, err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_secured object = fly__sql_secured_table(table);
    status = fly__sql_need_owner(stmt->session, &object, err);
    const fly__sql_policy *old = policy_named(table, node->name);
    if (status == FLY_OK && node->alter && old == NULL) {
        status = fly_err_state(err, "42704", 0, "policy \"%s\" for table \"%s\" does not exist",
                               node->name, table->name);
    } else if (status == FLY_OK && !node->alter && old != NULL) {
        status = fly_err_state(err, "42710", 0, "policy \"%s\" for table \"%s\" already exists",
                               node->name, table->name);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_policy made = {.name = node->name,
                            .table = table->oid,
                            .permissive = !node->restrictive,
                            .command = command_letter(node->command)};
    if (old != NULL) {
        made = *old;
    } else {
        made.oid = fly__sql_change_oid(stmt->session);
    }
    if ((made.command == 'r' || made.command == 'd') && node->check_expr != NULL) {
        return fly_err_state(err, "42601", 0, "WITH CHECK cannot be applied to SELECT or DELETE");
    }
    if (made.command == 'a' && node->using_expr != NULL) {
        return fly_err_state(err, "42601", 0, "only WITH CHECK expression allowed for INSERT");
    }
    if (!node->alter || node->roles.count > 0) {
        status = take_roles(stmt, node->roles, &made, err);
    }
    if (status == FLY_OK && node->using_expr != NULL) {
        status = condition(stmt, table, node->using_expr, &made.using_text, err);
    }
    if (status == FLY_OK && node->check_expr != NULL) {
        status = condition(stmt, table, node->check_expr, &made.check_text, err);
    }
    return status == FLY_OK ? put(stmt, table, &made, err) : status;
}

fly_status fly__sql_rename_policy(fly_sql_stmt *stmt, const fly_ast_rename *node, fly_err *err)
{
    const fly_ast_object *object = (const fly_ast_object *)node->object;
    const char *name = object->names.items[0];
    const fly__sql_table *table = NULL;
    fly__sql_ddl_tag(stmt, "ALTER POLICY");
    fly_status status =
        fly__sql_ddl_relation(stmt, (const fly_ast_relation *)object->relation, "r", &table, err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_policy *old = policy_named(table, name);
    if (old == NULL) {
        return fly_err_state(err, "42704", 0, "policy \"%s\" for table \"%s\" does not exist", name,
                             table->name);
    }
    if (policy_named(table, node->new_name) != NULL) {
        return fly_err_state(err, "42710", 0, "policy \"%s\" for table \"%s\" already exists",
                             node->new_name, table->name);
    }
    fly__sql_policy changed = *old;
    changed.name = node->new_name;
    return put(stmt, table, &changed, err);
}

/* --------------------------------------------------------------- GRANT ... WHERE */

static bool is_of(const fly__sql_policy *policy, uint32_t role, char command)
{
    bool same = role == FLY__SQL_ROLE_PUBLIC ? policy->role_count == 0
                                             : policy->role_count == 1 && policy->roles[0] == role;
    return policy->of_grant && same && policy->command == command;
}

fly_status fly__sql_grant_rows(fly_sql_stmt *stmt, const fly__sql_table *table, uint32_t role,
                               uint32_t rights, const fly_ast *where, fly_err *err)
{
    static const struct {
        uint32_t right;
        char command;
        const char *name;
    } kinds[] = {{FLY__SQL_MAY_SELECT, 'r', "select"},
                 {FLY__SQL_MAY_INSERT, 'a', "insert"},
                 {FLY__SQL_MAY_UPDATE, 'w', "update"},
                 {FLY__SQL_MAY_DELETE, 'd', "delete"}};
    const char *text = NULL;
    char room[FLY__SQL_NAME_MAX + 1];
    if (where == NULL && table->policy_count == 0) {
        return FLY_OK;
    }
    fly_status status = where == NULL ? FLY_OK : condition(stmt, table, where, &text, err);
    fly__sql_table *copy = status == FLY_OK ? fly__sql_table_copy(table, 4, &stmt->line_arena)
                                            : NULL;
    if (copy == NULL) {
        return status == FLY_OK ? no_memory(err) : status;
    }
    const fly__sql_policy **list;
    memcpy(&list, &copy->policies, sizeof list);
    bool changed = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((rights & kinds[i].right) == 0) {
            continue;
        }
        uint16_t kept = 0;
        for (uint16_t k = 0; k < copy->policy_count; k++) {
            bool gone = is_of(list[k], role, kinds[i].command);
            changed = changed || gone;
            if (!gone) {
                list[kept++] = list[k];
            }
        }
        copy->policy_count = kept;
        if (where == NULL) {
            continue;
        }
        fly__sql_policy *policy = fly__sql_ddl_alloc(stmt, sizeof *policy, err);
        uint32_t *roles = fly__sql_ddl_alloc(stmt, sizeof *roles, err);
        if (policy == NULL || roles == NULL) {
            return FLY_E_NO_MEMORY;
        }
        *roles = role;
        *policy = (fly__sql_policy){.oid = fly__sql_change_oid(stmt->session),
                                    .table = table->oid,
                                    .permissive = true,
                                    .command = kinds[i].command,
                                    .roles = roles,
                                    .role_count = role == FLY__SQL_ROLE_PUBLIC ? 0 : 1,
                                    .using_text = kinds[i].command == 'a' ? NULL : text,
                                    .check_text = kinds[i].command == 'a' ? text : NULL,
                                    .of_grant = true};
        policy->name = fly__sql_ddl_format(stmt, err, "grant_%s_to_%.40s", kinds[i].name,
                                           role == FLY__SQL_ROLE_PUBLIC
                                               ? "public"
                                               : fly__sql_role_name(stmt->session, role, room));
        if (policy->name == NULL) {
            return FLY_E_NO_MEMORY;
        }
        list[copy->policy_count++] = policy;
        changed = true;
    }
    return changed ? fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err) : FLY_OK;
}
