/*
 * Goal: the limits and edges of every public function, and what it says about them.
 * Method: one small tree, or one small file, for each test.
 */
#include "shadow.h"

#include <fly/base_check.h>

#include <inttypes.h>

static fly_sim_env sim;
static struct world world;
static struct journal journal;
static uint8_t big[1 << 17];

static void setup(void)
{
    fly_sim_env_init(&sim, NULL);
    journal_init(&journal);
    OK(world_create(&world, &sim.env, &(struct world_options){.journal = &journal}), &world.err);
    memset(big, 'b', sizeof big);
}

static void teardown(void)
{
    world_close(&world);
    journal_deinit(&journal);
    fly_sim_env_deinit(&sim);
}

static fly_status put(const char *key, fly_bytes value)
{
    return fly_btree_put(world.tree, text(key), value, &world.err);
}

/* ----------------------------------------------------------------------------- limits */

START_TEST(a_key_may_be_as_long_as_the_limit_and_no_longer)
{
    size_t max = fly_btree_key_max(world.tree);
    uint64_t len = 0;
    ck_assert_uint_eq(max, fly_btree_key_max_of(4096));
    OK(fly_btree_put(world.tree, fly_bytes_of(big, max), text("v"), &world.err), &world.err);
    size_t records = journal.count;
    uint32_t used = fly_pagefile_used(world.file);
    FLY_CHECK(fly_btree_put(world.tree, fly_bytes_of(big, max + 1), text("v"), &world.err),
              FLY_E_TOO_LARGE, world.err);
    /* Nor is a long value written before the key is looked at. */
    FLY_CHECK(
        fly_btree_put(world.tree, fly_bytes_of(big, max + 1), fly_bytes_of(big, 9000), &world.err),
        FLY_E_TOO_LARGE, world.err);
    ck_assert_uint_eq(journal.count, records);
    ck_assert_uint_eq(fly_pagefile_used(world.file), used);
    FLY_CHECK(fly_btree_get(world.tree, fly_bytes_of(big, max + 1), NULL, 0, &len, &world.err),
              FLY_E_NOT_FOUND, world.err);
    FLY_CHECK(fly_btree_remove(world.tree, fly_bytes_of(big, max + 1), &world.err), FLY_E_NOT_FOUND,
              world.err);
    FLY_CHECK(fly_btree_get(world.tree, fly_bytes_of(big, max), NULL, 0, &len, &world.err),
              FLY_E_FULL, world.err);
    fly_btree_cursor *cursor = NULL;
    OK(fly_btree_cursor_create(world.tree, &cursor, &world.err), &world.err);
    FLY_CHECK(fly_btree_cursor_seek(cursor, fly_bytes_of(big, max + 1), &world.err),
              FLY_E_TOO_LARGE, world.err);
    FLY_CHECK(fly_btree_cursor_seek_before(cursor, fly_bytes_of(big, max + 1), true, &world.err),
              FLY_E_TOO_LARGE, world.err);
    fly_btree_cursor_destroy(cursor);
    world_verify(&world, NULL);
}
END_TEST

START_TEST(values_change_from_leaf_to_blob_at_the_limit)
{
    for (size_t key_len = 0; key_len <= fly_btree_key_max(world.tree); key_len += 7) {
        fly_btree_stats stats;
        fly_bytes key = fly_bytes_of(big, key_len);
        size_t max = fly_btree_inline_max(world.tree, key_len);
        ck_assert_uint_ge(max, FLY_BTREE_BLOB_REF);
        OK(fly_btree_put(world.tree, key, fly_bytes_of(big, max), &world.err), &world.err);
        world_verify(&world, &stats);
        ck_assert_uint_eq(stats.blobs, 0);
        OK(fly_btree_put(world.tree, key, fly_bytes_of(big, max + 1), &world.err), &world.err);
        world_verify(&world, &stats);
        ck_assert_uint_eq(stats.blobs, 1);
        ck_assert_uint_eq(stats.blob_pages, 1);
        OK(fly_btree_put(world.tree, key, fly_bytes_of(big, 0), &world.err), &world.err);
        world_verify(&world, &stats);
        ck_assert_uint_eq(stats.blobs, 0);
        OK(fly_btree_remove(world.tree, key, &world.err), &world.err);
    }
}
END_TEST

