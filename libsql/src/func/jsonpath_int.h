/*
 * SQL/JSON paths: $.items[*] ? (@.price > 10).name
 */
#ifndef FLY_SQL_JSONPATH_INT_H
#define FLY_SQL_JSONPATH_INT_H

#include "func/pattern_int.h"

typedef enum fly__sql_path_kind {
    PATH_ROOT,    /* $ */
    PATH_CURRENT, /* @ */
    PATH_VARIABLE,
    PATH_LITERAL,
    PATH_LAST,
    PATH_KEY, /* these have an input: */
    PATH_ANY_KEY,
    PATH_ANY_LEVEL, /* .**{low to high} */
    PATH_INDEX,     /* ranges in a chain of `next`: left to right */
    PATH_ANY_INDEX,
    PATH_FILTER, /* right: the predicate */
    PATH_METHOD,
    PATH_NEGATE, /* left */
    PATH_PLUS,   /* left */
    PATH_ADD,    /* left, right */
    PATH_SUB,
    PATH_MUL,
    PATH_DIV,
    PATH_MOD,
    PATH_EQ, /* predicates from here on */
    PATH_NE,
    PATH_LT,
    PATH_LE,
    PATH_GT,
    PATH_GE,
    PATH_STARTS_WITH,
    PATH_LIKE_REGEX,
    PATH_EXISTS,
    PATH_AND,
    PATH_OR,
    PATH_NOT,
    PATH_IS_UNKNOWN
} fly__sql_path_kind;

typedef struct fly__sql_path_node fly__sql_path_node;
struct fly__sql_path_node {
    uint8_t kind;
    fly__sql_path_node *input; /* what an accessor is applied to */
    fly__sql_path_node *left;
    fly__sql_path_node *right;
    fly__sql_path_node *next;
    fly_bytes text; /* a key, variable, method; a literal as jsonb */
    int64_t low, high;
    fly_vec_regex *regex;
};

typedef struct fly__sql_path {
    bool strict;
    fly__sql_path_node *root;
} fly__sql_path;

/* Parse: 42601. Nodes lie in the arena. */
fly_status fly__sql_path_parse(fly_bytes text, fly_arena *arena, fly__sql_path *path, fly_err *err);

#endif
