/*
 * Sets of constants, for IN.
 *
 * Every value is brought to 16 bytes that are equal if the values are: numbers widened, floats with
 * one zero and one NaN, spans of time in microseconds, strings as they are. A table of numbers,
 * open addressed and at most half full, says where in the list of values to look. Integers that lie
 * close together have a bitmap besides, and then nothing else is looked at.
 */
#include "value_int.h"

#include <string.h>

enum { BITMAP_MAX = 1 << 16 };

struct fly_vec_set {
    fly_vec_type type;
    bool has_null;
    uint32_t count;
    uint32_t mask;   /* of `slots` */
    uint32_t *slots; /* 0: empty, else 1 + a number in `values` */
    fly_vec_u128 *values;
    uint64_t *bitmap; /* or NULL */
    int64_t low;      /* of the bitmap */
    uint64_t range;   /* its bits */
};

static uint64_t hash_of(const fly_vec_set *set, const fly_vec_u128 *value)
{
    if (set->type == FLY_VEC_STR) {
        const fly_vec_str *s = (const fly_vec_str *)value;
        return fly_hash(fly_vec_str_data(s), s->len, 0);
    }
    return fly_hash_u64((uint64_t)*value ^ fly_hash_u64((uint64_t)(*value >> 64)));
}

static bool same(const fly_vec_set *set, const fly_vec_u128 *a, const fly_vec_u128 *b)
{
    return set->type == FLY_VEC_STR
               ? fly_vec_str_equal((const fly_vec_str *)a, (const fly_vec_str *)b)
               : *a == *b;
}

/* The slot where the value is, or where it would go. */
static uint32_t find(const fly_vec_set *set, const fly_vec_u128 *value)
{
    uint32_t at = (uint32_t)hash_of(set, value) & set->mask;
    while (set->slots[at] != 0 && !same(set, &set->values[set->slots[at] - 1], value)) {
        at = (at + 1) & set->mask;
    }
    return at;
}

static bool has(const fly_vec_set *set, const void *raw)
{
    fly_vec_u128 value = fly__vec_canonical(set->type, raw);
    if (set->bitmap != NULL) {
        uint64_t at = (uint64_t)value - (uint64_t)set->low;
        return at < set->range && (set->bitmap[at / 64] >> (at % 64) & 1) != 0;
    }
    return set->slots[find(set, &value)] != 0;
}

