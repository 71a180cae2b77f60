/*
 * What the files of the binder share: the binder itself, scopes, and what is asked of each chapter.
 *
 *     bind.c     entry points, the plan around the tree, the last pass over it
 *     build.c    making, comparing and walking expressions and relations
 *     scope.c    names to columns
 *     type.c     types: by name, their names, categories, elements
 *     coerce.c   from one type to another; the common type of several
 *     call.c     functions by name and arguments
 *     oper.c     operators
 *     expr.c     every kind of expression
 *     sublink.c  queries inside expressions
 *     from.c     FROM: tables, views, queries, functions, joins
 *     select.c   SELECT and VALUES; group.c aggregation; window.c; setop.c; cte.c
 *     policy.c   row security
 *     modify.c   INSERT, UPDATE, DELETE; merge.c; view.c: views that can be changed
 *
 * Failing. A binder is a long recursive descent that nearly always succeeds, so its functions return
 * what they make, and NULL (or false) when they fail; the error then stands in binder->err and its
 * status in binder->status. Only the entry points turn that into a fly_status.
 *
 * Columns. Each has an id, and binder->infos says what it is: a column of an item of FROM, the result
 * of an aggregate or window call, or of a node; and the scope it belongs to. A scan makes a column only
 * once somebody names it. What nodes between pass on is filled in by the last pass.
 */
#ifndef FLY_SQL_BIND_SCOPE_INT_H
#define FLY_SQL_BIND_SCOPE_INT_H

#include "bind/bind_int.h"

#include <string.h>

typedef struct fly__sql_scope fly__sql_scope;
typedef struct fly__sql_item fly__sql_item;
typedef struct fly__sql_need fly__sql_need; /* of rights: need.c */

/* OIDs that sql.h does not name. */
enum {
    FLY__SQL_OIDVECTOR = 30,
    FLY__SQL_CIDR = 650,
    FLY__SQL_BIT = 1560,
    FLY__SQL_VARBIT = 1562,
    FLY__SQL_REFCURSOR = 1790,
    FLY__SQL_CSTRING = 2275,
    FLY__SQL_RECORD_ARRAY = 2287,
    FLY__SQL_ANYRANGE = 3831,
    FLY__SQL_ANYCOMPATIBLENONARRAY = 5079,
    FLY__SQL_TEXT_ARRAY = 1009,
    FLY__SQL_TARGETS_MAX = 1664,
    FLY__SQL_BIND_DEPTH_MAX = 4000,
    FLY__SQL_ANY_SHAPE = 255 /* as `digits` of a target: numeric in whatever shape */
};

/* Where an expression stands, which decides what it may contain and what messages call the place. */
typedef enum fly__sql_place {
    FLY__SQL_IN_OTHER,
    FLY__SQL_IN_TARGET,
    FLY__SQL_IN_WHERE,
    FLY__SQL_IN_HAVING,
    FLY__SQL_IN_FILTER,
    FLY__SQL_IN_GROUP_BY,
    FLY__SQL_IN_ORDER_BY,
    FLY__SQL_IN_DISTINCT_ON,
    FLY__SQL_IN_JOIN_ON,
    FLY__SQL_IN_FROM_FUNCTION,
    FLY__SQL_IN_FROM_QUERY,
    FLY__SQL_IN_LIMIT,
    FLY__SQL_IN_OFFSET,
    FLY__SQL_IN_VALUES,
    FLY__SQL_IN_INSERT_TARGET,
    FLY__SQL_IN_UPDATE_SOURCE,
    FLY__SQL_IN_RETURNING,
    FLY__SQL_IN_MERGE_WHEN,
    FLY__SQL_IN_PARTITION_BY,
    FLY__SQL_IN_WINDOW_ORDER,
    FLY__SQL_IN_WINDOW_FRAME,
    FLY__SQL_IN_CHECK,
    FLY__SQL_IN_DEFAULT,
    FLY__SQL_IN_GENERATED,
    FLY__SQL_IN_INDEX,
    FLY__SQL_IN_PREDICATE,
    FLY__SQL_IN_TRANSFORM,
    FLY__SQL_IN_TRIGGER
} fly__sql_place;

