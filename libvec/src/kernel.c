/*
 * Looking kernels up: which copy runs here, and what it has.
 */
#include "kern_int.h"

#if FLY_VEC_ISA_LEVELS
static bool runs_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
}

static bool runs_v4(void)
{
    return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2");
}

static const fly__vec_kernels *table(fly_vec_isa isa)
{
    static const fly__vec_kernels *const tables[FLY_VEC_ISA_COUNT] = {
        &fly__vec_kernels_base, &fly__vec_kernels_v3, &fly__vec_kernels_v4};
    return tables[isa];
}
#else
static bool runs_v3(void)
{
    return false;
}

static bool runs_v4(void)
{
    return false;
}

static const fly__vec_kernels *table(fly_vec_isa isa)
{
    (void)isa;
    return &fly__vec_kernels_base;
}
#endif

bool fly_vec_isa_usable(fly_vec_isa isa)
{
    return isa == FLY_VEC_ISA_BASE || (isa == FLY_VEC_ISA_V3 && runs_v3()) ||
           (isa == FLY_VEC_ISA_V4 && runs_v4());
}

fly_vec_isa fly_vec_isa_best(void)
{
    return runs_v4() ? FLY_VEC_ISA_V4 : runs_v3() ? FLY_VEC_ISA_V3 : FLY_VEC_ISA_BASE;
}

const char *fly_vec_isa_name(fly_vec_isa isa)
{
    static const char *const names[FLY_VEC_ISA_COUNT] = {"base", "v3", "v4"};
    FLY_ASSERT(isa < FLY_VEC_ISA_COUNT);
    return names[isa];
}

const fly__vec_kernels *fly__vec_kernels_of(fly_vec_isa isa)
{
    FLY_ASSERT(isa < FLY_VEC_ISA_COUNT);
    return table(isa);
}

fly_vec_kernel fly_vec_kernel_arith(fly_vec_isa isa, fly_vec_arith op, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->arith[op][type];
}

fly_vec_kernel fly_vec_kernel_decimal(fly_vec_isa isa, fly_vec_arith op, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->decimal[op][type];
}

fly_vec_kernel fly_vec_kernel_rescale(fly_vec_isa isa, fly_vec_type from, fly_vec_type to)
{
    return fly__vec_kernels_of(isa)->rescale[from][to];
}

fly_vec_kernel fly_vec_kernel_decimal_to_float(fly_vec_isa isa, fly_vec_type from, fly_vec_type to)
{
    return fly__vec_kernels_of(isa)->decimal_float[from][to];
}

fly_vec_kernel fly_vec_kernel_decimal_compare(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->decimal_compare[op][type];
}

fly_vec_kernel fly_vec_kernel_decimal_select(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->decimal_select[op][type];
}

fly_vec_kernel fly_vec_kernel_cast(fly_vec_isa isa, fly_vec_type from, fly_vec_type to)
{
    return from == to ? fly_vec_kernel_copy(isa, to) : fly__vec_kernels_of(isa)->cast[from][to];
}

fly_vec_kernel fly_vec_kernel_compare(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->compare[op][type];
}

fly_vec_kernel fly_vec_kernel_select(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->select[op][type];
}

fly_vec_kernel fly_vec_kernel_between(fly_vec_isa isa, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->between[type];
}

fly_vec_kernel fly_vec_kernel_logic(fly_vec_isa isa, fly_vec_logic op)
{
    return fly__vec_kernels_of(isa)->logic[op];
}

fly_vec_kernel fly_vec_kernel_test(fly_vec_isa isa, fly_vec_test test)
{
    return fly__vec_kernels_of(isa)->test[test];
}

fly_vec_kernel fly_vec_kernel_test_select(fly_vec_isa isa, fly_vec_test test)
{
    return fly__vec_kernels_of(isa)->test_select[test];
}

fly_vec_kernel fly_vec_kernel_copy(fly_vec_isa isa, fly_vec_type type)
{
    return fly__vec_kernels_of(isa)->copy[type];
}

static int set_null(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n)
{
    fly_vec *dst = &frame->reg[ins->dst];
    dst->kind = FLY_VEC_FLAT;
    dst->flags = 0;
    for (int k = 0; k < n; k++) {
        fly_vec_set_null(dst, sel != NULL ? sel[k] : (uint32_t)k);
    }
    return n;
}

fly_vec_kernel fly_vec_kernel_set_null(fly_vec_isa isa)
{
    (void)isa;
    return set_null;
}
