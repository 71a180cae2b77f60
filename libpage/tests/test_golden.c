/*
 * Goal: files of every format version that was released still open, and this version writes what its
 * description says.
 * Method: files kept in golden/, opened and compared with what is known to be in them; and the same
 * file written anew in a simulated world, where time and identity are the same every time, compared
 * byte by byte. docs/formats/ explains these very bytes.
 */
#include "pagefile_help.h"

#include <stdio.h>

static fly_err err;

enum { SIZE = 4096, PAGES = 4, DATA_BYTES = PAGES * SIZE, AREA_BYTES = SIZE + SIZE };

/* ctest runs this program in its own folder. */
static void read_golden(const char *path, uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "\"%s\" is not there: run this in libpage/tests", path);
    ck_assert_uint_eq(fread(bytes, 1, size, file), size);
    ck_assert_int_eq(fgetc(file), EOF);
    (void)fclose(file);
}

/* Page 2, a page of names: two cells, and a free slot between them. */
static void fill_names(uint8_t *bytes)
{
    fly_page page = {bytes, SIZE, FLY_PAGE_HEADER, FLY_PAGE_SLOT};
    uint16_t slot;
    fly_page_init(page, 2, FLY_PAGE_TYPE_SLOTTED);
    FLY_CHECK_OK(fly_page_add(page, fly_bytes_str("apple"), &slot), err);
    FLY_CHECK_OK(fly_page_add(page, fly_bytes_str("pear"), &slot), err);
    FLY_CHECK_OK(fly_page_add(page, fly_bytes_str("fig"), &slot), err);
    fly_page_drop(page, 1);
    fly_page_set_lsn(bytes, 98);
}

/* Page 3, a list in order of keys, with tags and eight bytes of its owner's. */
static void fill_list(uint8_t *bytes)
{
    fly_page page = {bytes, SIZE, FLY_PAGE_HEADER + 8, FLY_PAGE_TAGGED};
    fly_page_init(page, 3, 16);
    fly_put_u64(bytes + FLY_PAGE_HEADER, 0x1122334455667788);
    FLY_CHECK_OK(fly_page_insert(page, 0, fly_bytes_str("pear")), err);
    fly_page_set_tag(page, 0, 0x70656172);
    FLY_CHECK_OK(fly_page_insert(page, 0, fly_bytes_str("fig")), err);
    fly_page_set_tag(page, 0, 0x66696700);
    fly_page_set_lsn(bytes, 97);
}

static void write_page(fly_pagefile *file, const uint8_t *bytes)
{
    fly_page_batch *batch = NULL;
    FLY_CHECK_OK(fly_page_batch_create(file, 1, &batch, &err), err);
    FLY_CHECK_OK(fly_page_batch_add(batch, fly_page_id(bytes), bytes, &err), err);
    FLY_CHECK_OK(fly_page_batch_write(batch, &err), err);
    fly_page_batch_destroy(batch);
}

START_TEST(this_version_writes_the_golden_file)
{
    static uint8_t golden[DATA_BYTES];
    static uint8_t golden_area[AREA_BYTES];
    static uint8_t written[DATA_BYTES];
    uint8_t bytes[SIZE];
    read_golden("golden/v1.pages", golden, sizeof golden);
    read_golden("golden/v1.area", golden_area, sizeof golden_area);

    fly_sim_env world;
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 1});
    fly_pagefile *file = open_file(&world, SIZE);
    uint32_t first;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, 2, &first, &err), err);
    fill_list(bytes);
    write_page(file, bytes);
    fly_pagefile_set_meta(file, "names", 5);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 99, NULL, &err), err);
    FLY_CHECK_OK(fly_pagefile_shrink(file, &err), err);
    fill_names(bytes);
    write_page(file, bytes);

    uint64_t len = 0;
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, DATA, written, sizeof written, &len), err);
    ck_assert_uint_eq(len, sizeof written);
    for (size_t at = 0; at < sizeof written; at++) {
        if (written[at] != golden[at]) {
            ck_abort_msg("byte %zu is %02x, not %02x", at, written[at], golden[at]);
        }
    }
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, AREA, written, AREA_BYTES, &len), err);
    ck_assert_mem_eq(written, golden_area, sizeof golden_area);
    fly_pagefile_close(file);
    fly_sim_env_deinit(&world);
}
END_TEST

/* A world with the golden files on its disk. */
static void load_golden(fly_sim_env *world)
{
    static uint8_t golden[DATA_BYTES];
    fly_sim_env_init(world, NULL);
    read_golden("golden/v1.pages", golden, DATA_BYTES);
    fly_sim_disk_load(world->disk, DATA, fly_bytes_of(golden, DATA_BYTES));
    read_golden("golden/v1.area", golden, AREA_BYTES);
    fly_sim_disk_load(world->disk, AREA, fly_bytes_of(golden, AREA_BYTES));
}

START_TEST(a_file_of_version_1_opens)
{
    fly_sim_env world;
    load_golden(&world);
    fly_pagefile *file = open_file(&world, 0);
    ck_assert_uint_eq(fly_pagefile_page_size(file), SIZE);
    ck_assert_uint_eq(fly_pagefile_pages(file), PAGES);
    ck_assert_uint_eq(fly_pagefile_used(file), PAGES);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 99);
    ck_assert_mem_eq(fly_pagefile_meta(file), "names\0\0\0", 8);
    uint8_t *bytes = new_block(SIZE);
    uint8_t wanted[SIZE];
    FLY_CHECK_OK(fly_pagefile_read(file, 2, bytes, &err), err);
    fill_names(wanted);
    ck_assert_mem_eq(bytes, wanted, 20);
    ck_assert_mem_eq(bytes + 24, wanted + 24, SIZE - 24);
    fly_page page = {bytes, SIZE, FLY_PAGE_HEADER, FLY_PAGE_SLOT};
    FLY_CHECK_OK(fly_page_check(page, true, &err), err);
    ck_assert(fly_bytes_equal(fly_page_cell(page, 2), fly_bytes_str("fig")));
    free(bytes);
    fly_pagefile_close(file);
    fly_sim_env_deinit(&world);
}
END_TEST

START_TEST(an_area_of_version_1_repairs)
{
    fly_sim_env world;
    load_golden(&world);
    uint8_t rubbish[512];
    memset(rubbish, 0xa5, sizeof rubbish);
    FLY_CHECK_OK(fly_sim_disk_poke(world.disk, DATA, 2 * SIZE + 512, fly_bytes_of(rubbish, 512)),
                 err);
    fly_pagefile *file = open_file(&world, 0);
    uint8_t *bytes = new_block(SIZE);
    FLY_CHECK_OK(fly_pagefile_read(file, 2, bytes, &err), err);
    free(bytes);
    fly_pagefile_close(file);
    fly_sim_env_deinit(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden");
    TCase *tests = fly_test_case(suite, "version 1");
    tcase_add_test(tests, this_version_writes_the_golden_file);
    tcase_add_test(tests, a_file_of_version_1_opens);
    tcase_add_test(tests, an_area_of_version_1_repairs);
    return fly_test_run(suite);
}
