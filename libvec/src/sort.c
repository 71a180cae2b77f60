/*
 * Sorting rows.
 *
 * The normalised key of a row: for each column, while there is room,
 *
 *     null byte   0 or 1, such that NULLs come where they are wanted; left out if there are none
 *     value       big-endian; integers with the sign bit flipped; floats so that their bits count
 *                 up, one zero, one NaN, the greatest; strings as they begin, zeros behind them;
 *                 all inverted if descending
 *
 * in one to three words, which are compared as numbers. A string that is not whole ends the key,
 * since what is behind it must not decide before the rest of it does; and a string's end looks like
 * its zeros. So with strings, or without room, the key is not `exact`, and equal ones ask the rows.
 *
 * With a limit the sorter keeps at most about twice as many rows: then it sorts, keeps what is
 * wanted, and from there on takes in only what comes before the last of those. As fast as a heap,
 * and rows are copied once.
 *
 * Merging is by a tree of losers: each inner node has the run that lost there, the top the winner;
 * who replaces the winner plays only against losers on one path.
 *
 * What is not here: collations (the caller's sort keys are a column), and files.
 *
 * Source: American flag sort: McIlroy, Bostic and McIlroy, "Engineering Radix Sort", 1993. Tree of
 * losers: Knuth, volume 3, 5.4.1. Normalised keys: Graefe, "Implementing Sorting in Database
 * Systems", 2006.
 */
#include <fly/vec_sort.h>

#include "row_int.h"
#include "value_int.h"

#include <fly/base_bytes.h>

enum { WORDS_MAX = 3, KEY_MAX = 8 * WORDS_MAX, INSERTION_MAX = 24, RADIX_MIN = 256 };

/* By what, and whether keys decide alone. */
typedef struct order {
    const fly_vec_layout *layout;
    fly_vec_sort_key *keys;
    uint32_t count;
    uint32_t words;
    uint32_t encoded; /* columns that are in the key, the last perhaps not whole */
    bool exact;
    bool *null_seen; /* per key */
} order;

/* --------------------------------------------------------------------- comparing */

static int compare_values(fly_vec_type type, const uint8_t *a, const uint8_t *b)
{
    if (type == FLY_VEC_STR) {
        fly_vec_str x;
        fly_vec_str y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return fly_vec_str_cmp(&x, &y);
    }
    if (type == FLY_VEC_F32 || type == FLY_VEC_F64) {
        fly_vec_value x;
        fly_vec_value y;
        memcpy(&x.i64, a, fly_vec_type_size(type));
        memcpy(&y.i64, b, fly_vec_type_size(type));
        double p = type == FLY_VEC_F32 ? (double)x.f32 : x.f64;
        double q = type == FLY_VEC_F32 ? (double)y.f32 : y.f64;
        return p != p || q != q ? (p != p) - (q != q) : (p > q) - (p < q);
    }
    fly_vec_i128 x = (fly_vec_i128)fly__vec_canonical(type, a);
    fly_vec_i128 y = (fly_vec_i128)fly__vec_canonical(type, b);
    return (x > y) - (x < y);
}

int fly_vec_sort_compare(const fly_vec_layout *layout, const fly_vec_sort_key *keys, uint32_t count,
                         const uint8_t *a, const uint8_t *b)
{
    for (uint32_t k = 0; k < count; k++) {
        uint32_t column = keys[k].column;
        bool a_null = fly_vec_row_null(a, column);
        bool b_null = fly_vec_row_null(b, column);
        if (a_null || b_null) {
            if (a_null != b_null) {
                return a_null == keys[k].nulls_first ? -1 : 1;
            }
            continue;
        }
        uint32_t at = layout->at[column];
        int result = compare_values((fly_vec_type)layout->type[column], a + at, b + at);
        if (result != 0) {
            return keys[k].descending ? -result : result;
        }
    }
    return 0;
}

#define WORDS 1
#define NAME(x) x##_1
#include "sort_entries.inc"
#undef WORDS
#undef NAME

