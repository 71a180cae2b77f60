/*
 * FROM: tables, views, queries, functions, and how they are joined.
 *
 * Each item is bound in the order of the text and its names are added to the scope. While the items
 * behind it are bound, it is lateral_only: seen from inside LATERAL, hidden otherwise. A join makes its
 * own item only where it changes what names mean: with USING, NATURAL or an alias.
 */
#include "bind/bind_scope_int.h"

#include "catalog/right_int.h"

static fly__sql_item *new_item(fly__sql_binder *b, const char *alias, uint32_t columns)
{
    fly__sql_item *item = fly__sql_bind_alloc(b, sizeof *item + columns * sizeof *item->columns);
    if (item != NULL) {
        item->alias = alias;
        item->column_count = columns;
        item->columns = (fly__sql_item_column *)(void *)(item + 1);
        item->qualified = true;
        item->unqualified = true;
    }
    return item;
}

bool fly__sql_bind_rename(fly__sql_binder *b, fly__sql_item *item, fly_ast_names names,
                          uint32_t pos)
{
    (void)pos; /* PostgreSQL tells none */
    uint32_t at = 0;
    uint32_t available = 0;
    for (uint32_t i = 0; i < item->column_count; i++) {
        if (item->columns[i].hidden) {
            continue;
        }
        available++;
        if (at < names.count) {
            item->columns[i].name = names.items[at++];
        }
    }
    if (at < names.count) {
        return fly__sql_bind_fail(b, "42P10", 0,
                                  "table \"%s\" has %u columns available but %u columns specified",
                                  item->alias, available, names.count) != NULL;
    }
    return true;
}

/* ----------------------------------------------------------------------- tables */

bool fly__sql_bind_note_table(fly__sql_binder *b, const fly__sql_table *table, uint8_t mode)
{
    for (uint32_t i = 0; i < b->table_count; i++) {
        if (b->tables[i] == table) {
            b->table_modes[i] |= mode;
            return true;
        }
    }
    if (b->table_count == b->table_room) {
        uint32_t room = b->table_room;
        if (!fly__sql_bind_room(b, &b->tables, &room, b->table_count, sizeof *b->tables)) {
            return false;
        }
        uint8_t *modes = fly__sql_bind_alloc(b, room);
        if (modes == NULL) {
            return false;
        }
        if (b->table_count > 0) {
            memcpy(modes, b->table_modes, b->table_count);
        }
        b->table_modes = modes;
        b->table_room = room;
    }
    b->tables[b->table_count] = table;
    b->table_modes[b->table_count++] = mode;
    return true;
}

/* Whether the user may see what is in a schema that is named. */
static bool may_look_into(fly__sql_binder *b, const fly_ast_relation *ast)
{
    const fly__sql_schema *schema = b->session == NULL || fly__sql_is_superuser(b->session, b->user)
                                        ? NULL
                                        : fly__sql_schema_named(b->view, ast->schema);
    if (schema == NULL) {
        return true;
    }
    const fly__sql_secured object = fly__sql_secured_schema(schema);
    uint32_t has = fly__sql_rights(b->session, b->view, b->user, &object, 0, false);
    return (has & FLY__SQL_MAY_USAGE) != 0 ||
           fly__sql_bind_fail(b, "42501", ast->node.pos, "permission denied for schema %s",
                              schema->name) != NULL;
}

const fly__sql_table *fly__sql_bind_table(fly__sql_binder *b, const fly_ast_relation *ast,
                                          uint8_t mode)
{
    const fly__sql_table *table = fly__sql_table_named(b->view, ast->schema, ast->name);
    if (ast->schema != NULL && !may_look_into(b, ast)) {
        return NULL;
    }
    if (table == NULL) {
        const fly__sql_index *index = fly__sql_index_named(b->view, ast->schema, ast->name);
        if (index != NULL) {
            return fly__sql_bind_fail(b, "42809", ast->node.pos, "\"%s\" is an index", ast->name);
        }
        if (ast->schema != NULL) {
            return fly__sql_bind_fail(b, "42P01", ast->node.pos,
                                      "relation \"%s.%s\" does not exist", ast->schema, ast->name);
        }
        return fly__sql_bind_fail(b, "42P01", ast->node.pos, "relation \"%s\" does not exist",
                                  ast->name);
    }
    if (table->class == FLY__SQL_COMPOSITE) {
        return fly__sql_bind_fail(b, "42809", ast->node.pos, "\"%s\" is a composite type",
                                  ast->name);
    }
    if (table->class == FLY__SQL_MATVIEW && !table->populated && mode == 1) {
        (void)fly__sql_bind_fail(b, "55000", 0, "materialized view \"%s\" has not been populated",
                                 ast->name);
        fly__sql_bind_hint(b, "Use the REFRESH MATERIALIZED VIEW command.");
        return NULL;
    }
    return fly__sql_bind_note_table(b, table, mode) ? table : NULL;
}

