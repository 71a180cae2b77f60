/*
 * How a call of a kernel is prepared, and how it fails. Nothing here depends on the processor.
 */
#include "kern_int.h"

#include <string.h>

/* -------------------------------------------------------------------- trouble */

int fly__vec_fault_raise(fly_vec_frame *frame, const fly_vec_ins *ins, fly__vec_fault fault)
{
    static const struct {
        const char *sqlstate, *message;
    } faults[] = {
        [FAULT_RANGE_I16] = {"22003", "smallint out of range"},
        [FAULT_RANGE_I32] = {"22003", "integer out of range"},
        [FAULT_RANGE_I64] = {"22003", "bigint out of range"},
        [FAULT_RANGE_I128] = {"22003", "value overflows numeric format"},
        [FAULT_OVERFLOW] = {"22003", "value out of range: overflow"},
        [FAULT_UNDERFLOW] = {"22003", "value out of range: underflow"},
        [FAULT_ZERO] = {"22012", "division by zero"},
        [FAULT_FIELD] = {"22003", "numeric field overflow"},
    };
    FLY_ASSERT(fault != FAULT_NONE);
    fly_status status = fly_err_set(frame->err, FLY_E_INVALID, "%s", faults[fault].message);
    if (frame->err != NULL) {
        memcpy(frame->err->sqlstate, faults[fault].sqlstate, sizeof frame->err->sqlstate);
        frame->err->position = ins->pos;
    }
    FLY_ASSERT(status != FLY_OK);
    return -1;
}

/* ---------------------------------------------------------------- other kinds */

enum { ARGS_MAX = 4 };

int fly__vec_retry(fly_vec_kernel kernel, fly_vec_frame *frame, const fly_vec_ins *ins,
                   const fly_vec_sel *sel, int n)
{
    FLY_ASSERT(ins->argc <= ARGS_MAX);
    fly_vec reg[ARGS_MAX + 1];
    fly_vec_ins flat = *ins;
    fly_vec_frame inner = *frame;
    flat.args = NULL;
    inner.reg = reg;
    int extent = fly__vec_extent(sel, n);
    for (uint16_t k = 0; k < ins->argc; k++) {
        reg[k] = *fly__vec_arg(frame, ins, k);
        flat.arg[k] = k;
        if (reg[k].kind > FLY_VEC_CONST &&
            fly_vec_flatten(&reg[k], (uint32_t)extent, frame->arena, frame->err) != FLY_OK) {
            return -1;
        }
    }
    flat.dst = ins->argc;
    reg[flat.dst] = frame->reg[ins->dst];
    int rc = kernel(&inner, &flat, sel, n);
    frame->reg[ins->dst] = reg[flat.dst];
    return rc;
}

/* The one DICT argument among CONST ones, small enough to be asked entry by entry; or -1. */
static int lone_dict(const fly_vec_frame *frame, const fly_vec_ins *ins, int n)
{
    int found = -1;
    for (int k = 0; k < ins->argc; k++) {
        const fly_vec *v = fly__vec_arg(frame, ins, k);
        if (v->kind == FLY_VEC_DICT && found < 0 && v->dict_count <= (uint32_t)n) {
            found = k;
        } else if (v->kind != FLY_VEC_CONST) {
            return -1;
        }
    }
    return found;
}

int fly__vec_retry_select(fly_vec_kernel kernel, fly_vec_frame *frame, const fly_vec_ins *ins,
                          const fly_vec_sel *sel, int n)
{
    int at = lone_dict(frame, ins, n);
    fly_vec reg[ARGS_MAX + 1];
    fly_vec_ins flat = *ins;
    fly_vec_frame inner = *frame;
    flat.args = NULL;
    inner.reg = reg;
    FLY_ASSERT(ins->argc <= ARGS_MAX);
    for (uint16_t k = 0; k < ins->argc; k++) {
        reg[k] = *fly__vec_arg(frame, ins, k);
        flat.arg[k] = k;
        if (at < 0 && reg[k].kind > FLY_VEC_CONST &&
            fly_vec_flatten(&reg[k], (uint32_t)fly__vec_extent(sel, n), frame->arena, frame->err) !=
                FLY_OK) {
            return -1;
        }
    }
    if (at < 0) {
        return kernel(&inner, &flat, sel, n);
    }
    fly_vec_sel chosen[FLY_VEC_CAPACITY + 8];
    uint8_t wanted[FLY_VEC_CAPACITY];
    const fly_vec_sel *index = reg[at].index;
    uint32_t entries = reg[at].dict_count;
    memset(wanted, 0, sizeof wanted);
    uint8_t scale = reg[at].scale;
    reg[at] = *reg[at].dict;
    reg[at].scale = scale;
    flat.out = chosen;
    int found = kernel(&inner, &flat, NULL, (int)entries);
    for (int k = 0; k < found; k++) {
        wanted[chosen[k]] = 1;
    }
    int m = 0;
    for (int k = 0; k < n; k++) {
        fly_vec_sel row = sel != NULL ? sel[k] : (fly_vec_sel)k;
        ins->out[m] = row;
        m += wanted[index[row]];
    }
    return m;
}

