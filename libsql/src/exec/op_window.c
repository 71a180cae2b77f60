/*
 * Window functions.
 *
 * The input is sorted by partition and order. One partition is kept at a time; its rows are given in
 * order, and for each the calls are computed:
 *
 *     partition   [ peers ][ peers, the row among them ][ peers ]
 *     frame            [lo ........................ hi)          rows, groups, or a range of values
 *
 * Frames of one call only move forwards, for offsets are constants. So an aggregate keeps a state and the
 * bounds that it is for: rows that come in are added; rows that leave are removed, if the aggregate can
 * do that, else the state is made anew. With EXCLUDE it is made anew for each row.
 *
 * Invariants.
 *     D1  lo and hi never decrease within a partition
 *     D2  state is that of rows [state_lo, state_hi) whose filter holds
 */
#include "exec/op_int.h"

#include <string.h>

typedef struct win_call {
    const fly__sql_window_call *wc;
    uint8_t kind;
    fly__sql_call call;
    void *memo;
    uint32_t first_arg, argc;             /* columns of the partition */
    uint32_t filter;                      /* column; UINT32_MAX: none */
    int64_t start_off, end_off;           /* ROWS, GROUPS */
    fly_vec_value start_value, end_value; /* RANGE */
    fly__sql_call add, sub, less, less_equal;
    uint64_t lo, hi;
    void *state;
    bool state_valid;
    uint64_t state_lo, state_hi;
    fly_arena arena; /* of the state */
    fly_vec_value *args;
    fly_vec_value last; /* the value for the frame state_lo, state_hi */
    bool last_valid;
    uint64_t running; /* ntile: bucket bounds; rank: the last */
} win_call;

typedef struct window_op {
    fly__sql_op op;
    uint32_t columns; /* of the input */
    uint32_t partition_first, order_first, total;
    fly__sql_program *extra; /* partition keys, order keys, arguments */
    uint32_t extra_count;
    fly__sql_program *offsets; /* frame offsets, in pairs */
    uint32_t *offset_at;
    fly__sql_sorter *sorter;
    fly__sql_sort_by *order;
    const fly_vec **parts;
    uint32_t *out_index; /* of each output column: of the input, or UINT32_MAX - call */
    win_call *calls;
    uint32_t call_count;
    fly__sql_key_form *forms;
    fly_sql_type *types;
    /* The partition. */
    fly__sql_kept part;
    uint32_t *group; /* of each row: the number of its peers */
    uint64_t *group_start;
    uint64_t group_room, start_room, group_count;
    uint64_t at; /* the row to be given next */
    fly_vec_batch *sorted;
    uint32_t sorted_at;
    bool sorted_end;
    fly_arena arena; /* of the output */
} window_op;

static fly_mem *memory_of(const window_op *w)
{
    return &w->op.exec->session->query.mem;
}

/* --------------------------------------------------------------------------- the partition */

static fly_status value_at(window_op *w, uint64_t row, uint32_t column, fly_vec_value *value,
                           fly_err *err)
{
    fly__sql_chunk *chunk;
    uint32_t at;
    fly_status status = fly__sql_kept_at(&w->part, row, &chunk, &at, err);
    if (status == FLY_OK) {
        *value = fly__sql_get(&chunk->col[column], at);
    }
    return status;
}

static bool same_keys(const window_op *w, uint32_t first, uint32_t count, const fly_vec *a,
                      uint32_t i, const fly_vec *b, uint32_t j)
{
    for (uint32_t k = first; k < first + count; k++) {
        if (!fly__sql_vec_same(w->types[k], w->forms[k], &a[k], i, &b[k], j)) {
            return false;
        }
    }
    return true;
}

static fly_status next_sorted(window_op *w, fly_err *err)
{
    if (w->sorted_end || (w->sorted != NULL && w->sorted_at < w->sorted->count)) {
        return w->sorted_end ? FLY_E_END : FLY_OK;
    }
    w->sorted_at = 0;
    fly_status status = fly__sql_sorter_next(w->sorter, &w->sorted, err);
    if (status == FLY_E_END) {
        w->sorted_end = true;
    }
    return status;
}

/* Rows of the next partition. */
static fly_status load_partition(window_op *w, fly_err *err)
{
    uint32_t keys = w->op.rel->window.partition_count;
    fly__sql_kept_clear(&w->part);
    fly_status status;
    while ((status = next_sorted(w, err)) == FLY_OK) {
        uint32_t first = w->sorted_at;
        uint32_t end = first;
        for (; end < w->sorted->count; end++) {
            const fly_vec *before = w->sorted->col;
            uint32_t row = end - 1;
            if (end == first) {
                if (w->part.count == 0) {
                    continue;
                }
                fly__sql_chunk *chunk;
                status = fly__sql_kept_at(&w->part, w->part.count - 1, &chunk, &row, err);
                if (status != FLY_OK) {
                    return status;
                }
                before = chunk->col;
            }
            if (!same_keys(w, w->partition_first, keys, before, row, w->sorted->col, end)) {
                break;
            }
        }
        fly_vec_sel sel[FLY_VEC_CAPACITY];
        for (uint32_t i = first; i < end; i++) {
            sel[i - first] = (fly_vec_sel)i;
        }
        if (end > first) {
            status = fly__sql_kept_append(&w->part, w->sorted->col, sel, end - first, err);
            if (status != FLY_OK) {
                return status;
            }
        }
        w->sorted_at = end;
        if (end < w->sorted->count) {
            return FLY_OK;
        }
    }
    return status == FLY_E_END && w->part.count > 0 ? FLY_OK : status;
}

