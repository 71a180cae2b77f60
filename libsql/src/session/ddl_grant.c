/*
 * GRANT and REVOKE of rights on objects, and ALTER DEFAULT PRIVILEGES.
 *
 * An object's list is changed as PostgreSQL changes it: who grants is the object's owner if the user is
 * as good as that, else the one of the user's roles that has most of the grant options; a right goes
 * with the grant option that it came by (CASCADE), or stays (2BP01).
 *
 * What is not here: what the lists mean (catalog/right.c), GRANT ... WHERE (ddl_policy.c).
 */
#include "session/role_int.h"

#include "catalog/system_int.h"

#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for rights");
}

/* ------------------------------------------------------------------- the objects */

/* name(type, type), as it was written. */
static const char *signature(fly_sql_stmt *stmt, const fly_ast_object *object, fly_err *err)
{
    const char *name = object->names.items[object->names.count - 1];
    const char *text = fly__sql_ddl_format(stmt, err, "%s(", name);
    for (uint32_t i = 0; text != NULL && i < object->args.count; i++) {
        const fly_ast_function_param *param = (const fly_ast_function_param *)object->args.items[i];
        const char *type = fly__sql_ddl_text(stmt, param->type, err);
        text = type == NULL
                   ? NULL
                   : fly__sql_ddl_format(stmt, err, "%s%s%s", text, i > 0 ? ", " : "", type);
    }
    text = text == NULL ? NULL : fly__sql_ddl_format(stmt, err, "%s)", text);
    return text == NULL ? name : text;
}

static fly_status function_object(fly_sql_stmt *stmt, const fly_ast_object *object,
                                  fly__sql_secured *found, fly_err *err)
{
    const fly__sql_user_function *function = NULL;
    const char *name = object->names.items[object->names.count - 1];
    uint32_t count = fly__sql_ddl_function(stmt, object, &function);
    if (count > 1) {
        return fly_err_state(err, "42725", 0, "function name \"%s\" is not unique", name);
    }
    if (count == 0) {
        return object->has_args
                   ? fly_err_state(err, "42883", 0, "function %s does not exist",
                                   signature(stmt, object, err))
                   : fly_err_state(err, "42883", 0, "could not find a function named \"%s\"", name);
    }
    *found = fly__sql_secured_function(function);
    return FLY_OK;
}

static fly_status relation_object(fly_sql_stmt *stmt, const fly_ast *node, const char *classes,
                                  fly__sql_secured *found, fly_err *err)
{
    const fly__sql_table *table = NULL;
    fly_status status;
    if (node->kind == FLY_AST_RELATION) {
        status = fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node, classes, &table, err);
    } else {
        status = fly__sql_ddl_named(stmt, &((const fly_ast_object *)node)->names, 0, classes,
                                    &table, err);
    }
    if (status == FLY_OK) {
        *found = fly__sql_secured_table(table);
    }
    return status;
}

fly_status fly__sql_ddl_object(fly_sql_stmt *stmt, fly_ast_object_kind kind, const fly_ast *node,
                               fly__sql_secured *found, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly_ast_object *object = (const fly_ast_object *)node;
    switch (kind) {
    case FLY_AST_OBJECT_TABLE:
        return relation_object(stmt, node, NULL, found, err);
    case FLY_AST_OBJECT_VIEW:
        return relation_object(stmt, node, "v", found, err);
    case FLY_AST_OBJECT_MATVIEW:
        return relation_object(stmt, node, "m", found, err);
    case FLY_AST_OBJECT_SEQUENCE:
        return relation_object(stmt, node, "S", found, err);
    case FLY_AST_OBJECT_SCHEMA: {
        const fly__sql_schema *schema =
            fly__sql_schema_named(session->view, object->names.items[0]);
        if (schema == NULL) {
            return fly_err_state(err, "3F000", 0, "schema \"%s\" does not exist",
                                 object->names.items[0]);
        }
        *found = fly__sql_secured_schema(schema);
        return FLY_OK;
    }
    case FLY_AST_OBJECT_DATABASE: {
        bool there = false;
        const char *name = object->names.items[0];
        fly_status status = fly__sql_database_exists(session->sql, name, &there, err);
        if (status == FLY_OK && !there) {
            status = fly_err_state(err, "3D000", 0, "database \"%s\" does not exist", name);
        }
        *found = fly__sql_secured_database(session, name);
        return status;
    }
    case FLY_AST_OBJECT_TYPE:
    case FLY_AST_OBJECT_DOMAIN: {
        const fly_ast_type *written = (const fly_ast_type *)object->type;
        const fly_ast_names *names = written != NULL ? &written->names : &object->names;
        const char *name = names->items[names->count - 1];
        const fly__sql_user_type *type = fly__sql_user_type_named(
            session->view, names->count > 1 ? names->items[names->count - 2] : NULL, name);
        if (type == NULL) {
            return fly_err_state(err, "42704", 0, "type \"%s\" does not exist", name);
        }
        *found = fly__sql_secured_type(type);
        return FLY_OK;
    }
    case FLY_AST_OBJECT_FUNCTION:
    case FLY_AST_OBJECT_PROCEDURE:
    case FLY_AST_OBJECT_ROUTINE:
        return function_object(stmt, object, found, err);
    default:
        return fly_err_state(err, "0A000", stmt->node->pos,
                             "rights on this kind of object are not supported");
    }
}

