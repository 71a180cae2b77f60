/*
 * EXPLAIN: each stage of a statement, as text or JSON.
 */
#include "session/stmt_int.h"

#include "opt/opt_int.h"
#include "session/statement_kind_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct wanted {
    bool ast, logical, analyze, json;
};

/* Options are on unless they say otherwise. */
static bool is_on(const fly_ast_option *option)
{
    const fly_ast *value = option->value;
    if (value == NULL || value->kind != FLY_AST_CONST) {
        return true;
    }
    const fly_ast_const *constant = (const fly_ast_const *)value;
    return constant->type == FLY_AST_CONST_STRING
               ? strcmp((const char *)constant->text.data, "off") != 0 &&
                     strcmp((const char *)constant->text.data, "false") != 0
               : constant->value != 0;
}

static bool says_json(const fly_ast_option *option)
{
    const fly_ast *value = option->value;
    if (value == NULL) {
        return false;
    }
    if (value->kind == FLY_AST_COLUMN) {
        const fly_ast_column *column = (const fly_ast_column *)value;
        return column->names.count > 0 && strcmp(column->names.items[0], "json") == 0;
    }
    return value->kind == FLY_AST_CONST &&
           strcmp((const char *)((const fly_ast_const *)value)->text.data, "json") == 0;
}

static void read_options(const fly_ast_explain *node, struct wanted *wanted)
{
    memset(wanted, 0, sizeof *wanted);
    for (uint32_t i = 0; i < node->options.count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)node->options.items[i];
        wanted->ast = wanted->ast || strcmp(option->name, "ast") == 0;
        wanted->logical = wanted->logical || strcmp(option->name, "logical") == 0;
        wanted->analyze = wanted->analyze ||
                          (strcmp(option->name, "analyze") == 0 && is_on(option));
        wanted->json = wanted->json || (strcmp(option->name, "format") == 0 && says_json(option));
    }
}

/* A line each, or, JSON, all in one. */
static fly_status give_text(fly_sql_stmt *stmt, fly_bytes text, bool whole, fly_err *err)
{
    size_t at = 0;
    fly_status status = FLY_OK;
    while (at < text.len && status == FLY_OK) {
        const uint8_t *end = whole ? NULL : memchr(text.data + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.data) - at;
        char *line = fly_arena_alloc(&stmt->line_arena, len + 1);
        if (line == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a plan's text");
        }
        memcpy(line, text.data + at, len);
        line[len] = '\0';
        const char *cell = line;
        if (len > 0) {
            status = fly__sql_line_add(stmt, &cell, err);
        }
        at += len + 1;
    }
    return status;
}

FLY_PRINTF(3, 4)
static fly_status add_line(fly_sql_stmt *stmt, fly_err *err, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const char *cell = line;
    return fly__sql_line_add(stmt, &cell, err);
}

static fly_status run_all(fly_sql_stmt *inner, fly_err *err)
{
    const fly_vec_batch *batch = NULL;
    fly_status status = FLY_OK;
    while (status == FLY_OK) {
        status = fly_sql_fetch(inner, &batch, err);
    }
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status analyze(fly_sql_stmt *stmt, fly_sql_stmt *inner, bool json, fly_err *err)
{
    fly_bytes text = {0};
    fly_status status = fly__sql_exec_create(stmt->session, inner->plan, &inner->exec, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_exec_watch(inner->exec);
    uint64_t from = fly_now();
    status = run_all(inner, err);
    uint64_t to = fly_now();
    size_t count = 0;
    const fly__sql_node_stats *stats = fly__sql_exec_stats(inner->exec, &count);
    if (status == FLY_OK) {
        status =
            fly__sql_plan_print(inner->plan, json, stats, count, &stmt->line_arena, &text, err);
    }
    if (status == FLY_OK) {
        status = give_text(stmt, text, json, err);
    }
    if (status == FLY_OK && !json) {
        status = add_line(stmt, err, "Execution Time: %.3f ms", (double)(to - from) / 1e6);
    }
    return status;
}

static fly_status explain_plan(fly_sql_stmt *stmt, const fly_ast *query,
                               const struct wanted *wanted, fly_err *err)
{
    fly_sql_stmt *inner = NULL;
    fly_bytes text = {0};
    fly_status status = fly__sql_stmt_create(stmt->session, stmt->text, &inner, err);
    if (status != FLY_OK) {
        return status;
    }
    inner->node = query;
    inner->is_plan = true;
    if (wanted->logical) {
        fly__sql_bind_context context = {
            .session = stmt->session, .view = stmt->session->view, .arena = &inner->plan_arena};
        fly__sql_plan *plan = NULL;
        status = fly__sql_bind(&context, query, &plan, err);
        if (status == FLY_OK) {
            status =
                fly__sql_plan_print(plan, wanted->json, NULL, 0, &stmt->line_arena, &text, err);
        }
    } else {
        status = fly__sql_stmt_plan(inner, err);
        if (status == FLY_OK && wanted->analyze) {
            status = analyze(stmt, inner, wanted->json, err);
        } else if (status == FLY_OK) {
            status = fly__sql_plan_print(inner->plan, wanted->json, NULL, 0, &stmt->line_arena,
                                         &text, err);
        }
    }
    if (status == FLY_OK && text.len > 0) {
        status = give_text(stmt, text, wanted->json, err);
    }
    fly_sql_finalize(inner);
    return status;
}

fly_status fly__sql_explain(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_explain *node = (const fly_ast_explain *)stmt->node;
    const fly_ast *query = node->statement;
    struct wanted wanted;
    (void)snprintf(stmt->tag, sizeof stmt->tag, "EXPLAIN");
    read_options(node, &wanted);
    if (wanted.ast) {
        fly_bytes text = {0};
        fly_status status = fly__sql_ast_dump(&stmt->line_arena, query, &text, err);
        return status == FLY_OK ? give_text(stmt, text, false, err) : status;
    }
    if (query->kind == FLY_AST_DECLARE) {
        query = ((const fly_ast_declare *)query)->query;
    } else if (query->kind == FLY_AST_CREATE_TABLE_AS) {
        query = ((const fly_ast_create_table_as *)query)->query;
    } else if (query->kind == FLY_AST_EXECUTE) {
        return fly_err_state(err, "0A000", query->pos, "EXPLAIN EXECUTE is not supported");
    }
    if (!fly__sql_has_plan(query->kind)) {
        return add_line(stmt, err, "Utility statements have no plan structure");
    }
    return explain_plan(stmt, query, &wanted, err);
}
