/*
 * What kernels, the hash table and the sort cost: nanoseconds of the processor per value, one line
 * per case: name, values, seconds, values per second, nanoseconds per value. Seeds are fixed.
 *
 *     bench_vec [ISA]     "base", "v3" or "v4"; default the best that runs here
 *
 * Shapes follow design notes that were measured with hard-coded prototypes on TPC-H: probes of 6 M
 * rows into 1.5 M, groups by as many, 6 M normalised keys. Does not measure expressions over
 * several kernels, decoding, files or more than one thread.
 */
#include <fly/base_hash.h>
#include <fly/vec_agg.h>
#include <fly/vec_bloom.h>
#include <fly/vec_sort.h>
#include <fly/vec_table.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N = FLY_VEC_CAPACITY, ROUNDS = 4000, ROWS = 6000000, KEYS = 1500000 };

static fly_arena arena;
static fly_err err;
static fly_vec reg[4];
static fly_vec_sel out[N + 8];
static fly_rng rng;
static fly_vec_isa isa;

static void must(fly_status status)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_vec: %s: %s\n", fly_status_text(status), err.message);
        exit(1);
    }
}

/* Nanoseconds of this process, so that others on the machine do not count. */
static uint64_t cpu_now(void)
{
    return (uint64_t)clock() * (1000000000 / CLOCKS_PER_SEC);
}

static void line(const char *name, uint64_t n, uint64_t began)
{
    uint64_t ns = cpu_now() - began;
    (void)printf("%-40s %9llu %.4f %12.0f %8.2f\n", name, (unsigned long long)n, (double)ns / 1e9,
                 (double)n * 1e9 / (double)ns, (double)ns / (double)n);
    (void)fflush(stdout);
}

/* ---------------------------------------------------------------------- kernels */

static void fill(fly_vec *v, fly_vec_type type, uint64_t bound, int nulls)
{
    must(fly_vec_init(v, type, N, &arena, &err));
    for (uint32_t k = 0; k < N; k++) {
        fly_vec_value value;
        memset(&value, 0, sizeof value);
        uint64_t x = fly_rng_below(&rng, bound);
        switch (type) {
        case FLY_VEC_F64:
            value.f64 = (double)x;
            break;
        case FLY_VEC_STR: {
            char text[32];
            int len = snprintf(text, sizeof text, "value %llu", (unsigned long long)x);
            value.str = fly_vec_str_of(fly_arena_copy(&arena, text, (size_t)len), (size_t)len);
            break;
        }
        case FLY_VEC_BOOL:
            value.b = x % 2 == 0;
            break;
        default:
            value.i128 = (fly_vec_i128)x;
            break;
        }
        fly_vec_put(v, k, &value);
        if (nulls > 0 && fly_rng_below(&rng, (uint64_t)nulls) == 0) {
            fly_vec_set_null(v, k);
        }
    }
}

static void kernel(const char *name, fly_vec_kernel fn, fly_vec_type type, fly_vec_type result,
                   bool constant, int nulls)
{
    fill(&reg[0], type, 1000, nulls);
    fill(&reg[1], type, 1000, 0);
    reg[1].kind = constant ? FLY_VEC_CONST : FLY_VEC_FLAT;
    must(fly_vec_init(&reg[2], result, N, &arena, &err));
    fly_vec_frame frame = {.reg = reg, .arena = &arena, .err = &err};
    fly_vec_ins ins = {.dst = 2, .argc = 2, .arg = {0, 1}, .out = out};
    if (fn == NULL) {
        return;
    }
    uint64_t began = cpu_now();
    for (int round = 0; round < ROUNDS; round++) {
        if (fn(&frame, &ins, NULL, N) < 0) {
            must(FLY_E_INVALID);
        }
    }
    line(name, (uint64_t)ROUNDS * N, began);
}