/* What a column id stands for. */
typedef struct fly__sql_colinfo {
    char
        kind; /* 'f' of FROM, 'a' an aggregate, 'w' a window call, 'g' a group, 'G' GROUPING() until
                  its groups are known, 'k' a row key, 'o' of a node */
    fly__sql_scope *scope;
    fly__sql_item *item; /* 'f' */
    uint32_t index;      /* 'f': of item->columns; 'a': of scope->aggs */
    const fly__sql_fields *fields;
} fly__sql_colinfo;

/* A column of an item of FROM. */
typedef struct fly__sql_item_column {
    const char *name;
    fly_sql_type type;
    fly__sql_colid id;   /* 0: not made yet (scans) */
    fly__sql_expr *expr; /* instead of an id: a merged column of USING; copied at each use */
    fly__sql_item *of;   /* or: the column `of_index` of an item below a join */
    uint32_t of_index;
    uint16_t number;               /* of a table's column */
    const fly__sql_fields *fields; /* of a record */
    bool hidden;                   /* dropped: it has no name */
    bool not_null;
} fly__sql_item_column;

/* Something in FROM that has a name. */
struct fly__sql_item {
    const char *alias;  /* or NULL */
    const char *schema; /* of a table without alias: it may be written before the name */
    const fly__sql_table *table;
    fly__sql_need *need; /* where columns that the statement names are noted; NULL: nobody asks */
    fly__sql_rel *rel;   /* what makes the columns; a scan's grow as they are named */
    uint32_t column_count;
    fly__sql_item_column *columns;
    fly__sql_colid row_key;
    bool qualified;    /* its name may be written */
    bool unqualified;  /* its columns may be written alone */
    bool lateral_only; /* only from inside LATERAL */
    bool lateral_bad;  /* and there only to say that it cannot be referenced */
    bool scalar;       /* a function that gives one value: its name is that column too */
    bool join;         /* an alias of a join: has no row type */
    uint32_t ordinal;  /* of scope->items */
    fly_sql_type row_type;
};

typedef struct fly__sql_scope_cte {
    struct fly__sql_scope_cte *next;
    const char *name;
    fly__sql_cte *cte;  /* NULL: not bound yet, not visible */
    bool recursive;     /* its recursive term is being bound: uses are of the last round */
    bool used;          /* the recursive reference was seen */
    bool forbidden;     /* ... and may not be seen here */
    uint32_t own;       /* columns that it shows to its recursive term */
    fly__sql_rel *work; /* where that takes the rows of the last round from */
} fly__sql_scope_cte;

/* A window, resolved. */
typedef struct fly__sql_window_def {
    const char *name;
    uint32_t partition_count;
    fly__sql_expr **partitions;
    uint32_t order_count;
    fly__sql_sort_key *order;
    fly__sql_frame frame;
    bool framed; /* a frame was written */
    uint32_t call_count, call_room;
    fly__sql_window_call **calls;
    struct fly__sql_window_def *next;
    const fly_ast_window *ast;
} fly__sql_window_def;

/* A query's names. */
struct fly__sql_scope {
    fly__sql_scope *parent;
    uint32_t level;
    fly__sql_place place;
    bool lateral; /* LATERAL is being bound: what is lateral_only may be named */
    uint32_t item_count, item_room;
    fly__sql_item **items;
    fly__sql_scope_cte *ctes;
    uint32_t agg_count, agg_room;
    fly__sql_agg *aggs;
    bool in_agg; /* an aggregate's arguments are being bound */
    bool has_windows;
    bool has_sets;     /* set functions in expressions */
    bool has_grouping; /* GROUPING() */
    fly__sql_window_def *windows;
    const fly_ast_select *select; /* whose WINDOW clause names windows */
    struct fly__sql_group *group; /* group.c's */
    const char *view;             /* of a view's text: not this statement's positions */
    uint32_t grouping_count, grouping_room;
    fly__sql_expr ***groupings; /* arguments of each GROUPING(), NULL at their end */
};

