/*
 * Sorting rows, with runs on disk when there are too many for the query's memory.
 *
 * Each row has an entry: the beginning of its first key as a number that sorts like the key, and the
 * row's number. Entries are merge-sorted, which is stable; only where the numbers are equal the values
 * themselves are compared. When the memory is used up, what is there is sorted and written as a run,
 * and in the end the runs are merged.
 *
 * If only the first rows are wanted, whatever is sorted behind them is dropped now and then, and from
 * then on what begins with more than the last one of them is not let in.
 *
 * Invariants.
 *     S1  prefix(a) < prefix(b) implies a before b, in the direction of the first key
 *     S2  rows of equal keys come out in the order in which they came in
 *
 * @source Runs and merging: Knuth, The Art of Computer Programming, volume 3, 5.4.1.
 */
#include "exec/op_int.h"
#include "session/program_int.h"

#include <fly/base_bytes.h>
#include <fly/text.h>

#include <string.h>

typedef struct entry {
    uint64_t prefix;
    uint64_t row;
} entry;

typedef struct run {
    fly__sql_kept rows;
    uint64_t at;
    struct run *next;
} run;

struct fly__sql_sorter {
    fly__sql_exec *exec;
    const fly__sql_sort_by *order;
    uint32_t order_count;
    fly__sql_kept rows; /* in memory, not yet in order */
    entry *entry;
    entry *spare;
    uint64_t room; /* of both */
    uint64_t at;   /* next to be given */
    uint64_t top;
    bool barred;  /* as many rows as are wanted are there already, and of them */
    uint64_t bar; /* the last one has this prefix: what is behind it need not come in */
    run *runs;
    uint32_t run_count;
    run **merge; /* runs that have rows left, in the order in which they were written */
    uint64_t given;
    uint64_t total;
    fly_vec_batch out;
    fly_arena arena; /* of the batch's strings while merging */
    bool tie_free;   /* the prefix says it all */
    const fly_vec **parts;
};

fly_status fly__sql_sort_prepare(fly__sql_exec *exec, fly__sql_sort_by *order, uint32_t count,
                                 fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t k = 0; status == FLY_OK && k < count; k++) {
        fly__sql_sort_by *o = &order[k];
        if (o->type.collation != 0 && fly__sql_type_physical(o->type) == FLY_VEC_STR) {
            status =
                fly__sql_session_collation(exec->session, o->type.collation, &o->collation, err);
        }
        if (o->type.oid >= FLY__SQL_OID_FIRST && exec->session->view != NULL) {
            const fly__sql_user_type *type =
                fly__sql_user_type_of(exec->session->view, o->type.oid);
            o->labels = type != NULL && type->kind == 'e' ? type : NULL;
        }
    }
    return status;
}

static int label_rank(const fly__sql_user_type *type, int32_t value)
{
    for (uint16_t i = 0; i < type->label_count; i++) {
        if (type->labels[i].value == value) {
            return i;
        }
    }
    return type->label_count;
}

static int value_order(const fly__sql_sort_by *o, const fly_vec_value *x, const fly_vec_value *y)
{
    if (o->collation != NULL) {
        return fly_text_compare(o->collation, fly_vec_str_bytes(&x->str),
                                fly_vec_str_bytes(&y->str));
    }
    if (o->labels != NULL) {
        return label_rank(o->labels, x->i32) - label_rank(o->labels, y->i32);
    }
    return fly__sql_value_cmp(o->type, x, y);
}

int fly__sql_sort_cmp(const fly__sql_sort_by *order, uint32_t count, const fly_vec *a, uint32_t i,
                      const fly_vec *b, uint32_t j)
{
    for (uint32_t k = 0; k < count; k++) {
        const fly__sql_sort_by *o = &order[k];
        fly_vec_value x = fly__sql_get(&a[o->column], i);
        fly_vec_value y = fly__sql_get(&b[o->column], j);
        int cmp;
        if (x.null || y.null) {
            cmp = x.null == y.null ? 0 : (x.null == o->nulls_first) ? -1 : 1;
        } else {
            cmp = value_order(o, &x, &y);
            cmp = o->descending ? -cmp : cmp;
        }
        if (cmp != 0) {
            return cmp;
        }
    }
    return 0;
}

/* --------------------------------------------------------------------- prefixes */

