/*
 * Which columns of outer queries an expression or a plan needs.
 *
 * Column ids are unique in a statement, so the columns that something names and does not make itself
 * are found by walking it: all that is named, less all that is made below.
 */
#include "exec/op_int.h"

#include <string.h>

fly_status fly__sql_idset_init(fly__sql_idset *set, fly__sql_colid limit, fly_arena *arena,
                               fly_err *err)
{
    set->limit = limit;
    set->arena = arena;
    set->bits = fly__sql_alloc(arena, (limit + 63) / 64 + 1, sizeof *set->bits, err);
    return set->bits != NULL ? FLY_OK : FLY_E_NO_MEMORY;
}

static void put(fly__sql_idset *set, fly__sql_colid id)
{
    if (id < set->limit) {
        set->bits[id / 64] |= (uint64_t)1 << (id % 64);
    }
}

static void take(fly__sql_idset *set, fly__sql_colid id)
{
    if (id < set->limit) {
        set->bits[id / 64] &= ~((uint64_t)1 << (id % 64));
    }
}

typedef struct walker {
    fly__sql_idset *named;
    fly__sql_idset *made; /* NULL: nobody asks */
    const fly__sql_table *table;
    bool reads;
    void (*scan)(void *ctx, const fly__sql_rel *rel); /* NULL: nobody asks */
    void *ctx;
    fly__sql_colid highest;
    uint32_t params;
} walker;

static void walk_rel(walker *w, const fly__sql_rel *rel);

static void walk_expr(walker *w, const fly__sql_expr *x)
{
    if (x == NULL) {
        return;
    }
    if (x->kind == FLY__SQL_X_COLUMN) {
        w->highest = x->column > w->highest ? x->column : w->highest;
        if (w->named != NULL) {
            put(w->named, x->column);
        }
    } else if (x->kind == FLY__SQL_X_PARAM) {
        w->params = x->param + 1 > w->params ? x->param + 1 : w->params;
    }
    for (uint32_t i = 0; i < x->argc; i++) {
        walk_expr(w, x->args[i]);
    }
    if (x->kind == FLY__SQL_X_SUBQUERY) {
        walk_rel(w, x->subquery->rel);
        walk_expr(w, x->subquery->test);
    }
}

static void walk_list(walker *w, fly__sql_expr *const *list, uint32_t count)
{
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        walk_expr(w, list[i]);
    }
}

static void walk_keys(walker *w, const fly__sql_sort_key *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        walk_expr(w, keys[i].expr);
    }
}

static void walk_assigns(walker *w, const fly__sql_assign *assigns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        walk_expr(w, assigns[i].expr);
    }
}

static void make(walker *w, fly__sql_colid id)
{
    w->highest = id > w->highest ? id : w->highest;
    if (w->made != NULL) {
        put(w->made, id);
    }
}

static void walk_agg(walker *w, const fly__sql_agg *agg)
{
    walk_list(w, agg->args, agg->argc);
    walk_expr(w, agg->filter);
    walk_keys(w, agg->order, agg->order_count);
}

static void walk_modify(walker *w, const fly__sql_modify *m)
{
    for (uint32_t i = 0; m->fresh != NULL && i < m->table->column_count; i++) {
        make(w, m->fresh[i]);
    }
    for (uint32_t i = 0; i < m->old_count; i++) {
        make(w, m->old[i]);
    }
    walk_assigns(w, m->assigns, m->assign_count);
    walk_assigns(w, m->generated, m->generated_count);
    walk_list(w, m->checks, m->check_count);
    walk_assigns(w, m->sets, m->set_count);
    walk_expr(w, m->set_where);
    for (uint32_t i = 0; i < m->action_count; i++) {
        walk_expr(w, m->actions[i].condition);
        walk_assigns(w, m->actions[i].assigns, m->actions[i].assign_count);
    }
    walk_list(w, m->returning, m->returning_count);
    if (m->table == w->table) {
        w->reads = true;
    }
}

static void walk_cte(walker *w, const fly__sql_cte *cte)
{
    walk_rel(w, cte->rel);
    if (cte->recursive != NULL) {
        walk_rel(w, cte->recursive);
    }
}

