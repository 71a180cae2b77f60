/*
 * Goal: texts become the trees that PostgreSQL's grammar says, and what is wrong is told as PostgreSQL
 * tells it; no text can do harm.
 * Method: tables of pairs that must be equal trees; of errors with their places; texts that are too
 * deep, too long, cut short; memory that ends.
 */
#include "parse/ast_int.h"

#include <fly/base_check.h>
#include <fly/base_faultmem.h>
#include <fly/base_hash.h>

#include <string.h>

#include "parse_samples.inc"

static fly_account account;
static fly_arena arena;
static fly_err err;
static fly_sql_statements statements;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "parse", 0);
    fly_arena_init(&arena, &account.mem, 0);
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static fly_ast *one(const char *sql)
{
    FLY_CHECK_OK(fly__sql_parse(&arena, fly_bytes_str(sql), NULL, &statements, &err), err);
    ck_assert_uint_eq(statements.count, 1);
    return statements.items[0].node;
}

/* ------------------------------------------------------------------------------------ trees */

static const struct {
    const char *a, *b;
} equals[] = {
    {"SELECT a + b * c", "SELECT a + (b * c)"},
    {"SELECT a - b - c", "SELECT (a - b) - c"},
    {"SELECT a ^ b ^ c", "SELECT (a ^ b) ^ c"},
    {"SELECT -a ^ b", "SELECT (-a) ^ b"},
    {"SELECT -a::int", "SELECT -(a::int)"},
    {"SELECT a || b + c", "SELECT a || (b + c)"},
    {"SELECT @ a + b", "SELECT @ (a + b)"},
    {"SELECT a OR b AND c", "SELECT a OR (b AND c)"},
    {"SELECT NOT a = b", "SELECT NOT (a = b)"},
    {"SELECT NOT a AND b", "SELECT (NOT a) AND b"},
    {"SELECT a = b IS NULL", "SELECT (a = b) IS NULL"},
    {"SELECT a + b = ANY (c)", "SELECT (a + b) = ANY (c)"},
    {"SELECT a = b LIKE c", "SELECT a = (b LIKE c)"},
    {"SELECT a LIKE b || c", "SELECT a LIKE (b || c)"},
    {"SELECT a BETWEEN b + 1 AND c + 1 AND d", "SELECT (a BETWEEN (b + 1) AND (c + 1)) AND d"},
    {"SELECT a AT TIME ZONE b || c", "SELECT (a AT TIME ZONE b) || c"},
    {"SELECT a * b COLLATE c", "SELECT a * (b COLLATE c)"},
    {"SELECT a + 1 IN (2)", "SELECT (a + 1) IN (2)"},
    {"SELECT a != b", "SELECT a <> b"},
    {"SELECT a ISNULL", "SELECT a IS NULL"},
    {"SELECT - 5", "SELECT -5"},
    {"SELECT 007", "SELECT 7"},
    {"SELECT A", "SELECT a"},
    {"SELECT int '1'", "SELECT integer '1'"},
    {"SELECT a::decimal(3)", "SELECT a::numeric(3)"},
    {"SELECT a::char", "SELECT a::character(1)"},
    {"SELECT a::float(10), b::float(30)", "SELECT a::real, b::double precision"},
    {"SELECT a x", "SELECT a AS x"},
    {"SELECT ((a))", "SELECT a"},
    {"((SELECT a))", "SELECT a"},
    {"(SELECT a) ORDER BY b", "SELECT a ORDER BY b"},
    {"SELECT a UNION SELECT b INTERSECT SELECT c", "SELECT a UNION (SELECT b INTERSECT SELECT c)"},
    {"SELECT a UNION SELECT b UNION SELECT c", "(SELECT a UNION SELECT b) UNION SELECT c"},
    {"SELECT * FROM a JOIN b JOIN c ON x ON y", "SELECT * FROM a JOIN (b JOIN c ON x) ON y"},
    {"SELECT * FROM a, b CROSS JOIN c JOIN d ON x",
     "SELECT * FROM a, (b CROSS JOIN c) JOIN d ON x"},
    {"TABLE t", "SELECT * FROM t"},
    {"SELECT a FETCH FIRST ROW ONLY", "SELECT a LIMIT 1"},
    {"BEGIN WORK", "BEGIN"},
    {"END", "COMMIT"},
    {"ABORT", "ROLLBACK"},
    {"SET a = 1", "SET a TO 1"},
    {"SET TIME ZONE 'x'", "SET timezone TO 'x'"},
    {"FETCH c", "FETCH NEXT FROM c"},
    {"SELECT a; ;", "SELECT a"},
    {"SELECT /* x */ a -- y", "SELECT a"},
};

