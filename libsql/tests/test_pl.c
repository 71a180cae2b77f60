/*
 * Goal: functions, procedures and triggers do what PostgreSQL's do, end when they are told to, and
 * whatever fails leaves nothing behind.
 * Method: SQL through the public header, over a database in memory; the n-th allocation failing for
 * each n. What PostgreSQL answers is in tests/slt/plpgsql.slt and triggers.slt; here is what those
 * cannot say.
 */
#include "sql_world.h"

#include <fly/base_fault.h>

/* ----------------------------------------------------------------------------- tests */

START_TEST(recursion_ends_where_it_is_told_or_at_the_limit)
{
    check("CREATE FUNCTION sum_to(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF n = 0 THEN "
          "RETURN 0; END IF; RETURN n + sum_to(n - 1); END $$",
          "");
    check("SELECT sum_to(100)", " 5050");
    check("SELECT sum_to(-1)", "!54001 stack depth limit exceeded");
    check("SELECT sum_to(10)", " 55");
    check("CREATE TABLE t(a int); CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ "
          "BEGIN INSERT INTO t VALUES (NEW.a + 1); RETURN NEW; END $$; CREATE TRIGGER again AFTER "
          "INSERT ON t FOR EACH ROW EXECUTE FUNCTION again()",
          "");
    check("INSERT INTO t VALUES (1)", "!54001 stack depth limit exceeded");
    check("SELECT count(*) FROM t", " 0");
}
END_TEST

START_TEST(a_loop_without_end_is_ended_by_the_time_limit)
{
    check("SET statement_timeout = 50", "");
    check("DO $$ BEGIN LOOP NULL; END LOOP; END $$",
          "!57014 canceling statement due to statement timeout");
    check("DO $$ BEGIN BEGIN LOOP NULL; END LOOP; EXCEPTION WHEN OTHERS THEN NULL; END; END $$",
          "!57014 canceling statement due to statement timeout");
}
END_TEST

START_TEST(names_of_blocks_and_functions_reach_what_is_hidden)
{
    check("CREATE FUNCTION f(a int) RETURNS text LANGUAGE plpgsql AS $$ <<o>> DECLARE x int := 1; "
          "BEGIN DECLARE x int := 2; a int := 7; BEGIN RETURN o.x || ' ' || x || ' ' || f.a || ' ' "
          "|| $1; END; END $$",
          "");
    check("SELECT f(5)", " 1 2 5 5");
}
END_TEST

START_TEST(a_name_that_is_a_variable_and_a_column_is_refused)
{
    check("CREATE TABLE t(a int); INSERT INTO t VALUES (1)", "");
    check("DO $$ DECLARE a int; BEGIN PERFORM a FROM t; END $$",
          "!42702 column reference \"a\" is ambiguous");
}
END_TEST

START_TEST(records_take_the_shape_of_what_is_assigned)
{
    check("DO $$ DECLARE r record; BEGIN PERFORM r.x; END $$",
          "!55000 record \"r\" is not assigned yet");
    check("DO $$ DECLARE r record; BEGIN SELECT 1 AS x INTO r; PERFORM r.y; END $$",
          "!42703 record \"r\" has no field \"y\"");
    check(
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ DECLARE r record; s text := ''; "
        "BEGIN FOR i IN 1..2 LOOP IF i = 1 THEN SELECT 1 AS x INTO r; ELSE SELECT 'two' AS x INTO "
        "r; END IF; s := s || r.x; END LOOP; RETURN s; END $$",
        "");
    check("SELECT f()", " 1two");
}
END_TEST

START_TEST(a_star_of_a_row_stands_for_its_columns)
{
    check(
        "CREATE TABLE t(a int, b text); CREATE TABLE old_rows(op text, a int, b text); CREATE "
        "FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO old_rows SELECT "
        "'D', OLD.*; INSERT INTO old_rows VALUES ('V', OLD.*); RETURN OLD; END $$; CREATE TRIGGER "
        "keep BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION keep(); INSERT INTO t VALUES (1, "
        "'x')",
        "");
    check("DELETE FROM t", "");
    check("SELECT * FROM old_rows", " D,1,x V,1,x");
}
END_TEST

