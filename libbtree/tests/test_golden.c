/*
 * Goal: pages and log records of every format version that was released can still be read.
 * Method: files kept in golden/, opened, verified, and compared with what is known to be in them; a
 * log redone on an empty file. docs/formats/btree.md explains these very bytes.
 *
 * `test_btree_golden <directory>` writes new ones, for a new version: old ones are never replaced.
 */
#include "world.h"

#include <fly/base_check.h>

enum { FILE_MAX = 1 << 18, BIG = 1500, BUSY_KEYS = 120, LOADED = 40 };

/* Trees beside the world's own. */
enum { GROWN_ID = 8, LOADED_ID = 9, BUSY_ID = 10 };

static const char *const fruits[][2] = {{"apple", "red"}, {"fig", "green"}};

static uint8_t big[BIG];

static fly_btree *create_tree(struct world *world, uint32_t id, uint32_t *root)
{
    fly_btree *tree = NULL;
    fly_btree_options options = world_tree_options(world);
    options.id = id;
    OK(fly_btree_create(world->env, &options, NULL, root, &tree, &world->err), &world->err);
    return tree;
}

static fly_bytes number_key(char *to, uint32_t number)
{
    return fly_bytes_of(to, (size_t)snprintf(to, 16, "user/%04u", number));
}

/* Tree 7, a leaf: apple, fig, kiwi with a blob, and a hole where apricot was. */
static void fill_fruits(struct world *world)
{
    fly_err *err = &world->err;
    OK(fly_btree_put(world->tree, text("apple"), text("red"), err), err);
    OK(fly_btree_put(world->tree, text("apricot"), text("orange"), err), err);
    OK(fly_btree_put(world->tree, text("fig"), text("green"), err), err);
    OK(fly_btree_put(world->tree, text("kiwi"), fly_bytes_of(big, BIG), err), err);
    OK(fly_btree_remove(world->tree, text("apricot"), err), err);
}

/* Tree 8, two levels: twelve entries of 900 bytes. */
static void fill_grown(struct world *world, fly_btree *tree)
{
    for (uint32_t i = 0; i < 12; i++) {
        char key[16];
        OK(fly_btree_put(tree, number_key(key, i), fly_bytes_of(big, 900), &world->err),
           &world->err);
    }
}

/* Tree 9, bulk loaded. */
static void fill_loaded(struct world *world, fly_btree *tree)
{
    fly_btree_load *load = NULL;
    OK(fly_btree_load_begin(tree, 0, NULL, &load, &world->err), &world->err);
    for (uint32_t i = 0; i < LOADED; i++) {
        char key[16];
        OK(fly_btree_load_add(load, number_key(key, i), fly_bytes_of(big, 200), false, &world->err),
           &world->err);
    }
    OK(fly_btree_load_finish(load, &world->err), &world->err);
}

/* Tree 10, with all that can happen to nodes: splits, entries shared, merges, growing, shrinking.
 * In the end every tenth key is there. */
static void fill_busy(struct world *world, fly_btree *tree)
{
    char key[16];
    for (uint32_t i = 0; i < BUSY_KEYS; i++) {
        OK(fly_btree_put(tree, number_key(key, i * 77 % BUSY_KEYS), fly_bytes_of(big, 150),
                         &world->err),
           &world->err);
    }
    for (uint32_t i = 0; i < BUSY_KEYS; i++) {
        if (i % 10 != 0) {
            OK(fly_btree_remove(tree, number_key(key, i), &world->err), &world->err);
        }
    }
}

/* ----------------------------------------------------------------------------- looking */

static void has(struct world *world, fly_btree *tree, fly_bytes key, fly_bytes value)
{
    uint8_t got[BIG];
    uint64_t len = 0;
    OK(fly_btree_get(tree, key, got, sizeof got, &len, &world->err), &world->err);
    HOLDS(len == value.len);
    HOLDS(memcmp(got, value.data, len) == 0);
}

/* Open tree `id`, verify it, and count. */
static fly_btree *open_tree(struct world *world, uint32_t id, uint32_t root, fly_btree_stats *stats)
{
    fly_btree *tree = NULL;
    fly_btree_options options = world_tree_options(world);
    options.id = id;
    OK(fly_btree_open(world->env, &options, root, &tree, &world->err), &world->err);
    OK(fly_btree_verify(tree, NULL, NULL, stats, &world->err), &world->err);
    return tree;
}

/* Roots of trees 7, 8, 9 and 10. */
static void look(struct world *world, const uint32_t roots[4])
{
    fly_btree_stats stats;
    char key[16];
    fly_btree *tree = open_tree(world, TREE_ID, roots[0], &stats);
    HOLDS(stats.entries == 3 && stats.height == 1 && stats.blobs == 1);
    has(world, tree, text(fruits[0][0]), text(fruits[0][1]));
    has(world, tree, text(fruits[1][0]), text(fruits[1][1]));
    has(world, tree, text("kiwi"), fly_bytes_of(big, BIG));
    fly_btree_close(tree);

    tree = open_tree(world, GROWN_ID, roots[1], &stats);
    HOLDS(stats.entries == 12 && stats.height == 2);
    for (uint32_t i = 0; i < 12; i++) {
        has(world, tree, number_key(key, i), fly_bytes_of(big, 900));
    }
    fly_btree_close(tree);

    tree = open_tree(world, LOADED_ID, roots[2], &stats);
    HOLDS(stats.entries == LOADED && stats.height == 2);
    for (uint32_t i = 0; i < LOADED; i++) {
        has(world, tree, number_key(key, i), fly_bytes_of(big, 200));
    }
    fly_btree_close(tree);

    tree = open_tree(world, BUSY_ID, roots[3], &stats);
    HOLDS(stats.entries == BUSY_KEYS / 10);
    for (uint32_t i = 0; i < BUSY_KEYS; i += 10) {
        has(world, tree, number_key(key, i), fly_bytes_of(big, 150));
    }
    fly_btree_close(tree);
}

