/*
 * Operators that hold no rows: VALUES, filter, projection, limit.
 */
#include "exec/op_int.h"

#include <string.h>

/* --------------------------------------------------------------------------- VALUES */

/* Rows of expressions. Each row has a program, so that a list of a thousand rows of constants does not
 * need a thousand registers for each. */
typedef struct values_op {
    fly__sql_op op;
    fly__sql_program **row; /* NULL: all constants */
    uint32_t at;
    fly_arena arena; /* of the batch's strings */
} values_op;

static fly_status values_open(fly__sql_op *op, fly_err *err)
{
    (void)err;
    ((values_op *)op)->at = 0;
    return FLY_OK;
}

static fly_status values_row(values_op *v, uint32_t n, fly_err *err)
{
    const fly__sql_rel *rel = v->op.rel;
    fly__sql_program *program = v->row[v->at];
    fly__sql_inputs none = {{NULL}};
    fly_status status = program != NULL ? fly__sql_program_run(program, &none, NULL, 1, 1, err)
                                        : FLY_OK;
    for (uint32_t c = 0; status == FLY_OK && c < rel->column_count; c++) {
        fly_vec *out = &v->op.out.col[c];
        fly_vec_value value;
        if (program == NULL) {
            value = rel->values.rows[v->at][c]->value;
        } else {
            fly_vec_value made = fly__sql_get(fly__sql_program_result(program, c), 0);
            status = fly__sql_value_copy((fly_vec_type)out->type, &made, &v->arena, &value, err);
        }
        fly_vec_put(out, n, &value);
    }
    return status;
}

