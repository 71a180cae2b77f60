/*
 * The syntax tree: what the parser says and the binder hears, and the whole of what they share.
 *
 * A tree belongs to an arena and dies with it. Every node begins with a ::fly_ast: its kind and the
 * 1-based byte position of the word in the statement's text that a message about it should point at.
 * Nodes are made once and not changed afterwards, so trees may share parts and threads may share
 * trees. Names are NUL-terminated, folded to lower case unless they were quoted, at most 63 bytes.
 *
 * Node types stand in ast.def; fly_ast_select is the structure of FLY_AST_SELECT, and so on. An empty
 * list has a count of 0; a child or a name that was not written is NULL.
 */
#ifndef FLY_SQL_PARSE_AST_INT_H
#define FLY_SQL_PARSE_AST_INT_H

#include <fly/base_mem.h>

typedef enum fly_ast_kind {
#define AST_NODE(kind, type) FLY_AST_##kind,
#define AST_CHILD(name)
#define AST_LIST(name)
#define AST_NAME(name)
#define AST_NAMES(name)
#define AST_TEXT(name)
#define AST_FLAG(name)
#define AST_INT(name)
#define AST_CODE(type, name)
#define AST_END(type)
#include "ast.def"
    FLY_AST_KINDS
} fly_ast_kind;

/** A tree is at most this many times higher than `depth_max`: chains such as a + b + c nest too. */
enum { FLY_SQL_HEIGHT_PER_DEPTH = 4 };

/** The head of every node. */
typedef struct fly_ast {
    fly_ast_kind kind;
    uint32_t pos; /**< 1-based byte position in the text; 0 where there is none */
} fly_ast;

typedef struct fly_ast_list {
    fly_ast **items;
    uint32_t count;
} fly_ast_list;

typedef struct fly_ast_names {
    const char **items;
    uint32_t count;
} fly_ast_names;

#define AST_ENUM(type)                                                                             \
    typedef enum fly_ast_##type                                                                    \
    {
#define AST_VALUE(name) FLY_AST_##name,
#define AST_ENUM_END(type)                                                                         \
    }                                                                                              \
    fly_ast_##type;
#include "ast.def"

#define AST_NODE(kind, type)                                                                       \
    typedef struct fly_ast_##type {                                                                \
        fly_ast node;
#define AST_CHILD(name) fly_ast *name;
#define AST_LIST(name) fly_ast_list name;
#define AST_NAME(name) const char *name;
#define AST_NAMES(name) fly_ast_names name;
#define AST_TEXT(name) fly_bytes name;
#define AST_FLAG(name) bool name;
#define AST_INT(name) int64_t name;
#define AST_CODE(type, name) fly_ast_##type name;
#define AST_END(type)                                                                              \
    }                                                                                              \
    fly_ast_##type;
#include "ast.def"

/* --------------------------------------------------------------------------- descriptions */

typedef enum fly_ast_field_kind {
    FLY_AST_F_CHILD,
    FLY_AST_F_LIST,
    FLY_AST_F_NAME,
    FLY_AST_F_NAMES,
    FLY_AST_F_TEXT,
    FLY_AST_F_FLAG,
    FLY_AST_F_INT,
    FLY_AST_F_CODE
} fly_ast_field_kind;

typedef struct fly_ast_field_info {
    const char *name;
    fly_ast_field_kind kind;
    uint32_t offset;
    const char *const *codes; /**< of a CODE: what its values are called */
} fly_ast_field_info;

/** What a kind of node is called: "SELECT". */
const char *fly__sql_ast_name(fly_ast_kind kind);

/** What a kind of node is made of; a field without a name ends the table. */
const fly_ast_field_info *fly__sql_ast_fields(fly_ast_kind kind);

/** Whether two trees (or NULLs) say the same; positions do not matter. */
bool fly__sql_ast_equal(const fly_ast *a, const fly_ast *b);

/**
 * Call `visit` for a node and for all below it, parents first, in the order of ast.def. `visit` may
 * return false to leave out what is below.
 */
void fly__sql_ast_walk(fly_ast *node, bool (*visit)(void *ctx, fly_ast *node), void *ctx);