#define WORDS 2
#define NAME(x) x##_2
#include "sort_entries.inc"
#undef WORDS
#undef NAME

#define WORDS 3
#define NAME(x) x##_3
#include "sort_entries.inc"
#undef WORDS
#undef NAME

static size_t entry_size(const order *by)
{
    return (by->words + 1) * 8;
}

static void sort_entries(const order *by, void *entries, size_t n)
{
    switch (by->words) {
    case 1:
        sort_1(by, entries, n);
        break;
    case 2:
        sort_2(by, entries, n);
        break;
    default:
        sort_3(by, entries, n);
        break;
    }
}

static bool entry_less(const order *by, const void *a, const void *b)
{
    switch (by->words) {
    case 1:
        return less_1(by, a, b);
    case 2:
        return less_2(by, a, b);
    default:
        return less_3(by, a, b);
    }
}

/* ------------------------------------------------------------------------ orders */

static void order_free(order *by, fly_mem *mem)
{
    fly_mem_free(mem, by->keys, by->count * (sizeof *by->keys + sizeof *by->null_seen));
}

static fly_status order_init(order *by, const fly_vec_sort_options *options, fly_mem *mem,
                             fly_err *err)
{
    FLY_ASSERT(options->count > 0);
    *by = (order){.layout = options->layout, .count = options->count};
    by->keys = fly_mem_alloc(mem, by->count * (sizeof *by->keys + sizeof *by->null_seen));
    if (by->keys == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for %u sort keys", by->count);
    }
    memcpy(by->keys, options->keys, by->count * sizeof *by->keys);
    by->null_seen = (bool *)(by->keys + by->count);
    memset(by->null_seen, 0, by->count);
    for (uint32_t k = 0; k < by->count; k++) {
        FLY_ASSERT(by->keys[k].column < by->layout->columns);
    }
    return FLY_OK;
}

static uint32_t encoded_size(fly_vec_type type)
{
    return type == FLY_VEC_STR   ? FLY_VEC_STR_INLINE
           : type == FLY_VEC_F32 ? 8
                                 : (uint32_t)fly_vec_type_size(type);
}

/* Choose what goes into keys; `nulls`: whatever was seen, leave room for NULLs. */
static void order_choose(order *by, bool nulls)
{
    uint32_t size = 0;
    by->exact = true;
    by->encoded = 0;
    while (by->encoded < by->count && size < KEY_MAX && by->exact) {
        uint32_t k = by->encoded++;
        fly_vec_type type = (fly_vec_type)by->layout->type[by->keys[k].column];
        by->null_seen[k] = by->null_seen[k] || nulls;
        size += by->null_seen[k] + encoded_size(type);
        by->exact = type != FLY_VEC_STR && size <= KEY_MAX;
    }
    by->exact = by->exact && by->encoded == by->count;
    by->words = size > 16 ? 3 : size > 8 ? 2 : 1;
}

/* ---------------------------------------------------------------------- encoding */

/* The value as `size` bytes of a big-endian number: the highest bytes of 128 bits. */
static inline fly_vec_u128 ascending(fly_vec_type type, const void *raw)
{
    fly_vec_u128 top = (fly_vec_u128)1 << 127;
    if (type == FLY_VEC_STR) {
        uint8_t bytes[16] = {0};
        const fly_vec_str *s = raw;
        memcpy(bytes, fly_vec_str_data(s), s->len < 12 ? s->len : 12);
        return (fly_vec_u128)fly_get_u64be(bytes) << 64 | fly_get_u64be(bytes + 8);
    }
    fly_vec_u128 x = fly__vec_canonical(type, raw);
    if (type == FLY_VEC_F32 || type == FLY_VEC_F64) {
        x <<= 64; /* as F64: eight bytes for both */
        return (x & top) != 0 ? ~x : x ^ top;
    }
    x <<= 128 - 8 * fly_vec_type_size(type);
    return type == FLY_VEC_BOOL ? x : x ^ top;
}

