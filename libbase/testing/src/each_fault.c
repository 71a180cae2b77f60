/*
 * Work with its n-th operation failing, n = 0, 1, 2, until nothing fails any more.
 *
 * A case is a kind of fault and n, written as one number: kind * 2^32 + n.
 */
#include <fly/base_fault.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "child_int.h"

/* What must not be repeated is not interrupted: a failed sync is FLY_TEST_EIO's business. */
enum {
    REPEATED = FLY_SIM_ALL & ~(FLY_SIM_SYNC | FLY_SIM_SYNC_DIR | FLY_SIM_CLOSE),
    WANT_ROOM = FLY_SIM_OPEN | FLY_SIM_WRITE | FLY_SIM_SYNC | FLY_SIM_TRUNCATE | FLY_SIM_ALLOCATE |
                FLY_SIM_RENAME | FLY_SIM_MAKE_DIR | FLY_SIM_SYNC_DIR
};

enum { KINDS = 8 };

/* In the order of the bits of FLY_TEST_ALL_FAULTS. */
static const struct {
    const char *name;
    bool memory;
    bool harmless; /* the work must not notice */
    fly_sim_fault fault;
} kinds[KINDS] = {
    {.name = "allocation failing, once", .memory = true},
    {.name = "allocation failing, and all after it", .memory = true, .fault = {.lasting = true}},
    {.name = "call failing with EIO, once", .fault = {.error = EIO}},
    {.name = "call failing with EIO, and all after it", .fault = {.error = EIO, .lasting = true}},
    {.name = "call for room failing, once", .fault = {.error = ENOSPC, .calls = WANT_ROOM}},
    {.name = "call for room failing, and all after it",
     .fault = {.error = ENOSPC, .calls = WANT_ROOM, .lasting = true}},
    {.name = "call interrupted", .harmless = true, .fault = {.error = EINTR, .calls = REPEATED}},
    {.name = "transfer cut short", .harmless = true, .fault = {.trouble = FLY_SIM_SHORT}},
};

struct each {
    const char *what;
    const fly_test_fault_options *options;
    fly_test_work work;
    fly_test_verify verify;
    void *ctx;
    fly_status status; /* of the work that was run last */
};

static void describe(uint64_t number, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s (number %" PRIu64 ")", kinds[number >> 32].name,
                   number & UINT32_MAX);
}

static void arm(fly_sim_env *world, unsigned kind, uint64_t n)
{
    fly_sim_fault fault = kinds[kind].fault;
    if (kinds[kind].memory) {
        fly_test_mem_fail(&world->mem, n, fault.lasting);
    } else {
        fault.at = n;
        fly_sim_disk_arm(world->disk, &fault);
    }
}

static bool disarm(fly_sim_env *world)
{
    bool struck = fly_load_u64(&world->mem.refused) > 0 || fly_sim_disk_strikes(world->disk) > 0;
    fly_test_mem_mend(&world->mem);
    fly_sim_disk_disarm(world->disk);
    return struck;
}

static void run_work(fly_sim_env *world, void *ctx)
{
    struct each *each = ctx;
    each->status = each->work(world, each->ctx);
}

/* Run the work, under whichever scheduler. Does not return if it hung. */
static void run_scheduled(fly_sim_env *world, struct each *each)
{
    if (!each->options->threads) {
        run_work(world, each);
        return;
    }
    fly_sim_report report;
    if (fly_sim_env_run(world, run_work, each, &report) != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
}

static void fail(fly_sim_env *world, const char *complaint)
{
    char history[4096];
    fly_sim_disk_history(world->disk, history, sizeof history);
    (void)fprintf(stderr, "%s\nthe last calls of the disk:\n%s", complaint, history);
    abort();
}

/* Run one case; whether the fault struck. */
static bool run_case(struct each *each, unsigned kind, uint64_t n)
{
    fly_sim_env world;
    fly_sim_env_init(&world, &each->options->world);
    arm(&world, kind, n);
    run_scheduled(&world, each);
    bool struck = disarm(&world);
    if (each->status != FLY_OK && (!struck || kinds[kind].harmless)) {
        char complaint[128];
        (void)snprintf(
            complaint, sizeof complaint, "the work returned %s, %s", fly_status_name(each->status),
            struck ? "for something that it should not notice" : "though nothing failed");
        fail(&world, complaint);
    }
    if (each->verify != NULL) {
        each->verify(&world, each->ctx);
    }
    if (fly_sim_disk_handles(world.disk) > 0) {
        fail(&world, "a file is still open");
    }
    fly_sim_env_deinit(&world);
    return struck;
}

static bool run_cases(void *ctx, fly__test_place *place, uint64_t only)
{
    struct each *each = ctx;
    const fly_test_fault_options *options = each->options;
    unsigned wanted = options->faults != 0 ? options->faults : FLY_TEST_ALL_FAULTS;
    uint64_t stride = (options->stride > 0 ? options->stride : 1) / fly__test_rounds();
    stride = stride > 0 ? stride : 1;
    if (only != UINT64_MAX) {
        FLY_ASSERT(only >> 32 < KINDS);
        (void)run_case(each, (unsigned)(only >> 32), only & UINT32_MAX);
        return true;
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        bool struck = (wanted & 1u << kind) != 0;
        for (uint64_t n = 0; struck; n += stride) {
            FLY_ASSERT(n < UINT32_MAX);
            fly__test_case(place, (uint64_t)kind << 32 | n);
            struck = run_case(each, kind, n);
        }
    }
    return true;
}

bool fly_test_each_fault(const char *what, const fly_test_fault_options *options,
                         fly_test_work work, fly_test_verify verify, void *ctx)
{
    static const fly_test_fault_options defaults = {0};
    struct each each = {
        .what = what,
        .options = options != NULL ? options : &defaults,
        .work = work,
        .verify = verify,
        .ctx = ctx,
    };
    return fly__test_run_cases(&(fly__test_cases){what, run_cases, describe, &each});
}
