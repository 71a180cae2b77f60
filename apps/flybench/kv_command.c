/*
 * The command line of `flybench kv`: what can be asked for, the help, the list of engines.
 */
#include "kv_command.h"

#include "kv_cases.h"
#include "options.h"

#include <stdio.h>

enum { OPTION_ROWS = 20 };

static void option_rows(kv_command *c, option_row rows[OPTION_ROWS])
{
    const option_row all[OPTION_ROWS] = {
        {"list", OPTION_FLAG, NULL, "show the engines and cases of this build", &c->list, 0, 0},
        {"engines", OPTION_TEXT, "LIST", "run these; default: all in this build", &c->engines, 0,
         0},
        {"compare", OPTION_TEXT, "all|LIST", "run the subject and these, and print ratios",
         &c->compare, 0, 0},
        {"subject", OPTION_TEXT, "ENGINE", "whose ratios are printed; default: flydb", &c->subject,
         0, 0},
        {"cases", OPTION_TEXT, "LIST", "run these; _tN after a name: with N threads", &c->cases, 0,
         0},
        {"records", OPTION_COUNT, "N", "in the data set, e.g. 10M; default: 1M", &c->records, 1,
         UINT64_C(10000000000)},
        {"threads", OPTION_COUNT, "N", "for cases whose name tells no number; default: 1",
         &c->threads, 1, 64},
        {"key-size", OPTION_COUNT, "8|16", "bytes of a key; default: 8", &c->key_size, 8, 16},
        {"value-size", OPTION_COUNT, "N", "bytes of a value; default: 100", &c->value_size,
         KV_VALUE_MIN, KV_VALUE_MAX},
        {"repeat", OPTION_COUNT, "N", "run each case so often, print medians; default: 1",
         &c->repeat, 1, KV_REPEAT_MAX},
        {"seconds", OPTION_REAL, "S", "of a timed case; default: 2", &c->seconds, 0, 0},
        {"ops", OPTION_COUNT, "N", "operations of a timed case, instead of seconds", &c->ops, 1,
         UINT64_C(1000000000000)},
        {"reads-per-txn", OPTION_COUNT, "N",
         "of get_random, range_100, get_4x_cache; default: 1000", &c->reads_per_txn, 1,
         UINT64_C(1000000000)},
        {"durability", OPTION_TEXT, "LEVEL", "off or async, of cases other than commit_full",
         &c->durability, 0, 0},
        {"cache-mib", OPTION_COUNT, "N", "cache of an engine; default: enough for all",
         &c->cache_mib, 1, 1 << 20},
        {"overhead-mib", OPTION_COUNT, "N", "memory beside the cache in get_4x_cache; default: 32",
         &c->overhead_mib, 1, 1 << 20},
        {"dir", OPTION_TEXT, "DIR", "where a directory for the stores is made; default: .", &c->dir,
         0, 0},
        {"csv", OPTION_TEXT, "FILE", "write every figure of every run there", &c->csv, 0, 0},
        {"help", OPTION_FLAG, NULL, "show this", &c->help, 0, 0},
        {"quiet", OPTION_FLAG, NULL, "no progress bar", &c->quiet, 0, 0},
    };
    memcpy(rows, all, sizeof all);
}

static void print_cases(void)
{
    uint32_t count = 0;
    const kv_case *cases = kv_cases_all(&count);
    printf("cases:\n");
    for (uint32_t i = 0; i < count; i++) {
        printf("  %-12s %s (%s)\n", cases[i].name, cases[i].what,
               kv_durability_name(cases[i].durability));
    }
    printf("default: %s\n", kv_cases_default);
}

void kv_command_print_engine(const char *mark, const kv_driver *driver)
{
    char version[64];
    driver->version(version, sizeof version);
    printf("%s%s %s: %s\n", mark, driver->name, version, driver->settings);
    for (int level = 0; level < KV_DURABILITY_COUNT; level++) {
        const char *how = driver->durability[level];
        printf("%s  %-5s %s\n", mark, kv_durability_name((kv_durability)level),
               how != NULL ? how : "-");
    }
}

static void print_engines(void)
{
    printf("engines, and how they keep each level of durability:\n");
    for (size_t i = 0; i < KV_ENGINE_COUNT; i++) {
        if (kv_engines[i].driver != NULL) {
            kv_command_print_engine("  ", kv_engines[i].driver);
        } else {
            printf("  %s: not in this build\n", kv_engines[i].name);
        }
    }
}

void kv_command_list(void)
{
    print_engines();
    print_cases();
}

void kv_command_help(void)
{
    kv_command ignored;
    option_row rows[OPTION_ROWS];
    option_rows(&ignored, rows);
    printf("usage: flybench kv [OPTION...]\n\n"
           "Runs workloads against key-value stores and prints lines\n"
           "  kv ENGINE CASE METRIC VALUE\n"
           "and, with --compare, the subject's figure divided by that of its best peer\n"
           "  ratio CASE VALUE best_peer=NAME\n\n");
    options_help(rows, OPTION_ROWS);
    printf("\nlevels of durability:\n"
           "  off    a commit promises nothing\n"
           "  async  the change is on its way to the disk: not synced, or synced later\n"
           "  full   the change survives the loss of power\n\n");
    print_cases();
    printf("\n");
    print_engines();
    printf("\nA wrong answer of an engine, or a failure, makes flybench exit with status 1.\n");
}

fly_status kv_command_parse(kv_command *command, int argc, char **argv, fly_err *err)
{
    *command = (kv_command){.subject = "flydb",
                            .dir = ".",
                            .durability = "async",
                            .records = 1000000,
                            .threads = 1,
                            .key_size = 8,
                            .value_size = 100,
                            .repeat = 1,
                            .reads_per_txn = 1000,
                            .overhead_mib = 32,
                            .seconds = 2};
    option_row rows[OPTION_ROWS];
    option_rows(command, rows);
    return options_parse(rows, OPTION_ROWS, argc, argv, err);
}
