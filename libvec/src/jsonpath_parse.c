/*
 * The text of a path into a tree, and back.
 *
 * Recursive descent by precedence: or, and, not, comparison, sum, product, sign, accessors. A predicate may
 * stand in parentheses wherever an operand may, and the whole of a path may be one.
 *
 * @source ISO/IEC 9075-2:2016, 9.39; PostgreSQL's jsonpath_gram.y for what it takes beyond.
 */
#include "jsonpath_int.h"

#include <fly/vec_numeric.h>

#include <stdio.h>
#include <string.h>

const char *const fly__vec_method_names[METHODS] = {"type",  "size", "double",  "ceiling",
                                                    "floor", "abs",  "keyvalue"};

typedef enum token {
    T_END,
    T_WORD,
    T_STRING,
    T_NUMBER,
    T_VARIABLE,
    T_MARK /* `mark` has one or two characters */
} token;

typedef struct parser {
    fly_vec_jsonpath *path;
    const uint8_t *at, *end;
    const uint8_t *begin; /* of the current token */
    token token;
    char mark[4];
    fly_bytes text; /* of words, strings, variables, numbers */
    int depth;
    int filters;    /* how many filters we are in: @ is known there */
    int subscripts; /* and brackets: last is known there */
    fly_err *err;
} parser;

static fly_status no_memory(parser *p)
{
    return fly__vec_json_no_memory(p->err);
}

static fly_status syntax(parser *p)
{
    if (p->token == T_END || (p->token == T_WORD && p->at == p->end)) {
        return fly__vec_text_error(p->err, "42601", "syntax error at end of jsonpath input");
    }
    return fly__vec_text_error_text(p->err, "42601",
                                    "syntax error at or near \"%s\" of jsonpath input",
                                    fly_bytes_of(p->begin, (size_t)(p->at - p->begin)));
}

/* ----------------------------------------------------------------------- tokens */

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(int c)
{
    return c > 0x20 && strchr("?%$.[]{}()|&!=<>@#,*:-+/\"", c) == NULL;
}

/* A string's escapes are those of JavaScript; JSON's suffice but for \' \v \x and \u{...}. */
static fly_status unescape(parser *p, fly_bytes in, fly_bytes *out)
{
    uint8_t *bytes = fly_arena_alloc(&p->path->arena, in.len + 4);
    uint8_t *to = bytes;
    if (bytes == NULL) {
        return no_memory(p);
    }
    static const char from[] = "bfnrtv";
    static const char into[] = "\b\f\n\r\t\v";
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (c != '\\' || i + 1 == in.len) {
            *to++ = c;
            continue;
        }
        c = in.data[++i];
        const char *known = c != 0 ? strchr(from, c) : NULL;
        if (known != NULL) {
            *to++ = (uint8_t)into[known - from];
            continue;
        }
        if (c != 'u' && c != 'x') {
            *to++ = c;
            continue;
        }
        uint32_t code = 0;
        int digits = 0;
        int most = c == 'u' ? 4 : 2;
        bool brace = c == 'u' && i + 1 < in.len && in.data[i + 1] == '{';
        i += brace;
        for (most = brace ? 6 : most; digits < most && i + 1 < in.len; digits++) {
            int d = in.data[i + 1];
            int value = is_digit(d)                              ? d - '0'
                        : (d | 0x20) >= 'a' && (d | 0x20) <= 'f' ? (d | 0x20) - 'a' + 10
                                                                 : -1;
            if (value < 0) {
                break;
            }
            code = code << 4 | (uint32_t)value;
            i++;
        }
        if (brace) {
            if (i + 1 == in.len || in.data[i + 1] != '}') {
                digits = 0;
            }
            i++;
        }
        fly_vec_str utf8;
        if (digits == 0 || (!brace && digits < most)) {
            return fly__vec_text_error(p->err, "42601", "invalid Unicode escape sequence");
        }
        if (fly_vec_chr((int32_t)code, &utf8, NULL) != FLY_OK) {
            return fly__vec_text_error(p->err, "22P05", "unsupported Unicode escape sequence");
        }
        memcpy(to, utf8.prefix, utf8.len);
        to += utf8.len;
    }
    *out = fly_bytes_of(bytes, (size_t)(to - bytes));
    return FLY_OK;
}

