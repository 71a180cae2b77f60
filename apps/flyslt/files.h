/*
 * The scripts that a command line means: files as they are named, folders with all *.test and
 * *.slt below them, in order of name.
 */
#ifndef FLYSLT_FILES_H
#define FLYSLT_FILES_H

#include "text.h"

typedef struct slt_files {
    char **paths;
    size_t count, room;
} slt_files;

FLY_MUST_USE fly_status slt_files_add(slt_files *files, const char *path, fly_err *err);
void slt_files_deinit(slt_files *files);

#endif
