/*
 * Rows and the table against lists that are searched from the beginning. Keys come from few values,
 * so that most meet again; hashes are often spoilt on purpose, so that different keys share salt
 * and place; memory runs out at every allocation; spilled bytes are damaged.
 */
#include "vec_tape.h"
#include "vec_world.h"

#include <fly/base_bytes.h>
#include <fly/vec_table.h>

enum { KEYS_MAX = 3, MODEL_MAX = 4000 };

/* A table of some key types and one I32 column that numbers the rows; state: a count. */
typedef struct table_world {
    vec_world v;
    fly_vec_type types[KEYS_MAX + 1];
    uint32_t keys;
    bool nulls_equal[KEYS_MAX];
    fly_vec_layout layout;
    fly_vec_table *table;
    fly_vec cols[KEYS_MAX + 1];
    uint64_t hash[FLY_VEC_CAPACITY];
    uint8_t *row[FLY_VEC_CAPACITY];
    uint64_t spoil; /* mask of the hash */
    /* the model */
    struct {
        fly_vec_value key[KEYS_MAX];
        int32_t number;
        uint64_t count;
    } model[MODEL_MAX];
    uint32_t models;
    int32_t numbered;
} table_world;

static void world_init(table_world *w, uint64_t seed, bool joining)
{
    static const fly_vec_type likely[] = {FLY_VEC_I64, FLY_VEC_I32, FLY_VEC_I16, FLY_VEC_STR};
    memset(w, 0, sizeof *w);
    vec_world_init(&w->v, seed);
    w->keys = 1 + (uint32_t)vec_below(&w->v, KEYS_MAX);
    for (uint32_t k = 0; k < w->keys; k++) {
        w->types[k] = vec_below(&w->v, 2) == 0 ? likely[vec_below(&w->v, 4)]
                                               : (fly_vec_type)vec_below(&w->v, FLY_VEC_TYPE_COUNT);
        w->nulls_equal[k] = !joining || vec_below(&w->v, 2) != 0;
    }
    w->types[w->keys] = FLY_VEC_I32;
    w->spoil = vec_below(&w->v, 2) == 0 ? ~(uint64_t)0 : vec_below(&w->v, 16);
    FLY_CHECK_OK(
        fly_vec_layout_init(&w->layout, w->types, w->keys + 1, 8, NULL, 0, &w->v.arena, &w->v.err),
        w->v.err);
    bool bounded = vec_below(&w->v, 2) == 0;
    fly_vec_table_options options = {.layout = &w->layout,
                                     .keys = w->keys,
                                     .nulls_equal = w->nulls_equal,
                                     .low = bounded ? -20 : 0,
                                     .high = bounded ? 15 : 0};
    FLY_CHECK_OK(fly_vec_table_create(&w->v.account.mem, &options, &w->table, &w->v.err), w->v.err);
}

static void world_deinit(table_world *w)
{
    fly_vec_table_destroy(w->table);
    vec_world_deinit(&w->v);
}

/* A batch of keys; the last column numbers all rows that ever were. Gives hashes, or NULL. */
static const uint64_t *batch(table_world *w, const fly_vec_sel **sel, int *n)
{
    uint32_t count = vec_some_count(&w->v);
    for (uint32_t k = 0; k < w->keys; k++) {
        w->cols[k] = vec_make(&w->v, w->types[k], vec_some_kind(&w->v), count,
                              (uint32_t)vec_below(&w->v, 3) * 5, false);
    }
    *sel = vec_some_sel(&w->v, count, n);
    FLY_CHECK_OK(fly_vec_init(&w->cols[w->keys], FLY_VEC_I32, count, &w->v.arena, &w->v.err),
                 w->v.err);
    for (int k = 0; k < *n; k++) {
        ((int32_t *)w->cols[w->keys].data)[vec_row(*sel, k)] = w->numbered++;
    }
    fly_vec_hash_columns(w->cols, w->keys, *sel, *n, w->hash);
    for (int k = 0; k < *n; k++) {
        w->hash[k] &= w->spoil;
    }
    return w->hash;
}