START_TEST(two_spellings_are_one_tree)
{
    const fly_ast *a = one(equals[_i].a);
    const fly_ast *b = one(equals[_i].b);
    ck_assert_msg(fly__sql_ast_equal(a, b), "%s\n%s", equals[_i].a, equals[_i].b);
}
END_TEST

START_TEST(statements_know_where_they_stand)
{
    const char *text = "  SELECT 1 ;; /* x */ SELECT $2, $1;\nCOMMIT";
    FLY_CHECK_OK(fly__sql_parse(&arena, fly_bytes_str(text), NULL, &statements, &err), err);
    ck_assert_uint_eq(statements.count, 3);
    ck_assert_uint_eq(statements.items[0].start, 2);
    ck_assert_uint_eq(statements.items[0].len, 8);
    ck_assert_uint_eq(statements.items[0].params, 0);
    ck_assert_uint_eq(statements.items[1].start, 22);
    ck_assert_uint_eq(statements.items[1].len, 13);
    ck_assert_uint_eq(statements.items[1].params, 2);
    ck_assert_uint_eq(statements.items[1].node->pos, 23);
    ck_assert_uint_eq(statements.items[2].len, 6);
    FLY_CHECK_OK(fly__sql_parse(&arena, fly_bytes_str(" ; -- x"), NULL, &statements, &err), err);
    ck_assert_uint_eq(statements.count, 0);
}
END_TEST

START_TEST(question_marks_count_from_one)
{
    const fly_sql_parse_options options = {.question_params = true};
    FLY_CHECK_OK(fly__sql_parse(&arena, fly_bytes_str("SELECT ?, ? FROM t WHERE a = ?; SELECT ?"),
                                &options, &statements, &err),
                 err);
    ck_assert_uint_eq(statements.items[0].params, 3);
    ck_assert_uint_eq(statements.items[1].params, 1);
    const fly_ast *second = statements.items[1].node;
    ck_assert(fly__sql_ast_equal(second, one("SELECT $1")));
}
END_TEST

START_TEST(sqlites_syntax_needs_its_switch)
{
    const fly_sql_parse_options lax = {.lax_syntax = true};
    const char *sql = samples[_i].sql;
    fly_status strictly = fly__sql_parse(&arena, fly_bytes_str(sql), NULL, &statements, &err);
    ck_assert_msg((strictly == FLY_OK) == !samples[_i].lax, "%s", sql);
    if (strstr(sql, "ON 1 = 1 ON 2 = 2") != NULL) {
        return; /* with the switch, a join that is followed by another needs no condition */
    }
    FLY_CHECK_OK(fly__sql_parse(&arena, fly_bytes_str(sql), &lax, &statements, &err), err);
}
END_TEST

START_TEST(expressions_and_types_are_parsed_alone)
{
    fly_ast *expr;
    fly_ast_type *type;
    FLY_CHECK_OK(fly__sql_parse_expr(&arena, fly_bytes_str("a + 1"), NULL, &expr, &err), err);
    ck_assert_int_eq((int)expr->kind, FLY_AST_OP);
    FLY_CHECK_OK(fly__sql_parse_type(&arena, fly_bytes_str("numeric(10, 2)[]"), NULL, &type, &err),
                 err);
    ck_assert_str_eq(type->names.items[1], "numeric");
    ck_assert_uint_eq(type->modifiers.count, 2);
    ck_assert_uint_eq(type->bounds.count, 1);
    FLY_CHECK(fly__sql_parse_expr(&arena, fly_bytes_str("a b"), NULL, &expr, &err), FLY_E_INVALID,
              err);
    FLY_CHECK(fly__sql_parse_type(&arena, fly_bytes_str("int )"), NULL, &type, &err), FLY_E_INVALID,
              err);
}
END_TEST

