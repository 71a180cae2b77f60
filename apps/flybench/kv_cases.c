/*
 * The workloads: the operations of which they consist, and the table.
 *
 * Each operation checks what it gets. A wrong answer is FLY_E_CORRUPT and ends flybench: a figure of
 * an engine that answers wrongly is worth nothing.
 */
#include "kv_cases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static fly_bytes key_of(const kv_worker *worker)
{
    return fly_bytes_of(worker->key, worker->job->shape.key_size);
}

static fly_bytes value_of(const kv_worker *worker)
{
    return fly_bytes_of(worker->value, worker->job->shape.value_size);
}

/* Make the key of a record of the data set, any one. */
static void pick_key(kv_worker *worker)
{
    const kv_job *job = worker->job;
    kv_key_random(worker->key, &job->shape, fly_rng_below(&worker->rng, job->records));
}

/* Make the value for the key that was made. */
static void make_value(kv_worker *worker, uint64_t version)
{
    kv_value_make(worker->value, &worker->job->shape, worker->key, version);
}

static fly_status wrong_answer(const kv_worker *worker, const char *what, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "wrong answer from %s: %s, key %016" PRIx64,
                       worker->job->driver->name, what, fly_get_u64be(worker->key));
}

/* ------------------------------------------------------------------------- loading */

typedef void (*make_key)(uint8_t *at, const kv_shape *shape, uint64_t i);

/* Put the next records in one transaction. */
static fly_status load(kv_worker *worker, make_key make, fly_err *err)
{
    const kv_job *job = worker->job;
    const kv_driver *driver = job->driver;
    uint64_t end = worker->next + KV_LOAD_TXN_RECORDS;
    end = end < job->records ? end : job->records;
    if (worker->next == end) {
        return FLY_E_END;
    }
    fly_status status = driver->begin(worker->session, true, err);
    if (status != FLY_OK) {
        return status;
    }
    for (uint64_t i = worker->next; i < end; i++) {
        make(worker->key, &job->shape, i);
        make_value(worker, 0);
        status = driver->put(worker->session, key_of(worker), value_of(worker), err);
        if (status != FLY_OK) {
            if (status != FLY_E_CONFLICT && status != FLY_E_DEADLOCK) {
                driver->abort(worker->session);
            }
            return status;
        }
    }
    status = driver->commit(worker->session, err);
    if (status == FLY_OK) {
        worker->units += end - worker->next;
        worker->next = end;
    }
    return status;
}

static fly_status load_ordered(kv_worker *worker, fly_err *err)
{
    return load(worker, kv_key_ordered, err);
}

static fly_status load_random(kv_worker *worker, fly_err *err)
{
    return load(worker, kv_key_random, err);
}

/* ------------------------------------------------------------------------- reading */

/* Begin a read transaction unless one is open, or end it when it has done its share. */
static fly_status reading(kv_worker *worker, fly_err *err)
{
    const kv_job *job = worker->job;
    fly_status status = FLY_OK;
    if (worker->reads == job->reads_per_txn) {
        worker->reads = 0;
        status = job->driver->commit(worker->session, err);
    }
    if (status == FLY_OK && worker->reads == 0) {
        status = job->driver->begin(worker->session, false, err);
    }
    worker->reads += status == FLY_OK ? 1 : 0;
    return status;
}

/* Get the record whose key was made, in the open transaction or in none, and check it. `original`:
 * nothing was ever updated, so that the whole value is known. */
