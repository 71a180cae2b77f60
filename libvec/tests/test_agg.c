/*
 * Aggregates against sums and extremes kept by hand, value by value: grouped and ungrouped, merged
 * from parts, on all copies of the kernels. Floats must agree to the bit, since they are added in
 * order.
 */
#include "vec_world.h"

#include <fly/vec_agg.h>

enum { GROUPS = 5, STATE_AT = 8, STATE_MAX = 64 };

typedef struct model {
    int64_t count, rows;
    fly_vec_i128 sum;
    double fsum, wide_sum, square_sum;
    fly_vec_value least, most, first;
    int64_t bits_and, bits_or, bits_xor;
    bool first_set;
} model;

static fly_vec_i128 integer_of(fly_vec_type type, const fly_vec_value *v)
{
    return type == FLY_VEC_BOOL  ? v->b
           : type == FLY_VEC_I16 ? v->i16
           : type == FLY_VEC_I32 ? v->i32
           : type == FLY_VEC_I64 ? v->i64
                                 : v->i128;
}

static int order(fly_vec_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    if (type == FLY_VEC_STR) {
        return fly_bytes_cmp(fly_vec_str_bytes(&a->str), fly_vec_str_bytes(&b->str));
    }
    if (type == FLY_VEC_INTERVAL) {
        int64_t x = a->interval.micros +
                    (a->interval.months * 30LL + a->interval.days) * 86400000000;
        int64_t y = b->interval.micros +
                    (b->interval.months * 30LL + b->interval.days) * 86400000000;
        return x < y ? -1 : x > y;
    }
    if (type == FLY_VEC_F32 || type == FLY_VEC_F64) {
        double x = type == FLY_VEC_F32 ? (double)a->f32 : a->f64;
        double y = type == FLY_VEC_F32 ? (double)b->f32 : b->f64;
        return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : x < y ? -1 : x > y;
    }
    fly_vec_i128 x = integer_of(type, a);
    fly_vec_i128 y = integer_of(type, b);
    return x < y ? -1 : x > y;
}

static void model_take(model *m, fly_vec_type type, const fly_vec_value *v)
{
    m->rows++;
    if (!m->first_set) {
        m->first = *v;
        m->first_set = true;
    }
    if (v->null) {
        return;
    }
    if (type == FLY_VEC_F32) {
        m->fsum = (double)((float)m->fsum + v->f32);
        m->wide_sum += (double)v->f32;
    } else if (type == FLY_VEC_F64) {
        m->fsum += v->f64;
        m->square_sum += v->f64 * v->f64;
    } else if (type <= FLY_VEC_I128) {
        fly_vec_i128 x = integer_of(type, v);
        m->sum += x;
        m->bits_and = m->count == 0 ? (int64_t)x : m->bits_and & (int64_t)x;
        m->bits_or |= (int64_t)x;
        m->bits_xor ^= (int64_t)x;
    }
    m->least = m->count == 0 || order(type, v, &m->least) < 0 ? *v : m->least;
    m->most = m->count == 0 || order(type, v, &m->most) > 0 ? *v : m->most;
    m->count++;
}

static fly_vec_value expected(fly_vec_agg_kind kind, fly_vec_type type, const model *m)
{
    fly_vec_value v;
    memset(&v, 0, sizeof v);
    v.null = m->count == 0;
    switch (kind) {
    case FLY_VEC_COUNT_ROWS:
        v.null = false;
        v.i64 = m->rows;
        break;
    case FLY_VEC_COUNT:
        v.null = false;
        v.i64 = m->count;
        break;
    case FLY_VEC_SUM:
        if (type == FLY_VEC_F32) {
            v.f32 = (float)m->fsum;
        } else if (type == FLY_VEC_F64) {
            v.f64 = m->fsum;
        } else {
            v.i128 = m->sum;
        }
        break;
    case FLY_VEC_AVG:
        v.f64 = (type == FLY_VEC_F32 ? m->wide_sum : m->fsum) / (double)m->count;
        break;
    case FLY_VEC_MIN:
        v = m->count == 0 ? v : m->least;
        break;
    case FLY_VEC_MAX:
        v = m->count == 0 ? v : m->most;
        break;
    case FLY_VEC_FIRST:
        v = m->first;
        v.null = v.null || !m->first_set;
        break;
    case FLY_VEC_AGG_BIT_AND:
        v.i64 = m->bits_and;
        break;
    case FLY_VEC_AGG_BIT_OR:
        v.i64 = m->bits_or;
        break;
    default:
        v.i64 = m->bits_xor;
        break;
    }
    return v;
}

static void check(fly_vec_agg_kind kind, fly_vec_type type, const fly_vec *got, const model *m,
                  int n)
{
    for (int g = 0; g < n; g++) {
        fly_vec_value x = fly_vec_get(got, (uint32_t)g);
        fly_vec_value y = expected(kind, type, &m[g]);
        bool zero = (got->type == FLY_VEC_F64 && x.f64 == 0 && y.f64 == 0) ||
                    (got->type == FLY_VEC_F32 && x.f32 == 0 && y.f32 == 0);
        if (!vec_same((fly_vec_type)got->type, &x, &y) && !(zero && x.null == y.null)) {
            ck_abort_msg("aggregate %d of type %d, group %d: null %d, wanted %d: %lld, %lld", kind,
                         type, g, x.null, y.null, (long long)x.i64, (long long)y.i64);
        }
    }
}

