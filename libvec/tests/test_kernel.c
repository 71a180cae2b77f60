/*
 * Every kernel against the dullest reference that could be right: one row at a time, wide integers,
 * everything asked in words. Inputs are random, of every kind, with NULLs whose values are rubbish,
 * for selections of every density; and all copies of the kernels that this machine can run get the
 * same inputs and must give the same.
 */
#include "vec_world.h"

typedef struct outcome {
    const char *fault; /* or NULL */
    fly_vec_value value;
} outcome;

static const fly_vec_type numbers[] = {FLY_VEC_I16,  FLY_VEC_I32, FLY_VEC_I64,
                                       FLY_VEC_I128, FLY_VEC_F32, FLY_VEC_F64};

static fly_vec_i128 wide_of(fly_vec_type type, const fly_vec_value *v)
{
    return type == FLY_VEC_BOOL  ? v->b
           : type == FLY_VEC_I16 ? v->i16
           : type == FLY_VEC_I32 ? v->i32
           : type == FLY_VEC_I64 ? v->i64
                                 : v->i128;
}

static const char *range_of(fly_vec_type type)
{
    return type == FLY_VEC_I16   ? "smallint out of range"
           : type == FLY_VEC_I32 ? "integer out of range"
           : type == FLY_VEC_I64 ? "bigint out of range"
                                 : "value overflows numeric format";
}

static outcome integer(fly_vec_type type, fly_vec_i128 x)
{
    outcome o;
    memset(&o, 0, sizeof o);
    o.value.i128 = x;
    fly_vec_value back = o.value;
    if (wide_of(type, &back) != x) {
        o.fault = range_of(type);
    }
    return o;
}

static outcome fault(const char *message)
{
    outcome o;
    memset(&o, 0, sizeof o);
    o.fault = message;
    return o;
}

static outcome integer_op(fly_vec_arith op, fly_vec_type type, fly_vec_i128 x, fly_vec_i128 y)
{
    switch (op) {
    case FLY_VEC_ADD:
        return integer(type, x + y);
    case FLY_VEC_SUB:
        return integer(type, x - y);
    case FLY_VEC_MUL:
        return integer(type, x * y);
    case FLY_VEC_DIV:
        return y == 0 ? fault("division by zero") : integer(type, x / y);
    case FLY_VEC_MOD:
        return y == 0 ? fault("division by zero") : integer(type, x % y);
    case FLY_VEC_BIT_AND:
        return integer(type, x & y);
    case FLY_VEC_BIT_OR:
        return integer(type, x | y);
    case FLY_VEC_BIT_XOR:
        return integer(type, x ^ y);
    case FLY_VEC_LEAST:
        return integer(type, x < y ? x : y);
    case FLY_VEC_GREATEST:
        return integer(type, x > y ? x : y);
    case FLY_VEC_NEG:
        return integer(type, -x);
    case FLY_VEC_ABS:
        return integer(type, x < 0 ? -x : x);
    default:
        return integer(type, ~x);
    }
}

static int float_order(double x, double y)
{
    if (isnan(x) || isnan(y)) {
        return isnan(x) - isnan(y);
    }
    return x < y ? -1 : x > y;
}

static outcome float_op(fly_vec_arith op, fly_vec_type type, const fly_vec_value *a,
                        const fly_vec_value *b)
{
    bool narrow = type == FLY_VEC_F32;
    double x = narrow ? (double)a->f32 : a->f64;
    double y = narrow ? (double)b->f32 : b->f64;
    volatile double r = 0;
    bool product = op == FLY_VEC_MUL || op == FLY_VEC_DIV;
    if (op == FLY_VEC_DIV && y == 0 && !isnan(x)) {
        return fault("division by zero");
    }
    switch (op) {
    case FLY_VEC_ADD:
        r = narrow ? (double)(float)(x + y) : x + y;
        break;
    case FLY_VEC_SUB:
        r = narrow ? (double)(float)(x - y) : x - y;
        break;
    case FLY_VEC_MUL:
        r = narrow ? (double)(float)(x * y) : x * y;
        break;
    case FLY_VEC_DIV:
        r = narrow ? (double)(float)(x / y) : x / y;
        break;
    case FLY_VEC_LEAST:
        r = float_order(y, x) < 0 ? y : x;
        break;
    case FLY_VEC_GREATEST:
        r = float_order(y, x) > 0 ? y : x;
        break;
    case FLY_VEC_NEG:
        r = -x;
        break;
    default:
        r = fabs(x);
        break;
    }
    if (op <= FLY_VEC_DIV && isinf(r) && !isinf(x) && (op == FLY_VEC_DIV || !isinf(y))) {
        return fault("value out of range: overflow");
    }
    bool zero = op == FLY_VEC_MUL ? x == 0 || y == 0 : x == 0 || isinf(y);
    if (product && r == 0 && !zero) {
        return fault("value out of range: underflow");
    }
    outcome o;
    memset(&o, 0, sizeof o);
    if (narrow) {
        o.value.f32 = (float)r;
    } else {
        o.value.f64 = r;
    }
    return o;
}

