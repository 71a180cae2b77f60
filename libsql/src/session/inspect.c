/*
 * INSPECT: FlyDB's own way of looking at what there is.
 */
#include "session/named_int.h"

#include "types/value_int.h"

#include <stdio.h>
#include <string.h>

const char *const *fly__sql_inspect_columns(const fly_ast_inspect *node, uint32_t *count)
{
    static const char *const tables[] = {"schema", "name", "kind", "columns", "indexes"};
    static const char *const table[] = {"column", "type", "nullable", "default"};
    static const char *const indexes[] = {"table", "name", "unique", "columns"};
    static const char *const names[] = {"name"};
    static const char *const values[] = {"name", "value"};
    switch (node->type) {
    case FLY_AST_INSPECT_TABLES:
        *count = 5;
        return tables;
    case FLY_AST_INSPECT_TABLE:
        *count = 4;
        return table;
    case FLY_AST_INSPECT_INDEXES:
        *count = 4;
        return indexes;
    case FLY_AST_INSPECT_USERS:
    case FLY_AST_INSPECT_DATABASES:
        *count = 1;
        return names;
    default:
        *count = 2;
        return values;
    }
}

static fly_status inspect_users(fly_sql_stmt *stmt, fly_err *err)
{
    fly_status status = FLY_OK;
    const fly__sql_role *role;
    size_t at = 0;
    while (status == FLY_OK && (role = fly__sql_role_next(stmt->session, &at)) != NULL) {
        if (role->login) {
            status = fly__sql_line_add(stmt, &role->name, err);
        }
    }
    return status;
}

static fly_status inspect_tables(fly_sql_stmt *stmt, fly_err *err)
{
    const fly__sql_catalog_view *view = stmt->session->view;
    size_t at = 0;
    const fly__sql_table *table;
    fly_status status = FLY_OK;
    while (status == FLY_OK && (table = fly__sql_table_next(view, &at)) != NULL) {
        if (table->class == FLY__SQL_SYSTEM || table->class == FLY__SQL_COMPOSITE) {
            continue;
        }
        char columns[16];
        char indexes[16];
        const fly__sql_schema *schema = fly__sql_schema_of(view, table->schema);
        (void)snprintf(columns, sizeof columns, "%u", (unsigned)table->column_count);
        (void)snprintf(indexes, sizeof indexes, "%u", (unsigned)table->index_count);
        const char *kind = table->class == FLY__SQL_VIEW       ? "view"
                           : table->class == FLY__SQL_MATVIEW  ? "materialized view"
                           : table->class == FLY__SQL_SEQUENCE ? "sequence"
                                                               : "table";
        const char *cells[] = {schema == NULL ? NULL : schema->name, table->name, kind, columns,
                               indexes};
        status = fly__sql_line_add(stmt, cells, err);
    }
    return status;
}

static const fly__sql_table *named_table(fly_sql_stmt *stmt, const fly_ast *node, fly_err *err)
{
    const fly_ast_relation *relation = (const fly_ast_relation *)node;
    const fly__sql_table *table =
        fly__sql_table_named(stmt->session->view, relation->schema, relation->name);
    if (table == NULL) {
        (void)fly_err_state(err, "42P01", node->pos, "relation \"%s\" does not exist",
                            relation->name);
    }
    return table;
}

static fly_status inspect_table(fly_sql_stmt *stmt, const fly__sql_table *table, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint16_t i = 0; i < table->column_count && status == FLY_OK; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (column->dropped) {
            continue;
        }
        fly_bytes type = {0};
        fly_sql_text text = {.arena = &stmt->line_arena};
        fly__sql_put_type(&text, stmt->session->view, column->type.oid, column->type.mod);
        status = fly__sql_text_end(&text, &type, err);
        const char *cells[] = {column->name, (const char *)type.data,
                               column->not_null ? "no" : "yes", column->default_text};
        if (status == FLY_OK) {
            status = fly__sql_line_add(stmt, cells, err);
        }
    }
    return status;
}

static fly_status inspect_index(fly_sql_stmt *stmt, const fly__sql_table *table,
                                const fly__sql_index *index, fly_err *err)
{
    char columns[512] = "";
    size_t len = 0;
    for (uint16_t i = 0; i < index->key_count; i++) {
        const fly__sql_index_column *column = &index->columns[i];
        const char *name = column->column != 0 ? table->columns[column->column - 1].name
                                               : column->expression;
        int n = snprintf(columns + len, sizeof columns - len, "%s%s%s", i > 0 ? ", " : "", name,
                         column->descending ? " DESC" : "");
        len += n > 0 && (size_t)n < sizeof columns - len ? (size_t)n : 0;
    }
    const char *cells[] = {table->name, index->name, index->unique ? "yes" : "no", columns};
    return fly__sql_line_add(stmt, cells, err);
}

