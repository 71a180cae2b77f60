/*
 * Formats for programs: fields with something between them, CSV, JSON, Markdown, HTML.
 *
 * CSV is RFC 4180's, with line feeds only: a field is quoted if it has a separator, a quote or an end
 * of line in it, and null is an empty field. JSON is an array of objects, a line each, so that tools
 * of lines can still be used on it.
 */
#include "format.h"

#include <string.h>

/* ------------------------------------------------------------------ unaligned */

static void record_end(const fsql_page *page)
{
    const char *end = page->format->record;
    fsql_text_str_add(page->out, end != NULL ? end : "\n");
}

static const char *field_end(const fsql_page *page)
{
    return page->format->field != NULL ? page->format->field : "|";
}

/* The separator of records stands between them, a newline ends the last. */
static void unaligned_rows(const fsql_page *page, bool *begun)
{
    const fsql_result *result = page->result;
    size_t columns = result->column_count;
    for (size_t r = 0; r < fsql_result_rows(result); r++) {
        for (size_t c = 0; c < columns; c++) {
            if (c > 0) {
                fsql_text_str_add(page->out, field_end(page));
            } else if (*begun) {
                record_end(page);
            }
            *begun = true;
            fly_bytes cell = fsql_page_cell(page, r, c);
            fsql_text_add(page->out, cell.data, cell.len);
        }
    }
}

static void unaligned_records(const fsql_page *page, bool *begun)
{
    const fsql_result *result = page->result;
    for (size_t r = 0; r < fsql_result_rows(result); r++) {
        if (*begun && result->column_count > 0) {
            record_end(page);
        }
        for (size_t c = 0; c < result->column_count; c++) {
            if (*begun) {
                record_end(page);
            }
            *begun = true;
            fly_bytes cell = fsql_page_cell(page, r, c);
            fsql_text_str_add(page->out, result->columns[c].name);
            fsql_text_str_add(page->out, field_end(page));
            fsql_text_add(page->out, cell.data, cell.len);
        }
    }
}

void fsql_format_unaligned(const fsql_page *page)
{
    const fsql_format *format = page->format;
    bool begun = !page->first;
    if (page->first && !format->tuples_only) {
        if (format->title != NULL) {
            fsql_text_str_add(page->out, format->title);
            begun = true;
        }
        for (size_t c = 0; !page->expanded && c < page->result->column_count; c++) {
            if (c > 0) {
                fsql_text_str_add(page->out, field_end(page));
            } else if (begun) {
                record_end(page);
            }
            begun = true;
            fsql_text_str_add(page->out, page->result->columns[c].name);
        }
    }
    if (page->expanded) {
        unaligned_records(page, &begun);
    } else {
        unaligned_rows(page, &begun);
    }
    if (page->last && (!page->expanded || format->notes != NULL)) {
        fsql_text lines = {0};
        fsql_page_footer(page, &lines);
        if (lines.len > 0) {
            if (page->expanded) {
                record_end(page);
            }
            if (begun) {
                record_end(page);
            }
            fsql_text_add(page->out, lines.data, lines.len - 1);
            begun = true;
        }
        fsql_text_deinit(&lines);
    }
    if (page->last && begun) {
        fsql_text_byte(page->out, '\n');
    }
}

/* ------------------------------------------------------------------------ CSV */

static void csv_field(const fsql_page *page, fly_bytes field)
{
    char separator = page->format->csv;
    bool quoted = field.len == 2 && memcmp(field.data, "\\.", 2) == 0; /* COPY's end of data */
    for (size_t i = 0; i < field.len && !quoted; i++) {
        char c = (char)field.data[i];
        quoted = c == separator || c == '"' || c == '\n' || c == '\r';
    }
    if (!quoted) {
        fsql_text_add(page->out, field.data, field.len);
        return;
    }
    fsql_text_byte(page->out, '"');
    for (size_t i = 0; i < field.len; i++) {
        if (field.data[i] == '"') {
            fsql_text_byte(page->out, '"');
        }
        fsql_text_byte(page->out, (char)field.data[i]);
    }
    fsql_text_byte(page->out, '"');
}

static void csv_next(const fsql_page *page, size_t column)
{
    bool last = column + 1 == page->result->column_count;
    fsql_text_byte(page->out, last ? '\n' : page->format->csv);
}

