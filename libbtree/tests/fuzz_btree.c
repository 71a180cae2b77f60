/*
 * Fuzz target: bytes that say they are a node, bytes that say they are a log record, and scripts.
 *
 * The first byte chooses. A node, made up or a sound one with some bytes changed, takes its place in a
 * tree: it is checked, shown, salvaged, verified and read whatever it is, and changed if the check lets
 * it in. A
 * record is taken apart, shown, and redone on a small file with pages of all kinds. A script of
 * puts, removes and scans is run against an array. Nothing may crash, hang, or be wrong.
 */
#include "world.h"

#include <fly/btree_dissect.h>

enum { PAGE = 4096, PAGES = 64, KEYS = 64, OPS_MAX = 600 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void ignore_field(void *ctx, const fly_dissected *field)
{
    size_t *shown = ctx;
    *shown += field->len;
}

static void ignore_status(fly_status status)
{
    HOLDS(status < FLY_STATUS_COUNT);
}

static fly_bytes small_key(uint32_t i, uint8_t to[64])
{
    size_t len =
        (size_t)snprintf((char *)to, 64, "%s%u", i % 3 == 0 ? "prefix/" : "", i * 37 % KEYS);
    return fly_bytes_of(to, len);
}

/* A tree of three leaves and more in a small file. */
static void small_world(fly_sim_env *sim, struct world *world, struct journal *journal)
{
    static uint8_t value[300];
    fly_sim_env_init(sim, NULL);
    journal_init(journal);
    OK(world_create(world, &sim->env, &(struct world_options){.journal = journal}), &world->err);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t key[64];
        OK(fly_btree_put(world->tree, small_key(i, key), fly_bytes_of(value, 200), &world->err),
           &world->err);
    }
}

/* ------------------------------------------------------------------------------ nodes */

static void use_tree(fly_btree *tree, bool change)
{
    static uint8_t value[8000];
    fly_err err = {0};
    uint64_t len;
    fly_btree_cursor *cursor = NULL;
    ignore_status(fly_btree_verify(tree, NULL, NULL, NULL, &err));
    OK(fly_btree_cursor_create(tree, &cursor, &err), &err);
    uint32_t steps = 0;
    for (fly_status status = fly_btree_cursor_first(cursor, &err); status == FLY_OK; steps++) {
        HOLDS(steps < 1 << 20);
        ignore_status(fly_btree_cursor_value(cursor, value, sizeof value, &len, &err));
        status = fly_btree_cursor_next(cursor, &err);
    }
    for (fly_status status = fly_btree_cursor_last(cursor, &err); status == FLY_OK; steps++) {
        HOLDS(steps < 1 << 20);
        status = fly_btree_cursor_previous(cursor, &err);
    }
    fly_btree_cursor_destroy(cursor);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t key[64];
        ignore_status(fly_btree_get(tree, small_key(i, key), value, sizeof value, &len, &err));
        if (change) {
            ignore_status(fly_btree_put(tree, small_key(i, key),
                                        fly_bytes_of(value, i % 5 == 0 ? 5000 : i * 9), &err));
        }
    }
    for (uint32_t i = 0; i < KEYS && change; i++) {
        uint8_t key[64];
        ignore_status(fly_btree_remove(tree, small_key(i, key), &err));
    }
}

static void look_at(const uint8_t *page)
{
    fly_btree_image image;
    fly_dissector d;
    size_t shown = 0;
    fly_dissect_begin(&d, fly_bytes_of(page, PAGE), ignore_field, &shown);
    (void)fly_btree_dissect_page(&d, NULL);
    if (!fly_btree_image_of(page, PAGE, &image)) {
        return;
    }
    for (uint32_t i = 0; i < image.count; i++) {
        uint8_t room[FLY_BTREE_IMAGE_KEY];
        fly_bytes key;
        fly_btree_entry entry;
        if (fly_btree_image_entry(&image, i, room, &key, &entry) == FLY_OK) {
            HOLDS(entry.value.data + entry.value.len <= page + PAGE);
        }
    }
}

