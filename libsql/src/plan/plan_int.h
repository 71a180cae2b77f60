/*
 * Plans: what the binder makes of a statement, the optimiser improves, and the executor runs.
 *
 * A plan is a tree of relational nodes (rel) with expressions (expr). Every column that any node makes
 * has an id, unique in the statement: expressions name columns by id and never by position, so a node
 * may be moved, and a column that an expression names but its inputs do not make is a correlated one,
 * made by an outer query. Everything lies in the statement's arena; nodes are plain structs, changed in
 * place by the optimiser.
 *
 * What the binder promises: every expression has its type; casts are explicit nodes; `*` is expanded;
 * aggregates and window functions are in agg and window nodes, and expressions above name their result
 * columns; subqueries in expressions are EXPR_SUBQUERY, whatever they are correlated with. What the
 * optimiser promises: the same rows. A plan that it never touched must run too.
 */
#ifndef FLY_SQL_PLAN_INT_H
#define FLY_SQL_PLAN_INT_H

#include "catalog/catalog_int.h"
#include "func/func_int.h"

typedef struct fly__sql_expr fly__sql_expr;
typedef struct fly__sql_rel fly__sql_rel;

typedef uint32_t fly__sql_colid; /* 0 is none */

/* --------------------------------------------------------------- expressions */

typedef enum fly__sql_expr_kind {
    FLY__SQL_X_CONST,   /* value */
    FLY__SQL_X_COLUMN,  /* column */
    FLY__SQL_X_PARAM,   /* param: 0-based number of $n */
    FLY__SQL_X_CALL,    /* func over args: functions, operators, casts with a function */
    FLY__SQL_X_RELABEL, /* args[0], taken for another type of the same physical form */
    FLY__SQL_X_FIT, /* args[0], made to fit the type's modifier (varchar(3), numeric(5,2)); `flag`:
                            by an explicit cast */
    FLY__SQL_X_SHAPE, /* args[0], numeric, into another shape (type.digits, type.scale) */
    FLY__SQL_X_IO,    /* args[0] to its text and back in as another type */
    FLY__SQL_X_AND,   /* args, two or more */
    FLY__SQL_X_OR,
    FLY__SQL_X_NOT,
    FLY__SQL_X_IS_NULL,  /* `flag`: IS NOT NULL */
    FLY__SQL_X_IS_TRUTH, /* truth: 't' 'f' 'u'; `flag`: negated */
    FLY__SQL_X_DISTINCT, /* args[0] IS DISTINCT FROM args[1] by func (=); `flag`: NOT */
    FLY__SQL_X_CASE,     /* args: when, then, when, then, ..., else (always there) */
    FLY__SQL_X_COALESCE,
    FLY__SQL_X_MINMAX,    /* GREATEST; `flag`: LEAST; by func (>) */
    FLY__SQL_X_NULLIF,    /* args[0] unless func(args[0], args[1]) */
    FLY__SQL_X_ANY,       /* args[0] func ANY (args[1], an array); `flag`: ALL */
    FLY__SQL_X_IN,        /* args[0] func one of args[1..], all of one type; `flag`: NOT IN */
    FLY__SQL_X_ARRAY,     /* ARRAY[args]; `flag`: args are arrays, nested */
    FLY__SQL_X_SUBSCRIPT, /* args[0][args[1]]...; slices: `flag`, with bounds in pairs (NULL: open) */
    FLY__SQL_X_ROW,       /* ROW(args) */
    FLY__SQL_X_FIELD,     /* field number `column` (1-based attnum) of the composite args[0] */
    FLY__SQL_X_ROW_COMPARE, /* args: left fields then right fields; op; func of each pair in funcs */
    FLY__SQL_X_SUBQUERY,    /* subquery */
    FLY__SQL_X_SESSION      /* CURRENT_DATE and its kin: `func` without arguments, evaluated once */
} fly__sql_expr_kind;