static void kernels(void)
{
    const fly_vec_type i32 = FLY_VEC_I32, i64 = FLY_VEC_I64, f64 = FLY_VEC_F64, b = FLY_VEC_BOOL;
    kernel("add i32 vv", fly_vec_kernel_arith(isa, FLY_VEC_ADD, i32), i32, i32, false, 0);
    kernel("add i64 vv", fly_vec_kernel_arith(isa, FLY_VEC_ADD, i64), i64, i64, false, 0);
    kernel("add i64 vc, NULLs", fly_vec_kernel_arith(isa, FLY_VEC_ADD, i64), i64, i64, true, 5);
    kernel("mul i32 vv", fly_vec_kernel_arith(isa, FLY_VEC_MUL, i32), i32, i32, false, 0);
    kernel("mul i64 vv", fly_vec_kernel_arith(isa, FLY_VEC_MUL, i64), i64, i64, false, 0);
    kernel("mul i128 vv", fly_vec_kernel_arith(isa, FLY_VEC_MUL, FLY_VEC_I128), FLY_VEC_I128,
           FLY_VEC_I128, false, 0);
    kernel("add f64 vv", fly_vec_kernel_arith(isa, FLY_VEC_ADD, f64), f64, f64, false, 0);
    kernel("mul f64 vv", fly_vec_kernel_arith(isa, FLY_VEC_MUL, f64), f64, f64, false, 0);
    kernel("compare < i32 vc", fly_vec_kernel_compare(isa, FLY_VEC_LT, i32), i32, b, true, 0);
    kernel("compare < i64 vc", fly_vec_kernel_compare(isa, FLY_VEC_LT, i64), i64, b, true, 0);
    kernel("select < i32 vc", fly_vec_kernel_select(isa, FLY_VEC_LT, i32), i32, b, true, 0);
    kernel("select < i64 vc", fly_vec_kernel_select(isa, FLY_VEC_LT, i64), i64, b, true, 0);
    kernel("select < i64 vv, NULLs", fly_vec_kernel_select(isa, FLY_VEC_LT, i64), i64, b, false, 5);
    kernel("select < f64 vc", fly_vec_kernel_select(isa, FLY_VEC_LT, f64), f64, b, true, 0);
    kernel("select = str vc", fly_vec_kernel_select(isa, FLY_VEC_EQ, FLY_VEC_STR), FLY_VEC_STR, b,
           true, 0);
    kernel("and bool vv, NULLs", fly_vec_kernel_logic(isa, FLY_VEC_AND), b, b, false, 5);
    kernel("copy i64", fly_vec_kernel_copy(isa, i64), i64, i64, false, 0);
}

/* At n = 1: what a point query pays for each. */
static void single(void)
{
    fill(&reg[0], FLY_VEC_I64, 1000, 0);
    fill(&reg[1], FLY_VEC_I64, 1000, 0);
    must(fly_vec_init(&reg[2], FLY_VEC_I64, N, &arena, &err));
    fly_vec_frame frame = {.reg = reg, .arena = &arena, .err = &err};
    fly_vec_ins ins = {.dst = 2, .argc = 2, .arg = {0, 1}, .out = out};
    fly_vec_kernel add = fly_vec_kernel_arith(isa, FLY_VEC_ADD, FLY_VEC_I64);
    fly_vec_kernel less = fly_vec_kernel_select(isa, FLY_VEC_LT, FLY_VEC_I64);
    uint64_t began = cpu_now();
    for (int round = 0; round < 10000000; round++) {
        (void)add(&frame, &ins, NULL, 1);
    }
    line("add i64, one row at a time", 10000000, began);
    began = cpu_now();
    for (int round = 0; round < 10000000; round++) {
        (void)less(&frame, &ins, NULL, 1);
    }
    line("select < i64, one row at a time", 10000000, began);
}

static void sums(void)
{
    static const fly_vec_type types[] = {FLY_VEC_I32, FLY_VEC_I64, FLY_VEC_F64};
    static const char *const names[] = {"sum i32", "sum i64", "sum f64"};
    uint64_t state[8] = {0};
    fly_vec_agg_ctx ctx = {.isa = isa, .err = &err};
    for (int t = 0; t < 3; t++) {
        const fly_vec_agg *sum = fly_vec_agg_find(FLY_VEC_SUM, types[t]);
        fill(&reg[0], types[t], 1000, 0);
        memset(state, 0, sizeof state);
        uint64_t began = cpu_now();
        for (int round = 0; round < ROUNDS; round++) {
            must(sum->update_one(&ctx, (uint8_t *)state, &reg[0], NULL, N));
        }
        line(names[t], (uint64_t)ROUNDS * N, began);
    }
}

