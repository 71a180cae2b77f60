/*
 * Optimising: the passes, in their order.
 *
 * A plan that no pass has touched runs too, and gives the same rows: every pass is a way to have them
 * sooner, and can be left out to see what it was good for.
 */
#include "opt/opt_int.h"

fly_status fly__sql_optimise(fly_sql_session *session, const fly__sql_catalog_view *view,
                             fly_arena *arena, fly__sql_plan *plan, fly_err *err)
{
    (void)session;
    (void)view;
    (void)arena;
    (void)plan;
    (void)err;
    return FLY_OK;
}