static void encode_column(const order *by, uint32_t k, const fly_vec *v, const fly_vec_sel *sel,
                          int n, uint8_t *keys, uint32_t at)
{
    fly_vec_type type = (fly_vec_type)v->type;
    size_t value_size = fly_vec_type_size(type);
    uint32_t width = by->words * 8;
    uint32_t size = encoded_size(type);
    bool flagged = by->null_seen[k];
    bool descending = by->keys[k].descending;
    bool nulls_first = by->keys[k].nulls_first;
    const fly_vec *d = v->kind == FLY_VEC_DICT ? v->dict : v;
    for (int j = 0; j < n; j++) {
        uint32_t row = sel != NULL ? sel[j] : (uint32_t)j;
        row = v->kind == FLY_VEC_DICT ? v->index[row] : v->kind == FLY_VEC_CONST ? 0 : row;
        bool valid = fly__vec_bit(d->valid, row);
        uint8_t *to = keys + (size_t)j * width + at;
        uint8_t bytes[17] = {0};
        if (valid) {
            fly_vec_u128 x = ascending(type, (const uint8_t *)d->data + row * value_size);
            x = descending ? ~x : x;
            fly_put_u64be(bytes + 1, (uint64_t)(x >> 64));
            fly_put_u64be(bytes + 9, (uint64_t)x);
        }
        bytes[0] = valid == nulls_first;
        uint32_t from = flagged ? 0 : 1;
        uint32_t count = size + 1 - from;
        memcpy(to, bytes + from, count < width - at ? count : width - at);
    }
}

/* Make entries of n rows: `cols` has the key columns at their places in the layout. Rows may be
 * NULL. */
static void encode(const order *by, const fly_vec *cols, const fly_vec_sel *sel, int n,
                   uint8_t *const *row, uint64_t *entries)
{
    uint8_t keys[KEY_MAX * FLY_VEC_CAPACITY];
    uint32_t at = 0;
    memset(keys, 0, (size_t)n * by->words * 8);
    for (uint32_t k = 0; k < by->encoded; k++) {
        const fly_vec *v = &cols[by->keys[k].column];
        encode_column(by, k, v, sel, n, keys, at);
        at += by->null_seen[k] + encoded_size((fly_vec_type)v->type);
    }
    uint64_t *to = entries;
    for (int j = 0; j < n; j++) {
        for (uint32_t w = 0; w < by->words; w++) {
            *to++ = fly_get_u64be(keys + 8 * ((size_t)j * by->words + w));
        }
        *to++ = row != NULL ? (uint64_t)(uintptr_t)row[j] : 0;
    }
}

static uint8_t *entry_row(const order *by, const uint64_t *entry)
{
    return (uint8_t *)(uintptr_t)entry[by->words];
}

/* As that, from rows: their key columns are gathered first, one after the other. */
static void encode_rows(const order *by, uint8_t *const *row, int n, uint64_t *entries)
{
    enum { PART = 128 };
    _Alignas(FLY_VEC_STACK_ALIGN) fly_vec_i128 data[PART];
    uint64_t valid[PART / 64];
    uint8_t keys[KEY_MAX * PART];
    for (int done = 0; done < n; done += PART) {
        int count = n - done < PART ? n - done : PART;
        uint32_t at = 0;
        memset(keys, 0, sizeof keys);
        for (uint32_t k = 0; k < by->encoded; k++) {
            uint32_t column = by->keys[k].column;
            fly_vec v = {.type = by->layout->type[column], .data = data, .valid = valid};
            fly_vec_rows_gather(by->layout, row + done, count, column, &v);
            encode_column(by, k, &v, NULL, count, keys, at);
            at += by->null_seen[k] + encoded_size((fly_vec_type)v.type);
        }
        for (int j = 0; j < count; j++) {
            for (uint32_t w = 0; w < by->words; w++) {
                *entries++ = fly_get_u64be(keys + 8 * ((size_t)j * by->words + w));
            }
            *entries++ = (uint64_t)(uintptr_t)row[done + j];
        }
    }
}

/* ------------------------------------------------------------------------- sorter */

