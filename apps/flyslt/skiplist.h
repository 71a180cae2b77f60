/*
 * Records, or files, that are known not to pass. One a line:
 *
 *     evidence/slt_lang_aggfunc.test:187   # why
 *     random/expr                          # a whole file, or all files below a folder
 *
 * A name means every file whose path ends with it, or has it in the middle, between slashes. What
 * --list-failures writes is such a list.
 */
#ifndef FLYSLT_SKIPLIST_H
#define FLYSLT_SKIPLIST_H

#include "text.h"

typedef struct slt_skip {
    fly_bytes name;
    size_t line; /**< 0: all of it */
} slt_skip;

typedef struct slt_skiplist {
    slt_text text;
    slt_skip *skips;
    size_t count;
} slt_skiplist;

/** Add the lines of `text`, which is copied. To be called once. */
FLY_MUST_USE fly_status slt_skiplist_parse(slt_skiplist *list, fly_bytes text, fly_err *err);
void slt_skiplist_deinit(slt_skiplist *list);

/** Whether the record at `line` of `path` is listed. */
bool slt_skiplist_has(const slt_skiplist *list, const char *path, size_t line);

#endif
