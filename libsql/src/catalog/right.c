/*
 * Who may do what.
 *
 *     superuser ── yes ─> may
 *        │ no
 *     owner, or member of the owner ─> may what the owner may
 *        │
 *     an item of the object's list whose grantee is PUBLIC, the role, or a role that it inherits from
 *
 * What an object's list says that has none is its class's default (defaults()): PostgreSQL's.
 */
#include "catalog/right_int.h"

#include "catalog/system_int.h"
#include "session/engine_int.h"

#include <string.h>

/* --------------------------------------------------------------- membership */

bool fly__sql_is_superuser(const fly_sql_session *session, uint32_t role)
{
    const fly__sql_role *found = role == FLY__SQL_ROLE_ADMIN ? NULL
                                                             : fly__sql_role_of(session, role);
    return role == FLY__SQL_ROLE_ADMIN || (found != NULL && found->superuser);
}

/* The owner of the session's database, who is all there is to pg_database_owner. */
static uint32_t database_owner(const fly_sql_session *session)
{
    const fly__sql_database_rights *rights =
        session->database == NULL ? NULL
                                  : fly__sql_database_rights_of(session, session->database->name);
    return rights == NULL ? FLY__SQL_ROLE_ADMIN : rights->owner;
}

enum { DEPTH_MAX = 64 };

static bool member(const fly_sql_session *session, uint32_t oid, uint32_t role, bool inherits,
                   int depth)
{
    if (oid == role) {
        return true;
    }
    const fly__sql_role *at = fly__sql_role_of(session, oid);
    if (at == NULL || depth == DEPTH_MAX || (inherits && !at->inherit)) {
        return false;
    }
    if (role == FLY__SQL_ROLE_DATABASE_OWNER && oid == database_owner(session)) {
        return true;
    }
    for (uint16_t i = 0; i < at->membership_count; i++) {
        if (member(session, at->memberships[i].role, role, inherits, depth + 1)) {
            return true;
        }
    }
    return false;
}

bool fly__sql_is_member(fly_sql_session *session, uint32_t oid, uint32_t role, bool inherits)
{
    return oid == role || fly__sql_is_superuser(session, oid) ||
           member(session, oid, role, inherits, 0);
}

/* ------------------------------------------------------------------ the lists */

static const char *table_kind(char class)
{
    switch (class) {
    case FLY__SQL_VIEW:
        return "view";
    case FLY__SQL_MATVIEW:
        return "materialized view";
    case FLY__SQL_SEQUENCE:
        return "sequence";
    default:
        return "table";
    }
}

fly__sql_secured fly__sql_secured_table(const fly__sql_table *table)
{
    return (fly__sql_secured){.class = table->class == FLY__SQL_SEQUENCE ? FLY__SQL_RIGHT_SEQUENCE
                                                                         : FLY__SQL_RIGHT_TABLE,
                              .oid = table->oid,
                              .owner = table->owner,
                              .name = table->name,
                              .kind = table_kind(table->class)};
}

fly__sql_secured fly__sql_secured_schema(const fly__sql_schema *schema)
{
    return (fly__sql_secured){.class = FLY__SQL_RIGHT_SCHEMA,
                              .oid = schema->oid,
                              .owner = schema->owner,
                              .name = schema->name,
                              .kind = "schema"};
}

fly__sql_secured fly__sql_secured_function(const fly__sql_user_function *function)
{
    return (fly__sql_secured){.class = FLY__SQL_RIGHT_FUNCTION,
                              .oid = function->oid,
                              .owner = function->owner,
                              .name = function->name,
                              .kind = function->procedure ? "procedure" : "function"};
}

fly__sql_secured fly__sql_secured_type(const fly__sql_user_type *type)
{
    return (fly__sql_secured){.class = FLY__SQL_RIGHT_TYPE,
                              .oid = type->oid,
                              .owner = type->owner,
                              .name = type->name,
                              .kind = "type"};
}

fly__sql_secured fly__sql_secured_database(const fly_sql_session *session, const char *name)
{
    const fly__sql_database_rights *found = fly__sql_database_rights_of(session, name);
    return (fly__sql_secured){.class = FLY__SQL_RIGHT_DATABASE,
                              .owner = found == NULL ? FLY__SQL_ROLE_ADMIN : found->owner,
                              .name = name,
                              .kind = "database"};
}

