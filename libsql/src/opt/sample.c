/*
 * Samples: a few hundred rows that stand at even distances in a table, one way down its tree for each.
 *
 * A sample is taken when a plan first asks for more than a table's size and ANALYZE has not been there,
 * or too long ago. It is kept with the database, for all sessions, until the table is twice as large or
 * half; it is never written to disk.
 *
 * How many different values a column has, from the d different ones of n rows, of which f stand there
 * once: n d / (n - f + f n / N), of N rows in all.
 *
 * @source Haas, Stokes: "Estimating the number of classes in a finite population", IBM Research Report
 *         RJ 10025, 1996: the estimator Duj1.
 */
#include "opt/sample_int.h"

#include "opt/stats_int.h"
#include "session/engine_int.h"
#include "session/session_int.h"
#include "store/source_int.h"

#include <fly/base_hash.h>

#include <string.h>

enum {
    LOOKS = 256,          /* ways down a large table */
    ROWS_MAX = 2 * LOOKS, /* a table of no more rows is read */
    KEY_MAX = 4096,
    BYTES_MAX = 4 << 20 /* of all samples of a database */
};

struct fly__sql_sample {
    struct fly__sql_sample *link;
    uint32_t oid;
    uint32_t layout; /* of the table's rows, when it was taken */
    uint16_t columns;
    double rows;
    size_t size; /* of this, with all it has */
    fly__sql_known known[];
};

void fly__sql_samples_init(fly__sql_samples *samples)
{
    *samples = (fly__sql_samples){0};
    fly_mutex_init(&samples->mutex, "sql samples", FLY_RANK_NONE);
}

static void forget_all(fly__sql_samples *samples, fly_mem *mem)
{
    while (samples->list != NULL) {
        struct fly__sql_sample *next = samples->list->link;
        fly_mem_free(mem, samples->list, samples->list->size);
        samples->list = next;
    }
    samples->bytes = 0;
}

void fly__sql_samples_deinit(fly__sql_samples *samples, fly_mem *mem)
{
    forget_all(samples, mem);
    fly_mutex_deinit(&samples->mutex);
}

/* --------------------------------------------------------------------- keeping them */

static bool still_good(const struct fly__sql_sample *sample, const fly__sql_table *table,
                       double rows)
{
    return sample->columns == table->column_count && sample->layout == table->layout &&
           rows < 2 * sample->rows + 1 && rows > sample->rows / 2;
}

/* The same in the memory of a plan. */
static const fly__sql_known *copy(const struct fly__sql_sample *sample, fly_arena *arena)
{
    fly__sql_known *known =
        fly_arena_copy(arena, sample->known, sample->columns * sizeof *sample->known);
    for (uint16_t i = 0; known != NULL && i < sample->columns; i++) {
        fly_bytes stats = sample->known[i].stats;
        known[i].stats.data = fly_arena_copy(arena, stats.data, stats.len);
        known[i].stats.len = known[i].stats.data == NULL ? 0 : stats.len;
    }
    return known;
}

/* Take out what there is about a table. */
static struct fly__sql_sample *take_out(fly__sql_samples *samples, uint32_t oid)
{
    for (struct fly__sql_sample **at = &samples->list; *at != NULL; at = &(*at)->link) {
        struct fly__sql_sample *sample = *at;
        if (sample->oid == oid) {
            *at = sample->link;
            samples->bytes -= sample->size;
            return sample;
        }
    }
    return NULL;
}

/* Put in front, where it is found first the next time. */
static void put_in(fly__sql_samples *samples, struct fly__sql_sample *sample)
{
    sample->link = samples->list;
    samples->list = sample;
    samples->bytes += sample->size;
}

static const fly__sql_known *find(fly__sql_samples *samples, fly_mem *mem,
                                  const fly__sql_table *table, double rows, fly_arena *arena)
{
    const fly__sql_known *known = NULL;
    fly_mutex_lock(&samples->mutex);
    struct fly__sql_sample *sample = take_out(samples, table->oid);
    if (sample != NULL && still_good(sample, table, rows)) {
        known = copy(sample, arena);
        put_in(samples, sample);
    } else if (sample != NULL) {
        fly_mem_free(mem, sample, sample->size);
    }
    fly_mutex_unlock(&samples->mutex);
    return known;
}

