/*
 * Operators: which one is meant, and what it makes of its operands.
 *
 * PostgreSQL's manual, 10.2: an operator of exactly these types (a literal of unknown type is taken to
 * be of the other's type first), else the best of those that implicit casts can reach.
 *
 * Here too are the switches of compatibility that concern operators: div_null, int_wide, lax_ops.
 */
#include "bind/bind_scope_int.h"

#include <stdio.h>

static const fly__sql_func *exact_op(const fly__sql_func *ops, size_t count, uint32_t argc,
                                     uint32_t left, uint32_t right)
{
    for (size_t i = 0; i < count; i++) {
        if (ops[i].argc == argc && ops[i].args[0] == left &&
            (argc == 1 || ops[i].args[1] == right)) {
            return &ops[i];
        }
    }
    return NULL;
}

static bool reachable_op(fly__sql_binder *b, const fly__sql_func *op, const uint32_t *types,
                         uint32_t argc)
{
    bool polymorphic = false;
    for (uint32_t i = 0; i < argc; i++) {
        if (!fly__sql_bind_can_coerce(b, types[i], op->args[i], 'i')) {
            return false;
        }
        polymorphic |= fly__sql_bind_polymorphic(op->args[i]);
    }
    uint32_t declared[2] = {op->args[0], op->args[1]};
    uint32_t result = 0;
    return !polymorphic || fly__sql_bind_polymorph(b, types, declared, argc, &result, UINT32_MAX);
}

/* A real beside a number of another kind. PostgreSQL has operators of real and double precision that
 * win then; here those of double precision stand for them. */
static bool real_meets_number(uint32_t left, uint32_t right)
{
    uint32_t other = left == FLY_SQL_FLOAT4 ? right : left;
    return (left == FLY_SQL_FLOAT4 || right == FLY_SQL_FLOAT4) &&
           (other == FLY_SQL_INT2 || other == FLY_SQL_INT4 || other == FLY_SQL_INT8 ||
            other == FLY_SQL_NUMERIC);
}

static const fly__sql_func *find(fly__sql_binder *b, const char *symbol, uint32_t argc,
                                 const uint32_t *given, bool *many)
{
    size_t count = 0;
    const fly__sql_func *ops = fly__sql_operators(symbol, &count);
    *many = false;
    uint32_t types[2] = {given[0], given[1]};
    uint32_t left = types[0] == FLY_SQL_UNKNOWN && argc == 2 ? types[1] : types[0];
    uint32_t right = types[1] == FLY_SQL_UNKNOWN ? types[0] : types[1];
    const fly__sql_func *op = exact_op(ops, count, argc, left, right);
    if (op != NULL) {
        return op;
    }
    uint32_t left_base = fly__sql_bind_base(b, (fly_sql_type){.oid = left, .mod = -1}).oid;
    uint32_t right_base = fly__sql_bind_base(b, (fly_sql_type){.oid = right, .mod = -1}).oid;
    if (left_base != left || right_base != right) {
        op = exact_op(ops, count, argc, left_base, right_base);
        if (op != NULL) {
            return op;
        }
    }
    if (argc == 2 && real_meets_number(left_base, right_base)) {
        op = exact_op(ops, count, argc, FLY_SQL_FLOAT8, FLY_SQL_FLOAT8);
        if (op != NULL) {
            return op;
        }
    }
    fly__sql_candidate *list = NULL;
    uint32_t kept = 0;
    uint32_t room = 0;
    for (size_t i = 0; i < count; i++) {
        if (ops[i].argc == argc && reachable_op(b, &ops[i], types, argc)) {
            if (!fly__sql_bind_room(b, &list, &room, kept, sizeof *list)) {
                return NULL;
            }
            list[kept++] =
                (fly__sql_candidate){.func = &ops[i], .count = argc, .types = ops[i].args};
        }
    }
    const fly__sql_candidate *best = fly__sql_bind_choose(b, list, kept, types, argc, many);
    return best == NULL ? NULL : best->func;
}