static fly_status room_for_groups(window_op *w, fly_err *err)
{
    if (w->part.count <= w->group_room) {
        return FLY_OK;
    }
    fly_mem_free(memory_of(w), w->group, w->group_room * sizeof *w->group);
    fly_mem_free(memory_of(w), w->group_start, (w->group_room + 1) * sizeof *w->group_start);
    w->group_room = w->part.count;
    w->group = fly_mem_calloc(memory_of(w), w->group_room, sizeof *w->group);
    w->group_start = fly_mem_calloc(memory_of(w), w->group_room + 1, sizeof *w->group_start);
    if (w->group == NULL || w->group_start == NULL) {
        fly_mem_free(memory_of(w), w->group, w->group_room * sizeof *w->group);
        fly_mem_free(memory_of(w), w->group_start, (w->group_room + 1) * sizeof *w->group_start);
        w->group = NULL;
        w->group_start = NULL;
        w->group_room = 0;
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a window");
    }
    return FLY_OK;
}

/* Peers: rows that are equal by the order. */
static fly_status find_groups(window_op *w, fly_err *err)
{
    fly_status status = room_for_groups(w, err);
    fly__sql_chunk *before = NULL;
    uint32_t before_at = 0;
    w->group_count = 0;
    for (uint64_t i = 0; status == FLY_OK && i < w->part.count; i++) {
        fly__sql_chunk *chunk;
        uint32_t at;
        status = fly__sql_kept_at(&w->part, i, &chunk, &at, err);
        if (status != FLY_OK) {
            break;
        }
        if (before == NULL || !same_keys(w, w->order_first, w->op.rel->window.order_count,
                                         before->col, before_at, chunk->col, at)) {
            w->group_start[w->group_count++] = i;
        }
        w->group[i] = (uint32_t)(w->group_count - 1);
        before = chunk;
        before_at = at;
    }
    if (status == FLY_OK) {
        w->group_start[w->group_count] = w->part.count;
    }
    return status;
}

static fly_status begin_partition(window_op *w, fly_err *err)
{
    fly_status status = load_partition(w, err);
    if (status == FLY_OK) {
        status = find_groups(w, err);
    }
    w->at = 0;
    for (uint32_t i = 0; i < w->call_count; i++) {
        win_call *c = &w->calls[i];
        c->lo = c->hi = c->state_lo = c->state_hi = 0;
        c->state_valid = c->last_valid = false;
        c->running = 0;
    }
    return status;
}

/* ---------------------------------------------------------------------------------- frames */

static fly_status call2(fly__sql_call *call, const fly_vec_value *a, const fly_vec_value *b,
                        fly_arena *arena, fly_vec_value *result, fly_err *err)
{
    fly_vec_value args[2] = {*a, *b};
    call->arena = arena;
    call->err = err;
    memset(result, 0, sizeof *result);
    return call->func->row(call, args, result);
}

/* The order key as a function wants it: a date where it takes timestamps. */
static fly_status key_as(window_op *w, win_call *c, uint32_t wanted, const fly_vec_value *key,
                         fly_vec_value *cast, fly_err *err)
{
    fly_sql_type type = w->op.rel->window.order[0].expr->type;
    const fly__sql_func *func = type.oid == wanted || wanted == 0 ? NULL
                                                                  : fly__sql_cast(type.oid, wanted);
    if (func == NULL || func->row == NULL) {
        *cast = *key;
        return FLY_OK;
    }
    fly__sql_call call = c->add;
    call.func = func;
    call.types = &type;
    call.argc = 1;
    call.result = fly__sql_type(wanted);
    call.arena = &w->arena;
    call.err = err;
    memset(cast, 0, sizeof *cast);
    return func->row(&call, key, cast);
}

/* The key of row `at`, moved by the offset; `*far` if that is beyond what the type holds. */
static fly_status moved_key(window_op *w, win_call *c, bool preceding, const fly_vec_value *key,
                            const fly_vec_value *offset, fly_vec_value *moved, bool *far,
                            fly_err *err)
{
    bool down = preceding != w->op.rel->window.order[0].descending;
    fly_err own;
    memset(&own, 0, sizeof own);
    fly__sql_call *call = down ? &c->sub : &c->add;
    fly_vec_value cast;
    fly_status status = key_as(w, c, call->func->args[0], key, &cast, &own);
    if (status == FLY_OK) {
        status = call2(call, &cast, offset, &w->arena, moved, &own);
    }
    *far = status != FLY_OK && strcmp(own.sqlstate, "22003") == 0;
    if (status != FLY_OK && !*far) {
        if (err != NULL) {
            *err = own;
        }
        return status;
    }
    return FLY_OK;
}

