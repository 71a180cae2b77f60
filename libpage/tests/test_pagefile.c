/*
 * Goal: a page file gives each page to one owner, remembers what the last checkpoint said, and refuses
 * to believe a file that is not what it says.
 * Method: random allocation against an array of flags, with crashes in between; power going at every
 * call of a history of checkpoints; every call and allocation failing once; a file with one bit wrong
 * in each of its bytes, cut short, and with sealed forgeries; threads under seeded schedulers.
 */
#include "pagefile_help.h"
#include "pagefile_int.h" /* for what cannot be provoked */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static fly_err err;
static fly_sim_env world;

enum { MAP = (4096 - 32) * 8 }; /* pages that a map of 4 KB speaks of */

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 11});
}

static void tear_down(void)
{
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    fly_sim_env_deinit(&world);
}

static fly_pagefile *reopen(fly_pagefile *file)
{
    fly_pagefile_close(file);
    return open_file(&world, 0);
}

/* Power goes, and nothing survives that was not synced. */
static fly_pagefile *crash(fly_pagefile *file)
{
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
    return open_file(&world, 0);
}

static uint32_t alloc(fly_pagefile *file, uint32_t near, uint32_t count)
{
    uint32_t first = FLY_PAGE_NONE;
    FLY_CHECK_OK(fly_pagefile_alloc(file, near, count, &first, &err), err);
    return first;
}

static void check_refused(const fly_pagefile_options *options, fly_status wanted, const char *why)
{
    fly_pagefile *file = NULL;
    err = (fly_err){0};
    FLY_CHECK(try_open(&world, options, &file, &err), wanted, err);
    ck_assert_ptr_null(file);
    FLY_CHECK_SAYS(err.message, why);
}

static void refused(fly_status wanted, const char *why)
{
    check_refused(&(fly_pagefile_options){0}, wanted, why);
}

/* ------------------------------------------------------------------------- opening */

static const uint32_t sizes[] = {4096, 8192, 16384, 32768, 65536};

START_TEST(a_new_file_has_a_header_and_a_map)
{
    fly_pagefile *file = open_file(&world, sizes[_i]);
    uint8_t uuid[16];
    memcpy(uuid, fly_pagefile_uuid(file), sizeof uuid);
    for (int round = 0; round < 2; round++) {
        ck_assert_uint_eq(fly_pagefile_page_size(file), sizes[_i]);
        ck_assert_uint_eq(fly_pagefile_usable(file), sizes[_i]);
        ck_assert_uint_eq(fly_pagefile_pages(file), 2);
        ck_assert_uint_eq(fly_pagefile_used(file), 2);
        ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 0);
        ck_assert_uint_eq(fly_pagefile_meta(file)[0], 0);
        ck_assert_str_eq(fly_pagefile_path(file), DATA);
        ck_assert_mem_eq(fly_pagefile_uuid(file), uuid, sizeof uuid);
        ck_assert(fly_pagefile_is_own(file, 0) && fly_pagefile_is_used(file, 0));
        ck_assert(fly_pagefile_is_own(file, 1) && fly_pagefile_is_used(file, 1));
        ck_assert(!fly_pagefile_is_own(file, 2) && !fly_pagefile_is_used(file, 2));
        ck_assert(fly_pagefile_is_own(file, (sizes[_i] - 32) * 8));
        file = reopen(file);
    }
    uint32_t page = alloc(file, FLY_PAGE_NONE, 1);
    FLY_CHECK_OK(write_pages(file, &page, 1, 3, &err), err);
    check_version(file, page, 3);
    fly_pagefile_close(file);
    fly_pagefile_close(NULL);
    ck_assert(!fly_vfs_exists(world.env.vfs, DATA ".new"));
}
END_TEST

START_TEST(pages_are_of_8_KB_unless_somebody_says_otherwise)
{
    fly_pagefile *file = open_file(&world, 0);
    ck_assert_uint_eq(fly_pagefile_page_size(file), 8192);
    fly_pagefile_close(file);
    check_refused(&(fly_pagefile_options){.page_size = 4096}, FLY_E_INVALID,
                  "\"data\" has pages of 8192 bytes, not 4096");
    static const uint32_t bad[] = {1, 2048, 4095, 4097, 12288, 131072, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_refused(&(fly_pagefile_options){.page_size = bad[i]}, FLY_E_INVALID,
                      "is not a power of two from 4096 to 65536");
    }
}
END_TEST

START_TEST(a_file_is_made_only_on_request)
{
    refused(FLY_E_NOT_FOUND, "\"data\"");
    check_refused(&(fly_pagefile_options){.create = true, .read_only = true}, FLY_E_NOT_FOUND,
                  "\"data\"");
    ck_assert(!fly_vfs_exists(world.env.vfs, DATA));
    ck_assert(!fly_vfs_exists(world.env.vfs, AREA));
    char path[FLY_PATH_MAX + 8];
    memset(path, 'x', sizeof path);
    path[FLY_PATH_MAX - 2] = '\0'; /* fits, but not with what comes behind it */
    fly_pagefile *file = NULL;
    fly_pagefile_options options = {.create = true};
    FLY_CHECK(fly_pagefile_open(&world.env, path, NULL, &options, &file, &err), FLY_E_TOO_LARGE,
              err);
    FLY_CHECK(fly_pagefile_open(&world.env, DATA, path + 1, &options, &file, &err), FLY_OK, err);
    fly_pagefile_close(file);
    path[FLY_PATH_MAX - 2] = 'x';
    path[FLY_PATH_MAX] = '\0';
    FLY_CHECK(fly_pagefile_open(&world.env, path, NULL, &options, &file, &err), FLY_E_TOO_LARGE,
              err);
    FLY_CHECK(fly_pagefile_open(&world.env, DATA, path, &options, &file, &err), FLY_E_TOO_LARGE,
              err);
    FLY_CHECK_SAYS(err.message, "is too long");
}
END_TEST

START_TEST(what_an_interrupted_creation_left_is_replaced)
{
    uint8_t rubbish[20000];
    memset(rubbish, 0xee, sizeof rubbish);
    fly_sim_disk_load(world.disk, DATA ".new", fly_bytes_of(rubbish, sizeof rubbish));
    fly_pagefile *file = open_file(&world, 4096);
    fly_pagefile_close(file);
    ck_assert(!fly_vfs_exists(world.env.vfs, DATA ".new"));
    uint64_t len = 0;
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, DATA, rubbish, sizeof rubbish, &len), err);
    ck_assert_uint_eq(len, 2 * 4096);
}
END_TEST

static int (*inner_open)(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file);

/* When somebody begins to make the file, somebody else has just finished. */
static int open_too_late(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    if (strcmp(path, DATA ".new") == 0) {
        vfs->open = inner_open;
        fly_pagefile_close(open_file(&world, 8192));
    }
    return inner_open(vfs, path, flags, file);
}

START_TEST(of_two_that_make_the_file_one_succeeds)
{
    fly_pagefile *file = NULL;
    fly_pagefile_options options = {.page_size = 4096, .create = true};
    inner_open = world.env.vfs->open;
    world.env.vfs->open = open_too_late;
    FLY_CHECK(fly_pagefile_open(&world.env, DATA, NULL, &options, &file, &err), FLY_E_LOCKED, err);
    FLY_CHECK_SAYS(err.message, "\"data\" was made by somebody else just now");
    ck_assert(!fly_vfs_exists(world.env.vfs, DATA ".new"));
    file = open_file(&world, 0);
    ck_assert_uint_eq(fly_pagefile_page_size(file), 8192); /* the other one's */
    fly_pagefile_close(file);
}
END_TEST

