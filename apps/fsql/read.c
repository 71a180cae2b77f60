/*
 * Reading: lines from a person, a file or a string become statements and commands.
 */
#define _POSIX_C_SOURCE 200809L

#include "commands.h"
#include "interrupt.h"
#include "shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --------------------------------------------------------------------- prompts */

/*
 * flydb>   flydb/mydb>   flydb/mydb[sql]>   and, within a statement, flydb/mydb->   flydb/mydb'>
 * A star says that a transaction is open, an exclamation mark that it has failed.
 */
static void prompt_of(const fsql_shell *shell, fsql_text *prompt)
{
    char place = fsql_split_prompt(&shell->split);
    char transaction = 'I';
    fsql_text_str_add(prompt, "flydb");
    if (shell->connection == NULL) {
        fsql_text_str_add(prompt, "!");
    } else {
        const char *database = shell->driver->database(shell->connection);
        if (database != NULL && strcmp(database, shell->first) != 0) {
            fsql_text_printf(prompt, "/%s", database);
        }
        transaction = shell->driver->state(shell->connection);
    }
    fsql_text_str_add(prompt, shell->sql_mode ? "[sql]" : "");
    fsql_text_str_add(prompt, fsql_shell_active(shell) ? "" : "@");
    fsql_text_str_add(prompt, transaction == 'T' ? "*" : transaction == 'E' ? "!" : "");
    if (place != '=') {
        fsql_text_byte(prompt, place);
    }
    fsql_text_str_add(prompt, "> ");
}

/* ----------------------------------------------------------------------- lines */

static fsql_line line_of_text(fsql_source *source, fsql_text *line)
{
    if (source->at >= source->text.len) {
        return FSQL_LINE_END;
    }
    const uint8_t *begin = source->text.data + source->at;
    const uint8_t *end = memchr(begin, '\n', source->text.len - source->at);
    size_t len = end != NULL ? (size_t)(end + 1 - begin) : source->text.len - source->at;
    fsql_text_add(line, begin, len);
    source->at += len;
    return FSQL_LINE;
}

static fsql_line line_of_file(fsql_source *source, fsql_text *line)
{
    char *read = NULL;
    size_t room = 0;
    ssize_t len = getline(&read, &room, source->file);
    if (len > 0) {
        fsql_text_add(line, read, (size_t)len);
    }
    free(read);
    return len > 0 ? FSQL_LINE : fsql_interrupted() ? FSQL_LINE_INTERRUPTED : FSQL_LINE_END;
}