/* ------------------------------------------------------------------------------- files */

/* ctest runs this program in its own folder. */
static fly_bytes read_golden(const char *path)
{
    static uint8_t bytes[FILE_MAX];
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "\"%s\" is not there: run this in libbtree/tests", path);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    ck_assert_uint_lt(len, sizeof bytes);
    (void)fclose(file);
    return fly_bytes_of(bytes, len);
}

static const uint32_t version_1_roots[4] = {2, 4, 5, 6};

START_TEST(trees_of_version_1_open)
{
    fly_sim_env sim;
    struct world world;
    fly_sim_env_init(&sim, NULL);
    fly_sim_disk_load(sim.disk, "tree.db", read_golden("golden/v1.pages"));
    OK(world_open_pool(&world, &sim.env, NULL), &world.err);
    look(&world, version_1_roots);
    world_close(&world);
    fly_sim_env_deinit(&sim);
}
END_TEST

/* The log: u8 type, u32 length, body; the n-th has LSN n. */
START_TEST(log_records_of_version_1_are_redone)
{
    fly_sim_env sim;
    struct world world;
    fly_bytes log = read_golden("golden/v1.log");
    fly_sim_env_init(&sim, NULL);
    OK(world_open_pool(&world, &sim.env, NULL), &world.err);
    uint64_t lsn = 0;
    bool types[8] = {false};
    for (size_t at = 0; at < log.len; lsn++) {
        uint8_t type = log.data[at];
        uint32_t len = fly_get_u32(log.data + at + 1);
        ck_assert_uint_le(at + 5 + len, log.len);
        OK(fly_btree_redo(world.pool, type, fly_bytes_of(log.data + at + 5, len), lsn + 1, NULL,
                          NULL, &world.err),
           &world.err);
        types[type] = true;
        at += 5 + len;
    }
    for (int type = FLY_BTREE_LOG_PUT; type <= FLY_BTREE_LOG_LOADED; type++) {
        ck_assert(types[type]);
    }
    look(&world, version_1_roots);
    world_close(&world);
    fly_sim_env_deinit(&sim);
}
END_TEST

/* ----------------------------------------------------------------------------- writing */

static void write_file(const char *directory, const char *name, const uint8_t *bytes, size_t len)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    HOLDS(file != NULL);
    HOLDS(fwrite(bytes, 1, len, file) == len);
    (void)fclose(file);
}

static void write_golden(const char *directory)
{
    static uint8_t bytes[FILE_MAX];
    fly_sim_env sim;
    struct world world;
    struct journal journal;
    uint32_t roots[4];
    fly_sim_env_init(&sim, &(fly_sim_env_options){.seed = 1});
    journal_init(&journal);
    OK(world_create(&world, &sim.env, &(struct world_options){.journal = &journal}), &world.err);
    roots[0] = world.root;
    fill_fruits(&world);
    fly_btree *grown = create_tree(&world, GROWN_ID, &roots[1]);
    fly_btree *loaded = create_tree(&world, LOADED_ID, &roots[2]);
    fly_btree *busy = create_tree(&world, BUSY_ID, &roots[3]);
    fill_grown(&world, grown);
    fill_loaded(&world, loaded);
    fill_busy(&world, busy);
    fly_btree_close(grown);
    fly_btree_close(loaded);
    fly_btree_close(busy);
    look(&world, roots);
    OK(fly_bufpool_flush(world.pool, UINT64_MAX, 0, NULL, &world.err), &world.err);
    OK(fly_pagefile_checkpoint(world.file, 0, NULL, &world.err), &world.err);
    OK(fly_pagefile_shrink(world.file, &world.err), &world.err);
    OK(fly_pagefile_checkpoint(world.file, 0, NULL, &world.err), &world.err); /* and sync */
    world_close(&world);

    uint64_t len = 0;
    OK(fly_sim_disk_dump(sim.disk, "tree.db", bytes, sizeof bytes, &len), &world.err);
    HOLDS(len <= sizeof bytes);
    write_file(directory, "v1.pages", bytes, len);
    len = 0;
    for (size_t i = 0; i < journal.count; i++) {
        const struct record *record = &journal.records[i];
        HOLDS(len + 5 + record->len <= sizeof bytes);
        bytes[len] = record->type;
        fly_put_u32(bytes + len + 1, (uint32_t)record->len);
        memcpy(bytes + len + 5, record->body, record->len);
        len += 5 + record->len;
    }
    write_file(directory, "v1.log", bytes, len);
    journal_deinit(&journal);
    fly_sim_env_deinit(&sim);
}

int main(int argc, char **argv)
{
    memset(big, 'v', sizeof big);
    if (argc > 1) {
        write_golden(argv[1]);
        return 0;
    }
    Suite *suite = suite_create("btree golden");
    TCase *tests = fly_test_case(suite, "golden");
    tcase_add_test(tests, trees_of_version_1_open);
    tcase_add_test(tests, log_records_of_version_1_are_redone);
    return fly_test_run(suite);
}
