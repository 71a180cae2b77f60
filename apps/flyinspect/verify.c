/*
 * flyinspect verify: every byte that has a checksum, then everything that must hold between pages.
 *
 *     pages       each page as it lies in data.db: checksum, its own number, a sound node. Before
 *                 that, batches that a crash tore are repaired from the double-write area
 *     log         each record of each segment, from the oldest
 *     structure   the store, recovered in memory: trees, fences, pages that belong to two or to none
 *
 * A page that the maps do not know as used may hold anything: damage there is told, but nothing is
 * lost by it. A page of zeros was never written; whether somebody misses it, the structure says.
 */
#include "command.h"
#include "loan.h"
#include "log.h"
#include "pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct verification {
    inspect_loan loan;
    uint64_t complaints;
} verification;

static void complain(verification *v, const char *where, const fly_err *why)
{
    v->complaints++;
    printf("  DAMAGED  %s%s%s\n", where, where[0] != '\0' ? ": " : "", why->message);
}

/* ------------------------------------------------------------------------- pages */

static void judge_page(verification *v, inspect_pages *pages, uint32_t id, uint64_t *checked)
{
    fly_err why = {0};
    inspect_state state = inspect_pages_read(pages, id, &why);
    if (state == INSPECT_EMPTY) {
        return;
    }
    ++*checked;
    if (state != INSPECT_DAMAGED) {
        return;
    }
    char what[80];
    char where[160];
    inspect_pages_describe(pages, what, sizeof what);
    (void)snprintf(where, sizeof where, "data.db, offset %" PRIu64 ", page %" PRIu32 " (%s)",
                   inspect_pages_offset(pages, id), id, what);
    if (pages->used[id] == INSPECT_FREE) {
        printf("  note     %s: %s; the page is free, nothing is lost\n", where, why.message);
    } else {
        complain(v, where, &why);
    }
}

/* The file may lack pages at its end. */
static void judge_length(verification *v, const inspect_pages *pages)
{
    uint64_t needed = (uint64_t)pages->promised * pages->page_size;
    if (pages->file_size < needed) {
        fly_err why = {0};
        (void)fly_err_set(
            &why, FLY_E_CORRUPT,
            "the file ends at byte %" PRIu64 "; pages %" PRIu64 " to %" PRIu32 " are missing",
            pages->file_size, pages->file_size / pages->page_size, pages->promised - 1);
        complain(v, "data.db", &why);
    }
}

/* Open the page file once, in the copy: that repairs it from the double-write area. */
static void repair(verification *v, const char *path)
{
    char area[FLY_PATH_MAX];
    fly_pagefile *file = NULL;
    fly_err why = {0};
    fly_status status = inspect_path(&v->loan, "doublewrite", area, &why);
    if (status == FLY_OK) {
        fly_pagefile_options options = {.buffered = true};
        status = fly_pagefile_open(&v->loan.env, path, area, &options, &file, &why);
    }
    fly_pagefile_close(file);
    if (status != FLY_OK) {
        complain(v, "", &why);
    }
}

static fly_status verify_pages(verification *v, fly_err *err)
{
    char path[FLY_PATH_MAX];
    inspect_pages pages;
    printf("pages\n");
    fly_status status = inspect_path(&v->loan, "data.db", path, err);
    if (status != FLY_OK) {
        return status;
    }
    repair(v, path);
    fly_err why = {0};
    status = inspect_pages_open(&pages, v->loan.env.vfs, v->loan.env.mem, path, &why);
    if (status == FLY_E_FORMAT) {
        complain(v, "", &why);
        return FLY_OK;
    }
    if (status != FLY_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    uint64_t checked = 0;
    for (uint32_t id = 0; id < pages.count; id++) {
        judge_page(v, &pages, id, &checked);
    }
    judge_length(v, &pages);
    printf("  %" PRIu64 " pages of %" PRIu32 " bytes checked\n", checked, pages.page_size);
    inspect_pages_close(&pages);
    return FLY_OK;
}

/* --------------------------------------------------------------------------- log */

static void complain_of_log(void *ctx, const fly_err *why)
{
    complain(ctx, "wal", why);
}

static fly_status verify_log(verification *v, fly_err *err)
{
    char dir[FLY_PATH_MAX];
    printf("log\n");
    fly_status status = inspect_path(&v->loan, "wal", dir, err);
    if (status == FLY_OK) {
        inspect_log_range range = {.each = complain_of_log, .ctx = v};
        status = inspect_log_walk(&v->loan.env, dir, &range, err);
        if (status == FLY_OK) {
            printf("  %" PRIu64 " records checked, in %" PRIu64 " segments\n", range.records,
                   range.segments);
        }
    }
    return status;
}

/* --------------------------------------------------------------------- structure */

static void complain_of_structure(void *ctx, const fly_err *why)
{
    complain(ctx, "", why);
}

static void verify_structure(verification *v)
{
    fly_store *store = NULL;
    fly_err why = {0};
    printf("structure\n");
    fly_status status = inspect_open_store(&v->loan, &store, &why);
    if (status != FLY_OK) {
        complain(v, "cannot be opened", &why);
        return;
    }
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    if (stats.recovered > 0) {
        printf("  %" PRIu64 " log records replayed, %" PRIu64 " transactions undone (in memory)\n",
               stats.recovered, stats.undone);
    }
    uint64_t before = v->complaints;
    status = fly_store_verify(store, complain_of_structure, v, &why);
    if (status != FLY_OK && v->complaints == before) {
        complain(v, "", &why);
    }
    printf("  %" PRIu64 " pages in use\n", stats.used_pages);
    fly_store_abandon(store);
}

/* ------------------------------------------------------------------------ the command */

static int run(const inspect_command *command, int argc, char **argv)
{
    const char *dir;
    if (!inspect_arguments(command, argc, argv, NULL, 0, &dir, 1)) {
        return INSPECT_MISUSED;
    }
    verification v = {.complaints = 0};
    fly_err err = {0};
    fly_status status = inspect_borrow(&v.loan, dir, &err);
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    status = verify_pages(&v, &err);
    if (status == FLY_OK) {
        status = verify_log(&v, &err);
    }
    if (status == FLY_OK) {
        verify_structure(&v);
    }
    inspect_return(&v.loan);
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    if (v.complaints > 0) {
        printf("DAMAGED: %" PRIu64 " complaints; `flyinspect salvage` copies what can be read\n",
               v.complaints);
        return INSPECT_BAD;
    }
    printf("sound\n");
    return INSPECT_GOOD;
}

const inspect_command inspect_verify = {
    .name = "verify",
    .arguments = "STORE",
    .what = "whether anything in a store is damaged, and what exactly",
    .help =
        "\nReads every page and every log record, recovers a copy of the store in memory, and\n"
        "verifies its trees. Each complaint names file, place and reason; one damage may cause\n"
        "several. Exit code 1 if there was any.\n",
    .run = run,
};
