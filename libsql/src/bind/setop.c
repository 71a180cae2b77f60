/*
 * UNION, INTERSECT, EXCEPT.
 *
 * Both sides are bound with their literals of unknown type left so; then each pair of columns gets the
 * type that both can have (PostgreSQL's manual, 10.5), and a side whose columns have other types is cast.
 */
#include "bind/bind_scope_int.h"

/* What a column of a query is, as far as its type goes: a literal may still become anything. */
static fly__sql_expr *column_expr(fly__sql_binder *b, const fly__sql_rel *rel, uint32_t i)
{
    if (rel->kind == FLY__SQL_R_PROJECT) {
        return rel->project.exprs[i];
    }
    return fly__sql_bind_colref(b, rel->columns[i].id, rel->columns[i].type, 0);
}

static bool cast_in_place(fly__sql_binder *b, fly__sql_expr **e, fly_sql_type type)
{
    fly__sql_expr *cast = fly__sql_bind_coerce(b, *e, type, 'i', (*e)->pos);
    if (cast == NULL && fly__sql_bind_ok(b)) {
        cast = fly__sql_bind_coerce(b, *e, type, 'a', (*e)->pos);
    }
    if (cast == NULL) {
        if (fly__sql_bind_ok(b)) {
            (void)fly__sql_bind_fail(b, "42846", (*e)->pos, "cannot cast type %s to %s",
                                     fly__sql_bind_type_name(b, (*e)->type.oid),
                                     fly__sql_bind_type_name(b, type.oid));
        }
        return false;
    }
    *e = cast;
    return true;
}

static bool same_types(const fly__sql_rel *rel, const fly_sql_type *types)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (!fly__sql_type_equal(rel->columns[i].type, types[i])) {
            return false;
        }
    }
    return true;
}

fly__sql_rel *fly__sql_bind_cast_columns(fly__sql_binder *b, fly__sql_rel *rel,
                                         const fly_sql_type *types)
{
    if (same_types(rel, types)) {
        return rel;
    }
    if (rel->kind == FLY__SQL_R_PROJECT) {
        for (uint32_t i = 0; i < rel->column_count; i++) {
            if (!fly__sql_type_equal(rel->columns[i].type, types[i])) {
                if (!cast_in_place(b, &rel->project.exprs[i], types[i])) {
                    return NULL;
                }
                rel->columns[i].type = rel->project.exprs[i]->type;
            }
        }
        return rel;
    }
    if (rel->kind == FLY__SQL_R_VALUES) {
        for (uint32_t i = 0; i < rel->column_count; i++) {
            for (uint32_t r = 0; r < rel->values.row_count; r++) {
                if (!cast_in_place(b, &rel->values.rows[r][i], types[i])) {
                    return NULL;
                }
            }
            rel->columns[i].type = types[i];
        }
        return rel;
    }
    fly__sql_target *targets = fly__sql_bind_alloc(b, (rel->column_count + 1) * sizeof *targets);
    if (targets == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < rel->column_count; i++) {
        targets[i].expr = fly__sql_bind_colref(b, rel->columns[i].id, rel->columns[i].type, 0);
        targets[i].name = rel->columns[i].name;
        if (targets[i].expr == NULL || !cast_in_place(b, &targets[i].expr, types[i])) {
            return NULL;
        }
    }
    return fly__sql_bind_project(b, NULL, rel, targets, rel->column_count);
}

static uint32_t position_of(const fly_ast_select *ast)
{
    while (ast->op != FLY_AST_SET_NONE) {
        ast = (const fly_ast_select *)ast->left;
    }
    if (ast->targets.count > 0) {
        return ast->targets.items[0]->pos;
    }
    return ast->node.pos;
}

fly__sql_rel *fly__sql_bind_setop(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_select *ast, bool keep_unknown)
{
    static const char *const names[] = {"", "UNION", "INTERSECT", "EXCEPT"};
    static const char ops[] = {0, 'u', 'i', 'e'};
    const char *name = names[ast->op];
    (void)keep_unknown;
    if (ast->locking.count > 0) {
        return fly__sql_bind_fail(b, "0A000", 0,
                                  "FOR UPDATE is not allowed with UNION/INTERSECT/EXCEPT");
    }
    const fly_ast_select *right_ast = (const fly_ast_select *)ast->right;
    fly__sql_rel *left = fly__sql_bind_query(b, scope, (const fly_ast_select *)ast->left, true);
    fly__sql_rel *right = left == NULL ? NULL : fly__sql_bind_query(b, scope, right_ast, true);
    if (right == NULL) {
        return NULL;
    }
    uint32_t count = left->column_count;
    if (count != right->column_count) {
        return fly__sql_bind_fail(b, "42601", position_of(right_ast),
                                  "each %s query must have the same number of columns", name);
    }
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_SETOP, NULL, count);
    fly_sql_type *types = fly__sql_bind_alloc(b, (count + 1) * sizeof *types);
    if (rel == NULL || types == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        fly__sql_expr *pair[2] = {column_expr(b, left, i), column_expr(b, right, i)};
        if (pair[0] == NULL || pair[1] == NULL) {
            return NULL;
        }
        types[i] = fly__sql_bind_common(b, pair, 2, name, NULL);
        if (types[i].oid == 0) {
            return NULL;
        }
        if (!(ast->all && ast->op == FLY_AST_SET_UNION) &&
            !fly__sql_bind_groupable(b, types[i].oid, pair[0]->pos)) {
            return NULL;
        }
        rel->columns[i] = (fly__sql_colref){.id = fly__sql_bind_id(b, 'o', scope, NULL, i),
                                            .type = types[i],
                                            .name = left->columns[i].name,
                                            .nullable = true};
        if (rel->columns[i].id == 0) {
            return NULL;
        }
    }
    rel->left = fly__sql_bind_cast_columns(b, left, types);
    rel->right = rel->left == NULL ? NULL : fly__sql_bind_cast_columns(b, right, types);
    rel->setop.op = ops[ast->op];
    rel->setop.all = ast->all;
    return rel->right == NULL ? NULL : rel;
}
