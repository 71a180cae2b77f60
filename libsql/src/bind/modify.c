/*
 * INSERT, UPDATE and DELETE.
 *
 * The input of the node makes the values: for INSERT the source's columns, for UPDATE and DELETE the row
 * key and all columns of the old row, with whatever FROM or USING add. What happens to the new row
 * after that is told in terms of the ids in `fresh`: generated columns, checks, RETURNING.
 *
 * What is not here: triggers, foreign keys and unique constraints, which the executor looks after.
 */
#include "bind/bind_modify_int.h"

#include "catalog/right_int.h"

/* ----------------------------------------------------------------------- the target */

bool fly__sql_bind_target(fly__sql_binder *b, const fly_ast_relation *ast, uint8_t mode,
                          const char *verb, fly__sql_target_rel *target)
{
    const fly__sql_table *table = fly__sql_bind_table(b, ast, mode);
    if (table == NULL) {
        return false;
    }
    *target = (fly__sql_target_rel){.ast = ast, .named = table, .table = table};
    uint32_t rights = strcmp(verb, "insert into") == 0   ? FLY__SQL_MAY_INSERT
                      : strcmp(verb, "update") == 0      ? FLY__SQL_MAY_UPDATE
                      : strcmp(verb, "delete from") == 0 ? FLY__SQL_MAY_DELETE
                                                         : 0; /* MERGE: its actions tell */
    if (!fly__sql_bind_need(b, table, rights, &target->need)) {
        return false;
    }
    b->modifies = true;
    switch (table->class) {
    case FLY__SQL_MATVIEW:
        return fly__sql_bind_fail(b, "42809", 0, "cannot change materialized view \"%s\"",
                                  table->name) != NULL;
    case FLY__SQL_SEQUENCE:
        return fly__sql_bind_fail(b, "42809", 0, "cannot change sequence \"%s\"", table->name) !=
               NULL;
    case FLY__SQL_SYSTEM:
        return fly__sql_bind_fail(b, "42501", 0, "permission denied for table %s", table->name) !=
               NULL;
    case FLY__SQL_VIEW:
        break;
    default:
        return true;
    }
    if (b->session != NULL && b->session->compat.lax_syntax) {
        return fly__sql_bind_fail(b, "55000", 0, "cannot modify %s because it is a view",
                                  table->name) != NULL;
    }
    /* The columns of a view are found by binding it over a row that nobody uses. */
    fly__sql_scope *scope = fly__sql_bind_scope(b, NULL);
    fly__sql_view_row row;
    b->target_rights = rights;
    bool bound = scope != NULL && fly__sql_bind_view_row(b, scope, table, NULL, NULL, verb, &row);
    b->target_rights = 0;
    if (!bound) {
        return false;
    }
    target->table = row.table;
    target->map = row.map;
    return fly__sql_bind_note_table(b, row.table, mode);
}

int32_t fly__sql_bind_attribute(fly__sql_binder *b, const fly__sql_target_rel *target,
                                const char *name, const char *verb, uint32_t pos)
{
    const fly__sql_table *named = target->named;
    for (uint16_t i = 0; i < named->column_count; i++) {
        if (named->columns[i].dropped || strcmp(named->columns[i].name, name) != 0) {
            continue;
        }
        if (!fly__sql_bind_need_column(b, target->need, named->columns[i].number,
                                       strcmp(verb, "insert into") == 0 ? FLY__SQL_MAY_INSERT
                                                                        : FLY__SQL_MAY_UPDATE)) {
            return -1;
        }
        if (target->map == NULL) {
            return i;
        }
        if (target->map[i] >= 0) {
            return target->map[i];
        }
        (void)fly__sql_bind_fail(b, "0A000", 0, "cannot %s column \"%s\" of view \"%s\"", verb,
                                 name, named->name);
        fly__sql_bind_detail(
            b, "View columns that are not columns of their base relation are not updatable.");
        return -1;
    }
    (void)fly__sql_bind_fail(b, "42703", pos, "column \"%s\" of relation \"%s\" does not exist",
                             name, named->name);
    return -1;
}

fly__sql_item *fly__sql_bind_row_item(fly__sql_binder *b, fly__sql_scope *scope,
                                      const fly__sql_target_rel *target, const fly__sql_colid *ids,
                                      const char *alias)
{
    if (target->map != NULL) {
        fly__sql_view_row row;
        return fly__sql_bind_view_row(b, scope, target->named, ids, alias, "update", &row)
                   ? row.item
                   : NULL;
    }
    fly__sql_item *item = fly__sql_bind_scan(b, scope, target->table, alias);
    for (uint16_t i = 0; item != NULL && i < target->table->column_count; i++) {
        item->columns[i].id = ids[i];
        if (ids[i] != 0) {
            b->infos[ids[i]] =
                (fly__sql_colinfo){.kind = 'f', .scope = scope, .item = item, .index = i};
        }
    }
    return item;
}

static fly__sql_colid *new_ids(fly__sql_binder *b, const fly__sql_table *table)
{
    fly__sql_colid *ids = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof *ids);
    for (uint16_t i = 0; ids != NULL && i < table->column_count; i++) {
        ids[i] = fly__sql_bind_id(b, 'f', NULL, NULL, i);
        if (ids[i] == 0) {
            return NULL;
        }
    }
    return ids;
}

/* ------------------------------------------------------------------------- defaults */

/* A text that is kept with something of a schema. */
static fly__sql_expr *bind_text(fly__sql_binder *b, fly__sql_scope *scope, uint32_t schema,
                                const char *text)
{
    const fly_ast *ast = fly__sql_bind_parse_expr(b, text);
    const fly__sql_catalog_view *saved;
    if (ast == NULL || !fly__sql_bind_within(b, schema, &saved)) {
        return NULL;
    }
    b->no_positions++;
    fly__sql_expr *e = fly__sql_bind_expression(b, scope, ast);
    b->no_positions--;
    b->view = saved;
    return e;
}

/* nextval('sequence') */
static fly__sql_expr *next_of(fly__sql_binder *b, uint32_t sequence)
{
    fly__sql_expr *oid =
        fly__sql_bind_node(b, FLY__SQL_X_CONST, fly__sql_type(FLY_SQL_REGCLASS), 0, 0);
    if (oid == NULL) {
        return NULL;
    }
    if (fly__sql_type_physical(oid->type) == FLY_VEC_I64) {
        oid->value.i64 = sequence;
    } else {
        oid->value.i32 = (int32_t)sequence;
    }
    return fly__sql_bind_named_call(b, "nextval", &oid, 1, 0);
}