static bool same_key(const table_world *w, const fly_vec_value *a, const fly_vec_value *b)
{
    for (uint32_t k = 0; k < w->keys; k++) {
        if (a[k].null || b[k].null) {
            if (a[k].null != b[k].null || !w->nulls_equal[k]) {
                return false;
            }
            continue;
        }
        fly_vec_interval x = a[k].interval, y = b[k].interval;
        bool same = vec_same(w->types[k], &a[k], &b[k]);
        if (w->types[k] == FLY_VEC_INTERVAL) {
            same = x.micros + (x.months * 30LL + x.days) * 86400000000LL ==
                   y.micros + (y.months * 30LL + y.days) * 86400000000LL;
        } else if (w->types[k] == FLY_VEC_F64) {
            same = a[k].f64 == b[k].f64;
        } else if (w->types[k] == FLY_VEC_F32) {
            same = a[k].f32 == b[k].f32;
        }
        if (!same) {
            return false;
        }
    }
    return true;
}

static void key_of(const table_world *w, uint32_t row, fly_vec_value *key)
{
    for (uint32_t k = 0; k < w->keys; k++) {
        key[k] = fly_vec_get(&w->cols[k], row);
    }
}

static uint32_t model_find(table_world *w, const fly_vec_value *key, uint32_t from)
{
    while (from < w->models && !same_key(w, w->model[from].key, key)) {
        from++;
    }
    return from;
}

static void model_add(table_world *w, const fly_vec_value *key, int32_t number)
{
    ck_assert_uint_lt(w->models, MODEL_MAX);
    memcpy(w->model[w->models].key, key, sizeof w->model[0].key);
    w->model[w->models++].number = number;
}

static uint64_t *state(table_world *w, uint8_t *row)
{
    return (uint64_t *)(void *)(row + w->layout.state_at);
}

static int32_t number_of(const table_world *w, const uint8_t *row)
{
    return fly_vec_row_get(&w->layout, row, w->keys).i32;
}

/* ---------------------------------------------------------------------- grouping */

static void each_group(void *ctx, uint64_t seed)
{
    (void)ctx;
    static table_world world;
    table_world *w = &world;
    world_init(w, seed, false);
    bool hashed = w->spoil != ~(uint64_t)0 || vec_below(&w->v, 2) == 0;
    for (int round = 0; round < 8; round++) {
        const fly_vec_sel *sel;
        int n;
        const uint64_t *hash = batch(w, &sel, &n);
        uint32_t added;
        uint32_t before = w->models;
        FLY_CHECK_OK(fly_vec_table_group(w->table, w->cols, sel, n, hashed ? hash : NULL, w->row,
                                         &added, &w->v.err),
                     w->v.err);
        for (int k = 0; k < n; k++) {
            fly_vec_value key[KEYS_MAX];
            key_of(w, vec_row(sel, k), key);
            uint32_t at = model_find(w, key, 0);
            if (at == w->models) {
                /* The first of its key, as the loops see it, gave the row its number. */
                model_add(w, key, number_of(w, w->row[k]));
            }
            w->model[at].count++;
            ++*state(w, w->row[k]);
            if (number_of(w, w->row[k]) != w->model[at].number) {
                ck_abort_msg("two rows for one group, or one for two");
            }
        }
        ck_assert_uint_eq(added, w->models - before);
        FLY_CHECK_OK(fly_vec_table_check(w->table, &w->v.err), w->v.err);
    }
    fly_vec_scan scan = {0};
    uint8_t *row;
    uint32_t rows = 0;
    while (fly_vec_rows_scan(fly_vec_table_rows(w->table), &scan, &row, 1) == 1) {
        fly_vec_value key[KEYS_MAX];
        for (uint32_t k = 0; k < w->keys; k++) {
            key[k] = fly_vec_row_get(&w->layout, row, k);
        }
        uint32_t at = model_find(w, key, 0);
        ck_assert_uint_lt(at, w->models);
        ck_assert_uint_eq(w->model[at].count, *state(w, row));
        rows++;
    }
    ck_assert_uint_eq(rows, w->models);
    world_deinit(w);
}

