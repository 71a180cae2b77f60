/*
 * COPY: rows in and out as text or CSV.
 *
 * Data comes in pieces cut anywhere; a line that is not whole waits for the next piece. Each line is
 * cut into fields, each field read as its column's type, and the row put through the same plan as
 * INSERT INTO table (columns) VALUES ($1, ...), so that defaults, checks, triggers and foreign keys are
 * what they are elsewhere. An error says on which line it was.
 */
#include "session/stmt_int.h"

#include "catalog/right_int.h"
#include "func/func_int.h"
#include "session/ddl_int.h"
#include "session/engine_int.h"
#include "session/statement_kind_int.h"

#include <fly/text.h>

#include <stdio.h>
#include <string.h>

enum { PIECE = 65536, LINE_MAX_BYTES = 1 << 30 };

struct fly__sql_copy {
    fly_arena arena; /* as long as the COPY */
    fly_arena field_arena;
    bool in;
    bool csv;
    bool header;
    bool skip_header; /* the next line is it */
    char delimiter;
    char quote;
    char escape;
    const char *null_text;
    bool force_null_all;
    bool force_quote_all;
    fly_sql_stmt *inner; /* the INSERT, or the query */
    uint32_t columns;
    fly_sql_type *types;
    const char **names;
    const char *table;
    /* In: the line that is not whole yet. */
    char *line;
    size_t line_len, line_room;
    char *other; /* the line, or what goes out, in another encoding */
    size_t other_room;
    fly_text_encoding encoding; /* of the file */
    bool in_quotes;
    bool ended; /* \. was seen */
    uint64_t line_number;
    uint64_t rows;
    fly_bytes *fields;
    bool *field_null;
    /* Out. */
    char *out;
    size_t out_len, out_room;
    bool out_done;
    fly_file *file;
    uint64_t file_at;
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for COPY");
}

static fly_mem *memory(const fly_sql_stmt *stmt)
{
    return &stmt->session->account.mem;
}

