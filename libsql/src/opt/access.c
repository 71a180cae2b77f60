/*
 * How a table's rows are come by: an index whose leading columns the conditions fix, if there is one.
 *
 * A condition `column = expression` fixes a column; behind the fixed ones the next column may have a
 * range. Conditions that the bounds express are not checked again, but for ranges, whose other end may
 * take NULLs in, and those that compare an integer column with a wider integer (drivers give all integers
 * as bigint): their bounds are forced into the column's type. The best index fixes most columns; a unique
 * one that is fixed whole wins over all.
 */
#include "opt/pass_int.h"

#include "bind/bind_scope_int.h"
#include "store/entry_int.h"

#include <string.h>

/* A condition that compares a column of the scan with something that names none of them. */
struct comparison {
    uint16_t attnum;
    fly__sql_op_class op;
    fly__sql_expr *other;
    bool rough; /* the bound may let through more than the condition does */
};

static uint16_t attnum_of(const fly__sql_rel *scan, const fly__sql_expr *expr)
{
    if (expr->kind != FLY__SQL_X_COLUMN) {
        return 0;
    }
    for (uint32_t i = 0; i < scan->column_count; i++) {
        if (scan->columns[i].id == expr->column) {
            return scan->scan.attnums[i];
        }
    }
    return 0;
}

static fly__sql_op_class mirrored(fly__sql_op_class op)
{
    switch (op) {
    case FLY__SQL_OP_LT:
        return FLY__SQL_OP_GT;
    case FLY__SQL_OP_LE:
        return FLY__SQL_OP_GE;
    case FLY__SQL_OP_GT:
        return FLY__SQL_OP_LT;
    case FLY__SQL_OP_GE:
        return FLY__SQL_OP_LE;
    default:
        return op;
    }
}

/* ------------------------------------------------------------------- wider integers */

static fly_status to_int2(fly__sql_call *call, const fly_vec_value *args, fly_vec_value *result)
{
    int64_t value = call->types[0].oid == FLY_SQL_INT4 ? args[0].i32 : args[0].i64;
    result->i16 = (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
    return FLY_OK;
}

static fly_status to_int4(fly__sql_call *call, const fly_vec_value *args, fly_vec_value *result)
{
    int64_t value = args[0].i64;
    (void)call;
    result->i32 = (int32_t)(value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value);
    return FLY_OK;
}

/* Integers forced into a narrower type: the nearest there is. */
#define FORCED(from, to, how)                                                                      \
    {                                                                                              \
        .name = "", .kind = FLY__SQL_SCALAR, .volatility = FLY__SQL_IMMUTABLE, .strict = true,     \
        .argc = 1, .args = {from}, .result = to, .row = how                                        \
    }
static const fly__sql_func forced[] = {FORCED(FLY_SQL_INT4, FLY_SQL_INT2, to_int2),
                                       FORCED(FLY_SQL_INT8, FLY_SQL_INT2, to_int2),
                                       FORCED(FLY_SQL_INT8, FLY_SQL_INT4, to_int4)};

/* The column that an expression widens, and what forces a bound into its type; 0. */
static uint16_t widened(const fly__sql_rel *scan, const fly__sql_expr *expr,
                        const fly__sql_func **force)
{
    if (expr->kind != FLY__SQL_X_CALL || expr->argc != 1 || expr->func == NULL) {
        return 0;
    }
    for (size_t i = 0; i < sizeof forced / sizeof forced[0]; i++) {
        if (expr->func == fly__sql_cast(forced[i].result, forced[i].args[0])) {
            *force = &forced[i];
            return attnum_of(scan, expr->args[0]);
        }
    }
    return 0;
}

static fly__sql_expr *force_into(fly__sql_opt *opt, const fly__sql_func *force,
                                 fly__sql_expr *other)
{
    fly__sql_expr *call = fly__sql_opt_alloc(opt, sizeof *call);
    fly__sql_expr **args = fly__sql_opt_alloc(opt, sizeof *args);
    if (call == NULL || args == NULL) {
        return NULL;
    }
    args[0] = other;
    call->kind = FLY__SQL_X_CALL;
    call->type = fly__sql_type(force->result);
    call->pos = other->pos;
    call->argc = 1;
    call->args = args;
    call->func = force;
    fly__sql_opt_fold(opt, call);
    return call;
}

static bool is_comparison(fly__sql_opt *opt, const fly__sql_rel *scan, const fly__sql_expr *cond,
                          struct comparison *comparison)
{
    if (cond->kind != FLY__SQL_X_CALL || cond->argc != 2 || cond->func == NULL ||
        cond->func->op < FLY__SQL_OP_EQ || cond->func->op > FLY__SQL_OP_GE ||
        cond->func->op == FLY__SQL_OP_NE || fly__sql_expr_has_subquery(cond) || cond->volatile_) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        uint32_t made;
        uint32_t others;
        const fly__sql_func *force = NULL;
        uint16_t attnum = attnum_of(scan, cond->args[i]);
        attnum = attnum != 0 || opt->plain ? attnum : widened(scan, cond->args[i], &force);
        fly__sql_expr *other = cond->args[1 - i];
        fly__sql_expr_sides(other, scan, &made, &others);
        if (attnum != 0 && made == 0 && fly__sql_type_equal(cond->args[0]->type, other->type) &&
            cond->args[0]->type.collation == other->type.collation) {
            comparison->attnum = attnum;
            comparison->other = force == NULL ? other : force_into(opt, force, other);
            comparison->rough = force != NULL;
            comparison->op = i == 0 ? (fly__sql_op_class)cond->func->op
                                    : mirrored((fly__sql_op_class)cond->func->op);
            return comparison->other != NULL;
        }
    }
    return false;
}

