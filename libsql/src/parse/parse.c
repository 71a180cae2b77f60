/*
 * The parser's ground: tokens with a little foresight, nodes and lists, errors, names, literals; and
 * the ways in.
 *
 * A syntax error is reported as PostgreSQL words it. The hint says what could have stood there: to find
 * out, the text is parsed a second time with a notebook open, into which at() writes whatever is looked
 * for at the place of the error. So the first run pays nothing for good messages.
 *
 * What is not here: the grammar (parse_expr.c and the files beside it).
 */
#include "parse/parse_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------------------------- errors */

/* From here on everything is END. */
static void stop(fly_sql_parser *p)
{
    p->ahead_count = 0;
    p->lexer.at = p->lexer.end;
    p->tok = (fly_sql_token){.start = p->lexer.end, .end = p->lexer.end, .type = FLY_TOKEN_END};
}

void fly__sql_gram_fail(fly_sql_parser *p, fly_status status, const char *sqlstate, uint32_t pos,
                        const char *format, ...)
{
    if (p->status == FLY_OK) {
        char message[FLY_ERR_MESSAGE_SIZE];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(message, sizeof message, format, args);
        va_end(args);
        p->status = fly_err_set(&p->err, status, "%s", message);
        (void)snprintf(p->err.sqlstate, sizeof p->err.sqlstate, "%s", sqlstate);
        p->err.position = pos;
    }
    stop(p);
}

/* "message at or near "token"", with as much of the token as a message should have. */
void fly__sql_gram_near(fly_sql_parser *p, const char *message, const char *sqlstate)
{
    enum { SHOWN_MAX = 200 };
    uint32_t start = p->tok.start;
    if (start >= p->lexer.end) {
        fly__sql_gram_fail(p, FLY_E_INVALID, sqlstate, p->lexer.end + 1, "%s at end of input",
                           message);
        return;
    }
    uint32_t len = p->tok.end - start;
    len = len < SHOWN_MAX ? len : SHOWN_MAX;
    while (len > 0 && len < p->tok.end - start && (p->lexer.text[start + len] & 0xc0) == 0x80) {
        len--;
    }
    fly__sql_gram_fail(p, FLY_E_INVALID, sqlstate, start + 1, "%s at or near \"%.*s\"", message,
                       (int)len, (const char *)p->lexer.text + start);
}

void fly__sql_gram_syntax(fly_sql_parser *p)
{
    if (p->status == FLY_OK) {
        if (p->tok.type == FLY_TOKEN_END) {
            p->tok.start = p->lexer.end;
        }
        p->record_at = p->tok.start;
        fly__sql_gram_near(p, "syntax error", "42601");
    }
}

void fly__sql_gram_lex_error(fly_sql_parser *p)
{
    if (p->status == FLY_OK) {
        fly__sql_gram_near(p, p->lexer.problem, p->lexer.sqlstate);
    }
}

void fly__sql_gram_too_deep(fly_sql_parser *p)
{
    fly__sql_gram_fail(p, FLY_E_TOO_LARGE, "54001", here(p), "stack depth limit exceeded");
}

void fly__sql_gram_note(fly_sql_parser *p, uint16_t type)
{
    uint32_t place = p->tok.type == FLY_TOKEN_END ? p->lexer.end : p->tok.start;
    if (place != p->record_at || p->status != FLY_OK) {
        return;
    }
    for (uint32_t i = 0; i < p->expected_count; i++) {
        if (p->expected[i] == type) {
            return;
        }
    }
    if (p->expected_count < FLY_SQL_EXPECTED_MAX) {
        p->expected[p->expected_count++] = type;
    }
}

/* How a type of token is called in "expected ...". */
static const char *token_text(uint16_t type, char shown[4])
{
    switch (type) {
    case FLY_TOKEN_END:
        return "end of statement";
    case FLY_TOKEN_IDENT:
        return "a name";
    case FLY_TOKEN_STRING:
        return "a string";
    case FLY_TOKEN_INT:
        return "a number";
    case FLY_SQL_EXPRESSION:
        return "an expression";
    case FLY_TOKEN_OP:
        return "an operator";
    case FLY_TOKEN_ARROW:
        return "\"=>\"";
    case FLY_TOKEN_COLON_EQUALS:
        return "\":=\"";
    default:
        break;
    }
    if (type > FLY_TOKEN_KEYWORDS) {
        return fly__sql_keyword(type)->word;
    }
    if (type < 128) {
        shown[0] = '"';
        shown[1] = (char)type;
        shown[2] = '"';
        shown[3] = '\0';
        return shown;
    }
    return NULL;
}

