/*
 * Running statements: what a person sees before, meanwhile and after.
 *
 *     source -> splitter -> statement -> driver -> result -> format -> pager, file or pipe
 *                      `--> command (commands.c)
 *
 * Messages go to standard error, results and tags to where output goes.
 */
#define _POSIX_C_SOURCE 200809L

#include "shell.h"

#include "commands.h"
#include "interrupt.h"

#include <fly/text.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

uint64_t fsql_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------- messages */

/* "fsql:file:12: ", for whoever reads a script's errors. */
static void print_place(const fsql_shell *shell)
{
    if (shell->source != NULL && shell->source->name != NULL) {
        (void)fprintf(stderr, "fsql:%s:%zu: ", shell->source->name, shell->source->line);
    }
}

/* Take the bar from the screen: something else is to be written there. */
static void progress_end(fsql_shell *shell)
{
    if (shell->progress_told != 0) {
        (void)fprintf(stderr, "\r\033[K");
        shell->progress_told = 0;
    }
}

void fsql_shell_complain(fsql_shell *shell, const char *format, ...)
{
    va_list arguments;
    progress_end(shell);
    (void)fflush(stdout);
    print_place(shell);
    if (shell->source != NULL && shell->source->name != NULL) {
        (void)fprintf(stderr, "error: ");
    }
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

enum { EXCERPT = 60, EXCERPT_RIGHT = 10 }; /* columns that are shown; right of the caret */

/* One character as it is shown: a tab is a space. */
static size_t columns_at(fly_bytes text, size_t at, size_t *len)
{
    uint32_t code;
    *len = fly_text_next(text, at, &code);
    int columns = code == '\t' ? 1 : fly_text_char_width(code);
    return columns > 0 ? (size_t)columns : 0;
}

static size_t columns_between(fly_bytes text, size_t at, size_t end)
{
    size_t columns = 0;
    for (size_t len; at < end; at += len) {
        columns += columns_at(text, at, &len);
    }
    return columns;
}

/* Move the end of a line to the left until no more than `most` columns are between it and `from`. */
static size_t cut_end(fly_bytes text, size_t from, size_t end, size_t most)
{
    size_t columns = 0;
    size_t at = from;
    for (size_t len; at < end; at += len) {
        columns += columns_at(text, at, &len);
        if (columns > most) {
            break;
        }
    }
    return at;
}

/*
 * "LINE 2: SELECT foo FROM" and a caret below the place. A line that is too long loses its end, or,
 * if that would take the place from sight, its beginning as well.
 */
static void print_excerpt(fly_bytes text, uint32_t position)
{
    size_t place = position - 1;
    if (position == 0 || place > text.len) {
        return;
    }
    size_t line = 1;
    size_t begin = 0;
    for (size_t i = 0; i < place; i++) {
        line += text.data[i] == '\n';
        begin = text.data[i] == '\n' ? i + 1 : begin;
    }
    size_t end = begin;
    while (end < text.len && text.data[end] != '\n' && text.data[end] != '\r') {
        end++;
    }
    place = place > end ? end : place;
    const char *before = "";
    const char *after = "";
    if (columns_between(text, begin, end) > EXCERPT) {
        size_t whole = end;
        if (columns_between(text, begin, place) + EXCERPT_RIGHT <= EXCERPT) {
            end = cut_end(text, begin, end, EXCERPT);
        } else {
            end = cut_end(text, place, end, EXCERPT_RIGHT);
            size_t columns = columns_between(text, begin, end);
            before = columns > EXCERPT ? "..." : "";
            for (size_t len; columns > EXCERPT; begin += len) {
                columns -= columns_at(text, begin, &len);
            }
        }
        after = end < whole ? "..." : "";
    }
    fsql_text shown = {0};
    fsql_text_printf(&shown, "LINE %zu: %s", line, before);
    size_t caret = shown.len + columns_between(text, begin, place);
    for (size_t i = begin; i < end; i++) {
        fsql_text_byte(&shown, text.data[i] == '\t' ? ' ' : (char)text.data[i]);
    }
    (void)fprintf(stderr, "%s%s\n%*s^\n", shown.data, after, (int)caret, "");
    fsql_text_deinit(&shown);
}

void fsql_shell_error(fsql_shell *shell, const fsql_error *error, fly_bytes text)
{
    const fly_err *err = &error->err;
    const char *verbosity = fsql_vars_text(&shell->vars, "VERBOSITY", "default");
    bool verbose = strcasecmp(verbosity, "verbose") == 0;
    bool terse = strcasecmp(verbosity, "terse") == 0;
    progress_end(shell);
    (void)fflush(stdout);
    (void)fflush(shell->out);
    print_place(shell);
    const char *state = err->sqlstate[0] != 0 ? err->sqlstate : "XX000";
    if (strcasecmp(verbosity, "sqlstate") == 0) {
        (void)fprintf(stderr, "%s:  %s\n", error->severity, state);
        return;
    }
    (void)fprintf(stderr, "%s:  %s%s%s", error->severity, verbose ? state : "", verbose ? ": " : "",
                  err->message);
    if (terse) {
        if (err->position > 0) {
            (void)fprintf(stderr, " at character %zu",
                          fly_text_count(fly_bytes_of(text.data, err->position - 1)) + 1);
        }
        (void)fputc('\n', stderr);
        return;
    }
    (void)fputc('\n', stderr);
    print_excerpt(text, err->position);
    if (err->detail[0] != 0) {
        (void)fprintf(stderr, "DETAIL:  %s\n", err->detail);
    }
    if (err->hint[0] != 0) {
        (void)fprintf(stderr, "HINT:  %s\n", err->hint);
    }
}

/* --------------------------------------------------------------------- output */

void fsql_screen(size_t *columns, size_t *rows)
{
    struct winsize size = {0};
    *columns = 0;
    *rows = 0;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

/* Whether a text does not fit on the screen that it is for. */
static bool overflows(const fsql_shell *shell, const fsql_text *text)
{
    size_t columns;
    size_t rows;
    fsql_screen(&columns, &rows);
    if (!shell->pager || !shell->interactive || shell->out != stdout || rows == 0 ||
        !isatty(STDIN_FILENO)) {
        return false;
    }
    size_t lines = 0;
    for (size_t at = 0; at < text->len && lines + 1 < rows;) {
        const char *end = memchr(text->data + at, '\n', text->len - at);
        size_t len = end != NULL ? (size_t)(end - (text->data + at)) : text->len - at;
        size_t width = fly_text_width(fly_bytes_of(text->data + at, len));
        lines += width > columns && columns > 0 ? (width + columns - 1) / columns : 1;
        at += len + 1;
    }
    return lines + 1 >= rows;
}

void fsql_shell_write(fsql_shell *shell, const fsql_text *text)
{
    progress_end(shell);
    if (overflows(shell, text)) {
        const char *pager = getenv("FSQL_PAGER");
        pager = pager != NULL ? pager : getenv("PAGER");
        pager = pager != NULL ? pager : "less -FRSX";
        (void)fflush(stdout);
        FILE *pipe = pager[strspn(pager, " \t")] != 0 ? popen(pager, "w") : NULL;
        if (pipe != NULL) {
            (void)fwrite(text->data, 1, text->len, pipe);
            (void)pclose(pipe);
            return;
        }
    }
    (void)fwrite(fsql_text_str(text), 1, text->len, shell->out);
    (void)fflush(shell->out);
}

static void output_close(fsql_shell *shell)
{
    if (shell->out_pipe) {
        (void)pclose(shell->out);
    } else if (shell->out != stdout) {
        (void)fclose(shell->out);
    }
    shell->out = stdout;
    shell->out_pipe = false;
}

bool fsql_shell_output(fsql_shell *shell, const char *where)
{
    if (where == NULL || where[0] == 0) {
        output_close(shell);
        return true;
    }
    bool pipe = where[0] == '|';
    (void)fflush(stdout);
    FILE *file = pipe ? popen(where + 1, "w") : fopen(where, "w");
    if (file == NULL) {
        fsql_shell_complain(shell, "%s: %s", where, strerror(errno));
        return false;
    }
    output_close(shell);
    shell->out = file;
    shell->out_pipe = pipe;
    return true;
}

static fsql_format format_now(const fsql_shell *shell)
{
    fsql_format format = shell->format;
    size_t rows;
    format.null = shell->null;
    format.field = shell->field;
    format.record = shell->record;
    format.title = shell->once.title != NULL ? shell->once.title : shell->title;
    format.expanded = shell->once.expanded ? 1 : format.expanded;
    fsql_screen(&format.columns, &rows);
    return format;
}

void fsql_shell_show(fsql_shell *shell, const fsql_result *result, const char *title,
                     const char *notes)
{
    fsql_text text = {0};
    fsql_format format = format_now(shell);
    format.title = title;
    format.notes = notes;
    fsql_format_write(&format, result, true, true, &text);
    fsql_shell_write(shell, &text);
    fsql_text_deinit(&text);
}

/* -------------------------------------------------------- while a statement runs */

static void on_notice(void *ctx, const fsql_error *notice)
{
    fsql_shell *shell = ctx;
    if (shell->capture == NULL) {
        fsql_shell_error(shell, notice, shell->running);
    }
}

enum { BAR = 30, BAR_AFTER_MS = 1000, BAR_EVERY_MS = 100 };

/* A bar below the statement, once it has run for a second, if standard error is a screen. */
static void on_progress(void *ctx, uint64_t done, uint64_t of)
{
    fsql_shell *shell = ctx;
    uint64_t now = fsql_now();
    uint64_t elapsed_ms = (now - shell->started) / 1000000;
    if (shell->capture != NULL || elapsed_ms < BAR_AFTER_MS || !isatty(STDERR_FILENO) ||
        now - shell->progress_told < (uint64_t)BAR_EVERY_MS * 1000000) {
        return;
    }
    shell->progress_told = now;
    double part = of > 0 ? (double)done / (double)of : 0;
    part = part > 1 ? 1 : part;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++) {
        bool moving = of == 0 && (elapsed_ms / 100 + (uint64_t)i) % 10 < 3;
        bar[i] = moving || i < (int)(part * BAR) ? '#' : '.';
    }
    bar[BAR] = 0;
    if (of > 0) {
        (void)fprintf(stderr, "\r[%s] %3d %%", bar, (int)(part * 100));
    } else {
        (void)fprintf(stderr, "\r[%s]", bar);
    }
    (void)fprintf(stderr, "  %" PRIu64 " rows  %.1f s\033[K", done, (double)elapsed_ms / 1000);
    (void)fflush(stderr);
}

static void set_quietly(fsql_shell *shell, const char *name, const char *value)
{
    fsql_text complaint = {0};
    (void)fsql_vars_set(&shell->vars, name, value, &complaint);
    fsql_text_deinit(&complaint);
}

/* \gset: the only row's columns become variables; null removes one. */
static void into_variables(fsql_shell *shell, const fsql_result *result)
{
    if (fsql_result_rows(result) != 1) {
        fsql_shell_complain(shell, fsql_result_rows(result) == 0
                                       ? "no rows returned for \\gset"
                                       : "more than one row returned for \\gset");
        return;
    }
    for (size_t c = 0; c < result->column_count; c++) {
        fsql_text name = {0};
        fsql_text value = {0};
        fsql_text complaint = {0};
        fly_bytes cell = fsql_result_at(result, 0, c);
        fsql_text_printf(&name, "%s%s", shell->once.prefix != NULL ? shell->once.prefix : "",
                         result->columns[c].name);
        fsql_text_add(&value, cell.data, cell.len);
        if (!fsql_vars_set(&shell->vars, name.data,
                           cell.data != NULL ? fsql_text_str(&value) : NULL, &complaint)) {
            fsql_shell_complain(shell, "%s", fsql_text_str(&complaint));
        }
        fsql_text_deinit(&name);
        fsql_text_deinit(&value);
        fsql_text_deinit(&complaint);
    }
}

/* Changes that return rows have a tag worth seeing below them. */
static bool tag_follows(const fsql_result *result)
{
    return !result->has_rows || strncmp(result->tag, "INSERT", 6) == 0 ||
           strncmp(result->tag, "UPDATE", 6) == 0 || strncmp(result->tag, "DELETE", 6) == 0 ||
           strncmp(result->tag, "MERGE", 5) == 0;
}

static bool on_result(void *ctx, fsql_result *result, bool last)
{
    fsql_shell *shell = ctx;
    if (shell->capture != NULL) {
        if (last) {
            fsql_result kept = *shell->capture;
            *shell->capture = *result;
            *result = kept;
        }
        return true;
    }
    if (result->has_rows && shell->once.into_vars) {
        into_variables(shell, result);
        return true;
    }
    fsql_text text = {0};
    if (result->has_rows) {
        fsql_format format = format_now(shell);
        fsql_format_write(&format, result, !shell->piece_shown, last, &text);
        shell->piece_shown = !last;
    }
    if (last) {
        shell->rows = result->rows_before + fsql_result_rows(result);
        if (!result->has_rows) { /* "INSERT 0 3" */
            const char *number = strrchr(result->tag, ' ');
            shell->rows = number != NULL ? strtoul(number, NULL, 10) : 0;
        }
        bool data_shown = shell->data_shown; /* a tag would look like a part of it */
        shell->data_shown = false;
        if (tag_follows(result) && !data_shown && !fsql_vars_on(&shell->vars, "QUIET", false)) {
            fsql_text_printf(&text, "%s\n", result->tag);
        }
    }
    fsql_shell_write(shell, &text);
    fsql_text_deinit(&text);
    return !fsql_interrupted();
}

/* ----------------------------------------------------------------------- COPY */

/* Data for COPY FROM STDIN: of \copy's file, or of the script itself up to a line "\.". */
static bool on_copy_read(void *ctx, fly_bytes *data, fsql_text *failure)
{
    fsql_shell *shell = ctx;
    *data = fly_bytes_of(NULL, 0);
    fsql_text_clear(&shell->copy_line);
    if (fsql_interrupted()) {
        fsql_text_str_add(failure, "canceled by user");
        return false;
    }
    if (shell->copy_file != NULL) {
        char piece[65536];
        size_t len = fread(piece, 1, sizeof piece, shell->copy_file);
        if (len > 0) {
            fsql_text_add(&shell->copy_line, piece, len);
            *data = fsql_text_bytes(&shell->copy_line);
        } else if (ferror(shell->copy_file)) {
            fsql_text_printf(failure, "could not read from file: %s", strerror(errno));
            return false;
        }
        return true;
    }
    fsql_line got = fsql_shell_line(shell, ">> ", &shell->copy_line);
    if (got == FSQL_LINE_INTERRUPTED) {
        fsql_text_str_add(failure, "canceled by user");
        return false;
    }
    const char *line = fsql_text_str(&shell->copy_line);
    if (got == FSQL_LINE && strcmp(line, "\\.\n") != 0 && strcmp(line, "\\.\r\n") != 0 &&
        strcmp(line, "\\.") != 0) {
        *data = fsql_text_bytes(&shell->copy_line);
    }
    return true;
}

static bool on_copy_write(void *ctx, fly_bytes data)
{
    fsql_shell *shell = ctx;
    FILE *to = shell->copy_file != NULL ? shell->copy_file : shell->out;
    shell->data_shown = to == shell->out;
    return fwrite(data.data, 1, data.len, to) == data.len;
}

/* ------------------------------------------------------------------- connecting */

void fsql_shell_init(fsql_shell *shell)
{
    *shell = (fsql_shell){.format = fsql_format_default(), .out = stdout, .pager = true};
    shell->watch =
        (fsql_watch){shell, on_notice, on_progress, on_result, on_copy_read, on_copy_write};
    fsql_split_init(&shell->split, &shell->vars);
    set_quietly(shell, "VERSION", "FlyDB " FSQL_VERSION);
    set_quietly(shell, "VERBOSITY", "default");
    set_quietly(shell, "ECHO", "none");
}

static char *kept(const char *text)
{
    return text != NULL ? fsql_copy(text) : NULL;
}

static void free_target(fsql_target *target)
{
    free((char *)(uintptr_t)target->place);
    free((char *)(uintptr_t)target->database);
    free((char *)(uintptr_t)target->user);
    free((char *)(uintptr_t)target->host);
    free((char *)(uintptr_t)target->port);
    *target = (fsql_target){0};
}

static void free_once(fsql_shell *shell)
{
    free(shell->once.file);
    free(shell->once.prefix);
    shell->once = (fsql_once){0};
}

void fsql_shell_deinit(fsql_shell *shell)
{
    if (shell->connection != NULL) {
        shell->driver->close(shell->connection);
    }
    output_close(shell);
    free_once(shell);
    free_target(&shell->target);
    free(shell->first);
    free(shell->null);
    free(shell->field);
    free(shell->record);
    free(shell->title);
    fsql_result_deinit(&shell->result);
    fsql_text_deinit(&shell->copy_line);
    fsql_text_deinit(&shell->last);
    fsql_split_deinit(&shell->split);
    fsql_vars_deinit(&shell->vars);
}

void fsql_shell_tell_connection(fsql_shell *shell)
{
    set_quietly(shell, "DBNAME", shell->driver->database(shell->connection));
    set_quietly(shell, "USER", shell->driver->user(shell->connection));
    const char *version = shell->driver->setting(shell->connection, "server_version");
    set_quietly(shell, "SERVER_VERSION_NAME", version);
}

bool fsql_shell_connect(fsql_shell *shell, const fsql_target *target)
{
    fsql_error error = {0};
    const fsql_driver *driver = fsql_driver_for(target);
    if (driver == NULL) {
        fsql_shell_complain(shell, "fsql: this build has no driver for \"%s\"",
                            target->place != NULL ? target->place : "");
        return false;
    }
    void *connection = driver->open(target, &shell->watch, &error);
    if (connection == NULL) {
        fsql_shell_complain(shell, "fsql: %s%s%s", error.err.message,
                            error.err.hint[0] != 0 ? "\nHINT:  " : "", error.err.hint);
        return false;
    }
    fsql_target copy = {kept(target->place), kept(target->database), kept(target->user),
                        kept(target->host),  kept(target->port),     target->read_only};
    if (shell->connection != NULL) {
        shell->driver->close(shell->connection);
    }
    free_target(&shell->target);
    shell->target = copy;
    shell->driver = driver;
    shell->connection = connection;
    if (shell->first == NULL) {
        shell->first = fsql_copy("default");
    }
    fsql_shell_tell_connection(shell);
    return true;
}

/* ---------------------------------------------------------------------- running */

static void print_time(fsql_shell *shell, uint64_t elapsed)
{
    double ms = (double)elapsed / 1e6;
    if (ms < 1000) {
        (void)printf("Time: %.3f ms\n", ms);
    } else {
        double seconds = ms / 1000;
        int minutes = (int)(seconds / 60);
        (void)printf("Time: %.3f ms (%02d:%06.3f)\n", ms, minutes, seconds - 60.0 * minutes);
    }
    (void)fflush(stdout);
    (void)shell;
}

/* What a script can ask after each statement. */
static void tell_outcome(fsql_shell *shell, bool good, const fsql_error *error)
{
    char rows[24];
    (void)snprintf(rows, sizeof rows, "%zu", good ? shell->rows : 0);
    const char *state = error->err.sqlstate[0] != 0 ? error->err.sqlstate : "XX000";
    set_quietly(shell, "ERROR", good ? "false" : "true");
    set_quietly(shell, "SQLSTATE", good ? "00000" : state);
    set_quietly(shell, "ROW_COUNT", rows);
    if (!good) {
        set_quietly(shell, "LAST_ERROR_MESSAGE", error->err.message);
        set_quietly(shell, "LAST_ERROR_SQLSTATE", state);
    }
}

/* Where one statement's output goes, and back. */
static bool output_once(fsql_shell *shell, FILE **before, bool *pipe_before)
{
    *before = shell->out;
    *pipe_before = shell->out_pipe;
    if (shell->once.file == NULL) {
        return true;
    }
    shell->out = stdout;
    shell->out_pipe = false;
    if (!fsql_shell_output(shell, shell->once.file)) {
        shell->out = *before;
        shell->out_pipe = *pipe_before;
        return false;
    }
    return true;
}

static bool send(fsql_shell *shell, fly_bytes text, fsql_error *error)
{
    shell->piece_shown = false;
    shell->data_shown = false;
    shell->rows = 0;
    shell->running = text;
    shell->started = fsql_now();
    shell->result.rows_max = (size_t)fsql_vars_number(&shell->vars, "FETCH_COUNT", 0);
    *error = (fsql_error){0};
    fsql_interrupt_clear();
    fsql_interrupt_calls(shell->driver->cancel, shell->connection);
    bool good = shell->driver->run(shell->connection, text, &shell->result, error);
    fsql_interrupt_calls(NULL, NULL);
    progress_end(shell);
    return good;
}

bool fsql_shell_query(fsql_shell *shell, const char *text, fsql_result *into, fsql_error *error)
{
    if (fsql_vars_on(&shell->vars, "ECHO_HIDDEN", false)) {
        (void)printf("********* QUERY **********\n%s\n**************************\n\n", text);
    }
    shell->capture = into;
    bool good = send(shell, fly_bytes_str(text), error);
    shell->capture = NULL;
    return good;
}

/* A script ends; for a person one attempt is made to connect again, to the database where they were.
 * What was open there, a transaction, settings, is gone, which they have to know. */
static void connection_lost(fsql_shell *shell)
{
    char *database = kept(shell->driver->database(shell->connection));
    char *user = kept(shell->driver->user(shell->connection));
    fsql_shell_complain(shell, "The connection to the server was lost.%s",
                        shell->interactive ? " Attempting to connect again." : "");
    shell->driver->close(shell->connection);
    shell->connection = NULL;
    if (!shell->interactive) {
        shell->quit = true;
        shell->exit_code = FSQL_EXIT_LOST;
    } else {
        fsql_target again = shell->target;
        again.database = database != NULL && database[0] != 0 ? database : again.database;
        again.user = user != NULL && user[0] != 0 ? user : again.user;
        bool good = fsql_shell_connect(shell, &again);
        fsql_shell_complain(shell, good ? "Connected again: settings and transactions are gone."
                                        : "Not connected. \\c tries again.");
    }
    free(database);
    free(user);
}

bool fsql_shell_run(fsql_shell *shell, fly_bytes text)
{
    FILE *before;
    bool pipe_before;
    fsql_error error = {0};
    if (shell->connection == NULL) {
        fsql_shell_complain(shell, "You are currently not connected to a database.");
        return false;
    }
    const char *echo = fsql_vars_text(&shell->vars, "ECHO", "none");
    if (shell->echo || strcasecmp(echo, "queries") == 0) {
        (void)printf("%.*s\n", (int)text.len, (const char *)text.data);
        (void)fflush(stdout);
    }
    if (!output_once(shell, &before, &pipe_before)) {
        free_once(shell);
        return false;
    }
    /* AUTOCOMMIT off: a transaction begins with the first statement that is outside of one. */
    bool good = true;
    if (!fsql_vars_on(&shell->vars, "AUTOCOMMIT", true) &&
        shell->driver->state(shell->connection) == 'I' && !fsql_commands_ends_transaction(text)) {
        good = send(shell, fly_bytes_str("BEGIN"), &error);
    }
    good = good && send(shell, text, &error);
    uint64_t elapsed = fsql_now() - shell->started;
    if (!good) {
        fsql_shell_error(shell, &error, text);
        if (strcasecmp(echo, "errors") == 0) {
            (void)fprintf(stderr, "STATEMENT:  %.*s\n", (int)text.len, (const char *)text.data);
        }
    }
    if (shell->once.file != NULL) {
        output_close(shell);
        shell->out = before;
        shell->out_pipe = pipe_before;
    }
    free_once(shell);
    if (shell->timing) {
        print_time(shell, elapsed);
    }
    tell_outcome(shell, good, &error);
    if (error.lost || shell->driver->state(shell->connection) == '?') {
        connection_lost(shell);
    } else {
        set_quietly(shell, "DBNAME", shell->driver->database(shell->connection));
    }
    return good;
}
