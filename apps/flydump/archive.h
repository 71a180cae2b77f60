/*
 * A dump as one compressed file, whose parts can be read in any order and side by side.
 */
#ifndef FLYDUMP_ARCHIVE_H
#define FLYDUMP_ARCHIVE_H

#include "entry.h"
#include "source.h"

#include <stdio.h>

/* Write all entries, asking the source for data. `to` can be sought in. */
bool flydump_write_archive(flydump_source *source, const flydump_list *list, FILE *to);

typedef struct flydump_reader flydump_reader; /* reads the data of one entry */

/* Read what an archive has; data stay in the file. False: `why`. */
bool flydump_read_archive(FILE *from, flydump_list *list, fsql_text *why);

/* Begin to read an entry's data, through a descriptor that others may use too. NULL: no memory. */
flydump_reader *flydump_reader_open(int fd, const flydump_entry *entry);
/* The next piece; empty at the end. False: `why`. */
bool flydump_reader_next(flydump_reader *reader, fly_bytes *data, fsql_text *why);
void flydump_reader_close(flydump_reader *reader);

#endif
