/*
 * How long operations took: a histogram with buckets that grow with the value.
 */
#include "histogram.h"

void histogram_merge(histogram *to, const histogram *from)
{
    to->count += from->count;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->buckets[i] += from->buckets[i];
    }
}

/* The middle of a bucket: the inverse of the index in histogram_add(). */
static double value_of(unsigned index)
{
    if (index < HISTOGRAM_SUB) {
        return index;
    }
    unsigned power = index / HISTOGRAM_SUB + 4;
    double low = (double)(HISTOGRAM_SUB + index % HISTOGRAM_SUB);
    return (low + 0.5) * (double)(UINT64_C(1) << (power - 5));
}

double histogram_percentile(const histogram *h, double percent)
{
    double wanted = (double)h->count * percent / 100;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (h->buckets[i] > 0 && (double)seen >= wanted) {
            return value_of(i);
        }
    }
    return 0;
}
