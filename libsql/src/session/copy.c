/*
 * COPY: rows in and out as text, CSV or binary.
 *
 * Rows in go through the plan of INSERT INTO table (columns) VALUES ($1, ...), so that defaults, checks,
 * triggers and foreign keys are what they are elsewhere; but they are given to it in batches. Rows out are
 * those of a SELECT. Here is what both have in common: options, columns, files, the caller's functions.
 */
#include "session/copy_int.h"

#include "catalog/right_int.h"
#include "session/ddl_int.h"
#include "session/engine_int.h"
#include "session/statement_kind_int.h"

#include <stdio.h>
#include <string.h>

fly_status fly__sql_copy_no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for COPY");
}

fly_status fly__sql_copy_room(fly_mem *mem, char **buffer, size_t len, size_t *room, size_t more,
                              fly_err *err)
{
    if (more <= *room - len) {
        return FLY_OK;
    }
    size_t wanted = 2 * *room + more + 256;
    if (len + more > FLY__SQL_COPY_LINE_MAX) {
        return fly_err_state(err, "54000", 0, "a line of COPY is longer than %d bytes",
                             FLY__SQL_COPY_LINE_MAX);
    }
    char *grown = *buffer == NULL ? fly_mem_alloc(mem, wanted)
                                  : fly_mem_resize(mem, *buffer, *room, wanted);
    if (grown == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    *buffer = grown;
    *room = wanted;
    return FLY_OK;
}

void fly__sql_copy_stop(fly_sql_stmt *stmt)
{
    struct fly__sql_copy *copy = stmt->copy;
    if (copy == NULL) {
        return;
    }
    fly_mem *mem = fly__sql_copy_memory(stmt);
    stmt->copy = NULL;
    fly_sql_finalize(copy->inner);
    fly_file_abandon(copy->file);
    fly_mem_free(mem, copy->line, copy->line_room);
    fly_mem_free(mem, copy->other, copy->other_room);
    fly_sql_buffer_deinit(&copy->out);
    fly_mem_free(mem, copy->ends, copy->end_room * sizeof *copy->ends);
    fly_arena_deinit(&copy->batch);
    fly_arena_deinit(&copy->field_arena);
    fly_arena_deinit(&copy->arena);
    fly_mem_free(mem, copy, sizeof *copy);
}

/* -------------------------------------------------------------------- columns */

static fly_status target_columns(struct fly__sql_copy *copy, const fly_ast_copy *node,
                                 const fly__sql_table *table, fly_err *err)
{
    uint32_t room = node->columns.count > 0 ? node->columns.count : table->column_count;
    copy->types = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->types);
    copy->names = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->names);
    copy->fields = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->fields);
    copy->field_null = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->field_null);
    if (copy->types == NULL || copy->names == NULL || copy->fields == NULL ||
        copy->field_null == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    for (uint32_t i = 0; i < node->columns.count; i++) {
        uint16_t number = fly__sql_column_named(table, node->columns.items[i]);
        if (number == 0) {
            return fly_err_state(err, "42703", 0, "column \"%s\" of relation \"%s\" does not exist",
                                 node->columns.items[i], table->name);
        }
        if (table->columns[number - 1].generated != 0) {
            fly_status status = fly_err_state(
                err, "42P10", 0, "column \"%s\" is a generated column", node->columns.items[i]);
            fly_err_detail(err, "Generated columns cannot be used in COPY.");
            return status;
        }
        copy->types[copy->columns] = table->columns[number - 1].type;
        copy->names[copy->columns++] = node->columns.items[i];
    }
    for (uint16_t i = 0; i < table->column_count && node->columns.count == 0; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (!column->dropped && column->generated == 0) {
            copy->types[copy->columns] = column->type;
            copy->names[copy->columns++] = column->name;
        }
    }
    copy->table = table->name;
    return FLY_OK;
}

/* A statement of our own, "INSERT ..." or "SELECT ...", as the text that the parser understands. */
static fly_status prepare_text(fly_sql_stmt *stmt, struct fly__sql_copy *copy, const char *text,
                               fly_err *err)
{
    return fly_sql_prepare(stmt->session, fly_bytes_str(text), &copy->inner, NULL, err);
}

