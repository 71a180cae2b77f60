/*
 * The parser's state and the small words that every rule of the grammar is written in.
 *
 * A rule is a function that finds its first token current and leaves the token after its last one
 * current. Errors stick: after the first one the current token is END for ever, all rules run out
 * quickly, nodes come from a scrap of memory if there is no other, and nobody looks at the result. So
 * rules need no checks between their lines.
 *
 *     P1  no rule loops without moving past a token: loops go on while accept() succeeds
 *     P2  rules that contain themselves call enter() and leave(), which bound depth and stack
 *     P3  after an error, rules may read nodes but never follow them more than one step
 */
#ifndef FLY_SQL_PARSE_PARSE_INT_H
#define FLY_SQL_PARSE_PARSE_INT_H

#include "parse/ast_int.h"
#include "parse/lex_int.h"

#include <string.h>

enum {
    FLY_SQL_LOOK_AHEAD = 3,
    FLY_SQL_EXPECTED_MAX = 24,
    FLY_SQL_NODE_SIZE_MAX = 512,
    FLY_SQL_SCRAPS = 24, /* more nodes than a rule makes and still looks at, after an error */
    FLY_SQL_EXPRESSION = FLY_TOKEN_OTHER /* among what was expected: any expression */
};

typedef struct fly_sql_parser {
    fly_sql_token tok; /* the current one */
    uint32_t last_end; /* where the one before ended */
    uint32_t ahead_count;
    fly_sql_token ahead[FLY_SQL_LOOK_AHEAD];
    fly_sql_lexer lexer;
    fly_arena *arena;
    fly_sql_parse_options options; /* without zeros */
    void **stack;                  /* lists that grow: nodes or names */
    uint32_t top, room;
    uint32_t depth;  /* of rules in rules */
    uint32_t height; /* of what the innermost rule has made so far */
    uint32_t nodes;
    uint32_t params;
    uintptr_t frame; /* of the outermost call: stack use is measured from here */
    fly_status status;
    fly_err err;
    bool windowless; /* the call that begins here takes no OVER and no FILTER */
    bool recording;  /* the second run after a syntax error: note what was looked for */
    uint32_t record_at;
    uint32_t expected_count;
    uint16_t expected[FLY_SQL_EXPECTED_MAX];
    uint32_t scrap_next;
    uint64_t scrap[FLY_SQL_SCRAPS][FLY_SQL_NODE_SIZE_MAX / 8];
} fly_sql_parser;

/* ---------------------------------------------------------------------------------- errors */

/** Note the first error; `pos` is 1-based, 0 for none. */
void fly__sql_gram_fail(fly_sql_parser *p, fly_status status, const char *sqlstate, uint32_t pos,
                        const char *format, ...) FLY_PRINTF(5, 6);

/** The current token cannot stand here. */
void fly__sql_gram_syntax(fly_sql_parser *p);

/** "message at or near "token"", of the current one. */
void fly__sql_gram_near(fly_sql_parser *p, const char *message, const char *sqlstate);

/** A message of SQLSTATE 42601 at a position. */
#define SYNTAX_MESSAGE(p, pos, ...) fly__sql_gram_fail(p, FLY_E_INVALID, "42601", pos, __VA_ARGS__)

void fly__sql_gram_lex_error(fly_sql_parser *p);
void fly__sql_gram_note(fly_sql_parser *p, uint16_t type);
void fly__sql_gram_too_deep(fly_sql_parser *p);

/* ---------------------------------------------------------------------------------- tokens */

const fly_sql_token *fly__sql_gram_peek(fly_sql_parser *p, uint32_t distance);

static inline void next(fly_sql_parser *p)
{
    p->last_end = p->tok.end;
    if (p->ahead_count == 0) {
        fly__sql_lex(&p->lexer, &p->tok);
    } else {
        p->tok = p->ahead[0];
        p->ahead[0] = p->ahead[1];
        p->ahead[1] = p->ahead[2];
        p->ahead_count--;
    }
    if (FLY_UNLIKELY(p->tok.type == FLY_TOKEN_ERROR)) {
        fly__sql_gram_lex_error(p);
    }
}

/** The type of the token after the current one. */
static inline uint16_t peek(fly_sql_parser *p)
{
    return fly__sql_gram_peek(p, 1)->type;
}

static inline uint16_t peek2(fly_sql_parser *p)
{
    return fly__sql_gram_peek(p, 2)->type;
}

static inline bool at(fly_sql_parser *p, uint16_t type)
{
    if (p->tok.type == type) {
        return true;
    }
    if (FLY_UNLIKELY(p->recording)) {
        fly__sql_gram_note(p, type);
    }
    return false;
}

static inline bool accept(fly_sql_parser *p, uint16_t type)
{
    if (at(p, type)) {
        next(p);
        return true;
    }
    return false;
}

