/*
 * `flybench kv`: what is measured, in which order, and what is printed.
 *
 *     for each case
 *         for each run                 all engines take turns, so that none has the quiet minute
 *             for each engine          in a process of its own, see kv_run.h
 *         print medians and ratios
 *
 * Everything lives in one directory that is made and removed: per engine a loaded store, which
 * cases read or copy, and the store of the case at hand.
 */
#define _GNU_SOURCE
#include "kv.h"

#include "files.h"
#include "kv_command.h"
#include "kv_run.h"
#include "machine.h"
#include "options.h"

#include <fly/base_vfs.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PICKS_MAX = 128, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_STOPPED = 130 };

/* An engine that takes part. */
typedef struct entrant {
    const kv_driver *driver;
    bool prepared; /* its loaded store exists */
    bool unfit;    /* that could not be made */
    uint32_t count;
    report_run runs[KV_REPEAT_MAX]; /* of the case at hand */
    report_run medians;
} entrant;

/* All that lasts from the first measurement to the last. */
typedef struct session {
    kv_command command;
    kv_settings settings;
    kv_durability async_level; /* what cases that need no durable commits run at */
    kv_pick picks[PICKS_MAX];
    uint32_t pick_count;
    entrant *entrants;
    uint32_t entrant_count;
    char dir[FLY_PATH_MAX];
    FILE *csv;
    kv_stop stop;
    progress shown;
    uint32_t failures;
} session;

/* -------------------------------------------------------------------------- the plan */

static const kv_engine *find_engine(const char *name)
{
    for (size_t i = 0; i < KV_ENGINE_COUNT; i++) {
        if (strcmp(kv_engines[i].name, name) == 0) {
            return &kv_engines[i];
        }
    }
    return NULL;
}

static fly_status check_engines(const char *list, fly_err *err)
{
    char name[64];
    while (options_list_next(&list, name, sizeof name)) {
        const kv_engine *engine = find_engine(name);
        if (engine == NULL) {
            return fly_err_set(err, FLY_E_INVALID, "there is no engine \"%s\": see --list", name);
        }
        if (engine->driver == NULL) {
            return fly_err_set(err, FLY_E_UNSUPPORTED, "engine \"%s\" is not in this build", name);
        }
    }
    return FLY_OK;
}

static bool takes_part(const kv_command *c, const char *name)
{
    const char *list = c->compare != NULL ? c->compare : c->engines;
    if (c->compare != NULL && strcmp(name, c->subject) == 0) {
        return true;
    }
    return list == NULL || strcmp(list, "all") == 0 || options_list_has(list, name);
}

