/*
 * Goal: a world is the same to the last byte for the same seed, and another for another; the disk's
 * calls are part of its schedule.
 * Method: work that uses everything a world has and writes down what it saw; and calls of the disk
 * that other threads come between.
 */
#include <fly/base_sim.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>

#include <stdio.h>
#include <string.h>

static fly_sim_env world;
static fly_sim_report report;
static fly_err err;

static void begin(uint64_t seed)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = seed});
}

static fly_file *open_file(const char *path)
{
    fly_file *file = NULL;
    FLY_ASSERT(fly_file_open(world.env.vfs, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, &file, NULL) ==
               FLY_OK);
    return file;
}

static void close_file(fly_file *file)
{
    FLY_ASSERT(fly_file_close(file, NULL) == FLY_OK);
}

static void run(void (*first)(fly_sim_env *world, void *ctx), void *ctx)
{
    fly_sim_outcome outcome = fly_sim_env_run(&world, first, ctx, &report);
    ck_assert_msg(outcome == FLY_SIM_DONE, "%s", report.text);
}

/* ------------------------------------------------------------------ one thread */

START_TEST(a_world_is_complete_and_silent)
{
    begin(1);
    ck_assert_ptr_eq(world.env.vfs, fly_sim_disk_vfs(world.disk));
    ck_assert_ptr_eq(world.env.mem, &world.mem.mem);
    ck_assert_ptr_eq(world.env.sched, fly_sched_os());
    fly_log(&world.env, FLY_LOG_ERROR, "nobody hears this");
    fly_sim_env_deinit(&world);
    fly_sim_env_init(&world, NULL);
    fly_sim_env_deinit(&world);
}
END_TEST

START_TEST(randomness_comes_from_the_seed)
{
    uint8_t bytes[3][21];
    for (int i = 0; i < 3; i++) {
        begin(i < 2 ? 7 : 8);
        memset(bytes[i], 0, sizeof bytes[i]);
        FLY_CHECK_OK(world.env.random(&world.env, bytes[i], 20, &err), err);
        ck_assert_uint_eq(bytes[i][20], 0);
        ck_assert_uint_ne(fly_env_random_u64(&world.env), fly_env_random_u64(&world.env));
        fly_sim_env_deinit(&world);
    }
    ck_assert_mem_eq(bytes[0], bytes[1], 20);
    ck_assert_mem_ne(bytes[0], bytes[2], 20);
}
END_TEST

START_TEST(the_time_of_day_is_2026_and_goes_on)
{
    begin(1);
    uint64_t first = world.env.wall_time(&world.env);
    uint64_t second = world.env.wall_time(&world.env);
    ck_assert_uint_ge(first, 1767225600000000);
    ck_assert_uint_lt(first, 1767225600000000 + 86400000000);
    ck_assert_uint_gt(second, first);
    fly_sim_env_deinit(&world);
}
END_TEST

START_TEST(memory_that_is_not_released_stops_the_program)
{
    begin(1);
    ck_assert_ptr_nonnull(fly_mem_alloc(world.env.mem, 10));
    fly_sim_env_deinit(&world);
}
END_TEST

/* ------------------------------------------------------------------- all of it */

enum { WRITERS = 3 };

static uint64_t diary; /* a hash of everything that was seen */

static void note(uint64_t x)
{
    diary = fly_hash(&x, sizeof x, diary);
}

static void write_something(void *arg)
{
    uint64_t me = (uintptr_t)arg;
    fly_file *file = open_file("f");
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t word = fly_env_random_u64(&world.env);
        note(word);
        note(world.env.wall_time(&world.env));
        FLY_ASSERT(fly_file_write(file, (me * 5 + i) * 8, &word, 8, 0, NULL) == FLY_OK);
        if (i % 2 == 0) {
            FLY_ASSERT(fly_file_sync(file, NULL) == FLY_OK);
        }
        note(fly_now());
        note(me);
    }
    close_file(file);
}

static void live(fly_sim_env *in, void *ctx)
{
    (void)ctx;
    fly_thread threads[WRITERS];
    FLY_ASSERT(in->env.sched == fly_sched_current());
    for (uintptr_t i = 0; i < WRITERS; i++) {
        FLY_ASSERT(fly_thread_start(in->env.sched, &threads[i], "writer", write_something,
                                    (void *)i, NULL) == FLY_OK);
    }
    for (int i = 0; i < WRITERS; i++) {
        fly_thread_join(&threads[i]);
    }
}

/* One life and what is left of it on the medium, as one number. */
static uint64_t life_of(uint64_t seed)
{
    uint8_t bytes[WRITERS * 5 * 8] = {0};
    diary = 0;
    begin(seed);
    run(live, NULL);
    ck_assert_ptr_eq(world.env.sched, fly_sched_os());
    note(report.schedule);
    fly_sim_disk_crash(world.disk, FLY_SIM_TEAR_512, seed);
    FLY_IGNORE(fly_sim_disk_dump(world.disk, "f", bytes, sizeof bytes, NULL));
    note(fly_hash(bytes, sizeof bytes, 0));
    fly_sim_env_deinit(&world);
    return diary;
}

START_TEST(one_seed_one_life)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t first = life_of(seed);
        ck_assert_uint_eq(life_of(seed), first);
        ck_assert_uint_ne(life_of(seed + 100), first);
    }
}
END_TEST

/* ----------------------------------------------------- the disk under the scheduler */

static void read_once(fly_sim_env *in, void *ctx)
{
    (void)in;
    char byte;
    uint64_t *elapsed = ctx;
    fly_file *file = open_file("f");
    uint64_t before = fly_now();
    FLY_ASSERT(fly_file_read(file, 0, &byte, 1, NULL) == FLY_OK);
    *elapsed = fly_now() - before;
    close_file(file);
}

