/*
 * Between the files jsonpath*.c: the tree of a path.
 */
#ifndef FLY_JSONPATH_INT_H
#define FLY_JSONPATH_INT_H

#include "json_int.h"

#include <fly/vec_jsonpath.h>
#include <fly/vec_regex.h>

enum { PATH_DEPTH_MAX = 200 };

typedef enum step_kind {
    S_ROOT,
    S_CURRENT,
    S_VARIABLE,
    S_LITERAL,
    S_LAST,
    S_KEY,
    S_ANY_KEY,     /* .* */
    S_ANY_DEPTH,   /* .**{from to} */
    S_ANY_ELEMENT, /* [*] */
    S_ELEMENTS,    /* [a, b to c]: kids in pairs, the second may be NULL */
    S_FILTER,
    S_METHOD,
    S_ADD,
    S_SUB,
    S_MUL,
    S_DIV,
    S_MOD,
    S_PLUS,
    S_MINUS,
    S_AND,
    S_OR,
    S_NOT,
    S_EQ,
    S_NE,
    S_LT,
    S_LE,
    S_GT,
    S_GE,
    S_STARTS,
    S_LIKE,
    S_EXISTS,
    S_UNKNOWN
} step_kind;

typedef enum method_id {
    M_TYPE,
    M_SIZE,
    M_DOUBLE,
    M_CEILING,
    M_FLOOR,
    M_ABS,
    M_KEYVALUE,
    METHODS
} method_id;

/* An operand or an operator; `next` is the accessor that is applied to what it gives. */
typedef struct step {
    uint8_t kind;
    uint8_t method;
    uint32_t from, to; /* S_ANY_DEPTH; UINT32_MAX: last */
    uint32_t count;    /* of pairs in kid */
    fly_bytes text;    /* key, variable, literal (a jsonb value), pattern */
    fly_bytes flags;   /* of S_LIKE */
    fly_vec_regex *regex;
    struct step *left, *right;
    struct step **kid;
    struct step *next;
} step;

struct fly_vec_jsonpath {
    fly_mem *mem;
    fly_arena arena;
    step *root;
    bool strict;
    struct like {
        fly_vec_regex *regex;
        struct like *next;
    } * likes;
};

static inline bool fly__vec_step_is_predicate(const step *s)
{
    return s->kind >= S_AND && s->kind <= S_UNKNOWN;
}

extern const char *const fly__vec_method_names[METHODS];
fly_status fly__vec_jsonpath_parse(fly_vec_jsonpath *path, fly_bytes text, fly_err *err);

#endif
