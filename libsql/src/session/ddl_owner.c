/*
 * Whose things are: OWNER TO, REASSIGN OWNED, DROP OWNED, and what still depends on a role.
 */
#include "session/role_int.h"

#include "catalog/system_int.h"
#include "catalog/view_int.h"
#include "session/statement_kind_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* -------------------------------------------------------------------- OWNER TO */

/* The list of an object whose owner is another now: what was the old one's is the new one's. */
static fly_status pass_rights(fly_sql_session *session, const fly__sql_secured *object,
                              uint32_t role, fly_err *err)
{
    fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
    uint16_t count = 0;
    bool own = false;
    const fly__sql_acl_item *items = NULL;
    if (object->class == FLY__SQL_RIGHT_DATABASE) {
        items = fly__sql_acl_of(session, session->view, object, room, &count, &own);
        count = own ? count : 0;
    } else {
        const fly__sql_acl *acl = fly__sql_object_of(session->view, FLY__SQL_O_ACL, object->oid);
        if (acl == NULL) {
            return FLY_OK;
        }
        items = acl->items;
        count = acl->count;
        own = acl->own;
    }
    fly_mem *mem = &session->account.mem;
    fly__sql_acl_item *changed = fly_mem_alloc(mem, (count + 1u) * sizeof *changed);
    if (changed == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for rights");
    }
    uint16_t kept = 0;
    for (uint16_t i = 0; i < count; i++) {
        fly__sql_acl_item item = items[i];
        item.grantee = item.grantee == object->owner ? role : item.grantee;
        item.grantor = item.grantor == object->owner ? role : item.grantor;
        uint16_t k = 0;
        while (k < kept &&
               (changed[k].grantee != item.grantee || changed[k].grantor != item.grantor ||
                changed[k].column != item.column)) {
            k++;
        }
        if (k == kept) {
            changed[kept++] = item;
        } else {
            changed[k].rights |= item.rights;
            changed[k].grantable |= item.grantable;
        }
    }
    fly__sql_secured given = *object;
    given.owner = role;
    fly_status status = fly__sql_acl_put(session, &given, own, changed, kept, err);
    fly_mem_free(mem, changed, (count + 1u) * sizeof *changed);
    return status;
}

/* The sequences of a table's columns are its owner's, and a row type is. */
static fly_status put_table_owner(fly_sql_session *session, uint32_t oid, uint32_t role,
                                  fly_err *err)
{
    fly__sql_table changed = *fly__sql_table_of(session->view, oid);
    changed.owner = role;
    fly_status status = fly__sql_change_put(session, FLY__SQL_O_TABLE, &changed, err);
    for (uint16_t i = 0; i < changed.column_count && status == FLY_OK; i++) {
        const fly__sql_table *sequence =
            changed.columns[i].sequence == 0
                ? NULL
                : fly__sql_table_of(session->view, changed.columns[i].sequence);
        if (sequence != NULL) {
            const fly__sql_secured object = fly__sql_secured_table(sequence);
            status = fly__sql_put_owner(session, &object, role, err);
        }
    }
    return status;
}

static fly_status put_database_owner(fly_sql_session *session, const char *name, uint32_t role,
                                     fly_err *err)
{
    fly_status status = fly__sql_role_lock(session, err);
    const fly__sql_database_rights *old = fly__sql_database_rights_of(session, name);
    fly__sql_database_rights made = {.name = name, .connection_limit = -1};
    if (old != NULL) {
        made = *old;
    } else if (status == FLY_OK) {
        status = fly__sql_role_oid_new(session, &made.oid, err);
    }
    made.owner = role;
    return status == FLY_OK ? fly__sql_role_put(session, FLY__SQL_O_DATABASE, &made, err) : status;
}

