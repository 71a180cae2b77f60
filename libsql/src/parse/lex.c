/*
 * From bytes to tokens, by PostgreSQL's rules.
 *
 *     L1  tokens do not overlap and come in the order of the text; what lies between them is white space
 *         and comments
 *     L2  every call that does not give END or ERROR goes on by a byte at least
 *     L3  no token reads beyond `end`
 *
 * Worth knowing: strings with white space that has a line's end between them are one token. Block
 * comments nest. An operator is the longest run of operator characters, but stops where a comment
 * begins, and ends in + or - only if it has a character that no SQL operator has, so that a=-1 needs
 * no blank. Words fold to lower case in ASCII only.
 *
 * What is not here: which keyword may be a name where (parse_int.h), and the UESCAPE clause, which is
 * grammar.
 */
#include "parse/lex_int.h"

#include <fly/text.h>

#include <string.h>

#include "kw_hash.def"

enum {
    SPACE = 1,
    IDENT_START = 2,
    DIGIT = 4,
    IDENT_REST = 8,
    OPERATOR = 16,
    XDIGIT = 32,
    SELF = 64, /* ( ) [ ] , ; . : are tokens themselves */
    ODD = 128  /* operators' characters that the standard's operators do not have: ~!@#^&|`?% */
};

/* What a byte can be part of. Bytes of 128 and up are letters. */
enum { L = IDENT_START | IDENT_REST, H = L | XDIGIT, D = DIGIT | IDENT_REST | XDIGIT };
enum { S = SPACE, O = OPERATOR, R = IDENT_REST, Q = OPERATOR | ODD, P = SELF };
#define L16 L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L
static const uint8_t classes[256] = {
    0,   0,   0,   0,   0,   0,   0,   0,   0, S, S, 0, S, S, 0, 0, /* tab, newline, feed, return */
    0,   0,   0,   0,   0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, /**/
    S,   Q,   0,   Q,   R,   Q,   Q,   0,   P, P, O, O, P, O, P, O, /* !"#$%&'()*+,-./ */
    D,   D,   D,   D,   D,   D,   D,   D,   D, D, P, P, O, O, O, Q, /* 0123456789:;<=>? */
    Q,   H,   H,   H,   H,   H,   H,   L,   L, L, L, L, L, L, L, L, /* @ABCDEFGHIJKLMNO */
    L,   L,   L,   L,   L,   L,   L,   L,   L, L, L, P, 0, P, Q, L, /* PQRSTUVWXYZ[\]^_ */
    Q,   H,   H,   H,   H,   H,   H,   L,   L, L, L, L, L, L, L, L, /* `abcdefghijklmno */
    L,   L,   L,   L,   L,   L,   L,   L,   L, L, L, 0, Q, 0, Q, 0, /* pqrstuvwxyz{|}~ */
    L16, L16, L16, L16, L16, L16, L16, L16,
};

static inline unsigned class_of(uint8_t byte)
{
    return classes[byte];
}

static inline uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* -------------------------------------------------------------------------------- keywords */

static const fly_sql_keyword keywords[] = {
#define KEYWORD(word, name, class, bare) {word, sizeof word - 1, FLY_KEYWORD_##class, bare},
#include "kw.def"
#undef KEYWORD
};

_Static_assert(FLY_TOKEN_TYPES == FLY_TOKEN_KEYWORDS + 1 + sizeof keywords / sizeof keywords[0],
               "keywords are numbered from FLY_TOKEN_KEYWORDS + 1");

const fly_sql_keyword *fly__sql_keyword(uint16_t type)
{
    FLY_ASSERT(type > FLY_TOKEN_KEYWORDS);
    FLY_ASSERT(type < FLY_TOKEN_TYPES);
    return &keywords[type - FLY_TOKEN_KEYWORDS - 1];
}

