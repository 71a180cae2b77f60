/*
 * Many scripts, each in a process of its own, so that one that crashes or hangs costs itself only.
 */
#ifndef FLYSLT_JOBS_H
#define FLYSLT_JOBS_H

#include "files.h"
#include "run.h"

typedef struct slt_jobs_options {
    slt_run_options run;
    unsigned processes; /**< at a time; 0: everything in this process, for a debugger */
    unsigned timeout;   /**< seconds for a script; 0: as long as it takes */
    bool verbose;       /**< a line for every script */
} slt_jobs_options;

/** Run all files; failures are told on standard output and listed in `failures`, in file order. */
void slt_jobs_run(const slt_jobs_options *options, const slt_files *files, slt_counts *total,
                  slt_text *failures);

#endif
