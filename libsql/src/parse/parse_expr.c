/*
 * Expressions, by precedence climbing (Richards and Whitby-Strevens, BCPL, 1979; Pratt, POPL 1973).
 *
 * climb(least) reads an operand and then operators that bind at least as strongly as `least`:
 *
 *      1  OR             left          8  any other operator     left, and prefix
 *      2  AND            left          9  + -                    left
 *      3  NOT            prefix       10  * / %                  left
 *      4  IS ISNULL      none         11  ^                      left
 *      5  < > = <= >= <> none         12  AT TIME ZONE           left
 *      6  BETWEEN IN     none         13  COLLATE                left
 *         LIKE SIMILAR                14  + -                    prefix
 *                                     15  ::                     left
 *
 * "none": a < b < c is an error. That of the operators before which the right operand ended is kept in
 * `used`, and another of the same strength refused. What ends without an operand (IS NULL, IN (...))
 * may be followed by anything.
 *
 * There are two kinds of expression. The bounds of BETWEEN, and few other places, take the lesser one
 * (b_expr in PostgreSQL's grammar), which has no AND, OR, NOT, IN, LIKE, BETWEEN, COLLATE and AT.
 *
 * A parenthesis may turn out to hold a query, an expression or a row; nobody can tell from outside
 * (((SELECT 1)) + 2). paren() reads what it finds and says what it was.
 */
#include "parse/parse_int.h"

enum {
    BP_OR = 1,
    BP_AND,
    BP_NOT,
    BP_IS,
    BP_COMPARISON,
    BP_LIKE,
    BP_ESCAPE,
    BP_OPERATOR,
    BP_ADD,
    BP_MULTIPLY,
    BP_POWER,
    BP_AT,
    BP_COLLATE,
    BP_SIGN,
    BP_CAST
};

static fly_ast *climb(fly_sql_parser *p, int least, bool lesser);
static fly_ast *climb_from(fly_sql_parser *p, fly_ast *left, int least, bool lesser);
static fly_ast *operand(fly_sql_parser *p, bool lesser);

fly_ast *fly__sql_gram_expr(fly_sql_parser *p)
{
    return climb(p, BP_OR, false);
}

fly_ast *fly__sql_gram_b_expr(fly_sql_parser *p)
{
    return climb(p, BP_IS, true);
}

static fly_ast *row_of(fly_sql_parser *p, fly_ast_list items, bool written, uint32_t pos)
{
    fly_ast_row *row = NEW(p, row, ROW, pos);
    row->items = items;
    row->explicit = written;
    return &row->node;
}

static fly_ast_call *call_of(fly_sql_parser *p, const char *name, fly_ast_call_form form,
                             uint32_t pos)
{
    fly_ast_call *call = NEW(p, call, CALL, pos);
    uint32_t mark = p->top;
    push_name(p, "pg_catalog");
    push_name(p, name);
    call->name = fly__sql_gram_take_names(p, mark);
    call->form = form;
    return call;
}

static fly_ast *cast_of(fly_sql_parser *p, fly_ast *arg, fly_ast *type, fly_ast_cast_form form,
                        uint32_t pos)
{
    fly_ast_cast *cast = NEW(p, cast, CAST, pos);
    cast->arg = arg;
    cast->type = type;
    cast->form = form;
    return &cast->node;
}

/* ------------------------------------------------------------------------------- operators */

/* An operator's token as its name. != is <>. */
static const char *operator_text(fly_sql_parser *p)
{
    static const char singles[] = "+\0-\0*\0/\0%\0^\0<\0>\0=";
    uint16_t type = p->tok.type;
    const char *name;
    fly_bytes value = {0};
    uint32_t where;
    switch (type) {
    case FLY_TOKEN_LESS_EQUAL:
        name = "<=";
        break;
    case FLY_TOKEN_GREATER_EQUAL:
        name = ">=";
        break;
    case FLY_TOKEN_NOT_EQUAL:
        name = "<>";
        break;
    case FLY_TOKEN_OP:
        if (fly__sql_token_value(p->arena, p->lexer.text, &p->tok, 0, &value, &name, &where) !=
            FLY_OK) {
            fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
            return "";
        }
        name = (const char *)value.data;
        break;
    default:
        name = type < 128 && type != 0 ? memchr(singles, type, sizeof singles) : NULL;
        if (name == NULL) {
            (void)at(p, FLY_TOKEN_OP);
            fly__sql_gram_syntax(p);
            return "";
        }
    }
    next(p);
    return name;
}

fly_ast_names fly__sql_gram_operator_name(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    while (fly__sql_gram_is_col_id(p->tok.type)) {
        push_name(p, fly__sql_gram_name_value(p));
        expect(p, '.');
    }
    push_name(p, operator_text(p));
    return fly__sql_gram_take_names(p, mark);
}

void fly__sql_gram_operator(fly_sql_parser *p, const char **schema, const char **op)
{
    *schema = NULL;
    if (!accept(p, FLY_KW_OPERATOR)) {
        *op = operator_text(p);
        return;
    }
    uint32_t pos = here(p);
    expect(p, '(');
    fly_ast_names names = fly__sql_gram_operator_name(p);
    expect(p, ')');
    if (names.count > 2) {
        SYNTAX_MESSAGE(p, pos, "improper qualified name (too many dotted names)");
    }
    if (!failed(p)) {
        *op = names.items[names.count - 1];
        *schema = names.count == 2 ? names.items[0] : NULL;
    }
}

static fly_ast *op_of(fly_sql_parser *p, const char *op, fly_ast *left, fly_ast *right,
                      uint32_t pos)
{
    fly_ast_op *node = NEW(p, op, OP, pos);
    node->op = op;
    node->left = left;
    node->right = right;
    return &node->node;
}

/* op ANY|ALL|SOME (query or array), after the operator. */
static fly_ast *quantified(fly_sql_parser *p, fly_ast *left, const char *schema, const char *op,
                           uint32_t pos);

static bool at_quantifier(fly_sql_parser *p)
{
    return p->tok.type == FLY_KW_ANY || p->tok.type == FLY_KW_ALL || p->tok.type == FLY_KW_SOME;
}

/* A binary operator that is current, and what follows. */
static fly_ast *binary(fly_sql_parser *p, fly_ast *left, int power, bool lesser)
{
    const char *schema = NULL;
    const char *op = "";
    uint32_t pos = here(p);
    fly__sql_gram_operator(p, &schema, &op);
    if (!lesser && at_quantifier(p)) {
        return quantified(p, left, schema, op, pos);
    }
    fly_ast *right = climb(p, power + 1, lesser);
    fly_ast *node = op_of(p, op, left, right, pos);
    ((fly_ast_op *)node)->schema = schema;
    return node;
}

/* a AND b AND c is one node. The grammar's own grouping does not show: AND is associative. */
static fly_ast *logical(fly_sql_parser *p, fly_ast *left, int power)
{
    uint16_t word = p->tok.type;
    uint32_t mark = p->top;
    fly_ast_bool *node = NEW(p, bool, BOOL, here(p));
    node->type = word == FLY_KW_AND ? FLY_AST_BOOL_AND : FLY_AST_BOOL_OR;
    push(p, left);
    while (accept(p, word)) {
        push(p, climb(p, power + 1, false));
    }
    node->args = fly__sql_gram_take(p, mark);
    return &node->node;
}