static fly_status quoted(parser *p)
{
    const uint8_t *first = ++p->at;
    while (p->at < p->end && *p->at != '"') {
        p->at += *p->at == '\\' && p->end - p->at > 1 ? 2 : 1;
    }
    if (p->at >= p->end) {
        p->at = p->end;
        return fly__vec_text_error(p->err, "42601",
                                   "unexpected end of quoted string at end of jsonpath input");
    }
    fly_bytes in = fly_bytes_of(first, (size_t)(p->at - first));
    p->at++;
    return unescape(p, in, &p->text);
}

static fly_status number_token(parser *p)
{
    const uint8_t *at = p->at;
    while (at < p->end && is_digit(*at)) {
        at++;
    }
    if (at < p->end && *at == '.' && (at + 1 == p->end || is_digit(at[1]) || at > p->at)) {
        /* "1." is a number; "1.type()" is none, as in PostgreSQL. */
        at++;
        while (at < p->end && is_digit(*at)) {
            at++;
        }
    }
    if (at < p->end && (*at | 0x20) == 'e') {
        const uint8_t *e = at + 1;
        e += e < p->end && (*e == '+' || *e == '-');
        if (e < p->end && is_digit(*e)) {
            while (e < p->end && is_digit(*e)) {
                e++;
            }
            at = e;
        }
    }
    p->text = fly_bytes_of(p->at, (size_t)(at - p->at));
    p->at = at;
    p->token = T_NUMBER;
    if (at < p->end && is_word(*at)) {
        while (p->at < p->end && is_word(*p->at)) {
            p->at++;
        }
        return fly__vec_text_error_text(
            p->err, "42601",
            "trailing junk after numeric literal at or near \"%s\" of jsonpath "
            "input",
            fly_bytes_of(p->begin, (size_t)(p->at - p->begin)));
    }
    return FLY_OK;
}

static fly_status next(parser *p)
{
    static const char *const marks[] = {"&&", "||", "==", "!=", "<>", "<=", ">=", "**"};
    while (p->at < p->end &&
           (is_space(*p->at) || (p->end - p->at >= 2 && p->at[0] == '/' && p->at[1] == '*'))) {
        if (*p->at != '/') {
            p->at++;
            continue;
        }
        p->at += 2;
        while (p->end - p->at >= 2 && !(p->at[0] == '*' && p->at[1] == '/')) {
            p->at++;
        }
        p->at = p->end - p->at >= 2 ? p->at + 2 : p->end;
    }
    p->begin = p->at;
    if (p->at == p->end) {
        p->token = T_END;
        return FLY_OK;
    }
    int c = *p->at;
    if (c == '"') {
        p->token = T_STRING;
        return quoted(p);
    }
    if (is_digit(c) || (c == '.' && p->end - p->at >= 2 && is_digit(p->at[1]))) {
        return number_token(p);
    }
    if (c == '$' && p->end - p->at >= 2 && (p->at[1] == '"' || is_word(p->at[1]))) {
        p->at++;
        p->token = T_VARIABLE;
        if (*p->at == '"') {
            return quoted(p);
        }
    } else if (is_word(c)) {
        p->token = T_WORD;
    } else {
        p->token = T_MARK;
        size_t n = 1;
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
            if (p->end - p->at >= 2 && memcmp(p->at, marks[i], 2) == 0) {
                n = 2;
            }
        }
        memset(p->mark, 0, sizeof p->mark);
        memcpy(p->mark, p->at, n);
        p->at += n;
        return FLY_OK;
    }
    const uint8_t *first = p->at;
    bool escaped = false;
    while (p->at < p->end && is_word(*p->at)) {
        escaped = escaped || *p->at == '\\';
        p->at += *p->at == '\\' && p->end - p->at > 1 ? 2 : 1;
    }
    p->text = fly_bytes_of(first, (size_t)(p->at - first));
    return escaped ? unescape(p, p->text, &p->text) : FLY_OK;
}

