/*
 * Variance, deviation, correlation, regression; and, or, exclusive or.
 *
 * Floats: the sums of squares of differences are kept as values come, by the recurrences of Youngs
 * and Cramer, which lose few digits and are what PostgreSQL computes, too. Exact types: sums and
 * sums of squares without rounding, and one division at the end.
 *
 * Source: Youngs and Cramer, "Some Results Relevant to Choice of Sum and Sum-of-Product
 * Algorithms", Technometrics 1971.
 */
#include "func/aggregate_int.h"

#include <fly/vec_agg.h>

#include <math.h>

static fly_status overflow(fly__sql_call *call)
{
    return FAIL(call, "22003", "value out of range: overflow");
}

/* -------------------------------------------------------------- one column of floats */

typedef struct float_state {
    double n;
    double sx;  /* sum of x */
    double sxx; /* sum of (x - mean)^2 */
} float_state;

static fly_status float_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    float_state *s = state;
    double x = call->types[0].oid == FLY_SQL_FLOAT4 ? (double)args[0].f32 : args[0].f64;
    double before = s->sx;
    s->n += 1;
    s->sx += x;
    if (s->n > 1) {
        double t = x * s->n - s->sx;
        s->sxx += t * t / (s->n * (s->n - 1));
        if (isinf(s->sx) || isinf(s->sxx)) {
            if (!isinf(before) && !isinf(x)) {
                return overflow(call);
            }
            s->sxx = (double)NAN;
        }
    } else if (isnan(x) || isinf(x)) {
        s->sxx = (double)NAN;
    }
    return FLY_OK;
}

static fly_status float_merge(fly__sql_call *call, void *into, const void *from)
{
    float_state *s = into;
    const float_state *o = from;
    if (o->n == 0) {
        return FLY_OK;
    }
    if (s->n == 0) {
        *s = *o;
        return FLY_OK;
    }
    double n = s->n + o->n;
    double t = s->sx / s->n - o->sx / o->n;
    double sxx = s->sxx + o->sxx + s->n * o->n * t * t / n;
    if (isinf(sxx) && !isinf(s->sxx) && !isinf(o->sxx)) {
        return overflow(call);
    }
    *s = (float_state){.n = n, .sx = s->sx + o->sx, .sxx = sxx};
    return FLY_OK;
}

static fly_status float_spread(const float_state *s, fly_vec_spread which, fly_vec_value *result)
{
    bool sample = which == FLY_VEC_VAR_SAMP || which == FLY_VEC_STDDEV_SAMP;
    bool root = which == FLY_VEC_STDDEV_POP || which == FLY_VEC_STDDEV_SAMP;
    if (s->n < (sample ? 2 : 1)) {
        return give_null(result);
    }
    double variance = s->sxx / (sample ? s->n - 1 : s->n);
    return give_f64(result, root ? sqrt(variance) : variance);
}

/* ------------------------------------------------------------- one column, exactly */

/* Integers of up to 32 bits: their squares fit 128 bits as often as one can count. */
typedef struct int_state {
    fly_vec_i128 sum;
    fly_vec_i128 squares;
    int64_t count;
} int_state;

static int64_t small_integer(const fly__sql_call *call, const fly_vec_value *args)
{
    return call->types[0].oid == FLY_SQL_INT2 ? args[0].i16 : args[0].i32;
}

static fly_status int_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    int_state *s = state;
    int64_t x = small_integer(call, args);
    s->sum += x;
    s->squares += x * x;
    s->count++;
    return FLY_OK;
}

static fly_status int_remove(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    int_state *s = state;
    int64_t x = small_integer(call, args);
    s->sum -= x;
    s->squares -= x * x;
    s->count--;
    return FLY_OK;
}

static fly_status int_merge(fly__sql_call *call, void *into, const void *from)
{
    (void)call;
    int_state *s = into;
    const int_state *o = from;
    s->sum += o->sum;
    s->squares += o->squares;
    s->count += o->count;
    return FLY_OK;
}