/* The keyword of a word whose hash is known. */
static uint16_t keyword_at(const uint8_t *word, size_t len, uint32_t hash)
{
    uint32_t slot = ((hash >> 15) & 511u) ^ hash_displacement[hash >> 24];
    uint32_t number = hash_slot[slot];
    if (number == 0 || keywords[number - 1].len != len) {
        return FLY_TOKEN_IDENT;
    }
    const char *keyword = keywords[number - 1].word;
    for (size_t i = 0; i < len; i++) {
        if (lower(word[i]) != (uint8_t)keyword[i]) {
            return FLY_TOKEN_IDENT;
        }
    }
    return (uint16_t)(FLY_TOKEN_KEYWORDS + number);
}

uint16_t fly__sql_keyword_find(const uint8_t *word, size_t len)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ lower(word[i])) * HASH_MULTIPLIER;
    }
    return keyword_at(word, len, hash);
}

/* ---------------------------------------------------------------------------------- tokens */

void fly__sql_lexer_init(fly_sql_lexer *lexer, const uint8_t *text, uint32_t len)
{
    *lexer = (fly_sql_lexer){.text = text, .end = len};
}

/* The byte `ahead` of the current one, 0 beyond the end. */
static uint8_t peek(const fly_sql_lexer *lexer, uint32_t ahead)
{
    return lexer->end - lexer->at > ahead ? lexer->text[lexer->at + ahead] : 0;
}

static void fail(fly_sql_lexer *lexer, fly_sql_token *token, const char *problem, uint32_t end)
{
    lexer->problem = problem;
    lexer->sqlstate = "42601";
    lexer->at = token->start; /* the error stays where it is */
    token->type = FLY_TOKEN_ERROR;
    token->end = end;
}

/* Step over a comment that begins here; 0 if none does, -1 if it does not end. */
static int skip_comment(fly_sql_lexer *lexer)
{
    if (peek(lexer, 0) == '-' && peek(lexer, 1) == '-') {
        while (lexer->at < lexer->end && lexer->text[lexer->at] != '\n' &&
               lexer->text[lexer->at] != '\r') {
            lexer->at++;
        }
        return 1;
    }
    if (peek(lexer, 0) != '/' || peek(lexer, 1) != '*') {
        return 0;
    }
    uint32_t depth = 0;
    while (lexer->at < lexer->end) {
        if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*') {
            depth++;
            lexer->at += 2;
        } else if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
            lexer->at += 2;
            if (--depth == 0) {
                return 1;
            }
        } else {
            lexer->at++;
        }
    }
    return -1;
}

/*
 * After a string's closing quote: if nothing but white space with a line's end stands before another
 * quote, move to after that one. Block comments do not count as white space here, as in PostgreSQL.
 */
static bool string_continues(fly_sql_lexer *lexer)
{
    uint32_t at = lexer->at;
    bool newline = false;
    while (at < lexer->end) {
        uint8_t byte = lexer->text[at];
        if (byte == '-' && at + 1 < lexer->end && lexer->text[at + 1] == '-') {
            while (at < lexer->end && lexer->text[at] != '\n' && lexer->text[at] != '\r') {
                at++;
            }
        } else if (class_of(byte) & SPACE) {
            newline = newline || byte == '\n' || byte == '\r';
            at++;
        } else {
            break;
        }
    }
    if (newline && at < lexer->end && lexer->text[at] == '\'') {
        lexer->at = at + 1;
        return true;
    }
    return false;
}

/* A string whose first quote is `skip` bytes ahead. */
static void lex_string(fly_sql_lexer *lexer, fly_sql_token *token, uint16_t type, uint32_t skip)
{
    lexer->at += skip + 1;
    for (;;) {
        const uint8_t *from = lexer->text + lexer->at;
        size_t left = lexer->end - lexer->at;
        const uint8_t *quote = NULL;
        if (type == FLY_TOKEN_ESTRING) {
            size_t i = 0;
            while (i < left && from[i] != '\'') {
                i += from[i] == '\\' ? 2 : 1;
            }
            quote = i < left ? from + i : NULL;
        } else if (left > 0) {
            quote = memchr(from, '\'', left);
        }
        if (quote == NULL) {
            fail(lexer, token,
                 type == FLY_TOKEN_BIT   ? "unterminated bit string literal"
                 : type == FLY_TOKEN_HEX ? "unterminated hexadecimal string literal"
                                         : "unterminated quoted string",
                 lexer->end);
            return;
        }
        lexer->at += (uint32_t)(quote - from) + 1;
        if (peek(lexer, 0) == '\'') {
            lexer->at++;
        } else if (!string_continues(lexer)) {
            break;
        }
    }
    token->type = type;
}

