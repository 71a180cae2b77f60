/*
 * Binding a statement: the entry points, and the last pass over the finished tree.
 *
 * The last pass gives nodes that only pass columns on (filters, joins, sorts) the columns of their
 * inputs, which may have grown while the rest of the query was bound, and tells each subquery which
 * columns of outer queries it names.
 */
#include "bind/bind_scope_int.h"

/* ------------------------------------------------------------------------ last pass */

typedef struct finish {
    fly__sql_binder *b;
    struct boundary *boundary; /* the innermost subquery around */
    uint32_t *made_in; /* by column: the subquery that makes it, by number; 0: the statement */
    uint32_t boundaries;
} finish;

typedef struct boundary {
    struct boundary *outer;
    uint32_t number;
    fly__sql_subquery *sub;
    uint32_t room, type_room;
} boundary;

static bool finish_rel(finish *f, fly__sql_rel *rel);

static bool add_outer(finish *f, boundary *at, const fly__sql_expr *column)
{
    fly__sql_subquery *sub = at->sub;
    for (uint32_t i = 0; i < sub->outer_count; i++) {
        if (sub->outer[i] == column->column) {
            return true;
        }
    }
    if (!fly__sql_bind_room(f->b, &sub->outer, &at->room, sub->outer_count, sizeof *sub->outer) ||
        !fly__sql_bind_room(f->b, &sub->outer_types, &at->type_room, sub->outer_count,
                            sizeof *sub->outer_types)) {
        return false;
    }
    sub->outer[sub->outer_count] = column->column;
    sub->outer_types[sub->outer_count++] = column->type;
    return true;
}

static int finish_expr(void *ctx, fly__sql_expr **at)
{
    finish *f = ctx;
    fly__sql_expr *e = *at;
    if (e->kind == FLY__SQL_X_COLUMN) {
        uint32_t maker = f->made_in[e->column];
        for (boundary *b = f->boundary; b != NULL && b->number != maker; b = b->outer) {
            if (!add_outer(f, b, e)) {
                return -1;
            }
        }
        return 0;
    }
    if (e->kind != FLY__SQL_X_SUBQUERY) {
        return 1;
    }
    fly__sql_subquery *sub = e->subquery;
    boundary inner = {.outer = f->boundary, .number = ++f->boundaries, .sub = sub};
    sub->outer_count = 0;
    f->boundary = &inner;
    bool ok = finish_rel(f, sub->rel);
    f->boundary = inner.outer;
    if (!ok) {
        return -1;
    }
    /* The test names the subquery's columns and those around it. */
    for (uint32_t i = 0; i < sub->rel->column_count; i++) {
        f->made_in[sub->rel->columns[i].id] = f->boundary == NULL ? 0 : f->boundary->number;
    }
    return fly__sql_bind_walk(&sub->test, finish_expr, f) ? 0 : -1;
}

static bool pass_on(fly__sql_rel *rel)
{
    rel->columns = rel->left->columns;
    rel->column_count = rel->left->column_count;
    return true;
}

static bool join_columns(finish *f, fly__sql_rel *rel)
{
    uint32_t left = rel->left->column_count;
    uint32_t right = rel->right->column_count;
    rel->columns = fly__sql_bind_alloc(f->b, (left + right) * sizeof *rel->columns);
    if (rel->columns == NULL) {
        return false;
    }
    rel->column_count = left + right;
    bool left_null = rel->join.join == FLY__SQL_JOIN_RIGHT || rel->join.join == FLY__SQL_JOIN_FULL;
    bool right_null = rel->join.join == FLY__SQL_JOIN_LEFT || rel->join.join == FLY__SQL_JOIN_FULL;
    for (uint32_t i = 0; i < left; i++) {
        rel->columns[i] = rel->left->columns[i];
        rel->columns[i].nullable |= left_null;
    }
    for (uint32_t i = 0; i < right; i++) {
        rel->columns[left + i] = rel->right->columns[i];
        rel->columns[left + i].nullable |= right_null;
    }
    return true;
}

