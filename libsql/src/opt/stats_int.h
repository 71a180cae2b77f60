/*
 * What ANALYZE keeps of a column's values besides their number: where equal parts of them begin.
 *
 * Bytes: a version (1), then doubles, little endian, in order: the least value, the ends of equal
 * parts, the greatest. Of numbers, dates and moments only.
 */
#ifndef FLY_SQL_STATS_INT_H
#define FLY_SQL_STATS_INT_H

#include "types/type_int.h"

enum { FLY__SQL_STATS_PARTS = 32, FLY__SQL_STATS_SAMPLE = 1024 };

/* A value as a number that is in the same order; false: not of this type. */
bool fly__sql_stats_number(fly_sql_type type, const fly_vec_value *value, double *number);

/* Write the bytes for a sample, which is sorted by it; empty if there is none. */
fly_status fly__sql_stats_write(double *sample, uint32_t count, fly_arena *arena, fly_bytes *stats,
                                fly_err *err);

/* The fraction of values that are less; negative: nobody knows. */
double fly__sql_stats_below(fly_bytes stats, double number);

#endif