static fly_status get_checked(kv_worker *worker, bool original, fly_err *err)
{
    const kv_job *job = worker->job;
    size_t len = 0;
    fly_status status = job->driver->get(worker->session, key_of(worker), worker->got,
                                         sizeof worker->got, &len, err);
    if (status == FLY_E_NOT_FOUND) {
        return wrong_answer(worker, "a record is not found", err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (len != job->shape.value_size ||
        fly_get_u64(worker->got) != kv_value_head(fly_get_u64be(worker->key))) {
        return wrong_answer(worker, "a value does not belong to its key", err);
    }
    if (worker->thorough && original) {
        make_value(worker, 0);
        if (memcmp(worker->got, worker->value, len) != 0) {
            return wrong_answer(worker, "a value is damaged", err);
        }
    }
    worker->units++;
    return FLY_OK;
}

static fly_status get(kv_worker *worker, fly_err *err)
{
    fly_status status = reading(worker, err);
    if (status != FLY_OK) {
        return status;
    }
    pick_key(worker);
    return get_checked(worker, true, err);
}

static fly_status get_one(kv_worker *worker, fly_err *err)
{
    pick_key(worker);
    return get_checked(worker, true, err);
}

static fly_status range(kv_worker *worker, fly_err *err)
{
    const kv_job *job = worker->job;
    fly_status status = reading(worker, err);
    if (status != FLY_OK) {
        return status;
    }
    pick_key(worker);
    kv_fold fold = {.value_size = job->shape.value_size};
    status = job->driver->range(worker->session, key_of(worker), KV_RANGE_RECORDS, &fold, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t from = fly_get_u64be(worker->key);
    bool full = fold.entries == KV_RANGE_RECORDS;
    if (fold.wrong != 0 || fold.first != from || full != (from <= job->full_range_last)) {
        return wrong_answer(worker, "a range is not what it should be", err);
    }
    worker->units++;
    return FLY_OK;
}

static fly_status scan(kv_worker *worker, fly_err *err)
{
    const kv_job *job = worker->job;
    kv_fold fold = {.value_size = job->shape.value_size};
    fly_status status =
        job->driver->range(worker->session, fly_bytes_of(NULL, 0), UINT64_MAX, &fold, err);
    if (status != FLY_OK) {
        return status;
    }
    if (fold.wrong != 0 || fold.entries != job->records) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "wrong answer from %s: a scan of %" PRIu64 " records saw %" PRIu64 "%s",
                           job->driver->name, job->records, fold.entries,
                           fold.wrong != 0 ? ", some of them wrong" : "");
    }
    worker->units += fold.entries;
    return FLY_OK;
}

/* ------------------------------------------------------------------------- writing */

/* Put the record whose key and value were made, in a transaction of its own. */
static fly_status put_one(kv_worker *worker, fly_err *err)
{
    fly_status status =
        worker->job->driver->put(worker->session, key_of(worker), value_of(worker), err);
    worker->units += status == FLY_OK ? 1 : 0;
    return status;
}

static fly_status update(kv_worker *worker, fly_err *err)
{
    pick_key(worker);
    make_value(worker, fly_rng_next(&worker->rng));
    return put_one(worker, err);
}

static fly_status mixed(kv_worker *worker, uint64_t reads_percent, fly_err *err)
{
    if (fly_rng_below(&worker->rng, 100) >= reads_percent) {
        return update(worker, err);
    }
    pick_key(worker);
    return get_checked(worker, false, err);
}

static fly_status mixed_95_5(kv_worker *worker, fly_err *err)
{
    return mixed(worker, 95, err);
}

static fly_status mixed_50_50(kv_worker *worker, fly_err *err)
{
    return mixed(worker, 50, err);
}

/* Records are dealt out to the workers like cards: worker w has w, w + threads, ... */
static fly_status insert_next(kv_worker *worker, fly_err *err)
{
    const kv_job *job = worker->job;
    kv_key_random(worker->key, &job->shape, worker->next);
    make_value(worker, 0);
    fly_status status = put_one(worker, err);
    worker->next += status == FLY_OK ? job->threads : 0;
    return status;
}

static fly_status delete_next(kv_worker *worker, fly_err *err)
{
    const kv_job *job = worker->job;
    if (worker->next >= job->records) {
        return FLY_E_END;
    }
    kv_key_random(worker->key, &job->shape, worker->next);
    fly_status status = job->driver->del(worker->session, key_of(worker), err);
    if (status == FLY_E_NOT_FOUND) {
        return wrong_answer(worker, "a record to delete is not found", err);
    }
    if (status == FLY_OK) {
        worker->next += job->threads;
        worker->units++;
    }
    return status;
}

/* ----------------------------------------------------------------------- the table */

#define OPS "ops_per_s"

static const kv_case cases[] = {
    {.name = "load_seq",
     .what = "load in key order, transactions of 1,000, not synced per commit",
     .start = KV_START_EMPTY,
     .durability = KV_ASYNC,
     .operate = load_ordered,
     .metric = OPS,
     .ordered = true,
     .growth = 1,
     .threads_max = 1},
    {.name = "load_random",
     .what = "load in random order, transactions of 1,000, not synced per commit",
     .start = KV_START_EMPTY,
     .durability = KV_ASYNC,
     .operate = load_random,
     .metric = OPS,
     .growth = 1,
     .threads_max = 1},
    {.name = "disk_size",
     .what = "bytes on disk after load_random and a checkpoint, the store closed",
     .start = KV_START_EMPTY,
     .durability = KV_ASYNC,
     .operate = load_random,
     .metric = "bytes_on_disk",
     .less_is_better = true,
     .on_disk = true,
     .growth = 1,
     .threads_max = 1},
    {.name = "get_random",
     .what = "cached point reads, 1,000 (--reads-per-txn) per read transaction",
     .start = KV_START_LOADED,
     .durability = KV_ASYNC,
     .operate = get,
     .metric = OPS,
     .timed = true,
     .quick = true,
     .percentiles = true,
     .threads_max = 64},
    {.name = "get_one",
     .what = "cached point reads, each in a transaction of its own",
     .start = KV_START_LOADED,
     .durability = KV_ASYNC,
     .operate = get_one,
     .metric = OPS,
     .timed = true,
     .quick = true,
     .percentiles = true,
     .threads_max = 64},
    {.name = "range_100",
     .what = "100 records from a random key on; counts ranges",
     .start = KV_START_LOADED,
     .durability = KV_ASYNC,
     .operate = range,
     .metric = OPS,
     .timed = true,
     .needs_full_range = true,
     .percentiles = true,
     .threads_max = 64},
    {.name = "scan",
     .what = "all records in order; counts records",
     .start = KV_START_LOADED,
     .durability = KV_ASYNC,
     .operate = scan,
     .metric = OPS,
     .timed = true,
     .threads_max = 64},
    {.name = "mixed_95_5",
     .what = "95 % point reads, 5 % updates, each in a transaction of its own",
     .start = KV_START_COPY,
     .durability = KV_ASYNC,
     .operate = mixed_95_5,
     .metric = OPS,
     .timed = true,
     .quick = true,
     .percentiles = true,
     .threads_max = 64},
    {.name = "mixed_50_50",
     .what = "half point reads, half updates, each in a transaction of its own",
     .start = KV_START_COPY,
     .durability = KV_ASYNC,
     .operate = mixed_50_50,
     .metric = OPS,
     .timed = true,
     .quick = true,
     .percentiles = true,
     .threads_max = 64},
    {.name = "update_one",
     .what = "updates of one record per transaction",
     .start = KV_START_COPY,
     .durability = KV_ASYNC,
     .operate = update,
     .metric = OPS,
     .timed = true,
     .quick = true,
     .percentiles = true,
     .threads_max = 64},
    {.name = "delete",
     .what = "deletes of one record per transaction, in random order",
     .start = KV_START_COPY,
     .durability = KV_ASYNC,
     .operate = delete_next,
     .metric = OPS,
     .timed = true,
     .quick = true,
     .percentiles = true,
     .growth = -1,
     .threads_max = 64},
    {.name = "commit_full",
     .what = "durable commits of one new record each, into a store that was empty",
     .start = KV_START_EMPTY,
     .durability = KV_FULL,
     .operate = insert_next,
     .metric = OPS,
     .timed = true,
     .percentiles = true,
     .growth = 1,
     .threads_max = 64},
    {.name = "get_4x_cache",
     .what = "point reads, the data 4 times the cache, memory limited to the cache and a little",
     .start = KV_START_LOADED,
     .durability = KV_ASYNC,
     .operate = get,
     .metric = OPS,
     .timed = true,
     .limited = true,
     .percentiles = true,
     .threads_max = 64,
     .patience = 2},
};

enum { CASE_COUNT = sizeof cases / sizeof cases[0] };

const kv_case kv_case_prepare = {.name = "prepare",
                                 .what = "load what other cases start from",
                                 .start = KV_START_EMPTY,
                                 .durability = KV_ASYNC,
                                 .operate = load_random,
                                 .metric = OPS,
                                 .settled = true,
                                 .growth = 1,
                                 .threads_max = 1};

const char *const kv_cases_default =
    "load_seq,load_random,get_random,get_random_t2,get_one,range_100,scan,"
    "mixed_95_5,mixed_95_5_t2,mixed_50_50,mixed_50_50_t2,update_one,delete,"
    "commit_full_t1,commit_full_t2,commit_full_t4,commit_full_t8,commit_full_t16,"
    "commit_full_t32,commit_full_t64,get_4x_cache,disk_size";

const kv_case *kv_cases_all(uint32_t *count)
{
    *count = CASE_COUNT;
    return cases;
}

static fly_status no_such_case(const char *name, fly_err *err)
{
    char list[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < CASE_COUNT && len < sizeof list; i++) {
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "",
                                cases[i].name);
    }
    return fly_err_set(err, FLY_E_INVALID, "there is no case \"%s\"; there are %s", name, list);
}

