/*
 * flyinspect tree: one tree, as figures, as a graph, or entry by entry.
 */
#include "command.h"
#include "loan.h"

#include <fly/base_dissect.h>

#include <inttypes.h>
#include <stdio.h>

enum { TEXT = 1024 };

static fly_status print_figures(fly_tree *tree, const char *name, fly_err *err)
{
    fly_btree_stats stats;
    fly_status status = fly_tree_get_stats(tree, &stats, err);
    if (status == FLY_OK) {
        printf("tree         \"%s\", number %" PRIu32 ", root page %" PRIu32 "\n", name,
               fly_tree_id(tree), fly_tree_root(tree));
        printf("height       %" PRIu32 "\n", stats.height);
        printf("entries      %" PRIu64 "\n", stats.entries);
        printf("leaves       %" PRIu64 ", %.1f entries each, %.0f bytes used of each\n",
               stats.leaves, stats.leaves > 0 ? (double)stats.entries / (double)stats.leaves : 0.0,
               stats.leaves > 0 ? (double)stats.leaf_bytes / (double)stats.leaves : 0.0);
        printf("inner nodes  %" PRIu64 "\n", stats.inner);
        printf("long values  %" PRIu64 ", on %" PRIu64 " pages\n", stats.blobs, stats.blob_pages);
    }
    return status;
}

/* ----------------------------------------------------------------------- the graph */

static void print_line(void *ctx, const char *text)
{
    (void)ctx;
    printf("%s\n", text);
}

static fly_status print_graph(inspect_loan *loan, fly_store *store, fly_tree *tree, fly_err *err)
{
    fly_btree_options options = {.pool = fly_store_pool(store), .id = fly_tree_id(tree)};
    fly_btree *nodes;
    fly_status status = fly_btree_open(&loan->env, &options, fly_tree_root(tree), &nodes, err);
    if (status == FLY_OK) {
        status = fly_btree_dot(nodes, print_line, NULL, err);
        fly_btree_close(nodes);
    }
    return status;
}

/* --------------------------------------------------------------------- the entries */

static fly_status print_entry(fly_cursor *cursor, fly_err *err)
{
    char key[TEXT];
    char value[TEXT];
    uint8_t start[TEXT];
    uint64_t len = fly_cursor_value_len(cursor);
    size_t shown = len < sizeof start ? (size_t)len : sizeof start;
    fly_status status = fly_cursor_read(cursor, 0, start, shown, err);
    if (status == FLY_OK) {
        fly_quote(fly_cursor_key(cursor), key, sizeof key);
        fly_quote(fly_bytes_of(start, shown), value, sizeof value);
        printf("%s = %s", key, value);
        printf(shown < len ? " of %" PRIu64 " bytes\n" : "\n", len);
    }
    return status;
}

static fly_status print_entries(fly_txn *txn, fly_tree *tree, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(txn, tree, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_cursor_first(cursor, err);
    while (status == FLY_OK) {
        status = print_entry(cursor, err);
        if (status == FLY_OK) {
            status = fly_cursor_next(cursor, err);
        }
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

/* -------------------------------------------------------------------- the command */

typedef struct tree_wish {
    const char *words[2]; /* store, tree */
    bool dot;
    bool entries;
} tree_wish;

static fly_status show(inspect_loan *loan, fly_store *store, fly_txn *txn, const tree_wish *wish,
                       fly_err *err)
{
    fly_tree *tree;
    fly_status status = fly_txn_tree_open(txn, wish->words[1], 0, &tree, err);
    if (status == FLY_E_NOT_FOUND) {
        return fly_err_set(err, status, "there is no tree \"%s\"", wish->words[1]);
    }
    if (status != FLY_OK) {
        return status;
    }
    return wish->dot       ? print_graph(loan, store, tree, err)
           : wish->entries ? print_entries(txn, tree, err)
                           : print_figures(tree, wish->words[1], err);
}

static fly_status open_and_show(inspect_loan *loan, const tree_wish *wish, fly_err *err)
{
    fly_store *store;
    fly_txn *txn;
    fly_status status = inspect_open_store(loan, &store, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_txn_options options = {.isolation = FLY_ISOLATION_SNAPSHOT, .read_only = true};
    status = fly_txn_begin(store, &options, &txn, err);
    if (status == FLY_OK) {
        status = show(loan, store, txn, wish, err);
        fly_txn_rollback(txn);
    }
    fly_store_abandon(store);
    return status;
}

static int run(const inspect_command *command, int argc, char **argv)
{
    tree_wish wish = {.dot = false};
    const inspect_option options[] = {{"dot", &wish.dot, NULL}, {"entries", &wish.entries, NULL}};
    if (!inspect_arguments(command, argc, argv, options, 2, wish.words, 2)) {
        return INSPECT_MISUSED;
    }
    inspect_loan loan;
    fly_err err = {0};
    fly_status status = inspect_borrow(&loan, wish.words[0], &err);
    if (status == FLY_OK) {
        status = open_and_show(&loan, &wish, &err);
        inspect_return(&loan);
    }
    return status == FLY_OK ? INSPECT_GOOD : inspect_failed(status, &err);
}

const inspect_command inspect_tree = {
    .name = "tree",
    .arguments = "STORE NAME [OPTION]",
    .what = "one tree: its shape, its graph, or its entries",
    .help = "\n  --dot      a graph of its nodes, for `dot -Tsvg`\n"
            "  --entries  keys and values, quoted; long ones are cut\n",
    .run = run,
};
