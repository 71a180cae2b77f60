/*
 * Common table expressions: computed once, as far as somebody reads them.
 *
 * The rows of a CTE are kept, and each use reads them at its own pace; who reads beyond the end pulls
 * one more batch from the query. So `WITH RECURSIVE ... LIMIT 10` ends although the recursion would not.
 *
 * A recursive one runs in rounds. The rows of the last round are the working table, which the recursive
 * term reads; what it gives (with UNION: what was never given before) is the next round's.
 *
 *     round 0   the non-recursive term            -> rows, working table
 *     round n   the recursive term, over working  -> rows, next; then working = next, until it is empty
 *
 * A CTE whose query names columns of an outer one begins anew when WITH is opened again.
 *
 * Invariants.
 *     C1  readers hold row numbers, never pointers: rows grow under them
 */
#include "exec/op_int.h"

#include <string.h>

struct fly__sql_cte_run {
    fly__sql_cte_run *chain;
    const fly__sql_cte *cte;
    fly__sql_exec *exec;
    fly__sql_op *query;
    fly__sql_op *recursive;
    fly__sql_kept rows;
    fly__sql_kept work, next;  /* recursive: the round before, the one that grows */
    fly__sql_group_table seen; /* UNION */
    bool dedup, started, ended;
    uint64_t round;
    fly_vec_sel sel[FLY_VEC_CAPACITY + 8];
    uint64_t number[FLY_VEC_CAPACITY];
    uint8_t fresh[FLY_VEC_CAPACITY];
    const fly_vec **parts;
};

static void cte_reset(fly__sql_cte_run *run)
{
    run->started = run->ended = false;
    run->round = 0;
    fly__sql_kept_clear(&run->rows);
    fly__sql_kept_clear(&run->work);
    fly__sql_kept_clear(&run->next);
    if (run->dedup) {
        fly__sql_groups_clear(&run->seen);
    }
}

void fly__sql_ctes_close(fly__sql_exec *exec)
{
    for (fly__sql_cte_run *run = exec->ctes; run != NULL; run = run->chain) {
        run->started = run->ended = false;
        fly__sql_kept_free(&run->rows);
        fly__sql_kept_free(&run->work);
        fly__sql_kept_free(&run->next);
        fly__sql_groups_free(&run->seen);
    }
}

/* Keep a batch: all of it, or what is new. */
static fly_status keep(fly__sql_cte_run *run, const fly_vec_batch *in, fly_err *err)
{
    const fly_vec_sel *sel = in->selected < 0 ? NULL : in->sel;
    uint32_t n = fly_vec_batch_rows(in);
    fly_status status = FLY_OK;
    if (run->dedup) {
        uint32_t m = 0;
        for (uint32_t c = 0; c < run->rows.columns; c++) {
            run->parts[c] = &in->col[c];
        }
        status = fly__sql_groups_find(&run->seen, run->parts, sel, n, true, run->number, run->fresh,
                                      err);
        for (uint32_t k = 0; k < n; k++) {
            if (run->fresh[k]) {
                run->sel[m++] = sel != NULL ? sel[k] : (fly_vec_sel)k;
            }
        }
        sel = run->sel;
        n = m;
    }
    if (status == FLY_OK && n > 0) {
        status = fly__sql_kept_append(&run->rows, in->col, sel, n, err);
    }
    if (status == FLY_OK && n > 0 && run->recursive != NULL) {
        status = fly__sql_kept_append(&run->next, in->col, sel, n, err);
    }
    return status;
}

static fly_status next_round(fly__sql_cte_run *run, fly_err *err)
{
    if (run->next.count == 0) {
        run->ended = true;
        return FLY_E_END;
    }
    fly__sql_kept swap = run->work;
    run->work = run->next;
    run->next = swap;
    fly__sql_kept_clear(&run->next);
    run->round++;
    return fly__sql_op_open(run->recursive, err);
}

/* More rows: FLY_E_END when there will be none. */
static fly_status cte_pull(fly__sql_cte_run *run, fly_err *err)
{
    uint64_t before = run->rows.count;
    fly_status status = FLY_OK;
    if (!run->started) {
        run->started = true;
        status = fly__sql_op_open(run->query, err);
    }
    while (status == FLY_OK && !run->ended && run->rows.count == before) {
        fly_vec_batch *in;
        status = fly__sql_op_next(run->round == 0 ? run->query : run->recursive, &in, err);
        if (status == FLY_OK) {
            status = keep(run, in, err);
        } else if (status == FLY_E_END && run->recursive != NULL) {
            status = next_round(run, err);
        } else if (status == FLY_E_END) {
            run->ended = true;
        }
    }
    if (status == FLY_E_END || (status == FLY_OK && run->ended)) {
        return run->rows.count > before ? FLY_OK : FLY_E_END;
    }
    return status;
}

