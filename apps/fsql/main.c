/*
 * fsql: the command line, and what is done in which order.
 */
#define _POSIX_C_SOURCE 200809L

#include "commands.h"
#include "interrupt.h"
#include "shell.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One -c or -f, in the order in which they were given. */
typedef struct action {
    char kind; /* c or f */
    const char *text;
} action;

typedef struct command_line {
    fsql_target target;
    action *actions;
    size_t count;
    const char *output;
    bool single; /* -1 */
    bool no_history;
    bool quiet;
    bool read_only;
    bool list;
} command_line;

static const char USAGE[] =
    "fsql is the shell of FlyDB.\n"
    "\n"
    "Usage:\n"
    "  fsql [OPTION]... [DIRECTORY | FILE | :memory: | URI [DATABASE [USER]]]\n"
    "\n"
    "Without a place it works in memory, and nothing is kept.\n"
    "\n"
    "What to do:\n"
    "  -c, --command=TEXT       run a statement or a backslash command, then leave (repeatable)\n"
    "  -f, --file=FILE          run a file, then leave (repeatable; - is standard input)\n"
    "  -l, --list               list databases, then leave\n"
    "  -1, --single-transaction all of -c and -f in one transaction\n"
    "  -v, --set=NAME=VALUE     set a variable\n"
    "  -V, --version            show the version, then leave\n"
    "  -?, --help               show this, then leave\n"
    "\n"
    "Where:\n"
    "  -d, --dbname=DATABASE    the database; default \"default\"\n"
    "  -U, --username=USER      the user; default \"admin\"\n"
    "  -h, --host=HOST          a server of FlyDB: its password is asked for, or in "
    "FLYDB_PASSWORD\n"
    "  -p, --port=PORT          its port; default 8889\n"
    "      --read-only          change nothing\n"
    "\n"
    "Layout:\n"
    "  -A, --no-align           unaligned\n"
    "  -F, --field-separator=S  between fields of unaligned output; default \"|\"\n"
    "  -R, --record-separator=S between its records; default a newline\n"
    "  -t, --tuples-only        rows only\n"
    "  -x, --expanded           a line for each field\n"
    "  -P, --pset=NAME=VALUE    as \\pset\n"
    "  -H, --html   --csv   --json   --markdown   --box\n"
    "\n"
    "Also:\n"
    "  -e, --echo-queries       show statements that are sent\n"
    "  -E, --echo-hidden        show statements of backslash commands\n"
    "  -o, --output=FILE        results go to a file or |command\n"
    "  -q, --quiet              results only\n"
    "      --timing             time statements\n"
    "      --no-history         do not keep what is typed\n"
    "\n"
    "Exit codes: 0 all went well, 1 an error of fsql's own, 2 the connection was lost, 3 an error "
    "in\n"
    "a script with ON_ERROR_STOP set.\n";

enum {
    OPTION_JSON = 256,
    OPTION_CSV,
    OPTION_MARKDOWN,
    OPTION_BOX,
    OPTION_TIMING,
    OPTION_NO_HISTORY,
    OPTION_READ_ONLY
};

static const struct option options[] = {
    {"command", required_argument, NULL, 'c'},
    {"file", required_argument, NULL, 'f'},
    {"list", no_argument, NULL, 'l'},
    {"single-transaction", no_argument, NULL, '1'},
    {"set", required_argument, NULL, 'v'},
    {"variable", required_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, '?'},
    {"dbname", required_argument, NULL, 'd'},
    {"username", required_argument, NULL, 'U'},
    {"host", required_argument, NULL, 'h'},
    {"port", required_argument, NULL, 'p'},
    {"read-only", no_argument, NULL, OPTION_READ_ONLY},
    {"no-align", no_argument, NULL, 'A'},
    {"field-separator", required_argument, NULL, 'F'},
    {"record-separator", required_argument, NULL, 'R'},
    {"tuples-only", no_argument, NULL, 't'},
    {"expanded", no_argument, NULL, 'x'},
    {"pset", required_argument, NULL, 'P'},
    {"html", no_argument, NULL, 'H'},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"json", no_argument, NULL, OPTION_JSON},
    {"markdown", no_argument, NULL, OPTION_MARKDOWN},
    {"box", no_argument, NULL, OPTION_BOX},
    {"echo-queries", no_argument, NULL, 'e'},
    {"echo-hidden", no_argument, NULL, 'E'},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"no-psqlrc", no_argument, NULL, 'X'},
    {"timing", no_argument, NULL, OPTION_TIMING},
    {"no-history", no_argument, NULL, OPTION_NO_HISTORY},
    {NULL, 0, NULL, 0},
};