typedef enum fly__sql_subquery_kind {
    FLY__SQL_SUB_EXISTS,
    FLY__SQL_SUB_SCALAR, /* one column, at most one row: 21000 otherwise */
    FLY__SQL_SUB_ANY, /* test (an expr over the subquery's columns) true of any row; IN is this */
    FLY__SQL_SUB_ALL,
    FLY__SQL_SUB_ARRAY,
    FLY__SQL_SUB_ROW /* several columns, at most one row, as a composite */
} fly__sql_subquery_kind;

typedef struct fly__sql_subquery {
    fly__sql_subquery_kind kind;
    fly__sql_rel *rel;
    fly__sql_expr *test;  /* ANY, ALL: names rel's columns and outer ones */
    uint32_t outer_count; /* columns of outer queries that rel (not test) names */
    fly__sql_colid *outer;
    fly_sql_type *outer_types;
} fly__sql_subquery;

/* Fields of a record that has no type of its own. */
typedef struct fly__sql_fields {
    uint32_t count;
    const char **names;
    fly_sql_type *types;
} fly__sql_fields;

struct fly__sql_expr {
    uint8_t kind; /* fly__sql_expr_kind */
    bool flag;
    char truth;                    /* IS_TRUTH; ROW_COMPARE: fly__sql_op_class */
    bool volatile_;                /* it or something below it must be evaluated each time */
    bool raises;                   /* it or something below it may fail */
    const fly__sql_fields *fields; /* the binder's: of a record whose fields have names */
    /* The binder's: how the collation was found: 'i', 'e' by COLLATE, 'x' conflict. */
    char collated;
    fly_sql_type type;
    uint32_t pos; /* in the statement, 1-based; 0: none */
    uint32_t argc;
    fly__sql_expr **args;
    const fly__sql_func *func;
    const fly__sql_func **funcs; /* ROW_COMPARE */
    union {
        fly_vec_value value;
        fly__sql_colid column;
        uint32_t param;
        fly__sql_subquery *subquery;
    };
};

/* ------------------------------------------------------------------ relations */

/* A column that a node makes. */
typedef struct fly__sql_colref {
    fly__sql_colid id;
    fly_sql_type type;
    const char *name; /* for people; may be NULL */
    bool nullable;    /* may be NULL */
} fly__sql_colref;

typedef struct fly__sql_sort_key {
    fly__sql_expr *expr;
    bool descending;
    bool nulls_first;
} fly__sql_sort_key;

typedef enum fly__sql_rel_kind {
    FLY__SQL_R_SCAN,
    FLY__SQL_R_VALUES,
    FLY__SQL_R_FUNCTION, /* set functions in FROM, side by side (ROWS FROM) */
    FLY__SQL_R_FILTER,
    FLY__SQL_R_PROJECT,
    FLY__SQL_R_UNNEST, /* set functions in the select list: project that may repeat rows */
    FLY__SQL_R_JOIN,
    FLY__SQL_R_AGGREGATE,
    FLY__SQL_R_WINDOW,
    FLY__SQL_R_SORT,
    FLY__SQL_R_LIMIT,
    FLY__SQL_R_DISTINCT,
    FLY__SQL_R_SETOP,
    FLY__SQL_R_CTE,   /* a use of a common table expression */
    FLY__SQL_R_WITH,  /* common table expressions, then the query that uses them */
    FLY__SQL_R_LOCK,  /* FOR UPDATE */
    FLY__SQL_R_MODIFY /* INSERT, UPDATE, DELETE, MERGE */
} fly__sql_rel_kind;

typedef enum fly__sql_join_kind {
    FLY__SQL_JOIN_INNER,
    FLY__SQL_JOIN_LEFT,
    FLY__SQL_JOIN_RIGHT,
    FLY__SQL_JOIN_FULL,
    FLY__SQL_JOIN_SEMI,      /* left rows with a match */
    FLY__SQL_JOIN_ANTI,      /* left rows without */
    FLY__SQL_JOIN_ANTI_NULL, /* as NOT IN: nothing if the condition is unknown for any right row */
    FLY__SQL_JOIN_MARK,      /* left rows, and a column: true, false or NULL, as IN says */
    FLY__SQL_JOIN_SINGLE     /* as LEFT; 21000 if there are two matches */
} fly__sql_join_kind;

