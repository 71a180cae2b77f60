/*
 * Completing a script: the same text, with what an engine answers in place of what was expected.
 *
 * Headers may be missing altogether: SQL that stands alone becomes a query, a statement ok or a
 * statement error, as it turns out.
 */
#ifndef FLYSLT_COMPLETE_H
#define FLYSLT_COMPLETE_H

#include "result.h"

typedef struct slt_completion {
    fly_bytes text; /* of the script */
    size_t copied;  /* how much of it has gone to `out` */
    slt_text *out;
    uint64_t hash_threshold; /* more values than that are written as their hash; 0: never */
} slt_completion;

void slt_completion_init(slt_completion *completion, fly_bytes text, slt_text *out);

/** Write the record anew, after what stood before it. */
void slt_complete(slt_completion *completion, const slt_record *record, fly_status status,
                  const fly_err *err, slt_result *result);

/** Write what stands behind the last record. */
void slt_completion_finish(slt_completion *completion);

/** The letters that fit a result best: I, T, or U if there are other bytes than space..~ */
void slt_complete_types(const slt_result *result, char types[SLT_COLUMNS_MAX + 1]);

#endif
