/*
 * How many rows a node gives, from what ANALYZE or a sample found and, where they found nothing, from habit.
 *
 * Columns of scans are known by id, so that a condition anywhere above can ask how many different
 * values a column has. Estimates are at least one row: less leads to plans that are good for none and
 * bad for two.
 */
#include "opt/pass_int.h"
#include "opt/stats_int.h"

#include <string.h>

enum { UNKNOWN_ROWS = 1000 }; /* of what has no tree */

void fly__sql_opt_note(fly__sql_opt *opt, const fly__sql_rel *scan)
{
    for (uint32_t i = 0; i < scan->column_count; i++) {
        fly__sql_colid id = scan->columns[i].id;
        if (id < opt->origin_count) {
            opt->origin[id] = (struct fly__sql_origin){scan, scan->scan.attnums[i]};
        }
    }
}

void fly__sql_opt_note_project(fly__sql_opt *opt, const fly__sql_rel *project)
{
    for (uint32_t i = 0; i < project->column_count; i++) {
        const fly__sql_expr *expr = project->project.exprs[i];
        fly__sql_colid id = project->columns[i].id;
        if (expr->kind == FLY__SQL_X_COLUMN && expr->column < opt->origin_count &&
            id < opt->origin_count) {
            opt->origin[id] = opt->origin[expr->column];
        }
    }
}

/* What ANALYZE found holds until the table is twice as large or half. */
static struct fly__sql_size measure(const fly__sql_opt *opt, const fly__sql_table *table)
{
    fly_tree *tree = NULL;
    double found = table->rows;
    struct fly__sql_size size = {
        .table = table, .rows = found < 0 ? UNKNOWN_ROWS : found, .fresh = true};
    if (table->tree == NULL || opt->session->txn == NULL ||
        fly_txn_tree_open(opt->session->txn, table->tree, 0, &tree, NULL) != FLY_OK) {
        return size;
    }
    double now = fly_tree_estimate(tree).entries;
    size.fresh = found >= 0 && now < 2 * found + 1 && now > found / 2;
    size.rows = size.fresh ? found : now;
    return size;
}

static struct fly__sql_size *size_of(const fly__sql_opt *opt, const fly__sql_table *table)
{
    struct fly__sql_sizes *sizes = opt->sizes;
    uint32_t room = sizeof sizes->of / sizeof *sizes->of;
    for (uint32_t i = 0; i < sizes->count && i < room; i++) {
        if (sizes->of[i].table == table) {
            return &sizes->of[i];
        }
    }
    struct fly__sql_size *size = &sizes->of[sizes->count++ % room];
    *size = measure(opt, table);
    return size;
}

double fly__sql_opt_table_rows(const fly__sql_opt *opt, const fly__sql_table *table)
{
    return size_of(opt, table)->rows;
}

/* What is known of a column: by ANALYZE while that holds, or else by a sample. */
static fly__sql_known known_of(const fly__sql_opt *opt, const fly__sql_table *table,
                               uint16_t attnum)
{
    struct fly__sql_size *size = size_of(opt, table);
    const fly__sql_column *column = &table->columns[attnum - 1];
    if (!size->fresh && !size->sampled) {
        size->sampled = true;
        size->known = fly__sql_sample_of(opt->session, table, size->rows, opt->arena);
    }
    return size->known != NULL ? size->known[attnum - 1]
                               : (fly__sql_known){.distinct = column->distinct,
                                                  .null_fraction = column->null_fraction,
                                                  .stats = column->stats};
}

static const struct fly__sql_origin *origin_of(const fly__sql_opt *opt, const fly__sql_expr *expr)
{
    if (expr->kind != FLY__SQL_X_COLUMN || expr->column >= opt->origin_count ||
        opt->origin[expr->column].attnum == 0) {
        return NULL;
    }
    return &opt->origin[expr->column];
}

static bool is_unique(const fly__sql_table *table, uint16_t attnum)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        if (index->unique && index->key_count == 1 && index->columns[0].column == attnum) {
            return true;
        }
    }
    return false;
}