START_TEST(one_writes_and_nobody_else)
{
    fly_pagefile *file = open_file(&world, 4096);
    refused(FLY_E_LOCKED, "\"data\"");
    fly_pagefile *reader = NULL;
    fly_pagefile_options options = {.read_only = true};
    FLY_CHECK_OK(try_open(&world, &options, &reader, &err), err);
    fly_pagefile_close(reader);
    file = reopen(file);
    fly_pagefile_close(file);
    fly_file *other = NULL; /* somebody is making it */
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, DATA, &err), err);
    FLY_CHECK_OK(
        fly_file_open(world.env.vfs, DATA ".new", FLY_OPEN_WRITE | FLY_OPEN_CREATE, &other, &err),
        err);
    FLY_CHECK_OK(fly_file_lock(other, &err), err);
    check_refused(&(fly_pagefile_options){.create = true}, FLY_E_LOCKED, "\"data.new\"");
    ck_assert(fly_vfs_exists(world.env.vfs, DATA ".new"));
    fly_file_abandon(other);
}
END_TEST

START_TEST(a_process_that_writes_locks_out_others)
{
    char dir[64];
    char path[128];
    fly_env env;
    fly_env_init(&env);
    FLY_CHECK_OK(fly_test_temp_dir(dir, sizeof dir, &err), err);
    (void)snprintf(path, sizeof path, "%s/data", dir);
    fly_pagefile *file = NULL;
    fly_pagefile_options options = {.create = true};
    FLY_CHECK_OK(fly_pagefile_open(&env, path, NULL, &options, &file, &err), err);
    uint32_t page = alloc(file, FLY_PAGE_NONE, 1);
    FLY_CHECK_OK(write_pages(file, &page, 1, 1, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 5, NULL, &err), err);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        fly_pagefile *mine = NULL;
        _exit(fly_pagefile_open(&env, path, NULL, &options, &mine, &err) == FLY_E_LOCKED ? 0 : 1);
    }
    int how = -1;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert_int_eq(how, 0);
    fly_pagefile_close(file);
    FLY_CHECK_OK(fly_pagefile_open(&env, path, NULL, &options, &file, &err), err);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 5);
    check_version(file, page, 1);
    fly_pagefile_close(file);
    FLY_CHECK_OK(fly_vfs_remove_tree(env.vfs, dir, &err), err);
}
END_TEST

START_TEST(what_may_not_be_touched_is_reported)
{
    fly_pagefile *file = open_file(&world, 4096);
    fly_pagefile_close(file);
    for (uint64_t at = 0; at < 2; at++) { /* the file; the area */
        fly_sim_fault denied = {.error = EACCES, .calls = FLY_SIM_OPEN, .at = at};
        fly_sim_disk_arm(world.disk, &denied);
        refused(FLY_E_PERMISSION, at == 0 ? "\"data\"" : "\"area\"");
    }
}
END_TEST

START_TEST(a_file_for_reading_is_not_changed)
{
    fly_pagefile *file = open_file(&world, 4096);
    uint32_t page = alloc(file, FLY_PAGE_NONE, 1);
    FLY_CHECK_OK(write_pages(file, &page, 1, 1, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 7, NULL, &err), err);
    fly_pagefile_close(file);
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, AREA, &err), err);
    uint64_t before = fly_sim_disk_calls(world.disk, FLY_SIM_CHANGES & ~FLY_SIM_OPEN);
    fly_pagefile_options options = {.read_only = true};
    FLY_CHECK_OK(try_open(&world, &options, &file, &err), err);
    check_version(file, page, 1);
    FLY_CHECK(fly_pagefile_alloc(file, 2, 1, &page, &err), FLY_E_READ_ONLY, err);
    FLY_CHECK_SAYS(err.message, "\"data\" was opened for reading");
    FLY_CHECK(fly_pagefile_checkpoint(file, 8, NULL, &err), FLY_E_READ_ONLY, err);
    FLY_CHECK(fly_pagefile_shrink(file, &err), FLY_E_READ_ONLY, err);
    fly_pagefile_close(file);
    ck_assert_uint_eq(fly_sim_disk_calls(world.disk, FLY_SIM_CHANGES & ~FLY_SIM_OPEN), before);
    ck_assert(!fly_vfs_exists(world.env.vfs, AREA));
}
END_TEST

/* ------------------------------------------------------------- files that are not good */

/* A file of four pages, all in use, and no area that could repair it. */
static void leave_small_file(void)
{
    fly_pagefile *file = open_file(&world, 4096);
    uint32_t first = alloc(file, FLY_PAGE_NONE, 2);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){first, first + 1}, 2, 1, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 7, NULL, &err), err);
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
    ck_assert_uint_eq(fly_pagefile_pages(file), 4);
    fly_pagefile_close(file);
}

/* How the file with one bit wrong is received: header and map when it is opened, others when they are
 * read. */
static fly_status status_of(uint32_t page, fly_pagefile *file)
{
    if (page >= 2) {
        uint32_t version;
        return read_version(file, page, &version, &err);
    }
    fly_pagefile_options options = {.read_only = true};
    fly_status status = try_open(&world, &options, &file, &err);
    if (status == FLY_OK) {
        fly_pagefile_close(file);
    }
    return status;
}

START_TEST(a_flipped_bit_is_noticed_wherever_it_is)
{
    leave_small_file();
    fly_pagefile *file = open_file(&world, 0);
    for (uint32_t byte = 0; byte < 4 * 4096; byte++) {
        uint64_t bit = byte * (uint64_t)8 + byte * 5 % 8;
        FLY_IGNORE(fly_sim_disk_flip(world.disk, DATA, bit));
        err = (fly_err){0};
        fly_status status = status_of(byte / 4096, file);
        char place[32];
        (void)snprintf(place, sizeof place, "page %u", byte / 4096);
        bool placed = strstr(err.message, "\"data\"") != NULL &&
                      (strstr(err.message, place) != NULL || byte < 40);
        if ((status != FLY_E_CORRUPT && (status != FLY_E_FORMAT || byte >= 40)) || !placed) {
            ck_abort_msg("byte %u: %s: %s", byte, fly_status_name(status), err.message);
        }
        FLY_IGNORE(fly_sim_disk_flip(world.disk, DATA, bit));
    }
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_file_cut_short_is_refused)
{
    leave_small_file();
    static uint8_t whole[4 * 4096];
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, DATA, whole, sizeof whole, NULL), err);
    for (size_t len = 0; len < sizeof whole; len += 512) {
        fly_sim_disk_load(world.disk, DATA, fly_bytes_of(whole, len));
        refused(len < 4096 ? FLY_E_FORMAT : FLY_E_CORRUPT, "\"data\"");
    }
    FLY_CHECK_SAYS(err.message, "has room for 3 pages and should have 4");
}
END_TEST

START_TEST(what_is_no_page_file_is_refused)
{
    static uint8_t other[3 * 65536];
    for (int pattern = 0; pattern < 4; pattern++) {
        for (size_t i = 0; i < sizeof other; i++) {
            other[i] = (uint8_t)(pattern == 0 ? 0 : pattern == 1 ? 0xff : i * (unsigned)pattern);
        }
        fly_sim_disk_load(world.disk, DATA, fly_bytes_of(other, sizeof other));
        refused(FLY_E_FORMAT, "\"data\" is not a FlyDB page file");
        check_refused(&(fly_pagefile_options){.create = true}, FLY_E_FORMAT, "not a FlyDB");
    }
}
END_TEST

