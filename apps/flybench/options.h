/*
 * Command lines, read by a table.
 *
 * A subcommand lists its options as rows that point at the variables to fill. The same table prints
 * the help, so that the two cannot differ. Both `--name value` and `--name=value` are understood.
 */
#ifndef FLYBENCH_OPTIONS_H
#define FLYBENCH_OPTIONS_H

#include <fly/base.h>

/** What an option takes; `target` points at what is named here. */
typedef enum option_kind {
    OPTION_FLAG,  /**< nothing: sets a bool */
    OPTION_COUNT, /**< uint64_t from low to high; K, M and G after it mean thousands and so on */
    OPTION_REAL,  /**< double, not negative */
    OPTION_TEXT   /**< const char *, kept as it stands in argv */
} option_kind;

/** One option. */
typedef struct option_row {
    const char *name; /**< without the dashes */
    option_kind kind;
    const char *argument; /**< what the help calls it, e.g. "N"; NULL for a flag */
    const char *help;
    void *target;
    uint64_t low, high; /**< of a count */
} option_row;

/** Fill the targets. Everything in `argv` must be an option: FLY_E_INVALID otherwise. */
FLY_MUST_USE fly_status options_parse(const option_row *rows, size_t count, int argc, char **argv,
                                      fly_err *err);

/** Print one line per option. */
void options_help(const option_row *rows, size_t count);

/** Whether `name` is one of the words of `list`, which are separated by commas. */
bool options_list_has(const char *list, const char *name);

/** Copy the next word of a list to `word` and move `*list` behind it; false at the end. */
bool options_list_next(const char **list, char *word, size_t size);

#endif
