/*
 * Hit rates: every policy on the same traces, through the pool as it is.
 *
 *     zipf    points; the n-th most frequent page comes 1/n as often as the first
 *     scan    every second use is one of zipf's points, the others walk through the whole file
 *     loop    round and round over a quarter more pages than the pool has slots
 *     drift   points among an eighth of the file, which moves on a page every few uses
 *
 * After name and figures stands the hit rate in percent; the first quarter of a trace warms the pool
 * up and is not counted. "optimum" is Belady's: who knows the future evicts the page that is needed
 * last. Does not measure: a disk (a miss is a copy in memory and a checksum), threads, writing.
 */
#include "bench_pool.h"

#include <string.h>

enum { SLOTS = 1024, PAGES = 10 * SLOTS, USES = 800000, WARM = USES / 4 };

static uint32_t trace[USES];

/* ------------------------------------------------------------------------------- traces */

static double sums[PAGES]; /* of frequencies up to here */
static uint32_t places[PAGES];

static void prepare_zipf(fly_rng *rng)
{
    double sum = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        sum += 1.0 / (i + 1);
        sums[i] = sum;
        uint32_t other =
            (uint32_t)fly_rng_below(rng, i + 1); /* Fisher and Yates, from the inside */
        places[i] = places[other];
        places[other] = i;
    }
}

static uint32_t zipf(fly_rng *rng)
{
    double at = (double)(fly_rng_next(rng) >> 11) / (double)(1ull << 53) * sums[PAGES - 1];
    uint32_t low = 0;
    uint32_t high = PAGES - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sums[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return places[low];
}

static uint32_t next_zipf(fly_rng *rng, uint32_t i)
{
    (void)i;
    return zipf(rng);
}

static uint32_t next_scan(fly_rng *rng, uint32_t i)
{
    return i % 2 == 0 ? zipf(rng) : i / 2 % PAGES;
}

static uint32_t next_loop(fly_rng *rng, uint32_t i)
{
    (void)rng;
    return i % (SLOTS + SLOTS / 4);
}

static uint32_t next_drift(fly_rng *rng, uint32_t i)
{
    return (i / 32 + (uint32_t)fly_rng_below(rng, PAGES / 8)) % PAGES;
}

static const struct {
    const char *name;
    uint32_t (*next)(fly_rng *rng, uint32_t i);
} traces[] = {{"zipf", next_zipf}, {"scan", next_scan}, {"loop", next_loop}, {"drift", next_drift}};

/* ------------------------------------------------------------------------------ optimum */

/* A page in memory and when it will be needed; a heap, the latest on top. Of a page that was used
 * meanwhile an old entry stays behind, earlier than the true one: it is skipped. */
struct need {
    uint32_t when;
    uint32_t page;
};

static struct need needs[USES + 1];
static uint32_t need_count;

static void add_need(struct need need)
{
    uint32_t at = ++need_count;
    for (; at > 1 && needs[at / 2].when < need.when; at /= 2) {
        needs[at] = needs[at / 2];
    }
    needs[at] = need;
}

static struct need take_latest(void)
{
    struct need latest = needs[1];
    struct need moved = needs[need_count--];
    uint32_t at = 1;
    for (;;) {
        uint32_t child = 2 * at;
        child += child < need_count && needs[child + 1].when > needs[child].when;
        if (child > need_count || needs[child].when <= moved.when) {
            break;
        }
        needs[at] = needs[child];
        at = child;
    }
    needs[at] = moved;
    return latest;
}

/* Belady's algorithm: hits after the warm-up. */
static uint64_t optimum(void)
{
    static uint32_t next[USES]; /* when the page used here is used again */
    static uint32_t when[PAGES];
    static bool in_pool[PAGES];
    for (uint32_t page = 0; page < PAGES; page++) {
        when[page] = USES;
        in_pool[page] = false;
    }
    for (uint32_t i = USES; i-- > 0;) {
        next[i] = when[trace[i]];
        when[trace[i]] = i;
    }
    uint64_t hits = 0;
    uint32_t count = 0;
    need_count = 0;
    for (uint32_t i = 0; i < USES; i++) {
        uint32_t page = trace[i];
        hits += in_pool[page] && i >= WARM;
        while (!in_pool[page] && count == SLOTS) {
            struct need latest = take_latest();
            if (in_pool[latest.page] && when[latest.page] == latest.when) {
                in_pool[latest.page] = false;
                count--;
            }
        }
        count += !in_pool[page];
        in_pool[page] = true;
        when[page] = next[i];
        add_need((struct need){next[i], page});
    }
    return hits;
}

/* ----------------------------------------------------------------------------- the pool */

static void use_all(uint32_t from, uint32_t to)
{
    fly_err err = {0};
    for (uint32_t i = from; i < to; i++) {
        fly_pageref ref;
        must(fly_bufpool_fix_shared(pool, FIRST_PAGE + trace[i], &ref, &err), &err);
        bench_use(ref.bytes[FLY_PAGE_HEADER]);
        fly_bufpool_unfix_shared(&ref);
    }
}

static void print(const char *what, const char *who, uint64_t ns, uint64_t hits)
{
    double seconds = (double)ns / 1e9;
    (void)printf("hit_rate/%s/%s %d %.3f %.0f %" PRIu32 " %.1f\n", what, who, USES - WARM, seconds,
                 ns > 0 ? (USES - WARM) / seconds : 0, page_size,
                 100.0 * (double)hits / (USES - WARM));
}

static void measure(const char *what, const char *name)
{
    fly_bufpool_stats before;
    fly_bufpool_stats after;
    open_pool(SLOTS, &(fly_bufpool_options){.policy = fly_bufpool_policy_named(name)});
    use_all(0, WARM);
    fly_bufpool_get_stats(pool, &before);
    uint64_t began = fly_now();
    use_all(WARM, USES);
    uint64_t ns = fly_now() - began;
    fly_bufpool_get_stats(pool, &after);
    print(what, name, ns, (USES - WARM) - (after.misses - before.misses));
    fly_bufpool_destroy(pool);
}

int main(void)
{
    static const char *const names[] = {"lru-k", "lru-k-exact", "lru", "clock", "2q"};
    fly_rng rng;
    fly_rng_init(&rng, 1);
    prepare_zipf(&rng);
    make_file(PAGES, 4096);
    for (size_t t = 0; t < sizeof traces / sizeof traces[0]; t++) {
        for (uint32_t i = 0; i < USES; i++) {
            trace[i] = traces[t].next(&rng, i);
        }
        for (size_t p = 0; p < sizeof names / sizeof names[0]; p++) {
            measure(traces[t].name, names[p]);
        }
        print(traces[t].name, "optimum", 0, optimum());
    }
    drop_file();
    return 0;
}
