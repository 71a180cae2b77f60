/*
 * What a dump is made of: entries, in stages.
 *
 *     0  before    schemas, types, functions, sequences, tables
 *     1  data      rows of one table each
 *     2  numbers   where sequences are
 *     3  keys      primary keys, unique constraints, indexes
 *     4  links     foreign keys
 *     5  after     views, triggers, comments
 *
 * Entries of one stage are made in their order, but for the data, keys and links, which depend on
 * nothing of their own stage: a restore may do those side by side.
 */
#ifndef FLYDUMP_ENTRY_H
#define FLYDUMP_ENTRY_H

#include "text.h"

typedef enum flydump_stage {
    FLYDUMP_BEFORE,
    FLYDUMP_DATA,
    FLYDUMP_NUMBERS,
    FLYDUMP_KEYS,
    FLYDUMP_LINKS,
    FLYDUMP_AFTER,
    FLYDUMP_STAGES
} flydump_stage;

typedef struct flydump_entry {
    flydump_stage stage;
    char *kind;   /* "TABLE" */
    char *name;   /* quoted, with its schema */
    char *schema; /* the search path that its text was written for begins with it; "": none */
    char *text;   /* statements; of data: COPY ... FROM stdin; */
    char *source; /* of data: COPY ... TO STDOUT */
    /* In an archive that is read: where the data are. */
    uint64_t offset;
    uint64_t size;
} flydump_entry;

typedef struct flydump_list {
    flydump_entry *entries;
    size_t count;
    size_t room;
} flydump_list;

/* Add an entry; texts are copied, NULL is "". */
flydump_entry *flydump_add(flydump_list *list, flydump_stage stage, const char *kind,
                           const char *schema, const char *name, const char *text);
void flydump_list_deinit(flydump_list *list);

/* Whether entries of a stage may be restored side by side. */
bool flydump_is_parallel(flydump_stage stage);

/* The search path that an entry needs, as a statement. */
void flydump_path(const flydump_entry *entry, fsql_text *text);

#endif