/* --------------------------------------------------------------------- the rights */

static const struct {
    const char *name;
    uint32_t right;
} words[] = {{"insert", FLY__SQL_MAY_INSERT},
             {"select", FLY__SQL_MAY_SELECT},
             {"update", FLY__SQL_MAY_UPDATE},
             {"delete", FLY__SQL_MAY_DELETE},
             {"truncate", FLY__SQL_MAY_TRUNCATE},
             {"references", FLY__SQL_MAY_REFERENCES},
             {"trigger", FLY__SQL_MAY_TRIGGER},
             {"execute", FLY__SQL_MAY_EXECUTE},
             {"usage", FLY__SQL_MAY_USAGE},
             {"create", FLY__SQL_MAY_CREATE},
             {"temporary", FLY__SQL_MAY_TEMP},
             {"temp", FLY__SQL_MAY_TEMP},
             {"connect", FLY__SQL_MAY_CONNECT},
             {"set", FLY__SQL_MAY_SET},
             {"alter system", FLY__SQL_MAY_ALTER_SYSTEM}};

static fly_status right_named(const char *name, uint32_t *right, const char **shown, fly_err *err)
{
    static const char *const upper[] = {
        "INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER",     "EXECUTE",
        "USAGE",  "CREATE", "TEMP",   "TEMP",   "CONNECT",  "SET",        "ALTER SYSTEM"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].name, name) == 0) {
            *right = words[i].right;
            *shown = upper[i];
            return FLY_OK;
        }
    }
    return fly_err_state(err, "42601", 0, "unrecognized privilege type \"%s\"", name);
}

enum {
    COLUMN_RIGHTS = FLY__SQL_MAY_INSERT | FLY__SQL_MAY_SELECT | FLY__SQL_MAY_UPDATE |
                    FLY__SQL_MAY_REFERENCES
};

static const char *class_name(char class)
{
    switch (class) {
    case FLY__SQL_RIGHT_TABLE:
        return "table";
    case FLY__SQL_RIGHT_SEQUENCE:
        return "sequence";
    case FLY__SQL_RIGHT_FUNCTION:
        return "function";
    case FLY__SQL_RIGHT_TYPE:
        return "type";
    case FLY__SQL_RIGHT_SCHEMA:
        return "schema";
    default:
        return "database";
    }
}

static fly_status invalid(const char *shown, const char *class, fly_err *err)
{
    return fly_err_state(err, "0LP01", 0, "invalid privilege type %s for %s", shown, class);
}

