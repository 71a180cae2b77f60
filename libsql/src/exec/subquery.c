/*
 * Subqueries in expressions.
 *
 * A subquery has an operator tree of its own. The program that it stands in writes the columns that it
 * needs into the instance's cells and asks for a value. What was computed is kept as long as the cells
 * say the same: a subquery without outer columns runs once per statement, one whose outer columns
 * repeat runs once per run of equal values.
 *
 * ANY and ALL evaluate their test over the rows of the subquery, which are kept too: the rows depend on
 * fewer columns than the test does, and often on none. If the test is a plain equality, the rows are
 * hashed, so that IN over an uncorrelated query is a look-up.
 *
 * Invariants.
 *     Q1  rows are those for the cells in `row_key`, value is that for `row_key` and `test_key`
 */
#include "exec/op_int.h"

#include <fly/base_hash.h>

#include <string.h>

/* The columns that something depends on, and their values when it was computed. */
typedef struct key {
    uint32_t count;
    fly__sql_colid *ids;
    fly_sql_type *types; /* NULL entries: physical type unknown, never equal */
    fly_vec_value *values;
    uint8_t *forms;
    bool valid;
    fly_arena arena;
} key;

struct fly__sql_sub {
    fly__sql_sub *chain;
    fly__sql_exec *exec;
    const fly__sql_subquery *query;
    const fly__sql_expr *x;
    fly__sql_op *op;
    key row_key;
    key test_key;
    fly__sql_kept rows;
    bool rows_ready;
    fly__sql_program *test;
    fly_vec_value *value;
    fly_arena arena; /* of value */
    bool volatile_;
    fly_vec_type type;
    /* A test that is an equality with a column: the rows by its hash. */
    fly__sql_program *probe; /* the side without columns of the subquery */
    uint32_t hash_column;
    fly__sql_key_form form;
    bool hashable, hashed, has_null;
    fly__sql_hashes hashes;
    fly_arena scratch;
};

/* ------------------------------------------------------------------------- making */

static fly_status key_make(fly__sql_exec *exec, const fly__sql_idset *set, key *k, fly_err *err)
{
    for (fly__sql_colid id = 1; id < set->limit; id++) {
        k->count += fly__sql_idset_has(set, id);
    }
    fly_arena_init(&k->arena, &exec->session->account.mem, 256);
    k->ids = fly__sql_alloc(&exec->arena, k->count, sizeof *k->ids, err);
    k->values = fly__sql_alloc(&exec->arena, k->count, sizeof *k->values, err);
    if (k->ids == NULL || k->values == NULL) {
        return FLY_E_NO_MEMORY;
    }
    uint32_t at = 0;
    for (fly__sql_colid id = 1; id < set->limit; id++) {
        if (fly__sql_idset_has(set, id)) {
            k->ids[at++] = id;
        }
    }
    return FLY_OK;
}

/* A cell's bytes tell whether it changed: a string that moved counts as changed, which is only slow. */
static bool key_same(const fly__sql_exec *exec, const key *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        const fly_vec_value *now = &exec->outer[k->ids[i]];
        if (now->null != k->values[i].null ||
            (!now->null && memcmp(&now->i128, &k->values[i].i128, 16) != 0)) {
            return false;
        }
    }
    return k->valid;
}

static void key_take(const fly__sql_exec *exec, key *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        k->values[i] = exec->outer[k->ids[i]];
    }
    k->valid = true;
}

/* Long strings in cells borrow their bytes, which may be others under the same address later. */
static bool key_borrows(const fly__sql_exec *exec, const fly__sql_sub *sub, const key *k)
{
    (void)sub;
    for (uint32_t i = 0; i < k->count; i++) {
        if (exec->outer_str[k->ids[i]] && !exec->outer[k->ids[i]].null &&
            exec->outer[k->ids[i]].str.len > FLY_VEC_STR_INLINE) {
            return true;
        }
    }
    return false;
}

