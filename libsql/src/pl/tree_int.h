/*
 * A body of PL/pgSQL, parsed: variables, statements, and the SQL in them as syntax trees.
 *
 * A tree is made once for a function, a set of argument types and a version of the catalog, and not
 * changed afterwards; what is bound and running hangs on an instance (run_int.h), of which recursion
 * makes several.
 *
 * Names are resolved along a chain: each declaration puts an entry in front of those that were there,
 * and what is parsed while it is in front sees it. So a place in a body needs to remember one pointer.
 */
#ifndef FLY_SQL_PL_TREE_INT_H
#define FLY_SQL_PL_TREE_INT_H

#include "bind/bind_int.h"
#include "session/stmt_int.h"

/* A name that is visible: of a variable, or of a block (`datum` < 0), behind those declared in it. */
typedef struct fly__sql_pl_name {
    const struct fly__sql_pl_name *outer;
    const char *name; /* NULL: a block without label */
    int32_t datum;
} fly__sql_pl_name;

/* An expression or a statement of SQL. */
typedef struct fly__sql_pl_expr {
    fly_ast *node;
    const fly__sql_pl_name *names;
    uint32_t index;  /* of what an instance has prepared for it */
    uint32_t params; /* the most parameters that binding can ask for */
    bool statement;  /* else an expression */
    bool uses_args;  /* $1 and up are named */
    const char *text;
} fly__sql_pl_expr;

/* A variable. */
typedef struct fly__sql_pl_datum {
    const char *name;
    fly_sql_type type;           /* numerics unshaped; RECORD: whatever is assigned */
    const fly__sql_table *table; /* of a composite type: its columns */
    bool record;
    bool constant;
    bool not_null;
    fly__sql_pl_expr *initial; /* or NULL */
    fly__sql_pl_expr *query;   /* of a bound cursor */
    uint32_t arg_count;        /* its parameters are the data from `first_arg` on */
    uint32_t first_arg;
    bool cursor;
} fly__sql_pl_datum;

/* What is assigned to: a variable, a field of a record, elements of an array. */
typedef struct fly__sql_pl_target {
    uint32_t datum;
    const char *field; /* or NULL */
    uint32_t subscript_count;
    fly__sql_pl_expr **subscripts;
} fly__sql_pl_target;

typedef enum fly__sql_pl_kind {
    FLY__SQL_PL_NULL,
    FLY__SQL_PL_BLOCK,
    FLY__SQL_PL_ASSIGN,
    FLY__SQL_PL_IF,   /* arms, then `other` */
    FLY__SQL_PL_CASE, /* the same; with `expr`, its value is in datum `datum` */
    FLY__SQL_PL_LOOP,
    FLY__SQL_PL_WHILE,
    FLY__SQL_PL_FOR_RANGE,   /* expr .. expr2 by expr3; `flag`: REVERSE */
    FLY__SQL_PL_FOR_QUERY,   /* expr */
    FLY__SQL_PL_FOR_EXECUTE, /* expr: the text; args: USING */
    FLY__SQL_PL_FOR_CURSOR,  /* datum; args */
    FLY__SQL_PL_FOREACH,     /* expr: the array; number: SLICE */
    FLY__SQL_PL_EXIT,        /* `flag`: CONTINUE; label; expr: WHEN */
    FLY__SQL_PL_RETURN,
    FLY__SQL_PL_RETURN_NEXT,
    FLY__SQL_PL_RETURN_QUERY, /* `flag`: EXECUTE */
    FLY__SQL_PL_SQL,          /* expr; into */
    FLY__SQL_PL_EXECUTE,      /* expr: the text; args: USING; into */
    FLY__SQL_PL_DIAGNOSTICS,  /* `flag`: STACKED; into and items */
    FLY__SQL_PL_RAISE,
    FLY__SQL_PL_ASSERT, /* expr, expr2 */
    FLY__SQL_PL_OPEN,   /* datum; expr: FOR query, or its text if `flag`; args */
    FLY__SQL_PL_FETCH,  /* datum; `flag`: MOVE; into; direction, number or expr */
    FLY__SQL_PL_CLOSE,  /* datum */
    FLY__SQL_PL_CALL,
    FLY__SQL_PL_COMMIT /* `flag`: ROLLBACK; number 1: AND CHAIN */
} fly__sql_pl_kind;

typedef struct fly__sql_pl_stmt fly__sql_pl_stmt;

/* A part of IF or CASE; a handler: `states` that it is for, none means OTHERS. */
typedef struct fly__sql_pl_arm {
    struct fly__sql_pl_arm *next;
    fly__sql_pl_expr *when;
    fly__sql_pl_stmt *body;
    uint32_t state_count;
    const char **states;
    bool others;
} fly__sql_pl_arm;

