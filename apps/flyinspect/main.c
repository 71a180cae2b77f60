/*
 * flyinspect: what is in the files of a store, whether it is sound, and what can be saved of it.
 *
 * Each subcommand is a file and a row here.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

static const inspect_command *const commands[] = {
    &inspect_summary, &inspect_verify, &inspect_salvage, &inspect_tree, &inspect_page, &inspect_wal,
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* ------------------------------------------------------------------------- help */

static void help(FILE *out)
{
    (void)fprintf(out, "usage: flyinspect SUBCOMMAND [--help] ...\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)fprintf(out, "  %-8s %-22s %s\n", commands[i]->name, commands[i]->arguments,
                      commands[i]->what);
    }
    (void)fprintf(
        out, "\nSTORE is the directory of a store. It is never changed: what recovery would\n"
             "repair is repaired in a copy in memory. A store that is open is refused; page and\n"
             "wal look at the files as they are, whoever uses them.\n"
             "\nExit codes: 0 all is well, 1 something is damaged or failed, 2 wrong usage.\n");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        help(stdout);
        return INSPECT_GOOD;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("flyinspect %s\n", FLY_BASE_VERSION);
        return INSPECT_GOOD;
    }
    for (size_t i = 0; argc >= 2 && i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i]->name) != 0) {
            continue;
        }
        if (argc == 3 && strcmp(argv[2], "--help") == 0) {
            inspect_print_help(commands[i], stdout);
            return INSPECT_GOOD;
        }
        return commands[i]->run(commands[i], argc - 2, argv + 2);
    }
    if (argc >= 2) {
        (void)fprintf(stderr, "flyinspect: there is no subcommand \"%s\"\n", argv[1]);
    }
    help(stderr);
    return INSPECT_MISUSED;
}