/* A name in quotes; doubled quotes stand for one. The opening quote is `skip` bytes ahead. */
static void lex_quoted(fly_sql_lexer *lexer, fly_sql_token *token, uint16_t type, uint32_t skip,
                       uint8_t close)
{
    lexer->at += skip + 1;
    uint32_t first = lexer->at;
    for (;;) {
        size_t left = lexer->end - lexer->at;
        const uint8_t *from = lexer->text + lexer->at;
        const uint8_t *quote = left > 0 ? memchr(from, close, left) : NULL;
        if (quote == NULL) {
            fail(lexer, token, "unterminated quoted identifier", lexer->end);
            return;
        }
        lexer->at += (uint32_t)(quote - from) + 1;
        if (close == ']' || peek(lexer, 0) != close) {
            break;
        }
        lexer->at++;
    }
    token->type = type;
    if (lexer->at - first == 1) {
        fail(lexer, token, "zero-length delimited identifier", lexer->at);
    }
}

static void lex_word(fly_sql_lexer *lexer, fly_sql_token *token)
{
    const uint8_t *word = lexer->text + lexer->at;
    const uint8_t *end = lexer->text + lexer->end;
    const uint8_t *at = word;
    uint32_t hash = 0;
    do {
        hash = (hash ^ lower(*at)) * HASH_MULTIPLIER;
        at++;
    } while (at < end && (class_of(*at) & IDENT_REST));
    lexer->at += (uint32_t)(at - word);
    token->type = keyword_at(word, (size_t)(at - word), hash);
}

static void skip_digits(fly_sql_lexer *lexer, unsigned class)
{
    while (class_of(peek(lexer, 0)) & class) {
        lexer->at++;
    }
}

/* Where the word ends that stands here. */
static uint32_t word_end(const fly_sql_lexer *lexer)
{
    uint32_t at = lexer->at;
    while (at < lexer->end && (class_of(lexer->text[at]) & IDENT_REST)) {
        at++;
    }
    return at;
}

static void lex_number(fly_sql_lexer *lexer, fly_sql_token *token)
{
    token->type = FLY_TOKEN_INT;
    if (lexer->lax && peek(lexer, 0) == '0' && (peek(lexer, 1) | 32) == 'x' &&
        (class_of(peek(lexer, 2)) & XDIGIT)) {
        lexer->at += 2;
        skip_digits(lexer, XDIGIT);
        return;
    }
    skip_digits(lexer, DIGIT);
    if (peek(lexer, 0) == '.' && peek(lexer, 1) != '.') {
        token->type = FLY_TOKEN_NUMERIC;
        lexer->at++;
        skip_digits(lexer, DIGIT);
    }
    if ((peek(lexer, 0) | 32) == 'e') {
        uint32_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
        if (class_of(peek(lexer, 1 + sign)) & DIGIT) {
            token->type = FLY_TOKEN_NUMERIC;
            lexer->at += 1 + sign;
            skip_digits(lexer, DIGIT);
        } else if (sign) {
            fail(lexer, token, "trailing junk after numeric literal", lexer->at + 2);
            return;
        }
    }
    if (class_of(peek(lexer, 0)) & IDENT_START) {
        fail(lexer, token, "trailing junk after numeric literal", word_end(lexer));
    }
}