static bool is_mark(const parser *p, const char *mark)
{
    return p->token == T_MARK && strcmp(p->mark, mark) == 0;
}

static bool is_keyword(const parser *p, const char *word)
{
    if (p->token != T_WORD || p->text.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < p->text.len; i++) {
        int c = p->text.data[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[i]) {
            return false;
        }
    }
    return true;
}

static fly_status expect(parser *p, const char *mark)
{
    return is_mark(p, mark) ? next(p) : syntax(p);
}

static fly_status keyword(parser *p, const char *word)
{
    return is_keyword(p, word) ? next(p) : syntax(p);
}

/* ------------------------------------------------------------------------- tree */

static step *new_step(parser *p, step_kind kind)
{
    step *s = fly_arena_alloc(&p->path->arena, sizeof *s);
    if (s != NULL) {
        memset(s, 0, sizeof *s);
        s->kind = (uint8_t)kind;
    }
    return s;
}

static fly_status join(parser *p, step_kind kind, step *left, step *right, step **out)
{
    step *s = new_step(p, kind);
    if (s == NULL) {
        return no_memory(p);
    }
    s->left = left;
    s->right = right;
    *out = s;
    return FLY_OK;
}

static fly_status keep(parser *p, fly_vec_str value, fly_bytes *out)
{
    void *copy = fly_arena_copy(&p->path->arena, fly_vec_str_data(&value), value.len);
    if (copy == NULL) {
        return no_memory(p);
    }
    *out = fly_bytes_of(copy, value.len);
    return FLY_OK;
}

static fly_status literal(parser *p, step **out)
{
    fly_vec_str value;
    fly_vec_str number;
    fly_status status = FLY_OK;
    step *s = new_step(p, S_LITERAL);
    if (s == NULL) {
        return no_memory(p);
    }
    if (p->token == T_STRING) {
        status = fly_vec_jsonb_of_text(p->text, &p->path->arena, &value, p->err);
    } else if (p->token == T_NUMBER) {
        status = fly_vec_numeric_parse(p->text, &p->path->arena, &number, p->err);
        if (status == FLY_OK) {
            status = fly_vec_jsonb_of_numeric(number, &p->path->arena, &value, p->err);
        }
    } else if (p->text.len == 4 && memcmp(p->text.data, "null", 4) == 0) {
        status = fly_vec_jsonb_of_null(&value);
    } else {
        status = fly_vec_jsonb_of_bool(p->text.data[0] == 't', &value);
    }
    if (status == FLY_OK) {
        status = keep(p, value, &s->text);
    }
    *out = s;
    return status == FLY_OK ? next(p) : status;
}

static bool is_constant(const parser *p)
{
    return p->token == T_WORD && ((p->text.len == 4 && (memcmp(p->text.data, "null", 4) == 0 ||
                                                        memcmp(p->text.data, "true", 4) == 0)) ||
                                  (p->text.len == 5 && memcmp(p->text.data, "false", 5) == 0));
}

static fly_status disjunction(parser *p, step **out);
static fly_status sum(parser *p, step **out);

static fly_status level(parser *p, uint32_t *out)
{
    if (is_keyword(p, "last")) {
        *out = UINT32_MAX;
        return next(p);
    }
    uint32_t x = 0;
    if (p->token != T_NUMBER || p->text.len > 9) {
        return syntax(p);
    }
    for (size_t i = 0; i < p->text.len; i++) {
        if (!is_digit(p->text.data[i])) {
            return syntax(p);
        }
        x = x * 10 + (uint32_t)(p->text.data[i] - '0');
    }
    *out = x;
    return next(p);
}

