/*
 * Goal: whatever is done to a tree, it answers as a sorted list would.
 * Method: scripts of random operations, from a seed, against the dullest model: all keys that can
 * occur, sorted, and for each whether it is there and with which value. Pages of every size, a codec
 * that takes room, pools far smaller than the tree, keys that are nasty in different ways. The tree
 * is verified and its pages are counted again and again.
 *
 * A script that fails is made shorter, as long as it fails (Zeller and Hildebrandt: "Simplifying and
 * Isolating Failure-Inducing Input", IEEE TSE 2002), and printed. FLY_TEST_SEED=<seed> runs one
 * again, FLY_TEST_ROUNDS=<n> runs n times as many.
 */
#define _POSIX_C_SOURCE 200809L
#include "world.h"

#include <fly/base_check.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ----------------------------------------------------------------------------- keys */

enum distribution {
    RANDOM_8,
    RANDOM_16,
    RISING,
    FALLING,
    TENANTS, /* rising within some groups */
    URLS,    /* long shared prefixes */
    TINY,    /* all strings of four bytes of every length, zeros among them */
    LENGTHS, /* every length there is, mostly prefixes of each other */
    LONGEST, /* all as long as can be, in groups that differ late */
    DISTRIBUTIONS
};

static const char *const distribution_names[] = {
    "random 8", "random 16", "rising", "falling", "tenants", "urls", "tiny", "lengths", "longest"};

static size_t make_tiny(uint32_t index, uint8_t *to)
{
    static const uint8_t letters[] = {0, 1, 'a', 0xff};
    size_t len = 0;
    uint32_t of_this_len = 1;
    while (index >= of_this_len) {
        index -= of_this_len;
        of_this_len *= 4;
        len++;
    }
    for (size_t i = 0; i < len; i++) {
        to[i] = letters[index % 4];
        index /= 4;
    }
    return len;
}

static size_t make_length(uint32_t index, size_t key_max, uint8_t *to)
{
    size_t len = index % (key_max + 1);
    uint32_t variant = index / (uint32_t)(key_max + 1) % 3;
    memset(to, variant == 0 ? 0 : 'a', len);
    if (variant == 2 && len > 0) {
        to[len - 1] = 0;
    }
    return len;
}

static size_t make_longest(uint32_t index, size_t key_max, uint8_t *to)
{
    /* Groups of four that share all but the last bytes; groups of groups that share half. */
    memset(to, 'l', key_max);
    fly_put_u16be(to, (uint16_t)fly_hash_u64(index / 64));
    fly_put_u16be(to + key_max / 2, (uint16_t)fly_hash_u64(index / 4));
    fly_put_u16be(to + key_max - 2, (uint16_t)fly_hash_u64(index));
    return key_max - (index % 7 == 0 ? index % 5 : 0);
}

static size_t make_key(enum distribution distribution, uint32_t index, size_t key_max, uint8_t *to)
{
    char url[96];
    switch (distribution) {
    case RANDOM_8:
        fly_put_u64be(to, fly_hash_u64(index));
        return 8;
    case RANDOM_16:
        fly_put_u64be(to, fly_hash_u64(index));
        fly_put_u64be(to + 8, index);
        return 16;
    case RISING:
        fly_put_u64be(to, index);
        return 8;
    case FALLING:
        fly_put_u64be(to, UINT32_MAX - index);
        return 8;
    case TENANTS:
        fly_put_u32be(to, index % 13);
        fly_put_u64be(to + 4, index / 13);
        return 12;
    case URLS:
        (void)snprintf(url, sizeof url, "https://www.example.org/a/rather/long/path/%u/%u.html",
                       (unsigned)fly_hash_u64(index) % 50, index);
        memcpy(to, url, strlen(url));
        return strlen(url);
    case TINY:
        return make_tiny(index, to);
    case LENGTHS:
        return make_length(index, key_max, to);
    default:
        return make_longest(index, key_max, to);
    }
}

/* ---------------------------------------------------------------------------- model */

struct model_entry {
    uint8_t *key;
    size_t key_len;
    bool there;
    uint32_t number; /* of its value */
    uint32_t len;
    bool blob;
};

struct model {
    struct model_entry *entries; /* sorted by key */
    uint32_t count;
    uint32_t *rank; /* of each key index */
};