static outcome reference(fly_vec_arith op, fly_vec_type type, const fly_vec_value *a,
                         const fly_vec_value *b)
{
    outcome o;
    memset(&o, 0, sizeof o);
    o.value.null = a->null || b->null;
    if ((op == FLY_VEC_LEAST || op == FLY_VEC_GREATEST) && a->null != b->null) {
        o.value = a->null ? *b : *a;
        return o;
    }
    if (o.value.null) {
        return o;
    }
    if (type == FLY_VEC_F32 || type == FLY_VEC_F64) {
        return float_op(op, type, a, b);
    }
    return integer_op(op, type, wide_of(type, a), wide_of(type, b));
}

/* ------------------------------------------------------------------------ runs */

static void result_init(vec_world *w, fly_vec *v, fly_vec_type type)
{
    FLY_CHECK_OK(fly_vec_init(v, type, FLY_VEC_CAPACITY, &w->arena, &w->err), w->err);
    v->kind = (uint8_t)vec_below(w, 2); /* what the last batch left */
    memset(v->valid, (int)vec_below(w, 256), FLY_VEC_CAPACITY / 8);
}

/* Run on every usable ISA and compare each with what is expected of each selected row. */
static void run(vec_world *w, const char *what,
                fly_vec_kernel (*kernel)(fly_vec_isa isa, int op, int type), int op, int type,
                fly_vec_type to, int argc, const fly_vec_sel *sel, int n, const outcome *wanted,
                const void *aux)
{
    const char *trouble = NULL;
    for (int k = 0; k < n && trouble == NULL; k++) {
        trouble = wanted[k].fault;
    }
    for (int isa = 0; isa < FLY_VEC_ISA_COUNT; isa++) {
        if (!fly_vec_isa_usable((fly_vec_isa)isa)) {
            continue;
        }
        fly_vec_kernel fn = kernel((fly_vec_isa)isa, op, type);
        ck_assert_msg(fn != NULL, "%s %d of type %d is missing", what, op, type);
        uint8_t scale = w->reg[2].scale;
        result_init(w, &w->reg[2], to);
        w->reg[2].scale = scale;
        fly_vec_ins ins = {.dst = 2, .argc = (uint16_t)argc, .arg = {0, 1}, .pos = 17, .aux = aux};
        memset(&w->err, 0, sizeof w->err);
        int rc = fn(&w->frame, &ins, sel, n);
        if (trouble != NULL) {
            ck_assert_msg(rc < 0, "%s %d of type %d did not fail: %s", what, op, type, trouble);
            ck_assert_str_eq(w->err.message, trouble);
            ck_assert_int_eq(w->err.position, 17);
            ck_assert_str_eq(w->err.sqlstate,
                             strcmp(trouble, "division by zero") == 0 ? "22012" : "22003");
            continue;
        }
        ck_assert_msg(rc >= 0, "%s %d of type %d: %s", what, op, type, w->err.message);
        for (int k = 0; k < n; k++) {
            fly_vec_value got = fly_vec_get(&w->reg[2], vec_row(sel, k));
            if (!vec_same(to, &got, &wanted[k].value)) {
                ck_abort_msg(
                    "%s %d of type %d, isa %d: row %u of %d (null %d, wanted %d): %lld %lld", what,
                    op, type, isa, vec_row(sel, k), n, got.null, wanted[k].value.null,
                    (long long)got.i64, (long long)wanted[k].value.i64);
            }
        }
    }
}

static fly_vec_kernel arith_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_arith(isa, (fly_vec_arith)op, (fly_vec_type)type);
}

static bool has_op(fly_vec_arith op, fly_vec_type type)
{
    bool floats = type == FLY_VEC_F32 || type == FLY_VEC_F64;
    bool bits = (op >= FLY_VEC_BIT_AND && op <= FLY_VEC_BIT_XOR) || op == FLY_VEC_BIT_NOT;
    return !(floats && (op == FLY_VEC_MOD || bits)) && !(type == FLY_VEC_I128 && bits) &&
           op != FLY_VEC_SHIFT_LEFT && op != FLY_VEC_SHIFT_RIGHT;
}

static void inputs(vec_world *w, fly_vec_type a, fly_vec_type b, uint32_t count)
{
    bool wild = vec_below(w, 3) != 0;
    w->reg[0] = vec_make(w, a, vec_some_kind(w), count, (uint32_t)vec_below(w, 4), wild);
    w->reg[1] = vec_make(w, b, vec_some_kind(w), count, (uint32_t)vec_below(w, 4), wild);
}

static void each_arith(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    static outcome wanted[FLY_VEC_CAPACITY];
    for (int round = 0; round < 40; round++) {
        for (size_t t = 0; t < sizeof numbers / sizeof *numbers; t++) {
            fly_vec_type type = numbers[t];
            fly_vec_arith op = (fly_vec_arith)vec_below(&w, FLY_VEC_ARITH_COUNT);
            if (!has_op(op, type)) {
                continue;
            }
            int n;
            uint32_t count = vec_some_count(&w);
            inputs(&w, type, type, count);
            const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
            int argc = op >= FLY_VEC_NEG ? 1 : 2;
            for (int k = 0; k < n; k++) {
                fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
                fly_vec_value y = fly_vec_get(&w.reg[argc - 1], vec_row(sel, k));
                wanted[k] = reference(op, type, &x, &y);
            }
            run(&w, "arith", arith_kernel, (int)op, (int)type, type, argc, sel, n, wanted, NULL);
        }
        fly_arena_reset(&w.arena);
    }
    vec_world_deinit(&w);
}

