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
    fill_store(opened, 0, 10);
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
    tcase_add_test(tests, a_tree_that_is_not_there_is_named);
    tcase_add_test(tests, a_store_that_is_open_is_refused_and_goes_on);
    tcase_add_test(tests, what_is_no_store_is_refused_and_nothing_is_made);
    tcase_add_test(tests, salvage_does_not_touch_a_store_that_is_there);
    tcase_add_test(tests, wrong_usage_is_answered_with_the_usage);
    return fly_test_run(suite);
}