START_TEST(arrays_grow_no_further_than_they_may)
{
    check("DO $$ DECLARE a int[]; BEGIN a[-2147483648] := 1; a[2147483647] := 1; END $$",
          "!54000 array size exceeds the maximum allowed (134217727)");
    check("DO $$ DECLARE a int[] := '{1,2}'; BEGIN a[1][1] := 3; END $$",
          "!2202E wrong number of array subscripts");
}
END_TEST

START_TEST(cursors_go_where_they_are_sent)
{
    check("CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ DECLARE c CURSOR (n int) FOR "
          "SELECT g FROM generate_series(1, n) AS g; r refcursor; x int; s text := ''; BEGIN OPEN "
          "c(5); FETCH c INTO x; s := s || x; FETCH LAST FROM c INTO x; s := s || x; FETCH PRIOR "
          "FROM c INTO x; s := s || x; MOVE FIRST FROM c; FETCH NEXT FROM c INTO x; s := s || x; "
          "CLOSE c; OPEN r FOR EXECUTE 'SELECT $1 + 1' USING 8; FETCH r INTO x; s := s || x; FETCH "
          "r INTO x; s := s || coalesce(x, 0) || found; CLOSE r; FOR k IN c(2) LOOP s := s || '.' "
          "|| k.g; END LOOP; RETURN s; END $$",
          "");
    check("SELECT f()", " 154290false.1.2");
    check("SELECT f()", " 154290false.1.2");
}
END_TEST

START_TEST(procedures_give_back_and_end_transactions)
{
    check("CREATE TABLE t(a int); CREATE PROCEDURE p(a int, INOUT b int) LANGUAGE plpgsql AS $$ "
          "BEGIN b := a + b; END $$",
          "");
    check("DO $$ DECLARE x int := 4; BEGIN CALL p(3, x); INSERT INTO t VALUES (x); COMMIT; INSERT "
          "INTO t VALUES (0); ROLLBACK; END $$",
          "");
    check("SELECT a FROM t", " 7");
    check("BEGIN", "");
    check("DO $$ BEGIN COMMIT; END $$", "!2D000 invalid transaction termination");
    check("ROLLBACK", "");
}
END_TEST

START_TEST(what_fails_in_a_function_fails_the_transaction_unless_it_is_handled)
{
    check("CREATE TABLE t(a int PRIMARY KEY)", "");
    check("BEGIN", "");
    check("DO $$ BEGIN INSERT INTO t VALUES (1); BEGIN INSERT INTO t VALUES (2), (1); EXCEPTION "
          "WHEN integrity_constraint_violation THEN NULL; END; END $$",
          "");
    check("SELECT a FROM t", " 1");
    check("DO $$ BEGIN RAISE EXCEPTION 'stop'; END $$", "!P0001 stop");
    check("SELECT 1",
          "!25P02 current transaction is aborted, commands ignored until end of transaction block");
    check("ROLLBACK", "");
}
END_TEST

START_TEST(sql_functions_give_rows_values_and_composites)
{
    check(
        "CREATE TYPE pair AS (a int, b text); CREATE FUNCTION p(int) RETURNS pair LANGUAGE sql AS "
        "'SELECT $1, ''x'' || $1'",
        "");
    check("SELECT p(1), (p(2)).b", " (1,x1),x2");
    check("SELECT a, b FROM p(3)", " 3,x3");
    check(
        "CREATE FUNCTION s(n int) RETURNS TABLE(i int, sq numeric(8,2)) LANGUAGE sql AS 'SELECT g, "
        "(g * g)::numeric FROM generate_series(1, n) AS g'",
        "");
    check("SELECT * FROM s(2)", " 1,1 2,4");
    check("CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS 'SELECT 1, 2'",
          "!42P13 return type mismatch in function declared to return integer");
    check("CREATE FUNCTION st(int) RETURNS int STRICT LANGUAGE sql AS 'SELECT 1 / $1'", "");
    check("SELECT st(NULL), st(1)", " NULL,1");
}
END_TEST

