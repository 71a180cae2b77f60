/*
 * Options of COPY: what they are, which of them go together, what is right for which columns.
 *
 * Messages and their order are PostgreSQL 15's (src/backend/commands/copy.c, ProcessCopyOptions).
 */
#include "session/copy_int.h"

#include "session/ddl_int.h"

#include <fly/text.h>

#include <string.h>
#include <strings.h>

/* What was said, before it is known whether it fits together. */
struct said {
    const char *format, *delimiter, *null_text, *quote, *escape;
    const fly_ast_option *force_quote, *force_not_null, *force_null;
};

static const char *text_of(const fly_ast *value)
{
    if (value == NULL) {
        return NULL;
    }
    if (value->kind == FLY_AST_COLUMN) {
        const fly_ast_column *column = (const fly_ast_column *)value;
        return column->star || column->names.count == 0 ? NULL : column->names.items[0];
    }
    return value->kind == FLY_AST_CONST ? (const char *)((const fly_ast_const *)value)->text.data
                                        : NULL;
}

static fly_status flag_of(const fly_ast_option *option, const char *also, bool *on, fly_err *err)
{
    static const char *const words[] = {"false", "off", "true", "on"};
    *on = true;
    if (option->value == NULL) {
        return FLY_OK;
    }
    if (option->value->kind == FLY_AST_CONST) {
        const fly_ast_const *constant = (const fly_ast_const *)option->value;
        bool number = constant->type == FLY_AST_CONST_INT || constant->type == FLY_AST_CONST_BOOL;
        if (number && (constant->value == 0 || constant->value == 1)) {
            *on = constant->value != 0;
            return FLY_OK;
        }
    }
    const char *text = text_of(option->value);
    for (size_t i = 0; text != NULL && i < 4; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *on = i >= 2;
            return FLY_OK;
        }
    }
    return fly_err_state(err, "42601", 0, "%s requires a Boolean value%s", option->name, also);
}

static fly_status header(struct fly__sql_copy *copy, const fly_ast_option *option, fly_err *err)
{
    const char *text = text_of(option->value);
    copy->match = text != NULL && strcasecmp(text, "match") == 0;
    copy->header = true;
    if (copy->match) {
        return copy->in
                   ? FLY_OK
                   : fly_err_state(err, "0A000", 0, "cannot use \"match\" with HEADER in COPY TO");
    }
    return flag_of(option, " or \"match\"", &copy->header, err);
}

/* Encodings in which a newline and a comma are bytes of their own. */
static fly_status encoding(struct fly__sql_copy *copy, const fly_ast_option *option, fly_err *err)
{
    const char *name = text_of(option->value);
    if (name == NULL || fly_text_encoding_find(fly_bytes_str(name), &copy->encoding) != FLY_OK) {
        return fly_err_state(err, "22023", option->node.pos,
                             "argument to option \"encoding\" must be a valid encoding name");
    }
    if (copy->encoding == FLY_TEXT_UTF16) {
        return fly_err_state(err, "0A000", option->node.pos,
                             "COPY in encoding \"UTF16\" is not supported");
    }
    return FLY_OK;
}

static fly_status format(struct fly__sql_copy *copy, const fly_ast_option *option, fly_err *err)
{
    static const char *const names[] = {[FLY__SQL_COPY_TEXT] = "text",
                                        [FLY__SQL_COPY_CSV] = "csv",
                                        [FLY__SQL_COPY_BINARY] = "binary"};
    const char *name = text_of(option->value);
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            copy->format = (fly__sql_copy_format)i;
            return FLY_OK;
        }
    }
    return fly_err_state(err, "22023", option->node.pos, "COPY format \"%s\" not recognized",
                         name == NULL ? "" : name);
}

static fly_status columns(const fly_ast_option *option, bool star, const fly_ast_option **where,
                          fly_err *err)
{
    *where = option;
    const fly_ast *value = option->value;
    if (value != NULL && (value->kind == FLY_AST_ROW || (star && value->kind == FLY_AST_COLUMN &&
                                                         ((const fly_ast_column *)value)->star))) {
        return FLY_OK;
    }
    return fly_err_state(err, "22023", option->node.pos,
                         "argument to option \"%s\" must be a list of column names", option->name);
}

static fly_status text(const fly_ast_option *option, const char **where, fly_err *err)
{
    *where = text_of(option->value);
    return *where != NULL ? FLY_OK
                          : fly_err_state(err, "42601", 0, "%s requires a parameter", option->name);
}