fly_status fly__sql_put_owner(fly_sql_session *session, const fly__sql_secured *object,
                              uint32_t role, fly_err *err)
{
    fly_status status = FLY_OK;
    switch (object->class) {
    case FLY__SQL_RIGHT_TABLE:
    case FLY__SQL_RIGHT_SEQUENCE:
        status = put_table_owner(session, object->oid, role, err);
        break;
    case FLY__SQL_RIGHT_FUNCTION: {
        fly__sql_user_function changed = *fly__sql_user_function_of(session->view, object->oid);
        changed.owner = role;
        status = fly__sql_change_put(session, FLY__SQL_O_FUNCTION, &changed, err);
        break;
    }
    case FLY__SQL_RIGHT_TYPE: {
        fly__sql_user_type changed = *fly__sql_user_type_of(session->view, object->oid);
        changed.owner = role;
        status = fly__sql_change_put(session, FLY__SQL_O_TYPE, &changed, err);
        if (status == FLY_OK && changed.table != 0) {
            status = put_table_owner(session, changed.table, role, err);
        }
        break;
    }
    case FLY__SQL_RIGHT_SCHEMA: {
        const fly__sql_schema *schema = fly__sql_schema_of(session->view, object->oid);
        fly__sql_schema changed = *schema;
        changed.owner = role;
        status = fly__sql_change_put(session, FLY__SQL_O_SCHEMA, &changed, err);
        break;
    }
    default:
        status = put_database_owner(session, object->name, role, err);
        break;
    }
    return status == FLY_OK ? pass_rights(session, object, role, err) : status;
}

/* The schema that an object is in; 0: none. */
static uint32_t schema_of(const fly_sql_session *session, const fly__sql_secured *object)
{
    switch (object->class) {
    case FLY__SQL_RIGHT_TABLE:
    case FLY__SQL_RIGHT_SEQUENCE:
        return fly__sql_table_of(session->view, object->oid)->schema;
    case FLY__SQL_RIGHT_FUNCTION:
        return fly__sql_user_function_of(session->view, object->oid)->schema;
    case FLY__SQL_RIGHT_TYPE:
        return fly__sql_user_type_of(session->view, object->oid)->schema;
    default:
        return 0;
    }
}

fly_status fly__sql_give(fly_sql_stmt *stmt, const fly__sql_secured *object, uint32_t role,
                         fly_err *err)
{
    fly_sql_session *session = stmt->session;
    if (role == object->owner) {
        return FLY_OK;
    }
    if (object->class != FLY__SQL_RIGHT_DATABASE && object->oid < FLY__SQL_OID_FIRST &&
        object->oid != FLY__SQL_SCHEMA_PUBLIC) {
        return fly_err_state(err, "42501", 0, "must be owner of %s %s", object->kind, object->name);
    }
    fly_status status = fly__sql_need_owner(session, object, err);
    if (status == FLY_OK && !fly__sql_is_superuser(session, session->user_oid)) {
        char room[FLY__SQL_NAME_MAX + 1];
        if (!fly__sql_is_member(session, session->user_oid, role, false)) {
            return fly_err_state(err, "42501", 0, "must be member of role \"%s\"",
                                 fly__sql_role_name(session, role, room));
        }
        uint32_t in = schema_of(session, object);
        const fly__sql_schema *schema = in == 0 ? NULL : fly__sql_schema_of(session->view, in);
        if (schema != NULL) {
            const fly__sql_secured place = fly__sql_secured_schema(schema);
            status = fly__sql_need_right(session, role, &place, FLY__SQL_MAY_CREATE, err);
        }
    }
    return status == FLY_OK ? fly__sql_put_owner(session, object, role, err) : status;
}

fly_status fly__sql_set_owner(fly_sql_stmt *stmt, fly_err *err)
{
    static const struct {
        fly_ast_object_kind kind;
        const char *tag;
    } tags[] = {{FLY_AST_OBJECT_TABLE, "ALTER TABLE"},
                {FLY_AST_OBJECT_VIEW, "ALTER VIEW"},
                {FLY_AST_OBJECT_MATVIEW, "ALTER MATERIALIZED VIEW"},
                {FLY_AST_OBJECT_SEQUENCE, "ALTER SEQUENCE"},
                {FLY_AST_OBJECT_SCHEMA, "ALTER SCHEMA"},
                {FLY_AST_OBJECT_DATABASE, "ALTER DATABASE"},
                {FLY_AST_OBJECT_TYPE, "ALTER TYPE"},
                {FLY_AST_OBJECT_DOMAIN, "ALTER DOMAIN"},
                {FLY_AST_OBJECT_FUNCTION, "ALTER FUNCTION"},
                {FLY_AST_OBJECT_PROCEDURE, "ALTER PROCEDURE"},
                {FLY_AST_OBJECT_ROUTINE, "ALTER ROUTINE"}};
    const fly_ast_set_owner *node = (const fly_ast_set_owner *)stmt->node;
    fly__sql_secured object;
    uint32_t role = 0;
    fly__sql_ddl_tag(stmt, "ALTER");
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (tags[i].kind == node->type) {
            fly__sql_ddl_tag(stmt, tags[i].tag);
        }
    }
    fly_status status = fly__sql_ddl_object(stmt, node->type, node->object, &object, err);
    if (status == FLY_OK) {
        status = fly__sql_ddl_role(stmt->session, node->role, false, &role, err);
    }
    return status == FLY_OK ? fly__sql_give(stmt, &object, role, err) : status;
}

