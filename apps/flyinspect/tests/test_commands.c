/*
 * Goal: the commands show what is there, refuse what they must, and say how they are called.
 * Method: a store on disk whose contents are known; the text and the exit code of each command.
 */
#define _POSIX_C_SOURCE 200809L

#include "world.h"

START_TEST(summary_shows_trees_with_their_figures)
{
    make_store();
    ck_assert_int_eq(command(&inspect_summary, 1, (const char *const[]){store}), 0);
    SAYS("of 4096 bytes");
    SAYS("  fruit ");
    SAYS("  long ");
    SAYS("  empty ");
    SAYS("0 transactions to undo");
}
END_TEST

START_TEST(tree_shows_figures_a_graph_or_entries)
{
    make_store();
    ck_assert_int_eq(command(&inspect_tree, 2, (const char *const[]){store, "long"}), 0);
    SAYS("long values  12, on ");
    ck_assert_int_eq(command(&inspect_tree, 3, (const char *const[]){store, "fruit", "--dot"}), 0);
    ck_assert(strncmp(said, "digraph", 7) == 0);
    ck_assert_int_eq(command(&inspect_tree, 3, (const char *const[]){store, "--entries", "fruit"}),
                     0);
    ck_assert(strncmp(said, "\"fruit/00000\" = \"abcdefghij\"\n", 29) == 0);
    ck_assert_ptr_null(strstr(said, "fruit/00003")); /* deleted */
    ck_assert_int_eq(command(&inspect_tree, 3, (const char *const[]){store, "long", "--entries"}),
                     0);
    SAYS(" of 36000 bytes\n");
}
END_TEST

static int page(const char *file, const char *number, const char *option)
{
    char path[200];
    path_in_store(file, path);
    return command(&inspect_page, option != NULL ? 3 : 2,
                   (const char *const[]){path, number, option});
}

START_TEST(pages_are_shown_field_by_field)
{
    make_store();
    ck_assert_int_eq(page("data.db", "0", NULL), 0);
    SAYS("header of the file");
    SAYS("magic: \"FlyDB pg\"");
    SAYS("root of the catalog: 2");
    ck_assert_int_eq(page("data.db", "1", NULL), 0);
    SAYS("allocation map");
    ck_assert_int_eq(page("data.db", "2", NULL), 0);
    SAYS("page 2, offset 8192, 4096 bytes, in use: leaf of tree 1");
    SAYS("entry: 0: \"empty\"");
    SAYS("version: of transaction ");
    ck_assert_int_eq(page("data.db", "2", "--hex"), 0);
    SAYS("00002000  02 00 00 00 ");
    SAYS("entry: 2: \"long\"");
    ck_assert_int_eq(page("doublewrite", "0", NULL), 0);
    SAYS("double-write area");
}
END_TEST

START_TEST(a_damaged_page_is_shown_and_one_beyond_the_end_is_not)
{
    make_store();
    flip_bit("data.db", 2 * PAGE + 100, 0);
    ck_assert_int_eq(page("data.db", "2", NULL), 1);
    SAYS("entry: 0: \"empty\"");
    SAYS("\nDAMAGED: ");
    ck_assert_int_eq(page("data.db", "4000000000", NULL), 1);
    SAYS("pages (E_NOT_FOUND)");
    ck_assert_int_eq(page("data.db", "99999999999999", NULL), 1);
    ck_assert_int_eq(page("data.db", "two", NULL), 2);
    ck_assert_int_eq(page("lock", "0", NULL), 1);
    ck_assert_int_eq(page("nothing", "0", NULL), 1);
}
END_TEST

START_TEST(pages_of_any_content_can_be_shown)
{
    make_store();
    for (uint32_t at = 0; at < 400; at++) {
        uint64_t offset = 2 * PAGE + (uint64_t)at * 3067 % (3 * PAGE);
        char number[24];
        (void)snprintf(number, sizeof number, "%u", (unsigned)(offset / PAGE));
        flip_bit("data.db", offset, at % 8);
        (void)page("data.db", number, at % 2 == 0 ? "--hex" : NULL);
        ck_assert_ptr_null(strstr(said, "flyinspect:"));
    }
}
END_TEST

static int wal(const char *file, const char *option, const char *argument)
{
    char path[200];
    int count = option == NULL ? 1 : argument == NULL ? 2 : 3;
    path_in_store(file, path);
    return command(&inspect_wal, count, (const char *const[]){path, option, argument});
}

START_TEST(the_log_is_shown_record_by_record)
{
    make_crashed_store();
    ck_assert_int_eq(wal("wal", NULL, NULL), 0);
    SAYS("put: transaction ");
    SAYS(", key \"fruit/00399\"\n");
    SAYS("commit: transaction ");
    SAYS(" UTC\n");
    uint64_t lsn = strtoull(said, NULL, 10);
    ck_assert_uint_gt(lsn, 0);
    char *second = strchr(said, '\n') + 1;
    lsn = strtoull(second, NULL, 10);
    char from[24];
    (void)snprintf(from, sizeof from, "%llu", (unsigned long long)lsn - 20);
    ck_assert_int_eq(wal("wal", "--from", from), 0);
    ck_assert_uint_eq(strtoull(said, NULL, 10), lsn); /* the next that begins */
    ck_assert_int_eq(wal("wal", "--fields", NULL), 0);
    SAYS("length of the body: ");
    SAYS("key: \"fruit/00399\"");
    ck_assert_int_eq(wal("wal", "--from", "99999999999"), 1);
    SAYS("E_NOT_FOUND");
}
END_TEST

