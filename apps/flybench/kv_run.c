/*
 * One measurement, from an open store to its figures.
 */
#define _GNU_SOURCE
#include "kv_run.h"

#include "files.h"

#include <fly/base_sched.h>

#include <inttypes.h>
#include <stdlib.h>

enum { MIB = 1 << 20, QUICK_SAMPLE = 16 };

/* What a measurement has at hand while it lasts. */
typedef struct bench {
    const kv_task *task;
    kv_store *store;
    kv_outcome outcome;
    uint64_t checkpoint_ns;
    report_run result;
} bench;

static uint64_t data_bytes(const kv_settings *settings)
{
    return settings->records * (settings->shape.key_size + settings->shape.value_size);
}

uint64_t kv_cache_bytes(const kv_settings *settings, const kv_case *what)
{
    if (what->limited) {
        return data_bytes(settings) / 4;
    }
    return settings->cache_bytes > 0 ? settings->cache_bytes
                                     : (uint64_t)256 * MIB + 3 * data_bytes(settings);
}

/* --------------------------------------------------------------- before the timed part */

static fly_status open_store(bench *b, fly_err *err)
{
    const kv_task *task = b->task;
    const kv_settings *settings = task->settings;
    uint64_t cache = kv_cache_bytes(settings, task->what);
    kv_setup setup = {
        .dir = task->dir,
        .shape = settings->shape,
        .records = settings->records,
        .cache_bytes = cache,
        .memory_bytes = task->what->limited ? cache + settings->overhead_bytes : 0,
        .threads = task->threads,
        .durability = task->durability,
        .ordered = task->what->ordered,
    };
    return task->driver->open(&setup, &b->store, err);
}

/* What a scan of the records as they were loaded must sum up to. */
static uint64_t expected_sum(const kv_settings *settings)
{
    kv_fold fold = {.value_size = settings->shape.value_size};
    uint8_t key[KV_KEY_MAX];
    uint8_t value[KV_VALUE_MAX];
    for (uint64_t i = 0; i < settings->records; i++) {
        kv_key_random(key, &settings->shape, i);
        kv_value_make(value, &settings->shape, key, 0);
        kv_fold_entry(&fold, key, value, settings->shape.value_size);
    }
    return fold.sum;
}

/* Read everything, in a session of its own. */
static fly_status scan_all(bench *b, kv_fold *fold, fly_err *err)
{
    const kv_driver *driver = b->task->driver;
    *fold = (kv_fold){.value_size = b->task->settings->shape.value_size};
    kv_session *session = NULL;
    fly_status status = driver->session_open(b->store, &session, err);
    if (status != FLY_OK) {
        return status;
    }
    status = driver->range(session, fly_bytes_of(NULL, 0), UINT64_MAX, fold, err);
    driver->session_close(session);
    return status;
}

/* Bring everything into memory, and hold each byte against what was loaded. */
static fly_status warm_up(bench *b, fly_err *err)
{
    const kv_settings *settings = b->task->settings;
    kv_fold fold;
    fly_status status = scan_all(b, &fold, err);
    if (status != FLY_OK) {
        return status;
    }
    if (fold.wrong != 0 || fold.entries != settings->records ||
        fold.sum != expected_sum(settings)) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "wrong answer from %s: %" PRIu64 " records were loaded, a scan saw "
                           "%" PRIu64 " or other ones",
                           b->task->driver->name, settings->records, fold.entries);
    }
    return FLY_OK;
}

static int descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* The key that has exactly 99 greater ones; 0 if there are not so many. */
static uint64_t full_range_last(const kv_settings *settings)
{
    uint64_t *keys = malloc((size_t)settings->records * sizeof *keys);
    if (keys == NULL || settings->records < KV_RANGE_RECORDS) {
        free(keys);
        return 0;
    }
    for (uint64_t i = 0; i < settings->records; i++) {
        uint8_t key[KV_KEY_MAX];
        kv_key_random(key, &settings->shape, i);
        keys[i] = fly_get_u64be(key);
    }
    qsort(keys, (size_t)settings->records, sizeof *keys, descending);
    uint64_t last = keys[KV_RANGE_RECORDS - 1];
    free(keys);
    return last;
}

/* ------------------------------------------------------------------------ the timed part */

/* How long to warm up. Reads find everything in memory after the scan. Writes find each page that
 * they touch for the first time write-protected or not yet copied, and a cache that is smaller than
 * the data fills by misses alone: both take a while. What is deleted to warm up is gone. */
static uint64_t warm_ns(const kv_case *what, uint64_t timed_ns)
{
    if (what->growth < 0) {
        return 0;
    }
    if (what->limited) {
        return 2 * timed_ns;
    }
    return what->start == KV_START_COPY ? timed_ns : timed_ns / 4;
}