fly__sql_expr *fly__sql_bind_default(fly__sql_binder *b, const fly__sql_table *table,
                                     const fly__sql_column *column)
{
    fly_sql_type type = fly__sql_bind_shaped(column->type);
    if (column->dropped || column->generated != 0) {
        return fly__sql_bind_null(b, column->dropped ? fly__sql_type(FLY_SQL_INT4) : type, 0);
    }
    fly__sql_expr *e = NULL;
    if (column->default_text != NULL) {
        fly__sql_scope *scope = fly__sql_bind_scope(b, NULL);
        e = scope == NULL ? NULL : bind_text(b, scope, table->schema, column->default_text);
    } else if (column->identity != 0 && column->sequence != 0) {
        e = next_of(b, column->sequence);
    } else {
        const fly__sql_user_type *domain =
            type.oid >= FLY__SQL_OID_FIRST ? fly__sql_user_type_of(b->view, type.oid) : NULL;
        if (domain != NULL && domain->kind == 'd' && domain->default_text != NULL) {
            fly__sql_scope *scope = fly__sql_bind_scope(b, NULL);
            e = scope == NULL ? NULL : bind_text(b, scope, domain->schema, domain->default_text);
        } else if (domain != NULL && domain->kind == 'd') {
            e = fly__sql_bind_null(b, fly__sql_type(FLY_SQL_UNKNOWN), 0);
        } else {
            return fly__sql_bind_null(b, type, 0);
        }
    }
    return e == NULL ? NULL : fly__sql_bind_assign(b, e, type, column->name);
}

/* -------------------------------------------------- generated columns, constraints */

static bool add_check(fly__sql_binder *b, fly__sql_modify *m, fly__sql_expr *check,
                      const char *name, char kind, uint32_t room)
{
    if (m->checks == NULL) {
        m->checks = fly__sql_bind_alloc(b, room * sizeof *m->checks);
        m->check_names = fly__sql_bind_alloc(b, room * sizeof *m->check_names);
        m->check_kinds = fly__sql_bind_alloc(b, room);
        if (m->checks == NULL || m->check_names == NULL || m->check_kinds == NULL) {
            return false;
        }
    }
    m->checks[m->check_count] = check;
    m->check_names[m->check_count] = name;
    m->check_kinds[m->check_count++] = kind;
    return true;
}

/* What a new row must be, over `fresh`. */
bool fly__sql_bind_row_rules(fly__sql_binder *b, fly__sql_modify *m,
                             const fly__sql_target_rel *target)
{
    const fly__sql_table *table = m->table;
    uint32_t generated = 0;
    uint32_t checks = 0;
    for (uint16_t i = 0; i < table->column_count; i++) {
        generated += table->columns[i].generated != 0 && !table->columns[i].dropped;
    }
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        checks += table->constraints[i]->kind == FLY__SQL_CHECK;
    }
    m->fresh = new_ids(b, table);
    if (m->fresh == NULL) {
        return false;
    }
    fly__sql_view_row row = {0};
    if (target->map != NULL) {
        fly__sql_scope *names = fly__sql_bind_scope(b, NULL);
        if (names == NULL ||
            !fly__sql_bind_view_row(b, names, target->named, m->fresh, NULL, "update", &row)) {
            return false;
        }
        checks += row.check_count;
    }
    checks++; /* room for row security's */
    for (uint32_t i = 0; i < row.check_count; i++) {
        if (!add_check(b, m, row.checks[i], row.check_names[i], 'v', checks)) {
            return false;
        }
    }
    fly__sql_expr *policy;
    if (!fly__sql_bind_new_row_policies(b, table, m->fresh,
                                        m->command == FLY__SQL_INSERT ? 'a' : 'w', &policy) ||
        (policy != NULL && !add_check(b, m, policy, table->name, 'p', checks))) {
        return false;
    }
    if (generated == 0 && checks == row.check_count + 1) {
        return true;
    }
    fly__sql_scope *scope = fly__sql_bind_scope(b, NULL);
    const fly__sql_target_rel base = {.ast = target->ast, .named = table, .table = table};
    fly__sql_item *item = scope == NULL ? NULL
                                        : fly__sql_bind_row_item(b, scope, &base, m->fresh, NULL);
    if (item == NULL || !fly__sql_bind_scope_add(b, scope, item)) {
        return false;
    }
    m->generated = fly__sql_bind_alloc(b, (generated + 1) * sizeof *m->generated);
    if (m->generated == NULL) {
        return false;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (column->generated == 0 || column->dropped) {
            continue;
        }
        fly__sql_expr *e = bind_text(b, scope, table->schema, column->default_text);
        e = e == NULL
                ? NULL
                : fly__sql_bind_assign(b, e, fly__sql_bind_shaped(column->type), column->name);
        if (e == NULL) {
            return false;
        }
        m->generated[m->generated_count++] = (fly__sql_assign){.column = column->number, .expr = e};
    }
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const fly__sql_constraint *constraint = table->constraints[i];
        if (constraint->kind != FLY__SQL_CHECK) {
            continue;
        }
        fly__sql_expr *e = bind_text(b, scope, table->schema, constraint->check);
        e = e == NULL ? NULL : fly__sql_bind_boolean(b, e, "CHECK");
        if (e == NULL || !add_check(b, m, e, constraint->name, 'c', checks)) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------ RETURNING */

static fly__sql_rel *modify_node(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input,
                                 fly__sql_modify *m, fly_ast_list returning)
{
    fly__sql_target *targets = NULL;
    uint32_t count = 0;
    uint32_t room = 0;
    if (!fly__sql_bind_targets(b, scope, returning, FLY__SQL_IN_RETURNING, &targets, &count,
                               &room)) {
        return NULL;
    }
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_MODIFY, input, count);
    if (rel == NULL) {
        return NULL;
    }
    rel->modify = m;
    m->returning_count = count;
    m->returning = fly__sql_bind_alloc(b, (count + 1) * sizeof *m->returning);
    if (m->returning == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        fly__sql_expr *e = fly__sql_bind_known(b, targets[i].expr);
        if (e == NULL) {
            return NULL;
        }
        m->returning[i] = e;
        rel->columns[i] = (fly__sql_colref){.id = fly__sql_bind_id(b, 'o', scope, NULL, i),
                                            .type = e->type,
                                            .name = targets[i].name,
                                            .nullable = true};
        if (rel->columns[i].id == 0) {
            return NULL;
        }
    }
    return rel;
}

