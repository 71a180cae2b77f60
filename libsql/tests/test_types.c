/*
 * Goal: the table of types is in order, says what PostgreSQL's pg_type says, and values go in and out
 * as text as PostgreSQL shows them.
 * Method: tables.
 */
#include "types/type_int.h"

#include <fly/base_check.h>

#include <string.h>

START_TEST(types_are_in_order_and_point_to_their_arrays)
{
    size_t count;
    const fly__sql_type_info *infos = fly__sql_type_infos(&count);
    ck_assert_uint_gt(count, 100);
    for (size_t i = 0; i < count; i++) {
        ck_assert(i == 0 || infos[i - 1].oid < infos[i].oid);
        ck_assert_ptr_eq(fly__sql_type_info_of(infos[i].oid), &infos[i]);
        ck_assert_msg(fly__sql_type_info_named(infos[i].name) == &infos[i] ||
                          infos[i].oid == FLY_SQL_CHAR,
                      "%s is not found by its name", infos[i].name);
        if (infos[i].array_oid != 0) {
            const fly__sql_type_info *array = fly__sql_type_info_of(infos[i].array_oid);
            ck_assert_ptr_nonnull(array);
            ck_assert_uint_eq(array->element_oid, infos[i].oid);
        }
    }
    ck_assert_ptr_null(fly__sql_type_info_of(1));
    ck_assert_ptr_null(fly__sql_type_info_of(UINT32_MAX));
}
END_TEST

START_TEST(types_have_many_names)
{
    static const struct {
        const char *name;
        uint32_t oid;
    } cases[] = {
        {"int", FLY_SQL_INT4},         {"double precision", FLY_SQL_FLOAT8},
        {"decimal", FLY_SQL_NUMERIC},  {"character varying", FLY_SQL_VARCHAR},
        {"char", FLY_SQL_BPCHAR},      {"\"char\"", FLY_SQL_CHAR},
        {"bpchar", FLY_SQL_BPCHAR},    {"timestamp with time zone", FLY_SQL_TIMESTAMPTZ},
        {"_text", FLY__SQL_OID__text}, {"float", FLY_SQL_FLOAT8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const fly__sql_type_info *info = fly__sql_type_info_named(cases[i].name);
        ck_assert_msg(info != NULL && info->oid == cases[i].oid, "%s", cases[i].name);
    }
    ck_assert_ptr_null(fly__sql_type_info_named("int5"));
    ck_assert_ptr_null(fly__sql_type_info_named(""));
}
END_TEST

START_TEST(modifiers_of_numeric_go_there_and_back)
{
    int precision;
    int scale;
    ck_assert_int_eq(fly__sql_numeric_mod(10, 2), 655366);
    ck_assert(fly__sql_numeric_mod_of(655366, &precision, &scale));
    ck_assert_int_eq(precision, 10);
    ck_assert_int_eq(scale, 2);
    ck_assert(fly__sql_numeric_mod_of(fly__sql_numeric_mod(3, -5), &precision, &scale));
    ck_assert_int_eq(precision, 3);
    ck_assert_int_eq(scale, -5);
    ck_assert(!fly__sql_numeric_mod_of(-1, &precision, &scale));
}
END_TEST

START_TEST(order_of_uuids_is_order_of_their_bytes)
{
    uint8_t low[16] = {0x7f};
    uint8_t high[16] = {0x80};
    uint8_t back[16];
    ck_assert(fly__sql_uuid_of(low) < fly__sql_uuid_of(high));
    fly__sql_uuid_bytes(fly__sql_uuid_of(high), back);
    ck_assert_mem_eq(back, high, 16);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("types");
    TCase *tests = fly_test_case(suite, "types");
    tcase_add_test(tests, types_are_in_order_and_point_to_their_arrays);
    tcase_add_test(tests, types_have_many_names);
    tcase_add_test(tests, modifiers_of_numeric_go_there_and_back);
    tcase_add_test(tests, order_of_uuids_is_order_of_their_bytes);
    return fly_test_run(suite);
}
