/*
 * Functions with bodies: SQL and PL/pgSQL, as the rest of the library calls them.
 *
 * The catalog puts fly__sql_pl_row() and fly__sql_pl_set into the registry's entry of every function of
 * a user, so that expressions and FROM call them as they call any other.
 */
#ifndef FLY_SQL_PL_INT_H
#define FLY_SQL_PL_INT_H

#include "exec/trigger_int.h"
#include "func/func_int.h"
#include "session/stmt_int.h"

/* A call in an expression: call->func->user is the catalog's function. */
fly_status fly__sql_pl_row(fly__sql_call *call, const fly_vec_value *args, fly_vec_value *result);

/* A call in FROM, or of a function that returns a set in a select list. */
extern const fly__sql_set_function fly__sql_pl_set;

/* DO, and CALL with the columns of its result. */
fly_status fly__sql_pl_do(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_pl_call(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_pl_call_describe(fly_sql_stmt *stmt, fly_err *err);

/* Look at a body before its function is made: err->position counts from the body's beginning. */
fly_status fly__sql_pl_validate(fly_sql_session *session, const fly__sql_user_function *function,
                                fly_err *err);

/* Who runs triggers. */
extern const fly__sql_trigger_hooks fly__sql_pl_triggers;

/* Let go of everything that was compiled. */
void fly__sql_pl_forget(fly_sql_session *session);

/* A condition's SQLSTATE by its name, one by one from `*at` = 0: NULL after the last. A class ("22000")
 * stands for all its members. */
const char *fly__sql_pl_condition(const char *name, size_t *at);

#endif
