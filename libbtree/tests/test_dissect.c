/*
 * Goal: pages and log records can be shown and salvaged, whatever state they are in.
 * Method: a small tree whose pages and records are known; then every byte of them damaged in turn,
 * and every beginning of them alone. ASan says whether anything was read that is not there.
 */
#include "world.h"

#include <fly/base_check.h>
#include <fly/btree_dissect.h>

static fly_sim_env sim;
static struct world world;
static struct journal journal;
static uint8_t page[4096];

static void setup(void)
{
    fly_sim_env_init(&sim, NULL);
    journal_init(&journal);
    OK(world_create(&world, &sim.env, &(struct world_options){.journal = &journal}), &world.err);
}

static void teardown(void)
{
    world_close(&world);
    journal_deinit(&journal);
    fly_sim_env_deinit(&sim);
}

static void put(const char *key, size_t len)
{
    uint8_t value[10000];
    value_fill(value, len, len);
    OK(fly_btree_put(world.tree, text(key), fly_bytes_of(value, len), &world.err), &world.err);
}

static void get_page(uint32_t number)
{
    fly_pageref ref;
    OK(fly_bufpool_fix_shared(world.pool, number, &ref, &world.err), &world.err);
    memcpy(page, ref.bytes, sizeof page);
    fly_bufpool_unfix_shared(&ref);
}

/* Three levels of keys with a common prefix, with a blob in the first entry. */
static void make_tree(void)
{
    put("user/0000", 10000);
    for (uint32_t i = 1; i < 400; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "user/%04u", i);
        put(key, 30);
    }
}

/* What was shown, a line for each field. */
struct shown {
    char text[1 << 17];
    size_t len;
    size_t end; /* of the bytes that may be shown */
};

static struct shown shown;

static void show(void *ctx, const fly_dissected *field)
{
    struct shown *to = ctx;
    HOLDS(field->offset + field->len <= to->end);
    int len = snprintf(to->text + to->len, sizeof to->text - to->len, "%*s%s: %s\n",
                       (int)field->depth, "", field->name, field->text);
    if (len > 0 && to->len + (size_t)len < sizeof to->text) {
        to->len += (size_t)len;
    }
}

static bool dissect_page(const uint8_t *bytes, size_t len)
{
    fly_dissector d;
    shown.len = 0;
    shown.text[0] = '\0';
    shown.end = len;
    fly_dissect_begin(&d, fly_bytes_of(bytes, len), show, &shown);
    bool known = fly_btree_dissect_page(&d, NULL);
    HOLDS(d.depth == 0);
    return known;
}

static bool dissect_record(const struct record *record, size_t len,
                           const fly_btree_dissect_hook *hook)
{
    fly_dissector d;
    shown.len = 0;
    shown.text[0] = '\0';
    shown.end = len;
    fly_dissect_begin(&d, fly_bytes_of(record->body, len), show, &shown);
    bool known = fly_btree_dissect_record(&d, record->type, hook);
    HOLDS(d.depth == 0);
    return known && !d.bad;
}

START_TEST(a_leaf_shows_its_fences_keys_and_values)
{
    put("apple", 3);
    put("banana split", 2000);
    get_page(world.root);
    ck_assert(dissect_page(page, sizeof page));
    FLY_CHECK_SAYS(shown.text, "type: leaf (16)");
    FLY_CHECK_SAYS(shown.text, "tree: 7");
    FLY_CHECK_SAYS(shown.text, "low fence: open");
    FLY_CHECK_SAYS(shown.text, "entry: 0: \"apple\"");
    FLY_CHECK_SAYS(shown.text, "tag: 0x6170706c");
    FLY_CHECK_SAYS(shown.text, "entry: 1: \"banana split\"");
    FLY_CHECK_SAYS(shown.text, "key behind prefix and tag: \"na split\"");
    FLY_CHECK_SAYS(shown.text, "blob length: 2000");
}
END_TEST

START_TEST(an_inner_node_shows_its_children_and_a_blob_its_chain)
{
    make_tree();
    get_page(world.root);
    ck_assert(dissect_page(page, sizeof page));
    FLY_CHECK_SAYS(shown.text, "type: inner node (17)");
    FLY_CHECK_SAYS(shown.text, "child 0: ");
    FLY_CHECK_SAYS(shown.text, "child: ");
    for (uint32_t number = 0; number < fly_pagefile_pages(world.file); number++) {
        get_page(number);
        ck_assert(dissect_page(page, sizeof page) == !fly_pagefile_is_own(world.file, number));
    }
}
END_TEST

static void show_length(void *ctx, fly_dissector *d, uint32_t tree, bool blob)
{
    (void)ctx;
    HOLDS(tree == TREE_ID);
    fly_dissect_enter(d, "my value", "%zu bytes%s", fly_dissect_left(d), blob ? " and a blob" : "");
    fly_dissect_leave(d);
    (void)fly_dissect_digits(d, "too much", 1 << 20); /* is kept inside the value */
}