fly__sql_item *fly__sql_bind_scan(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly__sql_table *table, const char *alias)
{
    (void)scope;
    fly__sql_item *item = new_item(b, alias != NULL ? alias : table->name, table->column_count);
    fly__sql_rel *rel =
        item == NULL ? NULL : fly__sql_bind_rel(b, FLY__SQL_R_SCAN, NULL, table->column_count + 1u);
    if (rel == NULL) {
        return NULL;
    }
    rel->column_count = 0; /* they come as they are named */
    rel->scan.table = table;
    rel->scan.alias = item->alias;
    rel->scan.attnums = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof(uint16_t));
    if (rel->scan.attnums == NULL) {
        return NULL;
    }
    item->table = table;
    item->rel = rel;
    item->row_type = fly__sql_bind_plain(b, table->row_type);
    if (alias == NULL) {
        const fly__sql_schema *schema = fly__sql_schema_of(b->view, table->schema);
        item->schema = schema == NULL ? NULL : schema->name;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        item->columns[i] = (fly__sql_item_column){
            .name = column->name,
            .type = fly__sql_bind_shaped(column->type),
            .number = column->number,
            .hidden = column->dropped,
            .not_null = column->not_null,
        };
        if (table->class == FLY__SQL_SYSTEM) {
            item->columns[i].type = column->type;
        }
    }
    return item;
}

fly__sql_item *fly__sql_bind_derived(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *rel,
                                     const char *alias, fly_ast_names names, uint32_t pos)
{
    fly__sql_item *item = new_item(b, alias, rel->column_count);
    if (item == NULL) {
        return NULL;
    }
    item->rel = rel;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        const fly__sql_colref *column = &rel->columns[i];
        item->columns[i] = (fly__sql_item_column){
            .name = column->name == NULL ? "?column?" : column->name,
            .type = column->type,
            .id = column->id,
            .fields = b->infos[column->id].fields,
        };
        b->infos[column->id] =
            (fly__sql_colinfo){.kind = 'f', .scope = scope, .item = item, .index = i};
    }
    return fly__sql_bind_rename(b, item, names, pos) ? item : NULL;
}

bool fly__sql_bind_within(fly__sql_binder *b, uint32_t schema, const fly__sql_catalog_view **saved)
{
    *saved = b->view;
    const fly__sql_catalog_view *within = fly__sql_view_within(b->view, schema, b->arena);
    if (within == NULL) {
        return fly__sql_bind_no_memory(b) != NULL;
    }
    b->view = within;
    return true;
}

/* A view is its query, bound among the catalog's names only. */
static fly__sql_rel *view(fly__sql_binder *b, fly__sql_scope *scope, const fly__sql_table *table,
                          const char *alias, fly_ast_names names, uint32_t pos)
{
    if (b->depth > 200) {
        return fly__sql_bind_fail(b, "42P17", pos,
                                  "infinite recursion detected in rules for relation \"%s\"",
                                  table->name);
    }
    const fly_ast *ast = fly__sql_bind_parse(b, table->view_text);
    if (ast == NULL) {
        return NULL;
    }
    fly__sql_need *need = NULL;
    if (!fly__sql_bind_need(b, table, FLY__SQL_MAY_SELECT, &need)) {
        return NULL;
    }
    uint32_t user = b->user;
    if (table->schema != FLY__SQL_SCHEMA_PG_CATALOG &&
        table->schema != FLY__SQL_SCHEMA_INFORMATION && !table->invoker) {
        b->user = table->owner; /* the system's own show what the user may see */
    }
    const fly__sql_catalog_view *saved;
    if (!fly__sql_bind_within(b, table->schema, &saved)) {
        return NULL;
    }
    b->no_positions++;
    b->depth += 10;
    fly__sql_rel *rel = fly__sql_bind_query(b, NULL, (const fly_ast_select *)ast, false);
    b->depth -= 10;
    b->no_positions--;
    b->view = saved;
    b->user = user;
    if (rel == NULL) {
        return NULL;
    }
    fly__sql_item *item = fly__sql_bind_derived(b, scope, rel, alias != NULL ? alias : table->name,
                                                (fly_ast_names){0}, pos);
    if (item == NULL) {
        return NULL;
    }
    uint32_t at = 0;
    for (uint16_t i = 0; i < table->column_count && at < item->column_count; i++) {
        if (!table->columns[i].dropped) {
            item->columns[at++].name = table->columns[i].name;
        }
    }
    item->need = need;
    if (table->barrier) {
        fly__sql_expr *all = fly__sql_bind_bool(b, true, 0);
        rel = all == NULL ? NULL : fly__sql_bind_filter(b, rel, all);
        if (rel == NULL) {
            return NULL;
        }
        rel->filter.barrier = rel->kind == FLY__SQL_R_FILTER;
    }
    item->column_count = at; /* a "*" may stand for more today than when the view was made */
    if (alias == NULL) {
        const fly__sql_schema *schema = fly__sql_schema_of(b->view, table->schema);
        item->schema = schema == NULL ? NULL : schema->name;
    }
    item->row_type = fly__sql_bind_plain(b, table->row_type);
    if (!fly__sql_bind_rename(b, item, names, pos) || !fly__sql_bind_scope_add(b, scope, item)) {
        return NULL;
    }
    return rel;
}