static fly_status inspect_indexes(fly_sql_stmt *stmt, const fly__sql_table *only, fly_err *err)
{
    size_t at = 0;
    const fly__sql_table *table;
    fly_status status = FLY_OK;
    while (status == FLY_OK && (table = fly__sql_table_next(stmt->session->view, &at)) != NULL) {
        if (only != NULL && only->oid != table->oid) {
            continue;
        }
        for (uint16_t i = 0; i < table->index_count && status == FLY_OK; i++) {
            status = inspect_index(stmt, table, table->indexes[i], err);
        }
    }
    return status;
}

/* Names as they come from a callback. */
struct listing {
    fly_sql_stmt *stmt;
    fly_status status;
    fly_err *err;
};

static void list_name(void *ctx, const char *name)
{
    struct listing *listing = ctx;
    if (listing->status == FLY_OK) {
        listing->status = fly__sql_line_add(listing->stmt, &name, listing->err);
    }
}

static fly_status give_number(fly_sql_stmt *stmt, const char *name, uint64_t value, fly_err *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    const char *cells[] = {name, text};
    return fly__sql_line_add(stmt, cells, err);
}

static fly_status inspect_status(fly_sql_stmt *stmt, fly_err *err)
{
    fly_store_stats stats;
    fly_store_get_stats(stmt->session->database->store, &stats);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"transactions_begun", stats.begun},
                   {"transactions_committed", stats.committed},
                   {"transactions_rolled_back", stats.rolled_back},
                   {"transactions_active", stats.active},
                   {"conflicts", stats.conflicts},
                   {"deadlocks", stats.deadlocks},
                   {"lock_waits", stats.lock_waits},
                   {"old_versions_bytes", stats.undo_bytes},
                   {"checkpoints", stats.checkpoints},
                   {"recovered_records", stats.recovered},
                   {"recovery_undone", stats.undone},
                   {"recovery_us", stats.recovery_us},
                   {"pages", stats.pages},
                   {"pages_used", stats.used_pages},
                   {"session_bytes", fly_load_u64(&stmt->session->account.used)}};
    const char *database[] = {"database", stmt->session->database->name};
    const char *version[] = {"version", FLY_SQL_VERSION};
    fly_status status = fly__sql_line_add(stmt, database, err);
    if (status == FLY_OK) {
        status = fly__sql_line_add(stmt, version, err);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == FLY_OK; i++) {
        status = give_number(stmt, numbers[i].name, numbers[i].value, err);
    }
    return status;
}

static void tell_fact(void *to, const char *name, const char *value)
{
    struct listing *listing = to;
    const char *cells[] = {name, value};
    if (listing->status == FLY_OK) {
        listing->status = fly__sql_line_add(listing->stmt, cells, listing->err);
    }
}

/* What the program around the engine knows. */
static fly_status inspect_program(fly_sql_stmt *stmt, bool about_status, fly_err *err)
{
    const fly_sql *sql = stmt->session->sql;
    struct listing listing = {.stmt = stmt, .err = err};
    if (sql->inspect != NULL) {
        sql->inspect(sql->inspect_ctx, about_status, tell_fact, &listing);
    }
    return listing.status;
}

fly_status fly__sql_inspect(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_inspect *node = (const fly_ast_inspect *)stmt->node;
    (void)snprintf(stmt->tag, sizeof stmt->tag, "INSPECT");
    const fly__sql_table *table = NULL;
    if (node->relation != NULL) {
        table = named_table(stmt, node->relation, err);
        if (table == NULL) {
            return FLY_E_INVALID;
        }
    }
    switch (node->type) {
    case FLY_AST_INSPECT_TABLES:
        return inspect_tables(stmt, err);
    case FLY_AST_INSPECT_TABLE:
        return inspect_table(stmt, table, err);
    case FLY_AST_INSPECT_INDEXES:
        return inspect_indexes(stmt, table, err);
    case FLY_AST_INSPECT_DATABASES: {
        struct listing listing = {.stmt = stmt, .err = err};
        fly_status status = fly__sql_database_list(stmt->session->sql, list_name, &listing, err);
        return status == FLY_OK ? listing.status : status;
    }
    case FLY_AST_INSPECT_USERS:
        return inspect_users(stmt, err);
    default: {
        fly_status status = inspect_status(stmt, err);
        bool about_status = node->type == FLY_AST_INSPECT_STATUS;
        return status == FLY_OK ? inspect_program(stmt, about_status, err) : status;
    }
    }
}