/* Whether row `row` lies at or behind the start (or not behind the end) of a range. */
static fly_status in_range(window_op *w, win_call *c, uint64_t row, const fly_vec_value *moved,
                           bool start, bool *in, fly_err *err)
{
    bool descending = w->op.rel->window.order[0].descending;
    bool nulls_first = w->op.rel->window.order[0].nulls_first;
    fly_vec_value key;
    fly_vec_value outcome;
    fly_status status = value_at(w, row, w->order_first, &key, err);
    if (status != FLY_OK) {
        return status;
    }
    if (key.null) {
        *in = start ? !nulls_first : nulls_first;
        return FLY_OK;
    }
    fly_vec_value cast;
    status = key_as(w, c, c->less.func->args[1], &key, &cast, err);
    if (status != FLY_OK) {
        return status;
    }
    key = cast;
    if (start != descending) { /* key >= moved */
        status = call2(&c->less_equal, moved, &key, &w->arena, &outcome, err);
        *in = outcome.b;
    } else { /* key <= moved */
        status = call2(&c->less, moved, &key, &w->arena, &outcome, err);
        *in = !outcome.b;
    }
    return status;
}

static fly_status range_bound(window_op *w, win_call *c, uint64_t row, bool start, uint8_t kind,
                              uint64_t *bound, fly_err *err)
{
    const fly_vec_value *offset = start ? &c->start_value : &c->end_value;
    fly_vec_value key;
    fly_vec_value moved;
    bool far, in;
    uint64_t n = w->part.count;
    fly_status status = value_at(w, row, w->order_first, &key, err);
    if (status != FLY_OK) {
        return status;
    }
    if (key.null) {
        *bound = start ? w->group_start[w->group[row]] : w->group_start[w->group[row] + 1];
        return FLY_OK;
    }
    status = moved_key(w, c, kind == FLY__SQL_PRECEDING, &key, offset, &moved, &far, err);
    if (status != FLY_OK) {
        return status;
    }
    if (far) { /* beyond all values: everything before it, or nothing */
        *bound = kind == FLY__SQL_PRECEDING ? 0 : n;
        return FLY_OK;
    }
    for (; *bound < n; ++*bound) {
        status = in_range(w, c, *bound, &moved, start, &in, err);
        if (status != FLY_OK) {
            return status;
        }
        if (start ? in : !in) {
            break;
        }
    }
    return FLY_OK;
}

static uint64_t moved(uint64_t at, int64_t by, bool back, uint64_t limit)
{
    if (back) {
        return (uint64_t)by > at ? 0 : at - (uint64_t)by;
    }
    return (uint64_t)by > limit - at ? limit : at + (uint64_t)by;
}

/* Start or end (behind the last row) of the frame of a row. `*bound` is where it was before. */
static fly_status frame_bound(window_op *w, win_call *c, uint64_t row, bool start, uint64_t *bound,
                              fly_err *err)
{
    const fly__sql_frame *frame = &c->wc->frame;
    uint8_t kind = start ? frame->start : frame->end;
    uint64_t n = w->part.count;
    uint64_t group = w->group[row];
    int64_t by = start ? c->start_off : c->end_off;
    bool back = kind == FLY__SQL_PRECEDING;
    switch (kind) {
    case FLY__SQL_UNBOUNDED_PRECEDING:
        *bound = 0;
        return FLY_OK;
    case FLY__SQL_UNBOUNDED_FOLLOWING:
        *bound = n;
        return FLY_OK;
    case FLY__SQL_CURRENT_ROW:
        if (frame->mode == 'r') {
            *bound = start ? row : row + 1;
        } else {
            *bound = w->group_start[start ? group : group + 1];
        }
        return FLY_OK;
    default:
        break;
    }
    if (frame->mode == 'v') {
        return range_bound(w, c, row, start, kind, bound, err);
    }
    if (frame->mode == 'r') {
        if (back && !start && (uint64_t)by > row) {
            *bound = 0;
        } else {
            uint64_t at = moved(row, by, back, n);
            *bound = start ? at : at + 1 > n ? n : at + 1;
        }
        return FLY_OK;
    }
    if (back && !start && (uint64_t)by > group) {
        *bound = 0;
        return FLY_OK;
    }
    uint64_t at = moved(group, by, back, w->group_count);
    *bound = at >= w->group_count ? n : w->group_start[start ? at : at + 1];
    return FLY_OK;
}

static fly_status find_frame(window_op *w, win_call *c, uint64_t row, fly_err *err)
{
    fly_status status = frame_bound(w, c, row, true, &c->lo, err);
    if (status == FLY_OK) {
        status = frame_bound(w, c, row, false, &c->hi, err);
    }
    return status;
}

/* Whether EXCLUDE takes a row out of the frame of `row`. */
static bool excluded(const window_op *w, const win_call *c, uint64_t row, uint64_t candidate)
{
    switch (c->wc->frame.exclude) {
    case 'c':
        return candidate == row;
    case 'g':
        return w->group[candidate] == w->group[row];
    case 't':
        return candidate != row && w->group[candidate] == w->group[row];
    default:
        return false;
    }
}

/* ------------------------------------------------------------------------------ aggregates */

static fly_status step_row(window_op *w, win_call *c, uint64_t row, bool add, fly_err *err)
{
    const fly__sql_aggregate *agg = c->wc->call.func->aggregate;
    fly__sql_chunk *chunk;
    uint32_t at;
    bool null = false;
    fly_status status = fly__sql_kept_at(&w->part, row, &chunk, &at, err);
    if (status != FLY_OK) {
        return status;
    }
    if (c->filter != UINT32_MAX) {
        fly_vec_value holds = fly__sql_get(&chunk->col[c->filter], at);
        if (holds.null || !holds.b) {
            return FLY_OK;
        }
    }
    for (uint32_t i = 0; i < c->argc; i++) {
        c->args[i] = fly__sql_get(&chunk->col[c->first_arg + i], at);
        null |= c->args[i].null;
    }
    if (null && !agg->sees_nulls) {
        return FLY_OK;
    }
    c->call.arena = &c->arena;
    c->call.err = err;
    return add ? agg->step(&c->call, c->state, c->args) : agg->remove(&c->call, c->state, c->args);
}