/* Rows with the columns of a table that a function gives. */
static fly__sql_rel *transition(fly__sql_binder *b, fly__sql_scope *scope,
                                const fly_ast_relation *ast, const fly__sql_table *table,
                                const fly__sql_func *func)
{
    uint32_t count = 0;
    for (uint16_t i = 0; i < table->column_count; i++) {
        count += !table->columns[i].dropped;
    }
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_FUNCTION, NULL, count);
    fly__sql_expr *call =
        fly__sql_bind_node(b, FLY__SQL_X_CALL, fly__sql_type(FLY_SQL_RECORD), 0, ast->node.pos);
    fly__sql_expr **calls = fly__sql_bind_alloc(b, sizeof *calls);
    uint32_t *widths = fly__sql_bind_alloc(b, sizeof *widths);
    if (rel == NULL || call == NULL || calls == NULL || widths == NULL) {
        return NULL;
    }
    call->func = func;
    calls[0] = fly__sql_bind_done(b, call);
    widths[0] = count;
    rel->function.count = 1;
    rel->function.calls = calls;
    rel->function.widths = widths;
    uint32_t at = 0;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped) {
            rel->columns[at] =
                (fly__sql_colref){.type = fly__sql_bind_shaped(table->columns[i].type),
                                  .name = table->columns[i].name,
                                  .nullable = true};
            rel->columns[at].id = fly__sql_bind_id(b, 'o', scope, NULL, at);
            if (rel->columns[at++].id == 0) {
                return NULL;
            }
        }
    }
    fly__sql_item *item = fly__sql_bind_derived(b, scope, rel,
                                                ast->alias != NULL ? ast->alias : ast->name,
                                                ast->alias_columns, ast->node.pos);
    return item != NULL && fly__sql_bind_scope_add(b, scope, item) ? rel : NULL;
}

/* A sequence is read as a table of one row. */
static fly__sql_rel *sequence(fly__sql_binder *b, fly__sql_scope *scope,
                              const fly__sql_table *table, const fly_ast_relation *ast)
{
    fly__sql_need *need = NULL;
    const char *text = fly__sql_bind_printf(
        b, "SELECT * FROM pg_catalog._pg_sequence_place(%u::pg_catalog.oid::pg_catalog.regclass)",
        (unsigned)table->oid);
    const fly_ast *query = text == NULL ? NULL : fly__sql_bind_parse(b, text);
    if (query == NULL || !fly__sql_bind_need(b, table, FLY__SQL_MAY_SELECT, &need)) {
        return NULL;
    }
    b->no_positions++;
    fly__sql_rel *rel = fly__sql_bind_query(b, NULL, (const fly_ast_select *)query, false);
    b->no_positions--;
    fly__sql_item *item = rel == NULL
                              ? NULL
                              : fly__sql_bind_derived(b, scope, rel,
                                                      ast->alias != NULL ? ast->alias : table->name,
                                                      ast->alias_columns, ast->node.pos);
    if (item == NULL) {
        return NULL;
    }
    item->need = need;
    return fly__sql_bind_scope_add(b, scope, item) ? rel : NULL;
}

static fly__sql_rel *relation(fly__sql_binder *b, fly__sql_scope *scope,
                              const fly_ast_relation *ast)
{
    if (ast->schema == NULL) {
        bool found = false;
        fly__sql_rel *rel = fly__sql_bind_cte_use(b, scope, ast, &found);
        if (found) {
            return rel;
        }
        const fly__sql_table *changed = NULL;
        const fly__sql_func *func =
            b->context->transition == NULL || b->no_positions > 0
                ? NULL
                : b->context->transition(b->context->variable_ctx, ast->name, &changed);
        if (func != NULL) {
            return transition(b, scope, ast, changed, func);
        }
    }
    const fly__sql_table *table = fly__sql_bind_table(b, ast, 1);
    if (table == NULL) {
        return NULL;
    }
    if (table->class == FLY__SQL_VIEW) {
        return view(b, scope, table, ast->alias, ast->alias_columns, ast->node.pos);
    }
    if (table->class == FLY__SQL_SEQUENCE) {
        return sequence(b, scope, table, ast);
    }
    fly__sql_item *item = fly__sql_bind_scan(b, scope, table, ast->alias);
    if (item == NULL || !fly__sql_bind_need(b, table, FLY__SQL_MAY_SELECT, &item->need) ||
        !fly__sql_bind_rename(b, item, ast->alias_columns, ast->node.pos) ||
        !fly__sql_bind_scope_add(b, scope, item)) {
        return NULL;
    }
    return fly__sql_bind_secured(b, scope, item, item->rel, 'r');
}

static fly__sql_rel *query(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_from_query *ast)
{
    fly__sql_place place = scope->place;
    bool lateral = scope->lateral;
    scope->place = FLY__SQL_IN_FROM_QUERY;
    scope->lateral = ast->lateral;
    fly__sql_rel *rel = fly__sql_bind_query(b, scope, (const fly_ast_select *)ast->query, false);
    scope->place = place;
    scope->lateral = lateral;
    if (rel == NULL) {
        return NULL;
    }
    fly__sql_item *item =
        fly__sql_bind_derived(b, scope, rel, ast->alias, ast->alias_columns, ast->node.pos);
    if (item == NULL || !fly__sql_bind_scope_add(b, scope, item)) {
        return NULL;
    }
    return rel;
}

