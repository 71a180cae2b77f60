/*
 * What an index knows already: order, and the least and the greatest.
 *
 * A sort goes away if the rows come in its order: from the table's own key, or from an index that the
 * conditions chose, behind the columns that they fix. Another index is taken for its order only if few
 * rows are wanted, since each of its entries leads to a row somewhere else. min and max of a column
 * that an index begins with are its first entry or its last one that is not NULL.
 */
#include "opt/pass_int.h"

#include <string.h>

enum { ENTRY_COST = 20 }; /* rows that are scanned in the time of one by an index */

/* The scan under projections and filters, whose order they keep; `*expr` becomes what it is there. */
static fly__sql_rel *scan_below(fly__sql_rel *rel)
{
    while (rel != NULL && (rel->kind == FLY__SQL_R_FILTER ||
                           (rel->kind == FLY__SQL_R_PROJECT && rel->left != NULL))) {
        rel = rel->left;
    }
    return rel != NULL && rel->kind == FLY__SQL_R_SCAN && !rel->scan.lateral ? rel : NULL;
}

/* The number of the scan's column that an expression above is; 0: it is something else. */
static uint16_t attnum_below(const fly__sql_rel *rel, const fly__sql_expr *expr)
{
    for (; rel->kind != FLY__SQL_R_SCAN; rel = rel->left) {
        if (expr->kind != FLY__SQL_X_COLUMN) {
            return 0;
        }
        for (uint32_t i = 0; rel->kind == FLY__SQL_R_PROJECT && i < rel->column_count; i++) {
            if (rel->columns[i].id == expr->column) {
                expr = rel->project.exprs[i];
                break;
            }
        }
    }
    for (uint32_t i = 0; expr->kind == FLY__SQL_X_COLUMN && i < rel->column_count; i++) {
        if (rel->columns[i].id == expr->column) {
            return rel->scan.attnums[i];
        }
    }
    return 0;
}

/* Whether the bounds of a scan are of this index. */
static bool is_bound(const fly__sql_rel *scan, const fly__sql_index *index)
{
    return index == (scan->scan.index != NULL ? scan->scan.index : scan->scan.spurned);
}

static bool fixed_by(const fly__sql_rel *scan, const fly__sql_index *index, uint16_t attnum)
{
    for (uint32_t i = 0; is_bound(scan, index) && i < scan->scan.equal_count; i++) {
        if (index->columns[i].column == attnum) {
            return true;
        }
    }
    return false;
}

/* Whether an index gives the order of keys: forwards, or backwards if `*backward`. */
static bool gives_order(const fly__sql_rel *sort, const fly__sql_rel *scan,
                        const fly__sql_index *index, bool *backward)
{
    uint32_t at = is_bound(scan, index) ? scan->scan.equal_count : 0;
    bool decided = false;
    for (uint32_t i = 0; i < sort->sort.count; i++) {
        const fly__sql_sort_key *key = &sort->sort.keys[i];
        uint16_t attnum = attnum_below(sort->left, key->expr);
        if (attnum == 0) {
            return false;
        }
        if (fixed_by(scan, index, attnum)) {
            continue;
        }
        if (index->unique && at == index->key_count && index->primary) {
            return true; /* the rows are all different already */
        }
        const fly__sql_index_column *column = &index->columns[at];
        const fly__sql_column *made = &scan->scan.table->columns[attnum - 1];
        if (at >= index->key_count || column->column != attnum ||
            column->collation != key->expr->type.collation) {
            return false;
        }
        bool turned = column->descending != key->descending;
        bool nulls = made->not_null || (column->nulls_first != key->nulls_first) == turned;
        if (!nulls || (decided && turned != *backward)) {
            return false;
        }
        *backward = turned;
        decided = true;
        at++;
    }
    return true;
}

static bool usable(const fly__sql_index *index)
{
    return index->ready && index->predicate == NULL;
}

