/*
 * The hash table over rows.
 *
 * The directory is one of two. Generic: a power of two of words,
 *
 *     | 16 bits of salt: the hash's highest | 48 bits: the address of a row |     0: empty
 *
 * searched linearly from the place that the hash's lowest bits say. The salt spares nearly all
 * looks at rows with another key. Direct: pointers indexed by key - low, for one integer key.
 *
 * Work goes in loops over the batch, each doing one simple thing, so that cache misses of different
 * rows overlap: touch the directory; walk over salts and touch the rows; compare keys column by
 * column. Those whose key was another's go round again from the next place: **until none is left**,
 * for a second row with the same salt is rare enough that tests on small data never see it.
 *
 *     T1  the directory has every findable row once, or, in chains of equal keys, the chain's head
 *     T2  between a row's home place and its own there is no empty place
 *     T3  at most five eighths of the generic directory are taken
 *     T4  the rows of a chain have equal keys, and no two chains do
 *
 * What is not here: partitions and spilling (whoever owns several tables does that; rows can be
 * written by vec_row.h), and which side of a join is built.
 *
 * Source: salts in pointers and the loops are DuckDB's (src/execution/aggregate_hashtable.cpp); the
 * ladder from arrays to hashing is Velox's (exec/HashTable.h).
 */
#include <fly/vec_table.h>

#include "row_int.h"
#include "value_int.h"

#define SALT 0xffff000000000000u
#define NOWHERE UINT64_MAX

enum {
    SLOTS_MIN = 64,
    DIRECT_MIN = 1 << 16,       /* keys that an array may always have */
    DIRECT_GROUP_MAX = 1 << 20, /* for groups: before it is known how many there will be */
    AHEAD = 128                 /* rows whose places are touched together while inserting */
};

struct fly_vec_table {
    fly_mem *mem;
    const fly_vec_layout *layout;
    uint32_t keys;
    fly_vec_rows rows;
    uint64_t *slot; /* generic; NULL: none yet, or direct */
    uint64_t slots;
    uint64_t used;
    uint8_t **direct; /* NULL: generic */
    uint64_t range;   /* of `direct` */
    int64_t low;
    uint8_t *null_row; /* direct, grouping: the group of NULL */
    bool unhashed;     /* rows without a hash are among them */
    bool has_null;
    bool unique;
    int64_t hint_low; /* what the options said */
    int64_t hint_high;
    uint64_t expected;
    bool *nulls_equal; /* per key; in the same allocation */
    bool *null_seen;   /* per key: rows have NULLs there */
};

/* -------------------------------------------------------------------- life */

static size_t table_size(uint32_t keys)
{
    return sizeof(fly_vec_table) + 2 * (size_t)keys;
}

static void directory_free(fly_vec_table *table)
{
    fly_mem_free(table->mem, table->slot, table->slots * sizeof *table->slot);
    fly_mem_free(table->mem, table->direct, table->range * sizeof *table->direct);
    table->slot = NULL;
    table->direct = NULL;
    table->slots = 0;
    table->range = 0;
    table->used = 0;
    table->null_row = NULL;
}

fly_status fly_vec_table_create(fly_mem *mem, const fly_vec_table_options *options,
                                fly_vec_table **result, fly_err *err)
{
    FLY_ASSERT(options->keys > 0 && options->keys <= options->layout->columns);
    fly_vec_table *table = fly_mem_calloc(mem, 1, table_size(options->keys));
    if (table == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a hash table");
    }
    table->mem = mem;
    table->layout = options->layout;
    table->keys = options->keys;
    table->hint_low = options->low;
    table->hint_high = options->high;
    table->expected = options->expected;
    table->unique = true;
    table->nulls_equal = (bool *)(table + 1);
    table->null_seen = table->nulls_equal + table->keys;
    for (uint32_t k = 0; k < table->keys; k++) {
        table->nulls_equal[k] = options->nulls_equal == NULL || options->nulls_equal[k];
    }
    fly_vec_rows_init(&table->rows, table->layout, mem);
    *result = table;
    return FLY_OK;
}

void fly_vec_table_clear(fly_vec_table *table)
{
    directory_free(table);
    fly_vec_rows_clear(&table->rows);
    memset(table->null_seen, 0, table->keys);
    table->has_null = false;
    table->unhashed = false;
    table->unique = true;
}