START_TEST(every_kind_of_record_is_shown_to_its_last_byte)
{
    static const fly_btree_dissect_hook hook = {.value = show_length};
    bool types[8] = {false};
    make_tree();
    for (uint32_t i = 1; i < 400; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "user/%04u", i * 7 % 400);
        OK(fly_btree_remove(world.tree, text(key), &world.err), &world.err);
    }
    for (size_t i = 0; i < journal.count; i++) {
        const struct record *record = &journal.records[i];
        types[record->type] = true;
        ck_assert(dissect_record(record, record->len, NULL));
        ck_assert(strstr(shown.text, "unexpected") == NULL);
        ck_assert(strstr(shown.text, "unknown") == NULL);
        ck_assert(fly_btree_log_name(record->type) != NULL);
        ck_assert(dissect_record(record, record->len, &hook));
        if (record->type == FLY_BTREE_LOG_PUT) {
            FLY_CHECK_SAYS(shown.text, "my value: ");
        }
    }
    ck_assert(types[FLY_BTREE_LOG_PUT] && types[FLY_BTREE_LOG_REMOVE] &&
              types[FLY_BTREE_LOG_NODES] && types[FLY_BTREE_LOG_BLOB]);
    ck_assert_ptr_null(fly_btree_log_name(0));
    ck_assert_ptr_null(fly_btree_log_name(99));
}
END_TEST

/* Look at everything of a page as salvage does; how many entries make sense. */
static uint32_t salvage(const uint8_t *bytes, size_t len)
{
    fly_btree_image image;
    uint32_t sound = 0;
    if (!fly_btree_image_of(bytes, (uint32_t)len, &image)) {
        return 0;
    }
    for (uint32_t i = 0; i < image.count; i++) {
        uint8_t room[FLY_BTREE_IMAGE_KEY];
        fly_bytes key;
        fly_btree_entry entry;
        if (fly_btree_image_entry(&image, i, room, &key, &entry) == FLY_OK) {
            HOLDS(key.len <= sizeof room);
            HOLDS(entry.value.len == 0 ||
                  (entry.value.data >= bytes && entry.value.data + entry.value.len <= bytes + len));
            HOLDS(!entry.blob || entry.value.len >= FLY_BTREE_BLOB_REF);
            sound++;
        }
    }
    uint32_t next;
    fly_bytes data;
    if (fly_btree_image_blob(&image, &next, &data) == FLY_OK) {
        HOLDS(data.data >= bytes && data.data + data.len <= bytes + len);
    }
    for (int high = 0; high <= 1; high++) {
        bool open;
        if (fly_btree_image_fence(&image, high != 0, &open, &data) == FLY_OK) {
            HOLDS(data.len == 0 ||
                  (data.data >= bytes && data.data + data.len <= bytes + len && !open));
        }
    }
    return sound;
}

START_TEST(salvage_finds_all_entries_of_a_sound_page)
{
    make_tree();
    uint32_t entries = 0;
    uint64_t blob_bytes = 0;
    for (uint32_t number = 0; number < fly_pagefile_pages(world.file); number++) {
        fly_btree_image image;
        get_page(number);
        if (!fly_btree_image_of(page, sizeof page, &image)) {
            continue;
        }
        ck_assert_uint_eq(image.page, number);
        ck_assert_uint_eq(image.tree, TREE_ID);
        uint32_t next;
        fly_bytes data;
        if (image.kind == FLY_BTREE_PAGE_LEAF) {
            entries += salvage(page, sizeof page);
            ck_assert_uint_eq(salvage(page, sizeof page), image.count);
        } else if (fly_btree_image_blob(&image, &next, &data) == FLY_OK) {
            blob_bytes += data.len;
        }
    }
    ck_assert_uint_eq(entries, 400);
    ck_assert_uint_eq(blob_bytes, 10000);
}
END_TEST

START_TEST(the_children_of_an_inner_node_have_its_separators_as_fences)
{
    make_tree();
    get_page(world.root);
    uint8_t parent[sizeof page];
    memcpy(parent, page, sizeof page);
    fly_btree_image image;
    bool open = false;
    fly_bytes fence;
    ck_assert(fly_btree_image_of(parent, sizeof parent, &image));
    ck_assert_int_eq(fly_btree_image_fence(&image, false, &open, &fence), FLY_OK);
    ck_assert(open);
    ck_assert_int_eq(fly_btree_image_fence(&image, true, &open, &fence), FLY_OK);
    ck_assert(open);
    uint32_t child = fly_btree_image_first_child(&image);
    for (uint32_t i = 0; i <= image.count; i++) {
        fly_btree_image below;
        uint8_t room[FLY_BTREE_IMAGE_KEY];
        fly_bytes separator;
        fly_btree_entry entry;
        get_page(child);
        ck_assert(fly_btree_image_of(page, sizeof page, &below));
        ck_assert_int_eq(fly_btree_image_fence(&below, true, &open, &fence), FLY_OK);
        ck_assert(open == (i == image.count));
        if (i < image.count) {
            OK(fly_btree_image_entry(&image, i, room, &separator, &entry), &world.err);
            ck_assert(fly_bytes_equal(fence, separator));
            child = fly_get_u32(entry.value.data);
        }
    }
}
END_TEST

