/*
 * What INSERT, UPDATE, DELETE, MERGE and changeable views share.
 */
#ifndef FLY_SQL_BIND_MODIFY_INT_H
#define FLY_SQL_BIND_MODIFY_INT_H

#include "bind/bind_scope_int.h"

/* What is changed: a table, or a view over one whose columns are columns of the table. */
typedef struct fly__sql_target_rel {
    const fly_ast_relation *ast;
    const fly__sql_table *named; /* what was written */
    const fly__sql_table *table; /* what has the rows: the same, or below the view */
    const int32_t
        *map; /* of a view: the position in `table` of each of its columns; -1: an expression */
    fly__sql_need *need; /* on `named` */
} fly__sql_target_rel;

/* A relation that may be changed; `verb` for messages: "insert into". */
bool fly__sql_bind_target(fly__sql_binder *b, const fly_ast_relation *ast, uint8_t mode,
                          const char *verb, fly__sql_target_rel *target);

/* A column by name, as its position in target->table; -1: 42703, or it cannot be changed. */
int32_t fly__sql_bind_attribute(fly__sql_binder *b, const fly__sql_target_rel *target,
                                const char *name, const char *verb, uint32_t pos);

/* An item of a scope over a row of the target whose columns have these ids (of target->table). */
fly__sql_item *fly__sql_bind_row_item(fly__sql_binder *b, fly__sql_scope *scope,
                                      const fly__sql_target_rel *target, const fly__sql_colid *ids,
                                      const char *alias);

/* A view as names over a row of its table; in view.c. */
typedef struct fly__sql_view_row {
    fly__sql_item *base;
    fly__sql_item *item; /* the view's columns, as expressions over the base's */
    int32_t *map;
    const fly__sql_table *table;
    fly__sql_expr *where; /* what its rows meet, or NULL */
    uint32_t check_count; /* what WITH CHECK OPTION demands of new rows */
    fly__sql_expr *checks[32];
    const char *check_names[32];
} fly__sql_view_row;

/* Over `ids`, or, if NULL, over a scan. */
bool fly__sql_bind_view_row(fly__sql_binder *b, fly__sql_scope *scope, const fly__sql_table *view,
                            const fly__sql_colid *ids, const char *alias, const char *verb,
                            fly__sql_view_row *row);

fly__sql_expr *fly__sql_bind_default(fly__sql_binder *b, const fly__sql_table *table,
                                     const fly__sql_column *column);

/* m->fresh, and what is told in terms of it: generated columns and checks. */
bool fly__sql_bind_row_rules(fly__sql_binder *b, fly__sql_modify *m,
                             const fly__sql_target_rel *target);

/* What row security demands of a new row, over `fresh`; NULL: nothing. */
bool fly__sql_bind_new_row_policies(fly__sql_binder *b, const fly__sql_table *table,
                                    const fly__sql_colid *fresh, char command,
                                    fly__sql_expr **check);

/* What it demands of a row that stands in the way of a new one, over `old`; NULL: nothing. */
bool fly__sql_bind_old_row_policies(fly__sql_binder *b, const fly__sql_table *table,
                                    const fly__sql_colid *old, fly__sql_expr **check);

/* SET a = 1, (b, c) = (2, 3). */
bool fly__sql_bind_sets(fly__sql_binder *b, fly__sql_scope *scope,
                        const fly__sql_target_rel *target, fly_ast_list sets,
                        fly__sql_assign **assigns, uint32_t *count);

/* What a column becomes when a part of it (`list`) is assigned `value`, or what is bound already. */
fly__sql_expr *fly__sql_bind_part(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_expr *base,
                                  fly_ast_list list, const fly_ast *value, fly__sql_expr *bound,
                                  const char *column);

/* (columns) VALUES (values), one row, all columns of the table. */
bool fly__sql_bind_insert_list(fly__sql_binder *b, fly__sql_scope *scope,
                               const fly__sql_target_rel *target, fly_ast_list columns,
                               fly_ast_overriding overriding, fly_ast_list values,
                               fly__sql_assign **assigns, uint32_t *count);

/* The scan of the target of UPDATE, DELETE or MERGE, its name added to the scope. */
fly__sql_rel *fly__sql_bind_old_row(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly__sql_target_rel *target, fly__sql_modify *m);

#endif
