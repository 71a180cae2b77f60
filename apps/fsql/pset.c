/*
 * \pset and its short forms: how results are laid out.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *expanded_name(int expanded)
{
    return expanded == 0 ? "off" : expanded == 1 ? "on" : "auto";
}

/* What is said after a change, and by \pset alone. */
static void say(const fsql_shell *shell, const char *option)
{
    const fsql_format *format = &shell->format;
    if (strcmp(option, "format") == 0) {
        (void)printf("Output format is %s.\n", fsql_format_name(format->kind));
    } else if (strcmp(option, "border") == 0) {
        (void)printf("Border style is %d.\n", format->border);
    } else if (strcmp(option, "linestyle") == 0) {
        (void)printf("Line style is %s.\n", format->unicode ? "unicode" : "ascii");
    } else if (strcmp(option, "expanded") == 0) {
        (void)printf(format->expanded == 2 ? "Expanded display is used automatically.\n"
                                           : "Expanded display is %s.\n",
                     expanded_name(format->expanded));
    } else if (strcmp(option, "tuples_only") == 0) {
        (void)printf("Tuples only is %s.\n", format->tuples_only ? "on" : "off");
    } else if (strcmp(option, "footer") == 0) {
        (void)printf("Default footer is %s.\n", format->footer ? "on" : "off");
    } else if (strcmp(option, "null") == 0) {
        (void)printf("Null display is \"%s\".\n", shell->null != NULL ? shell->null : "");
    } else if (strcmp(option, "fieldsep") == 0) {
        (void)printf("Field separator is \"%s\".\n", shell->field != NULL ? shell->field : "|");
    } else if (strcmp(option, "recordsep") == 0) {
        (void)printf(shell->record == NULL ? "Record separator is <newline>.\n"
                                           : "Record separator is \"%s\".\n",
                     shell->record);
    } else if (strcmp(option, "csv_fieldsep") == 0) {
        (void)printf("Field separator for CSV is \"%c\".\n", format->csv);
    } else if (strcmp(option, "title") == 0) {
        (void)printf(shell->title != NULL ? "Title is \"%s\".\n" : "Title is unset.\n",
                     shell->title);
    } else if (strcmp(option, "pager") == 0) {
        (void)printf("Pager usage is %s.\n", shell->pager ? "on" : "off");
    }
    (void)fflush(stdout);
}

static bool complain(fsql_shell *shell, const char *text)
{
    fsql_shell_complain(shell, "\\pset: %s", text);
    return false;
}

/* A switch from the value, or turned over if there is none. */
static bool turn(fsql_shell *shell, const char *option, const char *value, bool *on)
{
    int wanted = value != NULL ? fsql_switch(value) : !*on;
    if (wanted < 0) {
        fsql_shell_complain(shell, "unrecognized value \"%s\" for \"%s\": Boolean expected", value,
                            option);
        return false;
    }
    *on = wanted == 1;
    return true;
}

static void keep(char **to, const char *value)
{
    char *copy = value != NULL ? fsql_copy(value) : NULL;
    free(*to);
    *to = copy;
}

static bool set_format(fsql_shell *shell, const char *value)
{
    if (value == NULL) {
        return true;
    }
    if (strcasecmp(value, "box") == 0) { /* a word for three settings */
        shell->format.kind = FSQL_ALIGNED;
        shell->format.border = 2;
        shell->format.unicode = true;
        return true;
    }
    return fsql_format_find(value, &shell->format.kind) ||
           complain(shell,
                    "allowed formats are aligned, box, csv, html, json, markdown, unaligned");
}

static bool set_linestyle(fsql_shell *shell, const char *value)
{
    if (value == NULL) {
        return true;
    }
    bool unicode = strcasecmp(value, "unicode") == 0;
    if (!unicode && strcasecmp(value, "ascii") != 0) {
        return complain(shell, "allowed line styles are ascii, unicode");
    }
    shell->format.unicode = unicode;
    return true;
}

static bool set_expanded(fsql_shell *shell, const char *value)
{
    bool on = shell->format.expanded == 1;
    if (value != NULL && strcasecmp(value, "auto") == 0) {
        shell->format.expanded = 2;
        return true;
    }
    if (!turn(shell, "expanded", value, &on)) {
        return false;
    }
    shell->format.expanded = on;
    return true;
}