double fly__sql_opt_distinct(const fly__sql_opt *opt, const fly__sql_expr *expr)
{
    while (expr->argc == 1 && expr->kind != FLY__SQL_X_NOT && expr->kind != FLY__SQL_X_IS_NULL) {
        expr = expr->args[0]; /* casts, and functions that keep values apart more or less */
    }
    const struct fly__sql_origin *origin = origin_of(opt, expr);
    if (origin == NULL) {
        return 0;
    }
    const fly__sql_table *table = origin->scan->scan.table;
    const fly__sql_column *column = &table->columns[origin->attnum - 1];
    double rows = fly__sql_opt_table_rows(opt, table);
    if (column->type.oid == FLY_SQL_BOOL) {
        return 2;
    }
    if (is_unique(table, origin->attnum)) {
        return rows < 1 ? 1 : rows;
    }
    double distinct = known_of(opt, table, origin->attnum).distinct;
    return distinct < 0 ? -distinct * rows : distinct;
}

/* What part of the rows has this value of a column, if the values that many rows have are known: one of
 * them, or one of the others; negative: they are not known. */
static double common_part(const fly__sql_opt *opt, const fly__sql_expr *column,
                          const fly__sql_expr *value)
{
    const struct fly__sql_origin *origin = origin_of(opt, column);
    if (origin == NULL || value->kind != FLY__SQL_X_CONST || value->value.null ||
        value->type.oid != column->type.oid || column->type.oid == FLY_SQL_BPCHAR) {
        return -1;
    }
    const fly__sql_table *table = origin->scan->scan.table;
    fly__sql_known known = known_of(opt, table, origin->attnum);
    uint64_t hash = fly__sql_sample_hash(fly__sql_type_physical(value->type), &value->value);
    double others = 1 - known.null_fraction;
    for (uint32_t i = 0; i < known.common_count; i++) {
        if (known.common[i].hash == hash) {
            return known.common[i].part;
        }
        others -= known.common[i].part;
    }
    double distinct = fly__sql_opt_distinct(opt, column) - known.common_count;
    return known.common_count == 0 ? -1
           : others < 0.0005       ? 0.0005
                                   : others / (distinct < 1 ? 1 : distinct);
}

static double equality(const fly__sql_opt *opt, const fly__sql_expr *a, const fly__sql_expr *b)
{
    double part = common_part(opt, a, b);
    part = part < 0 ? common_part(opt, b, a) : part;
    if (part >= 0) {
        return part;
    }

    double left = fly__sql_opt_distinct(opt, a);
    double right = fly__sql_opt_distinct(opt, b);
    double distinct = left > right ? left : right;
    return distinct >= 1 ? 1 / distinct : 0.02;
}

/* `column op constant`, turned so if need be: the fraction of values that are less than the constant,
 * and the column; negative: nobody knows. */
static double below(const fly__sql_opt *opt, const fly__sql_expr *cond,
                    const fly__sql_expr **column, uint8_t *op)
{
    static const uint8_t turned[] = {
        [FLY__SQL_OP_LT] = FLY__SQL_OP_GT,
        [FLY__SQL_OP_LE] = FLY__SQL_OP_GE,
        [FLY__SQL_OP_GT] = FLY__SQL_OP_LT,
        [FLY__SQL_OP_GE] = FLY__SQL_OP_LE,
    };
    if (cond->kind != FLY__SQL_X_CALL || cond->argc != 2 || cond->func->op < FLY__SQL_OP_LT ||
        cond->func->op > FLY__SQL_OP_GE) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        const fly__sql_expr *value = cond->args[1 - i];
        double number;
        *column = cond->args[i];
        while ((*column)->argc == 1) {
            *column = (*column)->args[0]; /* a cast */
        }
        const struct fly__sql_origin *origin = origin_of(opt, *column);
        if (origin == NULL || value->kind != FLY__SQL_X_CONST || value->value.null) {
            continue;
        }
        const fly__sql_column *of = &origin->scan->scan.table->columns[origin->attnum - 1];
        bool is_time = of->type.oid == FLY_SQL_DATE || of->type.oid == FLY_SQL_TIMESTAMP ||
                       of->type.oid == FLY_SQL_TIMESTAMPTZ || of->type.oid == FLY_SQL_TIME;
        if ((is_time && value->type.oid != of->type.oid) ||
            !fly__sql_stats_number(value->type, &value->value, &number)) {
            return -1;
        }
        *op = i == 0 ? cond->func->op : turned[cond->func->op];
        fly__sql_known known = known_of(opt, origin->scan->scan.table, origin->attnum);
        return fly__sql_stats_below(known.stats, number);
    }
    return -1;
}

