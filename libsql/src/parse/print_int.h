/*
 * What the printers share: print.c has expressions and queries, print_stmt.c the other statements.
 */
#ifndef FLY_SQL_PARSE_PRINT_INT_H
#define FLY_SQL_PARSE_PRINT_INT_H

#include "parse/ast_int.h"
#include "parse/text_int.h"

/** Any expression, where any may stand. */
void fly__sql_print_expr(fly_sql_text *o, const fly_ast *node);
/** An expression that is to be an operand: in parentheses unless it is one thing. */
void fly__sql_print_operand(fly_sql_text *o, const fly_ast *node);
void fly__sql_print_exprs(fly_sql_text *o, const fly_ast_list *list);
/** A query or a statement that changes rows. */
void fly__sql_print_query(fly_sql_text *o, const fly_ast *node);
void fly__sql_print_statement(fly_sql_text *o, const fly_ast *node);
/** A name, in quotes if it needs them. */
void fly__sql_print_name(fly_sql_text *o, const char *name);
void fly__sql_print_dotted(fly_sql_text *o, const fly_ast_names *names);
/** a, b, c */
void fly__sql_print_names(fly_sql_text *o, const fly_ast_names *names);
void fly__sql_print_string(fly_sql_text *o, fly_bytes text);
void fly__sql_print_relation(fly_sql_text *o, const fly_ast *node);
void fly__sql_print_type(fly_sql_text *o, const fly_ast *node);
void fly__sql_print_index_column(fly_sql_text *o, const fly_ast *node);
void fly__sql_print_column_def(fly_sql_text *o, const fly_ast *node);

typedef void fly_sql_printer(fly_sql_text *o, const fly_ast *node);

static inline void put(fly_sql_text *o, const char *text)
{
    fly__sql_text_put(o, text);
}

static inline void put_if(fly_sql_text *o, bool wanted, const char *text)
{
    if (wanted) {
        fly__sql_text_put(o, text);
    }
}

/** item, item */
void fly__sql_print_list(fly_sql_text *o, const fly_ast_list *list, fly_sql_printer *printer);
/** " word expr", if there is one */
void fly__sql_print_clause(fly_sql_text *o, const char *word, const fly_ast *node);
/** " (a, b)", if there are any */
void fly__sql_print_name_parens(fly_sql_text *o, const fly_ast_names *names);

#endif
