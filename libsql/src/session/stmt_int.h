/*
 * Statements, for those parts of session/ that run them.
 */
#ifndef FLY_SQL_STMT_INT_H
#define FLY_SQL_STMT_INT_H

#include "bind/bind_int.h"
#include "exec/exec_int.h"
#include "session/state_int.h"

/* A row of texts: what SHOW, EXPLAIN and INSPECT give. */
typedef struct fly__sql_line {
    struct fly__sql_line *next;
    const char **cells; /* NULL: NULL */
} fly__sql_line;

/* Where a parameter's bytes lie: grows, and is used again when the parameter is set again. */
typedef struct fly__sql_param_room {
    char *data;
    size_t size;
} fly__sql_param_room;

typedef enum fly__sql_run_state {
    FLY__SQL_IDLE,    /* not begun, or at its end */
    FLY__SQL_RUNNING, /* between its first and its last row */
    FLY__SQL_COPYING  /* waits for the data of a COPY */
} fly__sql_run_state;

struct fly_sql_stmt {
    fly_sql_session *session;
    fly_sql_stmt *next, *previous; /* among the session's */
    fly_arena arena;               /* text and tree: as long as the statement */
    fly_bytes text;                /* the whole text that positions are in */
    const fly_ast *node;
    uint32_t start, len; /* the statement within the text */
    bool is_plan;        /* SELECT and its kin; else a utility */
    uint32_t within;     /* schema whose names come first: fly__sql_view_within(); 0: none */

    /* A plan: made when prepared, and anew when catalog or settings have changed. */
    fly_arena plan_arena;
    fly__sql_plan *plan;
    fly__sql_exec *exec;
    fly__sql_catalog_view *view;
    uint64_t version; /* of the catalog, that it was bound with */
    uint64_t epoch;   /* of the settings */
    uint64_t roles;   /* of the roles */
    uint32_t user;    /* whose rights were looked at */
    uint32_t param_count;
    fly_sql_type *param_types; /* as far as they are known: in `arena` */
    fly_vec_value *params;
    fly__sql_param_room *param_rooms; /* bytes of parameters that are long strings */
    fly__sql_bind_context bind;       /* for names of variables: zero unless PL set it */

    /* A utility's result. */
    uint32_t cell_count;
    const char **cell_names;
    fly__sql_line *lines, *last_line;
    fly_arena line_arena;
    fly_sql_stmt *inner;            /* EXECUTE: whose rows these are; borrowed */
    struct fly__sql_cursor *cursor; /* FETCH: whose rows these are; borrowed */
    int64_t fetch_step;             /* FETCH: 1 forwards, -1 backwards */
    uint64_t fetch_left;            /* FETCH: rows to give yet */

    struct fly__sql_copy *copy;

    /* Running. */
    fly__sql_run_state state;
    fly_vec_batch *batch;
    uint32_t row; /* the next in the batch */
    uint32_t at;  /* position of the current row in the batch */
    bool has_row;
    const fly__sql_line *line; /* the current one */
    uint64_t rows;
    struct fly__sql_stat *stat; /* counts it; NULL: not looked up yet, or nobody does */
    bool shown;                 /* the session tells others that it runs */
    fly_arena text_arena;       /* texts of the current row */
    char tag[64];
};

/* Make a statement of one that is parsed already: `node` lies in the statement's arena if `own` does.
 * The text is copied. */
fly_status fly__sql_stmt_create(fly_sql_session *session, fly_bytes text, fly_sql_stmt **stmt,
                                fly_err *err);
/* Parse a text that is one statement, its parameters bound to values: EXECUTE of PL. An empty text gives
 * no statement. */
fly_status fly__sql_stmt_dynamic(fly_sql_session *session, fly_bytes text, uint32_t count,
                                 const fly_sql_type *types, const fly_vec_value *values,
                                 fly_sql_stmt **stmt, fly_err *err);
/* Note the types that a client gives for the parameters, by OID; 0 and unknown: to be found (wire.c). */
fly_status fly__sql_stmt_given(fly_sql_stmt *stmt, const uint32_t *types, uint32_t count,
                               fly_err *err);
/* Bind, or bind again, and make it ready to run. */
fly_status fly__sql_stmt_plan(fly_sql_stmt *stmt, fly_err *err);

/* Begin what has a plan, without taking a row: for COPY, which gives an INSERT its rows. */
fly_status fly__sql_stmt_start(fly_sql_stmt *stmt, fly_err *err);

/* End what runs: well, or having failed with `status`, which is returned. */
fly_status fly__sql_stmt_finish(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_stmt_fail(fly_sql_stmt *stmt, fly_status status);

/* Run a utility: everything that has no plan. */
fly_status fly__sql_utility(fly_sql_stmt *stmt, fly_err *err);
/* The columns of its result, known before it runs. */
fly_status fly__sql_utility_describe(fly_sql_stmt *stmt, fly_err *err);
/* Whether it may run in a transaction that has failed. */
bool fly__sql_utility_ends_failure(const fly_ast *node);

/* Give a row of texts (copied); `cells` has stmt->cell_count entries. */
fly_status fly__sql_line_add(fly_sql_stmt *stmt, const char *const *cells, fly_err *err);

/* All statements of a session, and what they hold. */
void fly__sql_stmts_close(fly_sql_session *session);
/* The plan cache (cache.c). Take the statement of a text, to be run or put back; NULL: there is none. Put
 * one: it is the cache's, or finalized. */
fly_sql_stmt *fly__sql_cache_take(fly_sql_session *session, fly_bytes text);
void fly__sql_cache_put(fly_sql_stmt *stmt);
void fly__sql_cache_clear(fly_sql_session *session);

/* Reset all that run but one: their transaction ends. */
void fly__sql_stmts_halt(fly_sql_session *session, const fly_sql_stmt *except);

/* The statement that says what the columns are: itself, or the one that a PREPARE or DECLARE named. */
const fly_sql_stmt *fly__sql_utility_columns_of(const fly_sql_stmt *stmt);

/* Go to the next row of a FETCH; false: that was all. */
bool fly__sql_fetch_next(fly_sql_stmt *stmt);

/* DECLAREd cursors at the end of a transaction. */
fly_status fly__sql_cursors_end(fly_sql_session *session, bool committed, fly_err *err);
void fly__sql_temporary_drop(fly_sql_session *session);
fly_status fly__sql_temporary_discard(fly_sql_session *session, fly_err *err);
void fly__sql_programs_forget(fly_sql_session *session);
void fly__sql_sequences_forget(fly_sql_session *session);

/* The statements themselves. Each sets the tag. */
fly_status fly__sql_ddl(fly_sql_stmt *stmt, fly_err *err);     /* ddl*.c: CREATE, ALTER, DROP ... */
fly_status fly__sql_explain(fly_sql_stmt *stmt, fly_err *err); /* explain.c */
fly_status fly__sql_inspect(fly_sql_stmt *stmt, fly_err *err); /* inspect.c */
fly_status fly__sql_copy_begin(fly_sql_stmt *stmt, fly_err *err); /* copy.c */
fly_status fly__sql_analyze(fly_sql_stmt *stmt, fly_err *err);    /* analyze.c */

#endif
