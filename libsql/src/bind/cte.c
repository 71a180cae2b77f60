/*
 * WITH: common table expressions.
 *
 * Each is bound once, in the scope of the query that has the WITH, and each use has columns of its own
 * for those of the expression. A recursive one is a UNION of a term that is bound first and gives the
 * types, and a term that may name the whole once: the rows of the round before.
 */
#include "bind/bind_cte_int.h"

/* ------------------------------------------------------------------------------ uses */

static fly__sql_scope_cte *lookup(fly__sql_scope *scope, const char *name)
{
    for (; scope != NULL; scope = scope->parent) {
        for (fly__sql_scope_cte *c = scope->ctes; c != NULL; c = c->next) {
            if (strcmp(c->name, name) == 0 && c->cte != NULL) {
                return c;
            }
        }
    }
    return NULL;
}

fly__sql_rel *fly__sql_bind_cte_use(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly_ast_relation *ast, bool *found)
{
    fly__sql_scope_cte *c = lookup(scope, ast->name);
    *found = c != NULL;
    if (c == NULL) {
        return NULL;
    }
    uint32_t pos = ast->node.pos;
    if (c->recursive) {
        if (c->forbidden) {
            return fly__sql_bind_fail(
                b, "42P19", pos,
                "recursive reference to query \"%s\" must not appear within its non-recursive term",
                c->name);
        }
        if (c->used) {
            return fly__sql_bind_fail(
                b, "42P19", pos,
                "recursive reference to query \"%s\" must not appear more than once", c->name);
        }
        c->used = true;
    }
    fly__sql_cte *cte = c->cte;
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_CTE, NULL, cte->count);
    if (rel == NULL) {
        return NULL;
    }
    rel->cte.cte = cte;
    rel->cte.work = c->recursive;
    cte->uses += !c->recursive;
    for (uint32_t i = 0; i < cte->count; i++) {
        rel->columns[i] = cte->columns[i];
        rel->columns[i].id = fly__sql_bind_id(b, 'o', scope, NULL, i);
        if (rel->columns[i].id == 0) {
            return NULL;
        }
        b->infos[rel->columns[i].id].fields = b->infos[cte->columns[i].id].fields;
    }
    const char *alias = ast->alias != NULL ? ast->alias : ast->name;
    fly__sql_item *item = fly__sql_bind_derived(b, scope, rel, alias, ast->alias_columns, pos);
    if (item != NULL && c->recursive) {
        c->work = rel;
        for (uint32_t i = c->own; i < item->column_count; i++) {
            item->columns[i].hidden = true; /* what SEARCH and CYCLE add */
        }
    }
    return item == NULL || !fly__sql_bind_scope_add(b, scope, item) ? NULL : rel;
}

/* ----------------------------------------------------------------------- definitions */

/* The columns of an expression: those of its query, with the names written after its own. */
static bool set_columns(fly__sql_binder *b, const fly_ast_cte *ast, fly__sql_cte *cte,
                        const fly__sql_rel *rel)
{
    if (ast->columns.count > rel->column_count) {
        return fly__sql_bind_fail(
                   b, "42P10", ast->node.pos,
                   "WITH query \"%s\" has %u columns available but %u columns specified", ast->name,
                   rel->column_count, ast->columns.count) != NULL;
    }
    cte->count = rel->column_count;
    cte->columns = fly__sql_bind_alloc(b, (cte->count + 1) * sizeof *cte->columns);
    if (cte->columns == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < cte->count; i++) {
        cte->columns[i] = rel->columns[i];
        if (i < ast->columns.count) {
            cte->columns[i].name = ast->columns.items[i];
        }
    }
    return true;
}

typedef struct mention {
    const char *name;
    bool found;
} mention;

