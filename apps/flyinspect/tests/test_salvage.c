/*
 * Goal: verify names every damage, salvage gives back everything that was not damaged, and nothing
 * that never was; the damaged store stays as it is.
 * Method: a store on disk whose contents are known, damaged in one place after the other. What each
 * page holds is read from the undamaged file, so that for each damage it is known what must survive.
 */
#define _POSIX_C_SOURCE 200809L

#include "world.h"

#include <fly/btree_dissect.h>

#include <sys/wait.h>

enum { PAGES_MAX = 1024 };

static const char log_file[] = "wal/000000000000.wal";

/* --------------------------------------------------------------- what salvage has made */

/* How much of the known contents a store has. */
typedef struct contents {
    bool fruit[FRUITS];
    bool longs[LONGS];
    uint32_t fruits;
    uint32_t long_values;
} contents;

/* Note an entry. One that was never there, or has another value, fails the test. */
static void see_entry(fly_cursor *cursor, contents *found)
{
    static char value[VALUE_MAX];
    static char wanted[VALUE_MAX];
    char key[64] = "";
    fly_bytes stored = fly_cursor_key(cursor);
    uint64_t len = fly_cursor_value_len(cursor);
    memcpy(key, stored.data, stored.len < sizeof key - 1 ? stored.len : sizeof key - 1);
    bool fruit = strncmp(key, "fruit/", 6) == 0;
    uint32_t i = (uint32_t)strtoul(key + (fruit ? 6 : 5), NULL, 10);
    if (i >= (fruit ? (uint32_t)FRUITS : (uint32_t)LONGS) || (fruit && !fruit_exists(i)) ||
        len > sizeof value) {
        ck_abort_msg("there is \"%s\", which was never there or was deleted", key);
    }
    OK(fly_cursor_read(cursor, 0, value, (size_t)len, &err), err);
    size_t right = fruit ? fruit_value(i, wanted) : long_value(i, wanted);
    if (right != len || memcmp(value, wanted, right) != 0) {
        ck_abort_msg("the value of \"%s\" is wrong", key);
    }
    if (fruit) {
        found->fruit[i] = true;
        found->fruits++;
    } else {
        found->longs[i] = true;
        found->long_values++;
    }
}

static void read_tree(fly_txn *txn, const char *name, contents *found)
{
    fly_tree *tree;
    fly_cursor *cursor;
    OK(fly_txn_tree_open(txn, name, 0, &tree, &err), err);
    OK(fly_cursor_open(txn, tree, &cursor, &err), err);
    fly_status status = fly_cursor_first(cursor, &err);
    for (; status == FLY_OK; status = fly_cursor_next(cursor, &err)) {
        see_entry(cursor, found);
    }
    FLY_CHECK(status, FLY_E_END, err);
    fly_cursor_close(cursor);
}

enum { NAMES = 1000 };

static void see_tree(void *ctx, const char *name)
{
    size_t len = strlen(ctx);
    (void)snprintf((char *)ctx + len, NAMES - len, "%s ", name);
}

/* Read the store that salvage made; `names` are those of its trees. */
static void read_fresh(contents *found, char names[NAMES])
{
    fly_store *opened = open_store(fresh, false);
    fly_txn *txn;
    char each[NAMES];
    *found = (contents){.fruits = 0};
    names[0] = '\0';
    OK(fly_store_verify(opened, NULL, NULL, &err), err);
    OK(fly_txn_begin(opened, NULL, &txn, &err), err);
    OK(fly_txn_tree_list(txn, see_tree, names, &err), err);
    memcpy(each, names, sizeof each);
    char *rest = NULL;
    for (char *name = strtok_r(each, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        if (strncmp(name, "suspect-", 8) != 0) {
            read_tree(txn, name, found);
        }
    }
    fly_txn_rollback(txn);
    OK(fly_store_close(opened, &err), err);
}

static uint32_t fruits_there_should_be(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < FRUITS; i++) {
        count += fruit_exists(i) ? 1 : 0;
    }
    return count;
}

