/*
 * What the executor's chapters share.
 *
 *     exec.c            instances: from plan to operators, open, next, close
 *     program*.c        expressions: compiled to flat programs of kernels, run over batches
 *     rows.c, spill.c   rows kept in memory, and in a temporary file when there are too many
 *     hash.c            hashes and equality of SQL values; tables from hashes to row numbers
 *     op_*.c            operators, one chapter each
 *     foreign.c         foreign keys
 *
 * An operator is pulled: open, next until FLY_E_END, close; open may be called again without close, and
 * then begins anew (a rescan). A batch that next gives has at least one row and is valid until the
 * next call to the same operator. Columns of a batch are those of the operator's rel, in order.
 *
 * Columns of outer queries stand in exec->outer, by column id. Who runs an inner plan for a row of an
 * outer one (a lateral join, a correlated subquery) writes the cells, then opens the inner operator;
 * programs read the cells each time they run.
 *
 * Memory. The instance's arena has what is compiled, and lives as long as the instance. Rows lie in
 * fly__sql_kept, each with memory of its own from the session's query account.
 */
#ifndef FLY_SQL_OP_INT_H
#define FLY_SQL_OP_INT_H

#include "exec/exec_int.h"
#include "store/source_int.h"
#include <fly/vec_kernel.h>

typedef struct fly__sql_op fly__sql_op;
typedef struct fly__sql_program fly__sql_program;
typedef struct fly__sql_kept fly__sql_kept;
typedef struct fly__sql_spill fly__sql_spill;
typedef struct fly__sql_cte_run fly__sql_cte_run;
typedef struct fly__sql_sub fly__sql_sub;

enum {
    FLY__SQL_DEPTH_MAX = 2000, /* of plans and expressions */
    FLY__SQL_GROUPS_MAX = 1664
};

/* As fly_vec_get(), in line for the two kinds that nearly all vectors have. */
static inline __attribute__((always_inline)) fly_vec_value fly__sql_get(const fly_vec *v,
                                                                        uint32_t row)
{
    fly_vec_value value;
    if (FLY_UNLIKELY(v->kind > FLY_VEC_CONST)) {
        return fly_vec_get(v, row);
    }
    row = v->kind == FLY_VEC_CONST ? 0 : row;
    value.null = v->valid != NULL && (v->valid[row / 64] >> (row % 64) & 1) == 0;
    value.i128 = 0;
    if (value.null) {
        return value;
    }
    switch ((fly_vec_type)v->type) {
    case FLY_VEC_BOOL:
        value.b = ((const uint8_t *)v->data)[row] != 0;
        break;
    case FLY_VEC_I16:
        value.i16 = ((const int16_t *)v->data)[row];
        break;
    case FLY_VEC_I32:
        value.i32 = ((const int32_t *)v->data)[row];
        break;
    case FLY_VEC_F32:
        value.f32 = ((const float *)v->data)[row];
        break;
    case FLY_VEC_I64:
        value.i64 = ((const int64_t *)v->data)[row];
        break;
    case FLY_VEC_F64:
        value.f64 = ((const double *)v->data)[row];
        break;
    default:
        __builtin_memcpy(&value.i128, (const uint8_t *)v->data + (size_t)row * 16, 16);
        break;
    }
    return value;
}

/* A character(n) without the spaces at its end, which mean nothing; the bytes stay where they are. */
static inline fly_vec_str fly__sql_unpadded(const fly_vec_str *s)
{
    const char *data = fly_vec_str_data(s);
    size_t len = s->len;
    if (len == 0 || data[len - 1] != ' ') {
        return *s;
    }
    while (len > 0 && data[len - 1] == ' ') {
        len--;
    }
    return fly_vec_str_of(data, len);
}

/* -------------------------------------------------------------------- instances */

typedef struct fly__sql_arena_link {
    fly_arena *arena;
    struct fly__sql_arena_link *next;
} fly__sql_arena_link;