void fly_vec_table_destroy(fly_vec_table *table)
{
    if (table != NULL) {
        fly_vec_table_clear(table);
        fly_mem_free(table->mem, table, table_size(table->keys));
    }
}

fly_vec_rows *fly_vec_table_rows(fly_vec_table *table)
{
    return &table->rows;
}

uint64_t fly_vec_table_bytes(const fly_vec_table *table)
{
    return table->rows.bytes + table->slots * sizeof *table->slot +
           table->range * sizeof *table->direct;
}

bool fly_vec_table_has_null(const fly_vec_table *table)
{
    return table->has_null;
}

bool fly_vec_table_unique(const fly_vec_table *table)
{
    return table->unique;
}

bool fly_vec_table_direct(const fly_vec_table *table)
{
    return table->direct != NULL;
}

/* --------------------------------------------------------------------- entries */

static inline uint8_t *entry_row(uint64_t entry)
{
    return (uint8_t *)(uintptr_t)(entry & ~SALT);
}

static inline uint64_t entry_of(uint64_t hash, const uint8_t *row)
{
    FLY_ASSERT_SLOW(((uintptr_t)row & SALT) == 0);
    return (hash & SALT) | (uint64_t)(uintptr_t)row;
}

static inline bool salt_equal(uint64_t entry, uint64_t hash)
{
    return ((entry ^ hash) & SALT) == 0;
}

/* -------------------------------------------------------- comparing with vectors */

/* Candidates: compact numbers whose row may have the key. Those whose key differs move to
 * `losers`. */
typedef struct candidates {
    uint16_t *list;
    int count;
    uint16_t *losers;
    int lost;
} candidates;

static inline uint32_t at_of(const fly_vec *v, const fly_vec_sel *sel, uint32_t k)
{
    uint32_t position = sel != NULL ? sel[k] : k;
    return v->kind == FLY_VEC_FLAT ? position : v->kind == FLY_VEC_CONST ? 0 : v->index[position];
}

/* `v` keeps kind and index, `d` the values. Two NULLs are the same: rows with a NULL that equals
 * nothing are not in the directory, and never get here. */
#define MATCH(T, SAME)                                                                             \
    if (v->kind == FLY_VEC_FLAT && !nulls) {                                                       \
        for (int j = 0; j < c->count; j++) {                                                       \
            uint16_t k = c->list[j];                                                               \
            uint32_t at = sel != NULL ? sel[k] : k;                                                \
            T x = ((const T *)d->data)[at];                                                        \
            T y;                                                                                   \
            memcpy(&y, row[k] + to, sizeof y);                                                     \
            bool same = (SAME);                                                                    \
            c->list[kept] = k;                                                                     \
            kept += same;                                                                          \
            c->losers[c->lost] = k;                                                                \
            c->lost += !same;                                                                      \
        }                                                                                          \
        break;                                                                                     \
    }                                                                                              \
    for (int j = 0; j < c->count; j++) {                                                           \
        uint16_t k = c->list[j];                                                                   \
        uint32_t at = at_of(v, sel, k);                                                            \
        T x = ((const T *)d->data)[at];                                                            \
        T y;                                                                                       \
        memcpy(&y, row[k] + to, sizeof y);                                                         \
        bool same = (SAME);                                                                        \
        if (nulls) {                                                                               \
            bool xv = fly__vec_bit(d->valid, at);                                                  \
            bool yv = !fly_vec_row_null(row[k], key);                                              \
            same = (xv & yv) != 0 ? same : xv == yv;                                               \
        }                                                                                          \
        c->list[kept] = k;                                                                         \
        kept += same;                                                                              \
        c->losers[c->lost] = k;                                                                    \
        c->lost += !same;                                                                          \
    }                                                                                              \
    break

/* The bytes of a string that is NULL are not to be looked at. */
#define STRINGS_SAME                                                                               \
    (!nulls || (fly__vec_bit(d->valid, at) && !fly_vec_row_null(row[k], key))) &&                  \
        fly_vec_str_equal(&x, &y)

