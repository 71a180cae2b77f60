/*
 * CREATE TABLE, and the drafts that it and ALTER TABLE build tables from.
 *
 * A draft is a descriptor whose arrays can grow. Columns come first, then constraints: those that need
 * an index (primary key, unique) bring one along; foreign keys are checked against the table that they
 * point to, whose descriptor gets a copy when the draft is put.
 */
#include "session/ddl_int.h"

#include "catalog/right_int.h"

#include "catalog/change_int.h"
#include "session/program_int.h"

#include <stdio.h>
#include <string.h>

/* A sequence that comes into being with a column. */
struct fly__sql_draft_sequence {
    struct fly__sql_draft_sequence *next;
    const char *name;
    fly__sql_sequence sequence;
};

/* --------------------------------------------------------------------- drafts */

fly_status fly__sql_draft_begin(fly_sql_stmt *stmt, const fly__sql_table *from,
                                fly__sql_table_draft *draft, fly_err *err)
{
    enum { MORE = 8 };
    memset(draft, 0, sizeof *draft);
    draft->stmt = stmt;
    draft->table = fly__sql_table_copy(from, MORE, &stmt->line_arena);
    if (draft->table == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a table");
    }
    memcpy(&draft->columns, &draft->table->columns, sizeof draft->columns);
    memcpy(&draft->indexes, &draft->table->indexes, sizeof draft->indexes);
    memcpy(&draft->constraints, &draft->table->constraints, sizeof draft->constraints);
    draft->column_room = from->column_count + MORE;
    draft->index_room = from->index_count + MORE;
    draft->constraint_room = from->constraint_count + MORE;
    return FLY_OK;
}

/* Make room for one more element of an array in the statement's memory. */
static void *grow(fly_sql_stmt *stmt, void *array, uint32_t count, uint32_t *room, size_t size,
                  fly_err *err)
{
    if (count < *room) {
        return array;
    }
    void *grown = fly__sql_ddl_alloc(stmt, 2 * (size_t)*room * size, err);
    if (grown != NULL) {
        memcpy(grown, array, count * size);
        *room *= 2;
    }
    return grown;
}

static fly__sql_column *add_column(fly__sql_table_draft *draft, fly_err *err)
{
    fly__sql_table *table = draft->table;
    if (table->column_count == FLY__SQL_COLUMNS_MAX) {
        (void)fly_err_state(err, "54011", 0, "tables can have at most %d columns",
                            FLY__SQL_COLUMNS_MAX);
        return NULL;
    }
    fly__sql_column *grown = grow(draft->stmt, draft->columns, table->column_count,
                                  &draft->column_room, sizeof *grown, err);
    if (grown == NULL) {
        return NULL;
    }
    draft->columns = grown;
    table->columns = grown;
    fly__sql_column *column = &grown[table->column_count++];
    memset(column, 0, sizeof *column);
    column->number = table->column_count;
    return column;
}

static fly_status add_index(fly__sql_table_draft *draft, const fly__sql_index *index, fly_err *err)
{
    void *grown = grow(draft->stmt, (void *)draft->indexes, draft->table->index_count,
                       &draft->index_room, sizeof(void *), err);
    if (grown == NULL) {
        return FLY_E_NO_MEMORY;
    }
    draft->indexes = grown;
    draft->table->indexes = draft->indexes;
    draft->indexes[draft->table->index_count++] = index;
    return FLY_OK;
}

static fly_status add_constraint(fly__sql_table_draft *draft, const fly__sql_constraint *constraint,
                                 fly_err *err)
{
    void *grown = grow(draft->stmt, (void *)draft->constraints, draft->table->constraint_count,
                       &draft->constraint_room, sizeof(void *), err);
    if (grown == NULL) {
        return FLY_E_NO_MEMORY;
    }
    draft->constraints = grown;
    draft->table->constraints = draft->constraints;
    draft->constraints[draft->table->constraint_count++] = constraint;
    return FLY_OK;
}

/* -------------------------------------------------------------------- columns */