static int by_key(const void *a, const void *b)
{
    const struct model_entry *x = a;
    const struct model_entry *y = b;
    return fly_bytes_cmp(fly_bytes_of(x->key, x->key_len), fly_bytes_of(y->key, y->key_len));
}

static void model_init(struct model *model, enum distribution distribution, uint32_t keys,
                       size_t key_max)
{
    uint8_t *bytes = malloc(key_max + 64);
    model->entries = calloc(keys, sizeof *model->entries);
    model->rank = calloc(keys, sizeof *model->rank);
    HOLDS(bytes != NULL && model->entries != NULL && model->rank != NULL);
    for (uint32_t i = 0; i < keys; i++) {
        struct model_entry *entry = &model->entries[i];
        entry->key_len = make_key(distribution, i, key_max, bytes);
        HOLDS(entry->key_len <= key_max);
        entry->key = malloc(entry->key_len + 1);
        HOLDS(entry->key != NULL);
        memcpy(entry->key, bytes, entry->key_len);
    }
    qsort(model->entries, keys, sizeof *model->entries, by_key);
    model->count = 0;
    for (uint32_t i = 0; i < keys; i++) {
        if (i > 0 && by_key(&model->entries[model->count - 1], &model->entries[i]) == 0) {
            free(model->entries[i].key);
        } else {
            model->entries[model->count++] = model->entries[i];
        }
    }
    for (uint32_t i = 0; i < keys; i++) {
        struct model_entry wanted = {.key = bytes};
        wanted.key_len = make_key(distribution, i, key_max, bytes);
        const struct model_entry *found =
            bsearch(&wanted, model->entries, model->count, sizeof wanted, by_key);
        model->rank[i] = (uint32_t)(found - model->entries);
    }
    free(bytes);
}

static void model_deinit(struct model *model)
{
    for (uint32_t i = 0; i < model->count; i++) {
        free(model->entries[i].key);
    }
    free(model->entries);
    free(model->rank);
}

static fly_bytes key_of(const struct model_entry *entry)
{
    /* An empty key may come without an address. */
    return fly_bytes_of(entry->key_len > 0 ? entry->key : NULL, entry->key_len);
}

/* ---------------------------------------------------------------------------- scripts */

enum kind {
    PUT,
    UPSERT,        /* with a hint, in pieces */
    UPSERT_PREFIX, /* a blob behind some bytes of its own */
    DECLINE,       /* the decision is to keep */
    FAIL,          /* the decision fails */
    REMOVE,
    UPSERT_REMOVE, /* with a hint */
    GET,
    READ, /* with a hint */
    FORWARDS,
    BACKWARDS,
    WANDER, /* to and fro */
    BLOB_PART,
    VERIFY,
    REOPEN,
    KINDS
};

static const char *const kind_names[] = {"put",           "upsert",    "upsert prefixed blob",
                                         "decline",       "fail",      "remove",
                                         "upsert remove", "get",       "read",
                                         "forwards",      "backwards", "wander",
                                         "blob part",     "verify",    "reopen"};

struct op {
    uint8_t kind;
    uint32_t key;    /* an index */
    uint32_t number; /* of the value, or a seed */
    uint32_t len;
};

struct scenario {
    enum distribution distribution;
    uint32_t keys;
    uint32_t ops;
    uint32_t page_size;
    uint32_t pool_pages;
    bool codec;
    enum { SMALL, MIXED, LARGEST, BLOBS } values;
    fly_bufpool_backend backend;
};

struct run {
    const struct scenario *scenario;
    fly_sim_env sim;
    struct world world;
    struct model model;
    fly_btree_hint hint;
    fly_btree_cursor *cursor;
    uint8_t *buffer; /* for the longest value */
    uint8_t *scratch;
    size_t buffer_len;
};

enum { BLOB_MAX = 3 << 20 };

/* ------------------------------------------------------------------------- operations */

struct decision {
    fly_btree_verdict verdict;
    fly_status status;
    fly_bytes value[3];
    bool blob;
    bool found;
    bool had_blob;
    uint8_t old_ref[FLY_BTREE_BLOB_REF];
    const struct model_entry *expected;
};