START_TEST(blobs_of_every_length_around_a_page_come_back)
{
    uint32_t capacity = 4096 - 36;
    static uint8_t got[1 << 17];
    for (uint32_t pages = 1; pages <= 3; pages++) {
        for (int more = -2; more <= 2; more++) {
            fly_btree_stats stats;
            uint64_t len = 0;
            size_t wanted = pages * capacity + (size_t)more;
            value_fill(big, pages, wanted);
            OK(put("key", fly_bytes_of(big, wanted)), &world.err);
            world_verify(&world, &stats);
            ck_assert_uint_eq(stats.blob_pages, pages + (more > 0 ? 1 : 0));
            OK(fly_btree_get(world.tree, text("key"), got, wanted, &len, &world.err), &world.err);
            ck_assert_uint_eq(len, wanted);
            ck_assert(memcmp(got, big, wanted) == 0);
            FLY_CHECK(fly_btree_get(world.tree, text("key"), got, wanted - 1, &len, &world.err),
                      FLY_E_FULL, world.err);
            ck_assert_uint_eq(len, wanted);
        }
    }
}
END_TEST

START_TEST(an_empty_blob_is_a_page)
{
    uint8_t ref[FLY_BTREE_BLOB_REF];
    OK(fly_btree_blob_write(world.tree, NULL, 0, NULL, ref, &world.err), &world.err);
    ck_assert_uint_eq(fly_btree_blob_len(ref), 0);
    ck_assert_uint_ne(fly_btree_blob_page(ref), FLY_PAGE_NONE);
    OK(fly_btree_blob_read(world.tree, ref, 0, big, 0, &world.err), &world.err);
    FLY_CHECK(fly_btree_blob_read(world.tree, ref, 0, big, 1, &world.err), FLY_E_CORRUPT,
              world.err);
    OK(fly_btree_blob_free(world.tree, ref, &world.err), &world.err);
    FLY_CHECK(fly_btree_blob_free(world.tree, ref, &world.err), FLY_E_CORRUPT, world.err);
    world_verify(&world, NULL);
}
END_TEST

START_TEST(a_blob_longer_than_its_record_could_free_is_refused)
{
    /* The journal takes 16 pages in a record. */
    uint64_t max = fly_btree_value_max(world.tree);
    uint64_t pages = (16 * 4096 - 4) / 9;
    ck_assert_uint_eq(max, (pages - 1) * (4096 - 36));
    /* Say the same piece often enough; nothing is written. */
    size_t records = journal.count;
    fly_bytes pieces[] = {fly_bytes_of(big, (size_t)max + 1)};
    uint8_t ref[FLY_BTREE_BLOB_REF];
    FLY_CHECK(fly_btree_blob_write(world.tree, pieces, 1, NULL, ref, &world.err), FLY_E_TOO_LARGE,
              world.err);
    FLY_CHECK(put("key", pieces[0]), FLY_E_TOO_LARGE, world.err);
    ck_assert_uint_eq(journal.count, records);
    world_verify(&world, NULL);
}
END_TEST

START_TEST(without_a_log_values_are_limited_by_their_length_alone)
{
    fly_btree *tree = NULL;
    uint32_t root;
    fly_btree_options options = {.pool = world.pool, .id = 8};
    OK(fly_btree_create(&sim.env, &options, NULL, &root, &tree, &world.err), &world.err);
    ck_assert_uint_eq(fly_btree_value_max(tree), FLY_BTREE_VALUE_MAX - 1);
    fly_btree_close(tree);
}
END_TEST

static fly_status decide_too_much(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                                  fly_err *err)
{
    (void)entry;
    (void)err;
    change->verdict = FLY_BTREE_PUT;
    change->value[0] = fly_bytes_of(big, *(size_t *)ctx);
    return FLY_OK;
}

START_TEST(a_decision_may_not_be_longer_than_fits_a_leaf)
{
    size_t len = fly_btree_inline_max(world.tree, 3);
    OK(fly_btree_upsert(world.tree, NULL, text("key"), decide_too_much, &len, NULL, &world.err),
       &world.err);
    size_t records = journal.count;
    len++;
    FLY_CHECK(
        fly_btree_upsert(world.tree, NULL, text("key"), decide_too_much, &len, NULL, &world.err),
        FLY_E_TOO_LARGE, world.err);
    ck_assert_uint_eq(journal.count, records);
    world_verify(&world, NULL);
}
END_TEST

/* ------------------------------------------------------------------------------ edges */

START_TEST(an_empty_tree_has_nothing)
{
    uint64_t len;
    fly_btree_stats stats;
    fly_btree_cursor *cursor = NULL;
    FLY_CHECK(fly_btree_get(world.tree, text("key"), NULL, 0, &len, &world.err), FLY_E_NOT_FOUND,
              world.err);
    FLY_CHECK(fly_btree_remove(world.tree, text("key"), &world.err), FLY_E_NOT_FOUND, world.err);
    OK(fly_btree_cursor_create(world.tree, &cursor, &world.err), &world.err);
    FLY_CHECK(fly_btree_cursor_next(cursor, &world.err), FLY_E_END, world.err); /* it is nowhere */
    FLY_CHECK(fly_btree_cursor_previous(cursor, &world.err), FLY_E_END, world.err);
    FLY_CHECK(fly_btree_cursor_first(cursor, &world.err), FLY_E_END, world.err);
    FLY_CHECK(fly_btree_cursor_last(cursor, &world.err), FLY_E_END, world.err);
    FLY_CHECK(fly_btree_cursor_seek(cursor, text("a"), &world.err), FLY_E_END, world.err);
    FLY_CHECK(fly_btree_cursor_seek_before(cursor, text("a"), true, &world.err), FLY_E_END,
              world.err);
    fly_btree_cursor_destroy(cursor);
    fly_btree_cursor_destroy(NULL);
    fly_btree_close(NULL);
    world_verify(&world, &stats);
    ck_assert_uint_eq(stats.height, 1);
    ck_assert_uint_eq(stats.leaves, 1);
    ck_assert_uint_eq(stats.entries, 0);
}
END_TEST