/* Make room for `more` bytes behind `len`. */
static fly_status room_for(fly_mem *mem, char **buffer, size_t len, size_t *room, size_t more,
                           fly_err *err)
{
    if (more <= *room - len) {
        return FLY_OK;
    }
    size_t wanted = 2 * *room + more + 256;
    if (wanted > LINE_MAX_BYTES) {
        return fly_err_state(err, "54000", 0, "a line of COPY is longer than %d bytes",
                             LINE_MAX_BYTES);
    }
    char *grown = *buffer == NULL ? fly_mem_alloc(mem, wanted)
                                  : fly_mem_resize(mem, *buffer, *room, wanted);
    if (grown == NULL) {
        return no_memory(err);
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
    fly_mem *mem = memory(stmt);
    stmt->copy = NULL;
    fly_sql_finalize(copy->inner);
    fly_file_abandon(copy->file);
    fly_mem_free(mem, copy->line, copy->line_room);
    fly_mem_free(mem, copy->other, copy->other_room);
    fly_mem_free(mem, copy->out, copy->out_room);
    fly_arena_deinit(&copy->field_arena);
    fly_arena_deinit(&copy->arena);
    fly_mem_free(mem, copy, sizeof *copy);
}

/* -------------------------------------------------------------------- options */

static const char *option_text(const fly_ast_option *option)
{
    const fly_ast *value = option->value;
    if (value == NULL) {
        return NULL;
    }
    if (value->kind == FLY_AST_COLUMN) {
        return ((const fly_ast_column *)value)->names.items[0];
    }
    return value->kind == FLY_AST_CONST ? (const char *)((const fly_ast_const *)value)->text.data
                                        : NULL;
}

static bool option_on(const fly_ast_option *option)
{
    const fly_ast *value = option->value;
    if (value == NULL || value->kind != FLY_AST_CONST) {
        return true;
    }
    const fly_ast_const *constant = (const fly_ast_const *)value;
    return constant->type != FLY_AST_CONST_BOOL && constant->type != FLY_AST_CONST_INT
               ? strcmp((const char *)constant->text.data, "off") != 0
               : constant->value != 0;
}

static fly_status one_byte(const fly_ast_option *option, const char *what, char *out, fly_err *err)
{
    const char *text = option_text(option);
    if (text == NULL || strlen(text) != 1) {
        return fly_err_state(err, "0A000", option->node.pos,
                             "COPY %s must be a single one-byte character", what);
    }
    *out = text[0];
    return FLY_OK;
}

/* Encodings in which a newline and a comma are bytes of their own. */
static fly_status read_encoding(struct fly__sql_copy *copy, const fly_ast_option *option,
                                const char *name, fly_err *err)
{
    if (fly_text_encoding_find(fly_bytes_str(name), &copy->encoding) != FLY_OK) {
        return fly_err_state(err, "22023", option->node.pos,
                             "argument to option \"encoding\" must be a valid encoding name");
    }
    if (copy->encoding == FLY_TEXT_UTF16) {
        return fly_err_state(err, "0A000", option->node.pos,
                             "COPY in encoding \"UTF16\" is not supported");
    }
    return FLY_OK;
}

static fly_status read_options(struct fly__sql_copy *copy, const fly_ast_list *options,
                               fly_err *err)
{
    bool delimiter = false;
    bool escape = false;
    const char *null_text = NULL;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < options->count && status == FLY_OK; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        const char *text = option_text(option);
        if (strcmp(option->name, "format") == 0 && text != NULL) {
            copy->csv = strcmp(text, "csv") == 0;
            if (!copy->csv && strcmp(text, "text") != 0) {
                status = fly_err_state(err, strcmp(text, "binary") == 0 ? "0A000" : "22023",
                                       option->node.pos, "COPY format \"%s\" not recognized", text);
            }
        } else if (strcmp(option->name, "csv") == 0) {
            copy->csv = true;
        } else if (strcmp(option->name, "header") == 0) {
            copy->header = option_on(option);
        } else if (strcmp(option->name, "delimiter") == 0) {
            delimiter = true;
            status = one_byte(option, "delimiter", &copy->delimiter, err);
        } else if (strcmp(option->name, "quote") == 0) {
            status = one_byte(option, "quote", &copy->quote, err);
        } else if (strcmp(option->name, "escape") == 0) {
            escape = true;
            status = one_byte(option, "escape", &copy->escape, err);
        } else if (strcmp(option->name, "null") == 0) {
            null_text = text;
        } else if (strcmp(option->name, "force_quote") == 0) {
            copy->force_quote_all = true;
        } else if (strcmp(option->name, "encoding") == 0 && text != NULL) {
            status = read_encoding(copy, option, text, err);
        }
    }
    if (!delimiter) {
        copy->delimiter = copy->csv ? ',' : '\t';
    }
    if (!escape) {
        copy->escape = copy->quote;
    }
    copy->null_text = null_text != NULL ? null_text : copy->csv ? "" : "\\N";
    return status;
}

/* -------------------------------------------------------------------- columns */

static fly_status target_columns(fly_sql_stmt *stmt, struct fly__sql_copy *copy,
                                 const fly_ast_copy *node, const fly__sql_table *table,
                                 fly_err *err)
{
    uint32_t room = node->columns.count > 0 ? node->columns.count : table->column_count;
    copy->types = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->types);
    copy->names = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->names);
    copy->fields = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->fields);
    copy->field_null = fly_arena_alloc(&copy->arena, (room + 1) * sizeof *copy->field_null);
    if (copy->types == NULL || copy->names == NULL || copy->fields == NULL ||
        copy->field_null == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < node->columns.count; i++) {
        uint16_t number = fly__sql_column_named(table, node->columns.items[i]);
        if (number == 0) {
            return fly_err_state(err, "42703", stmt->node->pos,
                                 "column \"%s\" of relation \"%s\" does not exist",
                                 node->columns.items[i], table->name);
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
                                  "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)", into,
                                  names, values);
    fly_status status = text == NULL ? FLY_E_NO_MEMORY : prepare_text(stmt, copy, text, err);
    for (uint32_t i = 0; i < copy->columns && status == FLY_OK; i++) {
        copy->types[i] = fly_sql_param_type(copy->inner, i + 1); /* fitted by the INSERT */
    }
    return status;
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
        copy->columns = fly_sql_column_count(copy->inner);
    }
    return status;
}

/* --------------------------------------------------------------------- fields */

