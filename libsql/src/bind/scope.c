/*
 * Scopes: from names to columns.
 *
 * A query has a scope with the items of its FROM; its parent is the scope of the query it stands in. A
 * name is looked for from the inside out, and the first scope that knows it decides; there it must be
 * one thing only. Items that only LATERAL may see are passed over otherwise.
 */
#include "bind/bind_scope_int.h"

#include "catalog/right_int.h"

fly__sql_scope *fly__sql_bind_scope(fly__sql_binder *b, fly__sql_scope *parent)
{
    fly__sql_scope *scope = fly__sql_bind_alloc(b, sizeof *scope);
    if (scope != NULL) {
        scope->parent = parent;
        scope->level = parent == NULL ? 0 : parent->level + 1;
    }
    return scope;
}

static bool same_schema(const fly__sql_item *a, const fly__sql_item *b)
{
    return a->table == NULL || b->table == NULL || a->schema == NULL || b->schema == NULL ||
           a->table == b->table;
}

bool fly__sql_bind_scope_add(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item)
{
    if (item->alias != NULL && item->qualified) {
        for (uint32_t i = 0; i < scope->item_count; i++) {
            const fly__sql_item *other = scope->items[i];
            if (other->alias != NULL && other->qualified &&
                strcmp(other->alias, item->alias) == 0 && same_schema(other, item)) {
                return fly__sql_bind_fail(b, "42712", 0,
                                          "table name \"%s\" specified more than once",
                                          item->alias) != NULL;
            }
        }
    }
    if (!fly__sql_bind_room(b, &scope->items, &scope->item_room, scope->item_count,
                            sizeof *scope->items)) {
        return false;
    }
    item->ordinal = scope->item_count;
    scope->items[scope->item_count++] = item;
    return true;
}

/* ------------------------------------------------------------------ columns of items */

fly__sql_colid fly__sql_bind_item_id(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item,
                                     uint32_t index)
{
    fly__sql_item_column *column = &item->columns[index];
    if (column->id != 0) {
        return column->id;
    }
    fly__sql_rel *rel = item->rel;
    column->id = fly__sql_bind_id(b, 'f', scope, item, index);
    if (column->id == 0) {
        return 0;
    }
    rel->scan.attnums[rel->column_count] = column->number;
    rel->columns[rel->column_count++] = (fly__sql_colref){.id = column->id,
                                                          .type = column->type,
                                                          .name = column->name,
                                                          .nullable = !column->not_null};
    return column->id;
}

fly__sql_colid fly__sql_bind_row_key(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_item *item)
{
    if (item->row_key == 0) {
        fly__sql_rel *rel = item->rel;
        item->row_key = fly__sql_bind_id(b, 'k', scope, item, 0);
        if (item->row_key == 0) {
            return 0;
        }
        rel->scan.attnums[rel->column_count] = 0;
        rel->columns[rel->column_count++] = (fly__sql_colref){
            .id = item->row_key, .type = fly__sql_type(FLY_SQL_BYTEA), .name = "(row key)"};
    }
    return item->row_key;
}

fly__sql_expr *fly__sql_bind_item_column(fly__sql_binder *b, fly__sql_scope *scope,
                                         fly__sql_item *item, uint32_t index, uint32_t pos)
{
    fly__sql_item_column *column = &item->columns[index];
    if (item->need != NULL && !fly__sql_bind_need_item(b, item->need, index)) {
        return NULL;
    }
    if (column->of != NULL) {
        return fly__sql_bind_item_column(b, scope, column->of, column->of_index, pos);
    }
    if (column->expr != NULL) {
        fly__sql_expr *e = fly__sql_bind_copy(b, column->expr);
        if (e != NULL) {
            e->pos = b->no_positions > 0 ? 0 : pos;
        }
        return e;
    }
    fly__sql_colid id = fly__sql_bind_item_id(b, scope, item, index);
    fly__sql_expr *e = id == 0 ? NULL : fly__sql_bind_colref(b, id, column->type, pos);
    if (e != NULL) {
        e->collated = column->type.collation != 0 ? 'i' : 0;
        e->fields = column->fields;
    }
    return e;
}

/* ------------------------------------------------------------------------- names */

static bool visible(const fly__sql_scope *scope, const fly__sql_item *item)
{
    return !item->lateral_only || scope->lateral;
}