static fly__sql_bind_context context_of(fly_sql_stmt *stmt)
{
    return (fly__sql_bind_context){
        .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
}

/* serial and its kin: the integer type behind, or 0. */
static uint32_t serial_type(const fly_ast_type *type)
{
    static const struct {
        const char *name;
        uint32_t oid;
    } serials[] = {{"serial", FLY_SQL_INT4},      {"serial4", FLY_SQL_INT4},
                   {"bigserial", FLY_SQL_INT8},   {"serial8", FLY_SQL_INT8},
                   {"smallserial", FLY_SQL_INT2}, {"serial2", FLY_SQL_INT2}};
    for (size_t i = 0; type->names.count == 1 && i < sizeof serials / sizeof serials[0]; i++) {
        if (strcmp(type->names.items[0], serials[i].name) == 0) {
            return serials[i].oid;
        }
    }
    return 0;
}

/* The name that SEQUENCE NAME gives; NULL: none does. */
static const char *sequence_name(const fly_ast_list *options)
{
    for (uint32_t i = 0; i < options->count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        if (strcmp(option->name, "sequence_name") == 0) {
            fly_ast_names names = ((const fly_ast_column *)option->value)->names;
            return names.items[names.count - 1];
        }
    }
    return NULL;
}

static fly_status add_sequence(fly__sql_table_draft *draft, fly__sql_column *column,
                               const fly_ast_list *options, fly_err *err)
{
    fly_sql_stmt *stmt = draft->stmt;
    const fly__sql_table *table = draft->table;
    struct fly__sql_draft_sequence *made = fly__sql_ddl_alloc(stmt, sizeof *made, err);
    if (made == NULL) {
        return FLY_E_NO_MEMORY;
    }
    made->name = sequence_name(options);
    if (made->name == NULL) {
        made->name =
            fly__sql_ddl_choose_name(stmt, table->schema, table->name, column->name, "seq", err);
    }
    made->sequence = (fly__sql_sequence){.oid = fly__sql_change_oid(stmt->session),
                                         .type = column->type,
                                         .increment = 1,
                                         .cache = 1,
                                         .owner_table = table->oid,
                                         .owner_column = column->number};
    made->next = draft->sequences;
    draft->sequences = made;
    column->sequence = made->sequence.oid;
    column->not_null = true;
    return made->name == NULL
               ? FLY_E_NO_MEMORY
               : fly__sql_sequence_options(stmt, options, true, &made->sequence, err);
}

/* nextval('schema.name'::regclass), as a default reads. */
static fly_status default_of_sequence(fly__sql_table_draft *draft, fly__sql_column *column,
                                      fly_err *err)
{
    const fly__sql_schema *schema =
        fly__sql_schema_of(draft->stmt->session->view, draft->table->schema);
    const char *name = fly__sql_ddl_quoted(draft->stmt, draft->sequences->name, err);
    const char *in = schema == NULL ? "public"
                                    : fly__sql_ddl_quoted(draft->stmt, schema->name, err);
    if (name == NULL || in == NULL) {
        return FLY_E_NO_MEMORY;
    }
    column->default_text =
        fly__sql_ddl_format(draft->stmt, err, "nextval('%s.%s'::regclass)", in, name);
    return column->default_text == NULL ? FLY_E_NO_MEMORY : FLY_OK;
}

/* A default or generated value: kept as text, and bound once to see that it can be. */
static fly_status set_default(fly__sql_table_draft *draft, fly__sql_column *column,
                              const fly_ast *expr, bool generated, fly_err *err)
{
    fly__sql_expr *bound = NULL;
    fly__sql_bind_context context = context_of(draft->stmt);
    if (!generated) {
        context.what = 'd';
        fly_status status =
            fly__sql_bind_expr(&context, expr, NULL, NULL, column->type, &bound, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    column->default_text = fly__sql_ddl_text(draft->stmt, expr, err);
    column->generated = generated ? 's' : 0;
    return column->default_text == NULL ? FLY_E_NO_MEMORY : FLY_OK;
}

/* The constraints of a column that shape the column itself. */
static fly_status shape_column(fly__sql_table_draft *draft, uint16_t number,
                               const fly_ast_constraint *node, fly_err *err)
{
    fly__sql_column *column = &draft->columns[number - 1];
    switch (node->type) {
    case FLY_AST_CONSTRAINT_NOT_NULL:
        column->not_null = true;
        return FLY_OK;
    case FLY_AST_CONSTRAINT_NULL:
        if (column->not_null) {
            return fly_err_state(err, "42601", node->node.pos,
                                 "conflicting NULL/NOT NULL declarations for column \"%s\" of "
                                 "table \"%s\"",
                                 column->name, draft->table->name);
        }
        return FLY_OK;
    case FLY_AST_CONSTRAINT_DEFAULT:
        if (column->default_text != NULL) {
            return fly_err_state(err, "42601", node->node.pos,
                                 "multiple default values specified for column \"%s\" of table "
                                 "\"%s\"",
                                 column->name, draft->table->name);
        }
        return set_default(draft, column, node->expr, false, err);
    case FLY_AST_CONSTRAINT_IDENTITY:
        column->identity = node->always ? 'a' : 'd';
        return add_sequence(draft, column, &node->options, err);
    case FLY_AST_CONSTRAINT_GENERATED:
        return set_default(draft, column, node->expr, true, err);
    default:
        return FLY_OK; /* of the table: later, when all columns are there */
    }
}

fly_status fly__sql_draft_identity(fly__sql_table_draft *draft, uint16_t number,
                                   const fly_ast_constraint *node, fly_err *err)
{
    const fly__sql_column *column = &draft->columns[number - 1];
    const char *why = column->identity != 0          ? "is already an identity column"
                      : column->default_text != NULL ? "already has a default value"
                      : !column->not_null ? "must be declared NOT NULL before identity can be added"
                                          : NULL;
    return why == NULL ? shape_column(draft, number, node, err)
                       : fly_err_state(err, "55000", 0, "column \"%s\" of relation \"%s\" %s",
                                       column->name, draft->table->name, why);
}

fly_status fly__sql_draft_column(fly__sql_table_draft *draft, const fly_ast_column_def *def,
                                 fly_err *err)
{
    fly_sql_stmt *stmt = draft->stmt;
    if (fly__sql_column_named(draft->table, def->name) != 0) {
        return draft->is_new ? fly_err_state(err, "42701", def->node.pos,
                                             "column \"%s\" specified more than once", def->name)
                             : fly_err_state(err, "42701", def->node.pos,
                                             "column \"%s\" of relation \"%s\" already exists",
                                             def->name, draft->table->name);
    }
    fly__sql_column *column = add_column(draft, err);
    if (column == NULL) {
        return FLY_E_INVALID;
    }
    column->name = def->name;
    uint32_t serial = 0;
    if (def->type == NULL) { /* SQLite's columns without a type */
        column->type = fly__sql_type(FLY_SQL_TEXT);
    } else {
        serial = serial_type((const fly_ast_type *)def->type);
        fly__sql_bind_context context = context_of(stmt);
        fly_status status = FLY_OK;
        if (serial != 0) {
            column->type = fly__sql_type(serial);
        } else {
            status = fly__sql_bind_type(&context, def->type, &column->type, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    const fly__sql_type_info *info = fly__sql_type_info_of(column->type.oid);
    if (info != NULL && info->category == 'P') {
        return fly_err_state(err, "42P16", def->node.pos, "column \"%s\" has pseudo-type %s",
                             def->name, info->name);
    }
    if (def->collation.count > 0) {
        const char *name = def->collation.items[def->collation.count - 1];
        column->type.collation = fly__sql_collation_named(name);
        if (column->type.collation == 0) {
            return fly_err_state(err, "42704", def->node.pos,
                                 "collation \"%s\" for encoding \"UTF8\" does not exist", name);
        }
    }
    bool text = column->type.oid == FLY_SQL_TEXT || column->type.oid == FLY_SQL_VARCHAR ||
                column->type.oid == FLY_SQL_BPCHAR;
    if (text && column->type.collation == 0 && def->collation.count == 0) {
        column->type.collation = stmt->session->database->collation;
    }
    fly_status status = FLY_OK;
    if (serial != 0) {
        const fly_ast_list none = {0};
        status = add_sequence(draft, column, &none, err);
        if (status == FLY_OK) {
            status = default_of_sequence(draft, column, err);
        }
    }
    uint16_t number = column->number;
    for (uint32_t i = 0; i < def->constraints.count && status == FLY_OK; i++) {
        status =
            shape_column(draft, number, (const fly_ast_constraint *)def->constraints.items[i], err);
    }
    return status;
}

/* ---------------------------------------------------------------- constraints */

/* The attnums of named columns; one is given by `column` if there are no names. */
static fly_status columns_of(fly__sql_table_draft *draft, const fly_ast_names *names,
                             uint16_t column, uint32_t pos, uint16_t **numbers, uint16_t *count,
                             fly_err *err)
{
    uint16_t *list = fly__sql_ddl_alloc(draft->stmt, (names->count + 1u) * sizeof *list, err);
    if (list == NULL) {
        return FLY_E_NO_MEMORY;
    }
    *count = (uint16_t)names->count;
    if (names->count == 0) {
        list[0] = column;
        *count = 1;
    }
    if (names->count > FLY__SQL_INDEX_COLUMNS_MAX) {
        return fly_err_state(err, "54011", pos, "cannot use more than %d columns in an index",
                             FLY__SQL_INDEX_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < names->count; i++) {
        list[i] = fly__sql_column_named(draft->table, names->items[i]);
        if (list[i] == 0) {
            return fly_err_state(err, "42703", pos, "column \"%s\" named in key does not exist",
                                 names->items[i]);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (list[k] == list[i]) {
                return fly_err_state(err, "42701", pos,
                                     "column \"%s\" appears twice in %s constraint",
                                     names->items[i], "unique");
            }
        }
    }
    *numbers = list;
    return FLY_OK;
}

/* The names of columns with "_" between them, for making a name of. */
static const char *joined(fly__sql_table_draft *draft, const uint16_t *numbers, uint16_t count,
                          fly_err *err)
{
    const char *text = "";
    for (uint16_t i = 0; i < count && text != NULL; i++) {
        text = fly__sql_ddl_format(draft->stmt, err, "%s%s%s", text, i > 0 ? "_" : "",
                                   draft->table->columns[numbers[i] - 1].name);
    }
    return text;
}

static fly_status check_constraint_name(fly__sql_table_draft *draft, const char *name, fly_err *err)
{
    for (uint16_t i = 0; i < draft->table->constraint_count; i++) {
        if (strcmp(draft->table->constraints[i]->name, name) == 0) {
            return fly_err_state(err, "42710", 0,
                                 "constraint \"%s\" for relation \"%s\" already exists", name,
                                 draft->table->name);
        }
    }
    return FLY_OK;
}

static fly__sql_index *key_index(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                                 const uint16_t *numbers, uint16_t count, fly_err *err)
{
    fly_sql_stmt *stmt = draft->stmt;
    fly__sql_index *index = fly__sql_ddl_alloc(stmt, sizeof *index, err);
    fly__sql_index_column *columns =
        fly__sql_ddl_alloc(stmt, (count + node->including.count) * sizeof *columns, err);
    if (index == NULL || columns == NULL) {
        return NULL;
    }
    for (uint16_t i = 0; i < count; i++) {
        columns[i].column = numbers[i];
        columns[i].type = draft->columns[numbers[i] - 1].type;
        columns[i].collation = columns[i].type.collation;
    }
    for (uint32_t i = 0; i < node->including.count; i++) {
        columns[count + i].column = fly__sql_column_named(draft->table, node->including.items[i]);
        if (columns[count + i].column == 0) {
            (void)fly_err_state(err, "42703", node->node.pos,
                                "column \"%s\" named in key does not exist",
                                node->including.items[i]);
            return NULL;
        }
        columns[count + i].type = draft->columns[columns[count + i].column - 1].type;
    }
    *index = (fly__sql_index){.oid = fly__sql_change_oid(stmt->session),
                              .table = draft->table->oid,
                              .unique = true,
                              .primary = node->type == FLY_AST_CONSTRAINT_PRIMARY,
                              .nulls_not_distinct = node->nulls_not_distinct,
                              .ready = true,
                              .key_count = count,
                              .column_count = (uint16_t)(count + node->including.count),
                              .columns = columns};
    return index;
}

static bool has_primary(const fly__sql_table *table)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i]->primary) {
            return true;
        }
    }
    return false;
}

static fly_status two_primaries(const fly__sql_table *table, const fly_ast_constraint *node,
                                fly_err *err)
{
    return fly_err_state(err, "42P16", node->node.pos,
                         "multiple primary keys for table \"%s\" are not allowed", table->name);
}

/* ----------------------------------------------------------- keys of indexes that are there */

/* An index of the table's own is `*index`; else one of another table's, or none, is an error. */
static fly_status own_index(const fly__sql_table_draft *draft, const fly_ast_constraint *node,
                            const fly__sql_index **index, fly_err *err)
{
    const fly__sql_table *table = draft->table;
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (strcmp(table->indexes[i]->name, node->index) == 0) {
            *index = table->indexes[i];
            return FLY_OK;
        }
    }
    const fly__sql_catalog_view *view = draft->stmt->session->view;
    const fly__sql_index *other =
        fly__sql_index_named(view, fly__sql_schema_of(view, table->schema)->name, node->index);
    return other == NULL ? fly_err_state(err, "42704", node->node.pos,
                                         "index \"%s\" does not exist", node->index)
                         : fly_err_state(err, "55000", node->node.pos,
                                         "index \"%s\" does not belong to table \"%s\"",
                                         node->index, table->name);
}

/* The first column whose order is not the one that a key's index has, counted from 1; or 0. */
static uint16_t odd_column(const fly__sql_table *table, const fly__sql_index *index)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        const fly__sql_index_column *column = &index->columns[i];
        if (column->descending || column->nulls_first ||
            column->collation != table->columns[column->column - 1].type.collation) {
            return (uint16_t)(i + 1);
        }
    }
    return 0;
}