START_TEST(the_empty_key_is_a_key)
{
    uint64_t len = 0;
    fly_btree_cursor *cursor = NULL;
    fly_bytes empty = fly_bytes_of(NULL, 0);
    OK(fly_btree_put(world.tree, empty, text("nothing"), &world.err), &world.err);
    OK(put("a", empty), &world.err);
    OK(fly_btree_get(world.tree, empty, big, sizeof big, &len, &world.err), &world.err);
    ck_assert_uint_eq(len, 7);
    OK(fly_btree_get(world.tree, text("a"), NULL, 0, &len, &world.err), &world.err);
    ck_assert_uint_eq(len, 0);
    OK(fly_btree_cursor_create(world.tree, &cursor, &world.err), &world.err);
    OK(fly_btree_cursor_first(cursor, &world.err), &world.err);
    ck_assert_uint_eq(fly_btree_cursor_key(cursor).len, 0);
    FLY_CHECK(fly_btree_cursor_previous(cursor, &world.err), FLY_E_END, world.err);
    fly_btree_cursor_destroy(cursor);
    OK(fly_btree_remove(world.tree, empty, &world.err), &world.err);
    world_verify(&world, NULL);
}
END_TEST

START_TEST(a_tree_grows_and_shrinks_back_to_its_root)
{
    fly_btree_stats stats;
    uint8_t key[160];
    for (uint32_t i = 0; i < SHADOW_KEYS; i++) {
        OK(fly_btree_put(world.tree, shadow_key(i, key), fly_bytes_of(big, 500), &world.err),
           &world.err);
    }
    world_verify(&world, &stats);
    ck_assert_uint_ge(stats.height, 3);
    ck_assert_uint_eq(stats.entries, SHADOW_KEYS);
    for (uint32_t i = 0; i < SHADOW_KEYS; i++) {
        OK(shadow_remove(world.tree, i * 7 % SHADOW_KEYS, &world.err), &world.err);
    }
    world_verify(&world, &stats); /* which counts the pages too */
    ck_assert_uint_eq(stats.entries, 0);
    ck_assert_uint_eq(stats.height, 1);
    ck_assert_uint_eq(fly_btree_root(world.tree), world.root);
}
END_TEST

START_TEST(leaves_are_well_filled_after_random_and_after_rising_keys)
{
    fly_btree_stats stats;
    for (uint32_t i = 0; i < 6000; i++) {
        uint8_t key[8];
        fly_put_u64be(key, fly_hash_u64(i));
        OK(fly_btree_put(world.tree, fly_bytes_of(key, 8), text("twenty bytes of value"),
                         &world.err),
           &world.err);
    }
    world_verify(&world, &stats);
    ck_assert_uint_gt(stats.leaf_bytes * 100 / (stats.leaves * (4096 - 64)), 75);
    fly_btree *rising = NULL;
    uint32_t root;
    fly_btree_options options = {.pool = world.pool, .id = 8};
    OK(fly_btree_create(&sim.env, &options, NULL, &root, &rising, &world.err), &world.err);
    for (uint32_t i = 0; i < 6000; i++) {
        uint8_t key[8];
        fly_put_u64be(key, i);
        OK(fly_btree_put(rising, fly_bytes_of(key, 8), text("twenty bytes of value"), &world.err),
           &world.err);
    }
    OK(fly_btree_verify(rising, NULL, NULL, &stats, &world.err), &world.err);
    ck_assert_uint_gt(stats.leaf_bytes * 100 / (stats.leaves * (4096 - 64)), 85);
    OK(fly_btree_drop(rising, &world.err), &world.err);
    world_verify(&world, NULL);
}
END_TEST

