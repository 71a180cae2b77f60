/*
 * flydump: the command line.
 */
#define _POSIX_C_SOURCE 200809L

#include "catalog.h"
#include "plain.h"
#include "restore.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLYDUMP_VERSION "0.1.0"

typedef struct command_line {
    fsql_target target;
    flydump_choice choice;
    const char *file; /* that is written, or with restore read */
    bool archive;
    bool restore;
    bool list;
    unsigned jobs;
} command_line;

static const char USAGE[] =
    "flydump writes a database as statements that make it, or makes it from them.\n"
    "\n"
    "Usage:\n"
    "  flydump [OPTION]... [DIRECTORY | URI [DATABASE]]              dump, to standard output\n"
    "  flydump --restore FILE [OPTION]... [DIRECTORY | URI [DATABASE]]\n"
    "  flydump --restore FILE                                        archive to script\n"
    "\n"
    "  -f, --file=FILE          where the dump goes\n"
    "  -F, --format=FORMAT      plain (default): a script for psql and fsql; archive: compressed\n"
    "  -s, --schema-only        no rows\n"
    "  -a, --data-only          rows only\n"
    "  -n, --schema=SCHEMA      what is in this schema only\n"
    "  -t, --table=TABLE        this table only\n"
    "  -R, --restore=FILE       restore an archive\n"
    "  -l, --list               with --restore: show what it has\n"
    "  -j, --jobs=N             with --restore: connections at a time; default 1\n"
    "\n"
    "  -d, --dbname=DATABASE    default \"default\"\n"
    "  -U, --username=USER      default \"admin\"\n"
    "  -h, --host=HOST          a server that speaks PostgreSQL's protocol\n"
    "  -p, --port=PORT          its port\n"
    "  -V, --version            show the version, and leave\n"
    "  -?, --help               show this, and leave\n"
    "\n"
    "A script is restored with psql -f FILE or fsql -f FILE. Exit codes: 0 all went well, 1 "
    "something\n"
    "failed, 2 the command line is wrong.\n";

static const struct option options[] = {
    {"file", required_argument, NULL, 'f'},     {"format", required_argument, NULL, 'F'},
    {"schema-only", no_argument, NULL, 's'},    {"data-only", no_argument, NULL, 'a'},
    {"schema", required_argument, NULL, 'n'},   {"table", required_argument, NULL, 't'},
    {"restore", required_argument, NULL, 'R'},  {"list", no_argument, NULL, 'l'},
    {"jobs", required_argument, NULL, 'j'},     {"dbname", required_argument, NULL, 'd'},
    {"username", required_argument, NULL, 'U'}, {"host", required_argument, NULL, 'h'},
    {"port", required_argument, NULL, 'p'},     {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, '?'},           {NULL, 0, NULL, 0},
};

static bool take_number(const char *text, unsigned *number)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    *number = (unsigned)n;
    return end != text && *end == '\0' && n >= 1 && n <= 64;
}

static bool take_option(command_line *to, int option)
{
    switch (option) {
    case 'f':
        to->file = optarg;
        return true;
    case 'F':
        to->archive = strcmp(optarg, "archive") == 0 || strcmp(optarg, "a") == 0;
        return to->archive || strcmp(optarg, "plain") == 0 || strcmp(optarg, "p") == 0;
    case 's':
        to->choice.schema_only = true;
        return true;
    case 'a':
        to->choice.data_only = true;
        return true;
    case 'n':
        to->choice.schema = optarg;
        return true;
    case 't':
        to->choice.table = optarg;
        return true;
    case 'R':
        to->restore = true;
        to->file = optarg;
        return true;
    case 'l':
        to->list = true;
        return true;
    case 'j':
        return take_number(optarg, &to->jobs);
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
    default:
        return false;
    }
}

/* 0: go on; else leave with that code less one. */
static int parse(int count, char **words, command_line *to)
{
    int option;
    while ((option = getopt_long(count, words, "f:F:san:t:R:lj:d:U:h:p:V?", options, NULL)) != -1) {
        bool asked = option == '?' && (strcmp(words[optind - 1], "-?") == 0 ||
                                       strcmp(words[optind - 1], "--help") == 0);
        if (option == 'V' || asked) {
            (void)printf("%s", asked ? USAGE : "flydump (FlyDB) " FLYDUMP_VERSION "\n");
            return 1;
        }
        if (!take_option(to, option)) {
            (void)fprintf(stderr, "Try \"flydump --help\" for more information.\n");
            return 3;
        }
    }
    const char **places[] = {&to->target.place, &to->target.database};
    for (size_t i = to->target.host != NULL; i < 2 && optind < count; i++) {
        *places[i] = words[optind++];
    }
    /* Host and port are PostgreSQL's: any server of that protocol will do. */
    if (to->target.host != NULL) {
        to->target.place = "postgresql://";
        to->target.database = to->target.database != NULL ? to->target.database : "default";
    }
    if (optind < count || (to->choice.schema_only && to->choice.data_only)) {
        (void)fprintf(stderr, "flydump: too many arguments, or some that exclude each other\n");
        return 3;
    }
    return 0;
}

