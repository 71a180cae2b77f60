/*
 * Goal: damaged pages are found and named, and lead nobody astray: no step outside of a page, no
 * walk without an end, no assertion.
 * Method: a small tree in memory, whose pages are changed behind its back. First one forgery for each
 * rule of verify.c. Then every byte of a page of each kind, bit by bit: the tree is verified, read in
 * all ways and, if the page is one that fly_btree_check_page() lets in, changed.
 */
#include "shadow.h"

#include <fly/base_check.h>

enum { IMAGES_MAX = 128, KEYS = 300 };

static fly_sim_env sim;
static struct world world;
static uint8_t *images[IMAGES_MAX]; /* the pages as they were */
static uint32_t page_count;

/* Three levels: long keys. */
static fly_bytes long_key(uint32_t i, uint8_t to[512])
{
    memset(to, 'k', 512);
    fly_put_u16be(to + 200, (uint16_t)i); /* so separators are long */
    return fly_bytes_of(to, i % 5 == 0 ? 280 : 300);
}

static void setup(void)
{
    fly_sim_env_init(&sim, NULL);
    OK(world_create(&world, &sim.env, &(struct world_options){.pool_pages = 256}), &world.err);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t key[512];
        uint8_t value[3000];
        size_t len = i % 40 == 7 ? 3000 : 110;
        value_fill(value, i, len);
        OK(fly_btree_put(world.tree, long_key(i, key), fly_bytes_of(value, len), &world.err),
           &world.err);
    }
    fly_btree_stats stats;
    world_verify(&world, &stats);
    HOLDS(stats.height == 3);
    page_count = fly_pagefile_pages(world.file);
    HOLDS(page_count <= IMAGES_MAX);
    for (uint32_t page = 0; page < page_count; page++) {
        fly_pageref ref;
        if (fly_pagefile_is_own(world.file, page) || !fly_pagefile_is_used(world.file, page)) {
            continue;
        }
        OK(fly_bufpool_fix_shared(world.pool, page, &ref, &world.err), &world.err);
        images[page] = malloc(4096);
        HOLDS(images[page] != NULL);
        memcpy(images[page], ref.bytes, 4096);
        fly_bufpool_unfix_shared(&ref);
    }
}

static void teardown(void)
{
    world_close(&world);
    for (uint32_t page = 0; page < IMAGES_MAX; page++) {
        free(images[page]);
        images[page] = NULL;
    }
    fly_sim_env_deinit(&sim);
}

static void overwrite(uint32_t page, const uint8_t *bytes)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_exclusive(world.pool, page, &ref, &world.err);
    if (status == FLY_E_CORRUPT) { /* it was given back, and has never been on the disk */
        status = fly_bufpool_fix_new(world.pool, page, &ref, &world.err);
    }
    OK(status, &world.err);
    fly_bufpool_dirty(world.pool, &ref, FLY_BUFPOOL_UNLOGGED);
    memcpy(ref.bytes, bytes, 4096);
    fly_bufpool_unfix_exclusive(&ref);
}

static void restore_all(void)
{
    for (uint32_t page = 0; page < page_count; page++) {
        if (images[page] != NULL) {
            OK(fly_pagefile_mark(world.file, page, true, &world.err), &world.err);
            overwrite(page, images[page]);
        }
    }
}

/* The n-th page of a kind, on a level. */
static uint32_t find_page(uint8_t kind, uint8_t level, uint32_t n)
{
    for (uint32_t page = 0; page < page_count; page++) {
        if (images[page] != NULL && fly_page_kind(images[page]) == kind &&
            (kind == FLY_BTREE_PAGE_BLOB || images[page][28] == level)) {
            if (n == 0) {
                return page;
            }
            n--;
        }
    }
    HOLDS(false);
    return 0;
}

/* ------------------------------------------------------------------------- each rule */

enum { LEAF = FLY_BTREE_PAGE_LEAF, INNER = FLY_BTREE_PAGE_INNER, BLOB = FLY_BTREE_PAGE_BLOB };

