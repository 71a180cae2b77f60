/*
 * The shell: a connection, how results are shown, and what reads statements and commands.
 */
#ifndef FSQL_SHELL_H
#define FSQL_SHELL_H

#include "driver.h"
#include "format.h"
#include "input.h"
#include "split.h"

#include <stdio.h>

#define FSQL_VERSION "0.1.0"

/** Exit codes, as psql's. */
enum {
    FSQL_EXIT_GOOD = 0,
    FSQL_EXIT_OWN = 1,   /**< a fatal error of the shell's own: no such file, no memory */
    FSQL_EXIT_LOST = 2,  /**< the connection is gone, and nobody is there to make another */
    FSQL_EXIT_SCRIPT = 3 /**< an error in a script, and ON_ERROR_STOP was set */
};

enum { FSQL_NESTING_MAX = 32 }; /**< of \i */

/** Where statements come from. */
typedef struct fsql_source {
    FILE *file;        /**< NULL: `input` or `text` */
    fsql_input *input; /**< a person */
    fly_bytes text;    /**< read from `at` on */
    size_t at;
    const char *name; /**< for messages; NULL: errors have no place */
    size_t line;      /**< number of the line that was read last */
} fsql_source;

/** A level of \if. */
typedef enum fsql_branch {
    FSQL_BRANCH_TAKEN,   /**< its statements are run */
    FSQL_BRANCH_WAITING, /**< none was taken yet: this one is skipped */
    FSQL_BRANCH_DONE     /**< one was taken, or the level is within one that is skipped */
} fsql_branch;

/** What \g and its kin want of one statement. */
typedef struct fsql_once {
    bool expanded;     /**< \gx */
    char *file;        /**< \g file, \g |command; NULL: where output goes anyway */
    bool into_vars;    /**< \gset */
    char *prefix;      /**< of those variables */
    const char *title; /**< of \watch */
} fsql_once;

typedef struct fsql_shell {
    /* Connection */
    const fsql_driver *driver; /**< NULL with `connection`: not connected */
    void *connection;
    fsql_watch watch;
    fsql_target target; /**< strings are its own */
    char *first;        /**< the database that a prompt need not name */

    /* Output */
    fsql_format format;
    char *null, *field, *record, *title; /**< strings of `format` */
    FILE *out;
    bool out_pipe;
    bool pager;
    bool timing;
    fsql_once once;

    /* The running statement */
    fsql_result result;
    fsql_result *capture; /**< if not NULL, results go there and are not shown */
    bool piece_shown;     /**< the first piece of the result has been written */
    bool data_shown;      /**< COPY has written to where results go */
    size_t rows;          /**< of the last result */
    FILE *copy_file;      /**< of \copy; NULL: the source's own lines, or output */
    fsql_text copy_line;
    uint64_t started;       /**< of the statement, monotonic nanoseconds */
    uint64_t progress_told; /**< when the bar was drawn last; 0: it is not on the screen */
    fly_bytes running;      /**< its text, for errors */

    /* Input */
    fsql_vars vars;
    fsql_split split;
    fsql_text last; /**< the statement that was run last: what \g repeats */
    fsql_source *source;
    uint32_t nesting;
    fsql_branch branches[FSQL_NESTING_MAX];
    uint32_t branch_count;
    bool interactive;
    bool sql_mode; /**< a person's lines are SQL only; else words like PING need no semicolon */
    bool echo;     /**< -e */
    bool quit;
    int exit_code;
} fsql_shell;

/** Set up a shell that is not connected. */
void fsql_shell_init(fsql_shell *shell);
void fsql_shell_deinit(fsql_shell *shell);

/** Connect; an old connection ends when the new one is there. Says why not on standard error. */
bool fsql_shell_connect(fsql_shell *shell, const fsql_target *target);

/** Set the variables that tell what the connection is. */
void fsql_shell_tell_connection(fsql_shell *shell);

/** Run the statements of a text and show their results; false if one failed, which has been told. */
bool fsql_shell_run(fsql_shell *shell, fly_bytes text);

/** Run a statement of the shell's own and keep its rows. False, untold, with `error` filled. */
bool fsql_shell_query(fsql_shell *shell, const char *text, fsql_result *into, fsql_error *error);

/** Show a result in the current format, with a title and with lines below in place of the count. */
void fsql_shell_show(fsql_shell *shell, const fsql_result *result, const char *title,
                     const char *notes);

/** Read statements and commands until the source ends. An exit code. */
int fsql_shell_read(fsql_shell *shell, fsql_source *source);

/** Read a file of statements: \i and -f. "-" is standard input; `named`: errors say where they are. */
int fsql_shell_read_file(fsql_shell *shell, const char *path, bool relative, bool named);

/** Run a line of one backslash command. */
bool fsql_shell_command(fsql_shell *shell, const char *line);

/** Whether statements are run, or skipped by an \if. */
bool fsql_shell_active(const fsql_shell *shell);

/** Complain on standard error, with the place in the script. */
void fsql_shell_complain(fsql_shell *shell, const char *format, ...) FLY_PRINTF(2, 3);

/** Print an error or notice as psql does: severity, message, line with caret, detail, hint. */
void fsql_shell_error(fsql_shell *shell, const fsql_error *error, fly_bytes text);

/** Write to where output goes, through the pager if it is long and a person reads it. */
void fsql_shell_write(fsql_shell *shell, const fsql_text *text);

/** Open where output goes to: a path, "|command", or NULL for standard output. */
bool fsql_shell_output(fsql_shell *shell, const char *where);

/** Next line of the source into `line`, its end included; false at the end or at Ctrl-C. */
fsql_line fsql_shell_line(fsql_shell *shell, const char *prompt, fsql_text *line);

/** Screen of standard output, in characters; 0 if it is none. */
void fsql_screen(size_t *columns, size_t *rows);

/** Monotonic nanoseconds. */
uint64_t fsql_now(void);

/** The words that complete a line: for fsql_input_open(). `ctx` is the shell. */
void fsql_complete(void *ctx, const char *line, size_t word, fsql_text *candidates);

#endif