typedef struct fly__sql_agg {
    const fly__sql_func *func;
    fly__sql_colref out;
    uint32_t argc;
    fly__sql_expr **args;
    fly__sql_expr *filter; /* or NULL */
    bool distinct;
    uint32_t order_count; /* ORDER BY inside, or WITHIN GROUP */
    fly__sql_sort_key *order;
    uint32_t pos;
} fly__sql_agg;

typedef enum fly__sql_window_kind { /* func->window; 0: an aggregate as window function */
                                    FLY__SQL_WIN_AGGREGATE,
                                    FLY__SQL_WIN_ROW_NUMBER,
                                    FLY__SQL_WIN_RANK,
                                    FLY__SQL_WIN_DENSE_RANK,
                                    FLY__SQL_WIN_PERCENT_RANK,
                                    FLY__SQL_WIN_CUME_DIST,
                                    FLY__SQL_WIN_NTILE,
                                    FLY__SQL_WIN_LAG,
                                    FLY__SQL_WIN_LEAD,
                                    FLY__SQL_WIN_FIRST_VALUE,
                                    FLY__SQL_WIN_LAST_VALUE,
                                    FLY__SQL_WIN_NTH_VALUE
} fly__sql_window_kind;

typedef enum fly__sql_bound_kind {
    FLY__SQL_UNBOUNDED_PRECEDING,
    FLY__SQL_PRECEDING,
    FLY__SQL_CURRENT_ROW,
    FLY__SQL_FOLLOWING,
    FLY__SQL_UNBOUNDED_FOLLOWING
} fly__sql_bound_kind;

typedef struct fly__sql_frame {
    char mode;          /* 'r' rows, 'g' groups, 'v' range of values */
    uint8_t start, end; /* fly__sql_bound_kind */
    fly__sql_expr *start_offset, *end_offset;
    char exclude; /* 'n' no others, 'c' current row, 'g' group, 't' ties */
    /* Range with offsets: the order key plus and minus the offset, and how to compare. */
    const fly__sql_func *in_add, *in_sub, *in_cmp;
} fly__sql_frame;

typedef struct fly__sql_window_call {
    fly__sql_agg call; /* func, args, filter */
    fly__sql_frame frame;
    bool ignore_nulls;
} fly__sql_window_call;

typedef struct fly__sql_cte {
    const char *name;
    uint32_t id;
    fly__sql_rel *rel;       /* the query; if recursive, the non-recursive term */
    fly__sql_rel *recursive; /* the recursive term, which uses R_CTE with `work` set; or NULL */
    bool union_all;          /* of a recursive one: keep duplicates */
    bool materialize;        /* 't' by word, or because it changes data or is recursive */
    uint32_t uses;
    uint32_t count;           /* columns */
    fly__sql_colref *columns; /* what rel makes, in order: each use maps them to ids of its own */
} fly__sql_cte;

typedef enum fly__sql_command {
    FLY__SQL_INSERT,
    FLY__SQL_UPDATE,
    FLY__SQL_DELETE,
    FLY__SQL_MERGE
} fly__sql_command;

/* What is assigned to a column of the target: an expression over the input's columns. */
typedef struct fly__sql_assign {
    uint16_t column; /* attnum */
    fly__sql_expr *expr;
} fly__sql_assign;

typedef struct fly__sql_merge_action {
    bool matched;
    fly__sql_expr *condition; /* or NULL */
    fly__sql_command command; /* INSERT, UPDATE, DELETE */
    bool nothing;             /* DO NOTHING */
    uint32_t assign_count;
    fly__sql_assign *assigns; /* INSERT: all columns of the table, defaults included */
} fly__sql_merge_action;