/* A name in double quotes, those inside doubled. */
static const char *quoted(fly_sql_stmt *stmt, const char *name, fly_err *err)
{
    size_t len = strlen(name);
    char *text = fly__sql_ddl_alloc(stmt, 2 * len + 3, err);
    size_t at = 0;
    if (text != NULL) {
        text[at++] = '"';
        for (size_t i = 0; i < len; i++) {
            if (name[i] == '"') {
                text[at++] = '"';
            }
            text[at++] = name[i];
        }
        text[at] = '"';
    }
    return text;
}

static const char *qualified(fly_sql_stmt *stmt, const fly__sql_table *table, fly_err *err)
{
    const fly__sql_schema *schema = fly__sql_schema_of(stmt->session->view, table->schema);
    const char *in = schema == NULL ? NULL : quoted(stmt, schema->name, err);
    const char *name = quoted(stmt, table->name, err);
    return in == NULL || name == NULL ? NULL : fly__sql_ddl_format(stmt, err, "%s.%s", in, name);
}

static fly_status prepare_in(fly_sql_stmt *stmt, struct fly__sql_copy *copy,
                             const fly__sql_table *table, fly_err *err)
{
    const char *names = "";
    const char *values = "";
    for (uint32_t i = 0; i < copy->columns && names != NULL && values != NULL; i++) {
        const char *name = quoted(stmt, copy->names[i], err);
        names = name == NULL
                    ? NULL
                    : fly__sql_ddl_format(stmt, err, "%s%s%s", names, i > 0 ? ", " : "", name);
        values =
            fly__sql_ddl_format(stmt, err, "%s%s$%u", values, i > 0 ? ", " : "", (unsigned)i + 1);
    }
    const char *into = qualified(stmt, table, err);
    const char *text =
        names == NULL || values == NULL || into == NULL
            ? NULL
            : fly__sql_ddl_format(stmt, err,
                                  copy->columns == 0
                                      ? "INSERT INTO %s DEFAULT VALUES"
                                      : "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)",
                                  into, names, values);
    fly_status status = text == NULL ? FLY_E_NO_MEMORY : prepare_text(stmt, copy, text, err);
    for (uint32_t i = 0; i < copy->columns && status == FLY_OK; i++) {
        copy->types[i] = fly_sql_param_type(copy->inner, i + 1); /* fitted by the INSERT */
    }
    return status == FLY_OK ? fly__sql_copy_feed(stmt, table, err) : status;
}