/* The column of a name in an item; -1: none, -2: two. */
static int64_t column_in(const fly__sql_item *item, const char *name)
{
    int64_t found = -1;
    for (uint32_t i = 0; i < item->column_count; i++) {
        const fly__sql_item_column *column = &item->columns[i];
        if (!column->hidden && column->name[0] == name[0] && strcmp(column->name, name) == 0) {
            if (found >= 0) {
                return -2;
            }
            found = i;
        }
    }
    return found;
}

static void *ambiguous(fly__sql_binder *b, const char *name, uint32_t pos)
{
    return fly__sql_bind_fail(b, "42702", pos, "column reference \"%s\" is ambiguous", name);
}

static bool bad_lateral(fly__sql_binder *b, const fly__sql_item *item, uint32_t pos)
{
    (void)fly__sql_bind_fail(b, "42P10", pos,
                             "invalid reference to FROM-clause entry for table \"%s\"",
                             item->alias != NULL ? item->alias : "unnamed");
    fly__sql_bind_detail(b,
                         "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
    return false;
}

/* A lone name as a column, from the inside out. NULL without an error: nobody knows it. */
static fly__sql_expr *lone_column(fly__sql_binder *b, fly__sql_scope *scope, const char *name,
                                  uint32_t pos)
{
    for (; scope != NULL; scope = scope->parent) {
        fly__sql_item *owner = NULL;
        uint32_t index = 0;
        for (uint32_t i = 0; i < scope->item_count; i++) {
            fly__sql_item *item = scope->items[i];
            if (!item->unqualified || !visible(scope, item)) {
                continue;
            }
            int64_t at = column_in(item, name);
            if (at == -2 || (at >= 0 && owner != NULL)) {
                return ambiguous(b, name, pos);
            }
            if (at >= 0) {
                owner = item;
                index = (uint32_t)at;
            }
        }
        if (owner != NULL) {
            if (owner->lateral_bad && owner->lateral_only) {
                (void)bad_lateral(b, owner, pos);
                return NULL;
            }
            return fly__sql_bind_item_column(b, scope, owner, index, pos);
        }
    }
    return NULL;
}

static bool named(const fly__sql_item *item, const char *schema, const char *name)
{
    return item->qualified && item->alias != NULL && strcmp(item->alias, name) == 0 &&
           (schema == NULL || (item->schema != NULL && strcmp(item->schema, schema) == 0));
}

/* The item of a name, from the inside out. NULL without an error: none. */
static fly__sql_item *item_named(fly__sql_binder *b, fly__sql_scope *scope, const char *schema,
                                 const char *name, uint32_t pos, fly__sql_scope **owner)
{
    for (; scope != NULL; scope = scope->parent) {
        fly__sql_item *found = NULL;
        for (uint32_t i = 0; i < scope->item_count; i++) {
            fly__sql_item *item = scope->items[i];
            if (named(item, schema, name) && visible(scope, item)) {
                if (found != NULL) {
                    return fly__sql_bind_fail(b, "42P09", pos,
                                              "table reference \"%s\" is ambiguous", name);
                }
                found = item;
            }
        }
        if (found != NULL) {
            if (found->lateral_bad && found->lateral_only) {
                (void)bad_lateral(b, found, pos);
                return NULL;
            }
            *owner = scope;
            return found;
        }
    }
    return NULL;
}

/* Why a table's name means nothing here. */
static void *no_item(fly__sql_binder *b, fly__sql_scope *scope, const char *schema,
                     const char *name, uint32_t pos)
{
    for (fly__sql_scope *s = scope; s != NULL; s = s->parent) {
        for (uint32_t i = 0; i < s->item_count; i++) {
            const fly__sql_item *item = s->items[i];
            if (item->alias != NULL && strcmp(item->alias, name) == 0 && schema == NULL) {
                (void)fly__sql_bind_fail(b, "42P01", pos,
                                         "invalid reference to FROM-clause entry for table \"%s\"",
                                         name);
                fly__sql_bind_detail(b,
                                     "There is an entry for table \"%s\", but it cannot be "
                                     "referenced from this part of the query.",
                                     name);
                return NULL;
            }
            if (item->table != NULL && item->alias != NULL &&
                strcmp(item->table->name, name) == 0 && strcmp(item->alias, name) != 0) {
                (void)fly__sql_bind_fail(b, "42P01", pos,
                                         "invalid reference to FROM-clause entry for table \"%s\"",
                                         name);
                fly__sql_bind_hint(b, "Perhaps you meant to reference the table alias \"%s\".",
                                   item->alias);
                return NULL;
            }
        }
    }
    return fly__sql_bind_fail(b, "42P01", pos, "missing FROM-clause entry for table \"%s\"", name);
}

fly__sql_item *fly__sql_bind_item(fly__sql_binder *b, fly__sql_scope *scope, const char *schema,
                                  const char *name, uint32_t pos, fly__sql_scope **owner)
{
    fly__sql_item *item = item_named(b, scope, schema, name, pos, owner);
    if (item == NULL && fly__sql_bind_ok(b)) {
        return no_item(b, scope, schema, name, pos);
    }
    return item;
}

/* Letters to change, add or take away to make one word of another; `most` and more are one. */
static uint32_t distance(const char *a, const char *b, uint32_t most)
{
    uint32_t row[FLY__SQL_NAME_MAX + 2];
    size_t len = strlen(b);
    if (len > FLY__SQL_NAME_MAX) {
        return most;
    }
    for (uint32_t j = 0; j <= len; j++) {
        row[j] = j;
    }
    for (uint32_t i = 0; a[i] != 0; i++) {
        uint32_t diagonal = row[0];
        row[0] = i + 1;
        for (uint32_t j = 0; j < len; j++) {
            uint32_t above = row[j + 1];
            uint32_t best = diagonal + (a[i] != b[j]);
            best = best < above + 1 ? best : above + 1;
            best = best < row[j] + 1 ? best : row[j] + 1;
            diagonal = above;
            row[j + 1] = best;
        }
    }
    return row[len] < most ? row[len] : most;
}

/* A name close to the one that nobody knows. */
static void suggest(fly__sql_binder *b, fly__sql_scope *scope, const char *table, const char *name)
{
    uint32_t best = 4;
    uint32_t half = (uint32_t)strlen(name) / 2 + 1;
    best = best < half ? best : half;
    const fly__sql_item *found = NULL;
    const char *column = NULL;
    for (fly__sql_scope *s = scope; s != NULL; s = s->parent) {
        for (uint32_t i = 0; i < s->item_count; i++) {
            const fly__sql_item *item = s->items[i];
            if (item->alias == NULL || (table != NULL && strcmp(item->alias, table) != 0)) {
                continue;
            }
            for (uint32_t c = 0; c < item->column_count; c++) {
                if (item->columns[c].hidden) {
                    continue;
                }
                if (strcmp(item->columns[c].name, name) == 0) {
                    fly__sql_bind_hint(b,
                                       "There is a column named \"%s\" in table \"%s\", but it "
                                       "cannot be referenced from this part of the query.",
                                       name, item->alias);
                    return;
                }
                uint32_t d = distance(name, item->columns[c].name, best);
                if (d < best) {
                    best = d;
                    found = item;
                    column = item->columns[c].name;
                }
            }
        }
    }
    if (found != NULL) {
        fly__sql_bind_hint(b, "Perhaps you meant to reference the column \"%s.%s\".", found->alias,
                           column);
    }
}

static fly__sql_expr *variable(fly__sql_binder *b, const fly_ast_column *ast)
{
    if (b->context->variable == NULL || b->no_positions > 0) {
        return NULL;
    }
    fly__sql_expr *param =
        fly__sql_bind_node(b, FLY__SQL_X_PARAM, fly__sql_type(FLY_SQL_UNKNOWN), 0, ast->node.pos);
    if (param == NULL || !b->context->variable(b->context->variable_ctx, ast->names.items,
                                               ast->names.count, param)) {
        return NULL;
    }
    return param;
}

static fly__sql_expr *table_oid(fly__sql_binder *b, const fly__sql_item *item, const char *name,
                                uint32_t pos)
{
    if (strcmp(name, "tableoid") != 0 || item->table == NULL) {
        return NULL;
    }
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_CONST, fly__sql_type(FLY_SQL_OID), 0, pos);
    if (e != NULL) {
        e->value.i32 = (int32_t)item->table->oid;
    }
    return e;
}