/* --------------------------------------------------------------------- functions */

/* The columns that one call gives. */
typedef struct shape {
    uint32_t count;
    const char **names;
    fly_sql_type *types;
    uint16_t *fields; /* a composite value comes, of which these are the columns; NULL: they come */
    bool scalar;
} shape;

static bool shape_room(fly__sql_binder *b, shape *s, uint32_t count)
{
    s->names = fly__sql_bind_alloc(b, (count + 1) * sizeof *s->names);
    s->types = fly__sql_bind_alloc(b, (count + 1) * sizeof *s->types);
    return s->names != NULL && s->types != NULL;
}

static bool defined_columns(fly__sql_binder *b, fly_ast_list columns, shape *s)
{
    if (!shape_room(b, s, columns.count)) {
        return false;
    }
    for (uint32_t i = 0; i < columns.count; i++) {
        const fly_ast_column_def *def = (const fly_ast_column_def *)columns.items[i];
        s->names[i] = def->name;
        if (!fly__sql_bind_typename(b, (const fly_ast_type *)def->type, &s->types[i])) {
            return false;
        }
        s->types[i] = fly__sql_bind_unshaped_type(s->types[i]);
    }
    s->count = columns.count;
    return true;
}

/* OUT, INOUT and TABLE columns of a user's function. */
static bool out_columns(fly__sql_binder *b, const fly__sql_user_function *user, shape *s)
{
    if (user->modes == NULL || !shape_room(b, s, user->all_count)) {
        return fly__sql_bind_ok(b);
    }
    for (uint16_t i = 0; i < user->all_count; i++) {
        if (strchr("obt", user->modes[i]) != NULL && user->modes[i] != 0) {
            s->names[s->count] = user->names[i];
            s->types[s->count++] = fly__sql_bind_unshaped_type(user->types[i]);
        }
    }
    return true;
}

static bool call_shape(fly__sql_binder *b, const fly__sql_expr *call, const char *name,
                       fly_ast_list defined, shape *s)
{
    const fly__sql_func *func = call->kind == FLY__SQL_X_CALL ? call->func : NULL;
    const fly__sql_set_function *set = func == NULL ? NULL : func->set;
    if (set != NULL && set->columns > 0) {
        if (!shape_room(b, s, set->columns)) {
            return false;
        }
        for (uint32_t i = 0; i < set->columns; i++) {
            s->names[i] = set->names[i];
            s->types[i] = fly__sql_bind_plain(b, set->types[i]);
        }
        s->count = set->columns;
        s->scalar = s->count == 1;
        return true;
    }
    if (func != NULL && func->kind == FLY__SQL_USER && func->user != NULL) {
        if (!out_columns(b, func->user, s)) {
            return false;
        }
        if (s->count > 0) {
            s->scalar = s->count == 1;
            return true;
        }
    }
    const fly__sql_table *table = fly__sql_bind_composite(b, call->type.oid);
    if (table != NULL) {
        s->fields = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof *s->fields);
        if (s->fields == NULL || !shape_room(b, s, table->column_count)) {
            return false;
        }
        for (uint16_t i = 0; i < table->column_count; i++) {
            if (!table->columns[i].dropped) {
                s->fields[s->count] = table->columns[i].number;
                s->names[s->count] = table->columns[i].name;
                s->types[s->count++] = fly__sql_bind_unshaped_type(table->columns[i].type);
            }
        }
        return true;
    }
    if (call->type.oid == FLY_SQL_RECORD) {
        if (defined.count == 0) {
            return fly__sql_bind_fail(b, "42601", call->pos,
                                      "a column definition list is required for functions "
                                      "returning \"record\"") != NULL;
        }
        return defined_columns(b, defined, s);
    }
    if (defined.count > 0) {
        return fly__sql_bind_fail(b, "42601", call->pos,
                                  "a column definition list is only allowed for functions "
                                  "returning \"record\"") != NULL;
    }
    if (!shape_room(b, s, 1)) {
        return false;
    }
    s->names[0] = name;
    s->types[0] = call->type;
    s->count = 1;
    s->scalar = true;
    return true;
}

static fly__sql_expr *from_function(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast)
{
    bool lateral = scope->lateral;
    scope->lateral = true;
    bool sets = scope->has_sets;
    fly__sql_expr *e = fly__sql_bind_at(b, scope, FLY__SQL_IN_FROM_FUNCTION, ast);
    scope->has_sets = sets;
    scope->lateral = lateral;
    e = e == NULL ? NULL : fly__sql_bind_known(b, e);
    return e == NULL ? NULL : fly__sql_bind_unshaped(b, e);
}

/* unnest(a, b) is ROWS FROM (unnest(a), unnest(b)). */
static bool is_wide_unnest(const fly_ast *ast)
{
    const fly_ast_call *call = (const fly_ast_call *)ast;
    return ast->kind == FLY_AST_CALL && call->args.count > 1 &&
           strcmp(call->name.items[call->name.count - 1], "unnest") == 0;
}