static bool entry_is(const fly_btree_entry *entry, const struct model_entry *expected)
{
    if (entry->blob != expected->blob) {
        return false;
    }
    if (entry->blob) {
        const uint8_t *ref = entry->value.data + entry->value.len - FLY_BTREE_BLOB_REF;
        return entry->value.len >= FLY_BTREE_BLOB_REF && fly_btree_blob_len(ref) == expected->len;
    }
    return entry->value.len == expected->len &&
           value_is(entry->value.data, expected->number, expected->len);
}

static fly_status decide(void *ctx, const fly_btree_entry *entry, fly_btree_change *change,
                         fly_err *err)
{
    struct decision *decision = ctx;
    (void)err;
    decision->found = entry != NULL;
    HOLDS(decision->found == decision->expected->there);
    HOLDS(entry == NULL || entry_is(entry, decision->expected));
    decision->had_blob = entry != NULL && entry->blob;
    if (decision->had_blob) {
        memcpy(decision->old_ref, entry->value.data + entry->value.len - FLY_BTREE_BLOB_REF,
               FLY_BTREE_BLOB_REF);
    }
    change->verdict = decision->verdict;
    memcpy(change->value, decision->value, sizeof change->value);
    change->blob = decision->blob;
    return decision->status;
}

static void free_old(struct run *run, const struct decision *decision)
{
    if (decision->had_blob) {
        OK(fly_btree_blob_free(run->world.tree, decision->old_ref, &run->world.err),
           &run->world.err);
    }
}

static void now_there(struct model_entry *entry, const struct op *op, uint32_t len, bool blob)
{
    entry->there = true;
    entry->number = op->number;
    entry->len = len;
    entry->blob = blob;
}

static void run_put(struct run *run, struct model_entry *entry, const struct op *op)
{
    struct world *world = &run->world;
    value_fill(run->buffer, op->number, op->len);
    OK(fly_btree_put(world->tree, key_of(entry), fly_bytes_of(run->buffer, op->len), &world->err),
       &world->err);
    now_there(entry, op, op->len, op->len > fly_btree_inline_max(world->tree, entry->key_len));
}

static void run_upsert(struct run *run, struct model_entry *entry, const struct op *op)
{
    struct world *world = &run->world;
    size_t max = fly_btree_inline_max(world->tree, entry->key_len);
    uint32_t len = op->len < max ? op->len : (uint32_t)max;
    value_fill(run->buffer, op->number, len);
    uint32_t first = len / 3;
    struct decision decision = {.verdict = FLY_BTREE_PUT,
                                .value = {fly_bytes_of(run->buffer, first), fly_bytes_of(NULL, 0),
                                          fly_bytes_of(run->buffer + first, len - first)},
                                .expected = entry};
    OK(fly_btree_upsert(world->tree, op->number % 2 == 0 ? &run->hint : NULL, key_of(entry), decide,
                        &decision, NULL, &world->err),
       &world->err);
    now_there(entry, op, len, false);
    free_old(run, &decision);
}

static void run_upsert_prefix(struct run *run, struct model_entry *entry, const struct op *op)
{
    struct world *world = &run->world;
    uint8_t ref[FLY_BTREE_BLOB_REF];
    value_fill(run->buffer, op->number, op->len);
    uint32_t cut = op->len / 2;
    fly_bytes pieces[] = {fly_bytes_of(run->buffer, cut), fly_bytes_of(run->buffer, 0),
                          fly_bytes_of(run->buffer + cut, op->len - cut)};
    OK(fly_btree_blob_write(world->tree, pieces, 3, NULL, ref, &world->err), &world->err);
    struct decision decision = {.verdict = FLY_BTREE_PUT,
                                .value = {text("prefix"), fly_bytes_of(ref, sizeof ref)},
                                .blob = true,
                                .expected = entry};
    OK(fly_btree_upsert(world->tree, &run->hint, key_of(entry), decide, &decision, NULL,
                        &world->err),
       &world->err);
    now_there(entry, op, op->len, true);
    free_old(run, &decision);
}

static void run_decline(struct run *run, const struct model_entry *entry, bool fails)
{
    struct world *world = &run->world;
    struct decision decision = {.verdict = fails ? FLY_BTREE_PUT : FLY_BTREE_KEEP,
                                .status = fails ? FLY_E_CONFLICT : FLY_OK,
                                .value = {text("not this")},
                                .expected = entry};
    WANT(fly_btree_upsert(world->tree, &run->hint, key_of(entry), decide, &decision, NULL,
                          &world->err),
         fails ? FLY_E_CONFLICT : FLY_OK, &world->err);
}