static fly_status any_depth(parser *p, step *s)
{
    fly_status status;
    s->kind = S_ANY_DEPTH;
    s->from = 0;
    s->to = UINT32_MAX;
    if (!is_mark(p, "{")) {
        return FLY_OK;
    }
    if ((status = next(p)) != FLY_OK || (status = level(p, &s->from)) != FLY_OK) {
        return status;
    }
    s->to = s->from;
    if (is_keyword(p, "to") &&
        ((status = next(p)) != FLY_OK || (status = level(p, &s->to)) != FLY_OK)) {
        return status;
    }
    return expect(p, "}");
}

/* Behind a dot. */
static fly_status member(parser *p, step *s)
{
    fly_status status;
    if (is_mark(p, "*")) {
        s->kind = S_ANY_KEY;
        return next(p);
    }
    if (is_mark(p, "**")) {
        status = next(p);
        return status == FLY_OK ? any_depth(p, s) : status;
    }
    if (p->token != T_WORD && p->token != T_STRING) {
        return syntax(p);
    }
    bool word = p->token == T_WORD;
    s->kind = S_KEY;
    s->text = p->text;
    if ((status = next(p)) != FLY_OK || !word || !is_mark(p, "(")) {
        return status;
    }
    for (int i = 0; i < METHODS; i++) {
        if (fly_bytes_equal(s->text, fly_bytes_str(fly__vec_method_names[i]))) {
            s->kind = S_METHOD;
            s->method = (uint8_t)i;
            status = next(p);
            return status == FLY_OK ? expect(p, ")") : status;
        }
    }
    if (fly_bytes_equal(s->text, fly_bytes_str("datetime"))) {
        (void)fly__vec_text_error(p->err, "0A000",
                                  "jsonpath item method .datetime() is not supported");
        return FLY_E_UNSUPPORTED;
    }
    return syntax(p);
}

static fly_status subscripts(parser *p, step *s)
{
    step *small[64];
    fly_status status;
    if (is_mark(p, "*")) {
        s->kind = S_ANY_ELEMENT;
        status = next(p);
        return status == FLY_OK ? expect(p, "]") : status;
    }
    s->kind = S_ELEMENTS;
    p->subscripts++;
    for (;;) {
        if (s->count == 32) {
            return syntax(p);
        }
        step **pair = small + 2 * (size_t)s->count++;
        pair[1] = NULL;
        if ((status = sum(p, &pair[0])) != FLY_OK) {
            return status;
        }
        if (is_keyword(p, "to") &&
            ((status = next(p)) != FLY_OK || (status = sum(p, &pair[1])) != FLY_OK)) {
            return status;
        }
        if (!is_mark(p, ",")) {
            break;
        }
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
    }
    p->subscripts--;
    s->kid = fly_arena_copy(&p->path->arena, small, 2 * (size_t)s->count * sizeof *small);
    return s->kid == NULL ? no_memory(p) : expect(p, "]");
}

/* All accessors behind a primary. */
static fly_status accessors(parser *p, step *primary)
{
    fly_status status = FLY_OK;
    step *last = primary;
    while (last->next != NULL) {
        last = last->next;
    }
    while (status == FLY_OK && (is_mark(p, ".") || is_mark(p, "[") || is_mark(p, "?"))) {
        char mark = p->mark[0];
        step *s = new_step(p, S_KEY);
        if (s == NULL) {
            return no_memory(p);
        }
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
        if (mark == '.') {
            status = member(p, s);
        } else if (mark == '[') {
            status = subscripts(p, s);
        } else {
            s->kind = S_FILTER;
            p->filters++;
            if ((status = expect(p, "(")) == FLY_OK &&
                (status = disjunction(p, &s->left)) == FLY_OK) {
                status = fly__vec_step_is_predicate(s->left) ? expect(p, ")") : syntax(p);
            }
            p->filters--;
        }
        last->next = s;
        last = s;
    }
    return status;
}

