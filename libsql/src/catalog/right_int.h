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

/* Which of these rights (bits) a role has on a database. */
bool fly__sql_may_database(fly_sql_session *session, uint32_t role, const char *database,
                           uint32_t rights);

#endif
