/*
 * Goal: a dissection shows every field where it lies, says what is wrong, and never reads beyond the
 * end.
 * Method: pages, a page file and its area as this library writes them, compared with lists written by
 * hand; the same bytes cut at every length, with bytes flipped, and at random, each in a block of its
 * own, where ASan guards the next byte.
 */
#include "pagefile_help.h"

#include <fly/base_hash.h>
#include <fly/page_dissect.h>

#include <stdio.h>

static fly_err err;

/* What was shown, a line for each field; fields must lie within the bytes. */
struct shown {
    char text[16384];
    size_t len;
    size_t limit; /* how many bytes are dissected */
    size_t fields;
};

static void show(void *ctx, const fly_dissected *field)
{
    struct shown *shown = ctx;
    if (field->offset > shown->limit || field->len > shown->limit - field->offset) {
        ck_abort_msg("%s lies at %zu+%zu of %zu", field->name, field->offset, field->len,
                     shown->limit);
    }
    shown->fields++;
    if (shown->len < sizeof shown->text - 512) {
        shown->len += (size_t)snprintf(shown->text + shown->len, sizeof shown->text - shown->len,
                                       "%u %zu+%zu %s: %.200s\n", field->depth, field->offset,
                                       field->len, field->name, field->text);
    }
}

typedef void (*dissect)(fly_dissector *d, const fly_page_dissect_options *options);

/* Dissect a copy, of exactly `len` bytes. */
static bool walk(dissect function, const fly_page_dissect_options *options, fly_bytes bytes,
                 struct shown *shown)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes.data, bytes.len);
    *shown = (struct shown){.limit = bytes.len};
    fly_dissector d;
    fly_dissect_begin(&d, fly_bytes_of(copy, bytes.len), show, shown);
    function(&d, options);
    if (d.depth != 0 || d.bytes.len != bytes.len) {
        ck_abort_msg("the dissector came back changed");
    }
    free(copy);
    return !d.bad;
}

/* ------------------------------------------------------------------- slotted pages */

static fly_page sample_page(uint8_t *bytes, uint16_t slots_at, uint16_t slot_bytes)
{
    fly_page page = {bytes, 4096, slots_at, slot_bytes};
    fly_page_init(page, 7, FLY_PAGE_TYPE_SLOTTED);
    uint16_t slot;
    FLY_CHECK_OK(fly_page_add(page, fly_bytes_str("apple"), &slot), err);
    FLY_CHECK_OK(fly_page_add(page, fly_bytes_str("pear"), &slot), err);
    FLY_CHECK_OK(fly_page_add(page, fly_bytes_str("fig"), &slot), err);
    fly_page_drop(page, 1);
    fly_page_set_lsn(bytes, 300);
    return page;
}

START_TEST(a_slotted_page_is_shown_field_by_field)
{
    uint8_t bytes[4096];
    sample_page(bytes, FLY_PAGE_HEADER, FLY_PAGE_SLOT);
    fly_page_seal(bytes, sizeof bytes);
    struct shown shown;
    ck_assert(walk(fly_page_dissect, NULL, fly_bytes_of(bytes, sizeof bytes), &shown));
    char wanted[1024];
    (void)snprintf(wanted, sizeof wanted,
                   "0 0+0 page header: 24 bytes\n"
                   "1 0+4 page: 7\n"
                   "1 4+1 type: slotted (3)\n"
                   "1 5+1 flags: 0x00\n"
                   "1 6+2 slots: 3\n"
                   "1 8+2 lower: 36\n"
                   "1 10+2 upper: 4084\n"
                   "1 12+8 LSN: 300\n"
                   "1 20+4 checksum: 0x%08x, right\n"
                   "0 24+0 rules: all hold; 4 bytes of holes\n"
                   "0 24+0 slot: 0\n"
                   "1 24+2 offset: 4091\n"
                   "1 26+2 length: 5\n"
                   "1 4091+5 cell: \"apple\"\n"
                   "0 28+0 slot: 1, free\n"
                   "1 28+2 offset: 0\n"
                   "1 30+2 length: 0\n"
                   "0 32+0 slot: 2\n"
                   "1 32+2 offset: 4084\n"
                   "1 34+2 length: 3\n"
                   "1 4084+3 cell: \"fig\"\n"
                   "0 36+4048 gap: 4048 bytes of zero\n",
                   fly_get_u32(bytes + 20));
    ck_assert_str_eq(shown.text, wanted);
}
END_TEST

