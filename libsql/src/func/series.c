/*
 * Functions that return rows: generate_series, generate_subscripts, unnest, string_to_table.
 *
 * Arguments live until the function is closed. Rows whose values need memory have an arena of their
 * own, emptied for each row, so that a long series takes no more than a short one.
 */
#include "func/string_int.h"
#include "types/array_int.h"

#define SET(name, state, open_, next_, close_)                                                     \
    const fly__sql_set_function fly__sql_set_##name = {                                            \
        .state_size = sizeof(state), .open = open_, .next = next_, .close = close_}

static fly_status no_step(fly__sql_call *call)
{
    return FAIL(call, "22023", "step size cannot equal zero");
}

/* ----------------------------------------------------------------------- integers */

typedef struct int_state {
    int64_t next, last, step;
    bool ended;
} int_state;

static int64_t integer(const fly__sql_call *call, const fly_vec_value *args, uint32_t i)
{
    return call->types[i].oid == FLY_SQL_INT4 ? args[i].i32 : args[i].i64;
}

static fly_status int_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    int_state *s = state;
    *s = (int_state){.next = integer(call, args, 0),
                     .last = integer(call, args, 1),
                     .step = call->argc > 2 ? integer(call, args, 2) : 1};
    return s->step == 0 ? no_step(call) : FLY_OK;
}

static fly_status int_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    int_state *s = state;
    if (s->ended || (s->step > 0 ? s->next > s->last : s->next < s->last)) {
        return FLY_E_END;
    }
    int64_t value = s->next;
    s->ended = __builtin_add_overflow(s->next, s->step, &s->next);
    return call->result.oid == FLY_SQL_INT4 ? give_i32(row, (int32_t)value) : give_i64(row, value);
}

SET(series_int, int_state, int_open, int_next, NULL);

/* ----------------------------------------------------------------------- numerics */

typedef struct numeric_state {
    fly_arena arena[2]; /* this row's value and the next one's, in turns */
    int turn;
    bool first;
    fly_vec_str value, last, step;
} numeric_state;

static fly_status numeric_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    numeric_state *s = state;
    fly_arena_init(&s->arena[0], call->arena->mem, 256);
    fly_arena_init(&s->arena[1], call->arena->mem, 256);
    s->turn = 0;
    s->first = true;
    fly_status status = fly__sql_arg_numeric(call, 0, args, &s->value);
    if (status == FLY_OK) {
        status = fly__sql_arg_numeric(call, 1, args, &s->last);
    }
    if (status == FLY_OK) {
        status = call->argc > 2 ? fly__sql_arg_numeric(call, 2, args, &s->step)
                                : fly_vec_numeric_from_i64(1, call->arena, &s->step, call->err);
    }
    static const char *const words[] = {"start", "stop", "step"};
    const fly_vec_str *values[] = {&s->value, &s->last, &s->step};
    static const int order[] = {0, 1, 2};
    for (int i = 0; i < 3 && status == FLY_OK; i++) {
        int k = order[i];
        const char *what = k == 2 ? "step size" : words[k];
        if (fly_vec_numeric_is_nan(*values[k])) {
            status =
                FAIL(call, "22023", k == 2 ? "%s cannot be NaN" : "%s value cannot be NaN", what);
        } else if (fly_vec_numeric_is_inf(*values[k])) {
            status = FAIL(call, "22023",
                          k == 2 ? "%s cannot be infinity" : "%s value cannot be infinity", what);
        }
    }
    if (status == FLY_OK && fly_vec_numeric_sign(s->step) == 0) {
        status = no_step(call);
    }
    if (status != FLY_OK) { /* nobody closes what did not open */
        fly_arena_deinit(&s->arena[0]);
        fly_arena_deinit(&s->arena[1]);
    }
    return status;
}

static fly_status numeric_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    numeric_state *s = state;
    if (!s->first) {
        s->turn = 1 - s->turn;
        fly_arena *arena = &s->arena[s->turn];
        fly_arena_reset(arena);
        fly_status status = fly_vec_numeric_add(s->value, s->step, arena, &s->value, call->err);
        if (status != FLY_OK) {
            return status;
        }
    }
    s->first = false;
    int order = fly_vec_numeric_cmp(s->value, s->last);
    if (fly_vec_numeric_sign(s->step) > 0 ? order > 0 : order < 0) {
        return FLY_E_END;
    }
    return give_str(row, s->value);
}

