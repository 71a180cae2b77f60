/*
 * Goal: names become the right things, and what cannot be is refused in PostgreSQL's words.
 * Method: statements against a small catalog made by hand; plans compared as EXPLAIN prints them, errors
 * by SQLSTATE, position and message, which are those of PostgreSQL 15.
 */
#include "bind/bind_int.h"
#include "catalog/view_int.h"

#include <fly/base_check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------- a catalog */

#define COLUMN(n, text, type_oid, type_mod, nn)                                                    \
    {                                                                                              \
        .name = text, .type = {.oid = type_oid, .mod = type_mod}, .number = n, .not_null = nn      \
    }

static const fly__sql_column t_columns[] = {
    COLUMN(1, "a", FLY_SQL_INT4, -1, true),
    COLUMN(2, "b", FLY_SQL_TEXT, -1, false),
    COLUMN(3, "c", FLY_SQL_NUMERIC, ((12 << 16) | 2) + 4, false),
    COLUMN(4, "d", FLY_SQL_DATE, -1, false),
};
static const fly__sql_index_column t_key[] = {{.column = 1, .type = {.oid = FLY_SQL_INT4}}};
static const fly__sql_index t_pkey = {.oid = 20010,
                                      .name = "t_pkey",
                                      .table = 20001,
                                      .unique = true,
                                      .primary = true,
                                      .ready = true,
                                      .key_count = 1,
                                      .column_count = 1,
                                      .columns = t_key};
static const fly__sql_index *const t_indexes[] = {&t_pkey};
static const fly__sql_constraint t_check = {
    .oid = 20011, .name = "t_c_check", .table = 20001, .kind = FLY__SQL_CHECK, .check = "c > 0"};
static const fly__sql_constraint *const t_constraints[] = {&t_check};
static const fly__sql_table t_table = {.oid = 20001,
                                       .name = "t",
                                       .schema = FLY__SQL_SCHEMA_PUBLIC,
                                       .class = FLY__SQL_TABLE,
                                       .row_type = 20002,
                                       .column_count = 4,
                                       .columns = t_columns,
                                       .index_count = 1,
                                       .indexes = t_indexes,
                                       .constraint_count = 1,
                                       .constraints = t_constraints,
                                       .primary = &t_pkey};

static const fly__sql_column u_columns[] = {
    COLUMN(1, "a", FLY_SQL_INT8, -1, false),
    COLUMN(2, "x", FLY_SQL_FLOAT8, -1, false),
    COLUMN(3, "s", FLY_SQL_VARCHAR, 8, false),
};
static const fly__sql_table u_table = {.oid = 20003,
                                       .name = "u",
                                       .schema = FLY__SQL_SCHEMA_PUBLIC,
                                       .class = FLY__SQL_TABLE,
                                       .row_type = 20004,
                                       .column_count = 3,
                                       .columns = u_columns};

static const fly__sql_column v_columns[] = {
    COLUMN(1, "k", FLY_SQL_INT4, -1, false),
    COLUMN(2, "upper", FLY_SQL_TEXT, -1, false),
};
static const fly__sql_table v_table = {.oid = 20005,
                                       .name = "v",
                                       .schema = FLY__SQL_SCHEMA_PUBLIC,
                                       .class = FLY__SQL_VIEW,
                                       .row_type = 20006,
                                       .column_count = 2,
                                       .columns = v_columns,
                                       .view_text = "SELECT a, upper(b) FROM t WHERE a > 10"};

static fly_account account;
static fly_arena arena;
static fly__sql_core *core;
static fly__sql_catalog_view *view;

