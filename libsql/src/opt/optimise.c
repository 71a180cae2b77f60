/*
 * Optimising: the passes, in their order.
 *
 * A plan that no pass has touched runs too, and gives the same rows: every pass is a way to have them
 * sooner, and can be left out to see what it was good for.
 *
 *     push     conditions go down to the scans; inner joins are put into an order (push.c, order.c)
 *              and scans choose an index (access.c) on the way
 */
#include "opt/pass_int.h"

fly_status fly__sql_optimise(fly_sql_session *session, const fly__sql_catalog_view *view,
                             fly_arena *arena, fly__sql_plan *plan, fly_err *err)
{
    fly__sql_opt opt = {.session = session, .view = view, .arena = arena, .plan = plan, .err = err};
    fly__sql_conds none = {0};
    if (plan->root == NULL) {
        return FLY_OK;
    }
    if (session->optimise == '-') {
        return FLY_OK;
    }
    opt.plain = session->optimise == 'p';
    opt.origin_count = plan->next_id;
    opt.origin = fly__sql_opt_alloc(&opt, plan->next_id * sizeof *opt.origin);
    if (opt.origin == NULL) {
        return opt.status;
    }
    plan->root = fly__sql_opt_push(&opt, plan->root, &none);
    return opt.status;
}
