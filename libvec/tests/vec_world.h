/*
 * What the tests of kernels share: a frame, vectors of every kind made from a seed, selections.
 */
#ifndef FLY_TEST_VEC_WORLD_H
#define FLY_TEST_VEC_WORLD_H

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>
#include <fly/vec_kernel.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct vec_world {
    fly_account account;
    fly_arena arena;
    fly_err err;
    fly_rng rng;
    fly_vec reg[5];
    fly_vec_frame frame;
    fly_vec_sel sel[FLY_VEC_CAPACITY];
    fly_vec_sel out[FLY_VEC_CAPACITY];
} vec_world;

static inline void vec_world_init(vec_world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    fly_account_init(&w->account, fly_mem_system(), "test", 0);
    fly_arena_init(&w->arena, &w->account.mem, 0);
    fly_rng_init(&w->rng, seed);
    w->frame = (fly_vec_frame){.reg = w->reg, .arena = &w->arena, .err = &w->err};
}

static inline void vec_world_deinit(vec_world *w)
{
    fly_arena_deinit(&w->arena);
    fly_account_deinit(&w->account);
}

static inline uint64_t vec_below(vec_world *w, uint64_t bound)
{
    return fly_rng_below(&w->rng, bound);
}

/* An integer of at most `bits` bits: small ones, large ones, and now and then the very ends. */
static inline int64_t vec_integer(vec_world *w, int bits, bool wild)
{
    int64_t low = bits == 64 ? INT64_MIN : -((int64_t)1 << (bits - 1));
    if (!wild) {
        return (int64_t)vec_below(w, 41) - 20;
    }
    switch (vec_below(w, 8)) {
    case 0:
        return low + (int64_t)vec_below(w, 2);
    case 1:
        return -(low + 1) - (int64_t)vec_below(w, 2);
    case 2:
        return (int64_t)vec_below(w, 3) - 1;
    default:
        return (int64_t)fly_rng_next(&w->rng) >> (64 - bits + (int)vec_below(w, (uint64_t)bits));
    }
}

static inline double vec_float(vec_world *w, bool wild)
{
    static const double special[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-300, 1e300, -1e300};
    if (!wild || vec_below(w, 3) != 0) {
        return (double)vec_integer(w, 24, false) / 8 + (double)vec_below(w, 3);
    }
    return special[vec_below(w, sizeof special / sizeof *special)];
}

static inline fly_vec_str vec_string(vec_world *w)
{
    static const size_t lengths[] = {0, 1, 3, 4, 5, 8, 11, 12, 13, 20, 40};
    size_t len = lengths[vec_below(w, sizeof lengths / sizeof *lengths)];
    char text[64] = {0};
    for (size_t k = 0; k < len; k++) {
        text[k] = (char)(vec_below(w, 12) == 0 ? 200 : 'a' + (int)vec_below(w, 2));
    }
    char *copy = fly_arena_copy(&w->arena, text, len);
    ck_assert_ptr_nonnull(copy);
    return fly_vec_str_of(copy, len);
}

static inline fly_vec_value vec_random(vec_world *w, fly_vec_type type, bool wild)
{
    fly_vec_value v;
    memset(&v, 0, sizeof v);
    switch (type) {
    case FLY_VEC_BOOL:
        v.b = vec_below(w, 2) != 0;
        break;
    case FLY_VEC_I16:
        v.i16 = (int16_t)vec_integer(w, 16, wild);
        break;
    case FLY_VEC_I32:
        v.i32 = (int32_t)vec_integer(w, 32, wild);
        break;
    case FLY_VEC_I64:
        v.i64 = vec_integer(w, 64, wild);
        break;
    case FLY_VEC_I128:
        v.i128 = vec_integer(w, 64, wild);
        break;
    case FLY_VEC_F32:
        v.f32 = (float)vec_float(w, wild);
        break;
    case FLY_VEC_F64:
        v.f64 = vec_float(w, wild);
        break;
    case FLY_VEC_INTERVAL:
        v.interval.micros = vec_integer(w, 16, false) * 43200000000;
        v.interval.days = (int32_t)vec_integer(w, 16, false);
        v.interval.months = (int32_t)vec_below(w, 3);
        break;
    default:
        v.str = vec_string(w);
        break;
    }
    return v;
}

