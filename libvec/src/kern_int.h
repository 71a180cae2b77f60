/*
 * What the kernels share: how a call is prepared, how it fails, and the table that each copy of
 * kern_tu.c fills.
 *
 * A kernel is three steps. fly__vec_begin() looks at the arguments, settles what the result is
 * (FLAT or CONST), ANDs the validity words and chooses between a dense loop and one through the
 * selection. The loop computes, for NULLs too, and gathers a hint of trouble without branching. If
 * there is a hint, a second loop, exact and slow, looks only at positions that count.
 */
#ifndef FLY_VEC_KERN_INT_H
#define FLY_VEC_KERN_INT_H

#include <fly/vec_kernel.h>

/* How the two arguments of a dense loop are given. */
enum { SHAPE_VV, SHAPE_VC, SHAPE_CV };

/* A prepared call. `n` counts positions: of `sel`, or, where that is NULL, from 0 on. */
typedef struct fly__vec_call {
    const void *a;
    const void *b;
    void *out;
    const uint64_t *a_valid; /* NULL: no NULLs */
    const uint64_t *b_valid;
    uint64_t *valid; /* of both */
    const fly_vec_sel *sel;
    int n;
    uint32_t a_mask; /* position & mask is where the argument has it: 0 for a CONST one */
    uint32_t b_mask;
    int shape;
    bool nulls; /* `valid` has a bit that is clear below the extent */
} fly__vec_call;

/* Why a kernel fails. */
typedef enum fly__vec_fault {
    FAULT_NONE,
    FAULT_RANGE_I16,
    FAULT_RANGE_I32,
    FAULT_RANGE_I64,
    FAULT_RANGE_I128,
    FAULT_OVERFLOW,
    FAULT_UNDERFLOW,
    FAULT_ZERO,
    FAULT_FIELD
} fly__vec_fault;

/* Say so; returns -1. */
int fly__vec_fault_raise(fly_vec_frame *frame, const fly_vec_ins *ins, fly__vec_fault fault);

/* Whether all arguments are FLAT or CONST. If not, call fly__vec_retry(). */
static inline bool fly__vec_plain(const fly_vec_frame *frame, const fly_vec_ins *ins)
{
    for (int k = 0; k < ins->argc; k++) {
        if (frame->reg[ins->args != NULL ? ins->args[k] : ins->arg[k]].kind > FLY_VEC_CONST) {
            return false;
        }
    }
    return true;
}

/* Run a kernel of at most four arguments again, DICT and SEQ ones flattened. */
int fly__vec_retry(fly_vec_kernel kernel, fly_vec_frame *frame, const fly_vec_ins *ins,
                   const fly_vec_sel *sel, int n);

/* As that, for one that selects and cannot fail: one DICT among CONSTs is asked per entry. */
int fly__vec_retry_select(fly_vec_kernel kernel, fly_vec_frame *frame, const fly_vec_ins *ins,
                          const fly_vec_sel *sel, int n);

/* Prepare a computing kernel of one or two arguments. False: nothing is left to do. */
bool fly__vec_begin(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n,
                    fly__vec_call *call);

/* Prepare a selecting one; `words` (FLY_VEC_WORDS) becomes the validity of both. The call has the
 * caller's selection. False: nothing can be selected. */
bool fly__vec_begin_select(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                           int n, uint64_t *words, fly__vec_call *call);

/* The extent of a selection: one more than its highest position. */
static inline int fly__vec_extent(const fly_vec_sel *sel, int n)
{
    return sel == NULL ? n : n == 0 ? 0 : sel[n - 1] + 1;
}

static inline bool fly__vec_bit(const uint64_t *valid, uint32_t at)
{
    return valid == NULL || (valid[at / 64] >> (at % 64) & 1) != 0;
}

/* Whether a FLAT or CONST vector has a NULL below `extent`. Registers always have validity words,
 * so that asking once spares asking for each value. */
static inline bool fly__vec_any_null(const fly_vec *v, uint32_t extent)
{
    if (v->valid == NULL) {
        return false;
    }
    if (v->kind == FLY_VEC_CONST) {
        return (v->valid[0] & 1) == 0;
    }
    uint64_t all = ~(uint64_t)0;
    for (uint32_t w = 0; w < extent / 64; w++) {
        all &= v->valid[w];
    }
    if (extent % 64 != 0) {
        all &= v->valid[extent / 64] | ~(uint64_t)0 << (extent % 64);
    }
    return all != ~(uint64_t)0;
}

/* As that, of any kind but SEQ; of a large dictionary it is not worth finding out. */
static inline bool fly__vec_may_null(const fly_vec *v, const fly_vec_sel *sel, int n)
{
    if (v->kind == FLY_VEC_DICT) {
        return v->dict_count > FLY_VEC_CAPACITY ? v->dict->valid != NULL
                                                : fly__vec_any_null(v->dict, v->dict_count);
    }
    return fly__vec_any_null(v, (uint32_t)fly__vec_extent(sel, n));
}

/* An argument's register. */
static inline fly_vec *fly__vec_arg(const fly_vec_frame *frame, const fly_vec_ins *ins, int k)
{
    return &frame->reg[ins->args != NULL ? ins->args[k] : ins->arg[k]];
}

/* One copy of the kernels. */
typedef struct fly__vec_kernels {
    fly_vec_kernel arith[FLY_VEC_ARITH_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel compare[FLY_VEC_CMP_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel select[FLY_VEC_CMP_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel between[FLY_VEC_TYPE_COUNT];
    fly_vec_kernel cast[FLY_VEC_TYPE_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel rescale[FLY_VEC_TYPE_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel decimal[FLY_VEC_ARITH_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel decimal_float[FLY_VEC_TYPE_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel decimal_compare[FLY_VEC_CMP_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel decimal_select[FLY_VEC_CMP_COUNT][FLY_VEC_TYPE_COUNT];
    fly_vec_kernel logic[3];
    fly_vec_kernel test[FLY_VEC_TEST_COUNT];
    fly_vec_kernel test_select[FLY_VEC_TEST_COUNT];
    fly_vec_kernel copy[FLY_VEC_TYPE_COUNT];
    fly_vec_i128 (*sum[FLY_VEC_TYPE_COUNT])(const void *data, int n); /* n values, none NULL */
    void (*min[FLY_VEC_TYPE_COUNT])(const void *data, int n, void *result);
    void (*max[FLY_VEC_TYPE_COUNT])(const void *data, int n, void *result);
} fly__vec_kernels;

extern const fly__vec_kernels fly__vec_kernels_base;
extern const fly__vec_kernels fly__vec_kernels_v3;
extern const fly__vec_kernels fly__vec_kernels_v4;

/* The table of a usable ISA. */
const fly__vec_kernels *fly__vec_kernels_of(fly_vec_isa isa);

#endif
