/*
 * Run one script: its records one after the other on a fresh database, what came against what is
 * expected.
 */
#ifndef FLYSLT_RUN_H
#define FLYSLT_RUN_H

#include "driver.h"
#include "skiplist.h"

/** passed + failed + skipped: all records that hold SQL, those behind a halt among the skipped. */
typedef struct slt_counts {
    uint64_t passed, failed, skipped;
    uint64_t line; /**< of the record that is being run: if the process dies, this was it */
} slt_counts;

typedef struct slt_run_options {
    const slt_driver *driver;
    slt_driver_options open;
    const char *engine; /**< NULL: the driver's */
    const slt_skiplist *skips;
    bool complete; /**< replace the expected results by those that come */
} slt_run_options;

/** What one run says. */
typedef struct slt_report {
    slt_counts *counts; /**< kept up to date as it runs */
    slt_text out;       /**< the failures, told */
    slt_text failures;  /**< and listed, `FILE:LINE` a line */
    slt_text completed; /**< with --complete: the script anew */
} slt_report;

void slt_report_deinit(slt_report *report);

/** Run the script `text`; `path` is its name in reports. */
void slt_run(const slt_run_options *options, const char *path, fly_bytes text, slt_report *report);

#endif
