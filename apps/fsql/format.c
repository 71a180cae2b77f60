/* What the formats share, and the choice among them. */
#include "format.h"

#include <fly/text.h>

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    void (*write)(const fsql_page *page);
} formats[FSQL_FORMAT_COUNT] = {
    [FSQL_ALIGNED] = {"aligned", fsql_format_aligned},
    [FSQL_UNALIGNED] = {"unaligned", fsql_format_unaligned},
    [FSQL_CSV] = {"csv", fsql_format_csv},
    [FSQL_JSON] = {"json", fsql_format_json},
    [FSQL_MARKDOWN] = {"markdown", fsql_format_markdown},
    [FSQL_HTML] = {"html", fsql_format_html},
};

fsql_format fsql_format_default(void)
{
    return (fsql_format){.kind = FSQL_ALIGNED, .border = 1, .footer = true, .csv = ','};
}

const char *fsql_format_name(fsql_format_kind kind)
{
    return formats[kind].name;
}

bool fsql_format_find(const char *name, fsql_format_kind *kind)
{
    size_t found = 0;
    for (int i = 0; i < FSQL_FORMAT_COUNT; i++) {
        if (name[0] != 0 && strncasecmp(name, formats[i].name, strlen(name)) == 0) {
            *kind = (fsql_format_kind)i;
            found++;
        }
    }
    return found == 1;
}

fly_bytes fsql_page_cell(const fsql_page *page, size_t row, size_t column)
{
    fly_bytes cell = fsql_result_at(page->result, row, column);
    const char *null = page->format->null;
    return cell.data == NULL ? fly_bytes_str(null != NULL ? null : "") : cell;
}

void fsql_format_count(size_t rows, fsql_text *out)
{
    fsql_text_printf(out, "(%zu row%s)", rows, rows == 1 ? "" : "s");
}

void fsql_page_footer(const fsql_page *page, fsql_text *lines)
{
    const fsql_format *format = page->format;
    if (format->tuples_only) {
        return;
    }
    if (format->notes != NULL) {
        fsql_text_str_add(lines, format->notes);
    } else if (format->footer) {
        fsql_format_count(page->result->rows_before + fsql_result_rows(page->result), lines);
        fsql_text_byte(lines, '\n');
    }
}

/* -------------------------------------------------------------- cells as lines */

static bool plain(fly_bytes cell)
{
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.data[i] < 0x20 || cell.data[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* One character of a line; its columns. */
static size_t show(fly_bytes cell, size_t at, size_t len, uint32_t code, size_t column,
                   fsql_text *out)
{
    if (code == '\t') {
        size_t spaces = 8 - column % 8;
        fsql_text_fill(out, ' ', spaces);
        return spaces;
    }
    if (code == '\r') {
        fsql_text_str_add(out, "\\r");
        return 2;
    }
    int width = fly_text_char_width(code);
    bool ill_formed = code == 0xfffd && !(len == 3 && cell.data[at] == 0xef);
    if (width >= 0 && !ill_formed) {
        fsql_text_add(out, cell.data + at, len);
        return (size_t)width;
    }
    if (code < 0x80) {
        fsql_text_printf(out, "\\x%02X", code);
        return 4;
    }
    if (!ill_formed) {
        fsql_text_printf(out, "\\u%04X", code);
        return 6;
    }
    for (size_t i = 0; i < len; i++) {
        fsql_text_printf(out, "\\x%02X", cell.data[at + i]);
    }
    return 4 * len;
}

size_t fsql_format_line(fly_bytes cell, size_t *at, fsql_text *out)
{
    if (*at == 0 && plain(cell)) {
        fsql_text_add(out, cell.data, cell.len);
        *at = SIZE_MAX;
        return cell.len;
    }
    size_t width = 0;
    while (*at < cell.len) {
        uint32_t code;
        size_t len = fly_text_next(cell, *at, &code);
        if (code == '\n') {
            *at += 1;
            return width;
        }
        width += show(cell, *at, len, code, width, out);
        *at += len;
    }
    *at = SIZE_MAX;
    return width;
}

/* -------------------------------------------------------------------- choice */

/* Columns that the result would take if aligned. */
static size_t natural_width(const fsql_result *result)
{
    fsql_text line = {0};
    size_t total = 0;
    for (size_t c = 0; c < result->column_count; c++) {
        size_t widest = fly_text_width(fly_bytes_str(result->columns[c].name));
        for (size_t r = 0; r < fsql_result_rows(result); r++) {
            for (size_t at = 0; at != SIZE_MAX;) {
                size_t width = fsql_format_line(fsql_result_at(result, r, c), &at, &line);
                widest = width > widest ? width : widest;
                fsql_text_clear(&line);
            }
        }
        total += widest + 3;
    }
    fsql_text_deinit(&line);
    return total;
}

void fsql_format_write(const fsql_format *format, const fsql_result *result, bool first, bool last,
                       fsql_text *out)
{
    bool expanded = format->expanded == 1 || (format->expanded == 2 && format->columns > 0 &&
                                              natural_width(result) > format->columns);
    fsql_page page = {format, result, first, last, expanded, out};
    if (format->kind == FSQL_ALIGNED && expanded) {
        fsql_format_records(&page);
    } else {
        formats[format->kind].write(&page);
    }
}
