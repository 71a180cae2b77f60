/*
 * Goal: TPC-H's tables are what they are everywhere.
 * Method: checksums of tables at scale 0.01, with 10 MiB of text; equal tables came from DuckDB's
 * generator. One comment of the full text, which is that of TPC's own data.
 */
#include "tpch_gen.h"

#include <check.h>
#include <fly/base_hash.h>
#include <stdlib.h>
#include <string.h>

typedef struct sums {
    uint64_t rows[TPCH_TABLE_COUNT];
    uint32_t crc[TPCH_TABLE_COUNT];
} sums;

static fly_status add_row(void *ctx, tpch_table table, fly_bytes row, fly_err *err)
{
    (void)err;
    sums *s = ctx;
    s->rows[table]++;
    s->crc[table] = fly_crc32c(s->crc[table], row.data, row.len);
    return FLY_OK;
}

static const struct {
    uint64_t rows;
    uint32_t crc;
} expected[TPCH_TABLE_COUNT] = {
    [TPCH_REGION] = {5, 0xe34054e5},     [TPCH_NATION] = {25, 0xae7bc279},
    [TPCH_SUPPLIER] = {100, 0x971e8054}, [TPCH_CUSTOMER] = {1500, 0x1ec649cd},
    [TPCH_PART] = {2000, 0x6411973d},    [TPCH_PARTSUPP] = {8000, 0x0f16062f},
    [TPCH_ORDERS] = {15000, 0xccfabcc1}, [TPCH_LINEITEM] = {60175, 0x725f04ab},
};

START_TEST(tables_are_those_of_other_generators)
{
    sums s = {0};
    fly_err err = {0};
    tpch_options options = {.scale = 0.01, .text_mib = 10};
    ck_assert_int_eq(tpch_generate(&options, add_row, &s, &err), FLY_OK);
    for (int i = 0; i < TPCH_TABLE_COUNT; i++) {
        ck_assert_msg(s.rows[i] == expected[i].rows && s.crc[i] == expected[i].crc,
                      "%s: %llu rows, checksum 0x%08x", tpch_table_name((tpch_table)i),
                      (unsigned long long)s.rows[i], s.crc[i]);
    }
}
END_TEST

START_TEST(a_table_can_be_made_alone)
{
    sums s = {0};
    fly_err err = {0};
    tpch_options options = {.scale = 0.01, .tables = 1u << TPCH_LINEITEM, .text_mib = 10};
    ck_assert_int_eq(tpch_generate(&options, add_row, &s, &err), FLY_OK);
    ck_assert_uint_eq(s.rows[TPCH_ORDERS], 0);
    ck_assert_uint_eq(s.crc[TPCH_LINEITEM], expected[TPCH_LINEITEM].crc);
}
END_TEST

static fly_status keep_first(void *ctx, tpch_table table, fly_bytes row, fly_err *err)
{
    (void)table;
    char *kept = ctx;
    ck_assert_uint_lt(row.len, 256);
    memcpy(kept, row.data, row.len);
    kept[row.len] = '\0';
    return fly_err_set(err, FLY_E_CANCELLED, "one is enough");
}

START_TEST(comments_come_from_the_full_text_and_the_sink_can_stop)
{
    char row[256];
    fly_err err = {0};
    tpch_options options = {.scale = 1, .tables = 1u << TPCH_REGION};
    ck_assert_int_eq(tpch_generate(&options, keep_first, row, &err), FLY_E_CANCELLED);
    ck_assert_str_eq(row, "0|AFRICA|lar deposits. blithely final packages cajole. regular waters "
                          "are final requests. regular accounts are according to \n");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tpch");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, tables_are_those_of_other_generators);
    tcase_add_test(tests, a_table_can_be_made_alone);
    tcase_add_test(tests, comments_come_from_the_full_text_and_the_sink_can_stop);
    Suite *suite = suite_create("flybench tpch");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
