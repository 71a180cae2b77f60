/*
 * The catalog: what schemas, tables, types, functions there are, as one statement sees them.
 *
 * A view is an immutable, counted set of descriptors. Each commit that changes the catalog publishes a
 * new one with a higher version; a statement takes the newest and keeps it to its end, a transaction
 * with DDL in it sees its own. So nothing that a plan points to moves or goes while the plan's view is
 * held, and a cached plan is valid while the version is the one that it was made for.
 *
 * Changes (catalog_change.c) need the one DDL lock of the database, held to the end of the
 * transaction, and write through to the tree "sys.catalog"; rolling back, to a savepoint too, gives the
 * old view back.
 *
 * Descriptors are plain structs: read their fields, change none.
 */
#ifndef FLY_SQL_CATALOG_INT_H
#define FLY_SQL_CATALOG_INT_H

#include "types/type_int.h"
#include <fly/txn.h>

typedef struct fly__sql_catalog fly__sql_catalog; /* of one database, shared by sessions */
typedef struct fly__sql_catalog_view fly__sql_catalog_view; /* one version of it */

struct fly__sql_func;

enum { FLY__SQL_COLUMNS_MAX = 1600, FLY__SQL_NAME_MAX = 63, FLY__SQL_INDEX_COLUMNS_MAX = 32 };

/* OIDs of what is always there. */
enum {
    FLY__SQL_SCHEMA_PG_CATALOG = 11,
    FLY__SQL_SCHEMA_PUBLIC = 2200,
    FLY__SQL_SCHEMA_INFORMATION = 13000,
    FLY__SQL_SCHEMA_TEMP = 13001
};

typedef enum fly__sql_class {
    FLY__SQL_TABLE = 'r',
    FLY__SQL_VIEW = 'v',
    FLY__SQL_MATVIEW = 'm',
    FLY__SQL_SEQUENCE = 'S',
    FLY__SQL_COMPOSITE = 'c',
    FLY__SQL_SYSTEM = 's' /* computed rows: pg_class and its kin */
} fly__sql_class;

typedef struct fly__sql_column {
    const char *name;
    fly_sql_type type;
    uint16_t number; /* 1-based attnum; never reused */
    bool not_null;
    bool dropped;
    char identity;            /* 'a' always, 'd' by default, 0 */
    char generated;           /* 's' stored, 0 */
    const char *default_text; /* expression as SQL text, or NULL; also of generated columns */
    const char *missing; /* value (as text) of rows written before the column was added; or NULL */
    uint32_t sequence;   /* owned (serial, identity), or 0 */
    /* Statistics, from ANALYZE; 0 if unknown. */
    double distinct; /* values; negative: fraction of rows, as pg_stats.n_distinct */
    double null_fraction;
    double width;
    fly_bytes stats; /* histogram, most common values: opt's format */
} fly__sql_column;

typedef struct fly__sql_index_column {
    uint16_t column; /* attnum, or 0: an expression */
    bool descending;
    bool nulls_first;
    uint32_t collation;
    fly_sql_type type;
    const char *expression; /* SQL text, if column is 0 */
} fly__sql_index_column;

typedef struct fly__sql_index {
    uint32_t oid;
    const char *name;
    uint32_t table;
    bool unique;
    bool primary;
    bool nulls_not_distinct;
    bool ready;         /* being built otherwise */
    uint16_t key_count; /* of `columns`; those behind are INCLUDEd */
    uint16_t column_count;
    const fly__sql_index_column *columns;
    const char *predicate; /* of a partial index, SQL text, or NULL */
    const char *tree;      /* name of its tree; of a clustering primary key: the table's own */
    bool clustered;        /* the table's tree is keyed by this index */
} fly__sql_index;

typedef enum fly__sql_constraint_kind {
    FLY__SQL_CHECK = 'c',
    FLY__SQL_FOREIGN = 'f',
    FLY__SQL_PRIMARY = 'p',
    FLY__SQL_UNIQUE = 'u'
} fly__sql_constraint_kind;