struct fly__sql_exec {
    fly_sql_session *session;
    const fly__sql_plan *plan; /* NULL: one expression */
    fly_arena arena;           /* as long as the instance */
    fly_arena run;             /* from open to close */
    fly_vec_isa isa;
    fly__sql_op *root;
    fly__sql_op *ops; /* all, linked by `chain`, those of subqueries too */
    fly_vec_value *params;
    uint32_t param_count;
    fly_vec_value *outer; /* by column id */
    bool *outer_str;      /* which of them are strings */
    fly__sql_colid outer_count;
    uint64_t run_number; /* counts opens: what is evaluated once per statement is good for one */
    uint64_t changed;
    fly__sql_program *programs; /* all, linked by `chain` */
    fly__sql_arena_link *arenas;
    fly__sql_cte_run *ctes;
    fly_account nothing;   /* an account that refuses */
    fly__sql_spill *spill; /* NULL until somebody needs it */
    uint32_t
        batch_rows; /* rows that sources put into a batch: FLY_VEC_CAPACITY, or fewer to verify */
    uint32_t depth; /* while compiling */
    uint32_t ticks; /* counts the times when the statement's limit of time may be looked at */
    fly_store *watched; /* whose use by the nodes is measured; NULL: nothing is */
    int64_t below;      /* bytes that calls to nodes below the one that runs have taken */
    bool thawed;        /* scans read their tables, whatever they have kept */
    bool opened;
    uint64_t progress;            /* rows that were scanned, */
    uint64_t progress_of;         /* of so many in the tables that are scanned; 0: unknown */
    const fly_vec_batch *pending; /* what next gave only a part of, */
    uint32_t pending_at;          /* from this row on */
    fly_vec_sel *slice;
    fly_vec_batch part;
    fly_vec_batch whole; /* with the columns of the result, if the root's are in another order */
    fly_vec *show;
    uint32_t *shown;
    bool same_order;
    fly__sql_sub *subs; /* all, linked by `chain` */
    fly__sql_node_stats *stats;
    size_t stats_count;
};

/* Count rows that a scan has read: tells progress, and fails if the statement is cancelled. */
fly_status fly__sql_exec_scanned(fly__sql_exec *exec, uint32_t rows, fly_err *err);

/* Allocate from an arena, aligned to 16 and zeroed: for what has i128 in it. */
void *fly__sql_alloc(fly_arena *arena, size_t count, size_t size, fly_err *err);

/* Whether the query has used so much memory that sinks should write to disk. */
bool fly__sql_over_budget(const fly__sql_exec *exec);
/* As above, if so many bytes more are going to be needed. */
bool fly__sql_over_budget_by(const fly__sql_exec *exec, uint64_t bytes);

/* Make an arena that is emptied when the instance is closed, and keeps a little memory for the next
 * run: what a statement that is run often must not ask the allocator for. */
void fly__sql_arena(fly__sql_exec *exec, fly_arena *arena, size_t first_chunk);

/* Copy a value with the bytes it points to. */
fly_status fly__sql_value_copy(fly_vec_type type, const fly_vec_value *from, fly_arena *arena,
                               fly_vec_value *to, fly_err *err);

/* "relation" messages and the like: 0A000. */
/* Where temporary files go, a directory that is there. */
fly_status fly__sql_temp_dir(fly_sql_session *session, char *path, size_t size, fly_err *err);

fly_status fly__sql_not_yet(fly_err *err, uint32_t pos, const char *what);

/* -------------------------------------------------------------------- operators */

typedef struct fly__sql_op_vt {
    fly_status (*open)(fly__sql_op *op, fly_err *err);
    fly_status (*next)(fly__sql_op *op, fly_vec_batch **batch, fly_err *err);
    void (*close)(fly__sql_op *op); /* releases; harmless if not open */
} fly__sql_op_vt;

struct fly__sql_op {
    const fly__sql_op_vt *vt;
    fly__sql_exec *exec;
    const fly__sql_rel *rel;
    fly__sql_op *left;
    fly__sql_op *right;
    fly__sql_op *chain;
    fly_vec_batch out; /* what next gives, unless it passes its input's on */
    fly__sql_node_stats stats;
};

/* Make the operator of a rel, and those below it. */
fly_status fly__sql_op_create(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                              fly_err *err);

