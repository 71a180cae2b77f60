/*
 * What cte.c and cte_path.c share.
 */
#ifndef FLY_SQL_BIND_CTE_INT_H
#define FLY_SQL_BIND_CTE_INT_H

#include "bind/bind_scope_int.h"

/* SEARCH and CYCLE of one expression, between its two terms. */
typedef struct fly__sql_path {
    uint32_t own; /* columns of the query itself; the others come behind */
    uint32_t *search_at;
    uint32_t *cycle_at;
    fly__sql_expr *marks[2]; /* of a row that is on its path already, and of others */
} fly__sql_path;

/* Once the first term is bound: its columns and the expression's get what SEARCH and CYCLE add. */
bool fly__sql_bind_path_begin(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_cte *ast,
                              fly__sql_rel **first, fly__sql_cte *cte, fly__sql_path *path);

/* Once the recursive term is bound; `work` is where it takes the rows of the last round from. */
bool fly__sql_bind_path_end(fly__sql_binder *b, const fly_ast_cte *ast, fly__sql_rel *term,
                            fly__sql_rel *work, const fly__sql_path *path);

#endif
