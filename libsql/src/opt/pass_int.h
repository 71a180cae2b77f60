/*
 * What the passes of the optimiser share.
 */
#ifndef FLY_SQL_PASS_INT_H
#define FLY_SQL_PASS_INT_H

#include "opt/opt_int.h"
#include "opt/sample_int.h"

/* How many rows tables have now, and what their columns are like: the last ones that were asked about. */
struct fly__sql_size {
    const fly__sql_table *table;
    double rows;
    const fly__sql_known *known; /* of each column, from a sample; NULL: none was taken */
    bool fresh;                  /* what ANALYZE found holds */
    bool sampled;                /* a sample was asked for */
};

struct fly__sql_sizes {
    uint32_t count;
    struct fly__sql_size of[16];
};

/* The optimiser at work on one plan. A failure is remembered; passes stop at the next chance. */
typedef struct fly__sql_opt {
    fly_sql_session *session;
    const fly__sql_catalog_view *view;
    fly_arena *arena;
    fly__sql_plan *plan;
    fly_err *err;
    fly_status status;
    struct fly__sql_sizes *sizes; /* of tables that were measured */
    uint32_t depth;               /* of subqueries in expressions */
    bool plain;                   /* only what was always there: no subquery becomes a join */
    /* The columns of the root as it was bound. */
    uint32_t result_count;
    fly__sql_colref *result;
    /* Where columns of tables come from, by id: the scan, or NULL, and the column's number. */
    fly__sql_colid origin_count;
    struct fly__sql_origin {
        const fly__sql_rel *scan;
        uint16_t attnum;
    } * origin;
} fly__sql_opt;

/* Zeroed memory of the plan; NULL, and a status, if there is none. */
void *fly__sql_opt_alloc(fly__sql_opt *opt, size_t size);

/* A list of conditions that all must hold. */
typedef struct fly__sql_conds {
    uint32_t count, room;
    fly__sql_expr **items;
} fly__sql_conds;

/* Put an expression at the end, of a list that is not all ANDed. */
void fly__sql_conds_put(fly__sql_opt *opt, fly__sql_conds *conds, fly__sql_expr *cond);
/* Add a condition; beside one that never holds nothing else is asked. */
void fly__sql_conds_add(fly__sql_opt *opt, fly__sql_conds *conds, fly__sql_expr *cond);
/* Take an expression apart at its ANDs. */
void fly__sql_conds_split(fly__sql_opt *opt, fly__sql_conds *conds, fly__sql_expr *expr);
/* All of them as one expression; NULL if there are none. */
fly__sql_expr *fly__sql_conds_join(fly__sql_opt *opt, const fly__sql_conds *conds);

/* Call `visit` for each column that an expression names, those that its subqueries take from outside
 * included. */
void fly__sql_expr_columns(const fly__sql_expr *expr, void (*visit)(void *ctx, fly__sql_colid id),
                           void *ctx);
bool fly__sql_expr_has_subquery(const fly__sql_expr *expr);

/* A copy in which columns are what `replace` says (NULL: stay as they are). Not for expressions with
 * subqueries. */
fly__sql_expr *fly__sql_expr_replaced(fly__sql_opt *opt, const fly__sql_expr *expr,
                                      fly__sql_expr *(*replace)(void *ctx, fly__sql_colid id),
                                      void *ctx);
fly__sql_expr *fly__sql_opt_column(fly__sql_opt *opt, const fly__sql_colref *column);
fly__sql_rel *fly__sql_opt_filter(fly__sql_opt *opt, fly__sql_rel *input,
                                  const fly__sql_conds *conds);

/* Whether a relation makes all columns of a node that another query below the plan does not make: how
 * many of an expression's columns it makes, and how many it does not. */
void fly__sql_expr_sides(const fly__sql_expr *expr, const fly__sql_rel *rel, uint32_t *made,
                         uint32_t *others);

/* A projection of `rel` that makes the columns of `like`, in their order. */
fly__sql_rel *fly__sql_opt_only(fly__sql_opt *opt, fly__sql_rel *rel, const fly__sql_rel *like);