START_TEST(a_syntax_error_in_a_body_has_a_position_in_the_statement)
{
    const char *statement =
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1 +; END $$";
    ck_assert_int_eq(fly_sql_execute(session, fly_bytes_str(statement), NULL, NULL, &err),
                     FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "42601");
    ck_assert_uint_ge(err.position, (uint32_t)(strstr(statement, "1 +") - statement));
    ck_assert_uint_le(err.position, (uint32_t)(strstr(statement, " END") - statement));
}
END_TEST

/* ------------------------------------------------------------- functions of the program's */

static fly_status twice(fly_sql_call *call, const fly_vec_value *args, fly_vec_value *result)
{
    if (args[0].i64 > 1000) {
        return fly_err_state(call->err, "22023", 0, "%d is too much", (int)args[0].i64);
    }
    result->i64 = args[0].i64 * *(const int *)call->ctx;
    return FLY_OK;
}

static fly_status product_step(fly_sql_call *call, void *state, const fly_vec_value *args)
{
    int64_t *product = state;
    (void)call;
    product[0] = (product[1]++ == 0 ? 1 : product[0]) * args[0].i64;
    return FLY_OK;
}

static fly_status product_final(fly_sql_call *call, void *state, fly_vec_value *result)
{
    const int64_t *product = state;
    (void)call;
    result->null = product[1] == 0;
    result->i64 = product[0];
    return FLY_OK;
}

static fly_status split_open(fly_sql_call *call, void *state, const fly_vec_value *args)
{
    fly_bytes *rest = state;
    fly_bytes given = fly_vec_str_bytes(&args[0].str);
    *rest = fly_bytes_of(fly_arena_copy(call->arena, given.data, given.len), given.len);
    return FLY_OK;
}

static fly_status split_next(fly_sql_call *call, void *state, fly_vec_value *row)
{
    fly_bytes *rest = state;
    (void)call;
    if (rest->len == 0) {
        return FLY_E_END;
    }
    row[0].str = fly_vec_str_of(rest->data, 1);
    row[1].i64 = rest->data[0];
    *rest = fly_bytes_of(rest->data + 1, rest->len - 1);
    return FLY_OK;
}