typedef struct fly__sql_binder {
    fly__sql_bind_context *context;
    fly_sql_session *session;
    const fly__sql_catalog_view *view;
    fly_arena *arena;
    fly_err *err;
    fly_status status;
    fly__sql_colid next_id;
    fly__sql_colinfo *infos;
    uint32_t info_room;
    uint32_t depth;
    uint32_t next_cte;
    uint32_t no_positions;  /* > 0: inside text that is not the statement's */
    uint32_t user;          /* whose rights count: inside of a view its owner's */
    bool returning;         /* the rows that are changed are read, too */
    bool replaces;          /* INSERT ... ON CONFLICT DO UPDATE is being bound */
    uint32_t target_rights; /* on the tables below a view that is changed */
    fly__sql_need *needs;
    fly__sql_need **last_need;
    bool has_subqueries;
    bool modifies;
    bool lax_ops, lax_group_by, int_wide, div_null, num_first, nulls_first, like_nocase;
    uint32_t table_count, table_room;
    const fly__sql_table **tables;
    uint8_t *table_modes;
    /* Columns of a lone expression: fly__sql_bind_expr(). */
    uint32_t params_room;
    const char *value_name; /* VALUE in a domain's checks */
    fly__sql_expr *value_expr;
} fly__sql_binder;

/* A column of a query's result. */
typedef struct fly__sql_target {
    fly__sql_expr *expr;
    const char *name;
    uint32_t pos;
    bool junk;
    bool aliased;
} fly__sql_target;

/* ---------------------------------------------------------------------- rights */

/* The statement needs these rights on a relation, as b->user; `*need` is NULL if nobody will ask. */
bool fly__sql_bind_need(fly__sql_binder *b, const fly__sql_table *table, uint32_t rights,
                        fly__sql_need **need);
/* ... on one of its columns. */
bool fly__sql_bind_need_column(fly__sql_binder *b, fly__sql_need *need, uint16_t number,
                               uint32_t right);
/* ... to read the one at a position. */
bool fly__sql_bind_need_item(fly__sql_binder *b, fly__sql_need *need, uint32_t index);
bool fly__sql_bind_need_function(fly__sql_binder *b, const fly__sql_user_function *function);
/* 42501 if one is not there. */
bool fly__sql_bind_check_needs(fly__sql_binder *b);

/* --------------------------------------------------------------------- failing */

/* Give up with an error; returns NULL. */
void *fly__sql_bind_fail(fly__sql_binder *b, const char *state, uint32_t pos, const char *format,
                         ...) FLY_PRINTF(4, 5);
void *fly__sql_bind_no_memory(fly__sql_binder *b);
/* 0A000, in PostgreSQL's manner: "x is not supported". */
void *fly__sql_bind_unsupported(fly__sql_binder *b, uint32_t pos, const char *what);
void fly__sql_bind_hint(fly__sql_binder *b, const char *format, ...) FLY_PRINTF(2, 3);
void fly__sql_bind_detail(fly__sql_binder *b, const char *format, ...) FLY_PRINTF(2, 3);

/* Zeroed memory of the statement; NULL fails. */
void *fly__sql_bind_alloc(fly__sql_binder *b, size_t size);
char *fly__sql_bind_printf(fly__sql_binder *b, const char *format, ...) FLY_PRINTF(2, 3);
/* Grow an array: `*room` elements of `size`, of which `count` are used, to hold one more. */
bool fly__sql_bind_room(fly__sql_binder *b, void *array, uint32_t *room, uint32_t count,
                        size_t size);