/* Of a query they are known only now. */
static fly_status name_columns(struct fly__sql_copy *copy, fly_err *err)
{
    copy->columns = fly_sql_column_count(copy->inner);
    copy->names = fly_arena_alloc(&copy->arena, (copy->columns + 1) * sizeof *copy->names);
    if (copy->names == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    for (uint32_t i = 0; i < copy->columns; i++) {
        copy->names[i] = fly_sql_column_name(copy->inner, i);
    }
    return FLY_OK;
}

static fly_status prepare_out(fly_sql_stmt *stmt, struct fly__sql_copy *copy,
                              const fly_ast_copy *node, const fly__sql_table *table, fly_err *err)
{
    const char *text = NULL;
    if (node->query != NULL) {
        text = fly__sql_ddl_text(stmt, node->query, err);
    } else {
        const char *names = "";
        for (uint32_t i = 0; i < copy->columns && names != NULL; i++) {
            const char *name = quoted(stmt, copy->names[i], err);
            names = name == NULL
                        ? NULL
                        : fly__sql_ddl_format(stmt, err, "%s%s%s", names, i > 0 ? ", " : "", name);
        }
        const char *from = qualified(stmt, table, err);
        text = names == NULL || from == NULL
                   ? NULL
                   : fly__sql_ddl_format(stmt, err, "SELECT %s FROM %s", names, from);
    }
    fly_status status = text == NULL ? FLY_E_NO_MEMORY : prepare_text(stmt, copy, text, err);
    if (status == FLY_OK) {
        status = name_columns(copy, err);
    }
    return status;
}

/* ------------------------------------------------------------------ encodings */

fly_status fly__sql_copy_convert(fly_sql_stmt *stmt, const char *text, size_t text_len, bool in,
                                 size_t *len, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    for (;;) {
        fly_status status = in ? fly_text_decode(copy->encoding, fly_bytes_of(text, text_len),
                                                 copy->other, copy->other_room, len, err)
                               : fly_text_encode(copy->encoding, fly_bytes_of(text, text_len),
                                                 copy->other, copy->other_room, len, err);
        if (status == FLY_E_FULL) {
            status = fly__sql_copy_room(fly__sql_copy_memory(stmt), &copy->other, 0,
                                        &copy->other_room, *len, err);
            if (status == FLY_OK) {
                continue;
            }
        }
        if (status != FLY_OK && err != NULL) {
            err->position = 0;
            fly_err_detail(err, "COPY %s, line %llu", copy->table != NULL ? copy->table : "",
                           (unsigned long long)copy->line_number);
        }
        return status;
    }
}

/* ----------------------------------------------------------------- files */

static fly_status open_file(fly_sql_stmt *stmt, const char *path, unsigned flags, const char *what,
                            fly_err *err)
{
    fly_err why = {0};
    fly_status status =
        fly_file_open(stmt->session->sql->outside, path, flags, &stmt->copy->file, &why);
    if (status == FLY_OK) {
        return FLY_OK;
    }
    const char *state = status == FLY_E_NOT_FOUND    ? "58P01"
                        : status == FLY_E_PERMISSION ? "42501"
                                                     : "58030";
    /* The reason stands behind the last colon of what the file system said. */
    const char *reason = strrchr(why.message, ':');
    return fly_err_state(err, state, 0, "could not open file \"%s\" for %s%s", path, what,
                         reason == NULL ? "" : reason);
}

static fly_status copy_from_file(fly_sql_stmt *stmt, const char *path, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = open_file(stmt, path, 0, "reading", err);
    char *piece = fly_arena_alloc(&copy->arena, FLY__SQL_COPY_PIECE);
    if (status == FLY_OK && piece == NULL) {
        status = fly__sql_copy_no_memory(err);
    }
    while (status == FLY_OK) {
        size_t got = 0;
        status =
            fly_file_read_some(copy->file, copy->file_at, piece, FLY__SQL_COPY_PIECE, &got, err);
        if (status != FLY_OK || got == 0) {
            break;
        }
        copy->file_at += got;
        status = fly__sql_copy_take(stmt, fly_bytes_of(piece, got), err);
    }
    return status == FLY_OK ? fly__sql_copy_taken(stmt, err) : status;
}

static fly_status copy_to_file(fly_sql_stmt *stmt, const char *path, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = open_file(stmt, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, "writing", err);
    if (status == FLY_OK) {
        status = fly_file_truncate(copy->file, 0, err);
    }
    while (status == FLY_OK) {
        status = fly__sql_copy_fill(stmt, err);
        if (status == FLY_OK) {
            status =
                fly_file_write(copy->file, copy->file_at, copy->out.data, copy->out.len, 0, err);
            copy->file_at += copy->out.len;
        }
    }
    if (status == FLY_E_END) {
        fly_file *file = copy->file;
        copy->file = NULL;
        status = fly_file_close(file, err);
        stmt->rows = copy->rows;
        (void)snprintf(stmt->tag, sizeof stmt->tag, "COPY %llu", (unsigned long long)copy->rows);
    }
    return status;
}

/* ------------------------------------------------------------------ beginning */

static fly_status prepare(fly_sql_stmt *stmt, const fly_ast_copy *node, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    const fly__sql_table *table = NULL;
    fly_status status = fly__sql_copy_options(copy, &node->options, err);
    if (status == FLY_OK && node->query == NULL) {
        status = fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relation,
                                       node->from ? "rv" : NULL, &table, err);
        if (status != FLY_OK && err != NULL) {
            err->position = 0; /* PostgreSQL does not say it here */
        }
        if (status == FLY_OK) {
            status = target_columns(copy, node, table, err);
        }
    }
    if (status == FLY_OK && node->from) {
        status = fly__sql_check_writable(stmt->session, "COPY FROM", err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (node->where != NULL) {
        copy->where = fly__sql_ddl_text(stmt, node->where, err);
        if (copy->where == NULL) {
            return FLY_E_NO_MEMORY;
        }
    }
    copy->skip_header = copy->in && copy->header;
    status = node->from ? prepare_in(stmt, copy, table, err)
                        : prepare_out(stmt, copy, node, table, err);
    return status == FLY_OK ? fly__sql_copy_force(copy, table, err) : status;
}

fly_status fly__sql_copy_begin(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_copy *node = (const fly_ast_copy *)stmt->node;
    if (node->program) {
        return fly_err_state(err, "0A000", stmt->node->pos, "COPY PROGRAM is not supported");
    }
    fly_sql_session *session = stmt->session;
    uint32_t role = node->from ? FLY__SQL_ROLE_READ_FILES : FLY__SQL_ROLE_WRITE_FILES;
    if (node->file != NULL && !fly__sql_is_member(session, session->user_oid, role, true)) {
        fly_status denied =
            fly_err_state(err, "42501", 0,
                          "must be superuser or have privileges of the %s role to COPY %s a file",
                          node->from ? "pg_read_server_files" : "pg_write_server_files",
                          node->from ? "from" : "to");
        fly_err_hint(err,
                     "Anyone can COPY to stdout or from stdin. psql's \\copy command also works "
                     "for anyone.");
        return denied;
    }
    struct fly__sql_copy *copy = fly_mem_calloc(fly__sql_copy_memory(stmt), 1, sizeof *copy);
    if (copy == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    fly_arena_init(&copy->arena, fly__sql_copy_memory(stmt), 1024);
    fly_arena_init(&copy->field_arena, fly__sql_copy_memory(stmt), 1024);
    fly_arena_init(&copy->batch, fly__sql_copy_memory(stmt), 65536);
    fly_sql_buffer_init(&copy->out, fly__sql_copy_memory(stmt));
    copy->in = node->from;
    copy->table = "query";
    stmt->copy = copy;
    fly_status status = prepare(stmt, node, err);
    if (status != FLY_OK) {
        return status;
    }
    if (node->file != NULL) {
        const char *path = (const char *)((const fly_ast_const *)node->file)->text.data;
        return node->from ? copy_from_file(stmt, path, err) : copy_to_file(stmt, path, err);
    }
    stmt->state = FLY__SQL_COPYING;
    return FLY_E_AGAIN;
}

/* ---------------------------------------------------------------- the caller's */

char fly_sql_copy_state(const fly_sql_stmt *stmt)
{
    return stmt->copy == NULL || stmt->state != FLY__SQL_COPYING ? 0 : stmt->copy->in ? 'i' : 'o';
}

bool fly_sql_copy_binary(const fly_sql_stmt *stmt)
{
    return stmt->copy != NULL && stmt->copy->format == FLY__SQL_COPY_BINARY;
}

const uint32_t *fly_sql_copy_ends(const fly_sql_stmt *stmt, uint32_t *count)
{
    *count = stmt->copy == NULL ? 0 : stmt->copy->end_count;
    return stmt->copy == NULL ? NULL : stmt->copy->ends;
}

uint32_t fly_sql_copy_columns(const fly_sql_stmt *stmt)
{
    return stmt->copy == NULL ? 0 : stmt->copy->columns;
}

fly_status fly_sql_copy_write(fly_sql_stmt *stmt, fly_bytes data, fly_err *err)
{
    FLY_ASSERT(fly_sql_copy_state(stmt) == 'i');
    fly_status status = fly__sql_copy_take(stmt, data, err);
    return status == FLY_OK ? FLY_OK : fly__sql_stmt_fail(stmt, status);
}

fly_status fly_sql_copy_end(fly_sql_stmt *stmt, const char *failure, fly_err *err)
{
    FLY_ASSERT(fly_sql_copy_state(stmt) == 'i');
    fly_status status = failure == NULL
                            ? fly__sql_copy_taken(stmt, err)
                            : fly_err_state(err, "57014", 0, "COPY from stdin failed: %s", failure);
    return status == FLY_OK ? fly__sql_stmt_finish(stmt, err) : fly__sql_stmt_fail(stmt, status);
}

fly_status fly_sql_copy_read(fly_sql_stmt *stmt, fly_bytes *data, fly_err *err)
{
    FLY_ASSERT(fly_sql_copy_state(stmt) == 'o');
    fly_status status = fly__sql_copy_fill(stmt, err);
    if (status == FLY_OK) {
        *data = fly_bytes_of(stmt->copy->out.data, stmt->copy->out.len);
        return FLY_OK;
    }
    if (status != FLY_E_END) {
        return fly__sql_stmt_fail(stmt, status);
    }
    stmt->rows = stmt->copy->rows;
    (void)snprintf(stmt->tag, sizeof stmt->tag, "COPY %llu", (unsigned long long)stmt->rows);
    status = fly__sql_stmt_finish(stmt, err);
    return status == FLY_OK ? FLY_E_END : status;
}
