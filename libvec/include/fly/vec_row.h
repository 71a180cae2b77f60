/**
 * @file vec_row.h
 * @brief Rows: what hash tables and sorts keep of batches, one row beside the other.
 *
 * Vectors are for passing through; whoever keeps rows (a join's build side, groups, a sort) wants
 * all that belongs to one row in one place, at an address that does not change:
 *
 *     row   | validity bits, found bit | column 0 | column 1 | ... | state | hash | next |
 *
 * Columns lie unaligned after each other, the whole is a multiple of 8 bytes. `state` is for
 * aggregates and begins as zeros, 8-byte aligned. `hash` and `next` are of whoever links rows up.
 * Rows lie in blocks of up to 256 KiB; bytes of long strings lie beside them, in memory of the same
 * life.
 *
 * Rows can be written out, 1,024 at most in a piece, and read back elsewhere. Pointers to strings
 * become offsets on the way; `next` does not survive. The file is the caller's, and so is its
 * format's life: pieces are read by the process that wrote them. They carry a checksum and are
 * checked.
 *
 * Threads: thread-compatible.
 */
#ifndef FLY_VEC_ROW_H
#define FLY_VEC_ROW_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

enum { FLY_VEC_ROW_MAX = 32768 }; /**< bytes of a row, at most */

/** Where everything lies in a row. Made by fly_vec_layout_init(); read it freely. */
typedef struct fly_vec_layout {
    uint32_t columns;
    uint32_t size;     /**< bytes of a row */
    uint32_t state_at; /**< offset of the state */
    uint32_t state_size;
    uint32_t hash_at; /**< offset of the hash, u64 */
    uint32_t next_at; /**< offset of the link, a pointer */
    bool strings;     /**< whether a column or a state may point to bytes elsewhere */
    const uint8_t *type;
    const uint32_t *at; /**< offset of each column */
    uint32_t str_states;
    const uint32_t *str_state; /**< offsets in the state that hold a ::fly_vec_str */
} fly_vec_layout;

/**
 * @brief Lay out rows.
 *
 * @param state_size  Bytes for aggregates.
 * @param str_state   `str_states` offsets within the state, multiples of 8, where strings are kept
 *                    whose bytes come from fly_vec_rows_bytes(). Copied.
 * @param arena       Gives what the layout points to.
 * @return FLY_E_TOO_LARGE beyond FLY_VEC_ROW_MAX (SQLSTATE 54000), FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly_vec_layout_init(fly_vec_layout *layout, const fly_vec_type *types,
                                            uint32_t columns, uint32_t state_size,
                                            const uint32_t *str_state, uint32_t str_states,
                                            fly_arena *arena, fly_err *err);

/** Whether a row's column is NULL. */
static inline bool fly_vec_row_null(const uint8_t *row, uint32_t column)
{
    return (row[column / 8] >> (column % 8) & 1) == 0;
}

/** The bit of a row that nobody but its owner uses: a join's "found". */
static inline bool fly_vec_row_found(const fly_vec_layout *layout, const uint8_t *row)
{
    return !fly_vec_row_null(row, layout->columns);
}

/** Set the found bit. */
static inline void fly_vec_row_mark(const fly_vec_layout *layout, uint8_t *row)
{
    row[layout->columns / 8] |= (uint8_t)(1U << (layout->columns % 8));
}

/** The row's hash. */
static inline uint64_t fly_vec_row_hash(const fly_vec_layout *layout, const uint8_t *row)
{
    uint64_t hash;
    __builtin_memcpy(&hash, row + layout->hash_at, sizeof hash);
    return hash;
}

/** The row that this one is linked to, or NULL. */
static inline uint8_t *fly_vec_row_next(const fly_vec_layout *layout, const uint8_t *row)
{
    uint8_t *next;
    __builtin_memcpy(&next, row + layout->next_at, sizeof next);
    return next;
}

