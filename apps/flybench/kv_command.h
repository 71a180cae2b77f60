/*
 * The command line of `flybench kv`: what can be asked for, the help, the list of engines.
 */
#ifndef FLYBENCH_KV_COMMAND_H
#define FLYBENCH_KV_COMMAND_H

#include "kv_driver.h"

/** What was asked for. */
typedef struct kv_command {
    const char *engines;    /**< a list, or NULL */
    const char *compare;    /**< a list, "all", or NULL */
    const char *subject;    /**< whose ratios are printed */
    const char *cases;      /**< a list, or NULL */
    const char *dir;        /**< where to make a directory */
    const char *csv;        /**< a file to write, or NULL */
    const char *durability; /**< of cases that do not ask for durable commits */
    uint64_t records, threads, key_size, value_size, repeat, ops, reads_per_txn;
    uint64_t cache_mib, overhead_mib;
    double seconds;
    bool list, quiet, help;
} kv_command;

enum { KV_REPEAT_MAX = 99 };

/** Read it; what is not named keeps its default. FLY_E_INVALID with a message. */
FLY_MUST_USE fly_status kv_command_parse(kv_command *command, int argc, char **argv, fly_err *err);

/** Print what --help shows. */
void kv_command_help(void);

/** Print what --list shows. */
void kv_command_list(void);

/** Print an engine's version, settings and durability, each line after `mark`. */
void kv_command_print_engine(const char *mark, const kv_driver *driver);

#endif