const fly__sql_func *fly__sql_bind_find_op(fly__sql_binder *b, const char *symbol, uint32_t left,
                                           uint32_t right)
{
    bool many;
    uint32_t types[2] = {left, right};
    return find(b, symbol, 2, types, &many);
}

static void *no_op(fly__sql_binder *b, const char *symbol, const uint32_t *types, uint32_t argc,
                   bool many, uint32_t pos)
{
    if (!fly__sql_bind_ok(b)) {
        return NULL;
    }
    const char *text =
        argc == 1 ? fly__sql_bind_printf(b, "%s %s", symbol, fly__sql_bind_type_name(b, types[0]))
                  : fly__sql_bind_printf(b, "%s %s %s", fly__sql_bind_type_name(b, types[0]),
                                         symbol, fly__sql_bind_type_name(b, types[1]));
    if (text == NULL) {
        return NULL;
    }
    if (many) {
        (void)fly__sql_bind_fail(b, "42725", pos, "operator is not unique: %s", text);
        fly__sql_bind_hint(b, "Could not choose a best candidate operator. You might need to add "
                              "explicit type casts.");
        return NULL;
    }
    (void)fly__sql_bind_fail(b, "42883", pos, "operator does not exist: %s", text);
    fly__sql_bind_hint(b, argc == 1 ? "No operator matches the given name and argument type. You "
                                      "might need to add an explicit type cast."
                                    : "No operator matches the given name and argument types. You "
                                      "might need to add explicit type casts.");
    return NULL;
}

/* ----------------------------------------------------------------- compatibility */

static bool is_arithmetic(const char *symbol)
{
    return symbol[1] == 0 && strchr("+-*/%", symbol[0]) != NULL;
}

static bool is_comparison(const char *symbol)
{
    static const char *const list[] = {"=", "<>", "<", "<=", ">", ">="};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (strcmp(list[i], symbol) == 0) {
            return true;
        }
    }
    return false;
}

static fly__sql_expr *widened(fly__sql_binder *b, fly__sql_expr *e)
{
    if (e->type.oid != FLY_SQL_INT4 && e->type.oid != FLY_SQL_INT2) {
        return e;
    }
    if (e->kind == FLY__SQL_X_CONST && e->type.oid == FLY_SQL_INT4 && !e->value.null) {
        return fly__sql_bind_int(b, e->value.i32, FLY_SQL_INT8, e->pos);
    }
    return fly__sql_bind_coerce(b, e, fly__sql_type(FLY_SQL_INT8), 'i', e->pos);
}

static bool as_text(fly__sql_binder *b, fly__sql_expr **e)
{
    *e = fly__sql_bind_coerce(b, *e, fly__sql_type(FLY_SQL_TEXT), 'e', (*e)->pos);
    return *e != NULL;
}

/* With lax_ops: texts and numbers compare as texts, and anything may be joined to a text. */
static const fly__sql_func *lax(fly__sql_binder *b, const char *symbol, fly__sql_expr **left,
                                fly__sql_expr **right)
{
    if (*left == NULL || (!is_comparison(symbol) && strcmp(symbol, "||") != 0)) {
        return NULL;
    }
    if (!as_text(b, left) || !as_text(b, right)) {
        return NULL;
    }
    return fly__sql_bind_find_op(b, symbol, FLY_SQL_TEXT, FLY_SQL_TEXT);
}

/* --------------------------------------------------------------------- operators */

/* With lax_ops: a literal that is no number, beside a number. */
static bool is_no_number(fly__sql_binder *b, const fly__sql_expr *literal,
                         const fly__sql_expr *number)
{
    bool preferred;
    if (literal->kind != FLY__SQL_X_CONST || literal->type.oid != FLY_SQL_UNKNOWN ||
        literal->value.null || fly__sql_bind_category(b, number->type.oid, &preferred) != 'N') {
        return false;
    }
    fly_vec_value value;
    return fly__sql_value_in(b->session, number->type, fly_vec_str_bytes(&literal->value.str),
                             b->arena, &value, NULL) != FLY_OK;
}