/* The scope of RETURNING: the target's row as it is afterwards, then the other items. */
static fly__sql_scope *returning_scope(fly__sql_binder *b, const fly__sql_scope *from,
                                       const fly__sql_target_rel *target, const fly__sql_colid *ids)
{
    fly__sql_scope *scope = fly__sql_bind_scope(b, from->parent);
    fly__sql_item *item =
        scope == NULL ? NULL : fly__sql_bind_row_item(b, scope, target, ids, target->ast->alias);
    if (item == NULL || !fly__sql_bind_scope_add(b, scope, item)) {
        return NULL;
    }
    item->need = target->need;
    scope->ctes = from->ctes;
    for (uint32_t i = 1; i < from->item_count; i++) {
        if (!fly__sql_bind_room(b, &scope->items, &scope->item_room, scope->item_count,
                                sizeof *scope->items)) {
            return NULL;
        }
        scope->items[scope->item_count++] = from->items[i];
    }
    return scope;
}

static fly__sql_rel *wrapped(fly__sql_rel *wrap, fly__sql_rel *rel)
{
    if (rel == NULL || wrap == NULL) {
        return rel;
    }
    wrap->left = rel;
    wrap->columns = rel->columns;
    wrap->column_count = rel->column_count;
    return wrap;
}

/* --------------------------------------------------------------------------- INSERT */

/* The target's columns that an INSERT names, by position in the table. */
static bool insert_columns(fly__sql_binder *b, const fly__sql_target_rel *target, fly_ast_list list,
                           uint16_t **columns, uint32_t *count)
{
    const fly__sql_table *table = target->named;
    *columns = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof **columns);
    if (*columns == NULL) {
        return false;
    }
    *count = 0;
    if (list.count == 0) {
        for (uint16_t i = 0; i < table->column_count; i++) {
            if (!table->columns[i].dropped) {
                int32_t at = target->map == NULL ? i : target->map[i];
                /* A column that cannot be set is an error once it is given a value. */
                (*columns)[(*count)++] = at < 0 ? UINT16_MAX : (uint16_t)at;
            }
        }
        return true;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        const fly_ast_set_target *set = (const fly_ast_set_target *)list.items[i];
        if (set->indirection.count > 0) {
            return fly__sql_bind_unsupported(b, set->node.pos, "INSERT into a part of a column") !=
                   NULL;
        }
        int32_t at = fly__sql_bind_attribute(b, target, set->name, "insert into", set->node.pos);
        if (at < 0) {
            return false;
        }
        for (uint32_t j = 0; j < *count; j++) {
            if ((*columns)[j] == at) {
                return fly__sql_bind_fail(b, "42701", set->node.pos,
                                          "column \"%s\" specified more than once",
                                          set->name) != NULL;
            }
        }
        (*columns)[(*count)++] = (uint16_t)at;
    }
    return true;
}

typedef struct insertion {
    const fly_ast_insert *ast;
    const fly__sql_target_rel *target;
    const fly__sql_table *table;
    uint16_t *columns; /* positions in the table, one for each value */
    uint32_t count;
    fly__sql_expr **values; /* by position in the table; NULL: not given */
    bool *ignored;          /* OVERRIDING USER VALUE: by position */
} insertion;

/* Whether a value may be given for a column; `*ignore`: it is given and does not count. */
static bool may_set(fly__sql_binder *b, const insertion *in, uint16_t at, bool *ignore)
{
    const fly__sql_column *column = &in->table->columns[at];
    *ignore = false;
    if (column->generated != 0) {
        (void)fly__sql_bind_fail(
            b, "428C9", 0, "cannot insert a non-DEFAULT value into column \"%s\"", column->name);
        fly__sql_bind_detail(b, "Column \"%s\" is a generated column.", column->name);
        return false;
    }
    if (column->identity == 0) {
        return true;
    }
    if (in->ast != NULL && in->ast->overriding == FLY_AST_OVERRIDING_USER) {
        *ignore = true;
        return true;
    }
    if (column->identity == 'a' &&
        (in->ast == NULL || in->ast->overriding != FLY_AST_OVERRIDING_SYSTEM)) {
        (void)fly__sql_bind_fail(
            b, "428C9", 0, "cannot insert a non-DEFAULT value into column \"%s\"", column->name);
        fly__sql_bind_detail(b, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.",
                             column->name);
        fly__sql_bind_hint(b, "Use OVERRIDING SYSTEM VALUE to override.");
        return false;
    }
    return true;
}

static bool check_width(fly__sql_binder *b, const insertion *in, uint32_t given, uint32_t more_pos)
{
    if (given > in->count) {
        return fly__sql_bind_fail(b, "42601", more_pos,
                                  "INSERT has more expressions than target columns") != NULL;
    }
    if (given < in->count && in->ast->columns.count > 0) {
        return fly__sql_bind_fail(b, "42601", in->ast->columns.items[given]->pos,
                                  "INSERT has more target columns than expressions") != NULL;
    }
    return true;
}

/* Without a list of columns the first ones are given values. */
static bool need_columns(fly__sql_binder *b, const insertion *in, uint32_t given)
{
    const fly__sql_table *named = in->target->named;
    if (in->ast == NULL || in->ast->columns.count > 0) {
        return true;
    }
    for (uint16_t i = 0; i < named->column_count && given > 0; i++) {
        if (!named->columns[i].dropped) {
            given--;
            if (!fly__sql_bind_need_column(b, in->target->need, named->columns[i].number,
                                           FLY__SQL_MAY_INSERT)) {
                return false;
            }
        }
    }
    return true;
}

/* A column of a view that is no column of its table. */
static bool check_columns(fly__sql_binder *b, const insertion *in, uint32_t given)
{
    if (!need_columns(b, in, given)) {
        return false;
    }
    for (uint32_t i = 0; i < given; i++) {
        if (in->columns[i] == UINT16_MAX) {
            uint32_t at = 0;
            const char *name = "?";
            for (uint16_t c = 0; c < in->target->named->column_count; c++) {
                if (!in->target->named->columns[c].dropped && at++ == i) {
                    name = in->target->named->columns[c].name;
                }
            }
            (void)fly__sql_bind_attribute(b, in->target, name, "insert into", 0);
            return false;
        }
    }
    return true;
}

static bool is_default(const fly_ast *ast)
{
    return ast->kind == FLY_AST_DEFAULT;
}