static bool bind_calls(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_from_call *ast,
                       fly__sql_expr ***calls, shape **shapes, uint32_t *count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < ast->calls.count; i++) {
        const fly_ast *call = ((const fly_ast_from_call_item *)ast->calls.items[i])->call;
        total += is_wide_unnest(call) ? ((const fly_ast_call *)call)->args.count : 1;
    }
    *calls = fly__sql_bind_alloc(b, total * sizeof **calls);
    *shapes = fly__sql_bind_alloc(b, total * sizeof **shapes);
    if (*calls == NULL || *shapes == NULL) {
        return false;
    }
    *count = 0;
    for (uint32_t i = 0; i < ast->calls.count; i++) {
        const fly_ast_from_call_item *item = (const fly_ast_from_call_item *)ast->calls.items[i];
        bool wide = is_wide_unnest(item->call);
        fly_ast_call one = wide ? *(const fly_ast_call *)item->call : (fly_ast_call){0};
        fly_ast_list args = one.args;
        uint32_t parts = wide ? args.count : 1;
        for (uint32_t p = 0; p < parts; p++) {
            const fly_ast *call = item->call;
            if (wide) {
                one.args.items = args.items + p;
                one.args.count = 1;
                call = &one.node;
            }
            const char *name = fly__sql_bind_target_name(call);
            if (parts == 1 && ast->calls.count == 1 && ast->alias != NULL) {
                name = ast->alias;
            }
            fly_ast_list defined = item->columns.count > 0 ? item->columns : ast->columns;
            (*calls)[*count] = from_function(b, scope, call);
            if ((*calls)[*count] == NULL ||
                !call_shape(b, (*calls)[*count], name, defined, &(*shapes)[*count])) {
                return false;
            }
            (*count)++;
        }
    }
    return true;
}

/* Composite values that functions give, taken apart. */
static fly__sql_rel *fields_of(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *rel,
                               const shape *shapes, uint32_t count, bool ordinality)
{
    uint32_t total = ordinality ? 1 : 0;
    for (uint32_t i = 0; i < count; i++) {
        total += shapes[i].count;
    }
    fly__sql_target *targets = fly__sql_bind_alloc(b, (total + 1) * sizeof *targets);
    if (targets == NULL) {
        return NULL;
    }
    uint32_t from = 0;
    uint32_t at = 0;
    for (uint32_t i = 0; i <= count; i++) {
        bool last = i == count; /* the number of the row */
        uint32_t width = last ? (ordinality ? 1 : 0) : shapes[i].count;
        for (uint32_t c = 0; c < width; c++) {
            bool field = !last && shapes[i].fields != NULL;
            const fly__sql_colref *column = &rel->columns[from + (field ? 0 : c)];
            fly__sql_expr *e = fly__sql_bind_colref(b, column->id, column->type, 0);
            if (e != NULL && field) {
                fly__sql_expr *f =
                    fly__sql_bind_node(b, FLY__SQL_X_FIELD, shapes[i].types[c], 1, 0);
                if (f == NULL) {
                    return NULL;
                }
                f->args[0] = e;
                f->column = shapes[i].fields[c];
                e = fly__sql_bind_done(b, f);
            }
            if (e == NULL) {
                return NULL;
            }
            targets[at++] =
                (fly__sql_target){.expr = e, .name = last ? column->name : shapes[i].names[c]};
        }
        from += !last && shapes[i].fields != NULL ? 1 : width;
    }
    return fly__sql_bind_project(b, scope, rel, targets, total);
}

