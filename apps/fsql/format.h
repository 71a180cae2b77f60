/*
 * Results as people and programs want to read them.
 *
 * A format writes into a text. Large results come in pieces: the first has the header, the last the
 * footer, and the widths of aligned columns are those of each piece.
 */
#ifndef FSQL_FORMAT_H
#define FSQL_FORMAT_H

#include "result.h"

typedef enum fsql_format_kind {
    FSQL_ALIGNED,
    FSQL_UNALIGNED,
    FSQL_CSV,
    FSQL_JSON,
    FSQL_MARKDOWN,
    FSQL_HTML,
    FSQL_FORMAT_COUNT
} fsql_format_kind;

/** How results are written: what \pset shows and sets. */
typedef struct fsql_format {
    fsql_format_kind kind;
    int border;   /**< of aligned and html: 0, 1, 2 */
    bool unicode; /**< lines of box-drawing characters */
    int expanded; /**< 0 never, 1 always, 2 when rows are wider than the screen */
    bool tuples_only;
    bool footer;
    const char *null;   /**< what stands for null; "" if NULL */
    const char *field;  /**< between fields of unaligned; "|" if NULL */
    const char *record; /**< between records of unaligned; a newline if NULL */
    char csv;           /**< between fields of CSV */
    const char *title;  /**< NULL: none */
    const char *notes;  /**< lines below the table in place of the count of rows; NULL: that */
    size_t columns;     /**< of the screen, for expanded 2; 0: unknown */
} fsql_format;

/** The defaults. */
fsql_format fsql_format_default(void);

const char *fsql_format_name(fsql_format_kind kind);
/** Find one by its name or the beginning of it; false if there is none, or several. */
bool fsql_format_find(const char *name, fsql_format_kind *kind);

/** Write one piece of a result. */
void fsql_format_write(const fsql_format *format, const fsql_result *result, bool first, bool last,
                       fsql_text *out);

/** Take the next line of a cell as it can be shown: tabs become spaces, what would move the cursor
 *  becomes letters. Its columns; `*at` goes behind the newline, or to SIZE_MAX at the end. */
size_t fsql_format_line(fly_bytes cell, size_t *at, fsql_text *out);

/** Add "(3 rows)". */
void fsql_format_count(size_t rows, fsql_text *out);

/* The formats, each in a file. Rows are numbered from result->rows_before. */
typedef struct fsql_page {
    const fsql_format *format;
    const fsql_result *result;
    bool first, last;
    bool expanded;
    fsql_text *out;
} fsql_page;

void fsql_format_aligned(const fsql_page *page);
void fsql_format_records(const fsql_page *page); /* aligned, expanded */
void fsql_format_unaligned(const fsql_page *page);
void fsql_format_csv(const fsql_page *page);
void fsql_format_json(const fsql_page *page);
void fsql_format_markdown(const fsql_page *page);
void fsql_format_html(const fsql_page *page);

/** A cell's text, or what stands for null. */
fly_bytes fsql_page_cell(const fsql_page *page, size_t row, size_t column);
/** The footer as lines, or nothing if it is not wanted. */
void fsql_page_footer(const fsql_page *page, fsql_text *lines);

#endif