static fly__sql_expr *insert_value(fly__sql_binder *b, fly__sql_scope *scope, const insertion *in,
                                   uint16_t at, const fly_ast *ast)
{
    const fly__sql_column *column = &in->table->columns[at];
    bool ignore = false;
    if (is_default(ast)) {
        return fly__sql_bind_default(b, in->table, column);
    }
    if (!may_set(b, in, at, &ignore)) {
        return NULL;
    }
    fly__sql_expr *e = fly__sql_bind_at(b, scope, FLY__SQL_IN_VALUES, ast);
    if (ignore) {
        return e == NULL ? NULL : fly__sql_bind_default(b, in->table, column);
    }
    return e == NULL ? NULL
                     : fly__sql_bind_assign(b, e, fly__sql_bind_shaped(column->type), column->name);
}

/* INSERT ... VALUES: each value is cast to its column, so that literals are read as that at once. */
static fly__sql_rel *insert_values(fly__sql_binder *b, fly__sql_scope *scope, insertion *in,
                                   const fly_ast_select *source)
{
    uint32_t width = ((const fly_ast_row *)source->values.items[0])->items.count;
    uint32_t rows = source->values.count;
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_VALUES, NULL, width);
    if (rel == NULL || !check_columns(b, in, width < in->count ? width : in->count)) {
        return NULL;
    }
    rel->values.row_count = rows;
    rel->values.rows = fly__sql_bind_alloc(b, rows * sizeof *rel->values.rows);
    if (rel->values.rows == NULL) {
        return NULL;
    }
    for (uint32_t r = 0; r < rows; r++) {
        const fly_ast_row *row = (const fly_ast_row *)source->values.items[r];
        if (row->items.count != width) {
            return fly__sql_bind_fail(b, "42601",
                                      row->items.count > 0 ? row->items.items[0]->pos : 0,
                                      "VALUES lists must all be the same length");
        }
        if (!check_width(b, in, width, width > in->count ? row->items.items[in->count]->pos : 0)) {
            return NULL;
        }
        rel->values.rows[r] = fly__sql_bind_alloc(b, (width + 1) * sizeof **rel->values.rows);
        if (rel->values.rows[r] == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; i < width; i++) {
            rel->values.rows[r][i] =
                insert_value(b, scope, in, in->columns[i], row->items.items[i]);
            if (rel->values.rows[r][i] == NULL) {
                return NULL;
            }
        }
    }
    for (uint32_t i = 0; i < width; i++) {
        const fly__sql_column *column = &in->table->columns[in->columns[i]];
        rel->columns[i] = (fly__sql_colref){.id = fly__sql_bind_id(b, 'o', scope, NULL, i),
                                            .type = fly__sql_bind_shaped(column->type),
                                            .name = column->name,
                                            .nullable = true};
        fly__sql_expr *e = rel->columns[i].id == 0 ? NULL
                                                   : fly__sql_bind_colref(b, rel->columns[i].id,
                                                                          rel->columns[i].type, 0);
        if (e == NULL) {
            return NULL;
        }
        in->values[in->columns[i]] = e;
    }
    return rel;
}

static fly__sql_rel *insert_query(fly__sql_binder *b, fly__sql_scope *scope, insertion *in,
                                  const fly_ast_select *source)
{
    fly__sql_rel *rel = fly__sql_bind_query(b, scope, source, true);
    if (rel == NULL ||
        !check_width(b, in, rel->column_count,
                     rel->column_count > in->count && source->targets.count > in->count
                         ? source->targets.items[in->count]->pos
                         : 0)) {
        return NULL;
    }
    if (!check_columns(b, in, rel->column_count)) {
        return NULL;
    }
    for (uint32_t i = 0; i < rel->column_count; i++) {
        uint16_t at = in->columns[i];
        const fly__sql_column *column = &in->table->columns[at];
        fly_sql_type type = fly__sql_bind_shaped(column->type);
        bool ignore;
        if (!may_set(b, in, at, &ignore)) {
            return NULL;
        }
        fly__sql_expr *e;
        if (rel->kind == FLY__SQL_R_PROJECT && rel->columns[i].type.oid == FLY_SQL_UNKNOWN) {
            e = fly__sql_bind_assign(b, rel->project.exprs[i], type, column->name);
            if (e == NULL) {
                return NULL;
            }
            rel->project.exprs[i] = e;
            rel->columns[i].type = e->type;
        }
        uint32_t pos = rel->kind == FLY__SQL_R_PROJECT ? rel->project.exprs[i]->pos : 0;
        e = fly__sql_bind_colref(b, rel->columns[i].id, rel->columns[i].type, pos);
        e = e == NULL ? NULL : fly__sql_bind_assign(b, e, type, column->name);
        if (e == NULL) {
            return NULL;
        }
        in->values[at] = ignore ? NULL : e;
    }
    return rel;
}

static bool insert_assigns(fly__sql_binder *b, const insertion *in, fly__sql_assign **assigns,
                           uint32_t *count)
{
    const fly__sql_table *table = in->table;
    *assigns = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof **assigns);
    if (*assigns == NULL) {
        return false;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        fly__sql_expr *e = in->values[i] != NULL
                               ? in->values[i]
                               : fly__sql_bind_default(b, table, &table->columns[i]);
        if (e == NULL) {
            return false;
        }
        (*assigns)[i] = (fly__sql_assign){.column = table->columns[i].number, .expr = e};
    }
    *count = table->column_count;
    return true;
}

/* INSERT of MERGE: values given as a list of expressions. */
bool fly__sql_bind_insert_list(fly__sql_binder *b, fly__sql_scope *scope,
                               const fly__sql_target_rel *target, fly_ast_list columns,
                               fly_ast_overriding overriding, fly_ast_list values,
                               fly__sql_assign **assigns, uint32_t *count)
{
    const fly__sql_table *table = target->table;
    fly_ast_insert ast = {.columns = columns, .overriding = overriding};
    insertion in = {.ast = &ast, .target = target, .table = table};
    in.values = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof *in.values);
    if (in.values == NULL || !insert_columns(b, target, columns, &in.columns, &in.count)) {
        return false;
    }
    if (values.count > 0 &&
        !check_width(b, &in, values.count,
                     values.count > in.count ? values.items[in.count]->pos : 0)) {
        return false;
    }
    for (uint32_t i = 0; i < values.count; i++) {
        in.values[in.columns[i]] = insert_value(b, scope, &in, in.columns[i], values.items[i]);
        if (in.values[in.columns[i]] == NULL) {
            return false;
        }
    }
    return insert_assigns(b, &in, assigns, count);
}