/* A text of the catalog (a view, a default) parsed: one statement, or one expression. */
const fly_ast *fly__sql_bind_parse(fly__sql_binder *b, const char *text);
/* From here on names mean what they mean within a schema: see fly__sql_view_within(). `*saved` is what
 * b->view is to be again afterwards. */
bool fly__sql_bind_within(fly__sql_binder *b, uint32_t schema, const fly__sql_catalog_view **saved);
const fly_ast *fly__sql_bind_parse_expr(fly__sql_binder *b, const char *text);

/* ------------------------------------------------------------------------ build */

fly__sql_colid fly__sql_bind_id(fly__sql_binder *b, char kind, fly__sql_scope *scope,
                                fly__sql_item *item, uint32_t index);
fly__sql_expr *fly__sql_bind_node(fly__sql_binder *b, fly__sql_expr_kind kind, fly_sql_type type,
                                  uint32_t argc, uint32_t pos);
/* Take volatile_, raises and collation over from the arguments; returns the expression. */
fly__sql_expr *fly__sql_bind_done(fly__sql_binder *b, fly__sql_expr *e);
fly__sql_expr *fly__sql_bind_copy(fly__sql_binder *b, const fly__sql_expr *e);
fly__sql_expr *fly__sql_bind_colref(fly__sql_binder *b, fly__sql_colid id, fly_sql_type type,
                                    uint32_t pos);
fly__sql_expr *fly__sql_bind_null(fly__sql_binder *b, fly_sql_type type, uint32_t pos);
/* Whether one of the first `argc` arguments is the constant NULL, so that a strict function of them is
 * NULL and the others need not be computed, even if they would fail: PostgreSQL decides that before
 * it has seen a row. False if an argument is made of constants only, for that one must be computed. */
bool fly__sql_bind_certainly_null(const fly__sql_expr *e, uint32_t argc);
fly__sql_expr *fly__sql_bind_bool(fly__sql_binder *b, bool value, uint32_t pos);
fly__sql_expr *fly__sql_bind_int(fly__sql_binder *b, int64_t value, uint32_t oid, uint32_t pos);
fly__sql_expr *fly__sql_bind_str(fly__sql_binder *b, fly_bytes text, uint32_t oid, uint32_t pos);
fly__sql_expr *fly__sql_bind_and(fly__sql_binder *b, fly__sql_expr *left, fly__sql_expr *right);
fly__sql_expr *fly__sql_bind_not(fly__sql_binder *b, fly__sql_expr *arg);
/* Where an expression begins in the text: its operator may stand behind its first operand. */
uint32_t fly__sql_bind_pos(const fly__sql_expr *e);
bool fly__sql_bind_equal(const fly__sql_expr *a, const fly__sql_expr *b);

fly__sql_rel *fly__sql_bind_rel(fly__sql_binder *b, fly__sql_rel_kind kind, fly__sql_rel *left,
                                uint32_t columns);
fly__sql_rel *fly__sql_bind_filter(fly__sql_binder *b, fly__sql_rel *input,
                                   fly__sql_expr *condition);
/* A node that makes one row without columns. */
fly__sql_rel *fly__sql_bind_one_row(fly__sql_binder *b);

/* Call `visit` for the place of each expression below (parents first), into subqueries too; it may put
 * another there, and says whether to go on below it: 1 yes, 0 no, -1 failed. False: it failed. */
typedef int (*fly__sql_expr_visit)(void *ctx, fly__sql_expr **at);
bool fly__sql_bind_walk(fly__sql_expr **at, fly__sql_expr_visit visit, void *ctx);
bool fly__sql_bind_walk_rel(fly__sql_rel *rel, fly__sql_expr_visit visit, void *ctx);

/* ------------------------------------------------------------------------ types */