/* What an index can do with the conditions. */
struct choice {
    const fly__sql_index *index;
    uint32_t equal_count;
    fly__sql_expr *equals[FLY__SQL_INDEX_COLUMNS_MAX];
    uint32_t used[FLY__SQL_INDEX_COLUMNS_MAX]; /* which conditions those are */
    fly__sql_expr *low, *high;
    fly__sql_expr *low_cond, *high_cond;
    bool low_open, high_open;
};

static void choose(fly__sql_opt *opt, const fly__sql_rel *scan, const fly__sql_conds *conds,
                   const fly__sql_index *index, struct choice *choice)
{
    memset(choice, 0, sizeof *choice);
    choice->index = index;
    for (uint16_t c = 0; c < index->key_count; c++) {
        uint16_t attnum = index->columns[c].column;
        uint32_t before = choice->equal_count;
        if (attnum == 0) {
            return;
        }
        for (uint32_t i = 0; i < conds->count; i++) {
            struct comparison comparison;
            if (!is_comparison(opt, scan, conds->items[i], &comparison) ||
                comparison.attnum != attnum) {
                continue;
            }
            if (comparison.op == FLY__SQL_OP_EQ) {
                choice->used[choice->equal_count] = comparison.rough ? UINT32_MAX : i;
                choice->equals[choice->equal_count++] = comparison.other;
                break;
            }
            bool up = comparison.op == FLY__SQL_OP_GT || comparison.op == FLY__SQL_OP_GE;
            if (up && choice->low == NULL) {
                choice->low = comparison.other;
                choice->low_cond = conds->items[i];
                choice->low_open = comparison.op == FLY__SQL_OP_GT && !comparison.rough;
            } else if (!up && choice->high == NULL) {
                choice->high = comparison.other;
                choice->high_cond = conds->items[i];
                choice->high_open = comparison.op == FLY__SQL_OP_LT && !comparison.rough;
            }
        }
        if (choice->equal_count > before) {
            choice->low = NULL;
            choice->high = NULL;
            continue;
        }
        return;
    }
}

static double worth(const struct choice *choice)
{
    double worth = 10.0 * choice->equal_count;
    if (choice->low != NULL || choice->high != NULL) {
        worth += choice->low != NULL && choice->high != NULL ? 6 : 3;
    }
    if (worth > 0 && choice->index->unique && choice->equal_count == choice->index->key_count) {
        worth += 1000;
    }
    if (worth > 0 && choice->index->clustered) {
        worth += 1; /* the rows are right there */
    }
    return worth;
}

static bool usable(const fly__sql_index *index)
{
    return index->ready && index->predicate == NULL;
}

