/**
 * @file vec_table.h
 * @brief The hash table of joins, grouping and DISTINCT: keys in vectors, rows out.
 *
 * One table for all of them: rows (vec_row.h) whose first columns are the key, and a directory of
 * pointers to them. Callers work in batches and get one row pointer per selected position, compact:
 * row[k] belongs to the k-th selected one.
 *
 *     grouping   fly_vec_table_group()   find or insert; then update states at row[k]
 *     joining    fly_vec_table_add()     the build side, batch by batch
 *                fly_vec_table_build()   once
 *                fly_vec_table_probe()   the first row with that key, or NULL; then
 *                fly_vec_row_next()      the others
 *
 * The table looks at its keys and picks the cheapest directory that is right: an array indexed by
 * the key itself where integers lie close together, otherwise open addressing with salted pointers.
 * It may change its mind when keys arrive that do not fit. Hashes can be passed in, where they are
 * needed anyway; if not, the table computes them when it wants them.
 *
 * Threads: thread-compatible; after fly_vec_table_build() any number of threads may probe.
 */
#ifndef FLY_VEC_TABLE_H
#define FLY_VEC_TABLE_H

#include <fly/vec_hash.h>
#include <fly/vec_row.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A table. */
typedef struct fly_vec_table fly_vec_table;

/** How a table is made. */
typedef struct fly_vec_table_options {
    const fly_vec_layout *layout; /**< of the rows; kept */
    uint32_t keys;                /**< the first columns, at least one: the key */
    /** Per key: two NULLs are the same (IS NOT DISTINCT FROM). NULL: so it is for all keys, which
     *  is grouping. Where it is false (=), a row with a NULL there is kept, but never found. */
    const bool *nulls_equal;
    uint64_t expected; /**< rows, a guess; 0: none */
    /** Grouping by one integer: all keys are likely between low and high. low >= high: not
     *  known. */
    int64_t low;
    int64_t high;
} fly_vec_table_options;

/** Make an empty table. @return FLY_E_NO_MEMORY. */
FLY_MUST_USE fly_status fly_vec_table_create(fly_mem *mem, const fly_vec_table_options *options,
                                             fly_vec_table **table, fly_err *err);

/** Release the table and all rows. NULL is fine. */
void fly_vec_table_destroy(fly_vec_table *table);

/** Forget all rows, and release their memory. */
void fly_vec_table_clear(fly_vec_table *table);

/** The rows: to scan, to write out, or to read into before fly_vec_table_build(). */
fly_vec_rows *fly_vec_table_rows(fly_vec_table *table);

/** Bytes taken, rows and directory. */
uint64_t fly_vec_table_bytes(const fly_vec_table *table);

/**
 * @brief Find the row of each key, or insert it.
 *
 * NULLs are equal in all keys. A new row has the values of all its columns, the key and what
 * follows it, from `cols`, and a state of zeros.
 *
 * @param cols  One vector per column of the layout; keys of any kind but SEQ.
 * @param hash  Compact hashes of the key columns, by fly_vec_hash_columns(); or NULL.
 * @param[out] row    Room for n.
 * @param[out] added  How many rows are new; they are the last of the container. Or NULL.
 * @return FLY_E_NO_MEMORY: groups of the batch may have been added, with a state of zeros, which a
 *         later merge of states does not mind; nothing was lost.
 */
FLY_MUST_USE fly_status fly_vec_table_group(fly_vec_table *table, const fly_vec *cols,
                                            const fly_vec_sel *sel, int n, const uint64_t *hash,
                                            uint8_t **row, uint32_t *added, fly_err *err);

/** Keep rows for fly_vec_table_build(); parameters as above. @return FLY_E_NO_MEMORY: none was
 * added. */
FLY_MUST_USE fly_status fly_vec_table_add(fly_vec_table *table, const fly_vec *cols,
                                          const fly_vec_sel *sel, int n, const uint64_t *hash,
                                          fly_err *err);

/**
 * @brief Make all rows findable, those with the same key as a chain.
 *
 * May be called again after more rows were added. Rows that were read back (vec_row.h) have their
 * hashes with them.
 *
 * @return FLY_E_NO_MEMORY: nothing is findable.
 */
FLY_MUST_USE fly_status fly_vec_table_build(fly_vec_table *table, fly_err *err);

/**
 * @brief Find the first row with each key; NULL where there is none.
 *
 * Also works between calls of fly_vec_table_group().
 *
 * @param keys  One vector per key column, of any kind but SEQ.
 * @param hash  Compact, or NULL.
 */
void fly_vec_table_probe(const fly_vec_table *table, const fly_vec *keys, const fly_vec_sel *sel,
                         int n, const uint64_t *hash, uint8_t **row);

/** Whether some row has a NULL in a key whose NULLs are not equal: what NOT IN must know. */
bool fly_vec_table_has_null(const fly_vec_table *table);

/** Whether, as built, no two rows have the same key: a probe then finds at most one. */
bool fly_vec_table_unique(const fly_vec_table *table);

/** Whether the directory is an array indexed by the key: hashes would be computed for nothing. */
bool fly_vec_table_direct(const fly_vec_table *table);

/** Decide the table's invariants: every findable row is found, where it should be. Slow. */
FLY_MUST_USE fly_status fly_vec_table_check(const fly_vec_table *table, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