/* ------------------------------------------------------------------ beginning */

/* AND the validity of the arguments, as far as `extent` goes; whether a bit is clear. A CONST NULL
 * clears all. */
static bool and_valid(uint64_t *out, const fly_vec *a, const fly_vec *b, int extent)
{
    bool none = (a->kind == FLY_VEC_CONST && !fly__vec_bit(a->valid, 0)) ||
                (b->kind == FLY_VEC_CONST && !fly__vec_bit(b->valid, 0));
    const uint64_t *av = a->kind == FLY_VEC_CONST ? NULL : a->valid;
    const uint64_t *bv = b->kind == FLY_VEC_CONST ? NULL : b->valid;
    int words = (extent + 63) / 64;
    uint64_t all = ~(uint64_t)0;
    if (av == NULL && bv == NULL) {
        memset(out, none ? 0 : 0xff, (size_t)words * 8);
        return none;
    }
    for (int w = 0; w < words; w++) {
        uint64_t word = none ? 0 : ~(uint64_t)0;
        word &= av != NULL ? av[w] : ~(uint64_t)0;
        word &= bv != NULL ? bv[w] : ~(uint64_t)0;
        out[w] = word;
        all &= w == words - 1 && extent % 64 != 0 ? word | ~(uint64_t)0 << (extent % 64) : word;
    }
    return all != ~(uint64_t)0;
}

static void inputs(const fly_vec *a, const fly_vec *b, fly__vec_call *call)
{
    call->a = a->data;
    call->b = b->data;
    call->a_mask = a->kind == FLY_VEC_CONST ? 0 : ~(uint32_t)0;
    call->b_mask = b->kind == FLY_VEC_CONST ? 0 : ~(uint32_t)0;
    call->a_valid = a->valid;
    call->b_valid = b->valid;
    call->shape = b->kind == FLY_VEC_CONST   ? SHAPE_VC
                  : a->kind == FLY_VEC_CONST ? SHAPE_CV
                                             : SHAPE_VV;
}

bool fly__vec_begin(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n,
                    fly__vec_call *call)
{
    FLY_ASSERT(n >= 0 && n <= FLY_VEC_CAPACITY);
    const fly_vec *a = fly__vec_arg(frame, ins, 0);
    const fly_vec *b = ins->argc > 1 ? fly__vec_arg(frame, ins, 1) : a;
    fly_vec *dst = &frame->reg[ins->dst];
    int extent = fly__vec_extent(sel, n);
    bool dense = sel == NULL || n * 3 >= extent;
    dst->kind = FLY_VEC_FLAT;
    dst->flags = 0;
    if (n == 0) {
        return false;
    }
    if (a->kind == FLY_VEC_CONST && b->kind == FLY_VEC_CONST) {
        dst->kind = FLY_VEC_CONST;
        extent = 1;
        dense = true;
    }
    inputs(a, b, call);
    if (dst->kind == FLY_VEC_CONST) {
        call->shape = SHAPE_VV;
    }
    call->out = dst->data;
    call->valid = dst->valid;
    call->sel = dense ? NULL : sel;
    call->n = dense ? extent : n;
    call->nulls = and_valid(dst->valid, a, b, extent);
    return true;
}

bool fly__vec_begin_select(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                           int n, uint64_t *words, fly__vec_call *call)
{
    FLY_ASSERT(n >= 0 && n <= FLY_VEC_CAPACITY);
    const fly_vec *a = fly__vec_arg(frame, ins, 0);
    const fly_vec *b = ins->argc > 1 ? fly__vec_arg(frame, ins, 1) : a;
    inputs(a, b, call);
    call->out = NULL;
    call->valid = words;
    call->sel = sel;
    call->n = n;
    call->nulls = and_valid(words, a, b, fly__vec_extent(sel, n));
    return n > 0;
}

/* ----------------------------------------------------------------- selections */

int fly_vec_sel_minus(const fly_vec_sel *sel, int n, const fly_vec_sel *part, int m,
                      fly_vec_sel *out)
{
    int kept = 0;
    int taken = 0;
    for (int k = 0; k < n; k++) {
        fly_vec_sel row = sel != NULL ? sel[k] : (fly_vec_sel)k;
        if (taken < m && part[taken] == row) {
            taken++;
        } else {
            out[kept++] = row;
        }
    }
    return kept;
}

int fly_vec_sel_union(const fly_vec_sel *a, int n, const fly_vec_sel *b, int m, fly_vec_sel *out)
{
    int i = 0;
    int j = 0;
    for (int k = 0; k < n + m; k++) {
        out[k] = j == m || (i < n && a[i] < b[j]) ? a[i++] : b[j++];
    }
    return n + m;
}
