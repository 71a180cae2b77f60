/*
 * The registry of functions, operators, casts and aggregates.
 *
 * One table for all: an operator is a function with a symbol, a cast is a function with a source
 * and a target. The binder resolves a call by PostgreSQL's rules (exact, then implicit casts,
 * preferred types, unknown literals) over what fly__sql_funcs_named() returns; the executor runs
 * what the entry says. A scalar function is written in the plainest of three forms that is quick
 * enough:
 *
 *   row      one row at a time: (call, values) -> value. Most functions.
 *   kernel   libvec's signature, chosen once per call site for the types and shapes at hand.
 *   select   as kernel, but the result is the selection of rows where it is true (comparisons,
 * LIKE).
 *
 * `row` must always be there (the others are faster ways to the same answer), except for functions
 * that have none because they are not scalar.
 */
#ifndef FLY_SQL_FUNC_INT_H
#define FLY_SQL_FUNC_INT_H

#include "types/type_int.h"

struct fly_sql_session;
typedef struct fly__sql_func fly__sql_func;

/* What a row function is called with besides its arguments. */
typedef struct fly__sql_call {
    struct fly_sql_session *session; /* time zone, user, settings, sequences, transaction */
    const fly__sql_func *func;
    const fly_sql_type *types; /* of the arguments, as bound */
    fly_sql_type result;       /* as bound */
    uint32_t argc;
    uint32_t pos;                /* of the call in the text, for errors */
    fly_arena *arena;            /* results' bytes; lives as long as the batch */
    void **memo;                 /* this call site's own, NULL at first: a compiled pattern, say */
    fly_arena *memo_arena;       /* lives as long as the plan instance */
    const fly_sql_type *columns; /* of a call in FROM: what it must give; else NULL */
    uint32_t column_count;
    fly_err *err;
} fly__sql_call;

/* If the function is strict it is not called when an argument is NULL. */
typedef fly_status (*fly__sql_row_fn)(fly__sql_call *call, const fly_vec_value *args,
                                      fly_vec_value *result);

/* An aggregate. States lie in memory that the executor gives, zeroed, `state_size` bytes, aligned
 * to 16; what they point to comes from `arena`, which lives as long as the group. */
typedef struct fly__sql_aggregate {
    size_t state_size;
    bool sees_nulls;  /* else rows with a NULL argument are left out */
    bool ordered_set; /* direct arguments first; WITHIN GROUP's come in order */
    fly_status (*step)(fly__sql_call *call, void *state, const fly_vec_value *args);
    /* Add `from` to `into`; NULL: cannot be split among threads or rolled up. */
    fly_status (*merge)(fly__sql_call *call, void *into, const void *from);
    /* Take a row back out, for moving frames; NULL: cannot. FLY_E_AGAIN: not this one, the state is
     * to be made anew of the rows that are left. */
    fly_status (*remove)(fly__sql_call *call, void *state, const fly_vec_value *args);
    fly_status (*final)(fly__sql_call *call, void *state, fly_vec_value *result);
    /* A faster way for whole batches: 1 + a fly_vec_agg_kind of libvec's, 0: none. Whether it may
     * be taken depends on the types: see fly__sql_aggregate_kernel(). */
    int kernel;
    /* What the kernel gives is not the result but a sum, with its count: put both into a
     * fly__sql_sum_state, and call `final` with that. */
    bool kernel_sums;
} fly__sql_aggregate;

/* The state of sum and avg of integers and scaled numerics. */
typedef struct fly__sql_sum_state {
    fly_vec_i128 sum;
    int64_t count;
} fly__sql_sum_state;

/* A function that returns rows: open, then next until FLY_E_END. `row` has one value per result
 * column; strings live until the next call. */
typedef struct fly__sql_set_function {
    size_t state_size;
    fly_status (*open)(fly__sql_call *call, void *state, const fly_vec_value *args);
    fly_status (*next)(fly__sql_call *call, void *state, fly_vec_value *row);
    void (*close)(fly__sql_call *call, void *state);
    /* Result columns, NULL-terminated names, with types (FLY_SQL_ANYELEMENT resolves as usual); a
     * single unnamed column if `columns` is 0. */
    uint32_t columns;
    const char *const *names;
    const uint32_t *types;
} fly__sql_set_function;

typedef enum fly__sql_func_kind {
    FLY__SQL_SCALAR,
    FLY__SQL_AGGREGATE,
    FLY__SQL_WINDOW, /* row_number() and its kin: the executor knows them by `window` */
    FLY__SQL_SET,
    FLY__SQL_CAST,
    FLY__SQL_OPERATOR,
    FLY__SQL_USER, /* from the catalog: body in SQL, PL or C */
} fly__sql_func_kind;