/* Allocate one of `size` bytes, a struct that begins with fly__sql_op, with `out` ready for the columns
 * of rel and a selection of its own; link it. Children are made by the caller. */
fly_status fly__sql_op_alloc(fly__sql_exec *exec, const fly__sql_rel *rel, size_t size,
                             const fly__sql_op_vt *vt, fly__sql_op **op, fly_err *err);

fly_status fly__sql_op_open(fly__sql_op *op, fly_err *err);
fly_status fly__sql_op_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err);

/* Constructors, one for each kind of rel. */
typedef fly_status (*fly__sql_op_make)(fly__sql_exec *exec, const fly__sql_rel *rel,
                                       fly__sql_op **op, fly_err *err);
fly_status fly__sql_make_scan(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_values(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_function(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_filter(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_project(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_unnest(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_join(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_aggregate(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **,
                                   fly_err *);
fly_status fly__sql_make_window(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_sort(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_limit(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_distinct(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_setop(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_cte(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_with(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_lock(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_modify(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **, fly_err *);
fly_status fly__sql_make_hash_join(fly__sql_exec *, const fly__sql_rel *, fly__sql_op **,
                                   fly_err *);

/* An INSERT whose rows the caller gives, in place of the one row of its VALUES. In op_modify.c. */
const fly__sql_rel *fly__sql_modify_input(const fly__sql_op *op); /* NULL: it is none */
fly_status fly__sql_modify_feed(fly__sql_op *op, const fly_vec *col, uint32_t n, fly_err *err);
fly_status fly__sql_modify_fed(fly__sql_op *op, fly_err *err);
fly_status fly__sql_modify_feed_where(fly__sql_op *op, const fly__sql_table *table,
                                      const char *condition, fly_err *err);
uint32_t fly__sql_modify_fed_row(const fly__sql_op *op);

/* --------------------------------------------------------------------- programs */

/* Where a program's columns come from: up to FLY__SQL_PARTS lists of vectors, side by side. */
enum { FLY__SQL_PARTS = 3 };
typedef struct fly__sql_ports {
    const fly__sql_colref *columns[FLY__SQL_PARTS];
    uint32_t counts[FLY__SQL_PARTS];
} fly__sql_ports;

static inline fly__sql_ports fly__sql_ports_of(const fly__sql_rel *rel)
{
    fly__sql_ports scope = {{rel->columns}, {rel->column_count}};
    return scope;
}

static inline fly__sql_ports fly__sql_ports_pair(const fly__sql_rel *left,
                                                 const fly__sql_rel *right)
{
    fly__sql_ports scope = {{left->columns, right->columns},
                            {left->column_count, right->column_count}};
    return scope;
}

/* Compile `count` expressions to values. */
fly_status fly__sql_program_values(fly__sql_exec *exec, const fly__sql_ports *scope,
                                   fly__sql_expr *const *exprs, uint32_t count,
                                   fly__sql_program **program, fly_err *err);

/* Compile a condition to a selection. */
fly_status fly__sql_program_select(fly__sql_exec *exec, const fly__sql_ports *scope,
                                   const fly__sql_expr *condition, fly__sql_program **program,
                                   fly_err *err);

/* The columns that a program reads: those of each part, as one list of vectors. */
typedef struct fly__sql_inputs {
    const fly_vec *parts[FLY__SQL_PARTS];
} fly__sql_inputs;

/* Compute the values at the positions of a selection (NULL: 0 to n - 1) among `count` positions. The
 * results are fly__sql_program_result(program, i), valid until the next run. */
fly_status fly__sql_program_run(fly__sql_program *program, const fly__sql_inputs *inputs,
                                const fly_vec_sel *sel, uint32_t n, uint32_t count, fly_err *err);
const fly_vec *fly__sql_program_result(const fly__sql_program *program, uint32_t i);

/* As fly__sql_program_run(), of a condition: `*sel` is the program's own, valid until the next run, and
 * has `*n` entries; NULL: all of the `count`. */
fly_status fly__sql_program_test(fly__sql_program *program, const fly__sql_inputs *inputs,
                                 const fly_vec_sel *sel, uint32_t n, uint32_t count,
                                 const fly_vec_sel **out, uint32_t *m, fly_err *err);

/* Over a batch, at its selection. */
static inline fly_status fly__sql_program_batch(fly__sql_program *program,
                                                const fly_vec_batch *batch, fly_err *err)
{
    fly__sql_inputs inputs = {{batch->col}};
    return fly__sql_program_run(program, &inputs, batch->selected < 0 ? NULL : batch->sel,
                                fly_vec_batch_rows(batch), batch->count, err);
}

/* The columns that an expression or a plan names and does not make itself, each once, as a list in
 * exec->arena. `skip` (may be NULL) are not wanted. */
typedef struct fly__sql_idset {
    uint64_t *bits;
    fly__sql_colid limit;
    fly_arena *arena;
} fly__sql_idset;
fly_status fly__sql_idset_init(fly__sql_idset *set, fly__sql_colid limit, fly_arena *arena,
                               fly_err *err);
static inline bool fly__sql_idset_has(const fly__sql_idset *set, fly__sql_colid id)
{
    return id < set->limit && (set->bits[id / 64] >> (id % 64) & 1) != 0;
}
void fly__sql_free_in_expr(const fly__sql_expr *expr, fly__sql_idset *set);
void fly__sql_free_in_rel(const fly__sql_rel *rel, fly__sql_idset *set);

/* The highest column id that an expression names or makes; one more than the highest parameter. */
fly__sql_colid fly__sql_highest_id(const fly__sql_expr *expr);
uint32_t fly__sql_param_limit(const fly__sql_expr *expr);

/* Whether a plan scans a table. */
bool fly__sql_reads_table(const fly__sql_rel *rel, const fly__sql_table *table);
/* Call `scan` with each scan of a table in a plan, those in subqueries too, those in WITH not. */
void fly__sql_each_scan(const fly__sql_rel *rel, const fly__sql_table *table,
                        void (*scan)(void *ctx, const fly__sql_rel *rel), void *ctx);

/* Read a scan's rows now: until the instance is closed it gives these. In op_scan.c. */
fly_status fly__sql_scan_freeze(fly__sql_op *op, fly_err *err);

/* ------------------------------------------------------------------------- rows */

/*
 * Rows in order, appended and then read by number, kept as chunks of up to FLY_VEC_CAPACITY rows in
 * FLAT vectors. When the query is over its budget, full chunks go to the temporary file; they come
 * back when they are read. A chunk is valid until rows are appended, or two others were read.
 */
typedef struct fly__sql_chunk {
    fly_arena arena;
    fly_vec *col; /* NULL: on disk */
    uint32_t count;
    uint32_t capacity;
    uint64_t offset, size; /* in the temporary file; size 0: not written */
    uint64_t used;         /* when it was last asked for */
} fly__sql_chunk;

struct fly__sql_kept {
    fly__sql_exec *exec;
    uint32_t columns;
    uint32_t chunk_rows; /* of a full chunk: FLY_VEC_CAPACITY, but for partitions */
    fly_sql_type *types;
    fly__sql_chunk **chunk;
    uint32_t chunk_count; /* in use */
    uint32_t chunk_made;  /* allocated, for the next filling */
    uint32_t chunk_room;
    uint64_t count;
    uint64_t clock;
    uint64_t spilled;
    uint32_t loaded;     /* chunks that came back from disk */
    uint32_t loaded_max; /* ... of which so many are kept */
    bool stay;           /* full chunks do not leave by themselves */
    bool strings;        /* there are some */
    uint32_t evict_at;   /* chunks before this one were evicted once */
};

fly_status fly__sql_kept_init(fly__sql_kept *rows, fly__sql_exec *exec, uint32_t columns,
                              const fly_sql_type *types, fly_err *err);
fly_status fly__sql_kept_init_rel(fly__sql_kept *rows, fly__sql_exec *exec, const fly__sql_rel *rel,
                                  fly_err *err);
/* An empty one with the columns of another, which must outlive it. */
void fly__sql_kept_like(fly__sql_kept *rows, const fly__sql_kept *other);
/* As above, to be read chunk by chunk only: chunks may be smaller. */
void fly__sql_kept_partition(fly__sql_kept *rows, const fly__sql_kept *like);
/* Forget the rows; keeps a little memory for the next ones. */
void fly__sql_kept_clear(fly__sql_kept *rows);
/* Release everything; may be filled again. */
void fly__sql_kept_free(fly__sql_kept *rows);

/* Append rows: col[c] for each column, at a selection (NULL: 0 to n - 1). */
fly_status fly__sql_kept_append(fly__sql_kept *rows, const fly_vec *col, const fly_vec_sel *sel,
                                uint32_t n, fly_err *err);
/* As above, for vectors that lie apart. */
fly_status fly__sql_kept_append_parts(fly__sql_kept *rows, const fly_vec *const *col,
                                      const fly_vec_sel *sel, uint32_t n, fly_err *err);
fly_status fly__sql_kept_append_batch(fly__sql_kept *rows, const fly_vec_batch *batch,
                                      fly_err *err);
fly_status fly__sql_kept_append_values(fly__sql_kept *rows, const fly_vec_value *values,
                                       fly_err *err);

/* The chunk with rows number * FLY_VEC_CAPACITY and on. */
fly_status fly__sql_kept_chunk(fly__sql_kept *rows, uint32_t number, fly__sql_chunk **chunk,
                               fly_err *err);
static inline fly_status fly__sql_kept_at(fly__sql_kept *rows, uint64_t row, fly__sql_chunk **chunk,
                                          uint32_t *at, fly_err *err)
{
    *at = (uint32_t)(row % FLY_VEC_CAPACITY);
    uint32_t number = (uint32_t)(row / FLY_VEC_CAPACITY);
    if (FLY_LIKELY(rows->chunk[number]->col != NULL)) {
        *chunk = rows->chunk[number];
        return FLY_OK;
    }
    return fly__sql_kept_chunk(rows, number, chunk, err);
}

/* Values of one column of rows given by number, to positions at, at + 1, ... of a FLAT vector. Strings
 * are borrowed, unless rows are on disk: then they are copied to the arena. */
fly_status fly__sql_kept_gather(fly__sql_kept *rows, uint32_t column, const uint64_t *number,
                                uint32_t n, fly_vec *to, uint32_t at, fly_arena *arena,
                                fly_err *err);

/* Write all to disk and release the memory: for partitions that wait their turn. */
fly_status fly__sql_kept_flush(fly__sql_kept *rows, fly_err *err);

/* Pull everything from an operator. */
fly_status fly__sql_kept_pull(fly__sql_kept *rows, fly__sql_op *op, fly_err *err);

/* Make `batch` show up to `max` rows of a chunk, from `at` on. */
void fly__sql_chunk_show(const fly__sql_chunk *chunk, uint32_t at, uint32_t max,
                         fly_vec_batch *batch, fly_vec *shown);

/* Write values, at positions to, to + 1, ... of a FLAT vector, from positions of another vector of
 * any kind; strings are copied to the arena, or borrowed if it is NULL. */
fly_status fly__sql_vec_gather(fly_vec *to, uint32_t at, const fly_vec *from,
                               const fly_vec_sel *sel, uint32_t n, fly_arena *arena, fly_err *err);

/* A vector of `capacity` for a type, with its scale. */
fly_status fly__sql_vec_make(fly_vec *v, fly_sql_type type, uint32_t capacity, fly_arena *arena,
                             fly_err *err);

/* Temporary file of an instance: space is given out and never taken back before the end. */
fly_status fly__sql_spill_write(fly__sql_exec *exec, const void *data, size_t len, uint64_t *offset,
                                fly_err *err);
fly_status fly__sql_spill_read(fly__sql_exec *exec, uint64_t offset, void *data, size_t len,
                               fly_err *err);
void fly__sql_spill_close(fly__sql_exec *exec);

/* ----------------------------------------------------------------------- hashes */

/* How values of a type are compared and hashed. */
typedef enum fly__sql_key_kind {
    FLY__SQL_KEY_BITS,   /* equal if their bytes are */
    FLY__SQL_KEY_STR,    /* equal if their bytes are, strings */
    FLY__SQL_KEY_PADDED, /* the same, but for spaces at the end: character(n) */
    FLY__SQL_KEY_F32,
    FLY__SQL_KEY_F64,
    FLY__SQL_KEY_TEXT, /* by a collation */
    FLY__SQL_KEY_OTHER /* by fly__sql_value_cmp() */
} fly__sql_key_kind;
fly__sql_key_kind fly__sql_key_kind_of(fly_sql_type type);

/* The same, with the collation that is meant. */
typedef struct fly__sql_key_form {
    uint8_t kind;
    const struct fly_collation *collation; /* of FLY__SQL_KEY_TEXT; NULL: it could not be opened */
} fly__sql_key_form;
fly__sql_key_form fly__sql_key_form_of(fly_sql_session *session, fly_sql_type type);

enum { FLY__SQL_NULL_HASH = 0x5bd1e995 };

/* Hash one value, or mix a column into the hashes of n rows: out[i] belongs to sel[i]. */
fly_status fly__sql_value_hash(fly_sql_type type, fly__sql_key_form form,
                               const fly_vec_value *value, fly_arena *scratch, uint64_t *hash,
                               fly_err *err);
fly_status fly__sql_vec_hash(fly_sql_type type, fly__sql_key_form form, const fly_vec *v,
                             const fly_vec_sel *sel, uint32_t n, bool first, uint64_t *out,
                             fly_arena *scratch, fly_err *err);
/* Equality of two values, NULL equal to NULL. */
bool fly__sql_value_same(fly_sql_type type, fly__sql_key_form form, const fly_vec_value *a,
                         const fly_vec_value *b);
bool fly__sql_vec_same(fly_sql_type type, fly__sql_key_form form, const fly_vec *a, uint32_t i,
                       const fly_vec *b, uint32_t j);

/* A table from hashes to numbers: open addressing, entries of (hash, number). Numbers of equal hash are
 * found one after the other. */
typedef struct fly__sql_table_slot {
    uint64_t hash; /* 0: empty */
    uint64_t number;
} fly__sql_table_slot;
typedef struct fly__sql_hashes {
    fly_mem *mem;
    fly__sql_table_slot *slot;
    uint64_t mask; /* slots - 1; 0: none */
    uint64_t used;
} fly__sql_hashes;
void fly__sql_hashes_init(fly__sql_hashes *table, fly_mem *mem);
void fly__sql_hashes_free(fly__sql_hashes *table);
void fly__sql_hashes_clear(fly__sql_hashes *table);
fly_status fly__sql_hashes_reserve(fly__sql_hashes *table, uint64_t more, fly_err *err);
/* Put a number in, whether there are others of this hash or not. Room was reserved. */
static inline void fly__sql_hashes_add(fly__sql_hashes *table, uint64_t hash, uint64_t number)
{
    uint64_t at = hash >> 1 & table->mask; /* the lowest bit is always set in what is stored */
    while (table->slot[at].hash != 0) {
        at = (at + 1) & table->mask;
    }
    table->slot[at].hash = hash | 1;
    table->slot[at].number = number;
    table->used++;
}
/* The first slot to look at, then the next: walk while slot.hash != 0. */
static inline uint64_t fly__sql_hashes_start(const fly__sql_hashes *table, uint64_t hash)
{
    return hash >> 1 & table->mask;
}

/* Rows that are all different in their first `key_count` columns, found by them. */
typedef struct fly__sql_group_table {
    fly__sql_kept rows;
    fly__sql_hashes hashes;
    uint32_t key_count;
    fly__sql_key_form *forms;
    uint64_t *hash; /* of the batch at hand */
    fly_arena scratch;
} fly__sql_group_table;
fly_status fly__sql_groups_init(fly__sql_group_table *groups, fly__sql_exec *exec,
                                uint32_t key_count, uint32_t columns, const fly_sql_type *types,
                                fly_err *err);
void fly__sql_groups_clear(fly__sql_group_table *groups);
void fly__sql_groups_free(fly__sql_group_table *groups);
/* Their hashes, into groups->hash. */
fly_status fly__sql_groups_hash(fly__sql_group_table *groups, const fly_vec *const *keys,
                                const fly_vec_sel *sel, uint32_t n, fly_err *err);
/* For each selected row: its group's number in number[i], made if it is not there (if `make`; else
 * UINT64_MAX). `fresh`, if not NULL, gets 1 where it was made. */
fly_status fly__sql_groups_find(fly__sql_group_table *groups, const fly_vec *const *keys,
                                const fly_vec_sel *sel, uint32_t n, bool make, uint64_t *number,
                                uint8_t *fresh, fly_err *err);

/* ------------------------------------------------------------------------- sort */

/* Sorts rows by some of their columns. */
typedef struct fly__sql_sort_by {
    uint32_t column;
    fly_sql_type type;
    bool descending;
    bool nulls_first;
    /* Filled when a sorter is made: */
    const struct fly_collation *collation;   /* of text that is not ordered by its bytes */
    const struct fly__sql_user_type *labels; /* of an enum: their order is not that of values */
} fly__sql_sort_by;

/* Find collations and enums. */
fly_status fly__sql_sort_prepare(fly__sql_exec *exec, fly__sql_sort_by *order, uint32_t count,
                                 fly_err *err);
int fly__sql_sort_cmp(const fly__sql_sort_by *order, uint32_t count, const fly_vec *a, uint32_t i,
                      const fly_vec *b, uint32_t j);

typedef struct fly__sql_sorter fly__sql_sorter;
/* `columns` types; ordered by `order`. */
fly_status fly__sql_sorter_create(fly__sql_exec *exec, uint32_t columns, const fly_sql_type *types,
                                  const fly__sql_sort_by *order, uint32_t order_count,
                                  fly__sql_sorter **sorter, fly_err *err);
void fly__sql_sorter_clear(fly__sql_sorter *sorter);
void fly__sql_sorter_free(fly__sql_sorter *sorter);
/* Not more than this many rows are wanted; 0: all. */
void fly__sql_sorter_top(fly__sql_sorter *sorter, uint64_t top);
fly_status fly__sql_sorter_add(fly__sql_sorter *sorter, const fly_vec *const *col,
                               const fly_vec_sel *sel, uint32_t n, fly_err *err);
fly_status fly__sql_sorter_finish(fly__sql_sorter *sorter, fly_err *err);
/* The next rows in order: FLY_E_END. The batch is the sorter's. */
fly_status fly__sql_sorter_next(fly__sql_sorter *sorter, fly_vec_batch **batch, fly_err *err);
uint64_t fly__sql_sorter_count(const fly__sql_sorter *sorter);
uint64_t fly__sql_sorter_spilled(const fly__sql_sorter *sorter);

/* Tell the sort below, if there is one, how many rows are wanted; 0: all. */
void fly__sql_sort_hint(fly__sql_op *op, uint64_t top);

/* The rows of a batch for which a condition holds, as another view of it; out->sel is kept. */
fly_status fly__sql_filter_batch(fly__sql_program *program, const fly_vec_batch *in,
                                 fly_vec_batch *out, fly_err *err);

/* ----------------------------------------------------------------- subqueries */

fly_status fly__sql_sub_create(fly__sql_exec *exec, const fly__sql_ports *ports,
                               const fly__sql_expr *x, fly__sql_sub **made, fly_err *err);
/* ARRAY(...) and ROW of a subquery's rows; in program_array.c. */
fly_status fly__sql_sub_collect(fly__sql_exec *exec, const fly__sql_subquery *query,
                                const fly__sql_expr *x, fly__sql_kept *rows, fly_arena *arena,
                                fly_vec_value *value, fly_err *err);
void fly__sql_subs_deinit(fly__sql_exec *exec);
void fly__sql_subs_close(fly__sql_exec *exec);
void fly__sql_ctes_close(fly__sql_exec *exec);
/* Value for one row; outer cells that the scope makes are already written. */
fly_status fly__sql_sub_value(fly__sql_sub *sub, fly_arena *arena, fly_vec_value *value,
                              fly_err *err);

#endif
