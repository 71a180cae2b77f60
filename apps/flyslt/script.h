/*
 * A script is a text of records; this reads one record after the other.
 *
 *     # a comment; dropped wherever it stands, but not among results
 *     skipif mysql # why
 *     onlyif postgresql
 *     connection c2
 *     query IT rowsort label-7
 *     SELECT a, b FROM t
 *     ----
 *     1
 *     one
 *
 * Blank lines end a record. A span of a record points into the script's text and lives as long as
 * that; only the SQL is copied, for comments are cut out of it.
 */
#ifndef FLYSLT_SCRIPT_H
#define FLYSLT_SCRIPT_H

#include "text.h"

enum { SLT_COLUMNS_MAX = 1700, SLT_CONDITIONS_MAX = 16, SLT_NAME_MAX = 64 };

typedef enum slt_kind {
    SLT_STATEMENT_OK,
    SLT_STATEMENT_ERROR, /**< what stands after ---- must occur in `SQLSTATE: message` */
    SLT_STATEMENT_COUNT, /**< `statement count N`: N rows are affected */
    SLT_QUERY,
    SLT_HALT,
    SLT_HASH_THRESHOLD,
    SLT_BARE,  /**< SQL without a header: --complete writes one */
    SLT_BROKEN /**< no record; `complaint` says why */
} slt_kind;

typedef enum slt_sort { SLT_NOSORT, SLT_ROWSORT, SLT_VALUESORT } slt_sort;

/** skipif (`only` false) or onlyif. */
typedef struct slt_condition {
    bool only;
    fly_bytes engine;
} slt_condition;

typedef struct slt_record {
    slt_kind kind;
    size_t line; /**< of the header: its name in reports and skip lists */
    slt_condition conditions[SLT_CONDITIONS_MAX];
    size_t condition_count;
    char connection[SLT_NAME_MAX]; /**< "" for the one that is always there */
    char types[SLT_COLUMNS_MAX + 1];
    slt_sort sort;
    fly_bytes label;   /**< empty if there is none */
    uint64_t number;   /**< of hash-threshold and statement count */
    slt_text sql;      /**< lines joined by \n, without the last one's */
    bool has_results;  /**< there was a ---- */
    fly_bytes results; /**< the lines behind it, each with its \n (the last perhaps without) */
    const char *complaint;

    /* Places in the script, for --complete: the header line, what follows the SQL, the end. */
    size_t header_at, header_end, results_at, end_at;
} slt_record;

typedef struct slt_script {
    fly_bytes text; /**< borrowed */
    size_t at, line;
} slt_script;

void slt_script_init(slt_script *script, fly_bytes text);

/** Read the next record into `record`, which was zero before the first call; false at the end. */
bool slt_script_next(slt_script *script, slt_record *record);

void slt_record_deinit(slt_record *record);

/** Whether the conditions let an engine of this name run the record. */
bool slt_record_applies(const slt_record *record, const char *engine);

/** Take the next line from `lines`, without its end; false if there is none. */
bool slt_next_line(fly_bytes *lines, fly_bytes *line);

#endif
