/*
 * Who a session is.
 *
 *     authenticated   who logged in
 *     login           session_user: another after SET SESSION AUTHORIZATION
 *     user_oid        current_user, whose rights count: another after SET ROLE, and inside of functions
 *                     that are SECURITY DEFINER
 */
#ifndef FLY_SQL_USER_INT_H
#define FLY_SQL_USER_INT_H

#include "parse/ast_int.h"
#include "session/state_int.h"

/* Log in: 28000 if there is no such role, or it may not. NULL is the administrator. */
fly_status fly__sql_user_begin(fly_sql_session *session, const char *name, fly_err *err);
/* Once the session has a database: whether it lets the user in (42501), and the settings that ALTER ROLE
 * and ALTER DATABASE gave it. */
fly_status fly__sql_user_settings(fly_sql_session *session, fly_err *err);

/* SET ROLE and SET SESSION AUTHORIZATION: whether the session may; `value` NULL resets. */
fly_status fly__sql_user_may_set(fly_sql_session *session, const char *name, const char *value,
                                 fly_err *err);
/* Do it: what was allowed once may be taken back. */
bool fly__sql_user_set_role(fly_sql_session *session, const char *value);
bool fly__sql_user_set_login(fly_sql_session *session, const char *value);

/* Become another, for a while: who runs a function that is its owner's. */
typedef struct fly__sql_user_switch {
    uint32_t user;
    fly__sql_catalog_view *view; /* the one before */
    fly__sql_catalog_view *made;
} fly__sql_user_switch;
fly_status fly__sql_user_become(fly_sql_session *session, uint32_t oid,
                                fly__sql_user_switch *before, fly_err *err);
fly_status fly__sql_user_back(fly_sql_session *session, fly__sql_user_switch *before, fly_err *err);

/* The values of SET as one text; utility.c. */
const char *fly__sql_set_text(fly_sql_stmt *stmt, const fly_ast_set *node);

/* The name of a role; "unknown (OID=7)" if it is gone, in `room`. */
const char *fly__sql_role_name(const fly_sql_session *session, uint32_t oid,
                               char room[FLY__SQL_NAME_MAX + 1]);

#endif
