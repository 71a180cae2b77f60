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
/* A cursor over a statement that is ready to be run; it is the cursor's if that goes well. The statement
 * may not need anything that it does not hold itself. */
fly_status fly__sql_cursor_open(fly_sql_session *session, const char *name, fly_sql_stmt *stmt,
                                fly_err *err);
/* Go where a FETCH says: the statement has the last row, and `*count` tells how many there were. Give it
 * back. */
fly_status fly__sql_cursor_pull(fly_sql_session *session, const fly_ast_fetch *node,
                                fly_sql_stmt **row, uint64_t *count, fly_err *err);
void fly__sql_cursor_pulled(fly_sql_stmt *row);
bool fly__sql_cursors_forget(fly_sql_session *session, const char *name);

/* inspect.c */
const char *const *fly__sql_inspect_columns(const fly_ast_inspect *node, uint32_t *count);

/* session.c: let go of everything that belongs to the session's database, and of that. */
void fly__sql_session_leave(fly_sql_session *session);

/* Tell who keeps statements of its own that a name, or with NULL all of them, go. */
void fly__sql_named_tell(fly_sql_session *session, const char *name, bool *found);

#endif
