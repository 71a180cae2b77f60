/*
 * Views and materialised views.
 */
#include "session/ddl_int.h"

#include "catalog/right_int.h"

#include "catalog/change_int.h"

#include <string.h>
#include <strings.h>

static fly_status view_columns(fly_sql_stmt *stmt, const fly_ast_create_view *node,
                               const fly__sql_plan *plan, fly__sql_table *table, fly_err *err)
{
    fly__sql_column *columns =
        fly__sql_ddl_alloc(stmt, (plan->column_count + 1u) * sizeof *columns, err);
    if (columns == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (node->columns.count > plan->column_count) {
        return fly_err_state(err, "42601", 0,
                             "CREATE VIEW specifies more column names than "
                             "columns");
    }
    for (uint32_t i = 0; i < plan->column_count; i++) {
        const char *name = i < node->columns.count ? node->columns.items[i] : plan->columns[i].name;
        columns[i].name = name == NULL ? "?column?" : name;
        columns[i].number = (uint16_t)(i + 1);
        columns[i].type = plan->columns[i].type;
        if (columns[i].type.oid == FLY_SQL_UNKNOWN) {
            columns[i].type = fly__sql_type(FLY_SQL_TEXT);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(columns[k].name, columns[i].name) == 0) {
                return fly_err_state(err, "42701", 0, "column \"%s\" specified more than once",
                                     columns[i].name);
            }
        }
    }
    table->columns = columns;
    table->column_count = (uint16_t)plan->column_count;
    return FLY_OK;
}

/* A replaced view keeps its columns, and may have more. */
static fly_status may_replace(const fly__sql_table *old, const fly__sql_table *made, fly_err *err)
{
    if (old->class != FLY__SQL_VIEW) {
        return fly_err_state(err, "42809", 0, "\"%s\" is not a view", old->name);
    }
    if (made->column_count < old->column_count) {
        return fly_err_state(err, "42P16", 0, "cannot drop columns from view");
    }
    for (uint16_t i = 0; i < old->column_count; i++) {
        if (strcmp(old->columns[i].name, made->columns[i].name) != 0) {
            return fly_err_state(err, "42P16", 0,
                                 "cannot change name of view column \"%s\" to \"%s\"",
                                 old->columns[i].name, made->columns[i].name);
        }
        if (old->columns[i].type.oid != made->columns[i].type.oid) {
            return fly_err_state(err, "42P16", 0, "cannot change data type of view column \"%s\"",
                                 old->columns[i].name);
        }
    }
    return FLY_OK;
}

/* A boolean as options have it: nothing, a word, a number. */
static bool option_value(const fly_ast_option *option, bool *value)
{
    const fly_ast_const *given = (const fly_ast_const *)option->value;
    *value = true;
    if (given == NULL) {
        return true;
    }
    if (given->node.kind != FLY_AST_CONST) {
        return false;
    }
    if (given->type == FLY_AST_CONST_BOOL) {
        *value = given->value != 0;
        return true;
    }
    static const char *const words[] = {"true", "on", "yes", "1", "false", "off", "no", "0"};
    for (size_t i = 0; i < sizeof words / sizeof words[0] && given->text.data != NULL; i++) {
        if (given->text.len == strlen(words[i]) &&
            strncasecmp((const char *)given->text.data, words[i], given->text.len) == 0) {
            *value = i < 4;
            return true;
        }
    }
    return false;
}

fly_status fly__sql_view_options(const fly_ast_list *options, bool reset, fly__sql_table *view,
                                 fly_err *err)
{
    for (uint32_t i = 0; i < options->count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        bool value = false;
        if (!reset && !option_value(option, &value)) {
            return fly_err_state(err, "22023", 0, "invalid value for boolean option \"%s\"",
                                 option->name);
        }
        if (strcmp(option->name, "security_invoker") == 0) {
            view->invoker = value;
        } else if (strcmp(option->name, "security_barrier") == 0) {
            view->barrier = value;
        } else if (strcmp(option->name, "check_option") != 0) {
            return fly_err_state(err, "22023", 0, "unrecognized parameter \"%s\"", option->name);
        }
    }
    return FLY_OK;
}

