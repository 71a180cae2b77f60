/*
 * Code at work: variables with their values, what is bound, and the interpreter's state.
 */
#ifndef FLY_SQL_PL_RUN_INT_H
#define FLY_SQL_PL_RUN_INT_H

#include "pl/pl_int.h"
#include "pl/tree_int.h"

/* How deep functions may call each other. */
enum { FLY__SQL_PL_DEPTH_MAX = 400, FLY__SQL_PL_IDLE_MAX = 8 };

/* A value that owns its bytes. */
typedef struct fly__sql_pl_cell {
    fly_sql_type type;
    fly_vec_value value;
    char *own;
    size_t room;
} fly__sql_pl_cell;

/* A variable. Of a record: its fields; those of a table's rows are there from the beginning, those of
 * others when something is assigned. */
typedef struct fly__sql_pl_var {
    fly__sql_pl_cell cell;
    bool record;
    bool shaped; /* the fields are known */
    bool null;   /* a record that is NULL as a whole */
    uint32_t count, room;
    fly__sql_pl_cell *fields;
    char (*names)[FLY__SQL_NAME_MAX + 1];
} fly__sql_pl_var;

/* A variable, or a field of one, that an expression names. */
typedef struct fly__sql_pl_ref {
    uint32_t datum;
    const char *field;
    fly_sql_type type;
} fly__sql_pl_ref;

struct fly__sql_pl_instance;

/* An expression ready to be evaluated. */
typedef struct fly__sql_pl_bound {
    struct fly__sql_pl_instance *instance;
    const fly__sql_pl_expr *expr;
    bool ready;
    fly_arena arena;
    fly__sql_catalog_view *view;
    uint64_t version, epoch, roles;
    uint32_t user;
    fly__sql_eval *eval; /* of an expression */
    fly_sql_stmt *stmt;  /* of a statement */
    fly_sql_type type;
    uint32_t ref_count;
    fly__sql_pl_ref *refs;
    fly_sql_type *types;
    fly_vec_value *params;
    char state[6]; /* what the hook found wrong */
    char complaint[160];
} fly__sql_pl_bound;

/* What one activation of a function uses. */
typedef struct fly__sql_pl_instance {
    struct fly__sql_pl_instance *link;
    fly_sql_session *session;
    fly__sql_pl_code *code;
    fly__sql_pl_var *vars;
    fly__sql_pl_bound *bound;
} fly__sql_pl_instance;

/* A cast that was needed, by types: session's. */
typedef struct fly__sql_pl_cast {
    struct fly__sql_pl_cast *link;
    fly_sql_type from, to;
    uint64_t version;
    fly_arena arena;
    fly__sql_catalog_view *view;
    fly__sql_eval *eval; /* NULL: by text */
    fly_sql_type result;
} fly__sql_pl_cast;

typedef struct fly__sql_pl_state {
    fly__sql_pl_code *codes;
    fly__sql_pl_cast *casts;
    uint32_t cast_count;
    uint32_t depth;
    uint32_t portals;              /* names given to cursors */
    const fly__sql_firing *firing; /* of the innermost trigger */
} fly__sql_pl_state;

/* Rows that a function gives, kept until they are asked for. */
typedef struct fly__sql_pl_row_link {
    struct fly__sql_pl_row_link *next;
    fly_vec_value values[];
} fly__sql_pl_row_link;

typedef struct fly__sql_pl_rows {
    fly_arena arena;
    uint32_t width;
    fly_sql_type *types;
    fly__sql_pl_row_link *first, *last, *at;
    uint64_t count;
} fly__sql_pl_rows;

typedef enum fly__sql_pl_flow {
    FLY__SQL_PL_GO,
    FLY__SQL_PL_LEAVE,
    FLY__SQL_PL_AGAIN,
    FLY__SQL_PL_DONE
} fly__sql_pl_flow;

typedef struct fly__sql_pl_run {
    fly_sql_session *session;
    fly__sql_pl_code *code;
    fly__sql_pl_instance *instance;
    fly_arena scratch;      /* of one statement */
    fly__sql_pl_rows *rows; /* of a function that returns a set; else NULL */
    fly_arena *out;         /* of the result */
    fly_vec_value result;
    fly_sql_type result_type; /* oid 0: nothing was returned */
    fly__sql_pl_flow flow;
    const char *label; /* where to go */
    uint64_t row_count;
    const fly_err *caught; /* by the innermost handler */
    bool atomic;           /* COMMIT is not possible */
    uint32_t guards;       /* blocks with handlers that are being run */
    uint32_t queries;      /* loops over queries */
    fly_err *err;
} fly__sql_pl_run;

/* ------------------------------------------------------------------- value.c */

/* A value as variables hold it: numerics in libvec's format. `*type` becomes that type. */
fly_status fly__sql_pl_plain(fly_sql_type *type, const fly_vec_value *value, fly_arena *arena,
                             fly_vec_value *result, fly_err *err);

fly_status fly__sql_pl_cast_value(fly_sql_session *session, fly_sql_type from, fly_sql_type to,
                                  const fly_vec_value *value, fly_arena *arena,
                                  fly_vec_value *result, fly_err *err);
