/*
 * Goal: what was logged can be redone, on whatever state of each page a crash left behind.
 * Method: random work with a journal. From time to time all pages are copied; a file is then made
 * of copies from different times, as if each page had last been written at its own, and the records
 * are redone on it: all of them, twice, or only those since a checkpoint. Then the tree has to be
 * the model's, without a page more.
 */
#include "shadow.h"

#include <fly/base_check.h>

enum { MOMENTS = 10, STEPS = 60, PAGES_MAX = 1024, KEYS = 400 };

/* All pages at one time, and what the tree held then. */
struct moment {
    uint64_t lsn; /* of the newest record */
    uint32_t pages;
    uint8_t *images[PAGES_MAX]; /* NULL: not in use */
    struct shadow shadow;
};

struct story {
    const struct world_options *options;
    struct journal journal;
    struct moment *moments; /* 0 is before there was anything */
    uint32_t root;
};

static void copy_pages(struct world *world, struct moment *moment)
{
    uint32_t size = fly_pagefile_page_size(world->file);
    moment->pages = fly_pagefile_pages(world->file);
    HOLDS(moment->pages <= PAGES_MAX);
    for (uint32_t page = 0; page < moment->pages; page++) {
        fly_pageref ref;
        if (fly_pagefile_is_own(world->file, page) || !fly_pagefile_is_used(world->file, page)) {
            continue;
        }
        OK(fly_bufpool_fix_shared(world->pool, page, &ref, &world->err), &world->err);
        moment->images[page] = aligned_alloc(FLY_DIRECT_ALIGN, size);
        HOLDS(moment->images[page] != NULL);
        memcpy(moment->images[page], ref.bytes, size);
        fly_bufpool_unfix_shared(&ref);
    }
}

static void tell(struct story *story, uint64_t seed)
{
    fly_sim_env sim;
    struct world world;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    fly_sim_env_init(&sim, NULL);
    journal_init(&story->journal);
    story->moments = calloc(MOMENTS, sizeof *story->moments);
    HOLDS(story->moments != NULL);
    struct shadow shadow = {.keys = KEYS, .value_max = 9000};
    struct world_options options = *story->options;
    options.journal = &story->journal;
    OK(world_create(&world, &sim.env, &options), &world.err);
    story->root = world.root;
    for (uint32_t i = 1; i < MOMENTS; i++) {
        for (uint32_t step = 0; step < STEPS; step++) {
            OK(shadow_step(world.tree, &shadow, &rng, i >= MOMENTS - 3, NULL, &world.err),
               &world.err);
        }
        struct moment *moment = &story->moments[i];
        moment->lsn = story->journal.count;
        moment->shadow = shadow;
        copy_pages(&world, moment);
    }
    world_verify(&world, NULL);
    world_close(&world);
    fly_sim_env_deinit(&sim);
}

static void forget(struct story *story)
{
    for (uint32_t i = 0; i < MOMENTS; i++) {
        for (uint32_t page = 0; page < PAGES_MAX; page++) {
            free(story->moments[i].images[page]);
        }
    }
    free(story->moments);
    journal_deinit(&story->journal);
}

/* ------------------------------------------------------------------------------- redo */

/* Pages whose changes could not be applied, and for which nothing has come since. */
struct missing {
    bool pages[PAGES_MAX];
    uint32_t told;
};

static void note_missing(void *ctx, uint32_t page, bool gone)
{
    struct missing *missing = ctx;
    HOLDS(page < PAGES_MAX);
    missing->pages[page] = !gone;
    missing->told++;
}

static void redo(struct world *world, const struct story *story, uint64_t from, uint64_t to,
                 struct missing *missing)
{
    for (uint64_t lsn = from; lsn <= to; lsn++) {
        const struct record *record = &story->journal.records[lsn - 1];
        OK(fly_btree_redo(world->pool, record->type, record_body(record), lsn, note_missing,
                          missing, &world->err),
           &world->err);
    }
}

/* Write a page as it was at some moment, if it was in use then. */
static void write_image(struct world *world, const struct moment *moment, uint32_t page)
{
    const uint8_t *image = moment->images[page];
    fly_page_batch *batch = NULL;
    if (image == NULL) {
        return;
    }
    OK(fly_page_batch_create(world->file, 1, &batch, &world->err), &world->err);
    OK(fly_page_batch_add(batch, page, image, &world->err), &world->err);
    OK(fly_page_batch_write(batch, &world->err), &world->err);
    fly_page_batch_destroy(batch);
}

