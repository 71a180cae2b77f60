/*
 * Instances: a plan becomes operators, is opened, gives batches, is closed, and may be opened again.
 *
 * Everything that is compiled lies in the instance's arena and stays; what a run makes lies in `run` or
 * in rows with memory of their own, and is gone at close.
 */
#include "exec/program_int.h"
#include "session/engine_int.h"

#include <string.h>

/* --------------------------------------------------------------------------- helpers */

void *fly__sql_alloc(fly_arena *arena, size_t count, size_t size, fly_err *err)
{
    size_t bytes;
    if (__builtin_mul_overflow(count > 0 ? count : 1, size, &bytes) || bytes > SIZE_MAX - 64) {
        (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
        return NULL;
    }
    uint8_t *block = fly_arena_alloc(arena, bytes + 8);
    if (block == NULL) {
        (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
        return NULL;
    }
    block += (16 - (uintptr_t)block % 16) % 16;
    memset(block, 0, bytes);
    return block;
}

void fly__sql_arena(fly__sql_exec *exec, fly_arena *arena, size_t first_chunk)
{
    fly_arena_init(arena, &exec->session->account.mem, first_chunk);
    fly__sql_arena_link *link = fly__sql_alloc(&exec->arena, 1, sizeof *link, NULL);
    if (link == NULL) {
        /* Nobody would empty it: let it refuse everything, so that the next request fails. */
        arena->mem = &exec->nothing.mem;
        return;
    }
    link->arena = arena;
    link->next = exec->arenas;
    exec->arenas = link;
}

static void empty_arenas(fly__sql_exec *exec)
{
    enum { KEPT_MAX = 1 << 18 };
    for (fly__sql_arena_link *link = exec->arenas; link != NULL; link = link->next) {
        if (link->arena->chunk_size > KEPT_MAX) {
            fly_arena_deinit(link->arena);
        } else {
            fly_arena_reset(link->arena);
        }
    }
}

bool fly__sql_over_budget_by(const fly__sql_exec *exec, uint64_t bytes)
{
    const fly_account *query = &exec->session->query;
    return query->limit > 0 && fly_load_relaxed_u64(&query->used) + bytes > query->limit * 2 / 5;
}

bool fly__sql_over_budget(const fly__sql_exec *exec)
{
    return fly__sql_over_budget_by(exec, 0);
}

fly_status fly__sql_value_copy(fly_vec_type type, const fly_vec_value *from, fly_arena *arena,
                               fly_vec_value *to, fly_err *err)
{
    *to = *from;
    if (type == FLY_VEC_STR && !from->null && from->str.len > FLY_VEC_STR_INLINE) {
        to->str.ptr = fly_arena_copy(arena, from->str.ptr, from->str.len);
        if (to->str.ptr == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a string");
        }
    }
    return FLY_OK;
}

fly_status fly__sql_not_yet(fly_err *err, uint32_t pos, const char *what)
{
    return fly_err_state(err, "0A000", pos, "%s is not supported", what);
}

/* ------------------------------------------------------------------------ operators */

static const fly__sql_op_make makers[] = {
    [FLY__SQL_R_SCAN] = fly__sql_make_scan,
    [FLY__SQL_R_VALUES] = fly__sql_make_values,
    [FLY__SQL_R_FUNCTION] = fly__sql_make_function,
    [FLY__SQL_R_FILTER] = fly__sql_make_filter,
    [FLY__SQL_R_PROJECT] = fly__sql_make_project,
    [FLY__SQL_R_UNNEST] = fly__sql_make_unnest,
    [FLY__SQL_R_JOIN] = fly__sql_make_join,
    [FLY__SQL_R_AGGREGATE] = fly__sql_make_aggregate,
    [FLY__SQL_R_WINDOW] = fly__sql_make_window,
    [FLY__SQL_R_SORT] = fly__sql_make_sort,
    [FLY__SQL_R_LIMIT] = fly__sql_make_limit,
    [FLY__SQL_R_DISTINCT] = fly__sql_make_distinct,
    [FLY__SQL_R_SETOP] = fly__sql_make_setop,
    [FLY__SQL_R_CTE] = fly__sql_make_cte,
    [FLY__SQL_R_WITH] = fly__sql_make_with,
    [FLY__SQL_R_LOCK] = fly__sql_make_lock,
    [FLY__SQL_R_MODIFY] = fly__sql_make_modify,
};

fly_status fly__sql_op_create(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                              fly_err *err)
{
    if (exec->depth >= FLY__SQL_DEPTH_MAX) {
        return fly_err_state(err, "54001", 0, "stack depth limit exceeded");
    }
    if (rel->kind >= sizeof makers / sizeof makers[0] || makers[rel->kind] == NULL) {
        return fly__sql_not_yet(err, 0, "this kind of plan");
    }
    exec->depth++;
    fly_status status = makers[rel->kind](exec, rel, op, err);
    exec->depth--;
    return status;
}

fly_status fly__sql_op_alloc(fly__sql_exec *exec, const fly__sql_rel *rel, size_t size,
                             const fly__sql_op_vt *vt, fly__sql_op **op, fly_err *err)
{
    fly__sql_op *made = fly__sql_alloc(&exec->arena, 1, size, err);
    if (made == NULL) {
        return FLY_E_NO_MEMORY;
    }
    made->vt = vt;
    made->exec = exec;
    made->rel = rel;
    made->stats.rel = rel;
    made->out.columns = rel->column_count;
    made->out.selected = -1;
    made->out.col = fly__sql_alloc(&exec->arena, rel->column_count + 1, sizeof(fly_vec), err);
    made->out.sel = fly_arena_alloc(&exec->arena, (FLY_VEC_CAPACITY + 8) * sizeof(fly_vec_sel));
    if (made->out.col == NULL || made->out.sel == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a plan");
    }
    made->chain = exec->ops;
    exec->ops = made;
    *op = made;
    return FLY_OK;
}

static uint64_t clock_ns(const fly__sql_exec *exec)
{
    return exec->session->env->sched->now(exec->session->env->sched);
}

/* Where counters stood before a call to a node that is watched. */
typedef struct mark {
    uint64_t ns, memory;
    int64_t below;
    fly_store_usage used;
} mark;

static mark mark_now(fly__sql_exec *exec)
{
    mark now = {.ns = clock_ns(exec),
                .memory = fly_load_u64(&exec->session->query.used),
                .below = exec->below,
                .used = fly_store_used(exec->watched)};
    exec->below = 0;
    return now;
}

/* What came since is the node's; of memory only what nodes below it did not take. */
static void measure(fly__sql_op *op, const mark *from)
{
    fly__sql_exec *exec = op->exec;
    fly__sql_node_stats *stats = &op->stats;
    mark now = mark_now(exec);
    int64_t grown = (int64_t)(now.memory - from->memory);
    stats->ns += now.ns - from->ns;
    stats->holds += grown - now.below;
    stats->memory = stats->holds > stats->memory ? stats->holds : stats->memory;
    stats->pages_fixed += now.used.pages_fixed - from->used.pages_fixed;
    stats->pages_missed += now.used.pages_missed - from->used.pages_missed;
    stats->log_bytes += now.used.log_bytes - from->used.log_bytes;
    exec->below = from->below + grown;
}

fly_status fly__sql_op_open(fly__sql_op *op, fly_err *err)
{
    op->stats.loops++;
    if (FLY_LIKELY(op->exec->watched == NULL)) {
        return op->vt->open(op, err);
    }
    mark from = mark_now(op->exec);
    fly_status status = op->vt->open(op, err);
    measure(op, &from);
    return status;
}

/* Whether to look if the statement is to end: somebody asked, or it has a limit of time, at which it
 * is looked at now and then. */
static bool must_look(fly__sql_exec *exec)
{
    enum { TICKS = 8 };
    return fly_load_relaxed_u32(&exec->session->cancel) != 0 ||
           (exec->session->has_deadline && exec->ticks++ % TICKS == 0);
}

static fly_status cancelled(fly__sql_exec *exec, fly_err *err)
{
    fly_status status = fly__sql_check_cancel(exec->session, err);
    return status == FLY_OK ? FLY_OK : status;
}

/*
 * Progress is counted where rows come from, because what a statement gives may be one row at its end.
 * That a scan passes rows over is no reason not to hear that it is cancelled.
 */
fly_status fly__sql_exec_scanned(fly__sql_exec *exec, uint32_t rows, fly_err *err)
{
    fly_sql_session *session = exec->session;
    if (FLY_UNLIKELY(must_look(exec))) {
        fly_status status = cancelled(exec, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    exec->progress += rows;
    if (session->progress != NULL &&
        !session->progress(session->progress_ctx, exec->progress, exec->progress_of)) {
        (void)fly_err_state(err, "57014", 0, "canceling statement due to user request");
        if (err != NULL) {
            err->status = FLY_E_CANCELLED;
        }
        return FLY_E_CANCELLED;
    }
    return FLY_OK;
}

fly_status fly__sql_op_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    fly__sql_exec *exec = op->exec;
    if (FLY_UNLIKELY(must_look(exec))) {
        fly_status status = cancelled(exec, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    if (FLY_LIKELY(exec->watched == NULL)) {
        return op->vt->next(op, batch, err);
    }
    mark from = mark_now(exec);
    fly_status status = op->vt->next(op, batch, err);
    measure(op, &from);
    if (status == FLY_OK) {
        if (op->stats.batches == 0) {
            op->stats.first_ns = op->stats.ns;
        }
        op->stats.batches++;
        op->stats.rows += fly_vec_batch_rows(*batch);
    }
    return status;
}

/* ------------------------------------------------------------------------ instances */

static fly_status exec_new(fly_sql_session *session, fly__sql_colid columns, uint32_t params,
                           fly__sql_exec **made, fly_err *err)
{
    fly__sql_exec *exec = fly_mem_calloc(&session->account.mem, 1, sizeof *exec);
    if (exec == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a plan");
    }
    exec->session = session;
    exec->isa = fly_vec_isa_best();
    exec->batch_rows = session->verify ? 7 : FLY_VEC_CAPACITY;
    fly_arena_init(&exec->arena, &session->account.mem, 0);
    fly_arena_init(&exec->run, &session->account.mem, 1024);
    fly_account_init(&exec->nothing, &session->account.mem, "nothing", 1);
    exec->outer_count = columns;
    exec->param_count = params;
    exec->outer = fly__sql_alloc(&exec->arena, columns + 1, sizeof *exec->outer, err);
    exec->outer_str = fly__sql_alloc(&exec->arena, columns + 1, sizeof(bool), err);
    exec->params = fly__sql_alloc(&exec->arena, params + 1, sizeof *exec->params, err);
    if (exec->outer == NULL || exec->outer_str == NULL || exec->params == NULL) {
        fly__sql_exec_destroy(exec);
        return FLY_E_NO_MEMORY;
    }
    *made = exec;
    return FLY_OK;
}

fly_status fly__sql_exec_create(fly_sql_session *session, const fly__sql_plan *plan,
                                fly__sql_exec **made, fly_err *err)
{
    fly__sql_exec *exec;
    fly_status status = exec_new(session, plan->next_id, plan->param_count, &exec, err);
    if (status != FLY_OK) {
        return status;
    }
    exec->plan = plan;
    exec->slice = fly_arena_alloc(&exec->arena, (FLY_VEC_CAPACITY + 8) * sizeof(fly_vec_sel));
    exec->show = fly__sql_alloc(&exec->arena, plan->column_count + 1, sizeof *exec->show, err);
    if (exec->slice == NULL || exec->show == NULL) {
        fly__sql_exec_destroy(exec);
        return FLY_E_NO_MEMORY;
    }
    status = fly__sql_op_create(exec, plan->root, &exec->root, err);
    if (status != FLY_OK) {
        fly__sql_exec_destroy(exec);
        return status;
    }
    /* The columns of the result are the root's, in whatever order. */
    exec->shown = fly_arena_alloc(&exec->arena, (plan->column_count + 1) * sizeof *exec->shown);
    if (exec->shown == NULL) {
        fly__sql_exec_destroy(exec);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a plan");
    }
    exec->same_order = plan->column_count == plan->root->column_count;
    for (uint32_t i = 0; i < plan->column_count; i++) {
        uint32_t at = 0;
        while (at < plan->root->column_count && plan->root->columns[at].id != plan->columns[i].id) {
            at++;
        }
        if (at == plan->root->column_count) {
            fly__sql_exec_destroy(exec);
            return fly_err_state(err, "XX000", 0, "column %u of the result is made by nobody",
                                 (unsigned)plan->columns[i].id);
        }
        exec->shown[i] = at;
        exec->same_order &= at == i;
    }
    *made = exec;
    return FLY_OK;
}

void fly__sql_exec_destroy(fly__sql_exec *exec)
{
    if (exec == NULL) {
        return;
    }
    fly__sql_exec_close(exec);
    if (exec->watched != NULL) {
        fly_store_watch(exec->watched, false);
    }
    for (fly__sql_program *p = exec->programs; p != NULL; p = p->chain) {
        fly__sql_program_deinit(p);
    }
    fly__sql_subs_deinit(exec);
    for (fly__sql_arena_link *link = exec->arenas; link != NULL; link = link->next) {
        fly_arena_deinit(link->arena);
    }
    fly_arena_deinit(&exec->run);
    fly_arena_deinit(&exec->arena);
    fly_mem_free(&exec->session->account.mem, exec, sizeof *exec);
}

fly_status fly__sql_exec_open(fly__sql_exec *exec, const fly_vec_value *params, fly_err *err)
{
    fly__sql_exec_close(exec);
    exec->run_number++;
    exec->changed = 0;
    exec->progress = 0;
    exec->progress_of = 0;
    exec->pending = NULL;
    exec->thawed = false;
    exec->opened = true;
    for (uint32_t i = 0; i < exec->param_count; i++) {
        fly_status status = fly__sql_value_copy(fly__sql_type_physical(exec->plan->params[i]),
                                                &params[i], &exec->run, &exec->params[i], err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return fly__sql_op_open(exec->root, err);
}

/* Show a part of a batch: rows `at` to `at + n - 1` of those selected. */
static void show_part(fly__sql_exec *exec, uint32_t at, uint32_t n)
{
    const fly_vec_batch *whole = exec->pending;
    exec->part = *whole;
    exec->part.sel = exec->slice;
    for (uint32_t i = 0; i < n; i++) {
        exec->slice[i] = whole->selected < 0 ? (fly_vec_sel)(at + i) : whole->sel[at + i];
    }
    exec->part.selected = (int32_t)n;
}

static fly_status next_batch(fly__sql_exec *exec, fly_err *err)
{
    fly_vec_batch *batch;
    fly_status status = fly__sql_op_next(exec->root, &batch, err);
    if (status != FLY_OK) {
        return status;
    }
    exec->pending = batch;
    exec->pending_at = 0;
    if (!exec->same_order) {
        exec->whole = *batch;
        exec->whole.columns = exec->plan->column_count;
        exec->whole.col = exec->show;
        for (uint32_t i = 0; i < exec->plan->column_count; i++) {
            exec->show[i] = batch->col[exec->shown[i]];
        }
        exec->pending = &exec->whole;
    }
    return FLY_OK;
}

fly_status fly__sql_exec_next(fly__sql_exec *exec, uint64_t limit, fly_vec_batch **batch,
                              fly_err *err)
{
    if (exec->pending == NULL || exec->pending_at >= fly_vec_batch_rows(exec->pending)) {
        exec->pending = NULL;
        fly_status status = next_batch(exec, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    uint32_t rows = fly_vec_batch_rows(exec->pending);
    if (exec->pending_at == 0 && (limit == 0 || rows <= limit)) {
        exec->part = *exec->pending;
        exec->pending = NULL;
        *batch = &exec->part;
        return FLY_OK;
    }
    uint32_t left = rows - exec->pending_at;
    uint32_t n = limit > 0 && limit < left ? (uint32_t)limit : left;
    show_part(exec, exec->pending_at, n);
    exec->pending_at += n;
    *batch = &exec->part;
    return FLY_OK;
}

void fly__sql_exec_close(fly__sql_exec *exec)
{
    if (!exec->opened) {
        return;
    }
    for (fly__sql_op *op = exec->ops; op != NULL; op = op->chain) {
        if (op->vt->close != NULL) {
            op->vt->close(op);
        }
    }
    fly__sql_subs_close(exec);
    fly__sql_ctes_close(exec);
    fly__sql_spill_close(exec);
    empty_arenas(exec);
    fly_arena_reset(&exec->run);
    exec->pending = NULL;
    exec->opened = false;
}

const fly__sql_rel *fly__sql_exec_feeds(const fly__sql_exec *exec)
{
    return fly__sql_modify_input(exec->root);
}

fly_status fly__sql_exec_feed(fly__sql_exec *exec, const fly_vec *col, uint32_t n, fly_err *err)
{
    return fly__sql_modify_feed(exec->root, col, n, err);
}

fly_status fly__sql_exec_fed(fly__sql_exec *exec, fly_err *err)
{
    return fly__sql_modify_fed(exec->root, err);
}

fly_status fly__sql_exec_feed_where(fly__sql_exec *exec, const fly__sql_table *table,
                                    const char *condition, fly_err *err)
{
    return fly__sql_modify_feed_where(exec->root, table, condition, err);
}

uint32_t fly__sql_exec_fed_row(const fly__sql_exec *exec)
{
    return fly__sql_modify_fed_row(exec->root);
}

void fly__sql_exec_batch_rows(fly__sql_exec *exec, uint32_t rows)
{
    FLY_ASSERT(rows >= 1 && rows <= FLY_VEC_CAPACITY);
    exec->batch_rows = rows;
}

uint64_t fly__sql_exec_changed(const fly__sql_exec *exec)
{
    return exec->changed;
}

/* ---------------------------------------------------------------------- statistics */

void fly__sql_exec_watch(fly__sql_exec *exec)
{
    if (exec->watched == NULL) {
        exec->watched = exec->session->database->store;
        fly_store_watch(exec->watched, true);
    }
}

const fly__sql_node_stats *fly__sql_exec_stats(const fly__sql_exec *exec, size_t *count)
{
    /* The instance is the caller's alone, so that the list may be made on demand. */
    fly__sql_exec *mine = (fly__sql_exec *)(uintptr_t)exec;
    size_t n = 0;
    for (const fly__sql_op *op = exec->ops; op != NULL; op = op->chain) {
        n++;
    }
    if (mine->stats == NULL) {
        mine->stats = fly__sql_alloc(&mine->arena, n, sizeof *mine->stats, NULL);
    }
    *count = 0;
    if (mine->stats == NULL) {
        return NULL;
    }
    for (const fly__sql_op *op = exec->ops; op != NULL; op = op->chain) {
        mine->stats[(*count)++] = op->stats;
    }
    return mine->stats;
}

/* ------------------------------------------------------------- single expressions */

struct fly__sql_eval {
    fly__sql_exec *exec;
    fly__sql_program *program;
    fly__sql_colref *refs;
    fly_vec *col;
    uint32_t count;
    fly_vec_type type;
};

static fly__sql_colid highest(const fly__sql_expr *expr, const fly__sql_colid *columns,
                              uint32_t count)
{
    fly__sql_colid most = fly__sql_highest_id(expr);
    for (uint32_t i = 0; i < count; i++) {
        most = columns[i] > most ? columns[i] : most;
    }
    return most;
}

static fly_status eval_compile(fly__sql_eval *eval, const fly__sql_expr *expr,
                               const fly__sql_colid *columns, const fly_sql_type *types,
                               fly_err *err)
{
    fly__sql_exec *exec = eval->exec;
    eval->refs = fly__sql_alloc(&exec->arena, eval->count, sizeof *eval->refs, err);
    eval->col = fly__sql_alloc(&exec->arena, eval->count, sizeof *eval->col, err);
    if (eval->refs == NULL || eval->col == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < eval->count; i++) {
        eval->refs[i].id = columns[i];
        eval->refs[i].type = types[i];
        fly_status status = fly__sql_vec_make(&eval->col[i], types[i], 1, &exec->arena, err);
        if (status != FLY_OK) {
            return status;
        }
        eval->col[i].kind = FLY_VEC_CONST;
    }
    fly__sql_ports ports = {{eval->refs}, {eval->count}};
    fly__sql_expr *exprs[1] = {(fly__sql_expr *)(uintptr_t)expr};
    eval->type = fly__sql_type_physical(expr->type);
    return fly__sql_program_values(exec, &ports, exprs, 1, &eval->program, err);
}

fly_status fly__sql_eval_create(fly_sql_session *session, const fly__sql_expr *expr,
                                const fly__sql_colid *columns, const fly_sql_type *types,
                                uint32_t count, fly_arena *arena, fly__sql_eval **made,
                                fly_err *err)
{
    fly__sql_exec *exec;
    fly__sql_eval *eval = fly__sql_alloc(arena, 1, sizeof *eval, err);
    if (eval == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly_status status = exec_new(session, highest(expr, columns, count) + 1,
                                 fly__sql_param_limit(expr), &exec, err);
    if (status != FLY_OK) {
        return status;
    }
    eval->exec = exec;
    eval->count = count;
    status = eval_compile(eval, expr, columns, types, err);
    if (status != FLY_OK) {
        fly__sql_exec_destroy(exec);
        return status;
    }
    *made = eval;
    return FLY_OK;
}

fly_status fly__sql_eval_run(fly__sql_eval *eval, const fly_vec_value *columns,
                             const fly_vec_value *params, fly_arena *arena, fly_vec_value *result,
                             fly_err *err)
{
    fly__sql_exec *exec = eval->exec;
    fly__sql_exec_close(exec);
    exec->run_number++;
    exec->opened = true;
    for (uint32_t i = 0; i < exec->param_count; i++) {
        exec->params[i] = params[i];
    }
    for (uint32_t i = 0; i < eval->count; i++) {
        eval->col[i].kind = FLY_VEC_FLAT;
        fly_vec_put(&eval->col[i], 0, &columns[i]);
        eval->col[i].kind = FLY_VEC_CONST;
    }
    fly__sql_inputs inputs = {{eval->col}};
    fly_status status = fly__sql_program_run(eval->program, &inputs, NULL, 1, 1, err);
    if (status == FLY_OK) {
        fly_vec_value value = fly__sql_get(fly__sql_program_result(eval->program, 0), 0);
        status = fly__sql_value_copy(eval->type, &value, arena, result, err);
    }
    return status;
}

void fly__sql_eval_destroy(fly__sql_eval *eval)
{
    if (eval != NULL) {
        fly__sql_exec_destroy(eval->exec);
    }
}
