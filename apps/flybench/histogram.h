/*
 * How long operations took: a histogram with buckets that grow with the value.
 *
 * Each power of two is cut into 32 buckets, so that a percentile is off by 3 % at most, in 16 KiB
 * and without sorting.
 *
 * Threads: thread-compatible. Source: the idea of HdrHistogram (Gil Tene).
 */
#ifndef FLYBENCH_HISTOGRAM_H
#define FLYBENCH_HISTOGRAM_H

#include <fly/base.h>

enum { HISTOGRAM_SUB = 32, HISTOGRAM_BUCKETS = 60 * HISTOGRAM_SUB };

/** All zero is an empty one. */
typedef struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
} histogram;

/** Count one value. */
static inline void histogram_add(histogram *h, uint64_t value)
{
    unsigned index = (unsigned)value;
    if (value >= HISTOGRAM_SUB) {
        /* The five bits below the highest choose the bucket within its power of two. */
        unsigned power = 63 - (unsigned)__builtin_clzll(value);
        index = (power - 4) * HISTOGRAM_SUB + (unsigned)(value >> (power - 5)) - HISTOGRAM_SUB;
    }
    h->buckets[index]++;
    h->count++;
}

/** Add what another one counted. */
void histogram_merge(histogram *to, const histogram *from);

/** The value that `percent` of the counted ones do not exceed; 0 if there are none. */
double histogram_percentile(const histogram *h, double percent);

#endif
