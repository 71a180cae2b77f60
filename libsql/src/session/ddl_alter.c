/*
 * ALTER TABLE and RENAME.
 *
 * Adding a column whose value for old rows is one constant changes the descriptor only: rows that are
 * too old have it from there. Whatever changes how rows lie (another type, a default that is not
 * constant) writes all of them anew, into trees that take the place of the old ones.
 */
#include "session/role_int.h"

#include "catalog/change_int.h"
#include "session/program_int.h"
#include "store/source_int.h"

#include <stdio.h>
#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a definition");
}

/* ----------------------------------------------------------- walking all rows */

/* Called for each row: all columns' values, and the row key. */
typedef fly_status (*row_fn)(void *ctx, const fly_vec_value *values, fly_bytes row_key,
                             fly_arena *arena, fly_err *err);

static fly_status each_row(fly_sql_session *session, const fly__sql_table *table, row_fn each,
                           void *ctx, fly_err *err)
{
    const fly__sql_source *source = fly__sql_source_of(session, table);
    uint32_t count = table->column_count + 1u;
    fly__sql_scan *scan = NULL;
    fly_arena arena;
    fly_arena rows;
    fly_arena_init(&arena, &session->query.mem, 0);
    fly_arena_init(&rows, &session->query.mem, 65536);
    uint16_t *attnums = fly_arena_alloc(&arena, count * sizeof *attnums);
    fly_vec *columns = fly_arena_alloc(&arena, count * sizeof *columns);
    fly_vec_value *values = fly_arena_alloc(&arena, count * sizeof *values);
    fly_status status = attnums == NULL || columns == NULL || values == NULL ? no_memory(err)
                                                                             : FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < count; i++) {
        attnums[i] = i < table->column_count ? (uint16_t)(i + 1) : 0;
    }
    if (status == FLY_OK) {
        const fly__sql_scan_spec spec = {.table = table, .column_count = count, .columns = attnums};
        status = source->scan_open(source, session->txn, &spec, &arena, &scan, err);
    }
    fly_vec_batch batch = {.columns = count, .col = columns, .arena = &rows, .selected = -1};
    while (status == FLY_OK) {
        fly_arena_reset(&rows);
        status = source->scan_next(scan, &batch, err);
        for (uint32_t row = 0; status == FLY_OK && row < batch.count; row++) {
            for (uint32_t i = 0; i < count; i++) {
                values[i] = fly_vec_get(&columns[i], row);
            }
            status = each(ctx, values, fly_vec_str_bytes(&values[count - 1].str), &rows, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_check_cancel(session, err);
        }
    }
    if (scan != NULL) {
        source->scan_close(scan);
    }
    fly_arena_deinit(&rows);
    fly_arena_deinit(&arena);
    return status == FLY_E_END ? FLY_OK : status;
}

/* ------------------------------------------------------------------ validating */

struct validation {
    fly_sql_session *session;
    const fly__sql_table *table;
    const fly__sql_constraint *constraint;
    const fly__sql_table *other; /* of a foreign key */
};

static fly_status check_not_null(const struct validation *v, const fly_vec_value *values,
                                 fly_err *err)
{
    for (uint16_t i = 0; i < v->table->column_count; i++) {
        const fly__sql_column *column = &v->table->columns[i];
        if (column->not_null && !column->dropped && values[i].null) {
            return fly_err_state(err, "23502", 0,
                                 "column \"%s\" of relation \"%s\" contains null values",
                                 column->name, v->table->name);
        }
    }
    return FLY_OK;
}

static fly_status check_foreign(const struct validation *v, const fly_vec_value *values,
                                fly_arena *arena, fly_err *err)
{
    const fly__sql_constraint *constraint = v->constraint;
    const fly__sql_table *other = v->other;
    const fly__sql_source *source = fly__sql_source_of(v->session, other);
    fly_vec_value *wanted = fly_arena_alloc(arena, (other->column_count + 1u) * sizeof *wanted);
    if (wanted == NULL) {
        return no_memory(err);
    }
    memset(wanted, 0, (other->column_count + 1u) * sizeof *wanted);
    for (uint16_t i = 0; i < constraint->count; i++) {
        const fly_vec_value *value = &values[constraint->columns[i] - 1];
        if (value->null) {
            return FLY_OK;
        }
        wanted[constraint->foreign_columns[i] - 1] = *value;
    }
    const fly__sql_index *index = NULL;
    for (uint16_t i = 0; i < other->index_count; i++) {
        index = other->indexes[i]->oid == constraint->index ? other->indexes[i] : index;
    }
    fly_bytes row_key = {0};
    fly_status status = source->conflict(source, v->session->txn, other, index, wanted,
                                         FLY_LOCK_SHARED_WEAK, arena, &row_key, err);
    if (status == FLY_E_NOT_FOUND) {
        status = fly_err_state(err, "23503", 0,
                               "insert or update on table \"%s\" violates foreign key constraint "
                               "\"%s\"",
                               v->table->name, constraint->name);
    }
    return status;
}

static fly_status validate_row(void *ctx, const fly_vec_value *values, fly_bytes row_key,
                               fly_arena *arena, fly_err *err)
{
    const struct validation *v = ctx;
    (void)row_key;
    if (v->constraint == NULL) {
        return check_not_null(v, values, err);
    }
    if (v->constraint->kind == FLY__SQL_FOREIGN) {
        return check_foreign(v, values, arena, err);
    }
    fly_vec_value value;
    fly_status status = fly__sql_table_expr(v->session, v->table, v->constraint->check,
                                            fly__sql_type(FLY_SQL_BOOL), values, arena, &value,
                                            err);
    if (status == FLY_OK && !value.null && !value.b) {
        status = fly_err_state(err, "23514", 0,
                               "check constraint \"%s\" of relation \"%s\" is violated by some row",
                               v->constraint->name, v->table->name);
    }
    return status;
}