START_TEST(arithmetic_is_that_of_the_reference)
{
    ck_assert(fly_test_seeds("arithmetic", 20, each_arith, NULL));
}
END_TEST

/* ------------------------------------------------------------------ comparison */

static int order(fly_vec_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    if (type == FLY_VEC_STR) {
        return fly_bytes_cmp(fly_vec_str_bytes(&a->str), fly_vec_str_bytes(&b->str));
    }
    if (type == FLY_VEC_F64) {
        return float_order(a->f64, b->f64);
    }
    if (type == FLY_VEC_F32) {
        return float_order((double)a->f32, (double)b->f32);
    }
    fly_vec_i128 x = wide_of(type, a);
    fly_vec_i128 y = wide_of(type, b);
    if (type == FLY_VEC_INTERVAL) {
        x = a->interval.micros + (a->interval.months * 30LL + a->interval.days) * 86400000000LL;
        y = b->interval.micros + (b->interval.months * 30LL + b->interval.days) * 86400000000LL;
    }
    return x < y ? -1 : x > y;
}

static bool holds(fly_vec_cmp op, int order)
{
    return op == FLY_VEC_EQ   ? order == 0
           : op == FLY_VEC_NE ? order != 0
           : op == FLY_VEC_LT ? order < 0
           : op == FLY_VEC_LE ? order <= 0
           : op == FLY_VEC_GT ? order > 0
                              : order >= 0;
}

static outcome truth(bool null, bool value)
{
    outcome o;
    memset(&o, 0, sizeof o);
    o.value.null = null;
    o.value.b = value;
    return o;
}

static outcome compared(fly_vec_cmp op, fly_vec_type type, const fly_vec_value *a,
                        const fly_vec_value *b)
{
    bool null = a->null || b->null;
    if (op == FLY_VEC_DISTINCT || op == FLY_VEC_NOT_DISTINCT) {
        bool differ = null ? a->null != b->null : order(type, a, b) != 0;
        return truth(false, differ == (op == FLY_VEC_DISTINCT));
    }
    return truth(null, !null && holds(op, order(type, a, b)));
}

/* A selecting kernel gives the rows that are wanted: into another selection, and into its own. */
static void run_select(vec_world *w, const char *what,
                       fly_vec_kernel (*kernel)(fly_vec_isa isa, int op, int type), int op,
                       int type, int argc, const fly_vec_sel *sel, int n, const outcome *wanted,
                       const void *aux)
{
    for (int isa = 0; isa < FLY_VEC_ISA_COUNT; isa++) {
        if (!fly_vec_isa_usable((fly_vec_isa)isa)) {
            continue;
        }
        for (int in_place = 0; in_place < 2; in_place++) {
            fly_vec_sel mine[FLY_VEC_CAPACITY + 8];
            fly_vec_ins ins = {.argc = (uint16_t)argc, .arg = {0, 1, 2}, .out = mine, .aux = aux};
            const fly_vec_sel *from = sel;
            if (in_place && sel != NULL) {
                memcpy(mine, sel, (size_t)n * sizeof *mine);
                from = mine;
            }
            int m = kernel((fly_vec_isa)isa, op, type)(&w->frame, &ins, from, n);
            int at = 0;
            for (int k = 0; k < n; k++) {
                if (!wanted[k].value.null && wanted[k].value.b) {
                    ck_assert_msg(at < m && mine[at] == vec_row(sel, k),
                                  "%s %d of type %d, isa %d: row %u of %d is missing", what, op,
                                  type, isa, vec_row(sel, k), n);
                    at++;
                }
            }
            ck_assert_msg(at == m, "%s %d of type %d, isa %d: %d of %d rows, wanted %d", what, op,
                          type, isa, m, n, at);
        }
    }
}

static fly_vec_kernel compare_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_compare(isa, (fly_vec_cmp)op, (fly_vec_type)type);
}

static fly_vec_kernel select_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_select(isa, (fly_vec_cmp)op, (fly_vec_type)type);
}

static fly_vec_kernel between_kernel(fly_vec_isa isa, int op, int type)
{
    (void)op;
    return fly_vec_kernel_between(isa, (fly_vec_type)type);
}