/* $1, $tag$...$tag$, or a dollar that means nothing. */
static void lex_dollar(fly_sql_lexer *lexer, fly_sql_token *token)
{
    if (class_of(peek(lexer, 1)) & DIGIT) {
        lexer->at++;
        skip_digits(lexer, DIGIT);
        token->type = FLY_TOKEN_PARAM;
        if (class_of(peek(lexer, 0)) & IDENT_START) {
            fail(lexer, token, "trailing junk after parameter", word_end(lexer));
        }
        return;
    }
    uint32_t tag = 1;
    if (class_of(peek(lexer, 1)) & IDENT_START) {
        while ((class_of(peek(lexer, tag)) & IDENT_REST) && peek(lexer, tag) != '$') {
            tag++;
        }
    }
    if (peek(lexer, tag) != '$') {
        token->type = FLY_TOKEN_OTHER;
        lexer->at++;
        return;
    }
    tag++; /* now the size of $tag$ */
    const uint8_t *mark = lexer->text + lexer->at;
    uint32_t at = lexer->at + tag;
    while (lexer->end - at >= tag) {
        const uint8_t *found = memchr(lexer->text + at, '$', lexer->end - at - tag + 1);
        if (found == NULL) {
            break;
        }
        at = (uint32_t)(found - lexer->text);
        if (memcmp(found, mark, tag) == 0) {
            lexer->at = at + tag;
            token->type = FLY_TOKEN_DOLLAR;
            return;
        }
        at++;
    }
    fail(lexer, token, "unterminated dollar-quoted string", lexer->end);
}

static bool is_operator(const fly_sql_lexer *lexer, uint8_t byte)
{
    return (class_of(byte) & OPERATOR) && !(byte == '?' && lexer->question) &&
           !(byte == '`' && lexer->lax);
}

/* Longer ones are cut in two, which no grammar accepts; so no run of signs is read again and again. */
enum { OPERATOR_BYTES_MAX = 63 };

static void lex_operator(fly_sql_lexer *lexer, fly_sql_token *token)
{
    const uint8_t *op = lexer->text + lexer->at;
    uint32_t len = 1;
    bool odd = (class_of(op[0]) & ODD) != 0;
    while (len < OPERATOR_BYTES_MAX && is_operator(lexer, peek(lexer, len))) {
        uint8_t byte = op[len];
        uint8_t next = peek(lexer, len + 1);
        if ((byte == '-' && next == '-') || (byte == '/' && next == '*')) {
            break;
        }
        odd = odd || (class_of(byte) & ODD);
        len++;
    }
    while (len > 1 && !odd && (op[len - 1] == '+' || op[len - 1] == '-')) {
        len--;
    }
    lexer->at += len;
    token->type = FLY_TOKEN_OP;
    if (len == 1) {
        token->type = !odd || op[0] == '%' || op[0] == '^' ? op[0] : FLY_TOKEN_OP;
    } else if (len == 2 && op[1] == '=') {
        token->type = op[0] == '<'                 ? FLY_TOKEN_LESS_EQUAL
                      : op[0] == '>'               ? FLY_TOKEN_GREATER_EQUAL
                      : op[0] == '!'               ? FLY_TOKEN_NOT_EQUAL
                      : op[0] == '=' && lexer->lax ? '='
                                                   : FLY_TOKEN_OP;
    } else if (len == 2 && op[1] == '>') {
        token->type = op[0] == '<'   ? FLY_TOKEN_NOT_EQUAL
                      : op[0] == '=' ? FLY_TOKEN_ARROW
                                     : FLY_TOKEN_OP;
    }
}

/* lax: whether a bracket quotes a name. It subscripts if it follows its operand without a blank. */
static bool is_bracket_name(const fly_sql_lexer *lexer, const fly_sql_token *token)
{
    uint16_t before = lexer->before;
    bool operand = before == ')' || before == ']' || before == FLY_TOKEN_IDENT ||
                   before == FLY_TOKEN_QUOTED || before == FLY_TOKEN_PARAM ||
                   before >= FLY_TOKEN_KEYWORDS;
    size_t left = lexer->end - lexer->at;
    return (token->spaced || !operand) && before != FLY_KW_ARRAY &&
           (class_of(peek(lexer, 1)) & IDENT_START) != 0 &&
           memchr(lexer->text + lexer->at, ']', left < 256 ? left : 256) != NULL;
}