/* The OID of the table a row is from; other system columns there are none. */
static fly__sql_expr *system_column(fly__sql_binder *b, fly__sql_scope *scope, const char *name,
                                    uint32_t pos)
{
    return scope->item_count == 1 ? table_oid(b, scope->items[0], name, pos) : NULL;
}

static fly__sql_expr *bind_lone(fly__sql_binder *b, fly__sql_scope *scope,
                                const fly_ast_column *ast)
{
    const char *name = ast->names.items[0];
    uint32_t pos = ast->node.pos;
    if (scope->place == FLY__SQL_IN_DEFAULT) {
        return fly__sql_bind_fail(b, "0A000", pos,
                                  "cannot use column reference in DEFAULT expression");
    }
    if (b->value_name != NULL && strcmp(b->value_name, name) == 0) {
        return fly__sql_bind_copy(b, b->value_expr);
    }
    fly__sql_expr *e = lone_column(b, scope, name, pos);
    if (e != NULL && b->context->variable_first && variable(b, ast) != NULL) {
        (void)fly__sql_bind_fail(b, "42702", pos, "column reference \"%s\" is ambiguous", name);
        fly_err_detail(b->err, "It could refer to either a PL/pgSQL variable or a table column.");
        return NULL;
    }
    if (e != NULL || !fly__sql_bind_ok(b)) {
        return e;
    }
    e = variable(b, ast);
    if (e != NULL || !fly__sql_bind_ok(b)) {
        return e;
    }
    fly__sql_scope *owner;
    fly__sql_item *item = item_named(b, scope, NULL, name, pos, &owner);
    if (item != NULL) {
        return fly__sql_bind_whole_row(b, owner, item, pos);
    }
    e = fly__sql_bind_ok(b) ? system_column(b, scope, name, pos) : NULL;
    if (e != NULL || !fly__sql_bind_ok(b)) {
        return e;
    }
    (void)fly__sql_bind_fail(b, "42703", pos, "column \"%s\" does not exist", name);
    suggest(b, scope, NULL, name);
    return NULL;
}

