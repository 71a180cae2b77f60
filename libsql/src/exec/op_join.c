/*
 * Joins by nested loops: any kind, any condition, and LATERAL.
 *
 * For each left row the condition is evaluated over whole chunks of right rows, the left row's columns
 * being constants. The right side is kept, unless it is lateral: then its operator is opened again for
 * each left row, with the columns that it needs in the instance's cells. A lateral index scan on the
 * right makes this an index look-up join.
 *
 *     kind       a left row gives
 *     INNER      itself with each match
 *     LEFT       the same; with NULLs if there is no match
 *     SINGLE     the same as LEFT; two matches are an error
 *     SEMI       itself if there is a match
 *     ANTI       itself if there is none
 *     ANTI_NULL  itself if the condition is false for all
 *     MARK       itself and true, or NULL if the condition was NULL for one, or false
 *     RIGHT, FULL  as INNER, LEFT; in the end right rows without a match, with NULLs
 *
 * Output borrows strings of the left batch and of kept right rows, so it is given away before the next
 * left batch is pulled.
 *
 * What is not here: joins by hashing (op_hash_join.c), which this file's constructor chooses when it
 * can.
 */
#include "exec/join_int.h"

#include <string.h>

/* ----------------------------------------------------------------- output of joins */

fly_status fly__sql_join_out_init(fly__sql_join_out *out, fly__sql_op *op, const fly__sql_rel *left,
                                  const fly__sql_rel *right, fly_err *err)
{
    const fly__sql_rel *rel = op->rel;
    out->op = op;
    out->side = fly__sql_alloc(&op->exec->arena, rel->column_count, 1, err);
    out->index = fly__sql_alloc(&op->exec->arena, rel->column_count, sizeof *out->index, err);
    if (out->side == NULL || out->index == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly__sql_arena(op->exec, &out->arena, 0);
    op->out.arena = &out->arena;
    for (uint32_t c = 0; c < rel->column_count; c++) {
        fly__sql_colid id = rel->columns[c].id;
        out->side[c] = FLY__SQL_SIDE_NONE;
        for (uint32_t i = 0; i < left->column_count; i++) {
            if (left->columns[i].id == id) {
                out->side[c] = FLY__SQL_SIDE_LEFT;
                out->index[c] = i;
            }
        }
        for (uint32_t i = 0; i < right->column_count; i++) {
            if (right->columns[i].id == id) {
                out->side[c] = FLY__SQL_SIDE_RIGHT;
                out->index[c] = i;
            }
        }
        if (rel->join.join == FLY__SQL_JOIN_MARK && id == rel->join.mark) {
            out->side[c] = FLY__SQL_SIDE_MARK;
        }
        fly_status status = fly__sql_vec_make(&op->out.col[c], rel->columns[c].type,
                                              FLY_VEC_CAPACITY, &op->exec->arena, err);
        if (status != FLY_OK) {
            return status;
        }
        if (out->side[c] == FLY__SQL_SIDE_NONE) {
            return fly_err_state(err, "XX000", 0, "column %u of a join is made by nobody",
                                 (unsigned)id);
        }
    }
    return FLY_OK;
}

void fly__sql_join_out_begin(fly__sql_join_out *out)
{
    out->op->out.count = 0;
    out->op->out.selected = -1;
    fly_arena_reset(&out->arena);
}

static void put_nulls(fly_vec *v, uint32_t at, uint32_t n)
{
    fly_vec_value null;
    memset(&null, 0, sizeof null);
    null.null = true;
    for (uint32_t i = 0; i < n; i++) {
        fly_vec_put(v, at + i, &null);
    }
}

static void put_repeated(fly_vec *v, uint32_t at, const fly_vec *from, uint32_t row, uint32_t n)
{
    fly_vec_value value = fly__sql_get(from, row);
    for (uint32_t i = 0; i < n; i++) {
        fly_vec_put(v, at + i, &value);
    }
}

fly_status fly__sql_join_out_row(fly__sql_join_out *out, const fly_vec *left, uint32_t row,
                                 const fly_vec *right, const fly_vec_sel *sel, uint32_t n,
                                 bool copy, const fly_vec_value *mark, fly_err *err)
{
    fly_vec_batch *batch = &out->op->out;
    uint32_t at = batch->count;
    for (uint32_t c = 0; c < batch->columns; c++) {
        fly_vec *v = &batch->col[c];
        fly_status status = FLY_OK;
        if (out->side[c] == FLY__SQL_SIDE_MARK) {
            fly_vec_put(v, at, mark);
        } else if (out->side[c] == FLY__SQL_SIDE_LEFT) {
            if (left != NULL) {
                put_repeated(v, at, &left[out->index[c]], row, n);
            } else {
                put_nulls(v, at, n);
            }
        } else if (right != NULL) {
            status = fly__sql_vec_gather(v, at, &right[out->index[c]], sel, n,
                                         copy ? &out->arena : NULL, err);
        } else {
            put_nulls(v, at, n);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    batch->count += n;
    return FLY_OK;
}

/* ---------------------------------------------------------------------- the operator */

typedef struct loop_op {
    fly__sql_op op;
    fly__sql_join_out out;
    fly__sql_join_kind kind;
    bool lateral;
    fly__sql_program *condition; /* NULL: cross. Selects; of MARK and ANTI_NULL it computes */
    bool by_value;
    fly__sql_kept right;
    uint64_t *matched; /* RIGHT, FULL: a bit per right row */
    uint64_t matched_words;
    fly_vec *constant; /* the left row's columns as CONST vectors */
    fly_vec_value *cell;
    fly_vec_batch *left_batch;
    uint32_t left_at;
    bool row_begun, row_matched, row_unknown;
    uint32_t row_matches;
    uint32_t chunk_at;
    const fly_vec *right_col; /* the right rows at hand, */
    const fly_vec_sel *match; /* the matches among them, */
    uint32_t match_count, match_at;
    bool ended, tail;
    uint64_t tail_at;
    uint32_t need_count; /* lateral: left columns that the right side names */
    uint32_t *need;
    fly_vec_sel all[FLY_VEC_CAPACITY];
} loop_op;

static bool keeps_right(const loop_op *j)
{
    return j->kind == FLY__SQL_JOIN_RIGHT || j->kind == FLY__SQL_JOIN_FULL;
}

static void drop_matched(loop_op *j)
{
    fly_mem_free(&j->op.exec->session->query.mem, j->matched,
                 j->matched_words * sizeof *j->matched);
    j->matched = NULL;
    j->matched_words = 0;
}

static fly_status loop_open(fly__sql_op *op, fly_err *err)
{
    loop_op *j = (loop_op *)op;
    j->left_batch = NULL;
    j->row_begun = j->ended = j->tail = false;
    j->match_count = j->match_at = 0;
    fly_status status = FLY_OK;
    if (!j->lateral) {
        fly__sql_kept_clear(&j->right);
        status = fly__sql_op_open(op->right, err);
        if (status == FLY_OK) {
            status = fly__sql_kept_pull(&j->right, op->right, err);
        }
    }
    if (status == FLY_OK && keeps_right(j)) {
        drop_matched(j);
        j->matched_words = j->right.count / 64 + 1;
        j->matched =
            fly_mem_calloc(&op->exec->session->query.mem, j->matched_words, sizeof *j->matched);
        if (j->matched == NULL) {
            j->matched_words = 0;
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a join");
        }
    }
    return status == FLY_OK ? fly__sql_op_open(op->left, err) : status;
}

static uint32_t left_row(const loop_op *j)
{
    const fly_vec_batch *b = j->left_batch;
    return b->selected < 0 ? j->left_at : b->sel[j->left_at];
}

/* The next left row: its columns become constants, and cells for a lateral right side. */
static fly_status begin_row(loop_op *j, fly_err *err)
{
    uint32_t row = left_row(j);
    j->row_begun = true;
    j->row_matched = j->row_unknown = false;
    j->row_matches = 0;
    j->chunk_at = 0;
    for (uint32_t c = 0; c < j->op.rel->left->column_count; c++) {
        j->cell[c] = fly__sql_get(&j->left_batch->col[c], row);
        j->constant[c].valid = j->cell[c].null ? (uint64_t *)(uintptr_t)&fly__sql_no_bits : NULL;
    }
    if (!j->lateral) {
        return FLY_OK;
    }
    for (uint32_t i = 0; i < j->need_count; i++) {
        j->op.exec->outer[j->op.rel->left->columns[j->need[i]].id] = j->cell[j->need[i]];
    }
    return fly__sql_op_open(j->op.right, err);
}

/* More right rows for this left row: FLY_E_END. */
static fly_status right_rows(loop_op *j, const fly_vec_sel **sel, uint32_t *n, uint32_t *count,
                             fly_err *err)
{
    if (j->lateral) {
        fly_vec_batch *batch;
        fly_status status = fly__sql_op_next(j->op.right, &batch, err);
        if (status == FLY_OK) {
            j->right_col = batch->col;
            *sel = batch->selected < 0 ? NULL : batch->sel;
            *n = fly_vec_batch_rows(batch);
            *count = batch->count;
        }
        return status;
    }
    fly__sql_chunk *chunk;
    if (j->chunk_at * (uint64_t)FLY_VEC_CAPACITY >= j->right.count) {
        return FLY_E_END;
    }
    fly_status status = fly__sql_kept_chunk(&j->right, j->chunk_at++, &chunk, err);
    if (status == FLY_OK) {
        j->right_col = chunk->col;
        *sel = NULL;
        *n = *count = chunk->count;
    }
    return status;
}

/* Which of them match; of conditions by value only whether one does. */
static fly_status find_matches(loop_op *j, const fly_vec_sel *sel, uint32_t n, uint32_t count,
                               fly_err *err)
{
    fly__sql_inputs inputs = {{j->constant, j->right_col}};
    j->match_at = 0;
    j->match_count = 0;
    if (j->by_value && j->condition != NULL) {
        fly_status status = fly__sql_program_run(j->condition, &inputs, sel, n, count, err);
        for (uint32_t i = 0; status == FLY_OK && i < n && !j->row_matched; i++) {
            fly_vec_value v =
                fly__sql_get(fly__sql_program_result(j->condition, 0), sel != NULL ? sel[i] : i);
            j->row_unknown |= v.null;
            j->row_matched |= !v.null && v.b;
        }
        return status;
    }
    if (j->condition == NULL) {
        j->match = sel;
        j->match_count = n;
    } else {
        fly_status status = fly__sql_program_test(j->condition, &inputs, sel, n, count, &j->match,
                                                  &j->match_count, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    if (j->match == NULL) {
        for (uint32_t i = 0; i < j->match_count; i++) {
            j->all[i] = (fly_vec_sel)i;
        }
        j->match = j->all;
    }
    j->row_matched |= j->match_count > 0;
    j->row_matches += j->match_count;
    if (j->kind == FLY__SQL_JOIN_SINGLE && j->row_matches > 1) {
        return fly_err_state(err, "21000", 0,
                             "more than one row returned by a subquery used as an expression");
    }
    if (keeps_right(j)) {
        for (uint32_t i = 0; i < j->match_count; i++) {
            uint64_t at = (uint64_t)(j->chunk_at - 1) * FLY_VEC_CAPACITY + j->match[i];
            j->matched[at / 64] |= (uint64_t)1 << (at % 64);
        }
    }
    return FLY_OK;
}

/* Whether this kind gives pairs, and when a left row needs no more right rows. */
static bool gives_pairs(const loop_op *j)
{
    switch (j->kind) {
    case FLY__SQL_JOIN_SEMI:
    case FLY__SQL_JOIN_ANTI:
    case FLY__SQL_JOIN_ANTI_NULL:
    case FLY__SQL_JOIN_MARK:
        return false;
    default:
        return true;
    }
}

static bool decided(const loop_op *j)
{
    return !gives_pairs(j) &&
           (j->row_matched || (j->row_unknown && j->kind == FLY__SQL_JOIN_ANTI_NULL));
}

/* A left row has seen all right rows that it needs: what it gives by itself. */
static fly_status end_row(loop_op *j, fly_err *err)
{
    bool alone = false;
    fly_vec_value mark;
    memset(&mark, 0, sizeof mark);
    switch (j->kind) {
    case FLY__SQL_JOIN_LEFT:
    case FLY__SQL_JOIN_FULL:
    case FLY__SQL_JOIN_SINGLE:
    case FLY__SQL_JOIN_ANTI:
        alone = !j->row_matched;
        break;
    case FLY__SQL_JOIN_SEMI:
        alone = j->row_matched;
        break;
    case FLY__SQL_JOIN_ANTI_NULL:
        alone = !j->row_matched && !j->row_unknown;
        break;
    case FLY__SQL_JOIN_MARK:
        alone = true;
        mark.b = j->row_matched;
        mark.null = !j->row_matched && j->row_unknown;
        break;
    default:
        break;
    }
    j->row_begun = false;
    if (!alone) {
        j->left_at++;
        return FLY_OK;
    }
    fly_status status = fly__sql_join_out_row(&j->out, j->left_batch->col, left_row(j), NULL, NULL,
                                              1, false, &mark, err);
    j->left_at++;
    return status;
}

static fly_status give_matches(loop_op *j, fly_err *err)
{
    fly_vec_batch *out = &j->op.out;
    uint32_t room = j->op.exec->batch_rows - out->count;
    uint32_t n = j->match_count - j->match_at;
    n = n < room ? n : room;
    bool copy = j->lateral || j->right.spilled > 0;
    fly_status status = fly__sql_join_out_row(&j->out, j->left_batch->col, left_row(j),
                                              j->right_col, j->match + j->match_at, n, copy, NULL,
                                              err);
    j->match_at += n;
    return status;
}

/* Right rows that nobody matched. */
static fly_status give_tail(loop_op *j, fly_err *err)
{
    fly_vec_batch *out = &j->op.out;
    fly_status status = FLY_OK;
    for (; status == FLY_OK && j->tail_at < j->right.count && out->count < j->op.exec->batch_rows;
         j->tail_at++) {
        if ((j->matched[j->tail_at / 64] >> (j->tail_at % 64) & 1) != 0) {
            continue;
        }
        fly__sql_chunk *chunk;
        uint32_t at;
        status = fly__sql_kept_at(&j->right, j->tail_at, &chunk, &at, err);
        fly_vec_sel row = (fly_vec_sel)at;
        if (status == FLY_OK) {
            status = fly__sql_join_out_row(&j->out, NULL, 0, chunk->col, &row, 1,
                                           j->right.spilled > 0, NULL, err);
        }
    }
    return status;
}

/* One step: FLY_OK and on, FLY_E_AGAIN to give what there is, FLY_E_END. */
static fly_status loop_step(loop_op *j, fly_err *err)
{
    const fly_vec_sel *sel;
    uint32_t n;
    uint32_t count;
    if (j->match_at < j->match_count) {
        return give_matches(j, err);
    }
    if (j->tail) {
        fly_status status = give_tail(j, err);
        return status == FLY_OK && j->tail_at >= j->right.count ? FLY_E_END : status;
    }
    if (j->left_batch == NULL || j->left_at >= fly_vec_batch_rows(j->left_batch)) {
        if (j->op.out.count > 0) {
            return FLY_E_AGAIN;
        }
        j->left_at = 0;
        fly_status status = fly__sql_op_next(j->op.left, &j->left_batch, err);
        if (status == FLY_E_END && keeps_right(j)) {
            j->tail = true;
            j->tail_at = 0;
            return FLY_OK;
        }
        return status;
    }
    fly_status status = FLY_OK;
    if (!j->row_begun) {
        status = begin_row(j, err);
    }
    if (status == FLY_OK) {
        status = decided(j) ? FLY_E_END : right_rows(j, &sel, &n, &count, err);
    }
    if (status == FLY_E_END) {
        return end_row(j, err);
    }
    if (status == FLY_OK) {
        status = find_matches(j, sel, n, count, err);
    }
    if (status == FLY_OK && !gives_pairs(j)) {
        j->match_at = j->match_count;
    }
    return status;
}

static fly_status loop_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    loop_op *j = (loop_op *)op;
    uint32_t steps = 0;
    fly__sql_join_out_begin(&j->out);
    fly_status status = j->ended ? FLY_E_END : FLY_OK;
    while (status == FLY_OK && op->out.count < op->exec->batch_rows) {
        if ((++steps & 1023) == 0) {
            status = fly__sql_check_cancel(op->exec->session, err);
        }
        if (status == FLY_OK) {
            status = loop_step(j, err);
        }
    }
    j->ended |= status == FLY_E_END;
    if (status != FLY_OK && status != FLY_E_END && status != FLY_E_AGAIN) {
        return status;
    }
    *batch = &op->out;
    return op->out.count > 0 ? FLY_OK : FLY_E_END;
}

static void loop_close(fly__sql_op *op)
{
    loop_op *j = (loop_op *)op;
    fly__sql_kept_free(&j->right);
    drop_matched(j);
}

static fly_status lateral_columns(loop_op *j, fly_err *err)
{
    fly__sql_exec *exec = j->op.exec;
    const fly__sql_rel *left = j->op.rel->left;
    fly__sql_idset free;
    fly_status status = fly__sql_idset_init(&free, exec->outer_count, &exec->arena, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_free_in_rel(j->op.rel->right, &free);
    j->need = fly__sql_alloc(&exec->arena, left->column_count, sizeof *j->need, err);
    if (j->need == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < left->column_count; c++) {
        if (fly__sql_idset_has(&free, left->columns[c].id)) {
            exec->outer_str[left->columns[c].id] = fly__sql_type_physical(left->columns[c].type) ==
                                                   FLY_VEC_STR;
            j->need[j->need_count++] = c;
        }
    }
    j->lateral = j->need_count > 0;
    if (j->lateral && keeps_right(j)) {
        return fly_err_state(err, "42P10", 0,
                             "invalid reference to FROM-clause entry in a right or full join");
    }
    return FLY_OK;
}

static fly_status make_loop(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                            fly_err *err)
{
    static const fly__sql_op_vt vt = {loop_open, loop_next, loop_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(loop_op), &vt, op, err);
    if (status != FLY_OK) {
        return status;
    }
    loop_op *j = (loop_op *)*op;
    j->kind = rel->join.join;
    j->by_value = j->kind == FLY__SQL_JOIN_MARK || j->kind == FLY__SQL_JOIN_ANTI_NULL;
    status = lateral_columns(j, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->right, &(*op)->right, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_kept_init_rel(&j->right, exec, rel->right, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_join_out_init(&j->out, *op, rel->left, rel->right, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_ports ports = fly__sql_ports_pair(rel->left, rel->right);
    fly__sql_expr *condition = rel->join.condition;
    if (condition == NULL && rel->join.key_count > 0) {
        status = fly__sql_join_condition(exec, rel, &condition, err);
    }
    if (status == FLY_OK && condition != NULL) {
        status = j->by_value
                     ? fly__sql_program_values(exec, &ports, &condition, 1, &j->condition, err)
                     : fly__sql_program_select(exec, &ports, condition, &j->condition, err);
    }
    uint32_t columns = rel->left->column_count;
    j->constant = fly__sql_alloc(&exec->arena, columns, sizeof *j->constant, err);
    j->cell = fly__sql_alloc(&exec->arena, columns, sizeof *j->cell, err);
    if (j->constant == NULL || j->cell == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < columns; c++) {
        fly_sql_type type = rel->left->columns[c].type;
        j->constant[c] = (fly_vec){.kind = FLY_VEC_CONST,
                                   .type = (uint8_t)fly__sql_type_physical(type),
                                   .scale = type.digits > 0 ? type.scale : 0,
                                   .data = &j->cell[c].i128};
    }
    return status;
}

fly_status fly__sql_make_join(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                              fly_err *err)
{
    if (rel->join.method != 'n' && rel->join.method != 'i' && !rel->join.lateral) {
        fly_status status = fly__sql_make_hash_join(exec, rel, op, err);
        if (status != FLY_E_NOT_FOUND) {
            return status;
        }
    }
    return make_loop(exec, rel, op, err);
}