/* The operator for operands, which compatibility may have changed. */
static const fly__sql_func *op_for(fly__sql_binder *b, const char *symbol, fly__sql_expr **left,
                                   fly__sql_expr **right, uint32_t pos)
{
    if (b->int_wide && *left != NULL && is_arithmetic(symbol)) {
        *left = widened(b, *left);
        *right = *left == NULL ? NULL : widened(b, *right);
        if (*right == NULL) {
            return NULL;
        }
    }
    if (b->lax_ops && *left != NULL && is_comparison(symbol) &&
        (is_no_number(b, *left, *right) || is_no_number(b, *right, *left))) {
        return lax(b, symbol, left, right);
    }
    const char *looked = symbol;
    if (b->div_null && *left != NULL && strcmp(symbol, "/") == 0) {
        looked = "fly_compat_/"; /* x / 0 is NULL */
    } else if (b->div_null && *left != NULL && strcmp(symbol, "%") == 0) {
        looked = "fly_compat_%";
    }
    uint32_t argc = *left == NULL ? 1 : 2;
    uint32_t types[2] = {argc == 1 ? (*right)->type.oid : (*left)->type.oid, (*right)->type.oid};
    bool many;
    const fly__sql_func *op = find(b, looked, argc, types, &many);
    if (op == NULL && looked != symbol) {
        op = find(b, symbol, argc, types, &many);
    }
    if (op == NULL && b->lax_ops && fly__sql_bind_ok(b)) {
        op = lax(b, symbol, left, right);
    }
    return op != NULL ? op : no_op(b, symbol, types, argc, many, pos);
}

fly__sql_expr *fly__sql_bind_op(fly__sql_binder *b, const char *symbol, fly__sql_expr *left,
                                fly__sql_expr *right, uint32_t pos)
{
    if (strcmp(symbol, "!=") == 0) {
        symbol = "<>";
    }
    if (b->like_nocase && symbol[0] != 0) {
        if (strcmp(symbol, "~~") == 0) {
            symbol = "~~*";
        } else if (strcmp(symbol, "!~~") == 0) {
            symbol = "!~~*";
        }
    }
    if (left == NULL && b->lax_ops && strcmp(symbol, "+") == 0) {
        return right;
    }
    const fly__sql_func *op = op_for(b, symbol, &left, &right, pos);
    if (op == NULL) {
        return NULL;
    }
    fly__sql_expr *args[2] = {left, right};
    return left == NULL ? fly__sql_bind_make_call(b, op, &right, 1, pos)
                        : fly__sql_bind_make_call(b, op, args, 2, pos);
}

const fly__sql_func *fly__sql_bind_op_args(fly__sql_binder *b, const char *symbol,
                                           fly__sql_expr **left, fly__sql_expr **right,
                                           uint32_t pos)
{
    const fly__sql_func *op = op_for(b, symbol, left, right, pos);
    if (op == NULL) {
        return NULL;
    }
    fly__sql_expr *args[2] = {*left, *right};
    fly_sql_type result;
    if (!fly__sql_bind_args(b, op, args, 2, op->args, op->result, pos, &result)) {
        return NULL;
    }
    *left = args[0];
    *right = args[1];
    return op;
}

/* ------------------------------------------------------------------------- rows */

static fly__sql_op_class compare_class(const char *symbol)
{
    static const struct {
        const char *symbol;
        fly__sql_op_class op;
    } list[] = {{"<", FLY__SQL_OP_LT},
                {"<=", FLY__SQL_OP_LE},
                {">", FLY__SQL_OP_GT},
                {">=", FLY__SQL_OP_GE}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (strcmp(list[i].symbol, symbol) == 0) {
            return list[i].op;
        }
    }
    return FLY__SQL_OP_NONE;
}

