/*
 * flyinspect summary: what a store is and holds, on one screen.
 */
#include "command.h"
#include "loan.h"
#include "log.h"
#include "names.h"

#include <inttypes.h>
#include <stdio.h>

/* ------------------------------------------------------------------------- the files */

static uint64_t size_of(const inspect_loan *loan, const char *name)
{
    char path[FLY_PATH_MAX];
    fly_file *file = NULL;
    uint64_t size = 0;
    if (inspect_path(loan, name, path, NULL) == FLY_OK &&
        fly_file_open(loan->env.vfs, path, 0, &file, NULL) == FLY_OK &&
        fly_file_size(file, &size, NULL) != FLY_OK) {
        size = 0;
    }
    fly_file_abandon(file);
    return size;
}

static fly_status print_log(inspect_loan *loan, fly_err *err)
{
    char dir[FLY_PATH_MAX];
    inspect_log_range range = {.from = 0};
    fly_status status = inspect_path(loan, "wal", dir, err);
    if (status == FLY_OK) {
        status = inspect_log_walk(&loan->env, dir, &range, err);
    }
    if (status == FLY_OK) {
        printf("log          %" PRIu64 " segments, %" PRIu64 " records", range.segments,
               range.records);
        printf(range.end > 0 ? ", ends at LSN %" PRIu64 "\n" : "\n", range.end);
    }
    return status;
}

/* ------------------------------------------------------------------------- the trees */

static fly_status print_tree(void *ctx, fly_txn *txn, const char *name, fly_tree *tree,
                             fly_err *err)
{
    (void)ctx;
    (void)txn;
    fly_btree_stats stats;
    fly_status status = fly_tree_get_stats(tree, &stats, err);
    if (status == FLY_OK) {
        printf("  %-24s %6" PRIu32 " %8" PRIu32 " %12" PRIu64 " %6" PRIu32 " %9" PRIu64 " %9" PRIu64
               "\n",
               name, fly_tree_id(tree), fly_tree_root(tree), stats.entries, stats.height,
               stats.leaves + stats.inner, stats.blob_pages);
    }
    return status;
}

static fly_status print_store(inspect_loan *loan, fly_err *err)
{
    fly_store *store;
    fly_status status = inspect_open_store(loan, &store, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    const uint8_t *uuid = fly_wal_uuid(fly_store_wal(store));
    printf("identity     ");
    for (int i = 0; i < 16; i++) {
        printf("%02x", uuid[i]);
    }
    printf("\npages        %" PRIu64 " of %" PRIu32 " bytes, %" PRIu64 " in use\n", stats.pages,
           fly_pagefile_page_size(fly_bufpool_file(fly_store_pool(store))), stats.used_pages);
    printf("clock        %" PRIu64 " commits, ever\n", stats.clock);
    printf("recovery     %" PRIu64 " log records to replay, %" PRIu64 " transactions to undo\n",
           stats.recovered, stats.undone);
    printf("\n  %-24s %6s %8s %12s %6s %9s %9s\n", "tree", "number", "root", "entries", "height",
           "pages", "long");
    status = inspect_each_tree(store, print_tree, NULL, err);
    fly_store_abandon(store);
    return status;
}

/* ----------------------------------------------------------------------- the command */

static int run(const inspect_command *command, int argc, char **argv)
{
    const char *dir;
    if (!inspect_arguments(command, argc, argv, NULL, 0, &dir, 1)) {
        return INSPECT_MISUSED;
    }
    inspect_loan loan;
    fly_err err = {0};
    fly_status status = inspect_borrow(&loan, dir, &err);
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    printf("data.db      %" PRIu64 " bytes\n", size_of(&loan, "data.db"));
    status = print_log(&loan, &err);
    if (status == FLY_OK) {
        status = print_store(&loan, &err);
    }
    inspect_return(&loan);
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    return INSPECT_GOOD;
}

const inspect_command inspect_summary = {
    .name = "summary",
    .arguments = "STORE",
    .what = "what a store is and holds, on one screen",
    .help =
        "\nEntries count what lies in the leaves: those that are deleted and not purged yet, too.\n"
        "Pages are a tree's nodes, long those of its long values.\n",
    .run = run,
};