typedef struct fly__sql_constraint {
    uint32_t oid;
    const char *name;
    uint32_t table;
    char kind;
    bool deferrable;
    bool deferred; /* initially */
    bool validated;
    uint16_t count; /* of columns */
    const uint16_t *columns;
    uint32_t
        index; /* behind a primary key or unique constraint; of the referenced side of a foreign key */
    const char *check; /* SQL text */
    uint32_t foreign_table;
    const uint16_t *foreign_columns;
    char match;     /* 's' simple, 'f' full */
    char on_update; /* 'a' no action, 'r' restrict, 'c' cascade, 'n' set null, 'd' set default */
    char on_delete;
} fly__sql_constraint;

typedef struct fly__sql_trigger {
    uint32_t oid;
    const char *name;
    uint32_t table;
    uint32_t function;
    bool row;       /* for each row; else statement */
    char when;      /* 'b' before, 'a' after, 'i' instead of */
    uint8_t events; /* 1 insert, 2 delete, 4 update, 8 truncate */
    bool enabled;
    uint16_t column_count; /* UPDATE OF */
    const uint16_t *columns;
    const char *condition; /* WHEN, SQL text, or NULL */
    uint16_t argc;
    const char *const *args;
    const char *old_table; /* transition tables, or NULL */
    const char *new_table;
    const char *definition; /* the statement */
} fly__sql_trigger;

typedef struct fly__sql_policy {
    uint32_t oid;
    const char *name;
    uint32_t table;
    bool permissive;
    char command;        /* '*' all, 'r' select, 'a' insert, 'w' update, 'd' delete */
    uint16_t role_count; /* 0: everybody */
    const uint32_t *roles;
    const char *using_text;
    const char *check_text;
    bool of_grant; /* GRANT ... WHERE made it: it is there without row security, too */
} fly__sql_policy;

/* Anything with columns. */
typedef struct fly__sql_table {
    uint32_t oid;
    const char *name;
    uint32_t schema;
    char class;     /* fly__sql_class */
    uint32_t owner; /* role */
    bool temporary;
    bool row_security;
    bool force_row_security; /* for the owner too */
    bool invoker;            /* of a view: the user's rights count, not the owner's */
    bool barrier;            /* of a view: nothing that could tell of a row is asked before it */
    uint32_t row_type;       /* OID of its composite type */
    uint16_t column_count;   /* dropped ones included */
    const fly__sql_column *columns;
    uint16_t index_count;
    const fly__sql_index *const *indexes;
    uint16_t constraint_count;
    const fly__sql_constraint *const *constraints; /* its own */
    uint16_t referrer_count;
    const fly__sql_constraint *const *referrers; /* foreign keys of others that point here */
    uint16_t trigger_count;
    const fly__sql_trigger *const *triggers; /* by name: the order in which they fire */
    uint16_t policy_count;
    const fly__sql_policy *const *policies;
    const fly__sql_index *primary; /* or NULL */
    const char *tree;              /* name of the tree with its rows; NULL if it has none */
    uint32_t layout;               /* schema version that new rows are written in */
    const char *view_text;         /* of views: the SELECT as SQL text */
    const char *view_check;        /* "local", "cascaded", or NULL */
    bool populated;                /* materialised views */
    const char *comment;
    double rows; /* at the last ANALYZE, and counted since; -1: unknown */
    double pages;
} fly__sql_table;

typedef struct fly__sql_sequence {
    uint32_t oid;
    fly_sql_type type;
    int64_t start, increment, minimum, maximum, cache;
    bool cycle;
    uint32_t owner_table;
    uint16_t owner_column;
} fly__sql_sequence;

typedef struct fly__sql_enum_label {
    int32_t value; /* what vectors and rows hold; order is by `sort` */
    float sort;
    const char *label;
} fly__sql_enum_label;