static void numeric_close(fly__sql_call *call, void *state)
{
    (void)call;
    numeric_state *s = state;
    fly_arena_deinit(&s->arena[0]);
    fly_arena_deinit(&s->arena[1]);
}

SET(series_numeric, numeric_state, numeric_open, numeric_next, numeric_close);

/* --------------------------------------------------------------------- timestamps */

typedef struct time_state {
    int64_t next, last;
    fly_vec_interval step;
    int sign;
} time_state;

static fly_status time_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    time_state *s = state;
    *s = (time_state){.next = args[0].i64, .last = args[1].i64, .step = args[2].interval};
    s->sign = fly_vec_interval_cmp(s->step, (fly_vec_interval){0});
    return s->sign == 0 ? no_step(call) : FLY_OK;
}

static fly_status time_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    time_state *s = state;
    if (s->sign > 0 ? s->next > s->last : s->next < s->last) {
        return FLY_E_END;
    }
    int64_t value = s->next;
    fly_status status =
        call->types[0].oid == FLY_SQL_TIMESTAMPTZ
            ? fly_vec_timestamptz_add(value, s->step, 1,
                                      call->session != NULL ? call->session->time_zone : NULL,
                                      &s->next, call->err)
            : fly_vec_timestamp_add(value, s->step, 1, &s->next, call->err);
    return status != FLY_OK ? status : give_i64(row, value);
}

SET(series_time, time_state, time_open, time_next, NULL);

/* ------------------------------------------------------------------------- arrays */

typedef struct array_state {
    fly_vec_str value; /* of the array: short ones lie here */
    fly__sql_array array;
    fly__sql_array_iter iter;
} array_state;

static fly_status array_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    array_state *s = state;
    s->value = args[0].str;
    s->iter = (fly__sql_array_iter){0};
    return fly__sql_array_open(&s->value, &s->array, call->err);
}

static fly_status array_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    array_state *s = state;
    if (!fly__sql_array_next(&s->array, &s->iter, row)) {
        return FLY_E_END;
    }
    /* Elements are in libvec's format; the call may have been bound with a shape. */
    if (!row->null && call->result.oid == FLY_SQL_NUMERIC && call->result.digits > 0) {
        fly_vec_value element = *row;
        return fly__sql_numeric_reshape(fly__sql_type(FLY_SQL_NUMERIC), call->result, &element,
                                        call->arena, row, call->err);
    }
    return FLY_OK;
}

SET(unnest, array_state, array_open, array_next, NULL);

/* Numbers of an index's columns, and which each is: what JDBC asks of primary keys. */
static fly_status expand_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    array_state *s = state;
    fly_status status = array_next(call, s, &row[0]);
    return status == FLY_OK ? give_i32(&row[1], (int32_t)s->iter.index) : status;
}

static const char *const expand_names[] = {"x", "n", NULL};
static const uint32_t expand_types[] = {FLY_SQL_INT2, FLY_SQL_INT4};

const fly__sql_set_function fly__sql_set_expand = {.state_size = sizeof(array_state),
                                                   .open = array_open,
                                                   .next = expand_next,
                                                   .columns = 2,
                                                   .names = expand_names,
                                                   .types = expand_types};

typedef struct subscript_state {
    int64_t next, last;
    int step;
} subscript_state;

static fly_status subscript_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    subscript_state *s = state;
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&args[0].str, &array, call->err);
    *s = (subscript_state){.next = 1, .last = 0, .step = 1};
    int32_t i = args[1].i32 - 1;
    if (status != FLY_OK || i < 0 || (uint32_t)i >= array.dimensions) {
        return status;
    }
    s->next = array.lower[i];
    s->last = s->next + array.length[i] - 1;
    if (call->argc > 2 && args[2].b) {
        *s = (subscript_state){.next = s->last, .last = s->next, .step = -1};
    }
    return FLY_OK;
}