static fly_status line_error(const struct fly__sql_copy *copy, const char *sqlstate,
                             const char *message, fly_err *err)
{
    fly_status status = fly_err_state(err, sqlstate, 0, "%s", message);
    fly_err_detail(err, "COPY %s, line %llu", copy->table, (unsigned long long)copy->line_number);
    return status;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What follows a backslash in the text format; `*at` is moved behind it. */
static char unescape(const char *line, size_t len, size_t *at)
{
    char c = line[(*at)++];
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    case 'x': {
        int value = 0;
        int digits = 0;
        while (digits < 2 && *at < len && hex_digit(line[*at]) >= 0) {
            value = value * 16 + hex_digit(line[(*at)++]);
            digits++;
        }
        return digits == 0 ? 'x' : (char)value;
    }
    default: {
        if (c < '0' || c > '7') {
            return c;
        }
        int value = c - '0';
        for (int digits = 1; digits < 3 && *at < len && line[*at] >= '0' && line[*at] <= '7';
             digits++) {
            value = value * 8 + (line[(*at)++] - '0');
        }
        return (char)value;
    }
    }
}

static fly_status too_many(const struct fly__sql_copy *copy, fly_err *err)
{
    return line_error(copy, "22P04", "extra data after last expected column", err);
}

static fly_status split_text(struct fly__sql_copy *copy, char *line, size_t len, uint32_t *count,
                             fly_err *err)
{
    size_t null_len = strlen(copy->null_text);
    size_t at = 0;
    *count = 0;
    for (;;) {
        if (*count == copy->columns) {
            return too_many(copy, err);
        }
        size_t start = at;
        size_t raw = at;
        while (raw < len && line[raw] != copy->delimiter) {
            raw += line[raw] == '\\' && raw + 1 < len ? 2 : 1;
        }
        bool null = raw - start == null_len && memcmp(line + start, copy->null_text, null_len) == 0;
        size_t to = start;
        while (at < raw) { /* unescaped in place: it only becomes shorter */
            char c = line[at++];
            if (c == '\\' && at < raw) {
                c = unescape(line, raw, &at);
            }
            line[to++] = c;
        }
        copy->field_null[*count] = null;
        copy->fields[(*count)++] = fly_bytes_of(line + start, to - start);
        if (raw >= len) {
            return FLY_OK;
        }
        at = raw + 1;
    }
}

static fly_status split_csv(struct fly__sql_copy *copy, char *line, size_t len, uint32_t *count,
                            fly_err *err)
{
    size_t null_len = strlen(copy->null_text);
    size_t at = 0;
    *count = 0;
    for (;;) {
        if (*count == copy->columns) {
            return too_many(copy, err);
        }
        size_t start = at;
        size_t to = at;
        bool quoted_any = false;
        bool inside = false;
        for (; at < len && (inside || line[at] != copy->delimiter); at++) {
            char c = line[at];
            if (inside && c == copy->escape && at + 1 < len &&
                (line[at + 1] == copy->quote || line[at + 1] == copy->escape)) {
                line[to++] = line[++at];
            } else if (c == copy->quote) {
                inside = !inside;
                quoted_any = true;
            } else {
                line[to++] = c;
            }
        }
        if (inside) {
            return line_error(copy, "22P04", "unterminated CSV quoted field", err);
        }
        copy->field_null[*count] = !quoted_any && to - start == null_len &&
                                   memcmp(line + start, copy->null_text, null_len) == 0;
        copy->fields[(*count)++] = fly_bytes_of(line + start, to - start);
        if (at >= len) {
            return FLY_OK;
        }
        at++;
    }
}

static fly_status give_fields(fly_sql_stmt *stmt, uint32_t count, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    if (count < copy->columns) {
        char message[128];
        (void)snprintf(message, sizeof message, "missing data for column \"%.60s\"",
                       copy->names[count]);
        return line_error(copy, "22P04", message, err);
    }
    fly_arena_reset(&copy->field_arena);
    for (uint32_t i = 0; i < count; i++) {
        fly_vec_value value;
        memset(&value, 0, sizeof value);
        value.null = copy->field_null[i];
        fly_status status = FLY_OK;
        if (!value.null) { /* checked here, because escapes may have made any byte */
            status = fly_text_validate(FLY_TEXT_UTF8, copy->fields[i], err);
        }
        if (!value.null && status == FLY_OK) {
            status = fly__sql_value_in(stmt->session, copy->types[i], copy->fields[i],
                                       &copy->field_arena, &value, err);
        }
        if (status == FLY_OK) {
            status = fly_sql_bind_value(copy->inner, i + 1, &value, err);
        }
        if (status != FLY_OK) {
            if (err != NULL) {
                err->position = 0;
                fly_err_detail(err, "COPY %s, line %llu, column %s: \"%.*s\"", copy->table,
                               (unsigned long long)copy->line_number, copy->names[i],
                               (int)(copy->fields[i].len < 100 ? copy->fields[i].len : 100),
                               (const char *)copy->fields[i].data);
            }
            return status;
        }
    }
    fly_status status = fly_sql_step(copy->inner, err);
    if (status != FLY_OK && status != FLY_E_END) {
        return status;
    }
    copy->rows++;
    return FLY_OK;
}