/** Read one value; strings borrow from the row and what stands behind it. */
fly_vec_value fly_vec_row_get(const fly_vec_layout *layout, const uint8_t *row, uint32_t column);

/* ------------------------------------------------------------------- containers */

struct fly__vec_block;
struct fly__vec_chunk;

/** Rows of one layout. */
typedef struct fly_vec_rows {
    const fly_vec_layout *layout; /**< kept */
    fly_mem *mem;                 /**< kept */
    struct fly__vec_block *first;
    struct fly__vec_block *last;
    struct fly__vec_chunk *chunk; /**< the newest of the strings' */
    uint64_t count;               /**< rows */
    uint64_t bytes;               /**< taken from `mem` */
} fly_vec_rows;

/** Set up an empty container; takes no memory yet. */
void fly_vec_rows_init(fly_vec_rows *rows, const fly_vec_layout *layout, fly_mem *mem);

/** Release all rows; the container is then as after fly_vec_rows_init(). */
void fly_vec_rows_clear(fly_vec_rows *rows);

/**
 * @brief Copy rows out of a batch.
 *
 * @param cols  One vector per column, any kind.
 * @param hash  Compact, as fly_vec_hash() gives it; or NULL: zeros.
 * @param[out] row  NULL, or room for n: where the rows are.
 * @return FLY_E_NO_MEMORY: nothing was added.
 */
FLY_MUST_USE fly_status fly_vec_rows_append(fly_vec_rows *rows, const fly_vec *cols,
                                            const fly_vec_sel *sel, int n, const uint64_t *hash,
                                            uint8_t **row, fly_err *err);

/**
 * @brief Copy a column of n rows into positions 0 to n - 1 of a vector.
 *
 * Strings borrow from the rows. Where row[k] is NULL, so is the value.
 *
 * @param out  FLAT, with room and validity words.
 */
void fly_vec_rows_gather(const fly_vec_layout *layout, uint8_t *const *row, int n, uint32_t column,
                         fly_vec *out);

/** Memory for bytes of strings that a state keeps; NULL if there is none. */
void *fly_vec_rows_bytes(fly_vec_rows *rows, size_t size);

/** Where a scan is. Starts as zeros. */
typedef struct fly_vec_scan {
    const struct fly__vec_block *block;
    uint32_t at;
    bool begun;
} fly_vec_scan;

/** The next rows, at most `max`, in the order of appending; 0 at the end. */
int fly_vec_rows_scan(const fly_vec_rows *rows, fly_vec_scan *scan, uint8_t **row, int max);

/* ------------------------------------------------------------------------ spilling */

/** Takes bytes, in order. */
typedef fly_status fly_vec_write(void *ctx, const void *data, size_t size, fly_err *err);

/** Gives exactly `size` bytes, in the order of writing, or fails. */
typedef fly_status fly_vec_read(void *ctx, void *data, size_t size, fly_err *err);

/** Write up to 1,024 rows as one piece; 0 rows are the mark of an end. Calls back before it
 * returns. */
FLY_MUST_USE fly_status fly_vec_rows_write(const fly_vec_layout *layout, uint8_t *const *row, int n,
                                           fly_vec_write *write, void *ctx, fly_err *err);

/** Write all rows of a container in pieces, and the end. */
FLY_MUST_USE fly_status fly_vec_rows_write_all(const fly_vec_rows *rows, fly_vec_write *write,
                                               void *ctx, fly_err *err);

/**
 * @brief Read one piece and append its rows.
 *
 * @param[out] row  NULL, or room for FLY_VEC_CAPACITY: the rows.
 * @param[out] n    How many: 0 at the end.
 * @return FLY_E_NO_MEMORY, FLY_E_CORRUPT, or what `read` says: nothing was added.
 */
FLY_MUST_USE fly_status fly_vec_rows_read(fly_vec_rows *rows, fly_vec_read *read, void *ctx,
                                          uint8_t **row, int *n, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