START_TEST(functions_of_the_program_are_found_beside_the_others)
{
    static const int factor = 2;
    static const char *const names[] = {"letter", "number"};
    static const uint32_t types[] = {FLY_SQL_TEXT, FLY_SQL_INT8};
    const fly_sql_scalar scalar = {.name = "twice",
                                   .argc = 1,
                                   .args = {FLY_SQL_INT8},
                                   .result = FLY_SQL_INT8,
                                   .call = twice,
                                   .ctx = (void *)(uintptr_t)&factor};
    const fly_sql_aggregate aggregate = {.name = "product",
                                         .argc = 1,
                                         .args = {FLY_SQL_INT8},
                                         .result = FLY_SQL_INT8,
                                         .state_size = 2 * sizeof(int64_t),
                                         .step = product_step,
                                         .final = product_final};
    const fly_sql_table_function table = {.name = "letters",
                                          .argc = 1,
                                          .args = {FLY_SQL_TEXT},
                                          .columns = 2,
                                          .names = names,
                                          .types = types,
                                          .state_size = sizeof(fly_bytes),
                                          .open = split_open,
                                          .next = split_next};
    FLY_CHECK(fly_sql_register_scalar(sql, &scalar, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_register_aggregate(sql, &aggregate, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_register_table(sql, &table, &err), FLY_OK, err);
    ck_assert_int_eq(fly_sql_register_scalar(sql, &scalar, &err), FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "42723");
    check("SELECT twice(21), twice(NULL), twice(7::smallint)", " 42,NULL,14");
    check("SELECT twice(1001)", "!22023 1001 is too much");
    check("SELECT product(g) FROM generate_series(1, 5) AS g", " 120");
    check("SELECT g % 2, product(g) FROM generate_series(1, 5) AS g GROUP BY 1 ORDER BY 1",
          " 0,8 1,15");
    check("SELECT product(g) FROM generate_series(1, 0) AS g", " NULL");
    check("SELECT letter, number FROM letters('abc') WHERE number > 97", " b,98 c,99");
    check("SELECT twice('x')", "!22P02 invalid input syntax for type bigint: \"x\"");
}
END_TEST

/* ---------------------------------------------------------------------------- faults */

static const char *const work_statements[] = {
    "CREATE TABLE t(a int PRIMARY KEY, b text)",
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := NEW.b || '-a "
    "string beyond what is inline'; RETURN NEW; END $$",
    "CREATE TRIGGER note BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()",
    "CREATE FUNCTION f(n int) RETURNS text LANGUAGE plpgsql AS $$ DECLARE r record; s text := ''; "
    "BEGIN FOR i IN 1..n LOOP INSERT INTO t VALUES (i, 'row'); END LOOP; FOR r IN SELECT * FROM t "
    "LOOP s := s || r.b; END LOOP; BEGIN INSERT INTO t VALUES (1, ''); EXCEPTION WHEN "
    "unique_violation THEN s := s || sqlerrm; END; RETURN s; END $$",
    "SELECT length(f(2))",
    "SELECT * FROM (SELECT f.a FROM t AS f) AS g",
    "DO $$ BEGIN EXECUTE 'SELECT $1' USING 'some text that is longer than inline'; END $$"};

static fly_status work(fly_sim_env *world, void *ctx)
{
    fly_err story = {0};
    fly_env *of = &world->env;
    fly_sql *opened = NULL;
    fly_sql_session *in = NULL;
    (void)ctx;
    fly_status status =
        fly_sql_open(of, ":memory:", &(fly_sql_options){.create = true}, &opened, &story);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_sql_session_open(opened, NULL, &in, &story);
    for (size_t i = 0; status == FLY_OK && i < sizeof work_statements / sizeof work_statements[0];
         i++) {
        status = fly_sql_execute(in, fly_bytes_str(work_statements[i]), NULL, NULL, &story);
    }
    fly_sql_session_close(in);
    fly_err ignored = {0};
    fly_status closed = fly_sql_close(opened, &ignored);
    return status == FLY_OK ? closed : status;
}

START_TEST(whichever_allocation_fails_nothing_leaks)
{
    ck_assert(fly_test_each_fault(
        "functions", &(fly_test_fault_options){.faults = FLY_TEST_MEMORY_ONCE, .stride = 11}, work,
        NULL, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pl");
    TCase *functions = fly_test_case(suite, "functions");
    tcase_add_checked_fixture(functions, set_up, tear_down);
    tcase_add_test(functions, recursion_ends_where_it_is_told_or_at_the_limit);
    tcase_add_test(functions, a_loop_without_end_is_ended_by_the_time_limit);
    tcase_add_test(functions, names_of_blocks_and_functions_reach_what_is_hidden);
    tcase_add_test(functions, a_name_that_is_a_variable_and_a_column_is_refused);
    tcase_add_test(functions, records_take_the_shape_of_what_is_assigned);
    tcase_add_test(functions, a_star_of_a_row_stands_for_its_columns);
    tcase_add_test(functions, arrays_grow_no_further_than_they_may);
    tcase_add_test(functions, cursors_go_where_they_are_sent);
    tcase_add_test(functions, procedures_give_back_and_end_transactions);
    tcase_add_test(functions, what_fails_in_a_function_fails_the_transaction_unless_it_is_handled);
    tcase_add_test(functions, sql_functions_give_rows_values_and_composites);
    tcase_add_test(functions, a_syntax_error_in_a_body_has_a_position_in_the_statement);
    tcase_add_test(functions, functions_of_the_program_are_found_beside_the_others);
    TCase *faults = fly_test_case(suite, "faults");
    tcase_add_test(faults, whichever_allocation_fails_nothing_leaks);
    return fly_test_run(suite);
}
