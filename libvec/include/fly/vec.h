/**
 * @file vec.h
 * @brief Vectors: many values of one type, and what is computed with them.
 *
 * A vectorised engine works on columns of up to 1,024 values at a time. This header has the shapes:
 * values, strings, vectors, selections, batches, and the one signature that every kernel has. What
 * is done with them is in vec_kernel.h (arithmetic, comparison, casts), vec_hash.h, vec_table.h,
 * vec_sort.h, vec_numeric.h, vec_time.h, vec_like.h, vec_regex.h.
 *
 *     batch   count 6, selected 3, sel {0, 2, 5}
 *       col[0]  FLAT   i32   [ 7  1  9  4  4  2 ]    valid 111011   (bit 2 clear: NULL)
 *       col[1]  CONST  str   [ "x" ]
 *       col[2]  DICT   str   index [ 0 1 1 0 2 0 ] -> [ "AIR" "RAIL" "SHIP" ]
 *
 * Rules. Nobody keeps a batch: it is valid until its producer is called again; who needs it longer
 * copies it. Kernels may read up to the 64-byte pad behind the values and write none of it. FLAT and
 * CONST are accepted by every kernel, DICT by filters, hashing, grouping, joins and output; everything
 * else calls fly_vec_flatten() first. A FLAT vector's validity words exist for all its capacity or not
 * at all (`valid` NULL: nothing is NULL). Values at NULL positions are defined bytes, but any.
 *
 * Threads: thread-compatible.
 */
#ifndef FLY_VEC_H
#define FLY_VEC_H

#include <fly/base_mem.h>

/** @defgroup vec libvec: what a vectorised engine computes with */
/** @addtogroup vec
 *  @{ */

#define FLY_VEC_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

enum {
    FLY_VEC_CAPACITY = 1024,  /**< values of a vector, rows of a batch, at most */
    FLY_VEC_ALIGN = 64,       /**< of a vector's data; it is padded to a multiple of this */
    FLY_VEC_STACK_ALIGN = 32, /**< of such data on the stack, where AddressSanitizer keeps no more;
                                    kernels need no more */
    FLY_VEC_WORDS = FLY_VEC_CAPACITY / 64 /**< validity words of a full vector */
};

/** How values lie in memory. Logical types (date, numeric, json) map onto these. */
typedef enum fly_vec_type {
    FLY_VEC_BOOL, /**< u8, 0 or 1 */
    FLY_VEC_I16,
    FLY_VEC_I32,  /**< also days since 1970, enum labels */
    FLY_VEC_I64,  /**< also microseconds since 1970, microseconds of a day, scaled decimals */
    FLY_VEC_I128, /**< also UUIDs, scaled decimals of up to 38 digits */
    FLY_VEC_F32,
    FLY_VEC_F64,
    FLY_VEC_INTERVAL, /**< ::fly_vec_interval */
    FLY_VEC_STR,      /**< ::fly_vec_str: text, bytes, JSON, arrays, unbounded decimals */
    FLY_VEC_TYPE_COUNT
} fly_vec_type;

__extension__ typedef __int128 fly_vec_i128; /**< 16-byte aligned */
__extension__ typedef unsigned __int128 fly_vec_u128;

/** A span of time whose months and days have no fixed length. */
typedef struct fly_vec_interval {
    int64_t micros;
    int32_t days;
    int32_t months;
} fly_vec_interval;

enum { FLY_VEC_STR_INLINE = 12 }; /**< bytes that a ::fly_vec_str holds by itself */

/**
 * A string of up to 4 GiB in 16 bytes. Short ones lie inside, the rest of `prefix` and `tail` zero, so
 * that two are equal if their 16 bytes are. Long ones keep their first four bytes at hand, so that most
 * comparisons touch no other memory, and borrow the bytes at `ptr`.
 *
 * @source Neumann and Freitag, "Umbra: A Disk-Based System with In-Memory Performance", CIDR 2020.
 */
typedef struct fly_vec_str {
    uint32_t len;
    char prefix[4];
    union {
        char tail[8];    /**< bytes 4 to 11, if len <= 12 */
        const char *ptr; /**< all bytes, if len > 12: borrowed */
    };
} fly_vec_str;