static void match_key(const fly_vec *v, uint32_t key, uint32_t to, bool nulls,
                      const fly_vec_sel *sel, uint8_t *const *row, candidates *c)
{
    const fly_vec *d = v->kind == FLY_VEC_DICT ? v->dict : v;
    int kept = 0;
    switch (v->type) {
    case FLY_VEC_BOOL:
        MATCH(uint8_t, x == y);
    case FLY_VEC_I16:
        MATCH(int16_t, x == y);
    case FLY_VEC_I32:
        MATCH(int32_t, x == y);
    case FLY_VEC_I64:
        MATCH(int64_t, x == y);
    case FLY_VEC_F32:
        MATCH(float, (x == y) | ((x != x) & (y != y)));
    case FLY_VEC_F64:
        MATCH(double, (x == y) | ((x != x) & (y != y)));
    case FLY_VEC_INTERVAL:
        MATCH(fly_vec_interval, fly__vec_span(&x) == fly__vec_span(&y));
    case FLY_VEC_STR:
        MATCH(fly_vec_str, STRINGS_SAME);
    default:
        MATCH(fly_vec_i128, x == y);
    }
    c->count = kept;
}

/* Of n selected positions, those in the list. */
static void match(const fly_vec_table *table, const fly_vec *cols, const fly_vec_sel *sel, int n,
                  uint8_t *const *row, candidates *c)
{
    c->lost = 0;
    for (uint32_t key = 0; key < table->keys && c->count > 0; key++) {
        bool nulls = table->null_seen[key] || fly__vec_may_null(&cols[key], sel, n);
        match_key(&cols[key], key, table->layout->at[key], nulls, sel, row, c);
    }
}

/* ----------------------------------------------------------------- rows with rows */

static bool values_equal(fly_vec_type type, const uint8_t *a, const uint8_t *b)
{
    if (type == FLY_VEC_STR) {
        fly_vec_str x;
        fly_vec_str y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return fly_vec_str_equal(&x, &y);
    }
    if (type == FLY_VEC_F32 || type == FLY_VEC_F64 || type == FLY_VEC_INTERVAL) {
        return fly__vec_canonical(type, a) == fly__vec_canonical(type, b);
    }
    return memcmp(a, b, fly_vec_type_size(type)) == 0;
}

/* NULL columns are zero in every row, so only that they are NULL needs asking. */
static bool rows_equal(const fly_vec_table *table, const uint8_t *a, const uint8_t *b)
{
    const fly_vec_layout *layout = table->layout;
    for (uint32_t key = 0; key < table->keys; key++) {
        if (fly_vec_row_null(a, key) != fly_vec_row_null(b, key) ||
            !values_equal((fly_vec_type)layout->type[key], a + layout->at[key],
                          b + layout->at[key])) {
            return false;
        }
    }
    return true;
}

