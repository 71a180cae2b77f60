/*
 * Scans: rows of a table through its source, over an index or not, filtered.
 *
 * Bounds of an index are expressions without columns of the scan. They are computed when the scan is
 * opened, encoded as a key, and given to the source; a scan that is opened again for every row of an
 * outer query moves to its new bounds without being made anew.
 *
 * Invariants.
 *     N1  a bound that is NULL matches nothing: the scan is empty
 */
#include "exec/op_int.h"
#include "store/index_int.h"

#include <string.h>

typedef struct scan_op {
    fly__sql_op op;
    const fly__sql_source *source;
    fly__sql_scan_spec spec;
    fly__sql_scan *scan;
    fly_txn *txn; /* that the open scan belongs to */
    fly__sql_program *filter;
    fly__sql_program *bounds; /* equals, then low, then high */
    fly_arena keys;
    fly_arena bytes; /* of the batch */
    fly_arena life;  /* of the open scan */
    fly_vec_batch in;
    bool empty;
    bool unique; /* at most one row */
    bool given;  /* it was given */
    bool frozen; /* rows were read before the statement changed the table: */
    fly__sql_kept kept;
    uint32_t kept_chunk;
} scan_op;

static fly_status add_bound(scan_op *s, fly__sql_key *key, uint32_t column, uint32_t result,
                            fly_err *err)
{
    fly_vec_value value = fly__sql_get(fly__sql_program_result(s->bounds, result), 0);
    if (value.null) {
        s->empty = true;
        return FLY_OK;
    }
    fly__sql_key_order order;
    fly_status status =
        fly__sql_index_order(s->op.exec->session, s->spec.index, (uint16_t)column, &order, err);
    return status == FLY_OK ? fly__sql_key_add(key, &order, &value, err) : status;
}

/* The range of keys: equal columns, then perhaps a range of one more. */
static fly_status make_bounds(scan_op *s, fly_err *err)
{
    const fly__sql_rel *rel = s->op.rel;
    fly__sql_inputs none = {{NULL}};
    fly__sql_key low = {.arena = &s->keys};
    fly__sql_key high = {.arena = &s->keys};
    uint32_t equal = rel->scan.equal_count;
    uint32_t at = equal;
    fly_arena_reset(&s->keys);
    s->empty = false;
    s->spec.low = s->spec.high = (fly_bytes){NULL, 0};
    s->spec.low_open = s->spec.high_open = false;
    fly_status status = fly__sql_program_run(s->bounds, &none, NULL, 1, 1, err);
    for (uint32_t i = 0; status == FLY_OK && i < equal; i++) {
        status = add_bound(s, &low, i, i, err);
        if (status == FLY_OK) {
            status = add_bound(s, &high, i, i, err);
        }
    }
    if (status == FLY_OK && rel->scan.low != NULL) {
        status = add_bound(s, &low, equal, at++, err);
        s->spec.low_open = rel->scan.low_open;
    }
    if (status == FLY_OK && rel->scan.high != NULL) {
        status = add_bound(s, &high, equal, at, err);
        s->spec.high_open = rel->scan.high_open;
    }
    s->spec.low = fly_bytes_of(low.data, low.len);
    s->spec.high = fly_bytes_of(high.data, high.len);
    return status;
}

/* In a descending column of the index the low value is the high end of keys. */
static void turn_bounds(scan_op *s)
{
    uint32_t column = s->op.rel->scan.equal_count;
    bool range = s->op.rel->scan.low != NULL || s->op.rel->scan.high != NULL;
    if (range && s->spec.index->columns[column].descending) {
        fly_bytes swap = s->spec.low;
        bool open = s->spec.low_open;
        s->spec.low = s->spec.high;
        s->spec.high = swap;
        s->spec.low_open = s->spec.high_open;
        s->spec.high_open = open;
    }
}

/* Who looks again at what others have changed wants rows as they are now. */
static bool frozen(const scan_op *s)
{
    return s->frozen && !s->op.exec->thawed;
}

static void drop_scan(scan_op *s)
{
    if (s->scan != NULL) {
        s->source->scan_close(s->scan);
        s->scan = NULL;
    }
    fly_arena_reset(&s->life);
}

static fly_status scan_open(fly__sql_op *op, fly_err *err)
{
    scan_op *s = (scan_op *)op;
    fly_status status = FLY_OK;
    s->given = false;
    if (frozen(s)) {
        s->kept_chunk = 0;
        return FLY_OK;
    }
    if (s->bounds != NULL) {
        status = make_bounds(s, err);
        if (status != FLY_OK || s->empty) {
            return status;
        }
        turn_bounds(s);
    }
    if (s->scan != NULL && s->txn == op->exec->session->txn) {
        return s->source->scan_again(s->scan, s->spec.low, s->spec.high, err);
    }
    drop_scan(s);
    s->txn = op->exec->session->txn;
    if (s->spec.index == NULL && s->spec.table->rows > 0) {
        op->exec->progress_of += (uint64_t)s->spec.table->rows;
    }
    return s->source->scan_open(s->source, s->txn, &s->spec, &s->life, &s->scan, err);
}