static void state_begin(win_call *c, uint64_t at)
{
    fly_arena_reset(&c->arena);
    memset(c->state, 0, c->wc->call.func->aggregate->state_size);
    c->state_lo = c->state_hi = at;
    c->state_valid = true;
}

static fly_status state_final(window_op *w, win_call *c, fly_vec_value *value, fly_err *err)
{
    c->call.arena = &w->arena;
    c->call.err = err;
    return c->wc->call.func->aggregate->final(&c->call, c->state, value);
}

static fly_status excluding(window_op *w, win_call *c, uint64_t row, fly_vec_value *value,
                            fly_err *err)
{
    fly_status status = FLY_OK;
    state_begin(c, 0);
    c->state_valid = false;
    for (uint64_t i = c->lo; status == FLY_OK && i < c->hi; i++) {
        if (!excluded(w, c, row, i)) {
            status = step_row(w, c, i, true, err);
        }
    }
    return status == FLY_OK ? state_final(w, c, value, err) : status;
}

static fly_status aggregate(window_op *w, win_call *c, uint64_t row, fly_vec_value *value,
                            fly_err *err)
{
    if (c->wc->frame.exclude != 'n' && c->wc->frame.exclude != 0) {
        return excluding(w, c, row, value, err);
    }
    uint64_t lo = c->lo;
    uint64_t hi = c->hi > c->lo ? c->hi : c->lo;
    const fly__sql_aggregate *agg = c->wc->call.func->aggregate;
    fly_status status = FLY_OK;
    bool moves = c->state_valid && lo != c->state_lo;
    if (!c->state_valid || lo < c->state_lo || hi < c->state_hi || lo >= c->state_hi ||
        (moves && agg->remove == NULL)) {
        if (!c->state_valid || lo != c->state_lo || hi != c->state_hi) {
            state_begin(c, lo);
        }
    }
    for (; status == FLY_OK && c->state_lo < lo; c->state_lo++) {
        status = step_row(w, c, c->state_lo, false, err);
    }
    if (status == FLY_E_AGAIN) { /* what has left cannot be told from what is left */
        state_begin(c, lo);
        status = FLY_OK;
    }
    for (; status == FLY_OK && c->state_hi < hi; c->state_hi++) {
        status = step_row(w, c, c->state_hi, true, err);
    }
    return status == FLY_OK ? state_final(w, c, value, err) : status;
}

/* -------------------------------------------------------------------------- other functions */

static fly_status int_arg(window_op *w, win_call *c, uint64_t row, uint32_t i, int64_t *n,
                          bool *null, fly_err *err)
{
    fly_vec_value value;
    fly_status status = value_at(w, row, c->first_arg + i, &value, err);
    *null = status != FLY_OK || value.null;
    if (*null) {
        return status;
    }
    switch (fly__sql_type_physical(c->wc->call.args[i]->type)) {
    case FLY_VEC_I16:
        *n = value.i16;
        break;
    case FLY_VEC_I32:
        *n = value.i32;
        break;
    default:
        *n = value.i64;
        break;
    }
    return FLY_OK;
}

static fly_status ntile(window_op *w, win_call *c, uint64_t row, fly_vec_value *value, fly_err *err)
{
    int64_t buckets;
    bool null;
    fly_status status = int_arg(w, c, 0, 0, &buckets, &null, err);
    if (status != FLY_OK || null) {
        value->null = true;
        return status;
    }
    if (buckets <= 0) {
        return fly_err_state(err, "22014", c->wc->call.pos,
                             "argument of ntile must be greater than zero");
    }
    /* The first `extra` buckets have one row more. */
    uint64_t n = w->part.count;
    uint64_t size = n / (uint64_t)buckets;
    uint64_t extra = n % (uint64_t)buckets;
    uint64_t long_rows = extra * (size + 1);
    uint64_t bucket = row < long_rows ? row / (size + 1)
                                      : extra + (size > 0 ? (row - long_rows) / size : 0);
    value->i32 = (int32_t)(bucket + 1);
    return FLY_OK;
}

static fly_status neighbour(window_op *w, win_call *c, uint64_t row, fly_vec_value *value,
                            fly_err *err)
{
    int64_t by = 1;
    bool null = false;
    fly_status status = c->argc > 1 ? int_arg(w, c, row, 1, &by, &null, err) : FLY_OK;
    if (status != FLY_OK || null) {
        value->null = true;
        return status;
    }
    bool back = (c->kind == FLY__SQL_WIN_LAG) == (by >= 0);
    uint64_t distance = by < 0 ? (uint64_t)0 - (uint64_t)by : (uint64_t)by;
    uint64_t at = row;
    if (c->wc->ignore_nulls) {
        for (uint64_t left = distance; left > 0;) {
            if (back ? at == 0 : at + 1 >= w->part.count) {
                at = UINT64_MAX;
                break;
            }
            at = back ? at - 1 : at + 1;
            fly_vec_value there;
            status = value_at(w, at, c->first_arg, &there, err);
            if (status != FLY_OK) {
                return status;
            }
            left -= there.null ? 0 : 1;
        }
    } else if (back ? distance > row : distance >= w->part.count - row) {
        at = UINT64_MAX;
    } else {
        at = back ? row - distance : row + distance;
    }
    if (at != UINT64_MAX) {
        return value_at(w, at, c->first_arg, value, err);
    }
    if (c->argc > 2) {
        return value_at(w, row, c->first_arg + 2, value, err);
    }
    value->null = true;
    return FLY_OK;
}