/* A bitmap, if all values are integers not far apart; without memory for it there is none. */
static void make_bitmap(fly_vec_set *set, fly_arena *arena)
{
    bool integers = set->type == FLY_VEC_I16 || set->type == FLY_VEC_I32 ||
                    set->type == FLY_VEC_I64;
    if (!integers || set->count == 0) {
        return;
    }
    int64_t low = (int64_t)set->values[0];
    int64_t high = low;
    for (uint32_t k = 1; k < set->count; k++) {
        int64_t value = (int64_t)set->values[k];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    uint64_t range = (uint64_t)high - (uint64_t)low + 1;
    if (range == 0 || range > BITMAP_MAX) {
        return;
    }
    size_t words = (size_t)(range + 63) / 64;
    uint64_t *bitmap = fly_arena_alloc(arena, words * 8);
    if (bitmap == NULL) {
        return;
    }
    memset(bitmap, 0, words * 8);
    for (uint32_t k = 0; k < set->count; k++) {
        uint64_t at = (uint64_t)set->values[k] - (uint64_t)low;
        bitmap[at / 64] |= (uint64_t)1 << (at % 64);
    }
    set->bitmap = bitmap;
    set->low = low;
    set->range = range;
}

/* Strings keep their bytes in the arena. */
static bool own(fly_vec_set *set, fly_vec_u128 *value, fly_arena *arena)
{
    fly_vec_str *s = (fly_vec_str *)value;
    if (set->type != FLY_VEC_STR || s->len <= FLY_VEC_STR_INLINE) {
        return true;
    }
    s->ptr = fly_arena_copy(arena, s->ptr, s->len);
    return s->ptr != NULL;
}

fly_status fly_vec_set_create(const fly_vec *values, uint32_t count, fly_arena *arena,
                              fly_vec_set **result, fly_err *err)
{
    FLY_ASSERT(count <= UINT32_MAX / 4);
    uint64_t slots = 8;
    while (slots < 2 * (uint64_t)count) {
        slots *= 2;
    }
    fly_vec_set *set = fly_arena_alloc(arena, sizeof *set);
    uint32_t *slot = fly_arena_alloc(arena, slots * sizeof *slot);
    uint8_t *block = fly_arena_alloc(arena, 16 * ((size_t)count + 1));
    if (set == NULL || slot == NULL || block == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a set of %u values", count);
    }
    memset(slot, 0, slots * sizeof *slot);
    memset(set, 0, sizeof *set);
    set->type = (fly_vec_type)values->type;
    set->mask = (uint32_t)slots - 1;
    set->slots = slot;
    set->values = (fly_vec_u128 *)(block + (uintptr_t)block % 16); /* arenas align to 8 */
    for (uint32_t row = 0; row < count; row++) {
        fly_vec_value raw = fly_vec_get(values, row);
        if (raw.null) {
            set->has_null = true;
            continue;
        }
        fly_vec_u128 value = fly__vec_canonical(set->type, &raw.i128);
        uint32_t at = find(set, &value);
        if (set->slots[at] == 0) {
            if (!own(set, &value, arena)) {
                return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a set of strings");
            }
            set->values[set->count++] = value;
            set->slots[at] = set->count;
        }
    }
    make_bitmap(set, arena);
    *result = set;
    return FLY_OK;
}

bool fly_vec_set_has(const fly_vec_set *set, const fly_vec_value *value)
{
    return has(set, &value->i128);
}

bool fly_vec_set_has_null(const fly_vec_set *set)
{
    return set->has_null;
}

/* --------------------------------------------------------------------- kernels */

static int in_value(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n,
                    fly_vec_kernel self, bool negate)
{
    if (!fly__vec_plain(frame, ins)) {
        return fly__vec_retry(self, frame, ins, sel, n);
    }
    fly__vec_call call;
    if (!fly__vec_begin(frame, ins, sel, n, &call)) {
        return n;
    }
    const fly_vec_set *set = ins->aux;
    FLY_ASSERT(fly__vec_arg(frame, ins, 0)->type == set->type);
    size_t size = fly_vec_type_size(set->type);
    fly_vec *dst = &frame->reg[ins->dst];
    bool one = dst->kind == FLY_VEC_CONST;
    for (int k = 0; k < (one ? 1 : n); k++) {
        uint32_t i = one ? 0 : sel != NULL ? sel[k] : (uint32_t)k;
        if (fly__vec_bit(call.valid, i)) {
            bool found = has(set, (const uint8_t *)call.a + i * size);
            ((uint8_t *)call.out)[i] = found != negate;
            if (!found && set->has_null) {
                fly_vec_set_null(dst, i);
            }
        }
    }
    return n;
}

static int in_select(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n,
                     fly_vec_kernel self, bool negate)
{
    if (!fly__vec_plain(frame, ins)) {
        return fly__vec_retry_select(self, frame, ins, sel, n);
    }
    const fly_vec *a = fly__vec_arg(frame, ins, 0);
    const fly_vec_set *set = ins->aux;
    FLY_ASSERT(fly__vec_arg(frame, ins, 0)->type == set->type);
    size_t size = fly_vec_type_size(set->type);
    uint32_t mask = a->kind == FLY_VEC_CONST ? 0 : ~(uint32_t)0;
    bool never = negate && set->has_null;
    int m = 0;
    for (int k = 0; k < n && !never; k++) {
        fly_vec_sel row = sel != NULL ? sel[k] : (fly_vec_sel)k;
        uint32_t at = row & mask;
        ins->out[m] = row;
        m += fly__vec_bit(a->valid, at) && has(set, (const uint8_t *)a->data + at * size) != negate;
    }
    return m;
}

static int is_in(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n)
{
    return in_value(frame, ins, sel, n, is_in, false);
}

static int is_not_in(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n)
{
    return in_value(frame, ins, sel, n, is_not_in, true);
}

static int select_in(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n)
{
    return in_select(frame, ins, sel, n, select_in, false);
}

static int select_not_in(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n)
{
    return in_select(frame, ins, sel, n, select_not_in, true);
}

fly_vec_kernel fly_vec_kernel_in(fly_vec_isa isa, fly_vec_type type, bool negate)
{
    (void)isa;
    (void)type;
    return negate ? is_not_in : is_in;
}

fly_vec_kernel fly_vec_kernel_in_select(fly_vec_isa isa, fly_vec_type type, bool negate)
{
    (void)isa;
    (void)type;
    return negate ? select_not_in : select_in;
}
