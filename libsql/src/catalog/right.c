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

/* ------------------------------------------------------------------ databases */

bool fly__sql_may_database(fly_sql_session *session, uint32_t role, const char *database,
                           uint32_t rights)
{
    const fly__sql_database_rights *found = fly__sql_database_rights_of(session, database);
    uint32_t owner = found == NULL ? FLY__SQL_ROLE_ADMIN : found->owner;
    uint32_t has = 0;
    if (fly__sql_is_superuser(session, role)) {
        return true;
    }
    if (found == NULL || !found->own) {
        has = FLY__SQL_MAY_CONNECT | FLY__SQL_MAY_TEMP;
        if (fly__sql_is_member(session, role, owner, true)) {
            has |= FLY__SQL_MAY_CREATE;
        }
    }
    for (uint16_t i = 0; found != NULL && found->own && i < found->count; i++) {
        const fly__sql_acl_item *item = &found->items[i];
        if (item->grantee == FLY__SQL_ROLE_PUBLIC ||
            fly__sql_is_member(session, role, item->grantee, true)) {
            has |= item->rights;
        }
    }
    return (has & rights) == rights;
}