/* The n-th row of the frame, from its beginning or its end, that counts. */
static fly_status nth_of_frame(window_op *w, win_call *c, uint64_t row, uint64_t nth, bool last,
                               fly_vec_value *value, fly_err *err)
{
    uint64_t seen = 0;
    for (uint64_t i = 0; c->lo + i < c->hi; i++) {
        uint64_t at = last ? c->hi - 1 - i : c->lo + i;
        if (excluded(w, c, row, at)) {
            continue;
        }
        if (!c->wc->ignore_nulls && (c->wc->frame.exclude == 'n' || c->wc->frame.exclude == 0)) {
            uint64_t skip = nth - 1;
            if (skip >= c->hi - c->lo) {
                break;
            }
            return value_at(w, last ? at - skip : at + skip, c->first_arg, value, err);
        }
        fly_status status = value_at(w, at, c->first_arg, value, err);
        if (status != FLY_OK) {
            return status;
        }
        if (!(c->wc->ignore_nulls && value->null) && ++seen == nth) {
            return FLY_OK;
        }
    }
    memset(value, 0, sizeof *value);
    value->null = true;
    return FLY_OK;
}

static fly_status framed(window_op *w, win_call *c, uint64_t row, fly_vec_value *value,
                         fly_err *err)
{
    int64_t nth = 1;
    bool null = false;
    fly_status status = FLY_OK;
    if (c->kind == FLY__SQL_WIN_NTH_VALUE) {
        status = int_arg(w, c, row, 1, &nth, &null, err);
        if (status == FLY_OK && !null && nth <= 0) {
            return fly_err_state(err, "22016", c->wc->call.pos,
                                 "argument of nth_value must be greater than zero");
        }
    }
    if (status == FLY_OK) {
        status = find_frame(w, c, row, err);
    }
    if (status != FLY_OK || null) {
        value->null = true;
        return status;
    }
    return nth_of_frame(w, c, row, (uint64_t)nth, c->kind == FLY__SQL_WIN_LAST_VALUE, value, err);
}

static fly_status compute(window_op *w, win_call *c, uint64_t row, fly_vec_value *value,
                          fly_err *err)
{
    uint64_t n = w->part.count;
    uint64_t group = w->group[row];
    fly_status status = FLY_OK;
    memset(value, 0, sizeof *value);
    switch (c->kind) {
    case FLY__SQL_WIN_ROW_NUMBER:
        value->i64 = (int64_t)row + 1;
        return FLY_OK;
    case FLY__SQL_WIN_RANK:
        value->i64 = (int64_t)w->group_start[group] + 1;
        return FLY_OK;
    case FLY__SQL_WIN_DENSE_RANK:
        value->i64 = (int64_t)group + 1;
        return FLY_OK;
    case FLY__SQL_WIN_PERCENT_RANK:
        value->f64 = n <= 1 ? 0 : (double)w->group_start[group] / (double)(n - 1);
        return FLY_OK;
    case FLY__SQL_WIN_CUME_DIST:
        value->f64 = (double)w->group_start[group + 1] / (double)n;
        return FLY_OK;
    case FLY__SQL_WIN_NTILE:
        return ntile(w, c, row, value, err);
    case FLY__SQL_WIN_LAG:
    case FLY__SQL_WIN_LEAD:
        return neighbour(w, c, row, value, err);
    case FLY__SQL_WIN_FIRST_VALUE:
    case FLY__SQL_WIN_LAST_VALUE:
    case FLY__SQL_WIN_NTH_VALUE:
        return framed(w, c, row, value, err);
    default:
        status = find_frame(w, c, row, err);
        return status == FLY_OK ? aggregate(w, c, row, value, err) : status;
    }
}

/* -------------------------------------------------------------------------------- operator */