/* (a, b) = (c, d) is a = c AND b = d. */
static fly__sql_expr *pairwise(fly__sql_binder *b, const char *symbol, fly__sql_expr **left,
                               fly__sql_expr **right, uint32_t count, uint32_t pos)
{
    bool equal = strcmp(symbol, "=") == 0;
    fly__sql_expr *e = fly__sql_bind_node(b, equal ? FLY__SQL_X_AND : FLY__SQL_X_OR,
                                          fly__sql_type(FLY_SQL_BOOL), count, pos);
    if (e == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        e->args[i] = fly__sql_bind_op(b, symbol, left[i], right[i], pos);
        if (e->args[i] == NULL) {
            return NULL;
        }
    }
    return count == 1 ? e->args[0] : fly__sql_bind_done(b, e);
}

fly__sql_expr *fly__sql_bind_row_op(fly__sql_binder *b, const char *symbol, fly__sql_expr **left,
                                    fly__sql_expr **right, uint32_t count, uint32_t pos)
{
    if (strcmp(symbol, "!=") == 0) {
        symbol = "<>";
    }
    if (count == 0) {
        return fly__sql_bind_fail(b, "0A000", pos, "cannot compare rows of zero length");
    }
    if (strcmp(symbol, "=") == 0 || strcmp(symbol, "<>") == 0) {
        return pairwise(b, symbol, left, right, count, pos);
    }
    fly__sql_op_class op = compare_class(symbol);
    if (op == FLY__SQL_OP_NONE) {
        (void)fly__sql_bind_fail(b, "0A000", pos,
                                 "could not determine interpretation of row comparison operator %s",
                                 symbol);
        fly__sql_bind_hint(b, "Row comparison operators must be associated with btree operator "
                              "families.");
        return NULL;
    }
    fly__sql_expr *e =
        fly__sql_bind_node(b, FLY__SQL_X_ROW_COMPARE, fly__sql_type(FLY_SQL_BOOL), count * 2, pos);
    const fly__sql_func **funcs = e == NULL ? NULL : fly__sql_bind_alloc(b, count * sizeof *funcs);
    if (funcs == NULL) {
        return NULL;
    }
    e->truth = (char)op;
    e->funcs = funcs;
    for (uint32_t i = 0; i < count; i++) {
        e->args[i] = left[i];
        e->args[count + i] = right[i];
        funcs[i] = fly__sql_bind_op_args(b, symbol, &e->args[i], &e->args[count + i], pos);
        if (funcs[i] == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, e);
}

/* -------------------------------------------------------------- order and equality */

static bool has_op(fly__sql_binder *b, const char *symbol, uint32_t oid)
{
    const fly__sql_func *op = fly__sql_bind_find_op(b, symbol, oid, oid);
    if (op != NULL) {
        return true;
    }
    uint32_t element = fly__sql_bind_element(b, oid);
    if (element != 0) {
        return has_op(b, symbol, element);
    }
    return oid == FLY_SQL_RECORD || fly__sql_bind_composite(b, oid) != NULL ||
           fly__sql_bind_is_enum(b, oid);
}

bool fly__sql_bind_sortable(fly__sql_binder *b, uint32_t oid, uint32_t pos)
{
    if (oid == FLY_SQL_UNKNOWN || oid == FLY_SQL_INT4 || oid == FLY_SQL_TEXT ||
        has_op(b, "<", oid)) {
        return true;
    }
    (void)fly__sql_bind_fail(b, "42883", pos, "could not identify an ordering operator for type %s",
                             fly__sql_bind_type_name(b, oid));
    fly__sql_bind_hint(b, "Use an explicit ordering operator or modify the query.");
    return false;
}

bool fly__sql_bind_groupable(fly__sql_binder *b, uint32_t oid, uint32_t pos)
{
    if (oid == FLY_SQL_UNKNOWN || oid == FLY_SQL_INT4 || oid == FLY_SQL_TEXT ||
        has_op(b, "=", oid)) {
        return true;
    }
    return fly__sql_bind_fail(b, "42883", pos,
                              "could not identify an equality operator for type %s",
                              fly__sql_bind_type_name(b, oid)) != NULL;
}