static bool is_upper(uint8_t op)
{
    return op == FLY__SQL_OP_LT || op == FLY__SQL_OP_LE;
}

static double range(const fly__sql_opt *opt, const fly__sql_expr *cond)
{
    const fly__sql_expr *column;
    uint8_t op = 0;
    double share = below(opt, cond, &column, &op);
    if (share < 0) {
        return 0.33;
    }
    share = is_upper(op) ? share : 1 - share;
    return share < 0.0005 ? 0.0005 : share;
}

/* Whether it compares a column in one direction with something; the column. */
static const fly__sql_expr *bounded(const fly__sql_opt *opt, const fly__sql_expr *cond, bool *upper)
{
    if (cond->kind != FLY__SQL_X_CALL || cond->argc != 2 || cond->func->op < FLY__SQL_OP_LT ||
        cond->func->op > FLY__SQL_OP_GE) {
        return NULL;
    }
    bool first = origin_of(opt, cond->args[0]) != NULL;
    *upper = is_upper(cond->func->op) == first;
    return first ? cond->args[0] : origin_of(opt, cond->args[1]) != NULL ? cond->args[1] : NULL;
}

/* A range whose ends nobody knows: likely a small one. */
enum { UNKNOWN_RANGES = 200 }; /* that make the whole column */

static double unknown_ends(const fly__sql_opt *opt, const fly__sql_conds *conds, uint32_t at,
                           uint32_t *other)
{
    bool upper = false;
    const fly__sql_expr *column = bounded(opt, conds->items[at], &upper);
    for (uint32_t i = at + 1; column != NULL && i < conds->count; i++) {
        bool also_upper = false;
        const fly__sql_expr *also = bounded(opt, conds->items[i], &also_upper);
        if (also != NULL && also->column == column->column && also_upper != upper) {
            *other = i;
            return 1.0 / UNKNOWN_RANGES;
        }
    }
    return -1;
}

/* The other end of a range that a condition begins, among those behind it: what both together keep. */
static double both_ends(const fly__sql_opt *opt, const fly__sql_conds *conds, uint32_t at,
                        uint32_t *other)
{
    const fly__sql_expr *column;
    const fly__sql_expr *also;
    uint8_t op = 0;
    uint8_t by = 0;
    double one = below(opt, conds->items[at], &column, &op);
    for (uint32_t i = at + 1; one >= 0 && i < conds->count; i++) {
        double two = below(opt, conds->items[i], &also, &by);
        if (two < 0 || also->column != column->column || is_upper(op) == is_upper(by)) {
            continue;
        }
        double share = is_upper(op) ? one - two : two - one;
        *other = i;
        return share < 0.0005 ? 0.0005 : share;
    }
    return one < 0 ? unknown_ends(opt, conds, at, other) : -1;
}

/* One of several that all must hold, or of which one must. */
static double combined(const fly__sql_opt *opt, const fly__sql_expr *cond)
{
    double all = 1;
    double none = 1;
    for (uint32_t i = 0; i < cond->argc; i++) {
        double one = fly__sql_opt_selectivity(opt, cond->args[i]);
        all *= one;
        none *= 1 - one;
    }
    return cond->kind == FLY__SQL_X_AND ? all : 1 - none;
}

