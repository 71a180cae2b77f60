/*
 * Joins by hashing.
 *
 * The right side is kept and hashed by its keys; batches of the left side look their keys up. Keys are
 * the equalities of the condition between one side and the other; what else the condition says, the
 * residual, is evaluated over pairs. If the optimiser says that the left side is the smaller one, the
 * sides change places.
 *
 *     batch of the left --hash--> pairs (left position, right row) --residual--> pairs that match
 *
 * If the build side is larger than the memory, both sides are written to partitions by four bits of
 * their hashes, and the partitions joined one after the other; one that is still too large is split by the
 * next four bits. @source Kitsuregawa et al., "Application of Hash to Data Base Machine and Its
 * Architecture", 1983 (GRACE).
 *
 * A probe's pairs are worked on 1,024 at a time. Kinds that give a left row by itself decide when all
 * pairs of its batch were seen, by a byte for each position.
 *
 * Invariants.
 *     H1  rows with a NULL in a key that is not null-safe are in no chain
 *     H2  MARK and ANTI_NULL hash only if the condition is one equality: then what is NULL is known from
 *         the key alone
 */
#include "exec/join_int.h"

#include <string.h>

enum { JOIN_PARTS = 16, JOIN_LEVELS = 8 };

/* Rows of both sides whose hashes have some bits in common. */
typedef struct join_part {
    fly__sql_kept build, probe;
    uint32_t level;
    struct join_part *next;
} join_part;

typedef struct hash_op {
    fly__sql_op op;
    fly__sql_join_out out;
    fly__sql_join_kind kind;
    const fly__sql_rel *probe_rel, *build_rel;
    uint32_t key_count;
    fly_sql_type *types;
    fly__sql_key_form *forms;
    bool *null_safe;
    fly__sql_program *probe_keys, *build_keys;
    fly__sql_program *residual;
    fly__sql_kept build; /* the build side's columns, then its keys */
    uint32_t build_columns;
    fly__sql_hashes hashes;
    bool build_null; /* a build row has a NULL in its key */
    bool turned;     /* SEMI, ANTI with the sides changed: rows of the build side are given */
    uint64_t *found; /* RIGHT, FULL: a bit per build row */
    uint64_t found_words;
    fly_arena scratch;
    /* What does not fit: the partitions that are being filled, those that wait, the one at hand. */
    bool split;
    uint32_t level;
    join_part *filling[JOIN_PARTS];
    join_part *waiting;
    join_part *current;
    uint32_t current_chunk;
    fly_vec_batch current_batch;
    fly__sql_kept probe_like; /* empty: the columns of the probe side */
    bool build_any;           /* the build side had a row */
    /* The probe at hand. */
    fly_vec_batch *batch;
    uint32_t at;        /* the next row of it to look up, */
    uint64_t slot;      /* and where in its chain to go on; UINT64_MAX: at the beginning */
    bool singles_given; /* rows by themselves were given */
    bool ended, tail;
    uint64_t tail_at;
    const fly_vec **parts;
    const fly_vec **probe_parts;
    fly_vec
        *pair_col; /* build columns of the pairs, for the residual, side by side with the left's */
    fly_vec *left_col;
    uint32_t pairs;
    fly_vec_sel pair_left[FLY_VEC_CAPACITY + 8];
    uint64_t pair_right[FLY_VEC_CAPACITY];
    uint64_t hash[FLY_VEC_CAPACITY];
    uint8_t matched[FLY_VEC_CAPACITY];
    uint8_t null_key[FLY_VEC_CAPACITY];
} hash_op;

static bool keeps_build(const hash_op *h)
{
    return h->turned || h->kind == FLY__SQL_JOIN_RIGHT || h->kind == FLY__SQL_JOIN_FULL;
}

static bool gives_pairs(const hash_op *h)
{
    switch (h->kind) {
    case FLY__SQL_JOIN_SEMI:
    case FLY__SQL_JOIN_ANTI:
    case FLY__SQL_JOIN_ANTI_NULL:
    case FLY__SQL_JOIN_MARK:
        return false;
    default:
        return true;
    }
}

static fly_mem *memory_of(const hash_op *h)
{
    return &h->op.exec->session->query.mem;
}

/* ------------------------------------------------------------------------------ build */

/* Hashes of keys, and which of them have a NULL that matches nothing. */
static fly_status hash_keys(hash_op *h, const fly__sql_program *program, const fly_vec_sel *sel,
                            uint32_t n, uint64_t *hash, uint8_t *null_key, fly_err *err)
{
    memset(null_key, 0, n);
    for (uint32_t k = 0; k < h->key_count; k++) {
        const fly_vec *v = fly__sql_program_result(program, k);
        fly_status status =
            fly__sql_vec_hash(h->types[k], h->forms[k], v, sel, n, k == 0, hash, &h->scratch, err);
        if (status != FLY_OK) {
            return status;
        }
        if (h->null_safe[k] || (v->valid == NULL && v->kind != FLY_VEC_DICT)) {
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            null_key[i] |= fly_vec_is_null(v, sel != NULL ? sel[i] : i);
        }
    }
    fly_arena_reset(&h->scratch);
    return FLY_OK;
}

/* ------------------------------------------------------------------------ partitions */

static void part_drop(hash_op *h, join_part *part)
{
    if (part != NULL) {
        fly__sql_kept_free(&part->build);
        fly__sql_kept_free(&part->probe);
        fly_mem_free(memory_of(h), part, sizeof *part);
    }
}