START_TEST(one_bad_cell_costs_one_entry)
{
    for (int i = 0; i < 5; i++) {
        char key[2] = {(char)('a' + i), 0};
        put(key, 10);
    }
    get_page(world.root);
    ck_assert_uint_eq(salvage(page, sizeof page), 5);
    fly_put_u16(page + 64 + 2 * 8, 4090); /* the third slot points beyond the end */
    ck_assert_uint_eq(salvage(page, sizeof page), 4);
    ck_assert(dissect_page(page, sizeof page));
    FLY_CHECK_SAYS(shown.text, "entry: 2: makes no sense");
    FLY_CHECK_SAYS(shown.text, "lies where no cell can be");
    FLY_CHECK_SAYS(shown.text, "entry: 4: \"e\"");
}
END_TEST

/* In memory that ends where the page does, so that ASan sees a step beyond. */
static void bear(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    HOLDS(copy != NULL);
    memcpy(copy, bytes, len);
    (void)dissect_page(copy, len);
    (void)salvage(copy, len);
    free(copy);
}

START_TEST(a_page_may_be_damaged_anywhere)
{
    make_tree();
    bool kinds[32] = {false};
    for (uint32_t number = 0; number < fly_pagefile_pages(world.file); number++) {
        get_page(number);
        uint8_t kind = fly_page_kind(page);
        if (kind >= 32 || kinds[kind] || fly_pagefile_is_own(world.file, number)) {
            continue;
        }
        kinds[kind] = true;
        uint32_t dense = 64 + 8 * 8; /* the header and some slots, byte by byte and bit by bit */
        for (uint32_t i = 0; i < sizeof page; i++) {
            uint8_t was = page[i];
            for (uint32_t bit = 0; bit < 8; bit++) {
                if (i < dense || (bit == i % 8 && i % LESS == 0)) {
                    page[i] = (uint8_t)(was ^ (1 << bit));
                    bear(page, sizeof page);
                }
            }
            page[i] = 0xff;
            if (i < dense) {
                bear(page, sizeof page);
            }
            page[i] = was;
        }
        for (size_t len = 0; len < sizeof page; len += len < 256 ? 1 : 97) {
            bear(page, len);
        }
    }
    ck_assert(kinds[FLY_BTREE_PAGE_LEAF] && kinds[FLY_BTREE_PAGE_INNER] &&
              kinds[FLY_BTREE_PAGE_BLOB]);
}
END_TEST

START_TEST(a_record_may_be_damaged_anywhere)
{
    make_tree();
    uint32_t seen[8] = {0};
    for (size_t i = 0; i < journal.count; i++) {
        struct record *record = &journal.records[i];
        if (seen[record->type]++ >= 2) {
            continue;
        }
        struct record copy = *record;
        for (size_t at = 0; at < record->len; at += at < 100 ? 1 : 37) {
            copy.body = malloc(record->len);
            HOLDS(copy.body != NULL);
            memcpy(copy.body, record->body, record->len);
            copy.body[at] ^= (uint8_t)(1u << (at % 8));
            (void)dissect_record(&copy, copy.len, NULL);
            copy.body[at] = 0xff;
            (void)dissect_record(&copy, copy.len, NULL);
            free(copy.body);
            copy.body = malloc(at + 1);
            HOLDS(copy.body != NULL);
            memcpy(copy.body, record->body, at);
            ck_assert(!dissect_record(&copy, at, NULL) || at >= 4);
            free(copy.body);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree dissect");
    TCase *tests = fly_test_case(suite, "dissect");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_leaf_shows_its_fences_keys_and_values);
    tcase_add_test(tests, an_inner_node_shows_its_children_and_a_blob_its_chain);
    tcase_add_test(tests, every_kind_of_record_is_shown_to_its_last_byte);
    tcase_add_test(tests, salvage_finds_all_entries_of_a_sound_page);
    tcase_add_test(tests, the_children_of_an_inner_node_have_its_separators_as_fences);
    tcase_add_test(tests, one_bad_cell_costs_one_entry);
    tcase_add_test(tests, a_page_may_be_damaged_anywhere);
    tcase_add_test(tests, a_record_may_be_damaged_anywhere);
    return fly_test_run(suite);
}
