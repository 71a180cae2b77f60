/*
 * What a database has, as the statements that make it.
 */
#ifndef FLYDUMP_CATALOG_H
#define FLYDUMP_CATALOG_H

#include "entry.h"
#include "source.h"

typedef struct flydump_choice {
    bool schema_only;
    bool data_only;
    const char *schema; /* only what is in it; NULL: all */
    const char *table;  /* only this table, with its schema or without; NULL: all */
} flydump_choice;

/* Ask the catalog. The source is in a transaction whose snapshot the data will be of. */
bool flydump_collect(flydump_source *source, const flydump_choice *choice, flydump_list *list);

#endif
