/*
 * Kernels of + - * % on scaled numerics whose vectors differ in width: two i64 whose product wants
 * an i128, say. Where all three are alike, libvec has quicker ones.
 */
#include "func/decimal_int.h"

/* The number at a position, of either width. */
static inline fly_vec_i128 load(const fly_vec *v, uint32_t row)
{
    if (v->kind == FLY_VEC_FLAT) {
        return v->type == FLY_VEC_I64 ? ((const int64_t *)v->data)[row]
                                      : ((const fly_vec_i128 *)v->data)[row];
    }
    if (v->kind == FLY_VEC_SEQ) {
        return (fly_vec_i128)v->low + (fly_vec_i128)row * v->high;
    }
    const void *at = fly_vec_at(v, row);
    return v->type == FLY_VEC_I64 ? *(const int64_t *)at : *(const fly_vec_i128 *)at;
}

static int fail(fly_vec_frame *frame, const fly_vec_ins *ins, const char *sqlstate,
                const char *message)
{
    fly_err_state(frame->err, sqlstate, ins->pos, "%s", message);
    return -1;
}

static bool store(fly_vec *dst, uint32_t row, fly_vec_i128 number)
{
    if (dst->type == FLY_VEC_I128) {
        ((fly_vec_i128 *)dst->data)[row] = number;
        return true;
    }
    ((int64_t *)dst->data)[row] = (int64_t)number;
    return number >= INT64_MIN && number <= INT64_MAX;
}

/* 128-bit multiplication checks are slow; numbers of 64 bits, most of those there are, need
 * none. */
static inline bool multiply(fly_vec_i128 a, fly_vec_i128 b, fly_vec_i128 *product)
{
    if (a == (int64_t)a && b == (int64_t)b) {
        *product = (fly_vec_i128)(int64_t)a * (int64_t)b;
        return true;
    }
    return !__builtin_mul_overflow(a, b, product);
}

/* One row of each operator; `pa` and `pb` bring the operands to the result's scale. */
static inline bool add_one(fly_vec_i128 a, fly_vec_i128 b, fly_vec_i128 pa, fly_vec_i128 pb,
                           fly_vec_i128 *out)
{
    return multiply(a, pa, &a) && multiply(b, pb, &b) && !__builtin_add_overflow(a, b, out);
}

static inline bool sub_one(fly_vec_i128 a, fly_vec_i128 b, fly_vec_i128 pa, fly_vec_i128 pb,
                           fly_vec_i128 *out)
{
    return multiply(a, pa, &a) && multiply(b, pb, &b) && !__builtin_sub_overflow(a, b, out);
}

static inline bool mul_one(fly_vec_i128 a, fly_vec_i128 b, fly_vec_i128 pa, fly_vec_i128 pb,
                           fly_vec_i128 *out)
{
    (void)pa;
    (void)pb;
    return multiply(a, b, out);
}

static inline bool mod_one(fly_vec_i128 a, fly_vec_i128 b, fly_vec_i128 pa, fly_vec_i128 pb,
                           fly_vec_i128 *out)
{
    if (!multiply(a, pa, &a) || !multiply(b, pb, &b)) {
        return false;
    }
    *out = b == -1 ? 0 : a % b;
    return true;
}

static fly_vec_i128 power_between(const fly_vec *v, const fly_vec *dst)
{
    return v->scale < dst->scale ? fly__sql_power_of_ten((unsigned)(dst->scale - v->scale)) : 1;
}

#define KERNEL(name, one, divides)                                                                 \
    int fly__sql_decimal_##name(fly_vec_frame *frame, const fly_vec_ins *ins,                      \
                                const fly_vec_sel *sel, int n)                                     \
    {                                                                                              \
        const fly_vec *a = &frame->reg[ins->arg[0]];                                               \
        const fly_vec *b = &frame->reg[ins->arg[1]];                                               \
        fly_vec *dst = &frame->reg[ins->dst];                                                      \
        fly_vec_i128 pa = power_between(a, dst);                                                   \
        fly_vec_i128 pb = power_between(b, dst);                                                   \
        dst->kind = FLY_VEC_FLAT;                                                                  \
        bool nulls = a->kind != FLY_VEC_FLAT || b->kind != FLY_VEC_FLAT || a->valid != NULL ||     \
                     b->valid != NULL;                                                             \
        for (int i = 0; i < n; i++) {                                                              \
            uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;                                     \
            fly_vec_i128 number = 0;                                                               \
            if (nulls && (fly_vec_is_null(a, row) || fly_vec_is_null(b, row))) {                   \
                fly_vec_set_null(dst, row);                                                        \
                continue;                                                                          \
            }                                                                                      \
            fly_vec_i128 y = load(b, row);                                                         \
            if ((divides) && y == 0) {                                                             \
                return fail(frame, ins, "22012", "division by zero");                              \
            }                                                                                      \
            if (FLY_UNLIKELY(!one(load(a, row), y, pa, pb, &number) ||                             \
                             !store(dst, row, number))) {                                          \
                return fail(frame, ins, "22003", "value overflows numeric format");                \
            }                                                                                      \
            fly_vec_set_valid(dst, row);                                                           \
        }                                                                                          \
        return 0;                                                                                  \
    }

KERNEL(add, add_one, false)
KERNEL(sub, sub_one, false)
KERNEL(mul, mul_one, false)
KERNEL(mod, mod_one, true)