/* A vector of `count` values; NULLs in one of `nulls` (0: none, and then perhaps no words). Values
 * at NULL positions are rubbish, and for strings a pointer that must not be followed. */
static inline fly_vec vec_make(vec_world *w, fly_vec_type type, fly_vec_kind kind, uint32_t count,
                               uint32_t nulls, bool wild)
{
    fly_vec flat;
    uint32_t entries = kind == FLY_VEC_CONST ? 1 : kind == FLY_VEC_DICT ? 1 + count / 3 : count;
    FLY_CHECK_OK(fly_vec_init(&flat, type, entries + 1, &w->arena, &w->err), w->err);
    for (uint32_t k = 0; k < entries; k++) {
        fly_vec_value v = vec_random(w, type, wild);
        fly_vec_put(&flat, k, &v);
        if (nulls > 0 && vec_below(w, nulls) == 0) {
            if (type == FLY_VEC_STR) {
                v.str = fly_vec_str_of("this is longer than twelve", 26);
                v.str.ptr = (const char *)8;
                fly_vec_put(&flat, k, &v);
            }
            fly_vec_set_null(&flat, k);
        }
    }
    if (nulls == 0 && vec_below(w, 2) == 0) {
        flat.valid = NULL;
    }
    flat.kind = (uint8_t)(kind == FLY_VEC_CONST ? FLY_VEC_CONST : FLY_VEC_FLAT);
    if (kind != FLY_VEC_DICT) {
        return flat;
    }
    fly_vec *dict = fly_arena_copy(&w->arena, &flat, sizeof flat);
    fly_vec_sel *index = fly_arena_alloc(&w->arena, (count + 1) * sizeof *index);
    ck_assert_ptr_nonnull(dict);
    ck_assert_ptr_nonnull(index);
    for (uint32_t k = 0; k < count; k++) {
        index[k] = (fly_vec_sel)vec_below(w, entries);
    }
    return (fly_vec){.kind = FLY_VEC_DICT,
                     .type = (uint8_t)type,
                     .dict = dict,
                     .dict_count = entries,
                     .index = index};
}

static inline fly_vec_kind vec_some_kind(vec_world *w)
{
    static const fly_vec_kind kinds[] = {FLY_VEC_FLAT, FLY_VEC_FLAT, FLY_VEC_CONST, FLY_VEC_DICT};
    return kinds[vec_below(w, 4)];
}

static inline uint32_t vec_some_count(vec_world *w)
{
    static const uint32_t counts[] = {1, 2, 7, 63, 64, 65, 130, 1023, 1024};
    return counts[vec_below(w, sizeof counts / sizeof *counts)];
}

/* All, most, few or no positions below `count`; the answer is NULL for "all" in one of two
 * cases. */
static inline const fly_vec_sel *vec_some_sel(vec_world *w, uint32_t count, int *n)
{
    static const uint64_t density[] = {100, 70, 30, 4, 0};
    uint64_t percent = density[vec_below(w, 5)];
    int m = 0;
    for (uint32_t k = 0; k < count; k++) {
        if (vec_below(w, 100) < percent) {
            w->sel[m++] = (fly_vec_sel)k;
        }
    }
    *n = m;
    return percent == 100 && vec_below(w, 2) == 0 ? NULL : w->sel;
}

static inline uint32_t vec_row(const fly_vec_sel *sel, int k)
{
    return sel != NULL ? sel[k] : (uint32_t)k;
}

/* The same value, bit by bit; strings by their bytes. */
static inline bool vec_same(fly_vec_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    if (a->null || b->null) {
        return a->null == b->null;
    }
    if (type == FLY_VEC_STR) {
        return fly_vec_str_equal(&a->str, &b->str);
    }
    if (type == FLY_VEC_F64 || type == FLY_VEC_F32) {
        double x = type == FLY_VEC_F64 ? a->f64 : (double)a->f32;
        double y = type == FLY_VEC_F64 ? b->f64 : (double)b->f32;
        return (isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y));
    }
    return memcmp(&a->i128, &b->i128, fly_vec_type_size(type)) == 0;
}

#endif
