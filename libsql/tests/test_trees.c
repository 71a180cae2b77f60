/*
 * Goal: a table is there for everybody from the moment it is committed: who uses it first is not its maker,
 * and nobody waits for him.
 * Method: two sessions, one of which leaves its transaction open; what waits would wait for ever.
 */
#include "sql_world.h"

#include <fly/base_sched.h>

static const char *const makers[] = {
    "CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE)",
    "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (5, 5); TRUNCATE t",
    "CREATE TABLE t (a int, b int); CREATE INDEX ON t (b)",
    "CREATE TABLE t (a int); ALTER TABLE t ADD b int; ALTER TABLE t ALTER a TYPE bigint",
};

START_TEST(who_comes_second_finds_the_table_too)
{
    check(makers[_i], "");
    check("BEGIN; SELECT * FROM t", "");
    check_in(other, "SELECT * FROM t", "");
    check("INSERT INTO t VALUES (1, 1)", "");
    check_in(other, "BEGIN; INSERT INTO t VALUES (2, 2); SELECT * FROM t", " 2,2");
    check("COMMIT", "");
    check_in(other, "COMMIT; SELECT * FROM t ORDER BY a", " 1,1 2,2");
}
END_TEST

START_TEST(a_table_that_was_rolled_back_leaves_no_tree)
{
    check("BEGIN; CREATE TABLE t (a int); INSERT INTO t VALUES (1); ROLLBACK", "");
    check_in(other, "CREATE TABLE t (a int); INSERT INTO t VALUES (2)", "");
    check("SELECT * FROM t", " 2");
    check("BEGIN; TRUNCATE t; INSERT INTO t VALUES (3); ROLLBACK; SELECT * FROM t", " 2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trees");
    TCase *trees = fly_test_case(suite, "trees");
    tcase_add_checked_fixture(trees, set_up, tear_down);
    tcase_add_loop_test(trees, who_comes_second_finds_the_table_too, 0,
                        sizeof makers / sizeof makers[0]);
    tcase_add_test(trees, a_table_that_was_rolled_back_leaves_no_tree);
    return fly_test_run(suite);
}
