/*
 * Tokens: what the lexer makes of bytes.
 *
 * A token is a place in the text and a type; its value (a name folded, a string with its escapes
 * undone) is made only when somebody asks, so that looking ahead costs little.
 *
 * Types below 128 are the character itself: ( ) [ ] , ; . : + - * / % ^ < > =. From FLY_TOKEN_KEYWORDS
 * on they are keywords, in the order of kw.def.
 */
#ifndef FLY_SQL_PARSE_LEX_INT_H
#define FLY_SQL_PARSE_LEX_INT_H

#include <fly/base_mem.h>

typedef enum fly_sql_token_type {
    FLY_TOKEN_END = 0,
    FLY_TOKEN_ERROR = 128,   /**< fly_sql_lexer.problem says why */
    FLY_TOKEN_IDENT,         /**< a word that is no keyword */
    FLY_TOKEN_QUOTED,        /**< "word"; lax: `word`, [word] */
    FLY_TOKEN_UQUOTED,       /**< U&"word" */
    FLY_TOKEN_STRING,        /**< 'text' */
    FLY_TOKEN_ESTRING,       /**< E'text' */
    FLY_TOKEN_USTRING,       /**< U&'text' */
    FLY_TOKEN_NSTRING,       /**< N'text' */
    FLY_TOKEN_DOLLAR,        /**< $tag$text$tag$ */
    FLY_TOKEN_BIT,           /**< B'01' */
    FLY_TOKEN_HEX,           /**< X'1f' */
    FLY_TOKEN_INT,           /**< digits */
    FLY_TOKEN_NUMERIC,       /**< digits with a point or an exponent */
    FLY_TOKEN_PARAM,         /**< $1 */
    FLY_TOKEN_QUESTION,      /**< ?, if it is a parameter */
    FLY_TOKEN_CAST,          /**< :: */
    FLY_TOKEN_DOT_DOT,       /**< .. */
    FLY_TOKEN_COLON_EQUALS,  /**< := */
    FLY_TOKEN_ARROW,         /**< => */
    FLY_TOKEN_LESS_EQUAL,    /**< <= */
    FLY_TOKEN_GREATER_EQUAL, /**< >= */
    FLY_TOKEN_NOT_EQUAL,     /**< <> and != */
    FLY_TOKEN_OP,            /**< any other operator */
    FLY_TOKEN_OTHER,         /**< a character that begins nothing */

    FLY_TOKEN_KEYWORDS = 256,
#define KEYWORD(word, name, class, bare) FLY_KW_##name,
#include "kw.def"
#undef KEYWORD
    FLY_TOKEN_TYPES
} fly_sql_token_type;

typedef enum fly_sql_keyword_class {
    FLY_KEYWORD_UNRESERVED,
    FLY_KEYWORD_COL_NAME,
    FLY_KEYWORD_TYPE_FUNC,
    FLY_KEYWORD_RESERVED
} fly_sql_keyword_class;

typedef struct fly_sql_keyword {
    const char *word;
    uint8_t len;
    uint8_t class; /**< fly_sql_keyword_class */
    bool bare;     /**< may be a label without AS */
} fly_sql_keyword;

typedef struct fly_sql_token {
    uint32_t start, end; /**< offsets in the text */
    uint16_t type;       /**< fly_sql_token_type */
    bool spaced;         /**< white space or a comment stands before it */
} fly_sql_token;

typedef struct fly_sql_lexer {
    const uint8_t *text;
    uint32_t at, end;
    bool lax;        /**< SQLite's quotes and == */
    bool question;   /**< ? is a parameter */
    uint16_t before; /**< the type of the token before */
    const char
        *problem; /**< of the last ERROR token, as PostgreSQL words it; NULL: only its bytes */
    const char *sqlstate; /**< of the problem */
} fly_sql_lexer;

/** Begin at the first of `len` bytes; `text` is borrowed as long as the lexer or its tokens are used. */
void fly__sql_lexer_init(fly_sql_lexer *lexer, const uint8_t *text, uint32_t len);

/** The next token. END and ERROR come again and again. */
void fly__sql_lex(fly_sql_lexer *lexer, fly_sql_token *token);

/** The row of a keyword's token type. */
const fly_sql_keyword *fly__sql_keyword(uint16_t type);

/** The type of the keyword that a word is, in whatever case; FLY_TOKEN_IDENT if it is none. */
uint16_t fly__sql_keyword_find(const uint8_t *word, size_t len);

/**
 * @brief What a token of a name or string type stands for.
 *
 * Names are folded and cut to 63 bytes; strings lose their quotes and escapes. `escape` is that of
 * UESCAPE, or '\\'.
 *
 * @param[out] value    In the arena, a NUL after it.
 * @param[out] problem  If it fails with FLY_E_INVALID: PostgreSQL's words, and where.
 */
FLY_MUST_USE fly_status fly__sql_token_value(fly_arena *arena, const uint8_t *text,
                                             const fly_sql_token *token, uint8_t escape,
                                             fly_bytes *value, const char **problem,
                                             uint32_t *problem_at);

#endif
