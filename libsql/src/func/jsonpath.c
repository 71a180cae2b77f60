/*
 * SQL/JSON paths: reading them.
 *
 * Recursive descent with the usual order: || && ! comparisons + - * / % unary, accessors.
 *
 * What is not here: .datetime() (0A000), running a path (jsonpath_exec.c).
 */
#include "func/jsonpath_int.h"

#include <fly/text.h>
#include <fly/vec_json.h>

enum { DEPTH_MAX = 200 };

typedef struct parser {
    fly_bytes text;
    size_t at;
    unsigned depth;
    fly_arena *arena;
    fly_err *err;
    fly_status status;
} parser;

static fly__sql_path_node *parse_or(parser *p);

static void *fail(parser *p)
{
    if (p->status == FLY_OK) {
        fly_bytes rest = fly_bytes_of(p->text.data + p->at, p->text.len - p->at);
        p->status = rest.len == 0
                        ? fly_err_state(p->err, "42601", 0, "syntax error at end of jsonpath input")
                        : fly_err_state(p->err, "42601", 0,
                                        "syntax error at or near \"%.*s\" of jsonpath input",
                                        (int)(rest.len < 40 ? rest.len : 40),
                                        (const char *)rest.data);
    }
    return NULL;
}

static fly__sql_path_node *make(parser *p, uint8_t kind)
{
    fly__sql_path_node *node = fly_arena_alloc(p->arena, sizeof *node);
    if (node == NULL) {
        p->status = fly__sql_no_memory(p->err);
        return NULL;
    }
    memset(node, 0, sizeof *node);
    node->kind = kind;
    return node;
}

static void skip(parser *p)
{
    while (p->at < p->text.len && strchr(" \t\r\n", p->text.data[p->at]) != NULL) {
        p->at++;
    }
}

static uint8_t peek(parser *p)
{
    skip(p);
    return p->at < p->text.len ? p->text.data[p->at] : 0;
}

/* Take a symbol, if it is next. */
static bool take(parser *p, const char *symbol)
{
    size_t len = strlen(symbol);
    skip(p);
    if (p->text.len - p->at < len || memcmp(p->text.data + p->at, symbol, len) != 0) {
        return false;
    }
    p->at += len;
    return true;
}

static bool is_word(uint8_t c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 128;
}

/* Take a word, if it is next and ends there. */
static bool take_word(parser *p, const char *word)
{
    size_t before = p->at;
    size_t len = strlen(word);
    if (take(p, word)) {
        if (p->at >= p->text.len || !is_word(p->text.data[p->at])) {
            return true;
        }
        p->at = before;
    }
    (void)len;
    return false;
}

/* A name without quotes; empty: there is none. */
static fly_bytes read_word(parser *p)
{
    skip(p);
    size_t from = p->at;
    while (p->at < p->text.len && is_word(p->text.data[p->at])) {
        p->at++;
    }
    return fly_bytes_of(p->text.data + from, p->at - from);
}

/* A string in double quotes, as JSON has it. */
static bool read_string(parser *p, fly_bytes *string)
{
    size_t from = p->at++;
    while (p->at < p->text.len && p->text.data[p->at] != '"') {
        p->at += p->text.data[p->at] == '\\' ? 2u : 1u;
    }
    if (p->at >= p->text.len) {
        p->at = from;
        fail(p);
        return false;
    }
    p->at++;
    fly_vec_str *out = fly_arena_alloc(p->arena, sizeof *out); /* short ones lie in it */
    bool null;
    fly_bytes quoted = fly_bytes_of(p->text.data + from, p->at - from);
    if (out == NULL) {
        p->status = fly__sql_no_memory(p->err);
        return false;
    }
    p->status = fly_vec_json_check(quoted, p->err);
    if (p->status == FLY_OK) {
        p->status = fly_vec_json_text(quoted, p->arena, out, &null, p->err);
    }
    *string = fly_vec_str_bytes(out);
    return p->status == FLY_OK;
}

static fly__sql_path_node *literal(parser *p, fly_bytes json)
{
    fly__sql_path_node *node = make(p, PATH_LITERAL);
    fly_vec_str *value = fly_arena_alloc(p->arena, sizeof *value);
    if (node == NULL || value == NULL) {
        return NULL;
    }
    if (fly_vec_jsonb_parse(json, p->arena, value, NULL) != FLY_OK) {
        return fail(p);
    }
    node->text = fly_vec_str_bytes(value);
    return node;
}