/* Put a page in the place of one of a tree, and use that. */
static void replace_and_use(struct world *world, uint32_t number, const uint8_t *page)
{
    fly_pageref ref;
    look_at(page);
    bool sound = fly_btree_check_page(NULL, number, page, PAGE, &world->err) == FLY_OK;
    OK(fly_bufpool_fix_exclusive(world->pool, number, &ref, &world->err), &world->err);
    memcpy(ref.bytes, page, PAGE);
    fly_bufpool_unfix_exclusive(&ref);
    use_tree(world->tree, sound);
}

/* The root, from nothing. */
static void try_node(const uint8_t *data, size_t len)
{
    fly_sim_env sim;
    struct world world;
    struct journal journal;
    uint8_t *page = calloc(1, PAGE);
    HOLDS(page != NULL);
    /* The beginning of the page, then its end: small inputs have both. */
    size_t head = len / 2 < PAGE / 2 ? len / 2 : PAGE / 2;
    size_t tail = len - head < PAGE / 2 ? len - head : PAGE / 2;
    memcpy(page, data, head);
    memcpy(page + PAGE - tail, data + head, tail);
    look_at(page);
    small_world(&sim, &world, &journal);
    fly_put_u32(page, world.root);
    fly_put_u32(page + 24, TREE_ID);
    replace_and_use(&world, world.root, page);
    world_close(&world);
    journal_deinit(&journal);
    fly_sim_env_deinit(&sim);
    free(page);
}

/* A sound page with some bytes changed: three bytes for each, place and value. */
static void try_edits(const uint8_t *data, size_t len)
{
    fly_sim_env sim;
    struct world world;
    struct journal journal;
    fly_pageref ref;
    small_world(&sim, &world, &journal);
    uint32_t number = data[0] % fly_pagefile_pages(world.file);
    if (!fly_pagefile_is_own(world.file, number) && fly_bufpool_has(world.pool, number)) {
        uint8_t *page = malloc(PAGE);
        HOLDS(page != NULL);
        OK(fly_bufpool_fix_shared(world.pool, number, &ref, &world.err), &world.err);
        memcpy(page, ref.bytes, PAGE);
        fly_bufpool_unfix_shared(&ref);
        for (size_t at = 1; at + 3 <= len; at += 3) {
            page[fly_get_u16(data + at) % PAGE] = data[at + 2];
        }
        fly_put_u32(page, number);
        replace_and_use(&world, number, page);
        free(page);
    }
    world_close(&world);
    journal_deinit(&journal);
    fly_sim_env_deinit(&sim);
}

/* ---------------------------------------------------------------------------- records */

static void ignore_page(void *ctx, uint32_t page)
{
    (void)ctx;
    (void)page;
}

static void ignore_missing(void *ctx, uint32_t page, bool gone)
{
    (void)ctx;
    (void)page;
    (void)gone;
}

/* A wrong number would only make the file grow. */
static void make_small(uint8_t *at)
{
    fly_put_u32(at, fly_get_u32(at) % PAGES);
}

static void make_numbers_small(uint8_t type, uint8_t *body, size_t len)
{
    if (type != FLY_BTREE_LOG_NODES && len >= 8) {
        make_small(body + 4);
    }
    size_t at = 4;
    while (type == FLY_BTREE_LOG_NODES && at + 9 <= len) {
        make_small(body + at + 1);
        uint32_t size = fly_get_u32(body + at + 5);
        at = size < len - at - 9 ? at + 9 + size : len;
    }
}