static fly_status int_spread(fly__sql_call *call, const int_state *s, fly_vec_spread which,
                             fly_vec_value *result)
{
    bool sample = which == FLY_VEC_VAR_SAMP || which == FLY_VEC_STDDEV_SAMP;
    if (s->count < (sample ? 2 : 1)) {
        return give_null(result);
    }
    fly_vec_str sum;
    fly_vec_str squares;
    fly_vec_str value;
    fly_status status = fly_vec_numeric_from_i128(s->sum, 0, call->arena, &sum, call->err);
    if (status == FLY_OK) {
        status = fly_vec_numeric_from_i128(s->squares, 0, call->arena, &squares, call->err);
    }
    if (status == FLY_OK) {
        status =
            fly_vec_numeric_spread(s->count, sum, squares, which, call->arena, &value, call->err);
    }
    return status != FLY_OK ? status : fly__sql_give_numeric(call, value, result);
}

/* bigint and numeric of any shape. */
static fly_status as_numeric(fly__sql_call *call, const fly_vec_value *args, fly_vec_str *value)
{
    return call->types[0].oid == FLY_SQL_INT8
               ? fly_vec_numeric_from_i64(args[0].i64, call->arena, value, call->err)
               : fly__sql_arg_numeric(call, 0, args, value);
}

static fly_status numeric_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    fly_vec_str value;
    fly_status status = as_numeric(call, args, &value);
    return status != FLY_OK ? status
                            : fly_vec_numeric_agg_add(state, value, true, call->arena, call->err);
}

static fly_status numeric_remove(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    fly_vec_str value;
    fly_status status = as_numeric(call, args, &value);
    return status != FLY_OK
               ? status
               : fly_vec_numeric_agg_remove(state, value, true, call->arena, call->err);
}

static fly_status numeric_merge(fly__sql_call *call, void *into, const void *from)
{
    return fly_vec_numeric_agg_merge(into, from, true, call->arena, call->err);
}

static fly_status numeric_spread(fly__sql_call *call, const void *state, fly_vec_spread which,
                                 fly_vec_value *result)
{
    fly_vec_str value;
    bool null = false;
    fly_status status =
        fly_vec_numeric_agg_spread(state, which, call->arena, &value, &null, call->err);
    if (status != FLY_OK) {
        return status;
    }
    return null ? give_null(result) : fly__sql_give_numeric(call, value, result);
}

/* The four of them for the three kinds of number. */
#define SPREAD(name, which, kind)                                                                  \
    static fly_status name##_float_final(fly__sql_call *call, void *state, fly_vec_value *result)  \
    {                                                                                              \
        (void)call;                                                                                \
        return float_spread(state, which, result);                                                 \
    }                                                                                              \
    static fly_status name##_int_final(fly__sql_call *call, void *state, fly_vec_value *result)    \
    {                                                                                              \
        return int_spread(call, state, which, result);                                             \
    }                                                                                              \
    static fly_status name##_numeric_final(fly__sql_call *call, void *state,                       \
                                           fly_vec_value *result)                                  \
    {                                                                                              \
        return numeric_spread(call, state, which, result);                                         \
    }                                                                                              \
    const fly__sql_aggregate fly__sql_agg_##name##_float = {.state_size = sizeof(float_state),     \
                                                            .step = float_step,                    \
                                                            .merge = float_merge,                  \
                                                            .final = name##_float_final,           \
                                                            .kernel = 1 + (kind)};                 \
    const fly__sql_aggregate fly__sql_agg_##name##_int = {.state_size = sizeof(int_state),         \
                                                          .step = int_step,                        \
                                                          .merge = int_merge,                      \
                                                          .remove = int_remove,                    \
                                                          .final = name##_int_final};              \
    const fly__sql_aggregate fly__sql_agg_##name##_numeric = {                                     \
        .state_size = sizeof(fly_vec_numeric_agg),                                                 \
        .step = numeric_step,                                                                      \
        .merge = numeric_merge,                                                                    \
        .remove = numeric_remove,                                                                  \
        .final = name##_numeric_final}

