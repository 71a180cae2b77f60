/*
 * \copy: COPY that reads or writes a file of this machine.
 *
 *     \copy t (a, b) from 'in.csv' with (format csv)
 *     \copy (select 1) to program 'gzip > out.gz'
 *     \copy t to stdout
 *
 * The statement becomes COPY ... FROM STDIN or TO STDOUT, and the data goes between the driver and the
 * file. Variables are not replaced, as in psql: the line is taken as it stands.
 */
#define _POSIX_C_SOURCE 200809L

#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct copy_plan {
    fsql_text what;    /* table and columns, or a query in parentheses */
    fsql_text options; /* behind the file */
    fsql_text file;
    bool from;
    bool program;
    bool standard; /* stdin, stdout: the script's own lines, or output */
} copy_plan;

/* Take a word: parentheses and quotes hold it together. */
static size_t word_end(const char *text, size_t at)
{
    size_t depth = 0;
    char quote = 0;
    for (; text[at] != 0; at++) {
        char c = text[at];
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '(') {
            depth++;
        } else if (c == ')' && depth > 0) {
            depth--;
        } else if ((c == ' ' || c == '\t') && depth == 0) {
            break;
        }
    }
    return at;
}

static bool is(const char *text, size_t at, size_t end, const char *word)
{
    return end - at == strlen(word) && strncasecmp(text + at, word, end - at) == 0;
}

static size_t skip(const char *text, size_t at)
{
    return at + strspn(text + at, " \t");
}

/* 'it''s' without its quotes. */
static void unquote(const char *text, size_t at, size_t end, fsql_text *out)
{
    if (end - at < 2 || text[at] != '\'' || text[end - 1] != '\'') {
        fsql_text_add(out, text + at, end - at);
        return;
    }
    for (size_t i = at + 1; i + 1 < end; i++) {
        fsql_text_byte(out, text[i]);
        i += text[i] == '\'' && text[i + 1] == '\'' && i + 2 < end;
    }
}

static bool parse(const char *text, copy_plan *plan)
{
    size_t at = skip(text, 0);
    for (;;) {
        size_t end = word_end(text, at);
        if (end == at) {
            return false; /* neither from nor to */
        }
        bool from = is(text, at, end, "from");
        if (from || is(text, at, end, "to")) {
            plan->from = from;
            at = skip(text, end);
            break;
        }
        fsql_text_str_add(&plan->what, plan->what.len > 0 ? " " : "");
        fsql_text_add(&plan->what, text + at, end - at);
        at = skip(text, end);
    }
    size_t end = word_end(text, at);
    if (is(text, at, end, "program")) {
        plan->program = true;
        at = skip(text, end);
        end = word_end(text, at);
    } else if (is(text, at, end, "stdin") || is(text, at, end, "stdout") ||
               is(text, at, end, "pstdin") || is(text, at, end, "pstdout")) {
        plan->standard = true;
    }
    if (end == at || plan->what.len == 0) {
        return false;
    }
    unquote(text, at, end, &plan->file);
    fsql_text_str_add(&plan->options, text + skip(text, end));
    return true;
}

static FILE *open_file(const copy_plan *plan)
{
    const char *file = fsql_text_str(&plan->file);
    if (plan->standard) {
        /* pstdin and pstdout are the program's own, whatever else is redirected. */
        return file[0] == 'p' || file[0] == 'P' ? (plan->from ? stdin : stdout) : NULL;
    }
    (void)fflush(NULL);
    return plan->program ? popen(file, plan->from ? "r" : "w")
                         : fopen(file, plan->from ? "r" : "w");
}

static bool close_file(const copy_plan *plan, FILE *file)
{
    if (plan->standard || file == NULL) {
        return true;
    }
    return (plan->program ? pclose(file) : fclose(file)) == 0;
}

static bool run(fsql_shell *shell, const copy_plan *plan)
{
    FILE *file = open_file(plan);
    if (file == NULL && !plan->standard) {
        fsql_shell_complain(shell, "%s: %s", fsql_text_str(&plan->file), strerror(errno));
        return false;
    }
    fsql_text statement = {0};
    fsql_text_printf(&statement, "COPY %s %s %s", plan->what.data,
                     plan->from ? "FROM STDIN" : "TO STDOUT", fsql_text_str(&plan->options));
    shell->copy_file = file;
    bool good = fsql_shell_run(shell, fsql_text_bytes(&statement));
    shell->copy_file = NULL;
    if (!close_file(plan, file)) {
        fsql_shell_complain(shell, "%s: could not finish", fsql_text_str(&plan->file));
        good = false;
    }
    fsql_text_deinit(&statement);
    return good;
}

fsql_command_outcome fsql_command_copy(fsql_call *call)
{
    fsql_text line = {0};
    const char *begin = (const char *)call->line.data + call->at;
    size_t len = call->line.len - call->at;
    while (len > 0 && strchr(" \t\r\n;", begin[len - 1]) != NULL) {
        len--;
    }
    fsql_text_add(&line, begin, len);
    call->at = call->line.len;
    copy_plan plan = {0};
    bool good = parse(fsql_text_str(&line), &plan);
    if (!good) {
        fsql_shell_complain(call->shell, "\\copy: parse error at end of line");
    } else {
        good = run(call->shell, &plan);
    }
    fsql_text_deinit(&plan.what);
    fsql_text_deinit(&plan.options);
    fsql_text_deinit(&plan.file);
    fsql_text_deinit(&line);
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}
