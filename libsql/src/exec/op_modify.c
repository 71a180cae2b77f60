/*
 * INSERT, UPDATE, DELETE, MERGE.
 *
 * The input makes rows; what is assigned is computed over batches of them. Then each row is worked on by
 * itself, for each may meet triggers, conflicts and other transactions: the new row stands in the
 * instance's cells under the ids in `fresh`, the old one under those in `old`, and what remains
 * (generated columns, checks, RETURNING, DO UPDATE SET) are programs over these cells.
 *
 * A statement must not see its own changes. So the input is read to its end before anything is changed,
 * unless it reads nothing that changes, or one row at most: then it streams.
 *
 * READ COMMITTED. Before a row is changed it is locked, unless it can be changed at once on the condition
 * that it is what was read. If somebody else has changed it since it was
 * read, the input is evaluated again, by what is committed now, and only the row with that key counts:
 * what the filter still lets through is changed on top of the other's change.
 * @source PostgreSQL 15, src/backend/executor/README, "EvalPlanQual (READ COMMITTED Update Checking)".
 * Deliberate difference: the whole input is evaluated again, other tables included.
 *
 * Invariants.
 *     M1  a row is changed by a statement once: a second time is skipped by UPDATE and DELETE, and is an
 *         error of MERGE and ON CONFLICT
 *     M2  rows of RETURNING are given when the statement has done everything else
 */
#include "exec/change_int.h"
#include "exec/program_int.h"
#include "session/program_int.h"
#include "store/load_int.h"

#include <fly/base_hash.h>

#include <string.h>

typedef struct modify_op {
    fly__sql_op op;
    const fly__sql_modify *m;
    const fly__sql_table *table;
    const fly__sql_source *source;
    fly__sql_change change;
    bool change_ready;
    fly__sql_program *assigns;                                           /* over the input */
    fly__sql_program *generated, *checks, *sets, *set_where, *returning; /* over cells */
    fly__sql_program **conditions, **actions;                            /* MERGE */
    fly__sql_kept input;
    bool materialize;
    uint32_t key_column;  /* of the input */
    uint32_t *old_column; /* of the input, by position in the table; UINT32_MAX: none */
    uint32_t *need;       /* input columns that per-row programs name */
    uint32_t need_count;
    bool track; /* remember the keys of rows that were changed */
    fly__sql_hashes touched;
    fly_vec_value *old_values, *values;
    fly_arena row_arena; /* of a row read again */
    bool *updated;       /* columns that UPDATE, DO UPDATE or MERGE sets */
    bool stale;          /* `assigns` has run over another batch */
    uint64_t views;      /* fly_txn_views() when the input was opened */
    fly__sql_kept results;
    bool done;
    uint64_t given;
    /* COPY gives the rows itself. */
    bool feeding;
    fly__sql_load *load; /* NULL: they are inserted one by one */
    uint32_t fed_row;    /* of the batch: the one that is worked on */
    const char *where;   /* which of them are wanted; NULL: all */
} modify_op;

static fly__sql_exec *exec_of(const modify_op *o)
{
    return o->op.exec;
}

static uint8_t event_of(fly__sql_command command)
{
    switch (command) {
    case FLY__SQL_INSERT:
        return FLY__SQL_ON_INSERT;
    case FLY__SQL_UPDATE:
        return FLY__SQL_ON_UPDATE;
    case FLY__SQL_DELETE:
        return FLY__SQL_ON_DELETE;
    default:
        return FLY__SQL_ON_INSERT | FLY__SQL_ON_UPDATE | FLY__SQL_ON_DELETE;
    }
}

/* ------------------------------------------------------------------------------- cells */

static void put_cells(modify_op *o, const fly__sql_colid *ids, const fly_vec_value *values)
{
    if (ids == NULL) {
        return;
    }
    for (uint16_t i = 0; i < o->table->column_count; i++) {
        if (ids[i] != 0) {
            exec_of(o)->outer[ids[i]] = values[i];
        }
    }
}

static fly_status run_cells(fly__sql_program *program, fly_err *err)
{
    fly__sql_inputs none = {{NULL}};
    return fly__sql_program_run(program, &none, NULL, 1, 1, err);
}

static fly_vec_value result(const fly__sql_program *program, uint32_t i)
{
    return fly__sql_get(fly__sql_program_result(program, i), 0);
}

static void set_values(const fly__sql_program *program, const fly__sql_assign *assigns,
                       uint32_t count, uint32_t row, fly_vec_value *values)
{
    for (uint32_t i = 0; i < count; i++) {
        values[assigns[i].column - 1] = fly__sql_get(fly__sql_program_result(program, i), row);
    }
}

/* -------------------------------------------------------------------------------- rules */

static fly_status violated(modify_op *o, uint32_t i, const fly_vec_value *values, fly_err *err)
{
    const fly__sql_modify *m = o->m;
    fly_status status;
    switch (m->check_kinds[i]) {
    case 'v':
        status = fly_err_state(err, "44000", 0, "new row violates check option for view \"%s\"",
                               m->check_names[i]);
        break;
    case 'p':
        return fly_err_state(err, "42501", 0,
                             "new row violates row-level security policy for table \"%s\"",
                             o->table->name);
    case 'd':
        return fly_err_state(err, "23514", 0, "value for domain violates check constraint \"%s\"",
                             m->check_names[i]);
    default:
        status = fly_err_state(err, "23514", 0,
                               "new row for relation \"%s\" violates check constraint \"%s\"",
                               o->table->name, m->check_names[i]);
        break;
    }
    fly__sql_failing_row(exec_of(o)->session, o->table, values, &o->change.arena, err);
    return status;
}