uint32_t fly__sql_rights_all(char class)
{
    switch (class) {
    case FLY__SQL_RIGHT_TABLE:
        return FLY__SQL_MAY_INSERT | FLY__SQL_MAY_SELECT | FLY__SQL_MAY_UPDATE |
               FLY__SQL_MAY_DELETE | FLY__SQL_MAY_TRUNCATE | FLY__SQL_MAY_REFERENCES |
               FLY__SQL_MAY_TRIGGER;
    case FLY__SQL_RIGHT_SEQUENCE:
        return FLY__SQL_MAY_SELECT | FLY__SQL_MAY_UPDATE | FLY__SQL_MAY_USAGE;
    case FLY__SQL_RIGHT_FUNCTION:
        return FLY__SQL_MAY_EXECUTE;
    case FLY__SQL_RIGHT_TYPE:
        return FLY__SQL_MAY_USAGE;
    case FLY__SQL_RIGHT_SCHEMA:
        return FLY__SQL_MAY_USAGE | FLY__SQL_MAY_CREATE;
    default:
        return FLY__SQL_MAY_CREATE | FLY__SQL_MAY_TEMP | FLY__SQL_MAY_CONNECT;
    }
}

enum { AUTHID = 1260, SHADOW = 12006 }; /* pg_authid, pg_shadow */

static uint32_t public_rights(char class, uint32_t oid)
{
    switch (class) {
    case FLY__SQL_RIGHT_FUNCTION:
        return FLY__SQL_MAY_EXECUTE;
    case FLY__SQL_RIGHT_TYPE:
        return FLY__SQL_MAY_USAGE;
    case FLY__SQL_RIGHT_DATABASE:
        return FLY__SQL_MAY_TEMP | FLY__SQL_MAY_CONNECT;
    case FLY__SQL_RIGHT_SCHEMA:
        if (oid == FLY__SQL_SCHEMA_TEMP) {
            return FLY__SQL_MAY_USAGE | FLY__SQL_MAY_CREATE;
        }
        return oid != 0 && oid < FLY__SQL_OID_FIRST ? FLY__SQL_MAY_USAGE
                                                    : 0; /* public, and the system's */
    default:
        return oid != 0 && oid < FLY__SQL_OID_FIRST && oid != AUTHID && oid != SHADOW
                   ? FLY__SQL_MAY_SELECT
                   : 0; /* the system's, but for verifiers */
    }
}

uint16_t fly__sql_acl_defaults(char class, uint32_t oid, uint32_t owner,
                               fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS])
{
    uint32_t all = fly__sql_rights_all(class);
    uint32_t everybody = public_rights(class, oid);
    uint16_t count = 0;
    if (everybody != 0) {
        room[count++] = (fly__sql_acl_item){
            .grantee = FLY__SQL_ROLE_PUBLIC, .grantor = owner, .rights = everybody};
    }
    room[count++] = (fly__sql_acl_item){.grantee = owner, .grantor = owner, .rights = all};
    return count;
}

const fly__sql_acl_item *fly__sql_acl_of(const fly_sql_session *session,
                                         const fly__sql_catalog_view *view,
                                         const fly__sql_secured *object,
                                         fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS],
                                         uint16_t *count, bool *own)
{
    if (object->class == FLY__SQL_RIGHT_DATABASE) {
        const fly__sql_database_rights *found = fly__sql_database_rights_of(session, object->name);
        *own = found != NULL && found->own;
        if (*own) {
            *count = found->count;
            return found->items;
        }
    } else {
        const fly__sql_acl *acl = fly__sql_object_of(view, FLY__SQL_O_ACL, object->oid);
        *own = acl != NULL && acl->own;
        if (*own) {
            *count = acl->count;
            return acl->items;
        }
    }
    *count = fly__sql_acl_defaults(object->class, object->oid, object->owner, room);
    return room;
}

/* ------------------------------------------------------------------- deciding */

bool fly__sql_owns(fly_sql_session *session, uint32_t role, uint32_t owner)
{
    return fly__sql_is_member(session, role, owner, true) ||
           fly__sql_is_member(session, role, FLY__SQL_ROLE_OWNER, true);
}

/* What the predefined roles may with every object of a class. */
static uint32_t predefined(fly_sql_session *session, uint32_t role, const fly__sql_secured *object)
{
    uint32_t read = 0;
    uint32_t write = 0;
    if (object->class == FLY__SQL_RIGHT_TABLE) {
        read = FLY__SQL_MAY_SELECT;
        write = FLY__SQL_MAY_INSERT | FLY__SQL_MAY_UPDATE | FLY__SQL_MAY_DELETE;
    } else if (object->class == FLY__SQL_RIGHT_SEQUENCE) {
        read = FLY__SQL_MAY_SELECT;
        write = FLY__SQL_MAY_UPDATE;
    } else if (object->class == FLY__SQL_RIGHT_SCHEMA) {
        read = FLY__SQL_MAY_USAGE;
        write = FLY__SQL_MAY_USAGE;
    } else {
        return 0;
    }
    return (fly__sql_is_member(session, role, FLY__SQL_ROLE_READ_ALL, true) ? read : 0) |
           (fly__sql_is_member(session, role, FLY__SQL_ROLE_WRITE_ALL, true) ? write : 0);
}