/* Fields of the file with values that its seals vouch for. */
static const struct {
    uint32_t page, offset, value;
    fly_status status;
    const char *complaint;
} forgeries[] = {
    {0, 32, 0, FLY_E_FORMAT, "\"data\" has format version 0; this program reads version 1"},
    {0, 32, 2, FLY_E_FORMAT, "\"data\" has format version 2; this program reads version 1"},
    {0, 36, 0, FLY_E_CORRUPT, "\"data\" says its page size is 0"},
    {0, 36, 2048, FLY_E_CORRUPT, "\"data\" says its page size is 2048"},
    {0, 36, 4104, FLY_E_CORRUPT, "\"data\" says its page size is 4104"},
    {0, 36, 8192, FLY_E_CORRUPT, "header of \"data\": page 0: checksum"},
    {0, 36, 65536, FLY_E_CORRUPT, "\"data\" says its page size is 65536"},
    {0, 36, 0x80000000, FLY_E_CORRUPT, "\"data\" says its page size is 2147483648"},
    {0, 0, 1, FLY_E_CORRUPT, "header of \"data\": page 0: its place holds page 1"},
    {0, 56, 1, FLY_E_KEY, "\"data\" is encrypted, and no key was given"},
    {0, 128, 0, FLY_E_CORRUPT, "\"data\" says it has 0 pages"},
    {0, 128, 1, FLY_E_CORRUPT, "\"data\" says it has 1 pages"},
    {0, 128, 5, FLY_E_CORRUPT, "\"data\" has room for 4 pages and should have 5"},
    {0, 128, UINT32_MAX, FLY_E_CORRUPT, "should have 4294967295"},
    {1, 0, 2, FLY_E_CORRUPT, "map of \"data\": page 1: its place holds page 2"},
    {1, 4, FLY_PAGE_TYPE_SLOTTED, FLY_E_CORRUPT, "\"data\": page 1 should be map 0"},
    {1, 24, 1, FLY_E_CORRUPT, "\"data\": page 1 should be map 0"},
    {1, 32, 0xe, FLY_E_CORRUPT, "map 0 of \"data\" gives itself away"},
    {1, 32, 0xd, FLY_E_CORRUPT, "map 0 of \"data\" gives itself away"},
};

START_TEST(each_forgery_is_named)
{
    leave_small_file();
    static uint8_t bytes[2 * 4096];
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, DATA, bytes, sizeof bytes, NULL), err);
    uint8_t *page = bytes + forgeries[_i].page * (size_t)4096;
    fly_put_u32(page + forgeries[_i].offset, forgeries[_i].value);
    fly_page_seal(page, 4096);
    FLY_CHECK_OK(fly_sim_disk_poke(world.disk, DATA, 0, fly_bytes_of(bytes, sizeof bytes)), err);
    refused(forgeries[_i].status, forgeries[_i].complaint);
}
END_TEST

START_TEST(pages_beyond_the_end_are_not_read)
{
    leave_small_file();
    fly_pagefile *file = open_file(&world, 0);
    uint8_t *bytes = new_block(2 * 4096);
    uint8_t *frames[] = {bytes, bytes + 4096};
    static const uint32_t beyond[] = {4, 5, 1000, FLY_PAGE_NONE};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        FLY_CHECK(fly_pagefile_read(file, beyond[i], bytes, &err), FLY_E_CORRUPT, err);
        FLY_CHECK_SAYS(err.message, "\"data\"");
        FLY_CHECK(fly_pagefile_read_raw(file, beyond[i], bytes, &err), FLY_E_CORRUPT, err);
        FLY_CHECK(fly_pagefile_read_run(file, beyond[i], frames, 2, &err), FLY_E_CORRUPT, err);
    }
    FLY_CHECK(fly_pagefile_read_run(file, 3, frames, 2, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "pages 3 to 4");
    FLY_CHECK_OK(fly_pagefile_read_run(file, 2, frames, 2, &err), err);
    FLY_CHECK_OK(fly_pagefile_accept(file, 2, bytes, &err), err);
    FLY_CHECK_OK(fly_pagefile_accept(file, 3, bytes + 4096, &err), err);
    ck_assert(is_page(bytes + 4096, 4096, 3, 1));
    FLY_CHECK(fly_pagefile_accept(file, 3, bytes, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "\"data\": page 3: its place holds page 2");
    FLY_CHECK_OK(fly_pagefile_read_raw(file, 0, bytes, &err), err); /* its own, for copies */
    free(bytes);
    fly_pagefile_close(file);
}
END_TEST

/* -------------------------------------------------------------------------- codecs */

enum { CODEC_RESERVE = 24, CODEC_ID = 77 };

/* The poorest codec: each byte xor 0x3c, and a mark at the end. */
struct poor {
    fly_page_codec codec;
    uint8_t mark;
    fly_status answer; /* to encode() */
};

static fly_status poor_describe(const fly_page_codec *codec, uint8_t params[FLY_PAGEFILE_PARAMS],
                                fly_err *why)
{
    (void)why;
    memset(params, ((const struct poor *)codec)->mark, FLY_PAGEFILE_PARAMS);
    return FLY_OK;
}

static fly_status poor_accept(const fly_page_codec *codec,
                              const uint8_t params[FLY_PAGEFILE_PARAMS], fly_err *why)
{
    bool mine = params[0] == ((const struct poor *)codec)->mark &&
                params[FLY_PAGEFILE_PARAMS - 1] == ((const struct poor *)codec)->mark;
    return mine ? FLY_OK : fly_err_set(why, FLY_E_KEY, "that is another key");
}

static void poor_xor(const uint8_t *from, uint8_t *to, uint32_t size)
{
    for (uint32_t i = FLY_PAGE_HEADER; i < size - CODEC_RESERVE; i++) {
        to[i] = from[i] ^ 0x3c;
    }
}

static fly_status poor_encode(const fly_page_codec *codec, const uint8_t uuid[16], uint32_t id,
                              const uint8_t *plain, uint8_t *out, uint32_t size, fly_err *why)
{
    const struct poor *poor = (const struct poor *)codec;
    if (poor->answer != FLY_OK) {
        return fly_err_set(why, poor->answer, "no encoding today");
    }
    memcpy(out, plain, FLY_PAGE_HEADER);
    poor_xor(plain, out, size);
    memset(out + size - CODEC_RESERVE, 0, CODEC_RESERVE);
    memcpy(out + size - CODEC_RESERVE, uuid, 16);
    fly_put_u32(out + size - 4, id);
    return FLY_OK;
}

static fly_status poor_decode(const fly_page_codec *codec, const uint8_t uuid[16], uint32_t id,
                              uint8_t *bytes, uint32_t size, fly_err *why)
{
    (void)codec;
    if (memcmp(bytes + size - CODEC_RESERVE, uuid, 16) != 0 ||
        fly_get_u32(bytes + size - 4) != id) {
        return fly_err_set(why, FLY_E_CORRUPT, "page %u was not encoded here", id);
    }
    poor_xor(bytes, bytes, size);
    return FLY_OK;
}

static struct poor make_poor(uint8_t mark)
{
    return (struct poor){.codec = {.id = CODEC_ID,
                                   .reserve = CODEC_RESERVE,
                                   .describe = poor_describe,
                                   .accept = poor_accept,
                                   .encode = poor_encode,
                                   .decode = poor_decode},
                         .mark = mark};
}

START_TEST(pages_go_through_the_codec_and_what_is_the_files_own_does_not)
{
    struct poor poor = make_poor(9);
    fly_pagefile_options options = {.page_size = 4096, .create = true, .codec = &poor.codec};
    fly_pagefile *file = NULL;
    FLY_CHECK_OK(try_open(&world, &options, &file, &err), err);
    ck_assert_uint_eq(fly_pagefile_usable(file), 4096 - CODEC_RESERVE);
    uint32_t page = alloc(file, FLY_PAGE_NONE, 1);
    FLY_CHECK_OK(write_pages(file, &page, 1, 1, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 5, NULL, &err), err);
    fly_pagefile_close(file);
    options = (fly_pagefile_options){.codec = &poor.codec};
    FLY_CHECK_OK(try_open(&world, &options, &file, &err), err);
    check_version(file, page, 1);
    uint8_t *bytes = new_block(4096);
    FLY_CHECK_OK(fly_pagefile_read(file, 0, bytes, &err), err); /* its own: as they are */
    ck_assert_mem_eq(bytes + 24, "FlyDB pg", 8);
    FLY_CHECK_OK(fly_pagefile_read(file, 1, bytes, &err), err);
    ck_assert_uint_eq(bytes[32], 7);
    FLY_CHECK_OK(fly_pagefile_read_raw(file, page, bytes, &err), err);
    ck_assert(!is_page(bytes, 4096 - CODEC_RESERVE, page, 1));
    ck_assert_uint_eq(fly_get_u32(bytes + 4092), page);
    fly_put_u32(bytes + 4092, 3);
    fly_page_seal(bytes, 4096);
    FLY_CHECK(fly_pagefile_accept(file, page, bytes, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "\"data\": page 2 was not encoded here");
    free(bytes);
    poor.answer = FLY_E_IO;
    FLY_CHECK(write_pages(file, &page, 1, 2, &err), FLY_E_IO, err);
    poor.answer = FLY_OK;
    check_version(file, page, 1);
    FLY_CHECK_OK(write_pages(file, &page, 1, 2, &err), err); /* nothing had begun */
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_file_wants_the_codec_that_it_was_made_with)
{
    struct poor poor = make_poor(9);
    fly_pagefile_options options = {.page_size = 4096, .create = true, .codec = &poor.codec};
    fly_pagefile *file = NULL;
    FLY_CHECK_OK(try_open(&world, &options, &file, &err), err);
    fly_pagefile_close(file);
    options.page_size = 0;
    poor.mark = 8;
    check_refused(&options, FLY_E_KEY, "could not open \"data\": that is another key");
    poor.mark = 9;
    poor.codec.id = 78;
    check_refused(&options, FLY_E_KEY,
                  "\"data\" is encrypted by method 77 with 24 bytes in a page, not by 78 with 24");
    poor.codec.id = CODEC_ID;
    poor.codec.reserve = 32;
    check_refused(&options, FLY_E_KEY,
                  "\"data\" is encrypted by method 77 with 24 bytes in a page, not by 77 with 32");
    refused(FLY_E_KEY, "\"data\" is encrypted, and no key was given");
}
END_TEST

/* ---------------------------------------------------------------------- allocation */

START_TEST(the_lowest_free_page_is_given_or_one_nearby)
{
    fly_pagefile *file = open_file(&world, 4096);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 1), 2);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 5), 3);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 200), 8);
    FLY_CHECK_OK(fly_pagefile_free(file, 100, 10, &err), err);
    FLY_CHECK_OK(fly_pagefile_free(file, 4, 2, &err), err);
    FLY_CHECK_OK(fly_pagefile_free(file, 130, 64, &err), err);
    ck_assert_uint_eq(alloc(file, 103, 2), 104);            /* behind it */
    ck_assert_uint_eq(alloc(file, 8, 1), 4);                /* nothing there: the lowest */
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 3), 100);  /* the first that is long enough */
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 60), 130); /* across words */
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 9), 208);  /* at the end */
    ck_assert_uint_eq(alloc(file, 216, 1), 5);              /* the last page has none behind */
    ck_assert_uint_eq(alloc(file, 5000, 1), 103);
    FLY_CHECK_OK(fly_pagefile_free(file, 215, 2, &err), err);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 10), 215); /* two are there, eight are new */
    ck_assert_uint_eq(fly_pagefile_pages(file), 225);
    ck_assert_uint_eq(fly_pagefile_used(file), 225 - 4 - 4); /* 106 to 109, 190 to 193 */
    fly_pagefile_close(file);
}
END_TEST