static bool window_columns(finish *f, fly__sql_rel *rel)
{
    uint32_t left = rel->left->column_count;
    uint32_t calls = rel->window.call_count;
    rel->columns = fly__sql_bind_alloc(f->b, (left + calls) * sizeof *rel->columns);
    if (rel->columns == NULL) {
        return false;
    }
    if (left > 0) {
        memcpy(rel->columns, rel->left->columns, left * sizeof *rel->columns);
    }
    for (uint32_t i = 0; i < calls; i++) {
        rel->columns[left + i] = rel->window.calls[i].call.out;
    }
    rel->column_count = left + calls;
    return true;
}

static bool columns_of(finish *f, fly__sql_rel *rel)
{
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_FILTER:
    case FLY__SQL_R_SORT:
    case FLY__SQL_R_LIMIT:
    case FLY__SQL_R_DISTINCT:
    case FLY__SQL_R_LOCK:
    case FLY__SQL_R_WITH:
        return pass_on(rel);
    case FLY__SQL_R_JOIN:
        return join_columns(f, rel);
    case FLY__SQL_R_WINDOW:
        return window_columns(f, rel);
    default:
        return true;
    }
}

/* Expressions of one node alone. */
static bool finish_node(finish *f, fly__sql_rel *rel)
{
    fly__sql_rel alone = *rel;
    alone.left = NULL;
    alone.right = NULL;
    if (alone.kind == FLY__SQL_R_WITH) {
        return true;
    }
    return fly__sql_bind_walk_rel(&alone, finish_expr, f);
}

static void made_here(finish *f, const fly__sql_rel *rel)
{
    uint32_t number = f->boundary == NULL ? 0 : f->boundary->number;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        f->made_in[rel->columns[i].id] = number;
    }
    if (rel->kind == FLY__SQL_R_MODIFY) {
        const fly__sql_modify *m = rel->modify;
        for (uint32_t i = 0; i < m->table->column_count; i++) {
            if (m->fresh != NULL) {
                f->made_in[m->fresh[i]] = number;
            }
            if (m->old != NULL) {
                f->made_in[m->old[i]] = number;
            }
        }
    }
}

static bool finish_rel(finish *f, fly__sql_rel *rel)
{
    if (rel == NULL) {
        return true;
    }
    if (rel->kind == FLY__SQL_R_WITH) {
        for (uint32_t i = 0; i < rel->with.count; i++) {
            if (!finish_rel(f, rel->with.ctes[i]->rel) ||
                !finish_rel(f, rel->with.ctes[i]->recursive)) {
                return false;
            }
        }
    }
    if (!finish_rel(f, rel->left) || !finish_rel(f, rel->right) || !columns_of(f, rel)) {
        return false;
    }
    if (!f->b->has_subqueries) {
        return true;
    }
    made_here(f, rel);
    return finish_node(f, rel);
}

static bool finish_tree(fly__sql_binder *b, fly__sql_rel *root)
{
    finish f = {.b = b};
    if (b->has_subqueries) {
        f.made_in = fly__sql_bind_alloc(b, b->next_id * sizeof *f.made_in);
        if (f.made_in == NULL) {
            return false;
        }
    }
    return finish_rel(&f, root);
}

/* ------------------------------------------------------------------------ statements */

fly__sql_rel *fly__sql_bind_statement(fly__sql_binder *b, fly__sql_scope *parent,
                                      const fly_ast *ast)
{
    switch (ast->kind) {
    case FLY_AST_SELECT:
        return fly__sql_bind_query(b, parent, (const fly_ast_select *)ast, false);
    case FLY_AST_INSERT:
        return fly__sql_bind_insert(b, parent, (const fly_ast_insert *)ast);
    case FLY_AST_UPDATE:
        return fly__sql_bind_update(b, parent, (const fly_ast_update *)ast);
    case FLY_AST_DELETE:
        return fly__sql_bind_delete(b, parent, (const fly_ast_delete *)ast);
    case FLY_AST_MERGE:
        return fly__sql_bind_merge(b, parent, (const fly_ast_merge *)ast);
    default:
        return fly__sql_bind_unsupported(b, ast->pos, fly__sql_ast_name(ast->kind));
    }
}

