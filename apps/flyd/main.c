/*
 * flyd: the command line, signals, and what is done in which order.
 *
 *     SIGTERM, SIGINT   stop: take no more clients, let transactions finish for drain_timeout;
 *                       a second one ends them at once
 *     SIGHUP            read configuration and certificates again
 *     SIGUSR1           open the log file again
 *
 * Signals are blocked in every thread and taken by this one, which does nothing else: no handler runs.
 */
#define _GNU_SOURCE

#include "archive.h"
#include "audit.h"
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* docs/operations.md has them too. */
enum { TICK_MS = 5000 }; /* what is done now and then */

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_IN_USE = 3 };

static const char HELP[] =
    "flyd is the server of FlyDB.\n"
    "\n"
    "Usage:\n"
    "  flyd --data-dir DIR [SETTING]...\n"
    "  flyd audit verify --data-dir DIR [--key FILE]\n"
    "  flyd restore BACKUP --to DIRECTORY [--archive DIRECTORY] [--until TIME]\n"
    "\n"
    "  -D, --data-dir DIR       where the databases are; made if it is missing\n"
    "  -c, --config FILE        settings in TOML\n"
    "      --print-config       show every setting, its value and where that came from, and leave\n"
    "  -V, --version            show the version, and leave\n"
    "  -h, --help               show this, and leave\n"
    "\n"
    "A setting stands in the file (pg_port = 5432), in the environment (FLYD_PG_PORT=5432) or "
    "here\n"
    "(--pg-port=5432); what stands later in this list wins. FLYD_ADMIN_PASSWORD is the password "
    "of\n"
    "the user admin, who is made at the first start; without it one is made up and shown.\n";

static const char HELP_END[] =
    "\n"
    "Signals: SIGTERM and SIGINT stop it, a second one at once; SIGHUP makes it read its\n"
    "configuration and certificates again; SIGUSR1 makes it open its log file again.\n"
    "Exit codes: 0 it was stopped, 1 it failed, 2 the configuration is wrong, 3 the data "
    "directory\n"
    "is in use.\n";

static void complain(const fly_err *err)
{
    (void)fprintf(stderr, "flyd: %s\n", err->message);
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "flyd: %s\n", err->hint);
    }
}

static void warn(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "flyd: warning: %s\n", line);
}

/* -------------------------------------------------------------------------- signals */

static sigset_t signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGUSR1);
    return set;
}

/* The next signal, or 0 after so many milliseconds. */
static int next_signal(int ms)
{
    sigset_t set = signals();
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    int signal = sigtimedwait(&set, NULL, &wait);
    return signal > 0 ? signal : 0;
}

/* -------------------------------------------------------------------------- running */

typedef struct flyd {
    flyd_words words;
    flyd_config config;
    flyd_log log;
    flyd_server server;
} flyd;

static void report_change(void *ctx, const flyd_setting *setting)
{
    flyd *self = ctx;
    if (setting->reloadable) {
        flyd_say(&self->log, FLY_LOG_INFO, "setting changed", "setting", setting->name, NULL);
    } else {
        flyd_say(&self->log, FLY_LOG_WARNING, "setting changes with the next start", "setting",
                 setting->name, NULL);
    }
}

/* What cannot be taken is logged and left as it was. */
static void reload(flyd *self)
{
    flyd_config fresh;
    flyd_request request;
    fly_err err = {0};
    flyd_notify("RELOADING=1");
    fly_status status = flyd_config_load(&fresh, &self->words, &request, &err);
    if (status == FLY_OK) {
        status = flyd_log_set(&self->log, &fresh.values, &err);
    }
    if (status == FLY_OK) {
        flyd_config_compare(&self->config, &fresh, report_change, self);
        status = flyd_server_reload(&self->server, &fresh.values, &err);
        flyd_config old = self->config;
        self->config = fresh;
        flyd_config_deinit(&old);
    } else {
        flyd_config_deinit(&fresh);
    }
    if (status == FLY_OK) {
        flyd_say(&self->log, FLY_LOG_INFO, "configuration read again", NULL);
    } else {
        flyd_say_error(&self->log, "could not take the new configuration", &err);
    }
    flyd_notify("READY=1");
}

static void reopen_log(flyd *self)
{
    fly_err err = {0};
    if (flyd_log_reopen(&self->log, &err) == FLY_OK) {
        flyd_say(&self->log, FLY_LOG_INFO, "log opened", NULL);
    } else {
        flyd_say_error(&self->log, "could not open the log again", &err);
    }
}

/* Until a signal ends it. */
static void serve(flyd *self)
{
    int watchdog = flyd_watchdog_ms();
    for (;;) {
        switch (next_signal(watchdog > 0 && watchdog < TICK_MS ? watchdog : TICK_MS)) {
        case 0:
            flyd_server_tick(&self->server);
            flyd_notify("WATCHDOG=1");
            break;
        case SIGHUP:
            reload(self);
            break;
        case SIGUSR1:
            reopen_log(self);
            break;
        default:
            return;
        }
    }
}

