/*
 * Expressions that the catalog keeps as text, made ready to run: those of indexes, defaults, checks.
 */
#ifndef FLY_SQL_PROGRAM_INT_H
#define FLY_SQL_PROGRAM_INT_H

#include "session/session_int.h"

struct fly_collation;

/* The value of an expression (SQL text) over a row of a table, cast to `type`. The bound program is
 * remembered by the session under table, text and catalog version. */
fly_status fly__sql_table_expr(fly_sql_session *session, const fly__sql_table *table,
                               const char *text, fly_sql_type type, const fly_vec_value *values,
                               fly_arena *arena, fly_vec_value *value, fly_err *err);

/* Make the program now, to know what is wrong with it; forget it, when the text will not come again. */
fly_status fly__sql_table_expr_make(fly_sql_session *session, const fly__sql_table *table,
                                    const char *text, fly_sql_type type, fly_err *err);
void fly__sql_table_expr_drop(fly_sql_session *session, const fly__sql_table *table,
                              const char *text);

/* A collation by its OID; NULL is the order of bytes. Lives as long as the engine. */
fly_status fly__sql_session_collation(fly_sql_session *session, uint32_t oid,
                                      const struct fly_collation **collation, fly_err *err);

#endif
