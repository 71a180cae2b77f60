/*
 * ORDER BY: the sorter of sort.c as an operator; and DISTINCT.
 */
#include "exec/aside_int.h"

#include <string.h>

typedef struct sort_op {
    fly__sql_op op;
    fly__sql_program *program; /* the keys that are not columns */
    fly__sql_sorter *sorter;
    const fly_vec **parts;
    uint32_t columns;
    uint32_t extra;
    fly__sql_sort_by *order;
    uint64_t top;
} sort_op;

static fly_status sort_open(fly__sql_op *op, fly_err *err)
{
    sort_op *s = (sort_op *)op;
    fly__sql_sorter_clear(s->sorter);
    fly__sql_sorter_top(s->sorter, s->top != 0 ? s->top : op->rel->sort.top);
    fly_status status = fly__sql_op_open(op->left, err);
    while (status == FLY_OK) {
        fly_vec_batch *in;
        status = fly__sql_op_next(op->left, &in, err);
        if (status == FLY_OK && s->extra > 0) {
            status = fly__sql_program_batch(s->program, in, err);
        }
        if (status != FLY_OK) {
            break;
        }
        for (uint32_t c = 0; c < s->columns; c++) {
            s->parts[c] = &in->col[c];
        }
        for (uint32_t k = 0; k < s->extra; k++) {
            s->parts[s->columns + k] = fly__sql_program_result(s->program, k);
        }
        status = fly__sql_sorter_add(s->sorter, s->parts, in->selected < 0 ? NULL : in->sel,
                                     fly_vec_batch_rows(in), err);
    }
    if (status == FLY_E_END) {
        status = fly__sql_sorter_finish(s->sorter, err);
    }
    op->stats.spilled = fly__sql_sorter_spilled(s->sorter);
    return status;
}

static fly_status sort_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    sort_op *s = (sort_op *)op;
    fly_vec_batch *sorted;
    fly_status status = fly__sql_sorter_next(s->sorter, &sorted, err);
    if (status == FLY_OK) {
        fly_vec_sel *sel = op->out.sel;
        op->out = *sorted;
        op->out.sel = sel;
        op->out.columns = op->rel->column_count;
        *batch = &op->out;
    }
    return status;
}

static void sort_close(fly__sql_op *op)
{
    sort_op *s = (sort_op *)op;
    fly__sql_sorter_free(s->sorter);
    s->top = 0;
}

void fly__sql_sort_hint(fly__sql_op *op, uint64_t top)
{
    while (op != NULL && op->rel->kind == FLY__SQL_R_PROJECT && op->left != NULL) {
        op = op->left;
    }
    if (op != NULL && op->rel->kind == FLY__SQL_R_SORT) {
        ((sort_op *)op)->top = top;
    }
}