START_TEST(calls_of_the_disk_take_virtual_time)
{
    uint64_t elapsed = 0;
    begin(1);
    fly_sim_disk_load(world.disk, "f", fly_bytes_str("x"));
    run(read_once, &elapsed);
    ck_assert_uint_ge(elapsed, 10000);
    ck_assert_uint_le(elapsed, 40000);
    fly_sim_env_deinit(&world);
}
END_TEST

static void sleep_for_an_hour(fly_sim_env *in, void *ctx)
{
    uint64_t *elapsed = ctx;
    uint64_t before = in->env.wall_time(&in->env);
    fly_sleep((uint64_t)3600 * 1000000000);
    *elapsed = in->env.wall_time(&in->env) - before;
}

START_TEST(the_time_of_day_goes_with_virtual_time)
{
    uint64_t elapsed = 0;
    begin(1);
    run(sleep_for_an_hour, &elapsed);
    ck_assert_uint_ge(elapsed, 3600000000);
    ck_assert_uint_lt(elapsed, 3600001000);
    fly_sim_env_deinit(&world);
}
END_TEST

/* Threads whose order of events is noted: a write that falls into a sync that is under way is not
 * covered by it. */
static struct {
    fly_file *file;
    fly_atomic_u32 syncing;
    bool overlapped;
} overlap;

static void sync_file(void *arg)
{
    (void)arg;
    fly_store_u32(&overlap.syncing, 1);
    FLY_ASSERT(fly_file_sync(overlap.file, NULL) == FLY_OK);
    fly_store_u32(&overlap.syncing, 2);
}

static void write_meanwhile(void *arg)
{
    (void)arg;
    fly_sleep(120000); /* a sync takes 100 to 300 microseconds, a write 10 to 30 */
    uint32_t before = fly_load_u32(&overlap.syncing);
    FLY_ASSERT(fly_file_write(overlap.file, 1, "b", 1, 0, NULL) == FLY_OK);
    overlap.overlapped = before == 1 && fly_load_u32(&overlap.syncing) == 1;
}

static void overlap_sync(fly_sim_env *in, void *ctx)
{
    (void)ctx;
    fly_thread threads[2];
    overlap.file = open_file("f");
    fly_store_u32(&overlap.syncing, 0);
    FLY_ASSERT(fly_file_write(overlap.file, 0, "a", 1, 0, NULL) == FLY_OK);
    FLY_ASSERT(fly_thread_start(in->env.sched, &threads[0], "syncer", sync_file, NULL, NULL) ==
               FLY_OK);
    FLY_ASSERT(fly_thread_start(in->env.sched, &threads[1], "writer", write_meanwhile, NULL,
                                NULL) == FLY_OK);
    fly_thread_join(&threads[0]);
    fly_thread_join(&threads[1]);
    close_file(overlap.file);
}

START_TEST(a_write_during_a_sync_is_not_covered_by_it)
{
    int overlapped = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        char text[3] = "";
        begin(seed);
        fly_sim_disk_load(world.disk, "f", fly_bytes_str("--"));
        run(overlap_sync, NULL);
        fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
        FLY_CHECK_OK(fly_sim_disk_dump(world.disk, "f", text, 2, NULL), err);
        ck_assert_int_eq(text[0], 'a');
        if (overlap.overlapped) {
            ck_assert_int_eq(text[1], '-');
            overlapped++;
        }
        fly_sim_env_deinit(&world);
    }
    ck_assert_int_gt(overlapped, 0);
}
END_TEST

static fly_status late; /* what the sync that was under way came to */

static void sync_into_the_crash(void *arg)
{
    late = fly_file_sync(arg, NULL);
}

/* Power goes and comes back while another thread's sync is under way. */
static void crash_meanwhile(fly_sim_env *in, void *ctx)
{
    (void)ctx;
    fly_thread thread;
    fly_file *file = open_file("f");
    FLY_ASSERT(fly_file_write(file, 0, "new", 3, 0, NULL) == FLY_OK);
    FLY_ASSERT(fly_thread_start(in->env.sched, &thread, "syncer", sync_into_the_crash, file,
                                NULL) == FLY_OK);
    fly_sleep(50000);
    fly_sim_disk_crash(in->disk, FLY_SIM_KEEP_NONE, 1);
    fly_thread_join(&thread);
    close_file(file);
}

START_TEST(a_call_that_a_crash_falls_into_fails_and_does_nothing)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        char text[4] = "";
        begin(seed);
        fly_sim_disk_load(world.disk, "f", fly_bytes_str("old"));
        run(crash_meanwhile, NULL);
        ck_assert_int_eq(late, FLY_E_IO);
        FLY_CHECK_OK(fly_sim_disk_dump(world.disk, "f", text, 3, NULL), err);
        ck_assert_str_eq(text, "old");
        fly_sim_env_deinit(&world);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_env");
    TCase *one = fly_test_case(suite, "one thread");
    tcase_add_test(one, a_world_is_complete_and_silent);
    tcase_add_test(one, randomness_comes_from_the_seed);
    tcase_add_test(one, the_time_of_day_is_2026_and_goes_on);
    tcase_add_test_raise_signal(one, memory_that_is_not_released_stops_the_program, 6);

    TCase *all = fly_test_case(suite, "all of it");
    tcase_add_test(all, one_seed_one_life);
    tcase_add_test(all, calls_of_the_disk_take_virtual_time);
    tcase_add_test(all, the_time_of_day_goes_with_virtual_time);
    tcase_add_test(all, a_write_during_a_sync_is_not_covered_by_it);
    tcase_add_test(all, a_call_that_a_crash_falls_into_fails_and_does_nothing);
    return fly_test_run(suite);
}