/* Bring text from one encoding to the other, into copy->other: `*len` bytes. */
static fly_status convert(fly_sql_stmt *stmt, const char *text, size_t text_len, bool in,
                          size_t *len, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    for (;;) {
        fly_status status = in ? fly_text_decode(copy->encoding, fly_bytes_of(text, text_len),
                                                 copy->other, copy->other_room, len, err)
                               : fly_text_encode(copy->encoding, fly_bytes_of(text, text_len),
                                                 copy->other, copy->other_room, len, err);
        if (status == FLY_E_FULL) {
            status = room_for(memory(stmt), &copy->other, 0, &copy->other_room, *len, err);
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

/* The line as UTF-8 in the place of the line. */
static fly_status decode_line(fly_sql_stmt *stmt, size_t *len, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    if (copy->encoding == FLY_TEXT_UTF8 || *len == 0) {
        return FLY_OK;
    }
    fly_status status = convert(stmt, copy->line, *len, true, len, err);
    if (status == FLY_OK) {
        char *line = copy->line;
        size_t room = copy->line_room;
        copy->line = copy->other;
        copy->line_room = copy->other_room;
        copy->other = line;
        copy->other_room = room;
    }
    return status;
}

/* A whole line, without its end. */
static fly_status take_line(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    uint32_t count = 0;
    size_t len = copy->line_len;
    copy->line_number++;
    copy->line_len = 0;
    if (len > 0 && copy->line[len - 1] == '\r') {
        len--;
    }
    if (copy->skip_header) {
        copy->skip_header = false;
        return FLY_OK;
    }
    if (len == 2 && memcmp(copy->line, "\\.", 2) == 0) {
        copy->ended = true;
        return FLY_OK;
    }
    if (copy->columns == 0) {
        return len == 0 ? give_fields(stmt, 0, err) : too_many(copy, err);
    }
    fly_status status = decode_line(stmt, &len, err);
    if (status == FLY_OK) {
        status = copy->csv ? split_csv(copy, copy->line, len, &count, err)
                           : split_text(copy, copy->line, len, &count, err);
    }
    return status == FLY_OK ? give_fields(stmt, count, err) : status;
}

/* How far the line goes on in this piece; `*whole`: its end is there. */
static size_t line_end(struct fly__sql_copy *copy, const uint8_t *data, size_t len, bool *whole)
{
    *whole = false;
    if (!copy->csv) {
        const uint8_t *end = memchr(data, '\n', len);
        *whole = end != NULL;
        return end == NULL ? len : (size_t)(end - data);
    }
    for (size_t i = 0; i < len; i++) {
        if (data[i] == (uint8_t)copy->quote) {
            copy->in_quotes = !copy->in_quotes;
        } else if (data[i] == '\n' && !copy->in_quotes) {
            *whole = true;
            return i;
        }
    }
    return len;
}

static fly_status take_piece(fly_sql_stmt *stmt, fly_bytes data, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    size_t at = 0;
    fly_status status = FLY_OK;
    while (at < data.len && status == FLY_OK && !copy->ended) {
        bool whole = false;
        size_t len = line_end(copy, data.data + at, data.len - at, &whole);
        status = room_for(memory(stmt), &copy->line, copy->line_len, &copy->line_room, len, err);
        if (status == FLY_OK) {
            if (len > 0) {
                memcpy(copy->line + copy->line_len, data.data + at, len);
            }
            copy->line_len += len;
            at += len + (whole ? 1 : 0);
            if (whole) {
                status = take_line(stmt, err);
            }
        }
        if (status == FLY_OK) {
            status = fly__sql_check_cancel(stmt->session, err);
        }
    }
    return status;
}

static fly_status finish_in(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = copy->line_len > 0 && !copy->ended ? take_line(stmt, err) : FLY_OK;
    if (status == FLY_OK) {
        stmt->rows = copy->rows;
        (void)snprintf(stmt->tag, sizeof stmt->tag, "COPY %llu", (unsigned long long)copy->rows);
    }
    return status;
}

/* ------------------------------------------------------------------------ out */

static fly_status put(fly_sql_stmt *stmt, const void *data, size_t len, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status =
        room_for(memory(stmt), &copy->out, copy->out_len, &copy->out_room, len, err);
    if (status == FLY_OK && len > 0) {
        memcpy(copy->out + copy->out_len, data, len);
        copy->out_len += len;
    }
    return status;
}

/* How many bytes from `at` on stand for themselves. */
static size_t plain_run(const struct fly__sql_copy *copy, fly_bytes text, size_t at)
{
    size_t end = at;
    while (end < text.len) {
        uint8_t c = text.data[end];
        if (c == '\\' || c == (uint8_t)copy->delimiter || (c >= '\b' && c <= '\r')) {
            break;
        }
        end++;
    }
    return end - at;
}

static fly_status put_escaped(fly_sql_stmt *stmt, fly_bytes text, fly_err *err)
{
    static const char named[] = {'\b', 'b', '\f', 'f', '\n', 'n', '\r', 'r', '\t', 't', '\v', 'v'};
    fly_status status = FLY_OK;
    size_t at = 0;
    while (at < text.len && status == FLY_OK) {
        size_t run = plain_run(stmt->copy, text, at);
        status = run > 0 ? put(stmt, text.data + at, run, err) : FLY_OK;
        at += run;
        if (at == text.len || status != FLY_OK) {
            break;
        }
        char c = (char)text.data[at++];
        char escaped[2] = {'\\', c};
        for (size_t k = 0; k < sizeof named; k += 2) {
            if (c == named[k]) {
                escaped[1] = named[k + 1];
            }
        }
        status = put(stmt, escaped, 2, err);
    }
    return status;
}

static fly_status put_csv(fly_sql_stmt *stmt, fly_bytes text, bool force, fly_err *err)
{
    const struct fly__sql_copy *copy = stmt->copy;
    bool quote = force || text.len == strlen(copy->null_text);
    quote = quote && (force || memcmp(text.data, copy->null_text, text.len) == 0);
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        quote = quote || c == copy->delimiter || c == copy->quote || c == '\n' || c == '\r';
    }
    if (!quote) {
        return put(stmt, text.data, text.len, err);
    }
    fly_status status = put(stmt, &copy->quote, 1, err);
    for (size_t i = 0; i < text.len && status == FLY_OK; i++) {
        char c = (char)text.data[i];
        if (c == copy->quote || c == copy->escape) {
            status = put(stmt, &copy->escape, 1, err);
        }
        if (status == FLY_OK) {
            status = put(stmt, &c, 1, err);
        }
    }
    return status == FLY_OK ? put(stmt, &copy->quote, 1, err) : status;
}

static fly_status put_field(fly_sql_stmt *stmt, uint32_t i, fly_bytes text, bool null, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = i > 0 ? put(stmt, &copy->delimiter, 1, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    if (null) {
        return put(stmt, copy->null_text, strlen(copy->null_text), err);
    }
    return copy->csv ? put_csv(stmt, text, copy->force_quote_all, err)
                     : put_escaped(stmt, text, err);
}

static fly_status put_header(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < copy->columns && status == FLY_OK; i++) {
        status = put_field(stmt, i, fly_bytes_str(fly_sql_column_name(copy->inner, i)), false, err);
    }
    return status == FLY_OK ? put(stmt, "\n", 1, err) : status;
}

/* Fill the buffer with rows: FLY_E_END when there are no more and it is empty. */
static fly_status fill_out(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    copy->out_len = 0;
    fly_status status = FLY_OK;
    if (copy->header) {
        copy->header = false;
        status = put_header(stmt, err);
    }
    while (status == FLY_OK && !copy->out_done && copy->out_len < PIECE) {
        status = fly_sql_step(copy->inner, err);
        if (status == FLY_E_END) {
            copy->out_done = true;
            status = FLY_OK;
            break;
        }
        for (uint32_t i = 0; i < copy->columns && status == FLY_OK; i++) {
            bool null = fly_sql_column_null(copy->inner, i);
            status = put_field(stmt, i, fly_sql_column_text(copy->inner, i), null, err);
        }
        if (status == FLY_OK) {
            status = put(stmt, "\n", 1, err);
            copy->rows++;
        }
    }
    if (status == FLY_OK && copy->out_len > 0 && copy->encoding != FLY_TEXT_UTF8) {
        size_t len = 0;
        status = convert(stmt, copy->out, copy->out_len, false, &len, err);
        if (status == FLY_OK) {
            char *out = copy->out;
            size_t room = copy->out_room;
            copy->out = copy->other;
            copy->out_room = copy->other_room;
            copy->out_len = len;
            copy->other = out;
            copy->other_room = room;
        }
    }
    return status == FLY_OK && copy->out_len == 0 ? FLY_E_END : status;
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
    char *piece = fly_arena_alloc(&copy->arena, PIECE);
    if (status == FLY_OK && piece == NULL) {
        status = no_memory(err);
    }
    while (status == FLY_OK) {
        size_t got = 0;
        status = fly_file_read_some(copy->file, copy->file_at, piece, PIECE, &got, err);
        if (status != FLY_OK || got == 0) {
            break;
        }
        copy->file_at += got;
        status = take_piece(stmt, fly_bytes_of(piece, got), err);
    }
    return status == FLY_OK ? finish_in(stmt, err) : status;
}

static fly_status copy_to_file(fly_sql_stmt *stmt, const char *path, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = open_file(stmt, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, "writing", err);
    if (status == FLY_OK) {
        status = fly_file_truncate(copy->file, 0, err);
    }
    while (status == FLY_OK) {
        status = fill_out(stmt, err);
        if (status == FLY_OK) {
            status = fly_file_write(copy->file, copy->file_at, copy->out, copy->out_len, 0, err);
            copy->file_at += copy->out_len;
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
    fly_status status = read_options(copy, &node->options, err);
    if (status == FLY_OK && node->query == NULL) {
        status = fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relation,
                                       node->from ? "rv" : NULL, &table, err);
        if (status == FLY_OK) {
            status = target_columns(stmt, copy, node, table, err);
        }
    }
    if (status == FLY_OK && node->from) {
        status = fly__sql_check_writable(stmt->session, "COPY FROM", err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (node->where != NULL) {
        return fly_err_state(err, "0A000", node->where->pos,
                             "COPY FROM ... WHERE is not "
                             "supported");
    }
    copy->skip_header = copy->in && copy->header;
    return node->from ? prepare_in(stmt, copy, table, err)
                      : prepare_out(stmt, copy, node, table, err);
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
    struct fly__sql_copy *copy = fly_mem_calloc(memory(stmt), 1, sizeof *copy);
    if (copy == NULL) {
        return no_memory(err);
    }
    fly_arena_init(&copy->arena, memory(stmt), 1024);
    fly_arena_init(&copy->field_arena, memory(stmt), 1024);
    copy->in = node->from;
    copy->quote = '"';
    copy->escape = '"';
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

uint32_t fly_sql_copy_columns(const fly_sql_stmt *stmt)
{
    return stmt->copy == NULL ? 0 : stmt->copy->columns;
}

fly_status fly_sql_copy_write(fly_sql_stmt *stmt, fly_bytes data, fly_err *err)
{
    FLY_ASSERT(fly_sql_copy_state(stmt) == 'i');
    fly_status status = take_piece(stmt, data, err);
    return status == FLY_OK ? FLY_OK : fly__sql_stmt_fail(stmt, status);
}

fly_status fly_sql_copy_end(fly_sql_stmt *stmt, const char *failure, fly_err *err)
{
    FLY_ASSERT(fly_sql_copy_state(stmt) == 'i');
    fly_status status = failure == NULL
                            ? finish_in(stmt, err)
                            : fly_err_state(err, "57014", 0, "COPY from stdin failed: %s", failure);
    return status == FLY_OK ? fly__sql_stmt_finish(stmt, err) : fly__sql_stmt_fail(stmt, status);
}

fly_status fly_sql_copy_read(fly_sql_stmt *stmt, fly_bytes *data, fly_err *err)
{
    FLY_ASSERT(fly_sql_copy_state(stmt) == 'o');
    fly_status status = fill_out(stmt, err);
    if (status == FLY_OK) {
        *data = fly_bytes_of(stmt->copy->out, stmt->copy->out_len);
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