static void show_owner(void *ctx, fly_dissector *d, fly_page page)
{
    ck_assert_ptr_eq(ctx, &err);
    ck_assert_uint_eq(fly_dissect_left(d), page.slots_at - (size_t)FLY_PAGE_HEADER);
    (void)fly_dissect_number(d, "next", 4); /* and leaves the rest alone */
}

static void show_cell(void *ctx, fly_dissector *d, fly_page page, uint32_t at)
{
    ck_assert_ptr_eq(ctx, &err);
    ck_assert_uint_eq(fly_dissect_left(d), fly_page_cell_len(page, at));
    fly_dissect_enter(d, "fruit", "%zu letters", fly_dissect_left(d));
    (void)fly_dissect_bytes(d, "first", 1);
    (void)fly_dissect_bytes(d, "others", fly_dissect_left(d));
    fly_dissect_leave(d);
}

START_TEST(an_owner_shows_its_own_bytes_and_cells)
{
    uint8_t bytes[4096];
    static const char *const kinds[] = {NULL, NULL, NULL, "fruit bowl"};
    fly_page page = sample_page(bytes, 32, FLY_PAGE_TAGGED);
    fly_put_u32(bytes + 24, 8);
    fly_page_set_tag(page, 2, 0x66696700);
    fly_page_seal(bytes, sizeof bytes);
    fly_page_dissect_options options = {.slots_at = 32,
                                        .slot_bytes = FLY_PAGE_TAGGED,
                                        .kinds = kinds,
                                        .kind_count = 4,
                                        .owner = show_owner,
                                        .cell = show_cell,
                                        .ctx = &err};
    struct shown shown;
    ck_assert(walk(fly_page_dissect, &options, fly_bytes_of(bytes, sizeof bytes), &shown));
    FLY_CHECK_SAYS(shown.text, "1 4+1 type: fruit bowl (3)\n");
    FLY_CHECK_SAYS(shown.text, "0 24+4 next: 8\n"
                               "0 32+0 slot: 0\n"
                               "1 32+2 offset: 4091\n"
                               "1 34+2 length: 5\n"
                               "1 36+4 tag: 0x00000000\n"
                               "1 4091+0 fruit: 5 letters\n"
                               "2 4091+1 first: \"a\"\n"
                               "2 4092+4 others: \"pple\"\n"
                               "0 40+0 slot: 1, free\n");
    FLY_CHECK_SAYS(shown.text, "1 52+4 tag: 0x66696700\n");
}
END_TEST

START_TEST(several_pages_are_shown_one_after_the_other)
{
    uint8_t bytes[2 * 4096];
    sample_page(bytes, FLY_PAGE_HEADER, FLY_PAGE_SLOT);
    sample_page(bytes + 4096, FLY_PAGE_HEADER, FLY_PAGE_SLOT);
    struct shown shown = {.limit = sizeof bytes};
    fly_page_dissect_options options = {.page_size = 4096, .reserve = 40};
    fly_dissector d;
    fly_dissect_begin(&d, fly_bytes_of(bytes, sizeof bytes), show, &shown);
    fly_page_dissect(&d, &options);
    ck_assert_uint_eq(d.at, 4096);
    fly_page_dissect_header(&d, &options);
    ck_assert_uint_eq(d.at, 4096 + FLY_PAGE_HEADER);
    d.at = 4096;
    options.reserve = 0;
    fly_page_dissect(&d, &options);
    ck_assert_uint_eq(d.at, 8192);
    ck_assert_uint_eq(d.bytes.len, sizeof bytes);
    FLY_CHECK_SAYS(shown.text, "rules: WRONG: page 7: P2"); /* 40 bytes that it does not have */
    FLY_CHECK_SAYS(shown.text, "1 8187+5 cell: \"apple\"\n");
    FLY_CHECK_SAYS(shown.text, "0x00000000, WRONG\n");
}
END_TEST

