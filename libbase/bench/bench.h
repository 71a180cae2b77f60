/*
 * What the benchmarks of libbase share: run a case long enough and print its line,
 *
 *     name n seconds ops_per_s bytes_per_op
 */
#ifndef BENCH_H
#define BENCH_H

#include <fly/base_sched.h>

#include <inttypes.h>
#include <stdio.h>

enum { BENCH_NS_MIN = 200000000 }; /* shorter runs are repeated with twice the operations */

/* The compiler must assume that somebody looks at `x`. */
static inline void bench_use(uint64_t x)
{
    __asm__ volatile("" : : "r"(x) : "memory");
}

/* Run `body` with a growing number of operations until it takes long enough, and print that. */
static inline void bench(const char *name, void (*body)(void *ctx, uint64_t n), void *ctx,
                         uint64_t bytes_per_op)
{
    uint64_t n = 1000;
    uint64_t elapsed = 0;
    for (;;) {
        uint64_t begin = fly_now();
        body(ctx, n);
        elapsed = fly_now() - begin;
        if (elapsed >= BENCH_NS_MIN) {
            break;
        }
        n *= 2;
    }
    double seconds = (double)elapsed / 1e9;
    (void)printf("%s %" PRIu64 " %.3f %.0f %" PRIu64 "\n", name, n, seconds, (double)n / seconds,
                 bytes_per_op);
}

#endif