static uint32_t cell_of(const uint8_t *bytes, uint32_t slot)
{
    return fly_get_u16(bytes + 48 + slot * 8);
}

static void no_fences(uint8_t *bytes)
{
    fly_put_u16(bytes + 6, 1);
    fly_put_u16(bytes + 8, 56);
}

static void shared_cells(uint8_t *bytes)
{
    uint8_t *slot = bytes + 64;
    while (fly_get_u16(slot + 2) != fly_get_u16(slot + 10)) {
        slot += 8;
    }
    memcpy(slot + 8, slot, 4);
}

static void fences_turned(uint8_t *bytes)
{
    uint8_t slot[8];
    memcpy(slot, bytes + 48, 8);
    memcpy(bytes + 48, bytes + 56, 8);
    memcpy(bytes + 56, slot, 8);
}

static void wrong_prefix(uint8_t *bytes)
{
    fly_put_u16(bytes + 30, (uint16_t)(fly_get_u16(bytes + 30) - 1));
}

static void key_beyond_cell(uint8_t *bytes)
{
    fly_put_u16(bytes + cell_of(bytes, 2), 2000);
}

static void blob_without_ref(uint8_t *bytes)
{
    uint32_t at = cell_of(bytes, 3);
    uint32_t key = fly_get_u16(bytes + at);
    fly_put_u16(bytes + at, (uint16_t)(key | 0x8000));
    fly_put_u16(bytes + 48 + 3 * 8 + 2, (uint16_t)(2 + key - 4 + 11));
}

static void keys_exchanged(uint8_t *bytes)
{
    uint8_t slot[8];
    memcpy(slot, bytes + 64, 8);
    memcpy(bytes + 64, bytes + 72, 8);
    memcpy(bytes + 72, slot, 8);
}

static void wrong_level(uint8_t *bytes)
{
    bytes[28] = bytes[28] == 0 ? 1 : 0;
}

static void other_tree(uint8_t *bytes)
{
    fly_put_u32(bytes + 24, TREE_ID + 1);
}

static void deeper(uint8_t *bytes)
{
    bytes[28]++;
}

static void high_fence_longer(uint8_t *bytes)
{
    /* The last byte of the high fence, which is somewhere in the key. */
    uint32_t at = cell_of(bytes, 1);
    uint32_t len = fly_get_u16(bytes + 58);
    bytes[at + len - 1] ^= 1;
}

static void blob_shorter(uint8_t *bytes)
{
    fly_put_u32(bytes + 32, fly_get_u32(bytes + 32) - 1);
}

static void blob_in_a_circle(uint8_t *bytes)
{
    fly_put_u32(bytes + 28, fly_get_u32(bytes));
}

static void blob_of_another(uint8_t *bytes)
{
    fly_put_u32(bytes + 24, 99);
}

static void child_to_itself(uint8_t *bytes)
{
    fly_put_u32(bytes + 32, fly_get_u32(bytes));
}

static void children_exchanged(uint8_t *bytes)
{
    uint32_t at = cell_of(bytes, 2) + fly_get_u16(bytes + 64 + 2) - 4;
    uint32_t child = fly_get_u32(bytes + at);
    fly_put_u32(bytes + at, fly_get_u32(bytes + 32));
    fly_put_u32(bytes + 32, child);
}

static void child_nowhere(uint8_t *bytes)
{
    fly_put_u32(bytes + 32, 1000000);
}