/* Whether a page was given back between two moments, so that nobody has to be able to read it. */
static bool was_free(const struct story *story, uint32_t page, uint32_t first, uint32_t last)
{
    bool was = false;
    for (uint32_t moment = first; moment <= last; moment++) {
        was = was || story->moments[moment].images[page] == NULL;
    }
    return was;
}

/* Make a file that holds each page as it was at some moment from `first` to `last`, and knows what
 * was in use at moment `first`. */
static void make_file(fly_env *env, const struct story *story, uint32_t first, uint32_t last,
                      fly_rng *rng)
{
    struct world world;
    OK(world_open_pool(&world, env, story->options), &world.err);
    for (uint32_t page = 0; page < story->moments[last].pages; page++) {
        if (!fly_pagefile_is_own(world.file, page)) {
            OK(fly_pagefile_mark(world.file, page, true, &world.err), &world.err);
        }
    }
    for (uint32_t page = 0; page < story->moments[last].pages; page++) {
        uint32_t moment = first + (uint32_t)fly_rng_below(rng, last - first + 1);
        /* Not written since: then what is on the disk is older, perhaps from an earlier life. */
        while (moment > first && story->moments[moment].images[page] == NULL) {
            moment--;
        }
        if (!was_free(story, page, first, last) || fly_rng_below(rng, 2) == 0) {
            write_image(&world, &story->moments[moment], page);
        }
    }
    for (uint32_t page = 0; page < story->moments[last].pages; page++) {
        if (!fly_pagefile_is_own(world.file, page)) {
            OK(fly_pagefile_mark(world.file, page, story->moments[first].images[page] != NULL,
                                 &world.err),
               &world.err);
        }
    }
    OK(fly_pagefile_checkpoint(world.file, story->moments[first].lsn, NULL, &world.err),
       &world.err);
    world_close(&world);
}

static void open_root(struct world *world, uint32_t root)
{
    fly_btree_options options = {.pool = world->pool, .id = TREE_ID};
    OK(fly_btree_open(world->env, &options, root, &world->tree, &world->err), &world->err);
    world->root = root;
}

static void is_as_it_was(struct world *world, const struct story *story,
                         const struct moment *moment, const struct missing *missing)
{
    for (uint32_t page = 0; page < PAGES_MAX; page++) {
        HOLDS(!missing->pages[page]);
    }
    /* Byte by byte, but for the checksum, which is computed when a page is written. */
    for (uint32_t page = 0; page < moment->pages; page++) {
        fly_pageref ref;
        const uint8_t *image = moment->images[page];
        if (image != NULL) {
            OK(fly_bufpool_fix_shared(world->pool, page, &ref, &world->err), &world->err);
            HOLDS(memcmp(ref.bytes, image, 20) == 0);
            HOLDS(memcmp(ref.bytes + FLY_PAGE_HEADER, image + FLY_PAGE_HEADER,
                         fly_pagefile_usable(world->file) - FLY_PAGE_HEADER) == 0);
            fly_bufpool_unfix_shared(&ref);
        }
    }
    open_root(world, story->root);
    world_verify(world, NULL);
    HOLDS(shadow_matches(world->tree, &moment->shadow, &world->err));
}

/* Every page as the pool has it; what redo must not change any more. */
static uint64_t hash_of_all(struct world *world)
{
    uint64_t hash = 0;
    for (uint32_t page = 0; page < fly_pagefile_pages(world->file); page++) {
        fly_pageref ref;
        if (!fly_pagefile_is_own(world->file, page) && fly_pagefile_is_used(world->file, page)) {
            OK(fly_bufpool_fix_shared(world->pool, page, &ref, &world->err), &world->err);
            /* But for the checksum, which is computed when a page is written. */
            uint32_t crc = fly_crc32c(0, ref.bytes, 20);
            crc = fly_crc32c(crc, ref.bytes + FLY_PAGE_HEADER,
                             fly_pagefile_usable(world->file) - FLY_PAGE_HEADER);
            hash = fly_hash_u64(hash ^ crc ^ (uint64_t)page << 32);
            fly_bufpool_unfix_shared(&ref);
        }
    }
    return hash;
}

