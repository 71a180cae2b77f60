/*
 * Aggregates.
 *
 * A state is a small struct in a row, at an offset that is a multiple of 8; those with an i128 are
 * packed to say that they are no better aligned than that. Every aggregate is written once, as what
 * one value does to a state; loops around it make the grouped and the ungrouped form, and merging
 * is mostly the same step with another state's value.
 *
 * What is not here: DISTINCT and FILTER (the caller's selections), unbounded decimals
 * (numeric_agg.c).
 *
 * Source: sums of squares follow Youngs and Cramer, as PostgreSQL's float8_accum() does, and for
 * its results' sake.
 */
#include <fly/vec_agg.h>

#include "value_int.h"

#include <float.h>
#include <math.h>

typedef struct agg_input {
    const void *data;
    const uint64_t *valid;
    const fly_vec_sel *index;
    const fly_vec_sel *sel;
    uint32_t mask;

} agg_input;

static agg_input input_of(const fly_vec *v, const fly_vec_sel *sel, int n)
{
    agg_input in = {.sel = sel, .mask = ~(uint32_t)0};
    if (v == NULL) {
        return in;
    }
    in.index = v->kind == FLY_VEC_DICT ? v->index : NULL;
    in.mask = v->kind == FLY_VEC_CONST ? 0 : ~(uint32_t)0;
    in.data = v->kind == FLY_VEC_DICT ? v->dict->data : v->data;
    in.valid = v->kind == FLY_VEC_DICT ? v->dict->valid : v->valid;
    in.valid = fly__vec_may_null(v, sel, n) ? in.valid : NULL;
    return in;
}

static inline uint32_t input_at(const agg_input *in, int k)
{
    uint32_t at = in->sel != NULL ? in->sel[k] : (uint32_t)k;
    return in->index != NULL ? in->index[at] : at & in->mask;
}

/* Whether a plain loop over all of the vector will do. */
static bool dense(const fly_vec *v, const fly_vec_sel *sel, int n)
{
    return v->kind == FLY_VEC_FLAT && sel == NULL && !fly__vec_any_null(v, (uint32_t)n);
}

static fly_status out_of_range(const fly_vec_agg_ctx *ctx, const char *message)
{
    (void)fly_err_set(ctx->err, FLY_E_INVALID, "%s", message);
    if (ctx->err != NULL) {
        memcpy(ctx->err->sqlstate, "22003", 6);
        ctx->err->position = ctx->pos;
    }
    return FLY_E_INVALID;
}

/* ----------------------------------------------------------------------- shapes */

/*
 * From a state S and a step STEP(ctx, state, value), which gives a status: the loops. T is the type
 * of the values; SEQ vectors are the
 * caller's to flatten.
 */