/* ----------------------------------------------------------------------------- dump */

/* An engine would make a directory that is not there. */
static bool is_there(const fsql_target *target)
{
    struct stat about;
    if (target->host != NULL || (target->place != NULL && strstr(target->place, "://") != NULL)) {
        return true;
    }
    if (target->place == NULL) {
        (void)fprintf(stderr, "flydump: which database? Give a directory, a URI, or -h HOST.\n");
        return false;
    }
    if (stat(target->place, &about) != 0) {
        (void)fprintf(stderr, "flydump: could not open \"%s\": %s\n", target->place,
                      strerror(errno));
        return false;
    }
    return true;
}

static bool write_to(flydump_source *source, const command_line *from, const flydump_list *list,
                     FILE *file)
{
    return from->archive ? flydump_write_archive(source, list, file)
                         : flydump_write_plain(source, list, file);
}

/* All of it is of one moment: the catalog and the rows. */
static bool dump_to(flydump_source *source, const command_line *from, FILE *file)
{
    flydump_list list = {0};
    bool good = flydump_run(source, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, NULL);
    if (!good) {
        flydump_complain(source, "could not begin");
    }
    good = good && flydump_collect(source, &from->choice, &list) &&
           write_to(source, from, &list, file);
    flydump_list_deinit(&list);
    return good;
}

static int dump(const command_line *from)
{
    if (!is_there(&from->target)) {
        return 1;
    }
    if (from->archive && (from->file == NULL || strcmp(from->file, "-") == 0)) {
        (void)fprintf(stderr, "flydump: an archive needs a file: --file=FILE\n");
        return 2;
    }
    flydump_source source;
    if (!flydump_connect(&source, &from->target)) {
        flydump_complain(&source, "could not connect");
        flydump_disconnect(&source);
        return 1;
    }
    bool to_file = from->file != NULL && strcmp(from->file, "-") != 0;
    FILE *file = to_file ? fopen(from->file, "wb") : stdout;
    bool good = file != NULL && dump_to(&source, from, file);
    int why = errno;
    if (file == NULL || (to_file && fclose(file) != 0) || ferror(stdout)) {
        (void)fprintf(stderr, "flydump: could not write \"%s\": %s\n",
                      to_file ? from->file : "standard output", strerror(why));
        good = false;
    }
    if (!good && to_file) {
        (void)unlink(from->file); /* half a dump is none */
    }
    flydump_disconnect(&source);
    return good ? 0 : 1;
}

/* -------------------------------------------------------------------------- restore */

static void show(const flydump_list *list)
{
    static const char *const stages[] = {"before", "data", "numbers", "keys", "links", "after"};
    for (size_t i = 0; i < list->count; i++) {
        const flydump_entry *entry = &list->entries[i];
        (void)printf("%-8s %-18s %s\n", stages[entry->stage], entry->kind, entry->name);
    }
}

static int restore(const command_line *from)
{
    flydump_list list = {0};
    fsql_text why = {0};
    FILE *file = fopen(from->file, "rb");
    bool good = false;
    if (file == NULL) {
        fsql_text_printf(&why, "could not open: %s", strerror(errno));
    } else {
        good = flydump_read_archive(file, &list, &why);
    }
    if (!good) {
        (void)fprintf(stderr, "flydump: \"%s\": %s\n", from->file, fsql_text_str(&why));
    } else if (from->list) {
        show(&list);
    } else if (from->target.host == NULL && from->target.place == NULL) {
        good = flydump_archive_to_plain(&list, file, stdout);
    } else {
        bool server = from->target.host != NULL || strstr(from->target.place, "://") != NULL;
        /* A directory is open in one engine at a time. */
        good = flydump_restore(&from->target, &list, file, server ? from->jobs : 1);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    flydump_list_deinit(&list);
    fsql_text_deinit(&why);
    return good ? 0 : 1;
}

int main(int count, char **words)
{
    command_line from = {.target.user = "admin", .jobs = 1};
    int code = parse(count, words, &from);
    if (code > 0) {
        return code - 1;
    }
    return from.restore ? restore(&from) : dump(&from);
}
