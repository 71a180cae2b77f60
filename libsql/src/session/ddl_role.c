/*
 * CREATE, ALTER and DROP ROLE; who belongs to whom.
 *
 * A password that stands in a statement is made a SCRAM-SHA-256 verifier at once; what is a verifier
 * already is kept as it is. Whoever changes roles holds off others first, and looks then.
 *
 * What is not here: the descriptors and their store (catalog/role.c), rights on objects (ddl_grant.c).
 */
#include "session/role_int.h"

#include "catalog/system_int.h"
#include "session/statement_kind_int.h"
#include "types/value_int.h"

#include <fly/auth.h>
#include <fly/text.h>

#include <stdio.h>
#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a role");
}

static fly_status no_role(const char *name, fly_err *err)
{
    return fly_err_state(err, "42704", 0, "role \"%s\" does not exist", name);
}

fly_status fly__sql_ddl_role(fly_sql_session *session, const fly_ast *node, bool everybody,
                             uint32_t *oid, fly_err *err)
{
    const fly_ast_role *role = (const fly_ast_role *)node;
    switch (role->type) {
    case FLY_AST_ROLE_CURRENT_ROLE:
    case FLY_AST_ROLE_CURRENT_USER:
        *oid = session->user_oid;
        return FLY_OK;
    case FLY_AST_ROLE_SESSION_USER:
        *oid = session->state->login;
        return FLY_OK;
    case FLY_AST_ROLE_PUBLIC:
        *oid = FLY__SQL_ROLE_PUBLIC;
        return everybody ? FLY_OK : no_role("public", err);
    default: {
        const fly__sql_role *found = fly__sql_role_named(session, role->name);
        if (found == NULL) {
            return no_role(role->name, err);
        }
        *oid = found->oid;
        return FLY_OK;
    }
    }
}

/* ---------------------------------------------------------------------- options */

/* What the options of a statement say. */
typedef struct wanted {
    fly__sql_role role;
    bool superuser, replication, bypass_rls, others; /* was said at all */
    bool password;                                   /* and nothing else would leave this alone */
    const fly_ast_row *in_role, *members, *admins;
} wanted;

/* A password passes the policy, is prepared as clients prepare theirs, and is forgotten. */
static fly_status make_verifier(fly_sql_stmt *stmt, const char *name, fly_bytes password,
                                char verifier[FLY_AUTH_VERIFIER_SIZE], fly_err *err)
{
    fly_sql *sql = stmt->session->sql;
    uint8_t prepared[FLY_AUTH_PASSWORD_MAX];
    size_t len = 0;
    uint32_t rounds = stmt->session->state->scram_iterations;
    fly_status status = FLY_OK;
    if (sql->password != NULL) {
        status = sql->password(sql->password_ctx, name, password, err);
    }
    if (status == FLY_OK) {
        status = fly_text_saslprep(sql->env->mem, password, prepared, sizeof prepared, &len, err);
    }
    if (status == FLY_E_FULL) {
        return fly_err_state(err, "22023", 0, "password is too long");
    }
    if (status == FLY_OK) {
        status = fly_auth_scram_make(sql->env, fly_bytes_of(prepared, len), rounds, verifier, err);
    }
    fly_auth_cleanse(prepared, sizeof prepared);
    return status;
}

static fly_status take_password(fly_sql_stmt *stmt, const fly_ast_const *value, wanted *w,
                                fly_err *err)
{
    w->password = true;
    w->role.verifier = NULL;
    if (value->type == FLY_AST_CONST_NULL) {
        return FLY_OK;
    }
    if (value->text.len == 0) {
        fly__sql_notice(stmt->session, "NOTICE", "00000",
                        "empty string is not a valid password, clearing password");
        return FLY_OK;
    }
    fly_auth_kind kind = fly_auth_kind_of(value->text);
    if (kind == FLY_AUTH_MD5_PASSWORD) {
        fly_status status = fly_err_state(err, "0A000", 0, "MD5 passwords are not supported");
        fly_err_hint(err, "Give the password itself, or a SCRAM-SHA-256 verifier.");
        return status;
    }
    if (kind != FLY_AUTH_NOT_A_VERIFIER) {
        w->role.verifier = (const char *)value->text.data;
        return strlen(w->role.verifier) <= FLY_SQL_VERIFIER_MAX
                   ? FLY_OK
                   : fly_err_state(err, "22023", 0, "the password's verifier is too long");
    }
    char *verifier = fly_arena_alloc(&stmt->line_arena, FLY_AUTH_VERIFIER_SIZE);
    if (verifier == NULL) {
        return no_memory(err);
    }
    w->role.verifier = verifier;
    return make_verifier(stmt, w->role.name, value->text, verifier, err);
}