static void everything_is_there(void)
{
    contents found;
    char names[NAMES];
    read_fresh(&found, names);
    ck_assert_str_eq(names, "empty fruit long ");
    ck_assert_uint_eq(found.fruits, fruits_there_should_be());
    ck_assert_uint_eq(found.long_values, LONGS);
}

/* ------------------------------------------------------------- what lies on which page */

static uint32_t page_of_fruit[FRUITS];
static bool page_of_long[LONGS][PAGES_MAX];
static uint8_t kind_of_page[PAGES_MAX];
static uint32_t page_count;

static bool read_page(uint32_t page, uint8_t *bytes, fly_btree_image *image)
{
    read_file("data.db", (uint64_t)page * PAGE, bytes, PAGE);
    return fly_page_verify(bytes, PAGE, page, NULL) == FLY_OK &&
           fly_btree_image_of(bytes, PAGE, image);
}

static void note_blob(uint32_t i, const uint8_t *reference)
{
    uint8_t bytes[PAGE];
    uint32_t page = fly_btree_blob_page(reference);
    while (page != FLY_PAGE_NONE) {
        fly_btree_image image;
        fly_bytes piece;
        ck_assert(page < page_count && read_page(page, bytes, &image));
        page_of_long[i][page] = true;
        OK(fly_btree_image_blob(&image, &page, &piece), err);
    }
}

static void note_entry(uint32_t page, fly_bytes key, fly_btree_entry entry)
{
    char text[64] = "";
    memcpy(text, key.data, key.len < sizeof text - 1 ? key.len : sizeof text - 1);
    if (strncmp(text, "fruit/", 6) == 0) {
        page_of_fruit[strtoul(text + 6, NULL, 10)] = page;
    } else if (strncmp(text, "long/", 5) == 0) {
        uint32_t i = (uint32_t)strtoul(text + 5, NULL, 10);
        page_of_long[i][page] = true;
        if (entry.blob) {
            note_blob(i, entry.value.data + entry.value.len - FLY_BTREE_BLOB_REF);
        }
    }
}

static void map_store(void)
{
    page_count = (uint32_t)(file_size("data.db") / PAGE);
    ck_assert_uint_lt(page_count, PAGES_MAX);
    for (uint32_t page = 0; page < page_count; page++) {
        uint8_t bytes[PAGE];
        uint8_t room[FLY_BTREE_IMAGE_KEY];
        fly_btree_image image;
        bool ours = read_page(page, bytes, &image);
        kind_of_page[page] = fly_page_kind(bytes);
        for (uint32_t i = 0; ours && image.kind == FLY_BTREE_PAGE_LEAF && i < image.count; i++) {
            fly_bytes key;
            fly_btree_entry entry;
            OK(fly_btree_image_entry(&image, i, room, &key, &entry), err);
            note_entry(page, key, entry);
        }
    }
}

/* Salvage has found what does not depend on this page. */
static void everything_else_is_there(uint32_t page)
{
    contents found;
    char names[NAMES];
    read_fresh(&found, names);
    for (uint32_t i = 0; i < FRUITS; i++) {
        if (!found.fruit[i] && fruit_exists(i) && page_of_fruit[i] != page) {
            ck_abort_msg("damage of page %u cost fruit %u, which is on page %u", page, i,
                         page_of_fruit[i]);
        }
    }
    for (uint32_t i = 0; i < LONGS; i++) {
        if (!found.longs[i] && !page_of_long[i][page]) {
            ck_abort_msg("damage of page %u cost long value %u", page, i);
        }
    }
}

/* --------------------------------------------------------------------- no damage */

START_TEST(an_undamaged_store_is_sound_and_salvaged_whole)
{
    make_store();
    ck_assert_int_eq(verify(), 0);
    SAYS("\nsound\n");
    ck_assert_int_eq(salvage(), 0);
    SAYS("nothing was lost");
    everything_is_there();
}
END_TEST

START_TEST(a_store_whose_process_died_is_sound_and_salvaged_with_what_is_in_its_log)
{
    make_crashed_store();
    ck_assert_int_eq(verify(), 0);
    SAYS("log records replayed, 1 transactions undone");
    ck_assert_int_eq(salvage(), 0);
    everything_is_there();
}
END_TEST