static void each_compare(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    static outcome wanted[FLY_VEC_CAPACITY];
    for (int round = 0; round < 40; round++) {
        for (int t = 0; t < FLY_VEC_TYPE_COUNT; t++) {
            fly_vec_type type = (fly_vec_type)t;
            fly_vec_cmp op = (fly_vec_cmp)vec_below(&w, FLY_VEC_CMP_COUNT);
            int n;
            uint32_t count = vec_some_count(&w);
            inputs(&w, type, type, count);
            const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
            for (int k = 0; k < n; k++) {
                fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
                fly_vec_value y = fly_vec_get(&w.reg[1], vec_row(sel, k));
                wanted[k] = compared(op, type, &x, &y);
            }
            run_select(&w, "select", select_kernel, (int)op, t, 2, sel, n, wanted, NULL);
            run(&w, "compare", compare_kernel, (int)op, t, FLY_VEC_BOOL, 2, sel, n, wanted, NULL);
            w.reg[2] =
                vec_make(&w, type, vec_some_kind(&w), count, (uint32_t)vec_below(&w, 4), false);
            for (int k = 0; k < n; k++) {
                fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
                fly_vec_value y = fly_vec_get(&w.reg[1], vec_row(sel, k));
                fly_vec_value z = fly_vec_get(&w.reg[2], vec_row(sel, k));
                wanted[k] = truth(false, !x.null && !y.null && !z.null &&
                                             order(type, &x, &y) >= 0 && order(type, &x, &z) <= 0);
            }
            run_select(&w, "between", between_kernel, 0, t, 3, sel, n, wanted, NULL);
        }
        fly_arena_reset(&w.arena);
    }
    vec_world_deinit(&w);
}

START_TEST(comparison_and_selection_are_those_of_the_reference)
{
    ck_assert(fly_test_seeds("comparison", 10, each_compare, NULL));
}
END_TEST

/* ----------------------------------------------------------------------- logic */

static fly_vec_kernel logic_kernel(fly_vec_isa isa, int op, int type)
{
    (void)type;
    return fly_vec_kernel_logic(isa, (fly_vec_logic)op);
}

static fly_vec_kernel test_kernel(fly_vec_isa isa, int op, int type)
{
    (void)type;
    return fly_vec_kernel_test(isa, (fly_vec_test)op);
}

static fly_vec_kernel test_select_kernel(fly_vec_isa isa, int op, int type)
{
    (void)type;
    return fly_vec_kernel_test_select(isa, (fly_vec_test)op);
}

/* 0 false, 1 NULL, 2 true: AND is the least, OR the greatest. */
static int rank(const fly_vec_value *v)
{
    return v->null ? 1 : v->b ? 2 : 0;
}

static outcome logic(fly_vec_logic op, const fly_vec_value *a, const fly_vec_value *b)
{
    int x = rank(a);
    int y = rank(b);
    int r = op == FLY_VEC_AND ? (x < y ? x : y) : op == FLY_VEC_OR ? (x > y ? x : y) : 2 - x;
    return truth(r == 1, r == 2);
}

static bool tested(fly_vec_test test, const fly_vec_value *v)
{
    switch (test) {
    case FLY_VEC_IS_NULL:
        return v->null;
    case FLY_VEC_IS_NOT_NULL:
        return !v->null;
    case FLY_VEC_IS_TRUE:
        return rank(v) == 2;
    case FLY_VEC_IS_NOT_TRUE:
        return rank(v) != 2;
    case FLY_VEC_IS_FALSE:
        return rank(v) == 0;
    default:
        return rank(v) != 0;
    }
}

static void each_logic(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    static outcome wanted[FLY_VEC_CAPACITY];
    for (int round = 0; round < 60; round++) {
        for (int op = 0; op <= FLY_VEC_NOT; op++) {
            int n;
            uint32_t count = vec_some_count(&w);
            inputs(&w, FLY_VEC_BOOL, FLY_VEC_BOOL, count);
            const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
            for (int k = 0; k < n; k++) {
                fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
                fly_vec_value y = fly_vec_get(&w.reg[1], vec_row(sel, k));
                wanted[k] = logic((fly_vec_logic)op, &x, &y);
            }
            run(&w, "logic", logic_kernel, op, 0, FLY_VEC_BOOL, op == FLY_VEC_NOT ? 1 : 2, sel, n,
                wanted, NULL);
        }
        for (int test = 0; test < FLY_VEC_TEST_COUNT; test++) {
            bool any = test == FLY_VEC_IS_NULL || test == FLY_VEC_IS_NOT_NULL;
            fly_vec_type type = any ? FLY_VEC_STR : FLY_VEC_BOOL;
            int n;
            uint32_t count = vec_some_count(&w);
            inputs(&w, type, type, count);
            const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
            for (int k = 0; k < n; k++) {
                fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
                wanted[k] = truth(false, tested((fly_vec_test)test, &x));
            }
            run(&w, "test", test_kernel, test, 0, FLY_VEC_BOOL, 1, sel, n, wanted, NULL);
            run_select(&w, "test", test_select_kernel, test, 0, 1, sel, n, wanted, NULL);
        }
        fly_arena_reset(&w.arena);
    }
    vec_world_deinit(&w);
}

START_TEST(logic_has_three_values)
{
    ck_assert(fly_test_seeds("logic", 10, each_logic, NULL));
}
END_TEST

/* ----------------------------------------------------------------------- casts */

static fly_vec_kernel cast_kernel(fly_vec_isa isa, int from, int to)
{
    return fly_vec_kernel_cast(isa, (fly_vec_type)from, (fly_vec_type)to);
}

