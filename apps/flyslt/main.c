/*
 * flyslt: run sqllogictest scripts against an engine.
 */
#include "jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const usage =
    "usage: flyslt [OPTION...] FILE|DIR...   run sqllogictest scripts; of a DIR all *.test, *.slt\n"
    "\n"
    "  --driver NAME         what to run them on: %s\n"
    "  --engine NAME         what skipif and onlyif call it; default: postgresql, or flydb if\n"
    "                        --compat is given, or sqlite for that driver\n"
    "  --compat sqlite       switch on what makes flydb more like SQLite\n"
    "  --memory KIB          that a query may take, of flydb\n"
    "  --threads N           that work on a query, of flydb\n"
    "  --conninfo TEXT       how to reach a server\n"
    "  --jobs N              scripts that run at a time, each in a process; default 1; 0: none\n"
    "                        but this one\n"
    "  --timeout SECONDS     for one script; default: none\n"
    "  --skip-list FILE      records not to run, FILE:LINE a line\n"
    "  --list-failures FILE  write a list of what failed, in the form of a skip list\n"
    "  --complete            write the answers that come into the scripts\n"
    "  --verbose             a line for every script\n"
    "  --help                this text\n"
    "\n"
    "Exit code: 0, or 1 if something failed, or 2 if the command could not run.\n";

typedef struct command {
    slt_jobs_options jobs;
    const char *driver;
    const char *skip_list;
    const char *list_failures;
    slt_files files;
    bool help;
} command;

static bool read_number(const char *text, unsigned *number)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    *number = (unsigned)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= 1000000;
}

static bool set_flag(command *c, const char *name)
{
    if (strcmp(name, "--help") == 0) {
        c->help = true;
    } else if (strcmp(name, "--verbose") == 0) {
        c->jobs.verbose = true;
    } else if (strcmp(name, "--complete") == 0) {
        c->jobs.run.complete = true;
    } else {
        return false;
    }
    return true;
}

static fly_status set_option(command *c, const char *name, const char *value, fly_err *err)
{
    const struct {
        const char *name;
        const char **text;
        unsigned *number;
    } rows[] = {
        {"--driver", &c->driver, NULL},
        {"--engine", &c->jobs.run.engine, NULL},
        {"--compat", &c->jobs.run.open.compat, NULL},
        {"--conninfo", &c->jobs.run.open.conninfo, NULL},
        {"--skip-list", &c->skip_list, NULL},
        {"--list-failures", &c->list_failures, NULL},
        {"--jobs", NULL, &c->jobs.processes},
        {"--timeout", NULL, &c->jobs.timeout},
        {"--memory", NULL, &c->jobs.run.open.memory_kib},
        {"--threads", NULL, &c->jobs.run.open.threads},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) != 0) {
            continue;
        }
        if (value == NULL) {
            return fly_err_set(err, FLY_E_INVALID, "%s wants a value", name);
        }
        if (rows[i].text != NULL) {
            *rows[i].text = value;
        } else if (!read_number(value, rows[i].number)) {
            return fly_err_set(err, FLY_E_INVALID, "%s wants a number, not \"%s\"", name, value);
        }
        return FLY_OK;
    }
    return fly_err_set(err, FLY_E_INVALID, "no option %s; --help tells which there are", name);
}

static fly_status read_command(command *c, int argc, char **argv, fly_err *err)
{
    fly_status status = FLY_OK;
    for (int i = 1; i < argc && status == FLY_OK; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            status = slt_files_add(&c->files, argv[i], err);
        } else if (!set_flag(c, argv[i])) {
            status = set_option(c, argv[i], i + 1 < argc ? argv[i + 1] : NULL, err);
            i++;
        }
    }
    return status;
}

static fly_status choose_driver(command *c, fly_err *err)
{
    const char *first = slt_driver_names() + 1; /* each name has a blank in front of it */
    char name[32];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(first, " "), first);
    c->jobs.run.driver = slt_driver_find(c->driver != NULL ? c->driver : name);
    if (c->jobs.run.driver == NULL) {
        return fly_err_set(err, FLY_E_INVALID, "no driver \"%s\"; there are:%s", c->driver,
                           slt_driver_names());
    }
    if (c->jobs.run.engine == NULL && c->jobs.run.open.compat != NULL) {
        c->jobs.run.engine = "flydb";
    }
    return FLY_OK;
}

static fly_status read_skip_list(const char *path, slt_skiplist *skips, fly_err *err)
{
    slt_text text = {0};
    fly_status status = slt_text_read_file(&text, path, err);
    if (status == FLY_OK) {
        status = slt_skiplist_parse(skips, fly_bytes_of(text.data, text.len), err);
    }
    slt_text_deinit(&text);
    return status;
}

static fly_status run(command *c, slt_counts *total, fly_err *err)
{
    slt_skiplist skips = {0};
    slt_text failures = {0};
    fly_status status = choose_driver(c, err);
    if (status == FLY_OK && c->skip_list != NULL) {
        status = read_skip_list(c->skip_list, &skips, err);
        c->jobs.run.skips = &skips;
    }
    if (status == FLY_OK) {
        slt_jobs_run(&c->jobs, &c->files, total, &failures);
        printf("%" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped\n", total->passed,
               total->failed, total->skipped);
    }
    if (status == FLY_OK && c->list_failures != NULL) {
        status = slt_text_write_file(&failures, c->list_failures, err);
    }
    slt_text_deinit(&failures);
    slt_skiplist_deinit(&skips);
    return status;
}

int main(int argc, char **argv)
{
    command c = {.jobs = {.processes = 1}};
    slt_counts total = {0};
    fly_err err = {0};
    fly_status status = read_command(&c, argc, argv, &err);
    if (c.help || (status == FLY_OK && c.files.count == 0)) {
        printf(usage, slt_driver_names());
        slt_files_deinit(&c.files);
        return c.help ? 0 : 2;
    }
    if (status == FLY_OK) {
        status = run(&c, &total, &err);
    }
    slt_files_deinit(&c.files);
    if (status != FLY_OK) {
        (void)fprintf(stderr, "flyslt: %s\n", err.message);
        return 2;
    }
    return total.failed > 0 ? 1 : 0;
}