START_TEST(groups_are_those_of_the_model)
{
    ck_assert(fly_test_seeds("groups", 150, each_group, NULL));
}
END_TEST

/* ----------------------------------------------------------------------- joining */

static void each_join(void *ctx, uint64_t seed)
{
    (void)ctx;
    static table_world world;
    table_world *w = &world;
    world_init(w, seed, true);
    bool hashed = w->spoil != ~(uint64_t)0 || vec_below(&w->v, 2) == 0;
    bool has_null = false;
    const fly_vec_sel *sel;
    int n;
    for (int round = (int)vec_below(&w->v, 3); round >= 0; round--) {
        const uint64_t *hash = batch(w, &sel, &n);
        FLY_CHECK_OK(fly_vec_table_add(w->table, w->cols, sel, n, hashed ? hash : NULL, &w->v.err),
                     w->v.err);
        for (int k = 0; k < n; k++) {
            fly_vec_value key[KEYS_MAX];
            key_of(w, vec_row(sel, k), key);
            fly_vec_value number = fly_vec_get(&w->cols[w->keys], vec_row(sel, k));
            model_add(w, key, number.i32);
            for (uint32_t c = 0; c < w->keys; c++) {
                has_null = has_null || (key[c].null && !w->nulls_equal[c]);
            }
        }
    }
    FLY_CHECK_OK(fly_vec_table_build(w->table, &w->v.err), w->v.err);
    FLY_CHECK_OK(fly_vec_table_check(w->table, &w->v.err), w->v.err);
    ck_assert_int_eq(fly_vec_table_has_null(w->table), has_null);
    const uint64_t *hash = batch(w, &sel, &n);
    fly_vec_table_probe(w->table, w->cols, sel, n, hashed ? hash : NULL, w->row);
    bool unique = true;
    for (int k = 0; k < n; k++) {
        fly_vec_value key[KEYS_MAX];
        key_of(w, vec_row(sel, k), key);
        uint32_t wanted = 0;
        for (uint32_t at = model_find(w, key, 0); at < w->models; at = model_find(w, key, at + 1)) {
            wanted++;
        }
        uint32_t got = 0;
        for (const uint8_t *row = w->row[k]; row != NULL; row = fly_vec_row_next(&w->layout, row)) {
            fly_vec_value other[KEYS_MAX];
            for (uint32_t c = 0; c < w->keys; c++) {
                other[c] = fly_vec_row_get(&w->layout, row, c);
            }
            if (!same_key(w, key, other)) {
                ck_abort_msg("row %d of the batch met another key", k);
            }
            got++;
        }
        unique = unique && got <= 1;
        if (got != wanted) {
            ck_abort_msg("%u matches instead of %u", got, wanted);
        }
    }
    ck_assert(unique || !fly_vec_table_unique(w->table));
    world_deinit(w);
}

START_TEST(joins_find_what_nested_loops_find)
{
    ck_assert(fly_test_seeds("joins", 150, each_join, NULL));
}
END_TEST