/* How many entries lie in the bounds of an index. */
static double entries_of(fly__sql_opt *opt, const fly__sql_rel *scan, const struct choice *choice)
{
    fly__sql_rel bounded = *scan;
    fly__sql_conds range = {0};
    if (choice->low != NULL) {
        fly__sql_conds_add(opt, &range, choice->low_cond);
    }
    if (choice->high != NULL) {
        fly__sql_conds_add(opt, &range, choice->high_cond);
    }
    bounded.rows = 0;
    bounded.scan.index = choice->index;
    bounded.scan.equal_count = choice->equal_count;
    bounded.scan.filter = fly__sql_conds_join(opt, &range);
    return fly__sql_opt_rows(opt, &bounded);
}

bool fly__sql_opt_indexed(const fly__sql_rel *scan, const fly__sql_expr *expr)
{
    uint16_t attnum = attnum_of(scan, expr);
    const fly__sql_table *table = scan->scan.table;
    for (uint16_t i = 0; attnum != 0 && i < table->index_count; i++) {
        if (usable(table->indexes[i]) && table->indexes[i]->columns[0].column == attnum) {
            return true;
        }
    }
    return false;
}

void fly__sql_opt_access(fly__sql_opt *opt, fly__sql_rel *scan)
{
    const fly__sql_table *table = scan->scan.table;
    fly__sql_conds conds = {0};
    struct choice *best = NULL;
    if (scan->scan.filter == NULL || scan->scan.index != NULL) {
        return;
    }
    fly__sql_conds_split(opt, &conds, scan->scan.filter);
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct choice *choice = fly__sql_opt_alloc(opt, sizeof *choice);
        if (choice == NULL || !usable(table->indexes[i])) {
            continue;
        }
        choose(opt, scan, &conds, table->indexes[i], choice);
        if (worth(choice) > 0 && (best == NULL || worth(choice) > worth(best))) {
            best = choice;
        }
    }
    if (best == NULL) {
        return;
    }
    fly__sql_conds rest = {0};
    fly__sql_conds bounds = {0};
    for (uint32_t i = 0; i < conds.count; i++) {
        bool used = false;
        for (uint32_t k = 0; k < best->equal_count; k++) {
            used = used || best->used[k] == i;
        }
        fly__sql_conds_add(opt, used ? &bounds : &rest, conds.items[i]);
    }
    scan->scan.index = best->index;
    scan->scan.equal_count = best->equal_count;
    scan->scan.equals = best->equals;
    scan->scan.low = best->low;
    scan->scan.low_open = best->low_open;
    scan->scan.high = best->high;
    scan->scan.high_open = best->high_open;
    scan->scan.entries = entries_of(opt, scan, best);
    scan->scan.bounds = fly__sql_conds_join(opt, &bounds);
    scan->scan.filter = fly__sql_conds_join(opt, &rest);
}

/* Rows that are scanned in the time of one look-up: of a key, and again of each row that an index beside
 * the table finds. */
enum { LOOK_UP_COST = 20 };

bool fly__sql_opt_covered(fly__sql_opt *opt, fly__sql_rel *scan, const uint16_t *attnums,
                          uint32_t count)
{
    const fly__sql_index *index = scan->scan.index;
    return index != NULL && !index->clustered && !opt->plain &&
           fly__sql_entry_covers(opt->session, scan->scan.table, index, attnums, count);
}

void fly__sql_opt_reconsider(fly__sql_opt *opt, fly__sql_rel *scan)
{
    double rows = fly__sql_opt_table_rows(opt, scan->scan.table);
    if (scan->scan.index->clustered || scan->scan.lateral ||
        scan->scan.entries * LOOK_UP_COST <= rows) {
        return;
    }
    fly__sql_conds all = {0};
    fly__sql_conds_split(opt, &all, scan->scan.bounds);
    fly__sql_conds_split(opt, &all, scan->scan.filter);
    scan->scan.spurned = scan->scan.index;
    scan->scan.index = NULL;
    scan->scan.bounds = scan->scan.filter;
    scan->scan.filter = fly__sql_conds_join(opt, &all);
}