START_TEST(what_was_not_given_is_not_taken_back)
{
    fly_pagefile *file = open_file(&world, 4096);
    uint32_t first = alloc(file, FLY_PAGE_NONE, 4);
    FLY_CHECK_OK(fly_pagefile_free(file, first + 2, 1, &err), err);
    FLY_CHECK(fly_pagefile_free(file, first, 4, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "page 4 of \"data\" should be given back, but is not in use");
    ck_assert_uint_eq(fly_pagefile_used(file), 5);
    static const uint32_t never[][2] = {{0, 1}, {1, 1}, {0, 3}, {6, 1}, {FLY_PAGE_NONE, 2}};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        FLY_CHECK(fly_pagefile_free(file, never[i][0], never[i][1], &err), FLY_E_CORRUPT, err);
    }
    FLY_CHECK(fly_pagefile_free(file, 1, 1, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "belongs to the file itself");
    ck_assert_uint_eq(fly_pagefile_used(file), 5);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_replayed_log_says_what_is_in_use)
{
    fly_pagefile *file = open_file(&world, 4096);
    for (int round = 0; round < 2; round++) {
        FLY_CHECK_OK(fly_pagefile_mark(file, 9, true, &err), err);
        FLY_CHECK_OK(fly_pagefile_mark(file, 3, true, &err), err);
        FLY_CHECK_OK(fly_pagefile_mark(file, 5, false, &err), err);
        FLY_CHECK_OK(fly_pagefile_mark(file, 3, false, &err), err);
        ck_assert_uint_eq(fly_pagefile_pages(file), 10);
        ck_assert_uint_eq(fly_pagefile_used(file), 3);
    }
    ck_assert(!fly_pagefile_is_used(file, 3) && fly_pagefile_is_used(file, 9));
    ck_assert(!fly_pagefile_is_used(file, 1000000) && !fly_pagefile_is_used(file, FLY_PAGE_NONE));
    static const uint32_t never[] = {0, 1, MAP, 7 * MAP, FLY_PAGE_NONE};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        FLY_CHECK(fly_pagefile_mark(file, never[i], true, &err), FLY_E_CORRUPT, err);
        FLY_CHECK_SAYS(err.message, "of \"data\" cannot be given out");
    }
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 1), 2);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(runs_do_not_cross_maps)
{
    make_sparse(&world);
    fly_pagefile *file = open_file(&world, 4096);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, MAP - 12), 2);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 20), MAP + 1);
    ck_assert(fly_pagefile_is_own(file, MAP) && fly_pagefile_is_used(file, MAP));
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 10), MAP - 10);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, MAP - 21), MAP + 21);
    ck_assert_uint_eq(fly_pagefile_pages(file), 2 * MAP);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, MAP - 1), 2 * MAP + 1); /* as many as there are */
    uint32_t first;
    FLY_CHECK(fly_pagefile_alloc(file, 2, MAP, &first, &err), FLY_E_TOO_LARGE, err);
    FLY_CHECK_SAYS(err.message, "no 32512 pages of \"data\" are neighbours: a map lies between");
    FLY_CHECK(fly_pagefile_alloc(file, 2, UINT32_MAX, &first, &err), FLY_E_TOO_LARGE, err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_pages(file), 3 * MAP);
    ck_assert_uint_eq(fly_pagefile_used(file), 3 * MAP);
    FLY_CHECK(fly_pagefile_free(file, MAP - 1, 2, &err), FLY_E_CORRUPT, err);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(nobody_is_not_given_a_page)
{
    fly_pagefile *file = open_file(&world, 4096);
    uint32_t first;
    FLY_IGNORE(fly_pagefile_alloc(file, 2, 0, &first, NULL));
}
END_TEST