static fly__sql_path_node *read_number(parser *p)
{
    size_t from = p->at;
    while (p->at < p->text.len && (strchr("0123456789.eE", p->text.data[p->at]) != NULL ||
                                   ((p->text.data[p->at] == '-' || p->text.data[p->at] == '+') &&
                                    p->at > from && (p->text.data[p->at - 1] | 32) == 'e'))) {
        if (p->text.data[p->at] == '.' && p->at + 1 < p->text.len &&
            !(p->text.data[p->at + 1] >= '0' && p->text.data[p->at + 1] <= '9')) {
            break; /* 1.type() */
        }
        p->at++;
    }
    fly_bytes number = fly_bytes_of(p->text.data + from, p->at - from);
    fly_vec_str *value = fly_arena_alloc(p->arena, 2 * sizeof *value);
    fly__sql_path_node *node = make(p, PATH_LITERAL);
    if (node == NULL || value == NULL) {
        return NULL;
    }
    if (fly_vec_numeric_parse(number, p->arena, &value[0], NULL) != FLY_OK ||
        fly_vec_jsonb_of_numeric(value[0], p->arena, &value[1], NULL) != FLY_OK) {
        p->at = from;
        return fail(p);
    }
    node->text = fly_vec_str_bytes(&value[1]);
    return node;
}

/* ---------------------------------------------------------------------- accessors */

/* [*], or [a, b to c, last] */
static fly__sql_path_node *read_subscript(parser *p, fly__sql_path_node *input)
{
    if (take(p, "*")) {
        fly__sql_path_node *node = make(p, PATH_ANY_INDEX);
        if (node != NULL) {
            node->input = input;
        }
        return take(p, "]") ? node : fail(p);
    }
    fly__sql_path_node *first = NULL;
    fly__sql_path_node **link = &first;
    do {
        fly__sql_path_node *range = make(p, PATH_INDEX);
        if (range == NULL) {
            return NULL;
        }
        range->left = parse_or(p);
        if (range->left != NULL && take_word(p, "to")) {
            range->right = parse_or(p);
        }
        if (p->status != FLY_OK) {
            return NULL;
        }
        *link = range;
        link = &range->next;
    } while (take(p, ","));
    first->input = input;
    return take(p, "]") ? first : fail(p);
}

static bool read_level(parser *p, int64_t *level)
{
    if (take_word(p, "last")) {
        *level = INT64_MAX;
        return true;
    }
    fly_bytes word = read_word(p);
    return fly_vec_i64_parse(word, level, NULL) == FLY_OK && *level >= 0;
}

/* Behind a dot: a key, *, **, a method. */
static fly__sql_path_node *read_member(parser *p, fly__sql_path_node *input)
{
    fly__sql_path_node *node;
    if (take(p, "**")) {
        node = make(p, PATH_ANY_LEVEL);
        if (node == NULL) {
            return NULL;
        }
        node->high = INT64_MAX;
        if (take(p, "{")) {
            if (!read_level(p, &node->low)) {
                return fail(p);
            }
            node->high = node->low;
            if (take_word(p, "to") && !read_level(p, &node->high)) {
                return fail(p);
            }
            if (!take(p, "}")) {
                return fail(p);
            }
        }
    } else if (take(p, "*")) {
        node = make(p, PATH_ANY_KEY);
    } else if (peek(p) == '"') {
        node = make(p, PATH_KEY);
        if (node == NULL || !read_string(p, &node->text)) {
            return NULL;
        }
    } else {
        fly_bytes word = read_word(p);
        if (word.len == 0) {
            return fail(p);
        }
        bool method = take(p, "(");
        if (method && !take(p, ")")) {
            return fail(p);
        }
        node = make(p, method ? PATH_METHOD : PATH_KEY);
        if (node == NULL) {
            return NULL;
        }
        node->text = word;
    }
    if (node != NULL) {
        node->input = input;
    }
    return node;
}

static fly__sql_path_node *read_filter(parser *p, fly__sql_path_node *input)
{
    fly__sql_path_node *node = make(p, PATH_FILTER);
    if (node == NULL || !take(p, "(")) {
        return node == NULL ? NULL : fail(p);
    }
    node->input = input;
    node->right = parse_or(p);
    if (node->right == NULL) {
        return NULL;
    }
    if (node->right->kind < PATH_EQ || !take(p, ")")) {
        return fail(p);
    }
    return node;
}