START_TEST(a_table_grows_far_beyond_a_batch)
{
    static table_world world;
    table_world *w = &world;
    vec_world_init(&w->v, 1);
    w->types[0] = FLY_VEC_I64;
    FLY_CHECK_OK(fly_vec_layout_init(&w->layout, w->types, 1, 8, NULL, 0, &w->v.arena, &w->v.err),
                 w->v.err);
    fly_vec_table_options options = {.layout = &w->layout, .keys = 1};
    FLY_CHECK_OK(fly_vec_table_create(&w->v.account.mem, &options, &w->table, &w->v.err), w->v.err);
    FLY_CHECK_OK(fly_vec_init(&w->cols[0], FLY_VEC_I64, 1024, &w->v.arena, &w->v.err), w->v.err);
    for (int round = 0; round < 300; round++) {
        for (int k = 0; k < 1024; k++) {
            ((int64_t *)w->cols[0].data)[k] = ((round * 1024 + k) % 100000) * 1000003LL;
        }
        FLY_CHECK_OK(
            fly_vec_table_group(w->table, w->cols, NULL, 1024, NULL, w->row, NULL, &w->v.err),
            w->v.err);
        for (int k = 0; k < 1024; k++) {
            ++*state(w, w->row[k]);
        }
    }
    ck_assert_uint_eq(fly_vec_table_rows(w->table)->count, 100000);
    FLY_CHECK_OK(fly_vec_table_check(w->table, &w->v.err), w->v.err);
    fly_vec_scan scan = {0};
    uint64_t total = 0;
    uint8_t *row;
    while (fly_vec_rows_scan(fly_vec_table_rows(w->table), &scan, &row, 1) == 1) {
        total += *state(w, row);
    }
    ck_assert_uint_eq(total, 300 * 1024);
    ck_assert_uint_le(fly_vec_table_bytes(w->table), fly_load_u64(&w->v.account.used));
    fly_vec_table_clear(w->table);
    fly_vec_table_probe(w->table, w->cols, NULL, 1024, NULL, w->row);
    ck_assert_ptr_null(w->row[0]);
    world_deinit(w);
}
END_TEST

/* Memory that ends at every possible place: the table stays right, and nothing leaks. */
static void each_limit(void *ctx, uint64_t seed)
{
    (void)ctx;
    static table_world world;
    table_world *w = &world;
    for (uint64_t limit = 0;; limit += 1000) {
        world_init(w, seed, false);
        fly_vec_table_destroy(w->table);
        w->table = NULL;
        fly_account small;
        fly_account_init(&small, fly_mem_system(), "small", 1000 + limit);
        fly_vec_table_options options = {.layout = &w->layout, .keys = w->keys, .high = 10};
        FLY_CHECK_OK(fly_vec_table_create(&small.mem, &options, &w->table, &w->v.err), w->v.err);
        fly_status status = FLY_OK;
        for (int round = 0; round < 6 && status == FLY_OK; round++) {
            const fly_vec_sel *sel;
            int n;
            const uint64_t *hash = batch(w, &sel, &n);
            status = fly_vec_table_group(w->table, w->cols, sel, n, hash, w->row, NULL, &w->v.err);
            FLY_CHECK_OK(fly_vec_table_check(w->table, &w->v.err), w->v.err);
        }
        ck_assert(status == FLY_OK || status == FLY_E_NO_MEMORY);
        fly_vec_table_destroy(w->table);
        w->table = NULL;
        fly_account_deinit(&small);
        world_deinit(w);
        if (status == FLY_OK) {
            return;
        }
    }
}

START_TEST(a_table_survives_that_memory_ends)
{
    ck_assert(fly_test_seeds("limits", 10, each_limit, NULL));
}
END_TEST

/* -------------------------------------------------------------------------- rows */

/* Rows of all types, with a string in the state. */
static void rows_make(vec_world *w, fly_vec_layout *layout, fly_vec_rows *rows, fly_vec *cols,
                      int n)
{
    fly_vec_type types[FLY_VEC_TYPE_COUNT];
    static const uint32_t str_state[] = {8};
    for (int t = 0; t < FLY_VEC_TYPE_COUNT; t++) {
        types[t] = (fly_vec_type)t;
        cols[t] = vec_make(w, types[t], vec_some_kind(w), (uint32_t)n, 4, true);
    }
    FLY_CHECK_OK(fly_vec_layout_init(layout, types, FLY_VEC_TYPE_COUNT, 24, str_state, 1, &w->arena,
                                     &w->err),
                 w->err);
    fly_vec_rows_init(rows, layout, &w->account.mem);
    uint64_t hash[FLY_VEC_CAPACITY];
    uint8_t *row[FLY_VEC_CAPACITY];
    fly_vec_hash_columns(cols, FLY_VEC_TYPE_COUNT, NULL, n, hash);
    FLY_CHECK_OK(fly_vec_rows_append(rows, cols, NULL, n, hash, row, &w->err), w->err);
    for (int k = 0; k < n; k++) {
        char *text = fly_vec_rows_bytes(rows, 20);
        ck_assert_ptr_nonnull(text);
        memset(text, 'a' + k % 26, 20);
        fly_vec_str string = fly_vec_str_of(text, 20);
        memcpy(row[k] + layout->state_at + 8, &string, sizeof string);
    }
}

