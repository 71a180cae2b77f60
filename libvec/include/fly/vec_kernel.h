/**
 * @file vec_kernel.h
 * @brief Kernels: arithmetic, comparison, logic, casts and selection over whole vectors.
 *
 * Each function here looks a kernel up; a program of such kernels is what an expression becomes.
 * The same source is compiled several times, for processors of different age; a ::fly_vec_isa,
 * which the caller holds, says which of the copies to take. All copies give the same bits.
 *
 *     fly_vec_isa isa = fly_vec_isa_best();
 *     fly_vec_ins add = {.kernel = fly_vec_kernel_arith(isa, FLY_VEC_ADD, FLY_VEC_I32),
 *                        .dst = 2, .argc = 2, .arg = {0, 1}};
 *     int rc = add.kernel(&frame, &add, NULL, n);
 *
 * What all kernels promise, beyond ::fly_vec_kernel:
 *
 *   - At most FLY_VEC_CAPACITY positions, ascending. Arguments may be of any kind: FLAT and CONST
 *     in any mix at full speed, DICT by way of the dictionary where that is cheaper, SEQ by
 *     flattening.
 *   - A result is NULL where an argument is NULL, unless said otherwise.
 *   - If all arguments are CONST, so is the result. The other way round, `dst` becomes FLAT.
 *   - **Below the highest selected position a computing kernel may also write positions that are
 *     not selected**, for loops without a selection are faster. Who merges branches (CASE,
 *     COALESCE) lets each compute into its own register and merges with fly_vec_kernel_copy(),
 *     which is exact.
 *   - `dst` is not an argument, has its type and scale already, validity words, and room for a
 *     multiple of 64 bytes; `out` has room for n rounded up to a multiple of 8.
 *   - A kernel that can fail does so only for positions that are selected and not NULL, and for the
 *     first of them; err->sqlstate, message and position are PostgreSQL's.
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_KERNEL_H
#define FLY_VEC_KERNEL_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/* ---------------------------------------------------------- which processor */

/** For which processors a copy of the kernels was compiled. */
typedef enum fly_vec_isa {
    FLY_VEC_ISA_BASE, /**< any that this build is for */
    FLY_VEC_ISA_V3,   /**< x86-64-v3: AVX2, BMI2, FMA (which is not used to fuse) */
    FLY_VEC_ISA_V4,   /**< x86-64-v4 with VBMI2: AVX-512 */
    FLY_VEC_ISA_COUNT
} fly_vec_isa;

/** Whether this build has the copy and this machine can run it. */
bool fly_vec_isa_usable(fly_vec_isa isa);

/** The newest usable one. Ask once and keep the answer. */
fly_vec_isa fly_vec_isa_best(void);

/** "base", "v3", "v4". */
const char *fly_vec_isa_name(fly_vec_isa isa);

/* ---------------------------------------------------------------- arithmetic */

/** Operators on numbers. */
typedef enum fly_vec_arith {
    FLY_VEC_ADD,
    FLY_VEC_SUB,
    FLY_VEC_MUL,
    FLY_VEC_DIV, /**< integers: towards zero */
    FLY_VEC_MOD, /**< integers: the sign of the first */
    FLY_VEC_BIT_AND,
    FLY_VEC_BIT_OR,
    FLY_VEC_BIT_XOR,
    FLY_VEC_SHIFT_LEFT,  /**< second argument I32, taken modulo 32 or, for I64, 64 */
    FLY_VEC_SHIFT_RIGHT, /**< keeps the sign; otherwise as FLY_VEC_SHIFT_LEFT */
    FLY_VEC_LEAST,       /**< the smaller; NULL only if both are */
    FLY_VEC_GREATEST,    /**< the larger; NULL only if both are */
    FLY_VEC_NEG,         /**< one argument from here on */
    FLY_VEC_ABS,
    FLY_VEC_BIT_NOT,
    FLY_VEC_ARITH_COUNT
} fly_vec_arith;

