/*
 * Where statements end, and what :name stands for.
 *
 * Input is fed line by line, or as a whole. The splitter knows just enough of SQL's words to see a
 * semicolon that ends a statement and a backslash that begins a command: quotes of all kinds, dollar
 * quotes, comments, parentheses, and bodies between BEGIN ATOMIC and END. Variables are replaced on
 * the way, so that quotes in their values count.
 */
#ifndef FSQL_SPLIT_H
#define FSQL_SPLIT_H

#include "vars.h"

typedef enum fsql_split_found {
    FSQL_SPLIT_MORE,      /**< all input is read; the statement goes on, or there is none */
    FSQL_SPLIT_STATEMENT, /**< a statement is complete */
    FSQL_SPLIT_COMMAND /**< a backslash begins a command at `*at`; a statement may stand before it */
} fsql_split_found;

enum { FSQL_SPLIT_TAG_MAX = 64 }; /**< bytes of a dollar quote's tag, dollars included */

typedef struct fsql_split {
    const fsql_vars *vars; /**< kept; may be NULL */
    fsql_text
        statement; /**< what there is of it, without leading space; its semicolon is the last byte */
    char inside;   /**< 0, ' E (an E-string) " $ or * (a comment) */
    uint32_t comments; /**< how deep in comments */
    uint32_t parens;
    uint32_t bodies; /**< BEGIN and CASE that are waiting for their END */
    uint32_t words;  /**< of the statement, so far */
    char heads[4];   /**< first letters of those: c, f, p, o for CREATE OR REPLACE FUNCTION... */
    char tag[FSQL_SPLIT_TAG_MAX];
    bool begun; /**< something other than space has been seen: `statement` is worth sending */
} fsql_split;

/** An empty splitter. `vars` is kept. */
void fsql_split_init(fsql_split *split, const fsql_vars *vars);
void fsql_split_deinit(fsql_split *split);

/**
 * Read on from `*at`, which is moved behind what was read. After FSQL_SPLIT_STATEMENT the caller takes
 * split->statement and calls fsql_split_clear().
 */
fsql_split_found fsql_split_next(fsql_split *split, fly_bytes input, size_t *at);

/** Begin anew, whatever was unfinished. */
void fsql_split_clear(fsql_split *split);

/** What a prompt shows: = at a beginning, - within a statement, ( ' " $ * for what is open. */
char fsql_split_prompt(const fsql_split *split);

/**
 * The value for ":name", ":'name'" (a literal), ":\"name\"" (an identifier) or ":{?name}" at the start
 * of `input`: adds it to `out` and returns the length of what it replaces; 0 if that is no variable, or
 * one that is not set.
 */
size_t fsql_split_variable(const fsql_vars *vars, fly_bytes input, fsql_text *out);

/** Add a value as a literal or an identifier: quotes around it, those in it doubled. */
void fsql_quote(fsql_text *out, const char *value, char quote);

#endif
