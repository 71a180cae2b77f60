/*
 * count, sum, avg, min, max.
 *
 * Sums of integers and scaled numerics are exact in 128 bits: sum(integer) is a bigint and must fit
 * one at the end, sum(bigint) and avg are numeric. Sums of floats depend on the order of additions,
 * as they do anywhere.
 *
 * What is not here: statistics (aggregate_stat.c), arrays, strings, JSON (aggregate_list.c),
 * ordered sets (aggregate_set.c).
 */
#include "func/aggregate_int.h"

#include <fly/vec_time.h>

#include <fly/vec_agg.h>

/* ------------------------------------------------------------------------ count */

typedef struct count_state {
    int64_t count;
} count_state;

static fly_status count_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    (void)call;
    (void)args;
    ((count_state *)state)->count++;
    return FLY_OK;
}

static fly_status count_merge(fly__sql_call *call, void *into, const void *from)
{
    (void)call;
    ((count_state *)into)->count += ((const count_state *)from)->count;
    return FLY_OK;
}

static fly_status count_remove(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    (void)call;
    (void)args;
    ((count_state *)state)->count--;
    return FLY_OK;
}

static fly_status count_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    (void)call;
    return give_i64(result, ((count_state *)state)->count);
}

/* count(*) has no argument that could be NULL. */
const fly__sql_aggregate fly__sql_agg_count = {.state_size = sizeof(count_state),
                                               .step = count_step,
                                               .merge = count_merge,
                                               .remove = count_remove,
                                               .kernel = 1 + FLY_VEC_COUNT,
                                               .final = count_final};

/* ---------------------------------------------------------- sums of whole numbers */

typedef fly__sql_sum_state int_state;

/* The argument as a whole number: an integer, or a scaled numeric's digits. */
static fly_vec_i128 whole(const fly__sql_call *call, const fly_vec_value *args)
{
    switch (fly__sql_type_physical(call->types[0])) {
    case FLY_VEC_I16:
        return args[0].i16;
    case FLY_VEC_I32:
        return args[0].i32;
    case FLY_VEC_I64:
        return args[0].i64;
    default:
        return args[0].i128;
    }
}

static fly_status sum_overflow(fly__sql_call *call)
{
    return FAIL(call, "22003", "value overflows numeric format");
}

static fly_status int_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    int_state *s = state;
    if (__builtin_add_overflow(s->sum, whole(call, args), &s->sum)) {
        return sum_overflow(call);
    }
    s->count++;
    return FLY_OK;
}

static fly_status int_merge(fly__sql_call *call, void *into, const void *from)
{
    int_state *s = into;
    const int_state *other = from;
    if (__builtin_add_overflow(s->sum, other->sum, &s->sum)) {
        return sum_overflow(call);
    }
    s->count += other->count;
    return FLY_OK;
}

static fly_status int_remove(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    int_state *s = state;
    s->sum -= whole(call, args);
    s->count--;
    return FLY_OK;
}

static fly_status int_sum_i64(fly__sql_call *call, void *state, fly_vec_value *result)
{
    int_state *s = state;
    if (s->count == 0) {
        return give_null(result);
    }
    if (s->sum < INT64_MIN || s->sum > INT64_MAX) {
        return fly__sql_out_of_range(call, "bigint");
    }
    return give_i64(result, (int64_t)s->sum);
}

/* The sum as a numeric of the scale that the argument has. */
static fly_status int_sum_numeric(fly__sql_call *call, void *state, fly_vec_value *result)
{
    int_state *s = state;
    if (s->count == 0) {
        return give_null(result);
    }
    fly_vec_value sum = {.i128 = s->sum};
    fly_sql_type type = fly__sql_type_numeric(38, call->types[0].scale);
    return fly__sql_numeric_reshape(type, call->result, &sum, call->arena, result, call->err);
}

static fly_status int_avg(fly__sql_call *call, void *state, fly_vec_value *result)
{
    int_state *s = state;
    if (s->count == 0) {
        return give_null(result);
    }
    fly_vec_str avg;
    fly_status status = fly_vec_numeric_avg_i128(s->sum, call->types[0].scale, s->count,
                                                 call->arena, &avg, call->err);
    return status != FLY_OK ? status : fly__sql_give_numeric(call, avg, result);
}

#define INT_AGGREGATE(name, final_, sums)                                                          \
    const fly__sql_aggregate fly__sql_agg_##name = {.state_size = sizeof(int_state),               \
                                                    .kernel = 1 + FLY_VEC_SUM,                     \
                                                    .kernel_sums = (sums),                         \
                                                    .step = int_step,                              \
                                                    .merge = int_merge,                            \
                                                    .remove = int_remove,                          \
                                                    .final = final_}
INT_AGGREGATE(sum_int, int_sum_i64, false);
INT_AGGREGATE(sum_i64, int_sum_numeric, false);
INT_AGGREGATE(avg_int, int_avg, true);