typedef enum fly__sql_volatility {
    FLY__SQL_IMMUTABLE,
    FLY__SQL_STABLE,
    FLY__SQL_VOLATILE
} fly__sql_volatility;

/* What the optimiser and the executor know about an operator beyond its implementation. */
typedef enum fly__sql_op_class {
    FLY__SQL_OP_NONE,
    FLY__SQL_OP_EQ,
    FLY__SQL_OP_NE,
    FLY__SQL_OP_LT,
    FLY__SQL_OP_LE,
    FLY__SQL_OP_GT,
    FLY__SQL_OP_GE,
    FLY__SQL_OP_LIKE,
    FLY__SQL_OP_ADD,
    FLY__SQL_OP_SUB,
    FLY__SQL_OP_MUL,
    FLY__SQL_OP_DIV,
    FLY__SQL_OP_MOD,
    FLY__SQL_OP_NEG
} fly__sql_op_class;

struct fly__sql_func {
    const char *name; /* function name, or the operator's symbol; of a cast "" */
    uint32_t oid;     /* stable: pg_proc's where PostgreSQL has the function, else ours from 9000 */
    uint8_t kind;     /* fly__sql_func_kind */
    uint8_t volatility;
    bool strict;    /* NULL in, NULL out; not called */
    bool can_raise; /* may fail on some rows: must not be evaluated where it was not asked for */
    bool variadic;  /* the last argument's type repeats */
    uint8_t op;     /* fly__sql_op_class */
    char cast;      /* of a cast: 'i' implicit, 'a' in assignments, 'e' explicit only */
    uint8_t argc;
    uint8_t defaults; /* of the last arguments, how many may be left out */
    uint8_t window;   /* fly__sql_window_kind, exec's */
    uint32_t args[8]; /* type OIDs; polymorphic pseudo-types allowed */
    uint32_t result;  /* type OID; polymorphic allowed */
    fly__sql_row_fn row;
    /* The fastest kernel for these argument types, or NULL: then `row` is run. `aux` is what the
     * instruction's aux must be (may allocate from arena). */
    fly_vec_kernel (*kernel)(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                             fly_arena *arena, const void **aux);
    fly_vec_kernel (*select)(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                             fly_arena *arena, const void **aux);
    /* Result type beyond its OID: typmod, numeric's shape. NULL: plain. */
    fly_sql_type (*result_type)(const fly_sql_type *types, uint32_t argc);
    const fly__sql_aggregate *aggregate;
    const fly__sql_set_function *set;
    const void *user; /* FLY__SQL_USER: the catalog's function */
};

/* All functions (or aggregates, set functions) of a name, lower case; `*count` of them in a row. */
const fly__sql_func *fly__sql_funcs_named(const char *name, size_t *count);

/* All operators of a symbol; prefix ones have one argument. */
const fly__sql_func *fly__sql_operators(const char *symbol, size_t *count);

/* The cast from one built-in type to another, or NULL. Binary-coercible pairs (varchar to text)
 * have none and need none: fly__sql_coercible() says so. */
const fly__sql_func *fly__sql_cast(uint32_t from, uint32_t to);
bool fly__sql_coercible(uint32_t from, uint32_t to);

/* By OID, for stored expressions and pg_proc; NULL if there is none. */
const fly__sql_func *fly__sql_func_by_oid(uint32_t oid);

/* Everything, for pg_proc, pg_operator, pg_cast, pg_aggregate. */
const fly__sql_func *fly__sql_funcs_all(size_t *count);

/* libvec's aggregate that computes a call of one of ours, or NULL: then step() is called for each
 * row. */
struct fly_vec_agg;
const struct fly_vec_agg *fly__sql_aggregate_kernel(const fly__sql_func *func,
                                                    const fly_sql_type *types, uint32_t argc,
                                                    fly_sql_type result);

/* Whether values of a type are in the order of their vector's values: of bytes for strings. */
bool fly__sql_plain_order(fly_sql_type type);

/* Text in and out of any type, as psql shows it: typinput and typoutput. `session` for DateStyle
 * and time zone, may be NULL. The text of a value is UTF-8, in `arena`. */
fly_status fly__sql_value_in(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                             fly_arena *arena, fly_vec_value *value, fly_err *err);
fly_status fly__sql_value_out(struct fly_sql_session *session, fly_sql_type type,
                              const fly_vec_value *value, fly_arena *arena, fly_bytes *text,
                              fly_err *err);

/* Apply a typmod: round, pad, cut or refuse, as an assignment (or, `is_explicit`, a cast) does. */
fly_status fly__sql_value_fit(fly_sql_type type, bool is_explicit, fly_vec_value *value,
                              fly_arena *arena, fly_err *err);

/* Order and equality of two values of a type, neither NULL; text under the type's collation. */
int fly__sql_value_cmp(fly_sql_type type, const fly_vec_value *a, const fly_vec_value *b);

#endif