/* ------------------------------------------------------------------------ tables */

static int64_t *data;

/* `spread` 1: dense keys; large: no array will do. `runs`: how often a key repeats in a row. */
static void make_keys(int64_t keys, int64_t spread, int runs)
{
    for (int64_t k = 0; k < ROWS; k++) {
        data[k] = runs > 1 ? k / runs % keys : (int64_t)fly_rng_below(&rng, (uint64_t)keys);
        data[k] *= spread;
    }
}

static void group(const char *name, int64_t keys, int64_t spread, int runs)
{
    static uint8_t *row[N];
    fly_vec_layout layout;
    fly_vec_table *table;
    fly_vec_type type = FLY_VEC_I64;
    const fly_vec_agg *sum = fly_vec_agg_find(FLY_VEC_SUM, FLY_VEC_I64);
    must(fly_vec_layout_init(&layout, &type, 1, sum->state_size, NULL, 0, &arena, &err));
    fly_vec_table_options options = {.layout = &layout, .keys = 1};
    must(fly_vec_table_create(fly_mem_system(), &options, &table, &err));
    make_keys(keys, spread, runs);
    fly_vec v = {.kind = FLY_VEC_FLAT, .type = FLY_VEC_I64};
    fly_vec_agg_ctx ctx = {.isa = isa, .err = &err};
    uint64_t hash[N];
    uint64_t began = cpu_now();
    for (int64_t at = 0; at + N <= ROWS; at += N) {
        v.data = data + at;
        fly_vec_hash(&v, NULL, N, hash);
        must(fly_vec_table_group(table, &v, NULL, N, hash, row, NULL, &err));
        must(sum->update(&ctx, row, layout.state_at, &v, NULL, N));
    }
    line(name, ROWS, began);
    fly_vec_table_destroy(table);
}

static void join(const char *name, int64_t built, int64_t spread, int runs)
{
    static uint8_t *row[N];
    fly_vec_layout layout;
    fly_vec_table *table;
    fly_vec_type types[2] = {FLY_VEC_I64, FLY_VEC_I64};
    must(fly_vec_layout_init(&layout, types, 2, 0, NULL, 0, &arena, &err));
    bool equal = false;
    fly_vec_table_options options = {.layout = &layout, .keys = 1, .nulls_equal = &equal};
    must(fly_vec_table_create(fly_mem_system(), &options, &table, &err));
    uint64_t hash[N];
    fly_vec cols[2];
    fill(&cols[0], FLY_VEC_I64, 1, 0);
    fill(&cols[1], FLY_VEC_I64, 1000, 0);
    uint64_t began = cpu_now();
    for (int64_t at = 0; at + N <= KEYS; at += N) {
        for (int k = 0; k < N; k++) {
            ((int64_t *)cols[0].data)[k] = (at + k) * spread;
        }
        int n = at % 10 < built ? N : 0; /* some batches are not there */
        fly_vec_hash(&cols[0], NULL, n, hash);
        must(fly_vec_table_add(table, cols, NULL, n, hash, &err));
    }
    must(fly_vec_table_build(table, &err));
    char what[64];
    (void)snprintf(what, sizeof what, "%s, build", name);
    line(what, fly_vec_table_rows(table)->count, began);
    make_keys(KEYS, spread, runs);
    fly_vec v = {.kind = FLY_VEC_FLAT, .type = FLY_VEC_I64};
    uint64_t found = 0;
    began = cpu_now();
    for (int64_t at = 0; at + N <= ROWS; at += N) {
        v.data = data + at;
        if (!fly_vec_table_direct(table)) {
            fly_vec_hash(&v, NULL, N, hash);
        }
        fly_vec_table_probe(table, &v, NULL, N, hash, row);
        for (int k = 0; k < N; k++) {
            found += row[k] != NULL;
        }
    }
    (void)snprintf(what, sizeof what, "%s, probe (%llu found)", name, (unsigned long long)found);
    line(what, ROWS, began);
    fly_vec_table_destroy(table);
}