/* After IS. */
static fly_ast *is_test(fly_sql_parser *p, fly_ast *left, bool lesser, uint32_t pos,
                        bool *ends_open)
{
    bool negated = accept(p, FLY_KW_NOT);
    if (at(p, FLY_KW_DISTINCT)) {
        next(p);
        expect(p, FLY_KW_FROM);
        fly_ast_distinct *distinct = NEW(p, distinct, DISTINCT, pos);
        distinct->negated = negated;
        distinct->left = left;
        distinct->right = climb(p, BP_IS + 1, lesser);
        *ends_open = true;
        return &distinct->node;
    }
    fly_ast_is *is = NEW(p, is, IS, pos);
    is->arg = left;
    is->negated = negated;
    if (lesser && !at(p, FLY_KW_DOCUMENT)) {
        fly__sql_gram_syntax(p);
        return &is->node;
    }
    if (accept(p, FLY_KW_DOCUMENT)) {
        is->type = FLY_AST_IS_DOCUMENT;
    } else if (accept(p, FLY_KW_NULL)) {
        is->type = FLY_AST_IS_NULL;
    } else if (accept(p, FLY_KW_TRUE)) {
        is->type = FLY_AST_IS_TRUE;
    } else if (accept(p, FLY_KW_FALSE)) {
        is->type = FLY_AST_IS_FALSE;
    } else if (accept(p, FLY_KW_UNKNOWN)) {
        is->type = FLY_AST_IS_UNKNOWN;
    } else if (at(p, FLY_KW_NFC) || at(p, FLY_KW_NFD) || at(p, FLY_KW_NFKC) || at(p, FLY_KW_NFKD)) {
        is->form = fly__sql_gram_name_value(p);
        is->type = FLY_AST_IS_NORMALIZED;
        expect(p, FLY_KW_NORMALIZED);
    } else if (accept(p, FLY_KW_NORMALIZED)) {
        is->type = FLY_AST_IS_NORMALIZED;
    } else if (p->options.lax_syntax) { /* SQLite: IS compares anything */
        fly_ast_distinct *distinct = NEW(p, distinct, DISTINCT, pos);
        distinct->negated = !negated;
        distinct->left = left;
        distinct->right = climb(p, BP_IS + 1, false);
        *ends_open = true;
        return &distinct->node;
    } else {
        fly__sql_gram_syntax(p);
    }
    return &is->node;
}

static fly_ast *postfix_is(fly_sql_parser *p, fly_ast *left, bool negated, uint32_t pos)
{
    fly_ast_is *is = NEW(p, is, IS, pos);
    is->arg = left;
    is->negated = negated;
    is->type = FLY_AST_IS_NULL;
    return &is->node;
}

static fly_ast *between(fly_sql_parser *p, fly_ast *left, bool negated, uint32_t pos)
{
    fly_ast_between *node = NEW(p, between, BETWEEN, pos);
    node->arg = left;
    node->negated = negated;
    node->symmetric = accept(p, FLY_KW_SYMMETRIC);
    if (!node->symmetric) {
        (void)accept(p, FLY_KW_ASYMMETRIC);
    }
    node->low = fly__sql_gram_b_expr(p);
    expect(p, FLY_KW_AND);
    node->high = climb(p, BP_LIKE + 1, false);
    return &node->node;
}

/* LIKE, ILIKE, SIMILAR TO, after [NOT] and at the word. */
static fly_ast *like(fly_sql_parser *p, fly_ast *left, bool negated, uint32_t pos)
{
    uint16_t word = p->tok.type;
    next(p);
    if (word == FLY_KW_SIMILAR) {
        expect(p, FLY_KW_TO);
    } else if (at_quantifier(p)) {
        return quantified(
            p, left, NULL,
            word == FLY_KW_LIKE ? (negated ? "!~~" : "~~") : (negated ? "!~~*" : "~~*"), pos);
    }
    fly_ast_like *node = NEW(p, like, LIKE, pos);
    node->arg = left;
    node->negated = negated;
    node->type = word == FLY_KW_LIKE    ? FLY_AST_LIKE_LIKE
                 : word == FLY_KW_ILIKE ? FLY_AST_LIKE_ILIKE
                                        : FLY_AST_LIKE_SIMILAR;
    node->pattern = climb(p, BP_LIKE + 1, false);
    if (accept(p, FLY_KW_ESCAPE)) {
        node->escape = climb(p, BP_LIKE + 1, false);
    }
    return &node->node;
}

/* ----------------------------------------------------------------------------- parentheses */

static fly_ast *sublink(fly_sql_parser *p, fly_ast_sublink_kind type, fly_ast *query, uint32_t pos)
{
    fly_ast_sublink *link = NEW(p, sublink, SUBLINK, pos);
    link->type = type;
    link->query = query;
    return &link->node;
}

/* .name, .*, [i], [i:j] after an operand. */
static fly_ast *indirect(fly_sql_parser *p, fly_ast *arg)
{
    for (;;) {
        uint32_t pos = here(p);
        if (accept(p, '.')) {
            fly_ast_field *field = NEW(p, field, FIELD, pos);
            field->arg = arg;
            if (!accept(p, '*')) {
                field->name = fly__sql_gram_label(p);
            }
            arg = &field->node;
        } else if (accept(p, '[')) {
            fly_ast_subscript *subscript = NEW(p, subscript, SUBSCRIPT, pos);
            subscript->arg = arg;
            if (!at(p, ':')) {
                subscript->upper = fly__sql_gram_expr(p);
            }
            if (accept(p, ':')) {
                subscript->slice = true;
                subscript->lower = subscript->upper;
                subscript->upper = at(p, ']') ? NULL : fly__sql_gram_expr(p);
            }
            expect(p, ']');
            arg = &subscript->node;
        } else {
            return arg;
        }
        grow(p);
    }
}

fly_ast_list fly__sql_gram_indirection(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    while (p->tok.type == '.' || p->tok.type == '[') {
        fly_ast *step = NULL;
        uint32_t pos = here(p);
        if (accept(p, '.')) {
            fly_ast_field *field = NEW(p, field, FIELD, pos);
            if (!accept(p, '*')) {
                field->name = fly__sql_gram_label(p);
            }
            step = &field->node;
        } else {
            fly_ast_subscript *subscript = NEW(p, subscript, SUBSCRIPT, pos);
            next(p);
            if (!at(p, ':')) {
                subscript->upper = fly__sql_gram_expr(p);
            }
            if (accept(p, ':')) {
                subscript->slice = true;
                subscript->lower = subscript->upper;
                subscript->upper = at(p, ']') ? NULL : fly__sql_gram_expr(p);
            }
            expect(p, ']');
            step = &subscript->node;
        }
        push(p, step);
    }
    return fly__sql_gram_take(p, mark);
}

/*
 * After an opening parenthesis: its content, and the closing one. `is_query`: one query, which is the
 * only item.
 */