/* The rights on the whole object that a statement names; those of columns are left out. */
static fly_status whole_rights(const fly_ast_grant *node, char class, uint32_t *rights, bool *all,
                               fly_err *err)
{
    *rights = 0;
    *all = node->privileges.count == 0;
    if (*all) {
        *rights = fly__sql_rights_all(class);
    }
    for (uint32_t i = 0; i < node->privileges.count; i++) {
        const fly_ast_privilege *privilege = (const fly_ast_privilege *)node->privileges.items[i];
        uint32_t right = 0;
        const char *shown = NULL;
        if (privilege->name == NULL) {
            continue; /* ALL (columns) */
        }
        fly_status status = right_named(privilege->name, &right, &shown, err);
        if (status != FLY_OK) {
            return status;
        }
        if (privilege->columns.count > 0) {
            if (class != FLY__SQL_RIGHT_TABLE) {
                return fly_err_state(err, "0LP01", 0,
                                     "column privileges are only valid for "
                                     "relations");
            }
            if ((right & COLUMN_RIGHTS) == 0) {
                return invalid(shown, "column", err);
            }
            continue;
        }
        if ((right & fly__sql_rights_all(class)) == 0) {
            /* As PostgreSQL words it, which first asks for what any relation has. */
            bool foreign = class == FLY__SQL_RIGHT_TABLE &&
                           (right & fly__sql_rights_all(FLY__SQL_RIGHT_SEQUENCE)) == 0;
            return invalid(shown, foreign ? "relation" : class_name(class), err);
        }
        *rights |= right;
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------------- one list */

/* A list that is being changed. */
typedef struct list {
    fly_sql_stmt *stmt;
    fly__sql_acl_item *items;
    uint16_t count;
    uint16_t room;
} list;

static fly_status list_room(list *l, fly_err *err)
{
    if (l->count < l->room) {
        return FLY_OK;
    }
    if (l->room > UINT16_MAX / 2) {
        return fly_err_state(err, "54000", 0, "too many rights on one object");
    }
    uint16_t room = (uint16_t)(2 * l->room + 8);
    fly__sql_acl_item *grown = fly_arena_alloc(&l->stmt->line_arena, room * sizeof *grown);
    if (grown == NULL) {
        return no_memory(err);
    }
    if (l->count > 0) {
        memcpy(grown, l->items, l->count * sizeof *grown);
    }
    l->items = grown;
    l->room = room;
    return FLY_OK;
}

/* How a list changes. */
typedef struct change {
    bool revoke;
    bool option; /* WITH GRANT OPTION, or GRANT OPTION FOR */
    bool cascade;
    uint32_t grantor;
    uint32_t owner;
} change;

static fly_status list_add(list *l, const change *c, uint32_t grantee, uint16_t column,
                           uint32_t rights, fly_err *err)
{
    for (uint16_t i = 0; i < l->count; i++) {
        fly__sql_acl_item *item = &l->items[i];
        if (item->grantee == grantee && item->grantor == c->grantor && item->column == column) {
            item->rights |= rights;
            item->grantable |= c->option ? rights : 0;
            return FLY_OK;
        }
    }
    fly_status status = list_room(l, err);
    if (status == FLY_OK) {
        l->items[l->count++] = (fly__sql_acl_item){.grantee = grantee,
                                                   .grantor = c->grantor,
                                                   .rights = rights,
                                                   .grantable = c->option ? rights : 0,
                                                   .column = column};
    }
    return status;
}

static uint32_t options_of(const list *l, uint32_t role, uint16_t column)
{
    uint32_t options = 0;
    for (uint16_t i = 0; i < l->count; i++) {
        if (l->items[i].grantee == role && l->items[i].column == column) {
            options |= l->items[i].grantable;
        }
    }
    return options;
}

/* Take rights away, and those that were granted by what was taken. Each round takes from one item. */
static fly_status list_take(list *l, const change *c, uint32_t grantee, uint16_t column,
                            uint32_t rights, fly_err *err)
{
    for (uint16_t i = 0; i < l->count; i++) {
        fly__sql_acl_item *item = &l->items[i];
        if (item->grantee == grantee && item->grantor == c->grantor && item->column == column) {
            item->grantable &= ~rights;
            item->rights &= c->option ? UINT32_MAX : ~rights;
        }
    }
    bool again = true;
    while (again) {
        again = false;
        for (uint16_t i = 0; i < l->count && !again; i++) {
            fly__sql_acl_item *item = &l->items[i];
            uint32_t lost = item->grantor == c->owner
                                ? 0
                                : item->rights & ~options_of(l, item->grantor, item->column);
            if (lost == 0) {
                continue;
            }
            if (!c->cascade) {
                fly_status status = fly_err_state(err, "2BP01", 0, "dependent privileges exist");
                fly_err_hint(err, "Use CASCADE to revoke them too.");
                return status;
            }
            item->rights &= ~lost;
            item->grantable &= ~lost;
            again = true;
        }
    }
    uint16_t kept = 0;
    for (uint16_t i = 0; i < l->count; i++) {
        if (l->items[i].rights != 0) {
            l->items[kept++] = l->items[i];
        }
    }
    l->count = kept;
    return FLY_OK;
}

static fly_status list_change(list *l, const change *c, fly_ast_list grantees, uint16_t column,
                              uint32_t rights, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < grantees.count && status == FLY_OK; i++) {
        uint32_t grantee = 0;
        status = fly__sql_ddl_role(l->stmt->session, grantees.items[i], true, &grantee, err);
        if (status == FLY_OK && grantee == FLY__SQL_ROLE_PUBLIC && c->option && !c->revoke) {
            status = fly_err_state(err, "0LP01", 0, "grant options can only be granted to roles");
        }
        if (status == FLY_OK && rights != 0) {
            status = c->revoke ? list_take(l, c, grantee, column, rights, err)
                               : list_add(l, c, grantee, column, rights, err);
        }
    }
    return status;
}

/* ---------------------------------------------------------------------- putting it */

static bool same_items(const fly__sql_acl_item *a, const fly__sql_acl_item *b, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        if (a[i].grantee != b[i].grantee || a[i].grantor != b[i].grantor ||
            a[i].rights != b[i].rights || a[i].grantable != b[i].grantable ||
            a[i].column != b[i].column) {
            return false;
        }
    }
    return true;
}