static fly_status offset_value(window_op *w, win_call *c, uint32_t at, bool start, fly_err *err)
{
    const fly__sql_frame *frame = &c->wc->frame;
    const fly__sql_expr *x = start ? frame->start_offset : frame->end_offset;
    fly_vec_value value = fly__sql_get(fly__sql_program_result(w->offsets, at), 0);
    const char *word = start ? "starting" : "ending";
    if (value.null) {
        return fly_err_state(err, "22004", x->pos, "frame %s offset must not be null", word);
    }
    if (frame->mode == 'v') {
        fly_vec_value *to = start ? &c->start_value : &c->end_value;
        *to = value;
        fly_vec_value zero;
        memset(&zero, 0, sizeof zero);
        fly_vec_type physical = fly__sql_type_physical(x->type);
        bool negative = false;
        switch (physical) {
        case FLY_VEC_I16:
            negative = value.i16 < 0;
            break;
        case FLY_VEC_I32:
            negative = value.i32 < 0;
            break;
        case FLY_VEC_I64:
            negative = value.i64 < 0;
            break;
        case FLY_VEC_I128:
            negative = value.i128 < 0;
            break;
        case FLY_VEC_F32:
            negative = value.f32 < 0 || value.f32 != value.f32;
            break;
        case FLY_VEC_F64:
            negative = value.f64 < 0 || value.f64 != value.f64;
            break;
        case FLY_VEC_INTERVAL:
            negative = fly__sql_value_cmp(x->type, &value, &zero) < 0;
            break;
        default:
            break;
        }
        if (negative) {
            return fly_err_state(err, "22013", 0,
                                 "invalid preceding or following size in window function");
        }
        return FLY_OK;
    }
    int64_t n = value.i64;
    if (n < 0) {
        return fly_err_state(err, "22013", x->pos, "frame %s offset must not be negative", word);
    }
    *(start ? &c->start_off : &c->end_off) = n;
    return FLY_OK;
}

static fly_status load_offsets(window_op *w, fly_err *err)
{
    fly__sql_inputs none = {{NULL}};
    fly_status status = fly__sql_program_run(w->offsets, &none, NULL, 1, 1, err);
    for (uint32_t i = 0; status == FLY_OK && i < w->call_count; i++) {
        uint32_t at = w->offset_at[i];
        const fly__sql_frame *frame = &w->calls[i].wc->frame;
        if (frame->start_offset != NULL) {
            status = offset_value(w, &w->calls[i], at++, true, err);
        }
        if (status == FLY_OK && frame->end_offset != NULL) {
            status = offset_value(w, &w->calls[i], at, false, err);
        }
    }
    return status;
}

static fly_status window_open(fly__sql_op *op, fly_err *err)
{
    window_op *w = (window_op *)op;
    fly__sql_sorter_clear(w->sorter);
    fly__sql_kept_clear(&w->part);
    w->at = 0;
    w->sorted = NULL;
    w->sorted_at = 0;
    w->sorted_end = false;
    fly_status status = load_offsets(w, err);
    if (status == FLY_OK) {
        status = fly__sql_op_open(op->left, err);
    }
    while (status == FLY_OK) {
        fly_vec_batch *in;
        status = fly__sql_op_next(op->left, &in, err);
        if (status == FLY_OK) {
            status = fly__sql_program_batch(w->extra, in, err);
        }
        if (status != FLY_OK) {
            break;
        }
        for (uint32_t c = 0; c < w->columns; c++) {
            w->parts[c] = &in->col[c];
        }
        for (uint32_t i = 0; i < w->extra_count; i++) {
            w->parts[w->columns + i] = fly__sql_program_result(w->extra, i);
        }
        status = fly__sql_sorter_add(w->sorter, w->parts, in->selected < 0 ? NULL : in->sel,
                                     fly_vec_batch_rows(in), err);
    }
    if (status == FLY_E_END) {
        status = fly__sql_sorter_finish(w->sorter, err);
    }
    op->stats.spilled = fly__sql_sorter_spilled(w->sorter);
    return status;
}

static fly_status give_row(window_op *w, uint32_t n, fly_err *err)
{
    fly__sql_chunk *chunk;
    uint32_t at;
    bool copy = w->part.spilled > 0;
    fly_status status = fly__sql_kept_at(&w->part, w->at, &chunk, &at, err);
    fly_vec_sel row = (fly_vec_sel)at;
    for (uint32_t c = 0; status == FLY_OK && c < w->op.out.columns; c++) {
        if (w->out_index[c] < w->columns) {
            status = fly__sql_vec_gather(&w->op.out.col[c], n, &chunk->col[w->out_index[c]], &row,
                                         1, copy ? &w->arena : NULL, err);
        }
    }
    for (uint32_t c = 0; status == FLY_OK && c < w->op.out.columns; c++) {
        if (w->out_index[c] < w->columns) {
            continue;
        }
        fly_vec *v = &w->op.out.col[c];
        fly_vec_value value;
        fly_vec_value kept;
        status = compute(w, &w->calls[UINT32_MAX - w->out_index[c]], w->at, &value, err);
        if (status == FLY_OK) {
            /* States and chunks change before the batch is read. */
            status = fly__sql_value_copy((fly_vec_type)v->type, &value, &w->arena, &kept, err);
        }
        if (status == FLY_OK) {
            fly_vec_put(v, n, &kept);
        }
    }
    return status;
}

static fly_status window_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    window_op *w = (window_op *)op;
    uint32_t n = 0;
    fly_status status = FLY_OK;
    fly_arena_reset(&w->arena);
    while (status == FLY_OK && n < op->exec->batch_rows) {
        if (w->at >= w->part.count) {
            /* Rows in the batch borrow from the partition: give them before the next one comes. */
            if (n > 0) {
                break;
            }
            status = begin_partition(w, err);
            if (status != FLY_OK) {
                break;
            }
        }
        status = give_row(w, n, err);
        w->at++;
        n++;
    }
    op->out.count = n;
    op->out.selected = -1;
    *batch = &op->out;
    return status;
}