static fly_ast_list paren(fly_sql_parser *p, bool *is_query)
{
    uint32_t outer;
    uint32_t mark = p->top;
    fly_ast *first;
    enter(p, &outer);
    *is_query = false;
    if (p->tok.type != '(' && fly__sql_gram_at_select(p)) {
        *is_query = true;
        first = fly__sql_gram_select(p);
    } else if (p->tok.type == '(') {
        uint32_t pos = here(p);
        next(p);
        bool inner_query;
        fly_ast_list inner = paren(p, &inner_query);
        first = inner.count == 1 ? inner.items[0] : row_of(p, inner, false, pos);
        if (inner_query && at(p, ')')) {
            *is_query = true;
        } else if (inner_query && fly__sql_gram_at_select_rest(p)) {
            *is_query = true;
            first = fly__sql_gram_select_rest(p, first);
        } else {
            if (inner_query) {
                first = sublink(p, FLY_AST_SUBLINK_EXPR, first, pos);
            }
            first = climb_from(p, indirect(p, first), BP_OR, false);
        }
    } else {
        first = fly__sql_gram_expr(p);
    }
    push(p, first);
    if (!*is_query) {
        while (accept(p, ',')) {
            push(p, fly__sql_gram_expr(p));
        }
    }
    expect(p, ')');
    leave(p, outer);
    return fly__sql_gram_take(p, mark);
}

/* At ( as an operand. */
static fly_ast *paren_operand(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    bool is_query;
    next(p);
    fly_ast_list items = paren(p, &is_query);
    if (failed(p)) {
        return fly__sql_gram_const_null(p, pos);
    }
    if (items.count > 1) {
        return row_of(p, items, false, pos);
    }
    return indirect(p, is_query ? sublink(p, FLY_AST_SUBLINK_EXPR, items.items[0], pos)
                                : items.items[0]);
}

static fly_ast *quantified(fly_sql_parser *p, fly_ast *left, const char *schema, const char *op,
                           uint32_t pos)
{
    bool all = p->tok.type == FLY_KW_ALL;
    bool is_query;
    next(p);
    expect(p, '(');
    fly_ast_list items = paren(p, &is_query);
    if (items.count != 1) {
        fly__sql_gram_syntax(p);
        return left;
    }
    if (is_query) {
        fly_ast_sublink *link = NEW(p, sublink, SUBLINK, pos);
        link->type = all ? FLY_AST_SUBLINK_ALL : FLY_AST_SUBLINK_ANY;
        link->arg = left;
        link->schema = schema;
        link->op = op;
        link->query = items.items[0];
        return &link->node;
    }
    fly_ast_quantified *node = NEW(p, quantified, QUANTIFIED, pos);
    node->all = all;
    node->arg = left;
    node->schema = schema;
    node->op = op;
    node->array = items.items[0];
    return &node->node;
}

/* lax: arg IN table means arg IN (TABLE table). */
static fly_ast *in_table(fly_sql_parser *p)
{
    fly_ast_select *select = NEW(p, select, SELECT, here(p));
    fly_ast_target *target = NEW(p, target, TARGET, here(p));
    fly_ast_column *column = NEW(p, column, COLUMN, here(p));
    column->star = true;
    target->expr = &column->node;
    select->targets = fly__sql_gram_one(p, &target->node);
    select->from = fly__sql_gram_one(p, fly__sql_gram_relation(p));
    return &select->node;
}

/* After IN. */
static fly_ast *in(fly_sql_parser *p, fly_ast *left, bool negated, uint32_t pos)
{
    bool is_query = false;
    fly_ast_list items = {0};
    bool lax = p->options.lax_syntax;
    if (lax && p->tok.type != '(' && fly__sql_gram_is_col_id(p->tok.type)) {
        items = fly__sql_gram_one(p, in_table(p));
        is_query = true;
    } else {
        expect(p, '(');
        if (!lax || !accept(p, ')')) {
            items = paren(p, &is_query);
        }
    }
    if (is_query && !failed(p)) {
        fly_ast_sublink *link = NEW(p, sublink, SUBLINK, pos);
        link->type = FLY_AST_SUBLINK_IN;
        link->negated = negated;
        link->arg = left;
        link->query = items.items[0];
        return &link->node;
    }
    fly_ast_in *node = NEW(p, in, IN, pos);
    node->negated = negated;
    node->arg = left;
    node->items = items;
    return &node->node;
}

/* --------------------------------------------------------------------------------- climbing */

/* NOT before BETWEEN, IN and LIKE, or alone. */
static fly_ast *like_family(fly_sql_parser *p, fly_ast *left, bool negated, uint32_t pos,
                            bool *ends_open)
{
    switch (p->tok.type) {
    case FLY_KW_BETWEEN:
        next(p);
        *ends_open = true;
        return between(p, left, negated, pos);
    case FLY_KW_IN:
        next(p);
        return in(p, left, negated, pos);
    default:
        *ends_open = true;
        return like(p, left, negated, pos);
    }
}

static bool is_like_word(uint16_t type)
{
    return type == FLY_KW_BETWEEN || type == FLY_KW_IN || type == FLY_KW_LIKE ||
           type == FLY_KW_ILIKE || type == FLY_KW_SIMILAR;
}

/* How strongly the current token binds as an operator after an operand; 0: it is none. */
static int power_of(fly_sql_parser *p, bool lesser)
{
    switch (p->tok.type) {
    case FLY_TOKEN_CAST:
        return BP_CAST;
    case '^':
        return BP_POWER;
    case '*':
    case '/':
    case '%':
        return BP_MULTIPLY;
    case '+':
    case '-':
        return BP_ADD;
    case FLY_TOKEN_OP:
    case FLY_KW_OPERATOR:
        return BP_OPERATOR;
    case '<':
    case '>':
    case '=':
    case FLY_TOKEN_LESS_EQUAL:
    case FLY_TOKEN_GREATER_EQUAL:
    case FLY_TOKEN_NOT_EQUAL:
        return BP_COMPARISON;
    case FLY_KW_IS:
        return BP_IS;
    default:
        break;
    }
    if (lesser) {
        return 0;
    }
    switch (p->tok.type) {
    case FLY_KW_AND:
        return BP_AND;
    case FLY_KW_OR:
        return BP_OR;
    case FLY_KW_ISNULL:
    case FLY_KW_NOTNULL:
        return BP_IS;
    case FLY_KW_BETWEEN:
    case FLY_KW_IN:
    case FLY_KW_LIKE:
    case FLY_KW_ILIKE:
        return BP_LIKE;
    case FLY_KW_SIMILAR: /* alone it is a word of substring(... SIMILAR ... ESCAPE ...) */
        return peek(p) == FLY_KW_TO ? BP_LIKE : 0;
    case FLY_KW_NOT:
        if (p->options.lax_syntax && peek(p) == FLY_KW_NULL) {
            return BP_IS;
        }
        return is_like_word(peek(p)) ? BP_LIKE : 0;
    case FLY_KW_AT:
        return peek(p) == FLY_KW_TIME ? BP_AT : 0;
    case FLY_KW_COLLATE:
        return BP_COLLATE;
    default:
        return 0;
    }
}