fly_status fly__sql_validate(fly_sql_session *session, const fly__sql_table *table,
                             const fly__sql_constraint *constraint, fly_err *err)
{
    struct validation v = {.session = session, .table = table, .constraint = constraint};
    if (constraint != NULL && constraint->kind != FLY__SQL_FOREIGN &&
        constraint->kind != FLY__SQL_CHECK) {
        return FLY_OK;
    }
    if (constraint != NULL && constraint->kind == FLY__SQL_FOREIGN) {
        v.other = fly__sql_table_of(session->view, constraint->foreign_table);
    }
    return each_row(session, table, validate_row, &v, err);
}

/* ------------------------------------------------------------------- rewriting */

struct rewrite {
    fly_sql_session *session;
    const fly__sql_table *from;
    const fly__sql_table *to;
    uint16_t column;  /* that is computed */
    const char *text; /* by this expression over the old row; NULL: stays */
    fly_vec_value *fresh;
};

static fly_status rewrite_row(void *ctx, const fly_vec_value *values, fly_bytes row_key,
                              fly_arena *arena, fly_err *err)
{
    struct rewrite *rewrite = ctx;
    const fly__sql_source *source = fly__sql_source_of(rewrite->session, rewrite->to);
    fly_bytes made = {0};
    (void)row_key;
    for (uint16_t i = 0; i < rewrite->to->column_count; i++) {
        if (i < rewrite->from->column_count) {
            rewrite->fresh[i] = values[i];
        } else {
            memset(&rewrite->fresh[i], 0, sizeof rewrite->fresh[i]);
            rewrite->fresh[i].null = true;
        }
    }
    fly_status status = FLY_OK;
    if (rewrite->text != NULL) {
        status = fly__sql_table_expr(rewrite->session, rewrite->from, rewrite->text,
                                     rewrite->to->columns[rewrite->column - 1].type, values, arena,
                                     &rewrite->fresh[rewrite->column - 1], err);
    }
    return status == FLY_OK ? source->insert(source, rewrite->session->txn, rewrite->to,
                                             rewrite->fresh, arena, &made, err)
                            : status;
}