#define UPDATES(name, S, T, STEP)                                                                  \
    static fly_status update_##name(const fly_vec_agg_ctx *ctx, uint8_t *const *row, uint32_t at,  \
                                    const fly_vec *arg, const fly_vec_sel *sel, int n)             \
    {                                                                                              \
        agg_input in = input_of(arg, sel, n);                                                      \
        fly_status status = FLY_OK;                                                                \
        for (int k = 0; k < n; k++) {                                                              \
            uint32_t i = input_at(&in, k);                                                         \
            if (fly__vec_bit(in.valid, i)) {                                                       \
                status = STEP(ctx, (S *)(void *)(row[k] + at), ((const T *)in.data)[i]);           \
                if (FLY_UNLIKELY(status != FLY_OK)) {                                              \
                    break;                                                                         \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return status;                                                                             \
    }

#define UPDATE_ONE(name, S, T, STEP)                                                               \
    static fly_status update_one_##name(const fly_vec_agg_ctx *ctx, uint8_t *state,                \
                                        const fly_vec *arg, const fly_vec_sel *sel, int n)         \
    {                                                                                              \
        agg_input in = input_of(arg, sel, n);                                                      \
        fly_status status = FLY_OK;                                                                \
        S s; /* at hand, so that the loop need not store it */                                     \
        memcpy(&s, state, sizeof s);                                                               \
        for (int k = 0; k < n && status == FLY_OK; k++) {                                          \
            uint32_t i = input_at(&in, k);                                                         \
            if (fly__vec_bit(in.valid, i)) {                                                       \
                status = STEP(ctx, &s, ((const T *)in.data)[i]);                                   \
            }                                                                                      \
        }                                                                                          \
        memcpy(state, &s, sizeof s);                                                               \
        return status;                                                                             \
    }

#define COMBINE(name, S, MERGE)                                                                    \
    static fly_status combine_##name(const fly_vec_agg_ctx *ctx, uint8_t *const *to,               \
                                     uint8_t *const *from, uint32_t at, int n)                     \
    {                                                                                              \
        fly_status status = FLY_OK;                                                                \
        for (int k = 0; k < n && status == FLY_OK; k++) {                                          \
            status =                                                                               \
                MERGE(ctx, (S *)(void *)(to[k] + at), (const S *)(const void *)(from[k] + at));    \
        }                                                                                          \
        return status;                                                                             \
    }

/* RESULT is the value of `s`, NOT_NULL whether there is one. */
#define RESULT(name, S, T, NOT_NULL, VALUE)                                                        \
    static void result_##name(uint8_t *const *row, uint32_t at, int n, fly_vec *out)               \
    {                                                                                              \
        out->kind = FLY_VEC_FLAT;                                                                  \
        out->flags = 0;                                                                            \
        for (int k = 0; k < n; k++) {                                                              \
            const S *s = (const S *)(const void *)(row[k] + at);                                   \
            if (NOT_NULL) {                                                                        \
                T value = (VALUE);                                                                 \
                memcpy((T *)out->data + k, &value, sizeof value);                                  \
                fly_vec_set_valid(out, (uint32_t)k);                                               \
            } else {                                                                               \
                fly_vec_set_null(out, (uint32_t)k);                                                \
            }                                                                                      \
        }                                                                                          \
    }

#define AGG(name, S, RESULT_TYPE, STRING, COUNT_AT)                                                \
    static const fly_vec_agg agg_##name = {                                                        \
        .state_size = (sizeof(S) + 7) / 8 * 8,                                                     \
        .result_type = (RESULT_TYPE),                                                              \
        .string = (STRING),                                                                        \
        .count_at = (COUNT_AT),                                                                    \
        .update = update_##name,                                                                   \
        .update_one = update_one_##name,                                                           \
        .combine = combine_##name,                                                                 \
        .result = result_##name,                                                                   \
    };

/* ----------------------------------------------------------------------- counting */

typedef struct count_state {
    int64_t count;
} count_state;

static fly_status update_count_rows(const fly_vec_agg_ctx *ctx, uint8_t *const *row, uint32_t at,
                                    const fly_vec *arg, const fly_vec_sel *sel, int n)
{
    (void)ctx;
    (void)arg;
    (void)sel;
    for (int k = 0; k < n; k++) {
        ((count_state *)(void *)(row[k] + at))->count++;
    }
    return FLY_OK;
}

static fly_status update_one_count_rows(const fly_vec_agg_ctx *ctx, uint8_t *state,
                                        const fly_vec *arg, const fly_vec_sel *sel, int n)
{
    (void)ctx;
    (void)arg;
    (void)sel;
    ((count_state *)(void *)state)->count += n;
    return FLY_OK;
}

static fly_status update_count(const fly_vec_agg_ctx *ctx, uint8_t *const *row, uint32_t at,
                               const fly_vec *arg, const fly_vec_sel *sel, int n)
{
    (void)ctx;
    agg_input in = input_of(arg, sel, n);
    for (int k = 0; k < n; k++) {
        ((count_state *)(void *)(row[k] + at))->count += fly__vec_bit(in.valid, input_at(&in, k));
    }
    return FLY_OK;
}

static fly_status update_one_count(const fly_vec_agg_ctx *ctx, uint8_t *state, const fly_vec *arg,
                                   const fly_vec_sel *sel, int n)
{
    (void)ctx;
    agg_input in = input_of(arg, sel, n);
    int64_t count = in.valid == NULL ? n : 0;
    for (int k = 0; k < n && in.valid != NULL; k++) {
        count += fly__vec_bit(in.valid, input_at(&in, k));
    }
    ((count_state *)(void *)state)->count += count;
    return FLY_OK;
}

static inline fly_status merge_count(const fly_vec_agg_ctx *ctx, count_state *s,
                                     const count_state *other)
{
    (void)ctx;
    s->count += other->count;
    return FLY_OK;
}

COMBINE(count, count_state, merge_count)
RESULT(count, count_state, int64_t, true, s->count)
AGG(count, count_state, FLY_VEC_I64, false, 0)

static const fly_vec_agg agg_count_rows = {
    .state_size = sizeof(count_state),
    .result_type = FLY_VEC_I64,
    .count_at = 0,
    .update = update_count_rows,
    .update_one = update_one_count_rows,
    .combine = combine_count,
    .result = result_count,
};