static fly_ast *at_time_zone(fly_sql_parser *p, fly_ast *left, uint32_t pos)
{
    next(p);
    expect(p, FLY_KW_TIME);
    expect(p, FLY_KW_ZONE);
    fly_ast_call *call = call_of(p, "timezone", FLY_AST_CALL_AT_TIME_ZONE, pos);
    uint32_t mark = p->top;
    push(p, climb(p, BP_AT + 1, false));
    push(p, left);
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

/* IS and its like. */
static fly_ast *is_family(fly_sql_parser *p, fly_ast *left, bool lesser, bool *ends_open)
{
    uint32_t pos = here(p);
    uint16_t word = p->tok.type;
    next(p);
    if (word == FLY_KW_IS) {
        return is_test(p, left, lesser, pos, ends_open);
    }
    if (word == FLY_KW_NOT) {
        expect(p, FLY_KW_NULL);
    }
    return postfix_is(p, left, word != FLY_KW_ISNULL, pos);
}

/* One operator that is current, and its right side. */
static fly_ast *step(fly_sql_parser *p, fly_ast *left, int power, bool lesser, bool *ends_open)
{
    uint32_t pos = here(p);
    *ends_open = false;
    switch (power) {
    case BP_OR:
    case BP_AND:
        return logical(p, left, power);
    case BP_IS:
        return is_family(p, left, lesser, ends_open);
    case BP_COMPARISON:
        left = binary(p, left, power, lesser);
        *ends_open = is_kind(left, FLY_AST_OP);
        return left;
    case BP_LIKE: {
        bool negated = accept(p, FLY_KW_NOT);
        left = like_family(p, left, negated, pos, ends_open);
        *ends_open = *ends_open && !is_kind(left, FLY_AST_QUANTIFIED) &&
                     !is_kind(left, FLY_AST_SUBLINK);
        return left;
    }
    case BP_AT:
        return at_time_zone(p, left, pos);
    case BP_COLLATE: {
        fly_ast_collate *collate = NEW(p, collate, COLLATE, pos);
        next(p);
        collate->arg = left;
        collate->collation = fly__sql_gram_any_name(p);
        return &collate->node;
    }
    case BP_CAST:
        next(p);
        return cast_of(p, left, fly__sql_gram_type(p), FLY_AST_CAST_COLONS, pos);
    default:
        return binary(p, left, power, lesser);
    }
}

static fly_ast *climb_from(fly_sql_parser *p, fly_ast *left, int least, bool lesser)
{
    int used = 0;
    for (;;) {
        int power = power_of(p, lesser);
        if (power < least || power == 0) {
            return left;
        }
        if (power == used) {
            fly__sql_gram_syntax(p);
            return left;
        }
        bool ends_open;
        left = step(p, left, power, lesser, &ends_open);
        used = ends_open ? power : 0;
        grow(p);
    }
}

/* NOT, signs and other operators before an operand. */
static fly_ast *prefix(fly_sql_parser *p, bool lesser)
{
    uint32_t pos = here(p);
    const char *schema = NULL;
    const char *op = "";
    fly_ast *node;
    switch (p->tok.type) {
    case FLY_KW_NOT: {
        if (lesser) {
            break;
        }
        next(p);
        fly_ast_bool *negation = NEW(p, bool, BOOL, pos);
        negation->type = FLY_AST_BOOL_NOT;
        negation->args = fly__sql_gram_one(p, climb(p, BP_NOT, false));
        return &negation->node;
    }
    case '-':
        next(p);
        node = climb(p, BP_SIGN + 1, lesser);
        if (is_kind(node, FLY_AST_CONST)) {
            fly_ast_const_kind type = ((fly_ast_const *)node)->type;
            if (type == FLY_AST_CONST_INT || type == FLY_AST_CONST_NUMERIC) {
                return fly__sql_gram_negate(p, node, pos);
            }
        }
        return op_of(p, "-", NULL, node, pos);
    case '+':
        next(p);
        return op_of(p, "+", NULL, climb(p, BP_SIGN + 1, lesser), pos);
    case FLY_TOKEN_OP:
    case FLY_KW_OPERATOR:
        fly__sql_gram_operator(p, &schema, &op);
        node = op_of(p, op, NULL, NULL, pos);
        ((fly_ast_op *)node)->right = climb(p, BP_OPERATOR + 1, lesser);
        ((fly_ast_op *)node)->schema = schema;
        return node;
    default:
        break;
    }
    return operand(p, lesser);
}

static fly_ast *climb(fly_sql_parser *p, int least, bool lesser)
{
    uint32_t outer;
    enter(p, &outer);
    p->windowless = false;
    fly_ast *node = climb_from(p, prefix(p, lesser), least, lesser);
    leave(p, outer);
    return node;
}

/* ------------------------------------------------------------------------------------ calls */

static fly_ast *call_arg(fly_sql_parser *p)
{
    if (fly__sql_gram_is_type_name(p->tok.type)) {
        uint16_t after = peek(p);
        if (after == FLY_TOKEN_ARROW || after == FLY_TOKEN_COLON_EQUALS) {
            fly_ast_named_arg *named = NEW(p, named_arg, NAMED_ARG, here(p));
            named->name = fly__sql_gram_name_value(p);
            next(p);
            named->arg = fly__sql_gram_expr(p);
            return &named->node;
        }
    }
    return fly__sql_gram_expr(p);
}

/* Between the parentheses of a call. */
static void call_args(fly_sql_parser *p, fly_ast_call *call)
{
    expect(p, '(');
    if (accept(p, ')')) {
        return;
    }
    if (p->tok.type == '*') {
        next(p);
        call->star = true;
        expect(p, ')');
        return;
    }
    if (accept(p, FLY_KW_DISTINCT)) {
        call->distinct = true;
    } else if (!accept(p, FLY_KW_ALL)) {
        call->variadic = accept(p, FLY_KW_VARIADIC);
    }
    uint32_t mark = p->top;
    push(p, call_arg(p));
    while (!call->variadic && accept(p, ',')) {
        call->variadic = !call->distinct && accept(p, FLY_KW_VARIADIC);
        push(p, call_arg(p));
    }
    call->args = fly__sql_gram_take(p, mark);
    call->order_by = fly__sql_gram_order_by(p);
    expect(p, ')');
}

/* WITHIN GROUP, FILTER and OVER. */
static void call_rest(fly_sql_parser *p, fly_ast_call *call)
{
    uint32_t pos = here(p);
    if (p->tok.type == FLY_KW_WITHIN) {
        next(p);
        expect(p, FLY_KW_GROUP);
        expect(p, '(');
        if (call->order_by.count > 0) {
            SYNTAX_MESSAGE(p, pos, "cannot use multiple ORDER BY clauses with WITHIN GROUP");
        } else if (call->distinct) {
            SYNTAX_MESSAGE(p, pos, "cannot use DISTINCT with WITHIN GROUP");
        } else if (call->variadic) {
            SYNTAX_MESSAGE(p, pos, "cannot use VARIADIC with WITHIN GROUP");
        }
        if (!at(p, FLY_KW_ORDER)) {
            fly__sql_gram_syntax(p);
        }
        call->order_by = fly__sql_gram_order_by(p);
        call->within_group = true;
        expect(p, ')');
    }
    if (p->tok.type == FLY_KW_FILTER && peek(p) == '(') {
        next(p);
        next(p);
        expect(p, FLY_KW_WHERE);
        call->filter = fly__sql_gram_expr(p);
        expect(p, ')');
    }
    if (p->tok.type == FLY_KW_OVER) {
        next(p);
        if (p->tok.type == '(') {
            call->over = fly__sql_gram_window(p);
        } else {
            fly_ast_window *window = NEW(p, window, WINDOW, here(p));
            window->bare = true;
            window->ref = fly__sql_gram_col_id(p);
            call->over = &window->node;
        }
    }
}

/* name(args) [string]: a call, or a literal of a type with modifiers. */
static fly_ast *call_or_literal(fly_sql_parser *p, fly_ast_names name, uint32_t pos)
{
    fly_ast_call *call = NEW(p, call, CALL, pos);
    bool windowless = p->windowless;
    call->name = name;
    call_args(p, call);
    if (is_string_token(p->tok.type) && !call->star && !call->distinct && !call->variadic &&
        call->args.count > 0) {
        fly_ast_type *type = NEW(p, type, TYPE, pos);
        type->names = name;
        type->modifiers = call->args;
        if (call->order_by.count > 0) {
            SYNTAX_MESSAGE(p, pos, "type modifier cannot have ORDER BY");
        }
        for (uint32_t i = 0; i < call->args.count && !failed(p); i++) {
            if (is_kind(call->args.items[i], FLY_AST_NAMED_ARG)) {
                SYNTAX_MESSAGE(p, call->args.items[i]->pos,
                               "type modifier cannot have parameter name");
            }
        }
        return cast_of(p, fly__sql_gram_string(p), &type->node, FLY_AST_CAST_LITERAL, pos);
    }
    if (!windowless) {
        call_rest(p, call);
    }
    return &call->node;
}

/* A name and what it turns out to begin: a column, a call, a literal of a type. */
static fly_ast *name_operand(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    uint32_t mark = p->top;
    bool column = fly__sql_gram_is_col_id(p->tok.type);
    bool callable = fly__sql_gram_is_type_name(p->tok.type);
    bool star = false;
    push_name(p, fly__sql_gram_name_value(p));
    while (column && p->tok.type == '.') {
        next(p);
        callable = true;
        if (accept(p, '*')) {
            star = true;
            break;
        }
        push_name(p, fly__sql_gram_label(p));
    }
    fly_ast_names names = fly__sql_gram_take_names(p, mark);
    if (callable && !star && p->tok.type == '(') {
        return call_or_literal(p, names, pos);
    }
    if (callable && !star && is_string_token(p->tok.type)) {
        fly_ast_type *type = NEW(p, type, TYPE, pos);
        type->names = names;
        return cast_of(p, fly__sql_gram_string(p), &type->node, FLY_AST_CAST_LITERAL, pos);
    }
    if (!column) {
        (void)at(p, '(');
        fly__sql_gram_syntax(p);
    }
    fly_ast_column *node = NEW(p, column, COLUMN, pos);
    node->names = names;
    node->star = star;
    return star ? &node->node : indirect(p, &node->node);
}

fly_ast *fly__sql_gram_call(fly_sql_parser *p)
{
    p->windowless = true;
    fly_ast *node = operand(p, false);
    p->windowless = false;
    switch (node->kind) {
    case FLY_AST_CALL:
    case FLY_AST_SPECIAL:
    case FLY_AST_SQL_VALUE:
    case FLY_AST_CAST:
        break;
    default:
        (void)at(p, '(');
        fly__sql_gram_syntax(p);
    }
    return node;
}

/* ------------------------------------------------------------- calls with their own grammar */

static fly_ast *string_arg(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (fly__sql_gram_at_string(p)) {
        return fly__sql_gram_string(p);
    }
    bool word = p->tok.type == FLY_TOKEN_IDENT || p->tok.type == FLY_TOKEN_QUOTED ||
                p->tok.type == FLY_TOKEN_UQUOTED || p->tok.type == FLY_KW_YEAR ||
                p->tok.type == FLY_KW_MONTH || p->tok.type == FLY_KW_DAY ||
                p->tok.type == FLY_KW_HOUR || p->tok.type == FLY_KW_MINUTE ||
                p->tok.type == FLY_KW_SECOND;
    if (!word) {
        (void)at(p, FLY_TOKEN_IDENT);
        fly__sql_gram_syntax(p);
        return fly__sql_gram_const_null(p, pos);
    }
    return fly__sql_gram_const_string(p, fly__sql_gram_name_value(p), pos);
}

/* EXTRACT(field FROM x), after the word. */
static fly_ast *extract(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_call *call = call_of(p, "extract", FLY_AST_CALL_EXTRACT, pos);
    uint32_t mark = p->top;
    expect(p, '(');
    push(p, string_arg(p));
    expect(p, FLY_KW_FROM);
    push(p, fly__sql_gram_expr(p));
    expect(p, ')');
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

/* The ordinary arguments of a call whose special form was not used, as (a, b, c); some may be there. */
static fly_ast *ordinary(fly_sql_parser *p, const char *name, uint32_t mark, uint32_t pos)
{
    fly_ast_call *call = NEW(p, call, CALL, pos);
    while (accept(p, ',')) {
        push(p, call_arg(p));
    }
    expect(p, ')');
    call->args = fly__sql_gram_take(p, mark);
    call->name = fly__sql_gram_one_name(p, name);
    return &call->node;
}

static fly_ast *overlay(fly_sql_parser *p, uint32_t pos)
{
    uint32_t mark = p->top;
    expect(p, '(');
    if (accept(p, ')')) {
        fly_ast_call *empty = NEW(p, call, CALL, pos);
        empty->name = fly__sql_gram_one_name(p, "overlay");
        return &empty->node;
    }
    push(p, call_arg(p));
    if (!accept(p, FLY_KW_PLACING)) {
        return ordinary(p, "overlay", mark, pos);
    }
    fly_ast_call *call = call_of(p, "overlay", FLY_AST_CALL_OVERLAY, pos);
    push(p, fly__sql_gram_expr(p));
    expect(p, FLY_KW_FROM);
    push(p, fly__sql_gram_expr(p));
    if (accept(p, FLY_KW_FOR)) {
        push(p, fly__sql_gram_expr(p));
    }
    expect(p, ')');
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

/* POSITION(a IN b) has the arguments of position(b, a). */
static fly_ast *position(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_call *call = call_of(p, "position", FLY_AST_CALL_POSITION, pos);
    uint32_t mark = p->top;
    expect(p, '(');
    fly_ast *what = fly__sql_gram_b_expr(p);
    expect(p, FLY_KW_IN);
    push(p, fly__sql_gram_b_expr(p));
    push(p, what);
    expect(p, ')');
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

static fly_ast *substring(fly_sql_parser *p, uint32_t pos)
{
    uint32_t mark = p->top;
    expect(p, '(');
    if (accept(p, ')')) {
        fly_ast_call *empty = NEW(p, call, CALL, pos);
        empty->name = fly__sql_gram_one_name(p, "substring");
        return &empty->node;
    }
    push(p, call_arg(p));
    fly_ast_call *call;
    if (accept(p, FLY_KW_FROM)) {
        call = call_of(p, "substring", FLY_AST_CALL_SUBSTRING, pos);
        push(p, fly__sql_gram_expr(p));
        if (accept(p, FLY_KW_FOR)) {
            push(p, fly__sql_gram_expr(p));
        }
    } else if (accept(p, FLY_KW_FOR)) {
        call = call_of(p, "substring", FLY_AST_CALL_SUBSTRING, pos);
        fly_ast *count = fly__sql_gram_expr(p);
        if (accept(p, FLY_KW_FROM)) {
            push(p, fly__sql_gram_expr(p));
            push(p, count);
        } else { /* FOR alone counts from the first character */
            fly_ast_type *type = NEW(p, type, TYPE, 0);
            uint32_t names = p->top;
            push_name(p, "pg_catalog");
            push_name(p, "int4");
            type->names = fly__sql_gram_take_names(p, names);
            push(p, fly__sql_gram_const_int(p, 1, 0));
            push(p, cast_of(p, count, &type->node, FLY_AST_CAST_COLONS, 0));
        }
    } else if (accept(p, FLY_KW_SIMILAR)) {
        call = call_of(p, "substring", FLY_AST_CALL_SUBSTRING_SIMILAR, pos);
        push(p, fly__sql_gram_expr(p));
        expect(p, FLY_KW_ESCAPE);
        push(p, fly__sql_gram_expr(p));
    } else {
        return ordinary(p, "substring", mark, pos);
    }
    expect(p, ')');
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

/* TRIM([LEADING] [characters] FROM text), TRIM(text [, characters]). */
static fly_ast *trim(fly_sql_parser *p, uint32_t pos)
{
    const char *name = "btrim";
    fly_ast_call_form form = FLY_AST_CALL_TRIM_BOTH;
    uint32_t mark = p->top;
    expect(p, '(');
    if (accept(p, FLY_KW_LEADING)) {
        name = "ltrim";
        form = FLY_AST_CALL_TRIM_LEADING;
    } else if (accept(p, FLY_KW_TRAILING)) {
        name = "rtrim";
        form = FLY_AST_CALL_TRIM_TRAILING;
    } else {
        (void)accept(p, FLY_KW_BOTH);
    }
    fly_ast_call *call = call_of(p, name, form, pos);
    fly_ast *characters = NULL;
    if (!accept(p, FLY_KW_FROM)) {
        characters = fly__sql_gram_expr(p);
        if (!accept(p, FLY_KW_FROM)) {
            push(p, characters); /* it was the text */
            characters = NULL;
            while (accept(p, ',')) {
                push(p, fly__sql_gram_expr(p));
            }
            expect(p, ')');
            call->args = fly__sql_gram_take(p, mark);
            return &call->node;
        }
    }
    do {
        push(p, fly__sql_gram_expr(p));
    } while (accept(p, ','));
    if (characters != NULL) {
        push(p, characters);
    }
    expect(p, ')');
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

static fly_ast *normalize(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_call *call = call_of(p, "normalize", FLY_AST_CALL_NORMALIZE, pos);
    uint32_t mark = p->top;
    expect(p, '(');
    push(p, fly__sql_gram_expr(p));
    if (accept(p, ',')) {
        uint32_t form = here(p);
        if (p->tok.type != FLY_KW_NFC && p->tok.type != FLY_KW_NFD && p->tok.type != FLY_KW_NFKC &&
            p->tok.type != FLY_KW_NFKD) {
            fly__sql_gram_syntax(p);
        } else {
            push(p, fly__sql_gram_const_string(p, fly__sql_gram_name_value(p), form));
        }
    }
    expect(p, ')');
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

/* CURRENT_TIMESTAMP(3) and its like. */
static fly_ast *sql_value(fly_sql_parser *p, fly_ast_value_kind type)
{
    fly_ast_sql_value *value = NEW(p, sql_value, SQL_VALUE, here(p));
    next(p);
    value->type = type;
    value->precision = -1;
    bool precise = type >= FLY_AST_VALUE_CURRENT_TIME && type <= FLY_AST_VALUE_LOCALTIMESTAMP;
    if (precise && accept(p, '(')) {
        value->precision = fly__sql_gram_int(p);
        expect(p, ')');
    }
    return &value->node;
}

static fly_ast *special(fly_sql_parser *p, fly_ast_special_kind type, uint32_t pos)
{
    fly_ast_special *node = NEW(p, special, SPECIAL, pos);
    node->type = type;
    node->args = fly__sql_gram_parens(p, fly__sql_gram_expr);
    if (type == FLY_AST_SPECIAL_NULLIF && node->args.count != 2) {
        fly__sql_gram_syntax(p);
    }
    return &node->node;
}

static fly_ast *cast(fly_sql_parser *p, uint32_t pos)
{
    expect(p, '(');
    fly_ast *arg = fly__sql_gram_expr(p);
    expect(p, FLY_KW_AS);
    fly_ast *type = p->options.lax_syntax ? fly__sql_gram_column_type(p) : fly__sql_gram_type(p);
    expect(p, ')');
    return cast_of(p, arg, type, FLY_AST_CAST_CAST, pos);
}

/* TREAT(x AS type) is a call of the function that is named as the type is. */
static fly_ast *treat(fly_sql_parser *p, uint32_t pos)
{
    expect(p, '(');
    fly_ast *arg = fly__sql_gram_expr(p);
    expect(p, FLY_KW_AS);
    fly_ast_type *type = (fly_ast_type *)fly__sql_gram_type(p);
    expect(p, ')');
    const char *name = type->names.count > 0 ? type->names.items[type->names.count - 1] : "";
    fly_ast_call *call = call_of(p, name, FLY_AST_CALL_PLAIN, pos);
    call->args = fly__sql_gram_one(p, arg);
    return &call->node;
}

static fly_ast *collation_for(fly_sql_parser *p, uint32_t pos)
{
    expect(p, FLY_KW_FOR);
    expect(p, '(');
    fly_ast_call *call = call_of(p, "pg_collation_for", FLY_AST_CALL_COLLATION_FOR, pos);
    call->args = fly__sql_gram_one(p, fly__sql_gram_expr(p));
    expect(p, ')');
    return &call->node;
}

/* ----------------------------------------------------------------------------------- others */

static fly_ast *when(fly_sql_parser *p)
{
    fly_ast_when *node = NEW(p, when, WHEN, here(p));
    expect(p, FLY_KW_WHEN);
    node->condition = fly__sql_gram_expr(p);
    expect(p, FLY_KW_THEN);
    node->result = fly__sql_gram_expr(p);
    return &node->node;
}

static fly_ast *case_expr(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_case *node = NEW(p, case, CASE, pos);
    next(p);
    if (!at(p, FLY_KW_WHEN)) {
        node->arg = fly__sql_gram_expr(p);
    }
    uint32_t mark = p->top;
    do {
        push(p, when(p));
    } while (at(p, FLY_KW_WHEN));
    node->whens = fly__sql_gram_take(p, mark);
    if (accept(p, FLY_KW_ELSE)) {
        node->otherwise = fly__sql_gram_expr(p);
    }
    expect(p, FLY_KW_END);
    return &node->node;
}

/* [a, b], [[a], [b]] */
static fly_ast *array_items(fly_sql_parser *p)
{
    uint32_t outer;
    enter(p, &outer);
    fly_ast_array *array = NEW(p, array, ARRAY, here(p));
    expect(p, '[');
    if (!at(p, ']')) {
        array->items = fly__sql_gram_list(p, at(p, '[') ? array_items : fly__sql_gram_expr);
    }
    expect(p, ']');
    leave(p, outer);
    return &array->node;
}

static fly_ast *array(fly_sql_parser *p, uint32_t pos)
{
    next(p);
    if (p->tok.type == '(') {
        return sublink(p, FLY_AST_SUBLINK_ARRAY, fly__sql_gram_select_parens(p), pos);
    }
    fly_ast *items = array_items(p);
    items->pos = pos;
    return items;
}

static fly_ast *explicit_row(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_list items = {0};
    next(p);
    expect(p, '(');
    if (!at(p, ')')) {
        items = fly__sql_gram_list(p, fly__sql_gram_expr);
    }
    expect(p, ')');
    return row_of(p, items, true, pos);
}

/* row OVERLAPS row */
static fly_ast *overlaps(fly_sql_parser *p, fly_ast *left)
{
    uint32_t pos = here(p);
    next(p);
    fly_ast *right = p->tok.type == FLY_KW_ROW ? explicit_row(p, here(p)) : paren_operand(p);
    if (!is_kind(left, FLY_AST_ROW) || !is_kind(right, FLY_AST_ROW)) {
        fly__sql_gram_syntax(p);
        return left;
    }
    fly_ast_list a = ((fly_ast_row *)left)->items;
    fly_ast_list b = ((fly_ast_row *)right)->items;
    if (a.count != 2 || b.count != 2) {
        SYNTAX_MESSAGE(p, (a.count != 2 ? left : right)->pos,
                       "wrong number of parameters on %s side of OVERLAPS expression",
                       a.count != 2 ? "left" : "right");
        return left;
    }
    fly_ast_call *call = call_of(p, "overlaps", FLY_AST_CALL_PLAIN, pos);
    uint32_t mark = p->top;
    push(p, a.items[0]);
    push(p, a.items[1]);
    push(p, b.items[0]);
    push(p, b.items[1]);
    call->args = fly__sql_gram_take(p, mark);
    return &call->node;
}

static fly_ast *parameter(fly_sql_parser *p)
{
    fly_ast_param *param = NEW(p, param, PARAM, here(p));
    if (p->tok.type == FLY_TOKEN_QUESTION) {
        param->number = (int64_t)p->params + 1;
    } else {
        for (uint32_t i = p->tok.start + 1; i < p->tok.end && param->number <= INT32_MAX; i++) {
            param->number = param->number * 10 + (p->lexer.text[i] - '0');
        }
    }
    if (param->number > UINT16_MAX) {
        SYNTAX_MESSAGE(p, here(p), "there is no parameter $%lld", (long long)param->number);
    }
    if (param->number > p->params) {
        p->params = (uint32_t)param->number;
    }
    next(p);
    return indirect(p, &param->node);
}

static fly_ast *bits(fly_sql_parser *p)
{
    fly_ast_const *constant = NEW(p, const, CONST, here(p));
    bool hex = p->tok.type == FLY_TOKEN_HEX;
    const char *problem;
    uint32_t where;
    constant->type = hex ? FLY_AST_CONST_HEX : FLY_AST_CONST_BIT;
    fly_sql_token token = p->tok;
    if (fly__sql_token_value(p->arena, p->lexer.text, &token, 0, &constant->text, &problem,
                             &where) != FLY_OK) {
        fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
    }
    for (size_t i = 0; i < constant->text.len; i++) {
        uint8_t byte = constant->text.data[i];
        if (strchr(hex ? "0123456789abcdefABCDEF" : "01", byte) == NULL || byte == 0) {
            fly__sql_gram_fail(p, FLY_E_INVALID, "22P02", here(p),
                               hex ? "\"%c\" is not a valid hexadecimal digit"
                                   : "\"%c\" is not a valid binary digit",
                               byte);
            break;
        }
    }
    next(p);
    return &constant->node;
}

/* INTERVAL 'x' [fields], INTERVAL(n) 'x'; else a column or call of that name. */
static fly_ast *interval(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    uint16_t after = peek(p);
    if (!is_string_token(after) && after != '(') {
        return name_operand(p);
    }
    fly_ast_type *type = NEW(p, type, TYPE, pos);
    uint32_t mark = p->top;
    push_name(p, "pg_catalog");
    push_name(p, "interval");
    type->names = fly__sql_gram_take_names(p, mark);
    next(p);
    if (accept(p, '(')) {
        uint32_t number = here(p);
        type->modifiers =
            fly__sql_gram_one(p, fly__sql_gram_const_int(p, fly__sql_gram_int(p), number));
        expect(p, ')');
        return cast_of(p, fly__sql_gram_string(p), &type->node, FLY_AST_CAST_LITERAL, pos);
    }
    fly_ast *text = fly__sql_gram_string(p);
    type->interval = fly__sql_gram_interval_fields(p, &type->modifiers);
    return cast_of(p, text, &type->node, FLY_AST_CAST_LITERAL, pos);
}

/* A type's word: if a string follows its name, a literal; else a column. */
static fly_ast *type_operand(fly_sql_parser *p)
{
    uint16_t after = peek(p);
    bool more = after == '(' || after == FLY_KW_VARYING || after == FLY_KW_PRECISION ||
                after == FLY_KW_WITH || after == FLY_KW_WITHOUT || is_string_token(after) ||
                after == FLY_KW_CHARACTER || after == FLY_KW_CHAR;
    if (!more || ((after == FLY_KW_WITH || after == FLY_KW_WITHOUT) && peek2(p) != FLY_KW_TIME)) {
        return name_operand(p);
    }
    uint32_t pos = here(p);
    fly_ast *type = fly__sql_gram_const_type(p);
    if (type == NULL) {
        return name_operand(p);
    }
    return cast_of(p, fly__sql_gram_string(p), type, FLY_AST_CAST_LITERAL, pos);
}

static fly_ast *national_string(fly_sql_parser *p)
{
    fly_ast_type *type = NEW(p, type, TYPE, here(p));
    fly_ast_const *text = NEW(p, const, CONST, here(p));
    uint32_t mark = p->top;
    uint32_t pos = here(p);
    push_name(p, "pg_catalog");
    push_name(p, "bpchar");
    type->names = fly__sql_gram_take_names(p, mark);
    p->tok.type = FLY_TOKEN_STRING; /* the quote stands one further */
    p->tok.start++;
    text->type = FLY_AST_CONST_STRING;
    text->text = ((fly_ast_const *)fly__sql_gram_string(p))->text;
    return cast_of(p, &text->node, &type->node, FLY_AST_CAST_LITERAL, pos);
}

static fly_ast *constant_word(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    uint16_t word = p->tok.type;
    next(p);
    return word == FLY_KW_NULL ? fly__sql_gram_const_null(p, pos)
                               : fly__sql_gram_const_bool(p, word == FLY_KW_TRUE, pos);
}

/* Keywords that begin an operand if a parenthesis follows, and else name a column. */
static fly_ast *word_call(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    uint16_t word = p->tok.type;
    if (peek(p) != '(') {
        return name_operand(p);
    }
    next(p);
    switch (word) {
    case FLY_KW_COALESCE:
        return special(p, FLY_AST_SPECIAL_COALESCE, pos);
    case FLY_KW_NULLIF:
        return special(p, FLY_AST_SPECIAL_NULLIF, pos);
    case FLY_KW_GREATEST:
        return special(p, FLY_AST_SPECIAL_GREATEST, pos);
    case FLY_KW_LEAST:
        return special(p, FLY_AST_SPECIAL_LEAST, pos);
    case FLY_KW_GROUPING:
        return special(p, FLY_AST_SPECIAL_GROUPING, pos);
    case FLY_KW_EXTRACT:
        return extract(p, pos);
    case FLY_KW_OVERLAY:
        return overlay(p, pos);
    case FLY_KW_POSITION:
        return position(p, pos);
    case FLY_KW_SUBSTRING:
        return substring(p, pos);
    case FLY_KW_TRIM:
        return trim(p, pos);
    case FLY_KW_NORMALIZE:
        return normalize(p, pos);
    case FLY_KW_TREAT:
        return treat(p, pos);
    default: /* EXISTS */
        return sublink(p, FLY_AST_SUBLINK_EXISTS, fly__sql_gram_select_parens(p), pos);
    }
}

static fly_ast *keyword_operand(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    fly_ast *node;
    switch (p->tok.type) {
    case FLY_KW_NULL:
    case FLY_KW_TRUE:
    case FLY_KW_FALSE:
        return constant_word(p);
    case FLY_KW_CASE:
        return case_expr(p, pos);
    case FLY_KW_CAST:
        next(p);
        return cast(p, pos);
    case FLY_KW_ARRAY:
        return array(p, pos);
    case FLY_KW_ROW:
        if (peek(p) != '(') {
            return name_operand(p);
        }
        node = explicit_row(p, pos);
        return p->tok.type == FLY_KW_OVERLAPS ? overlaps(p, node) : node;
    case FLY_KW_COALESCE:
    case FLY_KW_NULLIF:
    case FLY_KW_GREATEST:
    case FLY_KW_LEAST:
    case FLY_KW_GROUPING:
    case FLY_KW_EXTRACT:
    case FLY_KW_OVERLAY:
    case FLY_KW_POSITION:
    case FLY_KW_SUBSTRING:
    case FLY_KW_TRIM:
    case FLY_KW_NORMALIZE:
    case FLY_KW_TREAT:
    case FLY_KW_EXISTS:
        return word_call(p);
    case FLY_KW_COLLATION:
        if (peek(p) != FLY_KW_FOR) {
            return name_operand(p);
        }
        next(p);
        return collation_for(p, pos);
    case FLY_KW_CURRENT_DATE:
        return sql_value(p, FLY_AST_VALUE_CURRENT_DATE);
    case FLY_KW_CURRENT_TIME:
        return sql_value(p, FLY_AST_VALUE_CURRENT_TIME);
    case FLY_KW_CURRENT_TIMESTAMP:
        return sql_value(p, FLY_AST_VALUE_CURRENT_TIMESTAMP);
    case FLY_KW_LOCALTIME:
        return sql_value(p, FLY_AST_VALUE_LOCALTIME);
    case FLY_KW_LOCALTIMESTAMP:
        return sql_value(p, FLY_AST_VALUE_LOCALTIMESTAMP);
    case FLY_KW_CURRENT_ROLE:
        return sql_value(p, FLY_AST_VALUE_CURRENT_ROLE);
    case FLY_KW_CURRENT_USER:
        return sql_value(p, FLY_AST_VALUE_CURRENT_USER);
    case FLY_KW_USER:
        return sql_value(p, FLY_AST_VALUE_USER);
    case FLY_KW_SESSION_USER:
        return sql_value(p, FLY_AST_VALUE_SESSION_USER);
    case FLY_KW_CURRENT_CATALOG:
        return sql_value(p, FLY_AST_VALUE_CURRENT_CATALOG);
    case FLY_KW_CURRENT_SCHEMA:
        return peek(p) == '(' ? name_operand(p) : sql_value(p, FLY_AST_VALUE_CURRENT_SCHEMA);
    case FLY_KW_DEFAULT:
        next(p);
        return &NEW(p, default, DEFAULT, pos)->node;
    case FLY_KW_INTERVAL:
        return interval(p);
    case FLY_KW_INT:
    case FLY_KW_INTEGER:
    case FLY_KW_SMALLINT:
    case FLY_KW_BIGINT:
    case FLY_KW_REAL:
    case FLY_KW_FLOAT:
    case FLY_KW_DOUBLE:
    case FLY_KW_DECIMAL:
    case FLY_KW_DEC:
    case FLY_KW_NUMERIC:
    case FLY_KW_BOOLEAN:
    case FLY_KW_BIT:
    case FLY_KW_CHARACTER:
    case FLY_KW_CHAR:
    case FLY_KW_VARCHAR:
    case FLY_KW_NATIONAL:
    case FLY_KW_NCHAR:
    case FLY_KW_TIME:
    case FLY_KW_TIMESTAMP:
        return type_operand(p);
    default:
        break;
    }
    if (p->tok.type >= FLY_KW_XMLATTRIBUTES && p->tok.type <= FLY_KW_XMLTABLE && peek(p) == '(') {
        const char *word = fly__sql_gram_name_value(p);
        fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", pos, "%s is not supported", word);
        return fly__sql_gram_const_null(p, pos);
    }
    if (fly__sql_gram_is_col_id(p->tok.type) || fly__sql_gram_is_type_name(p->tok.type)) {
        return name_operand(p);
    }
    if (p->options.lax_syntax && peek(p) == '(') { /* replace(...) is one; like(...) is another */
        return name_operand(p);
    }
    (void)at(p, FLY_SQL_EXPRESSION);
    fly__sql_gram_syntax(p);
    return fly__sql_gram_const_null(p, pos);
}

/* What is no operator's. */
static fly_ast *operand(fly_sql_parser *p, bool lesser)
{
    fly_ast *node;
    (void)lesser;
    switch (p->tok.type) {
    case FLY_TOKEN_IDENT:
    case FLY_TOKEN_QUOTED:
    case FLY_TOKEN_UQUOTED:
        return name_operand(p);
    case FLY_TOKEN_INT:
    case FLY_TOKEN_NUMERIC:
        return fly__sql_gram_number(p);
    case FLY_TOKEN_STRING:
    case FLY_TOKEN_ESTRING:
    case FLY_TOKEN_USTRING:
    case FLY_TOKEN_DOLLAR:
        return fly__sql_gram_string(p);
    case FLY_TOKEN_NSTRING:
        return national_string(p);
    case FLY_TOKEN_BIT:
    case FLY_TOKEN_HEX:
        return bits(p);
    case FLY_TOKEN_PARAM:
    case FLY_TOKEN_QUESTION:
        return parameter(p);
    case '(':
        node = paren_operand(p);
        return p->tok.type == FLY_KW_OVERLAPS ? overlaps(p, node) : node;
    default:
        break;
    }
    if (p->tok.type > FLY_TOKEN_KEYWORDS) {
        return keyword_operand(p);
    }
    (void)at(p, FLY_SQL_EXPRESSION);
    fly__sql_gram_syntax(p);
    return fly__sql_gram_const_null(p, here(p));
}

fly_ast *fly__sql_gram_c_expr(fly_sql_parser *p)
{
    return operand(p, true);
}