static fly__sql_cte_run *run_of(fly__sql_exec *exec, const fly__sql_cte *cte)
{
    fly__sql_cte_run *run = exec->ctes;
    while (run != NULL && run->cte != cte) {
        run = run->chain;
    }
    return run;
}

/* ------------------------------------------------------------------------------- uses */

typedef struct use_op {
    fly__sql_op op;
    fly__sql_cte_run *run;
    uint64_t at;
    uint32_t *index; /* of each column made, in the CTE */
} use_op;

static fly_status use_open(fly__sql_op *op, fly_err *err)
{
    (void)err;
    ((use_op *)op)->at = 0;
    return FLY_OK;
}

static fly_status use_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    use_op *u = (use_op *)op;
    fly__sql_kept *rows = op->rel->cte.work ? &u->run->work : &u->run->rows;
    if (u->at >= rows->count) {
        fly_status status = op->rel->cte.work || u->run->ended ? FLY_E_END : cte_pull(u->run, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    fly__sql_chunk *chunk;
    uint32_t at;
    fly_status status = fly__sql_kept_at(rows, u->at, &chunk, &at, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t n = chunk->count - at;
    n = n < op->exec->batch_rows ? n : op->exec->batch_rows;
    for (uint32_t c = 0; c < op->out.columns; c++) {
        op->out.col[c] = chunk->col[u->index[c]];
    }
    op->out.count = chunk->count;
    op->out.selected = -1;
    if (n < chunk->count) {
        for (uint32_t i = 0; i < n; i++) {
            op->out.sel[i] = (fly_vec_sel)(at + i);
        }
        op->out.selected = (int32_t)n;
    }
    u->at += n;
    *batch = &op->out;
    return FLY_OK;
}

fly_status fly__sql_make_cte(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                             fly_err *err)
{
    static const fly__sql_op_vt vt = {use_open, use_next, NULL};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(use_op), &vt, op, err);
    if (status != FLY_OK) {
        return status;
    }
    use_op *u = (use_op *)*op;
    const fly__sql_cte *cte = rel->cte.cte;
    u->run = run_of(exec, cte);
    u->index = fly__sql_alloc(&exec->arena, rel->column_count, sizeof *u->index, err);
    if (u->index == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (u->run == NULL) {
        return fly_err_state(err, "XX000", 0, "WITH query \"%s\" is not there", cte->name);
    }
    for (uint32_t c = 0; c < rel->column_count; c++) {
        u->index[c] = c;
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------------- WITH */

typedef struct with_op {
    fly__sql_op op;
    fly__sql_cte_run **runs;
    bool done;
} with_op;

static bool modifies(const fly__sql_rel *rel)
{
    while (rel != NULL && rel->kind != FLY__SQL_R_MODIFY) {
        rel = rel->left;
    }
    return rel != NULL;
}

/* Everything in a statement sees the tables as they were before it. So what the query, or a CTE that
 * changes nothing, reads of a table that another CTE changes is read first. */
typedef struct freezer {
    fly__sql_exec *exec;
    fly_status status;
    fly_err *err;
} freezer;

static void freeze(void *ctx, const fly__sql_rel *rel)
{
    freezer *f = ctx;
    fly__sql_idset named;
    bool bound_outside = rel->scan.lateral;
    for (fly__sql_op *op = f->exec->ops; op != NULL && f->status == FLY_OK; op = op->chain) {
        if (op->rel != rel) {
            continue;
        }
        f->status = fly__sql_idset_init(&named, f->exec->outer_count, &f->exec->run, f->err);
        for (uint32_t i = 0; f->status == FLY_OK && i < rel->scan.equal_count; i++) {
            fly__sql_free_in_expr(rel->scan.equals[i], &named);
        }
        if (f->status == FLY_OK && rel->scan.low != NULL) {
            fly__sql_free_in_expr(rel->scan.low, &named);
        }
        if (f->status == FLY_OK && rel->scan.high != NULL) {
            fly__sql_free_in_expr(rel->scan.high, &named);
        }
        for (fly__sql_colid i = 0; f->status == FLY_OK && i < (named.limit + 63) / 64; i++) {
            bound_outside |= named.bits[i] != 0;
        }
        /* Bounds that depend on a row of another query cannot be known yet. */
        if (f->status == FLY_OK && !bound_outside) {
            f->status = fly__sql_scan_freeze(op, f->err);
        }
    }
}

static fly_status freeze_scans(const fly__sql_op *op, fly_err *err)
{
    const fly__sql_rel *rel = op->rel;
    freezer f = {.exec = op->exec, .status = FLY_OK, .err = err};
    for (uint32_t i = 0; f.status == FLY_OK && i < rel->with.count; i++) {
        const fly__sql_rel *changes = rel->with.ctes[i]->rel;
        while (changes != NULL && changes->kind != FLY__SQL_R_MODIFY) {
            changes = changes->left;
        }
        if (changes == NULL) {
            continue;
        }
        fly__sql_each_scan(rel->left, changes->modify->table, freeze, &f);
        for (uint32_t k = 0; f.status == FLY_OK && k < rel->with.count; k++) {
            if (!modifies(rel->with.ctes[k]->rel)) {
                fly__sql_each_scan(rel->with.ctes[k]->rel, changes->modify->table, freeze, &f);
            }
        }
    }
    return f.status;
}

static fly_status with_open(fly__sql_op *op, fly_err *err)
{
    with_op *w = (with_op *)op;
    fly_status status = FLY_OK;
    w->done = false;
    for (uint32_t i = 0; i < op->rel->with.count; i++) {
        cte_reset(w->runs[i]);
    }
    status = freeze_scans(op, err);
    /* What changes data runs to its end, whoever reads it, in the order in which it was written. */
    for (uint32_t i = 0; status == FLY_OK && i < op->rel->with.count; i++) {
        if (!modifies(op->rel->with.ctes[i]->rel)) {
            continue;
        }
        uint64_t changed = op->exec->changed;
        while (status == FLY_OK) {
            status = cte_pull(w->runs[i], err);
        }
        status = status == FLY_E_END ? FLY_OK : status;
        op->exec->changed = changed;
    }
    return status == FLY_OK ? fly__sql_op_open(op->left, err) : status;
}

static fly_status with_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    return fly__sql_op_next(op->left, batch, err);
}

static fly_status make_run(fly__sql_exec *exec, const fly__sql_cte *cte, fly__sql_cte_run **made,
                           fly_err *err)
{
    fly__sql_cte_run *run = fly__sql_alloc(&exec->arena, 1, sizeof *run, err);
    fly_sql_type *types = fly__sql_alloc(&exec->arena, cte->count, sizeof *types, err);
    if (run == NULL || types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    run->cte = cte;
    run->exec = exec;
    run->chain = exec->ctes;
    exec->ctes = run;
    run->parts = fly__sql_alloc(&exec->arena, cte->count, sizeof *run->parts, err);
    run->dedup = cte->recursive != NULL && !cte->union_all;
    for (uint32_t c = 0; c < cte->count; c++) {
        types[c] = cte->columns[c].type;
    }
    fly_status status = run->parts == NULL
                            ? FLY_E_NO_MEMORY
                            : fly__sql_kept_init(&run->rows, exec, cte->count, types, err);
    if (status == FLY_OK) {
        status = fly__sql_kept_init(&run->work, exec, cte->count, types, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_kept_init(&run->next, exec, cte->count, types, err);
    }
    if (status == FLY_OK && run->dedup) {
        status = fly__sql_groups_init(&run->seen, exec, cte->count, cte->count, types, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, cte->rel, &run->query, err);
    }
    if (status == FLY_OK && cte->recursive != NULL) {
        status = fly__sql_op_create(exec, cte->recursive, &run->recursive, err);
    }
    *made = run;
    return status;
}

fly_status fly__sql_make_with(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                              fly_err *err)
{
    static const fly__sql_op_vt vt = {with_open, with_next, NULL};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(with_op), &vt, op, err);
    if (status != FLY_OK) {
        return status;
    }
    with_op *w = (with_op *)*op;
    w->runs = fly__sql_alloc(&exec->arena, rel->with.count, sizeof *w->runs, err);
    if (w->runs == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; status == FLY_OK && i < rel->with.count; i++) {
        status = make_run(exec, rel->with.ctes[i], &w->runs[i], err);
    }
    return status == FLY_OK ? fly__sql_op_create(exec, rel->left, &(*op)->left, err) : status;
}