static fly__sql_object *object(fly__sql_object_kind kind, const void *body, size_t size)
{
    fly__sql_object *made = NULL;
    ck_assert_int_eq(fly__sql_object_create(&account.mem, kind, &made, NULL), FLY_OK);
    memcpy(made->body, body, size);
    ck_assert_int_eq(fly__sql_object_finish(made, NULL), FLY_OK);
    return made;
}

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_arena_init(&arena, &account.mem, 0);
    fly__sql_schema catalog = {.oid = FLY__SQL_SCHEMA_PG_CATALOG, .name = "pg_catalog"};
    fly__sql_schema open = {.oid = FLY__SQL_SCHEMA_PUBLIC, .name = "public"};
    fly__sql_object *objects[] = {
        object(FLY__SQL_O_SCHEMA, &catalog, sizeof catalog),
        object(FLY__SQL_O_SCHEMA, &open, sizeof open),
        object(FLY__SQL_O_TABLE, &t_table, sizeof t_table),
        object(FLY__SQL_O_TABLE, &u_table, sizeof u_table),
        object(FLY__SQL_O_TABLE, &v_table, sizeof v_table),
    };
    size_t count = sizeof objects / sizeof *objects;
    ck_assert_int_eq(fly__sql_core_create(&account.mem, 1, objects, count, &core, NULL), FLY_OK);
    for (size_t i = 0; i < count; i++) {
        fly__sql_object_release(objects[i]);
    }
    ck_assert_int_eq(fly__sql_view_create(&account.mem, core, NULL, NULL, &view, NULL), FLY_OK);
}