static fly_status subscript_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    (void)call;
    subscript_state *s = state;
    if (s->step > 0 ? s->next > s->last : s->next < s->last) {
        return FLY_E_END;
    }
    int64_t value = s->next;
    s->next += s->step;
    return give_i32(row, (int32_t)value);
}

SET(subscripts, subscript_state, subscript_open, subscript_next, NULL);

/* -------------------------------------------------------------------------- texts */

typedef struct split_state {
    fly_vec_value text, between, null;
    size_t at;
} split_state;

static fly_status split_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    split_state *s = state;
    s->text = args[0];
    s->between = args[1];
    s->null = call->argc > 2 ? args[2] : (fly_vec_value){.null = true};
    s->at = args[0].null || args[0].str.len == 0 ? 1 : 0;
    return FLY_OK;
}

static fly_status split_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    (void)call;
    split_state *s = state;
    if (s->text.null) {
        return FLY_E_END;
    }
    fly_bytes between = s->between.null ? fly_bytes_of(NULL, 0) : arg_bytes(&s->between);
    fly_bytes piece;
    if (!fly__sql_split_next(arg_bytes(&s->text), s->between.null ? NULL : &between, &s->at,
                             &piece)) {
        return FLY_E_END;
    }
    if (!s->null.null && fly_bytes_equal(piece, arg_bytes(&s->null))) {
        return give_null(row);
    }
    return give_bytes(row, piece);
}

SET(string_to_table, split_state, split_open, split_next, NULL);

/* ---------------------------------------------------------------- options as a table */

typedef struct options_state {
    fly_vec_value whole;
    fly__sql_array list;
    fly__sql_array_iter at;
    fly_vec_value option;
} options_state;

static fly_status options_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    options_state *s = state;
    memset(s, 0, sizeof *s);
    s->whole = args[0]; /* a short list lies in the value itself */
    return args[0].null ? FLY_OK : fly__sql_array_open(&s->whole.str, &s->list, call->err);
}

/* "name=value", or a name alone. */
static fly_status options_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    options_state *s = state;
    (void)call;
    do {
        if (!fly__sql_array_next(&s->list, &s->at, &s->option)) {
            return FLY_E_END;
        }
    } while (s->option.null);
    fly_bytes option = fly_vec_str_bytes(&s->option.str);
    const uint8_t *equals = option.len == 0 ? NULL : memchr(option.data, '=', option.len);
    size_t name = equals == NULL ? option.len : (size_t)(equals - option.data);
    fly_status status = give_bytes(&row[0], fly_bytes_of(option.data, name));
    if (equals == NULL || status != FLY_OK) {
        row[1] = (fly_vec_value){.null = true};
        return status;
    }
    return give_bytes(&row[1], fly_bytes_of(equals + 1, option.len - name - 1));
}

static const char *const options_names[] = {"option_name", "option_value", NULL};
static const uint32_t options_types[] = {FLY_SQL_TEXT, FLY_SQL_TEXT};

const fly__sql_set_function fly__sql_set_options_to_table = {.state_size = sizeof(options_state),
                                                             .open = options_open,
                                                             .next = options_next,
                                                             .columns = 2,
                                                             .names = options_names,
                                                             .types = options_types};

/* Rows of what there is none of: partitions. */
static fly_status open_nothing(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    (void)call;
    (void)args;
    (void)state;
    return FLY_OK;
}

static fly_status no_rows(fly__sql_call *call, void *state, fly_vec_value *row)
{
    (void)call;
    (void)state;
    (void)row;
    return FLY_E_END;
}

const fly__sql_set_function fly__sql_set_nothing = {
    .state_size = 1, .open = open_nothing, .next = no_rows};

static const char *const tree_names[] = {"relid", "parentrelid", "isleaf", "level", NULL};
static const uint32_t tree_types[] = {FLY_SQL_REGCLASS, FLY_SQL_REGCLASS, FLY_SQL_BOOL,
                                      FLY_SQL_INT4};

const fly__sql_set_function fly__sql_set_partition_tree = {.state_size = 1,
                                                           .open = open_nothing,
                                                           .next = no_rows,
                                                           .columns = 4,
                                                           .names = tree_names,
                                                           .types = tree_types};