static outcome cast(fly_vec_type from, fly_vec_type to, const fly_vec_value *v)
{
    outcome o;
    memset(&o, 0, sizeof o);
    o.value.null = v->null;
    if (v->null) {
        return o;
    }
    bool floats = from == FLY_VEC_F32 || from == FLY_VEC_F64;
    double x = from == FLY_VEC_F32 ? (double)v->f32 : v->f64;
    if (to == FLY_VEC_F32 && floats) {
        o.value.f32 = (float)x;
        return isinf(o.value.f32) && !isinf(x)   ? fault("value out of range: overflow")
               : o.value.f32 == 0.0F && x != 0.0 ? fault("value out of range: underflow")
                                                 : o;
    }
    if (to == FLY_VEC_F64 && floats) {
        o.value.f64 = x;
        return o;
    }
    if (floats) {
        double r = rint(x);
        bool fits = fabs(r) < 9.2e18;
        outcome whole = fits ? integer(to, (fly_vec_i128)r) : fault(range_of(to));
        if (!fits && to == FLY_VEC_I128 && fabs(r) < 1e38) {
            whole = integer(to, (fly_vec_i128)r);
        }
        return whole;
    }
    fly_vec_i128 whole = wide_of(from, v);
    if (to == FLY_VEC_BOOL) {
        return truth(false, whole != 0);
    }
    if (to == FLY_VEC_F32) {
        o.value.f32 = (float)whole;
        return o;
    }
    if (to == FLY_VEC_F64) {
        o.value.f64 = (double)whole;
        return o;
    }
    return integer(to, whole);
}

static void each_cast(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    static outcome wanted[FLY_VEC_CAPACITY];
    for (int from = 0; from <= FLY_VEC_F64; from++) {
        for (int to = 0; to <= FLY_VEC_F64; to++) {
            if (fly_vec_kernel_cast(FLY_VEC_ISA_BASE, (fly_vec_type)from, (fly_vec_type)to) ==
                NULL) {
                ck_assert(from == FLY_VEC_BOOL || to == FLY_VEC_BOOL);
                continue;
            }
            int n;
            uint32_t count = vec_some_count(&w);
            inputs(&w, (fly_vec_type)from, (fly_vec_type)from, count);
            const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
            for (int k = 0; k < n; k++) {
                fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
                wanted[k] = from == to ? (outcome){.value = x}
                                       : cast((fly_vec_type)from, (fly_vec_type)to, &x);
            }
            run(&w, "cast", cast_kernel, from, to, (fly_vec_type)to, 1, sel, n, wanted, NULL);
        }
        fly_arena_reset(&w.arena);
    }
    vec_world_deinit(&w);
}

START_TEST(casts_round_and_refuse_as_the_reference)
{
    ck_assert(fly_test_seeds("casts", 40, each_cast, NULL));
}
END_TEST

/* -------------------------------------------------------------------- decimals */

static fly_vec_i128 ten_to(int k)
{
    fly_vec_i128 r = 1;
    while (k-- > 0) {
        r *= 10;
    }
    return r;
}

static fly_vec_kernel decimal_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_decimal(isa, (fly_vec_arith)op, (fly_vec_type)type);
}

static fly_vec_kernel decimal_compare_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_decimal_compare(isa, (fly_vec_cmp)op, (fly_vec_type)type);
}

static fly_vec_kernel decimal_select_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_decimal_select(isa, (fly_vec_cmp)op, (fly_vec_type)type);
}

static fly_vec_kernel rescale_kernel(fly_vec_isa isa, int from, int to)
{
    return fly_vec_kernel_rescale(isa, (fly_vec_type)from, (fly_vec_type)to);
}

static outcome decimal(fly_vec_arith op, fly_vec_type type, fly_vec_i128 x, fly_vec_i128 y)
{
    outcome o = integer_op(op, type, x, y);
    if (o.fault != NULL && strcmp(o.fault, "division by zero") != 0) {
        o.fault = "value overflows numeric format";
    }
    return o;
}