static const struct {
    const char *rule;
    uint8_t kind, level;
    void (*forge)(uint8_t *bytes);
    const char *complaint;
} forgeries[] = {
    {"N1 no fences", LEAF, 0, no_fences, "N1"},
    {"N1 two slots share a cell", LEAF, 0, shared_cells, "P5"},
    {"N2 fences the wrong way round", LEAF, 0, fences_turned, "N2"},
    {"N3 a wrong prefix", LEAF, 0, wrong_prefix, "N3"},
    {"N3 a wrong prefix of an inner node", INNER, 1, wrong_prefix, "N3"},
    {"N4 a key longer than its cell", LEAF, 0, key_beyond_cell, "N4"},
    {"N4 the same in an inner node", INNER, 1, key_beyond_cell, "N4"},
    {"N4 a blob without room for its reference", LEAF, 0, blob_without_ref, "N4"},
    {"N6 keys in the wrong order", LEAF, 0, keys_exchanged, "N6"},
    {"N6 separators in the wrong order", INNER, 1, keys_exchanged, "N6"},
    {"N7 a leaf on level 1", LEAF, 0, wrong_level, "T1"},
    {"T1 a node of another tree", LEAF, 0, other_tree, "T1"},
    {"T1 a node one level too high", INNER, 1, deeper, "T1"},
    {"T1 a node that is its own child", INNER, 1, child_to_itself, "T1"},
    {"T2 a fence that is no separator", LEAF, 0, high_fence_longer, "T2"},
    {"T2 two children exchanged", INNER, 1, children_exchanged, "T2"},
    {"T3 a child that is no page", INNER, 1, child_nowhere, "T3"},
    {"T4 a blob too short", BLOB, 0, blob_shorter, "T4"},
    {"T4 a blob in a circle", BLOB, 0, blob_in_a_circle, "T4"},
    {"T4 a blob of another tree", BLOB, 0, blob_of_another, "T4"},
};

START_TEST(each_forgery_is_named)
{
    uint8_t bytes[4096];
    fly_err err = {0};
    /* Not the first of its kind, whose low fence is open. */
    uint32_t page = find_page(forgeries[_i].kind, forgeries[_i].level, 1);
    memcpy(bytes, images[page], sizeof bytes);
    forgeries[_i].forge(bytes);
    overwrite(page, bytes);
    ck_assert_msg(fly_btree_verify(world.tree, NULL, NULL, NULL, &err) == FLY_E_CORRUPT, "%s",
                  forgeries[_i].rule);
    ck_assert_msg(strstr(err.message, forgeries[_i].complaint) != NULL, "%s: said \"%s\"",
                  forgeries[_i].rule, err.message);
    char number[16];
    (void)snprintf(number, sizeof number, "age %u", page);
    ck_assert_msg(strstr(err.message, number) != NULL || forgeries[_i].forge == child_to_itself ||
                      forgeries[_i].forge == children_exchanged ||
                      forgeries[_i].forge == child_nowhere || forgeries[_i].kind == BLOB ||
                      forgeries[_i].forge == shared_cells,
                  "%s: said \"%s\"", forgeries[_i].rule, err.message);
}
END_TEST

