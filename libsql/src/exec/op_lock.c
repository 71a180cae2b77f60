/*
 * FOR UPDATE, FOR SHARE: rows that pass are locked first.
 *
 * A row that somebody else has changed since it was read is read and evaluated again under READ
 * COMMITTED, as UPDATE does it; under stricter levels it is an error. The four strengths are the store's
 * modes of locks.
 */
#include "exec/change_int.h"
#include "exec/op_int.h"

#include <string.h>

typedef struct lock_op {
    fly__sql_op op;
    uint32_t *key_column;
    fly_vec_batch *in;  /* rows at hand, */
    uint32_t at;        /* the next of them */
    fly__sql_kept rest; /* the rest of the input, once it had to be evaluated again */
    uint64_t rest_at;
    bool spooled;
    fly__sql_kept one; /* a row that was evaluated again */
    fly_arena arena;
} lock_op;

static fly_status lock_open(fly__sql_op *op, fly_err *err)
{
    lock_op *l = (lock_op *)op;
    l->in = NULL;
    l->at = 0;
    l->spooled = false;
    fly__sql_kept_clear(&l->rest);
    fly__sql_kept_clear(&l->one);
    return fly__sql_op_open(op->left, err);
}

static fly_status not_available(const fly__sql_table *table, fly_err *err)
{
    return fly_err_state(err, "55P03", 0, "could not obtain lock on row in relation \"%s\"",
                         table->name);
}

/* Lock one row as it was read: FLY_E_AGAIN if it has changed since, and is locked. */
static fly_status lock_key(lock_op *l, const fly__sql_table *table, fly_bytes row_key,
                           fly_lock_mode mode, fly_err *err)
{
    fly_sql_session *session = l->op.exec->session;
    const fly__sql_source *source = fly__sql_source_of(session, table);
    fly_lock_wait wait = l->op.rel->lock.wait == 'w' ? FLY_LOCK_WAIT : FLY_LOCK_NO_WAIT;
    uint16_t *columns = fly__sql_alloc(&l->arena, table->column_count, sizeof *columns, err);
    fly_vec_value *values = fly__sql_alloc(&l->arena, table->column_count, sizeof *values, err);
    if (columns == NULL || values == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        columns[i] = (uint16_t)(i + 1);
    }
    fly_status status = source->fetch(source, session->txn, table, row_key, columns,
                                      table->column_count, &l->arena, values, err);
    /* Under stricter levels KEY SHARE does not mind a newer row, and gives the one that was seen. */
    bool any = mode == FLY_LOCK_SHARED_WEAK &&
               fly_txn_isolation(session->txn) != FLY_ISOLATION_READ_COMMITTED;
    return status == FLY_OK
               ? fly__sql_change_lock(session, table, row_key, any ? NULL : values, mode, wait, err)
               : status;
}

/* Lock the rows that a row of the input is made of. `*keep`: it is given; `*again`: one has changed. */
static fly_status lock_row(lock_op *l, const fly_vec *col, uint32_t row, bool *keep, bool *again,
                           fly_err *err)
{
    const fly__sql_rel *rel = l->op.rel;
    *keep = true;
    *again = false;
    for (uint32_t i = 0; i < rel->lock.count; i++) {
        const fly__sql_table *table = rel->lock.tables[i];
        fly_vec_value key = fly__sql_get(&col[l->key_column[i]], row);
        if (key.null || table->class != FLY__SQL_TABLE) {
            continue;
        }
        fly_arena_reset(&l->arena);
        fly_status status =
            lock_key(l, table, fly_vec_str_bytes(&key.str), rel->lock.modes[i], err);
        if (status == FLY_E_LOCKED && rel->lock.wait != 's') {
            return not_available(table, err);
        }
        if (status == FLY_E_LOCKED || status == FLY_E_NOT_FOUND) {
            *keep = false;
            return FLY_OK;
        }
        *again |= status == FLY_E_AGAIN;
        if (status != FLY_OK && status != FLY_E_AGAIN) {
            return status;
        }
    }
    return FLY_OK;
}

/* Whether two rows of the input are about the same rows of the tables. */
static bool same_keys(const lock_op *l, const fly_vec *a, uint32_t i, const fly_vec *b, uint32_t j)
{
    for (uint32_t k = 0; k < l->op.rel->lock.count; k++) {
        fly_vec_value x = fly__sql_get(&a[l->key_column[k]], i);
        fly_vec_value y = fly__sql_get(&b[l->key_column[k]], j);
        if (x.null != y.null || (!x.null && !fly_vec_str_equal(&x.str, &y.str))) {
            return false;
        }
    }
    return true;
}

