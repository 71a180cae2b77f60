/*
 * Common table expressions that are used once go where they are used, where conditions reach them and
 * joins can be ordered with them.
 *
 * Not those that change data or are recursive, that the user wants kept (all of them `materialize`),
 * that lock rows, or that could give something else the second time; and not those that a subquery in
 * an expression uses, which may ask again and again.
 */
#include "opt/pass_int.h"

#include "bind/bind_scope_int.h"

#include <string.h>

static bool locks_rows(const fly__sql_rel *rel)
{
    return rel != NULL && (rel->kind == FLY__SQL_R_LOCK || rel->kind == FLY__SQL_R_MODIFY ||
                           locks_rows(rel->left) || locks_rows(rel->right));
}

static int find_volatile(void *ctx, fly__sql_expr **at)
{
    bool *found = ctx;
    *found = *found || (*at)->volatile_;
    return *found ? -1 : 1;
}

bool fly__sql_opt_is_inlined(const fly__sql_opt *opt, const fly__sql_cte *cte)
{
    bool volatile_ = false;
    if (opt->plain || cte->uses != 1 || cte->materialize || cte->recursive != NULL ||
        cte->rel == NULL || locks_rows(cte->rel)) {
        return false;
    }
    (void)fly__sql_bind_walk_rel(cte->rel, find_volatile, &volatile_);
    return !volatile_;
}

fly__sql_rel *fly__sql_opt_inlined(fly__sql_opt *opt, fly__sql_rel *use)
{
    fly__sql_cte *cte = use->cte.cte;
    fly__sql_rel *project = fly__sql_opt_alloc(opt, sizeof *project);
    fly__sql_expr **exprs = fly__sql_opt_alloc(opt, (use->column_count + 1u) * sizeof *exprs);
    if (project == NULL || exprs == NULL || use->column_count > cte->rel->column_count) {
        return use;
    }
    for (uint32_t i = 0; i < use->column_count; i++) {
        exprs[i] = fly__sql_opt_column(opt, &cte->rel->columns[i]);
    }
    project->kind = FLY__SQL_R_PROJECT;
    project->left = cte->rel;
    project->column_count = use->column_count;
    project->columns = use->columns;
    project->project.exprs = exprs;
    cte->uses = 0;
    return project;
}
