/*
 * Statements and cursors with names, and what INSPECT shows. Private to session/.
 */
#ifndef FLY_SQL_NAMED_INT_H
#define FLY_SQL_NAMED_INT_H

#include "session/stmt_int.h"

/* named.c: PREPARE, EXECUTE, DEALLOCATE */
fly_status fly__sql_named_prepare(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_named_execute(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_named_deallocate(fly_sql_stmt *stmt, fly_err *err);
fly_sql_stmt *fly__sql_named_find(const fly_sql_session *session, const char *name);
/* `name` NULL: all. Returns whether there was one. */
bool fly__sql_named_forget(fly_sql_session *session, const char *name);

/* cursor.c: DECLARE, FETCH, MOVE, CLOSE */
fly_status fly__sql_cursor_declare(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_cursor_fetch(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_cursor_close(fly_sql_stmt *stmt, fly_err *err);
fly_sql_stmt *fly__sql_cursor_stmt(const fly_sql_session *session, const char *name);
bool fly__sql_cursors_forget(fly_sql_session *session, const char *name);

/* inspect.c */
const char *const *fly__sql_inspect_columns(const fly_ast_inspect *node, uint32_t *count);

/* session.c: let go of everything that belongs to the session's database, and of that. */
void fly__sql_session_leave(fly_sql_session *session);

#endif