START_TEST(space_is_reserved_when_a_page_is_given)
{
    fly_pagefile *file = open_file(&world, 4096);
    uint32_t first = alloc(file, FLY_PAGE_NONE, 1);
    fly_page_batch *batch = NULL;
    FLY_CHECK_OK(fly_page_batch_create(file, 64, &batch, &err), err);
    fly_sim_disk_set_capacity(world.disk, 4096); /* full, and more */
    FLY_CHECK_OK(add_pages(batch, file, &first, 1, 2, &err), err);
    FLY_CHECK_OK(fly_page_batch_write(batch, &err), err);
    uint32_t pages = fly_pagefile_pages(file);
    uint32_t page;
    fly_status status = FLY_OK;
    while (status == FLY_OK) { /* what was reserved ahead goes on being given */
        status = fly_pagefile_alloc(file, FLY_PAGE_NONE, 1, &page, &err);
        pages += status == FLY_OK;
    }
    FLY_CHECK(status, FLY_E_NO_SPACE, err);
    FLY_CHECK_SAYS(err.message, "\"data\"");
    ck_assert_uint_eq(fly_pagefile_pages(file), pages);
    ck_assert_uint_eq(fly_pagefile_used(file), pages);
    FLY_CHECK(fly_pagefile_mark(file, pages, true, &err), FLY_E_NO_SPACE, err);
    ck_assert_uint_eq(fly_pagefile_pages(file), pages);
    FLY_CHECK_OK(add_pages(batch, file, &page, 1, 2, &err), err);
    FLY_CHECK_OK(fly_page_batch_write(batch, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    fly_sim_disk_set_capacity(world.disk, 0);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 1), pages);
    fly_page_batch_destroy(batch);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(on_an_almost_full_disk_no_more_is_reserved_than_needed)
{
    fly_pagefile *file = open_file(&world, 4096);
    fly_sim_disk_set_capacity(world.disk, 5 * 4096); /* two are taken */
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 3), 2);
    ck_assert_str_eq(err.message, ""); /* the file and more room were not there, and nobody cares */
    uint32_t page;
    FLY_CHECK(fly_pagefile_alloc(file, FLY_PAGE_NONE, 1, &page, &err), FLY_E_NO_SPACE, err);
    fly_pagefile_close(file);
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, DATA, &err), err);
    fly_sim_disk_set_capacity(world.disk, 4096);
    check_refused(&(fly_pagefile_options){.create = true}, FLY_E_NO_SPACE, "\"data.new\"");
    ck_assert(!fly_vfs_exists(world.env.vfs, DATA));
    ck_assert(!fly_vfs_exists(world.env.vfs, DATA ".new"));
}
END_TEST

/* ----------------------------------------------------------------------- checkpoints */

START_TEST(a_checkpoint_keeps_what_was_said_before_it)
{
    fly_pagefile *file = open_file(&world, 4096);
    uint8_t meta[FLY_PAGEFILE_META];
    memset(meta, 0x5a, sizeof meta);
    uint32_t first = alloc(file, FLY_PAGE_NONE, 6);
    FLY_CHECK_OK(fly_pagefile_free(file, first + 1, 1, &err), err);
    fly_pagefile_set_meta(file, meta, sizeof meta);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, UINT64_MAX, NULL, &err), err);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), UINT64_MAX);
    (void)alloc(file, FLY_PAGE_NONE, 3); /* afterwards: forgotten */
    fly_pagefile_set_meta(file, "x", 1);
    ck_assert_uint_eq(fly_pagefile_meta(file)[1], 0);
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), UINT64_MAX);
    ck_assert_mem_eq(fly_pagefile_meta(file), meta, sizeof meta);
    ck_assert_uint_eq(fly_pagefile_pages(file), 8);
    ck_assert_uint_eq(fly_pagefile_used(file), 7);
    ck_assert(!fly_pagefile_is_used(file, first + 1));
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 1), first + 1);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(only_changed_maps_are_written)
{
    make_sparse(&world);
    fly_pagefile *file = open_file(&world, 4096);
    FLY_CHECK_OK(fly_pagefile_mark(file, 3 * MAP + 7, true, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    FLY_CHECK_OK(fly_pagefile_mark(file, 2 * MAP + 7, true, &err), err);
    uint8_t block[4096];
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 2, NULL, &err), err);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, AREA, block, sizeof block, NULL), err);
    ck_assert_uint_eq(fly_get_u32(block + 40), 2);
    ck_assert_uint_eq(fly_get_u32(block + 48), 2 * MAP);
    ck_assert_uint_eq(fly_get_u32(block + 56), 0); /* the header goes last */
    file = crash(file);
    ck_assert(fly_pagefile_is_used(file, 2 * MAP + 7) && fly_pagefile_is_used(file, 3 * MAP + 7));
    fly_pagefile_close(file);
}
END_TEST

struct moment {
    fly_pagefile *file;
    char order[16]; /* b for each begin(), e for each end() */
    size_t count;
    fly_status answer;
};

static void begin(void *ctx)
{
    struct moment *moment = ctx;
    moment->order[moment->count++] = 'b';
    (void)alloc(moment->file, FLY_PAGE_NONE, 1); /* before the copy: part of it */
}

static fly_status end(void *ctx, fly_err *why)
{
    struct moment *moment = ctx;
    moment->order[moment->count++] = 'e';
    if (moment->answer != FLY_OK) {
        return fly_err_set(why, moment->answer, "the log is broken");
    }
    (void)alloc(moment->file, FLY_PAGE_NONE, 1); /* after the copy: not part of it */
    return FLY_OK;
}

START_TEST(the_owner_is_asked_before_and_after_the_copy)
{
    fly_pagefile *file = open_file(&world, 4096);
    struct moment moment = {.file = file};
    fly_pagefile_freeze freeze = {begin, end, &moment};
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, &freeze, &err), err);
    ck_assert_str_eq(moment.order, "be");
    moment.file = file = crash(file);
    ck_assert_uint_eq(fly_pagefile_used(file), 3);
    moment.answer = FLY_E_IO;
    uint64_t before = fly_sim_disk_calls(world.disk, FLY_SIM_WRITE);
    FLY_CHECK(fly_pagefile_checkpoint(file, 2, &freeze, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "the log is broken");
    ck_assert_uint_eq(fly_sim_disk_calls(world.disk, FLY_SIM_WRITE), before);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 1);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 2, NULL, &err), err); /* the map is dirty still */
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_used(file), 4);
    moment.file = file;
    moment.answer = FLY_OK;
    fly_test_mem_fail(&world.mem, 0, false); /* no memory: the owner is thawed all the same */
    FLY_CHECK(fly_pagefile_checkpoint(file, 3, &freeze, &err), FLY_E_NO_MEMORY, err);
    FLY_CHECK_SAYS(err.message, "\"data\"");
    ck_assert_str_eq(moment.order, "bebebe");
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_checkpoint_of_many_maps_that_was_interrupted_is_none)
{
    make_sparse(&world);
    fly_pagefile *file = open_file(&world, 4096);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 8), 2);
    FLY_CHECK_OK(fly_pagefile_mark(file, 256 * MAP + 5, true, &err), err); /* 257 maps */
    uint32_t used = fly_pagefile_used(file);
    fly_sim_fault power = {.trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE};
    if (_i == 0) { /* undisturbed */
        FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
        file = crash(file);
        ck_assert_uint_eq(fly_pagefile_used(file), used);
        ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 1);
        fly_pagefile_close(file);
        return;
    }
    power.at = 1 + 256; /* the area, 256 maps; and now the second batch */
    fly_sim_disk_arm(world.disk, &power);
    FLY_CHECK(fly_pagefile_checkpoint(file, 1, NULL, &err), FLY_E_IO, err);
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 0);
    ck_assert_uint_eq(fly_pagefile_pages(file), 2);
    ck_assert_uint_eq(fly_pagefile_used(file), 2);
    /* What the map on the disk knows too much is forgotten for good. */
    FLY_CHECK_OK(fly_pagefile_mark(file, 20, false, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 2, NULL, &err), err);
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_pages(file), 21);
    ck_assert_uint_eq(fly_pagefile_used(file), 2);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(free_pages_at_the_end_go_back_to_the_disk)
{
    fly_pagefile *file = open_file(&world, 4096);
    uint64_t len = 0;
    uint8_t byte;
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err); /* nothing to do */
    (void)alloc(file, FLY_PAGE_NONE, 100);
    FLY_CHECK_OK(fly_pagefile_free(file, 50, 52, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 4, NULL, &err), err);
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
    ck_assert_uint_eq(fly_pagefile_pages(file), 50);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, DATA, &byte, 1, &len), err);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 3), 50);
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_pages(file), 50);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 4);
    FLY_CHECK_OK(fly_pagefile_free(file, 2, 48, &err), err);
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
    ck_assert_uint_eq(fly_pagefile_pages(file), 2);
    file = reopen(file);
    ck_assert_uint_eq(fly_pagefile_pages(file), 2);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, 1), 2);
    fly_pagefile_close(file);
}
END_TEST