static void window_close(fly__sql_op *op)
{
    window_op *w = (window_op *)op;
    fly__sql_sorter_free(w->sorter);
    fly__sql_kept_free(&w->part);
    fly_mem_free(memory_of(w), w->group, w->group_room * sizeof *w->group);
    fly_mem_free(memory_of(w), w->group_start, (w->group_room + 1) * sizeof *w->group_start);
    w->group = NULL;
    w->group_start = NULL;
    w->group_room = 0;
    for (uint32_t i = 0; i < w->call_count; i++) {
        fly_arena_deinit(&w->calls[i].arena);
    }
    fly_arena_deinit(&w->arena);
}

/* ---------------------------------------------------------------------------------- making */

static const fly__sql_func *operator_of(const char *symbol, const fly__sql_func *like)
{
    size_t count;
    const fly__sql_func *ops = fly__sql_operators(symbol, &count);
    for (size_t i = 0; i < count; i++) {
        if (ops[i].argc == 2 && ops[i].args[0] == like->args[0] &&
            ops[i].args[1] == like->args[1]) {
            return &ops[i];
        }
    }
    return NULL;
}

static fly_status range_calls(window_op *w, win_call *c, fly_err *err)
{
    const fly__sql_frame *frame = &c->wc->frame;
    if (frame->mode != 'v' || (frame->start_offset == NULL && frame->end_offset == NULL)) {
        return FLY_OK;
    }
    fly__sql_exec *exec = w->op.exec;
    fly_sql_type *types = fly__sql_alloc(&exec->arena, 4, sizeof *types, err);
    void **memos = fly__sql_alloc(&exec->arena, 4, sizeof *memos, err);
    if (types == NULL || memos == NULL) {
        return FLY_E_NO_MEMORY;
    }
    const fly__sql_expr *offset = frame->start_offset != NULL ? frame->start_offset
                                                              : frame->end_offset;
    types[0] = w->op.rel->window.order[0].expr->type;
    types[1] = offset->type;
    types[2] = fly__sql_type(frame->in_add->result);
    types[3] = frame->in_cmp->args[1] == types[0].oid || frame->in_cmp->args[1] == FLY_SQL_ANY
                   ? types[0]
                   : fly__sql_type(frame->in_cmp->args[1]);
    const fly__sql_func *funcs[4] = {frame->in_add, frame->in_sub, frame->in_cmp,
                                     operator_of("<=", frame->in_cmp)};
    fly__sql_call *calls[4] = {&c->add, &c->sub, &c->less, &c->less_equal};
    for (uint32_t i = 0; i < 4; i++) {
        if (funcs[i] == NULL || funcs[i]->row == NULL) {
            return fly__sql_not_yet(err, c->wc->call.pos, "RANGE with offset for this type");
        }
        *calls[i] = (fly__sql_call){.session = exec->session,
                                    .func = funcs[i],
                                    .types = i < 2 ? types : types + 2,
                                    .result = i < 2 ? types[2] : fly__sql_type(FLY_SQL_BOOL),
                                    .argc = 2,
                                    .pos = c->wc->call.pos,
                                    .memo = &memos[i],
                                    .memo_arena = &exec->arena};
    }
    return FLY_OK;
}

static fly_status make_call(window_op *w, const fly__sql_window_call *wc, win_call *c,
                            fly__sql_expr **extra, fly_err *err)
{
    fly__sql_exec *exec = w->op.exec;
    const fly__sql_agg *call = &wc->call;
    c->wc = wc;
    c->kind = call->func->kind == FLY__SQL_WINDOW ? call->func->window : FLY__SQL_WIN_AGGREGATE;
    c->argc = call->argc;
    c->first_arg = w->columns + w->extra_count;
    c->filter = UINT32_MAX;
    c->args = fly__sql_alloc(&exec->arena, call->argc, sizeof *c->args, err);
    fly_sql_type *types = fly__sql_alloc(&exec->arena, call->argc, sizeof *types, err);
    if (c->args == NULL || types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < call->argc; i++) {
        types[i] = call->args[i]->type;
        extra[w->extra_count++] = call->args[i];
    }
    if (call->filter != NULL) {
        c->filter = w->columns + w->extra_count;
        extra[w->extra_count++] = call->filter;
    }
    c->call = (fly__sql_call){.session = exec->session,
                              .func = call->func,
                              .types = types,
                              .result = call->out.type,
                              .argc = call->argc,
                              .pos = call->pos,
                              .memo = &c->memo,
                              .memo_arena = &exec->arena};
    fly_arena_init(&c->arena, memory_of(w), 1024);
    if (c->kind == FLY__SQL_WIN_AGGREGATE) {
        if (call->func->aggregate == NULL) {
            return fly__sql_not_yet(err, call->pos, "this window function");
        }
        c->state = fly__sql_alloc(&exec->arena, 1, call->func->aggregate->state_size + 1, err);
        if (c->state == NULL) {
            return FLY_E_NO_MEMORY;
        }
    }
    return range_calls(w, c, err);
}