START_TEST(keys_outside_the_fences_are_found)
{
    /* N8: a leaf's key that belongs to another leaf, in right order among its own. */
    uint8_t bytes[4096];
    fly_err err = {0};
    uint32_t page = find_page(LEAF, 0, 2);
    memcpy(bytes, images[page], sizeof bytes);
    uint32_t last = fly_get_u16(bytes + 6) - 1u;
    bytes[48 + last * 8 + 7] = 0xff; /* the highest byte of its tag */
    overwrite(page, bytes);
    FLY_CHECK(fly_btree_verify(world.tree, NULL, NULL, NULL, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "N8");
}
END_TEST

START_TEST(a_tag_longer_than_its_key_is_found)
{
    /* N5: in a leaf of short keys. */
    fly_err err = {0};
    uint32_t root;
    fly_btree *tree = NULL;
    fly_pageref ref;
    fly_btree_options options = {.pool = world.pool, .id = 8};
    OK(fly_btree_create(&sim.env, &options, NULL, &root, &tree, &err), &err);
    OK(fly_btree_put(tree, text("ab"), text("value"), &err), &err);
    OK(fly_bufpool_fix_exclusive(world.pool, root, &ref, &err), &err);
    ref.bytes[64 + 4] = 1; /* the lowest byte of the tag */
    fly_bufpool_unfix_exclusive(&ref);
    FLY_CHECK(fly_btree_verify(tree, NULL, NULL, NULL, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "N5");
    fly_btree_close(tree);
}
END_TEST

START_TEST(a_page_that_is_marked_free_is_found)
{
    fly_err err = {0};
    uint32_t page = find_page(LEAF, 0, 3);
    OK(fly_pagefile_mark(world.file, page, false, &err), &err);
    FLY_CHECK(fly_btree_verify(world.tree, NULL, NULL, NULL, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "T3");
    page = find_page(BLOB, 0, 0);
    restore_all();
    OK(fly_pagefile_mark(world.file, page, false, &err), &err);
    FLY_CHECK(fly_btree_verify(world.tree, NULL, NULL, NULL, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "T3");
}
END_TEST

START_TEST(opening_what_is_no_root_is_refused)
{
    fly_btree *tree = NULL;
    fly_err err = {0};
    fly_btree_options options = world_tree_options(&world);
    FLY_CHECK(fly_btree_open(&sim.env, &options, find_page(BLOB, 0, 0), &tree, &err), FLY_E_CORRUPT,
              err);
    FLY_CHECK(fly_btree_open(&sim.env, &options, 1000000, &tree, &err), FLY_E_CORRUPT, err);
    options.id = 99;
    FLY_CHECK(fly_btree_open(&sim.env, &options, world.root, &tree, &err), FLY_E_CORRUPT, err);
    ck_assert_ptr_null(tree);
}
END_TEST

static void blob_of_empty_pages(uint8_t *bytes)
{
    fly_put_u32(bytes + 32, 0);
    blob_in_a_circle(bytes);
}

static void blob_too_long_for_its_page(uint8_t *bytes)
{
    fly_put_u32(bytes + 32, 4096 - 35);
}

/* A walk along the pages of such a value must end, and not leave them. */
START_TEST(damaged_blobs_are_neither_read_nor_freed)
{
    static void (*const forge[])(uint8_t * bytes) = {blob_of_empty_pages, blob_in_a_circle,
                                                     blob_too_long_for_its_page, blob_of_another};
    static uint8_t value[3000];
    uint8_t bytes[4096];
    uint8_t key[512];
    uint8_t ref[FLY_BTREE_BLOB_REF];
    uint64_t len;
    fly_err err = {0};
    uint32_t page = find_page(BLOB, 0, 0);
    memcpy(bytes, images[page], sizeof bytes);
    forge[_i](bytes);
    overwrite(page, bytes);
    FLY_CHECK(fly_btree_verify(world.tree, NULL, NULL, NULL, &err), FLY_E_CORRUPT, err);
    for (uint32_t i = 7; i < KEYS; i += 40) {
        fly_status status =
            fly_btree_get(world.tree, long_key(i, key), value, sizeof value, &len, &err);
        ck_assert(status == FLY_OK || status == FLY_E_CORRUPT);
    }
    fly_put_u64(ref, 3000);
    fly_put_u32(ref + 8, page);
    if (forge[_i] != blob_in_a_circle) { /* of which the first round is read before it is one */
        FLY_CHECK(fly_btree_blob_read(world.tree, ref, 0, value, sizeof value, &err), FLY_E_CORRUPT,
                  err);
    }
    FLY_CHECK(fly_btree_blob_free(world.tree, ref, &err), FLY_E_CORRUPT, err);
    fly_put_u64(ref, UINT64_MAX);
    FLY_CHECK(fly_btree_blob_free(world.tree, ref, &err), FLY_E_CORRUPT, err);
}
END_TEST

static void change_all(void);

/* Whoever wants to latch a page and its neighbour must not wait for itself. */
START_TEST(a_child_that_is_there_twice_stops_nobody)
{
    for (uint32_t n = 0; n < 2; n++) {
        uint8_t bytes[4096];
        uint32_t page = find_page(INNER, 1, n);
        memcpy(bytes, images[page], sizeof bytes);
        for (uint32_t slot = 2; slot < fly_get_u16(bytes + 6); slot++) {
            uint32_t at = cell_of(bytes, slot) + fly_get_u16(bytes + 48 + slot * 8 + 2) - 4;
            fly_put_u32(bytes + at, slot % 2 == 0 ? fly_get_u32(bytes + 32) : page);
        }
        overwrite(page, bytes);
        change_all();
        restore_all();
    }
}
END_TEST

/* ------------------------------------------------------------------------ every byte */

static void ignore_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

/* Read in all ways. A walk that shows more entries than there ever were goes in circles. */
static void read_all(void)
{
    static uint8_t value[4096];
    fly_btree_cursor *cursor = NULL;
    fly_err err = {0};
    uint64_t len;
    for (uint32_t i = 0; i < KEYS; i += 9) {
        uint8_t key[512];
        FLY_IGNORE(fly_btree_get(world.tree, long_key(i, key), value, sizeof value, &len, &err));
    }
    OK(fly_btree_cursor_create(world.tree, &cursor, &err), &err);
    uint32_t steps = 0;
    for (fly_status status = fly_btree_cursor_first(cursor, &err); status == FLY_OK; steps++) {
        HOLDS(steps <= 4 * KEYS);
        FLY_IGNORE(fly_btree_cursor_value(cursor, value, sizeof value, &len, &err));
        status = fly_btree_cursor_next(cursor, &err);
    }
    steps = 0;
    for (fly_status status = fly_btree_cursor_last(cursor, &err); status == FLY_OK; steps++) {
        HOLDS(steps <= 4 * KEYS);
        status = fly_btree_cursor_previous(cursor, &err);
    }
    fly_btree_cursor_destroy(cursor);
    FLY_IGNORE(fly_btree_dot(world.tree, ignore_line, NULL, &err));
}

/* Change everywhere. */
static void change_all(void)
{
    static uint8_t value[900];
    fly_err err = {0};
    for (uint32_t i = 0; i < KEYS; i += 5) {
        uint8_t key[512];
        FLY_IGNORE(
            fly_btree_put(world.tree, long_key(i, key), fly_bytes_of(value, i % 2 * 700), &err));
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t key[512];
        FLY_IGNORE(fly_btree_remove(world.tree, long_key(i, key), &err));
    }
    /* And give everything back, as far as it goes. */
    fly_btree *tree = NULL;
    fly_btree_options options = world_tree_options(&world);
    if (fly_btree_open(&sim.env, &options, world.root, &tree, &err) == FLY_OK) {
        FLY_IGNORE(fly_btree_drop(tree, &err));
    }
}

static const struct {
    uint8_t kind, level;
    uint32_t n;
    bool anything_goes; /* bytes that nobody looks at may differ */
} victims[] = {
    {LEAF, 0, 1, false},  {LEAF, 0, 6, false},  {INNER, 1, 0, false},
    {INNER, 1, 1, false}, {INNER, 2, 0, false}, {BLOB, 0, 0, false},
};

/* Whether a byte means something, so that verify() must see that it changed. */
static bool matters(const uint8_t *was, uint32_t at)
{
    if (at < 4 || at == 5 || (at >= 12 && at < 24) || at == 29 || (at >= 36 && at < 48)) {
        return false; /* number, flags, LSN, checksum: the page file's; unused bytes */
    }
    if (at == 10 || at == 11) {
        return false; /* cells may begin earlier than they do: then there is a hole */
    }
    return fly_page_kind(was) != BLOB && at < 48 && !(at >= 32 && was[28] == 0);
}

static void damage_bit(uint32_t page, uint32_t at, uint32_t bit, bool change)
{
    uint8_t bytes[4096];
    fly_err err = {0};
    memcpy(bytes, images[page], sizeof bytes);
    bytes[at] ^= (uint8_t)(1u << bit);
    overwrite(page, bytes);
    fly_status verified = fly_btree_verify(world.tree, NULL, NULL, NULL, &err);
    HOLDS(verified == FLY_OK || verified == FLY_E_CORRUPT);
    if (verified == FLY_OK && matters(images[page], at)) {
        (void)fprintf(stderr, "bit %u of byte %u of page %u makes no difference\n", bit, at, page);
        abort();
    }
    read_all();
    if (change && fly_btree_check_page(NULL, page, bytes, 4096, &err) == FLY_OK) {
        change_all();
        restore_all();
    } else {
        overwrite(page, images[page]);
    }
}

static void damage_page(void *ctx, uint64_t seed)
{
    int victim = *(int *)ctx;
    setup();
    uint32_t page = find_page(victims[victim].kind, victims[victim].level, victims[victim].n);
    fly_rng rng;
    fly_rng_init(&rng, seed);
    uint32_t slots_end = 48 + fly_get_u16(images[page] + 6) * 8u;
    uint32_t step = 1;
    for (uint32_t at = 0; at < 4096; at += step) {
        bool head = at < slots_end;
        uint32_t bit = (uint32_t)fly_rng_below(&rng, 8);
        damage_bit(page, at, bit, head || at % 16 == 0);
        if (head) {
            damage_bit(page, at, 7 - bit, true);
        }
        bool empty = !head && fly_page_kind(images[page]) != BLOB &&
                     at < fly_get_u16(images[page] + 10);
        step = empty || fly_page_kind(images[page]) == BLOB ? 61 : head ? 1 : 3;
        step = at < 64 && LESS == 1 ? 1 : step * LESS;
        if (fly_pagefile_pages(world.file) > 1000) {
            break;
        }
    }
    teardown();
}

START_TEST(a_flipped_bit_harms_nobody)
{
    int victim = _i;
    char name[32];
    (void)snprintf(name, sizeof name, "damage of victim %d", victim);
    ck_assert(fly_test_seeds(name, 1, damage_page, &victim));
}
END_TEST

/* A leaf in a place where an inner node is expected, and so on: any page in any place. */
START_TEST(pages_in_each_others_places_harm_nobody)
{
    for (uint32_t a = 0; a < page_count; a += 3 * LESS) {
        for (uint32_t b = 0; b < page_count; b++) {
            if (images[a] == NULL || images[b] == NULL || a == b ||
                (fly_page_kind(images[a]) == BLOB && fly_page_kind(images[b]) == BLOB)) {
                continue;
            }
            uint8_t bytes[4096];
            fly_err err = {0};
            memcpy(bytes, images[b], sizeof bytes);
            fly_put_u32(bytes, a);
            overwrite(a, bytes);
            FLY_CHECK(fly_btree_verify(world.tree, NULL, NULL, NULL, &err), FLY_E_CORRUPT, err);
            read_all();
            if (b % (4 * LESS) == 0) {
                change_all();
                restore_all();
            } else {
                overwrite(a, images[a]);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree damage");
    TCase *rules = fly_test_case(suite, "rules");
    tcase_add_checked_fixture(rules, setup, teardown);
    tcase_add_loop_test(rules, each_forgery_is_named, 0, sizeof forgeries / sizeof forgeries[0]);
    tcase_add_test(rules, keys_outside_the_fences_are_found);
    tcase_add_test(rules, a_tag_longer_than_its_key_is_found);
    tcase_add_test(rules, a_page_that_is_marked_free_is_found);
    tcase_add_test(rules, opening_what_is_no_root_is_refused);
    tcase_add_loop_test(rules, damaged_blobs_are_neither_read_nor_freed, 0, 4);
    tcase_add_test(rules, a_child_that_is_there_twice_stops_nobody);
    tcase_add_test(rules, pages_in_each_others_places_harm_nobody);
    TCase *bytes = fly_test_case(suite, "bytes");
    tcase_add_loop_test(bytes, a_flipped_bit_harms_nobody, 0, sizeof victims / sizeof victims[0]);
    return fly_test_run(suite);
}
