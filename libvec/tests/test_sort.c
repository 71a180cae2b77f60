/*
 * Sorting against a comparison written here: what comes out must be in order and be what went in,
 * each row once. Keys of all types, few values and many, ascending and descending, NULLs on both
 * ends, long strings with common beginnings; in memory, the first few, and merged from runs.
 */
#include "vec_tape.h"
#include "vec_world.h"

#include <fly/vec_sort.h>

enum { COLUMNS_MAX = 4, ROWS_MAX = 20000, RUNS_MAX = 9 };

typedef struct sort_world {
    vec_world v;
    fly_vec_type types[COLUMNS_MAX + 1];
    uint32_t columns;
    fly_vec_layout layout;
    fly_vec_sort_key keys[COLUMNS_MAX];
    fly_vec_sort_options options;
    bool wild;
    int32_t numbered;
    uint32_t seen[ROWS_MAX];
} sort_world;

static void world_init(sort_world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    vec_world_init(&w->v, seed);
    w->columns = 1 + (uint32_t)vec_below(&w->v, COLUMNS_MAX);
    w->wild = vec_below(&w->v, 2) != 0;
    for (uint32_t k = 0; k < w->columns; k++) {
        w->types[k] = (fly_vec_type)vec_below(&w->v, FLY_VEC_TYPE_COUNT);
        w->keys[k] = (fly_vec_sort_key){.column = k,
                                        .descending = vec_below(&w->v, 2) != 0,
                                        .nulls_first = vec_below(&w->v, 2) != 0};
    }
    w->types[w->columns] = FLY_VEC_I32;
    FLY_CHECK_OK(fly_vec_layout_init(&w->layout, w->types, w->columns + 1, 0, NULL, 0, &w->v.arena,
                                     &w->v.err),
                 w->v.err);
    w->options = (fly_vec_sort_options){.layout = &w->layout, .keys = w->keys, .count = w->columns};
}

/* Add a batch; the last column numbers all rows. */
static void add(sort_world *w, fly_vec_sorter *sorter)
{
    fly_vec cols[COLUMNS_MAX + 1];
    uint32_t count = vec_some_count(&w->v);
    int n;
    for (uint32_t k = 0; k < w->columns; k++) {
        cols[k] = vec_make(&w->v, w->types[k], vec_some_kind(&w->v), count,
                           (uint32_t)vec_below(&w->v, 3) * 3, w->wild);
    }
    const fly_vec_sel *sel = vec_some_sel(&w->v, count, &n);
    FLY_CHECK_OK(fly_vec_init(&cols[w->columns], FLY_VEC_I32, count, &w->v.arena, &w->v.err),
                 w->v.err);
    for (int k = 0; k < n; k++) {
        ((int32_t *)cols[w->columns].data)[vec_row(sel, k)] = w->numbered++;
    }
    FLY_CHECK_OK(fly_vec_sorter_add(sorter, cols, sel, n, &w->v.err), w->v.err);
}

static int value_order(fly_vec_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    double x = 0, y = 0;
    switch (type) {
    case FLY_VEC_STR:
        return fly_bytes_cmp(fly_vec_str_bytes(&a->str), fly_vec_str_bytes(&b->str));
    case FLY_VEC_F32:
        x = (double)a->f32, y = (double)b->f32;
        return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x > y) - (x < y);
    case FLY_VEC_F64:
        x = a->f64, y = b->f64;
        return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x > y) - (x < y);
    case FLY_VEC_INTERVAL:
        x = (double)a->interval.micros + (a->interval.months * 30. + a->interval.days) * 86400e6;
        y = (double)b->interval.micros + (b->interval.months * 30. + b->interval.days) * 86400e6;
        return (x > y) - (x < y);
    case FLY_VEC_BOOL:
        return a->b - b->b;
    case FLY_VEC_I16:
        return a->i16 - b->i16;
    case FLY_VEC_I32:
        return (a->i32 > b->i32) - (a->i32 < b->i32);
    case FLY_VEC_I64:
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    default:
        return (a->i128 > b->i128) - (a->i128 < b->i128);
    }
}

static int row_order(const sort_world *w, const uint8_t *a, const uint8_t *b)
{
    for (uint32_t k = 0; k < w->columns; k++) {
        fly_vec_value x = fly_vec_row_get(&w->layout, a, k);
        fly_vec_value y = fly_vec_row_get(&w->layout, b, k);
        if (x.null || y.null) {
            if (x.null != y.null) {
                return x.null == w->keys[k].nulls_first ? -1 : 1;
            }
            continue;
        }
        int order = value_order(w->types[k], &x, &y);
        if (order != 0) {
            return w->keys[k].descending ? -order : order;
        }
    }
    return 0;
}