/** The tree as an indented listing, for EXPLAIN (AST). The text lives in the arena. */
FLY_MUST_USE fly_status fly__sql_ast_dump(fly_arena *arena, const fly_ast *node, fly_bytes *text,
                                          fly_err *err);

/** The tree as SQL that parses to an equal tree. The text lives in the arena, a NUL follows it. */
FLY_MUST_USE fly_status fly__sql_print(fly_arena *arena, const fly_ast *node, fly_bytes *text,
                                       fly_err *err);

/* --------------------------------------------------------------------------------- parsing */

/** Zero means the default. */
typedef struct fly_sql_parse_options {
    bool lax_syntax;      /**< accept what SQLite accepts, too */
    bool question_params; /**< ? is a parameter; no operator may contain it then */
    bool pl_into;         /**< SELECT ... INTO and RETURNING ... INTO name variables */
    uint32_t depth_max;   /**< of nesting; default 1000 */
    uint32_t nodes_max;   /**< default 10 million */
    uint64_t bytes_max;   /**< of text; default 1 GiB */
} fly_sql_parse_options;

typedef struct fly_sql_statement {
    fly_ast *node;
    uint32_t start;  /**< 0-based offset of its first token in the text */
    uint32_t len;    /**< in bytes, without the semicolon and the blanks before it */
    uint32_t params; /**< the highest number of a parameter in it */
} fly_sql_statement;

typedef struct fly_sql_statements {
    fly_sql_statement *items;
    uint32_t count; /**< empty statements are left out */
} fly_sql_statements;

/**
 * @brief Parse statements separated by semicolons.
 *
 * @param arena    The trees live there; it is not reset.
 * @param text     Borrowed for the call: the trees copy what they need. Statements cite offsets in it.
 * @param options  NULL: all defaults.
 * @return FLY_OK; FLY_E_INVALID with SQLSTATE 42601 (syntax), 22021 (bytes that are no text), 54001
 *         (too deep), 54000 (too large) and err->position; FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status fly__sql_parse(fly_arena *arena, fly_bytes text,
                                       const fly_sql_parse_options *options,
                                       fly_sql_statements *statements, fly_err *err);

/** As fly__sql_parse() for a text that is one expression. */
FLY_MUST_USE fly_status fly__sql_parse_expr(fly_arena *arena, fly_bytes text,
                                            const fly_sql_parse_options *options, fly_ast **expr,
                                            fly_err *err);

/** As fly__sql_parse() for a text that is the name of a type: "numeric(10, 2)[]". */
FLY_MUST_USE fly_status fly__sql_parse_type(fly_arena *arena, fly_bytes text,
                                            const fly_sql_parse_options *options,
                                            fly_ast_type **type, fly_err *err);

typedef enum fly_sql_fragment_kind {
    FLY_SQL_FRAGMENT_EXPR,      /**< gives the expression */
    FLY_SQL_FRAGMENT_STATEMENT, /**< gives the statement */
    FLY_SQL_FRAGMENT_TYPE,      /**< gives a TYPE */
    FLY_SQL_FRAGMENT_SKIP       /**< gives NULL: only finds the end */
} fly_sql_fragment_kind;

/**
 * @brief Parse what stands in a larger text, say a function's body, up to a word that ends it.
 *
 * The fragment begins at `text` + `start` and ends before the first of `stops` outside parentheses,
 * brackets and CASE ... END, or where the text ends. Positions count from the beginning of `text`.
 *
 * @param stops     Keywords and other words in lower case, or punctuation (";", ":=", "..").
 * @param[out] stop Which of the stops it was, or `stop_count` at the end of the text.
 * @param[out] end  Offset of the stop.
 */
FLY_MUST_USE fly_status fly__sql_parse_fragment(fly_arena *arena, fly_bytes text, size_t start,
                                                fly_sql_fragment_kind kind,
                                                const char *const *stops, uint32_t stop_count,
                                                const fly_sql_parse_options *options,
                                                fly_ast **node, uint32_t *stop, size_t *end,
                                                fly_err *err);

#endif