/**
 * @brief A kernel for I16, I32, I64, I128 (no bits or shifts), F32, F64 (no FLY_VEC_MOD, bits).
 *
 * Checked: 22003 "integer out of range" (smallint, bigint; "value overflows numeric format" for
 * I128; "value out of range: overflow" or "underflow" for floats), 22012 "division by zero".
 *
 * @return NULL if there is no such operator for the type.
 */
fly_vec_kernel fly_vec_kernel_arith(fly_vec_isa isa, fly_vec_arith op, fly_vec_type type);

/**
 * @brief FLY_VEC_ADD, SUB, MUL, MOD on scaled decimals, I64 or I128.
 *
 * Scales are those of the three vectors; ADD, SUB and MOD want dst's to be the larger of the
 * arguments', MUL wants the sum. Overflow of the type is 22003 "value overflows numeric format".
 */
fly_vec_kernel fly_vec_kernel_decimal(fly_vec_isa isa, fly_vec_arith op, fly_vec_type type);

/* --------------------------------------------------------------------- casts */

/**
 * @brief A cast between BOOL, I16, I32, I64, I128, F32 and F64, rounding and refusing as
 * PostgreSQL.
 *
 * Here integers are integers; for scaled decimals see fly_vec_kernel_rescale(). Floats round to
 * even.
 *
 * @return NULL if there is no such cast.
 */
fly_vec_kernel fly_vec_kernel_cast(fly_vec_isa isa, fly_vec_type from, fly_vec_type to);

/** What a decimal may hold: `aux` of fly_vec_kernel_rescale(). */
typedef struct fly_vec_decimal {
    uint8_t precision; /**< digits, at most 38; 0: what the type can hold */
    uint8_t integer;   /**< not 0: the target is an integer type, whose message is due */
} fly_vec_decimal;

/**
 * @brief A cast between I16, I32, I64 and I128 that are decimals of the vectors' scales.
 *
 * Rounds half away from zero. Integers are decimals of scale 0. Beyond `aux` (a ::fly_vec_decimal,
 * or NULL: what the type can hold) 22003 "numeric field overflow", or "integer out of range" and so
 * on.
 */
fly_vec_kernel fly_vec_kernel_rescale(fly_vec_isa isa, fly_vec_type from, fly_vec_type to);

/** A cast of a decimal, I64 or I128, to F32 or F64: the nearest. */
fly_vec_kernel fly_vec_kernel_decimal_to_float(fly_vec_isa isa, fly_vec_type from, fly_vec_type to);

/* ---------------------------------------------------------------- comparison */

/** Comparisons. Floats are ordered as PostgreSQL orders them: NaN equals NaN and is the
 * greatest. */
typedef enum fly_vec_cmp {
    FLY_VEC_EQ,
    FLY_VEC_NE,
    FLY_VEC_LT,
    FLY_VEC_LE,
    FLY_VEC_GT,
    FLY_VEC_GE,
    FLY_VEC_DISTINCT,     /**< IS DISTINCT FROM: never NULL */
    FLY_VEC_NOT_DISTINCT, /**< IS NOT DISTINCT FROM: never NULL */
    FLY_VEC_CMP_COUNT
} fly_vec_cmp;

/** Compare two vectors of one type, any; strings by their bytes. Gives BOOL. */
fly_vec_kernel fly_vec_kernel_compare(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type);

/** As fly_vec_kernel_compare(), selecting. */
fly_vec_kernel fly_vec_kernel_select(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type);

/** Compare decimals, I64 or I128, of any two scales. Gives BOOL. */
fly_vec_kernel fly_vec_kernel_decimal_compare(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type);

/** As fly_vec_kernel_decimal_compare(), selecting. */
fly_vec_kernel fly_vec_kernel_decimal_select(fly_vec_isa isa, fly_vec_cmp op, fly_vec_type type);