START_TEST(an_estimate_is_near_the_number_of_entries)
{
    enum { MANY = 20000 };
    static const uint64_t strides[] = {1, 7919}; /* rising keys, scattered ones */
    ck_assert_double_eq(fly_btree_estimate(world.tree).entries, 0);
    for (int s = 0; s < 2; s++) {
        uint64_t count = 0;
        for (uint64_t i = 0; i < MANY; i++) {
            char key[32];
            (void)snprintf(key, sizeof key, "%d-%08" PRIu64, s, i * strides[s] % MANY);
            OK(put(key, fly_bytes_of(big, 10 + i % 50)), &world.err);
            count = (uint64_t)s * MANY + i + 1;
            if (count == 20) {
                ck_assert_double_eq(fly_btree_estimate(world.tree).entries, 20);
                ck_assert_double_eq(fly_btree_estimate(world.tree).leaves, 1);
            }
            if (count % 4000 == 0) {
                double guess = fly_btree_estimate(world.tree).entries;
                ck_assert_msg(guess > (double)count / 2 && guess < 2 * (double)count,
                              "%g for %" PRIu64 " entries", guess, count);
            }
        }
    }
}
END_TEST

START_TEST(a_key_is_found_about_where_it_stands)
{
    enum { MANY = 20000, LOOKS = 200 };
    uint8_t key[32];
    size_t len = 0;
    uint64_t before = 0;
    ck_assert(!fly_btree_key_near(world.tree, 0.5, key, sizeof key, &len));
    for (uint64_t i = 0; i < MANY; i++) {
        char made[32];
        (void)snprintf(made, sizeof made, "%08" PRIu64, i * 7919 % MANY);
        OK(put(made, fly_bytes_of(big, 10 + i % 50)), &world.err);
    }
    for (int i = 0; i < LOOKS; i++) {
        double where = (i + 0.5) / LOOKS;
        ck_assert(fly_btree_key_near(world.tree, where, key, sizeof key - 1, &len));
        ck_assert_uint_eq(len, 8);
        key[len] = 0;
        uint64_t number = strtoull((const char *)key, NULL, 10);
        double off = (double)number / MANY - where;
        ck_assert_msg(off > -0.1 && off < 0.1, "%s at %g", (const char *)key, where);
        ck_assert(i == 0 || number > before);
        before = number;
    }
    ck_assert(!fly_btree_key_near(world.tree, 0.5, key, 7, &len));
}
END_TEST

START_TEST(a_dropped_tree_gives_all_its_pages_back)
{
    fly_rng rng;
    static struct shadow shadow = {.keys = 500, .value_max = 9000};
    fly_rng_init(&rng, 1);
    fly_btree *tree = NULL;
    uint32_t root;
    uint32_t used = fly_pagefile_used(world.file);
    fly_btree_options options = world_tree_options(&world);
    options.id = 8;
    OK(fly_btree_create(&sim.env, &options, NULL, &root, &tree, &world.err), &world.err);
    for (uint32_t i = 0; i < 800; i++) {
        OK(shadow_step(tree, &shadow, &rng, false, NULL, &world.err), &world.err);
    }
    ck_assert_uint_gt(fly_pagefile_used(world.file), used + 20);
    OK(fly_btree_drop(tree, &world.err), &world.err);
    ck_assert_uint_eq(fly_pagefile_used(world.file), used);
}
END_TEST

START_TEST(two_trees_in_one_pool_know_nothing_of_each_other)
{
    fly_btree *other = NULL;
    uint32_t root;
    uint64_t len = 0;
    fly_btree_options options = world_tree_options(&world);
    options.id = 8;
    OK(fly_btree_create(&sim.env, &options, NULL, &root, &other, &world.err), &world.err);
    for (uint32_t i = 0; i < 500; i++) {
        uint8_t key[160];
        OK(fly_btree_put(i % 2 == 0 ? world.tree : other, shadow_key(i, key),
                         fly_bytes_of(&i, sizeof i), &world.err),
           &world.err);
    }
    for (uint32_t i = 0; i < 500; i++) {
        uint8_t key[160];
        uint32_t got = 0;
        OK(fly_btree_get(i % 2 == 0 ? world.tree : other, shadow_key(i, key), &got, sizeof got,
                         &len, &world.err),
           &world.err);
        ck_assert_uint_eq(got, i);
        FLY_CHECK(fly_btree_get(i % 2 == 1 ? world.tree : other, shadow_key(i, key), &got,
                                sizeof got, &len, &world.err),
                  FLY_E_NOT_FOUND, world.err);
    }
    OK(fly_btree_drop(other, &world.err), &world.err);
    world_verify(&world, NULL);
}
END_TEST

/* -------------------------------------------------------------------------- bulk load */

static void load_numbers(fly_btree_load *load, uint32_t count, size_t value_len)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[8];
        fly_put_u64be(key, i);
        OK(fly_btree_load_add(load, fly_bytes_of(key, 8), fly_bytes_of(big, value_len), false,
                              &world.err),
           &world.err);
    }
}

