/*
 * Commands on the statement in the making: run it in many ways, show it, edit it, forget it.
 */
#define _POSIX_C_SOURCE 200809L

#include "commands.h"

#include "interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static fsql_command_outcome outcome(bool good)
{
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}

/* The statement before the command, or, if there is none, the last one. */
static bool have_statement(fsql_shell *shell)
{
    fsql_split *split = &shell->split;
    if (!split->begun && shell->last.len > 0) {
        fsql_split_clear(split);
        fsql_text_add(&split->statement, shell->last.data, shell->last.len);
        split->begun = true;
    }
    return split->begun;
}

/* \g [(option=value ...)] [file | |command] */
fsql_command_outcome fsql_command_go(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    char *file = fsql_argument_path(call);
    bool expanded = strcmp(call->name, "gx") == 0;
    if (!have_statement(shell)) {
        free(file);
        return FSQL_COMMAND_GOOD;
    }
    shell->once = (fsql_once){.expanded = expanded, .file = file};
    return FSQL_COMMAND_SEND;
}

fsql_command_outcome fsql_command_go_set(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    char *prefix = fsql_argument(call);
    if (!have_statement(shell)) {
        free(prefix);
        return FSQL_COMMAND_GOOD;
    }
    shell->once = (fsql_once){.into_vars = true, .prefix = prefix};
    return FSQL_COMMAND_SEND;
}

/* Run each value of a query's result as a statement. */
fsql_command_outcome fsql_command_go_exec(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    if (!have_statement(shell)) {
        return FSQL_COMMAND_GOOD;
    }
    fsql_result made = {0};
    fsql_error error = {0};
    fsql_text query = {0};
    fsql_text_str_add(&query, fsql_text_str(&shell->split.statement));
    fsql_split_clear(&shell->split);
    bool good = fsql_shell_query(shell, query.data, &made, &error);
    if (!good) {
        fsql_shell_error(shell, &error, fsql_text_bytes(&query));
    }
    for (size_t r = 0; good && r < fsql_result_rows(&made); r++) {
        for (size_t c = 0; c < made.column_count; c++) {
            fly_bytes cell = fsql_result_at(&made, r, c);
            bool ran = cell.data == NULL || fsql_shell_run(shell, cell);
            good = good && (ran || !fsql_vars_on(&shell->vars, "ON_ERROR_STOP", false));
        }
    }
    fsql_text_deinit(&query);
    fsql_result_deinit(&made);
    return outcome(good);
}

fsql_command_outcome fsql_command_print_buffer(fsql_call *call)
{
    const fsql_shell *shell = call->shell;
    const fsql_text *text = shell->split.begun ? &shell->split.statement : &shell->last;
    (void)printf("%s\n", text->len > 0 ? fsql_text_str(text) : "Query buffer is empty.");
    (void)fflush(stdout);
    return FSQL_COMMAND_GOOD;
}

fsql_command_outcome fsql_command_reset_buffer(fsql_call *call)
{
    fsql_split_clear(&call->shell->split);
    fsql_text_clear(&call->shell->last);
    if (!fsql_vars_on(&call->shell->vars, "QUIET", false)) {
        (void)printf("Query buffer reset (cleared).\n");
    }
    return FSQL_COMMAND_GOOD;
}

fsql_command_outcome fsql_command_write_buffer(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    const fsql_text *text = shell->split.begun ? &shell->split.statement : &shell->last;
    char *path = fsql_argument_path(call);
    if (path == NULL) {
        fsql_shell_complain(shell, "\\w: missing required argument");
        return FSQL_COMMAND_FAILED;
    }
    bool pipe = path[0] == '|';
    FILE *file = pipe ? popen(path + 1, "w") : fopen(path, "w");
    bool good = file != NULL && fprintf(file, "%s\n", fsql_text_str(text)) >= 0;
    if (file != NULL) {
        good = (pipe ? pclose(file) : fclose(file)) == 0 && good;
    }
    if (!good) {
        fsql_shell_complain(shell, "%s: %s", path, strerror(errno));
    }
    free(path);
    return outcome(good);
}