static fly__sql_rel *functions(fly__sql_binder *b, fly__sql_scope *scope,
                               const fly_ast_from_call *ast)
{
    fly__sql_expr **calls;
    shape *shapes;
    uint32_t count;
    if (!bind_calls(b, scope, ast, &calls, &shapes, &count)) {
        return NULL;
    }
    uint32_t columns = ast->ordinality ? 1 : 0;
    bool composite = false;
    for (uint32_t i = 0; i < count; i++) {
        composite |= shapes[i].fields != NULL;
        columns += shapes[i].fields != NULL ? 1 : shapes[i].count;
    }
    bool plain = count == 1 && !ast->ordinality && shapes[0].scalar &&
                 (calls[0]->kind != FLY__SQL_X_CALL || !fly__sql_bind_returns_set(calls[0]->func));
    fly__sql_rel *rel =
        fly__sql_bind_rel(b, plain ? FLY__SQL_R_PROJECT : FLY__SQL_R_FUNCTION, NULL, columns);
    if (rel == NULL) {
        return NULL;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (shapes[i].fields != NULL) {
            rel->columns[at++] =
                (fly__sql_colref){.type = calls[i]->type, .name = "(row)", .nullable = true};
            continue;
        }
        for (uint32_t c = 0; c < shapes[i].count; c++) {
            rel->columns[at++] = (fly__sql_colref){
                .type = shapes[i].types[c], .name = shapes[i].names[c], .nullable = true};
        }
    }
    if (ast->ordinality) {
        rel->columns[at++] =
            (fly__sql_colref){.type = fly__sql_type(FLY_SQL_INT8), .name = "ordinality"};
    }
    for (uint32_t i = 0; i < columns; i++) {
        rel->columns[i].id = fly__sql_bind_id(b, 'o', scope, NULL, i);
        if (rel->columns[i].id == 0) {
            return NULL;
        }
    }
    if (plain) {
        rel->left = fly__sql_bind_one_row(b);
        rel->project.exprs = calls;
        if (rel->left == NULL) {
            return NULL;
        }
    } else {
        rel->function.count = count;
        rel->function.calls = calls;
        rel->function.ordinality = ast->ordinality;
        rel->function.widths = fly__sql_bind_alloc(b, count * sizeof(uint32_t));
        if (rel->function.widths == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; i < count; i++) {
            rel->function.widths[i] = shapes[i].fields != NULL ? 1 : shapes[i].count;
        }
    }
    if (composite) {
        rel = fields_of(b, scope, rel, shapes, count, ast->ordinality);
        if (rel == NULL) {
            return NULL;
        }
    }
    const char *alias = ast->alias;
    if (alias == NULL) {
        alias =
            fly__sql_bind_target_name(((const fly_ast_from_call_item *)ast->calls.items[0])->call);
    }
    fly__sql_item *item =
        fly__sql_bind_derived(b, scope, rel, alias, ast->alias_columns, ast->node.pos);
    if (item == NULL) {
        return NULL;
    }
    item->scalar = columns == 1 && shapes[0].scalar;
    return fly__sql_bind_scope_add(b, scope, item) ? rel : NULL;
}

/* -------------------------------------------------------------------------- joins */

static int right_columns(void *ctx, fly__sql_expr **at)
{
    const fly__sql_binder *b = ((void **)ctx)[0];
    const fly__sql_scope *scope = ((void **)ctx)[1];
    const uint32_t *first = ((void **)ctx)[2];
    bool *found = ((void **)ctx)[3];
    if ((*at)->kind == FLY__SQL_X_COLUMN) {
        const fly__sql_colinfo *info = &b->infos[(*at)->column];
        if (info->kind == 'f' && info->scope == scope && info->item->ordinal < *first) {
            *found = true;
        }
    }
    return 1;
}

/* Whether the right side names columns of the left: then it must be evaluated for each row. */
static bool is_lateral(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *right,
                       uint32_t first)
{
    bool found = false;
    void *ctx[] = {b, scope, &first, &found};
    (void)fly__sql_bind_walk_rel(right, right_columns, ctx);
    return found;
}

static bool may_be_lateral(const fly_ast *ast)
{
    switch (ast->kind) {
    case FLY_AST_FROM_QUERY:
        return ((const fly_ast_from_query *)ast)->lateral;
    case FLY_AST_FROM_CALL:
    case FLY_AST_JOIN:
        return true;
    default:
        return false;
    }
}

fly__sql_rel *fly__sql_bind_join(fly__sql_binder *b, fly__sql_join_kind kind, fly__sql_rel *left,
                                 fly__sql_rel *right, fly__sql_expr *condition)
{
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_JOIN, left, 0);
    if (rel != NULL) {
        rel->right = right;
        rel->join.join = kind;
        rel->join.condition = condition;
    }
    return rel;
}

/* A column by name among the items from `first` to `end`, that may be written alone. */
static bool using_column(fly__sql_binder *b, fly__sql_scope *scope, uint32_t first, uint32_t end,
                         const char *name, const char *side, uint32_t pos, fly__sql_item **item,
                         uint32_t *index)
{
    *item = NULL;
    for (uint32_t i = first; i < end; i++) {
        fly__sql_item *it = scope->items[i];
        for (uint32_t c = 0; it->unqualified && c < it->column_count; c++) {
            if (!it->columns[c].hidden && strcmp(it->columns[c].name, name) == 0) {
                if (*item != NULL) {
                    return fly__sql_bind_fail(
                               b, "42702", pos,
                               "common column name \"%s\" appears more than once in %s table", name,
                               side) != NULL;
                }
                *item = it;
                *index = c;
            }
        }
    }
    if (*item == NULL && side[0] != 0) {
        return fly__sql_bind_fail(
                   b, "42703", pos,
                   "column \"%s\" specified in USING clause does not exist in %s table", name,
                   side) != NULL;
    }
    return true;
}