char fly__sql_bind_category(fly__sql_binder *b, uint32_t oid, bool *preferred);
/* As format_type() says it, without modifiers. */
const char *fly__sql_bind_type_name(fly__sql_binder *b, uint32_t oid);
/* With them. */
const char *fly__sql_bind_type_full(fly__sql_binder *b, fly_sql_type type);
uint32_t fly__sql_bind_element(fly__sql_binder *b, uint32_t oid);       /* 0: not an array */
uint32_t fly__sql_bind_array_of(fly__sql_binder *b, uint32_t oid);      /* 0: has none */
fly_sql_type fly__sql_bind_base(fly__sql_binder *b, fly_sql_type type); /* of domains */
bool fly__sql_bind_polymorphic(uint32_t oid);
bool fly__sql_bind_is_enum(fly__sql_binder *b, uint32_t oid);
/* The table whose rows a composite type has; NULL: it has none, or is a record. */
const fly__sql_table *fly__sql_bind_composite(fly__sql_binder *b, uint32_t oid);
bool fly__sql_bind_collatable(fly__sql_binder *b, uint32_t oid);
/* A type without modifier; those made by users too. */
fly_sql_type fly__sql_bind_plain(fly__sql_binder *b, uint32_t oid);
/* numeric in libvec's format; other types as they are. */
fly_sql_type fly__sql_bind_unshaped_type(fly_sql_type type);
/* numeric(p, s) gets its shape. */
fly_sql_type fly__sql_bind_shaped(fly_sql_type type);
bool fly__sql_bind_typename(fly__sql_binder *b, const fly_ast_type *name, fly_sql_type *type);
const char *fly__sql_bind_collation_name(fly__sql_binder *b, uint32_t oid);
bool fly__sql_bind_collation(fly__sql_binder *b, fly_ast_names names, uint32_t pos, uint32_t *oid);

/* ----------------------------------------------------------------------- coerce */

bool fly__sql_bind_can_coerce(fly__sql_binder *b, uint32_t from, uint32_t to, char context);
/* From any to `to`, in context 'i' implicit, 'a' assignment, 'e' explicit. NULL: cannot, or failed; the
 * first leaves binder->status FLY_OK. */
fly__sql_expr *fly__sql_bind_coerce(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to,
                                    char context, uint32_t pos);
/* As above; what cannot be is 42804, "argument of WHERE must be type boolean, not type integer". */
fly__sql_expr *fly__sql_bind_coerce_place(fly__sql_binder *b, fly__sql_expr *e, uint32_t oid,
                                          const char *construct);
fly__sql_expr *fly__sql_bind_boolean(fly__sql_binder *b, fly__sql_expr *e, const char *construct);
/* For a column: 42804 with PostgreSQL's words. */
fly__sql_expr *fly__sql_bind_assign(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to,
                                    const char *column);
/* Unknown literals and parameters become text. */
fly__sql_expr *fly__sql_bind_known(fly__sql_binder *b, fly__sql_expr *e);
/* The type that all of `exprs` can have; oid 0 fails, with 42804 if `construct` is not NULL. */
fly_sql_type fly__sql_bind_common(fly__sql_binder *b, fly__sql_expr **exprs, uint32_t count,
                                  const char *construct, fly__sql_expr **which);
/* All of them coerced to that type. */
bool fly__sql_bind_unify(fly__sql_binder *b, fly__sql_expr **exprs, uint32_t count,
                         const char *construct, fly_sql_type *type);
/* numeric in libvec's format: what functions that know no shapes take. */
fly__sql_expr *fly__sql_bind_unshaped(fly__sql_binder *b, fly__sql_expr *e);
fly__sql_expr *fly__sql_bind_reshape(fly__sql_binder *b, fly__sql_expr *e, uint8_t digits,
                                     uint8_t scale);
/* Numerics that are compared: all of them in one shape that holds each. */
bool fly__sql_bind_one_shape(fly__sql_binder *b, fly__sql_expr **exprs, uint32_t count);
fly__sql_expr *fly__sql_bind_relabel(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type type);

/* ------------------------------------------------------------------------ calls */