/* -------------------------------------------------------------------------------- fragments */

START_TEST(fragments_end_before_their_stops)
{
    static const char *const stops[] = {"then", ";", ".."};
    const char *body = "IF CASE WHEN a THEN (b) END AND f(x, ';') THEN y := z + 1; 1 .. 2";
    fly_ast *node;
    uint32_t stop;
    size_t end;
    FLY_CHECK_OK(fly__sql_parse_fragment(&arena, fly_bytes_str(body), 3, FLY_SQL_FRAGMENT_EXPR,
                                         stops, 3, NULL, &node, &stop, &end, &err),
                 err);
    ck_assert_int_eq((int)node->kind, FLY_AST_BOOL);
    ck_assert_uint_eq(stop, 0);
    ck_assert_uint_eq(end, 42);
    FLY_CHECK_OK(fly__sql_parse_fragment(&arena, fly_bytes_str(body), 52, FLY_SQL_FRAGMENT_EXPR,
                                         stops, 3, NULL, &node, &stop, &end, &err),
                 err);
    ck_assert_uint_eq(stop, 1);
    ck_assert_uint_eq(node->pos, 55);
    FLY_CHECK_OK(fly__sql_parse_fragment(&arena, fly_bytes_str(body), 58, FLY_SQL_FRAGMENT_EXPR,
                                         stops, 3, NULL, &node, &stop, &end, &err),
                 err);
    ck_assert_uint_eq(stop, 2);
    FLY_CHECK_OK(fly__sql_parse_fragment(&arena, fly_bytes_str("SELECT 1"), 0,
                                         FLY_SQL_FRAGMENT_STATEMENT, stops, 3, NULL, &node, &stop,
                                         &end, &err),
                 err);
    ck_assert_uint_eq(stop, 3);
    ck_assert_uint_eq(end, 8);
    FLY_CHECK(fly__sql_parse_fragment(&arena, fly_bytes_str("IF a b THEN"), 3,
                                      FLY_SQL_FRAGMENT_EXPR, stops, 3, NULL, &node, &stop, &end,
                                      &err),
              FLY_E_INVALID, err);
    ck_assert_uint_eq(err.position, 6);
}
END_TEST

START_TEST(into_names_variables_in_procedures)
{
    const fly_sql_parse_options options = {.pl_into = true};
    FLY_CHECK_OK(fly__sql_parse(&arena,
                                fly_bytes_str("SELECT a, b INTO STRICT x, r.y FROM t; "
                                              "INSERT INTO t VALUES (1) RETURNING a INTO z"),
                                &options, &statements, &err),
                 err);
    const fly_ast_select *select = (const fly_ast_select *)statements.items[0].node;
    const fly_ast_insert *insert = (const fly_ast_insert *)statements.items[1].node;
    ck_assert_uint_eq(select->into_vars.count, 2);
    ck_assert(select->into_strict);
    ck_assert_ptr_null(select->into);
    ck_assert_uint_eq(insert->into_vars.count, 1);
    ck_assert(!insert->into_strict);
}
END_TEST

/* ----------------------------------------------------------------------------------- errors */