/* Keep what was found, for others; if there is no memory, they look for themselves. */
static void keep(fly__sql_samples *samples, fly_mem *mem, const fly__sql_table *table, double rows,
                 const fly__sql_known *known)
{
    size_t size = sizeof(struct fly__sql_sample) + table->column_count * sizeof *known;
    size_t at = size;
    for (uint16_t i = 0; i < table->column_count; i++) {
        size += known[i].stats.len;
    }
    struct fly__sql_sample *sample = fly_mem_alloc(mem, size);
    if (sample == NULL) {
        return;
    }
    *sample = (struct fly__sql_sample){.oid = table->oid,
                                       .layout = table->layout,
                                       .columns = table->column_count,
                                       .rows = rows,
                                       .size = size};
    for (uint16_t i = 0; i < table->column_count; i++) {
        uint8_t *bytes = (uint8_t *)sample + at;
        sample->known[i] = known[i];
        sample->known[i].stats.data = bytes;
        if (known[i].stats.len > 0) {
            memcpy(bytes, known[i].stats.data, known[i].stats.len);
        }
        at += known[i].stats.len;
    }
    fly_mutex_lock(&samples->mutex);
    struct fly__sql_sample *old = take_out(samples, table->oid);
    if (old != NULL) {
        fly_mem_free(mem, old, old->size);
    }
    if (samples->bytes + size > BYTES_MAX) {
        forget_all(samples, mem);
    }
    put_in(samples, sample);
    fly_mutex_unlock(&samples->mutex);
}

/* ---------------------------------------------------------------------- taking one */

/* What was seen of one column. */
struct seen {
    uint32_t values; /* that are not NULL */
    uint32_t nulls;
    uint32_t numbers;
    uint64_t hash[ROWS_MAX];
    double number[ROWS_MAX];
};

uint64_t fly__sql_sample_hash(fly_vec_type physical, const fly_vec_value *value)
{
    return physical == FLY_VEC_STR ? fly_hash(fly_vec_str_data(&value->str), value->str.len, 0)
                                   : fly_hash(&value->i128, fly_vec_type_size(physical), 0);
}

static void see(struct seen *of, fly_sql_type type, const fly_vec *column, uint32_t row)
{
    fly_vec_value value = fly_vec_get(column, row);
    if (value.null) {
        of->nulls++;
        return;
    }
    of->hash[of->values++] = fly__sql_sample_hash((fly_vec_type)column->type, &value);
    of->numbers += fly__sql_stats_number(type, &value, &of->number[of->numbers]);
}

/* A scan that is being sampled. */
struct sampler {
    const fly__sql_table *table;
    const fly__sql_source *source;
    fly__sql_scan *scan;
    fly_vec_batch batch;
    struct seen *seen;
    uint32_t rows;
};

static fly_status take_rows(struct sampler *s)
{
    fly_arena_reset(s->batch.arena);
    fly_status status = s->source->scan_next(s->scan, &s->batch, NULL);
    for (uint32_t row = 0; status == FLY_OK && row < s->batch.count && s->rows < ROWS_MAX; row++) {
        for (uint16_t i = 0; i < s->table->column_count; i++) {
            see(&s->seen[i], s->table->columns[i].type, &s->batch.col[i], row);
        }
        s->rows++;
    }
    return status;
}

/* One row at each of so many places. */
static fly_status take_here_and_there(struct sampler *s, fly_tree *tree)
{
    uint8_t key[KEY_MAX];
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < LOOKS && (status == FLY_OK || status == FLY_E_END); i++) {
        size_t len = 0;
        if (fly_tree_key_near(tree, (i + 0.5) / LOOKS, key, sizeof key, &len)) {
            status =
                s->source->scan_again(s->scan, fly_bytes_of(key, len), (fly_bytes){NULL, 0}, NULL);
            status = status == FLY_OK ? take_rows(s) : status;
        }
    }
    return status;
}

static fly_status take(fly_sql_session *session, struct sampler *s, double rows, fly_tree *tree,
                       fly_arena *arena)
{
    uint32_t count = s->table->column_count;
    uint16_t *attnums = fly_arena_alloc(arena, (count + 1) * sizeof *attnums);
    s->seen = fly_arena_alloc(arena, (count + 1) * sizeof *s->seen);
    s->batch.col = fly_arena_alloc(arena, (count + 1) * sizeof *s->batch.col);
    if (attnums == NULL || s->seen == NULL || s->batch.col == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        attnums[i] = (uint16_t)(i + 1);
        s->seen[i].values = s->seen[i].nulls = s->seen[i].numbers = 0;
    }
    bool all = rows <= ROWS_MAX;
    s->batch.columns = count;
    s->batch.selected = -1;
    s->source = fly__sql_source_of(session, s->table);
    const fly__sql_scan_spec spec = {
        .table = s->table, .column_count = count, .columns = attnums, .limit = all ? ROWS_MAX : 1};
    fly_status status = s->source == NULL ? FLY_E_NOT_FOUND
                                          : s->source->scan_open(s->source, session->txn, &spec,
                                                                 arena, &s->scan, NULL);
    if (status != FLY_OK) {
        return status;
    }
    if (!all) {
        status = take_here_and_there(s, tree);
    }
    while (all && status == FLY_OK && s->rows < ROWS_MAX) {
        status = take_rows(s);
    }
    s->source->scan_close(s->scan);
    return status == FLY_E_END ? FLY_OK : status;
}