static void redo_on_a_mixture(const struct story *story, fly_rng *rng)
{
    fly_sim_env sim;
    struct world world;
    struct missing missing = {{0}, 0};
    uint32_t first = (uint32_t)fly_rng_below(rng, MOMENTS - 1);
    uint32_t last = first + 1 + (uint32_t)fly_rng_below(rng, MOMENTS - 1 - first);
    /* The log may reach further than any page that was written. */
    uint32_t end = last + (uint32_t)fly_rng_below(rng, MOMENTS - last);
    fly_sim_env_init(&sim, NULL);
    make_file(&sim.env, story, first, last, rng);
    OK(world_open_pool(&world, &sim.env, story->options), &world.err);
    uint64_t from = story->moments[first].lsn + 1;
    redo(&world, story, from, story->moments[end].lsn, &missing);
    is_as_it_was(&world, story, &story->moments[end], &missing);

    /* Once more changes nothing: an interrupted recovery begins again. */
    uint64_t before = hash_of_all(&world);
    redo(&world, story, from, story->moments[end].lsn, &missing);
    HOLDS(hash_of_all(&world) == before);
    fly_btree_close(world.tree);
    is_as_it_was(&world, story, &story->moments[end], &missing);
    world_close(&world);
    fly_sim_env_deinit(&sim);
}

static void mixtures_for_seed(void *ctx, uint64_t seed)
{
    struct story story = {.options = ctx};
    fly_rng rng;
    fly_rng_init(&rng, seed + 1000);
    tell(&story, seed);
    for (int i = 0; i < 12; i += LESS) {
        redo_on_a_mixture(&story, &rng);
    }
    forget(&story);
}

static const struct world_options plain = {0};
static const struct world_options coded = {.codec = true, .pool_pages = 16};
static const struct world_options large = {.page_size = 8192, .backend = FLY_BUFPOOL_VIRTUAL};

START_TEST(records_are_redone_on_pages_of_any_age)
{
    struct world_options options[] = {plain, coded, large};
    ck_assert(fly_test_seeds("redo", LESS > 1 ? 1 : 6, mixtures_for_seed, &options[_i]));
}
END_TEST

/* ------------------------------------------------------------------ record by record */

static uint32_t index_of(fly_bytes key)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t bytes[160];
        if (fly_bytes_equal(shadow_key(i, bytes), key)) {
            return i;
        }
    }
    return KEYS;
}

static void the_log_may_end_anywhere(void *ctx, uint64_t seed)
{
    struct story story = {.options = ctx};
    fly_sim_env sim;
    struct world world;
    struct missing missing = {{0}, 0};
    bool there[KEYS] = {false};
    tell(&story, seed);
    fly_sim_env_init(&sim, NULL);
    OK(world_open_pool(&world, &sim.env, story.options), &world.err);
    redo(&world, &story, 1, 1, &missing);
    open_root(&world, story.root);
    for (uint64_t lsn = 2; lsn <= story.journal.count; lsn++) {
        const struct record *record = &story.journal.records[lsn - 1];
        fly_btree_logged logged;
        fly_btree_stats stats;
        redo(&world, &story, lsn, lsn, &missing);
        OK(fly_btree_log_decode(record->type, record_body(record), &logged, &world.err),
           &world.err);
        HOLDS(logged.tree == TREE_ID);
        if (record->type == FLY_BTREE_LOG_PUT || record->type == FLY_BTREE_LOG_REMOVE) {
            uint32_t i = index_of(logged.key);
            HOLDS(i < KEYS);
            there[i] = record->type == FLY_BTREE_LOG_PUT;
        }
        if (lsn % 5 != 0 && record->type != FLY_BTREE_LOG_NODES) {
            continue; /* verifying takes longer than the rest */
        }
        OK(fly_btree_verify(world.tree, NULL, NULL, &stats, &world.err), &world.err);
        uint32_t count = 0;
        for (uint32_t i = 0; i < KEYS; i++) {
            count += there[i];
        }
        HOLDS(stats.entries == count);
    }
    world_close(&world);
    fly_sim_env_deinit(&sim);
    forget(&story);
}

