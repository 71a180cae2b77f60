/*
 * What it costs to use a page: one that is in memory, in each of the three ways, over both backends;
 * one that must come in, over a clean page and over a dirty one; and two threads at once.
 *
 *     one      always the same page: what the pool itself costs
 *     many     30,000 pages of 4 KiB at random: what the processor's caches cost on top, too
 *     two      two threads, each half of the operations, on the same page
 *
 * Budget: observe/one at most 10 ns. Does not measure: a disk (the file is in memory, so a miss is
 * its copy and its checksum), a log, more than two threads.
 */
#include "bench_pool.h"

enum {
    BENCH_NS_MIN = 20000000, /* shorter runs are repeated with twice the operations */
    RUNS = 9,
    PAGES = 30000,
    FEW = 1024 /* slots of the pools that misses are measured with */
};

static const char *backend_name;

/* A fly_err is large: to clear one costs more than what is measured here. */
static inline void must_fix(fly_status status)
{
    if (FLY_UNLIKELY(status != FLY_OK)) {
        (void)fprintf(stderr, "%s\n", fly_status_name(status));
        exit(1);
    }
}

static uint32_t random_page(uint64_t i)
{
    return FIRST_PAGE + (uint32_t)(fly_hash_u64(i) % PAGES);
}

/* The fastest of several runs: on a machine with other work the others measure that. */
static void bench(const char *name, void (*body)(uint64_t n))
{
    uint64_t n = 1000;
    uint64_t fastest = UINT64_MAX;
    for (int runs = 0; runs < RUNS;) {
        uint64_t began = fly_now();
        body(n);
        uint64_t elapsed = fly_now() - began;
        if (elapsed < BENCH_NS_MIN) {
            n *= 2;
            fastest = UINT64_MAX;
            runs = 0;
            continue;
        }
        fastest = elapsed < fastest ? elapsed : fastest;
        runs++;
    }
    double seconds = (double)fastest / 1e9;
    (void)printf("bufpool/%s/%s %" PRIu64 " %.3f %.0f %" PRIu32 " %.1f ns\n", backend_name, name, n,
                 seconds, (double)n / seconds, page_size, (double)fastest / (double)n);
}

/* ------------------------------------------------------------------------- pages in memory */

static inline void observe_page(uint32_t page)
{
    fly_pageref ref;
    uint64_t sum;
    do {
        must_fix(fly_bufpool_observe(pool, page, &ref, NULL));
        sum = fly_get_u64(ref.bytes + FLY_PAGE_HEADER);
    } while (!fly_bufpool_unchanged(&ref));
    bench_use(sum);
}

static inline void share_page(uint32_t page)
{
    fly_pageref ref;
    must_fix(fly_bufpool_fix_shared(pool, page, &ref, NULL));
    bench_use(fly_get_u64(ref.bytes + FLY_PAGE_HEADER));
    fly_bufpool_unfix_shared(&ref);
}

static inline void take_page(uint32_t page)
{
    fly_pageref ref;
    must_fix(fly_bufpool_fix_exclusive(pool, page, &ref, NULL));
    bench_use(fly_get_u64(ref.bytes + FLY_PAGE_HEADER));
    fly_bufpool_unfix_exclusive(&ref);
}

static void observe_one(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        observe_page(FIRST_PAGE);
    }
}

static void share_one(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        share_page(FIRST_PAGE);
    }
}

static void take_one(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        take_page(FIRST_PAGE);
    }
}

static void upgrade_one(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        fly_pageref ref;
        do {
            must_fix(fly_bufpool_observe(pool, FIRST_PAGE, &ref, NULL));
        } while (!fly_bufpool_upgrade(&ref));
        fly_bufpool_unfix_exclusive(&ref);
    }
}

static void observe_many(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        observe_page(random_page(i));
    }
}

static void share_many(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        share_page(random_page(i));
    }
}

/* Where there are no pages there is nothing to find: what random_page() and the loop cost. */
static void nothing_many(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        bench_use(random_page(i));
    }
}

/* ------------------------------------------------------------------------------ two threads */

struct half {
    void (*body)(uint64_t n);
    uint64_t n;
};

static void run_half(void *arg)
{
    const struct half *half = arg;
    half->body(half->n);
}

static void in_two(void (*body)(uint64_t n), uint64_t n)
{
    struct half half = {body, n / 2};
    fly_thread thread;
    fly_err err = {0};
    must(fly_thread_start(fly_sched_os(), &thread, "other", run_half, &half, &err), &err);
    run_half(&half);
    fly_thread_join(&thread);
}

static void observe_two(uint64_t n)
{
    in_two(observe_one, n);
}

static void share_two(uint64_t n)
{
    in_two(share_one, n);
}

static void observe_many_two(uint64_t n)
{
    in_two(observe_many, n);
}

/* ----------------------------------------------------------------------------------- misses */

static uint32_t next_page;

/* Pages in order, of which each has gone before it comes up again. */
static void miss_clean(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        share_page(FIRST_PAGE + next_page++ % PAGES);
    }
}

static void miss_dirty(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        fly_pageref ref;
        must_fix(fly_bufpool_fix_exclusive(pool, FIRST_PAGE + next_page++ % PAGES, &ref, NULL));
        fly_bufpool_dirty(pool, &ref, FLY_BUFPOOL_UNLOGGED);
        fly_bufpool_unfix_exclusive(&ref);
    }
}

static void read_ahead(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 32) {
        uint32_t pages[32];
        for (uint32_t k = 0; k < 32; k++) {
            pages[k] = FIRST_PAGE + next_page++ % PAGES;
        }
        fly_bufpool_read_ahead(pool, pages, 32);
    }
}

static void miss_two(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        share_page(random_page(i ^ (uint64_t)(uintptr_t)&i));
    }
}

static void miss_clean_two(uint64_t n)
{
    in_two(miss_two, n);
}

static void measure(fly_bufpool_backend backend)
{
    backend_name = backend == FLY_BUFPOOL_FRAMES ? "frames" : "virtual";
    open_pool(PAGES, &(fly_bufpool_options){.backend = backend});
    for (uint32_t i = 0; i < PAGES; i++) {
        share_page(FIRST_PAGE + i);
    }
    bench("observe/one", observe_one);
    bench("shared/one", share_one);
    bench("exclusive/one", take_one);
    bench("upgrade/one", upgrade_one);
    bench("nothing/many", nothing_many);
    bench("observe/many", observe_many);
    bench("shared/many", share_many);
    bench("observe/two", observe_two);
    bench("shared/two", share_two);
    bench("observe/many/two", observe_many_two);
    fly_bufpool_destroy(pool);

    open_pool(FEW, &(fly_bufpool_options){.backend = backend});
    bench("miss/clean", miss_clean);
    bench("miss/clean/two", miss_clean_two);
    bench("read_ahead", read_ahead);
    bench("miss/dirty", miss_dirty);
    fly_bufpool_destroy(pool);
}

int main(void)
{
    make_file(PAGES, 4096);
    measure(FLY_BUFPOOL_FRAMES);
    measure(FLY_BUFPOOL_VIRTUAL);
    drop_file();
    return 0;
}