/* A number for all bytes of all files. */
static uint64_t hash_of(const char *const *names, size_t count)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = file_size(names[i]);
        uint8_t *bytes = malloc(size + 1);
        ck_assert_ptr_nonnull(bytes);
        read_file(names[i], 0, bytes, size);
        for (uint64_t at = 0; at < size; at++) {
            hash = (hash ^ bytes[at]) * 1099511628211u;
        }
        hash ^= size;
        free(bytes);
    }
    return hash;
}

static void count_name(void *ctx, const char *name)
{
    (void)name;
    ++*(uint32_t *)ctx;
}

static uint32_t count_files(void)
{
    uint32_t count = 0;
    char wal[200];
    path_in_store("wal", wal);
    OK(fly_vfs_list(env.vfs, store, count_name, &count, &err), err);
    OK(fly_vfs_list(env.vfs, wal, count_name, &count, &err), err);
    return count;
}

START_TEST(no_command_changes_a_store_that_would_be_recovered)
{
    static const char *const files[] = {"data.db", "doublewrite", "lock", log_file};
    make_crashed_store();
    uint64_t hash = hash_of(files, 4);
    uint32_t count = count_files();
    ck_assert_int_eq(verify(), 0);
    ck_assert_int_eq(salvage(), 0);
    ck_assert_int_eq(command(&inspect_summary, 1, (const char *const[]){store}), 0);
    ck_assert_int_eq(command(&inspect_tree, 2, (const char *const[]){store, "fruit"}), 0);
    ck_assert(hash == hash_of(files, 4));
    ck_assert_uint_eq(count, count_files());
}
END_TEST

/* ------------------------------------------------------------------------ pages */

START_TEST(a_flipped_bit_in_any_page_is_named_and_costs_that_page_only)
{
    make_store();
    map_store();
    uint32_t seen[32] = {0};
    for (uint32_t page = 0; page < page_count; page++) {
        uint8_t kind = kind_of_page[page];
        if (kind == FLY_PAGE_TYPE_NONE || kind >= 32 || ++seen[kind] > fly_test_rounds(5)) {
            continue;
        }
        uint64_t offset = (uint64_t)page * PAGE + (page * 131 + 7) % PAGE;
        char place[100];
        flip_bit("data.db", offset, page % 8);
        (void)snprintf(place, sizeof place, "offset %u, page %u (", page * PAGE, page);
        int code = verify();
        SAYS(place);
        ck_assert(code == 1 || strstr(said, "nothing is lost") != NULL);
        (void)salvage();
        everything_else_is_there(page);
        flip_bit("data.db", offset, page % 8);
    }
    ck_assert(seen[FLY_PAGE_TYPE_HEADER] > 0 && seen[FLY_PAGE_TYPE_MAP] > 0);
    ck_assert(seen[FLY_BTREE_PAGE_LEAF] > 4 && seen[FLY_BTREE_PAGE_INNER] > 0);
    ck_assert(seen[FLY_BTREE_PAGE_BLOB] > 4);
    ck_assert_int_eq(verify(), 0);
}
END_TEST

START_TEST(a_page_of_zeros_is_missed_by_its_parent_and_named_with_its_keys)
{
    static const uint8_t zeros[PAGE];
    make_store();
    map_store();
    uint32_t page = page_of_fruit[200];
    write_file("data.db", (uint64_t)page * PAGE, zeros, PAGE);
    ck_assert_int_eq(verify(), 1);
    ck_assert_int_eq(salvage(), 1);
    SAYS("all of it is zero; keys from \"fruit/");
    everything_else_is_there(page);
}
END_TEST

START_TEST(a_page_in_the_place_of_another_is_named)
{
    uint8_t other[PAGE];
    make_store();
    map_store();
    uint32_t page = page_of_fruit[0];
    ck_assert_uint_ne(page, page_of_fruit[399]);
    read_file("data.db", (uint64_t)page_of_fruit[399] * PAGE, other, PAGE);
    write_file("data.db", (uint64_t)page * PAGE, other, PAGE);
    ck_assert_int_eq(verify(), 1);
    ck_assert_int_eq(salvage(), 1);
    everything_else_is_there(page);
}
END_TEST