static fly_status primary(parser *p, step **out)
{
    fly_status status;
    step *s = NULL;
    if (p->token == T_STRING || p->token == T_NUMBER || is_constant(p)) {
        if ((status = literal(p, &s)) != FLY_OK) {
            return status;
        }
    } else if (p->token == T_VARIABLE) {
        s = new_step(p, S_VARIABLE);
        if (s == NULL) {
            return no_memory(p);
        }
        s->text = p->text;
        status = next(p);
    } else if (is_mark(p, "$") || is_mark(p, "@") || is_keyword(p, "last")) {
        step_kind kind = is_mark(p, "$") ? S_ROOT : is_mark(p, "@") ? S_CURRENT : S_LAST;
        if (kind == S_CURRENT && p->filters == 0) {
            return fly__vec_text_error(p->err, "42601", "@ is not allowed in root expressions");
        }
        if (kind == S_LAST && p->subscripts == 0) {
            return fly__vec_text_error(p->err, "42601", "LAST is allowed only in array subscripts");
        }
        s = new_step(p, kind);
        if (s == NULL) {
            return no_memory(p);
        }
        status = next(p);
    } else if (is_mark(p, "(")) {
        if (++p->depth > PATH_DEPTH_MAX) {
            return fly__vec_text_error(p->err, "54001", "stack depth limit exceeded");
        }
        if ((status = next(p)) != FLY_OK || (status = disjunction(p, &s)) != FLY_OK) {
            return status;
        }
        status = expect(p, ")");
        p->depth--;
        if (status == FLY_OK && is_keyword(p, "is") && fly__vec_step_is_predicate(s)) {
            if ((status = next(p)) != FLY_OK || (status = keyword(p, "unknown")) != FLY_OK) {
                return status;
            }
            return join(p, S_UNKNOWN, s, NULL, out);
        }
    } else if (is_keyword(p, "exists")) {
        if ((status = next(p)) != FLY_OK || (status = expect(p, "(")) != FLY_OK ||
            (status = sum(p, &s)) != FLY_OK || (status = expect(p, ")")) != FLY_OK) {
            return status;
        }
        return join(p, S_EXISTS, s, NULL, out);
    } else {
        return syntax(p);
    }
    *out = s;
    return status == FLY_OK ? accessors(p, s) : status;
}

static fly_status sign(parser *p, step **out)
{
    fly_status status;
    if (!is_mark(p, "+") && !is_mark(p, "-")) {
        return primary(p, out);
    }
    step_kind kind = is_mark(p, "+") ? S_PLUS : S_MINUS;
    step *operand;
    if (++p->depth > PATH_DEPTH_MAX) {
        return fly__vec_text_error(p->err, "54001", "stack depth limit exceeded");
    }
    if ((status = next(p)) != FLY_OK || (status = sign(p, &operand)) != FLY_OK) {
        return status;
    }
    p->depth--;
    if (operand->kind == S_LITERAL && operand->next == NULL &&
        operand->text.data[0] == FLY_VEC_JSON_NUMBER) {
        /* A signed number is a number. */
        fly_vec_str x;
        fly_vec_str value;
        *out = operand;
        if (kind == S_PLUS) {
            return FLY_OK;
        }
        status =
            fly_vec_numeric_neg(fly_vec_jsonb_payload(operand->text), &p->path->arena, &x, p->err);
        if (status == FLY_OK) {
            status = fly_vec_jsonb_of_numeric(x, &p->path->arena, &value, p->err);
        }
        return status == FLY_OK ? keep(p, value, &operand->text) : status;
    }
    return join(p, kind, operand, NULL, out);
}

static fly_status product(parser *p, step **out)
{
    fly_status status = sign(p, out);
    while (status == FLY_OK && (is_mark(p, "*") || is_mark(p, "/") || is_mark(p, "%"))) {
        step_kind kind = is_mark(p, "*") ? S_MUL : is_mark(p, "/") ? S_DIV : S_MOD;
        step *right;
        if ((status = next(p)) == FLY_OK && (status = sign(p, &right)) == FLY_OK) {
            status = join(p, kind, *out, right, out);
        }
    }
    return status;
}