static const struct {
    const char *sql, *state, *message;
    uint32_t position;
    const char *hint; /* a part of it */
} errors[] = {
    {"SELECT * FRO t", "42601", "syntax error at or near \"FRO\"", 10, "FROM"},
    {"SELECT", NULL, NULL, 0, NULL},
    {"SELECT 1 +", "42601", "syntax error at end of input", 11, "an expression"},
    {"SELECT a < b < c", "42601", "syntax error at or near \"<\"", 14, ""},
    {"SELECT a LIKE b LIKE c", "42601", "syntax error at or near \"LIKE\"", 17, ""},
    {"SELECT (1", "42601", "syntax error at end of input", 10, "\")\""},
    {"SELECT 1 FROM", "42601", "syntax error at end of input", 14, "a name"},
    {"SELEC 1", "42601", "syntax error at or near \"SELEC\"", 1, ""},
    {"SELECT 1;; SELECT 1 1", "42601", "syntax error at or near \"1\"", 21, ""},
    {"SELECT 'abc", "42601", "unterminated quoted string at or near \"'abc\"", 8, ""},
    {"SELECT \"abc", "42601", "unterminated quoted identifier at or near \"\"abc\"", 8, ""},
    {"SELECT \"\"", "42601", "zero-length delimited identifier at or near \"\"\"\"", 8, ""},
    {"SELECT /* x", "42601", "unterminated /* comment at or near \"/* x\"", 8, ""},
    {"SELECT $$x", "42601", "unterminated dollar-quoted string at or near \"$$x\"", 8, ""},
    {"SELECT 1 FROM t LIMIT 1, 2", "42601", "LIMIT #,# syntax is not supported", 17, "OFFSET"},
    {"(SELECT 1 LIMIT 1) LIMIT 2", "42601", "multiple LIMIT clauses not allowed", 26, ""},
    {"(SELECT 1 ORDER BY 1) ORDER BY 1", "42601", "multiple ORDER BY clauses not allowed", 23, ""},
    {"SELECT 1 FETCH FIRST ROW WITH TIES", "42601",
     "WITH TIES cannot be specified without ORDER BY clause", 0, ""},
    {"SELECT sum(a) OVER (ROWS UNBOUNDED FOLLOWING)", "42P20",
     "frame start cannot be UNBOUNDED FOLLOWING", 26, ""},
    {"SELECT a.b.c.d.e FROM a.b.c.d", "42601", "improper qualified name (too many dotted names)",
     23, ""},
    {"SELECT ((a, b), c) OVERLAPS (d, e, f)", "42601",
     "wrong number of parameters on right side of OVERLAPS expression", 29, ""},
    {"SELECT 1::float(60)", "22023", "precision for type float must be less than 54 bits", 17, ""},
    {"CREATE TABLE t (a int", "42601", "syntax error at end of input", 22, "\",\""},
    {"CREATE TABLE t (a)", NULL, NULL, 0, NULL},
    {"CREATE RULE r AS ON INSERT TO t DO NOTHING", "0A000", "CREATE RULE is not supported", 8, ""},
    {"CREATE ROLE none", "42939", "role name \"none\" is reserved", 13, ""},
    {"CREATE USER public", "42939", "role name \"public\" is reserved", 13, ""},
    {"DROP OPERATOR + (int)", "42601", "missing argument", 21, "NONE"},
    {"INSERT INTO t", "42601", "syntax error at end of input", 14, "VALUES"},
    {"REPLACE INTO t VALUES (1)", "42601", "syntax error at or near \"REPLACE\"", 1, ""},
    {"SELECT 1 IN ()", "42601", "syntax error at or near \")\"", 14, ""},
    {"SELECT $99999", "42601", "there is no parameter $99999", 8, ""},
    {"SELECT \x01", "42601", "syntax error at or near \"\x01\"", 8, ""},
};

START_TEST(errors_say_what_and_where)
{
    fly_status status =
        fly__sql_parse(&arena, fly_bytes_str(errors[_i].sql), NULL, &statements, &err);
    if (errors[_i].message == NULL) {
        return;
    }
    ck_assert_msg(status != FLY_OK, "%s", errors[_i].sql);
    ck_assert_msg(strcmp(err.message, errors[_i].message) == 0, "%s\n%s", errors[_i].sql,
                  err.message);
    ck_assert_str_eq(err.sqlstate, errors[_i].state);
    ck_assert_msg(err.position == errors[_i].position, "%s at %u", errors[_i].sql, err.position);
    ck_assert_msg(strstr(err.hint, errors[_i].hint) != NULL, "%s: %s", errors[_i].sql, err.hint);
}
END_TEST