typedef struct fly__sql_candidate {
    const fly__sql_func *func;
    const fly__sql_user_function *user;
    uint32_t count;        /* of arguments to be given, defaults and VARIADIC expanded */
    const uint32_t *types; /* of them */
    uint32_t defaulted;    /* of the last ones */
    bool expanded;         /* VARIADIC's last argument was expanded */
    const int16_t *order;  /* named arguments: which given argument each one is; -1: default */
} fly__sql_candidate;

/* Of candidates that all take `count` arguments, the ones that match best: PostgreSQL's manual, 10.3
 * steps 4.b to 4.f. NULL: none, or, if `*many`, several. */
const fly__sql_candidate *fly__sql_bind_choose(fly__sql_binder *b, fly__sql_candidate *list,
                                               uint32_t list_count, const uint32_t *types,
                                               uint32_t count, bool *many);
/* What the polymorphic types of a declaration are for these arguments: fills `declared` (in, out) and
 * `*result`. False: they contradict each other; an error is set if `pos` is not UINT32_MAX. */
bool fly__sql_bind_polymorph(fly__sql_binder *b, const uint32_t *actual, uint32_t *declared,
                             uint32_t count, uint32_t *result, uint32_t pos);
/* The call made, arguments coerced, `args` kept. */
fly__sql_expr *fly__sql_bind_make_call(fly__sql_binder *b, const fly__sql_func *func,
                                       fly__sql_expr **args, uint32_t argc, uint32_t pos);
/* Coerce arguments in place to what `func` declares; gives the result's type. */
bool fly__sql_bind_args(fly__sql_binder *b, const fly__sql_func *func, fly__sql_expr **args,
                        uint32_t argc, const uint32_t *declared, uint32_t result_oid, uint32_t pos,
                        fly_sql_type *result);
/* One collation for the texts among the arguments of a call, or of what compares by a function. */
bool fly__sql_bind_settle(fly__sql_binder *b, fly__sql_expr *call);
fly__sql_expr *fly__sql_bind_call(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_call *call);
/* A call of a function of pg_catalog by name. */
fly__sql_expr *fly__sql_bind_named_call(fly__sql_binder *b, const char *name, fly__sql_expr **args,
                                        uint32_t argc, uint32_t pos);
bool fly__sql_bind_returns_set(const fly__sql_func *func);
/* Aggregates: fills agg from arguments that are bound; in group.c. */
fly__sql_expr *fly__sql_bind_aggregate(fly__sql_binder *b, fly__sql_scope *scope,
                                       const fly_ast_call *call, const fly__sql_func *func,
                                       fly__sql_expr **args, uint32_t argc,
                                       fly__sql_sort_key *order, uint32_t order_count,
                                       fly__sql_expr *filter, fly_sql_type result);
fly__sql_expr *fly__sql_bind_window_call(fly__sql_binder *b, fly__sql_scope *scope,
                                         const fly_ast_call *call, const fly__sql_func *func,
                                         fly__sql_expr **args, uint32_t argc, fly__sql_expr *filter,
                                         fly_sql_type result);
const char *fly__sql_bind_signature(fly__sql_binder *b, const char *name, fly__sql_expr **args,
                                    uint32_t argc, const char *const *arg_names);

/* -------------------------------------------------------------------- operators */

fly__sql_expr *fly__sql_bind_op(fly__sql_binder *b, const char *symbol, fly__sql_expr *left,
                                fly__sql_expr *right, uint32_t pos);
/* The operator for two types without making the call. NULL: none, and no error. */
const fly__sql_func *fly__sql_bind_find_op(fly__sql_binder *b, const char *symbol, uint32_t left,
                                           uint32_t right);
/* The operator, with both arguments coerced to what it takes. NULL fails. */
const fly__sql_func *fly__sql_bind_op_args(fly__sql_binder *b, const char *symbol,
                                           fly__sql_expr **left, fly__sql_expr **right,
                                           uint32_t pos);
