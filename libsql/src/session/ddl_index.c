/*
 * CREATE INDEX.
 */
#include "session/ddl_int.h"

#include "catalog/change_int.h"
#include "store/index_int.h"
#include "store/source_int.h"

#include <string.h>

/* -------------------------------------------------------------------- building */

/* A batch's row as one value per column of the table. */
static void take_row(const fly_vec_batch *batch, uint32_t row, uint32_t count,
                     fly_vec_value *values)
{
    for (uint32_t i = 0; i < count; i++) {
        values[i] = fly_vec_get(&batch->col[i], row);
    }
}

static fly_status duplicated(const fly__sql_index *index, fly_err *err)
{
    char detail[FLY_ERR_DETAIL_SIZE] = "";
    if (err != NULL) {
        memcpy(detail, err->detail, sizeof detail);
        char *at = strstr(detail, "already exists.");
        if (at != NULL) {
            memcpy(at, "is duplicated.", sizeof "is duplicated.");
        }
    }
    fly_status status =
        fly_err_state(err, "23505", 0, "could not create unique index \"%s\"", index->name);
    fly_err_detail(err, "%s", detail);
    return status;
}

static fly_status add_batch(fly_sql_session *session, const fly__sql_table *table,
                            const fly__sql_index *index, const fly_vec_batch *batch,
                            fly_vec_value *values, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t row = 0; row < batch->count && status == FLY_OK; row++) {
        take_row(batch, row, table->column_count, values);
        fly_vec_value key = fly_vec_get(&batch->col[table->column_count], row);
        status = fly__sql_index_add(session, session->txn, table, index, values,
                                    fly_vec_str_bytes(&key.str), batch->arena, err);
        if (status == FLY_E_EXISTS) {
            (void)fly__sql_index_violated(session, table, index, values, err);
            status = duplicated(index, err);
        }
    }
    return status;
}