START_TEST(a_file_that_was_cut_gives_back_the_pages_before_the_cut)
{
    char path[200];
    make_store();
    map_store();
    path_in_store("data.db", path);
    uint32_t kept = page_of_fruit[250];
    ck_assert_int_eq(truncate(path, (off_t)kept * PAGE + 100), 0);
    ck_assert_int_eq(verify(), 1);
    SAYS("data.db: the file ends at byte");
    ck_assert_int_eq(salvage(), 1);
    SAYS("beyond the end of the file");
    contents found;
    char names[NAMES];
    read_fresh(&found, names);
    ck_assert_uint_gt(found.fruits, 0);
    for (uint32_t i = 0; i < FRUITS; i++) {
        ck_assert_msg(found.fruit[i] || !fruit_exists(i) || page_of_fruit[i] >= kept,
                      "fruit %u, page %u of %u", i, page_of_fruit[i], kept);
    }
}
END_TEST

START_TEST(without_header_and_map_the_page_size_is_found_out_and_everything_is_there)
{
    uint8_t rubbish[2 * PAGE];
    make_store();
    memset(rubbish, 0xa5, sizeof rubbish);
    write_file("data.db", 0, rubbish, sizeof rubbish);
    ck_assert_int_eq(verify(), 1);
    SAYS("is not a FlyDB page file");
    ck_assert_int_eq(salvage(), 1);
    SAYS("pages seem to have 4096 bytes");
    everything_is_there();
}
END_TEST

/* Write bytes as page `page`: with its number, of that tree, whole. */
static void forge_page(uint32_t page, uint8_t *bytes, uint32_t tree)
{
    fly_put_u32(bytes, page);
    fly_put_u32(bytes + 24, tree);
    fly_page_seal(bytes, PAGE);
    write_file("data.db", (uint64_t)page * PAGE, bytes, PAGE);
}

/* As make_store(), but with free pages between others: those at the end go when a store is closed. */
static void make_store_with_gaps(void)
{
    static uint8_t value[20 * PAGE];
    fly_store *made = open_store(store, true);
    fly_txn *txn;
    fly_tree *gap;
    OK(fly_txn_begin(made, NULL, &txn, &err), err);
    OK(fly_txn_tree_open(txn, "gap", FLY_TREE_CREATE, &gap, &err), err);
    OK(fly_txn_put(txn, gap, fly_bytes_of("x", 1), fly_bytes_of(value, sizeof value), &err), err);
    OK(fly_txn_commit(txn, &err), err);
    fill_store(made, 0, 1);
    OK(fly_txn_begin(made, NULL, &txn, &err), err);
    OK(fly_txn_tree_drop(txn, "gap", &err), err);
    OK(fly_txn_commit(txn, &err), err);
    OK(fly_store_close(made, &err), err);
}

static uint32_t free_page(void)
{
    for (uint32_t page = 2; page < page_count; page++) {
        if (kind_of_page[page] == FLY_PAGE_TYPE_NONE) {
            return page;
        }
    }
    ck_abort_msg("no page is free");
}

/* Put, or delete, what is not part of the known contents. */
static void change_deleted(bool there)
{
    fly_store *opened = open_store(store, false);
    fly_txn *txn;
    fly_tree *fruit;
    OK(fly_txn_begin(opened, NULL, &txn, &err), err);
    OK(fly_txn_tree_open(txn, "fruit", 0, &fruit, &err), err);
    for (uint32_t i = 3; i < FRUITS; i += 7) {
        char key[32];
        size_t key_len = fruit_key(i, key, sizeof key);
        if (there) {
            put_fruit(txn, fruit, i);
        } else {
            OK(fly_txn_delete(txn, fruit, fly_bytes_of(key, key_len), &err), err);
        }
    }
    OK(fly_txn_commit(txn, &err), err);
    OK(fly_store_close(opened, &err), err);
}

