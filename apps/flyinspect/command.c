/*
 * Command lines and failures.
 */
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ command lines */

void inspect_print_help(const inspect_command *command, FILE *out)
{
    (void)fprintf(out, "usage: flyinspect %s %s\n\n%s\n%s", command->name, command->arguments,
                  command->what, command->help);
}

bool inspect_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
        return false;
    }
    *number = value;
    return true;
}

static const inspect_option *find_option(const inspect_option *options, size_t count,
                                         const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

bool inspect_arguments(const inspect_command *command, int argc, char **argv,
                       const inspect_option *options, size_t option_count, const char **words,
                       size_t wanted)
{
    size_t found = 0;
    bool right = true;
    for (int i = 0; i < argc && right; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            right = found < wanted;
            if (right) {
                words[found++] = argv[i];
            }
            continue;
        }
        const inspect_option *option = find_option(options, option_count, argv[i] + 2);
        if (option != NULL && option->flag != NULL) {
            *option->flag = true;
        } else {
            right = option != NULL && ++i < argc && inspect_number(argv[i], option->number);
        }
    }
    if (!right || found != wanted) {
        inspect_print_help(command, stderr);
        return false;
    }
    return true;
}

int inspect_failed(fly_status status, const fly_err *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "flyinspect: %s (%s)\n",
                  err->message[0] != '\0' ? err->message : fly_status_text(status),
                  fly_status_name(status));
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "hint: %s\n", err->hint);
    }
    return INSPECT_BAD;
}