static bool has_expressions(const fly__sql_index *index)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (index->columns[i].column == 0) {
            return true;
        }
    }
    return false;
}

/* Whether an index keeps what a key promises. */
static fly_status check_own_index(const fly__sql_table_draft *draft, const fly_ast_constraint *node,
                                  const fly__sql_index *index, fly_err *err)
{
    const fly__sql_table *table = draft->table;
    uint32_t pos = node->node.pos;
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (table->constraints[i]->index == index->oid &&
            table->constraints[i]->kind != FLY__SQL_FOREIGN) {
            return fly_err_state(err, "55000", pos,
                                 "index \"%s\" is already associated with a constraint",
                                 index->name);
        }
    }
    if (!index->unique) {
        (void)fly_err_state(err, "42809", pos, "\"%s\" is not a unique index", index->name);
    } else if (has_expressions(index)) {
        (void)fly_err_state(err, "42809", pos, "index \"%s\" contains expressions", index->name);
    } else if (index->predicate != NULL) {
        (void)fly_err_state(err, "42809", pos, "\"%s\" is a partial index", index->name);
    } else if (odd_column(table, index) != 0) {
        (void)fly_err_state(err, "42809", pos,
                            "index \"%s\" column number %u does not have default sorting behavior",
                            index->name, (unsigned)odd_column(table, index));
    } else {
        return FLY_OK;
    }
    fly_err_detail(err, "Cannot create a primary key or unique constraint using such an index.");
    return FLY_E_INVALID;
}

