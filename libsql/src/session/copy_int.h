/*
 * COPY, for its chapters: copy.c begins and ends it, copy_in.c takes data, copy_out.c makes it.
 */
#ifndef FLY_SQL_COPY_INT_H
#define FLY_SQL_COPY_INT_H

#include "session/stmt_int.h"

#include <fly/text.h>

enum {
    FLY__SQL_COPY_PIECE = 65536,
    FLY__SQL_COPY_LINE_MAX = 1 << 30,
    FLY__SQL_COPY_BATCH_BYTES =
        1 << 20 /* of lines, that a batch is not to exceed by more than one */
};

typedef enum fly__sql_copy_format {
    FLY__SQL_COPY_TEXT,
    FLY__SQL_COPY_CSV,
    FLY__SQL_COPY_BINARY
} fly__sql_copy_format;

/* What is to be done with a column's fields, all the same. */
enum {
    FLY__SQL_COPY_FORCE_QUOTE = 1,
    FLY__SQL_COPY_FORCE_NOT_NULL = 2,
    FLY__SQL_COPY_FORCE_NULL = 4
};

/* Where a row of a batch was read. */
typedef struct fly__sql_copy_place {
    uint64_t line;
    fly_bytes text; /* as it came; without data if it is not known */
} fly__sql_copy_place;

struct fly__sql_copy {
    fly_arena arena; /* as long as the COPY */
    fly_arena field_arena;
    bool in;
    fly__sql_copy_format format;
    bool header;
    bool skip_header; /* the next line is it */
    char delimiter;
    char quote;
    char escape;
    const char *null_text;
    size_t null_len;
    bool match; /* the header must have the columns' names */
    const fly_ast_option *force_quote, *force_not_null, *force_null;
    uint8_t *forced;     /* FLY__SQL_COPY_FORCE_*, for each column */
    const char *where;   /* which rows are wanted; NULL: all */
    fly_sql_stmt *inner; /* the INSERT, or the query */
    uint32_t columns;
    fly_sql_type *types;
    const char **names;
    const char *table;
    fly_text_encoding encoding; /* of the file */
    char *other;                /* the line, or what goes out, in another encoding */
    size_t other_room;
    uint64_t rows;

    /* In: the line, or the binary rows, that are not whole yet. */
    char *line;
    size_t line_len, line_room;
    bool in_quotes;
    bool ended;            /* \. was seen, or the binary end */
    bool head_seen;        /* of the binary format */
    const char *waits_for; /* the column whose value is not whole */
    uint64_t line_number;
    fly_bytes *fields;
    bool *field_null;
    /* The batch, if the INSERT takes its rows in batches: then it runs as long as the COPY. */
    bool fed;
    uint32_t batch_rows; /* at most */
    uint32_t count;
    size_t batch_bytes;
    fly_vec *col;
    fly__sql_copy_place *places;
    fly_arena batch; /* bytes of lines and values */

    /* Out. */
    uint8_t *shapes; /* how each column is written */
    fly_sql_buffer out;
    uint32_t *ends; /* behind each row in `out` */
    uint32_t end_count, end_room;
    bool out_done;
    fly_file *file;
    uint64_t file_at;
};

fly_status fly__sql_copy_no_memory(fly_err *err);

static inline fly_mem *fly__sql_copy_memory(const fly_sql_stmt *stmt)
{
    return &stmt->session->account.mem;
}

/* Make room for `more` bytes behind `len`: 54000 if that is too much. */
fly_status fly__sql_copy_room(fly_mem *mem, char **buffer, size_t len, size_t *room, size_t more,
                              fly_err *err);

/* Read the options; then, when the columns are known, mark those that they name (copy_options.c). */
fly_status fly__sql_copy_options(struct fly__sql_copy *copy, const fly_ast_list *options,
                                 fly_err *err);
fly_status fly__sql_copy_force(struct fly__sql_copy *copy, const fly__sql_table *table,
                               fly_err *err);

/* Bring text from one encoding to the other, into copy->other: `*len` bytes. */
fly_status fly__sql_copy_convert(fly_sql_stmt *stmt, const char *text, size_t text_len, bool in,
                                 size_t *len, fly_err *err);

/* Run the INSERT by batches, if it can be. After it was prepared. */
fly_status fly__sql_copy_feed(fly_sql_stmt *stmt, const fly__sql_table *table, fly_err *err);
/* Data, cut anywhere; then its end. */
fly_status fly__sql_copy_take(fly_sql_stmt *stmt, fly_bytes data, fly_err *err);
fly_status fly__sql_copy_taken(fly_sql_stmt *stmt, fly_err *err);

/* Fill copy->out: FLY_E_END when there is no more. */
fly_status fly__sql_copy_fill(fly_sql_stmt *stmt, fly_err *err);

#endif