static void drain(flyd *self)
{
    flyd_notify("STOPPING=1");
    flyd_say(&self->log, FLY_LOG_INFO, "stopping", NULL);
    struct timespec start;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    int64_t waited = 0;
    while (!flyd_server_drain(&self->server, 50)) {
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        waited = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
        int signal = next_signal(0);
        if (waited >= self->config.values.drain_timeout || signal == SIGTERM || signal == SIGINT) {
            flyd_say(&self->log, FLY_LOG_WARNING, "clients are cut off", NULL);
            return;
        }
    }
}

static fly_status announce(flyd *self, fly_err *err)
{
    const flyd_settings *values = &self->config.values;
    fly_status status = FLY_OK;
    if (values->ready_file[0] != '\0') {
        status = flyd_write_ready(values->ready_file, &self->server.ports, err);
    }
    if (status == FLY_OK) {
        flyd_say(&self->log, FLY_LOG_INFO, "ready", "version", FLYD_VERSION, NULL);
        flyd_notify("READY=1");
    }
    return status;
}

/* Who asks for more than there is gets what there is, and hears of the rest. */
static void warn_of_missing(flyd *self)
{
    static const char message[] = "nothing listens: the protocol is not part of this version";
    if (self->config.values.resp_port != FLYD_OFF) {
        flyd_say(&self->log, FLY_LOG_WARNING, message, "setting", "resp_port", NULL);
    }
    if (self->config.values.http_port != FLYD_OFF) {
        flyd_say(&self->log, FLY_LOG_WARNING, message, "setting", "http_port", NULL);
    }
}

static int run(flyd *self)
{
    fly_err err = {0};
    const flyd_settings *values = &self->config.values;
    fly_status status = flyd_log_set(&self->log, values, &err);
    if (status == FLY_OK) {
        flyd_set_limits(values, &self->log);
        warn_of_missing(self);
        status = flyd_server_open(&self->server, values, &self->log, &err);
        if (status == FLY_OK) {
            status = announce(self, &err);
        }
        if (status == FLY_OK) {
            serve(self);
            drain(self);
        }
        fly_err closing = {0};
        if (flyd_server_close(&self->server, &closing) != FLY_OK) {
            flyd_say_error(&self->log, "could not close cleanly", &closing);
            status = status == FLY_OK ? closing.status : status;
        } else if (status == FLY_OK) {
            flyd_say(&self->log, FLY_LOG_INFO, "stopped", NULL);
        }
    }
    if (status != FLY_OK && err.status != FLY_OK) {
        flyd_say_error(&self->log, "could not start", &err);
    }
    return status == FLY_OK ? EXIT_GOOD : status == FLY_E_LOCKED ? EXIT_IN_USE : EXIT_FAILED;
}

/* ----------------------------------------------------------------------------- main */

/* What is shown instead of serving; false: nothing was asked for. */
static bool show(const flyd_request *request, const flyd_config *config, bool good)
{
    if (request->version) {
        (void)printf("flyd (FlyDB) %s\n", FLYD_VERSION);
    } else if (request->help) {
        (void)printf("%s", HELP);
        flyd_settings_print_help(stdout);
        (void)printf("%s", HELP_END);
    } else if (request->print_settings) {
        flyd_settings_print_table(stdout);
    } else if (request->print_config && good) {
        flyd_config_print(config, stdout);
    } else {
        return false;
    }
    return true;
}

int main(int count, char **words)
{
    flyd self = {
        .words = {.count = count - 1, .flags = words + 1, .environment = environ, .warn = warn}};
    flyd_request request;
    fly_err err = {0};
    if (count > 1 && strcmp(words[1], "restore") == 0) {
        (void)umask(077);
        return flyd_restore(count - 2, words + 2);
    }
    if (count > 1 && strcmp(words[1], "audit") == 0) {
        return flyd_audit(count - 2, words + 2);
    }
    sigset_t set = signals();
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(077);
    bool good = flyd_config_load(&self.config, &self.words, &request, &err) == FLY_OK;
    int code = EXIT_USAGE;
    if (show(&request, &self.config, good)) {
        code = EXIT_GOOD;
    } else if (!good) {
        complain(&err);
    } else if (self.config.values.data_dir[0] == '\0' &&
               self.config.values.storage_engine == FLYD_ENGINE_DISK) {
        (void)fprintf(stderr, "flyd: where are the databases? Give --data-dir DIR.\n");
    } else {
        flyd_log_init(&self.log);
        code = run(&self);
        flyd_log_deinit(&self.log);
    }
    flyd_config_deinit(&self.config);
    return code;
}