/* How many of a column's values are NULL. */
static double nulls(const fly__sql_opt *opt, const fly__sql_expr *expr)
{
    const struct fly__sql_origin *origin = origin_of(opt, expr);
    if (origin == NULL) {
        return 0.05;
    }
    fly__sql_known known = known_of(opt, origin->scan->scan.table, origin->attnum);
    return known.distinct == 0 && known.null_fraction == 0 ? 0.05 : known.null_fraction;
}

double fly__sql_opt_selectivity(const fly__sql_opt *opt, const fly__sql_expr *cond)
{
    double share;
    if (cond->kind == FLY__SQL_X_CALL && cond->func != NULL && cond->argc == 2) {
        switch (cond->func->op) {
        case FLY__SQL_OP_EQ:
            return equality(opt, cond->args[0], cond->args[1]);
        case FLY__SQL_OP_NE:
            return 1 - equality(opt, cond->args[0], cond->args[1]);
        case FLY__SQL_OP_LT:
        case FLY__SQL_OP_LE:
        case FLY__SQL_OP_GT:
        case FLY__SQL_OP_GE:
            return range(opt, cond);
        case FLY__SQL_OP_LIKE:
            return 0.05;
        default:
            return 0.5;
        }
    }
    switch (cond->kind) {
    case FLY__SQL_X_IN:
        share = cond->argc < 2 ? 0.5
                               : equality(opt, cond->args[0], cond->args[1]) * (cond->argc - 1.0);
        share = share > 0.9 ? 0.9 : share;
        return cond->flag ? 1 - share : share;
    case FLY__SQL_X_IS_NULL:
        share = nulls(opt, cond->args[0]);
        return cond->flag ? 1 - share : share;
    case FLY__SQL_X_AND:
    case FLY__SQL_X_OR:
        return combined(opt, cond);
    case FLY__SQL_X_NOT:
        return 1 - fly__sql_opt_selectivity(opt, cond->args[0]);
    default:
        return 0.5;
    }
}

static double filtered(fly__sql_opt *opt, double rows, fly__sql_expr *condition)
{
    fly__sql_conds conds = {0};
    fly__sql_conds_split(opt, &conds, condition);
    uint64_t done = 0; /* of the first 64 */
    for (uint32_t i = 0; i < conds.count; i++) {
        uint32_t other = 0;
        if (i < 64 && (done >> i & 1) != 0) {
            continue;
        }
        double share = both_ends(opt, &conds, i, &other);
        if (share >= 0 && other < 64) {
            done |= (uint64_t)1 << other;
        } else {
            share = fly__sql_opt_selectivity(opt, conds.items[i]);
        }
        rows *= share;
    }
    return rows;
}

static double scan_rows(fly__sql_opt *opt, const fly__sql_rel *rel)
{
    double rows = fly__sql_opt_table_rows(opt, rel->scan.table);
    if (rel->scan.index != NULL && rel->scan.index->unique &&
        rel->scan.equal_count == rel->scan.index->key_count) {
        return 1;
    }
    for (uint32_t i = 0; rel->scan.index != NULL && i < rel->scan.equal_count; i++) {
        uint16_t attnum = rel->scan.index->columns[i].column;
        double distinct = known_of(opt, rel->scan.table, attnum).distinct;
        distinct = distinct < 0 ? -distinct * rows : distinct;
        rows *= distinct >= 1 ? 1 / distinct : 0.02;
    }
    return filtered(opt, rows, rel->scan.filter); /* that still has the ranges */
}