fly_status fly__sql_index_build(fly_sql_session *session, const fly__sql_table *table,
                                const fly__sql_index *index, fly_err *err)
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
    fly_status status = FLY_E_NO_MEMORY;
    if (attnums != NULL && columns != NULL && values != NULL) {
        for (uint32_t i = 0; i < table->column_count; i++) {
            attnums[i] = (uint16_t)(i + 1);
        }
        attnums[table->column_count] = 0;
        const fly__sql_scan_spec spec = {.table = table, .column_count = count, .columns = attnums};
        status = source->scan_open(source, session->txn, &spec, &arena, &scan, err);
    }
    fly_vec_batch batch = {.columns = count, .col = columns, .arena = &rows, .selected = -1};
    while (status == FLY_OK) {
        fly_arena_reset(&rows);
        status = source->scan_next(scan, &batch, err);
        if (status == FLY_OK) {
            status = add_batch(session, table, index, &batch, values, err);
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

/* ---------------------------------------------------------------- CREATE INDEX */

static fly_status index_column(fly_sql_stmt *stmt, const fly__sql_table *table,
                               const fly_ast_index_column *node, fly__sql_index_column *column,
                               fly_err *err)
{
    column->descending = node->direction == FLY_AST_SORT_DESC;
    column->nulls_first = node->nulls == FLY_AST_NULLS_FIRST ||
                          (node->nulls == FLY_AST_NULLS_DEFAULT && column->descending);
    if (node->collation.count > 0) {
        const char *name = node->collation.items[node->collation.count - 1];
        column->collation = fly__sql_collation_named(name);
        if (column->collation == 0) {
            return fly_err_state(err, "42704", node->node.pos,
                                 "collation \"%s\" for encoding \"UTF8\" does not exist", name);
        }
    }
    if (node->name != NULL) {
        column->column = fly__sql_column_named(table, node->name);
        if (column->column == 0) {
            return fly_err_state(err, "42703", node->node.pos, "column \"%s\" does not exist",
                                 node->name);
        }
        column->type = table->columns[column->column - 1].type;
        if (column->collation == 0) {
            column->collation = column->type.collation;
        }
        return FLY_OK;
    }
    fly__sql_expr *bound = NULL;
    fly__sql_colid *ids = fly__sql_ddl_alloc(stmt, (table->column_count + 1u) * sizeof *ids, err);
    if (ids == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        ids[i] = i + 1u;
    }
    fly__sql_bind_context context = {
        .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
    const fly_sql_type any = {0};
    context.what = 'i';
    fly_status status = fly__sql_bind_expr(&context, node->expr, table, ids, any, &bound, err);
    if (status == FLY_OK) {
        column->type = bound->type;
        column->expression = fly__sql_ddl_text(stmt, node->expr, err);
        status = column->expression == NULL ? FLY_E_NO_MEMORY : FLY_OK;
    }
    return status;
}

static fly_status index_columns(fly_sql_stmt *stmt, const fly__sql_table *table,
                                const fly_ast_create_index *node, fly__sql_index *index,
                                fly_err *err)
{
    uint32_t keys = node->columns.count;
    uint32_t count = keys + node->including.count;
    if (keys > FLY__SQL_INDEX_COLUMNS_MAX) {
        return fly_err_state(err, "54011", 0, "cannot use more than %d columns in an index",
                             FLY__SQL_INDEX_COLUMNS_MAX);
    }
    fly__sql_index_column *columns = fly__sql_ddl_alloc(stmt, (count + 1) * sizeof *columns, err);
    fly_status status = columns == NULL ? FLY_E_NO_MEMORY : FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        const fly_ast *column = i < keys ? node->columns.items[i] : node->including.items[i - keys];
        status = index_column(stmt, table, (const fly_ast_index_column *)column, &columns[i], err);
    }
    index->key_count = (uint16_t)keys;
    index->column_count = (uint16_t)count;
    index->columns = columns;
    return status;
}

static const char *index_name(fly_sql_stmt *stmt, const fly__sql_table *table,
                              const fly__sql_index *index, fly_err *err)
{
    const char *columns = "";
    for (uint16_t i = 0; i < index->key_count && columns != NULL; i++) {
        const char *name = index->columns[i].column == 0
                               ? "expr"
                               : table->columns[index->columns[i].column - 1].name;
        columns = fly__sql_ddl_format(stmt, err, "%s%s%s", columns, i > 0 ? "_" : "", name);
    }
    return columns == NULL
               ? NULL
               : fly__sql_ddl_choose_name(stmt, table->schema, table->name, columns, "idx", err);
}

static fly_status index_predicate(fly_sql_stmt *stmt, const fly__sql_table *table,
                                  const fly_ast *where, fly__sql_index *index, fly_err *err)
{
    if (where == NULL) {
        return FLY_OK;
    }
    fly__sql_expr *bound = NULL;
    fly__sql_colid *ids = fly__sql_ddl_alloc(stmt, (table->column_count + 1u) * sizeof *ids, err);
    if (ids == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        ids[i] = i + 1u;
    }
    fly__sql_bind_context context = {.session = stmt->session,
                                     .view = stmt->session->view,
                                     .arena = &stmt->line_arena,
                                     .what = 'p'};
    fly_status status =
        fly__sql_bind_expr(&context, where, table, ids, fly__sql_type(FLY_SQL_BOOL), &bound, err);
    index->predicate = status == FLY_OK ? fly__sql_ddl_text(stmt, where, err) : NULL;
    return status == FLY_OK && index->predicate == NULL ? FLY_E_NO_MEMORY : status;
}

static fly_status put_index(fly_sql_stmt *stmt, const fly__sql_table *table,
                            const fly__sql_index *index, fly_err *err)
{
    fly__sql_table *copy = fly__sql_table_copy(table, 1, &stmt->line_arena);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an index");
    }
    const fly__sql_index **indexes;
    memcpy(&indexes, &copy->indexes, sizeof indexes);
    indexes[copy->index_count++] = index;
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

fly_status fly__sql_create_index(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_index *node = (const fly_ast_create_index *)stmt->node;
    const fly__sql_table *table = NULL;
    fly__sql_index *index = fly__sql_ddl_alloc(stmt, sizeof *index, err);
    fly__sql_ddl_tag(stmt, "CREATE INDEX");
    fly_status status = index == NULL
                            ? FLY_E_NO_MEMORY
                            : fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relation,
                                                    "rm", &table, err);
    if (status != FLY_OK) {
        return status;
    }
    index->name = node->name;
    if (index->name != NULL) {
        status = fly__sql_ddl_name_free(stmt, table->schema, index->name, err);
        if (status != FLY_OK && node->if_not_exists) {
            fly__sql_notice(stmt->session, "NOTICE", "42P07",
                            "relation \"%s\" already exists, skipping", index->name);
            return FLY_OK;
        }
    }
    if (status == FLY_OK) {
        status = index_columns(stmt, table, node, index, err);
    }
    if (status == FLY_OK) {
        status = index_predicate(stmt, table, node->where, index, err);
    }
    if (status == FLY_OK && index->name == NULL) {
        index->name = index_name(stmt, table, index, err);
        status = index->name == NULL ? FLY_E_NO_MEMORY : FLY_OK;
    }
    if (status != FLY_OK) {
        return status;
    }
    index->oid = fly__sql_change_oid(stmt->session);
    index->table = table->oid;
    index->unique = node->unique;
    index->nulls_not_distinct = node->nulls_not_distinct;
    index->ready = true;
    index->tree = fly__sql_ddl_format(stmt, err, "i%u", (unsigned)index->oid);
    if (index->tree == NULL) {
        return FLY_E_NO_MEMORY;
    }
    status = put_index(stmt, table, index, err);
    return status == FLY_OK ? fly__sql_index_build(stmt->session, table, index, err) : status;
}