static bool mentions(void *ctx, fly_ast *node)
{
    mention *m = ctx;
    if (node->kind == FLY_AST_RELATION) {
        const fly_ast_relation *relation = (const fly_ast_relation *)node;
        m->found |= relation->schema == NULL && relation->name != NULL &&
                    strcmp(relation->name, m->name) == 0;
    }
    return !m->found;
}

static bool names_itself(const fly_ast_cte *ast)
{
    mention m = {.name = ast->name};
    fly__sql_ast_walk((fly_ast *)ast->query, mentions, &m);
    return m.found;
}

static bool check_types(fly__sql_binder *b, const fly_ast_cte *ast, const fly__sql_rel *first,
                        const fly__sql_rel *term, fly_sql_type *types)
{
    for (uint32_t i = 0; i < term->column_count; i++) {
        fly__sql_expr *pair[2] = {
            fly__sql_bind_colref(b, first->columns[i].id, first->columns[i].type, 0),
            term->kind == FLY__SQL_R_PROJECT
                ? term->project.exprs[i]
                : fly__sql_bind_colref(b, term->columns[i].id, term->columns[i].type, 0)};
        if (pair[0] == NULL || pair[1] == NULL) {
            return false;
        }
        fly_sql_type common = fly__sql_bind_common(b, pair, 2, "UNION", NULL);
        if (common.oid == 0) {
            return false;
        }
        types[i] = first->columns[i].type;
        if (common.oid != types[i].oid) {
            (void)fly__sql_bind_fail(
                b, "42804",
                first->kind == FLY__SQL_R_PROJECT ? first->project.exprs[i]->pos : ast->node.pos,
                "recursive query \"%s\" column %u has type %s in non-recursive term but type %s "
                "overall",
                ast->name, i + 1, fly__sql_bind_type_full(b, types[i]),
                fly__sql_bind_type_full(b, common));
            fly__sql_bind_hint(b, "Cast the output of the non-recursive term to the correct type.");
            return false;
        }
    }
    return true;
}

static bool not_recursive(fly__sql_binder *b, uint32_t pos, const char *what)
{
    return fly__sql_bind_fail(b, "0A000", pos, "%s in a recursive query is not implemented",
                              what) != NULL;
}

/* Rounds have no order, no rows to leave out and, since their rows are no table's, none to lock. */
static bool plain_union(fly__sql_binder *b, const fly_ast_select *query)
{
    if (query->order_by.count > 0) {
        const fly_ast_sort *first = (const fly_ast_sort *)query->order_by.items[0];
        return not_recursive(b, first->expr->pos, "ORDER BY");
    }
    if (query->offset != NULL) {
        return not_recursive(b, query->offset->pos, "OFFSET");
    }
    if (query->limit != NULL) {
        return not_recursive(b, query->limit->pos, "LIMIT");
    }
    return query->locking.count == 0 || not_recursive(b, 0, "FOR UPDATE/SHARE");
}