static void see(sort_world *w, const uint8_t *row)
{
    int32_t number = fly_vec_row_get(&w->layout, row, w->columns).i32;
    ck_assert_int_lt(number, w->numbered);
    if (w->seen[number]++ != 0) {
        ck_abort_msg("row %d came twice", number);
    }
}

static void in_order(const sort_world *w, const uint8_t *before, const uint8_t *row)
{
    if (before != NULL && row_order(w, before, row) > 0) {
        ck_abort_msg("rows %d and %d are in the wrong order",
                     fly_vec_row_get(&w->layout, before, w->columns).i32,
                     fly_vec_row_get(&w->layout, row, w->columns).i32);
    }
    int own = before == NULL ? 0
                             : fly_vec_sort_compare(&w->layout, w->keys, w->columns, before, row);
    ck_assert_int_le(own, 0);
}

static void each_sort(void *ctx, uint64_t seed)
{
    (void)ctx;
    static sort_world world;
    sort_world *w = &world;
    world_init(w, seed);
    fly_vec_sorter *sorter;
    FLY_CHECK_OK(fly_vec_sorter_create(&w->v.account.mem, &w->options, &sorter, &w->v.err),
                 w->v.err);
    for (int round = (int)vec_below(&w->v, 12); round >= 0; round--) {
        add(w, sorter);
    }
    FLY_CHECK_OK(fly_vec_sorter_sort(sorter, &w->v.err), w->v.err);
    uint8_t *row[100];
    const uint8_t *before = NULL;
    int n;
    int total = 0;
    while ((n = fly_vec_sorter_next(sorter, row, 100)) > 0) {
        for (int k = 0; k < n; k++) {
            see(w, row[k]);
            in_order(w, before, row[k]);
            before = row[k];
        }
        total += n;
    }
    ck_assert_int_eq(total, w->numbered);
    fly_vec_sorter_destroy(sorter);
    vec_world_deinit(&w->v);
}

START_TEST(sorted_rows_are_in_order_and_all_there)
{
    ck_assert(fly_test_seeds("sorting", 100, each_sort, NULL));
}
END_TEST

/* The first N: each as the N first of a whole sort, by their keys. */
static void each_top(void *ctx, uint64_t seed)
{
    (void)ctx;
    static sort_world world;
    sort_world *w = &world;
    world_init(w, seed);
    fly_vec_sorter *top, *all;
    FLY_CHECK_OK(fly_vec_sorter_create(&w->v.account.mem, &w->options, &all, &w->v.err), w->v.err);
    w->options.limit = 1 + vec_below(&w->v, 300);
    FLY_CHECK_OK(fly_vec_sorter_create(&w->v.account.mem, &w->options, &top, &w->v.err), w->v.err);
    for (int round = 0; round < 14; round++) {
        fly_rng kept = w->v.rng;
        int32_t numbered = w->numbered;
        add(w, top);
        w->v.rng = kept;
        w->numbered = numbered;
        add(w, all);
    }
    ck_assert_uint_le(fly_vec_sorter_count(top), 2 * w->options.limit + 2 * FLY_VEC_CAPACITY);
    FLY_CHECK_OK(fly_vec_sorter_sort(top, &w->v.err), w->v.err);
    FLY_CHECK_OK(fly_vec_sorter_sort(all, &w->v.err), w->v.err);
    uint8_t *x, *y;
    uint64_t got = 0;
    while (fly_vec_sorter_next(top, &x, 1) == 1) {
        ck_assert_int_eq(fly_vec_sorter_next(all, &y, 1), 1);
        ck_assert_int_eq(row_order(w, x, y), 0);
        see(w, x);
        got++;
    }
    uint64_t wanted = (uint64_t)w->numbered < w->options.limit ? (uint64_t)w->numbered
                                                               : w->options.limit;
    ck_assert_uint_eq(got, wanted);
    fly_vec_sorter_destroy(top);
    fly_vec_sorter_destroy(all);
    vec_world_deinit(&w->v);
}

START_TEST(the_first_few_are_those_of_the_whole)
{
    ck_assert(fly_test_seeds("first few", 100, each_top, NULL));
}
END_TEST