/* One pair of USING: the condition, and the merged column. */
static bool merge_column(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_join *ast,
                         fly__sql_item *left, uint32_t l, fly__sql_item *right, uint32_t r,
                         fly__sql_expr **condition, fly__sql_item_column *merged)
{
    uint32_t pos = ast->node.pos;
    fly__sql_expr *one = fly__sql_bind_item_column(b, scope, left, l, pos);
    fly__sql_expr *other = one == NULL ? NULL : fly__sql_bind_item_column(b, scope, right, r, pos);
    if (other == NULL) {
        return false;
    }
    fly__sql_expr *pair[2] = {fly__sql_bind_copy(b, one), fly__sql_bind_copy(b, other)};
    fly__sql_expr *equal = fly__sql_bind_op(b, "=", one, other, pos);
    if (pair[0] == NULL || pair[1] == NULL || equal == NULL) {
        return false;
    }
    *condition = fly__sql_bind_and(b, *condition, equal);
    merged->name = left->columns[l].name;
    bool same = fly__sql_type_equal(pair[0]->type, pair[1]->type);
    if (same && ast->type != FLY_AST_JOIN_FULL) {
        bool is_right = ast->type == FLY_AST_JOIN_RIGHT;
        merged->type = pair[0]->type;
        merged->of = is_right ? right : left;
        merged->of_index = is_right ? r : l;
        return *condition != NULL;
    }
    if (!fly__sql_bind_unify(b, pair, 2, "JOIN/USING", &merged->type)) {
        return false;
    }
    if (ast->type != FLY_AST_JOIN_FULL) {
        merged->expr = ast->type == FLY_AST_JOIN_RIGHT ? pair[1] : pair[0];
        return *condition != NULL;
    }
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_COALESCE, merged->type, 2, pos);
    if (e == NULL) {
        return false;
    }
    e->args[0] = pair[0];
    e->args[1] = pair[1];
    merged->expr = fly__sql_bind_done(b, e);
    return *condition != NULL;
}

/* Names that both sides of a NATURAL join have. */
static bool natural_names(fly__sql_binder *b, fly__sql_scope *scope, uint32_t first,
                          uint32_t middle, uint32_t end, fly_ast_names *names)
{
    uint32_t room = 0;
    names->items = NULL;
    names->count = 0;
    for (uint32_t i = first; i < middle; i++) {
        const fly__sql_item *item = scope->items[i];
        for (uint32_t c = 0; item->unqualified && c < item->column_count; c++) {
            fly__sql_item *other;
            uint32_t index;
            if (item->columns[c].hidden) {
                continue;
            }
            if (!using_column(b, scope, middle, end, item->columns[c].name, "", 0, &other,
                              &index)) {
                return false;
            }
            if (other != NULL) {
                if (!fly__sql_bind_room(b, &names->items, &room, names->count,
                                        sizeof *names->items)) {
                    return false;
                }
                names->items[names->count++] = item->columns[c].name;
            }
        }
    }
    return true;
}

static uint32_t visible_columns(const fly__sql_scope *scope, uint32_t first, uint32_t end)
{
    uint32_t count = 0;
    for (uint32_t i = first; i < end; i++) {
        count += scope->items[i]->unqualified ? scope->items[i]->column_count : 0;
    }
    return count;
}

static bool is_used(const fly_ast_names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The item that a join is: merged columns first, then the others of both sides. */
static fly__sql_item *join_item(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_join *ast,
                                uint32_t first, uint32_t end, const fly_ast_names *names,
                                const fly__sql_item_column *merged)
{
    fly__sql_item *item =
        new_item(b, ast->alias, names->count + visible_columns(scope, first, end));
    if (item == NULL) {
        return NULL;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        item->columns[at++] = merged[i];
    }
    for (uint32_t i = first; i < end; i++) {
        fly__sql_item *from = scope->items[i];
        for (uint32_t c = 0; from->unqualified && c < from->column_count; c++) {
            const fly__sql_item_column *column = &from->columns[c];
            if (!column->hidden && !is_used(names, column->name)) {
                item->columns[at++] = (fly__sql_item_column){
                    .name = column->name, .type = column->type, .of = from, .of_index = c};
            }
        }
        from->unqualified = false;
        from->qualified = from->qualified && ast->alias == NULL;
    }
    item->column_count = at;
    item->qualified = ast->alias != NULL;
    item->join = true;
    return fly__sql_bind_rename(b, item, ast->alias_columns, ast->node.pos) ? item : NULL;
}

static fly__sql_expr *using_condition(fly__sql_binder *b, fly__sql_scope *scope,
                                      const fly_ast_join *ast, uint32_t first, uint32_t middle,
                                      fly_ast_names *names, fly__sql_item_column **merged)
{
    uint32_t end = scope->item_count;
    if (ast->natural && !natural_names(b, scope, first, middle, end, names)) {
        return NULL;
    }
    *merged = fly__sql_bind_alloc(b, (names->count + 1) * sizeof **merged);
    if (*merged == NULL) {
        return NULL;
    }
    fly__sql_expr *condition = NULL;
    for (uint32_t i = 0; i < names->count; i++) {
        fly__sql_item *left;
        fly__sql_item *right;
        uint32_t l;
        uint32_t r;
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(names->items[i], names->items[j]) == 0 && !ast->natural) {
                return fly__sql_bind_fail(
                    b, "42701", 0, "column name \"%s\" appears more than once in USING clause",
                    names->items[i]);
            }
        }
        if (!using_column(b, scope, first, middle, names->items[i], "left", 0, &left, &l) ||
            !using_column(b, scope, middle, end, names->items[i], "right", 0, &right, &r) ||
            !merge_column(b, scope, ast, left, l, right, r, &condition, &(*merged)[i])) {
            return NULL;
        }
    }
    return condition;
}