struct fly_vec_sorter {
    fly_mem *mem;
    order by;
    fly_vec_rows rows;
    uint64_t limit;
    uint64_t *entries;           /* after sorting */
    size_t entries_size;         /* bytes */
    uint64_t count;              /* of entries */
    uint64_t given;              /* entries that were given out */
    uint8_t *threshold;          /* the last wanted row, or NULL */
    uint64_t cut[WORDS_MAX + 1]; /* its entry */
};

static void entries_free(fly_vec_sorter *sorter)
{
    fly_mem_free(sorter->mem, sorter->entries, sorter->entries_size);
    sorter->entries = NULL;
    sorter->entries_size = 0;
    sorter->count = 0;
    sorter->given = 0;
}

fly_status fly_vec_sorter_create(fly_mem *mem, const fly_vec_sort_options *options,
                                 fly_vec_sorter **result, fly_err *err)
{
    FLY_ASSERT(options->layout->str_states == 0);
    fly_vec_sorter *sorter = fly_mem_calloc(mem, 1, sizeof *sorter);
    if (sorter == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a sort");
    }
    fly_status status = order_init(&sorter->by, options, mem, err);
    if (status != FLY_OK) {
        fly_mem_free(mem, sorter, sizeof *sorter);
        return status;
    }
    sorter->mem = mem;
    sorter->limit = options->limit;
    fly_vec_rows_init(&sorter->rows, options->layout, mem);
    *result = sorter;
    return FLY_OK;
}

void fly_vec_sorter_destroy(fly_vec_sorter *sorter)
{
    if (sorter != NULL) {
        entries_free(sorter);
        fly_vec_rows_clear(&sorter->rows);
        order_free(&sorter->by, sorter->mem);
        fly_mem_free(sorter->mem, sorter, sizeof *sorter);
    }
}

uint64_t fly_vec_sorter_count(const fly_vec_sorter *sorter)
{
    return sorter->rows.count;
}

uint64_t fly_vec_sorter_bytes(const fly_vec_sorter *sorter)
{
    return sorter->rows.bytes + sorter->entries_size;
}

const uint8_t *fly_vec_sorter_threshold(const fly_vec_sorter *sorter)
{
    return sorter->threshold;
}

/* Entries of all rows, in order. */
static fly_status sort_all(fly_vec_sorter *sorter, fly_err *err)
{
    entries_free(sorter);
    order_choose(&sorter->by, sorter->limit > 0);
    size_t size = entry_size(&sorter->by);
    sorter->entries_size = (size_t)sorter->rows.count * size;
    sorter->entries = fly_mem_alloc(sorter->mem, sorter->entries_size);
    if (sorter->entries == NULL) {
        sorter->entries_size = 0;
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory to sort %llu rows",
                           (unsigned long long)sorter->rows.count);
    }
    uint8_t *row[FLY_VEC_CAPACITY];
    fly_vec_scan scan = {0};
    int n;
    while ((n = fly_vec_rows_scan(&sorter->rows, &scan, row, FLY_VEC_CAPACITY)) > 0) {
        encode_rows(&sorter->by, row, n, sorter->entries + sorter->count * (size / 8));
        sorter->count += (uint64_t)n;
    }
    sort_entries(&sorter->by, sorter->entries, sorter->count);
    return FLY_OK;
}

fly_status fly_vec_sorter_sort(fly_vec_sorter *sorter, fly_err *err)
{
    fly_status status = sort_all(sorter, err);
    if (status == FLY_OK && sorter->limit > 0 && sorter->count > sorter->limit) {
        sorter->count = sorter->limit;
    }
    return status;
}

int fly_vec_sorter_next(fly_vec_sorter *sorter, uint8_t **row, int max)
{
    int n = 0;
    size_t words = sorter->by.words + 1;
    for (; n < max && sorter->given < sorter->count; n++) {
        row[n] = entry_row(&sorter->by, sorter->entries + sorter->given++ * words);
    }
    return n;
}

/* ------------------------------------------------------------------ the first few */