static fly_status make_calls(window_op *w, fly__sql_expr **extra, fly_err *err)
{
    fly__sql_exec *exec = w->op.exec;
    const fly__sql_rel *rel = w->op.rel;
    uint32_t offsets = 0;
    fly_status status = FLY_OK;
    w->call_count = rel->window.call_count;
    w->calls = fly__sql_alloc(&exec->arena, w->call_count, sizeof *w->calls, err);
    w->offset_at = fly__sql_alloc(&exec->arena, w->call_count, sizeof *w->offset_at, err);
    fly__sql_expr **offset =
        fly__sql_alloc(&exec->arena, 2 * (size_t)w->call_count, sizeof *offset, err);
    if (w->calls == NULL || w->offset_at == NULL || offset == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; status == FLY_OK && i < w->call_count; i++) {
        const fly__sql_frame *frame = &rel->window.calls[i].frame;
        w->offset_at[i] = offsets;
        if (frame->start_offset != NULL) {
            offset[offsets++] = frame->start_offset;
        }
        if (frame->end_offset != NULL) {
            offset[offsets++] = frame->end_offset;
        }
        status = make_call(w, &rel->window.calls[i], &w->calls[i], extra, err);
    }
    fly__sql_ports none = {{NULL}, {0}};
    return status == FLY_OK
               ? fly__sql_program_values(exec, &none, offset, offsets, &w->offsets, err)
               : status;
}

static fly_status map_output(window_op *w, fly_err *err)
{
    const fly__sql_rel *rel = w->op.rel;
    fly__sql_exec *exec = w->op.exec;
    w->out_index = fly__sql_alloc(&exec->arena, rel->column_count, sizeof *w->out_index, err);
    if (w->out_index == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < rel->column_count; c++) {
        bool found = false;
        for (uint32_t i = 0; i < w->columns; i++) {
            if (rel->left->columns[i].id == rel->columns[c].id) {
                w->out_index[c] = i;
                found = true;
            }
        }
        for (uint32_t i = 0; i < w->call_count; i++) {
            if (rel->window.calls[i].call.out.id == rel->columns[c].id) {
                w->out_index[c] = UINT32_MAX - i;
                found = true;
            }
        }
        if (!found) {
            return fly_err_state(err, "XX000", 0, "column %u of a window is made by nobody",
                                 (unsigned)rel->columns[c].id);
        }
        fly_status status = fly__sql_vec_make(&w->op.out.col[c], rel->columns[c].type,
                                              FLY_VEC_CAPACITY, &exec->arena, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static uint32_t count_extra(const fly__sql_rel *rel)
{
    uint32_t count = rel->window.partition_count + rel->window.order_count;
    for (uint32_t i = 0; i < rel->window.call_count; i++) {
        count += rel->window.calls[i].call.argc + (rel->window.calls[i].call.filter != NULL);
    }
    return count;
}

static fly_status make_sorting(window_op *w, fly__sql_expr **extra, fly_err *err)
{
    const fly__sql_rel *rel = w->op.rel;
    fly__sql_exec *exec = w->op.exec;
    uint32_t keys = rel->window.partition_count + rel->window.order_count;
    w->total = w->columns + w->extra_count;
    w->types = fly__sql_alloc(&exec->arena, w->total, sizeof *w->types, err);
    w->forms = fly__sql_alloc(&exec->arena, w->total, sizeof *w->forms, err);
    w->parts = fly__sql_alloc(&exec->arena, w->total, sizeof *w->parts, err);
    w->order = fly__sql_alloc(&exec->arena, keys, sizeof *w->order, err);
    if (w->types == NULL || w->forms == NULL || w->parts == NULL || w->order == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < w->total; c++) {
        w->types[c] = c < w->columns ? rel->left->columns[c].type : extra[c - w->columns]->type;
        w->forms[c] = fly__sql_key_form_of(exec->session, w->types[c]);
    }
    for (uint32_t k = 0; k < keys; k++) {
        w->order[k] =
            (fly__sql_sort_by){.column = w->columns + k, .type = w->types[w->columns + k]};
        if (k >= rel->window.partition_count) {
            const fly__sql_sort_key *key = &rel->window.order[k - rel->window.partition_count];
            w->order[k].descending = key->descending;
            w->order[k].nulls_first = key->nulls_first;
        }
    }
    fly_status status =
        fly__sql_sorter_create(exec, w->total, w->types, w->order, keys, &w->sorter, err);
    return status == FLY_OK ? fly__sql_kept_init(&w->part, exec, w->total, w->types, err) : status;
}

fly_status fly__sql_make_window(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                fly_err *err)
{
    static const fly__sql_op_vt vt = {window_open, window_next, window_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(window_op), &vt, op, err);
    if (status == FLY_OK) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    window_op *w = (window_op *)*op;
    fly_arena_init(&w->arena, memory_of(w), 1024);
    w->columns = rel->left->column_count;
    w->partition_first = w->columns;
    w->order_first = w->columns + rel->window.partition_count;
    fly__sql_expr **extra = fly__sql_alloc(&exec->arena, count_extra(rel), sizeof *extra, err);
    if (extra == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rel->window.partition_count; i++) {
        extra[w->extra_count++] = rel->window.partitions[i];
    }
    for (uint32_t i = 0; i < rel->window.order_count; i++) {
        extra[w->extra_count++] = rel->window.order[i].expr;
    }
    status = make_calls(w, extra, err);
    if (status == FLY_OK) {
        status = make_sorting(w, extra, err);
    }
    if (status == FLY_OK) {
        fly__sql_ports ports = fly__sql_ports_of(rel->left);
        status = fly__sql_program_values(exec, &ports, extra, w->extra_count, &w->extra, err);
    }
    return status == FLY_OK ? map_output(w, err) : status;
}
