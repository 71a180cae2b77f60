/*
 * Expressions that the catalog keeps as text: bound and compiled once for a version of the catalog.
 */
#include "session/program_int.h"

#include "bind/bind_int.h"
#include "exec/exec_int.h"
#include "session/stmt_int.h"

#include <string.h>

struct fly__sql_table_program {
    struct fly__sql_table_program *link;
    uint32_t table;
    uint64_t version;
    uint64_t epoch;
    const char *text;
    fly_arena arena;
    fly__sql_eval *eval;
};

static void destroy(fly_sql_session *session, struct fly__sql_table_program *program)
{
    fly__sql_eval_destroy(program->eval);
    fly_arena_deinit(&program->arena);
    fly_mem_free(&session->account.mem, program, sizeof *program);
}

void fly__sql_programs_forget(fly_sql_session *session)
{
    while (session->state->programs != NULL) {
        struct fly__sql_table_program *program = session->state->programs;
        session->state->programs = program->link;
        destroy(session, program);
    }
}

static fly_status compile(fly_sql_session *session, const fly__sql_table *table, fly_sql_type type,
                          struct fly__sql_table_program *program, fly_err *err)
{
    fly_ast *node = NULL;
    fly__sql_expr *expr = NULL;
    uint32_t count = table->column_count;
    fly__sql_colid *ids = fly_arena_alloc(&program->arena, count * sizeof *ids);
    fly_sql_type *types = fly_arena_alloc(&program->arena, count * sizeof *types);
    if (ids == NULL || types == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an expression");
    }
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = i + 1;
        types[i] = table->columns[i].type;
    }
    fly__sql_bind_context context = {
        .session = session,
        .view = fly__sql_view_within(session->view, table->schema, &program->arena),
        .arena = &program->arena};
    if (context.view == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an expression");
    }
    fly_status status =
        fly__sql_parse_expr(&program->arena, fly_bytes_str(program->text), NULL, &node, err);
    if (status == FLY_OK) {
        status = fly__sql_bind_expr(&context, node, table, ids, type, &expr, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_eval_create(session, expr, ids, types, count, &program->arena,
                                      &program->eval, err);
    }
    return status;
}

static fly_status make(fly_sql_session *session, const fly__sql_table *table, const char *text,
                       fly_sql_type type, struct fly__sql_table_program **made, fly_err *err)
{
    struct fly__sql_table_program *program =
        fly_mem_calloc(&session->account.mem, 1, sizeof *program);
    if (program == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an expression");
    }
    fly_arena_init(&program->arena, &session->account.mem, 1024);
    program->table = table->oid;
    program->version = fly__sql_catalog_version(session->view);
    program->epoch = session->epoch;
    program->text = fly_arena_copy(&program->arena, text, strlen(text) + 1);
    fly_status status = program->text == NULL
                            ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an expression")
                            : compile(session, table, type, program, err);
    if (status != FLY_OK) {
        destroy(session, program);
        return status;
    }
    program->link = session->state->programs;
    session->state->programs = program;
    *made = program;
    return FLY_OK;
}

/* The program of a text, which is made if need be. */
static fly_status find(fly_sql_session *session, const fly__sql_table *table, const char *text,
                       fly_sql_type type, struct fly__sql_table_program **program, fly_err *err)
{
    uint64_t version = fly__sql_catalog_version(session->view);
    struct fly__sql_table_program **at = &session->state->programs;
    struct fly__sql_table_program *found = NULL;
    while (*at != NULL && found == NULL) {
        struct fly__sql_table_program *seen = *at;
        if (seen->version != version || seen->epoch != session->epoch) {
            *at = seen->link;
            destroy(session, seen);
        } else if (seen->table == table->oid && strcmp(seen->text, text) == 0) {
            found = seen;
        } else {
            at = &seen->link;
        }
    }
    *program = found;
    return found != NULL ? FLY_OK : make(session, table, text, type, program, err);
}

fly_status fly__sql_table_expr_make(fly_sql_session *session, const fly__sql_table *table,
                                    const char *text, fly_sql_type type, fly_err *err)
{
    struct fly__sql_table_program *program;
    return find(session, table, text, type, &program, err);
}

void fly__sql_table_expr_drop(fly_sql_session *session, const fly__sql_table *table,
                              const char *text)
{
    for (struct fly__sql_table_program **at = &session->state->programs; *at != NULL;
         at = &(*at)->link) {
        struct fly__sql_table_program *program = *at;
        if (program->table == table->oid && strcmp(program->text, text) == 0) {
            *at = program->link;
            destroy(session, program);
            return;
        }
    }
}

fly_status fly__sql_table_expr(fly_sql_session *session, const fly__sql_table *table,
                               const char *text, fly_sql_type type, const fly_vec_value *values,
                               fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    struct fly__sql_table_program *program;
    fly_status status = find(session, table, text, type, &program, err);
    return status == FLY_OK ? fly__sql_eval_run(program->eval, values, NULL, arena, value, err)
                            : status;
}