void fsql_format_csv(const fsql_page *page)
{
    const fsql_result *result = page->result;
    if (page->first && !page->format->tuples_only && !page->expanded) {
        for (size_t c = 0; c < result->column_count; c++) {
            csv_field(page, fly_bytes_str(result->columns[c].name));
            csv_next(page, c);
        }
    }
    for (size_t r = 0; r < fsql_result_rows(result); r++) {
        for (size_t c = 0; c < result->column_count; c++) {
            if (page->expanded) {
                csv_field(page, fly_bytes_str(result->columns[c].name));
                fsql_text_byte(page->out, page->format->csv);
            }
            csv_field(page, fsql_page_cell(page, r, c));
            if (page->expanded) {
                fsql_text_byte(page->out, '\n');
            } else {
                csv_next(page, c);
            }
        }
    }
}

/* ----------------------------------------------------------------------- JSON */

static void json_string(fsql_text *out, fly_bytes text)
{
    fsql_text_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        const char *short_form = c == '"'    ? "\\\""
                                 : c == '\\' ? "\\\\"
                                 : c == '\n' ? "\\n"
                                 : c == '\r' ? "\\r"
                                 : c == '\t' ? "\\t"
                                             : NULL;
        if (short_form != NULL) {
            fsql_text_str_add(out, short_form);
        } else if (text.data[i] < 0x20) {
            fsql_text_printf(out, "\\u%04x", (unsigned)c);
        } else {
            fsql_text_byte(out, c);
        }
    }
    fsql_text_byte(out, '"');
}

/* NaN and the infinities are numbers that JSON has no word for. */
static bool json_number(fly_bytes text)
{
    return text.len > 0 && memchr("0123456789", text.data[text.len - 1], 10) != NULL;
}

static void json_value(fsql_text *out, fly_bytes value, fsql_kind kind)
{
    if (value.data == NULL) {
        fsql_text_str_add(out, "null");
    } else if (kind == FSQL_KIND_BOOL) {
        fsql_text_str_add(out, value.len > 0 && value.data[0] == 't' ? "true" : "false");
    } else if (kind == FSQL_KIND_JSON || (kind == FSQL_KIND_NUMBER && json_number(value))) {
        fsql_text_add(out, value.data, value.len);
    } else {
        json_string(out, value);
    }
}

void fsql_format_json(const fsql_page *page)
{
    const fsql_result *result = page->result;
    fsql_text *out = page->out;
    if (page->first) {
        fsql_text_byte(out, '[');
    }
    for (size_t r = 0; r < fsql_result_rows(result); r++) {
        fsql_text_str_add(out, result->rows_before + r > 0 ? ",\n{" : "{");
        for (size_t c = 0; c < result->column_count; c++) {
            fsql_text_str_add(out, c > 0 ? "," : "");
            json_string(out, fly_bytes_str(result->columns[c].name));
            fsql_text_byte(out, ':');
            json_value(out, fsql_result_at(result, r, c), result->columns[c].kind);
        }
        fsql_text_byte(out, '}');
    }
    if (page->last) {
        fsql_text_str_add(out, "]\n");
    }
}

/* ------------------------------------------------------------------- Markdown */

/* A bar would end the cell, a newline the row. */
static void markdown_cell(fsql_text *out, fly_bytes cell)
{
    fsql_text_byte(out, ' ');
    for (size_t i = 0; i < cell.len; i++) {
        char c = (char)cell.data[i];
        if (c == '\n') {
            fsql_text_str_add(out, "<br>");
        } else {
            fsql_text_str_add(out, c == '|' || c == '\\' ? "\\" : "");
            fsql_text_byte(out, c);
        }
    }
    fsql_text_str_add(out, " |");
}

static void markdown_records(const fsql_page *page)
{
    const fsql_result *result = page->result;
    for (size_t r = 0; r < fsql_result_rows(result); r++) {
        fsql_text_printf(page->out, "%s| Record | %zu |\n| --- | --- |\n", r > 0 ? "\n" : "",
                         result->rows_before + r + 1);
        for (size_t c = 0; c < result->column_count; c++) {
            fsql_text_byte(page->out, '|');
            markdown_cell(page->out, fly_bytes_str(result->columns[c].name));
            markdown_cell(page->out, fsql_page_cell(page, r, c));
            fsql_text_byte(page->out, '\n');
        }
    }
}

