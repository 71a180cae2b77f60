/*
 * Aggregation: groups in a table found by their keys, with a piece of memory each for the states of all
 * aggregates.
 *
 *     input row --keys--> group number --> states of the group: [agg 0][agg 1][agg 2]
 *
 * Grouping sets are all computed in one pass: a row is looked up once for each set, with the keys that
 * are not in the set NULL, and the set's number as one key more.
 *
 * Aggregates that want their input in order, or each value once, get it from a sorter that orders by
 * group number, then by what they ask for, when all input was seen.
 *
 * When the query is over its budget no more groups are made. Rows of groups that are not there go to
 * partitions on disk, by four bits of their hash; when the groups that are there have been given, each
 * partition is aggregated like an input of its own, with the next four bits.
 *
 * Invariants.
 *     A1  number of a group = its row in groups.rows = where its states lie
 *     A2  a row of a partition belongs to no group that was given before
 */
#include "exec/op_int.h"

#include <fly/vec_agg.h>

#include <string.h>

enum { BLOCK = 64, PARTITIONS = 16, LEVELS = 8 };

typedef struct agg_run {
    const fly__sql_agg *agg;
    const fly__sql_aggregate *func;
    const fly_vec_agg
        *vec; /* a kernel that takes in whole batches; NULL: func's step, row by row */
    fly__sql_call call;
    void *memo;
    fly__sql_program *filter;
    fly__sql_program *args; /* arguments, then order keys */
    uint32_t argc;          /* of step: with those of WITHIN GROUP */
    uint32_t computed;      /* results of `args` */
    size_t offset;          /* of the state in a group's memory */
    fly_vec_value *value;
    fly_vec_value *before;   /* DISTINCT: the values of the row before */
    fly__sql_sorter *sorter; /* of those that want order; NULL: others */
    const fly_vec **parts;
    fly__sql_key_form *forms;
    fly__sql_group_table *seen; /* DISTINCT where order does not matter: what was taken in */
} agg_run;

typedef struct partition {
    fly__sql_kept rows;
    uint32_t level;
    struct partition *next;
} partition;

typedef struct agg_op {
    fly__sql_op op;
    uint32_t group_count, set_count, key_count;
    fly__sql_program *keys;
    fly__sql_group_table groups;
    bool ungrouped;
    agg_run *run;
    uint32_t run_count;
    size_t state_bytes;
    uint8_t **block;
    uint32_t block_count, block_room;
    uint64_t group_total;
    fly_arena states; /* states, and what they point to */
    fly_arena out_arena;
    uint8_t *source; /* of each output column: 'g' group, 'a' aggregate, 's' set's bits */
    uint32_t *index;
    const fly_vec **parts;
    fly_vec *null_key; /* of each group, a CONST NULL */
    fly_vec set_key;
    fly_vec_value *set_value;
    uint64_t given; /* groups */
    bool ready;
    /* Spilling. */
    fly__sql_kept aside; /* empty: the input's columns and a set's number */
    bool frozen;
    uint32_t level;
    partition *waiting; /* to be aggregated */
    partition *filling[PARTITIONS];
    uint64_t input_rows;
    uint64_t number[FLY_VEC_CAPACITY];
    uint8_t *state[FLY_VEC_CAPACITY]; /* of the groups of a batch */
    fly_vec_sel there[FLY_VEC_CAPACITY + 8];
} agg_op;

static fly_mem *memory_of(const agg_op *a)
{
    return &a->op.exec->session->query.mem;
}

/* ----------------------------------------------------------------------------- states */

static fly_status states_grow(agg_op *a, uint64_t groups, fly_err *err)
{
    if (a->state_bytes == 0) {
        a->group_total = groups;
        return FLY_OK;
    }
    while ((uint64_t)a->block_count * BLOCK < groups) {
        if (a->block_count == a->block_room) {
            uint32_t room = a->block_room == 0 ? 8 : a->block_room * 2;
            uint8_t **bigger = fly_mem_resize(
                memory_of(a), a->block, a->block_room * sizeof *a->block, room * sizeof *a->block);
            if (bigger == NULL) {
                return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for groups");
            }
            a->block = bigger;
            a->block_room = room;
        }
        size_t count = a->ungrouped ? 1 : BLOCK;
        a->block[a->block_count] = fly__sql_alloc(&a->states, count, a->state_bytes, err);
        if (a->block[a->block_count] == NULL) {
            return FLY_E_NO_MEMORY;
        }
        a->block_count++;
    }
    a->group_total = groups;
    return FLY_OK;
}

static void *state_of(agg_op *a, const agg_run *r, uint64_t group)
{
    return a->block[group / BLOCK] + (group % BLOCK) * a->state_bytes + r->offset;
}

