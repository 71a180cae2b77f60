/*
 * All kernels that gain from newer processors, in one translation unit.
 *
 * It is compiled once per ISA, with FLY_VEC_ISA_NAME saying which, and exports one table each time.
 * What is special to an ISA is in flags of the compiler (and in kern_cmp.inc's turning of words
 * into positions); the source is the same, and -ffp-contract=off keeps the results the same: with
 * FMA at hand a compiler would otherwise round once where another copy rounds twice.
 */
#include "kern_int.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __AVX512VBMI2__
#include <immintrin.h>
#endif

#include "kern_arith.inc"

#include "kern_cmp.inc"

#include "kern_logic.inc"

#include "kern_cast.inc"

#include "kern_decimal.inc"

#include "kern_fold.inc"

/* ----------------------------------------------------------------------- table */

#define TABLE_2(a, b) a##b
#define TABLE_1(a, b) TABLE_2(a, b)
#define TABLE TABLE_1(fly__vec_kernels_, FLY_VEC_ISA_NAME)

#define INTEGERS_OF(op) [FLY_VEC_I16] = op##_i16, [FLY_VEC_I32] = op##_i32, [FLY_VEC_I64] = op##_i64

#define NUMBERS_OF(op)                                                                             \
    INTEGERS_OF(op), [FLY_VEC_I128] = op##_i128, [FLY_VEC_F32] = op##_f32, [FLY_VEC_F64] = op##_f64

#define DECIMALS_OF(op) [FLY_VEC_I64] = op##_i64, [FLY_VEC_I128] = op##_i128

