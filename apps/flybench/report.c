/*
 * Figures: named numbers of one run, their medians over runs, and the lines that are printed.
 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 128 };

void report_add(report_run *run, const char *name, double value)
{
    FLY_ASSERT(run->count < REPORT_METRICS_MAX);
    FLY_ASSERT(strlen(name) < REPORT_NAME_SIZE);
    report_metric *metric = &run->metrics[run->count++];
    (void)snprintf(metric->name, sizeof metric->name, "%s", name);
    metric->value = value;
}

bool report_find(const report_run *run, const char *name, double *value)
{
    for (uint32_t i = 0; i < run->count; i++) {
        if (strcmp(run->metrics[i].name, name) == 0) {
            *value = run->metrics[i].value;
            return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void report_medians(const report_run *runs, uint32_t count, const char *primary,
                    report_run *medians)
{
    FLY_ASSERT(count > 0);
    FLY_ASSERT(count <= RUNS_MAX);
    *medians = (report_run){0};
    double spread = 0;
    for (uint32_t m = 0; m < runs[0].count; m++) {
        const char *name = runs[0].metrics[m].name;
        double values[RUNS_MAX];
        uint32_t found = 0;
        for (uint32_t i = 0; i < count; i++) {
            found += report_find(&runs[i], name, &values[found]) ? 1 : 0;
        }
        qsort(values, found, sizeof values[0], compare);
        double median = (values[(found - 1) / 2] + values[found / 2]) / 2;
        report_add(medians, name, median);
        if (strcmp(name, primary) == 0 && median > 0) {
            spread = 100 * (values[found - 1] - values[0]) / median;
        }
    }
    if (count > 1) {
        report_add(medians, "spread_pct", spread);
    }
}

void report_number(FILE *out, double value)
{
    (void)fprintf(out, "%.*f", value >= 1000 ? 0 : value >= 10 ? 2 : 4, value);
}

void report_print(const char *engine, const char *what, const report_run *medians)
{
    for (uint32_t i = 0; i < medians->count; i++) {
        printf("kv %s %s %s ", engine, what, medians->metrics[i].name);
        report_number(stdout, medians->metrics[i].value);
        (void)putchar('\n');
    }
    (void)fflush(stdout);
}

void report_csv(FILE *csv, const char *prefix, const report_run *run)
{
    for (uint32_t i = 0; i < run->count; i++) {
        (void)fprintf(csv, "%s,%s,", prefix, run->metrics[i].name);
        report_number(csv, run->metrics[i].value);
        (void)fputc('\n', csv);
    }
    (void)fflush(csv);
}