static void rows_compare(vec_world *w, const fly_vec_layout *layout, uint8_t *const *row,
                         const fly_vec *cols, int n)
{
    for (uint32_t c = 0; c < FLY_VEC_TYPE_COUNT; c++) {
        fly_vec got;
        FLY_CHECK_OK(fly_vec_init(&got, (fly_vec_type)c, (uint32_t)n, &w->arena, &w->err), w->err);
        fly_vec_rows_gather(layout, row, n, c, &got);
        for (int k = 0; k < n; k++) {
            fly_vec_value x = fly_vec_get(&got, (uint32_t)k);
            fly_vec_value y = fly_vec_get(&cols[c], (uint32_t)k);
            fly_vec_value z = fly_vec_row_get(layout, row[k], c);
            if (!vec_same((fly_vec_type)c, &x, &y) || !vec_same((fly_vec_type)c, &z, &y)) {
                ck_abort_msg("column %u of row %d is another", c, k);
            }
        }
    }
    for (int k = 0; k < n; k++) {
        fly_vec_str string;
        memcpy(&string, row[k] + layout->state_at + 8, sizeof string);
        ck_assert_uint_eq(string.len, 20);
        ck_assert_int_eq(string.ptr[19], 'a' + k % 26);
    }
}

static void each_spill(void *ctx, uint64_t seed)
{
    (void)ctx;
    static tape t;
    vec_world w;
    vec_world_init(&w, seed);
    fly_vec_layout layout;
    fly_vec_rows rows, back;
    fly_vec cols[FLY_VEC_TYPE_COUNT];
    uint8_t *row[FLY_VEC_CAPACITY];
    int n = (int)vec_some_count(&w);
    rows_make(&w, &layout, &rows, cols, n);
    fly_vec_scan scan = {0};
    ck_assert_int_eq(fly_vec_rows_scan(&rows, &scan, row, FLY_VEC_CAPACITY), n);
    rows_compare(&w, &layout, row, cols, n);
    t.size = t.at = 0;
    FLY_CHECK_OK(fly_vec_rows_write_all(&rows, tape_write, &t, &w.err), w.err);
    uint64_t hash = fly_vec_row_hash(&layout, row[0]);
    fly_vec_rows_clear(&rows);
    fly_vec_rows_init(&back, &layout, &w.account.mem);
    int got;
    FLY_CHECK_OK(fly_vec_rows_read(&back, tape_read, &t, row, &got, &w.err), w.err);
    ck_assert_int_eq(got, n);
    rows_compare(&w, &layout, row, cols, n);
    ck_assert_uint_eq(fly_vec_row_hash(&layout, row[0]), hash);
    FLY_CHECK_OK(fly_vec_rows_read(&back, tape_read, &t, NULL, &got, &w.err), w.err);
    ck_assert_int_eq(got, 0);
    for (int round = 0; round < 100; round++) {
        /* Not the end's piece, which is not read here, and not the size of the strings, which would
         * only ask for memory. */
        size_t at = vec_below(&w, round % 2 == 0 ? 24 : t.size - 24);
        uint8_t flip = (uint8_t)(1U << vec_below(&w, 8));
        if (at >= 8 && at < 16) {
            continue;
        }
        t.bytes[at] ^= flip;
        t.at = 0;
        fly_status status = fly_vec_rows_read(&back, tape_read, &t, NULL, &got, &w.err);
        ck_assert(status == FLY_E_CORRUPT || status == FLY_E_IO);
        ck_assert_uint_eq(back.count, (uint64_t)n);
        t.bytes[at] ^= flip;
    }
    fly_vec_rows_clear(&back);
    vec_world_deinit(&w);
}

