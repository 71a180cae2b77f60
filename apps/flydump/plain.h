/*
 * A dump as a script, which psql and fsql can run.
 */
#ifndef FLYDUMP_PLAIN_H
#define FLYDUMP_PLAIN_H

#include "entry.h"
#include "source.h"

#include <stdio.h>

/* What stands before everything else, in scripts and in a restore. */
extern const char flydump_preamble[];

/* Writes the rows of an entry of data. */
typedef bool (*flydump_rows_function)(void *ctx, const flydump_entry *entry, FILE *to);

/* Write all entries; rows come from `rows`. */
bool flydump_write_script(const flydump_list *list, flydump_rows_function rows, void *ctx,
                          FILE *to);

/* Write all entries, asking the source for data. */
bool flydump_write_plain(flydump_source *source, const flydump_list *list, FILE *to);

#endif