static fly_status put_database(fly_sql_session *session, const fly__sql_secured *object, bool own,
                               const fly__sql_acl_item *items, uint16_t count, fly_err *err)
{
    fly_status status = fly__sql_role_lock(session, err);
    const fly__sql_database_rights *old = fly__sql_database_rights_of(session, object->name);
    fly__sql_database_rights made = {.name = object->name, .connection_limit = -1};
    if (old != NULL) {
        made = *old;
    } else if (status == FLY_OK) {
        status = fly__sql_role_oid_new(session, &made.oid, err);
    }
    made.owner = object->owner;
    made.own = own;
    made.items = items;
    made.count = own ? count : 0;
    return status == FLY_OK ? fly__sql_role_put(session, FLY__SQL_O_DATABASE, &made, err) : status;
}

fly_status fly__sql_acl_put(fly_sql_session *session, const fly__sql_secured *object, bool own,
                            const fly__sql_acl_item *items, uint16_t count, fly_err *err)
{
    if (object->class == FLY__SQL_RIGHT_DATABASE) {
        return put_database(session, object, own, items, count, err);
    }
    if (!own && count == 0) {
        return fly__sql_acl_drop(session, object->oid, err);
    }
    const fly__sql_acl made = {.oid = object->oid, .own = own, .items = items, .count = count};
    return fly__sql_change_put(session, FLY__SQL_O_ACL, &made, err);
}

fly_status fly__sql_acl_drop(fly_sql_session *session, uint32_t oid, fly_err *err)
{
    return fly__sql_object_of(session->view, FLY__SQL_O_ACL, oid) == NULL
               ? FLY_OK
               : fly__sql_change_remove(session, FLY__SQL_O_ACL, oid, err);
}

/* ------------------------------------------------------------------- one statement */

/* Who grants: the owner, if the user is as good; else the role of the user's with most options. */
static uint32_t best_grantor(fly_sql_session *session, const fly__sql_secured *object,
                             uint32_t rights, uint16_t column, uint32_t *options)
{
    *options = fly__sql_rights_all(object->class);
    if (fly__sql_owns(session, session->user_oid, object->owner)) {
        return object->owner;
    }
    uint32_t best = session->user_oid;
    uint32_t most = 0;
    fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
    bool own = false;
    uint16_t count = 0;
    (void)fly__sql_acl_of(session, session->view, object, room, &count, &own);
    const fly__sql_acl *acl = object->class == FLY__SQL_RIGHT_DATABASE
                                  ? NULL
                                  : fly__sql_object_of(session->view, FLY__SQL_O_ACL, object->oid);
    const fly__sql_database_rights *database =
        object->class == FLY__SQL_RIGHT_DATABASE
            ? fly__sql_database_rights_of(session, object->name)
            : NULL;
    const fly__sql_acl_item *items = acl != NULL        ? acl->items
                                     : database != NULL ? database->items
                                                        : NULL;
    count = acl != NULL ? acl->count : database != NULL ? database->count : 0;
    *options = 0;
    for (uint16_t i = 0; i < count; i++) {
        const fly__sql_acl_item *item = &items[i];
        if (item->column != 0 && item->column != column) {
            continue;
        }
        uint32_t has = item->grantable & rights;
        if (has != 0 && fly__sql_is_member(session, session->user_oid, item->grantee, true) &&
            (item->grantee == session->user_oid ||
             __builtin_popcount(has) > __builtin_popcount(most))) {
            best = item->grantee;
            most = has;
        }
    }
    for (uint16_t i = 0; i < count; i++) {
        if (items[i].grantee == best && (items[i].column == 0 || items[i].column == column)) {
            *options |= items[i].grantable;
        }
    }
    return best;
}