static fly_status take_until(fly_sql_stmt *stmt, const fly_ast_const *value, wanted *w,
                             fly_err *err)
{
    fly_vec_value time;
    memset(&time, 0, sizeof time);
    fly_status status = fly__sql_value_in(stmt->session, fly__sql_type(FLY_SQL_TIMESTAMPTZ),
                                          value->text, &stmt->line_arena, &time, err);
    if (status == FLY_OK) {
        w->role.expires = time.i64 != INT64_MAX;
        w->role.valid_until = time.i64;
    }
    return status;
}

static fly_status take_option(fly_sql_stmt *stmt, const fly_ast_option *option, wanted *w,
                              fly_err *err)
{
    const char *name = option->name;
    const fly_ast_const *value = (const fly_ast_const *)option->value;
    if (strcmp(name, "password") == 0) {
        return take_password(stmt, value, w, err);
    }
    if (strcmp(name, "in_role") == 0) {
        w->in_role = (const fly_ast_row *)option->value;
        return FLY_OK;
    }
    if (strcmp(name, "role") == 0 || strcmp(name, "user") == 0) {
        w->members = (const fly_ast_row *)option->value;
        return FLY_OK;
    }
    if (strcmp(name, "admin") == 0) {
        w->admins = (const fly_ast_row *)option->value;
        return FLY_OK;
    }
    w->others = true;
    if (strcmp(name, "valid_until") == 0) {
        return take_until(stmt, value, w, err);
    }
    if (strcmp(name, "sysid") == 0) {
        fly__sql_notice(stmt->session, "NOTICE", "00000", "SYSID can no longer be specified");
        return FLY_OK;
    }
    if (strcmp(name, "connection_limit") == 0) {
        char text[24];
        (void)snprintf(text, sizeof text, "%.*s",
                       (int)(value->text.len < 23 ? value->text.len : 23),
                       (const char *)value->text.data);
        int limit = 0;
        if (sscanf(text, "%d", &limit) != 1 || limit < -1) {
            return fly_err_state(err, "22023", 0, "invalid connection limit: %s", text);
        }
        w->role.connection_limit = limit;
        return FLY_OK;
    }
    bool yes = value->value != 0;
    if (strcmp(name, "superuser") == 0) {
        w->superuser = true;
        w->role.superuser = yes;
    } else if (strcmp(name, "replication") == 0) {
        w->replication = true;
        w->role.replication = yes;
    } else if (strcmp(name, "bypassrls") == 0) {
        w->bypass_rls = true;
        w->role.bypass_rls = yes;
    } else if (strcmp(name, "createrole") == 0) {
        w->role.create_role = yes;
    } else if (strcmp(name, "createdb") == 0) {
        w->role.create_db = yes;
    } else if (strcmp(name, "login") == 0) {
        w->role.login = yes;
    } else {
        w->role.inherit = yes;
    }
    return FLY_OK;
}

static fly_status take_options(fly_sql_stmt *stmt, fly_ast_list options, wanted *w, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < options.count && status == FLY_OK; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options.items[i];
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(((const fly_ast_option *)options.items[k])->name, option->name) == 0) {
                return fly_err_state(err, "42601", option->node.pos,
                                     "conflicting or redundant options");
            }
        }
        status = take_option(stmt, option, w, err);
    }
    return status;
}

static bool is_super(const fly_sql_stmt *stmt)
{
    return fly__sql_is_superuser(stmt->session, stmt->session->user_oid);
}

static bool may_create_roles(const fly_sql_stmt *stmt)
{
    const fly__sql_role *user = fly__sql_role_of(stmt->session, stmt->session->user_oid);
    return user != NULL && (user->superuser || user->create_role);
}

static fly_status denied(fly_err *err, const char *message)
{
    return fly_err_state(err, "42501", 0, "%s", message);
}

/* -------------------------------------------------------------------- membership */

