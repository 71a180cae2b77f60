/*
 * What INSERT, UPDATE, DELETE, MERGE and changeable views share.
 */
#ifndef FLY_SQL_BIND_MODIFY_INT_H
#define FLY_SQL_BIND_MODIFY_INT_H

#include "bind/bind_scope_int.h"

/* A relation that may be changed: a table, or a view. */
const fly__sql_table *fly__sql_bind_target(fly__sql_binder *b, const fly_ast_relation *ast,
                                           uint8_t mode);

/* A column by name, as its position in the table; -1: 42703. */
int32_t fly__sql_bind_attribute(fly__sql_binder *b, const fly__sql_table *table, const char *name,
                                uint32_t pos);

/* An item of a scope over a row of a table whose columns have these ids. */
fly__sql_item *fly__sql_bind_row_item(fly__sql_binder *b, fly__sql_scope *scope,
                                      const fly__sql_table *table, const fly__sql_colid *ids,
                                      const char *alias);

fly__sql_expr *fly__sql_bind_default(fly__sql_binder *b, const fly__sql_table *table,
                                     const fly__sql_column *column);

/* m->fresh, and what is told in terms of it: generated columns and checks. */
bool fly__sql_bind_row_rules(fly__sql_binder *b, fly__sql_modify *m);

/* SET a = 1, (b, c) = (2, 3). */
bool fly__sql_bind_sets(fly__sql_binder *b, fly__sql_scope *scope, const fly__sql_table *table,
                        fly_ast_list sets, fly__sql_assign **assigns, uint32_t *count);

/* (columns) VALUES (values), one row, all columns of the table. */
bool fly__sql_bind_insert_list(fly__sql_binder *b, fly__sql_scope *scope,
                               const fly__sql_table *table, fly_ast_list columns,
                               fly_ast_overriding overriding, fly_ast_list values,
                               fly__sql_assign **assigns, uint32_t *count);

/* The scan of the target of UPDATE, DELETE or MERGE, added to the scope. */
fly__sql_item *fly__sql_bind_old_row(fly__sql_binder *b, fly__sql_scope *scope,
                                     const fly_ast_relation *ast, fly__sql_modify *m);

#endif