START_TEST(an_abandoned_leaf_does_not_bring_back_what_newer_ones_know_to_be_gone)
{
    uint8_t old[PAGE];
    make_store_with_gaps();
    change_deleted(true);
    map_store();
    uint32_t page = page_of_fruit[3];
    read_file("data.db", (uint64_t)page * PAGE, old, PAGE);
    change_deleted(false);
    map_store();
    uint32_t tree = fly_get_u32(old + 24);
    forge_page(free_page(), old, tree);
    flip_bit("data.db", PAGE + 1000, 2); /* the map: whether that page is in use is not known now */
    ck_assert_int_eq(salvage(), 1);
    SAYS("the allocation maps are");
    everything_is_there();
}
END_TEST

START_TEST(a_leaf_on_a_free_page_is_not_salvaged)
{
    contents found;
    char names[NAMES];
    uint8_t old[PAGE];
    make_store_with_gaps();
    map_store();
    read_file("data.db", (uint64_t)page_of_fruit[0] * PAGE, old, PAGE);
    forge_page(free_page(), old, 99);
    flip_bit("data.db", (uint64_t)page_of_fruit[399] * PAGE + 200, 2);
    ck_assert_int_eq(salvage(), 1);
    read_fresh(&found, names);
    ck_assert_str_eq(names, "empty fruit long ");
}
END_TEST

START_TEST(a_page_with_a_right_checksum_and_wrong_contents_is_named)
{
    uint8_t bytes[PAGE];
    char place[100];
    make_store();
    map_store();
    uint32_t page = page_of_fruit[0];
    read_file("data.db", (uint64_t)page * PAGE, bytes, PAGE);
    fly_put_u16(bytes + 64 + 8, 4090); /* a slot points beyond the end */
    forge_page(page, bytes, fly_get_u32(bytes + 24));
    ck_assert_int_eq(verify(), 1);
    (void)snprintf(place, sizeof place, "DAMAGED  data.db, offset %u, page %u (leaf", page * PAGE,
                   page);
    SAYS(place);
    ck_assert_int_eq(salvage(), 1);
    everything_else_is_there(page);
}
END_TEST

START_TEST(a_page_that_a_crash_tore_is_repaired_from_the_double_write_area)
{
    static const uint8_t zeros[PAGE / 2];
    pid_t child = fork();
    if (child == 0) {
        fly_store *made = open_store(store, true);
        fill_store(made, 0, 1);
        if (fly_store_checkpoint(made, &err) != FLY_OK) {
            _exit(1);
        }
        _exit(0); /* with the last batch, header and map, in the area */
    }
    int result = 0;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    write_file("data.db", PAGE + PAGE / 2, zeros, sizeof zeros);
    uint8_t bit = 1;
    write_file("data.db", PAGE + 100, &bit, 1);
    ck_assert_int_eq(verify(), 0);
    ck_assert_int_eq(salvage(), 0);
    everything_is_there();
}
END_TEST

START_TEST(without_its_catalog_trees_are_called_by_number)
{
    contents found;
    char names[NAMES];
    char wal[200];
    make_store();
    path_in_store("wal", wal);
    OK(fly_vfs_remove_tree(env.vfs, wal, &err), err);
    flip_bit("data.db", 2 * PAGE + 2000, 3); /* the first page that is given out is the catalog's */
    ck_assert_int_eq(verify(), 1);
    SAYS("page 2 (leaf of tree 1)");
    ck_assert_int_eq(salvage(), 1);
    read_fresh(&found, names);
    FLY_CHECK_SAYS(names, "lost-name-");
    ck_assert_uint_eq(found.fruits, fruits_there_should_be());
    ck_assert_uint_eq(found.long_values, LONGS);
}
END_TEST