static uint64_t prefix_f64(double x)
{
    uint64_t bits = 0x7ff8000000000000u;
    x = x == 0 ? 0 : x;
    if (x == x) {
        memcpy(&bits, &x, sizeof bits);
    }
    return bits >> 63 != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

/* What sorts like the value, losing nothing but the last bits: those of NULL have room outside. */
static uint64_t prefix_value(fly_vec_type physical, const fly_vec_value *value)
{
    const uint64_t flip = (uint64_t)1 << 63;
    switch (physical) {
    case FLY_VEC_BOOL:
        return (uint64_t)value->b << 32;
    case FLY_VEC_I16:
        return (uint64_t)(value->i16 + 32768) << 16;
    case FLY_VEC_I32:
        return (uint64_t)((int64_t)value->i32 + 2147483648) << 16;
    case FLY_VEC_I64:
        return (uint64_t)value->i64 ^ flip;
    case FLY_VEC_I128:
        return (uint64_t)(value->i128 >> 64) ^ flip;
    case FLY_VEC_F32:
        return prefix_f64((double)value->f32);
    case FLY_VEC_F64:
        return prefix_f64(value->f64);
    case FLY_VEC_STR: {
        /* The first eight bytes, those of a short one padded with zeros: ties are compared. */
        uint8_t first[8] = {0};
        const char *data = fly_vec_str_data(&value->str);
        memcpy(first, data, value->str.len < 8 ? value->str.len : 8);
        return fly_get_u64be(first);
    }
    default:
        return 0;
    }
}

/* Which types have a prefix at all: those whose order is the machine's. */
static bool has_prefix(fly_sql_type type)
{
    switch (type.oid) {
    case FLY_SQL_BOOL:
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
    case FLY_SQL_FLOAT4:
    case FLY_SQL_FLOAT8:
    case FLY_SQL_DATE:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
        return true;
    case FLY_SQL_NUMERIC:
        return type.digits > 0;
    case FLY_SQL_TEXT:
    case FLY_SQL_VARCHAR:
    case FLY_SQL_NAME:
        return type.collation == 0;
    default:
        return false;
    }
}

static uint64_t prefix_of(const fly__sql_sort_by *o, const fly_vec *v, uint32_t row)
{
    fly_vec_type physical = (fly_vec_type)v->type;
    if (!has_prefix(o->type)) {
        return 0;
    }
    fly_vec_value value = fly__sql_get(v, row);
    if (value.null) {
        return o->nulls_first ? 0 : UINT64_MAX;
    }
    uint64_t prefix = prefix_value(physical, &value);
    prefix = o->descending ? ~prefix : prefix;
    /* Make room for NULLs at both ends; values that fall together are told apart by comparing. */
    return prefix == 0 ? 1 : prefix == UINT64_MAX ? UINT64_MAX - 1 : prefix;
}

/* ----------------------------------------------------------------------- making */

fly_status fly__sql_sorter_create(fly__sql_exec *exec, uint32_t columns, const fly_sql_type *types,
                                  const fly__sql_sort_by *order, uint32_t order_count,
                                  fly__sql_sorter **sorter, fly_err *err)
{
    fly__sql_sorter *s = fly__sql_alloc(&exec->arena, 1, sizeof *s, err);
    if (s == NULL) {
        return FLY_E_NO_MEMORY;
    }
    s->exec = exec;
    fly__sql_sort_by *mine = fly__sql_alloc(&exec->arena, order_count, sizeof *mine, err);
    if (mine == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(mine, order, order_count * sizeof *mine);
    s->order = mine;
    s->order_count = order_count;
    fly_status status = fly__sql_sort_prepare(exec, mine, order_count, err);
    if (status == FLY_OK) {
        status = fly__sql_kept_init(&s->rows, exec, columns, types, err);
    }
    s->rows.stay = true;
    fly_arena_init(&s->arena, &exec->session->query.mem, 0);
    s->out.columns = columns;
    s->out.sel = fly_arena_alloc(&exec->arena, (FLY_VEC_CAPACITY + 8) * sizeof(fly_vec_sel));
    s->out.col = fly_arena_alloc(&exec->arena, (columns + 1) * sizeof(fly_vec));
    s->parts = fly_arena_alloc(&exec->arena, (columns + 1) * sizeof *s->parts);
    s->out.arena = &s->arena;
    if (s->out.sel == NULL || s->out.col == NULL || s->parts == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for sorting");
    }
    for (uint32_t c = 0; status == FLY_OK && c < columns; c++) {
        status = fly__sql_vec_make(&s->out.col[c], types[c], FLY_VEC_CAPACITY, &exec->arena, err);
    }
    *sorter = s;
    return status;
}

static fly_mem *memory_of(const fly__sql_sorter *s)
{
    return &s->exec->session->query.mem;
}

static void drop_entries(fly__sql_sorter *s)
{
    fly_mem_free(memory_of(s), s->entry, s->room * sizeof(entry));
    fly_mem_free(memory_of(s), s->spare, s->room * sizeof(entry));
    s->entry = s->spare = NULL;
    s->room = 0;
}

static void drop_runs(fly__sql_sorter *s)
{
    while (s->runs != NULL) {
        run *next = s->runs->next;
        fly__sql_kept_free(&s->runs->rows);
        fly_mem_free(memory_of(s), s->runs, sizeof(run));
        s->runs = next;
    }
    if (s->merge != NULL) {
        fly_mem_free(memory_of(s), s->merge, s->run_count * sizeof *s->merge);
        s->merge = NULL;
    }
    s->run_count = 0;
}

void fly__sql_sorter_clear(fly__sql_sorter *s)
{
    drop_runs(s);
    fly__sql_kept_clear(&s->rows);
    s->at = s->given = s->total = 0;
    s->top = 0;
    s->barred = false;
}

void fly__sql_sorter_free(fly__sql_sorter *s)
{
    if (s == NULL) {
        return;
    }
    drop_runs(s);
    drop_entries(s);
    fly__sql_kept_free(&s->rows);
    fly_arena_deinit(&s->arena);
    s->at = s->given = s->total = 0;
}

void fly__sql_sorter_top(fly__sql_sorter *s, uint64_t top)
{
    s->top = top;
}

uint64_t fly__sql_sorter_count(const fly__sql_sorter *s)
{
    return s->total;
}

uint64_t fly__sql_sorter_spilled(const fly__sql_sorter *s)
{
    uint64_t bytes = s->rows.spilled;
    for (const run *r = s->runs; r != NULL; r = r->next) {
        bytes += r->rows.spilled;
    }
    return bytes;
}

/* ---------------------------------------------------------------------- sorting */

static int entry_cmp(const fly__sql_sorter *s, const entry *a, const entry *b)
{
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    const fly__sql_chunk *x = s->rows.chunk[a->row / FLY_VEC_CAPACITY];
    const fly__sql_chunk *y = s->rows.chunk[b->row / FLY_VEC_CAPACITY];
    return fly__sql_sort_cmp(s->order, s->order_count, x->col,
                             (uint32_t)(a->row % FLY_VEC_CAPACITY), y->col,
                             (uint32_t)(b->row % FLY_VEC_CAPACITY));
}

/* Merge sort from the bottom, short pieces by insertion: stable, and no recursion. */
static void sort_entries(fly__sql_sorter *s, uint64_t n)
{
    enum { SHORT = 12 };
    for (uint64_t begin = 0; begin < n; begin += SHORT) {
        uint64_t end = begin + SHORT < n ? begin + SHORT : n;
        for (uint64_t i = begin + 1; i < end; i++) {
            entry moved = s->entry[i];
            uint64_t j = i;
            while (j > begin && entry_cmp(s, &s->entry[j - 1], &moved) > 0) {
                s->entry[j] = s->entry[j - 1];
                j--;
            }
            s->entry[j] = moved;
        }
    }
    for (uint64_t width = SHORT; width < n; width *= 2) {
        for (uint64_t begin = 0; begin < n; begin += 2 * width) {
            uint64_t middle = begin + width < n ? begin + width : n;
            uint64_t end = begin + 2 * width < n ? begin + 2 * width : n;
            uint64_t i = begin;
            uint64_t j = middle;
            uint64_t k = begin;
            if (middle == end || entry_cmp(s, &s->entry[middle - 1], &s->entry[middle]) <= 0) {
                memcpy(&s->spare[begin], &s->entry[begin], (end - begin) * sizeof(entry));
                continue;
            }
            while (i < middle && j < end) {
                s->spare[k++] = entry_cmp(s, &s->entry[i], &s->entry[j]) <= 0 ? s->entry[i++]
                                                                              : s->entry[j++];
            }
            memcpy(&s->spare[k], &s->entry[i], (middle - i) * sizeof(entry));
            k += middle - i;
            memcpy(&s->spare[k], &s->entry[j], (end - j) * sizeof(entry));
        }
        entry *swap = s->entry;
        s->entry = s->spare;
        s->spare = swap;
    }
}

static fly_status make_entries(fly__sql_sorter *s, fly_err *err)
{
    uint64_t n = s->rows.count;
    if (n > s->room) {
        drop_entries(s);
        uint64_t room = n < 64 ? 64 : n;
        s->entry = fly_mem_alloc(memory_of(s), room * sizeof(entry));
        s->spare = fly_mem_alloc(memory_of(s), room * sizeof(entry));
        if (s->entry == NULL || s->spare == NULL) {
            fly_mem_free(memory_of(s), s->entry, room * sizeof(entry));
            fly_mem_free(memory_of(s), s->spare, room * sizeof(entry));
            s->entry = s->spare = NULL;
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for sorting");
        }
        s->room = room;
    }
    for (uint64_t i = 0; i < n; i++) {
        const fly__sql_chunk *chunk = s->rows.chunk[i / FLY_VEC_CAPACITY];
        s->entry[i].row = i;
        s->entry[i].prefix = s->order_count == 0
                                 ? 0
                                 : prefix_of(&s->order[0], &chunk->col[s->order[0].column],
                                             (uint32_t)(i % FLY_VEC_CAPACITY));
    }
    return FLY_OK;
}

/* Rows of the unsorted container, in the order of the entries, to the end of another. */
static fly_status move_sorted(fly__sql_sorter *s, uint64_t n, fly__sql_kept *to, fly_err *err)
{
    uint64_t number[FLY_VEC_CAPACITY];
    for (uint64_t done = 0; done < n;) {
        uint32_t now = n - done < FLY_VEC_CAPACITY ? (uint32_t)(n - done) : FLY_VEC_CAPACITY;
        for (uint32_t i = 0; i < now; i++) {
            number[i] = s->entry[done + i].row;
        }
        for (uint32_t c = 0; c < s->out.columns; c++) {
            s->out.col[c].kind = FLY_VEC_FLAT;
            fly_status status =
                fly__sql_kept_gather(&s->rows, c, number, now, &s->out.col[c], 0, NULL, err);
            if (status != FLY_OK) {
                return status;
            }
        }
        fly_status status = fly__sql_kept_append(to, s->out.col, NULL, now, err);
        if (status != FLY_OK) {
            return status;
        }
        done += now;
    }
    return FLY_OK;
}

static fly_status write_run(fly__sql_sorter *s, fly_err *err)
{
    fly_status status = make_entries(s, err);
    if (status != FLY_OK) {
        return status;
    }
    sort_entries(s, s->rows.count);
    run *fresh = fly_mem_calloc(memory_of(s), 1, sizeof *fresh);
    if (fresh == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for sorting");
    }
    fresh->rows = s->rows;
    fresh->rows.chunk = NULL;
    fresh->rows.chunk_count = fresh->rows.chunk_room = 0;
    fresh->rows.count = fresh->rows.spilled = 0;
    fresh->rows.loaded = fresh->rows.evict_at = 0;
    fresh->rows.stay = false;
    fresh->rows.loaded_max = 1;
    run **last = &s->runs;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = fresh;
    s->run_count++;
    uint64_t n = s->top > 0 && s->rows.count > s->top ? s->top : s->rows.count;
    status = move_sorted(s, n, &fresh->rows, err);
    if (status == FLY_OK) {
        status = fly__sql_kept_flush(&fresh->rows, err);
    }
    drop_entries(s);
    fly__sql_kept_free(&s->rows);
    return status;
}

/* Of many rows keep those that may still be among the first. */
static fly_status keep_top(fly__sql_sorter *s, fly_err *err)
{
    fly_status status = make_entries(s, err);
    if (status != FLY_OK) {
        return status;
    }
    sort_entries(s, s->rows.count);
    s->barred = true;
    s->bar = s->entry[s->top - 1].prefix;
    fly__sql_kept kept = s->rows;
    kept.chunk = NULL;
    kept.chunk_count = kept.chunk_room = 0;
    kept.count = kept.spilled = 0;
    kept.loaded = kept.evict_at = 0;
    status = move_sorted(s, s->top, &kept, err);
    fly__sql_kept_free(&s->rows);
    s->rows = kept;
    return status;
}

/* Those of the rows that may still be among the first; ties are let in, and sorted out later. */
static uint32_t let_in(fly__sql_sorter *s, const fly_vec *const *col, const fly_vec_sel *sel,
                       uint32_t n)
{
    const fly__sql_sort_by *first = &s->order[0];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        fly_vec_sel row = sel != NULL ? sel[i] : (fly_vec_sel)i;
        s->out.sel[kept] = row;
        kept += prefix_of(first, col[first->column], row) <= s->bar;
    }
    return kept;
}

fly_status fly__sql_sorter_add(fly__sql_sorter *s, const fly_vec *const *col,
                               const fly_vec_sel *sel, uint32_t n, fly_err *err)
{
    fly_status status = FLY_OK;
    s->total += n;
    if (s->barred) {
        n = let_in(s, col, sel, n);
        sel = s->out.sel;
    }
    if (n == 0) {
        return FLY_OK;
    }
    if (s->rows.count >= FLY_VEC_CAPACITY &&
        fly__sql_over_budget_by(s->exec, s->rows.count * 2 * sizeof(entry))) {
        status = write_run(s, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_kept_append_parts(&s->rows, col, sel, n, err);
    }
    if (status == FLY_OK && s->top > 0 && s->rows.count > 2 * s->top + 4 * FLY_VEC_CAPACITY) {
        status = keep_top(s, err);
    }
    return status;
}

fly_status fly__sql_sorter_finish(fly__sql_sorter *s, fly_err *err)
{
    s->at = 0;
    s->given = 0;
    if (s->runs == NULL) {
        fly_status status = make_entries(s, err);
        if (status == FLY_OK) {
            sort_entries(s, s->rows.count);
        }
        return status;
    }
    fly_status status = s->rows.count > 0 ? write_run(s, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    s->merge = fly_mem_calloc(memory_of(s), s->run_count, sizeof *s->merge);
    if (s->merge == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for sorting");
    }
    uint32_t i = 0;
    for (run *r = s->runs; r != NULL; r = r->next) {
        r->at = 0;
        s->merge[i++] = r;
    }
    return FLY_OK;
}

/* The run with the smallest next row; of equal ones the one that was written first. */
static fly_status smallest(fly__sql_sorter *s, run **found, fly__sql_chunk **chunk, uint32_t *at,
                           fly_err *err)
{
    *found = NULL;
    for (uint32_t i = 0; i < s->run_count; i++) {
        run *r = s->merge[i];
        if (r->at >= r->rows.count) {
            continue;
        }
        fly__sql_chunk *c;
        uint32_t k;
        fly_status status = fly__sql_kept_at(&r->rows, r->at, &c, &k, err);
        if (status != FLY_OK) {
            return status;
        }
        if (*found == NULL ||
            fly__sql_sort_cmp(s->order, s->order_count, c->col, k, (*chunk)->col, *at) < 0) {
            *found = r;
            *chunk = c;
            *at = k;
        }
    }
    return FLY_OK;
}

static fly_status next_merged(fly__sql_sorter *s, uint32_t wanted, uint32_t *n, fly_err *err)
{
    while (*n < wanted) {
        run *r;
        fly__sql_chunk *chunk = NULL;
        uint32_t at = 0;
        fly_status status = smallest(s, &r, &chunk, &at, err);
        if (status != FLY_OK || r == NULL) {
            return status;
        }
        fly_vec_sel row = (fly_vec_sel)at;
        for (uint32_t c = 0; c < s->out.columns; c++) {
            /* Another chunk of the run may take this one's place: strings are copied. */
            status =
                fly__sql_vec_gather(&s->out.col[c], *n, &chunk->col[c], &row, 1, &s->arena, err);
            if (status != FLY_OK) {
                return status;
            }
        }
        r->at++;
        ++*n;
    }
    return FLY_OK;
}

fly_status fly__sql_sorter_next(fly__sql_sorter *s, fly_vec_batch **batch, fly_err *err)
{
    uint32_t n = 0;
    uint32_t wanted = s->exec->batch_rows;
    fly_arena_reset(&s->arena);
    if (s->top > 0) {
        uint64_t left = s->top - (s->given < s->top ? s->given : s->top);
        wanted = left < wanted ? (uint32_t)left : wanted;
    }
    for (uint32_t c = 0; c < s->out.columns; c++) {
        s->out.col[c].kind = FLY_VEC_FLAT;
    }
    if (s->runs != NULL) {
        fly_status status = next_merged(s, wanted, &n, err);
        if (status != FLY_OK) {
            return status;
        }
    } else {
        uint64_t number[FLY_VEC_CAPACITY];
        for (; n < wanted && s->at < s->rows.count; n++, s->at++) {
            number[n] = s->entry[s->at].row;
        }
        for (uint32_t c = 0; c < s->out.columns; c++) {
            fly_status status =
                fly__sql_kept_gather(&s->rows, c, number, n, &s->out.col[c], 0, NULL, err);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    if (n == 0) {
        return FLY_E_END;
    }
    s->given += n;
    s->out.count = n;
    s->out.selected = -1;
    *batch = &s->out;
    return FLY_OK;
}