/* ---------------------------------------------------------------- command line */

/* "NAME=VALUE" or "NAME": calls `set` with both parts. */
static bool assign(fsql_shell *shell, const char *text, bool pset)
{
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    fsql_text name = {0};
    fsql_text complaint = {0};
    fsql_text_add(&name, text, len);
    const char *value = equals != NULL ? equals + 1 : NULL;
    bool good =
        pset ? fsql_pset(shell, name.data, value, true)
             : fsql_vars_set(&shell->vars, name.data, value != NULL ? value : "", &complaint);
    if (!good && !pset) {
        (void)fprintf(stderr, "fsql: %s\n", fsql_text_str(&complaint));
    }
    fsql_text_deinit(&complaint);
    fsql_text_deinit(&name);
    return good;
}

static void act(command_line *to, char kind, const char *text)
{
    to->actions = fsql_grow(to->actions, (to->count + 1) * sizeof to->actions[0]);
    to->actions[to->count++] = (action){kind, text};
}

/* What one option says; false if it makes no sense. */
static bool take_option(fsql_shell *shell, command_line *to, int option)
{
    switch (option) {
    case 'c':
    case 'f':
        act(to, (char)option, optarg);
        return true;
    case 'l':
        to->list = true;
        return true;
    case '1':
        to->single = true;
        return true;
    case 'v':
        return assign(shell, optarg, false);
    case 'P':
        return assign(shell, optarg, true);
    case 'd':
        to->target.database = optarg;
        return true;
    case 'U':
        to->target.user = optarg;
        return true;
    case 'h':
        to->target.host = optarg;
        return true;
    case 'p':
        to->target.port = optarg;
        return true;
    case OPTION_READ_ONLY:
        to->target.read_only = true;
        return true;
    case 'A':
        return fsql_pset(shell, "format", "unaligned", true);
    case 'F':
        return fsql_pset(shell, "fieldsep", optarg, true);
    case 'R':
        return fsql_pset(shell, "recordsep", optarg, true);
    case 't':
        return fsql_pset(shell, "tuples_only", "on", true);
    case 'x':
        return fsql_pset(shell, "expanded", "on", true);
    case 'H':
        return fsql_pset(shell, "format", "html", true);
    case OPTION_CSV:
        return fsql_pset(shell, "format", "csv", true);
    case OPTION_JSON:
        return fsql_pset(shell, "format", "json", true);
    case OPTION_MARKDOWN:
        return fsql_pset(shell, "format", "markdown", true);
    case OPTION_BOX:
        return fsql_pset(shell, "format", "box", true);
    case 'e':
        shell->echo = true;
        return true;
    case 'E':
        return assign(shell, "ECHO_HIDDEN=on", false);
    case 'o':
        to->output = optarg;
        return true;
    case 'q':
        to->quiet = true;
        return assign(shell, "QUIET=on", false);
    case 'X':
        return true;
    case OPTION_TIMING:
        shell->timing = true;
        return true;
    case OPTION_NO_HISTORY:
        to->no_history = true;
        return true;
    default:
        return false;
    }
}

/* 0: go on; else leave with that code less one. */
static int parse(fsql_shell *shell, int count, char **words, command_line *to)
{
    int option;
    opterr = 1;
    while ((option = getopt_long(count, words, "c:f:l1v:V?d:U:h:p:AF:R:txP:HeEo:qX", options,
                                 NULL)) != -1) {
        if (option == 'V') {
            (void)printf("fsql (FlyDB) %s\n", FSQL_VERSION);
            return 1;
        }
        bool asked = option == '?' && (strcmp(words[optind - 1], "-?") == 0 ||
                                       strcmp(words[optind - 1], "--help") == 0);
        if (asked) {
            (void)printf("%s", USAGE);
            return 1;
        }
        if (!take_option(shell, to, option)) {
            (void)fprintf(stderr, "Try \"fsql --help\" for more information.\n");
            return 2;
        }
    }
    /* A server has no place, so the first word is its database. */
    const char **places[] = {&to->target.place, &to->target.database, &to->target.user};
    for (size_t i = to->target.host != NULL || to->target.port != NULL; i < 3 && optind < count;
         i++) {
        *places[i] = words[optind++];
    }
    if (optind < count) {
        (void)fprintf(stderr, "fsql: warning: extra command-line argument \"%s\" ignored\n",
                      words[optind]);
    }
    return 0;
}