/* One aggregate over some batches: grouped, and in halves that are then merged; and ungrouped. */
static void one(vec_world *w, fly_vec_agg_kind kind, fly_vec_type type, fly_vec_isa isa)
{
    const fly_vec_agg *agg = fly_vec_agg_find(kind, type);
    if (agg == NULL) {
        return;
    }
    fly_vec_layout layout;
    fly_vec_rows rows;
    static const uint32_t at_zero[] = {0};
    FLY_CHECK_OK(fly_vec_layout_init(&layout, NULL, 0, agg->state_size, at_zero, agg->string,
                                     &w->arena, &w->err),
                 w->err);
    fly_vec_rows_init(&rows, &layout, &w->account.mem);
    uint8_t *half[2][GROUPS + 1];
    FLY_CHECK_OK(fly_vec_rows_append(&rows, NULL, NULL, GROUPS + 1, NULL, half[0], &w->err),
                 w->err);
    FLY_CHECK_OK(fly_vec_rows_append(&rows, NULL, NULL, GROUPS + 1, NULL, half[1], &w->err),
                 w->err);
    fly_vec_agg_ctx ctx = {.isa = isa, .rows = &rows, .err = &w->err};
    model m[GROUPS];
    model all[1];
    memset(m, 0, sizeof m);
    memset(all, 0, sizeof all);
    bool floats = type == FLY_VEC_F32 || type == FLY_VEC_F64;
    bool merging = !floats || kind == FLY_VEC_MIN || kind == FLY_VEC_MAX || kind <= FLY_VEC_COUNT;
    for (int round = 0; round < 4; round++) {
        uint32_t count = vec_some_count(w);
        int n;
        bool wild = !floats || kind == FLY_VEC_MIN || kind == FLY_VEC_MAX;
        uint32_t nulls = (uint32_t)vec_below(w, 3) * 2;
        fly_vec arg = vec_make(w, type, vec_some_kind(w), count, nulls, wild);
        const fly_vec_sel *sel = vec_some_sel(w, count, &n);
        uint8_t *row[FLY_VEC_CAPACITY];
        int part = merging ? round / 2 : 0;
        for (int k = 0; k < n; k++) {
            fly_vec_value v = fly_vec_get(&arg, vec_row(sel, k));
            uint32_t g = (uint32_t)vec_below(w, GROUPS - 1); /* the last stays empty */
            model_take(&m[g], type, &v);
            model_take(all, type, &v);
            row[k] = half[part][g];
        }
        FLY_CHECK_OK(agg->update(&ctx, row, layout.state_at, &arg, sel, n), w->err);
        FLY_CHECK_OK(agg->update_one(&ctx, half[0][GROUPS] + layout.state_at, &arg, sel, n),
                     w->err);
    }
    FLY_CHECK_OK(agg->combine(&ctx, half[0], half[1], layout.state_at, GROUPS), w->err);
    fly_vec got;
    FLY_CHECK_OK(fly_vec_init(&got, (fly_vec_type)agg->result_type, GROUPS, &w->arena, &w->err),
                 w->err);
    agg->result(half[0], layout.state_at, GROUPS, &got);
    check(kind, type, &got, m, GROUPS);
    if (agg->count_at >= 0 && kind > FLY_VEC_COUNT) {
        fly_vec counts;
        FLY_CHECK_OK(fly_vec_init(&counts, FLY_VEC_I64, GROUPS, &w->arena, &w->err), w->err);
        fly_vec_agg_counts(agg, half[0], layout.state_at, GROUPS, &counts);
        for (int g = 0; g < GROUPS; g++) {
            ck_assert_int_eq(((int64_t *)counts.data)[g], m[g].count);
        }
    }
    agg->result(&half[0][GROUPS], layout.state_at, 1, &got);
    check(kind, type, &got, all, 1);
    fly_vec_rows_clear(&rows);
    fly_arena_reset(&w->arena);
}

static void each(void *ctx, uint64_t seed)
{
    (void)ctx;
    for (int isa = 0; isa < FLY_VEC_ISA_COUNT; isa++) {
        vec_world w;
        vec_world_init(&w, seed);
        for (int kind = 0; kind <= FLY_VEC_AGG_BIT_XOR && fly_vec_isa_usable((fly_vec_isa)isa);
             kind++) {
            for (int t = 0; t < FLY_VEC_TYPE_COUNT; t++) {
                one(&w, (fly_vec_agg_kind)kind, (fly_vec_type)t, (fly_vec_isa)isa);
            }
        }
        vec_world_deinit(&w);
    }
}

START_TEST(aggregates_are_those_of_the_model)
{
    ck_assert(fly_test_seeds("aggregates", 20, each, NULL));
}
END_TEST