static void loaded(uint32_t count, uint32_t fill, size_t value_len)
{
    fly_btree_load *load = NULL;
    fly_btree_stats stats;
    OK(fly_btree_load_begin(world.tree, fill, NULL, &load, &world.err), &world.err);
    load_numbers(load, count, value_len);
    OK(fly_btree_load_finish(load, &world.err), &world.err);
    world_verify(&world, &stats);
    ck_assert_uint_eq(stats.entries, count);
    fly_btree_cursor *cursor = NULL;
    OK(fly_btree_cursor_create(world.tree, &cursor, &world.err), &world.err);
    fly_status status = fly_btree_cursor_first(cursor, &world.err);
    for (uint32_t i = 0; i < count; i++) {
        HOLDS(status == FLY_OK);
        HOLDS(fly_get_u64be(fly_btree_cursor_key(cursor).data) == i);
        HOLDS(fly_btree_cursor_entry(cursor).value.len == value_len);
        status = fly_btree_cursor_next(cursor, &world.err);
    }
    ck_assert_int_eq(status, FLY_E_END);
    fly_btree_cursor_destroy(cursor);
    if (count > 1000 && fill == 100 && value_len < 100) {
        ck_assert_uint_gt(stats.leaf_bytes * 100 / (stats.leaves * (4096 - 64)), 95);
    }
    /* And it is a tree like others. */
    for (uint32_t i = 0; i < count; i += 2) {
        uint8_t key[9] = {0};
        fly_put_u64be(key, i);
        OK(fly_btree_remove(world.tree, fly_bytes_of(key, 8), &world.err), &world.err);
        OK(fly_btree_put(world.tree, fly_bytes_of(key, 9), text("another"), &world.err),
           &world.err);
    }
    world_verify(&world, NULL);
}

START_TEST(a_loaded_tree_is_a_tree)
{
    static const uint32_t counts[] = {0, 1, 2, 90, 91, 92, 93, 94, 95, 96, 1000, 9000};
    static const uint32_t fills[] = {0, 50, 100};
    loaded(counts[_i / 3], fills[_i % 3], _i % 2 == 0 ? 25 : 900);
}
END_TEST

START_TEST(a_load_of_the_longest_keys_and_values_fits)
{
    fly_btree_load *load = NULL;
    fly_btree_stats stats;
    size_t max = fly_btree_key_max(world.tree);
    OK(fly_btree_load_begin(world.tree, 100, NULL, &load, &world.err), &world.err);
    for (uint32_t i = 0; i < 300; i++) {
        static uint8_t key[1024];
        memset(key, 'l', sizeof key);
        fly_put_u32be(key + (i % 3 == 0 ? 0 : max - 4), i);
        fly_put_u32be(key, i / 3); /* long separators and short ones */
        size_t value = fly_btree_inline_max(world.tree, max);
        OK(fly_btree_load_add(load, fly_bytes_of(key, max - 8 + i % 3 * 4),
                              fly_bytes_of(big, value), false, &world.err),
           &world.err);
    }
    OK(fly_btree_load_finish(load, &world.err), &world.err);
    world_verify(&world, &stats);
    ck_assert_uint_eq(stats.entries, 300);
}
END_TEST

/* Many short separators, until an inner node is nearly full, then long ones. */
START_TEST(a_load_of_short_separators_and_then_long_ones_fits)
{
    size_t max = fly_btree_key_max(world.tree);
    fly_btree_load *load = NULL;
    fly_btree_stats stats;
    uint32_t shorts = 500 + (uint32_t)_i * 25;
    OK(fly_btree_load_begin(world.tree, 100, NULL, &load, &world.err), &world.err);
    for (uint32_t i = 0; i < shorts + 40; i++) {
        static uint8_t key[1024];
        memset(key, i < shorts ? 'a' : 'l', sizeof key);
        size_t len = i < shorts ? 8 : max;
        fly_put_u32be(key + len - 4, i);
        OK(fly_btree_load_add(load, fly_bytes_of(key, len),
                              fly_bytes_of(big, fly_btree_inline_max(world.tree, len)), false,
                              &world.err),
           &world.err);
    }
    OK(fly_btree_load_finish(load, &world.err), &world.err);
    world_verify(&world, &stats);
    ck_assert_uint_eq(stats.entries, shorts + 40);
}
END_TEST