struct fly__sql_pl_stmt {
    uint8_t kind; /* fly__sql_pl_kind */
    bool flag;
    bool strict;
    bool has_other; /* ELSE was written */
    uint32_t line;
    const char *label; /* of a block or loop; where EXIT goes */
    fly__sql_pl_stmt *next;
    fly__sql_pl_stmt *body;
    fly__sql_pl_stmt *other;
    fly__sql_pl_arm *arms;
    fly__sql_pl_expr *expr, *expr2, *expr3;
    uint32_t datum;        /* of the loop's variable, the cursor, CASE's value */
    uint32_t first, count; /* BLOCK: the data that it declares */
    uint32_t into_count;
    fly__sql_pl_target *into;
    uint32_t arg_count;
    fly__sql_pl_expr **args; /* USING, RAISE's arguments, a cursor's */
    const char **names;      /* of args, if they have some; of diagnostics; of RAISE's options */
    uint32_t option_count;
    fly__sql_pl_expr **options; /* RAISE ... USING */
    int64_t number;
    uint8_t direction;          /* fly_ast_fetch_direction */
    const char *level;          /* of RAISE */
    const char *state;          /* of RAISE */
    const char *message;        /* of RAISE: the format, or the condition's name */
    uint32_t sqlstate, sqlerrm; /* BLOCK with handlers: data */
};

/* A function's code. */
typedef struct fly__sql_pl_code {
    struct fly__sql_pl_code *link;
    uint32_t uses; /* those that run it, and the session while it is listed */
    uint32_t oid;  /* 0: DO */
    uint64_t version;
    uint64_t epoch;
    fly__sql_catalog_view *view;
    fly_arena arena;
    const fly__sql_user_function *function; /* lives as long as the view */
    bool procedural;                        /* PL/pgSQL; else SQL */
    const fly__sql_table *table;            /* of a trigger; lives as long as the view */
    const fly__sql_trigger *trigger;        /* NULL: none */
    fly__sql_pl_expr *when;                 /* of the trigger, or NULL */
    uint32_t argc;
    fly_sql_type *args; /* as called: polymorphic ones resolved */
    fly_sql_type result;
    uint32_t out_count; /* columns of the result; 0: a single value */
    uint32_t *outs;     /* their data; NULL: none are variables */
    fly_sql_type *out_types;
    const char **out_names;
    uint32_t datum_count, datum_room;
    fly__sql_pl_datum *data;
    uint32_t *arg_data; /* the datum of each argument */
    uint32_t expr_count;
    fly__sql_pl_stmt *body;
    uint32_t query_count; /* SQL: the statements */
    fly__sql_pl_expr **queries;
    struct fly__sql_pl_instance *idle;
    uint32_t found, first_special;
} fly__sql_pl_code;

/* The data of a trigger's code, in this order from `first_special` on. */
enum {
    FLY__SQL_PL_NEW,
    FLY__SQL_PL_OLD,
    FLY__SQL_PL_TG_NAME,
    FLY__SQL_PL_TG_WHEN,
    FLY__SQL_PL_TG_LEVEL,
    FLY__SQL_PL_TG_OP,
    FLY__SQL_PL_TG_RELID,
    FLY__SQL_PL_TG_RELNAME,
    FLY__SQL_PL_TG_TABLE_NAME,
    FLY__SQL_PL_TG_TABLE_SCHEMA,
    FLY__SQL_PL_TG_NARGS,
    FLY__SQL_PL_TG_ARGV,
    FLY__SQL_PL_SPECIALS
};

/* parse.c: the body of code whose arguments and specials are declared in front of `names`. */
fly_status fly__sql_pl_parse(fly_sql_session *session, fly__sql_pl_code *code, const char *body,
                             const fly__sql_pl_name *names, fly_err *err);

/* A new variable; its number, or -1: no memory. */
int32_t fly__sql_pl_declare(fly__sql_pl_code *code, const char *variable, fly_sql_type type,
                            const fly__sql_catalog_view *view, const fly__sql_pl_name **names,
                            fly_err *err);

/* The variable that names mean, and the field of it that is left over (NULL: none). */
bool fly__sql_pl_resolve(const fly__sql_pl_name *names, const char *const *parts, uint32_t count,
                         uint32_t *datum, const char **field);

/* An expression of SQL for the code, made of a tree. NULL: no memory. */
fly__sql_pl_expr *fly__sql_pl_expr_make(fly__sql_pl_code *code, fly_ast *node, bool statement,
                                        const fly__sql_pl_name *names, fly_err *err);

/* The table whose columns are the fields of a composite type; NULL: it is none. */
const fly__sql_table *fly__sql_pl_composite(const fly__sql_catalog_view *view, uint32_t oid);

#endif