static void upper_words(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'z') {
            *text = (char)(*text - 32);
        }
    }
}

/* expected A, B, or C; cut where the hint is full. */
static void hint_expected(fly_sql_parser *p, fly_err *err)
{
    char hint[FLY_ERR_HINT_SIZE] = "expected ";
    size_t len = strlen(hint);
    for (uint32_t i = 0; i < p->expected_count; i++) {
        char shown[4];
        char word[32];
        const char *text = token_text(p->expected[i], shown);
        if (text == NULL) {
            continue;
        }
        (void)snprintf(word, sizeof word, "%s", text);
        if (p->expected[i] > FLY_TOKEN_KEYWORDS) {
            upper_words(word);
        }
        bool first = len == strlen("expected ");
        bool last = i + 1 == p->expected_count;
        if (len + strlen(word) + 8 > sizeof hint) {
            (void)snprintf(hint + len, sizeof hint - len, ", ...");
            break;
        }
        len += (size_t)snprintf(hint + len, sizeof hint - len, "%s%s",
                                first  ? ""
                                : last ? " or "
                                       : ", ",
                                word);
    }
    if (p->expected_count > 0 && err->hint[0] == '\0') {
        fly_err_hint(err, "%s", hint);
    }
}

/* ---------------------------------------------------------------------------------- tokens */

const fly_sql_token *fly__sql_gram_peek(fly_sql_parser *p, uint32_t distance)
{
    FLY_ASSERT(distance <= FLY_SQL_LOOK_AHEAD);
    while (p->ahead_count < distance) {
        fly__sql_lex(&p->lexer, &p->ahead[p->ahead_count++]);
    }
    return &p->ahead[distance - 1];
}

bool fly__sql_gram_at_word(fly_sql_parser *p, const char *word)
{
    if (p->tok.type != FLY_TOKEN_IDENT || p->tok.end - p->tok.start != strlen(word)) {
        return false;
    }
    for (size_t i = 0; word[i] != '\0'; i++) {
        if ((p->lexer.text[p->tok.start + i] | 32) != word[i]) {
            return false;
        }
    }
    return true;
}

bool fly__sql_gram_accept_word(fly_sql_parser *p, const char *word)
{
    if (fly__sql_gram_at_word(p, word)) {
        next(p);
        return true;
    }
    return false;
}

/* ----------------------------------------------------------------------------------- nodes */

