/*
 * Keeping finished segments of the logs: with a backup they lead to any point in time behind it.
 */
#ifndef FLYD_ARCHIVE_H
#define FLYD_ARCHIVE_H

#include <fly/base_env.h>

/* As fly_store_options.archive; `ctx` is the directory. ".../shop/wal/7.wal" is copied to
 * DIRECTORY/shop, in whose name it stands only when it is whole and durable. */
fly_status flyd_archive(void *ctx, const char *path, uint64_t segment, fly_err *err);

/* Make the directory, if it is missing. */
FLY_MUST_USE fly_status flyd_archive_make(const char *path, fly_err *err);

/* flyd restore BACKUP --to DIRECTORY [--archive DIRECTORY] [--until TIME | --until-lsn LSN]: the exit
 * code. `words` begins behind "restore". */
int flyd_restore(int count, char **words);

#endif
