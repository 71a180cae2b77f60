/*
 * flyinspect salvage: everything that can be read of a damaged store, in a new one.
 *
 *     1  recover a copy of the store in memory, so that what is only in the log is in its pages. If
 *        that fails: redo the log on the pages that can be read, and remember what it says of entries
 *     2  scan all pages that the maps know as used; all there are, where a map is damaged
 *     3  copy the entries of the leaves that are whole, without asking inner nodes for the way
 *     4  say what was lost: pages, the keys that they must have held, long values
 */
#include "command.h"
#include "history.h"
#include "loan.h"
#include "log.h"
#include "redo.h"
#include "rescue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct salvage_run {
    const char *words[2]; /* the damaged store, the new one */
    bool suspect;
    inspect_loan loan;
    inspect_pages pages;
    inspect_scan scan;
    inspect_history history; /* if it could not be recovered */
    bool stale_maps;         /* the maps on disk are older than the pages */
    bool log_damaged;        /* it is not known how much was lost with the log */
} salvage_run;

/* --------------------------------------------------------------------------- preparing */

static fly_status recover_copy(salvage_run *s, fly_err *err)
{
    fly_store *store;
    fly_status status = inspect_open_store(&s->loan, &store, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    status = fly_store_close(store, err);
    if (status == FLY_OK) {
        printf("recovered in memory: %" PRIu64 " log records replayed, %" PRIu64
               " transactions undone\n",
               stats.recovered, stats.undone);
    }
    return status;
}

/* What takes the place of recovery: redo on the pages that can be read; and if not even that can be
 * done, the pages as they lie, with what the log says entry by entry. */
static fly_status prepare_unrecovered(salvage_run *s, const char *path, const fly_err *why,
                                      fly_err *err)
{
    uint64_t redone = 0;
    char dir[FLY_PATH_MAX];
    printf("cannot be recovered: %s\n", why->message);
    fly_status status = inspect_borrow_again(&s->loan, err);
    if (status != FLY_OK) {
        return status;
    }
    s->stale_maps = inspect_redo(&s->loan, &redone, NULL) != FLY_OK;
    if (s->stale_maps) {
        printf("  the file cannot be opened either: pages are taken as they lie\n");
        status = inspect_borrow_again(&s->loan, err);
    } else {
        printf("  %" PRIu64 " log records replayed on the pages that can be read\n", redone);
    }
    if (status == FLY_OK) {
        status = inspect_path(&s->loan, "wal", dir, err);
    }
    if (status == FLY_OK) {
        status = inspect_history_read(&s->history, &s->loan.env, dir, err);
    }
    if (status == FLY_OK) {
        printf("  %zu changes of entries found in the log\n", s->history.change_count);
        status = inspect_pages_open(&s->pages, s->loan.env.vfs, s->loan.env.mem, path, err);
    }
    if (status == FLY_OK && s->stale_maps) {
        inspect_pages_distrust_maps(&s->pages);
    }
    return status;
}

static void see_log_damage(void *ctx, const fly_err *why)
{
    salvage_run *s = ctx;
    s->log_damaged = true;
    printf("  DAMAGED  wal: %s\n", why->message);
}

static fly_status look_at_log(salvage_run *s, fly_err *err)
{
    char dir[FLY_PATH_MAX];
    inspect_log_range range = {.each = see_log_damage, .ctx = s};
    fly_status status = inspect_path(&s->loan, "wal", dir, err);
    return status == FLY_OK ? inspect_log_walk(&s->loan.env, dir, &range, err) : status;
}

static fly_status prepare(salvage_run *s, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_err why = {0};
    fly_status status = inspect_path(&s->loan, "data.db", path, err);
    if (status == FLY_OK) {
        status = look_at_log(s, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    status = recover_copy(s, &why);
    if (status == FLY_E_KEY || status == FLY_E_NO_MEMORY) {
        *err = why;
        return status;
    }
    if (status != FLY_OK) {
        status = prepare_unrecovered(s, path, &why, err);
    } else {
        status = inspect_pages_open(&s->pages, s->loan.env.vfs, s->loan.env.mem, path, err);
    }
    return status == FLY_OK ? inspect_scan_pages(&s->scan, &s->pages, &s->history, err) : status;
}

/* --------------------------------------------------------------------------- reporting */

static void report_pages(const salvage_run *s)
{
    if (s->pages.guessed) {
        printf("the header is damaged; pages seem to have %" PRIu32 " bytes\n", s->pages.page_size);
    }
    if (!s->pages.maps_whole) {
        printf("the allocation maps are %s: all pages are read, and what had been deleted or\n"
               "  dropped long ago may come back\n",
               s->stale_maps ? "out of date" : "damaged");
    }
    printf("%" PRIu64 " pages of %" PRIu32 " bytes are whole, %zu are lost\n", s->scan.whole,
           s->pages.page_size, s->scan.lost_count);
    for (size_t i = 0; i < s->scan.lost_count; i++) {
        const inspect_lost *lost = &s->scan.lost[i];
        printf("  LOST     data.db, offset %" PRIu64 ", page %" PRIu32 " (%s): %s%s%s\n",
               inspect_pages_offset(&s->pages, lost->page), lost->page, lost->what, lost->why,
               lost->keys[0] != '\0' ? "; keys " : "", lost->keys);
    }
}

static void report_entries(const inspect_rescue *rescue)
{
    printf("%" PRIu64 " entries copied", rescue->entries);
    if (rescue->from_log > 0) {
        printf("; %" PRIu64 " changes were taken from the log", rescue->from_log);
    }
    if (rescue->suspects > 0) {
        printf("; %" PRIu64 " more from damaged pages, into trees named suspect-...",
               rescue->suspects);
    }
    if (rescue->lost > 0) {
        printf("; %" PRIu64 " lost beside those of lost pages", rescue->lost);
    }
    if (rescue->ghosts > 0) {
        printf("; %" PRIu64 " deleted ones passed over", rescue->ghosts);
    }
    if (rescue->dropped > 0) {
        printf("; %" PRIu64 " dropped trees passed over", rescue->dropped);
    }
    printf("\n");
}

/* ----------------------------------------------------------------------------- copying */

static fly_status make_store(const salvage_run *s, fly_env *env, fly_store **store, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = fly_path_join(path, sizeof path, s->words[1], "data.db", err);
    if (status != FLY_OK) {
        return status;
    }
    if (fly_vfs_exists(env->vfs, path)) {
        return fly_err_set(err, FLY_E_EXISTS, "there is a store in \"%s\" already", s->words[1]);
    }
    fly_store_options options = {
        .create = true,
        .page_size = s->pages.page_size,
        .durability = FLY_DURABILITY_ASYNC, /* all is synced when it is closed */
    };
    return fly_store_open(env, s->words[1], &options, store, err);
}

static fly_status copy(salvage_run *s, bool *complete, fly_err *err)
{
    fly_env env;
    fly_store *store;
    fly_env_init(&env);
    inspect_rescue rescue = {
        .scan = &s->scan,
        .history = &s->history,
        .pages = &s->pages,
        .suspect = s->suspect,
        .dropped_too = s->scan.lost_count > 0 || s->stale_maps,
    };
    fly_status status = make_store(s, &env, &store, err);
    if (status != FLY_OK) {
        return status;
    }
    rescue.store = store;
    status = inspect_rescue_all(&rescue, err);
    if (status == FLY_OK) {
        status = fly_store_verify(store, NULL, NULL, err);
    }
    fly_status closed = fly_store_close(store, status == FLY_OK ? err : NULL);
    status = status == FLY_OK ? closed : status;
    if (status == FLY_OK) {
        report_entries(&rescue);
    }
    *complete = rescue.lost == 0;
    return status;
}

/* ------------------------------------------------------------------------ the command */

static int run(const inspect_command *command, int argc, char **argv)
{
    salvage_run s = {.suspect = false};
    const inspect_option options[] = {{"suspect", &s.suspect, NULL}};
    if (!inspect_arguments(command, argc, argv, options, 1, s.words, 2)) {
        return INSPECT_MISUSED;
    }
    fly_err err = {0};
    fly_status status = inspect_borrow(&s.loan, s.words[0], &err);
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    bool complete = false;
    status = prepare(&s, &err);
    if (status == FLY_OK) {
        report_pages(&s);
        status = copy(&s, &complete, &err);
        complete = complete && s.scan.lost_count == 0 && !s.log_damaged && s.pages.maps_whole;
    }
    inspect_scan_deinit(&s.scan);
    inspect_history_deinit(&s.history);
    inspect_pages_close(&s.pages);
    inspect_return(&s.loan);
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    printf(complete ? "nothing was lost\n"
                    : "something was lost, or may be out of date: see above\n");
    return complete ? INSPECT_GOOD : INSPECT_BAD;
}

const inspect_command inspect_salvage = {
    .name = "salvage",
    .arguments = "STORE NEW [OPTION]",
    .what = "copy everything readable of a damaged store into a new one",
    .help = "\n  --suspect  also copy what makes sense in damaged pages, into trees named "
            "suspect-NAME\n"
            "\nNEW is made and must not be a store yet. Leaves are found without inner nodes; "
            "trees whose\n"
            "name is lost are called lost-name-NUMBER. Exit code 1 if anything was lost.\n",
    .run = run,
};