START_TEST(what_is_wrong_with_a_page_is_said)
{
    uint8_t bytes[4096];
    struct shown shown;
    sample_page(bytes, FLY_PAGE_HEADER, FLY_PAGE_SLOT);
    fly_put_u16(bytes + 24, 4094); /* slot 0: 5 bytes, of which 2 are there */
    ck_assert(walk(fly_page_dissect, NULL, fly_bytes_of(bytes, sizeof bytes), &shown));
    FLY_CHECK_SAYS(shown.text, "rules: WRONG: page 7: P3");
    FLY_CHECK_SAYS(shown.text, "cell: WRONG: 5 bytes at 4094 are not in the page\n");
    FLY_CHECK_SAYS(shown.text, "\"fig\""); /* the next one is shown */
    fly_put_u16(bytes + 6, 2000);
    ck_assert(walk(fly_page_dissect, NULL, fly_bytes_of(bytes, sizeof bytes), &shown));
    memset(bytes, 0, sizeof bytes);
    ck_assert(walk(fly_pagefile_dissect_page, NULL, fly_bytes_of(bytes, sizeof bytes), &shown));
    FLY_CHECK_SAYS(shown.text, "type: never written (0)\n");
    FLY_CHECK_SAYS(shown.text, "0x00000000, nothing was ever written here\n");
    FLY_CHECK_SAYS(shown.text, "24+4072 content: 4072 bytes of zero\n");
}
END_TEST

START_TEST(options_that_do_not_fit_the_page_are_harmless)
{
    uint8_t bytes[4096];
    struct shown shown;
    sample_page(bytes, FLY_PAGE_HEADER, FLY_PAGE_SLOT);
    fly_page_dissect_options options = {.reserve = 4097};
    ck_assert(!walk(fly_page_dissect, &options, fly_bytes_of(bytes, sizeof bytes), &shown));
    FLY_CHECK_SAYS(shown.text, "page: WRONG: cut off after 4096 bytes");
    options = (fly_page_dissect_options){.page_size = 4096, .slots_at = 5000};
    ck_assert(walk(fly_page_dissect, &options, fly_bytes_of(bytes, sizeof bytes), &shown));
    FLY_CHECK_SAYS(shown.text, "page: WRONG: too small for slots at 5000");
    options = (fly_page_dissect_options){.page_size = 28};
    ck_assert(!walk(fly_pagefile_dissect_map, &options, fly_bytes_of(bytes, 28), &shown));
    ck_assert_ptr_null(strstr(shown.text, "bits"));
    options = (fly_page_dissect_options){.page_size = 4096};
    ck_assert(walk(fly_pagefile_dissect_map, &options, fly_bytes_of(bytes, 100), &shown));
    ck_assert_ptr_null(strstr(shown.text, "bits")); /* half a map says nothing about the rest */
}
END_TEST

/* --------------------------------------------------------------------- page files */

enum { FILE_BYTES = 12 * 4096, AREA_BYTES = 4096 + 3 * 4096 };

/* A file of 12 pages, 9 in use, and an area with a batch of three, as they lie on the disk. */
static void make_file(uint8_t *data, uint8_t *area)
{
    fly_sim_env world;
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 5});
    fly_pagefile *file = open_file(&world, 4096);
    uint32_t first;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, 10, &first, &err), err);
    FLY_CHECK_OK(fly_pagefile_free(file, 4, 3, &err), err);
    fly_pagefile_set_meta(file, "roots", 5);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 99, NULL, &err), err);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){2, 3, 9}, 3, 1, &err), err);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, DATA, data, FILE_BYTES, NULL), err);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, AREA, area, AREA_BYTES, NULL), err);
    fly_pagefile_close(file);
    fly_sim_env_deinit(&world);
}

static void show_meta(void *ctx, fly_dissector *d)
{
    ck_assert_ptr_eq(ctx, &err);
    ck_assert_uint_eq(fly_dissect_left(d), FLY_PAGEFILE_META);
    (void)fly_dissect_bytes(d, "word", 5);
}