fly__sql_expr *fly__sql_bind_column(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly_ast_column *ast)
{
    uint32_t pos = ast->node.pos;
    uint32_t count = ast->names.count;
    if (ast->star) {
        return fly__sql_bind_fail(b, "42601", pos,
                                  count == 0 ? "syntax error at or near \"*\""
                                             : "row expansion via \"*\" is not supported here");
    }
    if (count == 1) {
        return bind_lone(b, scope, ast);
    }
    if (count > 4) {
        return fly__sql_bind_fail(b, "42601", pos,
                                  "improper qualified name (too many dotted names): %s",
                                  ast->names.items[count - 1]);
    }
    const char *name = ast->names.items[count - 1];
    const char *table = ast->names.items[count - 2];
    const char *schema = count > 2 ? ast->names.items[count - 3] : NULL;
    fly__sql_scope *owner = NULL;
    fly__sql_item *item = item_named(b, scope, schema, table, pos, &owner);
    if (item == NULL) {
        fly__sql_expr *e = fly__sql_bind_ok(b) ? variable(b, ast) : NULL;
        if (e != NULL || !fly__sql_bind_ok(b)) {
            return e;
        }
        return no_item(b, scope, schema, table, pos);
    }
    int64_t at = column_in(item, name);
    if (at == -2) {
        return ambiguous(b, name, pos);
    }
    if (at >= 0) {
        return fly__sql_bind_item_column(b, owner, item, (uint32_t)at, pos);
    }
    fly__sql_expr *oid = table_oid(b, item, name, pos);
    if (oid != NULL || !fly__sql_bind_ok(b)) {
        return oid;
    }
    (void)fly__sql_bind_fail(b, "42703", pos, "column %s.%s does not exist", table, name);
    suggest(b, scope, table, name);
    return NULL;
}

/* -------------------------------------------------------------------------- rows */