/* --------------------------------------------------------------- sums of numerics */

/* Scaled ones are whole numbers; a call site knows which of the two it has. */
typedef struct numeric_state {
    union {
        int_state scaled;
        fly_vec_numeric_agg unscaled;
    };
} numeric_state;

static bool is_scaled(const fly__sql_call *call)
{
    return call->types[0].digits > 0;
}

static fly_status numeric_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    numeric_state *s = state;
    return is_scaled(call)
               ? int_step(call, &s->scaled, args)
               : fly_vec_numeric_agg_add(&s->unscaled, args[0].str, false, call->arena, call->err);
}

static fly_status numeric_merge(fly__sql_call *call, void *into, const void *from)
{
    numeric_state *s = into;
    const numeric_state *other = from;
    return is_scaled(call) ? int_merge(call, &s->scaled, &other->scaled)
                           : fly_vec_numeric_agg_merge(&s->unscaled, &other->unscaled, false,
                                                       call->arena, call->err);
}

static fly_status numeric_remove(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    numeric_state *s = state;
    return is_scaled(call) ? int_remove(call, &s->scaled, args)
                           : fly_vec_numeric_agg_remove(&s->unscaled, args[0].str, false,
                                                        call->arena, call->err);
}

static fly_status numeric_sum(fly__sql_call *call, void *state, fly_vec_value *result)
{
    numeric_state *s = state;
    if (is_scaled(call)) {
        return int_sum_numeric(call, &s->scaled, result);
    }
    fly_vec_str sum;
    bool null = false;
    fly_status status = fly_vec_numeric_agg_sum(&s->unscaled, call->arena, &sum, &null, call->err);
    if (status != FLY_OK) {
        return status;
    }
    return null ? give_null(result) : fly__sql_give_numeric(call, sum, result);
}

static fly_status numeric_avg(fly__sql_call *call, void *state, fly_vec_value *result)
{
    numeric_state *s = state;
    if (is_scaled(call)) {
        return int_avg(call, &s->scaled, result);
    }
    fly_vec_str avg;
    bool null = false;
    fly_status status = fly_vec_numeric_agg_avg(&s->unscaled, call->arena, &avg, &null, call->err);
    if (status != FLY_OK) {
        return status;
    }
    return null ? give_null(result) : fly__sql_give_numeric(call, avg, result);
}

#define NUMERIC_AGGREGATE(name, final_, sums)                                                      \
    const fly__sql_aggregate fly__sql_agg_##name = {.state_size = sizeof(numeric_state),           \
                                                    .kernel = 1 + FLY_VEC_SUM,                     \
                                                    .kernel_sums = (sums),                         \
                                                    .step = numeric_step,                          \
                                                    .merge = numeric_merge,                        \
                                                    .remove = numeric_remove,                      \
                                                    .final = final_}
NUMERIC_AGGREGATE(sum_numeric, numeric_sum, false);
NUMERIC_AGGREGATE(avg_numeric, numeric_avg, true);

/* ----------------------------------------------------------------- sums of floats */

typedef struct float_state {
    double sum;
    int64_t count;
    bool infinite; /* an argument was: then the sum may be, too */
} float_state;

/* sum(real) adds in single precision, as PostgreSQL's; avg(real) does not. */
static fly_status float_add(fly__sql_call *call, float_state *s, double x, bool single)
{
    s->infinite |= x - x != 0;
    s->sum = single ? (double)((float)s->sum + (float)x) : s->sum + x;
    s->count++;
    if (s->sum - s->sum != 0 && !s->infinite) {
        return FAIL(call, "22003", "value out of range: overflow");
    }
    return FLY_OK;
}

static fly_status float_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    bool single = call->types[0].oid == FLY_SQL_FLOAT4;
    return float_add(call, state, single ? (double)args[0].f32 : args[0].f64,
                     single && call->result.oid == FLY_SQL_FLOAT4);
}

static fly_status float_merge(fly__sql_call *call, void *into, const void *from)
{
    float_state *s = into;
    const float_state *other = from;
    int64_t count = s->count + other->count;
    bool infinite = s->infinite || other->infinite;
    fly_status status = other->count > 0
                            ? float_add(call, s, other->sum, call->result.oid == FLY_SQL_FLOAT4)
                            : FLY_OK;
    s->count = count;
    s->infinite = infinite;
    return status;
}

static fly_status float_sum(fly__sql_call *call, void *state, fly_vec_value *result)
{
    float_state *s = state;
    if (s->count == 0) {
        return give_null(result);
    }
    return call->result.oid == FLY_SQL_FLOAT4 ? give_f32(result, (float)s->sum)
                                              : give_f64(result, s->sum);
}

static fly_status float_avg(fly__sql_call *call, void *state, fly_vec_value *result)
{
    (void)call;
    float_state *s = state;
    return s->count == 0 ? give_null(result) : give_f64(result, s->sum / (double)s->count);
}