static bool recursive(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_cte *ast,
                      fly__sql_scope_cte *entry, fly__sql_cte *cte)
{
    const fly_ast_select *query = (const fly_ast_select *)ast->query;
    if (query->node.kind != FLY_AST_SELECT || query->op != FLY_AST_SET_UNION) {
        return fly__sql_bind_fail(
                   b, "42P19", ast->node.pos,
                   "recursive query \"%s\" does not have the form non-recursive-term "
                   "UNION [ALL] recursive-term",
                   ast->name) != NULL;
    }
    if (!plain_union(b, query)) {
        return false;
    }
    fly__sql_scope *inner = fly__sql_bind_scope(b, scope);
    if (inner == NULL) {
        return false;
    }
    if (query->with != NULL) {
        return fly__sql_bind_unsupported(b, ast->node.pos, "WITH inside a recursive query") != NULL;
    }
    entry->cte = cte;
    entry->recursive = true;
    entry->forbidden = true;
    fly__sql_rel *first = fly__sql_bind_query(b, inner, (const fly_ast_select *)query->left, false);
    entry->forbidden = false;
    if (first == NULL) {
        return false;
    }
    /* Rounds may give more digits than the first: numerics are in libvec's format. */
    fly_sql_type *types = fly__sql_bind_alloc(b, (first->column_count + 1) * sizeof *types);
    if (types == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < first->column_count; i++) {
        types[i] = first->columns[i].type;
        if (types[i].oid == FLY_SQL_NUMERIC) {
            types[i].digits = 0;
            types[i].scale = 0;
        }
    }
    first = fly__sql_bind_cast_columns(b, first, types);
    if (first == NULL) {
        return false;
    }
    cte->rel = first;
    if (!set_columns(b, ast, cte, first)) {
        return false;
    }
    fly__sql_path path = {0};
    if (!fly__sql_bind_path_begin(b, inner, ast, &first, cte, &path)) {
        return false;
    }
    cte->rel = first;
    entry->own = path.own;
    fly__sql_rel *term = fly__sql_bind_query(b, inner, (const fly_ast_select *)query->right, true);
    entry->recursive = false;
    if (term == NULL) {
        return false;
    }
    if (term->column_count != path.own) {
        return fly__sql_bind_fail(b, "42601", ast->node.pos,
                                  "each UNION query must have the same number of columns") != NULL;
    }
    if (!check_types(b, ast, first, term, types)) {
        return false;
    }
    term = fly__sql_bind_cast_columns(b, term, types);
    if (term == NULL || !fly__sql_bind_path_end(b, ast, term, entry->work, &path)) {
        return false;
    }
    cte->recursive = term;
    cte->union_all = query->all;
    cte->materialize = true;
    return cte->recursive != NULL;
}

static bool define(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_with *with,
                   const fly_ast_cte *ast, fly__sql_scope_cte *entry, fly__sql_cte *cte)
{
    cte->name = ast->name;
    cte->id = b->next_cte++;
    if (with->recursive && names_itself(ast)) {
        return recursive(b, scope, ast, entry, cte);
    }
    if (ast->search != NULL || ast->cycle != NULL) {
        return fly__sql_bind_fail(b, "42601", ast->node.pos, "WITH query is not recursive") != NULL;
    }
    cte->rel = fly__sql_bind_statement(b, scope, ast->query);
    if (cte->rel == NULL || !set_columns(b, ast, cte, cte->rel)) {
        return false;
    }
    cte->materialize = ast->materialized == FLY_AST_MATERIALIZE_ALWAYS ||
                       ast->query->kind != FLY_AST_SELECT;
    entry->cte = cte;
    return true;
}

bool fly__sql_bind_with(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_with *with,
                        fly__sql_rel **wrap)
{
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_WITH, NULL, 0);
    fly__sql_cte *ctes = fly__sql_bind_alloc(b, with->ctes.count * sizeof *ctes);
    if (rel == NULL || ctes == NULL) {
        return false;
    }
    rel->with.ctes = fly__sql_bind_alloc(b, with->ctes.count * sizeof *rel->with.ctes);
    if (rel->with.ctes == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < with->ctes.count; i++) {
        const fly_ast_cte *ast = (const fly_ast_cte *)with->ctes.items[i];
        for (fly__sql_scope_cte *c = scope->ctes; c != NULL; c = c->next) {
            if (strcmp(c->name, ast->name) == 0) {
                return fly__sql_bind_fail(b, "42712", ast->node.pos,
                                          "WITH query name \"%s\" specified more than once",
                                          ast->name) != NULL;
            }
        }
        fly__sql_scope_cte *entry = fly__sql_bind_alloc(b, sizeof *entry);
        if (entry == NULL) {
            return false;
        }
        entry->name = ast->name;
        entry->next = scope->ctes;
        scope->ctes = entry;
        if (!define(b, scope, with, ast, entry, &ctes[i])) {
            return false;
        }
        rel->with.ctes[rel->with.count++] = &ctes[i];
    }
    *wrap = rel;
    return true;
}
