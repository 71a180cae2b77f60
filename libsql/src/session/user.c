/*
 * Who a session is, and what a program that logs users in asks about roles.
 *
 * What is not here: how a password is verified (libauth), what a role may do (catalog/right.c).
 */
#include "session/user_int.h"

#include "catalog/right_int.h"
#include "catalog/system_int.h"
#include "catalog/view_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *fly__sql_role_name(const fly_sql_session *session, uint32_t oid,
                               char room[FLY__SQL_NAME_MAX + 1])
{
    const fly__sql_role *role = fly__sql_role_of(session, oid);
    if (role != NULL) {
        return role->name;
    }
    (void)snprintf(room, FLY__SQL_NAME_MAX + 1, "unknown (OID=%u)", (unsigned)oid);
    return room;
}

/* ---------------------------------------------------------------- beginning */

static void become(fly_sql_session *session, uint32_t oid)
{
    char room[FLY__SQL_NAME_MAX + 1];
    session->user_oid = oid;
    (void)snprintf(session->state->user, sizeof session->state->user, "%s",
                   fly__sql_role_name(session, oid, room));
    session->user = session->state->user;
}

fly_status fly__sql_user_begin(fly_sql_session *session, const char *name, fly_err *err)
{
    fly_status status = fly__sql_roles_refresh(session, err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_role *role = name == NULL ? fly__sql_role_of(session, FLY__SQL_ROLE_ADMIN)
                                             : fly__sql_role_named(session, name);
    if (role == NULL) {
        return fly_err_state(err, "28000", 0, "role \"%s\" does not exist",
                             name == NULL ? "admin" : name);
    }
    if (name != NULL && !role->login) {
        return fly_err_state(err, "28000", 0, "role \"%s\" is not permitted to log in", name);
    }
    session->state->authenticated = role->oid;
    session->state->login = role->oid;
    become(session, role->oid);
    return FLY_OK;
}

fly_status fly__sql_user_settings(fly_sql_session *session, fly_err *err)
{
    if (!fly__sql_may_database(session, session->user_oid, session->database->name,
                               FLY__SQL_MAY_CONNECT)) {
        fly_status status = fly_err_state(err, "42501", 0, "permission denied for database \"%s\"",
                                          session->database->name);
        fly_err_detail(err, "User does not have CONNECT privilege.");
        return status;
    }
    /* From the general to the special: what comes later wins. */
    for (int pass = 0; pass < 4; pass++) {
        bool of_role = pass >= 2;
        bool of_database = pass % 2 == 1;
        size_t at = 0;
        const fly__sql_role_setting *setting;
        while ((setting = fly__sql_role_setting_next(session, &at)) != NULL) {
            if ((setting->role != 0) != of_role || (setting->database != NULL) != of_database ||
                (of_role && setting->role != session->user_oid) ||
                (of_database && strcmp(setting->database, session->database->name) != 0)) {
                continue;
            }
            /* What does not hold any more is left out, as PostgreSQL does. */
            (void)fly__sql_setting_set(session, setting->name, setting->value, false, NULL);
        }
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------ changing */

fly_status fly__sql_user_may_set(fly_sql_session *session, const char *name, const char *value,
                                 fly_err *err)
{
    bool is_role = strcasecmp(name, "role") == 0;
    if (session->state->definers > 0) {
        return fly_err_state(err, "42501", 0,
                             "cannot set parameter \"%s\" within security-definer function", name);
    }
    if (value == NULL || (is_role && strcmp(value, "none") == 0)) {
        return FLY_OK;
    }
    const fly__sql_role *role = fly__sql_role_named(session, value);
    if (role == NULL) {
        return fly_err_state(err, "22023", 0, "role \"%s\" does not exist", value);
    }
    if (is_role) {
        return fly__sql_is_member(session, session->state->login, role->oid, false)
                   ? FLY_OK
                   : fly_err_state(err, "42501", 0, "permission denied to set role \"%s\"", value);
    }
    return role->oid == session->state->authenticated ||
                   fly__sql_is_superuser(session, session->state->authenticated)
               ? FLY_OK
               : fly_err_state(err, "42501", 0, "permission denied to set session authorization");
}

static bool renew(fly_sql_session *session)
{
    return session->view == NULL || fly__sql_view_renew(session, NULL) == FLY_OK;
}

bool fly__sql_user_set_role(fly_sql_session *session, const char *value)
{
    const fly__sql_role *role = strcmp(value, "none") == 0 ? NULL
                                                           : fly__sql_role_named(session, value);
    become(session, role != NULL ? role->oid : session->state->login);
    return renew(session);
}

bool fly__sql_user_set_login(fly_sql_session *session, const char *value)
{
    const fly__sql_role *role = value[0] == '\0' ? NULL : fly__sql_role_named(session, value);
    session->state->login = role != NULL ? role->oid : session->state->authenticated;
    become(session, session->state->login);
    return renew(session);
}

/* A function may be called for each of many rows, so the view is put aside, not retired: it comes back
 * unless the function has changed the catalog. */
fly_status fly__sql_user_become(fly_sql_session *session, uint32_t oid,
                                fly__sql_user_switch *before, fly_err *err)
{
    *before = (fly__sql_user_switch){.user = session->user_oid, .view = session->view};
    become(session, oid);
    fly_status status = fly__sql_view_create(session->view->mem, session->view->core,
                                             session->view->temp, session, &before->made, err);
    if (status != FLY_OK) {
        become(session, before->user);
        return status;
    }
    before->made->own = session->view->own;
    session->view = before->made;
    session->state->definers++;
    return FLY_OK;
}

fly_status fly__sql_user_back(fly_sql_session *session, fly__sql_user_switch *before, fly_err *err)
{
    session->state->definers--;
    become(session, before->user);
    if (session->view == before->made) {
        fly__sql_view_release(session->view);
        session->view = before->view;
        return FLY_OK;
    }
    fly_status status = fly__sql_view_retire(session, before->view, err);
    return status == FLY_OK ? fly__sql_view_renew(session, err) : status;
}

/* --------------------------------------------------------- for who logs users in */

/* The newest roles of an engine, for a question from outside of sessions. */
static fly__sql_core *newest(fly_sql *sql)
{
    fly_mutex_lock(&sql->roles.mutex);
    fly__sql_core *core = fly__sql_core_keep(sql->roles.newest);
    fly_mutex_unlock(&sql->roles.mutex);
    return core;
}

fly_status fly_sql_role_find(fly_sql *sql, const char *name, fly_sql_role *found, fly_err *err)
{
    fly__sql_core *core = newest(sql);
    const fly__sql_object *object = fly__sql_core_named(core, FLY__SQL_O_ROLE, name);
    const fly__sql_role *role = object == NULL ? NULL : object->body;
    fly_status status = role == NULL ? FLY_E_NOT_FOUND : FLY_OK;
    if (role != NULL && role->verifier != NULL && strlen(role->verifier) > FLY_SQL_VERIFIER_MAX) {
        status = fly_err_set(err, FLY_E_CORRUPT, "the verifier of role \"%s\" is too long", name);
    }
    if (status == FLY_OK) {
        *found = (fly_sql_role){.oid = role->oid,
                                .superuser = role->superuser,
                                .login = role->login,
                                .replication = role->replication,
                                .create_role = role->create_role,
                                .create_db = role->create_db,
                                .bypass_rls = role->bypass_rls,
                                .has_verifier = role->verifier != NULL,
                                .connection_limit = role->connection_limit,
                                .valid_until = role->expires ? role->valid_until : INT64_MAX};
        (void)snprintf(found->name, sizeof found->name, "%s", role->name);
        (void)snprintf(found->verifier, sizeof found->verifier, "%s",
                       role->verifier != NULL ? role->verifier : "");
    }
    fly__sql_core_release(core);
    return status;
}

static fly_status set_verifier(fly_sql_session *session, const char *name, const char *verifier,
                               fly_err *err)
{
    fly_status status = fly__sql_statement_begin(session, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly__sql_role_lock(session, err);
    const fly__sql_role *role = status == FLY_OK ? fly__sql_role_named(session, name) : NULL;
    if (status == FLY_OK && role == NULL) {
        status = fly_err_state(err, "42704", 0, "role \"%s\" does not exist", name);
    }
    if (status == FLY_OK) {
        fly__sql_role changed = *role;
        changed.verifier = verifier;
        status = fly__sql_role_put(session, FLY__SQL_O_ROLE, &changed, err);
    }
    fly_status ended = fly__sql_statement_end(session, status != FLY_OK, err);
    return status == FLY_OK ? ended : status;
}

fly_status fly_sql_role_set_verifier(fly_sql *sql, const char *name, const char *verifier,
                                     fly_err *err)
{
    fly_sql_session *session = NULL;
    if (verifier != NULL && strlen(verifier) > FLY_SQL_VERIFIER_MAX) {
        return fly_err_state(err, "22023", 0, "the verifier of role \"%s\" is too long", name);
    }
    fly_status status = fly_sql_session_open(sql, NULL, &session, err);
    if (status == FLY_OK) {
        status = set_verifier(session, name, verifier, err);
    }
    fly_sql_session_close(session);
    return status;
}

const char *fly_sql_session_user(const fly_sql_session *session)
{
    return session->user;
}

uint32_t fly_sql_session_user_oid(const fly_sql_session *session)
{
    return session->state->authenticated;
}