/* The test as `something = column`, if it is that and equality is known. */
static void find_equality(fly__sql_exec *exec, fly__sql_sub *sub)
{
    const fly__sql_expr *test = sub->query->test;
    const fly__sql_rel *rel = sub->query->rel;
    if (sub->query->kind != FLY__SQL_SUB_ANY || test->kind != FLY__SQL_X_CALL || test->argc != 2 ||
        test->func->op != FLY__SQL_OP_EQ ||
        !fly__sql_type_equal(test->args[0]->type, test->args[1]->type) ||
        test->args[0]->type.collation != test->args[1]->type.collation) {
        return;
    }
    const fly__sql_expr *column = test->args[1];
    while (column->kind == FLY__SQL_X_RELABEL) {
        column = column->args[0];
    }
    if (column->kind != FLY__SQL_X_COLUMN || test->args[0]->volatile_) {
        return;
    }
    fly__sql_idset named;
    if (fly__sql_idset_init(&named, sub->exec->outer_count, &sub->exec->arena, NULL) != FLY_OK) {
        return;
    }
    fly__sql_free_in_expr(test->args[0], &named);
    bool found = false;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (fly__sql_idset_has(&named, rel->columns[i].id)) {
            return;
        }
        if (rel->columns[i].id == column->column) {
            sub->hash_column = i;
            found = true;
        }
    }
    sub->form = fly__sql_key_form_of(exec->session, test->args[0]->type);
    sub->hashable = found;
}