/* What begins with a byte that is no letter, digit or white space. */
static void lex_other(fly_sql_lexer *lexer, fly_sql_token *token, uint8_t byte)
{
    uint8_t next = peek(lexer, 1);
    if (byte == '\'') {
        lex_string(lexer, token, FLY_TOKEN_STRING, 0);
    } else if (byte == '"' || (byte == '`' && lexer->lax)) {
        lex_quoted(lexer, token, FLY_TOKEN_QUOTED, 0, byte);
    } else if (byte == '[' && lexer->lax && is_bracket_name(lexer, token)) {
        lex_quoted(lexer, token, FLY_TOKEN_QUOTED, 0, ']');
    } else if (byte == '$') {
        lex_dollar(lexer, token);
    } else if (byte == '.' && (class_of(next) & DIGIT)) {
        lex_number(lexer, token);
    } else if (byte == '?' && lexer->question) {
        lexer->at++;
        skip_digits(lexer, DIGIT);
        token->type = lexer->at - token->start > 1 ? FLY_TOKEN_PARAM : FLY_TOKEN_QUESTION;
    } else if (is_operator(lexer, byte)) {
        lex_operator(lexer, token);
    } else if ((byte == ':' && (next == ':' || next == '=')) || (byte == '.' && next == '.')) {
        lexer->at += 2;
        token->type = byte == '.'   ? FLY_TOKEN_DOT_DOT
                      : next == ':' ? FLY_TOKEN_CAST
                                    : FLY_TOKEN_COLON_EQUALS;
    } else {
        lexer->at++;
        token->type = (class_of(byte) & SELF) ? byte : FLY_TOKEN_OTHER;
    }
}

void fly__sql_lex(fly_sql_lexer *lexer, fly_sql_token *token)
{
    uint32_t begin = lexer->at;
    uint8_t byte = 0;
    for (;;) {
        while (lexer->at < lexer->end && (class_of(byte = lexer->text[lexer->at]) & SPACE)) {
            lexer->at++;
        }
        if (lexer->at == lexer->end || (byte != '-' && byte != '/')) {
            break;
        }
        uint32_t comment = lexer->at;
        int skipped = skip_comment(lexer);
        if (skipped < 0) {
            token->start = comment;
            token->spaced = true;
            fail(lexer, token, "unterminated /* comment", lexer->end);
            return;
        }
        if (skipped == 0) {
            break;
        }
    }
    token->start = lexer->at;
    token->spaced = lexer->at != begin;
    if (lexer->at == lexer->end) {
        token->type = FLY_TOKEN_END;
        token->end = lexer->at;
        return;
    }
    unsigned class = class_of(byte);
    if (class & IDENT_START) {
        uint8_t next = peek(lexer, 1);
        uint8_t folded = lower(byte);
        if (next == '\'' && (folded == 'e' || folded == 'b' || folded == 'x' || folded == 'n')) {
            lex_string(lexer, token,
                       folded == 'e'   ? FLY_TOKEN_ESTRING
                       : folded == 'b' ? FLY_TOKEN_BIT
                       : folded == 'x' ? FLY_TOKEN_HEX
                                       : FLY_TOKEN_NSTRING,
                       1);
        } else if (folded == 'u' && next == '&' && peek(lexer, 2) == '\'') {
            lex_string(lexer, token, FLY_TOKEN_USTRING, 2);
        } else if (folded == 'u' && next == '&' && peek(lexer, 2) == '"') {
            lex_quoted(lexer, token, FLY_TOKEN_UQUOTED, 2, '"');
        } else {
            lex_word(lexer, token);
        }
    } else if (class & DIGIT) {
        lex_number(lexer, token);
    } else {
        lex_other(lexer, token, byte);
    }
    if (token->type != FLY_TOKEN_ERROR) {
        token->end = lexer->at;
        lexer->before = token->type;
    }
}

/* ---------------------------------------------------------------------------------- values */

/* A string being unescaped: from the text to the arena. What comes out is never longer. */
typedef struct unescaping {
    const uint8_t *at, *end;
    uint8_t *out;
    uint32_t high; /* the first half of a surrogate pair, waiting for the second */
    const char *problem;
    const uint8_t *problem_at;
} unescaping;

static bool refuse(unescaping *u, const uint8_t *where, const char *problem)
{
    if (u->problem == NULL) {
        u->problem = problem;
        u->problem_at = where;
    }
    return false;
}