static void run_remove(struct run *run, struct model_entry *entry, bool hinted)
{
    struct world *world = &run->world;
    if (hinted) {
        struct decision decision = {.verdict = FLY_BTREE_REMOVE, .expected = entry};
        OK(fly_btree_upsert(world->tree, &run->hint, key_of(entry), decide, &decision, NULL,
                            &world->err),
           &world->err);
        free_old(run, &decision);
    } else {
        WANT(fly_btree_remove(world->tree, key_of(entry), &world->err),
             entry->there ? FLY_OK : FLY_E_NOT_FOUND, &world->err);
    }
    entry->there = false;
}

static void run_get(struct run *run, const struct model_entry *entry)
{
    struct world *world = &run->world;
    uint64_t len = 0;
    fly_status status =
        fly_btree_get(world->tree, key_of(entry), run->buffer, run->buffer_len, &len, &world->err);
    WANT(status, entry->there ? FLY_OK : FLY_E_NOT_FOUND, &world->err);
    if (entry->there) {
        HOLDS(len == entry->len);
        HOLDS(value_is(run->buffer, entry->number, len));
    }
    if (entry->there && len > 0) {
        uint64_t again = 0;
        WANT(fly_btree_get(world->tree, key_of(entry), NULL, 0, &again, &world->err), FLY_E_FULL,
             &world->err);
        HOLDS(again == len);
    }
}

static void run_read(struct run *run, const struct model_entry *entry)
{
    struct world *world = &run->world;
    fly_btree_entry read;
    WANT(fly_btree_read(world->tree, &run->hint, key_of(entry), run->scratch, &read, &world->err),
         entry->there ? FLY_OK : FLY_E_NOT_FOUND, &world->err);
    HOLDS(!entry->there || entry_is(&read, entry));
}

static void run_blob_part(struct run *run, const struct model_entry *entry, const struct op *op)
{
    struct world *world = &run->world;
    fly_btree_entry read;
    if (!entry->there || !entry->blob) {
        return;
    }
    OK(fly_btree_read(world->tree, NULL, key_of(entry), run->scratch, &read, &world->err),
       &world->err);
    const uint8_t *ref = read.value.data + read.value.len - FLY_BTREE_BLOB_REF;
    uint32_t offset = entry->len > 0 ? op->number % entry->len : 0;
    uint32_t len = op->len < entry->len - offset ? op->len : entry->len - offset;
    uint8_t *whole = malloc(entry->len + 1);
    HOLDS(whole != NULL);
    value_fill(whole, entry->number, entry->len);
    OK(fly_btree_blob_read(world->tree, ref, offset, run->buffer, len, &world->err), &world->err);
    HOLDS(memcmp(run->buffer, whole + offset, len) == 0);
    free(whole);
}

/* ---------------------------------------------------------------------------- cursors */

static void cursor_is_at(struct run *run, const struct model_entry *entry, bool whole)
{
    struct world *world = &run->world;
    HOLDS(fly_bytes_equal(fly_btree_cursor_key(run->cursor), key_of(entry)));
    fly_btree_entry found = fly_btree_cursor_entry(run->cursor);
    HOLDS(entry_is(&found, entry));
    if (whole) {
        uint64_t len = 0;
        OK(fly_btree_cursor_value(run->cursor, run->buffer, run->buffer_len, &len, &world->err),
           &world->err);
        HOLDS(len == entry->len);
        HOLDS(value_is(run->buffer, entry->number, len));
    }
}

/* The first key there is from `rank` on, or count. */
static uint32_t there_from(const struct model *model, uint32_t rank)
{
    while (rank < model->count && !model->entries[rank].there) {
        rank++;
    }
    return rank;
}

/* The last key there is before `rank`, or count. */
static uint32_t there_before(const struct model *model, uint32_t rank)
{
    while (rank > 0) {
        rank--;
        if (model->entries[rank].there) {
            return rank;
        }
    }
    return model->count;
}

