/*
 * Kinds of statements.
 */
#ifndef FLY_SQL_STATEMENT_KIND_INT_H
#define FLY_SQL_STATEMENT_KIND_INT_H

#include "session/stmt_int.h"

/* Whether it is bound and run as a plan. */
static inline bool fly__sql_has_plan(fly_ast_kind kind)
{
    return kind == FLY_AST_SELECT || kind == FLY_AST_INSERT || kind == FLY_AST_UPDATE ||
           kind == FLY_AST_DELETE || kind == FLY_AST_MERGE;
}

/* Whether it begins, ends or shapes transactions. */
static inline bool fly__sql_is_transaction(const fly_ast *node)
{
    return node->kind == FLY_AST_TRANSACTION || node->kind == FLY_AST_SET ||
           node->kind == FLY_AST_SHOW;
}

/* 25006 in a read-only transaction. */
fly_status fly__sql_check_writable(fly_sql_session *session, const char *command, fly_err *err);

/* The table column behind a result column: its table's OID, or 0. */
uint32_t fly__sql_plan_origin(const fly__sql_plan *plan, uint32_t i, uint16_t *column);

/* Let go of a COPY that is not finished. */
void fly__sql_copy_stop(fly_sql_stmt *stmt);

#endif