static void sort(const char *name, uint64_t bound)
{
    fly_vec_layout layout;
    fly_vec_sorter *sorter;
    fly_vec_type types[2] = {FLY_VEC_I64, FLY_VEC_I64};
    fly_vec_sort_key key = {.column = 0};
    must(fly_vec_layout_init(&layout, types, 2, 0, NULL, 0, &arena, &err));
    fly_vec_sort_options options = {.layout = &layout, .keys = &key, .count = 1};
    must(fly_vec_sorter_create(fly_mem_system(), &options, &sorter, &err));
    fly_vec cols[2];
    fill(&cols[0], FLY_VEC_I64, 1, 0);
    fill(&cols[1], FLY_VEC_I64, 1000, 0);
    uint64_t began = cpu_now();
    for (int64_t at = 0; at + N <= ROWS; at += N) {
        for (int k = 0; k < N; k++) {
            ((int64_t *)cols[0].data)[k] = (int64_t)fly_rng_below(&rng, bound);
        }
        must(fly_vec_sorter_add(sorter, cols, NULL, N, &err));
    }
    char what[64];
    (void)snprintf(what, sizeof what, "%s, take in", name);
    line(what, ROWS, began);
    began = cpu_now();
    must(fly_vec_sorter_sort(sorter, &err));
    (void)snprintf(what, sizeof what, "%s, sort", name);
    line(what, ROWS, began);
    fly_vec_sorter_destroy(sorter);
}

static void hashing(void)
{
    uint64_t hash[N];
    static const fly_vec_type types[] = {FLY_VEC_I64, FLY_VEC_STR};
    static const char *const names[] = {"hash i64", "hash str of 9 bytes"};
    for (int t = 0; t < 2; t++) {
        fill(&reg[0], types[t], 1000, 0);
        uint64_t began = cpu_now();
        for (int round = 0; round < ROUNDS; round++) {
            fly_vec_hash(&reg[0], NULL, N, hash);
        }
        line(names[t], (uint64_t)ROUNDS * N, began);
    }
}

int main(int argc, char **argv)
{
    isa = fly_vec_isa_best();
    for (int k = 0; k < FLY_VEC_ISA_COUNT && argc > 1; k++) {
        if (strcmp(argv[1], fly_vec_isa_name((fly_vec_isa)k)) == 0) {
            isa = (fly_vec_isa)k;
        }
    }
    if (!fly_vec_isa_usable(isa)) {
        (void)fprintf(stderr, "bench_vec: this machine cannot run %s\n", fly_vec_isa_name(isa));
        return 1;
    }
    (void)printf("isa %s\n", fly_vec_isa_name(isa));
    fly_arena_init(&arena, fly_mem_system(), 0);
    fly_rng_init(&rng, 1);
    data = fly_mem_alloc(fly_mem_system(), (size_t)ROWS * sizeof *data);
    if (data == NULL) {
        must(FLY_E_NO_MEMORY);
    }
    kernels();
    single();
    sums();
    hashing();
    group("group by 1.5 M, runs of 4", KEYS, 1000003, 4);
    group("group by 1.5 M, random", KEYS, 1000003, 1);
    group("group by 200 K, random", 200000, 1000003, 1);
    group("group by 1000, random", 1000, 1000003, 1);
    join("join, 1.5 M, runs of 4", 10, 1000003, 4);
    join("join, 1.5 M, random", 10, 1000003, 1);
    join("join, a fifth, random", 2, 1000003, 1);
    join("join, dense keys, runs of 4", 10, 1, 4);
    join("join, dense keys, random", 10, 1, 1);
    sort("sort by 40-bit keys", (uint64_t)1 << 40);
    sort("sort by 1000 keys", 1000);
    fly_mem_free(fly_mem_system(), data, (size_t)ROWS * sizeof *data);
    fly_arena_deinit(&arena);
    return 0;
}