static void binder_init(fly__sql_binder *b, fly__sql_bind_context *context, fly_err *err)
{
    *b = (fly__sql_binder){
        .context = context,
        .session = context->session,
        .view = context->view,
        .arena = context->arena,
        .err = err,
        .next_id = 1,
        .user = context->session == NULL ? 0 : context->session->user_oid,
        .last_need = &b->needs,
    };
    if (b->session != NULL) {
        const fly__sql_compat *compat = &b->session->compat;
        b->lax_ops = compat->lax_ops;
        b->lax_group_by = compat->lax_group_by;
        b->int_wide = compat->int_arith_wide;
        b->div_null = compat->div_by_zero_null;
        b->num_first = compat->num_case_first;
        b->nulls_first = compat->nulls_first;
        b->like_nocase = compat->like_nocase;
    }
}

const fly_ast *fly__sql_bind_parse(fly__sql_binder *b, const char *text)
{
    fly_sql_statements statements = {0};
    fly_status status = fly__sql_parse(b->arena, fly_bytes_str(text), NULL, &statements, b->err);
    if (status == FLY_OK && statements.count == 0) {
        status = fly_err_state(b->err, "XX000", 0, "a stored query is empty");
    }
    if (status != FLY_OK) {
        b->status = status;
        return NULL;
    }
    return statements.items[0].node;
}

const fly_ast *fly__sql_bind_parse_expr(fly__sql_binder *b, const char *text)
{
    fly_ast *ast = NULL;
    fly_status status = fly__sql_parse_expr(b->arena, fly_bytes_str(text), NULL, &ast, b->err);
    if (status != FLY_OK) {
        b->status = status;
        return NULL;
    }
    return ast;
}

/* Parameters that nothing gave a type. */
static bool check_params(fly__sql_binder *b)
{
    for (uint32_t i = 0; i < b->context->param_count; i++) {
        if (b->context->params[i].oid == 0 || b->context->params[i].oid == FLY_SQL_UNKNOWN) {
            return fly__sql_bind_fail(b, "42P18", 0,
                                      "could not determine data type of parameter $%u",
                                      i + 1) != NULL;
        }
    }
    return true;
}

static const char *tag_of(const fly_ast *ast)
{
    switch (ast->kind) {
    case FLY_AST_INSERT:
        return "INSERT";
    case FLY_AST_UPDATE:
        return "UPDATE";
    case FLY_AST_DELETE:
        return "DELETE";
    case FLY_AST_MERGE:
        return "MERGE";
    default:
        return "SELECT";
    }
}

static int volatile_call(void *ctx, fly__sql_expr **at)
{
    (void)ctx;
    return (*at)->volatile_ ? -1 : 1;
}

fly_status fly__sql_bind(fly__sql_bind_context *context, const fly_ast *statement,
                         fly__sql_plan **result, fly_err *err)
{
    fly__sql_binder b;
    binder_init(&b, context, err);
    b.params_room = context->param_count;
    fly__sql_plan *plan = fly__sql_bind_alloc(&b, sizeof *plan);
    /* Column 0 is no column. */
    if (plan == NULL || !fly__sql_bind_room(&b, &b.infos, &b.info_room, 0, sizeof *b.infos)) {
        return b.status;
    }
    memset(b.infos, 0, sizeof *b.infos);
    plan->root = fly__sql_bind_statement(&b, NULL, statement);
    if (plan->root == NULL || !check_params(&b) || !fly__sql_bind_check_needs(&b) ||
        !finish_tree(&b, plan->root)) {
        return b.status;
    }
    plan->column_count = plan->root->column_count;
    plan->columns = plan->root->columns;
    plan->param_count = context->param_count;
    plan->params = context->params;
    plan->next_id = b.next_id;
    plan->tag = tag_of(statement);
    plan->writes = b.modifies || statement->kind != FLY_AST_SELECT;
    plan->modifies = plan->writes;
    if (!plan->modifies) {
        plan->modifies = !fly__sql_bind_walk_rel(plan->root, volatile_call, NULL);
    }
    plan->version = fly__sql_catalog_version(context->view);
    plan->table_count = b.table_count;
    plan->tables = b.tables;
    plan->table_modes = b.table_modes;
    *result = plan;
    return FLY_OK;
}