fly_status fly__sql_make_sort(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                              fly_err *err)
{
    static const fly__sql_op_vt vt = {sort_open, sort_next, sort_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(sort_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    sort_op *s = (sort_op *)*op;
    uint32_t count = rel->sort.count;
    uint32_t columns = rel->left->column_count;
    s->columns = columns;
    s->order = fly__sql_alloc(&exec->arena, count, sizeof *s->order, err);
    fly__sql_expr **exprs = fly__sql_alloc(&exec->arena, count, sizeof *exprs, err);
    fly_sql_type *types = fly__sql_alloc(&exec->arena, columns + count, sizeof *types, err);
    s->parts = fly__sql_alloc(&exec->arena, columns + count, sizeof *s->parts, err);
    if (s->order == NULL || exprs == NULL || types == NULL || s->parts == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < columns; c++) {
        types[c] = rel->left->columns[c].type;
    }
    for (uint32_t k = 0; k < count; k++) {
        const fly__sql_sort_key *key = &rel->sort.keys[k];
        uint32_t at = UINT32_MAX;
        for (uint32_t c = 0; key->expr->kind == FLY__SQL_X_COLUMN && c < columns; c++) {
            at = rel->left->columns[c].id == key->expr->column ? c : at;
        }
        if (at == UINT32_MAX) {
            at = columns + s->extra;
            types[at] = key->expr->type;
            exprs[s->extra++] = key->expr;
        }
        s->order[k] = (fly__sql_sort_by){.column = at,
                                         .type = key->expr->type,
                                         .descending = key->descending,
                                         .nulls_first = key->nulls_first};
    }
    fly__sql_ports ports = fly__sql_ports_of(rel->left);
    status = fly__sql_program_values(exec, &ports, exprs, s->extra, &s->program, err);
    if (status == FLY_OK) {
        status = fly__sql_sorter_create(exec, columns + s->extra, types, s->order, count,
                                        &s->sorter, err);
    }
    return status;
}

/* ------------------------------------------------------------------------- DISTINCT */

/* Without ON: a table of the rows seen, in the order of their first appearance. With ON: the input is
 * sorted for it, so a row is given if its keys differ from those of the row before. */
typedef struct distinct_op {
    fly__sql_op op;
    fly__sql_group_table seen;
    fly__sql_aside aside; /* rows that are new, and that there is no memory to remember */
    bool frozen, replay;
    fly_vec_batch chunk_batch;
    fly__sql_program *on;
    fly__sql_kept last;
    const fly_vec **parts;
    fly__sql_key_form *forms;
    fly_sql_type *types;
    uint64_t number[FLY_VEC_CAPACITY];
    uint8_t fresh[FLY_VEC_CAPACITY];
} distinct_op;

static fly_status distinct_open(fly__sql_op *op, fly_err *err)
{
    distinct_op *d = (distinct_op *)op;
    if (d->on == NULL) {
        fly__sql_groups_clear(&d->seen);
        fly__sql_aside_drop(&d->aside);
        d->frozen = d->replay = false;
    } else {
        fly__sql_kept_clear(&d->last);
    }
    return fly__sql_op_open(op->left, err);
}

static fly_status choose_fresh(distinct_op *d, const fly_vec_batch *in, uint32_t *m, fly_err *err)
{
    uint32_t rows = fly_vec_batch_rows(in);
    const fly_vec_sel *sel = in->selected < 0 ? NULL : in->sel;
    for (uint32_t c = 0; c < d->op.rel->left->column_count; c++) {
        d->parts[c] = &in->col[c];
    }
    d->frozen = d->frozen || fly__sql_aside_wanted(&d->aside, &d->seen, rows);
    fly_status status =
        fly__sql_groups_find(&d->seen, d->parts, sel, rows, !d->frozen, d->number, d->fresh, err);
    for (uint32_t k = 0; status == FLY_OK && k < rows; k++) {
        fly_vec_sel row = sel != NULL ? sel[k] : (fly_vec_sel)k;
        if (d->number[k] == UINT64_MAX) {
            status = fly__sql_aside_put(&d->aside, in->col, row, d->seen.hash[k], 0, err);
        } else if (d->fresh[k]) {
            d->op.out.sel[(*m)++] = row;
        }
    }
    return status;
}

/* The next rows: of the input, then of what was put aside. */
static fly_status distinct_rows(distinct_op *d, fly_vec_batch **in, fly_err *err)
{
    if (!d->replay) {
        fly_status status = fly__sql_op_next(d->op.left, in, err);
        if (status != FLY_E_END || d->on != NULL) {
            return status;
        }
        d->replay = true;
    }
    for (;;) {
        fly__sql_chunk *chunk;
        fly_status status = fly__sql_aside_chunk(&d->aside, &chunk, err);
        if (status == FLY_OK && chunk->count > 0) {
            d->chunk_batch = (fly_vec_batch){.count = chunk->count,
                                             .columns = d->aside.columns,
                                             .selected = -1,
                                             .col = chunk->col};
            *in = &d->chunk_batch;
            return FLY_OK;
        }
        if (status == FLY_E_END) {
            status = fly__sql_aside_next(&d->aside, err);
            fly__sql_groups_clear(&d->seen);
            d->frozen = false;
        }
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status choose_changed(distinct_op *d, const fly_vec_batch *in, uint32_t *m, fly_err *err)
{
    uint32_t rows = fly_vec_batch_rows(in);
    uint32_t count = d->op.rel->distinct.on_count;
    fly_status status = fly__sql_program_batch(d->on, in, err);
    for (uint32_t k = 0; status == FLY_OK && k < rows; k++) {
        fly_vec_sel row = in->selected < 0 ? (fly_vec_sel)k : in->sel[k];
        bool same = d->last.count > 0;
        for (uint32_t c = 0; c < count; c++) {
            d->parts[c] = fly__sql_program_result(d->on, c);
            same = same && fly__sql_vec_same(d->types[c], d->forms[c], d->parts[c], row,
                                             &d->last.chunk[0]->col[c], 0);
        }
        if (!same) {
            d->op.out.sel[(*m)++] = row;
            fly__sql_kept_clear(&d->last);
            status = fly__sql_kept_append_parts(&d->last, d->parts, &row, 1, err);
        }
    }
    return status;
}

static fly_status distinct_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    distinct_op *d = (distinct_op *)op;
    for (;;) {
        fly_vec_batch *in;
        uint32_t m = 0;
        fly_status status = distinct_rows(d, &in, err);
        if (status == FLY_OK) {
            status = d->on == NULL ? choose_fresh(d, in, &m, err) : choose_changed(d, in, &m, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        if (m > 0) {
            fly_vec_sel *sel = op->out.sel;
            op->out = *in;
            op->out.sel = sel;
            op->out.selected = (int32_t)m;
            *batch = &op->out;
            return FLY_OK;
        }
    }
}

static void distinct_close(fly__sql_op *op)
{
    distinct_op *d = (distinct_op *)op;
    if (d->aside.parts != NULL) {
        fly__sql_aside_drop(&d->aside);
    }
    fly__sql_groups_free(&d->seen);
    fly__sql_kept_free(&d->last);
}

fly_status fly__sql_make_distinct(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                  fly_err *err)
{
    static const fly__sql_op_vt vt = {distinct_open, distinct_next, distinct_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(distinct_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    distinct_op *d = (distinct_op *)*op;
    uint32_t columns = rel->left->column_count;
    uint32_t count = rel->distinct.on_count;
    uint32_t most = columns > count ? columns : count;
    d->types = fly__sql_alloc(&exec->arena, most, sizeof *d->types, err);
    d->forms = fly__sql_alloc(&exec->arena, most, sizeof *d->forms, err);
    d->parts = fly__sql_alloc(&exec->arena, most, sizeof *d->parts, err);
    if (d->types == NULL || d->forms == NULL || d->parts == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (count == 0) {
        for (uint32_t c = 0; c < columns; c++) {
            d->types[c] = rel->left->columns[c].type;
        }
        status = fly__sql_aside_init(&d->aside, exec, columns, d->types, err);
        return status == FLY_OK
                   ? fly__sql_groups_init(&d->seen, exec, columns, columns, d->types, err)
                   : status;
    }
    for (uint32_t c = 0; c < count; c++) {
        d->types[c] = rel->distinct.on[c]->type;
        d->forms[c] = fly__sql_key_form_of(exec->session, d->types[c]);
    }
    fly__sql_ports ports = fly__sql_ports_of(rel->left);
    status = fly__sql_kept_init(&d->last, exec, count, d->types, err);
    if (status == FLY_OK) {
        status = fly__sql_program_values(exec, &ports, rel->distinct.on, count, &d->on, err);
    }
    return status;
}