static const fly__sql_membership *membership_of(const fly__sql_role *member, uint32_t role)
{
    for (uint16_t i = 0; i < member->membership_count; i++) {
        if (member->memberships[i].role == role) {
            return &member->memberships[i];
        }
    }
    return NULL;
}

/* `member` with `change` among its memberships; `admin_only` takes the option from it, `gone` all. */
static fly_status put_membership(fly_sql_stmt *stmt, const fly__sql_role *member,
                                 fly__sql_membership change, bool gone, fly_err *err)
{
    fly__sql_role changed = *member;
    fly__sql_membership *list =
        fly__sql_ddl_alloc(stmt, (member->membership_count + 1u) * sizeof *list, err);
    if (list == NULL) {
        return FLY_E_NO_MEMORY;
    }
    uint16_t count = 0;
    for (uint16_t i = 0; i < member->membership_count; i++) {
        if (member->memberships[i].role != change.role) {
            list[count++] = member->memberships[i];
        }
    }
    if (!gone) {
        list[count++] = change;
    }
    changed.memberships = list;
    changed.membership_count = count;
    return fly__sql_role_put(stmt->session, FLY__SQL_O_ROLE, &changed, err);
}

/* Whether the user may hand out membership of a role. */
static fly_status check_admin(fly_sql_stmt *stmt, const fly__sql_role *role, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    if (role->superuser) {
        return is_super(stmt) ? FLY_OK : denied(err, "must be superuser to alter superusers");
    }
    if (may_create_roles(stmt)) {
        return FLY_OK;
    }
    size_t at = 0;
    const fly__sql_role *holder;
    while ((holder = fly__sql_role_next(session, &at)) != NULL) {
        const fly__sql_membership *in = membership_of(holder, role->oid);
        if (in != NULL && in->admin &&
            fly__sql_is_member(session, session->user_oid, holder->oid, true)) {
            return FLY_OK;
        }
    }
    return fly_err_state(err, "42501", 0, "must have admin option on role \"%s\"", role->name);
}

static fly_status add_member(fly_sql_stmt *stmt, uint32_t role_oid, uint32_t member_oid, bool admin,
                             uint32_t grantor, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_role *role = fly__sql_role_of(session, role_oid);
    const fly__sql_role *member = fly__sql_role_of(session, member_oid);
    if (role_oid == FLY__SQL_ROLE_DATABASE_OWNER) {
        return fly_err_state(err, "0LP01", 0, "role \"%s\" cannot have explicit members",
                             role->name);
    }
    if (member_oid == FLY__SQL_ROLE_DATABASE_OWNER) {
        return fly_err_state(err, "0LP01", 0, "role \"%s\" cannot be a member of any role",
                             member->name);
    }
    /* Superusers are members of all by what they are; here it is about what was said. */
    bool circle = role_oid == member_oid ||
                  (!fly__sql_is_superuser(session, role_oid) &&
                   fly__sql_is_member(session, role_oid, member_oid, false));
    for (uint16_t i = 0; !circle && i < role->membership_count; i++) {
        circle = role->memberships[i].role == member_oid;
    }
    if (circle) {
        return fly_err_state(err, "0LP01", 0, "role \"%s\" is a member of role \"%s\"", role->name,
                             member->name);
    }
    const fly__sql_membership *old = membership_of(member, role_oid);
    if (old != NULL && (old->admin || !admin)) {
        fly__sql_notice(session, "NOTICE", "42710",
                        "role \"%s\" is already a member of role \"%s\"", member->name, role->name);
        return FLY_OK;
    }
    const fly__sql_membership change = {.role = role_oid, .grantor = grantor, .admin = admin};
    return put_membership(stmt, member, change, false, err);
}

static fly_status remove_member(fly_sql_stmt *stmt, uint32_t role_oid, uint32_t member_oid,
                                bool admin_only, fly_err *err)
{
    const fly__sql_role *role = fly__sql_role_of(stmt->session, role_oid);
    const fly__sql_role *member = fly__sql_role_of(stmt->session, member_oid);
    const fly__sql_membership *old = membership_of(member, role_oid);
    if (old == NULL) {
        fly__sql_notice(stmt->session, "WARNING", "01000",
                        "role \"%s\" is not a member of role \"%s\"", member->name, role->name);
        return FLY_OK;
    }
    fly__sql_membership change = *old;
    change.admin = false;
    return put_membership(stmt, member, change, !admin_only, err);
}