START_TEST(the_header_of_a_file_is_shown_field_by_field)
{
    static uint8_t data[FILE_BYTES];
    static uint8_t area[AREA_BYTES];
    struct shown shown;
    make_file(data, area);
    fly_page_dissect_options options = {.meta = show_meta, .ctx = &err};
    ck_assert(walk(fly_pagefile_dissect_page, &options, fly_bytes_of(data, sizeof data), &shown));
    FLY_CHECK_SAYS(shown.text, "1 0+4 page: 0\n"
                               "1 4+1 type: header (1)\n"
                               "1 5+1 flags: 0x00\n");
    FLY_CHECK_SAYS(shown.text, ", right\n"
                               "0 24+0 file header: page file\n"
                               "1 24+8 magic: \"FlyDB pg\"\n"
                               "1 32+4 version: 1\n"
                               "1 36+4 page size: 4096\n"
                               "1 40+16 UUID: ");
    FLY_CHECK_SAYS(shown.text, "1 56+4 codec: 0\n"
                               "1 60+4 codec's bytes in a page: 0\n"
                               "1 64+64 codec's parameters: 64 bytes of zero\n"
                               "1 128+4 pages: 12\n"
                               "1 132+4 unused: 4 bytes of zero\n"
                               "1 136+8 checkpoint LSN: 99\n"
                               "1 144+8 created: ");
    FLY_CHECK_SAYS(shown.text, "1 152+104 unused: 104 bytes of zero\n"
                               "0 256+5 word: \"roots\"\n"
                               "0 768+3328 unused: 3328 bytes of zero\n");
}
END_TEST

START_TEST(a_map_is_shown_as_runs)
{
    static uint8_t data[FILE_BYTES];
    static uint8_t area[AREA_BYTES];
    struct shown shown;
    make_file(data, area);
    ck_assert(walk(fly_pagefile_dissect_page, NULL, fly_bytes_of(data + 4096, 4096), &shown));
    FLY_CHECK_SAYS(shown.text, ", right\n"
                               "0 24+4 map: 0\n"
                               "0 28+4 unused: 4 bytes of zero\n"
                               "0 32+0 bits: 32512 pages\n"
                               "1 32+1 used: pages 0 to 3\n"
                               "1 32+1 free: pages 4 to 6\n"
                               "1 32+2 used: pages 7 to 11\n"
                               "1 33+4063 free: pages 12 to 32511\n");
}
END_TEST

START_TEST(a_later_map_speaks_of_later_pages)
{
    uint8_t bytes[4096];
    fly_page page = {bytes, sizeof bytes, 32, FLY_PAGE_SLOT};
    struct shown shown;
    fly_page_init(page, 2 * 32512, FLY_PAGE_TYPE_MAP);
    fly_put_u32(bytes + 24, 2);
    bytes[32] = 1;
    bytes[4095] = 0x80;
    ck_assert(walk(fly_pagefile_dissect_page, NULL, fly_bytes_of(bytes, sizeof bytes), &shown));
    FLY_CHECK_SAYS(shown.text, "0 24+4 map: 2\n");
    FLY_CHECK_SAYS(shown.text, "1 32+1 used: pages 65024 to 65024\n"
                               "1 32+4064 free: pages 65025 to 97534\n"
                               "1 4095+1 used: pages 97535 to 97535\n");
}
END_TEST

START_TEST(an_area_is_shown_with_its_pages)
{
    static uint8_t data[FILE_BYTES];
    static uint8_t area[AREA_BYTES];
    struct shown shown;
    make_file(data, area);
    ck_assert(walk(fly_pagefile_dissect_area, NULL, fly_bytes_of(area, sizeof area), &shown));
    FLY_CHECK_SAYS(shown.text, "0 0+0 batch: double-write area\n"
                               "1 0+8 magic: \"FlyDB dw\"\n"
                               "1 8+4 version: 1\n"
                               "1 12+4 page size: 4096\n"
                               "1 16+16 UUID of the file: ");
    FLY_CHECK_SAYS(shown.text, "1 40+4 pages: 3\n");
    FLY_CHECK_SAYS(shown.text, ", right\n"
                               "1 48+0 entry: 0, whole\n"
                               "2 48+4 page: 2\n"
                               "2 52+4 checksum: 0x");
    FLY_CHECK_SAYS(shown.text, "1 64+0 entry: 2, whole\n"
                               "2 64+4 page: 9\n");
    FLY_CHECK_SAYS(shown.text, "1 12288+4 page: 9\n");
    area[8192 + 4095] ^= 1;
    ck_assert(walk(fly_pagefile_dissect_area, NULL, fly_bytes_of(area, sizeof area), &shown));
    FLY_CHECK_SAYS(shown.text, "entry: 1, WRONG: the page is another, or torn\n");
    area[48] ^= 1;
    ck_assert(walk(fly_pagefile_dissect_area, NULL, fly_bytes_of(area, sizeof area), &shown));
    FLY_CHECK_SAYS(shown.text, ", WRONG\n");
    ck_assert(walk(fly_pagefile_dissect_area, NULL, fly_bytes_of(area, 3 * 4096), &shown));
    FLY_CHECK_SAYS(shown.text, "entry: 2, the page is not there\n");
}
END_TEST