/* Rows of an equi-join: each key keeps one pair in as many as there are different values. */
static double join_rows(fly__sql_opt *opt, const fly__sql_rel *rel)
{
    double left = fly__sql_opt_rows(opt, rel->left);
    double right = fly__sql_opt_rows(opt, rel->right);
    double left_distinct = 1;
    double right_distinct = 1;
    for (uint32_t i = 0; i < rel->join.key_count; i++) {
        double a = fly__sql_opt_distinct(opt, rel->join.left_keys[i]);
        double b = fly__sql_opt_distinct(opt, rel->join.right_keys[i]);
        left_distinct *= a >= 1 ? a : left;
        right_distinct *= b >= 1 ? b : right;
    }
    left_distinct = left_distinct > left ? left : left_distinct;
    right_distinct = right_distinct > right ? right : right_distinct;
    double distinct = left_distinct > right_distinct ? left_distinct : right_distinct;
    double rows = left * right / (distinct < 1 ? 1 : distinct);
    rows = filtered(opt, rows, rel->join.residual);
    switch (rel->join.join) {
    case FLY__SQL_JOIN_INNER:
        return rows;
    case FLY__SQL_JOIN_LEFT:
        return rows > left ? rows : left;
    case FLY__SQL_JOIN_SEMI:
        if (rel->join.key_count > 0 && left_distinct > right_distinct) {
            return left * right_distinct / left_distinct;
        }
        return 0.7 * left;
    case FLY__SQL_JOIN_ANTI:
    case FLY__SQL_JOIN_ANTI_NULL:
        return 0.5 * left;
    case FLY__SQL_JOIN_MARK:
    case FLY__SQL_JOIN_SINGLE:
        return left;
    default:
        return rows > left + right ? rows : left + right;
    }
}

static double group_rows(fly__sql_opt *opt, const fly__sql_rel *rel)
{
    double rows = fly__sql_opt_rows(opt, rel->left);
    double groups = 1;
    if (rel->aggregate.group_count == 0) {
        return rel->aggregate.set_count > 0 ? rel->aggregate.set_count : 1;
    }
    for (uint32_t i = 0; i < rel->aggregate.group_count; i++) {
        double distinct = fly__sql_opt_distinct(opt, rel->aggregate.groups[i]);
        groups *= distinct >= 1 ? distinct : 0.2 * rows;
    }
    return groups > rows ? rows : groups;
}

double fly__sql_opt_rows(fly__sql_opt *opt, fly__sql_rel *rel)
{
    double rows = 1;
    if (rel == NULL) {
        return 1;
    }
    if (rel->rows > 0) {
        return rel->rows;
    }
    switch (rel->kind) {
    case FLY__SQL_R_SCAN:
        rows = scan_rows(opt, rel);
        break;
    case FLY__SQL_R_VALUES:
        rows = rel->values.row_count;
        break;
    case FLY__SQL_R_FILTER:
        rows = filtered(opt, fly__sql_opt_rows(opt, rel->left), rel->filter.condition);
        break;
    case FLY__SQL_R_JOIN:
        rows = join_rows(opt, rel);
        break;
    case FLY__SQL_R_AGGREGATE:
        rows = group_rows(opt, rel);
        break;
    case FLY__SQL_R_LIMIT:
        rows = fly__sql_opt_rows(opt, rel->left);
        if (rel->limit.limit != NULL && rel->limit.limit->kind == FLY__SQL_X_CONST &&
            !rel->limit.limit->value.null && (double)rel->limit.limit->value.i64 < rows) {
            rows = (double)rel->limit.limit->value.i64;
        }
        break;
    case FLY__SQL_R_SETOP:
        rows = fly__sql_opt_rows(opt, rel->left);
        rows += rel->setop.op == 'u' ? fly__sql_opt_rows(opt, rel->right) : 0;
        break;
    case FLY__SQL_R_CTE:
        rows = rel->cte.work || rel->cte.cte->rel == NULL || rel->cte.cte->recursive != NULL
                   ? UNKNOWN_ROWS
                   : fly__sql_opt_rows(opt, rel->cte.cte->rel);
        break;
    case FLY__SQL_R_FUNCTION:
        rows = UNKNOWN_ROWS;
        break;
    default:
        rows = rel->left == NULL ? 1 : fly__sql_opt_rows(opt, rel->left);
        break;
    }
    rel->rows = rows < 1 ? 1 : rows;
    return rel->rows;
}