/* --------------------------------------------------------------------------- sums */

typedef struct sum_state {
    int64_t sum;
    int64_t count;
} sum_state;

typedef struct __attribute__((packed, aligned(8))) wide_state {
    fly_vec_i128 sum;
    int64_t count;
} wide_state;

/* 2^63 / 2^31 rows do not come. */
static inline fly_status step_sum(const fly_vec_agg_ctx *ctx, sum_state *s, int64_t x)
{
    (void)ctx;
    s->sum = (int64_t)((uint64_t)s->sum + (uint64_t)x);
    s->count++;
    return FLY_OK;
}

static inline fly_status step_wide(const fly_vec_agg_ctx *ctx, wide_state *s, int64_t x)
{
    (void)ctx;
    s->sum += x;
    s->count++;
    return FLY_OK;
}

static inline fly_status add_checked(const fly_vec_agg_ctx *ctx, wide_state *s, fly_vec_i128 x)
{
    fly_vec_i128 sum;
    if (FLY_UNLIKELY(__builtin_add_overflow(s->sum, x, &sum))) {
        return out_of_range(ctx, "value overflows numeric format");
    }
    s->sum = sum;
    return FLY_OK;
}

static inline fly_status step_widest(const fly_vec_agg_ctx *ctx, wide_state *s, fly_vec_i128 x)
{
    s->count++;
    return add_checked(ctx, s, x);
}

static inline fly_status merge_sum(const fly_vec_agg_ctx *ctx, sum_state *s, const sum_state *other)
{
    (void)ctx;
    s->sum = (int64_t)((uint64_t)s->sum + (uint64_t)other->sum);
    s->count += other->count;
    return FLY_OK;
}

static inline fly_status merge_wide(const fly_vec_agg_ctx *ctx, wide_state *s,
                                    const wide_state *other)
{
    s->count += other->count;
    return add_checked(ctx, s, other->sum);
}

/* Dense vectors are folded by a kernel. */
#define SUM_ONE(name, S, T)                                                                        \
    UPDATE_ONE(slow_##name, S, T, STEP_##name)                                                     \
    static fly_status update_one_##name(const fly_vec_agg_ctx *ctx, uint8_t *state,                \
                                        const fly_vec *arg, const fly_vec_sel *sel, int n)         \
    {                                                                                              \
        if (!dense(arg, sel, n)) {                                                                 \
            return update_one_slow_##name(ctx, state, arg, sel, n);                                \
        }                                                                                          \
        S *s = (S *)(void *)state;                                                                 \
        fly_vec_i128 sum = fly__vec_kernels_of(ctx->isa)->sum[arg->type](arg->data, n);            \
        s->sum += (__typeof__(s->sum))sum;                                                         \
        s->count += n;                                                                             \
        return FLY_OK;                                                                             \
    }

#define STEP_sum_i16 step_sum
#define STEP_sum_i32 step_sum
#define STEP_sum_i64 step_wide

UPDATES(sum_i16, sum_state, int16_t, step_sum)
SUM_ONE(sum_i16, sum_state, int16_t)
UPDATES(sum_i32, sum_state, int32_t, step_sum)
SUM_ONE(sum_i32, sum_state, int32_t)
UPDATES(sum_i64, wide_state, int64_t, step_wide)
SUM_ONE(sum_i64, wide_state, int64_t)
UPDATES(sum_i128, wide_state, fly_vec_i128, step_widest)
UPDATE_ONE(sum_i128, wide_state, fly_vec_i128, step_widest)

COMBINE(sum_i32, sum_state, merge_sum)
RESULT(sum_i32, sum_state, int64_t, s->count > 0, s->sum)
COMBINE(sum_i64, wide_state, merge_wide)
RESULT(sum_i64, wide_state, fly_vec_i128, s->count > 0, s->sum)
#define combine_sum_i16 combine_sum_i32
#define result_sum_i16 result_sum_i32
#define combine_sum_i128 combine_sum_i64
#define result_sum_i128 result_sum_i64

AGG(sum_i16, sum_state, FLY_VEC_I64, false, offsetof(sum_state, count))
AGG(sum_i32, sum_state, FLY_VEC_I64, false, offsetof(sum_state, count))
AGG(sum_i64, wide_state, FLY_VEC_I128, false, offsetof(wide_state, count))
AGG(sum_i128, wide_state, FLY_VEC_I128, false, offsetof(wide_state, count))