static inline void expect(fly_sql_parser *p, uint16_t type)
{
    if (!accept(p, type)) {
        fly__sql_gram_syntax(p);
    }
}

/** Two keywords, or neither. */
static inline bool accept2(fly_sql_parser *p, uint16_t first, uint16_t second)
{
    if (at(p, first) && peek(p) == second) {
        next(p);
        next(p);
        return true;
    }
    return false;
}

static inline bool failed(const fly_sql_parser *p)
{
    return p->status != FLY_OK;
}

/** The position of the current token. */
static inline uint32_t here(const fly_sql_parser *p)
{
    return p->tok.start + 1;
}

/** Whether the current token is this identifier (lower case), which is no keyword. */
bool fly__sql_gram_at_word(fly_sql_parser *p, const char *word);
bool fly__sql_gram_accept_word(fly_sql_parser *p, const char *word);

/* ----------------------------------------------------------------------------------- nodes */

fly_ast *fly__sql_gram_node(fly_sql_parser *p, fly_ast_kind kind, size_t size, uint32_t pos);

#define NEW(p, type, KIND, pos)                                                                    \
    ((fly_ast_##type *)fly__sql_gram_node(p, FLY_AST_##KIND, sizeof(fly_ast_##type), pos))

/** A node as what it is, if it is; for looking at what a rule gave. */
static inline bool is_kind(const fly_ast *node, fly_ast_kind kind)
{
    return node != NULL && node->kind == kind;
}

void fly__sql_gram_push(fly_sql_parser *p, void *item);
fly_ast_list fly__sql_gram_take(fly_sql_parser *p, uint32_t mark);
fly_ast_names fly__sql_gram_take_names(fly_sql_parser *p, uint32_t mark);

static inline void push(fly_sql_parser *p, void *item)
{
    fly__sql_gram_push(p, item);
}

static inline void push_name(fly_sql_parser *p, const char *name)
{
    fly__sql_gram_push(p, (void *)(uintptr_t)name);
}

/** A rule: what stands for itself in a list. */
typedef fly_ast *fly_sql_rule(fly_sql_parser *p);

/** rule {, rule} */
fly_ast_list fly__sql_gram_list(fly_sql_parser *p, fly_sql_rule *rule);
/** ( rule {, rule} ) */
fly_ast_list fly__sql_gram_parens(fly_sql_parser *p, fly_sql_rule *rule);
fly_ast_list fly__sql_gram_one(fly_sql_parser *p, fly_ast *item);
fly_ast_names fly__sql_gram_one_name(fly_sql_parser *p, const char *name);

/** Into a rule that may contain itself; `outer` is for leave(). */
static inline void enter(fly_sql_parser *p, uint32_t *outer)
{
    enum { STACK_BYTES_MAX = 3 << 20 };
    *outer = p->height;
    p->height = 0;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    uintptr_t used = p->frame > frame ? p->frame - frame : frame - p->frame;
    if (FLY_UNLIKELY(++p->depth > p->options.depth_max || used > STACK_BYTES_MAX)) {
        fly__sql_gram_too_deep(p);
    }
}

/** One more node above those that the innermost rule has made. */
static inline void grow(fly_sql_parser *p)
{
    if (FLY_UNLIKELY(++p->height > p->options.depth_max * FLY_SQL_HEIGHT_PER_DEPTH)) {
        fly__sql_gram_too_deep(p);
    }
}

static inline void leave(fly_sql_parser *p, uint32_t outer)
{
    p->depth--;
    grow(p);
    if (p->height < outer) {
        p->height = outer;
    }
}

/* ----------------------------------------------------------------------------------- names */

static inline bool is_name_token(uint16_t type)
{
    return type >= FLY_TOKEN_IDENT && type <= FLY_TOKEN_UQUOTED;
}

/** Whether a token can name a column or table (ColId in PostgreSQL's grammar). */
bool fly__sql_gram_is_col_id(uint16_t type);
/** ... a function or type (type_function_name). */
bool fly__sql_gram_is_type_name(uint16_t type);
/** ... a column of a result without AS (BareColLabel). */
bool fly__sql_gram_is_bare_label(uint16_t type);

/** The current token as a name, whatever it is: for those who know. */
const char *fly__sql_gram_name_value(fly_sql_parser *p);
const char *fly__sql_gram_col_id(fly_sql_parser *p);
const char *fly__sql_gram_type_function_name(fly_sql_parser *p);
/** Any word at all (ColLabel). */
const char *fly__sql_gram_label(fly_sql_parser *p);
/** A word that stands for a value in options: name, any keyword. */
fly_ast_names fly__sql_gram_name_list(fly_sql_parser *p);   /* ColId {, ColId} */
fly_ast_names fly__sql_gram_name_parens(fly_sql_parser *p); /* ( ColId {, ColId} ) */
fly_ast_names fly__sql_gram_any_name(fly_sql_parser *p);    /* ColId {. ColLabel} */
fly_ast *fly__sql_gram_relation(fly_sql_parser *p);         /* [catalog.][schema.]name */
fly_ast *fly__sql_gram_object(fly_sql_parser *p);           /* OBJECT of any_name */
fly_ast *fly__sql_gram_object_of_name(fly_sql_parser *p);   /* OBJECT of one ColId */

/* --------------------------------------------------------------------------------- literals */

static inline bool is_string_token(uint16_t type)
{
    return (type >= FLY_TOKEN_STRING && type <= FLY_TOKEN_USTRING) || type == FLY_TOKEN_DOLLAR;
}

bool fly__sql_gram_at_string(fly_sql_parser *p);
/** A CONST of a string. */
fly_ast *fly__sql_gram_string(fly_sql_parser *p);
/** A string as a C string. */
const char *fly__sql_gram_string_value(fly_sql_parser *p);
/** A CONST of a number with or without a sign. */
fly_ast *fly__sql_gram_signed_number(fly_sql_parser *p);
/** Digits that fit an int, as PostgreSQL's Iconst. */
int64_t fly__sql_gram_int(fly_sql_parser *p);
fly_ast *fly__sql_gram_const_string(fly_sql_parser *p, const char *text, uint32_t pos);
fly_ast *fly__sql_gram_const_bool(fly_sql_parser *p, bool value, uint32_t pos);
fly_ast *fly__sql_gram_const_null(fly_sql_parser *p, uint32_t pos);
fly_ast *fly__sql_gram_const_int(fly_sql_parser *p, int64_t value, uint32_t pos);
/** The current token's number; may be larger than 64 bits. */
fly_ast *fly__sql_gram_number(fly_sql_parser *p);
/** A constant with the other sign. */
fly_ast *fly__sql_gram_negate(fly_sql_parser *p, fly_ast *number, uint32_t pos);

/* ----------------------------------------------------------------------------------- rules */

fly_ast *fly__sql_gram_type(fly_sql_parser *p);          /* Typename */
fly_ast *fly__sql_gram_function_type(fly_sql_parser *p); /* func_type: with SETOF and %TYPE */
fly_ast *fly__sql_gram_column_type(fly_sql_parser *p);   /* lax: odd words */
/** type 'text', if that stands here (ConstTypename); NULL: it does not, nothing was read. */
fly_ast *fly__sql_gram_const_type(fly_sql_parser *p);
const char *fly__sql_gram_interval_fields(fly_sql_parser *p, fly_ast_list *modifiers);

fly_ast *fly__sql_gram_expr(fly_sql_parser *p);   /* a_expr */
fly_ast *fly__sql_gram_b_expr(fly_sql_parser *p); /* b_expr */
fly_ast *fly__sql_gram_c_expr(fly_sql_parser *p); /* c_expr */
fly_ast *fly__sql_gram_call(fly_sql_parser *p); /* func_expr without OVER and FILTER: for tables */
fly_ast_list fly__sql_gram_indirection(fly_sql_parser *p);
/** An operator's name, OPERATOR(schema.op) or bare; for USING and WITH. */
void fly__sql_gram_operator(fly_sql_parser *p, const char **schema, const char **op);
fly_ast_names fly__sql_gram_operator_name(fly_sql_parser *p); /* any_operator */

bool fly__sql_gram_at_select(fly_sql_parser *p);  /* SELECT, VALUES, TABLE, WITH or ( */
fly_ast *fly__sql_gram_select(fly_sql_parser *p); /* SelectStmt */
fly_ast *fly__sql_gram_select_parens(
    fly_sql_parser *p); /* select_with_parens, without the parens */
/** After a query in parentheses: whether it goes on, and how. */
bool fly__sql_gram_at_select_rest(fly_sql_parser *p);
fly_ast *fly__sql_gram_select_rest(fly_sql_parser *p, fly_ast *left);
fly_ast *fly__sql_gram_with(fly_sql_parser *p);
fly_ast *fly__sql_gram_sort(fly_sql_parser *p);
fly_ast_list fly__sql_gram_order_by(fly_sql_parser *p); /* [ORDER BY ...] */
fly_ast *fly__sql_gram_window(fly_sql_parser *p);       /* ( ... ) */
fly_ast *fly__sql_gram_target(fly_sql_parser *p);
fly_ast *fly__sql_gram_from_item(fly_sql_parser *p);
fly_ast *fly__sql_gram_relation_expr(fly_sql_parser *p); /* [ONLY] name [*] */
fly_ast *fly__sql_gram_into_var(fly_sql_parser *p);

fly_ast *fly__sql_gram_insert(fly_sql_parser *p, fly_ast *with);
fly_ast *fly__sql_gram_update(fly_sql_parser *p, fly_ast *with);
fly_ast *fly__sql_gram_delete(fly_sql_parser *p, fly_ast *with);
fly_ast *fly__sql_gram_merge(fly_sql_parser *p, fly_ast *with);
fly_ast *fly__sql_gram_copy(fly_sql_parser *p);
fly_ast *fly__sql_gram_truncate(fly_sql_parser *p);
/** WITH ... and then SELECT, INSERT, UPDATE, DELETE, MERGE; or one of those. */
fly_ast *fly__sql_gram_with_statement(fly_sql_parser *p);
/** What PREPARE and CTEs take; NULL with a syntax error for others. */
fly_ast *fly__sql_gram_preparable(fly_sql_parser *p);

fly_ast *fly__sql_gram_create(fly_sql_parser *p);
fly_ast *fly__sql_gram_alter(fly_sql_parser *p);
fly_ast *fly__sql_gram_drop(fly_sql_parser *p);
fly_ast *fly__sql_gram_comment(fly_sql_parser *p);
fly_ast *fly__sql_gram_grant(fly_sql_parser *p, bool revoke);
fly_ast *fly__sql_gram_alter_defaults(fly_sql_parser *p, uint32_t pos);
fly_ast *fly__sql_gram_policy(fly_sql_parser *p, bool alter, uint32_t pos);
fly_ast *fly__sql_gram_role(fly_sql_parser *p); /* RoleSpec */
fly_ast *fly__sql_gram_column_def(fly_sql_parser *p);
fly_ast *fly__sql_gram_table_element(fly_sql_parser *p);
fly_ast *fly__sql_gram_column_constraint(fly_sql_parser *p); /* NULL: none stands here */
fly_ast *fly__sql_gram_table_constraint(fly_sql_parser *p);
fly_ast *fly__sql_gram_constraint_attributes(fly_sql_parser *p, fly_ast *node);
fly_ast *fly__sql_gram_index_column(fly_sql_parser *p);
fly_ast *fly__sql_gram_function_param(fly_sql_parser *p);
fly_ast *fly__sql_gram_function_object(fly_sql_parser *p); /* name [(arguments)] */
fly_ast *fly__sql_gram_reloption(fly_sql_parser *p);       /* [space.]name [= value] */
fly_ast_list fly__sql_gram_definition(fly_sql_parser *p);  /* ( name [= value], ... ) */
fly_ast *fly__sql_gram_generic_option(
    fly_sql_parser *p); /* name [value], of EXPLAIN, VACUUM, COPY */
fly_ast_list fly__sql_gram_sequence_options(fly_sql_parser *p);
fly_ast *fly__sql_gram_partition_bound(fly_sql_parser *p);
const char *fly__sql_gram_access_method(fly_sql_parser *p); /* a name, or COLUMN */
bool fly__sql_gram_cascade(fly_sql_parser *p);              /* [CASCADE | RESTRICT] */
bool fly__sql_gram_if_exists(fly_sql_parser *p);
bool fly__sql_gram_if_not_exists(fly_sql_parser *p);
fly_ast *fly__sql_gram_option(fly_sql_parser *p, const char *name, fly_ast *value, uint32_t pos);

fly_ast *fly__sql_gram_create_function(fly_sql_parser *p, bool replace, uint32_t pos);
fly_ast *fly__sql_gram_alter_function(fly_sql_parser *p, uint32_t pos);
fly_ast *fly__sql_gram_create_trigger(fly_sql_parser *p, bool replace, uint32_t pos);
fly_ast *fly__sql_gram_create_role(fly_sql_parser *p, uint32_t pos);
fly_ast *fly__sql_gram_alter_role(fly_sql_parser *p, uint32_t pos);
fly_ast *fly__sql_gram_create_database(fly_sql_parser *p, uint32_t pos);
fly_ast *fly__sql_gram_alter_database(fly_sql_parser *p, uint32_t pos);
fly_ast *fly__sql_gram_create_table(fly_sql_parser *p, uint32_t pos,
                                    fly_ast_persistence persistence);
fly_ast *fly__sql_gram_alter_table(fly_sql_parser *p, uint32_t pos, fly_ast_object_kind type);

/** SET and RESET, after the word; `scoped`: in functions and roles, where no LOCAL may stand. */
fly_ast *fly__sql_gram_set(fly_sql_parser *p, bool scoped);
fly_ast *fly__sql_gram_reset(fly_sql_parser *p);
/** Statements that are neither queries nor definitions; NULL: none begins here. */
fly_ast *fly__sql_gram_utility(fly_sql_parser *p);
/** Any statement. */
fly_ast *fly__sql_gram_statement(fly_sql_parser *p);

#endif