static void walk_rel(walker *w, const fly__sql_rel *rel)
{
    if (rel == NULL) {
        return;
    }
    for (uint32_t i = 0; i < rel->column_count; i++) {
        make(w, rel->columns[i].id);
    }
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_SCAN:
        walk_expr(w, rel->scan.filter);
        walk_list(w, rel->scan.equals, rel->scan.equal_count);
        walk_expr(w, rel->scan.low);
        walk_expr(w, rel->scan.high);
        w->reads |= rel->scan.table == w->table;
        if (w->scan != NULL && rel->scan.table == w->table) {
            w->scan(w->ctx, rel);
        }
        break;
    case FLY__SQL_R_VALUES:
        for (uint32_t i = 0; i < rel->values.row_count; i++) {
            walk_list(w, rel->values.rows[i], rel->column_count);
        }
        break;
    case FLY__SQL_R_FUNCTION:
        walk_list(w, rel->function.calls, rel->function.count);
        break;
    case FLY__SQL_R_FILTER:
        walk_expr(w, rel->filter.condition);
        break;
    case FLY__SQL_R_PROJECT:
    case FLY__SQL_R_UNNEST:
        walk_list(w, rel->project.exprs, rel->column_count);
        break;
    case FLY__SQL_R_JOIN:
        make(w, rel->join.mark);
        walk_expr(w, rel->join.condition);
        walk_list(w, rel->join.left_keys, rel->join.key_count);
        walk_list(w, rel->join.right_keys, rel->join.key_count);
        walk_expr(w, rel->join.residual);
        break;
    case FLY__SQL_R_AGGREGATE:
        walk_list(w, rel->aggregate.groups, rel->aggregate.group_count);
        for (uint32_t i = 0; i < rel->aggregate.agg_count; i++) {
            walk_agg(w, &rel->aggregate.aggs[i]);
        }
        break;
    case FLY__SQL_R_WINDOW:
        walk_list(w, rel->window.partitions, rel->window.partition_count);
        walk_keys(w, rel->window.order, rel->window.order_count);
        for (uint32_t i = 0; i < rel->window.call_count; i++) {
            walk_agg(w, &rel->window.calls[i].call);
            walk_expr(w, rel->window.calls[i].frame.start_offset);
            walk_expr(w, rel->window.calls[i].frame.end_offset);
        }
        break;
    case FLY__SQL_R_SORT:
        walk_keys(w, rel->sort.keys, rel->sort.count);
        break;
    case FLY__SQL_R_LIMIT:
        walk_expr(w, rel->limit.limit);
        walk_expr(w, rel->limit.offset);
        break;
    case FLY__SQL_R_DISTINCT:
        walk_list(w, rel->distinct.on, rel->distinct.on_count);
        break;
    case FLY__SQL_R_WITH:
        for (uint32_t i = 0; i < rel->with.count; i++) {
            walk_cte(w, rel->with.ctes[i]);
        }
        break;
    case FLY__SQL_R_CTE:
        /* Its query is walked where WITH is; here it matters only who reads what. */
        if (w->table != NULL && w->scan == NULL && !rel->cte.work) {
            walk_rel(w, rel->cte.cte->rel);
        }
        break;
    case FLY__SQL_R_MODIFY:
        walk_modify(w, rel->modify);
        break;
    default:
        break;
    }
    walk_rel(w, rel->left);
    walk_rel(w, rel->right);
}

static void leave_free(fly__sql_idset *set, const fly__sql_idset *named, const fly__sql_idset *made)
{
    for (fly__sql_colid i = 0; i < (set->limit + 63) / 64; i++) {
        set->bits[i] |= named->bits[i] & ~made->bits[i];
    }
}

static void free_in(const fly__sql_expr *expr, const fly__sql_rel *rel, fly__sql_idset *set)
{
    fly__sql_idset named;
    fly__sql_idset made;
    if (fly__sql_idset_init(&named, set->limit, set->arena, NULL) != FLY_OK ||
        fly__sql_idset_init(&made, set->limit, set->arena, NULL) != FLY_OK) {
        /* Without memory to find out, say that everything is needed: slow, and right. */
        memset(set->bits, 0xff, (set->limit + 63) / 64 * sizeof *set->bits);
        return;
    }
    walker w = {.named = &named, .made = &made};
    walk_expr(&w, expr);
    walk_rel(&w, rel);
    leave_free(set, &named, &made);
    take(set, 0);
}

void fly__sql_free_in_expr(const fly__sql_expr *expr, fly__sql_idset *set)
{
    free_in(expr, NULL, set);
}

void fly__sql_free_in_rel(const fly__sql_rel *rel, fly__sql_idset *set)
{
    free_in(NULL, rel, set);
}

void fly__sql_each_scan(const fly__sql_rel *rel, const fly__sql_table *table,
                        void (*scan)(void *ctx, const fly__sql_rel *rel), void *ctx)
{
    walker w = {.table = table, .scan = scan, .ctx = ctx};
    walk_rel(&w, rel);
}

bool fly__sql_reads_table(const fly__sql_rel *rel, const fly__sql_table *table)
{
    walker w = {.table = table};
    walk_rel(&w, rel);
    return w.reads;
}

fly__sql_colid fly__sql_highest_id(const fly__sql_expr *expr)
{
    walker w = {0};
    walk_expr(&w, expr);
    return w.highest;
}

uint32_t fly__sql_param_limit(const fly__sql_expr *expr)
{
    walker w = {0};
    walk_expr(&w, expr);
    return w.params;
}