START_TEST(rows_come_back_from_a_spill_and_damage_is_seen)
{
    ck_assert(fly_test_seeds("spills", 20, each_spill, NULL));
}
END_TEST

/* A checksum that is right over a string that is not there. */
START_TEST(a_string_outside_of_its_piece_is_seen)
{
    static tape t;
    vec_world w;
    vec_world_init(&w, 1);
    fly_vec_type type = FLY_VEC_STR;
    fly_vec_layout layout;
    fly_vec_rows rows;
    fly_vec col;
    int n;
    FLY_CHECK_OK(fly_vec_layout_init(&layout, &type, 1, 0, NULL, 0, &w.arena, &w.err), w.err);
    FLY_CHECK_OK(fly_vec_init(&col, FLY_VEC_STR, 1, &w.arena, &w.err), w.err);
    *(fly_vec_str *)col.data = fly_vec_str_of("longer than twelve bytes", 24);
    fly_vec_rows_init(&rows, &layout, &w.account.mem);
    FLY_CHECK_OK(fly_vec_rows_append(&rows, &col, NULL, 1, NULL, NULL, &w.err), w.err);
    t.size = 0;
    FLY_CHECK_OK(fly_vec_rows_write_all(&rows, tape_write, &t, &w.err), w.err);
    size_t body = layout.size + 24;
    for (int forged = 0; forged < 2; forged++) {
        uint8_t *string = t.bytes + 24 + layout.at[0];
        fly_put_u32(string, forged == 0 ? 24 : 25);
        fly_put_u64(string + 8, forged == 0 ? 1 : 0);
        fly_put_u32(t.bytes + 20, fly_crc32c(0, t.bytes + 24, body));
        t.at = 0;
        FLY_CHECK(fly_vec_rows_read(&rows, tape_read, &t, NULL, &n, &w.err), FLY_E_CORRUPT, w.err);
        FLY_CHECK_SAYS(w.err.message, "a string lies outside");
    }
    fly_vec_rows_clear(&rows);
    vec_world_deinit(&w);
}
END_TEST

START_TEST(the_key_behind_the_last_is_not_null)
{
    vec_world w;
    vec_world_init(&w, 1);
    fly_vec_type type = FLY_VEC_I32;
    fly_vec_layout layout;
    fly_vec_table *table;
    fly_vec col;
    uint8_t *row[8];
    FLY_CHECK_OK(fly_vec_layout_init(&layout, &type, 1, 0, NULL, 0, &w.arena, &w.err), w.err);
    fly_vec_table_options options = {.layout = &layout, .keys = 1};
    FLY_CHECK_OK(fly_vec_table_create(&w.account.mem, &options, &table, &w.err), w.err);
    FLY_CHECK_OK(fly_vec_init(&col, FLY_VEC_I32, 8, &w.arena, &w.err), w.err);
    for (int k = 0; k < 8; k++) {
        ((int32_t *)col.data)[k] = k;
    }
    fly_vec_set_null(&col, 5);
    FLY_CHECK_OK(fly_vec_table_add(table, &col, NULL, 6, NULL, &w.err), w.err);
    FLY_CHECK_OK(fly_vec_table_build(table, &w.err), w.err);
    ck_assert(fly_vec_table_direct(table));
    fly_vec_table_probe(table, &col, NULL, 8, NULL, row);
    ck_assert_ptr_nonnull(row[4]);
    ck_assert_ptr_nonnull(row[5]);
    ck_assert(fly_vec_row_null(row[5], 0));
    fly_vec_set_valid(&col, 5);
    fly_vec_table_probe(table, &col, NULL, 8, NULL, row);
    ck_assert_ptr_null(row[5]);
    ck_assert_ptr_null(row[6]);
    fly_vec_table_destroy(table);
    vec_world_deinit(&w);
}
END_TEST