/* Of floats: sums of F32 are F32 at every step, averages are F64, as PostgreSQL has them. */
typedef struct f32_state {
    int64_t count;
    float sum;
} f32_state;

typedef struct f64_state {
    int64_t count;
    double sum;
} f64_state;

static inline bool is_infinite(double x)
{
    return fabs(x) > DBL_MAX;
}

#define STEP_FLOAT(name, S, T)                                                                     \
    static inline fly_status step_##name(const fly_vec_agg_ctx *ctx, S *s, T x)                    \
    {                                                                                              \
        T sum = s->sum + x;                                                                        \
        if (FLY_UNLIKELY(is_infinite((double)sum)) && !is_infinite((double)x) &&                   \
            !is_infinite((double)s->sum)) {                                                        \
            return out_of_range(ctx, "value out of range: overflow");                              \
        }                                                                                          \
        s->sum = sum;                                                                              \
        s->count++;                                                                                \
        return FLY_OK;                                                                             \
    }                                                                                              \
    static inline fly_status merge_##name(const fly_vec_agg_ctx *ctx, S *s, const S *other)        \
    {                                                                                              \
        int64_t count = s->count + other->count;                                                   \
        fly_status status = other->count > 0 ? step_##name(ctx, s, other->sum) : FLY_OK;           \
        s->count = count;                                                                          \
        return status;                                                                             \
    }

STEP_FLOAT(sum_f32, f32_state, float)
STEP_FLOAT(sum_f64, f64_state, double)

static inline fly_status step_avg_f32(const fly_vec_agg_ctx *ctx, f64_state *s, float x)
{
    return step_sum_f64(ctx, s, (double)x);
}

UPDATES(sum_f32, f32_state, float, step_sum_f32)
UPDATE_ONE(sum_f32, f32_state, float, step_sum_f32)
COMBINE(sum_f32, f32_state, merge_sum_f32)
RESULT(sum_f32, f32_state, float, s->count > 0, s->sum)
AGG(sum_f32, f32_state, FLY_VEC_F32, false, 0)

UPDATES(sum_f64, f64_state, double, step_sum_f64)
UPDATE_ONE(sum_f64, f64_state, double, step_sum_f64)
COMBINE(sum_f64, f64_state, merge_sum_f64)
RESULT(sum_f64, f64_state, double, s->count > 0, s->sum)
AGG(sum_f64, f64_state, FLY_VEC_F64, false, 0)

RESULT(avg_f64, f64_state, double, s->count > 0, s->sum / (double)s->count)
#define update_avg_f64 update_sum_f64
#define update_one_avg_f64 update_one_sum_f64
#define combine_avg_f64 combine_sum_f64
AGG(avg_f64, f64_state, FLY_VEC_F64, false, 0)

UPDATES(avg_f32, f64_state, float, step_avg_f32)
UPDATE_ONE(avg_f32, f64_state, float, step_avg_f32)
#define combine_avg_f32 combine_sum_f64
#define result_avg_f32 result_avg_f64
AGG(avg_f32, f64_state, FLY_VEC_F64, false, 0)

/* ----------------------------------------------------------------- sums of squares */

typedef struct var_state {
    int64_t count;
    double sum;
    double squares; /* of the distances from the mean */
} var_state;

static inline fly_status step_var(const fly_vec_agg_ctx *ctx, var_state *s, double x)
{
    bool first = s->count == 0;
    double sum = s->sum + x;
    double n = (double)(s->count + 1);
    double distance = x * n - sum;
    double squares = first ? 0.0 : s->squares + distance * distance / (n * (n - 1));
    if (first && (is_infinite(x) || x != x)) {
        squares = NAN;
    }
    if (is_infinite(sum) || is_infinite(squares)) {
        if (!is_infinite(s->sum) && !is_infinite(x)) {
            return out_of_range(ctx, "value out of range: overflow");
        }
        squares = NAN;
    }
    s->count++;
    s->sum = sum;
    s->squares = squares;
    return FLY_OK;
}

static inline fly_status merge_var(const fly_vec_agg_ctx *ctx, var_state *s, const var_state *other)
{
    if (s->count == 0 || other->count == 0) {
        *s = s->count == 0 ? *other : *s;
        return FLY_OK;
    }
    double n1 = (double)s->count;
    double n2 = (double)other->count;
    double apart = s->sum / n1 - other->sum / n2;
    double squares = s->squares + other->squares + n1 * n2 * apart * apart / (n1 + n2);
    if (is_infinite(squares) && !is_infinite(s->squares) && !is_infinite(other->squares)) {
        return out_of_range(ctx, "value out of range: overflow");
    }
    s->count += other->count;
    s->sum += other->sum;
    s->squares = squares;
    return FLY_OK;
}