START_TEST(what_makes_sense_in_a_damaged_leaf_goes_to_a_tree_of_its_own_if_asked_for)
{
    contents found;
    char names[NAMES];
    make_store();
    map_store();
    uint32_t page = page_of_fruit[100];
    flip_bit("data.db", (uint64_t)page * PAGE + PAGE - 5, 0);
    ck_assert_int_eq(salvage(), 1);
    ck_assert_ptr_null(strstr(said, "suspect"));
    FLY_IGNORE(fly_vfs_remove_tree(env.vfs, fresh, NULL));
    const char *const words[] = {store, fresh, "--suspect"};
    ck_assert_int_eq(command(&inspect_salvage, 3, words), 1);
    SAYS("more from damaged pages");
    read_fresh(&found, names);
    FLY_CHECK_SAYS(names, "suspect-fruit");
    ck_assert(!found.fruit[100]);
}
END_TEST

/* --------------------------------------------------------------------------- the log */

START_TEST(what_a_damaged_page_held_is_taken_from_the_log_as_far_as_that_goes_back)
{
    segment_size = 1 << 20; /* so that the log goes back to the store's beginning */
    make_crashed_store();
    map_store();
    ck_assert_int_eq(verify(), 0);
    ck_assert_ptr_null(strstr(said, " 0 records checked"));
    uint32_t seen[32] = {0};
    for (uint32_t page = 0; page < page_count; page++) {
        uint8_t kind = kind_of_page[page];
        if (kind == FLY_PAGE_TYPE_NONE || kind >= 32 || ++seen[kind] > fly_test_rounds(2)) {
            continue;
        }
        uint64_t offset = (uint64_t)page * PAGE + (page * 173 + 5) % PAGE;
        flip_bit("data.db", offset, page % 8);
        (void)salvage();
        if (strstr(said, "cannot be recovered") != NULL) {
            SAYS("changes were taken from the log");
            everything_is_there();
        } else {
            everything_else_is_there(page);
        }
        flip_bit("data.db", offset, page % 8);
    }
    ck_assert(seen[FLY_BTREE_PAGE_LEAF] > 1 && seen[FLY_PAGE_TYPE_MAP] > 0);
}
END_TEST

START_TEST(entries_that_moved_since_the_checkpoint_are_found_although_no_map_knows_their_page)
{
    segment_size = 64 << 10; /* so that the log does not go back to the store's beginning */
    fly_store *made = make_half_checkpointed();
    OK(fly_bufpool_flush(fly_store_pool(made), UINT64_MAX, 0, NULL, &err), err);
    fly_store_abandon(made);
    flip_bit("data.db", 50, 1);
    ck_assert_int_eq(salvage(), 1);
    SAYS("pages are taken as they lie");
    everything_is_there();
}
END_TEST

START_TEST(without_a_page_file_that_opens_the_log_is_applied_to_pages_as_they_lie)
{
    uint8_t rubbish[2 * PAGE];
    make_crashed_store();
    memset(rubbish, 0x5a, sizeof rubbish);
    write_file("data.db", 0, rubbish, sizeof rubbish);
    ck_assert_int_eq(salvage(), 1);
    SAYS("pages are taken as they lie");
    everything_is_there();
}
END_TEST

START_TEST(without_its_log_a_closed_store_loses_nothing)
{
    char wal[200];
    make_store();
    path_in_store("wal", wal);
    OK(fly_vfs_remove_tree(env.vfs, wal, &err), err);
    ck_assert_int_eq(verify(), 1);
    SAYS("DAMAGED  wal");
    (void)salvage();
    everything_is_there();
}
END_TEST

/* Where the last block of the log that is not zero ends. */
static uint64_t end_of_log(void)
{
    uint8_t block[4096];
    for (uint64_t end = file_size(log_file); end > 0; end -= sizeof block) {
        read_file(log_file, end - sizeof block, block, sizeof block);
        if (block[0] != 0 || memcmp(block, block + 1, sizeof block - 1) != 0) {
            return end;
        }
    }
    return 0;
}

START_TEST(a_damaged_log_is_named_and_what_was_checkpointed_is_there)
{
    contents found;
    char names[NAMES];
    make_crashed_store();
    flip_bit(log_file, end_of_log() - 20000, 1);
    ck_assert_int_eq(verify(), 1);
    SAYS("DAMAGED  wal");
    SAYS("(\"000000000000.wal\", byte ");
    ck_assert_int_eq(salvage(), 1);
    read_fresh(&found, names); /* nothing of what had not been committed is there */
    for (uint32_t i = 0; i < FRUITS; i += 2) {
        ck_assert(found.fruit[i] == fruit_exists(i));
    }
    ck_assert_uint_gt(found.fruits, fruits_there_should_be() / 2 + 10); /* and some of the rest */
}
END_TEST