START_TEST(no_row_gives_null)
{
    vec_world w;
    vec_world_init(&w, 1);
    fly_vec_layout layout;
    fly_vec_rows rows;
    fly_vec cols[FLY_VEC_TYPE_COUNT], got;
    uint8_t *row[3] = {NULL, NULL, NULL};
    rows_make(&w, &layout, &rows, cols, 1);
    fly_vec_scan scan = {0};
    ck_assert_int_eq(fly_vec_rows_scan(&rows, &scan, &row[1], 1), 1);
    ck_assert(!fly_vec_row_found(&layout, row[1]));
    fly_vec_row_mark(&layout, row[1]);
    ck_assert(fly_vec_row_found(&layout, row[1]));
    FLY_CHECK_OK(fly_vec_init(&got, FLY_VEC_STR, 3, &w.arena, &w.err), w.err);
    fly_vec_rows_gather(&layout, row, 3, FLY_VEC_STR, &got);
    ck_assert(fly_vec_is_null(&got, 0) && fly_vec_is_null(&got, 2));
    ck_assert_int_eq(fly_vec_is_null(&got, 1), fly_vec_is_null(&cols[FLY_VEC_STR], 0));
    fly_vec_rows_clear(&rows);
    vec_world_deinit(&w);
}
END_TEST

START_TEST(rows_that_are_too_large_are_refused)
{
    vec_world w;
    vec_world_init(&w, 1);
    static fly_vec_type types[3000];
    fly_vec_layout layout;
    for (int k = 0; k < 3000; k++) {
        types[k] = FLY_VEC_STR;
    }
    FLY_CHECK(fly_vec_layout_init(&layout, types, 3000, 0, NULL, 0, &w.arena, &w.err),
              FLY_E_TOO_LARGE, w.err);
    ck_assert_str_eq(w.err.sqlstate, "54000");
    vec_world_deinit(&w);
}
END_TEST

static void each_hash(void *ctx, uint64_t seed)
{
    (void)ctx;
    vec_world w;
    vec_world_init(&w, seed);
    for (int t = 0; t < FLY_VEC_TYPE_COUNT; t++) {
        uint32_t count = vec_some_count(&w);
        int n;
        uint64_t some[FLY_VEC_CAPACITY], flat[FLY_VEC_CAPACITY];
        fly_vec v[2];
        v[0] = vec_make(&w, (fly_vec_type)t, vec_some_kind(&w), count, 4, true);
        v[1] = vec_make(&w, (fly_vec_type)t, vec_some_kind(&w), count, 4, true);
        const fly_vec_sel *sel = vec_some_sel(&w, count, &n);
        fly_vec_hash_columns(v, 2, sel, n, some);
        FLY_CHECK_OK(fly_vec_flatten(&v[0], count, &w.arena, &w.err), w.err);
        FLY_CHECK_OK(fly_vec_flatten(&v[1], count, &w.arena, &w.err), w.err);
        for (int k = 0; k < n; k++) {
            fly_vec_sel one = (fly_vec_sel)vec_row(sel, k);
            fly_vec_hash_columns(v, 2, &one, 1, &flat[k]);
        }
        ck_assert_mem_eq(some, flat, (size_t)n * sizeof *some);
    }
    vec_world_deinit(&w);
}

START_TEST(hashes_do_not_know_the_kind_of_a_vector)
{
    ck_assert(fly_test_seeds("hashes", 20, each_hash, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tests = fly_test_case(suite, "table");
    tcase_add_test(tests, hashes_do_not_know_the_kind_of_a_vector);
    tcase_add_test(tests, rows_come_back_from_a_spill_and_damage_is_seen);
    tcase_add_test(tests, a_string_outside_of_its_piece_is_seen);
    tcase_add_test(tests, the_key_behind_the_last_is_not_null);
    tcase_add_test(tests, no_row_gives_null);
    tcase_add_test(tests, rows_that_are_too_large_are_refused);
    tcase_add_test(tests, groups_are_those_of_the_model);
    tcase_add_test(tests, joins_find_what_nested_loops_find);
    tcase_add_test(tests, a_table_grows_far_beyond_a_batch);
    tcase_add_test(tests, a_table_survives_that_memory_ends);
    return fly_test_run(suite);
}