/* Memory in which somebody else is quick: at the `at`-th request from now on it takes a page of the
 * file and writes it. */
struct busy {
    fly_mem mem;
    fly_mem *inner;
    fly_pagefile *file;
    uint32_t at, page;
};

static void *busy_alloc(fly_mem *mem, size_t size, size_t align)
{
    struct busy *busy = (struct busy *)mem;
    if (busy->file != NULL && busy->at-- == 0) {
        fly_pagefile *file = busy->file;
        busy->file = NULL;
        busy->page = alloc(file, FLY_PAGE_NONE, 1);
        FLY_CHECK_OK(write_pages(file, &busy->page, 1, 3, &err), err);
    }
    return busy->inner->alloc(busy->inner, size, align);
}

static void busy_release(fly_mem *mem, void *block, size_t size)
{
    fly_mem *inner = ((struct busy *)mem)->inner;
    inner->release(inner, block, size);
}

START_TEST(what_others_take_while_the_file_shrinks_is_theirs)
{
    struct busy busy = {.mem = {busy_alloc, busy_release}, .inner = world.env.mem};
    world.env.mem = &busy.mem;
    fly_pagefile *file = open_file(&world, 4096);
    (void)alloc(file, FLY_PAGE_NONE, 20);
    FLY_CHECK_OK(fly_pagefile_free(file, 12, 10, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    busy.at = 2; /* the maps are copied, and not written yet */
    busy.file = file;
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
    ck_assert_uint_eq(busy.page, 12);
    check_version(file, busy.page, 3);
    FLY_CHECK_OK(fly_pagefile_check(file, &err), err);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(maps_that_nobody_needs_go_too)
{
    make_sparse(&world);
    fly_pagefile *file = open_file(&world, 4096);
    (void)alloc(file, FLY_PAGE_NONE, 10);
    FLY_CHECK_OK(fly_pagefile_mark(file, 2 * MAP + 3, true, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    FLY_CHECK_OK(fly_pagefile_mark(file, 2 * MAP + 3, false, &err), err);
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
    ck_assert_uint_eq(fly_pagefile_pages(file), 12);
    ck_assert_uint_eq(fly_pagefile_used(file), 12);
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_used(file), 12);
    FLY_CHECK_OK(fly_pagefile_mark(file, MAP + 3, true, &err), err); /* and come back */
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    file = crash(file);
    ck_assert_uint_eq(fly_pagefile_used(file), 14);
    ck_assert(fly_pagefile_is_used(file, MAP));
    fly_pagefile_close(file);
}
END_TEST

/* What the checker has to notice, done to the file behind its back. */
static void break_rule(fly_pagefile *file, int rule)
{
    switch (rule) {
    case 0: /* the header, and the map says so */
        file->used[0] &= ~(uint64_t)1;
        file->used_pages--;
        file->map_dirty[0] = 1;
        break;
    case 1:
        file->used[0] &= ~(uint64_t)2;
        file->used_pages--;
        break;
    case 2:
        file->used[1] |= (uint64_t)1 << 63;
        break;
    case 3:
        file->used_pages++;
        break;
    case 4: /* a page given back that the disk does not hear of */
        file->used[0] &= ~(uint64_t)16;
        file->used_pages--;
        break;
    case 5:
        file->physical = 3;
        break;
    default:
        file->used[0] &= ~(uint64_t)16;
        file->lowest_free = 1;
        break;
    }
}

static const char *const complaints[] = {
    "F1: the header is not in use",          "F1: a map is not in use",
    "F1: a page beyond the end is in use",   "F2: pages in use are miscounted",
    "F3: a changed map is not known to be",  "F4: a page has no disk space",
    "F5: a free page lies below the lowest",
};

enum { RULES = sizeof complaints / sizeof complaints[0] };

START_TEST(each_broken_rule_is_named)
{
    fly_pagefile *file = open_file(&world, 4096);
    (void)alloc(file, FLY_PAGE_NONE, 20);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    FLY_CHECK_OK(fly_pagefile_check(file, &err), err);
    break_rule(file, _i);
    for (int round = 0; round < 2; round++) {
        FLY_CHECK(fly_pagefile_check(file, &err), FLY_E_CORRUPT, err);
        FLY_CHECK_SAYS(err.message, "\"data\": ");
        FLY_CHECK_SAYS(err.message, complaints[_i]);
    }
    fly_pagefile_close(file);
}
END_TEST

/* ------------------------------------------------------------------- crashes, faults */

/* Each round changes what is in use, and a checkpoint says which round it was. */
struct rounds {
    bool opened;
    uint32_t attempted, acknowledged;
};

enum { ROUNDS = 5, RANGE = 200 };

static bool used_in(uint32_t round, uint32_t page)
{
    return page >= 2 && page < 20 + round * 30 % 100 && (page * 7 + round) % 3 == 0;
}

static fly_status do_round(fly_pagefile *file, uint32_t round)
{
    fly_status status = FLY_OK;
    for (uint32_t page = 2; page < RANGE && status == FLY_OK; page++) {
        if (fly_pagefile_is_used(file, page) && !used_in(round, page)) {
            status = fly_pagefile_free(file, page, 1, NULL);
        } else if (!fly_pagefile_is_used(file, page) && used_in(round, page)) {
            status = fly_pagefile_mark(file, page, true, NULL);
        }
    }
    uint8_t meta[FLY_PAGEFILE_META];
    memset(meta, (int)round, sizeof meta);
    fly_pagefile_set_meta(file, meta, sizeof meta);
    return status;
}

static fly_status do_rounds(fly_sim_env *w, void *ctx)
{
    struct rounds *rounds = ctx;
    fly_pagefile_options options = {.page_size = 4096, .create = true};
    fly_pagefile *file = NULL;
    fly_status status = try_open(w, &options, &file, NULL);
    if (status != FLY_OK) {
        return status;
    }
    rounds->opened = true;
    for (uint32_t round = 1; round <= ROUNDS && status == FLY_OK; round++) {
        status = do_round(file, round);
        rounds->attempted = round;
        if (status == FLY_OK) {
            status = fly_pagefile_checkpoint(file, round, NULL, NULL);
        }
        if (status == FLY_OK) {
            rounds->acknowledged = round;
            status = fly_pagefile_shrink(file, NULL);
        }
    }
    fly_pagefile_close(file);
    return status;
}

static void compare_with_rounds(fly_sim_env *w, const struct rounds *rounds)
{
    fly_pagefile_options options = {0};
    fly_pagefile *file = NULL;
    fly_status status = try_open(w, &options, &file, &err);
    if (!rounds->opened && status == FLY_E_NOT_FOUND) {
        return;
    }
    FLY_CHECK_OK(status, err);
    uint32_t round = (uint32_t)fly_pagefile_checkpoint_lsn(file);
    ck_assert_uint_ge(round, rounds->acknowledged);
    ck_assert_uint_le(round, rounds->attempted);
    uint32_t used = 2;
    for (uint32_t page = 2; page < RANGE; page++) {
        bool wanted = round > 0 && used_in(round, page);
        if (fly_pagefile_is_used(file, page) != wanted) {
            ck_abort_msg("page %u in round %u", page, round);
        }
        used += wanted;
    }
    ck_assert_uint_eq(fly_pagefile_used(file), used);
    ck_assert_uint_eq(fly_pagefile_meta(file)[0], round);
    ck_assert_uint_eq(fly_pagefile_meta(file)[FLY_PAGEFILE_META - 1], round);
    FLY_CHECK_OK(fly_pagefile_check(file, &err), err);
    fly_pagefile_close(file);
}

struct comparison {
    fly_sim_env *world;
    const struct rounds *rounds;
};

static void compare(void *arg)
{
    struct comparison *comparison = arg;
    compare_with_rounds(comparison->world, comparison->rounds);
}

/* In a thread of its own, since this one may hold a mutex in the middle of its work. */
static void one_of_the_rounds(fly_sim_env *w, void *ctx)
{
    struct comparison comparison = {w, ctx};
    fly_thread thread;
    FLY_CHECK_OK(fly_thread_start(w->env.sched, &thread, "comparison", compare, &comparison, &err),
                 err);
    fly_thread_join(&thread);
}

START_TEST(a_crash_leaves_maps_and_header_of_one_checkpoint)
{
    struct rounds rounds = {0};
    fly_test_crash_options options = {.world.disk.direct = true};
    ck_assert(fly_test_each_crash("checkpoints", &options, do_rounds, one_of_the_rounds, &rounds));
}
END_TEST

static void opens_and_goes_on(fly_sim_env *w, void *ctx)
{
    struct rounds *rounds = ctx;
    if (rounds->opened) {
        one_of_the_rounds(w, ctx);
    }
    *rounds = (struct rounds){0};
    FLY_CHECK_OK(do_rounds(w, rounds), err);
    one_of_the_rounds(w, rounds);
    *rounds = (struct rounds){0};
}

START_TEST(every_failure_is_reported_and_leaves_a_file_that_opens)
{
    struct rounds rounds = {0};
    ck_assert(fly_test_each_fault("checkpoints", NULL, do_rounds, opens_and_goes_on, &rounds));
}
END_TEST

/* ---------------------------------------------------------------------------- model */

/* Around the second map, so that a small model meets it. */
enum { BASE = MAP - 300, SPAN = 600, STEPS = 150 };

struct model {
    bool used[SPAN], kept[SPAN]; /* now; at the last checkpoint */
    uint32_t pages, kept_pages;
};

static bool is_own(uint32_t at)
{
    return BASE + at == MAP;
}

static void check_model(fly_pagefile *file, const struct model *model)
{
    uint32_t used = BASE;
    for (uint32_t i = 0; i < SPAN; i++) {
        if (fly_pagefile_is_used(file, BASE + i) != model->used[i]) {
            ck_abort_msg("page %u is %s", BASE + i, model->used[i] ? "not in use" : "in use");
        }
        used += model->used[i];
    }
    ck_assert_uint_eq(fly_pagefile_used(file), used);
    ck_assert_uint_eq(fly_pagefile_pages(file), model->pages);
    FLY_CHECK_OK(fly_pagefile_check(file, &err), err);
}

static void model_grows(struct model *model, uint32_t pages)
{
    if (pages > model->pages) {
        model->pages = pages;
        model->used[MAP - BASE] = model->used[MAP - BASE] || pages > MAP;
    }
}

/* What was given must have been free, and lie where it was asked for, if there is room. */
static void model_alloc(fly_pagefile *file, struct model *model, uint32_t near, uint32_t count)
{
    uint32_t first = alloc(file, near, count);
    if (first + count > BASE + SPAN) {
        ck_abort_msg("the model is too small");
    }
    bool nearby = near >= BASE && near < model->pages && near + 1 + count <= model->pages;
    for (uint32_t i = 0; i < count && nearby; i++) {
        nearby = !model->used[near + 1 - BASE + i];
    }
    ck_assert(!nearby || first == near + 1);
    for (uint32_t i = 0; i + count <= SPAN && !nearby && BASE + i < first; i++) { /* the lowest */
        uint32_t run = 0;
        while (run < count && BASE + i + run < model->pages && !model->used[i + run]) {
            run++;
        }
        ck_assert_msg(run < count, "%u pages from %u on were free, not %u", count, BASE + i, first);
    }
    model_grows(model, first + count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert(!model->used[first - BASE + i] && !is_own(first - BASE + i));
        model->used[first - BASE + i] = true;
    }
}

static void model_shrinks(struct model *model)
{
    while (model->pages > BASE &&
           (!model->used[model->pages - 1 - BASE] || is_own(model->pages - 1 - BASE))) {
        model->used[--model->pages - BASE] = false;
    }
}

static fly_pagefile *model_step(fly_pagefile *file, struct model *model, fly_rng *rng)
{
    uint32_t at = (uint32_t)fly_rng_below(rng, SPAN - 100);
    uint32_t used = 0;
    for (uint32_t i = 0; i < SPAN; i++) {
        used += model->used[i];
    }
    uint32_t what = (uint32_t)fly_rng_below(rng, 16);
    if (what < 6 && used < SPAN / 3) {
        uint32_t count = 1 + (uint32_t)fly_rng_below(rng, fly_rng_below(rng, 4) == 0 ? 70 : 4);
        model_alloc(file, model, what < 3 ? FLY_PAGE_NONE : BASE + at, count);
    } else if (what < 11) {
        uint32_t count = 1 + (uint32_t)fly_rng_below(rng, 9);
        bool all = true;
        for (uint32_t i = 0; i < count; i++) {
            all = all && model->used[at + i] && !is_own(at + i);
        }
        FLY_CHECK(fly_pagefile_free(file, BASE + at, count, &err), all ? FLY_OK : FLY_E_CORRUPT,
                  err);
        for (uint32_t i = 0; i < count && all; i++) {
            model->used[at + i] = false;
        }
    } else if (what < 13) {
        bool set = fly_rng_below(rng, 3) == 0;
        FLY_CHECK(fly_pagefile_mark(file, BASE + at, set, &err),
                  is_own(at) ? FLY_E_CORRUPT : FLY_OK, err);
        if (!is_own(at)) {
            model_grows(model, BASE + at + 1);
            model->used[at] = set;
        }
    } else if (what == 13) {
        FLY_CHECK_OK(fly_pagefile_checkpoint(file, at, NULL, &err), err);
        memcpy(model->kept, model->used, sizeof model->kept);
        model->kept_pages = model->pages;
    } else if (what == 14) {
        uint64_t lsn = fly_pagefile_checkpoint_lsn(file);
        uint64_t before = fly_sim_disk_calls(world.disk, FLY_SIM_WRITE);
        FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
        ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), lsn);
        model_shrinks(model);
        if (fly_sim_disk_calls(world.disk, FLY_SIM_WRITE) >
            before) { /* there was something to do */
            memcpy(model->kept, model->used, sizeof model->kept);
            model->kept_pages = model->pages;
        }
    } else {
        memcpy(model->used, model->kept, sizeof model->used);
        model->pages = model->kept_pages;
        file = fly_rng_below(rng, 2) == 0 ? crash(file) : reopen(file);
    }
    return file;
}

static void model_run(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = seed});
    make_sparse(&world);
    fly_pagefile *file = open_file(&world, 4096);
    ck_assert_uint_eq(alloc(file, FLY_PAGE_NONE, BASE - 2), 2);
    struct model model = {.pages = BASE, .kept_pages = BASE};
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 0, NULL, &err), err);
    for (uint32_t step = 0; step < STEPS; step++) {
        file = model_step(file, &model, &rng);
        check_model(file, &model);
    }
    fly_pagefile_close(file);
    fly_sim_env_deinit(&world);
}