/* 42883 unless a type can be compared by "<" (sorted) or "=" (grouped). */
bool fly__sql_bind_sortable(fly__sql_binder *b, uint32_t oid, uint32_t pos);
bool fly__sql_bind_groupable(fly__sql_binder *b, uint32_t oid, uint32_t pos);
fly__sql_expr *fly__sql_bind_row_op(fly__sql_binder *b, const char *symbol, fly__sql_expr **left,
                                    fly__sql_expr **right, uint32_t count, uint32_t pos);

/* ------------------------------------------------------------------ expressions */

fly__sql_expr *fly__sql_bind_expression(fly__sql_binder *b, fly__sql_scope *scope,
                                        const fly_ast *ast);
/* With another place for as long as it takes. */
fly__sql_expr *fly__sql_bind_at(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_place place,
                                const fly_ast *ast);
fly__sql_expr *fly__sql_bind_sublink(fly__sql_binder *b, fly__sql_scope *scope,
                                     const fly_ast_sublink *ast);
const char *fly__sql_bind_target_name(const fly_ast *ast);
const char *fly__sql_bind_place_name(fly__sql_place place);
/* For "cannot use subquery in ..."; NULL: it can be used. */
const char *fly__sql_bind_place_one(fly__sql_place place);
bool fly__sql_bind_sort_key(fly__sql_binder *b, const fly_ast_sort *ast, fly__sql_expr *e,
                            fly__sql_sort_key *key);

/* ----------------------------------------------------------------------- scopes */

fly__sql_scope *fly__sql_bind_scope(fly__sql_binder *b, fly__sql_scope *parent);
bool fly__sql_bind_scope_add(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item);
/* The column an item's column stands for. */
fly__sql_expr *fly__sql_bind_item_column(fly__sql_binder *b, fly__sql_scope *scope,
                                         fly__sql_item *item, uint32_t index, uint32_t pos);
fly__sql_colid fly__sql_bind_item_id(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item,
                                     uint32_t index);
fly__sql_colid fly__sql_bind_row_key(fly__sql_binder *b, fly__sql_scope *scope,
                                     fly__sql_item *item);
fly__sql_expr *fly__sql_bind_column(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly_ast_column *ast);
fly__sql_expr *fly__sql_bind_whole_row(fly__sql_binder *b, fly__sql_scope *scope,
                                       fly__sql_item *item, uint32_t pos);
fly__sql_expr *fly__sql_bind_field(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_expr *arg,
                                   const char *name, uint32_t pos);
/* The item of a name, for t.*; `up` goes to outer queries. */
fly__sql_item *fly__sql_bind_item(fly__sql_binder *b, fly__sql_scope *scope, const char *schema,
                                  const char *name, uint32_t pos, fly__sql_scope **owner);
/* Fields of a composite expression: how many, and each one's name and type. */
bool fly__sql_bind_fields(fly__sql_binder *b, fly__sql_expr *arg, uint32_t *count,
                          const char ***names, fly_sql_type **types, uint16_t **numbers);

/* ------------------------------------------------------------------------- FROM */

/* A relation of the catalog; 42P01. `mode` is noted for rights: 1 read, 2 change, 4 lock. */
const fly__sql_table *fly__sql_bind_table(fly__sql_binder *b, const fly_ast_relation *ast,
                                          uint8_t mode);
bool fly__sql_bind_note_table(fly__sql_binder *b, const fly__sql_table *table, uint8_t mode);
fly__sql_item *fly__sql_bind_scan(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly__sql_table *table, const char *alias);
/* An item over what a relation makes. */
fly__sql_item *fly__sql_bind_derived(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *rel,
                                     const char *alias, fly_ast_names names, uint32_t pos);
bool fly__sql_bind_rename(fly__sql_binder *b, fly__sql_item *item, fly_ast_names names,
                          uint32_t pos);
/* Rows of a scan that row security lets the user see; `command` as pg_policy has it: 'r' 'w' 'd'. */
fly__sql_rel *fly__sql_bind_secured(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item,
                                    fly__sql_rel *rel, char command);
