/*
 * Commands: what begins with a backslash, and the words of normal mode.
 *
 * One table has their names, their help and a function each; \? is printed from it, and completion
 * looks into it.
 */
#ifndef FSQL_COMMANDS_H
#define FSQL_COMMANDS_H

#include "shell.h"

typedef enum fsql_command_outcome {
    FSQL_COMMAND_GOOD,
    FSQL_COMMAND_FAILED,
    FSQL_COMMAND_SEND /**< run the statement that stands before the command */
} fsql_command_outcome;

/** A command that is being run: where its arguments are. */
typedef struct fsql_call {
    fsql_shell *shell;
    const char *name; /**< as it was typed, without backslash and "+" */
    bool plus;        /**< it ended with + */
    fly_bytes line;
    size_t at; /**< behind what has been read of it */
} fsql_call;

/** The byte that is read next; 0 at the end. */
static inline char fsql_call_here(const fsql_call *call)
{
    return call->at < call->line.len ? (char)call->line.data[call->at] : 0;
}

static inline bool fsql_call_at_end(const fsql_call *call)
{
    char c = fsql_call_here(call);
    return c == 0 || c == '\n' || c == '\r';
}

/**
 * Run the command whose backslash is at `*at`; its arguments end with the line, or before the next
 * backslash.
 */
fsql_command_outcome fsql_commands_run(fsql_shell *shell, fly_bytes line, size_t *at);

/** A person's line that is a word of the shell (help, exit) or, in normal mode, of the server's text
 *  protocol (PING, USE, INSPECT...): runs it and says so. */
bool fsql_commands_word(fsql_shell *shell, const char *line);

/** Add the names of all commands, with their backslash, a NUL behind each. */
void fsql_commands_names(fsql_text *names);

/** Whether a statement ends a transaction rather than needing one. */
bool fsql_commands_ends_transaction(fly_bytes text);

/** The next argument, quotes and variables resolved; NULL if there is none. To be freed. */
char *fsql_argument(fsql_call *call);
/** The next argument as a file's name: ~ is the home, "|command" goes to the end of the line. */
char *fsql_argument_path(fsql_call *call);
/** All that is left of the line, but for space around it. To be freed; never NULL. */
char *fsql_argument_rest(fsql_call *call);

/* The functions of the table that have files of their own. */
fsql_command_outcome fsql_command_describe(fsql_call *call); /* describe.c */
fsql_command_outcome fsql_command_list(fsql_call *call);
fsql_command_outcome fsql_command_databases(fsql_call *call);
fsql_command_outcome fsql_command_users(fsql_call *call);
fsql_command_outcome fsql_command_functions(fsql_call *call);
fsql_command_outcome fsql_command_schemas(fsql_call *call);
fsql_command_outcome fsql_command_types(fsql_call *call);
fsql_command_outcome fsql_command_go(fsql_call *call); /* buffer.c */
fsql_command_outcome fsql_command_go_set(fsql_call *call);
fsql_command_outcome fsql_command_go_exec(fsql_call *call);
fsql_command_outcome fsql_command_print_buffer(fsql_call *call);
fsql_command_outcome fsql_command_reset_buffer(fsql_call *call);
fsql_command_outcome fsql_command_write_buffer(fsql_call *call);
fsql_command_outcome fsql_command_edit(fsql_call *call);
fsql_command_outcome fsql_command_password(fsql_call *call);
fsql_command_outcome fsql_command_watch(fsql_call *call);
fsql_command_outcome fsql_command_copy(fsql_call *call); /* copy.c */
fsql_command_outcome fsql_command_pset(fsql_call *call); /* pset.c */
fsql_command_outcome fsql_command_toggle_aligned(fsql_call *call);
fsql_command_outcome fsql_command_toggle_tuples(fsql_call *call);
fsql_command_outcome fsql_command_field(fsql_call *call);
fsql_command_outcome fsql_command_expanded(fsql_call *call);
fsql_command_outcome fsql_command_title(fsql_call *call);
fsql_command_outcome fsql_command_sql_help(fsql_call *call); /* sqlhelp.c */

/** Set one of \pset's options; `value` may be NULL. */
bool fsql_pset(fsql_shell *shell, const char *option, const char *value, bool quiet);

#endif