/* The last write of a log may be torn, so damage there is no damage to libwal. */
START_TEST(an_end_of_the_log_with_whole_records_behind_it_is_doubted)
{
    char path[200];
    segment_size = 1 << 20;
    make_crashed_store();
    path_in_store("wal", path);
    ck_assert_int_eq(command(&inspect_wal, 1, (const char *const[]){path}), 0);
    char *line = said + strlen(said) - 1;
    for (int lines = 0; lines < 3; lines++) { /* to the third line from the end */
        while (*--line != '\n') {
        }
    }
    flip_bit(log_file, strtoull(line + 1, NULL, 10) + 30, 1);
    ck_assert_int_eq(verify(), 1);
    SAYS("but a whole record follows at byte ");
    ck_assert_int_eq(salvage(), 1);
    everything_is_there(); /* that record was of the transaction that had not ended */
}
END_TEST

START_TEST(any_damaged_byte_of_the_log_is_named_or_harmless)
{
    make_crashed_store();
    uint64_t end = end_of_log();
    uint64_t step = end / fly_test_rounds(20);
    for (uint64_t at = 0; at < end; at += step + 1) {
        flip_bit(log_file, at, (unsigned)(at % 8));
        if (verify() == 0) { /* then nothing can be missing */
            ck_assert_int_eq(salvage(), 0);
            everything_is_there();
        }
        flip_bit(log_file, at, (unsigned)(at % 8));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage");
    TCase *tests = fly_test_case(suite, "salvage");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_undamaged_store_is_sound_and_salvaged_whole);
    tcase_add_test(tests, a_store_whose_process_died_is_sound_and_salvaged_with_what_is_in_its_log);
    tcase_add_test(tests, no_command_changes_a_store_that_would_be_recovered);
    tcase_add_test(tests, a_flipped_bit_in_any_page_is_named_and_costs_that_page_only);
    tcase_add_test(tests, a_page_of_zeros_is_missed_by_its_parent_and_named_with_its_keys);
    tcase_add_test(tests, a_page_in_the_place_of_another_is_named);
    tcase_add_test(tests, a_file_that_was_cut_gives_back_the_pages_before_the_cut);
    tcase_add_test(tests,
                   without_header_and_map_the_page_size_is_found_out_and_everything_is_there);
    tcase_add_test(tests, an_abandoned_leaf_does_not_bring_back_what_newer_ones_know_to_be_gone);
    tcase_add_test(tests, a_leaf_on_a_free_page_is_not_salvaged);
    tcase_add_test(tests, a_page_with_a_right_checksum_and_wrong_contents_is_named);
    tcase_add_test(tests, a_page_that_a_crash_tore_is_repaired_from_the_double_write_area);
    tcase_add_test(
        tests, entries_that_moved_since_the_checkpoint_are_found_although_no_map_knows_their_page);
    tcase_add_test(tests, without_its_catalog_trees_are_called_by_number);
    tcase_add_test(tests,
                   what_makes_sense_in_a_damaged_leaf_goes_to_a_tree_of_its_own_if_asked_for);
    tcase_add_test(tests, what_a_damaged_page_held_is_taken_from_the_log_as_far_as_that_goes_back);
    tcase_add_test(tests, without_a_page_file_that_opens_the_log_is_applied_to_pages_as_they_lie);
    tcase_add_test(tests, without_its_log_a_closed_store_loses_nothing);
    tcase_add_test(tests, a_damaged_log_is_named_and_what_was_checkpointed_is_there);
    tcase_add_test(tests, an_end_of_the_log_with_whole_records_behind_it_is_doubted);
    tcase_add_test(tests, any_damaged_byte_of_the_log_is_named_or_harmless);
    return fly_test_run(suite);
}