/* Long strings that begin alike, the smallest last: keys say nothing about who is first. */
START_TEST(the_first_few_are_found_where_keys_are_equal)
{
    static sort_world world;
    sort_world *w = &world;
    memset(w, 0, sizeof *w);
    vec_world_init(&w->v, 1);
    w->types[0] = FLY_VEC_STR;
    FLY_CHECK_OK(fly_vec_layout_init(&w->layout, w->types, 1, 0, NULL, 0, &w->v.arena, &w->v.err),
                 w->v.err);
    w->options =
        (fly_vec_sort_options){.layout = &w->layout, .keys = w->keys, .count = 1, .limit = 3};
    fly_vec_sorter *sorter;
    FLY_CHECK_OK(fly_vec_sorter_create(&w->v.account.mem, &w->options, &sorter, &w->v.err),
                 w->v.err);
    fly_vec col;
    FLY_CHECK_OK(fly_vec_init(&col, FLY_VEC_STR, 1024, &w->v.arena, &w->v.err), w->v.err);
    static char text[1024][40];
    for (int round = 9; round >= 0; round--) {
        for (int k = 0; k < 1024; k++) {
            int len = snprintf(text[k], sizeof text[k], "the same beginning %06d",
                               round * 1024 + 1023 - k);
            ((fly_vec_str *)col.data)[k] = fly_vec_str_of(text[k], (size_t)len);
        }
        FLY_CHECK_OK(fly_vec_sorter_add(sorter, &col, NULL, 1024, &w->v.err), w->v.err);
        ck_assert(round > 7 || fly_vec_sorter_threshold(sorter) != NULL);
    }
    FLY_CHECK_OK(fly_vec_sorter_sort(sorter, &w->v.err), w->v.err);
    uint8_t *row[4];
    ck_assert_int_eq(fly_vec_sorter_next(sorter, row, 4), 3);
    for (int k = 0; k < 3; k++) {
        fly_vec_value v = fly_vec_row_get(&w->layout, row[k], 0);
        ck_assert_int_eq(v.str.ptr[24], '0' + k);
        ck_assert_int_eq(v.str.ptr[23], '0');
    }
    fly_vec_sorter_destroy(sorter);
    vec_world_deinit(&w->v);
}
END_TEST

static void each_merge(void *ctx, uint64_t seed)
{
    (void)ctx;
    static sort_world world;
    static tape tapes[RUNS_MAX];
    void *ctxs[RUNS_MAX];
    sort_world *w = &world;
    world_init(w, seed);
    fly_vec_sorter *sorter;
    fly_vec_merge *merge;
    FLY_CHECK_OK(fly_vec_sorter_create(&w->v.account.mem, &w->options, &sorter, &w->v.err),
                 w->v.err);
    uint32_t runs = 1 + (uint32_t)vec_below(&w->v, RUNS_MAX);
    for (uint32_t k = 0; k < runs; k++) {
        tapes[k].size = tapes[k].at = 0;
        ctxs[k] = &tapes[k];
        for (uint64_t round = vec_below(&w->v, 3); round > 0; round--) {
            add(w, sorter);
        }
        FLY_CHECK_OK(fly_vec_sorter_write_run(sorter, tape_write, &tapes[k], &w->v.err), w->v.err);
        ck_assert_uint_eq(fly_vec_sorter_count(sorter), 0);
    }
    fly_vec_sorter_destroy(sorter);
    FLY_CHECK_OK(fly_vec_merge_create(&w->v.account.mem, &w->options, runs, tape_read, ctxs, &merge,
                                      &w->v.err),
                 w->v.err);
    uint8_t *row[300];
    fly_vec_rows last; /* a copy: rows are valid until the next call */
    fly_vec_rows_init(&last, &w->layout, &w->v.account.mem);
    uint8_t *before = NULL;
    int total = 0;
    int n;
    for (;;) {
        FLY_CHECK_OK(fly_vec_merge_next(merge, row, 300, &n, &w->v.err), w->v.err);
        if (n == 0) {
            break;
        }
        for (int k = 0; k < n; k++) {
            see(w, row[k]);
            in_order(w, k == 0 ? before : row[k - 1], row[k]);
        }
        total += n;
        tape copy = {.size = 0, .at = 0};
        int one;
        fly_vec_rows_clear(&last);
        FLY_CHECK_OK(fly_vec_rows_write(&w->layout, &row[n - 1], 1, tape_write, &copy, &w->v.err),
                     w->v.err);
        FLY_CHECK_OK(fly_vec_rows_read(&last, tape_read, &copy, &before, &one, &w->v.err),
                     w->v.err);
    }
    ck_assert_int_eq(total, w->numbered);
    fly_vec_rows_clear(&last);
    fly_vec_merge_destroy(merge);
    vec_world_deinit(&w->v);
}

START_TEST(runs_merge_into_one_order)
{
    ck_assert(fly_test_seeds("merging", 60, each_merge, NULL));
}
END_TEST