static fly_status sum(parser *p, step **out)
{
    fly_status status = product(p, out);
    while (status == FLY_OK && (is_mark(p, "+") || is_mark(p, "-"))) {
        step_kind kind = is_mark(p, "+") ? S_ADD : S_SUB;
        step *right;
        if ((status = next(p)) == FLY_OK && (status = product(p, &right)) == FLY_OK) {
            status = join(p, kind, *out, right, out);
        }
    }
    return status;
}

static fly_status like(parser *p, step *left, step **out)
{
    fly_status status;
    unsigned flags = 0;
    bool dot_all = false;
    step *s = new_step(p, S_LIKE);
    struct like *entry = fly_arena_alloc(&p->path->arena, sizeof *entry);
    if (s == NULL || entry == NULL) {
        return no_memory(p);
    }
    s->left = left;
    if ((status = next(p)) != FLY_OK) {
        return status;
    }
    if (p->token != T_STRING) {
        return syntax(p);
    }
    s->text = p->text;
    if ((status = next(p)) != FLY_OK) {
        return status;
    }
    if (is_keyword(p, "flag")) {
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
        if (p->token != T_STRING) {
            return syntax(p);
        }
        s->flags = p->text;
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < s->flags.len; i++) {
        switch (s->flags.data[i]) {
        case 'i':
            flags |= FLY_VEC_REGEX_ICASE;
            break;
        case 's':
            dot_all = true;
            break;
        case 'm':
            flags |= FLY_VEC_REGEX_NLANCH;
            break;
        case 'q':
            flags |= FLY_VEC_REGEX_LITERAL;
            break;
        case 'x':
            (void)fly__vec_text_error(
                p->err, "0A000",
                "XQuery \"x\" flag (expanded regular expressions) is not implemented");
            return FLY_E_UNSUPPORTED;
        default:
            return fly__vec_text_error(p->err, "42601", "invalid input syntax for type jsonpath");
        }
    }
    flags |= dot_all ? 0 : (unsigned)FLY_VEC_REGEX_NLSTOP;
    if ((status = fly_vec_regex_create(s->text, flags, p->path->mem, &s->regex, p->err)) !=
        FLY_OK) {
        return status;
    }
    *entry = (struct like){s->regex, p->path->likes};
    p->path->likes = entry;
    *out = s;
    return FLY_OK;
}

static fly_status comparison(parser *p, step **out)
{
    static const char *const marks[] = {"==", "!=", "<>", "<", "<=", ">", ">="};
    static const uint8_t kinds[] = {S_EQ, S_NE, S_NE, S_LT, S_LE, S_GT, S_GE};
    fly_status status;
    if (is_mark(p, "!")) {
        step *operand;
        if ((status = next(p)) != FLY_OK) {
            return status;
        }
        if (!is_mark(p, "(") && !is_keyword(p, "exists")) {
            return syntax(p);
        }
        if ((status = primary(p, &operand)) != FLY_OK) {
            return status;
        }
        return fly__vec_step_is_predicate(operand) ? join(p, S_NOT, operand, NULL, out) : syntax(p);
    }
    if ((status = sum(p, out)) != FLY_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (is_mark(p, marks[i])) {
            step *right;
            if ((status = next(p)) != FLY_OK || (status = sum(p, &right)) != FLY_OK) {
                return status;
            }
            return join(p, (step_kind)kinds[i], *out, right, out);
        }
    }
    if (is_keyword(p, "starts")) {
        step *right;
        if ((status = next(p)) != FLY_OK || (status = keyword(p, "with")) != FLY_OK) {
            return status;
        }
        if (p->token != T_STRING && p->token != T_VARIABLE) {
            return syntax(p);
        }
        if ((status = primary(p, &right)) != FLY_OK) {
            return status;
        }
        return join(p, S_STARTS, *out, right, out);
    }
    return is_keyword(p, "like_regex") ? like(p, *out, out) : FLY_OK;
}

static fly_status conjunction(parser *p, step **out)
{
    fly_status status = comparison(p, out);
    while (status == FLY_OK && is_mark(p, "&&")) {
        step *right;
        if (!fly__vec_step_is_predicate(*out)) {
            return syntax(p);
        }
        if ((status = next(p)) == FLY_OK && (status = comparison(p, &right)) == FLY_OK) {
            status = fly__vec_step_is_predicate(right) ? join(p, S_AND, *out, right, out)
                                                       : syntax(p);
        }
    }
    return status;
}