/* Compute what is constant, in place. */
void fly__sql_opt_fold(fly__sql_opt *opt, fly__sql_expr *expr);
/* Take an OR apart into conditions that say the same together. */
void fly__sql_opt_or(fly__sql_opt *opt, fly__sql_expr *expr, fly__sql_conds *conds);
/* What an OR says about one relation alone; NULL: nothing. */
fly__sql_expr *fly__sql_opt_or_about(fly__sql_opt *opt, const fly__sql_expr *cond,
                                     const fly__sql_rel *rel);
/* Add the equalities that follow from the others. */
void fly__sql_opt_transitive(fly__sql_opt *opt, fly__sql_conds *conds);

/* Whether a common table expression goes where it is used; the projection that it is there. */
bool fly__sql_opt_is_inlined(const fly__sql_opt *opt, const fly__sql_cte *cte);
fly__sql_rel *fly__sql_opt_inlined(fly__sql_opt *opt, fly__sql_rel *use);

/* The passes. */
fly__sql_rel *fly__sql_opt_push(fly__sql_opt *opt, fly__sql_rel *rel, fly__sql_conds *conds);
void fly__sql_opt_push_in(fly__sql_opt *opt, fly__sql_expr *expr); /* its subqueries */
bool fly__sql_opt_rejects_nulls(const fly__sql_expr *cond, const fly__sql_rel *rel);

/* Make joins of subqueries in conditions that `rel`, which has been pushed into, is filtered by. What
 * cannot be made a join comes back in `rest`. */
fly__sql_rel *fly__sql_opt_unnest(fly__sql_opt *opt, fly__sql_rel *rel, const fly__sql_conds *conds,
                                  fly__sql_conds *rest);
/* The same for scalar subqueries inside an expression over `left`: gives what it is over then. */
fly__sql_rel *fly__sql_opt_unnest_expr(fly__sql_opt *opt, fly__sql_rel *left, fly__sql_expr **at);

enum { FLY__SQL_LEAVES_MAX = 64 };
fly__sql_rel *fly__sql_opt_order(fly__sql_opt *opt, fly__sql_rel **leaves, uint32_t count,
                                 fly__sql_conds *conds);
void fly__sql_opt_keys(fly__sql_opt *opt, fly__sql_rel *join);
void fly__sql_opt_access(fly__sql_opt *opt, fly__sql_rel *scan);
/* Whether the index that a scan goes by has all these columns in its entries. */
bool fly__sql_opt_covered(fly__sql_opt *opt, fly__sql_rel *scan, const uint16_t *attnums,
                          uint32_t count);
/* Let the index be if it would lead to so many rows, one by one, that reading all is less. */
void fly__sql_opt_reconsider(fly__sql_opt *opt, fly__sql_rel *scan);
/* Go by an index for its order; bounds that were chosen for it stand again. */
void fly__sql_opt_go_by(fly__sql_opt *opt, fly__sql_rel *scan, const fly__sql_index *index,
                        bool backward);
/* A scan for a list of values that an index can find one by one, as a join; else the scan. */
fly__sql_rel *fly__sql_opt_list_access(fly__sql_opt *opt, fly__sql_rel *scan);
/* How a join is done: which side is built, or whether the right one is looked up by an index. */
void fly__sql_opt_method(fly__sql_opt *opt, fly__sql_rel *join);
/* Whether a scan's table has an index that begins with the column that an expression is. */
bool fly__sql_opt_indexed(const fly__sql_rel *scan, const fly__sql_expr *expr);

void fly__sql_opt_prune(fly__sql_opt *opt);
fly__sql_rel *fly__sql_opt_sorted(fly__sql_opt *opt, fly__sql_rel *rel);

/* Estimates. */
double fly__sql_opt_table_rows(const fly__sql_opt *opt, const fly__sql_table *table);
double fly__sql_opt_rows(fly__sql_opt *opt, fly__sql_rel *rel);
void fly__sql_opt_note(fly__sql_opt *opt, const fly__sql_rel *scan); /* where columns come from */
double fly__sql_opt_selectivity(const fly__sql_opt *opt, const fly__sql_expr *cond);
void fly__sql_opt_note_project(fly__sql_opt *opt, const fly__sql_rel *project);
/* How many different values an expression has; 0: unknown. */
double fly__sql_opt_distinct(const fly__sql_opt *opt, const fly__sql_expr *expr);

#endif