void fly__sql_pl_casts_forget(fly_sql_session *session);

fly_status fly__sql_pl_cell_set(fly_sql_session *session, fly__sql_pl_cell *cell,
                                const fly_vec_value *value, fly_err *err);

/* Give a record these fields, all NULL. */
fly_status fly__sql_pl_record_shape(fly_sql_session *session, fly__sql_pl_var *var, uint32_t count,
                                    const char *const *names, const fly_sql_type *types,
                                    fly_err *err);
fly_status fly__sql_pl_record_shape_table(fly_sql_session *session, fly__sql_pl_var *var,
                                          const fly__sql_table *table, fly_err *err);
/* The record as one value of its type. */
fly_status fly__sql_pl_record_value(const fly__sql_pl_var *var, fly_arena *arena,
                                    fly_vec_value *value, fly_err *err);
/* Fields from values, by position; missing ones are NULL. */
fly_status fly__sql_pl_record_fill(fly_sql_session *session, fly__sql_pl_var *var, uint32_t count,
                                   const fly_sql_type *types, const fly_vec_value *values,
                                   fly_arena *arena, fly_err *err);
/* The fields of a composite value, in the arena. */
fly_status fly__sql_pl_record_split(const fly_vec_value *value, fly_arena *arena, uint32_t *count,
                                    fly_sql_type **types, fly_vec_value **values, fly_err *err);
fly__sql_pl_cell *fly__sql_pl_field(fly__sql_pl_var *var, const char *name);
void fly__sql_pl_var_release(fly_sql_session *session, fly__sql_pl_var *var);

/* Assign a value of a type to a variable as a whole: cast, checked. */
fly_status fly__sql_pl_assign(fly__sql_pl_run *run, uint32_t number, const char *field,
                              const fly_vec_value *value, fly_sql_type type, fly_err *err);

/* ------------------------------------------------------------------- trigger.c */

/* What a statement changed, as relations. */
extern const fly__sql_func fly__sql_pl_new_table, fly__sql_pl_old_table;

/* ------------------------------------------------------------------- expr.c */

/* Evaluate; the value is plain and in the arena. */
fly_status fly__sql_pl_eval(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, fly_arena *arena,
                            fly_vec_value *value, fly_sql_type *type, fly_err *err);
fly_status fly__sql_pl_eval_bool(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, bool *truth,
                                 fly_err *err);
/* A statement bound, its parameters set: step it. */
fly_status fly__sql_pl_start(fly__sql_pl_run *run, const fly__sql_pl_expr *expr,
                             fly_sql_stmt **stmt, fly_err *err);
/* Only bind it. */
fly_status fly__sql_pl_bind(fly__sql_pl_instance *instance, const fly__sql_pl_expr *expr,
                            fly__sql_pl_bound **found, fly_err *err);
/* What binding a CALL needs; then fill its parameters. */
fly_status fly__sql_pl_bind_call(fly__sql_pl_run *run, const fly__sql_pl_expr *expr,
                                 fly__sql_pl_bound **made, fly__sql_bind_context *context,
                                 fly_err *err);
fly_status fly__sql_pl_fill(fly__sql_pl_run *run, fly__sql_pl_bound *bound, fly_err *err);
void fly__sql_pl_unbind(fly__sql_pl_bound *bound);

/* Values of a statement's current row, plain, in the arena. */
fly_status fly__sql_pl_row_values(fly_sql_stmt *stmt, fly_arena *arena, uint32_t *count,
                                  fly_sql_type **types, fly_vec_value **values, fly_err *err);

/* ------------------------------------------------------------------- run.c */

fly_status fly__sql_pl_run_block(fly__sql_pl_run *run, const fly__sql_pl_stmt *block, fly_err *err);
fly_status fly__sql_pl_run_utility(fly__sql_pl_run *run, const fly__sql_pl_expr *expr,
                                   fly_err *err);

/* call.c: CALL inside of code, which gives OUT values back to variables. */
fly_status fly__sql_pl_run_call(fly__sql_pl_run *run, const fly__sql_pl_stmt *stmt, fly_err *err);

/* ------------------------------------------------------------------- function.c */

fly_status fly__sql_pl_rows_add(fly__sql_pl_run *run, uint32_t count, const fly_sql_type *types,
                                const fly_vec_value *values, fly_err *err);

/* Code for a function (NULL: DO's body) with these argument types, used once more. */
fly_status fly__sql_pl_code_get(fly_sql_session *session, const fly__sql_user_function *function,
                                const char *body, uint32_t argc, const fly_sql_type *args,
                                fly_sql_type result, const fly__sql_table *table,
                                const fly__sql_trigger *trigger, fly__sql_pl_code **got,
                                fly_err *err);
void fly__sql_pl_code_release(fly_sql_session *session, fly__sql_pl_code *code);
fly_status fly__sql_pl_instance_get(fly_sql_session *session, fly__sql_pl_code *code,
                                    fly__sql_pl_instance **got, fly_err *err);
void fly__sql_pl_instance_put(fly__sql_pl_instance *instance);
fly_status fly__sql_pl_enter(fly_sql_session *session, fly_err *err);
void fly__sql_pl_leave(fly_sql_session *session);

#endif