static fly_status disjunction(parser *p, step **out)
{
    fly_status status = conjunction(p, out);
    while (status == FLY_OK && is_mark(p, "||")) {
        step *right;
        if (!fly__vec_step_is_predicate(*out)) {
            return syntax(p);
        }
        if ((status = next(p)) == FLY_OK && (status = conjunction(p, &right)) == FLY_OK) {
            status = fly__vec_step_is_predicate(right) ? join(p, S_OR, *out, right, out)
                                                       : syntax(p);
        }
    }
    return status;
}

fly_status fly__vec_jsonpath_parse(fly_vec_jsonpath *path, fly_bytes text, fly_err *err)
{
    /* Keys and literals of the tree point into the text. */
    const uint8_t *copy = fly_arena_copy(&path->arena, text.data, text.len);
    parser p = {.path = path, .at = copy, .end = copy + text.len, .begin = copy, .err = err};
    fly_status status;
    if (copy == NULL) {
        return no_memory(&p);
    }
    if ((status = next(&p)) != FLY_OK) {
        return status;
    }
    if (p.token == T_END) {
        return fly__vec_text_error_text(err, "22P02",
                                        "invalid input syntax for type jsonpath: \"%s\"", text);
    }
    if (is_keyword(&p, "strict") || is_keyword(&p, "lax")) {
        path->strict = is_keyword(&p, "strict");
        if ((status = next(&p)) != FLY_OK) {
            return status;
        }
    }
    if ((status = disjunction(&p, &path->root)) != FLY_OK) {
        return status;
    }
    return p.token == T_END ? FLY_OK : syntax(&p);
}

/* ----------------------------------------------------------------------- writing */

static int priority(const step *s)
{
    switch (s->kind) {
    case S_OR:
        return 0;
    case S_AND:
        return 1;
    case S_EQ:
    case S_NE:
    case S_LT:
    case S_LE:
    case S_GT:
    case S_GE:
    case S_STARTS:
        return 2;
    case S_ADD:
    case S_SUB:
        return 3;
    case S_MUL:
    case S_DIV:
    case S_MOD:
        return 4;
    case S_PLUS:
    case S_MINUS:
        return 5;
    default:
        return 6;
    }
}

static void put(fly__vec_sink *s, const char *text)
{
    fly__vec_sink_put(s, text, strlen(text));
}

static void put_uint(fly__vec_sink *s, uint32_t x)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%u", x);
    put(s, x == UINT32_MAX ? "last" : digits);
}

static fly_status write_step(fly__vec_sink *s, const step *t, bool brackets, fly_err *err);

static fly_status write_operand(fly__vec_sink *s, const step *parent, const step *kid, fly_err *err)
{
    return write_step(s, kid, priority(kid) <= priority(parent), err);
}

