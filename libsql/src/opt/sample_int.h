/*
 * What the values of columns are like where ANALYZE has not looked: from a sample of the rows.
 */
#ifndef FLY_SQL_SAMPLE_INT_H
#define FLY_SQL_SAMPLE_INT_H

#include "catalog/catalog_int.h"

#include <fly/base_sched.h>

struct fly_sql_session;

enum { FLY__SQL_COMMON_MAX = 4 };

/* What is known of a column. */
typedef struct fly__sql_known {
    double distinct; /* values; negative: as a part of the rows; 0: unknown */
    double null_fraction;
    fly_bytes stats;       /* see stats_int.h */
    uint32_t common_count; /* values that many rows have; ANALYZE does not look for them */
    struct fly__sql_common {
        uint64_t hash; /* fly__sql_sample_hash() */
        double part;   /* of all rows */
    } common[FLY__SQL_COMMON_MAX];
} fly__sql_known;

/* What tells values of one type apart. */
uint64_t fly__sql_sample_hash(fly_vec_type physical, const fly_vec_value *value);

/* The samples of a database, each good until its table is twice as large or half. */
typedef struct fly__sql_samples {
    fly_mutex mutex;
    struct fly__sql_sample *list;
    size_t bytes;
} fly__sql_samples;

void fly__sql_samples_init(fly__sql_samples *samples);
void fly__sql_samples_deinit(fly__sql_samples *samples, fly_mem *mem);

/* What is known of each column of a table of about so many rows, in `arena`. NULL: nothing, because there
 * are no rows, there is no memory, or the transaction is serializable, which a sample would make
 * conflict with others. */
const fly__sql_known *fly__sql_sample_of(struct fly_sql_session *session,
                                         const fly__sql_table *table, double rows,
                                         fly_arena *arena);

#endif