fly__sql_expr *fly__sql_bind_whole_row(fly__sql_binder *b, fly__sql_scope *scope,
                                       fly__sql_item *item, uint32_t pos)
{
    if (item->scalar) {
        return fly__sql_bind_item_column(b, scope, item, 0, pos);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < item->column_count; i++) {
        count += !item->columns[i].hidden;
    }
    fly_sql_type type = item->row_type.oid != 0 ? item->row_type : fly__sql_type(FLY_SQL_RECORD);
    fly__sql_expr *row = fly__sql_bind_node(b, FLY__SQL_X_ROW, type, count, pos);
    if (row == NULL) {
        return NULL;
    }
    fly__sql_fields *fields = fly__sql_bind_alloc(b, sizeof *fields);
    const char **names = fly__sql_bind_alloc(b, (count + 1) * sizeof *names);
    fly_sql_type *types = fly__sql_bind_alloc(b, (count + 1) * sizeof *types);
    if (fields == NULL || names == NULL || types == NULL) {
        return NULL;
    }
    *fields = (fly__sql_fields){.count = count, .names = names, .types = types};
    row->fields = fields;
    uint32_t at = 0;
    for (uint32_t i = 0; i < item->column_count; i++) {
        if (item->columns[i].hidden) {
            continue;
        }
        names[at] = item->columns[i].name;
        types[at] = fly__sql_bind_unshaped_type(item->columns[i].type);
        fly__sql_expr *column = fly__sql_bind_item_column(b, scope, item, i, pos);
        row->args[at] = column == NULL ? NULL : fly__sql_bind_unshaped(b, column);
        if (row->args[at++] == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, row);
}

bool fly__sql_bind_fields(fly__sql_binder *b, fly__sql_expr *arg, uint32_t *count,
                          const char ***names, fly_sql_type **types, uint16_t **numbers)
{
    const fly__sql_table *table = fly__sql_bind_composite(b, arg->type.oid);
    const fly__sql_fields *fields = table == NULL ? arg->fields : NULL;
    uint32_t room = table != NULL ? table->column_count : fields != NULL ? fields->count : 0;
    if (room == 0) {
        return fly__sql_bind_fail(b, "42809", arg->pos,
                                  arg->type.oid == FLY_SQL_RECORD
                                      ? "record type has not been registered"
                                      : "type %s is not composite",
                                  fly__sql_bind_type_name(b, arg->type.oid)) != NULL;
    }
    *names = fly__sql_bind_alloc(b, room * sizeof **names);
    *types = fly__sql_bind_alloc(b, room * sizeof **types);
    *numbers = fly__sql_bind_alloc(b, room * sizeof **numbers);
    if (*names == NULL || *types == NULL || *numbers == NULL) {
        return false;
    }
    *count = 0;
    for (uint32_t i = 0; i < room; i++) {
        if (fields != NULL) {
            (*names)[*count] = fields->names[i];
            (*types)[*count] = fields->types[i];
            (*numbers)[(*count)++] = (uint16_t)(i + 1);
            continue;
        }
        if (table->columns[i].dropped) {
            continue;
        }
        (*names)[*count] = table->columns[i].name;
        (*types)[*count] = table->columns[i].type;
        (*numbers)[(*count)++] = table->columns[i].number;
    }
    return true;
}

fly__sql_expr *fly__sql_bind_field(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_expr *arg,
                                   const char *name, uint32_t pos)
{
    (void)scope;
    const fly__sql_table *table = fly__sql_bind_composite(b, arg->type.oid);
    if (table == NULL) {
        if (arg->kind == FLY__SQL_X_ROW && name[0] == 'f' && name[1] >= '1' && name[1] <= '9') {
            uint32_t n = 0;
            for (const char *c = name + 1; *c >= '0' && *c <= '9' && n < 10000; c++) {
                n = n * 10 + (uint32_t)(*c - '0');
            }
            if (n >= 1 && n <= arg->argc) {
                return arg->args[n - 1];
            }
        }
        for (uint32_t i = 0; arg->fields != NULL && i < arg->fields->count; i++) {
            if (strcmp(arg->fields->names[i], name) == 0) {
                fly__sql_expr *field =
                    fly__sql_bind_node(b, FLY__SQL_X_FIELD, arg->fields->types[i], 1, pos);
                if (field == NULL) {
                    return NULL;
                }
                field->args[0] = arg;
                field->column = i + 1;
                return fly__sql_bind_done(b, field);
            }
        }
        if (arg->type.oid == FLY_SQL_RECORD) {
            return fly__sql_bind_fail(b, "42703", pos,
                                      "could not identify column \"%s\" in record data type", name);
        }
        return fly__sql_bind_fail(
            b, "42809", arg->pos,
            "column notation .%s applied to type %s, which is not a composite type", name,
            fly__sql_bind_type_name(b, arg->type.oid));
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (!column->dropped && strcmp(column->name, name) == 0) {
            fly_sql_type type = column->type;
            if (type.oid == FLY_SQL_NUMERIC) { /* fields of rows are in libvec's format */
                type.digits = 0;
                type.scale = 0;
            }
            fly__sql_expr *field = fly__sql_bind_node(b, FLY__SQL_X_FIELD, type, 1, pos);
            if (field == NULL) {
                return NULL;
            }
            field->args[0] = arg;
            field->column = column->number;
            return fly__sql_bind_done(b, field);
        }
    }
    return fly__sql_bind_fail(b, "42703", pos, "column \"%s\" not found in data type %s", name,
                              fly__sql_bind_type_name(b, arg->type.oid));
}
