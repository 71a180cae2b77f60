/*
 * Expressions, one function for each kind of node.
 *
 * What is not here: names (scope.c), operators (oper.c), calls (call.c), queries inside expressions
 * (sublink.c).
 */
#include "bind/bind_scope_int.h"

#include <stdio.h>
#include <stdlib.h>

static const fly_sql_type boolean = {.oid = FLY_SQL_BOOL, .mod = -1};

/* -------------------------------------------------------------------- constants */

static fly__sql_expr *integer(fly__sql_binder *b, int64_t value, uint32_t pos)
{
    bool small = value >= INT32_MIN && value <= INT32_MAX;
    return fly__sql_bind_int(b, value, small ? FLY_SQL_INT4 : FLY_SQL_INT8, pos);
}

/* A number with a point gets the shape of its digits, so that what it is computed with keeps its own. */
static fly_sql_type shape_of(fly_bytes text)
{
    unsigned whole = 0;
    unsigned scale = 0;
    bool point = false;
    for (size_t i = text.len > 0 && text.data[0] == '-' ? 1 : 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c < '0' || c > '9') {
            return fly__sql_type(FLY_SQL_NUMERIC);
        } else if (point) {
            scale++;
        } else if (c != '0' || whole > 0) {
            whole++;
        }
    }
    unsigned digits = whole + scale;
    return digits == 0 || digits > 38 ? fly__sql_type(FLY_SQL_NUMERIC)
                                      : fly__sql_type_numeric(digits, scale);
}

static fly__sql_expr *numeric(fly__sql_binder *b, fly_bytes text, uint32_t pos)
{
    fly__sql_expr *raw = fly__sql_bind_str(b, text, FLY_SQL_UNKNOWN, pos);
    return raw == NULL ? NULL : fly__sql_bind_coerce(b, raw, shape_of(text), 'i', pos);
}

static fly__sql_expr *constant(fly__sql_binder *b, const fly_ast_const *ast)
{
    uint32_t pos = ast->node.pos;
    switch (ast->type) {
    case FLY_AST_CONST_NULL:
        return fly__sql_bind_null(b, fly__sql_type(FLY_SQL_UNKNOWN), pos);
    case FLY_AST_CONST_BOOL:
        return fly__sql_bind_bool(b, ast->value != 0, pos);
    case FLY_AST_CONST_INT:
        return integer(b, ast->value, pos);
    case FLY_AST_CONST_NUMERIC:
        return numeric(b, ast->text, pos);
    case FLY_AST_CONST_STRING:
        return fly__sql_bind_str(b, ast->text, FLY_SQL_UNKNOWN, pos);
    case FLY_AST_CONST_BIT:
    case FLY_AST_CONST_HEX: {
        if (ast->type == FLY_AST_CONST_HEX && b->session != NULL && b->session->compat.lax_syntax) {
            const char *hex = fly__sql_bind_printf(b, "\\x%.*s", (int)ast->text.len,
                                                   (const char *)ast->text.data);
            fly__sql_expr *bytes =
                hex == NULL ? NULL : fly__sql_bind_str(b, fly_bytes_str(hex), FLY_SQL_UNKNOWN, pos);
            return bytes == NULL
                       ? NULL
                       : fly__sql_bind_coerce(b, bytes, fly__sql_type(FLY_SQL_BYTEA), 'i', pos);
        }
        fly__sql_expr *raw = fly__sql_bind_str(b, ast->text, FLY_SQL_UNKNOWN, pos);
        if (fly__sql_type_info_of(FLY__SQL_BIT) == NULL) {
            return fly__sql_bind_unsupported(b, pos, "type bit");
        }
        return raw == NULL ? NULL
                           : fly__sql_bind_coerce(b, raw, fly__sql_type(FLY__SQL_VARBIT), 'i', pos);
    }
    }
    return fly__sql_bind_unsupported(b, pos, "this constant");
}

/* A minus before a number is the number's sign, so that -2147483648 is an integer. */
static fly__sql_expr *negative(fly__sql_binder *b, const fly_ast_const *ast, uint32_t pos)
{
    if (ast->type == FLY_AST_CONST_INT) {
        return integer(b, -ast->value, pos);
    }
    if (ast->text.len == 19 && memcmp(ast->text.data, "9223372036854775808", 19) == 0) {
        return integer(b, INT64_MIN, pos);
    }
    const char *text =
        fly__sql_bind_printf(b, "-%.*s", (int)ast->text.len, (const char *)ast->text.data);
    return text == NULL ? NULL : numeric(b, fly_bytes_str(text), pos);
}

static fly__sql_expr *param(fly__sql_binder *b, const fly_ast_param *ast)
{
    fly__sql_bind_context *context = b->context;
    if (ast->number < 1 || ast->number > 65535) {
        return fly__sql_bind_fail(b, "42P02", ast->node.pos, "there is no parameter $%lld",
                                  (long long)ast->number);
    }
    uint32_t n = (uint32_t)ast->number;
    if (n > context->param_count) {
        if (n > b->params_room) {
            uint32_t room = n < 8 ? 8 : n * 2;
            fly_sql_type *params = fly__sql_bind_alloc(b, room * sizeof *params);
            if (params == NULL) {
                return NULL;
            }
            if (context->param_count > 0) {
                memcpy(params, context->params, context->param_count * sizeof *params);
            }
            context->params = params;
            b->params_room = room;
        }
        for (uint32_t i = context->param_count; i < n; i++) {
            context->params[i] = (fly_sql_type){.oid = 0, .mod = -1};
        }
        context->param_count = n;
    }
    fly_sql_type type = context->params[n - 1];
    if (type.oid == 0) {
        type.oid = FLY_SQL_UNKNOWN;
        type.mod = -1;
    }
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_PARAM, type, 0, ast->node.pos);
    if (e != NULL) {
        e->param = n - 1;
    }
    return e;
}

/* --------------------------------------------------------------------- booleans */

static fly__sql_expr *logic(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_bool *ast)
{
    static const char *const names[] = {"AND", "OR", "NOT"};
    static const fly__sql_expr_kind kinds[] = {FLY__SQL_X_AND, FLY__SQL_X_OR, FLY__SQL_X_NOT};
    fly__sql_expr *e =
        fly__sql_bind_node(b, kinds[ast->type], boolean, ast->args.count, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < ast->args.count; i++) {
        fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->args.items[i]);
        e->args[i] = arg == NULL ? NULL : fly__sql_bind_boolean(b, arg, names[ast->type]);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, e);
}