fsql_line fsql_shell_line(fsql_shell *shell, const char *prompt, fsql_text *line)
{
    fsql_source *source = shell->source;
    if (source == NULL) {
        return FSQL_LINE_END;
    }
    if (source->input != NULL) {
        fsql_line got = fsql_input_read(source->input, prompt, line);
        if (got == FSQL_LINE) {
            fsql_text_byte(line, '\n');
        }
        return got;
    }
    source->line++;
    fsql_line got = source->file != NULL ? line_of_file(source, line) : line_of_text(source, line);
    if (got == FSQL_LINE && source->line == 1 && line->len >= 3 &&
        memcmp(line->data, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark is no SQL */
        memmove(line->data, line->data + 3, line->len - 2);
        line->len -= 3;
    }
    if (got == FSQL_LINE && strcasecmp(fsql_vars_text(&shell->vars, "ECHO", "none"), "all") == 0 &&
        shell->nesting == 0) {
        (void)printf("%s", line->data);
        (void)fflush(stdout);
    }
    return got;
}

/* ------------------------------------------------------------------ statements */

/* A person's statement goes into the history as one entry, on one line where that says the same. */
static void remember(fsql_shell *shell, const fsql_text *lines)
{
    fsql_text entry = {0};
    bool joinable = strstr(fsql_text_str(lines), "--") == NULL &&
                    strpbrk(fsql_text_str(lines), "'\"$") == NULL;
    fsql_text_str_add(&entry, fsql_text_str(lines));
    while (entry.len > 0 && entry.data[entry.len - 1] == '\n') {
        entry.data[--entry.len] = 0;
    }
    for (size_t i = 0; joinable && i < entry.len; i++) {
        entry.data[i] = entry.data[i] == '\n' ? ' ' : entry.data[i];
    }
    fsql_input_remember(shell->source->input, fsql_text_str(&entry));
    fsql_text_deinit(&entry);
}

/* Run what the splitter holds. It is empty afterwards. */
static bool run_statement(fsql_shell *shell)
{
    fsql_text *statement = &shell->split.statement;
    while (statement->len > 0 && strchr(" \t\r\n", statement->data[statement->len - 1]) != NULL) {
        statement->data[--statement->len] = 0;
    }
    bool good = true;
    if (fsql_shell_active(shell) && shell->split.begun &&
        strcmp(fsql_text_str(statement), ";") != 0) {
        fsql_text_clear(&shell->last);
        fsql_text_add(&shell->last, statement->data, statement->len);
        fsql_split_clear(&shell->split);
        good = fsql_shell_run(shell, fsql_text_bytes(&shell->last));
    }
    fsql_split_clear(&shell->split);
    return good;
}

/*
 * A line that is read: all statements and commands in it. False if one failed and the script is to
 * stop.
 */
static bool take_line(fsql_shell *shell, fly_bytes line)
{
    size_t at = 0;
    bool good = true;
    while (good && !shell->quit) {
        switch (fsql_split_next(&shell->split, line, &at)) {
        case FSQL_SPLIT_MORE:
            return true;
        case FSQL_SPLIT_STATEMENT:
            good = run_statement(shell);
            break;
        case FSQL_SPLIT_COMMAND:
            switch (fsql_commands_run(shell, line, &at)) {
            case FSQL_COMMAND_GOOD:
                break;
            case FSQL_COMMAND_FAILED:
                good = false;
                break;
            case FSQL_COMMAND_SEND:
                good = run_statement(shell);
                break;
            }
            break;
        }
        if (!good && (shell->interactive || !fsql_vars_on(&shell->vars, "ON_ERROR_STOP", false))) {
            good = true;
        }
        if (fsql_interrupted() && shell->source != NULL && shell->source->input == NULL) {
            return false; /* Ctrl-C stops a script, not one statement of it */
        }
    }
    return good;
}

static int read_lines(fsql_shell *shell)
{
    fsql_text line = {0};
    fsql_text prompt = {0};
    fsql_text entry = {0}; /* lines of a person's statement */
    int code = FSQL_EXIT_GOOD;
    while (!shell->quit) {
        fsql_text_clear(&line);
        fsql_text_clear(&prompt);
        prompt_of(shell, &prompt);
        fsql_line got = fsql_shell_line(shell, fsql_text_str(&prompt), &line);
        if (got == FSQL_LINE_INTERRUPTED && shell->source->input != NULL) {
            fsql_split_clear(&shell->split);
            fsql_text_clear(&entry);
            continue;
        }
        if (got != FSQL_LINE) {
            break;
        }
        bool fresh = shell->split.statement.len == 0 && shell->split.inside == 0;
        bool person = shell->source->input != NULL;
        fsql_text_add(&entry, line.data, person ? line.len : 0);
        bool good = fresh && person && fsql_shell_active(shell) &&
                            fsql_commands_word(shell, fsql_text_str(&line))
                        ? true
                        : take_line(shell, fsql_text_bytes(&line));
        if (person && shell->split.statement.len == 0) {
            remember(shell, &entry);
            fsql_text_clear(&entry);
        }
        if (!good) {
            code = FSQL_EXIT_SCRIPT;
            break;
        }
    }
    /* A script's last statement may come without its semicolon. */
    if (code == FSQL_EXIT_GOOD && !shell->quit && shell->source->input == NULL &&
        shell->nesting == 0 && shell->split.statement.len > 0) {
        bool good = run_statement(shell);
        if (!good && fsql_vars_on(&shell->vars, "ON_ERROR_STOP", false)) {
            code = FSQL_EXIT_SCRIPT;
        }
    }
    fsql_text_deinit(&entry);
    fsql_text_deinit(&prompt);
    fsql_text_deinit(&line);
    return shell->quit && shell->exit_code != 0 ? shell->exit_code : code;
}

int fsql_shell_read(fsql_shell *shell, fsql_source *source)
{
    fsql_source *outer = shell->source;
    uint32_t levels = shell->branch_count;
    shell->source = source;
    int code = read_lines(shell);
    if (shell->branch_count > levels && source->input == NULL) {
        fsql_shell_complain(shell, "reached EOF without finding closing \\endif(s)");
        shell->branch_count = levels;
    }
    shell->source = outer;
    return code;
}

int fsql_shell_read_file(fsql_shell *shell, const char *path, bool relative, bool named)
{
    fsql_text full = {0};
    const char *outer = shell->source != NULL ? shell->source->name : NULL;
    const char *slash = relative && outer != NULL && path[0] != '/' ? strrchr(outer, '/') : NULL;
    if (slash != NULL) {
        fsql_text_add(&full, outer, (size_t)(slash + 1 - outer));
    }
    fsql_text_str_add(&full, path);
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(full.data, "r");
    int code = FSQL_EXIT_OWN;
    if (file == NULL) {
        fsql_shell_complain(shell, "%s%s: %s", shell->source == NULL ? "fsql: error: " : "",
                            full.data, strerror(errno));
    } else if (shell->nesting >= FSQL_NESTING_MAX) {
        fsql_shell_complain(shell, "\\i: files include each other more than %d deep",
                            FSQL_NESTING_MAX);
    } else {
        fsql_source source = {.file = file,
                              .name = named ? (standard ? "<stdin>" : full.data) : NULL};
        bool top = shell->source == NULL;
        bool interactive = shell->interactive;
        shell->interactive = false; /* errors in a file may stop it */
        shell->nesting += !top;
        code = fsql_shell_read(shell, &source);
        shell->nesting -= !top;
        shell->interactive = interactive;
    }
    if (file != NULL && !standard) {
        (void)fclose(file);
    }
    fsql_text_deinit(&full);
    return code;
}

bool fsql_shell_command(fsql_shell *shell, const char *line)
{
    size_t at = 0;
    fly_bytes bytes = fly_bytes_str(line);
    bool good = true;
    while (good && !shell->quit && at < bytes.len) {
        switch (fsql_split_next(&shell->split, bytes, &at)) {
        case FSQL_SPLIT_MORE:
            break;
        case FSQL_SPLIT_STATEMENT:
            good = run_statement(shell);
            break;
        case FSQL_SPLIT_COMMAND: {
            fsql_command_outcome outcome = fsql_commands_run(shell, bytes, &at);
            good = outcome == FSQL_COMMAND_SEND ? run_statement(shell)
                                                : outcome == FSQL_COMMAND_GOOD;
            break;
        }
        }
    }
    return good;
}