/* Many rows with one key, or sorted already, or backwards: no quadratic time, no deep recursion. */
START_TEST(hostile_orders_take_no_longer)
{
    static sort_world world;
    sort_world *w = &world;
    for (int shape = 0; shape < 4; shape++) {
        memset(w, 0, sizeof *w);
        vec_world_init(&w->v, 1);
        w->types[0] = shape == 3 ? FLY_VEC_STR : FLY_VEC_I64;
        w->columns = 1;
        w->types[1] = FLY_VEC_I32;
        FLY_CHECK_OK(
            fly_vec_layout_init(&w->layout, w->types, 2, 0, NULL, 0, &w->v.arena, &w->v.err),
            w->v.err);
        w->options = (fly_vec_sort_options){.layout = &w->layout, .keys = w->keys, .count = 1};
        fly_vec_sorter *sorter;
        FLY_CHECK_OK(fly_vec_sorter_create(&w->v.account.mem, &w->options, &sorter, &w->v.err),
                     w->v.err);
        for (int round = 0; round < 200; round++) {
            fly_vec cols[2];
            FLY_CHECK_OK(fly_vec_init(&cols[0], w->types[0], 1024, &w->v.arena, &w->v.err),
                         w->v.err);
            FLY_CHECK_OK(fly_vec_init(&cols[1], FLY_VEC_I32, 1024, &w->v.arena, &w->v.err),
                         w->v.err);
            for (int k = 0; k < 1024; k++) {
                int64_t i = round * 1024 + k;
                if (shape == 3) {
                    ((fly_vec_str *)cols[0].data)[k] =
                        fly_vec_str_of("the same long beginning, always", 20 + (size_t)(i % 8));
                } else {
                    ((int64_t *)cols[0].data)[k] = shape == 0 ? 7 : shape == 1 ? i : -i;
                }
            }
            FLY_CHECK_OK(fly_vec_sorter_add(sorter, cols, NULL, 1024, &w->v.err), w->v.err);
            fly_arena_reset(&w->v.arena);
            FLY_CHECK_OK(
                fly_vec_layout_init(&w->layout, w->types, 2, 0, NULL, 0, &w->v.arena, &w->v.err),
                w->v.err);
        }
        FLY_CHECK_OK(fly_vec_sorter_sort(sorter, &w->v.err), w->v.err);
        uint8_t *row;
        const uint8_t *before = NULL;
        while (fly_vec_sorter_next(sorter, &row, 1) == 1) {
            if (before != NULL && row_order(w, before, row) > 0) {
                ck_abort_msg("shape %d is not in order", shape);
            }
            before = row;
        }
        fly_vec_sorter_destroy(sorter);
        vec_world_deinit(&w->v);
    }
}
END_TEST

/* Memory ends somewhere: the sorter says so and nothing leaks. */
START_TEST(a_sort_survives_that_memory_ends)
{
    static sort_world world;
    sort_world *w = &world;
    for (uint64_t limit = 1000;; limit += 3000) {
        world_init(w, 5);
        fly_account small;
        fly_account_init(&small, fly_mem_system(), "small", limit);
        fly_vec_sorter *sorter = NULL;
        w->options.limit = limit % 6000 == 1000 ? 0 : 40;
        FLY_CHECK_OK(fly_vec_sorter_create(&small.mem, &w->options, &sorter, &w->v.err), w->v.err);
        fly_status status = FLY_OK;
        fly_vec cols[COLUMNS_MAX + 1];
        for (int round = 0; round < 6 && status == FLY_OK; round++) {
            for (uint32_t k = 0; k <= w->columns; k++) {
                cols[k] = vec_make(&w->v, w->types[k], FLY_VEC_FLAT, 900, 3, true);
            }
            uint64_t before = fly_vec_sorter_count(sorter);
            status = fly_vec_sorter_add(sorter, cols, NULL, 900, &w->v.err);
            ck_assert(status == FLY_OK || fly_vec_sorter_count(sorter) == before);
        }
        status = status == FLY_OK ? fly_vec_sorter_sort(sorter, &w->v.err) : status;
        ck_assert(status == FLY_OK || status == FLY_E_NO_MEMORY);
        fly_vec_sorter_destroy(sorter);
        fly_account_deinit(&small);
        vec_world_deinit(&w->v);
        if (status == FLY_OK) {
            return;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sort");
    TCase *tests = fly_test_case(suite, "sort");
    tcase_add_test(tests, sorted_rows_are_in_order_and_all_there);
    tcase_add_test(tests, the_first_few_are_those_of_the_whole);
    tcase_add_test(tests, the_first_few_are_found_where_keys_are_equal);
    tcase_add_test(tests, runs_merge_into_one_order);
    tcase_add_test(tests, hostile_orders_take_no_longer);
    tcase_add_test(tests, a_sort_survives_that_memory_ends);
    return fly_test_run(suite);
}