static fly_status take(struct fly__sql_copy *copy, struct said *said, const fly_ast_option *option,
                       fly_err *err)
{
    bool frozen;
    const char *name = option->name;
    if (strcmp(name, "format") == 0) {
        return format(copy, option, err);
    }
    if (strcmp(name, "header") == 0) {
        return header(copy, option, err);
    }
    if (strcmp(name, "freeze") == 0) {
        return flag_of(option, "", &frozen, err); /* rows have no age to freeze */
    }
    if (strcmp(name, "delimiter") == 0) {
        return text(option, &said->delimiter, err);
    }
    if (strcmp(name, "null") == 0) {
        return text(option, &said->null_text, err);
    }
    if (strcmp(name, "quote") == 0) {
        return text(option, &said->quote, err);
    }
    if (strcmp(name, "escape") == 0) {
        return text(option, &said->escape, err);
    }
    if (strcmp(name, "encoding") == 0) {
        return encoding(copy, option, err);
    }
    if (strcmp(name, "force_quote") == 0) {
        return columns(option, true, &said->force_quote, err);
    }
    if (strcmp(name, "force_not_null") == 0) {
        return columns(option, false, &said->force_not_null, err);
    }
    if (strcmp(name, "force_null") == 0) {
        return columns(option, false, &said->force_null, err);
    }
    return fly_err_state(err, "42601", option->node.pos, "option \"%s\" not recognized", name);
}

/* ------------------------------------------------------------------------ what fits */

static fly_status wrong(fly_err *err, const char *sqlstate, const char *message)
{
    return fly_err_state(err, sqlstate, 0, "%s", message);
}

static fly_status check_delimiter(const struct fly__sql_copy *copy, const char *delimiter,
                                  const char *null_text, fly_err *err)
{
    if (strlen(delimiter) != 1) {
        return wrong(err, "0A000", "COPY delimiter must be a single one-byte character");
    }
    if (delimiter[0] == '\r' || delimiter[0] == '\n') {
        return wrong(err, "22023", "COPY delimiter cannot be newline or carriage return");
    }
    if (strpbrk(null_text, "\r\n") != NULL) {
        return wrong(err, "22023",
                     "COPY null representation cannot use newline or carriage return");
    }
    if (copy->format != FLY__SQL_COPY_CSV &&
        strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", delimiter[0]) != NULL) {
        return fly_err_state(err, "22023", 0, "COPY delimiter cannot be \"%s\"", delimiter);
    }
    return copy->header && copy->format == FLY__SQL_COPY_BINARY
               ? wrong(err, "0A000", "cannot specify HEADER in BINARY mode")
               : FLY_OK;
}

static fly_status check_quotes(bool csv, const struct said *said, char delimiter, const char *quote,
                               const char *escape, fly_err *err)
{
    if (!csv && said->quote != NULL) {
        return wrong(err, "0A000", "COPY quote available only in CSV mode");
    }
    if (csv && strlen(quote) != 1) {
        return wrong(err, "0A000", "COPY quote must be a single one-byte character");
    }
    if (csv && delimiter == quote[0]) {
        return wrong(err, "22023", "COPY delimiter and quote must be different");
    }
    if (!csv && said->escape != NULL) {
        return wrong(err, "0A000", "COPY escape available only in CSV mode");
    }
    return csv && strlen(escape) != 1
               ? wrong(err, "0A000", "COPY escape must be a single one-byte character")
               : FLY_OK;
}

static fly_status check_forced(bool csv, bool in, const struct said *said, fly_err *err)
{
    if (said->force_quote != NULL && !csv) {
        return wrong(err, "0A000", "COPY force quote available only in CSV mode");
    }
    if (said->force_quote != NULL && in) {
        return wrong(err, "0A000", "COPY force quote only available using COPY TO");
    }
    if (said->force_not_null != NULL && !csv) {
        return wrong(err, "0A000", "COPY force not null available only in CSV mode");
    }
    if (said->force_not_null != NULL && !in) {
        return wrong(err, "0A000", "COPY force not null only available using COPY FROM");
    }
    if (said->force_null != NULL && !csv) {
        return wrong(err, "0A000", "COPY force null available only in CSV mode");
    }
    return said->force_null != NULL && !in
               ? wrong(err, "0A000", "COPY force null only available using COPY FROM")
               : FLY_OK;
}