typedef struct fly__sql_modify {
    fly__sql_command command;
    const fly__sql_table *table;
    /* UPDATE, DELETE, MERGE: the input's columns that hold the row key and the old row. */
    fly__sql_colid row_key;
    uint32_t old_count; /* = table->column_count; id 0 for dropped ones */
    fly__sql_colid *old;
    /* INSERT: one per column of the table, defaults and NULLs filled in by the binder. UPDATE: only
     * what is set, generated columns that depend on it included. Over the input's columns. */
    uint32_t assign_count;
    fly__sql_assign *assigns;
    /* After assignment: over the ids in `fresh`, the new row, one per column. */
    fly__sql_colid *fresh;
    uint32_t generated_count;
    fly__sql_assign *generated; /* stored generated columns */
    uint32_t check_count;
    fly__sql_expr **checks; /* CHECK constraints, view WITH CHECK OPTION, policies */
    const char **check_names;
    char *check_kinds; /* 'c' constraint, 'v' view, 'p' policy, 'd' domain */
    /* ON CONFLICT: '-' none, 'n' do nothing, 'u' do update. */
    char on_conflict;
    const fly__sql_index *arbiter; /* or NULL: any */
    uint32_t set_count; /* DO UPDATE SET, over `old` (the row there) and `fresh` (EXCLUDED) */
    fly__sql_assign *sets;
    fly__sql_expr *set_where;
    uint32_t action_count;
    fly__sql_merge_action *actions;
    bool overriding; /* nothing to check: GENERATED ALWAYS was dealt with */
    /* RETURNING: projected over `fresh` (INSERT, UPDATE), `old` (DELETE) and the input's columns. */
    uint32_t returning_count;
    fly__sql_expr **returning;
    const char *relation_alias;
} fly__sql_modify;

struct fly__sql_rel {
    uint8_t kind;
    uint32_t column_count; /* what it makes, in order */
    fly__sql_colref *columns;
    fly__sql_rel *left; /* the input, or the left one */
    fly__sql_rel *right;
    /* Filled by the optimiser; 0 if unknown. */
    double rows;
    double cost;
    union {
        struct {
            const fly__sql_table *table;
            uint16_t *attnums;     /* one per column made; 0: the row key */
            fly__sql_expr *filter; /* or NULL; over the columns made */
            /* Access path, chosen by the optimiser; NULL: the table in its own order. Bounds are
             * expressions without columns of this scan: `equal_count` leading index columns are equal
             * to equals[i], then one may have a range. */
            const fly__sql_index *index;
            uint32_t equal_count;
            fly__sql_expr **equals;
            fly__sql_expr *low, *high; /* or NULL */
            bool low_open, high_open;
            bool backward;
            bool index_only; /* its entries have all columns made: no row is looked at */
            bool lateral;    /* bounds name columns of outer nodes */
            double entries;  /* that the bounds let the index give; an estimate */
            /* What the optimiser must know to think again: the conditions that `filter` lacks since
             * the index meets them; or the index that was left because its bounds hold too much, and
             * then what `filter` would be with it. */
            fly__sql_expr *bounds;
            const fly__sql_index *spurned;
            const char *alias;
        } scan;
        struct {
            uint32_t row_count;
            fly__sql_expr ***rows; /* [row][column] */
        } values;
        struct {
            uint32_t count;
            fly__sql_expr **calls; /* X_CALLs of set or scalar functions; columns in order */
            uint32_t *widths;      /* columns of each */
            bool ordinality;       /* one more column: 1, 2, ... */
            bool lateral;
        } function;
        struct {
            fly__sql_expr *condition;
            bool barrier; /* row security: nothing that could tell of a row is asked before it */
        } filter;
        struct {
            fly__sql_expr **exprs; /* one per column made (PROJECT, UNNEST) */
        } project;
        struct {
            fly__sql_join_kind join;
            fly__sql_expr *condition; /* or NULL: cross */
            bool lateral;             /* right names columns of left */
            fly__sql_colid mark;      /* MARK: the column that it makes, the last of `columns` */
            /* Filled by the optimiser: equality keys for hashing, the rest of the condition. */
            uint32_t key_count;
            fly__sql_expr **left_keys, **right_keys;
            bool *null_safe; /* IS NOT DISTINCT FROM */
            fly__sql_expr *residual;
            char method; /* 'h' hash, 'n' nested loop, 'i' index look-up; 0: exec decides */
            bool build_left;
        } join;
        struct {
            uint32_t group_count;
            fly__sql_expr **groups; /* makes the first columns */
            uint32_t agg_count;
            fly__sql_agg *aggs; /* then these */
            /* Grouping sets: bit i set: groups[i] is in the set; 0 sets: one of all. */
            uint32_t set_count;
            uint64_t *sets;
            fly__sql_colid
                grouping; /* a bigint column with the set's bits, for GROUPING(); 0: none */
        } aggregate;
        struct {
            uint32_t partition_count;
            fly__sql_expr **partitions;
            uint32_t order_count;
            fly__sql_sort_key *order;
            uint32_t call_count;
            fly__sql_window_call *calls; /* columns: the input's, then one per call */
        } window;
        struct {
            uint32_t count;
            fly__sql_sort_key *keys;
            uint64_t top; /* no more than this many are wanted; 0: all */
        } sort;
        struct {
            fly__sql_expr *limit;  /* or NULL */
            fly__sql_expr *offset; /* or NULL */
            bool with_ties;        /* by the sort below */
        } limit;
        struct {
            uint32_t on_count; /* DISTINCT ON; 0: all columns. The input is sorted for it */
            fly__sql_expr **on;
        } distinct;
        struct {
            char op;  /* 'u' union, 'i' intersect, 'e' except */
            bool all; /* columns pair by position, types are equal */
        } setop;
        struct {
            fly__sql_cte *cte; /* columns are new ids for cte->columns, in order */
            bool work;         /* inside its recursive term: the rows of the last round */
        } cte;
        struct {
            uint32_t count;
            fly__sql_cte **ctes; /* the query is `left` */
        } with;
        struct {
            uint32_t count; /* tables to lock */
            const fly__sql_table **tables;
            fly__sql_colid *row_keys;
            fly_lock_mode *modes;
            char wait; /* 'w' wait, 'n' nowait, 's' skip locked */
        } lock;
        fly__sql_modify *modify;
    };
};