/* ---------------------------------------------------------------------- ON CONFLICT */

static bool index_has(fly__sql_binder *b, const fly__sql_index *index, const fly__sql_table *table,
                      const fly_ast_index_column *wanted)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        const fly__sql_index_column *column = &index->columns[i];
        if (wanted->name != NULL) {
            if (column->column != 0 &&
                strcmp(table->columns[column->column - 1].name, wanted->name) == 0) {
                return true;
            }
        } else if (column->column == 0) {
            const fly_ast *ast = fly__sql_bind_parse_expr(b, column->expression);
            if (ast == NULL) {
                return false;
            }
            if (fly__sql_ast_equal(ast, wanted->expr)) {
                return true;
            }
        } else if (wanted->expr->kind == FLY_AST_COLUMN) {
            fly_ast_names names = ((const fly_ast_column *)wanted->expr)->names;
            if (names.count == 1 &&
                strcmp(names.items[0], table->columns[column->column - 1].name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Every conjunct of an index's predicate must be one of the statement's. */
static bool implied(const fly_ast *predicate, const fly_ast *where)
{
    if (where == NULL) {
        return false;
    }
    if (fly__sql_ast_equal(predicate, where)) {
        return true;
    }
    if (where->kind == FLY_AST_BOOL && ((const fly_ast_bool *)where)->type == FLY_AST_BOOL_AND) {
        fly_ast_list args = ((const fly_ast_bool *)where)->args;
        for (uint32_t i = 0; i < args.count; i++) {
            if (implied(predicate, args.items[i])) {
                return true;
            }
        }
    }
    if (predicate->kind == FLY_AST_BOOL &&
        ((const fly_ast_bool *)predicate)->type == FLY_AST_BOOL_AND) {
        fly_ast_list args = ((const fly_ast_bool *)predicate)->args;
        for (uint32_t i = 0; i < args.count; i++) {
            if (!implied(args.items[i], where)) {
                return false;
            }
        }
        return true;
    }
    return false;
}

static bool infers(fly__sql_binder *b, const fly__sql_index *index, const fly__sql_table *table,
                   const fly_ast_on_conflict *ast)
{
    if (!index->unique || !index->ready || index->key_count != ast->columns.count) {
        return false;
    }
    for (uint32_t i = 0; i < ast->columns.count; i++) {
        if (!index_has(b, index, table, (const fly_ast_index_column *)ast->columns.items[i])) {
            return false;
        }
    }
    if (index->predicate == NULL) {
        return true;
    }
    const fly_ast *predicate = fly__sql_bind_parse_expr(b, index->predicate);
    return predicate != NULL && implied(predicate, ast->columns_where);
}

static bool has_attribute(const fly__sql_table *table, const char *name)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped && strcmp(table->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool find_arbiter(fly__sql_binder *b, const fly__sql_table *table,
                         const fly_ast_on_conflict *ast, const fly__sql_index **arbiter)
{
    *arbiter = NULL;
    if (ast->constraint != NULL) {
        for (uint16_t i = 0; i < table->constraint_count; i++) {
            const fly__sql_constraint *constraint = table->constraints[i];
            if (strcmp(constraint->name, ast->constraint) != 0) {
                continue;
            }
            for (uint16_t k = 0; k < table->index_count; k++) {
                if (table->indexes[k]->oid == constraint->index && table->indexes[k]->unique) {
                    *arbiter = table->indexes[k];
                    return true;
                }
            }
            return fly__sql_bind_fail(b, "42809", ast->node.pos,
                                      "constraint in ON CONFLICT clause has no associated index") !=
                   NULL;
        }
        return fly__sql_bind_fail(b, "42704", 0,
                                  "constraint \"%s\" for table \"%s\" does not exist",
                                  ast->constraint, table->name) != NULL;
    }
    if (ast->columns.count == 0) {
        return true;
    }
    for (uint32_t i = 0; i < ast->columns.count; i++) {
        const fly_ast_index_column *column = (const fly_ast_index_column *)ast->columns.items[i];
        if (column->name != NULL && !has_attribute(table, column->name)) {
            return fly__sql_bind_fail(b, "42703", column->node.pos, "column \"%s\" does not exist",
                                      column->name) != NULL;
        }
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (infers(b, table->indexes[i], table, ast)) {
            *arbiter = table->indexes[i];
            return true;
        }
        if (!fly__sql_bind_ok(b)) {
            return false;
        }
    }
    return fly__sql_bind_fail(b, "42P10", 0,
                              "there is no unique or exclusion constraint matching the ON CONFLICT "
                              "specification") != NULL;
}

/* What a conflict is found by is read. */
static bool need_arbiter(fly__sql_binder *b, const fly__sql_index *arbiter,
                         const fly__sql_target_rel *rel)
{
    for (uint16_t i = 0; arbiter != NULL && rel->map == NULL && i < arbiter->key_count; i++) {
        uint16_t number = arbiter->columns[i].column;
        if (number != 0 && !fly__sql_bind_need_column(b, rel->need, number, FLY__SQL_MAY_SELECT)) {
            return false;
        }
    }
    return true;
}

static bool on_conflict(fly__sql_binder *b, fly__sql_scope *outer, fly__sql_modify *m,
                        const fly__sql_target_rel *rel, const fly_ast_on_conflict *ast)
{
    bool update = ast->action == FLY_AST_CONFLICT_UPDATE;
    if (!find_arbiter(b, m->table, ast, &m->arbiter) || !need_arbiter(b, m->arbiter, rel)) {
        return false;
    }
    m->on_conflict = update ? 'u' : 'n';
    if (!update) {
        return true;
    }
    if (m->arbiter == NULL) {
        (void)fly__sql_bind_fail(b, "42601", ast->node.pos,
                                 "ON CONFLICT DO UPDATE requires inference specification or "
                                 "constraint name");
        fly__sql_bind_hint(b, "For example, ON CONFLICT (column_name).");
        return false;
    }
    m->old_count = m->table->column_count;
    m->old = new_ids(b, m->table);
    fly__sql_scope *scope = m->old == NULL ? NULL : fly__sql_bind_scope(b, outer->parent);
    if (scope == NULL) {
        return false;
    }
    scope->ctes = outer->ctes;
    fly__sql_item *target = fly__sql_bind_row_item(b, scope, rel, m->old, rel->ast->alias);
    fly__sql_item *excluded = fly__sql_bind_row_item(b, scope, rel, m->fresh, "excluded");
    if (target != NULL && excluded != NULL) {
        target->need = rel->need;
        excluded->need = rel->need;
    }
    if (target == NULL || excluded == NULL || !fly__sql_bind_scope_add(b, scope, target) ||
        !fly__sql_bind_scope_add(b, scope, excluded)) {
        return false;
    }
    excluded->unqualified = false;
    if (!fly__sql_bind_sets(b, scope, rel, ast->sets, &m->sets, &m->set_count)) {
        return false;
    }
    if (ast->where != NULL) {
        m->set_where = fly__sql_bind_at(b, scope, FLY__SQL_IN_WHERE, ast->where);
        m->set_where = m->set_where == NULL ? NULL
                                            : fly__sql_bind_boolean(b, m->set_where, "WHERE");
        if (m->set_where == NULL) {
            return false;
        }
    }
    /* A row that the user may not change stays as it is. */
    fly__sql_expr *seen = NULL;
    if (!fly__sql_bind_old_row_policies(b, m->table, m->old, &seen)) {
        return false;
    }
    if (seen != NULL) {
        m->set_where = m->set_where == NULL ? seen : fly__sql_bind_and(b, seen, m->set_where);
    }
    return seen == NULL || m->set_where != NULL;
}

/* SQLite's INSERT OR REPLACE: what stands in the way becomes the new row. */
static bool replace(fly__sql_binder *b, fly__sql_modify *m)
{
    const fly__sql_table *table = m->table;
    m->on_conflict = 'u';
    m->old_count = table->column_count;
    m->old = new_ids(b, table);
    m->sets = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof *m->sets);
    if (m->old == NULL || m->sets == NULL) {
        return false;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].dropped || table->columns[i].generated != 0) {
            continue;
        }
        fly__sql_expr *e =
            fly__sql_bind_colref(b, m->fresh[i], fly__sql_bind_shaped(table->columns[i].type), 0);
        if (e == NULL) {
            return false;
        }
        m->sets[m->set_count++] = (fly__sql_assign){.column = table->columns[i].number, .expr = e};
    }
    return true;
}

static fly__sql_rel *insert_into(fly__sql_binder *b, fly__sql_scope *scope,
                                 const fly_ast_insert *ast)
{
    const fly_ast_relation *relation = (const fly_ast_relation *)ast->relation;
    fly__sql_target_rel target;
    if (!fly__sql_bind_target(b, relation, 2, "insert into", &target)) {
        return NULL;
    }
    const fly__sql_table *table = target.table;
    fly__sql_modify *m = fly__sql_bind_alloc(b, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->command = FLY__SQL_INSERT;
    m->table = table;
    m->on_conflict = '-';
    m->relation_alias = relation->alias != NULL ? relation->alias : target.named->name;
    insertion in = {.ast = ast, .target = &target, .table = table};
    in.values = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof *in.values);
    if (in.values == NULL || !insert_columns(b, &target, ast->columns, &in.columns, &in.count)) {
        return NULL;
    }
    bool replaces = ast->conflict != NULL &&
                    ((const fly_ast_on_conflict *)ast->conflict)->action == FLY_AST_CONFLICT_UPDATE;
    const fly_ast_select *source = (const fly_ast_select *)ast->source;
    fly__sql_rel *input;
    if (source == NULL) {
        input = fly__sql_bind_one_row(b);
    } else if (source->values.count > 0 && source->order_by.count == 0 && source->limit == NULL &&
               source->offset == NULL && source->with == NULL) {
        fly__sql_scope *inner = fly__sql_bind_scope(b, scope);
        input = inner == NULL ? NULL : insert_values(b, inner, &in, source);
    } else {
        input = insert_query(b, scope, &in, source);
    }
    b->returning = ast->returning.count > 0 || replaces;
    b->replaces = replaces;
    bool ruled = input != NULL && insert_assigns(b, &in, &m->assigns, &m->assign_count) &&
                 fly__sql_bind_row_rules(b, m, &target);
    b->returning = false;
    b->replaces = false;
    if (!ruled) {
        return NULL;
    }
    if (ast->conflict != NULL) {
        if (!on_conflict(b, scope, m, &target, (const fly_ast_on_conflict *)ast->conflict)) {
            return NULL;
        }
    } else if (ast->or_action == FLY_AST_OR_IGNORE) {
        m->on_conflict = 'n';
    } else if (ast->or_action == FLY_AST_OR_REPLACE && !replace(b, m)) {
        return NULL;
    }
    fly__sql_scope *result = fly__sql_bind_scope(b, scope->parent);
    fly__sql_item *item =
        result == NULL ? NULL
                       : fly__sql_bind_row_item(b, result, &target, m->fresh, relation->alias);
    if (item == NULL || !fly__sql_bind_scope_add(b, result, item)) {
        return NULL;
    }
    item->need = target.need;
    result->ctes = scope->ctes;
    return modify_node(b, result, input, m, ast->returning);
}

fly__sql_rel *fly__sql_bind_insert(fly__sql_binder *b, fly__sql_scope *parent,
                                   const fly_ast_insert *ast)
{
    fly__sql_rel *wrap = NULL;
    fly__sql_scope *scope = fly__sql_bind_scope(b, parent);
    if (scope == NULL || (ast->with != NULL &&
                          !fly__sql_bind_with(b, scope, (const fly_ast_with *)ast->with, &wrap))) {
        return NULL;
    }
    return wrapped(wrap, insert_into(b, scope, ast));
}

/* --------------------------------------------------------------------------- UPDATE */

static bool add_assign(fly__sql_binder *b, const fly__sql_table *table, uint16_t at,
                       fly__sql_expr *e, fly__sql_assign *assigns, uint32_t *count)
{
    const fly__sql_column *column = &table->columns[at];
    if (e == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (assigns[i].column == column->number) {
            if (b->session != NULL && b->session->compat.lax_syntax) {
                assigns[i].expr = e;
                return true;
            }
            return fly__sql_bind_fail(b, "42601", 0, "multiple assignments to same column \"%s\"",
                                      column->name) != NULL;
        }
    }
    assigns[(*count)++] = (fly__sql_assign){.column = column->number, .expr = e};
    return true;
}

static bool may_update(fly__sql_binder *b, const fly__sql_column *column)
{
    if (column->generated == 0 && column->identity != 'a') {
        return true;
    }
    (void)fly__sql_bind_fail(b, "428C9", 0, "column \"%s\" can only be updated to DEFAULT",
                             column->name);
    if (column->generated != 0) {
        fly__sql_bind_detail(b, "Column \"%s\" is a generated column.", column->name);
    } else {
        fly__sql_bind_detail(b, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.",
                             column->name);
    }
    return false;
}

/* A part of a column: assigned to what it was, or to what an earlier assignment made of it. */
static bool set_part(fly__sql_binder *b, fly__sql_scope *scope, const fly__sql_target_rel *rel,
                     const fly_ast_set_target *target, const fly_ast *ast, fly__sql_expr *e,
                     uint16_t at, fly__sql_assign *assigns, uint32_t *count)
{
    const fly__sql_column *column = &rel->table->columns[at];
    if (!may_update(b, column) || (e == NULL && is_default(ast))) {
        return fly__sql_bind_ok(b)
                   ? fly__sql_bind_fail(b, "0A000", target->node.pos,
                                        "cannot set an array element to DEFAULT") != NULL
                   : false;
    }
    fly__sql_assign *earlier = NULL;
    for (uint32_t i = 0; i < *count; i++) {
        earlier = assigns[i].column == column->number ? &assigns[i] : earlier;
    }
    fly__sql_expr *base = NULL;
    if (earlier != NULL) {
        base = earlier->expr;
    } else {
        fly__sql_item *item = scope->items[0];
        for (uint32_t i = 0; base == NULL && i < item->column_count; i++) {
            if (!item->columns[i].hidden && strcmp(item->columns[i].name, target->name) == 0) {
                base = fly__sql_bind_item_column(b, scope, item, i, target->node.pos);
            }
        }
    }
    if (base == NULL) {
        return false;
    }
    e = fly__sql_bind_part(b, scope, base, target->indirection, ast, e, column->name);
    e = e == NULL ? NULL
                  : fly__sql_bind_assign(b, e, fly__sql_bind_shaped(column->type), column->name);
    if (earlier != NULL) {
        earlier->expr = e;
        return e != NULL;
    }
    return add_assign(b, rel->table, at, e, assigns, count);
}

/* One column set to one expression, which is given as text or is there already. */
static bool set_one(fly__sql_binder *b, fly__sql_scope *scope, const fly__sql_target_rel *rel,
                    const fly_ast_set_target *target, const fly_ast *ast, fly__sql_expr *e,
                    fly__sql_assign *assigns, uint32_t *count)
{
    const fly__sql_table *table = rel->table;
    uint32_t pos = target->node.pos;
    int32_t at = fly__sql_bind_attribute(b, rel, target->name, "update", pos);
    if (at < 0) {
        return false;
    }
    if (target->indirection.count > 0) {
        return set_part(b, scope, rel, target, ast, e, (uint16_t)at, assigns, count);
    }
    const fly__sql_column *column = &table->columns[at];
    if (e == NULL && is_default(ast)) {
        if (column->generated != 0) {
            return true;
        }
        return add_assign(b, table, (uint16_t)at, fly__sql_bind_default(b, table, column), assigns,
                          count);
    }
    if (!may_update(b, column)) {
        return false;
    }
    if (e == NULL) {
        e = fly__sql_bind_at(b, scope, FLY__SQL_IN_UPDATE_SOURCE, ast);
    }
    e = e == NULL ? NULL
                  : fly__sql_bind_assign(b, e, fly__sql_bind_shaped(column->type), column->name);
    return add_assign(b, table, (uint16_t)at, e, assigns, count);
}

/* (a, b) = (SELECT x, y): one row, whose fields are assigned. */
static bool set_from_query(fly__sql_binder *b, fly__sql_scope *scope,
                           const fly__sql_target_rel *target, const fly_ast_assign *ast,
                           fly__sql_assign *assigns, uint32_t *count)
{
    const fly_ast_sublink *link = (const fly_ast_sublink *)ast->value;
    fly__sql_place place = scope->place;
    scope->place = FLY__SQL_IN_UPDATE_SOURCE;
    fly__sql_rel *rel = fly__sql_bind_query(b, scope, (const fly_ast_select *)link->query, false);
    scope->place = place;
    if (rel == NULL) {
        return false;
    }
    if (rel->column_count != ast->targets.count) {
        return fly__sql_bind_fail(b, "42601", link->node.pos,
                                  "number of columns does not match number of values") != NULL;
    }
    fly__sql_subquery *sub = fly__sql_bind_alloc(b, sizeof *sub);
    if (sub == NULL) {
        return false;
    }
    *sub = (fly__sql_subquery){.kind = FLY__SQL_SUB_ROW, .rel = rel};
    b->has_subqueries = true;
    for (uint32_t i = 0; i < ast->targets.count; i++) {
        fly_sql_type type = rel->columns[i].type;
        if (type.oid == FLY_SQL_NUMERIC) {
            type.digits = 0;
            type.scale = 0;
        }
        fly__sql_expr *row = fly__sql_bind_node(b, FLY__SQL_X_SUBQUERY,
                                                fly__sql_type(FLY_SQL_RECORD), 0, link->node.pos);
        fly__sql_expr *field =
            row == NULL ? NULL : fly__sql_bind_node(b, FLY__SQL_X_FIELD, type, 1, link->node.pos);
        if (field == NULL) {
            return false;
        }
        row->subquery = sub;
        row->raises = true;
        field->args[0] = row;
        field->column = i + 1;
        if (!set_one(b, scope, target, (const fly_ast_set_target *)ast->targets.items[i], NULL,
                     fly__sql_bind_done(b, field), assigns, count)) {
            return false;
        }
    }
    return true;
}

static bool set_several(fly__sql_binder *b, fly__sql_scope *scope,
                        const fly__sql_target_rel *target, const fly_ast_assign *ast,
                        fly__sql_assign *assigns, uint32_t *count)
{
    if (ast->value->kind == FLY_AST_SUBLINK &&
        ((const fly_ast_sublink *)ast->value)->type == FLY_AST_SUBLINK_EXPR) {
        return set_from_query(b, scope, target, ast, assigns, count);
    }
    fly_ast_list values = {.items = (fly_ast **)&ast->value, .count = 1};
    if (ast->value->kind == FLY_AST_ROW) {
        values = ((const fly_ast_row *)ast->value)->items;
    } else if (ast->targets.count != 1) {
        return fly__sql_bind_fail(
                   b, "0A000", ast->value->pos,
                   "source for a multiple-column UPDATE item must be a sub-SELECT or "
                   "ROW() expression") != NULL;
    }
    if (values.count != ast->targets.count) {
        return fly__sql_bind_fail(b, "42601", ast->value->pos,
                                  "number of columns does not match number of values") != NULL;
    }
    for (uint32_t i = 0; i < values.count; i++) {
        if (!set_one(b, scope, target, (const fly_ast_set_target *)ast->targets.items[i],
                     values.items[i], NULL, assigns, count)) {
            return false;
        }
    }
    return true;
}

bool fly__sql_bind_sets(fly__sql_binder *b, fly__sql_scope *scope,
                        const fly__sql_target_rel *target, fly_ast_list sets,
                        fly__sql_assign **assigns, uint32_t *count)
{
    const fly__sql_table *table = target->table;
    *assigns = fly__sql_bind_alloc(b, (table->column_count + 1u) * sizeof **assigns);
    if (*assigns == NULL) {
        return false;
    }
    *count = 0;
    for (uint32_t i = 0; i < sets.count; i++) {
        const fly_ast_assign *ast = (const fly_ast_assign *)sets.items[i];
        bool ok = ast->multiple
                      ? set_several(b, scope, target, ast, *assigns, count)
                      : set_one(b, scope, target, (const fly_ast_set_target *)ast->targets.items[0],
                                ast->value, NULL, *assigns, count);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* The scan of the target, with the row key and all columns of the old row. */
fly__sql_rel *fly__sql_bind_old_row(fly__sql_binder *b, fly__sql_scope *scope,
                                    const fly__sql_target_rel *target, fly__sql_modify *m)
{
    const char *alias = target->ast->alias;
    fly__sql_view_row row = {0};
    if (target->map != NULL) {
        if (!fly__sql_bind_view_row(b, scope, target->named, NULL, alias, "update", &row)) {
            return NULL;
        }
    } else {
        row.base = fly__sql_bind_scan(b, scope, m->table, alias);
        row.item = row.base;
    }
    if (row.item == NULL || !fly__sql_bind_scope_add(b, scope, row.item)) {
        return NULL;
    }
    row.item->need = target->need;
    m->row_key = fly__sql_bind_row_key(b, scope, row.base);
    m->old_count = m->table->column_count;
    m->old = fly__sql_bind_alloc(b, (m->old_count + 1) * sizeof *m->old);
    if (m->row_key == 0 || m->old == NULL) {
        return NULL;
    }
    for (uint16_t i = 0; i < m->table->column_count; i++) {
        if (!m->table->columns[i].dropped) {
            m->old[i] = fly__sql_bind_item_id(b, scope, row.base, i);
            if (m->old[i] == 0) {
                return NULL;
            }
        }
    }
    m->relation_alias = row.item->alias;
    fly__sql_rel *rel = fly__sql_bind_secured(b, scope, row.base, row.base->rel,
                                              m->command == FLY__SQL_DELETE ? 'd' : 'w');
    return rel == NULL || row.where == NULL ? rel : fly__sql_bind_filter(b, rel, row.where);
}

static fly__sql_rel *where(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast,
                           fly__sql_rel *input)
{
    if (ast == NULL || input == NULL) {
        return input;
    }
    fly__sql_expr *condition = fly__sql_bind_at(b, scope, FLY__SQL_IN_WHERE, ast);
    condition = condition == NULL ? NULL : fly__sql_bind_boolean(b, condition, "WHERE");
    return condition == NULL ? NULL : fly__sql_bind_filter(b, input, condition);
}

static fly__sql_rel *update(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_update *ast)
{
    fly__sql_target_rel target;
    if (!fly__sql_bind_target(b, (const fly_ast_relation *)ast->relation, 3, "update", &target)) {
        return NULL;
    }
    fly__sql_modify *m = fly__sql_bind_alloc(b, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->command = FLY__SQL_UPDATE;
    m->table = target.table;
    m->on_conflict = '-';
    fly__sql_rel *input = fly__sql_bind_old_row(b, scope, &target, m);
    input = input == NULL ? NULL : fly__sql_bind_from(b, scope, ast->from, input);
    input = where(b, scope, ast->where, input);
    if (input == NULL ||
        !fly__sql_bind_sets(b, scope, &target, ast->sets, &m->assigns, &m->assign_count) ||
        !fly__sql_bind_row_rules(b, m, &target)) {
        return NULL;
    }
    fly__sql_scope *result = returning_scope(b, scope, &target, m->fresh);
    return result == NULL ? NULL : modify_node(b, result, input, m, ast->returning);
}

fly__sql_rel *fly__sql_bind_update(fly__sql_binder *b, fly__sql_scope *parent,
                                   const fly_ast_update *ast)
{
    fly__sql_rel *wrap = NULL;
    fly__sql_scope *scope = fly__sql_bind_scope(b, parent);
    if (scope == NULL || (ast->with != NULL &&
                          !fly__sql_bind_with(b, scope, (const fly_ast_with *)ast->with, &wrap))) {
        return NULL;
    }
    return wrapped(wrap, update(b, scope, ast));
}

/* --------------------------------------------------------------------------- DELETE */

static fly__sql_rel *delete (fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_delete *ast)
{
    fly__sql_target_rel target;
    if (!fly__sql_bind_target(b, (const fly_ast_relation *)ast->relation, 3, "delete from",
                              &target)) {
        return NULL;
    }
    fly__sql_modify *m = fly__sql_bind_alloc(b, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->command = FLY__SQL_DELETE;
    m->table = target.table;
    m->on_conflict = '-';
    fly__sql_rel *input = fly__sql_bind_old_row(b, scope, &target, m);
    input = input == NULL ? NULL : fly__sql_bind_from(b, scope, ast->using_items, input);
    input = where(b, scope, ast->where, input);
    return input == NULL ? NULL : modify_node(b, scope, input, m, ast->returning);
}

fly__sql_rel *fly__sql_bind_delete(fly__sql_binder *b, fly__sql_scope *parent,
                                   const fly_ast_delete *ast)
{
    fly__sql_rel *wrap = NULL;
    fly__sql_scope *scope = fly__sql_bind_scope(b, parent);
    if (scope == NULL || (ast->with != NULL &&
                          !fly__sql_bind_with(b, scope, (const fly_ast_with *)ast->with, &wrap))) {
        return NULL;
    }
    return wrapped(wrap, delete (b, scope, ast));
}