UPDATES(var_pop, var_state, double, step_var)
UPDATE_ONE(var_pop, var_state, double, step_var)
COMBINE(var_pop, var_state, merge_var)

#define VARIANCE(name, LEAST, VALUE)                                                               \
    RESULT(name, var_state, double, s->count >= (LEAST), VALUE)                                    \
    static const fly_vec_agg agg_##name = {                                                        \
        .state_size = sizeof(var_state),                                                           \
        .result_type = FLY_VEC_F64,                                                                \
        .count_at = 0,                                                                             \
        .update = update_var_pop,                                                                  \
        .update_one = update_one_var_pop,                                                          \
        .combine = combine_var_pop,                                                                \
        .result = result_##name,                                                                   \
    };

VARIANCE(var_pop, 1, s->squares / (double)s->count)
VARIANCE(var_samp, 2, s->squares / ((double)s->count - 1.0))
VARIANCE(stddev_pop, 1, sqrt(s->squares / (double)s->count))
VARIANCE(stddev_samp, 2, sqrt(s->squares / ((double)s->count - 1.0)))

/* --------------------------------------------------------- smallest, largest, first */

#define LESS(x, y) ((x) < (y))
#define MORE(x, y) ((x) > (y))
#define FLOAT_LESS(x, y) ((x) < (y) || ((y) != (y) && (x) == (x)))
#define FLOAT_MORE(x, y) FLOAT_LESS(y, x)
#define SPAN_LESS(x, y) (fly__vec_span(&(x)) < fly__vec_span(&(y)))
#define SPAN_MORE(x, y) (fly__vec_span(&(x)) > fly__vec_span(&(y)))