void fly__sql_opt_go_by(fly__sql_opt *opt, fly__sql_rel *scan, const fly__sql_index *index,
                        bool backward)
{
    if (scan->scan.index == NULL && scan->scan.spurned == index) {
        scan->scan.filter = scan->scan.bounds;
    } else if (scan->scan.index == NULL) {
        scan->scan.equal_count = 0;
        scan->scan.low = scan->scan.high = NULL;
    }
    scan->scan.index = index;
    scan->scan.backward = backward;
    scan->scan.index_only = fly__sql_opt_covered(opt, scan, scan->scan.attnums, scan->column_count);
}

/* --------------------------------------------------------------------- index look-ups */

/* Let an index find the rows on the right for each row on the left. */
static bool look_up(fly__sql_opt *opt, fly__sql_rel *join)
{
    fly__sql_rel *scan = join->right;
    fly__sql_rel trial = *scan;
    fly__sql_conds filter = {0};
    fly__sql_conds rest = {0};
    fly__sql_conds all = {0};
    bool indexed = false;
    fly__sql_conds_split(opt, &filter, scan->scan.filter);
    fly__sql_conds_split(opt, &all, join->join.condition);
    for (uint32_t i = 0; i < all.count; i++) {
        struct comparison comparison;
        if (is_comparison(opt, scan, all.items[i], &comparison) &&
            comparison.op == FLY__SQL_OP_EQ) {
            indexed = indexed || fly__sql_opt_indexed(scan, all.items[i]->args[0]) ||
                      fly__sql_opt_indexed(scan, all.items[i]->args[1]);
            fly__sql_conds_add(opt, &filter, all.items[i]);
        } else {
            fly__sql_conds_add(opt, &rest, all.items[i]);
        }
    }
    if (!indexed) {
        return false;
    }
    trial.scan.filter = fly__sql_conds_join(opt, &filter);
    trial.rows = 0;
    fly__sql_opt_access(opt, &trial);
    bool bound = false;
    for (uint32_t i = 0; i < trial.scan.equal_count; i++) {
        uint32_t made;
        uint32_t others;
        fly__sql_expr_sides(trial.scan.equals[i], join->left, &made, &others);
        bound = bound || made > 0;
    }
    double each = trial.scan.index != NULL && !trial.scan.index->clustered ? LOOK_UP_COST : 1;
    if (!bound || join->left->rows * LOOK_UP_COST + join->rows * each >= scan->rows) {
        return false;
    }
    *scan = trial;
    scan->scan.lateral = true;
    scan->rows = join->rows > 0 ? join->rows / (join->left->rows < 1 ? 1 : join->left->rows) : 1;
    scan->rows = scan->rows < 1 ? 1 : scan->rows;
    join->join.condition = fly__sql_conds_join(opt, &rest);
    join->join.residual = NULL;
    join->join.key_count = 0;
    join->join.method = 'i';
    join->join.lateral = true;
    return true;
}

void fly__sql_opt_method(fly__sql_opt *opt, fly__sql_rel *join)
{
    double left = fly__sql_opt_rows(opt, join->left);
    double right = fly__sql_opt_rows(opt, join->right);
    (void)fly__sql_opt_rows(opt, join);
    bool may_look_up = join->join.join == FLY__SQL_JOIN_INNER ||
                       join->join.join == FLY__SQL_JOIN_LEFT ||
                       join->join.join == FLY__SQL_JOIN_SEMI ||
                       join->join.join == FLY__SQL_JOIN_ANTI ||
                       join->join.join == FLY__SQL_JOIN_SINGLE;
    if (may_look_up && !opt->plain && join->join.key_count > 0 &&
        join->right->kind == FLY__SQL_R_SCAN && join->right->scan.index == NULL &&
        left * LOOK_UP_COST < right && look_up(opt, join)) {
        return;
    }
    join->join.build_left = left < right;
}

/* ------------------------------------------------------------------------ lists of values */