/* Find the number of threads at the end of a name; `*threads` stays where there is none. Returns
 * the length of what stands before it. */
static size_t split_threads(const char *name, uint32_t *threads)
{
    size_t len = strlen(name);
    size_t digits = len;
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') {
        digits--;
    }
    if (digits == len || digits < 2 || strncmp(name + digits - 2, "_t", 2) != 0) {
        return len;
    }
    unsigned long number = strtoul(name + digits, NULL, 10);
    *threads = number < 1000000 ? (uint32_t)number : 1000000;
    return digits - 2;
}

fly_status kv_case_parse(const char *name, uint32_t threads, kv_pick *pick, fly_err *err)
{
    const uint32_t not_said = UINT32_MAX;
    uint32_t asked = not_said;
    size_t len = split_threads(name, &asked);
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const kv_case *what = &cases[i];
        if (strlen(what->name) != len || strncmp(what->name, name, len) != 0) {
            continue;
        }
        uint32_t most = what->threads_max;
        uint32_t count = asked != not_said ? asked : threads < most ? threads : most;
        if (count < 1 || count > most) {
            return fly_err_set(err, FLY_E_INVALID, "case %s runs with 1 to %" PRIu32 " threads",
                               what->name, most);
        }
        *pick = (kv_pick){.what = what, .threads = count};
        /* Durable commits are about threads: their names always tell how many. */
        if (count > 1 || asked != not_said || what->durability == KV_FULL) {
            (void)snprintf(pick->name, sizeof pick->name, "%s_t%" PRIu32, what->name, count);
        } else {
            (void)snprintf(pick->name, sizeof pick->name, "%s", what->name);
        }
        return FLY_OK;
    }
    return no_such_case(name, err);
}