/* --------------------------------------------------------------- all of a role's */

/* Call `each` for what a role owns in a view's database, until it fails; what is a part of something
 * else (a sequence of a column, the row type of a table) goes with that. */

static bool is_part(const fly__sql_catalog_view *view, const fly__sql_table *table)
{
    const fly__sql_sequence *sequence =
        table->class == FLY__SQL_SEQUENCE ? fly__sql_sequence_of(view, table->oid) : NULL;
    return table->class == FLY__SQL_COMPOSITE || (sequence != NULL && sequence->owner_table != 0);
}

/* The first object of a role at or behind `*kind`, `*at`; false: none. */
static bool next_owned(const fly__sql_catalog_view *view, uint32_t role, int *kind, size_t *at,
                       fly__sql_secured *object)
{
    for (; *kind < 4; (*kind)++, *at = 0) {
        if (*kind == 0) {
            const fly__sql_table *table;
            while ((table = fly__sql_table_next(view, at)) != NULL) {
                if (table->owner == role && !is_part(view, table)) {
                    *object = fly__sql_secured_table(table);
                    return true;
                }
            }
        } else if (*kind == 1) {
            const fly__sql_user_function *function;
            while ((function = fly__sql_user_function_each(view, at)) != NULL) {
                if (function->owner == role) {
                    *object = fly__sql_secured_function(function);
                    return true;
                }
            }
        } else if (*kind == 2) {
            const fly__sql_user_type *type;
            while ((type = fly__sql_user_type_next(view, at)) != NULL) {
                if (type->owner == role) {
                    *object = fly__sql_secured_type(type);
                    return true;
                }
            }
        } else {
            const fly__sql_schema *schema;
            while ((schema = fly__sql_schema_next(view, at)) != NULL) {
                if (schema->owner == role) {
                    *object = fly__sql_secured_schema(schema);
                    return true;
                }
            }
        }
    }
    return false;
}

/* What an entry of rights is about; false: it is gone. */
static bool object_of(const fly__sql_catalog_view *view, uint32_t oid, fly__sql_secured *object)
{
    const fly__sql_table *table = fly__sql_table_of(view, oid);
    const fly__sql_user_function *function = fly__sql_user_function_of(view, oid);
    const fly__sql_schema *schema = fly__sql_schema_of(view, oid);
    const fly__sql_user_type *type = fly__sql_object_of(view, FLY__SQL_O_TYPE, oid);
    if (table != NULL) {
        *object = fly__sql_secured_table(table);
    } else if (function != NULL) {
        *object = fly__sql_secured_function(function);
    } else if (schema != NULL) {
        *object = fly__sql_secured_schema(schema);
    } else if (type != NULL) {
        *object = fly__sql_secured_type(type);
    }
    return table != NULL || function != NULL || schema != NULL || type != NULL;
}

static bool names_role(const fly__sql_acl_item *items, uint16_t count, uint32_t role)
{
    for (uint16_t i = 0; i < count; i++) {
        if (items[i].grantee == role || items[i].grantor == role) {
            return true;
        }
    }
    return false;
}