/* What of the rights may be granted or revoked; 42501 if the user has nothing to do with the object. */
static fly_status restrict_rights(fly_sql_stmt *stmt, const fly_ast_grant *node,
                                  const fly__sql_secured *object, uint16_t column, bool all,
                                  uint32_t options, uint32_t *rights, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    uint32_t allowed = *rights & options;
    if (options == 0 &&
        fly__sql_rights(session, session->view, session->user_oid, object, column, false) == 0) {
        return fly__sql_need_right(session, session->user_oid, object,
                                   fly__sql_rights_all(object->class), err);
    }
    if (allowed == 0 && *rights != 0) {
        fly__sql_notice(session, "WARNING", node->revoke ? "01006" : "01007",
                        node->revoke ? "no privileges could be revoked for \"%s\""
                                     : "no privileges were granted for \"%s\"",
                        object->name);
    } else if (!all && allowed != *rights) {
        fly__sql_notice(session, "WARNING", node->revoke ? "01006" : "01007",
                        node->revoke ? "not all privileges could be revoked for \"%s\""
                                     : "not all privileges were granted for \"%s\"",
                        object->name);
    }
    *rights = allowed;
    return FLY_OK;
}

static fly_status columns(fly_sql_stmt *stmt, const fly_ast_grant *node,
                          const fly__sql_secured *object, change *c, list *l, fly_err *err)
{
    const fly__sql_table *table = fly__sql_table_of(stmt->session->view, object->oid);
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->privileges.count && status == FLY_OK; i++) {
        const fly_ast_privilege *privilege = (const fly_ast_privilege *)node->privileges.items[i];
        uint32_t named = COLUMN_RIGHTS;
        const char *shown = NULL;
        if (privilege->name != NULL && privilege->columns.count > 0) {
            status = right_named(privilege->name, &named, &shown, err);
        }
        for (uint32_t k = 0; k < privilege->columns.count && status == FLY_OK; k++) {
            const char *name = privilege->columns.items[k];
            uint16_t at = table == NULL ? 0 : fly__sql_column_named(table, name);
            if (at == 0) {
                return fly_err_state(err, "42703", 0,
                                     "column \"%s\" of relation \"%s\" does not exist", name,
                                     object->name);
            }
            uint16_t column = table->columns[at - 1].number;
            uint32_t options = 0;
            uint32_t rights = named;
            c->grantor = best_grantor(stmt->session, object, rights, column, &options);
            status = restrict_rights(stmt, node, object, column, privilege->name == NULL, options,
                                     &rights, err);
            if (status == FLY_OK) {
                status = list_change(l, c, node->grantees, column, rights, err);
            }
        }
    }
    return status;
}

/* REVOKE on a table is on its columns, too. */
static fly_status revoke_columns(fly_sql_stmt *stmt, const fly_ast_grant *node,
                                 const fly__sql_secured *object, const change *c, list *l,
                                 uint32_t rights, fly_err *err)
{
    const fly__sql_table *table = fly__sql_table_of(stmt->session->view, object->oid);
    fly_status status = FLY_OK;
    for (uint16_t i = 0; table != NULL && i < table->column_count && status == FLY_OK; i++) {
        status = list_change(l, c, node->grantees, table->columns[i].number, rights & COLUMN_RIGHTS,
                             err);
    }
    return status;
}

static fly_status grantor_given(fly_sql_stmt *stmt, const fly_ast_grant *node, fly_err *err)
{
    uint32_t oid = 0;
    if (node->granted_by == NULL) {
        return FLY_OK;
    }
    fly_status status = fly__sql_ddl_role(stmt->session, node->granted_by, false, &oid, err);
    return status == FLY_OK && oid != stmt->session->user_oid
               ? fly_err_state(err, "0A000", 0, "grantor must be current user")
               : status;
}