SPREAD(var_pop, FLY_VEC_VAR_POP, FLY_VEC_AGG_VAR_POP);
SPREAD(var_samp, FLY_VEC_VAR_SAMP, FLY_VEC_AGG_VAR_SAMP);
SPREAD(stddev_pop, FLY_VEC_STDDEV_POP, FLY_VEC_AGG_STDDEV_POP);
SPREAD(stddev_samp, FLY_VEC_STDDEV_SAMP, FLY_VEC_AGG_STDDEV_SAMP);

/* ------------------------------------------------------------- two columns of floats */

typedef struct pair_state {
    double n;
    double sx, sxx;
    double sy, syy;
    double sxy;
} pair_state;

/* Arguments are y, x. */
static fly_status pair_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    pair_state *s = state;
    double y = args[0].f64;
    double x = args[1].f64;
    double before_x = s->sx;
    double before_y = s->sy;
    s->n += 1;
    s->sx += x;
    s->sy += y;
    if (s->n > 1) {
        double tx = x * s->n - s->sx;
        double ty = y * s->n - s->sy;
        double scale = 1.0 / (s->n * (s->n - 1));
        s->sxx += tx * tx * scale;
        s->syy += ty * ty * scale;
        s->sxy += tx * ty * scale;
        if (isinf(s->sx) || isinf(s->sxx) || isinf(s->sy) || isinf(s->syy) || isinf(s->sxy)) {
            bool x_finite = !isinf(before_x) && !isinf(x);
            bool y_finite = !isinf(before_y) && !isinf(y);
            if (((isinf(s->sx) || isinf(s->sxx)) && x_finite) ||
                ((isinf(s->sy) || isinf(s->syy)) && y_finite) ||
                (isinf(s->sxy) && x_finite && y_finite)) {
                return overflow(call);
            }
            s->sxx = isinf(s->sxx) ? (double)NAN : s->sxx;
            s->syy = isinf(s->syy) ? (double)NAN : s->syy;
            s->sxy = isinf(s->sxy) ? (double)NAN : s->sxy;
        }
    } else {
        bool x_odd = isnan(x) || isinf(x);
        bool y_odd = isnan(y) || isinf(y);
        s->sxx = x_odd ? (double)NAN : 0;
        s->syy = y_odd ? (double)NAN : 0;
        s->sxy = x_odd || y_odd ? (double)NAN : 0;
    }
    return FLY_OK;
}

static fly_status pair_merge(fly__sql_call *call, void *into, const void *from)
{
    pair_state *s = into;
    const pair_state *o = from;
    if (o->n == 0) {
        return FLY_OK;
    }
    if (s->n == 0) {
        *s = *o;
        return FLY_OK;
    }
    double n = s->n + o->n;
    double tx = s->sx / s->n - o->sx / o->n;
    double ty = s->sy / s->n - o->sy / o->n;
    double w = s->n * o->n / n;
    pair_state r = {.n = n,
                    .sx = s->sx + o->sx,
                    .sxx = s->sxx + o->sxx + w * tx * tx,
                    .sy = s->sy + o->sy,
                    .syy = s->syy + o->syy + w * ty * ty,
                    .sxy = s->sxy + o->sxy + w * tx * ty};
    if ((isinf(r.sxx) && !isinf(s->sxx) && !isinf(o->sxx)) ||
        (isinf(r.syy) && !isinf(s->syy) && !isinf(o->syy)) ||
        (isinf(r.sxy) && !isinf(s->sxy) && !isinf(o->sxy))) {
        return overflow(call);
    }
    *s = r;
    return FLY_OK;
}

#define PAIR(name, null_if, value)                                                                 \
    static fly_status name##_final(fly__sql_call *call, void *state, fly_vec_value *result)        \
    {                                                                                              \
        (void)call;                                                                                \
        const pair_state *s = state;                                                               \
        return (null_if) ? give_null(result) : give_f64(result, (value));                          \
    }                                                                                              \
    const fly__sql_aggregate fly__sql_agg_##name = {.state_size = sizeof(pair_state),              \
                                                    .step = pair_step,                             \
                                                    .merge = pair_merge,                           \
                                                    .final = name##_final}

