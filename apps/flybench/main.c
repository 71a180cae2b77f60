/*
 * flybench: how fast FlyDB is, whole and layer by layer.
 *
 * Each subcommand is a row; it reads its own options.
 */
#include "kv.h"
#include "layer.h"
#include "sql_command.h"
#include "tpch_command.h"

#include <fly/base.h>

#include <stdio.h>
#include <string.h>

typedef struct subcommand {
    const char *name;
    const char *what;
    int (*run)(int argc, char **argv); /* NULL: the bench of a layer, a program of its own */
} subcommand;

static const subcommand subcommands[] = {
    {"kv", "key-value stores side by side: FlyDB, LMDB, WiredTiger, RocksDB, SQLite", kv_main},
#ifdef FLYBENCH_SQL
    {"sql", "the same statements on FlyDB and SQLite", sql_main},
#endif
    {"tpch", "the tables of TPC-H, to load into a database", tpch_main},
    {"page", "libpage alone: slots, checksums, reads and batches of the page file", NULL},
    {"bufpool", "libbufpool alone: hits, misses, two threads", NULL},
    {"wal", "libwal alone: appending, durable commits, replay", NULL},
    {"btree", "libbtree alone: look-ups, changes, scans, bulk load", NULL},
    {"txn", "libtxn: transactions, loading, recovery", NULL},
};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof subcommands[0] };

static void help(FILE *out)
{
    (void)fprintf(out, "usage: flybench SUBCOMMAND [--help] [OPTION...]\n\n");
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].what);
    }
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        help(stdout);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        printf("flybench %s\n", FLY_BASE_VERSION);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run != NULL ? subcommands[i].run(argc - 2, argv + 2)
                                              : layer_main(subcommands[i].name, argv + 1);
        }
    }
    if (argc >= 2) {
        (void)fprintf(stderr, "flybench: there is no subcommand \"%s\"\n", argv[1]);
    }
    help(stderr);
    return 2;
}
