/*
 * The table of commands, and those that are short.
 */
#define _POSIX_C_SOURCE 200809L

#include "commands.h"

#include "interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Throw away what nobody asked for. */
static void ignore_rest(fsql_call *call)
{
    char *extra;
    while ((extra = fsql_argument(call)) != NULL) {
        fsql_shell_complain(call->shell, "\\%s: extra argument \"%s\" ignored", call->name, extra);
        free(extra);
    }
}

static fsql_command_outcome outcome(bool good)
{
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}

/* ------------------------------------------------------------------- the shell */

static fsql_command_outcome quit(fsql_call *call)
{
    call->shell->quit = true;
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome clear(fsql_call *call)
{
    (void)call;
    (void)printf("\033[H\033[2J\033[3J");
    (void)fflush(stdout);
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome version(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    const char *server = shell->connection != NULL
                             ? shell->driver->setting(shell->connection, "server_version")
                             : NULL;
    (void)printf("fsql (FlyDB) %s\n", FSQL_VERSION);
    if (server != NULL) {
        (void)printf("server version %s\n", server);
    }
    (void)fflush(stdout);
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome conninfo(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    fsql_text line = {0};
    if (shell->connection == NULL) {
        fsql_text_str_add(&line, "You are currently not connected to a database.");
    } else {
        shell->driver->describe(shell->connection, &line);
    }
    (void)printf("%s\n", fsql_text_str(&line));
    (void)fflush(stdout);
    fsql_text_deinit(&line);
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome status(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    (void)conninfo(call);
    if (shell->connection != NULL) {
        char state = shell->driver->state(shell->connection);
        (void)printf("Driver:       %s\n", shell->driver->name);
        (void)printf("Transaction:  %s\n", state == 'I'   ? "none"
                                           : state == 'T' ? "open"
                                           : state == 'E' ? "failed, waits for ROLLBACK"
                                                          : "unknown");
        static const char *const settings[] = {"server_version", "server_encoding",
                                               "client_encoding", "TimeZone", "DateStyle"};
        for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
            const char *value = shell->driver->setting(shell->connection, settings[i]);
            if (value != NULL) {
                (void)printf("%s:%*s%s\n", settings[i], (int)(17 - strlen(settings[i])), "", value);
            }
        }
    }
    (void)printf("Mode:         %s\n", shell->sql_mode ? "sql" : "normal");
    (void)printf("Timing:       %s\n", shell->timing ? "on" : "off");
    (void)printf("Format:       %s\n", fsql_format_name(shell->format.kind));
    (void)fflush(stdout);
    return FSQL_COMMAND_GOOD;
}

/* Set a switch by the argument, or turn it over. */
static bool turn(fsql_call *call, bool now)
{
    char *word = fsql_argument(call);
    int on = word != NULL ? fsql_switch(word) : !now;
    if (on < 0) {
        fsql_shell_complain(call->shell, "unrecognized value \"%s\" for \"\\%s\": Boolean expected",
                            word, call->name);
    }
    free(word);
    return on < 0 ? now : on == 1;
}

static fsql_command_outcome timing(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    shell->timing = turn(call, shell->timing);
    if (!fsql_vars_on(&shell->vars, "QUIET", false)) {
        (void)printf("Timing is %s.\n", shell->timing ? "on" : "off");
    }
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome sql_mode(fsql_call *call)
{
    call->shell->sql_mode = true;
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome normal_mode(fsql_call *call)
{
    call->shell->sql_mode = false;
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome connect_to(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    fsql_error error = {0};
    char *place = fsql_argument_path(call);
    char *user = fsql_argument(call);
    bool good = true;
    bool dash = place == NULL || strcmp(place, "-") == 0;
    if (!dash && (strchr(place, '/') != NULL || strcmp(place, ":memory:") == 0)) {
        fsql_target target = {.place = place, .user = user};
        good = fsql_shell_connect(shell, &target);
    } else if (shell->connection == NULL) {
        fsql_target target = shell->target;
        target.database = dash ? target.database : place;
        good = fsql_shell_connect(shell, &target);
    } else if (!shell->driver->change(shell->connection, dash ? NULL : place, user, &error)) {
        fsql_shell_complain(shell, "\\connect: %s", error.err.message);
        if (shell->interactive) {
            (void)fprintf(stderr, "Previous connection kept\n");
        }
        good = false;
    }
    if (good) {
        fsql_shell_tell_connection(shell);
    }
    if (good && !fsql_vars_on(&shell->vars, "QUIET", false)) {
        (void)printf("You are now connected to database \"%s\" as user \"%s\".\n",
                     shell->driver->database(shell->connection),
                     shell->driver->user(shell->connection));
        (void)fflush(stdout);
    }
    free(place);
    free(user);
    return outcome(good);
}

static fsql_command_outcome shell_command(fsql_call *call)
{
    char *command = fsql_argument_rest(call);
    const char *shell = getenv("SHELL");
    (void)fflush(NULL);
    int result = system(command[0] != 0 ? command : shell != NULL ? shell : "/bin/sh");
    free(command);
    if (result != 0) {
        fsql_shell_complain(call->shell, "\\!: failed");
    }
    return outcome(result == 0);
}

/* ----------------------------------------------------------------- input, output */

static fsql_command_outcome output(fsql_call *call)
{
    char *where = fsql_argument_path(call);
    bool good = fsql_shell_output(call->shell, where);
    free(where);
    return outcome(good);
}

static fsql_command_outcome include(fsql_call *call)
{
    char *path = fsql_argument_path(call);
    if (path == NULL) {
        fsql_shell_complain(call->shell, "\\%s: missing required argument", call->name);
        return FSQL_COMMAND_FAILED;
    }
    bool relative = strcmp(call->name, "ir") == 0 || strcmp(call->name, "include_relative") == 0;
    int code = fsql_shell_read_file(call->shell, path, relative, true);
    free(path);
    return outcome(code == FSQL_EXIT_GOOD);
}

static void echo_words(fsql_call *call, FILE *to)
{
    char *word = fsql_argument(call);
    bool newline = true;
    bool first = true;
    if (word != NULL && strcmp(word, "-n") == 0) {
        newline = false;
        free(word);
        word = fsql_argument(call);
    }
    while (word != NULL) {
        (void)fprintf(to, "%s%s", first ? "" : " ", word);
        first = false;
        free(word);
        word = fsql_argument(call);
    }
    (void)fprintf(to, "%s", newline ? "\n" : "");
    (void)fflush(to);
}

static fsql_command_outcome echo(fsql_call *call)
{
    echo_words(call, stdout);
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome query_echo(fsql_call *call)
{
    echo_words(call, call->shell->out);
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome warn(fsql_call *call)
{
    echo_words(call, stderr);
    return FSQL_COMMAND_GOOD;
}

/* -------------------------------------------------------------------- variables */

static fsql_command_outcome set(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    char *name = fsql_argument(call);
    if (name == NULL) {
        for (size_t i = 0; i < shell->vars.count; i++) {
            (void)printf("%s = '%s'\n", shell->vars.all[i].name, shell->vars.all[i].value);
        }
        (void)fflush(stdout);
        return FSQL_COMMAND_GOOD;
    }
    fsql_text value = {0};
    fsql_text complaint = {0};
    char *word;
    bool any = false;
    while ((word = fsql_argument(call)) != NULL) { /* the words of the value are joined */
        fsql_text_str_add(&value, word);
        any = true;
        free(word);
    }
    const char *text = any || strcmp(name, "ON_ERROR_STOP") != 0 ? fsql_text_str(&value) : "on";
    bool good = fsql_vars_set(&shell->vars, name, text, &complaint);
    if (!good) {
        fsql_shell_complain(shell, "%s", fsql_text_str(&complaint));
    }
    fsql_text_deinit(&complaint);
    fsql_text_deinit(&value);
    free(name);
    return outcome(good);
}

static fsql_command_outcome unset(fsql_call *call)
{
    fsql_text complaint = {0};
    char *name = fsql_argument(call);
    bool good = name != NULL && fsql_vars_set(&call->shell->vars, name, NULL, &complaint);
    if (!good) {
        fsql_shell_complain(call->shell, "%s",
                            name != NULL ? fsql_text_str(&complaint)
                                         : "\\unset: missing required argument");
    }
    fsql_text_deinit(&complaint);
    free(name);
    return outcome(good);
}

/* ------------------------------------------------------------------- conditions */

/* Begin a level. Within a branch that is skipped, all of it is. */
static fsql_command_outcome push(fsql_shell *shell, fsql_branch branch)
{
    if (shell->branch_count == FSQL_NESTING_MAX) {
        fsql_shell_complain(shell, "\\if: more than %d levels", FSQL_NESTING_MAX);
        return FSQL_COMMAND_FAILED;
    }
    shell->branches[shell->branch_count++] = branch;
    return FSQL_COMMAND_GOOD;
}

/* The word behind \if is a switch; what is none counts as false. */
static bool is_true(fsql_call *call)
{
    char *word = fsql_argument(call);
    int on = word != NULL ? fsql_switch(word) : -1;
    if (on < 0) {
        fsql_shell_complain(call->shell,
                            "unrecognized value \"%s\" for \"\\%s expression\": "
                            "Boolean expected",
                            word != NULL ? word : "", call->name);
    }
    free(word);
    return on == 1;
}

static fsql_command_outcome begin_if(fsql_call *call)
{
    if (!fsql_shell_active(call->shell)) {
        return push(call->shell, FSQL_BRANCH_DONE);
    }
    return push(call->shell, is_true(call) ? FSQL_BRANCH_TAKEN : FSQL_BRANCH_WAITING);
}

/* The level that \elif, \else and \endif belong to; NULL, told, if there is none. */
static fsql_branch *level(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    if (shell->branch_count == 0) {
        fsql_shell_complain(shell, "\\%s: no matching \\if", call->name);
        return NULL;
    }
    return &shell->branches[shell->branch_count - 1];
}

static fsql_command_outcome other_if(fsql_call *call)
{
    fsql_branch *branch = level(call);
    if (branch == NULL) {
        return FSQL_COMMAND_FAILED;
    }
    if (*branch == FSQL_BRANCH_WAITING) {
        *branch = is_true(call) ? FSQL_BRANCH_TAKEN : FSQL_BRANCH_WAITING;
    } else {
        *branch = FSQL_BRANCH_DONE;
    }
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome otherwise(fsql_call *call)
{
    fsql_branch *branch = level(call);
    if (branch == NULL) {
        return FSQL_COMMAND_FAILED;
    }
    *branch = *branch == FSQL_BRANCH_WAITING ? FSQL_BRANCH_TAKEN : FSQL_BRANCH_DONE;
    return FSQL_COMMAND_GOOD;
}

static fsql_command_outcome end_if(fsql_call *call)
{
    if (level(call) == NULL) {
        return FSQL_COMMAND_FAILED;
    }
    call->shell->branch_count--;
    return FSQL_COMMAND_GOOD;
}

bool fsql_shell_active(const fsql_shell *shell)
{
    return shell->branch_count == 0 ||
           shell->branches[shell->branch_count - 1] == FSQL_BRANCH_TAKEN;
}

/* ------------------------------------------------------------------------ table */

static fsql_command_outcome help(fsql_call *call);

static const struct command {
    const char *names; /* parted by spaces; the first one is shown */
    const char *arguments;
    const char *help; /* NULL: not shown */
    fsql_command_outcome (*run)(fsql_call *call);
} commands[] = {
    {NULL, "General", NULL, NULL},
    {"q quit", "", "leave fsql", quit},
    {"? help", "", "show this help", help},
    {"h", "[NAME]", "help on syntax of SQL statements", fsql_command_sql_help},
    {"s status", "", "show connection, mode and settings", status},
    {"v version", "", "show versions", version},
    {"clear", "", "clear the screen", clear},
    {"timing", "[on|off]", "time statements", timing},
    {"!", "[COMMAND]", "run a command of the operating system", shell_command},

    {NULL, "Modes", NULL, NULL},
    {"sql", "", "SQL mode: lines are SQL and nothing else", sql_mode},
    {"normal", "", "normal mode: words like PING, USE, INSPECT need no semicolon", normal_mode},

    {NULL, "Statement in the making", NULL, NULL},
    {"e edit", "[FILE]", "edit it, or a file, with $EDITOR", fsql_command_edit},
    {"p print", "", "show it", fsql_command_print_buffer},
    {"r reset", "", "forget it", fsql_command_reset_buffer},
    {"w write", "FILE", "write it to a file", fsql_command_write_buffer},
    {"g", "[FILE or |COMMAND]", "run it (and send the result to a file or command)",
     fsql_command_go},
    {"gx", "[FILE or |COMMAND]", "as \\g, with expanded output", fsql_command_go},
    {"gset", "[PREFIX]", "run it and keep the row in variables", fsql_command_go_set},
    {"gexec", "", "run it, then run each value of the result", fsql_command_go_exec},
    {"watch", "[SECONDS]", "run it again and again", fsql_command_watch},

    {NULL, "Input and output", NULL, NULL},
    {"copy", "TABLE|(QUERY) from|to FILE ...", "COPY with a file of this machine",
     fsql_command_copy},
    {"echo", "[-n] [TEXT]", "write to standard output", echo},
    {"qecho", "[-n] [TEXT]", "write to where results go", query_echo},
    {"warn", "[-n] [TEXT]", "write to standard error", warn},
    {"i include", "FILE", "run statements and commands of a file", include},
    {"ir include_relative", "FILE", "as \\i, relative to the file that says so", include},
    {"o out", "[FILE or |COMMAND]", "send results to a file or command", output},

    {NULL, "Conditions", NULL, NULL},
    {"if", "EXPRESSION", "begin a part that is only done if this is true", begin_if},
    {"elif", "EXPRESSION", "another part, if none before it was done", other_if},
    {"else", "", "the part for when none was done", otherwise},
    {"endif", "", "end of the parts", end_if},

    {NULL, "Looking around (+ shows more; names may have * and ?)", NULL, NULL},
    {"d", "[+] [NAME]", "list tables, views, sequences; or describe one", fsql_command_describe},
    {"dt", "[+] [NAME]", "list tables", fsql_command_list},
    {"dv", "[+] [NAME]", "list views", fsql_command_list},
    {"dm", "[+] [NAME]", "list materialized views", fsql_command_list},
    {"di", "[+] [NAME]", "list indexes", fsql_command_list},
    {"ds", "[+] [NAME]", "list sequences", fsql_command_list},
    {"df", "[+] [NAME]", "list functions", fsql_command_functions},
    {"dn", "[+] [NAME]", "list schemas", fsql_command_schemas},
    {"dT", "[+] [NAME]", "list types", fsql_command_types},
    {"du dg", "[+] [NAME]", "list users and roles", fsql_command_users},
    {"l list db", "[+] [NAME]", "list databases", fsql_command_databases},

    {NULL, "Layout of results", NULL, NULL},
    {"a", "", "toggle between aligned and unaligned", fsql_command_toggle_aligned},
    {"f", "[STRING]", "what stands between fields of unaligned output", fsql_command_field},
    {"pset", "[NAME [VALUE]]", "set an option: format, border, linestyle, null, expanded, title...",
     fsql_command_pset},
    {"t", "[on|off]", "rows only", fsql_command_toggle_tuples},
    {"x", "[on|off|auto]", "a line for each field", fsql_command_expanded},
    {"C", "[TEXT]", "set a title, or none", fsql_command_title},

    {NULL, "Connection", NULL, NULL},
    {"c connect", "[DATABASE|DIRECTORY] [USER]", "go to another database", connect_to},
    {"conninfo", "", "show what this is connected to", conninfo},
    {"password", "[USER]", "give a user, or this one, another password", fsql_command_password},

    {NULL, "Variables (:name, :'name', :\"name\" stand for their values)", NULL, NULL},
    {"set", "[NAME [VALUE]]", "set a variable, or list all", set},
    {"unset", "NAME", "remove a variable", unset},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static fsql_command_outcome help(fsql_call *call)
{
    fsql_text text = {0};
    for (size_t i = 0; i < COMMANDS; i++) {
        if (commands[i].names == NULL) {
            fsql_text_printf(&text, "%s%s\n", i > 0 ? "\n" : "", commands[i].arguments);
            continue;
        }
        fsql_text left = {0};
        int len = (int)strcspn(commands[i].names, " ");
        fsql_text_printf(&left, "\\%.*s", len, commands[i].names);
        for (const char *at = commands[i].names + len; at[0] == ' ' && at[1] != 0;) {
            int other = (int)strcspn(at + 1, " ");
            fsql_text_printf(&left, ", \\%.*s", other, at + 1);
            at += 1 + other;
        }
        bool plus = strncmp(commands[i].arguments, "[+]", 3) == 0;
        fsql_text_printf(&left, "%s%s", plus || commands[i].arguments[0] == 0 ? "" : " ",
                         commands[i].arguments);
        fsql_text_printf(&text, "  %-38s %s\n", left.data, commands[i].help);
        fsql_text_deinit(&left);
    }
    fsql_shell_write(call->shell, &text);
    fsql_text_deinit(&text);
    return FSQL_COMMAND_GOOD;
}

/* The first word of `names` that is this one. */
static bool named(const char *names, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = names; *at != 0;) {
        size_t here_len = strcspn(at, " ");
        if (here_len == len && memcmp(at, word, len) == 0) {
            return true;
        }
        at += here_len + (at[here_len] == ' ');
    }
    return false;
}

static const struct command *find(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (commands[i].names != NULL && named(commands[i].names, word)) {
            return &commands[i];
        }
    }
    return NULL;
}

void fsql_commands_names(fsql_text *names)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        for (const char *at = commands[i].names != NULL ? commands[i].names : ""; *at != 0;) {
            size_t len = strcspn(at, " ");
            fsql_text_byte(names, '\\');
            fsql_text_add(names, at, len);
            fsql_text_byte(names, 0);
            at += len + (at[len] == ' ');
        }
    }
}

/* --------------------------------------------------------------------- running */

static bool conditional(const struct command *command)
{
    return command->run == begin_if || command->run == other_if || command->run == otherwise ||
           command->run == end_if;
}

fsql_command_outcome fsql_commands_run(fsql_shell *shell, fly_bytes line, size_t *at)
{
    fsql_call call = {.shell = shell, .line = line, .at = *at + 1};
    fsql_text name = {0};
    if (fsql_call_here(&call) == '\\') { /* "\\": back to SQL */
        *at = call.at + 1;
        return FSQL_COMMAND_GOOD;
    }
    if (fsql_call_here(&call) == '!' || fsql_call_here(&call) == '?') {
        fsql_text_byte(&name, fsql_call_here(&call));
        call.at++;
    } else {
        while (!fsql_call_at_end(&call) && strchr(" \t\\", fsql_call_here(&call)) == NULL) {
            fsql_text_byte(&name, fsql_call_here(&call));
            call.at++;
        }
    }
    const struct command *found = find(fsql_text_str(&name));
    if (found == NULL && name.len > 1 && name.data[name.len - 1] == '+') {
        call.plus = true;
        name.data[--name.len] = 0;
        found = find(name.data);
    }
    call.name = fsql_text_str(&name);
    fsql_command_outcome done = FSQL_COMMAND_FAILED;
    if (found == NULL) {
        fsql_shell_complain(shell, "invalid command \\%s%s", call.name, call.plus ? "+" : "");
        if (shell->interactive) {
            (void)fprintf(stderr, "Try \\? for help.\n");
        }
        call.at = line.len;
    } else if (!fsql_shell_active(shell) && !conditional(found)) {
        while (!fsql_call_at_end(&call) && fsql_call_here(&call) != '\\') {
            call.at++;
        }
        done = FSQL_COMMAND_GOOD;
    } else {
        done = found->run(&call);
        if (fsql_shell_active(shell)) {
            ignore_rest(&call);
        } else { /* words of a branch that is not taken */
            while (!fsql_call_at_end(&call) && fsql_call_here(&call) != '\\') {
                call.at++;
            }
        }
    }
    *at = call.at;
    if (call.line.len - *at >= 2 && memcmp(line.data + *at, "\\\\", 2) == 0) {
        *at += 2;
    }
    fsql_text_deinit(&name);
    return done;
}

/* ----------------------------------------------------------- words of normal mode */

static bool is_word(const char *line, const char *word)
{
    size_t len = strlen(word);
    return strncasecmp(line, word, len) == 0 &&
           (line[len] == 0 || strchr(" \t;", line[len]) != NULL);
}

static void print_welcome_help(void)
{
    (void)printf("You are using fsql, the shell of FlyDB.\n"
                 "Type:  \\? for help with fsql commands\n"
                 "       \\h for help with SQL statements\n"
                 "       a statement, with a semicolon at its end, to run it\n"
                 "       \\q to leave\n");
    (void)fflush(stdout);
}

bool fsql_commands_word(fsql_shell *shell, const char *line)
{
    fsql_text plain = {0};
    line += strspn(line, " \t");
    fsql_text_str_add(&plain, line);
    while (plain.len > 0 && strchr(" \t\r\n;", plain.data[plain.len - 1]) != NULL) {
        plain.data[--plain.len] = 0;
    }
    const char *text = fsql_text_str(&plain);
    bool done = true;
    if (strcasecmp(text, "help") == 0) {
        print_welcome_help();
    } else if (strcasecmp(text, "exit") == 0 || strcasecmp(text, "quit") == 0) {
        shell->quit = true;
    } else if (shell->sql_mode) {
        done = false;
    } else if (strcasecmp(text, "ping") == 0) {
        (void)printf("%s\n", shell->connection != NULL ? "PONG" : "ERROR not connected");
    } else if (is_word(text, "use") || is_word(text, "inspect")) {
        (void)fsql_shell_run(shell, fsql_text_bytes(&plain));
    } else if (is_word(text, "sql")) {
        (void)fsql_shell_run(shell, fly_bytes_str(text + 3));
    } else {
        done = false;
    }
    if (done && shell->source != NULL && shell->source->input != NULL) {
        fsql_input_remember(shell->source->input, text);
    }
    fsql_text_deinit(&plain);
    return done;
}

bool fsql_commands_ends_transaction(fly_bytes text)
{
    static const char *const words[] = {
        "begin", "start", "commit", "end",    "rollback",        "abort",
        "set",   "show",  "use",    "vacuum", "create database", "drop database"};
    fsql_text copy = {0};
    fsql_text_add(&copy, text.data, text.len < 32 ? text.len : 32);
    bool found = false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        found = found || is_word(fsql_text_str(&copy), words[i]);
    }
    fsql_text_deinit(&copy);
    return found;
}