/* ---------------------------------------------------------------------- running */

/* All -c and -f. A failure of one ends them, as in psql, unless it is a file without ON_ERROR_STOP. */
static int run_actions(fsql_shell *shell, const command_line *from)
{
    bool good = true;
    int code = FSQL_EXIT_GOOD;
    bool stop = fsql_vars_on(&shell->vars, "ON_ERROR_STOP", false);
    if (from->single && !fsql_shell_run(shell, fly_bytes_str("BEGIN"))) {
        return FSQL_EXIT_OWN;
    }
    for (size_t i = 0; i < from->count && !shell->quit && !fsql_interrupted(); i++) {
        const char *text = from->actions[i].text;
        if (from->actions[i].kind == 'f') {
            code = fsql_shell_read_file(shell, text, false, true);
        } else if (text[strspn(text, " \t\n")] == '\\') {
            good = fsql_shell_command(shell, text);
            code = good ? FSQL_EXIT_GOOD : FSQL_EXIT_OWN;
        } else {
            good = fsql_shell_run(shell, fly_bytes_str(text));
            code = good ? FSQL_EXIT_GOOD : FSQL_EXIT_OWN;
        }
        if (code != FSQL_EXIT_GOOD && (stop || from->actions[i].kind == 'f')) {
            break;
        }
    }
    if (from->single && shell->connection != NULL) {
        bool failed = code != FSQL_EXIT_GOOD;
        (void)fsql_shell_run(shell, fly_bytes_str(failed ? "ROLLBACK" : "COMMIT"));
    }
    return shell->quit && shell->exit_code != 0 ? shell->exit_code : code;
}

/* ~/.fsql_history, or what FSQL_HISTORY says; NULL for none. */
static char *history_path(const command_line *from)
{
    const char *named = getenv("FSQL_HISTORY");
    const char *home = getenv("HOME");
    if (from->no_history || (named != NULL && named[0] == 0) || (named == NULL && home == NULL)) {
        return NULL;
    }
    fsql_text path = {0};
    fsql_text_printf(&path, "%s%s", named != NULL ? named : home,
                     named != NULL ? "" : "/.fsql_history");
    return path.data;
}

static int converse(fsql_shell *shell, const command_line *from)
{
    char *history = history_path(from);
    shell->interactive = true;
    if (!from->quiet) {
        const char *version = shell->driver->setting(shell->connection, "server_version");
        (void)printf("fsql (FlyDB %s%s%s)\nType \"help\" for help.\n\n", FSQL_VERSION,
                     version != NULL ? ", server " : "", version != NULL ? version : "");
    }
    fsql_source source = {.input = fsql_input_open(history,
                                                   fsql_vars_number(&shell->vars, "HISTSIZE", 1000),
                                                   fsql_complete, shell)};
    int code = fsql_shell_read(shell, &source);
    fsql_input_close(source.input);
    if (!shell->quit) {
        (void)printf("\\q\n"); /* what Ctrl-D meant */
    }
    free(history);
    return code;
}

static int run(fsql_shell *shell, const command_line *from)
{
    if (from->output != NULL && !fsql_shell_output(shell, from->output)) {
        return FSQL_EXIT_OWN;
    }
    if (!fsql_shell_connect(shell, &from->target)) {
        return FSQL_EXIT_LOST;
    }
    if (from->list) {
        return fsql_shell_command(shell, "\\l") ? FSQL_EXIT_GOOD : FSQL_EXIT_OWN;
    }
    if (from->count > 0) {
        return run_actions(shell, from);
    }
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        return converse(shell, from);
    }
    return fsql_shell_read_file(shell, "-", false, false);
}

int main(int count, char **words)
{
    fsql_shell shell;
    command_line arguments = {0};
    fsql_interrupt_init();
    fsql_shell_init(&shell);
    int code = parse(&shell, count, words, &arguments);
    code = code > 0 ? code - 1 : run(&shell, &arguments);
    fsql_shell_deinit(&shell);
    free(arguments.actions);
    return code;
}