START_TEST(what_a_load_may_not_do_is_refused)
{
    fly_btree_load *load = NULL;
    FLY_CHECK(fly_btree_load_begin(world.tree, 49, NULL, &load, &world.err), FLY_E_INVALID,
              world.err);
    FLY_CHECK(fly_btree_load_begin(world.tree, 101, NULL, &load, &world.err), FLY_E_INVALID,
              world.err);
    OK(fly_btree_load_begin(world.tree, 50, NULL, &load, &world.err), &world.err);
    OK(fly_btree_load_add(load, text("b"), text("v"), false, &world.err), &world.err);
    FLY_CHECK(fly_btree_load_add(load, text("b"), text("v"), false, &world.err), FLY_E_INVALID,
              world.err);
    FLY_CHECK(fly_btree_load_add(load, text("a"), text("v"), false, &world.err), FLY_E_INVALID,
              world.err);
    FLY_CHECK(fly_btree_load_add(load, fly_bytes_of(big, fly_btree_key_max(world.tree) + 1),
                                 text("v"), false, &world.err),
              FLY_E_TOO_LARGE, world.err);
    FLY_CHECK(fly_btree_load_add(load, text("c"),
                                 fly_bytes_of(big, fly_btree_inline_max(world.tree, 1) + 1), false,
                                 &world.err),
              FLY_E_TOO_LARGE, world.err);
    OK(fly_btree_load_finish(load, &world.err), &world.err); /* what was refused does no harm */
    FLY_CHECK(fly_btree_load_begin(world.tree, 90, NULL, &load, &world.err), FLY_E_INVALID,
              world.err);
    world_verify(&world, NULL);
}
END_TEST

START_TEST(an_abandoned_load_leaves_nothing)
{
    fly_btree_load *load = NULL;
    fly_btree_stats stats;
    OK(fly_btree_load_begin(world.tree, 0, NULL, &load, &world.err), &world.err);
    load_numbers(load, 3000, 30);
    fly_btree_load_abandon(load);
    world_verify(&world, &stats);
    ck_assert_uint_eq(stats.entries, 0);
    loaded(1000, 90, 30);
}
END_TEST

START_TEST(a_load_is_undone_page_by_page)
{
    int op = 0;
    fly_btree_load *load = NULL;
    fly_btree_stats stats;
    OK(fly_btree_load_begin(world.tree, 0, &op, &load, &world.err), &world.err);
    load_numbers(load, 3000, 30);
    OK(fly_btree_load_finish(load, &world.err), &world.err);
    for (size_t i = journal.count; i > 0; i--) {
        struct record record = journal.records[i - 1];
        fly_btree_logged logged;
        if (record.op != &op) {
            continue;
        }
        OK(fly_btree_log_decode(record.type, record_body(&record), &logged, &world.err),
           &world.err);
        if (record.type == FLY_BTREE_LOG_LOADED) {
            OK(fly_btree_unload(world.tree, NULL, &world.err), &world.err);
        } else {
            ck_assert_int_eq(record.type, FLY_BTREE_LOG_LOAD);
            OK(fly_btree_unmake(world.tree, logged.page, NULL, &world.err), &world.err);
        }
    }
    world_verify(&world, &stats);
    ck_assert_uint_eq(stats.entries, 0);
}
END_TEST

/* ----------------------------------------------------------------------- log, watching */

START_TEST(records_say_whom_they_are_about)
{
    int op = 0;
    size_t len = 10;
    fly_btree_logged logged;
    OK(fly_btree_upsert(world.tree, NULL, text("key"), decide_too_much, &len, &op, &world.err),
       &world.err);
    struct record *record = &journal.records[journal.count - 1];
    ck_assert_ptr_eq(record->op, &op);
    ck_assert_int_eq(record->type, FLY_BTREE_LOG_PUT);
    OK(fly_btree_log_decode(record->type, record_body(record), &logged, &world.err), &world.err);
    ck_assert_uint_eq(logged.tree, TREE_ID);
    ck_assert_uint_eq(logged.page, world.root);
    ck_assert(fly_bytes_equal(logged.key, text("key")));
    ck_assert_uint_eq(logged.value.len, 10);
    ck_assert(!logged.blob);
    uint32_t tree = 0;
    uint32_t page = 0;
    fly_bytes piece = record_body(record);
    fly_btree_log_subject(record->type, &piece, 1, &tree, &page);
    ck_assert_uint_eq(tree, TREE_ID);
    ck_assert_uint_eq(page, world.root);
    /* What nobody must undo has no op. */
    record = &journal.records[0];
    ck_assert_int_eq(record->type, FLY_BTREE_LOG_NODES);
    OK(fly_btree_log_decode(record->type, record_body(record), &logged, &world.err), &world.err);
    ck_assert_uint_eq(logged.page, world.root);
}
END_TEST

static void note_freed(void *ctx, uint32_t page)
{
    uint64_t *freed = ctx;
    *freed = *freed * 1000 + page;
}

static uint64_t lsn_of(uint32_t page)
{
    fly_pageref ref;
    OK(fly_bufpool_fix_shared(world.pool, page, &ref, &world.err), &world.err);
    uint64_t lsn = fly_page_lsn(ref.bytes);
    fly_bufpool_unfix_shared(&ref);
    return lsn;
}