/* A sort that an index makes needless: true, and the scan goes by that index. */
static bool by_index(fly__sql_opt *opt, const fly__sql_rel *sort, uint64_t wanted)
{
    fly__sql_rel *scan = scan_below(sort->left);
    if (scan == NULL || scan->scan.backward) {
        return false;
    }
    const fly__sql_table *table = scan->scan.table;
    double rows = fly__sql_opt_rows(opt, scan);
    for (uint16_t i = 0; i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        bool backward = false;
        bool cheap = scan->scan.index == index ||
                     (scan->scan.index == NULL &&
                      (index->clustered || (wanted > 0 && (double)wanted * ENTRY_COST < rows)));
        if (usable(index) && cheap && gives_order(sort, scan, index, &backward)) {
            fly__sql_opt_go_by(opt, scan, index, backward);
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------------ least, greatest */

static fly__sql_expr *not_null(fly__sql_opt *opt, fly__sql_expr *column)
{
    fly__sql_expr *expr = fly__sql_opt_alloc(opt, sizeof *expr);
    fly__sql_expr **args = fly__sql_opt_alloc(opt, sizeof *args);
    if (expr == NULL || args == NULL) {
        return NULL;
    }
    args[0] = column;
    *expr = (fly__sql_expr){.kind = FLY__SQL_X_IS_NULL, .flag = true, .argc = 1, .args = args};
    expr->type = fly__sql_type(FLY_SQL_BOOL);
    return expr;
}

static fly__sql_rel *first_row(fly__sql_opt *opt, fly__sql_rel *input)
{
    fly__sql_rel *limit = fly__sql_opt_alloc(opt, sizeof *limit);
    fly__sql_expr *one = fly__sql_opt_alloc(opt, sizeof *one);
    if (limit == NULL || one == NULL) {
        return input;
    }
    one->kind = FLY__SQL_X_CONST;
    one->type = fly__sql_type(FLY_SQL_INT8);
    one->value.i64 = 1;
    limit->kind = FLY__SQL_R_LIMIT;
    limit->left = input;
    limit->columns = input->columns;
    limit->column_count = input->column_count;
    limit->limit.limit = one;
    limit->rows = 1;
    return limit;
}

static void one_end(fly__sql_opt *opt, fly__sql_rel *rel)
{
    fly__sql_rel *scan = rel->left;
    const fly__sql_agg *agg = rel->aggregate.aggs;
    if (rel->aggregate.group_count > 0 || rel->aggregate.set_count > 0 ||
        rel->aggregate.agg_count != 1 || scan == NULL || scan->kind != FLY__SQL_R_SCAN ||
        scan->scan.filter != NULL || scan->scan.backward || scan->scan.low != NULL ||
        scan->scan.high != NULL || agg->filter != NULL || agg->argc != 1 || agg->distinct ||
        agg->func->kind == FLY__SQL_USER || agg->args[0]->kind != FLY__SQL_X_COLUMN) {
        return;
    }
    bool least = strcmp(agg->func->name, "min") == 0;
    if (!least && strcmp(agg->func->name, "max") != 0) {
        return;
    }
    uint16_t attnum = attnum_below(scan, agg->args[0]);
    const fly__sql_table *table = scan->scan.table;
    for (uint16_t i = 0; attnum > 0 && i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        uint32_t at = is_bound(scan, index) ? scan->scan.equal_count : 0;
        if (!usable(index) || (scan->scan.index != NULL && scan->scan.index != index) ||
            at >= index->key_count || index->columns[at].column != attnum ||
            index->columns[at].collation != agg->args[0]->type.collation) {
            continue;
        }
        if (!table->columns[attnum - 1].not_null) {
            scan->scan.filter = not_null(opt, agg->args[0]);
        }
        fly__sql_opt_go_by(opt, scan, index, least == index->columns[at].descending);
        scan->rows = 1;
        rel->left = first_row(opt, scan);
        return;
    }
}

/* ---------------------------------------------------------------------------------- walk */

static uint64_t wanted_by(const fly__sql_rel *limit)
{
    const fly__sql_expr *const parts[] = {limit->limit.limit, limit->limit.offset};
    uint64_t wanted = 0;
    for (int i = 0; i < 2; i++) {
        if (parts[i] == NULL && i == 1) {
            break;
        }
        if (parts[i] == NULL || parts[i]->kind != FLY__SQL_X_CONST || parts[i]->value.null ||
            parts[i]->value.i64 < 0 || parts[i]->value.i64 > INT32_MAX) {
            return 0;
        }
        wanted += (uint64_t)parts[i]->value.i64;
    }
    return wanted;
}

static fly__sql_rel *sorted(fly__sql_opt *opt, fly__sql_rel *rel, uint64_t wanted, bool sorts)
{
    if (rel == NULL) {
        return NULL;
    }
    switch (rel->kind) {
    case FLY__SQL_R_SORT:
        if (sorts && by_index(opt, rel, wanted)) {
            return rel->left;
        }
        rel->left = sorted(opt, rel->left, 0, true);
        return rel;
    case FLY__SQL_R_LIMIT:
        rel->left = sorted(opt, rel->left, wanted_by(rel), !rel->limit.with_ties);
        return rel;
    case FLY__SQL_R_PROJECT:
        rel->left = sorted(opt, rel->left, wanted, sorts);
        return rel;
    case FLY__SQL_R_WITH:
        for (uint32_t i = 0; i < rel->with.count; i++) {
            fly__sql_cte *cte = rel->with.ctes[i];
            cte->rel = sorted(opt, cte->rel, 0, true);
            cte->recursive = sorted(opt, cte->recursive, 0, true);
        }
        rel->left = sorted(opt, rel->left, wanted, sorts);
        return rel;
    case FLY__SQL_R_AGGREGATE:
        one_end(opt, rel);
        break;
    default:
        break;
    }
    rel->left = sorted(opt, rel->left, 0, rel->kind != FLY__SQL_R_DISTINCT);
    rel->right = sorted(opt, rel->right, 0, true);
    return rel;
}

fly__sql_rel *fly__sql_opt_sorted(fly__sql_opt *opt, fly__sql_rel *rel)
{
    return sorted(opt, rel, 0, true);
}