PAIR(corr, s->n < 1 || s->sxx == 0 || s->syy == 0, s->sxy / sqrt(s->sxx * s->syy));
PAIR(covar_pop, s->n < 1, s->sxy / s->n);
PAIR(covar_samp, s->n < 2, s->sxy / (s->n - 1));
PAIR(regr_avgx, s->n < 1, s->sx / s->n);
PAIR(regr_avgy, s->n < 1, s->sy / s->n);
PAIR(regr_intercept, s->n < 1 || s->sxx == 0, (s->sy - s->sx * s->sxy / s->sxx) / s->n);
PAIR(regr_r2, s->n < 1 || s->sxx == 0, s->syy == 0 ? 1.0 : (s->sxy * s->sxy) / (s->sxx * s->syy));
PAIR(regr_slope, s->n < 1 || s->sxx == 0, s->sxy / s->sxx);
PAIR(regr_sxx, s->n < 1, s->sxx);
PAIR(regr_sxy, s->n < 1, s->sxy);
PAIR(regr_syy, s->n < 1, s->syy);

static fly_status regr_count_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    (void)call;
    return give_i64(result, (int64_t)((pair_state *)state)->n);
}

const fly__sql_aggregate fly__sql_agg_regr_count = {.state_size = sizeof(pair_state),
                                                    .step = pair_step,
                                                    .merge = pair_merge,
                                                    .final = regr_count_final};

/* ------------------------------------------------------------------ bits and truths */

typedef struct bits_state {
    int64_t bits; /* as many as the type has */
    bool there;
} bits_state;

static int64_t bits_of(const fly__sql_call *call, const fly_vec_value *args)
{
    switch (call->types[0].oid) {
    case FLY_SQL_BOOL:
        return args[0].b;
    case FLY_SQL_INT2:
        return args[0].i16;
    case FLY_SQL_INT4:
        return args[0].i32;
    default:
        return args[0].i64;
    }
}

static fly_status bits_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    const bits_state *s = state;
    if (!s->there) {
        return give_null(result);
    }
    switch (call->types[0].oid) {
    case FLY_SQL_BOOL:
        return give_bool(result, s->bits != 0);
    case FLY_SQL_INT2:
        return give_i16(result, (int16_t)s->bits);
    case FLY_SQL_INT4:
        return give_i32(result, (int32_t)s->bits);
    default:
        return give_i64(result, s->bits);
    }
}

#define BITS(name, op, kind)                                                                       \
    static void name##_take(bits_state *s, int64_t bits)                                           \
    {                                                                                              \
        s->bits = s->there ? (s->bits op bits) : bits;                                             \
        s->there = true;                                                                           \
    }                                                                                              \
    static fly_status name##_step(fly__sql_call *call, void *state, const fly_vec_value *args)     \
    {                                                                                              \
        name##_take(state, bits_of(call, args));                                                   \
        return FLY_OK;                                                                             \
    }                                                                                              \
    static fly_status name##_merge(fly__sql_call *call, void *into, const void *from)              \
    {                                                                                              \
        (void)call;                                                                                \
        const bits_state *o = from;                                                                \
        if (o->there) {                                                                            \
            name##_take(into, o->bits);                                                            \
        }                                                                                          \
        return FLY_OK;                                                                             \
    }                                                                                              \
    const fly__sql_aggregate fly__sql_agg_##name = {.state_size = sizeof(bits_state),              \
                                                    .step = name##_step,                           \
                                                    .merge = name##_merge,                         \
                                                    .final = bits_final,                           \
                                                    .kernel = 1 + (kind)}

BITS(bit_and, &, FLY_VEC_AGG_BIT_AND);
BITS(bit_or, |, FLY_VEC_AGG_BIT_OR);
BITS(bit_xor, ^, FLY_VEC_AGG_BIT_XOR);
/* Of booleans, where libvec calls it the smallest and the largest. */
BITS(bool_and, &, FLY_VEC_MIN);
BITS(bool_or, |, FLY_VEC_MAX);