/* Or redo would do again, on a page that is newer, what was done before. */
START_TEST(a_page_keeps_its_lsn_when_a_change_need_not_survive)
{
    enum { EVERY = 4 };
    uint64_t lsns[1024] = {0};
    fly_rng rng;
    static struct shadow shadow = {.keys = 500, .value_max = 800};
    fly_rng_init(&rng, 1);
    for (uint32_t i = 0; i < 300; i++) {
        OK(shadow_step(world.tree, &shadow, &rng, false, NULL, &world.err), &world.err);
    }
    uint32_t pages = fly_pagefile_pages(world.file);
    ck_assert_uint_lt(pages, 1024);
    bool used[1024] = {false};
    for (uint32_t page = 0; page < pages; page++) {
        used[page] = fly_pagefile_is_used(world.file, page) &&
                     !fly_pagefile_is_own(world.file, page);
        lsns[page] = used[page] ? lsn_of(page) : 0;
    }
    uint64_t frees = 0;
    journal.silent = true;
    for (uint32_t i = 0; i < 300 && frees == 0; i++) {
        size_t before = journal.count;
        OK(shadow_step(world.tree, &shadow, &rng, i % EVERY == 0, NULL, &world.err), &world.err);
        for (; before < journal.count; before++) {
            const struct record *record = &journal.records[before];
            if (record->type == FLY_BTREE_LOG_NODES) {
                OK(fly_btree_log_freed(record_body(record), note_freed, &frees, &world.err),
                   &world.err);
            }
        }
    }
    for (uint32_t page = 0; page < pages; page++) {
        if (used[page] && fly_pagefile_is_used(world.file, page)) {
            ck_assert_uint_eq(lsn_of(page), lsns[page]);
        }
    }
    /* All the way down, the root takes its children's content over. */
    uint64_t root = lsn_of(world.root);
    for (uint32_t i = 0; i < shadow.keys; i++) {
        FLY_IGNORE(shadow_remove(world.tree, i, &world.err));
    }
    ck_assert_uint_eq(lsn_of(world.root), root);
}
END_TEST

START_TEST(a_record_lists_the_pages_that_it_frees)
{
    uint64_t freed = 0;
    uint8_t ref[FLY_BTREE_BLOB_REF];
    fly_bytes piece = fly_bytes_of(big, 10000);
    OK(fly_btree_blob_write(world.tree, &piece, 1, NULL, ref, &world.err), &world.err);
    OK(fly_btree_blob_free(world.tree, ref, &world.err), &world.err);
    struct record *record = &journal.records[journal.count - 1];
    OK(fly_btree_log_freed(record_body(record), note_freed, &freed, &world.err), &world.err);
    ck_assert_uint_eq(freed / 1000000, fly_btree_blob_page(ref));
    FLY_CHECK(fly_btree_log_freed(fly_bytes_of(record->body, record->len - 1), note_freed, &freed,
                                  &world.err),
              FLY_E_CORRUPT, world.err);
}
END_TEST

START_TEST(a_change_of_structure_is_announced_and_ended)
{
    uint64_t before = journal.structures;
    OK(put("key", text("value")), &world.err);
    ck_assert_uint_eq(journal.structures, before);
    OK(put("key", fly_bytes_of(big, 9000)), &world.err);
    ck_assert_uint_eq(journal.structures, before + 3); /* a page each, though they are one value */
    ck_assert_int_eq(journal.nesting, 0);
}
END_TEST

START_TEST(what_a_tree_does_is_traced)
{
    fly_trace *trace = fly_trace_create(&sim.mem.mem, 1 << 14);
    ck_assert_ptr_nonnull(trace);
    fly_trace_set(trace, true);
    sim.env.trace = trace;
    fly_btree *tree = NULL;
    uint32_t root;
    fly_btree_options options = {.pool = world.pool, .id = 8};
    OK(fly_btree_create(&sim.env, &options, NULL, &root, &tree, &world.err), &world.err);
    for (uint32_t i = 0; i < 600; i++) {
        uint8_t key[8];
        fly_put_u64be(key, fly_hash_u64(i));
        OK(fly_btree_put(tree, fly_bytes_of(key, 8), fly_bytes_of(big, 60), &world.err),
           &world.err);
    }
    for (uint32_t i = 0; i < 600; i++) {
        uint8_t key[8];
        fly_put_u64be(key, fly_hash_u64(i));
        OK(fly_btree_remove(tree, fly_bytes_of(key, 8), &world.err), &world.err);
    }
    fly_btree_close(tree);
    sim.env.trace = NULL;
    static fly_trace_event events[1 << 14];
    size_t count = fly_trace_read(trace, events, sizeof events / sizeof events[0], NULL);
    uint32_t seen[8] = {0};
    for (size_t i = 0; i < count; i++) {
        if (events[i].id >> 8 == FLY_TRACE_BTREE) {
            seen[events[i].id & 7]++;
            ck_assert_uint_eq(events[i].field[0], 8);
        }
    }
    ck_assert_uint_gt(seen[FLY_BTREE_EVENT_SPLIT & 7], 5);
    ck_assert_uint_gt(seen[FLY_BTREE_EVENT_MERGED & 7], 5);
    ck_assert_uint_gt(seen[FLY_BTREE_EVENT_SHIFTED & 7], 1);
    ck_assert_uint_eq(seen[FLY_BTREE_EVENT_GREW & 7], 1);
    ck_assert_uint_eq(seen[FLY_BTREE_EVENT_SHRANK & 7], 1);
    fly_trace_destroy(trace);
}
END_TEST