static void each_decimal(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    static const fly_vec_arith ops[] = {FLY_VEC_ADD, FLY_VEC_SUB, FLY_VEC_MUL, FLY_VEC_MOD};
    static outcome wanted[FLY_VEC_CAPACITY];
    for (int round = 0; round < 40; round++) {
        fly_vec_type type = round % 2 == 0 ? FLY_VEC_I64 : FLY_VEC_I128;
        fly_vec_arith op = ops[vec_below(&w, 4)];
        fly_vec_cmp cmp = (fly_vec_cmp)vec_below(&w, FLY_VEC_CMP_COUNT);
        int n;
        uint32_t count = vec_some_count(&w);
        inputs(&w, type, type, count);
        w.reg[0].scale = (uint8_t)vec_below(&w, 4);
        w.reg[1].scale = (uint8_t)vec_below(&w, 4);
        int top = w.reg[0].scale > w.reg[1].scale ? w.reg[0].scale : w.reg[1].scale;
        const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
        static outcome order_wanted[FLY_VEC_CAPACITY];
        bool stretched = false; /* an aligned argument does not fit, though a sum might */
        for (int k = 0; k < n; k++) {
            fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
            fly_vec_value y = fly_vec_get(&w.reg[1], vec_row(sel, k));
            fly_vec_value ax = {.null = x.null}, ay = {.null = y.null};
            ax.i128 = wide_of(type, &x) * ten_to(top - w.reg[0].scale);
            ay.i128 = wide_of(type, &y) * ten_to(top - w.reg[1].scale);
            order_wanted[k] = compared(cmp, FLY_VEC_I128, &ax, &ay);
            wanted[k] = truth(x.null || y.null, false);
            if (!wanted[k].value.null) {
                wanted[k] = op == FLY_VEC_MUL
                                ? decimal(op, type, wide_of(type, &x), wide_of(type, &y))
                                : decimal(op, type, ax.i128, ay.i128);
            }
            stretched = stretched || integer(type, ax.i128).fault || integer(type, ay.i128).fault;
        }
        run_select(&w, "decimal", decimal_select_kernel, (int)cmp, (int)type, 2, sel, n,
                   order_wanted, NULL);
        run(&w, "decimal", decimal_compare_kernel, (int)cmp, (int)type, FLY_VEC_BOOL, 2, sel, n,
            order_wanted, NULL);
        if (op == FLY_VEC_MUL || !stretched) {
            run(&w, "decimal", decimal_kernel, (int)op, (int)type, type, 2, sel, n, wanted, NULL);
        }
        fly_arena_reset(&w.arena);
    }
    vec_world_deinit(&w);
}

START_TEST(decimals_of_any_scales_add_multiply_and_compare)
{
    ck_assert(fly_test_seeds("decimals", 20, each_decimal, NULL));
}
END_TEST

static void each_rescale(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    static outcome wanted[FLY_VEC_CAPACITY];
    for (int from = FLY_VEC_I16; from <= FLY_VEC_I128; from++) {
        for (int to = FLY_VEC_I16; to <= FLY_VEC_I128; to++) {
            int n;
            uint32_t count = vec_some_count(&w);
            inputs(&w, (fly_vec_type)from, (fly_vec_type)from, count);
            const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
            int s0 = (int)vec_below(&w, 6);
            int s2 = (int)vec_below(&w, 6);
            fly_vec_decimal limit = {.precision = (uint8_t)vec_below(&w, 12)};
            for (int k = 0; k < n; k++) {
                fly_vec_value v = fly_vec_get(&w.reg[0], vec_row(sel, k));
                wanted[k] = truth(v.null, false);
                if (!v.null) {
                    fly_vec_i128 x = wide_of((fly_vec_type)from, &v);
                    fly_vec_i128 d = s2 >= s0 ? 1 : ten_to(s0 - s2);
                    fly_vec_i128 up = x * (s2 >= s0 ? ten_to(s2 - s0) : 1);
                    fly_vec_i128 r = (x < 0 ? up * 2 - d : up * 2 + d) / (2 * d);
                    wanted[k] = integer((fly_vec_type)to, s2 >= s0 ? up : r);
                    bool over = limit.precision > 0 &&
                                ((s2 >= s0 ? up : r) >= ten_to(limit.precision) ||
                                 (s2 >= s0 ? up : r) <= -ten_to(limit.precision));
                    if (over || wanted[k].fault != NULL) {
                        wanted[k].fault = "numeric field overflow";
                    }
                }
            }
            w.reg[0].scale = (uint8_t)s0;
            w.reg[2].scale = (uint8_t)s2;
            run(&w, "rescale", rescale_kernel, from, to, (fly_vec_type)to, 1, sel, n, wanted,
                &limit);
        }
        fly_arena_reset(&w.arena);
    }
    vec_world_deinit(&w);
}

START_TEST(rescaling_rounds_half_away_from_zero)
{
    ck_assert(fly_test_seeds("rescaling", 40, each_rescale, NULL));
}
END_TEST

START_TEST(decimals_become_the_nearest_float)
{
    vec_world w;
    vec_world_init(&w, 1);
    FLY_CHECK_OK(fly_vec_init(&w.reg[0], FLY_VEC_I128, 4, &w.arena, &w.err), w.err);
    FLY_CHECK_OK(fly_vec_init(&w.reg[2], FLY_VEC_F64, 64, &w.arena, &w.err), w.err);
    fly_vec_i128 *x = w.reg[0].data;
    x[0] = 12345;
    x[1] = -1;
    x[2] = ((fly_vec_i128)1234567890123456789 * 1000000000 + 987654321) * 100;
    x[3] = 9007199254740993;
    w.reg[0].scale = 3;
    fly_vec_ins ins = {.dst = 2, .argc = 1, .arg = {0}};
    ck_assert_int_ge(fly_vec_kernel_decimal_to_float(FLY_VEC_ISA_BASE, FLY_VEC_I128,
                                                     FLY_VEC_F64)(&w.frame, &ins, NULL, 4),
                     0);
    const double *r = w.reg[2].data;
    ck_assert(r[0] == 12.345 && r[1] == -0.001);
    ck_assert(r[2] == 123456789012345678998765.432100 * 1000 && r[3] == 9007199254740.993);
    vec_world_deinit(&w);
}
END_TEST