static fly__sql_path_node *read_primary(parser *p)
{
    uint8_t c = peek(p);
    fly__sql_path_node *node;
    if (c == '$') {
        p->at++;
        if (p->at < p->text.len && (is_word(p->text.data[p->at]) || p->text.data[p->at] == '"')) {
            node = make(p, PATH_VARIABLE);
            if (node != NULL && p->text.data[p->at] == '"') {
                return read_string(p, &node->text) ? node : NULL;
            }
            if (node != NULL) {
                node->text = read_word(p);
            }
            return node;
        }
        return make(p, PATH_ROOT);
    }
    if (c == '@') {
        p->at++;
        return make(p, PATH_CURRENT);
    }
    if (c == '"') {
        size_t from = p->at;
        fly_bytes ignored;
        return read_string(p, &ignored)
                   ? literal(p, fly_bytes_of(p->text.data + from, p->at - from))
                   : NULL;
    }
    if ((c >= '0' && c <= '9') || c == '.') {
        return read_number(p);
    }
    if (c == '(') {
        p->at++;
        node = parse_or(p);
        if (node == NULL || !take(p, ")")) {
            return node == NULL ? NULL : fail(p);
        }
        if (take_word(p, "is")) {
            if (!take_word(p, "unknown")) {
                return fail(p);
            }
            fly__sql_path_node *test = make(p, PATH_IS_UNKNOWN);
            if (test != NULL) {
                test->left = node;
            }
            return test;
        }
        return node;
    }
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        if (take_word(p, words[i])) {
            return literal(p, fly_bytes_str(words[i]));
        }
    }
    if (take_word(p, "last")) {
        return make(p, PATH_LAST);
    }
    if (take_word(p, "exists")) {
        node = make(p, PATH_EXISTS);
        if (node == NULL || !take(p, "(")) {
            return node == NULL ? NULL : fail(p);
        }
        node->left = parse_or(p);
        return node->left == NULL ? NULL : take(p, ")") ? node : fail(p);
    }
    return fail(p);
}

static fly__sql_path_node *parse_path(parser *p)
{
    fly__sql_path_node *node = read_primary(p);
    while (node != NULL) {
        if (take(p, ".")) {
            node = read_member(p, node);
        } else if (take(p, "[")) {
            node = read_subscript(p, node);
        } else if (take(p, "?")) {
            node = read_filter(p, node);
        } else {
            break;
        }
    }
    return node;
}

/* ---------------------------------------------------------------------- operators */

static fly__sql_path_node *pair(parser *p, uint8_t kind, fly__sql_path_node *left,
                                fly__sql_path_node *right)
{
    fly__sql_path_node *node = right != NULL || kind == PATH_NOT ? make(p, kind) : NULL;
    if (node != NULL) {
        node->left = left;
        node->right = right;
    }
    return node;
}

static fly__sql_path_node *parse_unary(parser *p)
{
    uint8_t c = peek(p);
    if (c != '-' && c != '+') {
        return parse_path(p);
    }
    if (++p->depth > DEPTH_MAX) {
        p->status = fly_err_state(p->err, "54001", 0, "stack depth limit exceeded");
        return NULL;
    }
    p->at++;
    fly__sql_path_node *operand = parse_unary(p);
    p->depth--;
    fly__sql_path_node *node = operand != NULL ? make(p, c == '-' ? PATH_NEGATE : PATH_PLUS) : NULL;
    if (node != NULL) {
        node->left = operand;
    }
    return node;
}

static fly__sql_path_node *parse_mul(parser *p)
{
    fly__sql_path_node *node = parse_unary(p);
    while (node != NULL) {
        uint8_t kind = take(p, "*")   ? PATH_MUL
                       : take(p, "/") ? PATH_DIV
                       : take(p, "%") ? PATH_MOD
                                      : 0;
        if (kind == 0) {
            break;
        }
        node = pair(p, kind, node, parse_unary(p));
    }
    return node;
}

static fly__sql_path_node *parse_add(parser *p)
{
    fly__sql_path_node *node = parse_mul(p);
    while (node != NULL) {
        uint8_t kind = take(p, "+") ? PATH_ADD : take(p, "-") ? PATH_SUB : 0;
        if (kind == 0) {
            break;
        }
        node = pair(p, kind, node, parse_mul(p));
    }
    return node;
}

