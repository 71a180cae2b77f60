/*
 * Columns that nobody asks for are not made.
 *
 * One walk from the root down, with a set of the columns that something above names. Ids are unique, so
 * one set does for the whole statement: whoever names a column is above its maker, or to the right of
 * it in a join, or in a subquery of an expression that is; all those are visited before.
 *
 *     P1  a node whose columns have a place (of a set operation, a common table expression, the result)
 *         makes them all, in their order, with a projection above if need be
 *     P2  DISTINCT and set operations look at all columns: below them nothing goes
 *     P3  nodes that pass columns on make what their input makes now
 */
#include "opt/pass_int.h"

#include "bind/bind_scope_int.h"

#include <string.h>

typedef struct pruner {
    fly__sql_opt *opt;
    fly__sql_colid limit;
    uint64_t *needed;
} pruner;

static fly__sql_rel *prune(pruner *p, fly__sql_rel *rel);

static void need(pruner *p, fly__sql_colid id)
{
    if (id < p->limit) {
        p->needed[id / 64] |= (uint64_t)1 << (id % 64);
    }
}

static bool is_needed(const pruner *p, fly__sql_colid id)
{
    return id >= p->limit || (p->needed[id / 64] >> (id % 64) & 1) != 0;
}

static void need_all(pruner *p, const fly__sql_rel *rel)
{
    for (uint32_t i = 0; rel != NULL && i < rel->column_count; i++) {
        need(p, rel->columns[i].id);
    }
}

/* A node whose columns have a place. */
static fly__sql_rel *exactly(pruner *p, fly__sql_rel *rel, const fly__sql_rel *like)
{
    bool same = rel->column_count == like->column_count;
    for (uint32_t i = 0; same && i < rel->column_count; i++) {
        same = rel->columns[i].id == like->columns[i].id;
    }
    return same ? rel : fly__sql_opt_only(p->opt, rel, like);
}

static fly__sql_rel *prune_exactly(pruner *p, fly__sql_rel *rel)
{
    if (rel == NULL) {
        return NULL;
    }
    fly__sql_rel like = {.column_count = rel->column_count};
    like.columns = fly__sql_opt_alloc(p->opt, (rel->column_count + 1u) * sizeof(fly__sql_colref));
    if (like.columns == NULL) {
        return rel;
    }
    if (rel->column_count > 0) {
        memcpy(like.columns, rel->columns, rel->column_count * sizeof *like.columns);
    }
    need_all(p, rel);
    return exactly(p, prune(p, rel), &like);
}

static void visit_expr(pruner *p, fly__sql_expr *expr)
{
    if (expr == NULL) {
        return;
    }
    if (expr->kind == FLY__SQL_X_COLUMN) {
        need(p, expr->column);
    }
    for (uint32_t i = 0; i < expr->argc; i++) {
        visit_expr(p, expr->args[i]);
    }
    if (expr->kind == FLY__SQL_X_SUBQUERY) {
        fly__sql_subquery *sub = expr->subquery;
        visit_expr(p, sub->test);
        sub->rel = sub->kind == FLY__SQL_SUB_EXISTS ? prune(p, sub->rel)
                                                    : prune_exactly(p, sub->rel);
        sub->rel = fly__sql_opt_sorted(p->opt, sub->rel);
    }
}

static void visit_list(pruner *p, fly__sql_expr *const *list, uint32_t count)
{
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        visit_expr(p, list[i]);
    }
}

static void visit_agg(pruner *p, const fly__sql_agg *agg)
{
    visit_list(p, agg->args, agg->argc);
    visit_expr(p, agg->filter);
    for (uint32_t i = 0; i < agg->order_count; i++) {
        visit_expr(p, agg->order[i].expr);
    }
}

static void pass_on(fly__sql_rel *rel)
{
    rel->columns = rel->left->columns;
    rel->column_count = rel->left->column_count;
}

/* One column at least stays: rows without columns are counted by nobody. */
/* Columns of a scan that are needed, to the front. One is made in any case: of an index, if there is
 * one, a column that it has. */
