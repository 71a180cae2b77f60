/*
 * An archive becomes a database.
 */
#ifndef FLYDUMP_RESTORE_H
#define FLYDUMP_RESTORE_H

#include "archive.h"

/* Restore all entries into what the target names, with so many connections where that is safe. */
bool flydump_restore(const fsql_target *target, const flydump_list *list, FILE *archive,
                     unsigned jobs);

/* Write all entries as a script. */
bool flydump_archive_to_plain(const flydump_list *list, FILE *archive, FILE *to);

#endif
