/*
 * Binding: from names to things.
 */
#ifndef FLY_SQL_BIND_INT_H
#define FLY_SQL_BIND_INT_H

#include "parse/ast_int.h"
#include "plan/plan_int.h"
#include "session/session_int.h"

/* What a statement is bound in. */
typedef struct fly__sql_bind_context {
    fly_sql_session *session;
    const fly__sql_catalog_view *view;
    fly_arena *arena; /* everything of the plan lies here */
    /* Types of $1 and up, in and out: OID 0 is not known yet, and is found from where it stands. */
    uint32_t param_count;
    fly_sql_type *params; /* room for 65,535, or grown from arena */
    /* Of a lone expression, what it is, for what it may contain and for messages: 'c' a check, 'd' a
     * default, 'g' a generated column, 'i' of an index, 'p' an index's predicate, 't' ALTER TYPE ...
     * USING, 'w' a trigger's WHEN; 0: anything. */
    char what;
    /* Names that are not columns: variables of PL, arguments of SQL functions. NULL: none. */
    bool (*variable)(void *ctx, const char *const *names, uint32_t count, fly__sql_expr *param);
    void *variable_ctx;
    /* Names of relations that are no tables: what a trigger's statement changed. NULL: none. */
    const struct fly__sql_func *(*transition)(void *ctx, const char *name,
                                              const fly__sql_table **table);
    bool variable_first; /* a name that is a variable and a column is an error: 42702 */
    bool unasked;        /* rights are looked at by who uses what is defined */
    bool procedure;      /* the call that comes next is of a procedure: CALL */
} fly__sql_bind_context;

/* A statement that has a plan: SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE, and what wraps them. */
fly_status fly__sql_bind(fly__sql_bind_context *context, const fly_ast *statement,
                         fly__sql_plan **result, fly_err *err);

/* One expression over the columns of a table (a default, check, index expression, trigger condition);
 * `table` may be NULL. Columns get the ids columns[attnum - 1]. Cast, as an assignment does, to
 * `target` if its oid is not 0. */
fly_status fly__sql_bind_expr(fly__sql_bind_context *context, const fly_ast *expression,
                              const fly__sql_table *table, const fly__sql_colid *columns,
                              fly_sql_type target, fly__sql_expr **expr, fly_err *err);

/* A type as written: varchar(10)[], numeric(5, 2), my.mood. */
fly_status fly__sql_bind_type(fly__sql_bind_context *context, const fly_ast *name,
                              fly_sql_type *type, fly_err *err);

#endif