static void drop_parts(hash_op *h)
{
    for (uint32_t i = 0; i < JOIN_PARTS; i++) {
        part_drop(h, h->filling[i]);
        h->filling[i] = NULL;
    }
    while (h->waiting != NULL) {
        join_part *next = h->waiting->next;
        part_drop(h, h->waiting);
        h->waiting = next;
    }
    part_drop(h, h->current);
    h->current = NULL;
    h->split = false;
    h->level = 0;
}

/* Rows of either side to the partitions of their hashes, which are in h->hash. */
static fly_status put_parts(hash_op *h, bool build, const fly_vec *const *col,
                            const fly_vec_sel *sel, uint32_t n, fly_err *err)
{
    fly_vec_sel list[JOIN_PARTS][FLY_VEC_CAPACITY];
    uint32_t count[JOIN_PARTS] = {0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t which = (uint32_t)(h->hash[i] >> (60 - 4 * h->level)) & (JOIN_PARTS - 1);
        list[which][count[which]++] = sel != NULL ? sel[i] : (fly_vec_sel)i;
    }
    for (uint32_t p = 0; p < JOIN_PARTS; p++) {
        if (count[p] == 0) {
            continue;
        }
        if (h->filling[p] == NULL) {
            h->filling[p] = fly_mem_calloc(memory_of(h), 1, sizeof *h->filling[p]);
            if (h->filling[p] == NULL) {
                return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a join");
            }
            fly__sql_kept_partition(&h->filling[p]->build, &h->build);
            fly__sql_kept_partition(&h->filling[p]->probe, &h->probe_like);
            h->filling[p]->level = h->level + 1;
        }
        fly_status status = fly__sql_kept_append_parts(
            build ? &h->filling[p]->build : &h->filling[p]->probe, col, list[p], count[p], err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* The build side is too large: what is there goes to partitions, and so will what comes. */
static fly_status split_build(hash_op *h, fly_err *err)
{
    uint64_t hash[FLY_VEC_CAPACITY];
    fly_status status = FLY_OK;
    memcpy(hash, h->hash, sizeof hash); /* of the batch that is being added */
    fly__sql_hashes_free(&h->hashes);
    for (uint32_t c = 0; status == FLY_OK && c < h->build.chunk_count; c++) {
        fly__sql_chunk *chunk;
        status = fly__sql_kept_chunk(&h->build, c, &chunk, err);
        for (uint32_t k = 0; status == FLY_OK && k < h->key_count; k++) {
            status = fly__sql_vec_hash(h->types[k], h->forms[k], &chunk->col[h->build_columns + k],
                                       NULL, chunk->count, k == 0, h->hash, &h->scratch, err);
        }
        for (uint32_t i = 0; status == FLY_OK && i < h->build_columns + h->key_count; i++) {
            h->parts[i] = &chunk->col[i];
        }
        if (status == FLY_OK && chunk->count > 0) {
            status = put_parts(h, true, h->parts, NULL, chunk->count, err);
        }
    }
    fly__sql_kept_free(&h->build);
    memcpy(h->hash, hash, sizeof hash);
    h->split = true;
    return status;
}

/* ----------------------------------------------------------------------------- building */

static uint64_t growth(const hash_op *h, uint32_t n)
{
    uint64_t slots = h->hashes.slot != NULL ? h->hashes.mask + 1 : 32;
    return (h->hashes.used + n) * 2 > slots ? 2 * slots * sizeof(fly__sql_table_slot) : 0;
}

static fly_status add_build(hash_op *h, const fly_vec *col, const fly_vec_sel *sel, uint32_t n,
                            uint32_t count, fly_err *err)
{
    fly__sql_inputs inputs = {{col}};
    fly_status status = fly__sql_program_run(h->build_keys, &inputs, sel, n, count, err);
    if (status == FLY_OK) {
        status = hash_keys(h, h->build_keys, sel, n, h->hash, h->null_key, err);
    }
    h->build_any |= n > 0;
    for (uint32_t i = 0; i < n; i++) {
        h->build_null |= h->null_key[i] != 0;
    }
    if (status == FLY_OK && !h->split && h->level < JOIN_LEVELS &&
        h->build.count >= FLY_VEC_CAPACITY && fly__sql_over_budget_by(h->op.exec, growth(h, n))) {
        status = split_build(h, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    for (uint32_t c = 0; c < h->build_columns; c++) {
        h->parts[c] = &col[c];
    }
    for (uint32_t k = 0; k < h->key_count; k++) {
        h->parts[h->build_columns + k] = fly__sql_program_result(h->build_keys, k);
    }
    if (h->split) {
        return put_parts(h, true, h->parts, sel, n, err);
    }
    uint64_t first = h->build.count;
    status = fly__sql_hashes_reserve(&h->hashes, n, err);
    if (status == FLY_OK) {
        status = fly__sql_kept_append_parts(&h->build, h->parts, sel, n, err);
    }
    for (uint32_t i = 0; status == FLY_OK && i < n; i++) {
        if (!h->null_key[i]) {
            fly__sql_hashes_add(&h->hashes, h->hash[i], first + i);
        }
    }
    return status;
}

static fly_status add_probe(hash_op *h, const fly_vec *col, const fly_vec_sel *sel, uint32_t n,
                            uint32_t count, fly_err *err)
{
    fly__sql_inputs inputs = {{col}};
    fly_status status = fly__sql_program_run(h->probe_keys, &inputs, sel, n, count, err);
    if (status == FLY_OK) {
        status = hash_keys(h, h->probe_keys, sel, n, h->hash, h->null_key, err);
    }
    for (uint32_t c = 0; c < h->probe_rel->column_count; c++) {
        h->probe_parts[c] = &col[c];
    }
    return status == FLY_OK ? put_parts(h, false, h->probe_parts, sel, n, err) : status;
}

static void drop_found(hash_op *h)
{
    fly_mem_free(memory_of(h), h->found, h->found_words * sizeof *h->found);
    h->found = NULL;
    h->found_words = 0;
}

/* The build side is complete: make ready to probe it, or put partitions into the line. */
static fly_status end_build(hash_op *h, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t p = 0; h->split && p < JOIN_PARTS; p++) {
        join_part *part = h->filling[p];
        h->filling[p] = NULL;
        if (part == NULL) {
            continue;
        }
        part->next = h->waiting;
        h->waiting = part;
        if (status == FLY_OK) {
            status = fly__sql_kept_flush(&part->build, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_kept_flush(&part->probe, err);
        }
        h->op.stats.spilled += part->build.spilled + part->probe.spilled;
    }
    if (h->split || status != FLY_OK) {
        return status;
    }
    status = fly__sql_hashes_reserve(&h->hashes, 1, err);
    if (status == FLY_OK && keeps_build(h)) {
        drop_found(h);
        h->found_words = h->build.count / 64 + 1;
        h->found = fly_mem_calloc(memory_of(h), h->found_words, sizeof *h->found);
        if (h->found == NULL) {
            h->found_words = 0;
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a join");
        }
    }
    return status;
}

/* The next partition that waits, in memory; it may be split again. FLY_E_END. */
static fly_status next_part(hash_op *h, fly_err *err)
{
    do {
        part_drop(h, h->current);
        join_part *part = h->current = h->waiting;
        if (part == NULL) {
            return FLY_E_END;
        }
        h->waiting = part->next;
        h->level = part->level;
        h->split = false;
        h->build.stay = h->level < JOIN_LEVELS;
        fly__sql_kept_free(&h->build);
        fly__sql_hashes_clear(&h->hashes);
        fly_status status = FLY_OK;
        for (uint32_t c = 0; status == FLY_OK && c < part->build.chunk_count; c++) {
            fly__sql_chunk *chunk;
            status = fly__sql_kept_chunk(&part->build, c, &chunk, err);
            if (status == FLY_OK && chunk->count > 0) {
                status = add_build(h, chunk->col, NULL, chunk->count, chunk->count, err);
            }
        }
        fly__sql_kept_free(&part->build);
        for (uint32_t c = 0; status == FLY_OK && h->split && c < part->probe.chunk_count; c++) {
            fly__sql_chunk *chunk;
            status = fly__sql_kept_chunk(&part->probe, c, &chunk, err);
            if (status == FLY_OK && chunk->count > 0) {
                status = add_probe(h, chunk->col, NULL, chunk->count, chunk->count, err);
            }
        }
        if (status == FLY_OK) {
            status = end_build(h, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    } while (h->split);
    h->current_chunk = 0;
    return FLY_OK;
}

static fly_status hash_open(fly__sql_op *op, fly_err *err)
{
    hash_op *h = (hash_op *)op;
    fly_vec_batch *in;
    h->batch = NULL;
    h->ended = h->tail = h->build_null = h->build_any = false;
    drop_parts(h);
    h->build.stay = true;
    fly__sql_kept_clear(&h->build);
    fly__sql_hashes_clear(&h->hashes);
    fly_status status = fly__sql_op_open(op->right, err);
    while (status == FLY_OK) {
        status = fly__sql_op_next(op->right, &in, err);
        if (status == FLY_OK) {
            status = add_build(h, in->col, in->selected < 0 ? NULL : in->sel,
                               fly_vec_batch_rows(in), in->count, err);
        }
    }
    if (status == FLY_E_END) {
        status = fly__sql_op_open(op->left, err);
    }
    while (status == FLY_OK && h->split) {
        status = fly__sql_op_next(op->left, &in, err);
        if (status == FLY_OK) {
            status = add_probe(h, in->col, in->selected < 0 ? NULL : in->sel,
                               fly_vec_batch_rows(in), in->count, err);
        }
    }
    if (status == FLY_E_END || status == FLY_OK) {
        bool split = h->split;
        status = end_build(h, err);
        if (status == FLY_OK && split) {
            status = next_part(h, err);
        }
        h->ended = status == FLY_E_END;
        status = h->ended ? FLY_OK : status;
    }
    return status;
}

/* ------------------------------------------------------------------------------ probe */

static bool ints(const fly_vec *v)
{
    return v->type == FLY_VEC_I16 || v->type == FLY_VEC_I32 || v->type == FLY_VEC_I64;
}

static int64_t as_int(const fly_vec *v, uint32_t row)
{
    fly_vec_value value = fly__sql_get(v, row);
    return v->type == FLY_VEC_I16 ? value.i16 : v->type == FLY_VEC_I32 ? value.i32 : value.i64;
}

/* Keys of the two sides may be integers of different sizes, or floats; else they have one type. */
static bool same_key(const hash_op *h, uint32_t k, const fly_vec *a, uint32_t i, const fly_vec *b,
                     uint32_t j)
{
    if (a->type == b->type) {
        return fly__sql_vec_same(h->types[k], h->forms[k], a, i, b, j);
    }
    bool an = fly_vec_is_null(a, i), bn = fly_vec_is_null(b, j);
    if (an || bn) {
        return an && bn;
    }
    if (ints(a)) {
        return as_int(a, i) == as_int(b, j);
    }
    fly_vec_value x = fly__sql_get(a, i);
    fly_vec_value y = fly__sql_get(b, j);
    double p = a->type == FLY_VEC_F32 ? (double)x.f32 : x.f64;
    double q = b->type == FLY_VEC_F32 ? (double)y.f32 : y.f64;
    return p == q || (p != p && q != q);
}

static fly_status pair_matches(hash_op *h, uint32_t row, uint64_t number, bool *same, fly_err *err)
{
    fly__sql_chunk *chunk;
    uint32_t at;
    fly_status status = fly__sql_kept_at(&h->build, number, &chunk, &at, err);
    *same = status == FLY_OK;
    for (uint32_t k = 0; *same && k < h->key_count; k++) {
        *same = same_key(h, k, fly__sql_program_result(h->probe_keys, k), row,
                         &chunk->col[h->build_columns + k], at);
    }
    return status;
}

static uint32_t position(const hash_op *h, uint32_t i)
{
    return h->batch->selected < 0 ? i : h->batch->sel[i];
}

/* Pairs whose keys are equal, as many as there is room for. */
static fly_status find_pairs(hash_op *h, uint32_t room, fly_err *err)
{
    uint32_t rows = fly_vec_batch_rows(h->batch);
    bool first_only = !gives_pairs(h) && h->residual == NULL && !h->turned;
    h->pairs = 0;
    for (; h->at < rows; h->at++, h->slot = UINT64_MAX) {
        if (h->null_key[h->at]) {
            continue;
        }
        uint32_t row = position(h, h->at);
        if (h->slot == UINT64_MAX) {
            h->slot = fly__sql_hashes_start(&h->hashes, h->hash[h->at]);
        }
        while (h->hashes.slot[h->slot].hash != 0) {
            if (h->pairs == room) {
                return FLY_OK;
            }
            const fly__sql_table_slot *slot = &h->hashes.slot[h->slot];
            h->slot = (h->slot + 1) & h->hashes.mask;
            bool same;
            if (slot->hash != (h->hash[h->at] | 1)) {
                continue;
            }
            fly_status status = pair_matches(h, row, slot->number, &same, err);
            if (status != FLY_OK) {
                return status;
            }
            if (same) {
                h->pair_left[h->pairs] = (fly_vec_sel)h->at;
                h->pair_right[h->pairs++] = slot->number;
                if (first_only) {
                    break;
                }
            }
        }
    }
    return FLY_OK;
}

/* A column of the build side for rows given by number. */
static fly_status gather_build(hash_op *h, uint32_t column, const uint64_t *number, uint32_t n,
                               fly_vec *to, uint32_t at, fly_err *err)
{
    return fly__sql_kept_gather(&h->build, column, number, n, to, at, &h->out.arena, err);
}

/* Let the residual strike pairs out. */
static fly_status strike_out(hash_op *h, fly_err *err)
{
    fly_vec_sel left[FLY_VEC_CAPACITY];
    for (uint32_t i = 0; i < h->pairs; i++) {
        left[i] = (fly_vec_sel)position(h, h->pair_left[i]);
    }
    fly_status status = FLY_OK;
    for (uint32_t c = 0; status == FLY_OK && c < h->probe_rel->column_count; c++) {
        h->left_col[c].kind = FLY_VEC_FLAT;
        status =
            fly__sql_vec_gather(&h->left_col[c], 0, &h->batch->col[c], left, h->pairs, NULL, err);
    }
    for (uint32_t c = 0; status == FLY_OK && c < h->build_columns; c++) {
        h->pair_col[c].kind = FLY_VEC_FLAT;
        status = gather_build(h, c, h->pair_right, h->pairs, &h->pair_col[c], 0, err);
    }
    const fly_vec_sel *chosen;
    uint32_t m;
    fly__sql_inputs inputs = {{h->left_col, h->pair_col}};
    if (status == FLY_OK) {
        status =
            fly__sql_program_test(h->residual, &inputs, NULL, h->pairs, h->pairs, &chosen, &m, err);
    }
    if (status == FLY_OK && chosen != NULL) {
        for (uint32_t i = 0; i < m; i++) {
            h->pair_left[i] = h->pair_left[chosen[i]];
            h->pair_right[i] = h->pair_right[chosen[i]];
        }
        h->pairs = m;
    }
    return status;
}

static fly_status note_matches(hash_op *h, fly_err *err)
{
    for (uint32_t i = 0; i < h->pairs; i++) {
        if (h->kind == FLY__SQL_JOIN_SINGLE && h->matched[h->pair_left[i]]) {
            return fly_err_state(err, "21000", 0,
                                 "more than one row returned by a subquery used as an expression");
        }
        h->matched[h->pair_left[i]] = 1;
        if (h->found != NULL) {
            h->found[h->pair_right[i] / 64] |= (uint64_t)1 << (h->pair_right[i] % 64);
        }
    }
    return FLY_OK;
}

static void put_nulls(fly_vec *v, uint32_t at, uint32_t n)
{
    for (uint32_t i = at; i < at + n; i++) {
        fly_vec_set_null(v, i);
        if (v->type == FLY_VEC_STR) {
            memset((fly_vec_str *)v->data + i, 0, sizeof(fly_vec_str));
        }
    }
}

/* Append pairs to the output; `left` false: right rows with NULLs; `right` false: left rows. */
static fly_status give(hash_op *h, bool left, bool right, fly_err *err)
{
    fly_vec_batch *out = &h->op.out;
    fly_vec_sel sel[FLY_VEC_CAPACITY];
    for (uint32_t i = 0; left && i < h->pairs; i++) {
        sel[i] = (fly_vec_sel)position(h, h->pair_left[i]);
    }
    for (uint32_t c = 0; c < out->columns; c++) {
        fly_vec *v = &out->col[c];
        uint32_t from = h->out.index[c];
        fly_status status = FLY_OK;
        if (h->out.side[c] == FLY__SQL_SIDE_MARK) {
            for (uint32_t i = 0; i < h->pairs; i++) {
                uint32_t row = h->pair_left[i];
                fly_vec_value mark;
                memset(&mark, 0, sizeof mark);
                mark.b = h->matched[row] != 0;
                mark.null = !mark.b && h->build_any && (h->null_key[row] || h->build_null);
                fly_vec_put(v, out->count + i, &mark);
            }
        } else if (h->out.side[c] == FLY__SQL_SIDE_LEFT ? !left : !right) {
            put_nulls(v, out->count, h->pairs);
        } else if (h->out.side[c] == FLY__SQL_SIDE_LEFT) {
            status =
                fly__sql_vec_gather(v, out->count, &h->batch->col[from], sel, h->pairs, NULL, err);
        } else {
            status = gather_build(h, from, h->pair_right, h->pairs, v, out->count, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    out->count += h->pairs;
    return FLY_OK;
}

/* Left rows that are given by themselves, once the batch's pairs are done. */
static fly_status give_singles(hash_op *h, fly_err *err)
{
    uint32_t rows = fly_vec_batch_rows(h->batch);
    h->pairs = 0;
    for (uint32_t i = 0; i < rows; i++) {
        bool alone;
        switch (h->kind) {
        case FLY__SQL_JOIN_LEFT:
        case FLY__SQL_JOIN_FULL:
        case FLY__SQL_JOIN_SINGLE:
        case FLY__SQL_JOIN_ANTI:
            alone = !h->matched[i];
            break;
        case FLY__SQL_JOIN_SEMI:
            alone = h->matched[i];
            break;
        case FLY__SQL_JOIN_ANTI_NULL:
            alone = !h->build_any || (!h->matched[i] && !h->null_key[i] && !h->build_null);
            break;
        case FLY__SQL_JOIN_MARK:
            alone = true;
            break;
        default:
            alone = false;
            break;
        }
        if (alone) {
            h->pair_left[h->pairs++] = (fly_vec_sel)i;
        }
    }
    h->singles_given = true;
    return give(h, true, false, err);
}

/* More rows to look up: of the left side, or of its partition. */
static fly_status probe_rows(hash_op *h, fly_err *err)
{
    if (h->current == NULL) {
        return fly__sql_op_next(h->op.left, &h->batch, err);
    }
    fly__sql_chunk *chunk;
    if (h->current_chunk >= h->current->probe.chunk_count) {
        return FLY_E_END;
    }
    fly_status status = fly__sql_kept_chunk(&h->current->probe, h->current_chunk++, &chunk, err);
    if (status == FLY_OK && chunk->count == 0) {
        return FLY_E_END;
    }
    if (status == FLY_OK) {
        h->current_batch = (fly_vec_batch){.count = chunk->count,
                                           .columns = h->probe_rel->column_count,
                                           .selected = -1,
                                           .col = chunk->col};
        h->batch = &h->current_batch;
    }
    return status;
}

static fly_status probe_begin(hash_op *h, fly_err *err)
{
    fly_status status = probe_rows(h, err);
    if (status == FLY_OK) {
        status = fly__sql_program_batch(h->probe_keys, h->batch, err);
    }
    if (status == FLY_OK) {
        uint32_t rows = fly_vec_batch_rows(h->batch);
        h->at = 0;
        h->slot = UINT64_MAX;
        h->singles_given = false;
        memset(h->matched, 0, rows);
        status = hash_keys(h, h->probe_keys, h->batch->selected < 0 ? NULL : h->batch->sel, rows,
                           h->hash, h->null_key, err);
    }
    return status;
}

static fly_status give_tail(hash_op *h, fly_err *err)
{
    h->pairs = 0;
    for (; h->tail_at < h->build.count && h->pairs < FLY_VEC_CAPACITY; h->tail_at++) {
        bool found = (h->found[h->tail_at / 64] >> (h->tail_at % 64) & 1) != 0;
        if (found == (h->turned && h->kind == FLY__SQL_JOIN_SEMI)) {
            h->pair_right[h->pairs++] = h->tail_at;
        }
    }
    return give(h, false, true, err);
}

/* All rows of the left side, or of its partition, were looked up. */
static fly_status end_probe(hash_op *h, fly_err *err)
{
    if (!h->tail && keeps_build(h)) {
        h->tail = true;
        h->tail_at = 0;
        return FLY_OK;
    }
    h->tail = false;
    h->batch = NULL;
    return h->current != NULL ? next_part(h, err) : FLY_E_END;
}

static fly_status hash_step(hash_op *h, fly_err *err)
{
    if (h->tail) {
        return h->tail_at >= h->build.count ? end_probe(h, err) : give_tail(h, err);
    }
    if (h->batch == NULL || h->singles_given) {
        fly_status status = probe_begin(h, err);
        return status == FLY_E_END ? end_probe(h, err) : status;
    }
    if (h->at >= fly_vec_batch_rows(h->batch)) {
        if (h->turned) {
            h->singles_given = true;
            return FLY_OK;
        }
        return give_singles(h, err);
    }
    fly_status status = find_pairs(h, FLY_VEC_CAPACITY, err);
    if (status == FLY_OK && h->residual != NULL && h->pairs > 0) {
        status = strike_out(h, err);
    }
    if (status == FLY_OK) {
        status = note_matches(h, err);
    }
    if (status == FLY_OK && gives_pairs(h)) {
        status = give(h, true, true, err);
    }
    return status;
}

static fly_status hash_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    hash_op *h = (hash_op *)op;
    fly__sql_join_out_begin(&h->out);
    for (uint32_t c = 0; c < op->out.columns; c++) {
        op->out.col[c].kind = FLY_VEC_FLAT;
    }
    fly_status status = h->ended ? FLY_E_END : FLY_OK;
    while (status == FLY_OK && op->out.count == 0) {
        status = hash_step(h, err);
    }
    h->ended |= status == FLY_E_END;
    *batch = &op->out;
    return status;
}

static void hash_close(fly__sql_op *op)
{
    hash_op *h = (hash_op *)op;
    drop_parts(h);
    fly__sql_kept_free(&h->build);
    fly__sql_hashes_free(&h->hashes);
    drop_found(h);
    fly_arena_deinit(&h->scratch);
}

/* --------------------------------------------------------------- taking apart conditions */

typedef struct parts {
    fly__sql_exec *exec;
    const fly__sql_rel *left, *right;
    uint32_t key_count, rest_count, room;
    fly__sql_expr **left_keys, **right_keys, **rest;
    bool *null_safe;
} parts;

/* Whether an expression names columns of a rel. */
static bool names(parts *p, const fly__sql_expr *x, const fly__sql_rel *rel)
{
    fly__sql_idset set;
    if (fly__sql_idset_init(&set, p->exec->outer_count, &p->exec->arena, NULL) != FLY_OK) {
        return true;
    }
    fly__sql_free_in_expr(x, &set);
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (fly__sql_idset_has(&set, rel->columns[i].id)) {
            return true;
        }
    }
    return false;
}

static bool is_int(fly_sql_type type)
{
    return type.oid == FLY_SQL_INT2 || type.oid == FLY_SQL_INT4 || type.oid == FLY_SQL_INT8;
}

static bool is_float(fly_sql_type type)
{
    return type.oid == FLY_SQL_FLOAT4 || type.oid == FLY_SQL_FLOAT8;
}

static bool is_text(fly_sql_type type)
{
    return type.oid == FLY_SQL_TEXT || type.oid == FLY_SQL_VARCHAR;
}

/* Whether values of two types that are equal by SQL's = are equal by hash.c. */
static bool hash_alike(fly_sql_type a, fly_sql_type b)
{
    if ((is_int(a) && is_int(b)) || (is_float(a) && is_float(b))) {
        return true;
    }
    if (is_text(a) && is_text(b)) {
        return a.collation == b.collation;
    }
    return fly__sql_type_equal(a, b) && a.collation == b.collation;
}

/* Numerics of different shapes as libvec's, which holds them all. */
static fly__sql_expr *plain_numeric(parts *p, fly__sql_expr *x)
{
    fly__sql_expr *shape = fly__sql_alloc(&p->exec->arena, 1, sizeof *shape, NULL);
    fly__sql_expr **args = fly__sql_alloc(&p->exec->arena, 1, sizeof *args, NULL);
    if (shape == NULL || args == NULL) {
        return NULL;
    }
    args[0] = x;
    shape->kind = FLY__SQL_X_SHAPE;
    shape->type = fly__sql_type(FLY_SQL_NUMERIC);
    shape->pos = x->pos;
    shape->argc = 1;
    shape->args = args;
    return shape;
}

static bool take_key(parts *p, const fly__sql_expr *x)
{
    bool equals = x->kind == FLY__SQL_X_CALL && x->argc == 2 && x->func->op == FLY__SQL_OP_EQ;
    bool same = x->kind == FLY__SQL_X_DISTINCT && x->flag && x->argc == 2;
    if ((!equals && !same) || x->volatile_) {
        return false;
    }
    fly__sql_expr *a = x->args[0];
    fly__sql_expr *b = x->args[1];
    if (names(p, a, p->right) && names(p, b, p->left)) {
        fly__sql_expr *swap = a;
        a = b;
        b = swap;
    }
    if (!names(p, a, p->left) || !names(p, b, p->right) || names(p, a, p->right) ||
        names(p, b, p->left)) {
        return false;
    }
    if (!hash_alike(a->type, b->type)) {
        if (a->type.oid != FLY_SQL_NUMERIC || b->type.oid != FLY_SQL_NUMERIC) {
            return false;
        }
        a = a->type.digits > 0 ? plain_numeric(p, a) : a;
        b = b->type.digits > 0 ? plain_numeric(p, b) : b;
        if (a == NULL || b == NULL) {
            return false;
        }
    }
    p->left_keys[p->key_count] = a;
    p->right_keys[p->key_count] = b;
    p->null_safe[p->key_count++] = same;
    return true;
}

static uint32_t count_terms(const fly__sql_expr *x)
{
    if (x->kind != FLY__SQL_X_AND) {
        return 1;
    }
    uint32_t terms = 0;
    for (uint32_t i = 0; i < x->argc; i++) {
        terms += count_terms(x->args[i]);
    }
    return terms;
}

static void take_terms(parts *p, fly__sql_expr *x)
{
    if (x->kind == FLY__SQL_X_AND) {
        for (uint32_t i = 0; i < x->argc; i++) {
            take_terms(p, x->args[i]);
        }
    } else if (!take_key(p, x)) {
        p->rest[p->rest_count++] = x;
    }
}

static fly_status take_apart(parts *p, fly__sql_expr *condition, fly_err *err)
{
    uint32_t terms = count_terms(condition);
    p->left_keys = fly__sql_alloc(&p->exec->arena, terms, sizeof *p->left_keys, err);
    p->right_keys = fly__sql_alloc(&p->exec->arena, terms, sizeof *p->right_keys, err);
    p->rest = fly__sql_alloc(&p->exec->arena, terms, sizeof *p->rest, err);
    p->null_safe = fly__sql_alloc(&p->exec->arena, terms, sizeof *p->null_safe, err);
    if (p->left_keys == NULL || p->right_keys == NULL || p->rest == NULL || p->null_safe == NULL) {
        return FLY_E_NO_MEMORY;
    }
    take_terms(p, condition);
    return FLY_OK;
}

static fly__sql_expr *and_of(parts *p)
{
    if (p->rest_count <= 1) {
        return p->rest_count == 0 ? NULL : p->rest[0];
    }
    fly__sql_expr *both = fly__sql_alloc(&p->exec->arena, 1, sizeof *both, NULL);
    if (both != NULL) {
        both->kind = FLY__SQL_X_AND;
        both->type = fly__sql_type(FLY_SQL_BOOL);
        both->argc = p->rest_count;
        both->args = p->rest;
        both->raises = true;
    }
    return both;
}

/* `left = right` by whatever operator compares the two types. */
static fly_status equality(fly__sql_exec *exec, fly__sql_expr *a, fly__sql_expr *b, bool null_safe,
                           fly__sql_expr **x, fly_err *err)
{
    size_t count;
    const fly__sql_func *ops = fly__sql_operators("=", &count);
    const fly__sql_func *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (ops[i].argc == 2 && ops[i].args[0] == a->type.oid && ops[i].args[1] == b->type.oid) {
            found = &ops[i];
        }
    }
    *x = fly__sql_alloc(&exec->arena, 1, sizeof **x, err);
    fly__sql_expr **args = fly__sql_alloc(&exec->arena, 2, sizeof *args, err);
    if (*x == NULL || args == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (found == NULL) {
        return fly_err_state(err, "XX000", 0, "no equality for the keys of a join");
    }
    args[0] = a;
    args[1] = b;
    (*x)->kind = null_safe ? FLY__SQL_X_DISTINCT : FLY__SQL_X_CALL;
    (*x)->flag = null_safe;
    (*x)->type = fly__sql_type(FLY_SQL_BOOL);
    (*x)->func = found;
    (*x)->argc = 2;
    (*x)->args = args;
    return FLY_OK;
}

fly_status fly__sql_join_condition(fly__sql_exec *exec, const fly__sql_rel *rel,
                                   fly__sql_expr **condition, fly_err *err)
{
    parts p = {.exec = exec};
    p.rest = fly__sql_alloc(&exec->arena, rel->join.key_count + 1, sizeof *p.rest, err);
    fly_status status = p.rest == NULL ? FLY_E_NO_MEMORY : FLY_OK;
    for (uint32_t k = 0; status == FLY_OK && k < rel->join.key_count; k++) {
        status = equality(exec, rel->join.left_keys[k], rel->join.right_keys[k],
                          rel->join.null_safe != NULL && rel->join.null_safe[k],
                          &p.rest[p.rest_count++], err);
    }
    if (status == FLY_OK) {
        if (rel->join.residual != NULL) {
            p.rest[p.rest_count++] = rel->join.residual;
        }
        *condition = and_of(&p);
    }
    return status;
}

/* --------------------------------------------------------------------------- making */

static fly__sql_join_kind mirrored(fly__sql_join_kind kind)
{
    return kind == FLY__SQL_JOIN_LEFT    ? FLY__SQL_JOIN_RIGHT
           : kind == FLY__SQL_JOIN_RIGHT ? FLY__SQL_JOIN_LEFT
                                         : kind;
}

static bool may_mirror(fly__sql_join_kind kind)
{
    return kind == FLY__SQL_JOIN_SEMI || kind == FLY__SQL_JOIN_ANTI ||
           kind == FLY__SQL_JOIN_INNER || kind == FLY__SQL_JOIN_LEFT ||
           kind == FLY__SQL_JOIN_RIGHT || kind == FLY__SQL_JOIN_FULL;
}

static fly_status find_keys(fly__sql_exec *exec, const fly__sql_rel *rel, parts *p,
                            fly__sql_expr **residual, fly_err *err)
{
    if (rel->join.key_count > 0) {
        p->key_count = rel->join.key_count;
        p->left_keys = rel->join.left_keys;
        p->right_keys = rel->join.right_keys;
        p->null_safe = rel->join.null_safe;
        *residual = rel->join.residual;
        if (p->null_safe == NULL) {
            p->null_safe = fly__sql_alloc(&exec->arena, p->key_count, sizeof(bool), err);
        }
        for (uint32_t k = 0; k < p->key_count; k++) {
            if (!hash_alike(p->left_keys[k]->type, p->right_keys[k]->type)) {
                return FLY_E_NOT_FOUND;
            }
        }
        return p->null_safe != NULL ? FLY_OK : FLY_E_NO_MEMORY;
    }
    if (rel->join.condition == NULL) {
        return FLY_E_NOT_FOUND;
    }
    fly_status status = take_apart(p, rel->join.condition, err);
    if (status == FLY_OK) {
        *residual = and_of(p);
        status = p->key_count > 0 ? FLY_OK : FLY_E_NOT_FOUND;
    }
    return status;
}

/* Right names columns of left although the plan does not say LATERAL: an inner query under it does. */
static bool depends(fly__sql_exec *exec, const fly__sql_rel *rel)
{
    fly__sql_idset set;
    if (fly__sql_idset_init(&set, exec->outer_count, &exec->arena, NULL) != FLY_OK) {
        return true;
    }
    fly__sql_free_in_rel(rel->right, &set);
    for (uint32_t i = 0; i < rel->left->column_count; i++) {
        if (fly__sql_idset_has(&set, rel->left->columns[i].id)) {
            return true;
        }
    }
    return false;
}

static fly_status make_parts(hash_op *h, const parts *p, fly__sql_expr *residual, fly_err *err)
{
    fly__sql_exec *exec = h->op.exec;
    uint32_t keys = p->key_count;
    uint32_t build = h->build_rel->column_count;
    fly__sql_ports left = fly__sql_ports_of(h->probe_rel);
    fly__sql_ports right = fly__sql_ports_of(h->build_rel);
    fly_sql_type *types = fly__sql_alloc(&exec->arena, build + keys, sizeof *types, err);
    h->types = fly__sql_alloc(&exec->arena, keys, sizeof *h->types, err);
    h->forms = fly__sql_alloc(&exec->arena, keys, sizeof *h->forms, err);
    h->parts = fly__sql_alloc(&exec->arena, build + keys, sizeof *h->parts, err);
    h->pair_col = fly__sql_alloc(&exec->arena, build, sizeof(fly_vec), err);
    h->left_col = fly__sql_alloc(&exec->arena, h->probe_rel->column_count, sizeof(fly_vec), err);
    if (types == NULL || h->types == NULL || h->forms == NULL || h->parts == NULL ||
        h->pair_col == NULL || h->left_col == NULL) {
        return FLY_E_NO_MEMORY;
    }
    h->key_count = keys;
    h->null_safe = p->null_safe;
    h->build_columns = build;
    for (uint32_t c = 0; c < build; c++) {
        types[c] = h->build_rel->columns[c].type;
    }
    for (uint32_t k = 0; k < keys; k++) {
        types[build + k] = p->right_keys[k]->type;
        h->types[k] = p->right_keys[k]->type;
        h->forms[k] = fly__sql_key_form_of(exec->session, h->types[k]);
    }
    h->probe_parts =
        fly__sql_alloc(&exec->arena, h->probe_rel->column_count, sizeof *h->probe_parts, err);
    if (h->probe_parts == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly_status status = fly__sql_kept_init(&h->build, exec, build + keys, types, err);
    if (status == FLY_OK) {
        status = fly__sql_kept_init_rel(&h->probe_like, exec, h->probe_rel, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_program_values(exec, &left, p->left_keys, keys, &h->probe_keys, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_program_values(exec, &right, p->right_keys, keys, &h->build_keys, err);
    }
    if (status != FLY_OK || residual == NULL) {
        return status;
    }
    fly__sql_ports both = fly__sql_ports_pair(h->probe_rel, h->build_rel);
    status = fly__sql_program_select(exec, &both, residual, &h->residual, err);
    for (uint32_t c = 0; status == FLY_OK && c < build; c++) {
        status = fly__sql_vec_make(&h->pair_col[c], types[c], FLY_VEC_CAPACITY, &exec->arena, err);
    }
    for (uint32_t c = 0; status == FLY_OK && c < h->probe_rel->column_count; c++) {
        status = fly__sql_vec_make(&h->left_col[c], h->probe_rel->columns[c].type, FLY_VEC_CAPACITY,
                                   &exec->arena, err);
    }
    return status;
}

fly_status fly__sql_make_hash_join(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                   fly_err *err)
{
    static const fly__sql_op_vt vt = {hash_open, hash_next, hash_close};
    parts p = {.exec = exec, .left = rel->left, .right = rel->right};
    fly__sql_expr *residual = NULL;
    fly_status status = depends(exec, rel) ? FLY_E_NOT_FOUND
                                           : find_keys(exec, rel, &p, &residual, err);
    bool three_valued = rel->join.join == FLY__SQL_JOIN_MARK ||
                        rel->join.join == FLY__SQL_JOIN_ANTI_NULL;
    if (status == FLY_OK && three_valued && (p.key_count != 1 || residual != NULL)) {
        status = FLY_E_NOT_FOUND;
    }
    if (status == FLY_OK) {
        status = fly__sql_op_alloc(exec, rel, sizeof(hash_op), &vt, op, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    hash_op *h = (hash_op *)*op;
    bool mirror = rel->join.build_left && may_mirror(rel->join.join);
    h->kind = mirror ? mirrored(rel->join.join) : rel->join.join;
    h->turned = mirror && !gives_pairs(h);
    h->probe_rel = mirror ? rel->right : rel->left;
    h->build_rel = mirror ? rel->left : rel->right;
    if (mirror) {
        fly__sql_expr **swap = p.left_keys;
        p.left_keys = p.right_keys;
        p.right_keys = swap;
    }
    fly__sql_hashes_init(&h->hashes, memory_of(h));
    fly_arena_init(&h->scratch, memory_of(h), 1024);
    status = fly__sql_op_create(exec, h->probe_rel, &(*op)->left, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, h->build_rel, &(*op)->right, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_join_out_init(&h->out, *op, h->probe_rel, h->build_rel, err);
    }
    if (status == FLY_OK) {
        status = make_parts(h, &p, residual, err);
    }
    return status;
}