/* ----------------------------------------------------------------- single expressions */

/* A table's columns as an item whose ids the caller chose. */
static fly__sql_item *given_columns(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly__sql_table *table, const fly__sql_colid *columns)
{
    fly__sql_item *item = fly__sql_bind_scan(b, scope, table, NULL);
    if (item == NULL) {
        return NULL;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        fly__sql_colid id = columns[table->columns[i].number - 1];
        while (b->next_id <= id) {
            if (fly__sql_bind_id(b, 'o', NULL, NULL, 0) == 0) {
                return NULL;
            }
        }
        if (id != 0) {
            b->infos[id] =
                (fly__sql_colinfo){.kind = 'f', .scope = scope, .item = item, .index = i};
        }
        item->columns[i].id = id;
        item->columns[i].hidden |= id == 0;
    }
    return item;
}

/* Subqueries of a lone expression are finished as those of a statement are. */
static bool finish_lone(fly__sql_binder *b, fly__sql_expr **e)
{
    finish f = {.b = b};
    if (!b->has_subqueries) {
        return true;
    }
    f.made_in = fly__sql_bind_alloc(b, b->next_id * sizeof *f.made_in);
    return f.made_in != NULL && fly__sql_bind_walk(e, finish_expr, &f);
}

static fly__sql_place place_of(char what)
{
    switch (what) {
    case 'c':
        return FLY__SQL_IN_CHECK;
    case 'd':
        return FLY__SQL_IN_DEFAULT;
    case 'g':
        return FLY__SQL_IN_GENERATED;
    case 'i':
        return FLY__SQL_IN_INDEX;
    case 'p':
        return FLY__SQL_IN_PREDICATE;
    case 't':
        return FLY__SQL_IN_TRANSFORM;
    case 'w':
        return FLY__SQL_IN_TRIGGER;
    default:
        return FLY__SQL_IN_OTHER;
    }
}

fly_status fly__sql_bind_expr(fly__sql_bind_context *context, const fly_ast *expression,
                              const fly__sql_table *table, const fly__sql_colid *columns,
                              fly_sql_type target, fly__sql_expr **expr, fly_err *err)
{
    fly__sql_binder b;
    binder_init(&b, context, err);
    b.params_room = context->param_count;
    if (!fly__sql_bind_room(&b, &b.infos, &b.info_room, 0, sizeof *b.infos)) {
        return b.status;
    }
    memset(b.infos, 0, sizeof *b.infos);
    fly__sql_scope *scope = fly__sql_bind_scope(&b, NULL);
    if (scope == NULL) {
        return b.status;
    }
    scope->place = place_of(context->what);
    if (table != NULL) {
        fly__sql_item *item = given_columns(&b, scope, table, columns);
        if (item == NULL || !fly__sql_bind_scope_add(&b, scope, item)) {
            return b.status;
        }
    }
    fly__sql_expr *e = fly__sql_bind_expression(&b, scope, expression);
    if (e != NULL && target.oid != 0) {
        e = fly__sql_bind_assign(&b, e, fly__sql_bind_shaped(target), "value");
    } else if (e != NULL) {
        e = fly__sql_bind_known(&b, e);
    }
    if (e == NULL || !fly__sql_bind_check_needs(&b) || !finish_lone(&b, &e)) {
        return b.status;
    }
    *expr = e;
    return FLY_OK;
}

fly_status fly__sql_bind_type(fly__sql_bind_context *context, const fly_ast *name,
                              fly_sql_type *type, fly_err *err)
{
    fly__sql_binder b;
    binder_init(&b, context, err);
    return fly__sql_bind_typename(&b, (const fly_ast_type *)name, type) ? FLY_OK : b.status;
}