/* The cursor must have come to `rank`, or to an end if that is the count. */
static void came_to(struct run *run, fly_status status, uint32_t rank, bool whole)
{
    WANT(status, rank < run->model.count ? FLY_OK : FLY_E_END, &run->world.err);
    if (rank < run->model.count) {
        cursor_is_at(run, &run->model.entries[rank], whole);
    }
}

static void run_forwards(struct run *run, uint32_t rank, const struct op *op)
{
    struct model *model = &run->model;
    fly_err *err = &run->world.err;
    fly_status status;
    if (op->number % 5 == 0) {
        status = fly_btree_cursor_first(run->cursor, err);
        rank = there_from(model, 0);
    } else {
        status = fly_btree_cursor_seek(run->cursor, key_of(&model->entries[rank]), err);
        rank = there_from(model, rank);
    }
    came_to(run, status, rank, true);
    uint32_t steps = op->number % 3 == 0 ? model->count : op->len % 200;
    while (rank < model->count && steps > 0) {
        steps--;
        rank = there_from(model, rank + 1);
        came_to(run, fly_btree_cursor_next(run->cursor, err), rank, steps % 64 == 0);
    }
}

static void run_backwards(struct run *run, uint32_t rank, const struct op *op)
{
    struct model *model = &run->model;
    fly_err *err = &run->world.err;
    fly_status status;
    bool or_equal = op->number % 2 == 0;
    if (op->number % 5 == 0) {
        status = fly_btree_cursor_last(run->cursor, err);
        rank = there_before(model, model->count);
    } else {
        status =
            fly_btree_cursor_seek_before(run->cursor, key_of(&model->entries[rank]), or_equal, err);
        rank = there_before(model, rank + (or_equal ? 1 : 0));
    }
    came_to(run, status, rank, true);
    uint32_t steps = op->number % 3 == 0 ? model->count : op->len % 200;
    while (rank < model->count && steps > 0) {
        steps--;
        rank = there_before(model, rank);
        came_to(run, fly_btree_cursor_previous(run->cursor, err), rank, steps % 64 == 0);
    }
}

/* Look at what follows, up to some key or to the end, and go on by some of it. */
static uint32_t look_on(struct run *run, uint32_t rank, fly_rng *rng)
{
    struct model *model = &run->model;
    fly_btree_entry entries[20];
    uint32_t end = rank + 1 + (uint32_t)fly_rng_below(rng, model->count - rank);
    fly_bytes end_key = end < model->count ? key_of(&model->entries[end]) : fly_bytes_of(NULL, 0);
    uint32_t n =
        fly_btree_cursor_look(run->cursor, end_key, entries, 1 + (uint32_t)fly_rng_below(rng, 20));
    uint32_t steps = n == 0 ? 0 : 1 + (uint32_t)fly_rng_below(rng, n);
    uint32_t at = rank;
    for (uint32_t i = 0; i < n; i++) {
        rank = there_from(model, rank + 1);
        HOLDS(rank < end);
        HOLDS(entry_is(&entries[i], &model->entries[rank]));
        at = i < steps ? rank : at;
    }
    if (steps > 0) {
        OK(fly_btree_cursor_skip(run->cursor, steps, &run->world.err), &run->world.err);
    }
    cursor_is_at(run, &model->entries[at], false);
    return at;
}

static void run_wander(struct run *run, uint32_t rank, const struct op *op)
{
    struct model *model = &run->model;
    fly_err *err = &run->world.err;
    fly_rng rng;
    fly_rng_init(&rng, op->number);
    fly_status status = fly_btree_cursor_seek(run->cursor, key_of(&model->entries[rank]), err);
    rank = there_from(model, rank);
    came_to(run, status, rank, false);
    uint64_t bias = fly_rng_below(&rng, 3);
    for (uint32_t steps = 0; rank < model->count && steps < op->len % 100; steps++) {
        if (fly_rng_below(&rng, 3) == 0) {
            rank = look_on(run, rank, &rng);
        } else if (fly_rng_below(&rng, 4) <= bias) {
            rank = there_from(model, rank + 1);
            came_to(run, fly_btree_cursor_next(run->cursor, err), rank, false);
        } else {
            rank = there_before(model, rank);
            came_to(run, fly_btree_cursor_previous(run->cursor, err), rank, false);
        }
    }
    if (rank == model->count) { /* beyond an end there is nothing in any direction */
        WANT(fly_btree_cursor_next(run->cursor, err), FLY_E_END, err);
        WANT(fly_btree_cursor_previous(run->cursor, err), FLY_E_END, err);
    }
}