/* No taking out: a large number that goes would leave the rounding that it caused. */
#define FLOAT_AGGREGATE(name, final_, kind)                                                        \
    const fly__sql_aggregate fly__sql_agg_##name = {.state_size = sizeof(float_state),             \
                                                    .kernel = 1 + (kind),                          \
                                                    .step = float_step,                            \
                                                    .merge = float_merge,                          \
                                                    .final = final_}
FLOAT_AGGREGATE(sum_float, float_sum, FLY_VEC_SUM);
FLOAT_AGGREGATE(avg_float, float_avg, FLY_VEC_AVG);

/* -------------------------------------------------------------- sums of intervals */

typedef struct interval_state {
    fly_vec_interval sum;
    int64_t count;
} interval_state;

static fly_status interval_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    interval_state *s = state;
    s->count++;
    return fly_vec_interval_add(s->sum, args[0].interval, &s->sum, call->err);
}

static fly_status interval_merge(fly__sql_call *call, void *into, const void *from)
{
    interval_state *s = into;
    const interval_state *other = from;
    s->count += other->count;
    return fly_vec_interval_add(s->sum, other->sum, &s->sum, call->err);
}

static fly_status interval_sum(fly__sql_call *call, void *state, fly_vec_value *result)
{
    (void)call;
    const interval_state *s = state;
    result->null = s->count == 0;
    result->interval = s->sum;
    return FLY_OK;
}

static fly_status interval_avg(fly__sql_call *call, void *state, fly_vec_value *result)
{
    const interval_state *s = state;
    result->null = s->count == 0;
    return s->count == 0
               ? FLY_OK
               : fly_vec_interval_div(s->sum, (double)s->count, &result->interval, call->err);
}

const fly__sql_aggregate fly__sql_agg_sum_interval = {.state_size = sizeof(interval_state),
                                                      .step = interval_step,
                                                      .merge = interval_merge,
                                                      .final = interval_sum};
const fly__sql_aggregate fly__sql_agg_avg_interval = {.state_size = sizeof(interval_state),
                                                      .step = interval_step,
                                                      .merge = interval_merge,
                                                      .final = interval_avg};

/* -------------------------------------------------------------------- min and max */

fly_status fly__sql_kept_set(fly__sql_call *call, fly__sql_kept *kept, const fly_vec_value *value)
{
    bool is_string = fly__sql_type_physical(call->types[0]) == FLY_VEC_STR;
    if (is_string && !value->null && value->str.len > FLY_VEC_STR_INLINE) {
        if (value->str.len > kept->room) {
            size_t room = (size_t)value->str.len + value->str.len / 2;
            char *bytes = fly_arena_alloc(call->arena, room);
            if (bytes == NULL) {
                return fly__sql_no_memory(call->err);
            }
            kept->bytes = bytes;
            kept->room = room;
        }
        memcpy(kept->bytes, value->str.ptr, value->str.len);
        kept->value.str = fly_vec_str_of(kept->bytes, value->str.len);
        kept->value.null = false;
    } else {
        kept->value = *value;
    }
    kept->there = true;
    return FLY_OK;
}

/* `wanted` is the sign of comparing a better value with the kept one. */
static fly_status best(fly__sql_call *call, fly__sql_kept *kept, const fly_vec_value *value,
                       int wanted)
{
    if (kept->there) {
        int order = 0;
        fly_status status = fly__sql_order(call, call->types[0], value, &kept->value, &order);
        if (status != FLY_OK || order * wanted <= 0) {
            return status;
        }
    }
    return fly__sql_kept_set(call, kept, value);
}

static fly_status min_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    return best(call, state, &args[0], -1);
}

static fly_status max_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    return best(call, state, &args[0], 1);
}

static fly_status min_merge(fly__sql_call *call, void *into, const void *from)
{
    const fly__sql_kept *other = from;
    return other->there ? best(call, into, &other->value, -1) : FLY_OK;
}

static fly_status max_merge(fly__sql_call *call, void *into, const void *from)
{
    const fly__sql_kept *other = from;
    return other->there ? best(call, into, &other->value, 1) : FLY_OK;
}

fly_status fly__sql_kept_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    (void)call;
    const fly__sql_kept *kept = state;
    if (!kept->there) {
        return give_null(result);
    }
    *result = kept->value;
    return FLY_OK;
}

const fly__sql_aggregate fly__sql_agg_min = {.state_size = sizeof(fly__sql_kept),
                                             .kernel = 1 + FLY_VEC_MIN,
                                             .step = min_step,
                                             .merge = min_merge,
                                             .final = fly__sql_kept_final};
const fly__sql_aggregate fly__sql_agg_max = {.state_size = sizeof(fly__sql_kept),
                                             .kernel = 1 + FLY_VEC_MAX,
                                             .step = max_step,
                                             .merge = max_merge,
                                             .final = fly__sql_kept_final};