#define AST_NODE(kind, type)                                                                       \
    _Static_assert(sizeof(fly_ast_##type) <= FLY_SQL_NODE_SIZE_MAX, "fits the scrap");
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

/* Memory that is never NULL: without any, the scrap of the parser, and an error. */
static void *alloc(fly_sql_parser *p, size_t size)
{
    void *block = fly_arena_alloc(p->arena, size);
    if (FLY_UNLIKELY(block == NULL)) {
        fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
        FLY_ASSERT(size <= sizeof p->scrap[0]);
        block = p->scrap[p->scrap_next++ % FLY_SQL_SCRAPS];
    }
    return block;
}

fly_ast *fly__sql_gram_node(fly_sql_parser *p, fly_ast_kind kind, size_t size, uint32_t pos)
{
    if (FLY_UNLIKELY(++p->nodes > p->options.nodes_max)) {
        fly__sql_gram_fail(p, FLY_E_TOO_LARGE, "54001", pos, "statement is too complex");
    }
    fly_ast *node = alloc(p, size);
    memset(node, 0, size);
    node->kind = kind;
    node->pos = pos;
    return node;
}

void fly__sql_gram_push(fly_sql_parser *p, void *item)
{
    if (FLY_UNLIKELY(p->top == p->room)) {
        uint32_t room = p->room < 32 ? 64 : p->room * 2;
        void **stack = room > p->room ? fly_arena_alloc(p->arena, room * sizeof *stack) : NULL;
        if (stack == NULL) {
            fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
            return;
        }
        if (p->top > 0) {
            memcpy(stack, p->stack, p->top * sizeof *stack);
        }
        p->stack = stack;
        p->room = room;
    }
    p->stack[p->top++] = item;
}

/* What was pushed since `mark`, in the arena; nothing if there is no memory. */
static void *take(fly_sql_parser *p, uint32_t mark, uint32_t *count)
{
    FLY_ASSERT(mark <= p->top);
    uint32_t n = p->top - mark;
    void *items = n > 0 ? fly_arena_copy(p->arena, p->stack + mark, n * sizeof *p->stack) : NULL;
    if (n > 0 && items == NULL) {
        fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
        n = 0;
    }
    p->top = mark;
    *count = n;
    return items;
}

fly_ast_list fly__sql_gram_take(fly_sql_parser *p, uint32_t mark)
{
    fly_ast_list list;
    list.items = take(p, mark, &list.count);
    return list;
}

fly_ast_names fly__sql_gram_take_names(fly_sql_parser *p, uint32_t mark)
{
    fly_ast_names names;
    names.items = take(p, mark, &names.count);
    return names;
}

fly_ast_list fly__sql_gram_list(fly_sql_parser *p, fly_sql_rule *rule)
{
    uint32_t mark = p->top;
    do {
        push(p, rule(p));
    } while (accept(p, ','));
    return fly__sql_gram_take(p, mark);
}

fly_ast_list fly__sql_gram_parens(fly_sql_parser *p, fly_sql_rule *rule)
{
    expect(p, '(');
    fly_ast_list list = fly__sql_gram_list(p, rule);
    expect(p, ')');
    return list;
}

fly_ast_list fly__sql_gram_one(fly_sql_parser *p, fly_ast *item)
{
    uint32_t mark = p->top;
    push(p, item);
    return fly__sql_gram_take(p, mark);
}

fly_ast_names fly__sql_gram_one_name(fly_sql_parser *p, const char *name)
{
    uint32_t mark = p->top;
    push_name(p, name);
    return fly__sql_gram_take_names(p, mark);
}

/* ----------------------------------------------------------------------------------- names */

static bool of_class(uint16_t type, fly_sql_keyword_class other)
{
    if (type < FLY_TOKEN_KEYWORDS) {
        return is_name_token(type);
    }
    uint8_t class = fly__sql_keyword(type)->class;
    return class == FLY_KEYWORD_UNRESERVED || class == (uint8_t)other;
}

bool fly__sql_gram_is_col_id(uint16_t type)
{
    return of_class(type, FLY_KEYWORD_COL_NAME);
}

bool fly__sql_gram_is_type_name(uint16_t type)
{
    return of_class(type, FLY_KEYWORD_TYPE_FUNC);
}

bool fly__sql_gram_is_bare_label(uint16_t type)
{
    return type < FLY_TOKEN_KEYWORDS ? is_name_token(type) : fly__sql_keyword(type)->bare;
}

/* A name or string of the current token, with its UESCAPE. Never NULL. */
static fly_bytes token_value(fly_sql_parser *p)
{
    fly_bytes value = fly_bytes_str("");
    fly_sql_token token = p->tok;
    uint8_t escape = '\\';
    const char *problem = NULL;
    uint32_t problem_at = 0;
    next(p);
    if ((token.type == FLY_TOKEN_USTRING || token.type == FLY_TOKEN_UQUOTED) &&
        p->tok.type == FLY_KW_UESCAPE) {
        next(p);
        const char *bad = "+'\" \t\n\r\f0123456789abcdefABCDEF";
        if (p->tok.type != FLY_TOKEN_STRING || p->tok.end - p->tok.start != 3 ||
            strchr(bad, p->lexer.text[p->tok.start + 1]) != NULL) {
            fly__sql_gram_near(p,
                               p->tok.type == FLY_TOKEN_STRING
                                   ? "invalid Unicode escape character"
                                   : "UESCAPE must be followed by a simple string literal",
                               "42601");
            return value;
        }
        escape = p->lexer.text[p->tok.start + 1];
        next(p);
    }
    fly_status status = fly__sql_token_value(p->arena, p->lexer.text, &token, escape, &value,
                                             &problem, &problem_at);
    if (status == FLY_E_NO_MEMORY) {
        fly__sql_gram_fail(p, status, "53200", 0, "out of memory");
    } else if (status != FLY_OK) {
        fly__sql_gram_fail(p, status, strstr(problem, "byte sequence") != NULL ? "22021" : "42601",
                           problem_at + 1, "%s", problem);
    }
    return value;
}

const char *fly__sql_gram_name_value(fly_sql_parser *p)
{
    if (p->tok.type > FLY_TOKEN_KEYWORDS) {
        const char *word = fly__sql_keyword(p->tok.type)->word;
        next(p);
        return word;
    }
    return (const char *)token_value(p).data;
}

/* The current token as a name, or an error. */
static const char *name_if(fly_sql_parser *p, bool fits)
{
    if (fits) {
        return fly__sql_gram_name_value(p);
    }
    (void)at(p, FLY_TOKEN_IDENT);
    fly__sql_gram_syntax(p);
    return "";
}

const char *fly__sql_gram_col_id(fly_sql_parser *p)
{
    return name_if(p, fly__sql_gram_is_col_id(p->tok.type));
}

const char *fly__sql_gram_type_function_name(fly_sql_parser *p)
{
    return name_if(p, fly__sql_gram_is_type_name(p->tok.type));
}

const char *fly__sql_gram_label(fly_sql_parser *p)
{
    return name_if(p, is_name_token(p->tok.type) || p->tok.type > FLY_TOKEN_KEYWORDS);
}

fly_ast_names fly__sql_gram_name_list(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    do {
        push_name(p, fly__sql_gram_col_id(p));
    } while (accept(p, ','));
    return fly__sql_gram_take_names(p, mark);
}

fly_ast_names fly__sql_gram_name_parens(fly_sql_parser *p)
{
    expect(p, '(');
    fly_ast_names names = fly__sql_gram_name_list(p);
    expect(p, ')');
    return names;
}

fly_ast_names fly__sql_gram_any_name(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    push_name(p, fly__sql_gram_col_id(p));
    while (accept(p, '.')) {
        push_name(p, fly__sql_gram_label(p));
    }
    return fly__sql_gram_take_names(p, mark);
}

fly_ast *fly__sql_gram_relation(fly_sql_parser *p)
{
    fly_ast_relation *relation = NEW(p, relation, RELATION, here(p));
    uint32_t pos = here(p);
    relation->name = fly__sql_gram_col_id(p);
    while (accept(p, '.')) {
        if (relation->catalog != NULL) {
            SYNTAX_MESSAGE(p, pos, "improper qualified name (too many dotted names)");
        }
        relation->catalog = relation->schema;
        relation->schema = relation->name;
        relation->name = fly__sql_gram_label(p);
    }
    return &relation->node;
}

fly_ast *fly__sql_gram_object(fly_sql_parser *p)
{
    fly_ast_object *object = NEW(p, object, OBJECT, here(p));
    object->names = fly__sql_gram_any_name(p);
    return &object->node;
}

fly_ast *fly__sql_gram_object_of_name(fly_sql_parser *p)
{
    fly_ast_object *object = NEW(p, object, OBJECT, here(p));
    object->names = fly__sql_gram_one_name(p, fly__sql_gram_col_id(p));
    return &object->node;
}

/* --------------------------------------------------------------------------------- literals */

bool fly__sql_gram_at_string(fly_sql_parser *p)
{
    return is_string_token(p->tok.type) || at(p, FLY_TOKEN_STRING);
}

fly_ast *fly__sql_gram_string(fly_sql_parser *p)
{
    fly_ast_const *constant = NEW(p, const, CONST, here(p));
    constant->type = FLY_AST_CONST_STRING;
    if (fly__sql_gram_at_string(p)) {
        constant->text = token_value(p);
    } else {
        fly__sql_gram_syntax(p);
    }
    return &constant->node;
}

const char *fly__sql_gram_string_value(fly_sql_parser *p)
{
    if (fly__sql_gram_at_string(p)) {
        return (const char *)token_value(p).data;
    }
    fly__sql_gram_syntax(p);
    return "";
}

fly_ast *fly__sql_gram_const_string(fly_sql_parser *p, const char *text, uint32_t pos)
{
    fly_ast_const *constant = NEW(p, const, CONST, pos);
    constant->type = FLY_AST_CONST_STRING;
    constant->text = fly_bytes_str(text);
    return &constant->node;
}

fly_ast *fly__sql_gram_const_bool(fly_sql_parser *p, bool value, uint32_t pos)
{
    fly_ast_const *constant = NEW(p, const, CONST, pos);
    constant->type = FLY_AST_CONST_BOOL;
    constant->value = value;
    return &constant->node;
}

fly_ast *fly__sql_gram_const_null(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_const *constant = NEW(p, const, CONST, pos);
    constant->type = FLY_AST_CONST_NULL;
    return &constant->node;
}

fly_ast *fly__sql_gram_const_int(fly_sql_parser *p, int64_t value, uint32_t pos)
{
    char digits[24];
    fly_ast_const *constant = NEW(p, const, CONST, pos);
    int len = snprintf(digits, sizeof digits, "%lld", (long long)value);
    char *text = alloc(p, (size_t)len + 1);
    memcpy(text, digits, (size_t)len + 1);
    constant->type = FLY_AST_CONST_INT;
    constant->value = value;
    constant->text = fly_bytes_of(text, (size_t)len);
    return &constant->node;
}

/* Digits as a number; false if they do not fit. */
static bool digits_value(const uint8_t *text, size_t len, int64_t *value)
{
    bool hex = len > 2 && (text[1] | 32) == 'x';
    uint64_t base = hex ? 16 : 10;
    uint64_t sum = 0;
    for (size_t i = hex ? 2 : 0; i < len; i++) {
        uint64_t digit = text[i] <= '9' ? (uint64_t)(text[i] - '0')
                                        : (uint64_t)((text[i] | 32) - 'a' + 10);
        if (sum > ((uint64_t)INT64_MAX - digit) / base) {
            return false;
        }
        sum = sum * base + digit;
    }
    *value = (int64_t)sum;
    return true;
}

fly_ast *fly__sql_gram_number(fly_sql_parser *p)
{
    fly_ast_const *constant = NEW(p, const, CONST, here(p));
    size_t len = p->tok.end - p->tok.start;
    const uint8_t *raw = p->lexer.text + p->tok.start;
    constant->type = FLY_AST_CONST_NUMERIC;
    if (p->tok.type == FLY_TOKEN_INT && digits_value(raw, len, &constant->value)) {
        constant->type = FLY_AST_CONST_INT;
        if (len > 1 && raw[0] == '0') { /* 007, 0x1f: one spelling for one value */
            int64_t value = constant->value;
            next(p);
            return fly__sql_gram_const_int(p, value, constant->node.pos);
        }
    } else if (p->tok.type != FLY_TOKEN_INT && p->tok.type != FLY_TOKEN_NUMERIC) {
        (void)at(p, FLY_TOKEN_INT);
        fly__sql_gram_syntax(p);
        return &constant->node;
    }
    constant->text = token_value(p);
    return &constant->node;
}

fly_ast *fly__sql_gram_signed_number(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    bool minus = accept(p, '-');
    if (!minus) {
        (void)accept(p, '+');
    }
    fly_ast *number = fly__sql_gram_number(p);
    return minus ? fly__sql_gram_negate(p, number, pos) : number;
}

int64_t fly__sql_gram_int(fly_sql_parser *p)
{
    int64_t value = 0;
    if (at(p, FLY_TOKEN_INT) &&
        digits_value(p->lexer.text + p->tok.start, p->tok.end - p->tok.start, &value) &&
        value <= INT32_MAX) {
        next(p);
    } else {
        fly__sql_gram_syntax(p);
    }
    return value;
}

/* -5 is one constant, so that the smallest bigint can be written. */
fly_ast *fly__sql_gram_negate(fly_sql_parser *p, fly_ast *number, uint32_t pos)
{
    fly_ast_const *constant = (fly_ast_const *)number;
    if (failed(p)) {
        return number;
    }
    if (constant->type == FLY_AST_CONST_INT && constant->value != INT64_MIN) {
        return fly__sql_gram_const_int(p, -constant->value, pos);
    }
    fly_ast_const *negated = NEW(p, const, CONST, pos);
    size_t len = constant->text.len;
    const uint8_t *digits = constant->text.data;
    if (constant->type == FLY_AST_CONST_NUMERIC && len == 19 &&
        memcmp(digits, "9223372036854775808", 19) == 0) {
        return fly__sql_gram_const_int(p, INT64_MIN, pos);
    }
    negated->type = FLY_AST_CONST_NUMERIC;
    bool was_negative = len > 0 && digits[0] == '-';
    uint8_t *text = fly_arena_alloc(p->arena, len + 2);
    if (text == NULL) {
        fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
        return number;
    }
    size_t at_byte = 0;
    if (!was_negative) {
        text[at_byte++] = '-';
    }
    memcpy(text + at_byte, digits + was_negative, len - was_negative);
    at_byte += len - was_negative;
    text[at_byte] = '\0';
    negated->text = fly_bytes_of(text, at_byte);
    return &negated->node;
}

/* --------------------------------------------------------------------------------- ways in */

/* Limits that were not given. */
static fly_sql_parse_options filled(const fly_sql_parse_options *options)
{
    fly_sql_parse_options o = options != NULL ? *options : (fly_sql_parse_options){0};
    o.depth_max = o.depth_max > 0 ? o.depth_max : 1000;
    o.nodes_max = o.nodes_max > 0 ? o.nodes_max : 10000000;
    o.bytes_max = o.bytes_max > 0 ? o.bytes_max : (uint64_t)1 << 30;
    if (o.bytes_max > INT32_MAX) {
        o.bytes_max = INT32_MAX; /* offsets have 32 bits */
    }
    return o;
}

static void begin(fly_sql_parser *p, fly_arena *arena, fly_bytes text,
                  const fly_sql_parse_options *options, size_t start)
{
    p->arena = arena;
    p->options = filled(options);
    p->frame = (uintptr_t)__builtin_frame_address(0);
    if (text.len > p->options.bytes_max) {
        fly__sql_gram_fail(p, FLY_E_TOO_LARGE, "54000", 0,
                           "statement of %zu bytes is larger than the limit of %llu", text.len,
                           (unsigned long long)p->options.bytes_max);
        return;
    }
    FLY_ASSERT(start <= text.len);
    const uint8_t *nul = text.len > 0 ? memchr(text.data, 0, text.len) : NULL;
    if (nul != NULL) { /* names and constants end with one */
        fly__sql_gram_fail(p, FLY_E_INVALID, "22021", (uint32_t)(nul - text.data) + 1,
                           "invalid byte sequence for encoding \"UTF8\": 0x00");
        return;
    }
    fly__sql_lexer_init(&p->lexer, text.data, (uint32_t)text.len);
    p->lexer.at = (uint32_t)start;
    p->lexer.lax = p->options.lax_syntax;
    p->lexer.question = p->options.question_params;
    next(p);
}

/* What a way in parses, and how often. */
typedef struct job {
    fly_sql_rule *rule; /* NULL: statements */
    fly_sql_statements *statements;
    fly_ast *node;
} job;

static void parse_statements(fly_sql_parser *p, fly_sql_statements *statements)
{
    uint32_t room = 0;
    *statements = (fly_sql_statements){0};
    for (;;) {
        while (accept(p, ';')) {
        }
        if (p->tok.type == FLY_TOKEN_END) {
            return;
        }
        fly_sql_statement statement = {.start = p->tok.start};
        p->params = 0;
        p->height = 0;
        statement.node = fly__sql_gram_statement(p);
        statement.len = p->last_end - statement.start;
        statement.params = p->params;
        if (!at(p, ';') && !at(p, FLY_TOKEN_END)) {
            fly__sql_gram_syntax(p);
        }
        if (failed(p)) {
            return;
        }
        if (statements->count == room) {
            room = room == 0 ? 1 : room * 2;
            fly_sql_statement *items = fly_arena_alloc(p->arena, room * sizeof *items);
            if (items == NULL) {
                fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
                return;
            }
            if (statements->count > 0) {
                memcpy(items, statements->items, statements->count * sizeof *items);
            }
            statements->items = items;
        }
        statements->items[statements->count++] = statement;
    }
}

static void run(fly_sql_parser *p, job *j)
{
    if (failed(p)) {
        return;
    }
    if (j->rule == NULL) {
        parse_statements(p, j->statements);
        return;
    }
    j->node = j->rule(p);
    if (!at(p, FLY_TOKEN_END)) {
        fly__sql_gram_syntax(p);
    }
}

/* Parse; after a syntax error once more, to find out what could have stood there. */
static fly_status parse(fly_arena *arena, fly_bytes text, const fly_sql_parse_options *options,
                        size_t start, job *j, fly_err *err)
{
    enum { SECOND_RUN_BYTES_MAX = 65536 };
    fly_sql_parser p;
    memset(&p, 0, offsetof(fly_sql_parser, scrap));
    begin(&p, arena, text, options, start);
    run(&p, j);
    if (p.status == FLY_OK) {
        return FLY_OK;
    }
    if (err != NULL) {
        *err = p.err;
        if (p.record_at > 0 && text.len <= SECOND_RUN_BYTES_MAX) {
            fly_sql_parser again;
            memset(&again, 0, offsetof(fly_sql_parser, scrap));
            again.recording = true;
            again.record_at = p.record_at;
            begin(&again, arena, text, options, start);
            run(&again, j);
            hint_expected(&again, err);
        }
    }
    return p.status;
}

fly_status fly__sql_parse(fly_arena *arena, fly_bytes text, const fly_sql_parse_options *options,
                          fly_sql_statements *statements, fly_err *err)
{
    fly_sql_statements found;
    job j = {.statements = &found};
    fly_status status = parse(arena, text, options, 0, &j, err);
    if (status == FLY_OK) {
        *statements = found;
    }
    return status;
}

fly_status fly__sql_parse_expr(fly_arena *arena, fly_bytes text,
                               const fly_sql_parse_options *options, fly_ast **expr, fly_err *err)
{
    job j = {.rule = fly__sql_gram_expr};
    fly_status status = parse(arena, text, options, 0, &j, err);
    if (status == FLY_OK) {
        *expr = j.node;
    }
    return status;
}

fly_status fly__sql_parse_type(fly_arena *arena, fly_bytes text,
                               const fly_sql_parse_options *options, fly_ast_type **type,
                               fly_err *err)
{
    job j = {.rule = fly__sql_gram_function_type};
    fly_status status = parse(arena, text, options, 0, &j, err);
    if (status == FLY_OK) {
        *type = (fly_ast_type *)j.node;
    }
    return status;
}

/* -------------------------------------------------------------------------------- fragments */

static bool token_is(const fly_sql_lexer *lexer, const fly_sql_token *token, const char *word)
{
    size_t len = strlen(word);
    if (token->end - token->start != len || token->type == FLY_TOKEN_QUOTED) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = lexer->text[token->start + i];
        byte = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
        if (byte != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static uint32_t stop_of(const fly_sql_lexer *lexer, const fly_sql_token *token,
                        const char *const *stops, uint32_t stop_count)
{
    uint32_t i = 0;
    while (i < stop_count && !token_is(lexer, token, stops[i])) {
        i++;
    }
    return i;
}

fly_status fly__sql_parse_fragment(fly_arena *arena, fly_bytes text, size_t start,
                                   fly_sql_fragment_kind kind, const char *const *stops,
                                   uint32_t stop_count, const fly_sql_parse_options *options,
                                   fly_ast **node, uint32_t *stop_found, size_t *end, fly_err *err)
{
    static fly_sql_rule *const rules[] = {fly__sql_gram_expr, fly__sql_gram_statement,
                                          fly__sql_gram_function_type};
    fly_sql_lexer lexer;
    fly_sql_token token;
    uint32_t found = stop_count;
    uint64_t parens = 0;
    uint64_t cases = 0;
    if (text.len > filled(options).bytes_max) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "statement is too large");
    }
    FLY_ASSERT(start <= text.len);
    fly__sql_lexer_init(&lexer, text.data, (uint32_t)text.len);
    lexer.at = (uint32_t)start;
    lexer.lax = options != NULL && options->lax_syntax;
    lexer.question = options != NULL && options->question_params;
    for (;;) {
        fly__sql_lex(&lexer, &token);
        if (token.type == FLY_TOKEN_END || token.type == FLY_TOKEN_ERROR) {
            break;
        }
        if (parens == 0 && cases == 0) {
            found = stop_of(&lexer, &token, stops, stop_count);
            if (found < stop_count) {
                break;
            }
        }
        if (token.type == '(' || token.type == '[') {
            parens++;
        } else if ((token.type == ')' || token.type == ']') && parens > 0) {
            parens--;
        } else if (token.type == FLY_KW_CASE) {
            cases++;
        } else if (token.type == FLY_KW_END && cases > 0) {
            cases--;
        }
    }
    uint32_t limit = token.type == FLY_TOKEN_ERROR ? (uint32_t)text.len : token.start;
    job j = {.rule = kind < FLY_SQL_FRAGMENT_SKIP ? rules[kind] : NULL};
    if (j.rule != NULL || token.type == FLY_TOKEN_ERROR) {
        j.rule = j.rule != NULL ? j.rule : fly__sql_gram_expr;
        fly_status status = parse(arena, fly_bytes_of(text.data, limit), options, start, &j, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    *node = j.node;
    *stop_found = found;
    *end = limit;
    return FLY_OK;
}