static void try_record(const uint8_t *data, size_t len)
{
    fly_sim_env sim;
    struct world world;
    struct journal journal;
    fly_btree_logged logged;
    fly_dissector d;
    size_t shown = 0;
    fly_err err = {0};
    uint8_t type = data[0] % 8;
    uint8_t *body = malloc(len);
    HOLDS(body != NULL);
    len--;
    memcpy(body, data + 1, len);
    make_numbers_small(type, body, len);
    fly_dissect_begin(&d, fly_bytes_of(body, len), ignore_field, &shown);
    (void)fly_btree_dissect_record(&d, type, NULL);
    ignore_status(fly_btree_log_decode(type, fly_bytes_of(body, len), &logged, &err));
    ignore_status(fly_btree_log_freed(fly_bytes_of(body, len), ignore_page, NULL, &err));

    small_world(&sim, &world, &journal);
    fly_status redone = fly_btree_redo(world.pool, type, fly_bytes_of(body, len), UINT64_MAX - 1,
                                       ignore_missing, NULL, &err);
    /* What was redone left nodes that can be worked on. */
    uint32_t pages = redone == FLY_OK ? fly_pagefile_pages(world.file) : 0;
    for (uint32_t page = 0; page < pages; page++) {
        fly_pageref ref;
        if (!fly_pagefile_is_own(world.file, page) && fly_bufpool_has(world.pool, page) &&
            fly_bufpool_fix_shared(world.pool, page, &ref, &err) == FLY_OK) {
            OK(fly_btree_check_page(NULL, page, ref.bytes, PAGE, &err), &err);
            fly_bufpool_unfix_shared(&ref);
        }
    }
    world_close(&world);
    journal_deinit(&journal);
    fly_sim_env_deinit(&sim);
    free(body);
}

/* ---------------------------------------------------------------------------- scripts */

struct slot {
    bool there;
    uint32_t len;
};

static fly_bytes script_key(uint32_t i, size_t key_max, uint8_t *to)
{
    /* Short, long and longest ones, in order of `i`. */
    memset(to, 'k', key_max);
    fly_put_u16be(to + i / 8 % 3 * 20, (uint16_t)(i + 0x6b6b));
    return fly_bytes_of(to, i % 4 == 0 ? key_max : i % 4 * 50);
}

static void try_script(const uint8_t *data, size_t len)
{
    static uint8_t value[9000];
    fly_sim_env sim;
    struct world world;
    struct slot slots[256] = {{0}};
    fly_sim_env_init(&sim, NULL);
    OK(world_create(&world, &sim.env, NULL), &world.err);
    size_t key_max = fly_btree_key_max(world.tree);
    uint8_t *key = malloc(key_max);
    HOLDS(key != NULL);
    for (size_t at = 0; at + 3 <= len && at < 3 * OPS_MAX; at += 3) {
        uint32_t i = data[at + 1];
        uint64_t got = 0;
        fly_bytes k = script_key(i, key_max, key);
        fly_status there = slots[i].there ? FLY_OK : FLY_E_NOT_FOUND;
        switch (data[at] % 4) {
        case 0:
        case 1:
            slots[i] = (struct slot){true, data[at] >= 250 ? 9000 : data[at + 2] * 4u};
            OK(fly_btree_put(world.tree, k, fly_bytes_of(value, slots[i].len), &world.err),
               &world.err);
            break;
        case 2:
            WANT(fly_btree_remove(world.tree, k, &world.err), there, &world.err);
            slots[i].there = false;
            break;
        default:
            WANT(fly_btree_get(world.tree, k, value, sizeof value, &got, &world.err), there,
                 &world.err);
            HOLDS(!slots[i].there || got == slots[i].len);
            break;
        }
    }
    fly_btree_stats stats;
    world_verify(&world, &stats);
    uint64_t count = 0;
    for (uint32_t i = 0; i < 256; i++) {
        count += slots[i].there;
    }
    HOLDS(stats.entries == count);
    free(key);
    world_close(&world);
    fly_sim_env_deinit(&sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2 || len > 3 * PAGE) {
        return 0;
    }
    switch (data[0] % 4) {
    case 0:
        try_node(data + 1, len - 1);
        break;
    case 1:
        try_edits(data + 1, len - 1);
        break;
    case 2:
        try_record(data + 1, len - 1);
        break;
    default:
        try_script(data + 1, len - 1);
        break;
    }
    return 0;
}