/* ----------------------------------------------------------------------------------- limits */

static fly_bytes repeated(const char *word, size_t times, const char *tail)
{
    size_t len = strlen(word);
    uint8_t *text = fly_arena_alloc(&arena, len * times + strlen(tail));
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * len, word, len);
    }
    memcpy(text + len * times, tail, strlen(tail));
    return fly_bytes_of(text, len * times + strlen(tail));
}

static const char *const diggers[] = {
    "(",
    "SELECT (",
    "SELECT NOT ",
    "- - ",
    "SELECT a[",
    "CASE WHEN ",
    "f(",
    "SELECT * FROM (",
    "(SELECT 1 UNION ",
    "ARRAY[",
    "a IN (",
    "a = ANY (",
    "EXPLAIN ",
    "WITH a AS (",
    "a BETWEEN ",
    "CAST(",
    "a OVER (ORDER BY ",
    "a || @ ",
    "GROUP BY ROLLUP (",
    "PREPARE a AS ",
    "SELECT +",
    "SELECT ((SELECT ",
    "CREATE SCHEMA s ",
    "CREATE FUNCTION f() BEGIN ATOMIC ",
    "a JOIN b JOIN ",
    "SELECT ARRAY[[",
};

START_TEST(a_deep_text_is_refused_quickly)
{
    fly_bytes text = repeated(diggers[_i], (1 << 20) / strlen(diggers[_i]), "");
    ck_assert(fly__sql_parse(&arena, text, NULL, &statements, &err) != FLY_OK);
    const char *head = "SELECT ";
    uint8_t *longer = fly_arena_alloc(&arena, text.len + strlen(head));
    ck_assert_ptr_nonnull(longer);
    memcpy(longer, head, strlen(head));
    memcpy(longer + strlen(head), text.data, text.len);
    ck_assert(fly__sql_parse(&arena, fly_bytes_of(longer, text.len + strlen(head)), NULL,
                             &statements, &err) != FLY_OK);
}
END_TEST

START_TEST(parentheses_are_counted)
{
    const fly_sql_parse_options options = {.depth_max = 50};
    fly_ast *expr;
    fly_bytes deep = repeated("(", 100, "1");
    FLY_CHECK(fly__sql_parse_expr(&arena, deep, &options, &expr, &err), FLY_E_TOO_LARGE, err);
    ck_assert_str_eq(err.sqlstate, "54001");
    ck_assert_str_eq(err.message, "stack depth limit exceeded");
}
END_TEST

START_TEST(long_chains_are_as_high_as_deep_nests)
{
    const fly_sql_parse_options options = {.depth_max = 50};
    fly_ast *expr;
    FLY_CHECK_OK(fly__sql_parse_expr(&arena, repeated("1 + ", 100, "1"), &options, &expr, &err),
                 err);
    FLY_CHECK(fly__sql_parse_expr(&arena, repeated("1 + ", 1000, "1"), &options, &expr, &err),
              FLY_E_TOO_LARGE, err);
    FLY_CHECK(fly__sql_parse_expr(&arena, repeated("1::", 1000, "int"), &options, &expr, &err),
              FLY_E_INVALID, err);
    /* AND is one node, however long. */
    FLY_CHECK_OK(
        fly__sql_parse_expr(&arena, repeated("a AND ", 100000, "b"), &options, &expr, &err), err);
    ck_assert_uint_eq(((fly_ast_bool *)expr)->args.count, 100001);
}
END_TEST

START_TEST(a_text_has_no_nul)
{
    FLY_CHECK(fly__sql_parse(&arena, fly_bytes_of("SELECT \"a\0b\"", 12), NULL, &statements, &err),
              FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "22021");
    ck_assert_uint_eq(err.position, 10);
}
END_TEST