/* `column IN (constants)` that an index can look up. */
static bool is_list(const fly__sql_rel *scan, const fly__sql_expr *cond)
{
    if (cond->kind != FLY__SQL_X_IN || cond->flag || cond->argc < 2 ||
        !fly__sql_opt_indexed(scan, cond->args[0]) || !fly__sql_plain_order(cond->args[0]->type)) {
        return false;
    }
    for (uint32_t i = 1; i < cond->argc; i++) {
        if (cond->args[i]->kind != FLY__SQL_X_CONST ||
            !fly__sql_type_equal(cond->args[i]->type, cond->args[0]->type) ||
            cond->args[i]->type.collation != cond->args[0]->type.collation) {
            return false;
        }
    }
    return true;
}

/* The different values of a list, as rows. */
static fly__sql_rel *list_rows(fly__sql_opt *opt, const fly__sql_expr *list)
{
    fly__sql_rel *rel = fly__sql_opt_alloc(opt, sizeof *rel);
    fly__sql_colref *column = fly__sql_opt_alloc(opt, sizeof *column);
    fly__sql_expr ***rows = fly__sql_opt_alloc(opt, list->argc * sizeof *rows);
    if (rel == NULL || column == NULL || rows == NULL) {
        return NULL;
    }
    for (uint32_t i = 1; i < list->argc; i++) {
        bool again = list->args[i]->value.null;
        for (uint32_t k = 0; k < rel->values.row_count && !again; k++) {
            again = fly__sql_bind_equal(rows[k][0], list->args[i]);
        }
        if (!again) {
            rows[rel->values.row_count++] = &list->args[i];
        }
    }
    *column = (fly__sql_colref){.id = opt->plan->next_id++, .type = list->args[1]->type};
    rel->kind = FLY__SQL_R_VALUES;
    rel->column_count = 1;
    rel->columns = column;
    rel->values.rows = rows;
    rel->rows = rel->values.row_count;
    return rel;
}

enum { LIST_MAX = 256 };

fly__sql_rel *fly__sql_opt_list_access(fly__sql_opt *opt, fly__sql_rel *scan)
{
    fly__sql_conds conds = {0};
    fly__sql_conds rest = {0};
    fly__sql_expr *list = NULL;
    double rows = fly__sql_opt_table_rows(opt, scan->scan.table);
    if (scan->scan.index != NULL || scan->scan.filter == NULL || opt->plain) {
        return scan;
    }
    fly__sql_conds_split(opt, &conds, scan->scan.filter);
    for (uint32_t i = 0; i < conds.count; i++) {
        bool fits = list == NULL && conds.items[i]->argc <= LIST_MAX &&
                    conds.items[i]->argc * LOOK_UP_COST < rows && is_list(scan, conds.items[i]);
        list = fits ? conds.items[i] : list;
        if (!fits) {
            fly__sql_conds_add(opt, &rest, conds.items[i]);
        }
    }
    fly__sql_rel *values = list == NULL ? NULL : list_rows(opt, list);
    fly__sql_rel *join = values == NULL ? NULL : fly__sql_opt_alloc(opt, sizeof *join);
    fly__sql_expr *equality = join == NULL ? NULL : fly__sql_opt_alloc(opt, sizeof *equality);
    fly__sql_expr **args = join == NULL ? NULL : fly__sql_opt_alloc(opt, 2 * sizeof *args);
    if (equality == NULL || args == NULL) {
        return scan;
    }
    *equality = (fly__sql_expr){.kind = FLY__SQL_X_CALL, .argc = 2, .args = args};
    equality->type = fly__sql_type(FLY_SQL_BOOL);
    equality->func = list->func;
    equality->pos = list->pos;
    args[0] = list->args[0];
    args[1] = fly__sql_opt_column(opt, values->columns);
    fly__sql_conds_add(opt, &rest, equality);
    fly__sql_rel trial = *scan;
    trial.scan.filter = fly__sql_conds_join(opt, &rest);
    fly__sql_opt_access(opt, &trial);
    if (trial.scan.equal_count == 0) {
        return scan;
    }
    *scan = trial;
    scan->scan.lateral = true;
    join->kind = FLY__SQL_R_JOIN;
    join->left = values;
    join->right = scan;
    join->join.join = FLY__SQL_JOIN_INNER;
    join->join.method = 'i';
    join->join.lateral = true;
    join->columns = scan->columns;
    join->column_count = scan->column_count;
    return join;
}