static fly_status run_job(bench *b, fly_atomic_u32 *per_mille, fly_err *err)
{
    const kv_task *task = b->task;
    const kv_settings *settings = task->settings;
    const kv_case *what = task->what;
    uint64_t patience = what->patience > 0 ? what->patience : 1;
    uint64_t timed_ns = (uint64_t)(settings->seconds * 1e9) * patience;
    kv_job job = {
        .driver = task->driver,
        .store = b->store,
        .shape = settings->shape,
        .records = settings->records,
        .threads = task->threads,
        .operate = what->operate,
        .reads_per_txn = settings->reads_per_txn,
        .sample_every = what->quick ? QUICK_SAMPLE : 1,
        .per_mille = per_mille,
    };
    if (what->timed) {
        job.timed_ns = timed_ns > 0 ? timed_ns : 1;
        job.warm_ns = warm_ns(what, timed_ns);
    }
    if (what->timed && settings->ops > 0) {
        job.ops_max = settings->ops;
        job.timed_ns = UINT64_MAX;
    }
    if (what->needs_full_range) {
        job.full_range_last = full_range_last(settings);
    }
    files_sync_all(task->dir);
    return kv_job_run(&job, &b->outcome, err);
}

/* ---------------------------------------------------------------------- after the timed part */

/* A load is not over before its records are where they belong. */
static fly_status finish_load(bench *b, fly_err *err)
{
    const kv_driver *driver = b->task->driver;
    uint64_t began = fly_now();
    fly_status status = driver->checkpoint(b->store, err);
    b->checkpoint_ns = fly_now() - began;
    if (status == FLY_OK && b->task->what->settled && driver->settle != NULL) {
        status = driver->settle(b->store, err);
    }
    return status;
}

/* Count what is there now. */
static fly_status verify(bench *b, fly_err *err)
{
    const kv_case *what = b->task->what;
    uint64_t expected = what->start == KV_START_EMPTY ? 0 : b->task->settings->records;
    expected += what->growth > 0 ? b->outcome.units_ever : 0;
    expected -= what->growth < 0 ? b->outcome.units_ever : 0;
    kv_fold fold;
    fly_status status = scan_all(b, &fold, err);
    if (status != FLY_OK) {
        return status;
    }
    if (fold.wrong != 0 || fold.entries != expected) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "wrong answer from %s: afterwards %" PRIu64 " records are there%s, "
                           "%" PRIu64 " were expected",
                           b->task->driver->name, fold.entries,
                           fold.wrong != 0 ? ", some of them wrong" : "", expected);
    }
    return FLY_OK;
}

static double per_second(uint64_t units, uint64_t ns)
{
    return ns > 0 ? (double)units * 1e9 / (double)ns : 0;
}

static void report(bench *b)
{
    const kv_case *what = b->task->what;
    const kv_outcome *o = &b->outcome;
    report_run *result = &b->result;
    if (what->on_disk) {
        return;
    }
    report_add(result, "ops_per_s", per_second(o->units, o->elapsed_ns));
    if (what->percentiles) {
        report_add(result, "p50_us", histogram_percentile(&o->latency, 50) / 1000);
        report_add(result, "p99_us", histogram_percentile(&o->latency, 99) / 1000);
    }
    if (!what->timed) {
        report_add(result, "ops_per_s_synced",
                   per_second(o->units, o->elapsed_ns + b->checkpoint_ns));
    }
    if (o->units > 0) {
        report_add(result, "cpu_us_per_op", (double)o->cpu_ns / 1000 / (double)o->units);
    }
    if (o->conflicts > 0) {
        report_add(result, "conflicts", (double)o->conflicts);
    }
}

/* Everything between open and close. */
static fly_status run_open(bench *b, fly_atomic_u32 *per_mille, fly_err *err)
{
    const kv_case *what = b->task->what;
    fly_status status = FLY_OK;
    if (what->start != KV_START_EMPTY && !what->limited) {
        status = warm_up(b, err);
    }
    if (status == FLY_OK) {
        status = run_job(b, per_mille, err);
    }
    if (status == FLY_OK && !what->timed) {
        status = finish_load(b, err);
    }
    if (status == FLY_OK) {
        report(b);
    }
    if (status == FLY_OK && !what->limited && !b->task->driver->commits_only) {
        status = verify(b, err);
    }
    return status;
}

fly_status kv_run_here(const kv_task *task, fly_atomic_u32 *per_mille, report_run *result,
                       fly_err *err)
{
    bench b = {.task = task};
    if (task->limit != NULL) {
        fly_status status = memlimit_enter(task->limit, err);
        if (status != FLY_OK) {
            return status;
        }
    } else {
        files_touch_memory((uint64_t)16 * MIB + 20 * data_bytes(task->settings));
    }
    fly_status status = open_store(&b, err);
    if (status != FLY_OK) {
        return status;
    }
    status = run_open(&b, per_mille, err);
    fly_status closed = task->driver->close(b.store, status == FLY_OK ? err : NULL);
    status = status != FLY_OK ? status : closed;
    if (status == FLY_OK) {
        *result = b.result;
    }
    return status;
}