static fly_status grant_on(fly_sql_stmt *stmt, const fly_ast_grant *node,
                           const fly__sql_secured *object, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    uint32_t rights = 0;
    bool all = false;
    if (object->class != FLY__SQL_RIGHT_DATABASE && object->oid < FLY__SQL_OID_FIRST &&
        object->oid != FLY__SQL_SCHEMA_PUBLIC) {
        return fly_err_state(err, "0A000", 0, "rights on system objects cannot be changed");
    }
    fly_status status = whole_rights(node, object->class, &rights, &all, err);
    if (status != FLY_OK) {
        return status;
    }
    list l = {.stmt = stmt};
    fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
    bool own = false;
    uint16_t count = 0;
    const fly__sql_acl_item *items =
        fly__sql_acl_of(session, session->view, object, room, &count, &own);
    for (uint16_t i = 0; i < count && status == FLY_OK; i++) {
        status = list_room(&l, err);
        if (status == FLY_OK) {
            l.items[l.count++] = items[i];
        }
    }
    if (!own && object->class != FLY__SQL_RIGHT_DATABASE) {
        const fly__sql_acl *acl = fly__sql_object_of(session->view, FLY__SQL_O_ACL, object->oid);
        for (uint16_t i = 0; acl != NULL && i < acl->count && status == FLY_OK; i++) {
            status = list_room(&l, err);
            if (status == FLY_OK) {
                l.items[l.count++] = acl->items[i];
            }
        }
    }
    change c = {.revoke = node->revoke,
                .option = node->grant_option,
                .cascade = node->cascade,
                .owner = object->owner};
    if (status == FLY_OK && (rights != 0 || all)) {
        uint32_t options = 0;
        c.grantor = best_grantor(session, object, rights, 0, &options);
        status = restrict_rights(stmt, node, object, 0, all, options, &rights, err);
        if (status == FLY_OK) {
            status = list_change(&l, &c, node->grantees, 0, rights, err);
            own = own || rights != 0;
        }
        if (status == FLY_OK && node->revoke && object->class == FLY__SQL_RIGHT_TABLE) {
            status = revoke_columns(stmt, node, object, &c, &l, rights, err);
        }
    }
    if (status == FLY_OK) {
        status = columns(stmt, node, object, &c, &l, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (!own) { /* the defaults are not written */
        uint16_t kept = 0;
        for (uint16_t i = 0; i < l.count; i++) {
            if (l.items[i].column != 0) {
                l.items[kept++] = l.items[i];
            }
        }
        l.count = kept;
    }
    return fly__sql_acl_put(session, object, own, l.items, l.count, err);
}

/* What GRANT ... WHERE asks for besides: policies. A right that is granted as a whole has none, one that
 * is revoked neither. */
static fly_status rows(fly_sql_stmt *stmt, const fly_ast_grant *node,
                       const fly__sql_secured *object, fly_err *err)
{
    uint32_t rights = 0;
    bool all = false;
    if (object->class != FLY__SQL_RIGHT_TABLE) {
        return node->where == NULL
                   ? FLY_OK
                   : fly_err_state(err, "0A000", 0, "GRANT ... WHERE is for tables only");
    }
    fly_status status = whole_rights(node, object->class, &rights, &all, err);
    if (status == FLY_OK && node->where != NULL && node->grant_option) {
        status =
            fly_err_state(err, "0A000", 0, "GRANT ... WHERE with grant option is not supported");
    }
    for (uint32_t i = 0; i < node->grantees.count && status == FLY_OK; i++) {
        uint32_t role = 0;
        status = fly__sql_ddl_role(stmt->session, node->grantees.items[i], true, &role, err);
        if (status == FLY_OK) {
            const fly__sql_table *table = fly__sql_table_of(stmt->session->view, object->oid);
            status = fly__sql_grant_rows(stmt, table, role, rights, node->where, err);
        }
    }
    return status;
}

static fly_status one(fly_sql_stmt *stmt, const fly_ast_grant *node, const fly__sql_secured *object,
                      fly_err *err)
{
    fly_status status = grant_on(stmt, node, object, err);
    return status == FLY_OK ? rows(stmt, node, object, err) : status;
}

static bool fits(const fly__sql_table *table, fly_ast_object_kind kind)
{
    return kind == FLY_AST_OBJECT_SEQUENCE ? table->class == FLY__SQL_SEQUENCE
                                           : strchr("rvm", table->class) != NULL;
}

static fly_status all_in_schema(fly_sql_stmt *stmt, const fly_ast_grant *node, uint32_t schema,
                                fly_err *err)
{
    const fly__sql_catalog_view *view = stmt->session->view;
    fly_status status = FLY_OK;
    size_t at = 0;
    if (node->type == FLY_AST_OBJECT_TABLE || node->type == FLY_AST_OBJECT_SEQUENCE) {
        const fly__sql_table *table;
        while (status == FLY_OK && (table = fly__sql_table_next(view, &at)) != NULL) {
            if (table->schema == schema && fits(table, node->type)) {
                const fly__sql_secured object = fly__sql_secured_table(table);
                status = one(stmt, node, &object, err);
            }
        }
        return status;
    }
    const fly__sql_user_function *function;
    while (status == FLY_OK && (function = fly__sql_user_function_each(view, &at)) != NULL) {
        bool right_kind = node->type == FLY_AST_OBJECT_ROUTINE ||
                          function->procedure == (node->type == FLY_AST_OBJECT_PROCEDURE);
        if (function->schema == schema && right_kind) {
            const fly__sql_secured object = fly__sql_secured_function(function);
            status = one(stmt, node, &object, err);
        }
    }
    return status;
}

fly_status fly__sql_grant(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_grant *node = (const fly_ast_grant *)stmt->node;
    fly__sql_ddl_tag(stmt, node->revoke ? "REVOKE" : "GRANT");
    fly_status status = grantor_given(stmt, node, err);
    for (uint32_t i = 0; i < node->objects.count && status == FLY_OK; i++) {
        fly__sql_secured object;
        if (node->target == FLY_AST_GRANT_ALL_IN_SCHEMA) {
            status = fly__sql_ddl_object(stmt, FLY_AST_OBJECT_SCHEMA, node->objects.items[i],
                                         &object, err);
            status = status == FLY_OK ? all_in_schema(stmt, node, object.oid, err) : status;
            continue;
        }
        status = fly__sql_ddl_object(stmt, node->type, node->objects.items[i], &object, err);
        if (status == FLY_OK) {
            status = one(stmt, node, &object, err);
        }
    }
    return status;
}

/* ------------------------------------------------------------- default privileges */

static char default_class(fly_ast_object_kind kind)
{
    switch (kind) {
    case FLY_AST_OBJECT_SEQUENCE:
        return FLY__SQL_RIGHT_SEQUENCE;
    case FLY_AST_OBJECT_FUNCTION:
        return FLY__SQL_RIGHT_FUNCTION;
    case FLY_AST_OBJECT_TYPE:
        return FLY__SQL_RIGHT_TYPE;
    case FLY_AST_OBJECT_SCHEMA:
        return FLY__SQL_RIGHT_SCHEMA;
    default:
        return FLY__SQL_RIGHT_TABLE;
    }
}

static const fly__sql_default_acl *default_of(const fly_sql_session *session, uint32_t role,
                                              uint32_t schema, char class)
{
    size_t at = 0;
    const fly__sql_default_acl *found;
    while ((found = fly__sql_object_next(session->view, FLY__SQL_O_DEFAULT_ACL, &at)) != NULL) {
        if (found->role == role && found->schema == schema && found->class == class) {
            return found;
        }
    }
    return NULL;
}

static fly_status alter_default(fly_sql_stmt *stmt, const fly_ast_grant *node, uint32_t role,
                                uint32_t schema, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    char class = default_class(node->type);
    uint32_t rights = 0;
    bool all = false;
    fly_status status = whole_rights(node, class, &rights, &all, err);
    if (status == FLY_OK && schema != 0 && class == FLY__SQL_RIGHT_SCHEMA) {
        status = fly_err_state(err, "0LP01", 0,
                               "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS");
    }
    fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
    uint16_t count = schema != 0 ? 0 : fly__sql_acl_defaults(class, 0, role, room);
    const fly__sql_default_acl *old = default_of(session, role, schema, class);
    const fly__sql_acl_item *items = old != NULL ? old->items : room;
    uint16_t from = old != NULL ? old->count : count;
    list l = {.stmt = stmt};
    for (uint16_t i = 0; i < from && status == FLY_OK; i++) {
        status = list_room(&l, err);
        if (status == FLY_OK) {
            l.items[l.count++] = items[i];
        }
    }
    const change c = {.revoke = node->revoke,
                      .option = node->grant_option,
                      .cascade = node->cascade,
                      .owner = role,
                      .grantor = role};
    if (status == FLY_OK) {
        status = list_change(&l, &c, node->grantees, 0, rights, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (l.count == count && same_items(l.items, room, count)) {
        return old == NULL ? FLY_OK
                           : fly__sql_change_remove(session, FLY__SQL_O_DEFAULT_ACL, old->oid, err);
    }
    const fly__sql_default_acl made = {.oid = old != NULL ? old->oid : fly__sql_change_oid(session),
                                       .role = role,
                                       .schema = schema,
                                       .class = class,
                                       .items = l.items,
                                       .count = l.count};
    return fly__sql_change_put(session, FLY__SQL_O_DEFAULT_ACL, &made, err);
}

static fly_status alter_defaults_of(fly_sql_stmt *stmt, const fly_ast_alter_defaults *node,
                                    uint32_t role, fly_err *err)
{
    const fly_ast_grant *grant = (const fly_ast_grant *)node->grant;
    if (!fly__sql_is_member(stmt->session, stmt->session->user_oid, role, true)) {
        return fly_err_state(err, "42501", 0, "permission denied to change default privileges");
    }
    if (node->schemas.count == 0) {
        return alter_default(stmt, grant, role, 0, err);
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->schemas.count && status == FLY_OK; i++) {
        const fly__sql_schema *schema =
            fly__sql_schema_named(stmt->session->view, node->schemas.items[i]);
        status = schema == NULL ? fly_err_state(err, "3F000", 0, "schema \"%s\" does not exist",
                                                node->schemas.items[i])
                                : alter_default(stmt, grant, role, schema->oid, err);
    }
    return status;
}

fly_status fly__sql_alter_defaults(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_alter_defaults *node = (const fly_ast_alter_defaults *)stmt->node;
    fly__sql_ddl_tag(stmt, "ALTER DEFAULT PRIVILEGES");
    if (node->roles.count == 0) {
        return alter_defaults_of(stmt, node, stmt->session->user_oid, err);
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->roles.count && status == FLY_OK; i++) {
        uint32_t role = 0;
        status = fly__sql_ddl_role(stmt->session, node->roles.items[i], false, &role, err);
        status = status == FLY_OK ? alter_defaults_of(stmt, node, role, err) : status;
    }
    return status;
}

fly_status fly__sql_acl_begin(fly_sql_session *session, const fly__sql_secured *object,
                              uint32_t schema, fly_err *err)
{
    const fly__sql_default_acl *everywhere = default_of(session, object->owner, 0, object->class);
    const fly__sql_default_acl *here =
        schema == 0 ? NULL : default_of(session, object->owner, schema, object->class);
    if ((everywhere == NULL && here == NULL) || schema == FLY__SQL_SCHEMA_TEMP) {
        return FLY_OK;
    }
    fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
    uint16_t base = everywhere != NULL
                        ? everywhere->count
                        : fly__sql_acl_defaults(object->class, object->oid, object->owner, room);
    const fly__sql_acl_item *from = everywhere != NULL ? everywhere->items : room;
    size_t size = (base + (here == NULL ? 0u : here->count) + 1u) * sizeof *from;
    fly__sql_acl_item *items = fly_mem_alloc(&session->account.mem, size);
    if (items == NULL) {
        return no_memory(err);
    }
    uint16_t count = 0;
    for (uint16_t i = 0; i < base; i++) {
        items[count++] = from[i];
    }
    for (uint16_t i = 0; here != NULL && i < here->count; i++) {
        uint16_t k = 0;
        while (k < count && (items[k].grantee != here->items[i].grantee ||
                             items[k].grantor != here->items[i].grantor)) {
            k++;
        }
        if (k == count) {
            items[count++] = here->items[i];
        } else {
            items[k].rights |= here->items[i].rights;
            items[k].grantable |= here->items[i].grantable;
        }
    }
    fly_status status = fly__sql_acl_put(session, object, true, items, count, err);
    fly_mem_free(&session->account.mem, items, size);
    return status;
}