static fly__sql_expr *is(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_is *ast)
{
    static const char truths[] = {0, 't', 'f', 'u'};
    static const char *const names[] = {"IS NULL", "IS TRUE", "IS FALSE", "IS UNKNOWN"};
    static const char *const nots[] = {"IS NOT NULL", "IS NOT TRUE", "IS NOT FALSE",
                                       "IS NOT UNKNOWN"};
    fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->arg);
    if (arg == NULL) {
        return NULL;
    }
    if (ast->type == FLY_AST_IS_DOCUMENT) {
        return fly__sql_bind_unsupported(b, ast->node.pos, "IS DOCUMENT");
    }
    if (ast->type == FLY_AST_IS_NORMALIZED) {
        fly__sql_expr *args[2] = {arg, NULL};
        if (ast->form != NULL) {
            args[1] = fly__sql_bind_str(b, fly_bytes_str(ast->form), FLY_SQL_TEXT, ast->node.pos);
            if (args[1] == NULL) {
                return NULL;
            }
        }
        fly__sql_expr *call = fly__sql_bind_named_call(b, "is_normalized", args,
                                                       ast->form != NULL ? 2 : 1, ast->node.pos);
        return call != NULL && ast->negated ? fly__sql_bind_not(b, call) : call;
    }
    bool null = ast->type == FLY_AST_IS_NULL;
    arg = null ? fly__sql_bind_known(b, arg)
               : fly__sql_bind_boolean(b, arg, (ast->negated ? nots : names)[ast->type]);
    fly__sql_expr *e = arg == NULL
                           ? NULL
                           : fly__sql_bind_node(b, null ? FLY__SQL_X_IS_NULL : FLY__SQL_X_IS_TRUTH,
                                                boolean, 1, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    e->args[0] = arg;
    e->flag = ast->negated;
    e->truth = truths[ast->type];
    return fly__sql_bind_done(b, e);
}

/* ------------------------------------------------------------ rows in comparisons */

static bool is_row(const fly_ast *ast)
{
    return ast != NULL && ast->kind == FLY_AST_ROW;
}