/* ---------------------------------------------------------------- what it tells */

/* How many times each hash is there, in a table with room for all. */
struct counted {
    uint64_t hash[2 * ROWS_MAX];
    uint16_t times[2 * ROWS_MAX];
};

static void count_one(struct counted *in, uint64_t hash)
{
    uint32_t at = hash % (2 * ROWS_MAX);
    while (in->times[at] > 0 && in->hash[at] != hash) {
        at = (at + 1) % (2 * ROWS_MAX);
    }
    in->hash[at] = hash;
    in->times[at]++;
}

/* How many different values there are among `all`, of which `n` were seen. */
static double distinct(const struct counted *counted, uint32_t n, double all)
{
    uint32_t different = 0;
    uint32_t once = 0;
    for (uint32_t i = 0; i < 2 * ROWS_MAX; i++) {
        different += counted->times[i] > 0;
        once += counted->times[i] == 1;
    }
    if (n == 0 || all <= n) {
        return different;
    }
    if (once == n) { /* each value is another */
        return all;
    }
    double found = (double)n * different / (n - once + (double)once * n / all);
    return found > all ? all : found;
}

/* The values that at least one row in twenty has, at most so many of them. */
static void note_common(const struct counted *counted, uint32_t rows, fly__sql_known *known)
{
    for (uint32_t i = 0; i < 2 * ROWS_MAX && known->common_count < FLY__SQL_COMMON_MAX; i++) {
        if (counted->times[i] > 4 && counted->times[i] >= rows / 20) {
            known->common[known->common_count++] = (struct fly__sql_common){
                .hash = counted->hash[i], .part = (double)counted->times[i] / rows};
        }
    }
}

static fly_status conclude(const struct sampler *s, double rows, fly_arena *arena,
                           fly__sql_known *known)
{
    fly_status status = FLY_OK;
    for (uint16_t i = 0; i < s->table->column_count && status == FLY_OK; i++) {
        struct seen *of = &s->seen[i];
        double there = rows * of->values / s->rows;
        struct counted counted = {0};
        for (uint32_t k = 0; k < of->values; k++) {
            count_one(&counted, of->hash[k]);
        }
        double values = distinct(&counted, of->values, there);
        known[i] = (fly__sql_known){.distinct = values > 0.1 * rows ? -values / rows : values,
                                    .null_fraction = (double)of->nulls / s->rows};
        note_common(&counted, s->rows, &known[i]);
        status = fly__sql_stats_write(of->number, of->numbers, arena, &known[i].stats, NULL);
    }
    return status;
}

const fly__sql_known *fly__sql_sample_of(fly_sql_session *session, const fly__sql_table *table,
                                         double rows, fly_arena *arena)
{
    fly__sql_samples *samples = &session->database->samples;
    fly_mem *mem = session->sql->env->mem;
    fly_tree *tree = NULL;
    if (rows < 1 || fly_txn_isolation(session->txn) == FLY_ISOLATION_SERIALIZABLE) {
        return NULL;
    }
    const fly__sql_known *found = find(samples, mem, table, rows, arena);
    if (found != NULL || fly__sql_session_tree(session, table->tree, &tree, NULL) != FLY_OK) {
        return found;
    }
    fly_arena scratch;
    fly_arena batch;
    fly_arena_init(&scratch, &session->query.mem, 0);
    fly_arena_init(&batch, &session->query.mem, 4096);
    struct sampler s = {.table = table, .batch.arena = &batch};
    fly__sql_known *known = fly_arena_alloc(arena, table->column_count * sizeof *known);
    bool good = known != NULL && take(session, &s, rows, tree, &scratch) == FLY_OK && s.rows > 0 &&
                conclude(&s, rows, arena, known) == FLY_OK;
    fly_arena_deinit(&batch);
    fly_arena_deinit(&scratch);
    if (good) {
        keep(samples, mem, table, rows, known);
    }
    return good ? known : NULL;
}