/* ------------------------------------------------------------------------- rubbish */

static const dissect all[] = {fly_page_dissect_header,     fly_page_dissect,
                              fly_pagefile_dissect_header, fly_pagefile_dissect_map,
                              fly_pagefile_dissect_page,   fly_pagefile_dissect_area};

enum { ALL = sizeof all / sizeof all[0] };

START_TEST(bytes_cut_anywhere_are_not_read_beyond)
{
    static uint8_t data[FILE_BYTES];
    static uint8_t area[AREA_BYTES];
    static struct shown shown;
    make_file(data, area);
    uint8_t page[4096];
    sample_page(page, FLY_PAGE_HEADER, FLY_PAGE_SLOT);
    const fly_bytes samples[] = {fly_bytes_of(data, 4096), fly_bytes_of(data + 4096, 4096),
                                 fly_bytes_of(page, 4096), fly_bytes_of(area, sizeof area)};
    const fly_page_dissect_options options = {.page_size = 4096};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        for (size_t len = 0; len < samples[i].len; len += len < 800 ? 1 : 61) {
            (void)walk(all[_i], NULL, fly_bytes_of(samples[i].data, len), &shown);
            bool good = walk(all[_i], &options, fly_bytes_of(samples[i].data, len), &shown);
            ck_assert(!good || len >= FLY_PAGE_HEADER);
        }
    }
}
END_TEST

static void dissect_rubbish(void *ctx, uint64_t seed)
{
    (void)ctx;
    static uint8_t data[FILE_BYTES];
    static uint8_t area[AREA_BYTES];
    static struct shown shown;
    uint8_t page[4096];
    make_file(data, area);
    sample_page(page, FLY_PAGE_HEADER, FLY_PAGE_SLOT);
    fly_rng rng;
    fly_rng_init(&rng, seed);
    fly_page_dissect_options options = {
        .page_size = 4096, .slot_bytes = FLY_PAGE_TAGGED, .slots_at = 30, .reserve = 40};
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t *samples[] = {data, data + 4096, page, area};
        uint8_t *bytes = samples[fly_rng_below(&rng, 4)];
        uint32_t span = fly_rng_below(&rng, 3) == 0 ? 4096 : 80;
        for (uint64_t changes = fly_rng_below(&rng, 8); changes > 0; changes--) {
            bytes[fly_rng_below(&rng, span)] = (uint8_t)fly_rng_next(&rng);
        }
        size_t len = bytes == area ? sizeof area : 4096;
        (void)walk(all[fly_rng_below(&rng, ALL)], i % 2 == 0 ? NULL : &options,
                   fly_bytes_of(bytes, len), &shown);
    }
}

START_TEST(bytes_of_any_content_are_shown_within_their_bounds)
{
    ck_assert(fly_test_seeds("dissected rubbish", 20, dissect_rubbish, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dissect");
    TCase *pages = fly_test_case(suite, "pages");
    tcase_add_test(pages, a_slotted_page_is_shown_field_by_field);
    tcase_add_test(pages, an_owner_shows_its_own_bytes_and_cells);
    tcase_add_test(pages, several_pages_are_shown_one_after_the_other);
    tcase_add_test(pages, what_is_wrong_with_a_page_is_said);
    tcase_add_test(pages, options_that_do_not_fit_the_page_are_harmless);
    TCase *files = fly_test_case(suite, "files");
    tcase_add_test(files, the_header_of_a_file_is_shown_field_by_field);
    tcase_add_test(files, a_map_is_shown_as_runs);
    tcase_add_test(files, a_later_map_speaks_of_later_pages);
    tcase_add_test(files, an_area_is_shown_with_its_pages);
    TCase *rubbish = fly_test_case(suite, "rubbish");
    tcase_add_loop_test(rubbish, bytes_cut_anywhere_are_not_read_beyond, 0, ALL);
    tcase_add_test(rubbish, bytes_of_any_content_are_shown_within_their_bounds);
    return fly_test_run(suite);
}
