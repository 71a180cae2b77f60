/*
 * An event while the trace is off, while it is on, and the clock alone, which is most of the second.
 * Does not measure: reading, and what the rings take away from the cache of the traced program.
 */
#include <fly/base_trace.h>

#include "bench.h"

static fly_trace *trace;

static void emit(void *ctx, uint64_t n)
{
    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        FLY_TRACE(trace, FLY_TRACE_ID(FLY_TRACE_BASE, 1), i, 2, 3, 4);
        bench_use(i);
    }
}

static void look_at_clock(void *ctx, uint64_t n)
{
    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        bench_use(fly_now());
    }
}

int main(void)
{
    trace = fly_trace_create(fly_mem_system(), 0);
    if (trace == NULL) {
        return 1;
    }
    bench("trace/off", emit, NULL, 0);
    fly_trace_set(trace, true);
    bench("trace/on", emit, NULL, 0);
    bench("now", look_at_clock, NULL, 0);
    fly_trace_destroy(trace);
    return 0;
}