/* The next rows as the source has them. */
static fly_status read_rows(scan_op *s, fly_err *err)
{
    if (frozen(s)) {
        fly__sql_chunk *chunk;
        if (s->kept_chunk >= s->kept.chunk_count || s->kept.count == 0) {
            return FLY_E_END;
        }
        fly_status status = fly__sql_kept_chunk(&s->kept, s->kept_chunk++, &chunk, err);
        if (status == FLY_OK) {
            fly__sql_chunk_show(chunk, 0, chunk->count, &s->in, s->in.col);
        }
        return status;
    }
    fly_arena_reset(&s->bytes);
    fly_status status = s->source->scan_next(s->scan, &s->in, err);
    return status == FLY_OK ? fly__sql_exec_scanned(s->op.exec, s->in.count, err) : status;
}

fly_status fly__sql_scan_freeze(fly__sql_op *op, fly_err *err)
{
    scan_op *s = (scan_op *)op;
    if (s->frozen) {
        return FLY_OK;
    }
    fly_status status = FLY_OK;
    if (s->kept.exec == NULL) {
        status = fly__sql_kept_init_rel(&s->kept, op->exec, op->rel, err);
    }
    if (status == FLY_OK) {
        status = scan_open(op, err);
    }
    while (status == FLY_OK && !s->empty) {
        status = read_rows(s, err);
        if (status == FLY_OK) {
            status = fly__sql_kept_append_batch(&s->kept, &s->in, err);
        }
    }
    s->frozen = status == FLY_OK || status == FLY_E_END;
    return s->frozen ? FLY_OK : status;
}

static fly_status scan_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    scan_op *s = (scan_op *)op;
    if (s->empty) {
        return FLY_E_END;
    }
    for (;;) {
        if (s->unique && s->given && !frozen(s)) {
            return FLY_E_END;
        }
        fly_status status = read_rows(s, err);
        if (status != FLY_OK) {
            return status;
        }
        s->given = true;
        if (s->filter == NULL) {
            *batch = &s->in;
        } else {
            status = fly__sql_filter_batch(s->filter, &s->in, &op->out, err);
            *batch = &op->out;
        }
        if (status != FLY_OK || fly_vec_batch_rows(*batch) > 0) {
            return status;
        }
    }
}

static void scan_close(fly__sql_op *op)
{
    scan_op *s = (scan_op *)op;
    drop_scan(s);
    fly__sql_kept_free(&s->kept);
    s->frozen = false;
}

static fly_status make_bound_program(scan_op *s, fly_err *err)
{
    const fly__sql_rel *rel = s->op.rel;
    fly__sql_exec *exec = s->op.exec;
    fly__sql_expr *exprs[FLY__SQL_INDEX_COLUMNS_MAX + 2];
    fly__sql_ports none = {{NULL}, {0}};
    uint32_t count = 0;
    for (uint32_t i = 0; i < rel->scan.equal_count; i++) {
        exprs[count++] = rel->scan.equals[i];
    }
    if (rel->scan.low != NULL) {
        exprs[count++] = rel->scan.low;
    }
    if (rel->scan.high != NULL) {
        exprs[count++] = rel->scan.high;
    }
    if (count == 0) {
        return FLY_OK;
    }
    return fly__sql_program_values(exec, &none, exprs, count, &s->bounds, err);
}

fly_status fly__sql_make_scan(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                              fly_err *err)
{
    static const fly__sql_op_vt vt = {scan_open, scan_next, scan_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(scan_op), &vt, op, err);
    if (status != FLY_OK) {
        return status;
    }
    scan_op *s = (scan_op *)*op;
    s->source = fly__sql_source_of(exec->session, rel->scan.table);
    if (s->source == NULL) {
        return fly_err_state(err, "42809", 0, "\"%s\" cannot be read", rel->scan.table->name);
    }
    fly__sql_arena(exec, &s->keys, 256);
    /* Room for some full columns at once: each by itself would come and go with every batch. */
    bool one = rel->scan.index != NULL && rel->scan.index->unique &&
               rel->scan.equal_count == rel->scan.index->key_count;
    fly__sql_arena(exec, &s->bytes, one ? 4096 : 65536);
    fly__sql_arena(exec, &s->life, 0);
    s->spec = (fly__sql_scan_spec){.table = rel->scan.table,
                                   .index = rel->scan.index,
                                   .column_count = rel->column_count,
                                   .columns = rel->scan.attnums,
                                   .backward = rel->scan.backward,
                                   .index_only = rel->scan.index_only};
    s->unique = one;
    s->spec.limit = s->unique ? 1 : 0;
    s->in.columns = rel->column_count;
    s->in.col = (*op)->out.col;
    s->in.sel = fly_arena_alloc(&exec->arena, (FLY_VEC_CAPACITY + 8) * sizeof(fly_vec_sel));
    s->in.arena = &s->bytes;
    s->in.selected = -1;
    if (s->in.sel == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a scan");
    }
    fly__sql_ports ports = fly__sql_ports_of(rel);
    if (rel->scan.filter != NULL) {
        status = fly__sql_program_select(exec, &ports, rel->scan.filter, &s->filter, err);
    }
    return status == FLY_OK && rel->scan.index != NULL ? make_bound_program(s, err) : status;
}
