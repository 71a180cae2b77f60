/*
 * Where rows come from and go to: the one way to storage.
 *
 * The executor knows tables only through this table of functions. The row store (rows.c) keeps rows in
 * trees of libtxn; columnar segments, computed system tables and a lab's in-memory table are others. A
 * row is named by its *row key*, a string that the source gives with a scan and takes with a fetch.
 */
#ifndef FLY_SQL_SOURCE_INT_H
#define FLY_SQL_SOURCE_INT_H

#include "catalog/catalog_int.h"

typedef struct fly__sql_source fly__sql_source;
struct fly__sql_load;

/* What a scan is to give. */
typedef struct fly__sql_scan_spec {
    const fly__sql_table *table;
    const fly__sql_index *index; /* NULL: the table itself, in its own order */
    uint32_t column_count;
    const uint16_t *columns; /* attnums; 0: the row key, as a string; in order of the batch */
    /* Range of the index (or of the clustering key): encoded keys, from fly__sql_key_*(). An empty
     * `low` begins at the beginning, an empty `high` ends at the end. */
    fly_bytes low, high;
    bool low_open, high_open; /* excludes keys that begin with the bound */
    bool backward;
    bool index_only; /* the entries of `index` have all columns: do not look at rows */
    uint64_t limit;  /* rows that will be asked for, or 0: do not read ahead further */
    bool lock;       /* FOR UPDATE: lock each row before giving it */
} fly__sql_scan_spec;

typedef struct fly__sql_scan {
    const fly__sql_source *source;
} fly__sql_scan;

struct fly__sql_source {
    const char *name;
    /* Begin; `arena` outlives the scan. */
    fly_status (*scan_open)(const fly__sql_source *source, fly_txn *txn,
                            const fly__sql_scan_spec *spec, fly_arena *arena, fly__sql_scan **scan,
                            fly_err *err);
    /* Fill the batch (whose columns the source sets up in batch->arena): FLY_E_END when there are no
     * more. Strings may point into what the scan holds until its next call. */
    fly_status (*scan_next)(fly__sql_scan *scan, fly_vec_batch *batch, fly_err *err);
    /* Begin again, with other bounds: for index look-ups in a loop. */
    fly_status (*scan_again)(fly__sql_scan *scan, fly_bytes low, fly_bytes high, fly_err *err);
    void (*scan_close)(fly__sql_scan *scan);
    /* One row by its key: FLY_E_NOT_FOUND. Values of `columns`, strings in `arena`. */
    fly_status (*fetch)(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                        fly_bytes row_key, const uint16_t *columns, uint32_t column_count,
                        fly_arena *arena, fly_vec_value *values, fly_err *err);
    /* Change rows and all their indexes. `values` has one value per column of the table, dropped ones
     * included, in order. Unique violations: 23505 with the constraint named, nothing changed. With
     * `seen` the row has not been locked: FLY_E_AGAIN, and nothing changed, if it is not what the
     * transaction's snapshot shows, or would move. */
    fly_status (*insert)(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                         const fly_vec_value *values, fly_arena *arena, fly_bytes *row_key,
                         fly_err *err);
    fly_status (*update)(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                         fly_bytes row_key, const fly_vec_value *old_values,
                         const fly_vec_value *new_values, bool seen, fly_arena *arena,
                         fly_bytes *new_key, fly_err *err);
    fly_status (*remove)(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                         fly_bytes row_key, const fly_vec_value *old_values, bool seen,
                         fly_err *err);
    /* Lock a row against others' changes, and say whether it is still what it was when it was read
     * with `old_values`: FLY_E_NOT_FOUND if it is gone, FLY_E_AGAIN if it has changed (it is locked
     * then all the same; with a shared mode too), FLY_E_CONFLICT if the transaction's snapshot is too old for that. With
     * FLY_LOCK_NO_WAIT, FLY_E_LOCKED: somebody else has it. */
    fly_status (*lock)(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                       fly_bytes row_key, const fly_vec_value *old_values, fly_lock_mode mode,
                       fly_lock_wait wait, fly_err *err);
    /* For ON CONFLICT and foreign keys: the row that stands in the way in `index` (NULL: in any unique
     * index), whose entry there is locked: FLY_E_NOT_FOUND if none does. */
    fly_status (*conflict)(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                           const fly__sql_index *index, const fly_vec_value *values,
                           fly_lock_mode mode, fly_arena *arena, fly_bytes *row_key, fly_err *err);
    /* Begin to load many rows (load_int.h); NULL: they are inserted one by one. */
    fly_status (*load)(const fly__sql_source *source, const fly__sql_table *table, bool unseen,
                       fly_mem *mem, struct fly__sql_load **load, fly_err *err);
    void *ctx;
};

/* The source that holds a table's rows. `session` is for expression indexes and system tables. */
struct fly_sql_session;
const fly__sql_source *fly__sql_source_of(struct fly_sql_session *session,
                                          const fly__sql_table *table);

#endif