static void set_lateral(fly__sql_scope *scope, uint32_t first, uint32_t end, bool only, bool bad)
{
    for (uint32_t i = first; i < end; i++) {
        scope->items[i]->lateral_only = only;
        scope->items[i]->lateral_bad = bad;
    }
}

static fly__sql_rel *join(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_join *ast)
{
    static const fly__sql_join_kind kinds[] = {FLY__SQL_JOIN_INNER, FLY__SQL_JOIN_LEFT,
                                               FLY__SQL_JOIN_RIGHT, FLY__SQL_JOIN_FULL,
                                               FLY__SQL_JOIN_INNER};
    uint32_t first = scope->item_count;
    fly__sql_rel *left = fly__sql_bind_from_item(b, scope, ast->left);
    if (left == NULL) {
        return NULL;
    }
    uint32_t middle = scope->item_count;
    set_lateral(scope, first, middle, true,
                ast->type == FLY_AST_JOIN_RIGHT || ast->type == FLY_AST_JOIN_FULL);
    fly__sql_rel *right = fly__sql_bind_from_item(b, scope, ast->right);
    if (right == NULL) {
        return NULL;
    }
    set_lateral(scope, first, scope->item_count, false, false);
    fly_ast_names names = ast->using_columns;
    fly__sql_item_column *merged = NULL;
    fly__sql_expr *condition = NULL;
    bool named = ast->natural || names.count > 0;
    if (named) {
        condition = using_condition(b, scope, ast, first, middle, &names, &merged);
        if (condition == NULL && !fly__sql_bind_ok(b)) {
            return NULL;
        }
    } else if (ast->on != NULL) {
        condition = fly__sql_bind_at(b, scope, FLY__SQL_IN_JOIN_ON, ast->on);
        condition = condition == NULL ? NULL : fly__sql_bind_boolean(b, condition, "JOIN/ON");
        if (condition == NULL) {
            return NULL;
        }
    }
    if (named || ast->alias != NULL) {
        uint32_t end = scope->item_count;
        if (ast->using_alias != NULL) {
            fly__sql_item *only = new_item(b, ast->using_alias, names.count);
            if (only == NULL) {
                return NULL;
            }
            memcpy(only->columns, merged, names.count * sizeof *merged);
            only->unqualified = false;
            only->join = true;
            if (!fly__sql_bind_scope_add(b, scope, only)) {
                return NULL;
            }
        }
        fly__sql_item *item = join_item(b, scope, ast, first, end, &names, merged);
        if (item == NULL || !fly__sql_bind_scope_add(b, scope, item)) {
            return NULL;
        }
    }
    fly__sql_rel *rel = fly__sql_bind_join(b, kinds[ast->type], left, right, condition);
    if (rel != NULL && may_be_lateral(ast->right)) {
        rel->join.lateral = is_lateral(b, scope, right, middle);
    }
    return rel;
}

/* ------------------------------------------------------------------------ any item */

fly__sql_rel *fly__sql_bind_from_item(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast)
{
    if (++b->depth > FLY__SQL_BIND_DEPTH_MAX) {
        b->depth--;
        return fly__sql_bind_fail(b, "54001", 0, "stack depth limit exceeded");
    }
    fly__sql_rel *rel = NULL;
    switch (ast->kind) {
    case FLY_AST_RELATION:
        rel = relation(b, scope, (const fly_ast_relation *)ast);
        break;
    case FLY_AST_FROM_QUERY:
        rel = query(b, scope, (const fly_ast_from_query *)ast);
        break;
    case FLY_AST_FROM_CALL:
        rel = functions(b, scope, (const fly_ast_from_call *)ast);
        break;
    case FLY_AST_JOIN:
        rel = join(b, scope, (const fly_ast_join *)ast);
        break;
    case FLY_AST_SAMPLE:
        (void)fly__sql_bind_unsupported(b, ast->pos, "TABLESAMPLE");
        break;
    default:
        (void)fly__sql_bind_unsupported(b, ast->pos, fly__sql_ast_name(ast->kind));
        break;
    }
    b->depth--;
    return rel;
}

fly__sql_rel *fly__sql_bind_from(fly__sql_binder *b, fly__sql_scope *scope, fly_ast_list from,
                                 fly__sql_rel *rel)
{
    uint32_t start = scope->item_count;
    for (uint32_t i = 0; i < from.count; i++) {
        uint32_t first = scope->item_count;
        fly__sql_rel *next = fly__sql_bind_from_item(b, scope, from.items[i]);
        if (next == NULL) {
            return NULL;
        }
        set_lateral(scope, first, scope->item_count, true, false);
        if (rel == NULL) {
            rel = next;
            continue;
        }
        rel = fly__sql_bind_join(b, FLY__SQL_JOIN_INNER, rel, next, NULL);
        if (rel == NULL) {
            return NULL;
        }
        if (may_be_lateral(from.items[i])) {
            rel->join.lateral = is_lateral(b, scope, next, first);
        }
    }
    set_lateral(scope, start, scope->item_count, false, false);
    return rel;
}
