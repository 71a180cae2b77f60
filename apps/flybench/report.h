/*
 * Figures: named numbers of one run, their medians over runs, and the lines that are printed.
 *
 *     kv ENGINE CASE METRIC VALUE          one line per metric
 *     ratio CASE VALUE best_peer=NAME      the subject's figure over the best peer's
 */
#ifndef FLYBENCH_REPORT_H
#define FLYBENCH_REPORT_H

#include <fly/base.h>
#include <stdio.h>

enum { REPORT_METRICS_MAX = 16, REPORT_NAME_SIZE = 24 };

/** One figure. */
typedef struct report_metric {
    char name[REPORT_NAME_SIZE];
    double value;
} report_metric;

/** The figures of one run. All zero is empty. */
typedef struct report_run {
    uint32_t count;
    report_metric metrics[REPORT_METRICS_MAX];
} report_run;

/** Add a figure. `name` is copied. */
void report_add(report_run *run, const char *name, double value);

/** Find a figure; false if the run has none of that name. */
bool report_find(const report_run *run, const char *name, double *value);

/**
 * @brief Write the medians over `count` runs of everything that the first one reports to `medians`,
 *        and the spread of `primary`, (max - min) / median in percent, if there are several runs.
 */
void report_medians(const report_run *runs, uint32_t count, const char *primary,
                    report_run *medians);

/** Print `kv` lines. */
void report_print(const char *engine, const char *what, const report_run *medians);

/** Print a number as the lines have it: no digits that mean nothing. */
void report_number(FILE *out, double value);

/** Append one run's figures to a CSV file, whose header names the columns before them. */
void report_csv(FILE *csv, const char *prefix, const report_run *run);

#endif