START_TEST(a_segment_is_shown_as_it_lies)
{
    make_crashed_store();
    ck_assert_int_eq(wal("wal/000000000001.wal", NULL, NULL), 0);
    SAYS("put: transaction ");
    ck_assert_int_eq(wal("wal/000000000001.wal", "--fields", NULL), 0);
    SAYS("magic: \"FlyDBwal\"");
    SAYS("the rest: ");
    ck_assert_int_eq(wal("wal/000000000001.wal", "--hex", NULL), 0);
    SAYS("00000000  46 6c 79 44 42 77 61 6c ");
    SAYS("\n*\n"); /* zeros are not repeated */
    ck_assert_int_eq(wal("wal/000000000777.wal", "--hex", NULL), 1);
    ck_assert_int_eq(wal("nothing", NULL, NULL), 1);
    ck_assert_int_eq(wal("wal", "--from", "x"), 2);
}
END_TEST

START_TEST(a_tree_that_is_not_there_is_named)
{
    make_store();
    ck_assert_int_eq(command(&inspect_tree, 2, (const char *const[]){store, "meat"}), 1);
    SAYS("there is no tree \"meat\" (E_NOT_FOUND)");
}
END_TEST

START_TEST(a_store_that_is_open_is_refused_and_goes_on)
{
    make_store();
    fly_store *opened = open_store(store, false);
    ck_assert_int_eq(verify(), 1);
    SAYS("E_LOCKED");
    SAYS("only a store that no process has open");
    ck_assert_int_eq(salvage(), 1);
    fill_store(opened, 0, 100);
    OK(fly_store_close(opened, &err), err);
    ck_assert_int_eq(verify(), 0);
}
END_TEST

START_TEST(what_is_no_store_is_refused_and_nothing_is_made)
{
    ck_assert_int_eq(verify(), 1);
    SAYS("E_NOT_FOUND");
    ck_assert_int_eq(salvage(), 1);
    ck_assert_int_ne(access(store, F_OK), 0);
    ck_assert_int_ne(access(fresh, F_OK), 0);
    OK(fly_vfs_make_dir(env.vfs, store, &err), err);
    char path[200];
    path_in_store("data.db", path);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(file, "no store", 8), 8);
    ck_assert_int_eq(close(file), 0);
    ck_assert_int_eq(verify(), 1);
    SAYS("is not a FlyDB page file");
    ck_assert_int_eq(salvage(), 1);
    SAYS("no page in it is whole (E_FORMAT)");
    path_in_store("lock", path);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(salvage_does_not_touch_a_store_that_is_there)
{
    make_store();
    ck_assert_int_eq(command(&inspect_salvage, 2, (const char *const[]){store, store}), 1);
    SAYS("E_EXISTS");
    ck_assert_int_eq(salvage(), 0);
    ck_assert_int_eq(command(&inspect_salvage, 2, (const char *const[]){store, fresh}), 1);
    SAYS("there is a store in");
    ck_assert_int_eq(verify(), 0);
}
END_TEST

START_TEST(wrong_usage_is_answered_with_the_usage)
{
    static const char *const none[] = {NULL};
    static const char *const unknown[] = {"a", "--unknown"};
    static const char *const three[] = {"a", "b", "c"};
    ck_assert_int_eq(command(&inspect_verify, 0, none), 2);
    SAYS("usage: flyinspect verify STORE");
    ck_assert_int_eq(command(&inspect_verify, 2, unknown), 2);
    ck_assert_int_eq(command(&inspect_salvage, 1, unknown), 2);
    ck_assert_int_eq(command(&inspect_salvage, 3, three), 2);
    SAYS("usage: flyinspect salvage STORE NEW");
    ck_assert_int_eq(command(&inspect_tree, 1, three), 2);
    ck_assert_int_eq(command(&inspect_summary, 2, three), 2);
    uint64_t number;
    ck_assert(inspect_number("0", &number) && number == 0);
    ck_assert(inspect_number("18446744073709551615", &number) && number == UINT64_MAX);
    ck_assert(!inspect_number("18446744073709551616", &number));
    ck_assert(!inspect_number("", &number) && !inspect_number("-1", &number));
    ck_assert(!inspect_number("1x", &number) && !inspect_number(" 1", &number));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commands");
    TCase *tests = fly_test_case(suite, "commands");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, summary_shows_trees_with_their_figures);
    tcase_add_test(tests, tree_shows_figures_a_graph_or_entries);
    tcase_add_test(tests, pages_are_shown_field_by_field);
    tcase_add_test(tests, a_damaged_page_is_shown_and_one_beyond_the_end_is_not);
    tcase_add_test(tests, pages_of_any_content_can_be_shown);
    tcase_add_test(tests, the_log_is_shown_record_by_record);
    tcase_add_test(tests, a_segment_is_shown_as_it_lies);
    tcase_add_test(tests, a_tree_that_is_not_there_is_named);
    tcase_add_test(tests, a_store_that_is_open_is_refused_and_goes_on);
    tcase_add_test(tests, what_is_no_store_is_refused_and_nothing_is_made);
    tcase_add_test(tests, salvage_does_not_touch_a_store_that_is_there);
    tcase_add_test(tests, wrong_usage_is_answered_with_the_usage);
    return fly_test_run(suite);
}
