/*
 * What the subcommands share: reading a command line, telling of failures.
 *
 * Exit codes: 0 all is well; 1 something is damaged, or could not be done; 2 flyinspect was called
 * wrongly.
 */
#ifndef FLYINSPECT_COMMAND_H
#define FLYINSPECT_COMMAND_H

#include <fly/base.h>

#include <stdio.h>

enum { INSPECT_GOOD = 0, INSPECT_BAD = 1, INSPECT_MISUSED = 2 };

/** A subcommand. */
typedef struct inspect_command {
    const char *name;
    const char *arguments; /**< e.g. "STORE NAME" */
    const char *what;      /**< one line */
    const char *help;      /**< the rest, options included */
    int (*run)(const struct inspect_command *command, int argc, char **argv);
} inspect_command;

/** An option: one of the targets is set. */
typedef struct inspect_option {
    const char *name;
    bool *flag;       /**< takes nothing */
    uint64_t *number; /**< takes a number */
} inspect_option;

/**
 * @brief Sort the command line into options and `wanted` other words.
 *
 * @return Whether it was right; if not, the usage has been printed.
 */
bool inspect_arguments(const inspect_command *command, int argc, char **argv,
                       const inspect_option *options, size_t option_count, const char **words,
                       size_t wanted);

/** Print what a subcommand does and takes. */
void inspect_print_help(const inspect_command *command, FILE *out);

/** Read a decimal number that is the whole text. */
bool inspect_number(const char *text, uint64_t *number);

/** Print why something could not be done. @return INSPECT_BAD. */
int inspect_failed(fly_status status, const fly_err *err);

extern const inspect_command inspect_summary, inspect_page, inspect_wal, inspect_tree,
    inspect_verify, inspect_salvage;

#endif