static void keep_columns(pruner *p, fly__sql_rel *rel)
{
    const fly__sql_index *index = rel->scan.index;
    uint32_t kept = 0;
    uint32_t spare = rel->column_count > 0 ? rel->column_count - 1 : 0;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (index != NULL && rel->scan.attnums[i] == index->columns[0].column) {
            spare = i;
        }
    }
    fly__sql_colref column = rel->column_count > 0 ? rel->columns[spare] : (fly__sql_colref){0};
    uint16_t attnum = rel->column_count > 0 ? rel->scan.attnums[spare] : 0;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (is_needed(p, rel->columns[i].id)) {
            rel->columns[kept] = rel->columns[i];
            rel->scan.attnums[kept++] = rel->scan.attnums[i];
        }
    }
    if (kept == 0 && rel->column_count > 0) {
        rel->columns[kept] = column;
        rel->scan.attnums[kept++] = attnum;
    }
    rel->column_count = kept;
}

/* Whether the index that was chosen has all that is needed; if not, it may not be worth it. */
static bool is_covered(pruner *p, fly__sql_rel *rel)
{
    uint32_t count = 0;
    uint16_t *attnums = fly__sql_opt_alloc(p->opt, (rel->column_count + 1u) * sizeof *attnums);
    for (uint32_t i = 0; attnums != NULL && i < rel->column_count; i++) {
        if (is_needed(p, rel->columns[i].id)) {
            attnums[count++] = rel->scan.attnums[i];
        }
    }
    return attnums != NULL && fly__sql_opt_covered(p->opt, rel, attnums, count);
}

static void prune_scan(pruner *p, fly__sql_rel *rel)
{
    visit_expr(p, rel->scan.filter);
    if (rel->scan.index != NULL && !is_covered(p, rel)) {
        fly__sql_opt_reconsider(p->opt, rel);
        visit_expr(p, rel->scan.filter);
    }
    visit_list(p, rel->scan.equals, rel->scan.equal_count);
    visit_expr(p, rel->scan.low);
    visit_expr(p, rel->scan.high);
    keep_columns(p, rel);
    rel->scan.index_only = fly__sql_opt_covered(p->opt, rel, rel->scan.attnums, rel->column_count);
}

static void prune_project(pruner *p, fly__sql_rel *rel)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (is_needed(p, rel->columns[i].id) || rel->project.exprs[i]->volatile_ ||
            rel->kind == FLY__SQL_R_UNNEST || (kept == 0 && i + 1 == rel->column_count)) {
            rel->columns[kept] = rel->columns[i];
            rel->project.exprs[kept++] = rel->project.exprs[i];
        }
    }
    rel->column_count = kept;
    visit_list(p, rel->project.exprs, kept);
    rel->left = prune(p, rel->left);
}

static void keep_needed(const pruner *p, const fly__sql_rel *from, fly__sql_colref *columns,
                        uint32_t *count, bool nullable)
{
    for (uint32_t i = 0; i < from->column_count; i++) {
        if (is_needed(p, from->columns[i].id)) {
            columns[*count] = from->columns[i];
            columns[(*count)++].nullable |= nullable;
        }
    }
}

/* A left join that finds at most one row, of which nobody wants anything, is its left side. */
static bool is_idle(const pruner *p, const fly__sql_rel *rel)
{
    const fly__sql_rel *right = rel->right;
    const fly__sql_expr *condition = rel->join.condition;
    if (rel->join.join != FLY__SQL_JOIN_LEFT || right->kind != FLY__SQL_R_SCAN ||
        (condition != NULL && condition->volatile_) || p->opt->plain) {
        return false;
    }
    for (uint32_t i = 0; i < right->column_count; i++) {
        if (is_needed(p, right->columns[i].id)) {
            return false;
        }
    }
    if (right->scan.lateral) {
        return right->scan.index->unique && right->scan.equal_count == right->scan.index->key_count;
    }
    const fly__sql_table *table = right->scan.table;
    for (uint16_t i = 0; i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        uint32_t found = 0;
        for (uint16_t c = 0; c < index->key_count; c++) {
            bool equal = false;
            for (uint32_t k = 0; k < rel->join.key_count && !equal; k++) {
                const fly__sql_expr *key = rel->join.right_keys[k];
                for (uint32_t n = 0; n < right->column_count; n++) {
                    equal = equal ||
                            (key->kind == FLY__SQL_X_COLUMN && !rel->join.null_safe[k] &&
                             key->column == right->columns[n].id && index->columns[c].column != 0 &&
                             right->scan.attnums[n] == index->columns[c].column);
                }
            }
            found += equal;
        }
        if (index->unique && index->ready && index->predicate == NULL &&
            found == index->key_count) {
            return true;
        }
    }
    return false;
}