static bool row_unequal(const fly_vec_table *table, const uint8_t *row)
{
    for (uint32_t key = 0; key < table->keys; key++) {
        if (!table->nulls_equal[key] && fly_vec_row_null(row, key)) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------- the generic directory */

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for the directory of a hash table");
}

/* A power of two that `rows` fill to at most a half. */
static uint64_t slots_for(uint64_t rows)
{
    uint64_t slots = SLOTS_MIN;
    while (slots < 2 * rows) {
        slots *= 2;
    }
    return slots;
}

/* Compute and store the hashes of all rows, a column at a time. */
static void hash_rows(fly_vec_table *table)
{
    _Alignas(FLY_VEC_STACK_ALIGN) fly_vec_i128 data[AHEAD];
    uint64_t valid[AHEAD / 64];
    uint64_t hash[AHEAD];
    uint8_t *row[AHEAD];
    fly_vec_scan scan = {0};
    int n;
    while ((n = fly_vec_rows_scan(&table->rows, &scan, row, AHEAD)) > 0) {
        for (uint32_t key = 0; key < table->keys; key++) {
            fly_vec v = {.type = table->layout->type[key], .data = data, .valid = valid};
            fly_vec_rows_gather(table->layout, row, n, key, &v);
            if (key == 0) {
                fly_vec_hash(&v, NULL, n, hash);
            } else {
                fly_vec_hash_combine(&v, NULL, n, hash);
            }
        }
        for (int k = 0; k < n; k++) {
            fly__vec_row_set_hash(table->layout, row[k], hash[k]);
        }
    }
    table->unhashed = false;
}

/* Insert rows that are known to have keys of their own. */
static void place_distinct(const fly_vec_layout *layout, uint64_t *slot, uint64_t mask,
                           uint8_t *const *row, int n)
{
    for (int k = 0; k < n; k++) {
        __builtin_prefetch(&slot[fly_vec_row_hash(layout, row[k]) & mask], 1);
    }
    for (int k = 0; k < n; k++) {
        uint64_t hash = fly_vec_row_hash(layout, row[k]);
        uint64_t at = hash & mask;
        while (slot[at] != 0) {
            at = (at + 1) & mask;
        }
        slot[at] = entry_of(hash, row[k]);
    }
}

/* Make the directory one of `slots` places. The old one stays if there is no memory. */
static fly_status resize(fly_vec_table *table, uint64_t slots, fly_err *err)
{
    uint64_t *slot = fly_mem_calloc(table->mem, slots, sizeof *slot);
    if (slot == NULL) {
        return no_memory(err);
    }
    uint8_t *row[AHEAD];
    fly_vec_scan scan = {0};
    int n;
    while ((n = fly_vec_rows_scan(&table->rows, &scan, row, AHEAD)) > 0) {
        place_distinct(table->layout, slot, slots - 1, row, n);
    }
    uint64_t used = table->rows.count;
    directory_free(table);
    table->slot = slot;
    table->slots = slots;
    table->used = used;
    return FLY_OK;
}

/* Room for n more groups. */
static fly_status grow(fly_vec_table *table, uint32_t n, fly_err *err)
{
    uint64_t wanted = table->used + n;
    if (table->slots == 0) {
        uint64_t expected = table->expected < wanted ? wanted : table->expected;
        if (resize(table, slots_for(expected), NULL) == FLY_OK) {
            return FLY_OK;
        }
        return resize(table, slots_for(wanted), err);
    }
    return wanted * 8 <= table->slots * 5 ? FLY_OK : resize(table, slots_for(wanted), err);
}

/* One batch on its way through the directory. */
typedef struct walk {
    const uint64_t *hash;
    uint8_t **row;
    uint64_t place[FLY_VEC_CAPACITY];
    uint16_t todo[FLY_VEC_CAPACITY]; /* compact numbers that still look for their row */
    uint16_t found[FLY_VEC_CAPACITY];
    uint16_t fresh[FLY_VEC_CAPACITY]; /* whose row is new */
    int left;
    int news;
    int n; /* of the batch */
} walk;

/* From each one's place on: to its salt, or to the end. `row` is NULL for those that end. */
static int walk_probe(const fly_vec_table *table, walk *w)
{
    uint64_t mask = table->slots - 1;
    int found = 0;
    for (int j = 0; j < w->left; j++) {
        uint16_t k = w->todo[j];
        uint64_t at = w->place[k];
        uint64_t entry = table->slot[at];
        while (entry != 0 && !salt_equal(entry, w->hash[k])) {
            at = (at + 1) & mask;
            entry = table->slot[at];
        }
        w->row[k] = entry_row(entry); /* of 0: NULL */
        w->place[k] = at;
        __builtin_prefetch(w->row[k]);
        w->found[found] = k;
        found += entry != 0;
    }
    return found;
}

/* As that; where it ends, a new row begins. There is room. */
static int walk_insert(fly_vec_table *table, walk *w)
{
    uint64_t mask = table->slots - 1;
    int found = 0;
    w->news = 0;
    for (int j = 0; j < w->left; j++) {
        uint16_t k = w->todo[j];
        uint64_t at = w->place[k];
        uint64_t entry = table->slot[at];
        while (entry != 0 && !salt_equal(entry, w->hash[k])) {
            at = (at + 1) & mask;
            entry = table->slot[at];
        }
        w->place[k] = at;
        if (entry == 0) {
            w->row[k] = fly__vec_rows_take(&table->rows);
            table->slot[at] = entry_of(w->hash[k], w->row[k]);
            w->fresh[w->news++] = k;
        } else {
            w->row[k] = entry_row(entry);
            __builtin_prefetch(w->row[k]);
            w->found[found++] = k;
        }
    }
    return found;
}

/* Give the rows that walk_insert() began what they are to have; or, without memory, take them
 * back. */
static fly_status fill(fly_vec_table *table, const fly_vec *cols, const fly_vec_sel *sel, int n,
                       const uint64_t *hash, const uint16_t *fresh, int news, uint8_t *const *row,
                       fly_err *err)
{
    size_t size = table->layout->strings ? fly__vec_rows_heap(table->layout, cols, sel, fresh, news)
                                         : 0;
    char *heap = size > 0 ? fly_vec_rows_bytes(&table->rows, size) : NULL;
    if (size > 0 && heap == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for strings of %zu bytes", size);
    }
    fly__vec_rows_scatter(table->layout, cols, sel, fresh, news, row, heap);
    for (int j = 0; j < news && hash != NULL; j++) {
        fly__vec_row_set_hash(table->layout, row[fresh[j]], hash[fresh[j]]);
    }
    for (uint32_t key = 0; key < table->keys; key++) {
        bool asked = table->null_seen[key] || !fly__vec_may_null(&cols[key], sel, n);
        for (int j = 0; j < news && !asked && !table->null_seen[key]; j++) {
            table->null_seen[key] = fly_vec_row_null(row[fresh[j]], key);
        }
    }
    return FLY_OK;
}

static void next_round(const fly_vec_table *table, walk *w, const candidates *c)
{
    for (int j = 0; j < c->lost; j++) {
        uint16_t k = c->losers[j];
        w->todo[j] = k;
        w->place[k] = (w->place[k] + 1) & (table->slots - 1);
    }
    w->left = c->lost;
}

static fly_status group_walk(fly_vec_table *table, const fly_vec *cols, const fly_vec_sel *sel,
                             walk *w, fly_err *err)
{
    for (int j = 0; j < w->left; j++) {
        uint16_t k = w->todo[j];
        w->place[k] = w->hash[k] & (table->slots - 1);
        __builtin_prefetch(&table->slot[w->place[k]], 1);
    }
    while (w->left > 0) {
        int found = walk_insert(table, w);
        fly_status status =
            w->news == 0 ? FLY_OK
                         : fill(table, cols, sel, w->n, w->hash, w->fresh, w->news, w->row, err);
        if (status != FLY_OK) {
            for (int j = 0; j < w->news; j++) {
                table->slot[w->place[w->fresh[j]]] = 0;
            }
            fly__vec_rows_untake(&table->rows, (uint32_t)w->news);
            return status;
        }
        table->used += (uint64_t)w->news;
        /* Losers are written where todo was read: there are never more. */
        candidates c = {.list = w->found, .count = found, .losers = w->todo};
        match(table, cols, sel, w->n, w->row, &c);
        next_round(table, w, &c);
    }
    return FLY_OK;
}

/*
 * Equal keys often follow each other (a table clustered by the key). Only the first of each run is
 * looked up; the others are compared with its row, which is in the cache by then.
 */
static fly_status group_generic(fly_vec_table *table, const fly_vec *cols, const fly_vec_sel *sel,
                                int n, const uint64_t *hash, uint8_t **row, fly_err *err)
{
    walk w;
    uint16_t follower[FLY_VEC_CAPACITY];
    int followers = 0;
    fly_status status = grow(table, (uint32_t)n, err);
    if (status != FLY_OK) {
        return status;
    }
    w.hash = hash;
    w.row = row;
    w.n = n;
    w.left = 0;
    for (int k = 0; k < n; k++) {
        bool same = k > 0 && hash[k] == hash[k - 1];
        w.todo[w.left] = (uint16_t)k;
        w.left += !same;
        follower[followers] = (uint16_t)k;
        followers += same;
    }
    status = group_walk(table, cols, sel, &w, err);
    if (status != FLY_OK || followers == 0) {
        return status;
    }
    for (int j = 0; j < followers; j++) {
        row[follower[j]] = row[follower[j] - 1];
    }
    candidates c = {.list = follower, .count = followers, .losers = w.todo};
    match(table, cols, sel, n, row, &c);
    w.left = c.lost;
    return group_walk(table, cols, sel, &w, err);
}

/* -------------------------------------------------------------- the direct directory */

static bool integer_key(const fly_vec_table *table)
{
    uint8_t type = table->layout->type[0];
    return table->keys == 1 && (type == FLY_VEC_I16 || type == FLY_VEC_I32 || type == FLY_VEC_I64);
}

static inline int64_t integer_at(uint8_t type, const void *data, uint32_t at)
{
    return type == FLY_VEC_I16   ? ((const int16_t *)data)[at]
           : type == FLY_VEC_I32 ? ((const int32_t *)data)[at]
                                 : ((const int64_t *)data)[at];
}

static int64_t row_integer(const fly_vec_table *table, const uint8_t *row)
{
    int64_t aligned = 0;
    memcpy(&aligned, row + table->layout->at[0],
           fly_vec_type_size((fly_vec_type)table->layout->type[0]));
    return integer_at(table->layout->type[0], &aligned, 0);
}

/* Start with an array if the options said that it will do. Without memory there is none. */
static void direct_start(fly_vec_table *table)
{
    uint64_t range = (uint64_t)table->hint_high - (uint64_t)table->hint_low;
    if (integer_key(table) && table->hint_low < table->hint_high && range < DIRECT_GROUP_MAX) {
        table->direct = fly_mem_calloc(table->mem, range + 1, sizeof *table->direct);
        table->range = table->direct != NULL ? range + 1 : 0;
        table->low = table->hint_low;
    }
    table->hint_high = table->hint_low; /* do not try again */
}

/* The places of a batch's keys; false if one is outside. */
#define PLACES(T)                                                                                  \
    for (int k = 0; k < n; k++) {                                                                  \
        uint32_t at = at_of(v, sel, (uint32_t)k);                                                  \
        bool valid = fly__vec_bit(d->valid, at);                                                   \
        uint64_t offset = (uint64_t)(int64_t)((const T *)d->data)[at] - (uint64_t)low;             \
        outside |= valid & (offset >= range);                                                      \
        place[k] = !valid ? range : offset < range ? offset : NOWHERE;                             \
    }                                                                                              \
    break

/* `range` itself is the place of NULL. */
static bool places(const fly_vec_table *table, const fly_vec *v, const fly_vec_sel *sel, int n,
                   uint64_t *place)
{
    const fly_vec *d = v->kind == FLY_VEC_DICT ? v->dict : v;
    int64_t low = table->low;
    uint64_t range = table->range;
    bool outside = false;
    switch (v->type) {
    case FLY_VEC_I16:
        PLACES(int16_t);
    case FLY_VEC_I32:
        PLACES(int32_t);
    default:
        PLACES(int64_t);
    }
    return !outside;
}

/* There is room for n rows. */
static fly_status group_direct(fly_vec_table *table, const fly_vec *cols, const fly_vec_sel *sel,
                               int n, const uint64_t *hash, const uint64_t *place, uint8_t **row,
                               fly_err *err)
{
    uint16_t fresh[FLY_VEC_CAPACITY];
    int news = 0;
    for (int k = 0; k < n; k++) {
        uint8_t **slot = place[k] < table->range ? &table->direct[place[k]] : &table->null_row;
        if (*slot == NULL) {
            *slot = fly__vec_rows_take(&table->rows);
            fresh[news++] = (uint16_t)k;
        }
        row[k] = *slot;
    }
    fly_status status = news == 0 ? FLY_OK : fill(table, cols, sel, n, hash, fresh, news, row, err);
    if (status != FLY_OK) {
        for (int j = 0; j < news; j++) {
            uint64_t at = place[fresh[j]];
            *(at < table->range ? &table->direct[at] : &table->null_row) = NULL;
        }
        fly__vec_rows_untake(&table->rows, (uint32_t)news);
        return status;
    }
    table->unhashed = table->unhashed || (hash == NULL && news > 0);
    table->used += (uint64_t)news;
    return FLY_OK;
}

fly_status fly_vec_table_group(fly_vec_table *table, const fly_vec *cols, const fly_vec_sel *sel,
                               int n, const uint64_t *hash, uint8_t **row, uint32_t *added,
                               fly_err *err)
{
    FLY_ASSERT(n >= 0 && n <= FLY_VEC_CAPACITY);
    uint64_t before = table->rows.count;
    uint64_t own[FLY_VEC_CAPACITY];
    fly_status status = fly__vec_rows_ensure(&table->rows, (uint32_t)n, err);
    if (status != FLY_OK) {
        return status;
    }
    if (table->slot == NULL && table->direct == NULL) {
        for (uint32_t key = 0; key < table->keys; key++) {
            FLY_ASSERT(table->nulls_equal[key]);
        }
        direct_start(table);
    }
    if (table->direct != NULL && places(table, &cols[0], sel, n, own)) {
        status = group_direct(table, cols, sel, n, hash, own, row, err);
    } else {
        if (table->direct != NULL) {
            if (table->unhashed) {
                hash_rows(table);
            }
            status = resize(table, slots_for(table->used + (uint32_t)n), err);
        }
        if (hash == NULL) {
            fly_vec_hash_columns(cols, table->keys, sel, n, own);
            hash = own;
        }
        if (status == FLY_OK) {
            status = group_generic(table, cols, sel, n, hash, row, err);
        }
    }
    if (status == FLY_OK && added != NULL) {
        *added = (uint32_t)(table->rows.count - before);
    }
    return status;
}

/* ----------------------------------------------------------------------- joining */

fly_status fly_vec_table_add(fly_vec_table *table, const fly_vec *cols, const fly_vec_sel *sel,
                             int n, const uint64_t *hash, fly_err *err)
{
    fly_status status = fly_vec_rows_append(&table->rows, cols, sel, n, hash, NULL, err);
    table->unhashed = table->unhashed || (status == FLY_OK && hash == NULL && n > 0);
    return status;
}

/* The smallest and largest key, and whether there are any; NULLs are noted on the way. */
static bool key_range(const fly_vec_table *table, int64_t *low, int64_t *high)
{
    uint8_t *row[AHEAD];
    fly_vec_scan scan = {0};
    int n;
    bool any = false;
    *low = INT64_MAX;
    *high = INT64_MIN;
    while ((n = fly_vec_rows_scan(&table->rows, &scan, row, AHEAD)) > 0) {
        for (int k = 0; k < n; k++) {
            if (!fly_vec_row_null(row[k], 0)) {
                int64_t key = row_integer(table, row[k]);
                *low = key < *low ? key : *low;
                *high = key > *high ? key : *high;
                any = true;
            }
        }
    }
    return any;
}

static void link_behind(fly_vec_table *table, uint8_t *head, uint8_t *row)
{
    fly__vec_row_set_next(table->layout, row, fly_vec_row_next(table->layout, head));
    fly__vec_row_set_next(table->layout, head, row);
    table->unique = false;
}

static void place_direct(fly_vec_table *table, uint8_t *row)
{
    bool null = fly_vec_row_null(row, 0);
    uint8_t **slot = null
                         ? &table->null_row
                         : &table->direct[(uint64_t)row_integer(table, row) - (uint64_t)table->low];
    if (*slot != NULL) {
        link_behind(table, *slot, row);
        return;
    }
    *slot = row;
    table->used++;
}

static void place_chained(fly_vec_table *table, uint8_t *row)
{
    uint64_t mask = table->slots - 1;
    uint64_t hash = fly_vec_row_hash(table->layout, row);
    for (uint64_t at = hash & mask;; at = (at + 1) & mask) {
        uint64_t entry = table->slot[at];
        if (entry == 0) {
            table->slot[at] = entry_of(hash, row);
            table->used++;
            return;
        }
        if (salt_equal(entry, hash) && rows_equal(table, entry_row(entry), row)) {
            link_behind(table, entry_row(entry), row);
            return;
        }
    }
}

static void place_all(fly_vec_table *table)
{
    const fly_vec_layout *layout = table->layout;
    uint8_t *row[AHEAD];
    fly_vec_scan scan = {0};
    int n;
    while ((n = fly_vec_rows_scan(&table->rows, &scan, row, AHEAD)) > 0) {
        for (int k = 0; k < n && table->slot != NULL; k++) {
            __builtin_prefetch(&table->slot[fly_vec_row_hash(layout, row[k]) & (table->slots - 1)],
                               1);
        }
        for (int k = 0; k < n; k++) {
            fly__vec_row_set_next(layout, row[k], NULL);
            for (uint32_t key = 0; key < table->keys; key++) {
                table->null_seen[key] = table->null_seen[key] || fly_vec_row_null(row[k], key);
            }
            if (row_unequal(table, row[k])) {
                table->has_null = true;
            } else if (table->direct != NULL) {
                place_direct(table, row[k]);
            } else {
                place_chained(table, row[k]);
            }
        }
    }
}

fly_status fly_vec_table_build(fly_vec_table *table, fly_err *err)
{
    int64_t low;
    int64_t high;
    uint64_t count = table->rows.count;
    directory_free(table);
    table->unique = true;
    table->has_null = false;
    if (integer_key(table) && key_range(table, &low, &high)) {
        uint64_t range = (uint64_t)high - (uint64_t)low;
        if (range < DIRECT_MIN || range < 4 * count) {
            table->direct = fly_mem_calloc(table->mem, range + 1, sizeof *table->direct);
            table->range = table->direct != NULL ? range + 1 : 0;
            table->low = low;
        }
    }
    if (table->direct == NULL) {
        if (table->unhashed) {
            hash_rows(table);
        }
        uint64_t slots = slots_for(count);
        table->slot = fly_mem_calloc(table->mem, slots, sizeof *table->slot);
        if (table->slot == NULL) {
            return no_memory(err);
        }
        table->slots = slots;
    }
    place_all(table);
    return FLY_OK;
}

static void probe_generic(const fly_vec_table *table, const fly_vec *keys, const fly_vec_sel *sel,
                          int n, const uint64_t *hash, uint8_t **row)
{
    walk w;
    w.hash = hash;
    w.row = row;
    w.n = n;
    w.left = n;
    for (int k = 0; k < n; k++) {
        w.todo[k] = (uint16_t)k;
        w.place[k] = hash[k] & (table->slots - 1);
        __builtin_prefetch(&table->slot[w.place[k]]);
    }
    while (w.left > 0) {
        int found = walk_probe(table, &w);
        candidates c = {.list = w.found, .count = found, .losers = w.todo};
        match(table, keys, sel, n, row, &c);
        next_round(table, &w, &c);
    }
}

void fly_vec_table_probe(const fly_vec_table *table, const fly_vec *keys, const fly_vec_sel *sel,
                         int n, const uint64_t *hash, uint8_t **row)
{
    FLY_ASSERT(n >= 0 && n <= FLY_VEC_CAPACITY);
    uint64_t own[FLY_VEC_CAPACITY];
    if (table->direct != NULL) {
        (void)places(table, &keys[0], sel, n, own);
        for (int k = 0; k < n; k++) {
            row[k] = own[k] < table->range ? table->direct[own[k]] : NULL;
            row[k] = own[k] == table->range && table->nulls_equal[0] ? table->null_row : row[k];
        }
        return;
    }
    if (table->slot == NULL) {
        memset(row, 0, (size_t)n * sizeof *row);
        return;
    }
    if (hash == NULL) {
        fly_vec_hash_columns(keys, table->keys, sel, n, own);
        hash = own;
    }
    /* Rows with a NULL that equals nothing are not in the directory, so such keys find nothing. */
    probe_generic(table, keys, sel, n, hash, row);
}

/* --------------------------------------------------------------------- checking */

static uint8_t *lookup(const fly_vec_table *table, const uint8_t *row)
{
    if (table->direct != NULL) {
        uint64_t at = (uint64_t)row_integer(table, row) - (uint64_t)table->low;
        return fly_vec_row_null(row, 0) ? table->null_row
               : at < table->range      ? table->direct[at]
                                        : NULL;
    }
    uint64_t hash = fly_vec_row_hash(table->layout, row);
    for (uint64_t at = hash & (table->slots - 1); table->slot[at] != 0;
         at = (at + 1) & (table->slots - 1)) {
        uint64_t entry = table->slot[at];
        if (salt_equal(entry, hash) && rows_equal(table, entry_row(entry), row)) {
            return entry_row(entry);
        }
    }
    return NULL;
}

fly_status fly_vec_table_check(const fly_vec_table *table, fly_err *err)
{
    uint8_t *row[AHEAD];
    fly_vec_scan scan = {0};
    uint64_t heads = 0;
    int n;
    if (table->slot != NULL && table->used * 8 > table->slots * 5) {
        return fly_err_set(err, FLY_E_CORRUPT, "T3: %llu of %llu places are taken",
                           (unsigned long long)table->used, (unsigned long long)table->slots);
    }
    if (table->slot == NULL && table->direct == NULL) {
        return FLY_OK;
    }
    while ((n = fly_vec_rows_scan(&table->rows, &scan, row, AHEAD)) > 0) {
        for (int k = 0; k < n; k++) {
            if (row_unequal(table, row[k])) {
                continue;
            }
            const uint8_t *head = lookup(table, row[k]);
            if (head == NULL) {
                return fly_err_set(err, FLY_E_CORRUPT, "T2: a row is not found");
            }
            heads += head == row[k];
            while (head != NULL && head != row[k]) {
                head = fly_vec_row_next(table->layout, head);
            }
            if (head == NULL) {
                return fly_err_set(err, FLY_E_CORRUPT, "T4: a row is in no chain");
            }
        }
    }
    return heads == table->used
               ? FLY_OK
               : fly_err_set(err, FLY_E_CORRUPT, "T1: the directory has %llu rows, not %llu",
                             (unsigned long long)table->used, (unsigned long long)heads);
}