static bool bind_list(fly__sql_binder *b, fly__sql_scope *scope, fly_ast_list list,
                      fly__sql_expr ***exprs)
{
    *exprs = fly__sql_bind_alloc(b, (list.count + 1) * sizeof **exprs);
    if (*exprs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        (*exprs)[i] = fly__sql_bind_expression(b, scope, list.items[i]);
        if ((*exprs)[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool bind_rows(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *left,
                      const fly_ast *right, fly__sql_expr ***l, fly__sql_expr ***r, uint32_t *count,
                      uint32_t pos)
{
    fly_ast_list one = ((const fly_ast_row *)left)->items;
    fly_ast_list other = ((const fly_ast_row *)right)->items;
    *count = one.count;
    if (!bind_list(b, scope, one, l) || !bind_list(b, scope, other, r)) {
        return false;
    }
    if (one.count != other.count) {
        return fly__sql_bind_fail(b, "42601", pos,
                                  "unequal number of entries in row expressions") != NULL;
    }
    return true;
}

static fly__sql_expr *distinct_from(fly__sql_binder *b, fly__sql_expr *left, fly__sql_expr *right,
                                    bool negated, uint32_t pos)
{
    const fly__sql_func *equal = fly__sql_bind_op_args(b, "=", &left, &right, pos);
    fly__sql_expr *e = equal == NULL ? NULL
                                     : fly__sql_bind_node(b, FLY__SQL_X_DISTINCT, boolean, 2, pos);
    if (e == NULL) {
        return NULL;
    }
    e->func = equal;
    e->args[0] = left;
    e->args[1] = right;
    e->flag = negated;
    return fly__sql_bind_settle(b, e) ? fly__sql_bind_done(b, e) : NULL;
}

static fly__sql_expr *is_distinct(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_distinct *ast)
{
    uint32_t pos = ast->node.pos;
    if (!is_row(ast->left) || !is_row(ast->right)) {
        fly__sql_expr *left = fly__sql_bind_expression(b, scope, ast->left);
        fly__sql_expr *right = left == NULL ? NULL : fly__sql_bind_expression(b, scope, ast->right);
        return right == NULL ? NULL : distinct_from(b, left, right, ast->negated, pos);
    }
    fly__sql_expr **left;
    fly__sql_expr **right;
    uint32_t count;
    if (!bind_rows(b, scope, ast->left, ast->right, &left, &right, &count, pos)) {
        return NULL;
    }
    if (count == 0) {
        return fly__sql_bind_bool(b, ast->negated, pos);
    }
    fly__sql_expr *e =
        fly__sql_bind_node(b, ast->negated ? FLY__SQL_X_AND : FLY__SQL_X_OR, boolean, count, pos);
    for (uint32_t i = 0; e != NULL && i < count; i++) {
        e->args[i] = distinct_from(b, left[i], right[i], ast->negated, pos);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    return e == NULL || count == 1 ? (e == NULL ? NULL : e->args[0]) : fly__sql_bind_done(b, e);
}

static fly__sql_expr *op(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_op *ast)
{
    uint32_t pos = ast->node.pos;
    if (ast->left == NULL && strcmp(ast->op, "-") == 0 && ast->right->kind == FLY_AST_CONST) {
        const fly_ast_const *number = (const fly_ast_const *)ast->right;
        if (number->type == FLY_AST_CONST_INT || number->type == FLY_AST_CONST_NUMERIC) {
            return negative(b, number, pos);
        }
    }
    if (is_row(ast->left) && is_row(ast->right)) {
        fly__sql_expr **left;
        fly__sql_expr **right;
        uint32_t count;
        if (!bind_rows(b, scope, ast->left, ast->right, &left, &right, &count, pos)) {
            return NULL;
        }
        return fly__sql_bind_row_op(b, ast->op, left, right, count, pos);
    }
    if (is_row(ast->left) && ast->right->kind == FLY_AST_SUBLINK &&
        ((const fly_ast_sublink *)ast->right)->type == FLY_AST_SUBLINK_EXPR) {
        fly_ast_sublink link = *(const fly_ast_sublink *)ast->right;
        link.arg = (fly_ast *)ast->left;
        link.op = ast->op;
        link.node.pos = pos;
        return fly__sql_bind_sublink(b, scope, &link);
    }
    fly__sql_expr *left = NULL;
    if (ast->left != NULL) {
        left = fly__sql_bind_expression(b, scope, ast->left);
        if (left == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *right = fly__sql_bind_expression(b, scope, ast->right);
    return right == NULL ? NULL : fly__sql_bind_op(b, ast->op, left, right, pos);
}

/* An expression that is needed twice. Subqueries are bound again: a tree must not share them. */
static fly__sql_expr *again(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast,
                            const fly__sql_expr *bound)
{
    return b->has_subqueries ? fly__sql_bind_expression(b, scope, ast)
                             : fly__sql_bind_copy(b, bound);
}

/* x BETWEEN y AND z */
static fly__sql_expr *within(fly__sql_binder *b, fly__sql_expr *arg, fly__sql_expr *copy,
                             fly__sql_expr *low, fly__sql_expr *high, bool negated, uint32_t pos)
{
    fly__sql_expr *e =
        fly__sql_bind_node(b, negated ? FLY__SQL_X_OR : FLY__SQL_X_AND, boolean, 2, pos);
    if (copy == NULL || e == NULL) {
        return NULL;
    }
    e->args[0] = fly__sql_bind_op(b, negated ? "<" : ">=", arg, low, pos);
    e->args[1] = e->args[0] == NULL ? NULL
                                    : fly__sql_bind_op(b, negated ? ">" : "<=", copy, high, pos);
    return e->args[1] == NULL ? NULL : fly__sql_bind_done(b, e);
}

static fly__sql_expr *between(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_between *ast)
{
    uint32_t pos = ast->node.pos;
    fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->arg);
    fly__sql_expr *low = arg == NULL ? NULL : fly__sql_bind_expression(b, scope, ast->low);
    fly__sql_expr *high = low == NULL ? NULL : fly__sql_bind_expression(b, scope, ast->high);
    fly__sql_expr *copy = high == NULL ? NULL : again(b, scope, ast->arg, arg);
    if (copy == NULL) {
        return NULL;
    }
    if (!ast->symmetric) {
        return within(b, arg, copy, low, high, ast->negated, pos);
    }
    fly__sql_expr *copies[4] = {again(b, scope, ast->arg, arg), again(b, scope, ast->arg, arg),
                                again(b, scope, ast->low, low), again(b, scope, ast->high, high)};
    fly__sql_expr *e =
        fly__sql_bind_node(b, ast->negated ? FLY__SQL_X_AND : FLY__SQL_X_OR, boolean, 2, pos);
    if (copies[0] == NULL || copies[1] == NULL || copies[2] == NULL || copies[3] == NULL ||
        e == NULL) {
        return NULL;
    }
    e->args[0] = within(b, arg, copy, low, high, ast->negated, pos);
    e->args[1] = e->args[0] == NULL
                     ? NULL
                     : within(b, copies[0], copies[1], copies[3], copies[2], ast->negated, pos);
    return e->args[1] == NULL ? NULL : fly__sql_bind_done(b, e);
}

static fly__sql_expr *like(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_like *ast)
{
    static const char *const symbols[] = {"~~", "~~*", "~"};
    static const char *const nots[] = {"!~~", "!~~*", "!~"};
    uint32_t pos = ast->node.pos;
    fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->arg);
    fly__sql_expr *pattern = arg == NULL ? NULL : fly__sql_bind_expression(b, scope, ast->pattern);
    if (pattern == NULL) {
        return NULL;
    }
    bool similar = ast->type == FLY_AST_LIKE_SIMILAR;
    if (ast->escape != NULL || similar) {
        fly__sql_expr *args[2] = {pattern, NULL};
        if (ast->escape != NULL) {
            args[1] = fly__sql_bind_expression(b, scope, ast->escape);
            if (args[1] == NULL) {
                return NULL;
            }
        }
        pattern = fly__sql_bind_named_call(b, similar ? "similar_to_escape" : "like_escape", args,
                                           ast->escape != NULL ? 2 : 1, pos);
        if (pattern == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_op(b, (ast->negated ? nots : symbols)[ast->type], arg, pattern, pos);
}

/* ---------------------------------------------------------------------- x IN (...) */

static fly__sql_expr *in_one(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_in *ast,
                             const fly_ast *item)
{
    uint32_t pos = ast->node.pos;
    const char *symbol = ast->negated ? "<>" : "=";
    if (is_row(ast->arg) && is_row(item)) {
        fly__sql_expr **left;
        fly__sql_expr **right;
        uint32_t count;
        if (!bind_rows(b, scope, ast->arg, item, &left, &right, &count, pos)) {
            return NULL;
        }
        return fly__sql_bind_row_op(b, symbol, left, right, count, pos);
    }
    fly__sql_expr *left = fly__sql_bind_expression(b, scope, ast->arg);
    fly__sql_expr *right = left == NULL ? NULL : fly__sql_bind_expression(b, scope, item);
    return right == NULL ? NULL : fly__sql_bind_op(b, symbol, left, right, pos);
}

static fly__sql_expr *in_by_one(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_in *ast)
{
    fly__sql_expr *e = fly__sql_bind_node(b, ast->negated ? FLY__SQL_X_AND : FLY__SQL_X_OR, boolean,
                                          ast->items.count, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < ast->items.count; i++) {
        e->args[i] = in_one(b, scope, ast, ast->items.items[i]);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    return ast->items.count == 1 ? e->args[0] : fly__sql_bind_done(b, e);
}

/* All items of one type, and an operator for it: X_IN. NULL without an error: by one. */
static fly__sql_expr *in_all(fly__sql_binder *b, const fly_ast_in *ast, fly__sql_expr **args,
                             uint32_t argc)
{
    fly_sql_type type = fly__sql_bind_common(b, args, argc, NULL, NULL);
    if (type.oid == 0) {
        return NULL;
    }
    for (uint32_t i = 0; b->lax_ops && i < argc; i++) {
        if (args[i]->type.oid == FLY_SQL_UNKNOWN && args[i]->kind == FLY__SQL_X_CONST &&
            !args[i]->value.null) {
            return NULL; /* each literal is compared as it can be */
        }
    }
    const fly__sql_func *equal = fly__sql_bind_find_op(b, "=", args[0]->type.oid, type.oid);
    if (equal == NULL || fly__sql_bind_polymorphic(equal->args[0]) ||
        equal->args[0] != equal->args[1]) {
        return NULL;
    }
    fly_sql_type target = fly__sql_bind_plain(b, equal->args[0]);
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_IN, boolean, argc, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < argc; i++) {
        fly_sql_type to = target;
        to.collation = args[i]->type.collation;
        if (to.oid == FLY_SQL_NUMERIC && args[i]->type.oid == to.oid) {
            to.digits = args[i]->type.digits;
            to.scale = args[i]->type.scale;
        }
        e->args[i] = fly__sql_bind_coerce(b, args[i], to, 'i', args[i]->pos);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    if (!fly__sql_bind_one_shape(b, e->args, argc)) {
        return NULL;
    }
    e->func = equal;
    e->flag = ast->negated;
    if (equal->strict && fly__sql_bind_certainly_null(e, 1)) {
        return fly__sql_bind_null(b, boolean, ast->node.pos);
    }
    return fly__sql_bind_done(b, e);
}

static fly__sql_expr *in(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_in *ast)
{
    if (ast->items.count == 0) { /* lax_syntax */
        fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->arg);
        return arg == NULL ? NULL : fly__sql_bind_bool(b, ast->negated, ast->node.pos);
    }
    if (is_row(ast->arg) || ast->items.count == 1) {
        return in_by_one(b, scope, ast);
    }
    uint32_t argc = ast->items.count + 1;
    fly__sql_expr **args = fly__sql_bind_alloc(b, argc * sizeof *args);
    if (args == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < argc; i++) {
        const fly_ast *item = i == 0 ? ast->arg : ast->items.items[i - 1];
        args[i] = fly__sql_bind_expression(b, scope, item);
        if (args[i] == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *e = in_all(b, ast, args, argc);
    if (e != NULL || !fly__sql_bind_ok(b)) {
        return e;
    }
    e = fly__sql_bind_node(b, ast->negated ? FLY__SQL_X_AND : FLY__SQL_X_OR, boolean, argc - 1,
                           ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 1; i < argc; i++) {
        fly__sql_expr *left = again(b, scope, ast->arg, args[0]);
        e->args[i - 1] = left == NULL ? NULL
                                      : fly__sql_bind_op(b, ast->negated ? "<>" : "=", left,
                                                         args[i], ast->node.pos);
        if (e->args[i - 1] == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, e);
}

/* x op ANY (array) */
static fly__sql_expr *quantified(fly__sql_binder *b, fly__sql_scope *scope,
                                 const fly_ast_quantified *ast)
{
    uint32_t pos = ast->node.pos;
    fly__sql_expr *left = fly__sql_bind_expression(b, scope, ast->arg);
    fly__sql_expr *array = left == NULL ? NULL : fly__sql_bind_expression(b, scope, ast->array);
    if (array == NULL) {
        return NULL;
    }
    if (array->type.oid == FLY_SQL_UNKNOWN) {
        uint32_t element = left->type.oid == FLY_SQL_UNKNOWN ? FLY_SQL_TEXT : left->type.oid;
        uint32_t oid = fly__sql_bind_array_of(b, element);
        array = oid == 0 ? array
                         : fly__sql_bind_coerce(b, array, fly__sql_bind_plain(b, oid), 'i', pos);
        if (array == NULL) {
            return NULL;
        }
    }
    uint32_t element = fly__sql_bind_element(b, fly__sql_bind_base(b, array->type).oid);
    if (element == 0) {
        return fly__sql_bind_fail(b, "42809", pos,
                                  "op ANY/ALL (array) requires array on right side");
    }
    const char *symbol = strcmp(ast->op, "!=") == 0 ? "<>" : ast->op;
    uint32_t left_oid = left->type.oid == FLY_SQL_UNKNOWN ? element : left->type.oid;
    const fly__sql_func *func = fly__sql_bind_find_op(b, symbol, left_oid, element);
    if (func == NULL) {
        fly__sql_expr *stand_in = fly__sql_bind_null(b, fly__sql_bind_plain(b, element), pos);
        if (fly__sql_bind_ok(b) && stand_in != NULL &&
            fly__sql_bind_op_args(b, symbol, &left, &stand_in, pos) != NULL) {
            return fly__sql_bind_unsupported(b, pos, "this operator with ANY");
        }
        return NULL;
    }
    if (func->result != FLY_SQL_BOOL) {
        return fly__sql_bind_fail(b, "42809", pos,
                                  "op ANY/ALL (array) requires operator to yield boolean");
    }
    uint32_t declared[2] = {func->args[0], func->args[1]};
    uint32_t actual[2] = {left_oid, element};
    uint32_t result = func->result;
    if (!fly__sql_bind_polymorph(b, actual, declared, 2, &result, pos)) {
        return NULL;
    }
    left = fly__sql_bind_coerce(b, left, fly__sql_bind_plain(b, declared[0]), 'i', pos);
    uint32_t wanted = fly__sql_bind_array_of(b, declared[1]);
    if (left != NULL && declared[1] != element && wanted != 0) {
        array = fly__sql_bind_coerce(b, array, fly__sql_bind_plain(b, wanted), 'i', pos);
    }
    fly__sql_expr *e = left == NULL || array == NULL
                           ? NULL
                           : fly__sql_bind_node(b, FLY__SQL_X_ANY, boolean, 2, pos);
    if (e == NULL) {
        return NULL;
    }
    e->func = func;
    e->flag = ast->all;
    e->args[0] = left->type.oid == FLY_SQL_NUMERIC ? fly__sql_bind_unshaped(b, left) : left;
    e->args[1] = array;
    return e->args[0] == NULL ? NULL : fly__sql_bind_done(b, e);
}

/* -------------------------------------------------------------- CASE and its kin */

static fly__sql_expr *case_when(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_case *ast)
{
    uint32_t whens = ast->whens.count;
    fly__sql_expr *arg = NULL;
    if (ast->arg != NULL) {
        arg = fly__sql_bind_expression(b, scope, ast->arg);
        arg = arg == NULL ? NULL : fly__sql_bind_known(b, arg);
        if (arg == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *e =
        fly__sql_bind_node(b, FLY__SQL_X_CASE, boolean, whens * 2 + 1, ast->node.pos);
    fly__sql_expr **results = fly__sql_bind_alloc(b, (whens + 1) * sizeof *results);
    /* PostgreSQL looks at ELSE first for the common type; num_case_first takes them as written. */
    uint32_t otherwise_first = b->num_first ? 0 : 1;
    if (e == NULL || results == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < whens; i++) {
        const fly_ast_when *when = (const fly_ast_when *)ast->whens.items[i];
        fly__sql_expr *condition = fly__sql_bind_expression(b, scope, when->condition);
        if (condition != NULL && arg != NULL) {
            fly__sql_expr *copy = again(b, scope, ast->arg, arg);
            copy = copy == NULL ? NULL : fly__sql_bind_known(b, copy);
            condition = copy == NULL ? NULL
                                     : fly__sql_bind_op(b, "=", copy, condition, when->node.pos);
        }
        condition = condition == NULL ? NULL : fly__sql_bind_boolean(b, condition, "CASE/WHEN");
        fly__sql_expr *result =
            condition == NULL ? NULL : fly__sql_bind_expression(b, scope, when->result);
        if (result == NULL) {
            return NULL;
        }
        e->args[i * 2] = condition;
        results[i + otherwise_first] = result;
    }
    fly__sql_expr *otherwise =
        ast->otherwise == NULL
            ? fly__sql_bind_null(b, fly__sql_type(FLY_SQL_UNKNOWN), ast->node.pos)
            : fly__sql_bind_expression(b, scope, ast->otherwise);
    results[otherwise_first ? 0 : whens] = otherwise;
    if (otherwise == NULL || !fly__sql_bind_unify(b, results, whens + 1, "CASE", &e->type)) {
        return NULL;
    }
    for (uint32_t i = 0; i < whens; i++) {
        e->args[i * 2 + 1] = results[i + otherwise_first];
    }
    e->args[whens * 2] = results[otherwise_first ? 0 : whens];
    return fly__sql_bind_done(b, e);
}

static fly__sql_expr *nullif(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_special *ast)
{
    fly__sql_expr *left = fly__sql_bind_expression(b, scope, ast->args.items[0]);
    fly__sql_expr *right = left == NULL ? NULL
                                        : fly__sql_bind_expression(b, scope, ast->args.items[1]);
    if (right == NULL) {
        return NULL;
    }
    if (left->type.oid == FLY_SQL_UNKNOWN && right->type.oid == FLY_SQL_UNKNOWN) {
        left = fly__sql_bind_known(b, left);
        if (left == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *wide = left;
    const fly__sql_func *equal = fly__sql_bind_op_args(b, "=", &wide, &right, ast->node.pos);
    if (equal == NULL) {
        return NULL;
    }
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_NULLIF, wide->type, 2, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    e->func = equal;
    e->args[0] = wide;
    e->args[1] = right;
    if (!fly__sql_bind_settle(b, e)) {
        return NULL;
    }
    e = fly__sql_bind_done(b, e);
    /* PostgreSQL compares a real with other numbers as it is, and numerics of any scale. */
    bool kept = left->type.oid == FLY_SQL_FLOAT4 ||
                (left->type.oid == FLY_SQL_NUMERIC && wide->type.oid == FLY_SQL_NUMERIC);
    if ((b->num_first || kept) && left->type.oid != FLY_SQL_UNKNOWN && wide != left) {
        fly_sql_type back = left->type;
        return fly__sql_bind_coerce(b, e, back, 'e', ast->node.pos);
    }
    return e;
}

static fly__sql_expr *special(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_special *ast)
{
    static const char *const names[] = {"COALESCE", "NULLIF", "GREATEST", "LEAST"};
    switch (ast->type) {
    case FLY_AST_SPECIAL_GROUPING:
        return fly__sql_bind_grouping(b, scope, ast);
    case FLY_AST_SPECIAL_MERGE_ACTION:
        return fly__sql_bind_unsupported(b, ast->node.pos, "MERGE_ACTION");
    case FLY_AST_SPECIAL_NULLIF:
        return nullif(b, scope, ast);
    default:
        break;
    }
    bool coalesce = ast->type == FLY_AST_SPECIAL_COALESCE;
    fly__sql_expr *e = fly__sql_bind_node(b, coalesce ? FLY__SQL_X_COALESCE : FLY__SQL_X_MINMAX,
                                          boolean, ast->args.count, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < ast->args.count; i++) {
        e->args[i] = fly__sql_bind_expression(b, scope, ast->args.items[i]);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    if (!fly__sql_bind_unify(b, e->args, e->argc, names[ast->type], &e->type)) {
        return NULL;
    }
    if (!coalesce) {
        e->flag = ast->type == FLY_AST_SPECIAL_LEAST;
        e->func = fly__sql_bind_find_op(b, ">", e->type.oid, e->type.oid);
        if (e->func == NULL) {
            return fly__sql_bind_fail(b, "42883", ast->node.pos,
                                      "could not identify a comparison function for type %s",
                                      fly__sql_bind_type_name(b, e->type.oid));
        }
        if (!fly__sql_bind_settle(b, e)) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, e);
}

static fly__sql_expr *sql_value(fly__sql_binder *b, const fly_ast_sql_value *ast)
{
    static const struct {
        const char *name;
        uint32_t precise; /* the type that a precision belongs to */
    } values[] = {
        [FLY_AST_VALUE_CURRENT_DATE] = {"current_date", 0},
        [FLY_AST_VALUE_CURRENT_TIME] = {"current_time", FLY_SQL_TIMETZ},
        [FLY_AST_VALUE_CURRENT_TIMESTAMP] = {"current_timestamp", FLY_SQL_TIMESTAMPTZ},
        [FLY_AST_VALUE_LOCALTIME] = {"localtime", FLY_SQL_TIME},
        [FLY_AST_VALUE_LOCALTIMESTAMP] = {"localtimestamp", FLY_SQL_TIMESTAMP},
        [FLY_AST_VALUE_CURRENT_ROLE] = {"current_role", 0},
        [FLY_AST_VALUE_CURRENT_USER] = {"current_user", 0},
        [FLY_AST_VALUE_USER] = {"user", 0},
        [FLY_AST_VALUE_SESSION_USER] = {"session_user", 0},
        [FLY_AST_VALUE_CURRENT_CATALOG] = {"current_catalog", 0},
        [FLY_AST_VALUE_CURRENT_SCHEMA] = {"current_schema", 0},
    };
    const char *name = values[ast->type].name;
    size_t count = 0;
    const fly__sql_func *funcs = fly__sql_funcs_named(name, &count);
    const fly__sql_func *func = NULL;
    for (size_t i = 0; i < count && func == NULL; i++) {
        func = funcs[i].argc == 0 ? &funcs[i] : NULL;
    }
    if (func == NULL) {
        return fly__sql_bind_unsupported(b, ast->node.pos, name);
    }
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_SESSION,
                                          fly__sql_bind_plain(b, func->result), 0, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    e->func = func;
    e = fly__sql_bind_done(b, e);
    if (ast->precision >= 0 && values[ast->type].precise != 0) {
        fly_sql_type type = fly__sql_type(values[ast->type].precise);
        type.mod = ast->precision > 6 ? 6 : (int32_t)ast->precision;
        return fly__sql_bind_coerce(b, e, type, 'e', ast->node.pos);
    }
    return e;
}

/* ------------------------------------------------------------------ casts, arrays */

static fly__sql_expr *array_literal(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly_ast_array *ast, fly_sql_type target);

static fly__sql_expr *cannot_cast(fly__sql_binder *b, uint32_t from, uint32_t to, uint32_t pos)
{
    return fly__sql_bind_fail(b, "42846", pos, "cannot cast type %s to %s",
                              fly__sql_bind_type_name(b, from), fly__sql_bind_type_name(b, to));
}

static bool is_fraction(uint32_t oid)
{
    return oid == FLY_SQL_NUMERIC || oid == FLY_SQL_FLOAT8 || oid == FLY_SQL_FLOAT4;
}

static bool is_integer(uint32_t oid)
{
    return oid == FLY_SQL_INT2 || oid == FLY_SQL_INT4 || oid == FLY_SQL_INT8;
}

/* With lax_ops a cast to an integer cuts the fraction off, as SQLite does; else it rounds. */
static fly__sql_expr *cast(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_cast *ast)
{
    fly_sql_type type;
    if (!fly__sql_bind_typename(b, (const fly_ast_type *)ast->type, &type)) {
        return NULL;
    }
    /* numeric(p, s) of an expression need not be scaled, only of columns. */
    fly__sql_expr *arg = ast->arg->kind == FLY_AST_ARRAY && fly__sql_bind_element(b, type.oid) != 0
                             ? array_literal(b, scope, (const fly_ast_array *)ast->arg, type)
                             : fly__sql_bind_expression(b, scope, ast->arg);
    if (arg == NULL) {
        return NULL;
    }
    uint32_t from = arg->type.oid;
    if (b->lax_ops && is_fraction(from) && is_integer(type.oid)) {
        arg = fly__sql_bind_named_call(b, "trunc", &arg, 1, ast->node.pos);
        if (arg == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *e = fly__sql_bind_coerce(b, arg, type, 'e', ast->node.pos);
    if (e == NULL && fly__sql_bind_ok(b)) {
        return cannot_cast(b, from, type.oid, ast->node.pos);
    }
    /* A cast to the type that it has is still a cast: its modifier is gone. */
    if (e == arg && e->type.mod != type.mod && e->type.oid == type.oid && type.mod < 0) {
        fly_sql_type plain = e->type;
        plain.mod = -1;
        return fly__sql_bind_relabel(b, e, plain);
    }
    return e;
}

static fly__sql_expr *collate(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_collate *ast)
{
    fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->arg);
    arg = arg == NULL ? NULL : fly__sql_bind_known(b, arg);
    if (arg == NULL) {
        return NULL;
    }
    if (!fly__sql_bind_collatable(b, arg->type.oid)) {
        return fly__sql_bind_fail(b, "42804", ast->node.pos,
                                  "collations are not supported by type %s",
                                  fly__sql_bind_type_name(b, arg->type.oid));
    }
    fly_sql_type type = arg->type;
    if (!fly__sql_bind_collation(b, ast->collation, ast->node.pos, &type.collation)) {
        return NULL;
    }
    fly__sql_expr *e = fly__sql_bind_relabel(b, arg, type);
    if (e != NULL) {
        e->pos = b->no_positions > 0 ? 0 : ast->node.pos;
        e->collated = 'e';
    }
    return e;
}

/* ARRAY[...]; `target` oid 0: of the elements' common type. */
static fly__sql_expr *array_literal(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly_ast_array *ast, fly_sql_type target)
{
    uint32_t pos = ast->node.pos;
    uint32_t count = ast->items.count;
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_ARRAY, target, count, pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const fly_ast *item = ast->items.items[i];
        bool nested = item->kind == FLY_AST_ARRAY;
        e->args[i] = nested ? array_literal(b, scope, (const fly_ast_array *)item, target)
                            : fly__sql_bind_expression(b, scope, item);
        if (e->args[i] == NULL) {
            return NULL;
        }
        e->flag |= nested || fly__sql_bind_element(b, e->args[i]->type.oid) != 0;
    }
    if (target.oid == 0) {
        if (count == 0) {
            (void)fly__sql_bind_fail(b, "42P18", pos, "cannot determine type of empty array");
            fly__sql_bind_hint(b, "Explicitly cast to the desired type, for example "
                                  "ARRAY[]::integer[].");
            return NULL;
        }
        fly_sql_type element;
        if (!fly__sql_bind_unify(b, e->args, count, "ARRAY", &element)) {
            return NULL;
        }
        uint32_t oid = e->flag ? element.oid : fly__sql_bind_array_of(b, element.oid);
        if (oid == 0) {
            return fly__sql_bind_fail(b, "42704", pos, "could not find array type for data type %s",
                                      fly__sql_bind_type_name(b, element.oid));
        }
        e->type = (fly_sql_type){.oid = oid, .mod = -1, .collation = element.collation};
    } else {
        fly_sql_type element =
            fly__sql_bind_plain(b, e->flag ? target.oid : fly__sql_bind_element(b, target.oid));
        for (uint32_t i = 0; i < count; i++) {
            uint32_t from = e->args[i]->type.oid;
            e->args[i] = fly__sql_bind_coerce(b, e->args[i], element, 'e', pos);
            if (e->args[i] == NULL) {
                return fly__sql_bind_ok(b) ? cannot_cast(b, from, element.oid, pos) : NULL;
            }
        }
        e->type.mod = -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        e->args[i] = fly__sql_bind_unshaped(b, e->args[i]);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, e);
}

static fly__sql_expr *index_of(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast)
{
    fly__sql_expr *index = fly__sql_bind_expression(b, scope, ast);
    fly__sql_expr *e = index == NULL ? NULL
                                     : fly__sql_bind_coerce(b, index, fly__sql_type(FLY_SQL_INT4),
                                                            'a', index->pos);
    if (e == NULL && fly__sql_bind_ok(b)) {
        return fly__sql_bind_fail(b, "42804", ast->pos, "array subscript must have type integer");
    }
    return e;
}

/* x['a'][1] of a jsonb is what its path leads to. */
static fly__sql_expr *json_subscript(fly__sql_binder *b, fly__sql_scope *scope,
                                     const fly_ast_subscript *ast, fly__sql_expr *arg,
                                     uint32_t levels)
{
    uint32_t pos = ast->node.pos;
    fly__sql_expr *path =
        fly__sql_bind_node(b, FLY__SQL_X_ARRAY, fly__sql_type(FLY__SQL_TEXT_ARRAY), levels, pos);
    const fly_ast *at = &ast->node;
    for (uint32_t i = levels; path != NULL && i-- > 0;) {
        const fly_ast_subscript *s = (const fly_ast_subscript *)at;
        at = s->arg;
        if (s->slice) {
            return fly__sql_bind_fail(b, "42804", s->node.pos,
                                      "jsonb subscript does not support slices");
        }
        fly__sql_expr *e = fly__sql_bind_expression(b, scope, s->upper);
        path->args[i] =
            e == NULL ? NULL : fly__sql_bind_coerce(b, e, fly__sql_type(FLY_SQL_TEXT), 'e', pos);
        if (path->args[i] == NULL) {
            return NULL;
        }
    }
    return path == NULL ? NULL : fly__sql_bind_op(b, "#>", arg, fly__sql_bind_done(b, path), pos);
}

/* A chain x[1][2:3] is one node. */
static fly__sql_expr *subscript(fly__sql_binder *b, fly__sql_scope *scope,
                                const fly_ast_subscript *ast)
{
    const fly_ast *base = &ast->node;
    uint32_t levels = 0;
    bool slice = false;
    while (base->kind == FLY_AST_SUBSCRIPT) {
        const fly_ast_subscript *s = (const fly_ast_subscript *)base;
        slice |= s->slice;
        base = s->arg;
        levels++;
    }
    fly__sql_expr *arg = fly__sql_bind_expression(b, scope, base);
    if (arg == NULL) {
        return NULL;
    }
    if (arg->type.oid == FLY_SQL_JSONB) {
        return json_subscript(b, scope, ast, arg, levels);
    }
    if (arg->type.oid == FLY_SQL_NAME && levels == 1 && !slice) { /* an array of characters */
        fly__sql_expr *args[2] = {arg, index_of(b, scope, ast->upper)};
        return args[1] == NULL ? NULL
                               : fly__sql_bind_named_call(b, "_pg_name_at", args, 2, ast->node.pos);
    }
    uint32_t array = fly__sql_bind_base(b, arg->type).oid;
    uint32_t element = fly__sql_bind_element(b, array);
    if (element == 0) {
        return fly__sql_bind_fail(b, "42804", arg->pos,
                                  "cannot subscript type %s because it does not support "
                                  "subscripting",
                                  fly__sql_bind_type_name(b, arg->type.oid));
    }
    fly_sql_type type = fly__sql_bind_plain(b, slice ? array : element);
    type.collation = arg->type.collation;
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_SUBSCRIPT, type,
                                          1 + levels * (slice ? 2 : 1), ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    e->args[0] = arg;
    e->flag = slice;
    const fly_ast *at = &ast->node;
    for (uint32_t i = levels; i-- > 0;) {
        const fly_ast_subscript *s = (const fly_ast_subscript *)at;
        at = s->arg;
        fly__sql_expr *upper = s->upper == NULL ? NULL : index_of(b, scope, s->upper);
        if (s->upper != NULL && upper == NULL) {
            return NULL;
        }
        if (!slice) {
            e->args[1 + i] = upper;
            continue;
        }
        fly__sql_expr *lower = NULL;
        if (!s->slice) { /* beside slices, [n] is [1:n] */
            lower = fly__sql_bind_int(b, 1, FLY_SQL_INT4, s->node.pos);
        } else if (s->lower != NULL) {
            lower = index_of(b, scope, s->lower);
        }
        if (lower == NULL && (!s->slice || s->lower != NULL)) {
            return NULL;
        }
        e->args[1 + i * 2] = lower;
        e->args[2 + i * 2] = upper;
    }
    return fly__sql_bind_done(b, e);
}

static fly__sql_expr *row(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_row *ast)
{
    fly__sql_target *targets = NULL;
    uint32_t count = 0;
    uint32_t room = 0;
    for (uint32_t i = 0; i < ast->items.count; i++) {
        const fly_ast *item = ast->items.items[i];
        fly_ast_target target = {.node = {FLY_AST_TARGET, item->pos}, .expr = (fly_ast *)item};
        fly_ast *one = &target.node;
        fly_ast_list list = {.items = &one, .count = 1};
        if (!fly__sql_bind_targets(b, scope, list, scope->place, &targets, &count, &room)) {
            return NULL;
        }
    }
    fly__sql_expr *e =
        fly__sql_bind_node(b, FLY__SQL_X_ROW, fly__sql_type(FLY_SQL_RECORD), count, ast->node.pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        e->args[i] = fly__sql_bind_unshaped(b, targets[i].expr);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, e);
}

static fly__sql_expr *field(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_field *ast)
{
    if (ast->name == NULL) {
        return fly__sql_bind_fail(b, "42601", ast->node.pos,
                                  "row expansion via \"*\" is not supported here");
    }
    /* (t).a, where t is an item of FROM. */
    if (ast->arg->kind == FLY_AST_COLUMN && ((const fly_ast_column *)ast->arg)->names.count == 1) {
        const char *names[2] = {((const fly_ast_column *)ast->arg)->names.items[0], ast->name};
        for (fly__sql_scope *s = scope; s != NULL; s = s->parent) {
            for (uint32_t i = 0; i < s->item_count; i++) {
                const fly__sql_item *item = s->items[i];
                if (item->qualified && !item->scalar && item->alias != NULL &&
                    strcmp(item->alias, names[0]) == 0) {
                    fly_ast_column column = {
                        .node = {FLY_AST_COLUMN, ast->arg->pos},
                        .names = {.items = names, .count = 2},
                    };
                    return fly__sql_bind_column(b, scope, &column);
                }
            }
        }
    }
    fly__sql_expr *arg = fly__sql_bind_expression(b, scope, ast->arg);
    return arg == NULL ? NULL : fly__sql_bind_field(b, scope, arg, ast->name, ast->node.pos);
}

/* ------------------------------------------------------------------------ any kind */

static fly__sql_expr *any(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast)
{
    switch (ast->kind) {
    case FLY_AST_CONST:
        return constant(b, (const fly_ast_const *)ast);
    case FLY_AST_PARAM:
        return param(b, (const fly_ast_param *)ast);
    case FLY_AST_COLUMN:
        return fly__sql_bind_column(b, scope, (const fly_ast_column *)ast);
    case FLY_AST_FIELD:
        return field(b, scope, (const fly_ast_field *)ast);
    case FLY_AST_SUBSCRIPT:
        return subscript(b, scope, (const fly_ast_subscript *)ast);
    case FLY_AST_OP:
        return op(b, scope, (const fly_ast_op *)ast);
    case FLY_AST_BOOL:
        return logic(b, scope, (const fly_ast_bool *)ast);
    case FLY_AST_IS:
        return is(b, scope, (const fly_ast_is *)ast);
    case FLY_AST_DISTINCT:
        return is_distinct(b, scope, (const fly_ast_distinct *)ast);
    case FLY_AST_BETWEEN:
        return between(b, scope, (const fly_ast_between *)ast);
    case FLY_AST_LIKE:
        return like(b, scope, (const fly_ast_like *)ast);
    case FLY_AST_IN:
        return in(b, scope, (const fly_ast_in *)ast);
    case FLY_AST_SUBLINK:
        return fly__sql_bind_sublink(b, scope, (const fly_ast_sublink *)ast);
    case FLY_AST_QUANTIFIED:
        return quantified(b, scope, (const fly_ast_quantified *)ast);
    case FLY_AST_CASE:
        return case_when(b, scope, (const fly_ast_case *)ast);
    case FLY_AST_SPECIAL:
        return special(b, scope, (const fly_ast_special *)ast);
    case FLY_AST_SQL_VALUE:
        return sql_value(b, (const fly_ast_sql_value *)ast);
    case FLY_AST_CALL:
        return fly__sql_bind_call(b, scope, (const fly_ast_call *)ast);
    case FLY_AST_CAST:
        return cast(b, scope, (const fly_ast_cast *)ast);
    case FLY_AST_COLLATE:
        return collate(b, scope, (const fly_ast_collate *)ast);
    case FLY_AST_ARRAY:
        return array_literal(b, scope, (const fly_ast_array *)ast, (fly_sql_type){.mod = -1});
    case FLY_AST_ROW:
        return row(b, scope, (const fly_ast_row *)ast);
    case FLY_AST_DEFAULT:
        return fly__sql_bind_fail(b, "42601", ast->pos, "DEFAULT is not allowed in this context");
    case FLY_AST_CURRENT_OF:
        return fly__sql_bind_unsupported(b, ast->pos, "WHERE CURRENT OF");
    case FLY_AST_NAMED_ARG:
        return fly__sql_bind_fail(b, "42601", ast->pos, "named argument is not allowed here");
    default:
        return fly__sql_bind_unsupported(b, ast->pos, fly__sql_ast_name(ast->kind));
    }
}

fly__sql_expr *fly__sql_bind_expression(fly__sql_binder *b, fly__sql_scope *scope,
                                        const fly_ast *ast)
{
    if (++b->depth > FLY__SQL_BIND_DEPTH_MAX) {
        (void)fly__sql_bind_fail(b, "54001", 0, "stack depth limit exceeded");
        b->depth--;
        return NULL;
    }
    fly__sql_expr *e = any(b, scope, ast);
    b->depth--;
    return e;
}

fly__sql_expr *fly__sql_bind_at(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_place place,
                                const fly_ast *ast)
{
    fly__sql_place before = scope->place;
    scope->place = place;
    fly__sql_expr *e = fly__sql_bind_expression(b, scope, ast);
    scope->place = before;
    return e;
}

/* ---------------------------------------------------------------- names of columns */

/* How good a name is: 2 a name, 1 a guess, 0 none. */
static int name_of(const fly_ast *ast, const char **name)
{
    if (ast == NULL) {
        return 0;
    }
    switch (ast->kind) {
    case FLY_AST_COLUMN: {
        fly_ast_names names = ((const fly_ast_column *)ast)->names;
        if (((const fly_ast_column *)ast)->star || names.count == 0) {
            return 0;
        }
        *name = names.items[names.count - 1];
        return 2;
    }
    case FLY_AST_FIELD:
        if (((const fly_ast_field *)ast)->name != NULL) {
            *name = ((const fly_ast_field *)ast)->name;
            return 2;
        }
        return name_of(((const fly_ast_field *)ast)->arg, name);
    case FLY_AST_SUBSCRIPT:
        return name_of(((const fly_ast_subscript *)ast)->arg, name);
    case FLY_AST_CALL: {
        fly_ast_names names = ((const fly_ast_call *)ast)->name;
        *name = names.items[names.count - 1];
        return 2;
    }
    case FLY_AST_CAST: {
        const fly_ast_cast *cast_ast = (const fly_ast_cast *)ast;
        int strength = name_of(cast_ast->arg, name);
        const fly_ast_type *type = (const fly_ast_type *)cast_ast->type;
        if (strength <= 1 && type->names.count > 0) {
            *name = type->names.items[type->names.count - 1];
            return 1;
        }
        return strength;
    }
    case FLY_AST_COLLATE:
        return name_of(((const fly_ast_collate *)ast)->arg, name);
    case FLY_AST_CASE: {
        int strength = name_of(((const fly_ast_case *)ast)->otherwise, name);
        if (strength <= 1) {
            *name = "case";
            return 1;
        }
        return strength;
    }
    case FLY_AST_SPECIAL: {
        static const char *const names[] = {"coalesce", "nullif",   "greatest",
                                            "least",    "grouping", "merge_action"};
        *name = names[((const fly_ast_special *)ast)->type];
        return 2;
    }
    case FLY_AST_SQL_VALUE: {
        static const char *const names[] = {
            "current_date",   "current_time",    "current_timestamp", "localtime",
            "localtimestamp", "current_role",    "current_user",      "user",
            "session_user",   "current_catalog", "current_schema"};
        *name = names[((const fly_ast_sql_value *)ast)->type];
        return 2;
    }
    case FLY_AST_ARRAY:
        *name = "array";
        return 2;
    case FLY_AST_ROW:
        *name = "row";
        return 2;
    case FLY_AST_SUBLINK: {
        const fly_ast_sublink *link = (const fly_ast_sublink *)ast;
        if (link->type == FLY_AST_SUBLINK_EXISTS || link->type == FLY_AST_SUBLINK_ARRAY) {
            *name = link->type == FLY_AST_SUBLINK_EXISTS ? "exists" : "array";
            return 2;
        }
        const fly_ast_select *query = (const fly_ast_select *)link->query;
        while (query != NULL && query->op != FLY_AST_SET_NONE) {
            query = (const fly_ast_select *)query->left;
        }
        if (link->type == FLY_AST_SUBLINK_EXPR && query != NULL && query->targets.count == 1) {
            const fly_ast_target *target = (const fly_ast_target *)query->targets.items[0];
            if (target->name != NULL) {
                *name = target->name;
                return 2;
            }
            return name_of(target->expr, name);
        }
        return 0;
    }
    default:
        return 0;
    }
}

const char *fly__sql_bind_target_name(const fly_ast *ast)
{
    const char *name = "?column?";
    (void)name_of(ast, &name);
    return name;
}

const char *fly__sql_bind_place_name(fly__sql_place place)
{
    static const char *const names[] = {
        [FLY__SQL_IN_OTHER] = "this context",
        [FLY__SQL_IN_TARGET] = "the select list",
        [FLY__SQL_IN_WHERE] = "WHERE",
        [FLY__SQL_IN_HAVING] = "HAVING",
        [FLY__SQL_IN_FILTER] = "FILTER",
        [FLY__SQL_IN_GROUP_BY] = "GROUP BY",
        [FLY__SQL_IN_ORDER_BY] = "ORDER BY",
        [FLY__SQL_IN_DISTINCT_ON] = "DISTINCT ON",
        [FLY__SQL_IN_JOIN_ON] = "JOIN conditions",
        [FLY__SQL_IN_FROM_FUNCTION] = "functions in FROM",
        [FLY__SQL_IN_FROM_QUERY] = "FROM clause of their own query level",
        [FLY__SQL_IN_LIMIT] = "LIMIT",
        [FLY__SQL_IN_OFFSET] = "OFFSET",
        [FLY__SQL_IN_VALUES] = "VALUES",
        [FLY__SQL_IN_INSERT_TARGET] = "INSERT",
        [FLY__SQL_IN_UPDATE_SOURCE] = "UPDATE",
        [FLY__SQL_IN_RETURNING] = "RETURNING",
        [FLY__SQL_IN_MERGE_WHEN] = "MERGE WHEN conditions",
        [FLY__SQL_IN_PARTITION_BY] = "window definitions",
        [FLY__SQL_IN_WINDOW_ORDER] = "window definitions",
        [FLY__SQL_IN_WINDOW_FRAME] = "window definitions",
        [FLY__SQL_IN_CHECK] = "check constraints",
        [FLY__SQL_IN_DEFAULT] = "DEFAULT expressions",
        [FLY__SQL_IN_GENERATED] = "column generation expressions",
        [FLY__SQL_IN_INDEX] = "index expressions",
        [FLY__SQL_IN_PREDICATE] = "index predicates",
        [FLY__SQL_IN_TRANSFORM] = "transform expressions",
        [FLY__SQL_IN_TRIGGER] = "trigger WHEN conditions",
    };
    return names[place];
}

const char *fly__sql_bind_place_one(fly__sql_place place)
{
    switch (place) {
    case FLY__SQL_IN_CHECK:
        return "check constraint";
    case FLY__SQL_IN_DEFAULT:
        return "DEFAULT expression";
    case FLY__SQL_IN_GENERATED:
        return "column generation expression";
    case FLY__SQL_IN_INDEX:
        return "index expression";
    case FLY__SQL_IN_PREDICATE:
        return "index predicate";
    case FLY__SQL_IN_TRANSFORM:
        return "transform expression";
    case FLY__SQL_IN_TRIGGER:
        return "trigger WHEN condition";
    default:
        return NULL;
    }
}

/* --------------------------------------------------------------------- sort keys */

bool fly__sql_bind_sort_key(fly__sql_binder *b, const fly_ast_sort *ast, fly__sql_expr *e,
                            fly__sql_sort_key *key)
{
    if (!fly__sql_bind_sortable(b, e->type.oid, ast->node.pos)) {
        return false;
    }
    key->expr = e;
    key->descending = ast->direction == FLY_AST_SORT_DESC;
    if (ast->direction == FLY_AST_SORT_USING) {
        if (strcmp(ast->op, "<") != 0 && strcmp(ast->op, ">") != 0) {
            (void)fly__sql_bind_fail(b, "42809", ast->node.pos,
                                     "operator %s is not a valid ordering operator", ast->op);
            fly__sql_bind_hint(b, "Ordering operators must be \"<\" or \">\" members of btree "
                                  "operator families.");
            return false;
        }
        key->descending = ast->op[0] == '>';
    }
    if (ast->nulls == FLY_AST_NULLS_DEFAULT) {
        key->nulls_first = b->nulls_first ? !key->descending : key->descending;
    } else {
        key->nulls_first = ast->nulls == FLY_AST_NULLS_FIRST;
    }
    return true;
}