static void prune_join(pruner *p, fly__sql_rel *rel)
{
    bool mark = rel->join.join == FLY__SQL_JOIN_MARK;
    bool pairs = rel->join.join <= FLY__SQL_JOIN_FULL || rel->join.join == FLY__SQL_JOIN_SINGLE;
    fly__sql_colref last = {0};
    if (mark) {
        last = rel->columns[rel->column_count - 1];
    }
    /* What the join makes is what is asked for above it, not what it asks for itself. */
    uint32_t room = rel->left->column_count + (pairs ? rel->right->column_count : 0) + 1;
    fly__sql_colref *columns = fly__sql_opt_alloc(p->opt, (room + 1u) * sizeof *columns);
    if (columns == NULL) {
        return;
    }
    uint32_t count = 0;
    bool left_null = rel->join.join == FLY__SQL_JOIN_RIGHT || rel->join.join == FLY__SQL_JOIN_FULL;
    keep_needed(p, rel->left, columns, &count, left_null);
    if (pairs) {
        keep_needed(p, rel->right, columns, &count,
                    rel->join.join != FLY__SQL_JOIN_INNER && rel->join.join != FLY__SQL_JOIN_RIGHT);
    }
    visit_expr(p, rel->join.condition);
    visit_list(p, rel->join.left_keys, rel->join.key_count);
    visit_list(p, rel->join.right_keys, rel->join.key_count);
    visit_expr(p, rel->join.residual);
    rel->right = prune(p, rel->right);
    rel->left = prune(p, rel->left);
    if (mark) {
        columns[count++] = last;
    }
    if (count == 0 && rel->left->column_count > 0) {
        columns[count++] = rel->left->columns[0];
    }
    rel->columns = columns;
    rel->column_count = count;
}

static void prune_aggregate(pruner *p, fly__sql_rel *rel)
{
    uint32_t kept = 0;
    uint32_t at = rel->aggregate.group_count;
    for (uint32_t i = 0; i < rel->aggregate.agg_count; i++) {
        const fly__sql_agg *agg = &rel->aggregate.aggs[i];
        bool only = rel->aggregate.group_count == 0 && kept == 0 &&
                    i + 1 == rel->aggregate.agg_count;
        if (is_needed(p, agg->out.id) || only) {
            rel->aggregate.aggs[kept++] = *agg;
            rel->columns[at] = rel->columns[rel->aggregate.group_count + i];
            at++;
        }
    }
    for (uint32_t i = rel->aggregate.group_count + rel->aggregate.agg_count; i < rel->column_count;
         i++) {
        rel->columns[at++] = rel->columns[i]; /* GROUPING()'s */
    }
    rel->column_count = at;
    rel->aggregate.agg_count = kept;
    visit_list(p, rel->aggregate.groups, rel->aggregate.group_count);
    for (uint32_t i = 0; i < kept; i++) {
        visit_agg(p, &rel->aggregate.aggs[i]);
    }
    rel->left = prune(p, rel->left);
}

static fly__sql_rel *prune_window(pruner *p, fly__sql_rel *rel)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rel->window.call_count; i++) {
        if (is_needed(p, rel->window.calls[i].call.out.id)) {
            rel->window.calls[kept++] = rel->window.calls[i];
        }
    }
    rel->window.call_count = kept;
    if (kept == 0) {
        return prune(p, rel->left);
    }
    visit_list(p, rel->window.partitions, rel->window.partition_count);
    for (uint32_t i = 0; i < rel->window.order_count; i++) {
        visit_expr(p, rel->window.order[i].expr);
    }
    for (uint32_t i = 0; i < kept; i++) {
        visit_agg(p, &rel->window.calls[i].call);
        visit_expr(p, rel->window.calls[i].frame.start_offset);
        visit_expr(p, rel->window.calls[i].frame.end_offset);
    }
    rel->left = prune(p, rel->left);
    uint32_t left = rel->left->column_count;
    fly__sql_colref *columns = fly__sql_opt_alloc(p->opt, (left + kept) * sizeof *columns);
    if (columns == NULL) {
        return rel;
    }
    if (left > 0) {
        memcpy(columns, rel->left->columns, left * sizeof *columns);
    }
    for (uint32_t i = 0; i < kept; i++) {
        columns[left + i] = rel->window.calls[i].call.out;
    }
    rel->columns = columns;
    rel->column_count = left + kept;
    return rel;
}

static void visit_assigns(pruner *p, const fly__sql_assign *assigns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        visit_expr(p, assigns[i].expr);
    }
}