/* A state by itself. */
static double number(vec_world *w, fly_vec_agg_kind kind, const double *x, uint32_t n, bool *null)
{
    const fly_vec_agg *agg = fly_vec_agg_find(kind, FLY_VEC_F64);
    uint64_t state[8] = {0};
    fly_vec v, got;
    FLY_CHECK_OK(fly_vec_init(&v, FLY_VEC_F64, n, &w->arena, &w->err), w->err);
    FLY_CHECK_OK(fly_vec_init(&got, FLY_VEC_F64, 1, &w->arena, &w->err), w->err);
    memcpy(v.data, x, n * sizeof *x);
    fly_vec_agg_ctx ctx = {.err = &w->err};
    FLY_CHECK_OK(agg->update_one(&ctx, (uint8_t *)state, &v, NULL, (int)n), w->err);
    uint8_t *row = (uint8_t *)state;
    agg->result(&row, 0, 1, &got);
    *null = fly_vec_is_null(&got, 0);
    return *(double *)got.data;
}

START_TEST(variances_are_those_of_the_book)
{
    static const double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    vec_world w;
    vec_world_init(&w, 1);
    bool null;
    ck_assert(number(&w, FLY_VEC_AGG_VAR_POP, x, 8, &null) == 4.0 && !null);
    ck_assert(number(&w, FLY_VEC_AGG_STDDEV_POP, x, 8, &null) == 2.0 && !null);
    ck_assert(number(&w, FLY_VEC_AGG_VAR_SAMP, x, 8, &null) == 32.0 / 7.0 && !null);
    ck_assert(number(&w, FLY_VEC_AGG_STDDEV_SAMP, x, 8, &null) == sqrt(32.0 / 7.0) && !null);
    ck_assert(number(&w, FLY_VEC_AGG_VAR_POP, x, 1, &null) == 0.0 && !null);
    (void)number(&w, FLY_VEC_AGG_VAR_SAMP, x, 1, &null);
    ck_assert(null);
    vec_world_deinit(&w);
}
END_TEST

START_TEST(variances_merge)
{
    static const double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    vec_world w;
    vec_world_init(&w, 1);
    const fly_vec_agg *agg = fly_vec_agg_find(FLY_VEC_AGG_VAR_POP, FLY_VEC_F64);
    uint64_t state[2][8] = {{0}, {0}};
    fly_vec v = {.kind = FLY_VEC_FLAT, .type = FLY_VEC_F64};
    fly_vec got;
    FLY_CHECK_OK(fly_vec_init(&got, FLY_VEC_F64, 1, &w.arena, &w.err), w.err);
    fly_vec_agg_ctx ctx = {.err = &w.err};
    double first[3], second[5];
    memcpy(first, x, sizeof first);
    memcpy(second, x + 3, sizeof second);
    v.data = first;
    FLY_CHECK_OK(agg->update_one(&ctx, (uint8_t *)state[0], &v, NULL, 3), w.err);
    v.data = second;
    FLY_CHECK_OK(agg->update_one(&ctx, (uint8_t *)state[1], &v, NULL, 5), w.err);
    uint8_t *to = (uint8_t *)state[0], *from = (uint8_t *)state[1];
    FLY_CHECK_OK(agg->combine(&ctx, &to, &from, 0, 1), w.err);
    agg->result(&to, 0, 1, &got);
    ck_assert(fabs(*(double *)got.data - 4.0) < 1e-12);
    vec_world_deinit(&w);
}
END_TEST

START_TEST(sums_that_overflow_are_errors)
{
    static double huge[] = {1e308, 1e308};
    static double infinite[] = {INFINITY, 1.0};
    vec_world w;
    vec_world_init(&w, 1);
    const fly_vec_agg *sum = fly_vec_agg_find(FLY_VEC_SUM, FLY_VEC_F64);
    uint64_t state[8] = {0};
    fly_vec v = {.kind = FLY_VEC_FLAT, .type = FLY_VEC_F64, .data = huge};
    fly_vec_agg_ctx ctx = {.err = &w.err, .pos = 3};
    FLY_CHECK(sum->update_one(&ctx, (uint8_t *)state, &v, NULL, 2), FLY_E_INVALID, w.err);
    ck_assert_str_eq(w.err.sqlstate, "22003");
    ck_assert_str_eq(w.err.message, "value out of range: overflow");
    ck_assert_uint_eq(w.err.position, 3);
    memset(state, 0, sizeof state);
    v.data = infinite;
    FLY_CHECK_OK(sum->update_one(&ctx, (uint8_t *)state, &v, NULL, 2), w.err);
    vec_world_deinit(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("aggregates");
    TCase *tests = fly_test_case(suite, "aggregates");
    tcase_add_test(tests, aggregates_are_those_of_the_model);
    tcase_add_test(tests, variances_are_those_of_the_book);
    tcase_add_test(tests, variances_merge);
    tcase_add_test(tests, sums_that_overflow_are_errors);
    return fly_test_run(suite);
}