/* -------------------------------------------------------------------------------- dot */

struct graph {
    char text[1 << 16];
    size_t len;
    uint32_t nodes;
    uint32_t edges;
};

static void draw(void *ctx, const char *line)
{
    struct graph *graph = ctx;
    graph->nodes += strstr(line, "[label=") != NULL;
    graph->edges += strstr(line, "->") != NULL;
    uint32_t quotes = 0;
    for (const char *c = line; *c != '\0'; c++) {
        ck_assert_msg((unsigned char)*c >= ' ' && (unsigned char)*c != 0x7f, "%s", line);
        quotes += *c == '"' && (c == line || c[-1] != '\\');
    }
    ck_assert_msg(quotes % 2 == 0, "%s", line);
    graph->len +=
        (size_t)snprintf(graph->text + graph->len, sizeof graph->text - graph->len, "%s\n", line);
    ck_assert_uint_lt(graph->len, sizeof graph->text);
}

START_TEST(a_tree_is_drawn_with_all_its_nodes)
{
    static struct graph graph;
    fly_btree_stats stats;
    for (uint32_t i = 0; i < 60; i++) {
        uint8_t key[160];
        OK(fly_btree_put(world.tree, shadow_key(i, key), fly_bytes_of(big, 300), &world.err),
           &world.err);
    }
    /* Keys that a graph's language would take for its own. */
    OK(put("\"quoted\" \\ <a|b> {c}", text("v")), &world.err);
    OK(put("\n\t\x01\xff", text("v")), &world.err);
    OK(fly_btree_dot(world.tree, draw, &graph, &world.err), &world.err);
    world_verify(&world, &stats);
    ck_assert_uint_eq(graph.nodes, stats.leaves + stats.inner);
    ck_assert_uint_eq(graph.edges, stats.leaves + stats.inner - 1);
    FLY_CHECK_SAYS(graph.text, "digraph tree {");
    ck_assert_ptr_nonnull(strstr(graph.text, "\n}\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree");
    TCase *tests = fly_test_case(suite, "limits");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_key_may_be_as_long_as_the_limit_and_no_longer);
    tcase_add_test(tests, values_change_from_leaf_to_blob_at_the_limit);
    tcase_add_test(tests, blobs_of_every_length_around_a_page_come_back);
    tcase_add_test(tests, an_empty_blob_is_a_page);
    tcase_add_test(tests, a_blob_longer_than_its_record_could_free_is_refused);
    tcase_add_test(tests, without_a_log_values_are_limited_by_their_length_alone);
    tcase_add_test(tests, a_decision_may_not_be_longer_than_fits_a_leaf);
    tcase_add_test(tests, an_empty_tree_has_nothing);
    tcase_add_test(tests, the_empty_key_is_a_key);
    tcase_add_test(tests, a_tree_grows_and_shrinks_back_to_its_root);
    tcase_add_test(tests, leaves_are_well_filled_after_random_and_after_rising_keys);
    tcase_add_test(tests, an_estimate_is_near_the_number_of_entries);
    tcase_add_test(tests, a_key_is_found_about_where_it_stands);
    tcase_add_test(tests, a_dropped_tree_gives_all_its_pages_back);
    tcase_add_test(tests, two_trees_in_one_pool_know_nothing_of_each_other);
    tcase_add_loop_test(tests, a_loaded_tree_is_a_tree, 0, 36);
    tcase_add_test(tests, a_load_of_the_longest_keys_and_values_fits);
    tcase_add_loop_test(tests, a_load_of_short_separators_and_then_long_ones_fits, 0, 20);
    tcase_add_test(tests, what_a_load_may_not_do_is_refused);
    tcase_add_test(tests, an_abandoned_load_leaves_nothing);
    tcase_add_test(tests, a_load_is_undone_page_by_page);
    tcase_add_test(tests, records_say_whom_they_are_about);
    tcase_add_test(tests, a_page_keeps_its_lsn_when_a_change_need_not_survive);
    tcase_add_test(tests, a_record_lists_the_pages_that_it_frees);
    tcase_add_test(tests, a_change_of_structure_is_announced_and_ended);
    tcase_add_test(tests, what_a_tree_does_is_traced);
    tcase_add_test(tests, a_tree_is_drawn_with_all_its_nodes);
    return fly_test_run(suite);
}