fly_status fly__sql_create_view(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_view *node = (const fly_ast_create_view *)stmt->node;
    const fly_ast_relation *relation = (const fly_ast_relation *)node->relation;
    fly_sql_session *session = stmt->session;
    fly__sql_table table = {.name = relation->name,
                            .class = FLY__SQL_VIEW,
                            .owner = session->user_oid,
                            .populated = true,
                            .rows = -1};
    fly__sql_ddl_tag(stmt, "CREATE VIEW");
    if (node->recursive) {
        return fly_err_state(err, "0A000", stmt->node->pos,
                             "CREATE RECURSIVE VIEW is not "
                             "supported");
    }
    fly_status status = fly__sql_ddl_schema(stmt, relation->schema,
                                            relation->persistence == FLY_AST_TEMPORARY,
                                            relation->node.pos, &table.schema, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly__sql_view_options(&node->options, false, &table, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_plan *plan = NULL;
    fly__sql_bind_context context = {
        .session = session, .view = session->view, .arena = &stmt->line_arena, .unasked = true};
    status = fly__sql_bind(&context, node->query, &plan, err);
    if (status == FLY_OK && plan->param_count > 0) {
        status = fly_err_state(err, "42P02", 0, "there is no parameter $1");
    }
    if (status == FLY_OK) {
        status = view_columns(stmt, node, plan, &table, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_schema *schema = fly__sql_schema_of(session->view, table.schema);
    const fly__sql_table *old = fly__sql_table_named(session->view, schema->name, table.name);
    if (old != NULL && node->replace) {
        const fly__sql_secured secured = fly__sql_secured_table(old);
        status = fly__sql_need_owner(session, &secured, err);
        if (status == FLY_OK) {
            status = may_replace(old, &table, err);
        }
        table.owner = old->owner;
        table.oid = old->oid;
        table.row_type = old->row_type;
        table.trigger_count = old->trigger_count;
        table.triggers = old->triggers;
    } else if (old != NULL && node->if_not_exists) {
        return FLY_OK;
    } else {
        status = fly__sql_ddl_name_free(stmt, table.schema, table.name, err);
        table.oid = fly__sql_change_oid(session);
        table.row_type = fly__sql_change_oid(session);
    }
    table.temporary = table.schema == FLY__SQL_SCHEMA_TEMP;
    table.view_text = fly__sql_ddl_text(stmt, node->query, err);
    table.view_check = node->check == FLY_AST_CHECK_OPTION_LOCAL      ? "local"
                       : node->check == FLY_AST_CHECK_OPTION_CASCADED ? "cascaded"
                                                                      : NULL;
    if (status == FLY_OK && table.view_text == NULL) {
        status = FLY_E_NO_MEMORY;
    }
    return status == FLY_OK ? fly__sql_change_put(session, FLY__SQL_O_TABLE, &table, err) : status;
}

/* -------------------------------------------------------------------- REFRESH */

fly_status fly__sql_refresh(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_refresh *node = (const fly_ast_refresh *)stmt->node;
    fly_sql_session *session = stmt->session;
    const fly__sql_table *table = NULL;
    uint64_t rows = 0;
    fly__sql_ddl_tag(stmt, "REFRESH MATERIALIZED VIEW");
    fly_status status =
        fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relation, "m", &table, err);
    if (status == FLY_OK) {
        status = fly__sql_empty_table(stmt, table, !node->no_data, err);
    }
    if (status != FLY_OK || node->no_data) {
        return status;
    }
    fly_ast *query = NULL;
    fly_sql_statements statements = {0};
    table = fly__sql_table_of(session->view, table->oid);
    status =
        fly__sql_parse(&stmt->line_arena, fly_bytes_str(table->view_text), NULL, &statements, err);
    if (status == FLY_OK) {
        query = statements.items[0].node;
        status = fly__sql_insert_from(stmt, query, table, table->schema, &rows, err);
    }
    return status;
}
