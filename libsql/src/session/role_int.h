/*
 * Statements about roles and rights. Private to session/.
 *
 *     ddl_role.c     CREATE, ALTER, DROP ROLE; who belongs to whom
 *     ddl_grant.c    GRANT and REVOKE of rights on objects, ALTER DEFAULT PRIVILEGES
 *     ddl_owner.c    OWNER TO, REASSIGN OWNED, DROP OWNED; what depends on a role
 *     ddl_policy.c   policies
 */
#ifndef FLY_SQL_ROLE_STATEMENTS_INT_H
#define FLY_SQL_ROLE_STATEMENTS_INT_H

#include "catalog/right_int.h"
#include "session/ddl_int.h"
#include "session/user_int.h"

/* The role that is named: 42704. PUBLIC, if it is allowed, is FLY__SQL_ROLE_PUBLIC. */
fly_status fly__sql_ddl_role(fly_sql_session *session, const fly_ast *node, bool everybody,
                             uint32_t *oid, fly_err *err);

fly_status fly__sql_create_role(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_alter_role(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_rename_role(fly_sql_stmt *stmt, const fly_ast_rename *node, fly_err *err);
fly_status fly__sql_drop_role(fly_sql_stmt *stmt, const fly_ast_drop *node, const fly_ast *named,
                              fly_err *err);
fly_status fly__sql_grant_role(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_comment_role(fly_sql_stmt *stmt, const fly_ast *named, const char *text,
                                 fly_err *err);
/* ALTER DATABASE ... SET. */
fly_status fly__sql_role_set(fly_sql_stmt *stmt, uint32_t role, const char *database,
                             const fly_ast_set *set, fly_err *err);

fly_status fly__sql_grant(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_alter_defaults(fly_sql_stmt *stmt, fly_err *err);
/* Put an object's list; one that says what is so anyway is removed. */
fly_status fly__sql_acl_put(fly_sql_session *session, const fly__sql_secured *object, bool own,
                            const fly__sql_acl_item *items, uint16_t count, fly_err *err);
/* The object is gone. */
fly_status fly__sql_acl_drop(fly_sql_session *session, uint32_t oid, fly_err *err);
/* An object that a statement names: 42704, 42P01, 3F000 ... */
fly_status fly__sql_ddl_object(fly_sql_stmt *stmt, fly_ast_object_kind kind, const fly_ast *node,
                               fly__sql_secured *found, fly_err *err);

fly_status fly__sql_set_owner(fly_sql_stmt *stmt, fly_err *err);
/* Give an object to a role, as OWNER TO does: the user owns it, and belongs to the role. */
fly_status fly__sql_give(fly_sql_stmt *stmt, const fly__sql_secured *object, uint32_t role,
                         fly_err *err);
/* The same, unasked. */
fly_status fly__sql_put_owner(fly_sql_session *session, const fly__sql_secured *object,
                              uint32_t role, fly_err *err);
fly_status fly__sql_reassign(fly_sql_stmt *stmt, fly_err *err);
/* 2BP01 if something in any database is a role's, or names it. */
fly_status fly__sql_role_unused(fly_sql_stmt *stmt, const fly__sql_role *role, fly_err *err);

fly_status fly__sql_create_policy(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_rename_policy(fly_sql_stmt *stmt, const fly_ast_rename *node, fly_err *err);
/* GRANT ... WHERE, and its end: the policies that it made for a role. */
fly_status fly__sql_grant_rows(fly_sql_stmt *stmt, const fly__sql_table *table, uint32_t role,
                               uint32_t rights, const fly_ast *where, fly_err *err);

#endif
