/*
 * Tables with columns, and records one below the other, in psql's layout.
 *
 *     border 0    border 1      border 2        border 2, unicode (box)
 *     id name      id | name    +----+------+   ┌────┬──────┐
 *     -- ----     ----+------   | id | name |   │ id │ name │
 *      1 Anna       1 | Anna    +----+------+   ├────┼──────┤
 *      2 two+       2 | two +   |  1 | Anna |   │  1 │ Anna │
 *        lines        | lines   ...             ...
 *
 * A cell of several lines has a mark behind each line that goes on. The last column is not filled up
 * with spaces unless a border or a mark stands behind it.
 */
#include "format.h"

#include <fly/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------- lines */

/* What rules are made of: at the top, in the middle, at the bottom: left, between, right. */
typedef struct line_set {
    const char *flat, *upright, *goes_on;
    const char *corners[3][3];
} line_set;

static const line_set ascii = {"-", "|", "+", {{"+", "+", "+"}, {"+", "+", "+"}, {"+", "+", "+"}}};
static const line_set boxes = {"─", "│", "↵", {{"┌", "┬", "┐"}, {"├", "┼", "┤"}, {"└", "┴", "┘"}}};

enum { TOP, MIDDLE, BOTTOM };

static const line_set *lines_of(const fsql_page *page)
{
    return page->format->unicode ? &boxes : &ascii;
}

static void repeat(fsql_text *out, const char *piece, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fsql_text_str_add(out, piece);
    }
}

/* -------------------------------------------------------------------- columns */

typedef struct aligned_table {
    const fsql_page *page;
    const line_set *lines;
    int border;
    size_t count;
    size_t *widths;
    size_t *at; /* within each cell of the row that is written: where its next line begins */
    fsql_text line;
} aligned_table;

static fly_bytes name_of(const fsql_page *page, size_t column)
{
    return fly_bytes_str(page->result->columns[column].name);
}