typedef struct fly__sql_user_type {
    uint32_t oid;
    uint32_t array_oid;
    const char *name;
    uint32_t schema;
    char kind; /* 'e' enum, 'c' composite, 'd' domain */
    uint16_t label_count;
    const fly__sql_enum_label *labels; /* by sort */
    uint32_t table;                    /* composite: the table with its columns */
    fly_sql_type base;                 /* domain */
    bool not_null;
    const char *default_text;
    uint16_t check_count;
    const char *const *checks; /* expressions over VALUE */
    const char *const *check_names;
    uint32_t owner; /* role */
} fly__sql_user_type;

typedef struct fly__sql_user_function {
    uint32_t oid;
    const char *name;
    uint32_t schema;
    const struct fly__sql_func *func; /* as the registry's: what the binder resolves by */
    bool procedure;
    const char *language; /* "sql", "plpgsql", "c" */
    const char *body;
    uint16_t argc;               /* IN and INOUT and VARIADIC */
    uint16_t all_count;          /* with OUT and TABLE columns */
    const char *const *names;    /* all_count, "" if unnamed */
    const char *modes;           /* all_count of i o b v t */
    const fly_sql_type *types;   /* all_count */
    const char *const *defaults; /* SQL text or NULL, all_count */
    fly_sql_type result;
    bool returns_set;
    bool security_definer;
    uint8_t volatility; /* fly__sql_volatility */
    bool strict;
    const char *definition; /* the statement, for pg_get_functiondef */
    uint32_t owner;         /* role */
} fly__sql_user_function;

typedef struct fly__sql_schema {
    uint32_t oid;
    const char *name;
    uint32_t owner; /* role */
} fly__sql_schema;

/* ---------------------------------------------------------------- looking up */

/* The same objects, with a search path that begins with a schema and public: what names mean in a text
 * that is kept with something of that schema, whatever the session's path is. Lies in `arena`, and is
 * good as long as `view` is held; NULL: no memory. */
const fly__sql_catalog_view *fly__sql_view_within(const fly__sql_catalog_view *view,
                                                  uint32_t schema, fly_arena *arena);

/* Two views with the same number hold the same objects (but perhaps not the same search path). */
uint64_t fly__sql_catalog_version(const fly__sql_catalog_view *view);

const fly__sql_schema *fly__sql_schema_named(const fly__sql_catalog_view *view, const char *name);
const fly__sql_schema *fly__sql_schema_of(const fly__sql_catalog_view *view, uint32_t oid);

/* A relation of a schema; `schema` NULL: along the search path. NULL if there is none. */
const fly__sql_table *fly__sql_table_named(const fly__sql_catalog_view *view, const char *schema,
                                           const char *name);
const fly__sql_table *fly__sql_table_of(const fly__sql_catalog_view *view, uint32_t oid);
const fly__sql_index *fly__sql_index_named(const fly__sql_catalog_view *view, const char *schema,
                                           const char *name);
const fly__sql_sequence *fly__sql_sequence_of(const fly__sql_catalog_view *view, uint32_t oid);
const fly__sql_user_type *fly__sql_user_type_named(const fly__sql_catalog_view *view,
                                                   const char *schema, const char *name);
/* By its OID or that of its array type. */
const fly__sql_user_type *fly__sql_user_type_of(const fly__sql_catalog_view *view, uint32_t oid);

/* All user functions of a name; `next` starts as 0 and is the caller's place in the walk. */
const fly__sql_user_function *fly__sql_user_function_next(const fly__sql_catalog_view *view,
                                                          const char *schema, const char *name,
                                                          size_t *next);
const fly__sql_user_function *fly__sql_user_function_of(const fly__sql_catalog_view *view,
                                                        uint32_t oid);

/* Walks, in order of OID: `*at` starts as 0; NULL at the end. */
const fly__sql_schema *fly__sql_schema_next(const fly__sql_catalog_view *view, size_t *at);
const fly__sql_table *fly__sql_table_next(const fly__sql_catalog_view *view, size_t *at);
const fly__sql_user_type *fly__sql_user_type_next(const fly__sql_catalog_view *view, size_t *at);
const fly__sql_user_function *fly__sql_user_function_each(const fly__sql_catalog_view *view,
                                                          size_t *at);

#endif