/** Make a string over bytes that must outlive it (unless they fit inside). */
static inline fly_vec_str fly_vec_str_of(const void *data, size_t len)
{
    fly_vec_str s;
    __builtin_memset(&s, 0, sizeof s);
    s.len = (uint32_t)len;
    if (len <= FLY_VEC_STR_INLINE) {
        if (len > 0) {
            __builtin_memcpy(s.prefix, data, len < 4 ? len : 4);
        }
        if (len > 4) {
            __builtin_memcpy(s.tail, (const char *)data + 4, len - 4);
        }
    } else {
        __builtin_memcpy(s.prefix, data, 4);
        s.ptr = (const char *)data;
    }
    return s;
}

/** The bytes of a string. For a short one they lie in `*s` itself. */
static inline const char *fly_vec_str_data(const fly_vec_str *s)
{
    return s->len <= FLY_VEC_STR_INLINE ? s->prefix : s->ptr;
}

/** The string as a span; see fly_vec_str_data(). */
static inline fly_bytes fly_vec_str_bytes(const fly_vec_str *s)
{
    return fly_bytes_of(fly_vec_str_data(s), s->len);
}

/** Whether two strings hold the same bytes. */
static inline bool fly_vec_str_equal(const fly_vec_str *a, const fly_vec_str *b)
{
    uint64_t a0;
    uint64_t b0;
    uint64_t a1;
    uint64_t b1;
    __builtin_memcpy(&a0, a, 8);
    __builtin_memcpy(&b0, b, 8);
    if (a0 != b0) {
        return false;
    }
    if (a->len > FLY_VEC_STR_INLINE) {
        return __builtin_memcmp(a->ptr, b->ptr, a->len) == 0;
    }
    __builtin_memcpy(&a1, a->tail, 8);
    __builtin_memcpy(&b1, b->tail, 8);
    return a1 == b1;
}

/** Order of the bytes, a prefix before what it begins: negative, zero or positive. */
static inline int fly_vec_str_cmp(const fly_vec_str *a, const fly_vec_str *b)
{
    int order = __builtin_memcmp(a->prefix, b->prefix, 4);
    return order != 0 ? order : fly_bytes_cmp(fly_vec_str_bytes(a), fly_vec_str_bytes(b));
}

/* ------------------------------------------------------------------- vectors */

typedef uint16_t fly_vec_sel; /**< a position in a vector */

/** How a vector's values are given. */
typedef enum fly_vec_kind {
    FLY_VEC_FLAT,  /**< one after the other */
    FLY_VEC_CONST, /**< one value, at position 0, stands for all */
    FLY_VEC_DICT,  /**< `index` says where in `dict` (a FLAT vector) each value is */
    FLY_VEC_SEQ    /**< i64: low, low + high, low + 2 * high, ...; data is NULL, no NULLs */
} fly_vec_kind;

enum {
    FLY_VEC_BOUNDED = 1, /**< low and high are the smallest and largest a value may be */
    FLY_VEC_ASCII = 2    /**< strings: all bytes below 128 */
};

/** A vector: borrows everything it points to. */
typedef struct fly_vec {
    uint8_t kind;        /**< ::fly_vec_kind */
    uint8_t type;        /**< ::fly_vec_type */
    uint8_t scale;       /**< of scaled decimals: digits behind the point */
    uint8_t flags;       /**< FLY_VEC_BOUNDED, ... */
    uint32_t dict_count; /**< DICT: values of `dict`, which may be more than FLY_VEC_CAPACITY */
    void *data;          /**< the values; NULL for DICT and SEQ */
    uint64_t *valid; /**< bit set: not NULL; lowest bit first, as Arrow has it. NULL: no NULLs */
    const fly_vec_sel *index;   /**< DICT */
    const struct fly_vec *dict; /**< DICT */
    uint64_t dict_id;           /**< DICT: not 0: the same number, the same dictionary */
    int64_t low;
    int64_t high;
} fly_vec;

/** Rows: `count` positions in every column, of which `sel` chooses `selected`, or all. */
typedef struct fly_vec_batch {
    uint32_t count;   /**< positions, at most FLY_VEC_CAPACITY */
    uint32_t columns; /**< of `col` */
    int32_t
        selected; /**< entries of `sel`, ascending; -1: all positions, and `sel` means nothing */
    fly_vec_sel *sel;   /**< room for FLY_VEC_CAPACITY */
    fly_vec *col;       /**< the columns */
    fly_arena *arena;   /**< for bytes that live as long as this filling of the batch */
    uint64_t first_row; /**< the producer's number of position 0, where rows have one */
} fly_vec_batch;