START_TEST(nodes_and_bytes_are_counted)
{
    const fly_sql_parse_options few = {.nodes_max = 100};
    const fly_sql_parse_options small = {.bytes_max = 10};
    FLY_CHECK(fly__sql_parse(&arena, repeated("SELECT 1;", 100, ""), &few, &statements, &err),
              FLY_E_TOO_LARGE, err);
    ck_assert_str_eq(err.sqlstate, "54001");
    FLY_CHECK(fly__sql_parse(&arena, fly_bytes_str("SELECT 12345"), &small, &statements, &err),
              FLY_E_TOO_LARGE, err);
    ck_assert_str_eq(err.sqlstate, "54000");
}
END_TEST

/* Every sample, cut at every place, from a block of exactly that size. */
START_TEST(a_text_cut_short_does_no_harm)
{
    const char *sql = samples[_i].sql;
    const fly_sql_parse_options options = {.lax_syntax = samples[_i].lax};
    for (size_t len = 0; len < strlen(sql); len++) {
        uint8_t *text = fly_mem_alloc(fly_mem_system(), len);
        memcpy(text, sql, len);
        fly_status status =
            fly__sql_parse(&arena, fly_bytes_of(text, len), &options, &statements, &err);
        ck_assert(status == FLY_OK || err.position <= len + 1);
        fly_mem_free(fly_mem_system(), text, len);
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(memory_that_ends_is_an_error)
{
    const fly_sql_parse_options options = {.lax_syntax = samples[_i].lax};
    fly_test_mem mem;
    fly_test_mem_init(&mem, fly_mem_system());
    for (uint64_t at = 0;; at++) {
        fly_arena small;
        fly_arena_init(&small, &mem.mem, 64);
        fly_test_mem_fail(&mem, at, true);
        fly_status status =
            fly__sql_parse(&small, fly_bytes_str(samples[_i].sql), &options, &statements, &err);
        fly_test_mem_mend(&mem);
        fly_arena_deinit(&small);
        if (status == FLY_OK) {
            break;
        }
        ck_assert_msg(status == FLY_E_NO_MEMORY, "%s: %s", samples[_i].sql, err.message);
    }
    fly_test_mem_deinit(&mem);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parse");
    TCase *trees = fly_test_case(suite, "trees");
    tcase_add_checked_fixture(trees, setup, teardown);
    tcase_add_loop_test(trees, two_spellings_are_one_tree, 0,
                        (int)(sizeof equals / sizeof equals[0]));
    tcase_add_test(trees, statements_know_where_they_stand);
    tcase_add_test(trees, question_marks_count_from_one);
    tcase_add_loop_test(trees, sqlites_syntax_needs_its_switch, 0, SAMPLE_COUNT);
    tcase_add_test(trees, expressions_and_types_are_parsed_alone);
    tcase_add_test(trees, fragments_end_before_their_stops);
    tcase_add_test(trees, into_names_variables_in_procedures);

    TCase *wrong = fly_test_case(suite, "errors");
    tcase_add_checked_fixture(wrong, setup, teardown);
    tcase_add_loop_test(wrong, errors_say_what_and_where, 0,
                        (int)(sizeof errors / sizeof errors[0]));

    TCase *limits = fly_test_case(suite, "limits");
    tcase_add_checked_fixture(limits, setup, teardown);
    tcase_add_loop_test(limits, a_deep_text_is_refused_quickly, 0,
                        (int)(sizeof diggers / sizeof diggers[0]));
    tcase_add_test(limits, parentheses_are_counted);
    tcase_add_test(limits, long_chains_are_as_high_as_deep_nests);
    tcase_add_test(limits, a_text_has_no_nul);
    tcase_add_test(limits, nodes_and_bytes_are_counted);
    tcase_add_loop_test(limits, a_text_cut_short_does_no_harm, 0, SAMPLE_COUNT);
    tcase_add_loop_test(limits, memory_that_ends_is_an_error, 0, SAMPLE_COUNT);
    return fly_test_run(suite);
}