/* ------------------------------------------------------------------------ sets */

static fly_vec_kernel in_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_in(isa, (fly_vec_type)type, op != 0);
}

static fly_vec_kernel in_select_kernel(fly_vec_isa isa, int op, int type)
{
    return fly_vec_kernel_in_select(isa, (fly_vec_type)type, op != 0);
}

static void each_set(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    static outcome wanted[FLY_VEC_CAPACITY];
    for (int t = 0; t < FLY_VEC_TYPE_COUNT; t++) {
        fly_vec_type type = (fly_vec_type)t;
        int n;
        bool negate = vec_below(&w, 2) != 0;
        uint32_t count = vec_some_count(&w);
        uint32_t members = (uint32_t)vec_below(&w, 50);
        fly_vec_set *set;
        inputs(&w, type, type, count);
        fly_vec list = vec_make(&w, type, FLY_VEC_FLAT, members, vec_below(&w, 2) ? 30 : 0,
                                vec_below(&w, 2) != 0);
        FLY_CHECK_OK(fly_vec_set_create(&list, members, &w.arena, &set, &w.err), w.err);
        const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
        for (int k = 0; k < n; k++) {
            fly_vec_value x = fly_vec_get(&w.reg[0], vec_row(sel, k));
            bool found = false;
            bool unknown = x.null;
            for (uint32_t m = 0; m < members; m++) {
                fly_vec_value y = fly_vec_get(&list, m);
                found = found || (!x.null && !y.null && order(type, &x, &y) == 0);
                unknown = unknown || y.null;
            }
            wanted[k] = truth(unknown && !found, found != negate);
        }
        run(&w, "in", in_kernel, negate, t, FLY_VEC_BOOL, 1, sel, n, wanted, set);
        run_select(&w, "in", in_select_kernel, negate, t, 1, sel, n, wanted, set);
    }
    vec_world_deinit(&w);
}

START_TEST(sets_know_their_members)
{
    ck_assert(fly_test_seeds("sets", 60, each_set, NULL));
}
END_TEST

/* ------------------------------------------------------- moving and selections */

START_TEST(copy_touches_what_is_selected_and_nothing_else)
{
    vec_world w;
    vec_world_init(&w, 7);
    for (int t = 0; t < FLY_VEC_TYPE_COUNT; t++) {
        fly_vec_type type = (fly_vec_type)t;
        int n;
        fly_vec before = vec_make(&w, type, FLY_VEC_FLAT, 130, 3, false);
        FLY_CHECK_OK(fly_vec_init(&w.reg[2], type, 192, &w.arena, &w.err), w.err);
        memcpy(w.reg[2].data, before.data, 130 * fly_vec_type_size(type));
        memcpy(w.reg[2].valid, before.valid, 24);
        w.reg[0] = vec_make(&w, type, vec_some_kind(&w), 130, 3, false);
        const fly_vec_sel *sel = vec_some_sel(&w, 130, &n);
        fly_vec_ins ins = {.dst = 2, .argc = 1, .arg = {0}};
        ck_assert_int_eq(fly_vec_kernel_copy(FLY_VEC_ISA_BASE, type)(&w.frame, &ins, sel, n), n);
        for (uint32_t row = 0, k = 0; row < 130; row++) {
            bool chosen = (int)k < n && vec_row(sel, (int)k) == row;
            fly_vec_value got = fly_vec_get(&w.reg[2], row);
            fly_vec_value want = fly_vec_get(chosen ? &w.reg[0] : &before, row);
            ck_assert(vec_same(type, &got, &want));
            k += chosen;
        }
    }
    vec_world_deinit(&w);
}
END_TEST

START_TEST(selections_subtract_and_unite)
{
    static const fly_vec_sel all[] = {1, 4, 5, 9, 12};
    static const fly_vec_sel part[] = {4, 12};
    fly_vec_sel rest[5], both[5];
    ck_assert_int_eq(fly_vec_sel_minus(all, 5, part, 2, rest), 3);
    ck_assert_int_eq(rest[0], 1);
    ck_assert_int_eq(rest[2], 9);
    ck_assert_int_eq(fly_vec_sel_union(rest, 3, part, 2, both), 5);
    ck_assert_int_eq(memcmp(both, all, sizeof all), 0);
    ck_assert_int_eq(fly_vec_sel_minus(NULL, 3, NULL, 0, rest), 3);
    ck_assert_int_eq(rest[2], 2);
}
END_TEST