static size_t widest_line(fly_bytes cell, fsql_text *work)
{
    size_t widest = 0;
    for (size_t at = 0; at != SIZE_MAX;) {
        fsql_text_clear(work);
        size_t width = fsql_format_line(cell, &at, work);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void measure(aligned_table *table)
{
    size_t rows = fsql_result_rows(table->page->result);
    for (size_t c = 0; c < table->count; c++) {
        size_t widest = widest_line(name_of(table->page, c), &table->line);
        for (size_t r = 0; r < rows; r++) {
            size_t width = widest_line(fsql_page_cell(table->page, r, c), &table->line);
            widest = width > widest ? width : widest;
        }
        table->widths[c] = widest;
    }
}

static void rule(const aligned_table *table, int place)
{
    fsql_text *out = table->page->out;
    const line_set *with = table->lines;
    int border = table->border;
    repeat(out, with->corners[place][0], border == 2);
    repeat(out, with->flat, border > 0);
    for (size_t c = 0; c < table->count; c++) {
        repeat(out, with->flat, table->widths[c]);
        if (c + 1 < table->count) {
            repeat(out, with->flat, border > 0);
            fsql_text_str_add(out, border > 0 ? with->corners[place][1] : " ");
            repeat(out, with->flat, border > 0);
        }
    }
    repeat(out, with->flat, border > 0);
    repeat(out, with->corners[place][2], border == 2);
    fsql_text_byte(out, '\n');
}

/* Center a line of a header's name. */
static void header_line(const aligned_table *table, size_t column, size_t width)
{
    size_t spaces = table->widths[column] - width;
    fsql_text_fill(table->page->out, ' ', spaces / 2);
    fsql_text_add(table->page->out, table->line.data, table->line.len);
    fsql_text_fill(table->page->out, ' ', spaces - spaces / 2);
}

/* One line of one cell, with what is left and right of it, but for the border between columns. */
static void cell_line(aligned_table *table, fly_bytes cell, size_t column, bool header)
{
    fsql_text *out = table->page->out;
    fsql_text_clear(&table->line);
    bool over = table->at[column] == SIZE_MAX;
    size_t width = over ? 0 : fsql_format_line(cell, &table->at[column], &table->line);
    bool goes_on = table->at[column] != SIZE_MAX;
    bool fill = header || table->border == 2 || column + 1 < table->count;
    size_t spaces = table->widths[column] - width;
    fsql_text_fill(out, ' ', table->border > 0);
    if (header && !over) {
        header_line(table, column, width);
    } else if (table->page->result->columns[column].right && !over && !header) {
        fsql_text_fill(out, ' ', spaces);
        fsql_text_add(out, table->line.data, table->line.len);
    } else {
        fsql_text_add(out, table->line.data, table->line.len);
        fsql_text_fill(out, ' ', fill || goes_on ? spaces : 0);
    }
    if (goes_on) {
        fsql_text_str_add(out, table->lines->goes_on);
    } else if (fill) {
        fsql_text_byte(out, ' ');
    }
}

/* A row, be it the header's, in as many lines as its longest cell has. */
static void row_lines(aligned_table *table, size_t row, bool header)
{
    fsql_text *out = table->page->out;
    memset(table->at, 0, table->count * sizeof table->at[0]);
    bool more = true;
    while (more) {
        repeat(out, table->lines->upright, table->border == 2);
        more = false;
        for (size_t c = 0; c < table->count; c++) {
            fly_bytes cell = header ? name_of(table->page, c) : fsql_page_cell(table->page, row, c);
            cell_line(table, cell, c, header);
            more = more || table->at[c] != SIZE_MAX;
            repeat(out, table->lines->upright, table->border > 0 && c + 1 < table->count);
        }
        repeat(out, table->lines->upright, table->border == 2);
        fsql_text_byte(out, '\n');
    }
}

static void title_line(const aligned_table *table)
{
    const char *title = table->page->format->title;
    size_t total = table->border == 0   ? table->count
                   : table->border == 1 ? table->count * 3 - (table->count > 0)
                                        : table->count * 3 + 1;
    for (size_t c = 0; c < table->count; c++) {
        total += table->widths[c];
    }
    size_t width = fly_text_width(fly_bytes_str(title));
    fsql_text_fill(table->page->out, ' ', width < total ? (total - width) / 2 : 0);
    fsql_text_printf(table->page->out, "%s\n", title);
}

void fsql_format_aligned(const fsql_page *page)
{
    size_t count = page->result->column_count;
    size_t *numbers = fsql_grow(NULL, 2 * count * sizeof *numbers);
    aligned_table table = {
        page, lines_of(page), page->format->border, count, numbers, numbers + count, {0}};
    measure(&table);
    if (page->first && !page->format->tuples_only) {
        if (page->format->title != NULL) {
            title_line(&table);
        }
        if (table.border == 2) {
            rule(&table, TOP);
        }
        if (count > 0) {
            row_lines(&table, 0, true);
        }
        rule(&table, MIDDLE);
    } else if (page->first && table.border == 2) {
        rule(&table, TOP);
    }
    for (size_t r = 0; count > 0 && r < fsql_result_rows(page->result); r++) {
        row_lines(&table, r, false);
    }
    if (page->last) {
        if (table.border == 2) {
            rule(&table, BOTTOM);
        }
        fsql_page_footer(page, page->out);
        fsql_text_byte(page->out, '\n');
    }
    fsql_text_deinit(&table.line);
    free(numbers);
}

/* -------------------------------------------------------------------- records */

typedef struct record_list {
    const fsql_page *page;
    const line_set *lines;
    int border;
    size_t names;                 /* columns of the widest name */
    size_t values;                /* and of the widest value, or what the record's header needs */
    bool long_names, long_values; /* some have several lines */
    fsql_text line;
} record_list;

static bool has_lines(fly_bytes cell)
{
    return cell.len > 0 && memchr(cell.data, '\n', cell.len) != NULL;
}

static size_t digits(size_t number)
{
    size_t count = 1;
    for (; number >= 10; number /= 10) {
        count++;
    }
    return count;
}

static void measure_records(record_list *records)
{
    const fsql_page *page = records->page;
    size_t rows = fsql_result_rows(page->result);
    for (size_t c = 0; c < page->result->column_count; c++) {
        size_t width = widest_line(name_of(page, c), &records->line);
        records->names = width > records->names ? width : records->names;
        records->long_names = records->long_names || has_lines(name_of(page, c));
        for (size_t r = 0; r < rows; r++) {
            fly_bytes cell = fsql_page_cell(page, r, c);
            width = widest_line(cell, &records->line);
            records->values = width > records->values ? width : records->values;
            records->long_values = records->long_values || has_lines(cell);
        }
    }
    /* What stands between and around them, and room for a mark where one is needed. */
    size_t frame = records->border == 0 ? 1 : records->border == 1 ? 3 : 7;
    frame += records->border == 0 && records->long_names;
    frame += records->border < 2 && records->long_values;
    size_t label = records->border == 0 ? 9 : records->border == 1 ? 12 : 15;
    label += rows > 0 ? digits(rows) : 0;
    size_t all = records->names + frame + records->values;
    if (!page->format->tuples_only && all < label) {
        records->values += label - all;
    }
}

/* "-[ RECORD 1 ]---+-----": the label covers what it needs of the rule. */
static void record_rule(const record_list *records, size_t number, int place)
{
    fsql_text *out = records->page->out;
    const line_set *with = records->lines;
    int border = records->border;
    char label[48] = "";
    if (number > 0) {
        (void)snprintf(label, sizeof label, border == 0 ? "* Record %zu" : "[ RECORD %zu ]",
                       number);
    }
    const char *flat = border > 0 ? with->flat : " ";
    repeat(out, with->corners[place][0], border == 2);
    repeat(out, with->flat, border > 0);
    fsql_text_str_add(out, label);
    /* Positions from the left edge of the names; without a border on the left one is taken. */
    size_t at = strlen(label) + (border != 2);
    size_t middle = records->names; /* the rule's joint: flat, corner, flat; or a space */
    size_t joint = border > 0 ? 3 : 1;
    for (; at < middle; at++) {
        fsql_text_str_add(out, flat);
    }
    for (; at < middle + joint; at++) {
        bool corner = border > 0 && at == middle + 1;
        fsql_text_str_add(out, corner ? with->corners[place][1] : flat);
    }
    for (; at < middle + joint + records->values; at++) {
        fsql_text_str_add(out, flat);
    }
    repeat(out, with->flat, border == 2);
    repeat(out, with->corners[place][2], border == 2);
    fsql_text_byte(out, '\n');
}

/* One line of a name, or the space below it. */
static void name_line(record_list *records, fly_bytes name, size_t *at)
{
    fsql_text *out = records->page->out;
    fsql_text_clear(&records->line);
    bool over = *at == SIZE_MAX;
    size_t width = over ? 0 : fsql_format_line(name, at, &records->line);
    bool mark = records->border > 0 || records->long_names;
    fsql_text_fill(out, ' ', records->border == 2);
    fsql_text_add(out, records->line.data, records->line.len);
    fsql_text_fill(out, ' ', records->names - width);
    if (mark) {
        fsql_text_str_add(out, *at != SIZE_MAX ? records->lines->goes_on : " ");
    }
    repeat(out, records->lines->upright, records->border > 0);
}

/* One line of a value, to the end of the line. */
static void value_line(record_list *records, fly_bytes value, size_t *at)
{
    fsql_text *out = records->page->out;
    fsql_text_clear(&records->line);
    if (*at == SIZE_MAX) { /* the name goes on alone */
        if (records->border == 2) {
            fsql_text_fill(out, ' ', records->values + 2);
        }
    } else {
        size_t width = fsql_format_line(value, at, &records->line);
        bool goes_on = *at != SIZE_MAX;
        fsql_text_byte(out, ' ');
        fsql_text_add(out, records->line.data, records->line.len);
        if (goes_on || records->border == 2) {
            fsql_text_fill(out, ' ', records->values - width);
            fsql_text_str_add(out, goes_on ? records->lines->goes_on : " ");
        }
    }
    repeat(out, records->lines->upright, records->border == 2);
    fsql_text_byte(out, '\n');
}

static void record(record_list *records, size_t row)
{
    const fsql_page *page = records->page;
    for (size_t c = 0; c < page->result->column_count; c++) {
        size_t name_at = 0;
        size_t value_at = 0;
        fly_bytes value = fsql_page_cell(page, row, c);
        while (name_at != SIZE_MAX || value_at != SIZE_MAX) {
            repeat(page->out, records->lines->upright, records->border == 2);
            name_line(records, name_of(page, c), &name_at);
            value_line(records, value, &value_at);
        }
    }
}

void fsql_format_records(const fsql_page *page)
{
    size_t rows = fsql_result_rows(page->result);
    bool labels = !page->format->tuples_only;
    if (rows == 0 && page->first && page->last) {
        fsql_page_footer(page, page->out);
        fsql_text_byte(page->out, '\n');
        return;
    }
    record_list records = {.page = page, .lines = lines_of(page), .border = page->format->border};
    measure_records(&records);
    if (page->first && labels && page->format->title != NULL) {
        fsql_text_printf(page->out, "%s\n", page->format->title);
    }
    for (size_t r = 0; r < rows; r++) {
        bool begins = page->first && r == 0;
        if (labels || !begins || records.border == 2) {
            record_rule(&records, labels ? page->result->rows_before + r + 1 : 0,
                        begins ? TOP : MIDDLE);
        }
        record(&records, r);
    }
    if (page->last) {
        if (records.border == 2) {
            record_rule(&records, 0, BOTTOM);
        }
        if (labels && page->format->notes != NULL) {
            fsql_text_printf(page->out, "%s%s", records.border < 2 ? "\n" : "",
                             page->format->notes);
        }
        fsql_text_byte(page->out, '\n');
    }
    fsql_text_deinit(&records.line);
}
