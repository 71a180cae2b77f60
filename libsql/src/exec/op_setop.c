/*
 * UNION, INTERSECT, EXCEPT.
 *
 * UNION ALL passes batches on. UNION gives each row when it is seen for the first time. The others
 * count the rows of the right side in a table, then let the left side's rows take from the counts:
 *
 *     INTERSECT      a left row whose count is not 0, once
 *     INTERSECT ALL  a left row while its count lasts
 *     EXCEPT         a left row without count, once
 *     EXCEPT ALL     a left row beyond its count
 */
#include "exec/aside_int.h"

#include <string.h>

typedef struct setop_op {
    fly__sql_op op;
    fly__sql_group_table groups;
    uint64_t *count; /* by group: rows of the right side; top bit: was given */
    uint64_t count_room;
    bool on_right;
    fly__sql_aside aside; /* rows of groups that there is no memory for; tag 1: of the right side */
    bool frozen, replay;
    fly_vec_batch chunk_batch;
    fly_vec_sel chunk_sel[FLY_VEC_CAPACITY + 8];
    fly__sql_chunk *chunk;
    uint32_t chunk_at;
    fly_vec_sel found[FLY_VEC_CAPACITY + 8]; /* rows with a group */
    uint32_t found_count;
    const fly_vec **parts;
    uint64_t number[FLY_VEC_CAPACITY];
    uint8_t fresh[FLY_VEC_CAPACITY];
} setop_op;

static const uint64_t GIVEN = (uint64_t)1 << 63;

static fly_status count_room(setop_op *s, fly_err *err)
{
    uint64_t wanted = s->groups.rows.count;
    if (wanted <= s->count_room) {
        return FLY_OK;
    }
    uint64_t room = s->count_room == 0 ? 64 : s->count_room;
    while (room < wanted) {
        room *= 2;
    }
    fly_mem *mem = &s->op.exec->session->query.mem;
    uint64_t *bigger =
        fly_mem_resize(mem, s->count, s->count_room * sizeof *s->count, room * sizeof *s->count);
    if (bigger == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a set operation");
    }
    memset(bigger + s->count_room, 0, (room - s->count_room) * sizeof *bigger);
    s->count = bigger;
    s->count_room = room;
    return FLY_OK;
}

/* Groups of the rows of a batch: those that have one stand in `found`, with `number` and `fresh`. */
static fly_status find(setop_op *s, const fly_vec_batch *in, int64_t tag, fly_err *err)
{
    const fly_vec_sel *sel = in->selected < 0 ? NULL : in->sel;
    uint32_t n = fly_vec_batch_rows(in);
    for (uint32_t c = 0; c < s->op.rel->column_count; c++) {
        s->parts[c] = &in->col[c];
    }
    s->frozen = s->frozen || fly__sql_aside_wanted(&s->aside, &s->groups, n);
    fly_status status =
        fly__sql_groups_find(&s->groups, s->parts, sel, n, !s->frozen, s->number, s->fresh, err);
    s->found_count = 0;
    for (uint32_t k = 0; status == FLY_OK && k < n; k++) {
        fly_vec_sel row = sel != NULL ? sel[k] : (fly_vec_sel)k;
        if (s->number[k] == UINT64_MAX) {
            status = fly__sql_aside_put(&s->aside, in->col, row, s->groups.hash[k], tag, err);
            continue;
        }
        s->number[s->found_count] = s->number[k];
        s->fresh[s->found_count] = s->fresh[k];
        s->found[s->found_count++] = row;
    }
    return status == FLY_OK && s->op.rel->setop.op != 'u' ? count_room(s, err) : status;
}

static fly_status count_rows(setop_op *s, const fly_vec_batch *in, fly_err *err)
{
    fly_status status = find(s, in, 1, err);
    for (uint32_t k = 0; status == FLY_OK && k < s->found_count; k++) {
        s->count[s->number[k]]++;
    }
    return status;
}