static fly_status step_row(agg_op *a, agg_run *r, uint64_t group, fly_err *err)
{
    if (!r->func->sees_nulls) {
        for (uint32_t i = 0; i < r->argc; i++) {
            if (r->value[i].null) {
                return FLY_OK;
            }
        }
    }
    r->call.arena = &a->states;
    r->call.err = err;
    fly_status status = r->func->step(&r->call, state_of(a, r, group), r->value);
    if (status != FLY_OK && err != NULL && err->position == 0) {
        err->position = r->agg->pos;
    }
    return status;
}

/* A batch at once. */
static fly_status feed_kernel(agg_op *a, agg_run *r, const fly_vec_sel *sel, uint32_t n,
                              const uint64_t *group, fly_err *err)
{
    fly_vec_agg_ctx ctx = {.isa = a->op.exec->isa, .err = err, .pos = r->agg->pos};
    fly_vec arg;
    if (r->argc > 0) {
        arg = *fly__sql_program_result(r->args, 0);
        if (arg.kind == FLY_VEC_SEQ) {
            fly_status status = fly_vec_flatten(&arg, FLY_VEC_CAPACITY, &a->out_arena, err);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    const fly_vec *given = r->argc > 0 ? &arg : NULL;
    if (a->ungrouped) {
        return r->vec->update_one(&ctx, state_of(a, r, 0), given, sel, (int)n);
    }
    for (uint32_t k = 0; k < n; k++) {
        a->state[k] = a->block[group[k] / BLOCK] + (group[k] % BLOCK) * a->state_bytes;
    }
    return r->vec->update(&ctx, a->state, (uint32_t)r->offset, given, sel, (int)n);
}

/* Of a batch the rows whose values their group has not seen yet. `group` and `number` may be one. */
static fly_status only_fresh(agg_op *a, agg_run *r, const fly_vec_sel *sel, uint32_t *n,
                             const uint64_t *group, fly_vec_sel *kept, uint64_t *number,
                             fly_err *err)
{
    fly_vec groups = {.kind = FLY_VEC_FLAT, .type = FLY_VEC_I64};
    uint64_t by_row[FLY_VEC_CAPACITY];
    uint64_t found[FLY_VEC_CAPACITY];
    uint8_t fresh[FLY_VEC_CAPACITY];
    for (uint32_t k = 0; k < *n; k++) {
        by_row[sel != NULL ? sel[k] : k] = group[k];
    }
    groups.data = by_row;
    r->parts[0] = &groups;
    for (uint32_t i = 0; i < r->argc; i++) {
        r->parts[1 + i] = fly__sql_program_result(r->args, i);
    }
    (void)a;
    fly_status status = fly__sql_groups_find(r->seen, r->parts, sel, *n, true, found, fresh, err);
    uint32_t m = 0;
    for (uint32_t k = 0; status == FLY_OK && k < *n; k++) {
        if (fresh[k]) {
            number[m] = group[k];
            kept[m++] = sel != NULL ? sel[k] : (fly_vec_sel)k;
        }
    }
    *n = m;
    return status;
}

/* Rows of one batch into the states of one aggregate, or into its sorter. */
static fly_status feed(agg_op *a, agg_run *r, const fly_vec *col, const fly_vec_sel *sel,
                       uint32_t n, uint32_t count, const uint64_t *group, fly_err *err)
{
    fly__sql_inputs inputs = {{col}};
    fly_vec_sel kept[FLY_VEC_CAPACITY + 8];
    uint64_t number[FLY_VEC_CAPACITY];
    fly_status status;
    if (r->filter != NULL) {
        const fly_vec_sel *chosen;
        uint32_t m;
        uint32_t at = 0;
        status = fly__sql_program_test(r->filter, &inputs, sel, n, count, &chosen, &m, err);
        if (status != FLY_OK || m == 0) {
            return status;
        }
        for (uint32_t k = 0; k < m; k++) {
            fly_vec_sel row = chosen != NULL ? chosen[k] : (fly_vec_sel)k;
            while ((sel != NULL ? sel[at] : at) != row) {
                at++;
            }
            kept[k] = row;
            number[k] = group[at];
        }
        sel = kept;
        n = m;
        group = number;
    }
    status = fly__sql_program_run(r->args, &inputs, sel, n, count, err);
    if (status != FLY_OK) {
        return status;
    }
    if (r->sorter != NULL) {
        fly_vec groups = {.kind = FLY_VEC_FLAT, .type = FLY_VEC_I64};
        uint64_t by_row[FLY_VEC_CAPACITY];
        for (uint32_t k = 0; k < n; k++) {
            by_row[sel != NULL ? sel[k] : k] = group[k];
        }
        groups.data = by_row;
        r->parts[0] = &groups;
        for (uint32_t i = 0; i < r->computed; i++) {
            r->parts[1 + i] = fly__sql_program_result(r->args, i);
        }
        return fly__sql_sorter_add(r->sorter, r->parts, sel, n, err);
    }
    if (r->seen != NULL) {
        status = only_fresh(a, r, sel, &n, group, kept, number, err);
        if (status != FLY_OK || n == 0) {
            return status;
        }
        sel = kept;
        group = number;
    }
    if (r->vec != NULL) {
        return feed_kernel(a, r, sel, n, group, err);
    }
    for (uint32_t k = 0; status == FLY_OK && k < n; k++) {
        uint32_t row = sel != NULL ? sel[k] : k;
        for (uint32_t i = 0; i < r->argc; i++) {
            r->value[i] = fly__sql_get(fly__sql_program_result(r->args, i), row);
        }
        status = step_row(a, r, group[k], err);
    }
    return status;
}

/* What was sorted, group by group. */
static fly_status feed_sorted(agg_op *a, agg_run *r, fly_err *err)
{
    const fly__sql_agg *agg = r->agg;
    uint64_t last = UINT64_MAX;
    fly_arena kept;
    fly_arena_init(&kept, memory_of(a), 1024);
    fly_status status = fly__sql_sorter_finish(r->sorter, err);
    while (status == FLY_OK) {
        fly_vec_batch *batch;
        status = fly__sql_sorter_next(r->sorter, &batch, err);
        for (uint32_t row = 0; status == FLY_OK && row < batch->count; row++) {
            uint64_t group = (uint64_t)fly__sql_get(&batch->col[0], row).i64;
            bool same = agg->distinct && group == last;
            for (uint32_t i = 0; i < r->argc; i++) {
                r->value[i] = fly__sql_get(&batch->col[1 + i], row);
                same = same && fly__sql_value_same(r->call.types[i], r->forms[i], &r->value[i],
                                                   &r->before[i]);
            }
            if (same) {
                continue;
            }
            if (agg->distinct) {
                fly_arena_reset(&kept);
                for (uint32_t i = 0; status == FLY_OK && i < r->argc; i++) {
                    status = fly__sql_value_copy(fly__sql_type_physical(r->call.types[i]),
                                                 &r->value[i], &kept, &r->before[i], err);
                }
            }
            last = group;
            /* What a state keeps of a value must outlive the sorter's batch. */
            for (uint32_t i = 0; status == FLY_OK && i < r->argc; i++) {
                if (fly__sql_type_physical(r->call.types[i]) == FLY_VEC_STR) {
                    fly_vec_value mine;
                    status = fly__sql_value_copy(FLY_VEC_STR, &r->value[i], &a->states, &mine, err);
                    r->value[i] = mine;
                }
            }
            if (status == FLY_OK) {
                status = step_row(a, r, group, err);
            }
        }
    }
    fly_arena_deinit(&kept);
    fly__sql_sorter_clear(r->sorter);
    return status == FLY_E_END ? FLY_OK : status;
}

/* --------------------------------------------------------------------------- spilling */

static void partition_drop(agg_op *a, partition *p)
{
    if (p != NULL) {
        fly__sql_kept_free(&p->rows);
        fly_mem_free(memory_of(a), p, sizeof *p);
    }
}

static fly_status partition_new(agg_op *a, partition **made, fly_err *err)
{
    partition *p = fly_mem_calloc(memory_of(a), 1, sizeof *p);
    if (p == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for groups");
    }
    fly__sql_kept_partition(&p->rows, &a->aside);
    p->level = a->level + 1;
    *made = p;
    return FLY_OK;
}

/* A row of a group that is not there, and cannot be made. */
static fly_status put_aside(agg_op *a, const fly_vec *col, uint32_t row, uint64_t hash,
                            uint32_t set, fly_err *err)
{
    uint32_t which = (uint32_t)(hash >> (60 - 4 * a->level)) & (PARTITIONS - 1);
    uint32_t columns = a->op.rel->left->column_count;
    fly_status status = FLY_OK;
    if (a->filling[which] == NULL) {
        status = partition_new(a, &a->filling[which], err);
    }
    if (status == FLY_OK) {
        fly_vec_sel at = (fly_vec_sel)row;
        a->set_value->i64 = set;
        for (uint32_t c = 0; c < columns; c++) {
            a->parts[c] = &col[c];
        }
        a->parts[columns] = &a->set_key;
        status = fly__sql_kept_append_parts(&a->filling[which]->rows, a->parts, &at, 1, err);
    }
    return status;
}

static fly_status end_filling(agg_op *a, fly_err *err)
{
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        partition *p = a->filling[i];
        if (p == NULL) {
            continue;
        }
        a->filling[i] = NULL;
        p->next = a->waiting;
        a->waiting = p;
        fly_status status = fly__sql_kept_flush(&p->rows, err);
        a->op.stats.spilled += p->rows.spilled;
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* --------------------------------------------------------------------------- grouping */

/* Group numbers of a batch for one set; rows without a group leave the selection. */
static fly_status find_groups(agg_op *a, const fly_vec *col, const fly_vec_sel *sel, uint32_t *n,
                              uint32_t set, fly_err *err)
{
    const fly__sql_rel *rel = a->op.rel;
    const fly_vec *keys[FLY__SQL_GROUPS_MAX + 1];
    for (uint32_t i = 0; i < a->group_count; i++) {
        bool in = a->set_count == 0 || (rel->aggregate.sets[set] >> i & 1) != 0;
        keys[i] = in ? fly__sql_program_result(a->keys, i) : &a->null_key[i];
    }
    a->set_value->i64 = set;
    if (a->set_count > 0) {
        keys[a->group_count] = &a->set_key;
    }
    uint64_t slots = a->groups.hashes.slot != NULL ? a->groups.hashes.mask + 1 : 32;
    uint64_t more =
        (a->groups.hashes.used + *n) * 2 > slots ? 2 * slots * sizeof(fly__sql_table_slot) : 0;
    more += a->op.exec->session->query.limit / 8; /* for the partitions themselves */
    if (!a->frozen && a->level < LEVELS && a->groups.rows.count >= BLOCK &&
        fly__sql_over_budget_by(a->op.exec, more)) {
        a->frozen = true;
    }
    fly_status status =
        fly__sql_groups_find(&a->groups, keys, sel, *n, !a->frozen, a->number, NULL, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t m = 0;
    for (uint32_t k = 0; k < *n; k++) {
        uint32_t row = sel != NULL ? sel[k] : k;
        if (a->number[k] == UINT64_MAX) {
            status = put_aside(a, col, row, a->groups.hash[k], set, err);
            if (status != FLY_OK) {
                return status;
            }
            continue;
        }
        a->number[m] = a->number[k];
        a->there[m++] = (fly_vec_sel)row;
    }
    *n = m;
    return states_grow(a, a->groups.rows.count, err);
}

static fly_status consume_set(agg_op *a, const fly_vec *col, const fly_vec_sel *sel, uint32_t n,
                              uint32_t count, uint32_t set, fly_err *err)
{
    if (a->ungrouped) {
        memset(a->number, 0, n * sizeof *a->number);
    } else {
        fly_status status = find_groups(a, col, sel, &n, set, err);
        if (status != FLY_OK || n == 0) {
            return status;
        }
        sel = a->there;
    }
    for (uint32_t i = 0; i < a->run_count; i++) {
        fly_status status = feed(a, &a->run[i], col, sel, n, count, a->number, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status consume(agg_op *a, const fly_vec *col, const fly_vec_sel *sel, uint32_t n,
                          uint32_t count, uint32_t only_set, fly_err *err)
{
    fly__sql_inputs inputs = {{col}};
    fly_status status = a->ungrouped ? FLY_OK
                                     : fly__sql_program_run(a->keys, &inputs, sel, n, count, err);
    uint32_t sets = a->set_count > 0 ? a->set_count : 1;
    for (uint32_t s = 0; status == FLY_OK && s < sets; s++) {
        if (only_set == UINT32_MAX || only_set == s) {
            status = consume_set(a, col, sel, n, count, s, err);
        }
    }
    return status;
}

/* A set without keys has a group even if there is no input. */
static fly_status empty_sets(agg_op *a, fly_err *err)
{
    const fly_vec *keys[FLY__SQL_GROUPS_MAX + 1];
    for (uint32_t s = 0; a->input_rows == 0 && s < a->set_count; s++) {
        if (a->op.rel->aggregate.sets[s] != 0) {
            continue;
        }
        for (uint32_t i = 0; i < a->group_count; i++) {
            keys[i] = &a->null_key[i];
        }
        keys[a->group_count] = &a->set_key;
        a->set_value->i64 = s;
        fly_status status =
            fly__sql_groups_find(&a->groups, keys, NULL, 1, true, a->number, NULL, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return states_grow(a, a->groups.rows.count, err);
}

static fly_status finish(agg_op *a, fly_err *err)
{
    fly_status status = end_filling(a, err);
    for (uint32_t i = 0; status == FLY_OK && i < a->run_count; i++) {
        if (a->run[i].sorter != NULL) {
            status = feed_sorted(a, &a->run[i], err);
        }
    }
    a->given = 0;
    a->ready = true;
    return status;
}

static void forget_groups(agg_op *a)
{
    for (uint32_t i = 0; i < a->run_count; i++) {
        if (a->run[i].seen != NULL) {
            fly__sql_groups_clear(a->run[i].seen);
        }
    }
    if (!a->ungrouped) {
        fly__sql_groups_clear(&a->groups);
    }
    fly_arena_reset(&a->states);
    a->block_count = 0;
    a->group_total = 0;
    a->frozen = false;
}

static fly_status agg_open(fly__sql_op *op, fly_err *err)
{
    agg_op *a = (agg_op *)op;
    forget_groups(a);
    a->level = 0;
    a->input_rows = 0;
    a->ready = false;
    for (uint32_t i = 0; i < a->run_count; i++) {
        if (a->run[i].sorter != NULL) {
            fly__sql_sorter_clear(a->run[i].sorter);
        }
    }
    while (a->waiting != NULL) {
        partition *next = a->waiting->next;
        partition_drop(a, a->waiting);
        a->waiting = next;
    }
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        partition_drop(a, a->filling[i]);
        a->filling[i] = NULL;
    }
    fly_status status = a->ungrouped ? states_grow(a, 1, err) : FLY_OK;
    return status == FLY_OK ? fly__sql_op_open(op->left, err) : status;
}

static fly_status consume_all(agg_op *a, fly_err *err)
{
    for (;;) {
        fly_vec_batch *in;
        fly_status status = fly__sql_op_next(a->op.left, &in, err);
        if (status == FLY_E_END) {
            status = a->set_count > 0 ? empty_sets(a, err) : FLY_OK;
            return status == FLY_OK ? finish(a, err) : status;
        }
        if (status == FLY_OK) {
            uint32_t n = fly_vec_batch_rows(in);
            a->input_rows += n;
            status = consume(a, in->col, in->selected < 0 ? NULL : in->sel, n, in->count,
                             UINT32_MAX, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status consume_partition(agg_op *a, fly_err *err)
{
    partition *p = a->waiting;
    a->waiting = p->next;
    forget_groups(a);
    a->level = p->level;
    uint32_t columns = a->op.rel->left->column_count;
    fly_status status = FLY_OK;
    for (uint32_t c = 0; status == FLY_OK && c < p->rows.chunk_count; c++) {
        fly__sql_chunk *chunk;
        status = fly__sql_kept_chunk(&p->rows, c, &chunk, err);
        for (uint32_t s = 0; status == FLY_OK && s < (a->set_count > 0 ? a->set_count : 1); s++) {
            fly_vec_sel sel[FLY_VEC_CAPACITY];
            uint32_t n = 0;
            for (uint32_t i = 0; i < chunk->count; i++) {
                if (((const int64_t *)chunk->col[columns].data)[i] == (int64_t)s) {
                    sel[n++] = (fly_vec_sel)i;
                }
            }
            if (n > 0) {
                status = consume(a, chunk->col, sel, n, chunk->count, s, err);
            }
        }
    }
    partition_drop(a, p);
    return status == FLY_OK ? finish(a, err) : status;
}

/* ----------------------------------------------------------------------------- output */

static fly_status give_group(agg_op *a, uint64_t group, uint32_t at, fly_err *err)
{
    fly__sql_chunk *chunk = NULL;
    uint32_t row = 0;
    fly_status status = a->ungrouped ? FLY_OK
                                     : fly__sql_kept_at(&a->groups.rows, group, &chunk, &row, err);
    for (uint32_t c = 0; status == FLY_OK && c < a->op.rel->column_count; c++) {
        fly_vec_value value;
        memset(&value, 0, sizeof value);
        fly_vec *v = &a->op.out.col[c];
        if (a->source[c] == 'g') {
            value = fly__sql_get(&chunk->col[a->index[c]], row);
            if (a->groups.rows.spilled > 0) {
                fly_vec_value mine;
                status =
                    fly__sql_value_copy((fly_vec_type)v->type, &value, &a->out_arena, &mine, err);
                value = mine;
            }
        } else if (a->source[c] == 's') {
            int64_t set = fly__sql_get(&chunk->col[a->group_count], row).i64;
            value.i64 = (int64_t)a->op.rel->aggregate.sets[set];
        } else if (a->run[a->index[c]].vec != NULL) {
            continue; /* by give_kernels() */
        } else {
            agg_run *r = &a->run[a->index[c]];
            r->call.arena = &a->out_arena;
            r->call.err = err;
            status = r->func->final(&r->call, state_of(a, r, group), &value);
            if (status != FLY_OK && err != NULL && err->position == 0) {
                err->position = r->agg->pos;
            }
        }
        if (status == FLY_OK) {
            fly_vec_put(v, at, &value);
        }
    }
    return status;
}

/* Results of kernels for n groups from `first` on. */
static fly_status give_kernel(agg_op *a, uint32_t c, uint64_t first, uint32_t n, fly_err *err)
{
    agg_run *r = &a->run[a->index[c]];
    fly_vec *out = &a->op.out.col[c];
    for (uint32_t k = 0; k < n; k++) {
        uint64_t group = first + k;
        a->state[k] = a->block[group / BLOCK] + (group % BLOCK) * a->state_bytes;
    }
    if (!r->func->kernel_sums) {
        r->vec->result(a->state, (uint32_t)r->offset, (int)n, out);
        return FLY_OK;
    }
    fly_vec sums;
    fly_vec counts;
    fly_status status =
        fly_vec_init(&sums, (fly_vec_type)r->vec->result_type, n, &a->out_arena, err);
    if (status == FLY_OK) {
        status = fly_vec_init(&counts, FLY_VEC_I64, n, &a->out_arena, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    r->vec->result(a->state, (uint32_t)r->offset, (int)n, &sums);
    fly_vec_agg_counts(r->vec, a->state, (uint32_t)r->offset, (int)n, &counts);
    r->call.arena = &a->out_arena;
    r->call.err = err;
    for (uint32_t k = 0; status == FLY_OK && k < n; k++) {
        fly_vec_value sum = fly__sql_get(&sums, k);
        fly_vec_value value;
        fly__sql_sum_state state;
        memset(&state, 0, sizeof state);
        memset(&value, 0, sizeof value);
        state.sum = sum.null ? 0 : sums.type == FLY_VEC_I64 ? sum.i64 : sum.i128;
        state.count = fly__sql_get(&counts, k).i64;
        status = r->func->final(&r->call, &state, &value);
        if (status == FLY_OK) {
            fly_vec_put(out, k, &value);
        }
    }
    return status;
}

static fly_status give_kernels(agg_op *a, uint64_t first, uint32_t n, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t c = 0; status == FLY_OK && c < a->op.rel->column_count; c++) {
        if (a->source[c] == 'a' && a->run[a->index[c]].vec != NULL) {
            status = give_kernel(a, c, first, n, err);
        }
    }
    return status;
}

static fly_status agg_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    agg_op *a = (agg_op *)op;
    fly_status status = a->ready ? FLY_OK : consume_all(a, err);
    while (status == FLY_OK && a->given >= a->group_total) {
        if (a->waiting == NULL) {
            return FLY_E_END;
        }
        status = consume_partition(a, err);
    }
    uint64_t total = a->group_total;
    uint32_t n = 0;
    uint64_t first = a->given;
    fly_arena_reset(&a->out_arena);
    for (; status == FLY_OK && n < op->exec->batch_rows && a->given < total; n++, a->given++) {
        status = give_group(a, a->given, n, err);
    }
    if (status == FLY_OK) {
        status = give_kernels(a, first, n, err);
    }
    op->out.count = n;
    op->out.selected = -1;
    *batch = &op->out;
    return status;
}

static void agg_close(fly__sql_op *op)
{
    agg_op *a = (agg_op *)op;
    fly__sql_groups_free(&a->groups);
    for (uint32_t i = 0; i < a->run_count; i++) {
        fly__sql_sorter_free(a->run[i].sorter);
        if (a->run[i].seen != NULL) {
            fly__sql_groups_free(a->run[i].seen);
        }
    }
    while (a->waiting != NULL) {
        partition *next = a->waiting->next;
        partition_drop(a, a->waiting);
        a->waiting = next;
    }
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        partition_drop(a, a->filling[i]);
        a->filling[i] = NULL;
    }
    fly_mem_free(memory_of(a), a->block, a->block_room * sizeof *a->block);
    a->block = NULL;
    a->block_count = a->block_room = 0;
    fly_arena_deinit(&a->states);
    fly_arena_deinit(&a->out_arena);
}

/* ----------------------------------------------------------------------------- making */

static fly_status make_sorter(fly__sql_exec *exec, agg_run *r, const fly_sql_type *types,
                              fly_err *err)
{
    const fly__sql_agg *agg = r->agg;
    uint32_t columns = 1 + r->computed;
    uint32_t orders = 0;
    fly_sql_type *all = fly__sql_alloc(&exec->arena, columns, sizeof *all, err);
    fly__sql_sort_by *order = fly__sql_alloc(&exec->arena, columns + 1, sizeof *order, err);
    r->parts = fly__sql_alloc(&exec->arena, columns, sizeof *r->parts, err);
    if (all == NULL || order == NULL || r->parts == NULL) {
        return FLY_E_NO_MEMORY;
    }
    all[0] = fly__sql_type(FLY_SQL_INT8);
    memcpy(all + 1, types, r->computed * sizeof *all);
    order[orders++] = (fly__sql_sort_by){.column = 0, .type = all[0]};
    uint32_t first = 1 + agg->argc;
    for (uint32_t k = 0; k < agg->order_count; k++) {
        order[orders++] = (fly__sql_sort_by){.column = first + k,
                                             .type = all[first + k],
                                             .descending = agg->order[k].descending,
                                             .nulls_first = agg->order[k].nulls_first};
    }
    for (uint32_t i = 0; agg->distinct && i < agg->argc && orders < columns + 1; i++) {
        order[orders++] = (fly__sql_sort_by){.column = 1 + i, .type = all[1 + i]};
    }
    return fly__sql_sorter_create(exec, columns, all, order, orders, &r->sorter, err);
}

/* Aggregates whose result does not depend on the order of exact values. */
static bool any_order(const fly__sql_agg *agg)
{
    static const char *const names[] = {"count", "min",     "max",    "bool_and", "bool_or",
                                        "every", "bit_and", "bit_or", "bit_xor"};
    const char *name = agg->func->name;
    if (agg->func->kind != FLY__SQL_AGGREGATE || agg->argc == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    fly_vec_type type = fly__sql_type_physical(agg->args[0]->type);
    return (strcmp(name, "sum") == 0 || strcmp(name, "avg") == 0) && type != FLY_VEC_F32 &&
           type != FLY_VEC_F64;
}

static fly_status make_seen(fly__sql_exec *exec, agg_run *r, const fly_sql_type *types,
                            fly_err *err)
{
    uint32_t columns = 1 + r->argc;
    fly_sql_type *all = fly__sql_alloc(&exec->arena, columns, sizeof *all, err);
    r->seen = fly__sql_alloc(&exec->arena, 1, sizeof *r->seen, err);
    r->parts = fly__sql_alloc(&exec->arena, columns, sizeof *r->parts, err);
    if (all == NULL || r->seen == NULL || r->parts == NULL) {
        return FLY_E_NO_MEMORY;
    }
    all[0] = fly__sql_type(FLY_SQL_INT8);
    memcpy(all + 1, types, r->argc * sizeof *all);
    return fly__sql_groups_init(r->seen, exec, columns, columns, all, err);
}

static fly_status make_run(fly__sql_exec *exec, const fly__sql_ports *ports,
                           const fly__sql_agg *agg, agg_run *r, fly_err *err)
{
    r->agg = agg;
    r->func = agg->func->aggregate;
    if (r->func == NULL) {
        return fly_err_state(err, "0A000", agg->pos, "aggregate %s is not supported",
                             agg->func->name);
    }
    r->computed = agg->argc + agg->order_count;
    r->argc = agg->argc + (r->func->ordered_set ? agg->order_count : 0);
    fly__sql_expr **exprs = fly__sql_alloc(&exec->arena, r->computed, sizeof *exprs, err);
    fly_sql_type *types = fly__sql_alloc(&exec->arena, r->computed, sizeof *types, err);
    r->value = fly__sql_alloc(&exec->arena, r->computed, sizeof *r->value, err);
    r->before = fly__sql_alloc(&exec->arena, r->computed, sizeof *r->before, err);
    r->forms = fly__sql_alloc(&exec->arena, r->computed, sizeof *r->forms, err);
    if (exprs == NULL || types == NULL || r->value == NULL || r->before == NULL ||
        r->forms == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < r->computed; i++) {
        exprs[i] = i < agg->argc ? agg->args[i] : agg->order[i - agg->argc].expr;
        types[i] = exprs[i]->type;
        r->forms[i] = fly__sql_key_form_of(exec->session, types[i]);
    }
    r->call = (fly__sql_call){.session = exec->session,
                              .func = agg->func,
                              .types = types,
                              .result = agg->out.type,
                              .argc = r->argc,
                              .pos = agg->pos,
                              .memo = &r->memo,
                              .memo_arena = &exec->arena};
    fly_status status = fly__sql_program_values(exec, ports, exprs, r->computed, &r->args, err);
    if (status == FLY_OK && agg->filter != NULL) {
        status = fly__sql_program_select(exec, ports, agg->filter, &r->filter, err);
    }
    if (status == FLY_OK && agg->distinct && agg->order_count == 0 && any_order(agg)) {
        status = make_seen(exec, r, types, err);
    } else if (status == FLY_OK && (agg->distinct || agg->order_count > 0)) {
        return make_sorter(exec, r, types, err);
    }
    /* Strings of states would need rows of libvec's to live in. */
    r->vec = fly__sql_aggregate_kernel(agg->func, types, r->argc, agg->out.type);
    if (r->vec != NULL && (r->vec->string || (r->func->kernel_sums && r->vec->count_at < 0))) {
        r->vec = NULL;
    }
    return status;
}

static fly_status map_output(agg_op *a, fly_err *err)
{
    fly__sql_exec *exec = a->op.exec;
    const fly__sql_rel *rel = a->op.rel;
    a->source = fly__sql_alloc(&exec->arena, rel->column_count, 1, err);
    a->index = fly__sql_alloc(&exec->arena, rel->column_count, sizeof *a->index, err);
    if (a->source == NULL || a->index == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < rel->column_count; c++) {
        fly__sql_colid id = rel->columns[c].id;
        if (c < a->group_count) {
            a->source[c] = 'g';
            a->index[c] = c;
        } else if (id == rel->aggregate.grouping && id != 0) {
            a->source[c] = 's';
        }
        for (uint32_t i = 0; c >= a->group_count && i < a->run_count; i++) {
            if (rel->aggregate.aggs[i].out.id == id) {
                a->source[c] = 'a';
                a->index[c] = i;
            }
        }
        if (a->source[c] == 0) {
            return fly_err_state(err, "XX000", 0, "column %u of an aggregation is made by nobody",
                                 (unsigned)id);
        }
        fly_status status = fly__sql_vec_make(&a->op.out.col[c], rel->columns[c].type,
                                              a->ungrouped ? 1 : FLY_VEC_CAPACITY, &exec->arena,
                                              err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status make_keys(agg_op *a, const fly__sql_ports *ports, fly_err *err)
{
    fly__sql_exec *exec = a->op.exec;
    const fly__sql_rel *rel = a->op.rel;
    fly_sql_type *types = fly__sql_alloc(&exec->arena, a->key_count, sizeof *types, err);
    a->null_key = fly__sql_alloc(&exec->arena, a->group_count, sizeof *a->null_key, err);
    if (types == NULL || a->null_key == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < a->group_count; i++) {
        types[i] = rel->aggregate.groups[i]->type;
        fly_status status = fly__sql_vec_make(&a->null_key[i], types[i], 1, &exec->arena, err);
        if (status != FLY_OK) {
            return status;
        }
        fly_vec_set_null(&a->null_key[i], 0);
        a->null_key[i].kind = FLY_VEC_CONST;
    }
    if (a->set_count > 0) {
        types[a->group_count] = fly__sql_type(FLY_SQL_INT8);
    }
    fly_status status =
        fly__sql_program_values(exec, ports, rel->aggregate.groups, a->group_count, &a->keys, err);
    return status == FLY_OK
               ? fly__sql_groups_init(&a->groups, exec, a->key_count, a->key_count, types, err)
               : status;
}

static fly_status make_aside(agg_op *a, fly_err *err)
{
    const fly__sql_rel *left = a->op.rel->left;
    fly__sql_exec *exec = a->op.exec;
    fly_sql_type *types = fly__sql_alloc(&exec->arena, left->column_count + 1, sizeof *types, err);
    if (types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < left->column_count; c++) {
        types[c] = left->columns[c].type;
    }
    types[left->column_count] = fly__sql_type(FLY_SQL_INT8);
    return fly__sql_kept_init(&a->aside, exec, left->column_count + 1, types, err);
}

fly_status fly__sql_make_aggregate(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                   fly_err *err)
{
    static const fly__sql_op_vt vt = {agg_open, agg_next, agg_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(agg_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    agg_op *a = (agg_op *)*op;
    a->group_count = rel->aggregate.group_count;
    a->set_count = rel->aggregate.set_count;
    a->key_count = a->group_count + (a->set_count > 0);
    a->run_count = rel->aggregate.agg_count;
    a->ungrouped = a->key_count == 0;
    if (a->group_count > FLY__SQL_GROUPS_MAX) {
        return fly_err_state(err, "54000", 0, "too many grouping columns");
    }
    fly_arena_init(&a->states, memory_of(a), 1024);
    fly_arena_init(&a->out_arena, memory_of(a), 1024);
    a->op.out.arena = &a->out_arena;
    a->run = fly__sql_alloc(&exec->arena, a->run_count, sizeof *a->run, err);
    a->set_value = fly__sql_alloc(&exec->arena, 1, sizeof *a->set_value, err);
    a->parts = fly__sql_alloc(&exec->arena, rel->left->column_count + 1, sizeof *a->parts, err);
    if (a->run == NULL || a->set_value == NULL || a->parts == NULL) {
        return FLY_E_NO_MEMORY;
    }
    status = make_aside(a, err);
    a->set_key = (fly_vec){.kind = FLY_VEC_CONST, .type = FLY_VEC_I64, .data = &a->set_value->i64};
    fly__sql_ports ports = fly__sql_ports_of(rel->left);
    for (uint32_t i = 0; status == FLY_OK && i < a->run_count; i++) {
        status = make_run(exec, &ports, &rel->aggregate.aggs[i], &a->run[i], err);
        if (status == FLY_OK) {
            const fly_vec_agg *vec = a->run[i].vec;
            size_t size = vec != NULL ? vec->state_size : a->run[i].func->state_size;
            a->run[i].offset = a->state_bytes;
            a->state_bytes += (size + 15) & ~(size_t)15;
        }
    }
    if (status == FLY_OK && !a->ungrouped) {
        status = make_keys(a, &ports, err);
    }
    return status == FLY_OK ? map_output(a, err) : status;
}