/* One item of FROM, its names added to the scope. */
fly__sql_rel *fly__sql_bind_from_item(fly__sql_binder *b, fly__sql_scope *scope,
                                      const fly_ast *ast);
/* All of them, joined; `rel` NULL or what is there already. */
fly__sql_rel *fly__sql_bind_from(fly__sql_binder *b, fly__sql_scope *scope, fly_ast_list from,
                                 fly__sql_rel *rel);
fly__sql_rel *fly__sql_bind_join(fly__sql_binder *b, fly__sql_join_kind kind, fly__sql_rel *left,
                                 fly__sql_rel *right, fly__sql_expr *condition);

/* ---------------------------------------------------------------------- queries */

/* Any SELECT node. Its columns are the result's, types known unless `keep_unknown`: then literals of
 * unknown type stay so, for whom they are unified with. */
fly__sql_rel *fly__sql_bind_query(fly__sql_binder *b, fly__sql_scope *parent,
                                  const fly_ast_select *ast, bool keep_unknown);
/* As above, or INSERT ... RETURNING and its kin (of WITH, and at the top). */
fly__sql_rel *fly__sql_bind_statement(fly__sql_binder *b, fly__sql_scope *parent,
                                      const fly_ast *ast);
bool fly__sql_bind_targets(fly__sql_binder *b, fly__sql_scope *scope, fly_ast_list list,
                           fly__sql_place place, fly__sql_target **targets, uint32_t *count,
                           uint32_t *room);
fly__sql_rel *fly__sql_bind_project(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input,
                                    fly__sql_target *targets, uint32_t count);
fly__sql_rel *fly__sql_bind_limit(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_select *ast, fly__sql_rel *rel);
fly__sql_rel *fly__sql_bind_setop(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_select *ast, bool keep_unknown);
/* Columns of `rel` cast to `types`, position by position. */
fly__sql_rel *fly__sql_bind_cast_columns(fly__sql_binder *b, fly__sql_rel *rel,
                                         const fly_sql_type *types);

bool fly__sql_bind_with(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_with *with,
                        fly__sql_rel **wrap);
/* The use of a common table expression, if the name is one. */
fly__sql_rel *fly__sql_bind_cte_use(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly_ast_relation *ast, bool *found);

/* ------------------------------------------------------------------------ group */

typedef struct fly__sql_group {
    uint32_t count, room;
    fly__sql_expr **exprs;
    fly__sql_colid *ids;
    uint32_t set_count, set_room;
    uint64_t *sets;
    fly__sql_colid grouping; /* the column with the set, or 0 */
} fly__sql_group;

bool fly__sql_bind_group_by(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_select *ast,
                            fly__sql_target *targets, uint32_t target_count);
/* The aggregate node, and expressions above it made to name what it makes. */
fly__sql_rel *fly__sql_bind_grouped(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input,
                                    fly__sql_target *targets, uint32_t target_count,
                                    fly__sql_expr **having);
fly__sql_expr *fly__sql_bind_grouping(fly__sql_binder *b, fly__sql_scope *scope,
                                      const fly_ast_special *ast);
fly__sql_rel *fly__sql_bind_windows(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input);

/* ---------------------------------------------------------------------- changes */

fly__sql_rel *fly__sql_bind_insert(fly__sql_binder *b, fly__sql_scope *parent,
                                   const fly_ast_insert *ast);
fly__sql_rel *fly__sql_bind_update(fly__sql_binder *b, fly__sql_scope *parent,
                                   const fly_ast_update *ast);
fly__sql_rel *fly__sql_bind_delete(fly__sql_binder *b, fly__sql_scope *parent,
                                   const fly_ast_delete *ast);
fly__sql_rel *fly__sql_bind_merge(fly__sql_binder *b, fly__sql_scope *parent,
                                  const fly_ast_merge *ast);

static inline bool fly__sql_bind_ok(const fly__sql_binder *b)
{
    return b->status == FLY_OK;
}

#endif