/* Copy rows, with their strings, to the end of another container of the same layout. */
static fly_status copy_rows(fly_vec_rows *to, uint8_t *const *row, int n, uint8_t **copy,
                            fly_err *err)
{
    const fly_vec_layout *layout = to->layout;
    fly_status status = fly__vec_rows_ensure(to, (uint32_t)n, err);
    for (int k = 0; k < n && status == FLY_OK; k++) {
        copy[k] = fly__vec_rows_take(to);
        memcpy(copy[k], row[k], layout->size);
        for (uint32_t c = 0; c < layout->columns && layout->strings; c++) {
            fly_vec_str string;
            memcpy(&string, row[k] + layout->at[c], layout->type[c] == FLY_VEC_STR ? 16 : 0);
            if (layout->type[c] == FLY_VEC_STR && string.len > FLY_VEC_STR_INLINE) {
                char *bytes = fly_vec_rows_bytes(to, string.len);
                if (bytes == NULL) {
                    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a string");
                }
                memcpy(bytes, string.ptr, string.len);
                string.ptr = bytes;
                memcpy(copy[k] + layout->at[c], &string, sizeof string);
            }
        }
    }
    return status;
}

/* Keep the first `limit` rows and forget the others. Without memory all are kept. */
static fly_status prune(fly_vec_sorter *sorter, fly_err *err)
{
    fly_status status = sort_all(sorter, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_vec_rows kept;
    fly_vec_rows_init(&kept, sorter->rows.layout, sorter->mem);
    uint8_t *row[FLY_VEC_CAPACITY];
    uint8_t *copy[FLY_VEC_CAPACITY];
    uint8_t *last = NULL;
    size_t words = sorter->by.words + 1;
    uint64_t last_entry[WORDS_MAX + 1];
    sorter->count = sorter->limit;
    memcpy(last_entry, sorter->entries + (sorter->limit - 1) * words, words * 8);
    int n;
    while ((n = fly_vec_sorter_next(sorter, row, FLY_VEC_CAPACITY)) > 0) {
        status = copy_rows(&kept, row, n, copy, err);
        if (status != FLY_OK) {
            entries_free(sorter);
            fly_vec_rows_clear(&kept);
            return status;
        }
        last = copy[n - 1];
    }
    entries_free(sorter);
    fly_vec_rows_clear(&sorter->rows);
    sorter->rows = kept;
    sorter->threshold = last;
    memcpy(sorter->cut, last_entry, sizeof last_entry);
    sorter->cut[sorter->by.words] = (uint64_t)(uintptr_t)last;
    return FLY_OK;
}

/* Of a batch, what may still be among the first: what is not behind the threshold by its key. */
static int before_cut(const fly_vec_sorter *sorter, const fly_vec *cols, const fly_vec_sel *sel,
                      int n, fly_vec_sel *out)
{
    uint64_t entries[(WORDS_MAX + 1) * FLY_VEC_CAPACITY];
    size_t words = sorter->by.words;
    encode(&sorter->by, cols, sel, n, NULL, entries);
    int m = 0;
    for (int k = 0; k < n; k++) {
        const uint64_t *key = entries + (size_t)k * (words + 1);
        size_t w = 0;
        while (w < words - 1 && key[w] == sorter->cut[w]) {
            w++;
        }
        bool before = key[w] < sorter->cut[w] || (key[w] == sorter->cut[w] && !sorter->by.exact);
        out[m] = sel != NULL ? sel[k] : (fly_vec_sel)k;
        m += before;
    }
    return m;
}

static void see_nulls(order *by, const fly_vec *cols, const fly_vec_sel *sel, int n)
{
    for (uint32_t k = 0; k < by->count; k++) {
        const fly_vec *v = &cols[by->keys[k].column];
        const fly_vec *d = v->kind == FLY_VEC_DICT ? v->dict : v;
        for (int j = 0; j < n && d->valid != NULL && !by->null_seen[k]; j++) {
            by->null_seen[k] = fly_vec_is_null(v, sel != NULL ? sel[j] : (uint32_t)j);
        }
    }
}

fly_status fly_vec_sorter_add(fly_vec_sorter *sorter, const fly_vec *cols, const fly_vec_sel *sel,
                              int n, fly_err *err)
{
    fly_vec_sel chosen[FLY_VEC_CAPACITY];
    entries_free(sorter);
    if (sorter->threshold != NULL) {
        n = before_cut(sorter, cols, sel, n, chosen);
        sel = chosen;
    }
    see_nulls(&sorter->by, cols, sel, n);
    fly_status status = fly_vec_rows_append(&sorter->rows, cols, sel, n, NULL, NULL, err);
    bool many = sorter->limit > 0 && sorter->rows.count / 2 >= sorter->limit &&
                sorter->rows.count - sorter->limit >= FLY_VEC_CAPACITY;
    if (status == FLY_OK && many && prune(sorter, NULL) != FLY_OK) {
        return FLY_OK; /* later then, or never: the rows are there */
    }
    return status;
}

fly_status fly_vec_sorter_write_run(fly_vec_sorter *sorter, fly_vec_write *write, void *ctx,
                                    fly_err *err)
{
    fly_status status = fly_vec_sorter_sort(sorter, err);
    uint8_t *row[FLY_VEC_CAPACITY];
    int n = 1;
    while (status == FLY_OK && n > 0) {
        n = fly_vec_sorter_next(sorter, row, FLY_VEC_CAPACITY);
        status = fly_vec_rows_write(sorter->by.layout, row, n, write, ctx, err);
    }
    entries_free(sorter);
    if (status == FLY_OK) {
        fly_vec_rows_clear(&sorter->rows);
        sorter->threshold = NULL;
    }
    return status;
}

/* ------------------------------------------------------------------------ merging */

/* One run: the piece at hand, with entries. */
typedef struct run {
    void *ctx;
    fly_vec_rows rows;
    uint64_t *entries; /* for a piece */
    int count;
    int at;
    bool ended;
} run;

struct fly_vec_merge {
    fly_mem *mem;
    order by;
    fly_vec_read *read;
    uint32_t runs;
    run *run;
    uint32_t *loser; /* [0] the winner, [1] to [runs - 1] the tree */
    uint64_t left;   /* rows that the limit still allows */
    bool started;
};

static const uint64_t *run_entry(const fly_vec_merge *merge, const run *r)
{
    return r->entries + (size_t)r->at * (merge->by.words + 1);
}

/* Whether run a plays before run b: one that has ended loses against all. */
static bool wins(const fly_vec_merge *merge, uint32_t a, uint32_t b)
{
    const run *x = &merge->run[a];
    const run *y = &merge->run[b];
    if (x->ended || y->ended) {
        return y->ended && (!x->ended || a < b);
    }
    return !entry_less(&merge->by, run_entry(merge, y), run_entry(merge, x));
}

/* Play run `winner`, which is new at its leaf, up to the top. */
static void replay(fly_vec_merge *merge, uint32_t winner)
{
    for (uint32_t node = (winner + merge->runs) / 2; node > 0; node /= 2) {
        if (!wins(merge, winner, merge->loser[node])) {
            uint32_t next = merge->loser[node];
            merge->loser[node] = winner;
            winner = next;
        }
    }
    merge->loser[0] = winner;
}

/* The tree from nothing: the winner of the subtree below a node. */
static uint32_t play(fly_vec_merge *merge, uint32_t node)
{
    if (node >= merge->runs) {
        return node - merge->runs;
    }
    /* As deep as the logarithm of the number of runs. */
    uint32_t a = play(merge, 2 * node);
    uint32_t b = play(merge, 2 * node + 1);
    bool first = wins(merge, a, b);
    merge->loser[node] = first ? b : a;
    return first ? a : b;
}

static fly_status refill(fly_vec_merge *merge, run *r, fly_err *err)
{
    uint8_t *row[FLY_VEC_CAPACITY];
    fly_vec_rows_clear(&r->rows);
    r->at = 0;
    r->count = 0;
    fly_status status = fly_vec_rows_read(&r->rows, merge->read, r->ctx, row, &r->count, err);
    if (status != FLY_OK) {
        return status;
    }
    r->ended = r->count == 0;
    encode_rows(&merge->by, row, r->count, r->entries);
    return FLY_OK;
}

void fly_vec_merge_destroy(fly_vec_merge *merge)
{
    if (merge == NULL) {
        return;
    }
    for (uint32_t k = 0; k < merge->runs && merge->run != NULL; k++) {
        fly_vec_rows_clear(&merge->run[k].rows);
        fly_mem_free(merge->mem, merge->run[k].entries, FLY_VEC_CAPACITY * entry_size(&merge->by));
    }
    fly_mem_free(merge->mem, merge->run, merge->runs * sizeof *merge->run);
    fly_mem_free(merge->mem, merge->loser, merge->runs * sizeof *merge->loser);
    order_free(&merge->by, merge->mem);
    fly_mem_free(merge->mem, merge, sizeof *merge);
}

fly_status fly_vec_merge_create(fly_mem *mem, const fly_vec_sort_options *options, uint32_t runs,
                                fly_vec_read *read, void *const *ctx, fly_vec_merge **result,
                                fly_err *err)
{
    FLY_ASSERT(runs > 0);
    fly_vec_merge *merge = fly_mem_calloc(mem, 1, sizeof *merge);
    if (merge == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory to merge");
    }
    fly_status status = order_init(&merge->by, options, mem, err);
    if (status != FLY_OK) {
        fly_mem_free(mem, merge, sizeof *merge);
        return status;
    }
    order_choose(&merge->by, true);
    merge->mem = mem;
    merge->read = read;
    merge->runs = runs;
    merge->left = options->limit > 0 ? options->limit : UINT64_MAX;
    merge->run = fly_mem_calloc(mem, runs, sizeof *merge->run);
    merge->loser = fly_mem_calloc(mem, runs, sizeof *merge->loser);
    bool enough = merge->run != NULL && merge->loser != NULL;
    for (uint32_t k = 0; k < runs && enough; k++) {
        run *r = &merge->run[k];
        r->ctx = ctx[k];
        fly_vec_rows_init(&r->rows, options->layout, mem);
        r->entries = fly_mem_alloc(mem, FLY_VEC_CAPACITY * entry_size(&merge->by));
        enough = r->entries != NULL;
    }
    if (!enough) {
        fly_vec_merge_destroy(merge);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory to merge %u runs", runs);
    }
    *result = merge;
    return FLY_OK;
}

/* Begin all runs, or go on with the one whose piece is used up. */
static fly_status prepare(fly_vec_merge *merge, fly_err *err)
{
    if (!merge->started) {
        for (uint32_t k = 0; k < merge->runs; k++) {
            fly_status status = refill(merge, &merge->run[k], err);
            if (status != FLY_OK) {
                return status;
            }
        }
        merge->loser[0] = merge->runs == 1 ? 0 : play(merge, 1);
        merge->started = true;
        return FLY_OK;
    }
    run *r = &merge->run[merge->loser[0]];
    if (r->at == r->count && !r->ended) {
        fly_status status = refill(merge, r, err);
        if (status != FLY_OK) {
            return status;
        }
        replay(merge, merge->loser[0]);
    }
    return FLY_OK;
}

fly_status fly_vec_merge_next(fly_vec_merge *merge, uint8_t **row, int max, int *n, fly_err *err)
{
    int count = 0;
    fly_status status = prepare(merge, err);
    if (status != FLY_OK) {
        return status;
    }
    while (count < max && merge->left > 0) {
        run *r = &merge->run[merge->loser[0]];
        if (r->ended || r->at == r->count) {
            break; /* all ended; or the next piece would take the place of rows given out now */
        }
        row[count++] = entry_row(&merge->by, run_entry(merge, r));
        merge->left--;
        r->at++;
        if (r->at < r->count) {
            replay(merge, merge->loser[0]);
        }
    }
    *n = count;
    return FLY_OK;
}