static fly_status settle(struct fly__sql_copy *copy, const struct said *said, fly_err *err)
{
    bool csv = copy->format == FLY__SQL_COPY_CSV;
    bool binary = copy->format == FLY__SQL_COPY_BINARY;
    if (binary && said->delimiter != NULL) {
        return wrong(err, "42601", "cannot specify DELIMITER in BINARY mode");
    }
    if (binary && said->null_text != NULL) {
        return wrong(err, "42601", "cannot specify NULL in BINARY mode");
    }
    const char *delimiter = said->delimiter != NULL ? said->delimiter : csv ? "," : "\t";
    const char *null_text = said->null_text != NULL ? said->null_text : csv ? "" : "\\N";
    const char *quote = said->quote != NULL ? said->quote : "\"";
    const char *escape = said->escape != NULL ? said->escape : quote;
    fly_status status = check_delimiter(copy, delimiter, null_text, err);
    if (status == FLY_OK) {
        status = check_quotes(csv, said, delimiter[0], quote, escape, err);
    }
    if (status == FLY_OK) {
        status = check_forced(csv, copy->in, said, err);
    }
    if (status == FLY_OK && strchr(null_text, delimiter[0]) != NULL) {
        status = wrong(err, "0A000", "COPY delimiter must not appear in the NULL specification");
    }
    if (status == FLY_OK && csv && strchr(null_text, quote[0]) != NULL) {
        status =
            wrong(err, "0A000", "CSV quote character must not appear in the NULL specification");
    }
    copy->delimiter = delimiter[0];
    copy->quote = quote[0];
    copy->escape = escape[0];
    copy->null_text = null_text;
    copy->null_len = strlen(null_text);
    copy->force_quote = said->force_quote;
    copy->force_not_null = said->force_not_null;
    copy->force_null = said->force_null;
    return status;
}

fly_status fly__sql_copy_options(struct fly__sql_copy *copy, const fly_ast_list *options,
                                 fly_err *err)
{
    struct said said = {0};
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < options->count && status == FLY_OK; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        for (uint32_t k = 0; k < i && status == FLY_OK; k++) {
            if (strcmp(((const fly_ast_option *)options->items[k])->name, option->name) == 0) {
                status = fly_err_state(err, "42601", option->node.pos,
                                       "conflicting or redundant options");
            }
        }
        if (status == FLY_OK) {
            status = take(copy, &said, option, err);
        }
    }
    return status == FLY_OK ? settle(copy, &said, err) : status;
}

/* ------------------------------------------------------------------------- columns */

/* A name that is none of the columns: of the table's, or only of those that are copied. */
static fly_status not_copied(const fly__sql_table *table, const char *name, const char *what,
                             fly_err *err)
{
    return table != NULL && fly__sql_column_named(table, name) == 0
               ? fly_err_state(err, "42703", 0, "column \"%s\" of relation \"%s\" does not exist",
                               name, table->name)
               : fly_err_state(err, "42P10", 0, "%s column \"%s\" not referenced by COPY", what,
                               name);
}

static fly_status mark(struct fly__sql_copy *copy, const fly__sql_table *table,
                       const fly_ast_option *option, const char *what, uint8_t flag, fly_err *err)
{
    if (option == NULL) {
        return FLY_OK;
    }
    bool all = option->value->kind != FLY_AST_ROW;
    for (uint32_t i = 0; all && i < copy->columns; i++) {
        copy->forced[i] |= flag;
    }
    const fly_ast_row *row = (const fly_ast_row *)option->value;
    for (uint32_t k = 0; !all && k < row->items.count; k++) {
        const char *name = text_of(row->items.items[k]);
        uint32_t i = 0;
        while (i < copy->columns && (name == NULL || strcmp(copy->names[i], name) != 0)) {
            i++;
        }
        if (i == copy->columns) {
            return not_copied(table, name == NULL ? "" : name, what, err);
        }
        copy->forced[i] |= flag;
    }
    return FLY_OK;
}

fly_status fly__sql_copy_force(struct fly__sql_copy *copy, const fly__sql_table *table,
                               fly_err *err)
{
    copy->forced = fly_arena_alloc(&copy->arena, copy->columns + 1);
    if (copy->forced == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    memset(copy->forced, 0, copy->columns + 1);
    fly_status status =
        mark(copy, table, copy->force_quote, "FORCE_QUOTE", FLY__SQL_COPY_FORCE_QUOTE, err);
    if (status == FLY_OK) {
        status = mark(copy, table, copy->force_not_null, "FORCE_NOT_NULL",
                      FLY__SQL_COPY_FORCE_NOT_NULL, err);
    }
    return status == FLY_OK
               ? mark(copy, table, copy->force_null, "FORCE_NULL", FLY__SQL_COPY_FORCE_NULL, err)
               : status;
}