static fly_status count_right(setop_op *s, fly_err *err)
{
    fly_status status = fly__sql_op_open(s->op.right, err);
    while (status == FLY_OK) {
        fly_vec_batch *in;
        status = fly__sql_op_next(s->op.right, &in, err);
        if (status == FLY_OK) {
            status = count_rows(s, in, err);
        }
    }
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status setop_open(fly__sql_op *op, fly_err *err)
{
    setop_op *s = (setop_op *)op;
    bool union_ = op->rel->setop.op == 'u';
    s->on_right = s->replay = s->frozen = false;
    s->chunk = NULL;
    if (s->aside.parts != NULL) {
        fly__sql_aside_drop(&s->aside);
    }
    if (!union_ || !op->rel->setop.all) {
        fly__sql_groups_clear(&s->groups);
    }
    if (s->count != NULL) {
        memset(s->count, 0, s->count_room * sizeof *s->count);
    }
    fly_status status = union_ ? FLY_OK : count_right(s, err);
    return status == FLY_OK ? fly__sql_op_open(op->left, err) : status;
}

/* Whether a row is given; takes it from its count. */
static bool wanted(setop_op *s, uint64_t group)
{
    bool all = s->op.rel->setop.all;
    uint64_t *count = &s->count[group];
    if (s->op.rel->setop.op == 'i') {
        if ((*count & ~GIVEN) == 0 || (!all && (*count & GIVEN) != 0)) {
            return false;
        }
        *count = all ? *count - 1 : *count | GIVEN;
        return true;
    }
    if (all) {
        if (*count > 0) {
            --*count;
            return false;
        }
        return true;
    }
    bool give = *count == 0;
    *count |= GIVEN;
    return give;
}

static fly_status choose(setop_op *s, const fly_vec_batch *in, uint32_t *m, fly_err *err)
{
    fly_status status = find(s, in, 0, err);
    for (uint32_t k = 0; status == FLY_OK && k < s->found_count; k++) {
        bool give = s->op.rel->setop.op == 'u' ? s->fresh[k] != 0 : wanted(s, s->number[k]);
        if (give) {
            s->op.out.sel[(*m)++] = s->found[k];
        }
    }
    return status;
}

/* Rows that were put aside, as a batch: those of the right side first. */
static fly_status replay_batch(setop_op *s, fly_vec_batch **batch, int64_t *tag, fly_err *err)
{
    while (s->chunk == NULL || s->chunk_at >= s->chunk->count) {
        fly_status status = fly__sql_aside_chunk(&s->aside, &s->chunk, err);
        s->chunk_at = 0;
        if (status == FLY_E_END) {
            s->chunk = NULL;
            status = fly__sql_aside_next(&s->aside, err);
            fly__sql_groups_clear(&s->groups);
            s->frozen = false;
            if (s->count != NULL) {
                memset(s->count, 0, s->count_room * sizeof *s->count);
            }
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    const int64_t *tags = s->chunk->col[s->aside.columns].data;
    uint32_t n = 0;
    *tag = tags[s->chunk_at];
    while (s->chunk_at < s->chunk->count && tags[s->chunk_at] == *tag) {
        s->chunk_sel[n++] = (fly_vec_sel)s->chunk_at++;
    }
    s->chunk_batch = (fly_vec_batch){.count = s->chunk->count,
                                     .columns = s->aside.columns,
                                     .selected = (int32_t)n,
                                     .sel = s->chunk_sel,
                                     .col = s->chunk->col};
    *batch = &s->chunk_batch;
    return FLY_OK;
}

/* The next rows of the left side (of UNION: of both), counting those of the right on the way. */
static fly_status left_rows(setop_op *s, fly_vec_batch **in, fly_err *err)
{
    bool union_ = s->op.rel->setop.op == 'u';
    while (!s->replay) {
        fly_status status = fly__sql_op_next(s->on_right ? s->op.right : s->op.left, in, err);
        if (status == FLY_E_END && union_ && !s->on_right) {
            s->on_right = true;
            status = fly__sql_op_open(s->op.right, err);
            if (status == FLY_OK) {
                continue;
            }
        }
        if (status != FLY_E_END || (union_ && s->op.rel->setop.all)) {
            return status;
        }
        s->replay = true;
    }
    for (;;) {
        int64_t tag;
        fly_status status = replay_batch(s, in, &tag, err);
        if (status != FLY_OK || tag == 0) {
            return status;
        }
        status = count_rows(s, *in, err);
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status setop_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    setop_op *s = (setop_op *)op;
    for (;;) {
        fly_vec_batch *in;
        uint32_t m = 0;
        fly_status status = left_rows(s, &in, err);
        if (status == FLY_OK && op->rel->setop.op == 'u' && op->rel->setop.all) {
            *batch = in;
            return FLY_OK;
        }
        if (status == FLY_OK) {
            status = choose(s, in, &m, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        if (m > 0) {
            fly_vec_sel *sel = op->out.sel;
            op->out = *in;
            op->out.columns = op->rel->column_count;
            op->out.sel = sel;
            op->out.selected = (int32_t)m;
            *batch = &op->out;
            return FLY_OK;
        }
    }
}

static void setop_close(fly__sql_op *op)
{
    setop_op *s = (setop_op *)op;
    if (s->aside.parts != NULL) {
        fly__sql_aside_drop(&s->aside);
    }
    fly__sql_groups_free(&s->groups);
    fly_mem_free(&op->exec->session->query.mem, s->count, s->count_room * sizeof *s->count);
    s->count = NULL;
    s->count_room = 0;
}

fly_status fly__sql_make_setop(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                               fly_err *err)
{
    static const fly__sql_op_vt vt = {setop_open, setop_next, setop_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(setop_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->right, &(*op)->right, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    setop_op *s = (setop_op *)*op;
    if (rel->left->column_count != rel->column_count ||
        rel->right->column_count != rel->column_count) {
        return fly_err_state(err, "XX000", 0, "sides of a set operation differ in columns");
    }
    fly_sql_type *types = fly__sql_alloc(&exec->arena, rel->column_count, sizeof *types, err);
    s->parts = fly__sql_alloc(&exec->arena, rel->column_count, sizeof *s->parts, err);
    if (types == NULL || s->parts == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < rel->column_count; c++) {
        types[c] = rel->columns[c].type;
    }
    if (rel->setop.op == 'u' && rel->setop.all) {
        return FLY_OK;
    }
    status = fly__sql_aside_init(&s->aside, exec, rel->column_count, types, err);
    return status == FLY_OK ? fly__sql_groups_init(&s->groups, exec, rel->column_count,
                                                   rel->column_count, types, err)
                            : status;
}