START_TEST(random_work_agrees_with_an_array_of_flags)
{
    ck_assert(fly_test_seeds("page files", 30, model_run, NULL));
}
END_TEST

/* -------------------------------------------------------------------------- threads */

enum { THREADS = 3 };

struct worker {
    fly_pagefile *file;
    bool shrinks;
    uint32_t pages[2];
};

/* Take two pages, give one back, and have that made durable. */
static void take_and_checkpoint(void *arg)
{
    struct worker *worker = arg;
    worker->pages[0] = alloc(worker->file, FLY_PAGE_NONE, 1);
    worker->pages[1] = alloc(worker->file, worker->pages[0], 1);
    FLY_CHECK_OK(fly_pagefile_free(worker->file, worker->pages[1], 1, &err), err);
    ck_assert(fly_pagefile_is_used(worker->file, worker->pages[0]));
    fly_err mine = {0};
    FLY_CHECK_OK(fly_pagefile_checkpoint(worker->file, worker->pages[0], NULL, &mine), mine);
    FLY_CHECK_OK(write_pages(worker->file, worker->pages, 1, 1, &mine), mine);
    if (worker->shrinks) {
        FLY_CHECK_OK(fly_pagefile_shrink(worker->file, &mine), mine);
    }
    (void)fly_pagefile_checkpoint_lsn(worker->file);
    (void)fly_pagefile_used(worker->file);
}