/* What the constraint is called, the index is called too. */
static fly_status name_of_key(const fly__sql_table_draft *draft, const fly_ast_constraint *node,
                              fly__sql_index *index, fly_err *err)
{
    fly_status status = FLY_OK;
    if (node->name != NULL && strcmp(node->name, index->name) != 0) {
        fly__sql_notice(draft->stmt->session, "NOTICE", "00000",
                        "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to "
                        "\"%s\"",
                        index->name, node->name);
        status = fly__sql_ddl_name_free(draft->stmt, draft->table->schema, node->name, err);
        index->name = node->name;
    }
    return status;
}

/* PRIMARY KEY or UNIQUE USING INDEX: a unique index that is there becomes the constraint's. */
static fly_status draft_key_using(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                                  fly_err *err)
{
    fly_sql_stmt *stmt = draft->stmt;
    fly__sql_table *table = draft->table;
    const fly__sql_index *from = NULL;
    bool primary = node->type == FLY_AST_CONSTRAINT_PRIMARY;
    if (draft->is_new) {
        return fly_err_state(err, "0A000", node->node.pos,
                             "cannot use an existing index in CREATE TABLE");
    }
    fly_status status = own_index(draft, node, &from, err);
    if (status == FLY_OK) {
        status = check_own_index(draft, node, from, err);
    }
    if (status == FLY_OK && primary && has_primary(table)) {
        status = two_primaries(table, node, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_index *index = fly__sql_ddl_alloc(stmt, sizeof *index, err);
    fly__sql_constraint *made = fly__sql_ddl_alloc(stmt, sizeof *made, err);
    uint16_t *numbers = fly__sql_ddl_alloc(stmt, from->key_count * sizeof *numbers, err);
    if (index == NULL || made == NULL || numbers == NULL) {
        return FLY_E_NO_MEMORY;
    }
    *index = *from;
    index->primary = primary;
    status = name_of_key(draft, node, index, err);
    if (status == FLY_OK) {
        status = check_constraint_name(draft, index->name, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        numbers[i] = index->columns[i].column;
        draft->columns[numbers[i] - 1].not_null |= primary;
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        draft->indexes[i] = draft->indexes[i] == from ? index : draft->indexes[i];
    }
    table->primary = primary ? index : table->primary;
    *made = (fly__sql_constraint){.oid = fly__sql_change_oid(stmt->session),
                                  .name = index->name,
                                  .table = table->oid,
                                  .kind = primary ? FLY__SQL_PRIMARY : FLY__SQL_UNIQUE,
                                  .deferrable = node->deferrable == FLY_AST_TRI_YES,
                                  .deferred = node->deferred == FLY_AST_TRI_YES,
                                  .validated = true,
                                  .count = index->key_count,
                                  .columns = numbers,
                                  .index = index->oid};
    return add_constraint(draft, made, err);
}

/* ------------------------------------------------------------------- keys of columns */

static fly_status draft_key(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                            uint16_t column, fly_err *err)
{
    fly_sql_stmt *stmt = draft->stmt;
    fly__sql_table *table = draft->table;
    uint16_t *numbers = NULL;
    uint16_t count = 0;
    bool primary = node->type == FLY_AST_CONSTRAINT_PRIMARY;
    fly_status status =
        columns_of(draft, &node->columns, column, node->node.pos, &numbers, &count, err);
    if (status != FLY_OK) {
        return status;
    }
    if (primary && has_primary(table)) {
        return two_primaries(table, node, err);
    }
    fly__sql_index *index = key_index(draft, node, numbers, count, err);
    fly__sql_constraint *made = fly__sql_ddl_alloc(stmt, sizeof *made, err);
    if (index == NULL || made == NULL) {
        return FLY_E_INVALID;
    }
    index->name = node->name;
    if (index->name == NULL) {
        const char *columns = primary ? NULL : joined(draft, numbers, count, err);
        index->name = fly__sql_ddl_choose_name(stmt, table->schema, table->name, columns,
                                               primary ? "pkey" : "key", err);
        if (index->name == NULL) {
            return FLY_E_NO_MEMORY;
        }
    }
    status = check_constraint_name(draft, index->name, err);
    if (status == FLY_OK && node->name != NULL) {
        status = fly__sql_ddl_name_free(stmt, table->schema, index->name, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    index->clustered = primary && draft->is_new;
    index->tree = index->clustered ? table->tree
                                   : fly__sql_ddl_format(stmt, err, "i%u", (unsigned)index->oid);
    for (uint16_t i = 0; i < count && primary; i++) {
        draft->columns[numbers[i] - 1].not_null = true;
    }
    *made = (fly__sql_constraint){.oid = fly__sql_change_oid(stmt->session),
                                  .name = index->name,
                                  .table = table->oid,
                                  .kind = primary ? FLY__SQL_PRIMARY : FLY__SQL_UNIQUE,
                                  .deferrable = node->deferrable == FLY_AST_TRI_YES,
                                  .deferred = node->deferred == FLY_AST_TRI_YES,
                                  .validated = true,
                                  .count = count,
                                  .columns = numbers,
                                  .index = index->oid};
    if (index->tree == NULL) {
        return FLY_E_NO_MEMORY;
    }
    status = add_index(draft, index, err);
    if (primary) {
        table->primary = index;
    }
    return status == FLY_OK ? add_constraint(draft, made, err) : status;
}

/* The columns that an expression over a table names: the only one, or 0. */
struct one_column {
    const fly__sql_table *table;
    uint16_t column;
    uint32_t count;
};

static bool see_column(void *ctx, fly_ast *node)
{
    struct one_column *one = ctx;
    if (node->kind == FLY_AST_COLUMN) {
        const fly_ast_column *column = (const fly_ast_column *)node;
        uint16_t number =
            column->names.count == 0
                ? 0
                : fly__sql_column_named(one->table, column->names.items[column->names.count - 1]);
        if (number != 0 && number != one->column) {
            one->count++;
            one->column = number;
        }
    }
    return true;
}

static fly_status draft_check(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                              fly_err *err)
{
    fly_sql_stmt *stmt = draft->stmt;
    fly__sql_table *table = draft->table;
    struct one_column one = {.table = table};
    fly__sql_ast_walk(node->expr, see_column, &one);
    fly__sql_colid *ids = fly__sql_ddl_alloc(stmt, (table->column_count + 1u) * sizeof *ids, err);
    fly__sql_constraint *made = fly__sql_ddl_alloc(stmt, sizeof *made, err);
    uint16_t *numbers = fly__sql_ddl_alloc(stmt, sizeof *numbers, err);
    if (ids == NULL || made == NULL || numbers == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        ids[i] = i + 1u;
    }
    fly__sql_expr *bound = NULL;
    fly__sql_bind_context context = context_of(stmt);
    context.what = 'c';
    fly_status status = fly__sql_bind_expr(&context, node->expr, table, ids,
                                           fly__sql_type(FLY_SQL_BOOL), &bound, err);
    if (status != FLY_OK) {
        return status;
    }
    const char *name = node->name;
    for (unsigned number = 0; name == NULL; number++) {
        char digits[12] = "";
        if (number > 0) {
            (void)snprintf(digits, sizeof digits, "%u", number);
        }
        name = one.count == 1 ? fly__sql_ddl_format(stmt, err, "%s_%s_check%s", table->name,
                                                    table->columns[one.column - 1].name, digits)
                              : fly__sql_ddl_format(stmt, err, "%s_check%s", table->name, digits);
        if (name == NULL) {
            return FLY_E_NO_MEMORY;
        }
        if (check_constraint_name(draft, name, NULL) != FLY_OK) {
            name = NULL;
        }
    }
    numbers[0] = one.column;
    *made = (fly__sql_constraint){.oid = fly__sql_change_oid(stmt->session),
                                  .name = name,
                                  .table = table->oid,
                                  .kind = FLY__SQL_CHECK,
                                  .validated = !node->not_valid,
                                  .count = one.count == 1 ? 1 : 0,
                                  .columns = numbers,
                                  .check = fly__sql_ddl_text(stmt, node->expr, err)};
    status = check_constraint_name(draft, name, err);
    return status == FLY_OK && made->check != NULL ? add_constraint(draft, made, err) : status;
}

/* The unique index of the referenced table over exactly these columns, in any order. */
static const fly__sql_index *referenced_index(const fly__sql_table *table, const uint16_t *numbers,
                                              uint16_t count)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        uint16_t found = 0;
        for (uint16_t k = 0; k < index->key_count; k++) {
            for (uint16_t n = 0; n < count; n++) {
                found = (uint16_t)(found + (index->columns[k].column == numbers[n]));
            }
        }
        if (index->unique && index->predicate == NULL && index->key_count == count &&
            found == count) {
            return index;
        }
    }
    return NULL;
}

static char fk_action(fly_ast_fk_action action)
{
    static const char letters[] = {'a', 'a', 'r', 'c', 'n', 'd'};
    return letters[action];
}

static fly_status foreign_columns(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                                  const fly__sql_table *other, uint16_t count, uint16_t **numbers,
                                  fly_err *err)
{
    uint16_t *list = fly__sql_ddl_alloc(draft->stmt, (count + 1u) * sizeof *list, err);
    if (list == NULL) {
        return FLY_E_NO_MEMORY;
    }
    uint32_t named = node->ref_columns.count;
    if (named == 0) {
        if (other->primary == NULL) {
            return fly_err_state(err, "42704", 0,
                                 "there is no primary key for referenced table \"%s\"",
                                 other->name);
        }
        named = other->primary->key_count;
        for (uint16_t i = 0; i < named && i < count; i++) {
            list[i] = other->primary->columns[i].column;
        }
    }
    if (named != count) {
        return fly_err_state(err, "42830", 0,
                             "number of referencing and referenced columns for foreign key "
                             "disagree");
    }
    for (uint32_t i = 0; i < node->ref_columns.count; i++) {
        list[i] = fly__sql_column_named(other, node->ref_columns.items[i]);
        if (list[i] == 0) {
            return fly_err_state(err, "42703", 0,
                                 "column \"%s\" referenced in foreign key constraint does not "
                                 "exist",
                                 node->ref_columns.items[i]);
        }
    }
    *numbers = list;
    return FLY_OK;
}

/* Whether the pairs of columns have an operator = between them. */
static fly_status comparable(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                             const uint16_t *numbers, const fly__sql_table *other,
                             const uint16_t *foreign, uint16_t count, fly_err *err)
{
    for (uint16_t i = 0; i < count; i++) {
        fly_sql_type a = draft->table->columns[numbers[i] - 1].type;
        fly_sql_type b = other->columns[foreign[i] - 1].type;
        const fly__sql_type_info *first = fly__sql_type_info_of(a.oid);
        const fly__sql_type_info *second = fly__sql_type_info_of(b.oid);
        bool same = a.oid == b.oid ||
                    (first != NULL && second != NULL && first->category == second->category);
        if (!same) {
            fly_status status = fly_err_state(
                err, "42804", 0, "foreign key constraint \"%s\" cannot be implemented",
                node->name != NULL
                    ? node->name
                    : fly__sql_ddl_format(draft->stmt, NULL, "%s_%s_fkey", draft->table->name,
                                          draft->table->columns[numbers[i] - 1].name));
            fly_err_detail(
                err, "Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.",
                draft->table->columns[numbers[i] - 1].name, other->columns[foreign[i] - 1].name,
                first == NULL ? "?" : first->sql_name, second == NULL ? "?" : second->sql_name);
            return status;
        }
    }
    return FLY_OK;
}

/* A key into another's table tells what is in it. */
static fly_status may_reference(fly_sql_stmt *stmt, const fly__sql_table *other,
                                const uint16_t *columns, uint16_t count, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_secured object = fly__sql_secured_table(other);
    for (uint16_t i = 0; i < count; i++) {
        uint32_t has =
            fly__sql_rights(session, session->view, session->user_oid, &object, columns[i], false);
        if ((has & FLY__SQL_MAY_REFERENCES) == 0) {
            return fly_err_state(err, "42501", 0, "permission denied for table %s", other->name);
        }
    }
    return FLY_OK;
}

/* Of ON DELETE SET NULL (columns), only the list of all columns is kept: nothing is set that nobody
 * has asked for. */
static fly_status check_set_columns(const fly__sql_table_draft *draft,
                                    const fly_ast_constraint *node, const uint16_t *numbers,
                                    uint16_t count, fly_err *err)
{
    uint32_t listed = 0;
    for (uint32_t i = 0; i < node->set_columns.count; i++) {
        const char *name = node->set_columns.items[i];
        uint16_t number = fly__sql_column_named(draft->table, name);
        bool own = false;
        if (number == 0) {
            return fly_err_state(
                err, "42703", 0,
                "column \"%s\" referenced in foreign key constraint does not exist", name);
        }
        for (uint16_t k = 0; k < count; k++) {
            own |= numbers[k] == number;
        }
        for (uint32_t k = 0; own && k < i; k++) {
            listed -= strcmp(node->set_columns.items[k], name) == 0;
        }
        if (!own) {
            return fly_err_state(err, "42P10", 0,
                                 "column \"%s\" referenced in ON DELETE SET action must be part of "
                                 "foreign key",
                                 name);
        }
        listed++;
    }
    return node->set_columns.count == 0 || listed == count
               ? FLY_OK
               : fly_err_state(err, "0A000", node->node.pos,
                               "ON DELETE SET with some of the columns is not supported");
}

static fly_status draft_foreign(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                                uint16_t column, fly_err *err)
{
    fly_sql_stmt *stmt = draft->stmt;
    fly__sql_table *table = draft->table;
    const fly_ast_relation *relation = (const fly_ast_relation *)node->references;
    const fly__sql_table *other = NULL;
    uint16_t *numbers = NULL;
    uint16_t *foreign = NULL;
    uint16_t count = 0;
    fly_status status = FLY_OK;
    if (draft->is_new && relation->schema == NULL && strcmp(relation->name, table->name) == 0) {
        other = table;
    } else {
        status = fly__sql_ddl_relation(stmt, relation, "r", &other, err);
    }
    if (status == FLY_OK && other->oid == table->oid) {
        other = table; /* as it will be */
    }
    if (status == FLY_OK) {
        status = columns_of(draft, &node->columns, column, node->node.pos, &numbers, &count, err);
    }
    if (status == FLY_OK) {
        status = foreign_columns(draft, node, other, count, &foreign, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    status = check_set_columns(draft, node, numbers, count, err);
    if (status == FLY_OK && other != table) {
        status = may_reference(stmt, other, foreign, count, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    status = comparable(draft, node, numbers, other, foreign, count, err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_index *index = referenced_index(other, foreign, count);
    if (index == NULL) {
        return fly_err_state(err, "42830", 0,
                             "there is no unique constraint matching given keys for referenced "
                             "table \"%s\"",
                             other->name);
    }
    fly__sql_constraint *made = fly__sql_ddl_alloc(stmt, sizeof *made, err);
    const char *columns = joined(draft, numbers, count, err);
    if (made == NULL || columns == NULL) {
        return FLY_E_NO_MEMORY;
    }
    const char *name = node->name;
    for (unsigned number = 0; name == NULL; number++) {
        char digits[12] = "";
        if (number > 0) {
            (void)snprintf(digits, sizeof digits, "%u", number);
        }
        name = fly__sql_ddl_format(stmt, err, "%s_%s_fkey%s", table->name, columns, digits);
        if (name == NULL) {
            return FLY_E_NO_MEMORY;
        }
        if (check_constraint_name(draft, name, NULL) != FLY_OK) {
            name = NULL;
        }
    }
    *made = (fly__sql_constraint){.oid = fly__sql_change_oid(stmt->session),
                                  .name = name,
                                  .table = table->oid,
                                  .kind = FLY__SQL_FOREIGN,
                                  .deferrable = node->deferrable == FLY_AST_TRI_YES ||
                                                node->deferred == FLY_AST_TRI_YES,
                                  .deferred = node->deferred == FLY_AST_TRI_YES,
                                  .validated = !node->not_valid,
                                  .count = count,
                                  .columns = numbers,
                                  .index = index->oid,
                                  .foreign_table = other->oid,
                                  .foreign_columns = foreign,
                                  .match = node->match == FLY_AST_MATCH_FULL ? 'f' : 's',
                                  .on_update = fk_action(node->on_update),
                                  .on_delete = fk_action(node->on_delete)};
    status = check_constraint_name(draft, name, err);
    if (status == FLY_OK) {
        draft->foreign_count++;
        status = add_constraint(draft, made, err);
    }
    return status;
}

fly_status fly__sql_draft_constraint(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                                     uint16_t column, fly_err *err)
{
    switch (node->type) {
    case FLY_AST_CONSTRAINT_PRIMARY:
    case FLY_AST_CONSTRAINT_UNIQUE:
        return node->index != NULL ? draft_key_using(draft, node, err)
                                   : draft_key(draft, node, column, err);
    case FLY_AST_CONSTRAINT_CHECK:
        return draft_check(draft, node, err);
    case FLY_AST_CONSTRAINT_FOREIGN:
        return draft_foreign(draft, node, column, err);
    case FLY_AST_CONSTRAINT_EXCLUDE:
        return fly_err_state(err, "0A000", node->node.pos,
                             "exclusion constraints are not supported");
    default:
        return FLY_OK;
    }
}

/* ------------------------------------------------------------------- putting */

/* Tell the other table of a foreign key that it is pointed at. */
static fly_status put_referrer(fly_sql_stmt *stmt, const fly__sql_constraint *constraint,
                               fly_err *err)
{
    const fly__sql_table *other = fly__sql_table_of(stmt->session->view, constraint->foreign_table);
    fly__sql_table *copy = fly__sql_table_copy(other, 1, &stmt->line_arena);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a foreign key");
    }
    const fly__sql_constraint **referrers;
    memcpy(&referrers, &copy->referrers, sizeof referrers);
    referrers[copy->referrer_count++] = constraint;
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

fly_status fly__sql_draft_put(fly__sql_table_draft *draft, fly_err *err)
{
    fly_sql_session *session = draft->stmt->session;
    fly__sql_table *table = draft->table;
    fly_status status = fly__sql_change_put(session, FLY__SQL_O_TABLE, table, err);
    for (struct fly__sql_draft_sequence *at = draft->sequences; at != NULL && status == FLY_OK;
         at = at->next) {
        status = fly__sql_sequence_put(session, at->name, table->schema, &at->sequence, err);
    }
    for (uint16_t i = 0; i < table->constraint_count && status == FLY_OK; i++) {
        const fly__sql_constraint *constraint = table->constraints[i];
        bool is_new = i >= table->constraint_count - draft->foreign_count || draft->is_new;
        if (constraint->kind == FLY__SQL_FOREIGN && is_new) {
            status = put_referrer(draft->stmt, constraint, err);
        }
    }
    return status;
}

/* -------------------------------------------------------------- CREATE TABLE */

static fly_status copy_like(fly__sql_table_draft *draft, const fly_ast_table_like *node,
                            fly_err *err)
{
    const fly__sql_table *from = NULL;
    fly_status status = fly__sql_ddl_relation(draft->stmt, (const fly_ast_relation *)node->relation,
                                              NULL, &from, err);
    bool defaults = false;
    for (uint32_t i = 0; i < node->options.count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)node->options.items[i];
        if (strcmp(option->name, "all") == 0 || strcmp(option->name, "defaults") == 0) {
            defaults = option->action != FLY_AST_OPTION_DROP;
        }
    }
    for (uint16_t i = 0; status == FLY_OK && i < from->column_count; i++) {
        if (from->columns[i].dropped) {
            continue;
        }
        fly__sql_column *column = add_column(draft, err);
        if (column == NULL) {
            return FLY_E_INVALID;
        }
        column->name = from->columns[i].name;
        column->type = from->columns[i].type;
        column->not_null = from->columns[i].not_null;
        if (defaults && from->columns[i].generated == 0) {
            column->default_text = from->columns[i].default_text;
        }
    }
    return status;
}

static fly_status create_elements(fly__sql_table_draft *draft, const fly_ast_create_table *node,
                                  fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->elements.count && status == FLY_OK; i++) {
        const fly_ast *element = node->elements.items[i];
        if (element->kind == FLY_AST_COLUMN_DEF) {
            status = fly__sql_draft_column(draft, (const fly_ast_column_def *)element, err);
        } else if (element->kind == FLY_AST_TABLE_LIKE) {
            status = copy_like(draft, (const fly_ast_table_like *)element, err);
        }
    }
    /* Keys before foreign keys, which may point at them. */
    for (int pass = 0; pass < 2 && status == FLY_OK; pass++) {
        uint16_t number = 0;
        for (uint32_t i = 0; i < node->elements.count && status == FLY_OK; i++) {
            const fly_ast *element = node->elements.items[i];
            if (element->kind == FLY_AST_CONSTRAINT) {
                const fly_ast_constraint *constraint = (const fly_ast_constraint *)element;
                bool foreign = constraint->type == FLY_AST_CONSTRAINT_FOREIGN;
                if (foreign == (pass == 1)) {
                    status = fly__sql_draft_constraint(draft, constraint, 0, err);
                }
                continue;
            }
            if (element->kind != FLY_AST_COLUMN_DEF) {
                continue;
            }
            const fly_ast_column_def *def = (const fly_ast_column_def *)element;
            number = fly__sql_column_named(draft->table, def->name);
            for (uint32_t k = 0; k < def->constraints.count && status == FLY_OK; k++) {
                const fly_ast_constraint *constraint =
                    (const fly_ast_constraint *)def->constraints.items[k];
                bool foreign = constraint->type == FLY_AST_CONSTRAINT_FOREIGN;
                if (foreign == (pass == 1)) {
                    status = fly__sql_draft_constraint(draft, constraint, number, err);
                }
            }
        }
    }
    return status;
}

static fly_status begin_table(fly_sql_stmt *stmt, const fly_ast_relation *relation,
                              fly__sql_table *table, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    bool temporary = relation->persistence == FLY_AST_TEMPORARY;
    memset(table, 0, sizeof *table);
    fly_status status = fly__sql_ddl_schema(stmt, relation->schema, temporary, relation->node.pos,
                                            &table->schema, err);
    if (status != FLY_OK) {
        return status;
    }
    table->oid = fly__sql_change_oid(session);
    table->row_type = fly__sql_change_oid(session);
    table->name = relation->name;
    table->class = FLY__SQL_TABLE;
    table->owner = session->user_oid;
    table->temporary = table->schema == FLY__SQL_SCHEMA_TEMP;
    table->tree = fly__sql_ddl_format(stmt, err, "t%u", (unsigned)table->oid);
    table->rows = -1;
    table->populated = true;
    return table->tree == NULL ? FLY_E_NO_MEMORY : FLY_OK;
}

/* Whether there is one already, which is fine if IF NOT EXISTS was said. */
static fly_status already(fly_sql_stmt *stmt, uint32_t schema, const char *name, bool fine,
                          bool *skip, fly_err *err)
{
    fly_status status = fly__sql_ddl_name_free(stmt, schema, name, err);
    *skip = false;
    if (status != FLY_OK && fine) {
        fly__sql_notice(stmt->session, "NOTICE", "42P07",
                        "relation \"%s\" already exists, skipping", name);
        *skip = true;
        return FLY_OK;
    }
    return status;
}

fly_status fly__sql_create_table(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_table *node = (const fly_ast_create_table *)stmt->node;
    fly__sql_table table;
    fly__sql_table_draft draft;
    bool skip = false;
    fly__sql_ddl_tag(stmt, "CREATE TABLE");
    if (node->inherits.count > 0 || node->partition_by != NULL || node->partition_of != NULL ||
        node->of_type != NULL || node->server != NULL) {
        return fly_err_state(err, "0A000", stmt->node->pos,
                             "inheritance, partitions, typed and foreign tables are not supported");
    }
    if (node->access_method != NULL && strcmp(node->access_method, "row") != 0 &&
        strcmp(node->access_method, "heap") != 0) {
        return fly_err_state(err, "0A000", stmt->node->pos, "access method \"%s\" is not supported",
                             node->access_method);
    }
    fly_status status = begin_table(stmt, (const fly_ast_relation *)node->relation, &table, err);
    if (status == FLY_OK) {
        status = already(stmt, table.schema, table.name, node->if_not_exists, &skip, err);
    }
    if (status != FLY_OK || skip) {
        return status;
    }
    status = fly__sql_draft_begin(stmt, &table, &draft, err);
    draft.is_new = true;
    if (status == FLY_OK) {
        status = create_elements(&draft, node, err);
    }
    return status == FLY_OK ? fly__sql_draft_put(&draft, err) : status;
}

/* ----------------------------------------------------------- CREATE TABLE AS */

static fly_status columns_of_query(fly__sql_table_draft *draft, const fly_ast_create_table_as *node,
                                   const fly__sql_plan *plan, fly_err *err)
{
    if (node->columns.count > plan->column_count) {
        return fly_err_state(err, "42601", draft->stmt->node->pos,
                             "too many column names were "
                             "specified");
    }
    for (uint32_t i = 0; i < plan->column_count; i++) {
        const char *name = i < node->columns.count ? node->columns.items[i] : plan->columns[i].name;
        name = name == NULL ? "?column?" : name;
        if (fly__sql_column_named(draft->table, name) != 0) {
            return fly_err_state(err, "42701", 0, "column \"%s\" specified more than once", name);
        }
        fly__sql_column *column = add_column(draft, err);
        if (column == NULL) {
            return FLY_E_INVALID;
        }
        column->name = name;
        column->type = plan->columns[i].type;
        if (column->type.oid == FLY_SQL_UNKNOWN) {
            column->type = fly__sql_type(FLY_SQL_TEXT);
        }
    }
    return FLY_OK;
}

fly_status fly__sql_create_table_as(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_table_as *node = (const fly_ast_create_table_as *)stmt->node;
    const char *tag = node->materialized ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS";
    fly__sql_table table;
    fly__sql_table_draft draft;
    bool skip = false;
    uint64_t rows = 0;
    fly__sql_ddl_tag(stmt, tag);
    fly_status status = begin_table(stmt, (const fly_ast_relation *)node->relation, &table, err);
    if (status == FLY_OK) {
        status = already(stmt, table.schema, table.name, node->if_not_exists, &skip, err);
    }
    if (status != FLY_OK || skip) {
        return status;
    }
    if (node->query->kind != FLY_AST_SELECT) {
        return fly_err_state(err, "0A000", node->query->pos,
                             "CREATE TABLE AS EXECUTE is not supported");
    }
    fly__sql_plan *plan = NULL;
    fly__sql_bind_context context = context_of(stmt);
    status = fly__sql_bind(&context, node->query, &plan, err);
    if (status == FLY_OK) {
        status = fly__sql_draft_begin(stmt, &table, &draft, err);
        draft.is_new = true;
    }
    if (status == FLY_OK) {
        status = columns_of_query(&draft, node, plan, err);
    }
    if (status == FLY_OK && node->materialized) {
        draft.table->class = FLY__SQL_MATVIEW;
        draft.table->populated = !node->no_data;
        draft.table->view_text = fly__sql_ddl_text(stmt, node->query, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_draft_put(&draft, err);
    }
    if (status == FLY_OK && !node->no_data) {
        status = fly__sql_insert_from(
            stmt, node->query, fly__sql_table_of(stmt->session->view, table.oid), 0, &rows, err);
        if (!node->materialized) {
            (void)snprintf(stmt->tag, sizeof stmt->tag, "SELECT %llu", (unsigned long long)rows);
        }
    }
    return status;
}

fly_status fly__sql_insert_from(fly_sql_stmt *stmt, const fly_ast *query,
                                const fly__sql_table *table, uint32_t within, uint64_t *rows,
                                fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_source *source = fly__sql_source_of(session, table);
    fly_sql_stmt *inner = NULL;
    const fly_vec_batch *batch = NULL;
    fly_vec_value *values =
        fly__sql_ddl_alloc(stmt, (table->column_count + 1u) * sizeof *values, err);
    fly_arena arena;
    fly_arena_init(&arena, &session->query.mem, 0);
    fly_status status = values == NULL ? FLY_E_NO_MEMORY
                                       : fly__sql_stmt_create(session, stmt->text, &inner, err);
    if (status == FLY_OK) {
        inner->node = query;
        inner->is_plan = true;
        inner->within = within;
        status = fly__sql_stmt_plan(inner, err);
    }
    while (status == FLY_OK) {
        status = fly_sql_fetch(inner, &batch, err);
        for (uint32_t i = 0; status == FLY_OK && i < fly_vec_batch_rows(batch); i++) {
            fly_bytes row_key = {0};
            uint32_t row = batch->selected < 0 ? i : batch->sel[i];
            for (uint32_t k = 0; k < batch->columns; k++) {
                values[k] = fly_vec_get(&batch->col[k], row);
            }
            status = source->insert(source, session->txn, table, values, &arena, &row_key, err);
            (*rows)++;
        }
        fly_arena_reset(&arena);
    }
    fly_sql_finalize(inner);
    fly_arena_deinit(&arena);
    return status == FLY_E_END ? FLY_OK : status;
}