static void teardown(void)
{
    fly__sql_view_release(view);
    fly__sql_core_release(core);
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static fly_status bind_text(const char *text, fly__sql_plan **plan, fly_err *err)
{
    fly_sql_statements statements;
    fly_status status = fly__sql_parse(&arena, fly_bytes_str(text), NULL, &statements, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_bind_context context = {.view = view, .arena = &arena};
    return fly__sql_bind(&context, statements.items[0].node, plan, err);
}

static const char *printed(const char *text)
{
    fly__sql_plan *plan;
    fly_err err = {0};
    ck_assert_msg(bind_text(text, &plan, &err) == FLY_OK, "%s: %s", text, err.message);
    fly_bytes out;
    ck_assert_int_eq(fly__sql_plan_print(plan, false, NULL, 0, &arena, &out, &err), FLY_OK);
    return (const char *)out.data;
}

/* ----------------------------------------------------------------------------- plans */

static const struct {
    const char *text, *plan;
} plans[] = {
#include "bind_plans.inc"
};

START_TEST(plans_are_what_statements_say)
{
    const char *got = printed(plans[_i].text);
    ck_assert_msg(strcmp(got, plans[_i].plan) == 0, "%s\n%s", plans[_i].text, got);
}
END_TEST

/* ---------------------------------------------------------------------------- errors */

static const struct {
    const char *text, *sqlstate;
    uint32_t position;
    const char *message;
} errors[] = {
#include "bind_errors.inc"
};

START_TEST(errors_are_postgresqls)
{
    fly__sql_plan *plan;
    fly_err err = {0};
    fly_status status = bind_text(errors[_i].text, &plan, &err);
    ck_assert_msg(status != FLY_OK, "%s is accepted", errors[_i].text);
    ck_assert_msg(strcmp(err.message, errors[_i].message) == 0, "%s: %s", errors[_i].text,
                  err.message);
    ck_assert_msg(strcmp(err.sqlstate, errors[_i].sqlstate) == 0, "%s: %s", errors[_i].text,
                  err.sqlstate);
    ck_assert_msg(err.position == errors[_i].position, "%s: at %u", errors[_i].text, err.position);
}
END_TEST

static const struct {
    const char *text;
    uint32_t types[6];
} typed[] = {
    {"SELECT 1, 2147483648, 1.5, 'x', NULL, true", {23, 20, 1700, 25, 25, 16}},
    {"SELECT 1 + 2, 1 + 2.5, 1::int2 + 1, 1 / 2::int8, -2147483648", {23, 1700, 23, 20, 23}},
    {"SELECT a + c, a || b, b || 'x', d + 1, d - d FROM t", {1700, 25, 25, 1082, 23}},
    {"SELECT CASE WHEN a > 1 THEN 1 ELSE 2.5 END, COALESCE(NULL, a), NULLIF(a, 1) FROM t",
     {1700, 23, 23}},
    {"SELECT count(*), sum(a), sum(c), avg(a), min(b), max(d) FROM t",
     {20, 20, 1700, 1700, 25, 1082}},
    {"SELECT ARRAY[1, 2.5], ARRAY['a'], '{1}'::int[], (ARRAY[1, 2])[1]", {1231, 1009, 1007, 23}},
    {"SELECT a FROM t UNION SELECT a FROM u", {20}},
    {"SELECT NULL UNION SELECT 1", {23}},
    {"VALUES (1, 'a'), (2.5, 'b')", {1700, 25}},
    {"INSERT INTO t (a) VALUES (1) RETURNING a, c", {23, 1700}},
    {"SELECT date '2020-01-01', interval '1 day', timestamp '2020-01-01 00:00'",
     {1082, 1186, 1114}},
    {"SELECT length(b), substr(b, 1), abs(a), round(c, 1) FROM t", {23, 25, 23, 1700}},
    {"SELECT row_number() OVER (), sum(a) OVER (ORDER BY a), lag(b) OVER (ORDER BY a) FROM t",
     {20, 20, 25}},
};

START_TEST(results_have_postgresqls_types)
{
    fly__sql_plan *plan;
    fly_err err = {0};
    ck_assert_msg(bind_text(typed[_i].text, &plan, &err) == FLY_OK, "%s: %s", typed[_i].text,
                  err.message);
    for (uint32_t i = 0; i < 6 && typed[_i].types[i] != 0; i++) {
        ck_assert_msg(i < plan->column_count && plan->columns[i].type.oid == typed[_i].types[i],
                      "%s: column %u is %u", typed[_i].text, i + 1, plan->columns[i].type.oid);
    }
}
END_TEST

START_TEST(parameters_get_their_types_from_where_they_stand)
{
    fly_sql_statements statements;
    fly_err err = {0};
    const char *text = "SELECT * FROM t WHERE a = $1 AND b = $2 AND d < $3 "
                       "LIMIT $4";
    ck_assert_int_eq(fly__sql_parse(&arena, fly_bytes_str(text), NULL, &statements, &err), FLY_OK);
    fly__sql_bind_context context = {.view = view, .arena = &arena};
    fly__sql_plan *plan;
    ck_assert_msg(fly__sql_bind(&context, statements.items[0].node, &plan, &err) == FLY_OK, "%s",
                  err.message);
    ck_assert_uint_eq(plan->param_count, 4);
    ck_assert_uint_eq(plan->params[0].oid, FLY_SQL_INT4);
    ck_assert_uint_eq(plan->params[1].oid, FLY_SQL_TEXT);
    ck_assert_uint_eq(plan->params[3].oid, FLY_SQL_INT8);
}
END_TEST

/* --------------------------------------------------------------------------- numerics */

static const struct {
    const char *expression;
    uint8_t digits, scale; /* 0: libvec's format */
} shapes[] = {
    {"c", 12, 2},
    {"1.50", 3, 2},
    {"c + 1", 13, 2},
    {"c - 0.125", 14, 3},
    {"c * c", 24, 4},
    {"c * (1 - 0.05)", 16, 4},
    {"c / 2", 0, 0},
    {"sum(c)", 38, 2},
    {"max(c)", 12, 2},
    {"avg(c)", 0, 0},
    {"CASE WHEN a > 1 THEN c ELSE c END", 12, 2},
    {"CASE WHEN a > 1 THEN c ELSE 0 END", 0, 0},
    {"round(c, 1)", 0, 0},
    {"c::numeric(6, 1)", 6, 1},
    {"(c + a)::numeric(30, 10)", 30, 10},
    {"1e3", 0, 0},
};

START_TEST(numerics_keep_their_shape_while_it_can_hold_them)
{
    char text[200];
    (void)snprintf(text, sizeof text, "SELECT %s FROM t", shapes[_i].expression);
    fly__sql_plan *plan;
    fly_err err = {0};
    ck_assert_msg(bind_text(text, &plan, &err) == FLY_OK, "%s: %s", text, err.message);
    ck_assert_uint_eq(plan->columns[0].type.oid, FLY_SQL_NUMERIC);
    ck_assert_msg(plan->columns[0].type.digits == shapes[_i].digits &&
                      plan->columns[0].type.scale == shapes[_i].scale,
                  "%s is numeric(%u,%u)", text, plan->columns[0].type.digits,
                  plan->columns[0].type.scale);
}
END_TEST

/* --------------------------------------------------------------------------- switches */

static fly_sql_session lax; /* of which the binder reads the switches only */

static const struct {
    const char *text;
    uint32_t type;     /* of the first column, with the switches on; 0: it fails */
    uint32_t standard; /* with them off */
} switched[] = {
    {"SELECT + 'x'::text", FLY_SQL_TEXT, 0},
    {"SELECT a = 'x'::text FROM t", FLY_SQL_BOOL, 0},
    {"SELECT a = 'x' FROM t", FLY_SQL_BOOL, 0},
    {"SELECT a IN (1, 'x') FROM t", FLY_SQL_BOOL, 0},
    {"SELECT 1 || 2", FLY_SQL_TEXT, 0},
    {"SELECT a + 1 FROM t", FLY_SQL_INT8, FLY_SQL_INT4},
    {"SELECT sum(a + 1) FROM t", FLY_SQL_INT8, FLY_SQL_INT8},
    {"SELECT COALESCE(a, 1.5) FROM t", FLY_SQL_INT4, FLY_SQL_NUMERIC},
    {"SELECT CASE WHEN a > 1 THEN a ELSE 1.5 END FROM t", FLY_SQL_INT4, FLY_SQL_NUMERIC},
    {"SELECT a FROM t WHERE a", FLY_SQL_INT4, 0},
};

START_TEST(switches_change_what_is_accepted)
{
    for (int on = 0; on < 2; on++) {
        memset(&lax, 0, sizeof lax);
        lax.user = "admin";
        lax.user_oid = 10;
        lax.compat = (fly__sql_compat){.lax_ops = on,
                                       .int_arith_wide = on,
                                       .num_case_first = on,
                                       .lax_group_by = on,
                                       .nulls_first = on,
                                       .div_by_zero_null = on};
        fly_sql_statements statements;
        fly_err err = {0};
        ck_assert_int_eq(
            fly__sql_parse(&arena, fly_bytes_str(switched[_i].text), NULL, &statements, &err),
            FLY_OK);
        fly__sql_bind_context context = {.session = &lax, .view = view, .arena = &arena};
        fly__sql_plan *plan;
        fly_status status = fly__sql_bind(&context, statements.items[0].node, &plan, &err);
        uint32_t wanted = on ? switched[_i].type : switched[_i].standard;
        ck_assert_msg((status == FLY_OK) == (wanted != 0), "%s: %s", switched[_i].text,
                      err.message);
        if (wanted != 0) {
            ck_assert_msg(plan->columns[0].type.oid == wanted, "%s, %d: %u", switched[_i].text, on,
                          plan->columns[0].type.oid);
        }
    }
}
END_TEST

START_TEST(deep_expressions_are_refused_and_not_followed_down)
{
    char *text = calloc(1, 70000);
    ck_assert_ptr_nonnull(text);
    strcpy(text, "SELECT 1");
    size_t len = strlen(text);
    for (int i = 0; i < 20000; i++) {
        memcpy(text + len, "+1", 3);
        len += 2;
    }
    fly__sql_plan *plan;
    fly_err err = {0};
    fly_status status = bind_text(text, &plan, &err);
    ck_assert(status == FLY_OK || strcmp(err.sqlstate, "54001") == 0);
    free(text);
}
END_TEST

START_TEST(a_plan_names_its_tables_and_what_it_does_to_them)
{
    fly__sql_plan *plan;
    fly_err err = {0};
    ck_assert_int_eq(bind_text("UPDATE t SET b = 'x' FROM u WHERE u.a = t.a", &plan, &err), FLY_OK);
    ck_assert_uint_eq(plan->table_count, 2);
    ck_assert_uint_eq(plan->table_modes[0], 3);
    ck_assert_uint_eq(plan->table_modes[1], 1);
    ck_assert(plan->modifies);
    ck_assert_int_eq(bind_text("SELECT a FROM t FOR SHARE", &plan, &err), FLY_OK);
    ck_assert_uint_eq(plan->table_modes[0], 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bind");
    TCase *tests = fly_test_case(suite, "statements");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, plans_are_what_statements_say, 0, sizeof plans / sizeof *plans);
    tcase_add_loop_test(tests, errors_are_postgresqls, 0, sizeof errors / sizeof *errors);
    tcase_add_loop_test(tests, results_have_postgresqls_types, 0, sizeof typed / sizeof *typed);
    tcase_add_test(tests, parameters_get_their_types_from_where_they_stand);
    tcase_add_loop_test(tests, numerics_keep_their_shape_while_it_can_hold_them, 0,
                        sizeof shapes / sizeof *shapes);
    tcase_add_loop_test(tests, switches_change_what_is_accepted, 0,
                        sizeof switched / sizeof *switched);
    tcase_add_test(tests, deep_expressions_are_refused_and_not_followed_down);
    tcase_add_test(tests, a_plan_names_its_tables_and_what_it_does_to_them);
    return fly_test_run(suite);
}
