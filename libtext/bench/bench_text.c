/*
 * What text costs: checking and converting it, counting it, and comparing, keying and hashing words
 * of 8 to 15 characters under each collation, ASCII and German.
 *
 * Everything stays in the processor's caches, and words that are compared differ in their first
 * letters: long common prefixes cost more. GB/s is ops_per_s * bytes_per_op.
 */
#include <fly/base_hash.h>
#include <fly/base_sched.h>
#include <fly/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 1024, WORD = 32, LONG = 65536, BENCH_NS_MIN = 200000000 };

static char words[2][WORDS][WORD];
static uint8_t text[2][LONG];
static uint8_t out[2 * LONG];
static const fly_collation *collation;
static size_t german; /* which words: 0 ASCII, 1 German */
static uint64_t sum;  /* so that what is measured is done */

static void must(fly_status status)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_text: %s\n", fly_status_name(status));
        exit(1);
    }
}

static fly_bytes word(uint64_t i)
{
    return fly_bytes_str(words[german][i % WORDS]);
}

static void run_validate(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        must(fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(text[german], LONG), NULL));
    }
}

static void run_utf16(uint64_t n)
{
    size_t len;
    for (uint64_t i = 0; i < n; i++) {
        must(fly_text_encode(FLY_TEXT_UTF16, fly_bytes_of(text[german], LONG), out, sizeof out,
                             &len, NULL));
        sum += len;
    }
}

static void run_count(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        sum += fly_text_count(fly_bytes_of(text[german], LONG));
    }
}

static void run_compare(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        sum += (uint64_t)fly_text_compare(collation, word(i), word(i * 7 + 1));
    }
}

static void run_key(uint64_t n)
{
    size_t len;
    for (uint64_t i = 0; i < n; i++) {
        must(fly_text_sort_key(collation, word(i), out, sizeof out, &len, NULL));
        sum += len;
    }
}

static void run_hash(uint64_t n)
{
    uint64_t hash;
    for (uint64_t i = 0; i < n; i++) {
        must(fly_text_hash(collation, word(i), 1, &hash, NULL));
        sum += hash;
    }
}

static void run_upper(uint64_t n)
{
    size_t len;
    for (uint64_t i = 0; i < n; i++) {
        must(fly_text_upper(collation, word(i), out, sizeof out, &len, NULL));
        sum += len;
    }
}

/* Run `body` with twice the operations until it takes long enough, and print that. */
static void bench(const char *name, void (*body)(uint64_t n), uint64_t bytes_per_op)
{
    for (uint64_t n = 16;; n *= 2) {
        uint64_t begin = fly_now();
        body(n);
        uint64_t elapsed = fly_now() - begin;
        if (elapsed >= BENCH_NS_MIN) {
            double seconds = (double)elapsed / 1e9;
            (void)printf("%s_%s %" PRIu64 " %.3f %.0f %" PRIu64 "\n", name,
                         german ? "german" : "ascii", n, seconds, (double)n / seconds,
                         bytes_per_op);
            return;
        }
    }
}

static void make_words(void)
{
    fly_rng rng;
    fly_rng_init(&rng, 1);
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < WORDS; i++) {
            size_t len = 0;
            for (uint64_t n = 8 + fly_rng_below(&rng, 8); n > 0; n--) {
                bool umlaut = kind == 1 && fly_rng_below(&rng, 6) == 0;
                len += fly_text_put((uint8_t *)words[kind][i] + len,
                                    umlaut ? 0xe4 : 'a' + (uint32_t)fly_rng_below(&rng, 26));
            }
        }
        for (size_t at = 0; at < LONG;) {
            bool umlaut = kind == 1 && at + 2 <= LONG && fly_rng_below(&rng, 12) == 0;
            at += fly_text_put(text[kind] + at,
                               umlaut ? 0xe4 : 'a' + (uint32_t)fly_rng_below(&rng, 26));
        }
    }
}

int main(void)
{
    static const char *const names[] = {"default", "nocase", "unicode"};
    make_words();
    for (german = 0; german < 2; german++) {
        bench("validate", run_validate, LONG);
        bench("to_utf16", run_utf16, LONG);
        bench("count", run_count, LONG);
        for (size_t i = 0; i < 3; i++) {
            char name[32];
            fly_collation *opened = NULL;
            must(fly_text_collation_open(fly_mem_system(), fly_bytes_str(names[i]),
                                         fly_bytes_str(""), &opened, NULL));
            collation = opened;
            (void)snprintf(name, sizeof name, "compare_%s", names[i]);
            bench(name, run_compare, 0);
            (void)snprintf(name, sizeof name, "key_%s", names[i]);
            bench(name, run_key, 0);
            (void)snprintf(name, sizeof name, "hash_%s", names[i]);
            bench(name, run_hash, 0);
            if (i == 0) {
                bench("upper", run_upper, 0);
            }
            fly_text_collation_close(opened);
        }
    }
    return sum == 0;
}