/* Put the changed table with empty trees, and all rows into these. */
static fly_status rewrite_table(fly_sql_stmt *stmt, const fly__sql_table *from,
                                fly__sql_table *changed, uint16_t column, const char *text,
                                fly_err *err)
{
    fly_sql_session *session = stmt->session;
    uint32_t generation = fly__sql_change_oid(session);
    const fly__sql_index **indexes;
    memcpy(&indexes, &changed->indexes, sizeof indexes);
    changed->tree =
        fly__sql_ddl_format(stmt, err, "t%u.%u", (unsigned)from->oid, (unsigned)generation);
    for (uint16_t i = 0; i < changed->index_count; i++) {
        fly__sql_index *index = fly__sql_ddl_alloc(stmt, sizeof *index, err);
        fly__sql_index_column *columns =
            fly__sql_ddl_alloc(stmt, (indexes[i]->column_count + 1u) * sizeof *columns, err);
        if (index == NULL || columns == NULL) {
            return FLY_E_NO_MEMORY;
        }
        *index = *indexes[i];
        memcpy(columns, index->columns, index->column_count * sizeof *columns);
        for (uint16_t k = 0; k < index->column_count; k++) {
            if (columns[k].column != 0) {
                columns[k].type = changed->columns[columns[k].column - 1].type;
            }
        }
        index->columns = columns;
        index->tree = index->clustered
                          ? changed->tree
                          : fly__sql_ddl_format(stmt, err, "i%u.%u", (unsigned)index->oid,
                                                (unsigned)generation);
        indexes[i] = index;
    }
    fly_status status = fly__sql_change_put(session, FLY__SQL_O_TABLE, changed, err);
    struct rewrite rewrite = {.session = session,
                              .from = from,
                              .to = fly__sql_table_of(session->view, from->oid),
                              .column = column,
                              .text = text,
                              .fresh = fly__sql_ddl_alloc(
                                  stmt, (changed->column_count + 1u) * sizeof *rewrite.fresh, err)};
    if (rewrite.fresh == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (status == FLY_OK) {
        status = each_row(session, from, rewrite_row, &rewrite, err);
    }
    for (uint16_t i = 0; i < from->index_count && status == FLY_OK; i++) {
        if (!from->indexes[i]->clustered) {
            status = fly_txn_tree_drop(session->txn, from->indexes[i]->tree, err);
            status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
        }
    }
    if (status == FLY_OK) {
        status = fly_txn_tree_drop(session->txn, from->tree, err);
        status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    return status;
}

/* --------------------------------------------------------------------- columns */

static fly_status column_number(const fly__sql_table *table, const char *name, uint16_t *number,
                                fly_err *err)
{
    *number = fly__sql_column_named(table, name);
    return *number != 0
               ? FLY_OK
               : fly_err_state(err, "42703", 0, "column \"%s\" of relation \"%s\" does not exist",
                               name, table->name);
}

/* The value of a default for rows that are there already, as text, if it is a constant. */
static fly_status constant_default(fly_sql_stmt *stmt, fly__sql_column *column, bool *constant,
                                   fly_err *err)
{
    *constant = column->default_text == NULL && column->generated == 0;
    if (column->default_text == NULL || column->generated != 0) {
        return FLY_OK;
    }
    fly_ast *node = NULL;
    fly__sql_expr *expr = NULL;
    fly__sql_eval *eval = NULL;
    fly_vec_value value;
    fly_bytes text = {0};
    fly__sql_bind_context context = {
        .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
    fly_status status = fly__sql_parse_expr(&stmt->line_arena, fly_bytes_str(column->default_text),
                                            NULL, &node, err);
    if (status == FLY_OK) {
        status = fly__sql_bind_expr(&context, node, NULL, NULL, column->type, &expr, err);
    }
    if (status != FLY_OK || expr->volatile_) {
        return status;
    }
    status =
        fly__sql_eval_create(stmt->session, expr, NULL, NULL, 0, &stmt->line_arena, &eval, err);
    if (status == FLY_OK) {
        status = fly__sql_eval_run(eval, NULL, NULL, &stmt->line_arena, &value, err);
    }
    if (status == FLY_OK && !value.null) {
        status =
            fly__sql_value_out(stmt->session, column->type, &value, &stmt->line_arena, &text, err);
        char *copy = fly__sql_ddl_alloc(stmt, text.len + 1, err);
        if (status == FLY_OK && copy != NULL) {
            memcpy(copy, text.data, text.len);
            column->missing = copy;
        }
    }
    fly__sql_eval_destroy(eval);
    *constant = status == FLY_OK;
    return status;
}

static fly_status add_column(fly_sql_stmt *stmt, const fly__sql_table *table,
                             const fly_ast_alter_action *action, fly_err *err)
{
    const fly_ast_column_def *def = (const fly_ast_column_def *)action->def;
    fly__sql_table_draft draft;
    if (action->if_exists && fly__sql_column_named(table, def->name) != 0) {
        fly__sql_notice(stmt->session, "NOTICE", "42701",
                        "column \"%s\" of relation \"%s\" already exists, skipping", def->name,
                        table->name);
        return FLY_OK;
    }
    fly_status status = fly__sql_draft_begin(stmt, table, &draft, err);
    if (status == FLY_OK) {
        status = fly__sql_draft_column(&draft, def, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_column *column = &draft.columns[draft.table->column_count - 1];
    uint16_t number = column->number;
    bool constant = false;
    uint16_t indexes = draft.table->index_count;
    uint16_t constraints = draft.table->constraint_count;
    status = constant_default(stmt, column, &constant, err);
    for (uint32_t i = 0; i < def->constraints.count && status == FLY_OK; i++) {
        status = fly__sql_draft_constraint(
            &draft, (const fly_ast_constraint *)def->constraints.items[i], number, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_draft_put(&draft, err);
    }
    const fly__sql_table *made = fly__sql_table_of(stmt->session->view, table->oid);
    if (status == FLY_OK && !constant) {
        const char *text = made->columns[number - 1].default_text;
        if (made->columns[number - 1].identity != 0) {
            const fly__sql_table *sequence =
                fly__sql_table_of(stmt->session->view, made->columns[number - 1].sequence);
            text = fly__sql_ddl_format(stmt, err, "nextval(%u::regclass)", (unsigned)sequence->oid);
        }
        fly__sql_table *again = fly__sql_table_copy(made, 0, &stmt->line_arena);
        status = again == NULL ? no_memory(err)
                               : rewrite_table(stmt, table, again, number, text, err);
    }
    made = fly__sql_table_of(stmt->session->view, table->oid);
    for (uint16_t i = indexes; i < made->index_count && status == FLY_OK && constant; i++) {
        status = fly__sql_index_build(stmt->session, made, made->indexes[i], err);
    }
    for (uint16_t i = constraints; i < made->constraint_count && status == FLY_OK; i++) {
        status = fly__sql_validate(stmt->session, made, made->constraints[i], err);
    }
    return status == FLY_OK && made->columns[number - 1].not_null
               ? fly__sql_validate(stmt->session, made, NULL, err)
               : status;
}

/* Whether an index or constraint names a column. */
static bool index_has(const fly__sql_index *index, uint16_t number)
{
    for (uint16_t i = 0; i < index->column_count; i++) {
        if (index->columns[i].column == number) {
            return true;
        }
    }
    return false;
}

static bool constraint_has(const fly__sql_constraint *constraint, uint16_t number)
{
    for (uint16_t i = 0; i < constraint->count; i++) {
        if (constraint->columns[i] == number) {
            return true;
        }
    }
    return false;
}

static fly_status drop_column(fly_sql_stmt *stmt, const fly__sql_table *table,
                              const fly_ast_alter_action *action, fly_err *err)
{
    uint16_t number = fly__sql_column_named(table, action->name);
    if (number == 0 && action->if_exists) {
        fly__sql_notice(stmt->session, "NOTICE", "00000",
                        "column \"%s\" of relation \"%s\" does not exist, skipping", action->name,
                        table->name);
        return FLY_OK;
    }
    fly_status status = column_number(table, action->name, &number, err);
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (status != FLY_OK || copy == NULL) {
        return status == FLY_OK ? no_memory(err) : status;
    }
    if (table->primary != NULL && table->primary->clustered && index_has(table->primary, number)) {
        return fly_err_state(err, "0A000", 0,
                             "cannot drop column \"%s\": the rows of \"%s\" are ordered by it",
                             action->name, table->name);
    }
    fly__sql_column *columns;
    const fly__sql_index **indexes;
    const fly__sql_constraint **constraints;
    memcpy(&columns, &copy->columns, sizeof columns);
    memcpy(&indexes, &copy->indexes, sizeof indexes);
    memcpy(&constraints, &copy->constraints, sizeof constraints);
    columns[number - 1].dropped = true;
    columns[number - 1].not_null = false;
    columns[number - 1].default_text = NULL;
    columns[number - 1].generated = 0;
    columns[number - 1].name =
        fly__sql_ddl_format(stmt, err, "........pg.dropped.%u........", (unsigned)number);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < copy->index_count && status == FLY_OK; i++) {
        if (!index_has(indexes[i], number)) {
            indexes[kept++] = indexes[i];
            continue;
        }
        status = fly_txn_tree_drop(stmt->session->txn, indexes[i]->tree, err);
        status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    copy->index_count = kept;
    kept = 0;
    for (uint16_t i = 0; i < copy->constraint_count; i++) {
        if (!constraint_has(constraints[i], number)) {
            constraints[kept++] = constraints[i];
        }
    }
    copy->constraint_count = kept;
    return status == FLY_OK ? fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err)
                            : status;
}

/* Whether a column's values become another type's by an assignment. */
static bool castable(fly_sql_stmt *stmt, const fly__sql_table *table, uint16_t number,
                     fly_sql_type type)
{
    fly_ast *node = NULL;
    fly__sql_expr *bound = NULL;
    fly__sql_bind_context context = {
        .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
    const char *text = fly__sql_ddl_format(stmt, NULL, "\"%s\"", table->columns[number - 1].name);
    fly__sql_colid *ids = fly__sql_ddl_alloc(stmt, (table->column_count + 1u) * sizeof *ids, NULL);
    if (text == NULL || ids == NULL) {
        return true; /* memory will be missed again, and said so */
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        ids[i] = i + 1u;
    }
    return fly__sql_parse_expr(&stmt->line_arena, fly_bytes_str(text), NULL, &node, NULL) ==
               FLY_OK &&
           fly__sql_bind_expr(&context, node, table, ids, type, &bound, NULL) == FLY_OK;
}

static fly_status change_type(fly_sql_stmt *stmt, const fly__sql_table *table,
                              const fly_ast_alter_action *action, fly_err *err)
{
    uint16_t number = 0;
    fly_sql_type type;
    fly_status status = column_number(table, action->name, &number, err);
    fly__sql_bind_context context = {
        .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
    if (status == FLY_OK) {
        status = fly__sql_bind_type(&context, action->def, &type, err);
    }
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    const char *text = NULL;
    if (status == FLY_OK) {
        const char *type_text = fly__sql_ddl_text(stmt, action->def, err);
        text = action->expr != NULL
                   ? fly__sql_ddl_text(stmt, action->expr, err)
                   : fly__sql_ddl_format(stmt, err, "\"%s\"::%s", action->name, type_text);
    }
    if (status != FLY_OK || copy == NULL || text == NULL) {
        return status == FLY_OK ? no_memory(err) : status;
    }
    if (action->expr == NULL && !castable(stmt, table, number, type)) {
        const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
        status = fly_err_state(err, "42804", 0,
                               "column \"%s\" cannot be cast automatically to type %s",
                               action->name, info == NULL ? "?" : info->sql_name);
        fly_err_hint(err, "You might need to specify \"USING %s::%s\".", action->name,
                     info == NULL ? "?" : info->sql_name);
        return status;
    }
    fly__sql_column *columns;
    memcpy(&columns, &copy->columns, sizeof columns);
    type.collation = type.collation != 0 ? type.collation : columns[number - 1].type.collation;
    columns[number - 1].type = type;
    columns[number - 1].missing = NULL;
    return rewrite_table(stmt, table, copy, number, text, err);
}

/* Changes of one column's descriptor. */
static fly_status change_column(fly_sql_stmt *stmt, const fly__sql_table *table,
                                const fly_ast_alter_action *action, fly_err *err)
{
    uint16_t number = 0;
    fly_status status = column_number(table, action->name, &number, err);
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (status != FLY_OK || copy == NULL) {
        return status == FLY_OK ? no_memory(err) : status;
    }
    fly__sql_column *columns;
    memcpy(&columns, &copy->columns, sizeof columns);
    fly__sql_column *column = &columns[number - 1];
    bool validate = false;
    switch (action->type) {
    case FLY_AST_ALTER_SET_DEFAULT: {
        fly__sql_expr *bound = NULL;
        fly__sql_bind_context context = {.session = stmt->session,
                                         .view = stmt->session->view,
                                         .arena = &stmt->line_arena,
                                         .what = 'd'};
        status = fly__sql_bind_expr(&context, action->expr, NULL, NULL, column->type, &bound, err);
        column->default_text = fly__sql_ddl_text(stmt, action->expr, err);
        break;
    }
    case FLY_AST_ALTER_DROP_DEFAULT:
        column->default_text = NULL;
        break;
    case FLY_AST_ALTER_SET_NOT_NULL:
        column->not_null = true;
        validate = true;
        break;
    case FLY_AST_ALTER_DROP_NOT_NULL:
        if (table->primary != NULL && index_has(table->primary, number)) {
            return fly_err_state(err, "42P16", 0, "column \"%s\" is in a primary key",
                                 action->name);
        }
        column->not_null = false;
        break;
    case FLY_AST_ALTER_DROP_EXPRESSION:
        column->generated = 0;
        column->default_text = NULL;
        break;
    case FLY_AST_ALTER_DROP_IDENTITY:
        column->identity = 0;
        break;
    default:
        return FLY_OK; /* statistics targets, storage: taken note of */
    }
    if (status == FLY_OK) {
        status = fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
    }
    return status == FLY_OK && validate
               ? fly__sql_validate(stmt->session,
                                   fly__sql_table_of(stmt->session->view, table->oid), NULL, err)
               : status;
}

/* SET GENERATED, RESTART and the sequence's other options. */
static fly_status add_identity(fly_sql_stmt *stmt, const fly__sql_table *table,
                               const fly_ast_alter_action *action, fly_err *err)
{
    uint16_t number = 0;
    fly__sql_table_draft draft;
    fly_status status = column_number(table, action->name, &number, err);
    if (status == FLY_OK) {
        status = fly__sql_draft_begin(stmt, table, &draft, err);
    }
    if (status == FLY_OK) {
        status =
            fly__sql_draft_identity(&draft, number, (const fly_ast_constraint *)action->def, err);
    }
    return status == FLY_OK ? fly__sql_draft_put(&draft, err) : status;
}

static fly_status set_identity(fly_sql_stmt *stmt, const fly__sql_table *table,
                               const fly_ast_alter_action *action, fly_err *err)
{
    uint16_t number = 0;
    fly_status status = column_number(table, action->name, &number, err);
    if (status != FLY_OK) {
        return status;
    }
    if (table->columns[number - 1].identity == 0) {
        return fly_err_state(err, "55000", 0,
                             "column \"%s\" of relation \"%s\" is not an identity column",
                             action->name, table->name);
    }
    for (uint32_t i = 0; i < action->options.count && status == FLY_OK; i++) {
        const fly_ast_option *option = (const fly_ast_option *)action->options.items[i];
        if (strcmp(option->name, "generated") == 0) {
            fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
            if (copy == NULL) {
                return no_memory(err);
            }
            fly__sql_column *columns;
            memcpy(&columns, &copy->columns, sizeof columns);
            bool always = option->value != NULL && option->value->kind == FLY_AST_CONST &&
                          strcmp((const char *)((const fly_ast_const *)option->value)->text.data,
                                 "always") == 0;
            columns[number - 1].identity = always ? 'a' : 'd';
            status = fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
        }
    }
    return status == FLY_OK ? fly__sql_sequence_alter(stmt, table->columns[number - 1].sequence,
                                                      &action->options, err)
                            : status;
}

/* ----------------------------------------------------------------- constraints */

static fly_status add_constraint(fly_sql_stmt *stmt, const fly__sql_table *table,
                                 const fly_ast_alter_action *action, fly_err *err)
{
    const fly_ast_constraint *node = (const fly_ast_constraint *)action->def;
    fly__sql_table_draft draft;
    fly_status status = fly__sql_draft_begin(stmt, table, &draft, err);
    if (status == FLY_OK) {
        status = fly__sql_draft_constraint(&draft, node, 0, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_draft_put(&draft, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_table *made = fly__sql_table_of(stmt->session->view, table->oid);
    if (made->index_count > table->index_count) {
        status =
            fly__sql_index_build(stmt->session, made, made->indexes[made->index_count - 1], err);
    }
    if (status == FLY_OK && node->type == FLY_AST_CONSTRAINT_PRIMARY) {
        status = fly__sql_validate(stmt->session, made, NULL, err);
    }
    const fly__sql_constraint *last = made->constraints[made->constraint_count - 1];
    return status == FLY_OK && last->validated ? fly__sql_validate(stmt->session, made, last, err)
                                               : status;
}

static fly_status drop_constraint(fly_sql_stmt *stmt, const fly__sql_table *table,
                                  const fly_ast_alter_action *action, fly_err *err)
{
    const fly__sql_constraint *found = NULL;
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (strcmp(table->constraints[i]->name, action->name) == 0) {
            found = table->constraints[i];
        }
    }
    if (found == NULL) {
        if (action->if_exists) {
            fly__sql_notice(stmt->session, "NOTICE", "00000",
                            "constraint \"%s\" of relation \"%s\" does not exist, skipping",
                            action->name, table->name);
            return FLY_OK;
        }
        return fly_err_state(err, "42704", 0, "constraint \"%s\" of relation \"%s\" does not exist",
                             action->name, table->name);
    }
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (copy == NULL) {
        return no_memory(err);
    }
    const fly__sql_constraint **constraints;
    const fly__sql_index **indexes;
    memcpy(&constraints, &copy->constraints, sizeof constraints);
    memcpy(&indexes, &copy->indexes, sizeof indexes);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < copy->constraint_count; i++) {
        if (constraints[i] != found) {
            constraints[kept++] = constraints[i];
        }
    }
    copy->constraint_count = kept;
    fly_status status = FLY_OK;
    if (found->kind == FLY__SQL_PRIMARY || found->kind == FLY__SQL_UNIQUE) {
        for (uint16_t i = 0; i < table->referrer_count; i++) {
            if (table->referrers[i]->index == found->index) {
                status = fly_err_state(err, "2BP01", 0,
                                       "cannot drop constraint %s on table %s because other "
                                       "objects depend on it",
                                       found->name, table->name);
                fly_err_hint(err, "Use DROP ... CASCADE to drop the dependent objects too.");
                return status;
            }
        }
        if (table->primary != NULL && table->primary->oid == found->index &&
            table->primary->clustered) {
            /* The rows stay in that order; the index is no longer a promise. */
            return fly_err_state(err, "0A000", 0,
                                 "cannot drop constraint \"%s\": the rows of \"%s\" are ordered by "
                                 "it",
                                 found->name, table->name);
        }
        kept = 0;
        for (uint16_t i = 0; i < copy->index_count && status == FLY_OK; i++) {
            if (indexes[i]->oid != found->index) {
                indexes[kept++] = indexes[i];
                continue;
            }
            status = fly_txn_tree_drop(stmt->session->txn, indexes[i]->tree, err);
            status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
        }
        copy->index_count = kept;
    }
    if (status == FLY_OK) {
        status = fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
    }
    return status == FLY_OK && found->kind == FLY__SQL_FOREIGN
               ? fly__sql_forget_referrer(stmt->session, found, err)
               : status;
}

static fly_status switch_trigger(fly_sql_stmt *stmt, const fly__sql_table *table,
                                 const fly_ast_alter_action *action, bool enabled, fly_err *err)
{
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (copy == NULL) {
        return no_memory(err);
    }
    const fly__sql_trigger **triggers;
    memcpy(&triggers, &copy->triggers, sizeof triggers);
    bool any = action->name == NULL;
    for (uint16_t i = 0; i < copy->trigger_count; i++) {
        if (action->name != NULL && strcmp(triggers[i]->name, action->name) != 0) {
            continue;
        }
        fly__sql_trigger *changed = fly__sql_ddl_alloc(stmt, sizeof *changed, err);
        if (changed == NULL) {
            return FLY_E_NO_MEMORY;
        }
        *changed = *triggers[i];
        changed->enabled = enabled;
        triggers[i] = changed;
        any = true;
    }
    if (!any) {
        return fly_err_state(err, "42704", 0, "trigger \"%s\" for table \"%s\" does not exist",
                             action->name, table->name);
    }
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

static fly_status row_security(fly_sql_stmt *stmt, const fly__sql_table *table, bool force, bool on,
                               fly_err *err)
{
    fly__sql_table changed = *table;
    if (force) {
        changed.force_row_security = on;
    } else {
        changed.row_security = on;
    }
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, &changed, err);
}

static fly_status view_options(fly_sql_stmt *stmt, const fly__sql_table *table,
                               const fly_ast_alter_action *action, fly_err *err)
{
    fly__sql_table changed = *table;
    fly_status status = fly__sql_view_options(
        &action->options, action->type == FLY_AST_ALTER_RESET_OPTIONS, &changed, err);
    return status == FLY_OK ? fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, &changed, err)
                            : status;
}

static fly_status validate_named(fly_sql_stmt *stmt, const fly__sql_table *table, const char *name,
                                 fly_err *err)
{
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (strcmp(table->constraints[i]->name, name) != 0) {
            continue;
        }
        fly_status status = fly__sql_validate(stmt->session, table, table->constraints[i], err);
        fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
        fly__sql_constraint *changed = fly__sql_ddl_alloc(stmt, sizeof *changed, err);
        if (status != FLY_OK || copy == NULL || changed == NULL) {
            return status == FLY_OK ? no_memory(err) : status;
        }
        const fly__sql_constraint **constraints;
        memcpy(&constraints, &copy->constraints, sizeof constraints);
        *changed = *constraints[i];
        changed->validated = true;
        constraints[i] = changed;
        return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
    }
    return fly_err_state(err, "42704", 0, "constraint \"%s\" of relation \"%s\" does not exist",
                         name, table->name);
}

static fly_status alter(fly_sql_stmt *stmt, const fly__sql_table *table,
                        const fly_ast_alter_action *action, fly_err *err)
{
    switch (action->type) {
    case FLY_AST_ALTER_ADD_COLUMN:
        return add_column(stmt, table, action, err);
    case FLY_AST_ALTER_DROP_COLUMN:
        return drop_column(stmt, table, action, err);
    case FLY_AST_ALTER_COLUMN_TYPE:
        return change_type(stmt, table, action, err);
    case FLY_AST_ALTER_SET_DEFAULT:
    case FLY_AST_ALTER_DROP_DEFAULT:
    case FLY_AST_ALTER_SET_NOT_NULL:
    case FLY_AST_ALTER_DROP_NOT_NULL:
    case FLY_AST_ALTER_DROP_EXPRESSION:
    case FLY_AST_ALTER_DROP_IDENTITY:
    case FLY_AST_ALTER_SET_STATISTICS:
    case FLY_AST_ALTER_SET_STORAGE:
    case FLY_AST_ALTER_SET_COMPRESSION:
        return change_column(stmt, table, action, err);
    case FLY_AST_ALTER_ADD_IDENTITY:
        return add_identity(stmt, table, action, err);
    case FLY_AST_ALTER_SET_IDENTITY:
        return set_identity(stmt, table, action, err);
    case FLY_AST_ALTER_ADD_CONSTRAINT:
        return add_constraint(stmt, table, action, err);
    case FLY_AST_ALTER_DROP_CONSTRAINT:
        return drop_constraint(stmt, table, action, err);
    case FLY_AST_ALTER_VALIDATE_CONSTRAINT:
        return validate_named(stmt, table, action->name, err);
    case FLY_AST_ALTER_ENABLE_TRIGGER:
    case FLY_AST_ALTER_ENABLE_ALWAYS_TRIGGER:
        return switch_trigger(stmt, table, action, true, err);
    case FLY_AST_ALTER_DISABLE_TRIGGER:
        return switch_trigger(stmt, table, action, false, err);
    case FLY_AST_ALTER_ENABLE_ROW_SECURITY:
    case FLY_AST_ALTER_DISABLE_ROW_SECURITY:
        return row_security(stmt, table, false, action->type == FLY_AST_ALTER_ENABLE_ROW_SECURITY,
                            err);
    case FLY_AST_ALTER_FORCE_ROW_SECURITY:
    case FLY_AST_ALTER_NO_FORCE_ROW_SECURITY:
        return row_security(stmt, table, true, action->type == FLY_AST_ALTER_FORCE_ROW_SECURITY,
                            err);
    case FLY_AST_ALTER_SET_OPTIONS:
    case FLY_AST_ALTER_RESET_OPTIONS:
        return table->class == FLY__SQL_VIEW ? view_options(stmt, table, action, err) : FLY_OK;
    case FLY_AST_ALTER_SET_LOGGED:
    case FLY_AST_ALTER_SET_UNLOGGED:
    case FLY_AST_ALTER_REPLICA_IDENTITY:
    case FLY_AST_ALTER_CLUSTER_ON:
    case FLY_AST_ALTER_SET_WITHOUT_CLUSTER:
        return FLY_OK; /* about how PostgreSQL stores things */
    case FLY_AST_ALTER_OWNER: {
        const fly__sql_secured object = fly__sql_secured_table(table);
        uint32_t role = 0;
        fly_status status = fly__sql_ddl_role(stmt->session, action->def, false, &role, err);
        return status == FLY_OK ? fly__sql_give(stmt, &object, role, err) : status;
    }
    default:
        return fly_err_state(err, "0A000", action->node.pos,
                             "this form of ALTER TABLE is not supported");
    }
}

fly_status fly__sql_alter_table(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_alter_table *node = (const fly_ast_alter_table *)stmt->node;
    const fly_ast_relation *relation = (const fly_ast_relation *)node->relation;
    const fly__sql_table *table = NULL;
    fly__sql_ddl_tag(stmt, node->type == FLY_AST_OBJECT_VIEW       ? "ALTER VIEW"
                           : node->type == FLY_AST_OBJECT_INDEX    ? "ALTER INDEX"
                           : node->type == FLY_AST_OBJECT_SEQUENCE ? "ALTER SEQUENCE"
                           : node->type == FLY_AST_OBJECT_TYPE     ? "ALTER TYPE"
                                                                   : "ALTER TABLE");
    if (node->type == FLY_AST_OBJECT_INDEX) {
        return FLY_OK; /* storage parameters and statistics targets: PostgreSQL's */
    }
    fly_status status = fly__sql_ddl_relation(stmt, relation, NULL, &table, err);
    if (status != FLY_OK && node->if_exists) {
        fly__sql_notice(stmt->session, "NOTICE", "42P01",
                        "relation \"%s\" does not exist, skipping", relation->name);
        return FLY_OK;
    }
    for (uint32_t i = 0; i < node->actions.count && status == FLY_OK; i++) {
        table = fly__sql_table_of(stmt->session->view, table->oid);
        status = alter(stmt, table, (const fly_ast_alter_action *)node->actions.items[i], err);
    }
    return status;
}

/* ---------------------------------------------------------------------- RENAME */

static fly_status rename_table(fly_sql_stmt *stmt, const fly__sql_table *table, const char *name,
                               fly_err *err)
{
    fly_status status = fly__sql_ddl_name_free(stmt, table->schema, name, err);
    fly__sql_table changed = *table;
    changed.name = name;
    return status == FLY_OK ? fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, &changed, err)
                            : status;
}

static fly_status rename_column(fly_sql_stmt *stmt, const fly__sql_table *table, const char *from,
                                const char *to, fly_err *err)
{
    uint16_t number = fly__sql_column_named(table, from);
    fly_status status =
        number != 0 ? FLY_OK : fly_err_state(err, "42703", 0, "column \"%s\" does not exist", from);
    if (status == FLY_OK && fly__sql_column_named(table, to) != 0) {
        status = fly_err_state(err, "42701", 0, "column \"%s\" of relation \"%s\" already exists",
                               to, table->name);
    }
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (status != FLY_OK || copy == NULL) {
        return status == FLY_OK ? no_memory(err) : status;
    }
    fly__sql_column *columns;
    memcpy(&columns, &copy->columns, sizeof columns);
    columns[number - 1].name = to;
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

static fly_status rename_index(fly_sql_stmt *stmt, const fly__sql_table *table,
                               const fly__sql_index *index, const char *name, fly_err *err)
{
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    fly__sql_index *changed = fly__sql_ddl_alloc(stmt, sizeof *changed, err);
    fly_status status = fly__sql_ddl_name_free(stmt, table->schema, name, err);
    if (status != FLY_OK || copy == NULL || changed == NULL) {
        return status == FLY_OK ? no_memory(err) : status;
    }
    const fly__sql_index **indexes;
    const fly__sql_constraint **constraints;
    memcpy(&indexes, &copy->indexes, sizeof indexes);
    memcpy(&constraints, &copy->constraints, sizeof constraints);
    *changed = *index;
    changed->name = name;
    for (uint16_t i = 0; i < copy->index_count; i++) {
        indexes[i] = indexes[i]->oid == index->oid ? changed : indexes[i];
    }
    for (uint16_t i = 0; i < copy->constraint_count; i++) {
        if (constraints[i]->index == index->oid && constraints[i]->kind != FLY__SQL_FOREIGN) {
            fly__sql_constraint *own = fly__sql_ddl_alloc(stmt, sizeof *own, err);
            if (own == NULL) {
                return FLY_E_NO_MEMORY;
            }
            *own = *constraints[i];
            own->name = name;
            constraints[i] = own;
        }
    }
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

static fly_status rename_constraint(fly_sql_stmt *stmt, const fly__sql_table *table,
                                    const char *from, const char *to, fly_err *err)
{
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const fly__sql_constraint *constraint = table->constraints[i];
        if (strcmp(constraint->name, from) != 0) {
            continue;
        }
        for (uint16_t k = 0; k < table->index_count; k++) {
            if (table->indexes[k]->oid == constraint->index &&
                constraint->kind != FLY__SQL_FOREIGN) {
                return rename_index(stmt, table, table->indexes[k], to, err);
            }
        }
        fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
        fly__sql_constraint *own = fly__sql_ddl_alloc(stmt, sizeof *own, err);
        if (copy == NULL || own == NULL) {
            return no_memory(err);
        }
        const fly__sql_constraint **constraints;
        memcpy(&constraints, &copy->constraints, sizeof constraints);
        *own = *constraint;
        own->name = to;
        constraints[i] = own;
        return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
    }
    return fly_err_state(err, "42704", 0, "constraint \"%s\" for table \"%s\" does not exist", from,
                         table->name);
}

/* What is to be renamed: a relation as an object or as a relation node. */
static fly_status renamed_relation(fly_sql_stmt *stmt, const fly_ast *node,
                                   const fly__sql_table **table, fly_err *err)
{
    if (node->kind == FLY_AST_OBJECT) {
        const fly_ast_object *object = (const fly_ast_object *)node;
        if (object->relation != NULL) {
            return fly__sql_ddl_relation(stmt, (const fly_ast_relation *)object->relation, NULL,
                                         table, err);
        }
        return fly__sql_ddl_named(stmt, &object->names, node->pos, NULL, table, err);
    }
    return fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node, NULL, table, err);
}

/* The schema and name that a node says, whichever kind it is; `*schema` may become NULL. */
static const char *name_of(const fly_ast *node, const char **schema)
{
    *schema = NULL;
    if (node->kind == FLY_AST_OBJECT && ((const fly_ast_object *)node)->names.count == 0) {
        node = ((const fly_ast_object *)node)->relation;
    }
    if (node->kind == FLY_AST_RELATION) {
        *schema = ((const fly_ast_relation *)node)->schema;
        return ((const fly_ast_relation *)node)->name;
    }
    const fly_ast_names *names = &((const fly_ast_object *)node)->names;
    if (names->count > 1) {
        *schema = names->items[names->count - 2];
    }
    return names->items[names->count - 1];
}

fly_status fly__sql_rename(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_rename *node = (const fly_ast_rename *)stmt->node;
    const fly__sql_table *table = NULL;
    const char *schema_name = NULL;
    fly_status status = FLY_OK;
    fly__sql_ddl_tag(stmt, "ALTER TABLE");
    switch (node->type) {
    case FLY_AST_OBJECT_INDEX: {
        const char *name = name_of(node->object, &schema_name);
        const fly__sql_index *index = fly__sql_index_named(stmt->session->view, schema_name, name);
        fly__sql_ddl_tag(stmt, "ALTER INDEX");
        if (index == NULL && node->if_exists) {
            return FLY_OK;
        }
        if (index == NULL) {
            return fly_err_state(err, "42P01", 0, "relation \"%s\" does not exist", name);
        }
        fly__sql_secured secured =
            fly__sql_secured_table(fly__sql_table_of(stmt->session->view, index->table));
        secured.kind = "index";
        secured.name = index->name;
        status = fly__sql_need_owner(stmt->session, &secured, err);
        if (status != FLY_OK) {
            return status;
        }
        return rename_index(stmt, fly__sql_table_of(stmt->session->view, index->table), index,
                            node->new_name, err);
    }
    case FLY_AST_OBJECT_SCHEMA: {
        const fly__sql_schema *schema =
            fly__sql_schema_named(stmt->session->view, name_of(node->object, &schema_name));
        fly__sql_ddl_tag(stmt, "ALTER SCHEMA");
        if (schema == NULL || schema->oid < FLY__SQL_OID_FIRST) {
            return fly_err_state(err, "3F000", 0, "schema \"%s\" does not exist",
                                 name_of(node->object, &schema_name));
        }
        const fly__sql_secured secured = fly__sql_secured_schema(schema);
        status = fly__sql_need_owner(stmt->session, &secured, err);
        if (status != FLY_OK) {
            return status;
        }
        fly__sql_schema changed = *schema;
        changed.name = node->new_name;
        return fly__sql_change_put(stmt->session, FLY__SQL_O_SCHEMA, &changed, err);
    }
    case FLY_AST_OBJECT_ROLE:
    case FLY_AST_OBJECT_USER:
    case FLY_AST_OBJECT_GROUP:
        return fly__sql_rename_role(stmt, node, err);
    case FLY_AST_OBJECT_POLICY:
        return fly__sql_rename_policy(stmt, node, err);
    case FLY_AST_OBJECT_TABLE:
    case FLY_AST_OBJECT_VIEW:
    case FLY_AST_OBJECT_MATVIEW:
    case FLY_AST_OBJECT_SEQUENCE:
    case FLY_AST_OBJECT_COLUMN:
    case FLY_AST_OBJECT_ATTRIBUTE:
    case FLY_AST_OBJECT_CONSTRAINT:
        break;
    default:
        return fly_err_state(err, "0A000", stmt->node->pos,
                             "renaming this kind of object is not supported");
    }
    status = renamed_relation(stmt, node->object, &table, err);
    if (status != FLY_OK && node->if_exists) {
        return FLY_OK;
    }
    if (status != FLY_OK) {
        return status;
    }
    if (node->type == FLY_AST_OBJECT_COLUMN || node->type == FLY_AST_OBJECT_ATTRIBUTE) {
        return rename_column(stmt, table, node->name, node->new_name, err);
    }
    if (node->type == FLY_AST_OBJECT_CONSTRAINT) {
        return rename_constraint(stmt, table, node->name, node->new_name, err);
    }
    return rename_table(stmt, table, node->new_name, err);
}