START_TEST(a_log_may_end_behind_any_record)
{
    struct world_options options = plain;
    ck_assert(fly_test_seeds("every record", LESS > 1 ? 1 : 4, the_log_may_end_anywhere, &options));
}
END_TEST

/* ------------------------------------------------------------------- damaged records */

static void ignore_missing(void *ctx, uint32_t page, bool gone)
{
    (void)ctx;
    (void)page;
    (void)gone;
}

/* Every byte of every kind of record: redo says what it thinks of it, and the page stays sound. */
static void damaged_records(void *ctx, uint64_t seed)
{
    struct story story = {.options = ctx};
    fly_sim_env sim;
    struct world world;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    tell(&story, seed);
    fly_sim_env_init(&sim, NULL);
    OK(world_open_pool(&world, &sim.env, story.options), &world.err);
    for (uint64_t lsn = 1; lsn <= story.journal.count; lsn++) {
        const struct record *record = &story.journal.records[lsn - 1];
        for (int i = 0; i < 6; i++) {
            /* The same bytes under a wrong number of the page would only be another record. */
            uint8_t *copy = malloc(record->len);
            HOLDS(copy != NULL);
            memcpy(copy, record->body, record->len);
            size_t len = record->len;
            if (i == 0) {
                len = (size_t)fly_rng_below(&rng, record->len);
            } else {
                size_t at = (size_t)fly_rng_below(&rng, i < 4 && len > 64 ? 64 : len);
                copy[at] ^= (uint8_t)(1u << fly_rng_below(&rng, 8));
            }
            fly_err err = {0};
            fly_btree_logged logged;
            FLY_IGNORE(fly_btree_log_decode(record->type, fly_bytes_of(copy, len), &logged, &err));
            /* On a world that ends with this: its pages must stay sound. */
            fly_status status = fly_btree_redo(world.pool, record->type, fly_bytes_of(copy, len),
                                               lsn, ignore_missing, NULL, &err);
            HOLDS(status == FLY_OK || status == FLY_E_CORRUPT || status == FLY_E_TOO_LARGE ||
                  status == FLY_E_NO_SPACE);
            HOLDS(status == FLY_OK || err.message[0] != '\0');
            free(copy);
        }
        FLY_IGNORE(fly_btree_redo(world.pool, record->type, record_body(record), lsn,
                                  ignore_missing, NULL, &world.err));
        if (fly_pagefile_pages(world.file) > PAGES_MAX) {
            break; /* a damaged number made the file grow */
        }
    }
    world_close(&world);
    fly_sim_env_deinit(&sim);
    forget(&story);
}

START_TEST(a_damaged_record_is_refused_or_does_no_harm_to_memory)
{
    struct world_options options = plain;
    ck_assert(fly_test_seeds("damaged records", LESS > 1 ? 2 : 20, damaged_records, &options));
}
END_TEST

START_TEST(unknown_records_are_refused)
{
    fly_sim_env sim;
    struct world world;
    fly_btree_logged logged;
    uint8_t body[16] = {0};
    fly_sim_env_init(&sim, NULL);
    OK(world_open_pool(&world, &sim.env, NULL), &world.err);
    for (uint32_t type = 0; type < 256; type++) {
        if (type >= FLY_BTREE_LOG_PUT && type <= FLY_BTREE_LOG_LOADED) {
            continue;
        }
        WANT(fly_btree_redo(world.pool, (uint8_t)type, fly_bytes_of(body, sizeof body), 1, NULL,
                            NULL, &world.err),
             FLY_E_CORRUPT, &world.err);
        WANT(fly_btree_log_decode((uint8_t)type, fly_bytes_of(body, sizeof body), &logged,
                                  &world.err),
             FLY_E_CORRUPT, &world.err);
    }
    world_close(&world);
    fly_sim_env_deinit(&sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree redo");
    TCase *tests = fly_test_case(suite, "redo");
    tcase_add_loop_test(tests, records_are_redone_on_pages_of_any_age, 0, 3);
    tcase_add_test(tests, a_log_may_end_behind_any_record);
    tcase_add_test(tests, a_damaged_record_is_refused_or_does_no_harm_to_memory);
    tcase_add_test(tests, unknown_records_are_refused);
    return fly_test_run(suite);
}