static fly_status write_primary(fly__vec_sink *s, const step *t, fly_err *err)
{
    fly_vec_str text;
    fly_status status;
    switch (t->kind) {
    case S_ROOT:
        put(s, "$");
        return FLY_OK;
    case S_CURRENT:
        put(s, "@");
        return FLY_OK;
    case S_LAST:
        put(s, "last");
        return FLY_OK;
    case S_VARIABLE:
        put(s, "$");
        fly__vec_json_put_quoted(s, t->text);
        return FLY_OK;
    case S_KEY:
        put(s, ".");
        fly__vec_json_put_quoted(s, t->text);
        return FLY_OK;
    case S_ANY_KEY:
        put(s, ".*");
        return FLY_OK;
    case S_ANY_ELEMENT:
        put(s, "[*]");
        return FLY_OK;
    case S_METHOD:
        put(s, ".");
        put(s, fly__vec_method_names[t->method]);
        put(s, "()");
        return FLY_OK;
    case S_ANY_DEPTH:
        put(s, ".**");
        if (t->from != 0 || t->to != UINT32_MAX) {
            put(s, "{");
            put_uint(s, t->from);
            if (t->to != t->from) {
                put(s, " to ");
                put_uint(s, t->to);
            }
            put(s, "}");
        }
        return FLY_OK;
    case S_ELEMENTS:
        put(s, "[");
        for (uint32_t i = 0; i < t->count; i++) {
            put(s, i > 0 ? "," : "");
            if ((status = write_step(s, t->kid[2 * i], false, err)) != FLY_OK) {
                return status;
            }
            if (t->kid[2 * i + 1] != NULL) {
                put(s, " to ");
                if ((status = write_step(s, t->kid[2 * i + 1], false, err)) != FLY_OK) {
                    return status;
                }
            }
        }
        put(s, "]");
        return FLY_OK;
    case S_FILTER:
        put(s, "?(");
        status = write_step(s, t->left, false, err);
        put(s, ")");
        return status;
    default:
        status = fly_vec_jsonb_format(t->text, false, s->arena, &text, err);
        if (status == FLY_OK) {
            fly__vec_sink_put(s, fly_vec_str_data(&text), text.len);
        }
        return status;
    }
}

static fly_status write_operator(fly__vec_sink *s, const step *t, bool brackets, fly_err *err)
{
    static const char *const names[] = {[S_ADD] = " + ", [S_SUB] = " - ",
                                        [S_MUL] = " * ", [S_DIV] = " / ",
                                        [S_MOD] = " % ", [S_AND] = " && ",
                                        [S_OR] = " || ", [S_EQ] = " == ",
                                        [S_NE] = " != ", [S_LT] = " < ",
                                        [S_LE] = " <= ", [S_GT] = " > ",
                                        [S_GE] = " >= ", [S_STARTS] = " starts with "};
    fly_status status;
    put(s, brackets && t->kind != S_NOT && t->kind != S_EXISTS && t->kind != S_UNKNOWN ? "(" : "");
    switch (t->kind) {
    case S_PLUS:
    case S_MINUS:
        put(s, t->kind == S_PLUS ? "+" : "-");
        status = write_operand(s, t, t->left, err);
        break;
    case S_NOT:
        put(s, "!(");
        status = write_step(s, t->left, false, err);
        put(s, ")");
        break;
    case S_EXISTS:
        put(s, "exists (");
        status = write_step(s, t->left, false, err);
        put(s, ")");
        break;
    case S_UNKNOWN:
        put(s, "(");
        status = write_step(s, t->left, false, err);
        put(s, ") is unknown");
        break;
    case S_LIKE:
        if ((status = write_operand(s, t, t->left, err)) == FLY_OK) {
            put(s, " like_regex ");
            fly__vec_json_put_quoted(s, t->text);
            if (t->flags.len > 0) {
                put(s, " flag ");
                fly__vec_json_put_quoted(s, t->flags);
            }
        }
        break;
    default:
        if ((status = write_operand(s, t, t->left, err)) == FLY_OK) {
            put(s, names[t->kind]);
            status = write_operand(s, t, t->right, err);
        }
        break;
    }
    put(s, brackets && t->kind != S_NOT && t->kind != S_EXISTS && t->kind != S_UNKNOWN ? ")" : "");
    return status;
}

static fly_status write_step(fly__vec_sink *s, const step *t, bool brackets, fly_err *err)
{
    fly_status status = t->kind >= S_ADD ? write_operator(s, t, brackets || t->next != NULL, err)
                                         : write_primary(s, t, err);
    for (t = t->next; t != NULL && status == FLY_OK; t = t->next) {
        status = write_primary(s, t, err);
    }
    return status;
}

fly_status fly_vec_jsonpath_format(const fly_vec_jsonpath *path, fly_arena *arena, fly_vec_str *out,
                                   fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, 64);
    put(&s, path->strict ? "strict " : "");
    fly_status status = write_step(&s, path->root, true, err);
    return status == FLY_OK ? fly__vec_sink_give(&s, out, err) : status;
}
