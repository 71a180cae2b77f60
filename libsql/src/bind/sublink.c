/*
 * Queries inside expressions.
 *
 * They are bound in a scope of their own whose parent is the query around them, so that they may name
 * its columns; which outer columns they name is found by the last pass (bind.c).
 */
#include "bind/bind_scope_int.h"

static fly__sql_expr *subquery(fly__sql_binder *b, fly__sql_subquery_kind kind, fly__sql_rel *rel,
                               fly_sql_type type, uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_SUBQUERY, type, 0, pos);
    fly__sql_subquery *sub = e == NULL ? NULL : fly__sql_bind_alloc(b, sizeof *sub);
    if (sub == NULL) {
        return NULL;
    }
    sub->kind = kind;
    sub->rel = rel;
    e->subquery = sub;
    e->raises = true;
    b->has_subqueries = true;
    return e;
}

static fly__sql_expr *result_column(fly__sql_binder *b, const fly__sql_rel *rel, uint32_t i,
                                    uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_colref(b, rel->columns[i].id, rel->columns[i].type, pos);
    if (e != NULL && e->type.collation != 0) {
        e->collated = 'i';
    }
    return e;
}

/* What stands before IN or op ANY: one value, or the values of a row. */
static bool left_side(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast,
                      fly__sql_expr ***left, uint32_t *count)
{
    bool row = ast->kind == FLY_AST_ROW;
    fly_ast_list items = row ? ((const fly_ast_row *)ast)->items
                             : (fly_ast_list){.items = (fly_ast **)&ast, .count = 1};
    *count = items.count;
    *left = fly__sql_bind_alloc(b, (items.count + 1) * sizeof **left);
    if (*left == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < items.count; i++) {
        (*left)[i] = fly__sql_bind_expression(b, scope, items.items[i]);
        if ((*left)[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool same_width(fly__sql_binder *b, const fly__sql_rel *rel, uint32_t count, uint32_t pos)
{
    if (rel->column_count != count) {
        return fly__sql_bind_fail(b, "42601", pos,
                                  rel->column_count > count
                                      ? "subquery has too many columns"
                                      : "subquery has too few columns") != NULL;
    }
    return true;
}

/* left op the columns of `rel`, as one condition. */
static fly__sql_expr *comparison(fly__sql_binder *b, const char *symbol, fly__sql_expr **left,
                                 fly__sql_expr **right, uint32_t count, uint32_t pos)
{
    fly__sql_expr *test = count == 1 ? fly__sql_bind_op(b, symbol, left[0], right[0], pos)
                                     : fly__sql_bind_row_op(b, symbol, left, right, count, pos);
    if (test != NULL && test->type.oid != FLY_SQL_BOOL) {
        return fly__sql_bind_fail(b, "42804", pos,
                                  "row comparison operator must yield type boolean, not type %s",
                                  fly__sql_bind_type_name(b, test->type.oid));
    }
    return test;
}

static fly__sql_expr *quantified(fly__sql_binder *b, const fly_ast_sublink *ast, fly__sql_rel *rel,
                                 fly__sql_expr **left, uint32_t count)
{
    uint32_t pos = ast->node.pos;
    if (!same_width(b, rel, count, pos)) {
        return NULL;
    }
    fly__sql_expr *e =
        subquery(b, ast->type == FLY_AST_SUBLINK_ALL ? FLY__SQL_SUB_ALL : FLY__SQL_SUB_ANY, rel,
                 fly__sql_type(FLY_SQL_BOOL), pos);
    fly__sql_expr **right = fly__sql_bind_alloc(b, (count + 1) * sizeof *right);
    if (e == NULL || right == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        right[i] = result_column(b, rel, i, pos);
        if (right[i] == NULL) {
            return NULL;
        }
    }
    const char *symbol = ast->type == FLY_AST_SUBLINK_IN ? "=" : ast->op;
    e->subquery->test = comparison(b, symbol, left, right, count, pos);
    if (e->subquery->test == NULL) {
        return NULL;
    }
    return ast->negated ? fly__sql_bind_not(b, e) : e;
}

/* (a, b) op (SELECT c, d): at most one row. */
static fly__sql_expr *row_compare(fly__sql_binder *b, const fly_ast_sublink *ast, fly__sql_rel *rel,
                                  fly__sql_expr **left, uint32_t count)
{
    uint32_t pos = ast->node.pos;
    if (!same_width(b, rel, count, pos)) {
        return NULL;
    }
    fly__sql_expr *row = subquery(b, FLY__SQL_SUB_ROW, rel, fly__sql_type(FLY_SQL_RECORD), pos);
    fly__sql_expr **right = fly__sql_bind_alloc(b, (count + 1) * sizeof *right);
    if (row == NULL || right == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        fly_sql_type type = rel->columns[i].type;
        if (type.oid == FLY_SQL_NUMERIC) {
            type.digits = 0;
            type.scale = 0;
        }
        right[i] = fly__sql_bind_node(b, FLY__SQL_X_FIELD, type, 1, pos);
        if (right[i] == NULL) {
            return NULL;
        }
        right[i]->args[0] = row;
        right[i]->column = i + 1;
        right[i]->raises = true;
    }
    return comparison(b, ast->op, left, right, count, pos);
}

fly__sql_expr *fly__sql_bind_sublink(fly__sql_binder *b, fly__sql_scope *scope,
                                     const fly_ast_sublink *ast)
{
    uint32_t pos = ast->node.pos;
    fly__sql_expr **left = NULL;
    uint32_t count = 0;
    const char *place = fly__sql_bind_place_one(scope->place);
    if (place != NULL) {
        return fly__sql_bind_fail(b, "0A000", pos, "cannot use subquery in %s", place);
    }
    if (ast->arg != NULL && !left_side(b, scope, ast->arg, &left, &count)) {
        return NULL;
    }
    fly__sql_rel *rel = fly__sql_bind_query(b, scope, (const fly_ast_select *)ast->query, false);
    if (rel == NULL) {
        return NULL;
    }
    switch (ast->type) {
    case FLY_AST_SUBLINK_EXISTS: {
        fly__sql_expr *e = subquery(b, FLY__SQL_SUB_EXISTS, rel, fly__sql_type(FLY_SQL_BOOL), pos);
        return e != NULL && ast->negated ? fly__sql_bind_not(b, e) : e;
    }
    case FLY_AST_SUBLINK_IN:
    case FLY_AST_SUBLINK_ANY:
    case FLY_AST_SUBLINK_ALL:
        return quantified(b, ast, rel, left, count);
    default:
        break;
    }
    if (ast->arg != NULL) {
        return row_compare(b, ast, rel, left, count);
    }
    if (rel->column_count != 1) {
        return fly__sql_bind_fail(b, "42601", pos, "subquery must return only one column");
    }
    fly_sql_type type = rel->columns[0].type;
    if (ast->type == FLY_AST_SUBLINK_ARRAY) {
        uint32_t oid = fly__sql_bind_element(b, type.oid) != 0
                           ? type.oid
                           : fly__sql_bind_array_of(b, type.oid);
        if (oid == 0) {
            return fly__sql_bind_fail(b, "42704", pos, "could not find array type for data type %s",
                                      fly__sql_bind_type_name(b, type.oid));
        }
        if (type.oid == FLY_SQL_NUMERIC && type.digits != 0) {
            fly_sql_type plain = fly__sql_type(FLY_SQL_NUMERIC);
            rel = fly__sql_bind_cast_columns(b, rel, &plain);
            if (rel == NULL) {
                return NULL;
            }
        }
        return subquery(b, FLY__SQL_SUB_ARRAY, rel, fly__sql_bind_plain(b, oid), pos);
    }
    fly__sql_expr *e = subquery(b, FLY__SQL_SUB_SCALAR, rel, type, pos);
    if (e != NULL && type.collation != 0) {
        e->collated = 'i';
    }
    return e;
}