/* Generate, then check: what a row must go through after BEFORE triggers. */
static fly_status obey_rules(void *ctx, fly_vec_value *values, fly_err *err)
{
    modify_op *o = ctx;
    const fly__sql_modify *m = o->m;
    fly_status status = FLY_OK;
    if (m->generated_count > 0 || m->check_count > 0) {
        put_cells(o, m->fresh, values);
    }
    if (m->generated_count > 0) {
        status = run_cells(o->generated, err);
        if (status == FLY_OK) {
            set_values(o->generated, m->generated, m->generated_count, 0, values);
            put_cells(o, m->fresh, values);
        }
    }
    if (status == FLY_OK) {
        status =
            fly__sql_change_not_null(exec_of(o)->session, o->table, values, &o->change.arena, err);
    }
    if (status == FLY_OK && m->check_count > 0) {
        status = run_cells(o->checks, err);
        for (uint32_t i = 0; status == FLY_OK && i < m->check_count; i++) {
            fly_vec_value holds = result(o->checks, i);
            bool policy = m->check_kinds[i] == 'v' || m->check_kinds[i] == 'p';
            if (holds.null ? policy : !holds.b) {
                status = violated(o, i, values, err);
            }
        }
    }
    return status;
}

static fly_status give_row(modify_op *o, const fly_vec_value *fresh, const fly_vec_value *old,
                           fly_err *err)
{
    const fly__sql_modify *m = o->m;
    exec_of(o)->changed++;
    if (m->returning_count == 0) {
        return FLY_OK;
    }
    if (fresh != NULL) {
        put_cells(o, m->fresh, fresh);
    }
    if (old != NULL) {
        put_cells(o, m->old, old);
    }
    fly_status status = run_cells(o->returning, err);
    const fly_vec *columns[FLY__SQL_GROUPS_MAX];
    for (uint32_t i = 0; i < m->returning_count; i++) {
        columns[i] = fly__sql_program_result(o->returning, i);
    }
    return status == FLY_OK ? fly__sql_kept_append_parts(&o->results, columns, NULL, 1, err)
                            : status;
}

/* --------------------------------------------------------------------- once per statement */