static bool for_role(const fly__sql_policy *policy, uint32_t role)
{
    for (uint16_t i = 0; i < policy->role_count; i++) {
        if (policy->roles[i] == role) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ REASSIGN OWNED */

static fly_status reassign_one(fly_sql_stmt *stmt, uint32_t from, uint32_t to, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly_status status = FLY_OK;
    fly__sql_secured object;
    int kind = 0;
    size_t at = 0;
    while (status == FLY_OK && next_owned(session->view, from, &kind, &at, &object)) {
        status = fly__sql_put_owner(session, &object, to,
                                    err); /* the walk goes on in the changed view */
    }
    const fly__sql_database_rights *database;
    at = 0;
    while (status == FLY_OK && (database = fly__sql_database_rights_next(session, &at)) != NULL) {
        if (database->owner == from) {
            char name[FLY__SQL_DATABASE_NAME_MAX + 1];
            (void)snprintf(name, sizeof name, "%s", database->name);
            object = fly__sql_secured_database(session, name);
            status = fly__sql_put_owner(session, &object, to, err);
        }
    }
    return status;
}

/* ---------------------------------------------------------------------- DROP OWNED */

static fly_status drop_object(fly_sql_stmt *stmt, const fly__sql_secured *object, bool cascade,
                              fly_err *err)
{
    fly_sql_session *session = stmt->session;
    switch (object->class) {
    case FLY__SQL_RIGHT_TABLE:
    case FLY__SQL_RIGHT_SEQUENCE: {
        const fly__sql_table *table = fly__sql_table_of(session->view, object->oid);
        fly_ast_object_kind kind = table->class == FLY__SQL_VIEW       ? FLY_AST_OBJECT_VIEW
                                   : table->class == FLY__SQL_MATVIEW  ? FLY_AST_OBJECT_MATVIEW
                                   : table->class == FLY__SQL_SEQUENCE ? FLY_AST_OBJECT_SEQUENCE
                                                                       : FLY_AST_OBJECT_TABLE;
        return fly__sql_drop_named(stmt, kind,
                                   fly__sql_schema_of(session->view, table->schema)->name,
                                   table->name, cascade, err);
    }
    case FLY__SQL_RIGHT_TYPE: {
        const fly__sql_user_type *type = fly__sql_user_type_of(session->view, object->oid);
        return fly__sql_drop_named(stmt, FLY_AST_OBJECT_TYPE,
                                   fly__sql_schema_of(session->view, type->schema)->name,
                                   type->name, cascade, err);
    }
    case FLY__SQL_RIGHT_SCHEMA:
        return fly__sql_drop_named(stmt, FLY_AST_OBJECT_SCHEMA, NULL, object->name, cascade, err);
    default: {
        fly_status status = fly__sql_change_remove(session, FLY__SQL_O_FUNCTION, object->oid, err);
        return status == FLY_OK ? fly__sql_acl_drop(session, object->oid, err) : status;
    }
    }
}

/* Take a role out of a list. */
static fly_status without(fly_sql_stmt *stmt, const fly__sql_acl_item *items, uint16_t *count,
                          uint32_t role, fly__sql_acl_item **kept, fly_err *err)
{
    *kept = fly__sql_ddl_alloc(stmt, (*count + 1u) * sizeof **kept, err);
    if (*kept == NULL) {
        return FLY_E_NO_MEMORY;
    }
    uint16_t left = 0;
    for (uint16_t i = 0; i < *count; i++) {
        if (items[i].grantee != role && items[i].grantor != role) {
            (*kept)[left++] = items[i];
        }
    }
    *count = left;
    return FLY_OK;
}

static fly_status forget_rights(fly_sql_stmt *stmt, uint32_t role, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly_status status = FLY_OK;
    size_t at = 0;
    const fly__sql_acl *acl;
    while (status == FLY_OK &&
           (acl = fly__sql_object_next(session->view, FLY__SQL_O_ACL, &at)) != NULL) {
        fly__sql_acl_item *kept = NULL;
        uint16_t count = acl->count;
        if (!names_role(acl->items, acl->count, role)) {
            continue;
        }
        status = without(stmt, acl->items, &count, role, &kept, err);
        const fly__sql_acl made = {.oid = acl->oid, .own = acl->own, .items = kept, .count = count};
        if (status == FLY_OK) {
            status = fly__sql_change_put(session, FLY__SQL_O_ACL, &made, err);
        }
    }
    const fly__sql_default_acl *base;
    at = 0;
    while (status == FLY_OK &&
           (base = fly__sql_object_next(session->view, FLY__SQL_O_DEFAULT_ACL, &at)) != NULL) {
        fly__sql_default_acl made = *base;
        fly__sql_acl_item *kept = NULL;
        if (base->role == role) {
            status = fly__sql_change_remove(session, FLY__SQL_O_DEFAULT_ACL, base->oid, err);
            at = 0;
        } else if (names_role(base->items, base->count, role)) {
            status = without(stmt, base->items, &made.count, role, &kept, err);
            made.items = kept;
            if (status == FLY_OK) {
                status = fly__sql_change_put(session, FLY__SQL_O_DEFAULT_ACL, &made, err);
            }
        }
    }
    at = 0;
    const fly__sql_database_rights *database;
    while (status == FLY_OK && (database = fly__sql_database_rights_next(session, &at)) != NULL) {
        fly__sql_database_rights made = *database;
        fly__sql_acl_item *kept = NULL;
        if (names_role(database->items, database->count, role)) {
            status = without(stmt, database->items, &made.count, role, &kept, err);
            made.items = kept;
            if (status == FLY_OK) {
                status = fly__sql_role_put(session, FLY__SQL_O_DATABASE, &made, err);
            }
        }
    }
    return status;
}

/* Policies are for others only, or for nobody. */
static fly_status forget_policies(fly_sql_stmt *stmt, const fly__sql_table *table, uint32_t role,
                                  fly_err *err)
{
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for policies");
    }
    const fly__sql_policy **list;
    memcpy(&list, &copy->policies, sizeof list);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < copy->policy_count; i++) {
        fly__sql_policy *policy = fly__sql_ddl_alloc(stmt, sizeof *policy, err);
        uint32_t *roles = fly__sql_ddl_alloc(stmt, (list[i]->role_count + 1u) * sizeof *roles, err);
        if (policy == NULL || roles == NULL) {
            return FLY_E_NO_MEMORY;
        }
        *policy = *list[i];
        uint16_t count = 0;
        for (uint16_t k = 0; k < policy->role_count; k++) {
            if (policy->roles[k] != role) {
                roles[count++] = policy->roles[k];
            }
        }
        if (count > 0 || policy->role_count == 0) {
            policy->roles = roles;
            policy->role_count = count;
            list[kept++] = policy;
        }
    }
    copy->policy_count = kept;
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

static fly_status drop_owned(fly_sql_stmt *stmt, uint32_t role, bool cascade, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly_status status = FLY_OK;
    fly__sql_secured object;
    int kind = 0;
    size_t at = 0;
    while (status == FLY_OK && next_owned(session->view, role, &kind, &at, &object)) {
        status = drop_object(stmt, &object, cascade, err);
        at = 0; /* others may have gone with it */
    }
    if (status == FLY_OK) {
        status = forget_rights(stmt, role, err);
    }
    const fly__sql_table *table;
    at = 0;
    while (status == FLY_OK && (table = fly__sql_table_next(session->view, &at)) != NULL) {
        bool named = false;
        for (uint16_t i = 0; i < table->policy_count; i++) {
            named = named || for_role(table->policies[i], role);
        }
        if (named) {
            status = forget_policies(stmt, table, role, err);
        }
    }
    return status;
}

fly_status fly__sql_reassign(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_reassign *node = (const fly_ast_reassign *)stmt->node;
    fly_sql_session *session = stmt->session;
    uint32_t to = 0;
    fly__sql_ddl_tag(stmt, node->drop ? "DROP OWNED" : "REASSIGN OWNED");
    fly_status status = node->drop ? FLY_OK : fly__sql_ddl_role(session, node->to, false, &to, err);
    for (uint32_t i = 0; i < node->roles.count && status == FLY_OK; i++) {
        uint32_t role = 0;
        status = fly__sql_ddl_role(session, node->roles.items[i], false, &role, err);
        if (status != FLY_OK) {
            return status;
        }
        if (!fly__sql_is_member(session, session->user_oid, role, true) ||
            (!node->drop && !fly__sql_is_member(session, session->user_oid, to, true))) {
            return fly_err_state(err, "42501", 0,
                                 node->drop ? "permission denied to drop objects"
                                            : "permission denied to reassign objects");
        }
        if (role == FLY__SQL_ROLE_ADMIN) {
            char room[FLY__SQL_NAME_MAX + 1];
            return fly_err_state(err, "2BP01", 0,
                                 node->drop ? "cannot drop objects owned by role %s because they "
                                              "are required by the database system"
                                            : "cannot reassign ownership of objects owned by role "
                                              "%s because they are required by the database system",
                                 fly__sql_role_name(session, role, room));
        }
        status = node->drop ? drop_owned(stmt, role, node->cascade, err)
                            : reassign_one(stmt, role, to, err);
    }
    return status;
}

/* ----------------------------------------------------------------- what depends */

/* The lines that say what depends on a role. */
typedef struct lines {
    char text[1000];
    size_t len;
    uint32_t count;
} lines;

static void add_line(lines *l, const char *format, ...) FLY_PRINTF(2, 3);
static void add_line(lines *l, const char *format, ...)
{
    va_list args;
    l->count++;
    if (l->len + 80 > sizeof l->text) {
        return; /* enough has been said */
    }
    if (l->len > 0) {
        l->text[l->len++] = '\n';
    }
    va_start(args, format);
    int n = vsnprintf(l->text + l->len, sizeof l->text - l->len, format, args);
    va_end(args);
    size_t left = sizeof l->text - l->len - 1;
    l->len += n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
}

static void look(const fly__sql_catalog_view *view, uint32_t role, lines *l)
{
    fly__sql_secured object;
    int kind = 0;
    size_t at = 0;
    while (next_owned(view, role, &kind, &at, &object)) {
        add_line(l, "owner of %s %s", object.kind, object.name);
    }
    const fly__sql_acl *acl;
    at = 0;
    while ((acl = fly__sql_object_next(view, FLY__SQL_O_ACL, &at)) != NULL) {
        if (names_role(acl->items, acl->count, role) && object_of(view, acl->oid, &object) &&
            object.owner != role) {
            add_line(l, "privileges for %s %s", object.kind, object.name);
        }
    }
    const fly__sql_default_acl *base;
    at = 0;
    while ((base = fly__sql_object_next(view, FLY__SQL_O_DEFAULT_ACL, &at)) != NULL) {
        if (base->role == role) {
            add_line(l, "owner of default privileges");
        } else if (names_role(base->items, base->count, role)) {
            add_line(l, "privileges for default privileges");
        }
    }
    const fly__sql_table *table;
    at = 0;
    while ((table = fly__sql_table_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->policy_count; i++) {
            if (for_role(table->policies[i], role)) {
                add_line(l, "target of policy %s on table %s", table->policies[i]->name,
                         table->name);
            }
        }
    }
}

/* Other databases are opened to look into them. */
typedef struct elsewhere {
    fly_sql_session *session;
    uint32_t role;
    lines *lines;
    fly_status status;
    fly_err *err;
} elsewhere;

static void look_elsewhere(void *ctx, const char *name)
{
    elsewhere *e = ctx;
    fly_sql_session *session = e->session;
    fly__sql_database *database = NULL;
    fly__sql_catalog_view *view = NULL;
    lines there = {.len = 0};
    if (e->status != FLY_OK || strcmp(name, session->database->name) == 0) {
        return;
    }
    e->status = fly__sql_database_acquire(session->sql, name, false, &database, e->err);
    if (e->status != FLY_OK) {
        return;
    }
    e->status = fly__sql_view_acquire(database->catalog, NULL, session, &view, e->err);
    if (e->status == FLY_OK) {
        look(view, e->role, &there);
        fly__sql_view_release(view);
    }
    fly__sql_database_release(session->sql, database);
    if (there.count > 0) {
        add_line(e->lines,
                 there.count == 1 ? "%u object in database %s" : "%u objects in database %s",
                 there.count, name);
    }
}

fly_status fly__sql_role_unused(fly_sql_stmt *stmt, const fly__sql_role *role, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    lines found = {.len = 0};
    look(session->view, role->oid, &found);
    size_t at = 0;
    const fly__sql_database_rights *database;
    while ((database = fly__sql_database_rights_next(session, &at)) != NULL) {
        if (database->owner == role->oid) {
            add_line(&found, "owner of database %s", database->name);
        } else if (names_role(database->items, database->count, role->oid)) {
            add_line(&found, "privileges for database %s", database->name);
        }
    }
    elsewhere others = {.session = session, .role = role->oid, .lines = &found, .err = err};
    fly_status status = fly__sql_database_list(session->sql, look_elsewhere, &others, err);
    status = status == FLY_OK ? others.status : status;
    if (status == FLY_OK && found.count > 0) {
        status = fly_err_state(err, "2BP01", 0,
                               "role \"%s\" cannot be dropped because some objects depend on it",
                               role->name);
        fly_err_detail(err, "%s", found.text);
    }
    return status;
}