/* like_regex "pattern" flag "i" */
static fly__sql_path_node *read_regex(parser *p, fly__sql_path_node *left)
{
    fly__sql_path_node *node = make(p, PATH_LIKE_REGEX);
    fly_bytes flags = fly_bytes_of(NULL, 0);
    if (node == NULL || peek(p) != '"' || !read_string(p, &node->text)) {
        return p->status != FLY_OK || node == NULL ? NULL : fail(p);
    }
    if (take_word(p, "flag") && (peek(p) != '"' || !read_string(p, &flags))) {
        return p->status != FLY_OK ? NULL : fail(p);
    }
    unsigned bits = FLY_VEC_REGEX_NLSTOP;
    for (size_t i = 0; i < flags.len; i++) {
        switch (flags.data[i]) {
        case 'i':
            bits |= FLY_VEC_REGEX_ICASE;
            break;
        case 's':
            bits &= ~(unsigned)FLY_VEC_REGEX_NLSTOP;
            break;
        case 'm':
            bits |= FLY_VEC_REGEX_NLANCH;
            break;
        case 'q':
            bits |= FLY_VEC_REGEX_LITERAL;
            break;
        default:
            p->status = fly_err_state(p->err, "42601", 0, "invalid input syntax for type jsonpath");
            fly_err_detail(p->err, "Unrecognized flag character \"%c\" in LIKE_REGEX predicate.",
                           flags.data[i]);
            return NULL;
        }
    }
    fly__sql_pool *pool = fly_arena_alloc(p->arena, sizeof *pool);
    if (pool == NULL) {
        p->status = fly__sql_no_memory(p->err);
        return NULL;
    }
    fly__sql_pool_init(pool, p->arena);
    p->status = fly_vec_regex_create(node->text, bits, &pool->mem, &node->regex, p->err);
    node->left = left;
    return p->status == FLY_OK ? node : NULL;
}

static fly__sql_path_node *parse_compare(parser *p)
{
    static const struct {
        const char *symbol;
        uint8_t kind;
    } symbols[] = {{"==", PATH_EQ}, {"!=", PATH_NE}, {"<>", PATH_NE}, {"<=", PATH_LE},
                   {">=", PATH_GE}, {"<", PATH_LT},  {">", PATH_GT}};
    fly__sql_path_node *node = parse_add(p);
    if (node == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (take(p, symbols[i].symbol)) {
            return pair(p, symbols[i].kind, node, parse_add(p));
        }
    }
    if (take_word(p, "starts")) {
        return take_word(p, "with") ? pair(p, PATH_STARTS_WITH, node, parse_path(p)) : fail(p);
    }
    return take_word(p, "like_regex") ? read_regex(p, node) : node;
}

static fly__sql_path_node *parse_not(parser *p)
{
    skip(p);
    bool negated = p->at < p->text.len && p->text.data[p->at] == '!' &&
                   !(p->at + 1 < p->text.len && p->text.data[p->at + 1] == '=');
    if (!negated) {
        return parse_compare(p);
    }
    p->at++;
    fly__sql_path_node *operand = parse_not(p);
    if (operand != NULL && operand->kind < PATH_EQ) {
        return fail(p);
    }
    return operand != NULL ? pair(p, PATH_NOT, operand, NULL) : NULL;
}

static fly__sql_path_node *parse_and(parser *p)
{
    fly__sql_path_node *node = parse_not(p);
    while (node != NULL && take(p, "&&")) {
        node = pair(p, PATH_AND, node, parse_not(p));
    }
    return node;
}

static fly__sql_path_node *parse_or(parser *p)
{
    if (++p->depth > DEPTH_MAX) {
        p->status = fly_err_state(p->err, "54001", 0, "stack depth limit exceeded");
        return NULL;
    }
    fly__sql_path_node *node = parse_and(p);
    while (node != NULL && take(p, "||")) {
        node = pair(p, PATH_OR, node, parse_and(p));
    }
    p->depth--;
    return node;
}

fly_status fly__sql_path_parse(fly_bytes text, fly_arena *arena, fly__sql_path *path, fly_err *err)
{
    parser p = {.text = text, .arena = arena, .err = err};
    skip(&p);
    if (p.at == text.len) {
        return fly_err_state(err, "22P02", 0, "invalid input syntax for type jsonpath: \"%.*s\"",
                             (int)(text.len < 100 ? text.len : 100), (const char *)text.data);
    }
    path->strict = take_word(&p, "strict");
    if (!path->strict) {
        (void)take_word(&p, "lax");
    }
    path->root = parse_or(&p);
    if (path->root != NULL) {
        skip(&p);
        if (p.at < text.len) {
            (void)fail(&p);
        }
    }
    return p.status;
}
