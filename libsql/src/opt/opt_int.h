/*
 * Optimising: the same rows, sooner.
 */
#ifndef FLY_SQL_OPT_INT_H
#define FLY_SQL_OPT_INT_H

#include "plan/plan_int.h"
#include "session/session_int.h"

/* Improve a plan in place; new nodes lie in `arena`. */
fly_status fly__sql_optimise(fly_sql_session *session, const fly__sql_catalog_view *view,
                             fly_arena *arena, fly__sql_plan *plan, fly_err *err);

#endif
