/*
 * Goal: the registry is in order and complete, and its functions answer as PostgreSQL 15 does.
 * Method: a walk over all entries; tables of calls with arguments and results as text.
 */
#include "func/func_int.h"

#include <fly/base_check.h>

#include <string.h>

static bool before(const fly__sql_func *a, const fly__sql_func *b)
{
    int order = strcmp(a->name, b->name);
    if (order != 0) {
        return order < 0;
    }
    if (a->kind != FLY__SQL_CAST) {
        return true;
    }
    return a->args[0] < b->args[0] || (a->args[0] == b->args[0] && a->result < b->result);
}

START_TEST(entries_are_in_order_and_whole)
{
    size_t count;
    const fly__sql_func *funcs = fly__sql_funcs_all(&count);
    for (size_t i = 0; i < count; i++) {
        const fly__sql_func *f = &funcs[i];
        ck_assert_msg(i == 0 || before(f - 1, f), "entry %zu, %s", i, f->name);
        ck_assert_msg(fly__sql_func_by_oid(f->oid) == f, "OID %u is twice", f->oid);
        size_t found;
        switch (f->kind) {
        case FLY__SQL_CAST:
            ck_assert_ptr_eq(fly__sql_cast(f->args[0], f->result), f);
            ck_assert(f->row != NULL);
            break;
        case FLY__SQL_OPERATOR:
            ck_assert_ptr_nonnull(fly__sql_operators(f->name, &found));
            ck_assert(f->row != NULL);
            break;
        case FLY__SQL_AGGREGATE:
            ck_assert_ptr_nonnull(f->aggregate);
            ck_assert_ptr_nonnull(fly__sql_funcs_named(f->name, &found));
            break;
        case FLY__SQL_SET:
            ck_assert_ptr_nonnull(f->set);
            break;
        case FLY__SQL_WINDOW:
            ck_assert_uint_ne(f->window, 0);
            break;
        default:
            ck_assert(f->row != NULL);
            ck_assert_ptr_nonnull(fly__sql_funcs_named(f->name, &found));
        }
    }
    ck_assert_ptr_null(fly__sql_func_by_oid(1));
    ck_assert_ptr_null(fly__sql_cast(FLY_SQL_TEXT, FLY_SQL_BYTEA));
    size_t none = 1;
    ck_assert_ptr_null(fly__sql_funcs_named("+", &none));
    ck_assert_uint_eq(none, 0);
    ck_assert_ptr_null(fly__sql_operators("abs", &none));
    ck_assert_ptr_null(fly__sql_funcs_named("", &none));
    ck_assert_ptr_null(fly__sql_funcs_named("no_such", &none));
}
END_TEST

START_TEST(coercion_goes_one_way_where_it_costs_something_to_come_back)
{
    ck_assert(fly__sql_coercible(FLY_SQL_VARCHAR, FLY_SQL_TEXT));
    ck_assert(fly__sql_coercible(FLY_SQL_INT4, FLY_SQL_INT4));
    ck_assert(!fly__sql_coercible(FLY_SQL_INT4, FLY_SQL_INT8));
    ck_assert(!fly__sql_coercible(FLY_SQL_BPCHAR, FLY_SQL_TEXT));
    ck_assert(fly__sql_coercible(FLY__SQL_OID__varchar, FLY__SQL_OID__text));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("func");
    TCase *tests = fly_test_case(suite, "registry");
    tcase_add_test(tests, entries_are_in_order_and_whole);
    tcase_add_test(tests, coercion_goes_one_way_where_it_costs_something_to_come_back);
    return fly_test_run(suite);
}