static bool set_csv(fsql_shell *shell, const char *value)
{
    if (value == NULL) {
        return true;
    }
    if (strlen(value) != 1 || strchr("\"\n\r", value[0]) != NULL) {
        return complain(shell, "csv_fieldsep must be a single one-byte character, and neither a "
                               "double quote, a newline, nor a carriage return");
    }
    shell->format.csv = value[0];
    return true;
}

static bool change(fsql_shell *shell, const char *option, const char *value)
{
    fsql_format *format = &shell->format;
    if (strcmp(option, "format") == 0) {
        return set_format(shell, value);
    }
    if (strcmp(option, "border") == 0) {
        long border = value != NULL ? strtol(value, NULL, 10) : format->border;
        format->border = border < 0 ? 0 : border > 2 ? 2 : (int)border;
        return true;
    }
    if (strcmp(option, "linestyle") == 0) {
        return set_linestyle(shell, value);
    }
    if (strcmp(option, "expanded") == 0) {
        return set_expanded(shell, value);
    }
    if (strcmp(option, "tuples_only") == 0) {
        return turn(shell, option, value, &format->tuples_only);
    }
    if (strcmp(option, "footer") == 0) {
        return turn(shell, option, value, &format->footer);
    }
    if (strcmp(option, "pager") == 0) {
        return turn(shell, option, value, &shell->pager);
    }
    if (strcmp(option, "csv_fieldsep") == 0) {
        return set_csv(shell, value);
    }
    if (strcmp(option, "title") == 0) {
        keep(&shell->title, value);
        return true;
    }
    char **text = strcmp(option, "null") == 0        ? &shell->null
                  : strcmp(option, "fieldsep") == 0  ? &shell->field
                  : strcmp(option, "recordsep") == 0 ? &shell->record
                                                     : NULL;
    if (text == NULL) {
        fsql_shell_complain(shell, "\\pset: unknown option: %s", option);
        return false;
    }
    if (value != NULL) {
        keep(text, value);
    }
    return true;
}

static const char *const options[] = {"border", "csv_fieldsep", "expanded",  "fieldsep",
                                      "footer", "format",       "linestyle", "null",
                                      "pager",  "recordsep",    "title",     "tuples_only"};

bool fsql_pset(fsql_shell *shell, const char *option, const char *value, bool quiet)
{
    static const struct {
        const char *alias, *option;
    } aliases[] = {
        {"x", "expanded"}, {"vertical", "expanded"}, {"t", "tuples_only"}, {"C", "title"}};
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        option = strcmp(option, aliases[i].alias) == 0 ? aliases[i].option : option;
    }
    if (!change(shell, option, value)) {
        return false;
    }
    if (!quiet && !fsql_vars_on(&shell->vars, "QUIET", false)) {
        say(shell, option);
    }
    return true;
}

static fsql_command_outcome outcome(bool good)
{
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}

fsql_command_outcome fsql_command_pset(fsql_call *call)
{
    char *option = fsql_argument(call);
    char *value = option != NULL ? fsql_argument(call) : NULL;
    bool good = true;
    if (option == NULL) {
        for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
            say(call->shell, options[i]);
        }
    } else {
        good = fsql_pset(call->shell, option, value, false);
    }
    free(option);
    free(value);
    return outcome(good);
}

/* A short form: one option, and the argument is its value. */
static fsql_command_outcome short_form(fsql_call *call, const char *option)
{
    char *value = fsql_argument(call);
    bool good = fsql_pset(call->shell, option, value, false);
    free(value);
    return outcome(good);
}

fsql_command_outcome fsql_command_toggle_aligned(fsql_call *call)
{
    bool aligned = call->shell->format.kind == FSQL_ALIGNED;
    return outcome(fsql_pset(call->shell, "format", aligned ? "unaligned" : "aligned", false));
}

fsql_command_outcome fsql_command_toggle_tuples(fsql_call *call)
{
    return short_form(call, "tuples_only");
}

fsql_command_outcome fsql_command_field(fsql_call *call)
{
    return short_form(call, "fieldsep");
}

fsql_command_outcome fsql_command_expanded(fsql_call *call)
{
    return short_form(call, "expanded");
}

fsql_command_outcome fsql_command_title(fsql_call *call)
{
    return short_form(call, "title");
}