/* Plain values: `best` counts only if `count` is not 0. */
#define EXTREME(name, sfx, T, BETTER, TYPE)                                                        \
    static inline fly_status step_##name##_##sfx(const fly_vec_agg_ctx *ctx, state_##sfx *s, T x)  \
    {                                                                                              \
        (void)ctx;                                                                                 \
        T best = s->best;                                                                          \
        s->best = s->count == 0 || BETTER(x, best) ? x : best;                                     \
        s->count++;                                                                                \
        return FLY_OK;                                                                             \
    }                                                                                              \
    static inline fly_status merge_##name##_##sfx(const fly_vec_agg_ctx *ctx, state_##sfx *s,      \
                                                  const state_##sfx *other)                        \
    {                                                                                              \
        int64_t count = s->count + other->count;                                                   \
        fly_status status = other->count > 0 ? step_##name##_##sfx(ctx, s, other->best) : FLY_OK;  \
        s->count = count;                                                                          \
        return status;                                                                             \
    }                                                                                              \
    UPDATES(name##_##sfx, state_##sfx, T, step_##name##_##sfx)                                     \
    COMBINE(name##_##sfx, state_##sfx, merge_##name##_##sfx)                                       \
    RESULT(name##_##sfx, state_##sfx, T, s->count > 0, s->best)

#define EXTREME_STATE(sfx, T)                                                                      \
    typedef struct __attribute__((packed, aligned(8))) state_##sfx {                               \
        int64_t count;                                                                             \
        T best;                                                                                    \
    } state_##sfx;

#define SLOW_EXTREME(name, sfx, T, BETTER, TYPE)                                                   \
    EXTREME(name, sfx, T, BETTER, TYPE)                                                            \
    UPDATE_ONE(name##_##sfx, state_##sfx, T, step_##name##_##sfx)                                  \
    AGG(name##_##sfx, state_##sfx, TYPE, false, offsetof(state_##sfx, count))

#define FAST_EXTREME(name, sfx, T, BETTER, TYPE)                                                   \
    EXTREME(name, sfx, T, BETTER, TYPE)                                                            \
    UPDATE_ONE(slow_##name##_##sfx, state_##sfx, T, step_##name##_##sfx)                           \
    static fly_status update_one_##name##_##sfx(const fly_vec_agg_ctx *ctx, uint8_t *state,        \
                                                const fly_vec *arg, const fly_vec_sel *sel, int n) \
    {                                                                                              \
        if (n == 0 || !dense(arg, sel, n)) {                                                       \
            return update_one_slow_##name##_##sfx(ctx, state, arg, sel, n);                        \
        }                                                                                          \
        state_##sfx *s = (state_##sfx *)(void *)state;                                             \
        T best;                                                                                    \
        fly__vec_kernels_of(ctx->isa)->name[arg->type](arg->data, n, &best);                       \
        int64_t count = s->count + n;                                                              \
        fly_status status = step_##name##_##sfx(ctx, s, best);                                     \
        s->count = count;                                                                          \
        return status;                                                                             \
    }                                                                                              \
    AGG(name##_##sfx, state_##sfx, TYPE, false, offsetof(state_##sfx, count))

#define EXTREMES(HOW, sfx, T, P, TYPE)                                                             \
    EXTREME_STATE(sfx, T)                                                                          \
    HOW(min, sfx, T, P##LESS, TYPE)                                                                \
    HOW(max, sfx, T, P##MORE, TYPE)

EXTREMES(SLOW_EXTREME, u8, uint8_t, , FLY_VEC_BOOL)
EXTREMES(FAST_EXTREME, i16, int16_t, , FLY_VEC_I16)
EXTREMES(FAST_EXTREME, i32, int32_t, , FLY_VEC_I32)
EXTREMES(FAST_EXTREME, i64, int64_t, , FLY_VEC_I64)
EXTREMES(SLOW_EXTREME, i128, fly_vec_i128, , FLY_VEC_I128)
EXTREMES(SLOW_EXTREME, f32, float, FLOAT_, FLY_VEC_F32)
EXTREMES(SLOW_EXTREME, f64, double, FLOAT_, FLY_VEC_F64)
EXTREMES(SLOW_EXTREME, interval, fly_vec_interval, SPAN_, FLY_VEC_INTERVAL)

/* Strings own their bytes, in the rows' memory; a shorter one takes the place of a longer one. */
typedef struct state_str {
    fly_vec_str best;
    int64_t count;
} state_str;

static fly_status keep_string(const fly_vec_agg_ctx *ctx, fly_vec_str *kept, const fly_vec_str *x)
{
    fly_vec_str copy = *x;
    if (x->len > FLY_VEC_STR_INLINE) {
        bool fits = kept->len > FLY_VEC_STR_INLINE && kept->len >= x->len;
        char *place;
        memcpy(&place, &kept->ptr, sizeof place);
        place = fits ? place : fly_vec_rows_bytes(ctx->rows, x->len);
        if (place == NULL) {
            return fly_err_set(ctx->err, FLY_E_NO_MEMORY, "out of memory for a string of %u bytes",
                               x->len);
        }
        memcpy(place, x->ptr, x->len);
        copy.ptr = place;
    }
    *kept = copy;
    return FLY_OK;
}

#define STRING_EXTREME(name, COMPARES)                                                             \
    static inline fly_status step_##name##_str(const fly_vec_agg_ctx *ctx, state_str *s,           \
                                               fly_vec_str x)                                      \
    {                                                                                              \
        bool better = s->count == 0 || fly_vec_str_cmp(&x, &s->best) COMPARES 0;                   \
        fly_status status = better ? keep_string(ctx, &s->best, &x) : FLY_OK;                      \
        s->count += status == FLY_OK;                                                              \
        return status;                                                                             \
    }                                                                                              \
    static inline fly_status merge_##name##_str(const fly_vec_agg_ctx *ctx, state_str *s,          \
                                                const state_str *other)                            \
    {                                                                                              \
        return other->count > 0 ? step_##name##_str(ctx, s, other->best) : FLY_OK;                 \
    }                                                                                              \
    UPDATES(name##_str, state_str, fly_vec_str, step_##name##_str)                                 \
    UPDATE_ONE(name##_str, state_str, fly_vec_str, step_##name##_str)                              \
    COMBINE(name##_str, state_str, merge_##name##_str)                                             \
    RESULT(name##_str, state_str, fly_vec_str, s->count > 0, s->best)                              \
    AGG(name##_str, state_str, FLY_VEC_STR, true, -1)

STRING_EXTREME(min, <)
STRING_EXTREME(max, >)

/* The first: `set` is 1 after a value, 2 after a NULL. */
typedef struct first_state {
    union {
        fly_vec_str str;
        uint8_t raw[16];
    };
    uint64_t set;
} first_state;

static fly_status first_take(const fly_vec_agg_ctx *ctx, first_state *s, uint8_t type,
                             const void *value)
{
    if (type == FLY_VEC_STR) {
        return keep_string(ctx, &s->str, value);
    }
    memcpy(s->raw, value, fly_vec_type_size((fly_vec_type)type));
    return FLY_OK;
}

static fly_status first_step(const fly_vec_agg_ctx *ctx, first_state *s, const fly_vec *arg,
                             const agg_input *in, int k)
{
    uint32_t i = input_at(in, k);
    size_t size = fly_vec_type_size((fly_vec_type)arg->type);
    if (s->set != 0) {
        return FLY_OK;
    }
    if (!fly__vec_bit(in->valid, i)) {
        s->set = 2;
        return FLY_OK;
    }
    fly_status status = first_take(ctx, s, arg->type, (const uint8_t *)in->data + i * size);
    s->set = status == FLY_OK;
    return status;
}

static fly_status update_first(const fly_vec_agg_ctx *ctx, uint8_t *const *row, uint32_t at,
                               const fly_vec *arg, const fly_vec_sel *sel, int n)
{
    agg_input in = input_of(arg, sel, n);
    fly_status status = FLY_OK;
    for (int k = 0; k < n && status == FLY_OK; k++) {
        status = first_step(ctx, (first_state *)(void *)(row[k] + at), arg, &in, k);
    }
    return status;
}

static fly_status update_one_first(const fly_vec_agg_ctx *ctx, uint8_t *state, const fly_vec *arg,
                                   const fly_vec_sel *sel, int n)
{
    agg_input in = input_of(arg, sel, n);
    return n > 0 ? first_step(ctx, (first_state *)(void *)state, arg, &in, 0) : FLY_OK;
}

static inline fly_status merge_first(const fly_vec_agg_ctx *ctx, first_state *s,
                                     const first_state *other)
{
    (void)ctx;
    *s = s->set == 0 ? *other : *s;
    return FLY_OK;
}

static inline fly_status merge_first_str(const fly_vec_agg_ctx *ctx, first_state *s,
                                         const first_state *other)
{
    if (s->set != 0 || other->set == 0) {
        return FLY_OK;
    }
    fly_status status = other->set == 1 ? keep_string(ctx, &s->str, &other->str) : FLY_OK;
    s->set = status == FLY_OK ? other->set : 0;
    return status;
}

COMBINE(first, first_state, merge_first)
COMBINE(first_str, first_state, merge_first_str)

static void result_first(uint8_t *const *row, uint32_t at, int n, fly_vec *out)
{
    size_t size = fly_vec_type_size((fly_vec_type)out->type);
    out->kind = FLY_VEC_FLAT;
    out->flags = 0;
    for (int k = 0; k < n; k++) {
        const first_state *s = (const first_state *)(const void *)(row[k] + at);
        if (s->set == 1) {
            memcpy((uint8_t *)out->data + (size_t)k * size, s->raw, size);
            fly_vec_set_valid(out, (uint32_t)k);
        } else {
            fly_vec_set_null(out, (uint32_t)k);
        }
    }
}

#define FIRST(TYPE, STRING, MERGED)                                                                \
    [TYPE] = {.state_size = sizeof(first_state),                                                   \
              .result_type = (TYPE),                                                               \
              .string = (STRING),                                                                  \
              .count_at = -1,                                                                      \
              .update = update_first,                                                              \
              .update_one = update_one_first,                                                      \
              .combine = (MERGED),                                                                 \
              .result = result_first}

static const fly_vec_agg firsts[FLY_VEC_TYPE_COUNT] = {
    FIRST(FLY_VEC_BOOL, false, combine_first),  FIRST(FLY_VEC_I16, false, combine_first),
    FIRST(FLY_VEC_I32, false, combine_first),   FIRST(FLY_VEC_I64, false, combine_first),
    FIRST(FLY_VEC_I128, false, combine_first),  FIRST(FLY_VEC_F32, false, combine_first),
    FIRST(FLY_VEC_F64, false, combine_first),   FIRST(FLY_VEC_INTERVAL, false, combine_first),
    FIRST(FLY_VEC_STR, true, combine_first_str)};

/* ---------------------------------------------------------------------------- bits */

#define BITS(name, sfx, T, OP, TYPE)                                                               \
    static inline fly_status step_##name##_##sfx(const fly_vec_agg_ctx *ctx, state_##sfx *s, T x)  \
    {                                                                                              \
        (void)ctx;                                                                                 \
        s->best = s->count == 0 ? x : (T)(s->best OP x);                                           \
        s->count++;                                                                                \
        return FLY_OK;                                                                             \
    }                                                                                              \
    static inline fly_status merge_##name##_##sfx(const fly_vec_agg_ctx *ctx, state_##sfx *s,      \
                                                  const state_##sfx *other)                        \
    {                                                                                              \
        int64_t count = s->count + other->count;                                                   \
        fly_status status = other->count > 0 ? step_##name##_##sfx(ctx, s, other->best) : FLY_OK;  \
        s->count = count;                                                                          \
        return status;                                                                             \
    }                                                                                              \
    UPDATES(name##_##sfx, state_##sfx, T, step_##name##_##sfx)                                     \
    UPDATE_ONE(name##_##sfx, state_##sfx, T, step_##name##_##sfx)                                  \
    COMBINE(name##_##sfx, state_##sfx, merge_##name##_##sfx)                                       \
    RESULT(name##_##sfx, state_##sfx, T, s->count > 0, s->best)                                    \
    AGG(name##_##sfx, state_##sfx, TYPE, false, offsetof(state_##sfx, count))

#define ALL_BITS(sfx, T, TYPE)                                                                     \
    BITS(bit_and, sfx, T, &, TYPE)                                                                 \
    BITS(bit_or, sfx, T, |, TYPE)                                                                  \
    BITS(bit_xor, sfx, T, ^, TYPE)

ALL_BITS(i16, int16_t, FLY_VEC_I16)
ALL_BITS(i32, int32_t, FLY_VEC_I32)
ALL_BITS(i64, int64_t, FLY_VEC_I64)

/* -------------------------------------------------------------------------- finding */

#define OF_INTEGERS(name)                                                                          \
    [FLY_VEC_I16] = &agg_##name##_i16, [FLY_VEC_I32] = &agg_##name##_i32,                          \
    [FLY_VEC_I64] = &agg_##name##_i64

#define OF_NUMBERS(name)                                                                           \
    OF_INTEGERS(name), [FLY_VEC_I128] = &agg_##name##_i128, [FLY_VEC_F32] = &agg_##name##_f32,     \
                       [FLY_VEC_F64] = &agg_##name##_f64

#define OF_ALL(name)                                                                               \
    OF_NUMBERS(name), [FLY_VEC_BOOL] = &agg_##name##_u8,                                           \
                      [FLY_VEC_INTERVAL] = &agg_##name##_interval,                                 \
                      [FLY_VEC_STR] = &agg_##name##_str

const fly_vec_agg *fly_vec_agg_find(fly_vec_agg_kind kind, fly_vec_type type)
{
    static const fly_vec_agg *const aggs[FLY_VEC_AGG_COUNT][FLY_VEC_TYPE_COUNT] = {
        [FLY_VEC_SUM] = {OF_NUMBERS(sum)},
        [FLY_VEC_AVG] = {[FLY_VEC_F32] = &agg_avg_f32, [FLY_VEC_F64] = &agg_avg_f64},
        [FLY_VEC_MIN] = {OF_ALL(min)},
        [FLY_VEC_MAX] = {OF_ALL(max)},
        [FLY_VEC_AGG_BIT_AND] = {OF_INTEGERS(bit_and)},
        [FLY_VEC_AGG_BIT_OR] = {OF_INTEGERS(bit_or)},
        [FLY_VEC_AGG_BIT_XOR] = {OF_INTEGERS(bit_xor)},
        [FLY_VEC_AGG_VAR_POP] = {[FLY_VEC_F64] = &agg_var_pop},
        [FLY_VEC_AGG_VAR_SAMP] = {[FLY_VEC_F64] = &agg_var_samp},
        [FLY_VEC_AGG_STDDEV_POP] = {[FLY_VEC_F64] = &agg_stddev_pop},
        [FLY_VEC_AGG_STDDEV_SAMP] = {[FLY_VEC_F64] = &agg_stddev_samp},
    };
    FLY_ASSERT(kind < FLY_VEC_AGG_COUNT);
    FLY_ASSERT(type < FLY_VEC_TYPE_COUNT);
    return kind == FLY_VEC_COUNT_ROWS ? &agg_count_rows
           : kind == FLY_VEC_COUNT    ? &agg_count
           : kind == FLY_VEC_FIRST    ? &firsts[type]
                                      : aggs[kind][type];
}

void fly_vec_agg_counts(const fly_vec_agg *agg, uint8_t *const *row, uint32_t at, int n,
                        fly_vec *out)
{
    FLY_ASSERT(agg->count_at >= 0);
    result_count(row, at + (uint8_t)agg->count_at, n, out);
}
