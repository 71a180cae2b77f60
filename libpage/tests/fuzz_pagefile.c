/*
 * A page file and its area that somebody has worked on, opened and used.
 *
 * The file is made once: a batch is in the area and not in its places, so that opening it repairs.
 * The input is a list of changes, four bytes each: which file, where, what; then header, map and area
 * get the checksums that they want, if byte 0 says so, and the file may be cut. Opening it gives a
 * status; if that is FLY_OK the file must bear reading, allocation, a checkpoint and being opened
 * again.
 */
#include <fly/base_hash.h>
#include <fly/base_sim.h>
#include <fly/page_dissect.h>
#include <fly/page_file.h>

#include <stdlib.h>
#include <string.h>

enum { SIZE = 4096, PAGES = 8, DATA = PAGES * SIZE, AREA = 4 * SIZE };

static uint8_t clean_data[DATA];
static uint8_t clean_area[AREA];

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void must(fly_status status)
{
    FLY_ASSERT(status == FLY_OK);
}

static fly_status write_pages(fly_pagefile *file, uint32_t first, uint32_t count, uint8_t salt)
{
    static _Alignas(FLY_DIRECT_ALIGN) uint8_t bytes[FLY_PAGE_SIZE_MAX];
    fly_page_batch *batch = NULL;
    must(fly_page_batch_create(file, count, &batch, NULL));
    for (uint32_t i = 0; i < count; i++) {
        fly_page page = {bytes, fly_pagefile_usable(file), FLY_PAGE_HEADER, FLY_PAGE_SLOT};
        fly_page_init(page, first + i, FLY_PAGE_TYPE_SLOTTED);
        must(fly_page_insert(page, 0, fly_bytes_of(&salt, 1)));
        must(fly_page_batch_add(batch, first + i, bytes, NULL));
    }
    fly_status status = fly_page_batch_write(batch, NULL);
    fly_page_batch_destroy(batch);
    return status;
}

static fly_status open_file(fly_sim_env *world, fly_pagefile **file)
{
    fly_pagefile_options options = {.page_size = 0};
    return fly_pagefile_open(&world->env, "data", "area", &options, file, NULL);
}

/* Before the first input. */
static void make_clean(void)
{
    fly_sim_env world;
    fly_pagefile *file = NULL;
    uint32_t first;
    fly_sim_env_init(&world, NULL);
    fly_pagefile_options options = {.page_size = SIZE, .create = true};
    must(fly_pagefile_open(&world.env, "data", "area", &options, &file, NULL));
    must(fly_pagefile_alloc(file, FLY_PAGE_NONE, PAGES - 2, &first, NULL));
    must(write_pages(file, 2, PAGES - 2, 1));
    must(fly_pagefile_free(file, 4, 1, NULL));
    must(fly_pagefile_checkpoint(file, 9, NULL, NULL));
    must(fly_pagefile_shrink(file, NULL));
    fly_sim_fault power = {.trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE, .at = 1};
    fly_sim_disk_arm(world.disk, &power);
    FLY_ASSERT(write_pages(file, 5, 3, 2) != FLY_OK);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
    must(fly_sim_disk_dump(world.disk, "data", clean_data, DATA, NULL));
    must(fly_sim_disk_dump(world.disk, "area", clean_area, AREA, NULL));
    fly_sim_env_deinit(&world);
}

static void seal_area(uint8_t *area)
{
    uint32_t count = fly_get_u32(area + 40);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t *page = area + SIZE * (size_t)(i + 1);
        fly_page_seal(page, SIZE);
        memcpy(area + 48 + 8 * (size_t)i + 4, page + 20, 4);
    }
    if (count <= FLY_PAGEFILE_BATCH_MAX) {
        uint32_t crc = fly_crc32c(0, area, 44);
        fly_put_u32(area + 44, fly_crc32c(crc, area + 48, (size_t)count * 8));
    }
}

static void use(fly_sim_env *world, fly_pagefile *file)
{
    uint32_t size = fly_pagefile_page_size(file);
    uint8_t *bytes = aligned_alloc(FLY_DIRECT_ALIGN, size);
    FLY_ASSERT(bytes != NULL);
    uint32_t pages = fly_pagefile_pages(file);
    uint32_t used = 0;
    for (uint32_t id = 0; id < pages; id++) {
        used += fly_pagefile_is_used(file, id);
        if (fly_pagefile_read(file, id, bytes, NULL) == FLY_OK) {
            fly_dissector d;
            fly_dissect_begin(&d, fly_bytes_of(bytes, size), NULL, NULL);
            fly_pagefile_dissect_page(&d, NULL);
        }
    }
    free(bytes);
    FLY_ASSERT(used == fly_pagefile_used(file));
    must(fly_pagefile_check(file, NULL));
    uint32_t first;
    must(fly_pagefile_alloc(file, 2, 3, &first, NULL));
    must(write_pages(file, first, 3, 3));
    must(fly_pagefile_free(file, first + 1, 1, NULL));
    must(fly_pagefile_checkpoint(file, 10, NULL, NULL));
    must(fly_pagefile_shrink(file, NULL));
    used = fly_pagefile_used(file);
    fly_pagefile_close(file);
    must(open_file(world, &file));
    FLY_ASSERT(fly_pagefile_used(file) == used);
    FLY_ASSERT(fly_pagefile_is_used(file, first));
    FLY_ASSERT(fly_pagefile_checkpoint_lsn(file) == 10);
    fly_pagefile_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static uint8_t data[DATA];
    static uint8_t area[AREA];
    if (clean_data[DATA - 1] == 0) {
        make_clean();
    }
    if (size < 2) {
        return 0;
    }
    memcpy(data, clean_data, DATA);
    memcpy(area, clean_area, AREA);
    uint8_t how = input[0];
    size_t data_len = (how & 4) != 0 ? DATA - (size_t)input[1] * 128 : DATA;
    size_t area_len = (how & 8) != 0 ? AREA - (size_t)input[1] * 64 : AREA;
    for (size_t i = 2; i + 4 <= size; i += 4) {
        uint32_t at = input[i + 1] | (uint32_t)input[i + 2] << 8;
        if (input[i] % 4 == 0) {
            area[at % AREA] = input[i + 3];
        } else if (input[i] % 4 == 1) {
            area[at % 80] ^= input[i + 3];
        } else if (input[i] % 4 == 2) {
            data[at % DATA] = input[i + 3];
        } else {
            data[(at & 1) * SIZE + 24 + at / 2 % 128] ^= input[i + 3];
        }
    }
    if ((how & 1) != 0) {
        fly_page_seal(data, SIZE);
        fly_page_seal(data + SIZE, SIZE);
    }
    if ((how & 2) != 0) {
        seal_area(area);
    }
    fly_sim_env world;
    fly_sim_env_init(&world, NULL);
    fly_sim_disk_load(world.disk, "data", fly_bytes_of(data, data_len));
    fly_sim_disk_load(world.disk, "area", fly_bytes_of(area, area_len));
    fly_dissector d;
    fly_dissect_begin(&d, fly_bytes_of(area, area_len), NULL, NULL);
    fly_pagefile_dissect_area(&d, NULL);
    fly_pagefile *file = NULL;
    if (open_file(&world, &file) == FLY_OK) {
        use(&world, file);
    }
    fly_sim_env_deinit(&world);
    return 0;
}