void fsql_format_markdown(const fsql_page *page)
{
    const fsql_result *result = page->result;
    if (page->expanded) {
        markdown_records(page);
    }
    if (page->first && !page->expanded && result->column_count > 0) {
        fsql_text_byte(page->out, '|');
        for (size_t c = 0; c < result->column_count; c++) {
            markdown_cell(page->out, fly_bytes_str(result->columns[c].name));
        }
        fsql_text_str_add(page->out, "\n|");
        for (size_t c = 0; c < result->column_count; c++) {
            fsql_text_str_add(page->out, result->columns[c].right ? " ---: |" : " --- |");
        }
        fsql_text_byte(page->out, '\n');
    }
    for (size_t r = 0; !page->expanded && r < fsql_result_rows(result); r++) {
        fsql_text_str_add(page->out, result->column_count > 0 ? "|" : "");
        for (size_t c = 0; c < result->column_count; c++) {
            markdown_cell(page->out, fsql_page_cell(page, r, c));
        }
        fsql_text_byte(page->out, '\n');
    }
}

/* ----------------------------------------------------------------------- HTML */

static void html_text(fsql_text *out, fly_bytes text)
{
    bool blank = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        blank = blank && (c == ' ' || c == '\t');
        const char *entity = c == '&'    ? "&amp;"
                             : c == '<'  ? "&lt;"
                             : c == '>'  ? "&gt;"
                             : c == '"'  ? "&quot;"
                             : c == '\n' ? "<br />\n"
                                         : NULL;
        if (entity != NULL) {
            fsql_text_str_add(out, entity);
        } else {
            fsql_text_byte(out, c);
        }
    }
    fsql_text_str_add(out, blank ? "&nbsp; " : "");
}

static void html_cell(const fsql_page *page, size_t row, size_t column)
{
    bool right = page->result->columns[column].right;
    fsql_text_printf(page->out, "    <td align=\"%s\">", right ? "right" : "left");
    html_text(page->out, fsql_page_cell(page, row, column));
    fsql_text_str_add(page->out, "</td>\n");
}

static void html_rows(const fsql_page *page)
{
    const fsql_result *result = page->result;
    for (size_t r = 0; r < fsql_result_rows(result); r++) {
        if (page->expanded) {
            fsql_text_printf(page->out,
                             "\n  <tr><td colspan=\"2\" align=\"center\">Record %zu</td></tr>\n",
                             result->rows_before + r + 1);
        } else {
            fsql_text_str_add(page->out, "  <tr valign=\"top\">\n");
        }
        for (size_t c = 0; c < result->column_count; c++) {
            if (page->expanded) {
                fsql_text_str_add(page->out, "  <tr valign=\"top\">\n    <th>");
                html_text(page->out, fly_bytes_str(result->columns[c].name));
                fsql_text_str_add(page->out, "</th>\n");
            }
            html_cell(page, r, c);
            fsql_text_str_add(page->out, page->expanded ? "  </tr>\n" : "");
        }
        fsql_text_str_add(page->out, page->expanded ? "" : "  </tr>\n");
    }
}

void fsql_format_html(const fsql_page *page)
{
    const fsql_format *format = page->format;
    const fsql_result *result = page->result;
    if (page->first) {
        fsql_text_printf(page->out, "<table border=\"%d\">\n", format->border);
        if (!format->tuples_only && format->title != NULL) {
            fsql_text_str_add(page->out, "  <caption>");
            html_text(page->out, fly_bytes_str(format->title));
            fsql_text_str_add(page->out, "</caption>\n");
        }
        if (!format->tuples_only && !page->expanded) {
            fsql_text_str_add(page->out, "  <tr>\n");
            for (size_t c = 0; c < result->column_count; c++) {
                fsql_text_str_add(page->out, "    <th align=\"center\">");
                html_text(page->out, fly_bytes_str(result->columns[c].name));
                fsql_text_str_add(page->out, "</th>\n");
            }
            fsql_text_str_add(page->out, "  </tr>\n");
        }
    }
    html_rows(page);
    if (page->last) {
        fsql_text_str_add(page->out, "</table>\n");
        fsql_text lines = {0};
        if (!page->expanded || format->notes != NULL) {
            fsql_page_footer(page, &lines);
        }
        if (lines.len > 0) {
            fsql_text_str_add(page->out, "<p>");
            html_text(page->out, fly_bytes_of(lines.data, lines.len - 1));
            fsql_text_str_add(page->out, "<br />\n</p>");
        }
        fsql_text_deinit(&lines);
        fsql_text_byte(page->out, '\n');
    }
}