static fly_status choose_engines(session *s, fly_err *err)
{
    const kv_command *c = &s->command;
    const char *list = c->compare != NULL ? c->compare : c->engines;
    fly_status status = FLY_OK;
    if (list != NULL && strcmp(list, "all") != 0) {
        status = check_engines(list, err);
    }
    if (status == FLY_OK && c->compare != NULL) {
        status = check_engines(c->subject, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    s->entrants = calloc(KV_ENGINE_COUNT, sizeof *s->entrants);
    if (s->entrants == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < KV_ENGINE_COUNT; i++) {
        if (kv_engines[i].driver != NULL && takes_part(c, kv_engines[i].name)) {
            s->entrants[s->entrant_count++].driver = kv_engines[i].driver;
        }
    }
    return FLY_OK;
}

static bool picked_before(const session *s, const char *name)
{
    for (uint32_t i = 0; i < s->pick_count; i++) {
        if (strcmp(s->picks[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static fly_status choose_cases(session *s, fly_err *err)
{
    const char *list = s->command.cases != NULL ? s->command.cases : kv_cases_default;
    char name[KV_CASE_NAME_SIZE];
    while (options_list_next(&list, name, sizeof name)) {
        kv_pick pick;
        fly_status status = kv_case_parse(name, (uint32_t)s->command.threads, &pick, err);
        if (status != FLY_OK) {
            return status;
        }
        if (s->pick_count == PICKS_MAX) {
            return fly_err_set(err, FLY_E_INVALID, "more than %d cases", PICKS_MAX);
        }
        if (!picked_before(s, pick.name)) {
            s->picks[s->pick_count++] = pick;
        }
    }
    return FLY_OK;
}

static fly_status settle_settings(session *s, fly_err *err)
{
    const kv_command *c = &s->command;
    if (c->key_size != 8 && c->key_size != 16) {
        return fly_err_set(err, FLY_E_INVALID, "--key-size is 8 or 16");
    }
    s->async_level = KV_ASYNC;
    if (strcmp(c->durability, "off") == 0) {
        s->async_level = KV_OFF;
    } else if (strcmp(c->durability, "async") != 0) {
        return fly_err_set(err, FLY_E_INVALID, "--durability is off or async");
    }
    s->settings = (kv_settings){
        .shape = {.key_size = (size_t)c->key_size, .value_size = (size_t)c->value_size},
        .records = c->records,
        .cache_bytes = c->cache_mib << 20,
        .overhead_bytes = c->overhead_mib << 20,
        .reads_per_txn = c->reads_per_txn,
        .ops = c->ops,
        .seconds = c->seconds,
    };
    return FLY_OK;
}

static kv_durability level_of(const session *s, const kv_case *what)
{
    return what->durability == KV_FULL ? KV_FULL : s->async_level;
}

static bool can_run(const session *s, const kv_driver *driver, const kv_case *what)
{
    return driver->durability[level_of(s, what)] != NULL &&
           (!driver->commits_only || what->durability == KV_FULL);
}

static uint32_t count_steps(const session *s)
{
    uint32_t steps = 0;
    for (uint32_t p = 0; p < s->pick_count; p++) {
        for (uint32_t e = 0; e < s->entrant_count; e++) {
            steps += can_run(s, s->entrants[e].driver, s->picks[p].what) ? 1 : 0;
        }
    }
    return steps * (uint32_t)s->command.repeat;
}

/* -------------------------------------------------------------------- one measurement */

/* Where an engine's store is; `kind` is "loaded" or "case". `path` has FLY_PATH_MAX bytes. */
static fly_status store_path(const session *s, const entrant *e, const char *kind, char *path,
                             fly_err *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", e->driver->name, kind);
    return fly_path_join(path, FLY_PATH_MAX, s->dir, name, err);
}

/* Run a task, within a memory limit if the case wants one and the system can. */
static fly_status run_task(session *s, kv_task *task, report_run *result, fly_err *err)
{
    if (!task->what->limited) {
        return kv_run_apart(task, &s->stop, &s->shown, result, err);
    }
    fly_status status = files_drop_cached(task->dir, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t bytes = kv_cache_bytes(&s->settings, task->what) + s->settings.overhead_bytes;
    memlimit limit;
    fly_err why = {0};
    bool limited = memlimit_create(&limit, bytes, &why) == FLY_OK;
    task->limit = limited ? &limit : NULL;
    status = kv_run_apart(task, &s->stop, &s->shown, result, err);
    if (status == FLY_OK) {
        report_add(result, "limit_mib", limited ? (double)bytes / (1 << 20) : 0);
    }
    if (limited) {
        uint64_t peak = memlimit_peak(&limit);
        if (status == FLY_OK && peak > 0) {
            report_add(result, "peak_mib", (double)peak / (1 << 20));
        }
        memlimit_destroy(&limit);
    } else {
        progress_clear(&s->shown);
        printf("# %s has no memory limit but its own cache (%s)\n", task->driver->name,
               why.message);
    }
    return status;
}

/* Make the loaded store of an engine. */
static fly_status prepare(session *s, entrant *e, fly_err *err)
{
    char dir[FLY_PATH_MAX];
    progress_step(&s->shown, "loading %s", e->driver->name);
    fly_status status = store_path(s, e, "loaded", dir, err);
    if (status == FLY_OK) {
        status = fly_vfs_make_dir(fly_vfs_posix(), dir, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    kv_task task = {.settings = &s->settings,
                    .driver = e->driver,
                    .what = &kv_case_prepare,
                    .threads = 1,
                    .durability = level_of(s, &kv_case_prepare),
                    .dir = dir};
    report_run ignored = {0};
    status = run_task(s, &task, &ignored, err);
    e->prepared = status == FLY_OK;
    e->unfit = status != FLY_OK;
    return status;
}

/* Make what the case starts from; its path goes to `dir`, which has FLY_PATH_MAX bytes. */
static fly_status set_out(session *s, entrant *e, const kv_case *what, char *dir, fly_err *err)
{
    fly_status status = FLY_OK;
    if (what->start != KV_START_EMPTY && !e->prepared) {
        status = e->unfit ? fly_err_set(err, FLY_E_ABORTED, "its store could not be loaded")
                          : prepare(s, e, err);
    }
    if (status == FLY_OK && what->start == KV_START_LOADED) {
        return store_path(s, e, "loaded", dir, err);
    }
    char loaded[FLY_PATH_MAX];
    if (status == FLY_OK) {
        status = store_path(s, e, "loaded", loaded, err);
    }
    if (status == FLY_OK) {
        status = store_path(s, e, "case", dir, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    return what->start == KV_START_COPY ? files_copy_tree(loaded, dir, err)
                                        : fly_vfs_make_dir(fly_vfs_posix(), dir, err);
}

static fly_status measure(session *s, entrant *e, const kv_pick *pick, report_run *result,
                          fly_err *err)
{
    char dir[FLY_PATH_MAX];
    fly_status status = set_out(s, e, pick->what, dir, err);
    if (status != FLY_OK) {
        return status;
    }
    progress_step(&s->shown, "%s %s, run %u", pick->name, e->driver->name, e->count + 1);
    kv_task task = {.settings = &s->settings,
                    .driver = e->driver,
                    .what = pick->what,
                    .threads = pick->threads,
                    .durability = level_of(s, pick->what),
                    .dir = dir};
    status = run_task(s, &task, result, err);
    if (status == FLY_OK && !pick->what->timed) {
        uint64_t bytes = 0;
        status = files_size(dir, &bytes, err);
        report_add(result, "bytes_on_disk", (double)bytes);
    }
    if (pick->what->start != KV_START_LOADED) {
        fly_status removed =
            fly_vfs_remove_tree(fly_vfs_posix(), dir, status == FLY_OK ? err : NULL);
        status = status != FLY_OK ? status : removed;
    }
    return status;
}

/* ----------------------------------------------------------------------- the results */

static void write_csv(const session *s, const kv_pick *pick, const entrant *e, uint32_t run,
                      const report_run *result)
{
    if (s->csv == NULL) {
        return;
    }
    char prefix[256];
    (void)snprintf(prefix, sizeof prefix, "%s,%s,%s,%" PRIu32 ",%" PRIu64 ",%zu,%zu,%" PRIu32,
                   e->driver->name, pick->name, kv_durability_name(level_of(s, pick->what)),
                   pick->threads, s->settings.records, s->settings.shape.key_size,
                   s->settings.shape.value_size, run);
    report_csv(s->csv, prefix, result);
}

static const entrant *find_subject(const session *s)
{
    for (uint32_t i = 0; i < s->entrant_count; i++) {
        if (strcmp(s->entrants[i].driver->name, s->command.subject) == 0) {
            return &s->entrants[i];
        }
    }
    return NULL;
}

static void print_ratio(const char *name, const char *suffix, double mine, double best,
                        const char *peer)
{
    printf("ratio %s%s %.3f best_peer=%s\n", name, suffix, best > 0 ? mine / best : 0, peer);
}

/* The subject against the best of the engines, and against the disk alone where that was asked. */
static void print_ratios(const session *s, const kv_pick *pick)
{
    const entrant *subject = find_subject(s);
    double mine = 0;
    if (subject == NULL || subject->count == 0 ||
        !report_find(&subject->medians, pick->what->metric, &mine)) {
        return;
    }
    const char *peer = NULL;
    double best = 0;
    for (uint32_t i = 0; i < s->entrant_count; i++) {
        const entrant *e = &s->entrants[i];
        double figure = 0;
        if (e == subject || e->count == 0 ||
            !report_find(&e->medians, pick->what->metric, &figure)) {
            continue;
        }
        if (e->driver->commits_only) {
            print_ratio(pick->name, "_vs_bare", mine, figure, e->driver->name);
        } else if (peer == NULL || (pick->what->less_is_better ? figure < best : figure > best)) {
            best = figure;
            peer = e->driver->name;
        }
    }
    if (peer != NULL) {
        print_ratio(pick->name, "", mine, best, peer);
    }
    (void)fflush(stdout);
}

static void print_case(session *s, const kv_pick *pick)
{
    progress_clear(&s->shown);
    for (uint32_t i = 0; i < s->entrant_count; i++) {
        entrant *e = &s->entrants[i];
        if (e->count > 0) {
            report_medians(e->runs, e->count, pick->what->metric, &e->medians);
            report_print(e->driver->name, pick->name, &e->medians);
        }
    }
    if (s->command.compare != NULL) {
        print_ratios(s, pick);
    }
}

static void print_header(const session *s)
{
    const kv_command *c = &s->command;
    printf("# flybench kv %s\n", FLY_BASE_VERSION);
    machine_print(s->dir);
    printf("# records %" PRIu64 ", key %zu bytes, value %zu bytes, %.1f MiB of data\n",
           s->settings.records, s->settings.shape.key_size, s->settings.shape.value_size,
           (double)(s->settings.records *
                    (s->settings.shape.key_size + s->settings.shape.value_size)) /
               (1 << 20));
    if (c->ops > 0) {
        printf("# timed cases: %" PRIu64 " operations", c->ops);
    } else {
        printf("# timed cases: %.2f s", c->seconds);
    }
    printf(", median of %" PRIu64 ", %" PRIu64 " reads per read transaction\n", c->repeat,
           c->reads_per_txn);
    printf("# durability: commit_full full, all other cases %s\n",
           kv_durability_name(s->async_level));
    for (uint32_t i = 0; i < s->entrant_count; i++) {
        kv_command_print_engine("# ", s->entrants[i].driver);
    }
    (void)fflush(stdout);
}

/* -------------------------------------------------------------------------- the run */

static fly_status run_pick(session *s, const kv_pick *pick, fly_err *err)
{
    for (uint32_t i = 0; i < s->entrant_count; i++) {
        s->entrants[i].count = 0;
    }
    for (uint32_t run = 0; run < s->command.repeat; run++) {
        for (uint32_t i = 0; i < s->entrant_count; i++) {
            /* Another one begins each time. */
            entrant *e = &s->entrants[(i + run) % s->entrant_count];
            if (!can_run(s, e->driver, pick->what)) {
                continue;
            }
            report_run result = {0};
            *err = (fly_err){0};
            fly_status status = measure(s, e, pick, &result, err);
            s->shown.done++;
            if (status == FLY_E_CANCELLED) {
                return status;
            }
            if (status == FLY_OK) {
                e->runs[e->count++] = result;
                write_csv(s, pick, e, run + 1, &result);
            } else {
                s->failures++;
                progress_clear(&s->shown);
                (void)fprintf(stderr, "flybench: %s %s: %s\n", e->driver->name, pick->name,
                              err->message);
            }
        }
    }
    print_case(s, pick);
    return FLY_OK;
}

static fly_status run_all(session *s, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t p = 0; p < s->pick_count && status == FLY_OK; p++) {
        status = run_pick(s, &s->picks[p], err);
    }
    progress_clear(&s->shown);
    return status;
}

static fly_status open_csv(session *s, fly_err *err)
{
    if (s->command.csv == NULL) {
        return FLY_OK;
    }
    s->csv = fopen(s->command.csv, "we");
    if (s->csv == NULL) {
        return fly_err_set(err, FLY_E_IO, "could not create \"%s\"", s->command.csv);
    }
    (void)fputs("engine,case,durability,threads,records,key_size,value_size,run,metric,value\n",
                s->csv);
    return FLY_OK;
}

static fly_status run_in_directory(session *s, fly_err *err)
{
    char name[32];
    (void)snprintf(name, sizeof name, "flybench.%d", (int)getpid());
    fly_status status = fly_path_join(s->dir, sizeof s->dir, s->command.dir, name, err);
    if (status == FLY_OK) {
        status = fly_vfs_make_dir(fly_vfs_posix(), s->dir, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    status = kv_stop_init(&s->stop, err);
    if (status == FLY_OK) {
        print_header(s);
        progress_init(&s->shown, count_steps(s), s->command.quiet);
        status = run_all(s, err);
        kv_stop_deinit(&s->stop);
    }
    fly_status removed =
        fly_vfs_remove_tree(fly_vfs_posix(), s->dir, status == FLY_OK ? err : NULL);
    return status != FLY_OK ? status : removed;
}

static fly_status plan(session *s, fly_err *err)
{
    fly_status status = settle_settings(s, err);
    if (status == FLY_OK) {
        status = choose_engines(s, err);
    }
    if (status == FLY_OK) {
        status = choose_cases(s, err);
    }
    return status == FLY_OK ? open_csv(s, err) : status;
}

static int complain(const fly_err *err, int exit_status)
{
    (void)fprintf(stderr, "flybench: %s\n", err->message);
    return exit_status;
}

int kv_main(int argc, char **argv)
{
    session s = {0};
    fly_err err = {0};
    if (kv_command_parse(&s.command, argc, argv, &err) != FLY_OK) {
        return complain(&err, EXIT_USAGE);
    }
    if (s.command.help) {
        kv_command_help();
        return 0;
    }
    if (s.command.list) {
        kv_command_list();
        return 0;
    }
    int exit_status = 0;
    fly_status status = plan(&s, &err);
    if (status != FLY_OK) {
        exit_status = complain(&err, EXIT_USAGE);
    } else {
        status = run_in_directory(&s, &err);
        if (status != FLY_OK) {
            exit_status = complain(&err, status == FLY_E_CANCELLED ? EXIT_STOPPED : EXIT_FAILED);
        }
    }
    if (s.csv != NULL) {
        (void)fclose(s.csv);
    }
    free(s.entrants);
    return exit_status == 0 && s.failures > 0 ? EXIT_FAILED : exit_status;
}