/* Members that CREATE ROLE or ALTER GROUP lists. */
static fly_status add_members(fly_sql_stmt *stmt, uint32_t role, const fly_ast_row *members,
                              bool admin, bool drop, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; members != NULL && i < members->items.count && status == FLY_OK; i++) {
        uint32_t member = 0;
        status = fly__sql_ddl_role(stmt->session, members->items.items[i], false, &member, err);
        if (status == FLY_OK) {
            status = drop ? remove_member(stmt, role, member, false, err)
                          : add_member(stmt, role, member, admin, stmt->session->user_oid, err);
        }
    }
    return status;
}

fly_status fly__sql_grant_role(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_grant_role *node = (const fly_ast_grant_role *)stmt->node;
    fly_sql_session *session = stmt->session;
    uint32_t grantor = session->user_oid;
    fly__sql_ddl_tag(stmt, node->revoke ? "REVOKE ROLE" : "GRANT ROLE");
    fly_status status = fly__sql_role_lock(session, err);
    if (status == FLY_OK && node->granted_by != NULL) {
        status = fly__sql_ddl_role(session, node->granted_by, false, &grantor, err);
        if (status == FLY_OK && grantor != session->user_oid && !is_super(stmt)) {
            status = denied(err, "must be superuser to set grantor");
        }
    }
    for (uint32_t i = 0; i < node->roles.count && status == FLY_OK; i++) {
        const fly_ast_privilege *named = (const fly_ast_privilege *)node->roles.items[i];
        if (named->columns.count > 0) {
            return fly_err_state(err, "0LP01", named->node.pos,
                                 "column names cannot be included in GRANT/REVOKE ROLE");
        }
        const fly__sql_role *role = fly__sql_role_named(session, named->name);
        status = role == NULL ? no_role(named->name, err) : check_admin(stmt, role, err);
        uint32_t oid = role == NULL ? 0 : role->oid;
        for (uint32_t k = 0; k < node->grantees.count && status == FLY_OK; k++) {
            uint32_t member = 0;
            status = fly__sql_ddl_role(session, node->grantees.items[k], false, &member, err);
            if (status == FLY_OK) {
                status = node->revoke
                             ? remove_member(stmt, oid, member, node->admin_option, err)
                             : add_member(stmt, oid, member, node->admin_option, grantor, err);
            }
        }
    }
    return status;
}

/* ----------------------------------------------------------------------- CREATE */

static fly_status check_name(const char *name, fly_err *err)
{
    if (strcmp(name, "none") == 0 || strcmp(name, "public") == 0) {
        return fly_err_state(err, "42939", 0, "role name \"%s\" is reserved", name);
    }
    if (strncmp(name, "pg_", 3) != 0) {
        return FLY_OK;
    }
    fly_status status = fly_err_state(err, "42939", 0, "role name \"%s\" is reserved", name);
    fly_err_detail(err, "Role names starting with \"pg_\" are reserved.");
    return status;
}

static fly_status may_create(const fly_sql_stmt *stmt, const wanted *w, fly_err *err)
{
    if (is_super(stmt)) {
        return FLY_OK;
    }
    if (w->role.superuser) {
        return denied(err, "must be superuser to create superusers");
    }
    if (w->role.replication) {
        return denied(err, "must be superuser to create replication users");
    }
    if (w->role.bypass_rls) {
        return denied(err, "must be superuser to create bypassrls users");
    }
    return may_create_roles(stmt) ? FLY_OK : denied(err, "permission denied to create role");
}