/* Those that an item of a list gives to a role. */
static uint32_t given(fly_sql_session *session, const fly__sql_acl_item *item, uint32_t role,
                      bool grantable)
{
    bool applies = item->grantee == FLY__SQL_ROLE_PUBLIC
                       ? !grantable
                       : fly__sql_is_member(session, role, item->grantee, true);
    return !applies ? 0 : grantable ? item->grantable : item->rights;
}

uint32_t fly__sql_rights(fly_sql_session *session, const fly__sql_catalog_view *view, uint32_t role,
                         const fly__sql_secured *object, uint16_t column, bool grantable)
{
    uint32_t all = fly__sql_rights_all(object->class);
    if (fly__sql_is_superuser(session, role) ||
        (object->class != FLY__SQL_RIGHT_DATABASE && object->oid >= FLY__SQL_SCHEMA_PUBLIC &&
         object->oid != SHADOW && fly__sql_is_member(session, role, FLY__SQL_ROLE_OWNER, true)) ||
        (grantable && fly__sql_is_member(session, role, object->owner, true))) {
        return all;
    }
    bool secret = object->class == FLY__SQL_RIGHT_TABLE &&
                  (object->oid == AUTHID || object->oid == SHADOW);
    uint32_t has = grantable || secret ? 0 : predefined(session, role, object);
    fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
    uint16_t count = 0;
    bool own = false;
    const fly__sql_acl_item *items = fly__sql_acl_of(session, view, object, room, &count, &own);
    for (uint16_t i = 0; i < count; i++) {
        has |= items[i].column == 0 ? given(session, &items[i], role, grantable) : 0;
    }
    const fly__sql_acl *acl = column == 0 ? NULL
                                          : fly__sql_object_of(view, FLY__SQL_O_ACL, object->oid);
    for (uint16_t i = 0; acl != NULL && i < acl->count; i++) {
        has |= acl->items[i].column == column ? given(session, &acl->items[i], role, grantable) : 0;
    }
    return has & all;
}

static fly_status denied(const fly__sql_secured *object, fly_err *err)
{
    return fly_err_state(err, "42501", 0, "permission denied for %s %s", object->kind,
                         object->name);
}

fly_status fly__sql_need_right(fly_sql_session *session, uint32_t role,
                               const fly__sql_secured *object, uint32_t rights, fly_err *err)
{
    uint32_t has = fly__sql_rights(session, session->view, role, object, 0, false);
    return (has & rights) == rights ? FLY_OK : denied(object, err);
}

fly_status fly__sql_need_owner(fly_sql_session *session, const fly__sql_secured *object,
                               fly_err *err)
{
    return fly__sql_owns(session, session->user_oid, object->owner)
               ? FLY_OK
               : fly_err_state(err, "42501", 0, "must be owner of %s %s", object->kind,
                               object->name);
}

bool fly__sql_may_schema(fly_sql_session *session, const fly__sql_catalog_view *view, uint32_t oid,
                         uint32_t rights)
{
    const fly__sql_schema *schema = fly__sql_schema_of(view, oid);
    if (schema == NULL || fly__sql_is_superuser(session, session->user_oid)) {
        return true;
    }
    const fly__sql_secured object = fly__sql_secured_schema(schema);
    return (fly__sql_rights(session, view, session->user_oid, &object, 0, false) & rights) ==
           rights;
}

fly_status fly__sql_need_schema(fly_sql_session *session, uint32_t oid, uint32_t rights,
                                uint32_t pos, fly_err *err)
{
    return fly__sql_may_schema(session, session->view, oid, rights)
               ? FLY_OK
               : fly_err_state(err, "42501", pos, "permission denied for schema %s",
                               fly__sql_schema_of(session->view, oid)->name);
}

bool fly__sql_may_database(fly_sql_session *session, uint32_t role, const char *database,
                           uint32_t rights)
{
    const fly__sql_secured object = fly__sql_secured_database(session, database);
    return (fly__sql_rights(session, session->view, role, &object, 0, false) & rights) == rights;
}