/* The input as it is now, for one row of it, which is in l->one and is replaced there; `*keep` false if
 * it is not in the answer any more. What was not given yet is put aside first. */
static fly_status evaluate_again(lock_op *l, bool *keep, fly_err *err)
{
    fly_status status = FLY_OK;
    if (!l->spooled) {
        for (; status == FLY_OK && l->at < fly_vec_batch_rows(l->in); l->at++) {
            fly_vec_sel row = (fly_vec_sel)(l->in->selected < 0 ? l->at : l->in->sel[l->at]);
            status = fly__sql_kept_append(&l->rest, l->in->col, &row, 1, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_kept_pull(&l->rest, l->op.left, err);
        }
        l->spooled = true;
        l->rest_at = 0;
    }
    fly_txn_statement(l->op.exec->session->txn);
    l->op.exec->thawed = true;
    if (status == FLY_OK) {
        status = fly__sql_op_open(l->op.left, err);
    }
    *keep = false;
    while (status == FLY_OK) {
        fly_vec_batch *in;
        status = fly__sql_op_next(l->op.left, &in, err);
        for (uint32_t k = 0; status == FLY_OK && k < fly_vec_batch_rows(in); k++) {
            fly_vec_sel row = (fly_vec_sel)(in->selected < 0 ? k : in->sel[k]);
            if (same_keys(l, l->one.chunk[0]->col, 0, in->col, row)) {
                *keep = true;
                l->op.exec->thawed = false;
                fly__sql_kept_clear(&l->one);
                return fly__sql_kept_append(&l->one, in->col, &row, 1, err);
            }
        }
    }
    l->op.exec->thawed = false;
    return status == FLY_E_END ? FLY_OK : status;
}

/* The next row of the input, into l->one. */
static fly_status next_row(lock_op *l, fly_err *err)
{
    fly__sql_kept_clear(&l->one);
    if (l->spooled) {
        if (l->rest_at >= l->rest.count) {
            return FLY_E_END;
        }
        fly__sql_chunk *chunk;
        uint32_t at;
        fly_status status = fly__sql_kept_at(&l->rest, l->rest_at++, &chunk, &at, err);
        fly_vec_sel row = (fly_vec_sel)at;
        return status == FLY_OK ? fly__sql_kept_append(&l->one, chunk->col, &row, 1, err) : status;
    }
    if (l->in == NULL || l->at >= fly_vec_batch_rows(l->in)) {
        l->at = 0;
        fly_status status = fly__sql_op_next(l->op.left, &l->in, err);
        if (status != FLY_OK) {
            l->in = NULL;
            return status;
        }
    }
    fly_vec_sel row = (fly_vec_sel)(l->in->selected < 0 ? l->at : l->in->sel[l->at]);
    l->at++;
    return fly__sql_kept_append(&l->one, l->in->col, &row, 1, err);
}

/* One row at a time: a LIMIT above must not lock more than it takes. */
static fly_status lock_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    lock_op *l = (lock_op *)op;
    for (;;) {
        bool keep, again;
        fly_status status = next_row(l, err);
        if (status == FLY_OK) {
            status = lock_row(l, l->one.chunk[0]->col, 0, &keep, &again, err);
        }
        if (status == FLY_OK && keep && again) {
            status = evaluate_again(l, &keep, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        if (keep) {
            fly__sql_chunk_show(l->one.chunk[0], 0, 1, &op->out, op->out.col);
            *batch = &op->out;
            return FLY_OK;
        }
    }
}

static void lock_close(fly__sql_op *op)
{
    lock_op *l = (lock_op *)op;
    fly__sql_kept_free(&l->rest);
    fly__sql_kept_free(&l->one);
}

fly_status fly__sql_make_lock(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                              fly_err *err)
{
    static const fly__sql_op_vt vt = {lock_open, lock_next, lock_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(lock_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    lock_op *l = (lock_op *)*op;
    l->key_column = fly__sql_alloc(&exec->arena, rel->lock.count, sizeof *l->key_column, err);
    if (l->key_column == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rel->lock.count; i++) {
        uint32_t at = 0;
        while (at < rel->left->column_count && rel->left->columns[at].id != rel->lock.row_keys[i]) {
            at++;
        }
        if (at == rel->left->column_count) {
            return fly_err_state(err, "XX000", 0, "no row key of \"%s\" to lock",
                                 rel->lock.tables[i]->name);
        }
        l->key_column[i] = at;
    }
    fly__sql_arena(exec, &l->arena, 0);
    status = fly__sql_kept_init_rel(&l->rest, exec, rel->left, err);
    return status == FLY_OK ? fly__sql_kept_init_rel(&l->one, exec, rel->left, err) : status;
}