/* Let the user's editor change a file. */
static bool run_editor(fsql_shell *shell, const char *path)
{
    const char *editor = getenv("FSQL_EDITOR");
    editor = editor != NULL ? editor : getenv("VISUAL");
    editor = editor != NULL ? editor : getenv("EDITOR");
    fsql_text command = {0};
    fsql_text_printf(&command, "exec %s ", editor != NULL ? editor : "vi");
    fsql_text_byte(&command, '\'');
    for (const char *c = path; *c != 0; c++) {
        fsql_text_str_add(&command, *c == '\'' ? "'\\''" : (char[2]){*c, 0});
    }
    fsql_text_byte(&command, '\'');
    (void)fflush(NULL);
    int result = system(fsql_text_str(&command));
    fsql_text_deinit(&command);
    if (result != 0) {
        fsql_shell_complain(shell, "could not start editor \"%s\"", editor != NULL ? editor : "vi");
    }
    return result == 0;
}

/* What came back from the editor is read as if it had been typed. */
static fsql_command_outcome take_edited(fsql_shell *shell, const char *path)
{
    fsql_text edited = {0};
    if (!fsql_text_read(&edited, path)) {
        fsql_shell_complain(shell, "%s: %s", path, strerror(errno));
        fsql_text_deinit(&edited);
        return FSQL_COMMAND_FAILED;
    }
    fsql_split_clear(&shell->split);
    fsql_source source = {.text = fsql_text_bytes(&edited)};
    shell->nesting++; /* what has no semicolon yet stays in the making */
    int code = fsql_shell_read(shell, &source);
    shell->nesting--;
    fsql_text_deinit(&edited);
    return outcome(code == FSQL_EXIT_GOOD);
}

fsql_command_outcome fsql_command_edit(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    char *path = fsql_argument_path(call);
    if (path != NULL) {
        fsql_command_outcome done = run_editor(shell, path) ? take_edited(shell, path)
                                                            : FSQL_COMMAND_FAILED;
        free(path);
        return done;
    }
    const fsql_text *text = shell->split.begun ? &shell->split.statement : &shell->last;
    const char *folder = getenv("TMPDIR");
    fsql_text name = {0};
    fsql_text_printf(&name, "%s/fsql.edit.XXXXXX", folder != NULL ? folder : "/tmp");
    int fd = mkstemp(name.data);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    fsql_command_outcome done = FSQL_COMMAND_FAILED;
    if (file == NULL) {
        fsql_shell_complain(shell, "%s: %s", name.data, strerror(errno));
    } else {
        (void)fprintf(file, "%s%s", fsql_text_str(text), text->len > 0 ? "\n" : "");
        (void)fclose(file);
        if (run_editor(shell, name.data)) {
            done = take_edited(shell, name.data);
        }
        (void)unlink(name.data);
    }
    fsql_text_deinit(&name);
    return done;
}

/* Sleep, unless Ctrl-C is pressed. */
static bool wait_seconds(double seconds)
{
    uint64_t until = fsql_now() + (uint64_t)(seconds * 1e9);
    while (fsql_now() < until && !fsql_interrupted()) {
        struct timespec nap = {0, 20000000};
        (void)nanosleep(&nap, NULL);
    }
    return !fsql_interrupted();
}

fsql_command_outcome fsql_command_watch(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    char *argument = fsql_argument(call);
    char *end = argument;
    double seconds = argument != NULL ? strtod(argument, &end) : 2;
    bool sensible = argument == NULL || (end != argument && *end == 0 && seconds >= 0);
    if (!sensible) {
        fsql_shell_complain(shell, "\\watch: incorrect interval value \"%s\"", argument);
        free(argument);
        return FSQL_COMMAND_FAILED;
    }
    free(argument);
    if (!have_statement(shell)) {
        fsql_shell_complain(shell, "\\watch cannot be used with an empty query");
        return FSQL_COMMAND_FAILED;
    }
    fsql_text query = {0};
    fsql_text_str_add(&query, fsql_text_str(&shell->split.statement));
    fsql_split_clear(&shell->split);
    fsql_text_clear(&shell->last);
    fsql_text_str_add(&shell->last, query.data);
    bool good;
    do {
        char when[64];
        char title[128];
        time_t now = time(NULL);
        struct tm local;
        (void)strftime(when, sizeof when, "%a %b %e %H:%M:%S %Y", localtime_r(&now, &local));
        (void)snprintf(title, sizeof title, "%s (every %gs)\n", when, seconds);
        shell->once.title = title;
        good = fsql_shell_run(shell, fsql_text_bytes(&query));
        shell->once.title = NULL;
    } while (good && wait_seconds(seconds));
    fsql_interrupt_clear();
    (void)printf("\n");
    fsql_text_deinit(&query);
    return outcome(good);
}
