/*
 * Goal: a tree printed and parsed again is the same tree, for every kind of statement.
 * Method: statements of all kinds; trees compared by the descriptions of ast.def.
 */
#include "parse/ast_int.h"

#include <fly/base_check.h>

#include <string.h>

#include "parse_samples.inc"

static fly_account account;
static fly_arena arena;
static fly_err err;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "print", 0);
    fly_arena_init(&arena, &account.mem, 0);
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static fly_ast *parsed(fly_bytes text, bool lax)
{
    fly_sql_statements statements;
    const fly_sql_parse_options options = {.lax_syntax = lax};
    fly_status status = fly__sql_parse(&arena, text, &options, &statements, &err);
    ck_assert_msg(status == FLY_OK, "%.*s\n%s at %u (%s)", (int)text.len, (const char *)text.data,
                  err.message, err.position, err.hint);
    ck_assert_uint_eq(statements.count, 1);
    return statements.items[0].node;
}

START_TEST(what_is_printed_parses_to_an_equal_tree)
{
    const char *sql = samples[_i].sql;
    fly_bytes text;
    const fly_ast *first = parsed(fly_bytes_str(sql), samples[_i].lax);
    FLY_CHECK_OK(fly__sql_print(&arena, first, &text, &err), err);
    const fly_ast *second = parsed(text, samples[_i].lax);
    ck_assert_msg(fly__sql_ast_equal(first, second), "%s\nwas printed as\n%s", sql,
                  (const char *)text.data);
}
END_TEST

START_TEST(what_is_printed_is_printed_again_so)
{
    fly_bytes once;
    fly_bytes twice;
    FLY_CHECK_OK(fly__sql_print(&arena, parsed(fly_bytes_str(samples[_i].sql), samples[_i].lax),
                                &once, &err),
                 err);
    FLY_CHECK_OK(fly__sql_print(&arena, parsed(once, samples[_i].lax), &twice, &err), err);
    ck_assert_str_eq((const char *)once.data, (const char *)twice.data);
}
END_TEST

static const struct {
    const char *sql, *printed;
} spellings[] = {
    {"select A+b*2 as X from T where not c", "SELECT a + (b * 2) AS x FROM t WHERE NOT c"},
    {"select 'it''s', \"Mixed\", int '1'", "SELECT 'it''s', \"Mixed\", integer '1'"},
    {"select a from t join u using(x) order by 1 desc limit 3",
     "SELECT a FROM t JOIN u USING (x) ORDER BY 1 DESC LIMIT 3"},
    {"create table t(a int primary key,b varchar(3))",
     "CREATE TABLE t (a integer PRIMARY KEY, b character varying(3))"},
    {"table t", "SELECT * FROM t"},
    {"select \"user\", \"order\", \"a b\"", "SELECT \"user\", \"order\", \"a b\""},
};

START_TEST(spellings_are_plain)
{
    fly_bytes text;
    FLY_CHECK_OK(
        fly__sql_print(&arena, parsed(fly_bytes_str(spellings[_i].sql), false), &text, &err), err);
    ck_assert_str_eq((const char *)text.data, spellings[_i].printed);
}
END_TEST

START_TEST(trees_that_differ_are_not_equal)
{
    static const char *const different[] = {
        "SELECT a",
        "SELECT b",
        "SELECT a, a",
        "SELECT DISTINCT a",
        "SELECT a::int",
        "SELECT a::int8",
        "SELECT CAST(a AS int)",
        "SELECT a AS b",
        "SELECT 1",
        "SELECT 1.0",
        "SELECT '1'",
        "SELECT NULL",
        "SELECT a FROM t",
        "SELECT a FROM u",
        "SELECT a WHERE b",
        "SELECT (a, b)",
        "SELECT ROW(a, b)",
        "SELECT a = b",
        "SELECT a <> b",
        "SELECT a UNION SELECT b",
        "SELECT a UNION ALL SELECT b",
    };
    enum { COUNT = sizeof different / sizeof different[0] };
    const fly_ast *trees[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        trees[i] = parsed(fly_bytes_str(different[i]), false);
        for (size_t j = 0; j < i; j++) {
            ck_assert_msg(!fly__sql_ast_equal(trees[i], trees[j]), "%s = %s", different[i],
                          different[j]);
        }
        ck_assert(fly__sql_ast_equal(trees[i], trees[i]));
        ck_assert(!fly__sql_ast_equal(trees[i], NULL));
    }
}
END_TEST

static bool count_columns(void *ctx, fly_ast *node)
{
    *(int *)ctx += node->kind == FLY_AST_COLUMN;
    return node->kind != FLY_AST_SUBLINK;
}

START_TEST(walking_sees_everything_but_what_was_left_out)
{
    int columns = 0;
    fly__sql_ast_walk(
        parsed(fly_bytes_str("SELECT a, f(b, c[d]) FROM t WHERE e = (SELECT g)"), false),
        count_columns, &columns);
    ck_assert_int_eq(columns, 5);
}
END_TEST

START_TEST(the_dump_lists_the_tree)
{
    fly_bytes text;
    const fly_ast *node =
        parsed(fly_bytes_str("SELECT a.b AS c FROM d WHERE e LIKE 'x''y'"), false);
    FLY_CHECK_OK(fly__sql_ast_dump(&arena, node, &text, &err), err);
    ck_assert_str_eq((const char *)text.data, "SELECT @1\n"
                                              "  targets:\n"
                                              "    TARGET name=\"c\" @8\n"
                                              "      expr:\n"
                                              "        COLUMN names=\"a\".\"b\" @8\n"
                                              "  from:\n"
                                              "    RELATION name=\"d\" @22\n"
                                              "  where:\n"
                                              "    LIKE type=LIKE_LIKE @32\n"
                                              "      arg:\n"
                                              "        COLUMN names=\"e\" @30\n"
                                              "      pattern:\n"
                                              "        CONST type=CONST_STRING text=\"x'y\" @37\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("print");
    TCase *round = fly_test_case(suite, "round trip");
    tcase_add_checked_fixture(round, setup, teardown);
    tcase_add_loop_test(round, what_is_printed_parses_to_an_equal_tree, 0, SAMPLE_COUNT);
    tcase_add_loop_test(round, what_is_printed_is_printed_again_so, 0, SAMPLE_COUNT);
    tcase_add_loop_test(round, spellings_are_plain, 0,
                        (int)(sizeof spellings / sizeof spellings[0]));

    TCase *trees = fly_test_case(suite, "trees");
    tcase_add_checked_fixture(trees, setup, teardown);
    tcase_add_test(trees, trees_that_differ_are_not_equal);
    tcase_add_test(trees, walking_sees_everything_but_what_was_left_out);
    tcase_add_test(trees, the_dump_lists_the_tree);
    return fly_test_run(suite);
}