START_TEST(division_by_zero_is_no_error_where_nobody_asks)
{
    vec_world w;
    vec_world_init(&w, 1);
    static const fly_vec_sel wanted[] = {0, 2};
    for (int r = 0; r < 3; r++) {
        FLY_CHECK_OK(fly_vec_init(&w.reg[r], FLY_VEC_I32, 64, &w.arena, &w.err), w.err);
    }
    int32_t *a = w.reg[0].data;
    int32_t *b = w.reg[1].data;
    a[0] = 7, a[2] = INT32_MIN, b[0] = -2, b[2] = 2;
    fly_vec_ins ins = {.dst = 2, .argc = 2, .arg = {0, 1}};
    fly_vec_kernel divide = fly_vec_kernel_arith(fly_vec_isa_best(), FLY_VEC_DIV, FLY_VEC_I32);
    ck_assert_int_eq(divide(&w.frame, &ins, wanted, 2), 2);
    ck_assert_int_eq(((int32_t *)w.reg[2].data)[0], -3);
    ck_assert_int_eq(((int32_t *)w.reg[2].data)[2], -1073741824);
    fly_vec_set_null(&w.reg[1], 1);
    ck_assert_int_eq(divide(&w.frame, &ins, NULL, 3), 3);
    ck_assert(fly_vec_is_null(&w.reg[2], 1));
    fly_vec_set_valid(&w.reg[1], 1);
    ck_assert_int_lt(divide(&w.frame, &ins, NULL, 3), 0);
    b[2] = -1;
    ck_assert_int_lt(divide(&w.frame, &ins, wanted, 2), 0);
    ck_assert_str_eq(w.err.message, "integer out of range");
    vec_world_deinit(&w);
}
END_TEST

START_TEST(wide_products_are_checked_at_their_very_ends)
{
    static const struct {
        fly_vec_i128 x, y;
        bool fails;
    } rows[] = {
        {(fly_vec_i128)1 << 126, 2, true},
        {(fly_vec_i128)1 << 126, -2, false},
        {-((fly_vec_i128)1 << 126), -2, true},
        {((fly_vec_i128)1 << 63) + 1, (fly_vec_i128)1 << 63, false},
        {(fly_vec_i128)1 << 64, (fly_vec_i128)1 << 62, false},
        {(fly_vec_i128)1 << 64, (fly_vec_i128)1 << 63, true},
        {(fly_vec_i128)1 << 100, (fly_vec_i128)1 << 100, true},
    };
    vec_world w;
    vec_world_init(&w, 1);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        for (int r = 0; r < 3; r++) {
            FLY_CHECK_OK(fly_vec_init(&w.reg[r], FLY_VEC_I128, 64, &w.arena, &w.err), w.err);
        }
        memcpy(w.reg[0].data, &rows[k].x, 16);
        memcpy(w.reg[1].data, &rows[k].y, 16);
        fly_vec_ins ins = {.dst = 2, .argc = 2, .arg = {0, 1}};
        int rc = fly_vec_kernel_arith(FLY_VEC_ISA_BASE, FLY_VEC_MUL, FLY_VEC_I128)(&w.frame, &ins,
                                                                                   NULL, 1);
        ck_assert_msg((rc < 0) == rows[k].fails, "row %zu", k);
    }
    vec_world_deinit(&w);
}
END_TEST

START_TEST(shifts_go_round)
{
    vec_world w;
    vec_world_init(&w, 1);
    FLY_CHECK_OK(fly_vec_init(&w.reg[0], FLY_VEC_I64, 64, &w.arena, &w.err), w.err);
    FLY_CHECK_OK(fly_vec_init(&w.reg[1], FLY_VEC_I32, 64, &w.arena, &w.err), w.err);
    FLY_CHECK_OK(fly_vec_init(&w.reg[2], FLY_VEC_I64, 64, &w.arena, &w.err), w.err);
    ((int64_t *)w.reg[0].data)[0] = -8;
    ((int32_t *)w.reg[1].data)[0] = 65;
    fly_vec_ins ins = {.dst = 2, .argc = 2, .arg = {0, 1}};
    ck_assert_int_eq(fly_vec_kernel_arith(FLY_VEC_ISA_BASE, FLY_VEC_SHIFT_LEFT,
                                          FLY_VEC_I64)(&w.frame, &ins, NULL, 1),
                     1);
    ck_assert_int_eq(((int64_t *)w.reg[2].data)[0], -16);
    ck_assert_int_eq(fly_vec_kernel_arith(FLY_VEC_ISA_BASE, FLY_VEC_SHIFT_RIGHT,
                                          FLY_VEC_I64)(&w.frame, &ins, NULL, 1),
                     1);
    ck_assert_int_eq(((int64_t *)w.reg[2].data)[0], -4);
    vec_world_deinit(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernels");
    TCase *tests = fly_test_case(suite, "kernels");
    tcase_add_test(tests, arithmetic_is_that_of_the_reference);
    tcase_add_test(tests, comparison_and_selection_are_those_of_the_reference);
    tcase_add_test(tests, logic_has_three_values);
    tcase_add_test(tests, casts_round_and_refuse_as_the_reference);
    tcase_add_test(tests, decimals_of_any_scales_add_multiply_and_compare);
    tcase_add_test(tests, rescaling_rounds_half_away_from_zero);
    tcase_add_test(tests, decimals_become_the_nearest_float);
    tcase_add_test(tests, sets_know_their_members);
    tcase_add_test(tests, copy_touches_what_is_selected_and_nothing_else);
    tcase_add_test(tests, selections_subtract_and_unite);
    tcase_add_test(tests, division_by_zero_is_no_error_where_nobody_asks);
    tcase_add_test(tests, wide_products_are_checked_at_their_very_ends);
    tcase_add_test(tests, shifts_go_round);
    return fly_test_run(suite);
}