/* ---------------------------------------------------------------------------- running */

static void run_verify(struct run *run)
{
    fly_btree_stats stats;
    world_verify(&run->world, &stats);
    uint64_t there = 0;
    uint64_t blobs = 0;
    for (uint32_t i = 0; i < run->model.count; i++) {
        there += run->model.entries[i].there;
        blobs += run->model.entries[i].there && run->model.entries[i].blob;
    }
    HOLDS(stats.entries == there);
    HOLDS(stats.blobs == blobs);
}

static void run_reopen(struct run *run)
{
    fly_btree_cursor_destroy(run->cursor);
    world_reopen(&run->world);
    run->hint = (fly_btree_hint){0};
    OK(fly_btree_cursor_create(run->world.tree, &run->cursor, &run->world.err), &run->world.err);
}

static void run_op(struct run *run, const struct op *op)
{
    uint32_t rank = run->model.rank[op->key];
    struct model_entry *entry = &run->model.entries[rank];
    switch ((enum kind)op->kind) {
    case PUT:
        run_put(run, entry, op);
        return;
    case UPSERT:
        run_upsert(run, entry, op);
        return;
    case UPSERT_PREFIX:
        run_upsert_prefix(run, entry, op);
        return;
    case DECLINE:
    case FAIL:
        run_decline(run, entry, op->kind == FAIL);
        return;
    case REMOVE:
    case UPSERT_REMOVE:
        run_remove(run, entry, op->kind == UPSERT_REMOVE);
        return;
    case GET:
        run_get(run, entry);
        return;
    case READ:
        run_read(run, entry);
        return;
    case FORWARDS:
        run_forwards(run, rank, op);
        return;
    case BACKWARDS:
        run_backwards(run, rank, op);
        return;
    case WANDER:
        run_wander(run, rank, op);
        return;
    case BLOB_PART:
        run_blob_part(run, entry, op);
        return;
    case VERIFY:
        run_verify(run);
        return;
    default:
        run_reopen(run);
        return;
    }
}

static uint32_t keys_max_of(const struct scenario *scenario)
{
    uint32_t page = scenario->page_size - (scenario->codec ? (uint32_t)CODEC_RESERVE : 0);
    return fly_btree_key_max_of(page);
}

static void run_script(const struct scenario *scenario, const struct op *ops, size_t count)
{
    struct run run = {.scenario = scenario, .buffer_len = BLOB_MAX};
    fly_sim_env_init(&run.sim, NULL);
    OK(world_create(&run.world, &run.sim.env,
                    &(struct world_options){.page_size = scenario->page_size,
                                            .pool_pages = scenario->pool_pages,
                                            .codec = scenario->codec,
                                            .backend = scenario->backend}),
       &run.world.err);
    HOLDS(fly_btree_key_max(run.world.tree) == keys_max_of(scenario));
    model_init(&run.model, scenario->distribution, scenario->keys, keys_max_of(scenario));
    run.buffer = malloc(run.buffer_len);
    run.scratch = malloc(fly_btree_inline_max(run.world.tree, 0));
    HOLDS(run.buffer != NULL && run.scratch != NULL);
    OK(fly_btree_cursor_create(run.world.tree, &run.cursor, &run.world.err), &run.world.err);
    for (size_t i = 0; i < count; i++) {
        run_op(&run, &ops[i]);
    }
    run_verify(&run);
    fly_btree_cursor_destroy(run.cursor);
    world_close(&run.world);
    model_deinit(&run.model);
    free(run.buffer);
    free(run.scratch);
    fly_sim_env_deinit(&run.sim);
}

/* --------------------------------------------------------------------------- making scripts */

static uint32_t make_len(const struct scenario *scenario, fly_rng *rng)
{
    uint32_t entry = scenario->page_size / 4;
    uint64_t roll = fly_rng_below(rng, 100);
    switch (scenario->values) {
    case SMALL:
        return (uint32_t)fly_rng_below(rng, 40);
    case MIXED:
        return (uint32_t)fly_rng_below(rng, roll < 60 ? 30 : roll < 97 ? entry : 3 * entry);
    case LARGEST: /* upserts cut it to what fits */
        return entry;
    default:
        return (uint32_t)fly_rng_below(rng, roll < 50   ? entry
                                            : roll < 98 ? 10 * scenario->page_size
                                                        : (uint32_t)BLOB_MAX);
    }
}

