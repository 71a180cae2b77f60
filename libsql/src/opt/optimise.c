/*
 * Optimising: the passes, in their order.
 *
 * A plan that no pass has touched runs too, and gives the same rows: every pass is a way to have them
 * sooner, and can be left out to see what it was good for.
 *
 *     push     conditions go down to the scans; inner joins are put into an order (push.c, order.c)
 *              and scans choose an index (access.c) on the way, subqueries become joins (unnest.c)
 *     prune    columns that nobody asks for are not made
 *     sorted   sorts, min and max that an index makes needless
 */
#include "opt/pass_int.h"

#include <string.h>

static bool keep_result(fly__sql_opt *opt)
{
    const fly__sql_rel *root = opt->plan->root;
    opt->result_count = root->column_count;
    opt->result = fly__sql_opt_alloc(opt, (root->column_count + 1u) * sizeof *opt->result);
    if (opt->result != NULL && root->column_count > 0) {
        memcpy(opt->result, root->columns, root->column_count * sizeof *opt->result);
    }
    return opt->result != NULL;
}

/* For EXPLAIN: rows of every node, and as its cost the rows that were made on the way to them. */
static void price(fly__sql_opt *opt, fly__sql_rel *rel)
{
    double below = 0;
    fly__sql_rel *const inputs[] = {rel->left, rel->right};
    for (int i = 0; i < 2; i++) {
        if (inputs[i] != NULL) {
            price(opt, inputs[i]);
            below += inputs[i]->cost;
        }
    }
    for (uint32_t i = 0; rel->kind == FLY__SQL_R_WITH && i < rel->with.count; i++) {
        if (rel->with.ctes[i]->rel != NULL) {
            price(opt, rel->with.ctes[i]->rel);
        }
    }
    rel->cost = below + fly__sql_opt_rows(opt, rel);
}

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
    opt.sizes = fly__sql_opt_alloc(&opt, sizeof *opt.sizes);
    if (opt.origin == NULL || opt.sizes == NULL) {
        return opt.status;
    }
    if (!keep_result(&opt)) {
        return opt.status;
    }
    plan->root = fly__sql_opt_push(&opt, plan->root, &none);
    if (opt.status == FLY_OK) {
        fly__sql_opt_prune(&opt);
        plan->root = fly__sql_opt_sorted(&opt, plan->root);
        price(&opt, plan->root);
    }
    return opt.status;
}