#define PAIRS_OF(op)                                                                               \
    {                                                                                              \
        [FLY_VEC_EQ] = {DECIMALS_OF(op##_eq)}, [FLY_VEC_NE] = {DECIMALS_OF(op##_ne)},              \
        [FLY_VEC_LT] = {DECIMALS_OF(op##_lt)}, [FLY_VEC_LE] = {DECIMALS_OF(op##_le)},              \
        [FLY_VEC_GT] = {DECIMALS_OF(op##_gt)}, [FLY_VEC_GE] = {DECIMALS_OF(op##_ge)},              \
        [FLY_VEC_DISTINCT] = {DECIMALS_OF(op##_distinct)},                                         \
        [FLY_VEC_NOT_DISTINCT] = {DECIMALS_OF(op##_not_distinct)},                                 \
    }

#define ALL_OF(op)                                                                                 \
    NUMBERS_OF(op), [FLY_VEC_BOOL] = op##_u8, [FLY_VEC_INTERVAL] = op##_interval,                  \
                    [FLY_VEC_STR] = op##_str

const fly__vec_kernels TABLE = {
    .arith =
        {
            [FLY_VEC_ADD] = {NUMBERS_OF(add)},
            [FLY_VEC_SUB] = {NUMBERS_OF(sub)},
            [FLY_VEC_MUL] = {NUMBERS_OF(mul)},
            [FLY_VEC_DIV] = {NUMBERS_OF(div)},
            [FLY_VEC_MOD] = {INTEGERS_OF(mod), [FLY_VEC_I128] = mod_i128},
            [FLY_VEC_BIT_AND] = {INTEGERS_OF(bit_and)},
            [FLY_VEC_BIT_OR] = {INTEGERS_OF(bit_or)},
            [FLY_VEC_BIT_XOR] = {INTEGERS_OF(bit_xor)},
            [FLY_VEC_SHIFT_LEFT] = {INTEGERS_OF(shift_left)},
            [FLY_VEC_SHIFT_RIGHT] = {INTEGERS_OF(shift_right)},
            [FLY_VEC_LEAST] = {ALL_OF(least)},
            [FLY_VEC_GREATEST] = {ALL_OF(greatest)},
            [FLY_VEC_NEG] = {NUMBERS_OF(neg)},
            [FLY_VEC_ABS] = {NUMBERS_OF(abs)},
            [FLY_VEC_BIT_NOT] = {INTEGERS_OF(bit_not)},
        },
    .compare =
        {
            [FLY_VEC_EQ] = {ALL_OF(compare_eq)},
            [FLY_VEC_NE] = {ALL_OF(compare_ne)},
            [FLY_VEC_LT] = {ALL_OF(compare_lt)},
            [FLY_VEC_LE] = {ALL_OF(compare_le)},
            [FLY_VEC_GT] = {ALL_OF(compare_gt)},
            [FLY_VEC_GE] = {ALL_OF(compare_ge)},
            [FLY_VEC_DISTINCT] = {ALL_OF(compare_distinct)},
            [FLY_VEC_NOT_DISTINCT] = {ALL_OF(compare_not_distinct)},
        },
    .select =
        {
            [FLY_VEC_EQ] = {ALL_OF(select_eq)},
            [FLY_VEC_NE] = {ALL_OF(select_ne)},
            [FLY_VEC_LT] = {ALL_OF(select_lt)},
            [FLY_VEC_LE] = {ALL_OF(select_le)},
            [FLY_VEC_GT] = {ALL_OF(select_gt)},
            [FLY_VEC_GE] = {ALL_OF(select_ge)},
            [FLY_VEC_DISTINCT] = {ALL_OF(select_distinct)},
            [FLY_VEC_NOT_DISTINCT] = {ALL_OF(select_not_distinct)},
        },
    .between = {ALL_OF(between)},
    .cast =
        {
            [FLY_VEC_BOOL] = {INTEGERS_OF(cast_bool)},
            [FLY_VEC_I16] = {[FLY_VEC_BOOL] = cast_i16_bool,
                             [FLY_VEC_I32] = cast_i16_i32,
                             [FLY_VEC_I64] = cast_i16_i64,
                             [FLY_VEC_I128] = cast_i16_i128,
                             [FLY_VEC_F32] = cast_i16_f32,
                             [FLY_VEC_F64] = cast_i16_f64},
            [FLY_VEC_I32] = {[FLY_VEC_BOOL] = cast_i32_bool,
                             [FLY_VEC_I16] = cast_i32_i16,
                             [FLY_VEC_I64] = cast_i32_i64,
                             [FLY_VEC_I128] = cast_i32_i128,
                             [FLY_VEC_F32] = cast_i32_f32,
                             [FLY_VEC_F64] = cast_i32_f64},
            [FLY_VEC_I64] = {[FLY_VEC_BOOL] = cast_i64_bool,
                             [FLY_VEC_I16] = cast_i64_i16,
                             [FLY_VEC_I32] = cast_i64_i32,
                             [FLY_VEC_I128] = cast_i64_i128,
                             [FLY_VEC_F32] = cast_i64_f32,
                             [FLY_VEC_F64] = cast_i64_f64},
            [FLY_VEC_I128] = {INTEGERS_OF(cast_i128), [FLY_VEC_F32] = cast_i128_f32,
                              [FLY_VEC_F64] = cast_i128_f64},
            [FLY_VEC_F32] = {INTEGERS_OF(cast_f32), [FLY_VEC_I128] = cast_f32_i128,
                             [FLY_VEC_F64] = cast_f32_f64},
            [FLY_VEC_F64] = {INTEGERS_OF(cast_f64), [FLY_VEC_I128] = cast_f64_i128,
                             [FLY_VEC_F32] = cast_f64_f32},
        },
    .rescale =
        {
            [FLY_VEC_I16] = {INTEGERS_OF(rescale_i16), [FLY_VEC_I128] = rescale_i16_i128},
            [FLY_VEC_I32] = {INTEGERS_OF(rescale_i32), [FLY_VEC_I128] = rescale_i32_i128},
            [FLY_VEC_I64] = {INTEGERS_OF(rescale_i64), [FLY_VEC_I128] = rescale_i64_i128},
            [FLY_VEC_I128] = {INTEGERS_OF(rescale_i128), [FLY_VEC_I128] = rescale_i128_i128},
        },
    .decimal_float =
        {
            [FLY_VEC_I64] = {[FLY_VEC_F32] = decimal_i64_f32, [FLY_VEC_F64] = decimal_i64_f64},
            [FLY_VEC_I128] = {[FLY_VEC_F32] = decimal_i128_f32, [FLY_VEC_F64] = decimal_i128_f64},
        },
    .decimal =
        {
            [FLY_VEC_ADD] = {DECIMALS_OF(decimal_add)},
            [FLY_VEC_SUB] = {DECIMALS_OF(decimal_sub)},
            [FLY_VEC_MUL] = {DECIMALS_OF(decimal_mul)},
            [FLY_VEC_MOD] = {DECIMALS_OF(decimal_mod)},
        },
    .decimal_compare = PAIRS_OF(decimal_compare),
    .decimal_select = PAIRS_OF(decimal_select),
    .logic = {[FLY_VEC_AND] = logic_and, [FLY_VEC_OR] = logic_or, [FLY_VEC_NOT] = logic_not},
    .test =
        {
            [FLY_VEC_IS_NULL] = test_null,
            [FLY_VEC_IS_NOT_NULL] = test_not_null,
            [FLY_VEC_IS_TRUE] = test_true,
            [FLY_VEC_IS_NOT_TRUE] = test_not_true,
            [FLY_VEC_IS_FALSE] = test_false,
            [FLY_VEC_IS_NOT_FALSE] = test_not_false,
        },
    .test_select =
        {
            [FLY_VEC_IS_NULL] = test_select_null,
            [FLY_VEC_IS_NOT_NULL] = test_select_not_null,
            [FLY_VEC_IS_TRUE] = test_select_true,
            [FLY_VEC_IS_NOT_TRUE] = test_select_not_true,
            [FLY_VEC_IS_FALSE] = test_select_false,
            [FLY_VEC_IS_NOT_FALSE] = test_select_not_false,
        },
    .sum = {INTEGERS_OF(sum)},
    .min = {INTEGERS_OF(min)},
    .max = {INTEGERS_OF(max)},
    .copy =
        {
            [FLY_VEC_BOOL] = copy_1,
            [FLY_VEC_I16] = copy_2,
            [FLY_VEC_I32] = copy_4,
            [FLY_VEC_I64] = copy_8,
            [FLY_VEC_I128] = copy_16,
            [FLY_VEC_F32] = copy_4,
            [FLY_VEC_F64] = copy_8,
            [FLY_VEC_INTERVAL] = copy_16,
            [FLY_VEC_STR] = copy_16,
        },
};