/* Whether a row was changed before; remembers it. The hash stands for the key: 64 bits of it. */
static fly_status touch(modify_op *o, fly_bytes row_key, bool *before, fly_err *err)
{
    *before = false;
    if (!o->track) {
        return FLY_OK;
    }
    uint64_t hash = fly_hash(row_key.data, row_key.len, 0);
    uint64_t second = fly_hash(row_key.data, row_key.len, 1);
    fly_status status = fly__sql_hashes_reserve(&o->touched, 1, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t at = fly__sql_hashes_start(&o->touched, hash);
    for (; o->touched.slot[at].hash != 0; at = (at + 1) & o->touched.mask) {
        if (o->touched.slot[at].hash == (hash | 1) && o->touched.slot[at].number == second) {
            *before = true;
            return FLY_OK;
        }
    }
    fly__sql_hashes_add(&o->touched, hash, second);
    return FLY_OK;
}

/* ------------------------------------------------------------------------------- INSERT */

static fly_status fetch_row(modify_op *o, fly_bytes row_key, fly_vec_value *values, fly_err *err)
{
    uint16_t columns[FLY__SQL_COLUMNS_MAX];
    for (uint16_t i = 0; i < o->table->column_count; i++) {
        columns[i] = (uint16_t)(i + 1);
    }
    return o->source->fetch(o->source, exec_of(o)->session->txn, o->table, row_key, columns,
                            o->table->column_count, &o->row_arena, values, err);
}

static fly_status second_time(const char *command, fly_err *err)
{
    fly_status status =
        fly_err_state(err, "21000", 0, "%s command cannot affect row a second time", command);
    fly_err_hint(err, "Ensure that no rows proposed for insertion within the same command have "
                      "duplicate constrained values.");
    return status;
}

/* DO UPDATE: the row that is there is changed, as if UPDATE had found it. FLY_E_AGAIN: it has gone. */
static fly_status update_conflicting(modify_op *o, fly_bytes row_key, const fly_vec_value *excluded,
                                     fly_err *err)
{
    const fly__sql_modify *m = o->m;
    bool before, skipped;
    fly_vec_value *old = o->old_values;
    fly_status status = touch(o, row_key, &before, err);
    if (status == FLY_OK && before) {
        return second_time("ON CONFLICT DO UPDATE", err);
    }
    if (status == FLY_OK) {
        status = fly__sql_change_lock(exec_of(o)->session, o->table, row_key, NULL,
                                      FLY_LOCK_EXCLUSIVE_WEAK, FLY_LOCK_WAIT, err);
    }
    if (status == FLY_OK) {
        status = fetch_row(o, row_key, old, err);
    }
    if (status != FLY_OK) {
        return status == FLY_E_NOT_FOUND ? FLY_E_AGAIN : status;
    }
    put_cells(o, m->old, old);
    put_cells(o, m->fresh, excluded);
    if (m->set_where != NULL) {
        status = run_cells(o->set_where, err);
        fly_vec_value holds = status == FLY_OK ? result(o->set_where, 0) : (fly_vec_value){0};
        if (status != FLY_OK || holds.null || !holds.b) {
            return status;
        }
    }
    status = run_cells(o->sets, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_vec_value *values =
        fly__sql_alloc(&o->change.arena, o->table->column_count, sizeof *values, err);
    if (values == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(values, old, o->table->column_count * sizeof *values);
    set_values(o->sets, m->sets, m->set_count, 0, values);
    status = fly__sql_change_update(&o->change, o->table, row_key, old, values, obey_rules, o,
                                    &skipped, err);
    return status == FLY_OK && !skipped ? give_row(o, values, old, err) : status;
}

static fly_status insert_or(modify_op *o, fly_vec_value *values, fly_err *err)
{
    bool skipped, before;
    fly_bytes row_key;
    fly_status status = fly__sql_change_before(&o->change, o->table, FLY__SQL_ON_INSERT, NULL,
                                               values, &skipped, err);
    if (status != FLY_OK || skipped) {
        return status;
    }
    /* DO NOTHING needs it to stay; what else DO UPDATE needs, changing it will lock. */
    fly_lock_mode mode = o->m->on_conflict == 'n' ? FLY_LOCK_SHARED_WEAK : FLY_LOCK_EXCLUSIVE_WEAK;
    status = obey_rules(o, values, err);
    /* Somebody may put a row there, or take it away, between looking and doing: try again. */
    for (int tries = 0; status == FLY_OK && tries < 100; tries++) {
        status = fly__sql_change_story(exec_of(o)->session,
                                       o->source->conflict(o->source, exec_of(o)->session->txn,
                                                           o->table, o->m->arbiter, values, mode,
                                                           &o->change.arena, &row_key, err),
                                       err);
        if (status == FLY_OK && o->m->on_conflict == 'n') {
            return FLY_OK;
        }
        if (status == FLY_OK) {
            status = update_conflicting(o, row_key, values, err);
            if (status != FLY_E_AGAIN) {
                return status;
            }
            status = FLY_OK;
            continue;
        }
        if (status != FLY_E_NOT_FOUND) {
            return status;
        }
        status = fly__sql_change_inserted(&o->change, o->table, values, &row_key, err);
        if (status == FLY_OK) {
            status = touch(o, row_key, &before, err);
        }
        return status == FLY_OK ? give_row(o, values, NULL, err) : status;
    }
    return status != FLY_OK ? status
                            : fly_err_state(err, "40001", 0,
                                            "could not serialize access due to concurrent update");
}

static fly_status insert_row(modify_op *o, fly_vec_value *values, fly_err *err)
{
    bool skipped;
    fly_bytes row_key;
    if (o->m->on_conflict == 'n' || o->m->on_conflict == 'u') {
        return insert_or(o, values, err);
    }
    fly_status status = fly__sql_change_insert(&o->change, o->table, values, obey_rules, o,
                                               &row_key, &skipped, err);
    return status == FLY_OK && !skipped ? give_row(o, values, NULL, err) : status;
}

/* ------------------------------------------------------------------------ UPDATE, DELETE */

/* A position in a batch, wherever it lies. */
typedef struct place {
    const fly_vec *col;
    uint32_t row;
    uint32_t count;
} place;

static void read_old(modify_op *o, place at, fly_vec_value *values)
{
    for (uint16_t i = 0; i < o->table->column_count; i++) {
        if (o->old_column[i] != UINT32_MAX) {
            values[i] = fly__sql_get(&at.col[o->old_column[i]], at.row);
        } else {
            memset(&values[i], 0, sizeof values[i]);
            values[i].null = true;
        }
    }
}

static void put_needed(modify_op *o, place at)
{
    const fly__sql_rel *left = o->op.rel->left;
    for (uint32_t i = 0; i < o->need_count; i++) {
        exec_of(o)->outer[left->columns[o->need[i]].id] = fly__sql_get(&at.col[o->need[i]], at.row);
    }
}

static fly_status update_one(modify_op *o, fly__sql_program *program,
                             const fly__sql_assign *assigns, uint32_t count, uint32_t row,
                             fly_bytes row_key, fly_err *err)
{
    bool skipped;
    memcpy(o->values, o->old_values, o->table->column_count * sizeof *o->values);
    set_values(program, assigns, count, row, o->values);
    fly_status status = fly__sql_change_update(&o->change, o->table, row_key, o->old_values,
                                               o->values, obey_rules, o, &skipped, err);
    return status == FLY_OK && !skipped ? give_row(o, o->values, o->old_values, err) : status;
}

static fly_status delete_one(modify_op *o, fly_bytes row_key, fly_err *err)
{
    bool skipped;
    fly_status status =
        fly__sql_change_delete(&o->change, o->table, row_key, o->old_values, &skipped, err);
    return status == FLY_OK && !skipped ? give_row(o, NULL, o->old_values, err) : status;
}

/* MERGE: the first action of the right kind whose condition holds. */
static fly_status merge_one(modify_op *o, bool matched, fly_bytes row_key, fly_err *err)
{
    const fly__sql_modify *m = o->m;
    for (uint32_t i = 0; i < m->action_count; i++) {
        const fly__sql_merge_action *action = &m->actions[i];
        if (action->matched != matched) {
            continue;
        }
        if (action->condition != NULL) {
            fly_status status = run_cells(o->conditions[i], err);
            if (status != FLY_OK) {
                return status;
            }
            fly_vec_value holds = result(o->conditions[i], 0);
            if (holds.null || !holds.b) {
                continue;
            }
        }
        if (action->nothing) {
            return FLY_OK;
        }
        if (action->command == FLY__SQL_DELETE) {
            return delete_one(o, row_key, err);
        }
        fly_status status = run_cells(o->actions[i], err);
        if (status != FLY_OK) {
            return status;
        }
        if (action->command == FLY__SQL_UPDATE) {
            return update_one(o, o->actions[i], action->assigns, action->assign_count, 0, row_key,
                              err);
        }
        for (uint16_t c = 0; c < o->table->column_count; c++) {
            memset(&o->values[c], 0, sizeof o->values[c]);
            o->values[c].null = true;
        }
        set_values(o->actions[i], action->assigns, action->assign_count, 0, o->values);
        return insert_row(o, o->values, err);
    }
    return FLY_OK;
}

static fly_status change_one(modify_op *o, place at, fly_bytes row_key, fly_err *err)
{
    put_needed(o, at);
    switch (o->m->command) {
    case FLY__SQL_UPDATE:
        return update_one(o, o->assigns, o->m->assigns, o->m->assign_count, at.row, row_key, err);
    case FLY__SQL_DELETE:
        return delete_one(o, row_key, err);
    default:
        return merge_one(o, true, row_key, err);
    }
}

/* Somebody has changed the row since it was read: what does the statement say now? The key is the
 * caller's copy, for the input's memory is used again. */
static fly_status evaluate_again(modify_op *o, fly_bytes row_key, fly_err *err)
{
    fly_sql_session *session = exec_of(o)->session;
    o->stale = true;
    fly_txn_statement(session->txn);
    fly_status status = fly__sql_op_open(o->op.left, err);
    while (status == FLY_OK) {
        fly_vec_batch *in;
        status = fly__sql_op_next(o->op.left, &in, err);
        for (uint32_t k = 0; status == FLY_OK && k < fly_vec_batch_rows(in); k++) {
            place at = {in->col, in->selected < 0 ? k : in->sel[k], in->count};
            fly_vec_value key = fly__sql_get(&in->col[o->key_column], at.row);
            if (key.null || !fly_bytes_equal(fly_vec_str_bytes(&key.str), row_key)) {
                continue;
            }
            fly_vec_sel one = (fly_vec_sel)at.row;
            fly__sql_inputs inputs = {{in->col}};
            if (o->assigns != NULL) {
                status = fly__sql_program_run(o->assigns, &inputs, &one, 1, in->count, err);
            }
            if (status == FLY_OK) {
                read_old(o, at, o->old_values);
                status = change_one(o, at, row_key, err);
            }
            return status;
        }
    }
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status change_again(modify_op *o, fly_bytes row_key, fly_err *err)
{
    exec_of(o)->thawed = true;
    fly_status status = evaluate_again(o, row_key, err);
    exec_of(o)->thawed = false;
    return status;
}

/* Without triggers nothing happens between reading a row and changing it, so it need not be locked first:
 * nearly always it is still what it was. FLY_E_AGAIN: it is not, or nobody knows. */
static fly_status change_seen(modify_op *o, place at, fly_bytes row_key, fly_err *err)
{
    if (o->m->command == FLY__SQL_MERGE || o->table->trigger_count > 0 ||
        fly_txn_views(exec_of(o)->session->txn) != o->views) {
        return FLY_E_AGAIN;
    }
    o->change.seen = true;
    fly_status status = change_one(o, at, row_key, err);
    o->change.seen = false;
    return status;
}

static fly_status target_row(modify_op *o, place at, fly_err *err)
{
    bool before;
    fly_vec_value key = fly__sql_get(&at.col[o->key_column], at.row);
    if (key.null) {
        put_needed(o, at);
        return merge_one(o, false, (fly_bytes){NULL, 0}, err);
    }
    fly_bytes row_key = fly_vec_str_bytes(&key.str);
    fly_status status = touch(o, row_key, &before, err);
    if (status == FLY_OK && before) {
        return o->m->command == FLY__SQL_MERGE ? second_time("MERGE", err) : FLY_OK;
    }
    read_old(o, at, o->old_values);
    if (status == FLY_OK) {
        status = change_seen(o, at, row_key, err);
        if (status != FLY_E_AGAIN) {
            return status;
        }
        /* An update that changes keys makes the lock strong. */
        fly_lock_mode mode = o->m->command == FLY__SQL_DELETE ? FLY_LOCK_EXCLUSIVE
                                                              : FLY_LOCK_EXCLUSIVE_WEAK;
        status = fly__sql_change_lock(exec_of(o)->session, o->table, row_key, o->old_values, mode,
                                      FLY_LOCK_WAIT, err);
    }
    if (status == FLY_E_NOT_FOUND) {
        return FLY_OK;
    }
    if (status == FLY_E_AGAIN) {
        uint8_t *copy = fly_arena_copy(&o->change.arena, row_key.data, row_key.len);
        if (copy == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a row");
        }
        return change_again(o, fly_bytes_of(copy, row_key.len), err);
    }
    return status == FLY_OK ? change_one(o, at, row_key, err) : status;
}

/* --------------------------------------------------------------------------------- input */

/* COPY ... WHERE, over the new row. */
static fly_status is_wanted(modify_op *o, bool *wanted, fly_err *err)
{
    fly_vec_value value;
    fly_status status = fly__sql_table_expr(exec_of(o)->session, o->table, o->where,
                                            fly__sql_type(FLY_SQL_BOOL), o->values,
                                            &o->change.arena, &value, err);
    *wanted = status == FLY_OK && !value.null && value.b;
    return status;
}

static fly_status work_on(modify_op *o, const fly_vec *col, const fly_vec_sel *sel, uint32_t n,
                          uint32_t count, fly_err *err)
{
    fly__sql_inputs inputs = {{col}};
    fly_status status = FLY_OK;
    bool insert = o->m->command == FLY__SQL_INSERT;
    if (o->assigns != NULL) {
        status = fly__sql_program_run(o->assigns, &inputs, sel, n, count, err);
    }
    for (uint32_t k = 0; status == FLY_OK && k < n; k++) {
        place at = {col, sel != NULL ? sel[k] : k, count};
        o->fed_row = k;
        fly_arena_reset(&o->change.arena);
        fly_arena_reset(&o->row_arena);
        if (!insert) {
            status = target_row(o, at, err);
            /* The row may have been evaluated again: then the assignments are those of another. */
            if (status == FLY_OK && o->assigns != NULL && k + 1 < n && o->stale) {
                status = fly__sql_program_run(o->assigns, &inputs, sel, n, count, err);
            }
            o->stale = false;
            continue;
        }
        put_needed(o, at);
        set_values(o->assigns, o->m->assigns, o->m->assign_count, at.row, o->values);
        bool wanted = true;
        status = o->where == NULL ? FLY_OK : is_wanted(o, &wanted, err);
        if (status == FLY_OK && wanted) {
            status = insert_row(o, o->values, err);
        }
    }
    return status;
}

static fly_status work_stream(modify_op *o, fly_err *err)
{
    for (;;) {
        fly_vec_batch *in;
        fly_status status = fly__sql_op_next(o->op.left, &in, err);
        if (status == FLY_E_END) {
            return FLY_OK;
        }
        if (status == FLY_OK) {
            status = work_on(o, in->col, in->selected < 0 ? NULL : in->sel, fly_vec_batch_rows(in),
                             in->count, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status work_kept(modify_op *o, fly_err *err)
{
    fly_status status = fly__sql_kept_pull(&o->input, o->op.left, err);
    for (uint32_t c = 0; status == FLY_OK && c < o->input.chunk_count; c++) {
        fly__sql_chunk *chunk;
        status = fly__sql_kept_chunk(&o->input, c, &chunk, err);
        if (status == FLY_OK && chunk->count > 0) {
            status = work_on(o, chunk->col, NULL, chunk->count, chunk->count, err);
        }
    }
    return status;
}

static fly_status statement_triggers(modify_op *o, char when, fly_err *err)
{
    uint8_t events = event_of(o->m->command);
    if (o->m->on_conflict == 'u') {
        events |= FLY__SQL_ON_UPDATE;
    }
    static const uint8_t order[] = {FLY__SQL_ON_INSERT, FLY__SQL_ON_UPDATE, FLY__SQL_ON_DELETE};
    fly_status status = FLY_OK;
    for (size_t i = 0; status == FLY_OK && o->table->trigger_count > 0 && i < 3; i++) {
        if ((events & order[i]) != 0) {
            status = fly__sql_change_statement(&o->change, o->table, order[i], when, err);
        }
    }
    return status;
}

static fly_status work(modify_op *o, fly_err *err)
{
    fly_status status = statement_triggers(o, 'b', err);
    o->views = fly_txn_views(exec_of(o)->session->txn);
    if (status == FLY_OK) {
        status = fly__sql_op_open(o->op.left, err);
    }
    if (status == FLY_OK) {
        status = o->materialize ? work_kept(o, err) : work_stream(o, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_change_after(&o->change, err);
    }
    if (status == FLY_OK) {
        status = statement_triggers(o, 'a', err);
    }
    fly__sql_change_reset(&o->change);
    return status;
}

/* ---------------------------------------------------------------------------------- COPY */

/* Whether all that happens with a row is that it is put into the trees. */
static bool just_stores(const modify_op *o)
{
    for (uint16_t i = 0; i < o->table->trigger_count; i++) {
        const fly__sql_trigger *trigger = o->table->triggers[i];
        if ((trigger->events & FLY__SQL_ON_INSERT) != 0 &&
            (trigger->row || trigger->new_table != NULL)) {
            return false;
        }
    }
    for (uint16_t i = 0; i < o->table->constraint_count; i++) {
        if (o->table->constraints[i]->kind == FLY__SQL_FOREIGN) {
            return false;
        }
    }
    return o->m->on_conflict != 'n' && o->m->on_conflict != 'u' && o->m->returning_count == 0 &&
           o->source->load != NULL;
}

/* Whether what is computed for a row cannot look at, or change, the rows before it. */
static bool looks_at_nothing(const modify_op *o)
{
    const fly__sql_modify *m = o->m;
    bool looks = o->where != NULL;
    for (uint32_t i = 0; i < m->assign_count; i++) {
        looks = looks || m->assigns[i].expr->volatile_;
    }
    for (uint32_t i = 0; i < m->generated_count; i++) {
        looks = looks || m->generated[i].expr->volatile_;
    }
    for (uint32_t i = 0; i < m->check_count; i++) {
        looks = looks || m->checks[i]->volatile_;
    }
    return !looks;
}

/* What waits for the end of the statement is not piled up for millions of rows where nobody can tell the
 * difference: foreign keys to other tables. */
static bool may_look_now(const modify_op *o)
{
    for (uint16_t i = 0; i < o->table->trigger_count; i++) {
        const fly__sql_trigger *trigger = o->table->triggers[i];
        if ((trigger->events & FLY__SQL_ON_INSERT) != 0 && trigger->when == 'a') {
            return false;
        }
    }
    for (uint16_t i = 0; i < o->table->constraint_count; i++) {
        const fly__sql_constraint *key = o->table->constraints[i];
        if (key->kind == FLY__SQL_FOREIGN && key->foreign_table == o->table->oid) {
            return false;
        }
    }
    return true;
}

static fly_status load_batch(modify_op *o, const fly_vec *col, uint32_t n, fly_err *err)
{
    fly__sql_inputs inputs = {{col}};
    uint32_t added = 0;
    fly_status status = fly__sql_program_run(o->assigns, &inputs, NULL, n, n, err);
    for (uint32_t k = 0; status == FLY_OK && k < n; k++) {
        place at = {col, k, n};
        o->fed_row = k;
        fly_arena_reset(&o->change.arena);
        put_needed(o, at);
        set_values(o->assigns, o->m->assigns, o->m->assign_count, k, o->values);
        bool wanted = true;
        status = o->where == NULL ? FLY_OK : is_wanted(o, &wanted, err);
        if (status == FLY_OK && wanted) {
            status = obey_rules(o, o->values, err);
        }
        if (status == FLY_OK && wanted) {
            status = fly__sql_load_add(o->load, o->values, err);
            added++;
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    o->fed_row = UINT32_MAX;
    status = fly__sql_change_story(exec_of(o)->session, fly__sql_load_flush(o->load, err), err);
    if (status == FLY_OK) {
        exec_of(o)->changed += added;
    }
    return status;
}

fly_status fly__sql_modify_feed(fly__sql_op *op, const fly_vec *col, uint32_t n, fly_err *err)
{
    modify_op *o = (modify_op *)op;
    fly_status status = FLY_OK;
    if (!o->feeding) {
        o->feeding = true;
        status = statement_triggers(o, 'b', err);
        if (status == FLY_OK && just_stores(o)) {
            status = o->source->load(o->source, o->table, looks_at_nothing(o),
                                     &exec_of(o)->session->account.mem, &o->load, err);
        }
    }
    if (status == FLY_OK && o->load != NULL && n > 0) {
        status = load_batch(o, col, n, err);
        if (status != FLY_E_EXISTS) {
            return status;
        }
        status = FLY_OK; /* one of them is in the way of another: which is found one by one */
    }
    if (status == FLY_OK && n > 0) {
        status = work_on(o, col, NULL, n, n, err);
    }
    if (status == FLY_OK && may_look_now(o)) {
        o->fed_row = UINT32_MAX;
        status = fly__sql_change_after(&o->change, err);
        fly__sql_change_reset(&o->change);
    }
    return status;
}

fly_status fly__sql_modify_fed(fly__sql_op *op, fly_err *err)
{
    modify_op *o = (modify_op *)op;
    fly_status status = fly__sql_modify_feed(op, NULL, 0, err);
    o->fed_row = UINT32_MAX;
    if (status == FLY_OK && o->load != NULL) {
        status = fly__sql_change_story(exec_of(o)->session, fly__sql_load_end(o->load, err), err);
    }
    if (status == FLY_OK) {
        status = fly__sql_change_after(&o->change, err);
    }
    if (status == FLY_OK) {
        status = statement_triggers(o, 'a', err);
    }
    fly__sql_change_reset(&o->change);
    return status;
}

fly_status fly__sql_modify_feed_where(fly__sql_op *op, const fly__sql_table *table,
                                      const char *condition, fly_err *err)
{
    modify_op *o = (modify_op *)op;
    o->where = condition;
    return fly__sql_table_expr_make(op->exec->session, table, condition,
                                    fly__sql_type(FLY_SQL_BOOL), err);
}

uint32_t fly__sql_modify_fed_row(const fly__sql_op *op)
{
    return ((const modify_op *)op)->fed_row;
}

const fly__sql_rel *fly__sql_modify_input(const fly__sql_op *op)
{
    const fly__sql_rel *rel = op->rel;
    bool fits = rel->kind == FLY__SQL_R_MODIFY && rel->modify->command == FLY__SQL_INSERT &&
                rel->left->kind == FLY__SQL_R_VALUES && rel->left->values.row_count == 1;
    return fits ? rel->left : NULL;
}

/* ---------------------------------------------------------------------------- the operator */

static fly_status modify_open(fly__sql_op *op, fly_err *err)
{
    modify_op *o = (modify_op *)op;
    (void)err;
    if (!o->change_ready) {
        fly__sql_change_init(&o->change, op->exec->session);
        o->change_ready = true;
    }
    o->done = false;
    o->feeding = false;
    o->fed_row = 0;
    o->given = 0;
    fly__sql_kept_clear(&o->input);
    fly__sql_kept_clear(&o->results);
    fly__sql_change_reset(&o->change);
    o->change.updated = o->updated;
    fly__sql_hashes_clear(&o->touched);
    return FLY_OK;
}

static fly_status modify_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    modify_op *o = (modify_op *)op;
    if (!o->done) {
        fly_status status = work(o, err);
        if (status != FLY_OK) {
            return status;
        }
        o->done = true;
    }
    if (o->given >= o->results.count) {
        return FLY_E_END;
    }
    fly__sql_chunk *chunk;
    uint32_t at;
    fly_status status = fly__sql_kept_at(&o->results, o->given, &chunk, &at, err);
    if (status == FLY_OK) {
        fly__sql_chunk_show(chunk, at, op->exec->batch_rows, &op->out, op->out.col);
        o->given += fly_vec_batch_rows(&op->out);
        *batch = &op->out;
    }
    return status;
}

static void modify_close(fly__sql_op *op)
{
    modify_op *o = (modify_op *)op;
    fly__sql_kept_free(&o->input);
    fly__sql_kept_free(&o->results);
    fly__sql_hashes_free(&o->touched);
    fly__sql_load_close(o->load);
    o->load = NULL;
    if (o->where != NULL) {
        fly__sql_table_expr_drop(op->exec->session, o->table, o->where);
        o->where = NULL;
    }
    if (o->change_ready) {
        fly__sql_change_deinit(&o->change);
        o->change_ready = false;
    }
}

/* -------------------------------------------------------------------------------- making */

static fly_status compile_assigns(fly__sql_exec *exec, const fly__sql_ports *ports,
                                  const fly__sql_assign *assigns, uint32_t count,
                                  fly__sql_program **program, fly_err *err)
{
    fly__sql_expr **exprs = fly__sql_alloc(&exec->arena, count, sizeof *exprs, err);
    if (exprs == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        exprs[i] = assigns[i].expr;
    }
    return fly__sql_program_values(exec, ports, exprs, count, program, err);
}

static void free_in_assigns(const fly__sql_assign *assigns, uint32_t count, fly__sql_idset *set)
{
    for (uint32_t i = 0; i < count; i++) {
        fly__sql_free_in_expr(assigns[i].expr, set);
    }
}

/* Columns of the input that are read row by row, from cells. */
static fly_status find_needed(modify_op *o, fly_err *err)
{
    const fly__sql_modify *m = o->m;
    const fly__sql_rel *left = o->op.rel->left;
    fly__sql_exec *exec = exec_of(o);
    fly__sql_idset set;
    fly_status status = fly__sql_idset_init(&set, exec->outer_count, &exec->arena, err);
    if (status != FLY_OK) {
        return status;
    }
    free_in_assigns(m->generated, m->generated_count, &set);
    free_in_assigns(m->sets, m->set_count, &set);
    for (uint32_t i = 0; i < m->check_count; i++) {
        fly__sql_free_in_expr(m->checks[i], &set);
    }
    for (uint32_t i = 0; i < m->returning_count; i++) {
        fly__sql_free_in_expr(m->returning[i], &set);
    }
    if (m->set_where != NULL) {
        fly__sql_free_in_expr(m->set_where, &set);
    }
    for (uint32_t i = 0; i < m->action_count; i++) {
        free_in_assigns(m->actions[i].assigns, m->actions[i].assign_count, &set);
        if (m->actions[i].condition != NULL) {
            fly__sql_free_in_expr(m->actions[i].condition, &set);
        }
    }
    o->need = fly__sql_alloc(&exec->arena, left->column_count, sizeof *o->need, err);
    if (o->need == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < left->column_count; c++) {
        if (fly__sql_idset_has(&set, left->columns[c].id)) {
            o->need[o->need_count++] = c;
        }
    }
    return FLY_OK;
}

static fly_status find_target(modify_op *o, fly_err *err)
{
    const fly__sql_modify *m = o->m;
    const fly__sql_rel *left = o->op.rel->left;
    o->key_column = UINT32_MAX;
    o->old_column =
        fly__sql_alloc(&exec_of(o)->arena, o->table->column_count, sizeof *o->old_column, err);
    if (o->old_column == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < o->table->column_count; i++) {
        o->old_column[i] = UINT32_MAX;
    }
    if (m->command == FLY__SQL_INSERT) {
        return FLY_OK;
    }
    for (uint32_t c = 0; c < left->column_count; c++) {
        if (left->columns[c].id == m->row_key) {
            o->key_column = c;
        }
        for (uint32_t i = 0; i < m->old_count; i++) {
            if (m->old[i] != 0 && m->old[i] == left->columns[c].id) {
                o->old_column[i] = c;
            }
        }
    }
    return o->key_column != UINT32_MAX
               ? FLY_OK
               : fly_err_state(err, "XX000", 0, "no row key of \"%s\" to change", o->table->name);
}

static fly_status compile_merge(modify_op *o, fly_err *err)
{
    const fly__sql_modify *m = o->m;
    fly__sql_exec *exec = exec_of(o);
    fly__sql_ports none = {{NULL}, {0}};
    fly_status status = FLY_OK;
    o->conditions = fly__sql_alloc(&exec->arena, m->action_count, sizeof *o->conditions, err);
    o->actions = fly__sql_alloc(&exec->arena, m->action_count, sizeof *o->actions, err);
    if (o->conditions == NULL || o->actions == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; status == FLY_OK && i < m->action_count; i++) {
        const fly__sql_merge_action *action = &m->actions[i];
        if (action->condition != NULL) {
            status = fly__sql_program_values(
                exec, &none, (fly__sql_expr *const *)&action->condition, 1, &o->conditions[i], err);
        }
        if (status == FLY_OK) {
            status = compile_assigns(exec, &none, action->assigns, action->assign_count,
                                     &o->actions[i], err);
        }
    }
    return status;
}

static fly_status compile(modify_op *o, fly_err *err)
{
    const fly__sql_modify *m = o->m;
    fly__sql_exec *exec = exec_of(o);
    fly__sql_ports input = fly__sql_ports_of(o->op.rel->left);
    fly__sql_ports none = {{NULL}, {0}};
    fly_status status = FLY_OK;
    if (m->command == FLY__SQL_INSERT || m->command == FLY__SQL_UPDATE) {
        status = compile_assigns(exec, &input, m->assigns, m->assign_count, &o->assigns, err);
    }
    if (status == FLY_OK && m->generated_count > 0) {
        status = compile_assigns(exec, &none, m->generated, m->generated_count, &o->generated, err);
    }
    if (status == FLY_OK && m->check_count > 0) {
        status = fly__sql_program_values(exec, &none, m->checks, m->check_count, &o->checks, err);
    }
    if (status == FLY_OK && m->set_count > 0) {
        status = compile_assigns(exec, &none, m->sets, m->set_count, &o->sets, err);
    }
    if (status == FLY_OK && m->set_where != NULL) {
        status = fly__sql_program_values(exec, &none, (fly__sql_expr *const *)&m->set_where, 1,
                                         &o->set_where, err);
    }
    if (status == FLY_OK && m->returning_count > 0) {
        status = fly__sql_program_values(exec, &none, m->returning, m->returning_count,
                                         &o->returning, err);
    }
    if (status == FLY_OK && m->command == FLY__SQL_MERGE) {
        status = compile_merge(o, err);
    }
    return status;
}

/* Whether the input may have a row of the target more than once. */
static bool may_repeat(const fly__sql_rel *rel)
{
    while (rel != NULL) {
        switch ((fly__sql_rel_kind)rel->kind) {
        case FLY__SQL_R_SCAN:
            return false;
        case FLY__SQL_R_FILTER:
        case FLY__SQL_R_PROJECT:
        case FLY__SQL_R_SORT:
        case FLY__SQL_R_LIMIT:
            rel = rel->left;
            break;
        default:
            return true;
        }
    }
    return false;
}

static void note_updated(modify_op *o, const fly__sql_assign *assigns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        o->updated[assigns[i].column - 1] = true;
    }
}

/* Whether an input gives one row at most: found by a unique key. */
static bool gives_one_row(const fly__sql_rel *rel)
{
    while (rel->kind == FLY__SQL_R_PROJECT || rel->kind == FLY__SQL_R_FILTER) {
        rel = rel->left;
        if (rel == NULL) {
            return true;
        }
    }
    return rel->kind == FLY__SQL_R_SCAN && rel->scan.index != NULL && rel->scan.index->unique &&
           rel->scan.equal_count == rel->scan.index->key_count;
}

fly_status fly__sql_make_modify(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                fly_err *err)
{
    static const fly__sql_op_vt vt = {modify_open, modify_next, modify_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(modify_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    modify_op *o = (modify_op *)*op;
    const fly__sql_modify *m = rel->modify;
    o->m = m;
    o->table = m->table;
    o->source = fly__sql_source_of(exec->session, m->table);
    if (o->source == NULL || o->source->insert == NULL) {
        return fly_err_state(err, "55000", 0, "\"%s\" cannot be changed", m->table->name);
    }
    fly__sql_arena(exec, &o->row_arena, 0);
    fly__sql_hashes_init(&o->touched, &exec->session->query.mem);
    o->materialize = m->command == FLY__SQL_INSERT ? fly__sql_reads_table(rel->left, m->table)
                                                   : !gives_one_row(rel->left);
    o->track = m->on_conflict == 'u' || m->command == FLY__SQL_MERGE ||
               (m->command != FLY__SQL_INSERT && may_repeat(rel->left));
    o->values = fly__sql_alloc(&exec->arena, m->table->column_count, sizeof *o->values, err);
    o->old_values =
        fly__sql_alloc(&exec->arena, m->table->column_count, sizeof *o->old_values, err);
    if (o->values == NULL || o->old_values == NULL) {
        return FLY_E_NO_MEMORY;
    }
    o->updated = fly__sql_alloc(&exec->arena, m->table->column_count, sizeof *o->updated, err);
    if (o->updated == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (m->command == FLY__SQL_UPDATE) {
        note_updated(o, m->assigns, m->assign_count);
    }
    note_updated(o, m->sets, m->set_count);
    for (uint32_t i = 0; i < m->action_count; i++) {
        if (m->actions[i].command == FLY__SQL_UPDATE && !m->actions[i].nothing) {
            note_updated(o, m->actions[i].assigns, m->actions[i].assign_count);
        }
    }
    status = fly__sql_kept_init_rel(&o->input, exec, rel->left, err);
    if (status == FLY_OK) {
        status = fly__sql_kept_init_rel(&o->results, exec, rel, err);
    }
    if (status == FLY_OK) {
        status = find_target(o, err);
    }
    if (status == FLY_OK) {
        status = find_needed(o, err);
    }
    return status == FLY_OK ? compile(o, err) : status;
}