/* Of a hundred operations, in the three phases of a run, so many are of each kind. */
static const uint8_t mix[3][KINDS] = {
    /*         put ups pre dec fai rem upr get rea for bac wan blo ver reo */
    /* grow */ {30, 25, 2, 2, 1, 5, 3, 8, 6, 3, 3, 4, 2, 0, 0},
    /* churn */ {20, 15, 2, 2, 1, 18, 14, 9, 6, 2, 2, 3, 1, 0, 0},
    /* shrink */ {8, 4, 1, 2, 1, 40, 20, 8, 6, 2, 2, 2, 1, 0, 0},
};

static enum kind make_kind(const uint8_t weights[KINDS], fly_rng *rng)
{
    uint32_t total = 0;
    for (int i = 0; i < KINDS; i++) {
        total += weights[i];
    }
    uint64_t roll = fly_rng_below(rng, total);
    int kind = 0;
    while (roll >= weights[kind]) {
        roll -= weights[kind];
        kind++;
    }
    return (enum kind)kind;
}

static size_t make_script(const struct scenario *scenario, uint64_t seed, struct op *ops)
{
    fly_rng rng;
    fly_rng_init(&rng, seed);
    size_t count = 0;
    uint32_t next = 0; /* for keys in order */
    for (uint32_t i = 0; i < scenario->ops; i++) {
        uint32_t phase = i * 8 / scenario->ops;
        phase = phase < 3 ? 0 : phase < 5 ? 1 : phase < 7 ? 2 : 0;
        struct op *op = &ops[count++];
        op->kind = (uint8_t)make_kind(mix[phase], &rng);
        bool in_order = scenario->distribution >= RISING && scenario->distribution <= TENANTS &&
                        phase == 0 && fly_rng_below(&rng, 8) != 0;
        op->key = in_order ? next++ % scenario->keys
                           : (uint32_t)fly_rng_below(&rng, scenario->keys);
        op->number = (uint32_t)fly_rng_next(&rng);
        op->len = make_len(scenario, &rng);
        if (i % 512 == 511) {
            ops[count++] = (struct op){.kind = VERIFY};
        }
        if (i % 2048 == 2047) {
            ops[count++] = (struct op){.kind = REOPEN};
        }
        if (i == scenario->ops * 7 / 8) { /* down to nothing, before it grows again */
            for (uint32_t key = 0; key < scenario->keys; key++) {
                ops[count++] =
                    (struct op){.kind = key % 3 == 0 ? UPSERT_REMOVE : REMOVE, .key = key};
            }
            ops[count++] = (struct op){.kind = VERIFY};
        }
    }
    return count;
}

/* --------------------------------------------------------------------------- shrinking */

/* Run a script in a child, quietly; whether it passes. */
static bool passes(const struct scenario *scenario, const struct op *ops, size_t count)
{
    (void)fflush(NULL);
    pid_t child = fork();
    HOLDS(child >= 0);
    if (child == 0) {
        (void)alarm(20);
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0) {
            (void)dup2(null, 2);
        }
        run_script(scenario, ops, count);
        _exit(0);
    }
    int state = 0;
    HOLDS(waitpid(child, &state, 0) == child);
    return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

/* Leave out ever smaller parts as long as the rest still fails. */
static size_t shrink(const struct scenario *scenario, struct op *ops, size_t count)
{
    struct op *shorter = malloc(count * sizeof *ops);
    HOLDS(shorter != NULL);
    int tries = 400;
    for (size_t part = count / 2; part > 0 && tries > 0; part /= 2) {
        for (size_t from = 0; from < count && tries > 0; tries--) {
            size_t left_out = part < count - from ? part : count - from;
            memcpy(shorter, ops, from * sizeof *ops);
            memcpy(shorter + from, ops + from + left_out, (count - from - left_out) * sizeof *ops);
            if (passes(scenario, shorter, count - left_out)) {
                from += left_out;
            } else {
                count -= left_out;
                memcpy(ops, shorter, count * sizeof *ops);
            }
        }
    }
    free(shorter);
    return count;
}