fly_status fly__sql_sub_create(fly__sql_exec *exec, const fly__sql_ports *ports,
                               const fly__sql_expr *x, fly__sql_sub **made, fly_err *err)
{
    (void)ports;
    const fly__sql_subquery *query = x->subquery;
    fly__sql_sub *sub = fly__sql_alloc(&exec->arena, 1, sizeof *sub, err);
    if (sub == NULL) {
        return FLY_E_NO_MEMORY;
    }
    sub->exec = exec;
    sub->query = query;
    sub->x = x;
    sub->volatile_ = x->volatile_;
    sub->type = fly__sql_type_physical(x->type);
    sub->value = fly__sql_alloc(&exec->arena, 1, sizeof *sub->value, err);
    fly__sql_idset free;
    fly_status status = sub->value == NULL ? FLY_E_NO_MEMORY : FLY_OK;
    if (status == FLY_OK) {
        status = fly__sql_idset_init(&free, exec->outer_count, &exec->arena, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly_arena_init(&sub->arena, &exec->session->account.mem, 256);
    fly_arena_init(&sub->scratch, &exec->session->account.mem, 256);
    fly__sql_hashes_init(&sub->hashes, &exec->session->query.mem);
    fly_arena_init(&sub->row_key.arena, &exec->session->account.mem, 256);
    fly_arena_init(&sub->test_key.arena, &exec->session->account.mem, 256);
    sub->chain = exec->subs;
    exec->subs = sub;

    fly__sql_free_in_rel(query->rel, &free);
    status = key_make(exec, &free, &sub->row_key, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, query->rel, &sub->op, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_kept_init_rel(&sub->rows, exec, query->rel, err);
    }
    if (status == FLY_OK && query->test != NULL) {
        fly__sql_idset all;
        fly__sql_ports own = fly__sql_ports_of(query->rel);
        status = fly__sql_idset_init(&all, exec->outer_count, &exec->arena, err);
        if (status == FLY_OK) {
            fly__sql_free_in_expr(x, &all);
            status = key_make(exec, &all, &sub->test_key, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_program_values(exec, &own, (fly__sql_expr *const *)&query->test, 1,
                                             &sub->test, err);
        }
        find_equality(exec, sub);
        if (status == FLY_OK && sub->hashable) {
            fly__sql_ports none = {{NULL}, {0}};
            status = fly__sql_program_values(exec, &none, query->test->args, 1, &sub->probe, err);
        }
    }
    *made = sub;
    return status;
}

void fly__sql_subs_close(fly__sql_exec *exec)
{
    for (fly__sql_sub *sub = exec->subs; sub != NULL; sub = sub->chain) {
        sub->row_key.valid = sub->test_key.valid = false;
        sub->rows_ready = sub->hashed = false;
        fly__sql_kept_free(&sub->rows);
        fly__sql_hashes_free(&sub->hashes);
        fly_arena_reset(&sub->arena);
        fly_arena_reset(&sub->scratch);
    }
}

void fly__sql_subs_deinit(fly__sql_exec *exec)
{
    for (fly__sql_sub *sub = exec->subs; sub != NULL; sub = sub->chain) {
        fly_arena_deinit(&sub->arena);
        fly_arena_deinit(&sub->scratch);
        fly_arena_deinit(&sub->row_key.arena);
        fly_arena_deinit(&sub->test_key.arena);
    }
}

/* ----------------------------------------------------------------------- computing */

static fly_status too_many(fly_err *err)
{
    return fly_err_state(err, "21000", 0,
                         "more than one row returned by a subquery used as an expression");
}

static fly_status value_exists(fly__sql_sub *sub, fly_vec_value *value, fly_err *err)
{
    fly_vec_batch *batch;
    fly_status status = fly__sql_op_open(sub->op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_next(sub->op, &batch, err);
    }
    if (status == FLY_OK || status == FLY_E_END) {
        value->b = status == FLY_OK;
        status = FLY_OK;
    }
    return status;
}

static fly_status value_scalar(fly__sql_sub *sub, fly_vec_value *value, fly_err *err)
{
    fly_vec_batch *batch;
    fly_status status = fly__sql_op_open(sub->op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_next(sub->op, &batch, err);
    }
    if (status == FLY_E_END) {
        value->null = true;
        return FLY_OK;
    }
    if (status != FLY_OK) {
        return status;
    }
    if (fly_vec_batch_rows(batch) > 1) {
        return too_many(err);
    }
    uint32_t row = batch->selected < 0 ? 0 : batch->sel[0];
    fly_vec_value found = fly__sql_get(&batch->col[0], row);
    status = fly__sql_value_copy(sub->type, &found, &sub->arena, value, err);
    if (status == FLY_OK) {
        status = fly__sql_op_next(sub->op, &batch, err);
        status = status == FLY_E_END ? FLY_OK : status == FLY_OK ? too_many(err) : status;
    }
    return status;
}

static fly_status load_rows(fly__sql_sub *sub, fly_err *err)
{
    if (sub->rows_ready && key_same(sub->exec, &sub->row_key) &&
        (sub->row_key.count == 0 || !sub->volatile_)) {
        return FLY_OK;
    }
    sub->rows_ready = sub->hashed = false;
    fly__sql_kept_clear(&sub->rows);
    fly_status status = fly__sql_op_open(sub->op, err);
    if (status == FLY_OK) {
        status = fly__sql_kept_pull(&sub->rows, sub->op, err);
    }
    if (status == FLY_OK) {
        key_take(sub->exec, &sub->row_key);
        sub->rows_ready = !key_borrows(sub->exec, sub, &sub->row_key);
    }
    return status;
}

static fly_status build_hashes(fly__sql_sub *sub, fly_err *err)
{
    fly__sql_hashes_clear(&sub->hashes);
    sub->has_null = false;
    fly_status status = fly__sql_hashes_reserve(&sub->hashes, sub->rows.count + 1, err);
    for (uint64_t row = 0; status == FLY_OK && row < sub->rows.count; row++) {
        fly__sql_chunk *chunk;
        uint32_t at;
        uint64_t hash;
        status = fly__sql_kept_at(&sub->rows, row, &chunk, &at, err);
        if (status != FLY_OK) {
            break;
        }
        fly_vec_value value = fly__sql_get(&chunk->col[sub->hash_column], at);
        if (value.null) {
            sub->has_null = true;
            continue;
        }
        status = fly__sql_value_hash(sub->query->test->args[0]->type, sub->form, &value,
                                     &sub->scratch, &hash, err);
        if (status == FLY_OK) {
            fly__sql_hashes_add(&sub->hashes, hash, row);
        }
    }
    fly_arena_reset(&sub->scratch);
    sub->hashed = status == FLY_OK;
    return status;
}

static fly_status value_hashed(fly__sql_sub *sub, fly_vec_value *value, fly_err *err)
{
    fly__sql_inputs inputs = {{NULL}};
    fly_status status = fly__sql_program_run(sub->probe, &inputs, NULL, 1, 1, err);
    if (status == FLY_OK && !sub->hashed) {
        status = build_hashes(sub, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly_sql_type type = sub->query->test->args[0]->type;
    fly_vec_value wanted = fly__sql_get(fly__sql_program_result(sub->probe, 0), 0);
    if (wanted.null) {
        value->null = sub->rows.count > 0;
        value->b = false;
        return FLY_OK;
    }
    uint64_t hash;
    status = fly__sql_value_hash(type, sub->form, &wanted, &sub->scratch, &hash, err);
    fly_arena_reset(&sub->scratch);
    uint64_t at = fly__sql_hashes_start(&sub->hashes, hash);
    for (; status == FLY_OK && sub->hashes.slot[at].hash != 0; at = (at + 1) & sub->hashes.mask) {
        if (sub->hashes.slot[at].hash != (hash | 1)) {
            continue;
        }
        fly__sql_chunk *chunk;
        uint32_t row;
        status = fly__sql_kept_at(&sub->rows, sub->hashes.slot[at].number, &chunk, &row, err);
        if (status != FLY_OK) {
            break;
        }
        fly_vec_value there = fly__sql_get(&chunk->col[sub->hash_column], row);
        if (fly__sql_value_same(type, sub->form, &there, &wanted)) {
            value->b = true;
            return FLY_OK;
        }
    }
    value->b = false;
    value->null = sub->has_null;
    return status;
}

/* ANY is true if one test is, ALL false if one test is false; else NULL if one is NULL. */
static fly_status value_quantified(fly__sql_sub *sub, fly_vec_value *value, fly_err *err)
{
    bool any = sub->query->kind == FLY__SQL_SUB_ANY;
    bool unknown = false;
    fly_status status = load_rows(sub, err);
    if (status == FLY_OK && sub->hashable) {
        return value_hashed(sub, value, err);
    }
    /* Of the chunks only those hold rows that this run has filled. */
    uint64_t seen = 0;
    for (uint32_t c = 0; status == FLY_OK && seen < sub->rows.count; c++) {
        fly__sql_chunk *chunk;
        status = fly__sql_kept_chunk(&sub->rows, c, &chunk, err);
        if (status != FLY_OK) {
            break;
        }
        seen += chunk->count;
        fly__sql_inputs inputs = {{chunk->col}};
        status = fly__sql_program_run(sub->test, &inputs, NULL, chunk->count, chunk->count, err);
        if (status != FLY_OK) {
            break;
        }
        const fly_vec *v = fly__sql_program_result(sub->test, 0);
        for (uint32_t i = 0; i < chunk->count; i++) {
            fly_vec_value one = fly__sql_get(v, i);
            if (one.null) {
                unknown = true;
            } else if (one.b == any) {
                value->b = any;
                return FLY_OK;
            }
        }
    }
    value->b = !any;
    value->null = unknown;
    return status;
}

static fly_status compute(fly__sql_sub *sub, fly_vec_value *value, fly_err *err)
{
    switch (sub->query->kind) {
    case FLY__SQL_SUB_EXISTS:
        return value_exists(sub, value, err);
    case FLY__SQL_SUB_SCALAR:
        return value_scalar(sub, value, err);
    case FLY__SQL_SUB_ANY:
    case FLY__SQL_SUB_ALL:
        return value_quantified(sub, value, err);
    case FLY__SQL_SUB_ARRAY:
    case FLY__SQL_SUB_ROW: {
        fly_status status = load_rows(sub, err);
        if (status == FLY_OK) {
            status = fly__sql_sub_collect(sub->exec, sub->query, sub->x, &sub->rows, &sub->arena,
                                          value, err);
        }
        return status;
    }
    default:
        return fly__sql_not_yet(err, sub->x->pos, "this kind of subquery");
    }
}

fly_status fly__sql_sub_value(fly__sql_sub *sub, fly_arena *arena, fly_vec_value *value,
                              fly_err *err)
{
    key *k = sub->test != NULL ? &sub->test_key : &sub->row_key;
    bool once = k->count == 0; /* without outer columns: once per statement, volatile or not */
    if (k->valid && (once || !sub->volatile_) && key_same(sub->exec, k)) {
        *value = *sub->value;
        return FLY_OK;
    }
    k->valid = false;
    fly_arena_reset(&sub->arena);
    memset(sub->value, 0, sizeof *sub->value);
    fly_status status = compute(sub, sub->value, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!key_borrows(sub->exec, sub, k)) {
        key_take(sub->exec, k);
    }
    /* The value stays in the subquery's arena only until the next row asks. */
    if (once) {
        *value = *sub->value;
        return FLY_OK;
    }
    return fly__sql_value_copy(sub->type, sub->value, arena, value, err);
}