fly_status fly__sql_create_role(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_role *node = (const fly_ast_create_role *)stmt->node;
    fly_sql_session *session = stmt->session;
    wanted w = {.role = {.name = node->name,
                         .inherit = true,
                         .login = node->type == FLY_AST_OBJECT_USER,
                         .connection_limit = -1}};
    fly__sql_ddl_tag(stmt, "CREATE ROLE");
    fly_status status = take_options(stmt, node->options, &w, err);
    if (status == FLY_OK) {
        status = may_create(stmt, &w, err);
    }
    if (status == FLY_OK) {
        status = check_name(node->name, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_role_oid_new(session, &w.role.oid, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_role_lock(session, err);
    }
    if (status == FLY_OK && fly__sql_role_named(session, node->name) != NULL) {
        if (node->if_not_exists) {
            fly__sql_notice(session, "NOTICE", "42710", "role \"%s\" already exists, skipping",
                            node->name);
            return FLY_OK;
        }
        return fly_err_state(err, "42710", 0, "role \"%s\" already exists", node->name);
    }
    if (status == FLY_OK) {
        status = fly__sql_role_put(session, FLY__SQL_O_ROLE, &w.role, err);
    }
    for (uint32_t i = 0; w.in_role != NULL && i < w.in_role->items.count && status == FLY_OK; i++) {
        uint32_t role = 0;
        status = fly__sql_ddl_role(session, w.in_role->items.items[i], false, &role, err);
        if (status == FLY_OK) {
            status = check_admin(stmt, fly__sql_role_of(session, role), err);
        }
        if (status == FLY_OK) {
            status = add_member(stmt, role, w.role.oid, false, session->user_oid, err);
        }
    }
    if (status == FLY_OK) {
        status = add_members(stmt, w.role.oid, w.members, false, false, err);
    }
    return status == FLY_OK ? add_members(stmt, w.role.oid, w.admins, true, false, err) : status;
}

/* ------------------------------------------------------------------------ ALTER */

static fly_status may_alter(const fly_sql_stmt *stmt, const fly__sql_role *role, const wanted *w,
                            fly_err *err)
{
    if (is_super(stmt)) {
        if (role->oid == FLY__SQL_ROLE_ADMIN && !w->role.superuser) {
            fly_status status = denied(err, "permission denied to alter role");
            fly_err_detail(err, "The bootstrap user must have the SUPERUSER attribute.");
            return status;
        }
        return FLY_OK;
    }
    if (role->superuser || w->superuser) {
        return denied(err, "must be superuser to alter superuser roles or change superuser "
                           "attribute");
    }
    if (role->replication || w->replication) {
        return denied(err, "must be superuser to alter replication roles or change replication "
                           "attribute");
    }
    if (w->bypass_rls) {
        return denied(err, "must be superuser to change bypassrls attribute");
    }
    bool own_password = role->oid == stmt->session->user_oid && w->password && !w->others;
    return may_create_roles(stmt) || own_password ? FLY_OK : denied(err, "permission denied");
}

static fly_status not_reserved(const fly__sql_role *role, fly_err *err)
{
    if (strncmp(role->name, "pg_", 3) != 0) {
        return FLY_OK;
    }
    fly_status status = fly_err_state(err, "42939", 0, "role name \"%s\" is reserved", role->name);
    fly_err_detail(err, "Cannot alter reserved roles.");
    return status;
}

static const fly__sql_role_setting *setting_of(fly_sql_session *session, uint32_t role,
                                               const char *database, const char *name)
{
    size_t at = 0;
    const fly__sql_role_setting *setting;
    while ((setting = fly__sql_role_setting_next(session, &at)) != NULL) {
        bool same_database = setting->database == NULL || database == NULL
                                 ? setting->database == database
                                 : strcmp(setting->database, database) == 0;
        if (setting->role == role && same_database &&
            (name == NULL || strcmp(setting->name, name) == 0)) {
            return setting;
        }
    }
    return NULL;
}

static fly_status forget_settings(fly_sql_session *session, uint32_t role, const char *database,
                                  const char *name, fly_err *err)
{
    const fly__sql_role_setting *setting;
    fly_status status = FLY_OK;
    while (status == FLY_OK && (setting = setting_of(session, role, database, name)) != NULL) {
        status = fly__sql_role_remove(session, FLY__SQL_O_ROLE_SETTING, setting->oid, err);
    }
    return status;
}

fly_status fly__sql_role_set(fly_sql_stmt *stmt, uint32_t role, const char *database,
                             const fly_ast_set *set, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    if (set->type == FLY_AST_SET_RESET_ALL) {
        return forget_settings(session, role, database, NULL, err);
    }
    if (set->type == FLY_AST_SET_RESET || set->type == FLY_AST_SET_DEFAULT) {
        return forget_settings(session, role, database, set->name, err);
    }
    const char *value = set->type == FLY_AST_SET_VALUE ? fly__sql_set_text(stmt, set)
                                                       : fly__sql_setting(session, set->name);
    if (value == NULL) {
        return fly_err_state(err, "42704", 0, "unrecognized configuration parameter \"%s\"",
                             set->name);
    }
    /* Whether it would do is found by doing it, and taking that back. */
    char *old = NULL;
    const char *now = fly__sql_setting(session, set->name);
    if (now != NULL) {
        old = fly_arena_copy(&stmt->line_arena, now, strlen(now) + 1);
    }
    fly_status status = fly__sql_setting_set(session, set->name, value, false, err);
    if (status == FLY_OK) {
        status = fly__sql_setting_set(session, set->name, old, false, err);
    }
    fly__sql_role_setting made = {
        .role = role, .database = database, .name = set->name, .value = value};
    if (status == FLY_OK) {
        status = fly__sql_role_oid_new(session, &made.oid, err);
    }
    if (status == FLY_OK) {
        status = forget_settings(session, role, database, set->name, err);
    }
    return status == FLY_OK ? fly__sql_role_put(session, FLY__SQL_O_ROLE_SETTING, &made, err)
                            : status;
}

static fly_status alter_settings(fly_sql_stmt *stmt, const fly_ast_alter_role *node,
                                 const fly__sql_role *role, fly_err *err)
{
    if (role == NULL && !is_super(stmt)) {
        return denied(err, "must be superuser to alter settings globally");
    }
    if (role != NULL && role->superuser && !is_super(stmt)) {
        return denied(err, "must be superuser to alter superusers");
    }
    if (role != NULL && !may_create_roles(stmt) && role->oid != stmt->session->user_oid) {
        return denied(err, "permission denied");
    }
    if (node->database != NULL) {
        bool there = false;
        fly_status status =
            fly__sql_database_exists(stmt->session->sql, node->database, &there, err);
        if (status != FLY_OK || !there) {
            return status != FLY_OK
                       ? status
                       : fly_err_state(err, "3D000", 0, "database \"%s\" does not exist",
                                       node->database);
        }
    }
    return fly__sql_role_set(stmt, role == NULL ? 0 : role->oid, node->database,
                             (const fly_ast_set *)node->set, err);
}

fly_status fly__sql_alter_role(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_alter_role *node = (const fly_ast_alter_role *)stmt->node;
    fly_sql_session *session = stmt->session;
    uint32_t oid = 0;
    fly__sql_ddl_tag(stmt, "ALTER ROLE");
    fly_status status = fly__sql_role_lock(session, err);
    if (status == FLY_OK && node->role != NULL) {
        status = fly__sql_ddl_role(session, node->role, false, &oid, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_role *role = node->role == NULL ? NULL : fly__sql_role_of(session, oid);
    if (node->role != NULL && role == NULL) {
        return no_role(session->user, err);
    }
    if (node->set != NULL) {
        return alter_settings(stmt, node, role, err);
    }
    if (node->type == FLY_AST_OBJECT_GROUP) {
        const fly_ast_option *users = (const fly_ast_option *)node->options.items[0];
        status = check_admin(stmt, role, err);
        return status == FLY_OK ? add_members(stmt, oid, (const fly_ast_row *)users->value, false,
                                              node->members == FLY_AST_OPTION_DROP, err)
                                : status;
    }
    wanted w = {.role = *role};
    status = not_reserved(role, err);
    if (status == FLY_OK) {
        status = take_options(stmt, node->options, &w, err);
    }
    if (status == FLY_OK) {
        status = may_alter(stmt, role, &w, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_role_put(session, FLY__SQL_O_ROLE, &w.role, err);
    }
    return status == FLY_OK ? add_members(stmt, oid, w.members, false, false, err) : status;
}

fly_status fly__sql_rename_role(fly_sql_stmt *stmt, const fly_ast_rename *node, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const char *name = ((const fly_ast_object *)node->object)->names.items[0];
    fly__sql_ddl_tag(stmt, "ALTER ROLE");
    fly_status status = fly__sql_role_lock(session, err);
    const fly__sql_role *role = status == FLY_OK ? fly__sql_role_named(session, name) : NULL;
    if (status == FLY_OK && role == NULL) {
        status = no_role(name, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (role->oid == session->state->login) {
        return fly_err_state(err, "0A000", 0, "session user cannot be renamed");
    }
    if (role->oid == session->user_oid) {
        return fly_err_state(err, "0A000", 0, "current user cannot be renamed");
    }
    if (role->builtin) {
        status = fly_err_state(err, "42939", 0, "role name \"%s\" is reserved", name);
        fly_err_detail(err, "Built-in roles keep their names.");
        return status;
    }
    status = check_name(node->new_name, err);
    if (status == FLY_OK && fly__sql_role_named(session, node->new_name) != NULL) {
        status = fly_err_state(err, "42710", 0, "role \"%s\" already exists", node->new_name);
    }
    if (status == FLY_OK && role->superuser && !is_super(stmt)) {
        status = denied(err, "must be superuser to rename superusers");
    } else if (status == FLY_OK && !may_create_roles(stmt)) {
        status = denied(err, "permission denied to rename role");
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_role changed = *role;
    changed.name = node->new_name;
    return fly__sql_role_put(session, FLY__SQL_O_ROLE, &changed, err);
}

fly_status fly__sql_comment_role(fly_sql_stmt *stmt, const fly_ast *named, const char *text,
                                 fly_err *err)
{
    uint32_t oid = 0;
    fly_status status = fly__sql_role_lock(stmt->session, err);
    if (status == FLY_OK) {
        status = fly__sql_ddl_role(stmt->session, named, false, &oid, err);
    }
    const fly__sql_role *role = status == FLY_OK ? fly__sql_role_of(stmt->session, oid) : NULL;
    if (status == FLY_OK && (role == NULL || !may_create_roles(stmt))) {
        status = fly_err_state(err, "42501", 0, "must have CREATEROLE privilege");
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_role changed = *role;
    changed.comment = text;
    return fly__sql_role_put(stmt->session, FLY__SQL_O_ROLE, &changed, err);
}

/* ------------------------------------------------------------------------- DROP */

/* It is nobody's group any more, and has no settings. */
static fly_status forget_role(fly_sql_stmt *stmt, uint32_t oid, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly_status status = FLY_OK;
    const fly__sql_role_setting *setting;
    size_t at = 0;
    while (status == FLY_OK && (setting = fly__sql_role_setting_next(session, &at)) != NULL) {
        if (setting->role == oid) {
            status = fly__sql_role_remove(session, FLY__SQL_O_ROLE_SETTING, setting->oid, err);
            at = 0;
        }
    }
    const fly__sql_role *other;
    at = 0;
    while (status == FLY_OK && (other = fly__sql_role_next(session, &at)) != NULL) {
        if (membership_of(other, oid) != NULL) {
            const fly__sql_membership change = {.role = oid};
            status = put_membership(stmt, other, change, true, err);
        }
    }
    return status == FLY_OK ? fly__sql_role_remove(session, FLY__SQL_O_ROLE, oid, err) : status;
}

fly_status fly__sql_drop_role(fly_sql_stmt *stmt, const fly_ast_drop *node, const fly_ast *named,
                              fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const char *name = ((const fly_ast_role *)named)->name;
    if (((const fly_ast_role *)named)->type != FLY_AST_ROLE_NAME) {
        return fly_err_state(err, "22023", 0, "cannot use special role specifier in DROP ROLE");
    }
    if (!may_create_roles(stmt)) {
        return denied(err, "permission denied to drop role");
    }
    fly_status status = fly__sql_role_lock(session, err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_role *role = fly__sql_role_named(session, name);
    if (role == NULL && node->if_exists) {
        fly__sql_notice(session, "NOTICE", "00000", "role \"%s\" does not exist, skipping", name);
        return FLY_OK;
    }
    if (role == NULL) {
        return no_role(name, err);
    }
    if (role->oid == session->user_oid) {
        return fly_err_state(err, "55006", 0, "current user cannot be dropped");
    }
    if (role->oid == session->state->login || role->oid == session->state->authenticated) {
        return fly_err_state(err, "55006", 0, "session user cannot be dropped");
    }
    if (role->superuser && !is_super(stmt)) {
        return denied(err, "must be superuser to drop superusers");
    }
    if (role->builtin) {
        return fly_err_state(err, "2BP01", 0,
                             "cannot drop role %s because it is required by the database system",
                             name);
    }
    status = fly__sql_role_unused(stmt, role, err);
    return status == FLY_OK ? forget_role(stmt, role->oid, err) : status;
}