static void print_script(const struct scenario *scenario, const struct op *ops, size_t count)
{
    (void)fprintf(stderr, "%s keys, pages of %u%s, %zu operations:\n",
                  distribution_names[scenario->distribution], scenario->page_size,
                  scenario->codec ? " with a codec" : "", count);
    for (size_t i = 0; i < count && i < 200; i++) {
        (void)fprintf(stderr, "  %s key %u, number %u, len %u\n", kind_names[ops[i].kind],
                      ops[i].key, ops[i].number, ops[i].len);
    }
}

static void run_seed(void *ctx, uint64_t seed)
{
    const struct scenario *scenario = ctx;
    size_t room = scenario->ops + scenario->ops / 256 + scenario->keys + 16;
    struct op *ops = malloc(room * sizeof *ops);
    HOLDS(ops != NULL);
    size_t count = make_script(scenario, seed, ops);
    HOLDS(count <= room);
    if (!passes(scenario, ops, count)) {
        (void)alarm(0); /* shrinking takes its time */
        count = shrink(scenario, ops, count);
        print_script(scenario, ops, count);
        run_script(scenario, ops, count); /* and say what is wrong */
        abort();
    }
    free(ops);
}

/* ----------------------------------------------------------------------------- tests */

static const struct scenario scenarios[] = {
    {RANDOM_8, 3000, 6000, 4096, 64, false, SMALL, 0},
    {RANDOM_8, 3000, 4000, 8192, 64, false, MIXED, 0},
    {RANDOM_16, 3000, 6000, 4096, 64, true, MIXED, FLY_BUFPOOL_VIRTUAL},
    {RANDOM_16, 1200, 2500, 65536, 16, false, MIXED, 0},
    {RISING, 4000, 6000, 4096, 64, false, SMALL, 0},
    {RISING, 2000, 3000, 8192, 16, true, LARGEST, 0},
    {FALLING, 4000, 6000, 4096, 64, false, SMALL, 0},
    {FALLING, 1500, 3000, 4096, 16, false, MIXED, 0},
    {TENANTS, 4000, 6000, 4096, 64, false, SMALL, 0},
    {URLS, 3000, 6000, 4096, 64, false, MIXED, 0},
    {URLS, 2000, 3000, 65536, 16, true, MIXED, 0},
    {TINY, 5461, 8000, 4096, 64, false, SMALL, 0},
    {TINY, 1365, 4000, 4096, 64, true, MIXED, 0},
    {LENGTHS, 2300, 4000, 4096, 64, false, SMALL, 0},
    {LENGTHS, 2300, 3000, 4096, 16, true, LARGEST, 0},
    {LENGTHS, 4700, 3000, 8192, 64, false, MIXED, 0},
    {LONGEST, 400, 3000, 4096, 64, false, SMALL, 0},
    {LONGEST, 400, 3000, 4096, 64, true, LARGEST, 0},
    {LONGEST, 400, 1500, 8192, 64, false, LARGEST, 0},
    {LONGEST, 300, 800, 65536, 16, false, LARGEST, 0},
    {RANDOM_8, 300, 1200, 4096, 64, false, BLOBS, 0},
    {RANDOM_8, 200, 500, 8192, 64, true, BLOBS, FLY_BUFPOOL_VIRTUAL},
    {RANDOM_8, 60, 250, 65536, 16, false, BLOBS, 0},
};

START_TEST(a_tree_answers_as_a_sorted_list_would)
{
    struct scenario scenario = scenarios[_i];
    scenario.ops /= LESS;
    scenario.keys = scenario.keys / LESS + 1;
    char name[64];
    (void)snprintf(name, sizeof name, "model %d, %s keys", _i,
                   distribution_names[scenario.distribution]);
    ck_assert(fly_test_seeds(name, LESS > 1 ? 1 : 2, run_seed, &scenario));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree model");
    TCase *tests = fly_test_case(suite, "model");
    tcase_add_loop_test(tests, a_tree_answers_as_a_sorted_list_would, 0,
                        sizeof scenarios / sizeof scenarios[0]);
    return fly_test_run(suite);
}