static void prune_modify(pruner *p, fly__sql_rel *rel)
{
    const fly__sql_modify *m = rel->modify;
    visit_assigns(p, m->assigns, m->assign_count);
    visit_assigns(p, m->generated, m->generated_count);
    visit_assigns(p, m->sets, m->set_count);
    visit_list(p, m->checks, m->check_count);
    visit_list(p, m->returning, m->returning_count);
    visit_expr(p, m->set_where);
    for (uint32_t i = 0; i < m->action_count; i++) {
        visit_expr(p, m->actions[i].condition);
        visit_assigns(p, m->actions[i].assigns, m->actions[i].assign_count);
    }
    rel->left = prune_exactly(p, rel->left);
}

static void prune_with(pruner *p, fly__sql_rel *rel)
{
    rel->left = prune(p, rel->left);
    for (uint32_t i = rel->with.count; i-- > 0;) {
        fly__sql_cte *cte = rel->with.ctes[i];
        cte->recursive = prune_exactly(p, cte->recursive);
        cte->rel = prune_exactly(p, cte->rel);
    }
    pass_on(rel);
}

static fly__sql_rel *prune(pruner *p, fly__sql_rel *rel)
{
    if (rel == NULL || p->opt->status != FLY_OK) {
        return rel;
    }
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_SCAN:
        prune_scan(p, rel);
        return rel;
    case FLY__SQL_R_VALUES:
        for (uint32_t i = 0; i < rel->values.row_count; i++) {
            visit_list(p, rel->values.rows[i], rel->column_count);
        }
        return rel;
    case FLY__SQL_R_FUNCTION:
        visit_list(p, rel->function.calls, rel->function.count);
        return rel;
    case FLY__SQL_R_FILTER:
        visit_expr(p, rel->filter.condition);
        break;
    case FLY__SQL_R_PROJECT:
    case FLY__SQL_R_UNNEST:
        prune_project(p, rel);
        return rel;
    case FLY__SQL_R_JOIN:
        if (is_idle(p, rel)) {
            return prune(p, rel->left);
        }
        prune_join(p, rel);
        return rel;
    case FLY__SQL_R_AGGREGATE:
        prune_aggregate(p, rel);
        return rel;
    case FLY__SQL_R_WINDOW:
        return prune_window(p, rel);
    case FLY__SQL_R_SORT:
        for (uint32_t i = 0; i < rel->sort.count; i++) {
            visit_expr(p, rel->sort.keys[i].expr);
        }
        break;
    case FLY__SQL_R_LIMIT:
        visit_expr(p, rel->limit.limit);
        visit_expr(p, rel->limit.offset);
        break;
    case FLY__SQL_R_DISTINCT:
        visit_list(p, rel->distinct.on, rel->distinct.on_count);
        if (rel->distinct.on_count == 0) {
            rel->left = prune_exactly(p, rel->left); /* P2 */
            pass_on(rel);
            return rel;
        }
        break;
    case FLY__SQL_R_SETOP:
        rel->left = prune_exactly(p, rel->left); /* P2 */
        rel->right = prune_exactly(p, rel->right);
        return rel;
    case FLY__SQL_R_CTE:
        return rel;
    case FLY__SQL_R_WITH:
        prune_with(p, rel);
        return rel;
    case FLY__SQL_R_LOCK:
        for (uint32_t i = 0; i < rel->lock.count; i++) {
            need(p, rel->lock.row_keys[i]);
        }
        need_all(p, rel);
        break;
    case FLY__SQL_R_MODIFY:
        prune_modify(p, rel);
        return rel;
    }
    rel->left = prune(p, rel->left);
    if (rel->left != NULL) {
        pass_on(rel);
    }
    return rel;
}

void fly__sql_opt_prune(fly__sql_opt *opt)
{
    pruner p = {.opt = opt, .limit = opt->plan->next_id};
    p.needed = fly__sql_opt_alloc(opt, (p.limit / 64 + 1u) * sizeof *p.needed);
    if (p.needed == NULL) {
        return;
    }
    if (opt->plan->root->kind == FLY__SQL_R_MODIFY) {
        opt->plan->root = prune(&p, opt->plan->root);
    } else {
        fly__sql_rel like = {.column_count = opt->result_count, .columns = opt->result};
        need_all(&p, &like);
        opt->plan->root = exactly(&p, prune(&p, opt->plan->root), &like);
    }
}