static void put_utf8(unescaping *u, uint32_t code)
{
    if (code < 0x80) {
        *u->out++ = (uint8_t)code;
    } else if (code < 0x800) {
        *u->out++ = (uint8_t)(0xc0 | code >> 6);
        *u->out++ = (uint8_t)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *u->out++ = (uint8_t)(0xe0 | code >> 12);
        *u->out++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        *u->out++ = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        *u->out++ = (uint8_t)(0xf0 | code >> 18);
        *u->out++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        *u->out++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        *u->out++ = (uint8_t)(0x80 | (code & 0x3f));
    }
}

static uint32_t hex_value(uint8_t byte)
{
    return byte <= '9' ? (uint32_t)(byte - '0') : (uint32_t)((byte | 32) - 'a' + 10);
}

/* Up to `max` digits of base 8 or 16; how many there were. */
static int read_digits(unescaping *u, int max, uint32_t base, uint32_t *value)
{
    int count = 0;
    *value = 0;
    while (count < max && u->at < u->end && (class_of(*u->at) & XDIGIT) &&
           hex_value(*u->at) < base) {
        *value = *value * base + hex_value(*u->at++);
        count++;
    }
    return count;
}

static void put_code(unescaping *u, uint32_t code, const uint8_t *where)
{
    bool first = code >= 0xd800 && code <= 0xdbff;
    bool second = code >= 0xdc00 && code <= 0xdfff;
    if (second != (u->high != 0)) {
        refuse(u, where, "invalid Unicode surrogate pair");
    } else if (first) {
        u->high = code;
    } else if (code == 0 || code > 0x10ffff) {
        refuse(u, where, "invalid Unicode escape value");
    } else {
        put_utf8(u, second ? 0x10000 + ((u->high - 0xd800) << 10) + (code - 0xdc00) : code);
        u->high = 0;
    }
}

/* After the backslash of an E'' string. */
static void unescape_c(unescaping *u)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    const uint8_t *where = u->at - 1;
    uint8_t byte = *u->at++;
    const char *letter = byte != 0 ? strchr(letters, byte) : NULL;
    uint32_t value;
    if (byte == 'u' || byte == 'U') {
        int wanted = byte == 'u' ? 4 : 8;
        if (read_digits(u, wanted, 16, &value) != wanted) {
            refuse(u, where, "invalid Unicode escape");
        } else {
            put_code(u, value, where);
        }
        return;
    }
    if (letter != NULL) {
        value = (uint8_t)meanings[letter - letters];
    } else if (byte >= '0' && byte <= '7') {
        u->at--;
        (void)read_digits(u, 3, 8, &value);
    } else if (byte == 'x' && u->at < u->end && (class_of(*u->at) & XDIGIT)) {
        (void)read_digits(u, 2, 16, &value);
    } else {
        value = byte;
    }
    if ((value & 0xff) == 0) {
        refuse(u, where, "invalid byte sequence for encoding \"UTF8\": 0x00");
    }
    *u->out++ = (uint8_t)value;
}

/* After the escape character of U&'': itself again, four digits, or + and six. */
static void unescape_u(unescaping *u, uint8_t escape)
{
    const uint8_t *where = u->at - 1;
    uint32_t value;
    if (u->at < u->end && *u->at == escape && u->high == 0) {
        *u->out++ = *u->at++;
        return;
    }
    int wanted = 4;
    if (u->at < u->end && *u->at == '+') {
        u->at++;
        wanted = 6;
    }
    if (read_digits(u, wanted, 16, &value) != wanted) {
        refuse(u, where, "invalid Unicode escape");
    } else {
        put_code(u, value, where);
    }
}

/* After a quote inside a string: skip what stands between its parts, if that was a part's end. */
static void after_quote(unescaping *u)
{
    if (*u->at == '\'') {
        *u->out++ = *u->at++;
        return;
    }
    while (*u->at != '\'') {
        if (*u->at == '-') { /* a comment, in which quotes mean nothing */
            while (*u->at != '\n' && *u->at != '\r') {
                u->at++;
            }
        }
        u->at++;
    }
    u->at++;
}

