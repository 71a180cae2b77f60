/*
 * Rights: who may do what. Every question about them ends here, whoever asks: the binder for the tables
 * and functions of a query, the statements that define things, the functions of the catalog.
 */
#ifndef FLY_SQL_RIGHT_INT_H
#define FLY_SQL_RIGHT_INT_H

#include "catalog/role_int.h"

/* Whether a role is another or belongs to it, directly or not. `inherits`: its rights are there without
 * SET ROLE. Superusers are everything. */
bool fly__sql_is_member(fly_sql_session *session, uint32_t member, uint32_t role, bool inherits);
bool fly__sql_is_superuser(const fly_sql_session *session, uint32_t role);

/* ---------------------------------------------------------------------- the lists */

/* Kinds of objects, for rights. Tables, views and the like are all 'r'. */
typedef enum fly__sql_right_class {
    FLY__SQL_RIGHT_TABLE = 'r',
    FLY__SQL_RIGHT_SEQUENCE = 'S',
    FLY__SQL_RIGHT_FUNCTION = 'f',
    FLY__SQL_RIGHT_TYPE = 'T',
    FLY__SQL_RIGHT_SCHEMA = 'n',
    FLY__SQL_RIGHT_DATABASE = 'd'
} fly__sql_right_class;

/* An object as far as rights go. */
typedef struct fly__sql_secured {
    char class; /* fly__sql_right_class */
    uint32_t oid;
    uint32_t owner;
    const char *name; /* for messages; a database is found by it */
    const char *kind; /* for messages: "table" */
} fly__sql_secured;

fly__sql_secured fly__sql_secured_table(const fly__sql_table *table);
fly__sql_secured fly__sql_secured_schema(const fly__sql_schema *schema);
fly__sql_secured fly__sql_secured_function(const fly__sql_user_function *function);
fly__sql_secured fly__sql_secured_type(const fly__sql_user_type *type);
fly__sql_secured fly__sql_secured_database(const fly_sql_session *session, const char *name);

/* All rights that there are on objects of a class. */
uint32_t fly__sql_rights_all(char class);

/* An object's list: its own, or the defaults in `room`, which has FLY__SQL_ACL_DEFAULTS items. `own`
 * tells which; items of columns come in any case. */
enum { FLY__SQL_ACL_DEFAULTS = 2 };
const fly__sql_acl_item *fly__sql_acl_of(const fly_sql_session *session,
                                         const fly__sql_catalog_view *view,
                                         const fly__sql_secured *object,
                                         fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS],
                                         uint16_t *count, bool *own);
/* The defaults of a class. */
uint16_t fly__sql_acl_defaults(char class, uint32_t oid, uint32_t owner,
                               fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS]);

/* ------------------------------------------------------------------------ deciding */

/* Which rights a role has on an object; with `column` (attnum), those on that column are among them;
 * `grantable`: those that it may grant. */
uint32_t fly__sql_rights(fly_sql_session *session, const fly__sql_catalog_view *view, uint32_t role,
                         const fly__sql_secured *object, uint16_t column, bool grantable);

/* Whether it owns the object, or is as good as the owner. */
bool fly__sql_owns(fly_sql_session *session, uint32_t role, uint32_t owner);

/* 42501 unless the role has all of these: "permission denied for table t". */
fly_status fly__sql_need_right(fly_sql_session *session, uint32_t role,
                               const fly__sql_secured *object, uint32_t rights, fly_err *err);
/* 42501 unless the session's user owns the object: "must be owner of table t". */
fly_status fly__sql_need_owner(fly_sql_session *session, const fly__sql_secured *object,
                               fly_err *err);

/* The right on a schema that the user must have to see into it, or to make something in it. */
bool fly__sql_may_schema(fly_sql_session *session, const fly__sql_catalog_view *view,
                         uint32_t schema, uint32_t rights);
fly_status fly__sql_need_schema(fly_sql_session *session, uint32_t oid, uint32_t rights,
                                uint32_t pos, fly_err *err);

bool fly__sql_may_database(fly_sql_session *session, uint32_t role, const char *database,
                           uint32_t rights);

/* The list that a new object begins with, by ALTER DEFAULT PRIVILEGES: puts it, if there is any. */
fly_status fly__sql_acl_begin(fly_sql_session *session, const fly__sql_secured *object,
                              uint32_t schema, fly_err *err);

#endif