static void several_at_once(fly_sim_env *w)
{
    fly_pagefile *file = open_file(w, 4096);
    struct worker workers[THREADS];
    fly_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.file = file, .shrinks = i < 2};
        FLY_CHECK_OK(fly_thread_start(w->env.sched, &threads[i], "worker", take_and_checkpoint,
                                      &workers[i], &err),
                     err);
    }
    for (int i = 0; i < THREADS; i++) {
        fly_thread_join(&threads[i]);
    }
    /* Each had its page made durable, so they are. */
    fly_sim_disk_crash(w->disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
    file = open_file(w, 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert(fly_pagefile_is_used(file, workers[i].pages[0]));
        check_version(file, workers[i].pages[0], 1);
        for (int j = 0; j < i; j++) {
            ck_assert_uint_ne(workers[i].pages[0], workers[j].pages[0]);
        }
    }
    fly_pagefile_close(file);
}

static void scheduled(void *arg)
{
    (void)arg;
    fly_sim_env w;
    fly_sim_env_init(&w, NULL);
    w.env.sched = fly_sched_current();
    several_at_once(&w);
    fly_sim_env_deinit(&w);
}

START_TEST(checkpoints_of_several_threads_agree_in_every_order)
{
    ck_assert(fly_sim_for_each_seed("checkpoints at once", 100, scheduled, NULL));
}
END_TEST

START_TEST(threads_race_for_pages_and_do_not_meet)
{
    for (uint64_t round = 0; round < fly_test_rounds(20); round++) {
        fly_sim_env w;
        fly_sim_env_init(&w, NULL);
        several_at_once(&w);
        fly_sim_env_deinit(&w);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pagefile");
    TCase *opening = fly_test_case(suite, "opening");
    tcase_add_checked_fixture(opening, set_up, tear_down);
    tcase_add_loop_test(opening, a_new_file_has_a_header_and_a_map, 0,
                        (int)(sizeof sizes / sizeof sizes[0]));
    tcase_add_test(opening, pages_are_of_8_KB_unless_somebody_says_otherwise);
    tcase_add_test(opening, a_file_is_made_only_on_request);
    tcase_add_test(opening, what_an_interrupted_creation_left_is_replaced);
    tcase_add_test(opening, of_two_that_make_the_file_one_succeeds);
    tcase_add_test(opening, one_writes_and_nobody_else);
    tcase_add_test(opening, a_process_that_writes_locks_out_others);
    tcase_add_test(opening, what_may_not_be_touched_is_reported);
    tcase_add_test(opening, a_file_for_reading_is_not_changed);

    TCase *bad = fly_test_case(suite, "files that are not good");
    tcase_add_checked_fixture(bad, set_up, tear_down);
    tcase_add_test(bad, a_flipped_bit_is_noticed_wherever_it_is);
    tcase_add_test(bad, a_file_cut_short_is_refused);
    tcase_add_test(bad, what_is_no_page_file_is_refused);
    tcase_add_loop_test(bad, each_forgery_is_named, 0,
                        (int)(sizeof forgeries / sizeof forgeries[0]));
    tcase_add_test(bad, pages_beyond_the_end_are_not_read);

    TCase *codecs = fly_test_case(suite, "codecs");
    tcase_add_checked_fixture(codecs, set_up, tear_down);
    tcase_add_test(codecs, pages_go_through_the_codec_and_what_is_the_files_own_does_not);
    tcase_add_test(codecs, a_file_wants_the_codec_that_it_was_made_with);

    TCase *allocation = fly_test_case(suite, "allocation");
    tcase_add_checked_fixture(allocation, set_up, tear_down);
    tcase_add_test(allocation, the_lowest_free_page_is_given_or_one_nearby);
    tcase_add_test(allocation, what_was_not_given_is_not_taken_back);
    tcase_add_test(allocation, a_replayed_log_says_what_is_in_use);
    tcase_add_test(allocation, runs_do_not_cross_maps);
    tcase_add_test_raise_signal(allocation, nobody_is_not_given_a_page, SIGABRT);
    tcase_add_test(allocation, space_is_reserved_when_a_page_is_given);
    tcase_add_test(allocation, on_an_almost_full_disk_no_more_is_reserved_than_needed);

    TCase *checkpoints = fly_test_case(suite, "checkpoints");
    tcase_add_checked_fixture(checkpoints, set_up, tear_down);
    tcase_add_test(checkpoints, a_checkpoint_keeps_what_was_said_before_it);
    tcase_add_test(checkpoints, only_changed_maps_are_written);
    tcase_add_test(checkpoints, the_owner_is_asked_before_and_after_the_copy);
    tcase_add_loop_test(checkpoints, a_checkpoint_of_many_maps_that_was_interrupted_is_none, 0, 2);
    tcase_add_test(checkpoints, free_pages_at_the_end_go_back_to_the_disk);
    tcase_add_test(checkpoints, what_others_take_while_the_file_shrinks_is_theirs);
    tcase_add_test(checkpoints, maps_that_nobody_needs_go_too);
    tcase_add_loop_test(checkpoints, each_broken_rule_is_named, 0, RULES);

    TCase *worst = fly_test_case(suite, "at the worst moment");
    tcase_add_test(worst, a_crash_leaves_maps_and_header_of_one_checkpoint);
    tcase_add_test(worst, every_failure_is_reported_and_leaves_a_file_that_opens);
    tcase_add_test(worst, random_work_agrees_with_an_array_of_flags);
    tcase_add_test(worst, checkpoints_of_several_threads_agree_in_every_order);
    tcase_add_test(worst, threads_race_for_pages_and_do_not_meet);
    return fly_test_run(suite);
}