/** How many rows a batch has. */
static inline uint32_t fly_vec_batch_rows(const fly_vec_batch *batch)
{
    return batch->selected < 0 ? batch->count : (uint32_t)batch->selected;
}

/** Bytes of one value. */
size_t fly_vec_type_size(fly_vec_type type);

/** Whether the value at `row` (a position, not yet looked up in an index) is NULL. */
static inline bool fly_vec_is_null(const fly_vec *v, uint32_t row)
{
    if (v->kind == FLY_VEC_DICT) {
        row = v->index[row];
        v = v->dict;
    } else if (v->kind == FLY_VEC_CONST) {
        row = 0;
    }
    return v->valid != NULL && (v->valid[row / 64] >> (row % 64) & 1) == 0;
}

/** Where the value at position `row` lies. Not for SEQ. */
const void *fly_vec_at(const fly_vec *v, uint32_t row);

/**
 * @brief Make an empty FLAT vector with room for `capacity` values and their validity.
 *
 * Its data is zero. `valid` points to words that say "nothing is NULL".
 *
 * @param arena  Gives the memory, aligned to FLY_VEC_ALIGN.
 * @return FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_vec_init(fly_vec *v, fly_vec_type type, uint32_t capacity,
                                     fly_arena *arena, fly_err *err);

/** Mark position `row` of a FLAT vector with validity words as NULL. */
static inline void fly_vec_set_null(fly_vec *v, uint32_t row)
{
    v->valid[row / 64] &= ~((uint64_t)1 << (row % 64));
}

/** Mark position `row` as not NULL. */
static inline void fly_vec_set_valid(fly_vec *v, uint32_t row)
{
    v->valid[row / 64] |= (uint64_t)1 << (row % 64);
}

/** Turn any kind of vector into a FLAT one in memory from `arena`; a FLAT one is left as it is. */
FLY_MUST_USE fly_status fly_vec_flatten(fly_vec *v, uint32_t count, fly_arena *arena, fly_err *err);

/* -------------------------------------------------------------------- values */

/** One value, by itself: what a function that works row by row takes and gives. */
typedef struct fly_vec_value {
    bool null;
    union {
        bool b;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        fly_vec_i128 i128;
        float f32;
        double f64;
        fly_vec_interval interval;
        fly_vec_str str;
    };
} fly_vec_value;

/** Read the value at position `row`; strings borrow. */
fly_vec_value fly_vec_get(const fly_vec *v, uint32_t row);

/** Write a value, or NULL, at position `row` of a FLAT vector with validity words; strings borrow. */
void fly_vec_put(fly_vec *v, uint32_t row, const fly_vec_value *value);

/* ------------------------------------------------------------------- kernels */

struct fly_vec_ins;

/** What a program of kernels runs in. */
typedef struct fly_vec_frame {
    fly_vec *reg;     /**< the registers: inputs first, then what is computed */
    fly_arena *arena; /**< for bytes that results point to; emptied with the batch */
    void *ctx;        /**< the caller's: a session, for functions that ask for the time zone */
    fly_err *err;     /**< filled by a kernel that fails */
} fly_vec_frame;

/**
 * @brief What every kernel looks like.
 *
 * Works on positions sel[0] to sel[n - 1], or, if `sel` is NULL, on 0 to n - 1. A kernel that computes
 * values writes register `ins->dst`, which is FLAT and has room and validity words, at the same
 * positions (and may make it CONST if all its inputs are). One that selects writes the positions where
 * the condition is true, ascending, to `ins->out`, which may be `sel` itself.
 *
 * @return Computing: 0 or more. Selecting: how many positions it wrote. Negative: it failed,
 *         frame->err says how, `ins->pos` where in the text.
 */
typedef int (*fly_vec_kernel)(fly_vec_frame *frame, const struct fly_vec_ins *ins,
                              const fly_vec_sel *sel, int n);

/** One instruction of a program. */
typedef struct fly_vec_ins {
    fly_vec_kernel kernel;
    uint16_t dst;         /**< register written */
    uint16_t argc;        /**< arguments */
    uint16_t arg[4];      /**< registers read, the first four */
    const uint16_t *args; /**< all of them; `arg`, unless there are more than four */
    fly_vec_sel *out;     /**< where a selecting kernel writes */
    const void *aux;      /**< what the kernel was prepared with: a pattern, a set, a function */
    uint32_t pos;         /**< byte position in the statement's text, 1-based, or 0 */
} fly_vec_ins;

FLY_EXTERN_C_END
/** @} */

#endif