/** Select where arg 0 >= arg 1 and arg 0 <= arg 2. */
fly_vec_kernel fly_vec_kernel_between(fly_vec_isa isa, fly_vec_type type);

/* --------------------------------------------------------------------- logic */

/** Three-valued logic on BOOL. */
typedef enum fly_vec_logic {
    FLY_VEC_AND, /**< false if one is false, else NULL if one is NULL */
    FLY_VEC_OR,  /**< true if one is true, else NULL if one is NULL */
    FLY_VEC_NOT  /**< one argument */
} fly_vec_logic;

/** AND, OR, NOT as values. */
fly_vec_kernel fly_vec_kernel_logic(fly_vec_isa isa, fly_vec_logic op);

/** Tests whose answer is never NULL. */
typedef enum fly_vec_test {
    FLY_VEC_IS_NULL, /**< of any type */
    FLY_VEC_IS_NOT_NULL,
    FLY_VEC_IS_TRUE, /**< of BOOL, as the others; this one, selecting, is WHERE */
    FLY_VEC_IS_NOT_TRUE,
    FLY_VEC_IS_FALSE,
    FLY_VEC_IS_NOT_FALSE,
    FLY_VEC_TEST_COUNT
} fly_vec_test;

/** A test as a BOOL value. */
fly_vec_kernel fly_vec_kernel_test(fly_vec_isa isa, fly_vec_test test);

/** As fly_vec_kernel_test(), selecting. */
fly_vec_kernel fly_vec_kernel_test_select(fly_vec_isa isa, fly_vec_test test);

/* ---------------------------------------------------------------------- sets */

/** Constants that IN asks for; `aux` of fly_vec_kernel_in(). */
typedef struct fly_vec_set fly_vec_set;

/**
 * @brief Make a set of the first `count` values of a vector; strings are copied.
 *
 * @param arena  Gives all memory, and so ends the set.
 * @return FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_vec_set_create(const fly_vec *values, uint32_t count, fly_arena *arena,
                                           fly_vec_set **set, fly_err *err);

/** Whether a value that is not NULL is in the set. */
bool fly_vec_set_has(const fly_vec_set *set, const fly_vec_value *value);

/** Whether one of the values was NULL. */
bool fly_vec_set_has_null(const fly_vec_set *set);

/** IN, or with `negate` NOT IN, as a BOOL: NULL if not found and the set has a NULL. */
fly_vec_kernel fly_vec_kernel_in(fly_vec_isa isa, fly_vec_type type, bool negate);

/** As fly_vec_kernel_in(), selecting. */
fly_vec_kernel fly_vec_kernel_in_select(fly_vec_isa isa, fly_vec_type type, bool negate);

/* ----------------------------------------------------- moving and selections */

/**
 * @brief Copy arg 0 to exactly the selected positions of `dst`, NULLs too; nothing else changes.
 *
 * `dst` becomes FLAT: let all its writers be of this kind, or select everything first.
 */
fly_vec_kernel fly_vec_kernel_copy(fly_vec_isa isa, fly_vec_type type);

/** Make exactly the selected positions of `dst` NULL; no arguments. */
fly_vec_kernel fly_vec_kernel_set_null(fly_vec_isa isa);

/**
 * @brief The positions of a selection that are not in a part of it.
 *
 * @param sel   NULL: 0 to n - 1.
 * @param part  `m` of them, ascending.
 * @param out   Room for n; may be `sel`.
 * @return How many: n - m.
 */
int fly_vec_sel_minus(const fly_vec_sel *sel, int n, const fly_vec_sel *part, int m,
                      fly_vec_sel *out);

/** The positions in either of two selections without common ones, ascending; `out` is neither. */
int fly_vec_sel_union(const fly_vec_sel *a, int n, const fly_vec_sel *b, int m, fly_vec_sel *out);

FLY_EXTERN_C_END
/** @} */
#endif