static fly_status values_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    values_op *v = (values_op *)op;
    uint32_t n = 0;
    fly_arena_reset(&v->arena);
    for (; n < op->exec->batch_rows && v->at < op->rel->values.row_count; n++, v->at++) {
        fly_status status = values_row(v, n, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    op->out.count = n;
    *batch = &op->out;
    return n > 0 ? FLY_OK : FLY_E_END;
}

static bool all_constant(const fly__sql_rel *rel, uint32_t row)
{
    for (uint32_t c = 0; c < rel->column_count; c++) {
        if (rel->values.rows[row][c]->kind != FLY__SQL_X_CONST) {
            return false;
        }
    }
    return true;
}

fly_status fly__sql_make_values(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                fly_err *err)
{
    static const fly__sql_op_vt vt = {values_open, values_next, NULL};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(values_op), &vt, op, err);
    if (status != FLY_OK) {
        return status;
    }
    values_op *v = (values_op *)*op;
    fly__sql_arena(exec, &v->arena, 0);
    uint32_t rows = rel->values.row_count;
    uint32_t capacity = rows < 64 ? 64 : FLY_VEC_CAPACITY;
    for (uint32_t c = 0; status == FLY_OK && c < rel->column_count; c++) {
        status = fly__sql_vec_make(&(*op)->out.col[c], rel->columns[c].type, capacity, &exec->arena,
                                   err);
    }
    v->row = fly__sql_alloc(&exec->arena, rows, sizeof *v->row, err);
    if (v->row == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly__sql_ports none = {{NULL}, {0}};
    for (uint32_t r = 0; status == FLY_OK && r < rows; r++) {
        if (!all_constant(rel, r)) {
            status = fly__sql_program_values(exec, &none, rel->values.rows[r], rel->column_count,
                                             &v->row[r], err);
        }
    }
    return status;
}

/* --------------------------------------------------------------------------- filter */

typedef struct filter_op {
    fly__sql_op op;
    fly__sql_program *program;
} filter_op;

static fly_status open_left(fly__sql_op *op, fly_err *err)
{
    return fly__sql_op_open(op->left, err);
}

fly_status fly__sql_filter_batch(fly__sql_program *program, const fly_vec_batch *in,
                                 fly_vec_batch *out, fly_err *err)
{
    fly__sql_inputs inputs = {{in->col}};
    const fly_vec_sel *chosen;
    uint32_t m;
    fly_status status = fly__sql_program_test(program, &inputs, in->selected < 0 ? NULL : in->sel,
                                              fly_vec_batch_rows(in), in->count, &chosen, &m, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_vec_sel *sel = out->sel;
    *out = *in;
    out->sel = sel;
    out->selected = -1;
    if (chosen != NULL) {
        memcpy(sel, chosen, m * sizeof *sel);
        out->selected = (int32_t)m;
    }
    return FLY_OK;
}

static fly_status filter_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    for (;;) {
        fly_vec_batch *in;
        fly_status status = fly__sql_op_next(op->left, &in, err);
        if (status == FLY_OK) {
            status = fly__sql_filter_batch(((filter_op *)op)->program, in, &op->out, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        if (fly_vec_batch_rows(&op->out) > 0) {
            *batch = &op->out;
            return FLY_OK;
        }
    }
}

fly_status fly__sql_make_filter(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                fly_err *err)
{
    static const fly__sql_op_vt vt = {open_left, filter_next, NULL};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(filter_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status == FLY_OK) {
        fly__sql_ports ports = fly__sql_ports_of(rel->left);
        status = fly__sql_program_select(exec, &ports, rel->filter.condition,
                                         &((filter_op *)*op)->program, err);
    }
    return status;
}

/* ----------------------------------------------------------------------- projection */

typedef struct project_op {
    fly__sql_op op;
    fly__sql_program *program;
    bool done; /* of a projection over nothing, which gives one row */
} project_op;

static fly_status project_open(fly__sql_op *op, fly_err *err)
{
    ((project_op *)op)->done = false;
    return op->left != NULL ? fly__sql_op_open(op->left, err) : FLY_OK;
}

static fly_status project_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    project_op *p = (project_op *)op;
    fly_vec_sel *sel = op->out.sel;
    fly_vec *col = op->out.col;
    fly_status status;
    if (op->left == NULL) {
        fly__sql_inputs none = {{NULL}};
        if (p->done) {
            return FLY_E_END;
        }
        p->done = true;
        op->out.count = 1;
        op->out.selected = -1;
        status = fly__sql_program_run(p->program, &none, NULL, 1, 1, err);
    } else {
        fly_vec_batch *in;
        status = fly__sql_op_next(op->left, &in, err);
        if (status == FLY_OK) {
            status = fly__sql_program_batch(p->program, in, err);
        }
        if (status == FLY_OK) {
            op->out = *in;
            op->out.columns = op->rel->column_count;
            op->out.col = col;
            if (in->selected >= 0) {
                memcpy(sel, in->sel, (size_t)in->selected * sizeof *sel);
            }
            op->out.sel = sel;
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    for (uint32_t c = 0; c < op->rel->column_count; c++) {
        col[c] = *fly__sql_program_result(p->program, c);
    }
    *batch = &op->out;
    return FLY_OK;
}

fly_status fly__sql_make_project(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                 fly_err *err)
{
    static const fly__sql_op_vt vt = {project_open, project_next, NULL};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(project_op), &vt, op, err);
    fly__sql_ports ports = {{NULL}, {0}};
    if (status == FLY_OK && rel->left != NULL) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
        ports = fly__sql_ports_of(rel->left);
    }
    if (status == FLY_OK) {
        status = fly__sql_program_values(exec, &ports, rel->project.exprs, rel->column_count,
                                         &((project_op *)*op)->program, err);
    }
    return status;
}

/* ---------------------------------------------------------------------------- limit */

typedef struct limit_op {
    fly__sql_op op;
    fly__sql_program *program; /* limit, then offset, of those that are there */
    uint64_t limit, offset;    /* left to give, left to skip */
    bool unlimited;
    /* WITH TIES: keys of the last row, from the sort below. */
    fly__sql_program *keys;
    fly__sql_sort_by *order;
    uint32_t order_count;
    fly__sql_kept last;
    bool tying;
} limit_op;

static fly_status limit_value(limit_op *l, uint32_t i, const fly__sql_expr *x, const char *state,
                              const char *word, uint64_t *value, fly_err *err)
{
    fly_vec_value v = fly__sql_get(fly__sql_program_result(l->program, i), 0);
    if (v.null) {
        *value = 0;
        return FLY_E_NOT_FOUND;
    }
    int64_t n;
    switch (fly__sql_type_physical(x->type)) {
    case FLY_VEC_I16:
        n = v.i16;
        break;
    case FLY_VEC_I32:
        n = v.i32;
        break;
    default:
        n = v.i64;
        break;
    }
    if (n < 0) {
        return fly_err_state(err, state, 0, "%s must not be negative", word);
    }
    *value = (uint64_t)n;
    return FLY_OK;
}

static fly_status limit_open(fly__sql_op *op, fly_err *err)
{
    limit_op *l = (limit_op *)op;
    const fly__sql_rel *rel = op->rel;
    fly__sql_inputs none = {{NULL}};
    l->unlimited = true;
    l->limit = l->offset = 0;
    l->tying = false;
    fly_status status = fly__sql_program_run(l->program, &none, NULL, 1, 1, err);
    if (status == FLY_OK && rel->limit.offset != NULL) {
        status = limit_value(l, rel->limit.limit != NULL, rel->limit.offset, "2201X", "OFFSET",
                             &l->offset, err);
        status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    if (status == FLY_OK && rel->limit.limit != NULL) {
        status = limit_value(l, 0, rel->limit.limit, "2201W", "LIMIT", &l->limit, err);
        l->unlimited = status == FLY_E_NOT_FOUND;
        status = l->unlimited ? FLY_OK : status;
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_kept_clear(&l->last);
    if (!l->unlimited && !rel->limit.with_ties) {
        fly__sql_sort_hint(op->left, l->limit + l->offset < l->limit ? 0 : l->limit + l->offset);
    }
    if (!l->unlimited && l->limit == 0) {
        return FLY_OK; /* nothing is asked of what is below, not even to begin */
    }
    return fly__sql_op_open(op->left, err);
}

/* Remember the sort keys of the last row given. */
static fly_status tie_remember(limit_op *l, const fly_vec_batch *batch, uint32_t row, fly_err *err)
{
    fly_vec_sel at = (fly_vec_sel)row;
    const fly_vec *keys[64];
    fly__sql_inputs inputs = {{batch->col}};
    fly_status status = fly__sql_program_run(l->keys, &inputs, &at, 1, batch->count, err);
    for (uint32_t k = 0; k < l->order_count; k++) {
        keys[k] = fly__sql_program_result(l->keys, k);
    }
    fly__sql_kept_clear(&l->last);
    if (status == FLY_OK) {
        status = fly__sql_kept_append_parts(&l->last, keys, &at, 1, err);
    }
    return status;
}

/* Rows of a batch whose keys are those of the last row: a prefix of the selection. */
static fly_status tie_count(limit_op *l, const fly_vec_batch *batch, uint32_t from, uint32_t *n,
                            fly_err *err)
{
    uint32_t rows = fly_vec_batch_rows(batch);
    *n = 0;
    for (uint32_t i = from; i < rows; i++) {
        fly_vec_sel at = batch->selected < 0 ? (fly_vec_sel)i : batch->sel[i];
        fly__sql_inputs inputs = {{batch->col}};
        fly_status status = fly__sql_program_run(l->keys, &inputs, &at, 1, batch->count, err);
        if (status != FLY_OK) {
            return status;
        }
        for (uint32_t k = 0; k < l->order_count; k++) {
            fly_vec_value a = fly__sql_get(fly__sql_program_result(l->keys, k), at);
            fly_vec_value b = fly__sql_get(&l->last.chunk[0]->col[k], 0);
            bool same = a.null || b.null ? a.null == b.null
                                         : fly__sql_value_cmp(l->order[k].type, &a, &b) == 0;
            if (!same) {
                return FLY_OK;
            }
        }
        ++*n;
    }
    return FLY_OK;
}

/* Show rows from `skip` on, `n` of them. */
static void show(fly__sql_op *op, const fly_vec_batch *in, uint32_t skip, uint32_t n)
{
    fly_vec_sel *sel = op->out.sel;
    op->out = *in;
    op->out.sel = sel;
    for (uint32_t i = 0; i < n; i++) {
        sel[i] = in->selected < 0 ? (fly_vec_sel)(skip + i) : in->sel[skip + i];
    }
    op->out.selected = (int32_t)n;
}

static fly_status limit_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    limit_op *l = (limit_op *)op;
    for (;;) {
        fly_vec_batch *in;
        if (!l->unlimited && l->limit == 0 && !l->tying) {
            return FLY_E_END;
        }
        fly_status status = fly__sql_op_next(op->left, &in, err);
        if (status != FLY_OK) {
            return status;
        }
        uint32_t rows = fly_vec_batch_rows(in);
        uint32_t skip = 0;
        uint32_t n = rows;
        if (l->tying) {
            status = tie_count(l, in, 0, &n, err);
            l->tying = status == FLY_OK && n == rows;
            if (status != FLY_OK || n == 0) {
                return status != FLY_OK ? status : FLY_E_END;
            }
            show(op, in, 0, n);
            *batch = &op->out;
            return FLY_OK;
        }
        if (l->offset > 0) {
            skip = l->offset < rows ? (uint32_t)l->offset : rows;
            l->offset -= skip;
            n = rows - skip;
        }
        if (n == 0) {
            continue;
        }
        if (!l->unlimited) {
            n = l->limit < n ? (uint32_t)l->limit : n;
            l->limit -= n;
            if (l->limit == 0 && l->keys != NULL) {
                uint32_t last = skip + n - 1;
                uint32_t more = 0;
                status = tie_remember(l, in, in->selected < 0 ? last : in->sel[last], err);
                if (status == FLY_OK) {
                    status = tie_count(l, in, skip + n, &more, err);
                }
                if (status != FLY_OK) {
                    return status;
                }
                n += more;
                l->tying = skip + n == rows;
            }
        }
        if (skip == 0 && n == rows) {
            *batch = in;
            return FLY_OK;
        }
        show(op, in, skip, n);
        *batch = &op->out;
        return FLY_OK;
    }
}

static void limit_close(fly__sql_op *op)
{
    fly__sql_kept_free(&((limit_op *)op)->last);
}

/* The sort below, seen through nodes that keep its order. */
static const fly__sql_rel *sort_below(const fly__sql_rel *rel)
{
    while (rel != NULL && rel->kind != FLY__SQL_R_SORT &&
           (rel->kind == FLY__SQL_R_PROJECT || rel->kind == FLY__SQL_R_FILTER)) {
        rel = rel->left;
    }
    return rel != NULL && rel->kind == FLY__SQL_R_SORT ? rel : NULL;
}

static fly_status limit_ties(fly__sql_exec *exec, const fly__sql_rel *rel, limit_op *l,
                             fly_err *err)
{
    const fly__sql_rel *sort = sort_below(rel->left);
    if (sort == NULL) {
        return fly_err_state(err, "42601", 0,
                             "WITH TIES cannot be specified without ORDER BY clause");
    }
    uint32_t count = sort->sort.count;
    if (count > 64) {
        return fly__sql_not_yet(err, 0, "WITH TIES with more than 64 sort keys");
    }
    l->order_count = count;
    l->order = fly__sql_alloc(&exec->arena, count, sizeof *l->order, err);
    fly__sql_expr **exprs = fly__sql_alloc(&exec->arena, count, sizeof *exprs, err);
    fly_sql_type *types = fly__sql_alloc(&exec->arena, count, sizeof *types, err);
    if (l->order == NULL || exprs == NULL || types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t k = 0; k < count; k++) {
        exprs[k] = sort->sort.keys[k].expr;
        types[k] = exprs[k]->type;
        l->order[k] = (fly__sql_sort_by){.column = k, .type = types[k]};
    }
    fly__sql_ports ports = fly__sql_ports_of(rel->left);
    fly_status status = fly__sql_kept_init(&l->last, exec, count, types, err);
    if (status == FLY_OK) {
        status = fly__sql_program_values(exec, &ports, exprs, count, &l->keys, err);
    }
    return status;
}

fly_status fly__sql_make_limit(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                               fly_err *err)
{
    static const fly__sql_op_vt vt = {limit_open, limit_next, limit_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(limit_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    limit_op *l = (limit_op *)*op;
    fly__sql_expr *exprs[2];
    uint32_t count = 0;
    if (rel->limit.limit != NULL) {
        exprs[count++] = rel->limit.limit;
    }
    if (rel->limit.offset != NULL) {
        exprs[count++] = rel->limit.offset;
    }
    fly__sql_ports none = {{NULL}, {0}};
    status = fly__sql_program_values(exec, &none, exprs, count, &l->program, err);
    if (status == FLY_OK && rel->limit.with_ties) {
        status = limit_ties(exec, rel, l, err);
    }
    return status;
}