static void unescape(unescaping *u, uint16_t type, uint8_t quote, uint8_t escape)
{
    bool c_style = type == FLY_TOKEN_ESTRING;
    bool u_style = type == FLY_TOKEN_USTRING || type == FLY_TOKEN_UQUOTED;
    while (u->at < u->end && u->problem == NULL) {
        const uint8_t *where = u->at;
        uint8_t byte = *u->at++;
        uint32_t high = u->high;
        if (c_style && byte == '\\') {
            unescape_c(u);
        } else if (u_style && byte == escape) {
            unescape_u(u, escape);
        } else if (byte == quote && quote == '\'') {
            after_quote(u);
        } else {
            u->at += byte == quote; /* the second of two */
            *u->out++ = byte;
        }
        if (high != 0 && u->high == high) {
            refuse(u, where, "invalid Unicode surrogate pair");
        }
    }
    if (u->high != 0) {
        refuse(u, u->end, "invalid Unicode surrogate pair");
    }
}

/* A name's length is limited; not in the middle of a character. */
static size_t clip_name(const uint8_t *name, size_t len)
{
    enum { NAME_MAX_BYTES = 63 };
    if (len > NAME_MAX_BYTES) {
        len = NAME_MAX_BYTES;
        while (len > NAME_MAX_BYTES - 3 && (name[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

static fly_status word_value(fly_arena *arena, const uint8_t *word, size_t len, fly_bytes *value)
{
    len = clip_name(word, len);
    uint8_t *name = fly_arena_alloc(arena, len + 1);
    if (name == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (size_t i = 0; i < len; i++) {
        name[i] = lower(word[i]);
    }
    name[len] = 0;
    *value = fly_bytes_of(name, len);
    return FLY_OK;
}

/* How many bytes stand before and after what is quoted. */
static void quotes_of(const uint8_t *raw, uint16_t type, size_t *front, size_t *back)
{
    *back = 1;
    *front = 1;
    if (type == FLY_TOKEN_DOLLAR) {
        while (raw[*front] != '$') {
            (*front)++;
        }
        *back = ++*front;
    } else if (type == FLY_TOKEN_USTRING || type == FLY_TOKEN_UQUOTED) {
        *front = 3;
    } else if (type != FLY_TOKEN_STRING && type != FLY_TOKEN_QUOTED) {
        *front = 2;
    }
}

fly_status fly__sql_token_value(fly_arena *arena, const uint8_t *text, const fly_sql_token *token,
                                uint8_t escape, fly_bytes *value, const char **problem,
                                uint32_t *problem_at)
{
    const uint8_t *raw = text + token->start;
    size_t len = token->end - token->start;
    uint16_t type = token->type;
    if (type == FLY_TOKEN_IDENT || type > FLY_TOKEN_KEYWORDS) {
        return word_value(arena, raw, len, value);
    }
    size_t front = 0;
    size_t back = 0;
    if (type >= FLY_TOKEN_QUOTED && type <= FLY_TOKEN_HEX) {
        quotes_of(raw, type, &front, &back);
    }
    uint8_t *out = fly_arena_alloc(arena, len - front - back + 1);
    if (out == NULL) {
        return FLY_E_NO_MEMORY;
    }
    unescaping u = {.at = raw + front, .end = raw + len - back, .out = out};
    if (type == FLY_TOKEN_DOLLAR || front == 0) {
        memcpy(out, u.at, len - front - back);
        u.out += len - front - back;
    } else {
        unescape(&u, type, raw[len - 1], escape);
    }
    if (u.problem != NULL) {
        *problem = u.problem;
        *problem_at = (uint32_t)(u.problem_at - text);
        return FLY_E_INVALID;
    }
    len = (size_t)(u.out - out);
    fly_err err = {0};
    if (type == FLY_TOKEN_ESTRING && /* escapes can make any byte */
        fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(out, len), &err) != FLY_OK) {
        *problem = fly_arena_copy(arena, err.message, strlen(err.message) + 1);
        *problem_at = token->start;
        return *problem != NULL ? FLY_E_INVALID : FLY_E_NO_MEMORY;
    }
    if (type == FLY_TOKEN_QUOTED || type == FLY_TOKEN_UQUOTED) {
        len = clip_name(out, len);
    }
    out[len] = 0;
    *value = fly_bytes_of(out, len);
    return FLY_OK;
}