/* A statement ready to run. */
typedef struct fly__sql_plan {
    fly__sql_rel *root;    /* NULL for statements that are run by themselves (DDL, SET ...) */
    uint32_t column_count; /* of the result; 0: none */
    fly__sql_colref *columns;
    uint32_t param_count;
    fly_sql_type *params;
    fly__sql_colid next_id; /* the first id that is not taken */
    const char *tag;        /* "SELECT", "INSERT" ... */
    bool writes;            /* changes data itself, also in WITH */
    bool modifies;          /* or calls a volatile function, which may */
    uint64_t version;       /* of the catalog that it was bound with */
    uint32_t table_count;   /* that it reads or changes, for locks and rights */
    const fly__sql_table **tables;
    uint8_t *table_modes; /* 1 read, 2 change, 4 row locks */
} fly__sql_plan;

/* Whether a rel makes a column. */
static inline bool fly__sql_rel_makes(const fly__sql_rel *rel, fly__sql_colid id)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (rel->columns[i].id == id) {
            return true;
        }
    }
    return false;
}

/*
 * What a node of a plan did when it was run. Time, pages and bytes of the log are those of the nodes
 * below it too; pages and log count what everybody did to the database meanwhile.
 */
typedef struct fly__sql_node_stats {
    const fly__sql_rel *rel;
    uint64_t rows, batches, loops;
    uint64_t ns, first_ns; /* in all, and until the first batch was there */
    int64_t holds;         /* bytes of memory, of this node alone, */
    int64_t memory;        /* and the most that these were after a call */
    uint64_t spilled;
    uint64_t pages_fixed, pages_missed, log_bytes;
} fly__sql_node_stats;

/* As EXPLAIN shows it, with what the nodes did if that is known; in plan_print.c. */
fly_status fly__sql_plan_print(const fly__sql_plan *plan, bool json,
                               const fly__sql_node_stats *stats, size_t count, fly_arena *arena,
                               fly_bytes *text, fly_err *err);

#endif
